/*
 * orm/set_type.c - InstrumentedSet: a set that tells the instance it belongs to of changes.
 *
 * Place: value of a relationship slot with collection_class=set. As list_type.c; an operator in
 *   place becomes single additions and removals, a member that is there already is told as kept.
 */
#include "orm/collection_int.h"

#define SELF(o) ((orm_iset *)(o))
#define COLL(o) (&((orm_iset *)(o))->coll)

/* --- single members ----------------------------------------------------------------------------- */

int
orm_iset_add(orm_iset *self, PyObject *item, PyObject *initiator)
{
    PyObject *value = NULL;
    int rc;

    if (orm_coll_is_quiet(&self->coll, initiator)) {
        return PySet_Add((PyObject *)self, item);
    }
    rc = PySet_Contains((PyObject *)self, item);
    if (rc < 0) {
        return -1;
    }
    value = Py_NewRef(item);
    rc = rc > 0 ? orm_coll_fire_wo_mutation(&self->coll, &value, initiator, NULL)
                : orm_coll_fire_append(&self->coll, &value, initiator, NULL);
    if (rc == 0) {
        rc = PySet_Add((PyObject *)self, value);
    }
    Py_DECREF(value);
    return rc;
}

/* Take a member out: 1 it was there, 0 not, -1. */
static int
discard(orm_iset *self, PyObject *item, PyObject *initiator)
{
    int has = PySet_Contains((PyObject *)self, item);

    if (has > 0 && !orm_coll_is_quiet(&self->coll, initiator)
        && orm_coll_fire_remove(&self->coll, item, initiator, NULL) < 0) {
        return -1;
    }
    return has <= 0 ? has : PySet_Discard((PyObject *)self, item) < 0 ? -1 : 1;
}

int
orm_iset_remove(orm_iset *self, PyObject *item, PyObject *initiator)
{
    int rc = discard(self, item, initiator);

    if (rc == 0) {
        PyObject *args = PyTuple_Pack(1, item); /* a tuple would be taken for several */
        if (args != NULL) {
            PyErr_SetObject(PyExc_KeyError, args);
            Py_DECREF(args);
        }
    }
    return rc > 0 ? 0 : -1;
}

/* Call the class's own method for each member of a set or list. 0 / -1. */
static int
each(PyObject *self, PyObject *members, const char *method)
{
    bool plain = Py_TYPE(self) == orm_state_from_type(Py_TYPE(self))->InstrumentedSet;
    PyObject *list = PySequence_List(members);
    int rc = list == NULL ? -1 : 0;

    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *item = PyList_GET_ITEM(list, i);
        if (plain) {
            rc = method[0] == 'a'   ? orm_iset_add(SELF(self), item, NULL)
                 : method[0] == 'd' ? discard(SELF(self), item, NULL)
                                    : orm_iset_remove(SELF(self), item, NULL);
        }
        else {
            PyObject *done = PyObject_CallMethod(self, method, "O", item);
            rc = done == NULL ? -1 : 0;
            Py_XDECREF(done);
        }
        rc = rc < 0 ? -1 : 0;
    }
    Py_XDECREF(list);
    return rc;
}

/* Make self equal to `want` (consumed; NULL: an exception): removals, then additions. 0 / -1. */
static int
become_steal(PyObject *self, PyObject *want)
{
    PyObject *have = want == NULL ? NULL : PySet_New(self);
    PyObject *gone = have == NULL ? NULL : PyNumber_Subtract(have, want);
    PyObject *come = gone == NULL ? NULL : PyNumber_Subtract(want, have);
    int rc = come == NULL || each(self, gone, "remove") < 0 ? -1 : each(self, come, "add");

    Py_XDECREF(come);
    Py_XDECREF(gone);
    Py_XDECREF(have);
    Py_XDECREF(want);
    return rc;
}

/* --- methods -------------------------------------------------------------------------------------- */

