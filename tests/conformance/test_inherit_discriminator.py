"""What tells the class of a row: a column, a key, an enumeration, an expression; and classes that have no rows."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pyorm import Column, Enum, Integer, String, case, exc, func, inspect, select, text
from pyorm.orm import Session, column_property, configure_mappers, declarative_base, declared_attr


class Kind(enum.Enum):
    """Identities that are members."""

    SMALL = "s"
    BIG = "b"


@pytest.fixture
def base() -> Iterator[Any]:
    """A base of classes that is forgotten after the test."""
    made = declarative_base()
    yield made
    made.registry.dispose()


def kinds(session: Session, cls: Any) -> list[str]:
    """Return the names of the classes that rows are made into, by id."""
    return [type(one).__name__ for one in session.scalars(select(cls).order_by(cls.id))]


@pytest.mark.feature("INH04")
def test_row_is_of_the_class_of_its_member_when_identities_are_an_enumeration(engine: Any, base: Any) -> None:
    class Box(base):
        __tablename__ = "box"
        id = Column(Integer, primary_key=True)
        kind = Column(Enum(Kind, native_enum=False))
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": Kind.SMALL}

    class BigBox(Box):
        size = Column(Integer)
        __mapper_args__ = {"polymorphic_identity": Kind.BIG}

    base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Box(), BigBox(size=3)])
        session.commit()
        session.expunge_all()

        assert BigBox().kind is Kind.BIG
        assert kinds(session, Box) == ["Box", "BigBox"]
        assert session.scalars(select(BigBox.size)).all() == [3]


@pytest.mark.feature("INH04")
def test_row_is_of_the_class_of_the_value_when_an_expression_tells(engine: Any, base: Any) -> None:
    class Box(base):
        __tablename__ = "box"
        id = Column(Integer, primary_key=True)
        size = Column(Integer)
        __mapper_args__ = {
            "polymorphic_on": case((size > 10, "big"), else_="small"),
            "polymorphic_identity": "small",
        }

    class BigBox(Box):
        __mapper_args__ = {"polymorphic_identity": "big"}

    base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Box(size=1), Box(size=20)])
        session.commit()
        session.expunge_all()

        assert kinds(session, Box) == ["Box", "BigBox"]
        assert [one.size for one in session.scalars(select(BigBox))] == [20]
        assert session.get(BigBox, 1) is None


@pytest.mark.feature("INH04")
def test_row_is_of_the_class_of_the_value_when_a_column_property_tells(engine: Any, base: Any) -> None:
    class Box(base):
        __tablename__ = "box"
        id = Column(Integer, primary_key=True)
        code = Column(String(10))
        kind = column_property(func.lower(code))
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "a"}

    class BigBox(Box):
        __mapper_args__ = {"polymorphic_identity": "b"}

    base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Box(code="A"), Box(code="B")])
        session.commit()
        session.expunge_all()

        assert kinds(session, Box) == ["Box", "BigBox"]
        assert [(one.code, one.kind) for one in session.scalars(select(BigBox))] == [("B", "b")]


@pytest.mark.feature("INH04")
def test_each_class_gets_its_own_arguments_when_a_mapped_parent_declares_them(engine: Any, base: Any) -> None:
    class Box(base):
        __tablename__ = "box"
        id = Column(Integer, primary_key=True)
        tag = Column("kind_of_box", String(10))

        @declared_attr.directive
        def __mapper_args__(cls) -> dict[str, Any]:
            return {"polymorphic_identity": cls.__name__} | (
                {"polymorphic_on": cls.tag} if cls.__name__ == "Box" else {}
            )

    class BigBox(Box):
        pass

    base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Box(), BigBox()])
        session.commit()
        session.expunge_all()

        assert kinds(session, Box) == ["Box", "BigBox"]
        session.add(BigBox(tag="unheard-of"))
        with pytest.warns(exc.SAWarning, match="incompatible polymorphic identity"):
            session.flush()
        session.expunge_all()
        with pytest.raises(AssertionError, match="No such polymorphic_identity 'unheard-of' is defined"):
            session.scalars(select(Box)).all()


@pytest.mark.feature("INH04")
def test_configuration_is_refused_when_no_attribute_has_the_name(base: Any) -> None:
    with pytest.raises(exc.ArgumentError, match="Can't determine polymorphic_on value 'nope' - no attribute is mapped"):

        class Box(base):
            __tablename__ = "box"
            id = Column(Integer, primary_key=True)
            __mapper_args__ = {"polymorphic_on": "nope", "polymorphic_identity": "a"}

        configure_mappers()


@pytest.mark.feature("INH04")
def test_warning_tells_of_an_identity_when_two_classes_have_it(base: Any) -> None:
    class Box(base):
        __tablename__ = "box"
        id = Column(Integer, primary_key=True)
        kind = Column(String(10))
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "a"}

    with pytest.warns(exc.SAWarning, match="Reassigning polymorphic association for identity 'a'"):

        class BigBox(Box):
            __mapper_args__ = {"polymorphic_identity": "a"}

        configure_mappers()


@pytest.fixture
def plan(engine: Any, base: Any) -> SimpleNamespace:
    """Part and Made are abstract; Wheel and Door derive from Made, Raw from Part: one row of each."""

    class Part(base):
        __tablename__ = "part"
        id = Column(Integer, primary_key=True)
        kind = Column(String(10))
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_abstract": True}

    class Made(Part):
        cost = Column(Integer)
        __mapper_args__ = {"polymorphic_abstract": True}

    class Wheel(Made):
        __mapper_args__ = {"polymorphic_identity": "wheel"}

    class Door(Made):
        __mapper_args__ = {"polymorphic_identity": "door"}

    class Raw(Part):
        __mapper_args__ = {"polymorphic_identity": "raw"}

    base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Wheel(cost=3), Door(cost=4), Raw()])
        session.commit()
    return SimpleNamespace(Part=Part, Made=Made, Wheel=Wheel, Door=Door, Raw=Raw, engine=engine)


@pytest.mark.feature("INH06")
def test_rows_of_every_subclass_are_found_when_an_abstract_class_is_selected(plan: Any) -> None:
    with Session(plan.engine) as session:
        assert kinds(session, plan.Part) == ["Wheel", "Door", "Raw"]
        assert kinds(session, plan.Made) == ["Wheel", "Door"]
        assert [one.cost for one in session.scalars(select(plan.Made).order_by(plan.Made.cost.desc()))] == [4, 3]
        assert session.get(plan.Made, 3) is None

    assert inspect(plan.Made).polymorphic_identity is None
    assert list(inspect(plan.Part).polymorphic_map) == ["wheel", "door", "raw"]


@pytest.mark.feature("INH06")
@pytest.mark.parametrize("name", ["Part", "Made"])
def test_instance_is_refused_when_its_class_is_abstract(plan: Any, name: str) -> None:
    message = rf"Can't instantiate class for Mapper\[{name}\(part\)\]; mapper is marked polymorphic_abstract=True"

    with pytest.raises(exc.InvalidRequestError, match=message):
        getattr(plan, name)()


@pytest.mark.feature("INH06")
def test_row_is_refused_when_its_discriminator_is_null(plan: Any) -> None:
    with Session(plan.engine) as session:
        session.execute(text("INSERT INTO part (id, kind) VALUES (99, NULL)"))

        with pytest.raises(exc.InvalidRequestError, match=r"the polymorphic discriminator column 'part\.kind' is NULL"):
            session.scalars(select(plan.Part)).all()


@pytest.mark.feature("INH06")
def test_configuration_is_refused_when_an_abstract_class_has_no_discriminator(base: Any) -> None:
    with pytest.raises(exc.InvalidRequestError, match="polymorphic_abstract parameter may only be used on a mapper"):

        class Part(base):
            __tablename__ = "part"
            id = Column(Integer, primary_key=True)
            __mapper_args__ = {"polymorphic_abstract": True}

        class Made(Part):
            pass

        configure_mappers()
