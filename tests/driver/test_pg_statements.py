"""Statements of the PostgreSQL driver: names, parameters, second tries, scripts, COPY."""

from __future__ import annotations

import pytest

from tests.driver.pg_raw import BUFFER, NO_PREPARE, OWN_SHAPE, Conn, DriverError

NAMED = "SELECT count(*)::text FROM pg_prepared_statements WHERE statement LIKE $1 || '%'"


def named(conn: Conn, start: str) -> int:
    return int(conn.text(NAMED, start) or "")


def test_text_is_named_at_its_second_use_when_it_has_an_id(pg: Conn) -> None:
    counts = []
    for _ in range(3):
        pg.rows("SELECT 1 AS twice", key=1)
        counts.append(named(pg, "SELECT 1 AS twice"))

    assert counts == [0, 1, 1]


def test_own_shape_is_named_at_its_first_use(pg: Conn) -> None:
    pg.rows("SELECT 1 AS own", key=1, flags=OWN_SHAPE)

    assert named(pg, "SELECT 1 AS own") == 1


@pytest.mark.parametrize(("key", "flags"), [(0, 0), (1, NO_PREPARE)])
def test_text_is_never_named_when_it_says_so(pg: Conn, key: int, flags: int) -> None:
    for _ in range(3):
        pg.rows("SELECT 1 AS never", key=key, flags=flags)

    assert named(pg, "SELECT 1 AS never") == 0


@pytest.mark.parametrize("option", [("prepare", "off"), ("pooler", "transaction")])
def test_nothing_is_named_when_sessions_are_shared(pg_url: str, option: tuple[str, str]) -> None:
    with Conn(pg_url, **dict([option])) as conn:
        conn.do("begin")
        for _ in range(3):
            conn.rows("SELECT 1", key=1, flags=OWN_SHAPE)
        conn.do("commit")

        assert named(conn, "") == 0


def test_names_are_bounded_when_many_texts_repeat(pg: Conn) -> None:
    for key in range(1, 301):
        pg.rows(f"SELECT {key} AS many", key=key, flags=OWN_SHAPE)
    newest = pg.rows("SELECT 300 AS many", key=300, flags=OWN_SHAPE)

    # One eviction travels with the statement after it.
    assert named(pg, "") <= 129
    assert newest == [((300).to_bytes(4),)]


def test_open_transaction_survives_when_a_name_is_given_up_inside_it(pg: Conn) -> None:
    pg.do("begin")
    for key in range(1, 200):
        pg.rows(f"SELECT {key} AS many", key=key, flags=OWN_SHAPE)

    assert pg.state == "open"


def test_statement_is_parsed_again_when_its_result_type_changed(pg: Conn, other: Conn) -> None:
    pg.run("CREATE TABLE t (a int)")
    for _ in range(2):
        pg.rows("SELECT * FROM t", key=1)
    other.run("ALTER TABLE t ADD b text")
    other.run("INSERT INTO t VALUES (1, 'x')")

    pg.do("begin")
    pg.do("savepoint", "s")
    rows = pg.rows("SELECT * FROM t", key=1)
    pg.do("release_sp", "s")

    assert rows == [(b"\0\0\0\1", b"x")]


def test_stale_statement_is_the_callers_error_when_a_transaction_is_open(
    pg: Conn, other: Conn
) -> None:
    pg.run("CREATE TABLE t (a int)")
    for _ in range(2):
        pg.rows("SELECT * FROM t", key=1)
    pg.do("begin")
    pg.rows("SELECT 1")
    other.run("ALTER TABLE t ADD b text")

    with pytest.raises(DriverError) as caught:
        pg.rows("SELECT * FROM t", key=1)

    assert caught.value.sqlstate == "0A000"
    assert pg.state == "failed"


@pytest.mark.parametrize("how", ["DEALLOCATE ALL", "DISCARD ALL"])
def test_names_are_forgotten_when_the_user_drops_them_all(pg: Conn, how: str) -> None:
    pg.do("begin")
    pg.rows("SELECT 1 AS gone", key=1, flags=OWN_SHAPE)
    pg.do("commit")

    pg.run(how)
    pg.do("begin")
    pg.rows("SELECT 2")
    rows = pg.rows("SELECT 1 AS gone", key=1, flags=OWN_SHAPE)

    assert rows == [(b"\0\0\0\1",)]


