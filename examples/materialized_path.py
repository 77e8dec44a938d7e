"""Materialized path: an archive. Each folder carries the whole way to it, "/letters/1912/", in one unique column.

Everything below a folder is then one condition (`LIKE '/letters/%'`), here a relationship whose condition is written
out and which is read-only; everything above it is the same condition turned round. A branch moves by one UPDATE.

    python examples/materialized_path.py [--url URL]
"""

from __future__ import annotations

from _recipe import run

from pyorm import String, func, literal, select, update
from pyorm.orm import DeclarativeBase, Mapped, Session, foreign, mapped_column, relationship, remote, selectinload


class Base(DeclarativeBase):
    """Base of the recipe."""


class Folder(Base):
    """A folder, by its path, which begins and ends with a slash."""

    __tablename__ = "folder"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(200), unique=True)

    below: Mapped[list[Folder]] = relationship(
        primaryjoin=lambda: remote(foreign(Folder.path)).like(Folder.path.concat("_%")),
        order_by=lambda: Folder.path,
        viewonly=True,
    )

    def __init__(self, name: str, parent: Folder | None = None) -> None:
        """Name a folder, and the one it lies in."""
        self.path = ("/" if parent is None else parent.path) + name + "/"

    @property
    def name(self) -> str:
        """The last word of the path."""
        return self.path.split("/")[-2]

    @property
    def depth(self) -> int:
        """How many folders lie above."""
        return self.path.count("/") - 2


def above(session: Session, folder: Folder) -> list[str]:
    """Name the folders that a folder lies in, from the outermost."""
    around = select(Folder).where(literal(folder.path).like(Folder.path.concat("_%"))).order_by(Folder.path)
    return [found.name for found in session.scalars(around)]


def move(session: Session, folder: Folder, into: Folder) -> None:
    """Put a folder and all that is below it into another one: one UPDATE, whatever lies there."""
    old, new = folder.path, f"{into.path}{folder.name}/"
    moved = update(Folder).where(Folder.path.like(old + "%"))
    session.execute(
        moved.values(path=literal(new).concat(func.substr(Folder.path, len(old) + 1))),
        execution_options={"synchronize_session": False},
    )
    session.expire_all()


def story(session: Session) -> None:
    """Fill the archive, look down and up, move a branch, remove one."""
    letters = Folder("letters")
    year = Folder("1912", letters)
    maps = Folder("maps")
    session.add_all([letters, year, maps, Folder("spring", year), Folder("autumn", year), Folder("1913", letters)])
    session.add(Folder("coast", maps))
    session.commit()

    for folder in session.scalars(select(Folder).order_by(Folder.path)):
        print("  " * folder.depth + folder.name)

    tops = select(Folder).where(Folder.path.not_like("/%/_%")).order_by(Folder.path)
    for top in session.scalars(tops.options(selectinload(Folder.below))):
        print(top.name, "holds", [folder.path for folder in top.below])
    spring = session.scalars(select(Folder).where(Folder.path.like("%/spring/"))).one()
    print("above spring:", above(session, spring))

    move(session, year, maps)
    print("after the move:", spring.path, "above:", above(session, spring))
    print("letters holds", [folder.name for folder in letters.below])

    for folder in [*maps.below, maps]:
        session.delete(folder)
    session.commit()
    print("left:", session.scalars(select(Folder.path).order_by(Folder.path)).all())


if __name__ == "__main__":
    run(Base, story)
