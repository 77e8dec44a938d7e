"""A process that migrates and is killed: python -m tests.migrations.runtime.victim URL KIND [AT [WHEN]]

AT is the number of the statement, of those on the connection that migrates, at which the process
kills itself with SIGKILL; WHEN is "before" (the statement was not sent) or "after" (its answer is
there). Without AT it runs to the end and prints how many statements there were.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from pyorm import Column, Integer, MetaData, String, Table, create_engine, event, select, text
from pyorm.migrations.operations import Operations
from tests.migrations.runtime.graph import Graph, Rev
from tests.migrations.runtime.runs import migrate

PEOPLE = Table("people", MetaData(), Column("id", Integer, primary_key=True), Column("name", String(20)))


def first(op: Operations) -> None:
    """Make a table and fill it, with operations and with statements of its own."""
    op.create_table("people", Column("id", Integer, primary_key=True), Column("name", String(20)))
    op.bulk_insert(PEOPLE, [{"id": 1, "name": "ann"}, {"id": 2, "name": "bob"}])
    bind = op.get_bind()
    for row in bind.execute(select(PEOPLE)).all():
        bind.execute(PEOPLE.insert().values(id=row.id + 10, name=row.name.upper()))


def mixed_postgresql(op: Operations) -> None:
    """Tables, rows, an enum value, indexes built concurrently, blocks."""
    bind = op.get_bind()
    bind.execute(text("INSERT INTO people VALUES (100, 'own')"))
    op.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')")
    op.add_column("people", Column("age", Integer))
    op.add_enum_value("mood", "mad", after="sad")
    someone = {"id": 101, "name": "o", "age": 5}
    bind.execute(text("INSERT INTO people (id, name, age) VALUES (:id, :name, :age)"), someone)
    op.execute("CREATE TABLE feelings (person int REFERENCES people, mood mood DEFAULT 'mad')")
    op.execute("INSERT INTO feelings (person) SELECT id FROM people")
    with op.get_context().autocommit_block():
        op.execute("CREATE UNIQUE INDEX CONCURRENTLY people_name ON people (name)")
        op.execute("UPDATE people SET age = coalesce(age, 0) + 1")
        op.execute("ALTER TYPE mood ADD VALUE 'bad'")
        op.execute("INSERT INTO feelings VALUES (1, 'bad')")
    bind.execute(text("UPDATE people SET age = age + 10"))
    op.create_index("people_age", "people", ["age"], postgresql_concurrently=True)
    op.execute("UPDATE people SET age = age * 2")
    op.drop_index("people_age", "people", postgresql_concurrently=True)
    op.create_index("people_age_2", "people", ["age", "id"])
    op.execute("DELETE FROM feelings WHERE mood = 'bad'")


def mixed_sqlite(op: Operations) -> None:
    """Tables, rows, blocks."""
    bind = op.get_bind()
    bind.execute(text("INSERT INTO people VALUES (100, 'own')"))
    op.add_column("people", Column("age", Integer))
    with op.get_context().autocommit_block():
        op.execute("VACUUM")
        op.execute("UPDATE people SET age = coalesce(age, 0) + 1")
        op.execute("CREATE TABLE feelings (person INTEGER REFERENCES people, mood TEXT)")
    bind.execute(text("UPDATE people SET age = age + 10"))
    op.execute("INSERT INTO feelings (person) SELECT id FROM people")
    with op.get_context().autocommit_block():
        op.execute("UPDATE people SET age = age * 2")
        op.execute("VACUUM")
    op.create_index("people_age", "people", ["age"])
    op.execute("UPDATE people SET age = age + 3")


def make_graph(kind: str) -> Graph:
    """Return the revisions: a fills a table, b is the mixed one, c is plain again."""
    mixed = mixed_postgresql if kind == "postgresql" else mixed_sqlite

    def last(op: Operations) -> None:
        op.execute("UPDATE people SET name = name || '!'")

    return Graph(Rev("a", None, first), Rev("b", "a", mixed), Rev("c", "b", last))


def main(url: str, kind: str, at: int = 0, when: str = "before") -> None:
    """Migrate, and die where it says."""
    engine = create_engine(url)
    seen = 0

    def count(*_args: Any) -> None:
        nonlocal seen
        seen += when == "before"
        if seen == at and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)

    def answered(*_args: Any) -> None:
        nonlocal seen
        seen += when == "after"
        if seen == at and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    with engine.connect() as connection:
        event.listen(connection, "before_cursor_execute", count)
        event.listen(connection, "after_cursor_execute", answered)
        migrate(connection, make_graph(kind), "c", lock_wait=20)
    engine.dispose()
    print(seen)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:4]), *sys.argv[4:])
