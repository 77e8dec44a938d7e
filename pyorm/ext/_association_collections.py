"""The collections that an association proxy shows: each member stands for a related object."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

_MISSING: Any = object()
_SETS: tuple[type, ...] = (set, frozenset, type({}.keys()))


class LazyCollection:
    """Asks the instance for the collection each time: it may have been replaced or expired."""

    def __init__(self, obj: Any, target: str) -> None:
        self.parent = obj
        self.target = target

    def __call__(self) -> Any:
        return getattr(self.parent, self.target)


class _AssociationCollection:
    """What list, set and dictionary have in common.

    Attributes:
        col: the collection of related objects.
        creator: makes a related object from a value.
        getter, setter: read and write the value of a related object.
        parent: the AssociationProxyInstance.
    """

    def __init__(self, lazy_collection: Any, creator: Any, getter: Any, setter: Any, parent: Any) -> None:
        self.lazy_collection = lazy_collection
        self.creator = creator
        self.getter = getter
        self.setter = setter
        self.parent = parent

    @property
    def col(self) -> Any:
        """The collection of related objects."""
        return self.lazy_collection()

    def _get(self, target: Any) -> Any:
        return self.getter(target)

    def __len__(self) -> int:
        return len(self.col)

    def __bool__(self) -> bool:
        return bool(self.col)

    def __reduce__(self) -> Any:
        """Pickle as the attribute of the instance that it belongs to."""
        return getattr, (self.lazy_collection.parent, self.parent.parent._name)

    def _bulk_replace(self, proxy: Any, values: Any) -> None:
        self.clear()  # type: ignore[attr-defined]
        proxy._set(self, values)

    def __hash__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} objects are unhashable")


def _compared(name: str, plain: Any) -> Any:
    compare = getattr(operator, name)

    def method(self: Any, other: Any) -> Any:
        return compare(plain(self), other)

    return method


class _AssociationList(_AssociationCollection):
    """A list of the values of related objects."""

    def _create(self, value: Any) -> Any:
        return self.creator(value)

    def _set(self, target: Any, value: Any) -> None:
        self.setter(target, value)

    def __getitem__(self, index: Any) -> Any:
        found = self.col[index]
        return [self._get(member) for member in found] if isinstance(index, slice) else self._get(found)

    def __setitem__(self, index: Any, value: Any) -> None:
        if not isinstance(index, slice):
            self._set(self.col[index], value)
            return
        start, stop, step = index.indices(len(self))
        values = list(value)
        if step == 1:
            for _ in range(start, stop):
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
            self._set(self.col[position], item)

    def __delitem__(self, index: Any) -> None:
        del self.col[index]

    def __contains__(self, value: object) -> bool:
        return any(self._get(member) == value for member in self.col)

    def __iter__(self) -> Iterator[Any]:
        for member in self.col:
            yield self._get(member)

    def append(self, value: Any) -> None:
        """Add a related object with this value at the end."""
        self.col.append(self._create(value))

    def count(self, value: Any) -> int:
        """Return how often the value is there."""
        return sum(1 for one in self if one == value)

    def extend(self, values: Iterable[Any]) -> None:
        """Add a related object for each value."""
        for value in list(values):
            self.append(value)

    def insert(self, index: Any, value: Any) -> None:
        """Add a related object with this value before an index."""
        self.col[index:index] = [self._create(value)]

    def pop(self, index: int = -1) -> Any:
        """Take a related object out and return its value."""
        return self.getter(self.col.pop(index))

    def remove(self, value: Any) -> None:
        """Take out the first related object with this value; ValueError."""
        for index, one in enumerate(self):
            if one == value:
                del self.col[index]
                return
        raise ValueError("value not in list")

    def reverse(self) -> NoReturn:
        """Refuse: the order is the relationship's."""
        raise NotImplementedError

    def sort(self) -> NoReturn:
        """Refuse: the order is the relationship's."""
        raise NotImplementedError

    def clear(self) -> None:
        """Take all related objects out."""
        del self.col[0 : len(self.col)]

    def index(self, value: Any, *bounds: Any) -> int:
        """Return where the value stands; ValueError."""
        return list(self).index(value, *bounds)

    def copy(self) -> list[Any]:
        """Return a list of the values."""
        return list(self)

    __eq__ = _compared("eq", list)
    __ne__ = _compared("ne", list)
    __lt__ = _compared("lt", list)
    __le__ = _compared("le", list)
    __gt__ = _compared("gt", list)
    __ge__ = _compared("ge", list)
    __hash__ = _AssociationCollection.__hash__

    def __add__(self, other: Any) -> Any:
        try:
            return list(self) + list(other)
        except TypeError:
            return NotImplemented

    def __radd__(self, other: Any) -> Any:
        try:
            return list(other) + list(self)
        except TypeError:
            return NotImplemented

    def __mul__(self, count: Any) -> Any:
        return list(self) * count if isinstance(count, int) else NotImplemented

    __rmul__ = __mul__

    def __iadd__(self, values: Any) -> Any:
        self.extend(values)
        return self

    def __imul__(self, count: Any) -> Any:
        if not isinstance(count, int):
            return NotImplemented
        if count == 0:
            self.clear()
        elif count > 1:
            self.extend(list(self) * (count - 1))
        return self

    def __repr__(self) -> str:
        return repr(list(self))


