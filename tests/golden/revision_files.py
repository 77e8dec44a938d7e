"""The files of a revision graph, and what commands print about them, made comparable."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

__all__ = ["CALLS", "calls", "printed", "write_files"]

# Commands and their arguments; RANGE stands for a range of the graph.
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("history", {}),
    ("history", {"verbose": True}),
    ("history", {"rev_range": "RANGE"}),
    ("heads", {}),
    ("heads", {"verbose": True}),
    ("heads", {"resolve_dependencies": True}),
    ("branches", {}),
    ("branches", {"verbose": True}),
    ("show", {"rev": "heads"}),
    ("show", {"rev": "FIRST"}),
)


def scalar(values: list[str]) -> Any:
    """Return what a script says for a list of ids."""
    return None if not values else values[0] if len(values) == 1 else tuple(values)


def write_files(folder: Path, rows: list[Any]) -> None:
    """Write an environment whose scripts have these ids, parents, dependencies and labels."""
    versions = folder / "versions"
    versions.mkdir(parents=True)
    (folder / "env.py").write_text("")
    for number, (revision, down, deps, labels) in enumerate(rows):
        (versions / f"{number:02}_{revision}.py").write_text(
            f'"""message {number}\n\nRevision ID: {revision}\nmore of it\n\n  indented\n\n"""\n'
            f"revision = {revision!r}\ndown_revision = {scalar(down)!r}\n"
            f"depends_on = {scalar(deps)!r}\nbranch_labels = {scalar(labels)!r}\n"
        )


def calls(rows: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the calls for a graph."""
    first = rows[0][0]
    values = {"RANGE": f"{first}:", "FIRST": first}
    return [
        (name, {k: values.get(v, v) if isinstance(v, str) else v for k, v in given.items()}) for name, given in CALLS
    ]


def printed(config_class: Any, command: Any, folder: Path, name: str, given: dict[str, Any]) -> list[str]:
    """Run a command and return its lines.

    What is listed in no order is sorted; the folder is taken out.
    """
    out = io.StringIO()
    config = config_class(stdout=out)
    config.set_main_option("script_location", str(folder))
    getattr(command, name)(config, **given)
    lines = [line.replace(str(folder), "FOLDER") for line in out.getvalue().splitlines()]
    for number, line in enumerate(lines):
        if line.startswith(("Branches into: ", "Branch names: ")):
            head, _, names = line.partition(": ")
            lines[number] = f"{head}: {', '.join(sorted(names.split(', ')))}"
        lines[number] = re.sub(
            r"\((lab\d+(?:, lab\d+)+)\)", lambda m: f"({', '.join(sorted(m[1].split(', ')))})", lines[number]
        )
    return sorted_children(lines)


def sorted_children(lines: list[str]) -> list[str]:
    """Return lines in which those that `branches` lists below a revision are sorted."""
    made: list[str] = []
    block: list[str] = []
    for line in [*lines, None]:
        if line is not None and re.match(r" +-> ", line):
            block.append(line)
            continue
        made += sorted(block)
        block = []
        if line is not None:
            made.append(line)
    return made
