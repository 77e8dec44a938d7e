"""Collections of foreign and spilled instances; frames per member; what is let go."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, String, Table
from pyorm.orm import Session, attributes, declarative_base, registry, relationship
from pyorm.orm.attributes import get_history
from tests.orm.family import Child, Parent


class Author:
    """Mapped imperatively: its values lie in its dict."""

    def __init__(self, name: str = "") -> None:
        self.name = name


class Book:
    """Mapped imperatively."""

    def __init__(self, name: str = "") -> None:
        self.name = name


mappings = registry()
_authors = Table("author", mappings.metadata, Column("id", Integer, primary_key=True), Column("name", String))
_books = Table(
    "book", mappings.metadata, Column("id", Integer, primary_key=True), Column("name", String),
    Column("author_id", ForeignKey("author.id")),
)  # fmt: skip
mappings.map_imperatively(Author, _authors, properties={"books": relationship(Book, back_populates="author")})
mappings.map_imperatively(Book, _books, properties={"author": relationship(Author, back_populates="books")})


def test_foreign_instances_follow_each_other() -> None:
    author, book, other = Author(), Book("a"), Book("b")
    author.books.append(book)  # type: ignore[attr-defined]
    other.author = author  # type: ignore[attr-defined]
    assert book.author is author and author.books == [book, other]  # type: ignore[attr-defined]
    assert vars(author)["books"] is author.books  # type: ignore[attr-defined]
    author.books = [other]  # type: ignore[attr-defined]
    assert book.author is None and get_history(author, "books") == ([other], [], [])  # type: ignore[attr-defined]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda obj: pickle.loads(pickle.dumps(obj))])
def test_copied_foreign_graph_is_linked_again(copied: Any) -> None:
    author = Author("x")
    author.books = [Book("a")]  # type: ignore[attr-defined]
    again = copied(author)
    assert again.books[0].author is again
    again.books.append(extra := Book("b"))
    assert extra.author is again and len(author.books) == 1  # type: ignore[attr-defined]


def test_spilled_instance_keeps_its_collection() -> None:
    parent = Parent(children=[Child(name="a")])
    shown = vars(parent)
    parent.children.append(second := Child(name="b"))
    assert shown["children"] is parent.children and second.parent is parent
    parent.children = [second]
    assert shown["children"] == [second] and get_history(parent, "children").added == [second]
    del parent.children
    assert "children" not in shown


def test_state_set_by_the_users_own_method_is_linked_again() -> None:
    base: Any = declarative_base()

    class Owner(base):
        __tablename__ = "owner"
        id = Column(Integer, primary_key=True)
        things = relationship("Thing", back_populates="owner")

        def __setstate__(self, state: dict[str, Any]) -> None:
            self.__dict__.update(state)

    class Thing(base):
        __tablename__ = "thing"
        id = Column(Integer, primary_key=True)
        owner_id = Column(ForeignKey("owner.id"))
        owner = relationship(Owner, back_populates="things")

    again = copy.deepcopy(Owner(things=[Thing()]))
    again.things.append(extra := Thing())
    assert extra.owner is again


def test_raw_list_in_the_dict_is_read_as_it_is() -> None:
    parent = Parent()
    vars(parent)["children"] = [child := Child()]
    assert parent.children == [child] and child.parent is None
    assert get_history(parent, "children") == ((), [child], ())


# --- frames ---


def frames(call: Callable[[], Any]) -> int:
    """Return how many Python functions a call enters."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    gc.disable()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count - 1  # the call itself


MEMBERS = 200


@pytest.mark.parametrize(
    "change",
    [
        lambda parent, members: parent.children.extend(members),
        lambda parent, members: setattr(parent, "children", members),
        lambda parent, members: attributes.set_committed_value(parent, "children", members),
        lambda parent, members: (setattr(parent, "children", members), parent.children.clear()),
        lambda parent, members: (setattr(parent, "children", members), get_history(parent, "children")),
        lambda parent, members: (setattr(parent, "children", members), Session().add(parent)),
    ],
)
def test_no_frame_runs_for_a_member_without_listeners(change: Any) -> None:
    members = [Child() for _ in range(MEMBERS)]
    change(Parent(), [Child()])  # imports what is imported at first use
    assert frames(lambda: change(Parent(), members)) < MEMBERS // 4


# --- what is let go ---


def play() -> None:
    """Change collections in many ways."""
    session = Session()
    one, two = Parent(name="1"), Parent(name="2")
    session.add_all([one, two])
    children = [Child(name=str(i)) for i in range(6)]
    one.children = children[:3]
    two.children.extend(children[3:])
    for child in children:
        child.parent = two
    two.children.pop()
    two.children[0:2] = [Child()]
    with pytest.raises(AttributeError):
        one.children.append(3)
    one.children, two.children = two.children, []
    del one.children
    list(one.children._sa_adapter)
    pickle.loads(pickle.dumps(two))
    copy.copy(two)
    session.expunge_all()


@pytest.mark.leak
def test_nothing_is_left_behind_by_changes() -> None:
    def objects() -> tuple[int, int, int]:
        gc.collect()
        living = gc.get_objects()
        return sum(isinstance(one, (Parent, Child)) for one in living), sys.getrefcount(Parent), len(living)

    for _ in range(3):
        play()
    before = objects()
    for _ in range(5):
        play()
    after = objects()
    assert after[0] <= before[0] and after[1] <= before[1] and after[2] - before[2] < 10


def test_ring_through_queue_and_empty_collection_is_freed() -> None:
    parent, child = Parent(), Child()
    parent.children  # noqa: B018 - an empty collection is handed out and kept
    child.parent = parent
    adapter = parent.children._sa_adapter
    gone = weakref.ref(parent), weakref.ref(child), weakref.ref(adapter)
    parent.me = adapter  # type: ignore[attr-defined]
    del parent, child, adapter
    gc.collect()
    assert [ref() for ref in gone] == [None, None, None]
