/*
 * py/state_lists.h - the fields of the module state, as lists.
 *
 * One block of macros per room: X(field) in ORM_TYPES_*, X(field, "text") in ORM_STRINGS_*
 * (field becomes st->s_field, interned), X(field) in ORM_OBJECTS_* with what it is. A room
 * edits its own block only. py/state.h makes the struct of them, py/state.c its life.
 */
#ifndef ORM_PY_STATE_LISTS_H
#define ORM_PY_STATE_LISTS_H

/* --- py: errors ------------------------------------------------------------------------ */
#define ORM_TYPES_PY(X)
#define ORM_STRINGS_PY(X)
#define ORM_OBJECTS_PY(X)                                                                     \
    X(exc_module)   /* pyorm.exc, imported at the first error */                              \
    X(dbapi_module) /* pyorm._dberrors, likewise */                                           \
    X(exc_classes)  /* tuple of pyorm.exc's classes by orm_exc, filled with exc_module */

/* --- types ----------------------------------------------------------------------------- */
#define ORM_TYPES_TYPES(X)                                                                    \
    X(TypeRecord)                                                                             \
    X(TypeEngine)
#define ORM_STRINGS_TYPES(X)                                                                  \
    X(record_spec, "_record_spec")                                                            \
    X(bind_hook, "_bind_hook")                                                                \
    X(result_hook, "_result_hook")
#define ORM_OBJECTS_TYPES(X)                                                                  \
    X(type_records) /* dict: key -> address of its living record (an int) */                  \
    X(builtin_types) /* tuple of records by kind, made at first use from pyorm.types */

/* --- sql ------------------------------------------------------------------------------- */
#define ORM_TYPES_SQL(X)                                                                      \
    X(Node) X(ClauseElement) X(Executable) X(ColumnElement) X(FromClause)                     \
    X(FunctionElement) X(ColumnClause) X(TableClause) X(AliasedReturnsRows)                   \
    X(SelectBase) X(UpdateBase) X(ValuesBase) X(ColumnRef) X(BindParameter) X(Null)           \
    X(True_) X(False_) X(LiteralColumn) X(LabelReference) X(UnaryExpression)                  \
    X(BinaryExpression) X(BooleanClauseList) X(ClauseList) X(Function) X(Cast)                \
    X(TypeCoerce) X(Case) X(Label) X(Over) X(FrameClause) X(FunctionFilter)                   \
    X(WithinGroup) X(aggregate_order_by) X(Extract) X(CollationClause) X(Tuple)               \
    X(array) X(CollectionAggregate) X(Exists) X(ScalarSelect) X(Grouping) X(Slice)            \
    X(TableValuedColumn) X(DMLColumn) X(Applied) X(Alias) X(Subquery) X(CTE) X(Lateral)       \
    X(TableValuedAlias) X(TableSample) X(Join) X(Values) X(ForUpdateArg) X(Select)            \
    X(CompoundSelect) X(TextualSelect) X(FromStatement) X(Insert) X(Update) X(Delete)         \
    X(TextClause)                                                                             \
    X(ColumnCollection) X(StatementSide) X(OpCall) X(FunctionGenerator)
#define ORM_STRINGS_SQL(X)                                                                    \
    X(key, "key")                                                                             \
    X(type, "type")                                                                           \
    X(type_, "type_")                                                                         \
    X(quote, "quote")                                                                         \
    X(param, "param")                                                                         \
    X(escape, "escape")                                                                       \
    X(slash, "/")                                                                             \
    X(keys, "keys")                                                                           \
    X(no_label, "_no_label")                                                                  \
    X(excluded, "excluded")                                                                   \
    X(foreign_keys, "foreign_keys")                                                           \
    X(comparator, "comparator")                                                               \
    X(clause_element, "__clause_element__")                                                   \
    X(expand_values, "_expand_values")                                                        \
    X(inherit_cache, "inherit_cache")                                                         \
    X(traverse_internals, "_traverse_internals")                                              \
    X(coerce_compared_value, "coerce_compared_value")                                         \
    X(contains, "contains")                                                                   \
    X(comparator_factory, "comparator_factory")                                               \
    X(sqlite, "sqlite")                                                                       \
    X(postgresql, "postgresql")
#define ORM_OBJECTS_SQL(X)                                                                    \
    X(operators) /* tuple: operator functions by number */                                    \
    X(operator_index) /* dict: operator function -> number */                                 \
    X(custom_op_class) /* pyorm.sql.operators.custom_op, imported at first use */             \
    X(comparator_class) /* pyorm.sql.operators.Comparator, likewise */                        \
    X(json_index_types) /* pyorm._types.json_path.INDEX_TYPES: key, position, path */         \
    X(array_class) /* pyorm.types.ARRAY, likewise */                                          \
    X(function_registry) /* dict: name -> class, of register_function() */                    \
    X(compile_cache) /* capsule: the cache of _core.compile_cached() */

