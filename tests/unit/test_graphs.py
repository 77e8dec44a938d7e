"""Flushes over graphs: batches, what a failure leaves, what listeners may do, sizes."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from pyorm import event, func, inspect, select
from pyorm.exc import CircularDependencyError, IntegrityError
from pyorm.orm import Session
from tests.conformance.test_frames import frames
from tests.unit.graph_models import Base, Child, Node, Owned, Owner, Parent, Person, Tag, Team, links


@pytest.fixture(autouse=True)
def tables(create: Callable[[Any], None]) -> None:
    create(Base)


def count(session: Session, entity: Any) -> int:
    return session.scalar(select(func.count()).select_from(entity)) or 0


# --- batches ---------------------------------------------------------------------------------


def test_every_depth_of_a_tree_is_one_batch(session: Session, statements: list[str]) -> None:
    root = Node(down=[Node(down=[Node() for _ in range(3)]) for _ in range(4)])
    session.add(root)
    session.flush()

    assert count(session, Node) == 17
    rows = session.execute(select(Node.id, Node.up_id).order_by(Node.id)).all()
    assert [up for _, up in rows] == [None, 1, 1, 1, 1, *[2] * 3, *[3] * 3, *[4] * 3, *[5] * 3]


def test_members_of_all_parents_are_one_batch(session: Session, counted: Any) -> None:
    session.add_all([Parent(children=[Child(), Child()]) for _ in range(60)])
    session.flush()

    assert count(session, Child) == 120
    batched = counted["unnest"] + counted["values"] + counted["rows"]
    assert batched == 180


def test_rows_of_members_are_found_where_the_cascade_put_them(session: Session, counted: Any) -> None:
    session.add_all([Parent(children=[Child() for _ in range(5)]) for _ in range(10)])
    session.flush()
    assert counted["next_row"] == 100  # to be written, and to get its key

    before = counted["next_row"]
    parents = [Parent() for _ in range(4)]
    children = [Child(parent=parent) for parent in reversed(parents)]
    session.add_all(children)  # each before its parent
    session.flush()
    assert counted["next_row"] == before
    assert [c.parent_id for c in children] == [p.id for p in reversed(parents)]


def test_links_of_all_rows_are_one_batch(session: Session, statements: list[str]) -> None:
    tags = [Tag() for _ in range(3)]
    session.add_all([Child(tags=tags) for _ in range(20)])
    session.flush()

    assert len([s for s in statements if "links" in s]) == 1
    assert count(session, links) == 60


def test_a_flush_over_a_graph_runs_no_python_per_row(session: Session) -> None:
    def graph(n: int) -> list[Any]:
        tag = Tag()
        root = Node()
        return [
            *(Parent(children=[Child(tags=[tag]), Child()]) for _ in range(n)),
            *(Node(up=root) for _ in range(n)),
            *(Owner(things=[Owned()]) for _ in range(n)),
        ]

    def written(n: int) -> list[str]:
        session.add_all(graph(n))
        return frames(session.flush)

    for n in (30, 90):  # texts are made at first use
        written(n)
    few, many = written(30), written(90)

    assert len(many) == len(few), sorted(set(many) - set(few))


def test_a_long_chain_needs_no_recursion(session: Session) -> None:
    nodes = [Node() for _ in range(5000)]
    for above, below in itertools.pairwise(nodes):
        below.up = above
    session.add(nodes[-1])
    session.flush()
    assert count(session, Node) == 5000

    session.delete(nodes[0])
    session.flush()

    assert count(session, Node) == 0


# --- failures --------------------------------------------------------------------------------


def test_graph_is_pending_as_it_was_when_a_flush_fails(session: Session) -> None:
    parent = Parent(name="p")
    children = [Child(name="a", parent_id=77), Child(name="a")]
    parent.children = children
    tag = Tag(children=children[:1])
    session.add_all([parent, tag])
    with pytest.raises(IntegrityError):
        session.flush()

    assert (parent.id, tag.id, [c.id for c in children]) == (None, None, [None, None])
    assert [c.parent_id for c in children] == [77, None]
    assert inspect(children[0]).attrs.parent_id.history.added == [77]
    assert parent.children == children and children[0].tags == [tag]
    session.rollback()
    assert not session.new

    children[1].name = "b"
    session.add_all([parent, tag])
    session.commit()
    assert [c.parent_id for c in children] == [parent.id, parent.id]
    assert count(session, links) == 1


def test_persistent_rows_are_as_in_the_database_when_a_flush_fails(session: Session) -> None:
    one, two = Parent(name="one", children=[Child(name="a")]), Parent(name="two")
    session.add_all([one, two])
    session.commit()
    child = one.children[0]
    child.parent = two
    session.add_all([Child(name="x"), Child(name="x")])
    with pytest.raises(IntegrityError):
        session.flush()
    session.rollback()

    assert child.parent_id == one.id and child.parent is one
    assert one.children == [child] and two.children == []


def test_orphans_live_again_when_their_transaction_is_rolled_back(session: Session) -> None:
    owner = Owner(things=[Owned(), Owned()])
    session.add(owner)
    session.commit()
    thing = owner.things[0]
    owner.things.remove(thing)
    session.flush()
    assert inspect(thing).deleted and thing not in session

    session.rollback()

    assert inspect(thing).persistent and owner.things[0] is thing
    session.delete(owner)
    session.commit()
    assert inspect(thing).detached and count(session, Owned) == 0


def test_savepoint_gives_back_links_and_orphans(session: Session) -> None:
    child, owner = Child(tags=[Tag(), Tag()]), Owner(things=[Owned()])
    session.add_all([child, owner])
    session.commit()
    tags, thing = list(child.tags), owner.things[0]
    nested = session.begin_nested()
    child.tags.remove(tags[0])
    owner.things = []
    extra = Child(tags=tags)
    session.add(extra)
    session.flush()
    assert count(session, links) == 3 and count(session, Owned) == 0
    nested.rollback()

    assert child.tags == tags and owner.things == [thing]
    assert inspect(extra).transient and extra.tags == tags
    session.commit()
    assert count(session, links) == 2 and count(session, Owned) == 1


def test_deleted_graph_is_persistent_after_rollback(session: Session) -> None:
    root = Node(down=[Node(down=[Node()]), Node()])
    session.add(root)
    session.commit()
    session.delete(root)
    session.flush()
    assert count(session, Node) == 0
    session.rollback()

    assert len(root.down) == 2 and all(inspect(n).persistent for n in root.down)
    assert not session.deleted


def test_rows_that_have_no_order_name_themselves(session: Session) -> None:
    a, b = Node(), Node()
    a.up, b.up = b, a
    session.add(a)
    with pytest.raises(CircularDependencyError, match=r"Node\.up") as caught:
        session.flush()

    assert caught.value.cycles and caught.value.edges
    session.rollback()
    b.up = None
    session.add_all([a, b])
    session.commit()
    assert a.up is b


def test_new_row_below_an_orphan_leaves_with_it(session: Session) -> None:
    root = Node(down=[Node()])
    session.add(root)
    session.commit()
    below = Node()
    root.down[0].down.append(below)
    root.down.clear()
    session.commit()

    assert inspect(below).transient and count(session, Node) == 1


# --- post_update -----------------------------------------------------------------------------


def test_second_update_also_takes_a_member_out(session: Session) -> None:
    team = Team(members=[Person(), Person()])
    team.leader = team.members[0]
    session.add(team)
    session.commit()
    person = team.members[1]
    team.members.remove(person)
    session.commit()
    assert person.team_id is None

    session.delete(team)
    session.commit()
    assert count(session, Person) == 2
    assert [p.team_id for p in session.scalars(select(Person))] == [None, None]


# --- what runs in between ----------------------------------------------------------------------


def test_before_flush_may_change_the_graph(session: Session) -> None:
    parent = Parent(children=[Child(name="a"), Child(name="b")])
    session.add(parent)
    session.commit()

    @event.listens_for(session, "before_flush")
    def more(session: Session, context: Any, instances: Any) -> None:
        for made in [x for x in session.dirty if isinstance(x, Parent)]:
            made.children.append(Child(name="c"))
            session.delete(made.children[0])

    parent.name = "changed"
    session.commit()

    assert [c.name for c in session.scalars(select(Child).order_by(Child.name))] == ["b", "c"]
    assert [c.name for c in parent.children] == ["b", "c"]


def test_copied_keys_are_told_to_listeners_of_the_column(session: Session) -> None:
    told: list[Any] = []

    @event.listens_for(Child.parent_id, "set")
    def note(child: Child, value: Any, old: Any, initiator: Any) -> None:
        told.append((child.name, value))

    try:
        parent = Parent(children=[Child(name="a"), Child(name="b")])
        session.add(parent)
        session.flush()
    finally:
        event.remove(Child.parent_id, "set", note)

    assert told == [("a", parent.id), ("b", parent.id)]


def test_listener_that_refuses_a_key_ends_the_flush(session: Session) -> None:
    def refuse(child: Child, value: Any, old: Any, initiator: Any) -> None:
        raise ValueError("no key for you")

    event.listen(Child.parent_id, "set", refuse)
    try:
        parent = Parent(children=[Child(name="a")])
        session.add(parent)
        with pytest.raises(ValueError, match="no key"):
            session.flush()
    finally:
        event.remove(Child.parent_id, "set", refuse)
    assert parent.id is None
    session.rollback()
    session.add(parent)
    session.commit()
    assert parent.children[0].parent_id == parent.id


@pytest.mark.filterwarnings("ignore:Usage of the 'collection remove' operation")
def test_row_deleted_by_a_listener_of_an_insert_is_no_trouble(session: Session) -> None:
    owner = Owner(things=[Owned(), Owned()])
    session.add(owner)
    session.commit()

    def drop(mapper: Any, connection: Any, target: Any) -> None:
        owner.things.clear()
        gc.collect()

    event.listen(Parent, "before_insert", drop)
    try:
        owner.things.pop()
        session.add(Parent())
        session.commit()
    finally:
        event.remove(Parent, "before_insert", drop)

    session.commit()
    assert count(session, Owned) == 0 or owner.things


def test_only_the_given_objects_are_flushed_with_what_hangs_on_them(session: Session) -> None:
    first, second = Parent(name="1", children=[Child(name="a")]), Parent(name="2")
    session.add_all([first, second])
    session.flush([first])

    assert inspect(first).persistent and inspect(first.children[0]).persistent
    assert inspect(second).pending and first.children[0].parent_id == first.id
    session.commit()
    assert inspect(second).persistent


def test_two_sessions_write_their_own_graphs(engine: Any) -> None:
    with Session(engine) as one:
        parent = Parent(children=[Child(name="a")])
        one.add(parent)
        one.commit()
        one.expunge_all()
        with Session(engine) as other:
            other.add(parent)
            parent.children.append(Child(name="b"))
            other.commit()
            assert [c.parent_id for c in parent.children] == [parent.id] * 2
