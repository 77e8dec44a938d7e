"""What programs import from `sqlalchemy.util` and `alembic.util.sqla_compat`: small things with a counterpart here."""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property, update_wrapper
from types import MappingProxyType
from typing import Any, TypeVar

from pyorm import exc
from pyorm.schema._base import conv, quoted_name

__all__ = [
    "EMPTY_DICT",
    "OrderedDict",
    "asbool",
    "asint",
    "conv",
    "defaultdict",
    "deprecated",
    "hybridproperty",
    "immutabledict",
    "memoized_property",
    "quoted_name",
    "symbol",
    "to_list",
    "unique_list",
    "warn",
    "warn_deprecated",
]

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])
memoized_property = cached_property
EMPTY_DICT: MappingProxyType[Any, Any] = MappingProxyType({})
_TRUE, _FALSE = ("true", "yes", "on", "y", "t", "1"), ("false", "no", "off", "n", "f", "0")


class immutabledict(dict[Any, Any]):
    """A dictionary that cannot be changed; `union()` returns a new one."""

    def _refuse(self, *_arguments: Any, **_kw: Any) -> Any:
        raise TypeError(f"{type(self).__name__} object is immutable and/or readonly")

    __setitem__ = __delitem__ = setdefault = update = clear = pop = popitem = _refuse

    def union(self, *others: Any, **kw: Any) -> immutabledict:
        """Return a copy with what the others add."""
        merged = dict(self)
        for other in others:
            merged.update(other or {})
        return immutabledict({**merged, **kw})


class hybridproperty:
    """A property that the class has, too."""

    def __init__(self, func: Callable[[Any], Any]) -> None:
        self.func = func

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self.func(owner if instance is None else instance)


def asbool(value: Any) -> bool:
    """Return a flag from a text such as "true", "no" or "1".

    Raises:
        ValueError: the text is none of them.
    """
    if isinstance(value, str):
        text = value.strip().lower()
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise ValueError(f"String is not true/false: {value!r}")
    return bool(value)


def asint(value: Any) -> int | None:
    """Return a whole number from a text; None stays None."""
    return value if value is None else int(value)


def to_list(value: Any, default: Any = None) -> Any:
    """Return a value as a list: a text or single value as its only element, None as `default`."""
    if value is None:
        return default
    return list(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else [value]


def unique_list(values: Iterable[_T]) -> list[_T]:
    """Return the values without repetitions, in the order of first sight."""
    return list(dict.fromkeys(values))


def symbol(name: str, doc: str | None = None, canonical: int | None = None) -> str:
    """Return a name that stands for itself."""
    del doc, canonical
    return name


def warn(message: str) -> None:
    """Emit a SAWarning."""
    warnings.warn(message, exc.SAWarning, stacklevel=2)


def warn_deprecated(message: str, version: str | None = None, stacklevel: int = 2, code: str | None = None) -> None:
    """Emit a SADeprecationWarning."""
    del version, code
    warnings.warn(message, exc.SADeprecationWarning, stacklevel=stacklevel)


def deprecated(version: str, message: str | None = None, **_kw: Any) -> Callable[[_F], _F]:
    """Return a decorator whose function emits a SADeprecationWarning when it is called."""

    def decorate(function: _F) -> _F:
        text = message or f"Call to deprecated function {function.__name__} (since {version})"

        def call(*arguments: Any, **kw: Any) -> Any:
            warn_deprecated(text, stacklevel=3)
            return function(*arguments, **kw)

        return update_wrapper(call, function)  # type: ignore[return-value]

    return decorate
