"""pyorm.dbapi: PEP 249 over the native drivers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyorm import dbapi


@pytest.fixture
def raw(url: str) -> Iterator[dbapi.Connection]:
    made = dbapi.connect(url)
    yield made
    made.close()


@pytest.fixture
def mark(db) -> str:
    return "?" if db.name == "sqlite" else "%s"


def test_rows_come_as_tuples_when_a_cursor_fetches(raw, mark: str) -> None:
    cursor = raw.cursor()
    sql = "SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 3 ORDER BY 1"

    assert cursor.execute(sql) is cursor
    assert [column[0] for column in cursor.description] == ["a"]
    assert cursor.fetchone() == (1,)
    assert cursor.fetchmany(1) == [(2,)]
    assert cursor.fetchall() == [(3,)]
    assert cursor.fetchone() is None
    assert list(cursor.execute(sql)) == [(1,), (2,), (3,)]
    assert cursor.execute(f"SELECT {mark}, {mark}", ("x", None)).fetchall() == [("x", None)]


def test_nothing_is_kept_when_a_transaction_is_rolled_back(db, raw, mark: str) -> None:
    cursor = raw.cursor()
    cursor.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
    raw.commit()
    cursor.executemany(f"INSERT INTO t VALUES ({mark}, {mark})", [(1, "a"), (2, "b")])
    assert cursor.rowcount == 2
    assert raw.in_transaction
    raw.rollback()
    assert not raw.in_transaction
    with raw:
        cursor.execute(f"INSERT INTO t VALUES ({mark}, {mark})", (3, "c"))

    assert db.rows("SELECT id FROM t") == [("3",)]


def test_each_statement_is_kept_when_autocommit_is_on(db, url: str) -> None:
    db.script("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    raw = dbapi.connect(url, autocommit=True)
    raw.execute("INSERT INTO t VALUES (1)")

    assert db.rows("SELECT id FROM t") == [("1",)]
    assert not raw.in_transaction
    raw.close()


def test_the_drivers_errors_are_raised_when_something_fails(raw, mark: str) -> None:
    with pytest.raises(dbapi.DatabaseError):
        raw.execute("SELECT * FROM nowhere")
    raw.rollback()
    with pytest.raises(dbapi.ProgrammingError, match="1 placeholders, but 2 parameters"):
        raw.execute(f"SELECT {mark}", (1, 2))
    cursor = raw.cursor()
    cursor.close()
    with pytest.raises(dbapi.InterfaceError, match="cursor is closed"):
        cursor.execute("SELECT 1")
    raw.close()
    with pytest.raises(dbapi.InterfaceError, match="connection is closed"):
        raw.execute("SELECT 1")


PLACEHOLDERS = [
    ("SELECT %s::int, '%%s', \"a%%b\".x FROM (SELECT 2 AS x) AS \"a%%b\"", (1,), (1, "%s", 2)),
    ("SELECT %(a)s::int + %(a)s::int, %(b)s::text", {"a": 2, "b": "x"}, (4, "x")),
    ("SELECT $2::int - $1::int", (1, 5), (4,)),
    ("SELECT $$%s $1$$, $x$ $$ %s $x$, %s::int", (1,), ("%s $1", " $$ %s ", 1)),
    ("SELECT E'\\'%s', /* %s /* %s */ */ %s::int -- %s", (1,), ("'%s", 1)),
    ("SELECT 10 %% %s::int", (4,), (2,)),
]


@pytest.mark.parametrize(("sql", "params", "row"), PLACEHOLDERS)
def test_placeholders_are_found_when_postgresql_text_is_quoted(
    pg_url: str, sql: str, params, row
) -> None:
    raw = dbapi.connect(pg_url)
    quoted = sql
    if "'" in sql or "$" in sql.replace("$1", "").replace("$2", ""):
        # Inside quotes a driver still takes %s for a placeholder: double it there.
        quoted = sql.replace("'%s", "'%%s").replace("$$%s", "$$%%s").replace(" $$ %s", " $$ %%s")
        quoted = quoted.replace("/* %s /* %s */", "/* %%s /* %%s */").replace("-- %s", "-- %%s")
    assert raw.execute(quoted, params).fetchone() == row
    raw.close()


def test_named_and_numbered_placeholders_work_when_sqlite_reads_them(sqlite_url: str) -> None:
    raw = dbapi.connect(sqlite_url)

    assert raw.execute("SELECT :a + :a, @b, ':c'", {"a": 1, "b": 2}).fetchone() == (2, 2, ":c")
    assert raw.execute("SELECT ?2, ?1", (1, 2)).fetchone() == (2, 1)
    assert raw.execute("SELECT '?', [x?] FROM (SELECT 1 AS [x?])").fetchone() == ("?", 1)
    raw.close()


@pytest.fixture
def lite(sqlite_url: str) -> Iterator[dbapi.Connection]:
    made = dbapi.connect(sqlite_url)
    yield made
    made.close()


def test_python_is_called_when_sql_calls_a_users_function(lite) -> None:
    lite.create_function("twice", 1, lambda x: x * 2, deterministic=True)
    lite.create_collation("reverse", lambda a, b: (a < b) - (a > b))

    class Longest:
        def __init__(self) -> None:
            self.value = ""

        def step(self, value: str) -> None:
            self.value = max(self.value, value, key=len)

        def finalize(self) -> str:
            return self.value

    lite.create_aggregate("longest", 1, Longest)

    assert lite.execute("SELECT twice(4), twice('ab'), twice(1.5)").fetchone() == (8, "abab", 3.0)
    two = "(SELECT 'a' AS x UNION ALL SELECT 'bcd')"
    assert lite.execute(f"SELECT longest(x) FROM {two}").fetchone() == ("bcd",)
    ordered = lite.execute(f"SELECT x FROM {two} ORDER BY x COLLATE reverse").fetchall()
    assert ordered == [("bcd",), ("a",)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_statement_fails_when_a_users_function_raises(lite) -> None:
    lite.create_function("bad", 0, lambda: 1 / 0)

    with pytest.raises(dbapi.OperationalError, match="user-defined function raised exception"):
        lite.execute("SELECT bad()").fetchall()


def test_nothing_begins_when_isolation_level_is_none(lite) -> None:
    assert lite.isolation_level == ""
    lite.isolation_level = None
    lite.execute("CREATE TABLE t (a)")
    assert not lite.in_transaction
    lite.execute("BEGIN")
    assert lite.in_transaction
    lite.rollback()
    with pytest.raises(ValueError, match="isolation_level"):
        lite.isolation_level = "NOPE"


def test_rows_have_names_when_a_row_factory_makes_them(lite) -> None:
    lite.row_factory = dbapi.Row

    row = lite.execute("SELECT 1 AS a, 2 AS B").fetchone()

    assert (row["a"], row["b"], row[0]) == (1, 2, 1)
    assert row.keys() == ["a", "B"]


def test_a_dump_makes_the_database_again_when_it_is_run(lite) -> None:
    lite.executescript("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'it''s'), (NULL, x'00ff');")

    other = dbapi.connect(":memory:")
    other.executescript("\n".join(lite.iterdump()))

    assert other.execute("SELECT * FROM t").fetchall() == [(1, "it's"), (None, b"\x00\xff")]


def test_savepoints_work_when_the_begin_event_begins_by_hand(sqlite_url: str) -> None:
    from pyorm import create_engine, event

    engine = create_engine(sqlite_url)

    @event.listens_for(engine, "connect")
    def connect(dbapi_connection, record) -> None:
        dbapi_connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(conn) -> None:
        conn.exec_driver_sql("BEGIN")

    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")
        assert connection.connection.in_transaction
        with connection.begin_nested() as nested:
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            nested.rollback()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0
    engine.dispose()
