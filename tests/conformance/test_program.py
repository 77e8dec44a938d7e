"""The first program of the README, in each style, to its end on each database."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import Column, Integer, MetaData, String, Table, create_engine, exc, select
from pyorm.orm import (
    DeclarativeBase,
    DeclarativeBaseNoMeta,
    Mapped,
    Session,
    declarative_base,
    mapped_column,
    registry,
)
from tests.conformance.models import logged


def plain_style() -> tuple[type, MetaData]:
    """Columns in the class."""
    base: Any = declarative_base()

    class User(base):
        __tablename__ = "users"
        id = Column(Integer, primary_key=True)
        name = Column(String(100))
        email = Column(String(200), unique=True)

    return User, base.metadata


def typed_style() -> tuple[type, MetaData]:
    """Annotations in the class."""

    class Base(DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "users"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str | None] = mapped_column(String(100))
        email: Mapped[str | None] = mapped_column(String(200), unique=True)

    return User, Base.metadata


def typed_style_without_metaclass() -> tuple[type, MetaData]:
    """Annotations in a class of an ordinary metaclass."""

    class Base(DeclarativeBaseNoMeta):
        pass

    class User(Base):
        __tablename__ = "users"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str | None] = mapped_column(String(100))
        email: Mapped[str | None] = mapped_column(String(200), unique=True)

    return User, Base.metadata


def imperative_style() -> tuple[type, MetaData]:
    """A plain class and a Table."""
    mapping = registry()
    table = Table(
        "users",
        mapping.metadata,
        Column("id", Integer, primary_key=True),
        Column("name", String(100)),
        Column("email", String(200), unique=True),
    )

    class User:
        pass

    mapping.map_imperatively(User, table)
    return User, mapping.metadata


STYLES = [plain_style, typed_style, typed_style_without_metaclass, imperative_style]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("place", ["memory", "file", "server"])
def test_the_program_runs(place: str, style: Any, request: pytest.FixtureRequest) -> None:
    if place == "memory":
        url = "sqlite://"
    else:
        url = request.getfixturevalue("sqlite_url" if place == "file" else "pg_db")
        url = url if isinstance(url, str) else url.url
    User, metadata = style()
    engine = create_engine(url)
    metadata.create_all(engine)

    with Session(engine) as session:
        session.add_all([User(name="Alice"), User(name="Bob")])
        session.commit()
        alice = session.query(User).filter(User.name == "Alice").first()
        assert session.get(User, alice.id) is alice
        with pytest.warns(exc.LegacyAPIWarning):
            assert session.query(User).get(alice.id) is alice
        alice.name = "Alicia"
        with logged(engine) as words:
            session.commit()
        assert words == ["UPDATE"]
        names = session.scalars(
            select(User.name).where(User.id.in_([1, 2])).order_by(User.name)
        ).all()
        assert names == ["Alicia", "Bob"]

    placeholder = "$1" if place == "server" else "?"
    text = str(select(User).where(User.name == "x").compile(engine))
    assert f"users.name = {placeholder}" in text
    engine.dispose()
