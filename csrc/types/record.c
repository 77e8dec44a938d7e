/*
 * types/record.c - orm_type: the record of a type, interned.
 *
 * A TypeEngine describes itself by `_record_spec()`, a tuple of eleven:
 *   key        hashable identity, or None: not interned, UNCACHEABLE unless the flags say else
 *   kind       name of an orm_type_kind, "INT32"
 *   flags      ORM_TF_ bits (`_core.type_flags` names them)
 *   length, precision, scale   ints, None: not given
 *   oid, array_oid             PostgreSQL's numbers; None: those of the kind
 *   item       TypeEngine of an ARRAY's elements or of a range's bounds, or None
 *   impl       (PostgreSQL's, SQLite's) TypeEngine used instead, or None; each may be None
 *   extra      ENUM: (tuple of labels, tuple of members); TUPLE: tuple of types; else None
 * The dict st->type_records maps a key to the address of its living record: it owns
 * nothing, and a record takes itself out when it dies.
 */
#include "types/types_int.h"

#include <stdio.h>
#include <string.h>

static const char *const kind_names[ORM_T_COUNT] = {
#define ORM_T_NAME(name) #name,
    ORM_TYPE_KINDS(ORM_T_NAME)
#undef ORM_T_NAME
};

static const struct {
    const char *name;
    unsigned value;
} flag_names[] = {
    {"PY_BIND", ORM_TF_PY_BIND},       {"PY_RESULT", ORM_TF_PY_RESULT},
    {"UNCACHEABLE", ORM_TF_UNCACHEABLE}, {"TZ", ORM_TF_TZ},
    {"ASDECIMAL", ORM_TF_ASDECIMAL},   {"NULL_AWARE", ORM_TF_NULL_AWARE},
    {"AS_TUPLE", ORM_TF_AS_TUPLE},     {"STR_UUID", ORM_TF_STR_UUID},
    {"CHAR_UUID", ORM_TF_CHAR_UUID},   {"NONE_AS_NULL", ORM_TF_NONE_AS_NULL},
    {"BIND_EXPR", ORM_TF_BIND_EXPR},   {"COLUMN_EXPR", ORM_TF_COLUMN_EXPR},
    {"VARIANT", ORM_TF_VARIANT},       {"COMPARATOR", ORM_TF_COMPARATOR},
    {"BIND_CAST", ORM_TF_BIND_CAST},
};

/* --- the object ------------------------------------------------------------------------ */

static int
record_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_type *t = (orm_type *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(t->item);
    Py_VISIT(t->engine);
    Py_VISIT(t->key);
    Py_VISIT(t->extra);
    Py_VISIT(t->home);
    for (int d = 0; d < ORM_NDIALECTS; d++) {
        Py_VISIT(t->impl[d]);
        Py_VISIT(t->py_bind[d]);
        Py_VISIT(t->py_result[d]);
        Py_VISIT(t->hook_dialect[d]);
    }
    return t->table == NULL ? 0 : orm_enum_table_traverse(t, visit, arg);
}

/* Take the record out of the intern table, if it is in it. Keeps a live exception. */
static void
forget_key(orm_type *t)
{
    PyObject *live = NULL;
    PyObject *found = NULL;

    if (!t->interned || t->key == NULL || t->home == NULL) {
        return;
    }
    live = PyErr_GetRaisedException();
    t->interned = 0;
    /* A new record may have taken the key while this one was dying. */
    if (PyDict_GetItemRef(t->home, t->key, &found) > 0
        && PyLong_AsVoidPtr(found) == (void *)t) {
        (void)PyDict_DelItem(t->home, t->key);
    }
    Py_XDECREF(found);
    PyErr_Clear();
    PyErr_SetRaisedException(live);
}

static int
record_clear(PyObject *self)
{
    orm_type *t = (orm_type *)self;

    forget_key(t);
    if (t->table != NULL) {
        orm_enum_table_free(t);
    }
    Py_CLEAR(t->item);
    Py_CLEAR(t->engine);
    Py_CLEAR(t->key);
    Py_CLEAR(t->extra);
    Py_CLEAR(t->home);
    for (int d = 0; d < ORM_NDIALECTS; d++) {
        Py_CLEAR(t->impl[d]);
        Py_CLEAR(t->py_bind[d]);
        Py_CLEAR(t->py_result[d]);
        Py_CLEAR(t->hook_dialect[d]);
    }
    return 0;
}

