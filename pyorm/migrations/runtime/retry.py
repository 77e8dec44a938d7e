"""Waiting for locks of tables: short waits, tries again, and telling who is in the way.

A DDL statement that waits for its lock makes everybody queue behind it. So it waits 3 seconds
(`lock_timeout`); then the transaction is rolled back, others get through, and the whole of it is
tried again a while later, with pauses that grow, up to 10 minutes (`lock_retry`). While it waits, a
thread asks the server who holds what it waits for. CREATE INDEX CONCURRENTLY, for which nobody
queues, waits as long as it takes; the thread tells for whom.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import Any

from pyorm import exc
from pyorm.migrations.runtime.lock import SessionLock
from pyorm.migrations.runtime.options import RunOptions

__all__ = ["WAITED_IN_VAIN", "BlockerWatch", "Retries", "lock_timeout_setting"]

log = logging.getLogger(__name__)

WATCH_S = 0.5
TELL_S, TELL_AGAIN_S = 5.0, 60.0  # longer than lock_timeout: what waits so long has none
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
WAITED_IN_VAIN = (exc.LockTimeout, exc.DeadlockError, exc.DatabaseBusy)

_BLOCKERS = """
SELECT a.pid, a.application_name, a.state, a.xact_start, left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120)
  FROM unnest(pg_blocking_pids({pid})) AS blocker (pid) JOIN pg_stat_activity a USING (pid)
"""


def lock_timeout_setting(options: RunOptions) -> str:
    """Return an expression of PostgreSQL's that limits how long the transaction's statements wait for locks.

    A `lock_timeout` that the server, the role or the session has stays unless one was asked for.
    Empty where there is nothing to set.
    """
    if options.lock_timeout_s is None:
        return ""
    setting = f"set_config('lock_timeout', '{max(round(options.lock_timeout_s * 1000), 1)}ms', true)"
    if options.lock_timeout_given:
        return setting
    return f"CASE current_setting('lock_timeout') WHEN '0' THEN {setting} END"


class Retries:
    """How often and after which pauses a transaction is tried again.

    Args:
        total_s: how long all tries may take, seconds.
    """

    def __init__(self, total_s: float) -> None:
        """The time begins with the first failure."""
        self._total_s = total_s
        self._deadline: float | None = None
        self._pause_s = FIRST_PAUSE_S
        self.tries = 1

    def pause(self, error: BaseException, blockers: str) -> None:
        """Wait before the next try.

        Args:
            error: why the last one failed; raised again when the time is over.
            blockers: who was in the way.
        """
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self._total_s
        pause = self._pause_s * random.uniform(0.75, 1.25)
        if now + pause > self._deadline:
            log.error("Gave up after %d tries; in the way: %s", self.tries, blockers)
            raise error
        log.warning(
            "A lock was not to be had; try %d follows in %.1f s. In the way: %s", self.tries + 1, pause, blockers
        )
        time.sleep(pause)
        self.tries += 1
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)


class BlockerWatch:
    """A thread that notes who blocks a session; `told()` says who it was last.

    Args:
        lock: its connection asks.
        pid: of the server process that is watched.
    """

    def __init__(self, lock: SessionLock, pid: int) -> None:
        """Start watching."""
        self._lock, self._query = lock, _BLOCKERS.format(pid=pid)
        self._stop = threading.Event()
        self._seen = ""
        self._thread = threading.Thread(target=self._watch, name="pyorm migrations: blockers", daemon=True)
        self._thread.start()

    def told(self) -> str:
        """Return who was in the way last, and forget it."""
        seen, self._seen = self._seen, ""
        return seen or "nobody that is still there"

    def stop(self) -> None:
        """Stop watching; returns when the thread has ended."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        tell_at: float | None = None
        while not self._stop.wait(WATCH_S):
            try:
                rows = self._lock.ask(self._query)
            except (exc.SQLAlchemyError, AttributeError):
                return  # the lock's connection is gone; the run finds out at its next step
            if not rows:
                tell_at = None
                continue
            self._seen = "; ".join(_describe(*row) for row in rows)
            now = time.monotonic()
            if tell_at is None:
                tell_at = now + TELL_S
            elif now >= tell_at:
                log.warning("Still waiting; in the way: %s", self._seen)
                tell_at = now + TELL_AGAIN_S


def _describe(pid: int, application: str, state: str, since: Any, query: str) -> str:
    began = f", in a transaction since {since:%F %T %Z}" if since is not None else ""
    return f"process {pid} ({application or 'no application_name'}, {state}{began}): {query}"
