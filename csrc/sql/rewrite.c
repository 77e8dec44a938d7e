/*
 * rewrite.c - marks on columns, and copies of an expression with other columns.
 *
 * Place: Python's configuration of relationships. `remote()` and `foreign()` mark columns of a
 *   join condition; the condition is then read by its columns and comparisons, and copied once
 *   with the placeholders of the relationship in the place of the columns, once per class.
 * A mark is an APPLY without pairs whose aux holds the bits: rendering passes through it, and it
 *   is no part of a key. Marks count for everything below them and add up.
 * orm_node_replace is the same walk for C: `Post.author == user` puts values in the place of columns.
 * Nested SELECTs are one leaf: what stands in them is theirs.
 */
#include "sql_int.h"

typedef struct rewrite {
    orm_state *st;
    PyObject *leaf;       /* borrowed: (column, marks) -> column or None; NULL: copy nothing */
    PyObject *comparison; /* borrowed: (left, marks, right, marks, operator) -> (left, right) or
                             None; or None */
    orm_replace_fn fn;    /* in the place of leaf; NULL: Python is asked */
    void *ctx;            /* of fn */
} rewrite;

static orm_node *rewrite_node(rewrite *r, orm_node *n, uint32_t marks);

static bool
is_mark(const orm_node *n)
{
    return n->kind == ORM_N_APPLY && n->ob_base.ob_size == 1;
}

static bool
is_column(const orm_node *n)
{
    return n->kind == ORM_N_COLUMN || n->kind == ORM_N_COLREF || n->kind == ORM_N_ATTR;
}

/* What is below the marks; adds them to *marks. */
static orm_node *
unmarked(orm_node *n, uint32_t *marks)
{
    while (is_mark(n)) {
        *marks |= n->aux;
        n = n->args[0];
    }
    return n;
}

/* The answer of a callback as a node: `otherwise` for None. New ref. */
static orm_node *
answered(rewrite *r, PyObject *answer, orm_node *otherwise)
{
    if (answer == Py_None) {
        return (orm_node *)Py_NewRef(otherwise);
    }
    return (orm_node *)Py_XNewRef(orm_node_of(r->st, answer));
}

static orm_node *
rewrite_leaf(rewrite *r, orm_node *n, uint32_t marks)
{
    PyObject *column = NULL;
    PyObject *answer = NULL;
    orm_node *out = NULL;

    if (r->fn != NULL) {
        return r->fn(r->st, r->ctx, n);
    }
    column = orm_node_wrap(r->st, n);
    if (column != NULL) {
        answer = PyObject_CallFunction(r->leaf, "OI", column, (unsigned)marks);
    }
    if (answer != NULL) {
        out = answered(r, answer, n);
    }
    Py_XDECREF(column);
    Py_XDECREF(answer);
    return out;
}

/* Ask about both sides at once. 1: left and right are set, 0: nothing was said, -1. */
static int
ask_comparison(rewrite *r, orm_node *n, uint32_t marks, orm_node **left, orm_node **right)
{
    uint32_t lm = marks;
    uint32_t rm = marks;
    orm_node *l = unmarked(n->args[0], &lm);
    orm_node *rn = unmarked(n->args[1], &rm);
    PyObject *a = NULL, *b = NULL, *op = NULL, *answer = NULL;
    int rc = -1;

    if (!is_column(l) || !is_column(rn)) {
        return 0;
    }
    a = orm_node_wrap(r->st, l);
    b = orm_node_wrap(r->st, rn);
    op = orm_operator_object(r->st, (orm_op)n->op, n);
    if (a != NULL && b != NULL && op != NULL) {
        answer = PyObject_CallFunction(r->comparison, "OIOIO", a, (unsigned)lm, b, (unsigned)rm,
                                       op);
    }
    if (answer == Py_None) {
        rc = 0;
    }
    else if (answer != NULL && PyTuple_Check(answer) && PyTuple_GET_SIZE(answer) == 2) {
        *left = answered(r, PyTuple_GET_ITEM(answer, 0), l);
        *right = *left == NULL ? NULL : answered(r, PyTuple_GET_ITEM(answer, 1), rn);
        rc = *right == NULL ? -1 : 1;
        if (rc < 0) {
            Py_CLEAR(*left);
        }
    }
    else if (answer != NULL) {
        PyErr_SetString(PyExc_TypeError, "the comparison's callback returns a pair or None");
    }
    Py_XDECREF(a);
    Py_XDECREF(b);
    Py_XDECREF(op);
    Py_XDECREF(answer);
    return rc;
}

