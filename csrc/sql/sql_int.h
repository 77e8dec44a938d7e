/*
 * sql_int.h - what the files that build trees share with each other: the room's data,
 *   constructors by concept, coercions, setups.
 *
 * Place: private to sql/. The renderer's own shared part stands in its header.
 * Ownership: "new" functions return a new reference, NULL with an exception; node
 *   arguments are borrowed.
 */
#ifndef ORM_SQL_INT_H
#define ORM_SQL_INT_H

#include "sql.h"
#include "node_facts.h"

/* Off the path that a hit takes: not to be inlined into it. */
#define ORM_COLD __attribute__((noinline, cold))

/* Largest nargs that has a free list: a SELECT's slots. */
#define ORM_FREE_NARGS 20
#define ORM_FREE_EACH 64 /* nodes kept per nargs */

/* What the room keeps in the module state. */
typedef struct orm_sqlroom {
    orm_node *free[ORM_FREE_NARGS + 1];  /* chains of dead nodes, linked through `hash` */
    uint16_t nfree[ORM_FREE_NARGS + 1];  /* length of each chain */
    uint8_t closed;                      /* 1: the module is going away, nothing is kept */
    uint8_t draining;                    /* 1: a dealloc is running below us */
    orm_node *pending;                   /* dead nodes that the running dealloc will free */
    uint64_t next_id;                    /* identity number of the next pinned node */
    uint64_t next_text_id;               /* orm_sqltext.id of the next compiled statement */
    uint64_t hook_epoch;                 /* bumped by @compiles and by orm_sql_new_epoch; part of keys */
    const orm_sql_orm_ops *orm_ops;      /* set once by orm/; static */
    orm_node *singles[3];                /* NULL, TRUE, FALSE: owned */
    struct orm_cache *python_cache;      /* compile_cached()'s; the capsule in the state owns it */
    PyObject *func_names;                /* dict: known function name -> index; owned */
} orm_sqlroom;

static inline orm_sqlroom *
sql_room(orm_state *st)
{
    return (orm_sqlroom *)st->rooms[ORM_ROOM_SQL].data;
}

/* The state behind any expression object (also a Python subclass), cheap where sealed. */
orm_state *orm_expr_state(PyObject *self);

static inline int
is_clause(orm_state *st, PyObject *o)
{
    return orm_is_node(o) || PyObject_TypeCheck(o, st->ClauseElement);
}

/* Borrowed. The node of an object that is known to be of ClauseElement's family. */
static inline orm_node *
node_of_clause(orm_state *st, PyObject *o)
{
    orm_node *n = Py_TYPE(o)->tp_itemsize != 0 ? (orm_node *)o : ((orm_element *)o)->node;

    return n != NULL ? n : orm_node_of(st, o);
}

static inline int
is_list_of(const orm_node *n, orm_op op)
{
    return n != NULL && n->kind == ORM_N_LIST && n->op == op;
}

/* --- node.c ---------------------------------------------------------------------------- */
/* A cell of a FROM element that holds its ColumnCollection. */
PyObject **orm_from_cache(orm_node *n);
void orm_stmt_seal_slot(orm_node *n, const orm_node *old, Py_ssize_t i);
/* New copy of a statement: all slots shared, side dropped unless it has options; not sealed. */
orm_node *orm_stmt_copy(orm_state *st, orm_node *n);

/* --- element.c, schema_obj.c: fixed-size objects ------------------------------------------- */
typedef struct FunctionObject { /* FunctionElement: prefix orm_element */
    PyObject_HEAD
    orm_node *node;
    PyObject *clauses; /* owned; tuple of expression objects, NULL before __init__ */
} FunctionObject;
orm_node *orm_column_seal(orm_state *st, ColumnObject *c); /* borrowed from c */
int orm_sql_type_add(PyObject *module, orm_state *st, PyType_Spec *spec, PyTypeObject *base,
                     PyTypeObject *base2, PyTypeObject **slot);
void orm_element_life(PyType_Slot *out); /* new, init, dealloc, traverse, clear: 5 slots */
void orm_node_type_slots(destructor *dealloc, traverseproc *traverse, inquiry *clear);
int orm_sqlroom_setup(orm_state *st);
int orm_elements_setup(PyObject *module, orm_state *st);
int orm_schema_objects_setup(PyObject *module, orm_state *st);
int orm_column_element_setup(PyObject *module, orm_state *st);
int orm_node_types_setup(PyObject *module, orm_state *st);
PyObject *orm_clause_str(PyObject *self);
PyObject *orm_clause_repr(PyObject *self);
extern PyMethodDef orm_clause_methods[];
extern PyGetSetDef orm_clause_getset[];
extern PyMethodDef orm_from_methods[];
extern PyMethodDef orm_function_methods[];
extern PyGetSetDef orm_function_getset[];

