"""Association proxies and ordering lists, against the reference library's results (tests/golden/association.json)."""

from __future__ import annotations

import copy
import json
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, String, exc, inspect
from pyorm.ext.associationproxy import AssociationProxy, AssociationProxyExtensionType, association_proxy
from pyorm.ext.orderinglist import OrderingList, count_from_n_factory, ordering_list
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    aliased,
    declarative_base,
    mapped_column,
    relationship,
)
from tests.golden.cases_association import run

EXPECTED = json.loads((Path(__file__).resolve().parent.parent / "golden" / "association.json").read_text())
found = cache(lambda: run("pyorm"))


@pytest.mark.filterwarnings("ignore::pyorm.exc.SAWarning")
@pytest.mark.parametrize("name", sorted(EXPECTED["logs"]))
def test_results_are_those_of_the_reference(name: str) -> None:
    assert found()[name] == EXPECTED["logs"][name]


def test_golden_file_names_the_library_that_wrote_it() -> None:
    assert EXPECTED["library"] and EXPECTED["version"]
    assert set(EXPECTED["logs"]) == set(found())


Base: Any = declarative_base()


class Owner(Base):
    """Has words behind things."""

    __tablename__ = "owner"
    id = Column(Integer, primary_key=True)
    things = relationship("Thing", back_populates="owner", collection_class=ordering_list("position"))
    words: AssociationProxy[list[str]] = association_proxy("things", "word", info={"a": 1})


class Thing(Base):
    """Has a word and a position."""

    __tablename__ = "thing"
    id = Column(Integer, primary_key=True)
    owner_id = Column(ForeignKey("owner.id"))
    word = Column(String)
    position = Column(Integer)
    owner = relationship(Owner, back_populates="things")

    def __init__(self, word: str) -> None:
        self.word = word


def test_related_class_is_the_default_creator() -> None:
    owner = Owner(words=["a", "b"])
    assert [(thing.word, thing.position, thing.owner) for thing in owner.things] == [("a", 0, owner), ("b", 1, owner)]


def test_proxy_is_known_to_inspection() -> None:
    descriptor = inspect(Owner).all_orm_descriptors["words"]
    assert descriptor.extension_type is AssociationProxyExtensionType.ASSOCIATION_PROXY
    assert descriptor.for_class(Owner) is Owner.words and descriptor.for_class(int) is None
    assert Owner.words.info == {"a": 1} and Owner.words.attr == (Owner.things, Thing.word)


def test_criterion_of_an_alias_is_about_the_alias() -> None:
    assert "owner AS o" in str(aliased(Owner, name="o").words == "x")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda obj: pickle.loads(pickle.dumps(obj))])
def test_copied_object_has_a_proxy_of_its_own(copied: Any) -> None:
    owner = Owner(words=["a"])
    again = copied(owner)
    again.words.append("b")
    assert list(again.words) == ["a", "b"] and list(owner.words) == ["a"]
    assert [thing.position for thing in again.things] == [0, 1] and type(again.things) is OrderingList


def test_mixin_may_declare_a_proxy() -> None:
    class WithWords:
        words = association_proxy("things", "word")

    class Plain(WithWords):
        pass

    assert isinstance(Plain.words, AssociationProxy)
    with pytest.raises(exc.InvalidRequestError, match="Class 'Plain' is not mapped"):
        Plain().words = []


def test_options_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(exc.ArgumentError, match="mutually exclusive"):
        association_proxy("a", "b", cascade_scalar_deletes=True, create_on_none_assignment=True)


def test_own_accessors_and_collection_may_stand_behind_a_proxy() -> None:
    base: Any = declarative_base()

    class Pair(base):
        __tablename__ = "pair"
        id = Column(Integer, primary_key=True)
        box_id = Column(ForeignKey("box.id"))
        value = Column(String)

    class Box(base):
        __tablename__ = "box"
        id = Column(Integer, primary_key=True)
        pairs = relationship(Pair)
        upper = association_proxy(
            "pairs",
            "value",
            creator=lambda value: Pair(value=value),
            getset_factory=lambda kind, proxy: (
                lambda one: one.value.upper(),
                lambda one, value: setattr(one, "value", value),
            ),
        )
        custom = association_proxy(
            "pairs", "value", proxy_factory=lambda lazy, creator, name, parent: [one.value for one in lazy()],
            proxy_bulk_set=lambda proxy, values: proxy.extend(values),
        )  # fmt: skip

    box = Box(upper=["a", "b"])
    assert list(box.upper) == ["A", "B"] and box.custom == ["a", "b"]


def test_counting_functions_say_where_they_start() -> None:
    assert [count_from_n_factory(4)(i, []) for i in range(3)] == [4, 5, 6]
    assert count_from_n_factory(4).__name__ == "count_from_4"


def test_ordering_list_works_without_a_mapping() -> None:
    class Plain:
        position = None

    numbered = OrderingList("position", reorder_on_append=True)
    numbered.append(one := Plain())
    assert one.position == 0
    again = pickle.loads(pickle.dumps(OrderingList("position")))
    assert again == [] and again.ordering_attr == "position"


def test_proxy_is_a_field_of_a_mapped_dataclass() -> None:
    class Fields(MappedAsDataclass, DeclarativeBase):
        pass

    class Shelf(Fields):
        __tablename__ = "shelf"
        id: Mapped[int] = mapped_column(primary_key=True, init=False)
        books: Mapped[list[Book]] = relationship(lambda: Book, default_factory=list, repr=False)
        titles: AssociationProxy[list[str]] = association_proxy("books", "title", init=False, repr=False)

    class Book(Fields):
        __tablename__ = "book"
        id: Mapped[int] = mapped_column(primary_key=True, init=False)
        title: Mapped[str]
        shelf_id: Mapped[int | None] = mapped_column(ForeignKey("shelf.id"), init=False)

    shelf = Shelf(books=[Book("a")])
    shelf.titles.append("b")
    assert [book.title for book in shelf.books] == ["a", "b"] and repr(shelf).endswith("Shelf(id=None)")
    assert list(Shelf().titles) == []