/* A copy of n with these children; consumes them. */
static orm_node *
copy_with_steal(rewrite *r, orm_node *n, orm_node **args)
{
    orm_node *made = orm_node_new(r->st, Py_TYPE(n), (orm_kind)n->kind, n->ob_base.ob_size);
    Py_ssize_t i;

    if (made != NULL) {
        made->op = n->op;
        made->aux = n->aux;
        made->type = (orm_type *)Py_XNewRef(n->type);
        made->payload = Py_XNewRef(n->payload);
    }
    for (i = 0; i < n->ob_base.ob_size; i++) {
        if (made != NULL) {
            made->args[i] = args[i];
        }
        else {
            Py_XDECREF(args[i]);
        }
    }
    if (made != NULL && orm_node_seal(r->st, made) < 0) {
        Py_CLEAR(made);
    }
    return made;
}

/* `x = NULL` becomes `x IS NULL`, whichever side became NULL. New ref, or NULL: it is none. */
static orm_node *
null_test(rewrite *r, const orm_node *n, orm_node *const *args)
{
    bool left = args[0]->kind == ORM_N_NULLVAL;

    if (n->kind != ORM_N_BINARY || (n->op != ORM_OP_EQ && n->op != ORM_OP_NE)
        || left == (args[1]->kind == ORM_N_NULLVAL)) {
        return NULL;
    }
    return orm_binary_new(r->st, n->op == ORM_OP_EQ ? ORM_OP_IS : ORM_OP_IS_NOT,
                          args[left ? 1 : 0], args[left ? 0 : 1], n->type, NULL);
}

static orm_node *
rewrite_children(rewrite *r, orm_node *n, uint32_t marks)
{
    Py_ssize_t size = n->ob_base.ob_size;
    Py_ssize_t first;
    Py_ssize_t end = orm_node_children(n, &first);
    orm_node **args = PyMem_Calloc((size_t)size + 1, sizeof(*args));
    orm_node *made = NULL;
    bool changed = false;
    int rc = args == NULL ? -1 : 0;
    Py_ssize_t i;

    if (args == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (n->kind == ORM_N_BINARY && r->comparison != Py_None && r->fn == NULL) {
        rc = ask_comparison(r, n, marks, &args[0], &args[1]);
    }
    for (i = 0; rc >= 0 && i < size; i++) {
        if (args[i] != NULL || n->args[i] == NULL) {
            changed = changed || args[i] != n->args[i];
            continue;
        }
        args[i] = i < first || i >= end ? (orm_node *)Py_NewRef(n->args[i])
                                        : rewrite_node(r, n->args[i], marks);
        changed = changed || args[i] != n->args[i];
        rc = args[i] == NULL ? -1 : rc;
    }
    if (rc >= 0 && changed && r->fn != NULL) {
        made = null_test(r, n, args);
    }
    if (rc >= 0 && changed && made == NULL && !PyErr_Occurred()) {
        made = copy_with_steal(r, n, args);
    }
    else {
        for (i = 0; i < size; i++) {
            Py_XDECREF(args[i]);
        }
        if (rc >= 0 && !changed) {
            made = (orm_node *)Py_NewRef(n);
        }
    }
    PyMem_Free(args);
    return made;
}

/* A copy of n with other columns, or n itself. New ref. */
static orm_node *
rewrite_node(rewrite *r, orm_node *n, uint32_t marks)
{
    orm_node *out = NULL;

    n = unmarked(n, &marks);
    if (is_column(n)) {
        return rewrite_leaf(r, n, marks);
    }
    if (orm_kind_is_from(n->kind) || orm_kind_is_stmt(n->kind) || n->kind == ORM_N_SCALAR
        || n->kind == ORM_N_EXISTS || n->kind == ORM_N_CUSTOM || n->kind == ORM_N_BIND
        || n->kind == ORM_N_TEXTSTMT || n->kind == ORM_N_OPTION) {
        return (orm_node *)Py_NewRef(n);
    }
    if (Py_EnterRecursiveCall(" in a join condition")) {
        return NULL;
    }
    out = rewrite_children(r, n, marks);
    Py_LeaveRecursiveCall();
    return out;
}

orm_node *
orm_node_replace(orm_state *st, orm_node *n, orm_replace_fn fn, void *ctx)
{
    rewrite r = {.st = st, .comparison = Py_None, .fn = fn, .ctx = ctx};

    return orm_node_check_limits(st, n) < 0 ? NULL : rewrite_node(&r, n, 0);
}

orm_node *
orm_null(orm_state *st)
{
    return orm_single(st, ORM_N_NULLVAL);
}

/* _rewrite(expr, leaf, comparison=None) */
static PyObject *
f_rewrite(PyObject *module, PyObject *args)
{
    orm_state *st = orm_state_from_module(module);
    rewrite r = {.st = st, .comparison = Py_None};
    PyObject *expr = NULL;
    orm_node *n = NULL;
    orm_node *made = NULL;
    PyObject *out = NULL;

    if (!PyArg_ParseTuple(args, "OO|O:_rewrite", &expr, &r.leaf, &r.comparison)) {
        return NULL;
    }
    n = orm_node_of(st, expr);
    if (n != NULL && orm_node_check_limits(st, n) == 0) {
        made = rewrite_node(&r, n, 0);
    }
    if (made != NULL) {
        out = orm_node_wrap(st, made);
        Py_DECREF(made);
    }
    return out;
}

/* _mark(expr, bits) */
static PyObject *
f_mark(PyObject *module, PyObject *args)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *expr = NULL;
    unsigned bits = 0;
    orm_node *n = NULL;

    if (!PyArg_ParseTuple(args, "OI:_mark", &expr, &bits)) {
        return NULL;
    }
    n = orm_node_of(st, expr);
    return n == NULL ? NULL
                     : (PyObject *)orm_node_make(st, ORM_N_APPLY, ORM_OP_NONE, n->type, NULL, bits,
                                                 1, &n);
}

