/*
 * orm/load_key.c - loading one instance by its key: get, refresh, deferred columns.
 *
 * Place: Session.get() and attribute reads that need the database, by way of session/.
 * Statements: `SELECT columns WHERE primary key = ?` is compiled once per class, database and
 *   set of slots and kept by the plan, so that a call walks no tree: key values -> parameters ->
 *   row -> slots. What asks for more (FOR UPDATE, loader options, a schema map) is built as a
 *   statement and goes through the engine's cache.
 */
#include "orm/load_int.h"
#include "orm/relation.h"

/* `_core.MapperLoads`: the prepared statements of one class, owned by its plan. */
typedef struct orm_loads {
    PyObject_HEAD
    orm_compiled *get[ORM_NDIALECTS]; /* owned, or NULL: not made yet */
    PyObject *by_slots[ORM_NDIALECTS]; /* owned dict: slot numbers as bytes -> CompiledStatement */
} orm_loads;

static int
loads_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_loads *loads = (orm_loads *)self;

    Py_VISIT(Py_TYPE(self));
    for (int d = 0; d < ORM_NDIALECTS; d++) {
        Py_VISIT(loads->get[d]);
        Py_VISIT(loads->by_slots[d]);
    }
    return 0;
}

static int
loads_clear(PyObject *self)
{
    orm_loads *loads = (orm_loads *)self;

    for (int d = 0; d < ORM_NDIALECTS; d++) {
        Py_CLEAR(loads->get[d]);
        Py_CLEAR(loads->by_slots[d]);
    }
    return 0;
}

static void
loads_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    loads_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot loads_slots[] = {
    {Py_tp_doc, "The statements by which instances of one class are loaded by key."},
    {Py_tp_dealloc, loads_dealloc},
    {Py_tp_traverse, loads_traverse},
    {Py_tp_clear, loads_clear},
    {0, NULL},
};

PyType_Spec orm_loads_spec = {
    .name = "pyorm._core.MapperLoads",
    .basicsize = sizeof(orm_loads),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = loads_slots,
};

/* Borrowed from the plan, made at the first call; NULL with an exception. */
static orm_loads *
loads_of(orm_mapper *m)
{
    if (m->loads == NULL) {
        m->loads = m->state->MapperLoads->tp_alloc(m->state->MapperLoads, 0);
    }
    return (orm_loads *)m->loads;
}

/* --- building ----------------------------------------------------------------------------- */

/* `attribute = ?`, or IS NULL for a key that has no value there. New reference. */
static orm_node *
key_criterion(orm_mapper *m, uint32_t i, PyObject *value)
{
    orm_state *st = m->state;
    orm_attribute *a = m->attrs[m->pk[i]];
    orm_type *boolean = orm_type_builtin(st, ORM_T_BOOL);
    orm_node *right = NULL;
    orm_node *args[2];
    orm_node *made = NULL;

    if (boolean == NULL) {
        return NULL;
    }
    right = value == Py_None
                ? orm_node_make(st, ORM_N_NULLVAL, ORM_OP_NONE, orm_type_builtin(st, ORM_T_NULL),
                                NULL, 0, 0, NULL)
                : orm_bind_new(st, value, a->n.node->type, a->n.name, ORM_BIND_UNIQUE);
    if (right == NULL) {
        return NULL;
    }
    args[0] = a->n.node;
    args[1] = right;
    made = orm_node_make(st, ORM_N_BINARY, value == Py_None ? ORM_OP_IS : ORM_OP_EQ, boolean,
                         NULL, 0, 2, args);
    Py_DECREF(right);
    return made;
}

/* SELECT cols WHERE key = values. New reference. */
static orm_node *
select_by_key(orm_mapper *m, orm_node *const *cols, Py_ssize_t ncols, PyObject *const *values)
{
    orm_state *st = m->state;
    orm_node *list = orm_node_make(st, ORM_N_LIST, ORM_OP_COMMA, NULL, NULL, 0, ncols, cols);
    orm_node *where = NULL;
    orm_node *select = NULL;

    if (list == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < m->npk; i++) {
        orm_node *one = key_criterion(m, i, values[i]);
        orm_node *both = one == NULL ? NULL : orm_and(st, where, one);

        Py_XDECREF(one);
        Py_XSETREF(where, both);
        if (where == NULL) {
            goto done;
        }
    }
    select = orm_node_new(st, NULL, ORM_N_SELECT, ORM_SEL__COUNT);
    if (select == NULL) {
        goto done;
    }
    select->args[ORM_SEL_COLS] = (orm_node *)Py_NewRef(list);
    select->args[ORM_SEL_WHERE] = (orm_node *)Py_XNewRef(where);
    if (orm_node_seal(st, select) < 0) {
        Py_CLEAR(select);
    }
done:
    Py_DECREF(list);
    Py_XDECREF(where);
    return select;
}

