"""A batch with `recreate="always"` on PostgreSQL: the table is made anew there too, when somebody asks.

ALTER TABLE can do everything there except for the order of columns. The definition comes from the
catalog (or `copy_from`), indexes and triggers are made again from the server's own text, numbers
go on where they were. What is not known how to keep stops it: policies, privileges, exclusions;
views and foreign keys of other tables stop DROP TABLE by themselves.
"""

from __future__ import annotations

from typing import Any

from pyorm.migrations.operations import rebuild
from pyorm.migrations.operations.batch_sqlite import apply
from pyorm.migrations.operations.changes import Changes
from pyorm.migrations.operations.rebuild import Facts
from pyorm.migrations.operations.tabletext import parse
from pyorm.migrations.util.exc import CommandError
from pyorm.schema import MetaData, Table, ddl

_TRIGGERS = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = $1::regclass AND NOT tgisinternal"
_LOST = """
SELECT 'policy ' || polname FROM pg_policy WHERE polrelid = $1::regclass
UNION SELECT 'exclusion ' || conname FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'x'
UNION SELECT 'privileges' FROM pg_class WHERE oid = $1::regclass AND relacl IS NOT NULL
UNION SELECT 'partitions' FROM pg_class WHERE oid = $1::regclass AND relkind = 'p' ORDER BY 1
"""


def flush(impl: Any, batch: Any) -> None:
    """Carry out what a batch has collected, on a table made anew.

    Raises:
        CommandError: in a script, without `copy_from`; or the table has something that would be lost.
    """
    table = batch.copy_from
    if table is None:
        if impl.as_sql:
            raise CommandError(
                f'This operation cannot proceed in --sql mode; batch mode with recreate="always" requires a live '
                f'database connection with which to reflect the table "{batch.table_name}". Give copy_from=… a Table '
                "that says what is there."
            )
        table = Table(
            batch.table_name,
            MetaData(),
            *batch.reflect_args,
            schema=batch.schema,
            autoload_with=impl.connection,
            **batch.reflect_kwargs,
        )
    create = ddl.CreateTable(table).compile(dialect=impl.dialect).string
    facts = Facts(str(table.name), batch.schema, parse(create))
    for index in sorted(table.indexes, key=lambda i: i._order):
        facts.indexes[str(index.name)] = ddl.CreateIndex(index).compile(dialect=impl.dialect).string.strip()
    commented = [(None, table.comment), *((column.name, column.comment) for column in table.c)]
    facts.comments = {name: text for name, text in commented if text is not None}
    changes = Changes(impl, facts, "always", batch.partial_reordering, PostgresqlRebuild)
    apply(changes, batch)


class PostgresqlRebuild(rebuild.Rebuild):
    """One table of PostgreSQL made anew."""

    def run(self) -> None:
        """Carry it out."""
        old, temporary = self._name(self._old.name), self._name(self._temporary)
        triggers = [] if self._impl.as_sql else self._triggers(old)
        for _column, clause in self._old.table.clauses():
            if clause.name is not None:
                self._impl._exec(f"ALTER TABLE {old} DROP CONSTRAINT {self._write_name(clause.name)}")
        self._impl._exec(self._new.write(temporary))
        self._impl._exec(self._copy(old, temporary))
        if not self._impl.as_sql:
            self._count(old, temporary)
        self._impl._exec(f"DROP TABLE {old}")
        self._impl._exec(f"ALTER TABLE {temporary} RENAME TO {self._write_name(self._old.name)}")
        self._number(old)
        for sql in [*self._old.indexes.values(), *triggers]:
            self._impl._exec(sql)
        for column, text in self._old.comments.items():
            if column is None:
                self._impl._exec(f"COMMENT ON TABLE {old} IS '{_escaped(text)}'")
            elif self._new.find(column) is not None:
                self._impl._exec(f"COMMENT ON COLUMN {old}.{self._write_name(column)} IS '{_escaped(text)}'")

    def _triggers(self, old: str) -> list[str]:
        ask = self._impl.connection.exec_driver_sql
        lost = [str(row[0]) for row in ask(_LOST, (old,)).all()]
        if lost:
            raise CommandError(
                f"Table {self._old.name!r} has {', '.join(lost)}, which a table made anew would lose. Leave "
                "recreate='always' away: PostgreSQL changes it by ALTER TABLE."
            )
        return [str(row[1]) for row in ask(_TRIGGERS, (old,)).all()]

    def _rowid(self) -> str | None:
        return None

    def _copy(self, old: str, temporary: str) -> str:
        text = super()._copy(old, temporary)
        is_always = any(
            clause.kind == "identity" and "ALWAYS" in clause.text.upper() for _, clause in self._new.clauses()
        )
        return text.replace(") SELECT ", ") OVERRIDING SYSTEM VALUE SELECT ", 1) if is_always else text

    def _number(self, table: str) -> None:
        """Let the numbers of SERIAL and identity columns go on, in sequences of the usual names."""
        for column in self._new.columns:
            is_serial = column.type_text.upper().endswith("SERIAL")
            if not is_serial and column.of("identity") is None:
                continue
            name = self._write_name(column.name)
            made = self._name(f"{self._temporary}_{column.name}_seq")
            usual = self._write_name(f"{self._old.name}_{column.name}_seq")
            self._impl._exec(f"ALTER SEQUENCE {made} RENAME TO {usual}")
            text, literal = table.replace("'", "''"), column.name.replace("'", "''")
            self._impl._exec(
                f"SELECT setval(pg_get_serial_sequence('{text}', '{literal}'), coalesce(max({name}), 0) + 1, false) "
                f"FROM {table}"
            )


def _escaped(text: str) -> str:
    return text.replace("'", "''")
