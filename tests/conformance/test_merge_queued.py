"""merge() of objects whose dynamic or write-only collection was changed."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import ForeignKey, String, event, exc, select
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, DynamicMapped, Mapped, Session, WriteOnlyMapped, mapped_column, relationship
from pyorm.orm.exc import DetachedInstanceError


class Base(DeclarativeBase):
    pass


class Shelf(Base):
    __tablename__ = "shelf"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(String(10))
    books: DynamicMapped[Book] = relationship(order_by="Book.id")
    maps: WriteOnlyMapped[Map] = relationship(order_by="Map.id", passive_deletes=True)


class Book(Base):
    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    shelf_id: Mapped[int | None] = mapped_column(ForeignKey("shelf.id"))
    name: Mapped[str | None] = mapped_column(String(10))


class Map(Base):
    __tablename__ = "map"

    id: Mapped[int] = mapped_column(primary_key=True)
    shelf_id: Mapped[int | None] = mapped_column(ForeignKey("shelf.id"))
    name: Mapped[str | None] = mapped_column(String(10))


KINDS = [("books", Book), ("maps", Map)]


@pytest.fixture
def shelves(engine: Engine) -> Engine:
    """Shelf 1 with books 1 and 2 and maps 1 and 2."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        shelf = Shelf(id=1, name="old")
        shelf.books = [Book(id=1, name="a"), Book(id=2, name="b")]  # type: ignore[assignment]  # as documented
        shelf.maps = [Map(id=1, name="a"), Map(id=2, name="b")]  # type: ignore[assignment]  # as documented
        session.add(shelf)
    return engine


def rows(session: Session, cls: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.execute(select(cls.id, cls.shelf_id, cls.name).order_by(cls.id))]


@pytest.mark.parametrize(("key", "cls"), KINDS)
def test_collection_stays_when_it_was_not_changed(shelves: Engine, key: str, cls: Any) -> None:
    with Session(shelves) as session:
        merged = session.merge(Shelf(id=1, name="new"))
        session.flush()

        assert merged.name == "new"
        assert rows(session, cls) == [(1, 1, "a"), (2, 1, "b")]


@pytest.mark.parametrize(("key", "cls"), KINDS)
def test_members_come_along_when_the_object_is_new(shelves: Engine, key: str, cls: Any) -> None:
    with Session(shelves) as session:
        given = Shelf(id=5, **{key: [cls(id=1, name="moved"), cls(id=7, name="new")]})
        session.merge(given)
        session.flush()

        assert rows(session, cls) == [(1, 5, "moved"), (2, 1, "b"), (7, 5, "new")]


@pytest.mark.parametrize("members", [[], [2], [2, 8]])
def test_dynamic_collection_is_replaced_when_the_object_is_known(shelves: Engine, members: list[int]) -> None:
    with Session(shelves) as session:
        merged = session.merge(Shelf(id=1, books=[Book(id=n, name="given") for n in members]))
        session.flush()

        assert [book.id for book in merged.books] == members
        assert all(book.name == "given" for book in merged.books)
        assert session.get_one(Book, 1).shelf_id is None


@pytest.mark.parametrize("members", [[], [2]])
def test_write_only_collection_is_not_replaced(shelves: Engine, members: list[int]) -> None:
    refusal = pytest.raises(exc.InvalidRequestError, match="collection replacement operations can't be used")
    with Session(shelves) as session, refusal:
        session.merge(Shelf(id=1, maps=[Map(id=n) for n in members]))


@pytest.mark.parametrize("change", ["add", "remove"])
@pytest.mark.parametrize(("key", "cls"), KINDS)
def test_change_of_a_detached_object_is_refused_as_the_rest_cannot_be_loaded(
    shelves: Engine, key: str, cls: Any, change: str
) -> None:
    with Session(shelves, expire_on_commit=False) as session:
        shelf, first = session.get_one(Shelf, 1), session.get_one(cls, 1)
        getattr(getattr(shelf, key), change)(cls(id=9) if change == "add" else first)
        session.expunge_all()

    with Session(shelves) as session:
        if key == "books":
            with pytest.raises(DetachedInstanceError, match="lazy load operation of attribute 'books' cannot proceed"):
                session.merge(shelf)
        else:
            with pytest.raises(exc.InvalidRequestError, match=r"Shelf.maps can't load the existing state"):
                session.merge(shelf)
        session.rollback()
        assert rows(session, cls) == [(1, 1, "a"), (2, 1, "b")]


@pytest.mark.parametrize(("key", "cls"), KINDS)
def test_nothing_is_asked_when_load_is_false(shelves: Engine, key: str, cls: Any) -> None:
    with Session(shelves, expire_on_commit=False) as session:
        shelf = session.get_one(Shelf, 1)
        session.expunge(shelf)
    sent: list[str] = []
    event.listen(shelves, "before_cursor_execute", lambda c, cursor, statement, *_: sent.append(statement))

    with Session(shelves) as session:
        merged = session.merge(shelf, load=False)

        assert sent == []
        assert merged is not shelf and merged.name == "old"
