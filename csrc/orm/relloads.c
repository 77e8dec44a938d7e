/*
 * orm/relloads.c - `_core.RelationLoads`: the statements by which one relationship is loaded.
 *
 * Made by pyorm/orm/_strategies.py at the first load, compiled once per dialect for one parent;
 *   for many parents the engine's cache finds the compiled form (the statement is one object).
 * Marks: the parameters that are not the statement's own hold objects of ours; the key walk
 *   hands them back by ordinal, which tells where a parent's values go.
 */
#include "orm/lazy.h"

static int
relloads_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_relloads *loads = (orm_relloads *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(loads->one);
    Py_VISIT(loads->one_marks);
    for (int d = 0; d < ORM_NDIALECTS; d++) {
        Py_VISIT(loads->ones[d]);
        Py_VISIT(loads->own[d]);
    }
    Py_VISIT(loads->many);
    Py_VISIT(loads->many_mark);
    Py_VISIT(loads->make_range);
    Py_VISIT(loads->range);
    Py_VISIT(loads->range_marks[0]);
    Py_VISIT(loads->range_marks[1]);
    Py_VISIT(loads->what);
    Py_VISIT(loads->names);
    Py_VISIT(loads->origin);
    return 0;
}

static int
relloads_clear(PyObject *self)
{
    orm_relloads *loads = (orm_relloads *)self;

    Py_CLEAR(loads->one);
    Py_CLEAR(loads->one_marks);
    for (int d = 0; d < ORM_NDIALECTS; d++) {
        Py_CLEAR(loads->ones[d]);
        Py_CLEAR(loads->own[d]);
    }
    Py_CLEAR(loads->many);
    Py_CLEAR(loads->many_mark);
    Py_CLEAR(loads->make_range);
    Py_CLEAR(loads->range);
    Py_CLEAR(loads->range_marks[0]);
    Py_CLEAR(loads->range_marks[1]);
    Py_CLEAR(loads->what);
    Py_CLEAR(loads->names);
    Py_CLEAR(loads->origin);
    return 0;
}

