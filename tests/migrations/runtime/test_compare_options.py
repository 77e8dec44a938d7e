"""Options of configure() that decide what is compared."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import Column, Engine, Integer, MetaData, String, Table, text
from pyorm.migrations.autogenerate import compare_metadata
from pyorm.migrations.runtime.migration import MigrationContext
from tests.conftest import Database, PostgresDatabase


def model(**columns: Any) -> MetaData:
    """Return a MetaData with the table items."""
    metadata = MetaData()
    Table("items", metadata, Column("id", Integer, primary_key=True), *(Column(n, *a) for n, a in columns.items()))
    return metadata


def differences(engine: Engine, metadata: MetaData, **opts: Any) -> list[str]:
    """Return the verbs and names of what differs."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata, **opts})
        found: list[str] = []
        for diff in compare_metadata(context, metadata):
            if isinstance(diff, list):
                found += [f"{one[0]} {one[3]}" for one in diff]
            else:
                named = diff[3] if diff[0].endswith("column") else diff[1]
                found.append(f"{diff[0]} {named.name}")
        return sorted(found)


@pytest.mark.feature("AL-ENV06")
def test_include_name_leaves_out_what_is_not_to_be_read(db: Database, engine: Engine) -> None:
    db.script("CREATE TABLE items (id INTEGER PRIMARY KEY, old INTEGER); CREATE TABLE theirs (id INTEGER PRIMARY KEY)")
    db.script("CREATE TABLE alembic_version (version_num VARCHAR(32)); CREATE INDEX items_old ON items (old)")
    asked: list[Any] = []

    def include(name: str | None, type_: str, parents: dict[str, Any]) -> bool:
        asked.append((type_, name, parents.get("table_name")))
        return name not in ("theirs", "old", "items_old")

    assert differences(engine, model(), include_name=include) == []
    assert {("table", "theirs", None), ("column", "old", "items"), ("index", "items_old", "items")} <= set(asked)


@pytest.mark.feature("AL-ENV07")
def test_include_object_leaves_out_what_is_not_to_be_compared(db: Database, engine: Engine) -> None:
    db.script("CREATE TABLE items (id INTEGER PRIMARY KEY, old INTEGER)")
    asked: list[Any] = []

    def include(object_: Any, name: str, type_: str, reflected: bool, compare_to: Any) -> bool:
        asked.append((type_, name, reflected, compare_to is not None, object_.name == name))
        return name not in ("old", "new")

    assert differences(engine, model(new=(Integer,)), include_object=include) == []
    assert ("column", "old", True, False, True) in asked
    assert ("column", "new", False, False, True) in asked
    assert ("table", "items", False, True, True) in asked


@pytest.mark.feature("AL-ENV08")
def test_include_schemas_looks_into_all_schemas(pg_db: PostgresDatabase) -> None:
    from pyorm import create_engine

    pg_db.script("CREATE SCHEMA other; CREATE TABLE other.mine (id integer PRIMARY KEY)")
    metadata = MetaData()
    Table("mine", metadata, Column("id", Integer, primary_key=True), Column("more", Integer), schema="other")
    engine = create_engine(pg_db.url)

    assert differences(engine, metadata, include_schemas=True) == ["add_column more"]

    def include(name: str | None, type_: str, parents: dict[str, Any]) -> bool:
        return type_ != "schema" or name in (None, "public")

    only = model()
    assert differences(engine, only, include_schemas=True, include_name=include) == ["add_table items"]
    engine.dispose()


@pytest.mark.feature("AL-ENV09")
def test_compare_type_is_on_off_or_a_function(db: Database, engine: Engine) -> None:
    db.script("CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(10))")
    metadata = model(name=(String(20),))
    asked: list[Any] = []

    def compare(answer: bool | None) -> Any:
        def decide(ctx: Any, inspected: Any, column: Any, inspected_type: Any, metadata_type: Any) -> bool | None:
            asked.append((column.name, str(metadata_type)))
            return answer if column.name == "name" else None

        return decide

    assert differences(engine, metadata) == ["modify_type name"]
    assert differences(engine, metadata, compare_type=False) == []
    assert differences(engine, metadata, compare_type=compare(False)) == []
    assert differences(engine, metadata, compare_type=compare(None)) == ["modify_type name"]
    assert differences(engine, model(name=(String(10),)), compare_type=compare(True)) == ["modify_type name"]
    assert ("name", "VARCHAR(20)") in asked


@pytest.mark.feature("AL-ENV10")
def test_compare_server_default_is_on_off_or_a_function(db: Database, engine: Engine) -> None:
    db.script("CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER DEFAULT 1)")
    metadata = MetaData()
    Table("items", metadata, Column("id", Integer, primary_key=True), Column("n", Integer, server_default=text("2")))

    def compare(answer: bool | None) -> Any:
        return lambda ctx, inspected, column, was, wanted, rendered: answer if column.name == "n" else None

    assert differences(engine, metadata, compare_server_default=True) == ["modify_default n"]
    assert differences(engine, metadata, compare_server_default=False) == []
    assert differences(engine, metadata, compare_server_default=compare(False)) == []
    assert differences(engine, metadata, compare_server_default=compare(None)) == ["modify_default n"]
