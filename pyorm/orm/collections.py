"""Collections that a relationship can have, and how a class of one's own becomes one.

`list`, `set` and keyed dictionaries are C types that tell their instance of every change. Any
other class is instrumented here, once, when the mappers are configured: its methods that change
members are wrapped, and the roles of `@collection` say which of them add, remove and iterate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyorm import exc
from pyorm._core import (
    AttributeKey,
    CollectionAdapter,
    InstrumentedDict,
    InstrumentedList,
    InstrumentedSet,
    KeyFuncDict,
)
from pyorm.orm import _collection_methods
from pyorm.orm._symbols import NO_KEY

__all__ = [
    "NO_KEY",
    "CollectionAdapter",
    "InstrumentedDict",
    "InstrumentedList",
    "InstrumentedSet",
    "KeyFuncDict",
    "MappedCollection",
    "attribute_keyed_dict",
    "attribute_mapped_collection",
    "bulk_replace",
    "collection",
    "collection_adapter",
    "column_keyed_dict",
    "column_mapped_collection",
    "keyfunc_mapping",
    "mapped_collection",
    "prepare_instrumentation",
]

MappedCollection = KeyFuncDict
_BUILT_IN: dict[type, type] = {list: InstrumentedList, set: InstrumentedSet, dict: InstrumentedDict}
_CORE = (InstrumentedList, InstrumentedSet, InstrumentedDict)
_ROLES = ("appender", "remover", "iterator")


def collection_adapter(collection: Any) -> Any:
    """Return the CollectionAdapter of a collection; None: it belongs to no instance."""
    return collection._sa_adapter


def bulk_replace(values: Any, existing_adapter: Any, new_adapter: Any, initiator: Any = None) -> None:
    """Put values into a new collection as a replacement of an existing one, with its events.

    Args:
        values: the members of the new collection.
        existing_adapter: adapter of the collection that is replaced, or None.
        new_adapter: adapter of the new, empty collection.
        initiator: event token handed to listeners.
    """
    members = list(values or ())
    before = list(existing_adapter or ())
    known, wanted = {id(one) for one in before}, {id(one) for one in members}
    for one in members:
        if id(one) in known:
            new_adapter.append_without_event(one)
        else:
            new_adapter.append_with_event(one, initiator)
    for one in {id(one): one for one in before}.values():
        if id(one) in wanted:
            existing_adapter.fire_append_wo_mutation_event(one, initiator)
    for one in {id(one): one for one in before}.values():
        if id(one) not in wanted:
            existing_adapter.fire_remove_event(one, initiator)


# --- dictionaries ---


def keyfunc_mapping(
    keyfunc: Callable[[Any], Any], *, ignore_unpopulated_attribute: bool = False
) -> Callable[[], KeyFuncDict]:
    """Return a `collection_class` for a dictionary keyed by a function of the member.

    Args:
        keyfunc: called with a member; returns its key.
        ignore_unpopulated_attribute: leave members out whose key is not known yet.

    Example:
        `relationship("Note", collection_class=keyfunc_mapping(lambda note: note.title.lower()))`
    """

    def make() -> KeyFuncDict:
        return KeyFuncDict(keyfunc, ignore_unpopulated_attribute=ignore_unpopulated_attribute)

    make._keyfunc = keyfunc  # type: ignore[attr-defined]
    return make


def attribute_keyed_dict(attr_name: str, *, ignore_unpopulated_attribute: bool = False) -> Callable[[], KeyFuncDict]:
    """Return a `collection_class` for a dictionary keyed by an attribute of the member.

    Args:
        attr_name: name of the attribute; it must have a value before the member is added.
        ignore_unpopulated_attribute: leave members out whose attribute has no value.

    Example:
        `relationship("Note", collection_class=attribute_keyed_dict("keyword"))`
    """
    return keyfunc_mapping(AttributeKey((attr_name,)), ignore_unpopulated_attribute=ignore_unpopulated_attribute)


class _Columns:
    """Finds the attributes that columns are mapped to, on the class of a member."""

    def __init__(self, columns: tuple[Any, ...]) -> None:
        self.columns = columns

    def __call__(self, member: Any) -> tuple[str, ...]:
        mapper = type(member).__mapper__
        return tuple(str(mapper.get_property_by_column(column).key) for column in self.columns)


def column_keyed_dict(mapping_spec: Any, *, ignore_unpopulated_attribute: bool = False) -> Callable[[], KeyFuncDict]:
    """Return a `collection_class` for a dictionary keyed by a column of the member's table.

    Args:
        mapping_spec: a Column, or a list of them: then keys are tuples.
        ignore_unpopulated_attribute: leave members out whose column has no value.
    """
    columns = tuple(mapping_spec) if isinstance(mapping_spec, (list, tuple)) else (mapping_spec,)
    return keyfunc_mapping(
        AttributeKey(None, _Columns(columns)),
        ignore_unpopulated_attribute=ignore_unpopulated_attribute,
    )


mapped_collection = keyfunc_mapping
attribute_mapped_collection = attribute_keyed_dict
column_mapped_collection = column_keyed_dict


# --- roles of methods ---


class collection:
    """Decorators that say what methods of a collection class do.

    Example:
        >>> class Shelf:
        ...     def __init__(self):
        ...         self.books = {}
        ...     @collection.appender
        ...     def put(self, book):
        ...         self.books[book.title] = book
        ...     @collection.remover
        ...     def take(self, book):
        ...         del self.books[book.title]
        ...     @collection.iterator
        ...     def __iter__(self):
        ...         return iter(self.books.values())
    """

    @staticmethod
    def appender(fn: Any) -> Any:
        """Mark the method that adds one member: `fn(self, member)`."""
        fn._sa_instrument_role = "appender"
        return fn

    @staticmethod
    def remover(fn: Any) -> Any:
        """Mark the method that removes one member: `fn(self, member)`."""
        fn._sa_instrument_role = "remover"
        return fn

    @staticmethod
    def iterator(fn: Any) -> Any:
        """Mark the method that iterates over the members: `fn(self)`."""
        fn._sa_instrument_role = "iterator"
        return fn

    @staticmethod
    def internally_instrumented(fn: Any) -> Any:
        """Mark a method that tells of its changes itself: it is not wrapped."""
        fn._sa_instrumented = True
        return fn

    @staticmethod
    def adds(arg: int | str) -> Callable[[Any], Any]:
        """Mark a method that adds the member given as this argument (a position or a name)."""
        return _mark(_sa_instrument_before=("fire_append_event", arg))

    @staticmethod
    def replaces(arg: int | str) -> Callable[[Any], Any]:
        """Mark a method that adds the member given, and returns the one that it replaces."""
        return _mark(_sa_instrument_before=("fire_append_event", arg), _sa_instrument_after="fire_remove_event")

    @staticmethod
    def removes(arg: int | str) -> Callable[[Any], Any]:
        """Mark a method that removes the member given as this argument."""
        return _mark(_sa_instrument_before=("fire_remove_event", arg))

    @staticmethod
    def removes_return() -> Callable[[Any], Any]:
        """Mark a method that removes the member it returns."""
        return _mark(_sa_instrument_after="fire_remove_event")


def _mark(**marks: Any) -> Callable[[Any], Any]:
    def decorate(fn: Any) -> Any:
        fn.__dict__.update(marks)
        return fn

    return decorate


# --- instrumenting a class ---


def prepare_instrumentation(factory: Any) -> tuple[str, Any, Any]:
    """Make what `collection_class` gave usable by relationships.

    Args:
        factory: a class, or a callable that returns an empty collection; None: list.

    Returns:
        Kind ("list", "set", "dict", "custom"), a callable that makes an empty collection (None:
        the kind's own type), and the key function of a dictionary, or None.

    Raises:
        ArgumentError: the class has no method that adds, removes or iterates over members.
    """
    if factory is None:
        return "list", None, None
    cls = factory if isinstance(factory, type) else type(factory())
    if isinstance(factory, type) and factory in _BUILT_IN:
        cls = factory
    cls = _BUILT_IN.get(cls, cls)
    if cls is InstrumentedList:
        return "list", None, None
    if cls is InstrumentedSet:
        return "set", None, None
    if cls is KeyFuncDict and not isinstance(factory, type):
        return "dict", factory, factory().keyfunc
    _instrument(cls)
    return "custom", factory if type(factory()) is cls else _Convert(factory, cls), None


class _Convert:
    """Makes a collection of the instrumented class from what a factory returns."""

    def __init__(self, factory: Any, cls: type) -> None:
        self.factory, self.cls = factory, cls

    def __call__(self) -> Any:
        return self.cls(self.factory())


def duck_type(cls: type) -> type | None:
    """Return list, set or dict: what a class behaves like; None: none of them."""
    if hasattr(cls, "__emulates__"):
        emulated = cls.__emulates__
        return set if isinstance(emulated, type) and issubclass(emulated, set) else emulated
    for kind, method in ((list, "append"), (set, "add"), (dict, "set")):
        if issubclass(cls, kind):
            return kind
        if not issubclass(cls, (list, set, dict)) and hasattr(cls, method):
            return kind
    return None


_DEFAULT_ROLES: dict[type | None, dict[str, str]] = {
    list: {"appender": "append", "remover": "remove", "iterator": "__iter__"},
    set: {"appender": "add", "remover": "remove", "iterator": "__iter__"},
    dict: {"iterator": "values"},
    None: {},
}


def _instrument(cls: Any) -> None:
    """Wrap what changes members, and put `_sa_appender`, `_sa_remover`, `_sa_iterator` on the class."""
    if cls.__dict__.get("_sa_instrumented_class") is cls:
        return
    kind = duck_type(cls)
    roles, marked = _collect(cls)
    if KeyFuncDict in cls.__mro__:
        roles = {"appender": "set", "remover": "remove", **roles}
    for role, name in _DEFAULT_ROLES.get(kind, {}).items():
        if hasattr(cls, name):
            roles.setdefault(role, name)
    for role in _ROLES:
        if role not in roles or not hasattr(cls, roles[role]):
            raise exc.ArgumentError(
                f"Type {cls.__name__} must elect {'an' if role[0] in 'ai' else 'a'} {role} method to be a "
                "collection class"
            )
    wrappers = _collection_methods.WRAPPERS.get(kind, {})
    for name, wrap in wrappers.items():
        fn = getattr(cls, name, None)
        if fn is not None and name not in marked and not _is_instrumented(fn):
            setattr(cls, name, _collection_methods.instrumented(wrap(fn), fn))
    for role, event in (("appender", "fire_append_event"), ("remover", "fire_remove_event")):
        name = roles[role]
        if not _is_instrumented(getattr(cls, name)):
            marked.setdefault(name, (None, None, None))
            if marked[name][0] is None and marked[name][2] is None:
                marked[name] = (event, 1, None)
    for name, (before, argument, after) in marked.items():
        fn = getattr(cls, name)
        if not _is_instrumented(fn):
            setattr(cls, name, _collection_methods.mutator(fn, before, argument, after))
    for role in _ROLES:
        setattr(cls, f"_sa_{role}", getattr(cls, roles[role]))
    cls._sa_instrumented_class = cls
    if not issubclass(cls, _CORE):
        cls._sa_adapter = None


def _collect(cls: type) -> tuple[dict[str, str], dict[str, tuple[Any, Any, Any]]]:
    """Return the roles, and the methods that `@collection` marked, the most derived first."""
    roles: dict[str, str] = {}
    marked: dict[str, tuple[Any, Any, Any]] = {}
    for base in cls.__mro__:
        for name, fn in list(vars(base).items()):
            role = getattr(fn, "_sa_instrument_role", None)
            if role is not None:
                roles.setdefault(role, name)
            before, after = getattr(fn, "_sa_instrument_before", None), getattr(fn, "_sa_instrument_after", None)
            if (before or after) and name not in marked:
                event, argument = before or (None, None)
                marked[name] = (event, argument, after)
    return roles, marked


def _is_instrumented(fn: Any) -> bool:
    """Say whether a method tells of its changes itself: marked so, wrapped, or of the C types."""
    return getattr(fn, "_sa_instrumented", False) or (getattr(fn, "__objclass__", None) in (*_CORE, KeyFuncDict))
