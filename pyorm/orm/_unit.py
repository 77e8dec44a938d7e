"""What the unit of work must know of a mapped class besides its attributes: table, columns, defaults.

C asks `write_spec` once per class, at the first flush that writes one of its instances, and reads no Python
mapper afterwards. The text of a default's SQL is asked for when the first statement that needs it is made.
"""

from __future__ import annotations

from typing import Any

from pyorm import _core, exc

_DIALECTS = ("postgresql", "sqlite")  # numbered as in C


def write_spec(mapper: Any) -> tuple[Any, ...]:
    """Return the facts of a mapper's table as one tuple tree.

    Args:
        mapper: the Mapper.

    Returns:
        `(table, columns, foreign_keys, generator, eager, confirm, descending, batch)`:

        - columns: per column of the table `(column, attribute key or None, names by dialect, flags,
          insert default, update default)`. Flags are letters: "p" primary key, "v" version, "a" numbered by
          the database, "s" made by the server at INSERT, "u" also at UPDATE, "c" never written, "x" a
          system column, "n" None is a value of its own, "y" takes the value of a parent's table.
          A default is None or `(kind, value)`: "scalar", "call" (without argument), "context" (called with
          the execution context), "sql" (an expression).
        - foreign_keys: per constraint `(positions of the columns, referred table, names of its columns)`.
        - generator: None counts versions from 1; a callable makes them; False: the server does.
        - eager: 0 never fetch what the server made, 1 at INSERT ("auto"), 2 at UPDATE too.
        - confirm: whether a DELETE that meets too few rows is worth a warning.
        - descending: the numbered column's sequence counts downwards.
        - batch: False saves each instance alone, between its own listeners.
    """
    return _table_spec(mapper, root_of(mapper).local_table, mapper.version_id_generator)


def root_of(mapper: Any) -> Any:
    """Return the mapper whose table has the identity: the first one up to which nothing is concrete."""
    while mapper.inherits is not None and not mapper.concrete:
        mapper = mapper.inherits
    return mapper


def more_specs(mapper: Any) -> tuple[Any, ...]:
    """Return the facts of the tables that hold the rest of a mapper's rows, parents' first.

    Args:
        mapper: the Mapper.

    Returns:
        per table `(spec, order, key, copied, passive)`: the tuple of `write_spec`; the table's place among those of
        the hierarchy; the positions of the columns that hold the identity, in its order; pairs of attribute keys of
        which the second takes the value of the first before the row is inserted; whether the database changes the
        key by itself when the root's is changed.
    """
    root = root_of(mapper)
    chain = [m for m in reversed(list(mapper.iterate_to_root())) if m.inherits is not None and not m.single]
    chain = [m for m in chain if m is not root and not m.concrete and m.local_table.primary_key]
    if not chain:
        return ()
    order = _table_order(root)
    keys = {id(c): prop.key for prop in mapper.column_attrs for c in prop.columns}
    identity = {c: i for i, c in enumerate(root.primary_key)}  # column -> its place in the identity
    specs = []
    for one in chain:
        for parent, child in one._equated:
            if parent in identity:
                identity[child] = identity[parent]
        own = sorted((c for c in one.local_table.primary_key if c in identity), key=identity.__getitem__)
        columns = [c for c in one.local_table.c if not c.system]
        pairs = [(keys[id(parent)], keys[id(child)]) for parent, child in one._equated]
        specs.append(
            (
                _table_spec(mapper, one.local_table, False, {id(child) for _, child in one._equated}),
                order[one.local_table],
                tuple(columns.index(c) for c in own),
                tuple(pair for pair in pairs if pair[0] != pair[1]),
                bool(mapper.passive_updates),
            )
        )
    return tuple(specs)


def _table_order(root: Any) -> dict[Any, int]:
    """Return the place of each of a hierarchy's tables in the order in which rows are inserted."""
    tables: list[Any] = []
    for mapper in root.self_and_descendants:
        if (mapper is root or not mapper.concrete) and mapper.local_table not in tables:
            tables.append(mapper.local_table)
    waiting, done = list(tables), []
    while waiting:  # a table waits for those that it refers to; what is left refers to itself in a circle
        for table in waiting:
            referred = {key.column.table for key in table.foreign_keys if _is_known(key)}
            if not any(other in referred for other in waiting if other is not table):
                break
        else:
            table = waiting[0]
        waiting.remove(table)
        done.append(table)
    return {table: i for i, table in enumerate(done)}


def _is_known(key: Any) -> bool:
    try:
        return key.column is not None
    except (exc.NoReferencedTableError, exc.NoReferencedColumnError):
        return False


