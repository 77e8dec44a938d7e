"""Django's ORM, outside of a project; psycopg 3 on PostgreSQL."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import django
from django.conf import settings

from benchmarks.contenders import Timed
from benchmarks.contenders.peer import Peer, connection_parts
from benchmarks.scenarios import NONE, POSTGRES


class Contender(Peer):
    """Django: no session, no identity map, one statement per save."""

    def open(self) -> None:
        """Configure the settings and declare the models."""
        if self.place.database == POSTGRES:
            parts = connection_parts(self.place.target)
            database = {"ENGINE": "django.db.backends.postgresql", "NAME": parts.pop("database")}
            database |= {name.upper(): value for name, value in parts.items() if value}
        else:
            path = ":memory:" if self.place.database == NONE else self.place.target
            database = {"ENGINE": "django.db.backends.sqlite3", "NAME": path}
        settings.configure(
            DATABASES={"default": database}, USE_TZ=False, DEBUG=False,
            DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        )
        django.setup()
        self.author = self.map_one("author")
        self.writable = self.map_one("author_w")

    def map_one(self, table: str) -> Any:
        """Declare a model."""
        from django.db import models

        meta = type("Meta", (), {"db_table": table, "app_label": "bench", "managed": False})
        namespace = {
            "__module__": __name__,
            "Meta": meta,
            "name": models.CharField(max_length=100),
            "email": models.CharField(max_length=100),
            "age": models.IntegerField(),
            "balance": models.FloatField(),
            "active": models.BooleanField(),
            "created": models.DateTimeField(),
            "bio": models.TextField(),
            "shout": lambda self: "!",
        }
        return type(table.title().replace("_", ""), (models.Model,), namespace)

    def transaction(self) -> AbstractContextManager[Any]:
        """Begin; commit at the end."""
        from django.db import transaction

        return transaction.atomic()

    def load_all(self, model: Any) -> list[Any]:
        """Return all objects of a class."""
        return list(model.objects.all())

    def get(self, key: int) -> Any:
        """Return the author with a key."""
        return self.author.objects.get(pk=key)

    def filtered(self, number: int) -> Any:
        """Build S5's query."""
        name = f"name{number % 200:03}"
        return self.author.objects.filter(name=name, age__gt=20).order_by("id")[:10]

    def compile(self, query: Any) -> Any:
        """Return a query's SQL."""
        return query.query.sql_with_params()

    def insert(self, row: dict[str, Any]) -> None:
        """Make and save one object."""
        self.writable(**row).save(force_insert=True)

    def insert_many(self, rows: list[dict[str, Any]]) -> None:
        """Insert a thousand a statement."""
        self.writable.objects.bulk_create([self.writable(**row) for row in rows], batch_size=1000)

    def save_age(self, one: Any) -> None:
        """Save the age alone."""
        one.save(update_fields=["age"])

    def delete(self, one: Any) -> None:
        """Delete an object."""
        one.delete()

    def s1b(self) -> Timed:
        """Stream all authors."""
        return lambda: sum(1 for _ in self.author.objects.all().iterator(1000))

    def s2(self) -> Timed:
        """Load all authors as tuples."""
        return lambda: len(list(self.author.objects.values_list()))
