"""A batch of random changes leaves what the same changes leave one by one."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pyorm as sa
from tests.migrations.operations.lite import ask, migrating, script

EXAMPLES = int(os.environ.get("PYORM_REBUILD_EXAMPLES", "40"))

SCHEMA = """
CREATE TABLE u (id INTEGER PRIMARY KEY);
CREATE TABLE t (
    id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INTEGER DEFAULT 3, c TEXT COLLATE NOCASE, d INTEGER,
    CONSTRAINT uq UNIQUE (a, b), CONSTRAINT ck CHECK (b > 0), CONSTRAINT fk FOREIGN KEY (d) REFERENCES u (id)
);
CREATE INDEX ix_c ON t (c);
CREATE INDEX ix_bd ON t (b, d) WHERE d > 0;
CREATE VIEW v AS SELECT id, a FROM t;
INSERT INTO u VALUES (1), (2);
INSERT INTO t VALUES (1, 'x', 1, 'p', 1), (4, 'y', 2, NULL, 2), (9, 'z', 3, 'q', NULL);
"""

KINDS = ("null", "default", "rename", "add", "unique", "check", "index", "drop", "constraint")


@st.composite
def programs(draw: st.DrawFn) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Calls of batch methods; a column is named as it is called by then."""
    names = {key: key for key in "abcd"}
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
    for number in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(KINDS))
        key = draw(st.sampled_from(sorted(names)))
        name = names[key]
        if kind == "null":
            calls.append(("alter_column", (name,), {"nullable": True}))
        elif kind == "default":
            default = draw(st.sampled_from([None, "7", sa.text("1+1")]))
            calls.append(("alter_column", (name,), {"server_default": default}))
        elif kind == "rename":
            names[key] = f"{key}{number}"
            calls.append(("alter_column", (name,), {"new_column_name": names[key], "nullable": True}))
        elif kind == "add":
            calls.append(("add_column", (f"new{number}",), {"server_default": draw(st.sampled_from([None, "4"]))}))
        elif kind == "unique":
            calls.append(("create_unique_constraint", (f"uq{number}", ["id", name]), {}))
        elif kind == "check":
            calls.append(("create_check_constraint", (f"ck{number}", f'"{name}" IS NOT 99'), {}))
        elif kind == "index":
            calls.append(("create_index", (f"ix{number}", [name]), {}))
        elif kind == "constraint" and not any(call[0] == "drop_constraint" for call in calls):
            calls.append(("drop_constraint", ("fk",), {"type_": "foreignkey"}))
        elif kind == "drop" and key in "cd":
            del names[key]
            if key == "d":
                calls.append(("drop_index", ("ix_bd",), {}))
            calls.append(("drop_column", (name,), {}))
    return [call for call in calls if not _is_late(call, calls)]


def _is_late(call: Any, calls: list[Any]) -> bool:
    """Whether a call drops the key `fk` after its column went, or an index twice."""
    dropped = next((i for i, other in enumerate(calls) if other[0] == "drop_column" and other[1][0][0] == "d"), None)
    if call[0] == "drop_constraint" and dropped is not None:
        return calls.index(call) > dropped
    return False


def call(target: Any, name: str, args: tuple[Any, ...], kw: dict[str, Any]) -> None:
    if name == "add_column":
        target.add_column(sa.Column(args[0], sa.Integer, **kw))
    else:
        getattr(target, name)(*args, **kw)


def state(path: Path) -> dict[str, Any]:
    indexes = {}
    for row in ask(path, "PRAGMA index_list(t)"):
        indexes[tuple(part[2] for part in ask(path, f"PRAGMA index_info('{row[1]}')"))] = row[2:]
    names = [row[1] for row in ask(path, "PRAGMA table_xinfo(t)")]
    listed = ", ".join(f'"{name}"' for name in names)
    text = ask(path, "SELECT sql FROM sqlite_master WHERE name = 't'")[0][0].lower()
    return {
        "columns": [row[1:] for row in ask(path, "PRAGMA table_xinfo(t)")],
        "keys": sorted(row[2:] for row in ask(path, "PRAGMA foreign_key_list(t)")),
        "indexes": indexes,
        "rows": ask(path, f"SELECT rowid, {listed} FROM t ORDER BY id"),
        "words": [text.count(word) for word in ("check", "unique", "collate", "constraint")],
        "view": ask(path, "SELECT * FROM v"),
        "sound": ask(path, "PRAGMA integrity_check"),
    }


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=programs())
def test_a_batch_leaves_what_its_changes_leave_one_by_one(program: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        together, apart = Path(directory) / "together.db", Path(directory) / "apart.db"
        script(together, SCHEMA)
        shutil.copy(together, apart)

        with migrating(together) as op, op.batch_alter_table("t") as batch:
            for name, args, kw in program:
                call(batch, name, args, kw)
        with migrating(apart) as op:
            for name, args, kw in program:
                with op.batch_alter_table("t") as batch:
                    call(batch, name, args, kw)

        assert state(together) == state(apart)
        assert state(together)["sound"] == [("ok",)]
