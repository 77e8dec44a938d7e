"""The golden statements about relationships on both databases: the rows are the reference's.

What the reference answered stands in tests/golden/related.json.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyorm.engine import Engine
from pyorm.orm import Session
from tests.golden.cases_related import make_related_cases
from tests.golden.related import fill, make_related, run_case

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "related.json"
ROWS = json.loads(GOLDEN.read_text("utf-8"))["rows"]
MODELS = make_related("pyorm")
CASES = make_related_cases(MODELS)


@pytest.fixture
def filled(engine: Engine) -> Iterator[Engine]:
    """The engine; the tables exist and have rows."""
    with engine.begin() as connection:
        fill(MODELS, connection)
    yield engine
    MODELS.Base.metadata.drop_all(engine)


@pytest.mark.feature("REL26")
@pytest.mark.feature("REL27")
@pytest.mark.feature("LOAD18")
def test_rows_are_the_references(filled: Engine) -> None:
    told: dict[str, Any] = {}
    for name, make in CASES.items():
        with Session(filled) as session, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told[name] = run_case(MODELS, session, make)

    assert told == ROWS[filled.dialect.name]


def test_a_statement_made_again_is_compiled_once(filled: Engine) -> None:
    compiled_again = []
    for name, make in CASES.items():
        if isinstance(ROWS[filled.dialect.name][name], str):
            continue  # an error
        with Session(filled) as session, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run_case(MODELS, session, make)
            before = filled._cache_stats()["misses"]
            run_case(MODELS, session, make)
            if filled._cache_stats()["misses"] != before:
                compiled_again.append(name)

    assert compiled_again == []
