"""`Session`: a thin class over the C core, and what makes sessions.

What runs per statement, instance or transaction is C (csrc/session/); here is what a program
calls once in a while: choosing binds, merging, views, `sessionmaker`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any, TypeVar

from pyorm import _core, exc
from pyorm._collections import immutabledict
from pyorm._core import (
    SessionTransaction,
    make_transient,
    make_transient_to_detached,
    object_session,
    was_deleted,
)
from pyorm.orm import _bulk
from pyorm.orm._execute import ORMExecuteState
from pyorm.orm._registry import mapper_of
from pyorm.orm.events import SessionDispatch
from pyorm.orm.exc import UnmappedClassError, UnmappedInstanceError
from pyorm.orm.identity import IdentityMap, IdentitySet

__all__ = [
    "ORMExecuteState",
    "Session",
    "SessionTransaction",
    "SessionTransactionOrigin",
    "UOWTransaction",
    "close_all_sessions",
    "make_transient",
    "make_transient_to_detached",
    "object_session",
    "sessionmaker",
    "was_deleted",
]

T = TypeVar("T")


class SessionTransactionOrigin(Enum):
    """How a SessionTransaction began; the numbers are C's."""

    BEGIN = 0
    BEGIN_NESTED = 1
    AUTOBEGIN = 2
    SUBTRANSACTION = 3


class UOWTransaction:
    """What listeners of a flush get: the session whose changes are written."""

    __slots__ = ("session",)

    def __init__(self, session: Session) -> None:
        self.session = session


