"""PostgreSQL's catalog (pg_class, pg_attribute, pg_constraint, pg_index, pg_type) as the Inspector's answers."""

from __future__ import annotations

import re
from typing import Any

from pyorm.schema._type_names import postgresql_type

_VISIBLE = "n.nspname = coalesce($1::text, current_schema())"
_TABLE = (
    "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = $1::text AND "
    "CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2::text END "
    "AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
)


def _rows(connection: Any, sql: str, *params: Any) -> list[Any]:
    return list(connection.exec_driver_sql(sql, params).all())


def _oid(connection: Any, table: str, schema: str | None) -> int:
    return int(_rows(connection, _TABLE, table, schema)[0][0])


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
    return _relations(connection, "'v'", schema)


def materialized_view_names(connection: Any, schema: str | None) -> list[str]:
    """Return the materialized views."""
    return _relations(connection, "'m'", schema)


def table_options(connection: Any, table: str, schema: str | None) -> dict[str, Any]:
    """Return nothing: what PostgreSQL keeps beside a table's columns is not reflected."""
    return {}


def temp_table_names(connection: Any) -> list[str]:
    """Return this session's temporary tables."""
    sql = (
        "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = pg_my_temp_schema() "
        "ORDER BY oid"
    )
    return [row[0] for row in _rows(connection, sql)]


def sequence_names(connection: Any, schema: str | None) -> list[str]:
    """Return the sequences."""
    return _relations(connection, "'S'", schema)


def view_definition(connection: Any, name: str, schema: str | None) -> str:
    """Return pg_get_viewdef()."""
    return str(_rows(connection, "SELECT pg_get_viewdef($1::oid)", _oid(connection, name, schema))[0][0])


def has_index(connection: Any, table: str, index: str, schema: str | None) -> bool:
    """Return whether the table has an index of this name."""
    sql = (
        "SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = $1::oid AND c.relname = $2::text"
    )
    return bool(_rows(connection, sql, _oid(connection, table, schema), index))


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


def columns(connection: Any, table: str, schema: str | None) -> list[dict[str, Any]]:
    """Return the columns in table order."""
    sql = """
        SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text,
               col_description(a.attrelid, a.attnum), t.typtype::text, t.oid::bigint,
               s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
               CASE WHEN a.attcollation <> t.typcollation THEN co.collname::text END
          FROM pg_attribute a
          JOIN pg_type t ON t.oid = a.atttypid
          LEFT JOIN pg_collation co ON co.oid = a.attcollation
          LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
          LEFT JOIN pg_sequence s ON a.attidentity <> ''
                AND s.seqrelid = pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)::regclass
         WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
         ORDER BY a.attnum
    """
    labels = {(e["schema"], e["name"]): e["labels"] for e in enums(connection, "*")}
    result = []
    for row in _rows(connection, sql, _oid(connection, table, schema)):
        result.append(_column(row, labels))
    return result


def _column(row: Any, labels: dict[Any, Any]) -> dict[str, Any]:
    name, type_text, nullable, default, identity, generated, comment = row[:7]
    entry: dict[str, Any] = {
        "name": name,
        "type": postgresql_type(type_text, labels, collation=row[15]),
        "nullable": nullable,
        "default": None if generated else default,
        "autoincrement": bool(identity) or (default is not None and default.startswith("nextval(")),
        "comment": comment,
    }
    if generated:
        entry["computed"] = {"sqltext": default, "persisted": generated == "s"}
    if identity:
        start, increment, minimum, maximum, cache, cycle = row[9:15]
        entry["identity"] = {
            "always": identity == "a", "start": start, "increment": increment, "minvalue": minimum,
            "maxvalue": maximum, "cache": cache, "cycle": cycle,
        }  # fmt: skip
    return entry


_KEY_SQL = """
    SELECT c.conname::text, array_agg(a.attname::text ORDER BY k.n), obj_description(c.oid, 'pg_constraint'),
           i.indnkeyatts::int, i.indexrelid::bigint
      FROM pg_constraint c
      JOIN pg_index i ON i.indexrelid = c.conindid
      CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(attnum, n)
      JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
     WHERE c.conrelid = $1::oid AND c.contype = $2::"char"
     GROUP BY c.oid, c.conname, i.indnkeyatts, i.indexrelid
     ORDER BY c.conname
"""


