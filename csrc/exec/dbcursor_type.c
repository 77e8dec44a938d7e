/*
 * dbcursor_type.c - DBCursor: PEP 249's cursor, over one orm_result at a time.
 *
 * Place: made by DBConnection.cursor(); pyorm.dbapi.Cursor is its Python subclass. Rows are
 *   exact tuples, or what the connection's row_factory makes of them.
 */
#include "exec_int.h"

typedef struct DBCursor {
    PyObject_HEAD
    DBConnection *db;    /* owned */
    orm_result *rows;    /* owned; NULL: nothing executed, or no rows */
    PyObject *dict;      /* Python attributes or NULL; owned */
    PyObject *weakrefs;
    PyObject *description; /* PEP 249's tuple of 7-tuples, or NULL: no rows; owned */
    int64_t rowcount;    /* -1: unknown */
    int64_t lastrowid;   /* SQLite; 0: none */
    Py_ssize_t arraysize; /* rows of fetchmany() */
    bool busy;           /* a thread executes or reads: no other may, nor what it calls */
    bool closed;
} DBCursor;

static void
drop_rows(DBCursor *c)
{
    orm_result *rows = c->rows;

    c->rows = NULL;
    orm_result_free(rows);
    Py_CLEAR(c->description);
}

static int
cursor_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    DBCursor *c = (DBCursor *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *db = NULL;

    if (st == NULL || !PyArg_ParseTuple(args, "O!:Cursor", st->DBConnection, &db)) {
        return -1;
    }
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "Cursor() takes no keyword arguments");
        return -1;
    }
    Py_XSETREF(c->db, (DBConnection *)Py_NewRef(db));
    c->rowcount = -1;
    c->arraysize = 1;
    return 0;
}

static int
cursor_traverse(PyObject *self, visitproc visit, void *arg)
{
    DBCursor *c = (DBCursor *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(c->db);
    Py_VISIT(c->dict);
    if (c->rows != NULL) {
        Py_VISIT(c->rows->db);
    }
    return 0;
}

static int
cursor_clear(PyObject *self)
{
    DBCursor *c = (DBCursor *)self;

    drop_rows(c);
    Py_CLEAR(c->db);
    Py_CLEAR(c->dict);
    return 0;
}

static void
cursor_dealloc(PyObject *self)
{
    DBCursor *c = (DBCursor *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (c->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    (void)cursor_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static int
usable(DBCursor *c)
{
    if (c->closed || c->db == NULL) {
        orm_err err;
        PyObject *exc = NULL;
        orm_state *st = orm_state_from_type(Py_TYPE(c));

        if (st == NULL) {
            return -1;
        }
        orm_err_init(&err);
        orm_err_set(&err, ORM_E_INTERFACE, "the cursor is closed");
        exc = orm_dberror_new(st, &err);
        orm_err_fini(&err);
        if (exc != NULL) {
            PyErr_SetRaisedException(exc);
        }
        return -1;
    }
    if (c->busy) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the cursor is in use, by another thread or by the caller of this "
                        "function; give each its own cursor");
        return -1;
    }
    return 0;
}

/* (name, type code, None, None, None, None, None) per column; the code is PostgreSQL's OID. */
static PyObject *
describe(orm_result *r)
{
    PyObject *description = PyTuple_New(r->ncols);

    for (uint32_t i = 0; description != NULL && i < r->ncols; i++) {
        PyObject *code = r->driver->dialect == ORM_PG
                             ? PyLong_FromUnsignedLong(r->decoders[i].type->oid)
                             : Py_NewRef(Py_None);
        PyObject *column = code == NULL ? NULL
                                        : Py_BuildValue("(sNOOOOO)", r->names[i], code, Py_None,
                                                        Py_None, Py_None, Py_None, Py_None);

        if (column == NULL) {
            Py_CLEAR(description);
        }
        else {
            PyTuple_SET_ITEM(description, i, column);
        }
    }
    return description;
}

static PyObject *
run(DBCursor *c, PyObject *sql, PyObject *params, bool many)
{
    orm_result *r = NULL;
    int look = params == NULL ? ORM_PARAMS_NONE : ORM_PARAMS_GIVEN;
    int rc;

    if (usable(c) < 0) {
        return NULL;
    }
    if (!PyUnicode_Check(sql)) {
        PyErr_Format(PyExc_TypeError, "a statement is a str, not %.100s", Py_TYPE(sql)->tp_name);
        return NULL;
    }
    drop_rows(c);
    c->rowcount = -1;
    if (c->db->driver->dialect == ORM_LITE && params == NULL) {
        look = ORM_PARAMS_EMPTY; /* a forgotten parameter is an error, not NULL */
    }
    c->busy = true;
    rc = orm_dbconn_begin(c->db);
    if (rc == 0) {
        rc = orm_raw_run(c->db, NULL, sql, params, many, look, ORM_FETCH_BUFFER, &r);
    }
    c->busy = false;
    if (rc < 0) {
        return NULL;
    }
    c->rowcount = r->rowcount;
    c->lastrowid = r->lastrowid;
    if (r->ncols == 0) {
        orm_result_free(r);
    }
    else {
        c->description = describe(r);
        c->rows = r;
        if (c->description == NULL) {
            drop_rows(c);
            return NULL;
        }
    }
    return Py_NewRef(c);
}

static PyObject *
cursor_execute(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "execute",
                                       .names = {"operation", "parameters"},
                                       .npositional = 2,
                                       .nrequired = 1,
                                       .count = 2};
    PyObject *out[2] = {NULL, NULL};

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    return run((DBCursor *)self, out[0], out[1] == Py_None ? NULL : out[1], false);
}

static PyObject *
cursor_executemany(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "executemany",
                                       .names = {"operation", "seq_of_parameters"},
                                       .npositional = 2,
                                       .nrequired = 2,
                                       .count = 2};
    PyObject *out[2] = {NULL, NULL};
    PyObject *sets = NULL;
    PyObject *result = NULL;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    sets = PySequence_List(out[1]);
    if (sets != NULL) {
        result = run((DBCursor *)self, out[0], sets, true);
        Py_DECREF(sets);
    }
    return result;
}

