"""Collections of instances by identity: what `Session.new`, `.dirty`, `.deleted` and `.identity_map` give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pyorm import _core

if TYPE_CHECKING:
    from pyorm.orm.session import Session

__all__ = ["IdentityMap", "IdentitySet"]


class IdentitySet:
    """A set whose members are the same only if they are one object; keeps the order of adding."""

    __slots__ = ("_members",)

    def __init__(self, iterable: Iterable[Any] = ()) -> None:
        self._members = {id(obj): obj for obj in iterable}

    def add(self, value: Any) -> None:
        """Add an object."""
        self._members[id(value)] = value

    def discard(self, value: Any) -> None:
        """Take an object out if it is there."""
        self._members.pop(id(value), None)

    def remove(self, value: Any) -> None:
        """Take an object out; KeyError if it is not there."""
        del self._members[id(value)]

    def pop(self) -> Any:
        """Take the object out that was added last; KeyError if there is none."""
        try:
            return self._members.popitem()[1]
        except KeyError:
            raise KeyError("pop from an empty set") from None

    def clear(self) -> None:
        """Take everything out."""
        self._members.clear()

    def copy(self) -> IdentitySet:
        """Return a set of the same objects."""
        return type(self)(self)

    def update(self, iterable: Iterable[Any]) -> None:
        """Add all objects of an iterable."""
        for obj in iterable:
            self.add(obj)

    def union(self, iterable: Iterable[Any]) -> IdentitySet:
        """Return the objects of both."""
        made = self.copy()
        made.update(iterable)
        return made

    def difference(self, iterable: Iterable[Any]) -> IdentitySet:
        """Return the objects that are not in the other."""
        others = {id(obj) for obj in iterable}
        return type(self)(obj for key, obj in self._members.items() if key not in others)

    def intersection(self, iterable: Iterable[Any]) -> IdentitySet:
        """Return the objects that are in both."""
        others = {id(obj) for obj in iterable}
        return type(self)(obj for key, obj in self._members.items() if key in others)

    def symmetric_difference(self, iterable: Iterable[Any]) -> IdentitySet:
        """Return the objects that are in one of both."""
        other = type(self)(iterable)
        return self.difference(other).union(other.difference(self))

    def issubset(self, iterable: Iterable[Any]) -> bool:
        """Say whether all objects are in the other."""
        return self._members.keys() <= {id(obj) for obj in iterable}

    def issuperset(self, iterable: Iterable[Any]) -> bool:
        """Say whether all objects of the other are here."""
        return self._members.keys() >= {id(obj) for obj in iterable}

    __or__, __sub__, __and__, __xor__ = union, difference, intersection, symmetric_difference
    __le__, __ge__ = issubset, issuperset

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdentitySet) and self._members.keys() == other._members.keys()

    __hash__ = None  # type: ignore[assignment]

    def __contains__(self, value: object) -> bool:
        return id(value) in self._members

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._members.values()))

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._members.values())!r})"


class IdentityMap(Mapping[Any, Any]):
    """The persistent instances of a session by identity key: `(class, values, token)`.

    A view: it shows what the session holds when it is asked, and holds nothing itself.
    """

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, tuple) or not 2 <= len(key) <= 3:
            raise KeyError(key)
        plan = _core.mapper_plan(key[0])
        found = None if plan is None else self._session._map_get(plan, tuple(key[1]), key[2] if len(key) > 2 else None)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._session._map_list())

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None

    has_key = __contains__

    def keys(self) -> Any:
        """Return the identity keys."""
        return [_core.instance_state(obj).key for obj in self._session._map_list()]

    def values(self) -> Any:
        """Return the instances."""
        return self._session._map_list()

    def items(self) -> Any:
        """Return pairs of key and instance."""
        return [(_core.instance_state(obj).key, obj) for obj in self._session._map_list()]

    def all_states(self) -> list[Any]:
        """Return the InstanceState of each instance."""
        return [_core.instance_state(obj) for obj in self._session._map_list()]

    def contains_state(self, state: Any) -> bool:
        """Say whether the instance of a state is here."""
        return state.session is self._session and state.persistent

    def check_modified(self) -> bool:
        """Say whether any instance was changed since the last flush."""
        return bool(self._session._dirty_list())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} instances>"
