"""Events and log of engines, connections and pools, and the registration of listeners."""

from __future__ import annotations

import logging

import pytest

from pyorm import event, exc
from pyorm.engine import Engine, create_engine
from pyorm.event import Family, register_family
from pyorm.pool import NullPool, QueuePool


@pytest.mark.feature("EVT01")
def test_listeners_come_and_go_when_they_are_registered_and_removed(engine: Engine) -> None:
    seen: list[str] = []

    def first(conn) -> None:
        seen.append("first")

    @event.listens_for(engine, "commit")
    def second(conn) -> None:
        seen.append("second")

    event.listen(engine, "commit", first, insert=True)
    event.listen(engine, "commit", lambda conn: seen.append("once"), once=True)
    event.listen(engine, "commit", lambda **kw: seen.append(",".join(kw)), named=True)
    assert event.contains(engine, "commit", first)
    for _ in range(2):
        with engine.begin() as connection:
            connection.exec_driver_sql("SELECT 1")
    assert seen == ["first", "second", "once", "conn", "first", "second", "conn"]

    event.remove(engine, "commit", first)
    assert not event.contains(engine, "commit", first)
    with pytest.raises(exc.InvalidRequestError, match="No listeners found"):
        event.remove(engine, "commit", first)
    with pytest.raises(exc.InvalidRequestError, match="No such event 'nope'"):
        event.listen(engine, "nope", first)
    with pytest.raises(TypeError, match="colour"):
        event.listen(engine, "commit", first, colour=1)


@pytest.mark.feature("EVT14")
def test_engines_made_before_and_after_listen_when_the_class_is_the_target(url: str) -> None:
    seen: list[str] = []

    def listener(conn) -> None:
        seen.append(conn.engine.logging_name)

    before = create_engine(url, logging_name="before")
    event.listen(Engine, "commit", listener)
    try:
        after = create_engine(url, logging_name="after")
        for one in (before, after, after.execution_options(x=1)):
            with one.begin() as connection:
                connection.exec_driver_sql("SELECT 1")
    finally:
        event.remove(Engine, "commit", listener)
    with before.begin():
        pass

    assert seen == ["before", "after", "after"]
    before.dispose()
    after.dispose()


def test_a_family_of_another_module_is_asked_when_it_is_registered() -> None:
    class Thing:
        def __init__(self, base=None) -> None:
            self.dispatch = family.dispatch(*([base.dispatch] if base else []))

    family = Family(
        "thing",
        {"thing_changed": ("thing", "value")},
        lambda target, name: target.dispatch if isinstance(target, Thing) else None,
        options=("raw",),
        inherits=lambda parent, child, listener: bool(listener.options.get("propagate")),
    )
    register_family(family)
    base = Thing()
    derived = Thing(base)
    seen: list[object] = []
    event.listen(base, "thing_changed", lambda t, v: seen.append(("own", v)), raw=True)
    event.listen(base, "thing_changed", lambda t, v: seen.append(("all", v)), propagate=True)

    for thing in (base, derived):
        for listener in thing.dispatch.thing_changed:
            listener(thing, 1)

    assert seen == [("own", 1), ("all", 1), ("all", 1)]
    assert bool(base.dispatch.thing_changed)
    with pytest.raises(exc.InvalidRequestError):
        event.listen(object(), "thing_changed", print)


@pytest.mark.feature("EVT12")
def test_connections_are_seen_when_they_are_made_and_options_set(engine: Engine) -> None:
    seen: list[object] = []
    event.listen(engine, "engine_connect", lambda conn: seen.append("connect"))
    event.listen(
        engine, "set_connection_execution_options", lambda conn, opts: seen.append(dict(opts))
    )
    event.listen(engine, "set_engine_execution_options", lambda e, opts: seen.append(dict(opts)))
    event.listen(engine, "engine_disposed", lambda e: seen.append("disposed"))

    with engine.connect() as connection:
        connection.execution_options(a=1)
    engine.update_execution_options(b=2)
    engine.dispose()

    assert seen == ["connect", {"a": 1}, {"b": 2}, "disposed"]


