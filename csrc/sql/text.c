/*
 * text.c - text(":x"): named parameters found, typed, given values; and TextualSelect, text
 *   whose columns are declared.
 *
 * Place: TEXTSTMT holds the text as written and one BIND per name, in order of first sight;
 *   the renderer splits the text again by the same rule (orm_text_next_name).
 * Rule for `:name`: a colon that no colon or word character or backslash precedes, followed
 *   by a word that no colon follows; `\:` is a colon.
 */
#include "sql_int.h"

#define SELF ((orm_node *)self)

static int
is_word(Py_UCS4 c)
{
    return c == '_' || Py_UNICODE_ISALNUM(c);
}

/* The next `:name` at or after *pos: 1, name in [*start, *end), *pos behind it; 0: none. */
int
orm_text_next_name(PyObject *text, Py_ssize_t *pos, Py_ssize_t *start, Py_ssize_t *end)
{
    Py_ssize_t n = PyUnicode_GET_LENGTH(text);
    int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    Py_ssize_t i;

    for (i = *pos; i < n; i++) {
        Py_UCS4 before = i > 0 ? PyUnicode_READ(kind, data, i - 1) : ' ';
        Py_ssize_t e = i + 1;

        if (PyUnicode_READ(kind, data, i) != ':' || before == ':' || before == '\\'
            || is_word(before)) {
            continue;
        }
        while (e < n && is_word(PyUnicode_READ(kind, data, e))) {
            e++;
        }
        if (e == i + 1 || (e < n && PyUnicode_READ(kind, data, e) == ':')) {
            continue;
        }
        *start = i + 1;
        *end = e;
        *pos = e;
        return 1;
    }
    *pos = n;
    return 0;
}

/* Position of a bind of that name in the list; -1: none. */
static Py_ssize_t
find_bind(PyObject *list, PyObject *name)
{
    Py_ssize_t i;

    for (i = 0; i < PyList_GET_SIZE(list); i++) {
        if (PyUnicode_Compare(orm_bind_name((orm_node *)PyList_GET_ITEM(list, i)), name) == 0) {
            return i;
        }
    }
    return -1;
}

/* Binds of the text's names, without values. New list. */
static PyObject *
find_binds(orm_state *st, PyObject *text)
{
    PyObject *list = PyList_New(0);
    Py_ssize_t pos = 0;
    Py_ssize_t start, end;

    while (list != NULL && orm_text_next_name(text, &pos, &start, &end)) {
        PyObject *name = PyUnicode_Substring(text, start, end);
        orm_node *bind = NULL;

        if (name != NULL && find_bind(list, name) < 0) {
            PyUnicode_InternInPlace(&name);
            bind = orm_bind_new(st, NULL, orm_type_builtin(st, ORM_T_NULL), name, ORM_BIND_REQUIRED);
            if (bind == NULL || PyList_Append(list, (PyObject *)bind) < 0) {
                Py_CLEAR(list);
            }
        }
        if (name == NULL) {
            Py_CLEAR(list);
        }
        Py_XDECREF(name);
        Py_XDECREF(bind);
    }
    return list;
}

static PyObject *
text_new(orm_state *st, PyObject *text, PyObject *binds, orm_side *side)
{
    Py_ssize_t n = PyList_GET_SIZE(binds);
    orm_node *out = orm_node_new(st, NULL, ORM_N_TEXTSTMT, n + 1);
    Py_ssize_t i;

    if (out == NULL) {
        return NULL;
    }
    out->type = (orm_type *)Py_XNewRef((PyObject *)orm_type_builtin(st, ORM_T_NULL));
    out->args[0] = (orm_node *)Py_NewRef(text);
    for (i = 0; i < n; i++) {
        out->args[i + 1] = (orm_node *)Py_NewRef(PyList_GET_ITEM(binds, i));
    }
    if (side != NULL && (side->options != NULL || side->params != NULL)) {
        orm_side *copy = orm_side_of(st, out, 1);

        if (copy == NULL) {
            Py_DECREF(out);
            return NULL;
        }
        copy->options = Py_XNewRef(side->options);
        copy->params = Py_XNewRef(side->params);
    }
    (void)orm_node_seal(st, out);
    return (PyObject *)out;
}

