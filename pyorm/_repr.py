"""How statement parameters are shown in error messages and in the log: short and never huge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MAX_VALUE_CHARS = 300
"""A longer repr of one value keeps its beginning and its end."""
MAX_SETS = 10
"""Of more parameter sets than this the first eight and the last two are shown."""
MAX_PARAMS = 100
"""Of more parameters than this, about so many are shown, half from either end."""


def repr_value(value: object) -> str:
    """Return repr(value), its middle cut out where it is long."""
    text = repr(value)
    if len(text) <= MAX_VALUE_CHARS:
        return text
    half = MAX_VALUE_CHARS // 2
    cut = len(text) - 2 * half
    return f"{text[:half]} ... ({cut} characters truncated) ... {text[-half:]}"


def repr_params(params: Any, *, is_multi: bool | None = None) -> str:
    """Return the text of the parameters of a statement.

    Args:
        params: one set (tuple, list or dict), or a list of sets.
        is_multi: whether it is a list of sets; None: look at it.
    """
    if is_multi is None:
        is_multi = bool(
            isinstance(params, list) and params and isinstance(params[0], (list, dict, tuple))
        )
    if is_multi and isinstance(params, Sequence) and not isinstance(params, (str, bytes)):
        return _repr_sets(params)
    return _repr_set(params)


def _repr_sets(sets: Sequence[Any]) -> str:
    if len(sets) <= MAX_SETS:
        return "[" + ", ".join(map(_repr_set, sets)) + "]"
    head = ", ".join(map(_repr_set, sets[: MAX_SETS - 2]))
    tail = ", ".join(map(_repr_set, sets[-2:]))
    note = f" ... displaying {MAX_SETS} of {len(sets)} total bound parameter sets ... "
    return f"[{head} {note} {tail}]"


def _repr_set(params: Any) -> str:
    if isinstance(params, Mapping):
        items = [f"{key!r}: {repr_value(value)}" for key, value in _ends(list(params.items()))]
        return "{" + _join(items, len(params)) + "}"
    if isinstance(params, (tuple, list)):
        text = _join([repr_value(value) for value in _ends(list(params))], len(params))
        if isinstance(params, list):
            return f"[{text}]"
        return f"({text},)" if len(params) == 1 else f"({text})"
    return repr_value(params)


def _ends(items: list[Any]) -> list[Any]:
    """Return the items to show: all, or the first and the last MAX_PARAMS / 2."""
    if len(items) <= MAX_PARAMS:
        return items
    half = MAX_PARAMS // 2
    return items[:half] + items[-half:]


def _join(texts: list[str], total: int) -> str:
    if total <= MAX_PARAMS:
        return ", ".join(texts)
    half = MAX_PARAMS // 2
    note = f" ... {total - MAX_PARAMS} parameters truncated ... "
    return ", ".join(texts[:half]) + note + ", ".join(texts[half:])
