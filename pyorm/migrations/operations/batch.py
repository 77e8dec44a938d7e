"""Batches: the changes of one table are collected, and carried out together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pyorm.migrations.operations.op_base import MigrateOperation

Call = tuple[str, tuple[Any, ...], dict[str, Any]]


class BatchTableOp(MigrateOperation):
    """A whole batch, as the one operation of a revision that it is.

    Args:
        table_name: the table's name.
        calls: the verbs that were collected, with their arguments.
        schema: the table's schema.
    """

    def __init__(self, table_name: str, calls: Sequence[Call], *, schema: str | None = None) -> None:
        self.table_name, self.schema = table_name, schema
        self.calls = calls


class BatchOperationsImpl:
    """Takes the verbs of a batch in an impl's place and keeps them until `flush()`.

    Attributes:
        batch: the verbs so far, each `(name, arguments, keyword arguments)`.
    """

    def __init__(
        self,
        operations: Any,
        table_name: str,
        schema: str | None,
        recreate: str = "auto",
        copy_from: Any = None,
        table_args: tuple[Any, ...] = (),
        table_kwargs: dict[str, Any] | None = None,
        reflect_args: tuple[Any, ...] = (),
        reflect_kwargs: dict[str, Any] | None = None,
        naming_convention: dict[Any, Any] | None = None,
        partial_reordering: Any = None,
    ) -> None:
        """Keep what the batch was told."""
        self.operations = operations
        self.table_name, self.schema = table_name, schema
        self.recreate, self.copy_from = recreate, copy_from
        self.table_args, self.table_kwargs = table_args, table_kwargs or {}
        self.reflect_args, self.reflect_kwargs = reflect_args, reflect_kwargs or {}
        self.naming_convention, self.partial_reordering = naming_convention or {}, partial_reordering
        self.batch: list[Call] = []

    @property
    def dialect(self) -> Any:
        """The dialect of the database."""
        return self.operations.impl.dialect

    @property
    def impl(self) -> Any:
        """What carries the verbs out."""
        return self.operations.impl

    @property
    def adds_keys_with_column(self) -> bool:
        """As the impl says."""
        return bool(self.impl.adds_keys_with_column)

    def _should_recreate(self) -> bool:
        """Return whether the table is made anew."""
        if self.recreate == "auto":
            return bool(self.operations.impl.requires_recreate_in_batch(self))
        return self.recreate == "always"

    def _is_wanted(self, const: Any) -> bool:
        return bool(self.impl._is_wanted(const))

    @contextmanager
    def together(self, operations: Any, table_name: str, schema: str | None) -> Iterator[Any]:
        """Give itself: everything in a batch is carried out together."""
        del operations, table_name, schema
        yield self

    def flush(self) -> None:
        """Carry everything out."""
        self.impl.flush_batch(self)

    def _collect(name: str) -> Callable[..., None]:  # type: ignore[misc]
        def verb(self: BatchOperationsImpl, *args: Any, **kw: Any) -> None:
            self.batch.append((name, args, kw))

        verb.__name__ = name
        verb.__doc__ = f"Keep {name} for later."
        return verb

    add_column = _collect("add_column")
    alter_column = _collect("alter_column")
    drop_column = _collect("drop_column")
    add_constraint = _collect("add_constraint")
    drop_constraint = _collect("drop_constraint")
    rename_constraint = _collect("rename_constraint")
    create_index = _collect("create_index")
    drop_index = _collect("drop_index")
    rename_index = _collect("rename_index")
    rename_table = _collect("rename_table")
    create_table_comment = _collect("create_table_comment")
    drop_table_comment = _collect("drop_table_comment")
    create_column_comment = _collect("create_column_comment")

    def create_table(self, table: Any, **kw: Any) -> None:
        """Refuse: a batch changes one table that is there."""
        raise NotImplementedError("Can't create table in batch mode")

    def drop_table(self, table: Any, **kw: Any) -> None:
        """Refuse: a batch changes one table that is there."""
        raise NotImplementedError("Can't drop table in batch mode")
