"""Versioned rows: the prices of a ferry line, and every price there ever was.

A mixin gives a class a second table with the same columns and a version number. A listener of `before_flush` looks at
what the flush is about to change and puts the row as it was into that table, in the same transaction: no change without
its history, no history without its change.

    python examples/versioned_rows.py [--url URL]
"""

from __future__ import annotations

from typing import Any

from _recipe import run

from pyorm import Column, ForeignKey, String, Table, event, func, insert, inspect, select
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    """Base of the recipe."""


class Versioned:
    """Mixin: `version` counts the changes, `history_of(cls)` is the table of what was."""

    version: Mapped[int] = mapped_column(default=1)


def history_of(mapped: type[Any]) -> Table:
    """Return the table of a class's earlier rows; it is made at the first call, like the class's own plus a version."""
    table: Any = mapped.__table__
    name = f"{table.name}_history"
    known: Table | None = Base.metadata.tables.get(name)
    if known is not None:
        return known
    columns = [
        Column(it.name, it.type, primary_key=it.primary_key or it.name == "version", autoincrement=False)
        for it in table.columns
    ]
    return Table(name, Base.metadata, *columns)


class Line(Base):
    """A ferry line."""

    __tablename__ = "line"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30))
    fares: Mapped[list[Fare]] = relationship(back_populates="line", order_by="Fare.id")


class Fare(Versioned, Base):
    """What a ticket costs now. `active_history`: an expired value is loaded before it is overwritten."""

    __tablename__ = "fare"

    id: Mapped[int] = mapped_column(primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("line.id"))
    ticket: Mapped[str] = mapped_column(String(20), active_history=True)
    cents: Mapped[int] = mapped_column(active_history=True)
    line: Mapped[Line] = relationship(back_populates="fares")


FARE_HISTORY = history_of(Fare)


def old_row(thing: Any) -> dict[str, Any] | None:
    """Return the row that an object had when it was loaded; None if none of its columns changes."""
    row: dict[str, Any] = {}
    changed = False
    state = inspect(thing)
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].load_history()
        changed = changed or bool(history.added)
        row[attribute.key] = (history.deleted or history.unchanged)[0]
    return row if changed else None


def keep_history(session: Session, context: Any, instances: Any) -> None:
    """Put what is about to be overwritten or deleted into the history."""
    changed = [thing for thing in session.dirty if isinstance(thing, Versioned)]
    deleted = [thing for thing in session.deleted if isinstance(thing, Versioned)]
    for thing in [*changed, *deleted]:
        row = old_row(thing)
        if row is None and thing in deleted:
            row = {attribute.key: getattr(thing, attribute.key) for attribute in inspect(thing).mapper.column_attrs}
        if row is not None:
            session.execute(insert(history_of(type(thing))).values(row))
            thing.version = row["version"] + 1


def was(session: Session, fare_id: int) -> list[tuple[int, str, int]]:
    """Return the earlier versions of a fare, oldest first."""
    earlier = select(FARE_HISTORY).where(FARE_HISTORY.c.id == fare_id).order_by(FARE_HISTORY.c.version)
    return [(row["version"], row["ticket"], row["cents"]) for row in session.execute(earlier).mappings()]


def story(session: Session) -> None:
    """Set prices, raise them, take one back, and read how it came about."""
    event.listen(session, "before_flush", keep_history)
    line = Line(name="Harbour to Lighthouse")
    adult, bicycle = Fare(ticket="adult", cents=450), Fare(ticket="bicycle", cents=200)
    line.fares = [adult, bicycle]
    session.add(line)
    session.commit()

    adult.cents = 480
    session.commit()
    adult.cents, bicycle.cents = 520, 250
    session.commit()
    adult.ticket = "grown-up"
    session.commit()
    print("now:", [(fare.ticket, fare.cents, fare.version) for fare in line.fares])
    print("adult was", was(session, adult.id))
    print("bicycle was", was(session, bicycle.id))

    adult.cents = 999
    session.flush()
    session.rollback()  # takes change and history back together
    print("after the rollback:", adult.cents, "with", len(was(session, adult.id)), "earlier versions")

    line.fares[1].cents = 250  # the same value: no change, no version
    session.commit()
    number = bicycle.id
    session.delete(bicycle)
    session.commit()
    print("fares left:", [fare.ticket for fare in line.fares], "bicycle was", was(session, number))

    before = select(func.max(FARE_HISTORY.c.cents)).where(FARE_HISTORY.c.ticket == "adult")
    print("an adult never paid more than", session.scalar(before), "under that name")


if __name__ == "__main__":
    run(Base, story)