static PyObject *
none_or_error(int rc)
{
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
set_add(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *initiator = NULL;

    if (orm_parse_initiator("add", args, nargs, kwnames, 1, &initiator) < 0) {
        return NULL;
    }
    return none_or_error(orm_iset_add(SELF(self), args[0], initiator));
}

static PyObject *
set_remove(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *initiator = NULL;

    if (orm_parse_initiator("remove", args, nargs, kwnames, 1, &initiator) < 0) {
        return NULL;
    }
    return none_or_error(orm_iset_remove(SELF(self), args[0], initiator));
}

static PyObject *
set_discard(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *initiator = NULL;

    if (orm_parse_initiator("discard", args, nargs, kwnames, 1, &initiator) < 0) {
        return NULL;
    }
    return none_or_error(discard(SELF(self), args[0], initiator) < 0 ? -1 : 0);
}

static PyObject *
set_pop(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *item = NULL;

    if (orm_coll_before_pop(COLL(self), NULL) < 0) {
        return NULL;
    }
    item = PySet_Pop(self);
    if (item != NULL && !orm_coll_is_quiet(COLL(self), NULL)
        && orm_coll_fire_remove(COLL(self), item, NULL, NULL) < 0) {
        Py_CLEAR(item);
    }
    return item;
}

static PyObject *
set_clear(PyObject *self, PyObject *Py_UNUSED(unused))
{
    if (!orm_coll_is_quiet(COLL(self), NULL) && each(self, self, "remove") < 0) {
        return NULL;
    }
    return none_or_error(PySet_Clear(self));
}

static PyObject *
set_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    for (Py_ssize_t i = 0; i < nargs; i++) {
        if (each(self, args[i], "add") < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static PyObject *
set_difference_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    for (Py_ssize_t i = 0; i < nargs; i++) {
        if (each(self, args[i], "discard") < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

/* A plain set: self.method(*args). New reference. */
static PyObject *
as_plain(PyObject *self, const char *method, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *plain = PySet_New(self);
    PyObject *fn = plain == NULL ? NULL : PyObject_GetAttrString(plain, method);
    PyObject *result = fn == NULL ? NULL : PyObject_Vectorcall(fn, args, (size_t)nargs, NULL);

    Py_XDECREF(fn);
    Py_XDECREF(plain);
    return result;
}

static PyObject *
set_intersection_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return none_or_error(become_steal(self, as_plain(self, "intersection", args, nargs)));
}

static PyObject *
set_symmetric_difference_update(PyObject *self, PyObject *other)
{
    return none_or_error(become_steal(self, as_plain(self, "symmetric_difference", &other, 1)));
}

/* --- operators in place ---------------------------------------------------------------------------- */

enum { IN_OR, IN_SUB, IN_AND, IN_XOR };

static PyObject *
in_place(PyObject *self, PyObject *other, int op)
{
    int rc = 0;

    if (!PyAnySet_Check(other) && !PyDictKeys_Check(other)) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    switch (op) {
    case IN_OR:
        rc = each(self, other, "add");
        break;
    case IN_SUB:
        rc = each(self, other, "discard");
        break;
    case IN_AND:
        rc = become_steal(self, as_plain(self, "intersection", &other, 1));
        break;
    default:
        rc = become_steal(self, as_plain(self, "symmetric_difference", &other, 1));
        break;
    }
    return rc < 0 ? NULL : Py_NewRef(self);
}

static PyObject *
set_ior(PyObject *self, PyObject *other)
{
    return in_place(self, other, IN_OR);
}

static PyObject *
set_isub(PyObject *self, PyObject *other)
{
    return in_place(self, other, IN_SUB);
}

static PyObject *
set_iand(PyObject *self, PyObject *other)
{
    return in_place(self, other, IN_AND);
}

static PyObject *
set_ixor(PyObject *self, PyObject *other)
{
    return in_place(self, other, IN_XOR);
}

static PyObject *
set_iterator(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyObject_GetIter(self);
}

static PyObject *
set_reduce(PyObject *self, PyObject *Py_UNUSED(protocol))
{
    PyObject *items = PySequence_List(self);
    PyObject *result = items == NULL ? NULL : orm_coll_reduce(self, items, false);

    Py_XDECREF(items);
    return result;
}

/* `InstrumentedSet({...})`, as Python's own classes of sets show themselves. */
static PyObject *
set_repr(PyObject *self)
{
    PyObject *name = PyType_GetName(Py_TYPE(self));
    PyObject *plain = name == NULL ? NULL : PySet_New(self);
    PyObject *text = NULL;

    if (plain != NULL) {
        text = PySet_GET_SIZE(plain) == 0 ? PyUnicode_FromFormat("%U()", name)
                                          : PyUnicode_FromFormat("%U(%R)", name, plain);
    }
    Py_XDECREF(plain);
    Py_XDECREF(name);
    return text;
}

/* --- life ---------------------------------------------------------------------------------------- */

static int
set_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(SELF(self)->dict);
    Py_VISIT(COLL(self)->lost);
    return PySet_Type.tp_traverse(self, visit, arg);
}

static int
set_clear_slots(PyObject *self)
{
    Py_CLEAR(SELF(self)->dict);
    Py_CLEAR(COLL(self)->lost);
    return PySet_Type.tp_clear(self);
}

static void
set_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    orm_coll_unlink(COLL(self));
    Py_CLEAR(SELF(self)->dict);
    Py_CLEAR(COLL(self)->lost);
    PySet_Type.tp_dealloc(self);
    Py_DECREF(type);
}

static PyMethodDef set_methods[] = {
    {"add", ORM_METHOD(set_add), ORM_METH_KW,
     "add($self, item, _sa_initiator=None)\n--\n\nAdd a member."},
    {"remove", ORM_METHOD(set_remove), ORM_METH_KW,
     "remove($self, item, _sa_initiator=None)\n--\n\nTake a member out; KeyError."},
    {"discard", ORM_METHOD(set_discard), ORM_METH_KW,
     "discard($self, item, _sa_initiator=None)\n--\n\nTake a member out if it is there."},
    {"pop", set_pop, METH_NOARGS, "pop($self, /)\n--\n\nTake any member out and return it."},
    {"clear", set_clear, METH_NOARGS, "clear($self, /)\n--\n\nTake all members out."},
    {"update", ORM_METHOD(set_update), METH_FASTCALL,
     "update($self, *others)\n--\n\nAdd the members of others."},
    {"difference_update", ORM_METHOD(set_difference_update), METH_FASTCALL,
     "difference_update($self, *others)\n--\n\nTake the members of others out."},
    {"intersection_update", ORM_METHOD(set_intersection_update), METH_FASTCALL,
     "intersection_update($self, *others)\n--\n\nKeep what all others have."},
    {"symmetric_difference_update", set_symmetric_difference_update, METH_O,
     "symmetric_difference_update($self, other, /)\n--\n\nKeep what only one of both has."},
    {"_sa_appender", ORM_METHOD(set_add), ORM_METH_KW, NULL},
    {"_sa_remover", ORM_METHOD(set_remove), ORM_METH_KW, NULL},
    {"_sa_iterator", set_iterator, METH_NOARGS, NULL},
    {"__reduce_ex__", set_reduce, METH_O, NULL},
    {"__setstate__", orm_coll_setstate, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef set_members[] = {
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(orm_iset, dict), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot set_slots[] = {
    {Py_tp_doc, "A set that is the collection of a mapped instance's relationship."},
    {Py_tp_repr, set_repr},
    {Py_tp_dealloc, set_dealloc},
    {Py_tp_traverse, set_traverse},
    {Py_tp_clear, set_clear_slots},
    {Py_nb_inplace_or, set_ior},
    {Py_nb_inplace_subtract, set_isub},
    {Py_nb_inplace_and, set_iand},
    {Py_nb_inplace_xor, set_ixor},
    {Py_tp_methods, set_methods},
    {Py_tp_getset, orm_coll_getset},
    {Py_tp_members, set_members},
    {0, NULL},
};

PyType_Spec orm_iset_spec = {
    .name = "pyorm._core.InstrumentedSet",
    .basicsize = sizeof(orm_iset),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = set_slots,
};
