"""SQLite's own types; `pyorm.dialects.sqlite` shows them.

DATE, TIME and DATETIME may be stored in another form than ISO texts: `storage_format` writes
with a %-template, `regexp` reads. Such columns are converted by Python; the default form is
converted by the core.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from pyorm._types import document, scalar
from pyorm._types.base import FLAGS

_DATE_PARTS = ("year", "month", "day")
_TIME_PARTS = ("hour", "minute", "second", "microsecond")


class _Stored:
    """Mixin: storage_format and regexp.

    Args:
        storage_format: %-template of the text, with the parts by name: "%(year)04d-...".
        regexp: pattern (text or compiled) whose groups, by order or by name, are the parts.
        truncate_microseconds: leave them out of the text.
    """

    _parts: tuple[str, ...] = ()
    _make: Callable[..., Any]
    _short_format: str | None = None

    def _init_stored(
        self,
        storage_format: str | None,
        regexp: Any,
        truncate_microseconds: bool = False,
    ) -> None:
        if truncate_microseconds:
            if storage_format is not None:
                raise ValueError(
                    "You can specify only one of truncate_microseconds or storage_format."
                )
            storage_format = self._short_format
        self._storage_format = storage_format
        self._regexp = re.compile(regexp) if isinstance(regexp, str) else regexp

    def bind_processor(self, dialect: Any) -> Callable[[Any], Any] | None:
        """Return the function that writes the text, None for the ISO form."""
        template = self._storage_format
        if template is None:
            return None
        parts = self._parts

        def write(value: Any) -> str | None:
            if value is None:
                return None
            return template % {part: getattr(value, part, 0) for part in parts}

        return write

    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], Any] | None:
        """Return the function that reads the text, None for the ISO form."""
        pattern = self._regexp
        if pattern is None:
            return None

        def read(value: Any) -> Any:
            if value is None:
                return None
            found = pattern.match(value)
            if found is None:
                raise ValueError(
                    f"Couldn't parse {type(self).__name__.lower()} string {value!r} - "
                    "string does not match regexp"
                )
            named = found.groupdict()
            if named:
                return self._make(**{key: int(text or 0) for key, text in named.items()})
            return self._make(*(int(text or 0) for text in found.groups()))

        return read

    def _record_flags(self) -> int:
        flags: int = super()._record_flags()  # type: ignore[misc]
        if self._storage_format is None:
            flags &= ~FLAGS["PY_BIND"]
        if self._regexp is None:
            flags &= ~FLAGS["PY_RESULT"]
        return flags

    def _fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super()._fields()  # type: ignore[misc]
        if self._regexp is not None:
            fields["kind"] = "STRING"  # what the pattern reads
        return fields

    def _identity(self) -> tuple[Any, ...] | None:
        key: tuple[Any, ...] | None = super()._identity()  # type: ignore[misc]
        return None if key is None else (*key, self._storage_format, self._regexp)


class DATE(_Stored, scalar.Date):
    """A date as text; see the module."""

    _parts = _DATE_PARTS
    _make = dt.date

    def __init__(self, storage_format: str | None = None, regexp: Any = None) -> None:
        self._init_stored(storage_format, regexp)


class TIME(_Stored, scalar.Time):
    """A time of day as text; see the module."""

    _parts = _TIME_PARTS
    _make = dt.time
    _short_format = "%(hour)02d:%(minute)02d:%(second)02d"

    def __init__(
        self,
        timezone: bool = False,
        storage_format: str | None = None,
        regexp: Any = None,
        truncate_microseconds: bool = False,
    ) -> None:
        super().__init__(timezone=timezone)
        self._init_stored(storage_format, regexp, truncate_microseconds)


class DATETIME(_Stored, scalar.DateTime):
    """A date and time of day as text; see the module."""

    _parts = _DATE_PARTS + _TIME_PARTS
    _make = dt.datetime
    _short_format = (
        "%(year)04d-%(month)02d-%(day)02d %(hour)02d:%(minute)02d:%(second)02d"
    )

    def __init__(
        self,
        timezone: bool = False,
        storage_format: str | None = None,
        regexp: Any = None,
        truncate_microseconds: bool = False,
    ) -> None:
        super().__init__(timezone=timezone)
        self._init_stored(storage_format, regexp, truncate_microseconds)


class JSON(document.JSON):
    """A JSON document as text."""


for _cls in list(globals().values()):
    if isinstance(_cls, type) and _cls.__module__ == __name__:
        _cls.__module__ = "pyorm.dialects.sqlite"
del _cls