class _AssociationDict(_AssociationCollection):
    """A dictionary of the values of related objects, by the keys of their collection."""

    def _create(self, key: Any, value: Any) -> Any:
        return self.creator(key, value)

    def _set(self, target: Any, key: Any, value: Any) -> None:
        self.setter(target, key, value)

    def __getitem__(self, key: Any) -> Any:
        return self._get(self.col[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        if key in self.col:
            self._set(self.col[key], key, value)
        else:
            self.col[key] = self._create(key, value)

    def __delitem__(self, key: Any) -> None:
        del self.col[key]

    def __contains__(self, key: object) -> bool:
        return key in self.col

    def __iter__(self) -> Iterator[Any]:
        return iter(self.col.keys())

    def clear(self) -> None:
        """Take all related objects out."""
        self.col.clear()

    __eq__ = _compared("eq", dict)
    __ne__ = _compared("ne", dict)
    __hash__ = _AssociationCollection.__hash__

    def __repr__(self) -> str:
        return repr(dict(self.items()))

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of a key, or the default."""
        return self[key] if key in self.col else default

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return the value of a key; add a related object if there is none."""
        if key not in self.col:
            self.col[key] = self._create(key, default)
            return default
        return self[key]

    def keys(self) -> Any:
        """Return the keys."""
        return self.col.keys()

    def items(self) -> Any:
        """Return pairs of key and value."""
        return {key: self._get(member) for key, member in self.col.items()}.items()

    def values(self) -> Any:
        """Return the values."""
        return {key: self._get(member) for key, member in self.col.items()}.values()

    def pop(self, key: Any, default: Any = _MISSING) -> Any:
        """Take the related object of a key out and return its value."""
        if default is _MISSING or key in self.col:
            return self._get(self.col.pop(key))
        return default

    def popitem(self) -> tuple[Any, Any]:
        """Take the last related object out; return key and value."""
        key, member = self.col.popitem()
        return key, self._get(member)

    def update(self, *others: Any, **values: Any) -> None:
        """Set the values of keys."""
        for key, value in dict(*others, **values).items():
            self[key] = value

    def copy(self) -> dict[Any, Any]:
        """Return a dict of the values."""
        return dict(self.items())

    def _bulk_replace(self, proxy: Any, values: Any) -> None:
        wanted = dict(values or {})
        gone = [key for key in self if key not in wanted]
        for key, value in wanted.items():
            self[key] = value
        for key in gone:
            del self[key]


class _AssociationSet(_AssociationCollection):
    """A set of the values of related objects."""

    def _create(self, value: Any) -> Any:
        return self.creator(value)

    def __contains__(self, value: object) -> bool:
        return any(self._get(member) == value for member in self.col)

    def __iter__(self) -> Iterator[Any]:
        for member in self.col:
            yield self._get(member)

    def add(self, value: Any) -> None:
        """Add a related object with this value unless there is one."""
        if value not in self:
            self.col.add(self._create(value))

    def discard(self, value: Any) -> None:
        """Take the related object with this value out if there is one."""
        for member in self.col:
            if self._get(member) == value:
                self.col.discard(member)
                break

    def remove(self, value: Any) -> None:
        """Take the related object with this value out; KeyError."""
        for member in self.col:
            if self._get(member) == value:
                self.col.discard(member)
                return
        raise KeyError(value)

    def pop(self) -> Any:
        """Take any related object out and return its value; KeyError."""
        if not self.col:
            raise KeyError("pop from an empty set")
        return self._get(self.col.pop())

    def update(self, *others: Iterable[Any]) -> None:
        """Add related objects for the values of others."""
        for other in others:
            for value in list(other):
                self.add(value)

    def clear(self) -> None:
        """Take all related objects out."""
        self.col.clear()

    def copy(self) -> set[Any]:
        """Return a set of the values."""
        return set(self)

    def difference_update(self, *others: Iterable[Any]) -> None:
        """Take out the values that others have."""
        for other in others:
            for value in list(other):
                self.discard(value)

    def intersection_update(self, *others: Iterable[Any]) -> None:
        """Keep the values that all others have."""
        self._become(set(self).intersection(*others))

    def symmetric_difference_update(self, other: Iterable[Any]) -> None:
        """Keep the values that only one of both has."""
        self._become(set(self).symmetric_difference(other))

    def _become(self, wanted: set[Any]) -> None:
        have = set(self)
        for value in have - wanted:
            self.remove(value)
        for value in wanted - have:
            self.add(value)

    def _bulk_replace(self, proxy: Any, values: Any) -> None:
        wanted = list(values or ())
        gone = [value for value in self if value not in wanted]
        for value in wanted:
            self.add(value)
        for value in gone:
            self.remove(value)

    __eq__ = _compared("eq", set)
    __ne__ = _compared("ne", set)
    __lt__ = _compared("lt", set)
    __le__ = _compared("le", set)
    __gt__ = _compared("gt", set)
    __ge__ = _compared("ge", set)
    __hash__ = _AssociationCollection.__hash__

    def __repr__(self) -> str:
        return repr(set(self))


def _as_plain(name: str) -> Any:
    def method(self: Any, *others: Any) -> Any:
        return getattr(set(self), name)(*others)

    method.__name__, method.__doc__ = name, f"As set.{name}(), on the values."
    return method


def _in_place(name: str) -> Any:
    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, (*_SETS, _AssociationSet)):
            return NotImplemented
        getattr(self, name)(other)
        return self

    return method


for _name in ("union", "difference", "intersection", "symmetric_difference", "issubset", "issuperset", "isdisjoint"):
    setattr(_AssociationSet, _name, _as_plain(_name))
for _operator, _name in (
    ("or", "union"), ("sub", "difference"), ("and", "intersection"), ("xor", "symmetric_difference"),
):  # fmt: skip
    setattr(_AssociationSet, f"__{_operator}__", _as_plain(_name))
for _operator, _name in (
    ("or", "update"), ("sub", "difference_update"), ("and", "intersection_update"),
    ("xor", "symmetric_difference_update"),
):  # fmt: skip
    setattr(_AssociationSet, f"__i{_operator}__", _in_place(_name))
