"""The normal form that models and catalogs are both turned into before they are compared.

Everything is frozen. `source` is the schema object of a declared fact, None of one that was read from a catalog;
it takes no part in comparisons. Texts of expressions are as their side writes them; `sqltext` says whether two are
the same, and the shadow replaces declared ones by the server's spelling where it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TableKey = tuple[str | None, str]
"""Schema, None for the default one, and name."""


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """GENERATED … AS IDENTITY with all its options; the values that the database would choose are filled in."""

    always: bool
    start: int
    increment: int
    minvalue: int
    maxvalue: int
    cache: int
    cycle: bool


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column.

    `type` is format_type()'s text on PostgreSQL, the declared text on SQLite. `serial`: numbered by a sequence of
    its own, whose nextval() is then `default`. `fetched`: the model leaves the default to the database.
    `computed` is the expression of a generated column, `stored` whether it is kept.
    """

    name: str
    type: str
    nullable: bool
    default: str | None = None
    comment: str | None = None
    collation: str | None = None
    identity: IdentityFacts | None = None
    computed: str | None = None
    stored: bool | None = None
    serial: bool = False
    fetched: bool = False
    inherited: bool = False
    source: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A primary key or a unique constraint; `name` None: the database chose or will choose it."""

    kind: str
    name: str | None
    columns: tuple[str, ...]
    include: tuple[str, ...] = ()
    nulls_not_distinct: bool = False
    deferrable: bool = False
    deferred: bool = False
    source: Any = field(default=None, compare=False, repr=False)

    @property
    def content(self) -> tuple[Any, ...]:
        """What it says, without its name."""
        return (self.columns, self.include, self.nulls_not_distinct, self.deferrable, self.deferred)


@dataclass(frozen=True, slots=True)
class ForeignKeyFacts:
    """A foreign key; actions are upper case, None for NO ACTION."""

    name: str | None
    columns: tuple[str, ...]
    ref_schema: str | None
    ref_table: str
    ref_columns: tuple[str, ...]
    ondelete: str | None = None
    onupdate: str | None = None
    match: str | None = None
    deferrable: bool = False
    deferred: bool = False
    not_valid: bool = False
    source: Any = field(default=None, compare=False, repr=False)

    @property
    def target(self) -> TableKey:
        """The table referred to."""
        return (self.ref_schema, self.ref_table)

    @property
    def content(self) -> tuple[Any, ...]:
        """What it says, without its name."""
        return (
            self.columns, self.ref_schema, self.ref_table, self.ref_columns, self.ondelete, self.onupdate, self.match,
            self.deferrable, self.deferred,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """A check; `of_type`: the type of a column brought it along (Boolean, Enum)."""

    name: str | None
    text: str
    not_valid: bool = False
    no_inherit: bool = False
    of_type: bool = False
    source: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExcludeFacts:
    """An EXCLUDE constraint; `text` is its definition without timing."""

    name: str | None
    text: str
    deferrable: bool = False
    deferred: bool = False
    source: Any = field(default=None, compare=False, repr=False)

    @property
    def content(self) -> tuple[Any, ...]:
        """What it says, without its name."""
        return (self.text, self.deferrable, self.deferred)


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """An index; each element is its text with collation, operator class and order."""

    name: str
    unique: bool
    elements: tuple[str, ...]
    method: str = "btree"
    include: tuple[str, ...] = ()
    nulls_not_distinct: bool = False
    storage: tuple[tuple[str, str], ...] = ()
    where: str | None = None
    valid: bool = True
    source: Any = field(default=None, compare=False, repr=False)

    @property
    def flags(self) -> tuple[Any, ...]:
        """What is compared as it stands: all but texts of expressions."""
        return (self.unique, len(self.elements), self.method, self.include, self.nulls_not_distinct, self.storage)


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One table with what belongs to it."""

    schema: str | None
    name: str
    columns: Mapping[str, ColumnFacts]
    primary_key: KeyFacts | None = None
    uniques: tuple[KeyFacts, ...] = ()
    foreign_keys: tuple[ForeignKeyFacts, ...] = ()
    checks: tuple[CheckFacts, ...] = ()
    excludes: tuple[ExcludeFacts, ...] = ()
    indexes: tuple[IndexFacts, ...] = ()
    comment: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    partition: bool = False
    source: Any = field(default=None, compare=False, repr=False)

    @property
    def key(self) -> TableKey:
        """Schema and name."""
        return (self.schema, self.name)


@dataclass(frozen=True, slots=True)
class SequenceFacts:
    """A sequence with all its options; `owned`: it goes with a column (SERIAL, OWNED BY)."""

    schema: str | None
    name: str
    type: str
    start: int
    increment: int
    minvalue: int
    maxvalue: int
    cache: int
    cycle: bool
    owned: bool = False
    source: Any = field(default=None, compare=False, repr=False)

    @property
    def options(self) -> dict[str, Any]:
        """The options by the names that Sequence() takes."""
        names = ("start", "increment", "minvalue", "maxvalue", "cache", "cycle")
        return {"data_type": self.type, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True, slots=True)
class EnumFacts:
    """An enum type with its labels in order."""

    schema: str | None
    name: str
    labels: tuple[str, ...]
    source: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Everything one side has.

    `schemas` are the names that exist (of a model: that it uses), `visible` those that a name without schema is
    looked for in. `domains` are as the Inspector tells them.
    """

    dialect: str
    default_schema: str | None
    tables: Mapping[TableKey, TableFacts]
    schemas: frozenset[str] = frozenset()
    sequences: Mapping[TableKey, SequenceFacts] = field(default_factory=dict)
    enums: Mapping[TableKey, EnumFacts] = field(default_factory=dict)
    domains: tuple[Any, ...] = ()
    visible: tuple[str, ...] = ()
    version: int = 0
