"""The contenders: one module each, loaded by the worker process that runs it.

A module has a class `Contender` with a method per scenario (`s1`, `s13r`, …). The method does
what need not be timed and returns the function to time; that one returns how many units it
did. A scenario without a method is one the contender cannot do.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.scenarios import NONE, POSTGRES, ROLLBACK, SQLITE
from benchmarks.work import Sizes

Timed = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender works in this run.

    Attributes:
        database: SQLITE, ROLLBACK, POSTGRES or NONE.
        target: the file's path, or the URL that libpq takes; "" for NONE.
        sizes: how much of everything there is.
    """

    database: str
    target: str
    sizes: Sizes


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list of contenders."""

    name: str
    module: str
    """Below this package."""
    needs: tuple[str, ...]
    """Importable where the contender can run."""
    databases: tuple[str, ...] = (SQLITE, ROLLBACK, POSTGRES, NONE)
    versions: tuple[str, ...] = ()
    """Distributions whose versions the report names."""
    imports: str = ""
    """The statement of S16i; "" for what is no ORM."""

    def is_installed(self) -> bool:
        """Say whether everything it needs can be imported."""
        return all(importlib.util.find_spec(name) is not None for name in self.needs)


ORM = (SQLITE, ROLLBACK, POSTGRES, NONE)
LITE = (SQLITE, ROLLBACK)
# What a program needs, not the package alone: a library may load its parts at first use.
IMPORTS = (
    "from {0} import Column, Integer, String, create_engine, select; "
    "from {0}.orm import Session, declarative_base, mapped_column"
)
ENTRIES = (
    Entry("pyorm", "mapped", ("pyorm",), ORM, ("pyorm",), IMPORTS.format("pyorm")),
    Entry("sqlalchemy", "mapped", ("sqlalchemy", "psycopg"), ORM, ("SQLAlchemy",),
          IMPORTS.format("sqlalchemy")),
    Entry("sqlite3", "raw_sqlite3", ("sqlite3",), LITE),
    Entry("apsw", "raw_apsw", ("apsw",), LITE, ("apsw",)),
    Entry("psycopg", "raw_psycopg", ("psycopg",), (POSTGRES,), ("psycopg", "psycopg-binary")),
    Entry("plain", "plain", (), (NONE,)),
    Entry("peewee", "other_peewee", ("peewee",), ORM, ("peewee",), "import peewee"),
    Entry("django", "other_django", ("django",), ORM, ("Django",), "import django.db.models"),
    Entry("pony", "other_pony", ("pony",), ORM, ("pony",), "import pony.orm"),
    Entry("tortoise", "other_tortoise", ("tortoise",), ORM, ("tortoise-orm",), "import tortoise"),
)
BY_NAME = {entry.name: entry for entry in ENTRIES}


def load(name: str, place: Place) -> object:
    """Make a contender in this process."""
    module = importlib.import_module(f"benchmarks.contenders.{BY_NAME[name].module}")
    return module.Contender(name, place)
