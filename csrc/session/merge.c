/*
 * session/merge.c - Session.merge: a graph of instances copied onto the session's own.
 *
 * Place: Session.merge and merge_all. Of each instance the graph reaches by relationships that
 *   cascade merge, the session's instance of the same identity is found (identity map, then the
 *   database unless load=False) or made; first what its relationships hold is merged, depth
 *   first, then they are set, then its columns: the order of events and SELECTs users know.
 * The walk is a stack of frames in memory, so that a chain of 100,000 instances needs no more of
 *   the C stack than one.
 * Ownership: a frame owns its two instances and the lists it works on; `held` keeps every source
 *   instance alive, because `done` and `seen` know them by address.
 */
#include "session/cascade.h"

/* A source instance and the session's, while its attributes are copied. */
typedef struct frame {
    orm_head *from, *to;   /* borrowed from the two below */
    PyObject *from_obj;    /* owned */
    PyObject *to_obj;      /* owned */
    PyObject *members;     /* owned list: what the relationship in work holds; NULL: none in work */
    PyObject *made;        /* owned list: their merged ones, so far */
    const orm_relation *rel; /* in work; the attribute owns it */
    uint32_t relation;     /* next relationship: index into the mapper's list */
    bool fresh;            /* `to` was made here */
} frame;

typedef struct merging {
    SessionObject *s;
    PyObject *options;     /* borrowed: loader options of the SELECTs, or NULL */
    bool load;
    frame *frames;         /* PyMem, [n] */
    uint32_t n, cap;
    PyObject *done;        /* owned dict: address of a source -> merged */
    PyObject *seen;        /* owned set: (address of a source, address of the relation it was met by) */
    PyObject *by_key;      /* owned dict: identity key -> merged */
    PyObject *held;        /* owned list of sources */
} merging;

/* --- small parts ----------------------------------------------------------------------------- */

static PyObject *
address(const void *p)
{
    return PyLong_FromVoidPtr((void *)(uintptr_t)p);
}

static PyObject *
meeting(const orm_head *h, const orm_relation *rel)
{
    PyObject *a = address(h);
    PyObject *b = a == NULL ? NULL : address(rel);
    PyObject *pair = b == NULL ? NULL : PyTuple_Pack(2, a, b);

    Py_XDECREF(a);
    Py_XDECREF(b);
    return pair;
}

/* Whether h was met by the other side of a relationship: 1, 0, -1. */
static int
came_from_there(merging *g, const orm_head *h, const orm_relation *rel)
{
    int found = 0;

    for (uint32_t i = 0; found == 0 && i < rel->nreverse; i++) {
        PyObject *pair = meeting(h, rel->reverse[i]);
        found = pair == NULL ? -1 : PySet_Contains(g->seen, pair);
        Py_XDECREF(pair);
    }
    return found;
}

static int
remember(merging *g, orm_head *h, PyObject *obj, PyObject *merged, PyObject *key)
{
    PyObject *at = address(h);
    int rc = at == NULL || PyList_Append(g->held, obj) < 0
                     || PyDict_SetItem(g->done, at, merged) < 0
                     || (key != NULL && PyDict_SetItem(g->by_key, key, merged) < 0)
                 ? -1 : 0;

    Py_XDECREF(at);
    return rc;
}

static int
refuse_unloaded(merging *g, const char *what)
{
    return orm_raise_exc(g->s->st, ORM_EXC_InvalidRequestError,
                         "merge() with load=False option does not support %s  flush() all changes "
                         "on mapped instances before merging with load=False.", what);
}

/* --- finding the session's instance ---------------------------------------------------------- */

/* The key that the primary key values of an instance without identity make. 1 it can be looked
   up; 0 it cannot, *key is not made; -1. */
static int
key_of_values(orm_head *h, orm_key *key)
{
    orm_mapper *m = h->mapper;
    PyObject **values = PyMem_Calloc(m->npk, sizeof(*values));
    uint32_t given = 0;
    uint32_t nulls = 0;
    int rc = 0;

    if (values == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < m->npk; i++) {
        values[i] = orm_val_peek(h, m->pk[i], NULL);
        given += values[i] != NULL;
        nulls += values[i] == Py_None;
    }
    if (given == m->npk && nulls < m->npk) {
        rc = orm_key_init(key, m, values, NULL) < 0 ? -1 : 1;
    }
    for (uint32_t i = 0; i < m->npk; i++) {
        Py_XDECREF(values[i]);
    }
    PyMem_Free(values);
    return rc;
}

