/*
 * clause.c - what every element can do: show itself, compile, list its children, compare.
 *
 * Place: methods of ClauseElement and the attributes of ColumnElement; setup of the room.
 * Nodes are immutable: copying one gives itself. Comparing two is comparing their keys and
 *   then the values found on the way.
 */
#include "compile.h"

/* ---- showing ------------------------------------------------------------------------------------ */
PyObject *
orm_clause_str(PyObject *self)
{
    PyObject *compiled = orm_element_compile(self, NULL, 0, NULL);
    PyObject *out = compiled == NULL ? NULL : PyObject_Str(compiled);

    Py_XDECREF(compiled);
    return out;
}

PyObject *
orm_clause_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<%s object at %p>", Py_TYPE(self)->tp_name, (void *)self);
}

/* ---- children, copies ----------------------------------------------------------------------------- */
static PyObject *
m_get_children(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *list = n == NULL ? NULL : PyList_New(0);
    Py_ssize_t i = 0;
    Py_ssize_t end = list == NULL ? 0 : orm_node_children(n, &i);

    (void)args;
    (void)nargs;
    (void)kwnames; /* omit_attrs and the like mean nothing here */
    if (list != NULL && n->kind == ORM_N_TABLE) {
        PyObject *cols = orm_from_columns(st, n);

        Py_SETREF(list, cols == NULL ? NULL : PySequence_List(cols));
        Py_XDECREF(cols);
        return list;
    }
    for (; list != NULL && i < end && n->kind != ORM_N_COLUMN; i++) {
        PyObject *o = NULL;

        if (n->args[i] == NULL) {
            continue;
        }
        o = orm_node_wrap(st, n->args[i]);
        if (o == NULL || PyList_Append(list, o) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(o);
    }
    return list;
}

static PyObject *
m_self(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    (void)args;
    (void)nargs;
    (void)kwnames;
    return Py_NewRef(self);
}

/* copy.copy(), copy.deepcopy() and _clone(): a node cannot change, so it is its own copy. */
static PyObject *
m_copy(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    if (Py_TYPE(self)->tp_itemsize == 0) {
        return PyObject_CallMethod((PyObject *)&PyBaseObject_Type, "__reduce_ex__", "Oi", self, 2);
    }
    return m_self(self, args, nargs, kwnames);
}

/* compare(other): same structure and the same values. */
static PyObject *
m_compare(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    orm_state *st = orm_expr_state(self);
    orm_node *a = st == NULL ? NULL : orm_node_of(st, self);
    orm_node *b = NULL;
    int same;

    (void)kwnames;
    if (a == NULL) {
        return NULL;
    }
    if (nargs != 1) {
        PyErr_SetString(PyExc_TypeError, "compare() takes one element");
        return NULL;
    }
    if (!is_clause(st, args[0])) {
        Py_RETURN_FALSE;
    }
    b = orm_node_of(st, args[0]);
    same = b == NULL ? -1 : a == b ? 1 : orm_sqlkey_compare(st, a, b);
    return same < 0 ? NULL : PyBool_FromLong(same);
}

static PyObject *
m_self_group(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return m_self(self, args, nargs, kwnames);
}

static PyObject *
get_annotations(PyObject *self, void *closure)
{
    (void)self;
    (void)closure;
    return PyDict_New();
}

/* bool(): expressions with operators have their own; the rest has none. */
PyMethodDef orm_clause_methods[] = {
    {"compile", ORM_METHOD(orm_element_compile), ORM_METH_KW,
     "compile($self, bind=None, dialect=None, **kw)\n--\n\nThe SQL text and its parameters."},
    {"get_children", ORM_METHOD(m_get_children), ORM_METH_KW,
     "get_children($self, **kw)\n--\n\nThe elements directly inside."},
    {"compare", ORM_METHOD(m_compare), ORM_METH_KW, "compare($self, other, **kw)\n--\n\nSame structure and values."},
    {"self_group", ORM_METHOD(m_self_group), ORM_METH_KW,
     "self_group($self, against=None)\n--\n\nItself: parentheses are the renderer's."},
    {"_annotate", ORM_METHOD(m_self), ORM_METH_KW, "_annotate($self, values)\n--\n\nItself."},
    {"_deannotate", ORM_METHOD(m_self), ORM_METH_KW, "_deannotate($self, **kw)\n--\n\nItself."},
    {NULL, NULL, 0, NULL},
};

/* copy protocol of the final types, listed by node_type.c */
PyMethodDef orm_copy_methods[] = {
    {"__copy__", ORM_METHOD(m_copy), ORM_METH_KW, "__copy__($self)\n--\n\nItself."},
    {"__deepcopy__", ORM_METHOD(m_copy), ORM_METH_KW, "__deepcopy__($self, memo)\n--\n\nItself."},
    {"_clone", ORM_METHOD(m_copy), ORM_METH_KW, "_clone($self, **kw)\n--\n\nItself."},
    {NULL, NULL, 0, NULL},
};

PyGetSetDef orm_clause_getset[] = {
    {"_annotations", get_annotations, NULL, "Empty: there are no annotations.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* ---- ColumnElement ----------------------------------------------------------------------------------- */

/* The comparator of the type: what the slow path of operators asks. */
static PyObject *
get_comparator(PyObject *self, void *closure)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, self);
    orm_type *type = n == NULL ? NULL : orm_node_type(st, n);
    PyObject *factory = NULL;
    PyObject *out = NULL;

    (void)closure;
    if (type == NULL || PyObject_GetOptionalAttrString(type->engine, "comparator_factory", &factory) < 0) {
        return NULL;
    }
    if (factory == NULL || factory == Py_None) {
        PyObject *fallback = orm_import_once(&st->comparator_class, "pyorm.sql.operators", "Comparator");

        Py_XSETREF(factory, Py_XNewRef(fallback));
    }
    out = factory == NULL ? NULL : PyObject_CallOneArg(factory, self);
    Py_XDECREF(factory);
    return out;
}

static PyObject *
get_expression(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(self);
}

static PyObject *
get_base_columns(PyObject *self, void *closure)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *base = n == NULL ? NULL : orm_node_wrap(st, orm_base_column(n));
    PyObject *tuple = base == NULL ? NULL : PyTuple_Pack(1, base);
    PyObject *out = tuple == NULL ? NULL : PyFrozenSet_New(tuple);

    (void)closure;
    Py_XDECREF(base);
    Py_XDECREF(tuple);
    return out;
}

