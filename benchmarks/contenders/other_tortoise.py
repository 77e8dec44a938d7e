"""Tortoise: asynchronous; aiosqlite on SQLite, asyncpg on PostgreSQL.

The other scenarios call methods one after the other; here one event loop runs each round.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from tortoise import Tortoise, fields, models, transactions

from benchmarks import unrolled
from benchmarks.contenders import Place, Timed
from benchmarks.contenders.peer import connection_parts
from benchmarks.memory import resident_bytes
from benchmarks.scenarios import NONE, POSTGRES
from benchmarks.work import COLUMNS, author_row


def declare(table: str) -> Any:
    """Declare a model."""
    namespace = {
        "__module__": __name__,
        "Meta": type("Meta", (), {"table": table}),
        "id": fields.IntField(primary_key=True),
        "name": fields.CharField(100),
        "email": fields.CharField(100),
        "age": fields.IntField(),
        "balance": fields.FloatField(),
        "active": fields.BooleanField(),
        "created": fields.DatetimeField(),
        "bio": fields.TextField(),
        "shout": lambda self: "!",
    }
    return type(table.title().replace("_", ""), (models.Model,), namespace)


Author = declare("author")
AuthorW = declare("author_w")


class Contender:
    """Tortoise: no session, no identity map, one statement per save."""

    def __init__(self, name: str, place: Place) -> None:
        self.place = place
        self.loop = asyncio.new_event_loop()
        # Tortoise finds its connections in the context; every round needs the one of init().
        self.context = contextvars.copy_context()
        self.run(self.open())

    async def open(self) -> None:
        """Connect and initialise the models."""
        if self.place.database == POSTGRES:
            engine = "tortoise.backends.asyncpg"
            credentials = connection_parts(self.place.target)
        else:
            path = ":memory:" if self.place.database == NONE else self.place.target
            engine, credentials = "tortoise.backends.sqlite", {"file_path": path}
            # It would set WAL otherwise; the run says what the file has.
            mode = "DELETE" if self.place.database.endswith("rollback") else "WAL"
            credentials["journal_mode"] = mode
        await Tortoise.init(
            config={
                "connections": {"default": {"engine": engine, "credentials": credentials}},
                "apps": {"bench": {"models": [__name__], "default_connection": "default"}},
                "use_tz": False,
            }
        )

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run to the end on this contender's loop and in its context."""
        task = self.loop.create_task(coroutine, context=self.context)
        return self.loop.run_until_complete(task)

    def timed(self, work: Callable[[], Awaitable[int]]) -> Timed:
        """Return what runs a round, in one transaction."""

        async def whole() -> int:
            async with transactions.in_transaction():
                return await work()

        return lambda: int(self.run(whole()))

    def ids(self, count: int) -> list[int]:
        """Return distinct ids, spread over the table."""
        total = self.place.sizes.authors
        return list(range(1, total + 1, max(1, total // count)))[:count]

    def new_rows(self, count: int) -> list[dict[str, Any]]:
        """Return keywords of new authors."""
        return [dict(zip(COLUMNS[1:], author_row(n)[1:], strict=True)) for n in range(1, count + 1)]

    def filtered(self, number: int) -> Any:
        """Build S5's query."""
        return Author.filter(name=f"name{number % 200:03}", age__gt=20).order_by("id").limit(10)

    def s1(self) -> Timed:
        """Load all authors."""

        async def work() -> int:
            return len(await Author.all())

        return self.timed(work)

    def s2(self) -> Timed:
        """Load all authors as tuples."""

        async def work() -> int:
            return len(await Author.all().values_list())

        return self.timed(work)

    def s3(self) -> Timed:
        """Get by key in one transaction."""
        ids = self.ids(1000)

        async def work() -> int:
            for key in ids:
                await Author.get(id=key)
            return len(ids)

        return self.timed(work)

    def s5(self) -> Timed:
        """Build and run a query of ten objects."""

        async def work() -> int:
            found = 0
            for number in range(500):
                found += len(await self.filtered(number))
            assert found == 5000, found
            return 500

        return self.timed(work)

    def s6(self) -> Timed:
        """Build and compile it."""

        def run() -> int:
            for number in range(1000):
                self.filtered(number).sql()
            return 1000

        return lambda: self.context.run(run)

    def s6c(self) -> Timed:
        """Build it."""

        def run() -> int:
            for number in range(2000):
                self.filtered(number)
            return 2000

        return lambda: self.context.run(run)

    def s7(self) -> Timed:
        """Make and save objects."""
        rows = self.new_rows(self.place.sizes.of(10_000))

        async def work() -> int:
            for row in rows:
                await AuthorW(**row).save(force_create=True)
            return len(rows)

        return self.timed(work)

    def s8(self) -> Timed:
        """Insert many."""
        rows = self.new_rows(self.place.sizes.of(10_000))

        async def work() -> int:
            await AuthorW.bulk_create([AuthorW(**row) for row in rows])
            return len(rows)

        return self.timed(work)

    def s9(self) -> Timed:
        """Load, change one column each, save what changed."""

        async def work() -> int:
            loaded = await AuthorW.all()
            for one in loaded:
                one.age += 1
                await one.save(update_fields=["age"])
            return len(loaded)

        return self.timed(work)

    def s10(self) -> Timed:
        """Delete what is loaded, one by one."""
        loaded: list[Any] = self.run(self.all_writable())

        async def work() -> int:
            for one in loaded:
                await one.delete()
            return len(loaded)

        return self.timed(work)

    async def all_writable(self) -> list[Any]:
        """Return what author_w holds."""
        return list(await AuthorW.all())

    def one(self) -> Any:
        """Return an author in memory."""
        return Author(**self.new_rows(1)[0])

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
        return unrolled.construct(Author)

    def s15(self) -> float:
        """Return the bytes that a loaded author takes."""

        async def work() -> float:
            await Author.get(id=1)
            gc.collect()
            before = resident_bytes()
            found = await Author.all()
            return (resident_bytes() - before) / len(found)

        value: float = self.run(work())
        return value

    def s16m(self) -> Timed:
        """Declare twenty models."""

        def run() -> int:
            for number in range(20):
                declare(f"model_{number}")
            return 1

        return run
