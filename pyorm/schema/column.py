"""`Column`: a leaf of the expression tree and a column of a table's definition in one object."""

from __future__ import annotations

from collections.abc import Sequence as Items
from collections.abc import Set
from typing import Any

from pyorm import _core, exc
from pyorm.schema._base import SchemaItem
from pyorm.schema.constraints import ForeignKey
from pyorm.schema.defaults import ColumnDefault, DefaultClause, FetchedValue, Sequence
from pyorm.types import NULLTYPE, TypeEngine

_UNSET: Any = object()  # "not given", where None means something


class Column(_core.ColumnClause, SchemaItem):
    """A column of a `Table`, usable in every SQL expression.

    Args:
        name: the column's name in the database; may be left out in declarative classes.
        type_: its type (instance or class); left out, a ForeignKey's column gives it.
        *args: constraints, ForeignKey, Identity, Computed, Sequence, FetchedValue.
        key: the name in `table.c`; default the name.
        primary_key, nullable, unique, index: flags; nullable defaults to `not primary_key`.
        autoincrement: True, False, "auto" (a lone integer primary key without foreign key) or "ignore_fk".
        default, onupdate: the client's value for INSERT / UPDATE: value, callable or SQL expression.
        insert_default: as `default`, for dataclass mappings whose `default` means the constructor's.
        server_default, server_onupdate: DEFAULT of the definition, or FetchedValue.
        comment, doc, info, quote, system: facts about the column.
        renamed_from: what it was called before; migrations rename instead of dropping and adding.

    Raises:
        ArgumentError: a name given twice, an argument of an unknown kind.
    """

    __visit_name__ = "column"
    inherit_cache = True

    # What most columns are; an instance holds only what differs, since programs declare thousands of columns.
    primary_key = system = _user_nullable = _omit_from_statements = False
    nullable = True
    index: bool | None = None
    unique: bool | None = None
    doc: str | None = None
    comment: str | None = None
    autoincrement: Any = "auto"
    default: Any = None
    onupdate: Any = None
    server_default: Any = None
    server_onupdate: Any = None
    computed: Any = None
    identity: Any = None
    constraints: Set[Any] = frozenset()
    _type_check: Any = None  # the CHECK that its type brings along
    foreign_keys: Set[ForeignKey] = frozenset()

    def __init__(
        self,
        _name: Any = None,
        _type: Any = None,
        /,
        *args: Any,
        name: str | None = None,
        type_: Any = None,
        autoincrement: Any = "auto",
        default: Any = _UNSET,
        insert_default: Any = _UNSET,
        doc: str | None = None,
        key: str | None = None,
        index: bool | None = None,
        unique: bool | None = None,
        info: dict[Any, Any] | None = None,
        nullable: Any = _UNSET,
        onupdate: Any = None,
        primary_key: bool = False,
        server_default: Any = None,
        server_onupdate: Any = None,
        quote: bool | None = None,
        system: bool = False,
        comment: str | None = None,
        renamed_from: str | None = None,
        _omit_from_statements: bool = False,
        **dialect_kwargs: Any,
    ) -> None:
        """Sort name, type and items out of the positional arguments."""
        items: Items[Any]
        if name is type_ is _type is None and not args and _is_type(_name):  # what most columns of classes are
            type_, items = _name, args
        else:
            name, type_, items = _positional(name, type_, _name, _type, args)
        super().__init__(name, NULLTYPE if type_ is None else type_)
        if quote is not None:
            self.quote = quote
        if key is not None:
            self.key = key
        if primary_key:
            self.primary_key, self.nullable = True, False
        if nullable is not _UNSET:
            self.nullable, self._user_nullable = nullable, True
        if autoincrement != "auto":
            self.autoincrement = autoincrement
        if index is not None:
            self.index = index
        if unique is not None:
            self.unique = unique
        if doc is not None or comment is not None or info is not None:
            for flag, value in (("doc", doc), ("comment", comment), ("info", info)):
                if value is not None:
                    setattr(self, flag, value)
        if renamed_from is not None:
            self.info["renamed_from"] = renamed_from
        if system or _omit_from_statements:
            self.system, self._omit_from_statements = system, _omit_from_statements
        if dialect_kwargs:
            self._take_dialect_options("Column", dialect_kwargs)
        if insert_default is not _UNSET:
            default = insert_default
        if default is not _UNSET or not onupdate is server_default is server_onupdate is None:
            self._take_defaults(default, onupdate, server_default, server_onupdate)
        for item in items:
            item._set_parent(self)
        if getattr(self.type, "create_constraint", False):  # Boolean, Enum
            from pyorm.schema.type_checks import add_type_check

            add_type_check(self)

    def _take_defaults(self, default: Any, onupdate: Any, server_default: Any, server_onupdate: Any) -> None:
        if default is not _UNSET and default is not None:
            if not isinstance(default, (ColumnDefault, Sequence)):
                default = ColumnDefault(default)
            default._set_parent(self)
        if onupdate is not None:
            if not isinstance(onupdate, (ColumnDefault, Sequence)):
                onupdate = ColumnDefault(onupdate, for_update=True)
            onupdate._set_parent(self)
        for value, for_update in ((server_default, False), (server_onupdate, True)):
            if value is None:
                continue
            if not isinstance(value, FetchedValue):
                value = DefaultClause(value, for_update=for_update)
            elif value.for_update is not for_update:
                value = _for_update(value, for_update)
            value._set_parent(self)

    def _set_parent(self, parent: Any) -> None:
        if not hasattr(parent, "_add_column"):
            raise exc.ArgumentError(f"Column {self.name!r} can't be placed inside a {type(parent).__name__}")
        parent._add_column(self)

    def _add_constraint(self, constraint: Any) -> None:
        self.constraints = {*self.constraints, constraint}

    def _add_foreign_key(self, fk: ForeignKey) -> None:
        self.foreign_keys = {*self.foreign_keys, fk}

    def append_foreign_key(self, fk: ForeignKey) -> None:
        """Add a foreign key to a column that exists already."""
        fk._set_parent(self)

    def references(self, column: Column) -> bool:
        """Return whether a foreign key of this column refers to `column`."""
        return any(fk.column is column for fk in self.foreign_keys)

    def _copy(self, name: str | None = None, **kw: Any) -> Column:
        """Return a new column with the same definition, for mixins and `to_metadata`."""
        items = [c._copy(**kw) for c in self.constraints]
        items += [fk._copy(**kw) for fk in self.foreign_keys if fk._is_own]
        for value in (self.computed, self.identity):
            if value is not None:
                items.append(_clone(value))
        column = type(self)(
            name or self.name,
            self.type,
            *items,
            key=None if name or self.key == self.name else self.key,
            primary_key=self.primary_key,
            unique=self.unique,
            index=self.index,
            quote=self.quote,
            system=self.system,
            autoincrement=self.autoincrement,
            default=_UNSET if self.default is None else _clone(self.default),
            onupdate=None if self.onupdate is None else _clone(self.onupdate),
            server_default=None if self.server_default in (None, self.computed, self.identity) else self.server_default,
            server_onupdate=None if self.server_onupdate in (None, self.computed) else self.server_onupdate,
            doc=self.doc,
            comment=self.comment,
            _omit_from_statements=self._omit_from_statements,
            **self.dialect_kwargs,
        )
        if column.nullable != self.nullable:  # an annotation may have said it
            column.nullable = self.nullable
        if self._user_nullable:
            column._user_nullable = True
        if "_info" in self.__dict__:
            column.info = dict(self.info)
        return column

    copy = _copy

    def __str__(self) -> str:
        """Return `table.column`, or the name alone."""
        if self.name is None:
            return "(no name)"
        return f"{self.table.description}.{self.name}" if self.table is not None else str(self.name)

    def __repr__(self) -> str:
        """Return the definition in the form it would be written."""
        parts = []
        if self.name is not None:
            parts.append(repr(str(self.name)))
        parts.append(repr(self.type))
        parts += [repr(fk) for fk in self.foreign_keys]
        parts += [repr(c) for c in self.constraints]
        parts.append(f"table=<{self.table.description if self.table is not None else None}>")
        if self.key != self.name:
            parts.append(f"key={self.key!r}")
        if self.primary_key:
            parts.append("primary_key=True")
        if not self.nullable:
            parts.append("nullable=False")
        for name in ("onupdate", "default", "server_default", "comment"):
            value = getattr(self, name)
            if value is not None:
                parts.append(f"{name}={value!r}")
        return f"Column({', '.join(parts)})"


