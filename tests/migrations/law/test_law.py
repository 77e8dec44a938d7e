"""The law of the empty difference, for random models and random edits of them.

Apply what autogenerate found, and it finds nothing more; take it back, and nothing differs from what was there.
`make fuzz-migrations N=5000` makes ten times as many models as the suite does, and shows the counts.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pyorm as sa
from tests.conftest import Database
from tests.migrations.autogenerate.comparing import apply, differences, flat
from tests.migrations.law.building import build
from tests.migrations.law.specs import EDITS, POSTGRESQL_INDEXES, POSTGRESQL_TYPES, TYPES, Maker

MODELS = int(os.environ.get("PYORM_LAW", "500"))
CHAINS = MODELS // 5
LEAST = 20
"""How often each fact has to occur for the law to have been shown."""

_seeds = st.integers(min_value=0, max_value=2**32)


def _lawful(examples: int) -> Any:
    return settings(max_examples=examples, deadline=None, database=None, derandomize=True,
                    suppress_health_check=list(HealthCheck))  # fmt: skip


@pytest.fixture
def connection(db: Database) -> Iterator[Any]:
    engine = sa.create_engine(db.url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def found(connection: Any, model: sa.MetaData) -> Any:
    """Return what differs."""
    return differences(connection, model, include_schemas=connection.dialect.name == "postgresql")


def assert_same(connection: Any, model: sa.MetaData) -> None:
    """Assert that nothing differs."""
    rest = [operation.to_diff_tuple() for operation in flat(found(connection, model))]
    assert rest == []


def clean(connection: Any) -> None:
    """Take back what an example did; what a value of an enum has committed, too."""
    connection.rollback()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "DO $$ BEGIN SET LOCAL client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public; "
            "DROP SCHEMA IF EXISTS app CASCADE; END $$"
        )
        connection.commit()


def test_applied_model_differs_in_nothing(connection: Any) -> None:
    counts: Counter[str] = Counter()
    is_pg = connection.dialect.name == "postgresql"

    @_lawful(MODELS)
    @given(_seeds)
    def check(seed: int) -> None:
        model = build(Maker(Random(seed), is_pg, counts).model(), is_pg)
        try:
            upgrade = found(connection, model)
            apply(connection, upgrade, model)
            assert_same(connection, model)
            apply(connection, upgrade.reverse(), model)
            assert_same(connection, sa.MetaData())
        finally:
            connection.rollback()

    check()

    facts = ["table", "not null", "column default", "unique named", "unique unnamed", "check named", "check unnamed"]
    facts += ["foreign key", "foreign key to itself", "foreign key ondelete", "foreign key onupdate", "generated"]
    facts += ["foreign key deferrable", "key id", "key two", *(f"type {kind}" for kind in TYPES)]
    facts += [f"index {kind}" for kind in ("plain", "descending", "expression", "partial", "unique")]
    if is_pg:
        facts += ["schema", "table comment", "column comment", "sequence", "exclude", "key identity", "key none"]
        facts += [f"unique {fact}" for fact in ("include", "nulls not distinct", "deferrable")]
        facts += [f"index {kind}" for kind in POSTGRESQL_INDEXES] + [f"type {kind}" for kind in POSTGRESQL_TYPES]
    _report(counts, facts)


def test_edited_model_differs_in_nothing_and_is_taken_back(connection: Any) -> None:
    counts: Counter[str] = Counter()
    is_pg = connection.dialect.name == "postgresql"

    @_lawful(CHAINS)
    @given(_seeds)
    def check(seed: int) -> None:
        random = Random(seed)
        maker = Maker(random, is_pg, counts)
        try:
            spec = maker.model()
            model = build(spec, is_pg)
            apply(connection, found(connection, model), model)
            for _ in range(3):
                edited = maker.edit(spec)
                after = build(edited, is_pg)
                upgrade = found(connection, after)
                apply(connection, upgrade, after)
                assert_same(connection, after)
                apply(connection, upgrade.reverse(), model)
                assert_same(connection, model)
                if random.random() < 0.7:
                    apply(connection, found(connection, after), after)
                    spec, model = edited, after
        finally:
            clean(connection)

    check()

    _report(counts, [f"edit: {kind}" for kind in EDITS])


def _report(counts: Counter[str], facts: list[str]) -> None:
    """Print how often each fact occurred, and fail if one hardly did."""
    print(*(f"{counts[fact]:6} {fact}" for fact in sorted(set(facts))), sep="\n")
    assert {fact: counts[fact] for fact in facts if counts[fact] < LEAST} == {}
