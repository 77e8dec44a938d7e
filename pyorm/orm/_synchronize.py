"""Which instances of a session follow an UPDATE or DELETE of their class, and how.

`synchronize_session`: "evaluate" tests the criterion over the instances in Python; "fetch" lets the statement return
the primary keys; "auto" evaluates where Python and the database cannot disagree, and fetches otherwise. After an
UPDATE the instances hold what was SET, where that is known without asking; else the attribute expires. After a DELETE
they are deleted ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyorm import _core, exc
from pyorm.inspection import inspect
from pyorm.orm import _bulk
from pyorm.orm._evaluate import UNKNOWN, WHOLE, Evaluator, Function, UnevaluatableError, behind, is_exact
from pyorm.sql import operators as _operators

if TYPE_CHECKING:
    from pyorm.orm.session import Session

operators: Any = _operators

class Plan:
    """What is to be done after the statement.

    Attributes:
        statement: what is to be run in its place; None: itself.
    """

    __slots__ = ("_deletes", "_keys", "_mapper", "_matched", "_session", "_setters", "_token", "_unsure", "statement")

    def __init__(self, session: Session, mapper: Any, deletes: bool, token: Any) -> None:
        self._session, self._mapper, self._deletes, self._token = session, mapper, deletes, token
        self.statement: Any = None
        self._keys: list[tuple[Any, ...]] | None = None
        self._matched: list[Any] = []
        self._unsure: list[Any] = []
        self._setters: dict[str, Function | None] = {}

    def after(self, result: Any) -> None:
        """Let the instances follow; `result` is the statement's."""
        if self.statement is not None:
            self._keys = [tuple(row) for row in result]
        if self._keys is not None:
            self._matched = self._known(self._keys)
        if self._deletes:
            self._session._forget_all(self._matched)
            for instance in self._unsure:
                self._session.expire(instance)
            return
        names = tuple(self._setters)
        follow, makers = self._session._follow, list(self._setters.values())
        follow(self._matched, names, [tuple(_value(make, obj) for make in makers) for obj in self._matched], UNKNOWN)
        follow(self._unsure, names, (UNKNOWN,) * len(names), UNKNOWN)

    def _known(self, keys: list[tuple[Any, ...]]) -> list[Any]:
        """Return the instances that have these primary keys."""
        there, make = self._session.identity_map, self._mapper.identity_key_from_primary_key
        found = (there.get(make(key, self._token)) for key in keys)
        return [one for one in found if one is not None and isinstance(one, self._mapper.class_)]


def _value(make: Function | None, instance: Any) -> Any:
    if make is None:
        return UNKNOWN
    try:
        return make(instance)
    except (TypeError, ValueError, ArithmeticError):  # what the database makes of it only a SELECT tells
        return UNKNOWN


def begin(session: Session, mapper: Any, statement: Any, params: Any, mode: Any, beside: bool, token: Any) -> Plan:
    """Say who follows a statement that is about to run; C calls it.

    Args:
        session: the Session.
        mapper: the Mapper of the class that is written.
        statement: the Update or Delete.
        params: its parameters: a dict, a list of them, or None.
        mode: "auto" (also None), "evaluate" or "fetch".
        beside: whether it has options or more tables, which evaluation does not look at.
        token: the identity token of the instances that follow; None: the criterion alone tells them.

    Raises:
        InvalidRequestError: "evaluate", and the criterion cannot be evaluated in Python.
    """
    plan = Plan(session, mapper, isinstance(statement, _core.Delete), token)
    if isinstance(params, (list, tuple)) and len(params) == 1:
        (params,) = params
    if isinstance(params, (list, tuple)):  # several sets: nobody knows which row is whose
        plan._unsure = [one for one in session._instances(mapper.plan) if not session.is_modified(one)]
        return plan
    if not plan._deletes:
        plan._setters = _setters(mapper, statement, params)
    if mode != "fetch" and not beside and _evaluate(plan, statement, params, mode != "evaluate"):
        return plan
    if len(statement.exported_columns):
        plan._keys = _bulk.matching_keys(session, mapper, statement, params)
    else:
        plan.statement = statement.returning(*(_bulk._own_column(mapper, column) for column in mapper.primary_key))
    return plan


