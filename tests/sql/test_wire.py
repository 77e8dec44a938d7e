"""The wire text: what is sent, as far as it differs from the text that people see."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from pyorm import _core, exc
from tests.golden.schema import make_namespace
from tests.golden.statements import make_cases
from tests.sql import space

Q = make_namespace(space.sa, space.pg, space.lite)
SA, AUTHORS, POSTS = Q.sa, Q.authors, Q.posts


def wire(statement: Any, dialect: str) -> str:
    """Return the text that is sent to the database."""
    text: str = _core.compile_cached(statement, dialect)[0].string
    return text


def test_binds_have_no_casts_when_a_column_gives_the_type() -> None:
    text = wire(SA.select(AUTHORS.c.id).where(AUTHORS.c.name == "x"), "postgresql")

    assert text.endswith("WHERE authors.name = $1")


def test_bind_is_cast_when_nothing_else_gives_the_type() -> None:
    text = wire(SA.select(SA.func.jsonb_build_object("a", AUTHORS.c.id)), "postgresql")

    assert "jsonb_build_object($1::text, authors.id)" in text


def test_bind_has_one_number_when_it_stands_twice() -> None:
    nxt = AUTHORS.c.age + 5

    text = wire(SA.select(nxt).group_by(nxt), "postgresql")

    assert text.count("$1") == 2
    assert "$2" not in text


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1], "IN ($1)"), ([1, 2], "= ANY ($1)"), ([], "= ANY ($1)")],
)
def test_in_is_an_array_when_it_has_not_one_item(values: list[int], expected: str) -> None:
    text = wire(SA.select(AUTHORS.c.id).where(AUTHORS.c.id.in_(values)), "postgresql")

    assert expected in text


def test_not_in_is_all_when_it_has_several_items() -> None:
    text = wire(SA.select(AUTHORS.c.id).where(AUTHORS.c.id.not_in([1, 2])), "postgresql")

    assert "(authors.id <> ALL ($1))" in text


def test_or_is_a_balanced_tree_when_sqlite_gets_thousands_of_terms() -> None:
    statement = SA.select(AUTHORS.c.id).where(SA.or_(*[AUTHORS.c.id == i for i in range(3000)]))
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE authors (id INTEGER PRIMARY KEY)")

    text = wire(statement, "sqlite")

    connection.execute("EXPLAIN " + text, list(range(3000)))
    connection.close()
    assert text.count(" OR ") == 2999


def test_limit_stands_alone_when_sqlite_gets_no_offset() -> None:
    assert wire(SA.select(AUTHORS.c.id).limit(3), "sqlite").endswith("\n LIMIT ?")


def test_members_are_selected_from_when_sqlite_gets_a_nested_set_operation() -> None:
    one, two = SA.select(AUTHORS.c.id).limit(1), SA.select(POSTS.c.id).limit(2)

    text = wire(SA.union_all(one, two), "sqlite")

    assert text.startswith("SELECT * FROM (SELECT authors.id")


def test_identifier_is_refused_when_it_holds_the_marker() -> None:
    with pytest.raises(exc.CompileError, match="characters 0 and 1"):
        wire(SA.select(SA.column("a\x01b")), "sqlite")


def test_chain_of_criteria_is_flat_when_it_is_long() -> None:
    statement = SA.select(AUTHORS.c.id)
    for i in range(5000):
        statement = statement.where(AUTHORS.c.id != i)

    assert wire(statement, "postgresql").count(" AND ") == 4999


@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
def test_every_golden_statement_is_rendered_when_compiled_for_the_wire(dialect: str) -> None:
    rendered = 0
    for make in make_cases(Q).values():
        try:
            made = make()
        except (AttributeError, exc.ArgumentError):
            continue  # what cannot be built is the golden test's business
        try:
            assert wire(getattr(made, "statement", made), dialect)
            rendered += 1
        except (exc.CompileError, NotImplementedError):
            continue  # the database has no such construct

    assert rendered > 400
