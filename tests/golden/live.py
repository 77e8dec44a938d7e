"""Runs the golden statements on a database with rows in it and tells what came out.

The same source runs under the library whose answers are the reference (tools/golden_live.py
writes tests/golden/rows_*.json) and under pyorm (the tests compare). Every statement finds
the same rows: what it changes is told and rolled back.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from .cases_dml import Keyed
from .schema import make_namespace
from .statements import make_cases

# Values for parameters that a statement leaves open.
PARAMETERS: dict[str, dict[str, Any]] = {
    "op_in_bind": {"ids": [1, 3]},
    "bind_named": {"who": "Bea"},
    "bind_named_twice": {"who": "Bea"},
    "text_columns": {"i": 1},
    "bind_type": {"x": datetime.date(2020, 1, 2)},
    "insert_bindparam": {"other": "bound"},
    "pg_uuid_eq": {"u": uuid.UUID(int=7)},
}
# Values for the keys of statements that take them with the execution.
BY_KEY: dict[str, Any] = {"id": 77, "name": "key", "age": 70, "b_id": 2}
# Statements whose rows are others each time: only their names are told.
RESTLESS = ("now", "current", "random", "sample", "select_text_column", "function_alias_from")


def open_space(sa: Any, pg: Any, lite: Any, is_lite: bool) -> Any:
    """Return the namespace of tables that the database can have."""
    space = make_namespace(sa, pg, lite)
    if is_lite:  # no arrays, ranges and JSONB there
        space.metadata.remove(space.documents)
    return space


def data(space: Any, is_lite: bool) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """Give the rows of each table, referred-to tables first."""
    day, moment = datetime.date, datetime.datetime
    yield space.authors, [
        {"id": 1, "name": "Ann", "age": 31, "email": "ann@x.org", "active": True,
         "rating": Decimal("4.50"), "score": 1.25, "born": day(1990, 5, 17)},
        {"id": 2, "name": "Bea", "age": 5, "email": None, "active": False,
         "rating": None, "score": None, "born": None},
        {"id": 3, "name": "x", "age": 3, "email": "x%_@y.org", "active": None,
         "rating": Decimal("-1.25"), "score": -2.5, "born": day(2001, 12, 31)},
        {"id": 5, "name": "y", "age": None, "email": "Y@Z", "active": True,
         "rating": Decimal("0.00"), "score": 0.0, "born": day(1970, 1, 1)},
    ]  # fmt: skip
    yield space.posts, [
        {"id": 10, "author_id": 1, "title": "First", "body": "hello", "published": True,
         "created_at": moment(2020, 1, 2, 3, 4, 5), "views": 100},
        {"id": 11, "author_id": 1, "title": "Second", "body": None, "published": False,
         "created_at": moment(2021, 6, 7, 8, 9, 10, 123456), "views": 2**40},
        {"id": 12, "author_id": 3, "title": "x", "body": "", "published": None,
         "created_at": None, "views": None},
        {"id": 13, "author_id": None, "title": None, "body": "orphan", "published": True,
         "created_at": moment(1999, 12, 31, 23, 59, 59), "views": 4},
    ]  # fmt: skip
    yield space.comments, [
        {"id": 20, "post_id": 10, "author_id": 2, "content": "nice"},
        {"id": 21, "post_id": 10, "author_id": 3, "content": "x"},
        {"id": 22, "post_id": 12, "author_id": 1, "content": None},
    ]
    yield space.tags, [{"id": 1, "name": "m"}, {"id": 2, "name": "n"}, {"id": 3, "name": None}]
    yield space.post_tags, [{"post_id": 10, "tag_id": 1}, {"post_id": 10, "tag_id": 3},
                            {"post_id": 11, "tag_id": 1}]  # fmt: skip
    yield space.nodes, [{"id": 1, "parent_id": None, "name": "root"},
                        {"id": 2, "parent_id": 1, "name": "left"},
                        {"id": 3, "parent_id": 1, "name": "right"},
                        {"id": 4, "parent_id": 2, "name": "leaf"}]  # fmt: skip
    # SQLite's rows come back with their zone from pyorm, without one from the reference.
    at = None if is_lite else moment(2020, 1, 1, tzinfo=datetime.UTC)
    yield space.events, [
        {"id": 1, "kind": "x", "payload": {"a": 1, "b": {"c": [1, 2]}, "s": "t"}, "at": at},
        {"id": 2, "kind": "y", "payload": [1, "two", None], "at": None},
    ]  # fmt: skip
    yield space.odd, [
        {"id": 1, "order": 1, "unitPrice": Decimal("9.99"), "has space": "s", 'a"quote': "q",
         "per%cent": 50, "renamed": 8},
        {"id": 2, "order": None, "unitPrice": Decimal("2.50"), "has space": None,
         'a"quote': None, "per%cent": None, "renamed": None},
    ]  # fmt: skip
    yield space.defaults, [{"id": 1, "code": "c", "made": moment(2020, 1, 1),
                            "touched": moment(2020, 1, 1), "hits": 2}]  # fmt: skip
    if space.documents.key in space.metadata.tables:
        yield space.documents, [
            {"id": 1, "labels": ["a", "b"], "numbers": [1, 2, 3],
             "data": {"a": 1, "b": {"c": 2}, "k": True, "f": 1.5, "s": "t"},
             "plain": {"a": "t", "b": [1]}, "token": uuid.UUID(int=7)},
            {"id": 2, "labels": [], "numbers": None, "data": [1, 2], "plain": None,
             "token": None},
        ]  # fmt: skip


def fill(space: Any, connection: Any, is_lite: bool) -> None:
    """Create the tables and write their rows, in the connection's transaction."""
    sa = space.sa
    if is_lite:
        connection.execute(sa.text("ATTACH ':memory:' AS audit"))
    else:
        connection.execute(sa.text("CREATE SCHEMA audit"))
    space.metadata.create_all(connection)
    for table, rows in data(space, is_lite):
        connection.execute(sa.insert(table), rows)
    if not is_lite:
        connection.execute(sa.text("ALTER TABLE tags ADD CONSTRAINT tags_key UNIQUE (name)"))
        for table, _ in data(space, is_lite):  # the sequences stand where they began
            if table is not space.post_tags:
                connection.execute(sa.select(sa.func.setval(
                    sa.func.pg_get_serial_sequence(f'{table.schema or "public"}."{table.name}"', "id"), 100
                )))
        # Statements that delete meet no foreign keys, as on SQLite.
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
    connection.execute(sa.text("CREATE UNIQUE INDEX tags_a ON tags (name) WHERE name LIKE 'a%'"))


