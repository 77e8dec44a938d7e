/*
 * py/args.h - the arguments of C functions, by a static table per function.
 *
 * A METH_FASTCALL|METH_KEYWORDS function declares its parameters once:
 *
 *     static const orm_args_spec spec = {
 *         .fname = "get", .names = {"entity", "ident", "options"},
 *         .npositional = 2, .nrequired = 2, .count = 3};
 *     PyObject *out[3];
 *     if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) { return NULL; }
 *
 * out[i] is borrowed from the caller's arguments, NULL where the caller gave nothing.
 * Wrong calls get the TypeError that the same function written in Python would give.
 */
#ifndef ORM_PY_ARGS_H
#define ORM_PY_ARGS_H

#include "py/own.h"

#include <stdint.h>

#define ORM_ARGS_MAX 32

typedef struct orm_args_spec {
    const char *fname;               /* for messages, without parentheses */
    const char *names[ORM_ARGS_MAX]; /* parameters in order, ASCII */
    uint8_t count;                   /* parameters in names */
    uint8_t npositional;             /* so many may be given by position */
    uint8_t nposonly;                /* so many may be given by position only */
    uint8_t nrequired;               /* the first so many must be given */
    uint64_t required_kw;            /* bit i: keyword-only parameter i must be given */
} orm_args_spec;

/* Parse a vectorcall; nargs as handed over (the offset flag is masked). 0/-1 TypeError. */
ORM_RAISES ORM_MUSTCHECK int orm_args_parse(const orm_args_spec *spec, PyObject *const *args,
                                            Py_ssize_t nargs, PyObject *kwnames, PyObject **out);

/* The same for tp_new and tp_init: a tuple and a dict (NULL: none). */
ORM_RAISES ORM_MUSTCHECK int orm_args_parse_tuple(const orm_args_spec *spec, PyObject *args,
                                                  PyObject *kwargs, PyObject **out);

/* Read a bool argument: dflt if v is NULL, truth of v else; -1 with an exception. */
ORM_RAISES int orm_arg_bool(PyObject *v, int dflt);

/* Read a str argument. NULL v: *out = NULL. 0, or -1 with TypeError "fname() argument ...". */
ORM_RAISES ORM_MUSTCHECK int orm_arg_str(const orm_args_spec *spec, int i, PyObject *v,
                                         int none_ok, PyObject **out);

/* Read an int argument into *out (unchanged if v is NULL). 0/-1. */
ORM_RAISES ORM_MUSTCHECK int orm_arg_int64(const orm_args_spec *spec, int i, PyObject *v,
                                           int64_t *out);

#endif /* ORM_PY_ARGS_H */
