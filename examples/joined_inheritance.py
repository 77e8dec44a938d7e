"""Joined-table inheritance: the programme of a festival. What all events share is one table, the rest one per kind.

A row of the parent says by `kind` which class it is; objects always have their real class. Which columns come with the
first SELECT is a choice: the parent's only (a child's are loaded when they are read), everything by one LEFT JOIN
(`with_polymorphic`), or one more SELECT per kind (`selectin_polymorphic`).

    python examples/joined_inheritance.py [--url URL]
"""

from __future__ import annotations

from _recipe import run

from pyorm import ForeignKey, String, func, or_, select
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectin_polymorphic,
    selectinload,
    with_polymorphic,
)


class Base(DeclarativeBase):
    """Base of the recipe."""


class Stage(Base):
    """Where something happens."""

    __tablename__ = "stage"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30))
    happenings: Mapped[list[Happening]] = relationship(back_populates="stage", order_by="Happening.hour")


class Happening(Base):
    """What every event has: a time and a stage."""

    __tablename__ = "happening"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "happening"}

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(40))
    hour: Mapped[int]
    stage_id: Mapped[int] = mapped_column(ForeignKey("stage.id"))
    stage: Mapped[Stage] = relationship(back_populates="happenings")

    def line(self) -> str:
        """One line of the programme."""
        return f"{self.hour}:00 {self.title}"


class Concert(Happening):
    """Music, by somebody."""

    __tablename__ = "concert"
    __mapper_args__ = {"polymorphic_identity": "concert"}

    id: Mapped[int] = mapped_column(ForeignKey("happening.id"), primary_key=True)
    band: Mapped[str] = mapped_column(String(40))
    decibels: Mapped[int]

    def line(self) -> str:
        """Name the band as well."""
        return f"{super().line()}, played by {self.band}"


class Film(Happening):
    """A film, of some length."""

    __tablename__ = "film"
    __mapper_args__ = {"polymorphic_identity": "film"}

    id: Mapped[int] = mapped_column(ForeignKey("happening.id"), primary_key=True)
    minutes: Mapped[int]

    def line(self) -> str:
        """Say how long it takes."""
        return f"{super().line()}, {self.minutes} minutes"


class SilentFilm(Film):
    """A film that needs a pianist; a table of the third level."""

    __tablename__ = "silent_film"
    __mapper_args__ = {"polymorphic_identity": "silent"}

    id: Mapped[int] = mapped_column(ForeignKey("film.id"), primary_key=True)
    pianist: Mapped[str] = mapped_column(String(40))

    def line(self) -> str:
        """Name the pianist as well."""
        return f"{super().line()}, at the piano {self.pianist}"


def story(session: Session) -> None:
    """Write a programme, read it in three ways, ask of parents and children, change and cancel."""
    meadow, tent = Stage(name="meadow"), Stage(name="tent")
    session.add_all(
        [
            Happening(title="Opening", hour=15, stage=meadow),
            Concert(title="Dusk", hour=20, stage=meadow, band="The Herons", decibels=95),
            Film(title="Tides", hour=21, stage=tent, minutes=88),
            SilentFilm(title="The Ferryman", hour=18, stage=tent, minutes=52, pianist="I. Novak"),
            Concert(title="Small Hours", hour=23, stage=tent, band="Quill", decibels=60),
        ]
    )
    session.commit()

    programme = select(Happening).order_by(Happening.hour)
    by_kind = selectin_polymorphic(Happening, [Concert, Film, SilentFilm])
    for happening in session.scalars(programme.options(by_kind)):
        print(happening.line())
    session.expunge_all()

    everything = with_polymorphic(Happening, [Concert, Film])
    loud_or_long = or_(everything.Concert.decibels > 90, everything.Film.minutes > 80)
    for happening in session.scalars(select(everything).where(loud_or_long).order_by(everything.title)):
        print("loud or long:", type(happening).__name__, happening.title)

    print("films:", session.scalars(select(Film.title).order_by(Film.title)).all())
    evening = select(Stage).join(Stage.happenings.of_type(Concert)).where(Concert.band == "Quill")
    print("Quill plays on the", session.scalars(evening).one().name)
    session.expunge_all()

    stages = select(Stage).order_by(Stage.name).options(selectinload(Stage.happenings))
    for stage in session.scalars(stages):
        print(stage.name, [(type(happening).__name__, happening.hour) for happening in stage.happenings])

    ferryman = session.scalars(select(SilentFilm)).one()
    ferryman.hour, ferryman.minutes, ferryman.pianist = 19, 54, "B. Osei"  # columns of three tables
    session.delete(session.scalars(select(Concert).where(Concert.title == "Dusk")).one())
    session.commit()
    print(ferryman.line())
    count = select(Happening.kind, func.count()).group_by(Happening.kind).order_by(Happening.kind)
    print(dict(session.execute(count).all()))


if __name__ == "__main__":
    run(Base, story)
