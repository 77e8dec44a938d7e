"""Small conversions of arguments that may be one value, several or none."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

__all__ = ["asbool", "dedupe_tuple", "not_none", "rev_id", "to_list", "to_tuple", "unique_list"]

T = TypeVar("T")

TRUE_WORDS = frozenset(("true", "yes", "on", "y", "t", "1"))
FALSE_WORDS = frozenset(("false", "no", "off", "n", "f", "0"))


def to_tuple(value: Any, default: tuple[Any, ...] | None = None) -> Any:
    """Return a tuple of what may be one value, an iterable of values, or None.

    Args:
        value: a string is one value.
        default: returned for None.
    """
    if value is None:
        return default
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)


def to_list(value: Any, default: list[Any] | None = None) -> Any:
    """Return a list of what may be one value, an iterable of values, or None."""
    made = to_tuple(value)
    return default if made is None else list(made)


def unique_list(values: Iterable[T]) -> list[T]:
    """Return the values, each where it first stands."""
    return list(dict.fromkeys(values))


def dedupe_tuple(values: Sequence[T]) -> tuple[T, ...]:
    """Return the values as a tuple, each where it first stands."""
    return tuple(dict.fromkeys(values))


def asbool(value: Any) -> bool:
    """Return what a configuration file means by a word such as "yes" or "off".

    Raises:
        ValueError: The word is none of those.
    """
    if isinstance(value, str):
        word = value.strip().lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
        raise ValueError(f"String is not true/false: {word!r}; write true or false")
    return bool(value)


def rev_id() -> str:
    """Return a new random revision id: 12 hexadecimal digits."""
    return uuid.uuid4().hex[-12:]


def not_none(value: T | None) -> T:
    """Return the value, which is not None."""
    assert value is not None
    return value
