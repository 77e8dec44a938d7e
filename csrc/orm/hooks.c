/*
 * orm/hooks.c - what happens around one change of a relationship: listeners, validator, cascade,
 * backref, history and the note of the parent.
 *
 * Place: reference.c and the collections call here before they change.
 * Order: listeners that were there when the mapping was configured -> single_parent, validator,
 *   cascade into the session, other sides -> later listeners -> history -> the member's parent.
 *   A removal notes the parent first. It is the reference's order, and what listeners see of
 *   half-made changes is part of it (tests/golden/mutations.json).
 * Python runs at every step: heads are kept alive by references to their instances, attributes
 *   by references of their own.
 */
#include "orm/collection_int.h"

/* --- tokens and listeners --------------------------------------------------------------- */

PyObject *
orm_event_token(orm_attribute *a, int op)
{
    if (a->tokens[op] == NULL) {
        PyTypeObject *type = a->mapper->state->AttributeEventToken;
        orm_token *token = (orm_token *)type->tp_alloc(type, 0);
        if (token == NULL) {
            return NULL;
        }
        token->attr = (orm_attribute *)Py_NewRef(a);
        token->op = op;
        Py_XSETREF(a->tokens[op], (PyObject *)token);
    }
    return a->tokens[op];
}

orm_attribute *
orm_initiator_attr(orm_state *st, PyObject *initiator)
{
    return initiator != NULL && Py_IS_TYPE(initiator, st->AttributeEventToken)
               ? ((orm_token *)initiator)->attr : NULL;
}

int
orm_call_entry(orm_state *st, PyObject *entry, PyObject *const *args, size_t nargs,
               PyObject *key, PyObject **value)
{
    bool tuple = PyTuple_CheckExact(entry);
    bool wants_key = tuple && PyTuple_GET_SIZE(entry) == 2;
    bool replaces = tuple && (!wants_key || PyTuple_GET_ITEM(entry, 1) == Py_True);
    PyObject *fn = tuple ? PyTuple_GET_ITEM(entry, 0) : entry;
    PyObject *result = NULL;

    if (wants_key) {
        PyObject *stack[6] = {NULL};
        bool many = key != NULL && (key == Py_None || PyList_CheckExact(key)); /* bulk_replace */
        PyObject *no_key = key != NULL ? key : orm_import_once(&st->no_key, "pyorm.orm._symbols",
                                                              "NO_KEY");
        PyObject *names = no_key == NULL ? NULL : PyTuple_Pack(1, many ? st->s_keys : st->s_key);
        for (size_t i = 0; i < nargs; i++) {
            stack[i] = args[i];
        }
        stack[nargs] = no_key;
        result = names == NULL ? NULL : PyObject_Vectorcall(fn, stack, nargs, names);
        Py_XDECREF(names);
    }
    else {
        result = PyObject_Vectorcall(fn, args, nargs, NULL);
    }
    if (result == NULL) {
        return -1;
    }
    if (replaces && value != NULL) {
        Py_SETREF(*value, result);
    }
    else {
        Py_DECREF(result);
    }
    return 0;
}

/* A change that is being told. */
typedef struct change {
    orm_head *h;
    PyObject *obj;        /* owned: the instance of h */
    orm_attribute *a;     /* owned */
    orm_relation *rel;    /* borrowed from a */
    PyObject *initiator;  /* owned token: never NULL */
    bool own;             /* it begins at this attribute */
    PyObject *key;        /* borrowed: dict key or index of the member, or NULL */
    PyObject *old;        /* borrowed: `set`: the old value or the symbol that stands for it */
} change;

