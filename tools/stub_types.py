"""What the core's docstrings do not say and type checkers shall know: results, by name.

Read by tools/stubs.py. `RESULTS` maps a type to the functions, methods ("Class.method") and
attributes ("Class.attribute") that have it; a class stands for those that derive from it, unless
they are named themselves. `*.name` means the members of this name of every class. A name that
the extension does not have is an error.
"""

from __future__ import annotations

_QUERY = "Select CompoundSelect"
_DML = "Insert Update Delete"
_RESULTS = "Result ScalarResult MappingResult TupleResult"


def _of(classes: str, members: str) -> str:
    """Return 'Class.member' for every pair."""
    return " ".join(f"{cls}.{member}" for cls in classes.split() for member in members.split())


RESULTS: dict[str, str] = {
    # --- statements: a method returns a statement of the same class ---
    "Self": " ".join(
        (
            _of(
                _QUERY,
                "add_columns add_cte column correlate correlate_except distinct execution_options fetch filter "
                "filter_by group_by having join join_from limit offset options order_by outerjoin outerjoin_from "
                "params prefix_with select_from set_label_style slice suffix_with where with_for_update with_hint "
                "with_only_columns with_statement_hint",
            ),
            _of(_DML, "add_cte execution_options options params prefix_with returning with_hint"),
            _of("Update Delete", "filter filter_by using where"),
            _of("Insert Update", "inline return_defaults values"),
            "Insert.from_select Insert.on_conflict_do_nothing Insert.on_conflict_do_update Update.ordered_values "
            "TextClause.bindparams TextClause.execution_options CTE.union CTE.union_all Values.data "
            "Exists.correlate Exists.correlate_except Exists.filter_by Exists.select_from Exists.where "
            "Exists.with_hint Exists.with_statement_hint ScalarSelect.correlate ScalarSelect.correlate_except "
            "ScalarSelect.where TableValuedAlias.render_derived",
            _of(_RESULTS, "unique yield_per"),
            "Result.columns MappingResult.columns TupleResult.columns",
        )
    ),
    "Select": "select FromClause.select Exists.select",
    "CompoundSelect": "union union_all intersect intersect_all except_ except_all "
    + _of(_QUERY, "union union_all intersect intersect_all except_ except_all"),
    "Insert": "insert dialect_insert TableClause.insert",
    "Update": "update TableClause.update",
    "Delete": "delete TableClause.delete",
    "TextClause": "text",
    "TextualSelect": "TextClause.columns",
    "CTE": "cte " + _of("Select CompoundSelect Insert Update Delete TextualSelect Values", "cte"),
    "Subquery": "subquery " + _of(f"{_QUERY} TextualSelect", "alias subquery"),
    "ScalarSelect": _of(f"{_QUERY} TextualSelect", "scalar_subquery") + " ScalarSelect.scalar_subquery",
    "Exists": "exists " + _of(f"{_QUERY} TextualSelect", "exists"),
    "Lateral": _of(f"{_QUERY} TextualSelect FromClause", "lateral"),
    "Join": "join outerjoin FromClause.join FromClause.outerjoin",
    "TableSample": "tablesample FromClause.tablesample",
    "Values": "values",
    "TableClause": "table",
    "ColumnClause": "column",
    "dict[str, Any]": _of(f"{_QUERY} {_DML} TextClause", "get_execution_options")
    + " CursorResult.last_inserted_params CursorResult.last_updated_params cache_stats PoolCore._stats"
    " EngineCore._cache_stats Row._asdict",
    # --- expressions ---
    "ColumnElement": " ".join(
        (
            _of(
                "ColumnElement",
                "__add__ __and__ __eq__ __floordiv__ __ge__ __getitem__ __gt__ __invert__ __le__ "
                "__lt__ __lshift__ __mod__ __mul__ __ne__ __neg__ __or__ __radd__ __rand__ "
                "__rfloordiv__ __rmod__ __rmul__ __ror__ __rshift__ __rsub__ __rtruediv__ "
                "__sub__ __truediv__ all_ any_ asc between bitwise_and bitwise_lshift bitwise_not bitwise_or "
                "bitwise_rshift bitwise_xor collate concat contains desc distinct endswith icontains iendswith ilike "
                "in_ is_ is_distinct_from is_not is_not_distinct_from isnot isnot_distinct_from istartswith like match "
                "not_ilike not_in not_like notilike notin_ notlike nulls_first nulls_last nullsfirst nullslast "
                "regexp_match regexp_replace startswith",
            ),
            "all_ and_ any_ asc between bitwise_not collate desc distinct false from_dml_column literal "
            "literal_column not_ null nulls_first nulls_last or_ true",
        )
    ),
    "Label": "ColumnElement.label Select.label CompoundSelect.label _label",
    "Cast": "cast ColumnElement.cast",
    "TypeCoerce": "type_coerce",
    "Case": "case",
    "Extract": "extract",
    "Tuple": "tuple_",
    "BindParameter": "bindparam",
    "Over": "over " + _of("FunctionElement Function FunctionFilter WithinGroup", "over"),
    "WithinGroup": "within_group",
    "Function": "FunctionGenerator.__call__",
    "SQLCompiler": "ClauseElement.compile",
    "ColumnCollection": "Join.c Join.columns TableClause.c TableClause.columns "
    + _of("Alias CTE Lateral Subquery TableSample TableValuedAlias Values", "c columns")
    + " "
    + _of(_QUERY, "selected_columns exported_columns"),
    "ColumnElement | None": _of(f"{_QUERY} {_DML}", "whereclause"),
    "list[dict[str, Any]]": _of(_QUERY, "column_descriptions"),
    "Iterator[ColumnElement]": "ColumnCollection.__iter__",
    "list[str]": "ColumnCollection.keys",
    "list[ColumnElement]": "ColumnCollection.values",
    "list[tuple[str, ColumnElement]]": "ColumnCollection.items",
    "str": "quote_identifier compile_string CompiledStatement.string SQLCompiler.string SQLCompiler.process "
    "ColumnClause.name ColumnClause.key Label.name TableClause.name TextClause.text Alias.name "
    "CTE.name Subquery.name DBConnection._driver",
    "str | None": "TableClause.schema",
    # --- connections and results ---
    "bool": "Connection.closed Connection.invalidated DBConnection.closed DBConnection.in_transaction "
    "DBConnection.autocommit PoolProxiedConnection.is_detached PoolProxiedConnection.is_valid CursorResult.is_insert "
    "CursorResult.returns_rows EngineCore.hide_parameters "
    + _of(_RESULTS, "closed")
    + " "
    + _of("InstanceState", "deleted detached expired has_identity modified pending persistent transient was_deleted")
    + " SessionCore.in_transaction SessionCore.in_nested_transaction SessionCore.is_active SessionCore.is_modified"
    " SessionCore.autoflush SessionCore.autobegin SessionCore.expire_on_commit SessionTransaction.is_active"
    " SessionTransaction.nested has_changes ColumnCollection.contains_column ClauseElement.compare",
    "int": "CursorResult.rowcount CursorResult.lastrowid DBCursor.rowcount DBCursor.arraysize MapperPlan.nslots",
    "None": "Connection.close Connection.commit Connection.rollback DBConnection.close DBConnection.commit "
    "DBConnection.rollback DBConnection.cancel DBCursor.close PoolProxiedConnection.close "
    "PoolProxiedConnection.commit PoolProxiedConnection.rollback PoolProxiedConnection.detach "
    "PoolProxiedConnection.invalidate EngineCore.clear_compiled_cache flag_modified flag_dirty set_attribute "
    "set_committed_value del_attribute cache_reset *.__exit__ "
    + _of(_RESULTS, "close")
    + " "
    + _of(
        "SessionCore",
        "add add_all close commit delete delete_all expire expire_all expunge expunge_all flush invalidate refresh "
        "reset rollback",
    )
    + " SessionTransaction.close SessionTransaction.commit SessionTransaction.rollback",
    "CursorResult": "Connection.execute Connection.exec_driver_sql",
    "Result": "SessionCore.execute",
    "ScalarResult": "Connection.scalars Result.scalars SessionCore.scalars",
    "SessionTransaction": "SessionCore.begin SessionCore.begin_nested",
    "SessionTransaction | None": "SessionCore.get_transaction SessionCore.get_nested_transaction",
    "MappingResult": "Result.mappings",
    "TupleResult": "Result.tuples",
    "RMKeyView": _of("Result MappingResult TupleResult", "keys"),
    "list[Row]": _of("Result TupleResult", "all fetchall fetchmany"),
    "Row": _of("Result TupleResult", "one __next__"),
    "Row | None": _of("Result TupleResult", "first one_or_none fetchone"),
    "list[RowMapping]": "MappingResult.all MappingResult.fetchall MappingResult.fetchmany",
    "RowMapping": "MappingResult.one MappingResult.__next__ Row._mapping",
    "RowMapping | None": "MappingResult.first MappingResult.one_or_none MappingResult.fetchone",
    "list[Any]": "ScalarResult.all ScalarResult.fetchall ScalarResult.fetchmany DBCursor.fetchall DBCursor.fetchmany",
    "Iterator[Row]": "Result.__iter__ TupleResult.__iter__",
    "Iterator[RowMapping]": "MappingResult.__iter__",
    "Iterator[Any]": "SessionCore.__iter__ ScalarResult.__iter__ RMKeyView.__iter__ RowMapping.__iter__ "
    "Partitions.__iter__ DBCursor.__iter__",
    "Iterator[list[Row]]": _of("Result TupleResult", "partitions"),
    "Iterator[list[RowMapping]]": "MappingResult.partitions",
    "Iterator[list[Any]]": "ScalarResult.partitions",
    "tuple[str, ...]": "Row._fields ENGINE_EVENTS POOL_EVENTS ATTRIBUTE_EVENTS",
    "tuple[Any, ...]": "Row._tuple Row.tuple Row.t",
    "PoolProxiedConnection": "PoolCore.connect EngineCore.raw_connection",
    "dict[Any, Any]": "SessionCore.info PoolProxiedConnection.info ConnectionPoolEntry.info "
    "ConnectionPoolEntry.record_info",
    "dict[str, int]": "_counters type_flags",
    "tuple[int, str, str]": "library_versions",
    "tuple[int, int, int]": "Connection._get_tx EngineCore._get_tx",
    "tuple[CompiledStatement, list[Any]]": "compile_cached",
}

# Whole signatures, where the result depends on an argument.
_ONE = (
    "(self, entity: type[_O], ident: Any, *, options: Any = ..., populate_existing: bool = ..., "
    "with_for_update: Any = ..., identity_token: Any = ..., execution_options: Any = ..., bind_arguments: Any = ...)"
)
SIGNATURES: dict[str, str] = {
    "SessionCore.get": f"{_ONE} -> _O | None",
    "SessionCore.get_one": f"{_ONE} -> _O",
}


def by_name() -> dict[str, str]:
    """Return the type of each name.

    Raises:
        ValueError: a name stands twice.
    """
    found: dict[str, str] = {}
    for type_, names in RESULTS.items():
        for name in names.split():
            if name in found:
                raise ValueError(f"{name} is {found[name]} and {type_}")
            found[name] = type_
    return found
