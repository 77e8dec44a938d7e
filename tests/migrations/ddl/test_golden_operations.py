"""Operations write what the reference library writes, except where a reason is given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import pyorm as sa
import pyorm.dialects.postgresql as pg
from pyorm.migrations.operations import Operations
from pyorm.migrations.runtime.migration import MigrationContext
from tests.golden.cases_operations import DEVIATIONS, make_cases, run_case

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "golden" / "operations.json").read_text()
)["cases"]
CASES = make_cases(sa, pg)


def own(name: str, dialect: str) -> dict[str, Any]:
    return run_case(MigrationContext, Operations, dialect, CASES[name])


@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_an_operation_writes_the_reference_text_when_offline(name: str, dialect: str) -> None:
    told, expected = own(name, dialect), GOLDEN[name][dialect]

    if (name, dialect) in DEVIATIONS:
        assert told != expected, f"no deviation any more: {DEVIATIONS[name, dialect]}"
        return
    assert ("error" in told) == ("error" in expected), (told, expected)
    assert told["text"] == expected["text"]


def test_the_reference_has_every_case() -> None:
    assert set(GOLDEN) == set(CASES)
    assert len(GOLDEN) * 2 >= 300
