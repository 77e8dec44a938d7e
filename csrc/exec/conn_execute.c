/*
 * conn_execute.c - Connection.execute: from a statement object to a CursorResult.
 *
 * Place: users -> here -> sql/ (compiled cache) -> run.c. Nothing of a cached statement's way
 *   runs Python, unless somebody listens, logs or has Python-side defaults.
 * What is no SQL statement of sql/ (DDL, Sequence, functions, a library's own constructs)
 *   executes itself through `_execute_on_connection(connection, parameters, options)`.
 */
#include "exec_int.h"
#include "result_int.h"

#include "sql/sql_node.h"

/* ---- parameters ---- */

static int
check_dicts(orm_state *st, PyObject *list, bool tuples)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *one = PyList_GET_ITEM(list, i); /* borrow-ok: list owns it */

        if (PyDict_Check(one) || (tuples && PyTuple_Check(one))) {
            continue;
        }
        if (!PyUnicode_Check(one) && PyMapping_Check(one) && !PyTuple_Check(one)
            && !PyList_Check(one)) {
            PyObject *dict = PyDict_New();

            if (dict == NULL || PyDict_Update(dict, one) < 0) {
                Py_XDECREF(dict);
                return -1;
            }
            if (PyList_SetItem(list, i, dict) < 0) {
                return -1;
            }
            continue;
        }
        return orm_raise_exc(st, ORM_EXC_ArgumentError,
                             tuples ? "List argument must consist only of tuples or dictionaries"
                                    : "List argument must consist only of dictionaries");
    }
    return 0;
}

/* execute()'s parameters: *out is NULL, a dict, or a list of two or more dicts; owned. */
static int
distill(orm_state *st, PyObject *given, PyObject **out)
{
    PyObject *list = NULL;

    *out = NULL;
    if (given == NULL || given == Py_None) {
        return 0;
    }
    if (PyDict_Check(given)) {
        *out = Py_NewRef(given);
        return 0;
    }
    if (PyList_Check(given) || PyTuple_Check(given)) {
        list = PySequence_List(given);
        if (list == NULL || check_dicts(st, list, false) < 0) {
            Py_XDECREF(list);
            return -1;
        }
        if (PyList_GET_SIZE(list) == 0) {
            Py_DECREF(list);
            return orm_warn(st, ORM_EXC_SADeprecationWarning, 2,
                            "Empty parameter sequence passed to execute(). This use is deprecated "
                            "and will raise an exception in a future SQLAlchemy release");
        }
        if (PyList_GET_SIZE(list) == 1) {
            *out = Py_NewRef(PyList_GET_ITEM(list, 0));
            Py_DECREF(list);
        }
        else {
            *out = list;
        }
        return 0;
    }
    if (PyMapping_Check(given) && !PyUnicode_Check(given) && !PyBytes_Check(given)) {
        *out = PyDict_New();
        if (*out != NULL && PyDict_Update(*out, given) < 0) {
            Py_CLEAR(*out);
        }
        return *out == NULL ? -1 : 0;
    }
    return orm_raise_exc(st, ORM_EXC_ArgumentError, "mapping or list expected for parameters");
}

/* The sorted names of a set, for statements whose text depends on them. */
static PyObject *
column_keys(PyObject *params)
{
    PyObject *set = params != NULL && PyList_Check(params) ? PyList_GET_ITEM(params, 0) : params;
    PyObject *keys = NULL;
    PyObject *tuple = NULL;

    if (set == NULL) {
        return PyTuple_New(0);
    }
    keys = PyDict_Keys(set);
    if (keys != NULL && PyList_Sort(keys) == 0) {
        tuple = PyList_AsTuple(keys);
    }
    Py_XDECREF(keys);
    return tuple;
}

/* ---- options ---- */

