"""The data that all contenders work on, and the two databases it lives in.

author: 8 columns, 20,000 rows; post: 5 per author; author_w: as author, empty, for writes;
reading: 10^6 narrow rows for streaming, made when a scenario asks. `--scale` shrinks what is
written and streamed.
"""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AUTHORS = 20_000
POSTS_PER_AUTHOR = 5
READINGS = 1_000_000
NAMES = 200
EPOCH = datetime.datetime(2020, 1, 1, 8, 30)
COLUMNS = ("id", "name", "email", "age", "balance", "active", "created", "bio")

AuthorRow = tuple[int, str, str, int, float, bool, datetime.datetime, str]

SQLITE_AUTHOR = """CREATE TABLE {name} (
    id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL, email VARCHAR(100) NOT NULL,
    age INTEGER NOT NULL, balance FLOAT NOT NULL, active BOOLEAN NOT NULL,
    created DATETIME NOT NULL, bio TEXT NOT NULL)"""
POSTGRES_AUTHOR = """CREATE TABLE {name} (
    id SERIAL PRIMARY KEY, name VARCHAR(100) NOT NULL, email VARCHAR(100) NOT NULL,
    age INTEGER NOT NULL, balance DOUBLE PRECISION NOT NULL, active BOOLEAN NOT NULL,
    created TIMESTAMP WITHOUT TIME ZONE NOT NULL, bio TEXT NOT NULL)"""
POST = """CREATE TABLE post (
    id INTEGER NOT NULL PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author (id),
    title VARCHAR(200) NOT NULL, body TEXT NOT NULL, views INTEGER NOT NULL)"""
READING = """CREATE TABLE reading (
    id INTEGER NOT NULL PRIMARY KEY, sensor INTEGER NOT NULL, label VARCHAR(40) NOT NULL)"""
# A graph of three levels: BRANCHES under each root, LEAVES under each branch.
TREE = (
    "CREATE TABLE root (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL)",
    """CREATE TABLE branch (id INTEGER NOT NULL PRIMARY KEY, root_id INTEGER NOT NULL
    REFERENCES root (id), name VARCHAR(40) NOT NULL)""",
    """CREATE TABLE leaf (id INTEGER NOT NULL PRIMARY KEY, branch_id INTEGER NOT NULL
    REFERENCES branch (id), name VARCHAR(40) NOT NULL, weight INTEGER NOT NULL)""",
)
TREE_TABLES = ("root", "branch", "leaf")
ROOTS, BRANCHES, LEAVES = 1_000, 9, 10
# A hierarchy of a base and five subclasses, each with a table of its own, and a view of them all.
KINDS = ("clerk", "coder", "driver", "guard", "tutor")
STAFF_COUNT = 10_000
STAFF = (
    """CREATE TABLE staff (id INTEGER NOT NULL PRIMARY KEY, kind VARCHAR(10) NOT NULL,
    name VARCHAR(40) NOT NULL)""",
    *(f"""CREATE TABLE {kind} (id INTEGER NOT NULL PRIMARY KEY REFERENCES staff (id),
    {kind}_level INTEGER NOT NULL, {kind}_note VARCHAR(40) NOT NULL)""" for kind in KINDS),
    "CREATE VIEW staff_view AS SELECT staff.id, staff.kind, staff.name, "
    + ", ".join(f"{kind}_level, {kind}_note" for kind in KINDS)
    + " FROM staff "
    + " ".join(f"LEFT JOIN {kind} ON {kind}.id = staff.id" for kind in KINDS),
)
INDEXES = (
    "CREATE INDEX ix_branch_root_id ON branch (root_id)",
    "CREATE INDEX ix_leaf_branch_id ON leaf (branch_id)",
    # With the key, as every index of SQLite has it: S5's ten rows are then found in their order
    # on PostgreSQL too, where a scan of 2,000 rows would hide what the client does.
    "CREATE INDEX ix_author_name ON author (name, id)",
    "CREATE INDEX ix_post_author_id ON post (author_id)",
)


SQLITE_READINGS = """INSERT INTO reading WITH RECURSIVE n(i) AS
    (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
    SELECT i, i % 1000, 'reading number ' || i FROM n"""
POSTGRES_READINGS = """INSERT INTO reading
    SELECT i, i % 1000, 'reading number ' || i FROM generate_series(1, {count}) i"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything there is in this run."""

    scale: float = 1.0

    def of(self, count: int, least: int = 1) -> int:
        """Return a count of the full run, scaled."""
        return max(least, int(count * self.scale))

    @property
    def authors(self) -> int:
        """Rows of author: always all, for the planner chooses other plans for small tables."""
        return AUTHORS

    @property
    def roots(self) -> int:
        """Roots of the graph: it has 100 objects for each."""
        return self.of(ROOTS, least=10)

    @property
    def readings(self) -> int:
        """Rows of reading."""
        return self.of(READINGS, least=20_000)


