/*
 * stmt.c - what all statements share: copies, the side record, options, prefixes, CTEs.
 *
 * Place: under select.c, dml.c and text.c. A generative method copies the slot array, puts
 *   one slot and seals; nothing is ever changed in place, whatever the reference count: a
 *   bound method kept in a variable has a count of one too.
 * Side record: what belongs to a statement and not to its key: execution options, late
 *   parameters, and the memo of its compiled form. It is never shared between statements.
 */
#include "sql_int.h"

#include <string.h>

/* ---- the side record ------------------------------------------------------------------------ */
static int
side_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_side *s = (orm_side *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(s->options);
    Py_VISIT(s->params);
    Py_VISIT(s->late);
    Py_VISIT(s->compiled);
    return 0;
}

static int
side_clear(PyObject *self)
{
    orm_side *s = (orm_side *)self;

    Py_CLEAR(s->options);
    Py_CLEAR(s->params);
    Py_CLEAR(s->late);
    Py_CLEAR(s->compiled);
    return 0;
}

static void
side_dealloc(PyObject *self)
{
    PyTypeObject *tp = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    (void)side_clear(self);
    tp->tp_free(self);
    Py_DECREF(tp);
}

static PyType_Slot side_slots[] = {
    {Py_tp_traverse, side_traverse},
    {Py_tp_clear, side_clear},
    {Py_tp_dealloc, side_dealloc},
    {0, NULL},
};

static PyType_Spec side_spec = {
    .name = "pyorm._core.StatementSide",
    .basicsize = sizeof(orm_side),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = side_slots,
};

orm_side *
orm_side_of(orm_state *st, orm_node *stmt, int make)
{
    if (stmt->payload == NULL && make) {
        stmt->payload = st->StatementSide->tp_alloc(st->StatementSide, 0);
    }
    return (orm_side *)stmt->payload;
}

/* ---- copies ----------------------------------------------------------------------------------- */
orm_node *
orm_stmt_copy(orm_state *st, orm_node *n)
{
    Py_ssize_t nargs = orm_node_used(n);
    orm_node *c = orm_node_new(st, Py_TYPE(n), (orm_kind)n->kind, n->ob_base.ob_size);
    orm_side *old = (orm_side *)n->payload;
    Py_ssize_t i;

    if (c == NULL) {
        return NULL;
    }
    c->op = n->op;
    c->aux = n->aux;
    c->type = (orm_type *)Py_XNewRef((PyObject *)n->type);
    for (i = 0; i < nargs; i++) {
        c->args[i] = (orm_node *)Py_XNewRef((PyObject *)n->args[i]);
    }
    if (old != NULL && (old->options != NULL || old->params != NULL)) {
        orm_side *side = orm_side_of(st, c, 1);

        if (side == NULL) {
            Py_DECREF(c);
            return NULL;
        }
        side->options = Py_XNewRef(old->options);
        side->params = Py_XNewRef(old->params);
        if (side->params != NULL) {
            c->flags |= ORM_F_LATE;
        }
    }
    return c;
}

PyObject *
orm_stmt_with(orm_state *st, orm_node *n, int slot, orm_node *value)
{
    orm_node *c = NULL;

    if (value == NULL && PyErr_Occurred()) {
        return NULL;
    }
    c = orm_stmt_copy(st, n);
    if (c == NULL) {
        Py_XDECREF(value);
        return NULL;
    }
    Py_XSETREF(c->args[slot], value);
    orm_stmt_seal_slot(c, n, slot);
    return (PyObject *)c;
}

PyObject *
orm_stmt_with_aux(orm_state *st, orm_node *n, uint32_t aux)
{
    orm_node *c = orm_stmt_copy(st, n);

    if (c != NULL) {
        c->aux = aux;
        (void)orm_node_seal(st, c);
    }
    return (PyObject *)c;
}

/* The LIST in `slot` with more items; `list` is a new reference and consumed. */
PyObject *
orm_stmt_append(orm_state *st, orm_node *n, int slot, PyObject *list)
{
    orm_node *value = list == NULL ? NULL : orm_list_extend(st, n->args[slot], ORM_OP_COMMA, list);

    Py_XDECREF(list);
    return value == NULL ? NULL : orm_stmt_with(st, n, slot, value);
}

/* ---- methods that only touch the side record ----------------------------------------------------- */

