/*
 * engine_type.c - EngineCore: the C base of pyorm.engine.Engine.
 *
 * Place: create_engine() configures one; it holds what every execution needs: pool, compiled
 *   cache, listeners, transaction options, and what the codecs must know.
 * execution_options() makes another EngineCore over the same pool and cache (`base`).
 */
#include "exec_int.h"

int
orm_engine_check(orm_state *st, PyObject *o)
{
    return PyObject_TypeCheck(o, st->EngineCore);
}

const orm_driver *
orm_engine_driver(PyObject *engine)
{
    return orm_engine_pool((EngineCore *)engine)->driver;
}

orm_cache *
orm_engine_cache(PyObject *engine)
{
    EngineCore *e = (EngineCore *)engine;

    return e->base != NULL ? e->base->cache : e->cache;
}

static PyObject *
engine_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    orm_state *st = orm_state_from_type(type);
    EngineCore *e = st == NULL ? NULL : (EngineCore *)type->tp_alloc(type, 0);

    if (e != NULL) {
        e->st = st;
        e->tx = (orm_tx_opts){.isolation = ORM_ISO_DEFAULT, .readonly = -1, .deferrable = -1};
        e->options = PyDict_New();
        if (e->options == NULL) {
            Py_CLEAR(e);
        }
    }
    return (PyObject *)e;
}

/* _configure(pool, dialect, url, logger, hide_parameters, lenient, json_dumps, json_loads,
 * cache_entries, base): once, from __init__. cache_entries 0: no cache. */
