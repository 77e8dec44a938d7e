/*
 * stmt.h - what the files of statements share: the side record, copies, method tables.
 *
 * Place: private to sql/, a part of sql_int.h, which includes it.
 */
#ifndef ORM_SQL_STMT_H
#define ORM_SQL_STMT_H

#include "sql_node.h"

/* --- stmt.c -------------------------------------------------------------------------------------- */
typedef struct orm_side { /* payload of statements; never in the key, never shared */
    PyObject_HEAD
    PyObject *options;   /* owned: dict of execution options, or NULL */
    PyObject *params;    /* owned: dict of params() values by bind name, or NULL */
    PyObject *late;      /* owned: memo: `params` and those of the statements below; NULL: not asked */
    PyObject *compiled;  /* owned: memo of the compiled form (orm_compiled), or NULL */
    uint64_t cache_id;   /* cache, dialect, flags and hook epoch the memo is for */
    uint64_t epoch;
    uint8_t dialect, flags;
} orm_side;
orm_side *orm_side_of(orm_state *st, orm_node *stmt, int make); /* borrowed; NULL: none (or error if make) */
/* Copies with one slot replaced (`value` is consumed; NULL empties it, or passes an error on). */
PyObject *orm_stmt_with(orm_state *st, orm_node *n, int slot, orm_node *value);
PyObject *orm_stmt_with_aux(orm_state *st, orm_node *n, uint32_t aux);
PyObject *orm_stmt_append(orm_state *st, orm_node *n, int slot, PyObject *list);
PyObject *orm_prefix_list(orm_state *st, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_stmt_prefixes(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, int slot);
PyObject *orm_stmt_hint(PyObject *self, PyObject *selectable, PyObject *text, PyObject *dialect, int slot);
PyObject *orm_stmt_add_cte(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, int slot);
orm_node *orm_option_new(orm_state *st, PyObject *option);
PyObject *orm_m_execution_options(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *orm_m_get_execution_options(PyObject *self, PyObject *none);
PyObject *orm_m_params(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *orm_m_options(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *orm_m_cte(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
#define ORM_STMT_METHODS                                                                      \
    {"execution_options", ORM_METHOD(orm_m_execution_options), METH_VARARGS | METH_KEYWORDS,  \
     "execution_options($self, **kw)\n--\n\nOptions for the execution."},                     \
        {"get_execution_options", orm_m_get_execution_options, METH_NOARGS,                   \
         "get_execution_options($self)\n--\n\nThe options, as a dictionary."},                \
        {"params", ORM_METHOD(orm_m_params), METH_VARARGS | METH_KEYWORDS,                    \
         "params($self, /, *optionaldict, **kwargs)\n--\n\nValues of named parameters."},     \
        {"options", ORM_METHOD(orm_m_options), METH_FASTCALL,                                 \
         "options($self, /, *options)\n--\n\nLoader options."}

/* --- select.c, select_use.c ------------------------------------------------------------------------ */
orm_node *orm_select_new(orm_state *st, PyObject *const *cols, Py_ssize_t n);
orm_node *orm_compound_new(orm_state *st, orm_op op, PyObject *first, PyObject *const *args, Py_ssize_t nargs);
/* FROMs that the column list names: a new list of nodes, in order. */
PyObject *orm_column_froms(orm_state *st, orm_node *select);
PyObject *orm_m_final_froms(PyObject *self, PyObject *none); /* compiler_type.c */
/* select_join.c */
PyObject *orm_m_join(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_m_outerjoin(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_m_join_from(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_m_outerjoin_from(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_m_where(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *orm_m_filter_by(PyObject *self, PyObject *args, PyObject *kwargs);
/* from_statement.c; select_use.c */
PyObject *orm_m_reduce_columns(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_m_from_statement(PyObject *self, PyObject *statement);
PyObject *orm_get_column_descriptions(PyObject *self, void *closure);
PyObject *orm_m_subquery(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_m_lateral(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_m_scalar_subquery(PyObject *self, PyObject *none);
PyObject *orm_m_exists(PyObject *self, PyObject *none);
PyObject *orm_m_stmt_label(PyObject *self, PyObject *name);
#define ORM_SELECTABLE_METHODS                                                                \
    {"subquery", ORM_METHOD(orm_m_subquery), ORM_METH_KW, "subquery($self, name=None)\n--\n\nIn FROM."}, \
        {"alias", ORM_METHOD(orm_m_subquery), ORM_METH_KW, "alias($self, name=None, flat=False)\n--\n\nIn FROM."}, \
        {"lateral", ORM_METHOD(orm_m_lateral), ORM_METH_KW, "lateral($self, name=None)\n--\n\nLATERAL."}, \
        {"scalar_subquery", orm_m_scalar_subquery, METH_NOARGS, "scalar_subquery($self)\n--\n\nAs a value."}, \
        {"as_scalar", orm_m_scalar_subquery, METH_NOARGS, "as_scalar($self)\n--\n\nscalar_subquery()."}, \
        {"exists", orm_m_exists, METH_NOARGS, "exists($self)\n--\n\nEXISTS."},                \
        {"label", orm_m_stmt_label, METH_O, "label($self, name, /)\n--\n\nA labelled scalar subquery."}, \
        {"cte", ORM_METHOD(orm_m_cte), ORM_METH_KW,                                           \
         "cte($self, name=None, recursive=False, nesting=False, *, materialized=None)\n--\n\nWITH."}

/* --- dml.c, dml_conflict.c, text.c ------------------------------------------------------------------- */
PyObject *orm_m_table_insert(PyObject *self, PyObject *none);
PyObject *orm_m_table_update(PyObject *self, PyObject *none);
PyObject *orm_m_table_delete(PyObject *self, PyObject *none);
PyObject *orm_m_on_conflict_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_m_on_conflict_nothing(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_insert_excluded(PyObject *self, void *closure);
/* dml_returning.c: methods, and whether an INSERT is of several rows, of a SELECT or inline(). */
PyObject *orm_m_returning(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_m_return_defaults(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *orm_dml_is_unkeyed(PyObject *self, void *closure);
/* The column that a key of values() names: a new reference, or NULL; and its key (or NULL). -1: exception. */
int orm_dml_resolve_key(orm_state *st, orm_node *stmt, PyObject *key, orm_node **column, PyObject **name);
/* Assignments of a dict into `list`. 0/-1. */
int orm_dml_add_row(orm_state *st, orm_node *stmt, PyObject *list, PyObject *row);
/* The next `:name` of a text() at or after *pos: 1, name in [*start, *end), *pos behind it; 0: none. */
int orm_text_next_name(PyObject *text, Py_ssize_t *pos, Py_ssize_t *start, Py_ssize_t *end);

/* --- key.c, cache.c ------------------------------------------------------------------------------------ */
int orm_sqlkey_compare(orm_state *st, orm_node *a, orm_node *b); /* 1 same structure and values, 0, -1 */

/* Tables of methods and attributes that node_type.c hangs on its types. */
extern PyMethodDef orm_exists_methods[], orm_scalarselect_methods[], orm_alias_methods[], orm_cte_methods[],
    orm_join_methods[], orm_values_methods[], orm_select_methods[], orm_textual_methods[], orm_text_methods[],
    orm_insert_methods[], orm_update_methods[], orm_delete_methods[], orm_copy_methods[],
    orm_fromstmt_methods[];
extern PyGetSetDef orm_select_getset[], orm_textual_getset[], orm_text_getset[], orm_dml_getset[],
    orm_fromstmt_getset[];

int orm_side_setup(PyObject *module, orm_state *st);
int orm_from_type_setup(PyObject *module, orm_state *st);
int orm_select_setup(PyObject *module, orm_state *st);
int orm_select_use_setup(PyObject *module, orm_state *st);
int orm_dml_setup(PyObject *module, orm_state *st);
int orm_text_setup(PyObject *module, orm_state *st);
int orm_cache_setup(PyObject *module, orm_state *st);

#endif
