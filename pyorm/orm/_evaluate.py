"""Criteria of UPDATE and DELETE, evaluated over instances: a function per expression, with SQL's NULL.

A function takes an instance and gives the value of its expression, None for NULL, or UNKNOWN where an attribute is
not loaded. `exact` evaluation takes only what a database and Python cannot see differently: comparison of integers,
dates, UUIDs, booleans and enums, equality of texts without a collation. Text order depends on the collation, LIKE on
the database, division and the like on types.
"""

from __future__ import annotations

import datetime
import operator
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from pyorm import _core
from pyorm import types as sqltypes
from pyorm.orm.synonyms import Synonym
from pyorm.sql import operators as _operators

operators: Any = _operators
Function = Callable[[Any], Any]
UNKNOWN: Any = object()
"""What an expression over an attribute that is not loaded is."""

_COMPARISONS = {operators.eq, operators.ne, operators.lt, operators.le, operators.gt, operators.ge}
_ARITHMETIC = {operators.add, operators.sub, operators.mul, operators.truediv, operators.mod}
WHOLE = {sqltypes.Integer, sqltypes.BigInteger, sqltypes.SmallInteger}
_TEXTS = {sqltypes.String, sqltypes.Text, sqltypes.Unicode, sqltypes.UnicodeText}
_EQUALITY = {operators.eq, operators.ne, operators.in_op, operators.not_in_op}


class UnevaluatableError(Exception):
    """An expression that Python does not evaluate."""


class Evaluator:
    """Makes the functions for one statement.

    Args:
        mapper: the Mapper that the statement is about.
        params: its parameters by name, or None.
        exact: refuse what Python and a database may see differently.
    """

    def __init__(self, mapper: Any, params: Mapping[str, Any] | None, exact: bool) -> None:
        self.mapper, self.params, self.exact = mapper, params or {}, exact

    def function(self, element: Any) -> Function:
        """Return the function of an expression.

        Raises:
            UnevaluatableError: there is none; the text says what was met.
        """
        name = type(element).__name__
        if isinstance(element, _core.InstrumentedAttribute):
            return self._attribute(element)
        make = getattr(self, f"_of_{name}", None)
        if make is None:
            if isinstance(element, (_core.ColumnClause, _core.ColumnRef)):
                raise UnevaluatableError(f"Cannot evaluate column: {element}")
            raise UnevaluatableError(f"Cannot evaluate {name}")
        made: Function = make(element)
        return made

    def _attribute(self, element: Any) -> Function:
        prop = behind(self.mapper, element.property)
        column = prop.columns[0] if hasattr(prop, "columns") else None
        owner = getattr(element.parent, "class_", None)
        if not isinstance(element.class_, type) or owner is None or not issubclass(self.mapper.class_, owner):
            raise UnevaluatableError(f"Can't evaluate criteria against alternate class {element.class_}")
        if column is None or not isinstance(column, _core.ColumnClause):
            raise UnevaluatableError(f"Cannot evaluate {element}")
        if self.exact and column.table is not self.mapper.local_table:
            raise UnevaluatableError(f"Cannot evaluate column: {column}")
        key, read = prop.key, _core.loaded_value
        return lambda obj: read(obj, key, UNKNOWN)

    # ---- values ------------------------------------------------------------------------------------------------
    def _of_Null(self, element: Any) -> Function:
        return lambda obj: None

    def _of_True_(self, element: Any) -> Function:
        return lambda obj: True

    def _of_False_(self, element: Any) -> Function:
        return lambda obj: False

    def _of_BindParameter(self, element: Any) -> Function:
        value = self._bound(element)
        return lambda obj: value

    def _bound(self, element: Any) -> Any:
        if element.key in self.params and not element.unique:
            return self.params[element.key]
        return element.value if element.callable is None else element.callable()

    def _of_Grouping(self, element: Any) -> Function:
        return self.function(element.element)

    def _of_Tuple(self, element: Any) -> Function:
        if self.exact:
            raise UnevaluatableError("Cannot evaluate Tuple")
        return _all_of([self.function(one) for one in element.get_children()], tuple)

    # ---- and, or, not ------------------------------------------------------------------------------------------
    def _of_BooleanClauseList(self, element: Any) -> Function:
        parts = [self.function(one) for one in element.get_children()]
        if element.operator is operators.and_:
            return lambda obj: _and(part(obj) for part in parts)
        return lambda obj: _or(part(obj) for part in parts)

    def _of_UnaryExpression(self, element: Any) -> Function:
        (inner,) = element.get_children()
        if element.operator is operators.inv:
            return _strict(operator.not_, [self.function(inner)])
        if element.operator is operators.is_true and isinstance(inner, _core.InstrumentedAttribute):
            return self.function(inner)
        if element.operator is operators.is_false and isinstance(inner, _core.InstrumentedAttribute):
            return _strict(operator.not_, [self.function(inner)])
        raise UnevaluatableError(f"Cannot evaluate {type(element).__name__} with operator {element.operator}")

    # ---- operators ---------------------------------------------------------------------------------------------
    def _of_BinaryExpression(self, element: Any) -> Function:
        op = element.operator
        if op in (operators.is_, operators.is_not):
            return self._is(element)
        if self.exact:
            self._check_exact(element)
        if op in _COMPARISONS or op in _ARITHMETIC:
            return _strict(op, [self.function(element.left), self.function(element.right)])
        if op in (operators.in_op, operators.not_in_op):
            return self._in(element)
        if op is operators.concat_op:
            return _strict(operator.add, [self.function(element.left), self.function(element.right)])
        if op in (operators.startswith_op, operators.endswith_op):
            return self._affix(element)
        if (own := getattr(op, "python_impl", None)) is not None:
            return _strict(own, [self.function(element.left), self.function(element.right)])
        if hasattr(op, "opstring"):
            raise UnevaluatableError(
                f"Custom operator {op.opstring!r} can't be evaluated in Python unless it specifies a callable using "
                "`.python_impl`."
            )
        raise UnevaluatableError(f"Cannot evaluate {type(element).__name__} with operator {op}")

    def _is(self, element: Any) -> Function:
        left, right = self.function(element.left), self.function(element.right)
        wanted = element.operator is operators.is_

        def run(obj: Any) -> Any:
            a, b = left(obj), right(obj)
            if a is UNKNOWN or b is UNKNOWN:
                return UNKNOWN
            return (a == b if a is not None and b is not None else a is b) is wanted

        return run

    def _in(self, element: Any) -> Function:
        if not isinstance(element.right, _core.BindParameter):
            raise UnevaluatableError(f"Cannot evaluate {type(element.right).__name__}")
        left, values = self.function(element.left), list(self._bound(element.right))
        holds_null, negated = None in values, element.operator is operators.not_in_op

        def run(obj: Any) -> Any:
            value = left(obj)
            if value is UNKNOWN or (value is None and values):
                return value
            if value in values:
                return not negated
            return None if holds_null else negated

        return run

    def _affix(self, element: Any) -> Function:
        escape = (element.modifiers or {}).get("escape")
        if not isinstance(element.right, _core.BindParameter):
            raise UnevaluatableError(f"Cannot evaluate {type(element).__name__} with operator {element.operator}")
        value = self._bound(element.right)
        if escape and isinstance(value, str):
            value = "".join(_unescaped(value, escape))
        left = self.function(element.left)
        test = str.startswith if element.operator is operators.startswith_op else str.endswith
        return _strict(test, [left, lambda obj: value])

    def _check_exact(self, element: Any) -> None:
        """Refuse what is not of one of the types that are the same everywhere.

        Raises:
            UnevaluatableError: so.
        """
        op, sides = element.operator, (element.left, element.right)
        types = [one.type for one in sides if isinstance(one, _core.InstrumentedAttribute)]
        values = [self._bound(one) for one in sides if isinstance(one, _core.BindParameter)]
        if op not in _COMPARISONS and op not in _EQUALITY:
            raise UnevaluatableError(f"Cannot evaluate {type(element).__name__} with operator {op}")
        if len(types) + len(values) != 2 or not types or (len(types) == 2 and type(types[0]) is not type(types[1])):
            raise UnevaluatableError(f"Cannot evaluate {type(element).__name__} exactly")
        if op in (operators.in_op, operators.not_in_op):
            values = list(values[0]) if values else []
        if not all(value is None or is_exact(types[0], value, op not in _EQUALITY) for value in values):
            raise UnevaluatableError(f"Cannot evaluate {type(element).__name__} exactly")