def test_transactions_are_seen_when_they_begin_and_end(engine: Engine) -> None:
    seen: list[str] = []
    for name in ("begin", "commit", "rollback"):
        event.listen(engine, name, lambda conn, name=name: seen.append(name))
    for name in ("rollback_savepoint", "release_savepoint"):
        event.listen(engine, name, lambda conn, point, context, name=name: seen.append(name))
    event.listen(engine, "savepoint", lambda conn, point: seen.append(f"savepoint {point}"))

    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        connection.begin_nested().rollback()
        connection.begin_nested().commit()
        connection.commit()
        connection.exec_driver_sql("SELECT 1")

    assert seen == [
        "begin",
        "savepoint sa_savepoint_1",
        "rollback_savepoint",
        "savepoint sa_savepoint_2",
        "release_savepoint",
        "commit",
        "begin",
        "rollback",
    ]


def test_text_and_parameters_are_replaced_when_a_cursor_listener_returns_them(
    engine: Engine,
) -> None:
    seen: list[object] = []

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def replace(conn, cursor, statement, parameters, context, executemany):
        seen.append((statement, parameters, executemany))
        return statement + " + 1", parameters

    @event.listens_for(engine, "before_cursor_execute")
    def ignored(conn, cursor, statement, parameters, context, executemany):
        return "nonsense", ()

    @event.listens_for(engine, "after_cursor_execute")
    def after(conn, cursor, statement, parameters, context, executemany):
        seen.append(statement)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 4").scalar() == 5
    assert seen == [("SELECT 4", (), False), "SELECT 4 + 1"]


@pytest.mark.feature("EVT11")
def test_another_exception_is_raised_when_a_handle_error_listener_says_so(engine: Engine) -> None:
    class Mine(Exception):
        pass

    @event.listens_for(engine, "handle_error")
    def handle(context) -> None:
        assert context.statement == "SELECT * FROM nowhere"
        assert isinstance(context.sqlalchemy_exception, exc.DBAPIError)
        assert not context.is_disconnect
        raise Mine(str(context.original_exception))

    with engine.connect() as connection, pytest.raises(Mine, match="nowhere"):
        connection.exec_driver_sql("SELECT * FROM nowhere")


def test_the_connection_is_thrown_away_when_a_listener_calls_an_error_a_disconnect(
    engine: Engine,
) -> None:
    @event.listens_for(engine, "handle_error")
    def handle(context) -> None:
        context.is_disconnect = True

    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        with pytest.raises(exc.DBAPIError) as caught:
            connection.exec_driver_sql("SELECT * FROM nowhere")
        assert caught.value.connection_invalidated
        assert connection.invalidated
        assert raw.closed


def test_arguments_are_changed_when_a_do_connect_listener_changes_them(url: str) -> None:
    from pyorm import dbapi

    engine = create_engine(url)
    made: list[object] = []

    @event.listens_for(engine, "do_connect")
    def connect(dialect, conn_rec, cargs, cparams):
        made.append(dialect.name)
        return dbapi.connect_with(dialect.name, cparams)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    assert made == [engine.name]
    engine.dispose()


@pytest.mark.feature("POOL17")
def test_a_pools_events_come_in_order_when_connections_are_used(url: str) -> None:
    engine = create_engine(url, pool_size=1)
    seen: list[str] = []
    for name in (
        "first_connect connect checkout reset checkin invalidate soft_invalidate detach close"
    ).split():
        event.listen(engine, name, lambda *args, name=name: seen.append(name))

    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    assert seen == ["first_connect", "connect", "checkout", "reset", "checkin"]

    seen.clear()
    with engine.connect() as connection:
        connection.invalidate()
        connection.exec_driver_sql("SELECT 1")
    assert seen == [
        "checkout", "invalidate", "close", "checkin", "connect", "checkout", "reset", "checkin",
    ]  # fmt: skip

    seen.clear()
    raw = engine.raw_connection()
    raw.invalidate(soft=True)
    raw.close()
    raw = engine.raw_connection()
    raw.detach()
    raw.close()
    assert [name for name in seen if name != "close"] == [
        "checkout",
        "soft_invalidate",
        "reset",
        "checkin",
        "connect",
        "checkout",
        "detach",
        "reset",
    ]
    engine.dispose()


def test_another_connection_is_taken_when_a_checkout_listener_disconnects(url: str) -> None:
    engine = create_engine(url)
    refused: list[object] = []

    @event.listens_for(engine, "checkout")
    def refuse(dbapi_connection, record, proxy) -> None:
        if not refused:
            refused.append(dbapi_connection)
            raise exc.DisconnectionError

    with engine.connect() as connection:
        assert connection.connection.dbapi_connection is not refused[0]
    engine.dispose()