/* session.get(): new reference, maybe None. */
static PyObject *
ask_database(merging *g, orm_head *h, PyObject *tuple)
{
    PyObject *kwnames = Py_BuildValue("(ss)", "identity_token", "options");
    PyObject *get = kwnames == NULL ? NULL : PyObject_GetAttrString((PyObject *)g->s, "get");
    PyObject *args[4] = {(PyObject *)h->mapper->cls, PyTuple_GET_ITEM(tuple, 1),
                         PyTuple_GET_ITEM(tuple, 2), g->options == NULL ? Py_None : g->options};
    PyObject *found = get == NULL ? NULL : PyObject_Vectorcall(get, args, 2, kwnames);

    Py_XDECREF(get);
    Py_XDECREF(kwnames);
    return found;
}

/* A new instance in the session: pending, or persistent with this key. New reference. */
static PyObject *
make(merging *g, orm_head *h, const orm_key *key)
{
    orm_head *made = NULL;
    PyObject *obj = orm_instance_new(h->mapper, &made);

    if (obj == NULL) {
        return NULL;
    }
    if ((key != NULL && orm_head_set_identity(made, key) < 0)
        || orm_session_attach(g->s, made, obj) < 0) {
        Py_CLEAR(obj);
    }
    return obj;
}

/* The session's instance of a key: in its map, or merged before. 1, 0 none, -1. */
static int
look_up(merging *g, const orm_key *key, PyObject *tuple, PyObject **out)
{
    orm_head *at = NULL;

    if (orm_idmap_get(&g->s->s.map, key, out, &at) < 0) {
        return -1;
    }
    return *out != NULL ? 1 : PyDict_GetItemRef(g->by_key, tuple, out);
}

/* A version that the source has and that is not the session's: StaleDataError. 0 / -1. */
static int
check_version(orm_head *h, orm_head *to)
{
    PyObject *given = NULL;
    PyObject *now = NULL;
    PyObject *text = NULL;
    int same = 1;

    if (h->mapper->version < 0 || !ORM_HAS_KEY(to)) {
        return 0;
    }
    given = orm_val_peek(h, (uint32_t)h->mapper->version, NULL);
    if (given == NULL) {
        return 0;
    }
    now = orm_val_read(to, (uint32_t)h->mapper->version, ORM_PASSIVE_OFF, NULL);
    same = now == NULL ? -1 : PyObject_RichCompareBool(given, now, Py_EQ);
    text = same == 0 ? orm_head_describe(h) : NULL;
    if (text != NULL) {
        orm_raise_orm(h->mapper->state, "StaleDataError",
                      "Version id '%S' on merged state %U does not match existing version '%S'. "
                      "Leave the version attribute unset when merging to update the most recent "
                      "version.", given, text, now);
        Py_DECREF(text);
    }
    Py_XDECREF(now);
    Py_DECREF(given);
    return same > 0 ? 0 : -1;
}

/* Find or make; *key is made if keyed. New reference. */
static PyObject *
find_or_make(merging *g, orm_head *h, const orm_key *key, PyObject *tuple, bool *fresh)
{
    PyObject *merged = NULL;
    int found = key == NULL ? 0 : look_up(g, key, tuple, &merged);

    if (found != 0) {
        return found < 0 ? NULL : merged;
    }
    if (!g->load) {
        if (h->flags & ORM_H_MODIFIED) {
            refuse_unloaded(g, "objects marked as 'dirty'.");
            return NULL;
        }
        *fresh = true;
        return make(g, h, key);
    }
    if (key != NULL) {
        merged = ask_database(g, h, tuple);
        if (merged != Py_None) {
            return merged;
        }
        Py_CLEAR(merged);
    }
    *fresh = true;
    return make(g, h, NULL);
}

/* --- one instance ------------------------------------------------------------------------------ */

