/*
 * orm/load_slots.c - loading attributes of an instance that is there: refresh, expired and
 *   deferred columns.
 *
 * Place: session/ asks, when an attribute is read or refresh() is called.
 * Statements: `SELECT columns WHERE primary key = ?` is compiled once per class, database and set
 *   of slots (load_key.c). Where somebody listens to do_orm_execute, the same SELECT goes through
 *   the session's listeners, and the row is what they answer.
 */
#include "orm/load_keyed.h"

#include <string.h>

/* --- refresh ------------------------------------------------------------------------------ */

/* The same from the tables of subclasses alone: 1 and the SELECT; 0 there is no such way; -1. */
static int
select_rest(orm_mapper *m, const uint32_t *slots, uint32_t n, orm_node **out)
{
    PyObject *keys = m->base == NULL ? NULL : PyTuple_New(n);
    PyObject *made = NULL;

    *out = NULL;
    if (keys == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        PyTuple_SET_ITEM(keys, i, Py_NewRef(m->attrs[slots[i]]->n.key));
    }
    made = PyObject_CallMethod(m->py, "_select_rest", "(O)", keys);
    Py_DECREF(keys);
    if (made == NULL) {
        return -1;
    }
    if (made == Py_None) {
        Py_DECREF(made);
        return 0;
    }
    *out = (orm_node *)Py_XNewRef(orm_node_of(m->state, made));
    Py_DECREF(made);
    return *out == NULL ? -1 : 1;
}

/* Compile the statement for these slots. New reference. */
static PyObject *
prepare_slots(orm_mapper *m, uint8_t dialect, const uint32_t *slots, uint32_t n, bool whole)
{
    orm_node *rest = NULL;
    orm_node **cols = NULL;
    PyObject *made = NULL;
    int rc = whole ? 0 : select_rest(m, slots, n, &rest);

    if (rc != 0) {
        made = rc < 0 ? NULL : (PyObject *)orm_load_prepare_select(m, dialect, rest);
        Py_XDECREF(rest);
        return made;
    }
    cols = PyMem_Malloc((n + 1) * sizeof(*cols));
    for (uint32_t i = 0; cols != NULL && i < n; i++) {
        cols[i] = m->attrs[slots[i]]->n.node;
    }
    made = cols == NULL ? PyErr_NoMemory() : (PyObject *)orm_load_prepare(m, dialect, cols, n);
    PyMem_Free(cols);
    return made;
}

/* The statement for these slots, for any key. whole: of all tables, for refresh(). Borrowed from
   the plan, or NULL. */
static orm_compiled *
prepared_for_slots(orm_mapper *m, uint8_t dialect, const uint32_t *slots, uint32_t n, bool whole)
{
    orm_loads *loads = orm_loads_of(m);
    PyObject *name = NULL;
    PyObject *found = NULL;

    if (loads == NULL) {
        return NULL;
    }
    if (loads->by_slots[dialect] == NULL && (loads->by_slots[dialect] = PyDict_New()) == NULL) {
        return NULL;
    }
    name = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * sizeof(*slots)) + 1);
    if (name == NULL) {
        return NULL;
    }
    memcpy(PyBytes_AS_STRING(name), slots, n * sizeof(*slots));
    PyBytes_AS_STRING(name)[n * sizeof(*slots)] = whole;
    found = PyDict_GetItemWithError(loads->by_slots[dialect], name); /* borrow-ok: the dict's */
    if (found == NULL && !PyErr_Occurred()) {
        found = prepare_slots(m, dialect, slots, n, whole);
        if (found != NULL) {
            int rc = PyDict_SetItem(loads->by_slots[dialect], name, found);
            Py_DECREF(found); /* the dict has it */
            found = rc < 0 ? NULL : found;
        }
    }
    Py_DECREF(name);
    return (orm_compiled *)found;
}

/* SELECT of slots by the key, with what is asked for besides. New reference. */
static orm_node *
select_slots(orm_mapper *m, const orm_key_room *key, const uint32_t *slots, uint32_t n,
             const orm_load_opts *opts)
{
    orm_node **cols = PyMem_Malloc((n + 1) * sizeof(*cols));
    orm_node *select = NULL;

    if (cols == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        cols[i] = m->attrs[slots[i]]->n.node;
    }
    select = orm_select_by_key(m, cols, n, key->v);
    PyMem_Free(cols);
    if (select != NULL && orm_select_add(&select, opts) < 0) {
        Py_CLEAR(select);
    }
    return select;
}

