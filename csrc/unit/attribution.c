/*
 * unit/attribution.c - which instances an error is about, and counts that do not agree.
 *
 * After a failed batch the exception carries `.instances` and `.instances_exact`: the one row
 *   that failed where the way over the wire tells; else the rows whose values equal the key
 *   that PostgreSQL's DETAIL names ("Key (a, b)=(1, x) already exists."), compared as the text
 *   of the values, never parsed as SQL; else the whole batch. Nothing is run again to find out.
 */
#include "unit/unit_int.h"

#include <string.h>

/* --- DETAIL ------------------------------------------------------------------------------------- */

/* The text between "Key (" and ")=(" and between that and the last ")": 1 and both borrowed
 * from `detail`, 0: not such a text. Works for translated messages: only the brackets count. */
static int
split_detail(const char *detail, const char **names, size_t *nnames, const char **values,
             size_t *nvalues)
{
    const char *open = detail == NULL ? NULL : strchr(detail, '(');
    const char *middle = open == NULL ? NULL : strstr(open, ")=(");
    const char *close = middle == NULL ? NULL : strrchr(middle, ')');

    if (close == NULL || close < middle + 3) {
        return 0;
    }
    *names = open + 1;
    *nnames = (size_t)(middle - open - 1);
    *values = middle + 3;
    *nvalues = (size_t)(close - middle - 3);
    return 1;
}

/* The columns that a list "a, b" names. Answers how many, 0: one is not of the table. */
static uint32_t
named_columns(const orm_wplan *p, const char *names, size_t n, uint16_t *out)
{
    uint32_t found = 0;

    for (size_t at = 0; at <= n;) {
        const char *comma = memchr(names + at, ',', n - at);
        size_t len = comma == NULL ? n - at : (size_t)(comma - names) - at;
        uint32_t i;

        for (i = 0; i < p->ncols; i++) {
            Py_ssize_t size = 0;
            const char *name = PyUnicode_AsUTF8AndSize(p->cols[i].quoted[ORM_PG], /* utf8-ok: a name */
                                                       &size);

            if (name != NULL && (size_t)size == len && memcmp(name, names + at, len) == 0) {
                break;
            }
        }
        if (i == p->ncols || found == p->ncols) {
            return 0;
        }
        out[found++] = (uint16_t)i;
        at += len + 2; /* ", " */
    }
    return found;
}

/* str() of the values that row i writes into some columns, joined by ", ". NULL: exception. */
static PyObject *
row_text(orm_step *s, uint32_t i, const uint16_t *cols, uint32_t n)
{
    PyObject *parts = PyList_New(0);
    PyObject *comma = PyUnicode_FromString(", ");
    PyObject *text = NULL;

    for (uint32_t c = 0; parts != NULL && comma != NULL && c < n; c++) {
        PyObject *v = NULL;
        PyObject *one = NULL;
        bool null = false;

        for (uint32_t k = 0; v == NULL && k < s->shape->nset; k++) {
            if (s->shape->set[k] == cols[c]) {
                v = orm_written_value(s, i, k, &null);
            }
        }
        one = v == NULL ? NULL : PyObject_Str(v);
        Py_XDECREF(v);
        if (one == NULL || PyList_Append(parts, one) < 0) {
            Py_XDECREF(one);
            Py_CLEAR(parts);
            break;
        }
        Py_DECREF(one);
    }
    if (parts != NULL && comma != NULL) {
        text = PyUnicode_Join(comma, parts);
    }
    Py_XDECREF(parts);
    Py_XDECREF(comma);
    return text;
}

/* Rows of the batch with the values that DETAIL names: a list, empty if none fits. */
static PyObject *
rows_by_detail(orm_step *s, PyObject *detail)
{
    const char *text = PyUnicode_AsUTF8(detail);
    const char *names = NULL;
    const char *values = NULL;
    size_t nnames = 0;
    size_t nvalues = 0;
    uint16_t *cols = orm_arena_array(&s->w->batch, (size_t)s->plan->ncols + 1, sizeof(uint16_t));
    PyObject *wanted = NULL;
    PyObject *list = PyList_New(0);
    uint32_t n;

    if (list == NULL || cols == NULL
        || !split_detail(text, &names, &nnames, &values, &nvalues)) {
        return list;
    }
    n = named_columns(s->plan, names, nnames, cols);
    wanted = PyUnicode_DecodeUTF8(values, (Py_ssize_t)nvalues, "replace");
    for (uint32_t i = 0; n > 0 && wanted != NULL && i < s->count; i++) {
        PyObject *mine = row_text(s, s->from + i, cols, n);

        if (mine == NULL) {
            PyErr_Clear(); /* a column of the key is not written: no candidate */
            continue;
        }
        if (PyUnicode_Compare(mine, wanted) == 0
            && PyList_Append(list, s->rows[s->from + i]->obj) < 0) {
            PyErr_Clear();
        }
        Py_DECREF(mine);
    }
    Py_XDECREF(wanted);
    return list;
}

