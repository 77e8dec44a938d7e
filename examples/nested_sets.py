"""Nested sets: a family of languages. Each row keeps the two ends of an interval; what lies inside descends from it.

Reading is cheap (all descendants, all ancestors, whole tree in order: one SELECT without recursion), writing moves the
ends of others. `before_insert` makes room for the new row, `after_delete` closes the gap; `batch=False` lets each row
see what the one before it has moved.

    python examples/nested_sets.py [--url URL]
"""

from __future__ import annotations

from typing import Any

from _recipe import run

from pyorm import String, case, event, func, select, update
from pyorm.orm import DeclarativeBase, Mapped, Session, aliased, mapped_column


class Base(DeclarativeBase):
    """Base of the recipe."""


class Language(Base):
    """A language or a branch of languages; `parent` is not kept, it only says where a new one goes."""

    __tablename__ = "language"
    __mapper_args__ = {"batch": False}

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30), unique=True)
    start: Mapped[int]
    stop: Mapped[int]

    def __init__(self, name: str, parent: Language | None = None) -> None:
        """Name a language and the branch that it belongs to."""
        self.name = name
        self.parent = parent


@event.listens_for(Language, "before_insert")
def make_room(mapper: Any, connection: Any, language: Language) -> None:
    """Open a gap of two at the parent's end, or begin a tree of its own."""
    table: Any = Language.__table__
    if language.parent is None:
        last = connection.scalar(select(func.max(table.c.stop))) or 0
        language.start, language.stop = last + 1, last + 2
        return
    at = connection.scalar(select(table.c.stop).where(table.c.id == language.parent.id))
    connection.execute(
        update(table)
        .where(table.c.stop >= at)
        .values(
            start=case((table.c.start > at, table.c.start + 2), else_=table.c.start),
            stop=table.c.stop + 2,
        )
    )
    language.start, language.stop = at, at + 1


@event.listens_for(Language, "after_delete")
def close_gap(mapper: Any, connection: Any, language: Language) -> None:
    """Move everything behind a leaf that was deleted two to the left."""
    table: Any = Language.__table__
    connection.execute(
        update(table)
        .where(table.c.stop > language.stop)
        .values(
            start=case((table.c.start > language.stop, table.c.start - 2), else_=table.c.start),
            stop=table.c.stop - 2,
        )
    )


def tree(session: Session) -> list[str]:
    """Write each language below its branch; the depth is the number of intervals around it."""
    branch = aliased(Language)
    rows = session.execute(
        select(Language.name, func.count(branch.id))
        .join(branch, Language.start.between(branch.start, branch.stop))
        .group_by(Language.name, Language.start)
        .order_by(Language.start)
    )
    return ["  " * (depth - 1) + name for name, depth in rows]


def story(session: Session) -> None:
    """Grow the family one by one, look down and up, remove a leaf."""
    root = Language("Indo-European")
    germanic = Language("Germanic", root)
    session.add_all([root, germanic, Language("Slavic", root)])
    session.flush()
    north = Language("North Germanic", germanic)
    session.add_all([north, Language("German", germanic), Language("Swedish", north), Language("Danish", north)])
    session.commit()  # values that other rows' inserts have moved are loaded again from here

    print("\n".join(tree(session)))
    print("Germanic spans", germanic.start, "to", germanic.stop)

    inside = Language.start.between(germanic.start + 1, germanic.stop)
    print("below Germanic:", session.scalars(select(Language.name).where(inside).order_by(Language.name)).all())
    danish = session.scalars(select(Language).where(Language.name == "Danish")).one()
    around = select(Language.name).where(Language.start < danish.start, Language.stop > danish.stop)
    print("above Danish:", session.scalars(around.order_by(Language.start)).all())
    leaves = select(Language.name).where(Language.stop == Language.start + 1).order_by(Language.name)
    print("without branches:", session.scalars(leaves).all())

    session.delete(danish)
    session.commit()
    print("Germanic spans", germanic.start, "to", germanic.stop)
    print("\n".join(tree(session)))


if __name__ == "__main__":
    run(Base, story)
