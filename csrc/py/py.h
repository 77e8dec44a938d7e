/*
 * py/py.h - what every file that touches Python includes, and includes first.
 *
 * Brings Python.h, the version shims, the ownership words, the module state, the argument
 * parser and the way from an orm_err to an exception.
 */
#ifndef ORM_PY_PY_H
#define ORM_PY_PY_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "py/compat.h"

#include "py/own.h"

#include "py/state.h"

#include "py/args.h"

#include "py/errors.h"

#endif /* ORM_PY_PY_H */
