/*
 * select.c - select() and its generative methods; the slots of a SELECT one by one.
 *
 * Place: Select and CompoundSelect share slots and most methods. FROM, correlation and ON
 *   are derived by the renderer; here stands only what the user said, in call order.
 * Invariants: where() chains AND(old, new), so that n calls cost n, and where(a, b) is the
 *   same shape as where(a).where(b).
 * Ownership: methods return a new statement. Locking: the GIL.
 */
#include "sql_int.h"

#define SELF ((orm_node *)self)

/* ---- construction ------------------------------------------------------------------------------- */
/* Joins among the items are what is selected from, as their columns alone do not say how. 0 / -1. */
static int
select_from_joins(orm_state *st, orm_node **select, PyObject *const *cols, Py_ssize_t n)
{
    PyObject *joins = NULL;
    orm_node *made = NULL;

    for (Py_ssize_t i = 0; i < n; i++) {
        if (!PyObject_TypeCheck(cols[i], st->Join)) {
            continue;
        }
        joins = joins == NULL ? PyList_New(0) : joins;
        if (joins == NULL || PyList_Append(joins, cols[i]) < 0) {
            Py_XDECREF(joins);
            Py_CLEAR(*select);
            return -1;
        }
    }
    if (joins == NULL) {
        return 0;
    }
    made = (orm_node *)orm_stmt_append(st, *select, ORM_SEL_FROM, joins); /* takes the list */
    Py_SETREF(*select, made);
    return made == NULL ? -1 : 0;
}

orm_node *
orm_select_new(orm_state *st, PyObject *const *cols, Py_ssize_t n)
{
    orm_node *columns = orm_list_of_columns(st, NULL, cols, n);
    PyObject *list = NULL;
    orm_node *s = NULL;
    Py_ssize_t i;

    if (columns == NULL && !PyErr_Occurred()) {
        list = PyList_New(0);
        for (i = 0; list != NULL && i < n; i++) {
            if (orm_coerce_columns(st, cols[i], list) < 0) {
                Py_CLEAR(list);
            }
        }
        columns = list == NULL ? NULL : orm_list_node(st, ORM_OP_COMMA, NULL, 0, list);
    }
    s = columns == NULL ? NULL : orm_node_new(st, NULL, ORM_N_SELECT, ORM_SEL__COUNT);
    if (s != NULL) {
        s->args[ORM_SEL_COLS] = columns;
        s->used = ORM_SEL_COLS + 1;
        columns = NULL;
        (void)orm_node_seal(st, s);
        (void)select_from_joins(st, &s, cols, n);
    }
    Py_XDECREF(columns);
    Py_XDECREF(list);
    return s;
}

static PyObject *
f_select(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    return (PyObject *)orm_select_new(orm_state_from_module(module), args, nargs);
}