def primary_key(connection: Any, table: str, schema: str | None) -> dict[str, Any]:
    """Return the primary key; empty where there is none."""
    rows = _rows(connection, _KEY_SQL, _oid(connection, table, schema), "p")
    if not rows:
        return {"constrained_columns": [], "name": None}
    name, names, comment, count, _ = rows[0]
    return {
        "constrained_columns": names[:count],
        "name": name,
        "comment": comment,
        "dialect_options": {"postgresql_include": names[count:]},
    }


def unique_constraints(connection: Any, table: str, schema: str | None) -> list[dict[str, Any]]:
    """Return the unique constraints by name."""
    oid = _oid(connection, table, schema)
    distinct = _nulls_not_distinct(connection, oid)
    return [
        {
            "name": name,
            "column_names": names[:count],
            "comment": comment,
            "dialect_options": {
                "postgresql_include": names[count:],
                "postgresql_nulls_not_distinct": distinct.get(index, False),
            },
        }
        for name, names, comment, count, index in _rows(connection, _KEY_SQL, oid, "u")
    ]


def _nulls_not_distinct(connection: Any, oid: int) -> dict[int, bool]:
    """Return the flag by index oid; servers before version 15 have no such column."""
    has = _rows(
        connection,
        "SELECT 1 FROM pg_attribute WHERE attrelid = 'pg_index'::regclass AND attname = 'indnullsnotdistinct'",
    )
    if not has:
        return {}
    sql = "SELECT indexrelid::bigint, indnullsnotdistinct FROM pg_index WHERE indrelid = $1::oid"
    return dict(tuple(row) for row in _rows(connection, sql, oid))


_ACTIONS = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT", "r": "RESTRICT"}  # 'a', NO ACTION, is the default


def foreign_keys(connection: Any, table: str, schema: str | None) -> list[dict[str, Any]]:
    """Return the foreign keys by name."""
    sql = """
        SELECT c.conname::text, rn.nspname::text, r.relname::text, pg_table_is_visible(r.oid),
               array(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(n, o)
                       JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY k.o),
               array(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(n, o)
                       JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY k.o),
               c.confdeltype::text, c.confupdtype::text, c.confmatchtype::text, c.condeferrable, c.condeferred,
               obj_description(c.oid, 'pg_constraint'), c.convalidated
          FROM pg_constraint c
          JOIN pg_class r ON r.oid = c.confrelid
          JOIN pg_namespace rn ON rn.oid = r.relnamespace
         WHERE c.conrelid = $1::oid AND c.contype = 'f' AND c.conparentid = 0
         ORDER BY c.conname
    """
    result = []
    for row in _rows(connection, sql, _oid(connection, table, schema)):
        name, namespace, referred, visible, local, remote, ondelete, onupdate, match, can_defer, deferred = row[:11]
        options: dict[str, Any] = {}
        if ondelete in _ACTIONS:
            options["ondelete"] = _ACTIONS[ondelete]
        if onupdate in _ACTIONS:
            options["onupdate"] = _ACTIONS[onupdate]
        if can_defer:
            options["deferrable"] = True
        if deferred:
            options["initially"] = "DEFERRED"
        if match == "f":
            options["match"] = "FULL"
        if not row[12]:
            options["postgresql_not_valid"] = True
        result.append(
            {
                "name": name,
                "constrained_columns": local,
                "referred_schema": schema if namespace == schema else (None if visible else namespace),
                "referred_table": referred,
                "referred_columns": remote,
                "options": options,
                "comment": row[11],
            }
        )
    return result


