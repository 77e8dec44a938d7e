"""Definitions that PostgreSQL writes (pg_get_indexdef, pg_get_constraintdef), taken apart again."""

from __future__ import annotations

import re
from typing import NamedTuple

from pyorm.migrations.autogenerate import sqltext


class IndexDefinition(NamedTuple):
    """What stands behind USING of a CREATE INDEX."""

    method: str
    elements: tuple[str, ...]
    include: tuple[str, ...]
    nulls_not_distinct: bool
    storage: tuple[tuple[str, str], ...]
    where: str | None


_PLAIN = re.compile(r" USING (\w+) \(([a-z_0-9]+(?:, [a-z_0-9]+)*)\)$")


def parse_index(definition: str) -> IndexDefinition:
    """Take pg_get_indexdef()'s text apart.

    Raises:
        ValueError: it is no CREATE INDEX.
    """
    if plain := _PLAIN.search(definition):  # fast path: names only, what is most indexes
        return IndexDefinition(plain[1], tuple(plain[2].split(", ")), (), False, (), None)
    start = _word(definition, "using", 0)
    method = re.compile(r"\s*(\w+)").match(definition, start)
    if method is None:
        raise ValueError(f"no access method in {definition!r}")
    body, place = sqltext.inside(definition, method.end())
    include: tuple[str, ...] = ()
    storage: list[tuple[str, str]] = []
    rest = definition[place:]
    if match := re.match(r"\s*INCLUDE\s*", rest):
        names, end = sqltext.inside(rest, match.end())
        include = tuple(sqltext.plain_name(n) or n for n in sqltext.split(names))
        rest = rest[end:]
    distinct = re.match(r"\s*NULLS NOT DISTINCT", rest)
    rest = rest[distinct.end() :] if distinct else rest
    if match := re.match(r"\s*WITH\s*", rest):
        options, end = sqltext.inside(rest, match.end())
        for option in sqltext.split(options):
            name, _, value = option.partition("=")
            storage.append((name.strip(), value.strip().strip("'")))
        rest = rest[end:]
    where = re.match(r"\s*WHERE\s+(.*)$", rest, re.DOTALL)
    return IndexDefinition(
        method[1].lower(), tuple(sqltext.split(body)), include, distinct is not None, tuple(sorted(storage)),
        where[1].strip() if where else None,
    )  # fmt: skip


def _word(text: str, word: str, start: int) -> int:
    """Return the place behind a word that stands outside of parentheses.

    Raises:
        ValueError: it does not occur.
    """
    depth = 0
    for token in sqltext.scan(text[start:]):
        if token.kind == "op":
            depth += (token.text == "(") - (token.text == ")")
        elif token.kind == "word" and depth == 0 and token.text.lower() == word:
            return start + token.end
    raise ValueError(f"no {word.upper()} in {text!r}")


class ExcludeDefinition(NamedTuple):
    """An EXCLUDE constraint: pairs of an element's text and an operator."""

    using: str
    elements: tuple[tuple[str, str], ...]
    where: str | None


def parse_exclude(definition: str) -> ExcludeDefinition:
    """Take `EXCLUDE USING gist (room WITH =) WHERE (…)` apart.

    Raises:
        ValueError: it is no EXCLUDE constraint.
    """
    start = _word(definition, "using", 0)
    method = re.compile(r"\s*(\w+)").match(definition, start)
    if method is None:
        raise ValueError(f"no access method in {definition!r}")
    body, place = sqltext.inside(definition, method.end())
    elements = []
    for part in sqltext.split(body):
        at = _word(part, "with", 0)
        elements.append((part[: at - len("with")].strip(), part[at:].strip()))
    where = re.match(r"\s*WHERE\s*", definition[place:])
    condition = sqltext.inside(definition[place:], where.end())[0] if where else None
    return ExcludeDefinition(method[1].lower(), tuple(elements), condition)


def without_timing(definition: str) -> str:
    """Return a constraint's definition without DEFERRABLE, INITIALLY … and NOT VALID at its end."""
    return re.sub(
        r"(\s+(NOT DEFERRABLE|DEFERRABLE|INITIALLY DEFERRED|INITIALLY IMMEDIATE|NOT VALID))+\s*$", "", definition
    )


def check_condition(definition: str) -> str:
    """Return what must hold, from `CHECK (…)` with what stands behind it."""
    return sqltext.inside(definition, 0)[0]


def as_it_was(expression: str) -> str:
    """Return an expression of the catalog that the server, when it reads it, writes the same again.

    `ARRAY['a'::character varying]::text[]` is read as an array whose elements are cast to text; where the catalog
    has an array that is cast as a whole, the text has to say the array's own type first.
    """
    if "ARRAY[" not in expression or "]::" not in expression.replace("])", "]"):
        return expression
    found = list(sqltext.scan(expression))
    for place in range(len(found) - 2, -1, -1):
        if found[place].text != "ARRAY" or found[place + 1].text != "[":
            continue
        end = _closing_bracket(found, place + 1)
        after = next((t for t in found[end + 1 :] if t.text != ")"), None)
        if after is None or after.text != "::":
            continue
        at = found[end].end
        kind = _element_type(expression[found[place + 1].end : found[end].start])
        if kind is not None and not re.match(rf"\)*::{re.escape(kind)}\[\]", expression[at:]):
            expression = f"{expression[:at]}::{kind}[]{expression[at:]}"
    return expression


def _closing_bracket(found: list[sqltext.Token], start: int) -> int:
    depth = 0
    for place in range(start, len(found)):
        depth += (found[place].text == "[") - (found[place].text == "]")
        if depth == 0:
            return place
    raise ValueError(f"no closing bracket behind {found[start].text!r}")


def _element_type(elements: str) -> str | None:
    """Return the type that every element of an array is cast to, without its length, or None."""
    kinds = set()
    for element in sqltext.split(elements):
        casts = sqltext.split(element, "::")
        kinds.add(re.sub(r"\(.*?\)", "", casts[-1]).strip() if len(casts) > 1 else None)
    return kinds.pop() if len(kinds) == 1 else None
