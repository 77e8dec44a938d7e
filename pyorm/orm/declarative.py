"""Declarative classes: from a class body to a table and a mapper."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from pyorm import _core, exc
from pyorm.orm import _annotations, _body, _dataclasses, _exclude, _relation_annotations
from pyorm.orm._registry import registry
from pyorm.orm.composites import Composite
from pyorm.orm.mapper import Mapper
from pyorm.orm.properties import ColumnProperty, MappedColumn, MapperProperty, UnmappedColumn, declared_attr
from pyorm.orm.relationships import RelationshipProperty
from pyorm.schema import Column, MetaData, Table

_UNSET: Any = object()
_DIRECTIVES = frozenset({"__tablename__", "__table_args__", "__mapper_args__", "__table__", "__table_cls__"})
_Made = dict[str, Any]
_Registry = registry


class _Scan:
    """What the class body and its mixins declare."""

    def __init__(self, reg: registry, cls: type) -> None:
        self.registry, self.cls = reg, cls
        self.columns: list[tuple[int, Column]] = []  # (sort order, column), in the order of declaration
        self.properties: _Made = {}
        self.seen: set[str] = set()
        is_dataclass = _dataclasses.options_of(cls) is not None or "__dataclass_fields__" in cls.__dict__
        self.allows_unmapped = is_dataclass or bool(getattr(cls, "__allow_unmapped__", False))
        self.parent = mapped_parent(cls)
        self.unmapped: dict[str, Column] = {}  # columns that become no attribute, by the name in the class
        self.made: dict[str, tuple[type, Any, Any]] = {}  # of declared_attr: (class, annotation, value) by name
        self.copies: dict[int, Any] = {}  # id of a mixin's column -> the class's copy

    def run(self) -> None:
        """Look through the class and its unmapped bases, nearest first: the first one to name an attribute wins."""
        known = () if self.parent is None else self.parent.class_.__mro__
        for base in self.cls.__mro__:
            if base in known:
                self._scan_cascading(base)
                continue
            if base is not self.cls and (base is _core.Entity or base is object):
                continue
            if _is_base(base):
                self._scan_class(base, is_own=False, of_base=True)
            else:
                self._scan_class(base, is_own=base is self.cls, of_base=False)

    def _scan_cascading(self, base: type) -> None:
        """Take from what the parent class has already only the attributes that each class has for itself."""
        for name, value in list(base.__dict__.items()):
            cascades = isinstance(value, declared_attr) and value._cascading and not value._is_directive
            if cascades and not name.startswith("__") and name not in self.seen:
                self._take(base, name, value, _UNSET, False, False)
                self.seen.add(name)

    def _scan_class(self, base: type, is_own: bool, of_base: bool) -> None:
        annotations = base.__dict__.get("__annotations__", {})  # noqa: RUF063 - this class only, not its bases
        ordered = _body.in_order(base, annotations) if annotations else list(base.__dict__)
        in_fields = _dataclasses.values_in_fields(base, self.cls)
        for name in ordered:
            if name.startswith("__") or name in self.seen:
                continue
            if is_own and _body.gives_way(self.cls, name, self.parent is not None):
                continue
            value = base.__dict__.get(name, _UNSET)
            annotation = annotations.get(name, _UNSET)
            if name in in_fields:
                value, annotation = in_fields[name], _UNSET
            if self._take(base, name, value, annotation, is_own, of_base):
                self.seen.add(name)
            elif value is not _UNSET:
                self.seen.add(name)  # an ordinary attribute hides a mapped one of a class further away

    def _take(self, base: type, name: str, value: Any, annotation: Any, is_own: bool, of_base: bool) -> bool:
        if annotation is _UNSET and isinstance(value, MappedColumn) and not isinstance(value, UnmappedColumn):
            self._take_column(name, value, None, is_own)
            return True
        if isinstance(value, declared_attr):
            annotation = _annotations.returned_by(value.fget, _UNSET)
            value = value.__get__(None, self.cls)
            is_own = True  # made for this class: nothing to copy
            if annotation is not _UNSET and base is not self.cls:
                self.made[name] = (base, annotation, value)
        if isinstance(value, tuple) and _body.warn_of_comma(name, value):
            return True
        if isinstance(value, RelationshipProperty):
            return self._take_relationship(base, name, value, annotation, is_own)
        if annotation is not _UNSET or isinstance(value, UnmappedColumn):
            bare = None if annotation is _UNSET else _annotations.unmapped_of(annotation, base, name)
            if bare is not None or isinstance(value, UnmappedColumn):
                return self._take_unmapped(name, value, bare, annotation, is_own)
        inner = None
        if annotation is not _UNSET and not _annotations.is_class_var(annotation):
            inner = _annotations.inner_of(annotation, base, name)
            if inner is None and self._is_mistake(value, annotation, base, of_base):
                raise _body.not_mapped(self.cls, name)
        if inner is not None and (value is _UNSET or value is None):
            value = MappedColumn()
            is_own = True
        if isinstance(value, (Column, MappedColumn)):
            self._take_column(name, value, inner, is_own)
            return True
        if isinstance(value, Composite):
            self._take_composite(name, value, inner)
        if isinstance(value, MapperProperty):
            self._take_property(name, value, is_own)
            return True
        return False

    def _take_composite(self, name: str, value: Composite, inner: Any) -> None:
        """Let a composite say its columns, which are mapped attributes of their own."""
        value.key = name

        def add(key: str, column: Any, python_type: Any) -> None:
            if isinstance(column, MappedColumn) and column.column.type._isnull and python_type is None:
                column._owner = self.cls.__name__
            self._take_column(key, column, python_type, True)
            self.seen.add(key)

        value.declare(inner, add, self.registry)

    def _take_relationship(self, base: type, name: str, value: Any, annotation: Any, is_own: bool) -> bool:
        has_annotation = annotation is not _UNSET and not _annotations.is_class_var(annotation)
        if (
            has_annotation
            and not _relation_annotations.apply(value, annotation, base, name)
            and self._is_mistake(value, annotation, base, False)
        ):
            raise _body.not_mapped(self.cls, name)
        if value.argument is None:
            raise exc.ArgumentError(
                f'Python typing annotation is required for attribute "{self.cls.__name__}.{name}" when primary '
                'argument(s) for "Relationship" construct are None or not present'
            )
        self._take_property(name, value, is_own)
        return True

    def _is_mistake(self, value: Any, annotation: Any, base: type, of_base: bool) -> bool:
        """Return whether a plain annotation looks like a column that lost its Mapped[]."""
        if self.allows_unmapped or of_base or base is not self.cls:
            return False
        return value is _UNSET or value is None or isinstance(value, (MappedColumn, MapperProperty))

    def _take_column(self, name: str, value: Any, inner: Any, is_own: bool) -> None:
        if not is_own:
            if (value.column if isinstance(value, MappedColumn) else value).table is not None:
                raise exc.InvalidRequestError(
                    f"Column '{name}' of the mixin of {self.cls.__name__} belongs to a table already"
                )
            original = value.column if isinstance(value, MappedColumn) else value
            value = value._copy()
            self.copies[id(original)] = value.column if isinstance(value, MappedColumn) else value
        if isinstance(value, Column):
            if value.name is None:
                value.name, value.key = name, value.key or name
            if inner is not None and value.type._isnull and not value.foreign_keys:
                value.type = _annotations.Annotation(inner, self.registry).resolve_type(name)
            self.columns.append((0, value))
            self.properties[name] = value
            return
        value._owner = self.cls.__name__
        value._complete(name, None if inner is None else _annotations.Annotation(inner, self.registry))
        if value.use_existing_column and self._take_existing(name, value):
            return
        self.columns.append((value.sort_order, value.column))
        self.properties[name] = _property_of(value)

    def _take_unmapped(self, name: str, value: Any, inner: Any, annotation: Any, is_own: bool) -> bool:
        """Add a column to the table, and no attribute to the class.

        Raises:
            ArgumentError: annotation and value do not agree.
        """
        value, is_own = (UnmappedColumn(), True) if value is _UNSET else (value, is_own)
        _body.check_unmapped(self.cls, name, value, inner, annotation)
        if not is_own:
            value = value._copy()
        value._owner = self.cls.__name__
        value._complete(name, None if inner is None else _annotations.Annotation(inner, self.registry))
        if not (value.use_existing_column and self._take_existing(name, value)):
            self.columns.append((value.sort_order, value.column))
        self.properties.pop(name, None)
        self.unmapped[name] = value.column
        return True

    def _take_existing(self, name: str, value: MappedColumn[Any]) -> bool:
        """Map the parent's table's column of this name, if there is one."""
        if self.parent is None:
            return False
        there = self.parent.local_table.c.get(value.column.key)
        if there is None:
            return False
        value.column = there
        self.properties[name] = _property_of(value)
        return True

    def _take_property(self, name: str, value: MapperProperty, is_own: bool) -> None:
        if not is_own:
            if not isinstance(value, ColumnProperty):
                raise exc.InvalidRequestError(
                    "Mapper properties (i.e. deferred, column_property(), relationship(), etc.) must be declared as "
                    "@declared_attr callables on declarative mixin classes.  For dataclass field() objects, use a "
                    "lambda:"
                )
            value = value._copy()
            value.columns = [c._copy() if isinstance(c, Column) and c.table is None else c for c in value.columns]
        if isinstance(value, ColumnProperty):
            for column in value.columns:
                if isinstance(column, Column) and column.table is None:
                    if column.name is None:
                        column.name, column.key = name, column.key or name
                    self.columns.append((0, column))
        self.properties[name] = value

    def sorted_columns(self) -> list[Column]:
        """Return the columns by sort order, then as declared; a column mapped twice once."""
        ordered = sorted(self.columns, key=lambda pair: pair[0])
        return list({id(column): column for _, column in ordered}.values())


def _property_of(value: MappedColumn[Any]) -> Any:
    if value.deferred or value.active_history or value.deferred_raiseload:
        return ColumnProperty(
            value.column, deferred=value.deferred, group=value.deferred_group, raiseload=value.deferred_raiseload,
            active_history=value.active_history,
        )  # fmt: skip
    return value.column


def _is_base(cls: type) -> bool:
    """Return whether this is a declarative base: the class that brings the registry."""
    return "_is_declarative_base" in cls.__dict__


def map_class(reg: registry, cls: type) -> None:
    """Map a declarative class, unless it is abstract.

    Raises:
        InvalidRequestError: it names no table.
        ArgumentError: its table has no primary key.
    """
    if cls.__dict__.get("__abstract__", False) or any("_maps_later" in base.__dict__ for base in cls.__bases__):
        return
    type.__setattr__(cls, "_declared_attr_values", {})
    try:
        scan = _Scan(reg, cls)
        scan.run()
        _dataclasses.transform(cls, scan.properties, scan.made)
        arguments = dict(_directive(cls, "__mapper_args__") or {})
        parent: Any = arguments.setdefault("inherits", scan.parent)
        table = _table_for(cls, scan, reg, parent is not None and not arguments.get("concrete", False))
        if table is None:
            mapper: Any = getattr(parent, "__mapper__", None) if isinstance(parent, type) else parent
            _add_columns(cls, scan, mapper)
        for name in scan.unmapped.keys() & cls.__dict__.keys():
            type.__delattr__(cls, name)
        declared = _exclude.apply_to_declared(cls, scan.properties, arguments)
        properties = {**declared, **arguments.pop("properties", {})}
        own_table = table if table is not None else scan.parent.local_table if scan.parent else None
        if scan.unmapped:
            out = _exclude.as_set(arguments.get("exclude_properties")) or set()
            arguments["exclude_properties"] = out.union(scan.unmapped.values())
        for key, value in list(arguments.items()):
            arguments[key] = _argument(key, value, scan, own_table)
    finally:
        type.__delattr__(cls, "_declared_attr_values")
    Mapper(cls, table, properties=properties, registry=reg, **arguments)


def _argument(key: str, value: Any, scan: _Scan, table: Any) -> Any:
    """Return an argument of the Mapper: a mixin's column becomes the class's own."""
    if key == "version_id_col" and isinstance(value, str) and value in table.c:
        return table.c[value]
    if isinstance(value, (Column, MappedColumn)):
        column = value.column if isinstance(value, MappedColumn) else value
        return scan.copies.get(id(column), column)
    return value


def mapped_parent(cls: type) -> Any:
    """Return the Mapper of the nearest mapped base class, or None."""
    for base in cls.__mro__[1:]:
        if "__mapper__" in base.__dict__:
            return base.__dict__["__mapper__"]
    return None


def _directive(cls: type, name: str) -> Any:
    """Return `__tablename__` and the like: the class's own or an unmapped base's; a mapped parent's if declared."""
    parent = mapped_parent(cls)
    for base in cls.__mro__:
        if name not in base.__dict__:
            continue
        value = base.__dict__[name]
        of_parent = parent is not None and base is not cls and "__mapper__" in base.__dict__
        if of_parent and not isinstance(value, declared_attr):
            continue
        return value.__get__(None, cls) if hasattr(value, "__get__") else value
    return None


