"""Nodes and edges: mountain huts and the trails between them, each way with its own time.

An edge is a mapped class with two foreign keys into one table, so each relationship says by `foreign_keys` which of the
two it follows. The graph is loaded in two statements and then walked in memory; which huts can be reached at all is
asked of the database.

    python examples/graph.py [--url URL]
"""

from __future__ import annotations

import heapq

from _recipe import run

from pyorm import ForeignKey, String, select
from pyorm.orm import DeclarativeBase, Mapped, Session, aliased, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    """Base of the recipe."""


class Hut(Base):
    """A node."""

    __tablename__ = "hut"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30), unique=True)
    ways_out: Mapped[list[Trail]] = relationship(
        back_populates="start", foreign_keys="Trail.start_id", cascade="all, delete-orphan"
    )
    ways_in: Mapped[list[Trail]] = relationship(
        back_populates="end", foreign_keys="Trail.end_id", cascade="all, delete-orphan"
    )

    def leads_to(self, other: Hut, up: int, down: int) -> None:
        """Add the trail to another hut, and the way back."""
        Trail(start=self, end=other, minutes=up)
        Trail(start=other, end=self, minutes=down)

    def neighbours(self) -> list[str]:
        """Name the huts that one trail leads to."""
        return sorted(trail.end.name for trail in self.ways_out)


class Trail(Base):
    """An edge, in one direction."""

    __tablename__ = "trail"

    start_id: Mapped[int] = mapped_column(ForeignKey("hut.id"), primary_key=True)
    end_id: Mapped[int] = mapped_column(ForeignKey("hut.id"), primary_key=True)
    minutes: Mapped[int]
    start: Mapped[Hut] = relationship(back_populates="ways_out", foreign_keys=[start_id])
    end: Mapped[Hut] = relationship(back_populates="ways_in", foreign_keys=[end_id])


def shortest(start: Hut, end: Hut) -> tuple[int, list[str]] | None:
    """Find the quickest way (Dijkstra): its minutes and its huts, or None."""
    queue: list[tuple[int, list[str], Hut]] = [(0, [start.name], start)]
    seen: set[str] = set()
    while queue:
        minutes, path, hut = heapq.heappop(queue)
        if hut is end:
            return minutes, path
        if hut.name in seen:
            continue
        seen.add(hut.name)
        for trail in hut.ways_out:
            if trail.end.name not in seen:
                heapq.heappush(queue, (minutes + trail.minutes, [*path, trail.end.name], trail.end))
    return None


def story(session: Session) -> None:
    """Build a small range of mountains, find ways through it, close a hut."""
    huts = {name: Hut(name=name) for name in ("Alm", "Brand", "Cirque", "Dome", "Edge", "Far")}
    huts["Alm"].leads_to(huts["Brand"], 120, 80)
    huts["Brand"].leads_to(huts["Cirque"], 90, 70)
    huts["Alm"].leads_to(huts["Cirque"], 260, 170)
    huts["Cirque"].leads_to(huts["Dome"], 200, 130)
    huts["Brand"].leads_to(huts["Dome"], 340, 210)
    Trail(start=huts["Dome"], end=huts["Edge"], minutes=45)  # one way only
    session.add_all(huts.values())
    session.commit()
    session.expunge_all()

    loaded = session.scalars(select(Hut).options(selectinload(Hut.ways_out)).order_by(Hut.name)).all()
    for hut in loaded:  # each trail's other end is one of the loaded huts: no SQL
        print(hut.name, "->", ", ".join(hut.neighbours()) or "nowhere")
    by_name = {hut.name: hut for hut in loaded}
    for start, end in [("Alm", "Edge"), ("Dome", "Alm"), ("Edge", "Alm")]:
        print(f"{start} to {end}:", shortest(by_name[start], by_name[end]))

    goal = aliased(Hut)
    direct = select(Hut.name, goal.name).join(Hut.ways_out).join(goal, Trail.end).where(Trail.minutes < 80)
    print("under 80 minutes:", [tuple(row) for row in session.execute(direct.order_by(Hut.name, goal.name))])

    reach = select(Hut.id).where(Hut.name == "Dome").cte("reach", recursive=True)
    reach = reach.union(select(Trail.end_id).join(reach, Trail.start_id == reach.c.id))
    cut_off = select(Hut.name).where(Hut.id.not_in(select(reach.c.id))).order_by(Hut.name)
    print("not to be reached from Dome:", session.scalars(cut_off).all())

    session.delete(by_name["Brand"])  # with its trails, in and out
    session.commit()
    session.expunge_all()
    again = {hut.name: hut for hut in session.scalars(select(Hut).options(selectinload(Hut.ways_out)))}
    print("without Brand:", shortest(again["Alm"], again["Edge"]))


if __name__ == "__main__":
    run(Base, story)
