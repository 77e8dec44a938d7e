"""Association proxy by hand: a museum. `exhibit.materials` is a set of words, kept as objects in another table.

A small view stands between the program and the collection: reading gives the word of each object, adding makes or finds
the object. Nothing is copied, so the view is always what the collection is; and the same name on the class gives the
SQL for "one of its materials is …".

    python examples/association_proxy_by_hand.py [--url URL]
"""

from __future__ import annotations

from collections.abc import Iterator, MutableSet
from typing import Any, overload

from _recipe import run

from pyorm import Column, ForeignKey, String, Table, select
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column, object_session, relationship, selectinload


class Base(DeclarativeBase):
    """Base of the recipe."""


class Words(MutableSet[str]):
    """The words of an exhibit's materials, as a set that writes through."""

    def __init__(self, exhibit: Exhibit) -> None:
        """Look at one exhibit; its collection is asked for at each use."""
        self.exhibit = exhibit

    def __contains__(self, word: object) -> bool:
        """Say whether a material of that word is there."""
        return any(material.word == word for material in self.exhibit.material_rows)

    def __iter__(self) -> Iterator[str]:
        """Give the words in the order of the alphabet."""
        return iter(sorted(material.word for material in self.exhibit.material_rows))

    def __len__(self) -> int:
        """Count them."""
        return len(self.exhibit.material_rows)

    def add(self, word: str) -> None:
        """Put a material in; one row per word, however many exhibits are made of it."""
        if word not in self:
            self.exhibit.material_rows.add(Material.of(object_session(self.exhibit), word))

    def discard(self, word: str) -> None:
        """Take a material out; the row itself stays for others."""
        for material in [one for one in self.exhibit.material_rows if one.word == word]:
            self.exhibit.material_rows.remove(material)


class MaterialsOf:
    """The attribute: a view on an exhibit, and a condition maker on the class."""

    @overload
    def __get__(self, exhibit: None, owner: type[Exhibit]) -> MaterialsOf: ...
    @overload
    def __get__(self, exhibit: Exhibit, owner: type[Exhibit]) -> Words: ...
    def __get__(self, exhibit: Exhibit | None, owner: type[Exhibit]) -> MaterialsOf | Words:
        """Return the view, or this."""
        return self if exhibit is None else Words(exhibit)

    def contains(self, word: str) -> Any:
        """Make the SQL for "one of its materials is `word`"."""
        return Exhibit.material_rows.any(Material.word == word)


made_of = Table(
    "made_of",
    Base.metadata,
    Column("exhibit_id", ForeignKey("exhibit.id"), primary_key=True),
    Column("material_id", ForeignKey("material.id"), primary_key=True),
)


class Material(Base):
    """One material."""

    __tablename__ = "material"

    id: Mapped[int] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(String(30), unique=True)

    @staticmethod
    def of(session: Session | None, word: str) -> Material:
        """Find the row of a word, or make it."""
        found = session and session.scalars(select(Material).where(Material.word == word)).one_or_none()
        return found or Material(word=word)


class Exhibit(Base):
    """Something behind glass."""

    __tablename__ = "exhibit"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(60))
    material_rows: Mapped[set[Material]] = relationship(secondary=made_of)
    materials = MaterialsOf()


def story(session: Session) -> None:
    """Describe three exhibits in words, ask by word, change the words."""
    for title, words in [("sun disc", ["bronze", "gold"]), ("mask", ["wood", "gold"]), ("jug", ["clay"])]:
        exhibit = Exhibit(title=title)
        session.add(exhibit)
        for word in words:
            exhibit.materials.add(word)  # autoflush lets the next look-up find what this one made
    session.commit()

    exhibits = session.scalars(select(Exhibit).options(selectinload(Exhibit.material_rows)).order_by(Exhibit.id)).all()
    for exhibit in exhibits:
        print(exhibit.title, "is made of", " and ".join(exhibit.materials))

    golden = select(Exhibit).where(Exhibit.materials.contains("gold")).order_by(Exhibit.title)
    print("golden:", [exhibit.title for exhibit in session.scalars(golden)])

    disc = exhibits[0]
    disc.materials.discard("gold")
    disc.materials |= {"bronze", "tin"}
    print("wood" in disc.materials, "tin" in disc.materials, len(disc.materials))
    session.commit()
    print("golden:", [exhibit.title for exhibit in session.scalars(golden)])
    print("known:", session.scalars(select(Material.word).order_by(Material.word)).all())


if __name__ == "__main__":
    run(Base, story)
