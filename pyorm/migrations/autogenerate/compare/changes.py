"""What one table's comparison shares: both sides, the plan, and what has to be made anew along with something else."""

from __future__ import annotations

from typing import Any

from pyorm.migrations.autogenerate.compare.run import Run, full_name
from pyorm.migrations.autogenerate.facts import CheckFacts, ForeignKeyFacts, TableFacts, TableKey
from pyorm.migrations.operations.names import Unnamed, chosen_name, names_of_unnamed
from pyorm.schema import conv


class TableChange:
    """One table that both sides have.

    Args:
        run: the comparison.
        model: the table as it is declared.
        found: the table as it is.

    Attributes:
        remade: columns that are dropped and added again; what covers them goes with them.
        retyped: columns whose type changes.
        recast: those of them whose new type no cast reaches, which their keys cannot follow.
        changes_keys: whether a primary key, a unique constraint or a column goes, comes or changes its type.
        dropped_keys, added_keys: foreign keys, each with the table it leads to.
    """

    def __init__(self, run: Run, model: TableFacts, found: TableFacts) -> None:
        """Start without changes."""
        self.run, self.model, self.found = run, model, found
        self.key: TableKey = model.key
        self.schema: str | None = model.source.schema
        self.name: str = str(model.source.name)
        self.remade: set[str] = set()
        self.retyped: set[str] = set()
        self.recast: set[str] = set()
        self.changes_keys = False
        self.dropped_keys: list[tuple[Any, TableKey]] = []
        self.added_keys: list[tuple[Any, TableKey]] = []
        self._given_names: set[str] = set()

    @property
    def shown(self) -> str:
        """The table's name in messages."""
        return full_name(self.key)

    def add(self, section: str, operation: Any) -> None:
        """Add an operation to the plan."""
        self.run.plan.change(self.key, section, operation)

    def named(self, columns: list[str], label: str) -> Any:
        """Return a name for a constraint that the model leaves unnamed; it is taken from then on."""
        name = chosen_name(self.name, columns, label, self.taken_names())
        self._given_names.add(name)
        return conv(name)

    def taken_names(self) -> set[str]:
        """Return the names that constraints and indexes of the table have, before and after."""
        found, model = self.found, self.model
        parts: list[Any] = []
        for side in (found, model):
            parts += [*side.uniques, *side.foreign_keys, *side.checks, *side.excludes, *side.indexes]
            parts += [side.primary_key] if side.primary_key else []
        names = {part.name for part in parts if part.name is not None}
        return names | self._given_names

    def name_of_unnamed(self, fact: Any) -> str:
        """Return the name by which a script drops a constraint of the database that has none."""
        found = self.found
        keys = [*found.uniques, *([found.primary_key] if found.primary_key else [])]
        parts: list[Any] = [*keys, *found.foreign_keys, *found.checks]
        unnamed = [part for part in parts if part.name is None]
        names = [part.name for part in parts if part.name is not None]
        made = names_of_unnamed(self.name, [self._unnamed(part) for part in unnamed], names)
        return next(name for name, part in zip(made, unnamed, strict=True) if part is fact)

    def _unnamed(self, fact: Any) -> Unnamed:
        if isinstance(fact, CheckFacts):
            return Unnamed.check(fact.text, self.found.columns)
        if isinstance(fact, ForeignKeyFacts):
            return Unnamed.foreign_key(fact.columns, fact.ref_table)
        return Unnamed.key("primary" if fact.kind == "p" else "unique", fact.columns)

    def existing(self, fact: Any) -> Any:
        """Return the constraint or index object of a fact of the database."""
        return self.run.objects.part(self.found.key, fact)
