"""Random schemas as data: what a model may say, drawn at random, and the MetaData it stands for.

A schema is data first (frozen dataclasses), so that an edit is a new value and a failing example is shown whole.
`build()` turns it into a MetaData; what a database cannot say is left out there. Every drawn fact is counted
under a name, and the law fails if one of them never came up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pyorm as sa
from pyorm.dialects import postgresql as pg

NAMES = ("id", "name", "title", "amount", "created", "kind", "owner", "Mixed", "order", "note")
TABLES = ("users", "posts", "tags", "Orders", "audit_log", "group")

# What a type is called here -> the type, and a default that fits it; the last word says where it exists.
TYPES: dict[str, tuple[Any, Any, str]] = {
    "integer": (sa.Integer, "5", "both"),
    "bigint": (sa.BigInteger, "7", "both"),
    "smallint": (sa.SmallInteger, "1", "both"),
    "varchar10": (lambda: sa.String(10), "it's", "both"),
    "varchar50": (lambda: sa.String(50), "a:b", "both"),
    "char": (lambda: sa.CHAR(3), "abc", "both"),
    "text": (sa.Text, "", "both"),
    "numeric": (lambda: sa.Numeric(10, 2), "1.50", "both"),
    "numeric4": (lambda: sa.Numeric(12, 4), "0", "both"),
    "float": (sa.Double, "0.5", "both"),
    "boolean": (sa.Boolean, sa.true(), "both"),
    "checked_boolean": (lambda: sa.Boolean(create_constraint=True), sa.false(), "both"),
    "date": (sa.Date, "2020-01-01", "both"),
    "timestamp": (sa.DateTime, sa.func.now(), "both"),
    "timestamptz": (lambda: sa.DateTime(timezone=True), sa.func.now(), "both"),
    "json": (sa.JSON, "{}", "both"),
    "blob": (sa.LargeBinary, None, "both"),
    "words": (lambda: sa.Enum("a", "b", native_enum=False, length=20), "a", "both"),
    "checked_words": (lambda: sa.Enum("a", "b", native_enum=False, create_constraint=True, length=20), "b", "both"),
    "collated": (lambda: sa.Text(collation="C"), "x", "postgresql"),
    "nocase": (lambda: sa.Text(collation="NOCASE"), "x", "sqlite"),
    "summed": (sa.Integer, sa.text("(1 + 2)"), "sqlite"),
    "uuid": (sa.Uuid, None, "postgresql"),
    "jsonb": (pg.JSONB, "[]", "postgresql"),
    "int_array": (lambda: pg.ARRAY(sa.Integer), "{1,2}", "postgresql"),
    "text_array": (lambda: pg.ARRAY(sa.String(5)), None, "postgresql"),
    "interval": (pg.INTERVAL, "1 day", "postgresql"),
    "range": (pg.INT4RANGE, "[1,5)", "postgresql"),
    "inet": (pg.INET, None, "postgresql"),
    "bit": (lambda: pg.BIT(4), None, "postgresql"),
    "time": (lambda: pg.TIME(precision=2), None, "postgresql"),
}
NUMBERS = ("integer", "bigint", "smallint", "numeric")
INDEXED = (*NUMBERS, "varchar10", "varchar50", "text", "date", "timestamp", "boolean")


@dataclass(frozen=True)
class Col:
    """A column; `enum` names an enum type of the schema, `identity` is (always, start, increment)."""

    name: str
    type: str
    nullable: bool = True
    default: bool = False
    comment: str | None = None
    enum: str | None = None
    identity: tuple[bool, int, int] | None = None
    computed: int | None = None


@dataclass(frozen=True)
class Con:
    """A unique constraint, check, foreign key or EXCLUDE; options by name."""

    kind: str
    name: str | None
    columns: tuple[str, ...]
    target: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    number: int = 0


@dataclass(frozen=True)
class Idx:
    """An index: columns, kind of element and options."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    kind: str = "plain"
    options: tuple[tuple[str, Any], ...] = ()
    number: int = 0


@dataclass(frozen=True)
class Tab:
    """A table."""

    name: str
    columns: tuple[Col, ...]
    key: tuple[str, ...] = ("id",)
    key_name: str | None = None
    constraints: tuple[Con, ...] = ()
    indexes: tuple[Idx, ...] = ()
    comment: str | None = None
    schema: str | None = None

    def typed(self, *types: str) -> list[str]:
        """Return the columns of some types that are not generated."""
        return [c.name for c in self.columns if c.type in types and c.computed is None and c.enum is None]


