"""Mapped classes that are dataclasses, and existing dataclasses that are mapped; both databases."""

from __future__ import annotations

import dataclasses
from dataclasses import InitVar
from typing import ClassVar

import pytest

from pyorm import Column, Integer, String, exc, literal, select
from pyorm.engine import Engine
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    column_property,
    mapped_as_dataclass,
    mapped_column,
    registry,
    synonym,
    unmapped_dataclass,
)


class Base(MappedAsDataclass, DeclarativeBase):
    """Base of dataclasses."""


class Stamped(MappedAsDataclass):
    """A mixin with a column."""

    created: Mapped[int] = mapped_column(default=1, kw_only=True)


class Book(Stamped, Base):
    """Every kind of field."""

    __tablename__ = "books"
    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    name: Mapped[str]
    full: Mapped[str | None] = mapped_column(default=None)
    tags: Mapped[str] = mapped_column(default_factory=lambda: "t", repr=False)
    shelf: Mapped[int] = mapped_column(insert_default=9, init=False)
    rank: Mapped[int] = mapped_column(default=6, init=False, hash=False, dataclass_metadata={"unit": "none"})
    row: Mapped[int] = mapped_column(default=3, kw_only=True, compare=False)
    note: str | None = None
    shared: ClassVar[int] = 3
    secret: InitVar[str | None] = None
    title: Mapped[str] = synonym("name", init=False)
    five: Mapped[int] = column_property(literal(5), init=False)

    def __post_init__(self, secret: str | None) -> None:
        self.hidden = secret


class Plain(DeclarativeBase):
    """A base of no dataclasses."""


@pytest.fixture
def s(engine: Engine):
    """A session on the tables."""
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session


class TestMappedAsDataclass:
    @pytest.mark.feature("DECL13")
    def test_options_make_the_methods(self) -> None:
        reg = registry()

        @reg.mapped_as_dataclass(unsafe_hash=True, repr=False)
        class Hashed:
            __tablename__ = "hashed"
            id: Mapped[int] = mapped_column(init=False, primary_key=True)
            x: Mapped[int]

        @mapped_as_dataclass(reg, kw_only=True, eq=False, order=False)
        class Words:
            __tablename__ = "words"
            id: Mapped[int] = mapped_column(primary_key=True)
            x: Mapped[int]

        class Bare(Base, init=False):
            __tablename__ = "bare"
            id: Mapped[int] = mapped_column(primary_key=True)

        assert hash(Hashed(1)) == hash(Hashed(1)) and Hashed(1) == Hashed(1) and "x=1" not in repr(Hashed(1))
        assert repr(Words(x=1, id=2)).endswith("Words(id=2, x=1)") and Words(x=1, id=2) != Words(x=1, id=2)
        with pytest.raises(TypeError, match="positional"):
            Words(1, 2)
        assert Bare(id=3).id == 3 and dataclasses.is_dataclass(Bare)
        assert Book("a") == Book("a") and Book("a") != Book("b")

    @pytest.mark.feature("DECL14")
    def test_fields_have_the_options_of_their_attributes(self, s: Session) -> None:
        book = Book("a", row=4, secret="p", created=7)
        assert repr(book) == (
            "Book(created=7, id=None, name='a', full=None, shelf=None, rank=6, row=4, note=None, title='a', five=None)"
        )
        assert (book.tags, book.hidden, book.shared) == ("t", "p", 3)
        assert Book("a", row=1) == Book("a", row=2)
        fields = {field.name: field for field in dataclasses.fields(Book)}
        assert list(fields)[:4] == ["created", "id", "name", "full"] and fields["rank"].hash is False
        assert fields["rank"].metadata["unit"] == "none"
        for wrong in ({"id": 3}, {"rank": 1}, {"other": 1}):
            with pytest.raises(TypeError, match="unexpected keyword"):
                Book("a", **wrong)
        with pytest.raises(TypeError, match="missing 1 required"):
            Book()
        s.add(book)
        s.commit()
        assert (book.shelf, book.rank, book.five) == (9, 6, 5)

    def test_loaded_objects_are_made_without_init(self, s: Session) -> None:
        s.add(Book("a", full="f"))
        s.commit()
        s.expunge_all()
        book = s.scalars(select(Book)).one()
        assert (book.name, book.full, book.tags, book.created, book.title) == ("a", "f", "t", 1, "a")
        assert not hasattr(book, "hidden")

    def test_a_mixin_by_decorator(self) -> None:
        @unmapped_dataclass
        class Mixin:
            q: Mapped[int] = mapped_column(default=1)

        class Mixed(Mixin, Base):
            __tablename__ = "mixed"
            id: Mapped[int] = mapped_column(primary_key=True, kw_only=True)

        assert (Mixed(id=1).q, Mixed(5, id=1).q) == (1, 5)

    def test_refusals(self) -> None:
        with pytest.raises(exc.InvalidRequestError, match="non-default argument 'x' follows default"):

            class Order(Base):
                __tablename__ = "order"
                id: Mapped[int] = mapped_column(primary_key=True, default=None)
                x: Mapped[int]

        class Mixin:
            q: Mapped[int] = mapped_column(default=1)

        with pytest.raises(exc.InvalidRequestError, match=r"attribute\(s\) 'q' originates from superclass"):

            class Mixed(Mixin, Base):
                __tablename__ = "mixed_badly"
                id: Mapped[int] = mapped_column(primary_key=True)

        with pytest.raises(exc.ArgumentError, match=r"includes dataclasses argument\(s\): 'init'"):

            class NoDataclass(Plain):
                __tablename__ = "no_dataclass"
                id: Mapped[int] = mapped_column(primary_key=True, init=False)


def test_an_existing_dataclass_says_in_its_fields_what_is_mapped(engine: Engine) -> None:
    reg = registry()

    @reg.mapped
    @dataclasses.dataclass
    class Old:
        __tablename__ = "old"
        __sa_dataclass_metadata_key__ = "sa"
        id: int = dataclasses.field(init=False, metadata={"sa": mapped_column(Integer, primary_key=True)})
        name: str | None = dataclasses.field(default=None, metadata={"sa": Column("name", String(5))})
        extra: int = 4

    reg.metadata.create_all(engine)
    with Session(engine) as s:
        s.add(Old("q"))
        s.commit()
        found = s.scalars(select(Old).where(Old.name == "q")).one()
        assert (found.id, found.name, found.extra) == (1, "q", 4) and Old.__table__.c.keys() == ["id", "name"]