/* The options of one execution: the connection's, the statement's (own), the call's. New ref. */
static PyObject *
merge_options(ConnectionObject *c, PyObject *own, PyObject *given)
{
    PyObject *merged = NULL;

    if (given == Py_None || (given != NULL && PyDict_Check(given) && PyDict_GET_SIZE(given) == 0)) {
        given = NULL;
    }
    if (own == NULL && given == NULL) {
        return Py_NewRef(c->options);
    }
    merged = PyDict_New();
    if (merged != NULL
        && (PyDict_Update(merged, c->options) < 0 || (own != NULL && PyDict_Update(merged, own) < 0)
            || (given != NULL && PyDict_Update(merged, given) < 0))) {
        Py_CLEAR(merged);
    }
    return merged;
}

/* Lay the caller's parameters over those of statement.params(). *params is owned by us. */
static int
add_params(PyObject *own, PyObject **params)
{
    PyObject *merged = NULL;

    if (own == NULL || (*params != NULL && PyList_Check(*params))) {
        return 0;
    }
    merged = PyDict_Copy(own);
    if (merged == NULL || (*params != NULL && PyDict_Update(merged, *params) < 0)) {
        Py_XDECREF(merged);
        return -1;
    }
    Py_XSETREF(*params, merged);
    return 0;
}

/* An option, borrowed, or NULL when it is not there or None. */
static PyObject *
option(PyObject *options, PyObject *name)
{
    PyObject *value = PyDict_GetItemWithError(options, name); /* borrow-ok: options own it */

    return value == Py_None ? NULL : value;
}

/* Streaming, as the options say. -1 with an exception. */
static int
run_mode(orm_state *st, PyObject *options, Py_ssize_t *yield_per)
{
    PyObject *value = NULL;
    int truth;

    *yield_per = 0;
    if (PyDict_GET_SIZE(options) == 0) {
        return ORM_RUN_AUTO;
    }
    value = option(options, st->s_yield_per);
    if (value != NULL) {
        *yield_per = PyLong_AsSsize_t(value);
        return *yield_per == -1 && PyErr_Occurred() ? -1 : ORM_RUN_STREAM;
    }
    value = PyErr_Occurred() ? NULL : option(options, st->s_stream_results);
    if (value == NULL) {
        return PyErr_Occurred() ? -1 : ORM_RUN_AUTO;
    }
    truth = PyObject_IsTrue(value);
    return truth < 0 ? -1 : truth ? ORM_RUN_STREAM : ORM_RUN_AUTO;
}

/* ---- listeners ---- */

/* before_execute: listeners may replace statement and parameters (both owned by us). */
static int
before_execute(ConnectionObject *c, PyObject **statement, PyObject **params, PyObject *options)
{
    PyObject *listeners = orm_dispatch_get(c->dispatch, ORM_EV_before_execute);
    int rc = 0;

    if (listeners == NULL) {
        return 0;
    }
    Py_INCREF(listeners);
    for (Py_ssize_t i = 0; rc == 0 && i < PyTuple_GET_SIZE(listeners); i++) {
        bool many = *params != NULL && PyList_Check(*params);
        PyObject *none = PyDict_New();
        PyObject *empty = PyList_New(0);
        PyObject *args[5] = {(PyObject *)c, *statement, many ? *params : empty,
                             many || *params == NULL ? none : *params, options};
        PyObject *answer = none == NULL || empty == NULL
                               ? NULL
                               : PyObject_Vectorcall(PyTuple_GET_ITEM(listeners, i), args, 5, NULL);

        rc = answer == NULL ? -1 : 0;
        if (rc == 0 && PyTuple_Check(answer) && PyTuple_GET_SIZE(answer) == 3) {
            PyObject *multi = PyTuple_GET_ITEM(answer, 1);
            PyObject *single = PyTuple_GET_ITEM(answer, 2);
            PyObject *fresh = NULL;
            int has_multi = PyObject_IsTrue(multi);

            Py_SETREF(*statement, Py_NewRef(PyTuple_GET_ITEM(answer, 0)));
            rc = has_multi < 0 ? -1 : distill(c->st, has_multi ? multi : single, &fresh);
            if (rc == 0) {
                if (fresh != NULL && PyDict_Check(fresh) && PyDict_GET_SIZE(fresh) == 0) {
                    Py_CLEAR(fresh);
                }
                Py_XSETREF(*params, fresh);
            }
        }
        Py_XDECREF(none);
        Py_XDECREF(empty);
        Py_XDECREF(answer);
    }
    Py_DECREF(listeners);
    return rc;
}

