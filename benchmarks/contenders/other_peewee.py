"""peewee, with psycopg2 or psycopg on PostgreSQL, as it chooses."""

from __future__ import annotations

import gc
from typing import Any
from urllib.parse import parse_qs, urlsplit

import peewee

from benchmarks import unrolled
from benchmarks.contenders import Place, Timed
from benchmarks.memory import resident_bytes
from benchmarks.scenarios import NONE, POSTGRES
from benchmarks.work import COLUMNS, author_row


def map_author(database: Any, table: str) -> Any:
    """Return a model over author or author_w."""

    class Author(peewee.Model):
        id = peewee.AutoField()
        name = peewee.CharField(100)
        email = peewee.CharField(100)
        age = peewee.IntegerField()
        balance = peewee.DoubleField()
        active = peewee.BooleanField()
        created = peewee.DateTimeField()
        bio = peewee.TextField()

        class Meta:
            table_name = table

        def shout(self) -> str:
            """What a method costs to call."""
            return "!"

    Author._meta.set_database(database)
    return Author


class Contender:
    """peewee: no session, no identity map, one statement per save."""

    def __init__(self, name: str, place: Place) -> None:
        self.place = place
        if place.database == POSTGRES:
            parts = urlsplit(place.target)
            query = parse_qs(parts.query)
            self.database = peewee.PostgresqlDatabase(
                parts.path.lstrip("/"),
                user=parts.username,
                host=parts.hostname or query.get("host", [None])[0],
                port=parts.port or query.get("port", [None])[0],
            )
        else:
            self.database = peewee.SqliteDatabase(place.target if place.database != NONE else None)
        self.author = map_author(self.database, "author")
        self.writable = map_author(self.database, "author_w")

    def ids(self, count: int) -> list[int]:
        """Return distinct ids, spread over the table."""
        total = self.place.sizes.authors
        return list(range(1, total + 1, max(1, total // count)))[:count]

    def s1(self) -> Timed:
        """Load all authors."""
        return lambda: len(list(self.author.select()))

    def s1b(self) -> Timed:
        """Stream all authors."""
        return lambda: sum(1 for _ in self.author.select().iterator())

    def s2(self) -> Timed:
        """Load all authors as tuples."""
        return lambda: len(list(self.author.select().tuples()))

    def s3(self) -> Timed:
        """Get by key in one transaction."""
        ids = self.ids(1000)

        def run() -> int:
            with self.database.atomic():
                for key in ids:
                    self.author.get_by_id(key)
            return len(ids)

        return run

    def filtered(self, number: int) -> Any:
        """Build S5's query."""
        author = self.author
        return (
            author.select()
            .where((author.name == f"name{number % 200:03}") & (author.age > 20))
            .order_by(author.id)
            .limit(10)
        )

    def s5(self) -> Timed:
        """Build and run a query of ten entities, in one transaction."""

        def run() -> int:
            found = 0
            with self.database.atomic():
                for number in range(500):
                    found += len(list(self.filtered(number)))
            assert found == 5000, found
            return 500

        return run

    def s6(self) -> Timed:
        """Build and compile it; peewee has no cache."""

        def run() -> int:
            for number in range(1000):
                self.filtered(number).sql()
            return 1000

        return run

    def s6c(self) -> Timed:
        """Build it."""

        def run() -> int:
            for number in range(5000):
                self.filtered(number)
            return 5000

        return run

    def new_rows(self, count: int) -> list[dict[str, Any]]:
        """Return keywords of new authors."""
        return [dict(zip(COLUMNS[1:], author_row(n)[1:], strict=True)) for n in range(1, count + 1)]

    def s7(self) -> Timed:
        """Make and save objects in one transaction."""
        rows = self.new_rows(self.place.sizes.of(10_000))

        def run() -> int:
            with self.database.atomic():
                for row in rows:
                    self.writable(**row).save(force_insert=True)
            return len(rows)

        return run

    def s8(self) -> Timed:
        """Insert dicts, a thousand a statement."""
        rows = self.new_rows(self.place.sizes.of(10_000))

        def run() -> int:
            with self.database.atomic():
                for part in peewee.chunked(rows, 1000):
                    self.writable.insert_many(part).execute()
            return len(rows)

        return run

    def s9(self) -> Timed:
        """Load, change and save each, only what changed."""

        def run() -> int:
            with self.database.atomic():
                loaded = list(self.writable.select())
                for one in loaded:
                    one.age += 1
                    one.save(only=[self.writable.age])
            return len(loaded)

        return run

    def s10(self) -> Timed:
        """Delete what is loaded, one by one."""
        loaded = list(self.writable.select())

        def run() -> int:
            with self.database.atomic():
                for one in loaded:
                    one.delete_instance()
            return len(loaded)

        return run

    def one(self) -> Any:
        """Return an author in memory."""
        return self.author(**self.new_rows(1)[0])

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
        self.author.get_by_id(1)
        gc.collect()
        before = resident_bytes()
        found = list(self.author.select())
        return (resident_bytes() - before) / len(found)

    def s16m(self) -> Timed:
        """Declare twenty models."""

        def run() -> int:
            for number in range(20):
                map_author(self.database, f"model_{number}")
            return 1

        return run

    def s17(self) -> Timed:
        """Open from the kept connection, ask, release."""

        def run() -> int:
            for _ in range(500):
                with self.database.atomic():
                    self.database.execute_sql("SELECT 1").fetchone()
            return 500

        return run
