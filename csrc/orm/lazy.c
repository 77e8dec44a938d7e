/*
 * orm/lazy.c - reading a relationship that is not loaded.
 *
 * Order: what a batch left for this instance -> a many-to-one over the target's primary key:
 *   identity map -> autoflush -> one SELECT for this instance or, from the second touch in its
 *   result on, one for its peers.
 * Parameters of the SELECT for one instance are its columns' current values; NULL in one of them
 *   means that there is nothing to load.
 * Everything that runs Python (flush, codecs, listeners) can fill the slot meanwhile: it is
 *   looked at again before anything is stored.
 */
#include "orm/lazy.h"
#include "orm/collection.h"
#include "orm/peers.h"

#define HAS_IDENTITY(h) (((h)->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ)) != 0)

/* --- what a batch left -------------------------------------------------------------------- */

int
orm_prefetch_put(orm_head *h, uint32_t slot, uint64_t epoch, PyObject *value)
{
    orm_rare *r = orm_rare_ensure(h);
    orm_prefetch *p = NULL;

    if (r == NULL) {
        Py_DECREF(value);
        return -1;
    }
    for (p = r->prefetched; p != NULL && p->slot != slot;) {
        p = p->next;
    }
    if (p == NULL) {
        p = PyMem_Calloc(1, sizeof(*p));
        if (p == NULL) {
            Py_DECREF(value);
            PyErr_NoMemory();
            return -1;
        }
        p->slot = slot;
        p->next = r->prefetched;
        r->prefetched = p;
    }
    p->epoch = epoch;
    Py_XSETREF(p->value, value);
    if (!(h->flags & ORM_H_FOREIGN)) {
        orm_entity_track(ORM_ENTITY_OF(h)); /* the value may lead back to it */
    }
    return 0;
}

PyObject *
orm_prefetch_take(orm_head *h, uint32_t slot, uint64_t epoch)
{
    orm_prefetch **at = h->rare == NULL ? NULL : &h->rare->prefetched;

    for (; at != NULL && *at != NULL; at = &(*at)->next) {
        orm_prefetch *p = *at;

        if (p->slot == slot) {
            PyObject *value = p->value;

            *at = p->next;
            if (p->epoch != epoch) {
                Py_CLEAR(value);
            }
            PyMem_Free(p);
            return value;
        }
    }
    return NULL;
}

/* --- storing ------------------------------------------------------------------------------ */

/* fast path: same answer as appending each member: an empty list takes over another's items. */
static bool
take_items(const orm_state *st, PyObject *coll, PyObject *list)
{
    PyListObject *to = (PyListObject *)coll;
    PyListObject *from = (PyListObject *)list;

    if (Py_TYPE(coll) != st->InstrumentedList || !PyList_CheckExact(list) || to->ob_item != NULL) {
        return false;
    }
    to->ob_item = from->ob_item;
    to->allocated = from->allocated;
    Py_SET_SIZE(to, Py_SIZE(from));
    from->ob_item = NULL;
    from->allocated = 0;
    Py_SET_SIZE(from, 0);
    return true;
}

/* Members of a loaded list, which is ours alone, into a new collection. 0 / -1. */
static int
install_collection(orm_head *h, orm_attribute *a, PyObject *list)
{
    PyObject *coll = Py_XNewRef(orm_collection_init(h, a));
    int rc = coll == NULL ? -1 : 0;

    if (rc == 0 && take_items(h->mapper->state, coll, list)) {
        Py_DECREF(coll);
        return orm_collection_loaded(h, a);
    }
    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *member = Py_NewRef(PyList_GET_ITEM(list, i));

        rc = orm_collection_append_loaded(a, coll, member);
        Py_DECREF(member);
    }
    Py_XDECREF(coll);
    return rc < 0 ? -1 : orm_collection_loaded(h, a);
}

int
orm_relation_install(orm_head *h, orm_attribute *a, PyObject *value)
{
    if (a->kind == ORM_SLOT_COLLECTION) {
        return install_collection(h, a, value);
    }
    return orm_val_load_steal(h, a->slot, Py_NewRef(value));
}

