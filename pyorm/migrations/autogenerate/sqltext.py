"""SQL texts as lists of tokens: what two spellings of one expression have in common.

A database keeps expressions as it has read them (SQLite) or as it writes them (PostgreSQL); a model has them as
somebody typed them. Spaces, the case of keywords, quotes around a plain name and parentheses around the whole
mean nothing; what is left after that is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_SCAN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<str>[eEbBxXnN]?'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
      | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<num>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<op>::|<=|>=|<>|!=|\|\||->>|->|==|[^\s\w])""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")


class Token(NamedTuple):
    """A piece of SQL.

    `kind` is "str", "name" (a quoted identifier), "word", "num" or "op"; `text` stands at `start` of the whole.
    """

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where the text ends."""
        return self.start + len(self.text)


def scan(sql: str) -> Iterator[Token]:
    """Yield the tokens of `sql`, spaces and comments left out."""
    for match in _SCAN.finditer(sql):
        kind = match.lastgroup
        if kind == "tag":
            kind = "str"
        if kind is not None and kind != "skip":
            yield Token(kind, match.group(), match.start())


def unquoted(token: Token) -> str:
    """Return the name that a word or quoted identifier stands for."""
    if token.kind != "name":
        return token.text
    quote = token.text[0]
    return token.text[1:-1].replace(quote * 2, quote)


@lru_cache(maxsize=20000)
def tokens(sql: str) -> tuple[str, ...]:
    """Return the tokens in their normal form: words in lower case, plain names without quotes."""
    found = []
    for token in scan(sql):
        if token.kind == "word":
            found.append(token.text.lower())
        elif token.kind == "name":
            name = unquoted(token)
            found.append(name if _PLAIN.match(name) else '"' + name.replace('"', '""') + '"')
        else:
            found.append({"!=": "<>", "==": "="}.get(token.text, token.text))
    return _bare(tuple(found))


def _bare(found: tuple[str, ...]) -> tuple[str, ...]:
    """Take away the parentheses that hold the whole."""
    while len(found) > 1 and found[0] == "(" and closing(found, 0) == len(found) - 1:
        found = found[1:-1]
    return found


def closing(found: tuple[str, ...], start: int) -> int:
    """Return the place of the parenthesis that closes the one at `start`; past the end where none does."""
    depth = 0
    for place in range(start, len(found)):
        if found[place] == "(":
            depth += 1
        elif found[place] == ")":
            depth -= 1
            if depth == 0:
                return place
    return len(found)


def normal(sql: str) -> str:
    """Return the text in its normal form, one space between tokens."""
    return " ".join(tokens(sql))


def same(left: str | None, right: str | None) -> bool:
    """Return whether two texts are certainly the same; False may mean that only the server can tell."""
    if left is None or right is None:
        return left is right
    return left == right or tokens(left) == tokens(right)


def literal(sql: str) -> str | None:
    """Return what a text says if it is one constant, with or without casts behind it: `'a'::text` says a."""
    found = list(tokens(sql))
    sign = ""
    if len(found) > 1 and found[0] in "+-":
        sign = found.pop(0).replace("+", "")
    if not found or not _is_constant(found[0]):
        return None
    place = 1
    while place < len(found):
        if found[place] != "::":
            return None
        place += 1
        while place < len(found) and found[place] != "::":
            place += 1
    text = found[0]
    return sign + (text[1:-1].replace("''", "'") if text[0] == "'" else text)


def _is_constant(token: str) -> bool:
    return token[0] == "'" or token[0].isdigit() or token in ("true", "false")


def literals(sql: str) -> list[str]:
    """Return the constants in a text, in order."""
    return [t[1:-1].replace("''", "'") if t[0] == "'" else t for t in tokens(sql) if _is_constant(t)]


def skeleton(sql: str) -> tuple[str, ...]:
    """Return the tokens with every run of constants, casts and commas between them as one mark."""
    marked: list[str] = []
    for token in tokens(sql):
        mark = "?" if _is_constant(token) else token
        if mark == "?" and marked[-2:] == ["?", ","]:
            marked.pop()
            continue
        marked.append(mark)
        if marked[-1] == "," and len(marked) > 2 and "::" in marked and marked[-2] != "?":
            _drop_cast(marked)
    return tuple(marked)


def _drop_cast(marked: list[str]) -> None:
    """Turn `? :: type ,` at the end into `? ,`."""
    start = len(marked) - 1
    while start > 0 and marked[start] != "?" and marked[start] not in "([":
        start -= 1
    if marked[start] == "?" and marked[start + 1] == "::":
        del marked[start + 1 : -1]


def split(sql: str, separator: str = ",") -> list[str]:
    """Return the parts of a text between separators that stand outside of parentheses and brackets."""
    parts, depth, start = [], 0, 0
    for token in scan(sql):
        if token.kind != "op":
            continue
        depth += (token.text in "([") - (token.text in ")]")
        if token.text == separator and depth == 0:
            parts.append(sql[start : token.start].strip())
            start = token.end
    parts.append(sql[start:].strip())
    return parts


def inside(sql: str, start: int) -> tuple[str, int]:
    """Return what stands in the parentheses that open at or behind `start`, and where they are closed.

    Raises:
        ValueError: there are none.
    """
    depth, opened = 0, -1
    for token in scan(sql[start:]):
        if token.kind != "op":
            continue
        if token.text == "(":
            depth += 1
            if opened < 0:
                opened = start + token.end
        elif token.text == ")":
            depth -= 1
            if depth == 0:
                return sql[opened : start + token.start].strip(), start + token.end
    raise ValueError(f"no parentheses behind place {start} of {sql!r}")


def plain_name(sql: str) -> str | None:
    """Return the name if a text is one identifier, else None."""
    found = list(scan(sql))
    if len(found) == 1 and found[0].kind in ("word", "name"):
        return unquoted(found[0])
    return None


def mentions(sql: str, name: str) -> bool:
    """Return whether an identifier occurs in a text."""
    return any(t.kind in ("word", "name") and unquoted(t) == name for t in scan(sql))