/* 1 begun, 0 the instance is gone: nothing to tell, -1. */
static int
change_begin(change *c, orm_head *h, orm_attribute *a, PyObject *initiator, int op,
             PyObject *key)
{
    *c = (change){.h = h, .key = key};
    if (initiator == NULL) {
        initiator = orm_event_token(a, op);
        if (initiator == NULL) {
            return -1;
        }
    }
    c->obj = orm_head_object(h);
    if (c->obj == NULL) {
        return 0;
    }
    c->a = (orm_attribute *)Py_NewRef(a);
    c->rel = a->relation;
    c->initiator = Py_NewRef(initiator);
    orm_attribute *from = orm_initiator_attr(a->mapper->state, initiator);
    c->own = from == a || (from != NULL && from->relation == a->relation);
    return 1;
}

static void
change_end(change *c)
{
    Py_XDECREF(c->obj);
    Py_XDECREF(c->a);
    Py_XDECREF(c->initiator);
}

/* Listeners [from, to) of an event with (obj, *value[, old], token). 0 / -1. */
static int
listeners(change *c, PyObject *fns, Py_ssize_t from, Py_ssize_t to, PyObject **value, bool set)
{
    orm_state *st = c->a->mapper->state;
    int rc = 0;

    for (Py_ssize_t i = from; rc == 0 && i < to; i++) {
        PyObject *held = Py_NewRef(*value);
        PyObject *args[4] = {c->obj, held, set ? c->old : c->initiator, c->initiator};
        rc = orm_call_entry(st, PyTuple_GET_ITEM(fns, i), args, set ? 4 : 3, c->key, value);
        Py_DECREF(held);
    }
    return rc;
}

/* --- validator, single parent, cascade ---------------------------------------------------- */

static int
validate(change *c, PyObject **value, bool removes)
{
    orm_attribute *a = c->a;
    PyObject *args[4] = {c->obj, a->n.key, *value, removes ? Py_True : Py_False};
    PyObject *checked = NULL;

    if (a->validator == NULL || (!c->own && !(a->validates & ORM_V_BACKREFS))
        || (removes && !(a->validates & ORM_V_REMOVES))) {
        return 0;
    }
    checked = PyObject_Vectorcall(a->validator, args, a->validates & ORM_V_REMOVES ? 4 : 3, NULL);
    if (checked == NULL) {
        return -1;
    }
    if (removes) {
        Py_DECREF(checked);
    }
    else {
        Py_SETREF(*value, checked);
    }
    return 0;
}

bool
orm_is_nothing(const orm_state *st, const PyObject *v)
{
    return v == Py_None || v == st->no_value || v == st->no_result;
}

/* Head of a member, which is not None. NULL: exception, AttributeError if it is no instance. */
static orm_head *
member_head(orm_state *st, PyObject *member)
{
    orm_head *h = orm_head_find(st, member);

    if (h == NULL && !PyErr_Occurred()) {
        PyErr_Format(PyExc_AttributeError, "'%.200s' object has no attribute "
                     "'_sa_instance_state'", Py_TYPE(member)->tp_name);
    }
    return h;
}

static int
check_single_parent(change *c, PyObject *member)
{
    orm_state *st = c->a->mapper->state;
    orm_head *m = NULL;

    if (!(c->rel->flags & ORM_RF_SINGLE_PARENT) || !c->own || member == Py_None) {
        return 0;
    }
    m = member_head(st, member);
    if (m == NULL || orm_has_parent(m, c->rel, 0) == 0) {
        return m == NULL ? -1 : 0;
    }
    PyObject *text = orm_head_describe(m);
    PyObject *name = text == NULL ? NULL : PyObject_Str((PyObject *)c->a);
    if (name != NULL) {
        orm_raise_exc_code(st, ORM_EXC_InvalidRequestError, "bbf1",
                           "Instance %U is already associated with an instance of %R via its %U "
                           "attribute, and is only allowed a single parent.", text,
                           c->rel->parent->cls, name);
        Py_DECREF(name);
    }
    Py_XDECREF(text);
    return -1;
}

static bool
in_session(const orm_session *s, const orm_head *h)
{
    return h->session == s && h->flags & (ORM_H_NEW | ORM_H_IN_MAP);
}