static void
record_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    (void)record_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
record_repr(PyObject *self)
{
    orm_type *t = (orm_type *)self;

    return PyUnicode_FromFormat("<type record %s of %R>", kind_names[t->kind],
                                t->engine == NULL ? Py_None : t->engine);
}

static PyObject *
record_kind(PyObject *self, void *Py_UNUSED(closure))
{
    return PyUnicode_FromString(kind_names[((orm_type *)self)->kind]);
}

static PyObject *
record_impl(PyObject *self, void *Py_UNUSED(closure))
{
    orm_type *t = (orm_type *)self;

    return Py_BuildValue("(OO)", t->impl[ORM_PG] == NULL ? Py_None : (PyObject *)t->impl[ORM_PG],
                         t->impl[ORM_LITE] == NULL ? Py_None : (PyObject *)t->impl[ORM_LITE]);
}

static PyGetSetDef record_getset[] = {
    {"kind", record_kind, NULL, "Name of the kind of values.", NULL},
    {"impl", record_impl, NULL, "(PostgreSQL's, SQLite's) record used instead, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef record_members[] = {
    {"engine", Py_T_OBJECT_EX, offsetof(orm_type, engine), Py_READONLY, "The TypeEngine."},
    {"item", Py_T_OBJECT_EX, offsetof(orm_type, item), Py_READONLY, "Record of the elements."},
    {"flags", Py_T_UINT, offsetof(orm_type, flags), Py_READONLY, "Bits of type_flags."},
    {"length", Py_T_INT, offsetof(orm_type, length), Py_READONLY, "-1: none."},
    {"precision", Py_T_INT, offsetof(orm_type, precision), Py_READONLY, "-1: none."},
    {"scale", Py_T_INT, offsetof(orm_type, scale), Py_READONLY, "-1: none."},
    {"oid", Py_T_UINT, offsetof(orm_type, oid), Py_READONLY, "PostgreSQL's type, 0: inferred."},
    {"array_oid", Py_T_UINT, offsetof(orm_type, array_oid), Py_READONLY, "Of its array."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot record_slots[] = {
    {Py_tp_doc, "What the core knows of a type; made from a TypeEngine, one per equal types."},
    {Py_tp_traverse, record_traverse},
    {Py_tp_clear, record_clear},
    {Py_tp_dealloc, record_dealloc},
    {Py_tp_repr, record_repr},
    {Py_tp_getset, record_getset},
    {Py_tp_members, record_members},
    {0, NULL},
};

static PyType_Spec record_spec = {
    .name = "pyorm._core.TypeRecord",
    .basicsize = sizeof(orm_type),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = record_slots,
};

/* --- making one ------------------------------------------------------------------------ */

enum {
    SPEC_KEY,
    SPEC_KIND,
    SPEC_FLAGS,
    SPEC_LENGTH,
    SPEC_PRECISION,
    SPEC_SCALE,
    SPEC_OID,
    SPEC_ARRAY_OID,
    SPEC_ITEM,
    SPEC_IMPL,
    SPEC_EXTRA,
    SPEC_COUNT
};

/* An int or None (dflt) of the spec. 0/-1. */
static int
spec_int(PyObject *spec, int i, long long dflt, long long most, long long *out)
{
    PyObject *v = PyTuple_GET_ITEM(spec, i);

    if (v == Py_None) {
        *out = dflt;
        return 0;
    }
    *out = PyLong_AsLongLong(v);
    if (*out == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (*out < -1 || *out > most) {
        PyErr_Format(PyExc_ValueError, "_record_spec(): item %d is out of range: %R", i, v);
        return -1;
    }
    return 0;
}

static int
fill_numbers(orm_type *t, PyObject *spec)
{
    long long flags, length, precision, scale, oid, array_oid;

    if (spec_int(spec, SPEC_FLAGS, 0, UINT32_MAX, &flags) < 0
        || spec_int(spec, SPEC_LENGTH, -1, INT32_MAX, &length) < 0
        || spec_int(spec, SPEC_PRECISION, -1, INT32_MAX, &precision) < 0
        || spec_int(spec, SPEC_SCALE, -1, INT32_MAX, &scale) < 0
        || spec_int(spec, SPEC_OID, -1, UINT32_MAX, &oid) < 0
        || spec_int(spec, SPEC_ARRAY_OID, -1, UINT32_MAX, &array_oid) < 0) {
        return -1;
    }
    t->flags = (uint32_t)flags;
    t->length = (int32_t)length;
    t->precision = (int32_t)precision;
    t->scale = (int32_t)scale;
    orm_type_default_oids(t);
    if (oid >= 0) {
        t->oid = (uint32_t)oid;
    }
    if (array_oid >= 0) {
        t->array_oid = (uint32_t)array_oid;
    }
    return 0;
}

static int
fill_kind(orm_type *t, PyObject *name)
{
    for (int i = 0; i < ORM_T_COUNT; i++) {
        if (PyUnicode_Check(name) && orm_unicode_equals_ascii(name, kind_names[i])) {
            t->kind = (uint8_t)i;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "_record_spec(): no kind of values is called %R", name);
    return -1;
}

/* Fill *slot with the record of a type unless it is None. 0/-1. */
static int
fill_type(orm_state *st, PyObject *engine, orm_type **slot)
{
    if (engine == Py_None) {
        return 0;
    }
    *slot = orm_type_of(st, engine);
    return *slot == NULL ? -1 : 0;
}

/* Read what refers to other types and objects. 0/-1. */
static int
fill_references(orm_state *st, orm_type *t, PyObject *spec)
{
    PyObject *impl = PyTuple_GET_ITEM(spec, SPEC_IMPL);
    PyObject *extra = PyTuple_GET_ITEM(spec, SPEC_EXTRA);

    if (fill_type(st, PyTuple_GET_ITEM(spec, SPEC_ITEM), &t->item) < 0) {
        return -1;
    }
    if (impl != Py_None) {
        if (!PyTuple_Check(impl) || PyTuple_GET_SIZE(impl) != ORM_NDIALECTS) {
            PyErr_SetString(PyExc_TypeError, "_record_spec(): impl must be a pair");
            return -1;
        }
        for (int d = 0; d < ORM_NDIALECTS; d++) {
            if (fill_type(st, PyTuple_GET_ITEM(impl, d), &t->impl[d]) < 0) {
                return -1;
            }
        }
    }
    if (extra != Py_None) {
        t->extra = Py_NewRef(extra);
    }
    return t->kind == ORM_T_ENUM ? orm_enum_table_make(t) : 0;
}

static orm_type *
record_from_spec(orm_state *st, PyObject *engine, PyObject *spec)
{
    orm_type *t = (orm_type *)st->TypeRecord->tp_alloc(st->TypeRecord, 0);

    if (t == NULL) {
        return NULL;
    }
    t->engine = Py_NewRef(engine);
    if (fill_kind(t, PyTuple_GET_ITEM(spec, SPEC_KIND)) < 0 || fill_numbers(t, spec) < 0
        || fill_references(st, t, spec) < 0) {
        goto error;
    }
    if ((t->kind == ORM_T_RANGE || t->kind == ORM_T_MULTIRANGE) && t->item == NULL) {
        PyErr_SetString(PyExc_TypeError, "_record_spec(): a range needs the type of its bounds");
        goto error;
    }
    if (t->kind == ORM_T_ARRAY && t->item == NULL) {
        PyErr_SetString(PyExc_TypeError, "_record_spec(): ARRAY needs an item type");
        goto error;
    }
    if (t->kind == ORM_T_DECORATOR && (t->impl[ORM_PG] == NULL || t->impl[ORM_LITE] == NULL)) {
        PyErr_SetString(PyExc_TypeError, "_record_spec(): DECORATOR needs both impl types");
        goto error;
    }
    if (t->kind == ORM_T_ARRAY && t->oid == 0) {
        t->oid = orm_type_impl(t->item, ORM_PG)->array_oid;
    }
    for (uint8_t d = 0; d < ORM_NDIALECTS; d++) {
        uint32_t hooks = ORM_TF_PY_BIND | ORM_TF_PY_RESULT;

        if ((t->flags & ORM_TF_VARIANT) && t->impl[d] != NULL) {
            t->codec[d] = orm_codec_of(ORM_T_COUNT, d);
        }
        else {
            t->codec[d] = orm_codec_of((t->flags & hooks) ? ORM_T_DECORATOR : t->kind, d);
        }
    }
    if (t->impl[ORM_PG] != NULL) {
        t->oid = t->impl[ORM_PG]->oid;
        t->array_oid = t->impl[ORM_PG]->array_oid;
    }
    t->hash = (uint64_t)(uintptr_t)t * UINT64_C(0x9E3779B97F4A7C15);
    return t;

error:
    Py_DECREF(t);
    return NULL;
}

/* The living record of a key: 1 and new reference, 0 none, -1. */
static int
find_record(orm_state *st, PyObject *key, orm_type **out)
{
    PyObject *address = NULL;
    int rc = PyDict_GetItemRef(st->type_records, key, &address);

    *out = NULL;
    if (rc > 0) {
        PyObject *found = PyLong_AsVoidPtr(address);

        Py_DECREF(address);
        if (Py_REFCNT(found) == 0) {
            return 0; /* it is dying at this moment: its key's __eq__ has called us */
        }
        *out = (orm_type *)Py_NewRef(found);
    }
    return rc;
}

/* Put a new record under its key. 0/-1. */
static int
intern_record(orm_state *st, orm_type *t, PyObject *key)
{
    PyObject *address = PyLong_FromVoidPtr(t);
    int rc;

    if (address == NULL) {
        return -1;
    }
    rc = PyDict_SetItem(st->type_records, key, address);
    Py_DECREF(address);
    if (rc == 0) {
        t->key = Py_NewRef(key);
        t->home = Py_NewRef(st->type_records);
        t->interned = 1;
    }
    return rc;
}

orm_type *
orm_record_make(orm_state *st, PyObject *engine)
{
    PyObject *spec = PyObject_CallMethodNoArgs(engine, st->s_record_spec);
    PyObject *key = NULL;
    orm_type *t = NULL;
    orm_type *other = NULL;
    int rc = 0;

    if (spec == NULL) {
        return NULL;
    }
    if (!PyTuple_Check(spec) || PyTuple_GET_SIZE(spec) != SPEC_COUNT) {
        PyErr_Format(PyExc_TypeError, "%.100s._record_spec() must return a tuple of %d",
                     Py_TYPE(engine)->tp_name, SPEC_COUNT);
        goto done;
    }
    key = PyTuple_GET_ITEM(spec, SPEC_KEY);
    if (key != Py_None) {
        rc = find_record(st, key, &t);
    }
    if (rc != 0) {
        goto done;
    }
    t = record_from_spec(st, engine, spec);
    if (t == NULL || key == Py_None) {
        goto done;
    }
    /* Making the item and impl records ran Python, which may have made this one too. */
    rc = find_record(st, key, &other);
    if (rc > 0) {
        Py_SETREF(t, other);
    }
    else if (rc < 0 || intern_record(st, t, key) < 0) {
        Py_CLEAR(t);
    }

done:
    Py_DECREF(spec);
    return t;
}

orm_type *
orm_type_of(orm_state *st, PyObject *type_or_class)
{
    PyObject *instance = NULL;
    PyObject *method = NULL;
    orm_type *t = NULL;

    if (PyObject_TypeCheck(type_or_class, st->TypeEngine)) {
        orm_type_engine *engine = (orm_type_engine *)type_or_class;

        if (engine->record == NULL) {
            t = orm_record_make(st, type_or_class);
            if (t == NULL) {
                return NULL;
            }
            Py_XSETREF(engine->record, t);
        }
        return (orm_type *)Py_NewRef(engine->record);
    }
    /* A class stands for its instance without arguments. The method is also what a type of
     * another copy of this module (the tests') is recognised by. */
    if (PyObject_GetOptionalAttr(type_or_class, st->s_record_spec, &method) < 0) {
        return NULL;
    }
    if (method == NULL) {
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "%R is not a SQL type: pass a class or instance of pyorm.types",
                      type_or_class);
        return NULL;
    }
    Py_DECREF(method);
    if (!PyType_Check(type_or_class)) {
        return orm_record_make(st, type_or_class);
    }
    instance = PyObject_CallNoArgs(type_or_class);
    if (instance != NULL) {
        t = orm_type_of(st, instance);
        Py_DECREF(instance);
    }
    return t;
}

int
orm_record_setup(PyObject *module, orm_state *st)
{
    PyObject *flags = PyDict_New();

    if (flags == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++) {
        PyObject *value = PyLong_FromUnsignedLong(flag_names[i].value);

        if (value == NULL || PyDict_SetItemString(flags, flag_names[i].name, value) < 0) {
            Py_XDECREF(value);
            Py_DECREF(flags);
            return -1;
        }
        Py_DECREF(value);
    }
    if (PyModule_Add(module, "type_flags", flags) < 0) {
        return -1;
    }
    st->type_records = PyDict_New();
    if (st->type_records == NULL) {
        return -1;
    }
    return orm_type_add(module, st, &record_spec, NULL, &st->TypeRecord);
}
