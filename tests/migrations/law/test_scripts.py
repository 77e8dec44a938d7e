"""The law of the empty difference for scripts: what autogenerate writes into a file leads to the models, and back.

For a random schema M: run the script that leads from nothing to M, compare again: nothing. For a random edit M → N:
run its script, compare again: nothing; take it back: the catalog is as it was, and on SQLite so are the rows, with
foreign keys enforced. The scripts are run as source code and committed, as those of version files are, and the
catalogs are read by other statements than the library's own. Counts of what was drawn are printed, and each fact has
to occur.
"""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import pyorm as sa
from pyorm.dialects import postgresql
from pyorm.migrations.autogenerate.api import AutogenContext, compare_metadata, produce_migrations
from pyorm.migrations.autogenerate.render import render_body
from pyorm.migrations.operations.base import Operations
from pyorm.migrations.runtime.migration import MigrationContext
from tests.migrations.law.dump import dump
from tests.migrations.law.edits import EDITS, draw_edits
from tests.migrations.law.rows import check, fill, read
from tests.migrations.law.schemas import TYPES, Draw, Spec, build, draw_spec

SCHEMAS = int(os.environ.get("PYORM_LAW", "500"))
CHAINS = SCHEMAS // 5
SEED = os.environ.get("PYORM_LAW_SEED", "law")
STEPS = 3
LEAST = 20
"""How often each fact has to occur for the law to have been shown."""


class Database:
    """An empty database, made empty again after each example."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.connection = engine.connect()

    def clear(self) -> None:
        """Drop everything."""
        self.connection.rollback()
        if self.engine.dialect.name != "postgresql":
            self.connection.close()
            self.engine.dispose()
            self.connection = self.engine.connect()
            return
        for schema in ("side", "public"):
            self.connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        self.connection.exec_driver_sql("CREATE SCHEMA public")
        self.connection.commit()

    def step(self, spec: Spec) -> tuple[str, str]:
        """Lead the database to a schema and return the sources of upgrade and downgrade."""
        metadata = build(spec)
        context = self.context(metadata)
        script = produce_migrations(context, metadata)
        return self._source(context, script.upgrade_ops), self._source(context, script.downgrade_ops)

    def context(self, metadata: sa.MetaData) -> MigrationContext:
        """Return a context that compares everything."""
        return MigrationContext.configure(
            self.connection,
            opts={"target_metadata": metadata, "include_schemas": True, "compare_server_default": True},
        )

    @staticmethod
    def _source(context: MigrationContext, container: Any) -> str:
        return "    " + render_body(AutogenContext(context, autogenerate=False), container)

    def run(self, source: str, metadata: sa.MetaData) -> None:
        """Run a function's body as a migration does, and commit."""
        self.connection.rollback()
        context = self.context(metadata)
        with context.begin_transaction(), Operations.context(context) as op:
            exec(textwrap.dedent(source), {"op": op, "sa": sa, "postgresql": postgresql})
        self.connection.commit()

    def difference(self, spec: Spec) -> list[Any]:
        """Return what still differs."""
        metadata = build(spec)
        found = compare_metadata(self.context(metadata), metadata)
        self.connection.rollback()
        return found

    def catalog(self) -> dict[str, list[Any]]:
        """Return the catalog."""
        found = dump(self.connection)
        self.connection.rollback()
        return found


@pytest.fixture(scope="module", params=["postgresql", "sqlite"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    url = request.getfixturevalue("pg_url") if request.param == "postgresql" else "sqlite://"
    engine = sa.create_engine(url)
    if request.param == "sqlite":
        sa.event.listen(engine, "connect", lambda raw, record: raw.execute("PRAGMA foreign_keys=ON"))
    made = Database(engine)
    if request.param == "postgresql":
        made.clear()
    yield made
    made.clear()
    made.connection.close()
    engine.dispose()


def lead(database: Database, spec: Spec, old: Spec | None = None) -> int:
    """Apply a step, check that it is complete and can be taken back and applied again; return the tables with rows."""
    before = database.catalog()
    rows = {} if old is None else fill(database.connection, old, spec)
    up, down = database.step(spec)
    try:
        database.run(up, build(spec))
        _equal([], database.difference(spec), "difference")
        check(rows, read(database.connection, spec, rows), old, spec)
        after = database.catalog()
        database.run(down, build(spec))
        _equal(before, database.catalog(), "catalog after the downgrade")
        check(rows, read(database.connection, old, rows), old, spec)
        database.run(up, build(spec))
        _equal(after, database.catalog(), "catalog after the second upgrade")
        check(rows, read(database.connection, spec, rows), old, spec)
        return len(rows)
    except Exception as error:
        error.add_note(f"{spec}\n# upgrade\n{up}\n# downgrade\n{down}")
        raise


def _equal(wanted: Any, found: Any, shown: str) -> None:
    """Compare two catalogs, and show what they differ in."""
    if wanted == found:
        return
    if isinstance(wanted, dict):
        wanted, found = ([(kind, row) for kind in side for row in side[kind]] for side in (wanted, found))
    raise AssertionError(
        f"{shown}: lacks {[item for item in wanted if item not in found]}, has too much "
        f"{[item for item in found if item not in wanted]}"
    )


def facts(dialect: str) -> set[str]:
    """Return the facts that have to occur."""
    types = {f"type {kind}" for kind, (_type, _default, where) in TYPES.items() if where in ("both", dialect)}
    both = {
        "composite primary key", "generated column", "server default", "check", "unnamed check", "unique",
        "unnamed unique", "index plain", "index desc", "index partial", "index expression", "index unique",
        "foreign key", "unnamed foreign key", "foreign key ondelete", "foreign key onupdate", "foreign key DEFERRABLE",
    }  # fmt: skip
    if dialect == "sqlite":
        return types | both
    return types | both | {
        "comment of a table", "comment of a column", "schema", "identity", "enum", "EXCLUDE", "foreign key match",
        "unique NULLS NOT DISTINCT", "unique INCLUDE", "unique DEFERRABLE", "index include", "index hash",
        "index storage", "index distinct", "index opclass",
    }  # fmt: skip


def report(dialect: str, counts: Counter[str], wanted: set[str]) -> None:
    """Print how often each fact occurred, and fail if one is too rare."""
    print(f"\n{dialect}: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    rare = sorted(name for name in wanted if counts[name] < LEAST)
    assert not rare, f"drawn less than {LEAST} times: {rare}"


def test_second_comparison_is_empty_for_random_schemas(database: Database) -> None:
    counts: Counter[str] = Counter()
    dialect = database.engine.dialect.name
    for number in range(SCHEMAS):
        database.clear()
        lead(database, draw_spec(Draw(f"{SEED} {dialect} {number}", dialect, counts)))
    if SCHEMAS >= 500:  # a few are drawn to see an error again
        report(dialect, counts, facts(dialect))


def test_second_comparison_is_empty_along_random_edits(database: Database) -> None:
    counts: Counter[str] = Counter()
    dialect = database.engine.dialect.name
    for number in range(CHAINS):
        database.clear()
        d = Draw(f"{SEED} {dialect} {number}", dialect, counts)
        spec = draw_spec(d)
        lead(database, spec)
        for _ in range(STEPS):
            old, spec = spec, draw_edits(d, spec)
            counts["table with rows"] += lead(database, spec, old)
    if SCHEMAS >= 500:
        only_pg = {"change a comment", "change identity", "change enum values", "change sequences"}
        names = [name for name in EDITS if dialect == "postgresql" or name not in only_pg]
        rows = {"table with rows"} if dialect == "sqlite" else set()
        report(dialect, counts, rows | {f"edit: {name}" for name in names})
