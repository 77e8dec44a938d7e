"""Column defaults: values made by the client, by the server, and generated columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyorm import exc
from pyorm.schema._base import BLANK_SCHEMA, SchemaItem, quoted_name

_MAX_POSITIONAL = 1  # a callable default takes at most the execution context


class DefaultGenerator(SchemaItem):
    """Base of what fills a column that a statement does not name."""

    column: Any = None
    for_update = False
    is_sequence = False
    is_identity = False
    is_scalar = False
    is_callable = False
    is_clause_element = False
    has_arg = False

    def _set_parent(self, parent: Any) -> None:
        self.column = parent
        if self.for_update:
            parent.onupdate = self
        else:
            parent.default = self


class ColumnDefault(DefaultGenerator):
    """A default that the client supplies: a value, a callable or a SQL expression.

    Args:
        arg: the value; a callable of no argument or of the execution context; or a SQL expression.
        for_update: the value is for UPDATE (`Column(onupdate=…)`) instead of INSERT.
    """

    has_arg = True

    def __init__(self, arg: Any, for_update: bool = False) -> None:
        """Sort the argument into value, callable and expression."""
        if isinstance(arg, FetchedValue):
            raise exc.ArgumentError("ColumnDefault may not be a server-side default type.")
        self.for_update = for_update
        if hasattr(arg, "__clause_element__") or _is_clause(arg):
            self.is_clause_element = True
        elif callable(arg):
            self.is_callable = True
            arg = _context_callable(arg)
        else:
            self.is_scalar = True
        self.arg = arg

    def __repr__(self) -> str:
        """Show the kind and the argument."""
        return f"{type(self).__name__}({self.arg!r})"


def _is_clause(value: Any) -> bool:
    from pyorm import _core

    return isinstance(value, _core.ClauseElement)


def _context_callable(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return `fn` as a function of the execution context; one that takes nothing is wrapped."""
    import inspect

    try:
        signature = inspect.signature(fn)
    except (ValueError, TypeError):  # a builtin without a signature takes no context
        return _without_context(fn)
    required = [
        p
        for p in signature.parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]
    if len(required) > _MAX_POSITIONAL:
        raise exc.ArgumentError("ColumnDefault Python function takes zero or one positional arguments")
    if required:
        return fn
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
    return fn if takes_any and inspect.isfunction(fn) else _without_context(fn)


def _without_context(fn: Callable[[], Any]) -> Callable[[Any], Any]:
    def call(context: Any) -> Any:
        return fn()

    call.__wrapped__ = fn  # type: ignore[attr-defined]
    call.__name__ = getattr(fn, "__name__", "default")
    return call


class FetchedValue(SchemaItem):
    """Marks a value that the server makes (trigger, default made elsewhere): fetched after the write.

    Args:
        for_update: the value is made by UPDATE (`server_onupdate=`).
    """

    is_server_default = True
    has_argument = False
    is_clause_element = False
    is_identity = False
    reflected = False
    column: Any = None

    def __init__(self, for_update: bool = False) -> None:
        """Keep which statement makes the value."""
        self.for_update = for_update

    def _set_parent(self, parent: Any) -> None:
        self.column = parent
        if self.for_update:
            parent.server_onupdate = self
        else:
            parent.server_default = self

    def __repr__(self) -> str:
        """Show the kind."""
        return f"{type(self).__name__}()"


class DefaultClause(FetchedValue):
    """A DEFAULT of the table definition.

    Args:
        arg: a str (rendered as a quoted string), or `text()`, a function or another SQL expression.
    """

    has_argument = True

    def __init__(self, arg: Any, for_update: bool = False, _reflected: bool = False) -> None:
        """Check the argument's kind.

        Raises:
            ArgumentError: neither a str nor a SQL expression.
        """
        if not isinstance(arg, str) and not _is_clause(arg):
            raise exc.ArgumentError(
                f"Argument 'arg' is expected to be one of type 'str' or a SQL expression, got {type(arg).__name__!r}; "
                "write server_default=\"…\" or server_default=text(\"…\")"
            )
        super().__init__(for_update)
        self.arg = arg
        self.reflected = _reflected

    def __repr__(self) -> str:
        """Show the argument."""
        return f"DefaultClause({self.arg!r}, for_update={self.for_update!r})"


class Computed(FetchedValue):
    """A generated column: `GENERATED ALWAYS AS (expression)`.

    Args:
        sqltext: the expression, str or SQL expression.
        persisted: True STORED, False VIRTUAL, None the database's own default.
    """

    def __init__(self, sqltext: Any, persisted: bool | None = None) -> None:
        """Keep the expression; a str is SQL text."""
        super().__init__()
        if isinstance(sqltext, str):
            from pyorm import _core

            sqltext = _core.text(sqltext)
        self.sqltext = sqltext
        self.persisted = persisted

    def _set_parent(self, parent: Any) -> None:
        if parent.server_default is not None or parent.server_onupdate is not None:
            raise exc.ArgumentError(
                f"Column {parent.name!r}: a generated column cannot have a server_default or server_onupdate"
            )
        self.column = parent
        parent.computed = parent.server_default = parent.server_onupdate = self


