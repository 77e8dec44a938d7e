/*
 * orm/identity.c - identity keys: (root mapper, primary key values, identity token).
 *
 * Place: made from decoded values by the loader, from arguments by get(), from saved keys by
 *   pickling; kept in the head (8 bytes: an int64, or one owned object).
 * Hash: removing a dying instance from the identity map must not run Python, so the hash of an
 *   identity is recomputed only for exact int, str, bytes and UUID; for other values it is kept
 *   in rare. `==` of values that are none of these runs only in idmap.c's get and put.
 * Numbers: True, 1 and 1.0 are one key, as they are in a dict.
 */
#include "orm/orm_int.h"

#include <string.h>

bool
orm_is_uuid(orm_state *st, PyObject *v)
{
    if (st->uuid_type != NULL) {
        return Py_TYPE(v) == (PyTypeObject *)st->uuid_type;
    }
    /* The module is imported by whoever made the value, never by us. */
    if (strcmp(Py_TYPE(v)->tp_name, "UUID") != 0) {
        return false;
    }
    PyObject *exc = PyErr_GetRaisedException();
    PyObject *cls = orm_import_once(&st->uuid_type, "uuid", "UUID");
    if (cls == NULL) {
        PyErr_Clear();
    }
    if (exc != NULL) {
        PyErr_SetRaisedException(exc);
    }
    return cls != NULL && Py_TYPE(v) == (PyTypeObject *)cls;
}

/* Hash of one value of a kind whose hash runs no Python. 1; 0 another kind. */
static int
hash_known(orm_state *st, PyObject *v, uint64_t *out)
{
    if (PyUnicode_CheckExact(v) || PyLong_CheckExact(v) || PyBytes_CheckExact(v)) {
        *out = (uint64_t)PyObject_Hash(v);
        return 1;
    }
    if (st->s_int != NULL && orm_is_uuid(st, v)) {
        /* a slot of the object: no Python code */
        PyObject *number = PyObject_GetAttr(v, st->s_int);
        if (number == NULL) {
            PyErr_Clear();
            return 0;
        }
        *out = (uint64_t)PyObject_Hash(number);
        Py_DECREF(number);
        return 1;
    }
    return 0;
}

/* Hash of one value or of a tuple of values; *known: it can be recomputed without Python. */
static int
hash_values(orm_state *st, PyObject *obj, bool many, uint64_t *out, bool *known)
{
    PyObject *const *items = many ? &PyTuple_GET_ITEM(obj, 0) : &obj;
    Py_ssize_t n = many ? PyTuple_GET_SIZE(obj) : 1;
    uint64_t h = (uint64_t)n;

    *known = true;
    for (Py_ssize_t i = 0; i < n; i++) {
        uint64_t one = 0;
        if (!hash_known(st, items[i], &one)) {
            Py_hash_t slow = PyObject_Hash(items[i]);
            if (slow == -1) {
                return -1;
            }
            one = (uint64_t)slow;
            *known = false;
        }
        h = orm_hash_mix(h, one);
    }
    *out = h;
    return 0;
}

void
orm_key_init_int(orm_key *k, orm_mapper *m, int64_t value)
{
    *k = (orm_key){.root = m->root, .i = value, .kind = ORM_KEY_INT};
    k->hash = orm_hash_int(m->root, value);
}

/* A value that equals an int64 as a dict key. */
static bool
as_int64(PyObject *v, int64_t *out)
{
    if (PyLong_Check(v)) {
        int overflow = 0;
        long long n = PyLong_AsLongLongAndOverflow(v, &overflow);
        *out = n;
        return overflow == 0;
    }
    if (PyFloat_CheckExact(v)) {
        double d = PyFloat_AS_DOUBLE(v);
        if (d >= -9007199254740992.0 && d <= 9007199254740992.0 && d == (double)(int64_t)d) {
            *out = (int64_t)d;
            return true;
        }
    }
    return false;
}

int
orm_key_init(orm_key *k, orm_mapper *m, PyObject *const *values, PyObject *token)
{
    orm_state *st = m->state;
    int64_t number = 0;
    uint64_t h = 0;

    *k = (orm_key){.root = m->root};
    k->token = token == Py_None ? NULL : token;
    if (m->npk == 1 && as_int64(values[0], &number)) {
        orm_key_init_int(k, m, number);
        k->token = token == Py_None ? NULL : token;
    }
    else {
        k->kind = m->npk == 1 ? ORM_KEY_ONE : ORM_KEY_MANY;
        if (m->npk == 1) {
            k->obj = Py_NewRef(values[0]);
        }
        else {
            k->obj = PyTuple_New((Py_ssize_t)m->npk);
            if (k->obj == NULL) {
                return -1;
            }
            for (uint32_t i = 0; i < m->npk; i++) {
                PyTuple_SET_ITEM(k->obj, i, Py_NewRef(values[i]));
            }
        }
        if (hash_values(st, k->obj, k->kind == ORM_KEY_MANY, &h, &k->known) < 0) {
            orm_key_fini(k);
            return -1;
        }
        k->hash = orm_hash_mix((uintptr_t)m->root >> 4, h);
    }
    if (k->token != NULL) {
        Py_hash_t slow = PyObject_Hash(k->token);
        if (slow == -1) {
            orm_key_fini(k);
            return -1;
        }
        k->hash = orm_hash_mix(k->hash, (uint64_t)slow);
    }
    return 0;
}

