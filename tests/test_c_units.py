"""The tests written in C (csrc/coretest/), one pytest test for each."""

from __future__ import annotations

import pytest

from pyorm import _coretest


@pytest.mark.parametrize("name", _coretest.names())
def test_c_unit(name: str) -> None:
    assert _coretest.run(name) > 0, f"{name} checks nothing"


def test_unknown_name_is_refused_when_run() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        _coretest.run("nowhere.nothing")
