"""The C tests that let every allocation fail once; only a build with faults has them."""

from __future__ import annotations

import pytest

from pyorm import _coretest

NAMES = [name for name in _coretest.names() if name.endswith("_when_any_allocation_fails")]


@pytest.mark.parametrize("name", NAMES)
def test_c_unit_survives(name: str) -> None:
    assert _coretest.run(name) > 0, f"{name} checks nothing"


def test_this_build_has_tests_of_failing_allocations() -> None:
    assert {name.partition(".")[0] for name in NAMES} >= {"base", "lite_user"}