@dataclass(frozen=True)
class Spec:
    """A whole schema."""

    tables: tuple[Tab, ...]
    enums: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sequences: tuple[tuple[str, int, int], ...] = ()
    dialect: str = field(default="postgresql", compare=False)

    def table(self, name: str) -> Tab:
        """Return the table of that name."""
        return next(t for t in self.tables if t.name == name)

    def with_table(self, table: Tab) -> Spec:
        """Return the schema with a table in place of the one of its name."""
        return replace(self, tables=tuple(table if t.name == table.name else t for t in self.tables))


# ---- drawing ---------------------------------------------------------------------------------------------------
class Draw:
    """Draws values from a seed and counts what they are.

    Args:
        seed: the same seed draws the same values.
        dialect: "postgresql" or "sqlite".
        counts: how often each fact was drawn; added to.
    """

    def __init__(self, seed: str, dialect: str, counts: Counter[str]) -> None:
        self._random, self.dialect, self.counts = Random(seed), dialect, counts
        self.is_pg = dialect == "postgresql"

    def one(self, values: Any) -> Any:
        """Return one of some values."""
        return self._random.choice(list(values))

    def some(self, values: Any, least: int, most: int) -> list[Any]:
        """Return some of the values, without repetition, in any order."""
        values = list(values)
        return self._random.sample(values, self._random.randint(least, min(most, len(values))))

    def chance(self, percent: int) -> bool:
        """Return True in so many of a hundred draws."""
        return self._random.randrange(100) < percent

    def number(self, least: int, most: int) -> int:
        """Return a whole number."""
        return self._random.randint(least, most)

    def note(self, fact: str) -> None:
        """Count a fact."""
        self.counts[fact] += 1


def draw_spec(d: Draw) -> Spec:
    """Draw a schema of up to four tables."""
    enums: tuple[Any, ...] = ()
    sequences: tuple[Any, ...] = ()
    if d.is_pg:
        enums = tuple((name, tuple(d.some("abcde", 2, 4))) for name in d.some(("mood", "Kind"), 0, 2))
        sequences = tuple((n, d.number(1, 5), d.number(1, 3)) for n in d.some(("numbers", "tickets"), 0, 1))
    spec = Spec((), enums, sequences, d.dialect)
    for name in d.some(TABLES, 1, 4):
        spec = replace(spec, tables=(*spec.tables, draw_table(d, spec, name)))
    for name in [t.name for t in spec.tables]:
        spec = add_foreign_keys(d, spec, name)
    return spec


def draw_table(d: Draw, spec: Spec, name: str) -> Tab:
    """Draw a table without foreign keys."""
    key = ("id",)
    columns = [draw_key(d)]
    for column in d.some(NAMES[1:], 1, 6):
        columns.append(draw_column(d, spec, column))
    plain = [c.name for c in columns if c.type in INDEXED and c.computed is None and c.enum is None and c.name != "id"]
    if plain and d.chance(20):
        key = ("id", d.one(plain))
        columns = [replace(c, nullable=False, default=False) if c.name in key else c for c in columns]
        if columns[0].identity is None:
            columns[0] = replace(columns[0], type="integer")
        d.note("composite primary key")
    table = Tab(name, tuple(columns), key, f"pk_{name}" if d.chance(30) else None)
    if d.is_pg and d.chance(30):
        table = replace(table, comment=d.one(("what it holds", "it's a table")))
        d.note("comment of a table")
    if d.is_pg and d.chance(15):
        table = replace(table, schema="side")
        d.note("schema")
    for _ in range(d.number(0, 3)):
        table = add_constraint(d, table)
    for _ in range(d.number(0, 3)):
        table = add_index(d, table)
    return table


def draw_key(d: Draw) -> Col:
    """Draw the column `id`."""
    if d.is_pg and d.chance(30):
        d.note("identity")
        return Col("id", d.one(("integer", "bigint")), False, identity=(d.chance(50), d.number(1, 9), d.number(1, 3)))
    return Col("id", "bigint" if d.is_pg and d.chance(20) else "integer", False)


def draw_column(d: Draw, spec: Spec, name: str) -> Col:
    """Draw any other column."""
    nullable = d.chance(60)
    comment = d.one(("a note", "it's")) if d.is_pg and d.chance(20) else None
    if comment:
        d.note("comment of a column")
    if spec.enums and d.chance(25):
        d.note("enum")
        return Col(name, "text", nullable, d.chance(30), comment, enum=d.one([e[0] for e in spec.enums]))
    if d.chance(12):
        d.note("generated column")
        return Col(name, "integer", True, False, comment, computed=d.number(2, 4))
    kinds = [k for k, (_t, _d, where) in TYPES.items() if where in ("both", d.dialect)]
    kind = d.one(kinds)
    d.note(f"type {kind}")
    default = TYPES[kind][1] is not None and d.chance(30)
    if default:
        d.note("server default")
    return Col(name, kind, nullable, default, comment)


