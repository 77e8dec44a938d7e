"""PostgreSQL's enum types: create, drop, add and rename a value, and make a type anew.

A value cannot be taken out of an enum, nor its order changed: a new type takes the old one's name,
and every column is cast by the text of its values. What PostgreSQL would not let pass is taken
away before and made again from the catalog's own text: defaults, checks, exclusions, foreign keys
and indexes. Views, functions, domains and others that use the type stop it by name.

Source: PostgreSQL, ALTER TYPE; pg_depend and the pg_get_…def functions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pyorm.migrations.util.exc import CommandError
from pyorm.schema._ddl_text import DDLText
from pyorm.schema.ddl import ExecutableDDLElement

_COLUMNS = """
SELECT c.oid::regclass::text, quote_ident(a.attname), a.atttypid <> %(type)s, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated = ''
WHERE a.atttypid IN (%(type)s, %(array)s) AND c.relkind IN ('r', 'p') AND NOT a.attisdropped AND a.attinhcount = 0
ORDER BY 1, a.attnum
"""

# Constraints to take away: those that speak of the type, and keys over its columns.
_CONSTRAINTS = """
SELECT k.conrelid::regclass::text, quote_ident(k.conname), pg_get_constraintdef(k.oid)
FROM pg_constraint k
WHERE k.conrelid <> 0 AND k.conparentid = 0 AND (
    (k.contype IN ('c', 'x') AND EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_constraint'::regclass AND d.objid = k.oid
        AND d.refclassid = 'pg_type'::regclass AND d.refobjid IN (%(type)s, %(array)s)))
    OR (k.contype = 'f' AND EXISTS (
        SELECT FROM pg_attribute a WHERE a.atttypid IN (%(type)s, %(array)s)
        AND ((a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey))
             OR (a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey))))))
