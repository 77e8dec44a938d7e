"""relationship(comparator_factory=, omit_join=, distinct_target_key=, enable_typechecks=, info=, active_history=)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import ForeignKey, String, event, exc, inspect, select
from pyorm.engine import Engine
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    RelationshipProperty,
    Session,
    aliased,
    mapped_column,
    relationship,
    selectinload,
)
from pyorm.orm.exc import FlushError

pytestmark = pytest.mark.feature("REL17")


class Base(DeclarativeBase):
    pass


class ByName(RelationshipProperty.Comparator):
    """A name counts as the object of that name."""

    def __eq__(self, other: object) -> Any:
        return self.has(name=other) if isinstance(other, str) else super().__eq__(other)

    __hash__ = RelationshipProperty.Comparator.__hash__

    def in_(self, other: Any) -> Any:
        return self.has(self.mapper.class_.name.in_(other))

    def named(self, name: str) -> Any:
        return self.has(name=name)


class Some(RelationshipProperty.Comparator):
    def some(self, **values: Any) -> Any:
        return self.any(**values)


class Tree(Base):
    __tablename__ = "tree"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(String(10))
    code: Mapped[int | None]
    nuts: Mapped[list[Nut]] = relationship(
        back_populates="tree", comparator_factory=Some, info={"shown": True}, doc="what hangs on it", order_by="Nut.id"
    )
    joined_nuts: Mapped[list[Nut]] = relationship(omit_join=False, viewonly=True)
    loose_nuts: Mapped[list[Nut]] = relationship(enable_typechecks=False, overlaps="nuts,tree")


class BigTree(Tree):
    """Without polymorphic_on: rows of `tree` are never loaded as this."""


class Nut(Base):
    __tablename__ = "nut"

    id: Mapped[int] = mapped_column(primary_key=True)
    tree_id: Mapped[int | None] = mapped_column(ForeignKey("tree.id"))
    tree: Mapped[Tree | None] = relationship(back_populates="nuts", comparator_factory=ByName)
    watched: Mapped[Tree | None] = relationship(active_history=True, overlaps="nuts,tree,loose_nuts")
    any_tree: Mapped[Tree | None] = relationship(enable_typechecks=False, overlaps="nuts,tree,loose_nuts,watched")


class BigNut(Nut):
    """Without polymorphic_on, too."""


class Leaf(Base):
    __tablename__ = "leaf"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[int | None]


@pytest.fixture
def trees(engine: Engine) -> Engine:
    """oak with nuts 1 and 2, elm without."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all([Tree(id=1, name="oak", code=1, nuts=[Nut(id=1), Nut(id=2)]), Tree(id=2, name="elm", code=1)])
        session.add_all([Nut(id=3), Leaf(id=1, code=1), Leaf(id=2, code=1)])
    return engine


@pytest.fixture
def session(trees: Engine) -> Iterator[Session]:
    with Session(trees) as made:
        yield made


