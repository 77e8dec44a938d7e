"""What is in a statement's key and what is not."""

from __future__ import annotations

import gc
import weakref

import pytest

from pyorm import _core as core
from pyorm import types as T


@pytest.fixture
def t():
    return core.table(
        "t", core.column("id", T.Integer()), core.column("g", T.Integer()), core.column("name", T.String())
    )


def same(a, b) -> bool:
    """Return whether both have one key; equal keys have to have equal hashes."""
    equal = core.structural_key(a) == core.structural_key(b)
    if equal:
        assert core.node_facts(a)[0] == core.node_facts(b)[0]
    return equal


def test_key_is_the_same_when_only_values_differ(t):
    assert same(core.select(t.c.id).where(t.c.id == 1), core.select(t.c.id).where(t.c.id == 2))


def test_key_is_the_same_when_criteria_come_in_one_or_two_calls(t):
    one = core.select(t).where(t.c.id == 1, t.c.name == "x")
    two = core.select(t).where(t.c.id == 3).where(t.c.name == "y")

    assert same(one, two)
    assert same(core.and_(t.c.id == 1, t.c.g == 2, t.c.name == "z"), (t.c.id == 1) & (t.c.g == 2) & (t.c.name == "z"))


def test_key_differs_when_a_value_is_none(t):
    assert not same(t.c.id == 3, t.c.id == None)  # noqa: E711


def test_key_differs_when_limit_is_present(t):
    s = core.select(t)

    assert same(s.limit(1), s.limit(2))
    assert not same(s.limit(1), s)
    assert same(s.limit(1).limit(None), s)


def test_key_ignores_the_length_of_a_long_in_list(t):
    assert same(t.c.id.in_([1, 2, 3]), t.c.id.in_(range(100)))
    assert not same(t.c.id.in_([1]), t.c.id.in_([1, 2]))
    assert same(t.c.id.in_([None, 1]), t.c.id.in_([2, 3]))


def test_key_differs_when_the_type_of_a_value_differs():
    assert not same(core.func.f(5), core.func.f("a"))
    assert not same(core.literal(1), core.literal(10**12))


def test_key_tells_permuted_aliases_apart_although_hashes_are_equal(t):
    a, b = t.alias(), t.alias()

    crossed = core.select(a, b).where(a.c.id == b.c.id)
    straight = core.select(a, b).where(a.c.id == a.c.id)

    assert core.node_facts(crossed)[0] == core.node_facts(straight)[0]
    assert not same(crossed, straight)


def test_key_is_the_same_when_anonymous_aliases_are_renamed(t):
    a, b, c, d = t.alias(), t.alias(), t.alias(), t.alias()

    assert same(core.select(a).where(a.c.id == b.c.id), core.select(c).where(c.c.id == d.c.id))
    assert same(core.select(a).where(a.c.id == b.c.id), core.select(b).where(b.c.id == a.c.id))


def test_key_differs_when_aliases_are_named(t):
    assert not same(core.select(t.alias("x")), core.select(t.alias("y")))
    assert same(core.select(t.alias("x")), core.select(t.alias("x")))


def test_key_differs_when_a_bind_is_shared(t):
    x = t.c.g + 5

    shared = core.select(x).group_by(x)
    apart = core.select(t.c.g + 5).group_by(t.c.g + 5)

    assert not same(shared, apart)


def test_key_differs_when_tables_only_look_alike():
    def make():
        return core.table("t", core.column("id", T.Integer()))

    assert not same(core.select(make()), core.select(make()))


def test_key_differs_when_operator_texts_differ(t):
    assert same(t.c.name.op("->")("x"), t.c.name.op("->")("y"))
    assert not same(t.c.name.op("->")("x"), t.c.name.op("->>")("x"))
    assert not same(t.c.name.op("->", precedence=5)("x"), t.c.name.op("->")("x"))


def test_key_compares_texts_by_content(t):
    word = "se" + "lect 1".replace("x", "y")

    assert same(core.text(word), core.text("select 1"))
    assert not same(core.text("select 1"), core.text("select 2"))


def test_key_tells_texts_of_every_length_and_none_apart(t):
    names = [None, *("a" * n for n in range(18)), "é", "éa", "\u4e2d", "a" * 7 + "b"]

    keys = {core.structural_key(t.c.id.label(name)) for name in names}

    assert len(keys) == len(names)


def test_key_says_which_slots_of_a_statement_are_filled(t):
    base = core.select(t.c.id)

    assert not same(base.order_by(t.c.id), base.group_by(t.c.id))
    assert not same(base.where(t.c.id == 1), base.having(t.c.id == 1))
    assert same(base.where(t.c.id == 1).limit(3), base.limit(4).where(t.c.id == 2))
    assert same(base.order_by(t.c.id).order_by(None), base)


def test_key_holds_the_body_of_an_anonymous_name(t):
    assert not same(core.select(t).where(t.c.id == 1), core.select(t).where(t.c.g == 1))


def test_key_holds_locks_distinct_and_label_style(t):
    s = core.select(t)

    assert not same(s.with_for_update(), s)
    assert not same(s.with_for_update(), s.with_for_update(skip_locked=True))
    assert not same(s.distinct(), s)
    assert not same(s.set_label_style(1), s)
    assert same(s.set_label_style(2), s)


def test_key_ignores_execution_options_and_params(t):
    s = core.select(t).where(t.c.id == core.bindparam("x"))

    assert same(s.execution_options(a=1), s)
    assert same(s.params(x=1), s)


def test_compare_looks_at_values_too(t):
    assert (t.c.id == 1).compare(t.c.id == 1)
    assert not (t.c.id == 1).compare(t.c.id == 2)


def test_custom_element_shares_its_key_when_its_class_says_so(t):
    class shout(core.ColumnElement):
        inherit_cache = True
        _traverse_internals = [("inner", "clauseelement")]
        type = T.String()

        def __init__(self, inner):
            self.inner = inner

    assert same(core.select(shout(t.c.name == "a")), core.select(shout(t.c.name == "b")))
    assert not core.node_facts(core.select(shout(t.c.name)))[3] & 32


def test_custom_element_is_not_cached_when_its_class_is_silent(t):
    class whisper(core.ColumnElement):
        type = T.String()

    with pytest.warns(match="inherit_cache"):
        statement = core.select(whisper())

    assert core.node_facts(statement)[3] & 32


def test_uncacheable_goes_up_only_from_the_class_that_says_so(t):
    class parent(core.ColumnElement):
        inherit_cache = True

    class child(parent):
        inherit_cache = False

    assert core.node_facts(core.select(child()))[3] & 32
    assert not core.node_facts(core.select(parent()))[3] & 32


def test_class_with_a_stored_criterion_is_freed():
    class Thing:
        column = core.column("x", T.Integer())
        criterion = column == 5

    ref = weakref.ref(Thing)
    del Thing
    gc.collect()

    assert ref() is None


def test_cycle_through_a_value_is_freed(t):
    class Value:
        pass

    value = Value()
    value.criterion = core.select(t).where(t.c.id == core.literal(value, T.NullType()))
    ref = weakref.ref(value)
    del value
    gc.collect()

    assert ref() is None


def test_alias_with_columns_is_freed(t):
    class Value:
        pass

    value = Value()
    alias = core.select(core.literal(value, T.NullType()).label("v")).subquery()
    assert alias.c.v is alias.c.v
    ref = weakref.ref(value)
    del value, alias
    gc.collect()

    assert ref() is None