/* The first of several rows for a reference; more than one is a warning. Borrowed from list. */
static PyObject *
only_one(orm_head *h, orm_attribute *a, PyObject *list)
{
    if (PyList_GET_SIZE(list) > 1
        && orm_warn(h->mapper->state, ORM_EXC_SAWarning, 1, "Multiple rows returned with uselist=False for lazily-loaded "
                    "attribute '%s.%U' ", h->mapper->cls->tp_name, a->n.key) < 0) {
        return NULL;
    }
    return PyList_GET_SIZE(list) == 0 ? Py_None : PyList_GET_ITEM(list, 0);
}

/* The slot holds nothing and nothing is to be written there. */
static bool
is_wanted(orm_head *h, uint32_t slot)
{
    PyObject *v = orm_val_peek(h, slot, NULL);

    Py_XDECREF(v);
    return v == NULL;
}

/* --- many-to-one by key ------------------------------------------------------------------- */

/* The current value of a slot, or with ORM_P_COMMITTED the one that the row has: new reference,
 * or NULL with *rc 2 (forbidden) or -1. */
static PyObject *
value_for(orm_head *h, int32_t slot, int passive, int *rc)
{
    int none = 0;
    PyObject *v = NULL;

    if (slot >= 0 && passive & ORM_P_COMMITTED && orm_val_is_dirty(h, (uint32_t)slot)) {
        v = Py_XNewRef(orm_val_old(h, (uint32_t)slot));
    }
    if (v == NULL) {
        v = slot < 0 ? Py_NewRef(Py_None)
                     : orm_val_read(h, (uint32_t)slot, passive & ~ORM_P_INIT, &none);
    }
    if (v == NULL && none == 1) {
        v = Py_NewRef(Py_None); /* never set */
    }

    *rc = v != NULL ? 1 : none ? 2 : -1;
    return v;
}

/* As orm_reference_key; with `partial` a key some of whose values are NULL is one, where the target's
   Mapper allows it: *partial says whether it is. */
static int
reference_key(orm_head *h, const orm_relation *rel, int passive, bool *partial, orm_key *k)
{
    const orm_mapper *target = rel->target;
    PyObject *values[8] = {NULL};
    uint32_t n = 0;
    uint32_t nulls = 0;
    int rc = target->npk <= 8 && target->npk > 0 ? 1 : 0;

    for (; rc == 1 && n < target->npk; n++) {
        values[n] = value_for(h, rel->get_slots == NULL ? -1 : rel->get_slots[n], passive, &rc);
        if (values[n] == NULL) {
            break;
        }
        nulls += values[n] == Py_None;
    }
    if (partial != NULL) {
        int allowed = rc == 1 && nulls > 0 && nulls < n ? orm_mapper_partial_pk(rel->target) : 0;

        *partial = allowed > 0;
        rc = allowed < 0 ? -1 : rc;
    }
    if (rc == 1) {
        rc = nulls > 0 && (partial == NULL || !*partial) ? 0 : orm_key_init(k, rel->target, values, NULL) < 0 ? -1 : 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        Py_XDECREF(values[i]);
    }
    return rc;
}

int
orm_reference_key(orm_head *h, const orm_relation *rel, int passive, orm_key *k)
{
    return reference_key(h, rel, passive, NULL, k);
}

/* The peers of h that refer to a row the session does not know: at most 500 with h, each held
 * by a reference in `hold`. Their number, -1. */
static int64_t
gather_peers(orm_session *s, orm_head *h, uint32_t slot, orm_head **out, PyObject *hold)
{
    orm_peers *at = h->peers;
    orm_head *other = h;
    uint32_t n = 0;

    for (; other != NULL && n < ORM_PEERS_MAX; other = orm_peers_next(h, &at)) {
        PyObject *obj = NULL;
        /* slots of sibling classes share numbers, and a class may have fewer */
        if (other->session != s || !(other->flags & ORM_H_IN_MAP) || other->flags & ORM_H_MODIFIED
            || orm_slot_relation(other->mapper, slot) != h->mapper->attrs[slot]->relation
            || !is_wanted(other, slot)
            || orm_remembered(other) != orm_remembered(h)) {
            continue;
        }
        obj = orm_head_object(other);
        if (obj == NULL) {
            continue;
        }
        int rc = PyList_Append(hold, obj);
        Py_DECREF(obj);
        if (rc < 0) {
            return -1;
        }
        out[n++] = other;
    }
    return n;
}