def _evaluate(plan: Plan, statement: Any, params: Any, exact: bool) -> bool:
    """Find the instances that match; False: only the database can tell.

    Raises:
        InvalidRequestError: not `exact`, and the criterion cannot be evaluated.
    """
    session, mapper = plan._session, plan._mapper
    instances = session._instances(mapper.plan)
    if plan._token is not None:
        instances = [one for one in instances if inspect(one).identity_token == plan._token]
    apart = [one.class_ for one in mapper.self_and_descendants[1:] if one.concrete]
    if apart:
        instances = [one for one in instances if not isinstance(one, tuple(apart))]
    if exact and any(isinstance(one, mapper.class_) for one in session.dirty):
        return False  # the database does not know of their changes yet
    criterion = statement.whereclause
    if criterion is None:
        plan._matched = instances
        return True
    try:
        test = Evaluator(mapper, params, exact).function(criterion)
    except UnevaluatableError as error:
        if exact:
            return False
        raise exc.InvalidRequestError(
            f'Could not evaluate current criteria in Python: "{error}". Specify \'fetch\' or False for the '
            "synchronize_session execution option."
        ) from error
    for instance in instances:
        answer = test(instance)
        if answer is UNKNOWN:
            plan._unsure.append(instance)
        elif answer:
            plan._matched.append(instance)
    return True


# --- what an UPDATE sets ---


def _setters(mapper: Any, statement: Any, params: Mapping[str, Any] | None) -> dict[str, Function | None]:
    """Return by attribute what the statement sets it to: a function of the instance; None: that is not known."""
    evaluator = Evaluator(mapper, params, True)
    written: set[Any] = set()
    setters: dict[str, Function | None] = {}
    for name, column, value in statement._assigned:
        prop = _property_of(mapper, column, name)
        if prop is not None:
            setters[prop.key] = _setter(evaluator, prop.columns[0], value)
            written.update(prop.columns)
    for name, value in (params or {}).items():
        prop = _property_of(mapper, None, name)
        if prop is not None and prop.key not in setters:
            setters[prop.key] = _constant(prop.columns[0], value)
            written.update(prop.columns)
    for prop in mapper.column_attrs:
        column = prop.columns[0]
        if column in written or prop.key in setters:
            continue
        if not isinstance(column, _core.ColumnClause) or getattr(column, "computed", None) is not None:
            setters[prop.key] = None  # may depend on what is written
        elif getattr(column, "table", None) is mapper.local_table:
            if column.onupdate is not None:
                setters[prop.key] = _constant(column, column.onupdate.arg) if column.onupdate.is_scalar else None
            elif column.server_onupdate is not None:
                setters[prop.key] = None
    return setters


def _property_of(mapper: Any, column: Any, name: str | None) -> Any:
    """Return the property of what is assigned to, or None."""
    if isinstance(column, _core.InstrumentedAttribute):
        found = behind(mapper, mapper._props.get(column.key))
        return found if hasattr(found, "columns") else None
    if column is not None and (found := mapper._by_column.get(column)) is not None:
        return found
    named = mapper.local_table.c.get(name) if name is not None else None
    if named is not None and named in mapper._by_column:
        return mapper._by_column[named]
    found = behind(mapper, mapper._props.get(name))
    return found if hasattr(found, "columns") else None


def _constant(column: Any, value: Any) -> Function | None:
    if isinstance(value, (dict, list, set)):  # a type that notes changes inside wraps it when it is loaded
        return None
    if type(column.type) in WHOLE and value is not None and not is_exact(column.type, value, False):
        return None
    return lambda obj: value


def _setter(evaluator: Evaluator, column: Any, value: Any) -> Function | None:
    """Return the function of a value of SET; None: only the database knows what it becomes."""
    if isinstance(value, _core.BindParameter):
        return _constant(column, evaluator._bound(value))
    try:
        if not isinstance(value, _core.BinaryExpression):
            return evaluator.function(value)
        types = {type(column.type)}
        for side in (value.left, value.right):
            if isinstance(side, _core.InstrumentedAttribute):
                types.add(type(side.type))
            elif not isinstance(side, _core.BindParameter):
                return None
        whole = types <= WHOLE and value.operator in (operators.add, operators.sub, operators.mul)
        text = len(types) == 1 and value.operator is operators.concat_op
        if not whole and not text:
            return None
        left, right = evaluator.function(value.left), evaluator.function(value.right)
    except UnevaluatableError:
        return None
    wanted = int if whole else str
    add = operators.add if text else value.operator

    def run(obj: Any) -> Any:
        a, b = left(obj), right(obj)
        if a is None or b is None:
            return None
        return add(a, b) if type(a) is wanted and type(b) is wanted else UNKNOWN

    return run
