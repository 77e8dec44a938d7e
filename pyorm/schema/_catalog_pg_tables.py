"""PostgreSQL's catalog as the Inspector's answers: what tables and views are made of.

Each question is asked for many relations at once, by oid, in one statement (columns: three).
"""

from __future__ import annotations

import re
from typing import Any

from pyorm.schema._type_names import postgresql_type


def _rows(connection: Any, sql: str, *params: Any) -> list[Any]:
    return list(connection.exec_driver_sql(sql, params).all())


def _lists(oids: list[int]) -> dict[int, list[Any]]:
    return {oid: [] for oid in oids}


def columns(connection: Any, oids: list[int], schema: str | None = None) -> dict[int, list[dict[str, Any]]]:
    """Return the columns in table order."""
    sql = """
        SELECT a.attrelid::bigint, a.attname::text, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text,
               col_description(a.attrelid, a.attnum),
               s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
               CASE WHEN a.attcollation <> t.typcollation THEN co.collname::text END,
               t.typtype = 'd', t.typnotnull, t.typdefault
          FROM pg_attribute a
          JOIN pg_type t ON t.oid = a.atttypid
          LEFT JOIN pg_collation co ON co.oid = a.attcollation
          LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
          LEFT JOIN pg_depend dep ON a.attidentity <> '' AND dep.refobjid = a.attrelid AND dep.refobjsubid = a.attnum
                AND dep.deptype = 'i' AND dep.classid = 'pg_class'::regclass AND dep.refclassid = 'pg_class'::regclass
          LEFT JOIN pg_sequence s ON s.seqrelid = dep.objid
         WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
         ORDER BY a.attrelid, a.attnum
    """
    from pyorm.schema._catalog_postgresql import domains, enums

    labels = {(e["schema"], e["name"]): e["labels"] for e in enums(connection, "*")}
    found = {(d["schema"], d["name"]): d for d in domains(connection, "*")}
    result = _lists(oids)
    for row in _rows(connection, sql, oids):
        result[row[0]].append(_column(row[1:], labels, found))
    return result


def _column(row: Any, labels: dict[Any, Any], domains: dict[Any, Any]) -> dict[str, Any]:
    name, type_text, nullable, default, identity, generated, comment = row[:7]
    is_domain, domain_not_null, domain_default = row[14:]
    if is_domain:
        nullable = nullable and not domain_not_null
        default = domain_default if default is None else default
    entry: dict[str, Any] = {
        "name": name,
        "type": postgresql_type(type_text, labels, domains, collation=row[13]),
        "nullable": nullable,
        "default": None if generated else default,
        "autoincrement": bool(identity) or (default is not None and default.startswith("nextval(")),
        "comment": comment,
    }
    if generated:
        entry["computed"] = {"sqltext": default, "persisted": generated == "s"}
    if identity:
        start, increment, minimum, maximum, cache, cycle = row[7:13]
        entry["identity"] = {
            "always": identity == "a", "start": start, "increment": increment, "minvalue": minimum,
            "maxvalue": maximum, "cache": cache, "cycle": cycle,
        }  # fmt: skip
    return entry


_KEY_SQL = """
    SELECT c.conrelid::bigint, c.conname::text, array_agg(a.attname::text ORDER BY k.n),
           obj_description(c.oid, 'pg_constraint'), i.indnkeyatts::int, i.indexrelid::bigint
      FROM pg_constraint c
      JOIN pg_index i ON i.indexrelid = c.conindid
      CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(attnum, n)
      JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
     WHERE c.conrelid = ANY($1::oid[]) AND c.contype = $2::"char"
     GROUP BY c.oid, c.conrelid, c.conname, i.indnkeyatts, i.indexrelid
     ORDER BY c.conrelid, c.conname
"""


def primary_key(connection: Any, oids: list[int], schema: str | None = None) -> dict[int, dict[str, Any]]:
    """Return the primary key; empty where there is none."""
    result: dict[int, dict[str, Any]] = {oid: {"constrained_columns": [], "name": None} for oid in oids}
    for oid, name, names, comment, count, _ in _rows(connection, _KEY_SQL, oids, "p"):
        result[oid] = {
            "constrained_columns": names[:count],
            "name": name,
            "comment": comment,
            "dialect_options": {"postgresql_include": names[count:]},
        }
    return result


def unique_constraints(connection: Any, oids: list[int], schema: str | None = None) -> dict[int, list[dict[str, Any]]]:
    """Return the unique constraints by name."""
    distinct = _nulls_not_distinct(connection, oids)
    result = _lists(oids)
    for oid, name, names, comment, count, index in _rows(connection, _KEY_SQL, oids, "u"):
        options = {
            "postgresql_include": names[count:],
            "postgresql_nulls_not_distinct": distinct.get(index, False),
        }
        result[oid].append(
            {"name": name, "column_names": names[:count], "comment": comment, "dialect_options": options}
        )
    return result


def _nulls_not_distinct(connection: Any, oids: list[int]) -> dict[int, bool]:
    """Return the flag by index oid; servers before version 15 have no such column."""
    sql = (
        "SELECT indexrelid::bigint, coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) FROM pg_index i "
        "WHERE indrelid = ANY($1::oid[])"
    )
    return dict(tuple(row) for row in _rows(connection, sql, oids))


