"""DDL texts against the reference library's (tests/golden/ddl_*.json, written by tools/golden.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pyorm.dialects import postgresql, sqlite
from tests.golden.cases_ddl import make_ddl_cases

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
DIALECTS: dict[str, Any] = {"postgresql": postgresql.dialect(), "sqlite": sqlite.dialect(), "default": None}
CASES = make_ddl_cases("pyorm")
EXPECTED = {name: json.loads((GOLDEN / f"ddl_{name}.json").read_text()) for name in DIALECTS}


def render(case: str, dialect: str) -> str:
    made = CASES[case]()
    return str(made.compile(dialect=DIALECTS[dialect]) if DIALECTS[dialect] is not None else made)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", CASES)
def test_text_equals_the_reference(case: str, dialect: str) -> None:
    expected = EXPECTED[dialect]
    if case in expected["errors"]:
        with pytest.raises(Exception) as caught:
            render(case, dialect)
        assert type(caught.value).__name__ == expected["errors"][case]
        return

    assert render(case, dialect) == expected["statements"][case]


def test_golden_files_name_the_library_that_wrote_them() -> None:
    for name, content in EXPECTED.items():
        assert content["dialect"] == name
        assert content["library"] and content["version"]
        assert set(content["statements"]) | set(content["errors"]) == set(CASES)
