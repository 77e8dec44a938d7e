"""Concrete inheritance: each class has all its columns in a table of its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, MetaData, String, Table, exc, func, inspect, select
from pyorm.ext import declarative
from pyorm.ext.declarative import AbstractConcreteBase, ConcreteBase
from pyorm.orm import (
    Session,
    aliased,
    configure_mappers,
    declarative_base,
    polymorphic_union,
    registry,
    with_polymorphic,
)
from tests.conformance.loading import counted


@pytest.fixture
def plain(engine: Any) -> SimpleNamespace:
    """House and Shed(House) with tables of their own; Shed's has no `name`."""
    Base: Any = declarative_base()

    class House(Base):
        __tablename__ = "house"
        id = Column(Integer, primary_key=True)
        name = Column(String(20))

    class Shed(House):
        __tablename__ = "shed"
        id = Column(Integer, primary_key=True)
        tools = Column(Integer)
        __mapper_args__ = {"concrete": True}

    Base.metadata.create_all(engine)
    return SimpleNamespace(engine=engine, House=House, Shed=Shed)


@pytest.mark.feature("INH03")
def test_each_class_has_rows_of_its_own_table_when_it_is_concrete(plain: Any) -> None:
    with Session(plain.engine) as session:
        session.add_all([plain.House(name="a"), plain.Shed(tools=3)])
        session.commit()
        session.expunge_all()

        assert [type(one) for one in session.scalars(select(plain.House))] == [plain.House]
        shed = session.scalars(select(plain.Shed)).one()
        assert session.get(plain.House, 1) is not shed
        assert inspect(shed).identity_key == (plain.Shed, (1,), None)
        shed.tools = 4
        session.commit()
        assert session.scalar(select(plain.Shed.tools)) == 4
    assert str(select(plain.Shed)) == "SELECT shed.id, shed.tools \nFROM shed"


@pytest.mark.feature("INH03")
def test_attribute_of_the_parent_is_refused_when_a_concrete_table_lacks_it(plain: Any) -> None:
    message = r"Concrete Mapper\[Shed\(shed\)\] does not implement attribute 'name' at the instance level"
    shed = plain.Shed()

    with pytest.raises(AttributeError, match=message):
        _ = shed.name
    with pytest.raises(AttributeError, match=message):
        shed.name = "x"
    with pytest.raises(AttributeError, match=message):
        del shed.name
    with pytest.raises(AttributeError, match=message):
        plain.Shed(name="x")
    assert plain.Shed.name is plain.House.name
    assert inspect(plain.Shed).concrete and inspect(plain.Shed).inherits is inspect(plain.House)
    with pytest.raises(exc.InvalidRequestError, match="requires 'selectable' argument when concrete-inheriting"):
        with_polymorphic(plain.House, [plain.Shed])


@pytest.fixture
def parts(engine: Any) -> SimpleNamespace:
    """Part(ConcreteBase), Screw and Wheel; a row of Part and Wheel each, two of Screw."""
    Base: Any = declarative_base()

    class Part(ConcreteBase, Base):
        __tablename__ = "part"
        id = Column(Integer, primary_key=True)
        name = Column(String(20))
        __mapper_args__ = {"polymorphic_identity": "part", "concrete": True}

    class Screw(Part):
        __tablename__ = "screw"
        id = Column(Integer, primary_key=True)
        name = Column(String(20))
        size = Column(Integer)
        __mapper_args__ = {"polymorphic_identity": "screw", "concrete": True}

    class Wheel(Part):
        __tablename__ = "wheel"
        id = Column(Integer, primary_key=True)
        name = Column(String(20))
        spokes = Column(Integer)
        __mapper_args__ = {"polymorphic_identity": "wheel", "concrete": True}

    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Part(name="p"), Screw(name="s", size=4), Wheel(name="w", spokes=9), Screw(name="t")])
        session.commit()
    return SimpleNamespace(engine=engine, Part=Part, Screw=Screw, Wheel=Wheel)


def seen(found: Any) -> list[tuple[str, int, str]]:
    """Return class, id and name of each object."""
    return [(type(one).__name__, one.id, one.name) for one in found]


