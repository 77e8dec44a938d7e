"""Writes which changes of a schema autogenerate finds, by Alembic and by pyorm: the table of docs/migrations.md.

    python tools/found_changes.py --url postgresql:///scratch [--write docs/migrations.md]

Each change is a pair of models. The first is created in the database, inside a transaction that is
rolled back, and autogenerate compares it with the second: once with each library, each in a
process of its own, with its default options. Needs both libraries; nothing of it runs in the tests.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- found changes: begin -->", "<!-- found changes: end -->"

Build = Callable[[Any, Any, Any, bool], None]
CHANGES: list[tuple[str, str, Build]] = []


def change(title: str, wanted: str = "") -> Callable[[Build], Build]:
    """Register a pair of models.

    Args:
        title: what changes.
        wanted: a verb that the differences must have; any difference counts otherwise.
    """

    def register(build: Build) -> Build:
        CHANGES.append((title, wanted, build))
        return build

    return register


def table(sa: Any, metadata: Any, *items: Any, name: str = "t", **kw: Any) -> Any:
    """Make the table that a change is about, with a key in front."""
    return sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True), *items, **kw)


def column_pair(title: str, before: Any, after: Any, wanted: str = "") -> None:
    """Register a change of a column `x`, given as functions of (sa, pg)."""

    @change(title, wanted)
    def build(sa: Any, pg: Any, metadata: Any, is_after: bool) -> None:
        table(sa, metadata, *((after if is_after else before)(sa, pg)))


def col(name: str, type_: Any, **kw: Any) -> Any:
    """Return a function that makes one column."""
    return lambda sa, pg: [sa.Column(name, type_(sa, pg), **{k: v(sa) if callable(v) else v for k, v in kw.items()})]


def none(sa: Any, pg: Any) -> list[Any]:
    """Make no column."""
    del sa, pg
    return []


def INT(sa: Any, pg: Any) -> Any:
    return sa.Integer()


def TEXT(sa: Any, pg: Any) -> Any:
    return sa.Text()


@change("nothing (a difference would be noise)", "-")
def _nothing(sa: Any, pg: Any, metadata: Any, is_after: bool) -> None:
    del is_after
    made = table(
        sa, metadata,
        sa.Column("a", sa.String(20), server_default="a", nullable=False, index=True),
        sa.Column("b", sa.Numeric(10, 2), server_default=sa.text("0"), comment="b"),
        sa.Column("c", sa.DateTime(timezone=True), server_default=sa.func.now()),
        sa.Column("d", sa.Boolean, server_default=sa.true()),
        sa.Column("e", sa.Enum("p", "q", name="pq")),
        sa.Column("f", sa.Integer, sa.Computed("id * 2", persisted=True)),
        sa.CheckConstraint("a IN ('a', 'b')", name="ck"),
        comment="t",
    )  # fmt: skip
    sa.Index("ix_lower", sa.func.lower(made.c.a), postgresql_where=made.c.id > 5)
    del pg


@change("table added")
def _table_added(sa: Any, pg: Any, metadata: Any, is_after: bool) -> None:
    if is_after:
        table(sa, metadata)


@change("table removed")
def _table_removed(sa: Any, pg: Any, metadata: Any, is_after: bool) -> None:
    if not is_after:
        table(sa, metadata)


@change("table renamed", "rename_table")
def _table_renamed(sa: Any, pg: Any, metadata: Any, is_after: bool) -> None:
    table(sa, metadata, sa.Column("a", sa.Text), sa.Column("b", sa.Integer), name="people" if is_after else "persons")


column_pair("column added", none, col("x", INT))
column_pair("column removed", col("x", INT), none)
column_pair("column renamed", col("x_name", TEXT, nullable=False), col("name", TEXT, nullable=False), "modify_name")
column_pair("NOT NULL", col("x", INT), col("x", INT, nullable=False))
column_pair("type", col("x", INT), col("x", TEXT))
column_pair("length of a text", col("x", lambda sa, pg: sa.String(5)), col("x", lambda sa, pg: sa.String(9)))
column_pair(
    "precision of a number", col("x", lambda sa, pg: sa.Numeric(5, 2)), col("x", lambda sa, pg: sa.Numeric(9, 2))
)
column_pair("scale of a number", col("x", lambda sa, pg: sa.Numeric(9)), col("x", lambda sa, pg: sa.Numeric(9, 4)))
column_pair("time zone", col("x", lambda sa, pg: sa.DateTime()), col("x", lambda sa, pg: sa.DateTime(timezone=True)))
column_pair(
    "element of an array", col("x", lambda sa, pg: pg.ARRAY(sa.Integer)), col("x", lambda sa, pg: pg.ARRAY(sa.Text))
)
column_pair("json to jsonb", col("x", lambda sa, pg: pg.JSON()), col("x", lambda sa, pg: pg.JSONB()))
column_pair("collation", col("x", TEXT), col("x", lambda sa, pg: sa.Text(collation="C")))
column_pair("server default added", col("x", INT), col("x", INT, server_default="5"))
column_pair("server default changed", col("x", INT, server_default="5"), col("x", INT, server_default="6"))
column_pair("server default removed", col("x", INT, server_default="5"), col("x", INT))
column_pair(
    "server default, expression",
    col("x", lambda sa, pg: sa.DateTime(), server_default=lambda sa: sa.text("now()")),
    col("x", lambda sa, pg: sa.DateTime(), server_default=lambda sa: sa.text("now() + interval '1 day'")),
)
column_pair("comment of a column", col("x", INT), col("x", INT, comment="new"))
column_pair(
    "identity added",
    col("x", INT, nullable=False),
    lambda sa, pg: [sa.Column("x", sa.Integer, sa.Identity(), nullable=False)],
)
column_pair(
    "identity options",
    lambda sa, pg: [sa.Column("x", sa.Integer, sa.Identity(increment=1))],
    lambda sa, pg: [sa.Column("x", sa.Integer, sa.Identity(increment=5))],
)
column_pair(
    "generated column: expression",
    lambda sa, pg: [sa.Column("x", sa.Integer, sa.Computed("id * 2", persisted=True))],
    lambda sa, pg: [sa.Column("x", sa.Integer, sa.Computed("id * 3", persisted=True))],
)
column_pair(
    "plain to generated column", col("x", INT), lambda sa, pg: [sa.Column("x", sa.Integer, sa.Computed("id * 3"))]
)
column_pair(
    "enum: value added",
    col("x", lambda sa, pg: sa.Enum("a", "b", name="kind")),
    col("x", lambda sa, pg: sa.Enum("a", "b", "c", name="kind")),
)
column_pair(
    "enum: value removed",
    col("x", lambda sa, pg: sa.Enum("a", "b", name="kind")),
    col("x", lambda sa, pg: sa.Enum("a", name="kind")),
)
column_pair(
    "enum: value renamed",
    col("x", lambda sa, pg: sa.Enum("a", "colour", name="kind")),
    col("x", lambda sa, pg: sa.Enum("a", "color", name="kind")),
    "rename_enum_value",
)
column_pair(
    "enum: order of values",
    col("x", lambda sa, pg: sa.Enum("a", "b", name="kind")),
    col("x", lambda sa, pg: sa.Enum("b", "a", name="kind")),
)
column_pair(
    "enum as VARCHAR with CHECK: value added",
    col("x", lambda sa, pg: sa.Enum("a", "b", name="kind", native_enum=False, create_constraint=True, length=9)),
    col("x", lambda sa, pg: sa.Enum("a", "b", "c", name="kind", native_enum=False, create_constraint=True, length=9)),
)


@change("primary key changed")
def _primary_key(sa: Any, pg: Any, metadata: Any, is_after: bool) -> None:
    sa.Table(
        "t", metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("x", sa.Integer, primary_key=is_after, nullable=False, autoincrement=False),
    )  # fmt: skip


def constraint(title: str, make: Callable[[Any, Any, bool], Any], wanted: str = "") -> None:
    """Register a change of a table with columns a, b and s, whose constraint `make` makes (None: none)."""

    @change(title, wanted)
    def build(sa: Any, pg: Any, metadata: Any, is_after: bool) -> None:
        sa.Table("o", metadata, sa.Column("id", sa.Integer, primary_key=True))
        items = [sa.Column("a", sa.Integer), sa.Column("b", sa.Integer), sa.Column("s", pg.INT4RANGE)]
        if metadata.info["dialect"] == "sqlite":
            items.pop()
        made = make(sa, pg, is_after)
        table(sa, metadata, *items, *([] if made is None else [made]))


def unique(sa: Any, pg: Any, is_after: bool, **kw: Any) -> Any:
    return sa.UniqueConstraint("a", "b", name="uq", **kw) if is_after else sa.UniqueConstraint("a", "b", name="uq")


def foreign(sa: Any, is_after: bool, **kw: Any) -> Any:
    return sa.ForeignKeyConstraint(["a"], ["o.id"], name="fk", **(kw if is_after else {}))


constraint("unique constraint added", lambda sa, pg, a: sa.UniqueConstraint("a", name="uq") if a else None)
constraint("unique constraint: columns", lambda sa, pg, a: sa.UniqueConstraint(*("ab" if a else "a"), name="uq"))
constraint("unique constraint, unnamed, added", lambda sa, pg, a: sa.UniqueConstraint("a") if a else None)
constraint(
    "unique constraint: INCLUDE",
    lambda sa, pg, a: sa.UniqueConstraint("a", name="uq", **({"postgresql_include": ["b"]} if a else {})),
)
constraint(
    "unique constraint: NULLS NOT DISTINCT", lambda sa, pg, a: unique(sa, pg, a, postgresql_nulls_not_distinct=True)
)
constraint("unique constraint: DEFERRABLE", lambda sa, pg, a: unique(sa, pg, a, deferrable=True))
constraint("foreign key added", lambda sa, pg, a: foreign(sa, a) if a else None)
constraint("foreign key: ON DELETE", lambda sa, pg, a: foreign(sa, a, ondelete="CASCADE"))
constraint("foreign key: DEFERRABLE", lambda sa, pg, a: foreign(sa, a, deferrable=True, initially="DEFERRED"))
constraint("foreign key: MATCH", lambda sa, pg, a: foreign(sa, a, match="FULL"))
constraint("check added, named", lambda sa, pg, a: sa.CheckConstraint("a > 5", name="ck") if a else None)
constraint("check added, unnamed", lambda sa, pg, a: sa.CheckConstraint("a > 5") if a else None)
constraint("check: text", lambda sa, pg, a: sa.CheckConstraint("a > 6" if a else "a > 5", name="ck"))
constraint("check removed", lambda sa, pg, a: None if a else sa.CheckConstraint("a > 5", name="ck"))
constraint("constraint renamed", lambda sa, pg, a: sa.CheckConstraint("a > 5", name="ck_b" if a else "ck_a"))
constraint("EXCLUDE added", lambda sa, pg, a: pg.ExcludeConstraint(("s", "&&"), name="ex") if a else None)
constraint("EXCLUDE: operator", lambda sa, pg, a: pg.ExcludeConstraint(("s", "&&" if a else "="), name="ex"))


def index(title: str, make: Callable[[Any, Any, bool], Any], wanted: str = "") -> None:
    """Register a change of an index, which `make` makes from (sa, table, is_after)."""

    @change(title, wanted)
    def build(sa: Any, pg: Any, metadata: Any, is_after: bool) -> None:
        make(sa, table(sa, metadata, sa.Column("a", sa.Text), sa.Column("b", sa.Text)), is_after)


index("index added", lambda sa, t, a: sa.Index("ix", t.c.a) if a else None)
index("index: columns", lambda sa, t, a: sa.Index("ix", *([t.c.a, t.c.b] if a else [t.c.a])))
index("index: UNIQUE", lambda sa, t, a: sa.Index("ix", t.c.a, unique=a))
index("index: order of a column", lambda sa, t, a: sa.Index("ix", t.c.a.desc() if a else t.c.a))
index("index: expression", lambda sa, t, a: sa.Index("ix", sa.func.lower(t.c.a) if a else sa.func.upper(t.c.a)))
index(
    "index: predicate",
    lambda sa, t, a: sa.Index(
        "ix", t.c.a, postgresql_where=t.c.id > (6 if a else 5), sqlite_where=t.c.id > (6 if a else 5)
    ),
)
index("index: method", lambda sa, t, a: sa.Index("ix", t.c.a, postgresql_using="hash" if a else "btree"))
index(
    "index: operator class",
    lambda sa, t, a: sa.Index("ix", t.c.a, postgresql_ops={"a": "text_pattern_ops"} if a else {}),
)
index("index: INCLUDE", lambda sa, t, a: sa.Index("ix", t.c.a, postgresql_include=["b"] if a else []))
index(
    "index: NULLS NOT DISTINCT",
    lambda sa, t, a: sa.Index("ix", t.c.a, unique=True, **({"postgresql_nulls_not_distinct": True} if a else {})),
)
index(
    "index: storage parameters",
    lambda sa, t, a: sa.Index("ix", t.c.a, **({"postgresql_with": {"fillfactor": 70}} if a else {})),
)
index("index renamed", lambda sa, t, a: sa.Index("ix_b" if a else "ix_a", t.c.a), "rename_index")


@change("comment of a table")
def _comment(sa: Any, pg: Any, metadata: Any, is_after: bool) -> None:
    table(sa, metadata, comment="new" if is_after else None)


@change("sequence added")
def _sequence(sa: Any, pg: Any, metadata: Any, is_after: bool) -> None:
    table(sa, metadata)
    if is_after:
        sa.Sequence("numbers", metadata=metadata)


@change("sequence options")
def _sequence_options(sa: Any, pg: Any, metadata: Any, is_after: bool) -> None:
    table(sa, metadata)
    sa.Sequence("numbers", increment=5 if is_after else 1, metadata=metadata)


@change("schema added", "add_schema")
def _schema(sa: Any, pg: Any, metadata: Any, is_after: bool) -> None:
    if is_after:
        table(sa, metadata, schema="side")


ONLY_POSTGRESQL = (
    "time zone", "array", "jsonb", "comment", "identity", "INCLUDE", "NULLS NOT", "MATCH", "EXCLUDE", "sequence",
    "schema", "enum: ", "method", "operator class", "storage", "server default, expression", "DEFERRABLE", "collation",
)  # fmt: skip


def judge(library: str, url: str) -> dict[str, str]:
    """Return what a library makes of each change: "found", "missed", "drop + add", or its error."""
    sa = importlib.import_module(library)
    pg = importlib.import_module(f"{library}.dialects.postgresql")
    root = "alembic" if library == "sqlalchemy" else "pyorm.migrations"
    autogenerate = importlib.import_module(f"{root}.autogenerate")
    context_class = importlib.import_module(f"{root}.runtime.migration").MigrationContext
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:") if library == "sqlalchemy" else url)
    found: dict[str, str] = {}
    for title, wanted, build in CHANGES:
        if engine.dialect.name == "sqlite" and any(word in title for word in ONLY_POSTGRESQL):
            continue
        with engine.connect() as connection:
            try:
                found[title] = _judge_one(sa, pg, autogenerate, context_class, connection, wanted, build)
            except Exception as error:  # what a library cannot do is part of the answer
                found[title] = f"{type(error).__name__}"
                print(library, title, error, file=sys.stderr)
            connection.rollback()
    return found


def _judge_one(
    sa: Any, pg: Any, autogenerate: Any, context_class: Any, connection: Any, wanted: str, build: Build
) -> str:
    dialect = {"dialect": connection.dialect.name}
    before, after = sa.MetaData(info=dialect), sa.MetaData(info=dialect)
    build(sa, pg, before, False)
    build(sa, pg, after, True)
    before.create_all(connection)
    options = {"target_metadata": after, "compare_type": True, "include_schemas": "side." in " ".join(after.tables)}
    if sa.__name__ == "pyorm":
        options.update(renames="ask", confirm_rename=lambda candidate: True, compare_server_default=True)
    diffs = autogenerate.compare_metadata(context_class.configure(connection, opts=options), after)
    before.drop_all(connection)
    verbs = [d[0] if isinstance(d, tuple) else part[0] for d in diffs for part in (d if isinstance(d, list) else [d])]
    if wanted == "-":
        return "no noise" if not verbs else "noise: " + ", ".join(sorted(set(verbs)))
    if wanted and wanted not in verbs:
        return "drop + add" if any(verb.startswith("remove_") for verb in verbs) else "missed"
    return "found" if verbs else "missed"


def ask(library: str, url: str) -> dict[str, str]:
    """Run one library in a process of its own."""
    command = [sys.executable, __file__, "--judge", library, "--url", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    sys.stderr.write(done.stderr)
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


def main() -> int:
    """Print the table, or write it between its two marks in a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--url", default="postgresql:///scratch")
    parser.add_argument("--judge")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    if options.judge:
        print(json.dumps(judge(options.judge, options.url)))
        return 0
    answers = {(name, url): ask(name, url) for url in (options.url, "sqlite://") for name in ("sqlalchemy", "pyorm")}
    text = page(answers, options.url)
    if options.write is None:
        print(text)
        return 0
    old = options.write.read_text()
    head, _mark, rest = old.partition(BEGIN)
    options.write.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}")
    return 0


def page(answers: dict[tuple[str, str], dict[str, str]], url: str) -> str:
    """Return the table as Markdown, with the sums in the last line."""
    columns = [(name, where) for where in (url, "sqlite://") for name in ("sqlalchemy", "pyorm")]
    lines = [
        "| Change | Alembic, PostgreSQL | pyorm, PostgreSQL | Alembic, SQLite | pyorm, SQLite |",
        "|---|---|---|---|---|",
    ]
    for title, _wanted, _build in CHANGES:
        lines.append(f"| {title} | " + " | ".join(answers[column].get(title, "–") for column in columns) + " |")
    sums = []
    for column in columns:
        given = [value for title, value in answers[column].items() if not title.startswith("nothing")]
        sums.append(f"{given.count('found')} of {len(given)}")
    lines.append("| **found** | " + " | ".join(f"**{total}**" for total in sums) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
