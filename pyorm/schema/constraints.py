"""Constraints and indexes of tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from pyorm import _core, exc
from pyorm.schema._base import ConditionalDDL, SchemaItem
from pyorm.schema.copying import CopyTarget
from pyorm.schema.events import fire

creation_order = count()  # CREATE TABLE lists constraints in the order they were made


class Constraint(ConditionalDDL, SchemaItem):
    """Base of table constraints.

    Args:
        name: the constraint's name; None leaves it to the naming convention or the database.
        deferrable, initially: DEFERRABLE and INITIALLY of the definition.
        info: a dict for the application.
        comment: PostgreSQL's COMMENT ON CONSTRAINT.
    """

    __visit_name__ = "constraint"
    deferrable: bool | None = None
    initially: str | None = None
    comment: str | None = None
    _type_bound = False
    table: Any = None
    parent: Any = None

    def __init__(
        self,
        name: str | None = None,
        deferrable: bool | None = None,
        initially: str | None = None,
        info: dict[Any, Any] | None = None,
        comment: str | None = None,
        _type_bound: bool = False,
        **dialect_kw: Any,
    ) -> None:
        """Keep what every kind of constraint has."""
        self.name = name
        if deferrable is not None:
            self.deferrable = deferrable
        if initially is not None:
            self.initially = initially
        if comment is not None:
            self.comment = comment
        if _type_bound:
            self._type_bound = True
        self._order = next(creation_order)
        if info is not None:
            self.info = info
        if dialect_kw:
            self._take_dialect_options(type(self).__name__, dialect_kw)

    def _set_parent(self, parent: Any) -> None:
        self.parent = parent
        if isinstance(parent, _core.ColumnClause):
            parent._add_constraint(self)
            if parent.table is not None:
                self._set_table(parent.table)
        else:
            self._set_table(parent)

    def _set_table(self, table: Any) -> None:
        fire(self, "before_parent_attach", self, table)
        self.table = table
        table.constraints.add(self)
        table.metadata._constraint_added(self, table)
        fire(self, "after_parent_attach", self, table)

    def _options(self) -> dict[str, Any]:
        """Return the keyword arguments that a copy takes."""
        return {
            "name": self.name,
            "deferrable": self.deferrable,
            "initially": self.initially,
            "comment": self.comment,
            "info": dict(self.info) if "_info" in self.__dict__ else None,
            **self.dialect_kwargs,
        }

    def _copied(self, copy: Any) -> Any:
        """Give a copy what no argument carries: the condition of `ddl_if()`."""
        copy._ddl_if = self._ddl_if
        return copy


class ColumnCollectionConstraint(Constraint):
    """A constraint over columns of its table, given by object or by key."""

    def __init__(self, *columns: Any, _autoattach: bool = True, **kw: Any) -> None:
        """Keep the columns until the table is known; attach at once if every column already has one."""
        super().__init__(**kw)
        self._pending: list[Any] = [_as_column(c) for c in columns]
        self._resolved: list[Any] = []
        if _autoattach and self._pending:
            table = self._table_of_all()
            if table is not None:
                self._set_parent(table)

    def _table_of_all(self) -> Any:
        """Return the table that all columns belong to; None while one has none or is only named."""
        tables: dict[int, Any] = {}
        for column in self._pending:
            if not isinstance(column, _core.ColumnClause):
                return None
            tables[id(column.table)] = column.table
        known = [table for table in tables.values() if table is not None]
        if len(known) > 1:
            names = ", ".join(sorted(t.description for t in known))
            raise exc.ArgumentError(f"Column(s) of one {type(self).__name__} are part of several tables: {names}")
        return known[0] if len(tables) == 1 and known else None

    @property
    def columns(self) -> Any:
        """The columns, as a collection by key."""
        return _core.ColumnCollection([(c.key, c) for c in self._resolved])

    c = columns

    def _set_table(self, table: Any) -> None:
        self._resolved = [self._find(table, column) for column in self._pending]  # a naming convention asks for them
        super()._set_table(table)

    def _find(self, table: Any, column: Any) -> Any:
        if not isinstance(column, str):
            return column
        try:
            return table.c[column]
        except KeyError:
            raise exc.ConstraintColumnNotFoundError(
                f"Can't create {type(self).__name__} on table '{table.description}': no column named '{column}' is "
                f"present. It has: {', '.join(table.c.keys()) or 'no columns'}"
            ) from None

    def contains_column(self, column: Any) -> bool:
        """Return whether the constraint covers this column object."""
        return any(c is column for c in self._resolved)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the columns."""
        return iter(self._resolved)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self._resolved)

    def _keys(self) -> list[str]:
        return [c if isinstance(c, str) else c.key for c in self._pending]

    def _copy(self, **kw: Any) -> ColumnCollectionConstraint:
        return self._copied(  # type: ignore[no-any-return]
            type(self)(*self._keys(), _autoattach=False, **self._options())
        )


