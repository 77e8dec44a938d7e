"""The text of every golden statement about relationships is, to the newline, the reference's.

tests/golden/related.json was written by tools/golden_related.py under the reference library.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyorm.dialects import postgresql, sqlite
from tests.golden.cases_related import make_related_cases
from tests.golden.related import compile_case, make_related

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "related.json"
TEXTS = json.loads(GOLDEN.read_text("utf-8"))["texts"]
MODELS = make_related("pyorm")
CASES = make_related_cases(MODELS)
DIALECTS = {"postgresql": postgresql.dialect, "sqlite": sqlite.dialect, "default": lambda: None}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", CASES)
def test_text_is_the_references_when_compiled(dialect: str, name: str) -> None:
    assert compile_case(MODELS, CASES[name], DIALECTS[dialect]()) == TEXTS[dialect][name]


def test_every_case_of_the_reference_is_here() -> None:
    assert CASES.keys() == TEXTS["default"].keys()
    assert len(CASES) >= 150
