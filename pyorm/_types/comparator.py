"""Comparator: where a type gives its expressions operators of their own.

An expression whose type has a `comparator_factory` hands each operator to
`comparator.operate(op, *others)`. The default applies the method of the subclass that
belongs to the operator (`__add__`, `like` ...), or else the core's operator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyorm import _core

_SPECIAL = {
    name: f"__{name.rstrip('_')}__"
    for name in (
        "add sub mul truediv floordiv mod eq ne lt le gt ge and_ or_ inv neg getitem lshift rshift"
    ).split()
}
"""Name of an operator function -> the method that Python calls for it."""
_SPECIAL["inv"] = "__invert__"


_BY_METHOD: dict[str, Any] = {}


def _operators_by_method() -> dict[str, Any]:
    """Return the operator functions that have no symbol, by the method that they call."""
    if not _BY_METHOD:
        from pyorm.sql import operators

        for name, method in operators.METHODS.items():
            _BY_METHOD[method] = getattr(operators, name)
    return _BY_METHOD


def _method_name(op: Any) -> str:
    name: str = getattr(op, "__name__", "")
    return _SPECIAL.get(name) or name.removesuffix("_op")


class Comparator:
    """Operators of the expressions of a type.

    Args:
        expr: the expression on the left side.
    """

    _adds_only = True
    """A class's own word that it changes no operator: expressions need not ask it."""

    def __init__(self, expr: Any) -> None:
        self.expr = expr
        self.type = expr.type

    def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
        """Return the expression of an operator; subclasses may override it, or one method."""
        method = self._own_method(op)
        if method is not None:
            return method(*other, **kwargs)
        return _core.operate(op, self.expr, *other, **kwargs)

    def reverse_operate(self, op: Any, other: Any, **kwargs: Any) -> Any:
        """Return the expression of an operator whose left side is `other`."""
        name = _method_name(op)
        own = getattr(type(self), f"__r{name.strip('_')}__", None)
        if own is not None:
            return own(self, other, **kwargs)
        return _core.operate(op, self.expr, other, reverse=True, **kwargs)

    def _own_method(self, op: Any) -> Callable[..., Any] | None:
        """Return the method of a subclass for an operator, None where there is none."""
        name = _method_name(op)
        for cls in type(self).__mro__:
            if cls is Comparator:
                return None
            if name in cls.__dict__:
                return getattr(self, name)  # type: ignore[no-any-return]
        return None

    def __getattr__(self, name: str) -> Any:
        """Return a method of the expression: what is not overridden is the usual."""
        if name.startswith("_") or name in ("expr", "type"):
            raise AttributeError(name)
        op = _operators_by_method().get(name)
        if op is None:
            return getattr(self.expr, name)
        # The expression's own method would ask this comparator again.
        return lambda *other, **kwargs: _core.operate(op, self.expr, *other, **kwargs)

    def __clause_element__(self) -> Any:
        """Return the expression: a comparator may stand for it."""
        return self.expr


def _add_special(name: str, method: str) -> None:
    def apply(self: Comparator, *other: Any) -> Any:
        from pyorm.sql import operators

        return _core.operate(getattr(operators, name), self.expr, *other)

    apply.__name__ = apply.__qualname__ = method
    setattr(Comparator, method, apply)


for _name, _method in _SPECIAL.items():
    _add_special(_name, _method)
Comparator.__hash__ = object.__hash__  # type: ignore[method-assign]
del _name, _method
