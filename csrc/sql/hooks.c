/*
 * hooks.c - elements that Python renders: @compiles, custom elements, column_expression().
 *
 * Place: from render_expr.c and render_select.c. Only on a compile miss, never per
 *   execution.
 * A hook gets the element and a compiler object whose process() renders what is inside.
 *   Its text may hold our markers, moved or repeated; any other \x01 is refused.
 * Locking: the GIL; runs Python.
 */
#include "compiler_type.h"

/* --- finding a hook --------------------------------------------------------------------- */

/* The function for a class and database: borrowed; NULL without an exception: none. */
static PyObject *
hook_of_class(orm_cctx *cc, PyObject *cls)
{
    /* borrow-ok: held by the registry */
    PyObject *by_dialect = PyDict_GetItemWithError(cc->st->compiles_hooks, cls);
    PyObject *fn = NULL;

    if (by_dialect == NULL) {
        return NULL;
    }
    if (PyDict_GetItemStringRef(by_dialect, cc->d->name, &fn) == 0) {
        (void)PyDict_GetItemStringRef(by_dialect, "default", &fn);
    }
    Py_XDECREF(fn); /* borrow-ok: held by the registry */
    return fn;
}

static PyObject *
hook_of(orm_cctx *cc, PyTypeObject *tp)
{
    PyObject *mro = tp->tp_mro;

    if (cc->st->compiles_hooks == NULL || mro == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *fn = hook_of_class(cc, PyTuple_GET_ITEM(mro, i));

        if (fn != NULL || PyErr_Occurred()) {
            return fn;
        }
    }
    return NULL;
}

/* --- what a hook returns ---------------------------------------------------------------- */

/* Take over a hook's text, its markers checked. */
static int
put_hook_text(orm_cctx *cc, PyObject *text)
{
    orm_str s;

    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "A compiler function returns str, not %s",
                     Py_TYPE(text)->tp_name);
        return -1;
    }
    if (orm_str_of(text, &s) < 0) {
        return -1;
    }
    for (size_t i = 0; i < s.n; i++) {
        size_t n = 0, start = i + 1;

        if (s.p[i] != ORM_MARK) {
            continue;
        }
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && n <= cc->noccs; i++) {
            n = n * 10 + (size_t)(s.p[i] - '0');
        }
        if (i >= s.n || s.p[i] != ORM_MARK || i == start || n >= cc->noccs) {
            return orm_compile_error(cc,
                                     "A compiler function's text may not hold the character 1.");
        }
    }
    orm_put_str(cc, s);
    return 0;
}

static int
call_hook(orm_cctx *cc, PyObject *fn, PyObject *element)
{
    PyObject *compiler = orm_compiler_of(cc), *text;
    int rc;

    if (compiler == NULL) {
        return -1;
    }
    Py_INCREF(fn);
    text = PyObject_CallFunctionObjArgs(fn, element, compiler, NULL);
    Py_DECREF(fn);
    if (text == NULL) {
        return -1;
    }
    rc = put_hook_text(cc, text);
    Py_DECREF(text);
    return rc;
}

int
orm_hook_render(orm_cctx *cc, const orm_node *n)
{
    PyObject *fn, *element;
    int rc;

    if (cc->plain_node == n) {
        cc->plain_node = NULL;
        return 0;
    }
    fn = hook_of(cc, Py_TYPE(n));
    if (fn == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    element = orm_node_wrap(cc->st, (orm_node *)n);
    if (element == NULL) {
        return -1;
    }
    rc = call_hook(cc, fn, element);
    Py_DECREF(element);
    return rc < 0 ? -1 : 1;
}

/* --- custom elements -------------------------------------------------------------------- */

/* A FunctionElement without a compiler function: name(arguments). */
static int
put_as_function(orm_cctx *cc, const orm_node *n)
{
    PyObject *name = PyObject_GetAttrString(n->payload, "name");
    orm_str s;

    if (orm_keep(cc, name) < 0 || orm_str_of(name, &s) < 0) {
        return -1;
    }
    if (orm_put_name(cc, s, 2) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, '(');
    for (Py_ssize_t i = 0; i < nargs(n); i++) {
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        if (orm_render_against(cc, n->args[i], ORM_OP_COMMA) < 0) {
            return -1;
        }
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

/* The database has no words for this element. Always -1. */
int
orm_unsupported(orm_cctx *cc, const orm_node *n)
{
    PyObject *cls = orm_exc_class(cc->st, ORM_EXC_UnsupportedCompilationError), *error;
    PyObject *element = orm_node_wrap(cc->st, (orm_node *)n);

    error = cls == NULL || element == NULL
                ? NULL : PyObject_CallFunction(cls, "sO", cc->d->name, Py_TYPE(element));
    Py_XDECREF(element);
    if (error != NULL) {
        PyErr_SetObject(cls, error);
        Py_DECREF(error);
    }
    return -1;
}

int
orm_render_custom(orm_cctx *cc, const orm_node *n)
{
    PyObject *fn;

    if (cc->plain_node == n) {
        cc->plain_node = NULL;
        return put_as_function(cc, n);
    }
    fn = hook_of(cc, Py_TYPE(n->payload));
    if (fn != NULL) {
        return call_hook(cc, fn, n->payload);
    }
    if (PyErr_Occurred()) {
        return -1;
    }
    if (n->aux == ORM_CUSTOM_FUNC) {
        return put_as_function(cc, n);
    }
    return orm_unsupported(cc, n);
}

/* --- column_expression() ---------------------------------------------------------------- */

int
orm_render_column_expression(orm_cctx *cc, const orm_node *expr)
{
    PyObject *element, *made;
    orm_node *node = NULL;
    int rc;

    if (expr->type == NULL || !(expr->type->flags & ORM_TF_COLUMN_EXPR) || cc->plain_columns) {
        return orm_render_against(cc, expr, ORM_OP_COMMA);
    }
    element = orm_node_wrap(cc->st, (orm_node *)expr);
    made = element == NULL ? NULL : PyObject_CallMethod(expr->type->engine, "column_expression",
                                                        "O", element);
    Py_XDECREF(element);
    rc = made == NULL ? -1 : orm_coerce_element(cc->st, made, &node);
    Py_XDECREF(made);
    if (rc < 0 || (rc > 0 && orm_keep(cc, (PyObject *)node) < 0)) {
        return -1;
    }
    if (rc == 0) {
        return orm_compile_error(cc, "column_expression() returned no SQL expression.");
    }
    cc->plain_columns = true;
    rc = orm_render_against(cc, node, ORM_OP_COMMA);
    cc->plain_columns = false;
    return rc;
}
