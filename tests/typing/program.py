"""What type checkers make of a program: `make typecheck` reads this file, pytest does not run it."""

from __future__ import annotations

from typing import assert_type

from pyorm import Row, Select, String, create_engine, func, select
from pyorm.orm import DeclarativeBase, InstrumentedAttribute, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    """A base without options."""


class User(Base):
    """One column of each kind."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30))
    nickname: Mapped[str | None]


def program() -> None:
    """Use the class, its instances and a session."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        user = User(name="Ada")
        session.add(user)
        session.commit()
        user.name = "Grace"
        user.name = func.upper(User.name)

        assert_type(user.id, int)
        assert_type(user.nickname, str | None)
        assert_type(User.name, InstrumentedAttribute)
        assert_type(session.get(User, 1), User | None)
        assert_type(session.get_one(User, 1), User)

        statement = select(User).where(User.name == "Ada", User.id.in_([1, 2])).order_by(User.name.desc()).limit(3)
        assert_type(statement, Select)
        assert_type(session.execute(statement).all(), list[Row])
        assert_type(session.in_transaction(), bool)
    with engine.connect() as connection:
        assert_type(connection.execute(select(User.id)).first(), Row | None)
