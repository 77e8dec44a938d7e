"""Database URLs: parse, render, edit.

A URL is `dialect[+driver]://user:password@host:port/database?key=value`. User, password,
database and the query are percent-encoded where they contain characters with a meaning;
`render_as_string()`, `str()` and `repr()` show `***` for the password. How a URL becomes
the driver's own connection parameters: pyorm/engine/_dsn.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, cast
from urllib.parse import parse_qsl, quote, quote_plus, unquote

from pyorm import exc
from pyorm._collections import EMPTY_DICT, immutabledict

__all__ = ["URL", "make_url"]

QueryValue: TypeAlias = "str | Sequence[str]"
Query: TypeAlias = "immutabledict[str, str | tuple[str, ...]]"

_PATTERN = re.compile(
    r"""
    (?P<name>[\w+]+)://
    (?:
        (?P<username>[^:/]*)
        (?::(?P<password>[^@]*))?
    @)?
    (?:
        (?:\[(?P<ipv6host>[^/?]+)\] | (?P<ipv4host>[^/:?]+))?
        (?::(?P<port>[^/?]*))?
    )?
    (?:/(?P<database>[^?]*))?
    (?:\?(?P<query>.*))?
    """,
    re.VERBOSE,
)


class _Fields(NamedTuple):
    """The seven parts of a URL; `URL` gives them checks and methods."""

    drivername: str
    username: str | None
    password: str | None
    host: str | None
    port: int | None
    database: str | None
    query: immutabledict[str, Any]


class URL(_Fields):
    """An immutable database URL; made by `make_url()` or `URL.create()`."""

    __slots__ = ()

    @classmethod
    def create(
        cls,
        drivername: str,
        username: str | None = None,
        password: str | None = None,
        host: str | None = None,
        port: int | str | None = None,
        database: str | None = None,
        query: Mapping[str, QueryValue] | Sequence[tuple[str, QueryValue]] = EMPTY_DICT,
    ) -> URL:
        """Make a URL from plain (not percent-encoded) parts.

        Args:
            password: A string, or an object whose `str()` is the password.
            port: A number, or a string holding one.
            query: Names to a string or a sequence of strings.

        Raises:
            TypeError: A part is not a string.
            ValueError: The port is not a number.
        """
        return cls(
            _require_text(drivername, "drivername"),
            _optional_text(username, "username"),
            password,
            _optional_text(host, "host"),
            _as_port(port),
            _optional_text(database, "database"),
            _freeze_query(query),
        )

    def set(
        self,
        drivername: str | None = None,
        username: str | None = None,
        password: str | None = None,
        host: str | None = None,
        port: int | str | None = None,
        database: str | None = None,
        query: Mapping[str, QueryValue] | Sequence[tuple[str, QueryValue]] | None = None,
    ) -> URL:
        """Return a URL with the given parts replaced; None leaves a part as it is."""
        return URL.create(
            self.drivername if drivername is None else drivername,
            self.username if username is None else username,
            self.password if password is None else password,
            self.host if host is None else host,
            self.port if port is None else port,
            self.database if database is None else database,
            self.query if query is None else query,
        )

    def update_query_string(
        self, query_string: str, append: bool = False, keep_blank_values: bool = False
    ) -> URL:
        """Return a URL with the parameters of `a=1&b=2` added to the query."""
        pairs = parse_qsl(query_string, keep_blank_values=keep_blank_values)
        return self.update_query_pairs(pairs, append=append)

    def update_query_pairs(
        self, key_value_pairs: Iterable[tuple[str, QueryValue]], append: bool = False
    ) -> URL:
        """Return a URL with the pairs added; a name given twice becomes several values.

        Args:
            append: Keep the values that a name already has, instead of replacing them.
        """
        fresh = _freeze_query(list(key_value_pairs))
        merged: dict[str, Any] = dict(self.query)
        for name, value in fresh.items():
            if append and name in merged:
                value = (*_as_tuple(merged[name]), *_as_tuple(value))
            merged[name] = value
        return self.set(query=merged)

    def update_query_dict(
        self, query_parameters: Mapping[str, QueryValue], append: bool = False
    ) -> URL:
        """Return a URL with the parameters of a mapping added to the query."""
        return self.update_query_pairs(query_parameters.items(), append=append)

    def difference_update_query(self, names: Iterable[str]) -> URL:
        """Return a URL without the named query parameters."""
        dropped = set(names)
        if not dropped.intersection(self.query):
            return self
        kept = {name: value for name, value in self.query.items() if name not in dropped}
        return URL(*self[:6], immutabledict(kept))

    @property
    def normalized_query(self) -> Mapping[str, Sequence[str]]:
        """The query with every value as a tuple."""
        return immutabledict({name: _as_tuple(value) for name, value in self.query.items()})

    def render_as_string(self, hide_password: bool = True) -> str:
        """Return the URL as a string, which `make_url()` reads back.

        Args:
            hide_password: Show `***` in the place of the password.
        """
        text = self.drivername + "://"
        if self.username is not None:
            text += quote(self.username, safe=" +")
            if self.password is not None:
                shown = "***" if hide_password else quote(str(self.password), safe=" +")
                text += ":" + shown
            text += "@"
        if self.host is not None:
            text += f"[{self.host}]" if ":" in self.host else self.host
        if self.port is not None:
            text += f":{self.port}"
        if self.database is not None:
            text += "/" + quote(self.database, safe=" +/")
        if self.query:
            pairs = [
                f"{quote_plus(name)}={quote_plus(value)}"
                for name in sorted(self.query)
                for value in _as_tuple(self.query[name])
            ]
            text += "?" + "&".join(pairs)
        return text

    def __str__(self) -> str:
        return self.render_as_string()

    __repr__ = __str__

    def __copy__(self) -> URL:
        return URL(*self)

    def __deepcopy__(self, memo: Any) -> URL:
        return URL(*self)

    def __hash__(self) -> int:
        return hash(self.render_as_string(hide_password=False))

    def get_backend_name(self) -> str:
        """Return the name of the database: `postgresql` of `postgresql+psycopg`."""
        name = self.drivername.partition("+")[0]
        return "postgresql" if name == "postgres" else name

    def get_driver_name(self) -> str:
        """Return the name after the `+`, or that of the dialect's usual driver."""
        driver = self.drivername.partition("+")[2]
        return driver or cast(str, self.get_dialect().driver)

    def get_dialect(self) -> Any:
        """Return the dialect class of this URL."""
        from pyorm.engine._dsn import dialect_of

        return dialect_of(self)

    def translate_connect_args(self, **names: str) -> dict[str, Any]:
        """Return the parts that are set as a dict, under other names where `names` says so.

        Example:
            `url.translate_connect_args(username="user", database="dbname")`
        """
        parts = ("host", "database", "username", "password", "port")
        found = {part: getattr(self, part) for part in parts if getattr(self, part)}
        return {names.get(part, part): value for part, value in found.items()}


