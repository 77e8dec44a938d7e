/*
 * orm/load_targets.c - a many-to-one over the target's primary key, for many parents.
 *
 * Place: load_many.c comes here where the SELECT has no key columns that count: parents hold the
 *   keys of what they refer to, and the identity map says which instance that is. What is there
 *   already is not asked for, unless the load is narrowed (and_()) or overwrites; subqueryload
 *   asks for all.
 */
#include "orm/load_many.h"

/* The key of what a parent refers to, with the identity token of this load: as orm_reference_key. */
static int
target_key(const many_run *m, uint32_t i, orm_key *k)
{
    PyObject *token = m->above == NULL ? NULL : m->above->token;
    PyObject *value = NULL;
    orm_key with = {0};
    int has = orm_reference_key(m->parents[i], m->rel, ORM_PASSIVE_OFF, k);

    if (has != 1 || token == NULL) {
        return has;
    }
    value = orm_key_object(k);
    if (value == NULL
        || orm_key_init(&with, m->rel->target,
                        m->rel->target->npk == 1 ? &value : &PyTuple_GET_ITEM(value, 0), token)
               < 0) {
        has = -1;
    }
    Py_XDECREF(value);
    orm_key_fini(k);
    *k = has == 1 ? with : (orm_key){0};
    return has;
}

/* What the session knows is as good as a row. */
static bool
knows_enough(const many_run *m)
{
    return !m->loads->narrowed && !(m->above != NULL && (m->above->overwrite || m->loads->asks_more));
}

/* Ask for the rows that parents refer to and the session does not know. 0 / -1. */
static int
collect_targets(many_run *m)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
        PyObject *there = NULL;
        orm_head *known = NULL;
        PyObject *key = NULL;
        orm_key k = {0};
        int has = target_key(m, i, &k);

        if (has != 1) {
            rc = has < 0 ? -1 : 0;
            continue;
        }
        rc = knows_enough(m) ? orm_idmap_get(&m->s->map, &k, &there, &known) : 0;
        if (rc == 0 && there == NULL) {
            key = orm_key_object(&k);
            rc = key == NULL ? -1 : PyDict_Contains(m->index, key);
            if (rc == 0 && (PyDict_SetItem(m->index, key, Py_None) < 0
                            || PyList_Append(m->keys, key) < 0)) {
                rc = -1;
            }
            rc = rc < 0 ? -1 : 0;
        }
        else if (rc == 0) {
            rc = PyList_Append(m->targets, there);
        }
        Py_XDECREF(key);
        Py_XDECREF(there);
        orm_key_fini(&k);
    }
    return rc;
}

/* Only the rows that came count: key -> instance. 0 / -1. */
static int
index_targets(many_run *m, PyObject *list)
{
    int rc = 0;

    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        orm_head *h = orm_head_of(m->st, PyList_GET_ITEM(list, i));
        orm_key k = {0};
        PyObject *key = h == NULL || orm_key_of(&k, h) < 0 ? NULL : orm_key_object(&k);

        rc = key == NULL ? -1 : PyDict_SetItem(m->index, key, PyList_GET_ITEM(list, i));
        Py_XDECREF(key);
        orm_key_fini(&k);
    }
    return rc;
}

/* What a key leads to: new reference, or NULL. 0 / -1. */
static int
target_of(many_run *m, const orm_key *k, PyObject **out)
{
    orm_head *known = NULL;
    PyObject *key = NULL;
    int rc;

    if (!m->loads->narrowed) {
        return orm_idmap_get(&m->s->map, k, out, &known);
    }
    key = orm_key_object(k);
    rc = key == NULL ? -1 : PyDict_GetItemRef(m->index, key, out);
    Py_XDECREF(key);
    if (*out == Py_None) {
        Py_CLEAR(*out);
    }
    return rc < 0 ? -1 : 0;
}

/* What was found for a parent. Consumes value. 0 / -1. */
static int
hand_out(many_run *m, uint32_t i, PyObject *value)
{
    int rc;

    if (m->found != NULL) {
        return PyList_SetItem(m->found, m->offset + i, value);
    }
    rc = orm_relation_install(m->parents[i], m->parents[i]->mapper->attrs[m->rel->slot], value);
    Py_DECREF(value);
    return rc;
}

static int
hand_out_targets(many_run *m)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
        PyObject *there = NULL;
        orm_key k = {0};
        int has = target_key(m, i, &k);

        rc = has < 0 ? -1 : 0;
        if (has == 1) {
            rc = target_of(m, &k, &there);
            orm_key_fini(&k);
        }
        if (rc == 0) {
            rc = hand_out(m, i, there == NULL ? Py_NewRef(Py_None) : there);
        }
    }
    return rc;
}

/* The instances that listeners gave. New list. */
static PyObject *
ask_listeners(many_run *m)
{
    PyObject *module = orm_import_once(&m->st->strategies, "pyorm.orm._strategies", NULL);
    PyObject *result = module == NULL ? NULL : orm_keys_ask(m);
    PyObject *list = result == NULL ? NULL : PyObject_CallMethod(module, "related_of", "O", result);

    Py_XDECREF(result);
    return list;
}

/* The rows of these keys as instances, kept alive by m->targets. 0 / -1. */
static int
load_keys(many_run *m, Py_ssize_t from, Py_ssize_t to)
{
    PyObject *all = m->keys;
    orm_compiled *c = NULL;
    orm_result *r = NULL;
    PyObject *list = NULL;
    int rc;

    m->keys = PyList_GetSlice(all, from, to);
    if (m->path != NULL && m->keys != NULL) {
        list = ask_listeners(m);
        rc = list == NULL ? -1 : 0;
    }
    else {
        rc = m->keys == NULL ? -1 : orm_keys_run(m, &c, &r);
    }
    Py_XDECREF(m->keys);
    m->keys = all;
    if (rc < 0) {
        return -1;
    }
    if (m->path == NULL) {
        list = orm_keys_list(m, c, r);
        Py_DECREF(c);
    }
    rc = list == NULL ? -1 : m->loads->narrowed ? index_targets(m, list) : 0;
    if (rc == 0) {
        rc = PyList_Append(m->targets, list);
    }
    Py_XDECREF(list);
    return rc;
}

/* One SELECT per so many keys, not parents: many of these can refer to one row. 0 / -1. */
int
orm_load_targets(many_run *m)
{
    Py_ssize_t nkeys;
    int rc;

    if (m->loads->subquery) {
        return load_keys(m, 0, 0) < 0 ? -1 : hand_out_targets(m);
    }
    rc = collect_targets(m);
    nkeys = PyList_GET_SIZE(m->keys);
    for (Py_ssize_t at = 0; rc == 0 && at < nkeys; at += m->most) {
        rc = load_keys(m, at, nkeys - at < m->most ? nkeys : at + m->most);
    }
    return rc < 0 ? -1 : hand_out_targets(m);
}
