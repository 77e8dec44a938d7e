"""The events of mapping: classes that are mapped, attributes that they get, mappings that are completed.

- `instrument_class`, `after_mapper_constructed`, `before_mapper_configured`, `mapper_configured`: a mapped class or
  its Mapper; `Mapper` for all mappings; with `propagate=True` also a class, for those that derive from it;
- `before_configured`, `after_configured`: `Mapper`, called without arguments, once for all that is completed
  together; a registry or a declarative base, called with each registry that takes part;
- `class_instrument`, `class_uninstrument`, `attribute_instrument`: a class, with `propagate=True` for those that
  derive from it.

They are fired by Python, per class and never per row.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from enum import Enum
from typing import Any

from pyorm.event import Family, Listener, register_family

__all__ = ["EXT_CONTINUE", "EXT_SKIP", "EXT_STOP", "InstrumentationEvents", "RegistryEvents"]


class EventConstants(Enum):
    """What some listeners return to say how it goes on."""

    EXT_CONTINUE = 1
    EXT_STOP = 2
    EXT_SKIP = 3
    NO_KEY = 4


EXT_CONTINUE = EventConstants.EXT_CONTINUE
EXT_STOP = EventConstants.EXT_STOP
EXT_SKIP = EventConstants.EXT_SKIP

_MAPPER = ("mapper", "class_")
_MAPPING_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "instrument_class": _MAPPER,
    "after_mapper_constructed": _MAPPER,
    "before_mapper_configured": _MAPPER,
    "mapper_configured": _MAPPER,
    "class_instrument": ("cls",),
    "class_uninstrument": ("cls",),
    "attribute_instrument": ("cls", "key", "inst"),
}
_REGISTRY_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "before_configured": ("registry",),
    "after_configured": ("registry",),
}
_of_class: weakref.WeakKeyDictionary[type, Any] = weakref.WeakKeyDictionary()
_of_registry: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def _resolve_mapping(target: Any, name: str) -> Any:
    from pyorm.orm._registry import mapper_of
    from pyorm.orm.mapper import Mapper

    if target is Mapper:
        return _all_mappings
    if not isinstance(target, type):
        mapper = mapper_of(target)
        if mapper is not target:
            return None
        target = mapper.class_
    found = _of_class.get(target)
    if found is None:
        found = _of_class[target] = MAPPING.dispatch()
    return found


def _resolve_registry(target: Any, name: str) -> Any:
    from pyorm.orm._registry import registry
    from pyorm.orm.mapper import Mapper

    if target is Mapper:
        return _all_registries
    if isinstance(target, type) and target is not registry:
        target = getattr(target, "registry", None)
    if target is registry:
        return _any_registry
    if not isinstance(target, registry):
        return None
    found = _of_registry.get(target)
    if found is None:
        found = _of_registry[target] = REGISTRY.dispatch(_any_registry)
    return found


MAPPING = Family("mapping", _MAPPING_ARGUMENTS, _resolve_mapping, options=("retval", "raw"))
REGISTRY = Family("registry", _REGISTRY_ARGUMENTS, _resolve_registry)
_all_mappings = MAPPING.dispatch()
_all_registries = REGISTRY.dispatch()  # listeners of Mapper: without an argument
_any_registry = REGISTRY.dispatch()
register_family(MAPPING)
register_family(REGISTRY)


def _listeners(cls: type, name: str) -> Iterator[Listener]:
    """Yield who listens: to all mappings, to bases with propagate=True, to the class."""
    if not MAPPING.is_heard:
        return
    yield from MAPPING.own(_all_mappings, name)
    for base in reversed(cls.__mro__):
        dispatch = _of_class.get(base)
        if dispatch is not None:
            for listener in MAPPING.own(dispatch, name):
                if base is cls or listener.options.get("propagate"):
                    yield listener


def fire(name: str, cls: type, *args: Any) -> bool:
    """Call the listeners of an event of a class.

    Returns:
        False where one that was registered with `retval=True` returned EXT_SKIP.
    """
    if not MAPPING.is_heard:
        return True
    for listener in list(_listeners(cls, name)):
        answer = listener(*args)
        if answer is EXT_SKIP and listener.options.get("retval"):
            return False
    return True


def fire_before_configured(registries: list[Any]) -> None:
    """Say that mappings of these registries are going to be completed."""
    for listener in _all_registries.before_configured:
        listener()
    for one in registries:
        for listener in _of_registry.get(one, _any_registry).before_configured:
            listener(one)


def fire_after_configured(registries: list[Any]) -> None:
    """Say that the mappings of these registries are complete."""
    for one in registries:
        for listener in _of_registry.get(one, _any_registry).after_configured:
            listener(one)
    for listener in _all_registries.after_configured:
        listener()


def fire_attributes(mapper: Any, keys: Any) -> None:
    """Say that a mapped class has these attributes now."""
    if next(_listeners(mapper.class_, "attribute_instrument"), None) is None:
        return
    from pyorm._core import InstrumentedAttribute

    for key in list(keys):
        attribute = getattr(mapper.class_, key, None)
        if isinstance(attribute, InstrumentedAttribute):
            fire("attribute_instrument", mapper.class_, mapper.class_, key, attribute)


class InstrumentationEvents:
    """Names of the events of classes and attributes that are mapped."""

    names = ("class_instrument", "class_uninstrument", "attribute_instrument")


class RegistryEvents:
    """Names of the events of a registry."""

    names = REGISTRY.names
