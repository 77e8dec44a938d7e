/*
 * py/state.h - the module state: every object the core keeps, listed once.
 *
 * Place: one `orm_state` lives in each module object (`_core`, `_coretest`). Traverse and
 *   clear are generated from the lists below, so that none of the fields can be forgotten.
 * Lists: one block of macros per room. X(field) in ORM_TYPES_*, X(field, "text") in
 *   ORM_STRINGS_* (field becomes st->s_field, interned), X(field) in ORM_OBJECTS_*.
 *   A room edits its own block only.
 * Room data: what a room keeps besides objects (hash tables, C arrays) it allocates itself
 *   and hands over in st->rooms[ORM_ROOM_x] with the functions that traverse and free it.
 * Locking: the fields are written by setup, or once and lazily with the GIL held (see the
 *   field); afterwards they are read only.
 */
#ifndef ORM_PY_STATE_H
#define ORM_PY_STATE_H

#include "py/own.h"

#include <stdint.h>

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
    X(CompoundSelect) X(TextualSelect) X(Insert) X(Update) X(Delete) X(TextClause)            \
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
    X(inherit_cache, "inherit_cache")                                                         \
    X(traverse_internals, "_traverse_internals")                                              \
    X(coerce_compared_value, "coerce_compared_value")
#define ORM_OBJECTS_SQL(X)                                                                    \
    X(operators) /* tuple: operator functions by number */                                    \
    X(operator_index) /* dict: operator function -> number */                                 \
    X(custom_op_class) /* pyorm.sql.operators.custom_op, imported at first use */             \
    X(comparator_class) /* pyorm.sql.operators.Comparator, likewise */                        \
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
    X(InstanceState)
#define ORM_STRINGS_ORM(X)                                                                    \
    X(sa_instance_state, "_sa_instance_state")                                                \
    X(sa_plan, "_sa_plan")                                                                    \
    X(dunder_dict, "__dict__")                                                                \
    X(dunder_class, "__class__")                                                              \
    X(int, "int")                                                                             \
    X(asyncio_module, "pyorm.ext.asyncio")
#define ORM_OBJECTS_ORM(X)                                                                    \
    X(enum_meta)      /* enum.EnumMeta: members cannot form cycles worth tracking */          \
    X(uuid_type)      /* uuid.UUID, once a value of it was seen */                            \
    X(no_value)       /* LoaderCallableStatus.NO_VALUE */                                     \
    X(event_token)    /* the class AttributeEventToken */                                     \
    X(history_type)   /* the class History */                                                 \
    X(attrs_view)     /* the class InstanceAttributes */                                      \
    X(orm_exc_module) /* pyorm.orm.exc */

/* --- unit ------------------------------------------------------------------------------ */
#define ORM_TYPES_UNIT(X)
#define ORM_STRINGS_UNIT(X)
#define ORM_OBJECTS_UNIT(X)

/* --- session --------------------------------------------------------------------------- */
#define ORM_TYPES_SESSION(X)
#define ORM_STRINGS_SESSION(X)
#define ORM_OBJECTS_SESSION(X)

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

enum {
    ORM_ROOM_TYPES,
    ORM_ROOM_SQL,
    ORM_ROOM_EXEC,
    ORM_ROOM_ORM,
    ORM_ROOM_UNIT,
    ORM_ROOM_SESSION,
    ORM_ROOM_COUNT
};

/* What a room keeps in the state besides single objects. All NULL: nothing. */
typedef struct orm_room {
    void *data;                                              /* its struct, owned by it */
    int (*traverse)(void *data, visitproc visit, void *arg); /* NULL: no objects in it */
    void (*clear)(void *data);                               /* drop objects; NULL likewise */
    void (*free)(void *data);                                /* after clear, frees data */
} orm_room;

typedef struct orm_state {
    PyObject *module; /* borrowed: the module that owns this state */
#define ORM_FIELD(field) PyTypeObject *field; /* a heap type of the core */
    ORM_STATE_TYPES(ORM_FIELD)
#undef ORM_FIELD
#define ORM_FIELD(field, text) PyObject *s_##field; /* an interned name */
    ORM_STATE_STRINGS(ORM_FIELD)
#undef ORM_FIELD
#define ORM_FIELD(field) PyObject *field; /* see the list: NULL until made */
    ORM_STATE_OBJECTS(ORM_FIELD)
#undef ORM_FIELD
    orm_room rooms[ORM_ROOM_COUNT]; /* see orm_room */
} orm_state;

/* The definition of this extension's module (module.c): what PyType_GetModuleByDef needs. */
PyModuleDef *orm_module_def(void);

/* The state of the module object; never NULL for a module of this definition. */
orm_state *orm_state_from_module(PyObject *module);

/* The state behind a type of the core or any Python subclass of one. NULL: exception.
 * 1-9 ns, more for deep subclasses: hot objects keep the pointer instead. */
ORM_RAISES orm_state *orm_state_from_type(PyTypeObject *type);

/* Make the heap type of `spec`, add it to the module under the last part of its name and
 * store it in *slot (a field of the state). base NULL: object. 0/-1. */
ORM_RAISES int orm_type_add(PyObject *module, orm_state *st, PyType_Spec *spec,
                            PyTypeObject *base, PyTypeObject **slot);

/* Set the `__module__` users see, e.g. "pyorm.sql", also on an immutable type. 0/-1. */
ORM_RAISES int orm_type_set_module(PyTypeObject *type, const char *module);

/* Fill *slot with attribute `name` of module `module` unless it is filled. Returns what is
 * in it, borrowed from the state, or NULL with an exception. */
ORM_BORROWED PyObject *orm_import_once(PyObject **slot, const char *module, const char *name);

/* Make the strings and empty tables of the state; called by module.c before any room. */
ORM_RAISES int orm_py_setup(PyObject *module, orm_state *st);

/* The slots of the module definition. */
int orm_state_traverse(PyObject *module, visitproc visit, void *arg);
int orm_state_clear(PyObject *module);
void orm_state_free(void *module);

#endif /* ORM_PY_STATE_H */
