"""A process ends cleanly whatever of ours is still open: status 0 and nothing on stderr."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAD = """
import sys
import pyorm
from pyorm import Column, Integer, MetaData, String, Table, create_engine, insert, select, text
from pyorm.orm import DeclarativeBase, Mapped, mapped_column

url = sys.argv[1]
engine = create_engine(url)
things = Table("exit_things", MetaData(), Column("id", Integer, primary_key=True), Column("name", String))
with engine.begin() as connection:
    things.drop(connection, checkfirst=True)
    things.create(connection)
    connection.execute(insert(things), [{"id": i, "name": str(i)} for i in range(1000)])

class Base(DeclarativeBase):
    pass

class Thing(Base):
    __tablename__ = "exit_things"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
"""

BODIES = {
    "engine": "",
    "connection": "connection = engine.connect()",
    "transaction": "connection = engine.connect(); connection.execute(things.delete())",
    "savepoint": "connection = engine.connect(); nested = connection.begin_nested()",
    "result": "connection = engine.connect(); result = connection.execute(select(things)); row = result.fetchone()",
    "stream": (
        "connection = engine.connect().execution_options(yield_per=10)\n"
        "result = connection.execute(select(things)); row = next(result.partitions())"
    ),
    "raw connection": "raw = engine.raw_connection(); cursor = raw.cursor(); cursor.execute('SELECT 1')",
    "lost connection": "engine.connect().execute(text('SELECT 1'))",
    "entity": "thing = Thing(id=1, name='x'); keep = [Thing(id=i, name='y') for i in range(100)]",
    "cycle": "connection = engine.connect(); thing = Thing(id=1, name='x'); thing.me = [thing, connection]",
    "module global": (
        "import types; module = types.ModuleType('kept'); sys.modules['kept'] = module\n"
        "module.connection = engine.connect(); module.result = module.connection.execute(select(things))"
    ),
    "object with __del__": (
        "class Late:\n"
        "    def __init__(self): self.connection = engine.connect()\n"
        "    def __del__(self):\n"
        "        try: self.connection.close(); engine.dispose()\n"
        "        except Exception: pass\n"
        "late = Late(); sys.late = late"
    ),
    "atexit": (
        "import atexit; connection = engine.connect()\n"
        "atexit.register(lambda: (connection.execute(text('SELECT 1')).scalar(), connection.close()))"
    ),
    "listener": (
        "from pyorm import event\n"
        "seen = []\n"
        "event.listen(engine, 'checkin', lambda *a: seen.append(a)); connection = engine.connect()"
    ),
    "daemon thread": (
        "import threading\n"
        "started = threading.Event()\n"
        "def work():\n"
        "    with engine.connect() as connection:\n"
        "        started.set()\n"
        "        while True: connection.execute(select(things)).all()\n"
        "threading.Thread(target=work, daemon=True).start(); started.wait()"
    ),
    "sys.exit": "connection = engine.connect(); connection.execute(things.delete()); sys.exit(0)",
    "deleted modules": "connection = engine.connect(); sys.modules.clear()",
}


def run(body: str, url: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    return subprocess.run(
        [sys.executable, *flags, "-c", HEAD + body, url],
        capture_output=True, text=True, timeout=120, check=False,
    )


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_exit_is_clean_when_objects_are_alive(body: str, url: str) -> None:
    done = run(body, url)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["connection", "result", "entity", "daemon thread"])
def test_exit_is_clean_when_python_looks_closely(name: str, url: str) -> None:
    done = run(BODIES[name], url, "-X", "dev", "-W", "error::ResourceWarning:pyorm")

    assert done.returncode == 0, done.stderr
    assert "Fatal" not in done.stderr


FORK = """
import os, warnings
warnings.simplefilter("ignore", DeprecationWarning)
connection = engine.connect()
connection.execute(insert(things), {"id": 5000, "name": "mine"})
result = connection.execute(select(things))
row = result.fetchone()
pid = os.fork()
if pid == 0:
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert len(result.all()) == 1000
connection.commit()
connection.close()
assert engine.connect().execute(text("SELECT count(*) FROM exit_things")).scalar() == 1001
"""


def test_parent_goes_on_when_a_forked_child_exits_like_any_program(url: str) -> None:
    done = run(FORK, url)

    assert (done.returncode, done.stderr) == (0, "")
