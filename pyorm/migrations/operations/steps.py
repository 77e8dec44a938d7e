"""Operations that commit by themselves: what PostgreSQL refuses to run, or to use, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyorm import _core


@contextmanager
def committed_step(migration_context: Any, *, is_needed: bool = True) -> Iterator[None]:
    """Commit what came before, run the block without a transaction, and go on in a new one.

    Nothing is committed where there is no transaction to leave: inside of `autocommit_block()`, in a
    script outside of BEGIN and COMMIT.

    Args:
        migration_context: whose transaction it is.
        is_needed: whether the block cannot run in a transaction; if it can, it does in one that is the caller's.

    Raises:
        CommandError: the transaction is the caller's, who alone can end it.
    """
    is_callers = getattr(migration_context, "_in_external_transaction", False)
    if _is_alone(migration_context) or (is_callers and not is_needed):
        yield
        return
    with migration_context.autocommit_block():
        yield


def _is_alone(migration_context: Any) -> bool:
    if migration_context.as_sql:
        return not migration_context.impl.in_script_transaction
    connection = migration_context.connection
    return bool(connection is None or connection._get_tx()[0] == _core.ISO_AUTOCOMMIT)
