"""`compile()`: its text, its parameters, values inline, and what hooks may do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pyorm import _core, bindparam, exc, select
from pyorm.dialects import postgresql, sqlite
from tests.golden.schema import make_namespace
from tests.sql import space

Q = make_namespace(space.sa, space.pg, space.lite)
SA, AUTHORS = Q.sa, Q.authors


def test_values_stand_in_the_text_when_literal_binds_are_asked_for() -> None:
    statement = SA.select(AUTHORS.c.id).where(
        AUTHORS.c.name == "it's", AUTHORS.c.id.in_([1, 2]), AUTHORS.c.born > dt.date(2024, 1, 2)
    )

    compiled = statement.compile(
        dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}
    )

    assert compiled.string.endswith(
        "WHERE authors.name = 'it''s' AND authors.id IN (1, 2) AND authors.born > '2024-01-02'"
    )
    assert compiled.params == {}


def test_literal_is_refused_when_there_is_no_value() -> None:
    statement = SA.select(AUTHORS.c.id).where(AUTHORS.c.name == SA.bindparam("who"))

    with pytest.raises(exc.CompileError, match="who"):
        statement.compile(compile_kwargs={"literal_binds": True})


def test_columns_stand_without_table_when_ddl_asks() -> None:
    text = _core.compile_string(
        AUTHORS.c.age > 5, sqlite.dialect(), literal_binds=True, include_table=False
    )

    assert text == "age > 5"


def test_given_values_win_when_params_are_constructed() -> None:
    statement = SA.select(AUTHORS.c.id).where(AUTHORS.c.name == SA.bindparam("who"))
    compiled = statement.compile()

    assert compiled.construct_params({"who": "x"}) == {"who": "x"}
    with pytest.raises(exc.InvalidRequestError, match="who"):
        compiled.construct_params()


def test_name_is_quoted_when_the_dialect_reserves_it() -> None:
    assert _core.quote_identifier("user", "postgresql") == '"user"'
    assert _core.quote_identifier("user", "sqlite") == "user"
    assert _core.quote_identifier('a"B', "sqlite") == '"a""B"'


def test_update_refuses_a_bind_when_its_name_is_a_column_it_sets() -> None:
    statement = SA.update(AUTHORS).values(name="x").where(AUTHORS.c.id == SA.bindparam("name"))

    with pytest.raises(exc.CompileError, match="reserved"):
        str(statement)


def test_unknown_column_is_named_when_values_hold_it() -> None:
    with pytest.raises(exc.CompileError, match="Unconsumed column names: nothing"):
        str(SA.insert(AUTHORS).values(nothing=1))


def test_select_is_refused_when_correlation_leaves_no_from() -> None:
    inner = SA.select(AUTHORS.c.id, Q.posts.c.id).scalar_subquery()

    with pytest.raises(exc.InvalidRequestError, match="returned no FROM clauses"):
        str(SA.select(AUTHORS.c.id, Q.posts.c.id).where(inner > 5))


def make_element(render: Any, *dialects: str) -> Any:
    """Return an instance of a new element class that `render` renders."""

    class Twice(_core.ColumnElement):
        inherit_cache = True
        type = SA.Integer()

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        _traverse_internals = [("inner", None)]

    _core.register_compiles(Twice, render, dialects)
    return Twice(AUTHORS.c.age + 7)


def test_binds_are_counted_in_place_when_a_hook_repeats_and_swaps() -> None:
    def render(element: Any, compiler: Any, **kw: Any) -> str:
        inner = compiler.process(element.inner, **kw)
        return f"twice({inner}, {inner})"

    statement = SA.select(make_element(render)).where(AUTHORS.c.id == 3)

    compiled = statement.compile(dialect=sqlite.dialect())

    assert "twice(authors.age + ?, authors.age + ?)" in compiled.string
    assert compiled.positiontup == ["age_1", "age_1", "id_1"]


def test_hook_of_the_dialect_wins_when_there_are_two() -> None:
    element = make_element(lambda element, compiler, **kw: "any()")
    _core.register_compiles(type(element), lambda e, c, **kw: "lite()", ["sqlite"])

    assert "lite()" in SA.select(element).compile(dialect=sqlite.dialect()).string
    assert "any()" in SA.select(element).compile(dialect=postgresql.dialect()).string


def test_hook_text_is_refused_when_it_holds_a_foreign_marker() -> None:
    element = make_element(lambda element, compiler, **kw: "x \x0199\x01")

    with pytest.raises(exc.CompileError, match="character 1"):
        str(SA.select(element))


def test_callable_is_asked_by_params_when_the_text_has_been_made() -> None:
    asked: list[int] = []

    def value() -> int:
        asked.append(1)
        return len(asked)

    compiled = select(bindparam("x", callable_=value)).compile()

    assert (str(compiled), asked) == ("SELECT :x AS anon_1", [])
    assert (compiled.params, compiled.construct_params({"y": 0})["x"]) == ({"x": 1}, 2)
