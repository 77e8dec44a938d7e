"""The names of a row's columns: shared by its shape, out of every program's reach."""

from __future__ import annotations

import sys

import pytest

from pyorm import _core
from tests.exec.instances import row


@pytest.mark.leak
def test_names_are_let_go_when_their_rows_are() -> None:
    kept = row()
    before = sys.getrefcount(_core.RowNames)

    for _ in range(100):
        row()

    assert sys.getrefcount(_core.RowNames) - before < 10
    assert kept == (1, 2)