static PyObject *
cursor_executescript(PyObject *self, PyObject *sql)
{
    DBCursor *c = (DBCursor *)self;
    PyObject *answer = NULL;

    if (usable(c) < 0) {
        return NULL;
    }
    drop_rows(c);
    /* As sqlite3 has it: what is pending is committed first. */
    answer = PyObject_CallMethod((PyObject *)c->db, "commit", NULL);
    if (answer != NULL) {
        Py_SETREF(answer, PyObject_CallMethod((PyObject *)c->db, "_script", "O", sql));
    }
    Py_XDECREF(answer);
    return answer == NULL ? NULL : Py_NewRef(self);
}

/* The next row: 1, 0, -1. */
static int
next_row(DBCursor *c, PyObject **row)
{
    int rc;

    *row = NULL;
    if (usable(c) < 0) {
        return -1;
    }
    if (c->rows == NULL) {
        return 0;
    }
    c->busy = true;
    rc = orm_result_row(c->rows, NULL, row);
    c->busy = false;
    if (rc > 0 && c->db->row_factory != NULL && c->db->row_factory != Py_None) {
        PyObject *made = PyObject_CallFunctionObjArgs(c->db->row_factory, (PyObject *)c, *row,
                                                      NULL);

        Py_SETREF(*row, made);
        rc = made == NULL ? -1 : 1;
    }
    return rc;
}

static PyObject *
fetch(DBCursor *c, Py_ssize_t n)
{
    PyObject *list = PyList_New(0);
    PyObject *row = NULL;
    int rc = 1;

    while (list != NULL && (n < 0 || PyList_GET_SIZE(list) < n) && (rc = next_row(c, &row)) > 0) {
        rc = PyList_Append(list, row);
        Py_DECREF(row);
        if (rc < 0) {
            break;
        }
    }
    if (rc < 0) {
        Py_CLEAR(list);
    }
    return list;
}

static PyObject *
cursor_fetchone(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *row = NULL;
    int rc = next_row((DBCursor *)self, &row);

    return rc < 0 ? NULL : rc == 0 ? Py_NewRef(Py_None) : row;
}

static PyObject *
cursor_fetchall(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return fetch((DBCursor *)self, -1);
}

