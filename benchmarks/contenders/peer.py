"""What the other ORMs do in each scenario, in terms of a few things each can do.

A subclass says how its library loads, saves and deletes one object; the scenarios are the
same for all. Most of these libraries have no unit of work: they save object by object.
"""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks import unrolled
from benchmarks.contenders import Place, Timed
from benchmarks.memory import resident_bytes
from benchmarks.work import COLUMNS, author_row


def connection_parts(url: str) -> dict[str, Any]:
    """Return database, user, host and port of a PostgreSQL URL, None for what it leaves out."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return {
        "database": parts.path.lstrip("/"),
        "user": parts.username,
        "host": parts.hostname or query.get("host"),
        "port": parts.port or (int(query["port"]) if "port" in query else None),
    }


class Peer(ABC):
    """The scenarios, over what a subclass knows of its library."""

    author: Any
    """The class over author, set by `open`."""
    writable: Any
    """The class over author_w, set by `open`."""

    def __init__(self, name: str, place: Place) -> None:
        self.place = place
        self.open()

    @abstractmethod
    def open(self) -> None:
        """Connect to the place and map the two classes."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Any]:
        """Return what a transaction is entered by; it commits at its end."""

    @abstractmethod
    def load_all(self, model: Any) -> list[Any]:
        """Return all objects of a class."""

    @abstractmethod
    def get(self, key: int) -> Any:
        """Return the author with a key."""

    @abstractmethod
    def filtered(self, number: int) -> Any:
        """Return S5's query with values of its own, not run yet."""

    @abstractmethod
    def compile(self, query: Any) -> Any:
        """Return a query's SQL."""

    @abstractmethod
    def insert(self, row: dict[str, Any]) -> None:
        """Make and save one object over author_w."""

    @abstractmethod
    def insert_many(self, rows: list[dict[str, Any]]) -> None:
        """Insert by the library's way for many."""

    @abstractmethod
    def save_age(self, one: Any) -> None:
        """Save the age of an object and nothing else."""

    @abstractmethod
    def delete(self, one: Any) -> None:
        """Delete an object."""

    @abstractmethod
    def map_one(self, table: str) -> Any:
        """Declare one model over a table of author's columns."""

    def ids(self, count: int) -> list[int]:
        """Return distinct ids, spread over the table."""
        total = self.place.sizes.authors
        return list(range(1, total + 1, max(1, total // count)))[:count]

    def new_rows(self, count: int) -> list[dict[str, Any]]:
        """Return keywords of new authors."""
        return [dict(zip(COLUMNS[1:], author_row(n)[1:], strict=True)) for n in range(1, count + 1)]

    def one(self) -> Any:
        """Return an author in memory."""
        return self.author(**self.new_rows(1)[0])

    # --- scenarios -------------------------------------------------------------------------

    def s1(self) -> Timed:
        """Load all authors."""

        def run() -> int:
            with self.transaction():
                return len(self.load_all(self.author))

        return run

    def s3(self) -> Timed:
        """Get by key in one transaction."""
        ids = self.ids(1000)

        def run() -> int:
            with self.transaction():
                for key in ids:
                    self.get(key)
            return len(ids)

        return run

    def s3b(self) -> Timed:
        """Get by key, each in a transaction of its own."""
        ids = self.ids(500)

        def run() -> int:
            for key in ids:
                with self.transaction():
                    self.get(key)
            return len(ids)

        return run

    def s5(self) -> Timed:
        """Build and run a query of ten objects, in one transaction."""

        def run() -> int:
            found = 0
            with self.transaction():
                for number in range(500):
                    found += len(list(self.filtered(number)))
            assert found == 5000, found
            return 500

        return run

    def s6(self) -> Timed:
        """Build and compile it."""

        def run() -> int:
            for number in range(1000):
                self.compile(self.filtered(number))
            return 1000

        return run

    def s6c(self) -> Timed:
        """Build it."""

        def run() -> int:
            for number in range(2000):
                self.filtered(number)
            return 2000

        return run

    def s7(self) -> Timed:
        """Make and save objects in one transaction."""
        rows = self.new_rows(self.place.sizes.of(10_000))

        def run() -> int:
            with self.transaction():
                for row in rows:
                    self.insert(row)
            return len(rows)

        return run

    def s8(self) -> Timed:
        """Insert by the library's way for many."""
        rows = self.new_rows(self.place.sizes.of(10_000))

        def run() -> int:
            with self.transaction():
                self.insert_many(rows)
            return len(rows)

        return run

    def s9(self) -> Timed:
        """Load, change one column each, save what changed."""

        def run() -> int:
            with self.transaction():
                loaded = self.load_all(self.writable)
                for one in loaded:
                    one.age += 1
                    self.save_age(one)
            return len(loaded)

        return run

    def s10(self) -> Timed:
        """Delete what is loaded, one by one."""
        loaded = self.load_all(self.writable)

        def run() -> int:
            with self.transaction():
                for one in loaded:
                    self.delete(one)
            return len(loaded)

        return run

    def s13r(self) -> Timed:
        """Read an attribute."""
        return unrolled.loop("obj.name", obj=self.one())

    def s13w(self) -> Timed:
        """Write an attribute."""
        return unrolled.loop("obj.name = value", obj=self.one(), value="another")

    def s13m(self) -> Timed:
        """Call a method."""
        return unrolled.loop("obj.shout()", obj=self.one())

    def s14(self) -> Timed:
        """Construct with seven keywords."""
        return unrolled.construct(self.author)

    def s15(self) -> float:
        """Return the bytes that a loaded author takes."""
        with self.transaction():
            self.get(1)
            gc.collect()
            before = resident_bytes()
            found = self.load_all(self.author)
            return (resident_bytes() - before) / len(found)

    def s16m(self) -> Timed:
        """Declare twenty models."""

        def run() -> int:
            for number in range(20):
                self.map_one(f"model_{number}")
            return 1

        return run
