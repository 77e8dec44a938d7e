"""Operations as data: what they know, their reverse and the differences they stand for."""

from __future__ import annotations

import pytest

import pyorm as sa
from pyorm.migrations.operations import ops
from pyorm.orm import DeclarativeBase, Mapped, mapped_column


@pytest.fixture
def posts() -> sa.Table:
    metadata = sa.MetaData()
    sa.Table("users", metadata, sa.Column("id", sa.Integer, primary_key=True))
    return sa.Table(
        "posts",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("title", sa.String(20), index=True),
        sa.Column("author_id", sa.Integer),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name="fk_author", ondelete="CASCADE"),
        sa.UniqueConstraint("title", name="uq_title"),
        sa.CheckConstraint("id > 0", name="ck_id"),
        comment="what users write",
        schema="blog",
    )


def test_create_table_makes_an_equal_table_when_made_from_one(posts: sa.Table) -> None:
    operation = ops.CreateTableOp.from_table(posts)

    made = operation.to_table()

    assert made is not posts and made.metadata is not posts.metadata
    assert str(sa.schema.CreateTable(made)) == str(sa.schema.CreateTable(posts))
    assert made.comment == "what users write" and made.schema == "blog"


def test_drop_table_reverses_to_the_whole_table_when_made_from_one(posts: sa.Table) -> None:
    made = ops.DropTableOp.from_table(posts).reverse().to_table()

    assert str(sa.schema.CreateTable(made)) == str(sa.schema.CreateTable(posts))


def test_drop_table_refuses_to_reverse_when_it_knows_the_name_only() -> None:
    with pytest.raises(ValueError, match="original table is not present"):
        ops.DropTableOp("posts").reverse()


def test_constraints_come_back_when_their_drop_is_reversed(posts: sa.Table) -> None:
    for constraint in posts.constraints:
        drop = ops.DropConstraintOp.from_constraint(constraint)
        again = drop.reverse().to_constraint()

        assert type(again) is type(constraint) and again.name == constraint.name
        assert again.table.name == "posts" and again.table.schema == "blog"
        assert str(sa.schema.AddConstraint(again)) == str(sa.schema.AddConstraint(constraint))


def test_alter_column_swaps_what_was_and_what_will_be_when_reversed() -> None:
    operation = ops.AlterColumnOp(
        "posts",
        "title",
        existing_type=sa.String(20),
        modify_type=sa.Text(),
        existing_nullable=True,
        modify_nullable=False,
        existing_server_default=None,
        existing_comment="old",
        modify_comment=None,
        modify_name="head",
    )

    back = operation.reverse()

    assert back.column_name == "head" and back.modify_name == "title"
    assert isinstance(back.modify_type, sa.String) and isinstance(back.existing_type, sa.Text)
    assert back.modify_nullable is True and back.existing_nullable is False
    assert back.modify_server_default is False and back.existing_server_default is None
    assert back.modify_comment == "old" and back.existing_comment is None
    assert [diff[0] for diff in operation.to_diff_tuple()] == [
        "modify_type",
        "modify_nullable",
        "modify_comment",
        "modify_name",
    ]


def test_upgrade_reverses_last_first_when_it_holds_tables_and_changes(posts: sa.Table) -> None:
    upgrade = ops.UpgradeOps(
        [
            ops.CreateTableOp.from_table(posts),
            ops.ModifyTableOps(
                "users",
                [
                    ops.AddColumnOp("users", sa.Column("name", sa.Text)),
                    ops.CreateTableCommentOp("users", "people"),
                ],
            ),
        ]
    )

    downgrade = upgrade.reverse_into(ops.DowngradeOps([]))

    assert [type(operation) for operation in downgrade.ops] == [ops.ModifyTableOps, ops.DropTableOp]
    inner = downgrade.ops[0]
    assert isinstance(inner, ops.ModifyTableOps)
    assert [type(operation) for operation in inner.ops] == [ops.DropTableCommentOp, ops.DropColumnOp]
    assert [diff[0] for diff in upgrade.as_diffs()] == ["add_table", "add_column", "add_table_comment"]


@pytest.mark.parametrize(
    ("place", "expected"),
    [({"before": "a"}, ["c", "a", "b"]), ({"after": "a"}, ["a", "c", "b"]), ({}, ["a", "b", "c"])],
)
def test_enum_value_knows_the_values_when_its_reverse_is_asked(place: dict[str, str], expected: list[str]) -> None:
    back = ops.AddEnumValueOp("mood", "c", existing_values=["a", "b"], **place).reverse()

    assert back.existing_values == expected and back.values == ["a", "b"]


def test_script_refuses_one_upgrade_when_it_has_several() -> None:
    script = ops.MigrationScript(None, [ops.UpgradeOps(), ops.UpgradeOps()], ops.DowngradeOps())

    assert len(script.upgrade_ops_list) == 2 and script.downgrade_ops is not None
    with pytest.raises(ValueError, match="upgrade_ops_list"):
        assert script.upgrade_ops