/* What a value that is loaded ahead is stamped with: it changes when the session writes or forgets
   something, and when the program runs a statement by the connection itself. */
static uint64_t
stamp_of(const orm_session *s, PyObject *conn, const orm_conn_facts *facts)
{
    uint64_t h = (s->write_epoch ^ facts->asked << 32) * UINT64_C(0x9E3779B97F4A7C15);

    return h ^ (uint64_t)(uintptr_t)conn >> 4;
}

/* What was loaded ahead and is as good as now: new reference, or NULL. 0 / -1. */
static int
take_prefetched(orm_session *s, orm_head *h, orm_relation *rel, PyObject **value)
{
    orm_conn_facts facts = {0};
    PyObject *conn = NULL;
    int rc;

    *value = NULL;
    if (h->rare == NULL || h->rare->prefetched == NULL) {
        return 0;
    }
    conn = s->ops->connection(s, rel->target);
    rc = conn == NULL ? -1 : orm_connection_facts(conn, &facts);
    if (rc == 0) {
        *value = orm_prefetch_take(h, rel->slot, stamp_of(s, conn, &facts));
        if (h->flags & ORM_H_MODIFIED) {
            Py_CLEAR(*value); /* its columns may refer to something else now */
        }
    }
    Py_XDECREF(conn);
    return rc;
}

/* Load for h and its peers; each but h gets its value as a prefetched one. *value: h's own, new
 * reference. 1 / -1. */
static int
load_batch(orm_session *s, orm_head *h, orm_relation *rel, orm_relloads *loads, PyObject **value)
{
    orm_head **heads = PyMem_Malloc(ORM_PEERS_MAX * sizeof(*heads));
    PyObject *hold = PyList_New(0);
    PyObject *found = NULL;
    PyObject *conn = NULL;
    orm_conn_facts facts = {0};
    uint64_t stamp = 0;
    int64_t n = heads == NULL || hold == NULL ? -1 : gather_peers(s, h, rel->slot, heads, hold);
    int rc = n < 0 ? -1 : orm_relloads_many(h->mapper->state, rel, loads);

    if (heads == NULL) {
        PyErr_NoMemory();
    }
    found = rc < 0 ? NULL : PyList_New((Py_ssize_t)n);
    conn = found == NULL ? NULL : s->ops->connection(s, rel->target);
    rc = conn == NULL ? -1 : orm_connection_facts(conn, &facts);
    stamp = stamp_of(s, conn, &facts);
    rc = rc < 0 ? -1
             : orm_load_many(s, conn, rel, loads, heads, (uint32_t)n, 0, found, NULL, NULL);
    for (int64_t i = 1; rc == 0 && i < n; i++) {
        rc = orm_prefetch_put(heads[i], rel->slot, stamp,
                              Py_NewRef(PyList_GET_ITEM(found, (Py_ssize_t)i)));
    }
    if (rc == 0) {
        ORM_COUNT(lazy_batch);
        *value = Py_NewRef(PyList_GET_ITEM(found, 0));
        rc = 1;
    }
    Py_XDECREF(conn);
    Py_XDECREF(found);
    Py_XDECREF(hold);
    PyMem_Free(heads);
    return rc;
}

/* Loads for h may be one with those of its peers: neither the mapping, nor lazyload(), nor the
   engine's profile asks for each by itself. 1 / 0 / -1. */
static int
is_batched(orm_session *s, orm_head *h, const orm_relation *rel)
{
    int tag = ORM_TAG_ABSENT;
    orm_conn_facts facts = {0};
    PyObject *conn = s->ops->connection(s, rel->target);
    int rc = conn == NULL ? -1 : orm_connection_facts(conn, &facts);

    Py_XDECREF(conn);
    Py_XDECREF(orm_val_peek(h, rel->slot, &tag));
    if (rc < 0) {
        return -1;
    }
    return !s->one_by_one && !facts.lenient && tag != ORM_TAG_LAZY && !(h->flags & ORM_H_MODIFIED)
           && !(rel->flags & (ORM_RF_NO_BATCH | ORM_RF_VIEWONLY | ORM_RF_LOAD_ON_PENDING));
}

