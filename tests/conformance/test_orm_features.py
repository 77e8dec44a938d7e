"""One test for each feature of declaring classes, attributes, Query and Session; both databases."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import pytest

from pyorm import Column, Integer, MetaData, String, UniqueConstraint, bindparam, create_engine, exc, inspect, select
from pyorm.engine import Engine
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    attributes,
    declarative_base,
    mapped_column,
    reconstructor,
    sessionmaker,
)
from tests.conformance.models import Address, User, logged

key = Annotated[int, mapped_column(primary_key=True)]
short = Annotated[str, mapped_column(String(7), index=True)]


class Base(DeclarativeBase):
    """Base of the tests' classes."""


class Timed(Base):
    """An unmapped class between base and mapped classes."""

    __abstract__ = True
    made: Mapped[int] = mapped_column(default=1, sort_order=9)


class Note(Timed):
    """Typed columns, active history, a reconstructor."""

    __tablename__ = "notes"
    id: Mapped[key]
    code: Mapped[short]
    text: Mapped[str | None] = mapped_column(active_history=True)
    size: Mapped[Optional[int]]  # noqa: UP045
    plain = Column("plain_text", String(20))

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.origin = "made"

    @reconstructor
    def loaded(self) -> None:
        self.origin = "loaded"


@pytest.fixture
def s(users: Engine):
    """A session; three users, and a note."""
    Base.metadata.create_all(users)
    with Session(users) as session:
        session.add(Note(code="c", text="t", size=1, plain="p"))
        session.commit()
        yield session


class TestDeclaring:
    @pytest.mark.feature("DECL01")
    def test_both_kinds_of_base(self) -> None:
        old = declarative_base()
        made = type("Old", (old,), {"__tablename__": "old", "id": Column(Integer, primary_key=True)})
        assert made.__table__.metadata is old.metadata and Note.__table__.metadata is Base.metadata
        assert inspect(made).registry is old.registry and inspect(Note).registry is Base.registry

    @pytest.mark.feature("DECL04")
    def test_the_annotation_says_what_may_be_null(self) -> None:
        columns = Note.__table__.c
        assert {c.key: c.nullable for c in columns if c.key != "plain_text"} == {
            "id": False, "code": False, "text": True, "size": True, "made": False,
        }  # fmt: skip

    @pytest.mark.feature("DECL07")
    def test_recipes_in_annotated(self) -> None:
        columns = Note.__table__.c
        assert columns.id.primary_key and columns.code.type.length == 7 and columns.code.index

    @pytest.mark.feature("DECL09")
    def test_table_name_arguments_and_a_table_that_is_there(self) -> None:
        class Limited(Base):
            __tablename__ = "limited"
            __table_args__ = (UniqueConstraint("a", name="one_a"), {"comment": "c", "info": {"k": 1}})
            id: Mapped[key]
            a: Mapped[int]

        class Same(Base):
            __table__ = Limited.__table__.to_metadata(MetaData())

        assert Limited.__table__.comment == "c" and Limited.__table__.info == {"k": 1}
        assert "one_a" in {constraint.name for constraint in Limited.__table__.constraints}
        assert inspect(Same).attrs.keys() == ["id", "a"] and not Same.__table__.c.a.nullable

    @pytest.mark.feature("DECL11")
    def test_a_plain_column(self, s: Session) -> None:
        assert s.scalars(select(Note.plain)).one() == "p" and Note.plain.property.columns[0].name == "plain_text"

    @pytest.mark.feature("DECL19")
    def test_an_abstract_class_gives_its_columns(self) -> None:
        assert inspect(Timed, raiseerr=False) is None and list(Note.__table__.c.keys())[-1] == "made"

    @pytest.mark.feature("DECL20")
    def test_unmapped_annotations_where_they_are_allowed(self) -> None:
        class Loose(Base):
            __tablename__ = "loose_notes"
            __allow_unmapped__ = True
            id: Mapped[key]
            extra: int

        assert Loose.__table__.c.keys() == ["id"]
        with pytest.raises(exc.ArgumentError, match="can't be correctly interpreted"):

            class Strict(Base):
                __tablename__ = "strict_notes"
                id: Mapped[key]
                extra: int

    def test_none_in_the_place_of_a_value_is_no_value(self) -> None:
        with pytest.raises(exc.ArgumentError, match="can't be correctly interpreted"):

            class NoneStrict(Base):
                __tablename__ = "strict_nones"
                id: Mapped[key]
                extra: int | None = None

        class NoneLoose(Base):
            __tablename__ = "loose_columns"
            id: Mapped[key]
            age: Mapped[int | None] = None

        assert NoneLoose.__table__.c.keys() == ["id", "age"]

    @pytest.mark.feature("DECL36")
    def test_a_reconstructor_in_the_place_of_init(self, s: Session) -> None:
        s.expunge_all()
        assert Note().origin == "made" and s.scalars(select(Note)).one().origin == "loaded"