/* exc.orig.diag.message_detail, or NULL (no exception). New reference. */
static PyObject *
detail_of(PyObject *exc)
{
    static const char *const path[] = {"orig", "diag", "message_detail"};
    PyObject *at = Py_NewRef(exc);

    for (size_t i = 0; at != NULL && i < sizeof(path) / sizeof(path[0]); i++) {
        Py_SETREF(at, PyObject_GetAttrString(at, path[i]));
    }
    if (at == NULL || !PyUnicode_Check(at)) {
        PyErr_Clear();
        Py_CLEAR(at);
    }
    return at;
}

/* --- the exception ------------------------------------------------------------------------------- */

static PyObject *
batch_instances(const orm_step *s)
{
    PyObject *tuple = PyTuple_New(s->count);

    for (uint32_t i = 0; tuple != NULL && i < s->count; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(s->rows[s->from + i]->obj));
    }
    return tuple;
}

static void
set_instances(orm_state *st, PyObject *exc, PyObject *instances, bool exact)
{
    if (instances == NULL
        || PyObject_SetAttr(exc, st->s_instances, instances) < 0
        || PyObject_SetAttr(exc, st->s_instances_exact, exact ? Py_True : Py_False) < 0) {
        PyErr_Clear(); /* an exception without room for attributes says less */
    }
}

void
orm_attribute_error(orm_step *s)
{
    PyObject *exc = PyErr_GetRaisedException();
    PyObject *detail = NULL;
    PyObject *list = NULL;
    PyObject *instances = NULL;
    bool exact = false;

    if (s->count == 1) {
        s->failed = 0;
    }
    if (s->failed >= 0 && s->failed < (int64_t)s->count) {
        exact = true;
        instances = PyTuple_Pack(1, s->rows[s->from + (uint32_t)s->failed]->obj);
    }
    else {
        detail = detail_of(exc);
        list = detail == NULL ? NULL : rows_by_detail(s, detail);
        if (list != NULL && PyList_GET_SIZE(list) > 0) {
            exact = PyList_GET_SIZE(list) == 1;
            instances = PyList_AsTuple(list);
        }
        else {
            instances = batch_instances(s);
        }
    }
    PyErr_Clear();
    set_instances(s->w->st, exc, instances, exact);
    Py_XDECREF(detail);
    Py_XDECREF(list);
    Py_XDECREF(instances);
    PyErr_SetRaisedException(exc);
}

/* --- counts --------------------------------------------------------------------------------------- */

/* The rows that were not met, or all of the step where only the total is known. */
static PyObject *
stale_instances(const orm_step *s)
{
    PyObject *list = PyList_New(0);
    PyObject *tuple = NULL;

    for (uint32_t i = 0; list != NULL && i < s->n; i++) {
        if ((s->missed == NULL || s->missed[i]) && PyList_Append(list, s->rows[i]->obj) < 0) {
            Py_CLEAR(list);
        }
    }
    tuple = list == NULL ? NULL : PyList_AsTuple(list);
    Py_XDECREF(list);
    return tuple;
}

static int
raise_stale(orm_step *s, PyObject *message)
{
    PyObject *cls = orm_import_once(&s->w->st->stale_error, "pyorm.orm.exc", "StaleDataError");
    PyObject *exc = NULL;
    PyObject *instances = NULL;

    if (cls == NULL || message == NULL) {
        return -1;
    }
    exc = PyObject_CallOneArg(cls, message);
    instances = exc == NULL ? NULL : stale_instances(s);
    if (instances != NULL) {
        set_instances(s->w->st, exc, instances, s->missed != NULL || s->n == 1);
    }
    Py_XDECREF(instances);
    if (exc != NULL) {
        PyErr_SetRaisedException(exc);
    }
    return -1;
}

int
orm_check_count(orm_step *s)
{
    bool update = s->shape->op == ORM_OP_UPDATE;
    PyObject *message = NULL;
    int rc = 0;

    if (s->matched == (int64_t)s->n || (!update && !s->plan->confirm)) {
        return 0;
    }
    if (s->plan->secondary) {
        message = PyUnicode_FromFormat(
            "%s statement on table '%U' expected to %s %u row(s); Only %lld were matched.",
            update ? "UPDATE" : "DELETE", s->plan->name, update ? "update" : "delete", s->n,
            (long long)s->matched);
        rc = raise_stale(s, message);
        Py_XDECREF(message);
        return rc;
    }
    message = PyUnicode_FromFormat(
        "%s statement on table %R expected to %s %u row(s); %lld were matched.%s",
        update ? "UPDATE" : "DELETE", s->plan->name, update ? "update" : "delete", s->n,
        (long long)s->matched,
        update ? ""
               : "  Please set confirm_deleted_rows=False within the mapper configuration to "
                 "prevent this warning.");
    if (update || s->plan->version >= 0) {
        rc = raise_stale(s, message);
    }
    else {
        rc = message == NULL ? -1 : orm_warn(s->w->st, ORM_EXC_SAWarning, 1, "%U%s", message,
                                                orm_session_flush_note(s->w->f->session));
    }
    Py_XDECREF(message);
    return rc;
}
