/*
 * from_type.c - methods of FROM elements, and the functions that make them: table, column,
 *   alias, join, values, tablesample.
 *
 * Place: the Python surface over from.c.
 */
#include "sql_int.h"

#define SELF ((orm_node *)self)

/* ---- alias, subquery, lateral ------------------------------------------------------------------- */
static PyObject *
element_alias(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
              orm_kind kind)
{
    static const orm_args_spec spec = {
        .fname = "alias", .names = {"name", "flat"}, .count = 2, .npositional = 2};
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *out[2];

    if (n == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    if (out[0] != NULL && out[0] != Py_None && !PyUnicode_Check(out[0])) {
        PyErr_Format(PyExc_TypeError, "alias() takes a name or None, got %R", out[0]);
        return NULL;
    }
    return (PyObject *)orm_alias_new(st, kind, n, out[0] == Py_None ? NULL : out[0], 0);
}

static PyObject *
m_alias(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return element_alias(self, args, nargs, kwnames, ORM_N_ALIAS);
}

static PyObject *
m_lateral(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return element_alias(self, args, nargs, kwnames, ORM_N_LATERAL);
}

static PyObject *
m_select(PyObject *self, PyObject *none)
{
    orm_state *st = orm_expr_state(self);

    (void)none;
    return st == NULL ? NULL : (PyObject *)orm_select_new(st, &self, 1);
}

/* A subquery or CTE aliased again: its own statement under another name. */
static PyObject *
m_alias_of_alias(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return element_alias(self, args, nargs, kwnames, ORM_N_ALIAS);
}

/* ---- joins ------------------------------------------------------------------------------------------ */
static PyObject *
join_of(orm_state *st, PyObject *left, PyObject *right, PyObject *on, int outer, int full)
{
    orm_node *l = NULL;
    orm_node *r = NULL;
    orm_node *criterion = NULL;
    PyObject *out = NULL;

    if (outer < 0 || full < 0) {
        return NULL;
    }
    l = orm_coerce_from(st, left);
    r = l == NULL ? NULL : orm_coerce_from(st, right);
    if (r != NULL) {
        criterion = on == NULL || on == Py_None ? orm_join_condition(st, l, r)
                                                : orm_coerce_criterion(st, on);
    }
    if (criterion != NULL) {
        out = (PyObject *)orm_join_new(st, l, r, criterion,
                                       (outer ? ORM_JOIN_OUTER : 0) | (full ? ORM_JOIN_FULL : 0));
    }
    Py_XDECREF(l);
    Py_XDECREF(r);
    Py_XDECREF(criterion);
    return out;
}

static const orm_args_spec join_spec = {.fname = "join",
                                        .names = {"left", "right", "onclause", "isouter", "full"},
                                        .count = 5,
                                        .npositional = 5,
                                        .nrequired = 2};
static const orm_args_spec outerjoin_spec = {.fname = "outerjoin",
                                             .names = {"left", "right", "onclause", "full"},
                                             .count = 4,
                                             .npositional = 4,
                                             .nrequired = 2};
static const orm_args_spec join_method_spec = {.fname = "join",
                                               .names = {"right", "onclause", "isouter", "full"},
                                               .count = 4,
                                               .npositional = 4,
                                               .nrequired = 1};
static const orm_args_spec outerjoin_method_spec = {.fname = "outerjoin",
                                                    .names = {"right", "onclause", "full"},
                                                    .count = 3,
                                                    .npositional = 3,
                                                    .nrequired = 1};

static PyObject *
m_join(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *out[4];
    orm_state *st = orm_expr_state(self);

    return st == NULL || orm_args_parse(&join_method_spec, args, nargs, kwnames, out) < 0
               ? NULL
               : join_of(st, self, out[0], out[1], orm_arg_bool(out[2], 0), orm_arg_bool(out[3], 0));
}

static PyObject *
m_outerjoin(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *out[3];
    orm_state *st = orm_expr_state(self);

    return st == NULL || orm_args_parse(&outerjoin_method_spec, args, nargs, kwnames, out) < 0
               ? NULL
               : join_of(st, self, out[0], out[1], 1, orm_arg_bool(out[2], 0));
}

static PyObject *
f_join(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *out[5];

    return orm_args_parse(&join_spec, args, nargs, kwnames, out) < 0
               ? NULL
               : join_of(orm_state_from_module(module), out[0], out[1], out[2],
                         orm_arg_bool(out[3], 0), orm_arg_bool(out[4], 0));
}

static PyObject *
f_outerjoin(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *out[4];

    return orm_args_parse(&outerjoin_spec, args, nargs, kwnames, out) < 0
               ? NULL
               : join_of(orm_state_from_module(module), out[0], out[1], out[2], 1,
                         orm_arg_bool(out[3], 0));
}

/* ---- lineage, sampling -------------------------------------------------------------------------------- */
static PyObject *
m_corresponding_column(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "corresponding_column",
                                       .names = {"column", "require_embedded"},
                                       .count = 2,
                                       .npositional = 2,
                                       .nrequired = 1};
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *out[2];
    PyObject *coll = NULL;
    PyObject *found = NULL;
    int rc;

    if (n == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    coll = orm_from_columns(st, n);
    rc = coll == NULL ? -1 : orm_collection_corresponding(st, coll, out[0], &found);
    Py_XDECREF(coll);
    return rc < 0 ? NULL : found == NULL ? Py_NewRef(Py_None) : found;
}

static PyObject *
sample_of(orm_state *st, orm_node *n, PyObject *sampling, PyObject *name, PyObject *seed)
{
    orm_node *parts[4] = {n, NULL, NULL, NULL};
    orm_node *out = NULL;

    parts[1] = orm_coerce_value(st, sampling, NULL);
    if (parts[1] != NULL && seed != NULL && seed != Py_None) {
        parts[2] = orm_coerce_value(st, seed, NULL);
    }
    if (parts[1] != NULL && !PyErr_Occurred()) {
        Py_ssize_t i;

        out = orm_node_new(st, st->TableSample, ORM_N_ALIAS, 4);
        if (out != NULL) {
            out->aux = ORM_ALIAS_SAMPLE;
            out->payload = Py_XNewRef(name == Py_None ? NULL : name);
            for (i = 0; i < 4; i++) {
                out->args[i] = (orm_node *)Py_XNewRef((PyObject *)parts[i]);
            }
            (void)orm_node_seal(st, out);
        }
    }
    Py_XDECREF(parts[1]);
    Py_XDECREF(parts[2]);
    return (PyObject *)out;
}

static PyObject *
m_tablesample(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "tablesample",
                                       .names = {"sampling", "name", "seed"},
                                       .count = 3,
                                       .npositional = 3,
                                       .nrequired = 1};
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *out[3];

    return n == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0
               ? NULL
               : sample_of(st, n, out[0], out[1], out[2]);
}

