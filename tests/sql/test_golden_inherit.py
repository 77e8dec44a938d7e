"""The text of statements over hierarchies of classes is, to the newline, the reference library's.

tests/golden/inherit.json was written by tools/golden_inherit.py under that library; here the same list of
statements runs under pyorm.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from pyorm.dialects import postgresql, sqlite
from tests.golden.hierarchies import make_cases, make_hierarchies

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "inherit.json"
REFERENCE: dict[str, dict[str, str]] = json.loads(GOLDEN.read_text())["statements"]
DIALECTS: dict[str, Any] = {"default": None, "postgresql": postgresql.dialect(), "sqlite": sqlite.dialect()}
CASES = make_cases(make_hierarchies("pyorm"))


def test_every_case_has_an_answer() -> None:
    assert set(CASES) == set(REFERENCE["default"]) and len(CASES) >= 90


@pytest.mark.feature("INH01")
@pytest.mark.feature("INH02")
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", CASES)
def test_text_is_the_references_when_the_class_inherits(name: str, dialect: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        statement = CASES[name]()
        if dialect == "default":
            text = str(statement)
        else:
            core = statement if hasattr(statement, "compile") else statement.statement
            text = core.compile(dialect=DIALECTS[dialect]).string

    assert text == REFERENCE[dialect][name]
