/*
 * cursor_result.c - CursorResult: the Result of a Core statement, over a running orm_result.
 *
 * Place: Connection.execute returns it. The source below is Core's row loop: cells to Rows,
 *   or to the bare values of one column, without a Python frame per row.
 * What an INSERT left behind (keys, defaults, parameters) is worked out only when asked for,
 *   by pyorm.engine._inserted from what is kept here.
 */
#include "result_int.h"

typedef struct core_source {
    orm_result *rows;  /* owned */
    PyObject *shape;   /* owned */
} core_source;

/* The bare value of one column of the next row; 1, 0, -1. */
static int
next_value(orm_result *r, Py_ssize_t column, PyObject **value)
{
    const orm_cell *cells = NULL;
    int rc = orm_result_next(r, &cells);

    if (rc > 0) {
        *value = orm_result_decode(r, (uint32_t)column, &cells[column]);
        orm_result_settle(r);
        rc = *value == NULL ? -1 : 1;
    }
    return rc;
}

static int
log_row(orm_result *r, PyObject *item)
{
    PyObject *answer = NULL;

    if (r->owner == NULL || !(r->owner->flags & ORM_CF_LOG_DEBUG)) {
        return 0;
    }
    answer = PyObject_CallMethod(r->owner->engine->logger, "row", "OO", r->owner, item);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

static int
core_fetch(void *self, PyObject *into, Py_ssize_t n, Py_ssize_t column)
{
    core_source *s = self;

    for (Py_ssize_t i = 0; n < 0 || i < n; i++) {
        PyObject *item = NULL;
        int rc = column < 0 ? orm_result_row(s->rows, s->shape, &item)
                            : next_value(s->rows, column, &item);

        if (rc <= 0) {
            return rc;
        }
        rc = log_row(s->rows, item) < 0 ? -1 : PyList_Append(into, item);
        Py_DECREF(item);
        if (rc < 0) {
            return -1;
        }
    }
    return 1;
}

static void
core_close(void *self)
{
    core_source *s = self;

    orm_result_free(s->rows);
    Py_XDECREF(s->shape);
    PyMem_Free(s);
}

static int
core_traverse(void *self, visitproc visit, void *arg)
{
    core_source *s = self;

    Py_VISIT(s->rows->owner);
    Py_VISIT(s->rows->compiled);
    Py_VISIT(s->rows->db);
    Py_VISIT(s->shape);
    return 0;
}

static int64_t
core_rowcount(void *self)
{
    return ((core_source *)self)->rows->rowcount;
}

static const orm_source core_ops = {
    .fetch = core_fetch,
    .close = core_close,
    .traverse = core_traverse,
    .rowcount = core_rowcount,
};

/* ---- names and shape ---- */

/* The keys of a result by its compiled statement, or as the database named its columns: also
 * those of a statement that are SQL text, whose name nobody else knows. */
static PyObject *
result_keys(orm_result *r, bool compiled)
{
    PyObject *keys = PyTuple_New(r->ncols);

    for (uint32_t i = 0; keys != NULL && i < r->ncols; i++) {
        PyObject *name = compiled ? r->compiled->cols[i].name : NULL; /* borrow-ok: it owns it */
        PyObject *key = name != NULL && PyUnicode_GET_LENGTH(name) > 0
                            ? Py_NewRef(name)
                            : PyUnicode_FromString(r->names[i]);

        if (key == NULL) {
            Py_CLEAR(keys);
        }
        else {
            PyTuple_SET_ITEM(keys, i, key);
        }
    }
    return keys;
}

PyObject *
orm_cursor_shape(orm_result *r, PyObject *statement)
{
    bool compiled = r->compiled != NULL && r->compiled->ncols == r->ncols;
    orm_compiled *c = compiled ? r->compiled : NULL;
    PyObject *keys = NULL;
    orm_names *names = NULL;
    PyObject *shape = NULL;

    if (c != NULL && c->names != NULL) {
        return orm_shape_make(r->st, (orm_names *)c->names, NULL, statement, c);
    }
    keys = result_keys(r, compiled);
    names = keys == NULL ? NULL : orm_names_new(r->st, keys, !compiled);
    if (names != NULL) {
        shape = orm_shape_make(r->st, names, NULL, statement, c);
        if (c != NULL && c->names == NULL) {
            c->names = Py_NewRef(names); /* the next execution finds them */
        }
    }
    Py_XDECREF(keys);
    Py_XDECREF(names);
    return shape;
}

/* ---- the object ---- */

PyObject *
orm_cursor_result(orm_state *st, orm_result *r, PyObject *statement)
{
    CursorResultObject *c = NULL;
    core_source *s = NULL;
    PyObject *shape = NULL;

    if (r->ncols > 0) {
        s = PyMem_Calloc(1, sizeof(*s));
        shape = s == NULL ? PyErr_NoMemory() : orm_cursor_shape(r, statement);
        if (shape == NULL) {
            goto error;
        }
    }
    c = (CursorResultObject *)orm_result_alloc(st, st->CursorResult, (orm_shape *)shape);
    if (c == NULL) {
        goto error;
    }
    c->statement = Py_XNewRef(statement);
    c->compiled = Py_XNewRef((PyObject *)r->compiled);
    c->conn = Py_XNewRef((PyObject *)r->owner);
    c->result.rowcount = r->rowcount;
    c->result.lastrowid = r->lastrowid;
    if (s == NULL) {
        c->result.no_rows = true;
        orm_result_free(r);
        return (PyObject *)c;
    }
    s->rows = r;
    s->shape = shape;
    c->result.source = &core_ops;
    c->result.self = s;
    return (PyObject *)c;

error:
    PyMem_Free(s);
    Py_XDECREF(shape);
    orm_result_free(r);
    return NULL;
}

static int
cursor_traverse(PyObject *self, visitproc visit, void *arg)
{
    CursorResultObject *c = (CursorResultObject *)self;

    Py_VISIT(c->statement);
    Py_VISIT(c->compiled);
    Py_VISIT(c->conn);
    Py_VISIT(c->params);
    Py_VISIT(c->returned);
    return c->result.head.st->Result->tp_traverse(self, visit, arg);
}

static int
cursor_clear(PyObject *self)
{
    CursorResultObject *c = (CursorResultObject *)self;

    Py_CLEAR(c->statement);
    Py_CLEAR(c->compiled);
    Py_CLEAR(c->params);
    Py_CLEAR(c->returned);
    (void)c->result.head.st->Result->tp_clear(self);
    Py_CLEAR(c->conn);
    return 0;
}

static void
cursor_dealloc(PyObject *self)
{
    CursorResultObject *c = (CursorResultObject *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (c->result.head.weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    (void)cursor_clear(self);
    PyMem_Free(c->result.by_identity);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
get_rowcount(PyObject *self, void *Py_UNUSED(closure))
{
    ResultObject *r = (ResultObject *)self;
    int64_t n = r->source != NULL ? r->source->rowcount(r->self) : r->rowcount;

    return PyLong_FromLongLong(n);
}

static PyObject *
get_lastrowid(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromLongLong(((ResultObject *)self)->lastrowid);
}

static PyObject *
get_returns_rows(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(!((ResultObject *)self)->no_rows);
}

static PyObject *
get_is_insert(PyObject *self, void *Py_UNUSED(closure))
{
    CursorResultObject *c = (CursorResultObject *)self;
    orm_compiled *compiled = (orm_compiled *)c->compiled;

    return PyBool_FromLong(compiled != NULL && c->statement != NULL
                           && compiled->verb == ORM_VERB_INSERT && compiled->slots != NULL);
}

/* Everything about an INSERT's keys and defaults: Python's work, from what is kept here. */
static PyObject *
get_inserted(PyObject *self, void *closure)
{
    PyObject *module = PyImport_ImportModule("pyorm.engine._inserted");
    PyObject *result = NULL;

    if (module != NULL) {
        result = PyObject_CallMethod(module, (const char *)closure, "O", self);
        Py_DECREF(module);
    }
    return result;
}

static PyObject *
call_inserted(PyObject *self, const char *name)
{
    return get_inserted(self, (void *)(uintptr_t)name);
}

#define INSERTED(name)                                                                        \
    static PyObject *cursor_##name(PyObject *self, PyObject *Py_UNUSED(ignored))              \
    {                                                                                         \
        return call_inserted(self, #name);                                                    \
    }
INSERTED(last_inserted_params)
INSERTED(last_updated_params)
INSERTED(prefetch_cols)
INSERTED(postfetch_cols)
INSERTED(lastrow_has_defaults)

static PyObject *
cursor_true(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    Py_RETURN_TRUE;
}

static PyMethodDef cursor_methods[] = {
    {"last_inserted_params", cursor_last_inserted_params, METH_NOARGS, NULL},
    {"last_updated_params", cursor_last_updated_params, METH_NOARGS, NULL},
    {"prefetch_cols", cursor_prefetch_cols, METH_NOARGS, NULL},
    {"postfetch_cols", cursor_postfetch_cols, METH_NOARGS, NULL},
    {"lastrow_has_defaults", cursor_lastrow_has_defaults, METH_NOARGS, NULL},
    {"supports_sane_rowcount", cursor_true, METH_NOARGS, NULL},
    {"supports_sane_multi_rowcount", cursor_true, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef cursor_getset[] = {
    {"rowcount", get_rowcount, NULL, "Rows matched by an INSERT, UPDATE or DELETE; -1.", NULL},
    {"lastrowid", get_lastrowid, NULL, "SQLite: the rowid of the row inserted last.", NULL},
    {"returns_rows", get_returns_rows, NULL, "True if the statement has columns.", NULL},
    {"is_insert", get_is_insert, NULL, "True for an insert() construct.", NULL},
    {"inserted_primary_key", get_inserted, NULL, "The key of the row inserted, as a Row.",
     "inserted_primary_key"},
    {"inserted_primary_key_rows", get_inserted, NULL, "The keys of all rows inserted.",
     "inserted_primary_key_rows"},
    {"returned_defaults", get_inserted, NULL, "Values the database made, as a Row or None.",
     "returned_defaults"},
    {"returned_defaults_rows", get_inserted, NULL, "The same for every row.",
     "returned_defaults_rows"},
    {"context", get_inserted, NULL, "The execution's context.", "context"},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef cursor_members[] = {
    {"_statement", Py_T_OBJECT_EX, offsetof(CursorResultObject, statement), Py_READONLY, NULL},
    {"_params", Py_T_OBJECT_EX, offsetof(CursorResultObject, params), 0, NULL},
    {"_returned", Py_T_OBJECT_EX, offsetof(CursorResultObject, returned), 0, NULL},
    {"connection", Py_T_OBJECT_EX, offsetof(CursorResultObject, conn), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot cursor_slots[] = {
    {Py_tp_doc, (void *)"The result of a Core statement."},
    {Py_tp_traverse, cursor_traverse},
    {Py_tp_clear, cursor_clear},
    {Py_tp_dealloc, cursor_dealloc},
    {Py_tp_methods, cursor_methods},
    {Py_tp_getset, cursor_getset},
    {Py_tp_members, cursor_members},
    {0, NULL},
};

static PyType_Spec cursor_spec = {
    .name = "pyorm._core.CursorResult",
    .basicsize = sizeof(CursorResultObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = cursor_slots,
};

int
orm_cursor_result_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &cursor_spec, st->Result, &st->CursorResult) < 0) {
        return -1;
    }
    return orm_type_set_module(st->CursorResult, "pyorm.engine");
}
