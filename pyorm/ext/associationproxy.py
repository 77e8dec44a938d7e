"""Attributes that show what lies behind a relationship: `user.keywords` for `user.kw_links[…].keyword`.

    class User(Base):
        ...
        kw_links = relationship("UserKeyword", back_populates="user")
        keywords = association_proxy("kw_links", "keyword", creator=lambda kw: UserKeyword(keyword=kw))

On an instance it is a list, set, dictionary or single value, read and written through the objects
of the relationship; on the class it makes EXISTS criteria.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from enum import Enum
from typing import Any, Generic, TypeVar

from pyorm import exc
from pyorm.ext._association_collections import (
    LazyCollection,
    _AssociationDict,
    _AssociationList,
    _AssociationSet,
)
from pyorm.sql import operators
from pyorm.sql.operators import ColumnOperators

__all__ = [
    "AmbiguousAssociationProxyInstance",
    "AssociationProxy",
    "AssociationProxyExtensionType",
    "AssociationProxyInstance",
    "ColumnAssociationProxyInstance",
    "ObjectAssociationProxyInstance",
    "association_proxy",
]

_T = TypeVar("_T")
_UNSET: Any = object()
_KINDS: dict[Any, Any] = {list: _AssociationList, set: _AssociationSet, dict: _AssociationDict}


class AssociationProxyExtensionType(Enum):
    """What `extension_type` says in `Mapper.all_orm_descriptors`."""

    ASSOCIATION_PROXY = "ASSOCIATION_PROXY"


def association_proxy(
    target_collection: str,
    attr: str,
    *,
    creator: Callable[..., Any] | None = None,
    getset_factory: Callable[..., Any] | None = None,
    proxy_factory: Callable[..., Any] | None = None,
    proxy_bulk_set: Callable[..., Any] | None = None,
    info: dict[Any, Any] | None = None,
    cascade_scalar_deletes: bool = False,
    create_on_none_assignment: bool = False,
    **dataclass_options: Any,
) -> AssociationProxy[Any]:
    """Return a descriptor that shows an attribute of the objects of a relationship.

    Args:
        target_collection: name of the relationship (or of another proxy's target) on this class.
        attr: name of the attribute on the related objects.
        creator: makes a related object from a value (a dictionary: from key and value); default the
            related class itself.
        getset_factory: `(collection class, proxy)` to getter and setter of the attribute.
        proxy_factory: makes the collection that stands for a class this module does not know.
        proxy_bulk_set: fills such a collection from assigned values.
        info: a dict for the application.
        cascade_scalar_deletes: setting a single value to None removes the related object too.
        create_on_none_assignment: setting a single value to None makes a related object if there is none.
        **dataclass_options: init, repr, default, … of a mapped dataclass.
    """
    return AssociationProxy(
        target_collection,
        attr,
        creator=creator,
        getset_factory=getset_factory,
        proxy_factory=proxy_factory,
        proxy_bulk_set=proxy_bulk_set,
        info=info,
        cascade_scalar_deletes=cascade_scalar_deletes,
        create_on_none_assignment=create_on_none_assignment,
        **dataclass_options,
    )


class AssociationProxy(Generic[_T]):
    """The descriptor; see `association_proxy()`."""

    is_attribute = True
    extension_type = AssociationProxyExtensionType.ASSOCIATION_PROXY

    def __init__(
        self,
        target_collection: str,
        attr: str,
        *,
        creator: Callable[..., Any] | None = None,
        getset_factory: Callable[..., Any] | None = None,
        proxy_factory: Callable[..., Any] | None = None,
        proxy_bulk_set: Callable[..., Any] | None = None,
        info: dict[Any, Any] | None = None,
        cascade_scalar_deletes: bool = False,
        create_on_none_assignment: bool = False,
        **dataclass_options: Any,
    ) -> None:
        """Keep what was given."""
        self.target_collection = target_collection
        self.value_attr = attr
        self.creator = creator
        self.getset_factory = getset_factory
        self.proxy_factory = proxy_factory
        self.proxy_bulk_set = proxy_bulk_set
        if cascade_scalar_deletes and create_on_none_assignment:
            raise exc.ArgumentError(
                "The cascade_scalar_deletes and create_on_none_assignment parameters are mutually exclusive."
            )
        self.cascade_scalar_deletes = cascade_scalar_deletes
        self.create_on_none_assignment = create_on_none_assignment
        self.key = f"_{type(self).__name__}_{target_collection}_{id(self)}"
        self.info: dict[Any, Any] = info if info is not None else {}
        self._name: str | None = None
        if dataclass_options:
            self._dataclass_options = dataclass_options

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn the attribute's name."""
        self._name = name

    def __get__(self, instance: Any, owner: Any) -> Any:
        """Return the collection or value of an instance; on a class what makes criteria."""
        if owner is None:
            return self
        found = self._instance_of(owner, instance)
        return self if found is None else found.get(instance)

    def __set__(self, instance: Any, values: Any) -> None:
        """Replace the collection, or set the value."""
        self._wanted(instance).set(instance, values)

    def __delete__(self, instance: Any) -> None:
        """Delete the relationship's value."""
        self._wanted(instance).delete(instance)

    def for_class(self, class_: Any, obj: Any = None) -> AssociationProxyInstance | None:
        """Return what the proxy is on a mapped class; None: the class is not mapped."""
        return self._instance_of(class_, obj)

    def _wanted(self, instance: Any) -> AssociationProxyInstance:
        found = self._instance_of(type(instance), instance)
        if found is None:
            raise exc.InvalidRequestError(
                f"Class {type(instance).__name__!r} is not mapped: its association proxy has no target"
            )
        return found

    def _instance_of(self, owner: Any, obj: Any) -> AssociationProxyInstance | None:
        """Return the AssociationProxyInstance of a class or an alias; None: it is not mapped (a mixin)."""
        if not isinstance(owner, type):  # an alias: its criteria are about the alias
            return AssociationProxyInstance.for_proxy(self, owner, obj)
        name = self.key + "_inst"
        found: AssociationProxyInstance | None = owner.__dict__.get(name)
        if found is None:
            mapped = next((cls for cls in owner.__mro__ if "__mapper__" in cls.__dict__), None)
            if mapped is None:
                return None
            found = AssociationProxyInstance.for_proxy(self, mapped, obj)
            type.__setattr__(owner, name, found)
        if not found._is_canonical:
            return found._for_object(obj)
        return found

    def __repr__(self) -> str:
        """Show relationship and attribute."""
        return f"AssociationProxy({self.target_collection!r}, {self.value_attr!r})"


class AssociationProxyInstance:
    """An association proxy on one mapped class.

    Attributes:
        parent: the AssociationProxy.
        owning_class: the mapped class, or the alias.
        target_class: the class that the relationship leads to.
        target_collection, value_attr: names of the relationship and of the attribute.
        collection_class: list, set, dict or None, known once a collection was made.
    """

    _is_canonical = True

    def __init__(self, parent: Any, owning_class: Any, target_class: Any, value_attr: str) -> None:
        """Keep the parts; see `for_proxy()`."""
        self.parent = parent
        self.key = parent.key
        self.owning_class = owning_class
        self.target_collection = parent.target_collection
        self.target_class = target_class
        self.value_attr = value_attr
        self.collection_class: type | None = None
        self._accessors: tuple[Any, Any] | None = None

    @classmethod
    def for_proxy(cls, parent: Any, owning_class: Any, obj: Any) -> AssociationProxyInstance:
        """Make the instance that fits what the attribute is on the related class."""
        mapper = _mapper(owning_class)
        prop = mapper.get_property(parent.target_collection)
        if not hasattr(prop, "direction"):
            raise NotImplementedError("association proxy to a non-relationship intermediary is not supported")
        target, name = prop.mapper.class_, parent.value_attr
        try:
            attribute = getattr(target, name)
        except AttributeError:
            return AmbiguousAssociationProxyInstance(parent, owning_class, target, name)
        except Exception as error:
            raise exc.InvalidRequestError(
                f"Association proxy received an unexpected error when trying to retrieve attribute "
                f'"{target.__name__}.{name}" from class "{target.__name__}": {error}'
            ) from error
        return _class_for(attribute)(parent, owning_class, target, name)

    # --- what it is ---

    @property
    def _property(self) -> Any:
        return _mapper(self.owning_class).get_property(self.target_collection)

    @property
    def local_attr(self) -> Any:
        """The relationship attribute."""
        return getattr(self.owning_class, self.target_collection)

    @property
    def remote_attr(self) -> Any:
        """The attribute on the related class."""
        return getattr(self.target_class, self.value_attr)

    @property
    def attr(self) -> tuple[Any, Any]:
        """Both attributes, for `join(*User.keywords.attr)`."""
        return self.local_attr, self.remote_attr

    @property
    def scalar(self) -> bool:
        """Whether the relationship leads to one object."""
        return not self._property.uselist

    @property
    def info(self) -> dict[Any, Any]:
        """The proxy's info."""
        found: dict[Any, Any] = self.parent.info
        return found

    @property
    def _inner(self) -> AssociationProxyInstance | None:
        """The proxy that this one leads to, or None."""
        found = self.remote_attr
        return found if isinstance(found, AssociationProxyInstance) else None

    @property
    def _value_is_scalar(self) -> bool:
        return not _mapper(self.target_class).get_property(self.value_attr).uselist

    @property
    def _target_is_object(self) -> bool:
        return isinstance(self, ObjectAssociationProxyInstance)

    def _for_object(self, obj: Any) -> AssociationProxyInstance:
        return self

    def __repr__(self) -> str:
        """Show class, relationship and attribute."""
        return f"{type(self).__name__}({self.parent!r})"

    # --- reading and writing ---

    def _get_set(self) -> tuple[Any, Any]:
        """Return getter and setter of the value of a single related object."""
        if self._accessors is None:
            self._accessors = self._make_accessors(None)
        return self._accessors

    def _make_accessors(self, collection_class: Any) -> tuple[Any, Any]:
        if self.parent.getset_factory is not None:
            made: tuple[Any, Any] = self.parent.getset_factory(collection_class, self)
            return made
        name = self.value_attr
        read = operator.attrgetter(name)

        def getter(target: Any) -> Any:
            return read(target) if target is not None else None

        if collection_class is dict:
            return getter, lambda target, key, value: setattr(target, name, value)
        return getter, lambda target, value: setattr(target, name, value)

    @property
    def _creator(self) -> Any:
        return self.parent.creator if self.parent.creator is not None else self.target_class

    def get(self, obj: Any) -> Any:
        """Return the value or the collection of an instance; of None (the class) itself."""
        if obj is None:
            return self
        if self.scalar:
            return self._get_set()[0](getattr(obj, self.target_collection))
        kept = obj.__dict__.get(self.key) if _has_plain_dict(obj) else getattr(obj, self.key, None)
        if kept is not None and kept[:2] == (id(obj), id(self)):
            return kept[2]
        proxy = self._new(LazyCollection(obj, self.target_collection))
        setattr(obj, self.key, (id(obj), id(self), proxy))
        return proxy

    def set(self, obj: Any, values: Any) -> None:
        """Set the value, or replace the members, of an instance."""
        if not self.scalar:
            proxy = self.get(obj)
            if proxy is not values:
                proxy._bulk_replace(self, values)
            return
        target = getattr(obj, self.target_collection)
        if target is None:
            if values is None and not self.parent.create_on_none_assignment:
                return
            setattr(obj, self.target_collection, self._creator(values))
            return
        self._get_set()[1](target, values)
        if values is None and self.parent.cascade_scalar_deletes:
            setattr(obj, self.target_collection, None)

    def delete(self, obj: Any) -> None:
        """Delete the value, and the relationship's."""
        if self.scalar:
            target = getattr(obj, self.target_collection)
            if target is not None:
                delattr(target, self.value_attr)
        delattr(obj, self.target_collection)

    def _new(self, lazy: Any) -> Any:
        from pyorm.orm.collections import duck_type

        kind = duck_type(type(lazy()))
        if kind is None:
            raise exc.InvalidRequestError(f"lazy collection factory did not return a valid collection type, got {kind}")
        self.collection_class = kind
        if self.parent.proxy_factory is not None:
            return self.parent.proxy_factory(lazy, self._creator, self.value_attr, self)
        getter, setter = self._make_accessors(kind)
        return _KINDS[kind](lazy, self._creator, getter, setter, self)

    def _set(self, proxy: Any, values: Any) -> None:
        """Add the values to an empty collection."""
        if self.parent.proxy_bulk_set is not None:
            self.parent.proxy_bulk_set(proxy, values)
        elif self.collection_class is list:
            proxy.extend(values)
        elif self.collection_class in (set, dict):
            proxy.update(values)
        else:
            raise exc.ArgumentError("no proxy_bulk_set supplied for custom collection_class implementation")

    # --- criteria ---

    def _exists(self, criterion: Any = None, **kwargs: Any) -> Any:
        attribute = self.local_attr
        make = attribute.any if self._property.uselist else attribute.has
        return make(criterion, **kwargs)

    def _criterion_exists(self, criterion: Any = None, *, is_has: bool = False, **kwargs: Any) -> Any:
        inner = self._inner
        if inner is not None:
            return self._exists(inner._criterion_exists(criterion, **kwargs))
        if self._target_is_object:
            remote = self.remote_attr
            make = remote.has if self._value_is_scalar else remote.any
            return self._exists(make(criterion, **kwargs))
        if kwargs:
            raise exc.ArgumentError("Can't apply keyword arguments to column-targeted association proxy; use ==")
        if is_has and criterion is not None:
            raise exc.ArgumentError("Non-empty has() not allowed for column-targeted association proxy; use ==")
        return self._exists(criterion)

    def any(self, criterion: Any = None, **kwargs: Any) -> Any:
        """Return EXISTS of a related object that meets the criterion.

        Raises:
            InvalidRequestError: the proxy leads to one value; use has().
        """
        if self._inner is None and self.scalar and (not self._target_is_object or self._value_is_scalar):
            raise exc.InvalidRequestError("'any()' not implemented for scalar attributes. Use has().")
        return self._criterion_exists(criterion, **kwargs)

    def has(self, criterion: Any = None, **kwargs: Any) -> Any:
        """Return EXISTS of the one related object, if it meets the criterion.

        Raises:
            InvalidRequestError: the proxy leads to many; use any().
        """
        if self._inner is None and (not self.scalar or (self._target_is_object and not self._value_is_scalar)):
            raise exc.InvalidRequestError("'has()' not implemented for collections. Use any().")
        return self._criterion_exists(criterion, is_has=True, **kwargs)


class AmbiguousAssociationProxyInstance(AssociationProxyInstance):
    """The attribute is not one of the related class: it may be one of its subclasses, or plain Python."""

    _is_canonical = False

    def _refuse(self) -> Any:
        raise AttributeError(
            f"Association proxy {self.owning_class.__name__}.{self.target_collection} refers to an attribute "
            f"'{self.value_attr}' that is not directly mapped on class {self.target_class}; therefore this operation "
            "cannot proceed since we don't know what type of object is referred towards"
        )

    def get(self, obj: Any) -> Any:
        """Return the value or the collection of an instance."""
        return self if obj is None else super().get(obj)

    def any(self, criterion: Any = None, **kwargs: Any) -> Any:
        """Refuse."""
        return self._refuse()

    def has(self, criterion: Any = None, **kwargs: Any) -> Any:
        """Refuse."""
        return self._refuse()

    def __eq__(self, other: object) -> Any:
        """Refuse."""
        return self._refuse()

    def __ne__(self, other: object) -> Any:
        """Refuse."""
        return self._refuse()

    __hash__ = object.__hash__

    def _for_object(self, obj: Any) -> AssociationProxyInstance:
        if obj is None:
            return self
        target = getattr(obj, self.target_collection, None) if self.scalar else None
        attribute = getattr(type(target), self.value_attr, None) if target is not None else None
        if attribute is None or not _is_mapped(attribute):
            return self
        return _class_for(attribute)(self.parent, self.owning_class, type(target), self.value_attr)


class ObjectAssociationProxyInstance(AssociationProxyInstance):
    """The attribute on the related class is a relationship, or another proxy."""

    def contains(self, other: Any) -> Any:
        """Return the criterion that an object is among those the proxy shows."""
        inner = self._inner
        if inner is not None:
            return self._exists(inner.contains(other) if not inner.scalar else inner == other)  # type: ignore[attr-defined]
        if self.scalar and not self._value_is_scalar:
            return self.local_attr.has(self.remote_attr.contains(other))
        if self.scalar:
            raise exc.InvalidRequestError("contains() doesn't apply to a scalar object endpoint; use ==")
        return self._exists(**{self.value_attr: other})

    def __eq__(self, other: object) -> Any:
        """Return the criterion that the one object shown is this one; None: there is none."""
        from pyorm.sql import or_

        found = self.local_attr.has(**{self.value_attr: other})
        return or_(found, self.local_attr == None) if other is None else found  # noqa: E711

    def __ne__(self, other: object) -> Any:
        """Return the criterion that the one object shown is another."""
        return self.local_attr.has(self.remote_attr != other)

    __hash__ = object.__hash__


class ColumnAssociationProxyInstance(ColumnOperators, AssociationProxyInstance):
    """The attribute on the related class is a column: operators apply to it inside EXISTS."""

    def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
        """Apply an operator to the column of a related object."""
        return self._criterion_exists(op(self.remote_attr, *other, **kwargs))

    def __eq__(self, other: object) -> Any:
        """Return the criterion that a related object has this value; None: or that there is none."""
        from pyorm.sql import or_

        found = self._criterion_exists(operators.eq(self.remote_attr, other))
        return or_(found, self.local_attr == None) if other is None else found  # noqa: E711

    __hash__ = object.__hash__

    any = AssociationProxyInstance.any
    has = AssociationProxyInstance.has


def _mapper(entity: Any) -> Any:
    alias = getattr(entity, "_aliased_insp", None)
    return entity.__mapper__ if alias is None else alias.mapper


def _is_mapped(attribute: Any) -> bool:
    from pyorm import _core

    return isinstance(attribute, (_core.InstrumentedAttribute, AssociationProxyInstance))


def _class_for(attribute: Any) -> type[AssociationProxyInstance]:
    """Return the class of instance for what the attribute is."""
    if isinstance(attribute, AssociationProxyInstance):
        return ObjectAssociationProxyInstance
    if not _is_mapped(attribute):
        return AmbiguousAssociationProxyInstance
    relation = hasattr(attribute.property, "direction")
    return ObjectAssociationProxyInstance if relation else ColumnAssociationProxyInstance


def _has_plain_dict(obj: Any) -> bool:
    from pyorm import _core

    return not isinstance(obj, _core.Entity)