def test_statement_is_parsed_again_when_its_name_is_unknown(pg: Conn) -> None:
    pg.rows("SELECT 1 AS gone", key=1, flags=OWN_SHAPE)
    # Inside a block that hides the command from the driver's eye for tags.
    pg.run("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
    pg.do("begin")

    assert pg.rows("SELECT 1 AS gone", key=1, flags=OWN_SHAPE) == [(b"\0\0\0\1",)]
    assert pg.state == "open"


def test_result_is_text_when_its_type_has_no_binary_form(pg: Conn) -> None:
    cursor = pg.exec("SELECT relacl, 1 FROM pg_class WHERE relname = 'pg_class'")

    assert [column[2] for column in cursor.columns] == [0, 0]
    assert cursor.rest()[0][1] == b"1"
    cursor.close()


def test_types_are_part_of_the_key_when_ids_are_equal(pg: Conn) -> None:
    assert pg.rows("SELECT $1", "x", key=7) == pg.rows("SELECT $1", "x", key=7) == [(b"x",)]


def test_error_has_all_fields_when_a_constraint_fails(pg: Conn) -> None:
    pg.run("CREATE TABLE t (id int CONSTRAINT positive CHECK (id > 0), v text NOT NULL)")

    with pytest.raises(DriverError) as check:
        pg.run("INSERT INTO t VALUES (0, 'x')")
    with pytest.raises(DriverError) as missing:
        pg.run("INSERT INTO t VALUES (1)")

    assert (check.value.sqlstate, check.value.constraint, check.value.table) == (
        "23514",
        "positive",
        "t",
    )
    assert "Failing row" in check.value.detail
    assert (missing.value.sqlstate, missing.value.column) == ("23502", "v")
    assert not check.value.lost


def test_parameter_list_is_refused_before_sending_when_too_long(pg: Conn) -> None:
    with pytest.raises(DriverError) as caught:
        pg.many("SELECT 1", [("x",) * 65536])

    assert caught.value.code == "ORM_E_PROGRAMMING"
    assert not caught.value.lost
    assert pg.text("SELECT 'fine'") == "fine"


@pytest.mark.parametrize(
    ("sql", "last"),
    [
        ("SELECT 1; SELECT 2", b"2"),
        ("SELECT 1 /* ; */; -- ;\n SELECT $tag$;$tag$", b";"),
        ("SELECT ';'; SELECT E'\\';' AS \";\"", b"';"),
    ],
)
def test_text_of_several_statements_runs_when_without_parameters(
    pg: Conn, sql: str, last: bytes
) -> None:
    pg.do("begin")

    rows = pg.rows(sql)

    assert rows == [(last,)]
    assert pg.state == "open"


@pytest.mark.parametrize("sql", ["SELECT 1;", "SELECT 1 ; -- end;\n", "SELECT ';;' /* ; x */ ;"])
def test_text_of_one_statement_stays_binary_when_it_holds_semicolons(pg: Conn, sql: str) -> None:
    cursor = pg.exec(sql, mode=BUFFER)

    assert cursor.columns[0][2] == 1
    cursor.close()


def test_script_names_the_failing_statement_when_one_fails(pg: Conn) -> None:
    with pytest.raises(DriverError) as caught:
        pg.do("script", "CREATE TABLE a (x int); SELECT 1/0; SELECT 1")

    assert caught.value.sqlstate == "22012"
    assert caught.value.row == 1
    assert pg.state == "idle"
    assert pg.text("SELECT to_regclass('a')::text") is None


def test_copy_adds_rows_inside_the_transaction_when_one_is_noted(pg: Conn, other: Conn) -> None:
    pg.run("CREATE TABLE t (a int)")
    pg.do("begin")
    data = b"".join(b"%d\n" % i for i in range(200_000))

    rows = pg.copy("COPY t FROM STDIN", data)

    assert rows == 200_000
    assert pg.state == "open"
    assert other.text("SELECT count(*)::text FROM t") == "0"
    assert pg.text("SELECT count(*)::text FROM t") == "200000"


def test_copy_names_the_line_when_a_row_is_refused(pg: Conn) -> None:
    pg.run("CREATE TABLE t (a int)")

    with pytest.raises(DriverError, match="22P02"):
        pg.copy("COPY t FROM STDIN", b"1\nx\n" + b"2\n" * 500_000)

    assert pg.state == "idle"
    assert pg.text("SELECT count(*)::text FROM t") == "0"


def test_copy_is_refused_when_it_is_another_statement(pg: Conn) -> None:
    with pytest.raises(DriverError, match="not COPY"):
        pg.copy("SELECT 1", b"")

    assert pg.text("SELECT 'fine'") == "fine"
