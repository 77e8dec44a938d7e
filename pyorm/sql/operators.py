"""Operators as functions, and the classes that give an object operators.

The core builds expressions in C and asks nothing here. This module is what the outside sees of an
operator (`expr.operator is operators.like_op`), and what a type's own comparator is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import (
    add,
    and_,
    eq,
    floordiv,
    ge,
    getitem,
    gt,
    inv,
    le,
    lshift,
    lt,
    matmul,
    mod,
    mul,
    ne,
    neg,
    or_,
    pow,
    rshift,
    sub,
    truediv,
)
from typing import Any

from pyorm import _core

__all__ = [
    "ColumnOperators", "Comparator", "Operators", "add", "and_", "custom_op", "eq", "floordiv", "ge",
    "getitem", "gt", "inv", "le", "lshift", "lt", "matmul", "mod", "mul", "ne", "neg", "or_", "pow",
    "rshift", "sub", "truediv",
]


class custom_op:
    """An operator of the database by its text, as `x.op("...")` makes it.

    Args:
        opstring: the text between the operands.
        precedence: how strongly it binds; larger binds tighter.
        is_comparison: the result is Boolean, and a plain value takes the other side's type.
        return_type: type of the result; None means the left operand's.
    """

    __name__ = "custom_op"

    def __init__(
        self,
        opstring: str,
        precedence: int = 0,
        is_comparison: bool = False,
        return_type: Any = None,
        natural_self_precedent: bool = False,
        eager_grouping: bool = False,
        python_impl: Callable[..., Any] | None = None,
        visit_name: str | None = None,
    ) -> None:
        """Keep what the operator is."""
        self.opstring = opstring
        self.precedence = precedence
        self.is_comparison = is_comparison
        self.return_type = return_type
        self.natural_self_precedent = natural_self_precedent
        self.eager_grouping = eager_grouping
        self.python_impl = python_impl
        self.visit_name = visit_name

    def __eq__(self, other: object) -> bool:
        """Return whether both mean the same operator."""
        return isinstance(other, custom_op) and other._key() == self._key()

    def __hash__(self) -> int:
        """Return a hash that agrees with equality."""
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        return self.opstring, self.precedence, self.is_comparison

    def __call__(self, left: Any, right: Any, *other: Any, **kw: Any) -> Any:
        """Apply the operator, in Python where a `python_impl` says how."""
        if isinstance(left, (Operators, _core.ClauseElement)):
            return left.operate(self, right, *other, **kw) if isinstance(left, Operators) else _core.operate(
                self, left, right
            )
        if self.python_impl is not None:
            return self.python_impl(left, right, *other, **kw)
        raise NotImplementedError(f"Custom operator {self.opstring!r} can't be used with plain Python objects "
                                  "unless it includes the 'python_impl' parameter.")


class Operators:
    """Gives a class `&`, `|`, `~` and op() by way of `operate()`."""

    __slots__ = ()

    def operate(self, op: Any, *other: Any, **kw: Any) -> Any:
        """Build `self op other`; a subclass says how."""
        raise NotImplementedError(f"{type(self).__name__} has no operator {getattr(op, '__name__', op)!r}")

    def reverse_operate(self, op: Any, other: Any, **kw: Any) -> Any:
        """Build `other op self`; a subclass says how."""
        raise NotImplementedError(f"{type(self).__name__} has no operator {getattr(op, '__name__', op)!r}")

    def __and__(self, other: Any) -> Any:
        """Return `self AND other`."""
        return self.operate(and_, other)

    def __or__(self, other: Any) -> Any:
        """Return `self OR other`."""
        return self.operate(or_, other)

    def __invert__(self) -> Any:
        """Return `NOT self`."""
        return self.operate(inv)

    def op(
        self,
        opstring: str,
        precedence: int = 0,
        is_comparison: bool = False,
        return_type: Any = None,
        python_impl: Callable[..., Any] | None = None,
    ) -> Callable[[Any], Any]:
        """Return a function of the other operand for an operator given by its text."""
        operator = custom_op(opstring, precedence, is_comparison, return_type, python_impl=python_impl)
        return lambda other: self.operate(operator, other)

    def bool_op(
        self, opstring: str, precedence: int = 0, python_impl: Callable[..., Any] | None = None
    ) -> Callable[[Any], Any]:
        """Return op() with a Boolean result."""
        return self.op(opstring, precedence, is_comparison=True, python_impl=python_impl)


def _binary(op: Callable[..., Any], doc: str) -> Any:
    def method(self: Operators, other: Any) -> Any:
        return self.operate(op, other)

    method.__doc__ = doc
    return method


def _reverse(op: Callable[..., Any], doc: str) -> Any:
    def method(self: Operators, other: Any) -> Any:
        return self.reverse_operate(op, other)

    method.__doc__ = doc
    return method


def _text(op: Callable[..., Any], doc: str) -> Any:
    def method(self: Operators, other: Any, escape: str | None = None, autoescape: bool = False) -> Any:
        if autoescape:
            escape = escape or "/"
            other = other.replace(escape, escape * 2)
            for wildcard in "%_":
                if wildcard != escape:
                    other = other.replace(wildcard, escape + wildcard)
        return self.operate(op, other, **({} if escape is None else {"escape": escape}))

    method.__doc__ = doc
    return method


def _unary(op: Callable[..., Any], doc: str) -> Any:
    def method(self: Operators) -> Any:
        return self.operate(op)

    method.__doc__ = doc
    return method


# --- operators that Python has no function for: each calls the operand's method ----------------------------------


def _function(name: str, method: str) -> Callable[..., Any]:
    def function(a: Any, *args: Any, **kw: Any) -> Any:
        return getattr(a, method)(*args, **kw)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return `a.{method}(...)`."
    return function


METHODS = {
    "is_": "is_", "is_not": "is_not", "is_distinct_from": "is_distinct_from",
    "is_not_distinct_from": "is_not_distinct_from", "in_op": "in_", "not_in_op": "not_in",
    "between_op": "between", "like_op": "like", "not_like_op": "not_like", "ilike_op": "ilike",
    "not_ilike_op": "not_ilike", "startswith_op": "startswith", "endswith_op": "endswith",
    "contains_op": "contains", "istartswith_op": "istartswith", "iendswith_op": "iendswith",
    "icontains_op": "icontains", "match_op": "match", "regexp_match_op": "regexp_match",
    "regexp_replace_op": "regexp_replace", "concat_op": "concat", "bitwise_and_op": "bitwise_and",
    "bitwise_or_op": "bitwise_or", "bitwise_xor_op": "bitwise_xor", "bitwise_lshift_op": "bitwise_lshift",
    "bitwise_rshift_op": "bitwise_rshift", "bitwise_not_op": "bitwise_not", "asc_op": "asc", "desc_op": "desc",
    "nulls_first_op": "nulls_first", "nulls_last_op": "nulls_last", "distinct_op": "distinct", "any_op": "any_",
    "all_op": "all_", "collate": "collate",
}
for _name, _method in METHODS.items():
    globals()[_name] = _function(_name, _method)
__all__.extend(METHODS)


def _negated(name: str, method: str) -> Callable[..., Any]:
    def function(a: Any, *args: Any, **kw: Any) -> Any:
        return ~getattr(a, method)(*args, **kw)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return the opposite of `a.{method}(...)`."
    return function


_NEGATED = {
    "not_between_op": "between", "not_startswith_op": "startswith", "not_endswith_op": "endswith",
    "not_contains_op": "contains", "not_istartswith_op": "istartswith", "not_iendswith_op": "iendswith",
    "not_icontains_op": "icontains", "not_match_op": "match", "not_regexp_match_op": "regexp_match",
}
for _name, _method in _NEGATED.items():
    globals()[_name] = _negated(_name, _method)
__all__.extend(_NEGATED)


def _marker(name: str) -> Callable[..., Any]:
    def function(a: Any, b: Any = None) -> Any:
        raise NotImplementedError(f"{name} has no meaning for plain Python objects")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Names an operator that only SQL has."
    return function


_MARKERS = ("comma_op", "exists", "is_true", "is_false", "json_getitem_op", "json_path_getitem_op", "as_", "from_",
            "filter_op", "op")
for _name in _MARKERS:
    globals()[_name] = _marker(_name)
__all__.extend(_MARKERS)


class ColumnOperators(Operators):
    """Gives a class every operator of a column expression by way of `operate()`."""

    __slots__ = ()
    __hash__ = Operators.__hash__
    timetuple = None

    __eq__ = _binary(eq, "Return `self = other`.")
    __ne__ = _binary(ne, "Return `self != other`.")
    __lt__ = _binary(lt, "Return `self < other`.")
    __le__ = _binary(le, "Return `self <= other`.")
    __gt__ = _binary(gt, "Return `self > other`.")
    __ge__ = _binary(ge, "Return `self >= other`.")
    __neg__ = _unary(neg, "Return `-self`.")
    __getitem__ = _binary(getitem, "Return the subscript.")
    __add__ = _binary(add, "Return `self + other`.")
    __sub__ = _binary(sub, "Return `self - other`.")
    __mul__ = _binary(mul, "Return `self * other`.")
    __truediv__ = _binary(truediv, "Return `self / other`.")
    __floordiv__ = _binary(floordiv, "Return the integer quotient.")
    __mod__ = _binary(mod, "Return `self % other`.")
    __pow__ = _binary(pow, "Return the power.")
    __matmul__ = _binary(matmul, "Return `self @ other`.")
    __lshift__ = _binary(lshift, "Return `self << other`.")
    __rshift__ = _binary(rshift, "Return `self >> other`.")
    __radd__ = _reverse(add, "Return `other + self`.")
    __rsub__ = _reverse(sub, "Return `other - self`.")
    __rmul__ = _reverse(mul, "Return `other * self`.")
    __rtruediv__ = _reverse(truediv, "Return `other / self`.")
    __rfloordiv__ = _reverse(floordiv, "Return the integer quotient.")
    __rmod__ = _reverse(mod, "Return `other % self`.")

    like = _text(globals()["like_op"], "Return `self LIKE other`.")
    ilike = _text(globals()["ilike_op"], "Return `self ILIKE other`.")
    not_like = _text(globals()["not_like_op"], "Return `self NOT LIKE other`.")
    not_ilike = _text(globals()["not_ilike_op"], "Return `self NOT ILIKE other`.")
    startswith = _text(globals()["startswith_op"], "Return `self LIKE other || '%'`.")
    endswith = _text(globals()["endswith_op"], "Return `self LIKE '%' || other`.")
    contains = _text(globals()["contains_op"], "Return `self LIKE '%' || other || '%'`.")
    istartswith = _text(globals()["istartswith_op"], "Return startswith(), case ignored.")
    iendswith = _text(globals()["iendswith_op"], "Return endswith(), case ignored.")
    icontains = _text(globals()["icontains_op"], "Return contains(), case ignored.")

    is_ = _binary(globals()["is_"], "Return `self IS other`.")
    is_not = _binary(globals()["is_not"], "Return `self IS NOT other`.")
    is_distinct_from = _binary(globals()["is_distinct_from"], "Return `self IS DISTINCT FROM other`.")
    is_not_distinct_from = _binary(globals()["is_not_distinct_from"], "Return `self IS NOT DISTINCT FROM other`.")
    in_ = _binary(globals()["in_op"], "Return `self IN (...)`.")
    not_in = _binary(globals()["not_in_op"], "Return `self NOT IN (...)`.")
    concat = _binary(globals()["concat_op"], "Return `self || other`.")
    bitwise_and = _binary(globals()["bitwise_and_op"], "Return `self & other`.")
    bitwise_or = _binary(globals()["bitwise_or_op"], "Return `self | other`.")
    bitwise_xor = _binary(globals()["bitwise_xor_op"], "Return the bitwise exclusive or.")
    bitwise_lshift = _binary(globals()["bitwise_lshift_op"], "Return `self << other`.")
    bitwise_rshift = _binary(globals()["bitwise_rshift_op"], "Return `self >> other`.")
    bitwise_not = _unary(globals()["bitwise_not_op"], "Return `~self`.")
    asc = _unary(globals()["asc_op"], "Return `self ASC`.")
    desc = _unary(globals()["desc_op"], "Return `self DESC`.")
    nulls_first = _unary(globals()["nulls_first_op"], "Return `self NULLS FIRST`.")
    nulls_last = _unary(globals()["nulls_last_op"], "Return `self NULLS LAST`.")
    distinct = _unary(globals()["distinct_op"], "Return `DISTINCT self`.")
    any_ = _unary(globals()["any_op"], "Return `ANY (self)`.")
    all_ = _unary(globals()["all_op"], "Return `ALL (self)`.")
    isnot, notin_, notlike, notilike = is_not, not_in, not_like, not_ilike
    isnot_distinct_from, nullsfirst, nullslast = is_not_distinct_from, nulls_first, nulls_last

    def between(self, cleft: Any, cright: Any, symmetric: bool = False) -> Any:
        """Return `self BETWEEN cleft AND cright`."""
        return self.operate(globals()["between_op"], cleft, cright, symmetric=symmetric)

    def match(self, other: Any, **kwargs: Any) -> Any:
        """Return the database's full text match."""
        return self.operate(globals()["match_op"], other, **kwargs)

    def regexp_match(self, pattern: Any, flags: str | None = None) -> Any:
        """Return the database's regular expression match."""
        return self.operate(globals()["regexp_match_op"], pattern, flags=flags)


class Comparator(ColumnOperators):
    """What a type says about operators: the default builds what the core builds.

    A type with its own operators names a subclass as `comparator_factory`; it overrides a method
    (`__eq__`) or `operate()`, or adds methods, which the type's expressions then have.
    """

    __slots__ = ("expr", "type")

    def __init__(self, expr: Any) -> None:
        """Keep the expression the operators are for."""
        self.expr = expr
        self.type = expr.type

    def __clause_element__(self) -> Any:
        """Return the expression."""
        return self.expr

    def operate(self, op: Any, *other: Any, **kw: Any) -> Any:
        """Build `expr op other` without asking a comparator again."""
        return _core.operate(op, self.expr, *other, **kw)

    def reverse_operate(self, op: Any, other: Any, **kw: Any) -> Any:
        """Build `other op expr`."""
        return _core.operate(op, self.expr, other, reverse=True, **kw)