/* A change inside a flush's writes is too late for it. 0 / -1 the warning is an error. */
static int
warn_in_flush(change *c, const char *what)
{
    orm_session *s = c->h->session;

    if (s == NULL || !s->writing) {
        return 0;
    }
    return orm_warn(c->a->mapper->state, ORM_EXC_SAWarning, 2,
                    "Usage of the '%s' operation is not currently supported within the "
                    "execution stage of the flush process. Results may not be consistent.  "
                    "Consider using alternative event listeners or connection-level operations "
                    "instead.", what);
}

/* The member follows its new parent into the session, if the change begins here. 0 / -1. */
static int
cascade_in(change *c, PyObject *member)
{
    orm_session *s = c->h->session;
    orm_attribute *from = orm_initiator_attr(c->a->mapper->state, c->initiator);
    orm_head *m = NULL;

    if (s == NULL || member == Py_None || !(c->rel->cascade & ORM_C_SAVE_UPDATE)
        || from == NULL || from->n.key != c->a->n.key) {
        return 0;
    }
    m = member_head(c->a->mapper->state, member);
    if (m == NULL) {
        return -1;
    }
    return in_session(s, m) ? 0 : s->ops->cascade_add(s, m);
}

/* A member that lost the parent it needs: out of the session if it is pending. 0 / -1. */
static int
cascade_out(change *c, PyObject *member, bool scalar)
{
    orm_head *m = NULL;
    int orphan;

    if (!(c->rel->cascade & ORM_C_DELETE_ORPHAN)
        || orm_is_nothing(c->a->mapper->state, member)) {
        return 0;
    }
    m = member_head(c->a->mapper->state, member);
    if (m == NULL) {
        return -1;
    }
    if (scalar && !(m->flags & ORM_H_NEW)) {
        return 0;
    }
    orphan = orm_is_orphan(m);
    if (orphan <= 0) {
        return orphan;
    }
    if (c->h->session != NULL && m->session == c->h->session && m->flags & ORM_H_NEW) {
        return m->session->ops->expunge(m->session, m);
    }
    return scalar ? 0 : orm_note_orphaned(m);
}

/* --- append, remove, set ---------------------------------------------------------------------- */

enum { DO_APPEND, DO_REMOVE, DO_SET };

/* What the core itself does at a change, in the middle of the listeners. 0 / -1. */
static int
run_hooks(change *c, int what, PyObject **value)
{
    bool view_only = (c->rel->flags & ORM_RF_VIEWONLY) != 0;
    bool backref = (c->a->mask & ORM_L_BACKREF) != 0;
    PyObject *token = c->initiator;

    if (what == DO_REMOVE) {
        if (validate(c, value, true) < 0
            || (!view_only && warn_in_flush(c, "collection remove") < 0)
            || (!view_only && cascade_out(c, *value, false) < 0)) {
            return -1;
        }
        return backref && !orm_is_nothing(c->a->mapper->state, *value)
                   ? orm_backref_remove(c->h, c->a, *value, token) : 0;
    }
    bool bulk = Py_IS_TYPE(token, c->a->mapper->state->AttributeEventToken)
                && ((orm_token *)token)->op == ORM_OP_EVENT_BULK_REPLACE && what == DO_APPEND;
    if (check_single_parent(c, *value) < 0 || (!bulk && validate(c, value, false) < 0)) {
        return -1;
    }
    if (*value != Py_None && member_head(c->a->mapper->state, *value) == NULL) {
        return -1;
    }
    if (!view_only && *value != c->old) {
        if (warn_in_flush(c, what == DO_SET ? "related attribute set" : "collection append") < 0
            || cascade_in(c, *value) < 0
            || (what == DO_SET && cascade_out(c, c->old, true) < 0)) {
            return -1;
        }
    }
    if (!backref) {
        return 0;
    }
    return what == DO_SET ? orm_backref_set(c->h, c->a, *value, c->old, token)
                          : orm_backref_append(c->h, c->a, *value, token);
}