_ACTIONS = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT", "r": "RESTRICT"}  # 'a', NO ACTION, is the default


def foreign_keys(connection: Any, oids: list[int], schema: str | None = None) -> dict[int, list[dict[str, Any]]]:
    """Return the foreign keys by name."""
    sql = r"""
        SELECT c.conrelid::bigint, c.conname::text, rn.nspname::text, r.relname::text, pg_table_is_visible(r.oid),
               array(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(n, o)
                       JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY k.o),
               array(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(n, o)
                       JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY k.o),
               c.confdeltype::text, c.confupdtype::text, c.confmatchtype::text, c.condeferrable, c.condeferred,
               obj_description(c.oid, 'pg_constraint'), c.convalidated,
               CASE WHEN c.confdeltype IN ('n', 'd')
                    THEN substring(pg_get_constraintdef(c.oid) FROM 'ON DELETE SET (?:NULL|DEFAULT) (\([^)]*\))') END
          FROM pg_constraint c
          JOIN pg_class r ON r.oid = c.confrelid
          JOIN pg_namespace rn ON rn.oid = r.relnamespace
         WHERE c.conrelid = ANY($1::oid[]) AND c.contype = 'f' AND c.conparentid = 0
         ORDER BY c.conrelid, c.conname
    """
    result = _lists(oids)
    for oid, *row in _rows(connection, sql, oids):
        name, namespace, referred, visible, local, remote, ondelete, onupdate, match, can_defer, deferred = row[:11]
        options: dict[str, Any] = {}
        if ondelete in _ACTIONS:
            options["ondelete"] = _ACTIONS[ondelete] + (f" {row[13]}" if row[13] else "")
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
        result[oid].append(
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


def indexes(
    connection: Any, oids: list[int], schema: str | None = None
) -> dict[int, list[dict[str, Any]]]:
    """Return the indexes by name, those of the primary key left out."""
    sql = """
        SELECT i.indrelid::bigint, i.indexrelid::bigint, ic.relname::text, i.indisunique, i.indnkeyatts::int,
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
         WHERE i.indrelid = ANY($1::oid[]) AND NOT i.indisprimary
         ORDER BY i.indrelid, ic.relname
    """
    distinct = _nulls_not_distinct(connection, oids)
    result = _lists(oids)
    for table, oid, *row in _rows(connection, sql, oids):
        result[table].append(_index(row, distinct.get(oid, False)))
    return result


def _index(row: Any, nulls_not_distinct: bool) -> dict[str, Any]:
    name, unique, count, names, expressions, flags, where, method, constraint, valid, storage = row
    options: dict[str, Any] = {"postgresql_include": names[count:]}
    if where is not None:
        options["postgresql_where"] = where
    if method != "btree":
        options["postgresql_using"] = method
    if nulls_not_distinct:
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


def check_text(definition: str) -> tuple[str, str]:
    """Split pg_get_constraintdef()'s text: the condition, and the words behind its parentheses."""
    match = re.match(r"CHECK \((.*)\)((?: NO INHERIT)?(?: NOT VALID)?)$", definition, re.DOTALL)
    return (match.group(1), match.group(2)) if match else (definition, "")


def check_constraints(
    connection: Any, oids: list[int], schema: str | None = None
) -> dict[int, list[dict[str, Any]]]:
    """Return the check constraints by name, without the word CHECK and its parentheses."""
    sql = """
        SELECT conrelid::bigint, conname::text, pg_get_constraintdef(oid, true), obj_description(oid, 'pg_constraint')
          FROM pg_constraint WHERE conrelid = ANY($1::oid[]) AND contype = 'c' ORDER BY conrelid, conname
    """
    result = _lists(oids)
    for oid, name, text, comment in _rows(connection, sql, oids):
        body, rest = check_text(text)
        entry: dict[str, Any] = {"name": name, "sqltext": body, "comment": comment}
        if "NOT VALID" in rest:
            entry["dialect_options"] = {"not_valid": True}
        result[oid].append(entry)
    return result


def table_comment(
    connection: Any, oids: list[int], schema: str | None = None
) -> dict[int, dict[str, Any]]:
    """Return the tables' comments."""
    sql = "SELECT oid::bigint, obj_description(oid, 'pg_class') FROM pg_class WHERE oid = ANY($1::oid[])"
    found = dict(tuple(row) for row in _rows(connection, sql, oids))
    return {oid: {"text": found.get(oid)} for oid in oids}


def table_options(
    connection: Any, oids: list[int], schema: str | None = None
) -> dict[int, dict[str, Any]]:
    """Return the storage parameters and the tables inherited from, as keywords of a Table."""
    sql = """
        SELECT c.oid::bigint, c.reloptions,
               array(SELECT p.relname::text FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
                      WHERE i.inhrelid = c.oid ORDER BY i.inhseqno)
          FROM pg_class c WHERE c.oid = ANY($1::oid[])
    """
    result: dict[int, dict[str, Any]] = {oid: {} for oid in oids}
    for oid, storage, parents in _rows(connection, sql, oids):
        if storage:
            result[oid]["postgresql_with"] = dict(part.split("=", 1) for part in storage)
        if parents:
            result[oid]["postgresql_inherits"] = tuple(parents)
    return result
