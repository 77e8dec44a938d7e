"""Rows from dicts, and UPDATE and DELETE of classes that inherit."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import delete, exc, insert, select, update
from pyorm.orm import Session
from pyorm.orm.exc import StaleDataError
from tests.conformance.inherit import make_models
from tests.conformance.loading import counted
from tests.conformance.test_inherit_joined import firm, verbs

__all__ = ["firm"]


@pytest.mark.feature("BULK01")
def test_rows_go_into_all_tables_when_a_joined_class_is_inserted(firm: Any) -> None:
    with Session(firm.engine) as session, counted(firm.engine) as sent:
        session.execute(
            insert(firm.Boss), [{"name": "x", "job": "j", "car": "c"}, {"name": "y", "job": "k", "car": "d"}]
        )
        found = session.scalars(select(firm.Boss).order_by(firm.Boss.id)).all()[1:]

        assert [(b.name, b.kind, b.job, b.car) for b in found] == [("x", "boss", "j", "c"), ("y", "boss", "k", "d")]
    assert list(dict.fromkeys(verbs(sent))) == ["INSERT person", "INSERT worker", "INSERT boss"]


@pytest.mark.feature("BULK01")
def test_instances_come_back_in_the_order_of_the_rows_when_returning_asks(firm: Any) -> None:
    with Session(firm.engine) as session:
        rows = [{"id": 52, "name": "b", "job": "j"}, {"id": 51, "name": "a", "car": "c"}, {"id": 53, "name": "c"}]
        made = session.scalars(insert(firm.Boss).returning(firm.Boss), rows).all()

        assert [(b.id, b.name, b.job, b.car) for b in made] == [
            (52, "b", "j", None), (51, "a", None, "c"), (53, "c", None, None),
        ]  # fmt: skip
        with pytest.raises(exc.CompileError, match="Unconsumed column names: nope"):
            session.execute(insert(firm.Boss), [{"name": "x", "nope": 1}])


@pytest.mark.feature("BULK01")
def test_discriminator_is_filled_in_when_rows_of_a_single_table_class_are_inserted(firm: Any) -> None:
    firm.Base.metadata.create_all(firm.engine)
    with Session(firm.engine) as session:
        session.execute(insert(firm.Dog), [{"name": "r", "bark": "w"}, {"name": "s", "bark": "x", "kind": "puppy"}])

        assert [type(a) for a in session.scalars(select(firm.Animal).order_by(firm.Animal.id))] == [
            firm.Dog,
            firm.Puppy,
        ]


@pytest.mark.feature("BULK08")
def test_each_table_gets_its_columns_when_a_joined_class_is_updated_by_key(firm: Any) -> None:
    with Session(firm.engine) as session:
        boss = session.get(firm.Boss, 3)
        with counted(firm.engine) as sent:
            session.execute(update(firm.Boss), [{"id": 3, "name": "N", "car": "C"}])
        session.execute(update(firm.Worker), [{"id": 2, "job": "J"}, {"id": 5, "job": "K"}])

        assert verbs(sent) == ["UPDATE person", "UPDATE boss"]
        assert (boss.name, boss.car, boss.job) == ("N", "C", "talks")
        assert session.get(firm.Temp, 5).job == "K"
        with pytest.raises(StaleDataError, match="UPDATE statement on table 'worker' expected to update 1 row"):
            session.execute(update(firm.Worker), [{"id": 999, "job": "J"}])


@pytest.mark.feature("BULK08")
def test_update_is_of_the_own_table_when_the_class_is_joined(firm: Any) -> None:
    with Session(firm.engine) as session:
        boss = session.get(firm.Boss, 3)
        workers = session.execute(update(firm.Worker).values(job="all")).rowcount

        assert workers == 3 and boss.job == "all"
        with pytest.raises(exc.CompileError, match=r"cannot include columns from table\(s\) 'person' in SET clause"):
            session.execute(update(firm.Boss).values(name="x"))
        assert session.execute(delete(firm.Boss).where(firm.Boss.car == "red")).rowcount == 1


@pytest.mark.feature("BULK08")
def test_pending_instances_are_flushed_first_when_a_class_is_updated(firm: Any) -> None:
    with Session(firm.engine) as session:
        session.add(firm.Client(name="n", debt=1))
        session.execute(update(firm.Client).where(firm.Client.debt == 1).values(debt=2))

        assert session.scalars(select(firm.Client.debt).where(firm.Client.name == "n")).one() == 2


@pytest.mark.feature("BULK06")
def test_legacy_bulk_methods_write_all_tables_when_the_class_is_joined(firm: Any) -> None:
    with Session(firm.engine) as session:
        session.bulk_insert_mappings(firm.Boss, [{"name": "m", "job": "j", "car": "c"}])
        session.bulk_save_objects([firm.Boss(name="o", car="d"), firm.Client(name="q", debt=3)])
        session.bulk_update_mappings(firm.Boss, [{"id": 3, "name": "n", "car": "e"}])
        session.commit()

        found = session.scalars(select(firm.Boss).order_by(firm.Boss.id)).all()
        assert [(b.name, b.car) for b in found] == [("n", "e"), ("m", "c"), ("o", "d")]
        assert session.scalars(select(firm.Client.debt).where(firm.Client.name == "q")).one() == 3


@pytest.mark.feature("BULK08")
def test_other_instances_stay_when_rows_of_a_class_are_deleted(firm: Any) -> None:
    with Session(firm.engine) as session:
        people = {person.id: person for person in session.scalars(select(firm.Person))}
        session.execute(delete(firm.Boss).where(firm.Boss.id == 3))

        assert people[3] not in session
        assert all(person in session for number, person in people.items() if number != 3)


@pytest.mark.feature("BULK08")
def test_other_classes_stay_when_rows_of_a_single_table_class_are_deleted(engine: Any) -> None:
    q = make_models()
    q.Base.metadata.create_all(engine)
    with Session(engine) as session:
        dog, cat = q.Dog(name="x"), q.Cat(name="x")
        session.add_all([dog, cat])
        session.flush()
        session.execute(delete(q.Dog).where(q.Dog.name == "x"))

        assert dog not in session and cat in session and cat.name == "x"
        assert session.scalars(select(q.Animal)).all() == [cat]