@pytest.fixture
def sent(trees: Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(re.sub(r"\s+", " ", statement))

    event.listen(trees, "before_cursor_execute", note)
    yield statements
    event.remove(trees, "before_cursor_execute", note)


def test_operator_is_the_factorys_when_it_overrides_one(session: Session) -> None:
    oak = session.get_one(Tree, 1)

    assert session.scalars(select(Nut.id).where(Nut.tree == "oak").order_by(Nut.id)).all() == [1, 2]
    assert session.scalars(select(Nut.id).where(Nut.tree == oak).order_by(Nut.id)).all() == [1, 2]
    assert session.scalars(select(Nut.id).where(Nut.tree == None)).all() == [3]  # noqa: E711  # SQL
    assert session.scalars(select(Nut.id).where(Nut.tree != oak)).all() == [3]


def test_method_is_the_factorys_when_it_overrides_or_adds_one(session: Session) -> None:
    assert session.scalars(select(Nut.id).where(Nut.tree.in_(["oak", "ash"])).order_by(Nut.id)).all() == [1, 2]
    assert session.scalars(select(Nut.id).where(Nut.tree.named("elm"))).all() == []
    assert session.scalars(select(Tree.name).where(Tree.nuts.some(id=2))).all() == ["oak"]
    assert session.scalars(select(Tree.name).where(Tree.nuts.any())).all() == ["oak"]
    assert session.scalars(select(Tree.name).where(Tree.nuts.contains(session.get_one(Nut, 1)))).all() == ["oak"]


def test_factory_speaks_of_the_alias_when_the_attribute_is_an_aliases(session: Session) -> None:
    nut, tree = aliased(Nut), aliased(Tree)

    assert session.scalars(select(nut.id).where(nut.tree == "oak").order_by(nut.id)).all() == [1, 2]
    assert session.scalars(select(tree.name).where(tree.nuts.some(id=1))).all() == ["oak"]
    joined = select(Nut.id).join(Nut.tree.and_(Tree.name == "oak")).order_by(Nut.id)
    assert session.scalars(joined).all() == [1, 2]
    assert session.scalars(select(Tree.id).join(Tree.nuts.of_type(nut)).where(nut.id == 1)).all() == [1]


def test_comparator_is_made_by_the_factory(trees: Engine) -> None:
    made = Nut.tree.comparator

    assert isinstance(made, ByName) and made.property is Nut.tree.property and made.prop is made.property
    assert made.mapper is inspect(Tree) and made.entity is inspect(Tree)
    assert str(made.__clause_element__()) == str(Nut.tree.__clause_element__())
    assert Nut.tree.property.comparator_factory is ByName
    assert Nut.watched.property.comparator_factory is RelationshipProperty.Comparator


def test_what_nobody_has_is_named_with_the_factory(trees: Engine) -> None:
    with pytest.raises(AttributeError, match=r"nor 'ByName' object associated with Nut.tree has an attribute 'zip'"):
        Nut.tree.zip  # noqa: B018  # reading is what is tested
    with pytest.raises(NotImplementedError, match="operator < is not defined for the relationship"):
        Nut.tree < 3  # noqa: B015  # as above
    with pytest.raises(NotImplementedError, match=r"in_\(\) not yet supported for relationships"):
        Tree.nuts.in_([1])


def test_join_is_kept_when_omit_join_is_false(session: Session, sent: list[str]) -> None:
    session.scalars(select(Tree).options(selectinload(Tree.joined_nuts))).all()
    assert "JOIN nut" in sent[-1]

    session.expire_all()
    session.scalars(select(Tree).options(selectinload(Tree.nuts))).all()
    assert "JOIN" not in sent[-1]


def test_omit_join_true_is_warned_about() -> None:
    with pytest.warns(exc.SAWarning, match="setting omit_join to True is not supported"):
        assert relationship("Nut", omit_join=True).omit_join is True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert relationship("Nut", omit_join=False).omit_join is False


@pytest.mark.parametrize("key", [None, True, False])
def test_members_are_there_once_when_targets_of_a_subquery_load_repeat(trees: Engine, key: bool | None) -> None:
    class Own(DeclarativeBase):
        metadata = Base.metadata

    class Bush(Own):
        __table__ = Tree.__table__
        leaves = relationship(
            "Sheet",
            primaryjoin="foreign(Sheet.code) == Bush.code",
            lazy="subquery",
            distinct_target_key=key,
            viewonly=True,
            order_by="Sheet.id",
        )

    class Sheet(Own):
        __table__ = Leaf.__table__

    with Session(trees) as session:
        bushes = session.scalars(select(Bush).order_by(Bush.id)).all()
        assert [[leaf.id for leaf in bush.leaves] for bush in bushes] == [[1, 2], [1, 2]]
    assert Bush.leaves.property.distinct_target_key is key


def test_subclass_is_refused_when_the_target_is_not_polymorphic(session: Session) -> None:
    oak = session.get_one(Tree, 1)
    oak.nuts.append(BigNut(id=9))
    with pytest.raises(FlushError, match=r'member of collection "Tree.nuts".*configure mapper "Mapper\[Nut\(nut\)\]"'):
        session.flush()
    session.rollback()

    session.get_one(Nut, 1).tree = BigTree(id=9)
    with pytest.raises(FlushError, match=r'member of collection "Nut.tree".*set enable_typechecks=False'):
        session.flush()


def test_subclass_is_accepted_when_enable_typechecks_is_false(session: Session) -> None:
    oak = session.get_one(Tree, 1)
    oak.loose_nuts.append(BigNut(id=9))
    session.get_one(Nut, 3).any_tree = BigTree(id=9)
    session.commit()

    rows = select(Nut.id, Nut.tree_id).where(Nut.id.in_([3, 9])).order_by(Nut.id)
    assert session.execute(rows).all() == [(3, 9), (9, 1)]


@pytest.mark.feature("LOG08")
@pytest.mark.parametrize("key", ["any_tree", "loose_nuts"])
def test_another_class_is_refused_also_when_enable_typechecks_is_false(session: Session, key: str) -> None:
    if key == "any_tree":
        session.get_one(Nut, 1).any_tree = Leaf(id=9)  # type: ignore[assignment]  # the mistake that is tested
    else:
        oak = session.get_one(Tree, 1)
        oak.loose_nuts.append(Leaf(id=9))  # type: ignore[arg-type]  # as above
    with pytest.raises(FlushError, match=r"type <class '.*Leaf'>.*or a polymorphic subclass of this type\.$"):
        session.flush()


def test_info_and_doc_are_kept(trees: Engine) -> None:
    assert Tree.nuts.info == {"shown": True} and Tree.nuts.info is Tree.nuts.property.info
    assert Nut.tree.info == {}
    assert Tree.nuts.__doc__ == "what hangs on it" == Tree.nuts.property.doc


def test_old_value_is_loaded_when_history_is_active(session: Session, sent: list[str]) -> None:
    nut, elm = session.get_one(Nut, 1), session.get_one(Tree, 2)
    sent.clear()

    nut.watched = elm

    assert len(sent) == 1
    assert [one.name for one in inspect(nut).attrs.watched.history.deleted] == ["oak"]


def test_old_value_is_not_loaded_when_history_is_passive(session: Session, sent: list[str]) -> None:
    nut, elm = session.get_one(Nut, 1), session.get_one(Tree, 2)
    sent.clear()

    nut.tree = elm

    assert sent == []
    assert inspect(nut).attrs.tree.history.deleted == ()


def test_deleting_loads_the_old_value_when_history_is_active(session: Session, sent: list[str]) -> None:
    nut = session.get_one(Nut, 1)
    sent.clear()

    del nut.watched

    assert len(sent) == 1
    assert [one.name for one in inspect(nut).attrs.watched.history.deleted] == ["oak"]
