"""`do_orm_execute`: what listeners see of a statement, and how they change its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyorm import _core, exc
from pyorm._collections import immutabledict
from pyorm.inspection import inspect
from pyorm.orm._criteria import is_user_defined
from pyorm.orm._registry import mapper_of

if TYPE_CHECKING:
    from pyorm.orm.session import Session

__all__ = ["ORMExecuteState"]


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How the rows of a SELECT become instances."""

    _populate_existing: bool
    _yield_per: int | None
    _autoflush: bool
    _identity_token: Any


@dataclass(frozen=True, slots=True)
class UpdateOptions:
    """What becomes of the session's instances at an UPDATE or DELETE."""

    _synchronize_session: Any
    _autoflush: bool


def _mapper_behind(entity: Any) -> Any:
    """Return the mapper of a mapped class or of an alias of one, or None."""
    found = mapper_of(entity)
    if found is None:
        found = getattr(inspect(entity, raiseerr=False), "mapper", None)
    return found


class LoaderPath(tuple[Any, ...]):
    """A way along relationships: a Mapper, a RelationshipProperty, and so on."""

    __slots__ = ()

    def __str__(self) -> str:
        """Show the way, as `ORM Path[Mapper[User(users)] -> User.posts]`."""
        return f"ORM Path[{' -> '.join(map(str, self))}]"


