"""Arguments of the Mapper and of mapped_column, and declared_attr, each through a session on both databases."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from pyorm import BigInteger, FetchedValue, ForeignKey, Integer, String, case, exc, insert, inspect, select, text
from pyorm.engine import Engine
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    column_property,
    declared_attr,
    deferred,
    has_inherited_table,
    mapped_column,
    relationship,
    synonym,
)
from pyorm.orm.exc import StaleDataError


class Plain(DeclarativeBase):
    """The base of what tests do not change."""


def new_base() -> Any:
    class Base(DeclarativeBase):
        pass

    return Base


def mapped(base: Any, mapper_args: dict[str, Any], **body: Any) -> Any:
    annotations = body.pop("annotations", {"id": Mapped[int], "x": Mapped[int], "y": Mapped[int | None]})
    body.setdefault("id", mapped_column(primary_key=True))
    names = {"__tablename__": "things", "__mapper_args__": mapper_args, "__annotations__": annotations}
    return type("Thing", (base,), {**names, **body})


@pytest.mark.feature("DECL10")
class TestMapperArgs:
    def test_column_is_in_the_table_only_when_include_properties_leaves_it_out(self, engine: Engine) -> None:
        base = new_base()
        with pytest.warns(exc.SADeprecationWarning, match="Attribute 'y' declared on class"):
            thing = mapped(base, {"include_properties": ["id", "x"]})
        base.metadata.create_all(engine)

        with Session(engine) as session:
            session.add(thing(x=1))
            session.commit()
            found = session.scalars(select(thing)).one()

            assert found.x == 1
        assert thing.__table__.c.keys() == ["id", "x", "y"]
        assert not hasattr(thing, "y")
        with pytest.raises(TypeError, match="'y' is an invalid keyword argument for Thing"):
            thing(y=3)

    def test_column_is_in_the_table_only_when_exclude_properties_names_it(self) -> None:
        with pytest.warns(exc.SADeprecationWarning, match="excluded from the mapping"):
            thing = mapped(new_base(), {"exclude_properties": ["y"]})

        assert thing.__mapper__.attrs.keys() == ["id", "x"]
        assert str(select(thing)) == "SELECT things.id, things.x \nFROM things"
        assert thing.__mapper__.exclude_properties == {"y"}
        assert thing.__mapper__.include_properties is None

    def test_columns_of_a_table_are_left_out_when_given_themselves(self) -> None:
        base = new_base()
        table = mapped(base, {}).__table__

        other = type("Other", (base,), {"__table__": table, "__mapper_args__": {"exclude_properties": [table.c.x]}})
        one = type("One", (base,), {"__table__": table, "__mapper_args__": {"include_properties": [table.c.id]}})

        assert other.__mapper__.attrs.keys() == ["id", "y"]
        assert one.__mapper__.attrs.keys() == ["id"]

    def test_mapping_is_refused_when_the_primary_key_is_left_out(self) -> None:
        with (
            pytest.warns(exc.SADeprecationWarning),
            pytest.raises(exc.ArgumentError, match="could not assemble any primary key columns"),
        ):
            mapped(new_base(), {"include_properties": ["x", "y"]})

    def test_own_column_of_a_single_table_class_is_left_out_when_excluded(self) -> None:
        base = new_base()
        parent = mapped(base, {"polymorphic_on": "x", "polymorphic_identity": 1})
        names = {"__annotations__": {"m": Mapped[int | None], "n": Mapped[int | None]}}

        with pytest.warns(exc.SADeprecationWarning):
            child = type(
                "Child",
                (parent,),
                {**names, "__mapper_args__": {"polymorphic_identity": 2, "exclude_properties": ["n"]}},
            )

        assert child.__mapper__.attrs.keys() == ["id", "x", "y", "m"]
        assert parent.__table__.c.keys() == ["id", "x", "y", "m", "n"]

    def test_attributes_have_the_prefix_when_their_names_are_the_columns(self, engine: Engine) -> None:
        base = new_base()
        thing = mapped(base, {"column_prefix": "_"}, z=mapped_column("zz", Integer), d=deferred(mapped_column(Integer)))
        base.metadata.create_all(engine)

        with Session(engine) as session:
            session.add(thing(_x=4, z=5, d=6))
            session.commit()

            assert session.execute(select(thing._x, thing.z, thing.d)).all() == [(4, 5, 6)]
        assert set(thing.__mapper__.attrs.keys()) == {"_id", "_x", "_y", "z", "d"}
        assert not hasattr(thing, "x")

    @pytest.mark.parametrize("confirm", [True, False])
    def test_missing_row_is_told_when_deletes_are_confirmed(self, engine: Engine, confirm: bool) -> None:
        base = new_base()
        thing = mapped(base, {"confirm_deleted_rows": confirm})
        base.metadata.create_all(engine)
        with Session(engine) as session:
            one = thing(x=1)
            session.add(one)
            session.commit()
            session.refresh(one)
            session.execute(text("DELETE FROM things"))
            session.delete(one)

            if confirm:
                with pytest.warns(exc.SAWarning, match="expected to delete 1 row"):
                    session.flush()
            else:
                session.flush()

    def test_options_of_the_parent_hold_when_a_class_inherits(self) -> None:
        options = {"confirm_deleted_rows": False, "batch": False, "passive_updates": False, "passive_deletes": True}
        parent = mapped(
            new_base(), {"polymorphic_on": "x", "polymorphic_identity": 1, "eager_defaults": True, **options}
        )

        child = type("Child", (parent,), {"__mapper_args__": {"polymorphic_identity": 2}})

        assert {name: getattr(child.__mapper__, name) for name in options} == options
        assert child.__mapper__.eager_defaults == "auto"

    @pytest.mark.parametrize("eager", [True, False, "auto"])
    def test_server_values_are_there_after_a_flush_when_asked_for(self, engine: Engine, eager: Any) -> None:
        base = new_base()
        thing = mapped(
            base, {"eager_defaults": eager}, y=mapped_column(server_default="7", server_onupdate=FetchedValue())
        )
        base.metadata.create_all(engine)

        with Session(engine) as session:
            one = thing(x=1)
            session.add(one)
            session.flush()
            after_insert = "y" not in inspect(one).unloaded
            one.x = 2
            session.flush()
            after_update = "y" not in inspect(one).unloaded

            assert one.y == 7
        assert (after_insert, after_update) == {True: (True, True), False: (False, False), "auto": (True, False)}[eager]

    def test_version_is_counted_and_checked_when_there_is_a_version_column(self, engine: Engine) -> None:
        base = new_base()
        version = mapped_column(Integer)
        thing = mapped(base, {"version_id_col": version}, v=version)
        base.metadata.create_all(engine)

        with Session(engine) as session:
            one = thing(x=1)
            session.add(one)
            session.commit()
            one.x = 2
            session.commit()

            assert one.v == 2
            session.execute(text("UPDATE things SET v = 9"))
            one.x = 3
            with pytest.raises(StaleDataError, match="expected to update 1 row"):
                session.flush()

    def test_versions_come_from_the_program_when_the_generator_says_so(self, engine: Engine) -> None:
        base = new_base()
        version = mapped_column(String(10))
        follow = {"version_id_col": version, "version_id_generator": lambda last: (last or "") + "a"}
        thing = mapped(base, follow, v=version)
        base.metadata.create_all(engine)

        with Session(engine) as session:
            one = thing(x=1)
            session.add(one)
            session.commit()
            one.x = 2
            session.commit()

            assert one.v == "aa"

    def test_class_of_a_row_follows_an_expression_when_polymorphic_on_is_one(self, engine: Engine) -> None:
        base = new_base()
        kind = mapped_column(Integer)
        told = {"polymorphic_on": case((kind == 5, "child"), else_="thing"), "polymorphic_identity": "thing"}
        thing = mapped(base, told, x=kind)
        child = type("Child", (thing,), {"__mapper_args__": {"polymorphic_identity": "child"}})
        base.metadata.create_all(engine)

        with Session(engine) as session:
            session.add_all([thing(x=1), child(x=5)])
            session.commit()
            session.expunge_all()

            assert [type(one) for one in session.scalars(select(thing).order_by(thing.id))] == [thing, child]
            assert session.scalars(select(child)).one().x == 5

    @pytest.mark.parametrize("load", ["inline", "selectin"])
    def test_columns_of_subclasses_come_along_when_polymorphic_load_says_so(self, engine: Engine, load: str) -> None:
        base = new_base()
        thing = mapped(base, {"polymorphic_on": "x", "polymorphic_abstract": True})
        body = {
            "__tablename__": "children",
            "id": mapped_column(ForeignKey("things.id"), primary_key=True),
            "q": mapped_column(Integer),
            "__mapper_args__": {"polymorphic_identity": 2, "polymorphic_load": load},
        }
        child = type("Child", (thing,), body)
        base.metadata.create_all(engine)

        with Session(engine) as session:
            session.add(child(q=3))
            session.commit()
            session.expunge_all()
            found = session.scalars(select(thing)).one()

            assert type(found) is child
            assert "q" not in inspect(found).unloaded
        with pytest.raises(exc.InvalidRequestError, match="polymorphic_abstract=True"):
            thing()

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"polymorphic_on": "nope"}, "Can't determine polymorphic_on value 'nope'"),
            ({"polymorphic_on": 3}, "string key expected for argument 'polymorphic_on'; got 3"),
            ({"version_id_col": 3}, "string key expected for argument 'version_id_col'; got 3"),
            ({"primary_key": ["nope"]}, "Can't determine primary_key column 'nope'"),
        ],
    )
    def test_mapping_is_refused_when_an_argument_names_nothing(self, given: dict[str, Any], message: str) -> None:
        with pytest.raises(exc.ArgumentError, match=message):
            mapped(new_base(), given)

    def test_mapping_is_refused_when_an_argument_is_unknown(self) -> None:
        with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
            mapped(new_base(), {"foo": 1})


class Full(Plain):
    """Every argument of mapped_column that is no dataclass option."""

    __tablename__ = "full"
    id: Mapped[int] = mapped_column("ident", Integer, primary_key=True, autoincrement=True, comment="the key")
    keyed: Mapped[str | None] = mapped_column(String(10), nullable=False, index=True, unique=True, key="kk", doc="d")
    given: Mapped[int] = mapped_column(default=3, onupdate=4, server_default="5")
    insert: Mapped[int] = mapped_column(insert_default=lambda: 7)
    typed: Mapped[int] = mapped_column(type_=BigInteger, name="tt", server_default="5")
    late: Mapped[str | None] = mapped_column(deferred=True)
    group_1: Mapped[str | None] = mapped_column(deferred_group="g")
    group_2: Mapped[str | None] = mapped_column(deferred_group="g")
    never: Mapped[str | None] = mapped_column(deferred_raiseload=True)
    active: Mapped[str | None] = mapped_column(active_history=True)
    first: Mapped[str | None] = mapped_column(sort_order=-1)


@pytest.mark.feature("DECL05")
class TestMappedColumn:
    def test_columns_are_as_told_when_every_argument_is_given(self, engine: Engine) -> None:
        table = Full.__table__
        Plain.metadata.create_all(engine)

        assert table.c.keys()[0] == "first"
        assert table.c["kk"].name == "keyed"
        assert (table.c["kk"].nullable, table.c["kk"].unique, table.c["kk"].doc) == (False, True, "d")
        assert [index.name for index in table.indexes] == ["ix_full_keyed"]
        assert (table.c.ident.comment, table.c.ident.autoincrement) == ("the key", True)
        assert isinstance(table.c.tt.type, BigInteger)
        columns = {column["name"]: column for column in inspect(engine).get_columns("full")}
        assert columns["given"]["default"] is not None
        assert columns["keyed"]["nullable"] is False

    def test_values_come_from_the_defaults_when_an_object_is_flushed(self, engine: Engine) -> None:
        Plain.metadata.create_all(engine)

        with Session(engine) as session:
            one = Full(keyed="a")
            session.add(one)
            session.commit()
            assert (one.given, one.insert, one.typed) == (3, 7, 5)
            one.first = "f"
            session.commit()

            assert one.given == 4
            rows = session.execute(insert(Full).values(keyed="b").returning(Full.keyed, Full.insert))
            assert rows.all() == [("b", 7)]

    def test_columns_are_left_for_later_when_they_are_deferred(self, engine: Engine) -> None:
        Plain.metadata.create_all(engine)

        with Session(engine) as session:
            session.add(Full(keyed="a", group_1="x", group_2="y"))
            session.commit()
            session.expunge_all()
            one = session.scalars(select(Full)).one()

            assert inspect(one).unloaded == {"late", "group_1", "group_2", "never"}
            assert one.group_1 == "x"
            assert inspect(one).unloaded == {"late", "never"}
            with pytest.raises(exc.InvalidRequestError, match=r"'Full.never' is not available due to raiseload=True"):
                one.never  # noqa: B018

    def test_old_value_is_loaded_before_a_change_when_history_is_active(self, engine: Engine) -> None:
        Plain.metadata.create_all(engine)

        with Session(engine) as session:
            one = Full(keyed="a", active="old")
            session.add(one)
            session.commit()
            one.active = "new"

            assert inspect(one).attrs.active.history == (["new"], (), ["old"])

    def test_column_of_a_sibling_is_used_when_told_to(self) -> None:
        parent = mapped(new_base(), {"polymorphic_on": "x", "polymorphic_identity": 1})
        made = [
            type(
                name,
                (parent,),
                {
                    "place": mapped_column(String(10), use_existing_column=True),
                    "__mapper_args__": {"polymorphic_identity": number},
                },
            )
            for number, name in enumerate(["Left", "Right"], 2)
        ]

        assert made[0].place.property.columns[0] is made[1].place.property.columns[0]

    def test_use_existing_column_is_no_mistake_when_nothing_is_inherited(self) -> None:
        thing = mapped(new_base(), {}, x=mapped_column(Integer, use_existing_column=True))

        assert thing.__table__.c.keys() == ["id", "x", "y"]

    def test_column_is_in_no_ddl_when_it_is_a_system_column(self, engine: Engine) -> None:
        base = new_base()
        mapped(base, {}, s=mapped_column(Integer, system=True))
        base.metadata.create_all(engine)

        assert "s" not in {column["name"] for column in inspect(engine).get_columns("things")}

    def test_recipe_says_how_to_load_when_it_stands_in_an_annotation(self) -> None:
        recipe = Annotated[
            str, mapped_column(String(5), deferred=True, deferred_group="g", active_history=True, sort_order=-1)
        ]
        thing = mapped(new_base(), {}, annotations={"id": Mapped[int], "x": Mapped[recipe]})
        prop = thing.__mapper__.attrs.x

        assert (prop.deferred, prop.group, prop.active_history) == (True, "g", True)
        assert thing.__table__.c.keys() == ["x", "id"]

    @pytest.mark.parametrize(
        ("positional", "keywords", "error"),
        [
            (("a",), {"name": "b"}, exc.ArgumentError),
            ((Integer,), {"type_": Integer}, exc.ArgumentError),
            ((Integer, 7), {}, exc.ArgumentError),
            ((Integer,), {"foo": 1}, TypeError),
        ],
    )
    def test_column_is_refused_when_arguments_contradict(self, positional: Any, keywords: Any, error: Any) -> None:
        with pytest.raises(error):
            mapped_column(*positional, **keywords)


class Mixin:
    """One function of each kind."""

    @declared_attr.directive
    def __tablename__(cls) -> str:
        return cls.__name__.lower()

    @declared_attr.directive
    def __table_args__(cls) -> Any:
        return ({"comment": cls.__name__},)

    @declared_attr
    def named(cls) -> Mapped[str]:
        return mapped_column()

    @declared_attr
    def maybe(cls) -> Mapped[int | None]:
        return mapped_column(index=True)

    @declared_attr
    @classmethod
    def renamed(cls) -> Mapped[int]:
        return mapped_column("re_named", Integer, default=4)

    @declared_attr
    def plus(cls) -> Mapped[int]:
        return column_property(cls.renamed + 1)

    @declared_attr
    def goal_id(cls) -> Mapped[int | None]:
        return mapped_column(ForeignKey("goals.id"))

    @declared_attr
    def goal(cls) -> Mapped[Goal | None]:
        return relationship(foreign_keys=[cls.goal_id])

    @declared_attr
    def alias(cls) -> Any:
        return synonym("named")


class Goal(Plain):
    """What the mixin's classes refer to."""

    __tablename__ = "goals"
    id: Mapped[int] = mapped_column(primary_key=True)


