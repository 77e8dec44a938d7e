/*
 * orm/construct.c - `User(name="x")`: the default constructor, by vectorcall.
 *
 * Place: tp_vectorcall of each mapped class (not inherited: plan.c sets it) and tp_init.
 * Rule: the fast way is taken only if the class would end in exactly this constructor anyway.
 *   That is asked at every call, because assigning `User.__init__`, `__new__`, `__setattr__` or
 *   the metaclass's `__call__` later changes tp_* but leaves tp_vectorcall.
 * Order: keywords are set in the order given; a name that is no quiet mapped attribute goes
 *   through the class and setattr (validators, listeners, hybrids, properties, synonyms).
 */
#include "orm/orm_int.h"
#include "orm/relation.h"

/* The TypeError of an unknown keyword. Always -1. */
static int
raise_keyword(PyTypeObject *cls, PyObject *name)
{
    PyObject *cls_name = PyType_GetName(cls);

    if (cls_name != NULL) {
        PyErr_Format(PyExc_TypeError, "'%U' is an invalid keyword argument for %U", name,
                     cls_name);
        Py_DECREF(cls_name);
    }
    return -1;
}

static int
raise_positional(Py_ssize_t n)
{
    PyErr_Format(PyExc_TypeError,
                 "__init__() takes 1 positional argument but %zd were given", n + 1);
    return -1;
}

/* One keyword the general way. 0 / -1. */
static int
set_keyword(PyObject *self, PyObject *name, PyObject *value)
{
    PyTypeObject *cls = Py_TYPE(self);
    PyObject *found = NULL;
    int rc = PyObject_GetOptionalAttr((PyObject *)cls, name, &found);

    Py_XDECREF(found);
    if (rc == 0) {
        return raise_keyword(cls, name);
    }
    return rc < 0 ? -1 : PyObject_SetAttr(self, name, value);
}

