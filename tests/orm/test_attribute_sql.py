"""Mapped attributes as SQL expressions: what the class attribute is besides a descriptor."""

from __future__ import annotations

import weakref
from typing import Any

from pyorm import _core, types
from tests.orm.mapping import leave_no_garbage


def make_table() -> Any:
    return _core.TableClause(
        "users",
        _core.ColumnClause("id", types.Integer()),
        _core.ColumnClause("user_name", types.String()),
    )


def map_table(cls: type, table: Any, base: Any = None) -> Any:
    """Map id and name over a table."""
    slots = (
        ("id", "column", (table.c.id,), "", None, None, None),
        ("name", "column", (table.c.user_name,), "", None, None, None),
    )
    spec = (base, "slots", table, slots if base is None else (), ("id",) if base is None else (),
            None, None, None, None)
    return _core.MapperPlan(cls, spec)


def test_attribute_is_a_column_expression_of_its_columns_type() -> None:
    cls = type("User", (_core.Entity,), {})
    table = make_table()
    map_table(cls, table)

    assert isinstance(cls.name, _core.ColumnElement)
    assert isinstance(cls.id.type, types.Integer)
    assert (cls.name.name, cls.name.key) == ("user_name", "name")
    assert cls.name.table is table
    assert isinstance(cls.name == "ed", _core.BinaryExpression)


def test_attribute_is_itself_when_used_as_a_key() -> None:
    cls = type("User", (_core.Entity,), {})
    map_table(cls, make_table())

    assert {cls.name: 1}[cls.name] == 1
    assert cls.name.expression is cls.name
    assert cls.name.__clause_element__() is cls.name


def test_instances_are_made_and_read_when_attributes_are_expressions() -> None:
    cls = type("User", (_core.Entity,), {})
    map_table(cls, make_table())

    user = cls(id=1, name="ed")
    user.name = "jack"

    assert (user.id, user.name) == (1, "jack")


def test_child_class_has_expressions_of_its_own() -> None:
    cls = type("User", (_core.Entity,), {})
    table = make_table()
    plan = map_table(cls, table)
    child = type("Child", (cls,), {})

    map_table(child, table, base=plan)

    assert child.name is not cls.name
    assert child.name.class_ is child
    assert child.name.table is table


def test_mapped_class_with_stored_criteria_is_freed_when_dropped() -> None:
    cls = type("User", (_core.Entity,), {})
    map_table(cls, make_table())
    cls.criterion = cls.name == "ed"
    cls.other = (cls.id + 1).desc()
    ref = weakref.ref(cls)

    del cls
    leave_no_garbage()

    assert ref() is None
