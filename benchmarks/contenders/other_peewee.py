"""peewee: no session, no identity map, one statement per save."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import peewee

from benchmarks.contenders import Timed
from benchmarks.contenders.peer import Peer, connection_parts
from benchmarks.scenarios import NONE, POSTGRES


class Contender(Peer):
    """peewee, with the PostgreSQL driver it chooses."""

    def open(self) -> None:
        """Make the database object and the models."""
        if self.place.database == POSTGRES:
            self.database = peewee.PostgresqlDatabase(**connection_parts(self.place.target))
        else:
            path = None if self.place.database == NONE else self.place.target
            self.database = peewee.SqliteDatabase(path)
        self.author = self.map_one("author")
        self.writable = self.map_one("author_w")

    def map_one(self, table: str) -> Any:
        """Declare a model."""

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

        Author._meta.set_database(self.database)
        return Author

    def transaction(self) -> AbstractContextManager[Any]:
        """Begin; commit at the end."""
        transaction: AbstractContextManager[Any] = self.database.atomic()
        return transaction

    def load_all(self, model: Any) -> list[Any]:
        """Return all objects of a class."""
        return list(model.select())

    def get(self, key: int) -> Any:
        """Return the author with a key."""
        return self.author.get_by_id(key)

    def filtered(self, number: int) -> Any:
        """Build S5's query."""
        author = self.author
        return (
            author.select()
            .where((author.name == f"name{number % 200:03}") & (author.age > 20))
            .order_by(author.id)
            .limit(10)
        )

    def compile(self, query: Any) -> Any:
        """Return a query's SQL."""
        return query.sql()

    def insert(self, row: dict[str, Any]) -> None:
        """Make and save one object."""
        self.writable(**row).save(force_insert=True)

    def insert_many(self, rows: list[dict[str, Any]]) -> None:
        """Insert a thousand a statement."""
        for part in peewee.chunked(rows, 1000):
            self.writable.insert_many(part).execute()

    def save_age(self, one: Any) -> None:
        """Save the age alone."""
        one.save(only=[self.writable.age])

    def delete(self, one: Any) -> None:
        """Delete an object."""
        one.delete_instance()

    def s1b(self) -> Timed:
        """Stream all authors."""
        return lambda: sum(1 for _ in self.author.select().iterator())

    def s2(self) -> Timed:
        """Load all authors as tuples."""
        return lambda: len(list(self.author.select().tuples()))