/* Compile once for all executions, whatever the values. New reference. */
static orm_compiled *
prepare(orm_mapper *m, uint8_t dialect, orm_node *const *cols, Py_ssize_t ncols)
{
    orm_compile_opts opts = {.dialect = dialect};
    orm_compiled *c = NULL;
    orm_values vals;
    PyObject *few[8] = {NULL};
    PyObject **values = m->npk <= 8 ? few : PyMem_Malloc(m->npk * sizeof(*values));
    orm_node *select = NULL;

    if (values == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (uint32_t i = 0; i < m->npk; i++) {
        values[i] = Py_False; /* any value: only its place is in the statement */
    }
    select = select_by_key(m, cols, ncols, values);
    if (values != few) {
        PyMem_Free(values);
    }
    if (select == NULL) {
        return NULL;
    }
    if (orm_compile_cached(m->state, NULL, select, &opts, &c, &vals) == 0) {
        orm_values_fini(&vals);
        c->wire.flags |= ORM_TEXT_OWN_SHAPE | ORM_TEXT_UNIQUE_GET;
    }
    Py_DECREF(select);
    return c;
}

/* --- keys --------------------------------------------------------------------------------- */

/* The values of a key as objects, in the order of the primary key: new references into
   `values`. 0 / -1. */
static int
key_values(const orm_mapper *m, const orm_key *k, PyObject **values)
{
    if (k->kind == ORM_KEY_MANY) {
        for (uint32_t i = 0; i < m->npk; i++) {
            values[i] = Py_NewRef(PyTuple_GET_ITEM(k->obj, i));
        }
        return 0;
    }
    values[0] = k->kind == ORM_KEY_INT ? PyLong_FromLongLong(k->i) : Py_NewRef(k->obj);
    return values[0] == NULL ? -1 : 0;
}

/* Room for the key's values. */
typedef struct key_room {
    PyObject *few[8];
    PyObject **v; /* owned references, npk; NULL: not filled */
    uint32_t n;
} key_room;

static int
key_room_fill(key_room *room, const orm_mapper *m, const orm_key *k)
{
    room->n = 0;
    room->v = m->npk <= 8 ? room->few : PyMem_Malloc(m->npk * sizeof(*room->v));
    if (room->v == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (key_values(m, k, room->v) < 0) {
        return -1;
    }
    room->n = m->npk;
    return 0;
}

static void
key_room_fini(key_room *room)
{
    for (uint32_t i = 0; i < room->n; i++) {
        Py_DECREF(room->v[i]);
    }
    if (room->v != room->few) {
        PyMem_Free(room->v);
    }
}

static bool
has_null(const key_room *room)
{
    for (uint32_t i = 0; i < room->n; i++) {
        if (room->v[i] == Py_None) {
            return true;
        }
    }
    return false;
}

/* --- statements that ask for more --------------------------------------------------------- */

/* `made` becomes the result of calling a method of it. 0 / -1. */
static int
refine(orm_node **made, const char *method, PyObject *args, PyObject *kwargs)
{
    PyObject *fn = PyObject_GetAttrString((PyObject *)*made, method);
    PyObject *answer = fn == NULL ? NULL : PyObject_Call(fn, args, kwargs);

    Py_XDECREF(fn);
    if (answer == NULL) {
        return -1;
    }
    Py_SETREF(*made, (orm_node *)answer);
    return 0;
}

/* FOR UPDATE and loader options onto the statement. 0 / -1. */
static int
add_wishes(orm_node **select, const orm_load_opts *opts)
{
    PyObject *args = NULL;
    int rc = 0;

    if (opts == NULL) {
        return 0;
    }
    if (opts->for_update != NULL && opts->for_update != Py_None && opts->for_update != Py_False) {
        args = PyTuple_New(0);
        rc = args == NULL ? -1
                          : refine(select, "with_for_update", args,
                                   PyDict_Check(opts->for_update) ? opts->for_update : NULL);
        Py_CLEAR(args);
    }
    if (rc == 0 && opts->options != NULL && opts->options != Py_None) {
        args = PySequence_Tuple(opts->options);
        rc = args == NULL ? -1 : refine(select, "options", args, NULL);
        Py_XDECREF(args);
    }
    return rc;
}

/* Compile by the engine's cache and run. 0 / -1. */
static int
run_built(PyObject *conn, orm_mapper *m, orm_node *select, const orm_load_opts *opts,
          orm_compiled **c, orm_result **r)
{
    PyObject *engine = orm_connection_engine(conn);
    orm_conn_facts facts = {0};
    orm_compile_opts how = {.dialect = orm_engine_driver(engine)->dialect};
    orm_run_opts run = {.mode = ORM_RUN_BUFFER,
                        .options = opts == NULL ? NULL : opts->exec_options};
    orm_values vals;
    int rc;

    if (orm_connection_facts(conn, &facts) < 0) {
        return -1;
    }
    how.schema_map = facts.schemas;
    how.flags = facts.schemas != NULL ? ORM_COMPILE_SCHEMA_MAP : 0;
    if (orm_compile_cached(m->state, orm_engine_cache(engine), select, &how, c, &vals) < 0) {
        return -1;
    }
    rc = orm_exec_run(conn, *c, vals.v, vals.n, &run, r);
    orm_values_fini(&vals);
    if (rc < 0) {
        Py_CLEAR(*c);
    }
    return rc;
}

static bool
asks_for_more(PyObject *conn, const orm_load_opts *opts, const key_room *key)
{
    orm_conn_facts facts = {0};

    if (has_null(key)
        || (opts != NULL && (opts->for_update != NULL || opts->options != NULL
                             || opts->exec_options != NULL))) {
        return true;
    }
    if (orm_connection_facts(conn, &facts) < 0) {
        PyErr_Clear(); /* running the statement will say it */
        return false;
    }
    return facts.schemas != NULL;
}

/* --- get ---------------------------------------------------------------------------------- */

/* Start the statement that brings the row. 0 / -1. */
static int
run_get(PyObject *conn, orm_mapper *m, const key_room *key, const orm_load_opts *opts,
        orm_compiled **c, orm_result **r)
{
    orm_run_opts run = {.mode = ORM_RUN_BUFFER};
    uint8_t dialect = orm_engine_driver(orm_connection_engine(conn))->dialect;
    orm_loads *loads = NULL;
    orm_node *select = NULL;
    int rc;

    if (asks_for_more(conn, opts, key)) {
        select = select_by_key(m, &m->entity, 1, key->v);
        rc = select == NULL ? -1 : add_wishes(&select, opts);
        rc = rc < 0 ? -1 : run_built(conn, m, select, opts, c, r);
        Py_XDECREF(select);
        return rc;
    }
    loads = loads_of(m);
    if (loads == NULL) {
        return -1;
    }
    if (loads->get[dialect] == NULL) {
        orm_compiled *made = prepare(m, dialect, &m->entity, 1);
        if (made == NULL) {
            return -1;
        }
        Py_XSETREF(loads->get[dialect], made);
    }
    ORM_COUNT(load_prepared);
    *c = (orm_compiled *)Py_NewRef(loads->get[dialect]);
    rc = orm_exec_run(conn, *c, key->v, key->n, &run, r);
    if (rc < 0) {
        Py_CLEAR(*c);
    }
    return rc;
}

int
orm_load_get(orm_session *s, PyObject *conn, orm_mapper *m, const orm_key *k,
             const orm_load_opts *opts, PyObject **out)
{
    key_room key = {0};
    orm_loader l = {.token = Py_XNewRef(k->token)};
    orm_compiled *c = NULL;
    orm_result *r = NULL;
    const orm_cell *cells = NULL;
    int rc = -1;

    *out = NULL;
    if (m->entity == NULL) {
        orm_raise_exc(m->state, ORM_EXC_InvalidRequestError,
                      "'%s' is not mapped to anything that can be selected from", m->cls->tp_name);
        goto done;
    }
    if (key_room_fill(&key, m, k) < 0 || run_get(conn, m, &key, opts, &c, &r) < 0) {
        goto done;
    }
    l.overwrite = opts != NULL && opts->populate_existing;
    if (orm_loader_init(&l, s, c, r) < 0) {
        goto done;
    }
    rc = orm_result_next(r, &cells);
    if (rc > 0) {
        l.row = 1;
        *out = orm_loader_entity(&l, &l.plan->ents[0], cells);
        rc = *out == NULL ? -1 : 0;
    }
    if (*out == Py_None) {
        Py_CLEAR(*out);
    }
done:
    orm_loader_fini(&l);
    key_room_fini(&key);
    Py_XDECREF(c);
    return rc;
}

/* --- refresh ------------------------------------------------------------------------------ */

/* The statement for these slots, for any key. Borrowed from the plan, or NULL. */
static orm_compiled *
prepared_for_slots(orm_mapper *m, uint8_t dialect, const uint32_t *slots, uint32_t n)
{
    orm_loads *loads = loads_of(m);
    PyObject *name = NULL;
    PyObject *found = NULL;
    orm_node **cols = NULL;

    if (loads == NULL) {
        return NULL;
    }
    if (loads->by_slots[dialect] == NULL && (loads->by_slots[dialect] = PyDict_New()) == NULL) {
        return NULL;
    }
    name = PyBytes_FromStringAndSize((const char *)slots, (Py_ssize_t)(n * sizeof(*slots)));
    if (name == NULL) {
        return NULL;
    }
    found = PyDict_GetItemWithError(loads->by_slots[dialect], name); /* borrow-ok: the dict's */
    if (found == NULL && !PyErr_Occurred()) {
        cols = PyMem_Malloc((n + 1) * sizeof(*cols));
        for (uint32_t i = 0; cols != NULL && i < n; i++) {
            cols[i] = m->attrs[slots[i]]->n.node;
        }
        found = cols == NULL ? PyErr_NoMemory() : (PyObject *)prepare(m, dialect, cols, n);
        PyMem_Free(cols);
        if (found != NULL) {
            int rc = PyDict_SetItem(loads->by_slots[dialect], name, found);
            Py_DECREF(found); /* the dict has it */
            found = rc < 0 ? NULL : found;
        }
    }
    Py_DECREF(name);
    return (orm_compiled *)found;
}

static int
run_refresh(PyObject *conn, orm_mapper *m, const key_room *key, const uint32_t *slots, uint32_t n,
            const orm_load_opts *opts, orm_result **r)
{
    orm_run_opts run = {.mode = ORM_RUN_BUFFER};
    orm_compiled *c = NULL;
    orm_node *select = NULL;
    orm_node **cols = NULL;
    int rc = -1;

    if (asks_for_more(conn, opts, key)) {
        cols = PyMem_Malloc((n + 1) * sizeof(*cols));
        if (cols == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        for (uint32_t i = 0; i < n; i++) {
            cols[i] = m->attrs[slots[i]]->n.node;
        }
        select = select_by_key(m, cols, n, key->v);
        PyMem_Free(cols);
        rc = select == NULL ? -1 : add_wishes(&select, opts);
        rc = rc < 0 ? -1 : run_built(conn, m, select, opts, &c, r);
        Py_XDECREF(select);
        Py_XDECREF(c);
        return rc;
    }
    c = prepared_for_slots(m, orm_engine_driver(orm_connection_engine(conn))->dialect, slots, n);
    if (c != NULL) {
        ORM_COUNT(load_prepared);
        Py_INCREF(c);
        rc = orm_exec_run(conn, c, key->v, key->n, &run, r);
        Py_DECREF(c);
    }
    return rc;
}

/* Set of the slots' keys. New reference. */
static PyObject *
names_of(const orm_mapper *m, const uint32_t *slots, uint32_t n)
{
    PyObject *set = PyFrozenSet_New(NULL);

    for (uint32_t i = 0; set != NULL && i < n; i++) {
        if (PySet_Add(set, m->attrs[slots[i]]->n.key) < 0) {
            Py_CLEAR(set);
        }
    }
    return set;
}

/* The row's values into the slots. 0 / -1. */
static int
fill_slots(orm_head *h, orm_result *r, const uint32_t *slots, uint32_t n, const orm_cell *cells)
{
    orm_decctx *dec = NULL;

    (void)orm_result_decoders(r, &dec);
    dec->row = 1;
    for (uint32_t i = 0; i < n; i++) {
        PyObject *v = orm_result_decode(r, i, &cells[i]);

        if (v == NULL || orm_val_load_steal(h, slots[i], v) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
raise_no_row(orm_head *h, const orm_load_opts *opts)
{
    orm_state *st = h->mapper->state;
    PyObject *text = orm_head_describe(h);
    PyObject *module = NULL;
    PyObject *cls = NULL;
    PyObject *exc = NULL;

    if (text == NULL) {
        return -1;
    }
    if (opts != NULL && opts->explicit) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError, "Could not refresh instance '%U'", text);
        Py_DECREF(text);
        return -1;
    }
    module = orm_import_once(&st->orm_exc_module, "pyorm.orm.exc", NULL);
    cls = module == NULL ? NULL : PyObject_GetAttrString(module, "ObjectDeletedError");
    /* The class takes the state first; the text is what users match. */
    exc = cls == NULL ? NULL
                      : PyObject_CallFunction(
                            cls, "ON", Py_None,
                            PyUnicode_FromFormat("Instance '%U' has been deleted, or its row is "
                                                 "otherwise not present.", text));
    if (exc != NULL) {
        PyErr_SetObject(cls, exc);
    }
    Py_XDECREF(exc);
    Py_XDECREF(cls);
    Py_DECREF(text);
    return -1;
}

/* Tell `refresh` listeners. 0 / -1. */
static int
tell_refreshed(orm_session *s, orm_head *h, PyObject *obj, const uint32_t *slots, uint32_t n,
               bool whole)
{
    orm_mapper *m = h->mapper;
    orm_loader l = {.st = m->state, .s = s, .owner = Py_XNewRef(s->owner)};
    PyObject *names = NULL;
    int rc = 0;

    if (orm_instance_listeners(m, ORM_IEV_REFRESH) != NULL) {
        names = whole ? NULL : names_of(m, slots, n);
        rc = names == NULL && !whole ? -1 : orm_loader_fire(&l, m, obj, ORM_IEV_REFRESH, names);
    }
    orm_loader_fini(&l);
    return rc;
}

/* Load these slots by the instance's key. 0 / -1. */
static int
load_slots(orm_session *s, PyObject *conn, orm_head *h, const uint32_t *slots, uint32_t n,
           const orm_load_opts *opts)
{
    PyObject *obj = orm_head_object(h);
    orm_key k = {0};
    key_room key = {0};
    orm_result *r = NULL;
    const orm_cell *cells = NULL;
    bool whole = opts != NULL && opts->whole;
    int rc = -1;

    if (obj == NULL || orm_key_of(&k, h) <= 0) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ReferenceError, "the instance of this InstanceState is gone");
        }
        goto done;
    }
    if (key_room_fill(&key, h->mapper, &k) < 0
        || run_refresh(conn, h->mapper, &key, slots, n, opts, &r) < 0) {
        goto done;
    }
    rc = orm_result_next(r, &cells);
    if (rc == 0) {
        rc = raise_no_row(h, opts);
    }
    if (rc < 0 || fill_slots(h, r, slots, n, cells) < 0) {
        rc = -1;
        goto done;
    }
    h->flags &= ~(uint32_t)ORM_H_EXPIRED;
    if (whole) {
        orm_head_commit(h);
    }
    rc = tell_refreshed(s, h, obj, slots, n, whole);
done:
    orm_result_free(r);
    key_room_fini(&key);
    orm_key_fini(&k);
    Py_XDECREF(obj);
    return rc;
}

/* The slot is read by a SELECT of columns. */
static bool
is_column(const orm_attribute *a)
{
    return a != NULL && !ORM_SLOT_IS_RELATION(a->kind) && a->n.node != NULL;
}

static uint32_t
expired_slots(orm_head *h, uint32_t *slots)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < h->mapper->nslots; i++) {
        int tag = ORM_TAG_ABSENT;
        PyObject *v = is_column(h->mapper->attrs[i]) ? orm_val_peek(h, i, &tag) : NULL;

        Py_XDECREF(v);
        if (tag == ORM_TAG_EXPIRED && !orm_val_is_dirty(h, i)) {
            slots[n++] = i;
        }
    }
    return n;
}

