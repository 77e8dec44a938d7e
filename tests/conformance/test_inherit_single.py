"""Single-table inheritance: one table, a discriminator, and rows that become instances of the right class."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pyorm import Column, Integer, String, delete, event, exc, func, inspect, select, update
from pyorm.orm import Session, aliased, declarative_base, mapped_column
from tests.conformance.inherit import make_models
from tests.conformance.loading import counted


@pytest.fixture
def zoo(engine: Any) -> Iterator[SimpleNamespace]:
    """The classes, with an animal, two dogs, a puppy and a cat in the table."""
    q = make_models()
    q.Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(
            [
                q.Animal(name="a"), q.Dog(name="d", bark="wuff"), q.Puppy(name="p", bark="wau", toy="ball"),
                q.Cat(name="c", lives=7), q.Dog(name="e"),
            ]
        )  # fmt: skip
        session.commit()
    q.engine = engine
    yield q
    q.Base.registry.dispose()


@pytest.mark.feature("INH01")
def test_rows_become_instances_of_their_class_when_the_base_is_selected(zoo: Any) -> None:
    with Session(zoo.engine) as session:
        found = session.scalars(select(zoo.Animal).order_by(zoo.Animal.id)).all()

        assert [type(a) for a in found] == [zoo.Animal, zoo.Dog, zoo.Puppy, zoo.Cat, zoo.Dog]
        assert [a.kind for a in found] == ["animal", "dog", "puppy", "cat", "dog"]
        assert found[2].toy == "ball" and found[3].lives == 7 and found[4].bark is None


@pytest.mark.feature("INH01")
def test_only_rows_of_the_class_are_found_when_a_subclass_is_asked_for(zoo: Any) -> None:
    with Session(zoo.engine) as session:
        other = aliased(zoo.Dog)
        dogs = session.scalars(select(zoo.Dog).order_by(zoo.Dog.id)).all()

        assert [type(d) for d in dogs] == [zoo.Dog, zoo.Puppy, zoo.Dog]
        assert session.scalars(select(zoo.Dog.name).order_by(zoo.Dog.id)).all() == ["d", "p", "e"]
        assert session.scalar(select(func.count()).select_from(zoo.Cat)) == 1
        assert session.scalar(select(func.count(other.id))) == 3
        assert session.scalars(select(zoo.Animal.name).join(other, other.id == zoo.Animal.id)).all()[-1] == "e"
        assert session.get(zoo.Dog, 4) is None and session.get(zoo.Cat, 4).lives == 7
        assert session.query(zoo.Puppy).count() == 1


@pytest.mark.feature("INH01")
def test_criterion_stays_in_on_when_the_join_is_outer(zoo: Any) -> None:
    with Session(zoo.engine) as session:
        pairs = session.execute(
            select(zoo.Cat.name, zoo.Cat.lives).select_from(zoo.Cat)
        ).all()
        named = aliased(zoo.Cat)
        rows = session.execute(
            select(zoo.Animal.name, named.lives).outerjoin(named, named.id == zoo.Animal.id).order_by(zoo.Animal.id)
        ).all()

    assert pairs == [("c", 7)]
    assert rows == [("a", None), ("d", None), ("p", None), ("c", 7), ("e", None)]


@pytest.mark.feature("INH01")
def test_update_and_delete_are_restricted_when_they_are_of_a_subclass(zoo: Any) -> None:
    with Session(zoo.engine) as session:
        puppy = session.get(zoo.Puppy, 3)
        changed = session.execute(update(zoo.Dog).values(bark="x")).rowcount
        gone = session.execute(delete(zoo.Cat)).rowcount
        left = session.scalars(select(zoo.Animal.name).order_by(zoo.Animal.id)).all()

        assert (changed, gone) == (3, 1)
        assert left == ["a", "d", "p", "e"]
        assert puppy.bark == "x"


@pytest.mark.feature("INH01")
def test_compiled_statement_is_made_again_when_a_subclass_comes_late(zoo: Any) -> None:
    with Session(zoo.engine) as session:
        before = len(session.scalars(select(zoo.Cat)).all())

        class Lion(zoo.Cat):
            __mapper_args__ = {"polymorphic_identity": "lion"}

        session.add(Lion(name="l", lives=1))
        session.flush()
        after = session.scalars(select(zoo.Cat).order_by(zoo.Cat.id)).all()

        assert before == 1 and [type(c) for c in after] == [zoo.Cat, Lion]


@pytest.mark.feature("INH09")
def test_columns_of_a_subclass_come_with_one_statement_when_one_is_read(zoo: Any) -> None:
    with Session(zoo.engine) as session, counted(zoo.engine) as sent:
        puppy = session.scalars(select(zoo.Animal).where(zoo.Animal.id == 3)).one()
        unloaded = inspect(puppy).expired_attributes
        values = puppy.toy, puppy.bark

    assert unloaded == {"toy", "bark"} and values == ("ball", "wau")
    assert len(sent) == 2 and "animal.name" not in sent[1]


def test_discriminator_is_set_before_init_when_an_instance_is_made(zoo: Any) -> None:
    seen = []

    class Wolf(zoo.Dog):
        __mapper_args__ = {"polymorphic_identity": "wolf"}

        def __init__(self, **kw: Any) -> None:
            seen.append(self.kind)
            super().__init__(**kw)

    puppy = zoo.Puppy()
    assert puppy.kind == "puppy" and inspect(puppy).dict["kind"] == "puppy"
    assert zoo.Dog(kind="cat").kind == "cat"
    assert Wolf(name="w").kind == "wolf" and seen == ["wolf"]
    assert zoo.Dog.__new__(zoo.Dog).kind is None


def test_listeners_hear_of_the_instances_class_when_rows_are_loaded(zoo: Any) -> None:
    heard = []
    event.listen(zoo.Puppy, "load", lambda target, context: heard.append(target.name))
    event.listen(zoo.Animal, "load", lambda target, context: heard.append(type(target)), propagate=True)
    with Session(zoo.engine) as session:
        session.scalars(select(zoo.Animal).order_by(zoo.Animal.id)).all()

    assert "p" in heard and heard.count(zoo.Dog) == 2 and zoo.Puppy in heard


@pytest.mark.feature("INH07")
def test_column_is_shared_when_siblings_ask_for_the_existing_one(engine: Any) -> None:
    Base: Any = declarative_base()

    class Event(Base):
        __tablename__ = "event"
        id = mapped_column(Integer, primary_key=True)
        kind = mapped_column(String(10))
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "event"}

    class Talk(Event):
        place = mapped_column(String(10), use_existing_column=True)
        __mapper_args__ = {"polymorphic_identity": "talk"}

    class Walk(Event):
        place = mapped_column(String(10), use_existing_column=True)
        __mapper_args__ = {"polymorphic_identity": "walk"}

    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Talk(place="x"), Walk(place="y")])
        session.commit()
        found = session.scalars(select(Walk)).one().place

    assert Event.__table__.c.keys() == ["id", "kind", "place"] and found == "y"
    assert not hasattr(Event, "place")


@pytest.mark.feature("INH07")
def test_conflicting_column_is_refused_when_it_is_not_asked_for(engine: Any) -> None:
    q = make_models()

    with pytest.raises(exc.ArgumentError, match=r"Column 'name' on class Bird conflicts with existing column 'animal"):
        type("Bird", (q.Animal,), {"name": Column(Integer), "__mapper_args__": {"polymorphic_identity": "b"}})
    with pytest.raises(exc.ArgumentError, match="Can't place primary key columns on an inherited class with no table"):
        type("Bee", (q.Animal,), {"key": Column(Integer, primary_key=True)})


@pytest.mark.feature("INH11")
def test_row_says_why_it_is_no_instance_when_its_identity_is_wrong(zoo: Any) -> None:
    table = zoo.Animal.__table__
    with Session(zoo.engine) as session:
        session.execute(update(table).where(table.c.id == 1).values(kind="mouse"))
        session.execute(update(table).where(table.c.id == 2).values(kind=None))
        with pytest.raises(AssertionError, match="No such polymorphic_identity 'mouse' is defined"):
            session.get(zoo.Animal, 1)
        with pytest.raises(exc.InvalidRequestError, match=r"column 'animal.kind' is NULL"):
            session.get(zoo.Animal, 2)
