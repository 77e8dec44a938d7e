"""create_engine() and what belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyorm import exc
from pyorm.engine._dsn import (
    PROFILES,
    connection_parameters,
    dialect_of,
    is_memory_database,
)
from pyorm.engine._isolation import isolation_number
from pyorm.engine._sqlite_library import warn_of_second_copy
from pyorm.engine.base import Engine
from pyorm.engine.url import URL, make_url
from pyorm.pool import Pool, QueuePool, SingletonThreadPool

__all__ = ["create_engine", "create_pool_from_url", "engine_from_config"]

_QUEUE_ARGUMENTS = {
    "pool_size": "pool_size",
    "max_overflow": "max_overflow",
    "pool_timeout": "timeout",
    "pool_use_lifo": "use_lifo",
}
_POOL_ARGUMENTS = {
    "pool_recycle": "recycle",
    "echo_pool": "echo",
    "pool_logging_name": "logging_name",
    "pool_reset_on_return": "reset_on_return",
    "pool_events": "events",
    "pool_pre_ping": "pre_ping",
}
_ENGINE_ARGUMENTS = (
    "logging_name",
    "echo",
    "query_cache_size",
    "execution_options",
    "hide_parameters",
    "json_serializer",
    "json_deserializer",
)
_DIALECT_ARGUMENTS = (
    "paramstyle",
    "label_length",
    "max_identifier_length",
    "supports_native_boolean",
    "supports_statement_cache",
    "enable_from_linting",
    "use_insertmanyvalues",
    "insertmanyvalues_page_size",
    "skip_autocommit_rollback",
    "native_datetime",
    "use_native_hstore",
    "client_encoding",
    "pool_threadlocal",
    "future",
)
_PARAMSTYLES = ("qmark", "numeric", "named", "format", "pyformat", "numeric_dollar")
_IGNORED_FALSY = ("module", "plugins", "strategy")


def create_engine(url: str | URL, **kw: Any) -> Engine:
    """Make an engine; no connection is opened before one is needed.

    Args:
        url: `postgresql://…` or `sqlite://…`.
        profile: "default", "pyorm" or "sqlalchemy": which defaults apply.
        connect_args: Arguments for the driver that are not in the URL.
        creator: A callable that returns a connection of `pyorm.dbapi`, instead of the URL's.
        pool, poolclass, pool_size, max_overflow, pool_timeout, pool_recycle, pool_pre_ping,
            pool_use_lifo, pool_reset_on_return, pool_events, pool_logging_name, echo_pool:
            the pool's, see `pyorm.pool`.
        echo: True logs statements, "debug" rows too.
        hide_parameters: Leave values out of logs and exceptions.
        isolation_level: Level of every connection.
        execution_options: Options of every connection.
        query_cache_size: Compiled statements kept; 0: none.
        json_serializer, json_deserializer: For JSON columns.
        logging_name: Put behind the logger's name.

    Raises:
        ArgumentError: The URL cannot be read.
        NoSuchModuleError: No such database or driver.
        TypeError: An argument that nobody knows.

    Example:
        >>> from pyorm import create_engine, text
        >>> with create_engine("sqlite://").connect() as connection:
        ...     connection.scalar(text("SELECT 6 * :n"), {"n": 7})
        42
    """
    url = make_url(url)
    profile = kw.pop("profile", "default")
    if profile not in PROFILES:
        raise exc.ArgumentError(f"profile is one of {', '.join(PROFILES)}, not {profile!r}")
    dialect_class = dialect_of(url)
    if dialect_class.name == "sqlite":
        warn_of_second_copy()
    _drop_falsy(kw)
    isolation_level = kw.pop("isolation_level", None)
    engine_kw = {name: kw.pop(name) for name in _ENGINE_ARGUMENTS if name in kw}
    dialect = dialect_class(**_dialect_arguments(kw, engine_kw))
    pool = _make_pool(url, dialect, profile, kw, engine_kw)
    if kw:
        names = ",".join(map(repr, kw))
        raise TypeError(
            f"Invalid argument(s) {names} sent to create_engine(), using configuration "
            f"{dialect_class.__name__}/{type(pool).__name__}/Engine.  Please check that the "
            "keyword arguments are appropriate for this combination of components."
        )
    engine = Engine(pool, dialect, url, profile=profile, **engine_kw)
    if isolation_level is not None:
        number = isolation_number(dialect.name, isolation_level)
        engine._set_tx(number, *engine._get_tx()[1:])
    return engine


def _drop_falsy(kw: dict[str, Any]) -> None:
    """Forget arguments that say "nothing special" about what the native drivers have not."""
    for name in _IGNORED_FALSY:
        if name in kw and not kw[name]:
            del kw[name]
    if kw.get("future", True) is not True:
        raise exc.ArgumentError("The 'future' parameter passed to create_engine() may only be True.")


def _dialect_arguments(kw: dict[str, Any], engine_kw: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: kw.pop(name) for name in _DIALECT_ARGUMENTS if name in kw}
    style = found.get("paramstyle")
    if style is not None and style not in _PARAMSTYLES:
        raise exc.ArgumentError(f"paramstyle is one of {', '.join(_PARAMSTYLES)}, not {style!r}")
    found.pop("future", None)
    found.pop("pool_threadlocal", None)
    for name in ("json_serializer", "json_deserializer"):
        if engine_kw.get(name) is not None:
            found[name] = engine_kw[name]
    return found


def _pool_class(url: URL, kw: dict[str, Any]) -> type[Pool]:
    given = kw.pop("poolclass", None)
    if given is not None:
        return given  # type: ignore[no-any-return]
    if url.get_backend_name() == "sqlite" and is_memory_database(url):
        return SingletonThreadPool
    return QueuePool


def _make_pool(
    url: URL, dialect: Any, profile: str, kw: dict[str, Any], engine_kw: Mapping[str, Any]
) -> Pool:
    """Make the engine's pool, and take its arguments out of `kw`."""
    given = kw.pop("pool", None)
    creator = kw.pop("creator", None)
    connect_args = dict(kw.pop("connect_args", None) or {})
    poolclass = _pool_class(url, kw)
    arguments = {ours: kw.pop(name) for name, ours in _POOL_ARGUMENTS.items() if name in kw}
    if given is not None:
        return given  # type: ignore[no-any-return]
    if issubclass(poolclass, QueuePool):
        names = _QUEUE_ARGUMENTS
    elif issubclass(poolclass, SingletonThreadPool):
        names = {"pool_size": "pool_size"}
    else:
        names = {}
    arguments.update({ours: kw.pop(name) for name, ours in names.items() if name in kw})
    connect = connect_settings(url, dialect, profile, connect_args, engine_kw)
    return poolclass(creator=creator, dialect=dialect, _connect=connect, **arguments)


