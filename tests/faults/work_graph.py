"""Graphs of instances while memory runs out: a flush writes all of them, or none and nothing has changed."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from pyorm import create_engine, func, select
from pyorm.engine import Engine
from pyorm.orm import Session
from tests.faults.walk import Outcome, Work, piece
from tests.unit.graph_models import Base, Child, Node, Owned, Owner, Parent, Person, Tag, Team

Steps = Generator[Work, Outcome, None]
BOTH = ("sqlite", "postgresql")
ENGINES: dict[str, Engine] = {}


@contextmanager
def session_of(url: str) -> Iterator[Session]:
    """A session on empty tables; they are empty afterwards too."""
    if url not in ENGINES:
        ENGINES[url] = create_engine(url)
        Base.metadata.drop_all(ENGINES[url])
        Base.metadata.create_all(ENGINES[url])
        with Session(ENGINES[url]) as warm:  # plans and texts of all classes
            everything(warm)
            warm.flush()
    session = Session(ENGINES[url])
    try:
        yield session
    finally:
        session.close()
    assert ENGINES[url].pool.checkedout() == 0


def everything(session: Session) -> dict[str, Any]:
    """Add a graph of all kinds; answer its corners."""
    parent = Parent(name="p", children=[Child(name="a"), Child(name="b", tags=[Tag()])])
    root = Node(down=[Node(), Node(down=[Node()])])
    owner = Owner(things=[Owned()])
    person = Person()
    team = Team(members=[person], leader=person)
    session.add_all([parent, root, owner, team])
    return {"parent": parent, "root": root, "owner": owner, "team": team}


@piece(*BOTH)
def flush_graph(url: str) -> Steps:
    with session_of(url) as session:
        made = everything(session)

        def work() -> Any:
            session.flush()
            return made["parent"].children[1].parent_id

        outcome = yield work
        if not outcome.done:
            assert made["parent"].id is None and made["team"].leader_id is None
            assert [c.parent_id for c in made["parent"].children] == [None, None]
            assert made["root"].down[1].down[0].up is made["root"].down[1]
            session.rollback()
        else:
            assert outcome.value == made["parent"].id


@piece(*BOTH)
def flush_changed_graph(url: str) -> Steps:
    with session_of(url) as session:
        made = everything(session)
        session.flush()
        made["parent"].children.pop()
        made["owner"].things.clear()
        made["root"].down[0].up = made["root"].down[1]
        session.delete(made["team"])

        def work() -> Any:
            session.flush()
            return session.scalar(select(func.count()).select_from(Owned))

        outcome = yield work
        assert not outcome.done or outcome.value == 0


@piece(*BOTH)
def delete_graph(url: str) -> Steps:
    with session_of(url) as session:
        made = everything(session)
        session.flush()
        session.expire_all()

        def work() -> Any:
            session.delete(made["root"])
            session.flush()
            return session.scalar(select(func.count()).select_from(Node))

        outcome = yield work
        assert not outcome.done or outcome.value == 0
