"""`python -m pyorm`, and the second copy of SQLite."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from pyorm import _core, create_engine, exc
from pyorm.engine import _sqlite_library


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "pyorm", *arguments], capture_output=True, text=True, check=False)


def test_version_names_every_library() -> None:
    done = run("--version")

    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["pyorm", "Python", "libpq", "SQLite"]
    assert f"SQLite {sqlite3.sqlite_version} " in done.stdout


def test_unknown_argument_is_refused_by_name() -> None:
    done = run("--nope")

    assert done.returncode == 2
    assert "--nope" in done.stderr


def test_pyorm_runs_on_the_copy_of_sqlite_that_python_has() -> None:
    with sqlite3.connect(":memory:") as connection:
        assert connection.execute("SELECT sqlite_source_id()").fetchone()[0] == _core.library_versions()[2]
    connection.close()


def test_second_copy_of_sqlite_warns_when_the_source_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        @staticmethod
        def library_versions() -> tuple[int, str, str]:
            return 0, "9.9.9", "another source"

    monkeypatch.setattr(_sqlite_library, "_core", Other)

    with pytest.warns(exc.SAWarning, match="another copy of SQLite \\(another source\\)"):
        create_engine("sqlite://")
