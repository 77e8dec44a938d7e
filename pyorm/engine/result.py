"""What is rare about results: freezing, merging, and results over any iterable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

from pyorm import _core
from pyorm._core import IteratorResult, Result, ScalarResult

__all__ = ["FrozenResult", "MergedResult", "result_from_rows", "result_tuple"]

MergedResult = IteratorResult


class FrozenResult:
    """The rows of a result, kept: every call gives a result that reads them again."""

    def __init__(self, result: Any) -> None:
        self._scalars = isinstance(result, ScalarResult)
        self.metadata = None if self._scalars else tuple(result.keys())
        self.data: list[Any] = result.all()

    def __call__(self) -> Any:
        """Return a fresh result over the rows."""
        if self._scalars:
            made = result_from_rows(("scalar",), [(value,) for value in self.data])
            return made.scalars()
        return result_from_rows(self.metadata or (), self.data)

    def with_new_rows(self, tuple_data: Sequence[Any]) -> FrozenResult:
        """Return a frozen result of the same shape with other rows."""
        made = FrozenResult.__new__(FrozenResult)
        made._scalars, made.metadata = self._scalars, self.metadata
        made.data = [row[0] for row in tuple_data] if self._scalars else list(tuple_data)
        return made

    def rewrite_rows(self) -> list[Any]:
        """Return the rows as lists."""
        return [[value] for value in self.data] if self._scalars else [list(r) for r in self.data]


def result_from_rows(keys: Sequence[str], rows: Iterable[Any]) -> IteratorResult:
    """Return a result over sequences of values."""
    result: IteratorResult = _core._result_from_iter(IteratorResult, tuple(keys), rows)
    return result


def result_tuple(fields: Sequence[str], extra: Any = None) -> Callable[[Sequence[Any]], Any]:
    """Return a function that makes Rows with these names of sequences of values."""
    names = tuple(fields)

    def make(values: Sequence[Any]) -> Any:
        return _core._rebuild_row(names, tuple(values))

    return make


def _freeze(result: Any) -> FrozenResult:
    return FrozenResult(result)


def _merge(result: Result, others: Sequence[Result]) -> IteratorResult:
    return result_from_rows(tuple(result.keys()), chain(result, *others))