def _add_columns(cls: type, scan: _Scan, parent: Mapper) -> None:
    """Add a single-table class's columns to its parent's table.

    Raises:
        ArgumentError: a primary key, or a name that the table has already.
    """
    table = parent.local_table
    for column in scan.sorted_columns():
        if column.primary_key:
            raise exc.ArgumentError("Can't place primary key columns on an inherited class with no table.")
        if column.key in table.c:
            if table.c[column.key] is column:
                continue
            raise exc.ArgumentError(
                f"Column '{column.key}' on class {cls.__name__} conflicts with existing column "
                f"'{table.c[column.key]}'.  If using Declarative, consider using the use_existing_column parameter of "
                "mapped_column() to resolve conflicts."
            )
        table.append_column(column)


def _table_for(cls: type, scan: _Scan, reg: registry, inherits: bool) -> Any:
    """Return the class's own table; None: it has none, and its parent's is used.

    Raises:
        InvalidRequestError: it has none, nor a mapped parent.
        ArgumentError: further columns for a given table.
    """
    columns = scan.sorted_columns()
    table = _directive(cls, "__table__")
    if table is not None:
        for column in columns:
            if column.table is None and column.key not in table.c:
                raise exc.ArgumentError(f"Can't add additional column {column.key!r} when specifying __table__")
        scan.properties = {
            k: table.c[v.key] if isinstance(v, Column) and v.table is None else v for k, v in scan.properties.items()
        }
        return table
    name = _directive(cls, "__tablename__")
    if name is None:
        if inherits:
            return None
        raise exc.InvalidRequestError(
            f"Class {cls!r} does not have a __table__ or __tablename__ specified and does not inherit from an existing "
            "table-mapped class."
        )
    items, options = _table_args(cls)
    make = getattr(cls, "__table_cls__", Table)
    metadata: MetaData = getattr(cls, "metadata", None) or reg.metadata
    return make(name, metadata, *columns, *items, **options)