class PrimaryKeyConstraint(ColumnCollectionConstraint):
    """The primary key; every table has one object of this kind, empty where no column says `primary_key`."""

    __visit_name__ = "primary_key_constraint"

    def __init__(self, *columns: Any, _implicit: bool = False, **kw: Any) -> None:
        """Keep whether the table made it or the user."""
        self._implicit = _implicit
        super().__init__(*columns, **kw)

    def _set_table(self, table: Any) -> None:
        if table.primary_key is not self:
            table.constraints.discard(table.primary_key)
            table.primary_key = self
        super()._set_table(table)
        marked = [c for c in table.c if c.primary_key]
        if not self._resolved:
            self._resolved = marked
        for column in self._resolved:
            column.primary_key = True
            if not column._user_nullable:
                column.nullable = False

    def _column_added(self, column: Any) -> None:
        """Take a column that the table got after the constraint."""
        if column.primary_key and not self.contains_column(column):
            self._resolved.append(column)

    @property
    def _autoincrement_column(self) -> Any:
        """The integer column whose value the database makes, or None."""
        explicit = [c for c in self._resolved if c.autoincrement is True]
        if len(explicit) > 1:
            raise exc.ArgumentError(
                f"Only one Column may be marked autoincrement=True, found both {explicit[1].name} and "
                f"{explicit[0].name}."
            )
        if explicit:
            return self._told_to_increment(explicit[0])
        if len(self._resolved) != 1:
            return None
        column = self._resolved[0]
        if column.autoincrement not in ("auto", "ignore_fk") or not _may_increment(column):
            return None
        if column.autoincrement == "auto" and (column.foreign_keys or getattr(column.type, "scale", None) is not None):
            return None  # the value comes from the other table; a Numeric has to be told
        return column

    @staticmethod
    def _told_to_increment(column: Any) -> Any:
        """Return a column with autoincrement=True, or None where something else gives its value."""
        if not _is_whole(column.type):
            raise exc.ArgumentError(
                f"Column type {column.type} on column '{column.table.name}.{column.name}' is not compatible with "
                "autoincrement=True"
            )
        return column if _may_increment(column) else None


def _may_increment(column: Any) -> bool:
    """Return whether the database can number this column: an integer without another default."""
    if not _is_whole(column.type):
        return False
    made = column.server_default
    # A reflected default of a column that numbers itself is the sequence behind it.
    if made is not None and not made.is_identity and not (made.reflected and column.autoincrement is True):
        return False
    return column.default is None or column.default.is_sequence


def _is_whole(type_: Any) -> bool:
    from pyorm.types import Integer, Numeric

    affinity = type_._type_affinity
    if affinity is not None and issubclass(affinity, Integer):
        return True
    return affinity is not None and issubclass(affinity, Numeric) and getattr(type_, "scale", None) == 0


class UniqueConstraint(ColumnCollectionConstraint):
    """UNIQUE over one or more columns."""

    __visit_name__ = "unique_constraint"

    def __init__(self, *columns: Any, _column_flag: bool = False, **kw: Any) -> None:
        """Keep whether `Column(unique=True)` made it."""
        self._column_flag = _column_flag
        super().__init__(*columns, **kw)


class CheckConstraint(Constraint):
    """CHECK over a condition given as SQL text or as an expression.

    Args:
        sqltext: the condition.
        name, deferrable, initially: as for every constraint.
    """

    __visit_name__ = "table_or_column_check_constraint"

    def __init__(self, sqltext: Any, name: str | None = None, table: Any = None, **kw: Any) -> None:
        """Keep the condition; an expression whose columns have a table attaches itself."""
        kw.pop("_create_rule", None)
        super().__init__(name=name, **kw)
        self.sqltext: Any = _core.text(sqltext) if isinstance(sqltext, str) else sqltext
        if table is not None:
            self._set_parent(table)

    def _set_table(self, table: Any) -> None:
        """Join the table's constraints, unless it belongs to a column and stands there."""
        super()._set_table(table)
        if self.is_column_level and not self._type_bound:
            table.constraints.discard(self)

    @property
    def is_column_level(self) -> bool:
        """Whether it stands behind its column in CREATE TABLE."""
        return isinstance(self.parent, _core.ColumnClause)

    def _copy(self, **kw: Any) -> CheckConstraint:
        return self._copied(CheckConstraint(self.sqltext, _type_bound=self._type_bound, **self._options()))  # type: ignore[no-any-return]


