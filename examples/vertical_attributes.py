"""Vertical attributes: a cabinet of minerals. What is known differs from piece to piece, so each fact is a row.

The facts are a keyed dictionary; the object itself behaves as a mapping over it, `piece["hardness"] = 7`. A value is
kept in the column of its kind, so that the database can compare numbers as numbers.

    python examples/vertical_attributes.py [--url URL]
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from _recipe import run

from pyorm import ForeignKey, String, and_, func, select
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    attribute_keyed_dict,
    mapped_column,
    relationship,
    selectinload,
)

Value = bool | int | str


class Base(DeclarativeBase):
    """Base of the recipe."""


class Fact(Base):
    """One thing known about one mineral; exactly one of the three columns is set."""

    __tablename__ = "fact"

    mineral_id: Mapped[int] = mapped_column(ForeignKey("mineral.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(30), primary_key=True)
    text: Mapped[str | None] = mapped_column(String(100))
    number: Mapped[int | None]
    flag: Mapped[bool | None]

    def __init__(self, name: str, value: Value) -> None:
        """Name a fact and keep its value."""
        self.name = name
        self.value = value

    @property
    def value(self) -> Value:
        """The value, of whichever kind it is."""
        if self.flag is not None:
            return self.flag
        found = self.text if self.number is None else self.number
        assert found is not None, "a fact has a value"
        return found

    @value.setter
    def value(self, value: Value) -> None:
        self.flag = value if isinstance(value, bool) else None
        self.number = value if isinstance(value, int) and not isinstance(value, bool) else None
        self.text = value if isinstance(value, str) else None


class Mineral(Base):
    """A piece of the cabinet. Facts are read and written by name on it."""

    __tablename__ = "mineral"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30), unique=True)
    facts: Mapped[dict[str, Fact]] = relationship(
        collection_class=attribute_keyed_dict("name"), cascade="all, delete-orphan"
    )

    @property
    def known(self) -> Facts:
        """What is known of it, as a mapping of plain values."""
        return Facts(self)

    @classmethod
    def with_fact(cls, name: str, condition: Any) -> Any:
        """Make the SQL for "its fact of that name fulfils the condition"."""
        return cls.facts.any(and_(Fact.name == name, condition))


class Facts(MutableMapping[str, Value]):
    """A mapping over the rows of one mineral; writing it changes, adds or removes rows."""

    def __init__(self, mineral: Mineral) -> None:
        """Look at a mineral."""
        self.rows = mineral.facts

    def __getitem__(self, name: str) -> Value:
        """Return a value."""
        return self.rows[name].value

    def __setitem__(self, name: str, value: Value) -> None:
        """Change the row of that name, or make it."""
        if name in self.rows:
            self.rows[name].value = value
        else:
            self.rows[name] = Fact(name, value)

    def __delitem__(self, name: str) -> None:
        """Drop a row."""
        del self.rows[name]

    def __iter__(self) -> Iterator[str]:
        """Give the names in the order of the alphabet."""
        return iter(sorted(self.rows))

    def __len__(self) -> int:
        """Count the facts."""
        return len(self.rows)


def story(session: Session) -> None:
    """Describe three minerals, each in its own terms; ask; change a kind."""
    quartz, pyrite, amber = Mineral(name="quartz"), Mineral(name="pyrite"), Mineral(name="amber")
    quartz.known.update(hardness=7, colour="clear", piezo=True)
    pyrite.known.update(hardness=6, colour="brass", nickname="fool's gold")
    amber.known.update(age="Eocene", insect=False)
    session.add_all([quartz, pyrite, amber])
    session.commit()

    for mineral in session.scalars(select(Mineral).options(selectinload(Mineral.facts)).order_by(Mineral.name)):
        print(mineral.name, dict(mineral.known))

    hard = select(Mineral.name).where(Mineral.with_fact("hardness", Fact.number > 6))
    print("harder than 6:", session.scalars(hard).all())
    unknown = select(Mineral.name).where(~Mineral.facts.any(Fact.name == "hardness"))
    print("hardness unknown:", session.scalars(unknown).all())
    shiny = select(Mineral.name).join(Mineral.facts).where(Fact.name == "colour", Fact.text.startswith("br"))
    print("brass or bronze:", session.scalars(shiny).all())

    amber.known["insect"] = "a gnat"  # the same row, another kind
    quartz.known["hardness"] = 7  # nothing changes, nothing is written
    del pyrite.known["nickname"]
    session.commit()
    print(dict(amber.known), len(pyrite.known))
    counts = select(Fact.name, func.count()).group_by(Fact.name).order_by(Fact.name)
    print("facts:", dict(session.execute(counts).all()))


if __name__ == "__main__":
    run(Base, story)
