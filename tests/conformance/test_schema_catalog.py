"""inspect(engine): what an Inspector tells of a schema, and what reflection makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pyorm
from pyorm import (
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    event,
    exc,
    inspect,
)
from tests.golden.catalog import build, describe, describe_many

GOLDEN = Path(__file__).parent.parent / "golden"
REFERENCE = {
    name: json.loads((GOLDEN / f"catalog_{name}.json").read_text())["answers"]
    for name in ("sqlite", "postgresql")
}
# Where pyorm tells more: the actions of a key without a name; a question for all databases.
MORE = {
    "sqlite": {"get_foreign_keys later schema=None", "get_enums"},
    "postgresql": set(),
}
# Lists of names that the reference gives in no order.
UNORDERED = ("get_table_names", "get_sequence_names")


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        yield made


@pytest.fixture
def catalog(connection: Connection) -> Any:
    return build(pyorm, connection, connection.dialect.name == "sqlite")


def questions(database: str) -> list[str]:
    return [name for name in REFERENCE[database] if name not in MORE[database]]


@pytest.mark.feature("REFL01", "REFL02", "REFL03", "REFL04", "REFL05", "REFL06", "REFL07", "REFL08", "REFL14")
def test_inspector_answers_as_the_reference_when_it_is_asked_everything(
    connection: Connection, catalog: Any
) -> None:
    database = connection.dialect.name

    told = describe(inspect(connection)) | describe_many(pyorm, inspect(connection))

    for name in questions(database):
        expected, got = REFERENCE[database][name], told.get(name)
        if name.startswith(UNORDERED) and isinstance(got, list):
            expected, got = sorted(expected), sorted(got)
        if name.startswith("get_multi_foreign_keys") and database == "sqlite":
            for answer in (expected, got):
                answer.pop("(None, 'later')", None)  # see MORE
        if name.startswith(("get_sorted", "sort_tables")):  # a table's keys come in no order
            expected, got = ([[t, sorted(map(str, keys))] for t, keys in told_] for told_ in (expected, got))
        assert got == expected, name


def test_inspector_takes_connections_of_its_own_when_made_of_an_engine(engine: Engine) -> None:
    meta = MetaData()
    Table("one", meta, Column("id", Integer, primary_key=True))
    meta.create_all(engine)
    inspector = inspect(engine)

    assert isinstance(inspector, pyorm.Inspector)
    assert inspector.get_table_names() == ["one"]
    assert engine.pool.checkedout() == 0
    meta.drop_all(engine)
    assert inspector.get_table_names() == ["one"]
    inspector.clear_cache()
    assert inspector.get_table_names() == []


@pytest.mark.feature("REFL12", "REFL13")
def test_answers_are_kept_and_tables_reflected_one_by_one(engine: Engine) -> None:
    meta = MetaData()
    Table("one", meta, Column("id", Integer, primary_key=True), Column("n", String), Column("m", Integer))
    two = Table("two", meta, Column("id", Integer, primary_key=True), Column("one_id", ForeignKey("one.id")))
    meta.create_all(engine)
    inspector = inspect(engine)
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    assert len(inspector.get_multi_columns()) == 2
    told = len(statements)
    assert [c["name"] for c in inspector.get_columns("two")] == ["id", "one_id"]
    assert len(inspector.get_multi_columns(filter_names=["one"])) == 1
    assert len(statements) == told and inspector.info_cache
    inspector.clear_cache()
    assert not inspector.info_cache
    inspector.get_columns("two")
    assert len(statements) > told

    some = Table("one", MetaData())
    inspector.reflect_table(some, None, exclude_columns=["m"])
    assert some.c.keys() == ["id", "n"]
    alone = Table("two", MetaData())
    inspector.reflect_table(alone, ["one_id"], resolve_fks=False)
    assert alone.c.keys() == ["one_id"] and list(alone.metadata.tables) == ["two"]
    linked = Table("two", MetaData())
    inspector.reflect_table(linked, None)
    assert sorted(linked.metadata.tables) == ["one", "two"]
    order = inspector.sort_tables_on_foreign_key_dependency()
    assert [table for table, _ in order] == [(None, "one"), (None, "two"), None]
    assert isinstance(two, Table)


def test_many_tables_are_reflected_by_few_statements(engine: Engine) -> None:
    meta = MetaData()
    for n in range(40):
        Table(f"t{n}", meta, Column("id", Integer, primary_key=True), Column("n", String, index=True))
    meta.create_all(engine)
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    again = MetaData()
    again.reflect(engine)
    assert sorted(again.tables) == sorted(meta.tables) and len(again.tables["t7"].indexes) == 1
    if engine.dialect.name == "postgresql":
        assert len(statements) <= 15, statements


def test_unknown_table_is_named_when_it_is_inspected(engine: Engine) -> None:
    with pytest.raises(exc.NoSuchTableError, match=r"^nowhere$"):
        inspect(engine).get_columns("nowhere")
    with engine.connect() as connection:
        build(pyorm, connection, engine.dialect.name == "sqlite")
        with pytest.raises(exc.NoSuchTableError, match=r"^side.nowhere$"):
            inspect(connection).get_columns("nowhere", schema="side")


def again(connection: Connection, catalog: Any, reflected: MetaData) -> None:
    """Replace the tables that `catalog` made by what was reflected."""
    for view in inspect(connection).get_view_names():
        connection.exec_driver_sql(f"DROP VIEW {view}")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP MATERIALIZED VIEW all_people")
    catalog.drop_all(connection)
    reflected.drop_all(connection)
    reflected.create_all(connection)


@pytest.mark.feature("REFL10")
def test_catalog_is_the_same_when_it_is_made_from_what_was_reflected(
    connection: Connection, catalog: Any
) -> None:
    # A sequence without a name that a Table knows; a column without a type.
    odd = ("raw_things", "raw things")
    reflected = MetaData()
    asked = ("columns", "pk_constraint", "foreign_keys", "indexes", "unique_constraints",
             "check_constraints", "table_comment", "table_options")  # fmt: skip

    def ask() -> dict[str, Any]:
        inspector = inspect(connection)
        return {
            f"{table} {what}": getattr(inspector, f"get_{what}")(table)
            for table in inspector.get_table_names()
            if table not in odd
            for what in asked
            if what != "table_comment" or connection.dialect.name == "postgresql"
        }

    before = ask()
    reflected.reflect(connection, only=lambda name, _: name not in odd)
    again(connection, catalog, reflected)

    after = ask()
    assert {k: repr(v) for k, v in after.items()} == {k: repr(v) for k, v in before.items()}


@pytest.mark.feature("REFL09", "REFL11")
def test_table_is_read_from_the_database_when_autoloaded(
    connection: Connection, catalog: Any
) -> None:
    meta = MetaData()

    pairs_users = Table("users of pairs", meta, autoload_with=connection)

    assert set(meta.tables) == {"users of pairs", "pairs", "people"}
    assert pairs_users.c.keys() == ["id", "pair a", "pair_b", "person_id", "Order"]
    assert [c.name for c in pairs_users.primary_key] == ["id"]
    (person,) = pairs_users.c.person_id.foreign_keys
    assert person.column is meta.tables["people"].c.id
    assert person.ondelete == "CASCADE"
    assert not pairs_users.c.Order.nullable
    own = Table(
        "people", MetaData(), Column("name", Integer), autoload_with=connection,
        include_columns=["id", "name", "email"],
    )  # fmt: skip
    assert own.c.keys() == ["id", "email", "name"]
    assert isinstance(own.c.name.type, Integer)
    assert isinstance(own.c.email.type, String) and own.c.email.type.length == 200
    alone = Table("trees", MetaData(), autoload_with=connection, resolve_fks=False)
    assert alone.c.keys() == ["id", "parent_id"]


def test_missing_table_is_named_when_autoloaded(engine: Engine) -> None:
    with pytest.raises(exc.NoSuchTableError, match=r"^nowhere$"):
        Table("nowhere", MetaData(), autoload_with=engine)


def test_only_chosen_tables_come_when_reflected(connection: Connection, catalog: Any) -> None:
    some, called, views, side = MetaData(), MetaData(), MetaData(), MetaData()

    some.reflect(connection, only=["trees", "people"])
    called.reflect(connection, only=lambda name, _: name.startswith("p"))
    views.reflect(connection, only=["adult_people"], views=True)
    side.reflect(connection, schema="side", resolve_fks=False)

    assert set(some.tables) == {"trees", "people"}
    assert set(called.tables) == {"pairs", "people"}
    assert views.tables["adult_people"].c.keys() == ["id", "name"]
    assert set(side.tables) == {"side.aside"}
    with pytest.raises(exc.InvalidRequestError, match=r"requested table\(s\) not available.*gone"):
        MetaData().reflect(connection, only=["gone"])


def test_reflected_table_takes_rows_when_it_is_used(connection: Connection, catalog: Any) -> None:
    meta = MetaData()
    meta.reflect(connection, only=["people"])
    people = meta.tables["people"]

    made = connection.execute(people.insert().values(name="Ann", mood="ok", age=3))
    row = connection.execute(people.select()).mappings().one()

    assert made.inserted_primary_key == (1,)
    assert (row["id"], row["name"], row["mood"], row["age"]) == (1, "Ann", "ok", 3)
    assert row["made"] is not None and row["active"] in (True, 1)
