"""The golden session cases: merge, states, savepoints over graphs, told as the reference tells them.

tests/golden/sessions.json holds the reference's logs; tests/golden/scene_kit.py says how they are told.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from tests.golden.scenes import SCENES, run

GOLDEN = Path(__file__).parent.parent / "golden" / "sessions.json"
REFERENCE = json.loads(GOLDEN.read_text())["scenes"]


def test_every_scene_has_an_answer() -> None:
    assert set(SCENES) == set(REFERENCE)


@pytest.mark.parametrize("name", list(SCENES))
def test_scene_goes_as_under_the_reference(name: str, url: str) -> None:
    dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
    wanted = REFERENCE[name].get("both") or REFERENCE[name][dialect]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = run(name, "pyorm", url, profile="sqlalchemy")

    assert json.loads(json.dumps(told)) == wanted
