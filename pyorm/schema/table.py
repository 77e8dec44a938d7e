"""`Table`: a FROM clause and a definition in one object."""

from __future__ import annotations

import warnings
from typing import Any

from pyorm import _core, exc
from pyorm.schema._base import BLANK_SCHEMA, SchemaItem, quoted_name
from pyorm.schema.constraints import ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint
from pyorm.schema.copying import CopyTarget
from pyorm.schema.events import fire
from pyorm.schema.indexes import Index

_RETAIN_SCHEMA: Any = object()


class Table(_core.TableClause, SchemaItem):
    """A table of a database.

    Args:
        name: its name in the database.
        metadata: the MetaData it belongs to; one Table object per name and schema in it.
        *args: columns, constraints, indexes.
        schema: its schema; None takes the MetaData's, BLANK_SCHEMA none.
        autoload_with: Engine or Connection to read the definition from.
        keep_existing, extend_existing: what to do when the name is there already.
        comment, info, quote, quote_schema, prefixes, listeners, implicit_returning: as named.
        renamed_from: what it was called before; migrations rename instead of dropping and creating.

    Raises:
        InvalidRequestError: the name is there already and neither flag is given.
        ArgumentError: an item of an unknown kind, two columns with one key.
    """

    __visit_name__ = "table"
    is_view = False
    _creator_ddl: Any = None
    _dropper_ddl: Any = None

    def __new__(cls, name: str = "", metadata: Any = None, *args: Any, **kw: Any) -> Table:
        """Return the Table registered under this name, or a new one."""
        if metadata is None:
            return super().__new__(cls)
        key = _table_key(name, _effective_schema(kw.get("schema"), metadata))
        existing = metadata.tables.get(key)
        if existing is None:
            if kw.get("must_exist"):
                raise exc.InvalidRequestError(f"Table '{key}' not defined")
            return super().__new__(cls)
        if kw.get("keep_existing") and kw.get("extend_existing"):
            raise exc.ArgumentError("keep_existing and extend_existing are mutually exclusive.")
        if not kw.get("keep_existing") and not kw.get("extend_existing") and (args or kw.get("autoload_with")):
            raise exc.InvalidRequestError(
                f"Table '{key}' is already defined for this MetaData instance.  Specify 'extend_existing=True' to "
                "redefine options and columns on an existing Table object."
            )
        table: Table = existing
        return table

    def __init__(
        self,
        name: str,
        metadata: Any,
        *args: Any,
        schema: Any = None,
        quote: bool | None = None,
        quote_schema: bool | None = None,
        autoload_with: Any = None,
        autoload_replace: bool = True,
        keep_existing: bool = False,
        extend_existing: bool = False,
        resolve_fks: bool = True,
        include_columns: Any = None,
        implicit_returning: bool = True,
        comment: str | None = None,
        info: dict[Any, Any] | None = None,
        listeners: Any = None,
        prefixes: Any = None,
        must_exist: bool = False,
        renamed_from: str | None = None,
        _creator_ddl: Any = None,
        **dialect_kw: Any,
    ) -> None:
        """Define a new table, or extend the one that __new__ found."""
        is_new = "metadata" not in self.__dict__
        if not is_new and not extend_existing:
            return
        if is_new:
            self._start(quoted_name(name, quote) if quote is not None else name, metadata, schema, quote_schema)
            self.comment, self.implicit_returning = comment, implicit_returning
            self._prefixes: list[str] = list(prefixes or ())
        if info is not None:
            self.info = info
        if renamed_from is not None:
            self.info["renamed_from"] = renamed_from
        if dialect_kw:
            self._take_dialect_options("Table", dialect_kw)
        for event_name, fn in listeners or ():
            from pyorm import event

            event.listen(self, event_name, fn)
        if autoload_with is not None:
            from pyorm.schema.reflect import reflect_table

            reflect_table(self, autoload_with, include_columns, resolve_fks, autoload_replace, args)
        for item in args:
            if item is not None:
                self._take(item)
        if is_new:
            fire(self, "before_parent_attach", self, metadata)
            metadata._table_added(self)
            fire(self, "after_parent_attach", self, metadata)

    def _start(self, name: str, metadata: Any, schema: Any, quote_schema: bool | None) -> None:
        schema = _effective_schema(schema, metadata)
        if schema is not None and quote_schema is not None:
            schema = quoted_name(schema, quote_schema)
        super().__init__(name, schema=schema)
        self.metadata = metadata
        self.key = _table_key(name, schema)
        self.constraints: set[Any] = set()
        self.indexes: set[Index] = set()
        self.foreign_keys: set[Any] = set()
        self._extra_dependencies: set[Any] = set()
        self.primary_key: PrimaryKeyConstraint = PrimaryKeyConstraint(_implicit=True)
        self.primary_key._set_parent(self)

    def _take(self, item: Any) -> None:
        if not hasattr(item, "_set_parent"):
            raise exc.ArgumentError(
                f"'SchemaItem' object, such as a 'Column' or a 'Constraint' expected, got {item!r} "
                f"in Table '{self.description}'"
            )
        item._set_parent(self)

    def _add_column(self, column: Any, replace: bool = True) -> None:
        """Take a column: seal it, then what hangs on it (keys, unique, index, checks)."""
        if column.name is None:
            raise exc.ArgumentError(f"Column must be constructed with a non-blank name (Table '{self.description}')")
        if column.table is not None and column.table is not self:
            raise exc.ArgumentError(
                f"Column object '{column.key}' already assigned to Table '{column.table.description}'"
            )
        if column.key in self.c and self.c[column.key] is not column:
            if not replace or "metadata" not in self.__dict__ or self.key not in self.metadata.tables:
                raise exc.DuplicateColumnError(
                    f"A column with name '{column.key}' is already present in table '{self.description}'."
                )
            self._forget_column(self.c[column.key])
        fire(column, "before_parent_attach", column, self)
        self._attach(column)
        if column.default is not None and column.default.is_sequence:
            self.metadata._sequences.setdefault(column.default._key, column.default)
        self.primary_key._column_added(column)
        if column.constraints:
            for constraint in list(column.constraints):
                constraint._set_table(self)
        if column._type_check is not None:
            column._type_check._set_table(self)
        if column.foreign_keys:
            for fk in list(column.foreign_keys):
                fk._set_table(self)
        if column.index:
            Index(None, column, unique=bool(column.unique), _column_flag=True)
        elif column.unique:
            UniqueConstraint(column, _column_flag=True)
        fire(column, "after_parent_attach", column, self)

    def _forget_column(self, column: Any) -> None:
        """Drop what a replaced column brought along."""
        for fk in list(column.foreign_keys):
            self.foreign_keys.discard(fk)
            self.constraints.discard(fk.constraint)
        if self.primary_key.contains_column(column):
            self.primary_key._resolved = [c for c in self.primary_key._resolved if c is not column]
        self._detach(column)

    def append_column(self, column: Any, *, replace_existing: bool = False) -> None:
        """Add a column; `replace_existing` allows one with the same key to give way."""
        if column.key in self.c and not replace_existing:
            raise exc.DuplicateColumnError(
                f"A column with name '{column.key}' is already present in table '{self.description}'.  "
                "Specify replace_existing=True to Table.append_column() to replace an existing column."
            )
        column._set_parent(self)

    def append_constraint(self, constraint: Any) -> None:
        """Add a constraint."""
        constraint._set_parent(self)

    def set_creator_ddl(self, ddl: Any) -> None:
        """Say which statement creates the table, in place of CREATE TABLE."""
        self._creator_ddl = ddl

    def set_dropper_ddl(self, ddl: Any) -> None:
        """Say which statement drops the table, in place of DROP TABLE."""
        self._dropper_ddl = ddl

    def add_is_dependent_on(self, table: Any) -> None:
        """Say that this table comes after another one in dependency order."""
        self._extra_dependencies.add(table)

    def create(self, bind: Any, checkfirst: Any = None) -> None:
        """Emit CREATE TABLE and CREATE INDEX for this table, and CREATE TYPE for types it needs.

        Args:
            bind: an Engine or a Connection.
            checkfirst: True asks the database first whether the table exists, False asks nothing; left out, only
                types are asked for. A CheckFirst says it by kind.
        """
        from pyorm.schema.create import CheckFirst, create_table

        create_table(bind, self, CheckFirst.TYPES if checkfirst is None else checkfirst)

    def drop(self, bind: Any, checkfirst: Any = False) -> None:
        """Emit DROP TABLE for this table; `checkfirst` as for create()."""
        from pyorm.schema.create import drop_table

        drop_table(bind, self, checkfirst)

    def to_metadata(
        self, metadata: Any, schema: Any = _RETAIN_SCHEMA, referred_schema_fn: Any = None, name: str | None = None
    ) -> Table:
        """Return a copy of this table in another MetaData; one that is there already is returned with a warning.

        Args:
            metadata: where the copy goes.
            schema: its schema there; left out it keeps this one's, None takes the MetaData's.
            referred_schema_fn: `(table, to_schema, constraint, referred_schema) -> schema` for foreign keys;
                left out, a key into the table's own schema follows the copy and any other stays.
            name: its name there; None keeps this one's.
        """
        name = name or self.name
        schema = self.schema if schema is _RETAIN_SCHEMA else metadata.schema if schema is None else schema
        key = _table_key(name, schema)
        present: Table | None = metadata.tables.get(key)
        if present is not None:
            warnings.warn(
                f"Table '{present.name}' already exists within the given MetaData - not copying.",
                exc.SAWarning, stacklevel=2,
            )  # fmt: skip
            return present
        to = CopyTarget(self, schema, name, referred_schema_fn)
        table = Table(
            name, metadata, *[column._copy(to=to) for column in self.c], schema=schema, comment=self.comment,
            prefixes=self._prefixes, info=dict(self.info) if "_info" in self.__dict__ else None, **self.dialect_kwargs,
        )  # fmt: skip
        for constraint in sorted(self.constraints, key=lambda c: c._order):
            if not _belongs_to_columns(constraint):
                table.append_constraint(constraint._copy(to=to))
        for index in sorted(self.indexes, key=lambda i: i._order):
            if not index._column_flag:
                index._copy()._set_parent(table)
        return table

    tometadata = to_metadata

    @property
    def description(self) -> str:
        """The name as messages show it, with the schema."""
        return self.fullname

    @property
    def fullname(self) -> str:
        """`schema.name`, or the name."""
        return f"{self.schema}.{self.name}" if self.schema else str(self.name)

    @property
    def foreign_key_constraints(self) -> set[Any]:
        """The ForeignKeyConstraint objects of the table."""
        return {fk.constraint for fk in self.foreign_keys if fk.constraint is not None}

    @property
    def autoincrement_column(self) -> Any:
        """The column that the database numbers, or None."""
        return self.primary_key._autoincrement_column

    _autoincrement_column = autoincrement_column

    def __str__(self) -> str:
        """Return the full name."""
        return self.fullname

    def __repr__(self) -> str:
        """Return the definition in the form it would be written."""
        parts = [repr(str(self.name)), repr(self.metadata), *[repr(c) for c in self.c], f"schema={self.schema!r}"]
        return f"Table({', '.join(parts)})"


def _belongs_to_columns(constraint: Any) -> bool:
    """Return whether a column's copy already brings this constraint along."""
    if isinstance(constraint, PrimaryKeyConstraint):
        return constraint._implicit
    if getattr(constraint, "_column_flag", False) or constraint._type_bound:
        return True
    if isinstance(constraint, ForeignKeyConstraint):
        return all(fk._is_own for fk in constraint.elements)
    return isinstance(constraint.parent, _core.ColumnClause)


def _table_key(name: str, schema: str | None) -> str:
    return f"{schema}.{name}" if schema else str(name)


def _effective_schema(schema: Any, metadata: Any) -> Any:
    if schema is BLANK_SCHEMA:
        return None
    return metadata.schema if schema is None else schema