class ForeignKey(SchemaItem):
    """A reference of one column to another.

    Args:
        column: "table.column", "schema.table.column", or the Column itself.
        name, ondelete, onupdate, deferrable, initially, match, use_alter, link_to_name: of the constraint.
    """

    __visit_name__ = "foreign_key"

    def __init__(
        self,
        column: Any,
        _constraint: ForeignKeyConstraint | None = None,
        use_alter: bool = False,
        name: str | None = None,
        onupdate: str | None = None,
        ondelete: str | None = None,
        deferrable: bool | None = None,
        initially: str | None = None,
        link_to_name: bool = False,
        match: str | None = None,
        info: dict[Any, Any] | None = None,
        comment: str | None = None,
        **dialect_kw: Any,
    ) -> None:
        """Keep the target; a str is looked up when it is asked for."""
        column = _as_column(column)
        self._target = column
        self.constraint = _constraint
        self._is_own = _constraint is None
        self.parent: Any = None
        self._column: Any = column if not isinstance(column, str) else None
        self.use_alter, self.name, self.onupdate, self.ondelete = use_alter, name, onupdate, ondelete
        self.deferrable, self.initially, self.link_to_name, self.match = deferrable, initially, link_to_name, match
        self.comment, self._dialect_kw = comment, dialect_kw
        if info is not None:
            self.info = info

    def _copy(self, to: CopyTarget | None = None, **kw: Any) -> ForeignKey:
        return ForeignKey(
            self._target if to is None else to.of(self),
            use_alter=self.use_alter, name=self.name, onupdate=self.onupdate, ondelete=self.ondelete,
            deferrable=self.deferrable, initially=self.initially, link_to_name=self.link_to_name, match=self.match,
            comment=self.comment, info=dict(self.info) if "_info" in self.__dict__ else None, **self._dialect_kw,
        )  # fmt: skip

    @property
    def target_fullname(self) -> str:
        """The target as it was given: `table.column`, with the schema where the text or the column has one."""
        if isinstance(self._target, str):
            return self._target
        return f"{self._target.table.fullname}.{self._target.key}"

    def _tokens(self) -> tuple[str | None, str, str | None]:
        """Split the target into schema, table and column; the schema may itself contain dots."""
        if not isinstance(self._target, str):
            return self._target.table.schema, self._target.table.name, self._target.key
        parts = self._target.split(".")
        if len(parts) == 1:
            return self._default_schema(), parts[0], None
        table, column = parts[-2], parts[-1]
        if len(parts) > 2:
            return ".".join(parts[:-2]), table, column
        return self._default_schema(), table, column

    def _default_schema(self) -> str | None:
        table = self.parent.table if self.parent is not None else None
        return table.metadata.schema if table is not None else None

    def _target_table_key(self) -> str:
        schema, table, _ = self._tokens()
        return f"{schema}.{table}" if schema else table

    @property
    def column(self) -> Any:
        """The Column referred to.

        Raises:
            NoReferencedTableError, NoReferencedColumnError: the name is not in the MetaData.
            InvalidRequestError: this column has no table yet.
        """
        if self._column is None:
            self._column = self._resolve()
        return self._column

    def _resolve(self) -> Any:
        if self.parent is None or self.parent.table is None:
            raise exc.InvalidRequestError(
                f"Foreign key to '{self._target}' has no table yet: its column is in no Table"
            )
        key = self._target_table_key()
        tables = self.parent.table.metadata.tables
        _, _, column_key = self._tokens()
        if key not in tables:
            raise exc.NoReferencedTableError(
                f"Foreign key associated with column '{self.parent}' could not find table '{key}' with which to "
                f"generate a foreign key to target column '{column_key or self.parent.key}'",
                key,
            )
        table = tables[key]
        column_key = column_key or self.parent.key
        if self.link_to_name:
            for column in table.c:
                if column.name == column_key:
                    return column
        elif column_key in table.c:
            return table.c[column_key]
        raise exc.NoReferencedColumnError(
            f"Could not initialize target column for ForeignKey '{self._target}' on table "
            f"'{self.parent.table.description}': table '{table.description}' has no column named '{column_key}'. "
            f"It has: {', '.join(table.c.keys())}",
            table.name,
            column_key,
        )

    def references(self, table: Any) -> bool:
        """Return whether the target is in `table`."""
        return self.column.table is table

    def get_referent(self, table: Any) -> Any:
        """Return the column of `table` (or of an alias of it) that this key refers to, or None."""
        return table.corresponding_column(self.column)

    def _set_parent(self, parent: Any) -> None:
        if not isinstance(parent, _core.ColumnClause):
            raise exc.ArgumentError(
                f"ForeignKey('{self._target}') can't be placed inside a {type(parent).__name__}: "
                "it belongs to a Column; a table takes ForeignKeyConstraint"
            )
        if self.parent is not None and self.parent is not parent:
            raise exc.InvalidRequestError("This ForeignKey already has a parent !")
        self.parent = parent
        parent._add_foreign_key(self)
        if parent.table is not None:
            self._set_table(parent.table)

    def _set_table(self, table: Any) -> None:
        """Make the constraint, and resolve the target now or when its table arrives."""
        if self.constraint is None:
            self.constraint = ForeignKeyConstraint(
                [], [], use_alter=self.use_alter, name=self.name, onupdate=self.onupdate, ondelete=self.ondelete,
                deferrable=self.deferrable, initially=self.initially, match=self.match, comment=self.comment,
                link_to_name=self.link_to_name, **self._dialect_kw,
            )  # fmt: skip
            self.constraint._append_element(self.parent, self)
            self.constraint._set_parent(table)
        table.foreign_keys.add(self)
        if isinstance(self._target, str):
            table.metadata._foreign_key_added(self)
        else:
            self._target_ready()

    def _target_ready(self) -> None:
        """The target can be found: a column without a type takes the target's."""
        if self.parent.type._isnull:
            column = self.column
            if not column.type._isnull:
                self.parent.type = column.type
                self.parent.table.metadata._type_arrived(self.parent)

    def __repr__(self) -> str:
        """Show the target."""
        return f"ForeignKey({self.target_fullname!r})"


