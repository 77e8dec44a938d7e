/*
 * session/sync.c - instances after UPDATE and DELETE of a mapped class.
 *
 * Place: execute.c asks before such a statement who is to follow it. pyorm/orm/_synchronize.py
 *   answers, once per statement: it evaluates the criterion over the instances of the class, or
 *   adds RETURNING. After the statement it says which instances get which values; they are
 *   stored here, as if loaded.
 * Where the session holds no instance of the class, nobody is asked, unless "evaluate" is wanted:
 *   what cannot be evaluated is refused in any case.
 * Instances are told by `ORM_H_IN_MAP`; listeners run Python, so loops go over lists of strong
 *   references.
 */
#include "session/sync.h"

/* synchronize_session of the options, owned; NULL: not there, or exception. */
static PyObject *
mode_of(SessionObject *s, PyObject *options)
{
    PyObject *mode = NULL;

    if (options != NULL) {
        (void)PyDict_GetItemRef(options, s->st->s_synchronize_session, &mode);
    }
    return mode;
}

int
orm_session_sync_mode(SessionObject *s, PyObject *options)
{
    static const char *const modes[] = {"auto", "evaluate", "fetch"};
    PyObject *mode = mode_of(s, options);
    int wanted = -1;

    if (mode == NULL) {
        return PyErr_Occurred() ? -1 : 1;
    }
    if (mode == Py_False || mode == Py_None) {
        wanted = 0;
    }
    for (size_t i = 0; wanted < 0 && PyUnicode_Check(mode) && i < Py_ARRAY_LENGTH(modes); i++) {
        wanted = PyUnicode_CompareWithASCIIString(mode, modes[i]) == 0 ? 1 : -1;
    }
    Py_DECREF(mode);
    return wanted >= 0 ? wanted
                       : orm_raise_exc(s->st, ORM_EXC_ArgumentError,
                                       "Valid strategies for session synchronization are 'auto', "
                                       "'evaluate', 'fetch', False");
}

int
orm_session_sync_begin(SessionObject *s, orm_mapper *m, const orm_node *node, PyObject *statement,
                       PyObject *params, PyObject *options, PyObject **plan)
{
    bool beside = node->args[ORM_DML_OPTIONS] != NULL || node->args[ORM_DML_USING] != NULL;
    PyObject *module = NULL;
    PyObject *mode = NULL;
    PyObject *token = NULL;
    size_t pos = 0;
    orm_head *h = NULL;
    int wanted = orm_session_sync_mode(s, options);

    *plan = NULL;
    if (wanted <= 0 || m->py == NULL) {
        return wanted < 0 ? -1 : 0;
    }
    mode = mode_of(s, options);
    do {
        h = orm_tagmap_next(&s->s.map.table, &pos);
    } while (h != NULL && !orm_mapper_isa(h->mapper, m));
    if (h == NULL
        && (mode == NULL || PyUnicode_CompareWithASCIIString(mode, "evaluate") != 0)) {
        Py_XDECREF(mode);
        return 0;
    }
    if (options == NULL || PyDict_GetItemRef(options, s->st->s_identity_token, &token) >= 0) {
        module = PyImport_ImportModule("pyorm.orm._synchronize");
    }
    if (module != NULL) {
        *plan = PyObject_CallMethod(module, "begin", "OOOOOOO", (PyObject *)s, m->py, statement,
                                    params == NULL ? Py_None : params,
                                    mode == NULL ? Py_None : mode, beside ? Py_True : Py_False,
                                    token == NULL ? Py_None : token);
    }
    Py_XDECREF(token);
    Py_XDECREF(module);
    Py_XDECREF(mode);
    return *plan == NULL ? -1 : 0;
}