@pytest.mark.feature("INH03")
def test_rows_of_all_tables_are_found_when_a_concrete_base_is_selected(parts: Any) -> None:
    with Session(parts.engine) as session, counted(parts.engine) as sent:
        found = session.scalars(select(parts.Part).order_by(parts.Part.name)).all()

        assert seen(found) == [("Part", 1, "p"), ("Screw", 1, "s"), ("Screw", 2, "t"), ("Wheel", 1, "w")]
        assert [one.size for one in found[1:3]] == [4, None] and found[3].spokes == 9
        assert [inspect(one).identity_key[0] for one in found] == [parts.Part, parts.Screw, parts.Screw, parts.Wheel]
        assert len(sent) == 1
        assert session.get(parts.Screw, 1) is found[1] and len(sent) == 1
        assert session.scalar(select(func.count()).select_from(parts.Part)) == 4
        alias = aliased(parts.Part)
        assert session.scalars(select(alias).where(alias.name == "w")).all() == [found[3]]
        assert (
            session.scalars(select(parts.Part).where(parts.Part.name > "s").order_by(parts.Part.name)).all()
            == found[2:]
        )


@pytest.mark.feature("INH03")
def test_object_is_the_right_one_when_other_tables_have_its_key_too(parts: Any) -> None:
    with Session(parts.engine) as session:
        part, screw, wheel = (session.get(cls, 1) for cls in (parts.Part, parts.Screw, parts.Wheel))
        assert seen([part, screw, wheel]) == [("Part", 1, "p"), ("Screw", 1, "s"), ("Wheel", 1, "w")]
        session.expire_all()
        assert [part.name, screw.name, wheel.name] == ["p", "s", "w"]
        part.name, wheel.name = "P", "W"
        session.delete(screw)
        session.commit()
        session.expunge_all()
        assert seen(session.scalars(select(parts.Part).order_by(func.lower(parts.Part.name)))) == [
            ("Part", 1, "P"), ("Screw", 2, "t"), ("Wheel", 1, "W"),
        ]  # fmt: skip
        assert session.scalars(select(parts.Wheel)).one().spokes == 9


@pytest.mark.feature("INH03")
def test_rows_are_made_into_objects_when_the_statement_is_given(parts: Any) -> None:
    with Session(parts.engine) as session:
        statement = select(parts.Part).order_by(parts.Part.name.desc())
        found = session.scalars(select(parts.Part).from_statement(statement)).all()

        assert seen(found) == [("Wheel", 1, "w"), ("Screw", 2, "t"), ("Screw", 1, "s"), ("Part", 1, "p")]


@pytest.mark.feature("INH03")
def test_discriminator_has_another_name_when_the_class_says_so(engine: Any) -> None:
    Base: Any = declarative_base()

    class Part(ConcreteBase, Base):
        __tablename__ = "part"
        _concrete_discriminator_name = "origin"
        id = Column(Integer, primary_key=True)
        type = Column(String(20))
        __mapper_args__ = {"polymorphic_identity": "part", "concrete": True}

    class Screw(Part):
        __tablename__ = "screw"
        id = Column(Integer, primary_key=True)
        type = Column(String(20))
        __mapper_args__ = {"polymorphic_identity": "it's", "concrete": True}

    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Screw(type="x"))
        session.commit()
        session.expunge_all()
        assert [(type(one), one.type) for one in session.scalars(select(Part))] == [(Screw, "x")]


@pytest.mark.feature("INH03")
def test_configuration_is_refused_when_a_column_has_the_discriminators_name() -> None:
    table = Table("t", MetaData(), Column("id", Integer, primary_key=True), Column("type", Integer))

    with pytest.raises(exc.InvalidRequestError, match="Polymorphic union can't use 'type' as the discriminator column"):
        polymorphic_union({"a": table}, "type")


