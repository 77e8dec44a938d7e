"""Loader options where classes inherit: relationships of subclasses, of_type(), with_polymorphic()."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, String, select
from pyorm.engine import Engine
from pyorm.orm import (
    Session,
    aliased,
    contains_eager,
    declarative_base,
    joinedload,
    lazyload,
    relationship,
    selectin_polymorphic,
    selectinload,
    with_polymorphic,
)
from tests.conformance.test_rel_loading import statements

Base: Any = declarative_base()


class Firm(Base):
    """A firm has people."""

    __tablename__ = "firms"
    id = Column(Integer, primary_key=True)
    people = relationship("Person", back_populates="firm", order_by="Person.id")


class Person(Base):
    """A person of a firm."""

    __tablename__ = "people"
    id = Column(Integer, primary_key=True)
    type = Column(String(20))
    firm_id = Column(ForeignKey("firms.id"))
    firm = relationship("Firm", back_populates="people")
    __mapper_args__ = {"polymorphic_on": type, "polymorphic_identity": "person"}


class Manager(Person):
    """A manager has papers."""

    __tablename__ = "managers"
    id = Column(ForeignKey("people.id"), primary_key=True)
    level = Column(Integer)
    papers = relationship("Paper", order_by="Paper.id")
    __mapper_args__ = {"polymorphic_identity": "manager"}


class Engineer(Person):
    """An engineer has machines; the slot of `machines` has the number of `papers`."""

    __tablename__ = "engineers"
    id = Column(ForeignKey("people.id"), primary_key=True)
    language = Column(String(20))
    machines = relationship("Machine", order_by="Machine.id")
    __mapper_args__ = {"polymorphic_identity": "engineer"}


class Paper(Base):
    """A manager's paper."""

    __tablename__ = "papers"
    id = Column(Integer, primary_key=True)
    owner_id = Column(ForeignKey("managers.id"))


class Machine(Base):
    """An engineer's machine."""

    __tablename__ = "machines"
    id = Column(Integer, primary_key=True)
    owner_id = Column(ForeignKey("engineers.id"))


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """Three firms, each with a manager, an engineer and another person."""
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        for n in range(1, 4):
            manager = Manager(id=10 * n, level=n, papers=[Paper(id=100 * n + k) for k in range(2)])
            engineer = Engineer(id=10 * n + 1, language="c", machines=[Machine(id=100 * n + k) for k in range(2)])
            made.add(Firm(id=n, people=[manager, engineer, Person(id=10 * n + 2)]))
        made.commit()
    with Session(engine) as made:
        yield made


def shown(firms: Any) -> dict[int, list[tuple[Any, ...]]]:
    out: dict[int, list[tuple[Any, ...]]] = {}
    for firm in firms:
        out[firm.id] = []
        for person in firm.people:
            more = getattr(person, "papers", getattr(person, "machines", []))
            special = getattr(person, "level", getattr(person, "language", None))
            out[firm.id].append((type(person).__name__, person.id, special, [one.id for one in more]))
    return out


EXPECTED = {
    n: [
        ("Manager", 10 * n, n, [100 * n, 100 * n + 1]),
        ("Engineer", 10 * n + 1, "c", [100 * n, 100 * n + 1]),
        ("Person", 10 * n + 2, None, []),
    ]
    for n in range(1, 4)
}
ALL = with_polymorphic(Person, "*", flat=True)
CASES: dict[str, tuple[Any, int]] = {  # options, and how many statements the reference takes
    "joined": (joinedload(Firm.people), 13),
    "selectin": (selectinload(Firm.people), 14),
    "joined all": (joinedload(Firm.people.of_type(ALL)), 7),
    "selectin all": (selectinload(Firm.people.of_type(ALL)), 8),
    "subclass named": (selectinload(Firm.people.of_type(Manager)), 11),
    "subclass joined": (joinedload(Firm.people.of_type(Manager)), 10),
    "selectin behind": (
        selectinload(Firm.people.of_type(ALL)).options(
            selectinload(ALL.Manager.papers), selectinload(ALL.Engineer.machines)
        ),
        4,
    ),
    "joined behind": (
        joinedload(Firm.people.of_type(ALL)).options(
            joinedload(ALL.Manager.papers), selectinload(ALL.Engineer.machines)
        ),
        2,
    ),
    "polymorphic": (selectinload(Firm.people).options(selectin_polymorphic(Person, [Manager, Engineer])), 10),
    "polymorphic behind": (
        selectinload(Firm.people).options(
            selectin_polymorphic(Person, [Manager, Engineer]),
            selectinload(Manager.papers),
            selectinload(Engineer.machines),
        ),
        6,
    ),
    "lazy": (lazyload(Firm.people).options(selectin_polymorphic(Person, [Manager, Engineer])), 16),
}


@pytest.mark.parametrize("case", CASES)
def test_firms(session: Session, case: str) -> None:
    option, most = CASES[case]
    statement = select(Firm).options(option).order_by(Firm.id)
    found, count = statements(session, lambda: shown(session.scalars(statement).unique()))
    assert found == EXPECTED
    assert count <= most


def test_subclasses_of_the_entity(session: Session) -> None:
    statement = (
        select(Person).options(selectinload(Manager.papers), selectinload(Engineer.machines)).order_by(Person.id)
    )
    people, count = statements(session, lambda: session.scalars(statement).all())
    assert count == 3
    found, later = statements(
        session, lambda: [[one.id for one in getattr(p, "papers", getattr(p, "machines", []))] for p in people[:3]]
    )
    assert (found, later) == ([[100, 101], [100, 101], []], 0)


def test_joined_along_a_subclass_of_with_polymorphic(session: Session) -> None:
    every = with_polymorphic(Person, "*")
    statement = select(every).options(joinedload(every.Manager.papers), joinedload(every.firm)).order_by(every.id)
    people, count = statements(session, lambda: session.scalars(statement).unique().all())
    found, later = statements(session, lambda: [(p.firm.id, len(getattr(p, "papers", []))) for p in people[:3]])
    assert (found, count, later) == ([(1, 2), (1, 0), (1, 0)], 1, 0)


def test_flat_alias(session: Session) -> None:
    boss = aliased(Manager, flat=True)
    statement = select(Firm).join(Firm.people.of_type(boss)).options(contains_eager(Firm.people.of_type(boss)))
    found, count = statements(
        session, lambda: {f.id: [p.level for p in f.people] for f in session.scalars(statement).unique()}
    )
    assert (found, count) == ({1: [1], 2: [2], 3: [3]}, 1)


def test_lazy_batches_are_of_one_relationship(session: Session) -> None:
    people = session.scalars(select(Person).order_by(Person.id)).all()
    found, count = statements(
        session, lambda: [len(getattr(p, "papers", getattr(p, "machines", []))) for p in people]
    )
    assert found == [2, 2, 0] * 3
    assert count <= 4