static void
relloads_dealloc(PyObject *self)
{
    orm_relloads *loads = (orm_relloads *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    relloads_clear(self);
    for (int d = 0; d < ORM_NDIALECTS; d++) {
        PyMem_Free(loads->from[d]);
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot relloads_slots[] = {
    {Py_tp_doc, "The statements by which one relationship is loaded."},
    {Py_tp_dealloc, relloads_dealloc},
    {Py_tp_traverse, relloads_traverse},
    {Py_tp_clear, relloads_clear},
    {0, NULL},
};

PyType_Spec orm_relloads_spec = {
    .name = "pyorm._core.RelationLoads",
    .basicsize = sizeof(orm_relloads),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = relloads_slots,
};

orm_relloads *
orm_relloads_of(orm_state *st, orm_relation *rel)
{
    if (rel->lazy_cache == NULL) {
        rel->lazy_cache = st->RelationLoads->tp_alloc(st->RelationLoads, 0);
    }
    return (orm_relloads *)rel->lazy_cache;
}

/* --- making ------------------------------------------------------------------------------- */

/* Call a function of _strategies with the property and what is said. New reference: a tuple. */
static PyObject *
ask(orm_state *st, orm_relation *rel, const orm_relloads *loads, const char *function)
{
    PyObject *module = orm_import_once(&st->strategies, "pyorm.orm._strategies", NULL);

    return module == NULL ? NULL
                          : PyObject_CallMethod(module, function, "OO", rel->prop,
                                                loads->what == NULL ? Py_None : loads->what);
}

/* Statements of their own for what is said: (Step or None, options). 0 / -1. */
static int
take_what(orm_relloads *loads, PyObject *what)
{
    PyObject *step = NULL;
    int narrowed = 0;

    if (!PyTuple_Check(what) || PyTuple_GET_SIZE(what) != 2) {
        PyErr_SetString(PyExc_TypeError, "what is said of a relationship is a pair");
        return -1;
    }
    step = PyTuple_GET_ITEM(what, 0);
    if (step != Py_None) {
        PyObject *flag = PyObject_GetAttrString(step, "narrows");
        narrowed = flag == NULL ? -1 : PyObject_IsTrue(flag);
        Py_XDECREF(flag);
    }
    loads->narrowed = narrowed > 0;
    loads->asks_more = PyTuple_Check(PyTuple_GET_ITEM(what, 1))
                       && PyTuple_GET_SIZE(PyTuple_GET_ITEM(what, 1)) > 0;
    Py_XSETREF(loads->what, Py_NewRef(what));
    return narrowed < 0 ? -1 : 0;
}

/* What behind(property, options) says, as statements; None: nothing. New reference. */
static PyObject *
make_behind(orm_state *st, orm_relation *rel, PyObject *options)
{
    PyObject *module = orm_import_once(&st->strategies, "pyorm.orm._strategies", NULL);
    PyObject *what = module == NULL
                         ? NULL
                         : PyObject_CallMethod(module, "behind", "OO", rel->prop, options);
    orm_relloads *loads = NULL;

    if (what == NULL || what == Py_None) {
        return what;
    }
    loads = (orm_relloads *)st->RelationLoads->tp_alloc(st->RelationLoads, 0);
    if (loads != NULL && take_what(loads, what) < 0) {
        Py_CLEAR(loads);
    }
    Py_DECREF(what);
    return (PyObject *)loads;
}

orm_relloads *
orm_relloads_for_head(orm_head *h, orm_relation *rel)
{
    orm_state *st = h->mapper->state;
    PyObject *said = Py_XNewRef(orm_remembered(h));
    PyObject *found = NULL;
    int rc = 0;

    if (said != NULL && PyTuple_GET_SIZE(said) == 2 && PyDict_Check(PyTuple_GET_ITEM(said, 1))) {
        rc = PyDict_GetItemRef(PyTuple_GET_ITEM(said, 1), (PyObject *)rel, &found);
        if (rc == 0) {
            found = make_behind(st, rel, PyTuple_GET_ITEM(said, 0));
            rc = found == NULL ? -1
                               : PyDict_SetItem(PyTuple_GET_ITEM(said, 1), (PyObject *)rel, found);
        }
    }
    Py_XDECREF(said);
    if (rc < 0) {
        Py_XDECREF(found);
        return NULL;
    }
    if (found == NULL || found == Py_None) {
        Py_XDECREF(found);
        return (orm_relloads *)Py_XNewRef(orm_relloads_of(st, rel));
    }
    return (orm_relloads *)found;
}

/* one_select(prop, what) -> (Select, ((mark, key of the parent's attribute), ...)) */
int
orm_relloads_one(orm_state *st, orm_relation *rel, orm_relloads *loads)
{
    PyObject *made = NULL;
    PyObject *select, *marks;
    orm_node *node = NULL;

    if (loads->one != NULL) {
        return 0;
    }
    made = ask(st, rel, loads, "one_select");
    if (made == NULL || !PyArg_ParseTuple(made, "OO!", &select, &PyTuple_Type, &marks)) {
        Py_XDECREF(made);
        return -1;
    }
    node = orm_node_of(st, select);
    if (node != NULL) {
        Py_XSETREF(loads->one_marks, Py_NewRef(marks));
        Py_XSETREF(loads->one, (orm_node *)Py_NewRef(node));
        loads->strict = (rel->flags & ORM_RF_STRICT) != 0;
    }
    Py_DECREF(made);
    return node == NULL ? -1 : 0;
}

/* Which parameter takes which of the parent's values. 0 / -1. */
static int
map_values(orm_relloads *loads, uint8_t dialect, const orm_values *vals)
{
    int32_t *from = PyMem_Malloc((vals->n + 1) * sizeof(*from));
    PyObject *own = PyTuple_New(vals->n);

    if (from == NULL || own == NULL) {
        PyMem_Free(from);
        Py_XDECREF(own);
        if (!PyErr_Occurred()) {
            PyErr_NoMemory();
        }
        return -1;
    }
    for (uint32_t i = 0; i < vals->n; i++) {
        from[i] = -1;
        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(loads->one_marks); k++) {
            PyObject *mark = PyTuple_GET_ITEM(PyTuple_GET_ITEM(loads->one_marks, k), 0);
            if (mark == vals->v[i]) {
                from[i] = (int32_t)k;
            }
        }
        PyTuple_SET_ITEM(own, i, Py_NewRef(vals->v[i] == NULL ? Py_None : vals->v[i]));
    }
    PyMem_Free(loads->from[dialect]);
    loads->from[dialect] = from;
    Py_XSETREF(loads->own[dialect], own);
    return 0;
}

int
orm_relloads_prepare(orm_state *st, orm_relation *rel, orm_relloads *loads, uint8_t dialect)
{
    orm_compile_opts opts = {.dialect = dialect};
    orm_compiled *c = NULL;
    orm_values vals;

    if (loads->ones[dialect] != NULL) {
        return 0;
    }
    if (orm_relloads_one(st, rel, loads) < 0
        || orm_compile_cached(st, NULL, loads->one, &opts, &c, &vals) < 0) {
        return -1;
    }
    if (map_values(loads, dialect, &vals) < 0) {
        orm_values_fini(&vals);
        Py_DECREF(c);
        return -1;
    }
    orm_values_fini(&vals);
    c->wire.flags |= ORM_TEXT_OWN_SHAPE;
    Py_XSETREF(loads->ones[dialect], c);
    return 0;
}

/* (Select, mark, number of key columns, maker of the range) of many_select into `loads`; consumes
   made. 0 / -1. */
static int
take_many(orm_state *st, orm_relloads *loads, PyObject *made)
{
    PyObject *select, *mark, *range;
    orm_node *node = NULL;
    unsigned int nkeys = 0;

    if (made == NULL || !PyArg_ParseTuple(made, "OOIO", &select, &mark, &nkeys, &range)) {
        Py_XDECREF(made);
        return -1;
    }
    node = orm_node_of(st, select);
    if (node != NULL) {
        loads->nkeys = nkeys;
        Py_XSETREF(loads->make_range, range == Py_None ? NULL : Py_NewRef(range));
        Py_XSETREF(loads->many_mark, Py_NewRef(mark));
        Py_XSETREF(loads->many, (orm_node *)Py_NewRef(node));
    }
    Py_DECREF(made);
    return node == NULL ? -1 : 0;
}

int
orm_relloads_range(orm_state *st, orm_relloads *loads)
{
    PyObject *made = NULL;
    PyObject *select, *first, *last;
    orm_node *node = NULL;

    if (loads->range != NULL || loads->make_range == NULL) {
        return 0;
    }
    made = PyObject_CallNoArgs(loads->make_range);
    if (made != NULL && PyArg_ParseTuple(made, "OOO", &select, &first, &last)) {
        node = orm_node_of(st, select);
    }
    if (node != NULL) {
        Py_XSETREF(loads->range_marks[0], Py_NewRef(first));
        Py_XSETREF(loads->range_marks[1], Py_NewRef(last));
        Py_XSETREF(loads->range, (orm_node *)Py_NewRef(node));
    }
    Py_XDECREF(made);
    return node == NULL ? -1 : 0;
}

int
orm_relloads_many(orm_state *st, orm_relation *rel, orm_relloads *loads)
{
    return loads->many != NULL ? 0 : take_many(st, loads, ask(st, rel, loads, "many_select"));
}

orm_relloads *
orm_relloads_for(const orm_loader *l, orm_relation *rel, const orm_post *post, uint32_t number)
{
    orm_state *st = l->st;
    PyObject *module = orm_import_once(&st->strategies, "pyorm.orm._strategies", NULL);
    orm_relloads *loads = (orm_relloads *)st->RelationLoads->tp_alloc(st->RelationLoads, 0);
    PyObject *made = NULL;

    if (module != NULL && loads != NULL) {
        made = PyObject_CallMethod(module, "post_select", "OOOOI", rel->prop, post->what,
                                   post->arguments,
                                   post->has_values && l->statement != NULL ? l->statement : Py_None,
                                   (unsigned int)number);
    }
    if (loads == NULL || take_many(st, loads, made) < 0 || take_what(loads, post->what) < 0) {
        Py_CLEAR(loads);
    }
    return loads;
}

/* around_select(statement, number, origin) -> (Select, number of key columns, names or None, origin) */
orm_relloads *
orm_relloads_around(const orm_loader *l, const orm_post *post, uint32_t number)
{
    orm_state *st = l->st;
    PyObject *module = orm_import_once(&st->around, "pyorm.orm._around", NULL);
    orm_relloads *loads = NULL;
    PyObject *select, *names, *origin;
    orm_node *node = NULL;
    PyObject *made = module == NULL
                         ? NULL
                         : PyObject_CallMethod(module, "around_select", "OIO", l->statement,
                                               (unsigned int)number,
                                               l->origin == NULL ? Py_None : l->origin);

    if (made != NULL) {
        loads = (orm_relloads *)st->RelationLoads->tp_alloc(st->RelationLoads, 0);
    }
    if (loads == NULL
        || !PyArg_ParseTuple(made, "OIOO", &select, &loads->nkeys, &names, &origin)
        || (node = orm_node_of(st, select)) == NULL || take_what(loads, post->what) < 0) {
        Py_CLEAR(loads);
    }
    else {
        loads->subquery = true;
        loads->many = (orm_node *)Py_NewRef(node);
        loads->names = names == Py_None ? NULL : Py_NewRef(names);
        loads->origin = Py_NewRef(origin);
    }
    Py_XDECREF(made);
    return loads;
}
