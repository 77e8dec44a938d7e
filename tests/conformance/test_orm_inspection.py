"""What mappers, aliases and instances say of themselves; identity keys; aliases read from selectables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import ForeignKey, cast, func, inspect, literal_column, select, text, union_all
from pyorm.exc import ArgumentError, InvalidRequestError, NoInspectionAvailable
from pyorm.ext.associationproxy import AssociationProxyExtensionType, association_proxy
from pyorm.ext.hybrid import HybridExtensionType, hybrid_method, hybrid_property
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    NotExtension,
    Session,
    aliased,
    column_property,
    composite,
    configure_mappers,
    mapped_column,
    object_mapper,
    relationship,
    selectinload,
    synonym,
)  # fmt: skip
from pyorm.orm.exc import UnmappedClassError, UnmappedColumnError, UnmappedInstanceError
from pyorm.orm.util import identity_key


class Base(DeclarativeBase):
    """The registry of these tests."""


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Node(Base):
    __tablename__ = "insp_node"
    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column("lab")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("insp_node.id"))
    x: Mapped[int] = mapped_column(default=0)
    y: Mapped[int] = mapped_column(default=0)
    at: Mapped[Point] = composite("x", "y")
    name = synonym("label")
    upper = column_property(func.upper(label))
    kids: Mapped[list[Node]] = relationship(order_by="Node.id")
    ids = association_proxy("kids", "id")

    @hybrid_property
    def loud(self) -> Any:
        return self.label + "!"

    @hybrid_method
    def is_called(self, name: str) -> Any:
        return self.label == name


class Pair(Base):
    __tablename__ = "insp_pair"
    a: Mapped[int] = mapped_column(primary_key=True)
    b: Mapped[str] = mapped_column(primary_key=True)


configure_mappers()


@pytest.fixture
def session(engine: Any) -> Iterator[Session]:
    """Three nodes, a > b > c, with keys 1 to 3."""
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        made.add(Node(id=1, label="a", kids=[Node(id=2, label="b", kids=[Node(id=3, label="c")])]))
        made.add(Pair(a=1, b="z"))
        made.commit()
        yield made


@pytest.mark.feature("ATTR14")
class TestMapper:
    def test_properties_are_listed_by_kind_when_a_mapper_is_asked(self) -> None:
        mapper = inspect(Node)

        assert set(mapper.attrs.keys()) == {
            "id", "label", "parent_id", "x", "y", "at", "name", "upper", "kids",
        }  # fmt: skip
        assert set(mapper.column_attrs.keys()) == {"id", "label", "parent_id", "x", "y", "upper"}
        assert (mapper.relationships.keys(), mapper.synonyms.keys(), mapper.composites.keys()) == (
            ["kids"], ["name"], ["at"],
        )  # fmt: skip
        assert list(mapper.relationships) == [mapper.relationships.kids] == mapper.relationships.values()
        assert mapper.attrs["kids"] is mapper.relationships["kids"] is Node.kids.property
        assert ("kids" in mapper.column_attrs, "kids" in mapper.attrs) == (False, True)
        assert mapper.attrs.get("nothing") is None
        assert {prop.key for prop in mapper.iterate_properties} == set(mapper.attrs.keys())

    def test_a_view_refuses_when_it_is_written_or_lacks_a_key(self) -> None:
        attrs = inspect(Node).attrs

        with pytest.raises(TypeError):
            attrs.label = 1
        with pytest.raises(KeyError):
            attrs["nothing"]
        with pytest.raises(AttributeError):
            attrs.nothing  # noqa: B018

    def test_descriptors_say_what_made_them_when_all_are_listed(self) -> None:
        found = inspect(Node).all_orm_descriptors

        assert {key: one.extension_type for key, one in found.items()} == {
            **dict.fromkeys(
                ("id", "label", "parent_id", "x", "y", "at", "name", "upper", "kids"), NotExtension.NOT_EXTENSION
            ),
            "ids": AssociationProxyExtensionType.ASSOCIATION_PROXY,
            "loud": HybridExtensionType.HYBRID_PROPERTY,
            "is_called": HybridExtensionType.HYBRID_METHOD,
        }
        assert found.label is Node.label and all(one.is_attribute for one in found)

    def test_details_are_told_when_a_property_is_asked(self) -> None:
        mapper = inspect(Node)
        kids, label = mapper.relationships.kids, mapper.column_attrs.label

        assert (kids.uselist, kids.direction.name, kids.mapper is mapper, kids.target.name) == (
            True, "ONETOMANY", True, "insp_node",
        )  # fmt: skip
        assert [(a.name, b.name) for a, b in kids.local_remote_pairs] == [("id", "parent_id")]
        assert ([c.name for c in label.columns], label.expression.name, str(label)) == (["lab"], "lab", "Node.label")
        assert (mapper.composites.at.composite_class, [p.key for p in mapper.composites.at.props]) == (
            Point, ["x", "y"],
        )  # fmt: skip
        assert mapper.synonyms.name.name == "label"
        assert mapper.columns.label is Node.__table__.c.lab
        assert mapper.get_property_by_column(Node.__table__.c.lab) is label
        with pytest.raises(InvalidRequestError, match="has no property 'nothing'"):
            mapper.get_property("nothing")
        with pytest.raises(UnmappedColumnError):
            mapper.get_property_by_column(Pair.__table__.c.a)


@pytest.mark.feature("ATTR15")
class TestKeys:
    def test_identity_key_is_made_when_a_class_and_its_key_are_given(self) -> None:
        assert identity_key(Node, 5) == identity_key(Node, (5,)) == (Node, (5,), None)
        assert identity_key(Pair, (1, "z"), identity_token="t") == (Pair, (1, "z"), "t")
        assert identity_key(instance=Pair(a=1, b="z")) == (Pair, (1, "z"), None)

    def test_identity_key_is_made_when_a_row_is_given(self, session: Session) -> None:
        pair = session.get_one(Pair, (1, "z"))
        row = session.execute(select(Pair.__table__)).one()

        assert identity_key(Pair, row=row) == (Pair, (1, "z"), None) == inspect(Pair).identity_key_from_row(row)
        assert session.identity_map[identity_key(Pair, row=row)] is pair

    def test_identity_key_refuses_when_it_cannot_be_made(self) -> None:
        for arguments in ({}, {"class_": Node}):
            with pytest.raises(ArgumentError, match="is required"):
                identity_key(**arguments)
        with pytest.raises(UnmappedClassError):
            identity_key(int, 1)
        with pytest.raises(UnmappedInstanceError):
            identity_key(instance=3)

    def test_a_mapper_gives_keys_when_it_has_an_instance(self) -> None:
        pair = Pair(a=1, b="z")
        mapper = inspect(Pair)

        assert mapper.primary_key_from_instance(pair) == (1, "z")
        assert mapper.identity_key_from_instance(pair) == (Pair, (1, "z"), None)
        assert mapper.identity_key_from_primary_key([1, "z"], "t") == (Pair, (1, "z"), "t")
        assert inspect(Node).primary_key_from_instance(Node()) == (None,)


@pytest.mark.feature("REFL17")
class TestInspect:
    def test_an_instance_has_a_state_when_it_is_inspected(self, session: Session) -> None:
        node = session.get_one(Node, 1)
        state = inspect(node)

        assert (state.identity, state.identity_key, state.object) == ((1,), (Node, (1,), None), node)
        assert state.mapper is inspect(Node) is object_mapper(node) and state.session is session
        assert (state.persistent, state.transient, state.pending, state.detached, state.deleted) == (
            True, False, False, False, False,
        )  # fmt: skip
        assert state.unloaded == {"kids"} and not state.modified
        node.label = "q"
        assert state.modified and state.attrs.label.history.deleted == ["a"]
        assert (state.attrs.label.value, state.attrs.label.loaded_value) == ("q", "q")
        session.expire(node)
        assert state.expired_attributes >= {"label", "x"}

    def test_a_class_has_a_mapper_and_an_alias_its_facts_when_they_are_inspected(self) -> None:
        alias = aliased(Node, name="other")
        facts = inspect(alias)

        assert inspect(Node).class_ is Node and inspect(inspect(Node)) is inspect(Node)
        assert (inspect(Node).is_mapper, facts.is_mapper, facts.is_aliased_class) == (True, False, True)
        assert (facts.name, facts.mapper, facts.class_, facts.entity) == ("other", inspect(Node), Node, alias)
        assert (facts.selectable.name, inspect(facts), str(facts)) == ("other", facts, "aliased(Node)")
        assert inspect(Node.label) is Node.label
        assert inspect(Node.__table__) is Node.__table__
        statement = select(Node)
        assert inspect(statement) is statement

    def test_nothing_is_known_when_the_object_is_not_ours(self) -> None:
        for subject in (3, object(), dict):
            assert inspect(subject, raiseerr=False) is None
            with pytest.raises(NoInspectionAvailable):
                inspect(subject)


@pytest.mark.feature("LOAD16")
class TestAliased:
    def test_an_entity_is_read_from_a_selectable_when_an_alias_says_so(self, session: Session) -> None:
        chosen = select(Node).where(Node.id > 1)
        words = text("SELECT id, lab, parent_id, x, y FROM insp_node WHERE id > 1")
        columns = words.columns(Node.id, Node.label, Node.parent_id, Node.x, Node.y)
        parts = union_all(select(Node).where(Node.id == 2), select(Node).where(Node.id == 3))
        sources = (chosen.subquery(), chosen.cte("c"), columns.subquery("t"), parts.subquery())

        for source in sources:
            alias = aliased(Node, source)
            found = session.scalars(select(alias).order_by(alias.id).options(selectinload(alias.kids))).all()
            assert [(one.label, [kid.label for kid in one.kids]) for one in found] == [("b", ["c"]), ("c", [])]
            assert found[0] is session.get(Node, 2)

    def test_a_tree_is_walked_when_an_alias_reads_a_recursive_cte(self, session: Session) -> None:
        tree = select(Node.id, Node.parent_id).where(Node.id == 2).cte("tree", recursive=True)
        child = aliased(Node)
        tree = tree.union_all(select(child.id, child.parent_id).join(tree, child.parent_id == tree.c.id))
        alias = aliased(Node, tree)

        assert session.scalars(select(alias.id).order_by(alias.id)).all() == [2, 3]

    def test_an_alias_is_named_when_a_name_is_given(self, session: Session) -> None:
        alias = aliased(Node, name="n")
        statement = select(alias).where(alias.id == 1)

        assert "insp_node AS n" in str(statement)
        assert session.execute(statement).one()._fields == ("n",)
        inner = aliased(Node, select(Node).subquery("s"), name="m")
        assert session.execute(select(inner).where(inner.id == 1)).one()._fields == ("m",)

    def test_an_alias_of_an_alias_keeps_what_it_reads_when_it_is_made(self, session: Session) -> None:
        again = aliased(aliased(Node, select(Node).where(Node.id > 2).subquery()))

        assert session.scalars(select(again.label)).all() == ["c"]

    def test_columns_match_by_name_when_adapt_on_names_is_given(self, session: Session) -> None:
        source = select(cast(Node.id, Node.__table__.c.id.type).label("id"), func.upper(Node.label).label("lab"))
        alias = aliased(Node, source.subquery(), adapt_on_names=True)

        session.expunge_all()
        found = session.scalars(select(alias).order_by(alias.id)).all()
        assert [one.label for one in found] == ["A", "B", "C"]
        assert {"parent_id", "x"} <= inspect(found[0]).unloaded
        assert found[1].parent_id == 1

        strict = aliased(Node, source.subquery())
        with pytest.raises(AttributeError, match="has no column for attribute 'label'"):
            strict.label  # noqa: B018
        with pytest.raises(ArgumentError, match="adapt_on_names only applies to ORM elements"):
            aliased(Node.__table__, adapt_on_names=True)

    def test_an_alias_refuses_when_its_selectable_lacks_the_key(self, session: Session) -> None:
        alias = aliased(Node, select(Node.label).subquery())

        assert session.scalars(select(alias.label).order_by(alias.label)).all() == ["a", "b", "c"]
        with pytest.raises(InvalidRequestError, match="has no column for the primary key"):
            session.scalars(select(alias)).all()


@pytest.mark.parametrize("make", [lambda: Node, lambda: aliased(Node)])
def test_all_columns_are_grouped_by_when_group_by_names_an_entity(session: Session, make: Any) -> None:
    entity = make()
    statement = select(entity.label, func.count(literal_column("1"))).group_by(entity).order_by(entity.id)

    assert session.execute(statement).all() == [("a", 1), ("b", 1), ("c", 1)]


def test_the_mapper_is_named_when_nothing_can_be_joined_to(session: Session) -> None:
    with pytest.raises(InvalidRequestError, match=r"Don't know how to join to <Mapper at .*; Pair>"):
        session.execute(select(Node).join(Pair))