/* union(*selects) and family: one COMPOUND. */
orm_node *
orm_compound_new(orm_state *st, orm_op op, PyObject *first, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *list = PyList_New(0);
    orm_node *s = NULL;
    Py_ssize_t i;

    for (i = first == NULL ? 0 : -1; list != NULL && i < nargs; i++) {
        orm_node *n = orm_coerce_statement(st, i < 0 ? first : args[i], "SELECT construct for "
                                                                        "inclusion in a UNION or "
                                                                        "other set construct");

        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    if (list != NULL && PyList_GET_SIZE(list) == 0) {
        orm_raise_exc(st, ORM_EXC_ArgumentError, "%s() takes at least one SELECT",
                      orm_op_table[op].py);
        Py_CLEAR(list);
    }
    s = list == NULL ? NULL : orm_node_new(st, NULL, ORM_N_COMPOUND, ORM_SEL__COUNT);
    if (s != NULL) {
        s->op = (uint8_t)op;
        s->args[ORM_SEL_COLS] = orm_list_node(st, ORM_OP_COMMA, NULL, 0, list);
        if (s->args[ORM_SEL_COLS] == NULL) {
            Py_CLEAR(s);
        }
        else {
            (void)orm_node_seal(st, s);
        }
    }
    Py_XDECREF(list);
    return s;
}

#define COMPOUND(name, OP)                                                                    \
    static PyObject *f_##name(PyObject *module, PyObject *const *args, Py_ssize_t nargs)      \
    {                                                                                         \
        return (PyObject *)orm_compound_new(orm_state_from_module(module), ORM_OP_##OP, NULL, \
                                            args, nargs);                                     \
    }                                                                                         \
    static PyObject *m_##name(PyObject *self, PyObject *const *args, Py_ssize_t nargs)        \
    {                                                                                         \
        orm_state *st = orm_expr_state(self);                                                 \
        return st == NULL ? NULL                                                              \
                          : (PyObject *)orm_compound_new(st, ORM_OP_##OP, self, args, nargs); \
    }
COMPOUND(union, UNION)
COMPOUND(union_all, UNION_ALL)
COMPOUND(intersect, INTERSECT)
COMPOUND(intersect_all, INTERSECT_ALL)
COMPOUND(except_, EXCEPT)
COMPOUND(except_all, EXCEPT_ALL)
#undef COMPOUND

/* ---- columns --------------------------------------------------------------------------------------- */
static PyObject *
column_list(orm_state *st, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *list = PyList_New(0);
    Py_ssize_t i;

    for (i = 0; list != NULL && i < nargs; i++) {
        if (orm_coerce_columns(st, args[i], list) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *
m_add_columns(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : column_list(st, args, nargs);

    return list == NULL ? NULL : orm_stmt_append(st, SELF, ORM_SEL_COLS, list);
}

static PyObject *
m_column(PyObject *self, PyObject *arg)
{
    return m_add_columns(self, &arg, 1);
}

/* into(name, ...): CreateTableAs(self, name, ...), DDL and so Python's. */
static PyObject *
m_into(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *module = PyImport_ImportModule("pyorm.schema.views"), *cls = NULL, *all = NULL;
    PyObject *result = NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(args);

    cls = module == NULL ? NULL : PyObject_GetAttrString(module, "CreateTableAs");
    all = cls == NULL ? NULL : PyTuple_New(n + 1);
    if (all != NULL) {
        PyTuple_SET_ITEM(all, 0, Py_NewRef(self));
        for (Py_ssize_t i = 0; i < n; i++) {
            PyTuple_SET_ITEM(all, i + 1, Py_NewRef(PyTuple_GET_ITEM(args, i)));
        }
        result = PyObject_Call(cls, all, kwargs);
    }
    Py_XDECREF(all);
    Py_XDECREF(cls);
    Py_XDECREF(module);
    return result;
}

static PyObject *
m_with_only_columns(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "with_only_columns", .names = {"maintain_column_froms"}, .count = 1};
    orm_state *st = orm_expr_state(self);
    PyObject *list = NULL;
    PyObject *out[1];
    orm_node *columns = NULL;
    PyObject *result = NULL;
    PyObject *froms = NULL;
    int keep;

    if (st == NULL || orm_args_parse(&spec, args + nargs, 0, kwnames, out) < 0) {
        return NULL;
    }
    keep = orm_arg_bool(out[0], 0);
    list = keep < 0 ? NULL : column_list(st, args, nargs);
    columns = list == NULL ? NULL : orm_list_node(st, ORM_OP_COMMA, NULL, 0, list);
    Py_XDECREF(list);
    if (columns == NULL) {
        return NULL;
    }
    result = orm_stmt_with(st, SELF, ORM_SEL_COLS, columns);
    if (result != NULL && keep && SELF->args[ORM_SEL_FROM] == NULL) {
        froms = orm_column_froms(st, SELF);
        Py_SETREF(result, froms == NULL ? NULL
                                        : orm_stmt_append(st, (orm_node *)result, ORM_SEL_FROM,
                                                          froms));
    }
    return result;
}

/* ---- criteria ---------------------------------------------------------------------------------------- */
static PyObject *
add_criteria(PyObject *self, PyObject *const *args, Py_ssize_t nargs, int slot)
{
    orm_state *st = orm_expr_state(self);
    orm_node *all = st == NULL ? NULL : (orm_node *)Py_XNewRef((PyObject *)SELF->args[slot]);
    Py_ssize_t i;

    if (st == NULL) {
        return NULL;
    }
    for (i = 0; i < nargs; i++) {
        orm_node *c = orm_coerce_criterion(st, args[i]);
        orm_node *both = c == NULL ? NULL : orm_and(st, all, c);

        Py_XDECREF(c);
        Py_XSETREF(all, both);
        if (all == NULL) {
            return NULL;
        }
    }
    return orm_stmt_with(st, SELF, slot, all);
}

PyObject *
orm_m_where(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return add_criteria(self, args, nargs,
                        SELF->kind == ORM_N_SELECT ? ORM_SEL_WHERE : ORM_DML_WHERE);
}

static PyObject *
m_having(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return add_criteria(self, args, nargs, ORM_SEL_HAVING);
}

/* A mapped class or alias in GROUP BY stands for its columns. 1; 0: it is none; -1. */
static int
group_by_entity(orm_state *st, PyObject *o, PyObject *list)
{
    const orm_sql_orm_ops *ops = orm_sql_get_orm_ops(st);
    orm_node *entity = NULL;
    int rc = ops == NULL ? 0 : ops->coerce_entity(st, o, &entity);

    if (rc > 0 && ops->entity_columns(st, entity, NULL, list) < 0) {
        rc = -1;
    }
    Py_XDECREF(entity);
    return rc;
}

/* ---- GROUP BY, ORDER BY --------------------------------------------------------------------------------- */
static PyObject *
add_order(PyObject *self, PyObject *const *args, Py_ssize_t nargs, int slot)
{
    orm_state *st = orm_expr_state(self);
    orm_node *value = NULL;
    PyObject *list = NULL;
    Py_ssize_t i;

    if (st == NULL) {
        return NULL;
    }
    if (nargs == 1 && args[0] == Py_None) { /* order_by(None) drops what was there */
        return orm_stmt_with(st, SELF, slot, NULL);
    }
    value = orm_list_of_columns(st, SELF->args[slot], args, nargs);
    if (value != NULL || PyErr_Occurred()) {
        return value == NULL ? NULL : orm_stmt_with(st, SELF, slot, value);
    }
    list = PyList_New(0);
    for (i = 0; list != NULL && i < nargs; i++) {
        orm_node *n = NULL;

        if (args[i] == Py_False) {
            continue; /* legacy placeholder for "nothing" */
        }
        if (slot == ORM_SEL_GROUP) {
            int rc = group_by_entity(st, args[i], list);

            if (rc < 0) {
                Py_CLEAR(list);
            }
            if (rc != 0) {
                continue;
            }
        }
        n = orm_coerce_order(st, args[i]);
        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    return list == NULL ? NULL : orm_stmt_append(st, SELF, slot, list);
}

static PyObject *
m_order_by(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return add_order(self, args, nargs, ORM_SEL_ORDER);
}

static PyObject *
m_group_by(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return add_order(self, args, nargs, ORM_SEL_GROUP);
}

/* ---- LIMIT, OFFSET, FETCH ---------------------------------------------------------------------------------- */
static PyObject *
put_limit(PyObject *self, PyObject *o, int slot)
{
    orm_state *st = orm_expr_state(self);

    if (st == NULL) {
        return NULL;
    }
    return orm_stmt_with(st, SELF, slot, o == Py_None ? NULL : orm_coerce_limit(st, o));
}

static PyObject *
m_limit(PyObject *self, PyObject *o)
{
    PyObject *bare = NULL;
    PyObject *out = NULL;

    if (SELF->args[ORM_SEL_FETCH] != NULL) { /* LIMIT replaces FETCH */
        bare = orm_stmt_with(orm_expr_state(self), SELF, ORM_SEL_FETCH, NULL);
        if (bare == NULL) {
            return NULL;
        }
        out = put_limit(bare, o, ORM_SEL_LIMIT);
        Py_DECREF(bare);
        return out;
    }
    return put_limit(self, o, ORM_SEL_LIMIT);
}

static PyObject *
m_offset(PyObject *self, PyObject *o)
{
    return put_limit(self, o, ORM_SEL_OFFSET);
}

static PyObject *
m_fetch(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "fetch",
                                       .names = {"count", "with_ties", "percent"},
                                       .count = 3,
                                       .npositional = 3,
                                       .nrequired = 1};
    orm_state *st = orm_expr_state(self);
    PyObject *out[3];
    orm_node *c = NULL;
    orm_node *count = NULL;
    int ties, percent;

    if (st == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    ties = orm_arg_bool(out[1], 0);
    percent = orm_arg_bool(out[2], 0);
    if (ties < 0 || percent < 0) {
        return NULL;
    }
    if (out[0] != Py_None) {
        count = orm_coerce_limit(st, out[0]);
        if (count == NULL) {
            return NULL;
        }
    }
    c = orm_stmt_copy(st, SELF);
    if (c == NULL) {
        Py_XDECREF(count);
        return NULL;
    }
    c->aux &= ~(uint32_t)(ORM_SELF_TIES | ORM_SELF_PERCENT);
    c->aux |= (ties ? ORM_SELF_TIES : 0) | (percent ? ORM_SELF_PERCENT : 0);
    Py_CLEAR(c->args[ORM_SEL_LIMIT]);
    Py_XSETREF(c->args[ORM_SEL_FETCH], count);
    (void)orm_node_seal(st, c);
    return (PyObject *)c;
}

/* slice(start, stop): LIMIT stop - start OFFSET start. */
/* Where a slice begins: behind the rows that OFFSET leaves out already. New reference. */
static PyObject *
start_behind(const orm_node *s, PyObject *start)
{
    const orm_node *offset = s->args[ORM_SEL_OFFSET];
    PyObject *first = start == Py_None ? PyLong_FromLong(0) : Py_NewRef(start);

    if (first != NULL && offset != NULL && offset->kind == ORM_N_BIND && offset->payload != NULL
        && PyLong_Check(offset->payload)) {
        Py_SETREF(first, PyNumber_Add((PyObject *)offset->payload, first));
    }
    return first;
}

static PyObject *
m_slice(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *count = NULL;
    PyObject *limited = NULL;
    PyObject *out = NULL;
    PyObject *start = NULL;
    int zero;

    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "slice() takes start and stop");
        return NULL;
    }
    start = start_behind(SELF, args[0]);
    if (start == NULL) {
        return NULL;
    }
    if (args[1] == Py_None) {
        count = Py_NewRef(Py_None);
    }
    else {
        count = args[0] == Py_None ? Py_NewRef(args[1]) : PyNumber_Subtract(args[1], args[0]);
    }
    limited = count == NULL ? NULL : m_limit(self, count);
    Py_XDECREF(count);
    if (limited != NULL) {
        zero = PyLong_Check(start) && PyObject_Not(start);
        out = m_offset(limited, zero ? Py_None : start);
    }
    Py_DECREF(start);
    Py_XDECREF(limited);
    return out;
}

/* ---- FROM ------------------------------------------------------------------------------------------------------- */
static PyObject *
m_select_from(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : PyList_New(0);
    Py_ssize_t i;

    for (i = 0; list != NULL && i < nargs; i++) {
        orm_node *n = orm_coerce_from(st, args[i]);

        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    return list == NULL ? NULL : orm_stmt_append(st, SELF, ORM_SEL_FROM, list);
}

/* ---- DISTINCT, locks, correlation -------------------------------------------------------------------------------- */
static PyObject *
m_distinct(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : PyList_New(0);
    Py_ssize_t i;

    for (i = 0; list != NULL && i < nargs; i++) {
        orm_node *n = orm_coerce_order(st, args[i]);

        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    return list == NULL ? NULL : orm_stmt_append(st, SELF, ORM_SEL_DISTINCT, list);
}

static PyObject *
m_with_for_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "with_for_update",
                                       .names = {"nowait", "read", "of", "skip_locked", "key_share"},
                                       .count = 5};
    orm_state *st = orm_expr_state(self);
    PyObject *out[5];
    PyObject *list = NULL;
    PyObject *fast = NULL;
    orm_node *lock = NULL;
    uint32_t aux = 0;
    Py_ssize_t i;

    if (st == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    aux = (orm_arg_bool(out[0], 0) > 0 ? ORM_LOCK_NOWAIT : 0)
          | (orm_arg_bool(out[1], 0) > 0 ? ORM_LOCK_READ : 0)
          | (orm_arg_bool(out[3], 0) > 0 ? ORM_LOCK_SKIP : 0)
          | (orm_arg_bool(out[4], 0) > 0 ? ORM_LOCK_KEY_SHARE : 0);
    list = PyErr_Occurred() ? NULL : PyList_New(0);
    if (list != NULL && out[2] != NULL && out[2] != Py_None) {
        fast = PyList_Check(out[2]) || PyTuple_Check(out[2]) ? PySequence_Tuple(out[2])
                                                             : PyTuple_Pack(1, out[2]);
        for (i = 0; fast != NULL && i < PyTuple_GET_SIZE(fast); i++) {
            orm_node *n = NULL;
            int rc = orm_coerce_element(st, PyTuple_GET_ITEM(fast, i), &n);

            if (rc == 0) {
                orm_raise_exc(st, ORM_EXC_ArgumentError,
                              "FOR UPDATE OF takes columns and FROM elements, got %R",
                              PyTuple_GET_ITEM(fast, i));
            }
            if (rc <= 0 || PyList_Append(list, (PyObject *)n) < 0) {
                Py_CLEAR(list);
                Py_XDECREF(n);
                break;
            }
            Py_DECREF(n);
        }
        Py_XDECREF(fast);
    }
    if (list != NULL) {
        lock = orm_node_make(st, ORM_N_FORUPDATE, ORM_OP_NONE, NULL, NULL, aux,
                             PyList_GET_SIZE(list),
                             (orm_node *const *)((PyListObject *)list)->ob_item);
        Py_DECREF(list);
    }
    return lock == NULL ? NULL : orm_stmt_with(st, SELF, ORM_SEL_LOCK, lock);
}

static PyObject *
correlate_common(PyObject *self, PyObject *const *args, Py_ssize_t nargs, orm_op op)
{
    orm_state *st = orm_expr_state(self);
    orm_node *old = SELF->args[ORM_SEL_CORRELATE];
    PyObject *list = st == NULL ? NULL : PyList_New(0);
    orm_node *value = NULL;
    Py_ssize_t i;

    if (list == NULL) {
        return NULL;
    }
    for (i = 0; i < nargs; i++) {
        orm_node *n = args[i] == Py_None || args[i] == Py_False ? NULL : orm_coerce_from(st, args[i]);

        if (n == NULL && !PyErr_Occurred()) {
            continue;
        }
        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_XDECREF(n);
            Py_DECREF(list);
            return NULL;
        }
        Py_DECREF(n);
    }
    if (PyList_GET_SIZE(list) == 0 || (old != NULL && old->op != op)) {
        old = NULL;
    }
    value = orm_list_extend(st, old, op, list);
    Py_DECREF(list);
    return value == NULL ? NULL : orm_stmt_with(st, SELF, ORM_SEL_CORRELATE, value);
}

static PyObject *
m_correlate(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return correlate_common(self, args, nargs, ORM_OP_CORRELATE);
}

static PyObject *
m_correlate_except(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return correlate_common(self, args, nargs, ORM_OP_CORRELATE_EXCEPT);
}

/* ---- prefixes, hints, CTEs, label style ------------------------------------------------------------------------------ */
static PyObject *
m_prefix_with(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return orm_stmt_prefixes(self, args, nargs, kwnames, ORM_SEL_PREFIX);
}

static PyObject *
m_suffix_with(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return orm_stmt_prefixes(self, args, nargs, kwnames, ORM_SEL_SUFFIX);
}

static PyObject *
m_with_hint(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "with_hint",
                                       .names = {"selectable", "text", "dialect_name"},
                                       .count = 3,
                                       .npositional = 3,
                                       .nrequired = 2};
    PyObject *out[3];

    return orm_args_parse(&spec, args, nargs, kwnames, out) < 0
               ? NULL
               : orm_stmt_hint(self, out[0], out[1], out[2], ORM_SEL_HINTS);
}

static PyObject *
m_with_statement_hint(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "with_statement_hint",
                                       .names = {"text", "dialect_name"},
                                       .count = 2,
                                       .npositional = 2,
                                       .nrequired = 1};
    PyObject *out[2];

    return orm_args_parse(&spec, args, nargs, kwnames, out) < 0
               ? NULL
               : orm_stmt_hint(self, NULL, out[0], out[1], ORM_SEL_HINTS);
}

static PyObject *
m_add_cte(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return orm_stmt_add_cte(self, args, nargs, kwnames, ORM_SEL_CTES);
}

static PyObject *
m_set_label_style(PyObject *self, PyObject *style)
{
    static const uint8_t map[] = {ORM_LABEL_NONE, ORM_LABEL_TABLENAME, ORM_LABEL_DISAMBIGUATE,
                                  ORM_LABEL_TABLENAME};
    orm_state *st = orm_expr_state(self);
    PyObject *value = NULL;
    long v = -1;

    if (st == NULL || PyObject_GetOptionalAttrString(style, "value", &value) < 0) {
        return NULL;
    }
    v = PyLong_AsLong(value != NULL ? value : style);
    Py_XDECREF(value);
    if (v < 0 || v > 3) {
        PyErr_Clear();
        orm_raise_exc(st, ORM_EXC_ArgumentError, "set_label_style() takes a LABEL_STYLE_* constant, "
                                                 "got %R",
                      style);
        return NULL;
    }
    return orm_stmt_with_aux(st, SELF, (SELF->aux & ~(uint32_t)ORM_SELF_LABELS) | map[v]);
}

/* ext(extension): a custom clause at the end of the statement. */
static PyObject *
m_ext(PyObject *self, PyObject *extension)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, extension);
    PyObject *list = n == NULL ? NULL : PyList_New(0);

    if (list != NULL && PyList_Append(list, (PyObject *)n) < 0) {
        Py_CLEAR(list);
    }
    return list == NULL ? NULL : orm_stmt_append(st, SELF, ORM_SEL_EXT, list);
}

