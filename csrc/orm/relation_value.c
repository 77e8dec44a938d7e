/*
 * orm/relation_value.c - instances in conditions: `Post.author == user`, contains(), with_parent().
 *
 * Place: from relation_ops.c. The columns of one side of the template become binds; the value of
 *   a bind is a `RelatedValue`, asked at each execution, so that an object which is flushed after
 *   the statement was built counts with its key.
 * A value is read as an attribute is: an expired one is loaded. An object that is detached and
 *   expired by then counts with the value it had when the condition was built.
 * Ownership: the bind owns its RelatedValue, which owns the instance.
 */
#include "orm/relation_expr.h"

typedef struct related_value {
    PyObject_HEAD
    PyObject *obj;   /* owned: the instance */
    PyObject *key;   /* owned: name of its attribute */
    PyObject *known; /* owned: the value when this was made; NULL: it had none */
    char *label;     /* owned (PyMem): "users.id", for messages */
} related_value;

static int
value_traverse(PyObject *self, visitproc visit, void *arg)
{
    related_value *v = (related_value *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(v->obj);
    Py_VISIT(v->known);
    return 0;
}

static int
value_clear(PyObject *self)
{
    related_value *v = (related_value *)self;

    Py_CLEAR(v->obj);
    Py_CLEAR(v->known);
    return 0;
}

static void
value_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    value_clear(self);
    Py_CLEAR(((related_value *)self)->key);
    PyMem_Free(((related_value *)self)->label);
    type->tp_free(self);
    Py_DECREF(type);
}

static int
no_value(orm_state *st, related_value *v, orm_head *h)
{
    PyObject *shown = orm_head_describe(h);

    if (shown != NULL) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      h->session == NULL && h->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ)
                          ? "Can't resolve value for column %s on object %U; the object is detached "
                            "and the value was expired"
                          : "Can't resolve value for column %s on object %U; no value has been set "
                            "for this column",
                      v->label, shown);
        Py_DECREF(shown);
    }
    return -1;
}

/* The value of the attribute now. New ref. */
static PyObject *
value_now(orm_state *st, related_value *v)
{
    orm_head *h = orm_head_of(st, v->obj);
    int64_t slot = h == NULL ? -2 : orm_mapper_slot(h->mapper, v->key);
    PyObject *value = NULL;
    int none = 0;

    if (slot == -2) {
        return NULL;
    }
    if (slot < 0) {
        return PyObject_GetAttr(v->obj, v->key); /* not of the class that was meant */
    }
    value = orm_val_peek(h, (uint32_t)slot, NULL);
    if (value == NULL && h->session == NULL) {
        if (v->known != NULL) {
            return Py_NewRef(v->known);
        }
        no_value(st, v, h);
        return NULL;
    }
    if (value == NULL) {
        value = orm_val_read(h, (uint32_t)slot, ORM_PASSIVE_OFF & ~ORM_P_INIT, &none);
        if (value == NULL && !PyErr_Occurred()) {
            no_value(st, v, h);
        }
    }
    return value;
}

static PyObject *
value_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    related_value *v = (related_value *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *value = NULL;

    (void)args;
    (void)kwargs;
    if (st == NULL || v->obj == NULL) {
        return NULL;
    }
    value = value_now(st, v);
    if (value == Py_None) {
        PyObject *warning = orm_exc_class(st, ORM_EXC_SAWarning);

        if (warning == NULL
            || PyErr_WarnFormat(warning, 1,
                                "Got None for value of column %s; this is unsupported for a "
                                "relationship comparison and will not currently produce an IS "
                                "comparison (but may in a future release)",
                                v->label) < 0) {
            Py_CLEAR(value);
        }
    }
    return value;
}

static PyType_Slot value_slots[] = {
    {Py_tp_doc, "The value of an instance's attribute, asked when a statement is executed."},
    {Py_tp_dealloc, value_dealloc},
    {Py_tp_traverse, value_traverse},
    {Py_tp_clear, value_clear},
    {Py_tp_call, value_call},
    {0, NULL},
};

PyType_Spec orm_related_value_spec = {
    .name = "pyorm._core.RelatedValue",
    .basicsize = sizeof(related_value),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = value_slots,
};

orm_node *
orm_related_bind(orm_state *st, PyObject *obj, orm_mapper *m, uint32_t slot, PyObject *body,
                 orm_type *type)
{
    orm_head *h = orm_head_of(st, obj);
    related_value *v = NULL;
    orm_node *bind = NULL;

    if (h == NULL) {
        return NULL;
    }
    v = (related_value *)st->RelatedValue->tp_alloc(st->RelatedValue, 0);
    if (v == NULL) {
        return NULL;
    }
    v->obj = Py_NewRef(obj);
    v->key = Py_NewRef(m->attrs[slot]->n.key);
    v->label = orm_attribute_label(m->attrs[slot]);
    if (v->label != NULL) {
        if (orm_mapper_isa(h->mapper, m)) {
            v->known = orm_val_peek(h, slot, NULL);
        }
        bind = orm_bind_new(st, (PyObject *)v, type, body, ORM_BIND_UNIQUE | ORM_BIND_CALLABLE);
    }
    Py_DECREF(v);
    return bind;
}

/* --- templates with values ------------------------------------------------------------------ */

typedef struct side_values {
    orm_node *side;  /* borrowed: placeholder whose columns become values */
    orm_mapper *m;   /* borrowed: the class on that side */
    PyObject *obj;   /* borrowed: the instance; None: NULL */
    orm_relation *rel;
} side_values;

static orm_node *
value_of_leaf(orm_state *st, void *ctx, orm_node *leaf)
{
    side_values *s = ctx;
    orm_node *from = leaf->args[0];

    if (from != s->side && (from == NULL || from != s->side->args[0])) {
        return (orm_node *)Py_NewRef(leaf);
    }
    if (s->obj == Py_None) {
        return orm_null(st);
    }
    if (leaf->kind != ORM_N_ATTR) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "The relationship '%s.%U' cannot be compared with an instance: a column of "
                      "its condition is no attribute of %s",
                      s->rel->parent->cls->tp_name, s->rel->key, s->m->cls->tp_name);
        return NULL;
    }
    return orm_related_bind(st, s->obj, s->m, leaf->aux, NULL, leaf->type);
}

orm_node *
orm_relation_with_values(orm_attribute *a, orm_relation *rel, PyObject *obj, int which)
{
    orm_state *st = a->mapper->state;
    bool remote = which == ORM_REL_REMOTE_VALUES;
    side_values side = {.side = remote ? rel->remote : rel->local,
                        .m = remote ? rel->target : rel->parent,
                        .obj = obj,
                        .rel = rel};
    orm_node *secondary = NULL;
    orm_node *target = orm_attribute_target(a, rel);
    orm_node *both = (orm_node *)Py_NewRef(rel->primaryjoin);
    orm_node *filled = NULL;
    orm_node *out = NULL;

    if (rel->secondaryjoin != NULL) {
        orm_node *table = orm_node_of(st, rel->secondary);

        Py_SETREF(both, orm_and(st, rel->primaryjoin, rel->secondaryjoin));
        secondary = table == NULL ? NULL : orm_relation_alias(st, table);
        if (secondary == NULL) {
            Py_CLEAR(both);
        }
    }
    filled = both == NULL ? NULL : orm_node_replace(st, both, value_of_leaf, &side);
    if (filled != NULL) {
        out = orm_relation_apply(st, rel, filled, orm_attribute_entity(a), target, secondary);
        Py_DECREF(filled);
    }
    Py_XDECREF(both);
    Py_XDECREF(secondary);
    return out;
}
