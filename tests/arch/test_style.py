"""Rules of the code that no compiler checks, as plain searches over the text."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import pyorm

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve()


def sources(folder: str, pattern: str) -> list[Path]:
    return [path for path in sorted((ROOT / folder).rglob(pattern)) if path != HERE]


def hits(paths: list[Path], expression: str, unless: str | None = None) -> list[str]:
    """Return where the expression matches and neither the line nor one of three above is excused."""
    found = []
    pattern = re.compile(expression)
    for path in paths:
        lines = path.read_text().split("\n")
        for number, line in enumerate(lines):
            excused = unless is not None and unless in "".join(lines[max(number - 3, 0) : number + 1])
            if pattern.search(line) and not excused:
                found.append(f"{path.relative_to(ROOT)}:{number + 1}: {line.strip()}")
    return found


def c_files() -> list[Path]:
    return sources("csrc", "*.[ch]")


def test_nothing_is_left_for_later() -> None:
    paths = c_files() + sources("pyorm", "*.py") + sources("tests", "*.py")

    assert not (found := hits(paths, r"\b(TODO|FIXME|XXX)\b")), "\n".join(found)


def test_no_test_is_skipped() -> None:
    paths = sources("tests", "*.py")

    found = hits(paths, r"pytest\.skip|mark\.skip|\bxfail\b|importorskip|unittest\.skip")

    assert not found, "\n".join(found)


def test_no_python_object_is_static() -> None:
    # State belongs to the module: two interpreters share what is static.
    assert not (found := hits(c_files(), r"^static (const )?Py(Type)?Object \*?\w+( =|;|\[)")), "\n".join(found)


def test_borrowed_references_are_asked_for_with_a_reason() -> None:
    # What they return may be freed by the next call that runs Python.
    apis = r"\b(PyDict_GetItem(String|WithError)?|PyList_GetItem|PyWeakref_(GetObject|GET_OBJECT))\("

    assert not (found := hits(c_files(), apis, unless="borrow-ok")), "\n".join(found)


def test_hot_arguments_are_not_parsed_from_format_strings() -> None:
    assert not (found := hits(c_files(), r"PyArg_ParseTupleAndKeywords")), "\n".join(found)


def test_text_values_are_not_cached_inside_the_users_strings() -> None:
    # It doubles the memory of every string a program sends, for the string's life.
    library = [path for path in c_files() if "coretest" not in path.parts]

    found = hits(library, r"PyUnicode_AsUTF8AndSize\(", unless="utf8-ok")

    assert not found, "\n".join(found)


@pytest.mark.parametrize("package", ["sqlalchemy", "alembic", "peewee"])
def test_peers_are_never_imported(package: str) -> None:
    paths = sources("pyorm", "*.py") + sources("tests", "*.py")

    assert not (found := hits(paths, rf"^\s*(import|from) {package}\b")), "\n".join(found)


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert pyorm.__version__ == project["version"]
