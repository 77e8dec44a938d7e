"""Changes of one table of SQLite: each is put into the table's text, and all are carried out together.

Every verb of a batch changes the definition (`tabletext`) and says whether SQLite's ALTER TABLE can
do the same. If it can for all of them, these statements run; if not, the table is made anew once
(`rebuild`). New names of columns are given at the end, by ALTER TABLE … RENAME COLUMN, which also
rewrites the indexes, triggers and views that name the column; until then the old name counts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from copy import deepcopy
from itertools import pairwise
from typing import Any

from pyorm.migrations.ddl import statements
from pyorm.migrations.operations import rebuild, schemaobj, sqltext
from pyorm.migrations.operations.names import find_unnamed, known_names
from pyorm.migrations.operations.rebuild import Facts
from pyorm.migrations.operations.tabletext import Clause, ColumnText, TableText, parse_column, parse_constraint
from pyorm.migrations.util.exc import CommandError
from pyorm.schema import Computed, Identity, ddl
from pyorm.schema._ddl_text import DDLText

log = logging.getLogger("pyorm.migrations.operations.rebuild")

# Column clauses with which SQLite drops a column by itself.
_DROPPABLE = frozenset({"not null", "null", "default", "collate", "check", "generated", "nothing"})


class Changes:
    """The changes of one table, until they are carried out.

    Args:
        impl: what runs or writes statements.
        facts: what is known of the table.
        recreate: "auto", "always" or "never".
        order: tuples of column names that stand in this order afterwards.
        rebuilder: what makes the table anew; None takes SQLite's steps.
    """

    def __init__(
        self,
        impl: Any,
        facts: Facts,
        recreate: str = "auto",
        order: Iterable[Any] | None = None,
        rebuilder: type[rebuild.Rebuild] | None = None,
    ) -> None:
        """Nothing is changed yet."""
        self._rebuilder = rebuilder or rebuild.Rebuild
        self._reads = not impl.as_sql and rebuilder is None
        self._impl, self._facts, self._recreate = impl, facts, recreate
        self.table: TableText = deepcopy(facts.table)
        self.indexes = dict(facts.indexes)
        self._render = DDLText(impl.dialect)
        self._order = list(order or ())
        self._original = [column.name for column in self.table.columns]
        self._new_columns: set[str] = set()
        self._retyped: dict[str, str] = {}
        self._renames: list[tuple[str, str]] = []
        self._native: list[Any] = []
        self._before: list[Any] = []
        self._after: list[Any] = []
        self.reasons: list[str] = [] if recreate != "always" else ["recreate='always'"]

    # ---- names ---------------------------------------------------------------------------------------------------
    def _old_name(self, name: str) -> str:
        """Return the name that a column has until the end."""
        for old, new in reversed(self._renames):
            if name.lower() == new.lower():
                name = old
        return name

    def _current_name(self, name: str) -> str:
        """Return the name that a column has been given."""
        for old, new in self._renames:
            if name.lower() == old.lower():
                name = new
        return name

    def _old_names(self, sql: str) -> str:
        names = {new.lower(): self._old_name(new) for _, new in self._renames}
        return sqltext.renamed(sql, names) if names else sql

    def _column(self, name: str) -> ColumnText:
        column = self.table.find(self._old_name(name)) or self.table.find(name)
        if column is None:
            known = ", ".join(repr(column.name) for column in self.table.columns)
            raise CommandError(f"No such column: {name!r} of table {self._facts.name!r}, which has {known}")
        return column

    # ---- columns ---------------------------------------------------------------------------------------------------
    def add_column(
        self,
        table_name: str,
        column: Any,
        *,
        schema: str | None = None,
        if_not_exists: bool | None = None,
        insert_before: str | None = None,
        insert_after: str | None = None,
        **kw: Any,
    ) -> None:
        """Add a column with its keys, checks and indexes."""
        del kw
        present = self.table.find(column.name)
        if present is not None and if_not_exists:
            return
        if present is not None and any(old.lower() == column.name.lower() for old, _ in self._renames):
            self.carry_out()
            present = None
        if present is not None:
            raise CommandError(f"Table {self._facts.name!r} has a column {column.name!r} already")
        statement = statements.AddColumn(
            table_name, column, schema, inline_references=True, inline_checks=True
        )
        made = parse_column(statement.clause(self._render))
        self._place(made, insert_before, insert_after)
        self._new_columns.add(made.name)
        if column.primary_key:
            self._extend_key(made)
        uniques = [c for c in column.table.constraints if c.__visit_name__ == "unique_constraint"]
        for unique in uniques:
            self.add_constraint(unique)
        if insert_before or insert_after or self._order:
            self.reasons.append(f"place of column {made.name!r}")
        default = made.of("default")
        if default is not None and not sqltext.is_constant(default.text):
            self.reasons.append(f"default of column {made.name!r}, which is no constant")
        generated = made.of("generated")
        if generated is not None and sqltext.mentions(generated.text, ["STORED"]):
            self.reasons.append(f"stored column {made.name!r}")
        self._native.append(statement)
        for index in sorted(column.table.indexes, key=lambda i: i._order):
            self.create_index(index)

    def _place(self, column: ColumnText, before: str | None, after: str | None) -> None:
        columns = self.table.columns
        at = len(columns)
        if before is not None:
            at = columns.index(self._column(before))
        elif after is not None:
            at = columns.index(self._column(after)) + 1
        columns.insert(at, column)

    def _extend_key(self, column: ColumnText) -> None:
        """Make a new column part of the primary key."""
        self.reasons.append(f"primary key with column {column.name!r}")
        names = self.table.primary_key()
        self._remove_key()
        if names:
            listed = ", ".join(self._render.quote(name) for name in [*names, column.name])
            self.table.constraints.append(parse_constraint(f"PRIMARY KEY ({listed})"))
        else:
            column.put("primary", "PRIMARY KEY")

    def _remove_key(self) -> Clause | None:
        for column, clause in self.table.clauses():
            if clause.kind == "primary":
                self.table.remove(column, clause)
                return clause
        return None

    def drop_column(
        self, table_name: str, column: Any, *, schema: str | None = None, if_exists: bool | None = None, **kw: Any
    ) -> None:
        """Drop a column, and the keys, checks and indexes that name it.

        Raises:
            CommandError: a generated column is computed from it, or another table's key refers to it.
        """
        del kw
        if if_exists and self.table.find(self._old_name(column.name)) is None:
            return
        gone = self._column(column.name)
        self._refuse_used(gone)
        if any(clause.kind not in _DROPPABLE for clause in gone.clauses):
            self.reasons.append(f"key of column {gone.name!r}")
        self.table.columns.remove(gone)
        self._drop_clauses_of(gone)
        for name, sql in list(self.indexes.items()):
            if sqltext.mentions(sql[sql.index("(") :], [gone.name]):
                log.info("Dropping index %s with column %s.%s", name, self._facts.name, gone.name)
                del self.indexes[name]
                self._native.append(_DropIndex(name, schema))
                self._before.append(self._native[-1])
        self._forget(gone.name)
        self._native.append(statements.DropColumn(table_name, gone.name, schema))
        if gone.name in self._new_columns:
            self._new_columns.discard(gone.name)

    def _forget(self, name: str) -> None:
        """Take back the new names and indexes that a column was given before it went."""
        for statement in list(self._after):
            if isinstance(statement, statements.ColumnName) and statement.column_name.lower() == name.lower():
                name = statement.new_name
            elif not (isinstance(statement, ddl.CreateIndex) and self._is_over(statement, name)):
                continue
            self._after.remove(statement)
            self._native.remove(statement)
        self._renames = [
            (item.column_name, item.new_name) for item in self._after if isinstance(item, statements.ColumnName)
        ]

    def _is_over(self, statement: Any, name: str) -> bool:
        text = statement.compile(dialect=self._impl.dialect).string
        return sqltext.mentions(text[text.index("(") :], [name])

    def _refuse_used(self, gone: ColumnText) -> None:
        for other in self.table.columns:
            generated = other.of("generated")
            if other is not gone and generated is not None and sqltext.mentions(generated.text, [gone.name]):
                raise CommandError(
                    f"Column {gone.name!r} of table {self._facts.name!r} cannot be dropped: column {other.name!r} is "
                    "computed from it; drop that one before"
                )
        if self._reads:
            for name, constraint in rebuild.keys_to(self._impl, self._facts):
                if name.lower() != self._facts.name.lower() and gone.name.lower() in constraint:
                    raise CommandError(
                        f"Column {gone.name!r} of table {self._facts.name!r} cannot be dropped: a foreign key of table "
                        f"{name!r} refers to it; drop that key before"
                    )

    def _drop_clauses_of(self, gone: ColumnText) -> None:
        """Drop the constraints that name a column which goes; a key of several loses the column."""
        for column, clause in self.table.clauses():
            if clause.kind == "primary" and gone.name.lower() in [name.lower() for name in clause.columns]:
                self.table.remove(column, clause)
                rest = [name for name in clause.columns if name.lower() != gone.name.lower()]
                if rest:
                    listed = ", ".join(self._render.quote(name) for name in rest)
                    name = self._render.quote(clause.name) if clause.name else None
                    text = f"{f'CONSTRAINT {name} ' if name else ''}PRIMARY KEY ({listed})"
                    self.table.constraints.append(parse_constraint(text))
            elif clause.kind in ("unique", "check", "foreignkey") and self._names_column(clause, gone):
                self.table.remove(column, clause)
            else:
                continue
            log.info("Dropping %s with column %s.%s", clause.text, self._facts.name, gone.name)
            self.reasons.append(f"{clause.kind} with column {gone.name!r}")

    @staticmethod
    def _names_column(clause: Clause, column: ColumnText) -> bool:
        if clause.kind == "check":
            return sqltext.mentions(clause.text, [column.name])
        return column.name.lower() in [name.lower() for name in clause.columns]

    def alter_column(
        self,
        table_name: str,
        column_name: str,
        *,
        nullable: bool | None = None,
        server_default: Any = False,
        name: str | None = None,
        type_: Any = None,
        schema: str | None = None,
        insert_before: str | None = None,
        insert_after: str | None = None,
        comment: Any = False,
        **kw: Any,
    ) -> None:
        """Change a column; what is so already is no change."""
        if comment is not False:
            self._comment(statements.ColumnComment(table_name, column_name, comment, schema))
        column = self._column(column_name)
        if nullable is not None:
            self._set_nullable(column, nullable)
        if server_default is not False:
            self._set_default(column, server_default)
        if type_ is not None:
            self._set_type(column, type_, kw.get("existing_type"))
        if insert_before is not None or insert_after is not None:
            self.table.columns.remove(column)
            self._place(column, insert_before, insert_after)
            self.reasons.append(f"place of column {column.name!r}")
        current = self._current_name(column.name)
        if name is not None and name != current:
            self._native.append(statements.ColumnName(table_name, current, name, schema))
            self._after.append(self._native[-1])
            self._renames.append((current, name))

    def _set_nullable(self, column: ColumnText, nullable: bool) -> None:
        if nullable == (column.of("not null") is None):
            return
        if not nullable and column.of("null") is not None:
            column.put("null", None)
        column.put("not null", None if nullable else "NOT NULL")
        self.reasons.append(f"nullability of column {column.name!r}")

    def _set_default(self, column: ColumnText, default: Any) -> None:
        if isinstance(default, Identity):
            raise CommandError(
                f"SQLite has no identity for column {column.name!r}: an INTEGER PRIMARY KEY numbers itself"
            )
        was = column.of("generated" if isinstance(default, Computed) else "default")
        if isinstance(default, Computed):
            text = self._old_names(self._render._computed(default))
            column.put("default", None)
            column.put("generated", text)
        else:
            text = ""
            if default is not None:
                text = self._old_names(f"DEFAULT {statements.default_text(self._render, default)}")
            column.put("default", text or None)
            if column.of("generated") is not None:
                column.put("generated", None)
                was = Clause("generated", "")
        if (was.text if was is not None else "") != text:
            self.reasons.append(f"default of column {column.name!r}")

    def _set_type(self, column: ColumnText, type_: Any, existing: Any) -> None:
        from pyorm.types import to_instance

        text, _, collation = to_instance(type_).compile(dialect=self._impl.dialect).partition(" COLLATE ")
        if column.set_collation(collation, getattr(existing, "collation", None)):
            self.reasons.append(f"collation of column {column.name!r}")
        if text.upper() == column.type_text.upper():
            return
        wanted = _storage_of(to_instance(type_))
        is_other = sqltext.affinity(text) != sqltext.affinity(column.type_text)
        if wanted is not None and is_other and column.name not in self._new_columns:
            self._retyped[column.name] = wanted
        column.set_type(text)
        self.reasons.append(f"type of column {column.name!r}")

    # ---- constraints -----------------------------------------------------------------------------------------------
    def add_constraint(self, const: Any, **kw: Any) -> None:
        """Add a constraint; a primary key takes the old one's place."""
        del kw
        if not self._impl._is_wanted(const):
            return
        text = self._old_names(self._render.constraint(const))
        clause = parse_constraint(text)
        if clause.kind == "primary":
            self._remove_key()
        self.table.constraints.append(clause)
        self.reasons.append(f"constraint {text}")

    def drop_constraint(self, const: Any, *, if_exists: bool | None = None, **kw: Any) -> None:
        """Drop a constraint by its name, or by what it is where it has none.

        Raises:
            ValueError: there is no such constraint.
        """
        del kw
        found = self._find(const)
        if found is None:
            if if_exists or getattr(const, "_type_bound", False):
                return
            if const.name is None:
                raise ValueError(
                    f"Constraint must have a name, to be dropped from table {self._facts.name!r}: give "
                    "batch_alter_table() a naming_convention, and drop it by the name that this makes"
                )
            known = ", ".join(map(repr, known_names(self.table, self._facts.name))) or "none"
            raise ValueError(f"No such constraint: '{const.name}' of table {self._facts.name!r}; it has {known}")
        self.table.remove(*found)
        self.reasons.append(f"constraint {found[1].text}")

    def has(self, const: Any) -> bool:
        """Return whether there is a constraint of that name, or an equal one without a name."""
        wanted = self._shape(const)
        return self._find(const) is not None or any(
            clause.name is None and wanted is not None and wanted == self.shape_of(column, clause)
            for column, clause in self.table.clauses()
        )

    def _find(self, const: Any) -> tuple[ColumnText | None, Clause] | None:
        clauses = self.table.clauses()
        if const.name is not None:
            name = str(const.name).lower()
            named = [pair for pair in clauses if pair[1].name is not None and pair[1].name.lower() == name]
            if named:
                return named[0]
        unnamed = [pair for pair in clauses if pair[1].name is None]
        if const.__visit_name__ == "primary_key_constraint":
            return next((pair for pair in unnamed if pair[1].kind == "primary"), None)
        if const.name is not None and not getattr(const, "_type_bound", False):
            return find_unnamed(self.table, self._facts.name, const)
        wanted = self._shape(const)
        return next((pair for pair in unnamed if wanted is not None and wanted == self.shape_of(*pair)), None)

    def _shape(self, const: Any) -> Any:
        """Return what makes an unnamed constraint equal to another: its kind, columns, text."""
        kind = const.__visit_name__
        if kind in ("unique_constraint", "foreign_key_constraint") and list(const.columns):
            names = tuple(column.name.lower() for column in const.columns)
            return ("unique" if kind == "unique_constraint" else "foreignkey", names)
        sqltext_ = getattr(const, "sqltext", None)
        if sqltext_ is None or not str(sqltext_):
            return None
        return ("check", sqltext.bare(f"CHECK ({self._render.expression(sqltext_)})"))

    @staticmethod
    def shape_of(column: ColumnText | None, clause: Clause) -> Any:
        """Return what makes a constraint of the text equal to another: its kind, columns, text."""
        if clause.kind == "check":
            return ("check", sqltext.bare(clause.text))
        names = (column.name.lower(),) if column is not None else tuple(name.lower() for name in clause.columns)
        return (clause.kind, names)

    def rename_constraint(self, old_name: str, new_name: str, table_name: str, schema: str | None = None) -> None:
        """Rename a constraint.

        Raises:
            ValueError: there is no such constraint.
        """
        del table_name, schema
        for column, clause in self.table.clauses():
            if clause.name is not None and clause.name.lower() == old_name.lower():
                home = self.table.constraints if column is None else column.clauses
                home[home.index(clause)] = clause.named(new_name)
                if column is not None:
                    column.source = None
                self.reasons.append(f"name of constraint {old_name!r}")
                return
        raise ValueError(f"No such constraint: '{old_name}' of table {self._facts.name!r}")

    def name_unnamed(self, convention: dict[Any, Any]) -> None:
        """Give the constraints without a name those that a naming convention makes."""
        for column, clause in self.table.clauses():
            if clause.name is None and clause.kind in ("unique", "foreignkey", "primary", "check"):
                name = schemaobj.conventional_name(self._facts.name, convention, column, clause)
                if name is not None:
                    home = self.table.constraints if column is None else column.clauses
                    home[home.index(clause)] = clause.named(name)
                    if column is not None:
                        column.source = None

    # ---- indexes and names -----------------------------------------------------------------------------------------
    def create_index(self, index: Any, **kw: Any) -> None:
        """Create an index, on the table as it is afterwards."""
        options = {name: value for name, value in kw.items() if value is not None}
        self._native.append(ddl.CreateIndex(index, **options))
        self._after.append(self._native[-1])

    def drop_index(self, index: Any, **kw: Any) -> None:
        """Drop an index."""
        options = {name: value for name, value in kw.items() if value is not None}
        self._drop_named_index(index.name, ddl.DropIndex(index, **options))

    def _drop_named_index(self, name: str, statement: Any) -> None:
        known = next((known for known in self.indexes if known.lower() == name.lower()), None)
        if known is not None:
            del self.indexes[known]
        made = [s for s in self._after if isinstance(s, ddl.CreateIndex) and str(s.element.name) == name]
        for created in made:
            self._after.remove(created)
            self._native.remove(created)
        if not made:
            self._native.append(statement)
            self._before.append(statement)

    def rename_index(
        self, old_name: str, new_name: str, table_name: str | None = None, schema: str | None = None
    ) -> None:
        """Rename an index: drop it, and make it again under the new name.

        Raises:
            CommandError: there is no such index.
        """
        del table_name
        known = next((known for known in self.indexes if known.lower() == old_name.lower()), None)
        if known is None:
            raise CommandError(f"Table {self._facts.name!r} has no index {old_name!r} to rename")
        sql = self.indexes[known]
        items = sqltext.tokens(sql)
        at = items[next(i for i, token in enumerate(items) if token.upper == "INDEX") + 1]
        self._drop_named_index(known, _DropIndex(known, schema))
        text = sqltext.in_schema(f"{sql[: at.start]}{sqltext.quoted(new_name)}{sql[at.end :]}", schema)
        self.indexes[new_name] = text
        self._native.append(text)

    def rename_table(self, old_table_name: str, new_table_name: str, schema: str | None = None) -> None:
        """Rename the table, at the end."""
        self._native.append(statements.RenameTable(old_table_name, new_table_name, schema))
        self._after.append(self._native[-1])

    def create_table_comment(self, table: Any) -> None:
        """Set the table's comment, where there are comments."""
        self._comment(ddl.SetTableComment(table))

    def drop_table_comment(self, table: Any) -> None:
        """Remove the table's comment, where there are comments."""
        self._comment(ddl.DropTableComment(table))

    def create_column_comment(self, column: Any) -> None:
        """Set a column's comment, where there are comments."""
        self._comment(ddl.SetColumnComment(column))

    def _comment(self, statement: Any) -> None:
        if self._impl.dialect.supports_comments:
            self._after.append(statement)

    # ---- carrying out ----------------------------------------------------------------------------------------------
    def carry_out(self) -> None:
        """Run what was collected: ALTER TABLE where it can do everything, else the table is made anew.

        Raises:
            CommandError: `recreate="never"`, and ALTER TABLE cannot do it.
        """
        if self.reasons and self._recreate == "never":
            raise CommandError(
                f"Table {self._facts.name!r} would have to be made anew, which recreate='never' forbids, because of: "
                f"{'; '.join(self.reasons)}"
            )
        if self.reasons:
            self._rebuild()
        else:
            self._run_native()
        if self._reads:
            facts = rebuild.read(self._impl, self._facts.name, self._facts.schema)
            self.__init__(self._impl, facts, self._recreate, self._order)  # type: ignore[misc]

    def _run_native(self) -> None:
        for statement in self._native:
            self._impl._exec(statement)

    def _rebuild(self) -> None:
        asked, needed = self.reasons[:1], [reason for reason in self.reasons if not reason.startswith("recreate=")]
        log.info("Making table %s anew: %s", self._facts.name, "; ".join(needed or asked))
        if not self._reads:
            self._rebuild_now(None)
            return
        with rebuild.transaction(self._impl):
            original = rebuild.read(self._impl, self._facts.name, self._facts.schema)
            before = rebuild.broken_schema(self._impl, original)
            self._facts.table = original.table
            self._rebuild_now(before)

    def _rebuild_now(self, before: str | None) -> None:
        for statement in self._before:
            self._impl._exec(statement)
        self._facts.indexes = self.indexes
        self._reorder()
        values = {
            column.name: self._impl.dialect.identifier_preparer.quote(column.name)
            for column in self.table.columns
            if column.name not in self._new_columns and column.of("generated") is None
        }
        source = f"{self._impl.dialect.identifier_preparer.quote(self._facts.name)}."
        values = {name: f"{source}{value}" for name, value in values.items()}
        self._rebuilder(self._impl, self._facts, self.table, values, before).run()
        if self._reads:
            self._check_types()
        for statement in self._after:
            self._impl._exec(statement)

    def _check_types(self) -> None:
        for name, wanted in self._retyped.items():
            if self.table.find(name) is not None:
                rebuild.require_type(self._impl, self._facts, name, wanted)

    def _reorder(self) -> None:
        """Put the columns into the order that `partial_reordering` asks for; others stay where they can."""
        pairs = {
            (first.lower(), second.lower())
            for group in self._order
            for first, second in pairwise(group)
        }
        rest = list(self.table.columns)
        placed: list[ColumnText] = []
        while rest and pairs:
            open_names = {column.name.lower() for column in rest}
            free = [c for c in rest if not any(b == c.name.lower() and a in open_names for a, b in pairs)]
            if not free:
                raise CommandError("partial_reordering contradicts itself: no column can be the next one")
            placed.append(free[0])
            rest.remove(free[0])
        self.table.columns = placed + rest


class _DropIndex(ddl.ExecutableDDLElement):
    """DROP INDEX of an index known by name."""

    def __init__(self, name: str, schema: str | None) -> None:
        self.name, self.schema = name, schema

    def _text(self, render: Any) -> str:
        return f"DROP INDEX {render.table(self)}"


def _storage_of(type_: Any) -> str | None:
    """Return how SQLite must be able to store values of a type: "integer", "number", or None for anything."""
    from pyorm.types import Boolean, Date, DateTime, Float, Integer, Numeric, Time

    if isinstance(type_, (Integer, Boolean)):
        return "integer"
    if isinstance(type_, (Numeric, Float)) and not isinstance(type_, (Date, DateTime, Time)):
        return "number"
    return None
