"""Transactions of a Connection: autobegin, blocks, savepoints, what is refused and how."""

from __future__ import annotations

import pytest

from pyorm import exc
from pyorm.engine import Engine

CLOSED_BLOCK = "Can't operate on closed transaction inside context manager"


@pytest.fixture(autouse=True)
def table(db) -> None:
    db.script("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")


def ids(db) -> list[str]:
    return [row[0] for row in db.rows("SELECT id FROM t ORDER BY id")]


def insert(connection, key: int) -> None:
    connection.exec_driver_sql(f"INSERT INTO t (id, a) VALUES ({key}, 'x')")


@pytest.mark.feature("CONN03")
def test_a_transaction_begins_by_itself_when_something_is_executed(db, engine: Engine) -> None:
    with engine.connect() as connection:
        assert not connection.in_transaction()
        insert(connection, 1)
        assert connection.in_transaction()
        connection.commit()
        assert not connection.in_transaction()
        insert(connection, 2)
        connection.rollback()
        insert(connection, 3)

    assert ids(db) == ["1"]


@pytest.mark.feature("CONN04")
def test_a_block_commits_or_rolls_back_when_it_is_left(db, engine: Engine) -> None:
    with engine.connect() as connection:
        with connection.begin():
            insert(connection, 1)
        with pytest.raises(ZeroDivisionError), connection.begin():
            insert(connection, 2)
            raise ZeroDivisionError

    assert ids(db) == ["1"]


@pytest.mark.feature("ENG35")
@pytest.mark.feature("ENG36")
def test_an_engines_block_commits_when_no_exception_leaves_it(db, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, 1)
    with pytest.raises(ZeroDivisionError), engine.begin() as connection:
        insert(connection, 2)
        raise ZeroDivisionError
    with engine.connect() as connection:
        insert(connection, 3)

    assert connection.closed
    assert ids(db) == ["1"]
    assert engine.pool.checkedout() == 0


@pytest.mark.feature("CONN05")
@pytest.mark.feature("CONN07")
def test_a_savepoint_is_rolled_back_alone_when_its_block_fails(db, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, 1)
        with pytest.raises(ZeroDivisionError), connection.begin_nested():
            insert(connection, 2)
            assert connection.in_nested_transaction()
            raise ZeroDivisionError
        assert not connection.in_nested_transaction()
        with connection.begin_nested() as outer, connection.begin_nested() as inner:
            insert(connection, 3)
            assert connection.get_nested_transaction() is inner
            assert outer.is_active
        root = connection.get_transaction()
        assert root is not None
        assert root.is_active
        assert connection.get_nested_transaction() is None

    assert ids(db) == ["1", "3"]


