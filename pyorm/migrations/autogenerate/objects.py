"""Facts of a catalog as schema objects again: what `include_object` is shown and what a downgrade makes anew.

Objects are built when somebody asks, table by table: a comparison without differences and hooks builds none.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from pyorm import _core, exc
from pyorm.migrations.autogenerate import pgdefs, pgtypes, sqltext
from pyorm.migrations.autogenerate.facts import (
    ColumnFacts,
    DatabaseFacts,
    EnumFacts,
    ForeignKeyFacts,
    IndexFacts,
    KeyFacts,
    SequenceFacts,
    TableFacts,
    TableKey,
)
from pyorm.migrations.autogenerate.rawtype import DatabaseType
from pyorm.schema import (
    CheckConstraint,
    Column,
    Computed,
    DefaultClause,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    UniqueConstraint,
    conv,
)
from pyorm.schema._type_names import postgresql_type, sqlite_type

_SERIAL = {"integer": "SERIAL", "bigint": "BIGSERIAL", "smallint": "SMALLSERIAL"}


class Objects:
    """Schema objects of one database, made from its facts.

    Args:
        facts: the database.
        connection: asked for domains once, if a column has one.
    """

    def __init__(self, facts: DatabaseFacts, connection: Any) -> None:
        """Start without objects."""
        self.facts, self.connection = facts, connection
        self.is_pg = facts.dialect == "postgresql"
        self.metadata = MetaData()
        self._tables: dict[TableKey, Any] = {}
        self._parts: dict[int, Any] = {}  # id of a fact -> its object
        self._labels: dict[Any, Any] | None = None
        self._domains: dict[Any, Any] | None = None

    def table(self, key: TableKey) -> Any:
        """Return the Table of that schema and name with everything that belongs to it."""
        if key not in self._tables:
            self._tables[key] = self._build(self.facts.tables[key])
        return self._tables[key]

    def column(self, key: TableKey, name: str) -> Any:
        """Return a column of a table."""
        return self.table(key).c[name]

    def part(self, key: TableKey, fact: Any) -> Any:
        """Return the constraint or index that was made from a fact of the table."""
        self.table(key)
        return self._parts[id(fact)]

    def _build(self, facts: TableFacts) -> Any:
        table = Table(facts.name, self.metadata, schema=facts.schema, comment=facts.comment, **dict(facts.options))
        key = facts.primary_key
        in_key = () if key is None else key.columns
        numbered = [name for name in in_key if facts.columns[name].serial]
        for column in facts.columns.values():
            table.append_column(self._column(column, column.name in in_key, numbered[:1]))
        if key is not None:
            self._keep(table, key, PrimaryKeyConstraint(*key.columns, name=_final(key.name), **self._key_options(key)))
        for unique in facts.uniques:
            made = UniqueConstraint(*unique.columns, name=_final(unique.name), **self._key_options(unique))
            self._keep(table, unique, made)
        for foreign in facts.foreign_keys:
            self._keep(table, foreign, self._foreign_key(foreign))
        for check in facts.checks:
            options = {"postgresql_not_valid": True} if check.not_valid else {}
            self._keep(table, check, CheckConstraint(text(check.text), name=_final(check.name), **options))
        for exclude in facts.excludes:
            self._keep(table, exclude, self._exclude(exclude))
        for index in facts.indexes:
            self._parts[id(index)] = self._index(table, index)
        return table

    def _keep(self, table: Any, fact: Any, made: Any) -> None:
        table.append_constraint(made)
        self._parts[id(fact)] = made

    # ---- columns -----------------------------------------------------------------------------------------------
    def _column(self, facts: ColumnFacts, in_key: bool, numbered: list[str]) -> Any:
        type_ = self.type_of(facts)
        items: list[Any] = []
        options: dict[str, Any] = {"nullable": facts.nullable, "primary_key": in_key, "comment": facts.comment}
        if facts.computed is not None:
            items.append(Computed(text(facts.computed), facts.stored))
        elif facts.identity is not None:
            items.append(self._identity(facts))
        elif facts.serial and facts.name not in numbered:
            type_ = DatabaseType(_SERIAL.get(facts.type, facts.type))
        elif not facts.serial and facts.default is not None:
            items.append(DefaultClause(text(facts.default), _reflected=True))
        if self.is_pg and in_key and facts.identity is None:
            options["autoincrement"] = facts.serial and facts.name in numbered
        return Column(facts.name, type_, *items, **options)

    def _identity(self, facts: ColumnFacts) -> Any:
        made = facts.identity
        assert made is not None
        names = ("start", "increment", "minvalue", "maxvalue", "cycle", "cache")
        return Identity(made.always, **{name: getattr(made, name) for name in names})

    def type_of(self, facts: ColumnFacts) -> Any:
        """Return the type of a column; one that no class stands for by its text."""
        if not self.is_pg:
            return self._sqlite_type(facts)
        if self._labels is None:
            default = self.facts.default_schema
            self._labels = {(e.schema or default, e.name): list(e.labels) for e in self.facts.enums.values()}
        made = self._postgresql_type(facts)
        if made is None and self._domains is None:
            from pyorm.schema._catalog_postgresql import domains

            self._domains = {(d["schema"], d["name"]): d for d in domains(self.connection, "*")}
            made = self._postgresql_type(facts)
        if made is None:
            collation = f' COLLATE "{facts.collation}"' if facts.collation else ""
            return DatabaseType(facts.type + collation)
        return made

    def _postgresql_type(self, facts: ColumnFacts) -> Any:
        """Return the type, or None where what it would be written as is not what the catalog says."""
        from pyorm.dialects import postgresql

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", exc.SAWarning)
            made = postgresql_type(facts.type, self._labels or {}, self._domains, facts.collation)
        if made._isnull or getattr(getattr(made, "item_type", None), "_isnull", False):
            return None
        written, collation, _ = pgtypes.normal_type(made.compile(dialect=postgresql.dialect()))
        same = written == pgtypes.normal_type(facts.type)[0] and collation == facts.collation
        return made if same else None

    def _sqlite_type(self, facts: ColumnFacts) -> Any:
        from pyorm.dialects import sqlite

        declared = facts.type
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", exc.SAWarning)
            made = sqlite_type(declared)
        if facts.collation is not None and hasattr(made, "collation"):
            made.collation = facts.collation
        if made._isnull:
            return made if not declared else DatabaseType(declared)
        written = made.compile(dialect=sqlite.dialect()).partition(" COLLATE ")[0]
        if sqltext.tokens(written) == sqltext.tokens(declared):
            return made
        return DatabaseType(declared + (f" COLLATE {facts.collation}" if facts.collation else ""))

    # ---- constraints and indexes -------------------------------------------------------------------------------
    def _key_options(self, key: KeyFacts) -> dict[str, Any]:
        options = _timing(key)
        if key.include:
            options["postgresql_include"] = list(key.include)
        if key.nulls_not_distinct:
            options["postgresql_nulls_not_distinct"] = True
        return options

    def _foreign_key(self, key: ForeignKeyFacts) -> Any:
        prefix = key.ref_table if key.ref_schema is None else f"{key.ref_schema}.{key.ref_table}"
        options: dict[str, Any] = {"postgresql_not_valid": True} if key.not_valid else {}
        return ForeignKeyConstraint(
            list(key.columns), [f"{prefix}.{name}" for name in key.ref_columns or key.columns], name=_final(key.name),
            ondelete=key.ondelete, onupdate=key.onupdate, match=key.match, **_timing(key), **options,
        )  # fmt: skip

    def _exclude(self, exclude: Any) -> Any:
        from pyorm.schema.exclude import ExcludeConstraint

        parsed = pgdefs.parse_exclude(exclude.text)
        pairs = [(sqltext.plain_name(element) or text(element), operator) for element, operator in parsed.elements]
        return ExcludeConstraint(
            *pairs, name=_final(exclude.name), using=parsed.using,
            where=None if parsed.where is None else text(parsed.where), **_timing(exclude),
        )  # fmt: skip

    def _index(self, table: Any, facts: IndexFacts) -> Any:
        elements = []
        for element in facts.elements:
            name = sqltext.plain_name(element)
            elements.append(table.c[name] if name is not None and name in table.c else text(element))
        options: dict[str, Any] = {}
        if self.is_pg:
            values: Mapping[str, Any] = {
                "using": None if facts.method == "btree" else facts.method, "include": list(facts.include),
                "nulls_not_distinct": facts.nulls_not_distinct or None, "with": dict(facts.storage),
            }  # fmt: skip
            options = {f"postgresql_{name}": value for name, value in values.items() if value}
        if facts.where is not None:
            options[f"{self.facts.dialect}_where"] = text(facts.where)
        return Index(_final(facts.name), *elements, unique=facts.unique, _table=table, **options)


def sequence_object(facts: SequenceFacts) -> Any:
    """Return a Sequence in no MetaData."""
    options = facts.options
    options["data_type"] = DatabaseType(facts.type)
    return Sequence(facts.name, schema=facts.schema, **options)


def enum_object(facts: EnumFacts) -> Any:
    """Return an enum type in no MetaData."""
    from pyorm.dialects.postgresql import ENUM

    return ENUM(*facts.labels, name=facts.name, schema=facts.schema)


def text(sql: str) -> Any:
    """Return SQL text of a catalog that is read as it was; a colon is a colon."""
    return _core.text(pgdefs.as_it_was(sql).replace(":", "\\:"))


def _final(name: str | None) -> Any:
    return None if name is None else conv(name)


def _timing(item: Any) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if item.deferrable:
        options["deferrable"] = True
    if item.deferred:
        options["initially"] = "DEFERRED"
    return options


def bare_column(column: Any) -> Any:
    """Return a copy of a column without keys, checks, unique and index: those are operations of their own."""
    copy = column._copy()
    copy.foreign_keys = frozenset()
    copy.constraints = frozenset()
    copy.unique = copy.index = None
    return copy
