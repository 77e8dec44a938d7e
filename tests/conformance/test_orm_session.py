"""Sessions: what is in them, get, flush, refresh, expire, expunge and close."""

from __future__ import annotations

import gc
import weakref

import pytest

from pyorm import exc, func, inspect, select, text, update
from pyorm.engine import Engine
from pyorm.orm import Session, defer, load_only, scoped_session, sessionmaker
from pyorm.orm import exc as orm_exc
from tests.conformance.models import Address, Base, Stock, User, logged


def users_rows(engine: Engine) -> list[tuple]:
    """The rows of `users` as another connection sees them."""
    with engine.connect() as connection:
        return connection.execute(select(User.__table__).order_by(User.id)).all()


@pytest.mark.feature("ATTR03")
def test_an_object_passes_through_its_states_when_it_lives_in_a_session(session: Session) -> None:
    user = User(name="ann")
    state = inspect(user)
    assert (state.transient, state.pending, state.persistent) == (True, False, False)

    session.add(user)
    assert state.pending and user in session and user in session.new

    session.flush()
    assert state.persistent and state.has_identity and not session.new
    assert state.identity == (user.id,) and state.session is session

    session.delete(user)
    assert user in session.deleted and state.persistent
    session.flush()
    assert state.deleted and not state.persistent and user not in session
    session.commit()
    assert state.detached and state.was_deleted and state.session is None


def test_new_dirty_and_deleted_tell_what_a_flush_will_do(users: Engine) -> None:
    with Session(users) as session:
        alice, bob, carol = session.scalars(select(User).order_by(User.id)).all()
        dan = User(name="dan")
        session.add(dan)
        alice.name = "alicia"
        bob.age = bob.age
        session.delete(carol)

        assert set(session.new) == {dan} and dan in session.new
        assert set(session.dirty) == {alice, bob}
        assert set(session.deleted) == {carol}
        assert session.is_modified(alice) and not session.is_modified(bob)
        assert len(session.identity_map) == 3
        assert session.identity_map[inspect(alice).key] is alice
        assert inspect(alice).key in session.identity_map and alice not in session.identity_map
        assert set(session) == {alice, bob, carol, dan}

        with logged(users) as words:
            session.flush()
        assert sorted(words) == ["DELETE", "INSERT", "UPDATE"]
        assert not session.new and not session.dirty and not session.deleted
        assert len(session.identity_map) == 3


def test_add_twice_is_one_row_and_add_all_keeps_the_order(session: Session) -> None:
    people = [User(name=n) for n in "abc"]
    session.add_all(people)
    session.add(people[0])
    session.flush()

    assert [p.id for p in people] == [1, 2, 3]
    assert session.scalar(select(func.count()).select_from(User)) == 3


def test_one_column_is_written_when_one_attribute_changes(users: Engine) -> None:
    with Session(users) as session:
        alice = session.get(User, 1)
        alice.age = 31
        with logged(users) as words:
            session.commit()
        assert words == ["UPDATE"]
        assert users_rows(users)[0] == (1, "alice", 31)


def test_no_update_when_the_value_comes_back_to_what_it_was(users: Engine) -> None:
    with Session(users) as session:
        alice = session.get(User, 1)
        alice.name = "x"
        alice.name = "alice"
        assert alice in session.dirty and not session.is_modified(alice)
        with logged(users) as words:
            session.flush()
        assert words == []


def test_rows_go_in_foreign_key_order_when_they_were_added_otherwise(session: Session) -> None:
    session.add(Address(id=1, user_id=1, email="a@x"))
    session.add(User(id=1, name="a"))
    session.flush()

    parent, child = session.get(User, 1), session.get(Address, 1)
    session.delete(parent)
    session.delete(child)
    session.flush()
    assert session.scalar(select(func.count()).select_from(Address)) == 0


