"""MetaData as facts: what the database would have if everything were created as it is declared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyorm import _core, exc
from pyorm.migrations.autogenerate import pgtypes
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
from pyorm.schema import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from pyorm.schema._base import option
from pyorm.schema._ddl_text import DDLText
from pyorm.schema.ddl import AddConstraint, CreateIndex
from pyorm.schema.named_types import in_metadata, is_domain, named_types_in

_NAME_BYTES = 63  # PostgreSQL cuts longer identifiers (NAMEDATALEN - 1)
_BOUNDS = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}


class Reader:
    """Turns MetaData objects into facts for one database.

    Args:
        metadata: one MetaData or a sequence of them.
        dialect: the dialect whose DDL counts.
        default_schema: the schema that None stands for.

    Raises:
        ArgumentError: two MetaData objects have a table of the same name.
    """

    def __init__(self, metadata: Any, dialect: Any, default_schema: str | None) -> None:
        """Collect the tables."""
        self.metadata = list(metadata) if isinstance(metadata, (list, tuple)) else [metadata]
        self.dialect, self.default = dialect, default_schema
        self.render = DDLText(dialect)
        self.is_pg = dialect.name == "postgresql"
        self.tables: dict[TableKey, Any] = {}
        twice = []
        for one in self.metadata:
            for table in one.tables.values():
                if getattr(table, "is_view", False):
                    continue
                key = (self.schema(table.schema), str(table.name))
                if key in self.tables:
                    twice.append(table.key)
                self.tables[key] = table
        if twice:
            raise exc.ArgumentError(
                f"Duplicate table keys across multiple MetaData objects: {', '.join(map(repr, sorted(twice)))}"
            )

    def schema(self, name: Any) -> str | None:
        """Return a schema's name, None for the default one."""
        return None if name is None or name == self.default else str(name)

    def read(self, wanted: Iterable[TableKey] | None = None) -> DatabaseFacts:
        """Return the facts of these tables, all without an argument."""
        keys = list(self.tables) if wanted is None else list(wanted)
        tables = {key: self.table(key, self.tables[key]) for key in keys}
        sequences = self._sequences() if self.is_pg else {}
        enums = self._enums() if self.is_pg else {}
        schemas = {key[0] for key in (*keys, *sequences, *enums) if key[0] is not None}
        return DatabaseFacts(self.dialect.name, self.default, tables, frozenset(schemas), sequences, enums)

    # ---- tables ------------------------------------------------------------------------------------------------
    def table(self, key: TableKey, table: Any) -> TableFacts:
        """Return the facts of one table."""
        primary = self._primary_key(table)
        in_key = frozenset(primary.columns) if primary is not None else frozenset()
        columns = {str(c.name): self.column(c, in_key) for c in table.c if not c.system}
        uniques, keys, checks, excludes = [], [], [], []
        for constraint in sorted(_constraints(table), key=lambda c: c._order):
            if not self._is_written(constraint, AddConstraint):
                continue
            if isinstance(constraint, UniqueConstraint):
                uniques.append(self._unique(constraint))
            elif isinstance(constraint, ForeignKeyConstraint):
                if self.is_pg or self._is_inline(constraint):
                    keys.append(self._foreign_key(constraint))
            elif isinstance(constraint, CheckConstraint):
                checks.append(self._check(constraint))
            elif self.is_pg and getattr(constraint, "_text", None) is not None:
                excludes.append(self._exclude(constraint))
        indexes = [
            self._index(index)
            for index in sorted(table.indexes, key=lambda i: i._order)
            if self._is_written(index, CreateIndex)
        ]
        return TableFacts(
            key[0], key[1], columns, primary, tuple(uniques), tuple(keys), tuple(checks), tuple(excludes),
            tuple(indexes), table.comment or None, source=table,
        )  # fmt: skip

    def _is_written(self, item: Any, ddl: Any) -> bool:
        rule = getattr(item, "_applies_to", None)
        if rule is not None and not rule(self.dialect):
            return False
        condition = item._ddl_if
        if condition is None:
            return True
        statement = ddl(item, isolate_from_table=False) if ddl is AddConstraint else ddl(item)
        return bool(condition.holds(statement, item, None, self.dialect, self.render))

    def column(self, column: Any, in_key: frozenset[str] = frozenset()) -> ColumnFacts:
        """Return the facts of one column."""
        name = str(column.name)
        type_, collation = self._type(column)
        identity = None
        if self.is_pg and column.identity is not None:
            identity = _identity(column.identity, type_)
        nullable = bool(column.nullable)
        serial = self.is_pg and column.table is not None and self.render._is_serial(column)
        if self.is_pg and (name in in_key or identity is not None or serial):
            nullable = False
        made = column.server_default
        default = None
        if identity is None and not serial and column.computed is None:
            default = self.default_text(column)
        computed = stored = None
        if column.computed is not None:
            computed = self.render.expression(column.computed.sqltext)
            stored = bool(column.computed.persisted) or (column.computed.persisted is None and self.is_pg)
        return ColumnFacts(
            name, type_, nullable, default, (column.comment or None) if self.is_pg else None, collation, identity,
            computed, stored, serial, made is not None and not made.has_argument and identity is None and not computed,
            source=column,
        )  # fmt: skip

    def default_text(self, column: Any) -> str | None:
        """Return the text behind DEFAULT; `DEFAULT NULL` is none."""
        text = self.render.default(column)
        return None if text is None or text.strip("() ").upper() == "NULL" else text

    def _type(self, column: Any) -> tuple[str, str | None]:
        try:
            text = column.type.compile(dialect=self.dialect)
        except exc.CompileError:
            return "", None  # no type of its own: nothing can be said about it
        if not self.is_pg:
            name, _, collation = text.partition(" COLLATE ")
            return name, collation.strip('"') or None
        name, collation, _ = pgtypes.normal_type(text)
        return name, collation

    # ---- constraints -------------------------------------------------------------------------------------------
    def name(self, item: Any) -> str | None:
        """Return the name that the database will know, None for one that it chooses."""
        if item.name is None:
            return None
        name = str(item.name)
        if self.is_pg and len(name.encode()) > _NAME_BYTES:
            name = name.encode()[:_NAME_BYTES].decode(errors="ignore")
        return name

    def _timing(self, item: Any) -> dict[str, bool]:
        deferred = (item.initially or "").upper() == "DEFERRED"
        return {"deferrable": bool(item.deferrable) or deferred, "deferred": deferred}

    def _include(self, item: Any) -> tuple[str, ...]:
        names = option(item, "postgresql", "include") if self.is_pg else None
        return tuple(str(getattr(n, "name", n)) for n in names or ())

    def _primary_key(self, table: Any) -> KeyFacts | None:
        key = table.primary_key
        columns = list(key)
        if not columns:
            return None
        if key._implicit and self.is_pg:  # the column that numbers itself leads the index
            columns.sort(key=lambda c: c is not key._autoincrement_column)
        name = self.name(key)
        if not self.is_pg and self.render._is_autoincrement(table):
            name = None  # PRIMARY KEY AUTOINCREMENT stands in the column's clause, without a name
        return KeyFacts(
            "p", name, tuple(str(c.name) for c in columns), self._include(key), **self._timing(key), source=key
        )

    def _unique(self, unique: Any) -> KeyFacts:
        distinct = self.is_pg and bool(option(unique, "postgresql", "nulls_not_distinct"))
        timing = self._timing(unique) if self.is_pg else {}
        columns = tuple(str(c.name) for c in unique)
        return KeyFacts("u", self.name(unique), columns, self._include(unique), distinct, **timing, source=unique)

    def _is_inline(self, key: Any) -> bool:
        """Return whether SQLite writes it: no key leads into another database file."""
        return bool(key.elements[0]._tokens()[0] == key.table.schema)

    def _foreign_key(self, key: Any) -> ForeignKeyFacts:
        schema, table, remote = None, "", []
        for element in key.elements:
            schema, table, column = element._tokens()
            try:
                target = element.column
                schema, table, column = target.table.schema, target.table.name, target.name
            except exc.InvalidRequestError:  # the table is in another MetaData: its columns' names are their keys
                column = column or element.parent.name
            remote.append(str(column))
        return ForeignKeyFacts(
            self.name(key), tuple(str(c.name) for c in key.columns), self.schema(schema), str(table), tuple(remote),
            _action(key.ondelete), _action(key.onupdate), _match(key.match), **self._timing(key),
            not_valid=bool(option(key, "postgresql", "not_valid")), source=key,
        )  # fmt: skip

    def _check(self, check: Any) -> CheckFacts:
        return CheckFacts(
            self.name(check), self.render.expression(check.sqltext),
            bool(option(check, "postgresql", "not_valid")), of_type=check._type_bound, source=check,
        )  # fmt: skip

    def _exclude(self, constraint: Any) -> ExcludeFacts:
        return ExcludeFacts(
            self.name(constraint), constraint._text(self.render), **self._timing(constraint), source=constraint
        )

    def _index(self, index: Any) -> IndexFacts:
        def of(name: str) -> Any:
            return option(index, "postgresql", name) if self.is_pg else None

        where = option(index, self.dialect.name, "where")
        if where is not None:
            where = self.render.expression(_core.text(where) if isinstance(where, str) else where)
        return IndexFacts(
            self.name(index) or "", bool(index.unique),
            tuple(self.render._index_element(index, e) for e in index.expressions),
            (of("using") or "btree").lower(), self._include(index), bool(of("nulls_not_distinct")),
            tuple(sorted((str(k), str(v)) for k, v in (of("with") or {}).items())), where, source=index,
        )  # fmt: skip

    # ---- what stands beside tables -----------------------------------------------------------------------------
    def _sequences(self) -> dict[TableKey, SequenceFacts]:
        found = {}
        for metadata in self.metadata:
            for sequence in metadata._sequences.values():
                if not sequence.optional:
                    facts = self._sequence(sequence)
                    found[facts.schema, facts.name] = facts
        return found

    def _sequence(self, sequence: Any) -> SequenceFacts:
        type_ = "bigint"
        if sequence.data_type is not None:
            kind = sequence.data_type() if isinstance(sequence.data_type, type) else sequence.data_type
            type_ = pgtypes.normal_type(kind.compile(dialect=self.dialect))[0]
        values = sequence_options(sequence, _BOUNDS.get(type_, _BOUNDS["bigint"]))
        return SequenceFacts(self.schema(sequence.schema), str(sequence.name), type_, *values, source=sequence)

    def _enums(self) -> dict[TableKey, EnumFacts]:
        types: dict[Any, Any] = {}
        for metadata in self.metadata:
            types.update(in_metadata(metadata))
        types.update(named_types_in(self.tables.values()))
        found = {}
        for (schema, name), type_ in types.items():
            if not is_domain(type_):
                key = (self.schema(schema), str(name))
                found[key] = EnumFacts(*key, tuple(type_.enums), source=type_)
        return found


