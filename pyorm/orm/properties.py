"""What a mapper knows of an attribute: columns, options, and what a class body may hold."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from pyorm import _core, exc
from pyorm.schema import Column
from pyorm.schema.constraints import ForeignKey

_T = TypeVar("_T")
_UNSET: Any = object()
MUTABLE_TYPES: list[tuple[type, Any]] = []
"""Type classes whose columns keep their values as a class of pyorm.ext.mutable."""


class Mapped(Generic[_T]):
    """Annotation of a mapped attribute: `Mapped[int]`, `Mapped[str | None]`.

    Type checkers see an expression on the class and a value on its instances.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: Any) -> _core.InstrumentedAttribute: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> _T: ...
        def __get__(self, instance: object | None, owner: Any) -> Any: ...
        def __set__(self, instance: Any, value: _T | _core.ColumnElement) -> None: ...
        def __delete__(self, instance: Any) -> None: ...


class Unmapped(Generic[_T]):
    """Annotation of a column that is in the table and no attribute of the class: `Unmapped[int]`."""

    __slots__ = ()


class MapperProperty:
    """One mapped attribute of a mapper.

    Attributes:
        key: the attribute's name.
        parent: the Mapper.
        doc, info: facts for the application.
    """

    key: str
    parent: Any = None
    doc: str | None = None
    is_property = True
    is_attribute = False

    @property
    def info(self) -> dict[Any, Any]:
        """A dict for the application's own use."""
        info: dict[Any, Any] = self.__dict__.setdefault("_info", {})
        return info

    @property
    def class_attribute(self) -> Any:
        """The attribute on the mapped class."""
        return getattr(self.parent.class_, self.key)

    def __str__(self) -> str:
        """Return `Class.key`."""
        return f"{self.parent.class_.__name__}.{self.key}" if self.parent is not None else "(unmapped)"

    def __repr__(self) -> str:
        """Show the kind and the attribute."""
        return f"<{type(self).__name__} at {id(self):#x}; {getattr(self, 'key', 'no key')}>"


class ColumnProperty(MapperProperty):
    """An attribute that stands for a column, or for a SQL expression.

    Args:
        column: a column or an expression.
        *additional: further columns that hold the same value.
        deferred: load at first access.
        group: name of the deferred group.
        active_history: keep the value that a change replaces, loading it if needed.
        raiseload: refuse to load at access.
        expire_on_flush, doc, info: as named.
    """

    strategy_wildcard_key = "column"
    _query_expression = False

    def __init__(
        self,
        column: Any,
        *additional: Any,
        group: str | None = None,
        deferred: bool = False,
        raiseload: bool = False,
        active_history: bool = False,
        expire_on_flush: bool = True,
        comparator_factory: Any = None,
        info: dict[Any, Any] | None = None,
        doc: str | None = None,
        **dataclass_options: Any,
    ) -> None:
        """Keep the columns."""
        columns = [c.column if isinstance(c, MappedColumn) else c for c in (column, *additional)]
        for one in columns:
            if not isinstance(one, _core.ClauseElement) and not hasattr(one, "__clause_element__"):
                raise exc.ArgumentError(f"Column expression expected for argument 'column'; got {one!r}.")
        self.columns = columns
        self.group, self.deferred, self.raiseload = group, deferred, raiseload
        self.active_history, self.expire_on_flush = active_history, expire_on_flush
        self.comparator_factory = comparator_factory
        self.doc = doc if doc is not None else getattr(columns[-1], "doc", None)
        self._dataclass_options = dataclass_options
        if info is not None:
            self._info = info

    @property
    def expression(self) -> Any:
        """The column, or the expression."""
        return self.columns[0]

    def _copy(self) -> ColumnProperty:
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.columns = list(self.columns)
        return new


class MappedSQLExpression(ColumnProperty):
    """What `column_property()`, `deferred()` and `query_expression()` declare."""


_OPERATORS = (
    "eq ne lt le gt ge add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod and or invert neg "
    "getitem"
)