ORDER BY k.contype = 'f' DESC, 1, 2
"""

_INDEXES = """
SELECT DISTINCT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_depend d JOIN pg_index i ON i.indexrelid = d.objid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_type'::regclass
AND d.refobjid IN (%(type)s, %(array)s)
AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
"""

_OTHERS = """
SELECT DISTINCT pg_describe_object(d.classid, d.objid, 0)
FROM pg_depend d LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid IN (%(type)s, %(array)s) AND d.deptype <> 'i'
AND d.classid NOT IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass)
AND (c.oid IS NULL OR c.relkind NOT IN ('r', 'p', 'i', 'I'))
UNION
SELECT DISTINCT pg_describe_object('pg_class'::regclass, r.ev_class, 0)
FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
JOIN pg_attribute a ON d.refclassid = 'pg_class'::regclass AND a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE a.atttypid IN (%(type)s, %(array)s)
ORDER BY 1
"""


class _TypeStatement(ExecutableDDLElement):
    """A statement about an enum type known by its name."""

    def __init__(self, name: str, schema: str | None) -> None:
        self.name, self.schema = name, schema


class CreateEnum(_TypeStatement):
    """CREATE TYPE … AS ENUM."""

    def __init__(self, name: str, values: Sequence[str], schema: str | None) -> None:
        """Keep the values."""
        super().__init__(name, schema)
        self.values = values

    def _text(self, render: DDLText) -> str:
        return f"CREATE TYPE {render.table(self)} AS ENUM ({', '.join(map(render.literal, self.values))})"


class DropType(_TypeStatement):
    """DROP TYPE."""

    def _text(self, render: DDLText) -> str:
        return f"DROP TYPE {render.table(self)}"


class RenameType(_TypeStatement):
    """ALTER TYPE … RENAME TO."""

    def __init__(self, name: str, new_name: str, schema: str | None) -> None:
        """Keep the new name."""
        super().__init__(name, schema)
        self.new_name = new_name

    def _text(self, render: DDLText) -> str:
        return f"ALTER TYPE {render.table(self)} RENAME TO {render.quote(self.new_name)}"


class AddValue(_TypeStatement):
    """ALTER TYPE … ADD VALUE IF NOT EXISTS."""

    def __init__(self, name: str, value: str, before: str | None, after: str | None, schema: str | None) -> None:
        """Keep the value and its place."""
        super().__init__(name, schema)
        self.value, self.before, self.after = value, before, after

    def _text(self, render: DDLText) -> str:
        text = f"ALTER TYPE {render.table(self)} ADD VALUE IF NOT EXISTS {render.literal(self.value)}"
        if self.before is not None:
            return f"{text} BEFORE {render.literal(self.before)}"
        return text if self.after is None else f"{text} AFTER {render.literal(self.after)}"


class RenameValue(_TypeStatement):
    """ALTER TYPE … RENAME VALUE."""

    def __init__(self, name: str, old: str, new: str, schema: str | None) -> None:
        """Keep both values."""
        super().__init__(name, schema)
        self.old, self.new = old, new

    def _text(self, render: DDLText) -> str:
        return f"ALTER TYPE {render.table(self)} RENAME VALUE {render.literal(self.old)} TO {render.literal(self.new)}"


class _Column(NamedTuple):
    table: str
    name: str
    is_array: bool
    default: str | None


class EnumReplacement:
    """An enum type made anew.

    Args:
        impl: what runs the statements; it needs a connection.
        name: the type's name.
        values: its values afterwards.
        mapping: old value → new value, for rows of values that go.
        schema: the type's schema.
    """

    def __init__(
        self, impl: Any, name: str, values: Sequence[str], mapping: Mapping[str, str], schema: str | None
    ) -> None:
        """Read nothing yet."""
        if impl.as_sql:
            raise CommandError(
                f"op.replace_enum({name!r}) has to read which columns have the type: it cannot be written as a script"
            )
        self._impl, self._name, self._values, self._mapping, self._schema = impl, name, list(values), mapping, schema
        self._render = DDLText(impl.dialect)
        self._new = self._render.table(CreateEnum(name, values, schema))
        self._ids: dict[str, int] = {}

    def run(self) -> None:
        """Carry it out.

        Raises:
            CommandError: there is no such type, something else uses it, or rows have a value that goes; nothing
                was changed.
        """
        old = self._read_type()
        columns = [_Column(*row) for row in self._ask(_COLUMNS)]
        self._refuse_others()
        self._refuse_rows(columns, old)
        constraints, indexes = self._ask(_CONSTRAINTS), self._ask(_INDEXES)
        defaults = [self._mapped_default(column) for column in columns]
        old_name = self._free_name()
        run = self._impl._exec
        for table, constraint, _ in constraints:
            run(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        for index, _ in indexes:
            run(f"DROP INDEX {index}")
        for column in columns:
            if column.default is not None:
                run(f"ALTER TABLE {column.table} ALTER COLUMN {column.name} DROP DEFAULT")
        run(RenameType(self._name, old_name, self._schema))
        run(CreateEnum(self._name, self._values, self._schema))
        for column, default in zip(columns, defaults, strict=True):
            self._convert(column, default)
        for _, definition in indexes:
            run(definition)
        for table, constraint, definition in reversed(constraints):
            run(f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {definition}")
        run(DropType(old_name, self._schema))

    def _ask(self, sql: str) -> list[Any]:
        for name, value in self._ids.items():
            sql = sql.replace(f"%({name})s", str(int(value)))
        return list(self._impl.connection.exec_driver_sql(sql).all())

    def _read_type(self) -> list[str]:
        """Return the values the type has now."""
        found = list(
            self._impl.connection.exec_driver_sql(
                "SELECT oid::bigint, typarray::bigint FROM pg_type WHERE oid = to_regtype($1) AND typtype = 'e'",
                (self._new,),
            ).all()
        )
        if not found:
            raise CommandError(f"There is no enum type {self._new} in the database")
        self._ids = {"type": found[0][0], "array": found[0][1]}
        wrong = sorted(set(self._mapping.values()) - set(self._values))
        if wrong:
            raise CommandError(f"op.replace_enum({self._name!r}): mapping leads to {wrong}, not among the new values")
        return [
            str(row[0])
            for row in self._ask("SELECT enumlabel FROM pg_enum WHERE enumtypid = %(type)s ORDER BY enumsortorder")
        ]

    def _refuse_others(self) -> None:
        others = [str(row[0]) for row in self._ask(_OTHERS)]
        if others:
            raise CommandError(
                f"Enum type {self._new} cannot be made anew, since it is used by {', '.join(others)}. Drop these "
                "before and create them again afterwards, with op.execute(). Nothing was changed."
            )

    def _refuse_rows(self, columns: list[_Column], old: list[str]) -> None:
        gone = [value for value in old if value not in self._values and value not in self._mapping]
        if not gone:
            return
        listed = f"ARRAY[{', '.join(map(self._render.literal, gone))}]"
        told = []
        for column in columns:
            value = f"{column.name}::text"
            test = f"{value}[] && {listed}" if column.is_array else f"{value} = ANY ({listed})"
            count = self._ask(f"SELECT count(*) FROM {column.table} WHERE {test}")[0][0]
            if count:
                told.append(f"{count} rows of {column.table}.{column.name}")
        if told:
            raise CommandError(
                f"Enum type {self._new} loses {', '.join(map(repr, gone))}, which {' and '.join(told)} have. Give "
                "op.replace_enum() a mapping={old: new} for them, or update the rows before. Nothing was changed."
            )

    def _free_name(self) -> str:
        """Return a name for the old type that no other type has."""
        schema = self._schema
        for number in range(1000):
            name = f"{self._name[:50]}_old{number or ''}"
            text = self._render.table(DropType(name, schema))
            found = self._impl.connection.exec_driver_sql("SELECT to_regtype($1) IS NULL", (text,)).scalar()
            if found:
                return name
        raise CommandError(f"No name is free for the old type of {self._new}")

    def _convert(self, column: _Column, default: str | None) -> None:
        suffix = "[]" if column.is_array else ""
        value = self._mapped_array(column.name) if column.is_array else self._mapped(column.name)
        self._impl._exec(
            f"ALTER TABLE {column.table} ALTER COLUMN {column.name} TYPE {self._new}{suffix} "
            f"USING {value}::{self._new}{suffix}"
        )
        if default is not None:
            self._impl._exec(f"ALTER TABLE {column.table} ALTER COLUMN {column.name} SET DEFAULT {default}")

    def _mapped(self, name: str) -> str:
        if not self._mapping:
            return f"{name}::text"
        literal = self._render.literal
        cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in self._mapping.items())
        return f"(CASE {name}::text {cases} ELSE {name}::text END)"

    def _mapped_array(self, name: str) -> str:
        """Return an array with its elements mapped; by way of marks, so that no value is mapped twice."""
        text, literal = f"{name}::text[]", self._render.literal
        for number, old in enumerate(self._mapping):
            text = f"array_replace({text}, {literal(old)}, {literal(f'<pyorm {number}>')})"
        for number, new in enumerate(self._mapping.values()):
            text = f"array_replace({text}, {literal(f'<pyorm {number}>')}, {literal(new)})"
        return text

    def _mapped_default(self, column: _Column) -> str | None:
        """Return a default as it is afterwards: a constant as the server maps it, an expression as it stands."""
        default = column.default
        if default is None or not self._mapping or re.fullmatch(r"'(?:[^']|'')*'::[^']+", default) is None:
            return default
        value = f"({default})"
        mapped = self._mapped_array(value) if column.is_array else self._mapped(value)
        found = self._ask(f"SELECT ({mapped})::text")[0][0]
        return None if found is None else f"{self._render.literal(found)}::{self._new}{'[]' if column.is_array else ''}"
