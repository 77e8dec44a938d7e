/*
 * element.c - the fixed-size objects that stand for a node: custom elements, columns, tables.
 *
 * Place: what users subclass (ColumnElement, FunctionElement, ColumnClause ...). The node
 *   behind such an object is of the hidden type `_core.Node` and points back by its payload.
 * Sealing: a column gets its node when it is first used or its table takes it; a custom
 *   element when an expression or statement first adopts it, because Python gives children
 *   in __init__, after __new__. What it says then is frozen.
 * Cycles: object <-> node; both are tracked, the collector frees them.
 * Locking: the GIL.
 */
#include "sql_int.h"

orm_state *
orm_expr_state(PyObject *self)
{
    orm_node *n = Py_TYPE(self)->tp_itemsize != 0 ? (orm_node *)self : ((orm_element *)self)->node;

    if (n != NULL) {
        return (orm_state *)PyType_GetModuleState(Py_TYPE(n));
    }
    return orm_state_from_type(Py_TYPE(self));
}

/* ---- custom elements --------------------------------------------------------------------- */

/* Children by the class's _traverse_internals, in order: nodes into `list`. 0/-1. */
static int
add_custom_child(orm_state *st, PyObject *value, PyObject *list)
{
    PyObject *fast = NULL;
    Py_ssize_t i;
    int rc = 0;

    if (value == NULL || value == Py_None) {
        return 0;
    }
    if (is_clause(st, value)) {
        orm_node *n = orm_node_of(st, value);

        return n == NULL ? -1 : PyList_Append(list, (PyObject *)n);
    }
    if (PyTuple_Check(value) || PyList_Check(value)) {
        fast = PySequence_Fast(value, "");
        for (i = 0; fast != NULL && rc == 0 && i < PySequence_Fast_GET_SIZE(fast); i++) {
            rc = add_custom_child(st, PySequence_Fast_GET_ITEM(fast, i), list);
        }
        Py_XDECREF(fast);
        return fast == NULL ? -1 : rc;
    }
    return 0;
}

/* The names listed in _traverse_internals whose values are no elements must be equal for two
 * objects to share a compiled form: they go into the key by the UNCACHEABLE rule only when
 * they are not str, int, bool or None; those are appended as literal text. */
static int
custom_children(orm_state *st, PyObject *self, PyObject *list, int *plain)
{
    PyObject *internals = NULL;
    PyObject *fast = NULL;
    Py_ssize_t i;
    int rc = PyObject_GetOptionalAttr(self, st->s_traverse_internals, &internals);

    if (rc <= 0) {
        return rc;
    }
    fast = PySequence_Fast(internals, "_traverse_internals must be a list of (name, kind)");
    Py_DECREF(internals);
    for (i = 0; fast != NULL && rc >= 0 && i < PySequence_Fast_GET_SIZE(fast); i++) {
        PyObject *pair = PySequence_Fast_GET_ITEM(fast, i);
        PyObject *value = NULL;

        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) < 1) {
            continue;
        }
        rc = PyObject_GetOptionalAttr(self, PyTuple_GET_ITEM(pair, 0), &value);
        if (rc > 0) {
            if (PyUnicode_Check(value) || PyLong_Check(value)) {
                PyObject *text = PyObject_Str(value);
                orm_node *leaf = text == NULL ? NULL
                                              : orm_node_make(st, ORM_N_LABELREF, ORM_OP_NONE,
                                                              NULL, text, 0, 0, NULL);

                rc = leaf == NULL ? -1 : PyList_Append(list, (PyObject *)leaf);
                Py_XDECREF(leaf);
                Py_XDECREF(text);
            }
            else {
                Py_ssize_t before = PyList_GET_SIZE(list);

                rc = add_custom_child(st, value, list);
                if (rc == 0 && value != Py_None && PyList_GET_SIZE(list) == before
                    && !PyTuple_Check(value) && !PyList_Check(value)) {
                    *plain = 0;
                }
            }
        }
        Py_XDECREF(value);
    }
    Py_XDECREF(fast);
    return fast == NULL || rc < 0 ? -1 : 0;
}

