"""Collections that are never in memory: `lazy="write_only"` and what "dynamic" shares with it.

The core keeps no collection for such a relationship: reading the attribute calls `_view`, changes go
through `_core._queued_change` into the queue that the next flush writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, NoReturn, TypeVar

from pyorm import _core, exc
from pyorm.orm.relationships import REMOTE
from pyorm.orm.session import object_session
from pyorm.sql.expression import bindparam, delete, insert, select, update

_T = TypeVar("_T")


class _AbstractCollectionWriter(Generic[_T]):
    """Changes of a collection that is not loaded."""

    __slots__ = ()
    instance: Any
    _attribute: Any

    def _add(self, item: Any) -> None:
        _core._queued_change(self.instance, self._attribute, item, True)

    def _add_all(self, items: Iterable[Any]) -> None:
        for item in items:
            self._add(item)

    def _remove(self, item: Any) -> None:
        _core._queued_change(self.instance, self._attribute, item, False)


class _Late:
    """The value of an attribute when it is asked for: an object that is flushed later counts with its key."""

    __slots__ = ("instance", "key")

    def __init__(self, instance: Any, key: str) -> None:
        self.instance, self.key = instance, key

    def __call__(self) -> Any:
        return getattr(self.instance, self.key)


def _value(instance: Any, prop: Any, column: Any) -> Any:
    late = _Late(instance, prop.parent.get_property_by_column(column).key)
    return bindparam(None, callable_=late, type_=column.type, unique=True)


def _criteria(instance: Any, prop: Any) -> list[Any]:
    """Return the join condition with the object's values for the columns of its side."""
    join = prop._join

    def bind(column: Any, bits: int) -> Any:
        if bits & REMOTE or column not in join.local_columns:
            return column
        return _value(instance, prop, column)

    found = [_core._rewrite(join.primaryjoin, bind)]
    if join.secondaryjoin is not None:
        found.append(_core._rewrite(join.secondaryjoin, lambda column, bits: column))
    return found


def statement_of(instance: Any, prop: Any) -> Any:
    """Return the SELECT of what is related to an object; its key is read when the statement is executed."""
    join, entity = prop._join, prop.entity.entity
    statement = select(entity)
    if join.secondary is not None:
        statement = statement.select_from(entity, join.secondary)
    statement = statement.where(*_criteria(instance, prop))
    return statement.order_by(*join.order_by) if join.order_by else statement


class WriteOnlyCollection(_AbstractCollectionWriter[_T]):
    """The value of a relationship with `lazy="write_only"`: statements about its rows, and changes for the next flush.

    Example:
        `session.scalars(user.posts.select().where(Post.draft).limit(10))`
    """

    __slots__ = ("_attribute", "instance", "prop")

    def __init__(self, instance: Any, prop: Any) -> None:
        """Speak of the relationship `prop` of an object."""
        self.instance, self.prop, self._attribute = instance, prop, prop.class_attribute

    def __iter__(self) -> NoReturn:
        """Refuse: the rows are read by `select()`.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            "WriteOnly collections don't support iteration in-place; to query for collection items, use the select() "
            "method to produce a SQL statement and execute it with session.scalars()."
        )

    def select(self) -> Any:
        """Return the SELECT of the related rows, in the relationship's order.

        Returns:
            A Select that more criteria, LIMIT, … can be added to.
        """
        return statement_of(self.instance, self.prop)

    def insert(self) -> Any:
        """Return an INSERT of related rows: the foreign key is given, the caller gives the other columns.

        Returns:
            An Insert, for `session.execute(statement, [{…}, …])` or `.values()`.

        Raises:
            InvalidRequestError: the relationship is no plain one-to-many.
        """
        join, prop = self.prop._join, self.prop
        if join.secondary is not None:
            raise exc.InvalidRequestError(
                "Write only bulk INSERT only supported for one-to-many collections; for many-to-many, use a separate "
                "bulk INSERT along with add_all()."
            )
        values = {}
        for source, dest in join.synchronize_pairs:
            values[prop.mapper.get_property_by_column(dest).key] = _value(self.instance, prop, source)
        return insert(prop.entity.entity).values(values)

    def update(self) -> Any:
        """Return an UPDATE of the related rows; give it `values()`."""
        return update(self.prop.entity.entity).where(*_criteria(self.instance, self.prop))

    def delete(self) -> Any:
        """Return a DELETE of the related rows; no cascades, no events."""
        return delete(self.prop.entity.entity).where(*_criteria(self.instance, self.prop))

    def add(self, item: _T) -> None:
        """Make an object a member at the next flush.

        Args:
            item: an instance of the related class; it comes into the session as in any collection.
        """
        self._add(item)

    def add_all(self, iterator: Iterable[_T]) -> None:
        """Make each object a member at the next flush."""
        self._add_all(iterator)

    def remove(self, item: _T) -> None:
        """Take an object out at the next flush; whether it was a member is not asked."""
        self._remove(item)


def _view(instance: Any, prop: Any) -> Any:
    """Return what reading the attribute gives; called by the core."""
    if prop.lazy_word != "dynamic":
        return WriteOnlyCollection(instance, prop)
    from pyorm.orm.dynamic import appender_query

    return appender_query(instance, prop)


def _load(instance: Any, prop: Any) -> list[Any] | None:
    """Return the members of a dynamic collection, None without a session; called by the core."""
    session = object_session(instance)
    if session is None:
        return None
    return list(session.execute(statement_of(instance, prop), execution_options={"autoflush": False}).scalars())


__all__ = ["WriteOnlyCollection"]
