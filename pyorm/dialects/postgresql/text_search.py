"""PostgreSQL's text search: its functions, with the types that they take and give."""

from __future__ import annotations

from typing import Any

from pyorm import _core
from pyorm._types.postgresql import REGCONFIG, TSQUERY, TSVECTOR
from pyorm.types import Text


def _call(name: str, arguments: tuple[Any, ...], type_: Any, text_at: int) -> Any:
    """Return a call; a str before the last texts is the name of a configuration."""
    given = list(arguments)
    if len(given) > text_at and isinstance(given[0], str):
        given[0] = _core.literal(given[0], REGCONFIG())
    return getattr(_core.func, name)(*given, type_=type_)


def to_tsvector(*args: Any) -> Any:
    """Return `to_tsvector([config, ] document)`.

    Args:
        *args: The document; before it, where given, the configuration ("english") as a str.
    """
    return _call("to_tsvector", args, TSVECTOR(), 1)


def to_tsquery(*args: Any) -> Any:
    """Return `to_tsquery([config, ] query)`: operators & | ! <-> between words."""
    return _call("to_tsquery", args, TSQUERY(), 1)


def plainto_tsquery(*args: Any) -> Any:
    """Return `plainto_tsquery([config, ] query)`: all the words."""
    return _call("plainto_tsquery", args, TSQUERY(), 1)


def phraseto_tsquery(*args: Any) -> Any:
    """Return `phraseto_tsquery([config, ] query)`: the words one behind the other."""
    return _call("phraseto_tsquery", args, TSQUERY(), 1)


def websearch_to_tsquery(*args: Any) -> Any:
    """Return `websearch_to_tsquery([config, ] query)`: as people write to search engines."""
    return _call("websearch_to_tsquery", args, TSQUERY(), 1)


def ts_headline(*args: Any) -> Any:
    """Return `ts_headline([config, ] document, query [, options])`: the document with marks."""
    is_query_second = len(args) > 1 and isinstance(getattr(args[1], "type", None), TSQUERY)
    return _call("ts_headline", args, Text(), 99 if is_query_second else 2)
