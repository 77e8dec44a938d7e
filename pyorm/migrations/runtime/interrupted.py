"""Statements that run outside of a transaction, and what became of one that was broken off.

Such a statement and the note that it is done cannot be committed together. Where a run died in
between, the catalog is asked: an index that CREATE INDEX CONCURRENTLY left INVALID is dropped and
built again (IF NOT EXISTS would take it for the index); a value that an enum has was added.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pyorm.migrations.util.exc import CommandError

__all__ = ["runs_alone", "settle", "statement_of"]

_NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_QUALIFIED = rf"(?:{_NAME}\s*\.\s*)?{_NAME}"
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)

# What PostgreSQL refuses to run in a transaction, or to use there.
_ALONE = re.compile(
    r"""(?: CREATE \s+ (?:UNIQUE\s+)? INDEX \s+ CONCURRENTLY | DROP \s+ INDEX \s+ CONCURRENTLY
      | REINDEX | VACUUM | CLUSTER\s*;?$ | CHECKPOINT | DISCARD | CALL | DO
      | (?:CREATE|DROP) \s+ (?:DATABASE|TABLESPACE|SUBSCRIPTION) | ALTER \s+ (?:SYSTEM|DATABASE|SUBSCRIPTION)
      | ALTER \s+ TYPE \s .* \s ADD \s+ VALUE | ALTER \s+ TABLE \s .* \s DETACH \s+ PARTITION \s .* \s CONCURRENTLY
      | PRAGMA | ATTACH | DETACH | BEGIN | COMMIT | ROLLBACK | START \s+ TRANSACTION )\b""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_CREATE_INDEX = re.compile(
    rf"CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?({_NAME})\s+ON\s+(?:ONLY\s+)?({_QUALIFIED})",
    re.IGNORECASE,
)
_DROP_INDEX = re.compile(rf"DROP\s+INDEX\s+CONCURRENTLY\s+(?:IF\s+EXISTS\s+)?({_QUALIFIED})", re.IGNORECASE)
_ADD_VALUE = re.compile(
    rf"ALTER\s+TYPE\s+({_QUALIFIED})\s+ADD\s+VALUE\s+(?:IF\s+NOT\s+EXISTS\s+)?'((?:[^']|'')*)'", re.IGNORECASE
)
_REINDEX = re.compile(r"REINDEX\s+(?:\([^)]*\)\s*)?\w+\s+CONCURRENTLY", re.IGNORECASE)
# Running these once more does no harm.
_REPEATABLE = re.compile(
    r"(?:VACUUM|CLUSTER|CHECKPOINT|DISCARD|REINDEX|PRAGMA|ALTER\s+SYSTEM|BEGIN|COMMIT|ROLLBACK|START)\b", re.IGNORECASE
)


def statement_of(operation: Any) -> str | None:
    """Return the SQL of an operation that executes what the script says, else None; comments are left out."""
    sql = getattr(operation, "sqltext", None)
    return None if sql is None else _COMMENTS.sub(" ", str(sql)).strip()


def runs_alone(operation: Any) -> bool:
    """Return whether an operation has to run outside of a transaction, as far as one can tell.

    Operations that pyorm does not know are taken to.
    """
    sql = statement_of(operation)
    if sql is not None:
        return _ALONE.match(sql) is not None
    if not type(operation).__module__.startswith("pyorm.migrations.operations."):
        return True
    return type(operation).__name__ == "AddEnumValueOp" or bool(_options(operation).get("postgresql_concurrently"))


def settle(connection: Any, operation: Any) -> bool:
    """Find out what became of an operation that was broken off, and clear away what it left.

    Args:
        connection: outside of a transaction, in autocommit.
        operation: one for which `runs_alone()` is true, that was begun.

    Returns:
        Whether it is done; else it is to be run again.

    Raises:
        CommandError: Nobody can tell.
    """
    sql = statement_of(operation)
    if sql is None:
        return _settle_operation(connection, operation)
    for pattern, ask in _QUESTIONS:
        if (match := pattern.match(sql)) is not None:
            return ask(connection, match)
    if _REPEATABLE.match(sql):
        return False
    raise CommandError(_unknown(sql))


