"""`do_orm_execute`: what listeners see of a statement, and how they change its way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyorm import _core
from pyorm._collections import immutabledict
from pyorm.inspection import inspect
from pyorm.orm._registry import mapper_of

if TYPE_CHECKING:
    from pyorm.orm.session import Session

__all__ = ["ORMExecuteState"]


class ORMExecuteState:
    """A statement on its way through `Session.execute`.

    A listener changes `statement`, `parameters` or the options in place, or returns a Result that
    then is the answer (for example that of `invoke_statement()`).
    """

    is_column_load = False
    is_relationship_load = False
    lazy_loaded_from = None
    loader_strategy_path = None

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
        self.local_execution_options = immutabledict(execution_options)
        self.bind_arguments = bind_arguments
        self._remaining = listeners

    @property
    def execution_options(self) -> Mapping[str, Any]:
        """The options of session, statement and call in one."""
        own = self.statement.get_execution_options() if hasattr(self.statement, "get_execution_options") else {}
        return immutabledict({**self.session.execution_options, **own, **self.local_execution_options})

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
        return state._run()

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
            execution_options=dict(self.local_execution_options),
            bind_arguments=self.bind_arguments,
            _parent_execute_state=self,
        )

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
        """The mappers of the statement's entities."""
        found = []
        for description in getattr(self.statement, "column_descriptions", ()):
            mapper = mapper_of(description.get("entity"))
            if mapper is not None and mapper not in found:
                found.append(mapper)
        entity = getattr(self.statement, "entity_description", None)
        if entity is not None and (mapper := mapper_of(entity.get("entity"))) is not None:
            found.append(mapper)
        return found

    @property
    def bind_mapper(self) -> Any:
        """The mapper that decides where the statement goes."""
        named = self.bind_arguments.get("mapper")
        return named if named is not None else next(iter(self.all_mappers), None)

    @property
    def is_orm_statement(self) -> bool:
        """True where the statement speaks of mapped classes."""
        return self.bind_mapper is not None

    @property
    def user_defined_options(self) -> tuple[Any, ...]:
        """Options of the program's own classes among the statement's options."""
        options = getattr(self.statement, "_with_options", ())
        return tuple(option for option in options if getattr(option, "_is_user_defined", False))


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
