"""Declarative classes: what a class body makes of tables, columns and mappers."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import re
import uuid
from typing import Annotated, Any, ClassVar, Literal

import pytest

from pyorm import (
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    exc,
    func,
    select,
)
from pyorm import types as sqltypes
from pyorm.orm import (
    DeclarativeBase,
    DeclarativeBaseNoMeta,
    DeclarativeMeta,
    InstrumentedAttribute,
    Mapped,
    class_mapper,
    column_property,
    declarative_base,
    declared_attr,
    deferred,
    mapped_column,
    object_mapper,
    registry,
    validates,
)
from pyorm.orm.exc import MappedAnnotationError, UnmappedClassError, UnmappedColumnError, UnmappedInstanceError


class Color(enum.Enum):
    RED = 1
    BLUE = 2


KeyType = Annotated[int, mapped_column(primary_key=True)]
ShortText = Annotated[str, 30]


def new_base(**members: Any) -> Any:
    return type("Base", (DeclarativeBase,), members)


@pytest.mark.feature("DECL03")
def test_declarative_base_maps_columns_of_the_class_body() -> None:
    base = declarative_base()

    class User(base):
        __tablename__ = "users"
        id = Column(Integer, primary_key=True)
        name = Column("full_name", String(50))

    assert User.__table__.c.keys() == ["id", "full_name"]
    assert User.__mapper__.attrs.keys() == ["id", "name"]
    assert type(User.name) is InstrumentedAttribute
    assert User.__dict__["name"] is User.name
    assert isinstance(base, DeclarativeMeta)


def test_annotations_give_types_and_nullability() -> None:
    class Everything(new_base()):
        __tablename__ = "everything"
        id: Mapped[KeyType]
        text: Mapped[str]
        maybe: Mapped[str | None]
        maybe_new: Mapped[str | None]
        flag: Mapped[bool]
        number: Mapped[float]
        money: Mapped[decimal.Decimal]
        day: Mapped[dt.date]
        at: Mapped[dt.datetime]
        span: Mapped[dt.timedelta]
        clock: Mapped[dt.time]
        token: Mapped[uuid.UUID]
        raw: Mapped[bytes]
        color: Mapped[Color]
        word: Mapped[Literal["a", "bcd"]]
        ignored: ClassVar[int] = 5

    columns = Everything.__table__.c
    kinds = {column.key: type(column.type).__name__ for column in columns}
    assert kinds == {
        "id": "Integer", "text": "String", "maybe": "String", "maybe_new": "String", "flag": "Boolean",
        "number": "Double", "money": "Numeric", "day": "Date", "at": "DateTime", "span": "Interval", "clock": "Time",
        "token": "Uuid", "raw": "LargeBinary", "color": "Enum", "word": "Enum",
    }  # fmt: skip
    assert [column.key for column in columns if column.nullable] == ["maybe", "maybe_new"]
    assert columns.word.type.enums == ["a", "bcd"]
    assert columns.id.primary_key


def test_type_annotation_map_wins_over_the_defaults() -> None:
    base = new_base(type_annotation_map={str: String(77), ShortText: String(30), int: sqltypes.BigInteger})

    class Note(base):
        __tablename__ = "notes"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str]
        short: Mapped[ShortText]

    assert isinstance(Note.__table__.c.id.type, sqltypes.BigInteger)
    assert Note.__table__.c.text.type.length == 77
    assert Note.__table__.c.short.type.length == 30


def test_columns_keep_the_order_of_the_body_when_annotated_and_plain_are_mixed() -> None:
    class Mixed(new_base()):
        __tablename__ = "mixed"
        a = mapped_column(Integer, primary_key=True)
        b: Mapped[int]
        c = mapped_column(Integer)
        d: Mapped[int] = mapped_column()
        e = Column(Integer)
        f: Mapped[int]

    assert Mixed.__table__.c.keys() == ["a", "c", "b", "d", "f", "e"]


def test_sort_order_comes_before_the_order_of_the_body() -> None:
    class Sorted(new_base()):
        __tablename__ = "sorted"
        late: Mapped[int] = mapped_column(sort_order=5)
        id: Mapped[int] = mapped_column(primary_key=True)
        first: Mapped[int] = mapped_column(sort_order=-1)

    assert Sorted.__table__.c.keys() == ["first", "id", "late"]


def test_mixin_columns_are_copied_for_each_class() -> None:
    base = new_base()

    class Stamped:
        made: Mapped[dt.datetime] = mapped_column(server_default=func.now())
        owner_id = Column(ForeignKey("owners.id"))

        @declared_attr.directive
        def __tablename__(cls) -> str:
            return cls.__name__.lower()

        @declared_attr
        def label(cls) -> Any:
            return mapped_column(String(10), name=f"{cls.__name__.lower()}_label")

    class Owner(base):
        __tablename__ = "owners"
        id: Mapped[int] = mapped_column(primary_key=True)

    class One(Stamped, base):
        id: Mapped[int] = mapped_column(primary_key=True)

    class Two(Stamped, base):
        id: Mapped[int] = mapped_column(primary_key=True)

    assert One.__table__.name == "one" and Two.__table__.name == "two"
    assert One.__table__.c.made is not Two.__table__.c.made
    assert One.__table__.c.keys() == ["id", "made", "owner_id", "one_label"]
    assert [fk.column for fk in Two.__table__.c.owner_id.foreign_keys] == [Owner.__table__.c.id]
    assert isinstance(Two.__table__.c.owner_id.type, Integer)


def test_abstract_base_gives_its_columns_and_is_not_mapped() -> None:
    base = new_base()

    class Common(base):
        __abstract__ = True
        id: Mapped[int] = mapped_column(primary_key=True)

    class Thing(Common):
        __tablename__ = "things"

    assert Thing.__table__.c.keys() == ["id"]
    assert "__mapper__" not in Common.__dict__


def test_table_args_take_constraints_and_keywords() -> None:
    class Pair(new_base()):
        __tablename__ = "pairs"
        __table_args__ = (UniqueConstraint("a", "b", name="uq"), CheckConstraint("a > 0"), {"schema": "other"})
        a: Mapped[int] = mapped_column(primary_key=True)
        b: Mapped[int]

    assert Pair.__table__.schema == "other"
    assert {type(c).__name__ for c in Pair.__table__.constraints} == {
        "UniqueConstraint", "CheckConstraint", "PrimaryKeyConstraint",
    }  # fmt: skip


def test_explicit_table_is_mapped_as_it_is() -> None:
    base = new_base()
    table = Table("ready", base.metadata, Column("id", Integer, primary_key=True), Column("x", Integer))

    class Ready(base):
        __table__ = table
        renamed = table.c.x

    assert Ready.__mapper__.attrs.keys() == ["id", "renamed"]
    assert Ready.__table__ is table


@pytest.mark.feature("DECL24")
def test_late_attribute_is_mapped_when_assigned_to_the_class() -> None:
    class Growing(new_base()):
        __tablename__ = "growing"
        id: Mapped[int] = mapped_column(primary_key=True)

    old = Growing(id=1)

    Growing.size = Column(Integer)
    Growing.name = mapped_column("label", String(5))

    assert Growing.__table__.c.keys() == ["id", "size", "label"]
    assert old.size is None
    old.size = 3
    assert (old.size, Growing(name="x").name) == (3, "x")


def test_mapped_attribute_stays_when_deleted_from_the_class() -> None:
    class Kept(new_base()):
        __tablename__ = "kept"
        id: Mapped[int] = mapped_column(primary_key=True)
        note = "plain"

    del Kept.note

    with pytest.raises(NotImplementedError, match=r"Can't un-map .*Kept.id"):
        del Kept.id
    assert not hasattr(Kept, "note")


def test_column_property_and_deferred_are_properties_of_their_own() -> None:
    class Rich(new_base()):
        __tablename__ = "rich"
        id = Column(Integer, primary_key=True)
        body = deferred(Column(String(1000)))
        loud = column_property(func.upper("x"))

    mapper = Rich.__mapper__
    assert mapper.attrs.body.deferred
    assert mapper.get_property_by_column(Rich.__table__.c.body) is mapper.attrs.body
    assert "loud" in mapper.column_attrs
    assert Rich.__table__.c.keys() == ["id", "body"]


def test_mapped_columns_make_expressions_while_the_class_is_declared() -> None:
    class Person(new_base()):
        __tablename__ = "persons"
        id: Mapped[int] = mapped_column(primary_key=True)
        first: Mapped[str] = mapped_column(String(10))
        last: Mapped[str] = mapped_column(String(10))
        full = column_property(first + " " + last)

    assert re.search(r"persons\.first \|\| :\w+ \|\| persons\.last", str(select(Person.full)))
    assert len({Person.__mapper__.attrs.first, Person.__mapper__.attrs.last}) == 2


def test_validator_changes_the_value_at_set_and_at_construction() -> None:
    class Checked(new_base()):
        __tablename__ = "checked"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]

        @validates("name")
        def check(self, key: str, value: str) -> str:
            if not value:
                raise ValueError(f"{key} is empty")
            return value.strip()

    one = Checked(name=" a ")

    assert one.name == "a"
    with pytest.raises(ValueError, match="name is empty"):
        one.name = ""
    assert one.name == "a"


@pytest.mark.feature("DECL21")
def test_plain_class_is_mapped_imperatively() -> None:
    reg = registry()
    table = Table("plain", reg.metadata, Column("id", Integer, primary_key=True), Column("n", String(5)))

    class Plain:
        def __init__(self, n: str) -> None:
            self.n = n

        def shout(self) -> str:
            return self.n.upper()

    mapper = reg.map_imperatively(Plain, table, properties={"n": table.c.n})

    one = Plain("x")
    assert (one.n, one.shout(), one.id) == ("x", "X", None)
    assert mapper.attrs.keys() == ["id", "n"]
    assert one.__dict__["n"] == "x"
    assert class_mapper(Plain) is mapper is object_mapper(one)


def test_registry_mapped_decorates_a_plain_class() -> None:
    reg = registry()

    @reg.mapped
    class Decorated:
        __tablename__ = "decorated"
        id: Mapped[int] = mapped_column(primary_key=True)

    assert Decorated.__table__.c.keys() == ["id"]
    assert Decorated.__mapper__ in reg.mappers


def test_base_without_metaclass_maps_classes() -> None:
    class Base(DeclarativeBaseNoMeta):
        pass

    class Quiet(Base):
        __tablename__ = "quiet"
        id: Mapped[int] = mapped_column(primary_key=True)

    assert type(Quiet) is type
    assert Quiet(id=3).id == 3


def test_metadata_of_the_base_is_used() -> None:
    metadata = MetaData()

    class Mine(new_base(metadata=metadata)):
        __tablename__ = "mine"
        id: Mapped[int] = mapped_column(primary_key=True)

    assert metadata.tables["mine"] is Mine.__table__


def test_mapper_answers_for_keys_and_identity() -> None:
    class Place(new_base()):
        __tablename__ = "places"
        x: Mapped[int] = mapped_column(primary_key=True)
        y: Mapped[int] = mapped_column(primary_key=True)

    mapper = Place.__mapper__
    assert mapper.primary_key == (Place.__table__.c.x, Place.__table__.c.y)
    assert mapper.primary_key_from_instance(Place(x=1, y=2)) == (1, 2)
    assert mapper.identity_key_from_instance(Place(x=1, y=2)) == (Place, (1, 2), None)
    assert str(mapper) == "Mapper[Place(places)]"


BAD = {
    "no_key": ({"x": Column(Integer)}, exc.ArgumentError, r"Mapper\[Bad\(bad\)\] could not assemble any primary key"),
    "no_table": ({"__tablename__": None}, exc.InvalidRequestError, "does not have a __table__ or __tablename__"),
    "plain_annotation": ({"__annotations__": {"id": int}}, MappedAnnotationError, r'"Bad.id" can\'t be correctly'),
    "unknown_type": (
        {"__annotations__": {"id": Mapped[object]}}, MappedAnnotationError, r"Mapped\[\] annotation for the 'id'",
    ),
    "unknown_name": ({"__annotations__": {"id": "Mapped[Nope]"}}, MappedAnnotationError, r"Bad.id .*'Nope'"),
    "untyped": ({"id": mapped_column()}, exc.ArgumentError, r'annotation is required for attribute "Bad.id"'),
    "bad_constraint": (
        {"id": Column(Integer, primary_key=True), "__table_args__": (UniqueConstraint("nope"),)},
        exc.ConstraintColumnNotFoundError, r"no column named 'nope' is present. It has: id",
    ),
    "bad_args": (
        {"id": Column(Integer, primary_key=True), "__table_args__": "x"}, exc.ArgumentError, "tuple, dict, or None",
    ),
    "mapper_args": (
        {"id": Column(Integer, primary_key=True), "__mapper_args__": {"nope": 1}}, TypeError,
        "unexpected keyword argument .nope.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_class_body_is_refused_with_its_name(case: str) -> None:
    members, error, message = BAD[case]
    members = {k: v._copy() if hasattr(v, "_copy") else v for k, v in members.items()}

    with pytest.raises(error, match=message):
        type("Bad", (new_base(),), {"__tablename__": "bad", "__module__": __name__, **members})


def test_table_name_twice_is_refused() -> None:
    base = new_base()
    type("One", (base,), {"__tablename__": "t", "id": Column(Integer, primary_key=True)})

    with pytest.raises(exc.InvalidRequestError, match="Table 't' is already defined"):
        type("Two", (base,), {"__tablename__": "t", "id": Column(Integer, primary_key=True)})


def test_tuple_by_a_trailing_comma_warns() -> None:
    with pytest.warns(exc.SAWarning, match="comma accidentally placed"), pytest.raises(exc.ArgumentError):
        type("Comma", (new_base(),), {"__tablename__": "comma", "id": (mapped_column(Integer, primary_key=True),)})


def test_unmapped_things_are_named() -> None:
    class Loose:
        pass

    class Known(new_base()):
        __tablename__ = "known"
        id: Mapped[int] = mapped_column(primary_key=True)

    with pytest.raises(UnmappedClassError, match=r"Class '.*Loose' is not mapped"):
        class_mapper(Loose)
    with pytest.raises(UnmappedInstanceError, match=r"Class '.*Loose' is not mapped"):
        object_mapper(Loose())
    with pytest.raises(UnmappedColumnError, match="No column x is configured"):
        Known.__mapper__.get_property_by_column(Column("x", Integer))
    with pytest.raises(exc.InvalidRequestError, match=r"Mapper 'Mapper\[Known\(known\)\]' has no property 'zz'"):
        Known.__mapper__.get_property("zz")