/* Early listeners, hooks, later listeners. 0 / -1. */
static int
tell(change *c, int what, PyObject **value)
{
    static const int events[] = {ORM_AEV_APPEND, ORM_AEV_REMOVE, ORM_AEV_SET};
    int event = events[what];
    PyObject *fns =
        Py_XNewRef(c->a->mask & ORM_L_DISPATCH ? orm_dispatch_get(c->a->dispatch, event) : NULL);
    Py_ssize_t n = fns == NULL ? 0 : PyTuple_GET_SIZE(fns);
    Py_ssize_t early = (Py_ssize_t)c->a->hooks_at[event] < n ? c->a->hooks_at[event] : n;
    int rc = listeners(c, fns, 0, early, value, what == DO_SET);

    if (rc == 0) {
        rc = run_hooks(c, what, value);
    }
    if (rc == 0) {
        rc = listeners(c, fns, early, n, value, what == DO_SET);
    }
    Py_XDECREF(fns);
    return rc;
}

/* Note or unnote the parent of a member. 0 / -1. */
static int
note_parent(change *c, PyObject *member, bool has)
{
    orm_head *m = NULL;

    if (!orm_relation_tracks(c->rel) || orm_is_nothing(c->a->mapper->state, member)) {
        return 0;
    }
    m = member_head(c->a->mapper->state, member);
    return m == NULL ? -1 : orm_set_parent(m, c->rel, c->h, has);
}

int
orm_fire_append(orm_head *h, orm_attribute *a, PyObject **value, PyObject *initiator,
                PyObject *key)
{
    change c;
    int rc = change_begin(&c, h, a, initiator, ORM_OP_EVENT_APPEND, key);

    if (rc <= 0) {
        return rc;
    }
    rc = tell(&c, DO_APPEND, value);
    if (rc == 0) {
        rc = orm_collection_touch(h, a);
    }
    if (rc == 0) {
        rc = note_parent(&c, *value, true);
    }
    change_end(&c);
    return rc;
}

int
orm_fire_remove(orm_head *h, orm_attribute *a, PyObject *item, PyObject *initiator,
                PyObject *key)
{
    change c;
    PyObject *value = NULL;
    int rc = change_begin(&c, h, a, initiator, ORM_OP_EVENT_REMOVE, key);

    if (rc <= 0) {
        return rc;
    }
    value = Py_NewRef(item);
    rc = note_parent(&c, item, false);
    if (rc == 0) {
        rc = tell(&c, DO_REMOVE, &value);
    }
    if (rc == 0 && a->kind == ORM_SLOT_COLLECTION) {
        rc = orm_collection_touch(h, a);
    }
    Py_DECREF(value);
    change_end(&c);
    return rc;
}

int
orm_fire_replace(orm_head *h, orm_attribute *a, PyObject **value, PyObject *old,
                 PyObject *initiator)
{
    change c;
    int rc = change_begin(&c, h, a, initiator, ORM_OP_EVENT_REPLACE, NULL);

    if (rc <= 0) {
        return rc;
    }
    c.old = old;
    rc = old == *value ? 0 : note_parent(&c, old, false);
    if (rc == 0) {
        rc = tell(&c, DO_SET, value);
    }
    if (rc == 0) {
        rc = note_parent(&c, *value, true);
    }
    change_end(&c);
    return rc;
}

