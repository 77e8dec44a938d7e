"""Types of what stands in a JSON subscript: a key, a position, a path.

PostgreSQL takes keys as text, positions as integers and paths as text[]; SQLite one text like
`$."key"[3]`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyorm._types.base import FLAGS, TypeEngine
from pyorm._types.document import ARRAY
from pyorm._types.literals import quote_text
from pyorm._types.scalar import Integer, String, Text


def _pg_step(key: Any) -> str:
    """Return one element of a text[] as its literal has it."""
    text = str(key)
    if (text and text.isidentifier() and text.upper() != "NULL") or isinstance(key, int):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _lite_step(key: Any) -> str:
    """Return one step of a SQLite path: a position counted from the end where negative."""
    if isinstance(key, int):
        return f"[{key}]" if key >= 0 else f"[#{key}]"
    return f'."{key}"'


class _LiteIndex(String):
    """A key or position, as SQLite's JSON functions want it."""

    def bind_processor(self, dialect: Any) -> Callable[[Any], Any] | None:
        """Return the function that writes the path."""
        return lambda key: "$" + _lite_step(key)


class _LitePath(String):
    """A path, as SQLite's JSON functions want it."""

    def bind_processor(self, dialect: Any) -> Callable[[Any], Any] | None:
        """Return the function that writes the path."""
        return lambda keys: "$" + "".join(map(_lite_step, keys))


class _PostgresPath(ARRAY):
    """A path, as PostgreSQL's #> wants it: text[]."""

    def bind_processor(self, dialect: Any) -> Callable[[Any], Any] | None:
        """Return the function that makes every step a text."""
        return lambda keys: [str(key) for key in keys]


class _IndexType(TypeEngine):
    """A type that is another one on each database."""

    _kind = "STRING"

    def _impls(self) -> tuple[TypeEngine, TypeEngine]:
        """Return PostgreSQL's type and SQLite's."""
        raise TypeError(f"{type(self).__name__} names no types")

    def _fields(self) -> dict[str, Any]:
        return {"impl": self._impls(), "flags": FLAGS["VARIANT"]}

    def literal_processor(self, dialect: Any) -> Callable[[Any], str] | None:
        """Return the function that writes a key, position or path as SQL."""
        if getattr(dialect, "name", "default") != "sqlite":
            return _pg_literal
        processor = self._impls()[1].bind_processor(dialect)
        assert processor is not None
        return lambda key: quote_text(processor(key))


def _pg_literal(key: Any) -> str:
    if isinstance(key, tuple):
        return quote_text("{" + ", ".join(map(_pg_step, key)) + "}")
    return str(key) if isinstance(key, int) else quote_text(key)


class JSONStrIndexType(_IndexType):
    """The key of an object."""

    def _impls(self) -> tuple[TypeEngine, TypeEngine]:
        return String(), _LiteIndex()


class JSONIntIndexType(_IndexType):
    """The position in an array."""

    def _impls(self) -> tuple[TypeEngine, TypeEngine]:
        return Integer(), _LiteIndex()


class JSONPathType(_IndexType):
    """A path of keys and positions."""

    def _impls(self) -> tuple[TypeEngine, TypeEngine]:
        return _PostgresPath(Text()), _LitePath()


INDEX_TYPES = (JSONStrIndexType(), JSONIntIndexType(), JSONPathType())
"""One of each, for the core."""
