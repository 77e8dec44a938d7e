"""What a wheel has besides modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_templates_of_environments_are_in_the_wheel(tmp_path: Path) -> None:
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    source = ROOT / "pyorm" / "migrations" / "templates"

    written = {
        path.relative_to(source) for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    built = tmp_path / "pyorm" / "migrations" / "templates"
    packed = {path.relative_to(built) for path in built.rglob("*") if path.is_file()}

    assert {path.parts[0] for path in packed} == {"generic", "multidb", "pyproject"}
    assert packed == written
