"""SQLite's schema table and PRAGMAs as the Inspector's answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pyorm.schema._type_names import sqlite_type
from pyorm.schema.kinds import ObjectKind, ObjectScope

_NAME = r'(?:"((?:[^"]|"")+)"|\[([^\]]+)\]|`([^`]+)`|\'([^\']+)\'|([\w$]+))'


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _pragma(connection: Any, name: str, argument: str, schema: str | None) -> list[Any]:
    prefix = f"{_quote(schema)}." if schema else ""
    return list(connection.exec_driver_sql(f"PRAGMA {prefix}{name}({_quote(argument)})").all())


def _schema_rows(connection: Any, where: str, schema: str | None, *params: Any) -> list[Any]:
    table = f"{_quote(schema)}.sqlite_master" if schema else "main.sqlite_master"
    return list(connection.exec_driver_sql(f"SELECT name, sql FROM {table} WHERE {where} ORDER BY name", params).all())


def default_schema(connection: Any) -> str:
    """Return `main`."""
    return "main"


def schema_names(connection: Any) -> list[str]:
    """Return the attached databases' names."""
    return [row[1] for row in connection.exec_driver_sql("PRAGMA database_list").all() if row[1] != "temp"]


def table_names(connection: Any, schema: str | None) -> list[str]:
    """Return the tables that are not SQLite's own."""
    return [
        row[0] for row in _schema_rows(connection, "type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'", schema)
    ]


def view_names(connection: Any, schema: str | None) -> list[str]:
    """Return the views."""
    return [row[0] for row in _schema_rows(connection, "type = 'view'", schema)]


def temp_view_names(connection: Any) -> list[str]:
    """Return this connection's temporary views."""
    sql = "SELECT name FROM sqlite_temp_master WHERE type = 'view' ORDER BY name"
    return [row[0] for row in connection.exec_driver_sql(sql).all()]


def find(connection: Any, table: str, schema: str | None) -> tuple[str, str | None] | None:
    """Return name and schema of a table or view that exists, or None."""
    found = table in table_names(connection, schema) or table in view_names(connection, schema)
    if not found and schema is None:
        found = table in temp_table_names(connection) or table in temp_view_names(connection)
    return (table, schema) if found else None


def relations(
    connection: Any, schema: str | None, kind: ObjectKind, scope: ObjectScope
) -> dict[str, tuple[str, str | None]]:
    """Return what find() gives for a schema's relations of some kinds, by name."""
    names: list[str] = []
    if ObjectScope.DEFAULT in scope:
        names += table_names(connection, schema) if ObjectKind.TABLE in kind else []
        names += view_names(connection, schema) if ObjectKind.VIEW in kind else []
    if ObjectScope.TEMPORARY in scope and schema is None:
        names += temp_table_names(connection) if ObjectKind.TABLE in kind else []
        names += temp_view_names(connection) if ObjectKind.VIEW in kind else []
    return {name: (name, schema) for name in names}


def temp_table_names(connection: Any) -> list[str]:
    """Return this connection's temporary tables."""
    sql = "SELECT name FROM sqlite_temp_master WHERE type = 'table' ORDER BY name"
    return [row[0] for row in connection.exec_driver_sql(sql).all()]


def materialized_view_names(connection: Any, schema: str | None) -> list[str]:
    """Refuse: SQLite has no materialized views."""
    raise NotImplementedError("SQLite has no materialized views")


def sequence_names(connection: Any, schema: str | None) -> list[str]:
    """Refuse: SQLite has no sequences."""
    raise NotImplementedError("SQLite has no sequences")


def domains(connection: Any, schema: str | None) -> list[dict[str, Any]]:
    """Refuse: SQLite has no domains."""
    raise NotImplementedError("SQLite has no domains")


def foreign_table_names(connection: Any, schema: str | None) -> list[str]:
    """Refuse: SQLite has no foreign tables."""
    raise NotImplementedError("SQLite has no foreign tables")


def view_definition(connection: Any, name: str, schema: str | None) -> str:
    """Return the CREATE VIEW statement."""
    return str(_schema_rows(connection, "type = 'view' AND name = ?", schema, name)[0][1])


def has_index(connection: Any, table: str, index: str, schema: str | None) -> bool:
    """Return whether the table has an index of this name."""
    return any(row[1] == index for row in _pragma(connection, "index_list", table, schema))


def has_type(connection: Any, name: str, schema: str | None) -> bool:
    """Return False: SQLite has no types of its own."""
    return False


def enums(connection: Any, schema: str | None) -> list[dict[str, Any]]:
    """Return nothing: SQLite has no enum types."""
    return []


def _table_sql(connection: Any, table: str, schema: str | None) -> str:
    """Return the CREATE statement, from the main or the temporary schema."""
    rows = _schema_rows(connection, "type IN ('table', 'view') AND name = ?", schema, table)
    if not rows and schema is None:
        sql = "SELECT name, sql FROM sqlite_temp_master WHERE name = ?"
        rows = list(connection.exec_driver_sql(sql, (table,)).all())
    return rows[0][1] if rows and rows[0][1] else ""