def _table_args(cls: type) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Split `__table_args__` into items and keywords."""
    args = _directive(cls, "__table_args__")
    if args is None:
        return (), {}
    if isinstance(args, dict):
        return (), args
    if not isinstance(args, (tuple, list)):
        raise exc.ArgumentError("__table_args__ value must be a tuple, dict, or None")
    if args and isinstance(args[-1], dict):
        return tuple(args[:-1]), args[-1]
    return tuple(args), {}


class DeclarativeAttributeIntercept(type):
    """Metaclass of declarative classes: an attribute assigned late is mapped."""

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kw: Any) -> None:
        """Give the class its own `__dict__` descriptor, also where a mixin stands in front of the base."""
        type.__init__(cls, name, bases, namespace)
        if issubclass(cls, _core.Entity):
            _core.prepare_class(cls)

    def __setattr__(cls, key: str, value: Any) -> None:
        """Map a column or property, store anything else."""
        mapper = cls.__dict__.get("__mapper__")
        if mapper is not None and _set_mapped(mapper, key, value):
            return
        if isinstance(value, _core.Entity):
            _core.track(value)  # the class now refers to an instance of its own: a cycle
        type.__setattr__(cls, key, value)

    def __delattr__(cls, key: str) -> None:
        """Delete an ordinary attribute; a mapped one stays.

        Raises:
            NotImplementedError: the attribute is mapped.
        """
        mapper = cls.__dict__.get("__mapper__")
        if mapper is not None and mapper.has_property(key) and key in cls.__dict__:
            raise NotImplementedError(
                f"Can't un-map individual mapped attributes on a mapped class ({cls.__name__}.{key})."
            )
        type.__delattr__(cls, key)


def _set_mapped(mapper: Mapper, key: str, value: Any) -> bool:
    if isinstance(value, MappedColumn):
        value._owner = mapper.class_.__name__
        value._complete(key, None)
        if isinstance(value, UnmappedColumn):
            mapper._add_late_column(key, value.column)
            return True
        mapper.add_property(key, _property_of(value))
    elif isinstance(value, (Column, MapperProperty)):
        mapper.add_property(key, value)
    else:
        return False
    return True


def add_mapped_attribute(target: type, key: str, attr: Any) -> None:
    """Map one more attribute of a class, as an assignment on a class with the metaclass does.

    Args:
        target: a declarative class.
        key: the attribute's name.
        attr: a column or property; anything else becomes an ordinary attribute.
    """
    mapper = target.__dict__.get("__mapper__")
    if mapper is None or not _set_mapped(mapper, key, attr):
        setattr(target, key, attr)


class DeclarativeMeta(DeclarativeAttributeIntercept):
    """Metaclass of the bases that declarative_base() makes: maps each subclass."""

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kw: Any) -> None:
        """Map the class that was just made."""
        super().__init__(name, bases, namespace)
        reg = getattr(cls, "registry", None)
        if isinstance(reg, registry) and not _is_base(cls) and "__mapper__" not in cls.__dict__:
            map_class(reg, cls)


class DeclarativeBase(_core.Entity, metaclass=DeclarativeAttributeIntercept):
    """Base of the typed declarative style: `class Base(DeclarativeBase): …`.

    Class attributes read from the direct subclass: `metadata`, `type_annotation_map`, `registry`.
    """

    if TYPE_CHECKING:  # facts of each base and class, set while it is made
        metadata: ClassVar[MetaData]
        registry: ClassVar[_Registry]
        __table__: ClassVar[Any]
        __tablename__: Any
        __mapper__: ClassVar[Mapper]
        __mapper_args__: Any
        __table_args__: Any

    def __init_subclass__(cls, **kw: Any) -> None:
        """Set up a base (a direct subclass), or map a class."""
        super().__init_subclass__(**kw)
        if DeclarativeBase in cls.__bases__:
            _set_up_base(cls)
        else:
            map_class(cls.registry, cls)


class DeclarativeBaseNoMeta(_core.Entity):
    """As DeclarativeBase, without a metaclass: attributes assigned late are not mapped."""

    if TYPE_CHECKING:  # facts of each base and class, set while it is made
        metadata: ClassVar[MetaData]
        registry: ClassVar[_Registry]
        __table__: ClassVar[Any]
        __tablename__: Any
        __mapper__: ClassVar[Mapper]
        __mapper_args__: Any
        __table_args__: Any

    def __init_subclass__(cls, **kw: Any) -> None:
        """Set up a base (a direct subclass), or map a class."""
        super().__init_subclass__(**kw)
        if DeclarativeBaseNoMeta in cls.__bases__:
            _set_up_base(cls)
        else:
            map_class(cls.registry, cls)


def _set_up_base(cls: type) -> None:
    own = cls.__dict__
    reg = own.get("registry")
    metadata = own.get("metadata")
    type_map = own.get("type_annotation_map")
    _body.check_base(cls, reg, type_map)
    if reg is None:
        reg = registry(metadata=metadata, type_annotation_map=type_map)
        type.__setattr__(cls, "registry", reg)
    if metadata is None:
        type.__setattr__(cls, "metadata", reg.metadata)
    type.__setattr__(cls, "_sa_registry", reg)
    type.__setattr__(cls, "_is_declarative_base", True)


def make_base(reg: registry, cls: Any, name: str, metaclass: Any) -> Any:
    """Return a declarative base: a class over Entity, or over the given classes and Entity.

    Raises:
        ArgumentError: the given class cannot share an instance layout with Entity.
    """
    given = cls if isinstance(cls, tuple) else (cls,)
    bases = tuple(c for c in given if c is not object)
    namespace: dict[str, Any] = {
        "registry": reg,
        "metadata": reg.metadata,
        "_sa_registry": reg,
        "_is_declarative_base": True,
        "__abstract__": True,
        "__module__": sys._getframe(2).f_globals.get("__name__", "__main__"),
    }
    if reg.constructor is not None:
        namespace["__init__"] = reg.constructor
    if len(given) == 1 and bases and bases[0].__doc__:
        namespace["__doc__"] = bases[0].__doc__
    try:
        return metaclass(name, (*bases, _core.Entity), namespace)
    except TypeError as error:
        raise exc.ArgumentError(
            f"declarative_base(): {', '.join(c.__name__ for c in bases)} cannot be a base beside pyorm's Entity "
            f"({error}); map such classes with registry().mapped"
        ) from error


def declarative_base(
    *,
    metadata: MetaData | None = None,
    mapper: Any = None,
    cls: Any = object,
    name: str = "Base",
    class_registry: Any = None,
    type_annotation_map: Any = None,
    constructor: Any = None,
    metaclass: Any = DeclarativeMeta,
) -> Any:
    """Return a base class for declarative models.

    Args:
        metadata: the MetaData of the tables; default a new one.
        cls: a class, or a tuple of classes, that the base derives from.
        name: the base's name.
        class_registry: classes by name; default a new dict.
        type_annotation_map: SQL types for Python types.
        constructor: `__init__` of the classes; default: keywords are attributes.
        metaclass: DeclarativeMeta or a subclass.

    Returns:
        A class; each subclass with `__tablename__` or `__table__` is mapped.

    Example:
        >>> from pyorm import Column, Integer
        >>> Base = declarative_base()
        >>> class User(Base):
        ...     __tablename__ = "users"
        ...     id = Column(Integer, primary_key=True)
        >>> User.__table__.c.keys()
        ['id']
    """
    reg = registry(
        metadata=metadata,
        class_registry=class_registry,
        type_annotation_map=type_annotation_map,
        constructor=constructor,
    )
    return make_base(reg, cls, name, metaclass)


def as_declarative(**kw: Any) -> Any:
    """Return a class decorator that makes a class a declarative base; arguments as declarative_base()."""
    kw.setdefault("metaclass", DeclarativeMeta)
    metaclass = kw.pop("metaclass")
    reg = registry(**kw)
    return reg.as_declarative_base(metaclass=metaclass)


def has_inherited_table(cls: type) -> bool:
    """Return whether a base class of this class has a table."""
    return any("__table__" in base.__dict__ for base in cls.__mro__[1:])