def _table_spec(mapper: Any, table: Any, generator: Any, copied: Any = ()) -> tuple[Any, ...]:
    keys = {id(c): prop.key for prop in mapper.column_attrs for c in prop.columns}
    written = [c for c in table.c if not c.system or c is mapper.version_id_col]
    position = {id(c): i for i, c in enumerate(written)}
    columns = tuple(_column(mapper, table, c, keys.get(id(c)), "y" if id(c) in copied else "") for c in written)
    return (
        table,
        columns,
        tuple(_foreign_keys(table, position)),
        generator,
        {True: 2, False: 0}.get(mapper.eager_defaults, 1),
        bool(mapper.confirm_deleted_rows),
        _counts_down(table._autoincrement_column),
        bool(mapper.batch),
    )


def secondary_spec(table: Any, written: list[Any]) -> tuple[Any, ...]:
    """Return the facts of a many-to-many's secondary table, in the form of `write_spec`.

    Args:
        table: the secondary Table.
        written: its columns that refer to the parent, then those that refer to the target.

    Returns:
        the tuple of `write_spec`, its key columns being `written`, and the positions of `written`.
    """
    columns = tuple(c for c in table.c if not c.system)
    position = {id(c): i for i, c in enumerate(columns)}
    keys = {id(c) for c in written}
    return (
        table,
        tuple(_column_facts(table, c, None, "p" if id(c) in keys else "") for c in columns),
        (),
        False,
        0,
        True,
        False,
        True,
        tuple(position[id(c)] for c in written),
    )


def _column(mapper: Any, table: Any, column: Any, key: str | None, flags: str) -> tuple[Any, ...]:
    if any(column is c for c in mapper.primary_key) or (flags and column.primary_key):
        flags += "p"
    if column is mapper.version_id_col:
        flags += "v"
    return _column_facts(table, column, key, flags)


def _column_facts(table: Any, column: Any, key: str | None, flags: str) -> tuple[Any, ...]:
    if column is table._autoincrement_column:
        flags += "a"
    if column.server_default is not None:
        flags += "s"
    if column.server_onupdate is not None:
        flags += "u"
    if column.computed is not None or column.system:
        flags += "c"
    if column.system:
        flags += "x"
    if column.type.should_evaluate_none:
        flags += "n"
    names = tuple(_core.quote_identifier(column.name, dialect) for dialect in _DIALECTS)
    return (column, key, names, flags, _default(column.default), _default(column.onupdate))


def _default(default: Any) -> tuple[str, Any] | None:
    if default is None:
        return None
    if default.is_sequence:
        return ("sequence", default)
    if default.is_scalar:
        return ("scalar", default.arg)
    if default.is_callable:
        plain = (
            getattr(default.arg, "__wrapped__", None) if getattr(default.arg, "__module__", None) == _WRAPPERS else None
        )
        return ("call", plain) if plain is not None else ("context", default.arg)
    arg = default.arg
    return ("sql", arg if isinstance(arg, _core.ClauseElement) else arg.__clause_element__())


_WRAPPERS = "pyorm.schema.defaults"  # where a callable without argument is wrapped into one with the context


def _foreign_keys(table: Any, position: dict[int, int]) -> Any:
    for constraint in sorted(table.foreign_key_constraints, key=lambda c: c._order):
        try:
            referred = constraint.referred_table
            target = tuple(element.column.name for element in constraint.elements)
        except (exc.NoReferencedTableError, exc.NoReferencedColumnError):
            continue  # the table is unknown here: nothing of it can be in the flush
        yield (tuple(position[id(c)] for c in constraint.columns), referred, target)


def _counts_down(column: Any) -> bool:
    if column is None:
        return False
    source = column.identity if column.identity is not None else column.default
    return source is not None and (source.increment or 1) < 0


def table_name(table: Any, dialect: str, schema: str | None) -> str:
    """Return a table's name as a statement has it; `schema` replaces its own ("": none) unless it is None."""
    schema = table.schema if schema is None else schema
    name = _core.quote_identifier(table.name, dialect)
    return f"{_core.quote_identifier(schema, dialect)}.{name}" if schema else name


def default_text(default: Any, dialect: str) -> str | None:
    """Return the SQL of a default as it stands in a statement; None: the database has no such thing."""
    if isinstance(default, _core.ClauseElement):
        # The statement's parameters are the rows' values: a constant of the class stands in the text.
        text = _core.compile_string(default, _dialect(dialect), include_table=False, literal_binds=True)
        return str(text)
    if dialect == "sqlite":  # a sequence; a numbered column needs none
        return None
    name = table_name(default, dialect, None).replace("'", "''")
    return f"nextval('{name}')"


def _dialect(name: str) -> Any:
    if name == "sqlite":
        from pyorm.dialects import sqlite

        return sqlite.dialect()
    from pyorm.dialects import postgresql

    return postgresql.dialect()


def default_context(connection: Any, parameters: dict[str, Any], is_insert: bool) -> Any:
    """Return what a callable default is called with."""
    from pyorm.engine.context import ExecutionContext

    context = ExecutionContext(connection, None, None, parameters, connection.get_execution_options())
    context.current_parameters = parameters
    context.isinsert, context.isupdate = is_insert, not is_insert
    return context
