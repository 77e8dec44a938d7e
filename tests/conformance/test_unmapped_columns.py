"""Unmapped[] and unmapped_column(), and names of pyorm.orm that programs import."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from pyorm import Column, ForeignKey, Integer, String, exc, inspect, literal, orm, select
from pyorm.engine import Engine
from pyorm.ext.hybrid import Comparator
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    Unmapped,
    add_mapped_attribute,
    column_property,
    declared_attr,
    dynamic_loader,
    mapped_column,
    merge_frozen_result,
    synonym,
    unmapped_column,
)

Indexed = Annotated[int, mapped_column(index=True)]


class Base(DeclarativeBase):
    pass


class Kept:
    """A mixin with columns that no attribute stands for."""

    kept: Unmapped[int | None]

    @declared_attr
    def made(cls) -> Unmapped[str | None]:
        return unmapped_column(name="made_by")


class Thing(Kept, Base):
    __tablename__ = "partly"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    bare: Unmapped[int | None]
    told: Unmapped[str] = unmapped_column(String(5), index=True, server_default="k")
    typed = unmapped_column(Integer)
    recipe: Unmapped[Indexed] = unmapped_column(server_default="1")
    parts = dynamic_loader("Part")
    alias = synonym("name")
    one = column_property(literal(1))


class Part(Base):
    __tablename__ = "partly_parts"
    id: Mapped[int] = mapped_column(primary_key=True)
    thing_id: Mapped[int | None] = mapped_column(ForeignKey("partly.id"))


@pytest.mark.feature("DECL37")
class TestUnmapped:
    def test_column_is_in_the_table_and_no_attribute(self, engine: Engine) -> None:
        Base.metadata.create_all(engine)
        table = Thing.__table__

        with Session(engine) as session:
            session.add(Thing(id=1, name="a"))
            session.commit()

            assert session.scalars(select(Thing)).one().name == "a"
            columns = (table.c.bare, table.c.told, table.c.typed, table.c.recipe, table.c.kept, table.c.made_by)
            assert session.execute(select(*columns)).all() == [(None, "k", None, 1, None, None)]
        assert set(Thing.__mapper__.column_attrs.keys()) == {"id", "name", "one"}
        assert not any(hasattr(Thing, name) for name in ("bare", "told", "typed", "recipe"))
        assert (table.c.bare.nullable, table.c.told.nullable, table.c.recipe.index) == (True, False, True)

    def test_keyword_is_refused_when_no_attribute_stands_for_the_column(self) -> None:
        with pytest.raises(TypeError, match="'told' is an invalid keyword argument for Thing"):
            Thing(told="q")

    def test_column_is_added_to_the_table_when_it_comes_late(self) -> None:
        class Late(DeclarativeBase):
            pass

        class One(Late):
            __tablename__ = "one"
            id: Mapped[int] = mapped_column(primary_key=True)

        One.more = unmapped_column(Integer)

        assert One.__table__.c.keys() == ["id", "more"]
        assert One.__mapper__.attrs.keys() == ["id"]

    def test_column_is_no_field_when_the_class_is_a_dataclass(self) -> None:
        class Typed(MappedAsDataclass, DeclarativeBase):
            pass

        class One(Typed):
            __tablename__ = "one"
            id: Mapped[int] = mapped_column(primary_key=True, init=False)
            x: Mapped[int]
            y: Unmapped[int]

        assert repr(One(x=1)).endswith("One(id=None, x=1)")
        assert One.__table__.c.keys() == ["id", "x", "y"]

    def test_column_of_a_subclass_is_in_its_table_alone(self) -> None:
        class Own(DeclarativeBase):
            pass

        class Parent(Own):
            __tablename__ = "parents"
            id: Mapped[int] = mapped_column(primary_key=True)
            kind: Mapped[str]
            u: Unmapped[int | None]
            __mapper_args__: Any = {"polymorphic_on": "kind", "polymorphic_identity": "p"}

        class Single(Parent):
            v: Unmapped[int | None]
            __mapper_args__: Any = {"polymorphic_identity": "s"}

        class Joined(Parent):
            __tablename__ = "joined"
            id: Mapped[int] = mapped_column(ForeignKey("parents.id"), primary_key=True)
            w: Unmapped[int | None]
            __mapper_args__: Any = {"polymorphic_identity": "j"}

        assert [cls.__mapper__.attrs.keys() for cls in (Parent, Single, Joined)] == [["id", "kind"]] * 3
        assert Parent.__table__.c.keys() == ["id", "kind", "u", "v"]
        assert Joined.__table__.c.keys() == ["id", "w"]

    @pytest.mark.parametrize(
        ("annotation", "value", "message"),
        [
            (Unmapped[int], mapped_column(), "must be used with unmapped_column\\(\\) or with no value"),
            (Mapped[int], unmapped_column(), "must be used with the Unmapped\\[\\] annotation"),
            (None, unmapped_column(), 'argument\\(s\\) for "UnmappedColumn" construct are None'),
        ],
    )
    def test_class_is_refused_when_annotation_and_value_disagree(
        self, annotation: Any, value: Any, message: str
    ) -> None:
        class Own(DeclarativeBase):
            pass

        names = {} if annotation is None else {"x": annotation}
        body = {"__tablename__": "t", "id": Column(Integer, primary_key=True), "x": value, "__annotations__": names}
        with pytest.raises(exc.ArgumentError, match=message):
            type("One", (Own,), body)

    def test_class_is_refused_when_the_primary_key_is_not_mapped(self) -> None:
        class Own(DeclarativeBase):
            pass

        body = {"__tablename__": "t", "id": unmapped_column(Integer, primary_key=True)}
        with pytest.raises(exc.ArgumentError, match="could not assemble any primary key"):
            type("One", (Own,), body)


def test_public_classes_know_their_objects_when_they_are_asked() -> None:
    mapper = inspect(Thing)
    thing = Thing(id=1)

    assert isinstance(Thing.name, orm.QueryableAttribute)
    assert isinstance(mapper.attrs.alias, orm.SynonymProperty)
    assert isinstance(mapper.attrs.one, orm.MappedSQLExpression)
    assert not isinstance(mapper.attrs.name, orm.MappedSQLExpression)
    assert isinstance(inspect(thing).attrs.name, orm.AttributeState)
    assert isinstance(mapper.attrs.parts.cascade, orm.CascadeOptions)
    assert issubclass(orm.RelationshipProperty.Comparator, orm.PropComparator)
    assert issubclass(Comparator, orm.PropComparator)
    with pytest.raises(NotImplementedError, match="does not define __clause_element__"):
        orm.PropComparator().__clause_element__()


def test_members_are_queried_when_the_loader_is_dynamic(engine: Engine) -> None:
    Base.metadata.create_all(engine)

    with Session(engine) as session:
        thing = Thing(id=1)
        session.add(thing)
        thing.parts.append(Part(id=5))
        session.commit()

        assert [part.id for part in thing.parts.filter(Part.id > 1)] == [5]


@pytest.mark.feature("DECL24")
def test_attribute_is_mapped_when_it_is_added_by_the_function() -> None:
    class Own(DeclarativeBase):
        pass

    class One(Own):
        __tablename__ = "one"
        id: Mapped[int] = mapped_column(primary_key=True)

    add_mapped_attribute(One, "more", mapped_column(Integer))
    add_mapped_attribute(One, "plain", 3)

    assert One.__table__.c.keys() == ["id", "more"]
    assert str(select(One)) == "SELECT one.id, one.more \nFROM one"
    assert One.plain == 3


@pytest.mark.parametrize("load", [True, False])
def test_instances_are_the_sessions_own_when_a_frozen_result_is_merged(engine: Engine, load: bool) -> None:
    Base.metadata.create_all(engine)
    statement = select(Thing.id, Thing)
    with Session(engine) as session:
        session.add(Thing(id=1, name="a"))
        session.commit()
        frozen = session.execute(statement).freeze()

    with Session(engine) as session:
        merged = merge_frozen_result(session, statement, frozen, load=load)

        for _ in range(2):
            ((number, thing),) = merged().all()
            assert (number, thing.name) == (1, "a")
            assert thing in session
