"""What a Python type means in Mapped[…], and bases with registries and metadata of their own."""

from __future__ import annotations

import datetime
import enum
import typing
from typing import Annotated, Any, Literal, NewType

import pytest

from pyorm import (
    TIMESTAMP,
    BigInteger,
    Column,
    Enum,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Text,
    exc,
    select,
)
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, Session, foreign, mapped_column, registry, relationship
from pyorm.orm.exc import MappedAnnotationError
from pyorm.types import JSON


class Color(enum.Enum):
    red = "R"
    green = "G"


class Size(enum.StrEnum):
    small = "S"


class TypeAliasType:
    """What `type Name = …` makes, on Pythons before 3.12."""

    def __init__(self, name: str, value: Any) -> None:
        self.__name__, self.__value__ = name, value


Alias: Any = getattr(typing, "TypeAliasType", TypeAliasType)
Short = Annotated[str, 50]
Code = NewType("Code", str)
Known = Alias("Known", str)
Recipe = Alias("Recipe", Annotated[str, mapped_column(String(9))])
Maybe = Alias("Maybe", int | None)


class Base(DeclarativeBase):
    type_annotation_map: typing.ClassVar[dict[Any, Any]] = {
        Short: String(50),
        Code: String(7),
        Known: String(3),
        datetime.datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSON,
        Literal["x", "y"]: String(4),
        float | None: Numeric(10, 2),
        int | str: Text(),
        bytes: LargeBinary(4),
    }


class Thing(Base):
    __tablename__ = "typed_things"
    id: Mapped[int] = mapped_column(primary_key=True)
    short: Mapped[Short]
    code: Mapped[Code | None]
    at: Mapped[datetime.datetime]
    document: Mapped[dict[str, Any]]
    letter: Mapped[Literal["x", "y"]]
    word: Mapped[Literal["q", "rr"]]
    amount: Mapped[float]
    either: Mapped[str | int | None]
    data: Mapped[bytes]
    color: Mapped[Color]
    size: Mapped[Size | None]
    known: Mapped[Known]
    recipe: Mapped[Recipe]
    maybe: Mapped[Maybe]


SEEN = {
    "id": ("INTEGER", False), "short": ("VARCHAR(50)", False), "code": ("VARCHAR(7)", True),
    "at": ("TIMESTAMP", False), "document": ("JSON", False), "letter": ("VARCHAR(4)", False),
    "word": ("VARCHAR(2)", False), "amount": ("NUMERIC(10, 2)", False), "either": ("TEXT", True),
    "data": ("BLOB", False), "color": ("VARCHAR(5)", False), "size": ("VARCHAR(5)", True),
    "known": ("VARCHAR(3)", False), "recipe": ("VARCHAR(9)", False), "maybe": ("INTEGER", True),
}  # fmt: skip


@pytest.mark.feature("DECL06")
class TestTypeMap:
    def test_columns_have_the_types_that_the_map_says(self) -> None:
        seen = {key: (str(column.type), column.nullable) for key, column in Thing.__table__.c.items()}

        assert seen == SEEN
        assert Thing.__table__.c.at.type.timezone is True
        assert Thing.__table__.c.word.type.enums == ["q", "rr"]

    def test_values_come_back_when_they_were_written(self, engine: Engine) -> None:
        Base.metadata.create_all(engine)
        at = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        values: dict[str, Any] = {
            "short": "s", "at": at, "document": {"a": 1}, "letter": "x", "word": "rr", "amount": 2,
            "data": b"abc", "color": Color.green, "size": Size.small, "known": "k", "recipe": "r",
        }  # fmt: skip

        with Session(engine) as session:
            session.add(Thing(**values))
            session.commit()
            found = session.scalars(select(Thing)).one()

            del values["at"]  # SQLite keeps no time zone
            assert {key: getattr(found, key) for key in values} == values
            assert (found.code, found.either, found.maybe) == (None, None, None)

    def test_options_of_a_generic_enum_hold_when_the_map_has_one(self) -> None:
        class Own(DeclarativeBase):
            type_annotation_map: typing.ClassVar[dict[Any, Any]] = {
                enum.Enum: Enum(enum.Enum, native_enum=False, length=30),
                Literal: Enum(enum.Enum, native_enum=False, length=20),
            }

        annotations = {"c": Mapped[Color], "w": Mapped[Literal["a", "bb"] | None]}
        body = {"__tablename__": "t", "id": Column(Integer, primary_key=True), "__annotations__": annotations}
        columns = type("One", (Own,), body).__table__.c

        assert (columns.c.type.native_enum, columns.c.type.length, columns.c.type.enums) == (
            False,
            30,
            ["red", "green"],
        )
        assert (columns.w.type.native_enum, columns.w.type.length, columns.w.type.enums) == (False, 20, ["a", "bb"])

    def test_an_enum_of_its_own_holds_when_the_map_has_it(self) -> None:
        class Own(DeclarativeBase):
            type_annotation_map: typing.ClassVar[dict[Any, Any]] = {
                Color: Enum(Color, name="colors", values_callable=lambda all_: [one.value for one in all_])
            }

        body = {"__tablename__": "t", "id": Column(Integer, primary_key=True), "__annotations__": {"c": Mapped[Color]}}
        column = type("One", (Own,), body).__table__.c.c

        assert (column.type.name, column.type.enums) == ("colors", ["R", "G"])

    def test_map_counts_when_it_is_updated_before_the_class(self) -> None:
        class Own(DeclarativeBase):
            pass

        Own.registry.update_type_annotation_map({str: String(11)})
        body = {"__tablename__": "t", "id": Column(Integer, primary_key=True), "__annotations__": {"s": Mapped[str]}}

        assert str(type("One", (Own,), body).__table__.c.s.type) == "VARCHAR(11)"

    @pytest.mark.parametrize(
        ("annotation", "error", "message"),
        [
            (Mapped[object], MappedAnnotationError, "Could not locate"),
            (Mapped[list[str]], MappedAnnotationError, r"indicated by 'list\[str\]'"),
            (Mapped[dict], MappedAnnotationError, "for the 'x' attribute"),
            (Mapped[float | str], MappedAnnotationError, "Could not locate"),
            (Mapped[Any], MappedAnnotationError, "typing.Any"),
            (Mapped[Literal[1, 2]], exc.ArgumentError, "string-based Enum datatype from non-string values: 1, 2"),
        ],
    )
    def test_class_is_refused_when_nothing_in_the_map_fits(self, annotation: Any, error: Any, message: str) -> None:
        class Own(DeclarativeBase):
            pass

        body = {"__tablename__": "t", "id": Column(Integer, primary_key=True), "__annotations__": {"x": annotation}}
        with pytest.raises(error, match=message):
            type("One", (Own,), body)