def _on_column(operator: Any) -> Any:
    """Return a method that applies an operator of Column to the column of a MappedColumn."""

    def apply(self: Any, *other: Any) -> Any:
        columns = [one.column if isinstance(one, MappedColumn) else one for one in other]
        return operator(self.column, *columns)

    return apply


def _with_operators(cls: Any) -> Any:
    """Give a class the operators of the Column that it stands for."""
    for word in _OPERATORS.split():
        name = f"__{word}__"
        setattr(cls, name, _on_column(getattr(Column, name)))
    cls.__hash__ = object.__hash__
    return cls


_DATACLASS_OPTIONS = ("default", "init", "repr", "default_factory", "compare", "kw_only", "hash", "metadata")


@_with_operators
class MappedColumn(Generic[_T]):
    """A column of a declarative class before its table exists: `mapped_column(…)`.

    Attributes:
        column: the Column, whose name and type are completed from the attribute.
    """

    # What most columns are; an instance holds only what differs.
    deferred = deferred_raiseload = active_history = use_existing_column = False
    deferred_group: str | None = None
    sort_order: int = 0
    _has_sort_order = _has_nullable = _has_insert_default = _named = False
    _dataclass_options: Mapping[str, Any] = MappingProxyType({})
    _owner = "?"  # the declaring class's name, for messages

    def __init__(
        self,
        *args: Any,
        nullable: Any = _UNSET,
        deferred: Any = _UNSET,
        deferred_group: str | None = None,
        deferred_raiseload: bool | None = None,
        active_history: bool = False,
        sort_order: Any = _UNSET,
        use_existing_column: bool = False,
        default: Any = _UNSET,
        insert_default: Any = _UNSET,
        init: Any = _UNSET,
        repr: Any = _UNSET,
        default_factory: Any = _UNSET,
        compare: Any = _UNSET,
        kw_only: Any = _UNSET,
        hash: Any = _UNSET,
        dataclass_metadata: Any = _UNSET,
        **kw: Any,
    ) -> None:
        """Split column arguments from mapping arguments."""
        if deferred_group is not None or deferred_raiseload:
            self.deferred, self.deferred_group, self.deferred_raiseload = True, deferred_group, bool(deferred_raiseload)
        if deferred is not _UNSET:
            self.deferred = deferred
        if active_history:
            self.active_history = active_history
        if sort_order is not _UNSET:
            self.sort_order, self._has_sort_order = sort_order, True
        if use_existing_column:
            self.use_existing_column = use_existing_column
        if not default is init is repr is default_factory is compare is kw_only is hash is dataclass_metadata is _UNSET:
            given = (default, init, repr, default_factory, compare, kw_only, hash, dataclass_metadata)
            pairs = zip(_DATACLASS_OPTIONS, given, strict=True)
            self._dataclass_options = {name: value for name, value in pairs if value is not _UNSET}
        if insert_default is not _UNSET:
            default = insert_default
        if default is not _UNSET:
            kw["default"] = default
            self._has_insert_default = True
        if nullable is not _UNSET:
            kw["nullable"] = nullable
            self._has_nullable = True
        self.column = Column(*args, **kw)
        if self.column.name is not None:
            self._named = True

    @property
    def name(self) -> str | None:
        """The column's name, or None while the attribute has not given it."""
        return self.column.name

    @property
    def foreign_keys(self) -> Any:
        """The column's foreign keys."""
        return self.column.foreign_keys

    def __clause_element__(self) -> Column:
        """Stand for the column in expressions of the class body."""
        return self.column

    def operate(self, op: Any, *other: Any, **kw: Any) -> Any:
        """Apply an operator to the column."""
        return op(self.column, *other, **kw)

    def __getattr__(self, name: str) -> Any:
        """Offer the column's methods while the class is being declared (`desc()`, `in_()`, …)."""
        if name.startswith("_") or name == "column":
            raise AttributeError(name)
        return getattr(self.column, name)

    def _copy(self) -> MappedColumn[Any]:
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.column = self.column._copy()
        return new

    def _complete(self, key: str, annotation: Any) -> None:
        """Give the column its name, and what the annotation says where the call was silent."""
        column = self.column
        if column.name is None:
            column.name, column.key = key, column.key or key
        elif column.key is None:
            column.key = column.name
        if annotation is not None:
            self._merge_template(annotation)
            if column.type._isnull and not column.foreign_keys:
                column.type = annotation.resolve_type(key)
            if not self._has_nullable and not column._user_nullable and not column.primary_key:
                column.nullable = annotation.nullable
        elif column.type._isnull and not column.foreign_keys and column.computed is None:
            raise exc.ArgumentError(
                f'Python typing annotation is required for attribute "{self._owner}.{key}" when primary '
                f'argument(s) for "{type(self).__name__}" construct are None or not present'
            )

    def _merge_template(self, annotation: Any) -> None:
        """Take over the options of a `mapped_column()` inside `Annotated[…]`."""
        template = annotation.template
        if template is None:
            return
        if template.column.name is not None and not self._named:
            self.column.name = self.column.key = template.column.name
        _merge_column(self.column, template.column)
        if not self._has_sort_order and template._has_sort_order:
            self.sort_order = template.sort_order
        self._has_nullable = self._has_nullable or template._has_nullable
        for name in ("deferred", "deferred_group", "deferred_raiseload", "active_history"):
            if name not in self.__dict__ and name in template.__dict__:
                setattr(self, name, getattr(template, name))


