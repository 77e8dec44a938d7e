"""Connection pools: SQLAlchemy's classes over the C pool.

A pool is made with a `creator` (a callable that returns a connection of `pyorm.dbapi`), or by
`create_engine()` with the parameters the driver connects with. How connections wait, settle
and are replaced is csrc/pool/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from pyorm import _core, exc
from pyorm._core import PoolProxiedConnection
from pyorm._engine_events import POOL, PoolResetState
from pyorm.event import ClassDispatch, listen
from pyorm.log import EngineLogger, instance_logger

__all__ = [
    "AssertionPool",
    "AsyncAdaptedQueuePool",
    "NullPool",
    "Pool",
    "PoolProxiedConnection",
    "PoolResetState",
    "QueuePool",
    "SingletonThreadPool",
    "StaticPool",
]

ConnectionPoolEntry = _core.ConnectionPoolEntry
_ConnectionRecord = ConnectionPoolEntry
_ConnectionFairy = PoolProxiedConnection
_RESETS = {True: "rollback", "rollback": "rollback", "commit": "commit", False: None, None: None}
_FOREVER = 1e12


class Pool(_core.PoolCore):
    """Base of all pools.

    Args:
        creator: Called without arguments for a new connection of `pyorm.dbapi`.
        recycle: Seconds after which a connection is replaced at checkout; -1: never.
        echo: Log checkouts and checkins.
        reset_on_return: "rollback" (True), "commit", or None.
        events: Pairs (listener, event name).
        pre_ping: Ask the server at each checkout whether the connection lives.
    """

    dispatch = ClassDispatch(POOL)
    _kind: ClassVar[int] = _core.POOL_QUEUE

    def __init__(
        self,
        creator: Callable[..., Any] | None = None,
        recycle: int = -1,
        echo: bool | str | None = None,
        logging_name: str | None = None,
        reset_on_return: bool | str | None = True,
        events: Iterable[tuple[Callable[..., Any], str]] | None = None,
        dialect: Any = None,
        pre_ping: bool = False,
        *,
        _size: int = 0,
        _max_overflow: int = -1,
        _timeout: float = 30.0,
        _lifo: bool = False,
        _connect: dict[str, Any] | None = None,
    ) -> None:
        if reset_on_return not in _RESETS:
            raise exc.ArgumentError(
                f"Invalid value for 'reset_on_return': {reset_on_return!r}"
            )
        self.logging_name = logging_name
        self._creator = creator
        self._arguments = {
            "creator": creator,
            "recycle": recycle,
            "echo": echo,
            "logging_name": logging_name,
            "reset_on_return": reset_on_return,
            "dialect": dialect,
            "pre_ping": pre_ping,
        }
        self._connect = _connect
        self._pre_ping = pre_ping
        self._recycle = recycle
        self._timeout = _timeout
        self._size_limits = (_size, _max_overflow)
        kind = type(self).__name__
        self.logger = EngineLogger(instance_logger(f"pool.{kind}", logging_name), echo)
        self.echo = echo
        connect = _connect or {}
        driver = connect.get("driver") or getattr(dialect, "name", None) or _driver_of(creator)
        self._driver_name = driver
        self._configure(
            driver,
            connect.get("dsn", {}),
            creator,
            self._kind,
            _RESETS[reset_on_return],
            pre_ping,
            _lifo,
            _size,
            _max_overflow,
            _timeout if _timeout is not None else _FOREVER,
            float(recycle),
            float(connect.get("timeout", 10.0)),
            connect.get("json_serializer"),
            connect.get("json_deserializer"),
            connect.get("profile") == "sqlalchemy",
            connect.get("style", 1 if driver == "postgresql" else 0),
        )
        self._dispatch = POOL.dispatch(type(self).dispatch)
        for listener, name in events or ():
            listen(self, name, listener)
        if echo:
            self._log_checkouts()

    def connect(self) -> PoolProxiedConnection:
        """Check a connection out; `close()` gives it back."""
        return super().connect()

    def dispose(self) -> None:
        """Close what is idle; what is in use is closed when it comes back."""
        self._dispose()

    def recreate(self) -> Pool:
        """Return a new pool like this one, with its listeners."""
        made = type(self)(**self._new_arguments())
        made._dispatch = self.dispatch
        if self._engine_dispatch is not None:
            made._engine_dispatch = self._engine_dispatch
        return made

    def _new_arguments(self) -> dict[str, Any]:
        return {**self._arguments, "_connect": self._connect or {"driver": self._driver_name}}

    def _make_connection(self) -> Any:
        """Make one connection: by the creator, or as do_connect listeners change the parameters."""
        if self._creator is not None:
            return self._creator()
        connect = self._connect or {}
        return connect["engine_connect"](self)

    def _log_checkouts(self) -> None:
        def say(text: str) -> Callable[..., None]:
            def log(dbapi_connection: Any, *rest: Any) -> None:
                self.logger.emit(10, None, text, dbapi_connection)

            return log

        listen(self, "checkout", say("Connection %r checked out from pool"))
        listen(self, "checkin", say("Connection %r being returned to pool"))
        listen(self, "connect", say("Created new connection %r"))
        listen(self, "close", say("Closing connection %r"))

    def status(self) -> str:
        """Describe the pool in a line."""
        return type(self).__name__

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} object at {id(self):#x}>"


class QueuePool(Pool):
    """Keeps up to pool_size connections, opens max_overflow more, lets others wait.

    Args:
        pool_size: Connections kept; 0: no limit.
        max_overflow: Connections opened beyond it while it is busy; -1: no limit.
        timeout: Seconds to wait for a connection.
        use_lifo: Hand out the connection that came back last.
    """

    def __init__(
        self,
        creator: Callable[..., Any] | None = None,
        pool_size: int = 5,
        max_overflow: int = 10,
        timeout: float = 30.0,
        use_lifo: bool = False,
        **kw: Any,
    ) -> None:
        super().__init__(
            creator,
            _size=pool_size,
            _max_overflow=max_overflow,
            _timeout=timeout,
            _lifo=use_lifo,
            **kw,
        )
        self._arguments.update(
            pool_size=pool_size, max_overflow=max_overflow, timeout=timeout, use_lifo=use_lifo
        )

    def status(self) -> str:
        """Describe sizes and use in a line."""
        return (
            f"Pool size: {self.size()}  Connections in pool: {self.checkedin()} "
            f"Current Overflow: {self.overflow()} "
            f"Current Checked out connections: {self.checkedout()}"
        )

    def size(self) -> int:
        """Return pool_size."""
        return self._size_limits[0]

    def timeout(self) -> float:
        """Return the seconds a checkout waits."""
        return self._timeout

    def checkedin(self) -> int:
        """Return how many connections wait in the pool."""
        stats = self._stats()
        return int(stats["idle"]) + int(stats["settling"])

    def checkedout(self) -> int:
        """Return how many connections are in use."""
        return int(self._stats()["used"])

    def overflow(self) -> int:
        """Return how many connections there are beyond pool_size; negative: fewer."""
        stats = self._stats()
        total = stats["idle"] + stats["settling"] + stats["busy"] + stats["used"]
        return int(total) - self.size()


class AsyncAdaptedQueuePool(QueuePool):
    """QueuePool under the name that async engines have in SQLAlchemy."""


class NullPool(Pool):
    """Opens a connection at every checkout and closes it at checkin."""

    _kind = _core.POOL_NULL

    def status(self) -> str:
        """Return the class's name."""
        return "NullPool"


