"""A schema with one of everything, and what an Inspector tells of it.

The same source runs under the library whose answers are the reference (tools/golden_live.py
writes tests/golden/catalog_*.json) and under pyorm (the tests compare).
"""

from __future__ import annotations

import enum
from importlib import import_module
from typing import Any


class Mood(enum.Enum):
    """An enum for a native type's labels."""

    sad = 1
    ok = 2
    happy = 3


# What else the database has, past the library.
SCRIPTS = {
    "sqlite": (
        "CREATE VIEW adult_people AS SELECT id, name FROM people WHERE age > 17",
        'CREATE TABLE "raw things" (a INTEGER, "b c" DECIMAL(8, 3) DEFAULT 1.5, d, '
        "e VARCHAR(9) DEFAULT 'it''s', PRIMARY KEY (\"b c\", a)) WITHOUT ROWID",
        "CREATE TABLE strict_things (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT) STRICT",
        "CREATE TEMP TABLE fleeting (x INTEGER)",
        "CREATE TEMP VIEW brief AS SELECT 1 AS one",
        "CREATE TABLE later (id INTEGER PRIMARY KEY, "
        "p INTEGER REFERENCES people, q INTEGER CONSTRAINT fk_q REFERENCES people (id) "
        "ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED, "
        "CONSTRAINT ck_multi CHECK (p > 1 AND (q < 5 OR q IN (7, 8))))",
    ),
    "postgresql": (
        "CREATE VIEW adult_people AS SELECT id, name FROM people WHERE age > 17",
        "CREATE MATERIALIZED VIEW all_people AS SELECT id FROM people",
        "CREATE TEMP TABLE fleeting (x INTEGER)",
        "CREATE TEMP VIEW brief AS SELECT 1 AS one",
        "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
        "CREATE DOMAIN side.few AS integer NOT NULL DEFAULT 5 CONSTRAINT few_a CHECK (VALUE > 0) "
        "CONSTRAINT few_b CHECK (VALUE < 9)",
        'CREATE DOMAIN plain_text AS text COLLATE "C"',
        "CREATE TYPE side.tone AS ENUM ('low', 'high')",
        "CREATE TABLE domains_used (a positive, b side.few, c positive[], d plain_text DEFAULT 'x', "
        "e side.tone) WITH (fillfactor = 70)",
        "CREATE TABLE raw_things (a smallint, b timestamptz(3), c time, d interval, e bytea, "
        "f real, g double precision, h char(3), i jsonb, j uuid, k inet, l integer[], "
        "m numeric, n bigserial, o varchar COLLATE \"C\", p bit(4), q timestamp, "
        "PRIMARY KEY (b, a))",
        "CREATE INDEX raw_gin ON raw_things USING gin (i)",
        "CREATE INDEX raw_part ON raw_things (lower(h), a DESC) INCLUDE (f) WHERE a > 5",
        "CREATE UNIQUE INDEX raw_nulls ON raw_things (q NULLS FIRST)",
        "ALTER TABLE raw_things ADD CONSTRAINT uq_nnd UNIQUE NULLS NOT DISTINCT (k)",
        "ALTER TABLE raw_things ADD CONSTRAINT ck_late CHECK (a > 0) NOT VALID",
        "COMMENT ON CONSTRAINT uq_nnd ON raw_things IS 'why'",
    ),
}
SCHEMAS = (None, "side")


def make_catalog(sa: Any, is_lite: bool) -> Any:
    """Return a MetaData with tables that show every kind of definition."""
    meta = sa.MetaData()
    sa.Table(
        "people",
        meta,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(50), nullable=False, index=True),
        sa.Column("email", sa.String(200), unique=True),
        sa.Column("age", sa.SmallInteger, sa.CheckConstraint("age >= 0", name="ck_age")),
        sa.Column("mood", sa.Enum(Mood)),
        sa.Column("height", sa.Numeric(5, 2), server_default="1.75"),
        sa.Column("weight", sa.Float),
        sa.Column("active", sa.Boolean, server_default=sa.text("true" if not is_lite else "1")),
        sa.Column("note", sa.Text, comment="what is said"),
        sa.Column("born", sa.Date),
        sa.Column("made", sa.DateTime, server_default=sa.func.now()),
        sa.Column("big", sa.BigInteger),
        sa.Column("raw", sa.LargeBinary),
        sa.Column("doc", sa.JSON),
        sa.CheckConstraint("length(name) > 0", name="ck_name"),
        sa.Index("ix_people_two", "age", "name", unique=True),
        comment="those who live here",
    )
    sa.Table(
        "pairs",
        meta,
        sa.Column("a", sa.Integer, primary_key=True),
        sa.Column("b", sa.Integer, primary_key=True),
        sa.Column("label", sa.String(10)),
        sa.PrimaryKeyConstraint("a", "b", name="pk_pairs"),
        sa.UniqueConstraint("label", "b", name="uq_pairs_label"),
    )
    sa.Table(
        "users of pairs",
        meta,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("pair a", sa.Integer),
        sa.Column("pair_b", sa.Integer),
        sa.Column("person_id", sa.ForeignKey("people.id", ondelete="CASCADE", name="fk_person")),
        sa.Column("Order", sa.Integer, nullable=False, server_default="5"),
        sa.ForeignKeyConstraint(
            ["pair a", "pair_b"], ["pairs.a", "pairs.b"], name="fk_pair",
            onupdate="SET NULL", deferrable=True, initially="DEFERRED",
        ),
    )  # fmt: skip
    sa.Table(
        "trees",
        meta,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("parent_id", sa.ForeignKey("trees.id")),
    )
    sa.Table(
        "aside",
        meta,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("person_id", sa.Integer),
        schema="side",
    )
    if not is_lite:
        meta.tables["side.aside"].append_constraint(
            sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_aside")
        )
        sa.Table(
            "numbered",
            meta,
            sa.Column("id", sa.Integer, sa.Identity(always=True, start=42, increment=3, cycle=True),
                      primary_key=True),
            sa.Column("n", sa.Integer, sa.Sequence("n_seq", start=7)),
            sa.Column("twice", sa.Integer, sa.Computed("n * 2", persisted=True)),
        )  # fmt: skip
    else:
        sa.Table(
            "numbered",
            meta,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("n", sa.Integer),
            sa.Column("twice", sa.Integer, sa.Computed("n * 2", persisted=True)),
            sa.Column("thrice", sa.Integer, sa.Computed("n * 3")),
            sqlite_autoincrement=True,
        )
    return meta


