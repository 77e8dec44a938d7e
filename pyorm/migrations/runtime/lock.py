"""Locks between deployers: of several that run at once one works, the others wait.

PostgreSQL: an advisory lock of the session, on a connection of its own in autocommit, asked for
again and again with `pg_try_advisory_lock`. Who *waits* in `pg_advisory_lock` holds a snapshot,
for which another's CREATE INDEX CONCURRENTLY waits: a deadlock. The server frees the lock when
the deployer dies. In a transaction of the caller's the lock is the transaction's instead.

When a deployer is killed, its lock is free at once, but the server process that migrates goes on
with its statement, or with a COMMIT that it has received. So that one holds a second lock while it
works, and who gets the first one waits until nobody holds the second.

SQLite: `flock` on a file beside the database, which the kernel frees when the process dies. The
database file itself is no place for it: closing a second descriptor of it would drop SQLite's own
locks.

Both are held by one connection or descriptor, so threads of one process exclude each other too.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import random
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyorm import exc
from pyorm.engine._isolation import ask_rows
from pyorm.engine.base import Engine
from pyorm.migrations.util.exc import CommandError

if TYPE_CHECKING:
    from pyorm.migrations.runtime.migration import MigrationContext
    from pyorm.migrations.runtime.options import RunOptions

__all__ = ["DeployLock", "lock_for", "lock_key"]

log = logging.getLogger(__name__)

POLL_S = 0.25
TELL_S = 10.0

_HOLDER = """
SELECT a.pid, a.application_name, coalesce(host(a.client_addr), 'this machine'), a.backend_start, a.usename
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.classid = {high}::oid AND l.objid = {low}::oid
"""

# Without the views on activity and databases, which take milliseconds: it is asked twice a step.
_HELD = """
SELECT pg_backend_pid(), EXISTS (
    SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.classid = {high}::oid AND l.objid = {low}::oid AND l.pid = pg_backend_pid())
"""


def lock_key(database: str, version_table: str) -> int:
    """Return the number of the advisory lock for a version table: 64 bits with a sign."""
    digest = hashlib.sha256(f"pyorm:{database}{version_table}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class DeployLock:
    """A lock between deployers; this one excludes nobody.

    Args:
        wait_s: how long `acquire()` waits, seconds.
    """

    def __init__(self, wait_s: float = 0.0) -> None:
        """Nothing is held yet."""
        self.wait_s = wait_s

    def acquire(self) -> None:
        """Wait for the lock; tells who holds it.

        Raises:
            CommandError: Somebody else holds it after `wait_s` seconds.
        """
        deadline, told = time.monotonic() + self.wait_s, 0.0
        while not self.try_acquire():
            now = time.monotonic()
            if now >= deadline:
                raise CommandError(
                    f"Another deployer holds the migration lock for {self.wait_s:g} s: {self.holder()}. Nothing was "
                    "done. Wait for it, or end it if it hangs; lock_wait sets how long to wait."
                )
            if now >= told:
                log.info("Waiting for another deployer: %s", self.holder())
                told = now + TELL_S
            time.sleep(min(POLL_S * random.uniform(0.8, 1.2), max(deadline - now, 0.0)))

    def try_acquire(self) -> bool:
        """Take the lock if it is free."""
        return True

    def holder(self) -> str:
        """Describe who holds it: process, where, since when, at which step."""
        return "nobody"

    def mark_transaction(self) -> str:
        """Return an expression of SQL that marks a transaction as one that migrates; "" where there is none."""
        return ""

    def mark_session(self, connection: Any, is_on: bool) -> None:
        """Mark a session as one that migrates outside of transactions, or take the mark away."""

    def verify(self, step: str = "") -> None:
        """Make sure that the lock is still held, and let others see the step that is run now.

        Raises:
            CommandError: It is not.
        """

    def release(self) -> None:
        """Give it up; harmless where it is not held."""


def lock_for(context: MigrationContext, options: RunOptions) -> DeployLock:
    """Return the lock for a context's database and version table, not acquired."""
    connection = context.connection
    if not options.deploy_lock:
        return DeployLock()
    if connection.dialect.name == "sqlite":
        path = _sqlite_path(connection, context.version_table_schema)
        return FileLock(path, options.lock_wait_s) if path else DeployLock()
    schema = connection.schema_for_object(context._version)
    with context._reading():
        database, current = _pg_place(connection)
    key = lock_key(database, f"{schema or current}.{context.version_table}")
    if context._in_external_transaction or not _ends_itself(context):
        return TransactionLock(connection, key, options.lock_wait_s)
    return SessionLock(connection, key, options.lock_wait_s, options.lock_url)


