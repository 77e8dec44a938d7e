"""One run of steps against a database.

The order is what makes two deployers harmless: read the versions, plan, and stop if there is
nothing to do; else wait for the lock without a transaction, begin, read the versions again, plan
again if they have changed, and only then work.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pyorm.migrations.runtime.heads import HeadMaintainer
from pyorm.migrations.runtime.transactions import join_transaction

if TYPE_CHECKING:
    from pyorm.migrations.runtime.migration import MigrationContext

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

    def run(self) -> None:
        """Run all steps."""
        context = self.context
        if context._in_external_transaction:
            join_transaction(context.connection)
        heads = context.get_current_heads()
        if not heads and not context.opts.get("dont_mutate", False):
            context._begin_now()
            context._ensure_version_table()
        steps = context._steps(heads)
        if not steps:
            return
        context._begin_now()
        self._run_steps(steps, heads)

    def _run_steps(self, steps: list[Any], heads: tuple[str, ...]) -> None:
        context = self.context
        maintainer = HeadMaintainer(context, heads)
        for step in steps:
            with context.begin_transaction(_per_migration=True):
                context._begin_now()
                log.info("Running %s", step)
                step.migration_fn(**self._run_args)
                maintainer.update_to_step(step)
                context._tell_applied(step, maintainer, self._run_args)

    def close(self) -> None:
        """Give up what the run holds."""
