/*
 * orm/access.c - reads that load, and writes with listeners: the slow side of an attribute.
 *
 * Place: attribute.c and write_table.c come here when a slot holds no value, or when the
 *   listener mask of the attribute is not 0.
 * Order of a set: old value (loaded first where history is active) -> `set` listeners, each of
 *   which may replace the value, the validator among them -> value stored with history. Of a delete: `remove`
 *   listeners -> value removed. Of a read: value -> refresh if expired -> the attribute's own
 *   loader -> `init_scalar` listeners -> None, which is not stored. Relationships: reference.c,
 *   collection.c.
 * Listeners run Python: slots and flags are read again after every call.
 */
#include "orm/collection_int.h"

#include <stdarg.h>

#define HAS_IDENTITY(h) (((h)->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ)) != 0)

PyObject *
orm_no_value(orm_state *st)
{
    return orm_import_once(&st->no_value, "pyorm.orm._symbols", "NO_VALUE");
}

int
orm_raise_orm(orm_state *st, const char *name, const char *format, ...)
{
    PyObject *module = orm_import_once(&st->orm_exc_module, "pyorm.orm.exc", NULL);
    PyObject *cls = module == NULL ? NULL : PyObject_GetAttrString(module, name);
    va_list args;

    if (cls != NULL) {
        va_start(args, format);
        PyErr_FormatV(cls, format, args);
        va_end(args);
        Py_DECREF(cls);
    }
    return -1;
}

/* --- events ---------------------------------------------------------------------------- */

static PyObject *
listeners_of(const orm_attribute *a, int event)
{
    return Py_XNewRef(a->mask & ORM_L_DISPATCH ? orm_dispatch_get(a->dispatch, event) : NULL);
}

static int
validate(PyObject *obj, orm_attribute *a, PyObject **value)
{
    PyObject *args[] = {obj, a->n.key, *value, Py_False};
    PyObject *checked = PyObject_Vectorcall(a->validator, args,
                                            a->validates & ORM_V_REMOVES ? 4 : 3, NULL);

    if (checked == NULL) {
        return -1;
    }
    Py_SETREF(*value, checked);
    return 0;
}

/* `set` listeners and the validator among them: *value (owned) may be replaced. old borrowed,
   NULL: NO_VALUE. 0 / -1. */
static int
fire_set(PyObject *obj, orm_attribute *a, PyObject **value, PyObject *old)
{
    PyObject *fns = listeners_of(a, ORM_AEV_SET);
    Py_ssize_t n = fns == NULL ? 0 : PyTuple_GET_SIZE(fns);
    PyObject *token = n == 0 ? NULL : Py_XNewRef(orm_event_token(a, ORM_OP_EVENT_REPLACE));
    bool validated = a->validator == NULL;
    int rc = n > 0 && token == NULL ? -1 : 0;

    if (n > 0 && old == NULL) {
        old = orm_no_value(a->mapper->state);
        rc = old == NULL ? -1 : rc;
    }
    for (Py_ssize_t i = 0; rc == 0 && i < n; i++) {
        if (!validated && i >= (Py_ssize_t)a->hooks_at[ORM_AEV_SET]) {
            validated = true;
            rc = validate(obj, a, value);
            if (rc < 0) {
                break;
            }
        }
        PyObject *args[] = {obj, *value, old, token};
        PyObject *held = Py_NewRef(*value);
        rc = orm_call_entry(a->mapper->state, PyTuple_GET_ITEM(fns, i), args, 4, NULL, value);
        Py_DECREF(held);
    }
    if (rc == 0 && !validated) {
        rc = validate(obj, a, value);
    }
    Py_XDECREF(token);
    Py_XDECREF(fns);
    return rc;
}

static int
fire_remove(PyObject *obj, orm_attribute *a, PyObject *old)
{
    PyObject *fns = listeners_of(a, ORM_AEV_REMOVE);
    PyObject *token = NULL;
    int rc = 0;

    if (a->validator != NULL && a->validates & ORM_V_REMOVES) {
        PyObject *value = old == NULL ? orm_no_value(a->mapper->state) : old;
        PyObject *args[] = {obj, a->n.key, value, Py_True};
        PyObject *result = value == NULL ? NULL : PyObject_Vectorcall(a->validator, args, 4, NULL);
        if (result == NULL) {
            Py_XDECREF(fns);
            return -1;
        }
        Py_DECREF(result);
    }
    if (fns == NULL) {
        return 0;
    }
    token = Py_XNewRef(orm_event_token(a, ORM_OP_EVENT_REMOVE));
    if (old == NULL) {
        old = orm_no_value(a->mapper->state);
    }
    if (token == NULL || old == NULL) {
        rc = -1;
    }
    for (Py_ssize_t i = 0; rc == 0 && i < PyTuple_GET_SIZE(fns); i++) {
        PyObject *args[] = {obj, old, token};
        rc = orm_call_entry(a->mapper->state, PyTuple_GET_ITEM(fns, i), args, 3, NULL, NULL);
    }
    Py_XDECREF(token);
    Py_DECREF(fns);
    return rc;
}

