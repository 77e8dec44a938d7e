"""Files and functions stay short enough to be read in one sitting.

What outgrows a limit is usually two concepts. Where a split would make it worse, a comment
`length-ok: why` in the file's head or in the function says so.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("csrc", "pyorm", "tests", "tools", "benchmarks", "examples")
MAX_FILE_LINES = {".c": 800, ".h": 250, ".py": 600}
MAX_C_FUNCTION_LINES = 80
MAX_PYTHON_FUNCTION_LINES = 60
MARK = "length-ok:"
HEAD_LINES = 30
# Its functions are lists of cases.
GOLDEN = ROOT / "tests" / "golden"


def files(*suffixes: str) -> list[Path]:
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    return sorted(path for path in found if path.suffix in suffixes)


def c_functions(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield (name, first line, last line): a body starts and ends with a brace in column 0."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
            while start > 0 and lines[start - 1].strip() and not lines[start - 1].endswith("*/"):
                start -= 1
        elif line == "}" and start is not None:
            head = " ".join(lines[start : start + 4])
            name = re.search(r"(\w+)\(", head)
            yield (name[1] if name else head), start + 1, number + 1
            start = None


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how long a function is without its parameters and their explanation."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return (node.end_lineno or node.lineno) - body[0].lineno + 1 if body else 0


def test_files_are_short() -> None:
    long = []
    for path in files(*MAX_FILE_LINES):
        lines = path.read_text().split("\n")
        limit = MAX_FILE_LINES[path.suffix]
        if len(lines) - 1 > limit and MARK not in "\n".join(lines[:HEAD_LINES]):
            long.append(f"{path.relative_to(ROOT)}: {len(lines) - 1} lines, limit {limit}")
    assert not long, "\n".join(long)


def test_c_functions_are_short() -> None:
    long = []
    for path in files(".c", ".h"):
        text = path.read_text()
        for name, first, last in c_functions(text):
            body = "\n".join(text.split("\n")[first - 1 : last])
            if last - first + 1 > MAX_C_FUNCTION_LINES and MARK not in body:
                long.append(f"{path.relative_to(ROOT)}:{first}: {name} has {last - first + 1} lines")
    assert not long, "\n".join(long)


def test_python_functions_are_short() -> None:
    long = []
    for path in files(".py"):
        if path.is_relative_to(GOLDEN):
            continue
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            length = code_lines(node)
            body = ast.get_source_segment(text, node) or ""
            if length > MAX_PYTHON_FUNCTION_LINES and MARK not in body:
                long.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {length} lines")
    assert not long, "\n".join(long)


def test_c_functions_are_found_with_their_lines() -> None:
    text = "/* head */\nstatic int\nadd(int a,\n    int b)\n{\n    return a + b;\n}\n\nint x;\n"

    assert list(c_functions(text)) == [("add", 2, 7)]