def _columns(connection: Any, table: str, schema: str | None) -> list[dict[str, Any]]:
    """Return the columns in table order; hidden ones of virtual tables left out."""
    create = None
    result = []
    for row in _pragma(connection, "table_xinfo", table, schema):
        _, name, type_text, not_null, default, primary_key, hidden = row
        if hidden == 1:
            continue
        entry: dict[str, Any] = {
            "name": name,
            "type": sqlite_type(type_text or ""),
            "nullable": not not_null,
            "default": default,
            "primary_key": primary_key,
        }
        if hidden in (2, 3):
            create = create if create is not None else _table_sql(connection, table, schema)
            entry["computed"] = {"sqltext": _generated(create, name), "persisted": hidden == 3}
        result.append(entry)
    return result


def _generated(create: str, column: str) -> str:
    """Return the expression of a generated column: what stands in the parentheses behind its AS."""
    name = re.escape(column)
    pattern = rf'(?:"{name}"|\[{name}\]|`{name}`|\b{name}\b)[^,()]*(?:\([^)]*\)[^,()]*)?\bAS\s*\('
    match = re.search(pattern, create, re.IGNORECASE)
    return "" if match is None else _balanced(create, match.end())


def _balanced(text: str, start: int) -> str:
    """Return the text from `start`, just behind an opening parenthesis, to the closing one."""
    depth, quote = 1, ""
    for i in range(start, len(text)):
        char = text[i]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"`":
            quote = char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                return text[start:i].strip()
    return text[start:].strip()


def _primary_key(connection: Any, table: str, schema: str | None) -> dict[str, Any]:
    """Return the primary key; its name is read from the CREATE statement."""
    rows = [row for row in _pragma(connection, "table_xinfo", table, schema) if row[5]]
    create = _table_sql(connection, table, schema)
    match = re.search(rf"CONSTRAINT\s+{_NAME}\s+PRIMARY\s+KEY", create, re.IGNORECASE)
    return {
        "constrained_columns": [row[1] for row in sorted(rows, key=lambda row: row[5])],
        "name": _matched_name(match) if match else None,
    }


def _matched_name(match: re.Match[str]) -> str:
    groups = match.groups()[:5]
    return next(g for g in groups if g is not None).replace('""', '"')


def _split_names(text: str) -> list[str]:
    return [_matched_name(m) for m in re.finditer(_NAME, text)]


def _foreign_keys(connection: Any, table: str, schema: str | None) -> list[dict[str, Any]]:
    """Return the foreign keys; names and deferrability, which the PRAGMA lacks, are read from CREATE TABLE."""
    groups: dict[int, list[Any]] = {}
    for row in _pragma(connection, "foreign_key_list", table, schema):
        groups.setdefault(row[0], []).append(row)
    parsed = _parsed_keys(_table_sql(connection, table, schema))
    result = []
    for _, rows in sorted(groups.items(), reverse=True):
        rows.sort(key=lambda row: row[1])
        local = [row[3] for row in rows]
        remote = [row[4] for row in rows]
        if remote[0] is None:  # REFERENCES t: the target's primary key
            remote = _primary_key(connection, rows[0][2], schema)["constrained_columns"] or local
        name, options = parsed.get((tuple(n.lower() for n in local), rows[0][2].lower()), (None, {}))
        options = dict(options)
        if rows[0][6] != "NO ACTION":
            options["ondelete"] = rows[0][6]
        if rows[0][5] != "NO ACTION":
            options["onupdate"] = rows[0][5]
        result.append(
            {
                "name": name,
                "constrained_columns": local,
                "referred_schema": schema,
                "referred_table": rows[0][2],
                "referred_columns": remote,
                "options": options,
            }
        )
    return result


def _parsed_keys(create: str) -> dict[tuple[tuple[str, ...], str], tuple[str | None, dict[str, Any]]]:
    """Return name and options by (local columns, target table), from the table-level clauses."""
    pattern = (
        rf"(?:CONSTRAINT\s+{_NAME}\s+)?FOREIGN\s+KEY\s*\(([^)]*)\)\s*REFERENCES\s+{_NAME}\s*(?:\([^)]*\))?"
        r"((?:\s+ON\s+(?:DELETE|UPDATE)\s+(?:CASCADE|RESTRICT|SET\s+NULL|SET\s+DEFAULT|NO\s+ACTION)|\s+MATCH\s+\w+)*)"
        r"(\s+NOT\s+DEFERRABLE|\s+DEFERRABLE)?(\s+INITIALLY\s+(DEFERRED|IMMEDIATE))?"
    )
    found: dict[tuple[tuple[str, ...], str], tuple[str | None, dict[str, Any]]] = {}
    for match in re.finditer(pattern, create, re.IGNORECASE):
        groups = match.groups()
        name = next((g for g in groups[:5] if g is not None), None)
        local = tuple(n.lower() for n in _split_names(groups[5]))
        target = next(g for g in groups[6:11] if g is not None).lower()
        options: dict[str, Any] = {}
        if groups[12] is not None:
            options["deferrable"] = "NOT" not in groups[12].upper()
        if groups[14] is not None:
            options["initially"] = groups[14].upper()
        found[(local, target)] = (name, options)
    return found