static int
after_execute(ConnectionObject *c, PyObject *statement, PyObject *params, PyObject *options,
              PyObject *result)
{
    bool many = params != NULL && PyList_Check(params);
    PyObject *none = NULL;
    PyObject *empty = NULL;
    int rc = -1;

    if (orm_dispatch_get(c->dispatch, ORM_EV_after_execute) == NULL) {
        return 0;
    }
    none = PyDict_New();
    empty = PyList_New(0);
    if (none != NULL && empty != NULL) {
        PyObject *args[6] = {(PyObject *)c, statement, many ? params : empty,
                             many || params == NULL ? none : params, options, result};

        rc = orm_dispatch_fire(c->dispatch, ORM_EV_after_execute, args, 6);
    }
    Py_XDECREF(none);
    Py_XDECREF(empty);
    return rc;
}

/* ---- running ---- */

static bool
is_statement(const orm_node *node)
{
    return (node->kind >= ORM_N_SELECT && node->kind <= ORM_N_TEXTSTMT)
           || node->kind == ORM_N_TEXTFROM
           || (node->kind == ORM_N_CUSTOM && node->aux == ORM_CUSTOM_STMT);
}

static bool
makes_defaults(const orm_compiled *c)
{
    for (uint32_t i = 0; i < c->nslots; i++) {
        if (c->slots[i].dflt != NULL) {
            return true;
        }
    }
    return false;
}

/* The user's dicts are not written to: where defaults are made, sets are copied. */
static int
own_params(const orm_compiled *compiled, PyObject **params)
{
    PyObject *copy = NULL;

    if (!makes_defaults(compiled)) {
        return 0;
    }
    if (*params == NULL) {
        *params = PyDict_New();
        return *params == NULL ? -1 : 0;
    }
    if (PyDict_Check(*params)) {
        copy = PyDict_Copy(*params);
    }
    else {
        copy = PyList_New(0);
        for (Py_ssize_t i = 0; copy != NULL && i < PyList_GET_SIZE(*params); i++) {
            PyObject *one = PyDict_Copy(PyList_GET_ITEM(*params, i));

            if (one == NULL || PyList_Append(copy, one) < 0) {
                Py_CLEAR(copy);
            }
            Py_XDECREF(one);
        }
    }
    if (copy == NULL) {
        return -1;
    }
    Py_SETREF(*params, copy);
    return 0;
}

/* UPDATE and DELETE give rows back for one set of parameters: nobody could tell whose they are. */
static int
refuse_many_returning(orm_state *st, const orm_node *node)
{
    if ((node->kind != ORM_N_UPDATE && node->kind != ORM_N_DELETE)
        || node->args[ORM_DML_RETURNING] == NULL) {
        return 0;
    }
    return orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                         "%s..RETURNING is not supported when executemany is used: execute it for each set of "
                         "parameters, or write one statement for all",
                         node->kind == ORM_N_UPDATE ? "UPDATE" : "DELETE");
}

