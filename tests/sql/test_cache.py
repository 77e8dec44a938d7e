"""The compiled cache: hits, misses, evictions, memo; and that a hit never changes a text."""

from __future__ import annotations

import random

import pytest

from pyorm import _core as core
from pyorm import types as T
from pyorm.dialects import postgresql, sqlite

DIALECTS = {"postgresql": postgresql.dialect(), "sqlite": sqlite.dialect()}


@pytest.fixture(autouse=True)
def fresh_cache():
    core.cache_reset()
    yield
    core.cache_reset()


@pytest.fixture
def t():
    return core.table(
        "t", core.column("id", T.Integer()), core.column("g", T.Integer()), core.column("name", T.String())
    )


def test_second_statement_of_a_shape_is_a_hit_and_brings_its_own_values(t):
    first, one = core.compile_cached(core.select(t).where(t.c.id == 1), "sqlite")
    second, two = core.compile_cached(core.select(t).where(t.c.id == 2), "sqlite")

    assert first is second
    assert (one, two) == ([1], [2])
    assert core.cache_stats()["hits"] == 1
    assert core.cache_stats()["misses"] == 1


def test_dialects_have_entries_of_their_own(t):
    s = core.select(t)

    assert core.compile_cached(s, "sqlite")[0] is not core.compile_cached(s, "postgresql")[0]


def test_statement_object_is_memoised_at_its_second_execution(t):
    s = core.select(t).where(t.c.id == 7)
    for _ in range(4):
        assert core.compile_cached(s, "sqlite")[1] == [7]

    assert core.cache_stats()["memo_hits"] == 1
    assert core.cache_stats()["hits"] == 3


def test_equal_hashes_of_other_shapes_are_rejected(t):
    a, b = t.alias(), t.alias()
    crossed, _ = core.compile_cached(core.select(a, b).where(a.c.id == b.c.id), "sqlite")
    straight, _ = core.compile_cached(core.select(a, b).where(a.c.id == a.c.id), "sqlite")

    assert crossed is not straight
    assert core.cache_stats()["rejected"] == 1


def test_cache_keeps_to_its_number_of_entries(t):
    core.cache_reset(8)
    for i in range(50):
        core.compile_cached(core.select(t.c.id.label(f"x{i}")), "sqlite")

    stats = core.cache_stats()
    assert stats["entries"] == 8
    assert stats["evictions"] == 42


def test_used_entries_survive_one_round_of_eviction(t):
    core.cache_reset(4)
    hot = core.select(t.c.name)
    kept, _ = core.compile_cached(hot, "sqlite")
    for i in range(20):
        core.compile_cached(core.select(t.c.id.label(f"x{i}")), "sqlite")
        assert core.compile_cached(core.select(t.c.name), "sqlite")[0] is kept


def test_cache_keeps_to_its_bytes(t):
    core.cache_reset(500, 20_000)
    for i in range(100):
        core.compile_cached(core.select(t.c.id.label(f"x{i}")), "sqlite")

    assert core.cache_stats()["bytes"] <= 20_000
    assert core.cache_stats()["entries"] > 1


def test_cache_holds_no_value_of_a_user(t):
    import gc
    import weakref

    class Value:
        pass

    value = Value()
    core.compile_cached(core.select(core.literal(value, T.NullType())), "sqlite")
    ref = weakref.ref(value)
    del value
    gc.collect()

    assert ref() is None


def test_uncacheable_statements_are_compiled_each_time(t):
    class loud(core.ColumnElement):
        inherit_cache = False
        type = T.String()

    core.register_compiles(loud, lambda element, compiler, **kw: "loud()", ())
    s = core.select(loud())
    one, _ = core.compile_cached(s, "sqlite")
    two, _ = core.compile_cached(s, "sqlite")

    assert one is not two
    assert core.cache_stats()["uncacheable"] == 2


class Shapes:
    """Random statements over two tables: few enough kinds that shapes meet again."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.t = core.table(
            "t", core.column("id", T.Integer()), core.column("g", T.Integer()), core.column("s", T.String())
        )
        self.u = core.table(
            "u", core.column("id", T.Integer()), core.column("g", T.Integer()), core.column("s", T.String())
        )

    def value(self):
        return self.random.choice([1, 2, 10**11, None, 1.5])

    def number(self, froms, depth=2):
        kind = self.random.randrange(6) if depth else 0
        source = self.random.choice(froms)
        if kind <= 1:
            return self.random.choice([source.c.id, source.c.g])
        if kind == 2:
            return self.number(froms, depth - 1) + self.random.randrange(5)
        if kind == 3:
            return core.func.coalesce(self.number(froms, depth - 1), self.random.randrange(3))
        if kind == 4:
            return core.case((self.criterion(froms, depth - 1), self.random.randrange(3)), else_=0)
        return core.cast(self.number(froms, depth - 1), T.Integer())

    def criterion(self, froms, depth=2):
        kind = self.random.randrange(9) if depth else 0
        if kind <= 1:
            return self.number(froms, 0) == self.value()
        if kind == 2:
            return self.number(froms, depth - 1) < self.number(froms, depth - 1)
        if kind == 3:
            return core.and_(self.criterion(froms, depth - 1), self.criterion(froms, depth - 1))
        if kind == 4:
            return core.or_(self.criterion(froms, depth - 1), self.criterion(froms, depth - 1))
        if kind == 5:
            return ~self.criterion(froms, depth - 1)
        if kind == 6:
            return self.number(froms, 0).in_([self.random.randrange(9) for _ in range(self.random.randrange(4))])
        if kind == 7:
            return self.random.choice(froms).c.s.like(self.random.choice(["a%", "b"]))
        inner = self.random.choice([self.t, self.u]).alias()
        return core.exists().where(inner.c.id == self.number(froms, 0), inner.c.g == self.random.randrange(4))

    def select(self, depth=1):
        sources = [self.t, self.u, self.t.alias(), self.u.alias("named")]
        if depth:
            sources.append(self.select(0).subquery())
        froms = self.random.sample(sources, self.random.randrange(1, 3))
        shared = self.number(froms)
        s = core.select(froms[0].c.id, froms[0].c.g, shared.label("n"), core.literal("v").label("s"))
        for _ in range(self.random.randrange(3)):
            s = s.where(self.criterion(froms))
        if self.random.random() < 0.3:
            s = s.order_by(shared)
        if self.random.random() < 0.3:
            s = s.limit(self.random.randrange(1, 5)).offset(self.random.randrange(1, 5))
        return s


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("seed", range(4))
def test_a_hit_gives_the_text_and_values_of_a_fresh_compile(dialect, seed):
    shapes = Shapes(seed)
    seen = {}
    for _ in range(1500):
        s = shapes.select()
        compiled, values = core.compile_cached(s, dialect)
        fresh = s.compile(dialect=DIALECTS[dialect])
        text = seen.setdefault(id(compiled), (compiled, str(fresh)))[1]

        assert text == str(fresh)
        assert sorted(map(repr, values)) == sorted(
            repr(tuple(v) if isinstance(v, list) else v) for v in fresh.params.values()
        )

    assert core.cache_stats()["hits"] > 20
