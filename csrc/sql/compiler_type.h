/*
 * compiler_type.h - SQLCompiler: what `stmt.compile()` returns and what @compiles hooks get.
 *
 * Place: private to sql/. Locking: the GIL.
 */
#ifndef ORM_SQL_COMPILER_TYPE_H
#define ORM_SQL_COMPILER_TYPE_H

#include "plan.h"

typedef struct CompilerObject {
    PyObject_HEAD
    PyObject *statement;   /* owned; what was compiled */
    PyObject *dialect;     /* owned; dialect object or None */
    PyObject *string;      /* owned; the text, NULL while a hook's run is under way */
    PyObject *params;      /* owned; dict of values by bind name */
    PyObject *positiontup; /* owned; list of names, or None where placeholders are named */
    PyObject *required;    /* owned; set of names without a value */
    PyObject *asked;       /* owned; list of names whose value in `params` is a callable to ask */
    orm_cctx *cc;          /* the run, NULL when it is over */
} CompilerObject;

/* The object that hooks of this run get; borrowed from the run. NULL: exception. */
PyObject *orm_compiler_of(orm_cctx *cc);

#endif
