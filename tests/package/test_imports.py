"""Any module of the package can be the first one that a program imports."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module", ["pool", "event", "exc", "types", "schema", "sql", "dbapi", "engine", "orm", "orm.session", "inspection"]
)
def test_module_is_imported_when_it_is_the_first(module: str) -> None:
    done = subprocess.run([sys.executable, "-c", f"import pyorm.{module}"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