class Identity(FetchedValue):
    """`GENERATED { ALWAYS | BY DEFAULT } AS IDENTITY` (PostgreSQL, CREATE TABLE); ignored on SQLite.

    Args:
        always: True ALWAYS, False BY DEFAULT.
        start, increment, minvalue, maxvalue, cache: sequence options, whole numbers.
        nominvalue, nomaxvalue, cycle: sequence options, flags.
        on_null: Oracle's `ON NULL`; kept, not rendered.
    """

    is_identity = True

    def __init__(
        self,
        always: bool | None = False,
        *,
        on_null: bool | None = None,
        start: int | None = None,
        increment: int | None = None,
        minvalue: int | None = None,
        maxvalue: int | None = None,
        nominvalue: bool | None = None,
        nomaxvalue: bool | None = None,
        cycle: bool | None = None,
        cache: int | None = None,
        order: bool | None = None,
    ) -> None:
        """Keep the options."""
        super().__init__()
        self.always, self.on_null, self.order = always, on_null, order
        self.start, self.increment, self.minvalue, self.maxvalue = start, increment, minvalue, maxvalue
        self.nominvalue, self.nomaxvalue, self.cycle, self.cache = nominvalue, nomaxvalue, cycle, cache

    def _set_parent(self, parent: Any) -> None:
        if parent.server_default is not None:
            raise exc.ArgumentError(f"Column {parent.name!r}: an identity column cannot have a server_default")
        self.column = parent
        parent.identity = parent.server_default = self
        if not parent._user_nullable:
            parent.nullable = False


class Sequence(DefaultGenerator):
    """A named PostgreSQL sequence, used as a column default or alone; SQLite has none and ignores it.

    Args:
        name: the sequence's name.
        start, increment, minvalue, maxvalue, cache, cycle: options of CREATE SEQUENCE.
        schema: its schema; None takes the MetaData's.
        metadata: the MetaData that creates and drops it.
    """

    is_sequence = True

    def __init__(
        self,
        name: str,
        start: int | None = None,
        increment: int | None = None,
        minvalue: int | None = None,
        maxvalue: int | None = None,
        nominvalue: bool | None = None,
        nomaxvalue: bool | None = None,
        cycle: bool | None = None,
        schema: str | None = None,
        cache: int | None = None,
        order: bool | None = None,
        data_type: Any = None,
        optional: bool = False,
        quote: bool | None = None,
        metadata: Any = None,
        quote_schema: bool | None = None,
        for_update: bool = False,
    ) -> None:
        """Keep the options and register with the metadata."""
        self.name, self.start, self.increment = name if quote is None else quoted_name(name, quote), start, increment
        self.minvalue, self.maxvalue, self.nominvalue, self.nomaxvalue = minvalue, maxvalue, nominvalue, nomaxvalue
        self.cycle, self.cache, self.order, self.data_type, self.optional = cycle, cache, order, data_type, optional
        self.for_update = for_update
        self.metadata = metadata
        if schema is BLANK_SCHEMA:
            schema = None
        elif schema is None and metadata is not None:
            schema = metadata.schema
        self.schema = schema if schema is None or quote_schema is None else quoted_name(schema, quote_schema)
        if metadata is not None:
            metadata._sequences[self._key] = self

    @property
    def _key(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name

    def _set_parent(self, parent: Any) -> None:
        super()._set_parent(parent)
        if parent.table is not None:
            parent.table.metadata._sequences.setdefault(self._key, self)

    def _execute_on_connection(self, connection: Any, parameters: Any = None, execution_options: Any = None) -> Any:
        """Take the next value: `connection.scalar(sequence)`."""
        return connection.execute(self.next_value())

    def next_value(self) -> Any:
        """Return the SQL expression `nextval('name')`."""
        from pyorm import _core

        parts = (self.schema, self.name) if self.schema else (self.name,)
        name = ".".join(_core.quote_identifier(part, "postgresql") for part in parts)
        return _core.func.nextval(_core.literal_column("'" + name.replace("'", "''") + "'"))

    def create(self, bind: Any, checkfirst: Any = True) -> None:
        """Emit CREATE SEQUENCE, where the database has sequences and this one not yet."""
        from pyorm.schema.create import create_sequence

        create_sequence(bind, self, checkfirst)

    def drop(self, bind: Any, checkfirst: Any = True) -> None:
        """Emit DROP SEQUENCE, where the database has this one."""
        from pyorm.schema.create import drop_sequence

        drop_sequence(bind, self, checkfirst)