/* 1: the class itself says inherit_cache = True; 0: it does not. Warn once per class. */
static int
custom_is_cacheable(orm_state *st, PyTypeObject *tp)
{
    /* the class's own word: an inherited one does not count. borrow-ok: read at once */
    PyObject *value = PyDict_GetItemWithError(tp->tp_dict, st->s_inherit_cache);
    int rc = value == NULL ? 0 : value == Py_None ? 0 : PyObject_IsTrue(value);
    int said = value != NULL;

    if (rc == 0 && !said && !PyErr_Occurred()) {
        if (PyObject_SetAttr((PyObject *)tp, st->s_inherit_cache, Py_False) < 0) {
            PyErr_Clear();
            return 0;
        }
        if (orm_warn(st, ORM_EXC_SAWarning, 1,
                     "Class %s will not make use of SQL compilation caching as it does not set "
                     "the 'inherit_cache' attribute to ``True``.  This can have significant "
                     "performance implications including some performance degradations in "
                     "comparison to prior versions.  Set this attribute to True if this object "
                     "can make use of the cache key generated by the superclass.  "
                     "Alternatively, this attribute may be set to False which will disable this "
                     "warning.",
                     tp->tp_name)
            < 0) {
            return -1;
        }
    }
    return PyErr_Occurred() ? -1 : rc;
}

static uint32_t
custom_role(orm_state *st, PyObject *self)
{
    if (PyObject_TypeCheck(self, st->FunctionElement)) {
        return ORM_CUSTOM_FUNC;
    }
    if (PyObject_TypeCheck(self, st->ColumnElement)) {
        return ORM_CUSTOM_COLUMN;
    }
    if (PyObject_TypeCheck(self, st->FromClause)) {
        return ORM_CUSTOM_FROM;
    }
    return PyObject_TypeCheck(self, st->Executable) ? ORM_CUSTOM_STMT : ORM_CUSTOM_ELEMENT;
}

/* Make the CUSTOM node of a Python-made element. Borrowed from it. */
static orm_node *
adopt_custom(orm_state *st, PyObject *self)
{
    orm_element *el = (orm_element *)self;
    uint32_t role = custom_role(st, self);
    PyObject *list = PyList_New(0);
    PyObject *type_obj = NULL;
    orm_type *type = NULL;
    orm_node *n = NULL;
    int cacheable = custom_is_cacheable(st, Py_TYPE(self));
    int plain = 1;
    Py_ssize_t i;

    if (list == NULL || cacheable < 0) {
        goto done;
    }
    if (role == ORM_CUSTOM_FUNC
        && add_custom_child(st, ((FunctionObject *)self)->clauses, list) < 0) {
        goto done;
    }
    if (custom_children(st, self, list, &plain) < 0) {
        goto done;
    }
    if (role == ORM_CUSTOM_FUNC || role == ORM_CUSTOM_COLUMN) {
        int rc = PyObject_GetOptionalAttr(self, st->s_type, &type_obj);

        if (rc < 0) {
            goto done;
        }
        type = rc > 0 && type_obj != Py_None
                   ? orm_type_of(st, type_obj)
                   : (orm_type *)Py_XNewRef(orm_type_builtin(st, ORM_T_NULL));
        if (type == NULL) {
            goto done;
        }
    }
    if (el->node != NULL) { /* asking for the attributes adopted it */
        n = el->node;
        goto done;
    }
    n = orm_node_new(st, st->Node, ORM_N_CUSTOM, PyList_GET_SIZE(list));
    if (n == NULL) {
        goto done;
    }
    n->aux = role;
    n->type = (orm_type *)Py_XNewRef(type);
    n->payload = Py_NewRef(self);
    n->flags = (uint16_t)(ORM_F_HOOK | (cacheable && plain ? 0 : ORM_F_UNCACHEABLE));
    for (i = 0; i < PyList_GET_SIZE(list); i++) {
        n->args[i] = (orm_node *)Py_NewRef(PyList_GET_ITEM(list, i));
    }
    if (orm_node_seal(st, n) < 0) {
        Py_CLEAR(n);
        goto done;
    }
    el->node = n;
done:
    Py_XDECREF(list);
    Py_XDECREF(type_obj);
    Py_XDECREF(type);
    return n;
}

