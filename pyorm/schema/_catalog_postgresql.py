"""PostgreSQL's catalog as the Inspector's answers: names, and types of their own."""

from __future__ import annotations

from typing import Any

from pyorm.schema._catalog_pg_tables import (
    check_constraints,
    check_text,
    columns,
    foreign_keys,
    indexes,
    primary_key,
    table_comment,
    table_options,
    unique_constraints,
)
from pyorm.schema.kinds import ObjectKind, ObjectScope

__all__ = [
    "check_constraints", "columns", "default_schema", "domains", "enums", "find", "foreign_keys",
    "foreign_table_names", "has_index", "has_type", "indexes", "materialized_view_names", "primary_key", "relations",
    "schema_names", "sequence_names", "table_comment", "table_names", "table_options", "temp_table_names",
    "temp_view_names", "unique_constraints", "view_definition", "view_names",
]  # fmt: skip

_VISIBLE = "n.nspname = coalesce($1::text, current_schema())"
_TABLE = (
    "SELECT c.oid::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = $1::text "
    "AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2::text END "
    "AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
)
_KINDS = {ObjectKind.TABLE: "rpf", ObjectKind.VIEW: "v", ObjectKind.MATERIALIZED_VIEW: "m"}


def _rows(connection: Any, sql: str, *params: Any) -> list[Any]:
    return list(connection.exec_driver_sql(sql, params).all())


def find(connection: Any, table: str, schema: str | None) -> int | None:
    """Return the oid of a table, view or foreign table, or None."""
    found = _rows(connection, _TABLE, table, schema)
    return int(found[0][0]) if found else None


def relations(connection: Any, schema: str | None, kind: ObjectKind, scope: ObjectScope) -> dict[str, int]:
    """Return the oids of a schema's relations of some kinds by name."""
    kinds = "".join(letters for one, letters in _KINDS.items() if one in kind)
    sql = """
        SELECT c.relname::text, c.oid::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE strpos($2::text, c.relkind::text) > 0
           AND CASE WHEN c.relpersistence = 't' THEN $4::bool AND c.relnamespace = pg_my_temp_schema()
               ELSE $3::bool AND n.nspname = coalesce($1::text, current_schema()) END
         ORDER BY c.oid
    """
    wants = (ObjectScope.DEFAULT in scope, ObjectScope.TEMPORARY in scope and schema is None)
    return dict(_rows(connection, sql, schema, kinds, *wants))


def default_schema(connection: Any) -> str:
    """Return current_schema()."""
    return str(_rows(connection, "SELECT current_schema()::text")[0][0])


def schema_names(connection: Any) -> list[str]:
    """Return the schemas that are not the system's own."""
    sql = "SELECT nspname::text FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' ORDER BY nspname"
    return [row[0] for row in _rows(connection, sql)]


def _relations(connection: Any, kinds: str, schema: str | None, extra: str = "") -> list[str]:
    sql = (
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        f"WHERE c.relkind IN ({kinds}) AND {_VISIBLE} {extra} ORDER BY c.oid"
    )
    return [row[0] for row in _rows(connection, sql, schema)]


def table_names(connection: Any, schema: str | None) -> list[str]:
    """Return ordinary and partitioned tables."""
    return _relations(connection, "'r', 'p'", schema, "AND c.relpersistence <> 't'")


def view_names(connection: Any, schema: str | None) -> list[str]:
    """Return the views that are not materialized."""
    return _relations(connection, "'v'", schema, "AND c.relpersistence <> 't'")


def materialized_view_names(connection: Any, schema: str | None) -> list[str]:
    """Return the materialized views."""
    return _relations(connection, "'m'", schema)


def temp_table_names(connection: Any) -> list[str]:
    """Return this session's temporary tables."""
    sql = (
        "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = pg_my_temp_schema() "
        "ORDER BY oid"
    )
    return [row[0] for row in _rows(connection, sql)]