static int
compile(ConnectionObject *c, orm_node *node, PyObject *params, PyObject *options,
        orm_compiled **compiled, orm_values *values, double *seconds)
{
    orm_state *st = c->st;
    bool dml = node->kind == ORM_N_INSERT || node->kind == ORM_N_UPDATE;
    orm_compile_opts opts = {.dialect = c->engine->dialect_id};
    orm_cache *cache = c->engine->base != NULL ? c->engine->base->cache : c->engine->cache;
    PyObject *keys = NULL;
    orm_mono start = c->flags & ORM_CF_LOG_INFO ? orm_mono_now() : 0;
    int rc;

    if (PyDict_GET_SIZE(options) > 0) {
        PyObject *map = option(options, st->s_schema_translate_map);

        if (PyErr_Occurred()) {
            return -1;
        }
        if (map != NULL) {
            opts.schema_map = map;
            opts.flags |= ORM_COMPILE_SCHEMA_MAP;
        }
        PyObject *own = PyDict_GetItemWithError(options, st->s_compiled_cache); /* borrow-ok: compared only */

        if (own == Py_None) {
            cache = NULL;
        }
        if (PyErr_Occurred()) {
            return -1;
        }
    }
    if (dml) {
        keys = column_keys(params);
        if (keys == NULL) {
            return -1;
        }
        opts.column_keys = keys;
    }
    if (params != NULL && PyList_Check(params)) {
        opts.flags |= ORM_COMPILE_MANY;
        if (PyList_GET_SIZE(params) > 1 && refuse_many_returning(st, node) < 0) {
            Py_XDECREF(keys);
            return -1;
        }
    }
    rc = orm_compile_cached(st, cache, node, &opts, compiled, values);
    Py_XDECREF(keys);
    *seconds = start == 0 ? -1.0 : (double)(orm_mono_now() - start) / 1e9;
    return rc;
}

/* An INSERT whose RETURNING the library added: keep its rows, the result returns none. */
static int
keep_returned(orm_result *r, PyObject *statement, PyObject **returned)
{
    PyObject *shape = orm_cursor_shape(r, statement), *row = NULL;
    int rc;

    *returned = shape == NULL ? NULL : PyList_New(0);
    if (*returned == NULL) {
        Py_XDECREF(shape);
        return -1;
    }
    while ((rc = orm_result_row(r, shape, &row)) > 0) {
        rc = PyList_Append(*returned, row);
        Py_DECREF(row);
        if (rc < 0) {
            break;
        }
    }
    Py_DECREF(shape);
    if (rc < 0) {
        Py_CLEAR(*returned);
        return -1;
    }
    r->ncols = 0;
    return 0;
}

static PyObject *
finish(ConnectionObject *c, orm_result *r, orm_compiled *compiled, PyObject *statement,
       PyObject *params, Py_ssize_t yield_per)
{
    PyObject *returned = NULL;
    CursorResultObject *result = NULL;

    if (compiled->implicit_returning && r->ncols > 0 && keep_returned(r, statement, &returned) < 0) {
        orm_result_free(r);
        return NULL;
    }
    result = (CursorResultObject *)orm_cursor_result(c->st, r, statement);
    if (result != NULL) {
        result->result.yield_per = result->result.ahead = yield_per;
        result->params = Py_XNewRef(params);
        result->returned = Py_XNewRef(returned);
    }
    Py_XDECREF(returned);
    return (PyObject *)result;
}

/* A statement of sql/. params is owned by us; statement borrowed. */
static PyObject *
run_statement(ConnectionObject *c, PyObject *statement, orm_node *node, PyObject **params,
              PyObject *options)
{
    orm_compiled *compiled = NULL;
    orm_values values = {0};
    orm_result *r = NULL;
    PyObject *result = NULL;
    Py_ssize_t yield_per = 0;
    double seconds = -1.0;
    int mode = run_mode(c->st, options, &yield_per);

    if (mode < 0) {
        return NULL;
    }
    if (compile(c, node, *params, options, &compiled, &values, &seconds) < 0) {
        return NULL;
    }
    if (own_params(compiled, params) == 0) {
        orm_exec x = {.conn = c,
                      .statement = statement,
                      .params = *params,
                      .options = options,
                      .compiled = compiled,
                      .values = values.v,
                      .nvalues = values.n,
                      .mode = (uint8_t)mode,
                      .many = *params != NULL && PyList_Check(*params),
                      .compile_seconds = seconds};

        if (orm_exec_statement(&x, &r) == 0) {
            result = finish(c, r, compiled, statement, *params, yield_per);
        }
        orm_exec_fini(&x);
    }
    orm_values_fini(&values);
    Py_DECREF(compiled);
    return result;
}

