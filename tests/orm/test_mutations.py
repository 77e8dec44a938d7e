"""Changes of relationships, step by step, against the reference library's logs (tests/golden/mutations.json)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.cases_mutations import names, run_case

EXPECTED = json.loads((Path(__file__).resolve().parent.parent / "golden" / "mutations.json").read_text())


@pytest.mark.filterwarnings("ignore:Object of type <.*> not in session")
@pytest.mark.parametrize("case", names())
def test_changes_are_told_as_by_the_reference(case: str) -> None:
    assert run_case("pyorm", case) == EXPECTED["logs"][case]


def test_golden_file_names_the_library_that_wrote_it() -> None:
    assert EXPECTED["library"] and EXPECTED["version"]
    assert set(EXPECTED["logs"]) == set(names()) and len(names()) >= 40