int
orm_attribute_fire_modified(orm_head *h, orm_attribute *a)
{
    PyObject *fns = listeners_of(a, ORM_AEV_MODIFIED);
    PyObject *obj = NULL;
    PyObject *token = NULL;
    int rc = -1;

    if (fns == NULL) {
        return 0;
    }
    obj = orm_head_object(h);
    token = obj == NULL ? NULL : Py_XNewRef(orm_event_token(a, ORM_OP_EVENT_MODIFIED));
    if (token != NULL) {
        rc = 0;
        for (Py_ssize_t i = 0; rc == 0 && i < PyTuple_GET_SIZE(fns); i++) {
            PyObject *args[] = {obj, token};
            rc = orm_call_entry(a->mapper->state, PyTuple_GET_ITEM(fns, i), args, 2, NULL, NULL);
        }
    }
    Py_XDECREF(token);
    Py_XDECREF(obj);
    Py_DECREF(fns);
    return rc;
}

/* Nothing is stored: listeners may give a value; else None. New reference. */
static PyObject *
init_scalar(orm_head *h, orm_attribute *a)
{
    PyObject *fns = listeners_of(a, ORM_AEV_INIT_SCALAR);
    PyObject *value = Py_NewRef(Py_None);
    PyObject *obj = NULL;
    PyObject *dict = NULL;
    int rc = -1;

    if (fns == NULL) {
        return value;
    }
    obj = orm_head_object(h);
    /* Listeners get the instance's dict and may store the value there. */
    dict = obj == NULL ? NULL : PyObject_GetAttr(obj, a->mapper->state->s_dunder_dict);
    if (dict != NULL) {
        rc = 0;
        for (Py_ssize_t i = 0; rc == 0 && i < PyTuple_GET_SIZE(fns); i++) {
            PyObject *args[] = {obj, value, dict};
            PyObject *held = Py_NewRef(value);
            rc = orm_call_entry(a->mapper->state, PyTuple_GET_ITEM(fns, i), args, 3, NULL, &value);
            Py_DECREF(held);
        }
    }
    Py_XDECREF(dict);
    Py_XDECREF(obj);
    Py_DECREF(fns);
    if (rc < 0) {
        Py_CLEAR(value);
    }
    return value;
}

/* --- reading --------------------------------------------------------------------------- */

/* How the instance left its session, as the end of a sentence. */
static const char *
how_it_left(const orm_head *h)
{
    static const char *const words[ORM_LEFT_COUNT] = {
        [ORM_LEFT_UNKNOWN] = "it has not been in one",
        [ORM_LEFT_CLOSE] = "Session.close(), or the end of its with block, detached it",
        [ORM_LEFT_RESET] = "Session.reset() detached it",
        [ORM_LEFT_INVALIDATE] = "Session.invalidate() detached it",
        [ORM_LEFT_EXPUNGE] = "Session.expunge(), of it or of what cascades to it, detached it",
        [ORM_LEFT_EXPUNGE_ALL] = "Session.expunge_all() detached it",
        [ORM_LEFT_COMMIT] = "its row was deleted, and commit() detached it",
        [ORM_LEFT_ROLLBACK] = "a rollback took it out",
        [ORM_LEFT_DROPPED] = "its Session was dropped without close()",
        [ORM_LEFT_MADE] = "make_transient_to_detached() made it",
        [ORM_LEFT_PICKLED] = "it comes from a pickle or a copy"};
    uint32_t how = h->flags >> ORM_H_WRITTEN_SHIFT & 0x1ff;

    return words[how < ORM_LEFT_COUNT ? how : ORM_LEFT_UNKNOWN];
}

static int
raise_detached(orm_head *h, orm_attribute *a, const char *what)
{
    PyObject *text = orm_head_describe(h);

    if (text == NULL) {
        return -1;
    }
    if (what == NULL) {
        orm_raise_orm(h->mapper->state, "DetachedInstanceError",
                      "Instance %U is not bound to a Session; attribute refresh operation "
                      "cannot proceed (attribute '%U'; %s; read it before, or add() the instance "
                      "to a Session)", text, a->n.key, how_it_left(h));
    }
    else {
        orm_raise_orm(h->mapper->state, "DetachedInstanceError",
                      "Parent instance %U is not bound to a Session; %s operation of attribute "
                      "'%U' cannot proceed (%s; load it before, or add() the instance to a "
                      "Session)", text, what, a->n.key, how_it_left(h));
    }
    Py_DECREF(text);
    return -1;
}

