"""`registry`: the classes that are mapped together, their metadata and their type map."""

from __future__ import annotations

import itertools
import weakref
from typing import Any

from pyorm import exc
from pyorm.orm import _annotations, _configure, clsregistry
from pyorm.orm.exc import UnmappedClassError, UnmappedInstanceError
from pyorm.orm.mapper import Mapper
from pyorm.schema import MetaData

_numbers = itertools.count()
_all_registries: weakref.WeakSet[Any] = weakref.WeakSet()


def _set_keywords(self: Any, **kwargs: Any) -> None:
    """Set attributes from keywords; only those that the class has."""
    cls = type(self)
    for key, value in kwargs.items():
        if not hasattr(cls, key):
            raise TypeError(f"{key!r} is an invalid keyword argument for {cls.__name__}")
        setattr(self, key, value)


class registry:
    """A collection of mappings.

    Args:
        metadata: the MetaData of its tables; default a new one.
        class_registry: classes by name; default a new dict.
        type_annotation_map: SQL types for Python types in `Mapped[…]`.
        constructor: `__init__` of classes that define none; default: keywords are attributes.
    """

    def __init__(
        self,
        *,
        metadata: MetaData | None = None,
        class_registry: Any = None,
        type_annotation_map: Any = None,
        constructor: Any = None,
    ) -> None:
        """Start empty."""
        self.metadata = metadata if metadata is not None else MetaData()
        self._class_registry: dict[str, Any] = {} if class_registry is None else class_registry
        self.type_annotation_map: dict[Any, Any] = {}
        self.update_type_annotation_map(type_annotation_map or {})
        self.constructor = constructor
        self._mappers: dict[type, Any] = {}
        self._number = next(_numbers)
        self._dependencies: set[registry] = set()  # those that relationships of this one lead to
        self._dependents: set[registry] = set()
        self._default_types: dict[Any, Any] | None = None
        _all_registries.add(self)

    def update_type_annotation_map(self, type_annotation_map: Any) -> None:
        """Add entries; None in a union says nothing: nullability is the annotation's."""
        for python_type, sql_type in type_annotation_map.items():
            self.type_annotation_map[_annotations.without_none(python_type)[0]] = sql_type

    def _resolve_type(self, python_type: Any) -> Any:
        if self._default_types is None:
            self._default_types = _annotations.default_type_map()
        return _annotations.resolve_python_type(python_type, self.type_annotation_map, self._default_types)

    def _add_mapper(self, mapper: Mapper) -> None:
        self._mappers[mapper.class_] = mapper
        clsregistry.add_class(mapper.class_.__name__, mapper.class_, self._class_registry)

    @property
    def mappers(self) -> frozenset[Mapper]:
        """All mappers of this registry."""
        return frozenset(self._mappers.values())

    def configure(self, cascade: bool = False) -> None:
        """Complete the mappings of this registry: what relationships say is looked up and checked.

        Attribute listeners added from now on run after validators.

        Args:
            cascade: complete the registries too that its relationships refer to.

        Raises:
            InvalidRequestError, ArgumentError: as configure_mappers().
        """
        _configure.configure_registry(self, cascade)

    def dispose(self, cascade: bool = False) -> None:
        """Take all mappings off their classes.

        Args:
            cascade: dispose of the registries too whose relationships lead here.

        Raises:
            InvalidRequestError: not `cascade`, and there are such registries.
        """
        dependents = [one for one in self._dependents if one is not self and one._mappers]
        if dependents and not cascade:
            raise exc.InvalidRequestError(
                "Registry has dependent registries that are not disposed; pass cascade=True to clear these also"
            )
        for mapper in self._mappers.values():
            mapper.dispose()
        self._mappers.clear()
        self._class_registry.clear()
        for other in self._dependencies:
            other._dependents.discard(self)
        self._dependencies.clear()
        for other in dependents:
            other.dispose(cascade=True)

    def map_imperatively(self, class_: type, local_table: Any = None, **kw: Any) -> Mapper:
        """Map a plain class to a table.

        Args:
            class_: any class.
            local_table: the Table or other FROM clause.
            **kw: Mapper's arguments.

        Returns:
            The Mapper.
        """
        self._give_constructor(class_)
        return Mapper(class_, local_table, registry=self, **kw)

    def _give_constructor(self, class_: type) -> None:
        if class_.__init__ is object.__init__:  # type: ignore[misc]
            class_.__init__ = self.constructor or _set_keywords  # type: ignore[misc]

    def mapped(self, cls: type) -> type:
        """Map a class in declarative style without a declarative base (a class decorator)."""
        from pyorm.orm.declarative import map_class

        cls.registry = self  # type: ignore[attr-defined]
        if "metadata" not in cls.__dict__:
            cls.metadata = self.metadata  # type: ignore[attr-defined]
        map_class(self, cls)
        self._give_constructor(cls)
        return cls

    def mapped_as_dataclass(self, cls: type | None = None, /, **options: Any) -> Any:
        """Map a class in declarative style and make it a dataclass (a class decorator).

        Args:
            cls: the class; without it a decorator is returned.
            **options: init, repr, eq, order, unsafe_hash, match_args, kw_only, dataclass_callable.
        """
        from pyorm.orm import _dataclasses

        def decorate(target: type) -> type:
            _dataclasses.take_options(target, dict(options))
            return self.mapped(target)

        return decorate if cls is None else decorate(cls)

    def map_declaratively(self, cls: type) -> Mapper:
        """Map a class in declarative style and return its Mapper."""
        return self.mapped(cls).__mapper__  # type: ignore[attr-defined,no-any-return]

    def generate_base(self, mapper: Any = None, cls: Any = object, name: str = "Base", metaclass: Any = None) -> Any:
        """Return a declarative base class over this registry; see declarative_base()."""
        from pyorm.orm.declarative import DeclarativeMeta, make_base

        return make_base(self, cls, name, metaclass or DeclarativeMeta)

    def as_declarative_base(self, **kw: Any) -> Any:
        """Return a class decorator that makes a class the declarative base."""

        def decorate(cls: type) -> Any:
            return self.generate_base(cls=cls, name=cls.__name__, **kw)

        return decorate


def configure_mappers() -> None:
    """Complete the mappings of all registries; see registry.configure()."""
    _configure.configure_mappers()


def clear_mappers() -> None:
    """Take the mappings off all classes of all registries."""
    for one in list(_all_registries):
        one.dispose(cascade=True)


def class_mapper(class_: Any, configure: bool = True) -> Mapper:
    """Return the Mapper of a class.

    Raises:
        UnmappedClassError: the class is not mapped.
        ArgumentError: not a class.
    """
    mapper: Mapper | None = mapper_of(class_)
    if mapper is None:
        if not isinstance(class_, type):
            raise exc.ArgumentError(f"Class object expected, got '{class_!r}'.")
        raise UnmappedClassError(class_)
    return mapper


def object_mapper(instance: Any) -> Mapper:
    """Return the Mapper of an instance's class.

    Raises:
        UnmappedInstanceError: the class is not mapped.
    """
    mapper: Mapper | None = mapper_of(type(instance))
    if mapper is None:
        raise UnmappedInstanceError(instance)
    return mapper


def mapper_of(class_: Any) -> Any:
    """Return the Mapper of a mapped class (or of the nearest mapped base), else None."""
    if isinstance(class_, Mapper):
        return class_
    return getattr(class_, "__mapper__", None) if isinstance(class_, type) else None

