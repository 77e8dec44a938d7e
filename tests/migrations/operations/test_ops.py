"""Operations as data: what they know, their reverse and the differences they stand for."""

from __future__ import annotations

import pytest

import pyorm as sa
from pyorm.migrations.operations import ops


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
