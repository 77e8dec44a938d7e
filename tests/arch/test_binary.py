"""What the extensions export, and what importing the package loads."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from pyorm import _core, _coretest

# Not needed by every program; each costs milliseconds at the start of all.
ON_DEMAND = (
    "asyncio",
    "click",
    "dataclasses",
    "decimal",
    "email",
    "greenlet",
    "inspect",
    "json",
    "mako",
    "multiprocessing",
    "pyorm.cli",
    "pyorm.compat",
    "pyorm.dbapi",
    "pyorm.migrations",
    "rich",
    "sqlite3",
    "uuid",
)


@pytest.mark.parametrize("module", [_core, _coretest])
def test_extension_exports_its_entry_point_alone(module) -> None:
    nm = shutil.which("nm")
    assert nm is not None, "nm comes with the compiler"
    run = subprocess.run(
        [nm, "-D", "--defined-only", module.__file__], capture_output=True, text=True, check=True
    )

    names = {line.split()[-1] for line in run.stdout.splitlines()}

    entry = module.__name__.rpartition(".")[2]
    allowed = ("__gcov_", "__asan_", "__ubsan_")
    assert {name for name in names if not name.startswith(allowed)} == {f"PyInit_{entry}"}


def test_import_loads_nothing_that_few_programs_need() -> None:
    program = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import pyorm\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    loaded = set(run.stdout.split())

    assert "pyorm" in loaded
    assert sorted(loaded.intersection(ON_DEMAND)) == []
