"""Related rows of many parents: whole numbers without a gap are asked for as a range, others as a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from pyorm import ForeignKey, Integer, String, _core, create_engine, event, select, text
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    pass


class Shelf(Base):
    __tablename__ = "range_shelf"
    id: Mapped[int] = mapped_column(primary_key=True)
    books: Mapped[list[Book]] = relationship(back_populates="shelf", order_by="Book.id")


class Book(Base):
    __tablename__ = "range_book"
    id: Mapped[int] = mapped_column(primary_key=True)
    shelf_id: Mapped[int | None] = mapped_column(ForeignKey("range_shelf.id"), index=True)
    number: Mapped[int | None]
    shelf: Mapped[Shelf | None] = relationship(back_populates="books")


def number_or_text() -> Integer:
    """Return a type whose values are numbers in Python and texts in these databases."""
    return Integer().with_variant(String(5), "sqlite", "postgresql")


class Page(Base):
    __tablename__ = "range_page"
    id: Mapped[int] = mapped_column(number_or_text(), primary_key=True)
    lines: Mapped[list[Line]] = relationship(order_by="Line.id")


class Line(Base):
    __tablename__ = "range_line"
    id: Mapped[int] = mapped_column(primary_key=True)
    page_id: Mapped[int] = mapped_column(number_or_text(), ForeignKey("range_page.id"))


@pytest.fixture
def ranges(engine: Engine) -> Iterator[Engine]:
    Base.metadata.create_all(engine)
    yield engine


def fill(engine: Engine, keys: Sequence[int], more: Sequence[int] = ()) -> dict[int, list[int]]:
    """Two books on each shelf, and one on no shelf; return the ids of the books by shelf."""
    with Session(engine) as session:
        session.add_all([Shelf(id=key) for key in (*keys, *more)])
        session.flush()
        session.add_all([Book(id=n, shelf_id=key, number=key * 1000) for n, key in enumerate([*keys, *more, *keys], 1)])
        session.add(Book(id=100_000, shelf_id=None))
        session.commit()
    count = len(keys)
    return {key: [n, n + count + len(more)] for n, key in enumerate(keys, 1)}


def ranges_of(before: dict[str, int]) -> tuple[int, int]:
    """Return the SELECTs for many since then, and how many of them were ranges."""
    now = _core._counters()
    return now["load_many"] - before["load_many"], now["load_many_range"] - before["load_many_range"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (range(1, 101), 1),
        (range(100, 0, -1), 1),
        (range(-40, 40), 1),
        (range(1, 32), 0),
        (range(1, 33), 1),
        ([*range(1, 50), *range(51, 101)], 0),
        (range(0, 100_000, 1000), 0),
    ],
    ids=["dense", "backwards", "around zero", "too few", "enough", "a gap", "far apart"],
)
def test_collections_are_those_of_their_parents(ranges: Engine, keys: Sequence[int], expected: int) -> None:
    wanted = fill(ranges, keys, more=(200_000, 200_001))
    before = _core._counters()
    with Session(ranges) as session:
        query = select(Shelf).where(Shelf.id < 200_000).options(selectinload(Shelf.books))
        shelves = session.scalars(query.order_by(Shelf.id.desc())).all()
        assert {shelf.id: [book.id for book in shelf.books] for shelf in shelves} == wanted
        assert all(book.shelf is shelf for shelf in shelves for book in shelf.books)
    assert ranges_of(before) == (1, expected)


def test_a_range_is_one_condition_with_two_values(ranges: Engine) -> None:
    wanted = fill(ranges, range(1, 101))
    seen: list[tuple[str, int]] = []

    def note(conn: object, cursor: object, statement: str, parameters: Sequence[object], *rest: object) -> None:
        if "range_book" in statement:
            seen.append((statement, len(parameters)))

    event.listen(ranges, "before_cursor_execute", note)
    with Session(ranges) as session:
        found = session.scalars(select(Shelf).options(selectinload(Shelf.books.and_(Book.id > 50)))).all()
        assert {one.id: [b.id for b in one.books] for one in found} == {
            key: [n for n in books if n > 50] for key, books in wanted.items()
        }
    event.remove(ranges, "before_cursor_execute", note)
    ((statement, count),) = seen
    assert " BETWEEN " in statement and count == 3


def test_what_many_refer_to_is_a_range(ranges: Engine) -> None:
    wanted = fill(ranges, range(1, 101))
    shelf_of = {book: key for key, books in wanted.items() for book in books}
    before = _core._counters()
    with Session(ranges) as session:
        books = session.scalars(select(Book).order_by(Book.id.desc()).options(selectinload(Book.shelf))).all()
        assert {book.id: book.shelf.id for book in books if book.shelf is not None} == shelf_of
    assert ranges_of(before) == (1, 1)


def test_chunks_are_ranges_of_their_own(ranges: Engine) -> None:
    wanted = fill(ranges, range(1, 101))
    before = _core._counters()
    with Session(ranges) as session:
        option = selectinload(Shelf.books, chunksize=40)
        shelves = session.scalars(select(Shelf).order_by(Shelf.id).options(option)).all()
        assert {shelf.id: [book.id for book in shelf.books] for shelf in shelves} == wanted
    assert ranges_of(before) == (3, 2)


def test_lazy_loads_of_peers_are_ranges(ranges: Engine) -> None:
    wanted = fill(ranges, range(1, 101))
    before = _core._counters()
    with Session(ranges) as session:
        shelves = session.scalars(select(Shelf).order_by(Shelf.id)).all()
        assert {shelf.id: [book.id for book in shelf.books] for shelf in shelves} == wanted
    assert ranges_of(before) == (1, 1)


def test_a_type_that_is_another_one_here_has_no_ranges(ranges: Engine) -> None:
    from pyorm.orm._strategies import many_select

    assert many_select(Shelf.__mapper__.relationships["books"])[3] is not None
    assert many_select(Page.__mapper__.relationships["lines"])[3] is None


def test_equal_numbers_of_rows_that_follow_are_one_object_and_right(ranges: Engine) -> None:
    numbers = [7000] * 30 + [None, 7000, 7001, None, 7001, *range(8000, 8040), 7001, 7001, 7000]
    with Session(ranges) as session:
        session.add_all([Book(id=n, number=number) for n, number in enumerate(numbers, 1)])
        session.commit()
    before = _core._counters()["load_shared_int"]
    with Session(ranges) as session:
        books = session.scalars(select(Book).order_by(Book.id)).all()
        assert [book.number for book in books] == numbers
        assert [book.id for book in books] == list(range(1, len(numbers) + 1))
    assert _core._counters()["load_shared_int"] - before == 16


def test_an_instance_in_many_rows_is_loaded_for_once(ranges: Engine) -> None:
    wanted = fill(ranges, range(1, 51))
    before = _core._counters()
    with Session(ranges) as session:
        session.get_one(Shelf, 7)
        query = select(Book).where(Book.shelf_id.is_not(None)).order_by(Book.id)
        books = session.scalars(query.options(joinedload(Book.shelf).selectinload(Shelf.books))).all()
        assert {book.shelf.id: [one.id for one in book.shelf.books] for book in books if book.shelf} == wanted
    assert ranges_of(before) == (1, 1)


def test_rows_with_other_values_than_numbers_are_passed_over_on_sqlite() -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    wanted = fill(engine, range(1, 41))
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO range_book (id, shelf_id) VALUES (900, 5.5), (901, 8.25), (902, '7x')"))
    before = _core._counters()
    with Session(engine) as session:
        shelves = session.scalars(select(Shelf).options(selectinload(Shelf.books))).all()
        assert {shelf.id: [book.id for book in shelf.books] for shelf in shelves} == wanted
        assert session.scalars(select(Shelf.id)).all() == list(wanted)
    with Session(engine) as session:
        shelves = session.scalars(select(Shelf)).all()
        assert {shelf.id: [book.id for book in shelf.books] for shelf in shelves} == wanted
    assert ranges_of(before) == (2, 2)
    engine.dispose()


def test_keys_that_are_no_numbers_are_passed_over_on_sqlite() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE range_shelf (id BIGINT PRIMARY KEY)"))
        connection.execute(text("INSERT INTO range_shelf VALUES (5.5), ('7x'), (30.25)"))
    Base.metadata.create_all(engine)
    wanted = fill(engine, range(1, 41))
    before = _core._counters()
    with Session(engine) as session:
        books = session.scalars(select(Book).options(selectinload(Book.shelf))).all()
        found = {(book.shelf.id, book.id) for book in books if book.shelf is not None}
    assert found == {(shelf, book) for shelf, books in wanted.items() for book in books}
    assert ranges_of(before) == (1, 1)
    engine.dispose()
