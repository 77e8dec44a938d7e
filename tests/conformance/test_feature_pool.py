"""Engines and pools: one test a feature, on both databases."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from pyorm import create_engine, dbapi, event, exc, func, insert, select, text
from pyorm.engine import URL, Engine, make_url
from pyorm.pool import NullPool, Pool, QueuePool, SingletonThreadPool, StaticPool
from tests.conformance.staff import META, STAFF


def raw(engine: Engine) -> object:
    """Return the driver's connection of a checkout that is given back at once."""
    with engine.connect() as connection:
        return connection.connection.dbapi_connection


def kill(engine: Engine) -> None:
    """Let the server end all sessions of the database but the asking one."""
    killer = create_engine(engine.url, poolclass=NullPool)
    with killer.connect() as connection:
        connection.execute(text(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend' AND application_name = 'victim'"
        ))  # fmt: skip


@pytest.mark.feature("ENG01")
def test_engine_connects_when_it_is_first_used(url: str) -> None:
    made: list[object] = []
    engine = create_engine(url, poolclass=QueuePool, pool_size=2, query_cache_size=10)
    event.listen(engine, "connect", lambda *_: made.append(1))

    assert made == []
    with engine.connect() as connection:
        for value in range(3):
            assert connection.scalar(select(func.abs(value))) == value
    assert made == [1]
    assert engine._cache_stats()["misses"] <= 1 + len(made)
    assert engine.dialect.name == make_url(url).get_backend_name()
    assert isinstance(engine.pool, QueuePool) and engine.pool.size() == 2
    engine.dispose()


@pytest.mark.feature("ENG38")
def test_engine_has_a_new_pool_when_it_is_disposed_of(url: str) -> None:
    engine = create_engine(url, poolclass=QueuePool)
    other = engine.execution_options(mine=1)
    closed: list[object] = []
    event.listen(engine, "close", lambda *_: closed.append(1))
    first, pool = raw(engine), engine.pool

    engine.dispose()

    assert closed == [1]
    assert engine.pool is other.pool is not pool
    assert raw(engine) is raw(other) is not first
    other.dispose()
    assert closed == [1, 1]
    assert engine.pool is other.pool


def test_connections_go_on_when_disposing_does_not_close(url: str) -> None:
    engine = create_engine(url, poolclass=QueuePool)
    closed: list[object] = []
    event.listen(engine, "close", lambda *_: closed.append(1))
    idle = engine.raw_connection()
    mine = idle.dbapi_connection
    held = engine.connect()
    held.exec_driver_sql("SELECT 1")
    idle.close()

    engine.dispose(close=False)

    assert held.exec_driver_sql("SELECT 7").scalar() == 7
    cursor = mine.cursor()
    cursor.execute("SELECT 8")
    assert cursor.fetchall() == [(8,)]
    assert raw(engine) is not mine
    held.close()
    assert closed == []
    mine.close()
    engine.dispose()


def test_parent_s_connections_live_when_its_child_disposes(url: str) -> None:
    engine = create_engine(url, poolclass=QueuePool)
    first = raw(engine)
    held = engine.connect()
    held.exec_driver_sql("SELECT 1")
    child = os.fork()
    if child == 0:
        try:
            engine.dispose(close=False)
            with engine.connect() as connection:
                answer = connection.exec_driver_sql("SELECT 3").scalar()
            os._exit(answer if connection.closed else 1)
        finally:
            os._exit(2)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert held.exec_driver_sql("SELECT 4").scalar() == 4
    held.close()
    with engine.connect() as connection:
        assert connection.connection.dbapi_connection is first
        assert connection.exec_driver_sql("SELECT 5").scalar() == 5
    engine.dispose()


@pytest.mark.feature("ENG16")
def test_creator_makes_the_connections(url: str) -> None:
    calls: list[int] = []

    def creator() -> Any:
        calls.append(1)
        return _connect(url)

    engine = create_engine(make_url(url).get_backend_name() + "://", creator=creator)

    with engine.begin() as connection:
        META.create_all(connection)
        connection.execute(insert(STAFF), [{"id": 1}, {"id": 2}])
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(STAFF)) == 2
    assert calls
    engine.dispose()


