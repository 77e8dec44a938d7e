"""One object: history, flags, states, pickling, copying, its dict, leaving and coming back."""

from __future__ import annotations

import copy
import pickle

import pytest

from pyorm import exc, inspect, null, select
from pyorm.engine import Engine
from pyorm.orm import (
    Session,
    attributes,
    make_transient,
    make_transient_to_detached,
    object_session,
    was_deleted,
)
from pyorm.orm import exc as orm_exc
from pyorm.orm.attributes import flag_dirty, flag_modified, get_history, set_committed_value
from tests.conformance.models import Address, Stock, User, logged


class TestHistory:
    def test_it_tells_old_and_new_values(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            assert get_history(alice, "name") == ((), ["alice"], ())
            alice.name = "x"
            assert get_history(alice, "name") == (["x"], (), ["alice"])
            history = inspect(alice).attrs.name.history
            assert history.added == ["x"] and history.deleted == ["alice"] and history.has_changes()
            session.flush()
            assert get_history(alice, "name") == ((), ["x"], ())
            del alice.name
            assert get_history(alice, "name") == ((), (), ["x"])

    def test_a_new_object_has_only_added_values(self) -> None:
        user = User(name="x")
        assert get_history(user, "name") == (["x"], (), ())
        assert get_history(user, "age") == ((), (), ())

    def test_a_blind_write_has_no_old_value(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.expire(alice)
            with logged(users) as words:
                alice.name = "x"
                history = inspect(alice).attrs.name.history
            assert (history.added, history.deleted, words) == (["x"], (), [])
            loaded = inspect(alice).attrs.age.load_history()
            assert loaded.unchanged == [30]

    def test_loaded_value_does_not_load(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            assert inspect(alice).attrs.name.loaded_value == "alice"
            session.expire(alice)
            assert inspect(alice).attrs.name.loaded_value is attributes.NO_VALUE
            assert inspect(alice).attrs.name.value == "alice"


class TestFlags:
    @pytest.mark.feature("ATTR06")
    def test_flag_modified_writes_the_column_again(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            flag_modified(alice, "name")
            assert alice in session.dirty and session.is_modified(alice)
            with logged(users) as words:
                session.flush()
            assert words == ["UPDATE"]
            session.expire(alice)
            with pytest.raises(exc.InvalidRequestError, match="it's not present in the object state"):
                flag_modified(alice, "name")
            flag_dirty(alice)
            assert alice in session.dirty
            with logged(users) as words:
                session.flush()
            assert words == []

    def test_set_committed_value_is_no_change(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            set_committed_value(alice, "name", "as loaded")
            assert alice.name == "as loaded" and alice not in session.dirty
            attributes.set_attribute(alice, "name", "y")
            assert attributes.get_attribute(alice, "name") == "y" and alice in session.dirty


class TestInspection:
    @pytest.mark.feature("ATTR05")
    def test_the_state_of_an_object(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            state = inspect(alice)
            assert state.identity == (1,) and state.identity_key == state.key == (User, (1,), None)
            assert state.session is session and state.object is alice
            assert state.unloaded == set() and not state.modified
            assert state.dict["name"] == "alice" and state.mapper is inspect(User)
            alice.name = "x"
            session.expire(alice, ["age"])
            assert state.modified and state.unloaded == {"age"}
        assert state.session is None and state.detached

    def test_object_session_follows_the_object(self, users: Engine) -> None:
        user = User()
        assert object_session(user) is None
        with Session(users) as session:
            session.add(user)
            assert object_session(user) is session
            session.expunge(user)
            assert object_session(user) is None
        with pytest.raises(orm_exc.UnmappedInstanceError):
            object_session(object())


class TestMakeTransient:
    def test_a_transient_copy_becomes_a_new_row(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.expunge(alice)
            make_transient(alice)
            assert inspect(alice).transient and inspect(alice).key is None
            alice.id = None
            session.add(alice)
            session.commit()
            assert alice.id == 4 and alice.name == "alice"

    def test_it_leaves_its_session(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            make_transient(alice)
            assert alice not in session and inspect(alice).transient and alice.name == "alice"

    def test_a_made_up_object_becomes_detached_and_loads(self, users: Engine) -> None:
        with Session(users) as session:
            user = User(id=2)
            make_transient_to_detached(user)
            assert inspect(user).detached
            session.add(user)
            with logged(users) as words:
                assert user.name == "bob"
            assert words == ["SELECT"]
            with pytest.raises(exc.InvalidRequestError, match="Given object must be transient"):
                make_transient_to_detached(user)

    def test_a_deleted_object_says_so(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.delete(alice)
            session.commit()
            assert was_deleted(alice) and inspect(alice).was_deleted
            with pytest.raises(exc.InvalidRequestError, match="has been deleted"):
                session.add(alice)
            make_transient(alice)
            session.add(alice)
            session.commit()
            assert session.get(User, 1) is alice


class TestPickle:
    @pytest.mark.feature("ATTR11")
    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    def test_an_object_comes_back_detached(self, users: Engine, protocol: int) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.expire(alice, ["age"])
            data = pickle.dumps(alice, protocol)
        away = pickle.loads(data)
        assert inspect(away).detached and away.name == "alice"
        assert inspect(away).identity == (1,) and inspect(away).unloaded == {"age"}
        with pytest.raises(orm_exc.DetachedInstanceError):
            away.age  # noqa: B018
        with Session(users) as session:
            session.add(away)
            assert away in session and away.age == 30
            assert session.get(User, 1) is away

    def test_it_is_merged_into_a_session_that_has_the_object(self, users: Engine) -> None:
        with Session(users) as session:
            data = pickle.dumps(session.get(User, 1))
        away = pickle.loads(data)
        away.name = "away"
        with Session(users) as session:
            alice = session.get(User, 1)
            merged = session.merge(away)
            assert merged is alice and alice.name == "away" and away not in session
            session.commit()
            assert session.scalar(select(User.name).where(User.id == 1)) == "away"

    def test_changes_travel_along(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            alice.name = "changed"
            away = pickle.loads(pickle.dumps(alice))
            session.rollback()
        assert get_history(away, "name").deleted == ["alice"]
        with Session(users) as session:
            session.add(away)
            assert away in session.dirty
            session.commit()
            assert away.name == "changed"

    def test_transient_objects_pickle(self) -> None:
        back = pickle.loads(pickle.dumps(User(name="x")))
        assert inspect(back).transient and back.name == "x" and back.age is None


class TestCopy:
    def test_a_copy_has_the_values(self, users: Engine) -> None:
        other = copy.copy(User(name="x", age=3))
        assert (other.name, other.age) == ("x", 3)


class TestDict:
    def test_it_shows_what_is_loaded(self, users: Engine) -> None:
        user = User(name="x")
        assert set(vars(user)) == {"_sa_instance_state", "name"}
        assert user.age is None
        assert set(user.__dict__) == {"_sa_instance_state", "name"}
        with Session(users) as session:
            alice = session.get(User, 1)
            assert {k: v for k, v in vars(alice).items() if k[0] != "_"} == {
                "id": 1, "name": "alice", "age": 30,
            }
            session.commit()
            assert set(vars(alice)) == {"_sa_instance_state"}
            assert alice.name == "alice"
            assert vars(alice)["age"] == 30

    def test_it_is_live(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            alice.__dict__["name"] = "raw"
            assert alice.name == "raw" and alice not in session.dirty
            session.expire(alice)
            assert alice.name == "alice"
            alice.__dict__.pop("age")
            with logged(users) as words:
                assert alice.age is None
            assert words == []
            alice.note = "not mapped"
            assert vars(alice)["note"] == "not mapped"
            session.commit()
            assert alice.note == "not mapped"


class TestMerge:
    def test_what_is_not_there_is_new(self, users: Engine) -> None:
        with Session(users) as session:
            given = User(id=50, name="merged")
            made = session.merge(given)
            assert made is not given and made in session.new and given not in session
            session.commit()
            assert session.get(User, 50) is made

    def test_what_is_there_is_loaded_and_changed(self, users: Engine) -> None:
        with Session(users) as session:
            with logged(users) as words:
                merged = session.merge(User(id=1, name="m"))
            assert words == ["SELECT"]
            assert (merged.name, merged.age) == ("m", 30)
            assert session.merge(merged) is merged

    def test_without_load_it_is_taken_as_loaded(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
        with Session(users) as session:
            with logged(users) as words:
                merged = session.merge(alice, load=False)
            assert words == [] and merged.name == "alice" and merged not in session.dirty
            with pytest.raises(exc.InvalidRequestError, match="load=False"):
                session.merge(User(id=9), load=False)


class TestKeys:
    def test_a_changed_key_updates_the_row(self, session: Session, tables: Engine) -> None:
        stock = Stock(shelf=1, code="a", amount=1)
        session.add(stock)
        session.commit()
        stock.code = "b"
        session.commit()
        assert session.get(Stock, (1, "b")) is stock and session.get(Stock, (1, "a")) is None
        assert inspect(stock).identity == (1, "b")

    def test_a_deleted_row_is_replaced_in_one_flush(self, session: Session, tables: Engine) -> None:
        old = Stock(shelf=1, code="a", amount=1)
        session.add(old)
        session.commit()
        new = Stock(shelf=1, code="a", amount=2)
        session.delete(old)
        session.add(new)
        with logged(tables) as words:
            session.flush()
        assert words[-1] == "UPDATE" and "DELETE" not in words
        session.commit()
        assert session.get(Stock, (1, "a")) is new and new.amount == 2

    def test_expressions_are_evaluated_by_the_database(self, users: Engine) -> None:
        with Session(users) as session:
            alice, bob = session.get(User, 1), session.get(User, 2)
            alice.age = User.age + 5
            bob.age = null()
            session.add(User(name="new", age=select(User.age).where(User.id == 2).scalar_subquery()))
            session.flush()
            assert alice.age == 35 and bob.age is None
            session.commit()

    @pytest.mark.feature("DECL27")
    def test_unknown_keywords_are_refused(self) -> None:
        with pytest.raises(TypeError, match="'nope' is an invalid keyword argument for User"):
            User(nope=1)
        assert Address(email="x").email == "x"
