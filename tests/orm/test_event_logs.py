"""Which events fire, in which order, against the reference library's logs (tests/golden/events.json)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.cases_events import CASES, run_case

EXPECTED = json.loads((Path(__file__).resolve().parent.parent / "golden" / "events.json").read_text())


@pytest.mark.parametrize("case", CASES)
def test_events_fire_in_the_order_of_the_reference(case: str) -> None:
    assert run_case("pyorm", case) == EXPECTED["logs"][case]


def test_golden_file_names_the_library_that_wrote_it() -> None:
    assert EXPECTED["library"] and EXPECTED["version"]
    assert set(EXPECTED["logs"]) == set(CASES)