def temp_view_names(connection: Any) -> list[str]:
    """Return this session's temporary views."""
    sql = "SELECT relname::text FROM pg_class WHERE relkind = 'v' AND relnamespace = pg_my_temp_schema() ORDER BY oid"
    return [row[0] for row in _rows(connection, sql)]


def foreign_table_names(connection: Any, schema: str | None) -> list[str]:
    """Return the tables that lie on another server."""
    return _relations(connection, "'f'", schema)


def sequence_names(connection: Any, schema: str | None) -> list[str]:
    """Return the sequences."""
    return _relations(connection, "'S'", schema)


def view_definition(connection: Any, name: str, schema: str | None) -> str:
    """Return pg_get_viewdef()."""
    return str(_rows(connection, "SELECT pg_get_viewdef($1::oid)", find(connection, name, schema))[0][0])


def has_index(connection: Any, table: str, index: str, schema: str | None) -> bool:
    """Return whether the table has an index of this name."""
    sql = (
        "SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = $1::oid AND c.relname = $2::text"
    )
    return bool(_rows(connection, sql, find(connection, table, schema), index))


def has_type(connection: Any, name: str, schema: str | None) -> bool:
    """Return whether a type of this name exists in the schema."""
    sql = (
        "SELECT 1 FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
        f" WHERE {_VISIBLE} AND t.typname = $2::text"
    )
    return bool(_rows(connection, sql, schema, name))


def enums(connection: Any, schema: str | None) -> list[dict[str, Any]]:
    """Return the enum types with their labels in order."""
    everywhere = schema == "*"
    sql = (
        "SELECT t.typname::text, n.nspname::text, pg_type_is_visible(t.oid), e.enumlabel::text "
        "FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_enum e ON e.enumtypid = t.oid "
        f"WHERE t.typtype = 'e' AND ($2::bool OR {_VISIBLE}) ORDER BY n.nspname, t.typname, e.enumsortorder"
    )
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, namespace, visible, label in _rows(connection, sql, None if everywhere else schema, everywhere):
        entry = found.setdefault(
            (namespace, name), {"name": name, "schema": namespace, "visible": visible, "labels": []}
        )
        if label is not None:
            entry["labels"].append(label)
    return list(found.values())


def domains(connection: Any, schema: str | None) -> list[dict[str, Any]]:
    """Return the domains with what their definitions say, by schema and name."""
    sql = f"""
        SELECT t.typname::text, n.nspname::text, pg_type_is_visible(t.oid), format_type(t.typbasetype, t.typtypmod),
               NOT t.typnotnull, t.typdefault, co.collname::text, con.nspname::text,
               array(SELECT c.conname::text FROM pg_constraint c WHERE c.contypid = t.oid AND c.contype = 'c'
                      ORDER BY c.conname),
               array(SELECT pg_get_constraintdef(c.oid, true) FROM pg_constraint c
                      WHERE c.contypid = t.oid AND c.contype = 'c' ORDER BY c.conname)
          FROM pg_type t
          JOIN pg_namespace n ON n.oid = t.typnamespace
          JOIN pg_type below ON below.oid = t.typbasetype
          LEFT JOIN pg_collation co ON co.oid = t.typcollation AND t.typcollation <> below.typcollation
          LEFT JOIN pg_namespace con ON con.oid = co.collnamespace AND NOT pg_collation_is_visible(co.oid)
         WHERE t.typtype = 'd' AND ($2::bool OR {_VISIBLE}) ORDER BY n.nspname, t.typname
    """
    everywhere = schema == "*"
    return [
        {
            "name": name, "schema": namespace, "visible": visible, "type": below, "nullable": nullable,
            "default": default, "collation": collation, "collation_schema": collation_schema,
            "constraints": [
                {"name": check, "check": check_text(text)[0]} for check, text in zip(checks, texts, strict=True)
            ],
        }
        for name, namespace, visible, below, nullable, default, collation, collation_schema, checks, texts
        in _rows(connection, sql, None if everywhere else schema, everywhere)
    ]  # fmt: skip
