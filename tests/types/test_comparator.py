"""Comparator: a subclass's own operators come first, all others are the core's."""

from __future__ import annotations

import operator
from typing import Any

import pytest

from pyorm import _core, types


class Expression:
    """Stands for an expression: what a comparator asks of one."""

    type = types.Integer()

    def op(self, text: str) -> Any:
        """Return a custom operator."""
        return lambda other: ("custom", text, other)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Record what reaches the core."""
    found: list[Any] = []

    def operate(op: Any, expr: Any, *other: Any, **kw: Any) -> str:
        found.append((op.__name__, other, kw))
        return "core"

    monkeypatch.setattr(_core, "operate", operate, raising=False)
    return found


def like_op(a: Any, b: Any) -> Any:
    """Stand for the operator of this name."""


def test_operator_is_the_cores_when_nothing_is_overridden(calls: list[Any]) -> None:
    comparator = types.Integer.Comparator(Expression())

    assert comparator.operate(operator.add, 5) == "core"
    assert comparator.reverse_operate(operator.sub, 5) == "core"
    assert calls == [("add", (5,), {}), ("sub", (5,), {"reverse": True})]


def test_operator_is_the_subclasss_when_it_has_the_method(calls: list[Any]) -> None:
    class Own(types.Integer.Comparator):
        def __add__(self, other: Any) -> Any:
            return self.op("goofy")(other)

        def like(self, other: Any, **kw: Any) -> Any:
            return ("own like", other)

    comparator = Own(Expression())

    assert comparator.operate(operator.add, 5) == ("custom", "goofy", 5)
    assert comparator.operate(like_op, "x") == ("own like", "x")
    assert comparator.operate(operator.sub, 1) == "core"
    assert calls == [("sub", (1,), {})]


def test_type_with_its_own_comparator_says_so() -> None:
    class Own(types.Integer):
        class Comparator(types.Integer.Comparator):
            pass

        comparator_factory = Comparator

    class Around(types.TypeDecorator):
        impl = Own
        cache_ok = True

    flag = _core.type_flags["COMPARATOR"]
    assert Own()._record.flags & flag
    assert Around()._record.flags & flag
    assert Around().comparator_factory is Own.Comparator
    assert not types.Integer()._record.flags & flag
