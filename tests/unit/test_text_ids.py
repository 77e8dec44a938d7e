"""The numbers of texts: a statement of a flush is never taken for one of the driver's own."""

from __future__ import annotations

import subprocess
import sys

from pyorm import create_engine, text
from tests.conftest import Database

PROGRAM = """
import sys
from pyorm import Column, Integer, create_engine, func, select
from pyorm.orm import Session, declarative_base

Base = declarative_base()
make = lambda name: type(name, (Base,), {
    "__tablename__": name, "id": Column(Integer, primary_key=True), "n": Column(Integer, server_default="7")})
One, Two, Three = make("one"), make("two"), make("three")
engine = create_engine(sys.argv[1], pool_size=1, max_overflow=0)
Base.metadata.create_all(engine)
for cls in (One, Two, Three, One, Two, Three):
    for commit in (False, True):
        with Session(engine) as session:
            made = cls()
            session.add(made)
            session.flush()
            assert made.n == 7
            if commit:
                session.commit()
with Session(engine) as session:
    print([session.scalar(select(func.count()).select_from(cls)) for cls in (One, Two, Three)])
"""


def test_first_statements_without_parameters_are_not_commit_or_rollback(pg_db: Database) -> None:
    """In a process of its own: its first texts have the first numbers."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, pg_db.url], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout.strip()) == (0, "[2, 2, 2]"), done.stderr
    engine = create_engine(pg_db.url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT last_value FROM one_id_seq")) == 4
    engine.dispose()
