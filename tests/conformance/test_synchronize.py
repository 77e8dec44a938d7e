"""UPDATE and DELETE of mapped classes, and which loaded objects follow them, by every mode of synchronize_session."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyorm import (
    Computed,
    ForeignKey,
    String,
    and_,
    bindparam,
    case,
    cast,
    delete,
    event,
    exc,
    exists,
    func,
    inspect,
    literal,
    not_,
    null,
    or_,
    select,
    text,
    true,
    tuple_,
    update,
)
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column, synonym


class Base(DeclarativeBase):
    pass


class Part(Base):
    """With a column of another name, one that onupdate writes, one that is computed."""

    __tablename__ = "sync_parts"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    size: Mapped[int | None]
    weight: Mapped[float | None]
    alias = synonym("size")
    good: Mapped[bool | None]
    made: Mapped[datetime.date | None]
    label: Mapped[str | None] = mapped_column("lbl", String(20))
    touched: Mapped[int | None] = mapped_column(onupdate=77)
    twice: Mapped[int | None] = mapped_column(Computed("size * 2"))


class Note(Base):
    """Another class."""

    __tablename__ = "sync_notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    part_id: Mapped[int | None] = mapped_column(ForeignKey("sync_parts.id"))
    word: Mapped[str | None]


Objects = tuple[Session, list[Part], list[str]]


@pytest.fixture
def objects(engine: Engine) -> Iterator[Objects]:
    """A session, its four parts, loaded, and the statements that run from now on."""
    Base.metadata.create_all(engine)
    log: list[str] = []
    with Session(engine) as session:
        day = datetime.date
        session.add_all(
            [
                Part(id=1, name="abc", size=1, weight=1.5, good=True, made=day(2020, 1, 1), label="x", touched=0),
                Part(id=2, name="ABc%", size=-7, weight=2.0, good=False, made=day(2021, 1, 1), label="y", touched=0),
                Part(id=3, touched=0),
                Part(id=4, name="q_c", size=10, weight=0.0, good=True, label="x", touched=0),
                Note(id=1, word="z"),
            ]
        )
        session.flush()
        session.get_one(Note, 1).part_id = 1
        session.commit()
        parts = list(session.scalars(select(Part).order_by(Part.id)))
        session.scalars(select(Note)).all()
        event.listen(engine, "before_cursor_execute", lambda c, cur, sql, *_: log.append(sql))
        yield session, parts, log


def loaded(part: Part, name: str) -> Any:
    """Return a value without loading it; "unloaded" where that would take a SELECT."""
    return "unloaded" if name in inspect(part).unloaded else getattr(part, name)


def run(session: Session, statement: Any, mode: Any, params: Any = None) -> int:
    return session.execute(statement, params, execution_options={"synchronize_session": mode}).rowcount


EVALUATED: dict[str, tuple[Callable[[], Any], set[int]]] = {
    "eq": (lambda: Part.size == 1, {1}),
    "ne": (lambda: Part.size != 1, {2, 4}),
    "lt": (lambda: Part.size < 5, {1, 2}),
    "le": (lambda: Part.size <= 1, {1, 2}),
    "gt": (lambda: Part.size > 0, {1, 4}),
    "ge": (lambda: Part.size >= 10, {4}),
    "is_null": (lambda: Part.size.is_(None), {3}),
    "is_not_null": (lambda: Part.size.is_not(None), {1, 2, 4}),
    "equals_none": (lambda: Part.size == None, {3}),  # noqa: E711
    "null": (lambda: Part.size == null(), {3}),
    "is_true": (lambda: Part.good.is_(True), {1, 4}),
    "bare": (lambda: Part.good, {1, 4}),
    "not_bare": (lambda: ~Part.good, {2}),
    "and": (lambda: (Part.size > 0) & (Part.name == "abc"), {1}),
    "or": (lambda: or_(Part.size > 5, Part.name == "abc"), {1, 4}),
    "or_null": (lambda: or_(Part.name != "abc", Part.size.is_(None)), {2, 3, 4}),
    "not": (lambda: ~(Part.size == 1), {2, 4}),
    "not_and": (lambda: not_(and_(Part.size > 0, Part.name == "abc")), {2, 4}),
    "not_or": (lambda: not_(or_(Part.size > 5, Part.name == "abc")), {2}),
    "in": (lambda: Part.size.in_([1, 10]), {1, 4}),
    "not_in": (lambda: Part.size.not_in([1]), {2, 4}),
    "in_with_null": (lambda: Part.size.in_([1, None]), {1}),
    "not_in_with_null": (lambda: Part.size.not_in([1, None]), set()),
    "in_nothing": (lambda: Part.size.in_([]), set()),
    "not_in_nothing": (lambda: Part.size.not_in([]), {1, 2, 3, 4}),
    "tuple": (lambda: tuple_(Part.id, Part.size).in_([(1, 1), (4, 10)]), {1, 4}),
    "add": (lambda: Part.size + 1 == 2, {1}),
    "subtract": (lambda: Part.size - 1 == 0, {1}),
    "multiply": (lambda: (Part.size + 1) * 2 == 4, {1}),
    "divide": (lambda: Part.size / 2 == 5, {4}),
    "remainder": (lambda: Part.id % 2 == 1, {1, 3}),
    "concat": (lambda: Part.name + "x" == "abcx", {1}),
    "startswith": (lambda: Part.name.startswith("q"), {4}),
    "startswith_escaped": (lambda: Part.name.startswith("q_", autoescape=True), {4}),
    "endswith": (lambda: Part.name.endswith("bc"), {1}),
    "two_columns": (lambda: Part.size == Part.id, {1}),
    "literal": (lambda: literal(1) == Part.size, {1}),
    "date": (lambda: Part.made > datetime.date(2020, 6, 1), {2}),
    "float": (lambda: Part.weight == 1.5, {1}),
    "renamed": (lambda: Part.label == "x", {1, 4}),
    "synonym": (lambda: Part.alias == 1, {1}),
    "called": (lambda: Part.size == bindparam("q", callable_=lambda: 1), {1}),
    "true": (lambda: true(), {1, 2, 3, 4}),
}

FETCHED: dict[str, tuple[Callable[[], Any], set[int], str]] = {
    "between": (lambda: Part.size.between(0, 5), {1}, "Cannot evaluate BinaryExpression with operator"),
    "like": (lambda: Part.name.like("q%"), {4}, "Cannot evaluate BinaryExpression with operator"),
    "contains": (lambda: Part.name.contains("_", autoescape=True), {4}, "Cannot evaluate BinaryExpression"),
    "negative": (lambda: -Part.size == 7, {2}, "Cannot evaluate UnaryExpression with operator"),
    "function": (lambda: func.lower(Part.name) == "abc", {1}, "Cannot evaluate Function"),
    "case": (lambda: case((Part.size == 1, 1), else_=0) == 1, {1}, "Cannot evaluate Case"),
    "cast": (lambda: cast(Part.size, String) == "1", {1}, "Cannot evaluate Cast"),
    "text": (lambda: text("size = 1"), {1}, "Cannot evaluate TextClause"),
    "column": (lambda: Part.__table__.c.size == 1, {1}, "Cannot evaluate column: sync_parts.size"),
    "subquery": (lambda: Part.id.in_(select(Note.part_id)), {1}, "Cannot evaluate Select"),
    "exists": (lambda: exists().where(Note.part_id == Part.id), {1}, "Cannot evaluate Exists"),
    "operator": (lambda: Part.size.op("=")(1), {1}, "Custom operator '=' can't be evaluated in Python"),
    "other_class": (
        lambda: (Part.id == Note.part_id) & (Note.word == "z"), {1}, "Can't evaluate criteria against alternate class",
    ),
}  # fmt: skip


@pytest.mark.feature("BULK04")
class TestCriteria:
    @pytest.mark.parametrize("mode", ["auto", "evaluate", "fetch"])
    @pytest.mark.parametrize("name", list(EVALUATED))
    def test_matching_objects_follow_with_one_statement(self, objects: Objects, name: str, mode: str) -> None:
        session, parts, log = objects
        criterion, matching = EVALUATED[name]

        assert run(session, update(Part).where(criterion()).values(label="new"), mode) == len(matching)

        assert {part.id for part in parts if loaded(part, "label") == "new"} == matching
        assert len(log) == 1
        assert set(session.scalars(select(Part.id).where(Part.label == "new"))) == matching

    @pytest.mark.parametrize("name", list(FETCHED))
    def test_rows_are_fetched_when_python_cannot_tell(self, objects: Objects, name: str) -> None:
        session, parts, log = objects
        criterion, matching, _ = FETCHED[name]

        assert run(session, update(Part).where(criterion()).values(label="new"), "auto") == len(matching)

        assert {part.id for part in parts if loaded(part, "label") == "new"} == matching
        assert len(log) == 1
        assert "RETURNING" in log[0]

    @pytest.mark.parametrize("name", list(FETCHED))
    def test_statement_is_refused_when_it_is_to_be_evaluated_and_cannot(self, objects: Objects, name: str) -> None:
        session, _, log = objects
        criterion, _, message = FETCHED[name]

        with pytest.raises(exc.InvalidRequestError, match="Could not evaluate current criteria in Python") as caught:
            run(session, update(Part).where(criterion()).values(label="new"), "evaluate")

        assert message in str(caught.value)
        assert str(caught.value).endswith("Specify 'fetch' or False for the synchronize_session execution option.")
        assert log == []

    @pytest.mark.parametrize("mode", [False, None])
    def test_objects_stay_when_nothing_is_synchronized(self, objects: Objects, mode: Any) -> None:
        session, parts, log = objects

        run(session, update(Part).values(label="new"), mode)

        assert [loaded(part, "label") for part in parts] == ["x", "y", None, "x"]
        assert len(log) == 1

    def test_database_is_asked_when_texts_are_ordered(self, objects: Objects) -> None:
        session, parts, log = objects

        run(session, update(Part).where(Part.name < "b").values(label="new"), "auto")

        assert "RETURNING" in log[0]
        changed = set(session.scalars(select(Part.id).where(Part.label == "new")))
        assert {part.id for part in parts if loaded(part, "label") == "new"} == changed

    def test_database_is_asked_when_objects_have_changes_it_does_not_know(self, objects: Objects) -> None:
        session, parts, log = objects

        with session.no_autoflush:
            parts[0].size = 50
            run(session, update(Part).where(Part.size == 1).values(label="new"), "auto")

        assert "RETURNING" in log[0]
        assert loaded(parts[0], "label") == "new"
        assert parts[0].size == 50

    def test_criterion_is_that_of_the_parameters_when_they_are_given(self, objects: Objects) -> None:
        session, parts, _ = objects
        statement = update(Part).where(Part.id == bindparam("which")).values(label=bindparam("new"))

        run(session, statement, "evaluate", {"which": 2, "new": "n"})

        assert [loaded(part, "label") for part in parts] == ["x", "n", None, "x"]

    def test_instances_of_no_class_are_asked_for_when_none_is_loaded(self, objects: Objects) -> None:
        session, _, log = objects
        session.expunge_all()

        run(session, update(Part).where(func.lower(Part.name) == "abc").values(label="new"), "auto")

        assert len(log) == 1
        assert "RETURNING" not in log[0]

    def test_mode_is_refused_when_it_does_not_exist(self, objects: Objects) -> None:
        with pytest.raises(exc.ArgumentError, match="Valid strategies for session synchronization are"):
            run(objects[0], delete(Part), "sometimes")


@pytest.mark.feature("BULK04")
@pytest.mark.parametrize("mode", ["auto", "evaluate", "fetch"])
class TestUpdate:
    def test_only_what_is_set_changes_in_the_objects(self, objects: Objects, mode: str) -> None:
        session, parts, log = objects

        run(session, update(Part).where(Part.id < 3).values({Part.size: 5, "label": "new"}), mode)

        assert [loaded(part, "size") for part in parts] == [5, 5, None, 10]
        assert [loaded(part, "touched") for part in parts] == [77, 77, 0, 0]
        assert inspect(parts[0]).unloaded == {"twice"}
        assert not session.dirty
        assert len(log) == 1
        assert parts[0].twice == 10

    def test_values_are_computed_from_the_objects_when_python_can(self, objects: Objects, mode: str) -> None:
        session, parts, _ = objects
        statement = update(Part).where(Part.id < 4)

        run(session, statement.values(size=Part.size + 1, name=Part.label + "!", label=Part.name), mode)

        assert [loaded(part, "size") for part in parts] == [2, -6, None, 10]
        assert [loaded(part, "name") for part in parts] == ["x!", "y!", None, "q_c"]
        assert [loaded(part, "label") for part in parts] == ["abc", "ABc%", None, "x"]
        session.expire_all()
        assert [part.size for part in parts] == [2, -6, None, 10]

    def test_attribute_expires_when_only_the_database_knows_its_value(self, objects: Objects, mode: str) -> None:
        session, parts, _ = objects

        run(session, update(Part).where(Part.id < 3).values(size=func.abs(Part.size), weight=Part.weight / 3), mode)

        assert [loaded(part, "size") for part in parts] == ["unloaded", "unloaded", None, 10]
        assert loaded(parts[0], "weight") == "unloaded"
        assert [part.size for part in parts] == [1, 7, None, 10]

    def test_change_of_the_program_gives_way_when_the_row_was_written(self, objects: Objects, mode: str) -> None:
        session, parts, _ = objects

        with session.no_autoflush:
            parts[0].size = 50
            run(session, update(Part).where(Part.id == 1).values(size=6), mode)

        assert loaded(parts[0], "size") == "unloaded"
        assert parts[0].size == 6

    def test_expired_attributes_stay_expired(self, objects: Objects, mode: str) -> None:
        session, parts, _ = objects
        session.expire(parts[0])
        session.expire(parts[1], ["label"])

        run(session, update(Part).where(Part.id < 3).values(label="new"), mode)

        assert loaded(parts[0], "label") == loaded(parts[1], "label") == "unloaded"
        assert [part.label for part in parts] == ["new", "new", None, "x"]

    def test_value_is_read_again_when_it_is_not_known_whether_the_row_matches(
        self, objects: Objects, mode: str
    ) -> None:
        session, parts, _ = objects
        session.expire(parts[0], ["size"])
        session.expire(parts[3], ["size"])

        run(session, update(Part).where(Part.size == 1).values(label="new"), mode)

        assert [part.label for part in parts] == ["new", "y", None, "x"]

    def test_objects_are_as_before_when_a_savepoint_is_rolled_back(self, objects: Objects, mode: str) -> None:
        session, parts, _ = objects

        savepoint = session.begin_nested()
        run(session, update(Part).where(Part.id == 1).values(label="new"), mode)
        savepoint.rollback()

        assert parts[0].label == "x"

    def test_rows_come_back_too_when_the_statement_returns_some(self, objects: Objects, mode: str) -> None:
        session, parts, _ = objects
        statement = update(Part).where(Part.id < 3).values(label="new").returning(Part.id)

        result = session.execute(statement, execution_options={"synchronize_session": mode})

        assert sorted(result.scalars()) == [1, 2]
        assert [loaded(part, "label") for part in parts] == ["new", "new", None, "x"]

    def test_attribute_follows_when_a_synonym_of_it_is_set(self, objects: Objects, mode: str) -> None:
        session, parts, _ = objects

        run(session, update(Part).where(Part.alias == 1).values({Part.alias: Part.alias + 1}), mode)

        assert [loaded(part, "size") for part in parts] == [2, -7, None, 10]

    def test_values_given_as_parameters_are_followed(self, objects: Objects, mode: str) -> None:
        session, parts, _ = objects

        run(session, update(Part).where(Part.id == 1), mode, {"size": 8})

        assert loaded(parts[0], "size") == 8


@pytest.mark.feature("BULK04")
@pytest.mark.parametrize("mode", ["auto", "evaluate", "fetch"])
class TestDelete:
    def test_matching_objects_are_deleted_ones(self, objects: Objects, mode: str) -> None:
        session, parts, log = objects

        assert run(session, delete(Part).where(Part.size == 10), mode) == 1

        assert [part in session for part in parts] == [True, True, True, False]
        assert inspect(parts[3]).deleted
        assert len(log) == 1

    def test_objects_come_back_when_the_transaction_is_rolled_back(self, objects: Objects, mode: str) -> None:
        session, parts, _ = objects

        run(session, delete(Part).where(Part.id == 4), mode)
        session.rollback()

        assert parts[3] in session
        assert parts[3].size == 10

    def test_object_is_read_again_when_it_is_not_known_whether_it_matches(self, objects: Objects, mode: str) -> None:
        session, parts, _ = objects
        session.expire(parts[1], ["size"])

        run(session, delete(Part).where(Part.size == 10), mode)

        assert parts[1].size == -7
        assert parts[3] not in session