static PyObject *
nothing_or(PyObject *tuple)
{
    return PyTuple_GET_SIZE(tuple) == 0 ? NULL : tuple;
}

/* By the target's primary key. 1 *value new reference; 2; -1. */
static int
load_by_key(orm_session *s, orm_head *h, orm_relation *rel, orm_relloads *loads, int passive,
            PyObject **value)
{
    orm_load_opts opts = {.options = loads->what == NULL ? NULL
                                                         : nothing_or(PyTuple_GET_ITEM(loads->what, 1))};
    orm_head *known = NULL;
    orm_key k = {0};
    PyObject *conn = NULL;
    int batched = 0;
    bool partial = false;
    int rc = reference_key(h, rel, passive, &partial, &k);

    if (rc != 1) {
        *value = rc == 0 ? Py_NewRef(Py_None) : NULL;
        return rc == 0 ? 1 : rc;
    }
    rc = orm_idmap_get(&s->map, &k, value, &known);
    if (rc == 0 && *value == NULL) {
        if (!(passive & ORM_P_SQL)) {
            rc = 2;
        }
        else if (!partial && orm_peers_touch(h, rel->slot) && (batched = is_batched(s, h, rel)) != 0) {
            rc = batched < 0 ? -1 : load_batch(s, h, rel, loads, value);
        }
        else {
            conn = s->ops->connection(s, rel->target);
            rc = conn == NULL ? -1 : orm_load_get(s, conn, rel->target, &k, &opts, value);
            ORM_COUNT(lazy_get);
        }
    }
    if (rc >= 0 && rc != 2) {
        if (*value == NULL) {
            *value = Py_NewRef(Py_None);
        }
        rc = 1;
    }
    Py_XDECREF(conn);
    orm_key_fini(&k);
    return rc;
}

/* --- by the relationship's own criterion ---------------------------------------------------- */

/* The value of a parameter that is one of the marks: new reference, or NULL with *rc 0, 2, -1;
   *rc 0 as well where it is None and so nothing can be found, or nothing is to be looked for. */
static PyObject *
marked_value(orm_head *h, const orm_relloads *loads, int32_t mark, int passive, int *rc)
{
    PyObject *key = PyTuple_GET_ITEM(PyTuple_GET_ITEM(loads->one_marks, mark), 1);
    int64_t slot = orm_mapper_slot(h->mapper, key);
    PyObject *v = NULL;
    int how = 1;

    v = slot < 0 ? NULL : value_for(h, (int32_t)slot,
                                    passive & ORM_P_COMMITTED ? passive : ORM_PASSIVE_OFF, &how);
    if (v == NULL) {
        *rc = slot < 0 ? -1 : how;
    }
    else if (v == Py_None && (!HAS_IDENTITY(h) || loads->strict)) {
        *rc = 0;
        Py_CLEAR(v);
    }
    return v;
}

/* Values of the parameters: new references. 1; 0: one is NULL, nothing can be found; 2; -1. */
static int
fill_values(orm_head *h, const orm_relloads *loads, uint8_t dialect, int passive,
            PyObject **values)
{
    uint32_t n = loads->ones[dialect]->nbinds;
    int rc = 1;

    for (uint32_t i = 0; i < n; i++) {
        int32_t mark = loads->from[dialect][i];
        if (mark < 0) {
            values[i] = Py_XNewRef(PyTuple_GET_ITEM(loads->own[dialect], i));
            continue;
        }
        values[i] = marked_value(h, loads, mark, passive, &rc);
        if (values[i] == NULL) {
            return rc;
        }
    }
    return rc;
}

