"""A list that keeps a position column of its members up to date.

    class Slide(Base):
        ...
        bullets = relationship("Bullet", order_by="Bullet.position", collection_class=ordering_list("position"))

`slide.bullets.insert(0, bullet)` then numbers the bullets anew. Positions are only written; the
list is loaded in the order that the relationship's `order_by` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pyorm.orm.collections import collection_adapter

__all__ = ["OrderingList", "count_from_0", "count_from_1", "count_from_n_factory", "ordering_list"]

OrderingFunc = Callable[[int, Sequence[Any]], Any]


def count_from_0(index: int, collection: object) -> int:
    """Number members 0, 1, 2, …"""
    return index


def count_from_1(index: int, collection: object) -> int:
    """Number members 1, 2, 3, …"""
    return index + 1


def count_from_n_factory(start: int) -> OrderingFunc:
    """Return a function that numbers members from `start`."""

    def count(index: int, collection: object) -> int:
        return index + start

    count.__name__ = f"count_from_{start}"
    return count


def ordering_list(
    attr: str,
    count_from: int | None = None,
    ordering_func: OrderingFunc | None = None,
    reorder_on_append: bool = False,
) -> Callable[[], OrderingList]:
    """Return a `collection_class` for a list that numbers its members.

    Args:
        attr: name of the member's attribute that holds its position.
        count_from: number of the first member; default 0.
        ordering_func: called with index and list, returns the position; instead of `count_from`.
        reorder_on_append: number a member anew that is appended with a position already.
    """
    if ordering_func is None:
        if count_from == 1:
            ordering_func = count_from_1
        else:
            ordering_func = count_from_n_factory(count_from) if count_from else count_from_0
    return lambda: OrderingList(attr, ordering_func, reorder_on_append)


class OrderingList(list[Any]):
    """A list whose members know their position.

    Args:
        ordering_attr: name of the member's attribute.
        ordering_func: called with index and list, returns the position; default counts from 0.
        reorder_on_append: number a member anew that is appended with a position already.
    """

    def __init__(
        self,
        ordering_attr: str | None = None,
        ordering_func: OrderingFunc | None = None,
        reorder_on_append: bool = False,
    ) -> None:
        """Start empty."""
        self.ordering_attr = ordering_attr
        self.ordering_func: OrderingFunc = count_from_0 if ordering_func is None else ordering_func
        self.reorder_on_append = reorder_on_append

    def reorder(self) -> None:
        """Number all members by where they stand."""
        for index, entity in enumerate(self):
            self._order_entity(index, entity, True)

    _reorder = reorder

    def _get_order_value(self, entity: Any) -> Any:
        return getattr(entity, str(self.ordering_attr))

    def _set_order_value(self, entity: Any, value: Any) -> None:
        setattr(entity, str(self.ordering_attr), value)

    def _order_entity(self, index: int, entity: Any, reorder: bool = True) -> None:
        have = self._get_order_value(entity)
        if have is not None and not reorder:
            return
        wanted = self.ordering_func(index, self)
        if have != wanted:
            self._set_order_value(entity, wanted)

    def append(self, entity: Any) -> None:
        """Add a member at the end and give it its position."""
        super().append(entity)
        self._order_entity(len(self) - 1, entity, self.reorder_on_append)

    def insert(self, index: Any, entity: Any) -> None:
        """Add a member and number all anew."""
        super().insert(index, entity)
        self._reorder()

    def remove(self, entity: Any) -> None:
        """Take a member out; those that stay are numbered anew."""
        super().remove(entity)
        adapter = collection_adapter(self)
        if adapter is not None and adapter._referenced_by_owner:
            self._reorder()

    def pop(self, index: Any = -1) -> Any:
        """Take a member out and return it; those that stay are numbered anew."""
        entity = super().pop(index)
        self._reorder()
        return entity

    def __setitem__(self, index: Any, entity: Any) -> None:
        """Replace a member or a slice, with positions."""
        if isinstance(index, slice):
            super().__setitem__(index, entity)
            self._reorder()
        else:
            self._order_entity(int(index), entity, True)
            super().__setitem__(index, entity)

    def __delitem__(self, index: Any) -> None:
        """Take members out; those that stay are numbered anew."""
        super().__delitem__(index)
        self._reorder()

    def __reduce__(self) -> Any:
        """Pickle without what the class of the relationship adds."""
        return _reconstitute, (self.__class__, self.__dict__, list(self))


def _reconstitute(cls: type[OrderingList], dict_: dict[str, Any], items: Iterable[Any]) -> OrderingList:
    made = cls.__new__(cls)
    made.__dict__.update(dict_)
    list.extend(made, items)
    return made