@pytest.mark.feature("INH03")
@pytest.mark.parametrize("strict", [False, True])
def test_rows_of_the_subclasses_are_found_when_an_abstract_concrete_base_is_selected(engine: Any, strict: bool) -> None:
    Base: Any = declarative_base()

    class Part(AbstractConcreteBase, Base):
        strict_attrs = strict
        name = Column(String(20))

    class Screw(Part):
        __tablename__ = "screw"
        id = Column(Integer, primary_key=True)
        size = Column(Integer)
        __mapper_args__ = {"polymorphic_identity": "screw", "concrete": True}

    class Wheel(Part):
        __tablename__ = "wheel"
        id = Column(Integer, primary_key=True)
        spokes = Column(Integer)
        __mapper_args__ = {"polymorphic_identity": "wheel", "concrete": True}

    Base.metadata.create_all(engine)
    configure_mappers()
    with Session(engine) as session:
        session.add_all([Screw(name="s", size=4), Wheel(name="w", spokes=9), Screw(name="t")])
        session.commit()
        session.expunge_all()
        found = session.scalars(select(Part).order_by(Part.name)).all()
        assert seen(found) == [("Screw", 1, "s"), ("Screw", 2, "t"), ("Wheel", 1, "w")]
        assert (found[0].size, found[2].spokes) == (4, 9)
        alias = aliased(Part)
        assert session.scalars(select(alias).where(alias.name == "t")).all() == found[1:2]
    assert str(select(Wheel)) == "SELECT wheel.id, wheel.spokes, wheel.name \nFROM wheel"
    assert inspect(Wheel).inherits is inspect(Part) and inspect(Wheel).base_mapper is inspect(Part)
    assert ("size" in inspect(Part).attrs) is not strict
    with pytest.raises(exc.InvalidRequestError, match="mapper is marked polymorphic_abstract=True"):
        Part()


@pytest.mark.feature("INH03")
def test_classes_mapped_to_tables_are_loaded_together_when_a_union_is_given(engine: Any) -> None:
    reg = registry()
    part = Table("part", reg.metadata, Column("id", Integer, primary_key=True), Column("name", String(10)))
    screw = Table(
        "screw",
        reg.metadata,
        Column("id", Integer, primary_key=True),
        Column("name", String(10)),
        Column("size", Integer),
    )
    union = polymorphic_union({"part": part, "screw": screw}, "kind", "every")

    class Part:
        def __init__(self, **values: Any) -> None:
            for name, value in values.items():
                setattr(self, name, value)

    class Screw(Part):
        pass

    reg.map_imperatively(
        Part, part, with_polymorphic=("*", union), polymorphic_on=union.c.kind, polymorphic_identity="part"
    )
    reg.map_imperatively(Screw, screw, inherits=Part, concrete=True, polymorphic_identity="screw")
    reg.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Part(name="p"), Screw(name="s", size=4)])
        session.commit()
        session.expunge_all()
        found = session.scalars(select(Part).order_by(Part.name)).all()
        assert seen(found) == [("Part", 1, "p"), ("Screw", 1, "s")] and found[1].size == 4
    reg.dispose()


@pytest.mark.feature("INH03")
def test_columns_of_the_union_are_null_when_a_table_lacks_them() -> None:
    metadata = MetaData()
    one = Table("one", metadata, Column("id", Integer, primary_key=True))
    two = Table("two", metadata, Column("id", Integer, primary_key=True), Column("name", String(10)))

    assert str(select(polymorphic_union({"1": one, "2": two}, None))) == (
        "SELECT p_union.id, p_union.name \nFROM (SELECT one.id AS id, CAST(NULL AS VARCHAR(10)) AS name \n"
        "FROM one UNION ALL SELECT two.id AS id, two.name AS name \nFROM two) AS p_union"
    )
    assert "NULL AS name, '1' AS kind" in str(select(polymorphic_union({"1": one, "2": two}, "kind", cast_nulls=False)))


@pytest.mark.feature("INH03")
def test_joined_class_is_loaded_when_their_parent_is_concrete(plain: Any) -> None:
    class Barn(plain.Shed):
        __tablename__ = "barn"
        id = Column(ForeignKey("shed.id"), primary_key=True)
        cows = Column(Integer)

    plain.Shed.metadata.create_all(plain.engine)
    with Session(plain.engine) as session:
        session.add(Barn(tools=2, cows=5))
        session.commit()
        session.expunge_all()
        barn = session.scalars(select(Barn)).one()
        assert (barn.tools, barn.cows) == (2, 5)
        with pytest.raises(AttributeError, match="does not implement attribute 'name'"):
            _ = barn.name


def test_names_that_moved_are_found_when_the_old_module_is_asked() -> None:
    assert declarative.declarative_base is declarative_base
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = declarative.nothing
