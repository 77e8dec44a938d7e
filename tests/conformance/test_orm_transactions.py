"""Transactions of sessions: commit, rollback, savepoints, and what objects become."""

from __future__ import annotations

import pytest

from pyorm import create_engine, exc, func, inspect, select, text
from pyorm.engine import Engine
from pyorm.orm import Session
from tests.conformance.models import Address, Base, User, logged


def names(engine: Engine) -> list[str]:
    """The names of the users as another connection sees them."""
    with engine.connect() as connection:
        return list(connection.scalars(select(User.__table__.c.name).order_by(User.__table__.c.id)))


@pytest.mark.feature("SES18")
def test_rollback_gives_every_object_its_state_back(users: Engine) -> None:
    with Session(users) as session:
        alice, bob = session.get(User, 1), session.get(User, 2)
        pending, flushed = User(name="p"), User(name="f")
        session.add(flushed)
        alice.name = "changed"
        session.delete(bob)
        session.flush()
        session.add(pending)
        assert inspect(bob).deleted

        session.rollback()

        assert inspect(pending).transient and inspect(flushed).transient
        assert flushed not in session and flushed.name == "f"
        assert inspect(bob).persistent and bob in session
        assert alice.name == "alice" and bob.name == "bob"
        assert not session.new and not session.dirty and not session.deleted
    assert names(users) == ["alice", "bob", "carol"]


def test_a_transient_object_can_be_added_again_after_a_rollback(session: Session) -> None:
    user = User(name="x")
    session.add(user)
    session.flush()
    first = user.id
    session.rollback()
    session.add(user)
    session.commit()
    assert first is not None and user.name == "x"


def test_commit_flushes_and_close_rolls_back(users: Engine) -> None:
    with Session(users) as session:
        session.add(User(name="kept"))
        session.commit()
        session.add(User(name="lost"))
        session.flush()
    assert names(users) == ["alice", "bob", "carol", "kept"]


def test_begin_is_a_block_that_commits_or_rolls_back(users: Engine) -> None:
    with Session(users) as session, session.begin():
        session.add(User(name="kept"))
    with pytest.raises(ZeroDivisionError), Session(users) as session, session.begin():
        session.add(User(name="lost"))
        session.flush()
        1 / 0  # noqa: B018
    assert names(users) == ["alice", "bob", "carol", "kept"]


def test_begin_is_refused_when_a_transaction_has_begun(users: Engine) -> None:
    with Session(users) as session:
        session.get(User, 1)
        with pytest.raises(
            exc.InvalidRequestError, match="A transaction is already begun on this Session"
        ):
            session.begin()


def test_nothing_begins_by_itself_when_autobegin_is_off(users: Engine) -> None:
    with Session(users, autobegin=False) as session:
        with pytest.raises(exc.InvalidRequestError, match="Autobegin is disabled on this Session"):
            session.get(User, 1)
        with session.begin():
            assert session.get(User, 1).name == "alice"