/* --- sql: the renderer ----------------------------------------------------------------- */
#define ORM_TYPES_RENDER(X)                                                                   \
    X(CompiledStatement) /* orm_compiled */                                                   \
    X(SQLCompiler)       /* what `stmt.compile()` returns, and what @compiles hooks get */
#define ORM_STRINGS_RENDER(X)
#define ORM_OBJECTS_RENDER(X)                                                                 \
    X(compiles_hooks) /* dict: class -> {dialect name or "default": function}, of @compiles */

/* --- exec ------------------------------------------------------------------------------ */
#define ORM_TYPES_EXEC(X)                                                                     \
    X(Dispatch)                                                                               \
    X(Row)                                                                                    \
    X(RowNames)                                                                               \
    X(RowShape)                                                                               \
    X(RowMapping)                                                                             \
    X(RowKeys)                                                                                \
    X(Result)                                                                                 \
    X(CursorResult)                                                                           \
    X(ChunkedIteratorResult)                                                                  \
    X(IteratorResult)                                                                         \
    X(ScalarResult)                                                                           \
    X(MappingResult)                                                                          \
    X(TupleResult)                                                                            \
    X(Partitions)                                                                             \
    X(DBConnection)                                                                           \
    X(DBCursor)                                                                               \
    X(PoolCore)                                                                               \
    X(PoolRecord)                                                                             \
    X(Checkout)                                                                               \
    X(EngineCore)                                                                             \
    X(Connection)
#define ORM_STRINGS_EXEC(X)                                                                   \
    X(name, "name")                                                                           \
    X(execute_on_connection, "_execute_on_connection")                                        \
    X(default, "default")                                                                     \
    X(onupdate, "onupdate")                                                                   \
    X(arg, "arg")                                                                             \
    X(is_callable, "is_callable")                                                             \
    X(execution_options, "_execution_options")                                                \
    X(yield_per, "yield_per")                                                                 \
    X(stream_results, "stream_results")                                                       \
    X(schema_translate_map, "schema_translate_map")                                           \
    X(compiled_cache, "compiled_cache")                                                       \
    X(level_flags, "level_flags")
#define ORM_OBJECTS_EXEC(X)                                                                   \
    X(dbapi_class)     /* pyorm.dbapi.Connection: what raw connections are made of */         \
    X(connection_class) /* pyorm.engine.Connection */                                         \
    X(context_class)   /* pyorm.engine.ExecutionContext */                                    \
    X(defaults_module) /* pyorm.engine._defaults */

/* --- orm ------------------------------------------------------------------------------- */
#define ORM_TYPES_ORM(X)                                                                      \
    X(Entity)                                                                                 \
    X(InstrumentedAttribute)                                                                  \
    X(MapperPlan)                                                                             \
    X(InstanceState)                                                                          \
    X(LoaderOption)                                                                           \
    X(AliasedEntity)                                                                          \
    X(AttributeEventToken) X(CollectionAdapter) X(AttributeKey)                               \
    X(InstrumentedList) X(InstrumentedSet) X(InstrumentedDict) X(KeyFuncDict)                 \
    X(Relation) X(RelationLoads) X(RelatedValue)                                              \
    X(MapperLoads) /* the loader's own statements of one class */
#define ORM_STRINGS_ORM(X)                                                                    \
    X(sa_instance_state, "_sa_instance_state")                                                \
    X(sa_plan, "_sa_plan")                                                                    \
    X(sa_adapter, "_sa_adapter")                                                              \
    X(sa_appender, "_sa_appender")                                                            \
    X(sa_remover, "_sa_remover")                                                              \
    X(sa_iterator, "_sa_iterator")                                                            \
    X(sa_converter, "_sa_converter")                                                          \
    X(sa_initiator, "_sa_initiator")                                                          \
    X(emulates, "__emulates__")                                                               \
    X(dunder_dict, "__dict__")                                                                \
    X(dunder_class, "__class__")                                                              \
    X(int, "int")                                                                             \
    X(aliased_insp, "_aliased_insp")                                                          \
    X(allow_partial_pks, "allow_partial_pks")                                                 \
    X(group, "group")                                                                         \
    X(populate_existing, "populate_existing") X(along, "_along")                              \
    X(identity_token, "identity_token")                                                       \
    X(asyncio_module, "pyorm.ext.asyncio")
#define ORM_OBJECTS_ORM(X)                                                                    \
    X(eager_expand) /* pyorm.orm._eager.expand, imported at first use */                      \
    X(eager_module) /* pyorm.orm._eager, imported at first use */                             \
    X(criteria_module) /* pyorm.orm._criteria, imported at first use */                       \
    X(strategies) /* pyorm.orm._strategies, imported at the first load of a relationship */   \
    X(around) X(run_along) /* pyorm.orm._around, and run_along of _execute: at first use */   \
    X(queued_module)  /* pyorm.orm.writeonly, imported at first use */                         \
    X(aliased)        /* pyorm.orm._aliased.aliased, imported at first use */                 \
    X(configure_for)  /* pyorm.orm._configure.configure_for, imported at first use */         \
    X(enum_meta)      /* enum.EnumMeta: members cannot form cycles worth tracking */          \
    X(uuid_type)      /* uuid.UUID, once a value of it was seen */                            \
    X(no_value)       /* LoaderCallableStatus.NO_VALUE */                                     \
    X(no_result)      /* LoaderCallableStatus.PASSIVE_NO_RESULT */                            \
    X(no_key)         /* pyorm.orm._symbols.NO_KEY */                                         \
    X(event_ops)      /* pyorm.orm._symbols.ATTRIBUTE_OPS */                                  \
    X(history_type)   /* the class History */                                                 \
    X(attrs_view)     /* the class InstanceAttributes */                                      \
    X(not_extension)  /* the Enum NotExtension */                                             \
    X(query_context)  /* the class QueryContext */                                            \
    X(orm_exc_module) /* pyorm.orm.exc */