static int
raise_raiseload(orm_head *h, orm_attribute *a, const char *why)
{
    PyObject *name = PyType_GetName(h->mapper->cls);

    if (name != NULL) {
        orm_raise_exc(h->mapper->state, ORM_EXC_InvalidRequestError,
                      "'%U.%U' is not available due to %s", name, a->n.key,
                      ORM_SLOT_IS_RELATION(a->kind) ? why : "raiseload=True");
        Py_DECREF(name);
    }
    return -1;
}

/* Reading the slot raises: an option said so, or the mapping and no option another thing. */
static bool
is_refused(const orm_attribute *a, int tag)
{
    return tag == ORM_TAG_RAISE
           || (tag == ORM_TAG_ABSENT && a->flags & ORM_A_RAISE
               && !(a->relation != NULL && a->relation->lazy == ORM_LAZY_RAISE_ON_SQL))
           || (tag == ORM_TAG_DEFERRED && a->flags & ORM_A_RAISE);
}

/* Reading the slot raises if it takes SQL. */
static bool
is_refused_sql(const orm_attribute *a, int tag)
{
    return tag == ORM_TAG_RAISE_ON_SQL
           || (tag == ORM_TAG_ABSENT && a->relation != NULL
               && a->relation->lazy == ORM_LAZY_RAISE_ON_SQL);
}

/* Whether the attribute of an instance without identity is loaded: by relationship(load_on_pending=True),
   or for the whole instance by enable_relationship_loading(). */
static bool
loads_pending(const orm_head *h, const orm_attribute *a)
{
    return a->flags & ORM_A_ON_PENDING
           || (ORM_SLOT_IS_RELATION(a->kind) && h->rare != NULL && h->rare->loads_pending);
}

/* Bring in what the slot lacks. 1 look again, 0 nothing to load, 2 forbidden by the flags, -1. */
static int
load_missing(orm_head *h, orm_attribute *a, int tag, int passive)
{
    bool own_loader = tag == ORM_TAG_DEFERRED || tag == ORM_TAG_RAISE
                      || ORM_SLOT_IS_RELATION(a->kind) || a->flags & ORM_A_DEFERRED;
    orm_session *s = h->session;
    int rc;

    if (tag == ORM_TAG_EXPIRED && HAS_IDENTITY(h)) {
        if ((passive & (ORM_P_CALLABLES | ORM_P_SQL)) != (ORM_P_CALLABLES | ORM_P_SQL)) {
            return 2;
        }
        if (s == NULL) {
            return raise_detached(h, a, NULL);
        }
        return s->ops->load_expired(s, h, a->slot, passive) < 0 ? -1 : 1;
    }
    if (!own_loader
        || (!HAS_IDENTITY(h) && (s == NULL || !loads_pending(h, a)))) {
        return 0;
    }
    if (!(passive & ORM_P_CALLABLES)) {
        return 2;
    }
    if (is_refused(a, tag)) {
        return passive & ORM_P_NO_RAISE ? 2 : raise_raiseload(h, a, "lazy='raise'");
    }
    if (s == NULL) {
        if (passive & ORM_P_NO_RAISE || !(passive & ORM_P_SQL)) {
            return 2;
        }
        return raise_detached(
            h, a, ORM_SLOT_IS_RELATION(a->kind) ? "lazy load" : "deferred load");
    }
    if (!ORM_SLOT_IS_RELATION(a->kind) && !(passive & ORM_P_SQL)) {
        return 2;
    }
    if (a->kind == ORM_SLOT_COLLECTION && !(passive & ORM_P_SQL)) {
        return 2;
    }
    if (is_refused_sql(a, tag)) {
        rc = s->ops->load_slot(s, h, a->slot, passive & ~ORM_P_SQL);
        return rc != 2 || passive & ORM_P_NO_RAISE || !(passive & ORM_P_SQL)
                   ? rc
                   : raise_raiseload(h, a, "lazy='raise_on_sql'");
    }
    return s->ops->load_slot(s, h, a->slot, passive);
}