def _ends_itself(context: MigrationContext) -> bool:
    """Whether the run ends its transaction; else it stays open for the caller after the run."""
    return bool(context._scopes) or context._transaction_per_migration or not context.impl.transactional_ddl


def _pg_place(connection: Any) -> tuple[str, str]:
    """Return the names of the database and of the schema that unqualified names mean."""
    rows = connection.exec_driver_sql("SELECT current_database(), coalesce(current_schema(), '')").all()
    return str(rows[0][0]), str(rows[0][1])


def _sqlite_path(connection: Any, schema: str | None) -> str:
    """Return the file that holds the version table, "" in memory."""
    rows = ask_rows(connection, "PRAGMA database_list")
    return next((str(row[2] or "") for row in rows if row[1] == (schema or "main")), "")


def _halves(key: int) -> dict[str, int]:
    unsigned = key & 0xFFFFFFFFFFFFFFFF
    return {"high": unsigned >> 32, "low": unsigned & 0xFFFFFFFF}


class SessionLock(DeployLock):
    """PostgreSQL's advisory lock, held by a connection of its own.

    Args:
        connection: the one that migrates; its engine's settings open the lock's.
        key: of the lock.
        wait_s: how long to wait, seconds.
        url: a URL for the lock's connection instead, for databases behind a transaction pooler.
    """

    def __init__(self, connection: Any, key: int, wait_s: float, url: str | None = None) -> None:
        """Nothing is connected yet."""
        super().__init__(wait_s)
        self.key, self.working_key = key, key ^ 1
        self._engine = _own_engine(connection.engine, url)
        self._connection: Any = None
        self._pid = 0
        self._guard = threading.Lock()
        self._is_held = False

    def try_acquire(self) -> bool:
        """Take the lock if it is free."""
        if self._connection is None:
            self._connection = self._engine.connect()
            self._connection.execution_options(isolation_level="AUTOCOMMIT")
            self._pid = self.ask(f"SELECT pg_backend_pid(), {_named('waiting')}")[0][0]
        if not self._is_held:
            self._is_held = bool(self.ask(f"SELECT pg_try_advisory_lock({self.key})")[0][0])
        return self._is_held and self._nobody_works()

    def _nobody_works(self) -> bool:
        """Whether no server process is left that works for a deployer who is gone."""
        if not self.ask(f"SELECT pg_try_advisory_lock({self.working_key})")[0][0]:
            return False
        self.ask(f"SELECT pg_advisory_unlock({self.working_key})")
        return True

    def ask(self, sql: str) -> list[Any]:
        """Return the rows of a query on the lock's connection; any thread may ask."""
        with self._guard:
            return list(self._connection.exec_driver_sql(sql).all())

    def holder(self) -> str:
        """Describe who holds it."""
        key = self.working_key if self._is_held else self.key
        rows = self.ask(_HOLDER.format(**_halves(key)))
        if not rows:
            return "it was just given up"
        pid, application, client, since, user = rows[0]
        if self._is_held:
            return f"process {pid} of {user} is still at work for a deployer that is gone, since {since:%F %T %Z}"
        return f"process {pid} of {user} at {client}, {application or 'no application_name'}, since {since:%F %T %Z}"

    def mark_transaction(self) -> str:
        """Return an expression that locks what says that somebody works, until the transaction ends."""
        return f"pg_try_advisory_xact_lock({self.working_key})"

    def mark_session(self, connection: Any, is_on: bool) -> None:
        """Lock it for the session, or unlock it."""
        verb = "pg_try_advisory_lock" if is_on else "pg_advisory_unlock"
        connection.exec_driver_sql(f"SELECT {verb}({self.working_key})")

    def verify(self, step: str = "") -> None:
        """Ask the server whether this very session still holds the lock; the step becomes its application_name."""
        query = _HELD.format(**_halves(self.key))
        try:
            pid, is_held = self.ask(f"{query}, {_named(step)}" if step else query)[0][:2]
        except exc.DBAPIError as error:
            raise CommandError(
                "The connection that holds the migration lock was lost, so another deployer may be at work. What this "
                "run has not committed is rolled back; run the command again."
            ) from error
        if pid != self._pid or not is_held:
            raise CommandError(
                "The migration lock is not held any more: the server session has changed, as behind a pooler that "
                "pools transactions, or somebody has released the lock. What is not committed is rolled back. Give "
                "lock_url a URL that leads to the server directly."
            )

    def release(self) -> None:
        """Unlock and close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                if self._is_held and not connection.invalidated:
                    with self._guard:
                        connection.exec_driver_sql(f"SELECT pg_advisory_unlock({self.key})")
            except exc.DBAPIError:
                log.debug("The lock's connection was lost; the server has freed the lock")
            finally:
                self._is_held = False
                connection.close()
                self._engine.dispose()


def _named(step: str) -> str:
    """Return an expression that tells everybody what the session does, by its application_name."""
    text = f"pyorm migrations: {step}".encode()[:63].decode(errors="ignore").replace("'", "''")
    return f"set_config('application_name', '{text}', false)"


def _own_engine(engine: Any, url: str | None) -> Any:
    """Return an engine with a pool of its own that connects as another one does."""
    if url is not None:
        from pyorm.engine import create_engine

        return create_engine(url)
    return Engine(engine.pool.recreate(), engine.dialect, engine.url, hide_parameters=engine.hide_parameters)


class TransactionLock(DeployLock):
    """PostgreSQL's advisory lock, held by the caller's transaction until it ends.

    Args:
        connection: the caller's, in a transaction.
        key: of the lock.
        wait_s: how long to wait, seconds.
    """

    def __init__(self, connection: Any, key: int, wait_s: float) -> None:
        """Nothing is asked yet."""
        super().__init__(wait_s)
        self._connection, self.key = connection, key

    def try_acquire(self) -> bool:
        """Take the lock if it is free."""
        return bool(self._connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({self.key})").scalar())

    def holder(self) -> str:
        """Describe who holds it."""
        rows = self._connection.exec_driver_sql(_HOLDER.format(**_halves(self.key))).all()
        return f"process {rows[0][0]}, {rows[0][1]}" if rows else "it was just given up"


class FileLock(DeployLock):
    """`flock` on a file beside a SQLite database.

    Args:
        database: path of the database.
        wait_s: how long to wait, seconds.
    """

    def __init__(self, database: str, wait_s: float) -> None:
        """Nothing is opened yet."""
        super().__init__(wait_s)
        self.path = Path(f"{database}.migrating")
        self._fd = -1
        self._since = time.strftime("%F %T %Z")

    def try_acquire(self) -> bool:
        """Take the lock if it is free; the file is made for it."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        if not self._is_at_path(fd):  # its holder has removed it in between
            os.close(fd)
            return False
        self._fd = fd
        self._tell("starting")
        return True

    def _is_at_path(self, fd: int) -> bool:
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(fd))

    def holder(self) -> str:
        """Describe who holds it, from what it has written into the file."""
        try:
            told = json.loads(self.path.read_text())
            return f"process {told['pid']} on {told['host']}, {told['step']}, since {told['since']} ({self.path})"
        except (OSError, ValueError, KeyError):
            return f"the holder of {self.path}"

    def _tell(self, step: str) -> None:
        """Write the step into the file."""
        told = {"pid": os.getpid(), "host": socket.gethostname(), "since": self._since, "step": step}
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, json.dumps(told).encode(), 0)

    def verify(self, step: str = "") -> None:
        """Make sure that the file is still the one that is locked; the step is written into it."""
        if not self._is_at_path(self._fd):
            raise CommandError(
                f"The lock file {self.path} was removed or replaced, so another deployer may be at work. What is not "
                "committed is rolled back; run the command again and leave the file alone."
            )
        if step:
            self._tell(step)

    def release(self) -> None:
        """Remove the file and unlock it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            if self._is_at_path(fd):
                self.path.unlink(missing_ok=True)
            os.close(fd)
