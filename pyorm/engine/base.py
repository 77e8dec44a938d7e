"""Engine and Connection: thin classes over the C core.

What runs per statement is C (csrc/exec/); here are construction, options, and what a program
calls once in a while.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pyorm import _core, exc
from pyorm._collections import immutabledict
from pyorm._engine_events import ENGINE
from pyorm.engine._isolation import (
    ask_rows,
    isolation_number,
    level_names,
    read_level,
    tx_settings,
)
from pyorm.engine.transaction import (
    NestedTransaction,
    RootTransaction,
    TwoPhaseTransaction,
    quote_xid,
    run_outside,
)
from pyorm.event import ClassDispatch
from pyorm.log import EngineLogger, instance_logger

__all__ = ["Connection", "Engine"]

_ALREADY_BEGUN = (
    "This connection has already initialized a SQLAlchemy Transaction() object via begin() or "
    "autobegin; "
)


class Engine(_core.EngineCore):
    """A database with its pool of connections; made by `create_engine()`."""

    dispatch = ClassDispatch(ENGINE)

    if TYPE_CHECKING:  # the core makes instances of the class below

        def connect(self) -> Connection: ...

    def __init__(
        self,
        pool: Any,
        dialect: Any,
        url: Any,
        *,
        logging_name: str | None = None,
        echo: bool | str | None = None,
        query_cache_size: int = 500,
        execution_options: Mapping[str, Any] | None = None,
        hide_parameters: bool = False,
        profile: str = "default",
        json_serializer: Any = None,
        json_deserializer: Any = None,
        _base: Engine | None = None,
    ) -> None:
        self.logging_name = logging_name
        self.profile = profile
        logger = EngineLogger(
            instance_logger("engine.Engine", logging_name), echo, hide_parameters
        )
        self._json = (json_serializer, json_deserializer)
        self._cache_size = query_cache_size
        self._configure(
            pool,
            dialect,
            url,
            logger,
            hide_parameters,
            profile == "sqlalchemy",
            json_serializer,
            json_deserializer,
            query_cache_size,
            _base,
        )
        if _base is None:
            self._dispatch = ENGINE.dispatch(type(self).dispatch)
            pool._engine_dispatch = self._dispatch
        else:
            self._dispatch = ENGINE.dispatch(_base.dispatch)
        if execution_options:
            self.update_execution_options(**execution_options)

    @property
    def engine(self) -> Self:
        """This engine: engines and connections both have the attribute."""
        return self

    @property
    def name(self) -> str:
        """The database's name: postgresql or sqlite."""
        return str(self.dialect.name)

    @property
    def driver(self) -> str:
        """The driver's name."""
        return str(self.dialect.driver)

    @property
    def echo(self) -> bool | str | None:
        """Whether statements are logged by this engine; connections made later obey."""
        echo: bool | str | None = self._logger.echo
        return echo

    @echo.setter
    def echo(self, value: bool | str | None) -> None:
        self._logger.echo = value

    @property
    def logger(self) -> Any:
        """The logger of `logging`."""
        return self._logger.logger

    def begin(self) -> _EngineBegin:
        """Return a context manager: a connection in a transaction, committed at the end."""
        return _EngineBegin(self)

    def dispose(self, close: bool = True) -> None:
        """Put a new, empty pool in the place of this one.

        Args:
            close: True closes the old pool's idle connections, and what is in use when it
                comes back. False closes nothing: what waits in the old pool ends when nobody
                refers to it, what is in use goes on (a child process after a fork, which
                must not close what it shares with its parent).
        """
        old = self.pool
        if close:
            old.dispose()
        else:
            old._abandon()
        self.pool = old.recreate()
        for listener in self.dispatch.engine_disposed:
            listener(self)

    def get_execution_options(self) -> Mapping[str, Any]:
        """Return the options that every connection of this engine begins with."""
        return immutabledict(self._options)

    def execution_options(self, **opt: Any) -> Engine:
        """Return an engine over the same pool and cache with other options."""
        made = type(self).__new__(type(self))
        Engine.__init__(
            made,
            self.pool,
            self.dialect,
            self.url,
            logging_name=self.logging_name,
            echo=self.echo,
            hide_parameters=self.hide_parameters,
            profile=self.profile,
            json_serializer=self._json[0],
            json_deserializer=self._json[1],
            _base=self,
        )
        made._options = dict(self._options)
        made._set_tx(*self._get_tx())
        made.update_execution_options(**opt)
        return made

    def update_execution_options(self, **opt: Any) -> None:
        """Change the options of this engine in place."""
        for listener in self.dispatch.set_engine_execution_options:
            listener(self, opt)
        self._options = {**self._options, **opt}
        settings = tx_settings(self.dialect.name, self._get_tx(), opt)
        if settings is not None:
            self._set_tx(*settings)

    def _run_ddl_visitor(self, visitor: Any, element: Any, **kw: Any) -> None:
        with self.begin() as connection:
            connection._run_ddl_visitor(visitor, element, **kw)

    def __repr__(self) -> str:
        return f"Engine({self.url!r})"