def author_row(number: int) -> AuthorRow:
    """Return the author with this id; every run sees the same."""
    return (
        number,
        f"name{number % NAMES:03}",
        f"user{number}@example.org",
        18 + number * 7 % 60,
        number * 1.25,
        number % 3 != 0,
        EPOCH + datetime.timedelta(minutes=number),
        f"{number:06} " + "lorem ipsum dolor sit amet consectetur adipiscing elit"[:53],
    )


Rows = list[tuple[Any, ...]]


def tree_rows(roots: int) -> tuple[Rows, Rows, Rows]:
    """Return the rows of root, branch and leaf of a graph with so many roots."""
    branches, leaves = roots * BRANCHES, roots * BRANCHES * LEAVES
    return (
        [(n, f"root {n}") for n in range(1, roots + 1)],
        [(n, (n - 1) // BRANCHES + 1, f"branch {n}") for n in range(1, branches + 1)],
        [(n, (n - 1) // LEAVES + 1, f"leaf {n}", n % 100) for n in range(1, leaves + 1)],
    )


def staff_rows() -> dict[str, Rows]:
    """Return the rows of staff and of each kind's table, by table."""
    rows: dict[str, Rows] = {"staff": [], **{kind: [] for kind in KINDS}}
    for number in range(1, STAFF_COUNT + 1):
        kind = KINDS[number % len(KINDS)]
        rows["staff"].append((number, kind, f"member {number}"))
        rows[kind].append((number, number % 9, f"note {number}"))
    return rows


def post_row(number: int) -> tuple[int, int, str, str, int]:
    """Return the post with this id."""
    return (
        number,
        (number - 1) // POSTS_PER_AUTHOR + 1,
        f"Title of the post number {number}",
        f"{number:08} " + "sed do eiusmod tempor incididunt ut labore et dolore magna " * 2,
        number * 13 % 10_000,
    )


def authors(sizes: Sizes) -> Iterator[AuthorRow]:
    """Yield all authors."""
    return map(author_row, range(1, sizes.authors + 1))


def posts(sizes: Sizes) -> Iterator[tuple[int, int, str, str, int]]:
    """Yield all posts."""
    return map(post_row, range(1, sizes.authors * POSTS_PER_AUTHOR + 1))


def as_sqlite(row: AuthorRow) -> tuple[object, ...]:
    """Return an author as SQLAlchemy stores it in SQLite: the time as text."""
    return (*row[:6], row[6].isoformat(" ", "microseconds"), row[7])


def fill_sqlite(path: Path, sizes: Sizes, journal_mode: str) -> None:
    """Make the SQLite database at `path`."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA journal_mode = {journal_mode}")
    connection.execute("BEGIN")
    for name in ("author", "author_w"):
        connection.execute(SQLITE_AUTHOR.format(name=name))
    connection.execute(POST)
    connection.execute(READING)
    for statement in (*TREE, *STAFF):
        connection.execute(statement)
    for name, rows in staff_rows().items():
        connection.executemany(f"INSERT INTO {name} VALUES (?, ?, ?)", rows)
    connection.executemany(
        "INSERT INTO author VALUES (?,?,?,?,?,?,?,?)", map(as_sqlite, authors(sizes))
    )
    connection.executemany("INSERT INTO post VALUES (?,?,?,?,?)", posts(sizes))
    for statement in INDEXES:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.execute("ANALYZE")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()


def fill_postgres(url: str, sizes: Sizes) -> None:
    """Make the tables in the PostgreSQL database at `url`."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("author", "author_w"):
            connection.execute(POSTGRES_AUTHOR.format(name=name))
        connection.execute(POST)
        connection.execute(READING)
        for statement in (*TREE, *STAFF):
            connection.execute(statement)
        tables = (("author", authors(sizes)), ("post", posts(sizes)), *staff_rows().items())
        for table, rows in tables:
            with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        for statement in INDEXES:
            connection.execute(statement)
        connection.execute("VACUUM ANALYZE")


def copy_postgres(url: str, table: str, rows: Rows) -> None:
    """Put rows into a table of the PostgreSQL database at `url`."""
    import psycopg

    with (
        psycopg.connect(url, autocommit=True) as connection,
        connection.cursor().copy(f"COPY {table} FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
