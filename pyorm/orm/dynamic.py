"""`lazy="dynamic"`: a collection that is a query."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from pyorm import exc
from pyorm.inspection import inspect
from pyorm.orm.attributes import PASSIVE_NO_INITIALIZE, get_history
from pyorm.orm.exc import DetachedInstanceError
from pyorm.orm.query import Query
from pyorm.orm.session import object_session
from pyorm.orm.writeonly import _AbstractCollectionWriter, statement_of


class _AppenderMixin(_AbstractCollectionWriter[Any]):
    """What a query class gains as the value of a dynamic relationship.

    The methods that narrow it return a plain query of the session. Of an object without a session the members are
    those that were added to it.
    """

    query_class: Any = Query
    instance: Any
    _attribute: Any
    _given_session: Any = None

    def __init__(self, instance: Any, prop: Any) -> None:
        """Select what is related to an object along the relationship `prop`."""
        super().__init__(prop.entity.entity, None)  # type: ignore[call-arg]
        self.instance, self._attribute = instance, prop.class_attribute
        self._statement = statement_of(instance, prop)
        self._used = frozenset({"filter()"} | ({"order_by()"} if prop._join.order_by else set()))

    @property
    def session(self) -> Any:
        """The session of the object, which is flushed first; None: it is in none."""
        found = self._given_session if self._given_session is not None else object_session(self.instance)
        if found is not None and found.autoflush and self.instance in found:
            found.flush()
        return None if found is None or not inspect(self.instance).has_identity else found

    @session.setter
    def session(self, session: Any) -> None:
        self._given_session = session

    def _with(self, statement: Any, **changes: Any) -> Any:
        session = self.session
        if session is None:
            raise DetachedInstanceError(
                f"Parent instance {_shown(self.instance)} is not bound to a Session, and no contextual session is "
                f"established; lazy load operation of attribute '{self._attribute.key}' cannot proceed"
            )
        new = object.__new__(self.query_class)
        kept = {k: v for k, v in vars(self).items() if k not in ("instance", "_attribute", "_given_session")}
        new.__dict__.update(kept, session=session, _statement=statement, **changes)
        return new

    def _bound(self) -> Any:
        """Return the query of the session; None without one."""
        session = self.session
        return None if session is None else self._with(self._statement)

    def _added(self) -> list[Any]:
        """Return what was added and not flushed; of a detached object that may not be all."""
        if inspect(self.instance).detached:
            warnings.warn(
                f"Instance {_shown(self.instance)} is detached, dynamic relationship cannot return a correct result.  "
                " This warning will become a DetachedInstanceError in a future release.",
                exc.SAWarning,
                stacklevel=4,
            )
        return list(get_history(self.instance, self._attribute.key, PASSIVE_NO_INITIALIZE).added or ())

    # ---- reading -------------------------------------------------------------------------------------------
    def __iter__(self) -> Iterator[Any]:
        """Iterate over the members."""
        bound = self._bound()
        return iter(self._added() if bound is None else bound)

    def all(self) -> list[Any]:
        """Return the members."""
        return list(self)

    def _iter(self) -> Any:
        bound = self._bound()
        return _Listed(self._added()) if bound is None else bound._iter()

    def __getitem__(self, index: Any) -> Any:
        """Return one member by position, or a list of them by slice."""
        bound = self._bound()
        return self._added()[index] if bound is None else bound[index]

    def count(self) -> int:
        """Return the number of members."""
        bound = self._bound()
        return len(self._added()) if bound is None else int(bound.count())

    # ---- changes -------------------------------------------------------------------------------------------
    def add(self, item: Any) -> None:
        """Make an object a member at the next flush."""
        self._add(item)

    def add_all(self, iterator: Iterable[Any]) -> None:
        """Make each object a member at the next flush."""
        self._add_all(iterator)

    append, extend = add, add_all

    def remove(self, item: Any) -> None:
        """Take an object out at the next flush."""
        self._remove(item)


class AppenderQuery(_AppenderMixin, Query):
    """The value of a relationship with `lazy="dynamic"`: a Query of the related rows that takes members.

    Example:
        `user.posts.filter(Post.draft).order_by(Post.id).limit(10).all()`; `user.posts.append(post)`
    """


class _Listed(list[Any]):
    """Members in memory where a query has a result."""

    __slots__ = ()

    def all(self) -> list[Any]:
        return list(self)

    def first(self) -> Any:
        return self[0] if self else None

    def one(self) -> Any:
        if len(self) == 1:
            return self[0]
        if not self:
            raise exc.NoResultFound("No row was found when one was required")
        raise exc.MultipleResultsFound("Multiple rows were found when exactly one was required")

    def one_or_none(self) -> Any:
        return self.one() if self else None


def _shown(instance: Any) -> str:
    return f"<{type(instance).__name__} at {id(instance):#x}>"


def appender_query(instance: Any, prop: Any) -> Any:
    """Return the query for a dynamic relationship of an object.

    Args:
        instance: the parent.
        prop: a configured relationship; its query_class is the base of the query's class.
    """
    made = prop.__dict__.get("_appender_class")
    if made is None:
        base = prop.query_class or Query
        if issubclass(base, _AppenderMixin):
            made = base
        elif base is Query:
            made = AppenderQuery
        else:
            made = type(f"Appender{base.__name__}", (_AppenderMixin, base), {"query_class": base})
        prop.__dict__["_appender_class"] = made
    return made(instance, prop)


__all__ = ["AppenderQuery"]
