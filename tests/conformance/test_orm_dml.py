"""INSERT, UPDATE and DELETE of mapped classes, and what they do to loaded objects."""

from __future__ import annotations

import pytest

from pyorm import bindparam, delete, func, insert, inspect, select, update
from pyorm.engine import Engine
from pyorm.orm import Session
from tests.conformance.models import Address, User, logged


class TestInsert:
    def test_rows_from_dicts(self, session: Session) -> None:
        session.execute(insert(User), [{"name": "a", "age": 1}, {"name": "b", "age": 2}])
        session.execute(insert(User).values(name="c"))
        assert session.execute(select(User.name, User.age).order_by(User.id)).all() == [
            ("a", 1), ("b", 2), ("c", None),
        ]

    def test_returning_sorted_by_the_order_of_parameters(self, session: Session) -> None:
        rows = [{"name": n} for n in "edcba"]
        made = session.scalars(insert(User).returning(User.name, sort_by_parameter_order=True), rows)
        assert made.all() == list("edcba")



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
