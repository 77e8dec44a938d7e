"""PostgreSQL's catalog as facts: the whole database in ten statements, however many tables there are.

What belongs to an extension (pg_depend, deptype 'e'), temporary tables and what partitions inherit are left out.
Source: PostgreSQL, System Catalogs; System Information Functions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from pyorm.migrations.autogenerate import pgdefs
from pyorm.migrations.autogenerate.facts import (
    CheckFacts,
    ColumnFacts,
    DatabaseFacts,
    EnumFacts,
    ExcludeFacts,
    ForeignKeyFacts,
    IdentityFacts,
    IndexFacts,
    KeyFacts,
    SequenceFacts,
    TableFacts,
    TableKey,
)

_NOT_OF_EXTENSION = (
    "NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '{catalog}'::regclass AND x.objid = {alias}.oid "
    "AND x.deptype = 'e')"
)


def _own(alias: str, catalog: str) -> str:
    return _NOT_OF_EXTENSION.format(alias=alias, catalog=catalog)


_SETTINGS = "SELECT current_schema()::text, current_schemas(true)::text[], current_setting('server_version_num')::int"
_SCHEMAS = f"""
    SELECT n.nspname::text FROM pg_namespace n
     WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND {_own("n", "pg_namespace")}
     ORDER BY n.nspname
"""
_TABLES = f"""
    SELECT c.oid::bigint, n.nspname::text, c.relname::text, d.description, c.reloptions, c.relispartition,
           CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
           array(SELECT p.relname::text FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
                  WHERE i.inhrelid = c.oid AND NOT c.relispartition ORDER BY i.inhseqno)
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
     WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY($1::text[])
           AND (c.relpersistence <> 't' OR c.relnamespace = pg_my_temp_schema() AND $2::bool)
           AND {_own("c", "pg_class")}
     ORDER BY n.nspname, c.relname
"""
_COLUMNS = """
    SELECT a.attrelid::bigint, a.attnum::int, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text, o.description,
           CASE WHEN a.attcollation <> t.typcollation THEN co.collname::text END, a.attislocal
      FROM pg_attribute a
      JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_collation co ON co.oid = a.attcollation AND a.attcollation <> t.typcollation
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      LEFT JOIN pg_description o ON o.objoid = a.attrelid AND o.classoid = 'pg_class'::regclass
            AND o.objsubid = a.attnum
     WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY a.attrelid, a.attnum
"""
_CONSTRAINTS = """
    SELECT c.conrelid::bigint, c.conname::text, c.contype::text, c.conkey::int[],
           CASE WHEN c.contype IN ('c', 'x') THEN pg_get_constraintdef(c.oid, true) END,
           c.condeferrable, c.condeferred, c.convalidated, c.connoinherit,
           i.indkey::int2[]::int[], i.indnkeyatts::int, {distinct},
           rn.nspname::text, r.relname::text,
           array(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(n, o)
                   JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY k.o),
           c.confdeltype::text, c.confupdtype::text, c.confmatchtype::text, {some}
      FROM pg_constraint c
      LEFT JOIN pg_index i ON i.indexrelid = c.conindid AND c.contype IN ('p', 'u')
      LEFT JOIN pg_class r ON r.oid = c.confrelid
      LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
     WHERE c.conrelid = ANY($1::oid[]) AND c.contype IN ('p', 'u', 'f', 'c', 'x') AND c.conparentid = 0
           AND c.conislocal
     ORDER BY c.conrelid, c.conname
"""
_INDEXES = """
    SELECT i.indrelid::bigint, ic.relname::text, i.indisunique, pg_get_indexdef(i.indexrelid), i.indisvalid
      FROM pg_index i
      JOIN pg_class ic ON ic.oid = i.indexrelid
     WHERE i.indrelid = ANY($1::oid[]) AND NOT i.indisprimary AND NOT ic.relispartition
           AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
     ORDER BY i.indrelid, ic.relname
"""
_SEQUENCES = f"""
    SELECT n.nspname::text, c.relname::text, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin,
           s.seqmax, s.seqcache, s.seqcycle, dep.deptype::text, dep.refobjid::bigint, dep.refobjsubid::int
      FROM pg_sequence s
      JOIN pg_class c ON c.oid = s.seqrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_depend dep ON dep.classid = 'pg_class'::regclass AND dep.objid = c.oid
            AND dep.refclassid = 'pg_class'::regclass AND dep.refobjsubid > 0 AND dep.deptype IN ('a', 'i')
     WHERE n.nspname = ANY($1::text[]) AND c.relpersistence <> 't' AND {_own("c", "pg_class")}
     ORDER BY n.nspname, c.relname
