/*
 * coretest.h - C tests of the core's internals, run one by one from pytest.
 *
 * Place: csrc/coretest/<room>.c tests csrc/<room>/; compiled into `_coretest` only.
 *   tests/test_c_units.py runs every test under its own name, "room.name".
 * A room has one table, ORM_CORETEST_ROOM, of what it brings:
 *   checks   C functions that call ORM_CHECK; they know no Python and run without the GIL's
 *            help, so a failure is a text, not an exception
 *   methods  functions for pytest to call with arguments, added to the module as they are
 * A room that is not linked in is skipped (the tables are weak symbols).
 */
#ifndef ORM_CORETEST_CORETEST_H
#define ORM_CORETEST_CORETEST_H

#include "py/py.h"

#include <stdbool.h>

/* The course of one test: the first check that failed. */
typedef struct orm_check {
    const char *file; /* NULL: every check held so far */
    const char *text; /* the expression that was false */
    int line;
    int held; /* checks that held: a test without any has tested nothing */
} orm_check;

/* Record a check; true if it held. */
static inline bool
orm_check_that(orm_check *c, bool held, const char *text, const char *file, int line)
{
    if (held) {
        c->held++;
    }
    else if (c->file == NULL) {
        c->file = file;
        c->line = line;
        c->text = text;
    }
    return held;
}

/* ORM_CHECK(c, x == 1): goes on after a failure; `if (!ORM_CHECK(…)) goto done;` does not. */
#define ORM_CHECK(c, expression) \
    orm_check_that((c), (expression) ? true : false, #expression, __FILE__, __LINE__)

typedef struct orm_coretest_case {
    const char *name;           /* NULL ends the table */
    void (*run)(orm_check *c);
} orm_coretest_case;

typedef struct orm_coretest_room {
    const orm_coretest_case *checks; /* NULL: none */
    PyMethodDef *methods;            /* NULL: none; names carry the room: "wire_read" */
} orm_coretest_room;

/* The rooms with tests; a file csrc/coretest/<room>.c defines orm_coretest_<room>. */
#define ORM_CORETEST_ROOMS(X) \
    X(self)                   \
    X(base)                   \
    X(wire)                   \
    X(lite)                   \
    X(lite_tx)                \
    X(lite_user)              \
    X(driver)                 \
    X(pg)                     \
    X(pool)                   \
    X(pool_pg)                \
    X(py)                     \
    X(types)                  \
    X(sql)                    \
    X(exec)                   \
    X(orm)                    \
    X(unit)                   \
    X(session)

#define ORM_CORETEST_DECLARE(room) extern const orm_coretest_room orm_coretest_##room;
ORM_CORETEST_ROOMS(ORM_CORETEST_DECLARE)
#undef ORM_CORETEST_DECLARE

/* Add the tests to the module `_coretest`; called by module.c after every room. */
int orm_coretest_setup(PyObject *module, orm_state *st);

#endif /* ORM_CORETEST_CORETEST_H */