def connect_settings(
    url: URL,
    dialect: Any,
    profile: str,
    connect_args: Mapping[str, Any],
    engine_kw: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what a pool needs to connect by itself."""
    native = url.drivername.endswith("+asyncpg")
    timeout = connect_args.get("connect_timeout") or url.query.get("connect_timeout") or 10.0

    def connect_with_listeners(pool: Pool) -> Any:
        return _connect_with_listeners(pool, url, dialect, connect_args, profile, float(timeout))

    return {
        "driver": dialect.name,
        "dsn": connection_parameters(url, connect_args, profile),
        "timeout": float(timeout),
        "profile": profile,
        "style": 1 if dialect.name == "postgresql" and not native else 0,
        "json_serializer": engine_kw.get("json_serializer"),
        "json_deserializer": engine_kw.get("json_deserializer"),
        "engine_connect": connect_with_listeners,
    }


def _connect_with_listeners(
    pool: Pool,
    url: URL,
    dialect: Any,
    connect_args: Mapping[str, Any],
    profile: str,
    timeout: float,
) -> Any:
    """Connect as listeners of do_connect want it: they may change the arguments or connect."""
    from pyorm import dbapi

    cargs: list[Any] = []
    cparams: dict[str, Any] = connection_parameters(url, connect_args, profile)
    if dialect.name == "postgresql" and "user" in cparams:
        cparams.setdefault("password", "")
    for listener in pool._engine_dispatch.do_connect:
        connection = listener(dialect, None, cargs, cparams)
        if connection is not None:
            return connection
    return dbapi.connect_with(dialect.name, cparams, timeout=timeout)


def create_pool_from_url(url: str | URL, **kw: Any) -> Pool:
    """Make only the pool that `create_engine()` would make."""
    for name in ("pool_recycle", "pool_size", "pool_timeout", "pool_use_lifo", "pool_pre_ping"):
        short = name.removeprefix("pool_")
        if short in kw and short != "size":
            kw[name] = kw.pop(short)
    pool: Pool = create_engine(url, **kw).pool
    return pool


def _as_bool(value: str) -> bool:
    return str(value).strip().lower() in ("true", "yes", "on", "y", "t", "1")


def _echo(value: str) -> bool | str:
    return "debug" if value == "debug" else _as_bool(value)


_CONVERTERS: dict[str, Callable[[str], Any]] = {
    "convert_unicode": _as_bool,
    "pool_timeout": float,
    "echo": _echo,
    "echo_pool": _echo,
    "pool_recycle": int,
    "pool_size": int,
    "max_overflow": int,
    "query_cache_size": int,
    "future": _as_bool,
    "hide_parameters": _as_bool,
    "pool_pre_ping": _as_bool,
    "pool_use_lifo": _as_bool,
}


def engine_from_config(
    configuration: Mapping[str, Any], prefix: str = "sqlalchemy.", **kwargs: Any
) -> Engine:
    """Make an engine from the entries of a mapping whose names begin with a prefix.

    Example:
        >>> from pyorm import engine_from_config
        >>> engine_from_config({"sqlalchemy.url": "sqlite://", "sqlalchemy.pool_recycle": "300"})
        Engine(sqlite://)
    """
    options = {
        name.removeprefix(prefix): value
        for name, value in configuration.items()
        if name.startswith(prefix)
    }
    for name, convert in _CONVERTERS.items():
        if isinstance(options.get(name), str):
            options[name] = convert(options[name])
    options.update(kwargs)
    url = options.pop("url")
    return create_engine(url, **options)


