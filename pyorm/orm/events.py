"""The events of sessions, mappers, instances and attributes.

The numbers of the events are C's; here is what each is called with and what may be listened to:

- session events: Session, a subclass, a sessionmaker, a scoped_session, or one session;
- mapper and instance events: a mapped class or its Mapper; `Mapper` itself for all mappings; with
  `propagate=True` also a class that is not mapped, for the mapped classes that derive from it;
- attribute events: a mapped attribute (`User.name`).
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

from pyorm import _core
from pyorm.event import ClassDispatch, Family, Listener, hand_down, register_family

__all__ = ["AttributeEvents", "InstanceEvents", "MapperEvents", "SessionEvents"]

_STATE_CHANGE = ("session", "instance")
_SESSION_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "before_flush": ("session", "flush_context", "instances"),
    "after_flush": ("session", "flush_context"),
    "after_flush_postexec": ("session", "flush_context"),
    "after_begin": ("session", "transaction", "connection"),
    "before_commit": ("session",),
    "after_commit": ("session",),
    "after_rollback": ("session",),
    "after_soft_rollback": ("session", "previous_transaction"),
    "after_transaction_create": ("session", "transaction"),
    "after_transaction_end": ("session", "transaction"),
    "do_orm_execute": ("orm_execute_state",),
    "after_bulk_update": ("update_context",),
    "after_bulk_delete": ("delete_context",),
}
_WRITE = ("mapper", "connection", "target")
_INSTANCE_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "load": ("target", "context"),
    "refresh": ("target", "context", "attrs"),
    "expire": ("target", "attrs"),
    "refresh_flush": ("target", "flush_context", "attrs"),
    "init": ("target", "args", "kwargs"),
    "init_failure": ("target", "args", "kwargs"),
    "pickle": ("target", "state_dict"),
    "unpickle": ("target", "state_dict"),
}
_ATTRIBUTE_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "append": ("target", "value", "initiator"),
    "append_wo_mutation": ("target", "value", "initiator"),
    "bulk_replace": ("target", "values", "initiator"),
    "dispose_collection": ("target", "collection", "collection_adapter"),
    "init_collection": ("target", "collection", "collection_adapter"),
    "init_scalar": ("target", "value", "dict_"),
    "modified": ("target", "initiator"),
    "remove": ("target", "value", "initiator"),
    "set": ("target", "value", "oldvalue", "initiator"),
}


# --- sessions ---


class SessionDispatch(ClassDispatch):
    """Descriptor `Session.dispatch`; a session shares its class's until it is listened to."""

    def __init__(self) -> None:
        super().__init__(SESSION)

    def __get__(self, obj: Any, owner: type) -> Any:
        shared = self.of_class(owner)
        if obj is None:
            return shared
        if obj._dispatch is None or obj._dispatch is shared:
            obj._dispatch = self.family.dispatch(shared)
        return obj._dispatch


def _resolve_session(target: Any, name: str) -> Any:
    from pyorm.orm.scoping import scoped_session
    from pyorm.orm.session import Session, sessionmaker

    if isinstance(target, scoped_session):
        target = target.session_factory
    if isinstance(target, sessionmaker):
        target = target.class_
    if target is scoped_session or target is sessionmaker:
        target = Session
    if isinstance(target, type):
        return target.dispatch if issubclass(target, Session) else None
    return target.dispatch if isinstance(target, Session) else None


SESSION = Family(
    "session",
    {name: _SESSION_ARGUMENTS.get(name, _STATE_CHANGE) for name in _core.SESSION_EVENTS},
    _resolve_session,
    options=("raw", "restore_load_context"),
)


# --- mappers and instances ---

_of_class: weakref.WeakKeyDictionary[type, Any] = weakref.WeakKeyDictionary()


