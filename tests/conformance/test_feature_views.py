"""CREATE VIEW, CREATE TABLE AS, DDL of one's own, literal values, an engine without a database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from pyorm import (
    Column,
    Connection,
    Date,
    DateTime,
    Engine,
    Enum,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Uuid,
    create_mock_engine,
    exc,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    tuple_,
)
from pyorm.schema import DDL, CreateTableAs, CreateView, DropView


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        yield made


def people_in(meta: MetaData) -> Table:
    return Table("people", meta, Column("id", Integer, primary_key=True), Column("name", String(20)))


def text_of(connection: Connection, statement: Any) -> str:
    return " ".join(str(statement.compile(dialect=connection.dialect)).split())


@pytest.mark.feature("DDL05")
def test_views_are_tables_of_the_metadata(connection: Connection) -> None:
    meta = MetaData()
    people = people_in(meta)
    chosen = select(people.c.id, people.c.name.label("n")).where(people.c.name != "it's")
    view = CreateView(chosen, "a_view", metadata=meta)  # sorts before its table by name
    counted = CreateView(select(func.count().label("many")).select_from(view.table), "a_count", metadata=meta)

    body = "AS SELECT people.id, people.name AS n FROM people WHERE people.name != 'it''s'"
    assert text_of(connection, view) == f"CREATE VIEW a_view {body}"
    flags = CreateView(chosen, "v", or_replace=True, temporary=True, schema="s")
    assert text_of(connection, flags) == f"CREATE OR REPLACE TEMPORARY VIEW s.v {body}"
    stored = CreateView(chosen, "m", materialized=True, postgresql_with={"fillfactor": 70})
    options = " WITH (fillfactor = 70)" if connection.dialect.name == "postgresql" else ""
    assert text_of(connection, stored) == f"CREATE MATERIALIZED VIEW m{options} {body}"
    assert text_of(connection, DropView(stored.table, materialized=True, if_exists=True)) == (
        "DROP MATERIALIZED VIEW IF EXISTS m"
    )
    assert [t.name for t in meta.sorted_tables] == ["people", "a_view", "a_count"]
    meta.create_all(connection)
    connection.execute(insert(people), [{"id": 1, "name": "Ada"}, {"id": 2, "name": "it's"}])
    assert connection.execute(select(view.table.c.n, counted.table.c.many)).all() == [("Ada", 1)]
    assert sorted(inspect(connection).get_view_names()) == ["a_count", "a_view"]
    meta.create_all(connection)  # all are there
    meta.drop_all(connection)
    assert inspect(connection).get_view_names() == [] and not inspect(connection).has_table("people")
    if connection.dialect.name == "postgresql":
        people.create(connection)
        kept = CreateView(chosen, "kept", materialized=True)
        connection.execute(kept)
        assert inspect(connection).get_materialized_view_names() == ["kept"]
        kept.table.drop(connection)
        assert inspect(connection).get_materialized_view_names() == []
    with pytest.raises(exc.ArgumentError, match="takes a SELECT and a name"):
        CreateView(text("SELECT 1"), "v")


@pytest.mark.feature("DDL06")
def test_tables_are_made_of_selects(connection: Connection) -> None:
    meta = MetaData()
    people = people_in(meta)
    meta.create_all(connection)
    connection.execute(insert(people), [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}])

    copy = select(people.c.id, people.c.name).where(people.c.id > 1).into("copied")
    assert isinstance(copy, CreateTableAs)
    connection.execute(copy)
    assert connection.execute(select(copy.table)).all() == [(2, "Bob")]
    assert [repr(c.type) for c in copy.table.c] == ["Integer()", "String(length=20)"]
    brief = CreateTableAs(select(people.c.id), "brief", temporary=True, if_not_exists=True)
    assert text_of(connection, brief) == "CREATE TEMPORARY TABLE IF NOT EXISTS brief AS SELECT people.id FROM people"
    connection.execute(brief)
    assert inspect(connection).get_temp_table_names() == ["brief"]
    known = select(people.c.name).into("known", metadata=meta)
    meta.create_all(connection)
    assert connection.scalar(select(func.count()).select_from(known.table)) == 2
    meta.drop_all(connection)
    assert not inspect(connection).has_table("known")


@pytest.mark.feature("DDL11")
def test_tables_have_ddl_of_their_own(connection: Connection) -> None:
    table = people_in(MetaData())
    table.set_creator_ddl(DDL("CREATE TABLE people (id integer, more text)"))
    table.set_dropper_ddl(DDL("DROP TABLE IF EXISTS people"))

    table.create(connection)
    assert [c["name"] for c in inspect(connection).get_columns("people")] == ["id", "more"]
    table.drop(connection)
    table.drop(connection)


@pytest.mark.feature("ENG33")
def test_ddl_goes_to_a_function_without_a_database() -> None:
    meta = MetaData()
    Table(
        "t", meta, Column("id", Integer, primary_key=True), Column("e", Enum("a", name="en")),
        Column("x", String, index=True, comment="c"),
    )  # fmt: skip

    def dump(url: str) -> list[str]:
        written: list[str] = []

        def note(statement: Any, parameters: Any) -> None:
            written.append(" ".join(str(statement.compile(dialect=engine.dialect)).split()))

        engine = create_mock_engine(url, note)
        meta.create_all(engine)
        meta.drop_all(engine, checkfirst=False)
        return written

    assert dump("postgresql://nobody@nowhere/none") == [
        "CREATE TYPE en AS ENUM ('a')",
        "CREATE TABLE t ( id SERIAL NOT NULL, e en, x VARCHAR, PRIMARY KEY (id) )",
        "CREATE INDEX ix_t_x ON t (x)", "COMMENT ON COLUMN t.x IS 'c'", "DROP TABLE t", "DROP TYPE en",
    ]  # fmt: skip
    assert dump("sqlite://") == [
        "CREATE TABLE t ( id INTEGER NOT NULL, e VARCHAR(1), x VARCHAR, PRIMARY KEY (id) )",
        "CREATE INDEX ix_t_x ON t (x)", "DROP TABLE t",
    ]  # fmt: skip


@pytest.mark.feature("CONN32")
def test_values_stand_in_the_text_when_asked(connection: Connection) -> None:
    table = Table(
        "v", MetaData(), Column("id", Integer, primary_key=True), Column("s", String), Column("n", Numeric(10, 2)),
        Column("day", Date), Column("at", DateTime), Column("u", Uuid),
    )  # fmt: skip
    table.create(connection)
    moment = dt.datetime(2020, 1, 2, 3, 4, 5)
    connection.execute(insert(table), {"id": 1, "s": "it's", "n": Decimal("1.50"), "day": moment.date(), "at": moment})

    def shown(statement: Any) -> str:
        return str(statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))

    col = table.c
    criteria = [
        col.id == 1, col.s == "it's", col.s.in_(["it's", "b"]), col.n == Decimal("1.50"), col.day == moment.date(),
        col.at == moment, col.at >= moment, tuple_(col.id, col.s).in_([(1, "it's")]), col.s.not_in([]),
        col.s.contains("t'", autoescape=True), literal(True), col.u.is_(None),
    ]  # fmt: skip
    for criterion in criteria:
        statement = select(col.id).where(criterion).limit(1)
        assert connection.exec_driver_sql(shown(statement)).scalar() == 1, shown(statement)
        assert connection.scalar(statement) == 1
    nothing = shown(select(col.id).where(col.s.in_([])))
    assert connection.exec_driver_sql(nothing).scalar() is None
    with pytest.raises(exc.CompileError, match="No literal value renderer is available"):
        shown(select(literal(object())))
