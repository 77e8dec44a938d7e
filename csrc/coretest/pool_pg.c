/*
 * coretest/pool_pg.c - the pool over real PostgreSQL connections, as pytest sees it.
 *
 * Place: tests/pool/test_pool_pg.py. A pool is a capsule that owns the pairs of its URL; an
 *   entry is a capsule that lives from pool_take to pool_give; its connection is a capsule
 *   that the functions of coretest/pg.c take.
 */
#include "coretest/coretest.h"
#include "pool/pool.h"

#define POOL "pool"
#define ENTRY "pool_entry"
#define CONN "pg_conn" /* as in coretest/pg.c */
#define MAX_PAIRS 16

typedef struct test_pool {
    orm_pool *pool;            /* owned */
    uint32_t n;                /* pairs */
    char *keys[MAX_PAIRS];     /* owned copies */
    char *values[MAX_PAIRS];   /* owned copies */
} test_pool;

static int
open_pg(void *arg, orm_mono deadline, const orm_waiter *w, orm_conn **out, orm_err *err)
{
    test_pool *t = arg;
    orm_dsn dsn = {(const char *const *)t->keys, (const char *const *)t->values, t->n};
    return orm_driver_pg()->open(&dsn, deadline, w, out, err);
}

static PyObject *
raise_code(orm_err *err)
{
    PyErr_Format(PyExc_RuntimeError, "%s: %s", orm_code_name(err->code), orm_err_message(err));
    orm_err_fini(err);
    return NULL;
}

PyDoc_STRVAR(new_doc, "pool_new($module, pairs, size, overflow, timeout_ms)\n--\n\nA pool.");

static PyObject *
pool_new(PyObject *Py_UNUSED(m), PyObject *args)
{
    PyObject *pairs;
    orm_pool_opts opts = {.kind = ORM_POOL_QUEUE, .recycle_ms = -1, .open = open_pg};
    long long timeout_ms;
    orm_err err;

    if (!PyArg_ParseTuple(args, "O!iiL", &PyTuple_Type, &pairs, &opts.size, &opts.max_overflow,
                          &timeout_ms)) {
        return NULL;
    }
    test_pool *t = PyMem_Calloc(1, sizeof(*t));
    if (t == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(pairs) && i < MAX_PAIRS; i++) {
        const char *key, *value;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(pairs, i), "ss", &key, &value)) {
            PyMem_Free(t);
            return NULL;
        }
        t->keys[t->n] = orm_strdup(key);
        t->values[t->n++] = orm_strdup(value);
    }
    opts.timeout_ms = timeout_ms;
    opts.arg = t;
    orm_err_init(&err);
    t->pool = orm_pool_new(&opts, orm_driver_pg(), &err);
    if (t->pool == NULL) {
        PyMem_Free(t);
        return raise_code(&err);
    }
    orm_err_fini(&err);
    return PyCapsule_New(t, POOL, NULL);
}

PyDoc_STRVAR(take_doc, "pool_take($module, pool)\n--\n\n(entry, connection), checked out.");

static PyObject *
pool_take(PyObject *Py_UNUSED(m), PyObject *capsule)
{
    test_pool *t = PyCapsule_GetPointer(capsule, POOL);
    orm_pooled *entry = NULL;
    orm_err err;
    int rc;

    if (t == NULL) {
        return NULL;
    }
    orm_err_init(&err);
    Py_BEGIN_ALLOW_THREADS
    rc = orm_pool_checkout(t->pool, 0, ORM_NEVER, NULL, &entry, &err);
    Py_END_ALLOW_THREADS
    if (rc < 0) {
        return raise_code(&err);
    }
    orm_err_fini(&err);
    return Py_BuildValue("NN", PyCapsule_New(entry, ENTRY, NULL),
                         PyCapsule_New(entry->conn, CONN, NULL));
}

PyDoc_STRVAR(give_doc, "pool_give($module, pool, entry, how)\n--\n\n"
                       "Return it: \"now\", \"later\" (as a finalizer) or \"lost\".");

static PyObject *
pool_give(PyObject *Py_UNUSED(m), PyObject *args)
{
    PyObject *pool_capsule, *entry_capsule;
    const char *how;

    if (!PyArg_ParseTuple(args, "OOs", &pool_capsule, &entry_capsule, &how)) {
        return NULL;
    }
    test_pool *t = PyCapsule_GetPointer(pool_capsule, POOL);
    orm_pooled *entry = PyCapsule_GetPointer(entry_capsule, ENTRY);
    if (t == NULL || entry == NULL) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    if (strcmp(how, "later") == 0) {
        orm_pool_checkin_later(t->pool, entry);
    }
    else if (strcmp(how, "lost") == 0) {
        orm_pool_discard(t->pool, entry, true);
    }
    else {
        orm_pool_checkin(t->pool, entry);
    }
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

PyDoc_STRVAR(stats_doc, "pool_stats($module, pool)\n--\n\nSome of its numbers.");

static PyObject *
pool_stats(PyObject *Py_UNUSED(m), PyObject *capsule)
{
    test_pool *t = PyCapsule_GetPointer(capsule, POOL);
    orm_pool_stats s;

    if (t == NULL) {
        return NULL;
    }
    orm_pool_read_stats(t->pool, &s);
    return Py_BuildValue("{s:I,s:I,s:I,s:I,s:K,s:K,s:K,s:K}", "idle", s.idle, "settling",
                         s.settling, "busy", s.busy, "used", s.used, "opens",
                         (unsigned long long)s.opens, "closes", (unsigned long long)s.closes,
                         "pings", (unsigned long long)s.pings, "waits",
                         (unsigned long long)s.waits);
}

PyDoc_STRVAR(free_doc, "pool_free($module, pool)\n--\n\nClose and free it; all must be back.");

static PyObject *
pool_free(PyObject *Py_UNUSED(m), PyObject *capsule)
{
    test_pool *t = PyCapsule_GetPointer(capsule, POOL);

    if (t == NULL || PyCapsule_SetName(capsule, "freed") < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    orm_pool_free(t->pool);
    orm_pool_stop_worker();
    Py_END_ALLOW_THREADS
    for (uint32_t i = 0; i < t->n; i++) {
        orm_free(t->keys[i]);
        orm_free(t->values[i]);
    }
    PyMem_Free(t);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"pool_new", pool_new, METH_VARARGS, new_doc},
    {"pool_take", pool_take, METH_O, take_doc},
    {"pool_give", pool_give, METH_VARARGS, give_doc},
    {"pool_stats", pool_stats, METH_O, stats_doc},
    {"pool_free", pool_free, METH_O, free_doc},
    {NULL, NULL, 0, NULL},
};

const orm_coretest_room orm_coretest_pool_pg = {.methods = methods};