def _adapt_mapper(name: str, listener: Listener) -> Callable[..., Any]:
    """Give the InstanceState in the place of the instance where `raw=True` asks for it."""
    function = listener.original
    if not listener.options.get("raw"):
        return function
    if name in _INSTANCE_ARGUMENTS:
        return lambda target, *args: function(_core.instance_state(target), *args)
    return lambda mapper, connection, target: function(mapper, connection, _core.instance_state(target))


def _inherits(parent: Any, child: Any, listener: Listener) -> bool:
    """Let a class's listener reach its subclasses only where it says so; one of all mappings does."""
    return parent is _everywhere or bool(listener.options.get("propagate"))


def _resolve_mapper(target: Any, name: str) -> Any:
    from pyorm.orm._registry import mapper_of
    from pyorm.orm.mapper import Mapper

    if target is Mapper:
        _attach_all()
        return _everywhere
    mapper = mapper_of(target)
    if mapper is not None and (target is mapper or target is mapper.class_):
        return dispatch_of_class(mapper.class_)
    return dispatch_of_class(target) if isinstance(target, type) else None


MAPPER = Family(
    "mapper",
    {name: _INSTANCE_ARGUMENTS.get(name, _WRITE) for name in _core.MAPPER_EVENTS},
    _resolve_mapper,
    options=("raw", "retval", "restore_load_context"),
    adapt=_adapt_mapper,
    inherits=_inherits,
    added=lambda dispatch, name, listener: _init_added(dispatch, name, listener),
)
_everywhere = MAPPER.dispatch()


def dispatch_of_class(cls: type) -> Any:
    """Return the Dispatch of a class, mapped or not; a mapped class's plan gets it."""
    found = _of_class.get(cls)
    if found is None:
        for base in reversed(cls.__mro__[1:]):  # what they hear later goes on to their subclasses
            if base not in _of_class and "_sa_plan" in base.__dict__:
                dispatch_of_class(base)
        bases = [_of_class[base] for base in cls.__mro__[1:] if base in _of_class]
        found = _of_class[cls] = MAPPER.dispatch(_everywhere, *bases[:1])
    plan = _core.mapper_plan(cls)
    if plan is not None and plan.class_ is cls and plan.events is not found:
        plan.events = found
        if found.init or found.init_failure:
            _tell_init(cls, found)
    return found


def _init_added(dispatch: Any, name: str, listener: Listener) -> None:
    if listener.options.get("propagate"):
        for cls in [cls for cls, found in list(_of_class.items()) if found is dispatch]:
            _attach_subclasses(cls)
    if name in ("init", "init_failure"):
        for cls, found in list(_of_class.items()):
            if found.init or found.init_failure:
                _tell_init(cls, found)


def _attach_subclasses(cls: type) -> None:
    """Give the mapped subclasses Dispatches of their own, through which they hear what is propagated."""
    sub: type
    for sub in cls.__subclasses__():
        if "_sa_plan" in sub.__dict__:
            dispatch_of_class(sub)
        _attach_subclasses(sub)


def _tell_init(cls: type, dispatch: Any) -> None:
    """Let the constructor of a mapped class tell its listeners; nobody else pays for it."""
    plan = _core.mapper_plan(cls)
    original = cls.__init__  # type: ignore[misc]
    if plan is None or plan.class_ is not cls or getattr(original, "_tells", None) is cls:
        return

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if type(self) is not cls:
            original(self, *args, **kwargs)
            return
        for listener in dispatch.init:
            listener(self, args, kwargs)
        try:
            original(self, *args, **kwargs)
        except BaseException:
            for listener in dispatch.init_failure:
                listener(self, args, kwargs)
            raise

    __init__._tells = cls  # type: ignore[attr-defined]
    type.__setattr__(cls, "__init__", __init__)


def attach(cls: type) -> None:
    """Let a class that was just mapped hear of listeners of all mappings and of its bases."""
    _inherit_attributes(cls)
    if cls in _of_class or any(base in _of_class for base in cls.__mro__) or _everywhere_listens():
        dispatch_of_class(cls)


