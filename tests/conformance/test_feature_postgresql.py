"""What only PostgreSQL has: one test a feature."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import (
    ARRAY,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    cast,
    create_engine,
    event,
    exc,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    update,
)
from pyorm.dialects import postgresql
from pyorm.dialects.postgresql import JSONB
from tests.conformance.staff import STAFF, fill


@pytest.fixture
def connection(pg_db: Any) -> Iterator[Connection]:
    engine = create_engine(pg_db.url)
    with engine.connect() as made:
        yield made
    engine.dispose()


def test_documents_are_asked(connection: Connection) -> None:
    docs = Table("docs", MetaData(), Column("id", Integer, primary_key=True), Column("doc", JSONB))
    docs.metadata.create_all(connection)
    connection.execute(
        insert(docs),
        [{"id": 1, "doc": {"a": {"b": [1, 2]}, "n": "x"}}, {"id": 2, "doc": {"c": 5}}],
    )
    doc = docs.c.doc

    def ids(criterion: Any) -> list[int]:
        return list(connection.scalars(select(docs.c.id).where(criterion).order_by(docs.c.id)))

    def of_first(expression: Any) -> Any:
        return connection.scalar(select(expression).where(docs.c.id == 1))

    assert of_first(doc["a"]) == {"b": [1, 2]}
    assert of_first(doc["n"].astext) == "x"
    assert of_first(doc["a"]["b"][1]) == 2
    assert of_first(doc[("a", "b", "0")]) == 1
    assert of_first(doc[("a", "b", "0")].astext) == "1"
    assert ids(doc.contains({"n": "x"})) == [1]
    assert ids(doc.contained_by({"c": 5, "d": 6})) == [2]
    assert ids(doc.has_key("c")) == [2]
    assert ids(doc.has_any(postgresql.array(["c", "n"]))) == [1, 2]
    assert ids(doc.has_all(postgresql.array(["a", "n"]))) == [1]
    assert of_first(doc.delete_path(postgresql.array(["a", "b"]))) == {"a": {}, "n": "x"}
    assert ids(doc.path_exists("$.a.b")) == [1]
    assert ids(doc.path_match("$.c == 5")) == [2]


@pytest.mark.feature("PG03")
def test_arrays_are_asked(connection: Connection) -> None:
    table = Table("t", MetaData(), Column("id", Integer, primary_key=True),
                  Column("v", postgresql.ARRAY(Integer)), Column("w", ARRAY(String)))  # fmt: skip
    table.metadata.create_all(connection)
    connection.execute(
        insert(table), [{"id": 1, "v": [1, 2, 3], "w": ["a"]}, {"id": 2, "v": [5], "w": []}]
    )
    v = table.c.v

    def ids(criterion: Any) -> list[int]:
        return list(connection.scalars(select(table.c.id).where(criterion).order_by(table.c.id)))

    assert ids(v.contains([1, 3])) == [1]
    assert ids(v.contained_by([5, 6])) == [2]
    assert ids(v.overlap([3, 5])) == [1, 2]
    assert ids(v.any(5)) == [2]
    assert ids(v.all(5)) == [2]
    assert ids(v[1] == 5) == [2]
    assert connection.scalar(select(v[2:3]).where(table.c.id == 1)) == [2, 3]
    made = postgresql.array([1, 2]) + postgresql.array([3])
    assert connection.scalar(select(made)) == [1, 2, 3]
    assert connection.scalar(select(postgresql.array([literal("a"), "b"]))) == ["a", "b"]
    assert ids(v == made) == [1]
    connection.execute(update(table).where(table.c.id == 2).values(v=[7, 8]))
    assert connection.scalar(select(v).where(table.c.id == 2)) == [7, 8]


@pytest.mark.feature("PG12")
def test_indexes_have_their_options(pg_db: Any) -> None:
    engine = create_engine(pg_db.url)
    table = Table("t", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer),
                  Column("w", String), Column("d", JSONB))  # fmt: skip
    Index("ix_gin", table.c.d, postgresql_using="gin", postgresql_ops={"d": "jsonb_path_ops"})
    Index("ix_part", table.c.n, postgresql_where=table.c.n > 5, postgresql_include=["w"])
    Index("ix_with", table.c.n, postgresql_with={"fillfactor": 50}, postgresql_tablespace="pg_default")
    Index("ix_null", table.c.n, unique=True, postgresql_nulls_not_distinct=True)
    late = Index("ix_late", table.c.w, postgresql_concurrently=True)
    table.indexes.discard(late)

    table.metadata.create_all(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        late.create(connection)
        rows = connection.exec_driver_sql("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 't'")
        made = {row[0]: row[1] for row in rows}
        late.drop(connection)

    assert "USING gin (d jsonb_path_ops)" in made["ix_gin"]
    assert "INCLUDE (w) WHERE (n > 5)" in made["ix_part"]
    assert "WITH (fillfactor='50')" in made["ix_with"]
    assert "UNIQUE" in made["ix_null"] and "NULLS NOT DISTINCT" in made["ix_null"]
    assert "ix_late" in made
    engine.dispose()


@pytest.mark.feature("PG18")
def test_first_row_of_each_group_is_chosen(connection: Connection) -> None:
    fill(connection)

    query = (
        select(STAFF.c.team, STAFF.c.id)
        .ext(postgresql.distinct_on(STAFF.c.team))
        .order_by(STAFF.c.team, STAFF.c.id.desc())
    )

    assert connection.execute(query).all() == [("a", 2), ("b", 4), (None, 5)]


@pytest.mark.feature("PG19")
def test_aggregates_are_ordered(connection: Connection) -> None:
    fill(connection)
    names = postgresql.aggregate_order_by(STAFF.c.name, STAFF.c.id.desc())

    assert connection.scalar(select(func.array_agg(names)).where(STAFF.c.id < 4)) == ["Cy", "Bob", "Ada"]
    joined = func.string_agg(STAFF.c.name, postgresql.aggregate_order_by(literal(","), STAFF.c.pay))
    assert connection.scalar(select(joined).where(STAFF.c.id < 3)) == "Bob,Ada"
    two = postgresql.aggregate_order_by(STAFF.c.id, STAFF.c.team.desc(), STAFF.c.id)
    assert connection.scalar(select(func.array_agg(two)).where(STAFF.c.id < 5)) == [3, 4, 1, 2]


@pytest.mark.feature("PG21")
def test_rows_are_streamed(connection: Connection) -> None:
    numbers = text("SELECT n FROM generate_series(1, 50000) AS n")

    with connection.execution_options(stream_results=True).execute(numbers) as result:
        assert [next(result).n for _ in range(3)] == [1, 2, 3]
        assert result.fetchmany(2) == [(4,), (5,)]
    streamed = connection.execute(numbers, execution_options={"yield_per": 1000})
    assert sum(len(part) for part in streamed.scalars().partitions()) == 50_000


@pytest.mark.feature("PG22")
def test_search_path_is_set_by_a_listener(pg_db: Any) -> None:
    pg_db.script("CREATE SCHEMA other; CREATE TABLE other.t (id INTEGER); INSERT INTO other.t VALUES (7)")
    engine = create_engine(pg_db.url)

    @event.listens_for(engine, "connect", insert=True)
    def set_path(dbapi_connection: Any, record: Any) -> None:
        before = dbapi_connection.autocommit
        dbapi_connection.autocommit = True
        cursor = dbapi_connection.cursor()
        cursor.execute("SET SESSION search_path = other")
        cursor.close()
        dbapi_connection.autocommit = before

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT id FROM t")) == 7
        connection.rollback()
        assert connection.scalar(text("SELECT id FROM t")) == 7
        assert inspect(connection).get_table_names() == ["t"]
        assert inspect(connection).default_schema_name == "other"
    engine.dispose()


@pytest.mark.feature("PG23")
def test_state_of_an_error_is_told(connection: Connection) -> None:
    meta = MetaData()
    table = Table("t", meta, Column("id", Integer, primary_key=True), Column("n", Integer, nullable=False),
                  UniqueConstraint("n", name="uq_n"))  # fmt: skip
    meta.create_all(connection)
    connection.execute(insert(table), {"id": 1, "n": 1})

    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"id": 2, "n": 1}, "23505", "UniqueViolation"),
        ({"id": 2, "n": None}, "23502", "NotNullViolation"),
    ]
    for values, state, name in cases:
        with pytest.raises(exc.IntegrityError) as caught, connection.begin_nested():
            connection.execute(insert(table), values)
        assert caught.value.orig.sqlstate == state
        assert caught.value.orig.diag.table_name == "t"
        assert name in {cls.__name__ for error in (caught.value, caught.value.orig)
                        for cls in type(error).__mro__}  # fmt: skip
    assert connection.scalar(select(cast("5", Integer))) == 5
