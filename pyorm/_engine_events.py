"""The events of engines, connections and pools.

The order of the names is C's (csrc/exec/exec.h, exec_int.h); here is what each is called with.
`retval=True` matters for before_execute and before_cursor_execute: what the listener returns
replaces the statement and the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyorm import _core
from pyorm.event import Family, Listener, register_family

_ENGINE_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "before_execute": ("conn", "clauseelement", "multiparams", "params", "execution_options"),
    "after_execute": (
        "conn",
        "clauseelement",
        "multiparams",
        "params",
        "execution_options",
        "result",
    ),
    "before_cursor_execute": (
        "conn",
        "cursor",
        "statement",
        "parameters",
        "context",
        "executemany",
    ),
    "after_cursor_execute": (
        "conn",
        "cursor",
        "statement",
        "parameters",
        "context",
        "executemany",
    ),
    "handle_error": ("exception_context",),
    "engine_connect": ("conn",),
    "set_connection_execution_options": ("conn", "opts"),
    "set_engine_execution_options": ("engine", "opts"),
    "engine_disposed": ("engine",),
    "begin": ("conn",),
    "rollback": ("conn",),
    "commit": ("conn",),
    "savepoint": ("conn", "name"),
    "rollback_savepoint": ("conn", "name", "context"),
    "release_savepoint": ("conn", "name", "context"),
    "do_connect": ("dialect", "conn_rec", "cargs", "cparams"),
    "begin_twophase": ("conn", "xid"),
    "prepare_twophase": ("conn", "xid"),
    "commit_twophase": ("conn", "xid", "is_prepared"),
    "rollback_twophase": ("conn", "xid", "is_prepared"),
}
_POOL_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "connect": ("dbapi_connection", "connection_record"),
    "first_connect": ("dbapi_connection", "connection_record"),
    "checkout": ("dbapi_connection", "connection_record", "connection_proxy"),
    "checkin": ("dbapi_connection", "connection_record"),
    "reset": ("dbapi_connection", "connection_record", "reset_state"),
    "invalidate": ("dbapi_connection", "connection_record", "exception"),
    "soft_invalidate": ("dbapi_connection", "connection_record", "exception"),
    "close": ("dbapi_connection", "connection_record"),
    "detach": ("dbapi_connection", "connection_record"),
    "close_detached": ("dbapi_connection",),
}
_RETURNING = ("before_execute", "before_cursor_execute")


def _resolve_engine(target: Any, name: str) -> Any:
    from pyorm.dialects._base import Dialect
    from pyorm.engine.base import Connection, Engine

    if isinstance(target, type):
        if issubclass(target, (Engine, Connection)):
            return Engine.dispatch if issubclass(target, Connection) else target.dispatch
        return Engine.dispatch if issubclass(target, Dialect) else None
    if isinstance(target, Engine):
        return target.dispatch
    if isinstance(target, Connection):
        return target._own_dispatch()
    return None


def _resolve_pool(target: Any, name: str) -> Any:
    from pyorm.engine.base import Engine
    from pyorm.pool import Pool

    if isinstance(target, type):
        if issubclass(target, Engine):
            return Pool.dispatch
        return target.dispatch if issubclass(target, Pool) else None
    if isinstance(target, Engine):
        return target.pool.dispatch
    return target.dispatch if isinstance(target, Pool) else None


def _adapt_engine(name: str, listener: Listener) -> Callable[..., Any]:
    """Drop what a listener returns unless it said that it matters."""
    function = listener.original
    if name == "savepoint":
        return lambda conn, point, context: function(conn, point)
    if name not in _RETURNING or listener.options.get("retval"):
        return function

    def ignore(*args: Any) -> None:
        function(*args)

    return ignore


@dataclass(frozen=True, slots=True)
class PoolResetState:
    """What a `reset` listener is told of the connection that comes back to its pool."""

    transaction_was_reset: bool
    """A Connection ended its transaction already; False: nobody has, as far as is known."""
    terminate_only: bool
    """The connection will be closed, not used again."""
    asyncio_safe: bool
    """The listener may use the connection."""


_RESET_STATES = tuple(
    PoolResetState(bool(number & 1), bool(number & 2), True) for number in range(4)
)


def _adapt_pool(name: str, listener: Listener) -> Callable[..., Any]:
    """Make C's number of a reset state the object that listeners expect."""
    function = listener.original
    if name != "reset":
        return function
    return lambda connection, record, state: function(connection, record, _RESET_STATES[state])


ENGINE = Family(
    "engine",
    {name: _ENGINE_ARGUMENTS[name] for name in _core.ENGINE_EVENTS},
    _resolve_engine,
    options=("retval",),
    adapt=_adapt_engine,
)
POOL = Family(
    "pool",
    {name: _POOL_ARGUMENTS[name] for name in _core.POOL_EVENTS},
    _resolve_pool,
    adapt=_adapt_pool,
)
register_family(ENGINE)
register_family(POOL)