"""
_ENUMS = f"""
    SELECT n.nspname::text, t.typname::text,
           array(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)
      FROM pg_type t
      JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE t.typtype = 'e' AND {_own("t", "pg_type")}
     ORDER BY n.nspname, t.typname
"""
_ACTIONS = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT", "r": "RESTRICT"}  # 'a', NO ACTION, is the default


class Reader:
    """Reads one database through one connection.

    Args:
        connection: the connection.
        wants_schema: which schemas beside the default one are read whole; None reads none of them.
        declared: schemas that are read for the tables of a model only.
        wants_table: `(schema or None, name) -> bool`, asked before a table's parts are read.
    """

    def __init__(
        self,
        connection: Any,
        wants_schema: Callable[[str], bool] | None = None,
        declared: Collection[TableKey] = (),
        wants_table: Callable[[str | None, str], bool] | None = None,
    ) -> None:
        """Keep what is wanted."""
        self.connection = connection
        self.wants_schema = wants_schema
        self.declared = set(declared)
        self.wants_table = wants_table or (lambda schema, name: True)
        self.default: str | None = None
        self.version = 0

    def rows(self, sql: str, *params: Any) -> list[Any]:
        """Return all rows of one statement."""
        return list(self.connection.exec_driver_sql(sql, params).all())

    def key(self, schema: str, name: str) -> TableKey:
        """Return schema and name, None for the default schema."""
        return (None if schema == self.default else schema, name)

    def read(self) -> DatabaseFacts:
        """Return the facts; at most ten statements."""
        self.default, visible, self.version = self.rows(_SETTINGS)[0]
        schemas = [row[0] for row in self.rows(_SCHEMAS)]
        whole = [s for s in schemas if s == self.default or (self.wants_schema is not None and self.wants_schema(s))]
        named = {schema for schema, _ in self.declared if schema is not None and schema in schemas}
        found = self.tables_of(sorted({*whole, *named}), set(whole))
        of_columns, sequences = self.sequences(sorted({*whole, *named}))
        tables = self.read_tables(found, of_columns)
        return DatabaseFacts(
            "postgresql", self.default, tables, frozenset(schemas),
            {(f.schema, f.name): f for f in sequences}, self._enums(), (), tuple(visible), self.version,
        )  # fmt: skip

    # ---- tables ------------------------------------------------------------------------------------------------
    def tables_of(self, schemas: list[str], whole: set[str], temporary: bool = False) -> dict[int, Any]:
        """Return the rows of pg_class by oid; what is not wanted and, unless said, what is temporary is left out."""
        found = {}
        for row in self.rows(_TABLES, schemas, temporary):
            schema, name = self.key(row[1], row[2])
            if (row[1] in whole or (row[1], row[2]) in self.declared) and self.wants_table(schema, name):
                found[row[0]] = row
        return found

    def read_tables(self, found: dict[int, Any], sequences: dict[Any, Any]) -> dict[TableKey, TableFacts]:
        """Return the facts of the tables with these rows."""
        if not found:
            return {}
        oids = list(found)
        names: dict[int, dict[int, str]] = {oid: {} for oid in oids}
        columns: dict[int, dict[str, ColumnFacts]] = {oid: {} for oid in oids}
        for row in self.rows(_COLUMNS, oids):
            names[row[0]][row[1]] = row[2]
            columns[row[0]][row[2]] = _column(row, sequences.get((row[0], row[1])))
        parts = self._constraints(oids, names)
        indexes: dict[int, list[IndexFacts]] = {oid: [] for oid in oids}
        for oid, name, unique, definition, valid in self.rows(_INDEXES, oids):
            indexes[oid].append(_index(name, unique, definition, valid))
        tables = {}
        for oid, row in found.items():
            schema, name = self.key(row[1], row[2])
            of = parts[oid]
            tables[schema, name] = TableFacts(
                schema, name, columns[oid], next(iter(of["p"]), None), tuple(of["u"]), tuple(of["f"]), tuple(of["c"]),
                tuple(of["x"]), tuple(indexes[oid]), row[3] or None, _options(row), row[5],
            )  # fmt: skip
        return tables

    def _constraints(self, oids: list[int], names: dict[int, dict[int, str]]) -> dict[int, dict[str, list[Any]]]:
        sql = _CONSTRAINTS.format(
            distinct="i.indnullsnotdistinct" if self.version >= 150000 else "false",
            some="c.confdelsetcols::int[]" if self.version >= 150000 else "NULL::int[]",
        )
        parts: dict[int, dict[str, list[Any]]] = {oid: {kind: [] for kind in "pufcx"} for oid in oids}
        for row in self.rows(sql, oids):
            parts[row[0]][row[2]].append(self._constraint(row, names[row[0]]))
        return parts

    def _constraint(self, row: Any, names: dict[int, str]) -> Any:
        _, name, kind, key, definition, deferrable, deferred, valid, no_inherit, indexed, count, distinct = row[:12]
        if kind in "pu":
            covered = [names[n] for n in indexed]
            return KeyFacts(
                kind, name, tuple(covered[:count]), tuple(covered[count:]), bool(distinct), deferrable, deferred
            )
        if kind == "c":
            return CheckFacts(name, pgdefs.check_condition(definition), not valid, no_inherit)
        if kind == "x":
            return ExcludeFacts(name, pgdefs.without_timing(definition), deferrable, deferred)
        schema, table, remote, ondelete, onupdate, match, some = row[12:]
        action = _ACTIONS.get(ondelete)
        if action is not None and some:
            action += f" ({', '.join(names[n] for n in some)})"
        return ForeignKeyFacts(
            name, tuple(names[n] for n in key), *self.key(schema, table), tuple(remote), action,
            _ACTIONS.get(onupdate), "FULL" if match == "f" else None, deferrable, deferred, not valid,
        )  # fmt: skip

    # ---- what stands beside tables -----------------------------------------------------------------------------
    def sequences(self, schemas: list[str]) -> tuple[dict[Any, Any], list[SequenceFacts]]:
        """Return (deptype, facts) by oid and number of the owning column, and those that are no part of an identity."""
        by_column: dict[Any, Any] = {}
        free = []
        for row in self.rows(_SEQUENCES, schemas):
            schema, name = self.key(row[0], row[1])
            type_, start, increment, minimum, maximum, cache, cycle, kind, table, number = row[2:]
            facts = SequenceFacts(
                schema, name, type_, start, increment, minimum, maximum, cache, cycle, kind is not None
            )
            if kind is not None:
                by_column[table, number] = (kind, facts)
            if kind != "i":
                free.append(facts)
        return by_column, free

    def _enums(self) -> dict[TableKey, EnumFacts]:
        found = {}
        for schema, name, labels in self.rows(_ENUMS):
            key = self.key(schema, name)
            found[key] = EnumFacts(*key, tuple(labels))
        return found


def _column(row: Any, sequence: Any) -> ColumnFacts:
    _, _, name, type_, not_null, default, identity, generated, comment, collation, local = row
    kind, facts = sequence or (None, None)
    made = None
    if identity and facts is not None:
        made = IdentityFacts(
            identity == "a", facts.start, facts.increment, facts.minvalue, facts.maxvalue, facts.cache, facts.cycle
        )
    serial = kind == "a" and default is not None and default.startswith("nextval(")
    return ColumnFacts(
        name, type_, not not_null, None if generated else default, comment or None, collation, made,
        default if generated else None, generated == "s" if generated else None, serial, inherited=not local,
    )  # fmt: skip


def _index(name: str, unique: bool, definition: str, valid: bool) -> IndexFacts:
    parsed = pgdefs.parse_index(definition)
    return IndexFacts(
        name, unique, parsed.elements, parsed.method, parsed.include, parsed.nulls_not_distinct, parsed.storage,
        parsed.where, valid,
    )  # fmt: skip


def _options(row: Any) -> dict[str, Any]:
    """Return the keywords of a Table that make it again: storage parameters, partitioning, parents."""
    options: dict[str, Any] = {}
    if row[4]:
        options["postgresql_with"] = dict(part.split("=", 1) for part in row[4])
    if row[6]:
        options["postgresql_partition_by"] = row[6]
    if row[7]:
        options["postgresql_inherits"] = tuple(row[7])
    return options
