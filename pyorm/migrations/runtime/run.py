"""One run of steps against a database.

The order is what makes two deployers harmless: read the versions, plan, and stop if there is
nothing to do; else wait for the lock without a transaction, begin, read the versions again, plan
again if they have changed, and only then work. Where a lock of a table was not to be had, the
transaction is rolled back and all of this but the waiting begins anew.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from pyorm.engine._isolation import ask_rows
from pyorm.migrations.runtime.heads import HeadMaintainer
from pyorm.migrations.runtime.journal import Gate, Journal, Mark
from pyorm.migrations.runtime.lock import DeployLock, SessionLock, lock_for
from pyorm.migrations.runtime.options import RunOptions
from pyorm.migrations.runtime.progress import Progress
from pyorm.migrations.runtime.retry import WAITED_IN_VAIN, BlockerWatch, Retries, lock_timeout_setting
from pyorm.migrations.runtime.transactions import join_transaction
from pyorm.migrations.util.exc import CommandError

if TYPE_CHECKING:
    from pyorm.migrations.runtime.migration import MigrationContext

__all__ = ["OnlineRun"]

log = logging.getLogger("pyorm.migrations.runtime.migration")


class OnlineRun:
    """A run; `run()` does it, `close()` gives up what it holds.

    Args:
        context: the context, whose outermost scope may be entered but not begun.
        run_args: what upgrade() and downgrade() are called with.
    """

    def __init__(self, context: MigrationContext, run_args: dict[str, Any]) -> None:
        """Nothing is read yet."""
        self.context, self._run_args = context, run_args
        self.options = RunOptions.of(context)
        self._lock = DeployLock()
        self._watch: BlockerWatch | None = None
        self._is_read_only = bool(context.opts.get("dont_mutate", False))

    def run(self) -> None:
        """Run all steps.

        Raises:
            CommandError: Another deployer holds the lock too long, the lock was lost, a broken run
                of another revision waits to be finished.
        """
        context = self.context
        if context._in_external_transaction:
            join_transaction(context.connection)
        heads = context.get_current_heads()
        steps = context._steps(() if context.purge else heads)
        if not steps and not context.purge and not self._lacks_table(heads):
            return
        self._lock = lock_for(context, self.options)
        self._lock.acquire()
        self._watch_blockers()
        retries = Retries(self.options.lock_retry_s)
        plan: tuple[tuple[str, ...], list[Any]] | None = (heads, steps)
        while True:
            try:
                self._attempt(plan)
                return
            except WAITED_IN_VAIN as error:
                if not self._give_way():
                    raise
                retries.pause(error, "unknown" if self._watch is None else self._watch.told())
                plan = None

    def transaction_began(self) -> None:
        """Limit how long the transaction waits for locks, and mark it as one that migrates; one statement."""
        if self.context.dialect.name == "postgresql":
            parts = [part for part in (lock_timeout_setting(self.options), self._lock.mark_transaction()) if part]
            if parts:
                self.context.connection.exec_driver_sql(f"SELECT {', '.join(parts)}")

    def block_began(self, is_on: bool) -> None:
        """Mark the session as one that migrates outside of transactions, or take the mark away."""
        self._lock.mark_session(self.context.connection, is_on)

    def _lacks_table(self, heads: tuple[str, ...]) -> bool:
        """Whether the version table is to be created."""
        if heads or self._is_read_only:
            return False
        with self.context._reading():
            return not self.context._versions.exists()

    def _watch_blockers(self) -> None:
        if isinstance(self._lock, SessionLock) and self.options.lock_timeout_s is not None:
            pid = ask_rows(self.context.connection, "SELECT pg_backend_pid()")[0][0]
            self._watch = BlockerWatch(self._lock, pid)

    def _give_way(self) -> bool:
        """Roll the transaction back; False where it is not ours to repeat."""
        context = self.context
        if context._in_external_transaction or context.connection.invalidated:
            return False
        if context._scopes:
            context._scopes[-1].rollback()
        return bool(context._scopes) or context._transaction_per_migration or not context.transactional_ddl

    def _attempt(self, plan: tuple[tuple[str, ...], list[Any]] | None) -> None:
        context = self.context
        context._begin_now()
        if context.purge:
            context._ensure_version_table(purge=True)
        heads = context.get_current_heads()
        if not heads and not self._is_read_only:
            context._ensure_version_table()
        if plan is not None and (context.purge or set(plan[0]) == set(heads)):
            steps = plan[1]
        else:
            steps = context._steps(heads)
        if not steps:
            return
        journal = Journal(context)
        with context._reading():
            marks = {(mark.revision, mark.direction): mark for mark in journal.read()}
        self._check_broken(marks, steps, journal)
        maintainer = HeadMaintainer(context, heads)
        progress = Progress(len(steps))
        for step in steps:
            self._run_step(step, maintainer, journal, marks.get(_place(step)))
            progress.advance()

    def _run_step(self, step: Any, maintainer: HeadMaintainer, journal: Journal, mark: Mark | None) -> None:
        context = self.context
        with context.begin_transaction(_per_migration=True):
            context._begin_now()
            self._lock.verify(step.short_log)
            log.info("Running %s", step)
            gate = None if _is_stamp(step) else Gate(context, journal, *_place(step), mark)
            context.gate = gate
            try:
                with nullcontext() if gate is None else gate.replay():
                    step.migration_fn(**self._run_args)
            finally:
                context.gate = None
            self._lock.verify()
            if gate is None:
                journal.forget(None)
            else:
                gate.close()
            maintainer.update_to_step(step)
            context._tell_applied(step, maintainer, self._run_args)

    def _check_broken(self, marks: dict[tuple[str, str], Mark], steps: list[Any], journal: Journal) -> None:
        """Refuse to go anywhere else while a revision is half applied.

        Raises:
            CommandError: It names the revision.
        """
        planned = {_place(step) for step in steps if not _is_stamp(step)}
        for place, mark in marks.items():
            if planned and place not in planned:
                raise CommandError(
                    f"The {mark.direction} of {mark.revision} was broken off after {mark.ops} operations that are "
                    f"committed (table {journal.name}). Finish it first: run {mark.direction} to it again; or repair "
                    "the database by hand and use `stamp`."
                )

    def close(self) -> None:
        """Give up what the run holds."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()
        self._lock.release()


def _is_stamp(step: Any) -> bool:
    """Whether a step changes the version table alone: it has no script."""
    return getattr(step, "revision", None) is None


def _place(step: Any) -> tuple[str, str]:
    """Return the revision that a step applies or takes back, and the direction; of a stamp anything."""
    revisions = step.to_revisions if step.is_upgrade else step.from_revisions
    return (revisions[0] if revisions else "", "upgrade" if step.is_upgrade else "downgrade")
