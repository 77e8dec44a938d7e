/*
 * row_int.h - the bodies of Row, its shape and its names; private to exec/.
 *
 * names (per compiled statement) <- shape (per execution) <- Row (per row).
 * The names know positions by interned pointer; the shape adds what is looked up by object
 * (Column, label, mapped attribute) in the statement that was really executed, since
 * another statement of the same structure may have made the names.
 */
#ifndef ORM_EXEC_ROW_INT_H
#define ORM_EXEC_ROW_INT_H

#include "exec/exec.h"

/* Position answers of the lookups below. */
#define ORM_AT_MISSING (-1)
#define ORM_AT_AMBIGUOUS (-2)
#define ORM_AT_ERROR (-3)

typedef struct orm_name_cell {
    PyObject *name; /* borrowed from `keys`; NULL: empty cell */
    int32_t at;     /* position */
} orm_name_cell;

typedef struct orm_names {
    PyObject_VAR_HEAD      /* ob_size: cells of the table, a power of two */
    PyObject *keys;        /* tuple of interned str, one per column; owned */
    PyObject *index;       /* dict: name -> position, or None where two columns have it; owned */
    orm_name_cell table[]; /* by pointer; without ambiguous names and without names that Row's
                              class defines (count, index, t, ...) */
} orm_names;

typedef struct orm_shape {
    PyObject_HEAD
    orm_state *st;      /* borrowed: the module outlives its types' instances */
    orm_names *names;   /* owned */
    PyObject *exprs;    /* tuple as given to orm_shape_new, or NULL; owned */
    PyObject *source;   /* the statement, to find `exprs` when first asked, or NULL; owned */
    PyObject *by_object; /* dict: id of an object -> position; made at the first lookup; owned */
    orm_compiled *compiled; /* with `source`; owned, or NULL */
} orm_shape;

typedef struct RowMappingObject {
    PyObject_HEAD
    PyObject *row; /* Row; owned */
} RowMappingObject;

typedef struct RowKeysObject {
    PyObject_HEAD
    orm_shape *shape; /* owned */
} RowKeysObject;

/* The hidden cell behind the last item. */
static inline PyObject **
orm_row_cell(PyObject *row)
{
    return &((PyTupleObject *)row)->ob_item[Py_SIZE(row)];
}

/* Borrowed; NULL for a Row made from a plain sequence. */
static inline orm_shape *
orm_row_shape(PyObject *row)
{
    return (orm_shape *)*orm_row_cell(row);
}

static inline size_t
orm_name_hash(PyObject *name)
{
    return (size_t)(((uintptr_t)name >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

/* Position of an interned name, by pointer only: ORM_AT_MISSING says "ask orm_names_find". */
static inline int32_t
orm_names_quick(const orm_names *names, PyObject *name)
{
    size_t mask = (size_t)Py_SIZE(names) - 1;
    size_t i = orm_name_hash(name) & mask;

    while (names->table[i].name != NULL) {
        if (names->table[i].name == name) {
            return names->table[i].at;
        }
        i = (i + 1) & mask;
    }
    return ORM_AT_MISSING;
}

/* last_wins: a name of two columns means the later one (raw SQL); else it is ambiguous. */
ORM_OWNED orm_names *orm_names_new(orm_state *st, PyObject *keys, bool last_wins);
/* By value; >= 0 or one of the answers above (ERROR: exception set). */
int32_t orm_names_find(const orm_names *names, PyObject *name);

ORM_OWNED PyObject *orm_shape_make(orm_state *st, orm_names *names, PyObject *exprs,
                                   PyObject *source, orm_compiled *compiled);
/* A shape of n of another one's columns, whose objects find the same columns as before. */
ORM_OWNED PyObject *orm_shape_pick(orm_shape *from, orm_names *names, const int32_t *pick,
                                   Py_ssize_t n);
/* By str or by object; >= 0 or one of the answers above. */
int32_t orm_shape_find(orm_shape *shape, PyObject *key);
/* The same, but what is not found raises NoSuchColumnError or InvalidRequestError: >= 0 / -1.
 * Ints are positions, negative ones from the end. */
int32_t orm_shape_require(orm_shape *shape, PyObject *key);
/* Set the exception for an answer of find. Always -1. */
int orm_shape_complain(orm_state *st, PyObject *key, int32_t answer);

/* The parts of exec_setup that live in row files. */
int orm_shape_setup(PyObject *module, orm_state *st);
int orm_row_setup(PyObject *module, orm_state *st);
int orm_rowmap_setup(PyObject *module, orm_state *st);
ORM_OWNED PyObject *orm_rowmap_new(orm_state *st, PyObject *row);
ORM_OWNED PyObject *orm_rowkeys_new(orm_state *st, orm_shape *shape);

#endif /* ORM_EXEC_ROW_INT_H */