static int
run_refresh(PyObject *conn, orm_mapper *m, const orm_key_room *key, const uint32_t *slots,
            uint32_t n, const orm_load_opts *opts, orm_result **r)
{
    orm_run_opts run = {.mode = ORM_RUN_BUFFER};
    orm_compiled *c = NULL;
    orm_node *select = NULL;
    int rc = -1;

    if (orm_load_asks_for_more(conn, opts, key)) {
        select = select_slots(m, key, slots, n, opts);
        rc = select == NULL ? -1 : orm_load_run_built(conn, m, select, opts, &c, r);
        Py_XDECREF(select);
        Py_XDECREF(c);
        return rc;
    }
    c = prepared_for_slots(m, orm_engine_driver(orm_connection_engine(conn))->dialect, slots, n,
                           opts != NULL && opts->explicit);
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

/* The row that listeners of do_orm_execute, or the database after them, give for these slots.
   1 filled, 0 there is none, -1. */
static int
fill_by_listeners(orm_session *s, orm_head *h, const orm_key_room *key, const uint32_t *slots,
                  uint32_t n, const orm_load_opts *opts)
{
    orm_state *st = h->mapper->state;
    orm_node *select = select_slots(h->mapper, key, slots, n, opts);
    PyObject *result = NULL;
    PyObject *row = NULL;
    int rc = -1;

    if (select != NULL) {
        result = s->ops->run_load(s, h, NULL, h->mapper, (PyObject *)select);
        Py_DECREF(select);
    }
    row = result == NULL ? NULL : PyObject_CallMethod(result, "first", NULL);
    Py_XDECREF(result);
    if (row == Py_None) {
        rc = 0;
    }
    else if (row != NULL && (!PyTuple_Check(row) || PyTuple_GET_SIZE(row) < (Py_ssize_t)n)) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "A do_orm_execute listener answered the load of %u columns of %s with %R; "
                      "give a Result with one row of these columns, or None", n,
                      h->mapper->cls->tp_name, row);
    }
    else if (row != NULL) {
        rc = 1;
        for (uint32_t i = 0; rc > 0 && i < n; i++) {
            PyObject *v = Py_NewRef(PyTuple_GET_ITEM(row, i));

            rc = orm_val_load_steal(h, slots[i], v) < 0 ? -1 : 1;
        }
    }
    Py_XDECREF(row);
    return rc;
}

/* The row of the database. 1 filled, 0 there is none, -1. */
static int
fill_by_key(PyObject *conn, orm_head *h, const orm_key_room *key, const uint32_t *slots, uint32_t n,
            const orm_load_opts *opts)
{
    orm_result *r = NULL;
    const orm_cell *cells = NULL;
    int rc = run_refresh(conn, h->mapper, key, slots, n, opts, &r);

    rc = rc < 0 ? -1 : orm_result_next(r, &cells);
    if (rc > 0) {
        rc = fill_slots(h, r, slots, n, cells) < 0 ? -1 : 1;
    }
    orm_result_free(r);
    return rc;
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
    orm_key_room key = {0};
    bool whole = opts != NULL && opts->whole;
    int rc = -1;

    if (obj == NULL || orm_key_of(&k, h) <= 0) {
        PyObject *text = obj == NULL || PyErr_Occurred() ? NULL : orm_head_describe(h);

        if (text != NULL) { /* a listener made it transient */
            orm_raise_exc(h->mapper->state, ORM_EXC_InvalidRequestError,
                          "Instance '%U' has no identity any more: nothing can be loaded for it",
                          text);
            Py_DECREF(text);
        }
        else if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ReferenceError, "the instance of this InstanceState is gone");
        }
        goto done;
    }
    if (orm_key_room_fill(&key, h->mapper, &k) < 0) {
        goto done;
    }
    rc = conn == NULL || s->ops->listened(s) ? fill_by_listeners(s, h, &key, slots, n, opts)
                                             : fill_by_key(conn, h, &key, slots, n, opts);
    if (rc <= 0) {
        rc = rc < 0 ? -1 : raise_no_row(h, opts);
        goto done;
    }
    h->flags &= ~(uint32_t)ORM_H_EXPIRED;
    if (whole) {
        orm_head_commit(h);
    }
    rc = tell_refreshed(s, h, obj, slots, n, whole);
done:
    orm_key_room_fini(&key);
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

/* Of the slots those that a SELECT of columns is to bring: with `along` those that are expired still;
   else, where only relationships are named, the primary key, which tells whether there is a row. */
static uint32_t
missing_columns(orm_head *h, const uint32_t *slots, uint32_t count, bool along, uint32_t *cols)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < count; i++) {
        int tag = ORM_TAG_EXPIRED;
        PyObject *v = along ? orm_val_peek(h, slots[i], &tag) : NULL;

        if (is_column(h->mapper->attrs[slots[i]]) && v == NULL && tag == ORM_TAG_EXPIRED) {
            cols[n++] = slots[i];
        }
        Py_XDECREF(v);
    }
    for (uint32_t i = 0; n == 0 && !along && i < h->mapper->npk; i++) {
        cols[i] = h->mapper->pk[i];
    }
    return n == 0 && !along ? h->mapper->npk : n;
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
    uint32_t *cols = PyMem_Malloc((h->mapper->nslots + n + 1) * sizeof(*cols));
    bool along = conn != NULL && orm_loads_along(h) && !s->ops->listened(s);
    uint32_t ncols = 0;
    int rc = 1;

    if (cols == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (along) {
        rc = orm_load_along(s, conn, h, opts);
        rc = rc == 0 ? raise_no_row(h, opts) : rc;
    }
    if (rc > 0) {
        ncols = slots == NULL ? expired_slots(h, cols) : missing_columns(h, slots, n, along, cols);
        rc = ncols == 0 ? 0 : load_slots(s, conn, h, cols, ncols, opts);
    }
    if (rc == 0) {
        h->flags &= ~(uint32_t)ORM_H_EXPIRED;
        rc = orm_load_relations(s, h, slots, slots == NULL ? 0 : n);
    }
    PyMem_Free(cols);
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