static PyObject *
f_tablesample(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "tablesample",
                                       .names = {"selectable", "sampling", "name", "seed"},
                                       .count = 4,
                                       .npositional = 4,
                                       .nrequired = 2};
    orm_state *st = orm_state_from_module(module);
    PyObject *out[4];
    orm_node *n = NULL;
    PyObject *result = NULL;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    n = orm_coerce_from(st, out[0]);
    if (n != NULL) {
        result = sample_of(st, n, out[1], out[2], out[3]);
        Py_DECREF(n);
    }
    return result;
}

/* table_valued(): a FROM element's whole row as one value. */
static PyObject *
m_table_valued(PyObject *self, PyObject *none)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, self);

    (void)none;
    return n == NULL ? NULL
                     : (PyObject *)orm_node_make(st, ORM_N_FROMCOL, ORM_OP_NONE,
                                                 orm_type_builtin(st, ORM_T_NULL), NULL, 0, 1, &n);
}

/* is_derived_from(other): does this element stand for the other one? */
static PyObject *
m_is_derived_from(PyObject *self, PyObject *other)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, self);
    orm_node *o = n == NULL ? NULL : orm_node_of(st, other);

    if (o == NULL) {
        return NULL;
    }
    while (n != o && (n->kind == ORM_N_ALIAS || n->kind == ORM_N_ENTITY)) {
        n = n->args[0];
    }
    return PyBool_FromLong(n == o);
}

