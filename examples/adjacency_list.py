"""Adjacency list: a bicycle taken apart. Each row knows the row it belongs to.

The foreign key points into its own table, so `remote_side` says which of the two ends is the other row: for `whole` it
is the primary key, for `parts` the foreign key. One level is one SELECT for all its rows; the whole tree in one
statement is a recursive CTE.

    python examples/adjacency_list.py [--url URL]
"""

from __future__ import annotations

from _recipe import run

from pyorm import ForeignKey, String, func, literal, select
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    """Base of the recipe."""


class Part(Base):
    """A part, the thing it is part of, and what it consists of."""

    __tablename__ = "part"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    grams: Mapped[int]
    whole_id: Mapped[int | None] = mapped_column(ForeignKey("part.id"))

    whole: Mapped[Part | None] = relationship(back_populates="parts", remote_side=[id])
    parts: Mapped[list[Part]] = relationship(
        back_populates="whole", cascade="all, delete-orphan", order_by="Part.id", single_parent=True
    )


def bicycle() -> Part:
    """Build the tree; nothing is written yet."""
    wheel = Part(name="front wheel", grams=0, parts=[Part(name="hub", grams=210)])
    wheel.parts.append(Part(name="rim", grams=520, parts=[Part(name="spoke nipple", grams=1)]))
    frame = Part(name="frame", grams=1900)
    return Part(name="bicycle", grams=0, parts=[frame, wheel])


def show(part: Part, depth: int = 0) -> None:
    """Print a part above what it consists of."""
    print("  " * depth + f"{part.name} ({part.grams} g)")
    for smaller in part.parts:
        show(smaller, depth + 1)


def weigh(session: Session, name: str) -> int | None:
    """Add up a part and everything below it, in the database."""
    below = select(Part.id, Part.grams).where(Part.name == name).cte("below", recursive=True)
    below = below.union_all(select(Part.id, Part.grams).join(below, Part.whole_id == below.c.id))
    grams: int | None = session.scalar(select(func.sum(below.c.grams)))
    return grams


def story(session: Session) -> None:
    """Write the tree, read it level by level, move a branch, cut one off."""
    session.add(bicycle())  # the root brings all others: save-update cascades along `parts`
    session.commit()

    two_levels = selectinload(Part.parts).selectinload(Part.parts)
    root = session.scalars(select(Part).where(Part.whole_id.is_(None)).options(two_levels)).one()
    show(root)
    print("bicycle:", weigh(session, "bicycle"), "g, front wheel:", weigh(session, "front wheel"), "g")

    rim = session.scalars(select(Part).where(Part.name == "rim")).one()
    assert rim.whole is not None
    print("rim belongs to", rim.whole.name, "which belongs to", rim.whole.whole and rim.whole.whole.name)

    rim.whole = root  # leaves the wheel's list and enters the root's
    session.commit()
    print("bicycle now:", [part.name for part in root.parts])

    root.parts.remove(rim)  # an orphan is deleted, with all that is below it
    session.commit()
    print("left:", session.scalars(select(Part.name).order_by(Part.id)).all())

    deep = select(Part.id, Part.name, literal(0).label("depth")).where(Part.whole_id.is_(None))
    tree = deep.cte("tree", recursive=True)
    tree = tree.union_all(select(Part.id, Part.name, tree.c.depth + 1).join(tree, Part.whole_id == tree.c.id))
    for name, depth in session.execute(select(tree.c.name, tree.c.depth).order_by(tree.c.depth, tree.c.name)):
        print(depth, name)


if __name__ == "__main__":
    run(Base, story)
