"""What every operation of a migration is: data that can be shown, reversed and compared.

An operation says what shall change and nothing about how: `toimpl` holds the functions that
carry it out, `pyorm.migrations.ddl` the texts per database, `autogenerate.render` the source
code that makes it again. Autogenerate, a script's `op.…` calls and users' own code all build
the same classes, so a tool that looks at operations (a linter, a rewriter) sees every change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pyorm.migrations.runtime.migration import MigrationContext

_T = TypeVar("_T")


class MigrateOperation:
    """One change of a schema or of its rows, as data.

    Users derive their own from it and register them with `Operations.register_operation`.
    """

    _info: dict[Any, Any] | None = None

    @property
    def info(self) -> dict[Any, Any]:
        """A dictionary of the caller's own, empty at first; rewriters and renderers may read it."""
        if self._info is None:
            self._info = {}
        return self._info

    def reverse(self) -> MigrateOperation:
        """Return the operation that takes this one back.

        Raises:
            NotImplementedError: it cannot be taken back from what it knows.
        """
        raise NotImplementedError(f"{type(self).__name__} has no reverse: it does not know what was there before")

    def to_diff_tuple(self) -> Any:
        """Return the change as `compare_metadata` lists it: a tuple that begins with a verb.

        Raises:
            NotImplementedError: the operation is no difference between two schemas.
        """
        raise NotImplementedError(f"{type(self).__name__} is no difference between two schemas")

    def skipped_result(self, migration_context: MigrationContext | None = None) -> Any:
        """Return what the operation would have returned, when an earlier, broken run has committed it."""
        del migration_context
        return None

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({shown})"


class OpContainer(MigrateOperation):
    """Operations in the order in which they are carried out.

    Args:
        ops: the operations; a list of its own is made.
    """

    def __init__(self, ops: Sequence[MigrateOperation] = ()) -> None:
        self.ops: list[MigrateOperation] = list(ops)

    def is_empty(self) -> bool:
        """Return whether nothing is in it; a container of empty containers is not empty."""
        return not self.ops

    def as_diffs(self) -> list[Any]:
        """Return every difference as `compare_metadata` does, changes of one column as one inner list."""
        return list(_diffs(self))


def _diffs(container: OpContainer) -> Iterator[Any]:
    for operation in container.ops:
        if isinstance(operation, OpContainer):
            yield from _diffs(operation)
        else:
            yield operation.to_diff_tuple()


class ModifyTableOps(OpContainer):
    """Operations on one table that exists.

    Args:
        table_name: its name.
        ops: what is done to it.
        schema: its schema, None for the default one.
    """

    def __init__(self, table_name: str, ops: Sequence[MigrateOperation], *, schema: str | None = None) -> None:
        super().__init__(ops)
        self.table_name = table_name
        self.schema = schema

    def reverse(self) -> ModifyTableOps:
        """Return the reverse of each operation, last first."""
        return ModifyTableOps(
            self.table_name, [operation.reverse() for operation in reversed(self.ops)], schema=self.schema
        )


class UpgradeOps(OpContainer):
    """What `upgrade()` does.

    Args:
        ops: the operations.
        upgrade_token: the variable of the script template that takes their source code.
    """

    def __init__(self, ops: Sequence[MigrateOperation] = (), upgrade_token: str = "upgrades") -> None:
        super().__init__(ops)
        self.upgrade_token = upgrade_token

    def reverse_into(self, downgrade_ops: DowngradeOps) -> DowngradeOps:
        """Put the reverse of every operation, last first, into `downgrade_ops` and return it."""
        downgrade_ops.ops[:] = [operation.reverse() for operation in reversed(self.ops)]
        return downgrade_ops

    def reverse(self) -> DowngradeOps:
        """Return new DowngradeOps that take this back."""
        return self.reverse_into(DowngradeOps([]))


class DowngradeOps(OpContainer):
    """What `downgrade()` does.

    Args:
        ops: the operations.
        downgrade_token: the variable of the script template that takes their source code.
    """

    def __init__(self, ops: Sequence[MigrateOperation] = (), downgrade_token: str = "downgrades") -> None:
        super().__init__(ops)
        self.downgrade_token = downgrade_token

    def reverse(self) -> UpgradeOps:
        """Return new UpgradeOps that take this back."""
        return UpgradeOps([operation.reverse() for operation in reversed(self.ops)])


class MigrationScript(MigrateOperation):
    """A script that is about to be written: where it stands and what it does.

    `process_revision_directives` gets a list of them and may change, replace or remove any.

    Args:
        rev_id: its revision id, None to make one.
        upgrade_ops: what upgrade() does; a list of them where there are several databases.
        downgrade_ops: what downgrade() does; a list likewise.
        message: the message given with `-m`.
        imports: lines of import that the script needs.
        head: the revision it follows.
        splice: whether it may follow a revision that is no head.
        branch_label: labels of the branch that it begins.
        version_path: the directory it is written to.
        depends_on: revisions it depends on.
    """

    def __init__(
        self,
        rev_id: str | None,
        upgrade_ops: UpgradeOps | list[UpgradeOps],
        downgrade_ops: DowngradeOps | list[DowngradeOps],
        *,
        message: str | None = None,
        imports: set[str] | None = None,
        head: str | None = None,
        splice: bool | None = None,
        branch_label: Any = None,
        version_path: Any = None,
        depends_on: Any = None,
    ) -> None:
        self.rev_id = rev_id
        self.message = message
        self.imports: set[str] = set() if imports is None else imports
        self.head = head
        self.splice = splice
        self.branch_label = branch_label
        self.version_path = version_path
        self.depends_on = depends_on
        self.upgrade_ops = upgrade_ops
        self.downgrade_ops = downgrade_ops

    @property
    def upgrade_ops(self) -> UpgradeOps | None:
        """The only UpgradeOps; None if there are none.

        Raises:
            ValueError: there are several, see `upgrade_ops_list`.
        """
        return _only(self.upgrade_ops_list, "upgrade_ops")

    @upgrade_ops.setter
    def upgrade_ops(self, value: UpgradeOps | list[UpgradeOps] | None) -> None:
        self.upgrade_ops_list: list[UpgradeOps] = _listed(value)

    @property
    def downgrade_ops(self) -> DowngradeOps | None:
        """The only DowngradeOps; None if there are none.

        Raises:
            ValueError: there are several, see `downgrade_ops_list`.
        """
        return _only(self.downgrade_ops_list, "downgrade_ops")

    @downgrade_ops.setter
    def downgrade_ops(self, value: DowngradeOps | list[DowngradeOps] | None) -> None:
        self.downgrade_ops_list: list[DowngradeOps] = _listed(value)


def _listed(value: _T | list[_T] | None) -> list[_T]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _only(values: list[_T], name: str) -> _T | None:
    if len(values) > 1:
        raise ValueError(f"This MigrationScript instance has a multiple-entry list for {name}; use {name}_list")
    return values[0] if values else None