class Session(_core.SessionCore):
    """The objects of one unit of work, and the transaction they are loaded and saved in.

    Args:
        bind: Engine or Connection that statements go to.
        autoflush: Queries write pending changes first.
        expire_on_commit: After commit() values are loaded anew when they are read.
        autobegin: A transaction begins with the first use; else by begin() only.
        twophase: commit() prepares the transactions of all connections first, so that they end
            all or none (PostgreSQL).
        binds: Engine or Connection by mapped class, mapper or table.
        info: Items for `Session.info`.
        query_cls: The class that query() makes.
        join_transaction_mode: How to take part in a transaction that a given Connection has begun:
            conditional_savepoint, rollback_only, control_fully, create_savepoint.
        close_resets_only: False makes close() final.
        execution_options: Execution options of every statement.
        lazy: "select": each lazy load is a statement of its own; by default those of one result are batched.

    Example:
        >>> from pyorm import create_engine, text
        >>> with Session(create_engine("sqlite://")) as session:
        ...     session.scalar(text("SELECT 1"))
        1
    """

    dispatch = SessionDispatch()

    # --- what is in it ---

    @property
    def new(self) -> IdentitySet:
        """Pending instances: the next flush inserts them."""
        return IdentitySet(self._new_list())

    @property
    def dirty(self) -> IdentitySet:
        """Persistent instances with an attribute set since the last flush, changed by that or not."""
        return IdentitySet(self._dirty_list())

    @property
    def deleted(self) -> IdentitySet:
        """Instances that the next flush deletes."""
        return IdentitySet(self._deleted_list())

    @property
    def identity_map(self) -> IdentityMap:
        """Persistent instances by identity key."""
        return IdentityMap(self)

    @property
    def no_autoflush(self) -> Any:
        """A context manager; inside it queries do not flush."""
        return self._without_autoflush()

    @contextmanager
    def _without_autoflush(self) -> Iterator[Session]:
        before, self.autoflush = self.autoflush, False
        try:
            yield self
        finally:
            self.autoflush = before

    @property
    def execution_options(self) -> Mapping[str, Any]:
        """The execution options of every statement."""
        return immutabledict(self._options or {})

    @execution_options.setter
    def execution_options(self, options: Mapping[str, Any]) -> None:
        self._options = dict(options) or None

    # --- binds ---

    @property
    def binds(self) -> Mapping[Any, Any]:
        """Engine or Connection by mapped class or table."""
        return immutabledict(self._binds or {})

    def _init_binds(self, binds: Mapping[Any, Any]) -> None:
        for key, bind in binds.items():
            self._add_bind(key, bind)

    def _add_bind(self, key: Any, bind: Any) -> None:
        found = mapper_of(key)
        if found is not None and not isinstance(key, type):
            key = found.class_
        elif not isinstance(key, (type, _core.FromClause)):
            raise exc.ArgumentError(f"Not an acceptable bind target: {key}")
        self._binds = {**(self._binds or {}), key: bind}
        self._routed = True

    def bind_mapper(self, mapper: Any, bind: Any) -> None:
        """Send the statements of a mapped class to an Engine or Connection."""
        self._add_bind(mapper, bind)

    def bind_table(self, table: Any, bind: Any) -> None:
        """Send the statements of a table to an Engine or Connection."""
        self._add_bind(table, bind)

    def get_bind(
        self, mapper: Any = None, *, clause: Any = None, bind: Any = None, **kw: Any
    ) -> Any:
        """Return the Engine or Connection for a mapper or statement; subclasses may decide otherwise.

        Raises:
            UnboundExecutionError: Nothing says where to go.
        """
        if bind is not None:
            return bind
        if not self._binds and self.bind is not None:
            return self.bind
        if mapper is None and clause is None:
            if self.bind is not None:
                return self.bind
            raise exc.UnboundExecutionError(
                "This session is not bound to a single Engine or Connection, and no context was "
                "provided to locate a binding."
            )
        found = None if mapper is None else mapper_of(mapper)
        if mapper is not None and found is None:
            if isinstance(mapper, type):
                raise UnmappedClassError(mapper)
            raise exc.ArgumentError(f"Mapper or mapped class expected, got {mapper!r}")
        chosen = _bulk.find_bind(self._binds or {}, found, clause)
        if chosen is not None:
            return chosen
        if self.bind is not None:
            return self.bind
        context = [f"mapper {found}"] if found is not None else []
        if clause is not None:
            context.append("SQL expression")
        raise exc.UnboundExecutionError(
            f"Could not locate a bind configured on {', '.join(context)} or this Session."
        )

    def _route(self, mapper: Any, clause: Any, bind_arguments: Mapping[str, Any] | None) -> Any:
        """Ask get_bind() for a statement that is about to run."""
        arguments = dict(bind_arguments or {})
        if mapper is not None:
            arguments.setdefault("mapper", mapper)
        if clause is not None:
            arguments.setdefault("clause", clause)
        return self.get_bind(**arguments)

    def _bind_of_key(self, key: Any) -> Any:
        """Return the bind that SessionTransaction.connection() was asked for."""
        if mapper_of(key) is not None:
            return self.get_bind(key)
        return key if hasattr(key, "execution_options") else self.get_bind(clause=key)

    def connection(
        self,
        bind_arguments: Mapping[str, Any] | None = None,
        execution_options: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the Connection of this session's transaction."""
        return self._connection(self._route(None, None, bind_arguments), execution_options)

    # --- queries and objects ---

    def query(self, *entities: Any, **kwargs: Any) -> Any:
        """Return a Query of entities, attributes or expressions."""
        cls = self._query_cls
        if cls is None:
            from pyorm.orm.query import Query

            cls = Query
        return cls(entities, self, **kwargs)

    def bulk_save_objects(
        self,
        objects: Iterable[object],
        return_defaults: bool = False,
        update_changed_only: bool = True,
        preserve_order: bool = True,
    ) -> None:
        """Insert or update rows from instances, without making them members of the session.

        Args:
            return_defaults: New instances get their primary keys and are detached afterwards.
            update_changed_only: UPDATE writes only what was changed; False: all that is loaded.
            preserve_order: False sorts by class, new ones first: fewer statements.
        """
        _bulk.save_objects(self, objects, update_changed_only, return_defaults, preserve_order)

    def bulk_insert_mappings(
        self,
        mapper: Any,
        mappings: Iterable[dict[str, Any]],
        return_defaults: bool = False,
        render_nulls: bool = False,
    ) -> None:
        """Insert rows from dicts by attribute name.

        Args:
            return_defaults: The primary keys that the database makes are put into the dicts.
            render_nulls: None is written as NULL also where the column has a default.
        """
        _bulk.insert_mappings(self, _mapper(mapper), mappings, render_nulls, return_defaults)

    def bulk_update_mappings(self, mapper: Any, mappings: Iterable[dict[str, Any]]) -> None:
        """Update rows from dicts by attribute name that hold the primary key."""
        _bulk.update_mappings(self, _mapper(mapper), mappings)

    @staticmethod
    def object_session(instance: object) -> Session | None:
        """Return the session an instance belongs to."""
        return object_session(instance)  # type: ignore[no-any-return]

    @staticmethod
    def identity_key(
        class_: Any = None, ident: Any = None, *, instance: Any = None, row: Any = None, identity_token: Any = None
    ) -> tuple[Any, ...]:
        """Return the identity key of a class and primary key, of an instance, or of a row."""
        if instance is not None:
            found = mapper_of(type(instance))
            if found is None:
                raise UnmappedInstanceError(instance)
            return found.identity_key_from_instance(instance)  # type: ignore[no-any-return]
        mapper = _mapper(class_)
        if row is not None:
            return mapper.identity_key_from_row(row, identity_token)  # type: ignore[no-any-return]
        values = ident if isinstance(ident, (tuple, list)) else (ident,)
        return mapper.identity_key_from_primary_key(values, identity_token)  # type: ignore[no-any-return]


_plain_get_bind = Session.__dict__["get_bind"]


def _mapper(entity: Any) -> Any:
    found = mapper_of(entity)
    if found is None:
        raise UnmappedClassError(entity)
    return found


# --- what C asks for ---


def _plan_of_entity(entity: Any, _: Any) -> Any:
    """Return the plan of what get() was given besides a mapped class."""
    mapper = mapper_of(entity)
    if isinstance(entity, _core.Entity):
        raise exc.ArgumentError(f"Expected mapped class or mapper, got: {entity!r}")
    if mapper is None:
        from pyorm.inspection import inspect

        mapper = inspect(entity).mapper
    return mapper.plan


def _wrong_identity(plan: Any, ident: Any) -> None:
    columns = ",".join(f"'{column}'" for column in plan.mapper.primary_key)
    raise exc.InvalidRequestError(
        "Incorrect number of values in identifier to formulate primary key for session.get(); "
        f"primary key columns are {columns}"
    )


def _identity_of_dict(plan: Any, ident: Mapping[str, Any]) -> tuple[Any, ...]:
    mapper = plan.mapper
    names = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    if set(ident) != set(names):
        listed = ", ".join(f"'{name}'" for name in names)
        raise exc.InvalidRequestError(
            "Incorrect names of values in identifier to formulate primary key for session.get(); "
            f"primary key attribute names are {listed} (synonym names are also accepted)"
        )
    return tuple(ident[name] for name in names)


# --- factories ---


class sessionmaker:
    """Makes sessions with the same options.

    Args:
        bind: Engine or Connection.
        class_: The Session class to subclass.
        **kw: Session's options.
    """

    def __init__(
        self,
        bind: Any = None,
        *,
        class_: type[Session] = Session,
        autoflush: bool = True,
        expire_on_commit: bool = True,
        info: dict[Any, Any] | None = None,
        **kw: Any,
    ) -> None:
        self.kw: dict[str, Any] = {
            "bind": bind,
            "autoflush": autoflush,
            "expire_on_commit": expire_on_commit,
            **({} if info is None else {"info": info}),
            **kw,
        }
        self.class_ = type(class_.__name__, (class_,), {})

    def __call__(self, **local_kw: Any) -> Session:
        """Make a session; arguments win over those of the factory."""
        if "info" in self.kw and "info" in local_kw:
            local_kw["info"] = {**self.kw["info"], **local_kw["info"]}
        session: Session = self.class_(**{**self.kw, **local_kw})
        return session

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Return a context manager: a session in a transaction, committed and closed at the end."""
        with self() as session, session.begin():
            yield session

    def configure(self, **new_kw: Any) -> None:
        """Change the options of the sessions made from now on."""
        self.kw.update(new_kw)

    object_session = staticmethod(object_session)
    identity_key = staticmethod(Session.identity_key)

    def __repr__(self) -> str:
        options = ", ".join(f"{key}={value!r}" for key, value in self.kw.items())
        return f"{type(self).__name__}(class_={self.class_.__name__!r}, {options})"


def close_all_sessions() -> None:
    """Close every session of the process; for the end of a test."""
    for session in _core._sessions():
        session.close()