static PyObject *
run_other(ConnectionObject *c, PyObject *statement, PyObject *params, PyObject *options)
{
    PyObject *method = NULL;
    PyObject *result = NULL;

    if (PyObject_GetOptionalAttr(statement, c->st->s_execute_on_connection, &method) < 0) {
        return NULL;
    }
    if (method == NULL) {
        PyObject *module = PyImport_ImportModule("pyorm.engine._other");

        /* Functions and column expressions; anything else is ObjectNotExecutableError. */
        if (module != NULL) {
            result = PyObject_CallMethod(module, "execute", "OOOO", (PyObject *)c, statement,
                                         params == NULL ? Py_None : params, options);
            Py_DECREF(module);
        }
        return result;
    }
    result = PyObject_CallFunctionObjArgs(method, (PyObject *)c,
                                          params == NULL ? Py_None : params, options, NULL);
    Py_DECREF(method);
    return result;
}

PyObject *
orm_conn_execute(ConnectionObject *c, PyObject *given, PyObject *parameters, PyObject *extra)
{
    PyObject *statement = Py_NewRef(given);
    PyObject *params = NULL;
    PyObject *options = NULL;
    PyObject *result = NULL;
    orm_node *node = orm_node_of(c->st, statement);
    PyObject *own[2] = {NULL, NULL}; /* the statement's options and parameters */

    if (node == NULL) {
        PyErr_Clear();
    }
    else if (orm_stmt_extras(c->st, node, &own[0], &own[1]) < 0) {
        goto done;
    }
    if (distill(c->st, parameters, &params) < 0 || add_params(own[1], &params) < 0) {
        goto done;
    }
    options = merge_options(c, own[0], extra);
    if (options == NULL || before_execute(c, &statement, &params, options) < 0) {
        goto done;
    }
    if (statement != given) {
        node = orm_node_of(c->st, statement);
        if (node == NULL) {
            PyErr_Clear();
        }
    }
    if (node != NULL && is_statement(node)) {
        result = run_statement(c, statement, node, &params, options);
    }
    else {
        result = run_other(c, statement, params, options);
    }
    if (result != NULL && after_execute(c, statement, params, options, result) < 0) {
        Py_CLEAR(result);
    }

done:
    Py_DECREF(statement);
    Py_XDECREF(params);
    Py_XDECREF(options);
    return result;
}

/* ---- raw SQL ---- */

/* Listeners and log of a raw text; *sql and *params may be replaced (owned by us). */
static int
tell_raw(ConnectionObject *c, PyObject **sql, PyObject **params, bool many)
{
    PyObject *module = NULL;
    PyObject *answer = NULL;
    int rc = -1;

    if (orm_dispatch_get(c->dispatch, ORM_EV_before_cursor_execute) == NULL
        && !(c->flags & ORM_CF_LOG_INFO)) {
        return 0;
    }
    module = PyImport_ImportModule("pyorm.engine.context");
    if (module != NULL) {
        answer = PyObject_CallMethod(module, "tell_raw", "OOOO", (PyObject *)c, *sql,
                                     *params == NULL ? Py_None : *params,
                                     many ? Py_True : Py_False);
        Py_DECREF(module);
    }
    if (answer != NULL && PyTuple_Check(answer) && PyTuple_GET_SIZE(answer) == 2) {
        PyObject *fresh = PyTuple_GET_ITEM(answer, 1);

        Py_SETREF(*sql, Py_NewRef(PyTuple_GET_ITEM(answer, 0)));
        Py_XSETREF(*params, fresh == Py_None ? NULL : Py_NewRef(fresh));
        rc = 0;
    }
    Py_XDECREF(answer);
    return rc;
}