def test_settings_are_there_when_a_connect_listener_makes_them(url: str) -> None:
    engine = create_engine(url, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def configure(dbapi_connection, record) -> None:
        cursor = dbapi_connection.cursor()
        if engine.name == "sqlite":
            cursor.execute("PRAGMA foreign_keys=ON")
        else:
            cursor.execute("SET application_name = 'listener'")
        cursor.close()
        record.info["seen"] = True

    with engine.connect() as connection:
        sql = "PRAGMA foreign_keys" if engine.name == "sqlite" else "SHOW application_name"
        assert connection.exec_driver_sql(sql).scalar() in (1, "listener")
        assert connection.info["seen"]


@pytest.mark.feature("ENG18")
@pytest.mark.feature("ENG21")
@pytest.mark.feature("CONN21")
def test_statements_are_logged_when_echo_is_on(url: str, caplog: pytest.LogCaptureFixture) -> None:
    engine = create_engine(url, echo=True, logging_name="mine")

    with engine.connect().execution_options(logging_token="tok") as connection:
        connection.exec_driver_sql("SELECT 1")
        connection.commit()

    lines = [(r.name, r.getMessage()) for r in caplog.records]
    assert {logger for logger, _ in lines} == {"pyorm.engine.Engine.mine"}
    assert [text for _, text in lines] == [
        "[tok] BEGIN (implicit)",
        "[tok] SELECT 1",
        "[tok] [raw sql] ()",
        "[tok] COMMIT",
    ]
    engine.dispose()


@pytest.mark.feature("LOG01")
def test_statements_are_logged_when_the_logger_says_so(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = create_engine(url)
    caplog.set_level(logging.DEBUG, "pyorm.engine")

    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 41 + 1").all()

    texts = [r.getMessage() for r in caplog.records]
    assert texts == ["BEGIN (implicit)", "SELECT 41 + 1", "[raw sql] ()", "Row (42,)", "ROLLBACK"]
    engine.dispose()


@pytest.mark.feature("ENG20")
@pytest.mark.feature("LOG03")
def test_values_are_not_shown_when_parameters_are_hidden(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = create_engine(url, echo=True, hide_parameters=True)
    mark = "?" if engine.name == "sqlite" else "%s"

    with engine.connect() as connection, pytest.raises(exc.DBAPIError) as caught:
        connection.exec_driver_sql(f"SELECT * FROM nowhere WHERE a = {mark}", ("secret",))

    assert "secret" not in str(caught.value)
    assert "secret" not in caplog.text
    assert "hidden" in str(caught.value)
    engine.dispose()


@pytest.mark.feature("LOG05")
def test_an_error_says_what_was_executed_when_a_statement_fails(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(exc.DBAPIError) as caught:
        connection.exec_driver_sql("SELECT * FROM nowhere")

    error = caught.value
    assert error.statement == "SELECT * FROM nowhere"
    assert "[SQL: SELECT * FROM nowhere]" in str(error)
    assert type(error.orig).__module__ == "pyorm.dbapi"
    assert not error.connection_invalidated


@pytest.mark.feature("POOL01")
@pytest.mark.feature("POOL11")
def test_a_checkout_times_out_when_the_pool_is_used_up(url: str) -> None:
    engine = create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=1, pool_timeout=0.05)
    pool = engine.pool

    with engine.connect(), engine.connect():
        assert (pool.size(), pool.checkedout(), pool.checkedin(), pool.overflow()) == (1, 2, 0, 1)
        with pytest.raises(exc.TimeoutError):
            engine.connect()
    assert pool.checkedout() == 0
    assert pool.status().startswith("Pool size: 1  Connections in pool: ")
    engine.dispose()


@pytest.mark.feature("ENG37")
@pytest.mark.feature("CONN11")
def test_the_drivers_connection_is_reached_when_it_is_asked_for(engine: Engine) -> None:
    raw = engine.raw_connection()
    cursor = raw.cursor()
    cursor.execute("SELECT 1, 'x'")
    assert cursor.fetchall() == [(1, "x")]
    assert raw.driver_connection is raw.dbapi_connection
    assert raw.is_valid
    raw.close()
    with pytest.raises(exc.InvalidRequestError, match="closed"):
        raw.cursor()
    assert engine.pool.checkedout() == 0


@pytest.mark.feature("POOL15")
def test_a_dropped_connection_returns_when_nobody_holds_it(engine: Engine) -> None:
    connection = engine.connect()
    connection.exec_driver_sql("SELECT 1")
    assert engine.pool.checkedout() == 1
    del connection

    assert engine.pool.checkedout() == 0
    with engine.connect() as again:
        assert again.exec_driver_sql("SELECT 1").scalar() == 1