class TestAttributes:
    @pytest.mark.feature("ATTR01")
    def test_set_and_delete_with_history(self, s: Session) -> None:
        user = s.get_one(User, 1)
        history = inspect(user).attrs.age
        assert history.history == ((), [30], ())
        assert "age" in inspect(user).attrs and "age" in inspect(user).attrs.keys()  # noqa: SIM118 - a view
        assert [state.key for state in inspect(user).attrs] == inspect(user).attrs.keys()
        assert dict(inspect(user).attrs.items())["age"].value == 30
        user.age = 31
        assert history.history == ([31], (), [30]) and user in s.dirty
        del user.age
        assert user.age is None and history.history.deleted == [30]
        s.rollback()
        assert user.age == 30 and user not in s.dirty

    @pytest.mark.feature("ATTR04")
    def test_history_with_and_without_loading(self, s: Session) -> None:
        user = s.get_one(User, 1)
        s.expire(user, ["age"])
        state = inspect(user).attrs.age
        assert state.loaded_value is attributes.NO_VALUE and state.history == ((), (), ())
        user.age = 5
        assert state.history == ([5], (), ()) and attributes.get_history(user, "age").added == [5]
        s.expire(user, ["age"])
        assert state.load_history() == ((), [30], ()) and (state.loaded_value, state.value) == (30, 30)

    @pytest.mark.feature("ATTR08")
    def test_active_history_loads_the_old_value(self, s: Session) -> None:
        note = s.scalars(select(Note)).one()
        s.expire(note)
        note.text = "new"
        assert inspect(note).attrs.text.history == (["new"], (), ["t"])

    @pytest.mark.feature("ATTR13")
    def test_an_attribute_is_sql_on_the_class_and_on_an_alias(self, s: Session) -> None:
        other = aliased(User)
        assert s.scalars(select(User.name).where(User.age > 30)).all() == ["bob"]
        assert s.scalars(select(other.name).where(other.age < 40)).all() == ["alice"]
        assert (User.name.class_, other.name.class_) == (User, other)


class TestQuery:
    def test_value_and_values(self, s: Session) -> None:
        query = s.query(User).order_by(User.id)
        assert query.value(User.name) == "alice" and s.query(User).filter(User.id == 99).value(User.name) is None
        assert list(query.values(User.name, User.age)) == [("alice", 30), ("bob", 40), ("carol", None)]
        with pytest.raises(exc.ArgumentError, match=r"values\(\) takes at least one column"):
            query.values()

    def test_update_in_the_order_of_its_pairs(self, s: Session) -> None:
        seen = s.query(User).filter(User.id == 1)
        with logged(s.bind) as words:
            count = seen.update([(User.name, "x"), (User.age, 1)], update_args={"preserve_parameter_order": True})
        assert count == 1 and words[-1] == "UPDATE"
        assert s.execute(select(User.name, User.age).where(User.id == 1)).one() == ("x", 1)

    def test_execution_options_cannot_be_changed(self, s: Session) -> None:
        options = s.query(User).execution_options(a=1).get_execution_options()
        assert options == {"a": 1} and s.query(User).lazy_loaded_from is None
        with pytest.raises(TypeError):
            options["b"] = 2


class TestSession:
    @pytest.mark.feature("SES04")
    def test_objects_one_by_one_and_many(self, s: Session) -> None:
        s.add(User(name="d"))
        s.add_all([User(name="e"), User(name="f")])
        s.flush()
        s.delete(s.get_one(User, 4))
        s.delete_all([s.get_one(User, 5), s.get_one(User, 6)])
        s.flush()
        assert s.scalars(select(User.id).order_by(User.id)).all() == [1, 2, 3]
        s.merge(User(id=1, name="A"))
        merged = s.merge_all([User(id=2, name="B"), User(id=9, name="new")])
        s.flush()
        assert [user.name for user in merged] == ["B", "new"] and inspect(merged[1]).persistent
        assert s.scalars(select(User.name).order_by(User.id)).all() == ["A", "B", "carol", "new"]

    @pytest.mark.feature("SES06")
    def test_statements_with_parameters_options_and_binds(self, s: Session, engine: Engine) -> None:
        s.add(User(name="pending"))
        by_id = select(User.name).where(User.id == bindparam("i"))
        assert s.execute(by_id, {"i": 4}).scalar_one() == "pending"  # flushed first
        assert (s.scalar(by_id, {"i": 2}), s.scalars(by_id, {"i": 3}).all()) == ("bob", ["carol"])
        user = s.get_one(User, 1)
        user.name = "changed"
        kept = s.scalar(select(User.name).where(User.id == 1), execution_options={"autoflush": False})
        assert kept == "alice"
        s.rollback()
        with Session() as unbound:
            assert unbound.scalar(by_id, {"i": 1}, bind_arguments={"bind": engine}) == "alice"

    @pytest.mark.feature("SES23")
    def test_info_of_sessions_and_factories(self, engine: Engine, s: Session) -> None:
        factory = sessionmaker(engine, info={"a": 1})
        assert factory(info={"b": 2}).info == {"a": 1, "b": 2} and factory().info == {"a": 1}
        assert Session(engine, info={"c": 3}).info == {"c": 3}
        assert inspect(s.get_one(User, 1)).session is s and inspect(User()).session is None

    @pytest.mark.feature("SES31")
    def test_binds_are_seen_and_not_changed(self, engine: Engine) -> None:
        other = create_engine("sqlite://")
        session = Session(other, binds={User: engine, Address.__table__: engine})
        assert session.binds == {User: engine, Address.__table__: engine}
        assert session.get_bind(User) is engine and session.get_bind(Note) is other
        with pytest.raises(TypeError):
            session.binds[Note] = other
        other.dispose()

    @pytest.mark.feature("LOAD12")
    def test_populate_existing_overwrites(self, s: Session) -> None:
        user = s.get_one(User, 1)
        user.name = "mine"
        with s.no_autoflush:
            s.scalars(select(User).execution_options(populate_existing=True)).all()
        assert user.name == "alice" and user not in s.dirty
