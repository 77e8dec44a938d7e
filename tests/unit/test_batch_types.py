"""Values of every kind survive each way over the wire: one row, arrays, COPY."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Any

import pytest

from pyorm import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Enum,
    Float,
    Interval,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Text,
    Time,
    TypeDecorator,
    Uuid,
    inspect,
)
from pyorm.orm import DeclarativeBase, Mapped, mapped_column


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Shouted(TypeDecorator[str]):
    impl = String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return None if value is None else value.upper()


class Base(DeclarativeBase):
    pass


class Wide(Base):
    __tablename__ = "wide"
    id: Mapped[int] = mapped_column(primary_key=True)
    small: Mapped[Any] = mapped_column(SmallInteger, nullable=True)
    big: Mapped[Any] = mapped_column(BigInteger, nullable=True)
    real: Mapped[Any] = mapped_column(Float, nullable=True)
    exact: Mapped[Any] = mapped_column(Numeric(12, 3), nullable=True)
    flag: Mapped[Any] = mapped_column(Boolean, nullable=True)
    short: Mapped[Any] = mapped_column(String(20), nullable=True)
    long: Mapped[Any] = mapped_column(Text, nullable=True)
    raw: Mapped[Any] = mapped_column(LargeBinary, nullable=True)
    day: Mapped[Any] = mapped_column(Date, nullable=True)
    hour: Mapped[Any] = mapped_column(Time, nullable=True)
    moment: Mapped[Any] = mapped_column(DateTime, nullable=True)
    span: Mapped[Any] = mapped_column(Interval, nullable=True)
    token: Mapped[Any] = mapped_column(Uuid, nullable=True)
    document: Mapped[Any] = mapped_column(JSON, nullable=True)


class Odd(Base):
    """Types without a binary form, or with a hook."""

    __tablename__ = "odd"
    id: Mapped[int] = mapped_column(primary_key=True)
    colour: Mapped[Any] = mapped_column(Enum(Colour), nullable=True)
    shouted: Mapped[Any] = mapped_column(Shouted, nullable=True)


def values(number: int) -> dict[str, Any]:
    if number % 7 == 3:
        return {}
    return {
        "small": number - 500,
        "big": number * 10**12,
        "real": number / 8,
        "exact": decimal.Decimal(number) / 8,
        "flag": number % 2 == 0,
        "short": f"ä{number}",
        "long": "x" * (number % 50),
        "raw": bytes([number % 256, 0, 255]),
        "day": datetime.date(2000, 1, 1) + datetime.timedelta(days=number),
        "hour": datetime.time(number % 24, 1, 2, number),
        "moment": datetime.datetime(2000, 1, 1, 1, 2, 3, number),
        "span": datetime.timedelta(days=number, microseconds=number),
        "token": uuid.UUID(int=number),
        "document": {"n": number, "list": [None, "ü"]},
    }


@pytest.mark.parametrize("count", [3, 60, 1100])
def test_values_are_the_same_when_read_back(session, create, engine, db, count: int) -> None:
    create(Base)
    made = [Wide(**values(number)) for number in range(count)]
    session.add_all(made)
    session.commit()

    with engine.connect() as connection:
        table = Wide.__table__
        rows = connection.execute(table.select().order_by(table.c.id)).mappings().all()

    names = [key for key in list(inspect(Wide).column_attrs.keys()) if key != "id"]
    for number, row in enumerate(rows):
        expected = values(number)
        assert {name: row[name] for name in names} == {name: expected.get(name) for name in names}
    assert [row["id"] for row in rows] == list(range(1, count + 1))


@pytest.mark.parametrize("count", [3, 60, 1100])
def test_types_without_binary_form_go_row_by_row(session, create, engine, db, counted, count: int) -> None:
    create(Base)
    made = [Odd(colour=[Colour.RED, Colour.BLUE, None][n % 3], shouted=f"a{n}") for n in range(count)]
    session.add_all(made)
    session.commit()

    with engine.connect() as connection:
        table = Odd.__table__
        rows = connection.execute(table.select().order_by(table.c.id)).all()

    assert [tuple(row) for row in rows] == [
        (n + 1, [Colour.RED, Colour.BLUE, None][n % 3], f"A{n}") for n in range(count)
    ]
    if db.name == "postgresql":
        assert counted["rows"] == count


def test_many_updates_take_every_type(session, create, engine, db, counted) -> None:
    create(Base)
    made = [Wide(**values(number)) for number in range(150)]
    session.add_all(made)
    session.flush()

    for number, one in enumerate(made):
        for key, value in {**dict.fromkeys(values(1)), **values(number + 1)}.items():
            setattr(one, key, value)
    session.commit()

    with engine.connect() as connection:
        table = Wide.__table__
        rows = connection.execute(table.select().order_by(table.c.id)).mappings().all()
    names = list(values(1))
    for number, row in enumerate(rows):
        expected = values(number + 1)
        assert {name: row[name] for name in names} == {name: expected.get(name) for name in names}