orm_node *
orm_node_of(orm_state *st, PyObject *o)
{
    if (orm_is_node(o)) {
        return (orm_node *)o;
    }
    if (!is_clause(st, o)) {
        PyErr_Format(PyExc_TypeError, "SQL expression element expected, got %R", o);
        return NULL;
    }
    if (Py_TYPE(o)->tp_itemsize != 0) {
        return (orm_node *)o;
    }
    if (((orm_element *)o)->node != NULL) {
        return ((orm_element *)o)->node;
    }
    if (PyObject_TypeCheck(o, st->ColumnClause)) {
        return orm_column_seal(st, (ColumnObject *)o);
    }
    if (Py_IS_TYPE(o, st->InstrumentedAttribute)) {
        return sql_room(st)->orm_ops->late_node(st, o);
    }
    return adopt_custom(st, o);
}

PyObject *
orm_node_wrap(orm_state *st, orm_node *n)
{
    if (Py_TYPE(n) != st->Node) {
        return Py_NewRef((PyObject *)n);
    }
    if (n->kind == ORM_N_ENTITY) {
        PyObject *owner = orm_entity_owner(n);

        return Py_NewRef(owner != NULL ? owner : n->payload);
    }
    if (n->payload == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the object of this SQL element is gone");
        return NULL;
    }
    return Py_NewRef(n->payload);
}

/* ---- ClauseElement and its fixed-size family --------------------------------------------- */
static PyObject *
element_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs; /* __init__ of a subclass reads them */
    return type->tp_alloc(type, 0);
}

static int
element_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)self;
    (void)args;
    (void)kwargs;
    return 0;
}

static int
element_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((orm_element *)self)->node);
    return 0;
}

static int
element_clear(PyObject *self)
{
    Py_CLEAR(((orm_element *)self)->node);
    return 0;
}

static void
element_dealloc(PyObject *self)
{
    PyTypeObject *tp = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    (void)element_clear(self);
    tp->tp_free(self);
    Py_DECREF(tp);
}

#define ELEMENT_SLOTS                                                                         \
    {Py_tp_new, element_new}, {Py_tp_init, element_init}, {Py_tp_dealloc, element_dealloc},   \
        {Py_tp_traverse, element_traverse}, {Py_tp_clear, element_clear}

static PyType_Slot clause_slots[] = {
    {Py_tp_doc, "ClauseElement()\n--\n\nBase of everything that can be a part of a statement."},
    ELEMENT_SLOTS,
    {Py_tp_str, orm_clause_str},
    {Py_tp_repr, orm_clause_repr},
    {Py_tp_methods, orm_clause_methods},
    {Py_tp_getset, orm_clause_getset},
    {0, NULL},
};

#define BASE_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE)

static PyType_Spec clause_spec = {
    .name = "pyorm._core.ClauseElement",
    .basicsize = sizeof(orm_element),
    .flags = BASE_FLAGS,
    .slots = clause_slots,
};

static PyType_Slot from_slots[] = {
    {Py_tp_doc, "FromClause()\n--\n\nBase of everything that can stand in FROM."},
    ELEMENT_SLOTS,
    {Py_tp_methods, orm_from_methods},
    {0, NULL},
};

static PyType_Spec from_spec = {
    .name = "pyorm._core.FromClause",
    .basicsize = sizeof(orm_element),
    .flags = BASE_FLAGS,
    .slots = from_slots,
};

static PyType_Slot executable_slots[] = {
    {Py_tp_doc, "Executable()\n--\n\nMarks what a Connection or Session can execute."},
    {0, NULL},
};

static PyType_Spec executable_spec = {
    .name = "pyorm._core.Executable",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = executable_slots,
};