class UnmappedColumn(MappedColumn[_T]):
    """A column of a declarative class's table that becomes no attribute: `unmapped_column(…)`."""


def _merge_column(column: Column, template: Column) -> None:
    """Fill in what the template says and the column does not."""
    if column.type._isnull and not template.type._isnull:
        column.type = template.type
    if template.primary_key:
        column.primary_key = True
        if not column._user_nullable:
            column.nullable = False
    if template._user_nullable and not column._user_nullable:
        column.nullable, column._user_nullable = template.nullable, True
    for name in ("unique", "index", "doc", "comment"):
        if getattr(column, name) is None:
            setattr(column, name, getattr(template, name))
    if column.autoincrement == "auto":
        column.autoincrement = template.autoincrement
    for name in ("default", "onupdate", "server_default", "server_onupdate"):
        value = getattr(template, name)
        if getattr(column, name) is None and value is not None:
            copy = object.__new__(type(value))
            copy.__dict__.update(value.__dict__)
            copy.column = None
            copy._set_parent(column)
    for fk in template.foreign_keys:
        if not any(
            isinstance(own, ForeignKey) and own.target_fullname == fk.target_fullname for own in column.foreign_keys
        ):
            fk._copy()._set_parent(column)
    for constraint in template.constraints:
        constraint._copy()._set_parent(column)


def mapped_column(*args: Any, **kw: Any) -> Any:
    """Declare a column of a declarative class.

    Args:
        *args: name, type, ForeignKey, Identity, … as for Column; name and type may be left to the attribute.
        **kw: Column's keywords, and: deferred, deferred_group, deferred_raiseload, active_history, sort_order
            (int; columns are ordered by it, then as declared), use_existing_column, and the dataclass options.

    Returns:
        A MappedColumn; after the class statement the attribute is an InstrumentedAttribute.

    Raises:
        ArgumentError: arguments that Column refuses.
    """
    return MappedColumn(*args, **kw)


def unmapped_column(*args: Any, **kw: Any) -> Any:
    """Declare a column that is in the table of a declarative class, and that no attribute stands for.

    Args:
        *args, **kw: as for mapped_column(); what is about loading and dataclasses has no effect.

    Returns:
        An UnmappedColumn; after the class statement the class has no attribute of the name.

    Raises:
        ArgumentError: arguments that Column refuses.
    """
    return UnmappedColumn(*args, **kw)


