"""The sqlite3 module: what a program without an ORM does. Its S1 are plain tuples."""

from __future__ import annotations

import gc
import sqlite3
from typing import Any

from benchmarks.contenders import Place, Timed
from benchmarks.contenders.graphs import EAGER_AUTHORS, JOINED_POSTS
from benchmarks.memory import resident_bytes
from benchmarks.work import POSTS_PER_AUTHOR, TREE_TABLES, as_sqlite, author_row, tree_rows

ALL = "SELECT id, name, email, age, balance, active, created, bio FROM author"
ONE = f"{ALL} WHERE id = ?"
FILTERED = f"{ALL} WHERE name = ? AND age > ? ORDER BY id LIMIT ?"
POSTS = "SELECT id, author_id, title, body, views FROM post"
POSTS_WITH_AUTHOR = (
    "SELECT p.id, p.author_id, p.title, p.body, p.views, a.id, a.name, a.email, a.age, a.balance,"
    " a.active, a.created, a.bio FROM post p JOIN author a ON a.id = p.author_id WHERE p.id <= ?"
)
INSERT = (
    "INSERT INTO author_w (name, email, age, balance, active, created, bio)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)


class Contender:
    """One connection; transactions by hand."""

    def __init__(self, name: str, place: Place) -> None:
        self.place = place
        self.connection = self.connect()

    def connect(self) -> Any:
        """Return a connection in autocommit mode."""
        return sqlite3.connect(self.place.target, isolation_level=None)

    def s1(self) -> Timed:
        """Fetch all authors as tuples."""

        def run() -> int:
            return len(self.connection.execute(ALL).fetchall())

        return run

    s2 = s1

    def s3(self) -> Timed:
        """Get by key inside one transaction."""
        total = self.place.sizes.authors
        ids = list(range(1, total + 1, max(1, total // 2000)))[:2000]

        def run() -> int:
            execute = self.connection.execute
            execute("BEGIN")
            for key in ids:
                execute(ONE, (key,)).fetchone()
            execute("COMMIT")
            return len(ids)

        return run

    def s5(self) -> Timed:
        """Ask for ten rows, in one transaction."""

        def run() -> int:
            execute, found = self.connection.execute, 0
            execute("BEGIN")
            for number in range(500):
                found += len(execute(FILTERED, (f"name{number % 200:03}", 20, 10)).fetchall())
            execute("COMMIT")
            assert found == 5000, found
            return 500

        return run

    def s7(self) -> Timed:
        """Send prepared tuples with executemany."""
        rows = [as_sqlite(author_row(n))[1:] for n in range(1, self.place.sizes.of(10_000) + 1)]

        def run() -> int:
            self.connection.execute("BEGIN")
            self.connection.executemany(INSERT, rows)
            self.connection.execute("COMMIT")
            return len(rows)

        return run

    s8 = s7

    def s9(self) -> Timed:
        """Fetch all, send one executemany of updates."""

        def run() -> int:
            self.connection.execute("BEGIN")
            rows = self.connection.execute("SELECT * FROM author_w").fetchall()
            changes = [(row[3] + 1, row[0]) for row in rows]
            self.connection.executemany("UPDATE author_w SET age = ? WHERE id = ?", changes)
            self.connection.execute("COMMIT")
            return len(rows)

        return run

    def s10(self) -> Timed:
        """Delete by key with executemany."""
        keys = self.connection.execute("SELECT id FROM author_w").fetchall()

        def run() -> int:
            self.connection.execute("BEGIN")
            self.connection.executemany("DELETE FROM author_w WHERE id = ?", keys)
            self.connection.execute("COMMIT")
            return len(keys)

        return run

    def s11(self) -> Timed:
        """Fetch authors, then their posts, as tuples."""

        def run() -> int:
            execute = self.connection.execute
            execute("BEGIN")
            found = execute(f"{ALL} WHERE id <= ?", (EAGER_AUTHORS,)).fetchall()
            posts = execute(f"{POSTS} WHERE author_id <= ?", (EAGER_AUTHORS,)).fetchall()
            execute("COMMIT")
            assert len(posts) == POSTS_PER_AUTHOR * len(found)
            return len(found)

        return run

    def s12(self) -> Timed:
        """Fetch posts joined with their authors as tuples."""

        def run() -> int:
            return len(self.connection.execute(POSTS_WITH_AUTHOR, (JOINED_POSTS,)).fetchall())

        return run

    def g1(self) -> Timed:
        """Fetch the rows of the graph as tuples."""

        def run() -> int:
            execute = self.connection.execute
            execute("BEGIN")
            levels = [execute(f"SELECT * FROM {name}").fetchall() for name in TREE_TABLES]
            execute("COMMIT")
            return sum(map(len, levels))

        return run

    def p1(self) -> Timed:
        """Fetch the view of the hierarchy as tuples."""

        def run() -> int:
            return len(self.connection.execute("SELECT * FROM staff_view").fetchall())

        return run

    def g2(self) -> Timed:
        """Send the rows of the graph with executemany."""
        levels = tree_rows(self.place.sizes.roots)

        def run() -> int:
            self.connection.execute("BEGIN")
            for name, rows in zip(TREE_TABLES, levels, strict=True):
                marks = ", ".join("?" * len(rows[0]))
                self.connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
            self.connection.execute("COMMIT")
            return sum(map(len, levels))

        return run

    def s15(self) -> float:
        """Return the bytes that a fetched tuple takes."""
        # SQLite's page cache is full before: it is no row's memory.
        self.connection.execute("SELECT max(bio) FROM author").fetchone()
        self.connection.execute(ONE, (1,)).fetchone()
        gc.collect()
        before = resident_bytes()
        rows = self.connection.execute(ALL).fetchall()
        return (resident_bytes() - before) / len(rows)

    def s17(self) -> Timed:
        """Ask for 1."""

        def run() -> int:
            for _ in range(500):
                self.connection.execute("SELECT 1").fetchone()
            return 500

        return run
