"""Deep, long and repeated trees: linear, refused with a number, freed without recursion."""

from __future__ import annotations

import pytest

from pyorm import _core as core
from pyorm import exc
from pyorm import types as T


@pytest.fixture
def x():
    return core.column("x", T.Integer())


def test_a_long_or_chain_adds_no_depth(x):
    chain = x == 0
    for i in range(100_000):
        chain = chain | (x == i)

    _, depth, weight, _ = core.node_facts(chain)

    assert depth == 3
    assert weight > 100_000


def test_a_million_nested_nots_are_freed(x):
    e = x
    for _ in range(1_000_000):
        e = ~(e == 1)

    assert core.node_facts(e)[1] == 65535
    del e


def test_a_deep_expression_is_refused_with_the_limit(x):
    e = x
    for _ in range(600):
        e = e - 1

    with pytest.raises(exc.CompileError, match="500 are allowed"):
        core.compile_cached(core.select(e), "sqlite")


def test_a_doubling_expression_is_refused_at_once(x):
    e = x
    for _ in range(40):
        e = e + e

    with pytest.raises(exc.CompileError, match="are allowed"):
        core.compile_cached(core.select(e), "sqlite")


def test_where_called_many_times_stays_flat(x):
    s = core.select(x)
    for i in range(20_000):
        s = s.where(x != i)

    assert core.node_facts(s)[1] < 10
    assert len(s.whereclause.clauses) == 20_000