def build(sa: Any, connection: Any, is_lite: bool) -> Any:
    """Create everything on a connection; return the MetaData."""
    meta = make_catalog(sa, is_lite)
    connection.execute(
        sa.text("ATTACH ':memory:' AS side" if is_lite else "CREATE SCHEMA side")
    )
    meta.create_all(connection)
    for statement in SCRIPTS["sqlite" if is_lite else "postgresql"]:
        connection.exec_driver_sql(statement)
    return meta


def show(value: Any) -> Any:
    """Return an answer as JSON has it: types by their texts, dicts sorted."""
    if isinstance(value, dict):
        return {str(k): show(v) for k, v in sorted(value.items(), key=lambda i: str(i[0]))}
    if isinstance(value, (list, tuple)):
        return [show(v) for v in value]
    if hasattr(value, "compile"):
        return f"{type(value).__name__}: {value!r}"
    return value if value is None or isinstance(value, (bool, int)) else str(value)


MANY = ("columns", "pk_constraint", "foreign_keys", "indexes", "unique_constraints",
        "check_constraints", "table_comment", "table_options")  # fmt: skip


def describe_many(sa: Any, inspector: Any) -> dict[str, Any]:
    """Ask an Inspector about many tables at once; flags are those of the library `sa`."""
    reflection = import_module(f"{sa.__name__}.engine.reflection")
    kinds, scopes = reflection.ObjectKind, reflection.ObjectScope
    told: dict[str, Any] = {}

    def ask(name: str, *args: Any, **kw: Any) -> None:
        key = " ".join([name, *map(str, args), *(f"{k}={v}" for k, v in kw.items())])
        try:
            told[key] = show(getattr(inspector, name)(*args, **kw))
        except Exception as error:  # a refusal is part of the answer
            told[key] = {"error": type(error).__name__}

    for what in MANY:
        for schema in SCHEMAS:
            ask(f"get_multi_{what}", schema=schema)
        ask(f"get_multi_{what}", filter_names=["pairs", "no such table"])
        for kind in ("VIEW", "MATERIALIZED_VIEW", "ANY"):
            for scope in ("DEFAULT", "TEMPORARY", "ANY"):
                ask(f"get_multi_{what}", kind=getattr(kinds, kind), scope=getattr(scopes, scope))
    ask("has_multi_table", ["pairs", "adult_people", "no such table"])
    ask("get_temp_view_names")
    ask("sort_tables_on_foreign_key_dependency", (None, "side"))
    if inspector.dialect.name == "postgresql":
        for schema in (None, "side"):
            ask("get_domains", schema=schema)
            ask("get_enums", schema=schema)
            ask("get_foreign_table_names", schema=schema)
        ask("has_type", "positive")
        ask("has_type", "few", schema="side")
        ask("has_type", "no such type")
        ask("get_table_oid", "no such table")
    return told


def describe(inspector: Any) -> dict[str, Any]:
    """Ask an Inspector everything about one table after the other."""
    told: dict[str, Any] = {}

    def ask(name: str, *args: Any, **kw: Any) -> Any:
        key = " ".join([name, *map(str, args), *(f"{k}={v}" for k, v in kw.items())])
        try:
            answer = getattr(inspector, name)(*args, **kw)
        except Exception as error:  # a refusal is part of the answer
            told[key] = {"error": type(error).__name__}
            return ()
        told[key] = show(answer)
        return answer

    told["default_schema_name"] = inspector.default_schema_name
    ask("get_schema_names")
    ask("get_temp_table_names")
    ask("get_enums")
    for schema in SCHEMAS:
        found = [*ask("get_table_names", schema=schema), *ask("get_view_names", schema=schema)]
        ask("get_sequence_names", schema=schema)
        for table in found:
            for what in ("columns", "pk_constraint", "foreign_keys", "indexes",
                         "unique_constraints", "check_constraints", "table_comment",
                         "table_options"):  # fmt: skip
                ask(f"get_{what}", table, schema=schema)
    ask("get_columns", "no such table")
    ask("get_pk_constraint", "no such table")
    ask("get_view_definition", "adult_people")
    ask("get_view_definition", "no such view")
    ask("get_materialized_view_names")
    for table in ("people", "adult_people", "fleeting", "aside", "no such table"):
        ask("has_table", table)
    ask("has_table", "aside", schema="side")
    ask("has_index", "people", "ix_people_two")
    ask("has_index", "people", "no such index")
    ask("has_schema", "side")
    ask("has_schema", "no such schema")
    ask("has_sequence", "n_seq")
    ask("get_sorted_table_and_fkc_names")
    return told
