"""Operations in an order that can be carried out, and whose reverse can be, too.

    schemas, enum types, sequences     what tables refer to
    early                              foreign keys that hold what a later step drops or changes
    new tables, referred-to first      foreign keys of a cycle wait
    changes of tables                  drops of indexes and constraints, columns, then what is new
    late                               foreign keys to what the steps before have made
    dropped tables, referring first
    sequences, enum types              which nothing uses any more

SQLite writes a foreign key into CREATE TABLE whatever it leads to, and may make a table anew for each group of
changes: there, all changes of a table are one group.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyorm.migrations.autogenerate.facts import TableFacts, TableKey
from pyorm.migrations.operations import ops

SECTIONS = (
    "rename", "drop_fk", "drop_index", "drop_constraint", "drop_generated", "add_column", "alter_column",
    "drop_column", "add_generated", "add_constraint", "add_index", "add_fk", "comment",
)  # fmt: skip
"""The parts of one table's changes, in order: generated columns go before those they are made of, and come after."""


class Plan:
    """Collects operations and puts them in order.

    Args:
        merges: whether all changes of a table are one group (SQLite).
    """

    def __init__(self, merges: bool) -> None:
        """Start empty."""
        self.merges = merges
        self.first: list[Any] = []
        self.created: list[Any] = []
        self.dropped: list[Any] = []
        self.last: list[Any] = []
        self._early: dict[TableKey, list[Any]] = {}
        self._late: dict[TableKey, list[Any]] = {}
        self._main: dict[TableKey, dict[str, list[Any]]] = {}
        self._names: dict[TableKey, tuple[str | None, str]] = {}

    def named(self, key: TableKey, schema: str | None) -> None:
        """Say which schema the operations of a table write, where a model names the default one."""
        self._names[key] = (schema, key[1])

    def change(self, key: TableKey, section: str, operation: Any) -> None:
        """Add a change of a table that exists."""
        self._main.setdefault(key, {}).setdefault(section, []).append(operation)

    def early(self, key: TableKey, operation: Any) -> None:
        """Add a drop of a foreign key that has to come before everything else."""
        if self.merges:
            self.change(key, "drop_fk", operation)
        else:
            self._early.setdefault(key, []).append(operation)

    def late(self, key: TableKey, operation: Any) -> None:
        """Add a foreign key that has to come after everything else."""
        if self.merges:
            self.change(key, "add_fk", operation)
        else:
            self._late.setdefault(key, []).append(operation)

    def extend(self, key: TableKey, operations: Iterable[Any]) -> None:
        """Add what somebody else's comparison found, behind the table's own changes."""
        for operation in operations:
            self.change(key, SECTIONS[-1], operation)

    def operations(self) -> list[Any]:
        """Return everything in order."""
        main = {
            key: [operation for name in SECTIONS for operation in sections.get(name, ())]
            for key, sections in self._main.items()
        }
        groups = [*self._grouped(self._early)]
        changes, late = [*self._grouped(main)], [*self._grouped(self._late)]
        return [*self.first, *groups, *self.created, *changes, *late, *self.dropped, *self.last]

    def _grouped(self, found: dict[TableKey, list[Any]]) -> list[Any]:
        keys = sorted(found, key=lambda key: (key[0] or "", key[1]))
        return [self.group(key, found[key]) for key in keys if found[key]]

    def group(self, key: TableKey, operations: list[Any]) -> ops.ModifyTableOps:
        """Return operations on one table as one."""
        schema, name = self._names.get(key, key)
        return ops.ModifyTableOps(name, operations, schema=schema)


def dependency_order(tables: Iterable[TableFacts]) -> tuple[list[TableFacts], dict[TableKey, list[Any]]]:
    """Return tables, referred-to first, and for each table the foreign keys that a cycle makes wait.

    Ties are broken by schema and name. Tables in a cycle come one after the other as soon as all but the keys that
    lead to later tables are satisfied.
    """
    rest = {t.key: t for t in sorted(tables, key=lambda t: (t.schema or "", t.name))}
    waits = {key: {k.target for k in t.foreign_keys} & (rest.keys() - {key}) for key, t in rest.items()}
    for key, table in rest.items():
        waits[key] |= _other_parents(table, rest)
    done: list[TableFacts] = []
    late: dict[TableKey, list[Any]] = {}
    while rest:
        ready = [key for key in rest if not waits[key] & rest.keys()]
        if not ready:
            chosen = min(rest, key=lambda key: (len(waits[key] & rest.keys()), key[0] or "", key[1]))
            blocked = waits[chosen] & rest.keys()
            late[chosen] = [k for k in rest[chosen].foreign_keys if k.target in blocked]
            ready = [chosen]
        for key in ready:
            done.append(rest.pop(key))
    return done, late


def _other_parents(table: TableFacts, known: Any) -> set[TableKey]:
    """Return the tables that must come first for another reason: Table.add_is_dependent_on(), INHERITS."""
    found = set()
    for parent in getattr(table.source, "_extra_dependencies", ()):
        found |= {key for key in known if known[key].source is parent}
    inherits = table.options.get("postgresql_inherits")
    if inherits is None and table.source is not None:
        inherits = table.source.dialect_kwargs.get("postgresql_inherits")
    for name in (inherits,) if isinstance(inherits, str) else inherits or ():
        found |= {key for key in known if key[1] == name and key != table.key}
    return found