static int
push(merging *g, frame f)
{
    if (g->n == g->cap) {
        uint32_t cap = g->cap == 0 ? 16 : g->cap * 2;
        frame *grown = PyMem_Realloc(g->frames, cap * sizeof(*grown));
        if (grown == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        g->frames = grown;
        g->cap = cap;
    }
    Py_INCREF(f.from_obj);
    Py_INCREF(f.to_obj);
    g->frames[g->n++] = f;
    return 0;
}

static void
pop(merging *g)
{
    frame f = g->frames[--g->n];

    Py_XDECREF(f.members);
    Py_XDECREF(f.made);
    Py_DECREF(f.to_obj);
    Py_DECREF(f.from_obj);
}

/* The instance is pending here: another one is made of it, which is seldom meant. 0 / -1. */
static int
warn_pending(merging *g, orm_head *h)
{
    PyObject *text = orm_head_describe(h);
    int rc = text == NULL ? -1
                          : orm_warn(g->s->st, ORM_EXC_SAWarning, 1,
                                     "Instance %U is already pending in this Session yet is being "
                                     "merged again; this is probably not what you want to do", text);

    Py_XDECREF(text);
    return rc;
}

/* Attributes are copied later, if they are another instance's. 0 / -1. */
static int
begin_copy(merging *g, orm_head *h, PyObject *obj, PyObject *merged, bool fresh)
{
    orm_head *to = orm_head_of(g->s->st, merged);

    if (to == NULL || to == h) {
        return to == NULL ? -1 : 0;
    }
    if (!orm_mapper_isa(to->mapper, h->mapper)) {
        PyObject *text = orm_head_describe(h);
        if (text != NULL) {
            orm_raise_exc(g->s->st, ORM_EXC_InvalidRequestError,
                          "merge() can't copy instance %U: the session has an instance of %R with "
                          "its identity key, which has not the same attributes", text,
                          (PyObject *)to->mapper->cls);
            Py_DECREF(text);
        }
        return -1;
    }
    if (g->load && !fresh && check_version(h, to) < 0) {
        return -1;
    }
    return push(g, (frame){.from = h, .to = to, .from_obj = obj, .to_obj = merged, .fresh = fresh});
}

/* The merged one of a source instance, and a frame for its attributes. New reference. */
static PyObject *
begin_one(merging *g, PyObject *obj)
{
    orm_head *h = orm_head_of(g->s->st, obj);
    PyObject *merged = NULL;
    PyObject *tuple = NULL;
    PyObject *at = NULL;
    orm_key key = {0};
    bool fresh = false;
    int keyed;

    if (h == NULL || orm_configure_for(h->mapper) < 0 || (at = address(h)) == NULL) {
        return NULL;
    }
    keyed = PyDict_GetItemRef(g->done, at, &merged);
    Py_DECREF(at);
    if (keyed != 0) {
        return merged;
    }
    if (!ORM_HAS_KEY(h)) {
        if (h->flags & ORM_H_NEW && h->session == &g->s->s && warn_pending(g, h) < 0) {
            return NULL;
        }
        if (!g->load) {
            refuse_unloaded(g, "objects transient (i.e. unpersisted) objects.");
            return NULL;
        }
        keyed = key_of_values(h, &key);
    }
    else {
        keyed = orm_key_of(&key, h);
    }
    tuple = keyed > 0 ? orm_key_tuple(&key) : NULL;
    if (keyed == 0 || tuple != NULL) {
        merged = find_or_make(g, h, keyed > 0 ? &key : NULL, tuple, &fresh);
    }
    if (merged != NULL && (remember(g, h, obj, merged, tuple) < 0
                           || begin_copy(g, h, obj, merged, fresh) < 0)) {
        Py_CLEAR(merged);
    }
    Py_XDECREF(tuple);
    if (keyed > 0) {
        orm_key_fini(&key);
    }
    return merged;
}

/* --- attributes -------------------------------------------------------------------------------- */

/* A write-only or dynamic collection: all that is in it, if it was changed. 1, 0 it was not, -1. */
static int
begin_queued(frame *f, const orm_relation *rel)
{
    int rc = orm_queued_content(f->from, f->from->mapper->attrs[rel->slot], &f->members);

    if (rc <= 0) {
        return rc;
    }
    f->made = PyList_New(0);
    f->rel = rel;
    return f->made == NULL ? -1 : 1;
}

/* Take up a relationship: its members into the frame. 1 it is in work, 0 nothing to do, -1. */
static int
begin_relation(merging *g, frame *f, const orm_relation *rel)
{
    orm_attribute *a = f->to->mapper->attrs[rel->slot];
    PyObject *value = NULL;
    bool queued = rel->lazy == ORM_LAZY_WRITE_ONLY || rel->lazy == ORM_LAZY_DYNAMIC;
    int skip = !(rel->cascade & ORM_C_MERGE) || (queued && !g->load);

    if (queued && skip == 0) {
        return begin_queued(f, rel);
    }

    if (!skip && g->load) {
        skip = came_from_there(g, f->from, rel);
    }
    value = skip == 0 ? orm_val_peek(f->from, rel->slot, NULL) : NULL;
    if (value == NULL) {
        return skip < 0 ? -1 : 0;
    }
    if (a->kind == ORM_SLOT_COLLECTION) {
        f->members = orm_collection_members(a, value);
        if (g->load && f->members != NULL) {
            /* what is there is loaded before its members are looked for */
            PyObject *now = orm_val_read(f->to, rel->slot, ORM_PASSIVE_ONLY_PERSISTENT, NULL);
            Py_XDECREF(now);
            if (now == NULL && PyErr_Occurred()) {
                Py_DECREF(value);
                return -1;
            }
        }
    }
    else {
        f->members = value == Py_None ? PyList_New(0) : PyList_New(1);
        if (f->members != NULL && value != Py_None) {
            PyList_SET_ITEM(f->members, 0, Py_NewRef(value));
        }
    }
    Py_DECREF(value);
    f->made = f->members == NULL ? NULL : PyList_New(0);
    f->rel = rel;
    return f->made == NULL ? -1 : 1;
}

/* The members are merged: put them in. 0 / -1. */
static int
end_relation(merging *g, frame *f)
{
    orm_head *to = f->to;
    orm_attribute *a = to->mapper->attrs[f->rel->slot];
    PyObject *made = f->made;
    PyObject *one = NULL;
    int rc;

    Py_CLEAR(f->members);
    f->made = NULL;
    if (a->kind == ORM_SLOT_COLLECTION) {
        rc = g->load ? orm_collection_set_members(to, a, made)
                     : orm_collection_set_loaded(to, a, made);
    }
    else {
        one = PyList_GET_SIZE(made) == 0 ? Py_None : PyList_GET_ITEM(made, 0);
        rc = g->load ? orm_val_write(to, a->slot, one)
                     : orm_val_load_steal(to, a->slot, Py_NewRef(one));
    }
    Py_DECREF(made);
    return rc;
}

/* One column. 0 / -1. */
static int
copy_column(merging *g, frame *f, orm_attribute *a)
{
    PyObject *value = orm_val_peek(f->from, a->slot, NULL);
    int tag = ORM_TAG_MAX;
    int rc = 0;

    if (value == NULL) {
        PyObject *now = ORM_HAS_KEY(f->to) ? orm_val_peek(f->to, a->slot, &tag) : NULL;
        Py_XDECREF(now);
        if (now == NULL && tag == ORM_TAG_ABSENT && !(a->flags & ORM_A_DEFERRED)
            && !orm_val_is_dirty(f->to, a->slot)) {
            rc = orm_val_expire(f->to, a->slot, ORM_TAG_EXPIRED);
        }
        return rc;
    }
    if (!g->load || a->kind == ORM_SLOT_EXPRESSION) {
        return orm_val_load_steal(f->to, a->slot, value);
    }
    rc = orm_val_write(f->to, a->slot, value);
    Py_DECREF(value);
    return rc;
}

/* Everything is copied. 0 / -1. */
static int
end_copy(merging *g, frame *f)
{
    orm_mapper *m = f->from->mapper;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < m->nslots; i++) {
        orm_attribute *a = m->attrs[i];
        if (a != NULL && !ORM_SLOT_IS_RELATION(a->kind)) {
            rc = copy_column(g, f, a);
        }
    }
    if (rc == 0 && !g->load) {
        orm_session_clean(g->s, f->to);
        orm_head_commit(f->to);
    }
    if (rc == 0 && f->fresh && orm_instance_hears(f->to->mapper, ORM_IEV_LOAD)) {
        orm_dispatch *events = (orm_dispatch *)Py_NewRef(f->to->mapper->events);
        PyObject *args[2] = {f->to_obj, Py_None};
        rc = orm_dispatch_fire(events, ORM_IEV_LOAD, args, 2);
        Py_DECREF(events);
    }
    return rc;
}

