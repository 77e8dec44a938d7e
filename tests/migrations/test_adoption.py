"""An Alembic project, made by Alembic, is taken over without an edit: upgraded, downgraded, continued."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.check_links import ROOT

PROJECT = ROOT / "tests" / "golden" / "project"
LAUNCH = "import sys; from pyorm.cli import main; sys.exit(main())"


class Project:
    """A copy of the project with its command line.

    Args:
        folder: where it is copied to.
        url: the database.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        for path in PROJECT.rglob("*.txt"):
            target = folder / path.relative_to(PROJECT).with_suffix("")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path.read_text().replace("%(url)s", url.replace("%", "%%")))

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run a command and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-W", "error::DeprecationWarning:pyorm", "-c", LAUNCH, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def change(self, old: str, new: str) -> None:
        """Change the models."""
        path = self.folder / "models.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def project(tmp_path: Path, url: str) -> Project:
    return Project(tmp_path, url)


def texts(db: Any, sql: str) -> list[tuple[str, ...]]:
    """Return rows with every value as text."""
    return [tuple(map(str, row)) for row in db.rows(sql)]


def test_project_is_upgraded_and_taken_back_without_an_edit(project: Project, db: Any) -> None:
    printed = project.run("upgrade", "head")

    assert re.findall(r"\[alembic\.runtime\.migration\] Running upgrade (.*)", printed) == [
        " -> a1, customers",
        "a1 -> b2, orders",
        "b2 -> c3, first rows",
    ]
    assert texts(db, "SELECT version_num FROM alembic_version") == [("c3",)]
    assert texts(db, "SELECT id, email FROM customers ORDER BY id") == [("1", "a@example.org"), ("2", "c@example.org")]
    assert texts(db, "SELECT id, state FROM orders") == [("1", "open")]
    assert "c3 (head)" in project.run("current")
    assert "No new upgrade operations detected." in project.run("check")

    project.run("downgrade", "a1")
    assert texts(db, "SELECT version_num FROM alembic_version") == [("a1",)]
    assert texts(db, "SELECT count(*) FROM customers") == [("0",)]
    project.run("downgrade", "base")
    assert texts(db, "SELECT count(*) FROM alembic_version") == [("0",)]


def test_project_goes_on_with_a_fourth_revision(project: Project, db: Any) -> None:
    project.run("upgrade", "head")
    project.change(
        "notes = Column(sa.JSON()", 'weight = Column(Numeric(8, 3), comment="kg")\n    notes = Column(sa.JSON()'
    )
    project.change("email = Column(String(120)", "email = Column(String(200)")
    project.change("    paid = 2\n", "    paid = 2\n    late = 4\n")

    printed = project.run("revision", "--autogenerate", "-m", "weights", "--rev-id", "d4")

    assert "Detected added column 'orders.weight'" in printed
    assert "Detected type change" in printed
    source = (project.folder / "migrations" / "versions" / "d4_weights.py").read_text()
    assert "down_revision: Union[str, Sequence[str], None] = 'c3'" in source
    assert "import sqlalchemy as sa" in source and "pyorm" not in re.sub(r"#.*", "", source)
    project.run("upgrade", "head")
    assert "No new upgrade operations detected." in project.run("check")
    assert texts(db, "SELECT id, weight FROM orders") == [("1", "None")]
    project.run("downgrade", "-1")
    assert texts(db, "SELECT id, state FROM orders") == [("1", "open")]
    assert "Target database is not up to date." in project.run("check", status=255)


def test_sql_of_the_project_names_its_tables(project: Project) -> None:
    printed = project.run("upgrade", "b2", "--sql")

    assert "CREATE TABLE customers" in printed and "CREATE TABLE orders" in printed
    assert "INSERT INTO alembic_version (version_num) VALUES ('a1')" in printed
    assert "UPDATE alembic_version SET version_num='b2' WHERE alembic_version.version_num = 'a1'" in printed
