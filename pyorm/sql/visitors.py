"""Walks over expressions: every element below one, by `get_children()`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["iterate", "traverse", "traverse_using"]


def iterate(obj: Any, opts: Mapping[str, Any] | None = None) -> Iterator[Any]:
    """Yield an element and all below it, breadth first; what is shared comes once per use.

    Args:
        obj: The element; None yields nothing.
        opts: Kept for callers; no option changes the walk.
    """
    if obj is None:
        return
    waiting = deque([obj])
    while waiting:
        element = waiting.popleft()
        yield element
        waiting.extend(element.get_children())


def traverse_using(
    iterator: Any, obj: Any, visitors: Mapping[str, Callable[[Any], Any]]
) -> Any:
    """Call the visitor of each element of an iterable; return `obj`."""
    for element in iterator:
        visit = visitors.get(element.__visit_name__)
        if visit is not None:
            visit(element)
    return obj


def traverse(
    obj: Any, opts: Mapping[str, Any] | None, visitors: Mapping[str, Callable[[Any], Any]]
) -> Any:
    """Call a visitor for an element and for each below it; return the element.

    Args:
        obj: The element.
        opts: Kept for callers; no option changes the walk.
        visitors: Function by `__visit_name__`: "column", "bindparam", "select" and so on.
    """
    return traverse_using(iterate(obj, opts), obj, visitors)