def mapped(base: Any, name: str = "One", **body: Any) -> Any:
    return type(name, (base,), {"__tablename__": name.lower(), "id": Column(Integer, primary_key=True), **body})


@pytest.mark.feature("DECL22")
class TestRegistries:
    def test_each_base_has_its_own_when_none_is_given(self) -> None:
        bases = [type("Own", (DeclarativeBase,), {}) for _ in range(2)]
        classes = [mapped(base) for base in bases]

        assert bases[0].registry is not bases[1].registry
        assert [list(base.metadata.tables) for base in bases] == [["one"], ["one"]]
        assert [base.registry.mappers for base in bases] == [frozenset({cls.__mapper__}) for cls in classes]

    def test_tables_lie_in_the_given_metadata(self) -> None:
        given = MetaData(schema="other")
        base = type("Own", (DeclarativeBase,), {"metadata": given})

        assert mapped(base).__table__.schema == "other"
        assert base.registry.metadata is given

    def test_base_takes_the_given_registry_and_its_metadata(self) -> None:
        made = registry(metadata=MetaData(), type_annotation_map={int: BigInteger})
        base = type("Own", (DeclarativeBase,), {"registry": made})
        one = mapped(base, __annotations__={"x": Mapped[int]})

        assert base.metadata is made.metadata
        assert one.__table__.metadata is made.metadata
        assert isinstance(one.__table__.c.x.type, BigInteger)

    def test_subclass_has_its_own_metadata_when_it_says_so(self, engine: Engine) -> None:
        base = type("Own", (DeclarativeBase,), {})
        apart = type("Apart", (base,), {"__abstract__": True, "metadata": MetaData()})
        one, two = mapped(base), mapped(apart, "Two")
        three = mapped(base, "Three", metadata=MetaData())

        apart.metadata.create_all(engine)
        with Session(engine) as session:
            session.add(two(id=1))
            session.commit()

            assert session.get_one(two, 1).id == 1
        assert (list(base.metadata.tables), list(apart.metadata.tables)) == (["one"], ["two"])
        assert three.__table__.metadata is three.metadata
        assert base.registry.mappers == {one.__mapper__, two.__mapper__, three.__mapper__}

    def test_classes_of_one_name_are_told_apart_when_their_registries_differ(self, engine: Engine) -> None:
        first, second = (type("Own", (DeclarativeBase,), {}) for _ in range(2))
        child = mapped(first, "Child", parent_id=Column(ForeignKey("one.id")))
        one = mapped(first, children=relationship("Child"))
        other = mapped(second, "Child")
        across = mapped(
            second,
            "Across",
            one=relationship(one, primaryjoin=lambda: foreign(across.id) == one.id, viewonly=True),
        )
        first.metadata.create_all(engine)
        second.metadata.tables["across"].create(engine)

        with Session(engine) as session:
            session.add_all([one(id=1, children=[child(id=2)]), across(id=1)])
            session.commit()

            assert session.get_one(across, 1).one.children == [session.get_one(child, 2)]
        assert one.children.property.mapper.class_ is child is not other

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"registry": 3}, "'registry' attribute that is not an instance of"),
            ({"registry": registry(), "type_annotation_map": {int: BigInteger}}, "both a 'registry' attribute and a"),
            ({"__tablename__": "t"}, "Cannot use 'DeclarativeBase' directly as a declarative base class"),
        ],
    )
    def test_base_is_refused_when_its_facts_contradict(self, body: dict[str, Any], message: str) -> None:
        with pytest.raises(exc.InvalidRequestError, match=message):
            type("Own", (DeclarativeBase,), body)
