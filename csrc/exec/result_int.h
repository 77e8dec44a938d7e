/*
 * result_int.h - struct bodies of the Result family, private to exec/'s result files.
 *
 * A Result owns a source of rows; ScalarResult, MappingResult and TupleResult are views of
 * one. All have the same head, so that one set of functions serves the whole family.
 */
#ifndef ORM_EXEC_RESULT_INT_H
#define ORM_EXEC_RESULT_INT_H

#include "exec_int.h"

enum { ORM_VIEW_ROW, ORM_VIEW_SCALAR, ORM_VIEW_MAPPING, ORM_VIEW_TUPLE };

/* What becomes of a row before the user gets it. */
typedef struct orm_view {
    uint8_t kind;        /* ORM_VIEW_* */
    bool unique;         /* drop what was seen before */
    Py_ssize_t column;   /* SCALAR: position in the rows as they come from the source */
    PyObject *seen;      /* set of keys seen, made at the first row; owned */
    PyObject *strategy;  /* callable item -> key, or NULL: by value, entities by identity; owned */
    int32_t *pick;       /* columns(): positions, `npick` of them, or NULL: all; PyMem, owned */
    Py_ssize_t npick;
    orm_shape *shape;    /* of the rows handed out; owned */
} orm_view;

typedef struct ResultObject ResultObject;

typedef struct ResultHead {
    PyObject_HEAD
    orm_state *st;
    ResultObject *real;  /* a Result: itself, not owned; a view: owned */
    orm_view view;
    PyObject *weakrefs;
} ResultHead;

struct ResultObject {
    ResultHead head;
    const orm_source *source; /* NULL: released, nothing more comes */
    void *self;               /* the source's; owned */
    orm_shape *shape;         /* of the source's rows; owned */
    PyObject *buffer;         /* list of items fetched ahead: Rows, or bare values where ncols
                                 is 1; or NULL; owned */
    Py_ssize_t at;            /* next item of buffer */
    uint8_t *by_identity;     /* per column, or NULL; PyMem, owned */
    Py_ssize_t ncols;         /* columns of the source's rows; 0: returns no rows */
    Py_ssize_t yield_per;     /* rows per fetch; 0: as the source likes */
    Py_ssize_t ahead;         /* rows to fetch ahead when read one by one; 0: the usual number */
    int flags;                /* ORM_RESULT_* */
    bool reading;             /* the source is at work: others, and what it calls, stay out */
    bool ending;              /* ended while reading: released when the reader comes back */
    bool closed;              /* closed by the user or by first(), one(), ...: reading raises */
    bool no_rows;             /* a statement without rows: reading raises */
    PyObject *context;        /* CursorResult: ExecutionContext or NULL; owned */
    PyObject *attributes;     /* dict of ORM attributes (context, dynamic_yield_per), or NULL */
    int64_t rowcount;         /* when the source is gone */
    int64_t lastrowid;        /* SQLite's, of an INSERT */
};

/* A Result without a source yet; shape NULL: it returns no rows. */
ORM_OWNED ResultObject *orm_result_alloc(orm_state *st, PyTypeObject *type, orm_shape *shape);
/* Up to n items of the view (-1: all) as a new list. */
ORM_OWNED PyObject *orm_view_take(ResultHead *h, Py_ssize_t n);
/* The next item: 1, 0 at the end, -1. */
int orm_view_next(ResultHead *h, PyObject **item);
/* Release the source; `hard`: reading raises from now on. */
void orm_result_end(ResultObject *r, bool hard);
void orm_view_clear(orm_view *v);
int orm_view_traverse(orm_view *v, visitproc visit, void *arg);
int orm_view_copy(orm_view *to, const orm_view *from);
/* Raise why this result cannot be read, if so: -1, else 0. */
int orm_result_check(ResultObject *r);

/* A new view of a result. */
ORM_OWNED PyObject *orm_filter_new(ResultHead *from, PyTypeObject *type, uint8_t kind,
                                   Py_ssize_t column);

/* result_methods.c */
extern PyMethodDef orm_result_methods[];
extern PyMethodDef orm_scalars_methods[];
extern PyMethodDef orm_mappings_methods[];
extern PyMethodDef orm_tuples_methods[];
extern PyGetSetDef orm_result_getset[];
extern PyGetSetDef orm_filter_getset[];
typedef struct CursorResultObject {
    ResultObject result;
    PyObject *statement; /* the statement object, or NULL for raw SQL; owned */
    PyObject *compiled;  /* orm_compiled, or NULL; owned */
    PyObject *conn;      /* Connection; owned */
    PyObject *params;    /* dict or list of dicts as executed, defaults included, or NULL; owned */
    PyObject *returned;  /* list of tuples that an implicit RETURNING gave, or NULL; owned */
} CursorResultObject;

/* The shape of a running statement's rows; its names are kept in the compiled statement. */
ORM_OWNED PyObject *orm_cursor_shape(orm_result *r, PyObject *statement);

typedef struct PartitionsObject {
    PyObject_HEAD
    PyObject *result; /* one of the family; owned */
    Py_ssize_t size;  /* items per list */
} PartitionsObject;

int orm_partitions_setup(PyObject *module, orm_state *st);
int orm_cursor_result_setup(PyObject *module, orm_state *st);

#endif /* ORM_EXEC_RESULT_INT_H */