static PyObject *
engine_configure(PyObject *self, PyObject *args)
{
    EngineCore *e = (EngineCore *)self;
    PyObject *pool = NULL;
    PyObject *dialect = NULL;
    PyObject *url = NULL;
    PyObject *logger = NULL;
    PyObject *json[2] = {NULL, NULL};
    PyObject *base = NULL;
    int hide = 0;
    int lenient = 0;
    unsigned int entries = 0;

    if (!PyArg_ParseTuple(args, "O!OOOppOOIO:_configure", e->st->PoolCore, &pool, &dialect, &url,
                          &logger, &hide, &lenient, &json[0], &json[1], &entries, &base)) {
        return NULL;
    }
    if (base != Py_None && !PyObject_TypeCheck(base, e->st->EngineCore)) {
        PyErr_SetString(PyExc_TypeError, "_configure: base is an engine or None");
        return NULL;
    }
    if (base == Py_None) { /* else it is the base's, which dispose() replaces */
        Py_XSETREF(e->pool, (PoolCore *)Py_NewRef(pool));
    }
    Py_XSETREF(e->dialect, Py_NewRef(dialect));
    Py_XSETREF(e->url, Py_NewRef(url));
    Py_XSETREF(e->logger, Py_NewRef(logger));
    for (int i = 0; i < 2; i++) {
        Py_XSETREF(e->json[i], json[i] == Py_None ? NULL : Py_NewRef(json[i]));
    }
    e->hide_parameters = hide;
    e->lenient = lenient;
    e->dialect_id = ((PoolCore *)pool)->driver == NULL ? ORM_PG : ((PoolCore *)pool)->driver->dialect;
    if (base != Py_None) {
        EngineCore *root = (EngineCore *)base;

        Py_XSETREF(e->base, (EngineCore *)Py_NewRef(root->base != NULL ? root->base : root));
    }
    else if (entries > 0 && e->cache == NULL) {
        e->cache = orm_cache_new(e->st, entries, 0);
        if (e->cache == NULL) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static int
engine_traverse(PyObject *self, visitproc visit, void *arg)
{
    EngineCore *e = (EngineCore *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(e->pool);
    Py_VISIT(e->dialect);
    Py_VISIT(e->url);
    Py_VISIT(e->options);
    Py_VISIT(e->logger);
    Py_VISIT(e->dict);
    Py_VISIT(e->base);
    Py_VISIT(e->dispatch);
    Py_VISIT(e->json[0]);
    Py_VISIT(e->json[1]);
    return e->cache == NULL ? 0 : orm_cache_traverse(e->cache, visit, arg);
}

static int
engine_clear(PyObject *self)
{
    EngineCore *e = (EngineCore *)self;

    Py_CLEAR(e->dict);
    Py_CLEAR(e->logger);
    Py_CLEAR(e->dispatch);
    Py_CLEAR(e->json[0]);
    Py_CLEAR(e->json[1]);
    if (e->cache != NULL) {
        orm_cache_clear(e->cache);
    }
    return 0;
}

static void
engine_dealloc(PyObject *self)
{
    EngineCore *e = (EngineCore *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (e->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    (void)engine_clear(self);
    if (e->cache != NULL) {
        orm_cache_free(e->cache);
    }
    Py_CLEAR(e->pool);
    Py_CLEAR(e->dialect);
    Py_CLEAR(e->url);
    Py_CLEAR(e->options);
    Py_CLEAR(e->base);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- methods ---- */

static PyObject *
engine_connect(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return orm_engine_connect(((EngineCore *)self)->st, self, NULL);
}

static PyObject *
engine_raw_connection(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return (PyObject *)orm_pool_take(orm_engine_pool((EngineCore *)self));
}

static PyObject *
engine_clear_cache(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    orm_cache *cache = orm_engine_cache(self);

    if (cache != NULL) {
        orm_cache_clear(cache);
    }
    Py_RETURN_NONE;
}

static PyObject *
engine_cache_stats(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    orm_cache *cache = orm_engine_cache(self);
    orm_cache_stats s = {0};

    if (cache != NULL) {
        orm_cache_get_stats(cache, &s);
    }
    return Py_BuildValue("{sKsKsKsKsKsKsIsn}", "hits", s.hits, "misses", s.misses, "rejected",
                         s.rejected, "evictions", s.evictions, "uncacheable", s.uncacheable,
                         "memo_hits", s.memo_hits, "entries", s.entries, "bytes",
                         (Py_ssize_t)s.bytes);
}

/* _set_tx(isolation, readonly, deferrable): of all connections to come; -1: unset. */
static PyObject *
engine_set_tx(PyObject *self, PyObject *args)
{
    int isolation, readonly, deferrable;

    if (!PyArg_ParseTuple(args, "iii:_set_tx", &isolation, &readonly, &deferrable)) {
        return NULL;
    }
    ((EngineCore *)self)->tx = (orm_tx_opts){.isolation = (uint8_t)isolation,
                                             .readonly = (int8_t)readonly,
                                             .deferrable = (int8_t)deferrable};
    Py_RETURN_NONE;
}

static PyObject *
engine_get_tx(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    const orm_tx_opts *tx = &((EngineCore *)self)->tx;

    return Py_BuildValue("(iii)", tx->isolation, tx->readonly, tx->deferrable);
}

static PyObject *
engine_get_dispatch(PyObject *self, void *Py_UNUSED(closure))
{
    EngineCore *e = (EngineCore *)self;

    return Py_NewRef(e->dispatch == NULL ? Py_None : (PyObject *)e->dispatch);
}

static int
engine_set_dispatch(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    EngineCore *e = (EngineCore *)self;

    if (value == NULL || !PyObject_TypeCheck(value, e->st->Dispatch)) {
        PyErr_SetString(PyExc_TypeError, "a Dispatch is needed");
        return -1;
    }
    Py_XSETREF(e->dispatch, (orm_dispatch *)Py_NewRef(value));
    return 0;
}

static PyObject *
engine_get_options(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(((EngineCore *)self)->options);
}

static int
engine_set_options(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (value == NULL || !PyDict_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "execution options are a dict");
        return -1;
    }
    Py_XSETREF(((EngineCore *)self)->options, Py_NewRef(value));
    return 0;
}

static int
engine_set_pool(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    EngineCore *e = (EngineCore *)self;

    if (value == NULL || !PyObject_TypeCheck(value, e->st->PoolCore)) {
        PyErr_SetString(PyExc_TypeError, "engine.pool is a pyorm.pool.Pool");
        return -1;
    }
    e = e->base != NULL ? e->base : e;
    Py_XSETREF(e->pool, (PoolCore *)Py_NewRef(value));
    return 0;
}

static PyObject *
engine_get_pool(PyObject *self, void *Py_UNUSED(closure))
{
    PoolCore *pool = orm_engine_pool((EngineCore *)self);

    return Py_NewRef(pool == NULL ? Py_None : (PyObject *)pool);
}

static PyMethodDef engine_methods[] = {
    {"connect", engine_connect, METH_NOARGS, "connect($self)\n--\n\nA Connection of the pool."},
    {"raw_connection", engine_raw_connection, METH_NOARGS,
     "raw_connection($self)\n--\n\nA pooled connection of the driver, to be closed."},
    {"clear_compiled_cache", engine_clear_cache, METH_NOARGS,
     "clear_compiled_cache($self)\n--\n\nForget all compiled statements."},
    {"_cache_stats", engine_cache_stats, METH_NOARGS, NULL},
    {"_configure", engine_configure, METH_VARARGS, NULL},
    {"_set_tx", engine_set_tx, METH_VARARGS, NULL},
    {"_get_tx", engine_get_tx, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef engine_getset[] = {
    {"_dispatch", engine_get_dispatch, engine_set_dispatch, NULL, NULL},
    {"_options", engine_get_options, engine_set_options, NULL, NULL},
    {"pool", engine_get_pool, engine_set_pool, "The pool of connections.", NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef engine_members[] = {
    {"dialect", Py_T_OBJECT_EX, offsetof(EngineCore, dialect), Py_READONLY, "The dialect."},
    {"url", Py_T_OBJECT_EX, offsetof(EngineCore, url), Py_READONLY, "The URL."},
    {"_logger", Py_T_OBJECT_EX, offsetof(EngineCore, logger), Py_READONLY, NULL},
    {"hide_parameters", Py_T_BOOL, offsetof(EngineCore, hide_parameters), 0,
     "Whether values are left out of logs and exceptions."},
    {"_lenient", Py_T_BOOL, offsetof(EngineCore, lenient), Py_READONLY, NULL},
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(EngineCore, dict), Py_READONLY, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(EngineCore, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot engine_slots[] = {
    {Py_tp_doc, (void *)"The C side of an engine."},
    {Py_tp_new, engine_new},
    {Py_tp_traverse, engine_traverse},
    {Py_tp_clear, engine_clear},
    {Py_tp_dealloc, engine_dealloc},
    {Py_tp_methods, engine_methods},
    {Py_tp_getset, engine_getset},
    {Py_tp_members, engine_members},
    {0, NULL},
};

static PyType_Spec engine_spec = {
    .name = "pyorm._core.EngineCore",
    .basicsize = sizeof(EngineCore),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = engine_slots,
};

int
orm_engine_setup(PyObject *module, orm_state *st)
{
    static const struct {
        const char *name;
        int value;
    } levels[] = {{"ISO_DEFAULT", ORM_ISO_DEFAULT},
                  {"ISO_AUTOCOMMIT", ORM_ISO_AUTOCOMMIT},
                  {"ISO_READ_UNCOMMITTED", ORM_ISO_READ_UNCOMMITTED},
                  {"ISO_READ_COMMITTED", ORM_ISO_READ_COMMITTED},
                  {"ISO_REPEATABLE_READ", ORM_ISO_REPEATABLE_READ},
                  {"ISO_SERIALIZABLE", ORM_ISO_SERIALIZABLE},
                  {"ISO_IMMEDIATE", ORM_ISO_IMMEDIATE}};

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (PyModule_AddIntConstant(module, levels[i].name, levels[i].value) < 0) {
            return -1;
        }
    }
    return orm_type_add(module, st, &engine_spec, NULL, &st->EngineCore);
}
