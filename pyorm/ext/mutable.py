"""Values that tell their object when they change in place.

    data: Mapped[dict[str, Any]] = mapped_column(MutableDict.as_mutable(JSON))

`obj.data["x"] = 1` then is a change that the next flush writes. The value knows its objects
weakly; what is loaded, set or unpickled is linked again.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from pyorm import _core, event
from pyorm.orm.properties import MUTABLE_TYPES

__all__ = ["Mutable", "MutableBase", "MutableComposite", "MutableDict", "MutableList", "MutableSet"]


class MutableBase:
    """What all mutable values know: the objects that hold them."""

    @property
    def _parents(self) -> weakref.WeakKeyDictionary[Any, str]:
        """InstanceState -> attribute key."""
        found: Any = self.__dict__.get("_mutable_parents")
        if found is None:
            found = self.__dict__["_mutable_parents"] = weakref.WeakKeyDictionary()
        return found  # type: ignore[no-any-return]

    @classmethod
    def coerce(cls, key: str, value: Any) -> Any:
        """Return the value as an instance of this class; subclasses convert plain values.

        Raises:
            ValueError: it cannot be one.
        """
        if value is None:
            return None
        raise ValueError(f"Attribute '{key}' does not accept objects of type {type(value)}")


class Mutable(MutableBase):
    """Base of mutable values of one column."""

    def changed(self) -> None:
        """Tell the objects that hold the value that it changed."""
        for state, key in list(self._parents.items()):
            instance = state.object
            if instance is not None:
                _core.flag_modified(instance, key)

    @classmethod
    def as_mutable(cls, sqltype: Any) -> Any:
        """Return the type; columns of it keep their values as this class.

        Args:
            sqltype: a type or type class.
        """
        made = sqltype() if isinstance(sqltype, type) else sqltype  # one of its own: the class is kept there
        made._mutable_class = cls
        return made

    @classmethod
    def associate_with(cls, sqltype: type) -> None:
        """Keep the values of all columns of a type class as this class, in mappings made from now on."""
        MUTABLE_TYPES.append((sqltype, cls))

    @classmethod
    def associate_with_attribute(cls, attribute: Any) -> None:
        """Keep the values of one mapped attribute as this class."""
        key = attribute.key

        def link(instance: Any, *_: Any) -> None:
            value = _core.loaded_value(instance, key, None)
            if value is None:
                return
            if not isinstance(value, cls):
                value = cls.coerce(key, value)
                _core.set_committed_value(instance, key, value)
            value._parents[_core.instance_state(instance)] = key

        def refreshed(instance: Any, context: Any, names: Any) -> None:
            if names is None or key in names:
                link(instance)

        def replaced(instance: Any, value: Any, old: Any, initiator: Any) -> Any:
            if value is old:
                return value
            state = _core.instance_state(instance)
            if not isinstance(value, cls):
                value = cls.coerce(key, value)
            if value is not None:
                value._parents[state] = key
            if isinstance(old, cls):
                old._parents.pop(state, None)
            return value

        owner = attribute.class_
        event.listen(owner, "load", link, propagate=True)
        event.listen(owner, "refresh", refreshed, propagate=True)
        event.listen(owner, "refresh_flush", refreshed, propagate=True)
        event.listen(owner, "unpickle", link, propagate=True)
        event.listen(attribute, "set", replaced, retval=True, propagate=True)


class MutableComposite(MutableBase):
    """Base of composite values that may change in place; call `changed()` when they do."""

    def changed(self) -> None:
        """Write the parts into the attributes of the objects that hold the value."""
        for state, key in list(self._parents.items()):
            instance = state.object
            if instance is not None:
                state.mapper.get_property(key).store(instance, self)


def _changing(name: str, base: type) -> Callable[..., Any]:
    """Return a method of a container that tells afterwards."""
    method = getattr(base, name)

    def call(self: Any, *args: Any, **kw: Any) -> Any:
        result = method(self, *args, **kw)
        self.changed()
        return result

    call.__name__, call.__doc__ = name, method.__doc__
    return call


def _changes(base: type, names: str) -> Callable[[type], type]:
    def decorate(cls: type) -> type:
        for name in names.split():
            setattr(cls, name, _changing(name, base))
        return cls

    return decorate


@_changes(dict, "__setitem__ __delitem__ __ior__ setdefault update pop popitem clear")
class MutableDict(Mutable, dict[Any, Any]):
    """A dict that tells when it changes; values inside of it do not."""

    @classmethod
    def coerce(cls, key: str, value: Any) -> Any:
        """Take a dict."""
        if isinstance(value, cls):
            return value
        return cls(value) if isinstance(value, dict) else Mutable.coerce(key, value)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Pickle the items alone."""
        return type(self), (dict(self),)


@_changes(
    list, "__setitem__ __delitem__ __iadd__ __imul__ append extend insert pop remove clear sort reverse"
)
class MutableList(Mutable, list[Any]):
    """A list that tells when it changes; values inside of it do not."""

    @classmethod
    def coerce(cls, key: str, value: Any) -> Any:
        """Take a list."""
        if isinstance(value, cls):
            return value
        return cls(value) if isinstance(value, list) else Mutable.coerce(key, value)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Pickle the items alone."""
        return type(self), (list(self),)


@_changes(
    set,
    "__ior__ __iand__ __ixor__ __isub__ add remove discard pop clear update intersection_update difference_update "
    "symmetric_difference_update",
)
class MutableSet(Mutable, set[Any]):
    """A set that tells when it changes."""

    @classmethod
    def coerce(cls, key: str, value: Any) -> Any:
        """Take a set."""
        if isinstance(value, cls):
            return value
        return cls(value) if isinstance(value, set) else Mutable.coerce(key, value)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Pickle the items alone."""
        return type(self), (set(self),)