def _indexes(connection: Any, table: str, schema: str | None) -> list[dict[str, Any]]:
    """Return the indexes that CREATE INDEX made."""
    result = []
    for row in _pragma(connection, "index_list", table, schema):
        name, unique, origin, partial = row[1], row[2], row[3], row[4]
        if origin != "c":
            continue
        parts = _pragma(connection, "index_xinfo", name, schema)
        keys = sorted((p for p in parts if p[5]), key=lambda p: p[0])
        entry: dict[str, Any] = {
            "name": name,
            "column_names": [p[2] for p in keys],
            "unique": unique,
            "dialect_options": {},
        }
        sql = None
        if partial or None in entry["column_names"]:
            sql = _schema_rows(connection, "type = 'index' AND name = ?", schema, name)[0][1]
        if partial and sql:
            match = re.search(r"\)\s*WHERE\s+(.+)$", sql, re.IGNORECASE | re.DOTALL)
            if match:
                entry["dialect_options"]["sqlite_where"] = match.group(1)
        if sql and None in entry["column_names"]:
            texts = _index_texts(sql)
            entry["expressions"] = [n or t for n, t in zip(entry["column_names"], texts, strict=False)]
        result.append(entry)
    return sorted(result, key=lambda entry: str(entry["name"]))


def _index_texts(sql: str) -> list[str]:
    """Return the texts of an index's elements."""
    start = re.search(rf"\bON\s+(?:{_NAME}\s*\.\s*)?{_NAME}\s*\(", sql, re.IGNORECASE)
    if start is None:
        return []
    texts, depth, current = [], 0, ""
    for char in _balanced(sql, start.end()):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            texts.append(current.strip())
            current = ""
        else:
            current += char
    return [*texts, current.strip()]


def _unique_constraints(connection: Any, table: str, schema: str | None) -> list[dict[str, Any]]:
    """Return the UNIQUE constraints, table-level ones with their names."""
    create = _table_sql(connection, table, schema)
    names: dict[tuple[str, ...], str | None] = {}
    pattern = rf"(?:CONSTRAINT\s+{_NAME}\s+)?UNIQUE\s*\(([^)]*)\)"
    for match in re.finditer(pattern, create, re.IGNORECASE):
        groups = match.groups()
        names[tuple(_split_names(groups[5]))] = next((g for g in groups[:5] if g is not None), None)
    found = []
    for row in _pragma(connection, "index_list", table, schema):
        if row[3] == "u":
            parts = sorted((p for p in _pragma(connection, "index_xinfo", row[1], schema) if p[5]), key=lambda p: p[0])
            columns_ = tuple(p[2] for p in parts)
            found.append({"name": names.get(columns_), "column_names": list(columns_)})
    order = list(names)
    return sorted(
        found, key=lambda f: order.index(tuple(f["column_names"])) if tuple(f["column_names"]) in names else -1
    )


def _check_constraints(connection: Any, table: str, schema: str | None) -> list[dict[str, Any]]:
    """Return the CHECK constraints, from the CREATE statement."""
    create = _table_sql(connection, table, schema)
    result = []
    for match in re.finditer(rf"(?:CONSTRAINT\s+{_NAME}\s+)?\bCHECK\s*\(", create, re.IGNORECASE):
        name = next((g for g in match.groups() if g is not None), None)
        result.append({"name": name, "sqltext": _balanced(create, match.end())})
    return sorted(result, key=lambda entry: entry["name"] or "~")


def _table_options(connection: Any, table: str, schema: str | None) -> dict[str, Any]:
    """Return what stands behind the parentheses of CREATE TABLE: WITHOUT ROWID, STRICT."""
    tail = _table_sql(connection, table, schema).rpartition(")")[2].upper()
    options: dict[str, Any] = {}
    if re.search(r"\bWITHOUT\s+ROWID\b", tail):
        options["sqlite_with_rowid"] = False
    if re.search(r"\bSTRICT\b", tail):
        options["sqlite_strict"] = True
    return options


def _table_comment(connection: Any, table: str, schema: str | None) -> dict[str, Any]:
    """Refuse: SQLite has no comments."""
    raise NotImplementedError("SQLite has no table comments")


def _for_each(question: Callable[..., Any]) -> Callable[..., Any]:
    """Return a question about many tables; a PRAGMA is about one, and cheap."""

    def ask(connection: Any, keys: list[Any], schema: str | None = None) -> dict[Any, Any]:
        return {key: question(connection, *key) for key in keys}

    ask.__name__ = question.__name__.lstrip("_")
    return ask


columns = _for_each(_columns)
primary_key = _for_each(_primary_key)
foreign_keys = _for_each(_foreign_keys)
indexes = _for_each(_indexes)
unique_constraints = _for_each(_unique_constraints)
check_constraints = _for_each(_check_constraints)
table_options = _for_each(_table_options)
table_comment = _for_each(_table_comment)