class StaticPool(Pool):
    """One connection, shared by everybody."""

    _kind = _core.POOL_STATIC

    def status(self) -> str:
        """Return the class's name."""
        return "StaticPool"


class SingletonThreadPool(Pool):
    """One connection per thread.

    Args:
        pool_size: Above so many threads the oldest connections are closed.
    """

    _kind = _core.POOL_THREAD

    def __init__(
        self, creator: Callable[..., Any] | None = None, pool_size: int = 5, **kw: Any
    ) -> None:
        super().__init__(creator, _size=pool_size, **kw)
        self._arguments["pool_size"] = pool_size

    def size(self) -> int:
        """Return pool_size."""
        return self._size_limits[0]

    def status(self) -> str:
        """Describe the pool in a line."""
        stats = self._stats()
        total = stats["idle"] + stats["settling"] + stats["busy"] + stats["used"]
        return f"SingletonThreadPool id:{id(self)} size: {total}"


class AssertionPool(Pool):
    """Allows one connection at a time, and raises where a second one is asked for."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, _size=1, _max_overflow=0, _timeout=0.0, **kw)
        self._single = True

    def status(self) -> str:
        """Return the class's name."""
        return "AssertionPool"


def _driver_of(creator: Callable[..., Any] | None) -> str:
    """Return which database a creator connects to, by connecting once."""
    if creator is None:
        raise exc.ArgumentError("a pool needs a creator")
    connection = creator()
    try:
        return str(connection._driver)
    finally:
        connection.close()
