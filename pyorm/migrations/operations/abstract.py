"""`AbstractOperations`: how an operation is called by name, numbered and carried out.

A method such as `op.create_table(…)` builds the operation as data and gives it to `invoke`, which
finds the function that carries it out (`toimpl`, or a program's own) by the operation's class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from pyorm import _core, exc
from pyorm.migrations.operations.op_base import MigrateOperation
from pyorm.schema._base import conv

if TYPE_CHECKING:
    from typing import Self

    from pyorm.migrations.operations.batch_operations import BatchOperations
    from pyorm.schema import Table

_T = TypeVar("_T")
_C = TypeVar("_C", bound=Callable[..., Any])


class AbstractOperations:
    """What `Operations` and `BatchOperations` share.

    Args:
        migration_context: where the operations run.
        impl: what carries out their verbs; None takes the context's.
    """

    _implementations: ClassVar[dict[type[Any], Callable[..., Any]]] = {}

    def __init__(self, migration_context: Any, impl: Any = None) -> None:
        """Keep the context."""
        self.migration_context = migration_context
        self.impl = migration_context.impl if impl is None else impl
        self._depth = 0

    # ---- operations of one's own -------------------------------------------------------------------------------
    @classmethod
    def register_operation(cls, name: str, sourcename: str | None = None) -> Callable[[type[_T]], type[_T]]:
        """Return a class decorator that adds a method which builds an operation.

        Args:
            name: the method's name on this class, and of `op`.
            sourcename: the operation's classmethod that it calls; None if it has the same name.

        Returns:
            A decorator of an operation's class; the classmethod takes the Operations object first.
        """

        def register(operation: type[_T]) -> type[_T]:
            source = getattr(operation, sourcename or name)

            def method(self: AbstractOperations, *args: Any, **kw: Any) -> Any:
                return source(self, *args, **kw)

            method.__name__, method.__doc__ = name, source.__doc__
            method.__qualname__ = f"{cls.__name__}.{name}"
            setattr(cls, name, method)
            return operation

        return register

    @classmethod
    def implementation_for(cls, op_cls: type[Any], replace: bool = False) -> Callable[[_C], _C]:
        """Return a decorator of the function that carries out operations of a class.

        Args:
            op_cls: the operation's class; classes derived from it are carried out the same way.
            replace: whether a function that is there already gives way.

        Returns:
            A decorator of `(operations, operation) -> result`.

        Raises:
            ValueError: there is one already, and `replace` is False.
        """

        def register(function: _C) -> _C:
            if op_cls in cls._implementations and not replace:
                raise ValueError(
                    f"There is already a function that carries out {op_cls.__name__}; give replace=True to put another "
                    "in its place"
                )
            cls._implementations[op_cls] = function
            return function

        return register

    def invoke(self, operation: MigrateOperation) -> Any:
        """Carry an operation out.

        Args:
            operation: the operation, as data.

        Returns:
            What the function that carries it out returns, such as the Table of a CreateTableOp.

        Raises:
            ValueError: nobody said how operations of that class are carried out.
        """
        function = self._implementation_of(type(operation))
        return self._numbered(operation, lambda: function(self, operation))

    @classmethod
    def _implementation_of(cls, kind: type[Any]) -> Callable[..., Any]:
        for base in kind.__mro__:
            found = cls._implementations.get(base)
            if found is not None:
                return found
        raise ValueError(
            f"no implementation of {kind.__name__}: decorate a function with @Operations.implementation_for"
            f"({kind.__name__})"
        )

    def _numbered(self, operation: MigrateOperation, carry_out: Callable[[], Any]) -> Any:
        """Carry out an operation unless it is a revision's own one and an earlier, broken run has committed it."""
        if not self._depth:
            begins = getattr(self.migration_context, "_operation_begins", None)
            if begins is not None:
                begins()
        gate = getattr(self.migration_context, "gate", None)
        if gate is None or self._depth:
            return self._nested(carry_out)
        if gate.done_before(operation):
            return operation.skipped_result(self.migration_context)
        result = self._nested(carry_out)
        gate.finished(operation)
        return result

    def _nested(self, carry_out: Callable[[], Any]) -> Any:
        self._depth += 1
        try:
            return carry_out()
        finally:
            self._depth -= 1

    # ---- where the operations run ------------------------------------------------------------------------------
    @classmethod
    @contextmanager
    def context(cls, migration_context: Any) -> Iterator[Self]:
        """Make an Operations object, and let the module `pyorm.migrations.op` mean it within the block."""
        from importlib import import_module

        proxy = import_module("pyorm.migrations.op")._proxy
        operations = cls(migration_context)
        proxy.push(operations)
        try:
            yield operations
        finally:
            proxy.pop(operations)

    def get_context(self) -> Any:
        """Return the MigrationContext."""
        return self.migration_context

    def get_bind(self) -> Any:
        """Return the connection of the migration; what it executes in a script's place is written there."""
        return self.migration_context.impl.bind

    def run_async(self, async_function: Callable[..., Any], *args: Any, **kw_args: Any) -> Any:
        """Call an async function with an AsyncConnection over the migration's connection.

        Raises:
            ValueError: the migration runs on an engine that is not async.
        """
        del async_function, args, kw_args
        raise ValueError(
            "Cannot call run_async with a sync engine: it needs a migration that runs on an async engine's connection"
        )

    # ---- values ------------------------------------------------------------------------------------------------
    def f(self, name: str) -> conv:
        """Mark a constraint's name as final: a naming convention leaves it as it is."""
        return conv(name)

    def inline_literal(self, value: Any, type_: Any = None) -> Any:
        """Return a value that stands in the statement itself and is no parameter, also on a connection.

        Args:
            value: a str or an int, or whatever the type can write.
            type_: its type; None takes the value's.
        """
        literal = _core.literal(value, type_)
        text = _core.compile_string(literal, self.migration_context.impl.dialect, literal_binds=True)
        return _core.literal_column(text, literal.type)

    # ---- batches -----------------------------------------------------------------------------------------------
    @contextmanager
    def batch_alter_table(
        self,
        table_name: str,
        schema: str | None = None,
        recreate: Literal["auto", "always", "never"] = "auto",
        partial_reordering: Sequence[tuple[str, ...]] | None = None,
        copy_from: Table | None = None,
        table_args: tuple[Any, ...] = (),
        table_kwargs: Mapping[str, Any] | None = None,
        reflect_args: tuple[Any, ...] = (),
        reflect_kwargs: Mapping[str, Any] | None = None,
        naming_convention: Mapping[Any, Any] | None = None,
    ) -> Iterator[BatchOperations]:
        """Collect changes of one table, and carry them out together when the block ends.

        On SQLite, what ALTER TABLE cannot do there makes the table anew, once for all changes of
        the block; elsewhere each change is an ALTER TABLE of its own.

        Args:
            table_name: the table's name.
            schema: its schema.
            recreate: "auto" makes the table anew where the database has to, "always" and "never".
            partial_reordering: tuples of column names that shall stand in this order.
            copy_from: the Table as it stands, in place of reading it; a script needs it on SQLite.
            table_args: constraints that the new table gets besides.
            table_kwargs: options of the new table, such as `sqlite_autoincrement`.
            reflect_args: columns and constraints that replace what is read.
            reflect_kwargs: arguments of the Table that is read, such as `listeners`.
            naming_convention: names for the constraints of the table that have none, to drop them by.

        Raises:
            ArgumentError: an unknown value of `recreate`.
        """
        from pyorm.migrations.operations.batch import BatchOperationsImpl, BatchTableOp
        from pyorm.migrations.operations.batch_operations import BatchOperations

        if recreate not in ("auto", "always", "never"):
            raise exc.ArgumentError("recreate may be one of 'auto', 'always', or 'never'.")
        impl = BatchOperationsImpl(
            self, table_name, schema, recreate, copy_from, table_args, dict(table_kwargs or {}), reflect_args,
            dict(reflect_kwargs or {}), dict(naming_convention or {}), partial_reordering,
        )  # fmt: skip
        batch = BatchOperations(self.migration_context, impl=impl)
        batch._depth = 1
        yield batch
        self._numbered(BatchTableOp(table_name, impl.batch, schema=schema), impl.flush)
