"""Joined-table inheritance: what a class adds lies in a table of its own."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pyorm import Column, ForeignKey, ForeignKeyConstraint, Integer, String, exc, func, inspect, select, text
from pyorm.orm import Session, aliased, declarative_base, relationship, with_polymorphic
from pyorm.orm.exc import StaleDataError
from tests.conformance.inherit import make_models
from tests.conformance.loading import counted


@pytest.fixture
def firm(engine: Any) -> Iterator[SimpleNamespace]:
    """The classes, with two persons, a worker, a boss, a client and a temp in the tables (ids 1 to 6)."""
    q = make_models()
    q.Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(
            [
                q.Person(name="p"), q.Worker(name="w", job="digs"), q.Boss(name="b", job="talks", car="red"),
                q.Client(name="c", debt=5), q.Temp(name="t", job="waits", agency="x"), q.Person(name="z"),
            ]
        )  # fmt: skip
        session.commit()
    q.engine = engine
    yield q
    q.Base.registry.dispose()


def verbs(sent: list[str]) -> list[str]:
    """Return verb and table of each statement that writes."""
    words = [one.replace('"', "").split() for one in sent if not one.startswith("SELECT")]
    return [f"{w[0]} {w[1] if w[0] == 'UPDATE' else w[2]}" for w in words]


@pytest.mark.feature("INH02")
def test_rows_of_the_root_stand_in_the_order_of_add_when_classes_are_mixed(firm: Any) -> None:
    with Session(firm.engine) as session, counted(firm.engine) as sent:
        session.add_all([firm.Boss(name="1"), firm.Person(name="2"), firm.Client(name="3"), firm.Worker(name="4")])
        session.flush()
        found = session.execute(select(firm.Person.name).where(firm.Person.id > 6).order_by(firm.Person.id)).scalars()

        assert list(found) == ["1", "2", "3", "4"]
    inserts = verbs(sent)
    assert list(dict.fromkeys(inserts)) == ["INSERT person", "INSERT worker", "INSERT client", "INSERT boss"]


@pytest.mark.feature("INH02")
def test_only_the_changed_table_is_written_when_an_attribute_is_set(firm: Any) -> None:
    with Session(firm.engine) as session:
        boss = session.get(firm.Boss, 3)
        with counted(firm.engine) as sent:
            boss.car = "blue"
            session.flush()
            boss.name = "B"
            session.flush()
            boss.name, boss.job, boss.car = "x", "y", "z"
            session.flush()
            session.delete(boss)
            session.flush()

    assert verbs(sent) == [
        "UPDATE boss", "UPDATE person", "UPDATE person", "UPDATE worker", "UPDATE boss",
        "DELETE boss", "DELETE worker", "DELETE person",
    ]  # fmt: skip


@pytest.mark.feature("INH02")
def test_joined_class_is_read_from_its_tables_when_it_is_selected(firm: Any) -> None:
    with Session(firm.engine) as session:
        workers = session.scalars(select(firm.Worker).order_by(firm.Worker.id)).all()
        names = session.scalars(select(firm.Boss.name)).all()
        cars = session.scalars(select(firm.Boss).where(firm.Boss.job == "talks", firm.Boss.name == "b")).one().car

        assert [type(w) for w in workers] == [firm.Worker, firm.Boss, firm.Temp]
        assert [w.job for w in workers] == ["digs", "talks", "waits"]
        assert (names, cars) == (["b"], "red")
        assert session.scalar(select(func.count(firm.Worker.id))) == 3
        assert session.scalar(select(func.count()).select_from(firm.Temp)) == 1
        assert session.get(firm.Worker, 4) is None and session.get(firm.Person, 4).debt == 5


@pytest.mark.feature("INH02")
@pytest.mark.parametrize("flat", [True, False])
def test_alias_reads_all_tables_when_the_class_is_joined(firm: Any, flat: bool) -> None:
    with Session(firm.engine) as session:
        other = aliased(firm.Boss, flat=flat)
        temp = aliased(firm.Temp, flat=flat)
        pairs = session.execute(select(firm.Person.name, other.car).join(other, other.id == firm.Person.id)).all()

        assert session.scalars(select(other)).one().job == "talks"
        assert session.scalars(select(temp)).one().agency == "x"
        assert pairs == [("b", "red")]


@pytest.mark.feature("INH09")
def test_columns_of_subclasses_come_from_their_tables_alone_when_one_is_read(firm: Any) -> None:
    with Session(firm.engine) as session:
        people = {p.id: p for p in session.scalars(select(firm.Person))}
        unloaded = {p.id: inspect(p).expired_attributes for p in people.values()}
        with counted(firm.engine) as sent:
            read = people[3].car, people[3].job, people[4].debt, people[5].agency

    assert unloaded[3] == {"car", "job"} and unloaded[1] == set()
    assert read == ("red", "talks", 5, "x")
    assert len(sent) == 3 and not any("person" in one for one in sent)


@pytest.mark.feature("INH02")
def test_expired_instance_is_refreshed_from_all_tables_when_it_is_read(firm: Any) -> None:
    with Session(firm.engine) as session:
        boss = session.get(firm.Person, 3)
        session.expire(boss)
        with counted(firm.engine) as sent:
            assert (boss.name, boss.job, boss.car) == ("b", "talks", "red")
        session.refresh(boss)

        assert len(sent) == 1 and boss.car == "red"


@pytest.mark.feature("INH05")
def test_subclasses_come_in_one_statement_when_with_polymorphic_asks_for_them(firm: Any) -> None:
    with Session(firm.engine) as session, counted(firm.engine) as sent:
        every = with_polymorphic(firm.Person, "*")
        some = with_polymorphic(firm.Person, [firm.Boss], flat=True)
        found = session.scalars(select(every).order_by(every.id)).all()
        values = [found[2].car, found[1].job, found[3].debt, found[4].agency]
        session.expunge_all()
        bosses = session.scalars(select(some).where(some.Boss.car == "red")).all()
        car = bosses[0].car

    assert values == ["red", "digs", 5, "x"] and car == "red"
    assert len(sent) == 2


@pytest.mark.feature("INH11")
def test_row_is_refused_when_its_identity_is_of_another_branch(firm: Any) -> None:
    with Session(firm.engine) as session:
        session.execute(text("update person set kind = 'client' where id = 3"))
        with pytest.raises(
            exc.InvalidRequestError, match=r"refers to Mapper\[Client\(client\)\], which is not a sub-map"
        ):
            session.scalars(select(firm.Boss)).all()


def test_identity_is_the_roots_when_a_subclass_is_asked_for(firm: Any) -> None:
    with Session(firm.engine) as session:
        boss = session.get(firm.Boss, 3)

        assert inspect(boss).key == (firm.Person, (3,), None)
        assert session.get(firm.Person, 3) is boss and session.get(firm.Worker, 3) is boss
        assert session.get(firm.Client, 3) is None


def test_row_is_taken_over_in_all_tables_when_it_is_deleted_and_added(firm: Any) -> None:
    with Session(firm.engine) as session:
        session.delete(session.get(firm.Worker, 2))
        session.add(firm.Worker(id=2, name="new", job="sings"))
        with counted(firm.engine) as sent:
            session.commit()

        assert verbs(sent) == ["UPDATE person", "UPDATE worker"]
        assert session.get(firm.Worker, 2).job == "sings"


def test_flush_that_fails_leaves_the_instances_pending_when_a_later_table_refuses(firm: Any) -> None:
    class Strict(firm.Person):
        __tablename__ = "strict"
        id = Column(ForeignKey("person.id"), primary_key=True)
        must = Column(Integer, nullable=False)
        __mapper_args__ = {"polymorphic_identity": "strict"}

    Strict.__table__.create(firm.engine)
    with Session(firm.engine) as session:
        boss, strict = firm.Boss(name="n", job="j", car="c"), Strict(name="s")
        session.add_all([boss, strict])
        with pytest.raises(exc.IntegrityError) as caught:
            session.flush()
        session.rollback()

        assert caught.value.instances == (strict,)
        assert boss.id is None and strict.id is None and boss.car == "c"
        assert inspect(boss).transient
        strict.must = 1
        session.add_all([boss, strict])
        session.commit()
        assert session.scalar(select(func.count(firm.Person.id))) == 8


@pytest.mark.feature("INH02")
def test_version_of_the_root_is_counted_when_a_subtable_changes(engine: Any) -> None:
    Base: Any = declarative_base()

    class Doc(Base):
        __tablename__ = "doc"
        id = Column(Integer, primary_key=True)
        v = Column(Integer, nullable=False)
        title = Column(String(10))
        __mapper_args__ = {"version_id_col": v}

    class Book(Doc):
        __tablename__ = "book"
        id = Column(ForeignKey("doc.id"), primary_key=True)
        pages = Column(Integer)

    Base.metadata.create_all(engine)
    with Session(engine) as session:
        book = Book(title="t", pages=1)
        session.add(book)
        session.commit()
        with counted(engine) as sent:
            book.pages = 2
            session.flush()
        assert verbs(sent) == ["UPDATE doc", "UPDATE book"] and book.v == 2
        session.commit()
        assert book.v == 2
        session.execute(text("update doc set v = 9"))
        book.pages = 3
        with pytest.raises(StaleDataError):
            session.flush()


def test_key_of_another_name_is_copied_when_a_row_is_inserted(engine: Any) -> None:
    Base: Any = declarative_base()

    class Thing(Base):
        __tablename__ = "thing"
        a = Column(Integer, primary_key=True, autoincrement=False)
        b = Column(Integer, primary_key=True, autoincrement=False)
        kind = Column(String(5))
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "thing"}

    class Tool(Thing):
        __tablename__ = "tool"
        y = Column(Integer, primary_key=True)
        x = Column(Integer, primary_key=True)
        size = Column(Integer)
        __table_args__ = (ForeignKeyConstraint(["x", "y"], ["thing.a", "thing.b"]),)
        __mapper_args__ = {"polymorphic_identity": "tool"}

    Base.metadata.create_all(engine)
    with Session(engine) as session:
        tool = Tool(a=1, b=2, size=5)
        session.add(tool)
        session.commit()

        assert (tool.x, tool.y, tool.size) == (1, 2, 5)
        tool.size = 6
        session.commit()
        session.expunge_all()
        again = session.get(Thing, (1, 2))
        with counted(engine) as sent:
            assert again.size == 6
        assert len(sent) == 1 and "thing" not in sent[0]
        session.delete(again)
        session.commit()
        assert session.scalar(select(func.count(Thing.a))) == 0


@pytest.mark.feature("INH10")
def test_tables_are_joined_as_told_when_there_are_several_ways(engine: Any) -> None:
    Base: Any = declarative_base()

    class Part(Base):
        __tablename__ = "part"
        id = Column(Integer, primary_key=True)

    with pytest.raises(exc.AmbiguousForeignKeysError, match="inheriting table 'wheel'; tables have more than one"):

        class Wheel(Part):
            __tablename__ = "wheel"
            id = Column(ForeignKey("part.id"), primary_key=True)
            spare_id = Column(ForeignKey("part.id"))

    class Door(Part):
        __tablename__ = "door"
        id = Column(ForeignKey("part.id"), primary_key=True)
        spare_id = Column(ForeignKey("part.id"))
        __mapper_args__ = {"inherit_condition": id == Part.id}

    class Seat(Part):
        __tablename__ = "seat"
        id = Column(Integer, primary_key=True)
        soft = Column(Integer)
        __mapper_args__ = {"inherit_condition": id == Part.id, "inherit_foreign_keys": id}

    with pytest.raises(exc.NoForeignKeysError, match=r"please ensure|Please ensure the inheriting table has a foreign"):

        class Lamp(Part):
            __tablename__ = "lamp"
            id = Column(Integer, primary_key=True)

    for name in ("part", "door", "seat"):
        Base.metadata.tables[name].create(engine)
    with Session(engine) as session:
        session.add_all([Door(), Seat(soft=1)])
        session.commit()
        assert session.scalars(select(Door)).one().id == 1
        assert session.scalars(select(Seat)).one().soft == 1


def test_mapper_tells_of_its_hierarchy_when_it_is_inspected(firm: Any) -> None:
    person, worker, boss, client, temp = (
        inspect(c) for c in (firm.Person, firm.Worker, firm.Boss, firm.Client, firm.Temp)
    )

    assert boss.inherits is worker and boss.base_mapper is person and boss.isa(person) and not boss.isa(client)
    assert list(boss.iterate_to_root()) == [boss, worker, person]
    assert person.self_and_descendants == (person, worker, client, boss, temp)
    assert list(worker.polymorphic_iterator()) == [worker, boss, temp]
    assert person.polymorphic_map == {
        "person": person, "worker": worker, "boss": boss, "client": client, "temp": temp,
    }  # fmt: skip
    assert [t.name for t in boss.tables] == ["person", "worker", "boss"] and temp.single and not boss.single
    assert (
        str(boss.persist_selectable) == "person JOIN worker ON person.id = worker.id JOIN boss ON worker.id = boss.id"
    )
    assert boss.local_table.name == "boss" and temp.local_table.name == "worker" and boss.common_parent(client)
    assert [p.key for p in boss.column_attrs] == ["id", "name", "kind", "job", "car"]
    assert [str(c) for c in firm.Boss.id.property.columns] == ["boss.id", "worker.id", "person.id"]
    assert boss.primary_key == (firm.Person.__table__.c.id,) and boss.polymorphic_identity == "boss"


@pytest.mark.feature("INH02")
def test_foreign_key_of_a_further_table_is_written_afterwards_when_two_rows_refer_to_each_other(engine: Any) -> None:
    Base: Any = declarative_base()

    class Person(Base):
        __tablename__ = "person"
        id = Column(Integer, primary_key=True)
        kind = Column(String(10))
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "person"}

    class Worker(Person):
        __tablename__ = "worker"
        id = Column(ForeignKey("person.id"), primary_key=True)
        boss_id = Column(ForeignKey("worker.id"))
        boss = relationship("Worker", foreign_keys=boss_id, remote_side=id, post_update=True)
        __mapper_args__ = {"polymorphic_identity": "worker"}

    class Chief(Worker):
        __tablename__ = "chief"
        id = Column(ForeignKey("worker.id"), primary_key=True)
        __mapper_args__ = {"polymorphic_identity": "chief"}

    Base.metadata.create_all(engine)
    with Session(engine) as session:
        first, second = Worker(), Chief()
        first.boss, second.boss = second, first
        session.add_all([first, second])
        session.commit()
        assert (first.boss_id, second.boss_id) == (second.id, first.id)

        session.delete(first)
        session.delete(second)
        session.commit()
        assert session.scalar(select(func.count()).select_from(Person)) == 0


@pytest.mark.feature("INH08")
def test_nothing_is_sent_when_the_session_has_the_joined_instance_that_is_referred_to(engine: Any) -> None:
    Base: Any = declarative_base()

    class Person(Base):
        __tablename__ = "person"
        id = Column(Integer, primary_key=True)
        kind = Column(String(10))
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "person"}

    class Worker(Person):
        __tablename__ = "worker"
        id = Column(ForeignKey("person.id"), primary_key=True)
        __mapper_args__ = {"polymorphic_identity": "worker"}

    class Tool(Base):
        __tablename__ = "tool"
        id = Column(Integer, primary_key=True)
        worker_id = Column(ForeignKey("worker.id"))
        worker = relationship(Worker)

    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Tool(worker=Worker()))
        session.commit()
        session.expunge_all()
        worker, tool = session.scalars(select(Worker)).one(), session.scalars(select(Tool)).one()
        with counted(engine) as sent:
            assert tool.worker is worker
        assert sent == []