def test_begin_raises_when_a_transaction_is_begun(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")

        with pytest.raises(
            exc.InvalidRequestError, match=r"already initialized .* can't call begin\(\) here"
        ):
            connection.begin()


@pytest.mark.feature("CONN08")
def test_statements_are_refused_when_a_blocks_transaction_has_ended(engine: Engine) -> None:
    with engine.connect() as connection:
        with connection.begin() as transaction:
            transaction.rollback()
            for refused in (connection.begin, connection.begin_nested):
                with pytest.raises(exc.InvalidRequestError, match=CLOSED_BLOCK):
                    refused()
            with pytest.raises(exc.InvalidRequestError, match=CLOSED_BLOCK):
                connection.exec_driver_sql("SELECT 1")
            with pytest.raises(exc.InvalidRequestError, match="This transaction is inactive"):
                transaction.commit()
            assert not transaction.is_active
            assert not transaction.is_valid
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_statements_are_refused_when_the_connection_ended_the_blocks_transaction(
    engine: Engine,
) -> None:
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("SELECT 1")
        connection.commit()
        with pytest.raises(exc.InvalidRequestError, match=CLOSED_BLOCK):
            connection.exec_driver_sql("SELECT 1")


def test_a_nested_block_refuses_when_its_savepoint_was_rolled_back(engine: Engine) -> None:
    with engine.begin() as connection:
        with connection.begin_nested() as nested:
            nested.rollback()
            with pytest.raises(exc.InvalidRequestError, match=CLOSED_BLOCK):
                connection.exec_driver_sql("SELECT 1")
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        with pytest.raises(exc.InvalidRequestError, match="This nested transaction is inactive"):
            nested.commit()


def test_a_warning_when_a_transaction_is_rolled_back_twice(engine: Engine) -> None:
    with engine.connect() as connection:
        transaction = connection.begin()
        transaction.commit()

        with pytest.raises(exc.InvalidRequestError, match="This transaction is inactive"):
            transaction.commit()
        with pytest.warns(exc.SAWarning, match="already deassociated"):
            transaction.rollback()
        transaction.close()


def test_nested_ends_when_the_root_is_rolled_back(engine: Engine) -> None:
    with engine.connect() as connection:
        root = connection.begin()
        nested = connection.begin_nested()
        root.rollback()

        assert not nested.is_active
        with pytest.raises(exc.InvalidRequestError, match="This nested transaction is inactive"):
            nested.commit()


def test_resource_closed_when_a_closed_connection_is_used(engine: Engine) -> None:
    connection = engine.connect()
    connection.close()
    connection.close()

    with pytest.raises(exc.ResourceClosedError, match="This Connection is closed"):
        connection.exec_driver_sql("SELECT 1")
    with pytest.raises(exc.ResourceClosedError):
        connection.begin()
    with pytest.raises(exc.ResourceClosedError):
        _ = connection.connection
    connection.commit()
    assert connection.closed


@pytest.mark.feature("CONN09")
def test_another_connection_is_taken_when_one_was_invalidated(db, engine: Engine) -> None:
    with engine.connect() as connection:
        first = connection.connection.dbapi_connection
        connection.invalidate()
        assert connection.invalidated
        assert not connection.closed
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        assert not connection.invalidated
        assert connection.connection.dbapi_connection is not first
        assert first.closed

        insert(connection, 1)
        connection.invalidate()
        with pytest.raises(exc.PendingRollbackError, match="Can't reconnect until invalid") as e:
            connection.exec_driver_sql("SELECT 1")
        assert e.value.code == "8s2b"
        connection.rollback()
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1

    assert ids(db) == []


@pytest.mark.feature("CONN10")
def test_a_detached_connection_is_closed_for_good_when_it_is_closed(engine: Engine) -> None:
    connection = engine.connect()
    raw = connection.connection.dbapi_connection
    connection.detach()

    assert connection.connection.is_detached
    assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    assert engine.pool.checkedout() == 0
    connection.close()
    assert raw.closed


@pytest.mark.feature("CONN12")
def test_info_lives_as_long_as_the_drivers_connection_when_it_is_pooled(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.info["x"] = 1
    with engine.connect() as connection:
        assert connection.info == {"x": 1}
        connection.invalidate()
        connection.exec_driver_sql("SELECT 1")
        assert connection.info == {}


@pytest.mark.feature("CONN13")
@pytest.mark.feature("CONN14")
@pytest.mark.feature("CONN15")
def test_the_level_is_the_connections_own_when_an_option_sets_it(db, engine: Engine) -> None:
    with engine.connect() as connection:
        default = connection.get_isolation_level()
        assert default == connection.default_isolation_level
        connection.execution_options(isolation_level="SERIALIZABLE")
        assert connection.get_isolation_level() == "SERIALIZABLE"
        connection.exec_driver_sql("SELECT 1")
        with pytest.raises(exc.InvalidRequestError, match="isolation_level may not be altered"):
            connection.execution_options(isolation_level="READ UNCOMMITTED")
        connection.rollback()
        with pytest.raises(exc.ArgumentError, match="Invalid value 'BLAH' for isolation_level"):
            connection.execution_options(isolation_level="blah")
    with engine.connect() as connection:
        assert connection.get_isolation_level() == default

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        insert(connection, 1)
        assert connection.in_transaction()
        assert ids(db) == ["1"]
        connection.rollback()
    assert ids(db) == ["1"]


@pytest.mark.feature("ENG22")
@pytest.mark.feature("ENG39")
def test_the_level_is_everybodys_when_the_engine_sets_it(db, engine: Engine) -> None:
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT", mine=5)

    with autocommit.connect() as connection:
        insert(connection, 1)
        assert connection.get_execution_options()["mine"] == 5
    with engine.connect() as connection:
        insert(connection, 2)
        assert "mine" not in connection.get_execution_options()

    assert ids(db) == ["1"]
    assert autocommit.pool is engine.pool


def test_the_connection_is_usable_when_a_statement_has_failed_and_was_rolled_back(
    db, engine: Engine
) -> None:
    with engine.connect() as connection:
        insert(connection, 1)
        with pytest.raises(exc.IntegrityError):
            insert(connection, 1)
        connection.rollback()
        insert(connection, 2)
        connection.commit()

    assert ids(db) == ["2"]


def test_savepoint_keeps_the_transaction_when_a_statement_fails_in_it(db, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, 1)
        with pytest.raises(exc.IntegrityError), connection.begin_nested():
            insert(connection, 1)
        insert(connection, 2)

    assert ids(db) == ["1", "2"]
