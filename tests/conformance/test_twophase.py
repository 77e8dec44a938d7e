"""Two-phase commit on PostgreSQL, by Connection and by Session; SQLite says that it has none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import create_engine, event, exc, select, text
from pyorm.engine import Connection, Engine, TwoPhaseTransaction
from pyorm.orm import Session, sessionmaker
from tests.conformance.session_models import Base, Pet, state_of
from tests.conftest import Database


@pytest.fixture
def engine(pg_db: Database) -> Iterator[Engine]:
    """An engine over an empty table of pets."""
    made = create_engine(pg_db.url)
    Base.metadata.create_all(made)
    yield made
    with made.connect() as connection:
        for xid in connection.recover_twophase():
            connection.rollback_prepared(xid, recover=True)
    made.dispose()


def count(engine: Engine) -> int:
    """Count the committed pets, on another connection."""
    with engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM pets")) or 0


def insert_pet(connection: Connection, name: str = "tom") -> None:
    """Insert one row."""
    connection.execute(text("INSERT INTO pets (name) VALUES (:name)"), {"name": name})


# --- connections ---


@pytest.mark.feature("CONN06")
@pytest.mark.feature("PG29")
def test_prepared_transaction_is_committed_by_its_object(engine: Engine) -> None:
    with engine.connect() as connection:
        transaction = connection.begin_twophase("one")
        assert isinstance(transaction, TwoPhaseTransaction)
        assert (transaction.xid, transaction.is_active, connection.in_transaction()) == ("one", True, True)
        assert connection.get_transaction() is transaction
        insert_pet(connection)
        transaction.prepare()
        assert count(engine) == 0
        assert connection.in_transaction()

        transaction.commit()

        assert (transaction.is_active, connection.in_transaction()) == (False, False)
        assert connection.scalar(text("SELECT count(*) FROM pets")) == 1
        assert connection.recover_twophase() == []


@pytest.mark.feature("CONN06")
def test_prepared_transaction_is_rolled_back(engine: Engine) -> None:
    with engine.connect() as connection:
        transaction = connection.begin_twophase()
        assert transaction.xid.startswith("_sa_")
        insert_pet(connection)
        transaction.prepare()
        transaction.rollback()
        assert connection.recover_twophase() == []
    assert count(engine) == 0


@pytest.mark.feature("CONN06")
def test_commit_and_rollback_without_prepare(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.begin_twophase("a")
        insert_pet(connection)
        connection.commit()
        connection.begin_twophase("a")
        insert_pet(connection, "lost")
        connection.rollback()
        with connection.begin_twophase("b"):
            insert_pet(connection, "spike")
    assert count(engine) == 2


@pytest.mark.feature("CONN06")
def test_what_a_crash_left_prepared_is_found_and_ended(engine: Engine, pg_db: Database) -> None:
    pg_db.script("BEGIN; INSERT INTO pets (name) VALUES ('a'); PREPARE TRANSACTION 'it''s'")
    pg_db.script("BEGIN; INSERT INTO pets (name) VALUES ('b'); PREPARE TRANSACTION 'other\\'")

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1  # a transaction is begun: recover ends it
        assert connection.recover_twophase() == ["it's", "other\\"]
        connection.commit_prepared("it's", recover=True)
        connection.rollback_prepared("other\\", recover=True)
        assert connection.recover_twophase() == []
        assert connection.scalars(text("SELECT name FROM pets")).all() == ["a"]


@pytest.mark.feature("CONN06")
def test_own_prepared_transaction_is_ended_by_name(engine: Engine) -> None:
    with engine.connect() as connection:
        transaction = connection.begin_twophase("mine")
        insert_pet(connection)
        transaction.prepare()
        connection.commit_prepared("mine")
        assert not transaction.is_active
        assert not connection.in_transaction()
    assert count(engine) == 1


@pytest.mark.feature("CONN06")
def test_error_in_the_block_rolls_back_what_is_prepared(engine: Engine) -> None:
    with engine.connect() as connection:
        with pytest.raises(ZeroDivisionError), connection.begin_twophase("b") as transaction:
            insert_pet(connection)
            transaction.prepare()
            raise ZeroDivisionError
        assert connection.recover_twophase() == []
    assert count(engine) == 0


@pytest.mark.feature("CONN06")
def test_closing_the_connection_rolls_back_what_is_prepared(engine: Engine) -> None:
    connection = engine.connect()
    transaction = connection.begin_twophase("c")
    insert_pet(connection)
    transaction.prepare()

    connection.close()

    assert count(engine) == 0
    with engine.connect() as other:
        assert other.recover_twophase() == []
    assert engine.pool.checkedout() == 0


@pytest.mark.feature("CONN06")
def test_wrong_use_is_refused(engine: Engine) -> None:
    with engine.connect() as connection:
        transaction = connection.begin_twophase("a")
        with pytest.raises(exc.InvalidRequestError, match="Cannot start a two phase transaction when"):
            connection.begin_twophase("b")
        with pytest.raises(exc.InvalidRequestError, match="can't call begin"):
            connection.begin()
        insert_pet(connection)
        transaction.prepare()
        with pytest.raises(exc.InvalidRequestError, match="prepared already, as 'a'"):
            transaction.prepare()
        with pytest.raises(exc.InvalidRequestError, match=r"is prepared: commit\(\) or rollback\(\) it before"):
            connection.scalar(text("SELECT 1"))
        transaction.rollback()
        with pytest.raises(exc.InvalidRequestError, match="This transaction is inactive"):
            transaction.prepare()
        with pytest.raises(exc.ArgumentError, match="string of 1 to 199 bytes"):
            connection.begin_twophase("")
        with pytest.raises(exc.ArgumentError, match="string of 1 to 199 bytes"):
            connection.begin_twophase("ä" * 100)
        assert not connection.in_transaction()
        with pytest.raises(exc.ProgrammingError, match="does not exist"):
            connection.commit_prepared("nobody", recover=True)
        assert not connection.in_transaction()
        connection.begin()
        with pytest.raises(exc.InvalidRequestError, match="a transaction is begun on this Connection; end it first"):
            connection.rollback_prepared("nobody")


@pytest.mark.feature("CONN06")
def test_failed_prepare_leaves_nothing(engine: Engine) -> None:
    with engine.connect() as connection:
        first = connection.begin_twophase("same")
        insert_pet(connection)
        first.prepare()
        with engine.connect() as other:
            second = other.begin_twophase("same")
            insert_pet(other, "jerry")
            with pytest.raises(exc.DBAPIError, match="already in use"):
                second.prepare()
            second.rollback()
            assert other.scalar(text("SELECT 1")) == 1
        first.commit()
    assert count(engine) == 1


def test_listeners_hear_every_step(engine: Engine) -> None:
    heard: list[tuple[Any, ...]] = []
    for name in ("begin_twophase", "prepare_twophase"):
        event.listen(engine, name, lambda _c, xid, n=name: heard.append((n, xid)))
    for name in ("commit_twophase", "rollback_twophase"):
        event.listen(engine, name, lambda _c, xid, prepared, n=name: heard.append((n, xid, prepared)))
    for name in ("begin", "commit", "rollback"):
        event.listen(engine, name, lambda _c, n=name: heard.append((n,)))

    with engine.connect() as connection:
        transaction = connection.begin_twophase("a")
        insert_pet(connection)
        transaction.prepare()
        transaction.commit()
        connection.begin_twophase("b").rollback()

    assert heard == [
        ("begin_twophase", "a"), ("prepare_twophase", "a"), ("commit_twophase", "a", True),
        ("begin_twophase", "b"), ("rollback_twophase", "b", False),
    ]  # fmt: skip


@pytest.mark.feature("CONN06")
def test_sqlite_says_that_it_has_none(sqlite_db: Database) -> None:
    engine = create_engine(sqlite_db.url)
    calls: list[Any] = [
        lambda c: c.begin_twophase(),
        lambda c: c.recover_twophase(),
        lambda c: c.commit_prepared("x"),
        lambda c: c.rollback_prepared("x", recover=True),
    ]
    with engine.connect() as connection:
        for call in calls:
            with pytest.raises(NotImplementedError, match="sqlite has no two-phase transactions; they need PostgreSQL"):
                call(connection)
    with Session(engine, twophase=True) as session, pytest.raises(NotImplementedError, match="sqlite has no two-phase"):
        session.execute(text("SELECT 1"))
    engine.dispose()


# --- sessions ---


@pytest.mark.feature("SES16")
def test_session_prepares_and_commits(engine: Engine) -> None:
    with Session(engine, twophase=True) as session:
        assert session.twophase
        pet = Pet(name="tom")
        session.add(pet)
        session.prepare()
        assert session.in_transaction()
        assert count(engine) == 0
        with pytest.raises(exc.InvalidRequestError, match="in 'prepared' state; no further SQL"):
            session.scalar(text("SELECT 1"))

        session.commit()

        assert count(engine) == 1
        assert (state_of(pet), pet.name) == ("persistent", "tom")


@pytest.mark.feature("SES16")
def test_session_commit_prepares_by_itself(engine: Engine) -> None:
    texts: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda c, k, sql, *_: texts.append(sql.split()[0]))
    with Session(engine, twophase=True) as session:
        session.add(Pet(name="tom"))
        session.commit()
    assert texts[-2:] == ["PREPARE", "COMMIT"]
    assert count(engine) == 1


@pytest.mark.feature("SES16")
def test_session_rolls_back_what_it_prepared(engine: Engine) -> None:
    with Session(engine, twophase=True) as session:
        pet = Pet(name="tom")
        session.add(pet)
        session.prepare()
        session.rollback()
        assert state_of(pet) == "transient"
        session.add(Pet(name="jerry"))
        session.prepare()
    with engine.connect() as connection:
        assert connection.recover_twophase() == []
    assert count(engine) == 0


@pytest.mark.feature("SES16")
def test_two_databases_commit_all_or_none(engine: Engine) -> None:
    """The second one refuses while it prepares: the first, which could commit, does not."""
    other = create_engine(engine.url)
    refuse = True

    @event.listens_for(other, "prepare_twophase")
    def stop(*_: Any) -> None:
        if refuse:
            raise RuntimeError("no room")

    make = sessionmaker(twophase=True, binds={Pet: engine})
    with make() as session:
        session.add(Pet(name="tom"))
        session.flush()
        session.execute(text("SELECT 1"), bind_arguments={"bind": other})
        with pytest.raises(RuntimeError, match="no room"):
            session.commit()
        session.rollback()
        assert count(engine) == 0

        refuse = False
        session.add(Pet(name="jerry"))
        session.flush()
        session.execute(text("SELECT 1"), bind_arguments={"bind": other})
        session.commit()
    assert count(engine) == 1
    with engine.connect() as connection:
        assert connection.recover_twophase() == []
    other.dispose()


@pytest.mark.feature("SES16")
def test_prepare_is_refused_without_two_phases_and_in_savepoints(engine: Engine) -> None:
    refused = "'twophase' mode not enabled, or not root transaction; can't prepare"
    with Session(engine) as session, pytest.raises(exc.InvalidRequestError, match=refused):
        session.prepare()
    with Session(engine, twophase=True) as session:
        with session.begin_nested():
            session.add(Pet(name="tom"))
            session.flush()
            with pytest.raises(exc.InvalidRequestError, match=refused):
                session.prepare()
        session.commit()
    assert count(engine) == 1


@pytest.mark.feature("SES16")
def test_failed_flush_while_preparing_rolls_back(engine: Engine) -> None:
    with Session(engine, twophase=True) as session:
        session.add_all([Pet(name="tom"), Pet(name="tom")])
        with pytest.raises(exc.IntegrityError):
            session.prepare()
        session.rollback()
        session.add(Pet(name="jerry"))
        session.commit()
        assert session.scalars(select(Pet.name)).all() == ["jerry"]


@pytest.mark.feature("SES16")
def test_session_on_a_connection_of_the_program(engine: Engine) -> None:
    with engine.connect() as connection:
        with Session(connection, twophase=True) as session:
            session.add(Pet(name="tom"))
            session.commit()
        assert connection.scalar(text("SELECT count(*) FROM pets")) == 1
        refused = pytest.raises(exc.InvalidRequestError, match="Cannot start a two phase transaction when")
        with Session(connection, twophase=True) as session, refused:
            session.execute(text("SELECT 1"))


def test_root_transaction_prepares_in_a_block(engine: Engine) -> None:
    with Session(engine, twophase=True) as session:
        with session.begin() as transaction:
            session.add(Pet(name="tom"))
            transaction.prepare()
        assert not session.in_transaction()
    assert count(engine) == 1