int
orm_fire_wo_mutation(orm_head *h, orm_attribute *a, PyObject **item, PyObject *initiator,
                     PyObject *key)
{
    PyObject *fns = NULL;
    change c;
    int rc;

    bool heard = a->mask & ORM_L_DISPATCH
                 && orm_dispatch_get(a->dispatch, ORM_AEV_APPEND_WO_MUTATION) != NULL;

    if (!heard && !(a->mask & ORM_L_CASCADE && h->session != NULL)) {
        return 0;
    }
    rc = change_begin(&c, h, a, initiator, ORM_OP_EVENT_APPEND, key);
    if (rc <= 0) {
        return rc;
    }
    /* A member by backref alone is in no session: naming it again brings it in. */
    rc = c.rel->flags & ORM_RF_VIEWONLY ? 0 : cascade_in(&c, *item);
    if (rc == 0 && heard) {
        fns = Py_XNewRef(orm_dispatch_get(a->dispatch, ORM_AEV_APPEND_WO_MUTATION));
        rc = listeners(&c, fns, 0, fns == NULL ? 0 : PyTuple_GET_SIZE(fns), item, false);
    }
    Py_XDECREF(fns);
    change_end(&c);
    return rc;
}

/* --- whole collections ------------------------------------------------------------------------- */

/* The validator over all values of a bulk replace, in place. 0 / -1. */
static int
validate_all(change *c, PyObject *values)
{
    for (Py_ssize_t i = 0; c->a->validator != NULL && i < PyList_GET_SIZE(values); i++) {
        PyObject *value = Py_NewRef(PyList_GET_ITEM(values, i));
        int rc = validate(c, &value, false);
        if (rc == 0 && i < PyList_GET_SIZE(values)) {
            rc = PyList_SetItem(values, i, value);
            value = NULL;
        }
        Py_XDECREF(value);
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_fire_bulk(orm_head *h, orm_attribute *a, PyObject *values, PyObject *keys)
{
    PyObject *fns =
        Py_XNewRef(a->mask & ORM_L_DISPATCH ? orm_dispatch_get(a->dispatch, ORM_AEV_BULK_REPLACE)
                                            : NULL);
    PyObject *initiator = orm_event_token(a, ORM_OP_EVENT_BULK_REPLACE);
    Py_ssize_t n = fns == NULL ? 0 : PyTuple_GET_SIZE(fns);
    Py_ssize_t at = (Py_ssize_t)a->hooks_at[ORM_AEV_BULK_REPLACE];
    PyObject *value = Py_NewRef(values);
    change c;
    int rc = initiator == NULL
                 ? -1 : change_begin(&c, h, a, initiator, ORM_OP_EVENT_BULK_REPLACE,
                                           keys == NULL ? Py_None : keys);

    if (rc > 0) {
        at = at < n ? at : n;
        rc = listeners(&c, fns, 0, at, &value, false);
        if (rc == 0) {
            rc = validate_all(&c, values);
        }
        if (rc == 0) {
            rc = listeners(&c, fns, at, n, &value, false);
        }
        change_end(&c);
    }
    Py_DECREF(value);
    Py_XDECREF(fns);
    return rc < 0 ? -1 : 0;
}

int
orm_fire_collection(orm_head *h, orm_attribute *a, int event, PyObject *coll)
{
    PyObject *fns =
        Py_XNewRef(a->mask & ORM_L_DISPATCH ? orm_dispatch_get(a->dispatch, event) : NULL);
    PyObject *obj = NULL;
    PyObject *adapter = NULL;
    int rc = fns == NULL ? 0 : -1;

    if (fns == NULL) {
        return 0;
    }
    obj = orm_head_object(h);
    adapter = obj == NULL ? NULL : orm_adapter_for(a->mapper->state, coll);
    if (adapter != NULL) {
        PyObject *args[3] = {obj, coll, adapter};
        rc = 0;
        for (Py_ssize_t i = 0; rc == 0 && i < PyTuple_GET_SIZE(fns); i++) {
            rc = orm_call_entry(a->mapper->state, PyTuple_GET_ITEM(fns, i), args, 3, NULL, NULL);
        }
    }
    else if (!PyErr_Occurred()) {
        rc = 0;
    }
    Py_XDECREF(adapter);
    Py_XDECREF(obj);
    Py_DECREF(fns);
    return rc;
}
