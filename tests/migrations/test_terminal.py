"""What a person sees at a terminal, and that programs see plain lines."""

from __future__ import annotations

import io
import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from pyorm.migrations import cli, command
from pyorm.migrations.cli import find_config
from tests.migrations.projects import Project


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def project(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("COLUMNS", "200")
    project = Project(tmp_path, url)
    project.run("revision", "first [bold]", rev_id="a1")
    project.run("revision", "left", rev_id="b1", head="a1", branch_label="lab")
    project.run("revision", "right", rev_id="c1", head="a1", splice=True)
    project.run("merge", ["b1", "c1"], message="join", rev_id="d1")
    project.run("upgrade", "d1")
    return project


def rows(project: Project, name: str, **kw: Any) -> list[list[str]]:
    """Return the cells of the tables that a command draws."""
    config = project.config()
    config.stdout = Terminal()
    getattr(command, name)(config, **kw)
    text = re.sub(r"\x1b\[[\d;]*m", "", config.stdout.getvalue())
    lines = [line for line in text.splitlines() if re.match("[│┃]", line)]
    return [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in lines]


def test_history_is_a_table_at_a_terminal(project: Project) -> None:
    heading, *lines = rows(project, "history", indicate_current=True)

    assert heading == ["revision", "follows", "", "message"]
    assert lines[0] == ["d1", "b1, c1", "current, head, mergepoint, lab", "join"]
    assert sorted(lines[1:3]) == [["b1", "a1", "lab", "left"], ["c1", "a1", "", "right"]]
    assert lines[3:] == [["a1", "<base>", "branchpoint", "first [bold]"]]
    assert project.run("history").splitlines()[0] == "b1, c1 -> d1 (lab) (head) (mergepoint), join"


def test_heads_branches_and_current_are_tables_at_a_terminal(project: Project) -> None:
    assert [row[0] for row in rows(project, "heads")] == ["revision", "d1"]
    assert [row[0] for row in rows(project, "branches")] == ["revision", "b1", "c1"]
    (_, row) = rows(project, "current", verbose=True)
    assert row[0] == "d1" and row[-1] == str(project.file("d1"))
    assert rows(project, "current") == [], "without -v one line is enough"
    assert project.run("heads") == "d1 (lab) (head)\n"


@pytest.mark.parametrize(("terminal", "quiet"), [(True, False), (True, True), (False, False)])
def test_configuration_is_named_at_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool, quiet: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = mig\n")
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(cli.log, "isEnabledFor", lambda level: False)  # other tests may have set logging up

    find_config([], "alembic", Namespace(quiet=quiet))

    assert ("Configuration: alembic.ini\n" in stream.getvalue()) is (terminal and not quiet)


def test_progress_of_several_revisions_is_told_at_a_terminal(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    project.run("downgrade", "base")

    told = re.sub(r"\x1b\[[\d;]*m", "", sys.stderr.getvalue())  # type: ignore[attr-defined]
    assert re.findall(r"^(\d of \d) revisions, \d+\.\d s$", told, re.MULTILINE) == [
        f"{number} of 4" for number in (1, 2, 3, 4)
    ]
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    project.run("upgrade", "d1")
    plain = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert re.search(r"^\d of \d revisions", plain, re.MULTILINE) is None