/* ---- FunctionElement --------------------------------------------------------------------- */
static int
function_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    FunctionObject *f = (FunctionObject *)self;
    orm_state *st = orm_expr_state(self);
    PyObject *list = NULL;
    Py_ssize_t i;

    if (st == NULL) {
        return -1;
    }
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
        PyObject *type = PyDict_GetItemWithError(kwargs, st->s_type_); /* borrow-ok: set below */

        if (type != NULL && type != Py_None && PyObject_SetAttr(self, st->s_type, type) < 0) {
            return -1;
        }
    }
    list = PyList_New(0);
    for (i = 0; list != NULL && i < PyTuple_GET_SIZE(args); i++) {
        orm_node *n = orm_coerce_value(st, PyTuple_GET_ITEM(args, i), NULL);
        PyObject *shown = n == NULL ? NULL : orm_node_wrap(st, n);

        if (shown == NULL || PyList_Append(list, shown) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(shown);
        Py_XDECREF(n);
    }
    if (list == NULL) {
        return -1;
    }
    Py_XSETREF(f->clauses, PyList_AsTuple(list));
    Py_DECREF(list);
    return f->clauses == NULL ? -1 : 0;
}

static int
function_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((FunctionObject *)self)->clauses);
    return element_traverse(self, visit, arg);
}

static int
function_clear(PyObject *self)
{
    Py_CLEAR(((FunctionObject *)self)->clauses);
    return element_clear(self);
}

static void
function_dealloc(PyObject *self)
{
    PyTypeObject *tp = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    (void)function_clear(self);
    tp->tp_free(self);
    Py_DECREF(tp);
}

static PyType_Slot function_slots[] = {
    {Py_tp_doc, "FunctionElement(*clauses)\n--\n\nBase of SQL functions written in Python."},
    {Py_tp_new, element_new},
    {Py_tp_init, function_init},
    {Py_tp_dealloc, function_dealloc},
    {Py_tp_traverse, function_traverse},
    {Py_tp_clear, function_clear},
    {Py_tp_methods, orm_function_methods},
    {Py_tp_getset, orm_function_getset},
    {0, NULL},
};

static PyType_Spec function_spec = {
    .name = "pyorm._core.FunctionElement",
    .basicsize = sizeof(FunctionObject),
    .flags = BASE_FLAGS,
    .slots = function_slots,
};

/* A type of the room with one or two bases, added to the module. */
int
orm_sql_type_add(PyObject *module, orm_state *st, PyType_Spec *spec, PyTypeObject *base,
                 PyTypeObject *base2, PyTypeObject **slot)
{
    PyObject *bases = NULL;
    int rc;

    if (base2 == NULL) {
        return orm_type_add(module, st, spec, base, slot);
    }
    bases = PyTuple_Pack(2, base, base2);
    if (bases == NULL) {
        return -1;
    }
    *slot = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, bases);
    Py_DECREF(bases);
    if (*slot == NULL) {
        return -1;
    }
    rc = PyModule_AddType(module, *slot);
    return rc;
}

int
orm_elements_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &clause_spec, NULL, &st->ClauseElement) < 0
        || orm_type_add(module, st, &executable_spec, NULL, &st->Executable) < 0
        || orm_column_element_setup(module, st) < 0
        || orm_type_add(module, st, &from_spec, st->ClauseElement, &st->FromClause) < 0
        || orm_sql_type_add(module, st, &function_spec, st->ColumnElement, st->Executable,
                            &st->FunctionElement)
               < 0) {
        return -1;
    }
    return orm_schema_objects_setup(module, st);
}

/* ColumnElement's own slots come from expr_ops.c; the life of its objects is the family's. */
void
orm_element_life(PyType_Slot *out)
{
    out[0] = (PyType_Slot){Py_tp_new, element_new};
    out[1] = (PyType_Slot){Py_tp_init, element_init};
    out[2] = (PyType_Slot){Py_tp_dealloc, element_dealloc};
    out[3] = (PyType_Slot){Py_tp_traverse, element_traverse};
    out[4] = (PyType_Slot){Py_tp_clear, element_clear};
}
