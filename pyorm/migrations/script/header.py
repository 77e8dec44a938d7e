"""Reads the head of a revision script without running it.

`history` over thousands of files needs only four variables and the docstring. The part of a file
before its first function or class is parsed; where a value is not written as a literal, or stands
elsewhere, `read_header()` says so and the caller imports the file.
"""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyorm.migrations.util.exc import CommandError

__all__ = ["SEQUENCES", "TABLES", "Header", "Kind", "Unreadable", "made", "parse", "read_header", "read_source"]

NAMES = ("revision", "down_revision", "branch_labels", "depends_on")
BODY = re.compile(r"^(?:def|class|async|@)\b|^@", re.MULTILINE)
# A variable of the head that is set anywhere but at the left margin of the head.
ELSEWHERE = re.compile(rf"^[ \t]+(?:{'|'.join(NAMES)})\b[^=\n(]*=(?!=)", re.MULTILINE)
AT_MARGIN = re.compile(rf"^(?:{'|'.join(NAMES)})\b[^=\n(]*=(?!=)", re.MULTILINE)
_WORD = r"(?:[\w$]+|\"[^\"]+\")"
_NAMED = rf"(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>{_WORD}(?:\s*\.\s*{_WORD})?)"
_RENAMED = rf"(?:IF\s+EXISTS\s+)?(?:[\w$.\"]+)\s+RENAME\s+TO\s+(?P<renamed>{_WORD})"
_TEMPORARY = r"(?:(?:GLOBAL|LOCAL)\s+)?(?:TEMP(?:ORARY)?\s+|UNLOGGED\s+)?"


@dataclass(frozen=True, slots=True)
class Kind:
    """What scripts may make.

    Attributes:
        word: its name in SQL, in lower case.
        calls: operation → where the name of what it makes stands, by place and by keyword.
        sql: finds it in statements, as `name` or `renamed`.
    """

    word: str
    calls: dict[str, tuple[int, str]]
    sql: re.Pattern[str]


def _kind(word: str, **calls: tuple[int, str]) -> Kind:
    pattern = rf"\bCREATE\s+{_TEMPORARY}{word}\s+{_NAMED}|\bALTER\s+{word}\s+{_RENAMED}"
    return Kind(word, calls, re.compile(pattern, re.IGNORECASE))


TABLES = _kind("table", create_table=(0, "table_name"), rename_table=(1, "new_table_name"))
SEQUENCES = _kind("sequence", create_sequence=(0, "sequence_name"), rename_sequence=(1, "new_name"))


class Unreadable(Exception):
    """The head is computed: the file has to be imported."""


@dataclass(slots=True, frozen=True)
class Header:
    """What a script says about itself.

    Attributes:
        revision: its id; None where the variable is missing.
        down_revision: what it follows, as the file says it.
        branch_labels: the same for labels.
        depends_on: the same for dependencies.
        doc: the module's docstring, or None.
    """

    revision: Any
    down_revision: Any
    branch_labels: Any
    depends_on: Any
    doc: str | None

    @classmethod
    def of(cls, get: Callable[[str], Any], doc: str | None) -> Header:
        """Return the head whose variables `get` looks up."""
        return cls(get("revision"), get("down_revision"), get("branch_labels"), get("depends_on"), doc)


def read_source(path: str | os.PathLike[str]) -> str:
    """Return a file's text in the encoding that it declares.

    Raises:
        CommandError: It cannot be read, or is not in its encoding.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
        try:
            return data.decode("utf-8").replace("\r\n", "\n") if not data.startswith(b"\xef") else _decode(data)
        except UnicodeDecodeError:
            return _decode(data)
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise CommandError(f"Can't read the revision script {os.fspath(path)}: {error}") from error


def _decode(data: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return io.TextIOWrapper(io.BytesIO(data), encoding).read()


def parse(text: str, path: str | os.PathLike[str]) -> ast.Module:
    """Parse a script.

    Raises:
        CommandError: It has a syntax error; the text has file and line.
    """
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        place = f"{os.fspath(path)}, line {line}" if line else os.fspath(path)
        reason = getattr(error, "msg", None) or str(error)
        raise CommandError(f"Syntax error in revision script {place}: {reason}. Correct the file.") from error


def read_header(path: str | os.PathLike[str]) -> Header:
    """Return the head of a script.

    Raises:
        Unreadable: It is not written as literals.
        CommandError: The file cannot be read, or has a syntax error.
    """
    text = read_source(path)
    body = BODY.search(text)
    head = text if body is None else text[: body.start()]
    if ELSEWHERE.search(head) or (body is not None and AT_MARGIN.search(text, body.start())):
        raise Unreadable
    try:
        tree = ast.parse(head)
    except (SyntaxError, ValueError):
        # A "def" at the margin of a docstring, or a real error: only the whole can tell.
        tree = parse(text, path)
    values: dict[str, Any] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in NAMES:
                values[name] = _literal(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name in NAMES:
                values[name] = _literal(value)
            case ast.Assign(targets=targets) if any(_names_of(target) for target in targets):
                raise Unreadable
            case ast.ImportFrom(names=names) if any((a.asname or a.name) in (*NAMES, "*") for a in names):
                raise Unreadable
    if "revision" not in values and "revision" in text:
        raise Unreadable
    return Header.of(values.get, ast.get_docstring(tree, clean=False))


def _names_of(target: ast.expr) -> bool:
    """Say whether an assignment sets a variable of the head among others."""
    return any(isinstance(node, ast.Name) and node.id in NAMES for node in ast.walk(target))


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=str() | None):
            return node.value
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return tuple(_literal(part) for part in parts)
    raise Unreadable


def made(path: str | os.PathLike[str], kind: Kind) -> set[tuple[str | None, str]]:
    """Return (schema, name) of what a script makes or renames, as far as it names it.

    Calls of operations with literal names, and SQL in its strings.
    """
    text = read_source(path)
    found: set[tuple[str | None, str]] = set()
    if kind.word not in text.lower():
        return found
    for node in ast.walk(parse(text, path)):
        match node:
            case ast.Call(func=ast.Attribute(attr=verb) | ast.Name(id=verb)) if verb in kind.calls:
                found.update(_named_by(node, *kind.calls[verb]))
            case ast.Constant(value=str(sql)) if kind.word in sql.lower():
                found.update(_named_in(sql, kind))
    return found


def _named_by(call: ast.Call, place: int, keyword: str) -> set[tuple[str | None, str]]:
    keywords = {given.arg: given.value for given in call.keywords}
    node = call.args[place] if len(call.args) > place else keywords.get(keyword)
    schema = keywords.get("schema")
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return set()
    given = schema.value if isinstance(schema, ast.Constant) else None
    return {(given if isinstance(given, str) else None, node.value)}


def _named_in(sql: str, kind: Kind) -> set[tuple[str | None, str]]:
    found: set[tuple[str | None, str]] = set()
    for match in kind.sql.finditer(sql):
        parts = re.findall(_WORD, match["name"] or match["renamed"])
        names = [part[1:-1] if part.startswith('"') else part for part in parts]
        found.add((names[0] if len(names) > 1 else None, names[-1]))
    return found