static int
tell_raw_after(ConnectionObject *c, PyObject *sql, PyObject *params, bool many)
{
    PyObject *module = NULL;
    PyObject *answer = NULL;

    if (orm_dispatch_get(c->dispatch, ORM_EV_after_cursor_execute) == NULL) {
        return 0;
    }
    module = PyImport_ImportModule("pyorm.engine.context");
    if (module != NULL) {
        answer = PyObject_CallMethod(module, "tell_raw_after", "OOOO", (PyObject *)c, sql,
                                     params == NULL ? Py_None : params,
                                     many ? Py_True : Py_False);
        Py_DECREF(module);
    }
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

/* exec_driver_sql()'s parameters: NULL, a tuple or dict, or a list of these. */
static int
distill_raw(orm_state *st, PyObject *given, PyObject **out, bool *many)
{
    PyObject *list = NULL;

    *out = NULL;
    *many = false;
    if (given == NULL || given == Py_None) {
        return 0;
    }
    if (!PyList_Check(given)) {
        if (!PyTuple_Check(given) && !PyDict_Check(given)
            && (PyUnicode_Check(given) || !PyMapping_Check(given))) {
            return orm_raise_exc(st, ORM_EXC_ArgumentError,
                                 "mapping or list expected for parameters");
        }
        if (PyTuple_Check(given) && PyTuple_GET_SIZE(given) > 0
            && (PyTuple_Check(PyTuple_GET_ITEM(given, 0))
                || PyDict_Check(PyTuple_GET_ITEM(given, 0)))) {
            list = PySequence_List(given);
        }
        else {
            *out = Py_NewRef(given);
            return 0;
        }
    }
    else {
        list = PySequence_List(given);
    }
    if (list == NULL || check_dicts(st, list, true) < 0) {
        Py_XDECREF(list);
        return -1;
    }
    *many = PyList_GET_SIZE(list) > 0;
    if (*many) {
        *out = list;
    }
    else {
        Py_DECREF(list);
    }
    return 0;
}

PyObject *
orm_conn_execute_raw(ConnectionObject *c, PyObject *statement, PyObject *parameters,
                     PyObject *extra)
{
    PyObject *sql = NULL;
    PyObject *params = NULL;
    PyObject *options = NULL;
    PyObject *result = NULL;
    orm_result *r = NULL;
    Py_ssize_t yield_per = 0;
    bool many = false;
    int mode = -1;

    if (!PyUnicode_Check(statement)) {
        PyErr_Format(PyExc_TypeError, "exec_driver_sql() takes a str, not %.100s",
                     Py_TYPE(statement)->tp_name);
        return NULL;
    }
    sql = Py_NewRef(statement);
    options = merge_options(c, NULL, extra);
    mode = options == NULL ? -1 : run_mode(c->st, options, &yield_per);
    if (mode < 0 || distill_raw(c->st, parameters, &params, &many) < 0
        || orm_conn_ready(c, true) < 0 || orm_conn_free_line(c) < 0
        || tell_raw(c, &sql, &params, many) < 0) {
        goto done;
    }
    if (orm_raw_run(c->handle->db, c, sql, params, many,
                    params == NULL ? ORM_PARAMS_EMPTY : ORM_PARAMS_GIVEN,
                    mode == ORM_RUN_STREAM ? ORM_FETCH_STREAM : ORM_FETCH_BUFFER, &r) < 0) {
        goto done;
    }
    if (tell_raw_after(c, sql, params, many) < 0) {
        orm_result_free(r);
        goto done;
    }
    result = orm_cursor_result(c->st, r, NULL);
    if (result != NULL) {
        ((ResultObject *)result)->yield_per = ((ResultObject *)result)->ahead = yield_per;
    }

done:
    Py_XDECREF(sql);
    Py_XDECREF(params);
    Py_XDECREF(options);
    return result;
}