def _settle_operation(connection: Any, operation: Any) -> bool:
    name = type(operation).__name__
    schema = getattr(operation, "schema", None)
    if name == "CreateIndexOp":
        return _settle_create_index(connection, schema, str(operation.index_name))
    if name == "DropIndexOp":
        return not _find_index(connection, schema, str(operation.index_name))
    if name == "AddEnumValueOp":
        return _has_value(connection, schema, operation.enum_name, operation.value)
    raise CommandError(_unknown(repr(operation)))


def _unknown(what: str) -> str:
    return (
        f"An earlier run was broken off while it executed {what[:200]!r} outside of a transaction, and whether it was "
        "carried out cannot be told from the catalog. Look; then set, in the journal table (the version table's name "
        "with _journal), running = 0, ops = ops + 1 and digest = '' if it was carried out, or running = 0 alone to "
        "have it executed again; and run the command again."
    )


def _options(operation: Any) -> dict[str, Any]:
    options: dict[str, Any] = getattr(operation, "kw", None) or {}
    return options


def _find_index(connection: Any, schema: str | None, name: str) -> list[tuple[str, str, bool]]:
    """Return (schema, name, is valid) of an index; in the search path where no schema is given."""
    where = "n.nspname = $2" if schema is not None else "pg_table_is_visible(c.oid) AND $2::text IS NULL"
    rows = connection.exec_driver_sql(
        "SELECT n.nspname, c.relname, i.indisvalid AND i.indisready FROM pg_index i JOIN pg_class c ON c.oid = "
        f"i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = $1 AND {where}",
        (name, schema),
    )
    return [(str(row[0]), str(row[1]), bool(row[2])) for row in rows]


def _settle_create_index(connection: Any, schema: str | None, name: str) -> bool:
    found = _find_index(connection, schema, name)
    if not found:
        return False
    at, index, is_valid = found[0]
    if not is_valid:
        quote = connection.dialect.identifier_preparer.quote_identifier
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {quote(at)}.{quote(index)}")
    return is_valid


def _has_value(connection: Any, schema: str | None, name: str, value: str) -> bool:
    where = "n.nspname = $3" if schema is not None else "pg_type_is_visible(t.oid) AND $3::text IS NULL"
    return bool(
        connection.exec_driver_sql(
            "SELECT count(*) FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = "
            f"t.typnamespace WHERE t.typname = $1 AND e.enumlabel = $2 AND {where}",
            (name, value, schema),
        ).scalar()
    )


def _split(qualified: str) -> tuple[str | None, str]:
    """Return schema and name as the catalog has them, of a name as SQL has it."""
    parts = [
        part[1:-1].replace('""', '"') if part.startswith('"') else part.lower()
        for part in re.findall(_NAME, qualified)
    ]
    return (parts[0], parts[1]) if len(parts) > 1 else (None, parts[0])


def _ask_create_index(connection: Any, match: re.Match[str]) -> bool:
    return _settle_create_index(connection, _split(match[2])[0], _split(match[1])[1])


def _ask_drop_index(connection: Any, match: re.Match[str]) -> bool:
    return not _find_index(connection, *_split(match[1]))


def _ask_add_value(connection: Any, match: re.Match[str]) -> bool:
    return _has_value(connection, *_split(match[1]), match[2].replace("''", "'"))


def _ask_reindex(connection: Any, _match: re.Match[str]) -> bool:
    """Drop the half-built copies that REINDEX CONCURRENTLY leaves; it is run again."""
    rows = connection.exec_driver_sql(
        "SELECT n.nspname, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'"
    ).all()
    quote = connection.dialect.identifier_preparer.quote_identifier
    for schema, name in rows:
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {quote(schema)}.{quote(name)}")
    return False


_QUESTIONS: tuple[tuple[re.Pattern[str], Callable[[Any, re.Match[str]], bool]], ...] = (
    (_CREATE_INDEX, _ask_create_index),
    (_DROP_INDEX, _ask_drop_index),
    (_ADD_VALUE, _ask_add_value),
    (_REINDEX, _ask_reindex),
)