/* ---- CTE: the recursive term -------------------------------------------------------------------------------- */
static PyObject *
cte_union(PyObject *self, PyObject *const *args, Py_ssize_t nargs, orm_op op)
{
    int i;
    orm_state *st = orm_expr_state(self);
    orm_node *both = st == NULL ? NULL
                                : orm_compound_new(st, op, (PyObject *)SELF->args[0], args, nargs);
    orm_node *n = both == NULL ? NULL : orm_node_new(st, st->CTE, ORM_N_CTE, ORM_CTE__COUNT);

    if (n != NULL) {
        n->aux = SELF->aux;
        n->payload = Py_XNewRef(SELF->payload);
        n->args[0] = (orm_node *)Py_NewRef((PyObject *)both);
        n->args[1] = (orm_node *)Py_NewRef(self); /* references to the old CTE mean this one */
        for (i = ORM_CTE_NESTED; i < ORM_CTE_CACHE; i++) {
            n->args[i] = (orm_node *)Py_XNewRef((PyObject *)SELF->args[i]);
        }
        (void)orm_node_seal(st, n);
    }
    Py_XDECREF(both);
    return (PyObject *)n;
}

/* A CTE of the same name with more words before or behind its parentheses. */
static PyObject *
cte_words(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, int cell)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : orm_prefix_list(st, args, nargs, kwnames);
    orm_node *words = list == NULL ? NULL
                                   : orm_list_extend(st, SELF->args[cell], ORM_OP_COMMA, list);
    orm_node *n = words == NULL ? NULL : orm_node_new(st, st->CTE, ORM_N_CTE, ORM_CTE__COUNT);
    int i;

    if (n != NULL) {
        n->aux = SELF->aux;
        n->payload = Py_XNewRef(SELF->payload);
        for (i = 0; i < ORM_CTE_CACHE; i++) {
            n->args[i] = (orm_node *)Py_XNewRef((PyObject *)(i == cell ? words : SELF->args[i]));
        }
        (void)orm_node_seal(st, n);
    }
    Py_XDECREF(list);
    Py_XDECREF(words);
    return (PyObject *)n;
}

static PyObject *
m_cte_prefix_with(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return cte_words(self, args, nargs, kwnames, ORM_CTE_PREFIX);
}

static PyObject *
m_cte_suffix_with(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return cte_words(self, args, nargs, kwnames, ORM_CTE_SUFFIX);
}

static PyObject *
m_cte_union(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return cte_union(self, args, nargs, ORM_OP_UNION);
}

static PyObject *
m_cte_union_all(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return cte_union(self, args, nargs, ORM_OP_UNION_ALL);
}

/* ---- VALUES ----------------------------------------------------------------------------------------------------- */
static orm_node *
values_row(orm_state *st, orm_node *columns, PyObject *row)
{
    PyObject *fast = PySequence_Fast(row, "values().data() takes a list of tuples");
    PyObject *list = fast == NULL ? NULL : PyList_New(0);
    orm_node *out = NULL;
    Py_ssize_t i;

    for (i = 0; list != NULL && i < PySequence_Fast_GET_SIZE(fast); i++) {
        orm_type *type = i < columns->ob_base.ob_size ? columns->args[i]->type : NULL;
        orm_node *n = orm_coerce_value(st, PySequence_Fast_GET_ITEM(fast, i), type);

        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    if (list != NULL) {
        out = orm_list_node(st, ORM_OP_COMMA, NULL, ORM_LIST_GROUPED, list);
    }
    Py_XDECREF(list);
    Py_XDECREF(fast);
    return out;
}

static PyObject *
values_with(orm_state *st, orm_node *v, PyObject *name, uint32_t more, orm_node *rows)
{
    orm_node *parts[3] = {v->args[0], rows, NULL};

    return (PyObject *)orm_node_make(st, ORM_N_VALUES, ORM_OP_NONE, NULL,
                                     name == NULL || name == Py_None ? v->payload : name,
                                     v->aux | more, 3, parts);
}

static PyObject *
m_data(PyObject *self, PyObject *rows)
{
    orm_state *st = orm_expr_state(self);
    PyObject *fast = PySequence_Fast(rows, "values().data() takes a list of tuples");
    PyObject *list = fast == NULL ? NULL : PyList_New(0);
    orm_node *all = NULL;
    PyObject *out = NULL;
    Py_ssize_t i;

    for (i = 0; list != NULL && i < PySequence_Fast_GET_SIZE(fast); i++) {
        orm_node *row = values_row(st, SELF->args[0], PySequence_Fast_GET_ITEM(fast, i));

        if (row == NULL || PyList_Append(list, (PyObject *)row) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    if (list != NULL) {
        all = orm_list_extend(st, SELF->args[1], ORM_OP_COMMA, list);
    }
    if (all != NULL) {
        out = values_with(st, SELF, NULL, 0, all);
    }
    Py_XDECREF(all);
    Py_XDECREF(list);
    Py_XDECREF(fast);
    return out;
}

static PyObject *
m_values_alias(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "alias", .names = {"name", "flat"}, .count = 2, .npositional = 2};
    PyObject *out[2];

    return orm_args_parse(&spec, args, nargs, kwnames, out) < 0
               ? NULL
               : values_with(orm_expr_state(self), SELF, out[0], 0, SELF->args[1]);
}

static PyObject *
m_values_lateral(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "lateral", .names = {"name"}, .count = 1, .npositional = 1};
    PyObject *out[1];

    return orm_args_parse(&spec, args, nargs, kwnames, out) < 0
               ? NULL
               : values_with(orm_expr_state(self), SELF, out[0], ORM_VALUES_LATERAL, SELF->args[1]);
}

static PyObject *
m_scalar_values(PyObject *self, PyObject *none)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = SELF;

    (void)none;
    return (PyObject *)orm_node_make(st, ORM_N_SCALAR, ORM_OP_NONE, orm_type_builtin(st, ORM_T_NULL),
                                     NULL, 0, 1, &n);
}

