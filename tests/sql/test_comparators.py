"""A type with a comparator of its own keeps every operator that it does not change."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import String, column


class Plain(String):
    class comparator_factory(String.comparator_factory):  # type: ignore[name-defined,misc]
        pass


class Loud(String):
    class comparator_factory(String.comparator_factory):  # type: ignore[name-defined,misc]
        def like(self, other: Any, **kw: Any) -> Any:
            return self.expr.op("LOUD")(other)


CALLS = [("like", "x"), ("in_", ["x"]), ("between", "a", "b"), ("startswith", "x"), ("desc",), ("concat", "x"),
         ("is_distinct_from", "x"), ("bitwise_lshift", "x"), ("not_in", ["x"]), ("nulls_last",)]  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=lambda c: c[0])
def test_operators_that_a_comparator_leaves_alone_are_the_usual(call: tuple[Any, ...]) -> None:
    method, *others = call

    usual = str(getattr(column("a", String), method)(*others))

    assert str(getattr(column("a", Plain), method)(*others)) == usual


def test_operator_that_a_comparator_changes_is_its_own() -> None:
    assert str(column("a", Loud).like("x")) == "a LOUD :a_1"
    assert str(column("a", Loud).ilike("x")) == "lower(a) LIKE lower(:a_1)"
