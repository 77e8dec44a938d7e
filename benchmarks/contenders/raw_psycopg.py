"""psycopg 3 with its C part and binary results. Its S1 are plain tuples."""

from __future__ import annotations

import gc
import threading
from typing import Any

import psycopg

from benchmarks.contenders import Place, Timed
from benchmarks.contenders.graphs import EAGER_AUTHORS, JOINED_POSTS
from benchmarks.memory import resident_bytes
from benchmarks.work import POSTS_PER_AUTHOR, TREE_TABLES, author_row, tree_rows

ALL = "SELECT id, name, email, age, balance, active, created, bio FROM author"
ONE = f"{ALL} WHERE id = %s"
FILTERED = f"{ALL} WHERE name = %s AND age > %s ORDER BY id LIMIT %s"
POSTS = "SELECT id, author_id, title, body, views FROM post"
POSTS_WITH_AUTHOR = (
    "SELECT p.id, p.author_id, p.title, p.body, p.views, a.id, a.name, a.email, a.age, a.balance,"
    " a.active, a.created, a.bio FROM post p JOIN author a ON a.id = p.author_id WHERE p.id <= %s"
)
INSERT = (
    "INSERT INTO author_w (name, email, age, balance, active, created, bio)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)


class Contender:
    """One connection; every statement in a transaction."""

    def __init__(self, name: str, place: Place) -> None:
        assert psycopg.pq.__impl__ != "python", "psycopg without its C part is no driver to beat"
        self.place = place
        self.connection = self.connect()

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Return a connection."""
        return psycopg.connect(self.place.target)

    def cursor(self) -> Any:
        """Return a cursor with binary results."""
        return self.connection.cursor(binary=True)

    def ids(self, count: int) -> list[int]:
        """Return distinct ids, spread over the table."""
        total = self.place.sizes.authors
        return list(range(1, total + 1, max(1, total // count)))[:count]

    def s1(self) -> Timed:
        """Fetch all authors as tuples."""

        def run() -> int:
            with self.connection.transaction(), self.cursor() as cursor:
                return len(cursor.execute(ALL).fetchall())

        return run

    s2 = s1

    def s3(self) -> Timed:
        """Get by key."""
        ids = self.ids(2000)

        def run() -> int:
            with self.connection.transaction(), self.cursor() as cursor:
                for key in ids:
                    cursor.execute(ONE, (key,)).fetchone()
            return len(ids)

        return run

    def s5(self) -> Timed:
        """Ask for ten rows."""

        def run() -> int:
            found = 0
            with self.connection.transaction(), self.cursor() as cursor:
                for number in range(500):
                    arguments = (f"name{number % 200:03}", 20, 10)
                    found += len(cursor.execute(FILTERED, arguments).fetchall())
            assert found == 5000, found
            return 500

        return run

    def s7(self) -> Timed:
        """Send prepared tuples with executemany."""
        rows = [author_row(n)[1:] for n in range(1, self.place.sizes.of(10_000) + 1)]

        def run() -> int:
            with self.connection.transaction(), self.cursor() as cursor:
                cursor.executemany(INSERT, rows)
            return len(rows)

        return run

    s8 = s7

    def s9(self) -> Timed:
        """Fetch all, send one executemany of updates."""

        def run() -> int:
            with self.connection.transaction(), self.cursor() as cursor:
                rows = cursor.execute("SELECT * FROM author_w").fetchall()
                changes = [(row[3] + 1, row[0]) for row in rows]
                cursor.executemany("UPDATE author_w SET age = %s WHERE id = %s", changes)
            return len(rows)

        return run

    def s10(self) -> Timed:
        """Delete by key with executemany."""
        with self.connection.transaction(), self.cursor() as cursor:
            keys = cursor.execute("SELECT id FROM author_w").fetchall()

        def run() -> int:
            with self.connection.transaction(), self.cursor() as cursor:
                cursor.executemany("DELETE FROM author_w WHERE id = %s", keys)
            return len(keys)

        return run

    def s11(self) -> Timed:
        """Fetch authors, then their posts, as tuples."""

        def run() -> int:
            with self.connection.transaction(), self.cursor() as cursor:
                cursor.execute(f"{ALL} WHERE id <= %s", (EAGER_AUTHORS,))
                found = cursor.fetchall()
                cursor.execute(f"{POSTS} WHERE author_id <= %s", (EAGER_AUTHORS,))
                assert len(cursor.fetchall()) == POSTS_PER_AUTHOR * len(found)
            return len(found)

        return run

    def s12(self) -> Timed:
        """Fetch posts joined with their authors as tuples."""

        def run() -> int:
            with self.connection.transaction(), self.cursor() as cursor:
                return len(cursor.execute(POSTS_WITH_AUTHOR, (JOINED_POSTS,)).fetchall())

        return run

    def g1(self) -> Timed:
        """Fetch the rows of the graph as tuples."""

        def run() -> int:
            with self.connection.transaction(), self.cursor() as cursor:
                levels = [cursor.execute(f"SELECT * FROM {n}").fetchall() for n in TREE_TABLES]
            return sum(map(len, levels))

        return run

    def p1(self) -> Timed:
        """Fetch the view of the hierarchy as tuples."""

        def run() -> int:
            with self.connection.transaction(), self.cursor() as cursor:
                return len(cursor.execute("SELECT * FROM staff_view").fetchall())

        return run

    def g2(self) -> Timed:
        """Send the rows of the graph with executemany."""
        levels = tree_rows(self.place.sizes.roots)

        def run() -> int:
            with self.connection.transaction(), self.cursor() as cursor:
                for name, rows in zip(TREE_TABLES, levels, strict=True):
                    marks = ", ".join(["%s"] * len(rows[0]))
                    cursor.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
            return sum(map(len, levels))

        return run

    def s15(self) -> float:
        """Return the bytes that a fetched tuple takes."""
        with self.connection.transaction(), self.cursor() as cursor:
            cursor.execute(ONE, (1,)).fetchone()
            gc.collect()
            before = resident_bytes()
            rows = cursor.execute(ALL).fetchall()
        # The cursor is closed: it holds the server's answer no longer.
        return (resident_bytes() - before) / len(rows)

    def s17(self) -> Timed:
        """Ask for 1 in a transaction of its own."""

        def run() -> int:
            for _ in range(500):
                with self.connection.transaction(), self.cursor() as cursor:
                    cursor.execute("SELECT 1").fetchone()
            return 500

        return run

    def s18(self) -> Timed:
        """Get by key in four threads, each with a connection."""
        ids, connections = self.ids(500), [self.connect() for _ in range(4)]

        def work(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
            with connection.transaction(), connection.cursor(binary=True) as cursor:
                for key in ids:
                    cursor.execute(ONE, (key,)).fetchone()

        def run() -> int:
            threads = [threading.Thread(target=work, args=(each,)) for each in connections]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return 4 * len(ids)

        return run
