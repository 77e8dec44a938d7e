"""`Bundle`: several columns as one value of a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from pyorm import _core

__all__ = ["Bundle", "DictBundle", "bundle_number"]

_numbers: dict[Any, int] = {}


def bundle_number(owner: Any) -> int:
    """Return the number of what makes the same value of the same columns; see csrc/orm/load_bundle.c."""
    return _numbers.setdefault(owner, len(_numbers) + 1)


class Bundle:
    """Columns under one name: a row has a Row of them, or what a subclass makes.

    Args:
        name: the bundle's name in rows.
        *exprs: columns, expressions, other bundles.
        single_entity: `Query` returns it alone, not in a row of one.

    A subclass overrides `create_row_processor()`.
    """

    is_bundle = True
    is_clause_element = is_mapper = is_aliased_class = False
    single_entity = False

    def __init__(self, name: str, *exprs: Any, single_entity: bool = False) -> None:
        """Collect the columns by their keys."""
        self.name = self._label = name
        self.exprs = exprs
        self.single_entity = single_entity or self.single_entity
        self.columns = self.c = _Columns((_key_of(e), e) for e in exprs)

    def label(self, name: str) -> Bundle:
        """Return the bundle under another name."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__, name=name, _label=name)
        return made

    def create_row_processor(
        self, query: Any, procs: Sequence[Callable[[Any], Any]], labels: Sequence[str]
    ) -> Callable[[Any], Any]:
        """Return what makes the value of a row; override it.

        Args:
            query: None.
            procs: one per column; each takes the row and gives the column's value.
            labels: the columns' names.
        """
        raise NotImplementedError  # without an override the core makes Rows

    def _row_processor(self, labels: tuple[str, ...]) -> Any:
        if type(self).create_row_processor is Bundle.create_row_processor:
            return None
        return self.create_row_processor(None, [itemgetter(i) for i in range(len(labels))], labels)

    def __clause_element__(self) -> Any:
        """Stand for the columns in statements."""
        own = self if type(self).create_row_processor is not Bundle.create_row_processor else None
        parts = tuple(e.__clause_element__() if isinstance(e, Bundle) else e for e in self.exprs)
        return _core._bundle(parts, self, bundle_number((own, self.name)))


class DictBundle(Bundle):
    """A Bundle whose value is a dict."""

    def create_row_processor(self, query: Any, procs: Any, labels: Any) -> Callable[[Any], dict[str, Any]]:
        """Return what makes the dict."""

        def process(row: Any) -> dict[str, Any]:
            return dict(zip(labels, (proc(row) for proc in procs), strict=True))

        return process


class _Columns:
    """The parts of a bundle, by key and as attributes."""

    def __init__(self, pairs: Any) -> None:
        self._parts = dict(pairs)

    def __getattr__(self, key: str) -> Any:
        """Return the part of this key."""
        try:
            return self.__dict__["_parts"][key]
        except KeyError:
            raise AttributeError(key) from None

    def __getitem__(self, key: str) -> Any:
        """Return the part of this key."""
        return self._parts[key]

    def __iter__(self) -> Any:
        """Iterate over the parts."""
        return iter(self._parts.values())

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(self._parts)

    def __contains__(self, key: object) -> bool:
        """Return whether there is a part of this key."""
        return key in self._parts

    def keys(self) -> list[str]:
        """Return the keys."""
        return list(self._parts)


def _key_of(part: Any) -> str:
    if isinstance(part, Bundle):
        return part.name
    return str(getattr(part, "key", None) or getattr(part, "name", None) or "_no_label")