static PyObject *
f_values(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "values", .names = {"name", "literal_binds"}, .count = 2};
    orm_state *st = orm_state_from_module(module);
    PyObject *list = PyList_New(0);
    PyObject *out[2];
    orm_node *parts[3] = {NULL, NULL, NULL};
    PyObject *result = NULL;
    int literal;
    Py_ssize_t i;

    if (list == NULL || orm_args_parse(&spec, args + nargs, 0, kwnames, out) < 0) {
        goto done;
    }
    literal = orm_arg_bool(out[1], 0);
    if (literal < 0) {
        goto done;
    }
    for (i = 0; i < nargs; i++) {
        orm_node *c = orm_node_of(st, args[i]);

        if (c == NULL || PyList_Append(list, (PyObject *)c) < 0) {
            goto done;
        }
    }
    parts[0] = orm_list_node(st, ORM_OP_COMMA, NULL, 0, list);
    if (parts[0] != NULL) {
        result = (PyObject *)orm_node_make(st, ORM_N_VALUES, ORM_OP_NONE, NULL,
                                           out[0] == Py_None ? NULL : out[0],
                                           literal ? ORM_VALUES_LITERAL : 0, 3, parts);
    }
done:
    Py_XDECREF(parts[0]);
    Py_XDECREF(list);
    return result;
}

/* ---- module functions --------------------------------------------------------------------------------------------- */
static PyObject *
method_of_first(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, const char *method)
{
    PyObject *fn = NULL;
    PyObject *out = NULL;

    if (nargs < 1) {
        PyErr_Format(PyExc_TypeError, "%s() missing its first argument", method);
        return NULL;
    }
    fn = PyObject_GetAttrString(args[0], method);
    if (fn != NULL) {
        out = PyObject_Vectorcall(fn, args + 1, (size_t)(nargs - 1), kwnames);
        Py_DECREF(fn);
    }
    return out;
}