/* --- the walk ---------------------------------------------------------------------------------- */

/* The next member of the relationship in work. 0 / -1. */
static int
next_member(merging *g, uint32_t at)
{
    frame *f = &g->frames[at];
    PyObject *obj = Py_NewRef(PyList_GET_ITEM(f->members, PyList_GET_SIZE(f->made)));
    PyObject *made = NULL;
    orm_head *h = orm_head_of(g->s->st, obj);
    PyObject *pair = h == NULL ? NULL : meeting(h, f->rel);
    int rc = pair == NULL ? -1 : PySet_Add(g->seen, pair);

    Py_XDECREF(pair);
    made = rc < 0 ? NULL : begin_one(g, obj); /* may push: f is read again */
    rc = made == NULL ? -1 : PyList_Append(g->frames[at].made, made);
    Py_XDECREF(made);
    Py_DECREF(obj);
    return rc;
}

/* One step of the innermost frame. 0 / -1. */
static int
step(merging *g)
{
    uint32_t at = g->n - 1;
    frame *f = &g->frames[at];
    uint32_t n = 0;
    const uint32_t *slots = NULL;

    if (f->members != NULL) {
        return PyList_GET_SIZE(f->made) < PyList_GET_SIZE(f->members) ? next_member(g, at)
                                                                      : end_relation(g, f);
    }
    slots = orm_mapper_relations(f->from->mapper, &n);
    if (slots == NULL) {
        return -1;
    }
    if (f->relation < n) {
        const orm_relation *rel = orm_slot_relation(f->from->mapper, slots[f->relation++]);
        return rel == NULL || begin_relation(g, f, rel) >= 0 ? 0 : -1;
    }
    if (end_copy(g, f) < 0) {
        return -1;
    }
    pop(g);
    return 0;
}

