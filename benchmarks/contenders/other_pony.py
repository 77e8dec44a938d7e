"""Pony: a session with an identity map and a unit of work; psycopg2 on PostgreSQL."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pony import orm

from benchmarks import unrolled
from benchmarks.contenders import Timed
from benchmarks.contenders.peer import Peer, connection_parts
from benchmarks.scenarios import NONE, POSTGRES


class Contender(Peer):
    """Pony; its objects live inside a db_session only."""

    def open(self) -> None:
        """Bind a database and map the entities."""
        self.database = orm.Database()
        if self.place.database == POSTGRES:
            parts = connection_parts(self.place.target)
            self.database.bind(provider="postgres", **parts)
        else:
            path = ":memory:" if self.place.database == NONE else self.place.target
            self.database.bind(provider="sqlite", filename=path)
        self.author = self.declare(self.database, "author")
        self.writable = self.declare(self.database, "author_w")
        self.database.generate_mapping(create_tables=False, check_tables=False)

    @staticmethod
    def declare(database: Any, table: str) -> Any:
        """Declare an entity."""
        namespace = {
            "_table_": table,
            "id": orm.PrimaryKey(int, auto=True),
            "name": orm.Required(str, 100, autostrip=False),
            "email": orm.Required(str, 100, autostrip=False),
            "age": orm.Required(int),
            "balance": orm.Required(float),
            "active": orm.Required(bool),
            "created": orm.Required(datetime.datetime),
            "bio": orm.Required(str, autostrip=False),
            "shout": lambda self: "!",
        }
        return type(table.title().replace("_", ""), (database.Entity,), namespace)

    def map_one(self, table: str) -> Any:
        """Declare an entity in a database of its own."""
        database = orm.Database()
        database.bind(provider="sqlite", filename=":memory:")
        entity = self.declare(database, table)
        database.generate_mapping(create_tables=False, check_tables=False)
        return entity

    def transaction(self) -> AbstractContextManager[Any]:
        """Open a session; commit at the end."""
        session: AbstractContextManager[Any] = orm.db_session
        return session

    def load_all(self, model: Any) -> list[Any]:
        """Return all objects of a class."""
        return list(model.select())

    def get(self, key: int) -> Any:
        """Return the author with a key."""
        return self.author[key]

    def unlimited(self, number: int) -> Any:
        """Build S5's query but for its LIMIT; with it, Pony has no way to ask for the SQL."""
        author, name, age = self.author, f"name{number % 200:03}", 20
        found = orm.select(a for a in author if a.name == name and a.age > age)
        return found.order_by(author.id)

    def filtered(self, number: int) -> Any:
        """Build S5's query."""
        return self.unlimited(number).limit(10)

    def compile(self, query: Any) -> Any:
        """Return a query's SQL."""
        return query.get_sql()

    def insert(self, row: dict[str, Any]) -> None:
        """Make one object; the session saves it."""
        self.writable(**row)

    def insert_many(self, rows: list[dict[str, Any]]) -> None:
        """Pony has no other way."""
        for row in rows:
            self.writable(**row)

    def save_age(self, one: Any) -> None:
        """Nothing: the session saves what changed."""

    def delete(self, one: Any) -> None:
        """Delete an object."""
        one.delete()

    @contextmanager
    def thrown_away(self) -> Iterator[None]:
        """Open a session and roll it back."""
        with orm.db_session:
            yield
            orm.rollback()

    def s4(self) -> Timed:
        """Get what the identity map has."""

        def run() -> int:
            with orm.db_session:
                kept = self.author[7]
                for _ in range(20_000):
                    self.author[7]
                assert self.author[7] is kept
            return 20_000

        return run

    def s6(self) -> Timed:
        """Build and compile it; Pony keeps its own cache."""

        def run() -> int:
            with self.thrown_away():
                for number in range(1000):
                    self.compile(self.unlimited(number))
            return 1000

        return run

    def s6c(self) -> Timed:
        """Build it."""
        inner = super().s6c()

        def run() -> int:
            with self.thrown_away():
                return inner()

        return run

    def s10(self) -> Timed:
        """Load, then delete one by one: the objects do not outlive their session."""

        def run() -> int:
            with orm.db_session:
                loaded = self.load_all(self.writable)
                for one in loaded:
                    one.delete()
            return len(loaded)

        return run

    def access(self, statement: str, **names: Any) -> Timed:
        """Time a statement over a loaded object."""

        def run() -> int:
            with self.thrown_away():
                return unrolled.loop(statement, obj=self.one(), **names)()

        return run

    def s13r(self) -> Timed:
        """Read an attribute."""
        return self.access("obj.name")

    def s13w(self) -> Timed:
        """Write an attribute."""
        return self.access("obj.name = value", value="another")

    def s13m(self) -> Timed:
        """Call a method."""
        return self.access("obj.shout()")

    def s14(self) -> Timed:
        """Construct with seven keywords."""
        inner = unrolled.construct(self.author)

        def run() -> int:
            with self.thrown_away():
                return inner()

        return run