def _connect(url: str) -> Any:
    """Return a connection of the driver, past all engines."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        return dbapi.connect_with("sqlite", {"database": parts.database})
    engine = create_engine(url, poolclass=NullPool)
    seen: list[dict[str, Any]] = []
    event.listen(engine, "do_connect", lambda d, r, a, parameters: seen.append(dict(parameters)))
    with engine.connect():
        pass
    return dbapi.connect_with("postgresql", seen[0])


@pytest.mark.feature("ENG19")
def test_checkouts_are_logged_when_echo_pool_is_set(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = create_engine(url, echo_pool="debug", poolclass=QueuePool)
    with caplog.at_level(logging.DEBUG, "pyorm.pool"), engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")

    words = " ".join(record.getMessage() for record in caplog.records)
    for word in ("Created new connection", "checked out from pool", "being returned to pool"):
        assert word in words
    engine.dispose()
    logging.getLogger("pyorm.pool").setLevel(logging.NOTSET)


@pytest.mark.feature("ENG24")
def test_options_of_the_engine_are_everybody_s(url: str) -> None:
    engine = create_engine(url, execution_options={"mine": 1, "yield_per": 2})

    assert engine.get_execution_options()["mine"] == 1
    with engine.connect() as connection:
        assert connection.get_execution_options()["mine"] == 1
        union = text("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3")
        assert [len(part) for part in connection.execute(union).partitions()] == [2, 1]
        own = connection.execution_options(mine=2)
        assert own.get_execution_options()["mine"] == 2
    assert engine.get_execution_options()["mine"] == 1
    engine.dispose()


@pytest.mark.feature("ENG25")
def test_json_is_written_and_read_by_the_engine_s_functions(url: str) -> None:
    import json

    from pyorm import JSON, Column, Integer, MetaData, Table

    calls: list[str] = []

    def write(value: object) -> str:
        calls.append("write")
        return json.dumps({"wrapped": value})

    def read(value: str | bytes) -> object:
        calls.append("read")
        return json.loads(value)["wrapped"]

    engine = create_engine(url, json_serializer=write, json_deserializer=read)
    docs = Table("docs", MetaData(), Column("id", Integer, primary_key=True), Column("doc", JSON))
    with engine.begin() as connection:
        docs.metadata.create_all(connection)
        connection.execute(insert(docs), {"id": 1, "doc": [1, {"a": None}]})
        assert connection.scalar(select(docs.c.doc)) == [1, {"a": None}]
        stored = connection.exec_driver_sql("SELECT CAST(doc AS VARCHAR(99)) FROM docs").scalar()
    assert "wrapped" in stored
    assert calls == ["write", "read"]
    engine.dispose()


@pytest.mark.feature("ENG41")
def test_engine_tells_what_it_is_made_of(url: str) -> None:
    engine = create_engine(url)

    assert isinstance(engine.url, URL) and engine.url == make_url(url)
    assert engine.name == engine.dialect.name == engine.url.get_backend_name()
    assert engine.driver == engine.dialect.driver
    assert isinstance(engine.driver, str) and engine.driver
    assert isinstance(engine.pool, Pool)
    assert repr(engine).startswith(f"Engine({engine.name}")
    engine.dispose()


@pytest.mark.feature("POOL02")
def test_dead_connection_is_replaced_when_pinged(pg_db: Any) -> None:
    engine = create_engine(
        pg_db.url, pool_pre_ping=True, connect_args={"application_name": "victim"}
    )
    first = raw(engine)
    assert raw(engine) is first

    kill(engine)

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
        assert connection.connection.dbapi_connection is not first
    engine.dispose()


@pytest.mark.feature("POOL03")
def test_old_connection_is_replaced_when_recycling(url: str) -> None:
    young = create_engine(url, poolclass=QueuePool, pool_recycle=3600)
    old = create_engine(url, poolclass=QueuePool, pool_recycle=0)

    assert raw(young) is raw(young)
    first = raw(old)
    assert raw(old) is not first
    for engine in (young, old):
        engine.dispose()


@pytest.mark.feature("POOL04")
def test_last_returned_is_first_taken_when_lifo(url: str) -> None:
    for lifo in (True, False):
        engine = create_engine(url, poolclass=QueuePool, pool_size=3, pool_use_lifo=lifo)
        connections = [engine.connect() for _ in range(3)]
        drivers = [c.connection.dbapi_connection for c in connections]
        for connection in connections:
            connection.close()

        assert raw(engine) is drivers[2 if lifo else 0]
        engine.dispose()


@pytest.mark.feature("POOL05")
def test_transaction_ends_as_told_when_a_connection_returns(db: Any) -> None:
    db.script("CREATE TABLE t (id INTEGER)")
    for number, (how, kept) in enumerate([("rollback", False), ("commit", True), (True, False)]):
        engine = create_engine(db.url, pool_reset_on_return=how)
        proxy = engine.raw_connection()
        proxy.cursor().execute(f"INSERT INTO t VALUES ({number})")
        proxy.close()
        engine.dispose()
        assert ((str(number),) in db.rows("SELECT id FROM t")) is kept
    engine = create_engine(db.url, poolclass=QueuePool, pool_size=1, pool_reset_on_return=None)
    resets: list[object] = []
    event.listen(engine, "reset", lambda *args: resets.append(args))
    proxy = engine.raw_connection()
    proxy.cursor().execute("INSERT INTO t VALUES (9)")
    proxy.close()
    again = engine.raw_connection()
    cursor = again.cursor()
    cursor.execute("SELECT id FROM t WHERE id = 9")
    assert cursor.fetchall() == [(9,)]
    again.rollback()
    again.close()
    engine.dispose()


@pytest.mark.feature("POOL06")
def test_nothing_is_kept_when_there_is_no_pool(url: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    opened: list[Any] = []
    event.listen(engine, "connect", lambda connection, _: opened.append(connection))

    for count in (1, 2, 3):
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1
            assert len(opened) == count
        with pytest.raises(dbapi.Error, match="closed"):
            opened[-1].cursor().execute("SELECT 1")
    assert len(set(map(id, opened))) == 3
    engine.dispose()


@pytest.mark.feature("POOL07")
def test_everybody_has_the_same_connection_when_static() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER)")
    found: list[object] = []

    def ask() -> None:
        with engine.connect() as connection:
            found.append(connection.exec_driver_sql("SELECT count(*) FROM t").scalar())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    ask()

    assert found == [0, 0]
    assert raw(engine) is raw(engine)
    engine.dispose()


@pytest.mark.feature("POOL08")
def test_every_thread_has_its_own_connection_when_singleton(url: str) -> None:
    memory = create_engine("sqlite://")
    engine = create_engine(url, poolclass=SingletonThreadPool)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.extend([raw(engine), raw(engine)]))
    thread.start()
    thread.join()

    assert isinstance(memory.pool, SingletonThreadPool)
    mine = raw(engine)
    assert mine is raw(engine)
    assert found[0] is found[1] is not mine
    memory.dispose()
    engine.dispose()


@pytest.mark.feature("POOL12")
def test_pool_is_given_as_an_object_or_a_class(url: str) -> None:
    class Mine(QueuePool):
        pass

    by_class = create_engine(url, poolclass=Mine, pool_size=3)
    pool = QueuePool(lambda: _connect(url), pool_size=2, max_overflow=0)
    by_object = create_engine(url, pool=pool)

    assert isinstance(by_class.pool, Mine) and by_class.pool.size() == 3
    assert by_object.pool is pool
    for engine in (by_class, by_object):
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        engine.dispose()


@pytest.mark.feature("POOL13")
def test_all_older_connections_are_stale_when_one_was_lost(pg_db: Any) -> None:
    engine = create_engine(
        pg_db.url, pool_size=3, connect_args={"application_name": "victim"}
    )
    connections = [engine.connect() for _ in range(3)]
    old = [c.connection.dbapi_connection for c in connections]
    first = connections[0]
    first.exec_driver_sql("SELECT 1")
    kill(engine)

    with pytest.raises(exc.DBAPIError) as caught:
        first.exec_driver_sql("SELECT 1")
    assert caught.value.connection_invalidated
    assert first.invalidated
    for connection in connections:
        connection.close()
    fresh = [engine.connect() for _ in range(3)]

    assert not any(c.connection.dbapi_connection in old for c in fresh)
    assert all(c.exec_driver_sql("SELECT 1").scalar() == 1 for c in fresh)
    for connection in fresh:
        connection.close()
    engine.dispose()


@pytest.mark.feature("POOL14")
def test_info_lives_as_long_as_the_connection(url: str) -> None:
    engine = create_engine(url, poolclass=QueuePool, pool_size=1)

    with engine.connect() as connection:
        proxy = connection.connection
        proxy.info["life"] = "connection"
        proxy.record_info["life"] = "record"
    with engine.connect() as connection:
        assert connection.info["life"] == "connection"
        assert connection.connection.record_info["life"] == "record"
        connection.invalidate()
        assert "life" not in connection.info
        assert connection.connection.record_info["life"] == "record"
        connection.connection.info["life"] = "again"
        connection.connection.invalidate(soft=True)
        assert connection.info["life"] == "again"
    with engine.connect() as connection:
        assert "life" not in connection.info
        assert connection.connection.record_info["life"] == "record"
    engine.dispose()


@pytest.mark.feature("ENG09")
def test_socket_is_named_in_the_query(pg_db: Any) -> None:
    parts = make_url(pg_db.url)
    host = parts.query.get("host", parts.host)
    url = f"postgresql://{parts.username or ''}{'@' if parts.username else ''}/{parts.database}?host={host}"
    if "port" in parts.query or parts.port:
        url += f"&port={parts.query.get('port', parts.port)}"
    engine = create_engine(url)

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT inet_client_addr() IS NULL")) is True
        assert connection.scalar(text("SELECT current_database()")) == parts.database
    engine.dispose()


@pytest.mark.feature("ENG10")
def test_libpq_s_environment_is_used_when_the_url_is_empty(
    pg_db: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parts = make_url(pg_db.url)
    settings = {
        "host": parts.query.get("host", parts.host),
        "port": parts.query.get("port", parts.port),
        "user": parts.username,
        "dbname": parts.database,
    }
    for key, value in settings.items():
        if value:
            name = {"dbname": "PGDATABASE"}.get(key, f"PG{key.upper()}")
            monkeypatch.setenv(name, str(value))
    engine = create_engine("postgresql://")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT current_database()")) == parts.database
    engine.dispose()

    for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE"):
        monkeypatch.delenv(name, raising=False)
    lines = [f"{key}={value}" for key, value in settings.items() if value]
    (tmp_path / "services").write_text("\n".join(["[mine]", *lines, ""]))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGSERVICE", "mine")
    engine = create_engine("postgresql://")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT current_database()")) == parts.database
    engine.dispose()


@pytest.mark.feature("POOL16")
def test_child_has_connections_of_its_own_when_forked(url: str) -> None:
    engine = create_engine(url, poolclass=QueuePool, pool_size=1)
    before = raw(engine)
    held = engine.connect()
    held.exec_driver_sql("SELECT 1")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            try:
                held.exec_driver_sql("SELECT 1")
                word = "used"
            except exc.SQLAlchemyError:
                word = "refused"
            with engine.connect() as connection:
                value = connection.exec_driver_sql("SELECT 2").scalar()
                mine = connection.connection.dbapi_connection is not before
            os.write(writing, f"{word} {value} {mine}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    told = os.read(reading, 100).decode()
    os.close(reading)

    assert told == "refused 2 True"
    assert held.exec_driver_sql("SELECT 3").scalar() == 3
    held.close()
    engine.dispose()