void
orm_key_fini(orm_key *k)
{
    Py_CLEAR(k->obj);
}

/* The hash an identity was entered under. *found false: unknown without running Python. */
uint64_t
orm_head_hash(orm_head *h, bool *found)
{
    orm_mapper *root = h->mapper->root;
    uint64_t hash = 0;
    bool known = true;

    *found = true;
    if (h->rare != NULL && h->rare->has_hash) {
        return h->rare->hash;
    }
    if (h->flags & ORM_H_KEY_INT) {
        return orm_hash_int(root, h->ident.i);
    }
    bool many = h->flags & ORM_H_KEY_MANY;
    PyObject *const *items = many ? &PyTuple_GET_ITEM(h->ident.obj, 0) : &h->ident.obj;
    Py_ssize_t n = many ? PyTuple_GET_SIZE(h->ident.obj) : 1;
    hash = (uint64_t)n;
    for (Py_ssize_t i = 0; i < n; i++) {
        uint64_t one = 0;
        known = known && hash_known(h->mapper->state, items[i], &one);
        hash = orm_hash_mix(hash, one);
    }
    *found = known;
    return orm_hash_mix((uintptr_t)root >> 4, hash);
}

int
orm_key_of(orm_key *k, orm_head *h)
{
    PyObject *token = h->flags & ORM_H_TOKEN ? h->rare->token : NULL;

    *k = (orm_key){.root = h->mapper->root};
    if (h->flags & ORM_H_KEY_INT && token == NULL) {
        orm_key_init_int(k, h->mapper, h->ident.i);
        return 1;
    }
    if (h->flags & ORM_H_KEY_INT) {
        k->i = h->ident.i;
        k->kind = ORM_KEY_INT;
        k->hash = h->rare->hash;
        k->token = token;
        return 1;
    }
    if (!(h->flags & ORM_H_KEY_OBJ)) {
        return 0;
    }
    bool many = h->flags & ORM_H_KEY_MANY;
    PyObject *const *values = many ? &PyTuple_GET_ITEM(h->ident.obj, 0) : &h->ident.obj;
    return orm_key_init(k, h->mapper, values, token) < 0 ? -1 : 1;
}

PyObject *
orm_key_tuple(const orm_key *k)
{
    PyObject *values = NULL;
    PyObject *result = NULL;

    if (k->kind == ORM_KEY_MANY) {
        values = Py_NewRef(k->obj);
    }
    else {
        PyObject *one = k->kind == ORM_KEY_INT ? PyLong_FromLongLong(k->i) : Py_NewRef(k->obj);
        values = one == NULL ? NULL : PyTuple_Pack(1, one);
        Py_XDECREF(one);
    }
    if (values != NULL) {
        result = PyTuple_Pack(3, (PyObject *)k->root->cls, values,
                              k->token == NULL ? Py_None : k->token);
        Py_DECREF(values);
    }
    return result;
}

int
orm_head_set_identity(orm_head *h, const orm_key *k)
{
    assert(!(h->flags & ORM_H_IN_MAP));
    bool keep_hash = k->token != NULL || (k->kind != ORM_KEY_INT && !k->known);

    if (keep_hash && orm_rare_ensure(h) == NULL) {
        return -1;
    }
    orm_head_drop_identity(h);
    if (keep_hash) {
        h->rare->hash = k->hash;
        h->rare->has_hash = true;
    }
    if (k->token != NULL) {
        h->flags |= ORM_H_TOKEN;
        Py_XSETREF(h->rare->token, Py_NewRef(k->token));
    }
    if (k->kind == ORM_KEY_INT) {
        h->ident.i = k->i;
        h->flags |= ORM_H_KEY_INT;
    }
    else {
        h->ident.obj = Py_NewRef(k->obj);
        h->flags |= ORM_H_KEY_OBJ | (k->kind == ORM_KEY_MANY ? ORM_H_KEY_MANY : 0u);
    }
    return 0;
}

void
orm_head_drop_identity(orm_head *h)
{
    PyObject *ident = h->flags & ORM_H_KEY_OBJ ? h->ident.obj : NULL;
    PyObject *token = NULL;

    assert(!(h->flags & ORM_H_IN_MAP));
    if (h->rare != NULL) {
        token = h->rare->token;
        h->rare->token = NULL;
        h->rare->has_hash = false;
    }
    h->ident.i = 0;
    h->flags &= ~(uint32_t)(ORM_H_KEY_INT | ORM_H_KEY_OBJ | ORM_H_KEY_MANY | ORM_H_TOKEN);
    Py_XDECREF(ident);
    Py_XDECREF(token);
}
