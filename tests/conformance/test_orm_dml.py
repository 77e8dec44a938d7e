"""INSERT, UPDATE and DELETE of mapped classes, and what they do to loaded objects."""

from __future__ import annotations

import pytest

from pyorm import bindparam, delete, exc, func, insert, inspect, select, update
from pyorm.dialects import postgresql, sqlite
from pyorm.engine import Engine
from pyorm.orm import Session
from tests.conformance.models import Address, Stock, User, logged


class TestInsert:
    def test_rows_from_dicts(self, session: Session) -> None:
        session.execute(insert(User), [{"name": "a", "age": 1}, {"name": "b", "age": 2}])
        session.execute(insert(User).values(name="c"))
        assert session.execute(select(User.name, User.age).order_by(User.id)).all() == [
            ("a", 1), ("b", 2), ("c", None),
        ]

    def test_dicts_of_different_keys(self, session: Session) -> None:
        session.execute(insert(User), [{"name": "a"}, {"name": "b", "age": 2}, {"age": 3}])
        assert session.execute(select(User.name, User.age).order_by(User.id)).all() == [
            ("a", None), ("b", 2), (None, 3),
        ]

    @pytest.mark.feature("BULK02")
    def test_returning_gives_objects_of_the_session(self, session: Session) -> None:
        made = session.scalars(
            insert(User).returning(User), [{"name": "a"}, {"name": "b"}]
        ).all()
        assert [u.name for u in made] == ["a", "b"]
        assert all(u in session and inspect(u).persistent for u in made)
        assert session.get(User, made[0].id) is made[0]
        one = session.scalars(insert(User).values(name="c").returning(User)).one()
        assert one.name == "c" and one in session

    def test_returning_sorted_by_the_order_of_parameters(self, session: Session) -> None:
        rows = [{"name": n} for n in "edcba"]
        made = session.scalars(insert(User).returning(User.name, sort_by_parameter_order=True), rows)
        assert made.all() == list("edcba")


    def test_an_upsert_returns_the_changed_object(self, session: Session, db) -> None:
        session.add(Stock(shelf=1, code="a", amount=1))
        session.commit()
        loaded = session.get(Stock, (1, "a"))
        dialect = sqlite if db.name == "sqlite" else postgresql
        statement = dialect.insert(Stock).values(shelf=1, code="a", amount=9)
        statement = statement.on_conflict_do_update(
            index_elements=[Stock.shelf, Stock.code], set_={"amount": statement.excluded.amount}
        ).returning(Stock)
        got = session.scalars(statement, execution_options={"populate_existing": True}).one()
        assert got is loaded and loaded.amount == 9


