"""The tutorial of docs/migrations.md, command by command, on both databases."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.check_links import ROOT

BLOCK = re.compile(r"```(\w+)(?: (title|edit|file)=\"([^\"]+)\")?\n(.*?)```", re.DOTALL)
LAUNCH = "import sys; from pyorm.cli import main; sys.exit(main())"


def blocks() -> list[tuple[str, str, str, str]]:
    page = (ROOT / "docs" / "migrations.md").read_text()
    tutorial = page.partition("## A tutorial")[2].partition("## Commands")[0]
    return BLOCK.findall(tutorial)


@pytest.mark.feature("AL-CMD01", "AL-CMD04")
def test_tutorial_prints_what_the_page_shows(tmp_path: Path, url: str) -> None:
    for _language, action, name, text in blocks():
        path = tmp_path / name
        if action == "title":
            path.write_text(text)
        elif action == "edit":
            edit(path, text, url)
        elif action == "file":
            assert text.strip() in path.read_text()
        else:
            for command, expected in commands(text):
                check(command, expected, tmp_path)


def edit(path: Path, text: str, url: str) -> None:
    """Replace the line of the file that begins as the block's last line does, by the whole block."""
    lines = path.read_text().splitlines()
    start = text.strip().splitlines()[-1].partition(" = ")[0] + " = "
    (place,) = [number for number, line in enumerate(lines) if line.startswith(start)]
    lines[place] = text.strip().replace("sqlite:///blog.db", url.replace("%", "%%"))
    path.write_text("\n".join(lines) + "\n")


def commands(text: str) -> list[tuple[str, str]]:
    """Return each command with the lines it is said to print."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def check(command: str, expected: str, folder: Path) -> None:
    """Run a command and compare what it prints; a line of "…" stands for any lines."""
    arguments = re.findall(r'"([^"]*)"|(\S+)', command)[1:]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LAUNCH, *(quoted or bare for quoted, bare in arguments)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    pattern = "".join(r"(?:.*\n)*" if line == "…" else re.escape(line) + r" *\n" for line in expected.splitlines())
    assert re.fullmatch(pattern, done.stdout), f"{command}\n{done.stdout}"
