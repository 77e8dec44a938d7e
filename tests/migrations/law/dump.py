"""A database's catalog as plain data, read without the library's own reflection: what a downgrade must bring back."""

from __future__ import annotations

import re
from typing import Any

_PG = {
    "columns": """
        SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
               a.attgenerated, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum),
               (SELECT collname FROM pg_collation l WHERE l.oid = a.attcollation AND l.collname <> 'default')
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r' AND {where}""",
    "constraints": """
        SELECT n.nspname, c.relname, o.conname, pg_get_constraintdef(o.oid), o.convalidated
          FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {where}""",
    "indexes": """
        SELECT n.nspname, t.relname, c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
          JOIN pg_namespace n ON n.oid = t.relnamespace WHERE {where}""",
    "sequences": """
        SELECT n.nspname, c.relname, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
               format_type(s.seqtypid, NULL),
               (SELECT d.refobjid::regclass::text || '.' || d.refobjsubid::text FROM pg_depend d
                 WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass) IS NOT NULL
          FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {where}""",
    "enums": """
        SELECT n.nspname, t.typname, array(SELECT enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid
                                            ORDER BY enumsortorder)::text
          FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'e' AND {where}""",
    "comments": """
        SELECT n.nspname, c.relname, obj_description(c.oid, 'pg_class')
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND {where}""",
}
_OWN = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"


def dump(connection: Any) -> dict[str, list[Any]]:
    """Return the catalog of a database by kind, sorted."""
    if connection.dialect.name == "postgresql":
        return {
            kind: sorted((tuple(row) for row in connection.exec_driver_sql(sql.format(where=_OWN))), key=repr)
            for kind, sql in _PG.items()
        }
    return _sqlite(connection)


def _sqlite(connection: Any) -> dict[str, list[Any]]:
    def rows(sql: str) -> list[Any]:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]

    kinds = ("columns", "keys", "indexes", "checks", "generated", "words", "objects")
    found: dict[str, list[Any]] = {kind: [] for kind in kinds}
    for name, kind, sql in rows("SELECT name, type, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1"):
        found["objects"].append((kind, name))
        if kind == "index":
            found["indexes"].append((name, _plain(sql)))
        if kind != "table":
            continue
        quoted = name.replace('"', '""')
        found["columns"] += sorted(
            (name, column, type_.upper(), notnull, default, pk, hidden)
            for _cid, column, type_, notnull, default, pk, hidden in rows(f'PRAGMA table_xinfo("{quoted}")')
        )
        found["keys"] += sorted((name, *row[2:]) for row in rows(f'PRAGMA foreign_key_list("{quoted}")'))
        found["indexes"] += sorted(
            (name, unique, origin, tuple(r[2] for r in rows(f'PRAGMA index_info("{index}")')))
            for _n, index, unique, origin, _partial in rows(f'PRAGMA index_list("{quoted}")')
            if origin != "c"
        )
        found["checks"] += [(name, text) for text in sorted(_bodies(sql, "CHECK"))]
        found["generated"] += [(name, text) for text in sorted(_bodies(sql, "AS"))]
        found["words"] += sorted((name, *(word or "" for word in match.groups())) for match in _WORDS.finditer(sql))
    return found


def _plain(sql: str) -> str:
    return re.sub(r"\s+", " ", sql.replace('"', "")).strip().lower()


# What no PRAGMA tells: names of constraints with what they are, collations, the timing of foreign keys.
_WORDS = re.compile(
    r'CONSTRAINT\s+"?(\w+)"?\s+(\w+)|(COLLATE)\s+"?(\w+)|(?:(NOT)\s+)?(DEFERRABLE)(?:\s+INITIALLY\s+(DEFERRED))?'
)


def _bodies(sql: str, word: str) -> list[str]:
    """Return the texts in the brackets behind a word of a CREATE TABLE: CHECK, AS."""
    found = []
    for match in re.finditer(rf"\b{word}\s*\(", sql, re.IGNORECASE):
        depth, at = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[at], 0)
            at += 1
        found.append(_plain(sql[match.end() : at - 1]))
    return found
