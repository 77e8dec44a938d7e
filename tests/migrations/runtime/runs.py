"""Runs for the runtime's tests: env.py's part without files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from pyorm import create_engine
from pyorm.migrations.operations import Operations
from pyorm.migrations.runtime.migration import MigrationContext
from tests.conftest import Database
from tests.migrations.runtime.graph import Graph

DEADLINE_S = 30.0


def migrate(connection: Any, graph: Graph, *targets: str, plan: Any = None, **opts: Any) -> MigrationContext:
    """Upgrade to targets (or as `plan` says) as env.py does; scripts get the Operations as op."""
    context = MigrationContext.configure(connection, opts={"fn": plan or graph.upgrade(*targets), **opts})
    with context.begin_transaction():
        context.run_migrations(op=Operations(context))
    return context


def migrate_url(url: str, graph: Graph, *targets: str, **opts: Any) -> None:
    """Upgrade over an engine of its own."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            migrate(connection, graph, *targets, **opts)
    finally:
        engine.dispose()


class Runner(threading.Thread):
    """A run in a thread; `result()` waits for it and raises what it raised."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(daemon=True)
        self._work = lambda: migrate_url(*args, **kw)
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.error = error

    def result(self) -> None:
        """Wait for the end."""
        self.join(DEADLINE_S)
        assert not self.is_alive(), "the run hangs"
        if self.error is not None:
            raise self.error


class Pause:
    """A point in a script where a run stops until the test lets it go on."""

    def __init__(self) -> None:
        self._reached, self._go_on = threading.Event(), threading.Event()

    def here(self) -> None:
        """Stop, in the run's thread."""
        self._reached.set()
        assert self._go_on.wait(DEADLINE_S)

    def wait(self) -> None:
        """Wait until a run has stopped."""
        assert self._reached.wait(DEADLINE_S), "no run came to the point"

    def go_on(self) -> None:
        """Let the run go on."""
        self._go_on.set()


def until(condition: Callable[[], Any]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def versions(db: Database) -> list[str]:
    """Return the rows of the version table, sorted."""
    return sorted(str(row[0]) for row in db.rows("SELECT version_num FROM alembic_version"))
