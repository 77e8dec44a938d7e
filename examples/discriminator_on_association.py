"""Discriminator on association: photographs of boats and of piers, in one table.

A photograph cannot have a foreign key to "a boat or a pier". So between the two stands an album: the boat has a foreign
key to its album, the photograph to its album, and the album's `kind` says what it is the album of. The albums of each
kind are a class of their own (single-table inheritance), made by the mixin, with a relationship back to its one owner.

    python examples/discriminator_on_association.py [--url URL]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from _recipe import run

from pyorm import ForeignKey, String, func, select
from pyorm.orm import DeclarativeBase, Mapped, Session, backref, declared_attr, joinedload, mapped_column, relationship


class Base(DeclarativeBase):
    """Base of the recipe."""


class Album(Base):
    """What belongs together, whoever owns it."""

    __tablename__ = "album"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "album"}

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    photos: Mapped[list[Photo]] = relationship(
        back_populates="album", cascade="all, delete-orphan", order_by="Photo.id"
    )
    if TYPE_CHECKING:
        owner: Any  # each kind of album has a relationship of that name


class Photo(Base):
    """One photograph."""

    __tablename__ = "photo"

    id: Mapped[int] = mapped_column(primary_key=True)
    album_id: Mapped[int] = mapped_column(ForeignKey("album.id"))
    caption: Mapped[str] = mapped_column(String(60))
    album: Mapped[Album] = relationship(back_populates="photos")

    @property
    def shows(self) -> Any:
        """The boat or the pier."""
        return self.album.owner


class Photographed:
    """Mixin of everything that has photographs."""

    @declared_attr
    def album_id(cls) -> Mapped[int | None]:
        """The foreign key to the album."""
        column: Mapped[int | None] = mapped_column(ForeignKey("album.id"))
        return column

    @declared_attr
    def album(cls) -> Mapped[Any]:
        """The album: its class is made here, for this kind of owner."""
        kind: str = cls.__name__  # type: ignore[attr-defined]
        body = {"__mapper_args__": {"polymorphic_identity": kind.lower()}, "__module__": __name__}
        album_class = type(f"{kind}Album", (Album,), body)
        album: Mapped[Any] = relationship(
            album_class, cascade="all, delete-orphan", single_parent=True, backref=backref("owner", uselist=False)
        )
        return album

    def take(self, *captions: str) -> None:
        """Add photographs; the first one opens the album."""
        if self.album is None:
            album_class: Any = type(self).album.property.mapper.class_
            self.album = album_class()
        self.album.photos.extend(Photo(caption=caption) for caption in captions)

    @property
    def photos(self) -> list[Photo]:
        """The photographs."""
        return [] if self.album is None else self.album.photos


class Boat(Photographed, Base):
    """A boat."""

    __tablename__ = "boat"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30))


class Pier(Photographed, Base):
    """A pier."""

    __tablename__ = "pier"

    id: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(String(30))


def name_of(owner: Boat | Pier) -> str:
    """Say what a photograph shows."""
    return f"the boat {owner.name}" if isinstance(owner, Boat) else f"the pier of {owner.place}"


def story(session: Session) -> None:
    """Photograph two boats and a pier; go both ways; sell a boat."""
    gull, tern, pier = Boat(name="Gull"), Boat(name="Tern"), Pier(place="Norden")
    gull.take("under sail", "at anchor")
    pier.take("at dawn")
    session.add_all([gull, tern, pier])
    session.commit()

    print("Gull:", [photo.caption for photo in gull.photos], "Tern:", tern.photos)
    session.expunge_all()

    every = select(Photo).order_by(Photo.id).options(joinedload(Photo.album))
    for photo in session.scalars(every):  # the album's class knows which table its owner is in
        print(f"{photo.caption!r} shows {name_of(photo.shows)}")

    kinds = select(Album.kind, func.count(Photo.id)).join(Album.photos).group_by(Album.kind).order_by(Album.kind)
    print("photographs:", dict(session.execute(kinds).all()))
    pictured = select(Boat.name).join(Boat.album).join(Album.photos).where(Photo.caption == "at anchor")
    print("at anchor:", session.scalars(pictured).all())

    session.delete(session.scalars(select(Boat).where(Boat.name == "Gull")).one())
    session.commit()  # the album goes with the boat, the photographs with the album
    print("left:", session.scalars(select(Photo.caption)).all(), session.scalars(select(Album.kind)).all())


if __name__ == "__main__":
    run(Base, story)