class TestUpdate:
    @pytest.mark.parametrize("mode", ["auto", "evaluate", "fetch"])
    def test_loaded_objects_follow(self, users: Engine, mode: str) -> None:
        with Session(users) as session:
            alice, bob = session.get(User, 1), session.get(User, 2)
            result = session.execute(
                update(User).where(User.age < 40).values(name="young", age=User.age + 1),
                execution_options={"synchronize_session": mode},
            )
            assert result.rowcount == 1
            assert (alice.name, alice.age, bob.name) == ("young", 31, "bob")
            assert alice not in session.dirty
            session.rollback()
            assert (alice.name, alice.age) == ("alice", 30)

    def test_loaded_objects_stay_when_nothing_is_synchronized(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.execute(
                update(User).values(name="x"), execution_options={"synchronize_session": False}
            )
            assert alice.name == "alice"
            session.commit()
            assert alice.name == "x"

    def test_pending_changes_are_flushed_first(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            alice.age = 50
            session.execute(update(User).where(User.age == 50).values(name="fifty"))
            assert (alice.name, alice.age) == ("fifty", 50)
    def test_returning_gives_the_changed_objects(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            changed = session.scalars(
                update(User).where(User.id < 3).values(age=1).returning(User)
            ).all()
            assert {u.id for u in changed} == {1, 2} and alice in changed
            assert alice.age == 1
            ids = session.execute(update(User).where(User.id == 2).values(age=2).returning(User.id))
            assert ids.all() == [(2,)]

    @pytest.mark.feature("BULK03")
    def test_rows_by_primary_key(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.execute(update(User), [{"id": 1, "name": "x"}, {"id": 2, "name": "y", "age": 5}])
            rows = session.execute(select(User.name, User.age).order_by(User.id)).all()
            assert rows == [("x", 30), ("y", 5), ("carol", None)]
            session.expire(alice)
            assert alice.name == "x"
            with pytest.raises(exc.InvalidRequestError, match="primary key"):
                session.execute(update(User), [{"name": "z"}])

    def test_an_unknown_mode_is_refused(self, users: Engine) -> None:
        with (
            Session(users) as session,
            pytest.raises(exc.ArgumentError, match="Valid strategies for session synchronization"),
        ):
            session.execute(
                update(User).values(age=1), execution_options={"synchronize_session": "nope"}
            )


class TestDelete:
    @pytest.mark.parametrize("mode", ["auto", "evaluate", "fetch"])
    def test_deleted_objects_leave_the_session(self, users: Engine, mode: str) -> None:
        with Session(users) as session:
            alice, bob = session.get(User, 1), session.get(User, 2)
            result = session.execute(
                delete(User).where(User.age < 40), execution_options={"synchronize_session": mode}
            )
            assert result.rowcount == 1
            assert alice not in session and bob in session
            assert session.get(User, 1) is None
            session.rollback()
            assert alice in session and inspect(alice).persistent and alice.name == "alice"

    def test_they_are_detached_after_the_commit(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.execute(delete(User).where(User.name == "alice"))
            session.commit()
            assert inspect(alice).detached and inspect(alice).was_deleted

    def test_they_stay_when_nothing_is_synchronized(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.execute(delete(User), execution_options={"synchronize_session": False})
            assert alice in session

    def test_returning_tells_what_went(self, users: Engine) -> None:
        with Session(users) as session:
            gone = session.execute(delete(User).where(User.id > 1).returning(User.id, User.name))
            assert sorted(gone.all()) == [(2, "bob"), (3, "carol")]

    def test_a_correlated_subquery_chooses(self, users: Engine) -> None:
        with Session(users) as session:
            session.add(Address(user_id=1, email="a"))
            session.flush()
            alone = ~select(Address.id).where(Address.user_id == User.id).exists()
            bob = session.get(User, 2)
            session.execute(delete(User).where(alone), execution_options={"synchronize_session": "fetch"})
            assert bob not in session
            assert session.scalars(select(User.name)).all() == ["alice"]

    def test_bound_parameters_choose(self, users: Engine) -> None:
        with Session(users) as session:
            session.execute(delete(User).where(User.name == bindparam("who")), {"who": "bob"})
            assert session.scalar(select(func.count(User.id))) == 2


@pytest.mark.feature("BULK06")
def test_the_older_bulk_methods_write_rows(tables: Engine) -> None:
    with Session(tables) as session:
        session.bulk_insert_mappings(User, [{"name": "a"}, {"name": "b", "age": 3}])
        session.bulk_save_objects([User(name="c"), User(name="d")])
        session.bulk_update_mappings(User, [{"id": 1, "age": 10}])
        found = session.scalars(select(User).order_by(User.id)).all()
        assert [(u.name, u.age) for u in found] == [("a", 10), ("b", 3), ("c", None), ("d", None)]
        found[1].age = 4
        session.bulk_save_objects(found[1:2])
        session.commit()
        assert session.get(User, 2).age == 4


def test_one_statement_is_enough_for_many_rows(tables: Engine) -> None:
    with Session(tables) as session, logged(tables) as words:
        session.execute(insert(User), [{"name": str(i)} for i in range(50)])
        assert words == ["INSERT"]