PyObject *
orm_attribute_read(orm_head *h, orm_attribute *a, int passive, int *none)
{
    int tag = ORM_TAG_ABSENT;
    PyObject *v = orm_val_peek(h, a->slot, &tag);
    int rc;

    if (v != NULL) {
        /* a __setstate__ of the user's own may have put a container into the dict */
        if (a->kind == ORM_SLOT_COLLECTION && h->flags & ORM_H_DICT
            && orm_collection_relink(h, a->slot, v) < 0) {
            Py_CLEAR(v);
        }
        return v;
    }
    if (orm_is_queued(a)) {
        if ((passive & (ORM_P_SQL | ORM_P_INIT)) == (ORM_P_SQL | ORM_P_INIT)) {
            return orm_queued_view(h, a);
        }
        if (none != NULL) {
            *none = 2;
        }
        return NULL;
    }
    if (h->flags & ORM_H_LOADING
        || (ORM_SLOT_IS_RELATION(a->kind) && orm_val_old(h, a->slot) != NULL)) {
        rc = 0; /* being filled; or what was there before a change is known: nothing is loaded */
    }
    else {
        rc = load_missing(h, a, tag, passive);
    }
    if (rc < 0) {
        return NULL;
    }
    if (rc == 1) {
        v = orm_val_peek(h, a->slot, NULL);
        if (v != NULL) {
            return v;
        }
    }
    if (rc == 2 || !(passive & ORM_P_INIT)) {
        if (none != NULL) {
            *none = rc == 2 ? 2 : 1;
        }
        return NULL;
    }
    if (ORM_SLOT_IS_RELATION(a->kind) && a->relation == NULL && orm_configure_for(a->mapper) < 0) {
        return NULL;
    }
    return orm_is_queued(a)                 ? orm_queued_view(h, a)
           : a->kind == ORM_SLOT_COLLECTION ? orm_collection_empty(h, a)
                                            : init_scalar(h, a);
}

PyObject *
orm_val_read(orm_head *h, uint32_t i, int passive, int *none)
{
    orm_attribute *a = (orm_attribute *)Py_NewRef(h->mapper->attrs[i]);
    PyObject *v = orm_attribute_read(h, a, passive, none);

    Py_DECREF(a);
    return v;
}

/* --- writing --------------------------------------------------------------------------- */

int
orm_attribute_write(orm_head *h, orm_attribute *a, PyObject *v)
{
    PyObject *obj = NULL;
    PyObject *value = NULL;
    PyObject *old = NULL;
    int rc = -1;

    if (a->mask == 0) {
        return orm_val_store(h, a->slot, v);
    }
    if (ORM_SLOT_IS_RELATION(a->kind)) {
        return orm_relation_write(h, a, v, NULL);
    }
    obj = orm_head_object(h);
    if (obj == NULL) {
        PyErr_SetString(PyExc_ReferenceError, "the instance of this InstanceState is gone");
        return -1;
    }
    value = Py_NewRef(v);
    if (a->mask & ORM_L_ACTIVE) {
        old = orm_attribute_read(h, a, ORM_PASSIVE_OFF & ~ORM_P_INIT, NULL);
        if (old == NULL && PyErr_Occurred()) {
            goto done;
        }
    }
    else {
        old = orm_val_peek(h, a->slot, NULL);
    }
    if (fire_set(obj, a, &value, old) == 0) {
        rc = orm_val_store(h, a->slot, value);
    }
done:
    Py_XDECREF(old);
    Py_DECREF(value);
    Py_DECREF(obj);
    return rc;
}

int
orm_val_write(orm_head *h, uint32_t i, PyObject *v)
{
    orm_attribute *a = (orm_attribute *)Py_NewRef(h->mapper->attrs[i]);
    int rc = orm_attribute_write(h, a, v);

    Py_DECREF(a);
    return rc;
}

int
orm_attribute_delete(orm_head *h, orm_attribute *a)
{
    int tag = ORM_TAG_ABSENT;
    PyObject *old = NULL;
    PyObject *obj = NULL;
    int rc = -1;

    if (ORM_SLOT_IS_RELATION(a->kind)) {
        return orm_relation_delete(h, a);
    }
    old = orm_val_peek(h, a->slot, &tag);
    if (old == NULL && a->mask & ORM_L_ACTIVE) {
        old = orm_attribute_read(h, a, ORM_PASSIVE_OFF & ~ORM_P_INIT, NULL);
        if (old == NULL && PyErr_Occurred()) {
            return -1;
        }
    }
    /* What loads by itself may have a value in the database. */
    bool unknown = HAS_IDENTITY(h) && a->flags & ORM_A_DEFERRED;
    if (old == NULL && tag == ORM_TAG_ABSENT && !unknown) {
        PyObject *name = PyType_GetName(h->mapper->cls);
        if (name != NULL) {
            PyErr_Format(PyExc_AttributeError, "%U.%U object does not have a value", name,
                         a->n.key);
            Py_DECREF(name);
        }
        return -1;
    }
    obj = orm_head_object(h);
    if (obj != NULL && fire_remove(obj, a, old) == 0) {
        rc = orm_val_remove(h, a->slot);
    }
    Py_XDECREF(obj);
    Py_XDECREF(old);
    return rc;
}

int
orm_val_delete(orm_head *h, uint32_t i)
{
    orm_attribute *a = (orm_attribute *)Py_NewRef(h->mapper->attrs[i]);
    int rc = orm_attribute_delete(h, a);

    Py_DECREF(a);
    return rc;
}
