"""The golden statements: one list, run by the reference library and by pyorm.

Every case is a name and a function that makes the statement, so that one that cannot be
made says so by itself. `tools/golden.py` runs the list under the reference and writes the
texts; the tests run it under pyorm and compare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .cases_dml import Keyed, cases_conflict, cases_delete, cases_insert, cases_update
from .cases_expressions import (
    cases_boolean,
    cases_case_cast,
    cases_functions,
    cases_operators,
    cases_postgresql,
)
from .cases_orm import cases_orm_attributes, cases_orm_relationships
from .cases_select import cases_clauses, cases_columns, cases_joins
from .cases_subqueries import cases_compounds, cases_ctes, cases_subqueries, cases_values

GROUPS: tuple[Callable[[Any], dict[str, Callable[[], Any]]], ...] = (
    cases_columns,
    cases_clauses,
    cases_joins,
    cases_subqueries,
    cases_compounds,
    cases_ctes,
    cases_values,
    cases_operators,
    cases_boolean,
    cases_functions,
    cases_case_cast,
    cases_postgresql,
    cases_insert,
    cases_conflict,
    cases_update,
    cases_delete,
)
ORM_GROUPS = (cases_orm_attributes, cases_orm_relationships)


def make_cases(space: Any) -> dict[str, Callable[[], Any]]:
    """Return the cases over tables by name.

    Args:
        space: A namespace made by `schema.make_namespace`.
    """
    return _collect(GROUPS, space)


def make_orm_cases(models: Any) -> dict[str, Callable[[], Any]]:
    """Return the cases over mapped classes by name.

    Args:
        models: A namespace made by `models.make_models`.
    """
    return _collect(ORM_GROUPS, models)


def make_orm_attribute_cases(models: Any) -> dict[str, Callable[[], Any]]:
    """Return the cases over mapped classes that need no relationships, by name.

    Args:
        models: A namespace made by `models.make_models`.
    """
    return _collect((cases_orm_attributes,), models)


def _collect(groups: Any, space: Any) -> dict[str, Callable[[], Any]]:
    """Return the union of the groups' cases; a name may stand only once."""
    cases: dict[str, Callable[[], Any]] = {}
    for group in groups:
        for name, make in group(space).items():
            assert name not in cases, name
            cases[name] = make
    return cases


def compile_case(made: Any, dialect: Any) -> Any:
    """Compile what a case's function returned.

    Args:
        made: A statement, or a `Keyed` one.
        dialect: The dialect object, or None for the default one.

    Returns:
        The library's compiled object: `.string`, `.params`, `.positiontup`.
    """
    options: dict[str, Any] = {} if dialect is None else {"dialect": dialect}
    if isinstance(made, Keyed):
        return made.statement.compile(column_keys=made.keys, **options)
    return made.compile(**options)