class TestSavepoints:
    @pytest.mark.feature("SES17")
    def test_objects_changed_inside_are_restored_and_others_left_alone(self, users: Engine) -> None:
        with Session(users) as session:
            alice, bob = session.get(User, 1), session.get(User, 2)
            before = User(name="before")
            session.add(before)
            bob.name = "outside"
            savepoint = session.begin_nested()
            assert session.in_nested_transaction() and session.get_nested_transaction() is savepoint
            inside = User(name="inside")
            session.add(inside)
            alice.name = "inside"
            session.flush()
            savepoint.rollback()

            assert inspect(inside).transient and inspect(before).persistent
            with logged(users) as words:
                assert bob.name == "outside"
            assert words == []
            with logged(users) as words:
                assert alice.name == "alice"
            assert words == ["SELECT"]
            session.commit()
        assert names(users) == ["alice", "outside", "carol", "before"]

    def test_a_deletion_inside_is_undone(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            with pytest.raises(ZeroDivisionError), session.begin_nested():
                session.delete(alice)
                session.flush()
                assert inspect(alice).deleted
                1 / 0  # noqa: B018
            assert inspect(alice).persistent and alice in session and alice.name == "alice"
            assert session.get(User, 1) is alice

    def test_a_released_savepoint_is_undone_by_the_outer_one(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            outer = session.begin_nested()
            with session.begin_nested():
                alice.name = "inner"
                inner = User(name="inner")
                session.add(inner)
            assert inspect(inner).persistent
            outer.rollback()
            assert alice.name == "alice" and inspect(inner).transient
            session.commit()
        assert names(users) == ["alice", "bob", "carol"]

    def test_levels_are_restored_one_by_one(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            first = session.begin_nested()
            alice.name = "one"
            second = session.begin_nested()
            alice.name = "two"
            session.flush()
            second.rollback()
            assert alice.name == "one"
            first.commit()
            session.commit()
        assert names(users)[0] == "one"

    def test_a_failed_flush_inside_leaves_the_outer_transaction_usable(self, users: Engine) -> None:
        with Session(users) as session:
            session.add(User(id=10, name="kept"))
            session.flush()
            with pytest.raises(exc.IntegrityError), session.begin_nested():
                session.add(Address(id=1, email=None))
                session.flush()
            session.add(User(id=11, name="also"))
            session.commit()
        assert names(users) == ["alice", "bob", "carol", "kept", "also"]

    def test_begin_nested_flushes_first(self, session: Session) -> None:
        user = User(name="x")
        session.add(user)
        with session.begin_nested() as savepoint:
            assert inspect(user).persistent
            savepoint.rollback()
        assert inspect(user).persistent
        session.commit()

    def test_the_key_of_an_object_comes_back_when_it_was_changed_inside(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            savepoint = session.begin_nested()
            alice.id = 100
            session.flush()
            assert session.get(User, 100) is alice
            savepoint.rollback()
            assert alice.id == 1 and session.get(User, 1) is alice
            assert session.get(User, 100) is None


class TestAFailedFlush:
    def test_the_session_asks_for_a_rollback(self, users: Engine) -> None:
        with Session(users) as session:
            bad = Address(id=1)
            session.add(bad)
            with pytest.raises(exc.IntegrityError) as caught:
                session.flush()
            assert caught.value.orig is not None and "INSERT INTO addresses" in caught.value.statement
            session.rollback()
            assert session.get(User, 1).name == "alice"

    @pytest.mark.feature("SES19")
    def test_statements_are_refused_until_then(self, users: Engine) -> None:
        with Session(users) as session:
            session.get(User, 1)
            session.add(Address(id=1))
            with pytest.raises(exc.IntegrityError):
                session.flush()
            assert not session.is_active
            with pytest.raises(
                exc.PendingRollbackError,
                match=r"This Session's transaction has been rolled back due to a previous exception "
                "during flush. To begin a new transaction with this Session, first issue "
                "Session.rollback\\(\\). Original exception was: ",
            ):
                session.scalars(select(User)).all()
            session.rollback()
            assert session.is_active
            assert len(session.scalars(select(User)).all()) == 3


class TestAConnectionOfTheCaller:
    @pytest.mark.feature("SES15")
    @pytest.mark.parametrize(
        ("mode", "nested"),
        [
            ("conditional_savepoint", False),
            ("conditional_savepoint", True),
            ("rollback_only", False),
            ("create_savepoint", False),
        ],
    )
    def test_commit_leaves_the_outer_transaction_to_its_owner(
        self, users: Engine, mode: str, nested: bool
    ) -> None:
        with users.connect() as connection:
            outer = connection.begin()
            inner = connection.begin_nested() if nested else None
            with Session(connection, join_transaction_mode=mode) as session:
                session.add(User(name="inside"))
                session.commit()
                assert len(session.scalars(select(User)).all()) == 4
            assert outer.is_active and (inner is None or inner.is_active)
            outer.rollback()
        assert names(users) == ["alice", "bob", "carol"]

    def test_rollback_undoes_the_savepoint_only_when_it_made_one(self, users: Engine) -> None:
        with users.connect() as connection, connection.begin():
            connection.execute(text("INSERT INTO users (name) VALUES ('outer')"))
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                session.add(User(name="inner"))
                session.flush()
                session.rollback()
                session.add(User(name="second"))
                session.commit()
        assert names(users) == ["alice", "bob", "carol", "outer", "second"]

    def test_rollback_ends_the_outer_transaction_when_it_only_rolls_back(self, users: Engine) -> None:
        with users.connect() as connection:
            outer = connection.begin()
            with Session(connection, join_transaction_mode="rollback_only") as session:
                session.add(User(name="inner"))
                session.flush()
                session.rollback()
            assert not outer.is_active

    def test_commit_ends_the_outer_transaction_when_it_has_full_control(self, users: Engine) -> None:
        with users.connect() as connection:
            outer = connection.begin()
            with Session(connection, join_transaction_mode="control_fully") as session:
                session.add(User(name="inner"))
                session.commit()
            assert not outer.is_active
        assert names(users) == ["alice", "bob", "carol", "inner"]

    def test_the_session_owns_the_transaction_when_none_had_begun(self, users: Engine) -> None:
        with users.connect() as connection:
            with Session(connection) as session:
                assert session.connection() is connection
                session.add(User(name="inner"))
                session.commit()
            assert not connection.closed
        assert names(users) == ["alice", "bob", "carol", "inner"]

    def test_an_unknown_mode_is_refused(self, tables: Engine) -> None:
        with pytest.raises(exc.ArgumentError, match="join_transaction_mode"):
            Session(tables, join_transaction_mode="nope")


def test_sessions_write_one_after_the_other_when_both_have_read(url: str) -> None:
    one_engine, other_engine = create_engine(url), create_engine(url)
    Base.metadata.create_all(one_engine)
    with Session(one_engine) as one, Session(other_engine) as other:
        assert one.scalar(select(func.count()).select_from(User)) == 0
        assert other.scalar(select(func.count()).select_from(User)) == 0
        one.add(User(name="one"))
        one.commit()
        other.add(User(name="other"))
        other.commit()
        assert one.scalars(select(User.name).order_by(User.id)).all() == ["one", "other"]
    one_engine.dispose()
    other_engine.dispose()


def test_the_connection_of_a_session_is_the_one_its_statements_use(users: Engine) -> None:
    with Session(users) as session:
        connection = session.connection()
        connection.execute(text("UPDATE users SET name = 'raw' WHERE id = 1"))
        assert session.get(User, 1).name == "raw"
        assert session.connection() is connection
        session.rollback()
        assert session.get(User, 1).name == "alice"


def test_a_nested_transaction_is_closed_when_the_outer_one_commits(users: Engine) -> None:
    with Session(users) as session:
        savepoint = session.begin_nested()
        session.add(User(name="inside"))
        session.commit()
        assert not savepoint.is_active
    assert names(users)[-1] == "inside"
