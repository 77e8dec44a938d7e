"""Building, compiling and failing leaves nothing behind."""

from __future__ import annotations

import gc

import pytest

from pyorm import _core as core
from pyorm import exc
from pyorm import types as T


def build_all(t) -> None:
    """Build and compile one statement of each kind, and provoke an error."""
    q = core.select(t.c.a, core.func.sum(t.c.a).label("x")).where(t.c.a.in_([1, 2]), t.c.b.like("x")).subquery()
    s = core.select(q.c.x, core.case((q.c.a == 1, 2), else_=3)).join(t, t.c.a == q.c.a).order_by(q.c.x.desc())
    core.compile_cached(s, "sqlite")
    core.compile_cached(s, "sqlite")
    core.insert(t).values([{"a": 1}, {"a": 2}]).returning(t.c.a)
    core.update(t).values(a=t.c.a + 1).where(t.c.a == 5)
    core.insert(t).values(a=1).return_defaults("b", supplemental_cols=[t.c.a])
    with pytest.raises(exc.CompileError):
        core.compile_cached(core.insert(t).values([{"a": 1, "b": "x"}, {"a": 2}]), "sqlite")
    with pytest.raises(exc.ArgumentError):
        core.insert(t).return_defaults("nope")
    with pytest.raises(exc.InvalidRequestError):
        core.insert(t).return_defaults().returning(t.c.a)
    core.dialect_insert(t).values(a=1).on_conflict_do_update(index_elements=["a"], set_={"b": "x"})
    core.text(":x").bindparams(x=5).columns(y=T.Integer()).subquery().c.y  # noqa: B018 - the look is the act
    with pytest.raises(exc.ArgumentError):
        core.select(t).where("x")


def test_objects_stay_flat_when_statements_are_built_again_and_again():
    t = core.table("t", core.column("a", T.Integer()), core.column("b", T.String()))
    for _ in range(50):
        build_all(t)
    gc.collect()
    before = len(gc.get_objects())

    for _ in range(300):
        build_all(t)
    gc.collect()

    assert abs(len(gc.get_objects()) - before) < 20