/* A new dict: old's items, then `more`'s. */
static PyObject *
merged(PyObject *old, PyObject *more)
{
    PyObject *out = old == NULL ? PyDict_New() : PyDict_Copy(old);

    if (out != NULL && more != NULL && PyDict_Update(out, more) < 0) {
        Py_CLEAR(out);
    }
    return out;
}

static PyObject *
with_side(PyObject *self, PyObject *more, int params)
{
    orm_state *st = orm_expr_state(self);
    orm_node *c = st == NULL ? NULL : orm_stmt_copy(st, (orm_node *)self);
    orm_side *side = c == NULL ? NULL : orm_side_of(st, c, 1);
    PyObject **field = NULL;

    if (side == NULL) {
        Py_XDECREF(c);
        return NULL;
    }
    field = params ? &side->params : &side->options;
    Py_XSETREF(*field, merged(*field, more));
    if (*field == NULL) {
        Py_DECREF(c);
        return NULL;
    }
    if (params) {
        c->flags |= ORM_F_LATE;
    }
    (void)orm_node_seal(st, c);
    return (PyObject *)c;
}

static bool
may_have_side(const orm_node *n)
{
    return n->kind >= ORM_N_SELECT && n->kind <= ORM_N_TEXTSTMT;
}

/* Collect the params() of the statements at and below a node, the outer ones first: a name that
 * is there already stays. `seen` holds the nodes passed, since parts of a tree are shared. 0/-1. */
