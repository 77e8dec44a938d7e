"""Which function renders which kind of operation; users register functions for their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


class Dispatcher:
    """Functions by class, and for one class by a qualifier such as a dialect's name.

    Args:
        several: whether a class may have several functions, all of which are called in turn.
    """

    def __init__(self, several: bool = False) -> None:
        self.several = several
        self._registered: dict[tuple[Any, str], list[Callable[..., Any]]] = {}

    def dispatch_for(self, target: Any, qualifier: str = "default", replace: bool = False) -> Callable[[_F], _F]:
        """Return a decorator that registers a function for a class or name.

        Args:
            target: the class, or a name such as "table".
            qualifier: a dialect's name, or "default".
            replace: whether it takes the place of a function registered before.

        Raises:
            ValueError: when the decorator is used: a function stands there already, and `replace` is not given.
        """

        def register(function: _F) -> _F:
            known = self._registered.setdefault((target, qualifier), [])
            if replace:
                known.clear()
            if known and not self.several:
                raise ValueError(
                    f"{getattr(target, '__name__', target)!r} has a function already; pass replace=True to replace it"
                )
            known.append(function)
            return function

        return register

    def dispatch(self, target: Any, qualifier: str = "default") -> Callable[..., Any]:
        """Return the function for an object, its class's nearest base, or a name.

        Raises:
            ValueError: nothing is registered for it.
        """
        spines = [target] if isinstance(target, str) else (target if isinstance(target, type) else type(target)).__mro__
        for spine in spines:
            for place in dict.fromkeys((qualifier, "default")):
                functions = self._registered.get((spine, place))
                if functions:
                    return functions[0] if not self.several else _all(tuple(functions))
        raise ValueError(f"no dispatch function for object: {target!r}")

    def branch(self) -> Dispatcher:
        """Return a copy, to which more can be added without the original knowing."""
        copy = Dispatcher(self.several)
        copy._registered = {key: list(functions) for key, functions in self._registered.items()}
        return copy


def _all(functions: tuple[Callable[..., Any], ...]) -> Callable[..., None]:
    def call(*arguments: Any, **kw: Any) -> None:
        for function in functions:
            function(*arguments, **kw)

    return call


renderers = Dispatcher()
"""The renderers of operations: functions of (autogen context, operation) that return a line or lines."""
