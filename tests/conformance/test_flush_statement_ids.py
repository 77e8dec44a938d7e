"""Statements of a flush without parameters are not taken for BEGIN, COMMIT or ROLLBACK, which have none either."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from tools.check_links import ROOT

# Run in a process of its own, as the first statements of a flush that the process makes.
PROGRAM = """
import sys
from pyorm import Column, Integer, create_engine, func, select
from pyorm.orm import Session, declarative_base

Base = declarative_base()
classes = [
    type(f"C{n}", (Base,), {"__tablename__": f"c{n}", "id": Column(Integer, primary_key=True)}) for n in range(4)
]
engine = create_engine(sys.argv[1])
Base.metadata.create_all(engine)
for cls in classes:
    with Session(engine) as session:
        session.add(cls())
        session.commit()
    with Session(engine) as session:
        session.add(cls())
        session.flush()
        session.rollback()
        print(session.scalar(select(func.count()).select_from(cls)), end=" ")
        session.commit()
        print(session.scalar(select(func.count()).select_from(cls)))
"""


def test_rows_of_nothing_but_defaults_are_written_once(db: Any) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROGRAM, db.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)

    assert done.stderr == "" and done.stdout.splitlines() == ["1 1"] * 4
    assert [db.rows(f"SELECT count(*) FROM c{n}") for n in range(4)] == [[("1",)]] * 4