/* Its row was written: what the program did not change itself expires. 0 / -1. */
static int
expire_written(SessionObject *s, orm_head *h)
{
    if (!(h->flags & ORM_H_MODIFIED)) {
        return orm_session_expire_head(s, h);
    }
    for (uint32_t i = 0; i < h->mapper->nslots; i++) {
        orm_attribute *a = h->mapper->attrs[i];
        if (a != NULL && !ORM_SLOT_IS_RELATION(a->kind) && !(a->flags & ORM_A_DEFERRED)
            && !orm_val_is_dirty(h, i) && orm_val_expire(h, i, ORM_TAG_EXPIRED) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
sync_key(SessionObject *s, orm_mapper *m, PyObject *values)
{
    orm_key key = {0};
    PyObject *obj = NULL;
    orm_head *h = NULL;
    int rc;

    if (!PyTuple_Check(values) || PyTuple_GET_SIZE(values) != (Py_ssize_t)m->npk) {
        return 0;
    }
    if (orm_key_init(&key, m, &PyTuple_GET_ITEM(values, 0), NULL) < 0) {
        return -1;
    }
    rc = orm_idmap_get(&s->s.map, &key, &obj, &h);
    orm_key_fini(&key);
    if (rc == 0 && obj != NULL && orm_mapper_isa(h->mapper, m)) {
        rc = expire_written(s, h);
    }
    Py_XDECREF(obj);
    return rc;
}

int
orm_session_sync_keys(SessionObject *s, orm_mapper *m, PyObject *keys)
{
    int rc = 0;

    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(keys); i++) {
        rc = sync_key(s, m, PyList_GET_ITEM(keys, i));
    }
    return rc;
}

/* --- what the plan calls ------------------------------------------------------------------------ */

/* _instances(plan): the persistent instances of a class and its subclasses, in a list. */
PyObject *
orm_session_instances(PyObject *self, PyObject *plan)
{
    SessionObject *s = (SessionObject *)self;
    PyObject *all = NULL;
    PyObject *found = NULL;

    if (!PyObject_TypeCheck(plan, s->st->MapperPlan)) {
        return PyErr_Format(PyExc_TypeError, "_instances(): a MapperPlan is needed, got %R", plan);
    }
    all = orm_idmap_list(&s->s.map);
    found = all == NULL ? NULL : PyList_New(0);
    for (Py_ssize_t i = 0; found != NULL && i < PyList_GET_SIZE(all); i++) {
        PyObject *obj = PyList_GET_ITEM(all, i); /* borrow-ok: nobody else has the list */
        orm_head *h = orm_head_find(s->st, obj);

        if (h != NULL && orm_mapper_isa(h->mapper, (orm_mapper *)plan)
            && PyList_Append(found, obj) < 0) {
            Py_CLEAR(found);
        }
    }
    Py_XDECREF(all);
    return found;
}

/* One attribute after the statement: `value`, or `unknown`: it expires. What is not loaded stays
   so; what the program changed is overwritten in the database, thus unknown. 0 / -1. */
static int
follow_slot(orm_head *h, PyObject *name, PyObject *value, PyObject *unknown)
{
    int64_t slot = orm_mapper_slot(h->mapper, name);
    PyObject *now = NULL;
    int tag = 0;

    if (slot < 0) {
        return slot == -1 ? 0 : -1;
    }
    now = orm_val_peek(h, (uint32_t)slot, &tag);
    if (now == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_DECREF(now);
    if (value == unknown || orm_val_is_dirty(h, (uint32_t)slot)) {
        return orm_val_expire(h, (uint32_t)slot, ORM_TAG_EXPIRED);
    }
    return orm_val_load_steal(h, (uint32_t)slot, Py_NewRef(value));
}

/* _follow(objects, names, rows, unknown): store row by row of `rows` (a list of tuples, one per
   object, or one tuple for all) under the names. */
PyObject *
orm_session_follow(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    SessionObject *s = (SessionObject *)self;

    if (nargs != 4 || !PyList_Check(args[0]) || !PyTuple_Check(args[1])
        || !(PyTuple_Check(args[2]) || PyList_Check(args[2]))) {
        PyErr_SetString(PyExc_TypeError, "_follow(list, tuple, tuple or list, object)");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(args[0]); i++) {
        PyObject *row = PyTuple_Check(args[2])              ? Py_NewRef(args[2])
                        : i < PyList_GET_SIZE(args[2]) ? Py_NewRef(PyList_GET_ITEM(args[2], i))
                                                       : NULL;
        PyObject *obj = Py_NewRef(PyList_GET_ITEM(args[0], i));
        orm_head *h = orm_head_find(s->st, obj);
        int rc = row != NULL && PyTuple_Check(row)
                         && PyTuple_GET_SIZE(row) == PyTuple_GET_SIZE(args[1])
                     ? 0
                     : -1;

        if (rc < 0) {
            PyErr_SetString(PyExc_TypeError, "_follow(): a row for each object is needed");
        }
        for (Py_ssize_t k = 0; rc == 0 && h != NULL && h->session == &s->s
                               && k < PyTuple_GET_SIZE(args[1]); k++) {
            rc = follow_slot(h, PyTuple_GET_ITEM(args[1], k), PyTuple_GET_ITEM(row, k), args[3]);
        }
        if (rc == 0 && h != NULL && s->tx != NULL) {
            orm_head_set_written(h, s->tx->serial); /* a savepoint's rollback expires it */
        }
        Py_DECREF(obj);
        Py_XDECREF(row);
        if (rc < 0) {
            return NULL;
        }
    }
    s->s.write_epoch++;
    Py_RETURN_NONE;
}

/* _forget_all(objects): their rows are gone, as if a flush had deleted them. */
PyObject *
orm_session_forget_all(PyObject *self, PyObject *list)
{
    SessionObject *s = (SessionObject *)self;

    if (!PyList_Check(list)) {
        return PyErr_Format(PyExc_TypeError, "_forget_all(): a list is needed, got %R", list);
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *obj = Py_NewRef(PyList_GET_ITEM(list, i));
        orm_head *h = orm_head_find(s->st, obj);
        int rc = h != NULL && h->session == &s->s && h->flags & ORM_H_IN_MAP
                     ? orm_session_forget_deleted(s, h)
                     : 0;

        Py_DECREF(obj);
        if (rc < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}
