"""`inspect()`: from an object to what the library knows about it.

Modules register what they know: `register_inspector(type, function)` is asked for instances
of the type and its subclasses, most specific first. A function that answers None passes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyorm import exc

__all__ = ["inspect", "register_inspector"]

_inspectors: dict[type, Callable[[Any], Any]] = {}
_late: list[str] = ["pyorm.orm._inspect", "pyorm.schema.inspector"]


def register_inspector(cls: type, function: Callable[[Any], Any]) -> None:
    """Answer `inspect()` of instances of a class by a function."""
    _inspectors[cls] = function


def inspect(subject: Any, raiseerr: bool = True) -> Any:
    """Return what there is to know about an object.

    An engine or connection gives an Inspector, a mapped class its mapper, an instance its
    state.

    Args:
        raiseerr: False returns None where nothing is known.

    Raises:
        NoInspectionAvailable: No module knows the object.

    Example:
        >>> from pyorm import create_engine, inspect
        >>> inspect(create_engine("sqlite://")).get_table_names()
        []
    """
    found = _ask(subject)
    if found is None and _load_late():
        found = _ask(subject)
    if found is None and raiseerr:
        raise exc.NoInspectionAvailable(
            f"No inspection system is available for object of type {type(subject)}"
        )
    return found


def _ask(subject: Any) -> Any:
    for cls in type(subject).__mro__:
        function = _inspectors.get(cls)
        if function is not None:
            found = function(subject)
            if found is not None:
                return found
    return None


def _load_late() -> bool:
    """Import the modules that register inspectors and were not needed so far."""
    import importlib
    import importlib.util

    loaded = False
    while _late:
        name = _late.pop()
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
            loaded = True
    return loaded