class ORMExecuteState:
    """A statement on its way through `Session.execute`.

    A listener changes `statement`, `parameters` or the options in place, or returns a Result that
    then is the answer (for example that of `invoke_statement()`).
    """

    is_column_load = False
    """True for a load of attributes of an instance: expired, deferred, or by `refresh()`."""
    is_relationship_load = False
    """True for a load of what a relationship refers to."""
    loader_strategy_path: LoaderPath | None = None
    """The way along relationships that is being loaded; None for a statement of the program's."""
    _loaded_from: Any = None  # the instance whose attributes or relationship are loaded
    _along: Any = None  # what the core is to know of a load of relationships

    def __init__(
        self,
        session: Session,
        statement: Any,
        parameters: Any,
        execution_options: Mapping[str, Any],
        bind_arguments: dict[str, Any],
        listeners: tuple[Any, ...],
    ) -> None:
        self.session = session
        self.statement = statement
        self.parameters = parameters
        self.local_execution_options = immutabledict({**session.execution_options, **execution_options})
        self.bind_arguments = bind_arguments
        self._remaining = listeners
        if "mapper" not in bind_arguments and (mapper := session._subject(statement)[1]) is not None:
            bind_arguments["mapper"] = mapper

    @property
    def execution_options(self) -> Mapping[str, Any]:
        """The options of session, statement and call in one."""
        own = self.statement.get_execution_options() if hasattr(self.statement, "get_execution_options") else {}
        return immutabledict({**own, **self.local_execution_options})

    def update_execution_options(self, **opts: Any) -> None:
        """Lay execution options over those of the call."""
        self.local_execution_options = immutabledict({**self.local_execution_options, **opts})

    def invoke_statement(
        self,
        statement: Any = None,
        params: Any = None,
        execution_options: Mapping[str, Any] | None = None,
        bind_arguments: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the statement, or another in its place, through the listeners that follow."""
        parameters = self.parameters
        if params is not None:
            merged = isinstance(params, Mapping) and isinstance(parameters, Mapping)
            parameters = {**parameters, **params} if merged else params
        state = ORMExecuteState(
            self.session,
            self.statement if statement is None else statement,
            parameters,
            {**self.local_execution_options, **(execution_options or {})},
            {**self.bind_arguments, **(bind_arguments or {})},
            self._remaining,
        )
        state._take_origin(self)
        return state._run()

    def _take_origin(self, other: ORMExecuteState) -> None:
        """Be about the same load as another state."""
        self.is_column_load = other.is_column_load
        self.is_relationship_load = other.is_relationship_load
        self.loader_strategy_path = other.loader_strategy_path
        self._loaded_from, self._along = other._loaded_from, other._along

    def _run(self) -> Any:
        while self._remaining:
            listener, self._remaining = self._remaining[0], self._remaining[1:]
            answer = listener(self)
            if answer is not None:
                return answer
        return _core.SessionCore.execute(
            self.session,
            self.statement,
            self.parameters,
            execution_options=self._options_for_core(),
            bind_arguments=self.bind_arguments,
            _parent_execute_state=self,
        )

    def _options_for_core(self) -> dict[str, Any]:
        options = dict(self.local_execution_options)
        if self._along is not None:
            options["_along"] = self._along
        return options

    # --- what it is ---

    @property
    def is_select(self) -> bool:
        """True for SELECT."""
        return isinstance(self.statement, (_core.Select, _core.CompoundSelect))

    @property
    def is_insert(self) -> bool:
        """True for INSERT."""
        return isinstance(self.statement, _core.Insert)

    @property
    def is_update(self) -> bool:
        """True for UPDATE."""
        return isinstance(self.statement, _core.Update)

    @property
    def is_delete(self) -> bool:
        """True for DELETE."""
        return isinstance(self.statement, _core.Delete)

    @property
    def is_executemany(self) -> bool:
        """True for a list of parameter sets."""
        return isinstance(self.parameters, (list, tuple))

    @property
    def is_from_statement(self) -> bool:
        """True for entities from a statement of the user's."""
        return type(self.statement).__name__ == "FromStatement"

    @property
    def all_mappers(self) -> list[Any]:
        """The mappers of the statement's entities: those a SELECT names, the one that DML writes to."""
        if isinstance(self.statement, (_core.Insert, _core.Update, _core.Delete)):
            mapper = self.session._subject(self.statement)[1]
            return [] if mapper is None else [mapper]
        if isinstance(self.statement, _core.CompoundSelect):
            return []
        found: list[Any] = []
        for description in getattr(self.statement, "column_descriptions", ()):
            entity = description.get("entity")
            mapper = None if entity is None else _mapper_behind(entity)
            if mapper is not None and mapper not in found:
                found.append(mapper)
        return found

    @property
    def bind_mapper(self) -> Any:
        """The mapper that decides where the statement goes."""
        return self.bind_arguments.get("mapper")

    @property
    def is_orm_statement(self) -> bool:
        """True where the statement speaks of mapped classes."""
        return bool(self.session._subject(self.statement)[0])

    @property
    def lazy_loaded_from(self) -> Any:
        """The InstanceState whose relationship is loaded; None where it is loaded for many instances, and otherwise.

        Raises:
            InvalidRequestError: The statement is no SELECT.
        """
        self._require_select()
        return inspect(self._loaded_from) if self.is_relationship_load and self._loaded_from is not None else None

    @property
    def load_options(self) -> LoadOptions:
        """What the execution options say of loading.

        Raises:
            InvalidRequestError: The statement is no SELECT.
        """
        self._require_select()
        options = self.execution_options
        return LoadOptions(
            bool(options.get("populate_existing", False)),
            options.get("yield_per"),
            bool(options.get("autoflush", True)),
            options.get("identity_token"),
        )

    @property
    def update_delete_options(self) -> UpdateOptions:
        """What the execution options say of UPDATE and DELETE.

        Raises:
            InvalidRequestError: The statement is another one.
        """
        if not (self.is_update or self.is_delete):
            raise exc.InvalidRequestError(
                "This ORM execution is not against an UPDATE or DELETE statement so there are no update options."
            )
        options = self.execution_options
        return UpdateOptions(options.get("synchronize_session", "auto"), bool(options.get("autoflush", True)))

    def _require_select(self) -> None:
        if not self.is_select:
            raise exc.InvalidRequestError(
                "This ORM execution is not against a SELECT statement so there are no load options."
            )

    @property
    def user_defined_options(self) -> tuple[Any, ...]:
        """Options of the program's own classes among the statement's options."""
        return _user_defined(self.statement)


def _user_defined(statement: Any) -> tuple[Any, ...]:
    try:
        options = _core._select_parts(statement)[1]
    except TypeError:  # a statement that takes no options
        return ()
    return tuple(filter(is_user_defined, options))


class BulkContext:
    """What after_bulk_update and after_bulk_delete get: what Query.update() or delete() did."""

    __slots__ = ("mapper", "query", "result", "session", "values")

    def __init__(self, query: Any, mapper: Any, result: Any, values: Any) -> None:
        self.session = query.session
        self.query = query
        self.mapper = mapper
        self.result = result
        self.values = values
        """What update() was given; None for delete()."""


def tell_bulk(query: Any, entity: Any, statement: Any, result: Any, values: Any) -> None:
    """Call the listeners of Query.update() or Query.delete()."""
    events = query.session._dispatch
    name = "after_bulk_update" if isinstance(statement, _core.Update) else "after_bulk_delete"
    listeners = getattr(events, name) if events is not None else ()
    if listeners:
        context = BulkContext(query, inspect(entity).mapper, result, values)
        for listener in listeners:
            listener(context)


def run_listeners(
    session: Session, statement: Any, params: Any, options: Any, bind_arguments: Any, added: Any
) -> Any:
    """Run the listeners of do_orm_execute, then the statement; C calls it."""
    events = session._dispatch
    listeners = tuple(events.do_orm_execute) if events is not None else ()
    if added is not None:
        listeners = (*listeners, added)
    state = ORMExecuteState(session, statement, params, options or {}, dict(bind_arguments or {}), listeners)
    return state._run()


def run_get(
    session: Session,
    statement: Any,
    mapper: Any,
    options: Mapping[str, Any] | None,
    populate_existing: bool,
    token: Any,
    bind_arguments: Mapping[str, Any] | None,
) -> Any:
    """Load an instance for Session.get() by way of the listeners; None where there is none. C calls it."""
    chosen = dict(options or {})
    if populate_existing:
        chosen["populate_existing"] = True
    if token is not None:
        chosen["identity_token"] = token
    arguments = {"mapper": mapper, **(bind_arguments or {})}
    listeners = tuple(session._dispatch.do_orm_execute)
    state = ORMExecuteState(session, statement, None, chosen, arguments, listeners)
    state.loader_strategy_path = LoaderPath()
    result = state._run()
    return result.scalars().unique().one_or_none()


def run_load(
    session: Session, statement: Any, mapper: Any, instance: Any, relationship: str | None, along: Any
) -> Any:
    """Run a SELECT that an instance's attributes need by way of the listeners; C calls it.

    Args:
        statement: SELECT of columns of the instance's row, or of what a relationship refers to.
        mapper: Of what is loaded.
        relationship: Name of the relationship that is loaded; None: columns of the instance.
        along: (path, execution options) of immediateload; None: an attribute is read.

    Returns:
        The Result that a listener or the database gave.
    """
    listeners = tuple(session._dispatch.do_orm_execute)
    path, options = along if along is not None else ((), None)
    if relationship is None:
        statement = statement.options(*filter(is_user_defined, inspect(instance).load_options))
    elif along is None:
        prop = inspect(instance).mapper.relationships[relationship]
        path = (prop.parent, prop)
    state = ORMExecuteState(session, statement, None, options or {}, {"mapper": mapper}, listeners)
    state.is_column_load = relationship is None
    state.is_relationship_load = relationship is not None
    state.loader_strategy_path = LoaderPath(path)
    state._loaded_from = instance
    if along is not None:
        state._along = (path, None)
    return state._run()


def run_along(
    session: Session, statement: Any, mapper: Any, params: Any, path: Any, options: Any, along: Any
) -> Any:
    """Run a SELECT that loads for many instances by way of the listeners; C calls it.

    Args:
        statement: SELECT of what a relationship refers to, or of columns of a subclass.
        mapper: of what is loaded.
        params: values by bind name, or None.
        path: the way to the relationship: Mapper, relationship, ...; None: columns.
        options: execution options of the statement that this load belongs to, or None.
        along: what the core is to know when it loads the rows; of columns, the statement that this load belongs to.

    Returns:
        The Result that a listener or the database gave.
    """
    listeners = tuple(session._dispatch.do_orm_execute)
    if path is None:
        statement, along = statement.options(*_user_defined(along)), None
    chosen = {key: value for key, value in (options or {}).items() if key != "_along"}
    state = ORMExecuteState(session, statement, params, chosen, {"mapper": mapper}, listeners)
    state.is_relationship_load = path is not None
    state.loader_strategy_path = LoaderPath(path or ())
    state._along = along
    return state._run()
