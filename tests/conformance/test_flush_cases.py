"""The golden flush cases: pyorm sends what the reference sent, in its order, and leaves the same rows.

tests/golden/flushes.json holds the reference's logs; tests/golden/flush_kit.py says how they are told.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from tests.golden.flushes import CASES, run

GOLDEN = Path(__file__).parent.parent / "golden" / "flushes.json"
REFERENCE = json.loads(GOLDEN.read_text())["flushes"]


def test_every_case_has_an_answer() -> None:
    assert set(CASES) == set(REFERENCE)


@pytest.mark.feature("SES09")
@pytest.mark.feature("REL13")
@pytest.mark.parametrize("name", sorted(CASES))
def test_flush_sends_what_the_reference_sends(name: str, url: str) -> None:
    dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
    wanted = REFERENCE[name].get("both") or REFERENCE[name][dialect]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = run(name, "pyorm", url)

    assert json.loads(json.dumps(told)) == wanted