def add_constraint(d: Draw, table: Tab) -> Tab:
    """Add a unique constraint, a check or an EXCLUDE."""
    taken = {c.name for c in table.constraints} | {i.name for i in table.indexes}
    numbers, indexed, ranges = table.typed(*NUMBERS), table.typed(*INDEXED), table.typed("range")
    kind = d.one(["unique", "check", "check", "exclude"] if d.is_pg and ranges else ["unique", "check"])
    name: str | None = f"{kind}_{table.name}_{d.number(1, 4)}"
    if name in taken:
        return table
    if kind == "exclude":
        d.note("EXCLUDE")
        return _with_constraint(table, Con(kind, name, (d.one(ranges),), number=d.number(0, 1)))
    if kind == "check":
        if not numbers:
            return table
        if d.chance(25):
            name = None
            d.note("unnamed check")
        d.note("check")
        new = Con(kind, name, (d.one(numbers),), number=d.number(0, 4))
        same = any((c.kind, c.columns, c.number) == (kind, new.columns, new.number) for c in table.constraints)
        return table if same else _with_constraint(table, new)
    columns = tuple(d.some(indexed, 1, 2))
    same = any(set(c.columns) == set(columns) and c.kind == kind for c in table.constraints)
    if same or set(columns) == set(table.key):
        return table
    options: list[tuple[str, Any]] = []
    if d.is_pg and d.chance(20):
        options.append(("postgresql_nulls_not_distinct", True))
        d.note("unique NULLS NOT DISTINCT")
    if d.is_pg and d.chance(20):
        others = [c.name for c in table.columns if c.name not in columns and c.computed is None]
        if others:
            options.append(("postgresql_include", [d.one(others)]))
            d.note("unique INCLUDE")
    if d.is_pg and d.chance(15):
        options.append(("deferrable", True))
        d.note("unique DEFERRABLE")
    if d.chance(25):
        name = None
        d.note("unnamed unique")
    d.note("unique")
    return _with_constraint(table, Con(kind, name, columns, options=tuple(options)))


def _with_constraint(table: Tab, new: Con) -> Tab:
    return replace(table, constraints=(*table.constraints, new))


def add_index(d: Draw, table: Tab) -> Tab:
    """Add an index."""
    name = f"ix_{table.name}_{d.number(1, 5)}"
    columns = table.typed(*INDEXED)
    if not columns or any(i.name == name for i in table.indexes):
        return table
    texts = table.typed("varchar10", "varchar50", "text")
    kinds = ["plain", "plain", "desc", "partial"] + (["expression"] if texts else [])
    if d.is_pg:
        kinds += ["include", "hash", "storage", "distinct"] + (["opclass"] if texts else [])
    kind = d.one(kinds)
    d.note(f"index {kind}")
    chosen = tuple(d.some(columns, 1, 2))
    if kind in ("expression", "opclass"):
        chosen = (d.one(texts),)
    elif kind == "hash":
        chosen = chosen[:1]
    unique = kind == "distinct" or (kind != "hash" and d.chance(30))
    if unique:
        d.note("index unique")
    return replace(table, indexes=(*table.indexes, Idx(name, chosen, unique, kind, number=d.number(0, 3))))


def add_foreign_keys(d: Draw, spec: Spec, name: str) -> Spec:
    """Add foreign keys from a table to any, itself included."""
    table = spec.table(name)
    for _ in range(d.number(0, 2)):
        table = add_foreign_key(d, spec.with_table(table), table)
    return spec.with_table(table)


def add_foreign_key(d: Draw, spec: Spec, table: Tab) -> Tab:
    """Add a foreign key and its column."""
    targets = [t for t in spec.tables if t.key == ("id",)]
    free = [n for n in ("parent_id", "author_id", "ref_id") if all(c.name != n for c in table.columns)]
    if not targets or not free:
        return table
    target, column = d.one(targets), free[0]
    options: list[tuple[str, Any]] = []
    for option, values, where in (
        ("ondelete", ("CASCADE", "SET NULL", "RESTRICT"), "both"),
        ("onupdate", ("CASCADE", "RESTRICT"), "both"),
        ("match", ("FULL",), "postgresql"),
    ):
        if d.chance(25) and where in ("both", d.dialect):
            options.append((option, d.one(values)))
            d.note(f"foreign key {option}")
    if d.chance(20):
        options += [("deferrable", True), ("initially", d.one(("DEFERRED", "IMMEDIATE")))]
        d.note("foreign key DEFERRABLE")
    named = f"fk_{table.name}_{column}" if d.chance(70) else None
    d.note("foreign key" if named else "unnamed foreign key")
    type_ = next(c.type for c in target.columns if c.name == "id")
    new = Con("foreign", named, (column,), target.name, tuple(options))
    return replace(table, columns=(*table.columns, Col(column, type_)), constraints=(*table.constraints, new))