def every_operation(posts: sa.Table) -> list[tuple[ops.MigrateOperation, str, str]]:
    """Operations that know all, with the class of their reverse and the verb of their difference."""
    by_name = {constraint.name: constraint for constraint in posts.constraints}
    index = next(iter(posts.indexes))
    made = [
        (ops.CreateTableOp.from_table(posts), "DropTableOp", "add_table"),
        (ops.DropTableOp.from_table(posts), "CreateTableOp", "remove_table"),
        (ops.RenameTableOp("a", "b"), "RenameTableOp", "rename_table"),
        (ops.CreateTableCommentOp("t", "c"), "DropTableCommentOp", "add_table_comment"),
        (ops.DropTableCommentOp("t", existing_comment="c"), "CreateTableCommentOp", "remove_table_comment"),
        (ops.AddColumnOp.from_column(posts.c.title), "DropColumnOp", "add_column"),
        (ops.DropColumnOp.from_column_and_tablename(None, "posts", posts.c.title), "AddColumnOp", "remove_column"),
        (ops.CreateIndexOp.from_index(index), "DropIndexOp", "add_index"),
        (ops.DropIndexOp.from_index(index), "CreateIndexOp", "remove_index"),
        (ops.RenameIndexOp("a", "b", "t"), "RenameIndexOp", "rename_index"),
        (ops.AddConstraintOp.from_constraint(posts.primary_key), "DropConstraintOp", "add_constraint"),
        (ops.AddConstraintOp.from_constraint(by_name["fk_author"]), "DropConstraintOp", "add_fk"),
        (ops.DropConstraintOp.from_constraint(by_name["uq_title"]), "CreateUniqueConstraintOp", "remove_constraint"),
        (ops.DropConstraintOp.from_constraint(by_name["fk_author"]), "CreateForeignKeyOp", "remove_fk"),
        (ops.DropConstraintOp.from_constraint(by_name["ck_id"]), "CreateCheckConstraintOp", "remove_constraint"),
        (ops.RenameConstraintOp("a", "b", "t"), "RenameConstraintOp", "rename_constraint"),
        (ops.CreateSchemaOp("s"), "DropSchemaOp", "add_schema"),
        (ops.CreateSequenceOp("s", start=5), "DropSequenceOp", "add_sequence"),
        (ops.AlterSequenceOp("s", existing={"start": 1}, start=5), "AlterSequenceOp", "modify_sequence"),
        (ops.CreateEnumOp("e", ["a"]), "DropEnumOp", "add_enum"),
        (ops.RenameEnumValueOp("e", "a", "b"), "RenameEnumValueOp", "rename_enum_value"),
        (ops.ReplaceEnumOp("e", ["a"], existing_values=["b"]), "ReplaceEnumOp", "modify_enum"),
    ]
    return list(made)


@pytest.mark.feature("AL-OPS20")
def test_every_operation_knows_its_reverse_its_difference_and_what_others_noted(posts: sa.Table) -> None:
    for operation, reverse, verb in every_operation(posts):
        back = operation.reverse()

        assert type(back).__name__ == reverse
        assert type(back.reverse()) is type(operation)
        assert operation.to_diff_tuple()[0] == verb
        assert operation.info == {}
        operation.info["mine"] = 1
        assert operation.info == {"mine": 1}
    assert ops.ExecuteSQLOp("SELECT 1").to_diff_tuple() == ("execute", "SELECT 1")
    with pytest.raises(NotImplementedError, match="ExecuteSQLOp has no reverse"):
        ops.ExecuteSQLOp("SELECT 1").reverse()


@pytest.mark.parametrize(
    "operation",
    [
        ops.DropColumnOp("t", "c"),
        ops.DropIndexOp("ix", "t"),
        ops.DropConstraintOp("ck", "t"),
        ops.DropSequenceOp("s"),
        ops.DropEnumOp("e"),
        ops.AlterSequenceOp("s", start=5),
        ops.AddEnumValueOp("e", "a"),
        ops.ReplaceEnumOp("e", ["a"]),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_an_operation_says_what_it_lacks_when_it_cannot_be_reversed(operation: ops.MigrateOperation) -> None:
    with pytest.raises(ValueError, match=r"not reversible|cannot be produced"):
        operation.reverse()


def test_columns_keep_what_their_annotations_say_when_copied_twice() -> None:
    class Base(DeclarativeBase):
        pass

    class Room(Base):
        __tablename__ = "rooms"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        note: Mapped[str | None]

    made = ops.CreateTableOp.from_table(Room.__table__).to_table()
    again = ops.CreateTableOp.from_table(made).to_table()

    assert [column.nullable for column in again.c] == [False, False, True]
    assert [column._copy()._copy().nullable for column in Room.__table__.c] == [False, False, True]