def behind(mapper: Any, prop: Any) -> Any:
    """Return the property that a synonym stands for, or the property itself."""
    while isinstance(prop, Synonym):
        prop = mapper._props.get(prop.name)
    return prop


def is_exact(type_: Any, value: Any, ordered: bool) -> bool:
    """Return whether Python compares a value with those of a column as every database does.

    Args:
        type_: the column's type.
        value: what its values are compared with.
        ordered: by size, not only for equality.
    """
    kind = type(type_)
    if kind in WHOLE:
        return type(value) is int
    if kind is sqltypes.Date:
        return type(value) is datetime.date
    if kind is sqltypes.DateTime and not type_.timezone:
        return type(value) is datetime.datetime and value.tzinfo is None
    if ordered:
        return False
    if kind in _TEXTS:
        return type(value) is str and type_.collation is None
    if kind is sqltypes.Enum:
        return type_.enum_class is not None and isinstance(value, type_.enum_class)
    return (kind is sqltypes.Boolean and type(value) is bool) or (kind is sqltypes.Uuid and type(value) is uuid.UUID)


def _unescaped(value: str, escape: str) -> Any:
    quoted = False
    for character in value:
        if character == escape and not quoted:
            quoted = True
            continue
        quoted = False
        yield character


def _all_of(parts: list[Function], make: Callable[[list[Any]], Any]) -> Function:
    def run(obj: Any) -> Any:
        values = [part(obj) for part in parts]
        if UNKNOWN in values:
            return UNKNOWN
        return None if None in values else make(values)

    return run


def _strict(function: Callable[..., Any], parts: list[Function]) -> Function:
    """Return a function that is NULL where one of its operands is."""
    if len(parts) == 2:
        left, right = parts

        def run(obj: Any) -> Any:
            a, b = left(obj), right(obj)
            if a is UNKNOWN or b is UNKNOWN:
                return UNKNOWN
            return None if a is None or b is None else function(a, b)

        return run
    return _all_of(parts, lambda values: function(*values))


def _and(values: Any) -> Any:
    result: Any = True
    for value in values:
        if value is not None and value is not UNKNOWN and not value:
            return False
        if value is UNKNOWN or (value is None and result is not UNKNOWN):
            result = value
    return result


def _or(values: Any) -> Any:
    result: Any = False
    for value in values:
        if value is not None and value is not UNKNOWN and value:
            return True
        if value is UNKNOWN or (value is None and result is not UNKNOWN):
            result = value
    return result


__all__ = ["UNKNOWN", "Evaluator", "UnevaluatableError", "is_exact"]
