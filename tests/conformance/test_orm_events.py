"""Events of attributes, instances, mappers and sessions, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import Column, Integer, String, event, insert, inspect, select, text, update
from pyorm.engine import Engine
from pyorm.orm import Mapper, Session, declarative_base, sessionmaker, validates
from tests.conformance.models import User

Own = declarative_base()


class Note(Own):  # type: ignore[misc,valid-type]
    """Some tests listen to its attributes: no other class shares them."""

    __tablename__ = "notes"

    id = Column(Integer, primary_key=True)
    text = Column(String(50))
    size = Column(Integer)

    @validates("size")
    def check_size(self, key: str, value: int | None) -> int | None:
        """Refuse negative sizes."""
        if value is not None and value < 0:
            raise ValueError(f"{key} must not be negative")
        return value


@pytest.fixture
def notes(engine: Engine) -> Engine:
    Own.metadata.create_all(engine)
    return engine


class Listeners:
    """Listeners that are taken away at the end of a test."""

    def __init__(self) -> None:
        self.made: list[tuple[Any, str, Any]] = []
        self.seen: list[Any] = []

    def add(self, target: Any, name: str, fn: Any = None, **options: Any) -> None:
        """Listen; without a function, note the name."""
        fn = fn or (lambda *args: self.seen.append(name))
        event.listen(target, name, fn, **options)
        self.made.append((target, name, fn))


@pytest.fixture
def listeners():
    made = Listeners()
    yield made
    for target, name, fn in made.made:
        event.remove(target, name, fn)


class TestAttributes:
    def test_set_tells_the_old_value_and_may_replace_the_new(self, notes: Engine, listeners) -> None:
        def upper(target, value, oldvalue, initiator):
            listeners.seen.append((value, oldvalue if isinstance(oldvalue, str) else None))
            return value.upper()

        listeners.add(Note.text, "set", upper, retval=True)
        with Session(notes) as session:
            note = Note(text="a")
            assert note.text == "A"
            session.add(note)
            session.commit()
            assert note.text == "A"
            note.text = "b"
            assert note.text == "B"
            session.commit()
            assert session.scalar(text("SELECT text FROM notes")) == "B"
        assert listeners.seen == [("a", None), ("b", "A")]

    def test_the_old_value_is_loaded_when_it_is_asked_for(self, notes: Engine, listeners) -> None:
        with Session(notes) as session:
            session.add(Note(id=1, text="a"))
            session.commit()
            listeners.add(
                Note.text,
                "set",
                lambda target, value, oldvalue, initiator: listeners.seen.append(oldvalue),
                active_history=True,
            )
            session.get(Note, 1).text = "b"
            note = session.get(Note, 1)
            session.expire(note)
            note.text = "c"
        assert listeners.seen == ["a", "a"]

    def test_remove_and_init_scalar(self, listeners) -> None:
        listeners.add(Note.text, "remove", lambda t, v, i: listeners.seen.append(("remove", v)))

        def start(target, value, dict_):
            dict_["size"] = 3
            return 3

        listeners.add(Note.size, "init_scalar", start, retval=True, propagate=True)
        note = Note(text="a")
        del note.text
        assert note.size == 3 and listeners.seen == [("remove", "a")]

    def test_a_validator_refuses(self) -> None:
        with pytest.raises(ValueError, match="size must not be negative"):
            Note(size=-1)
        note = Note(size=1)
        with pytest.raises(ValueError, match="size must not be negative"):
            note.size = -5
        assert note.size == 1


class TestInstances:
    def test_init_load_refresh_and_expire(self, notes: Engine, listeners) -> None:
        def init(target, args, kwargs):
            kwargs.setdefault("text", "by init")

        listeners.add(Note, "init", init)
        listeners.add(Note, "load", lambda target, context: listeners.seen.append(("load", target.text)))
        listeners.add(
            Note,
            "refresh",
            lambda target, context, attrs: listeners.seen.append(("refresh", attrs and sorted(attrs))),
        )
        listeners.add(
            Note, "expire", lambda target, attrs: listeners.seen.append(("expire", attrs))
        )
        with Session(notes) as session:
            note = Note()
            assert note.text == "by init"
            session.add(note)
            session.flush()
            session.expunge_all()
            loaded = session.get(Note, 1)
            session.expire(loaded, ["size"])
            assert loaded.size is None
            session.refresh(loaded)
        assert listeners.seen[0] == ("load", "by init")
        assert ("expire", ["size"]) in [(a, list(b) if b else b) for a, b in listeners.seen]
        assert ("refresh", ["size"]) in listeners.seen
        assert listeners.seen[-1][0] == "refresh"


class TestMappers:
    @pytest.mark.feature("EVT03")
    def test_writes_are_told_before_and_after(self, notes: Engine, listeners) -> None:
        def before_insert(mapper, connection, target) -> None:
            assert mapper is inspect(Note) and target.id is None
            target.text = "by listener"
            listeners.seen.append("before_insert")

        def after_insert(mapper, connection, target) -> None:
            connection.execute(insert(Note.__table__).values(text=f"log of {target.id}"))
            listeners.seen.append(("after_insert", target.id))

        def before_update(mapper, connection, target) -> None:
            target.size = (target.size or 0) + 1
            listeners.seen.append("before_update")

        listeners.add(Note, "before_insert", before_insert)
        listeners.add(Note, "after_insert", after_insert)
        listeners.add(Note, "before_update", before_update)
        for name in ("after_update", "before_delete", "after_delete"):
            listeners.add(Note, name)
        with Session(notes) as session:
            note = Note(text="given")
            session.add(note)
            session.commit()
            assert note.text == "by listener"
            note.text = "x"
            session.commit()
            assert note.size == 1
            session.delete(note)
            session.commit()
            assert session.scalars(select(Note.text)).all() == ["log of 1"]
        assert listeners.seen == [
            "before_insert", ("after_insert", 1), "before_update", "after_update",
            "before_delete", "after_delete",
        ]

    def test_all_mappers_are_a_target(self, notes: Engine, listeners) -> None:
        listeners.add(Mapper, "before_insert")
        with Session(notes) as session:
            session.add(Note())
            session.flush()
        assert listeners.seen == ["before_insert"]


class TestSessions:
    @pytest.mark.feature("EVT06")
    def test_the_course_of_a_transaction(self, users: Engine, listeners) -> None:
        with Session(users) as session:
            for name in (
                "after_begin", "before_flush", "after_flush", "after_flush_postexec",
                "before_commit", "after_commit", "after_rollback", "after_soft_rollback",
                "after_transaction_create", "after_transaction_end",
            ):
                listeners.add(session, name)
            session.add(User(name="x"))
            session.commit()
            assert listeners.seen == [
                "after_transaction_create", "before_commit", "before_flush",
                "after_transaction_create", "after_begin", "after_flush",
                "after_flush_postexec", "after_transaction_end", "after_commit",
                "after_transaction_end",
            ]
            listeners.seen.clear()
            session.get(User, 1)
            session.rollback()
            assert listeners.seen == [
                "after_transaction_create", "after_begin", "after_rollback",
                "after_transaction_end", "after_soft_rollback",
            ]

    def test_before_flush_may_change_what_is_written(self, users: Engine, listeners) -> None:
        def change(session, flush_context, instances) -> None:
            for one in session.new:
                one.age = 1
            for one in session.deleted:
                session.add(one)
                one.name = "kept"

        with Session(users) as session:
            listeners.add(session, "before_flush", change)
            new = User(name="x")
            session.add(new)
            alice = session.get(User, 1)
            session.delete(alice)
            session.commit()
            assert new.age == 1 and session.get(User, 1).name == "kept"

    @pytest.mark.feature("EVT07")
    def test_each_change_of_state_is_told(self, users: Engine, listeners) -> None:
        with Session(users) as session:
            for name in (
                "transient_to_pending", "pending_to_transient", "pending_to_persistent",
                "loaded_as_persistent", "persistent_to_deleted", "persistent_to_detached",
                "persistent_to_transient", "deleted_to_detached", "deleted_to_persistent",
                "detached_to_persistent", "before_attach", "after_attach",
            ):
                listeners.add(session, name)
            user = User(name="x")
            session.add(user)
            session.expunge(user)
            session.add(user)
            session.flush()
            session.rollback()
            alice = session.get(User, 1)
            session.delete(alice)
            session.flush()
            session.rollback()
            session.expunge(alice)
            session.add(alice)
            session.delete(alice)
            session.commit()
        assert listeners.seen == [
            "before_attach", "after_attach", "transient_to_pending", "pending_to_transient",
            "before_attach", "after_attach", "transient_to_pending", "pending_to_persistent",
            "persistent_to_transient", "loaded_as_persistent", "persistent_to_deleted",
            "deleted_to_persistent", "persistent_to_detached", "before_attach",
            "after_attach", "detached_to_persistent", "persistent_to_deleted",
            "deleted_to_detached",
        ]

    @pytest.mark.feature("EVT08")
    def test_a_listener_may_change_a_statement_or_answer_itself(self, users: Engine, listeners) -> None:
        def narrow(state) -> Any:
            if state.is_select and not state.is_column_load:
                listeners.seen.append(state.is_orm_statement)
                state.statement = state.statement.where(User.id > 1)
                return state.invoke_statement()
            return None

        with Session(users) as session:
            listeners.add(session, "do_orm_execute", narrow)
            assert [u.id for u in session.scalars(select(User).order_by(User.id))] == [2, 3]
            session.execute(update(User).values(age=1))
        assert listeners.seen == [True]

    def test_factories_and_the_class_are_targets(self, users: Engine, listeners) -> None:
        maker = sessionmaker(users)
        listeners.add(maker, "after_begin", lambda *args: listeners.seen.append("maker"))
        listeners.add(Session, "after_begin", lambda *args: listeners.seen.append("class"))
        with maker() as session:
            session.get(User, 1)
        with Session(users) as session:
            session.get(User, 1)
        assert sorted(listeners.seen) == ["class", "class", "maker"]
