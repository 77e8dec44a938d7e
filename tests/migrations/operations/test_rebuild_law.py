"""For random tables, rows, keys, triggers, views and indexes, and a random change: all else is equal afterwards."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import pyorm as sa
from pyorm.migrations.operations import sqltext
from pyorm.migrations.operations.tabletext import parse
from tests.migrations.operations.lite import ask, contents, migrating, objects, script

EXAMPLES = int(os.environ.get("PYORM_REBUILD_EXAMPLES", "16"))  # of each kind of change
SEEN: Counter[str] = Counter()

NAMES = ("a", "b", "Select", "d e", "f")
TYPES = ("INTEGER", "TEXT", "VARCHAR(10)", "NUMERIC(8, 2)", "REAL", "BLOB")
TOUCH, PURGE = "UPDATE parent SET n = n || '.'", "DELETE FROM t WHERE parent_id"
VALUES = st.one_of(st.none(), st.integers(-5, 5), st.sampled_from(["x", "it's", "", "ü,(--"]), st.just(b"\x00\xff"))


@dataclass
class Schema:
    """A random database: statements that make it, and what the changed table has."""

    statements: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)


def quoted(name: str) -> str:
    return sqltext.quoted(name)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """A table `t` that refers to `parent` and to itself, a `child` that refers to it, and what depends on them."""
    made = Schema(
        ["CREATE TABLE parent (id INTEGER PRIMARY KEY, n TEXT)", "INSERT INTO parent VALUES (1, 'p'), (2, 'q')"]
    )
    columns = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    key = draw(st.sampled_from(["INTEGER PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT PRIMARY KEY"]))
    parts = [f"id {key}"]
    for name in columns:
        text = f"{quoted(name)} {draw(st.sampled_from(TYPES))}"
        text += draw(st.sampled_from(["", " DEFAULT 3", " DEFAULT 'it''s'", " DEFAULT (1 + 1)", " /* , */"]))
        text += draw(st.sampled_from(["", " COLLATE NOCASE"]))
        if draw(st.booleans()):
            made.checks.append(f"ck {name}")
            text += f" CONSTRAINT {quoted(f'ck {name}')} CHECK (typeof({quoted(name)}) <> 'none')"
        parts.append(text)
    parts.append("parent_id INTEGER REFERENCES parent (id) ON DELETE CASCADE")
    parts.append("self_id INTEGER CONSTRAINT fk_self REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED")
    if draw(st.booleans()):
        parts.append(f"made AS (coalesce({quoted(columns[0])}, 1)) {draw(st.sampled_from(['STORED', 'VIRTUAL']))}")
        SEEN["generated"] += 1
    if draw(st.booleans()):
        parts.append(f"CHECK (t.id IS NOT {quoted(columns[0])} OR 1)")
    tail = draw(st.sampled_from(["", "", " WITHOUT ROWID"])) if "AUTOINCREMENT" not in key else ""
    SEEN[f"tail{tail}"] += 1
    made.columns = columns
    made.statements.append(f"CREATE TABLE t ({', '.join(parts)}){tail}")
    made.statements.append("CREATE TABLE child (t_id REFERENCES t (id) ON DELETE CASCADE, x)")
    _add_dependents(draw, made)
    return made


def _add_dependents(draw: st.DrawFn, made: Schema) -> None:
    first = quoted(made.columns[0])
    for sql, kind in (
        (f"CREATE INDEX ix_one ON t ({first} DESC, parent_id)", "index"),
        (f"CREATE INDEX ix_expr ON t (length({first})) WHERE parent_id > 0", "partial index"),
        (f"CREATE VIEW v AS SELECT t.id, p.n, t.{first} FROM t JOIN parent p ON p.id = t.parent_id", "view"),
        (f"CREATE TRIGGER tr_own AFTER UPDATE ON t BEGIN {TOUCH} WHERE id = new.parent_id; END", "trigger"),
        (f"CREATE TRIGGER tr_other AFTER DELETE ON parent BEGIN {PURGE} = old.id; END", "other trigger"),
    ):
        if draw(st.booleans()):
            SEEN[kind] += 1
            made.statements.append(sql)


def fill(path: Path, schema: Schema, rows: list[list[Any]]) -> None:
    import sqlite3

    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    for number, values in enumerate(rows):
        names = ", ".join(["id", *map(quoted, schema.columns), "parent_id", "self_id"])
        marks = ", ".join("?" * (len(schema.columns) + 3))
        key = number * 3 + 1
        given_values = [key, *values[: len(schema.columns)], number % 2 + 1, key if number % 2 else None]
        connection.execute(f"INSERT INTO t ({names}) VALUES ({marks})", given_values)
        connection.execute("INSERT INTO child VALUES (?, ?)", (key, number))
    connection.commit()
    connection.close()


# A kind of change → what does it; it gets the operations, a column's name and the name of one of the checks.
CHANGES: dict[str, Callable[[Any, str, str], None]] = {
    "default": lambda op, column, check: op.alter_column("t", column, server_default="7"),
    "no default": lambda op, column, check: op.alter_column("t", column, server_default=None),
    "type": lambda op, column, check: op.alter_column("t", column, type_=sa.Text()),
    "not null": lambda op, column, check: op.alter_column("t", "parent_id", nullable=False),
    "add": lambda op, column, check: op.add_column("t", sa.Column("new", sa.Integer, server_default=sa.text("2 + 3"))),
    "add plain": lambda op, column, check: op.add_column("t", sa.Column("new", sa.Integer, sa.ForeignKey("parent.id"))),
    "unique": lambda op, column, check: op.create_unique_constraint("uq_new", "t", ["id", column]),
    "check": lambda op, column, check: op.create_check_constraint("ck_new", "t", "id IS NOT NULL"),
    "foreign key": lambda op, column, check: op.create_foreign_key("fk_new", "t", "parent", ["parent_id"], ["id"]),
    "drop key": lambda op, column, check: op.drop_constraint("fk_self", "t"),
    "drop check": lambda op, column, check: op.drop_constraint(check, "t"),
    "rename": lambda op, column, check: op.alter_column("t", column, new_column_name="renamed"),
    "recreate": lambda op, column, check: _recreate(op),
}


def _recreate(op: Any) -> None:
    with op.batch_alter_table("t", recreate="always"):
        pass


def check_all_else_is_equal(kind: str, data: st.DataObject) -> None:
    schema = data.draw(schemas())
    rows = data.draw(st.lists(st.lists(VALUES, min_size=4, max_size=4), max_size=5))
    column = data.draw(st.sampled_from(schema.columns))
    check = data.draw(st.sampled_from(schema.checks)) if schema.checks else ""
    assume(check or kind != "drop check")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "law.db"
        script(path, ";\n".join(schema.statements))
        fill(path, schema, rows)
        before, tables = objects(path), {name: contents(path, name) for name in ("parent", "child")}
        old_rows, counter = _named_rows(path), _counter(path)

        with migrating(path) as op:
            CHANGES[kind](op, column, check)

        SEEN[kind] += 1
        assert ask(path, "PRAGMA integrity_check") == [("ok",)]
        assert ask(path, "PRAGMA foreign_key_check") == []
        assert {name: contents(path, name) for name in tables} == tables
        assert _counter(path) == counter
        _compare_rows(old_rows, _named_rows(path), kind, column)
        _compare_objects(before, objects(path), kind, column)


def _counter(path: Path) -> list[Any]:
    has = ask(path, "SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'")[0][0]
    return ask(path, "SELECT * FROM sqlite_sequence") if has else []


def _named_rows(path: Path) -> list[dict[str, Any]]:
    names = [row[1] for row in ask(path, "PRAGMA table_xinfo(t)")]
    listed = ", ".join(map(quoted, names))
    return [dict(zip(names, row, strict=True)) for row in ask(path, f"SELECT {listed} FROM t ORDER BY id")]


def _compare_rows(old: list[dict[str, Any]], new: list[dict[str, Any]], kind: str, column: str) -> None:
    if kind == "rename":
        old = [{("renamed" if name == column else name): value for name, value in row.items()} for row in old]
    assert len(old) == len(new)
    for was, now in zip(old, new, strict=True):
        assert now.pop("new", None) == (5 if kind == "add" else None)
        for name in was:
            if kind == "type" and name in (column, "made"):
                assert str(was[name]) == str(now[name])
            else:
                assert (type(was[name]), was[name]) == (type(now[name]), now[name])


def _compare_objects(old: dict[Any, str], new: dict[Any, str], kind: str, column: str) -> None:
    assert set(old) == set(new)
    if kind == "rename":
        return
    others = [key for key in old if key != ("table", "t")]
    assert {key: new[key] for key in others} == {key: old[key] for key in others}
    was, now = parse(old["table", "t"]), parse(new["table", "t"])
    changed = {"default", "no default", "type", "drop check"}
    for part in was.columns:
        present = now.find(part.name)
        assert present is not None
        about = part.name == column and kind in changed
        about |= (kind, part.name) in {("not null", "parent_id"), ("drop key", "self_id")} or kind == "drop check"
        if not about:
            assert present.write() == part.write()
    kept = [clause.text.replace("t.id", "id") for clause in was.constraints]
    assert [clause.text.replace("t.id", "id") for clause in now.constraints][: len(kept)] == kept
    assert now.options() == was.options()


def test_all_else_is_equal_after_a_random_change_of_a_random_table() -> None:
    SEEN.clear()

    for kind in CHANGES:
        law = given(kind=st.just(kind), data=st.data())(check_all_else_is_equal)
        settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))(law)()

    for kind in ("generated", "index", "partial index", "view", "trigger", "other trigger", "tail WITHOUT ROWID"):
        assert SEEN[kind] >= EXAMPLES, SEEN
    for kind in CHANGES:
        assert SEEN[kind] >= EXAMPLES // 2, SEEN
