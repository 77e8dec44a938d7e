"""A rebuild that is killed after any of its statements leaves the old database."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.migrations.operations.lite import ask, contents, objects, script

PROGRAM = """
import os, signal, sys
from pathlib import Path
import pyorm as sa
from pyorm.migrations.ddl import SQLiteImpl
from tests.migrations.operations.lite import migrating

path, left = Path(sys.argv[1]), int(sys.argv[2])
run = SQLiteImpl._exec

def counted(self, *args, **kw):
    global left
    result = run(self, *args, **kw)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

SQLiteImpl._exec = counted
with migrating(path) as op:
    with op.batch_alter_table("t") as batch:
        batch.alter_column("a", nullable=False, new_column_name="name")
        batch.create_unique_constraint("uq_b", ["b"])
        batch.create_index("ix_b", ["b"])
"""

SCHEMA = """
CREATE TABLE u (id INTEGER PRIMARY KEY);
CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT, b INTEGER REFERENCES u (id) ON DELETE CASCADE);
CREATE TABLE child (t_id INTEGER REFERENCES t (id) ON DELETE CASCADE);
CREATE INDEX ix_a ON t (a);
CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET a = a || '!' WHERE id = new.id; END;
CREATE VIEW v AS SELECT a FROM t;
INSERT INTO u VALUES (1), (2);
INSERT INTO t (a, b) VALUES ('x', 1), ('y', 2);
INSERT INTO child VALUES (1), (2);
"""


def state(path: Path) -> object:
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]
    return objects(path), {table: contents(path, table) for table in ("u", "t", "child", "sqlite_sequence")}


def test_a_killed_rebuild_leaves_the_old_database_after_each_statement(tmp_path: Path) -> None:
    path = tmp_path / "crash.db"
    script(path, SCHEMA)
    before = state(path)

    killed = 0
    for left in range(1, 60):
        done = subprocess.run([sys.executable, "-c", PROGRAM, str(path), str(left)], check=False)
        if done.returncode == 0:
            break
        killed += 1
        assert done.returncode == -signal.SIGKILL
        assert state(path) == before, f"after statement {left}"

    assert killed >= 9
    assert state(path) != before
    assert ask(path, "SELECT id, name, b FROM t") == [(1, "x!", 1), (2, "y!", 2)]
    assert ask(path, "SELECT t_id FROM child") == [(1,), (2,)]
    assert ("index", "ix_b") in objects(path)