static PyObject *
f_text(PyObject *module, PyObject *arg)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *text = NULL;
    PyObject *binds = NULL;
    PyObject *out = NULL;

    if (!PyUnicode_Check(arg)) {
        PyErr_Format(PyExc_TypeError, "text() takes a str, got %R", arg);
        return NULL;
    }
    text = PyUnicode_FromObject(arg);
    binds = text == NULL ? NULL : find_binds(st, text);
    if (binds != NULL) {
        out = text_new(st, text, binds, NULL);
    }
    Py_XDECREF(text);
    Py_XDECREF(binds);
    return out;
}

/* bindparams(*binds, **values) */
static PyObject *
m_bindparams(PyObject *self, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = PyList_New(0);
    PyObject *key = NULL;
    PyObject *value = NULL;
    PyObject *out = NULL;
    Py_ssize_t pos = 0;
    Py_ssize_t i;

    for (i = 1; st != NULL && list != NULL && i < SELF->ob_base.ob_size; i++) {
        if (PyList_Append(list, (PyObject *)SELF->args[i]) < 0) {
            Py_CLEAR(list);
        }
    }
    for (i = 0; st != NULL && list != NULL && i < PyTuple_GET_SIZE(args); i++) {
        PyObject *o = PyTuple_GET_ITEM(args, i);
        Py_ssize_t at = Py_IS_TYPE(o, st->BindParameter)
                            ? find_bind(list, orm_bind_name((orm_node *)o))
                            : -1;

        if (at < 0) {
            orm_raise_exc(st, ORM_EXC_ArgumentError,
                          "This text() construct doesn't define a bound parameter named %R",
                          Py_IS_TYPE(o, st->BindParameter) ? orm_bind_name((orm_node *)o) : o);
            Py_CLEAR(list);
        }
        else if (PyList_SetItem(list, at, Py_NewRef(o)) < 0) {
            Py_CLEAR(list);
        }
    }
    while (st != NULL && list != NULL && kwargs != NULL && PyDict_Next(kwargs, &pos, &key, &value)) {
        Py_ssize_t at = find_bind(list, key);
        orm_node *old = at < 0 ? NULL : (orm_node *)PyList_GET_ITEM(list, at);
        orm_type *type = NULL;
        orm_node *bind = NULL;

        if (old == NULL) {
            orm_raise_exc(st, ORM_EXC_ArgumentError,
                          "This text() construct doesn't define a bound parameter named %R", key);
            Py_CLEAR(list);
            break;
        }
        type = old->type->kind != ORM_T_NULL ? (orm_type *)Py_NewRef((PyObject *)old->type)
                                             : orm_type_for_value(st, value);
        bind = type == NULL ? NULL
                            : orm_bind_new(st, value, type, orm_bind_name(old),
                                           old->aux & ~(uint32_t)(ORM_BIND_NO_VALUE
                                                                  | ORM_BIND_REQUIRED));
        Py_XDECREF(type);
        if (bind == NULL || PyList_SetItem(list, at, (PyObject *)bind) < 0) {
            Py_CLEAR(list);
        }
    }
    if (st != NULL && list != NULL) {
        out = text_new(st, (PyObject *)SELF->args[0], list, (orm_side *)SELF->payload);
    }
    Py_XDECREF(list);
    return out;
}

