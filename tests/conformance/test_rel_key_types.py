"""Foreign keys without a type of their own: they take the type of what they refer to, hooks and all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import ForeignKey, Integer, String, TypeDecorator, _core, select, text
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload


class Marked(TypeDecorator[str]):
    """Stores a text behind a mark."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else f"K{value}"

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else value[1:]


class Base(DeclarativeBase):
    pass


class Child(Base):  # before Parent: the type arrives when the class is mapped already
    __tablename__ = "typed_child"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    parent_id: Mapped[str] = mapped_column(ForeignKey("typed_parent.id"))
    number: Mapped[int] = mapped_column(ForeignKey("typed_number.id"))


class Younger(Child):
    """Of the same table."""


class Parent(Base):
    __tablename__ = "typed_parent"
    id: Mapped[str] = mapped_column(Marked(20), primary_key=True)
    children: Mapped[list[Child]] = relationship(Child, order_by=Child.id)


class Number(Base):
    __tablename__ = "typed_number"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    children: Mapped[list[Child]] = relationship(Child, order_by=Child.id)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        made.add_all([Number(id=1), Number(id=2)])
        made.add(Parent(id="a", children=[Child(id=1, number=1), Child(id=2, number=2)]))
        made.commit()
        yield made


def test_the_hooks_of_the_arrived_type_are_called(session: Session) -> None:
    assert session.execute(text("SELECT DISTINCT parent_id FROM typed_child")).all() == [("Ka",)]
    assert session.scalars(select(Child.parent_id)).all() == ["a", "a"]
    assert session.scalars(select(Child.id).where(Child.parent_id == "a").order_by(Child.id)).all() == [1, 2]
    assert session.scalars(select(Younger.id).where(Younger.parent_id.in_(["a", "b"]))).all() == [1, 2]
    session.expunge_all()
    assert [child.parent_id for child in session.scalars(select(Child))] == ["a", "a"]


def test_rows_find_their_parents_when_the_type_arrived(session: Session) -> None:
    session.expunge_all()
    (parent,) = session.scalars(select(Parent).options(selectinload(Parent.children)))
    assert [child.id for child in parent.children] == [1, 2]


def test_whole_numbers_are_read_without_an_object_when_the_type_arrived(session: Session) -> None:
    session.expunge_all()
    before = _core._counters()["load_many_by_object"]
    numbers = session.scalars(select(Number).order_by(Number.id).options(selectinload(Number.children))).all()
    assert [[child.id for child in number.children] for number in numbers] == [[1], [2]]
    assert _core._counters()["load_many_by_object"] == before
    session.expunge_all()
    session.scalars(select(Parent).options(selectinload(Parent.children))).all()
    assert _core._counters()["load_many_by_object"] == before + 2