#define FAST(name, fn, doc) {name, ORM_METHOD(fn), METH_FASTCALL, name doc}
#define KW(name, fn, doc) {name, ORM_METHOD(fn), ORM_METH_KW, name doc}
PyMethodDef orm_select_methods[] = {
    FAST("where", orm_m_where, "($self, /, *whereclause)\n--\n\nAdd criteria, joined by AND."),
    FAST("filter", orm_m_where, "($self, /, *criteria)\n--\n\nwhere()."),
    {"filter_by", ORM_METHOD(orm_m_filter_by), METH_VARARGS | METH_KEYWORDS,
     "filter_by($self, **kwargs)\n--\n\nCriteria by column name, looked up in all FROMs."},
    FAST("having", m_having, "($self, /, *having)\n--\n\nAdd HAVING criteria."),
    FAST("order_by", m_order_by, "($self, /, *clauses)\n--\n\nAdd ORDER BY expressions; None drops all."),
    FAST("group_by", m_group_by, "($self, /, *clauses)\n--\n\nAdd GROUP BY expressions; None drops all."),
    {"limit", m_limit, METH_O, "limit($self, limit, /)\n--\n\nLIMIT; None drops it."},
    {"offset", m_offset, METH_O, "offset($self, offset, /)\n--\n\nOFFSET; None drops it."},
    KW("fetch", m_fetch, "($self, count, with_ties=False, percent=False)\n--\n\nFETCH FIRST."),
    FAST("slice", m_slice, "($self, start, stop, /)\n--\n\nLIMIT and OFFSET by positions."),
    FAST("distinct", m_distinct, "($self, /, *expr)\n--\n\nDISTINCT, or DISTINCT ON (expr)."),
    KW("with_for_update", m_with_for_update,
       "($self, *, nowait=False, read=False, of=None, skip_locked=False, key_share=False)\n--\n\nFOR UPDATE."),
    FAST("correlate", m_correlate, "($self, /, *fromclauses)\n--\n\nLeave these FROMs to the enclosing SELECT."),
    FAST("correlate_except", m_correlate_except,
         "($self, /, *fromclauses)\n--\n\nLeave all FROMs but these to the enclosing SELECT."),
    FAST("select_from", m_select_from, "($self, /, *froms)\n--\n\nAdd FROM elements."),
    KW("join", orm_m_join, "($self, target, onclause=None, *, isouter=False, full=False)\n--\n\nJOIN."),
    KW("outerjoin", orm_m_outerjoin, "($self, target, onclause=None, *, full=False)\n--\n\nLEFT OUTER JOIN."),
    KW("join_from", orm_m_join_from,
       "($self, from_, target, onclause=None, *, isouter=False, full=False)\n--\n\nJOIN from a named left side."),
    KW("outerjoin_from", orm_m_outerjoin_from,
       "($self, from_, target, onclause=None, *, full=False)\n--\n\nLEFT OUTER JOIN from a named left side."),
    FAST("add_columns", m_add_columns, "($self, /, *entities)\n--\n\nAdd to the column list."),
    {"from_statement", orm_m_from_statement, METH_O,
     "from_statement($self, statement, /)\n--\n\nThe items from the rows of another statement."},
    {"column", m_column, METH_O, "column($self, column, /)\n--\n\nAdd one column."},
    {"into", ORM_METHOD(m_into), METH_VARARGS | METH_KEYWORDS,
     "into($self, name, *, metadata=None, schema=None, temporary=False, if_not_exists=False)\n--\n\n"
     "CREATE TABLE ... AS this SELECT."},
    KW("with_only_columns", m_with_only_columns,
       "($self, /, *entities, maintain_column_froms=False)\n--\n\nReplace the column list."),
    KW("reduce_columns", orm_m_reduce_columns,
       "($self, only_synonyms=True)\n--\n\nLeave out columns that equal another one."),
    KW("prefix_with", m_prefix_with, "($self, /, *prefixes, dialect='*')\n--\n\nText after SELECT."),
    KW("suffix_with", m_suffix_with, "($self, /, *suffixes, dialect='*')\n--\n\nText after the statement."),
    KW("with_hint", m_with_hint, "($self, selectable, text, dialect_name='*')\n--\n\nA hint for a FROM element."),
    KW("with_statement_hint", m_with_statement_hint, "($self, text, dialect_name='*')\n--\n\nA hint."),
    KW("add_cte", m_add_cte, "($self, /, *ctes, nest_here=False)\n--\n\nAdd CTEs that nothing refers to."),
    {"set_label_style", m_set_label_style, METH_O, "set_label_style($self, style, /)\n--\n\nHow columns are labelled."},
    {"ext", m_ext, METH_O, "ext($self, extension, /)\n--\n\nAdd a syntax extension."},
    {"get_final_froms", orm_m_final_froms, METH_NOARGS,
     "get_final_froms($self)\n--\n\nThe FROM elements that the text will list."},
    FAST("union", m_union, "($self, /, *other)\n--\n\nUNION."),
    FAST("union_all", m_union_all, "($self, /, *other)\n--\n\nUNION ALL."),
    FAST("intersect", m_intersect, "($self, /, *other)\n--\n\nINTERSECT."),
    FAST("intersect_all", m_intersect_all, "($self, /, *other)\n--\n\nINTERSECT ALL."),
    FAST("except_", m_except_, "($self, /, *other)\n--\n\nEXCEPT."),
    FAST("except_all", m_except_all, "($self, /, *other)\n--\n\nEXCEPT ALL."),
    ORM_STMT_METHODS,
    ORM_SELECTABLE_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyMethodDef select_functions[] = {
    FAST("select", f_select, "($module, /, *entities)\n--\n\nA SELECT of columns, tables, entities."),
    FAST("union", f_union, "($module, /, *selects)\n--\n\nUNION."),
    FAST("union_all", f_union_all, "($module, /, *selects)\n--\n\nUNION ALL."),
    FAST("intersect", f_intersect, "($module, /, *selects)\n--\n\nINTERSECT."),
    FAST("intersect_all", f_intersect_all, "($module, /, *selects)\n--\n\nINTERSECT ALL."),
    FAST("except_", f_except_, "($module, /, *selects)\n--\n\nEXCEPT."),
    FAST("except_all", f_except_all, "($module, /, *selects)\n--\n\nEXCEPT ALL."),
    {NULL, NULL, 0, NULL},
};

int
orm_select_setup(PyObject *module, orm_state *st)
{
    (void)st;
    return PyModule_AddFunctions(module, select_functions);
}