# ---- building --------------------------------------------------------------------------------------------------
def build(spec: Spec) -> sa.MetaData:
    """Return the MetaData of a schema."""
    metadata = sa.MetaData()
    kinds = {name: sa.Enum(*values, name=name, metadata=metadata) for name, values in spec.enums}
    for name, start, increment in spec.sequences:
        sa.Sequence(name, start=start, increment=increment, metadata=metadata)
    for table in spec.tables:
        _build_table(spec, table, metadata, kinds)
    return metadata


def _build_table(spec: Spec, table: Tab, metadata: sa.MetaData, kinds: dict[str, Any]) -> None:
    items: list[Any] = [_build_column(c, table, kinds, spec.dialect) for c in table.columns]
    items.append(sa.PrimaryKeyConstraint(*table.key, name=table.key_name))
    items += [_build_constraint(spec, c) for c in table.constraints]
    made = sa.Table(table.name, metadata, *items, schema=table.schema, comment=table.comment)
    for index in table.indexes:
        _build_index(made, index)


def _build_column(column: Col, table: Tab, kinds: dict[str, Any], dialect: str) -> sa.Column:
    items: list[Any] = []
    if column.identity is not None:
        always, start, increment = column.identity
        items.append(sa.Identity(always=always, start=start, increment=increment))
    if column.computed is not None:
        items.append(sa.Computed(f"id * {column.computed}", persisted=True))
    type_, default, _where = TYPES[column.type]
    made = kinds[column.enum] if column.enum else type_()
    if column.enum:
        default = made.enums[0]
    options: dict[str, Any] = {} if column.computed is not None else {"nullable": column.nullable}
    if column.default:
        options["server_default"] = default
    if column.comment is not None and dialect == "postgresql":
        options["comment"] = column.comment
    return sa.Column(column.name, made, *items, **options)


def _build_constraint(spec: Spec, constraint: Con) -> Any:
    options = dict(constraint.options)
    if constraint.kind == "unique":
        return sa.UniqueConstraint(*constraint.columns, name=constraint.name, **options)
    if constraint.kind == "foreign":
        target = spec.table(constraint.target or "")
        prefix = f"{target.schema}.{target.name}" if target.schema else target.name
        return sa.ForeignKeyConstraint(constraint.columns, [f"{prefix}.id"], name=constraint.name, **options)
    column = sa.column(constraint.columns[0])
    if constraint.kind == "exclude":
        operator = "&&" if constraint.number else "="
        return pg.ExcludeConstraint((column.name, operator), name=constraint.name, using="gist")
    texts: list[Any] = [
        column > 0,
        column.in_([1, 2, 3]),
        column.between(1, 9),
        sa.or_(column < 5, column.is_(None)),
        column * 2 + 1 < 100,
    ]
    return sa.CheckConstraint(texts[constraint.number], name=constraint.name)


def _build_index(table: sa.Table, index: Idx) -> None:
    columns = [table.c[name] for name in index.columns]
    elements: list[Any] = list(columns)
    options: dict[str, Any] = {}
    if index.kind == "desc":
        elements[0] = columns[0].desc()
    elif index.kind == "expression":
        elements = [sa.func.lower(columns[0]) if index.number % 2 else sa.func.length(columns[0])]
    elif index.kind == "partial":
        where = table.c.id > index.number
        options = {"postgresql_where": where, "sqlite_where": where}
    elif index.kind == "include":
        others = [c.name for c in table.c if c.name not in index.columns and c.computed is None]
        options = {"postgresql_include": others[:1]}
    elif index.kind == "hash":
        options = {"postgresql_using": "hash"}
    elif index.kind == "storage":
        options = {"postgresql_with": {"fillfactor": 60 + index.number}}
    elif index.kind == "distinct":
        options = {"postgresql_nulls_not_distinct": True}
    elif index.kind == "opclass":
        options = {"postgresql_ops": {columns[0].key: "text_pattern_ops"}}
    sa.Index(index.name, *elements, unique=index.unique, **options)
