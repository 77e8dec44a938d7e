"""Traps of a compiled cache and of expression trees that once caught somebody; see tests/pitfalls.md."""

from __future__ import annotations

import gc
import re
import weakref
from pathlib import Path

import pytest

import pyorm
from pyorm import Column, Integer, MetaData, String, Table, _core, exists, func, or_, select
from pyorm import types as T
from pyorm.dialects import postgresql, sqlite
from pyorm.sql import ColumnElement, visitors

META = MetaData()
a = Table("a", META, Column("id", Integer, primary_key=True), Column("name", String))
b = Table("b", META, Column("id", Integer, primary_key=True), Column("a_id", Integer))
c = Table("c", META, Column("id", Integer, primary_key=True), Column("a_id", Integer))


@pytest.fixture
def engine():
    made = pyorm.create_engine("sqlite://")
    META.create_all(made)
    with made.begin() as conn:
        conn.execute(pyorm.insert(a), [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}])
    yield made
    made.dispose()


def test_table_is_never_taken_for_another_when_its_memory_is_used_again():
    for number in range(200):
        table = Table(f"t{number}", MetaData(), Column(f"c{number}", Integer))
        compiled, _ = _core.compile_cached(select(table), "sqlite")

        assert compiled.string == f"SELECT t{number}.c{number} \nFROM t{number}"
        del table
        gc.collect() if number % 50 == 0 else None


def test_key_holds_that_a_value_goes_into_the_text():
    plain = select(a.c.id).where(a.c.id == pyorm.bindparam("x", 1, literal_execute=False))
    inline = select(a.c.id).where(a.c.id == pyorm.bindparam("x", 1, literal_execute=True))

    assert _core.structural_key(plain) != _core.structural_key(inline)


def test_row_finds_the_column_of_its_own_statement_when_the_compiled_form_is_shared(engine):
    with engine.connect() as conn:
        for _ in range(3):
            inner = select(a.c.id, a.c.name).subquery()
            row = conn.execute(select(inner.c.name, inner.c.id).where(inner.c.id == 2)).one()

            assert row._mapping[inner.c.id] == 2
            assert row._mapping[inner.c.name] == "y"


def test_every_pass_is_flat_along_a_chain():
    terms = [a.c.id == n for n in range(20_000)]
    chain = terms[0]
    for term in terms[1:]:
        chain = chain | term

    assert str(chain).count(" OR ") == 19_999
    assert sum(1 for _ in visitors.iterate(chain)) > 40_000
    assert chain.compare(chain)
    assert repr(chain)


def test_bound_method_makes_two_statements_when_it_is_called_twice():
    where = select(a.c.id).where

    first, second = where(a.c.id == 1), where(a.c.name == "x")

    assert "name" not in str(first)
    assert "a.id =" not in str(second)


def test_correlation_is_with_the_next_statement_only_when_not_asked_for():
    inner = exists().where(c.c.a_id == a.c.id)
    middle = exists().where(b.c.a_id == 3).where(inner)

    text = str(select(a.c.id).where(middle))

    assert "FROM c, a" in text


def test_positions_are_those_of_the_text_when_a_cte_moves_to_the_front():
    first = select(a.c.id).where(a.c.name == "in the cte").cte("first")
    statement = select(first.c.id).add_columns((first.c.id + 7).label("n")).where(first.c.id > 5)

    compiled = statement.compile(dialect=sqlite.dialect())

    assert [compiled.params[name] for name in compiled.positiontup] == ["in the cte", 7, 5]


def test_each_element_is_processed_when_a_decorated_type_stands_before_in(engine):
    class Upper(T.TypeDecorator):
        impl = T.String
        cache_ok = True

        def process_bind_param(self, value, dialect):
            return value.lower()

    name = pyorm.type_coerce(a.c.name, Upper())
    with engine.connect() as conn:
        for names, found in ((["X"], [1]), (["X", "Y"], [1, 2]), ([], []), (["Y", "Q", "Z"], [2])):
            statement = select(a.c.id).where(name.in_(names)).order_by(a.c.id)

            assert conn.scalars(statement).all() == found


def test_slot_is_empty_again_when_limit_is_none():
    statement = select(a.c.id)

    assert _core.structural_key(statement.limit(5).limit(None)) == _core.structural_key(statement)


def test_type_of_a_plain_argument_is_in_the_key():
    assert _core.structural_key(func.f(5)) != _core.structural_key(func.f("a"))
    assert _core.structural_key(func.f(5)) == _core.structural_key(func.f(6))


def test_public_bases_can_have_slots_and_weak_references_when_subclassed():
    class Own(ColumnElement):
        __slots__ = ("__weakref__", "child")
        inherit_cache = True
        _traverse_internals = (("child", "element"),)

        def __init__(self, child):
            self.child = child

    element = Own(a.c.id)
    seen = weakref.ref(element)
    expression = element == 5

    assert seen() is element
    assert _core.structural_key(expression) == _core.structural_key(Own(a.c.id) == 6)
    assert _core.structural_key(expression) != _core.structural_key(Own(a.c.name) == "x")


def test_name_runs_no_python_when_it_is_of_a_class_of_its_own():
    class Loud(str):
        __slots__ = ()

        def __eq__(self, other):
            raise AssertionError("compared")

        __hash__ = str.__hash__

    for _ in range(3):
        statement = select(a.c.id.label(Loud("label")), pyorm.bindparam(Loud("bind"), 3))
        _core.compile_cached(statement, "sqlite")


def test_nodes_are_found_by_identity_when_kept_in_a_dictionary():
    keys = {a.c.id: "id", a.c.name: "name"}

    assert keys[a.c.id] == "id"
    assert keys[a.c.name] == "name"
    with pytest.raises(TypeError, match="not defined"):
        bool(a.c.id > 5)


def test_array_of_the_columns_type_is_sent_when_in_has_several_values():
    text = _core.compile_cached(select(a.c.id).where(a.c.id.in_([1, 2])), "postgresql")[0].string
    one = select(a.c.id).where(or_(a.c.id.in_([1]), a.c.id.not_in([])))

    assert "= ANY" in text
    assert "POSTCOMPILE" in str(one.compile(dialect=postgresql.dialect()))


def test_page_names_tests_that_exist_when_read():
    root = Path(__file__).resolve().parent.parent.parent
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", (root / "tests" / "pitfalls.md").read_text("utf-8"))

    missing = [f"{path}::{name}" for path, name in named if f"def {name}(" not in (root / path).read_text("utf-8")]

    assert len(named) > 40
    assert not missing
