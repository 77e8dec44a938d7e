"""Single-table inheritance: the instruments of a weather station, all in one table.

Each class adds columns of its own, which are NULL for the others, and a condition that every SELECT of it carries. A
relationship may belong to one child only; two children share a column where both mean the same by it.

    python examples/single_table_inheritance.py [--url URL]
"""

from __future__ import annotations

from typing import Any

from _recipe import run

from pyorm import Column, ForeignKey, Integer, String, exc, func, select
from pyorm.orm import DeclarativeBase, Mapped, Session, declared_attr, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    """Base of the recipe."""


class Mast(Base):
    """What instruments are mounted on."""

    __tablename__ = "mast"

    id: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(String(30))
    instruments: Mapped[list[Instrument]] = relationship(
        back_populates="mast", cascade="all, delete-orphan", order_by="Instrument.id"
    )


class Instrument(Base):
    """Any instrument."""

    __tablename__ = "instrument"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_abstract": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    serial: Mapped[str] = mapped_column(String(20))
    mast_id: Mapped[int] = mapped_column(ForeignKey("mast.id"))
    mast: Mapped[Mast] = relationship(back_populates="instruments")


class HasHeight:
    """Mixin of two kinds of instruments, which share one column."""

    @declared_attr
    def metres(cls) -> Mapped[int | None]:
        """The height above the ground: made by the first class, used by the second."""
        column: Any = Instrument.__table__.c.get("metres", Column(Integer))
        return column  # type: ignore[no-any-return]


class Thermometer(HasHeight, Instrument):
    """Measures temperature."""

    __mapper_args__ = {"polymorphic_identity": "thermometer"}

    readings: Mapped[list[Reading]] = relationship(
        back_populates="thermometer", cascade="all, delete-orphan", order_by="Reading.id"
    )


class WindVane(HasHeight, Instrument):
    """Tells where the wind is from."""

    __mapper_args__ = {"polymorphic_identity": "vane"}

    north_offset: Mapped[int | None]


class HeatedVane(WindVane):
    """A vane that does not freeze."""

    __mapper_args__ = {"polymorphic_identity": "heated vane"}

    watts: Mapped[int | None]


class Reading(Base):
    """One temperature; only thermometers have any."""

    __tablename__ = "reading"

    id: Mapped[int] = mapped_column(primary_key=True)
    thermometer_id: Mapped[int] = mapped_column(ForeignKey("instrument.id"))
    celsius: Mapped[float]
    thermometer: Mapped[Thermometer] = relationship(back_populates="readings")


def story(session: Session) -> None:
    """Mount instruments, ask for one kind, for a branch of kinds, for what only one has."""
    hill = Mast(place="hill")
    warm = Thermometer(serial="T-1", metres=2, readings=[Reading(celsius=11.5), Reading(celsius=14.25)])
    hill.instruments = [warm, WindVane(serial="V-1", metres=10, north_offset=3)]
    lake = Mast(place="lake", instruments=[HeatedVane(serial="V-2", metres=6, north_offset=0, watts=40)])
    session.add_all([hill, lake, Thermometer(serial="T-2", metres=1, mast=lake)])
    session.commit()
    session.expunge_all()

    for mast in session.scalars(select(Mast).order_by(Mast.place).options(selectinload(Mast.instruments))):
        print(mast.place, [(type(one).__name__, one.serial) for one in mast.instruments])

    vanes = session.scalars(select(WindVane).order_by(WindVane.serial)).all()
    print("vanes:", [(vane.serial, type(vane).__name__, vane.metres) for vane in vanes])
    print("of them heated:", session.scalar(select(func.count()).select_from(HeatedVane)))
    metres = Instrument.__table__.c.metres  # of a subclass, so not an attribute of Instrument
    highest = select(Instrument.kind, func.max(metres)).group_by(Instrument.kind).order_by(Instrument.kind)
    print("highest:", dict(session.execute(highest).all()))

    means = select(Thermometer.serial, func.count(Reading.id), func.max(Reading.celsius))
    means = means.outerjoin(Thermometer.readings).group_by(Thermometer.serial).order_by(Thermometer.serial)
    for row in session.execute(means):
        print("readings:", tuple(row))
    places = select(Mast.place).where(Mast.instruments.of_type(HeatedVane).any(HeatedVane.watts > 30))
    print("no ice at the", session.scalars(places).one())

    try:
        Instrument(serial="X-1")
    except exc.InvalidRequestError:
        print("there is no instrument without a kind")

    hill = session.scalars(select(Mast).where(Mast.place == "hill")).one()
    session.delete(hill)  # instruments and their readings go with the mast
    session.commit()
    print("left:", session.scalars(select(Instrument.serial).order_by(Instrument.serial)).all())
    print("readings left:", session.scalar(select(func.count()).select_from(Reading)))


if __name__ == "__main__":
    run(Base, story)
