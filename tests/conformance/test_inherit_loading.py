"""When the columns of subclasses are loaded: with the parent's rows, after them in one SELECT, or on first use."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, String, inspect, select
from pyorm.orm import Session, aliased, declarative_base, selectin_polymorphic, with_polymorphic
from tests.conformance.inherit import make_models
from tests.conformance.loading import counted


def make(worker: dict[str, Any], boss: dict[str, Any], **root: Any) -> SimpleNamespace:
    """Return Person > Worker > Boss in joined tables, with these mapper arguments."""
    Base: Any = declarative_base()

    class Person(Base):
        __tablename__ = "person"
        id = Column(Integer, primary_key=True)
        kind = Column(String(10))
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "person", **root}

    class Worker(Person):
        __tablename__ = "worker"
        id = Column(ForeignKey("person.id"), primary_key=True)
        job = Column(String(20))
        __mapper_args__ = {"polymorphic_identity": "worker", **worker}

    class Boss(Worker):
        __tablename__ = "boss"
        id = Column(ForeignKey("worker.id"), primary_key=True)
        car = Column(String(20))
        __mapper_args__ = {"polymorphic_identity": "boss", **boss}

    return SimpleNamespace(Base=Base, Person=Person, Worker=Worker, Boss=Boss)


def filled(q: SimpleNamespace, engine: Any) -> SimpleNamespace:
    """Create the tables, with a person, a worker, a boss and a worker (ids 1 to 4)."""
    q.Base.metadata.create_all(engine)
    q.engine = engine
    with Session(engine) as session:
        session.add_all([q.Person(), q.Worker(job="a"), q.Boss(job="b", car="red"), q.Worker(job="c")])
        session.commit()
    return q


def unloaded(found: Any) -> list[tuple[str, list[str]]]:
    """Return class and missing attributes of each object."""
    return [(type(one).__name__, sorted(inspect(one).unloaded)) for one in found]


WHOLE = [("Person", []), ("Worker", []), ("Boss", []), ("Worker", [])]


@pytest.mark.feature("INH05")
def test_one_more_select_per_subclass_loads_it_whole_when_it_asks_for_that(engine: Any) -> None:
    q = filled(make({"polymorphic_load": "selectin"}, {"polymorphic_load": "selectin"}), engine)

    with Session(engine) as session, counted(engine) as sent:
        assert unloaded(session.scalars(select(q.Person).order_by(q.Person.id))) == WHOLE
        assert len(sent) == 3
        session.expunge_all()
        assert unloaded(session.scalars(select(q.Worker).order_by(q.Worker.id))) == WHOLE[1:]
        assert len(sent) == 5
        session.expunge_all()
        assert unloaded([session.get(q.Person, 3)]) == [("Boss", [])]
        assert len(sent) == 7
        session.expunge_all()
        alias = aliased(q.Person)
        assert unloaded(session.scalars(select(alias).order_by(alias.id))) == WHOLE
        assert len(sent) == 10
    assert " ".join(sent[2].partition("WHERE")[0].split()) == (
        "SELECT boss.id AS boss_id, worker.id AS worker_id, person.id AS person_id, person.kind AS person_kind, "
        "worker.job AS worker_job, boss.car AS boss_car FROM person JOIN worker ON person.id = worker.id "
        "JOIN boss ON worker.id = boss.id"
    )


@pytest.mark.feature("INH05")
def test_nothing_is_sent_when_there_is_no_row_of_the_subclass(engine: Any) -> None:
    q = filled(make({"polymorphic_load": "selectin"}, {}), engine)

    with Session(engine) as session, counted(engine) as sent:
        assert unloaded(session.scalars(select(q.Person).where(q.Person.id == 1))) == WHOLE[:1]
        assert len(sent) == 1


@pytest.mark.feature("INH05")
def test_each_part_of_the_rows_is_completed_when_they_come_in_parts(engine: Any) -> None:
    q = filled(make({"polymorphic_load": "selectin"}, {"polymorphic_load": "selectin"}), engine)

    with Session(engine) as session, counted(engine) as sent:
        found = session.scalars(select(q.Person).order_by(q.Person.id).execution_options(yield_per=2))
        assert unloaded(found) == WHOLE
        assert len(sent) == 4


@pytest.mark.feature("INH05")
def test_columns_come_with_the_rows_of_the_parent_when_a_subclass_is_loaded_inline(engine: Any) -> None:
    q = filled(make({"polymorphic_load": "inline"}, {}), engine)

    with Session(engine) as session, counted(engine) as sent:
        found = session.scalars(select(q.Person).order_by(q.Person.id)).all()
        assert unloaded(found) == [*WHOLE[:2], ("Boss", ["car"]), *WHOLE[3:]]
        assert found[2].car == "red"
        assert len(sent) == 2
    assert " ".join(str(select(q.Person)).split()) == (
        "SELECT person.id, person.kind, worker.id AS id_1, worker.job "
        "FROM person LEFT OUTER JOIN worker ON person.id = worker.id"
    )


@pytest.mark.feature("INH05")
def test_every_subclass_is_joined_when_the_mapper_says_so(engine: Any) -> None:
    q = filled(make({}, {}, with_polymorphic="*"), engine)

    with Session(engine) as session, counted(engine) as sent:
        assert unloaded(session.scalars(select(q.Person).order_by(q.Person.id))) == WHOLE
        assert [one.car for one in session.scalars(select(q.Person).where(q.Boss.car == "red"))] == ["red"]
        assert len(sent) == 2
    assert inspect(q.Person).with_polymorphic_mappers == [inspect(c) for c in (q.Person, q.Worker, q.Boss)]


@pytest.fixture
def firm(engine: Any) -> Iterator[SimpleNamespace]:
    """The five joined classes of make_models(), a row of each: Person, Worker, Boss, Client, Temp."""
    q = make_models()
    q.Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([q.Person(), q.Worker(job="w"), q.Boss(car="x"), q.Client(debt=3), q.Temp(agency="t")])
        session.commit()
    q.engine = engine
    yield q
    q.Base.registry.dispose()


@pytest.mark.feature("INH05")
def test_named_subclasses_are_completed_when_an_option_names_them(firm: Any) -> None:
    statement = (
        select(firm.Person)
        .order_by(firm.Person.id)
        .options(selectin_polymorphic(firm.Person, [firm.Boss, firm.Client]))
    )

    with Session(firm.engine) as session, counted(firm.engine) as sent:
        found = session.scalars(statement).all()
        assert unloaded(found) == [
            ("Person", []), ("Worker", ["job"]), ("Boss", []), ("Client", []), ("Temp", ["agency", "job"]),
        ]  # fmt: skip
        assert [found[2].car, found[3].debt] == ["x", 3]
        assert len(sent) == 3


@pytest.mark.feature("INH05")
def test_rows_are_completed_after_those_of_an_alias_when_an_option_names_it(firm: Any) -> None:
    alias = with_polymorphic(firm.Person, [firm.Client])
    statement = select(alias).order_by(alias.id).options(selectin_polymorphic(alias, [firm.Boss]))

    with Session(firm.engine) as session, counted(firm.engine) as sent:
        found = session.scalars(statement).all()
        assert unloaded(found)[2:4] == [("Boss", []), ("Client", [])]
        assert len(sent) == 2


@pytest.mark.feature("INH05")
def test_batches_of_keys_are_sent_when_there_are_many_rows(engine: Any) -> None:
    q = make({"polymorphic_load": "selectin"}, {})
    q.Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([q.Worker(job=str(i)) for i in range(1200)])
        session.commit()

    with Session(engine) as session, counted(engine) as sent:
        found = session.scalars(select(q.Person).order_by(q.Person.id)).all()
        assert [one.job for one in found] == [str(i) for i in range(1200)]
        assert len(sent) == 4
