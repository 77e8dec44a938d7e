"""The frames of windows with bounds of any type: `FrameClause` for over(rows=, range_=, groups=)."""

from __future__ import annotations

import enum
from typing import Any

from pyorm import _core, exc


class FrameClauseType(enum.Enum):
    """What one bound of a frame is."""

    UNBOUNDED = 0
    CURRENT = 1
    PRECEDING = 2
    FOLLOWING = 3


class FrameClause:
    """A frame whose bounds may be of any type, e.g. intervals: over(range_=FrameClause(...)).

    Where a tuple of integers says it (`rows=(-3, 0)`), this class is not needed.

    Args:
        start, end: The distances; None where the bound's type takes none.
        start_frame_type, end_frame_type: UNBOUNDED and CURRENT take no distance, PRECEDING and
            FOLLOWING need one. UNBOUNDED is PRECEDING at the start and FOLLOWING at the end.

    Raises:
        ArgumentError: A distance that is missing, too many, or an SQL expression.

    Source: PostgreSQL, Window Function Calls.
    """

    __slots__ = ("_bounds", "end", "end_frame_type", "start", "start_frame_type")

    def __init__(
        self,
        start: Any,
        end: Any,
        start_frame_type: FrameClauseType,
        end_frame_type: FrameClauseType,
    ) -> None:
        self.start, self.end = start, end
        self.start_frame_type, self.end_frame_type = start_frame_type, end_frame_type
        # What the core reads: (type, distance) for both ends.
        self._bounds = (
            _bound("start", start, start_frame_type),
            _bound("end", end, end_frame_type),
        )

    def __repr__(self) -> str:
        """Show the bounds."""
        return (
            f"FrameClause({self.start!r}, {self.end!r}, {self.start_frame_type}, "
            f"{self.end_frame_type})"
        )


def _bound(end: str, value: Any, kind: FrameClauseType) -> tuple[int, Any]:
    if not isinstance(kind, FrameClauseType):
        raise exc.ArgumentError(f"a FrameClauseType is expected for the {end}'s type, got {kind!r}")
    is_bare = kind in (FrameClauseType.UNBOUNDED, FrameClauseType.CURRENT)
    if is_bare and value is not None:
        raise exc.ArgumentError(f"Cannot specify a value for {end} with frame type {kind.name}")
    if not is_bare and value is None:
        raise exc.ArgumentError(f"A value is needed for {end} with frame type {kind.name}")
    if isinstance(value, _core.ClauseElement) or hasattr(value, "__clause_element__"):
        raise exc.ArgumentError(f"Literal Python value expected, got {value!r}.")
    return kind.value, value
