"""What commands print is what the reference library prints (tools/golden_commands.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyorm.migrations import command
from pyorm.migrations.config import Config
from tests.golden.revision_files import CALLS, calls, printed, write_files

CASES = json.loads((Path(__file__).resolve().parents[1] / "golden" / "commands.json").read_text())["cases"]


@pytest.mark.feature("AL-CMD13", "AL-CMD14", "AL-CMD15")
@pytest.mark.parametrize("number", range(len(CALLS)), ids=[f"{name}-{'-'.join(given)}" for name, given in CALLS])
def test_output_is_that_of_the_reference(tmp_path: Path, number: int) -> None:
    for index, case in enumerate(CASES):
        folder = tmp_path / str(index)
        write_files(folder, case["rows"])
        name, given = calls(case["rows"])[number]

        assert printed(Config, command, folder, name, given) == case["outputs"][number], case["rows"]