static PyObject *
run(merging *g, PyObject *obj)
{
    PyObject *merged = begin_one(g, obj);

    while (merged != NULL && g->n > 0) {
        if (step(g) < 0) {
            Py_CLEAR(merged);
        }
    }
    while (g->n > 0) {
        pop(g);
    }
    return merged;
}

/* Merge each of a list; *out: new list. 0 / -1. */
static int
merge_list(merging *g, PyObject *sources, PyObject **out)
{
    SessionObject *s = g->s;
    bool autoflush = s->autoflush;
    int rc = 0;

    *out = PyList_New(0);
    g->done = PyDict_New();
    g->by_key = PyDict_New();
    g->seen = PySet_New(NULL);
    g->held = PyList_New(0);
    if (*out == NULL || g->done == NULL || g->by_key == NULL || g->seen == NULL || g->held == NULL
        || (g->load && orm_session_autoflush(s) < 0)) {
        rc = -1;
    }
    s->autoflush = false;
    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(sources); i++) {
        PyObject *obj = Py_NewRef(PyList_GET_ITEM(sources, i));
        PyObject *merged = run(g, obj);
        rc = merged == NULL ? -1 : PyList_Append(*out, merged);
        Py_XDECREF(merged);
        Py_DECREF(obj);
    }
    s->autoflush = autoflush;
    PyMem_Free(g->frames);
    Py_XDECREF(g->done);
    Py_XDECREF(g->by_key);
    Py_XDECREF(g->seen);
    Py_XDECREF(g->held);
    return rc;
}

static PyObject *
merge_sources(PyObject *self, PyObject *sources, PyObject *load, PyObject *options)
{
    SessionObject *s = (SessionObject *)self;
    merging g = {.s = s, .options = options == Py_None ? NULL : options};
    PyObject *out = NULL;
    int truth = orm_arg_bool(load, 1);
    int rc = truth < 0 ? -1 : orm_session_enter(s);

    if (rc == 0) {
        g.load = truth > 0;
        rc = merge_list(&g, sources, &out);
        orm_session_leave(s);
    }
    if (rc < 0) {
        Py_CLEAR(out);
    }
    return out;
}

/* merge(instance, *, load=True, options=None) */
PyObject *
orm_session_merge(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "Session.merge",
                                       .names = {"instance", "load", "options"},
                                       .count = 3, .npositional = 1, .nrequired = 1};
    PyObject *out[3];
    PyObject *sources = NULL;
    PyObject *list = NULL;
    PyObject *merged = NULL;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    sources = PyList_New(1);
    if (sources == NULL) {
        return NULL;
    }
    PyList_SET_ITEM(sources, 0, Py_NewRef(out[0]));
    list = merge_sources(self, sources, out[1], out[2]);
    merged = list == NULL ? NULL : Py_NewRef(PyList_GET_ITEM(list, 0));
    Py_XDECREF(list);
    Py_DECREF(sources);
    return merged;
}

/* merge_all(instances, *, load=True, options=None) */
PyObject *
orm_session_merge_all(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "Session.merge_all",
                                       .names = {"instances", "load", "options"},
                                       .count = 3, .npositional = 1, .nrequired = 1};
    PyObject *out[3];
    PyObject *sources = NULL;
    PyObject *list = NULL;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    sources = PySequence_List(out[0]);
    list = sources == NULL ? NULL : merge_sources(self, sources, out[1], out[2]);
    Py_XDECREF(sources);
    return list;
}