class TestGet:
    def test_no_statement_when_the_object_is_there(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            with logged(users) as words:
                assert session.get(User, 1) is alice
                assert session.get(User, (1,)) is alice
                assert session.get(User, {"id": 1}) is alice
                assert session.get(inspect(User), 1) is alice
            assert words == []
            assert session.get(User, 99) is None
            with pytest.raises(exc.NoResultFound, match="No row was found when one was required"):
                session.get_one(User, 99)
            assert session.get_one(User, 1) is alice

    def test_none_is_no_key(self, users: Engine) -> None:
        with Session(users) as session, pytest.warns(exc.SAWarning, match="fully NULL primary key"):
            assert session.get(User, None) is None

    def test_the_key_has_several_columns(self, session: Session) -> None:
        session.add_all([Stock(shelf=1, code="a", amount=5), Stock(shelf=1, code="b", amount=6)])
        session.commit()

        found = session.get(Stock, (1, "b"))
        assert found.amount == 6
        assert session.get(Stock, {"code": "b", "shelf": 1}) is found
        assert session.get(Stock, (2, "b")) is None
        with pytest.raises(exc.InvalidRequestError, match="Incorrect number of values"):
            session.get(Stock, 1)
        with pytest.raises(exc.InvalidRequestError, match="Incorrect names of values"):
            session.get(Stock, {"shelf": 1, "nope": 2})

    def test_populate_existing_loads_over_changes(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            alice.name = "changed"
            with session.no_autoflush:
                assert session.get(User, 1, populate_existing=True) is alice
            assert alice.name == "alice" and not session.is_modified(alice)

    def test_options_choose_the_columns(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1, options=[load_only(User.name)])
            assert inspect(alice).unloaded == {"age"}
            with logged(users) as words:
                assert alice.age == 30
            assert words == ["SELECT"]

    def test_for_update_locks_and_refreshes(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            with logged(users) as words:
                assert session.get(User, 1, with_for_update=True) is alice
                assert session.get(User, 1, with_for_update={"nowait": True}) is alice
            assert words == ["SELECT", "SELECT"]

    def test_a_gone_row_is_none_and_an_expired_object_is_loaded(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.commit()
            session.execute(text("DELETE FROM users WHERE id = 1"))
            assert session.get(User, 1) is None
            with pytest.raises(orm_exc.ObjectDeletedError, match="has been deleted, or its row"):
                alice.name  # noqa: B018

    def test_another_value_type_finds_the_same_object(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            assert session.get(User, True) is alice


class TestAutoflush:
    def test_a_query_writes_pending_objects_first(self, session: Session) -> None:
        session.add(User(name="x"))
        assert session.scalar(select(func.count()).select_from(User)) == 1

    def test_text_and_core_statements_flush_too(self, session: Session) -> None:
        session.add(User(name="x"))
        assert session.execute(text("SELECT count(*) FROM users")).scalar_one() == 1
        session.add(User(name="y"))
        assert len(session.execute(select(User.__table__)).all()) == 2

    def test_nothing_is_written_inside_no_autoflush(self, session: Session) -> None:
        session.add(User(name="x"))
        with session.no_autoflush:
            assert session.scalar(select(func.count()).select_from(User)) == 0
        assert session.scalar(select(func.count()).select_from(User)) == 1

    def test_nothing_is_written_when_the_session_says_so(self, tables: Engine) -> None:
        with Session(tables, autoflush=False) as session:
            session.add(User(name="x"))
            assert session.scalars(select(User)).all() == []
            session.flush()
            assert len(session.scalars(select(User)).all()) == 1

    def test_the_execution_option_turns_it_off(self, session: Session) -> None:
        session.add(User(name="x"))
        result = session.scalars(select(User), execution_options={"autoflush": False})
        assert result.all() == []


class TestExpireAndRefresh:
    def test_commit_expires_when_it_is_asked_to(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.commit()
            assert inspect(alice).expired_attributes == {"id", "name", "age"}
            with logged(users) as words:
                assert (alice.id, alice.name, alice.age) == (1, "alice", 30)
            assert words == ["SELECT"]

    def test_commit_keeps_values_when_expire_on_commit_is_off(self, users: Engine) -> None:
        with Session(users, expire_on_commit=False) as session:
            alice = session.get(User, 1)
            alice.name = "alicia"
            session.commit()
            with logged(users) as words:
                assert alice.name == "alicia"
            assert words == []

    def test_single_attributes_expire_and_refresh(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.execute(text("UPDATE users SET name = 'new', age = 99 WHERE id = 1"))
            session.expire(alice, ["age"])
            assert (alice.name, alice.age) == ("alice", 99)
            session.refresh(alice, ["name"])
            assert alice.name == "new"

    def test_refresh_forgets_changes(self, users: Engine) -> None:
        with Session(users, autoflush=False) as session:
            alice = session.get(User, 1)
            alice.name = "changed"
            session.refresh(alice)
            assert alice.name == "alice" and alice not in session.dirty

    def test_refresh_flushes_the_other_objects_when_autoflush_is_on(self, users: Engine) -> None:
        with Session(users) as session:
            alice, bob = session.get(User, 1), session.get(User, 2)
            alice.name, bob.name = "changed", "changed"
            session.refresh(alice)
            assert alice.name == "alice" and bob not in session.dirty

    def test_expire_discards_pending_changes(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            alice.name = "changed"
            session.expire(alice)
            assert alice not in session.dirty and alice.name == "alice"
            alice.name = "again"
            session.expire_all()
            assert alice.name == "alice"

    def test_refresh_of_a_gone_row_is_an_error(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.execute(text("DELETE FROM users"))
            with pytest.raises(exc.InvalidRequestError, match="Could not refresh instance"):
                session.refresh(alice)

    def test_writing_an_expired_attribute_needs_no_select(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.commit()
            with logged(users) as words:
                alice.name = "blind"
                session.flush()
            assert words == ["UPDATE"]
            assert session.scalar(select(User.name).where(User.id == 1)) == "blind"


class TestExpungeAndClose:
    def test_expunged_objects_keep_their_values(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            pending = User(name="x")
            session.add(pending)
            session.expunge(alice)
            session.expunge(pending)

            assert inspect(alice).detached and inspect(pending).transient
            assert alice.name == "alice" and alice not in session
            assert session.get(User, 1) is not alice
            with pytest.raises(exc.InvalidRequestError, match="is not present in this Session"):
                session.expunge(alice)

    def test_expunge_all_and_close_leave_nothing(self, users: Engine) -> None:
        session = Session(users)
        alice = session.get(User, 1)
        session.expunge_all()
        assert inspect(alice).detached and len(session.identity_map) == 0
        bob = session.get(User, 2)
        session.close()
        assert inspect(bob).detached and bob.name == "bob"
        assert session.get(User, 1).name == "alice"
        session.close()

    def test_a_closed_session_is_final_when_close_resets_only_is_off(self, users: Engine) -> None:
        session = Session(users, close_resets_only=False)
        session.close()
        with pytest.raises(exc.InvalidRequestError, match="permanently closed"):
            session.get(User, 1)

    def test_a_detached_object_says_so_when_it_must_load(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.commit()
        with pytest.raises(
            orm_exc.DetachedInstanceError,
            match=r"Instance <User at 0x[0-9a-f]+> is not bound to a Session; "
            r"attribute refresh operation cannot proceed",
        ):
            alice.name  # noqa: B018

    def test_a_detached_object_comes_back_when_it_is_added(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
        alice.name = "away"
        with Session(users) as session:
            session.add(alice)
            assert alice in session and alice in session.dirty
            session.commit()
            assert session.scalar(select(User.name).where(User.id == 1)) == "away"

    def test_a_second_object_of_the_same_key_is_refused(self, users: Engine) -> None:
        with Session(users) as session:
            first = session.get(User, 1)
        with Session(users) as session:
            second = session.get(User, 1)
            assert second is not first
            with pytest.raises(
                exc.InvalidRequestError,
                match=r"another instance with key .* is already present in this session",
            ):
                session.add(first)

    def test_an_object_of_another_session_is_refused(self, users: Engine) -> None:
        with Session(users) as one, Session(users) as other:
            alice = one.get(User, 1)
            with pytest.raises(exc.InvalidRequestError, match="already attached to session"):
                other.add(alice)

    def test_delete_of_what_is_not_persistent_is_refused(self, session: Session) -> None:
        with pytest.raises(exc.InvalidRequestError, match="is not persisted"):
            session.delete(User(name="x"))


class TestIdentityMap:
    @pytest.mark.feature("ATTR02")
    def test_objects_are_freed_when_nothing_refers_to_them(self, users: Engine) -> None:
        with Session(users) as session:
            alice, bob = session.get(User, 1), session.get(User, 2)
            assert session.scalars(select(User).where(User.id == 1)).one() is alice
            bob.name = "robert"
            seen = weakref.ref(alice), weakref.ref(bob)
            del alice, bob
            gc.collect()

            assert seen[0]() is None and seen[1]() is not None
            assert len(session.identity_map) == 1
            session.flush()
            gc.collect()
            assert seen[1]() is None
            assert session.get(User, 2).name == "robert"

    def test_new_and_deleted_objects_are_kept(self, users: Engine) -> None:
        with Session(users) as session:
            session.add(User(id=10, name="kept"))
            session.delete(session.get(User, 1))
            gc.collect()
            session.flush()
            assert session.scalars(select(User.id).order_by(User.id)).all() == [2, 3, 10]


class TestColumnsOfALoad:
    def test_deferred_columns_load_when_they_are_read(self, users: Engine) -> None:
        with Session(users) as session:
            with logged(users) as words:
                alice = session.scalars(select(User).options(defer(User.age)).order_by(User.id)).first()
                assert alice.name == "alice"
                assert words == ["SELECT"]
                assert alice.age == 30
                assert alice.age == 30
            assert words == ["SELECT", "SELECT"]

    def test_a_loaded_value_stays_when_a_later_query_defers_it(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.scalars(select(User).options(load_only(User.id))).all()
            with logged(users) as words:
                assert alice.age == 30
            assert words == []

    def test_a_raiseload_says_no_when_it_is_read(self, users: Engine) -> None:
        with Session(users) as session:
            query = select(User).options(defer(User.age, raiseload=True)).where(User.id == 1)
            alice = session.scalars(query).one()
            with pytest.raises(exc.InvalidRequestError, match=r"'User.age' is not available due to raiseload=True"):
                alice.age  # noqa: B018


class TestFactories:
    @pytest.mark.feature("SES02")
    def test_sessionmaker_makes_sessions_and_transactions(self, users: Engine) -> None:
        maker = sessionmaker(users, expire_on_commit=False)
        with maker() as session:
            assert session.get(User, 1).name == "alice" and not session.expire_on_commit
        with maker.begin() as session:
            session.get(User, 1).name = "made"
        with maker(expire_on_commit=True) as session:
            assert session.expire_on_commit
            assert session.get(User, 1).name == "made"
        maker.configure(autoflush=False)
        assert not maker().autoflush
        with pytest.raises(ZeroDivisionError), maker.begin() as session:
            session.get(User, 1).name = "lost"
            1 / 0  # noqa: B018
        with maker() as session:
            assert session.get(User, 1).name == "made"

    @pytest.mark.feature("SES03")
    def test_scoped_session_is_one_session_per_scope(self, users: Engine) -> None:
        scope = [1]
        scoped = scoped_session(sessionmaker(users), scopefunc=lambda: scope[0])

        first = scoped()
        assert scoped() is first and scoped.get(User, 1) in first
        scope[0] = 2
        second = scoped()
        assert second is not first
        scoped.remove()
        assert scoped.registry.has() is False
        scope[0] = 1
        assert scoped.registry() is first
        with pytest.raises(exc.InvalidRequestError, match="Scoped session is already present"):
            scoped(autoflush=False)
        scoped.remove()
        assert scoped(autoflush=False).autoflush is False
        User.query = scoped.query_property()
        try:
            assert User.query.filter_by(name="bob").one().id == 2
        finally:
            del User.query
        scoped.remove()


def test_statements_of_several_binds_go_where_they_belong(users: Engine, tmp_path) -> None:
    from pyorm import create_engine

    other = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    Base.metadata.create_all(other)
    with Session(binds={User: users, Stock: other}) as session:
        session.add_all([User(id=10, name="here"), Stock(shelf=1, code="there")])
        session.commit()
        assert session.get_bind(User) is users and session.get_bind(Stock) is other
        with pytest.raises(exc.UnboundExecutionError):
            session.get_bind(Address)
        assert session.scalars(select(Stock.code)).all() == ["there"]
        assert session.get(User, 10).name == "here"
    with users.connect() as a, other.connect() as b:
        assert a.execute(select(func.count()).select_from(Stock.__table__)).scalar() == 0
        assert b.execute(select(func.count()).select_from(User.__table__)).scalar() == 0
    other.dispose()


def test_loaded_objects_stay_as_they_are_when_raw_sql_changes_the_row(users: Engine) -> None:
    with Session(users) as session:
        alice = session.get(User, 1)
        session.execute(text("UPDATE users SET name = 'raw' WHERE id = 1"))
        session.execute(update(User.__table__).where(User.__table__.c.id == 1).values(age=1))
        assert session.scalars(select(User).where(User.id == 1)).one() is alice
        assert (alice.name, alice.age) == ("alice", 30)
        session.expire(alice)
        assert (alice.name, alice.age) == ("raw", 1)


def test_info_and_in_transaction_tell_about_the_session(users: Engine) -> None:
    with Session(users, info={"a": 1}) as session:
        assert session.info == {"a": 1}
        assert not session.in_transaction() and session.is_active
        session.get(User, 1)
        assert session.in_transaction() and not session.in_nested_transaction()
        assert session.get_transaction().is_active
        session.commit()
        assert not session.in_transaction() and session.get_transaction() is None
