"""The text of CREATE, DROP, ALTER and COMMENT, by database.

One renderer per statement; what differs between the databases is asked by `dialect.name`, so that a line of the
text stands in one place only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyorm import _core, exc
from pyorm.schema._base import option
from pyorm.schema.constraints import CheckConstraint, ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint

# CREATE INDEX takes a column or a function call bare; anything else in parentheses (PostgreSQL, CREATE INDEX).
NEED_PARENTHESES = (_core.BinaryExpression, _core.BooleanClauseList, _core.Case, _core.Cast)
_SERIAL = {"INTEGER": "SERIAL", "BIGINT": "BIGSERIAL", "SMALLINT": "SMALLSERIAL"}


class DDLText:
    """Renders schema objects for one dialect.

    Args:
        dialect: a dialect object; its `name` decides.
        schema_translate_map: replaces schema names while rendering, or None.
    """

    def __init__(self, dialect: Any, schema_translate_map: dict[Any, Any] | None = None) -> None:
        """Keep the dialect."""
        self.dialect, self.name = dialect, dialect.name
        self._schemas = schema_translate_map

    # ---- names and expressions ---------------------------------------------------------------------------------
    def quote(self, name: str) -> str:
        """Return an identifier, quoted where it has to be."""
        return _core.quote_identifier(name, self.name)

    def schema_of(self, item: Any) -> str | None:
        """Return the schema to render, after translation."""
        schema: str | None = item.schema
        return self._schemas.get(schema, schema) if self._schemas else schema

    def table(self, table: Any) -> str:
        """Return a table's (or sequence's) name with its schema."""
        schema = self.schema_of(table)
        return f"{self.quote(schema)}.{self.quote(table.name)}" if schema else self.quote(table.name)

    def literal(self, text: str) -> str:
        """Return a str as a quoted SQL string."""
        return "'" + text.replace("'", "''") + "'"

    def expression(self, expression: Any, **kw: Any) -> str:
        """Return an expression with its values inline and its columns without their table."""
        return _core.compile_string(expression, self.dialect, literal_binds=True, include_table=False, **kw)

    def constraint_name(self, constraint: Any) -> str:
        """Return `CONSTRAINT name `, or nothing for an unnamed constraint."""
        return f"CONSTRAINT {self.quote(constraint.name)} " if constraint.name is not None else ""

    # ---- CREATE TABLE ------------------------------------------------------------------------------------------
    def create_table(self, table: Any, if_not_exists: bool = False, keys: Any = None) -> str:
        """Return CREATE TABLE; `keys` are the foreign keys to render inline, None all of them."""
        parts = [self._column_in_table(column) for column in table.c if not column.system]
        parts += [text for c in self._constraints(table, keys) if (text := self.constraint_in_table(c))]
        prefixes = "".join(f"{p} " for p in table._prefixes)
        exists = "IF NOT EXISTS " if if_not_exists else ""
        body = ", \n\t".join(parts)
        return f"\nCREATE {prefixes}TABLE {exists}{self.table(table)} (\n\t{body}\n){self._after(table)}\n\n"

    def _column_in_table(self, column: Any) -> str:
        try:
            text = self.column(column)
        except exc.CompileError as error:
            raise exc.CompileError(
                f"(in table '{column.table.description}', column '{column.name}'): {error.args[0]}"
            ) from error
        for constraint in sorted(column.constraints, key=lambda c: c._order):
            rendered = self.constraint_in_table(constraint)
            if rendered and isinstance(constraint, CheckConstraint):
                text += f" {rendered}"
        return text

    def column(self, column: Any) -> str:
        """Return a column's definition: name, type, default, nullability."""
        if self.name == "sqlite":
            return self._sqlite_column(column)
        text = f"{self.quote(column.name)} {self._type(column)}"
        identity = column.identity
        if column.computed is not None:
            text += f" {self._computed(column.computed)}"
        if identity is not None:
            text += f" {self._identity(identity)}"
        elif not self._is_serial(column) and (default := self.default(column)) is not None:
            text += f" DEFAULT {default}"
        if not column.nullable and identity is None:
            text += " NOT NULL"
        elif column.nullable and identity is not None:
            text += " NULL"
        return text

    def _type(self, column: Any) -> str:
        if self.name == "default":
            return str(column.type)
        text = column.type.compile(dialect=self.dialect)
        return str(_SERIAL.get(text, text) if self._is_serial(column) else text)

    def _is_serial(self, column: Any) -> bool:
        """Return whether PostgreSQL makes a sequence for the column; a reflected default may be one it has made."""
        if self.name != "postgresql" or column.identity is not None:
            return False
        made = column.server_default
        if made is not None and not made.reflected:
            return False
        return column is column.table._autoincrement_column and (column.default is None or column.default.optional)

    def _sqlite_column(self, column: Any) -> str:
        text = f"{self.quote(column.name)} {column.type.compile(dialect=self.dialect)}"
        if (default := self.default(column)) is not None:
            text += f" DEFAULT {default}"
        if not column.nullable:
            text += " NOT NULL" + self._on_conflict(column, "on_conflict_not_null")
        if column.primary_key and column.autoincrement is True and len(column.table.primary_key) != 1:
            raise exc.CompileError("SQLite does not support autoincrement for composite primary keys")
        if column.primary_key and self._is_autoincrement(column.table):
            text += " PRIMARY KEY" + self._on_conflict(column, "on_conflict_primary_key") + " AUTOINCREMENT"
        if column.computed is not None:
            text += f" {self._computed(column.computed)}"
        return text

    def _is_autoincrement(self, table: Any) -> bool:
        column = table._autoincrement_column
        return column is not None and bool(option(table, "sqlite", "autoincrement")) and not column.foreign_keys

    def _on_conflict(self, item: Any, name: str) -> str:
        action = option(item, "sqlite", name)
        return f" ON CONFLICT {action}" if action and self.name == "sqlite" else ""

    def default(self, column: Any) -> str | None:
        """Return the text behind DEFAULT, or None."""
        default = column.server_default
        if default is None or not default.has_argument:
            return None
        if isinstance(default.arg, str):
            return self.literal(default.arg)
        text = self.expression(default.arg)
        if self.name == "sqlite" and not text.startswith("(") and not _is_simple(text):
            return f"({text})"
        return text

    def _computed(self, computed: Any) -> str:
        if self.name == "postgresql" and computed.persisted is False and not self._has_virtual():
            raise exc.CompileError(
                "PostgreSQL computed columns do not support 'virtual' persistence before version 18; "
                "set the 'persisted' flag to None or True for PostgreSQL support."
            )
        text = f"GENERATED ALWAYS AS ({self.expression(computed.sqltext)})"
        if computed.persisted is None:
            return text + (" STORED" if self.name == "postgresql" else "")
        return text + (" STORED" if computed.persisted else " VIRTUAL")

    def _has_virtual(self) -> bool:
        version: tuple[int, ...] = getattr(self.dialect, "server_version_info", None) or (0,)
        return version[0] >= 18

    def _identity(self, identity: Any) -> str:
        text = f"GENERATED {'ALWAYS' if identity.always else 'BY DEFAULT'} AS IDENTITY"
        options = self.sequence_options(identity)
        return f"{text} ({options})" if options else text

    def sequence_options(self, sequence: Any) -> str:
        """Return the options of an identity or a sequence, in the order the documentation lists them."""
        parts = []
        if sequence.increment is not None:
            parts.append(f"INCREMENT BY {sequence.increment:d}")
        if sequence.start is not None:
            parts.append(f"START WITH {sequence.start:d}")
        if sequence.minvalue is not None:
            parts.append(f"MINVALUE {sequence.minvalue:d}")
        if sequence.maxvalue is not None:
            parts.append(f"MAXVALUE {sequence.maxvalue:d}")
        if sequence.nominvalue:
            parts.append("NO MINVALUE")
        if sequence.nomaxvalue:
            parts.append("NO MAXVALUE")
        if sequence.cache is not None:
            parts.append(f"CACHE {sequence.cache:d}")
        if sequence.cycle is not None:
            parts.append("CYCLE" if sequence.cycle else "NO CYCLE")
        return " ".join(parts)

    def _constraints(self, table: Any, keys: Any) -> list[Any]:
        """Return the constraints that stand in CREATE TABLE, in the order they were made."""
        chosen: list[Any] = []
        if len(table.primary_key) and not (self.name == "sqlite" and self._is_autoincrement(table)):
            chosen.append(table.primary_key)
        for constraint in sorted(table.constraints, key=lambda c: c._order):
            if constraint is table.primary_key or getattr(constraint, "is_column_level", False):
                continue
            if getattr(constraint, "_isolated", False):
                continue
            if isinstance(constraint, ForeignKeyConstraint) and not self._is_inline(constraint, keys):
                continue
            chosen.append(constraint)
        chosen += [column._type_check for column in table.c if column._type_check is not None]
        return chosen

    def _is_inline(self, key: Any, keys: Any) -> bool:
        if self.name == "sqlite":  # no ALTER TABLE ADD CONSTRAINT; a key into another database file cannot exist
            return bool(key.referred_table.schema == key.table.schema)
        return not key.use_alter if keys is None else key in keys

    def _after(self, table: Any) -> str:
        """Return what stands behind the closing parenthesis."""
        if self.name == "sqlite":
            flags = [" WITHOUT ROWID"] if option(table, "sqlite", "with_rowid", True) is False else []
            flags += [" STRICT"] if option(table, "sqlite", "strict") else []
            return "\n" + ",\n".join(flags) if flags else ""
        if self.name != "postgresql":
            return ""
        text = ""
        if inherits := option(table, "postgresql", "inherits"):
            names = (inherits,) if isinstance(inherits, str) else inherits
            text += f"\n INHERITS ({', '.join(self.quote(n) for n in names)})"
        if partition := option(table, "postgresql", "partition_by"):
            text += f"\n PARTITION BY {partition}"
        if using := option(table, "postgresql", "using"):
            text += f"\n USING {using}"
        if storage := option(table, "postgresql", "with"):
            text += f"\n WITH ({self._storage(storage)})"
        if (oids := option(table, "postgresql", "with_oids")) is not None:
            text += "\n WITH OIDS" if oids else "\n WITHOUT OIDS"
        if action := option(table, "postgresql", "on_commit"):
            text += f"\n ON COMMIT {action.replace('_', ' ').upper()}"
        if tablespace := option(table, "postgresql", "tablespace"):
            text += f"\n TABLESPACE {self.quote(tablespace)}"
        return text

    @staticmethod
    def _storage(parameters: dict[str, Any]) -> str:
        return ", ".join(f"{name} = {value}" for name, value in parameters.items())

    # ---- constraints -------------------------------------------------------------------------------------------
    def constraint_in_table(self, constraint: Any) -> str:
        """Return a constraint's definition in CREATE TABLE; nothing where `ddl_if()` says so."""
        condition = constraint._ddl_if
        if condition is not None:
            from pyorm.schema.ddl import AddConstraint

            ddl = AddConstraint(constraint, isolate_from_table=False)
            if not condition.holds(ddl, constraint, None, self.dialect, self):
                return ""
        return self.constraint(constraint)

    def constraint(self, constraint: Any) -> str:
        """Return a constraint's definition; nothing where it does not exist on this database."""
        rule = getattr(constraint, "_applies_to", None)
        if rule is not None and not rule(self.dialect):
            return ""
        return self.constraint_name(constraint) + self._renderer(constraint)(constraint)

    def keyword(self, text: str) -> str:
        """Return a keyword of the definition, checked to be one."""
        return _keyword(text, lower=True)

    def _renderer(self, constraint: Any) -> Callable[[Any], str]:
        for cls, render in (
            (PrimaryKeyConstraint, self._primary_key),
            (UniqueConstraint, self._unique),
            (CheckConstraint, self._check),
            (ForeignKeyConstraint, self._foreign_key),
        ):
            if isinstance(constraint, cls):
                return render
        own = getattr(constraint, "_text", None)  # EXCLUDE writes itself
        if own is not None:
            return lambda c: own(self) + self._deferred(c)
        raise exc.CompileError(f"{type(constraint).__name__} has no form in {self.name}")

    def _columns(self, columns: Any) -> str:
        return ", ".join(self.quote(c.name) for c in columns)

    def _primary_key(self, key: Any) -> str:
        columns = list(key)
        if key._implicit and self.name != "sqlite":  # the column that numbers itself leads the index
            columns.sort(key=lambda c: c is not key._autoincrement_column)
        text = f"PRIMARY KEY ({self._columns(columns)})"
        return text + self._include(key) + self._deferred(key) + self._on_conflict(key, "on_conflict")

    def _unique(self, unique: Any) -> str:
        nulls = ""
        if self.name == "postgresql" and (flag := option(unique, "postgresql", "nulls_not_distinct")) is not None:
            nulls = "NULLS NOT DISTINCT " if flag else "NULLS DISTINCT "
        text = f"UNIQUE {nulls}({self._columns(unique)})" + self._include(unique) + self._deferred(unique)
        conflict = self._on_conflict(unique, "on_conflict")
        if not conflict and len(unique) == 1:
            conflict = self._on_conflict(next(iter(unique)), "on_conflict_unique")
        return text + conflict

    def _include(self, item: Any) -> str:
        if self.name != "postgresql" or not (names := option(item, "postgresql", "include")):
            return ""
        return f" INCLUDE ({', '.join(self.quote(getattr(n, 'name', n)) for n in names)})"

    def _check(self, check: Any) -> str:
        text = f"CHECK ({self.expression(check.sqltext)})" + self._deferred(check)
        return text + self._on_conflict(check, "on_conflict") + self._not_valid(check)

    def _foreign_key(self, key: Any) -> str:
        remote = key.elements[0].column.table
        # SQLite's REFERENCES takes no schema: the table is one of the same file.
        target = self.quote(remote.name) if self.name == "sqlite" else self.table(remote)
        text = f"FOREIGN KEY({self._columns(key)}) REFERENCES {target} "
        text += f"({self._columns(fk.column for fk in key.elements)})"
        if key.match is not None:
            text += f" MATCH {_keyword(key.match)}"
        if key.ondelete is not None:
            text += f" ON DELETE {_keyword(key.ondelete)}"
        if key.onupdate is not None:
            text += f" ON UPDATE {_keyword(key.onupdate)}"
        return text + self._deferred(key) + self._not_valid(key)

    def _deferred(self, constraint: Any) -> str:
        text = ""
        if constraint.deferrable is not None:
            text += " DEFERRABLE" if constraint.deferrable else " NOT DEFERRABLE"
        if constraint.initially is not None:
            text += f" INITIALLY {_keyword(constraint.initially)}"
        return text

    def _not_valid(self, constraint: Any) -> str:
        return " NOT VALID" if self.name == "postgresql" and option(constraint, "postgresql", "not_valid") else ""

    # ---- indexes -----------------------------------------------------------------------------------------------
    def create_index(self, index: Any, if_not_exists: bool = False) -> str:
        """Return CREATE INDEX."""
        if index.table is None:
            raise exc.CompileError(f"Index '{index.name}' is not associated with any table.")
        pg = self.name == "postgresql"
        text = "CREATE UNIQUE INDEX " if index.unique else "CREATE INDEX "
        if pg and option(index, "postgresql", "concurrently"):
            text += "CONCURRENTLY "
        text += ("IF NOT EXISTS " if if_not_exists else "") + self._index_target(index)
        if pg and (using := option(index, "postgresql", "using")):
            text += f" USING {_keyword(using, lower=True)}"
        text += f" ({', '.join(self._index_element(index, e) for e in index.expressions)})" + self._include(index)
        if pg:
            text += self._index_options(index)
        where = option(index, self.name, "where") if self.name in ("postgresql", "sqlite") else None
        if where is not None:
            text += f" WHERE {self.expression(_core.text(where) if isinstance(where, str) else where)}"
        return text

    def _index_target(self, index: Any) -> str:
        schema = self.schema_of(index.table)
        if self.name == "sqlite" and schema:
            return f"{self.quote(schema)}.{self.quote(index.name)} ON {self.quote(index.table.name)}"
        return f"{self.quote(index.name)} ON {self.table(index.table)}"

    def _index_options(self, index: Any) -> str:
        text = ""
        if (flag := option(index, "postgresql", "nulls_not_distinct")) is not None:
            text += " NULLS NOT DISTINCT" if flag else " NULLS DISTINCT"
        if storage := option(index, "postgresql", "with"):
            text += f" WITH ({self._storage(storage)})"
        if tablespace := option(index, "postgresql", "tablespace"):
            text += f" TABLESPACE {self.quote(tablespace)}"
        return text

    def _index_element(self, index: Any, element: Any) -> str:
        if isinstance(element, _core.ColumnClause):
            text = self.quote(element.name)
        else:
            text = self.expression(element)
            if self.name == "postgresql" and isinstance(element, NEED_PARENTHESES):
                text = f"({text})"
        operators = option(index, "postgresql", "ops") if self.name == "postgresql" else None
        key = getattr(element, "key", None)
        return f"{text} {operators[key]}" if operators and key in operators else text


def _is_simple(text: str) -> bool:
    """Return whether SQLite takes this DEFAULT without parentheses: a constant or a keyword."""
    if text.upper() in ("CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "NULL", "TRUE", "FALSE"):
        return True
    body = text[1:] if text[:1] in "+-" else text
    if body.replace(".", "", 1).isdigit():
        return True
    return len(text) > 1 and text[0] == text[-1] == "'" and "'" not in text[1:-1].replace("''", "")


_KEYWORDS = frozenset(
    [
        *"CASCADE RESTRICT FULL PARTIAL SIMPLE DEFERRED IMMEDIATE BTREE HASH GIN GIST SPGIST BRIN".split(),
        *("SET NULL", "SET DEFAULT", "NO ACTION"),
    ]
)


def _keyword(text: str, lower: bool = False) -> str:
    """Return a keyword of the definition; anything that is not one word-like phrase is refused."""
    cleaned = " ".join(text.split())
    if cleaned.upper() not in _KEYWORDS and not cleaned.replace("_", "").replace(" ", "").replace("(", "").replace(
        ")", ""
    ).replace(",", "").isalnum():
        raise exc.CompileError(f"Unexpected SQL phrase: {text!r}")
    return cleaned.lower() if lower else cleaned