static int
collect_late(orm_state *st, orm_node *n, PyObject *into, PyObject *seen)
{
    orm_side *side = may_have_side(n) ? orm_side_of(st, n, 0) : NULL;
    PyObject *address = PyLong_FromVoidPtr(n);
    int known = address == NULL ? -1 : PySet_Contains(seen, address);
    Py_ssize_t i, end;

    if (known == 0 && PySet_Add(seen, address) < 0) {
        known = -1;
    }
    Py_XDECREF(address);
    if (known != 0) {
        return known < 0 ? -1 : 0;
    }
    if (side != NULL && side->params != NULL && PyDict_Merge(into, side->params, 0) < 0) {
        return -1;
    }
    for (end = orm_node_children(n, &i); i < end; i++) {
        if (n->args[i] != NULL && (n->args[i]->flags & ORM_F_LATE)
            && collect_late(st, n->args[i], into, seen) < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_stmt_late_params(orm_state *st, orm_node *stmt, PyObject **params)
{
    orm_side *side = may_have_side(stmt) ? orm_side_of(st, stmt, (stmt->flags & ORM_F_LATE) != 0) : NULL;
    PyObject *into, *seen;
    int rc;

    *params = NULL;
    if (!(stmt->flags & ORM_F_LATE)) {
        return 0;
    }
    if (side == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    if (side->late == NULL) {
        into = PyDict_New();
        seen = PySet_New(NULL);
        rc = into == NULL || seen == NULL ? -1 : collect_late(st, stmt, into, seen);
        Py_XDECREF(seen);
        if (rc < 0) {
            Py_XDECREF(into);
            return -1;
        }
        Py_XSETREF(side->late, into);
    }
    *params = side->late;
    return 0;
}

int
orm_stmt_extras(orm_state *st, orm_node *stmt, PyObject **options, PyObject **params)
{
    orm_side *side = may_have_side(stmt) ? orm_side_of(st, stmt, 0) : NULL;

    *options = side == NULL ? NULL : side->options;
    return orm_stmt_late_params(st, stmt, params);
}

PyObject *
orm_m_execution_options(PyObject *self, PyObject *args, PyObject *kwargs)
{
    if (PyTuple_GET_SIZE(args) > 0) {
        PyErr_SetString(PyExc_TypeError, "execution_options() takes keywords only");
        return NULL;
    }
    return with_side(self, kwargs, 0);
}

PyObject *
orm_m_get_execution_options(PyObject *self, PyObject *none)
{
    orm_side *side = (orm_side *)((orm_node *)self)->payload;

    (void)none;
    return merged(side == NULL ? NULL : side->options, NULL);
}

PyObject *
orm_m_params(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *more = NULL;
    PyObject *out = NULL;
    uint8_t kind = ((orm_node *)self)->kind;

    if (kind == ORM_N_INSERT || kind == ORM_N_UPDATE || kind == ORM_N_DELETE) {
        PyErr_SetString(PyExc_NotImplementedError,
                        "params() is not supported for INSERT/UPDATE/DELETE statements. To set the values "
                        "for an INSERT or UPDATE statement, use stmt.values(**parameters).");
        return NULL;
    }
    if (PyTuple_GET_SIZE(args) > 1
        || (PyTuple_GET_SIZE(args) == 1 && !PyDict_Check(PyTuple_GET_ITEM(args, 0)))) {
        PyErr_SetString(PyExc_TypeError, "params() takes zero or one positional dictionary");
        return NULL;
    }
    more = merged(PyTuple_GET_SIZE(args) == 1 ? PyTuple_GET_ITEM(args, 0) : NULL, kwargs);
    out = more == NULL ? NULL : with_side(self, more, 1);
    Py_XDECREF(more);
    return out;
}

/* ---- options, prefixes, hints, CTEs ---------------------------------------------------------------- */
static int
options_slot(const orm_node *n)
{
    if (n->kind == ORM_N_FROMSTMT) {
        return ORM_FS_OPTIONS;
    }
    return n->kind == ORM_N_SELECT || n->kind == ORM_N_COMPOUND ? ORM_SEL_OPTIONS : ORM_DML_OPTIONS;
}

PyObject *
orm_m_options(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : PyList_New(0);
    Py_ssize_t i;

    for (i = 0; list != NULL && i < nargs; i++) {
        orm_node *n = orm_option_new(st, args[i]);

        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    return list == NULL ? NULL
                        : orm_stmt_append(st, (orm_node *)self, options_slot((orm_node *)self), list);
}

/* An option of the program's own counts for the loads that the statement starts. 1 / 0 / -1. */
static int
propagates_to_loaders(PyObject *option)
{
    PyObject *flag = NULL;
    PyObject *name = PyUnicode_FromString("propagate_to_loaders");
    int rc = name == NULL ? -1 : PyObject_GetOptionalAttr(option, name, &flag);

    if (rc > 0) {
        rc = PyObject_IsTrue(flag);
    }
    Py_XDECREF(flag);
    Py_XDECREF(name);
    return rc;
}

orm_node *
orm_option_new(orm_state *st, PyObject *option)
{
    const orm_sql_orm_ops *ops = orm_sql_get_orm_ops(st);
    bool is_option = false;
    int propagates;
    orm_node *made = ops == NULL ? NULL : ops->make_option(st, option, &is_option);

    if (is_option) {
        return made;
    }
    if (PyUnicode_Check(option) || PyLong_Check(option) || option == Py_None) {
        orm_raise_exc(st, ORM_EXC_ArgumentError, "ExecutableOption Core element expected, got %R.",
                      option);
        return NULL;
    }
    propagates = propagates_to_loaders(option);
    return propagates < 0 ? NULL
                          : orm_node_make(st, ORM_N_OPTION, ORM_OP_NONE, NULL, option,
                                          (uint32_t)propagates, 0, NULL);
}

/* Text of a prefix or hint, or an expression: a node. */
static orm_node *
text_or_element(orm_state *st, PyObject *o)
{
    orm_node *n = NULL;
    PyObject *text = NULL;

    if (!PyUnicode_Check(o)) {
        return orm_coerce_value(st, o, NULL);
    }
    text = PyUnicode_FromObject(o);
    if (text != NULL) {
        n = orm_node_make(st, ORM_N_TEXT, ORM_OP_NONE, orm_type_builtin(st, ORM_T_NULL), text, 0, 0,
                          NULL);
        Py_DECREF(text);
    }
    return n;
}

/* dialect="*" means every dialect: no name in the node. */
static PyObject *
dialect_name(PyObject *o)
{
    return o == NULL || o == Py_None || (PyUnicode_Check(o) && orm_unicode_equals_ascii(o, "*"))
               ? NULL
               : o;
}

/* prefix_with(*words, dialect="*"): a new list of PREFIX nodes. */
PyObject *
orm_prefix_list(orm_state *st, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "prefix_with", .names = {"dialect"}, .count = 1};
    PyObject *list = PyList_New(0);
    PyObject *out[1];
    Py_ssize_t i;

    if (list == NULL || orm_args_parse(&spec, args + nargs, 0, kwnames, out) < 0) {
        Py_XDECREF(list);
        return NULL;
    }
    for (i = 0; list != NULL && i < nargs; i++) {
        orm_node *text = text_or_element(st, args[i]);
        orm_node *n = text == NULL ? NULL
                                   : orm_node_make(st, ORM_N_PREFIX, ORM_OP_NONE, NULL,
                                                   dialect_name(out[0]), 0, 1, &text);

        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(text);
        Py_XDECREF(n);
    }
    return list;
}

PyObject *
orm_stmt_prefixes(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                  int slot)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : orm_prefix_list(st, args, nargs, kwnames);

    return list == NULL ? NULL : orm_stmt_append(st, (orm_node *)self, slot, list);
}

PyObject *
orm_stmt_hint(PyObject *self, PyObject *selectable, PyObject *text, PyObject *dialect, int slot)
{
    orm_state *st = orm_expr_state(self);
    orm_node *pair[2] = {NULL, NULL};
    PyObject *list = NULL;
    orm_node *n = NULL;

    if (st == NULL) {
        return NULL;
    }
    if (selectable != NULL) {
        pair[0] = orm_coerce_from(st, selectable);
        if (pair[0] == NULL) {
            return NULL;
        }
    }
    pair[1] = text_or_element(st, text);
    if (pair[1] != NULL) {
        n = orm_node_make(st, ORM_N_HINT, ORM_OP_NONE, NULL, dialect_name(dialect), 0, 2, pair);
    }
    list = n == NULL ? NULL : PyList_New(0);
    if (list != NULL && PyList_Append(list, (PyObject *)n) < 0) {
        Py_CLEAR(list);
    }
    Py_XDECREF(pair[0]);
    Py_XDECREF(pair[1]);
    Py_XDECREF(n);
    return list == NULL ? NULL : orm_stmt_append(st, (orm_node *)self, slot, list);
}

PyObject *
orm_stmt_add_cte(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, int slot)
{
    static const orm_args_spec spec = {.fname = "add_cte", .names = {"nest_here"}, .count = 1};
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : PyList_New(0);
    PyObject *out[1];
    PyObject *result = NULL;
    orm_node *value = NULL;
    int nest;
    Py_ssize_t i;

    if (list == NULL || orm_args_parse(&spec, args + nargs, 0, kwnames, out) < 0) {
        goto done;
    }
    nest = orm_arg_bool(out[0], 0);
    if (nest < 0) {
        goto done;
    }
    for (i = 0; i < nargs; i++) {
        if (!Py_IS_TYPE(args[i], st->CTE)) {
            orm_raise_exc(st, ORM_EXC_ArgumentError, "add_cte() takes CTEs, got %R", args[i]);
            goto done;
        }
        if (PyList_Append(list, args[i]) < 0) {
            goto done;
        }
    }
    value = orm_list_extend(st, ((orm_node *)self)->args[slot], ORM_OP_COMMA, list);
    if (value != NULL && nest) {
        Py_SETREF(value, orm_node_make(st, ORM_N_LIST, ORM_OP_COMMA, NULL, NULL, 1,
                                       value->ob_base.ob_size, value->args));
    }
    if (value != NULL) {
        result = orm_stmt_with(st, (orm_node *)self, slot, value);
    }
done:
    Py_XDECREF(list);
    return result;
}

/* cte(name=None, recursive=False, nesting=False, materialized=None) */
PyObject *
orm_m_cte(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "cte",
                                       .names = {"name", "recursive", "nesting", "materialized"},
                                       .count = 4,
                                       .npositional = 3};
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *out[4];
    int recursive, nesting;
    uint32_t aux;

    if (n == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    recursive = orm_arg_bool(out[1], 0);
    nesting = orm_arg_bool(out[2], 0);
    if (recursive < 0 || nesting < 0) {
        return NULL;
    }
    aux = (recursive ? ORM_CTE_RECURSIVE : 0) | (nesting ? ORM_CTE_NESTING : 0);
    if (out[3] != NULL && out[3] != Py_None) {
        aux |= PyObject_IsTrue(out[3]) ? ORM_CTE_MATERIALIZED : ORM_CTE_NOT_MATERIALIZED;
    }
    return (PyObject *)orm_alias_new(st, ORM_N_CTE, n, out[0] == Py_None ? NULL : out[0], aux);
}

int
orm_side_setup(PyObject *module, orm_state *st)
{
    return orm_type_add(module, st, &side_spec, NULL, &st->StatementSide);
}