def _positional(
    name: Any, type_: Any, first: Any, second: Any, rest: tuple[Any, ...]
) -> tuple[Any, Any, Items[Any]]:
    """Give name, type and schema items from what was passed by position."""
    items: list[Any] = list(rest)
    if second is not None:
        items.insert(0, second)
    if first is not None:
        if isinstance(first, str):
            if name is not None:
                raise exc.ArgumentError("May not pass name positionally and as a keyword.")
            name = first
        else:
            items.insert(0, first)
    if items and _is_type(items[0]):
        if type_ is not None:
            raise exc.ArgumentError("May not pass type_ positionally and as a keyword.")
        type_ = items.pop(0)
    for item in items:
        if item is not None and not hasattr(item, "_set_parent"):
            raise exc.ArgumentError(
                f"'SchemaItem' object, such as a 'Column' or a 'Constraint' expected, got {item!r}"
                + (" (the type is the argument after the name)" if _is_type(item) else "")
            )
    return name, type_, [item for item in items if item is not None]


def _is_type(value: Any) -> bool:
    return isinstance(value, TypeEngine) or (isinstance(value, type) and issubclass(value, TypeEngine))


def _clone(value: Any) -> Any:
    """Return a parentless copy of a default."""
    new = object.__new__(type(value))
    new.__dict__.update(value.__dict__)
    new.column = None
    return new


def _for_update(value: FetchedValue, for_update: bool) -> FetchedValue:
    if value.column is None and getattr(value, "sqltext", None) is None and not value.is_identity:
        value = _clone(value)
        value.for_update = for_update
    return value
