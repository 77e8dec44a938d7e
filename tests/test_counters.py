"""The counters by which other tests prove which path ran."""

from __future__ import annotations

from pyorm import _core


def test_counters_have_names_and_never_go_down_when_read_twice() -> None:
    first = _core._counters()
    second = _core._counters()

    assert "lite_open" in first
    assert first.keys() == second.keys()
    assert all(isinstance(value, int) and value >= 0 for value in first.values())
    assert all(second[name] >= value for name, value in first.items())