static int
collect(orm_state *st, PyObject *list, orm_node *n, uint32_t marks)
{
    Py_ssize_t i;
    Py_ssize_t end;
    int rc = 0;

    n = unmarked(n, &marks);
    if (is_column(n)) {
        PyObject *column = orm_node_wrap(st, n);
        PyObject *item = column == NULL ? NULL : Py_BuildValue("(OI)", column, (unsigned)marks);

        rc = item == NULL ? -1 : PyList_Append(list, item);
        Py_XDECREF(column);
        Py_XDECREF(item);
        return rc;
    }
    if (orm_kind_is_from(n->kind) || orm_kind_is_stmt(n->kind) || n->kind == ORM_N_SCALAR
        || n->kind == ORM_N_EXISTS) {
        return 0;
    }
    if (Py_EnterRecursiveCall(" in a join condition")) {
        return -1;
    }
    end = orm_node_children(n, &i);
    for (; rc == 0 && i < end; i++) {
        rc = n->args[i] == NULL ? 0 : collect(st, list, n->args[i], marks);
    }
    Py_LeaveRecursiveCall();
    return rc;
}

/* _columns_in(expr): [(column, marks), ...] in the order of the text; nested SELECTs left out. */
static PyObject *
f_columns_in(PyObject *module, PyObject *expr)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *n = orm_node_of(st, expr);
    PyObject *list = n == NULL || orm_node_check_limits(st, n) < 0 ? NULL : PyList_New(0);

    if (list != NULL && collect(st, list, n, 0) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

static int
collect_comparisons(orm_state *st, PyObject *list, orm_node *n, uint32_t marks)
{
    Py_ssize_t i;
    Py_ssize_t end;
    int rc = 0;

    n = unmarked(n, &marks);
    if (is_column(n) || orm_kind_is_from(n->kind) || orm_kind_is_stmt(n->kind)
        || n->kind == ORM_N_SCALAR || n->kind == ORM_N_EXISTS) {
        return 0;
    }
    if (n->kind == ORM_N_BINARY && (orm_op_table[n->op].flags & ORM_OPF_BOOL)) {
        PyObject *op = orm_operator_object(st, (orm_op)n->op, n);
        PyObject *l = PyList_New(0);
        PyObject *r = PyList_New(0);
        PyObject *item = NULL;

        rc = -1;
        if (op != NULL && l != NULL && r != NULL && collect(st, l, n->args[0], marks) == 0
            && collect(st, r, n->args[1], marks) == 0) {
            item = PyTuple_Pack(3, op, l, r);
            rc = item == NULL ? -1 : PyList_Append(list, item);
        }
        Py_XDECREF(op);
        Py_XDECREF(l);
        Py_XDECREF(r);
        Py_XDECREF(item);
    }
    if (rc < 0 || Py_EnterRecursiveCall(" in a join condition")) {
        return -1;
    }
    end = orm_node_children(n, &i);
    for (; rc == 0 && i < end; i++) {
        rc = n->args[i] == NULL ? 0 : collect_comparisons(st, list, n->args[i], marks);
    }
    Py_LeaveRecursiveCall();
    return rc;
}

/* _comparisons(expr): [(operator, [(column, marks), ...] left, [...] right), ...] */
static PyObject *
f_comparisons(PyObject *module, PyObject *expr)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *n = orm_node_of(st, expr);
    PyObject *list = n == NULL || orm_node_check_limits(st, n) < 0 ? NULL : PyList_New(0);

    if (list != NULL && collect_comparisons(st, list, n, 0) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

/* _is_plain(expr): nothing but comparisons of two columns, joined by AND. */
static PyObject *
f_is_plain(PyObject *module, PyObject *expr)
{
    orm_node *n = orm_node_of(orm_state_from_module(module), expr);
    uint32_t marks = 0;
    bool plain = true;

    if (n == NULL) {
        return NULL;
    }
    for (n = unmarked(n, &marks); plain && n != NULL;) {
        orm_node *next = NULL;
        Py_ssize_t i = 0;

        if (n->kind == ORM_N_LIST && n->op == ORM_OP_AND) { /* AND(AND(a, b), c): along the chain */
            i = n->ob_base.ob_size > 0 && n->args[0]->kind == ORM_N_LIST ? 1 : 0;
            next = i == 1 ? n->args[0] : NULL;
        }
        for (; plain && i < (n->kind == ORM_N_LIST ? n->ob_base.ob_size : 1); i++) {
            orm_node *one = n->kind == ORM_N_LIST ? n->args[i] : n;

            plain = one->kind == ORM_N_BINARY && is_column(unmarked(one->args[0], &marks))
                    && is_column(unmarked(one->args[1], &marks))
                    && (n->kind != ORM_N_LIST || n->op == ORM_OP_AND);
        }
        n = next;
    }
    return PyBool_FromLong(plain);
}

/* _has_subquery(expr) */
static PyObject *
f_has_subquery(PyObject *module, PyObject *expr)
{
    orm_node *n = orm_node_of(orm_state_from_module(module), expr);

    return n == NULL ? NULL : PyBool_FromLong(n->flags & ORM_F_SUBQUERY);
}

static PyMethodDef rewrite_functions[] = {
    {"_rewrite", f_rewrite, METH_VARARGS,
     "_rewrite($module, expr, leaf, comparison=None, /)\n--\n\nThe expression with other columns."},
    {"_mark", f_mark, METH_VARARGS,
     "_mark($module, expr, bits, /)\n--\n\nThe expression, its columns marked."},
    {"_columns_in", f_columns_in, METH_O,
     "_columns_in($module, expr, /)\n--\n\nColumns and their marks, outside of SELECTs."},
    {"_comparisons", f_comparisons, METH_O,
     "_comparisons($module, expr, /)\n--\n\nOperator, columns left and right of each comparison."},
    {"_is_plain", f_is_plain, METH_O,
     "_is_plain($module, expr, /)\n--\n\nWhether it is comparisons of columns joined by AND."},
    {"_has_subquery", f_has_subquery, METH_O,
     "_has_subquery($module, expr, /)\n--\n\nWhether a SELECT stands in it."},
    {NULL, NULL, 0, NULL},
};

int
orm_rewrite_setup(PyObject *module, orm_state *st)
{
    (void)st;
    return PyModule_AddFunctions(module, rewrite_functions);
}