class _EngineBegin:
    """What `Engine.begin()` returns."""

    __slots__ = ("_connection", "_engine", "_transaction")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Connection:
        self._connection = self._engine.connect()
        try:
            self._transaction = RootTransaction(self._connection)
        except BaseException:
            self._connection.close()
            raise
        self._transaction.__enter__()
        return self._connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._transaction.__exit__(kind, value, traceback)
        finally:
            self._connection.close()


class Connection(_core.Connection):
    """A connection of an engine in use; close() or a `with` block gives it back."""

    @property
    def dispatch(self) -> Any:
        """The listeners of this connection."""
        return self._dispatch

    @property
    def dialect(self) -> Any:
        """The engine's dialect."""
        return self.engine.dialect

    @property
    def info(self) -> dict[Any, Any]:
        """A dict that lives as long as the connection of the driver."""
        return self.connection.info  # type: ignore[no-any-return]

    # --- transactions ---

    def begin(self) -> RootTransaction:
        """Begin the transaction; raises where one is begun."""
        if self._blocked:
            self._ready()
        if self._begun:
            raise exc.InvalidRequestError(
                _ALREADY_BEGUN
                + "can't call begin() here unless rollback() or commit() is called first."
            )
        return RootTransaction(self)

    def begin_twophase(self, xid: str | None = None) -> TwoPhaseTransaction:
        """Begin a transaction that is committed in two steps, prepare() and commit(); PostgreSQL.

        Args:
            xid: its name, unique among the prepared transactions of the server; made up if None.

        Raises:
            InvalidRequestError: A transaction is begun already.
            NotImplementedError: The database has no two-phase transactions.
        """
        self._ready()
        if self._begun:
            raise exc.InvalidRequestError(
                "Cannot start a two phase transaction when a transaction is already in progress."
            )
        self._need_twophase("begin_twophase")
        name = f"_sa_{secrets.token_hex(16)}" if xid is None else xid
        quote_xid(name)
        return TwoPhaseTransaction(self, name)

    def recover_twophase(self) -> list[str]:
        """Return the names of the transactions that are prepared on the server."""
        self._need_twophase("recover_twophase")
        return [row[0] for row in ask_rows(self, "SELECT gid FROM pg_prepared_xacts ORDER BY prepared")]

    def commit_prepared(self, xid: str, recover: bool = False) -> None:
        """Commit a prepared transaction by its name, whoever has prepared it.

        Args:
            xid: its name.
            recover: it is not this connection's own: what is begun here is rolled back first.
        """
        self._end_prepared("commit", xid, recover)

    def rollback_prepared(self, xid: str, recover: bool = False) -> None:
        """Roll a prepared transaction back by its name; arguments as commit_prepared()."""
        self._end_prepared("rollback", xid, recover)

    def _end_prepared(self, verb: str, xid: str, recover: bool) -> None:
        self._need_twophase(f"{verb}_prepared")
        own = self._transaction
        if isinstance(own, TwoPhaseTransaction) and own.xid == xid:
            getattr(own, verb)()
            return
        if self._begun:
            if not recover:
                raise exc.InvalidRequestError(
                    f"{verb}_prepared({xid!r}): a transaction is begun on this Connection; end it first"
                )
            self.rollback()
        run_outside(self, f"{verb.upper()} PREPARED {quote_xid(xid)}")

    def _need_twophase(self, method: str) -> None:
        if self.dialect.name != "postgresql":
            raise NotImplementedError(
                f"Connection.{method}(): {self.dialect.name} has no two-phase transactions; they need PostgreSQL, "
                "with max_prepared_transactions above 0"
            )

    def begin_nested(self) -> NestedTransaction:
        """Set a savepoint, in a transaction that is begun where none is."""
        self._ready()
        return NestedTransaction(self)

    def in_transaction(self) -> bool:
        """Say whether a transaction is begun."""
        return bool(self._begun)

    def in_nested_transaction(self) -> bool:
        """Say whether a savepoint is set."""
        return self._nested is not None and self._nested.is_active

    def get_transaction(self) -> RootTransaction | None:
        """Return the transaction that is begun, also by autobegin, or None."""
        if self._transaction is None and self._begun:
            RootTransaction(self)
        return self._transaction  # type: ignore[no-any-return]

    def get_nested_transaction(self) -> NestedTransaction | None:
        """Return the innermost savepoint, or None."""
        return self._nested  # type: ignore[no-any-return]

    # --- options ---

    def get_execution_options(self) -> Mapping[str, Any]:
        """Return the options that statements of this connection are executed with."""
        return immutabledict(self._options)

    def execution_options(self, **opt: Any) -> Connection:
        """Change the options of this connection in place, and return it."""
        for listener in self._dispatch.set_connection_execution_options:
            listener(self, opt)
        return self._apply_options(opt)

    def _apply_options(self, opt: Mapping[str, Any]) -> Connection:
        settings = tx_settings(self.engine.dialect.name, self._get_tx(), opt)
        if settings is not None:
            if self._begun:
                name = next(k for k in opt if k.endswith(("isolation_level", "only", "deferrable")))
                raise exc.InvalidRequestError(
                    _ALREADY_BEGUN
                    + f"{name} may not be altered unless rollback() or commit() is called first."
                )
            self._set_tx(*settings)
        self._options = {**self._options, **opt}
        return self

    def get_isolation_level(self) -> str:
        """Ask the database for the isolation level in force."""
        return read_level(self)

    @property
    def default_isolation_level(self) -> str | None:
        """The database's level where none was set."""
        return self.dialect.default_isolation_level  # type: ignore[no-any-return]

    # --- the connection of the driver ---

    def invalidate(self, exception: BaseException | None = None) -> None:
        """Throw the driver's connection away; the next statement takes another one."""
        if self.closed:
            raise exc.ResourceClosedError("This Connection is closed")
        if not self.invalidated:
            self._lose(exception)

    def detach(self) -> None:
        """Take the driver's connection out of the pool: close() closes it for good."""
        self._detach()

    def _own_dispatch(self) -> Any:
        """Return a Dispatch of this connection alone, which inherits its engine's."""
        engine_dispatch = self.engine.dispatch
        if self._dispatch is engine_dispatch:
            self._dispatch = ENGINE.dispatch(engine_dispatch)
        return self._dispatch

    def schema_for_object(self, obj: Any) -> str | None:
        """Return an object's schema as `schema_translate_map` changes it."""
        translate = self._options.get("schema_translate_map") or {}
        return translate.get(obj.schema, obj.schema)  # type: ignore[no-any-return]

    def _run_ddl_visitor(self, visitor: Any, element: Any, **kw: Any) -> None:
        visitor(self.dialect, self, **kw).traverse_single(element)


def isolation_levels(dialect_name: str) -> tuple[str, ...]:
    """Return the names of a database's isolation levels."""
    return level_names(dialect_name)


def require_isolation_level(dialect_name: str, level: str) -> int:
    """Return C's number of a level; ArgumentError for an unknown one."""
    return isolation_number(dialect_name, level)
