"""The databases of a run: made once, copied for each contender, emptied before each round."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.scenarios import NONE, POSTGRES, SQLITE, Scenario
from benchmarks.work import (
    POSTGRES_READINGS,
    SQLITE_READINGS,
    TREE_TABLES,
    Sizes,
    copy_postgres,
    fill_postgres,
    fill_sqlite,
    tree_rows,
)
from tests.cluster import Cluster, with_database


class Places:
    """Makes the places that contenders work in; `close()` removes them.

    Args:
        sizes: how much of everything there is.
        core: the processor core that PostgreSQL is pinned to; None for all.
        postgres: URL of a server to use; None starts one.
    """

    def __init__(self, sizes: Sizes, core: int | None, postgres: str | None) -> None:
        self.sizes = sizes
        self.core = core
        self.given = postgres
        # Memory-backed where it can be: a disk's moods are no contender's merit.
        shm = Path("/dev/shm")
        root = shm if shm.is_dir() and os.access(shm, os.W_OK) else None
        self.directory = Path(tempfile.mkdtemp(prefix="pyorm-bench-", dir=root))
        self.cluster: Cluster | None = None
        self.made: dict[tuple[str, str], str] = {}
        self.databases: list[str] = []

    def target(self, database: str, contender: str) -> str:
        """Return where this contender finds this database; made at the first call."""
        if database == NONE:
            return ""
        key = (database, contender)
        if key not in self.made:
            make = self.make_postgres if database == POSTGRES else self.make_sqlite
            self.made[key] = make(database, contender)
        return self.made[key]

    def make_sqlite(self, database: str, contender: str) -> str:
        """Copy the file of one kind for a contender."""
        template = self.directory / f"{database}.db"
        if not template.exists():
            fill_sqlite(template, self.sizes, "WAL" if database == SQLITE else "DELETE")
        path = self.directory / f"{database}-{contender}.db"
        shutil.copyfile(template, path)
        return str(path)

    def server(self) -> str:
        """Return a URL of the PostgreSQL server; start it at the first call."""
        if self.given:
            return self.given
        if self.cluster is None:
            before = os.sched_getaffinity(0) if self.core is not None else None
            if self.core is not None:
                os.sched_setaffinity(0, {self.core})
            # What the server starts stays on the core.
            self.cluster = Cluster.start(shared_buffers="256MB")
            if before is not None:
                os.sched_setaffinity(0, before)
        return self.cluster.url("postgres")

    def make_postgres(self, database: str, contender: str) -> str:
        """Make a database for a contender, as a copy of the first."""
        template = f"pyorm_bench_{os.getpid()}"
        if not self.databases:
            self.execute_postgres(self.server(), f"CREATE DATABASE {template}")
            self.databases.append(template)
            fill_postgres(with_database(self.server(), template), self.sizes)
        name = f"{template}_{contender}"
        self.execute_postgres(self.server(), f"CREATE DATABASE {name} TEMPLATE {template}")
        self.databases.append(name)
        return with_database(self.server(), name)

    def execute_postgres(self, url: str, *statements: str) -> list[Any]:
        """Run statements; return the rows of the last that has any."""
        import psycopg

        rows: list[Any] = []
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)  # type: ignore[call-overload]
                if cursor.description is not None:
                    rows = cursor.fetchall()
        return rows

    def execute(self, database: str, target: str, *statements: str) -> list[Any]:
        """Run statements on a place; return the rows of the last that has any."""
        if database == POSTGRES:
            return self.execute_postgres(target, *statements)
        connection = sqlite3.connect(target, isolation_level=None)
        rows: list[Any] = []
        try:
            for statement in statements:
                rows = connection.execute(statement).fetchall() or rows
        finally:
            connection.close()
        return rows

    def server_pid(self) -> int | None:
        """Return the pid of the server's first process; None for one that was there before."""
        process = self.cluster.process if self.cluster is not None else None
        return None if process is None else process.pid

    def add_readings(self, database: str, target: str) -> None:
        """Fill reading."""
        if self.execute(database, target, "SELECT count(*) FROM reading") == [(0,)]:
            fill = POSTGRES_READINGS if database == POSTGRES else SQLITE_READINGS
            self.execute(database, target, fill.format(count=self.sizes.readings))

    def plant(self, full: bool, database: str, target: str) -> None:
        """Bring root, branch and leaf into the state in which a scenario begins."""
        present = self.execute(database, target, "SELECT count(*) FROM root")
        if full and present == [(self.sizes.roots,)]:
            return
        empty = [f"DELETE FROM {name}" for name in reversed(TREE_TABLES)]
        if database == POSTGRES:
            empty = ["TRUNCATE root, branch, leaf", "CHECKPOINT"]
        self.execute(database, target, *empty)
        if not full:
            return
        for name, some in zip(TREE_TABLES, tree_rows(self.sizes.roots), strict=True):
            if database == POSTGRES:
                copy_postgres(target, name, some)
                continue
            marks = ", ".join("?" * len(some[0]))
            with contextlib.closing(sqlite3.connect(target)) as connection:
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", some)
                connection.commit()
        self.execute(database, target, "ANALYZE")

    def reset(self, scenario: Scenario, database: str, target: str) -> None:
        """Bring author_w into the state in which the scenario begins."""
        if scenario.streamed:
            self.add_readings(database, target)
        if scenario.tree:
            self.plant(scenario.tree == "full", database, target)
        if not scenario.rows:
            return
        empty = "DELETE FROM author_w"
        if database == POSTGRES:
            empty = "TRUNCATE author_w RESTART IDENTITY"
        statements = [empty]
        if database == POSTGRES:
            # A contender that keeps its transaction open fails, and does not hang the run.
            statements.insert(0, "SET lock_timeout = '10s'")
        if scenario.filled:
            count = self.sizes.of(scenario.rows)
            statements.append(f"INSERT INTO author_w SELECT * FROM author WHERE id <= {count}")
        if database == POSTGRES:
            statements += ["ANALYZE author_w", "CHECKPOINT"]
        elif database == SQLITE:
            statements.append("PRAGMA wal_checkpoint(TRUNCATE)")
        self.execute(database, target, *statements)

    def check(self, scenario: Scenario, database: str, target: str) -> str | None:
        """Return what is wrong with what the scenario has written; None if it is right."""
        if scenario.check is None or database == NONE:
            return None
        query, expected = scenario.check
        rows = self.execute(database, target, query)
        found = "|".join(map(str, rows[0]))
        wanted = expected.format(n=self.sizes.of(scenario.rows))
        return None if found == wanted else f"wrote {found}, not {wanted}"

    def close(self) -> None:
        """Remove everything."""
        if self.given:
            for name in reversed(self.databases):
                self.execute_postgres(self.given, f"DROP DATABASE {name} WITH (FORCE)")
        if self.cluster is not None:
            self.cluster.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


