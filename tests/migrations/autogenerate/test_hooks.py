"""What a program can say about a comparison: which objects, which facts, and functions of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

import pyorm as sa
from pyorm.migrations.autogenerate.compare import PriorityDispatchResult, comparators
from pyorm.migrations.operations import ops
from pyorm.migrations.runtime.plugins import Plugin
from tests.migrations.autogenerate.comparing import differences, flat, kinds


@pytest.fixture
def connection(engine: Any) -> Iterator[Any]:
    with engine.connect() as connection:
        yield connection


def models(*items: Any, name: str = "t") -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True), *items)
    return metadata


@pytest.fixture
def changed(connection: Any) -> sa.MetaData:
    """Return a model that differs from the database in several things."""
    before = models(
        sa.Column("gone", sa.Integer), sa.Column("x", sa.String(5), server_default="a"), sa.Column("y", sa.Integer),
        sa.Index("ix_gone", "y"), sa.UniqueConstraint("y", name="uq_gone"), sa.CheckConstraint("y > 0", name="ck_gone"),
        sa.ForeignKeyConstraint(["y"], ["t.id"], name="fk_gone"),
    )  # fmt: skip
    sa.Table("old", before, sa.Column("id", sa.Integer, primary_key=True))
    before.create_all(connection)
    after = models(
        sa.Column("new", sa.Integer), sa.Column("x", sa.String(6), server_default="b"), sa.Column("y", sa.Integer)
    )
    sa.Table("added", after, sa.Column("id", sa.Integer, primary_key=True))
    return after


def test_include_name_keeps_what_the_database_has_out(connection: Any, changed: sa.MetaData) -> None:
    asked: list[tuple[Any, ...]] = []

    def include(name: str | None, type_: str, parents: dict[str, Any]) -> bool:
        asked.append((name, type_, parents.get("schema_qualified_table_name")))
        return name not in ("old", "gone", "ix_gone", "uq_gone", "ck_gone", "fk_gone")

    found = differences(connection, changed, include_name=include)

    assert kinds(found) == ["CreateTableOp", "AddColumnOp", "AlterColumnOp"]
    assert (None, "schema", None) in asked
    assert ("old", "table", "old") in asked
    assert ("gone", "column", "t") in asked
    assert {type_ for _, type_, _ in asked} == {
        "schema", "table", "column", "index", "unique_constraint", "foreign_key_constraint", "check_constraint",
    }  # fmt: skip


def test_include_object_sees_schema_objects_of_both_sides(connection: Any, changed: sa.MetaData) -> None:
    asked: dict[tuple[str | None, str], Any] = {}

    def include(item: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
        asked[name, type_] = (type(item).__name__, reflected, type(compare_to).__name__)
        return name not in ("old", "new", "fk_gone", "x")

    found = differences(connection, changed, include_object=include)

    assert sorted(kinds(found)) == sorted(
        ["CreateTableOp", "DropColumnOp", "DropIndexOp", "DropConstraintOp", "DropConstraintOp"]
    )
    assert asked["added", "table"] == ("Table", False, "NoneType")
    assert asked["old", "table"] == ("Table", True, "NoneType")
    assert asked["t", "table"] == ("Table", False, "Table")
    assert asked["x", "column"] == ("Column", False, "Column")
    assert asked["gone", "column"] == ("Column", True, "NoneType")
    assert asked["ix_gone", "index"] == ("Index", True, "NoneType")
    assert asked["uq_gone", "unique_constraint"] == ("UniqueConstraint", True, "NoneType")
    assert asked["fk_gone", "foreign_key_constraint"] == ("ForeignKeyConstraint", True, "NoneType")
    assert asked["ck_gone", "check_constraint"] == ("CheckConstraint", True, "NoneType")


def test_compare_type_false_and_callable_decide(connection: Any, changed: sa.MetaData) -> None:
    seen: list[Any] = []

    def never(context: Any, inspected: Any, column: Any, inspected_type: Any, type_: Any) -> bool | None:
        seen.append((column.name, type(inspected_type).__name__, type(type_).__name__))
        return False if column.name == "x" else None

    for rule in (False, never):
        found = differences(connection, changed, compare_type=rule, compare_server_default=False)
        assert "AlterColumnOp" not in kinds(found)
    assert ("x", "VARCHAR", "String") in seen


def test_compare_server_default_false_and_callable_decide(connection: Any, changed: sa.MetaData) -> None:
    seen: list[Any] = []

    def never(context: Any, inspected: Any, column: Any, was: Any, default: Any, rendered: Any) -> bool | None:
        if column.name == "x":
            seen.append((was.partition("::")[0], default.arg, rendered))
        return False

    for rule in (False, never):
        found = differences(connection, changed, compare_server_default=rule)
        (alter,) = [o for o in flat(found) if isinstance(o, ops.AlterColumnOp)]
        assert alter.modify_server_default is False
    assert seen == [("'a'", "b", "b")]


def test_server_defaults_are_compared_unless_told_otherwise(connection: Any, changed: sa.MetaData) -> None:
    found = differences(connection, changed)

    (alter,) = [o for o in flat(found) if isinstance(o, ops.AlterColumnOp)]
    assert alter.modify_server_default.arg == "b"


@pytest.mark.feature("AL-ENV04")
def test_several_metadata_are_one_model(connection: Any) -> None:
    first, second = models(name="a"), models(name="b")
    first.create_all(connection)

    found = differences(connection, [first, second])

    assert [(type(o).__name__, o.table_name) for o in found.ops] == [("CreateTableOp", "b")]
    with pytest.raises((sa.exc.ArgumentError, ValueError), match=r"Duplicate table keys.*'a'"):
        differences(connection, [first, models(name="a")])


@pytest.mark.parametrize(("verdict", "expected"), [(True, []), (False, ["AlterColumnOp"]), (None, ["AlterColumnOp"])])
def test_type_says_whether_it_is_what_the_database_has(connection: Any, verdict: Any, expected: list[str]) -> None:
    class Own(sa.types.TypeDecorator):
        impl = sa.String
        cache_ok = True

        def compare_against_backend(self, dialect: Any, conn_type: Any) -> bool | None:
            assert isinstance(conn_type, sa.VARCHAR)
            return verdict

    models(sa.Column("x", sa.String(5))).create_all(connection)

    assert kinds(differences(connection, models(sa.Column("x", Own(6))))) == expected


def test_plugins_are_chosen_by_name(connection: Any, changed: sa.MetaData) -> None:
    without = differences(
        connection, changed, autogenerate_plugins=["alembic.autogenerate.*", "~alembic.autogenerate.constraints"]
    )
    only_schemas = differences(connection, changed, autogenerate_plugins=["alembic.autogenerate.schemas"])

    assert not {"DropConstraintOp", "DropIndexOp"} & {k for k in kinds(without) if k != "DropTableOp"}
    assert "DropColumnOp" in kinds(without)
    assert kinds(only_schemas) == []


@pytest.mark.feature("AL-AUTO20")
def test_plugin_takes_part_when_it_is_named(connection: Any) -> None:
    metadata = models()
    metadata.create_all(connection)
    plugin = Plugin("myproject.notes")

    def compare(autogen_context: Any, upgrade_ops: Any, schemas: set[str | None]) -> PriorityDispatchResult:
        upgrade_ops.ops.append(ops.ExecuteSQLOp(f"-- {sorted(map(str, schemas))}"))
        return PriorityDispatchResult.CONTINUE

    plugin.add_autogenerate_comparator(compare, "schema")
    try:
        silent = differences(connection, metadata)
        heard = differences(connection, metadata, autogenerate_plugins=["alembic.autogenerate.*", "myproject.*"])
        with pytest.raises(ValueError, match="already registered"):
            Plugin("myproject.notes")
    finally:
        plugin.remove()

    assert kinds(silent) == []
    assert [o.sqltext for o in heard.ops] == ["-- ['None']"]


@pytest.mark.feature("AL-AUTO22")
def test_comparators_of_schema_table_and_column_are_called(connection: Any, changed: sa.MetaData) -> None:
    seen: dict[str, list[Any]] = {"schema": [], "table": [], "column": []}

    def of_schema(context: Any, upgrade: Any, schemas: Any) -> None:
        seen["schema"].append(schemas)

    def of_table(context: Any, modify: Any, schema: Any, name: str, found: Any, model: Any) -> None:
        seen["table"].append((name, found is not None, model is not None))
        if name == "t":
            modify.ops.append(ops.ExecuteSQLOp("-- of t"))

    def of_column(context: Any, alter: Any, schema: Any, table: str, name: str, found: Any, model: Any) -> None:
        seen["column"].append((table, name, str(found.type), str(model.type)))
        if name == "y":
            alter.modify_nullable = False

    known = list(comparators._found)
    try:
        comparators.dispatch_for("schema")(of_schema)
        comparators.dispatch_for("table")(of_table)
        comparators.dispatch_for("column")(of_column)
        found = differences(connection, changed)
    finally:
        comparators._found[:] = known

    assert seen["schema"] == [{None}]
    assert sorted(seen["table"]) == [("added", False, True), ("old", True, False), ("t", True, True)]
    assert ("t", "x", "VARCHAR(5)", "VARCHAR(6)") in seen["column"]
    assert [o.sqltext for o in flat(found) if isinstance(o, ops.ExecuteSQLOp)] == ["-- of t"]
    assert [o.column_name for o in flat(found) if isinstance(o, ops.AlterColumnOp)] == ["x", "y"]


class Script:
    """A script directory that knows which tables and sequences its migrations made."""

    def __init__(self, *made: str) -> None:
        self.made = frozenset((None, name) for name in made)

    def made_tables(self) -> frozenset[tuple[str | None, str]]:
        return self.made

    made_sequences = made_tables


def test_table_that_no_migration_made_is_left_alone(connection: Any, caplog: pytest.LogCaptureFixture) -> None:
    models(name="mine").create_all(connection)
    models(name="theirs").create_all(connection)
    empty = sa.MetaData()

    with caplog.at_level(logging.WARNING):
        found = differences(connection, empty, script=Script("mine"))
    allowed = differences(connection, empty, script=Script(), allow_drop=True)
    forbidden = differences(connection, empty, allow_drop=False)

    assert [o.table_name for o in found.ops] == ["mine"]
    assert "'theirs'" in caplog.text
    assert "--allow-drop" in caplog.text
    assert [o.table_name for o in allowed.ops] == ["theirs", "mine"]
    assert kinds(forbidden) == []


def test_sequence_is_dropped_when_a_migration_made_it(connection: Any, caplog: pytest.LogCaptureFixture) -> None:
    before = sa.MetaData()
    for name in ("mine", "theirs"):
        sa.Sequence(name, start=5, metadata=before)
    before.create_all(connection)
    wanted = ["mine"] if connection.dialect.name == "postgresql" else []  # SQLite has no sequences

    with caplog.at_level(logging.INFO):
        found = differences(connection, sa.MetaData(), script=Script("mine"))

    assert [o.sequence_name for o in flat(found)] == wanted
    assert ("'theirs'" in caplog.text) is bool(wanted)
    assert [o.reverse().options for o in flat(found)] == [{"start": 5}] * len(wanted)


def test_log_names_each_difference(connection: Any, changed: sa.MetaData, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="pyorm.migrations.autogenerate.compare"):
        differences(connection, changed)

    for line in (
        "Detected added table 'added'", "Detected removed table 'old'", "Detected added column 't.new'",
        "Detected removed column 't.gone'", "Detected server default on column 't.x'",
        "Detected type change from VARCHAR(length=5) to String(length=6) on 't.x'",
        "Detected removed index 'ix_gone' on 't'", "Detected removed unique constraint 'uq_gone' on 't'",
        "Detected removed foreign key (y)(id) on table t",
    ):  # fmt: skip
        assert line in caplog.messages


@pytest.mark.feature("AL-AUTO16")
def test_compare_metadata_lists_differences_as_tuples(connection: Any, changed: sa.MetaData) -> None:
    from pyorm.migrations.autogenerate import compare_metadata
    from pyorm.migrations.migration import MigrationContext

    found = compare_metadata(MigrationContext.configure(connection), changed)

    verbs = [each[0] if isinstance(each, tuple) else [part[0] for part in each] for each in found]
    assert verbs == [
        "add_table", "remove_fk", "remove_index", "remove_constraint", "remove_constraint", "add_column",
        ["modify_type", "modify_default"], "remove_column", "remove_table",
    ]  # fmt: skip
    assert found[0][1].name == "added"
    assert found[5][:3] == ("add_column", None, "t") and found[5][3].name == "new"
    assert found[-1][1].c.keys() == ["id"]


@pytest.mark.feature("AL-AUTO19")
def test_context_gives_comparators_inspector_filters_and_tables(connection: Any, changed: sa.MetaData) -> None:
    seen: list[Any] = []

    def of_schema(context: Any, upgrade: Any, schemas: Any) -> None:
        seen.append(sorted(context.inspector.get_table_names()))
        seen.append(context.run_name_filters("hidden", "table", {"schema_name": None}))
        seen.append(context.run_object_filters(changed.tables["t"], "t", "table", False, None))
        seen.append([table.name for table in context.sorted_tables])

    known = list(comparators._found)
    try:
        comparators.dispatch_for("schema")(of_schema)
        differences(connection, changed, include_name=lambda name, *_: name != "hidden")
    finally:
        comparators._found[:] = known

    assert seen == [["old", "t"], False, True, ["added", "t"]]
