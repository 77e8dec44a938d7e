"""A process ends cleanly while Sessions are open: status 0, nothing on stderr, nothing half written."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.exit.test_interpreter_exit import HEAD

SESSION = """
from pyorm import event, inspect
from pyorm.orm import Session, scoped_session, sessionmaker
session = Session(engine)
first = session.get(Thing, 1)
"""

BODIES = {
    "session": "",
    "pending": "session.add_all([Thing(id=5000 + i, name='pending') for i in range(100)])",
    "flushed": "session.add(Thing(id=5000, name='flushed')); session.flush()",
    "changed": "first.name = 'changed'; session.delete(session.get(Thing, 2))",
    "nested": "session.add(Thing(id=5000, name='flushed')); nested = session.begin_nested(); first.name = 'x'",
    "block": "block = session.begin_nested().__enter__(); first.name = 'x'; session.flush(); sys.exit(0)",
    "expired": "session.expire_all(); state = inspect(first)",
    "result": "result = session.scalars(select(Thing)); one = next(iter(result))",
    "stream": (
        "result = session.scalars(select(Thing), execution_options={'yield_per': 10})\n"
        "some = next(result.partitions()); session.add(Thing(id=5000, name='pending'))"
    ),
    "query": "rows = iter(session.query(Thing).yield_per(5)); row = next(rows)",
    "failed flush": (
        "session.add(Thing(id=3, name='taken'))\n"
        "try: session.flush()\n"
        "except Exception as error: kept = error"
    ),
    "scoped": "maker = scoped_session(sessionmaker(engine)); maker.add(Thing(id=5000, name='x')); maker.flush()",
    "cycle": (
        "first.__dict__['me'] = [first, session]; session.info['me'] = session\n"
        "session.add(Thing(id=5000, name='x'))"
    ),
    "listener": (
        "event.listen(session, 'after_rollback', lambda s: None)\n"
        "event.listen(session, 'before_flush', lambda s, *a: s.info.update(me=s))\n"
        "session.add(Thing(id=5000, name='x')); session.flush()"
    ),
    "module": "import types; kept = types.ModuleType('kept'); sys.modules['kept'] = kept; kept.all = [session, first]",
    "object with __del__": (
        "class Late:\n"
        "    def __del__(self):\n"
        "        try: self.session.commit(); self.session.close()\n"
        "        except Exception: pass\n"
        "late = Late(); late.session = session; session.add(Thing(id=5000, name='x')); sys.late = late"
    ),
    "entity with __del__": (
        "def goodbye(self):\n"
        "    try: self.name\n"
        "    except Exception: pass\n"
        "Thing.__del__ = goodbye; session.expire_all()"
    ),
    "atexit": "import atexit; session.add(Thing(id=5000, name='x')); atexit.register(session.close)",
    "thread": (
        "import threading\n"
        "started = threading.Event()\n"
        "def work():\n"
        "    mine = Session(engine)\n"
        "    while True:\n"
        "        mine.execute(select(Thing)).all(); started.set(); mine.rollback()\n"
        "threading.Thread(target=work, daemon=True).start(); started.wait()"
    ),
    "deleted modules": "session.add(Thing(id=5000, name='x')); session.flush(); sys.modules.clear()",
}  # fmt: skip
COUNT = """
from pyorm import create_engine, text
import sys
engine = create_engine(sys.argv[1])
with engine.connect() as connection:
    print(connection.execute(text("SELECT count(*), sum(id), count(CASE WHEN name = id || '' THEN 1 END)"
                                  " FROM exit_things")).one())
engine.dispose()
"""


def run(body: str, url: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    return subprocess.run(
        [sys.executable, *flags, "-c", body, url], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_exit_is_clean_when_a_session_is_open(body: str, url: str) -> None:
    done = run(HEAD + SESSION + body, url)

    assert (done.returncode, done.stderr) == (0, "")
    if "commit" not in body:
        counted = run(COUNT, url)
        assert counted.stdout.strip() == "(1000, 499500, 1000)", counted.stderr


@pytest.mark.parametrize("name", ["pending", "flushed", "nested", "stream", "failed flush", "cycle", "listener"])
def test_exit_of_a_session_is_clean_when_python_looks_closely(name: str, url: str) -> None:
    done = run(HEAD + SESSION + BODIES[name], url, "-X", "dev", "-W", "error::ResourceWarning:pyorm")

    assert done.returncode == 0, done.stderr
    assert "Fatal" not in done.stderr
