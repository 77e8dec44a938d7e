"""Renames: declared, confirmed, assumed or refused; what else changed is found beside them."""

from __future__ import annotations

from typing import Any

import pytest

import pyorm as sa
from pyorm import Engine
from pyorm.migrations.autogenerate.alike import jaro_winkler, name_similarity
from pyorm.migrations.autogenerate.api import produce_migrations
from pyorm.migrations.autogenerate.assign import assign
from pyorm.migrations.autogenerate.moved import renamed_in_sql
from pyorm.migrations.operations import ops
from pyorm.migrations.runtime.migration import MigrationContext
from pyorm.migrations.util.exc import AmbiguousRename, CommandError


def before() -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table(
        "users",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(50), nullable=False, index=True),
        sa.Column("email", sa.String(100), unique=True),
    )
    sa.Table(
        "posts",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.ForeignKey("users.id", name="fk_user")),
    )
    return metadata


def after(table: dict[str, Any] | None = None, column: dict[str, Any] | None = None) -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table(
        "people",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("full_name", sa.String(60), nullable=False, index=True, **(column or {})),
        sa.Column("email", sa.String(100), unique=True),
        **(table or {}),
    )
    sa.Table(
        "posts",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.ForeignKey("people.id", name="fk_user")),
    )
    return metadata


def found(engine: Engine, metadata: sa.MetaData, **opts: Any) -> list[Any]:
    with engine.connect() as connection:
        before().create_all(connection)
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata, **opts})
        try:
            script = produce_migrations(context, metadata)
        finally:
            connection.rollback()
    assert script.upgrade_ops is not None
    return [
        inner
        for operation in script.upgrade_ops.ops
        for inner in (operation.ops if isinstance(operation, ops.OpContainer) else [operation])
    ]


def names(operations: list[Any]) -> list[str]:
    return [type(operation).__name__ for operation in operations]


def test_declared_renames_are_taken_without_a_question(engine: Engine) -> None:
    metadata = after(table={"renamed_from": "users"}, column={"renamed_from": "name"})

    operations = found(engine, metadata)

    followed = ["RenameConstraintOp"] * 2 + ["RenameSequenceOp"] if engine.dialect.name == "postgresql" else []
    assert names(operations) == ["RenameTableOp", "AlterColumnOp", *followed, "RenameIndexOp", "AlterColumnOp"]
    assert (operations[0].table_name, operations[0].new_table_name) == ("users", "people")
    assert (operations[1].column_name, operations[1].modify_name) == ("name", "full_name")
    assert operations[-1].modify_type.length == 60 and operations[-1].modify_name is None


def test_renames_are_dropped_and_added_only_when_somebody_says_so(engine: Engine) -> None:
    assert "DropTableOp" in names(found(engine, after(), renames="none"))
    with pytest.raises(AmbiguousRename) as refusal:
        found(engine, after(), renames="refuse")
    assert refusal.value.exit_status == 3
    for words in ('op.rename_table("users", "people")', 'op.drop_table("users")', 'renamed_from="users"', "--assume"):
        assert words in str(refusal.value)


def test_person_decides_when_asked(engine: Engine) -> None:
    asked: list[str] = []

    def confirm(candidate: Any) -> bool:
        asked.append(f"{candidate.kind} {candidate.old} {candidate.new}")
        return True

    operations = found(engine, after(), renames="ask", confirm_rename=confirm)

    assert asked == ["table users people", "column people.name people.full_name"]
    assert "DropTableOp" not in names(operations) and "DropColumnOp" not in names(operations)


def test_likely_renames_are_taken_and_others_refused_when_assumed(engine: Engine) -> None:
    metadata = before()
    column = sa.Column("mail", sa.String(100), unique=True)
    table = sa.Table("users", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True),
                     sa.Column("name", sa.String(50), nullable=False, index=True), column)  # fmt: skip
    metadata.remove(metadata.tables["users"])
    table.to_metadata(metadata)

    operations = found(engine, metadata, renames="high")
    assert [(op.column_name, op.modify_name) for op in operations if isinstance(op, ops.AlterColumnOp)] == [
        ("email", "mail")
    ]
    unlike = before()
    unlike.remove(unlike.tables["users"])
    columns = [sa.Column("id", sa.Integer, primary_key=True), sa.Column("shoes", sa.String(50), nullable=False)]
    sa.Table("users", unlike, *columns, sa.Column("email", sa.String(100), unique=True))
    with pytest.raises(AmbiguousRename, match=r"column users\.name is gone"):
        found(engine, unlike, renames="high")


def test_rename_is_refused_when_its_source_is_still_in_the_models(engine: Engine) -> None:
    metadata = before()
    metadata.tables["users"].append_column(sa.Column("full_name", sa.String(50), renamed_from="name"))

    with pytest.raises(CommandError, match=r"users\.full_name says renamed_from='name', but the models still have"):
        found(engine, metadata)


def test_enum_values_are_renamed_when_declared(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        kind = sa.Enum("happy", "sad", name="mood", renamed_from={"happy": "glad"})
        assert kind.renamed_from == {"happy": "glad"} and kind.enums == ["happy", "sad"]
        return
    metadata = before()
    values = sa.Enum("happy", "sad", name="mood", renamed_from={"happy": "glad"})
    metadata.tables["posts"].append_column(sa.Column("mood", values))
    with engine.connect() as connection:
        old = before()
        old.tables["posts"].append_column(sa.Column("mood", sa.Enum("glad", "sad", name="mood")))
        old.create_all(connection)
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
        upgrade = produce_migrations(context, metadata).upgrade_ops
        connection.rollback()

    assert upgrade is not None and upgrade.as_diffs() == [("rename_enum_value", None, "mood", "glad", "happy")]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("name <> 'name'", "full <> 'name'"),
        ('lower("name")', "lower(full)"),
        ("name(name)", "name(full)"),
        ("a::name = name", "a::name = full"),
        ("names = name ", "names = full "),
    ],
)
def test_column_is_renamed_in_sql_where_it_stands_as_a_name(sql: str, expected: str) -> None:
    assert renamed_in_sql(sql, "name", "full") == expected


def test_new_name_is_quoted_in_sql_when_it_needs_it() -> None:
    assert renamed_in_sql("a > 5", "a", "Big") == '"Big" > 5'


def test_names_are_alike_in_the_ways_people_rename() -> None:
    assert jaro_winkler("martha", "marhta") == pytest.approx(0.9611, abs=1e-4)
    assert jaro_winkler("abc", "xyz") == 0.0 and jaro_winkler("a", "a") == 1.0
    for one, other in (("name", "full_name"), ("qty", "quantity"), ("createdAt", "created_at"), ("is_open", "open")):
        assert name_similarity(one, other) >= 0.85, (one, other)
    assert name_similarity("price", "birthday") < 0.6


def test_assignment_is_the_best_one_when_greed_is_not() -> None:
    assert assign([[0.9, 0.8], [0.85, 0.1]]) == [(0, 1), (1, 0)]
    assert assign([[0.1], [0.9]]) == [(1, 0)]
    assert assign([]) == []