#define FIRST(name)                                                                           \
    static PyObject *f_##name(PyObject *module, PyObject *const *args, Py_ssize_t nargs,      \
                              PyObject *kwnames)                                              \
    {                                                                                         \
        (void)module;                                                                         \
        return method_of_first(args, nargs, kwnames, #name);                                  \
    }
FIRST(alias)
FIRST(subquery)
FIRST(lateral)
FIRST(cte)
#undef FIRST

static PyObject *
call_type(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return PyObject_Vectorcall((PyObject *)type, args, (size_t)nargs, kwnames);
}

static PyObject *
f_table(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return call_type(orm_state_from_module(module)->TableClause, args, nargs, kwnames);
}

static PyObject *
f_column(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return call_type(orm_state_from_module(module)->ColumnClause, args, nargs, kwnames);
}

#define KW(name, fn, doc) {name, ORM_METHOD(fn), ORM_METH_KW, name doc}
#define NO(name, fn, doc) {name, fn, METH_NOARGS, name doc}
#define FROM_COMMON                                                                           \
    KW("join", m_join, "($self, right, onclause=None, isouter=False, full=False)\n--\n\nJOIN."), \
        KW("outerjoin", m_outerjoin, "($self, right, onclause=None, full=False)\n--\n\nLEFT OUTER JOIN."), \
        KW("corresponding_column", m_corresponding_column,                                    \
           "($self, column, require_embedded=False)\n--\n\nThe column here that stands for another one."), \
        NO("select", m_select, "($self)\n--\n\nA SELECT of all columns."),                    \
        {"is_derived_from", m_is_derived_from, METH_O,                                        \
         "is_derived_from($self, fromclause, /)\n--\n\nTrue if this is an alias of it."}

PyMethodDef orm_from_methods[] = {
    FROM_COMMON,
    KW("alias", m_alias, "($self, name=None, flat=False)\n--\n\nUnder another name."),
    KW("lateral", m_lateral, "($self, name=None)\n--\n\nLATERAL."),
    KW("tablesample", m_tablesample, "($self, sampling, name=None, seed=None)\n--\n\nTABLESAMPLE."),
    NO("table_valued", m_table_valued, "($self)\n--\n\nThe row as one value."),
    {NULL, NULL, 0, NULL},
};
PyMethodDef orm_alias_methods[] = {
    KW("alias", m_alias_of_alias, "($self, name=None, flat=False)\n--\n\nUnder another name."),
    {NULL, NULL, 0, NULL},
};
PyMethodDef orm_join_methods[] = {{NULL, NULL, 0, NULL}};
PyMethodDef orm_cte_methods[] = {
    {"union", ORM_METHOD(m_cte_union), METH_FASTCALL, "union($self, /, *other)\n--\n\nAdd a recursive term."},
    {"union_all", ORM_METHOD(m_cte_union_all), METH_FASTCALL,
     "union_all($self, /, *other)\n--\n\nAdd a recursive term."},
    KW("prefix_with", m_cte_prefix_with, "($self, /, *prefixes, dialect=\"*\")\n--\n\nWords before the parentheses."),
    KW("suffix_with", m_cte_suffix_with, "($self, /, *suffixes, dialect=\"*\")\n--\n\nWords behind the parentheses."),
    {NULL, NULL, 0, NULL},
};
PyMethodDef orm_values_methods[] = {
    {"data", m_data, METH_O, "data($self, values, /)\n--\n\nAdd rows."},
    KW("alias", m_values_alias, "($self, name=None, flat=False)\n--\n\nUnder a name."),
    KW("lateral", m_values_lateral, "($self, name=None)\n--\n\nLATERAL."),
    KW("cte", orm_m_cte, "($self, name=None, recursive=False, nesting=False, *, materialized=None)\n--\n\nWITH."),
    NO("scalar_values", m_scalar_values, "($self)\n--\n\nAs a value."),
    {NULL, NULL, 0, NULL},
};

static PyMethodDef from_functions[] = {
    KW("table", f_table, "($module, name, /, *columns, schema=None)\n--\n\nA table by name."),
    KW("column", f_column, "($module, text, type_=None, is_literal=False)\n--\n\nA column by name."),
    KW("alias", f_alias, "($module, selectable, /, name=None, flat=False)\n--\n\nUnder another name."),
    KW("subquery", f_subquery, "($module, statement, /, name=None)\n--\n\nA SELECT in FROM."),
    KW("lateral", f_lateral, "($module, selectable, /, name=None)\n--\n\nLATERAL."),
    KW("cte", f_cte, "($module, statement, /, name=None, recursive=False)\n--\n\nWITH."),
    KW("join", f_join, "($module, left, right, onclause=None, isouter=False, full=False)\n--\n\nJOIN."),
    KW("outerjoin", f_outerjoin, "($module, left, right, onclause=None, full=False)\n--\n\nLEFT OUTER JOIN."),
    KW("tablesample", f_tablesample, "($module, selectable, sampling, name=None, seed=None)\n--\n\nTABLESAMPLE."),
    KW("values", f_values, "($module, /, *columns, name=None, literal_binds=False)\n--\n\nVALUES."),
    {NULL, NULL, 0, NULL},
};

int
orm_from_type_setup(PyObject *module, orm_state *st)
{
    (void)st;
    return PyModule_AddFunctions(module, from_functions);
}
