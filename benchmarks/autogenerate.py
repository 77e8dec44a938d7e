"""Autogenerate over many tables: pyorm against SQLAlchemy and Alembic, in one run on one database.

    python benchmarks/autogenerate.py postgresql:///bench [tables] [columns]

Creates `tables` tables (1,000) of `columns` columns (10) with a key, a foreign key, an index, a unique constraint, a
check and defaults, and compares the same model with them: first with no difference, then with one column more in
every hundredth table. Prints seconds (the best of three), statements, and what was found. The database is emptied of
those tables before and afterwards.
"""

from __future__ import annotations

import importlib
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

PEERS = {"pyorm": ("pyorm", "pyorm.migrations"), "Alembic": ("sqlalchemy", "alembic")}
ROUNDS = 3


def model(sa: Any, tables: int, columns: int, changed: bool) -> Any:
    """Return a MetaData of that many tables."""
    metadata = sa.MetaData()
    kinds = (sa.String(50), sa.Integer(), sa.Numeric(10, 2), sa.DateTime(), sa.Boolean(), sa.Text())
    for number in range(tables):
        rest = [
            sa.Column(f"c{n}", kinds[n % len(kinds)], server_default="0" if n % 6 == 1 else None)
            for n in range(columns - 2 + (changed and number % 100 == 0))
        ]
        sa.Table(
            f"bench_{number}", metadata, sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("parent", sa.Integer, sa.ForeignKey(f"bench_{max(number - 1, 0)}.id"), index=True), *rest,
            sa.UniqueConstraint("c0", name=f"uq_bench_{number}"),
            sa.CheckConstraint("c1 >= 0", name=f"ck_bench_{number}"),
        )  # fmt: skip
    return metadata


def measured(library: str, url: str, tables: int, columns: int) -> dict[str, tuple[float, int, int]]:
    """Return seconds, statements and differences of both comparisons."""
    core, migrations = PEERS[library]
    sa = importlib.import_module(core)
    context_of = importlib.import_module(f"{migrations}.migration").MigrationContext.configure
    compare = importlib.import_module(f"{migrations}.autogenerate").compare_metadata
    if core == "sqlalchemy":
        url = url.replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(url)
    found = {}
    for title, changed in (("no difference", False), ("a column more", True)):
        metadata = model(sa, tables, columns, changed)
        best = (float("inf"), 0, 0)
        for _ in range(ROUNDS):
            best = min(best, _once(engine, sa, lambda c, m=metadata: compare(context_of(c), m)))  # type: ignore[misc]
        found[title] = best
    engine.dispose()
    return found


def _once(engine: Any, sa: Any, work: Callable[[Any], Any]) -> tuple[float, int, int]:
    sent: list[str] = []
    with engine.connect() as connection:
        sa.event.listen(connection, "before_cursor_execute", lambda *args: sent.append(args[2]))
        start = time.perf_counter()
        differences = work(connection)
        return time.perf_counter() - start, len(sent), len(differences)


def main() -> None:
    """Create the tables, let both compare, print."""
    url = sys.argv[1]
    tables, columns = int((sys.argv[2:] or ["1000"])[0]), int((sys.argv[3:] or ["10"])[0])
    logging.disable(logging.WARNING)
    import pyorm

    engine = pyorm.create_engine(url)
    for start in range(0, tables, 200):  # the server's locks are for some hundred tables at a time
        metadata = model(pyorm, tables, columns, False)
        chosen = [metadata.tables[f"bench_{n}"] for n in range(start, min(start + 200, tables))]
        with engine.begin() as connection:
            metadata.create_all(connection, tables=chosen)
    print(f"{tables} tables of {columns} columns, the best of {ROUNDS}")
    results = {library: measured(library, url, tables, columns) for library in PEERS}
    for title in results["pyorm"]:
        for library, found in results.items():
            seconds, statements, differences = found[title]
            print(f"{title:15} {library:8} {seconds:8.3f} s {statements:6} statements {differences:4} differences")
        ratio = results["Alembic"][title][0] / results["pyorm"][title][0]
        print(f"{title:15} {ratio:.1f} times as fast")
    with engine.connect() as connection:
        for number in reversed(range(tables)):
            connection.exec_driver_sql(f"DROP TABLE bench_{number} CASCADE")
            connection.commit()


if __name__ == "__main__":
    main()
