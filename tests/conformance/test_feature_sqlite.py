"""SQLite: how types are stored, its own words in DDL, pragmas: one test a feature line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyorm import (
    Column,
    Connection,
    Date,
    DateTime,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Time,
    create_engine,
    delete,
    event,
    exc,
    func,
    insert,
    inspect,
    literal,
    select,
    update,
)
from pyorm.dialects import sqlite as lite
from pyorm.schema import CreateIndex, CreateTable

MOMENT = dt.datetime(2020, 1, 2, 3, 4, 5, 678)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = create_engine("sqlite://")
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        yield made


def text_of(connection: Connection, statement: Any) -> str:
    return " ".join(str(statement.compile(dialect=connection.dialect)).split())


@pytest.mark.feature("SQLT01")
def test_types_have_affinities_and_dates_their_texts(connection: Connection) -> None:
    table = Table(
        "moments", MetaData(), Column("id", Integer, primary_key=True),
        Column("plain", DateTime), Column("day", Date), Column("hour", Time),
        Column("own", lite.DATETIME(
            storage_format="%(year)04d/%(month)02d/%(day)02d %(hour)02d-%(minute)02d-%(second)02d",
            regexp=r"(\d+)/(\d+)/(\d+) (\d+)-(\d+)-(\d+)",
        )),
        Column("own_day", lite.DATE(
            storage_format="%(month)02d/%(day)02d/%(year)04d",
            regexp=r"(?P<month>\d+)/(?P<day>\d+)/(?P<year>\d+)",
        )),
        Column("own_hour", lite.TIME(
            storage_format="%(hour)02d-%(minute)02d-%(second)02d", regexp=r"(\d+)-(\d+)-(\d+)",
        )),
        Column("short", lite.DATETIME(truncate_microseconds=True)),
    )  # fmt: skip
    table.create(connection)
    day, hour, whole = MOMENT.date(), MOMENT.time(), MOMENT.replace(microsecond=0)

    connection.execute(insert(table).values(
        plain=MOMENT, day=day, hour=hour, own=MOMENT, own_day=day, own_hour=hour, short=MOMENT,
    ))  # fmt: skip
    stored = connection.exec_driver_sql("SELECT plain, day, hour, own, own_day, own_hour, short FROM moments").one()
    assert stored == (
        "2020-01-02 03:04:05.000678", "2020-01-02", "03:04:05.000678", "2020/01/02 03-04-05", "01/02/2020",
        "03-04-05", "2020-01-02 03:04:05",
    )  # fmt: skip
    read = connection.execute(select(*list(table.c)[1:])).one()
    assert read == (MOMENT, day, hour, whole, day, whole.time(), whole)

    affinities = {
        "INT": "INTEGER()", "UNSIGNED BIG INT": "INTEGER()", "BIGINT": "BIGINT()",
        "VARCHAR(255)": "VARCHAR(length=255)", "CLOB": "TEXT()", "BLOB": "BLOB()", "": "NullType()",
        "DOUBLE": "DOUBLE()", "FLOATING POINT": "INTEGER()", "DECIMAL(10,5)": "DECIMAL(precision=10, scale=5)",
        "XYZ": "NUMERIC()", "BOOLEAN": "BOOLEAN()", "DATETIME": "DATETIME()",
    }  # fmt: skip
    declared = ", ".join(f'"{name}" {name}' for name in affinities if name)
    connection.exec_driver_sql(f"CREATE TABLE a (bare, {declared})")
    found = {c["name"]: repr(c["type"]) for c in inspect(connection).get_columns("a")}
    assert found == {name or "bare": shown for name, shown in affinities.items()}


@pytest.mark.feature("SQLT06")
def test_foreign_keys_are_off_until_a_listener_turns_them_on(tmp_path: Path) -> None:
    meta = MetaData()
    Table("parents", meta, Column("id", Integer, primary_key=True))
    child = Table("children", meta, Column("id", Integer, primary_key=True), Column("p", ForeignKey("parents.id")))
    engine = create_engine(f"sqlite:///{tmp_path}/keys.db")
    meta.create_all(engine)

    with engine.begin() as connection:
        connection.execute(insert(child).values(id=1, p=99))  # nobody looks
    engine.dispose()

    @event.listens_for(engine, "connect")
    def enforce(dbapi_connection: Any, record: Any) -> None:
        cursor = dbapi_connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    with engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        with pytest.raises(exc.IntegrityError, match="FOREIGN KEY constraint failed"), connection.begin_nested():
            connection.execute(insert(child).values(id=2, p=98))
    engine.dispose()


@pytest.mark.feature("SQLT08")
def test_what_depends_on_the_version_is_there(connection: Connection) -> None:
    table = Table("t", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer))
    table.create(connection)
    version = tuple(map(int, connection.exec_driver_sql("SELECT sqlite_version()").scalar_one().split(".")))
    gates = {"insert_returning": (3, 35), "update_returning": (3, 35), "delete_returning": (3, 35),
             "supports_multivalues_insert": (3, 7, 11)}  # fmt: skip

    for name, since in gates.items():
        assert getattr(connection.dialect, name) is (version >= since)
    assert connection.execute(insert(table).values([{"n": 1}, {"n": 2}]).returning(table.c.id)).all() == [(1,), (2,)]
    assert connection.execute(update(table).values(n=table.c.n + 1).returning(table.c.n)).all() == [(2,), (3,)]
    upsert = lite.insert(table).values(id=1, n=9)
    upsert = upsert.on_conflict_do_update(index_elements=["id"], set_={"n": upsert.excluded.n + table.c.n})
    assert connection.execute(upsert.returning(table.c.n)).scalar_one() == 11
    first = select(table.c.n).where(table.c.id == 1).cte("first")
    recursive = select(literal(1).label("n")).cte("up", recursive=True)
    recursive = recursive.union_all(select(recursive.c.n + 1).where(recursive.c.n < 3))
    assert connection.scalar(select(first.c.n)) == 11
    assert connection.scalars(select(recursive.c.n)).all() == [1, 2, 3]
    ranked = select(table.c.id, func.row_number().over(order_by=table.c.n.desc())).order_by(table.c.id)
    assert connection.execute(ranked).all() == [(1, 1), (2, 2)]
    assert connection.execute(delete(table).returning(table.c.id)).all() == [(1,), (2,)]


@pytest.mark.feature("SQLT02", "SQLT03")
def test_tables_have_the_words_of_sqlite(connection: Connection) -> None:
    meta = MetaData()
    numbered = Table("numbered", meta, Column("id", Integer, primary_key=True), sqlite_autoincrement=True)
    strict = Table("strict", meta, Column("id", Integer, primary_key=True), Column("s", lite.TEXT), sqlite_strict=True)
    bare = Table("bare", meta, Column("k", String, primary_key=True), sqlite_with_rowid=False)

    assert "id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT" in text_of(connection, CreateTable(numbered))
    assert text_of(connection, CreateTable(strict)).endswith(") STRICT")
    assert text_of(connection, CreateTable(bare)).endswith(") WITHOUT ROWID")
    meta.create_all(connection)
    connection.execute(insert(numbered), [{"id": 5}, {"id": 6}])
    connection.execute(delete(numbered))
    assert connection.execute(insert(numbered)).inserted_primary_key == (7,)  # numbers are not used again
    with pytest.raises(exc.DBAPIError, match="cannot store"), connection.begin_nested():
        connection.exec_driver_sql("INSERT INTO strict (id, s) VALUES (1, x'00')")
    options = {name: inspect(connection).get_table_options(name) for name in meta.tables}
    assert options == {"numbered": {}, "strict": {"sqlite_strict": True}, "bare": {"sqlite_with_rowid": False}}
    again = MetaData()
    again.reflect(connection)
    assert text_of(connection, CreateTable(again.tables["bare"])).endswith(") WITHOUT ROWID")
    assert text_of(connection, CreateTable(again.tables["strict"])).endswith(") STRICT")


@pytest.mark.feature("SQLT05", "SQLT13")
def test_indexes_are_partial_and_schemas_are_attached(connection: Connection) -> None:
    connection.exec_driver_sql("ATTACH ':memory:' AS side")
    meta = MetaData()
    table = Table("t", meta, Column("id", Integer, primary_key=True), Column("n", Integer), schema="side")
    index = Index("ix_big", table.c.n, unique=True, sqlite_where=table.c.n > 5)

    assert text_of(connection, CreateIndex(index)) == "CREATE UNIQUE INDEX side.ix_big ON t (n) WHERE n > 5"
    meta.create_all(connection)
    connection.execute(insert(table), [{"n": 1}, {"n": 1}, {"n": 6}])
    with pytest.raises(exc.IntegrityError), connection.begin_nested():
        connection.execute(insert(table), {"n": 6})
    inspector = inspect(connection)
    assert inspector.get_table_names() == [] and inspector.get_table_names(schema="side") == ["t"]
    assert inspector.get_indexes("t", schema="side")[0]["dialect_options"] == {"sqlite_where": "n > 5"}
    assert connection.scalar(select(func.count()).select_from(table)) == 3
    assert "side" in inspector.get_schema_names()
    meta.drop_all(connection)
    assert not inspect(connection).has_table("t", schema="side")
