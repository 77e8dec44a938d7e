"""Listeners that change, drop or expunge instances while a flush is at work on their graph.

Whatever they do: no crash, an exception or none, and a session that works after a rollback.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyorm import event, select
from pyorm.engine import Engine
from pyorm.orm import Session, make_transient
from tests.unit.graph_models import Base, Child, Node, Owned, Owner, Parent, Tag

Deed = Callable[[Session, Any], None]


def clear_collections(session: Session, target: Any) -> None:
    for obj in [*session.new, *session.identity_map.values()]:
        for name in ("children", "tags", "things", "down"):
            if hasattr(type(obj), name):
                getattr(obj, name).clear()
    gc.collect()


def replace_references(session: Session, target: Any) -> None:
    for obj in [*session.new, *session.identity_map.values()]:
        if isinstance(obj, Child):
            obj.parent = Parent(name="other")
        if isinstance(obj, Node):
            obj.up = None


def expunge_everything(session: Session, target: Any) -> None:
    session.expunge_all()
    gc.collect()


def drop_dicts(session: Session, target: Any) -> None:
    for obj in [*session.new, *session.identity_map.values()]:
        vars(obj).clear()
    gc.collect()


def make_all_transient(session: Session, target: Any) -> None:
    for obj in [*session.new, *session.identity_map.values()]:
        make_transient(obj)


def delete_everything(session: Session, target: Any) -> None:
    for obj in list(session.identity_map.values()):
        session.delete(obj)


def map_one_more(session: Session, target: Any) -> None:
    name = f"Late{map_one_more.__dict__.setdefault('n', 0)}"
    map_one_more.__dict__["n"] += 1
    type(name, (Node,), {"__mapper_args__": {}})


DEEDS: list[Deed] = [
    clear_collections, replace_references, expunge_everything, drop_dicts, make_all_transient, delete_everything,
    map_one_more,
]  # fmt: skip
EVENTS = [
    (Parent, "before_insert"), (Child, "before_insert"), (Child, "after_insert"), (Owned, "before_delete"),
    (Node, "before_update"), (Child.parent_id, "set"), (Node.up_id, "set"),
]  # fmt: skip


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        yield made


def graph(session: Session) -> None:
    """A graph of persistent and new instances, ready to be flushed."""
    owner = Owner(things=[Owned(), Owned()])
    root = Node(down=[Node(down=[Node()]), Node()])
    old = Parent(name="old", children=[Child(name="o", tags=[Tag()])])
    session.add_all([owner, root, old])
    session.commit()
    owner.things.pop()
    root.down[1].up = root.down[0]
    new = Parent(name="new", children=[Child(name="a", tags=list(old.children[0].tags)), Child(name="b")])
    new.children.append(old.children[0])
    session.add_all([new, Node(up=root)])


@pytest.mark.parametrize("deed", DEEDS, ids=lambda d: d.__name__)
@pytest.mark.parametrize("where", EVENTS, ids=lambda e: f"{e[0]}:{e[1]}".replace("tests.unit.graph_models.", ""))
def test_graph_survives_its_listeners(session: Session, deed: Deed, where: Any) -> None:
    graph(session)
    done: list[int] = []

    def listener(*args: Any) -> None:
        if not done:
            done.append(1)
            deed(session, args[-1])

    event.listen(*where, listener)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                session.flush()
            except Exception:
                session.rollback()
    finally:
        event.remove(*where, listener)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session.rollback()
    gc.collect()

    session.add(Parent(name="again", children=[Child(name="z")]))
    session.commit()
    assert session.scalars(select(Child.name).where(Child.name == "z")).all() == ["z"]
