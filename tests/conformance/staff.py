"""Two tables with five rows each, for statements whose answers are told by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pyorm import (
    Boolean,
    Column,
    Connection,
    Date,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    select,
)

META = MetaData()
STAFF = Table(
    "staff",
    META,
    Column("id", Integer, primary_key=True),
    Column("boss_id", ForeignKey("staff.id")),
    Column("name", String(20), unique=True),
    Column("team", String(10)),
    Column("pay", Integer),
    Column("since", Date),
    Column("active", Boolean),
)
SALES = Table(
    "sales",
    META,
    Column("id", Integer, primary_key=True),
    Column("staff_id", ForeignKey("staff.id")),
    Column("amount", Integer),
)
ROWS = [
    (1, None, "Ada", "a", 100, dt.date(2020, 1, 5), True),
    (2, 1, "Bob", "a", 80, dt.date(2021, 2, 5), True),
    (3, 1, "Cy", "b", 70, None, False),
    (4, 2, "Di", "b", None, dt.date(2022, 12, 31), None),
    (5, 4, "Ed", None, 50, dt.date(2020, 1, 5), True),
]
SOLD = [(1, 1, 10), (2, 1, 20), (3, 2, 5), (4, 3, 7), (5, None, 99)]


def fill(connection: Connection) -> None:
    """Make the tables and their rows in the connection's transaction."""
    META.create_all(connection)
    connection.execute(insert(STAFF), [dict(zip(STAFF.c.keys(), row, strict=True)) for row in ROWS])
    connection.execute(insert(SALES), [dict(zip(SALES.c.keys(), row, strict=True)) for row in SOLD])


def ids(connection: Connection, *criteria: Any) -> list[int]:
    """Return the ids of the staff that the criteria let through."""
    return list(connection.scalars(select(STAFF.c.id).where(*criteria).order_by(STAFF.c.id)))


def one(connection: Connection, *expressions: Any) -> tuple[Any, ...]:
    """Return what expressions over Ada's row are."""
    return tuple(connection.execute(select(*expressions).where(STAFF.c.id == 1)).one())
