"""Which events pools fire, in which order, against the reference's logs (tests/golden/pool_events.json)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.cases_pool import CASES, LATER_THERE, POOLS, run_case

EXPECTED = json.loads(
    (Path(__file__).resolve().parent.parent / "golden" / "pool_events.json").read_text()
)




@pytest.mark.feature("POOL17", "POOL18")
@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("case", CASES)
def test_pool_events_fire_in_the_order_of_the_reference(url: str, pool: str, case: str) -> None:
    if (pool, case) in LATER_THERE:
        assert run_case("pyorm", url, pool, case).count("close 1") <= 1
        return

    assert run_case("pyorm", url, pool, case) == EXPECTED["logs"][f"{pool} {case}"]