/* --- coerce.c: Python objects to nodes, by the role they play; new references ------------ */
/* Any expression object or __clause_element__ to its node (borrowed where `o` lives on);
 * 1 found (new ref in *out), 0 not an expression, -1 error. */
int orm_coerce_element(orm_state *st, PyObject *o, orm_node **out);
/* A value beside `peer` (NULL: none) under `op`: element, NULL, or a bind of peer's type. */
orm_node *orm_coerce_operand(orm_state *st, PyObject *o, orm_node *peer, orm_op op);
/* Function argument, CASE result, literal: element or a bind of the value's own type. */
orm_node *orm_coerce_value(orm_state *st, PyObject *o, orm_type *type);
/* The same; `body` is what an anonymous bind's name is made of. */
orm_node *orm_coerce_value_named(orm_state *st, PyObject *o, orm_type *type, PyObject *body);
/* WHERE, HAVING, ON, AND, OR. */
/* SELECT list and RETURNING: columns, entities, FROM elements (their columns: spread into out list). */
int orm_coerce_columns(orm_state *st, PyObject *o, PyObject *list);
/* ORDER BY, GROUP BY, PARTITION BY: columns, or a str (a name to resolve). */
orm_node *orm_coerce_order(orm_state *st, PyObject *o);
/* FROM: table, alias, subquery, join, entity; a bare SELECT is refused with the way out. */
orm_node *orm_coerce_from(orm_state *st, PyObject *o);
/* A statement with rows: SELECT, COMPOUND, VALUES ... or a DML with RETURNING (CTE). */
orm_node *orm_coerce_statement(orm_state *st, PyObject *o, const char *what);
/* LIMIT, OFFSET, FETCH: int or expression. */
orm_node *orm_coerce_limit(orm_state *st, PyObject *o);
/* A SELECT used as a value becomes SCALAR; other nodes stay. New ref. */
orm_node *orm_as_scalar(orm_state *st, orm_node *n);
/* List of nodes (Python list of wrapped-or-bare node objects held as PyObject) to a LIST node. */
orm_node *orm_list_node(orm_state *st, orm_op op, orm_type *type, uint32_t aux, PyObject *list);
orm_node *orm_plain_column(orm_state *st, PyObject *o);
orm_node *orm_list_of_columns(orm_state *st, orm_node *old, PyObject *const *args, Py_ssize_t nargs);
/* LIST of old's items followed by `list`'s; old NULL: list alone. */
orm_node *orm_list_extend(orm_state *st, orm_node *old, orm_op op, PyObject *list);

/* --- expr.c: expressions ------------------------------------------------------------------ */
orm_node *orm_binary_new(orm_state *st, orm_op op, orm_node *l, orm_node *r, orm_type *type, PyObject *payload);
orm_node *orm_unary_new(orm_state *st, orm_op op, orm_node *x);
orm_node *orm_operate(orm_state *st, orm_op op, orm_node *l, PyObject *other, int reverse);
orm_node *orm_bool_list(orm_state *st, orm_op op, PyObject *const *items, Py_ssize_t n);
orm_node *orm_label_new(orm_state *st, orm_node *x, PyObject *name);
orm_node *orm_in_new(orm_state *st, orm_op op, orm_node *l, PyObject *seq);
orm_node *orm_single(orm_state *st, orm_kind kind); /* NULL, TRUE, FALSE: new ref */
/* Result type of `a op b`; may turn the operator into another (+ of strings). Borrowed. */
orm_type *orm_op_result_type(orm_state *st, orm_op *op, orm_type *a, orm_type *b);
/* Type of a Python value beside a column of type t. New ref. */
orm_type *orm_coerce_compared(orm_state *st, orm_type *t, orm_op op, PyObject *value);
/* Type of any node with a value; borrowed; the NULL type when unknown. */
orm_type *orm_node_type(orm_state *st, const orm_node *n);
/* The name a column-like node has in a result or a subquery: new ref, or NULL without error. */
PyObject *orm_node_name(orm_state *st, const orm_node *n);
PyObject *orm_node_key(orm_state *st, const orm_node *n);
PyObject *orm_bind_body(orm_state *st, const orm_node *n);

