"""PostgreSQL's ranges and multiranges: their values, their types and what can be asked of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar

from pyorm._types import scalar
from pyorm._types.base import NullType, TypeEngine
from pyorm._types.comparator import Comparator
from pyorm._types.comparator_document import _compare, _value

T = TypeVar("T")
_NO_VALUE: Any = object()


@dataclasses.dataclass(frozen=True, eq=False)
class Range(Generic[T]):
    """A range between two values.

    Args:
        lower, upper: The bounds; None is infinite.
        bounds: "[)", "[]", "(]" or "()": which of them belong to the range.
        empty: Nothing belongs to it.
    """

    lower: T | None = None
    upper: T | None = None
    _: dataclasses.KW_ONLY
    bounds: str = "[)"
    empty: bool = False

    @property
    def isempty(self) -> bool:
        """Whether nothing belongs to it, as `empty` says; [1,1) is a range of no element all the same."""
        return self.empty

    is_empty = isempty

    @property
    def lower_inc(self) -> bool:
        """Whether the lower bound belongs to it."""
        return self.bounds[0] == "["

    @property
    def upper_inc(self) -> bool:
        """Whether the upper bound belongs to it."""
        return self.bounds[1] == "]"

    @property
    def lower_inf(self) -> bool:
        """Whether it has no lower bound."""
        return not self.empty and self.lower is None

    @property
    def upper_inf(self) -> bool:
        """Whether it has no upper bound."""
        return not self.empty and self.upper is None

    def __bool__(self) -> bool:
        """Return whether it is not empty."""
        return not self.empty

    def __str__(self) -> str:
        """Return the range as PostgreSQL writes it."""
        if self.empty:
            return "empty"
        lower = "" if self.lower is None else str(self.lower)
        upper = "" if self.upper is None else str(self.upper)
        return f"{self.bounds[0]}{lower},{upper}{self.bounds[1]}"

    def __hash__(self) -> int:
        """Hash what it was made of."""
        return hash((self.lower, self.upper, self.bounds, self.empty))

    # ---- ends ----------------------------------------------------------------------------
    def _ends(self) -> tuple[_End, _End]:
        return _End(self.lower, 0 if self.lower_inc else 1, -1), _End(self.upper, 0 if self.upper_inc else -1, 1)

    def __eq__(self, other: object) -> bool:
        """Return whether both hold the same: [1,4] and [1,5) of integers are equal."""
        if not isinstance(other, Range):
            return NotImplemented
        if self.empty or other.empty:
            return self.empty == other.empty
        (low, high), (other_low, other_high) = self._ends(), other._ends()
        return _order(low, other_low) == 0 and _order(high, other_high) == 0

    # ---- questions -------------------------------------------------------------------------
    def contains(self, value: T | Range[T]) -> bool:
        """Return whether a value, or every value of another range, belongs to it."""
        if isinstance(value, Range):
            return value.contained_by(self)
        if self.empty:
            return False
        low, high = self._ends()
        return _order(low, _End(value, 0, -1)) <= 0 and _order(_End(value, 0, 1), high) <= 0

    __contains__ = contains

    def contained_by(self, other: Range[T]) -> bool:
        """Return whether every value of it belongs to the other range."""
        if self.empty:
            return True
        if other.empty:
            return False
        (low, high), (other_low, other_high) = self._ends(), other._ends()
        return _order(other_low, low) <= 0 and _order(high, other_high) <= 0

    def overlaps(self, other: Range[T]) -> bool:
        """Return whether both have a value in common."""
        if self.empty or other.empty:
            return False
        (low, high), (other_low, other_high) = self._ends(), other._ends()
        return _order(low, other_high) <= 0 and _order(other_low, high) <= 0

    def strictly_left_of(self, other: Range[T]) -> bool:
        """Return whether it ends before the other one starts."""
        if self.empty or other.empty:
            return False
        return _order(self._ends()[1], other._ends()[0]) < 0

    __lshift__ = strictly_left_of

    def strictly_right_of(self, other: Range[T]) -> bool:
        """Return whether it starts after the other one ends."""
        if self.empty or other.empty:
            return False
        return _order(self._ends()[0], other._ends()[1]) > 0

    __rshift__ = strictly_right_of

    def not_extend_left_of(self, other: Range[T]) -> bool:
        """Return whether it does not start before the other one."""
        if self.empty or other.empty:
            return False
        return _order(self._ends()[0], other._ends()[0]) >= 0

    def not_extend_right_of(self, other: Range[T]) -> bool:
        """Return whether it does not end after the other one."""
        if self.empty or other.empty:
            return False
        return _order(self._ends()[1], other._ends()[1]) <= 0

    def adjacent_to(self, other: Range[T]) -> bool:
        """Return whether one starts where the other ends, without a value in common."""
        if self.empty or other.empty:
            return False
        return _touch(self, other) or _touch(other, self)

    # ---- other ranges ----------------------------------------------------------------------
    def union(self, other: Range[T]) -> Range[T]:
        """Return the range of what belongs to one of both.

        Raises:
            ValueError: There is a gap between them.
        """
        if self.empty:
            return other
        if other.empty:
            return self
        if not self.overlaps(other) and not self.adjacent_to(other):
            raise ValueError("Adding non-overlapping and non-adjacent ranges is not implemented")
        low = self if _order(self._ends()[0], other._ends()[0]) < 0 else other
        high = self if _order(self._ends()[1], other._ends()[1]) > 0 else other
        return _between(low.lower, high.upper, low.bounds[0] + high.bounds[1])

    __add__ = union

    def difference(self, other: Range[T]) -> Range[T]:
        """Return the range of what belongs to it and not to the other one.

        Raises:
            ValueError: The rest would be two ranges.
        """
        if self.empty or other.empty:
            return self
        (low, high), (other_low, other_high) = self._ends(), other._ends()
        starts, ends = _order(low, other_low), _order(high, other_high)
        if starts < 0 and ends > 0:
            raise ValueError("Subtracting a strictly inner range is not implemented")
        if not self.overlaps(other):
            return self
        if starts >= 0 and ends <= 0:
            return Range(None, None, empty=True)
        if starts <= 0 and ends <= 0:
            return _between(self.lower, other.lower, self.bounds[0] + (")" if other.lower_inc else "]"))
        return _between(other.upper, self.upper, ("(" if other.upper_inc else "[") + self.bounds[1])

    __sub__ = difference

    def intersection(self, other: Range[T]) -> Range[T]:
        """Return the range of what belongs to both."""
        if self.empty or other.empty or not self.overlaps(other):
            return Range(None, None, empty=True)
        low = self if _order(self._ends()[0], other._ends()[0]) >= 0 else other
        high = self if _order(self._ends()[1], other._ends()[1]) <= 0 else other
        return _between(low.lower, high.upper, low.bounds[0] + high.bounds[1])

    __mul__ = intersection

    def _type_of_value(self) -> TypeEngine:
        """Return the type of the range where no column says one; the core asks."""
        value = self.lower if self.lower is not None else self.upper
        if isinstance(value, bool) or value is None:
            return NullType()
        if isinstance(value, int):
            ends = [v for v in (self.lower, self.upper) if v is not None]
            fits = all(-(2**31) <= v < 2**31 for v in ends)  # type: ignore[operator]
            return INT4RANGE() if fits else INT8RANGE()  # type: ignore[no-any-return]
        if isinstance(value, dt.datetime):
            return TSTZRANGE() if value.tzinfo is not None else TSRANGE()  # type: ignore[no-any-return]
        if isinstance(value, dt.date):
            return DATERANGE()  # type: ignore[no-any-return]
        return NUMRANGE() if isinstance(value, Decimal) else NullType()


class _End:
    """One end of a range: its value, on which side of it the end lies, and where None is."""

    __slots__ = ("infinity", "side", "value")

    def __init__(self, value: Any, side: int, infinity: int) -> None:
        self.value, self.side, self.infinity = value, side, infinity


def _order(one: _End, other: _End) -> int:
    """Return -1, 0 or 1 as the first end lies before, at or behind the other one."""
    if one.value is None or other.value is None:
        left = one.infinity if one.value is None else 0
        right = other.infinity if other.value is None else 0
        return (left > right) - (left < right)
    step = _step(one.value)
    if step is not None:  # an open end of whole numbers or days is the closed one beside it
        left, right = one.value + step * one.side, other.value + step * other.side
        return (left > right) - (left < right)  # type: ignore[no-any-return]
    if one.value != other.value:
        return 1 if one.value > other.value else -1
    return (one.side > other.side) - (one.side < other.side)


def _step(value: Any) -> Any:
    if isinstance(value, int):
        return 1
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.timedelta(days=1)
    return None


def _touch(first: Range[Any], second: Range[Any]) -> bool:
    """Return whether the second range starts right where the first one ends."""
    if first.upper is None or second.lower is None:
        return False
    step = _step(first.upper)
    end, start = first._ends()[1], second._ends()[0]
    if step is not None:
        return bool(end.value + step * end.side + step == start.value + step * start.side)
    return first.upper == second.lower and first.upper_inc != second.lower_inc


def _between(lower: Any, upper: Any, bounds: str) -> Range[Any]:
    return Range(lower, upper, bounds=bounds)


def make_range(lower: Any, upper: Any, bounds: str, empty: bool) -> Range[Any]:
    """Return a range for a result; the core calls this."""
    return Range(lower, upper, bounds=bounds, empty=empty)


class MultiRange(list[Range[T]]):
    """A list of ranges that is a value of a multirange type also where no column says so."""

    def _type_of_value(self) -> TypeEngine:
        for member in self:
            type_ = member._type_of_value()
            if isinstance(type_, AbstractSingleRange):
                return _MULTI[type(type_)]()  # type: ignore[no-any-return]
        return NullType()


class RangeComparator(Comparator):
    """What an expression of a range can be asked."""

    def _ask(self, text: str, other: Any) -> Any:
        if other is None or isinstance(other, (Range, list, tuple)):
            other = _value(self.expr, other, self.type)
        return _compare(self.expr, text, other)

    def contains(self, other: Any, **kw: Any) -> Any:
        """Return `range @> other`: a range or a value belongs to it."""
        return self._ask("@>", other)

    def contained_by(self, other: Any) -> Any:
        """Return `range <@ other`."""
        return self._ask("<@", other)

    def overlaps(self, other: Any) -> Any:
        """Return `range && other`: both have a value in common."""
        return self._ask("&&", other)

    def strictly_left_of(self, other: Any) -> Any:
        """Return `range << other`: it ends before the other one starts."""
        return self._ask("<<", other)

    def strictly_right_of(self, other: Any) -> Any:
        """Return `range >> other`: it starts after the other one ends."""
        return self._ask(">>", other)

    def not_extend_right_of(self, other: Any) -> Any:
        """Return `range &< other`: it does not end after the other one."""
        return self._ask("&<", other)

    def not_extend_left_of(self, other: Any) -> Any:
        """Return `range &> other`: it does not start before the other one."""
        return self._ask("&>", other)

    def adjacent_to(self, other: Any) -> Any:
        """Return `range -|- other`: one starts where the other ends."""
        return self._ask("-|-", other)

    def union(self, other: Any) -> Any:
        """Return `range + other`."""
        return self.expr + other

    def difference(self, other: Any) -> Any:
        """Return `range - other`."""
        return self.expr - other

    def intersection(self, other: Any) -> Any:
        """Return `range * other`."""
        return self.expr * other


class AbstractRange(TypeEngine):
    """Base of all range and multirange types."""

    comparator_factory = Comparator = RangeComparator
    render_bind_cast = True
    _oids: ClassVar[tuple[int, int]] = (0, 0)
    _item: ClassVar[TypeEngine] = NullType()

    def _fields(self) -> dict[str, Any]:
        return {"item": self._item, "oid": self._oids[0], "array_oid": self._oids[1]}


class AbstractSingleRange(AbstractRange):
    """Base of the range types."""

    _kind = "RANGE"

    @property
    def python_type(self) -> type:
        """Range."""
        return Range


class AbstractMultiRange(AbstractRange):
    """Base of the multirange types."""

    _kind = "MULTIRANGE"

    @property
    def python_type(self) -> type:
        """MultiRange."""
        return MultiRange


def _define(name: str, base: type, item: TypeEngine, oids: tuple[int, int]) -> Any:
    words = "ranges" if base is AbstractMultiRange else "a range"
    body = {
        "__visit_name__": name, "_item": item, "_oids": oids, "__module__": "pyorm._types.ranges",
        "__doc__": f"PostgreSQL's {name}: {words} of {type(item).__name__}.",
    }  # fmt: skip
    return type(name, (base,), body)


_INT4, _INT8, _NUM = scalar.Integer(), scalar.BigInteger(), scalar.Numeric()
_DATE, _TS, _TSTZ = scalar.Date(), scalar.DateTime(), scalar.DateTime(timezone=True)
INT4RANGE: Any = _define("INT4RANGE", AbstractSingleRange, _INT4, (3904, 3905))
INT8RANGE: Any = _define("INT8RANGE", AbstractSingleRange, _INT8, (3926, 3927))
NUMRANGE: Any = _define("NUMRANGE", AbstractSingleRange, _NUM, (3906, 3907))
DATERANGE: Any = _define("DATERANGE", AbstractSingleRange, _DATE, (3912, 3913))
TSRANGE: Any = _define("TSRANGE", AbstractSingleRange, _TS, (3908, 3909))
TSTZRANGE: Any = _define("TSTZRANGE", AbstractSingleRange, _TSTZ, (3910, 3911))
INT4MULTIRANGE: Any = _define("INT4MULTIRANGE", AbstractMultiRange, _INT4, (4451, 6150))
INT8MULTIRANGE: Any = _define("INT8MULTIRANGE", AbstractMultiRange, _INT8, (4536, 6157))
NUMMULTIRANGE: Any = _define("NUMMULTIRANGE", AbstractMultiRange, _NUM, (4532, 6151))
DATEMULTIRANGE: Any = _define("DATEMULTIRANGE", AbstractMultiRange, _DATE, (4535, 6155))
TSMULTIRANGE: Any = _define("TSMULTIRANGE", AbstractMultiRange, _TS, (4533, 6152))
TSTZMULTIRANGE: Any = _define("TSTZMULTIRANGE", AbstractMultiRange, _TSTZ, (4534, 6153))
_MULTI: dict[type, Any] = {
    INT4RANGE: INT4MULTIRANGE, INT8RANGE: INT8MULTIRANGE, NUMRANGE: NUMMULTIRANGE,
    DATERANGE: DATEMULTIRANGE, TSRANGE: TSMULTIRANGE, TSTZRANGE: TSTZMULTIRANGE,
}  # fmt: skip
_CLASSES: list[Any] = [cls for pair in _MULTI.items() for cls in pair]
BY_OID = {cls._oids[0]: cls() for cls in _CLASSES}
"""The type of a result column by its number; the core asks where no column says one."""
