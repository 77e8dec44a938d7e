"""`do_orm_execute`: which loads it hears of, what it is told, and what it may change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyorm import Integer, String, delete, event, exc, func, insert, inspect, select, text, union_all, update
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, ORMExecuteState, Session, aliased, defer, mapped_column


class Base(DeclarativeBase):
    """Base of this file's classes."""


class Part(Base):
    __tablename__ = "parts"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str | None] = mapped_column(String(50))
    note: Mapped[str | None] = mapped_column(String(50), deferred=True)


class Bin(Base):
    __tablename__ = "bins"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    Base.metadata.create_all(engine)
    with Session(engine) as first:
        first.add_all([Part(id=1, name="one", note="n1"), Part(id=2, name="two", note="n2"), Bin(id=1)])
        first.commit()
    with Session(engine) as made:
        yield made


PART, BIN = "Mapper[Part(parts)]", "Mapper[Bin(bins)]"
KINDS = (
    "select", "insert", "update", "delete", "executemany", "from_statement", "column_load", "relationship_load",
)  # fmt: skip


class Heard(list[tuple[str, str, list[str]]]):
    """What a listener is told: kinds, the mapper that decides where to go, all mappers."""

    def __call__(self, state: ORMExecuteState) -> None:
        kinds = [kind for kind in KINDS if getattr(state, f"is_{kind}")]
        kinds += ["orm"] if state.is_orm_statement else []
        self.append((" ".join(kinds), str(state.bind_mapper), [str(mapper) for mapper in state.all_mappers]))


SELECT = ("select orm", PART, [PART])
COLUMNS = ("select column_load orm", PART, [PART])
CASES: dict[str, tuple[Callable[[Session, Part], Any], list[tuple[str, str, list[str]]]]] = {
    "entity": (lambda s, p: s.execute(select(Part)).all(), [SELECT]),
    "column": (lambda s, p: s.scalar(select(Part.name)), [SELECT]),
    "two": (lambda s, p: s.execute(select(Part, Bin)).all(), [("select orm", PART, [PART, BIN])]),
    "alias": (lambda s, p: s.scalars(select(aliased(Part))).all(), [SELECT]),
    "count": (
        lambda s, p: s.scalar(select(func.count()).select_from(Part)), [("select orm", PART, [])],
    ),
    "compound": (
        lambda s, p: s.execute(union_all(select(Part.id), select(Bin.id))).all(), [("select orm", "None", [])],
    ),
    "table": (lambda s, p: s.execute(select(Part.__table__)).all(), [("select", "None", [])]),
    "text": (lambda s, p: s.execute(text("SELECT 1")).all(), [("", "None", [])]),
    "get": (lambda s, p: s.get(Part, 2), [SELECT]),
    "get nothing": (lambda s, p: s.get(Part, 9), [SELECT]),
    "get known": (lambda s, p: s.get(Part, 1), []),
    "get again": (lambda s, p: s.get(Part, 1, populate_existing=True), [SELECT]),
    "get expired": (lambda s, p: (s.expire(p), s.get(Part, 1)), [COLUMNS]),
    "merge": (lambda s, p: s.merge(Part(id=2, name="merged")), [SELECT]),
    "refresh": (lambda s, p: s.refresh(p), [COLUMNS]),
    "refresh name": (lambda s, p: s.refresh(p, ["name"]), [COLUMNS]),
    "refresh for update": (lambda s, p: s.refresh(p, with_for_update=True), [COLUMNS]),
    "expired": (lambda s, p: (s.expire(p), p.name), [COLUMNS]),
    "deferred": (lambda s, p: p.note, [COLUMNS]),
    "query": (lambda s, p: s.query(Part).all(), [SELECT]),
    "query count": (lambda s, p: s.query(Part).count(), [("select orm", PART, [])]),
    "query update": (
        lambda s, p: s.query(Part).update({"name": "x"}, synchronize_session=False), [("update orm", PART, [PART])],
    ),
    "query delete": (lambda s, p: s.query(Part).delete(), [("delete orm", PART, [PART])]),
    "from statement": (
        lambda s, p: s.scalars(select(Part).from_statement(text("SELECT * FROM parts"))).all(),
        [("from_statement orm", PART, [PART])],
    ),
    "update": (lambda s, p: s.execute(update(Part).values(name="x")), [("update orm", PART, [PART])]),
    "update rows": (
        lambda s, p: s.execute(update(Part), [{"id": 1, "name": "x"}]), [("update executemany orm", PART, [PART])],
    ),
    "delete": (lambda s, p: s.execute(delete(Part)), [("delete orm", PART, [PART])]),
    "insert": (lambda s, p: s.execute(insert(Part).values(id=7)), [("insert orm", PART, [PART])]),
    "insert rows": (
        lambda s, p: s.execute(insert(Part), [{"id": 7}, {"id": 8}]), [("insert executemany orm", PART, [PART])],
    ),
    "insert into table": (
        lambda s, p: s.execute(insert(Part.__table__), [{"id": 7}]), [("insert executemany", "None", [])],
    ),
    "flush": (lambda s, p: (s.add(Part(id=7)), setattr(p, "name", "x"), s.flush()), []),
    "bulk": (lambda s, p: s.bulk_insert_mappings(Part, [{"id": 7}]), []),
}  # fmt: skip


