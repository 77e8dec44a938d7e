"""The PostgreSQL driver when memory runs out: each allocation of a connection's life fails once.

Whatever fails, the call says so, and the connection either still works or says that it is lost.
"""

from __future__ import annotations

from pyorm import _coretest
from tests.conftest import PostgresDatabase
from tests.driver.pg_raw import OWN_SHAPE, STREAM, Conn, DriverError

MOST = 2000


def live(conn: Conn) -> None:
    """Do everything a connection can do."""
    conn.do("begin")
    conn.do("savepoint", "a")
    conn.rows("SELECT $1", "x", key=1, flags=OWN_SHAPE)
    conn.many("INSERT INTO t VALUES ($1) RETURNING a", [("1",), ("2",), ("3",)], key=2, rows=True)
    conn.do("rollback_to", "a")
    cursor = conn.exec("SELECT generate_series(1, 300)", mode=STREAM)
    try:
        cursor.fetch()
        conn.do("release_sp", "a")
        cursor.rest()
        assert cursor.columns
    finally:
        cursor.close()
    conn.copy("COPY t FROM STDIN", b"1\n")
    conn.do("script", "SELECT 1; SELECT 2")
    conn.do("commit")


def step(url: str, k: int) -> bool:
    """Live with the k-th allocation failing; False when there was no k-th one."""
    conn, failure = None, None
    _coretest.pg_fault(k)
    try:
        conn = Conn(url)
        live(conn)
    except DriverError as error:
        failure = error
    seen = _coretest.pg_fault(0)

    # Some allocations can be done without: notes and texts.
    assert failure is None or failure.code in ("ORM_E_NOMEM", "ORM_E_UNAVAILABLE"), (k, failure)
    if conn is not None:
        if conn.state != "unknown":
            conn.do("rollback")
            assert conn.text("SELECT 'fine'") == "fine"
        conn.close()
    return bool(seen >= k)


def test_connection_works_or_is_lost_when_any_allocation_fails(pg_db: PostgresDatabase) -> None:
    pg_db.script("CREATE TABLE t (a int)")

    k = 1
    while k < MOST and step(pg_db.url, k):
        k += 1

    assert 20 < k < MOST
