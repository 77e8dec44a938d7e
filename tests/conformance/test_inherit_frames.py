"""Loading and flushing hierarchies runs no Python per object, on both databases."""

from __future__ import annotations

from typing import Any

from pyorm import select
from pyorm.orm import Session, with_polymorphic
from tests.conformance.inherit import make_models
from tests.conformance.test_frames import frames


def made(q: Any, n: int) -> list[Any]:
    """Return n objects of five classes, in turn."""
    kinds = (
        lambda i: q.Person(name=str(i)), lambda i: q.Worker(name=str(i), job="j"),
        lambda i: q.Client(name=str(i), debt=i), lambda i: q.Boss(name=str(i), job="j", car="c"),
        lambda i: q.Temp(name=str(i), agency="a"),
    )  # fmt: skip
    return [kinds[i % 5](i) for i in range(n)]


def test_hierarchy_is_loaded_and_flushed_without_python_per_object(engine: Any) -> None:
    q = make_models()
    q.Base.metadata.create_all(engine)
    every = with_polymorphic(q.Person, "*")

    def flush(session: Session, n: int) -> list[str]:
        session.add_all(made(q, n))
        return frames(session.flush)

    def change(session: Session) -> list[str]:
        for person in session.identity_map.values():
            person.name += "x"
        return frames(session.flush)

    with Session(engine) as session:  # statements of a batch are made once
        flush(session, 400)
        change(session)
        session.commit()
    with Session(engine) as session:
        flush(session, 5)
        few_made = flush(session, 10)
        few_changed = change(session)
        session.commit()
    with Session(engine) as session:
        many_made = flush(session, 400)
        many_changed = change(session)
        session.commit()
    with Session(engine) as session:
        for statement in (select(q.Person), select(every), select(q.Worker)):
            session.scalars(statement).all()
            session.scalars(statement.limit(5)).all()
            session.expunge_all()
            few = frames(lambda s=statement: session.scalars(s.limit(5)).all())
            session.expunge_all()
            many = frames(lambda s=statement: session.scalars(s).all())
            assert len(many) <= len(few) <= 2, (few, many)
            session.expunge_all()

    assert len(many_made) <= 2 and len(few_made) <= 2, (few_made, many_made)
    assert len(many_changed) <= 2 and len(few_changed) <= 2, (few_changed, many_changed)
