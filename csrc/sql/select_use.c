/*
 * select_use.c - a SELECT used inside of something, and looked at: subquery(), exists(),
 *   scalar_subquery(), filter_by(), selected_columns, column_descriptions.
 *
 * Place: methods shared by Select, CompoundSelect and TextualSelect, and those of EXISTS and
 *   scalar subqueries, which build another statement around the same slots.
 */
#include "sql_int.h"

#define SELF ((orm_node *)self)

/* ---- as a FROM element --------------------------------------------------------------------------- */
static PyObject *
named_from(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, orm_kind kind)
{
    static const orm_args_spec spec = {
        .fname = "subquery", .names = {"name", "flat"}, .count = 2, .npositional = 2};
    orm_state *st = orm_expr_state(self);
    PyObject *out[2];

    if (st == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    return (PyObject *)orm_alias_new(st, kind, SELF, out[0] == Py_None ? NULL : out[0], 0);
}

PyObject *
orm_m_subquery(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return named_from(self, args, nargs, kwnames, ORM_N_SUBQUERY);
}

PyObject *
orm_m_lateral(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return named_from(self, args, nargs, kwnames, ORM_N_LATERAL);
}

PyObject *
orm_m_scalar_subquery(PyObject *self, PyObject *none)
{
    orm_state *st = orm_expr_state(self);

    (void)none;
    return st == NULL ? NULL : (PyObject *)orm_as_scalar(st, SELF);
}

PyObject *
orm_m_stmt_label(PyObject *self, PyObject *name)
{
    orm_state *st = orm_expr_state(self);
    orm_node *x = st == NULL ? NULL : orm_as_scalar(st, SELF);
    PyObject *out = NULL;

    if (x != NULL && (name == Py_None || PyUnicode_Check(name))) {
        out = (PyObject *)orm_label_new(st, x, name == Py_None ? NULL : name);
    }
    else if (x != NULL) {
        PyErr_Format(PyExc_TypeError, "label() takes a name or None, got %R", name);
    }
    Py_XDECREF(x);
    return out;
}

/* ---- EXISTS ------------------------------------------------------------------------------------------ */
static PyObject *
exists_of(orm_state *st, orm_node *stmt)
{
    return (PyObject *)orm_node_make(st, ORM_N_EXISTS, ORM_OP_NONE, orm_type_builtin(st, ORM_T_BOOL),
                                     NULL, 0, 1, &stmt);
}

PyObject *
orm_m_exists(PyObject *self, PyObject *none)
{
    orm_state *st = orm_expr_state(self);

    (void)none;
    return st == NULL ? NULL : exists_of(st, SELF);
}

static PyObject *
f_exists(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *stmt = NULL;
    orm_node *star = NULL;
    PyObject *out = NULL;

    if (nargs == 1) {
        orm_node *n = NULL;
        int rc = orm_coerce_element(st, args[0], &n);

        if (rc < 0) {
            return NULL;
        }
        if (rc > 0 && (orm_kind_is_select(n->kind) || n->kind == ORM_N_SCALAR)) {
            out = exists_of(st, n->kind == ORM_N_SCALAR ? n->args[0] : n);
            Py_DECREF(n);
            return out;
        }
        Py_XDECREF(n);
    }
    if (nargs == 0) {
        star = orm_node_make(st, ORM_N_STAR, ORM_OP_NONE, NULL, NULL, 0, 0, NULL);
        if (star != NULL) {
            PyObject *one = (PyObject *)star;

            stmt = orm_select_new(st, &one, 1);
            Py_DECREF(star);
        }
    }
    else {
        stmt = orm_select_new(st, args, nargs);
    }
    if (stmt != NULL) {
        out = exists_of(st, stmt);
        Py_DECREF(stmt);
    }
    return out;
}

/* A method of the SELECT inside, its result wrapped again in what we are. */
static PyObject *
through(PyObject *self, const char *method, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_expr_state(self);
    PyObject *fn = PyObject_GetAttrString((PyObject *)SELF->args[0], method);
    PyObject *stmt = fn == NULL ? NULL : PyObject_Call(fn, args, kwargs);
    PyObject *out = NULL;

    if (stmt != NULL) {
        orm_node *n = (orm_node *)stmt;

        out = SELF->kind == ORM_N_EXISTS ? exists_of(st, n)
                                         : (PyObject *)orm_node_make(st, ORM_N_SCALAR, ORM_OP_NONE,
                                                                     SELF->type, NULL, 0, 1, &n);
    }
    Py_XDECREF(fn);
    Py_XDECREF(stmt);
    return out;
}

#define THROUGH(name)                                                                         \
    static PyObject *t_##name(PyObject *self, PyObject *args, PyObject *kwargs)               \
    {                                                                                         \
        return through(self, #name, args, kwargs);                                            \
    }
THROUGH(where)
THROUGH(select_from)
THROUGH(correlate)
THROUGH(correlate_except)
THROUGH(filter_by)
THROUGH(with_hint)
THROUGH(with_statement_hint)
#undef THROUGH

static PyObject *
exists_select(PyObject *self, PyObject *args)
{
    orm_state *st = orm_expr_state(self);

    (void)args;
    return st == NULL ? NULL : (PyObject *)orm_select_new(st, &self, 1);
}

static PyObject *
scalar_subquery_again(PyObject *self, PyObject *none)
{
    (void)none;
    return Py_NewRef(self);
}

#define T(name, doc)                                                                          \
    {#name, ORM_METHOD(t_##name), METH_VARARGS | METH_KEYWORDS, #name doc}
PyMethodDef orm_exists_methods[] = {
    T(where, "($self, /, *clauses)\n--\n\nAdd criteria to the SELECT."),
    T(select_from, "($self, /, *froms)\n--\n\nAdd FROM elements to the SELECT."),
    T(correlate, "($self, /, *fromclauses)\n--\n\nCorrelate the SELECT."),
    T(correlate_except, "($self, /, *fromclauses)\n--\n\nCorrelate the SELECT to all but these."),
    T(filter_by, "($self, **kwargs)\n--\n\nCriteria by column name."),
    T(with_hint, "($self, selectable, text, dialect_name='*')\n--\n\nA hint for a FROM element."),
    T(with_statement_hint, "($self, text, dialect_name='*')\n--\n\nA hint."),
    {"select", exists_select, METH_VARARGS, "select($self)\n--\n\nA SELECT of this EXISTS."},
    {NULL, NULL, 0, NULL},
};
PyMethodDef orm_scalarselect_methods[] = {
    T(where, "($self, /, *clauses)\n--\n\nAdd criteria to the SELECT."),
    T(correlate, "($self, /, *fromclauses)\n--\n\nCorrelate the SELECT."),
    T(correlate_except, "($self, /, *fromclauses)\n--\n\nCorrelate the SELECT to all but these."),
    {"self_group", ORM_METHOD(scalar_subquery_again), METH_NOARGS, "self_group($self)\n--\n\nItself."},
    {"scalar_subquery", scalar_subquery_again, METH_NOARGS, "scalar_subquery($self)\n--\n\nItself."},
    {NULL, NULL, 0, NULL},
};

/* ---- FROMs that columns name --------------------------------------------------------------------------- */
static int
add_unique(PyObject *list, orm_node *from)
{
    Py_ssize_t i;

    for (i = 0; i < PyList_GET_SIZE(list); i++) {
        if (PyList_GET_ITEM(list, i) == (PyObject *)from) {
            return 0;
        }
    }
    return PyList_Append(list, (PyObject *)from);
}

/* Parents of the columns in an expression; subqueries are not entered. An explicit stack: an
 * expression may be a long chain. */
static int
froms_of_expr(PyObject *out, orm_node *root)
{
    PyObject *stack = PyList_New(0);
    int rc = stack == NULL ? -1 : PyList_Append(stack, (PyObject *)root);

    while (rc == 0 && PyList_GET_SIZE(stack) > 0) {
        Py_ssize_t last = PyList_GET_SIZE(stack) - 1;
        orm_node *n = (orm_node *)Py_NewRef(PyList_GET_ITEM(stack, last));
        Py_ssize_t i;
        Py_ssize_t end;

        rc = PyList_SetSlice(stack, last, last + 1, NULL);
        if (rc == 0 && orm_kind_is_from(n->kind)) {
            rc = add_unique(out, n);
        }
        else if (rc == 0 && (n->kind == ORM_N_COLUMN || n->kind == ORM_N_COLREF
                             || n->kind == ORM_N_ATTR)) {
            rc = n->args[0] == NULL ? 0 : add_unique(out, n->args[0]);
        }
        else if (rc == 0 && n->kind != ORM_N_SCALAR && n->kind != ORM_N_EXISTS
                 && !orm_kind_is_stmt(n->kind)) {
            end = orm_node_children(n, &i);
            while (rc == 0 && end > i) {
                end--;
                rc = n->args[end] == NULL ? 0 : PyList_Append(stack, (PyObject *)n->args[end]);
            }
        }
        Py_DECREF(n);
    }
    Py_XDECREF(stack);
    return rc;
}

PyObject *
orm_column_froms(orm_state *st, orm_node *select)
{
    PyObject *list = PyList_New(0);

    (void)st;
    if (list != NULL && select->args[ORM_SEL_COLS] != NULL
        && froms_of_expr(list, select->args[ORM_SEL_COLS]) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

/* All FROMs a name may be looked up in: explicit ones, joined ones, the columns' own. */
static PyObject *
lookup_froms(orm_state *st, orm_node *n)
{
    PyObject *list = NULL;
    orm_node *part = NULL;
    Py_ssize_t i;
    int rc = 0;

    if (n->kind != ORM_N_SELECT) {
        list = PyList_New(0);
        return list != NULL && PyList_Append(list, (PyObject *)n->args[ORM_DML_TABLE]) < 0
                   ? (Py_DECREF(list), NULL)
                   : list;
    }
    list = orm_column_froms(st, n);
    part = n->args[ORM_SEL_FROM];
    for (i = 0; list != NULL && rc == 0 && part != NULL && i < part->ob_base.ob_size; i++) {
        orm_node *f = part->args[i];

        while (rc == 0 && f->kind == ORM_N_JOIN) {
            rc = add_unique(list, f->args[1]);
            f = f->args[0];
        }
        rc = rc == 0 ? add_unique(list, f) : rc;
    }
    part = n->args[ORM_SEL_JOINS];
    for (i = 0; list != NULL && rc == 0 && part != NULL && i < part->ob_base.ob_size; i++) {
        rc = add_unique(list, part->args[i]->args[1]);
    }
    if (rc < 0) {
        Py_CLEAR(list);
    }
    return list;
}

/* The object that gives `key` its meaning in a FROM: 1 with a new ref, 0, -1. */
static int
lookup_in(orm_state *st, orm_node *from, PyObject *key, PyObject **out)
{
    PyObject *shown = NULL;
    PyObject *coll = NULL;
    int rc = 0;

    *out = NULL;
    if (from->kind == ORM_N_ENTITY) {
        shown = orm_node_wrap(st, from);
        rc = shown == NULL ? -1 : PyObject_GetOptionalAttr(shown, key, out);
        Py_XDECREF(shown);
        return rc;
    }
    coll = orm_from_columns(st, from);
    if (coll == NULL) {
        return -1;
    }
    *out = Py_XNewRef(orm_collection_get(coll, key));
    rc = *out != NULL ? 1 : PyErr_Occurred() ? -1 : 0;
    Py_DECREF(coll);
    return rc;
}

/* The column called `key`. New ref; AmbiguousColumnError, InvalidRequestError. */
static PyObject *
lookup_key(orm_state *st, PyObject *froms, PyObject *key)
{
    PyObject *found = NULL;
    Py_ssize_t i;

    for (i = 0; i < PyList_GET_SIZE(froms); i++) {
        PyObject *c = NULL;
        int rc = lookup_in(st, (orm_node *)PyList_GET_ITEM(froms, i), key, &c);

        if (rc < 0 || (rc > 0 && found != NULL)) {
            if (rc > 0) {
                orm_raise_exc(st, ORM_EXC_AmbiguousColumnError,
                              "Attribute name '%U' is ambiguous; it exists in multiple FROM "
                              "clause entities. Use filter() with explicit column references "
                              "instead of filter_by().",
                              key);
            }
            Py_XDECREF(found);
            Py_XDECREF(c);
            return NULL;
        }
        if (rc > 0) {
            found = c;
        }
    }
    if (found == NULL) {
        PyObject *where = PyList_GET_SIZE(froms) == 0
                              ? PyUnicode_FromString("")
                              : orm_from_describe(st, (orm_node *)PyList_GET_ITEM(froms, 0));

        if (where != NULL) {
            orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                          "None of the FROM clause entities have a property '%U'. Searched "
                          "entities: %U",
                          key, where);
            Py_DECREF(where);
        }
    }
    return found;
}

PyObject *
orm_m_filter_by(PyObject *self, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_expr_state(self);
    PyObject *froms = NULL;
    PyObject *criteria = NULL;
    PyObject *key = NULL;
    PyObject *value = NULL;
    PyObject *out = NULL;
    Py_ssize_t pos = 0;

    if (st == NULL || PyTuple_GET_SIZE(args) > 0) {
        if (st != NULL) {
            PyErr_SetString(PyExc_TypeError, "filter_by() takes keywords only");
        }
        return NULL;
    }
    if (kwargs == NULL) {
        return Py_NewRef(self);
    }
    froms = lookup_froms(st, SELF);
    criteria = froms == NULL ? NULL : PyList_New(0);
    while (criteria != NULL && PyDict_Next(kwargs, &pos, &key, &value)) {
        PyObject *column = lookup_key(st, froms, key);
        PyObject *eq = column == NULL ? NULL : PyObject_RichCompare(column, value, Py_EQ);

        if (eq == NULL || PyList_Append(criteria, eq) < 0) {
            Py_CLEAR(criteria);
        }
        Py_XDECREF(column);
        Py_XDECREF(eq);
    }
    if (criteria != NULL) {
        out = orm_m_where(self, ((PyListObject *)criteria)->ob_item, PyList_GET_SIZE(criteria));
    }
    Py_XDECREF(froms);
    Py_XDECREF(criteria);
    return out;
}

/* reduce_columns(only_synonyms=True): what a definition says decides, so Python does it. */
PyObject *
orm_m_reduce_columns(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "reduce_columns", .names = {"only_synonyms"}, .count = 1, .npositional = 1};
    PyObject *out[1], *module, *reduced;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    module = PyImport_ImportModule("pyorm.sql.reduce");
    if (module == NULL) {
        return NULL;
    }
    reduced = PyObject_CallMethod(module, "reduce_columns", "OO", self, out[0] == NULL ? Py_True : out[0]);
    Py_DECREF(module);
    return reduced;
}

/* ---- looking at a SELECT ------------------------------------------------------------------------------------ */
static PyObject *
get_selected_columns(PyObject *self, void *closure)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : orm_stmt_columns(st, SELF);
    PyObject *coll = list == NULL ? NULL : orm_collection_new(st);
    Py_ssize_t i;

    (void)closure;
    for (i = 0; coll != NULL && i < PyList_GET_SIZE(list); i++) {
        orm_node *n = (orm_node *)PyList_GET_ITEM(list, i);
        PyObject *key = NULL;
        PyObject *o = NULL;

        if (n->kind == ORM_N_TEXTSTMT) {
            continue; /* text() may be anything, several columns too */
        }
        key = orm_node_key(st, n);
        if (!PyErr_Occurred()) {
            Py_XSETREF(key, orm_free_key(coll, key != NULL ? key : st->s_no_label));
            o = key == NULL ? NULL : orm_node_wrap(st, n);
        }
        if (o == NULL || orm_collection_add(st, coll, key, o) < 0) {
            Py_CLEAR(coll);
        }
        Py_XDECREF(key);
        Py_XDECREF(o);
    }
    Py_XDECREF(list);
    return coll;
}

static PyObject *
get_slot(PyObject *self, void *closure)
{
    orm_node *n = SELF->args[(Py_ssize_t)(intptr_t)closure];

    return n == NULL ? Py_NewRef(Py_None) : orm_node_wrap(orm_expr_state(self), n);
}

/* A list of wrapped nodes, from a list of nodes (consumed). */
static PyObject *
wrap_list(orm_state *st, PyObject *list)
{
    PyObject *out = list == NULL ? NULL : PyList_New(0);
    Py_ssize_t i;

    for (i = 0; out != NULL && i < PyList_GET_SIZE(list); i++) {
        PyObject *o = orm_node_wrap(st, (orm_node *)PyList_GET_ITEM(list, i));

        if (o == NULL || PyList_Append(out, o) < 0) {
            Py_CLEAR(out);
        }
        Py_XDECREF(o);
    }
    Py_XDECREF(list);
    return out;
}

static PyObject *
get_columns_clause_froms(PyObject *self, void *closure)
{
    orm_state *st = orm_expr_state(self);

    (void)closure;
    return st == NULL || SELF->kind != ORM_N_SELECT ? PyList_New(0)
                                                    : wrap_list(st, orm_column_froms(st, SELF));
}

/* The first entity that an expression speaks of, outside of its subqueries; or NULL. */
static orm_node *
entity_in(orm_node *n)
{
    while (n != NULL && n->kind != ORM_N_ENTITY) {
        Py_ssize_t i;
        Py_ssize_t end = orm_node_children(n, &i);
        orm_node *next = n->kind == ORM_N_ATTR ? n->args[0] : NULL;

        if (orm_kind_is_stmt(n->kind)) {
            return NULL;
        }
        for (; next == NULL && i < end; i++) {
            next = n->args[i] != NULL && n->args[i]->flags & ORM_F_ORM ? n->args[i] : NULL;
        }
        n = next;
    }
    return n;
}

/* The class that an alias stands for. New reference. */
static PyObject *
class_of_alias(orm_state *st, PyObject *alias)
{
    PyObject *insp = PyObject_GetAttr(alias, st->s_aliased_insp);
    PyObject *cls = insp == NULL ? NULL : PyObject_GetAttrString(insp, "class_");

    Py_XDECREF(insp);
    return cls;
}

/* One entry of column_descriptions. */
static PyObject *
describe_column(orm_state *st, orm_node *n)
{
    PyObject *expr = orm_node_wrap(st, n);
    orm_node *entity = n->flags & ORM_F_ORM ? entity_in(n) : NULL;
    PyObject *owner = entity == NULL ? NULL : orm_node_wrap(st, entity);
    PyObject *name = NULL;
    PyObject *type = NULL;
    PyObject *out = NULL;

    if (expr == NULL || (entity != NULL && owner == NULL)) {
        goto done;
    }
    if (n->kind == ORM_N_ENTITY) {
        name = PyObject_GetAttrString(owner, "__name__");
        if (name == NULL) {
            PyErr_Clear();
            name = Py_NewRef(Py_None);
        }
        type = entity->aux & ORM_ENTITY_ALIASED ? class_of_alias(st, owner) : Py_NewRef(owner);
    }
    else {
        orm_type *t = orm_node_type(st, n);

        name = orm_node_key(st, n);
        name = name == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : name;
        type = t == NULL ? NULL : Py_NewRef(t->engine);
    }
    if (name == NULL || type == NULL) {
        goto done;
    }
    if (owner == NULL) {
        out = Py_BuildValue("{sOsOsO}", "name", name, "type", type, "expr", expr);
    }
    else {
        out = Py_BuildValue("{sOsOsOsOsO}", "name", name, "type", type, "aliased",
                            entity->aux & ORM_ENTITY_ALIASED ? Py_True : Py_False, "expr", expr,
                            "entity", owner);
    }
done:
    Py_XDECREF(expr);
    Py_XDECREF(owner);
    Py_XDECREF(name);
    Py_XDECREF(type);
    return out;
}

PyObject *
orm_get_column_descriptions(PyObject *self, void *closure)
{
    orm_state *st = orm_expr_state(self);
    orm_node *s = SELF;
    orm_node *cols = NULL;
    PyObject *out = PyList_New(0);
    Py_ssize_t i;

    (void)closure;
    while (s->kind == ORM_N_COMPOUND) {
        s = s->args[ORM_SEL_COLS]->args[0];
    }
    cols = s->kind == ORM_N_SELECT     ? s->args[ORM_SEL_COLS]
           : s->kind == ORM_N_FROMSTMT ? s->args[ORM_FS_COLS]
                                       : NULL;
    for (i = 0; out != NULL && cols != NULL && i < cols->ob_base.ob_size; i++) {
        PyObject *d = describe_column(st, cols->args[i]);

        if (d == NULL || PyList_Append(out, d) < 0) {
            Py_CLEAR(out);
        }
        Py_XDECREF(d);
    }
    return out;
}

static PyObject *
get_inner_columns(PyObject *self, void *closure)
{
    orm_state *st = orm_expr_state(self);

    (void)closure;
    return st == NULL ? NULL : wrap_list(st, orm_stmt_columns(st, SELF));
}

static PyObject *
get_selects(PyObject *self, void *closure)
{
    orm_node *list = SELF->args[ORM_SEL_COLS];
    PyObject *out = NULL;
    Py_ssize_t i;

    (void)closure;
    if (SELF->kind != ORM_N_COMPOUND) {
        PyErr_SetString(PyExc_AttributeError, "selects");
        return NULL;
    }
    out = PyList_New(list->ob_base.ob_size);
    for (i = 0; out != NULL && i < list->ob_base.ob_size; i++) {
        PyList_SET_ITEM(out, i, Py_NewRef((PyObject *)list->args[i]));
    }
    return out;
}

static PyObject *
get_true(PyObject *self, void *closure)
{
    (void)self;
    (void)closure;
    Py_RETURN_TRUE;
}

#define SLOT(i) ((void *)(intptr_t)(i))
PyGetSetDef orm_select_getset[] = {
    {"selected_columns", get_selected_columns, NULL, "The expressions of the column list by key.", NULL},
    {"exported_columns", get_selected_columns, NULL, "The expressions of the column list by key.", NULL},
    {"inner_columns", get_inner_columns, NULL, "The expressions of the column list.", NULL},
    {"columns_clause_froms", get_columns_clause_froms, NULL, "The FROMs that the column list names.", NULL},
    {"column_descriptions", orm_get_column_descriptions, NULL, "What the column list holds, as dictionaries.", NULL},
    {"whereclause", get_slot, NULL, "The WHERE criterion, or None.", SLOT(ORM_SEL_WHERE)},
    {"_limit_clause", get_slot, NULL, "LIMIT, or None.", SLOT(ORM_SEL_LIMIT)},
    {"_offset_clause", get_slot, NULL, "OFFSET, or None.", SLOT(ORM_SEL_OFFSET)},
    {"_for_update_arg", get_slot, NULL, "FOR UPDATE, or None.", SLOT(ORM_SEL_LOCK)},
    {"selects", get_selects, NULL, "The statements of a set operation.", NULL},
    {"is_select", get_true, NULL, "True.", NULL},
    {"is_selectable", get_true, NULL, "True.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef use_functions[] = {
    {"exists", ORM_METHOD(f_exists), METH_FASTCALL, "exists($module, statement=None, /)\n--\n\nEXISTS."},
    {NULL, NULL, 0, NULL},
};

int
orm_select_use_setup(PyObject *module, orm_state *st)
{
    (void)st;
    return PyModule_AddFunctions(module, use_functions);
}
