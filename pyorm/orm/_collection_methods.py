"""The methods that are put around those of a list, set or dictionary class of one's own.

Each tells the collection's adapter first and calls the class's own method then, as the C types
do. `_sa_initiator` is the token of the event that began a change; False: nothing is told.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from pyorm.orm._symbols import NO_KEY

_MISSING: Any = object()


def _added(self: Any, member: Any, initiator: Any, key: Any = NO_KEY) -> Any:
    """Tell that a member arrives; returns what is to be added."""
    adapter = self._sa_adapter
    return member if initiator is False or adapter is None else adapter.fire_append_event(member, initiator, key)


def _kept(self: Any, member: Any, initiator: Any = None, key: Any = NO_KEY) -> None:
    adapter = self._sa_adapter
    if initiator is not False and adapter is not None:
        adapter.fire_append_wo_mutation_event(member, initiator, key)


def _removed(self: Any, member: Any, initiator: Any, key: Any = NO_KEY) -> None:
    adapter = self._sa_adapter
    if initiator is not False and adapter is not None:
        adapter.fire_remove_event(member, initiator, key)


def _before_pop(self: Any, initiator: Any = None) -> None:
    adapter = self._sa_adapter
    if adapter is not None:
        adapter.fire_pre_remove_event(initiator)


def instrumented(wrapper: Any, fn: Any) -> Any:
    """Give a wrapper the name and text of what it wraps, and mark it."""
    functools.update_wrapper(wrapper, fn)
    wrapper._sa_instrumented = True
    return wrapper


def mutator(fn: Any, before: str | None, argument: int | str | None, after: str | None) -> Any:
    """Wrap a method that `@collection` marked.

    Args:
        fn: the class's function.
        before: the adapter's method that is told of an argument, or None.
        argument: position (the first after self is 1) or name of that argument.
        after: the adapter's method that is told of the result, or None.
    """
    names = list(inspect.signature(fn).parameters) if before else []
    position = names.index(argument) if isinstance(argument, str) else (argument or 0)
    name = names[position] if position < len(names) else None

    def method(self: Any, *args: Any, _sa_initiator: Any = None, **kw: Any) -> Any:
        adapter = None if _sa_initiator is False else self._sa_adapter
        if before and adapter is not None:
            given = list(args)
            if position - 1 < len(given):
                value = given[position - 1]
            elif name in kw:
                value = kw[name]
            else:
                raise TypeError(f"Missing argument {argument}")
            told = getattr(adapter, before)(value, _sa_initiator)
            if before == "fire_append_event":
                if position - 1 < len(given):
                    given[position - 1] = told
                else:
                    kw[str(name)] = told
            args = tuple(given)
        result = fn(self, *args, **kw)
        if after and adapter is not None and result is not None:
            getattr(adapter, after)(result, _sa_initiator)
        return result

    return instrumented(method, fn)


# --- lists ---


def _append(fn: Any) -> Any:
    def append(self: Any, item: Any, _sa_initiator: Any = None) -> None:
        fn(self, _added(self, item, _sa_initiator))

    return append


def _list_remove(fn: Any) -> Any:
    def remove(self: Any, value: Any, _sa_initiator: Any = None) -> None:
        _removed(self, value, _sa_initiator)
        fn(self, value)

    return remove


def _insert(fn: Any) -> Any:
    def insert(self: Any, index: Any, value: Any) -> None:
        fn(self, index, _added(self, value, None, index))

    return insert


def _list_setitem(fn: Any) -> Any:
    def __setitem__(self: Any, index: Any, value: Any) -> None:
        if not isinstance(index, slice):
            existing = self[index]
            if existing is not None:
                _removed(self, existing, None, index)
            fn(self, index, _added(self, value, None, index))
            return
        start, stop, step = index.indices(len(self))
        if step == 1 and value is self:
            return
        values = list(value)
        if step == 1:
            for _ in range(start, stop):
                if len(self) > start:
                    del self[start]
            for offset, item in enumerate(values):
                self.insert(start + offset, item)
            return
        positions = range(start, stop, step)
        if len(values) != len(positions):
            raise ValueError(
                f"attempt to assign sequence of size {len(values)} to extended slice of size {len(positions)}"
            )
        for position, item in zip(positions, values, strict=True):
            self[position] = item

    return __setitem__


def _list_delitem(fn: Any) -> Any:
    def __delitem__(self: Any, index: Any) -> None:
        if isinstance(index, slice):
            for item in self[index]:
                _removed(self, item, None)
        else:
            _removed(self, self[index], None, index)
        fn(self, index)

    return __delitem__


def _extend(fn: Any) -> Any:
    def extend(self: Any, iterable: Any) -> None:
        for item in list(iterable):
            self.append(item)

    return extend


def _list_iadd(fn: Any) -> Any:
    def __iadd__(self: Any, iterable: Any) -> Any:
        for item in list(iterable):
            self.append(item)
        return self

    return __iadd__


def _list_pop(fn: Any) -> Any:
    def pop(self: Any, index: int = -1) -> Any:
        _before_pop(self)
        item = fn(self, index)
        _removed(self, item, None, index)
        return item

    return pop


def _clear(fn: Any) -> Any:
    def clear(self: Any) -> None:
        for item in list(self):
            _removed(self, item, None)
        fn(self)

    return clear


# --- sets ---


def _add(fn: Any) -> Any:
    def add(self: Any, value: Any, _sa_initiator: Any = None) -> None:
        if value in self:
            _kept(self, value, _sa_initiator)
        else:
            value = _added(self, value, _sa_initiator)
        fn(self, value)

    return add


def _set_remove(fn: Any) -> Any:
    def remove(self: Any, value: Any, _sa_initiator: Any = None) -> None:
        if value in self:
            _removed(self, value, _sa_initiator)
        fn(self, value)

    return remove


def _set_pop(fn: Any) -> Any:
    def pop(self: Any) -> Any:
        _before_pop(self)
        item = fn(self)
        _removed(self, item, None)
        return item

    return pop


def _set_clear(fn: Any) -> Any:
    def clear(self: Any) -> None:
        for item in list(self):
            self.remove(item)

    return clear


def _update(fn: Any) -> Any:
    def update(self: Any, *others: Any) -> None:
        for other in others:
            for item in list(other):
                self.add(item)

    return update


def _difference_update(fn: Any) -> Any:
    def difference_update(self: Any, *others: Any) -> None:
        for other in others:
            for item in list(other):
                self.discard(item)

    return difference_update


def _become(self: Any, wanted: set[Any]) -> None:
    have = set(self)
    for item in have - wanted:
        self.remove(item)
    for item in wanted - have:
        self.add(item)


def _intersection_update(fn: Any) -> Any:
    def intersection_update(self: Any, *others: Any) -> None:
        _become(self, set(self).intersection(*others))

    return intersection_update


def _symmetric_difference_update(fn: Any) -> Any:
    def symmetric_difference_update(self: Any, other: Any) -> None:
        _become(self, set(self).symmetric_difference(other))

    return symmetric_difference_update


def _in_place(method: str) -> Callable[[Any], Any]:
    def wrap(fn: Any) -> Any:
        def operator(self: Any, other: Any) -> Any:
            if not isinstance(other, (set, frozenset, type({}.keys()))):
                return NotImplemented
            getattr(self, method)(other)
            return self

        return operator

    return wrap


# --- dictionaries ---


def _dict_setitem(fn: Any) -> Any:
    def __setitem__(self: Any, key: Any, value: Any, _sa_initiator: Any = None) -> None:
        if key in self:
            _removed(self, self[key], _sa_initiator, key)
        fn(self, key, _added(self, value, _sa_initiator, key))

    return __setitem__


def _dict_delitem(fn: Any) -> Any:
    def __delitem__(self: Any, key: Any, _sa_initiator: Any = None) -> None:
        if key in self:
            _removed(self, self[key], _sa_initiator, key)
        fn(self, key)

    return __delitem__


def _dict_clear(fn: Any) -> Any:
    def clear(self: Any) -> None:
        for key in list(self):
            _removed(self, self[key], None, key)
        fn(self)

    return clear


def _dict_pop(fn: Any) -> Any:
    def pop(self: Any, key: Any, default: Any = _MISSING) -> Any:
        _before_pop(self)
        known = key in self
        item = fn(self, key) if default is _MISSING else fn(self, key, default)
        if known:
            _removed(self, item, None, key)
        return item

    return pop


def _popitem(fn: Any) -> Any:
    def popitem(self: Any) -> Any:
        _before_pop(self)
        key, item = fn(self)
        _removed(self, item, None, key)
        return key, item

    return popitem


def _setdefault(fn: Any) -> Any:
    def setdefault(self: Any, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
            return default
        value = self[key]
        if value is default:
            _kept(self, value)
        return value

    return setdefault


def _dict_update(fn: Any) -> Any:
    def update(self: Any, other: Any = (), **members: Any) -> None:
        for key, value in {**dict(other), **members}.items():
            if key not in self or self[key] is not value:
                self[key] = value
            else:
                _kept(self, value)

    return update


WRAPPERS: dict[type | None, dict[str, Callable[[Any], Any]]] = {
    list: {
        "append": _append, "remove": _list_remove, "insert": _insert, "__setitem__": _list_setitem,
        "__delitem__": _list_delitem, "extend": _extend, "__iadd__": _list_iadd, "pop": _list_pop, "clear": _clear,
    },
    set: {
        "add": _add, "remove": _set_remove, "discard": _set_remove, "pop": _set_pop, "clear": _set_clear,
        "update": _update, "difference_update": _difference_update, "intersection_update": _intersection_update,
        "symmetric_difference_update": _symmetric_difference_update, "__ior__": _in_place("update"),
        "__isub__": _in_place("difference_update"), "__iand__": _in_place("intersection_update"),
        "__ixor__": _in_place("symmetric_difference_update"),
    },
    dict: {
        "__setitem__": _dict_setitem, "__delitem__": _dict_delitem, "clear": _dict_clear, "pop": _dict_pop,
        "popitem": _popitem, "setdefault": _setdefault, "update": _dict_update,
    },
}  # fmt: skip
"""What is wrapped, by what a class behaves like; methods a class lacks are left alone."""