@pytest.mark.feature("EVT08")
@pytest.mark.parametrize("case", CASES)
def test_listener_hears_what_the_reference_tells(session: Session, case: str) -> None:
    part = session.get_one(Part, 1)
    heard = Heard()
    event.listen(session, "do_orm_execute", heard)
    run, expected = CASES[case]

    run(session, part)

    assert heard == expected


def test_loads_have_the_same_effect_when_somebody_listens(session: Session) -> None:
    part = session.get_one(Part, 1)
    refreshed: list[object] = []

    def note(target: Part, context: object, names: set[str] | None) -> None:
        refreshed.append(names and sorted(names))

    event.listen(Part, "refresh", note)
    event.listen(session, "do_orm_execute", lambda state: None)
    try:
        assert part.note == "n1"
        session.execute(update(Part).values(name="new"), execution_options={"synchronize_session": False})
        assert part.name == "one"
        session.refresh(part, ["name"])
        assert part.name == "new" and session.get(Part, 1, populate_existing=True) is part
        session.execute(delete(Part), execution_options={"synchronize_session": False})
        with pytest.raises(exc.InvalidRequestError, match="Could not refresh instance"):
            session.refresh(part)
        session.expire(part)
        with pytest.raises(exc.InvalidRequestError, match="has been deleted"):
            _ = part.name
        assert session.get(Part, 2) is None
    finally:
        event.remove(Part, "refresh", note)
    assert refreshed[:2] == [["note"], ["name"]]


@pytest.mark.feature("EVT08")
def test_listener_replaces_statement_options_and_answer(session: Session) -> None:
    def only_two(state: ORMExecuteState) -> Any:
        if state.is_select and not state.is_column_load:
            state.statement = state.statement.where(Part.id == 2).options(defer(Part.name))
        return None

    event.listen(session, "do_orm_execute", only_two)
    (part,) = session.scalars(select(Part))
    assert part.id == 2 and "name" in inspect(part).unloaded and part.name == "two"
    assert session.get(Part, 1) is None
    event.remove(session, "do_orm_execute", only_two)

    part.name = "mine"
    event.listen(session, "do_orm_execute", lambda state: state.update_execution_options(populate_existing=True))
    assert session.scalars(select(Part).where(Part.id == 2).execution_options(autoflush=False)).one().name == "two"


@pytest.mark.parametrize("load", ["get", "refresh", "expired", "deferred", "execute"])
def test_listener_runs_the_statement_itself(session: Session, load: str) -> None:
    part = session.get_one(Part, 1)
    kept: list[Any] = []

    def invoke(state: ORMExecuteState) -> Any:
        kept.append(state.invoke_statement().freeze())
        return kept[-1]()

    event.listen(session, "do_orm_execute", invoke)

    assert {
        "get": lambda: session.get_one(Part, 2).name,
        "refresh": lambda: session.refresh(part) or part.name,
        "expired": lambda: session.expire(part) or part.name,
        "deferred": lambda: part.note,
        "execute": lambda: session.scalar(select(Part.name).where(Part.id == 2)),
    }[load]() == {"get": "two", "execute": "two", "deferred": "n1"}.get(load, "one")
    assert len(kept) == 1


@pytest.mark.parametrize("load", ["get", "refresh", "expired", "deferred", "execute"])
def test_nothing_changes_when_a_listener_raises(session: Session, load: str) -> None:
    part = session.get_one(Part, 1)

    def refuse(state: ORMExecuteState) -> None:
        raise ValueError("not now")

    event.listen(session, "do_orm_execute", refuse)
    with pytest.raises(ValueError, match="not now"):
        {
            "get": lambda: session.get(Part, 2),
            "refresh": lambda: session.refresh(part),
            "expired": lambda: session.expire(part) or part.name,
            "deferred": lambda: part.note,
            "execute": lambda: session.execute(select(Part)),
        }[load]()
    event.remove(session, "do_orm_execute", refuse)

    assert (part.name, part.note, session.get_one(Part, 2).name) == ("one", "n1", "two")
    assert session.autoflush is True


def test_error_names_the_load_when_a_listener_answers_with_other_rows(session: Session) -> None:
    part = session.get_one(Part, 1)
    event.listen(
        session, "do_orm_execute",
        lambda state: state.invoke_statement(text("SELECT 1")) if state.is_column_load else None,
    )  # fmt: skip

    with pytest.raises(exc.InvalidRequestError, match="answered the load of 2 columns of Part"):
        session.refresh(part)


def test_state_says_what_options_there_are(session: Session) -> None:
    states: list[ORMExecuteState] = []
    session.execution_options = {"of": "session"}
    event.listen(session, "do_orm_execute", states.append)

    session.execute(select(Part).execution_options(own=1), execution_options={"call": 2, "populate_existing": True})
    session.execute(update(Part).values(name="x"), execution_options={"synchronize_session": "fetch"})

    first, second = states
    assert dict(first.local_execution_options) == {"of": "session", "call": 2, "populate_existing": True}
    assert dict(first.execution_options) == {"of": "session", "own": 1, "call": 2, "populate_existing": True}
    assert first.load_options._populate_existing is True and first.lazy_loaded_from is None
    assert first.user_defined_options == () and first.loader_strategy_path is None
    assert second.update_delete_options._synchronize_session == "fetch"
    with pytest.raises(exc.InvalidRequestError, match="there are no load options"):
        _ = second.load_options
    with pytest.raises(exc.InvalidRequestError, match="there are no load options"):
        _ = second.lazy_loaded_from
    with pytest.raises(exc.InvalidRequestError, match="not against an UPDATE or DELETE"):
        _ = first.update_delete_options