/* The statement for h alone, with its values; None: nothing can be found. New reference. */
static PyObject *
with_values(orm_head *h, orm_relation *rel, const orm_relloads *loads)
{
    orm_state *st = h->mapper->state;
    PyObject *module = orm_import_once(&st->strategies, "pyorm.orm._strategies", NULL);
    PyObject *obj = module == NULL ? NULL : orm_head_object(h);
    PyObject *statement = NULL;

    if (obj != NULL) {
        statement = PyObject_CallMethod(module, "select_for", "OOO", rel->prop,
                                        loads->what == NULL ? Py_None : loads->what, obj);
        Py_DECREF(obj);
    }
    return statement;
}

/* Related instances of h out of the result, whose statement may be repeated by what is loaded along
   with them: then it must have the values in it. Consumes r. New reference. */
static PyObject *
list_of_one(orm_session *s, orm_head *h, orm_relation *rel, const orm_relloads *loads,
            orm_compiled *c, orm_result *r)
{
    orm_loader like = {.statement = (PyObject *)loads->one};
    PyObject *filled = NULL;
    PyObject *list = NULL;

    if (orm_plan_has_subquery(c->load)) {
        filled = with_values(h, rel, loads);
        if (filled == NULL) {
            orm_result_free(r);
            return NULL;
        }
        like.statement = filled;
    }
    list = orm_load_list(s, c, r, &like);
    Py_XDECREF(filled);
    return list;
}

/* Run the statement for one parent into a list. New reference. */
static PyObject *
run_one(orm_session *s, PyObject *conn, orm_head *h, orm_relation *rel, orm_relloads *loads,
        uint8_t dialect, PyObject *const *values)
{
    orm_compiled *c = (orm_compiled *)Py_NewRef(loads->ones[dialect]);
    orm_run_opts run = {.mode = ORM_RUN_WHOLE};
    orm_result *r = NULL;
    PyObject *list = NULL;

    if (orm_exec_run(conn, c, values, c->nbinds, &run, &r) == 0) {
        list = list_of_one(s, h, rel, loads, c, r);
    }
    Py_DECREF(c);
    return list;
}

/* The values of the marks among `vals`, which borrows them from `hold`. 1 / 0 / 2 / -1 as above. */
static int
place_values(orm_head *h, const orm_relloads *loads, int passive, orm_values *vals, PyObject *hold)
{
    int rc = 1;

    for (uint32_t i = 0; rc >= 0 && rc != 2 && i < vals->n; i++) {
        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(loads->one_marks); k++) {
            PyObject *v = NULL;

            if (PyTuple_GET_ITEM(PyTuple_GET_ITEM(loads->one_marks, k), 0) != vals->v[i]) {
                continue;
            }
            v = marked_value(h, loads, (int32_t)k, passive, &rc);
            if (v == NULL || PyList_Append(hold, v) < 0) {
                Py_XDECREF(v);
                return v == NULL ? rc : -1;
            }
            vals->v[i] = v;
            Py_DECREF(v); /* hold has it */
            break;
        }
    }
    return rc;
}

/* Compile by the engine's cache, with this instance's values, and run into a list: where the load
   has options, or schemas are translated. *value new reference. 1 / 0 / 2 / -1. */
static int
run_built(orm_session *s, PyObject *conn, orm_head *h, orm_relation *rel, orm_relloads *loads,
          int passive, PyObject **value)
{
    orm_state *st = h->mapper->state;
    PyObject *engine = orm_connection_engine(conn);
    orm_conn_facts facts = {0};
    orm_compile_opts how = {.dialect = orm_engine_driver(engine)->dialect};
    orm_run_opts run = {.mode = ORM_RUN_WHOLE};
    PyObject *hold = NULL;
    orm_compiled *c = NULL;
    orm_result *r = NULL;
    orm_values vals;
    int rc;

    if (orm_connection_facts(conn, &facts) < 0 || orm_relloads_one(st, rel, loads) < 0) {
        return -1;
    }
    how.schema_map = facts.schemas;
    how.flags = facts.schemas != NULL ? ORM_COMPILE_SCHEMA_MAP : 0;
    if (orm_compile_cached(st, orm_engine_cache(engine), loads->one, &how, &c, &vals) < 0) {
        return -1;
    }
    hold = PyList_New(0);
    rc = hold == NULL ? -1 : place_values(h, loads, passive, &vals, hold);
    if (rc == 1 && is_wanted(h, rel->slot)) { /* else reading the values loaded it along */
        ORM_COUNT(lazy_one);
        rc = orm_exec_run(conn, c, vals.v, vals.n, &run, &r) < 0 ? -1 : 1;
        if (rc > 0) {
            *value = list_of_one(s, h, rel, loads, c, r);
        }
        rc = *value == NULL ? -1 : 1;
    }
    orm_values_fini(&vals);
    Py_XDECREF(hold);
    Py_DECREF(c);
    return rc;
}