def _everywhere_listens() -> bool:
    return MAPPER.is_heard and any(getattr(_everywhere, name) for name in MAPPER.names)


def _attach_all() -> None:
    from pyorm.orm._registry import _all_registries

    for registry in list(_all_registries):
        for mapper in registry.mappers:
            dispatch_of_class(mapper.class_)


# --- attributes ---

_attributes: dict[int, Any] = {}  # id of an attribute's Dispatch -> the attribute, weakly


def _adapt_attribute(name: str, listener: Listener) -> Any:
    """Return what C calls: fn, (fn,) whose result replaces the value, or (fn, replaces) that is given the key."""
    function = listener.original
    options = listener.options
    if options.get("raw"):
        plain = function

        def function(target: Any, *args: Any) -> Any:
            return plain(_core.instance_state(target), *args)

    if options.get("include_key"):  # C gives such a function `key=` too
        return (function, bool(options.get("retval")))
    return (function,) if options.get("retval") else function


def _attribute_added(dispatch: Any, name: str, listener: Listener) -> None:
    target = _attributes.get(id(dispatch))
    attribute = target() if target is not None else None
    if listener.options.get("active_history") and attribute is not None:
        attribute.active_history = True


def _heirs(attribute: Any) -> list[Any]:
    """Return the attribute as mapped subclasses inherit it, the nearest first."""
    found = []
    waiting = list(attribute.class_.__subclasses__())
    while waiting:
        cls = waiting.pop(0)
        plan = _core.mapper_plan(cls)
        if plan is not None and plan.class_ is cls and attribute.key in plan.slots:
            own = plan.attribute(attribute.key)
            if own.prop is attribute.prop:
                found.append(own)
        waiting += cls.__subclasses__()
    return found


def _resolve_attribute(target: Any, name: str) -> Any:
    return _dispatch_of(target) if isinstance(target, _core.InstrumentedAttribute) else None


def _dispatch_of(attribute: Any) -> Any:
    if attribute.dispatch is None or not isinstance(attribute.dispatch._family, Family):
        attribute.dispatch = ATTRIBUTE.dispatch()
        _attributes[id(attribute.dispatch)] = weakref.ref(attribute)
    return attribute.dispatch


def _inherit_attributes(cls: type) -> None:
    """Let the attributes that a class inherits hear what the parent's listeners propagate."""
    plan = _core.mapper_plan(cls)
    if plan is None or plan.class_ is not cls or plan.base is None:
        return
    base = plan.base
    for key in plan.slots:
        source = base.attribute(key) if key in base.slots else None
        if source is not None and source.dispatch is not None:
            own = plan.attribute(key)
            hand_down(source.dispatch, _dispatch_of(own))
            own.active_history = own.active_history or source.active_history


ATTRIBUTE = Family(
    "attribute",
    {name: _ATTRIBUTE_ARGUMENTS[name] for name in _core.ATTRIBUTE_EVENTS},
    _resolve_attribute,
    options=("active_history", "raw", "retval", "include_key"),
    adapt=_adapt_attribute,
    added=_attribute_added,
    heirs=lambda attribute: [_dispatch_of(heir) for heir in _heirs(attribute)],
)

for _family in (SESSION, MAPPER, ATTRIBUTE):
    register_family(_family)


class SessionEvents:
    """Names of the session events; listen to a Session class, sessionmaker or session."""

    names = SESSION.names


class MapperEvents:
    """Names of the events of a flush, per mapped class."""

    names = tuple(name for name in MAPPER.names if name not in _INSTANCE_ARGUMENTS)


class InstanceEvents:
    """Names of the events of an instance's life, per mapped class."""

    names = tuple(_INSTANCE_ARGUMENTS)


class AttributeEvents:
    """Names of the events of an attribute."""

    names = ATTRIBUTE.names
