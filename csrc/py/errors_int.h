/*
 * py/errors_int.h - between errors_db.c and its tables.
 */
#ifndef ORM_PY_ERRORS_INT_H
#define ORM_PY_ERRORS_INT_H

#include "py/py.h"

/* The class of a SQLSTATE (five characters); DatabaseError for an unknown one. */
orm_exc orm_class_of_sqlstate(const char *sqlstate);

/* The class of SQLite's result code, extended or not; likewise. */
orm_exc orm_class_of_native(int code);

/* Its name in sqlite3.h, that of the primary code if the extended one is unknown, or NULL. */
const char *orm_name_of_native(int code);

#endif /* ORM_PY_ERRORS_INT_H */