static bool
needs_cache(PyObject *conn, const orm_relloads *loads)
{
    orm_conn_facts facts = {0};

    if (orm_connection_facts(conn, &facts) < 0) {
        PyErr_Clear(); /* running the statement will say it */
        return false;
    }
    return loads->what != NULL || facts.schemas != NULL;
}

static int
load_by_criterion(orm_session *s, orm_head *h, orm_relation *rel, orm_relloads *loads,
                  int passive, PyObject **value)
{
    orm_state *st = h->mapper->state;
    PyObject *conn = s->ops->connection(s, rel->target);
    PyObject **values = NULL;
    PyObject *list = NULL;
    int rc = -1;
    uint32_t n = 0;

    if (conn == NULL) {
        return -1;
    }
    uint8_t dialect = orm_engine_driver(orm_connection_engine(conn))->dialect;
    if (needs_cache(conn, loads)) {
        rc = run_built(s, conn, h, rel, loads, passive, value);
        if (rc == 0) {
            *value = PyList_New(0);
            rc = *value == NULL ? -1 : 1;
        }
        goto done;
    }
    if (orm_relloads_prepare(st, rel, loads, dialect) < 0) {
        goto done;
    }
    n = loads->ones[dialect]->nbinds;
    values = PyMem_Calloc(n + 1, sizeof(*values));
    if (values == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    rc = fill_values(h, loads, dialect, passive, values);
    if (rc == 1 && !is_wanted(h, rel->slot)) {
        goto done; /* reading the values loaded it along */
    }
    if (rc == 1) {
        ORM_COUNT(lazy_one);
        list = run_one(s, conn, h, rel, loads, dialect, values);
    }
    else if (rc == 0) {
        list = PyList_New(0);
    }
    rc = list == NULL ? (rc == 2 ? 2 : -1) : 1;
    *value = list;
done:
    for (uint32_t i = 0; values != NULL && i < n; i++) {
        Py_XDECREF(values[i]);
    }
    PyMem_Free(values);
    Py_DECREF(conn);
    return rc;
}

/* Through the listeners of do_orm_execute, by a statement with the values in it. *value: a list, new
   reference. 1 / -1. */
static int
load_by_listeners(orm_session *s, orm_head *h, orm_relation *rel, orm_relloads *loads,
                  PyObject **value)
{
    PyObject *statement = with_values(h, rel, loads);
    PyObject *result = NULL;

    if (statement == Py_None) {
        *value = PyList_New(0);
    }
    else if (statement != NULL) {
        ORM_COUNT(lazy_one);
        result = s->ops->run_load(s, h, h->mapper->attrs[rel->slot], rel->target, statement);
        *value = result == NULL ? NULL
                                : PyObject_CallMethod(h->mapper->state->strategies, "related_of",
                                                      "O", result);
    }
    Py_XDECREF(result);
    Py_XDECREF(statement);
    return *value == NULL ? -1 : 1;
}

/* --- the loader --------------------------------------------------------------------------- */

/* The value for the slot, from wherever. 1 *value (new reference), 2, -1. */
static int
find_value(orm_session *s, orm_head *h, orm_relation *rel, int passive, PyObject **value)
{
    bool by_key = rel->direction == ORM_REL_M2O && rel->flags & ORM_RF_USE_GET;
    orm_relloads *loads = NULL;
    orm_head *known = NULL;
    orm_key k = {0};
    int batched = 0;
    int rc = 2;

    if (take_prefetched(s, h, rel, value) < 0) {
        return -1;
    }
    if (*value != NULL) {
        ORM_COUNT(lazy_prefetched);
        return 1;
    }
    loads = orm_relloads_for_head(h, rel);
    if (loads == NULL) {
        return -1;
    }
    if (by_key && !loads->narrowed && !s->ops->listened(s)) {
        rc = load_by_key(s, h, rel, loads, passive, value);
    }
    else if (by_key && !loads->narrowed && orm_reference_key(h, rel, passive, &k) == 1) {
        rc = orm_idmap_get(&s->map, &k, value, &known) < 0 ? -1 : *value != NULL ? 1 : 2;
        orm_key_fini(&k);
    }
    if (rc == 2 && *value == NULL && passive & ORM_P_SQL && !PyErr_Occurred()
        && !(by_key && !loads->narrowed && !s->ops->listened(s))) {
        rc = s->ops->listened(s) ? load_by_listeners(s, h, rel, loads, value)
             : !(passive & ORM_P_COMMITTED) && orm_peers_touch(h, rel->slot)
                     && (batched = is_batched(s, h, rel)) != 0
                 ? batched < 0 ? -1 : load_batch(s, h, rel, loads, value)
                 : load_by_criterion(s, h, rel, loads, passive, value);
    }
    Py_DECREF(loads);
    return rc;
}

/* Flush first, unless a many-to-one is answered by the identity map, or the instance is none that has
   been written: it stays pending when it is read. 0 / -1. */
static int
flush_before(orm_session *s, orm_head *h, orm_relation *rel, int passive)
{
    PyObject *there = NULL;
    orm_head *known = NULL;
    orm_key k = {0};
    bool partial = false;
    int rc;

    if (passive & ORM_P_NO_AUTOFLUSH || !(passive & ORM_P_SQL) || !HAS_IDENTITY(h)) {
        return 0;
    }
    if (rel->direction == ORM_REL_M2O && rel->flags & ORM_RF_USE_GET) {
        rc = reference_key(h, rel, passive, &partial, &k);
        if (rc != 1) {
            return rc < 0 ? -1 : 0;
        }
        rc = orm_idmap_get(&s->map, &k, &there, &known);
        orm_key_fini(&k);
        if (rc < 0 || there != NULL) {
            Py_XDECREF(there);
            return rc < 0 ? -1 : 0;
        }
    }
    return s->ops->autoflush(s);
}

/* lazy="noload" of the mapping, unless an option said otherwise: None, or an empty collection. 1 it is
   so, 0 not, -1. */
static int
stays_empty(orm_head *h, const orm_relation *rel)
{
    int tag = ORM_TAG_ABSENT;

    if (rel->lazy != ORM_LAZY_NOLOAD) {
        return 0;
    }
    Py_XDECREF(orm_val_peek(h, rel->slot, &tag));
    if (tag == ORM_TAG_LAZY) {
        return 0;
    }
    return orm_tree_leave_empty(h, rel->slot) < 0 ? -1 : 1;
}

int
orm_lazy_load(orm_session *s, orm_head *h, uint32_t slot, int passive)
{
    orm_attribute *a = h->mapper->attrs[slot];
    orm_relation *rel = orm_attribute_relation(a);
    PyObject *owner = Py_XNewRef(s->owner);
    PyObject *obj = orm_head_object(h);
    PyObject *value = NULL;
    int rc = rel == NULL || obj == NULL ? -1 : stays_empty(h, rel);

    if (rc == 0) {
        rc = flush_before(s, h, rel, passive);
    }
    if (rc == 0 && h->session == s && is_wanted(h, slot)) {
        rc = find_value(s, h, rel, passive, &value);
        if (rc == 1 && is_wanted(h, slot)) {
            PyObject *stored = value;
            if (a->kind != ORM_SLOT_COLLECTION && PyList_CheckExact(value)) {
                stored = only_one(h, a, value);
            }
            rc = stored == NULL || orm_relation_install(h, a, stored) < 0 ? -1 : 1;
        }
    }
    else if (rc == 0) {
        rc = 1; /* the flush brought it */
    }
    Py_XDECREF(value);
    Py_XDECREF(obj);
    Py_XDECREF(owner);
    return rc;
}