PyGetSetDef orm_column_getset[] = {
    {"comparator", get_comparator, NULL, "What the type says about operators.", NULL},
    {"expression", get_expression, NULL, "The element itself.", NULL},
    {"base_columns", get_base_columns, NULL, "The columns below labels and aliases.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* ---- hooks of orm/, setup ------------------------------------------------------------------------------- */
int
orm_sql_set_orm_ops(orm_state *st, const orm_sql_orm_ops *ops)
{
    sql_room(st)->orm_ops = ops;
    return 0;
}

void
orm_sql_new_epoch(orm_state *st)
{
    sql_room(st)->hook_epoch++;
}

const orm_sql_orm_ops *
orm_sql_get_orm_ops(orm_state *st)
{
    return sql_room(st)->orm_ops;
}

int
orm_sql_setup(PyObject *module, orm_state *st)
{
    static int (*const setups[])(PyObject *, orm_state *) = {
        orm_collection_setup, orm_node_types_setup, orm_side_setup,     orm_operators_setup,
        orm_constructs_setup, orm_func_setup,       orm_func_methods_setup, orm_from_type_setup,
        orm_select_setup,     orm_select_use_setup, orm_dml_setup,      orm_text_setup,
        orm_cache_setup,      orm_render_setup,     orm_rewrite_setup,
    };
    size_t i;

    if (orm_sqlroom_setup(st) < 0) {
        return -1;
    }
    for (i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
        if (setups[i](module, st) < 0) {
            return -1;
        }
    }
    return 0;
}
