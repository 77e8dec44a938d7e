"""What tests of comparisons share: compare, apply, take back."""

from __future__ import annotations

from typing import Any

from pyorm import MetaData
from pyorm.migrations.autogenerate.api import AutogenContext
from pyorm.migrations.autogenerate.compare import populate_upgrade_ops
from pyorm.migrations.operations import ops
from pyorm.migrations.operations.base import Operations
from pyorm.migrations.runtime.migration import MigrationContext


def differences(connection: Any, metadata: Any, **opts: Any) -> ops.UpgradeOps:
    """Return the operations that turn the database into the model."""
    context = MigrationContext.configure(connection, opts={"target_metadata": metadata, **opts})
    upgrade = ops.UpgradeOps([])
    populate_upgrade_ops(AutogenContext(context, metadata), upgrade)
    return upgrade


def flat(container: Any) -> list[Any]:
    """Return the operations without their groups."""
    found: list[Any] = []
    for operation in container.ops:
        found += flat(operation) if isinstance(operation, ops.OpContainer) else [operation]
    return found


def kinds(container: Any) -> list[str]:
    """Return the operations' class names in order."""
    return [type(operation).__name__ for operation in flat(container)]


def apply(connection: Any, container: Any, metadata: Any = None) -> None:
    """Carry operations out."""
    context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
    operations = Operations(context)
    for operation in container.ops:
        operations.invoke(operation)


def check_law(connection: Any, before: MetaData, after: MetaData, expected: list[str], **opts: Any) -> ops.UpgradeOps:
    """Create `before`, compare with `after`: what is expected is found once, applied, taken back by the reverse."""
    before.create_all(connection)
    assert kinds(differences(connection, before, **opts)) == []
    upgrade = differences(connection, after, **opts)
    assert kinds(upgrade) == expected
    for difference in upgrade.as_diffs():
        assert difference
    apply(connection, upgrade, after)
    assert kinds(differences(connection, after, **opts)) == []
    apply(connection, upgrade.reverse(), before)
    assert kinds(differences(connection, before, **opts)) == []
    before.drop_all(connection)
    after.create_all(connection)
    assert kinds(differences(connection, after, **opts)) == []
    return upgrade