/* More of expr.c and coerce.c. */
int orm_is_plain_boolean(const orm_node *x);
orm_node *orm_operate_nodes(orm_state *st, orm_op op, orm_node *l, orm_node *r, PyObject *payload);
orm_node *orm_bind_unnamed(orm_state *st, orm_node *n); /* consumes n */
orm_node *orm_bind_typed(orm_state *st, orm_node *bind, orm_type *type);
/* The Python operator function of a node (n may be NULL: by op). New ref. */
PyObject *orm_operator_object(orm_state *st, orm_op op, const orm_node *n);

/* --- expr_ops.c, operators.c ----------------------------------------------------------------- */
extern PyMethodDef orm_column_methods[];
extern PyGetSetDef orm_column_getset[];
orm_node *orm_between_new(orm_state *st, orm_node *x, PyObject *low, PyObject *high, int symmetric);
PyObject *orm_subscript_array(orm_state *st, orm_node *x, PyObject *key);
PyObject *orm_subscript_json(orm_state *st, orm_node *x, PyObject *key);
orm_node *orm_any_all_new(orm_state *st, orm_op op, orm_node *x);
PyObject *orm_method_op(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_method_bool_op(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
orm_node *orm_custom_op_new(orm_state *st, orm_node *l, PyObject *other, PyObject *text, long precedence,
                            unsigned flags, orm_type *type, int reverse);
int orm_operators_setup(PyObject *module, orm_state *st);

/* --- collection.c, from.c ------------------------------------------------------------------ */
PyObject *orm_collection_new(orm_state *st); /* empty ColumnCollection */
int orm_collection_add(orm_state *st, PyObject *coll, PyObject *key, PyObject *column);
Py_ssize_t orm_collection_size(PyObject *coll);
PyObject *orm_collection_item(PyObject *coll, Py_ssize_t i); /* borrowed column object */
PyObject *orm_collection_get(PyObject *coll, PyObject *key); /* borrowed, NULL no error */
PyObject *orm_free_key(PyObject *coll, PyObject *key); /* new ref: the key, counted where it is taken */
int orm_collection_remove(PyObject *coll, PyObject *column);
int orm_collection_put(orm_state *st, PyObject *coll, PyObject *key, PyObject *column);
/* The column of `coll` that comes from the same base column as `column`: new ref or NULL. */
int orm_collection_corresponding(orm_state *st, PyObject *coll, PyObject *column, PyObject **found);
int orm_collection_setup(PyObject *module, orm_state *st);
/* ColumnCollection of a FROM element or statement. New ref. */
PyObject *orm_from_columns(orm_state *st, orm_node *from);
/* Exported columns of a statement, as a new list of nodes (held as objects). */
PyObject *orm_stmt_columns(orm_state *st, orm_node *stmt);
orm_node *orm_alias_new(orm_state *st, orm_kind kind, orm_node *element, PyObject *name, uint32_t aux);
orm_node *orm_join_new(orm_state *st, orm_node *l, orm_node *r, orm_node *on, uint32_t aux);
/* ON by foreign keys between two FROM elements; NoForeignKeysError, AmbiguousForeignKeysError. */
orm_node *orm_join_condition(orm_state *st, orm_node *l, orm_node *r);

orm_node *orm_base_column(orm_node *n);  /* borrowed: below labels and aliases */
orm_node *orm_from_root(orm_node *n);    /* borrowed: the TABLE below aliases, or NULL */
PyObject *orm_from_describe(orm_state *st, orm_node *n);

/* --- func.c, func_methods.c ------------------------------------------------------------------- */
orm_node *orm_function_new(orm_state *st, PyObject *name, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *type_obj);
orm_node *orm_fromfunc_new(orm_state *st, orm_node *f, orm_node *columns, PyObject *name, uint32_t aux);
orm_node *orm_column_like(orm_state *st, PyObject *o); /* str or column object to COLUMN */
extern PyMethodDef orm_fromfunc_methods[];
PyObject *orm_fromfunc_column(PyObject *self, void *closure);
int orm_func_setup(PyObject *module, orm_state *st);
int orm_func_methods_setup(PyObject *module, orm_state *st);
int orm_constructs_setup(PyObject *module, orm_state *st);
int orm_rewrite_setup(PyObject *module, orm_state *st); /* rewrite.c */

#include "stmt.h"

#endif