def show(value: Any) -> str:
    """Return a value as text; a moment with its zone in UTC, whatever the zone's class."""
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return f"{value.astimezone(datetime.UTC).isoformat()}"
    return repr(value)


def show_rows(rows: Any, ordered: bool) -> list[list[str]]:
    """Return rows as texts; where no order was asked for, sorted."""
    shown = [[show(value) for value in row] for row in rows]
    return shown if ordered else sorted(shown)


def without_new_keys(keys: list[str], rows: Any) -> list[tuple[Any, ...]]:
    """Return rows without the keys that the database made: they are others each time."""
    return [
        tuple(None if k == "id" and v > 100 else v for k, v in zip(keys, row, strict=True))
        for row in rows
    ]


def contents(space: Any, connection: Any, table: Any) -> list[list[str]]:
    """Return all rows of a table, without what is another one each time: times, new keys."""
    columns = [c for c in table.c if c.name not in ("made", "touched")]
    rows = connection.execute(space.sa.select(*columns)).all()
    return show_rows(without_new_keys([c.name for c in columns], rows), ordered=False)


def run_case(space: Any, connection: Any, name: str, made: Any) -> dict[str, Any]:
    """Run one statement inside a savepoint and tell names, rows and what it changed.

    Returns:
        `keys` and `rows` of a result with rows; `rowcount` and `table` (its contents
        afterwards) of a statement that writes; `error`, the class's name, of a refusal.
    """
    statement, params = made, PARAMETERS.get(name)
    if isinstance(made, Keyed):
        statement = made.statement
        params = {key: BY_KEY.get(key, 7) for key in made.keys}
    answer: dict[str, Any] = {}
    savepoint = connection.begin_nested()
    try:
        result = connection.execute(statement, params)
        rows = result.all() if result.returns_rows else None
        # A driver may have rows to show that nobody asked for: a key it fetched itself.
        if rows is not None and (rows or not name.startswith("insert")):
            answer["keys"] = list(map(str, result.keys()))
            if not any(word in name for word in RESTLESS):
                if "insert" in name:
                    rows = without_new_keys(answer["keys"], rows)
                answer["rows"] = show_rows(rows, "ORDER BY" in str(statement.compile(connection)))
        elif name.startswith(("update", "delete")):
            answer["rowcount"] = result.rowcount
        table = getattr(statement, "table", None)
        if name.startswith(("insert", "update", "delete", "conflict")) and table is not None:
            written = getattr(table, "element", table)
            answer["table"] = contents(space, connection, written)
    except Exception as error:  # a refusal of any kind is part of the answer
        answer = {"error": type(error).__name__}
    finally:
        savepoint.rollback()
    return answer


def cases(space: Any) -> dict[str, Any]:
    """Return every statement's maker by name."""
    return make_cases(space)
