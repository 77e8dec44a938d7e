"""The head of a new script as the formatter black leaves it: docstring, imports, literals.

A template may call these under their names here; one that does not, because Alembic made it, works as well.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["HELPERS", "docstring_text", "finished", "import_block", "literal", "variable"]

_IMPORT = re.compile(r"(?:from\s+([\w.]+)\s+import|import\s+([\w.]+))\s*[^;]*")
_HEADER = re.compile(r'\A("""|\'\'\')(.*?)(?<!\\)\1', re.DOTALL)


def literal(value: Any) -> str:
    """Return the source of a string, a number, None, or a tuple or list of them, strings in double quotes."""
    from pyorm.migrations.autogenerate.render.layout import quoted

    if isinstance(value, str):
        return quoted(str(value))
    if isinstance(value, (tuple, list)):
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        opening, closing = "()" if isinstance(value, tuple) else "[]"
        return f"{opening}{', '.join(map(literal, value))}{comma}{closing}"
    return repr(value)


def variable(name: str, annotation: str, value: Any) -> str:
    """Return `name: annotation = value`, a value that is too long for the line one element a line."""
    from pyorm.migrations.autogenerate.render.layout import WIDTH

    before = f"{name}: {annotation} = "
    line = before + literal(value)
    if len(line) <= WIDTH or not isinstance(value, (tuple, list)) or not value:
        return line
    opening, closing = "()" if isinstance(value, tuple) else "[]"
    return "\n".join([before + opening, *(f"    {literal(item)}," for item in value), closing])


def import_block(*given: str | Iterable[str] | None) -> str:
    """Return import statements in the order of isort: __future__, the standard library, the rest.

    Args:
        *given: statements, lists of them, or texts of several lines; what is no import comes last, as it stands.
    """
    lines: list[str] = []
    for item in given:
        lines += item.splitlines() if isinstance(item, str) else list(item or ())
    groups: dict[int, list[str]] = {}
    for line in dict.fromkeys(line.strip() for line in lines if line.strip()):
        groups.setdefault(_group(line), []).append(line)
    return "\n\n".join("\n".join(sorted(groups[number], key=_order)) for number in sorted(groups))


def _group(line: str) -> int:
    """Return which block an import stands in."""
    found = _IMPORT.fullmatch(line)
    if found is None:
        return 3
    root = (found[1] or found[2]).partition(".")[0]
    return 0 if root == "__future__" else 1 if root in sys.stdlib_module_names else 2


def _order(line: str) -> tuple[bool, str, str]:
    found = _IMPORT.fullmatch(line)
    return (line.startswith("from"), "" if found is None else (found[1] or found[2] or ""), line)


def docstring_text(message: str) -> str:
    """Return a message so that it can stand in three double quotes."""
    text = message.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f"\\{text}" if text.startswith('"') else text


def finished(source: str) -> str:
    """Return a script without blanks at the ends of its docstring's lines, with one line end at its end."""

    def stripped(match: re.Match[str]) -> str:
        lines: Sequence[str] = match[2].split("\n")
        return match[1] + "\n".join([*(line.rstrip() for line in lines[:-1]), lines[-1]]) + match[1]

    return _HEADER.sub(stripped, source).rstrip() + "\n"


HELPERS: dict[str, Any] = {"literal": literal, "variable": variable, "import_block": import_block}
"""What every template of a script may call."""