def indexes(connection: Any, table: str, schema: str | None) -> list[dict[str, Any]]:
    """Return the indexes by name, those of the primary key left out."""
    sql = """
        SELECT ic.relname::text, i.indisunique, i.indnkeyatts::int,
               array(SELECT CASE WHEN i.indkey[g - 1] = 0 THEN NULL ELSE a.attname::text END
                       FROM generate_series(1, i.indnatts) g
                       LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[g - 1]
                      ORDER BY g),
               array(SELECT pg_get_indexdef(i.indexrelid, g, true) FROM generate_series(1, i.indnatts) g ORDER BY g),
               array(SELECT o::int FROM unnest(i.indoption) o),
               pg_get_expr(i.indpred, i.indrelid), am.amname::text, c.conname::text, i.indisvalid, ic.reloptions
          FROM pg_index i
          JOIN pg_class ic ON ic.oid = i.indexrelid
          JOIN pg_am am ON am.oid = ic.relam
          LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid
                AND c.contype IN ('p', 'u', 'x')
         WHERE i.indrelid = $1::oid AND NOT i.indisprimary
         ORDER BY ic.relname
    """
    oid = _oid(connection, table, schema)
    distinct = dict(_distinct_by_name(connection, oid))
    return [_index(row, distinct) for row in _rows(connection, sql, oid)]


def _distinct_by_name(connection: Any, oid: int) -> list[tuple[str, bool]]:
    flags = _nulls_not_distinct(connection, oid)
    sql = (
        "SELECT c.relname::text, i.indexrelid::bigint FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE i.indrelid = $1::oid"
    )
    return [(name, flags.get(index, False)) for name, index in _rows(connection, sql, oid)]


def _index(row: Any, distinct: dict[str, bool]) -> dict[str, Any]:
    name, unique, count, names, expressions, flags, where, method, constraint, valid, storage = row
    options: dict[str, Any] = {"postgresql_include": names[count:]}
    if where is not None:
        options["postgresql_where"] = where
    if method != "btree":
        options["postgresql_using"] = method
    if distinct.get(name):
        options["postgresql_nulls_not_distinct"] = True
    if storage:
        options["postgresql_with"] = dict(part.split("=", 1) for part in storage)
    if not valid:
        options["postgresql_invalid"] = True
    entry: dict[str, Any] = {"name": name, "unique": unique, "column_names": names[:count], "dialect_options": options}
    if None in names[:count]:
        entry["expressions"] = [n if n is not None else e for n, e in zip(names, expressions, strict=True)][:count]
    if constraint is not None:
        entry["duplicates_constraint"] = constraint
    sorting = {}
    for column, flag in zip(names[:count], flags, strict=False):
        words = (("desc",) if flag & 1 else ()) + _nulls(flag)
        if words and column is not None:
            sorting[column] = words
    if sorting:
        entry["column_sorting"] = sorting
    return entry


def _nulls(flag: int) -> tuple[str, ...]:
    """Return the words where NULLs sort otherwise than the direction's default."""
    descending, nulls_first = bool(flag & 1), bool(flag & 2)
    if descending and not nulls_first:
        return ("nulls_last",)
    return ("nulls_first",) if nulls_first and not descending else ()


def check_constraints(connection: Any, table: str, schema: str | None) -> list[dict[str, Any]]:
    """Return the check constraints by name, without the word CHECK and its parentheses."""
    sql = """
        SELECT conname::text, pg_get_constraintdef(oid, true), obj_description(oid, 'pg_constraint')
          FROM pg_constraint WHERE conrelid = $1::oid AND contype = 'c' ORDER BY conname
    """
    result = []
    for name, text, comment in _rows(connection, sql, _oid(connection, table, schema)):
        match = re.match(r"CHECK \((.*)\)((?: NO INHERIT)?(?: NOT VALID)?)$", text, re.DOTALL)
        body, rest = (match.group(1), match.group(2)) if match else (text, "")
        entry: dict[str, Any] = {"name": name, "sqltext": body, "comment": comment}
        if "NOT VALID" in rest:
            entry["dialect_options"] = {"not_valid": True}
        result.append(entry)
    return result


def table_comment(connection: Any, table: str, schema: str | None) -> dict[str, Any]:
    """Return the table's comment."""
    sql = "SELECT obj_description($1::oid, 'pg_class')"
    return {"text": _rows(connection, sql, _oid(connection, table, schema))[0][0]}