static PyObject *
cursor_fetchmany(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "fetchmany", .names = {"size"}, .npositional = 1, .count = 1};
    DBCursor *c = (DBCursor *)self;
    PyObject *size = NULL;
    int64_t n = c->arraysize;

    if (orm_args_parse(&spec, args, nargs, kwnames, &size) < 0
        || orm_arg_int64(&spec, 0, size, &n) < 0) {
        return NULL;
    }
    return fetch(c, n < 0 ? 0 : (Py_ssize_t)n);
}

static PyObject *
cursor_iternext(PyObject *self)
{
    PyObject *row = NULL;

    (void)next_row((DBCursor *)self, &row);
    return row;
}

static PyObject *
cursor_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    DBCursor *c = (DBCursor *)self;

    if (c->busy && usable(c) < 0) {
        return NULL;
    }
    drop_rows(c);
    c->closed = true;
    Py_RETURN_NONE;
}

static PyObject *
cursor_set_sizes(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args))
{
    Py_RETURN_NONE;
}

static PyObject *
get_description(PyObject *self, void *Py_UNUSED(closure))
{
    DBCursor *c = (DBCursor *)self;

    return Py_NewRef(c->description == NULL ? Py_None : c->description);
}

static PyObject *
get_rowcount(PyObject *self, void *Py_UNUSED(closure))
{
    DBCursor *c = (DBCursor *)self;

    return PyLong_FromLongLong(c->rows != NULL ? c->rows->rowcount : c->rowcount);
}

static PyObject *
get_lastrowid(PyObject *self, void *Py_UNUSED(closure))
{
    DBCursor *c = (DBCursor *)self;

    return c->lastrowid == 0 ? Py_NewRef(Py_None) : PyLong_FromLongLong(c->lastrowid);
}

static PyMethodDef cursor_methods[] = {
    {"execute", ORM_METHOD(cursor_execute), ORM_METH_KW,
     "execute($self, operation, parameters=None)\n--\n\nRun a statement."},
    {"executemany", ORM_METHOD(cursor_executemany), ORM_METH_KW,
     "executemany($self, operation, seq_of_parameters)\n--\n\nRun it for every set."},
    {"executescript", cursor_executescript, METH_O,
     "executescript($self, sql_script)\n--\n\nCommit, then run several statements."},
    {"fetchone", cursor_fetchone, METH_NOARGS, "fetchone($self)\n--\n\nThe next row or None."},
    {"fetchmany", ORM_METHOD(cursor_fetchmany), ORM_METH_KW,
     "fetchmany($self, size=None)\n--\n\nUp to size rows."},
    {"fetchall", cursor_fetchall, METH_NOARGS, "fetchall($self)\n--\n\nThe remaining rows."},
    {"close", cursor_close, METH_NOARGS, "close($self)\n--\n\nClose the cursor."},
    {"setinputsizes", cursor_set_sizes, METH_VARARGS, "setinputsizes($self, sizes)\n--\n\nNothing."},
    {"setoutputsize", cursor_set_sizes, METH_VARARGS,
     "setoutputsize($self, size, column=None)\n--\n\nNothing."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef cursor_getset[] = {
    {"description", get_description, NULL, "The columns, or None.", NULL},
    {"rowcount", get_rowcount, NULL, "Rows changed; -1: not known.", NULL},
    {"lastrowid", get_lastrowid, NULL, "SQLite: rowid of the last row inserted.", NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef cursor_members[] = {
    {"connection", Py_T_OBJECT_EX, offsetof(DBCursor, db), Py_READONLY, NULL},
    {"arraysize", Py_T_PYSSIZET, offsetof(DBCursor, arraysize), 0, NULL},
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(DBCursor, dict), Py_READONLY, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(DBCursor, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot cursor_slots[] = {
    {Py_tp_doc, (void *)"A cursor of the driver."},
    {Py_tp_init, cursor_init},
    {Py_tp_traverse, cursor_traverse},
    {Py_tp_clear, cursor_clear},
    {Py_tp_dealloc, cursor_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, cursor_iternext},
    {Py_tp_methods, cursor_methods},
    {Py_tp_getset, cursor_getset},
    {Py_tp_members, cursor_members},
    {0, NULL},
};

static PyType_Spec cursor_spec = {
    .name = "pyorm._core.DBCursor",
    .basicsize = sizeof(DBCursor),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = cursor_slots,
};

int
orm_dbcursor_setup(PyObject *module, orm_state *st)
{
    return orm_type_add(module, st, &cursor_spec, NULL, &st->DBCursor);
}