/* columns(*cols, **types): positional columns, or by name. */
static PyObject *
m_columns(PyObject *self, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = PyList_New(0);
    PyObject *key = NULL;
    PyObject *value = NULL;
    orm_node *pair[2] = {SELF, NULL};
    PyObject *out = NULL;
    Py_ssize_t pos = 0;
    Py_ssize_t i;

    for (i = 0; st != NULL && list != NULL && i < PyTuple_GET_SIZE(args); i++) {
        orm_node *c = orm_column_like(st, PyTuple_GET_ITEM(args, i));

        if (c == NULL || PyList_Append(list, (PyObject *)c) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(c);
    }
    while (st != NULL && list != NULL && kwargs != NULL && PyDict_Next(kwargs, &pos, &key, &value)) {
        PyObject *column = PyObject_CallFunctionObjArgs((PyObject *)st->ColumnClause, key, value, NULL);
        orm_node *c = column == NULL ? NULL : orm_node_of(st, column);

        if (c == NULL || PyList_Append(list, (PyObject *)c) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(column);
    }
    pair[1] = st == NULL || list == NULL ? NULL : orm_list_node(st, ORM_OP_COMMA, NULL, 0, list);
    if (pair[1] != NULL) {
        out = (PyObject *)orm_node_make(st, ORM_N_TEXTFROM, ORM_OP_NONE, NULL, NULL,
                                        PyTuple_GET_SIZE(args) > 0, 2, pair);
    }
    Py_XDECREF(pair[1]);
    Py_XDECREF(list);
    return out;
}

static PyObject *
get_text(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef((PyObject *)SELF->args[0]);
}

static PyObject *
get_bindparams(PyObject *self, void *closure)
{
    PyObject *out = PyDict_New();
    Py_ssize_t i;

    (void)closure;
    for (i = 1; out != NULL && i < SELF->ob_base.ob_size; i++) {
        if (PyDict_SetItem(out, orm_bind_name(SELF->args[i]), (PyObject *)SELF->args[i]) < 0) {
            Py_CLEAR(out);
        }
    }
    return out;
}

static PyObject *
get_column_args(PyObject *self, void *closure)
{
    orm_state *st = orm_expr_state(self);
    PyObject *coll = st == NULL ? NULL : orm_collection_new(st);
    orm_node *cols = SELF->args[1];
    Py_ssize_t i;

    (void)closure;
    for (i = 0; coll != NULL && i < cols->ob_base.ob_size; i++) {
        PyObject *o = orm_node_wrap(st, cols->args[i]);
        PyObject *key = o == NULL ? NULL : orm_node_key(st, cols->args[i]);

        if (o == NULL || orm_collection_add(st, coll, key == NULL ? st->s_no_label : key, o) < 0) {
            Py_CLEAR(coll);
        }
        Py_XDECREF(o);
        Py_XDECREF(key);
    }
    return coll;
}

static PyObject *
get_element(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef((PyObject *)SELF->args[0]);
}

PyGetSetDef orm_text_getset[] = {
    {"text", get_text, NULL, "The text as written.", NULL},
    {"_bindparams", get_bindparams, NULL, "The parameters by name.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
PyGetSetDef orm_textual_getset[] = {
    {"selected_columns", get_column_args, NULL, "The declared columns.", NULL},
    {"exported_columns", get_column_args, NULL, "The declared columns.", NULL},
    {"element", get_element, NULL, "The text.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
PyMethodDef orm_text_methods[] = {
    {"bindparams", ORM_METHOD(m_bindparams), METH_VARARGS | METH_KEYWORDS,
     "bindparams($self, /, *binds, **names_to_values)\n--\n\nTypes and values of the parameters."},
    {"params", ORM_METHOD(orm_m_params), METH_VARARGS | METH_KEYWORDS,
     "params($self, /, *optionaldict, **kwargs)\n--\n\nValues of named parameters."},
    {"columns", ORM_METHOD(m_columns), METH_VARARGS | METH_KEYWORDS,
     "columns($self, /, *cols, **types)\n--\n\nDeclare the columns the text returns."},
    {"execution_options", ORM_METHOD(orm_m_execution_options), METH_VARARGS | METH_KEYWORDS,
     "execution_options($self, **kw)\n--\n\nOptions for the execution."},
    {"get_execution_options", orm_m_get_execution_options, METH_NOARGS,
     "get_execution_options($self)\n--\n\nThe options, as a dictionary."},
    {NULL, NULL, 0, NULL},
};
PyMethodDef orm_textual_methods[] = {
    {"subquery", ORM_METHOD(orm_m_subquery), ORM_METH_KW, "subquery($self, name=None)\n--\n\nIn FROM."},
    {"alias", ORM_METHOD(orm_m_subquery), ORM_METH_KW, "alias($self, name=None)\n--\n\nIn FROM."},
    {"lateral", ORM_METHOD(orm_m_lateral), ORM_METH_KW, "lateral($self, name=None)\n--\n\nLATERAL."},
    {"scalar_subquery", orm_m_scalar_subquery, METH_NOARGS, "scalar_subquery($self)\n--\n\nAs a value."},
    {"exists", orm_m_exists, METH_NOARGS, "exists($self)\n--\n\nEXISTS."},
    {"cte", ORM_METHOD(orm_m_cte), ORM_METH_KW,
     "cte($self, name=None, recursive=False, nesting=False, *, materialized=None)\n--\n\nWITH."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef text_functions[] = {
    {"text", f_text, METH_O, "text($module, text, /)\n--\n\nSQL text with :name parameters."},
    {NULL, NULL, 0, NULL},
};

int
orm_text_setup(PyObject *module, orm_state *st)
{
    (void)st;
    return PyModule_AddFunctions(module, text_functions);
}
