"""What every schema object shares: the parent protocol, dialect options, `info`, and marked names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

from pyorm import exc
from pyorm.schema import events


class quoted_name(str):
    """A name that says whether it is quoted, wherever it goes: DDL, queries, labels, aliases.

    Args:
        value: the identifier as the database stores it.
        quote: True always quotes, False never, None follows the dialect's rules (reserved words, case).
    """

    __slots__ = ("quote",)
    quote: bool | None

    def __new__(cls, value: str, quote: bool | None = None) -> quoted_name:
        """Make the name, keeping an already marked one whose mark agrees."""
        if isinstance(value, quoted_name) and (quote is None or value.quote is quote):
            return value
        self = super().__new__(cls, value)
        self.quote = quote
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the text and its mark."""
        return quoted_name, (str(self), self.quote)


BLANK_SCHEMA: Any = type("_BlankSchema", (), {"__repr__": lambda self: "BLANK_SCHEMA"})()


class conv(str):
    """Marks a constraint name as final: a naming convention leaves it alone."""

    __slots__ = ()


class DialectOptions(Mapping[str, dict[str, Any]]):
    """Read access to `postgresql_*` and `sqlite_*` keywords, by dialect and by short name."""

    __slots__ = ("_options",)

    def __init__(self, options: dict[str, dict[str, Any]]) -> None:
        """Wrap `{dialect: {name: value}}`."""
        self._options = options

    def __getitem__(self, dialect: str) -> dict[str, Any]:
        """Return the options of one dialect; an unknown dialect has none."""
        return self._options.setdefault(dialect, {})

    def __iter__(self) -> Iterator[str]:
        """Iterate over dialect names."""
        return iter(self._options)

    def __len__(self) -> int:
        """Return the number of dialects named."""
        return len(self._options)


# The keyword options each kind of schema object takes, by dialect. What is not here is refused by name.
_KNOWN_OPTIONS: dict[str, dict[str, frozenset[str]]] = {
    "Table": {
        "postgresql": frozenset({"partition_by", "with", "with_oids", "on_commit", "tablespace", "inherits", "using"}),
        "sqlite": frozenset({"autoincrement", "with_rowid", "strict"}),
    },
    "Column": {"sqlite": frozenset({"on_conflict_primary_key", "on_conflict_not_null", "on_conflict_unique"})},
    "Index": {
        "postgresql": frozenset(
            {"using", "where", "ops", "with", "tablespace", "include", "concurrently", "nulls_not_distinct"}
        ),
        "sqlite": frozenset({"where"}),
    },
    "UniqueConstraint": {
        "postgresql": frozenset({"include", "nulls_not_distinct"}),
        "sqlite": frozenset({"on_conflict"}),
    },
    "PrimaryKeyConstraint": {"postgresql": frozenset({"include"}), "sqlite": frozenset({"on_conflict"})},
    "ForeignKeyConstraint": {"postgresql": frozenset({"not_valid"})},
    "CheckConstraint": {"postgresql": frozenset({"not_valid"}), "sqlite": frozenset({"on_conflict"})},
}
# Other dialects' options are carried along unread, so that models shared between databases declare without an edit.
_FOREIGN_DIALECTS = ("mysql", "mariadb", "oracle", "mssql")


class SchemaItem:
    """Base of columns, tables, constraints, indexes and defaults."""

    __visit_name__ = "schema_item"
    dispatch = events.dispatch
    _dispatch: Any = None  # the object's own listeners, once there are any

    def _set_parent(self, parent: Any) -> None:
        """Take the place in `parent`; each kind says what that means."""
        raise exc.ArgumentError(f"A {type(self).__name__} object can't be placed inside a {type(parent).__name__}.")

    @property
    def info(self) -> dict[Any, Any]:
        """A dict for the application's own use, made at the first look."""
        try:
            info: dict[Any, Any] = self.__dict__["_info"]
        except KeyError:
            info = self.__dict__["_info"] = {}
        return info

    @info.setter
    def info(self, value: dict[Any, Any]) -> None:
        self.__dict__["_info"] = value

    @property
    def dialect_options(self) -> DialectOptions:
        """The dialect-specific keywords as `{dialect: {name: value}}`."""
        return DialectOptions(self.__dict__.setdefault("_dialect_options", {}))

    @property
    def dialect_kwargs(self) -> dict[str, Any]:
        """The dialect-specific keywords under their long names (`postgresql_using`)."""
        return {
            f"{dialect}_{name}": value
            for dialect, options in self.__dict__.get("_dialect_options", {}).items()
            for name, value in options.items()
        }

    kwargs = dialect_kwargs

    def _take_dialect_options(self, kind: str, kwargs: dict[str, Any]) -> None:
        """Sort `postgresql_using=…` into dialects.

        Raises:
            TypeError: a keyword that names no dialect.
            ArgumentError: a dialect that does not know the option.
        """
        for key, value in kwargs.items():
            dialect, _, name = key.partition("_")
            if not name:
                raise TypeError(
                    f"Additional arguments should be named <dialectname>_<argument>, got '{key}' for {kind}"
                )
            known = _KNOWN_OPTIONS.get(kind, {}).get(dialect, frozenset())
            if name not in known and dialect in ("postgresql", "sqlite"):
                raise exc.ArgumentError(
                    f"Argument {key!r} is not accepted by dialect {dialect!r} on behalf of {kind}; "
                    f"it takes: {', '.join(sorted(dialect + '_' + n for n in known)) or 'no options'}"
                )
            if name not in known and dialect not in _FOREIGN_DIALECTS:
                raise TypeError(
                    f"Additional arguments should be named <dialectname>_<argument>, got '{key}' for {kind}"
                )
            self.__dict__.setdefault("_dialect_options", {}).setdefault(dialect, {})[name] = value


class DDLIf(NamedTuple):
    """The condition under which a piece of DDL is written: dialect names, a callable and what it is handed."""

    dialect: Any = None
    callable_: Any = None
    state: Any = None

    def holds(self, ddl: Any, target: Any, bind: Any, dialect: Any, compiler: Any = None) -> bool:
        """Return whether the DDL is written for this dialect and, where a callable was given, whether it says so."""
        if isinstance(self.dialect, str) and dialect.name != self.dialect:
            return False
        if isinstance(self.dialect, (tuple, list, set, frozenset)) and dialect.name not in self.dialect:
            return False
        return self.callable_ is None or bool(
            self.callable_(ddl, target, bind, state=self.state, dialect=dialect, compiler=compiler)
        )


class ConditionalDDL:
    """What constraints and indexes have in common: a condition under which their table's DDL has them."""

    _ddl_if: DDLIf | None = None

    def ddl_if(self, dialect: Any = None, callable_: Any = None, state: Any = None) -> Self:
        """Write this constraint or index only where the condition holds.

        Args:
            dialect: a dialect name or a tuple of names.
            callable_: `(ddl, target, bind, *, state, dialect, compiler, **kw) -> bool`; `bind` is None while a
                CREATE TABLE is only being rendered.
            state: handed to the callable.

        Returns:
            The object itself, so that it can stand in a Table's arguments.
        """
        self._ddl_if = DDLIf(dialect, callable_, state)
        return self


def option(item: Any, dialect: str, name: str, default: Any = None) -> Any:
    """Return one dialect option of a schema object, or the default."""
    return item.__dict__.get("_dialect_options", {}).get(dialect, {}).get(name, default)