def column_property(column: Any, *additional: Any, **kw: Any) -> MappedSQLExpression:
    """Map a column with options, or a SQL expression, to an attribute. See ColumnProperty."""
    return MappedSQLExpression(column, *additional, **kw)


def query_expression(default_expr: Any = None, **kw: Any) -> MappedSQLExpression:
    """Map an attribute whose expression each statement gives with `with_expression()`.

    Args:
        default_expr: the expression of statements that give none; without it the attribute is None.
        **kw: see ColumnProperty.
    """
    made = MappedSQLExpression(_core.null() if default_expr is None else default_expr, **kw)
    made._query_expression = default_expr is None
    return made


def deferred(
    column: Any, *additional: Any, group: str | None = None, raiseload: bool = False, **kw: Any
) -> MappedSQLExpression:
    """Map a column whose value is loaded at first access. See ColumnProperty."""
    return MappedSQLExpression(column, *additional, deferred=True, group=group, raiseload=raiseload, **kw)


class declared_attr:
    """A method of a mixin or an abstract class that makes a mapped attribute for each class.

    Args:
        fn: called with the class; returns a column, a property, or the value of `__tablename__` and the like.
    """

    _is_directive = False

    def __init__(self, fn: Callable[[Any], Any], cascading: bool = False) -> None:
        """Keep the function; a classmethod is unwrapped."""
        self.fget: Callable[[Any], Any] = fn.__func__ if isinstance(fn, classmethod) else fn
        self._cascading = cascading
        self.__doc__ = fn.__doc__

    def __get__(self, instance: Any, owner: Any) -> Any:
        """Return the value for `owner`; during its declaration each function is called once."""
        pending = owner.__dict__.get("_declared_attr_values") if owner is not None else None
        if pending is None:
            name = getattr(self.fget, "__name__", "")
            if not name.startswith("__") and "_sa_class_manager" not in owner.__dict__:
                warnings.warn(
                    f"Unmanaged access of declarative attribute {name} from non-mapped class {owner.__name__}",
                    exc.SAWarning,
                    stacklevel=2,
                )
            return self.fget(owner)
        if self not in pending:
            pending[self] = self.fget(owner)
        return pending[self]

    class directive:
        """`@declared_attr.directive`: for `__tablename__`, `__table_args__`, `__mapper_args__`."""

        def __new__(cls, fn: Callable[[Any], Any]) -> Any:
            """Return a declared_attr marked as a directive."""
            made = declared_attr(fn)
            made._is_directive = True
            return made

    class cascading:
        """`@declared_attr.cascading`: evaluated again for every subclass."""

        def __new__(cls, fn: Callable[[Any], Any]) -> Any:
            """Return a declared_attr that cascades."""
            return declared_attr(fn, cascading=True)


def validates(*names: str, include_removes: bool = False, include_backrefs: bool = True) -> Callable[[Any], Any]:
    """Mark a method as the validator of attributes: `(self, key, value) -> value`, called at every set.

    Args:
        *names: the attributes' names.
        include_removes: call it at removals too, with a fourth argument.
        include_backrefs: call it for changes that the other side of a relationship starts.
    """

    def mark(fn: Any) -> Any:
        fn.__sa_validators__ = names
        fn.__sa_validation_opts__ = {"include_removes": include_removes, "include_backrefs": include_backrefs}
        return fn

    return mark


def reconstructor(fn: Any) -> Any:
    """Mark a method that runs after an object was loaded, in the place of `__init__`."""
    fn.__sa_reconstructor__ = True
    return fn


def declarative_mixin(cls: type[_T]) -> type[_T]:
    """Mark a class as a mixin; nothing but documentation."""
    return cls


__all__ = [
    "ColumnProperty",
    "Mapped",
    "MappedColumn",
    "MappedSQLExpression",
    "MapperProperty",
    "Unmapped",
    "UnmappedColumn",
    "column_property",
    "declarative_mixin",
    "declared_attr",
    "deferred",
    "mapped_column",
    "reconstructor",
    "unmapped_column",
    "validates",
]
