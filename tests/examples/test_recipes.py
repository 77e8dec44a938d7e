"""The recipes of examples/ print what they print with the reference library, and load with no statement more."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.examples.recipes import EXAMPLES, names, tell

GOLDEN = json.loads((EXAMPLES.parent / "tests" / "golden" / "recipes.json").read_text())["recipes"]

# SELECT, INSERT, UPDATE and DELETE of a recipe. Rows of one table go into one INSERT.
SENT = {
    "adjacency_list": (15, 4, 1, 2),
    "association_object": (10, 4, 0, 3),
    "association_proxy_by_hand": (11, 14, 0, 1),
    "discriminator_on_association": (15, 4, 0, 3),
    "graph": (7, 2, 0, 2),
    "joined_inheritance": (13, 5, 3, 2),
    "keyed_dict": (7, 4, 1, 1),
    "materialized_path": (11, 1, 1, 1),
    "nested_sets": (15, 7, 7, 1),
    "single_table_inheritance": (12, 6, 0, 4),
    "versioned_rows": (17, 8, 5, 1),
    "vertical_attributes": (10, 2, 1, 1),
}


def test_every_recipe_is_known() -> None:
    assert names() == sorted(SENT) == sorted(GOLDEN)


@pytest.mark.parametrize("name", SENT)
def test_recipe_prints_what_the_reference_prints_when_run(name: str, url: str) -> None:
    told = tell("pyorm", name, url)

    assert told["lines"] == GOLDEN[name]["lines"]
    assert len(told["lines"]) >= 5
    assert tuple(told["sent"].get(verb, 0) for verb in ("SELECT", "INSERT", "UPDATE", "DELETE")) == SENT[name]
    for verb in ("SELECT", "INSERT", "UPDATE"):
        assert told["sent"].get(verb, 0) <= GOLDEN[name]["sent"].get(verb, 0)


@pytest.mark.parametrize("name", ["adjacency_list", "versioned_rows"])
def test_recipe_runs_as_a_program_when_given_a_url(name: str, db: Any) -> None:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--url", db.url]
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)

    assert done.stdout.splitlines() == GOLDEN[name]["lines"]
    assert int(db.rows("SELECT count(*) FROM " + {"adjacency_list": "part", "versioned_rows": "line"}[name])[0][0]) > 0


@pytest.mark.parametrize("name", SENT)
def test_recipe_is_documented_and_typed(name: str) -> None:
    tree = ast.parse((EXAMPLES / f"{name}.py").read_text())
    made = [node for node in ast.walk(tree) if isinstance(node, (ast.ClassDef, ast.FunctionDef))]

    assert f"python examples/{name}.py [--url URL]" in (ast.get_docstring(tree) or "")
    for node in made:
        setter = any(isinstance(mark, ast.Attribute) and mark.attr == "setter" for mark in node.decorator_list)
        overload = any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list)
        assert ast.get_docstring(node) or setter or overload, f"{name}: {node.name} at line {node.lineno}"
        assert isinstance(node, ast.ClassDef) or node.returns is not None, f"{name}: {node.name} says what it returns"
