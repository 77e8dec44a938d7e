"""Every allocation of a piece of work fails once: MemoryError or success, and nothing breaks."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import Database
from tests.faults.walk import BACKENDS, KINDS, PIECES, load_pieces

load_pieces()
WALKS = [(name, kind) for name in PIECES for kind in KINDS[name]]
LIMIT_S = 600


def walk(name: str, kind: str, url: str) -> int:
    """Walk in a process of its own; return how many allocations failed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.walk", name, kind, url],
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )
    steps = re.findall(r"\d+", done.stdout)
    assert done.returncode == 0, (
        f"{name} ends with {done.returncode} at allocation {steps[-1:]} of {kind}\n{done.stderr}"
    )
    return int(steps[-1])


@pytest.mark.fault
@pytest.mark.parametrize(("name", "kind"), [walk for walk in WALKS if not BACKENDS[walk[0]]])
def test_nothing_breaks_when_memory_runs_out(name: str, kind: str) -> None:
    failed = walk(name, kind, "")

    assert failed > 0 or kind == "core"


@pytest.mark.fault
@pytest.mark.parametrize(("name", "kind"), [walk for walk in WALKS if BACKENDS[walk[0]]])
def test_database_work_is_done_or_undone_when_memory_runs_out(
    name: str, kind: str, db: Database
) -> None:
    if db.name not in BACKENDS[name]:
        return

    failed = walk(name, kind, db.url)

    assert failed > 0 or kind == "core"
