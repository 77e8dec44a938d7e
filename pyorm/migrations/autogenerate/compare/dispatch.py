"""Whose functions take part in a comparison besides our own: registration and calling.

`comparators.dispatch_for("table")` is the older way; `Plugin.add_autogenerate_comparator` registers into the
dispatcher of a plugin that `autogenerate_plugins` switches on by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


class DispatchPriority(IntEnum):
    """Who is called first."""

    FIRST = 50
    MEDIUM = 25
    LAST = 10


class PriorityDispatchResult(IntEnum):
    """What a function returns: whether those of lower priority in its subgroup are called, too."""

    CONTINUE = 1
    STOP = 2


class PriorityDispatcher:
    """Functions by target ("autogenerate", "schema", "table", "column", "type", …) and dialect."""

    def __init__(self) -> None:
        """Start empty."""
        self._found: list[tuple[int, str, str | None, str, Callable[..., Any]]] = []

    def __bool__(self) -> bool:
        """Return whether somebody has registered anything."""
        return bool(self._found)

    def dispatch_for(
        self,
        target: str,
        *,
        priority: DispatchPriority = DispatchPriority.MEDIUM,
        qualifier: str = "default",
        subgroup: str | None = None,
    ) -> Callable[[_F], _F]:
        """Return a decorator that registers a function.

        Args:
            target: what it compares.
            priority: higher ones are called first.
            qualifier: a dialect's name, or "default" for all.
            subgroup: functions of one subgroup stop each other by returning STOP.
        """

        def register(fn: _F) -> _F:
            self._found.append((int(priority), target, subgroup, qualifier, fn))
            return fn

        return register

    def has(self, target: str) -> bool:
        """Return whether a function is registered for a target."""
        return any(entry[1] == target for entry in self._found)

    def dispatch(
        self, target: str, *, qualifier: str = "default"
    ) -> Callable[..., PriorityDispatchResult]:
        """Return a function that calls what is registered for a target, those of a higher priority first."""
        chosen = [e for e in self._found if e[1] == target and e[3] in ("default", qualifier)]
        chosen.sort(key=lambda entry: -entry[0])

        def call(*args: Any, **kw: Any) -> PriorityDispatchResult:
            stopped: set[str | None] = set()
            result = PriorityDispatchResult.CONTINUE
            for _, _, subgroup, _, fn in chosen:
                if subgroup not in stopped and fn(*args, **kw) is PriorityDispatchResult.STOP:
                    stopped.add(subgroup)
                    result = PriorityDispatchResult.STOP
            return result

        return call

    def branch(self) -> PriorityDispatcher:
        """Return a copy that can be added to."""
        copy = PriorityDispatcher()
        copy._found = list(self._found)
        return copy

    def populate_with(self, other: PriorityDispatcher) -> None:
        """Add what another dispatcher has."""
        self._found.extend(other._found)


comparators = PriorityDispatcher()
"""Functions that take part in every comparison of this process."""