class ForeignKeyConstraint(ColumnCollectionConstraint):
    """FOREIGN KEY over one or more columns.

    Args:
        columns: local columns, by key or object.
        refcolumns: the columns referred to, "table.column" or objects, in the same order.
        onupdate, ondelete: CASCADE, SET NULL, SET DEFAULT, RESTRICT, NO ACTION.
        use_alter: emit it by ALTER TABLE after both tables exist (breaks cycles).
        match: FULL, PARTIAL, SIMPLE.
    """

    __visit_name__ = "foreign_key_constraint"

    def __init__(
        self,
        columns: Iterable[Any],
        refcolumns: Iterable[Any],
        name: str | None = None,
        onupdate: str | None = None,
        ondelete: str | None = None,
        deferrable: bool | None = None,
        initially: str | None = None,
        use_alter: bool = False,
        link_to_name: bool = False,
        match: str | None = None,
        table: Any = None,
        info: dict[Any, Any] | None = None,
        comment: str | None = None,
        **dialect_kw: Any,
    ) -> None:
        """Check that both sides have the same length."""
        columns, refcolumns = list(columns), list(refcolumns)
        if len(columns) != len(refcolumns):
            raise exc.ArgumentError(
                f"ForeignKeyConstraint number of constrained columns must match the number of referenced columns: "
                f"got {len(columns)} and {len(refcolumns)}"
            )
        super().__init__(
            *columns, name=name, deferrable=deferrable, initially=initially, info=info, comment=comment,
            _autoattach=False, **dialect_kw,
        )  # fmt: skip
        self.onupdate, self.ondelete, self.use_alter, self.match = onupdate, ondelete, use_alter, match
        self.link_to_name = link_to_name
        self.elements = [
            ForeignKey(
                target, _constraint=self, name=name, onupdate=onupdate, ondelete=ondelete, use_alter=use_alter,
                link_to_name=link_to_name, match=match, deferrable=deferrable, initially=initially,
            )
            for target in refcolumns
        ]  # fmt: skip
        if table is not None:
            self._set_parent(table)

    def _append_element(self, column: Any, fk: ForeignKey) -> None:
        self._pending.append(column)
        self.elements.append(fk)

    def _set_table(self, table: Any) -> None:
        super()._set_table(table)
        for column, fk in zip(self._resolved, self.elements, strict=True):
            if fk.parent is None:
                fk._set_parent(column)

    @property
    def column_keys(self) -> list[str]:
        """The local columns' keys."""
        return self._keys()

    @property
    def referred_table(self) -> Any:
        """The Table referred to."""
        return self.elements[0].column.table

    def _copy(self, to: CopyTarget | None = None, **kw: Any) -> ForeignKeyConstraint:
        copy = ForeignKeyConstraint(
            self._keys(), [fk._target if to is None else to.of(fk) for fk in self.elements],
            onupdate=self.onupdate, ondelete=self.ondelete, use_alter=self.use_alter, link_to_name=self.link_to_name,
            match=self.match, **self._options(),
        )  # fmt: skip
        return self._copied(copy)  # type: ignore[no-any-return]


def _as_column(value: Any) -> Any:
    """Return a Column or a str from what a constraint was given (mapped attributes included)."""
    if isinstance(value, (str, _core.ClauseElement)) and not hasattr(value, "__clause_element__"):
        return value
    inner = getattr(value, "__clause_element__", None)
    if inner is not None:
        return inner()
    column = getattr(value, "column", None)  # mapped_column() of a class that is being declared
    return column if column is not None else value


def columns_in(expression: Any) -> Iterator[Any]:
    stack = [expression]
    while stack:
        element = stack.pop()
        if isinstance(element, _core.ColumnClause):
            yield element
        else:
            stack.extend(element.get_children())