class Left(Mixin, Plain):
    """One class of the mixin."""

    id: Mapped[int] = mapped_column(primary_key=True)


class Right(Mixin, Plain):
    """Another."""

    id: Mapped[int] = mapped_column(primary_key=True)


class Keyed:
    """Each class of a hierarchy has a key of its own."""

    @declared_attr.cascading
    def id(cls) -> Mapped[int]:
        if has_inherited_table(cls):
            return mapped_column(ForeignKey("roots.id"), primary_key=True)
        return mapped_column(primary_key=True)


class Root(Keyed, Plain):
    """The class that begins it."""

    __tablename__ = "roots"
    kind: Mapped[str]
    __mapper_args__: Any = {"polymorphic_on": "kind", "polymorphic_identity": "root"}


class Branch(Root):
    """A joined class."""

    __tablename__ = "branches"
    size: Mapped[int]
    __mapper_args__: Any = {"polymorphic_identity": "branch"}


@pytest.mark.feature("DECL18")
class TestDeclaredAttr:
    def test_each_class_has_its_own_when_a_mixin_makes_attributes(self, engine: Engine) -> None:
        Plain.metadata.create_all(engine)

        with Session(engine) as session:
            session.add_all([Left(named="l", goal=Goal(id=7)), Right(alias="r")])
            session.commit()
            session.expunge_all()

            assert session.execute(select(Left.named, Left.maybe, Left.plus, Left.goal_id)).all() == [("l", None, 5, 7)]
            assert session.scalars(select(Right)).one().named == "r"
            assert session.scalars(select(Left)).one().goal.id == 7
        assert (Left.__table__.name, Right.__table__.comment) == ("left", "Right")
        assert Left.named is not Right.named
        assert Left.__table__.c.named.nullable is False
        assert Left.__table__.c.maybe.nullable is True

    def test_each_class_of_a_hierarchy_has_its_own_when_it_cascades(self, engine: Engine) -> None:
        Plain.metadata.create_all(engine)

        with Session(engine) as session:
            session.add(Branch(size=3))
            session.commit()
            session.expunge_all()

            assert session.scalars(select(Root)).one().size == 3
        assert [key.target_fullname for key in Branch.__table__.c.id.foreign_keys] == ["roots.id"]
        assert isinstance(Root.__table__.c.id.type, Integer)

    def test_function_wins_with_a_warning_when_a_class_below_names_a_cascading_one(self) -> None:
        class Base(new_base()):
            __abstract__ = True

            @declared_attr.cascading
            def id(cls) -> Mapped[int]:
                key = (ForeignKey("one.id"),) if has_inherited_table(cls) else ()
                return mapped_column(*key, primary_key=True)

        class One(Base):
            __tablename__ = "one"

        with pytest.warns(exc.SAWarning, match="Attribute 'id' on class .* cannot be processed"):
            two = type("Two", (One,), {"__tablename__": "two", "id": mapped_column(String, primary_key=True)})

        assert isinstance(two.__table__.c.id.type, Integer)

    def test_function_is_not_called_again_when_a_mapped_class_is_inherited(self) -> None:
        called: list[str] = []

        class Counted:
            @declared_attr
            def w(cls) -> Mapped[int]:
                called.append(cls.__name__)
                return mapped_column()

        class One(Counted, new_base()):
            __tablename__ = "one"
            id: Mapped[int] = mapped_column(primary_key=True)

        class Two(One):
            __tablename__ = "two"
            id: Mapped[int] = mapped_column(ForeignKey("one.id"), primary_key=True)

        assert called == ["One"]
        assert Two.__table__.c.keys() == ["id"]

    def test_warning_comes_when_a_mixins_attribute_is_read(self) -> None:
        with pytest.warns(exc.SAWarning, match="Unmanaged access of declarative attribute named"):
            Mixin.named  # noqa: B018
        assert Mixin.__tablename__ == "mixin"

    def test_attribute_is_a_field_when_the_mixin_is_a_dataclass(self) -> None:
        class Base(MappedAsDataclass, DeclarativeBase):
            pass

        class Weighed(MappedAsDataclass):
            @declared_attr
            def w(cls) -> Mapped[int]:
                return mapped_column(default=3)

        class Thing(Weighed, Base):
            __tablename__ = "things"
            id: Mapped[int] = mapped_column(primary_key=True, init=False)
            x: Mapped[int] = mapped_column(default=1)

        assert repr(Thing(w=4)).endswith("Thing(id=None, x=1, w=4)")

    def test_mapping_is_refused_when_a_dataclass_takes_it_from_a_plain_mixin(self) -> None:
        class Base(MappedAsDataclass, DeclarativeBase):
            pass

        class Weighed:
            @declared_attr
            def w(cls) -> Mapped[int]:
                return mapped_column(default=3)

        with pytest.raises(exc.InvalidRequestError, match=r"attribute.s. 'w' originates from superclass"):
            type("Thing", (Weighed, Base), {"__tablename__": "t", "id": mapped_column(Integer, primary_key=True)})

    def test_error_names_class_and_attribute_when_no_type_is_told(self) -> None:
        class Untyped:
            @declared_attr
            def w(cls) -> Any:
                return mapped_column()

        with pytest.raises(exc.ArgumentError, match=r'annotation is required for attribute "Thing\.w"'):
            type("Thing", (Untyped, new_base()), {"__tablename__": "t", "id": mapped_column(Integer, primary_key=True)})