def make_url(name_or_url: str | URL, keep_blank_values: bool = False) -> URL:
    """Return the URL that a string spells; a URL is returned as it is.

    Args:
        keep_blank_values: Keep query parameters whose value is empty (`?key=`).

    Raises:
        ArgumentError: It is neither a string nor a URL, or the string is not a URL.
    """
    if isinstance(name_or_url, URL):
        return name_or_url
    if not isinstance(name_or_url, str):
        raise exc.ArgumentError(f"Expected string or URL object, got {name_or_url!r}")
    found = _PATTERN.fullmatch(name_or_url)
    if found is None:
        raise exc.ArgumentError("Could not parse SQLAlchemy URL from given URL string")
    parts = found.groupdict()
    query: dict[str, Any] = {}
    for name, value in parse_qsl(parts["query"] or "", keep_blank_values=keep_blank_values):
        query[name] = (*_as_tuple(query[name]), value) if name in query else value
    return URL.create(
        parts["name"],
        _unquoted(parts["username"]),
        _unquoted(parts["password"]),
        parts["ipv4host"] or parts["ipv6host"],
        parts["port"] or None,
        _unquoted(parts["database"]) or None,
        query,
    )


def _unquoted(text: str | None) -> str | None:
    return None if text is None else unquote(text)


def _require_text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a string")
    if not value:
        raise TypeError(f"{what} must not be empty")
    return value


def _optional_text(value: Any, what: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{what} must be a string")
    return value


def _as_port(port: int | str | None) -> int | None:
    if port is None:
        return None
    try:
        return int(port)
    except TypeError:
        raise TypeError("Port argument must be an integer or None") from None


def _as_tuple(value: QueryValue) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _freeze_query(
    query: Mapping[str, QueryValue] | Sequence[tuple[str, QueryValue]] | None,
) -> Query:
    """Return the query as an immutable dict of strings and tuples of strings."""
    if not query:
        return EMPTY_DICT
    pairs = query.items() if isinstance(query, Mapping) else query
    frozen: dict[str, Any] = {}
    for name, value in pairs:
        if not isinstance(name, str):
            raise TypeError("Query dictionary keys must be strings")
        if not isinstance(value, str):
            if not isinstance(value, Sequence) or not all(isinstance(v, str) for v in value):
                raise TypeError("Query dictionary values must be strings or sequences of strings")
            value = tuple(value)
        if name in frozen:
            value = (*_as_tuple(frozen[name]), *_as_tuple(value))
        frozen[name] = value
    return immutabledict(frozen)
