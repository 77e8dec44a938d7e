"""Rules that rewrite generated operations."""

from __future__ import annotations

from typing import Any

import pytest

import pyorm as sa
from pyorm.migrations.autogenerate.rewriter import Rewriter
from pyorm.migrations.operations import ops


def script(*operations: ops.MigrateOperation) -> ops.MigrationScript:
    upgrade = ops.UpgradeOps(list(operations))
    return ops.MigrationScript(None, upgrade, upgrade.reverse())


def add(name: str) -> ops.AddColumnOp:
    return ops.AddColumnOp("posts", sa.Column(name, sa.Integer, nullable=False))


def names(container: Any) -> list[str]:
    return [type(operation).__name__ for operation in container.ops]


@pytest.mark.feature("AL-AUTO18")
def test_operation_becomes_several_when_a_rule_says_so() -> None:
    writer = Rewriter()

    @writer.rewrites(ops.AddColumnOp)
    def nullable_first(context: Any, revision: Any, op: ops.AddColumnOp) -> list[ops.MigrateOperation]:
        op.column.nullable = True
        return [op, ops.AlterColumnOp("posts", op.column.name, modify_nullable=False)]

    directives = [script(ops.ModifyTableOps("posts", [add("a")]))]
    writer(None, (), directives)

    upgrade = directives[0].upgrade_ops
    assert upgrade is not None and names(upgrade) == ["ModifyTableOps"]
    assert names(upgrade.ops[0]) == ["AddColumnOp", "AlterColumnOp"]
    assert directives[0].downgrade_ops is not None and names(directives[0].downgrade_ops.ops[0]) == ["DropColumnOp"]


@pytest.mark.feature("AL-AUTO18")
def test_operation_is_left_out_when_a_rule_returns_nothing() -> None:
    writer = Rewriter()
    writer.rewrites((ops.AddColumnOp, ops.DropColumnOp))(lambda context, revision, op: [])

    directives = [script(ops.ModifyTableOps("posts", [add("a"), ops.CreateTableCommentOp("posts", "x")]))]
    writer.process_revision_directives(None, (), directives)

    upgrade = directives[0].upgrade_ops
    assert upgrade is not None and names(upgrade.ops[0]) == ["CreateTableCommentOp"]


@pytest.mark.feature("AL-AUTO18")
def test_rules_and_hooks_run_in_order_when_chained() -> None:
    seen: list[str] = []
    first, second = Rewriter(), Rewriter()

    @first.rewrites(ops.AddColumnOp)
    def one(context: Any, revision: Any, op: ops.AddColumnOp) -> ops.AddColumnOp:
        seen.append("first")
        return op

    @second.rewrites(ops.AddColumnOp)
    def two(context: Any, revision: Any, op: ops.AddColumnOp) -> ops.AddColumnOp:
        seen.append("second")
        return op

    def hook(context: Any, revision: Any, directives: list[Any]) -> None:
        seen.append("hook")
        directives.clear()

    directives = [script(add("a"))]
    first.chain(second).chain(hook)(None, (), directives)

    assert seen == ["first", "second", "hook"] and directives == []
    assert first._next is None