/* --- unit ------------------------------------------------------------------------------ */
#define ORM_TYPES_UNIT(X)                                                                     \
    X(UnitPlan)
#define ORM_STRINGS_UNIT(X)                                                                   \
    X(instances, "instances")                                                                 \
    X(instances_exact, "instances_exact")
#define ORM_OBJECTS_UNIT(X)                                                                   \
    X(unit_more)       /* pyorm.orm._unit.more_specs */                                       \
    X(unit_spec)       /* pyorm.orm._unit.write_spec */                                       \
    X(refuse_row)      /* pyorm.orm._inherit.refuse_row */                                    \
    X(unit_secondary)  /* pyorm.orm._unit.secondary_spec */                                   \
    X(unmapped_column) /* pyorm.orm.exc.UnmappedColumnError */                                \
    X(unit_table)      /* pyorm.orm._unit.table_name */                                       \
    X(unit_default)    /* pyorm.orm._unit.default_text */                                     \
    X(unit_context)    /* pyorm.orm._unit.default_context */                                  \
    X(flush_error)     /* pyorm.orm.exc.FlushError */                                         \
    X(stale_error)     /* pyorm.orm.exc.StaleDataError */

/* --- session --------------------------------------------------------------------------- */
#define ORM_TYPES_SESSION(X)                                                                  \
    X(SessionCore)                                                                            \
    X(SessionTransaction)
#define ORM_STRINGS_SESSION(X)                                                                \
    X(execute, "execute")                                                                     \
    X(scalar, "scalar")                                                                       \
    X(scalars, "scalars")                                                                     \
    X(autoflush, "autoflush")                                                                 \
    X(dml_strategy, "dml_strategy")                                                           \
    X(synchronize_session, "synchronize_session")                                             \
    X(get_bind, "get_bind")                                                                   \
    X(class_dispatch, "_class_dispatch")                                                      \
    X(dispatch, "dispatch")
#define ORM_OBJECTS_SESSION(X)                                                                \
    X(session_module)  /* pyorm.orm.session */                                                \
    X(session_get_bind) /* the function Session.get_bind: a subclass without its own has it */ \
    X(run_listeners)   /* pyorm.orm._execute.run_listeners */                                 \
    X(run_get)         /* pyorm.orm._execute.run_get */                                       \
    X(run_load)        /* pyorm.orm._execute.run_load */                                      \
    X(flush_context)   /* the class UOWTransaction, for listeners */                          \
    X(tx_origin)       /* the class SessionTransactionOrigin */                               \
    X(execute_kwnames) /* ("execution_options",) */

#define ORM_STATE_TYPES(X)                                                                    \
    ORM_TYPES_PY(X)                                                                           \
    ORM_TYPES_TYPES(X)                                                                        \
    ORM_TYPES_SQL(X)                                                                          \
    ORM_TYPES_RENDER(X)                                                                       \
    ORM_TYPES_EXEC(X)                                                                         \
    ORM_TYPES_ORM(X)                                                                          \
    ORM_TYPES_UNIT(X)                                                                         \
    ORM_TYPES_SESSION(X)
#define ORM_STATE_STRINGS(X)                                                                  \
    ORM_STRINGS_PY(X)                                                                         \
    ORM_STRINGS_TYPES(X)                                                                      \
    ORM_STRINGS_SQL(X)                                                                        \
    ORM_STRINGS_RENDER(X)                                                                     \
    ORM_STRINGS_EXEC(X)                                                                       \
    ORM_STRINGS_ORM(X)                                                                        \
    ORM_STRINGS_UNIT(X)                                                                       \
    ORM_STRINGS_SESSION(X)
#define ORM_STATE_OBJECTS(X)                                                                  \
    ORM_OBJECTS_PY(X)                                                                         \
    ORM_OBJECTS_TYPES(X)                                                                      \
    ORM_OBJECTS_SQL(X)                                                                        \
    ORM_OBJECTS_RENDER(X)                                                                     \
    ORM_OBJECTS_EXEC(X)                                                                       \
    ORM_OBJECTS_ORM(X)                                                                        \
    ORM_OBJECTS_UNIT(X)                                                                       \
    ORM_OBJECTS_SESSION(X)

#endif /* ORM_PY_STATE_LISTS_H */