def earlier_name(source: Any) -> str | None:
    """Return what a table or column says it was called before."""
    old = (getattr(source, "info", None) or {}).get("renamed_from")
    return None if old is None else str(old)


def earlier_key(source: Any, key: TableKey, default_schema: str | None) -> TableKey | None:
    """Return which table a table says it was before, in its own schema unless it names one."""
    old = earlier_name(source)
    if old is None:
        return None
    schema, _dot, name = old.rpartition(".")
    return (key[0] if not schema else None if schema == default_schema else schema, name)


def _constraints(table: Any) -> list[Any]:
    """Return a table's constraints, those that stand in columns' clauses too."""
    found = {id(c): c for c in table.constraints if c is not table.primary_key}
    for column in table.c:
        for constraint in column.constraints:
            found.setdefault(id(constraint), constraint)
    return list(found.values())


def sequence_options(sequence: Any, bound: int) -> tuple[int, int, int, int, int, bool]:
    """Return start, increment, minimum, maximum, cache and cycle with PostgreSQL's own choices filled in.

    Args:
        sequence: an Identity or a Sequence.
        bound: the greatest value of its type.
    """
    increment = 1 if sequence.increment is None else sequence.increment
    rises = increment > 0
    minimum = sequence.minvalue
    if minimum is None:
        minimum = 1 if rises else -bound - 1
    maximum = sequence.maxvalue
    if maximum is None:
        maximum = bound if rises else -1
    start = sequence.start
    if start is None:
        start = minimum if rises else maximum
    return start, increment, minimum, maximum, sequence.cache or 1, bool(sequence.cycle)


def _identity(identity: Any, type_: str) -> IdentityFacts:
    return IdentityFacts(bool(identity.always), *sequence_options(identity, _BOUNDS.get(type_, _BOUNDS["bigint"])))


def _action(text: str | None) -> str | None:
    """Return an action in upper case, None for NO ACTION; columns of SET NULL keep theirs."""
    if text is None:
        return None
    words, paren, names = text.partition("(")
    action = " ".join(words.upper().split())
    if paren:
        action += f" ({', '.join(n.strip() for n in names.rstrip(') ').split(','))})"
    return None if action == "NO ACTION" else action


def _match(text: str | None) -> str | None:
    return None if text is None or text.upper() == "SIMPLE" else text.upper()