uint32_t
orm_load_refresh_slots(orm_head *h, uint32_t *slots)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < h->mapper->nslots; i++) {
        orm_attribute *a = h->mapper->attrs[i];
        int tag = ORM_TAG_ABSENT;
        PyObject *v = NULL;

        if (!is_column(a)) {
            continue;
        }
        v = orm_val_peek(h, i, &tag);
        if (v != NULL || (!(a->flags & ORM_A_DEFERRED) && tag != ORM_TAG_DEFERRED
                          && tag != ORM_TAG_RAISE)) {
            slots[n++] = i;
        }
        Py_XDECREF(v);
    }
    return n;
}

int
orm_load_refresh(orm_session *s, PyObject *conn, orm_head *h, const uint32_t *slots, uint32_t n,
                 const orm_load_opts *opts)
{
    uint32_t *all = NULL;
    int rc = 0;

    if (slots == NULL) {
        all = PyMem_Malloc((h->mapper->nslots + 1) * sizeof(*all));
        if (all == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        n = expired_slots(h, all);
        slots = all;
    }
    if (n > 0) {
        rc = load_slots(s, conn, h, slots, n, opts);
    }
    PyMem_Free(all);
    return rc;
}

/* --- deferred columns --------------------------------------------------------------------- */

/* The name of a deferred column's group: new reference, or NULL: none, or an exception. */
static PyObject *
group_of(const orm_attribute *a)
{
    PyObject *group = NULL;

    if (a->prop == NULL || !(a->flags & ORM_A_DEFERRED)
        || PyObject_GetOptionalAttr(a->prop, a->mapper->state->s_group, &group) <= 0) {
        return NULL;
    }
    if (group == Py_None) {
        Py_CLEAR(group);
    }
    return group;
}

/* The unloaded slots of the slot's group, or the slot alone. Their number, -1. */
static int64_t
slots_with(orm_head *h, uint32_t slot, uint32_t *slots)
{
    PyObject *group = group_of(h->mapper->attrs[slot]);
    uint32_t n = 0;
    int same = 1;

    if (group == NULL && PyErr_Occurred()) {
        return -1;
    }
    for (uint32_t i = 0; same >= 0 && i < h->mapper->nslots; i++) {
        orm_attribute *a = h->mapper->attrs[i];
        PyObject *other = NULL;
        PyObject *v = NULL;

        if (!is_column(a) || (i != slot && group == NULL)) {
            continue;
        }
        v = orm_val_peek(h, i, NULL);
        if (v != NULL || orm_val_is_dirty(h, i)) {
            Py_XDECREF(v);
            continue;
        }
        other = i == slot ? NULL : group_of(a);
        same = i == slot ? 1 : other == NULL ? (PyErr_Occurred() ? -1 : 0)
                                             : PyObject_RichCompareBool(other, group, Py_EQ);
        Py_XDECREF(other);
        if (same > 0) {
            slots[n++] = i;
        }
    }
    Py_XDECREF(group);
    return same < 0 ? -1 : (int64_t)n;
}

int
orm_load_slot(orm_session *s, PyObject *conn, orm_head *h, uint32_t slot)
{
    uint32_t *slots = NULL;
    int64_t n;
    int rc = -1;

    assert(slot < h->mapper->nslots);
    if (!is_column(h->mapper->attrs[slot]) || !(h->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ))) {
        return 0;
    }
    slots = PyMem_Malloc((h->mapper->nslots + 1) * sizeof(*slots));
    if (slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    n = slots_with(h, slot, slots);
    if (n >= 0) {
        rc = n == 0 ? 0 : load_slots(s, conn, h, slots, (uint32_t)n, NULL) < 0 ? -1 : 1;
    }
    PyMem_Free(slots);
    return rc;
}

/* --- setup -------------------------------------------------------------------------------- */

int
orm_load_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &orm_option_spec, NULL, &st->LoaderOption) < 0
        || orm_type_add(module, st, &orm_alias_spec, NULL, &st->AliasedEntity) < 0
        || orm_type_add(module, st, &orm_relation_spec, NULL, &st->Relation) < 0
        || orm_type_add(module, st, &orm_loads_spec, NULL, &st->MapperLoads) < 0) {
        return -1;
    }
    return orm_sql_set_orm_ops(st, &orm_load_sql_ops);
}