int
orm_entity_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *name = NULL;
    PyObject *value = NULL;
    Py_ssize_t pos = 0;

    if (PyTuple_GET_SIZE(args) > 0) {
        return raise_positional(PyTuple_GET_SIZE(args));
    }
    while (kwargs != NULL && PyDict_Next(kwargs, &pos, &name, &value)) {
        if (set_keyword(self, name, value) < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_head_born(orm_head *h)
{
    orm_mapper *m = h->mapper;
    orm_attribute *a = m->discriminator < 0 ? NULL : m->attrs[m->discriminator];
    PyObject *name = NULL;

    if (m->abstract) {
        name = PyObject_Str(m->py);
        if (name != NULL) {
            orm_raise_exc(m->state, ORM_EXC_InvalidRequestError,
                          "Can't instantiate class for %U; mapper is marked "
                          "polymorphic_abstract=True", name);
            Py_DECREF(name);
        }
        return -1;
    }
    if (m->identity == NULL || a == NULL || a->kind != ORM_SLOT_COLUMN) {
        return 0;
    }
    return orm_attribute_is_quiet(a, h) ? orm_val_store(h, a->slot, m->identity)
                                        : orm_val_write(h, a->slot, m->identity);
}

int
orm_head_identify(orm_head *h)
{
    const orm_mapper *m = h->mapper;
    PyObject *v = NULL;

    if (m->identity == NULL || m->discriminator < 0
        || m->attrs[m->discriminator]->kind != ORM_SLOT_COLUMN) {
        return 0;
    }
    v = orm_val_peek(h, (uint32_t)m->discriminator, NULL);
    if (v != NULL) {
        Py_DECREF(v);
        return 0;
    }
    return orm_val_store(h, (uint32_t)m->discriminator, m->identity);
}

/* As type.__call__, with the identity of the class in place before `__init__` runs. */
static PyObject *
call_type(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyTypeObject *cls = (PyTypeObject *)self;
    PyObject *obj = cls->tp_new(cls, args, kwargs);
    orm_head *h = NULL;

    if (obj == NULL || !PyObject_TypeCheck(obj, cls)) {
        return obj;
    }
    h = orm_head_of(orm_state_from_type(cls), obj);
    if (h == NULL || orm_head_born(h) < 0 || Py_TYPE(obj)->tp_init(obj, args, kwargs) < 0) {
        Py_CLEAR(obj);
    }
    return obj;
}

/* The class's instances begin with an identity, or may not be. */
static bool
is_polymorphic(PyTypeObject *cls)
{
    orm_state *st = orm_state_from_type(cls);
    orm_mapper *m = st == NULL ? NULL : orm_mapper_of(st, cls);

    PyErr_Clear();
    return m != NULL && (m->abstract || m->identity != NULL);
}

/* What `type.__call__` would do, for a class that is not plain any more. */
static PyObject *
call_slowly(PyTypeObject *cls, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *tuple = PyTuple_New(nargs);
    PyObject *dict = NULL;
    PyObject *result = NULL;
    ternaryfunc call = Py_TYPE(cls)->tp_call == PyType_Type.tp_call && is_polymorphic(cls)
                           ? call_type
                           : Py_TYPE(cls)->tp_call;
    Py_ssize_t nkw = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);

    if (tuple == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < nargs; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    }
    if (nkw > 0) {
        dict = PyDict_New();
        if (dict == NULL) {
            goto done;
        }
        for (Py_ssize_t i = 0; i < nkw; i++) {
            if (PyDict_SetItem(dict, PyTuple_GET_ITEM(kwnames, i), args[nargs + i]) < 0) {
                goto done;
            }
        }
    }
    result = call((PyObject *)cls, tuple, dict);
done:
    Py_XDECREF(dict);
    Py_DECREF(tuple);
    return result;
}

/* Whether calling the class must end in orm_entity_init on a fresh entity. */
static inline bool
is_default_constructor(PyTypeObject *cls)
{
    return orm_entity_is_plain(cls) && cls->tp_init == orm_entity_init
           && cls->tp_setattro == orm_entity_setattro
           && Py_TYPE(cls)->tp_call == PyType_Type.tp_call;
}

/* Keywords into a fresh entity. 0 / -1. */
static int
set_keywords(orm_entity *e, orm_mapper *m, PyObject *const *values, PyObject *kwnames)
{
    bool usable = m->write_tag != 0 && m->cls->tp_version_tag == m->write_tag;

    if (!usable) {
        int built = orm_write_refresh(m);
        if (built < 0) {
            return -1;
        }
        usable = built > 0;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        /* Python may have run in a setter: the tag is looked at each time. */
        orm_attribute *a = usable && m->cls->tp_version_tag == m->write_tag
                               ? orm_write_find(m, name)
                               : NULL;
        int rc;
        if (a != NULL && orm_attribute_is_quiet(a, &e->head)) {
            rc = orm_val_store(&e->head, a->slot, values[i]);
        }
        else {
            rc = set_keyword((PyObject *)e, name, values[i]);
        }
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

PyObject *
orm_entity_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    PyTypeObject *cls = (PyTypeObject *)self;
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    orm_state *st = NULL;
    orm_mapper *m = NULL;
    PyObject *obj = NULL;

    st = orm_state_from_type(cls);
    m = st == NULL ? NULL : orm_mapper_of(st, cls);
    if (m != NULL && orm_configure_for(m) < 0) {
        return NULL;
    }
    if (m == NULL || !is_default_constructor(cls)) {
        return st == NULL ? NULL : call_slowly(cls, args, nargs, kwnames);
    }
    if (nargs > 0) {
        raise_positional(nargs);
        return NULL;
    }
    ORM_COUNT(orm_construct_fast);
    obj = orm_entity_make(st, cls, m);
    if (obj != NULL && (m->identity != NULL || m->abstract)
        && orm_head_born(&((orm_entity *)obj)->head) < 0) {
        Py_CLEAR(obj);
    }
    if (obj == NULL || kwnames == NULL) {
        return obj;
    }
    if (set_keywords((orm_entity *)obj, m, args, kwnames) < 0) {
        Py_DECREF(obj);
        return NULL;
    }
    return obj;
}
