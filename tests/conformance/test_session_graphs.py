"""Graphs in sessions: deep ones, failed flushes, and what is said of a detached instance."""

from __future__ import annotations

import copy
import gc
import itertools
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyorm import ForeignKey, Integer, String, event, exc, inspect, select
from pyorm.engine import Engine
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    deferred,
    make_transient_to_detached,
    mapped_column,
    relationship,
)
from pyorm.orm.exc import DetachedInstanceError

DEPTH = 30_000


class Base(DeclarativeBase):
    """Base of the classes below."""


class Team(Base):
    """A row with members; everything cascades to them."""

    __tablename__ = "teams"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(String(20))
    notes: Mapped[str | None] = deferred(mapped_column(String(20)))
    members: Mapped[list[Member]] = relationship(back_populates="team", cascade="all", order_by="Member.id")


class Member(Base):
    """A row with a unique name."""

    __tablename__ = "members"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20), unique=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    team: Mapped[Team | None] = relationship(back_populates="members")


class Link(Base):
    """A link of a chain."""

    __tablename__ = "links"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    next_id: Mapped[int | None] = mapped_column(ForeignKey("links.id"))
    next: Mapped[Link | None] = relationship(remote_side="Link.id", cascade="all")


@pytest.fixture
def graph(engine: Engine) -> Engine:
    """The engine; team 1 has the members a and b."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Team(id=1, name="t", members=[Member(name="a"), Member(name="b")]))
    return engine


@pytest.fixture
def session(graph: Engine) -> Iterator[Session]:
    """A session."""
    with Session(graph) as made:
        yield made


def chain(length: int) -> Link:
    """Return the first of a chain of new links, joined without recursion."""
    first = last = Link(id=1)
    for number in range(2, length + 1):
        last.next = Link(id=number)
        last = last.next
    last.next = None
    return first


def length_of(link: Link | None) -> int:
    """Count the links of a chain."""
    count = 0
    while link is not None:
        count, link = count + 1, link.next
    return count


def unlink(link: Link | None) -> None:
    """Take a chain apart, so that freeing it does not recurse."""
    while link is not None:
        following = vars(link).get("next")
        vars(link).pop("next", None)
        link = following


# --- deep graphs ---


def test_merge_goes_down_a_deep_chain(session: Session) -> None:
    first = chain(DEPTH)
    for link in walk(first):
        make_transient_to_detached(link)

    merged = session.merge(first, load=False)

    assert length_of(merged) == DEPTH
    assert len(session.identity_map) == DEPTH
    unlink(first)


def walk(link: Link | None) -> Iterator[Link]:
    """Yield the links of a chain."""
    while link is not None:
        following = link.next
        yield link
        link = following


def test_merge_of_new_links_is_deep_too(session: Session) -> None:
    first = chain(DEPTH)
    for link in walk(first):
        del link.id

    merged = session.merge(first)

    assert len(session.new) == DEPTH
    assert length_of(merged) == DEPTH
    unlink(first)


def test_expunge_and_expire_go_down_a_deep_chain(session: Session) -> None:
    first = chain(DEPTH)
    for link in walk(first):
        make_transient_to_detached(link)
    links = list(walk(first))
    session.add(first)
    assert len(session.identity_map) == DEPTH

    session.expire(first)
    assert all("next" in inspect(link).unloaded for link in (links[0], links[-1]))

    for here, there in itertools.pairwise(links):
        here.next = there
    session.expunge(first)
    assert not session.identity_map
    assert inspect(links[-1]).detached


# --- failed flush ---


def test_failed_flush_leaves_the_graph_pending_and_whole(session: Session) -> None:
    team = Team(name="new", members=[Member(name="c"), Member(name="a")])
    session.add(team)

    with pytest.raises(exc.IntegrityError):
        session.flush()

    c, a = team.members
    assert set(session.new) == {team, c, a}
    assert (c.team, a.team) == (team, team)
    assert (team.id, c.id, c.team_id) == (None, None, None)

    session.rollback()
    assert [inspect(o).transient for o in (team, c, a)] == [True] * 3
    assert team.members == [c, a]

    a.name = "d"
    session.add(team)
    session.commit()
    assert [m.name for m in team.members] == ["c", "d"]


def test_failed_flush_in_a_savepoint_gives_the_outer_graph_back(session: Session) -> None:
    team = session.get_one(Team, 1)
    with pytest.raises(exc.IntegrityError), session.begin_nested():
        team.members.append(Member(name="a"))

    assert [m.name for m in team.members] == ["a", "b"]
    team.members.append(Member(name="c"))
    session.commit()
    assert len(team.members) == 3


# --- what a merge refuses ---


def test_merge_says_what_is_wrong_when_two_classes_share_an_identity(engine: Engine) -> None:
    class Own(DeclarativeBase):
        pass

    class Animal(Own):
        __tablename__ = "animals"
        id: Mapped[int] = mapped_column(primary_key=True)
        kind: Mapped[str] = mapped_column(String(10))
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}

    class Cat(Animal):
        lives: Mapped[int | None]
        __mapper_args__ = {"polymorphic_identity": "cat"}

    class Dog(Animal):
        tricks: Mapped[int | None]
        __mapper_args__ = {"polymorphic_identity": "dog"}

    Own.metadata.create_all(engine)
    with Session(engine) as session:
        cat = Cat(id=1)
        session.add(cat)
        session.flush()

        with pytest.raises(exc.InvalidRequestError, match=r"merge\(\) can't copy instance <Dog .*Cat"):
            session.merge(Dog(id=1, tricks=3))


def test_merge_refuses_what_is_not_mapped(session: Session) -> None:
    with pytest.raises(exc.InvalidRequestError, match="is not mapped"):
        session.merge("text")
    with pytest.raises(TypeError):
        session.merge()  # type: ignore[call-arg]


def test_error_in_a_listener_ends_a_merge_and_leaves_autoflush_on(session: Session) -> None:
    class Stop(Exception):
        pass

    @event.listens_for(Member.name, "set")
    def refuse(*_: Any) -> None:
        raise Stop

    try:
        given = Team(id=1, members=[Member.__new__(Member)])
        vars(given.members[0])["name"] = "z"
        with pytest.raises(Stop):
            session.merge(given)
    finally:
        event.remove(Member.name, "set", refuse)
    assert session.autoflush


# --- detached ---


def by_close(session: Session, team: Team) -> None:
    session.close()


def by_reset(session: Session, team: Team) -> None:
    session.reset()


def by_expunge(session: Session, team: Team) -> None:
    session.expunge(team)


def by_expunge_all(session: Session, team: Team) -> None:
    session.expunge_all()


def by_invalidate(session: Session, team: Team) -> None:
    session.invalidate()


def by_block(session: Session, team: Team) -> None:
    session.__exit__(None, None, None)


LEFT = [
    (by_close, r"Session\.close\(\)"),
    (by_block, r"end of its with block"),
    (by_reset, r"Session\.reset\(\) detached it"),
    (by_expunge, r"Session\.expunge\(\)"),
    (by_expunge_all, r"Session\.expunge_all\(\) detached it"),
    (by_invalidate, r"Session\.invalidate\(\) detached it"),
]


@pytest.mark.parametrize(("leave", "words"), LEFT, ids=[leave.__name__ for leave, _ in LEFT])
@pytest.mark.parametrize("modified", [False, True])
def test_detached_error_names_attribute_and_how(
    session: Session, leave: Callable[[Session, Team], None], words: str, modified: bool
) -> None:
    team = session.get_one(Team, 1)
    if modified:
        team.name = "changed"
    leave(session, team)

    with pytest.raises(DetachedInstanceError, match=rf"lazy load operation of attribute 'members'.*{words}") as caught:
        team.members  # noqa: B018
    assert caught.value.code == "bhk3"
    with pytest.raises(DetachedInstanceError, match=rf"deferred load operation of attribute 'notes'.*{words}"):
        team.notes  # noqa: B018


def test_detached_error_of_an_expired_attribute(session: Session) -> None:
    team = session.get_one(Team, 1)
    session.commit()
    session.close()

    with pytest.raises(
        DetachedInstanceError, match=r"attribute refresh operation cannot proceed \(attribute 'name'; Se"
    ):
        team.name  # noqa: B018


def test_detached_error_of_a_dropped_session(graph: Engine) -> None:
    session = Session(graph)
    team = session.get_one(Team, 1)
    del session
    gc.collect()

    with pytest.raises(DetachedInstanceError, match=r"its Session was dropped without close\(\)"):
        team.members  # noqa: B018


def test_detached_error_of_a_deleted_row(session: Session) -> None:
    member = session.scalars(select(Member)).first()
    assert member is not None
    session.delete(member)
    session.commit()

    with pytest.raises(DetachedInstanceError, match=r"its row was deleted, and commit\(\) detached it"):
        member.team  # noqa: B018


def test_detached_error_of_what_was_never_in_a_session(session: Session) -> None:
    made = Team(id=1)
    make_transient_to_detached(made)
    with pytest.raises(DetachedInstanceError, match=r"make_transient_to_detached\(\) made it"):
        made.name  # noqa: B018

    team = session.get_one(Team, 1)
    back = pickle.loads(pickle.dumps(team))
    with pytest.raises(DetachedInstanceError, match="it comes from a pickle or a copy"):
        back.members  # noqa: B018


def test_added_again_and_written_it_rolls_back_as_any_other(session: Session) -> None:
    """How an instance left stands where the number of its transaction stands later."""
    team = session.get_one(Team, 1)
    session.expunge(team)
    session.add(team)
    with session.begin_nested() as nested:
        team.name = "changed"
        session.flush()
        nested.rollback()

    assert team.name == "t"


# --- copies ---


def test_pickled_graph_comes_back_whole(session: Session) -> None:
    team = session.get_one(Team, 1)
    assert [m.team is team for m in team.members] == [True, True]
    session.close()

    back = pickle.loads(pickle.dumps(team))

    assert [m.name for m in back.members] == ["a", "b"]
    assert all(m.team is back for m in back.members)
    with Session(session.get_bind()) as other:
        other.add(back)
        back.members.append(Member(name="c"))
        other.commit()
        assert other.scalars(select(Member.team_id).where(Member.name == "c")).all() == [1]


def test_deepcopy_of_a_detached_graph_is_detached(session: Session) -> None:
    team = session.get_one(Team, 1)
    assert [m.team is team for m in team.members] == [True, True]
    session.close()

    twin = copy.deepcopy(team)

    assert twin is not team
    assert inspect(twin).detached
    assert twin.members[0] is not team.members[0]
    assert twin.members[0].team is twin
