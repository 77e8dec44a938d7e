"""How a PostgreSQL database is read: in few statements, without a trace, and only what is the program's."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

import pyorm as sa
from pyorm import event
from pyorm.migrations.autogenerate import shadow
from tests.conftest import PostgresDatabase
from tests.migrations.autogenerate.comparing import apply, differences, flat, kinds


@pytest.fixture
def engine(pg_db: PostgresDatabase) -> Iterator[Any]:
    engine = sa.create_engine(pg_db.url)
    yield engine
    engine.dispose()


def statements(connection: Any, metadata: sa.MetaData) -> list[str]:
    """Return the statements of one comparison."""
    sent: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    differences(connection, metadata)
    event.remove(connection, "before_cursor_execute", note)
    return sent


def many(count: int, *, default: Any = None, check: str = "n > 0") -> sa.MetaData:
    metadata = sa.MetaData()
    for number in range(count):
        sa.Table(
            f"t{number}", metadata, sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("n", sa.Integer, sa.ForeignKey("t0.id"), server_default=default, index=True),
            sa.Column("s", sa.String(10), unique=True), sa.CheckConstraint(check, name="ck"),
        )  # fmt: skip
    return metadata


@pytest.mark.feature("AL-AUTO21")
def test_number_of_statements_does_not_depend_on_the_number_of_tables(engine: Any) -> None:
    with engine.begin() as connection:
        many(40).create_all(connection)

        few, more = statements(connection, many(1)), statements(connection, many(40))

    assert len(more) == len(few) <= 12


def test_shadow_is_read_in_batches_and_leaves_nothing(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "BATCH", 4)
    with engine.begin() as connection:
        many(10, default=sa.text("1 + 1"), check="n IN (1, 2) AND s LIKE 'a%'").create_all(connection)
        model = many(10, default=sa.text("(1)+1"), check="(n IN (1,2)) AND (s LIKE 'a%')")
        before = connection.exec_driver_sql("SHOW search_path").scalar()

        sent = statements(connection, model)

        assert len([s for s in sent if s.startswith("DO ")]) == 3
        assert kinds(differences(connection, model)) == []
        assert connection.exec_driver_sql("SHOW search_path").scalar() == before
        assert "pyorm_shadow" not in sa.inspect(connection).get_schema_names()


def test_shadow_halves_where_the_server_refuses(engine: Any, caplog: pytest.LogCaptureFixture) -> None:
    with engine.begin() as connection:
        many(5).create_all(connection)
        model = many(5, check="0 < n")
        broken = model.tables["t3"]
        sa.CheckConstraint("no_such_function(n) > 0", name="bad", table=broken)
        connection.exec_driver_sql("ALTER TABLE t3 ADD CONSTRAINT bad CHECK (n < 99)")

        with caplog.at_level(logging.WARNING):
            found = differences(connection, model)

    assert "'t3'" in caplog.text and "no_such_function" in caplog.text
    assert {o.table_name for o in flat(found)} == {f"t{n}" for n in range(5)}


def test_shadow_works_without_a_transaction(engine: Any) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        many(2, check="n IN (1, 2)").create_all(connection)

        assert kinds(differences(connection, many(2, check="(n IN (1,2))"))) == []
        assert "pyorm_shadow" not in sa.inspect(connection).get_schema_names()
        assert connection.exec_driver_sql("SELECT pg_current_xact_id_if_assigned()").scalar() is None


def test_expressions_in_other_spelling_are_the_same(engine: Any) -> None:
    def model(*texts: str) -> sa.MetaData:
        status, area, default, index, where = texts
        metadata = sa.MetaData()
        sa.Table(
            "t", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("s", sa.String(9)),
            sa.Column("w", sa.Integer), sa.Column("area", sa.Integer, sa.Computed(area)),
            sa.Column("d", sa.DateTime(timezone=True), server_default=sa.text(default)),
            sa.CheckConstraint(status, name="ck"),
            sa.Index("ix", sa.text(index), postgresql_where=sa.text(where)),
        )  # fmt: skip
        return metadata

    with engine.begin() as connection:
        first = model(
            "s IN ('a', 'b') AND w BETWEEN 1 AND 5", "w * w", "now() + interval '1 day'", "lower(s)",
            "w > 1 AND s <> ''",
        )
        first.create_all(connection)
        other = model(
            "(((s in ('a','b'))) and (w >= 1 and w <= 5))", "(w*w)", "(now() + '1 day'::interval)", "lower((s)::text)",
            "(w > 1) AND ((s)::text != '')",
        )  # fmt: skip

        found = differences(connection, other)

    assert kinds(found) == []


def test_what_belongs_to_others_is_not_seen(engine: Any) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE of_extension (id int)")
        connection.exec_driver_sql("CREATE SEQUENCE of_extension_too")
        connection.exec_driver_sql("ALTER EXTENSION plpgsql ADD TABLE of_extension")
        connection.exec_driver_sql("ALTER EXTENSION plpgsql ADD SEQUENCE of_extension_too")
        connection.exec_driver_sql("CREATE TEMPORARY TABLE mine (id int)")
        connection.exec_driver_sql("CREATE TABLE counters (id serial, other int GENERATED ALWAYS AS IDENTITY)")
        connection.exec_driver_sql("CREATE TYPE unused AS ENUM ('a')")

        found = differences(connection, sa.MetaData())
        connection.rollback()

    assert [(type(o).__name__, o.table_name) for o in found.ops] == [("DropTableOp", "counters")]


def in_schemas(*names: str | None) -> sa.MetaData:
    metadata = sa.MetaData()
    for schema in names:
        sa.Table(
            "t", metadata, sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("n", sa.Integer, sa.ForeignKey(f"{schema}.t.id" if schema else "t.id")), schema=schema,
        )  # fmt: skip
    return metadata


def test_schemas_of_the_model_are_created_and_read(engine: Any) -> None:
    with engine.begin() as connection:
        model = in_schemas(None, "app")

        created = differences(connection, model)
        apply(connection, created, model)

        assert kinds(created)[0] == "CreateSchemaOp"
        assert kinds(differences(connection, model)) == []
        assert kinds(differences(connection, model, include_schemas=True)) == []
        connection.exec_driver_sql("CREATE SCHEMA theirs CREATE TABLE x (id int)")
        assert kinds(differences(connection, model)) == []
        assert [o.schema for o in differences(connection, model, include_schemas=True).ops] == ["theirs"]
        skipped = differences(
            connection, model, include_schemas=True, include_name=lambda name, type_, _: name != "theirs"
        )
        assert kinds(skipped) == []
        apply(connection, created.reverse(), model)
        assert kinds(differences(connection, sa.MetaData(), include_schemas=True)) == ["DropTableOp"]


def test_schema_that_is_the_default_one_is_the_same_by_name(engine: Any) -> None:
    with engine.begin() as connection:
        in_schemas(None).create_all(connection)

        assert kinds(differences(connection, in_schemas("public"))) == []


def test_serial_column_is_made_again_by_a_downgrade(engine: Any) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a serial, b bigserial, c int, PRIMARY KEY (a, c))")
        drop = differences(connection, sa.MetaData())
        reflected = sa.MetaData()
        reflected.reflect(connection)
        apply(connection, drop)
        apply(connection, drop.reverse())

        rows = connection.exec_driver_sql(
            "SELECT column_name, column_default FROM information_schema.columns WHERE table_name = 't' "
            "AND table_schema = 'public' ORDER BY ordinal_position"
        ).all()

    assert [tuple(row) for row in rows] == [
        ("a", "nextval('t_a_seq'::regclass)"), ("b", "nextval('t_b_seq'::regclass)"), ("c", None),
    ]  # fmt: skip


def test_role_that_may_create_no_schema_gets_temporary_tables(engine: Any, pg_db: PostgresDatabase) -> None:
    pg_db.script(
        "DROP ROLE IF EXISTS modest; CREATE ROLE modest; GRANT ALL ON SCHEMA public TO modest; "
        "CREATE SCHEMA app AUTHORIZATION modest"
    )

    def model(check: str) -> sa.MetaData:
        metadata = sa.MetaData()
        for schema in (None, "app"):
            sa.Table("t", metadata, sa.Column("n", sa.Integer), sa.CheckConstraint(check, name="c"), schema=schema)
        return metadata

    with engine.connect() as connection:
        connection.exec_driver_sql("SET ROLE modest")
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"), connection.begin_nested():
            connection.exec_driver_sql("CREATE SCHEMA other")
        model("n IN (1, 2)").create_all(connection)

        assert kinds(differences(connection, model("(n in (1,2))"))) == []
        other = differences(connection, model("(n in (1,3))"))
        assert kinds(other) == ["DropConstraintOp", "CreateCheckConstraintOp"] * 2
        assert connection.exec_driver_sql("SELECT pg_my_temp_schema()").scalar() == 0
        connection.rollback()
    pg_db.script("DROP SCHEMA app; DROP OWNED BY modest; DROP ROLE modest")
