"""Operators that only JSON documents and arrays have, and what stands in their subscripts."""

from __future__ import annotations

import pytest

from pyorm import Column, Integer, MetaData, Table, exc, select
from pyorm import types as T
from pyorm.dialects import postgresql as pg
from pyorm.dialects import sqlite as lite
from pyorm.sql import operators

docs = Table(
    "docs",
    MetaData(),
    Column("id", Integer),
    Column("data", pg.JSONB),
    Column("plain", T.JSON),
    Column("labels", pg.ARRAY(T.String)),
)
c = docs.c


def text_of(expression, dialect=None) -> str:
    """Return the text of an expression in a database's words."""
    return str(expression.compile(dialect=dialect or pg.dialect()))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: c.data.has_all(["a"]), "docs.data ?& $1::TEXT[]"),
        (lambda: c.data.contained_by({}), "docs.data <@ $1::JSONB"),
        (lambda: c.data.path_match("$.a > 1"), "docs.data @@ $1"),
        (lambda: c.labels.any("x", operators.ne), "$1::VARCHAR != ANY (docs.labels)"),
        (lambda: c.data["a"].as_numeric(10, 2), "CAST(docs.data ->> $1::TEXT AS NUMERIC(10, 2))"),
        (lambda: c.data["a"].as_json(), "docs.data[$1::TEXT]"),
    ],
)
def test_operator_is_the_databases_when_the_type_has_it(make, expected):
    assert text_of(make()) == expected


def test_element_is_refused_as_another_type_when_it_is_no_element():
    with pytest.raises(exc.InvalidRequestError, match="only works with a JSON index expression"):
        c.data.as_integer()


def test_attribute_is_refused_when_the_type_has_no_such_operator():
    with pytest.raises(AttributeError, match="has_key"):
        _ = c.plain.has_key
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = c.data.no_such_thing


def test_equality_asks_no_python_when_the_comparator_only_adds(monkeypatch):
    monkeypatch.setattr(pg.JSONB.Comparator, "__init__", None)

    assert text_of(c.data == {}) == "docs.data = $1::JSONB"


def test_operator_is_the_subclass_word_when_it_overrides_one():
    class Backwards(pg.JSONB):
        class Comparator(pg.JSONB.Comparator):
            def __eq__(self, other):
                return self.expr.op("===")(other)

            __hash__ = None

        comparator_factory = Comparator

    column = Column("x", Backwards)

    assert text_of(column == {}) == "x === $1::JSONB"
    assert text_of(column.has_key("k")) == "x ? $1::VARCHAR"


def test_key_tells_keys_and_positions_apart():
    from pyorm import _core

    one, two = select(c.data["k"]), select(c.data[3])

    assert _core.structural_key(one) != _core.structural_key(two)
    assert _core.structural_key(one) == _core.structural_key(select(c.data["l"]))


def test_subscript_is_one_path_when_the_database_is_sqlite():
    assert text_of(c.plain[("a", 1)], lite.dialect()) == "JSON_QUOTE(JSON_EXTRACT(docs.plain, ?))"
