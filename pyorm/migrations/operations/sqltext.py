"""SQL text of SQLite's schema table as tokens: names, strings, brackets, and what lies between.

`sqlite_schema` keeps the text of CREATE statements as they were written, and a table that is made
anew keeps everything it does not change by keeping its text. So texts are cut up, never guessed at
with patterns: a name in a comment or in a string is no name.

Source: SQLite, "SQL As Understood By SQLite"; https://www.sqlite.org/lang_keywords.html for quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<string>[xX]?'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
    |(?P<word>[^\W\d][\w$]*)
    |(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\w*)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """A piece of SQL text.

    Attributes:
        kind: "space" (also comments), "string", "quoted", "word", "number" or "other".
        text: as it is written.
        start: where it begins in the text.
    """

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends in the text."""
        return self.start + len(self.text)

    @property
    def upper(self) -> str:
        """A bare word in upper case, else the text."""
        return self.text.upper() if self.kind == "word" else self.text

    @property
    def name(self) -> str:
        """The name that a word, a quoted name or a string in a name's place stands for."""
        return unquoted(self.text)


def tokens(sql: str) -> list[Token]:
    """Return the tokens of a text, without blanks and comments."""
    found = []
    for match in _TOKEN.finditer(sql):
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match.group(), match.start()))
    return found


def unquoted(name: str) -> str:
    """Return a name without its quotes."""
    first = name[:1]
    if first in ('"', "'", "`") and name[-1:] == first and len(name) > 1:
        return name[1:-1].replace(first * 2, first)
    return name[1:-1] if first == "[" else name


def quoted(name: str) -> str:
    """Return a name in quotes, as SQLite always takes it."""
    return '"' + name.replace('"', '""') + '"'


def qualified(name: str, schema: str | None) -> str:
    """Return a quoted name behind its schema's."""
    return f"{quoted(schema)}.{quoted(name)}" if schema else quoted(name)


def names_in(sql: str) -> set[str]:
    """Return every name and word of a text, in lower case; strings are none."""
    return {token.name.lower() for token in tokens(sql) if token.kind in ("word", "quoted")}


def mentions(sql: str, names: Iterable[str]) -> bool:
    """Return whether a text contains one of some names."""
    return not names_in(sql).isdisjoint(name.lower() for name in names)


def closing(items: list[Token], at: int) -> int:
    """Return the index of the bracket that closes the one at `at`.

    Raises:
        ValueError: there is none.
    """
    depth = 0
    for index in range(at, len(items)):
        if items[index].text == "(":
            depth += 1
        elif items[index].text == ")":
            depth -= 1
            if depth == 0:
                return index
    raise ValueError("a bracket is never closed")


def split_list(items: list[Token]) -> list[list[Token]]:
    """Return the parts of a list, cut at the commas outside of brackets."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in items:
        depth += (token.text == "(") - (token.text == ")")
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def without_qualifier(sql: str, name: str) -> str:
    """Return a text in which `name.column` is written `column`."""
    items = tokens(sql)
    cut = [
        (first.start, dot.end)
        for first, dot in pairwise(items)
        if dot.text == "." and first.kind in ("word", "quoted") and first.name.lower() == name.lower()
    ]
    for start, end in reversed(cut):
        sql = sql[:start] + sql[end:]
    return sql


def renamed(sql: str, names: dict[str, str]) -> str:
    """Return a text in which some names are written otherwise.

    Args:
        sql: the text.
        names: old name, in lower case → new name.
    """
    for token in reversed(tokens(sql)):
        if token.kind in ("word", "quoted") and token.name.lower() in names:
            sql = sql[: token.start] + quoted(names[token.name.lower()]) + sql[token.end :]
    return sql


def affinity(type_text: str) -> str:
    """Return the affinity of a column declared with a type: "INTEGER", "TEXT", "BLOB", "REAL" or "NUMERIC".

    Source: SQLite, "Datatypes In SQLite", 3.1.
    """
    upper = type_text.upper()
    for words, found in (
        (("INT",), "INTEGER"),
        (("CHAR", "CLOB", "TEXT"), "TEXT"),
        (("BLOB",), "BLOB"),
        (("REAL", "FLOA", "DOUB"), "REAL"),
    ):
        if any(word in upper for word in words):
            return found
    return "NUMERIC" if upper.strip() else "BLOB"


def in_schema(sql: str, schema: str | None) -> str:
    """Return a CREATE INDEX, TRIGGER or VIEW of a schema table, with the schema before its name."""
    if not schema:
        return sql
    items = tokens(sql)
    at = next(i for i, token in enumerate(items) if token.upper in ("INDEX", "TRIGGER", "VIEW")) + 1
    if items[at].upper == "IF":
        at += 3
    if items[at + 1].text == ".":
        return sql
    return f"{sql[: items[at].start]}{quoted(schema)}.{sql[items[at].start :]}"


def is_constant(default: str) -> bool:
    """Return whether ALTER TABLE ADD COLUMN takes a DEFAULT: a number, a string, NULL, TRUE or FALSE."""
    items = tokens(default)[1:]
    if items and items[0].text in ("+", "-"):
        items = items[1:]
    if len(items) != 1:
        return False
    return items[0].kind in ("number", "string") or items[0].upper in ("NULL", "TRUE", "FALSE")


def bare(sql: str) -> tuple[str, ...]:
    """Return a text as it compares: without quotes and brackets, in lower case."""
    found = []
    for token in tokens(sql):
        if token.text in ("(", ")"):
            continue
        found.append(token.text if token.kind == "string" else token.name.lower())
    return tuple(found)
