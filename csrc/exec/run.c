/*
 * run.c - one execution of a compiled statement: listeners, log, binding, driver.
 *
 * Place: Connection.execute (conn_execute.c) and orm/, unit/, session/ (orm_exec_run,
 *   orm_exec_many) end here; below are bind.c and the driver.
 * Three acts: gather (GIL: values to encoded parameters), act (no GIL: the driver), translate
 *   (GIL: result or exception).
 * Listeners of before_cursor_execute may replace the text and the parameters; what they
 *   return is sent as it stands, without a prepared statement.
 */
#include "exec_int.h"

/* ---- what observers see ---- */

void
orm_exec_fini(orm_exec *x)
{
    Py_CLEAR(x->context);
    Py_CLEAR(x->text);
    Py_CLEAR(x->shown);
}

static unsigned
raise_flags(const orm_exec *x)
{
    return (x->conn->engine->hide_parameters ? ORM_RAISE_HIDE_PARAMETERS : 0u)
           | (x->many ? ORM_RAISE_MULTI : 0u);
}

static PyObject *
shown_text(orm_exec *x)
{
    if (x->text == NULL) {
        x->text = PyUnicode_DecodeUTF8(x->wire->sql, (Py_ssize_t)x->wire->len, "replace");
    }
    return x->text;
}

/* The parameters as users see them; for exceptions, so a failure is not reported. */
static PyObject *
shown_params(orm_exec *x)
{
    if (x->shown == NULL) {
        x->shown = x->describe != NULL ? x->describe(x->describe_arg, -1) : orm_bind_shown(x);
    }
    return x->shown;
}

PyObject *
orm_exec_context(orm_exec *x)
{
    orm_state *st = x->conn->st;
    PyObject *cls = NULL;

    if (x->context != NULL) {
        return x->context;
    }
    cls = orm_import_once(&st->context_class, "pyorm.engine.context", "ExecutionContext");
    if (cls == NULL) {
        return NULL;
    }
    x->context = PyObject_CallFunction(cls, "OOOOO", (PyObject *)x->conn,
                                       x->statement == NULL ? Py_None : x->statement,
                                       x->compiled == NULL ? Py_None : (PyObject *)x->compiled,
                                       x->params == NULL ? Py_None : x->params,
                                       x->options == NULL ? Py_None : x->options);
    return x->context;
}

static int
log_statement(orm_exec *x)
{
    PyObject *answer = NULL;
    PyObject *text = shown_text(x);
    PyObject *params = text == NULL ? NULL : shown_params(x);

    if (params == NULL) {
        return -1;
    }
    answer = PyObject_CallMethod(x->conn->engine->logger, "statement", "OOOKdi",
                                 (PyObject *)x->conn, text, params,
                                 (unsigned long long)x->wire->id, x->compile_seconds,
                                 (int)x->many);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

/* before_cursor_execute / after_cursor_execute: the arguments. Borrowed from x. 0 / -1. */
static int
event_args(orm_exec *x, PyObject **args)
{
    PyObject *context = orm_exec_context(x);
    PyObject *cursor = NULL;

    if (context == NULL || shown_text(x) == NULL || shown_params(x) == NULL) {
        return -1;
    }
    cursor = PyObject_GetAttrString(context, "cursor");
    if (cursor == NULL) {
        return -1;
    }
    Py_DECREF(cursor); /* the context keeps it */
    args[0] = (PyObject *)x->conn;
    args[1] = cursor;
    args[2] = x->text;
    args[3] = x->shown;
    args[4] = context;
    args[5] = x->many ? Py_True : Py_False;
    return 0;
}

/* Ask the listeners; what they return stands in x->text and x->shown. 0 / -1. */
static int
before_cursor(orm_exec *x)
{
    PyObject *listeners = orm_dispatch_get(x->conn->dispatch, ORM_EV_before_cursor_execute);
    PyObject *args[6];
    int rc = 0;

    if (listeners == NULL) {
        return 0;
    }
    Py_INCREF(listeners);
    for (Py_ssize_t i = 0; rc == 0 && i < PyTuple_GET_SIZE(listeners); i++) {
        PyObject *answer = NULL;

        rc = event_args(x, args);
        if (rc == 0) {
            answer = PyObject_Vectorcall(PyTuple_GET_ITEM(listeners, i), args, 6, NULL);
            rc = answer == NULL ? -1 : 0;
        }
        if (rc == 0 && PyTuple_Check(answer) && PyTuple_GET_SIZE(answer) == 2) {
            Py_XSETREF(x->text, Py_NewRef(PyTuple_GET_ITEM(answer, 0)));
            Py_XSETREF(x->shown, Py_NewRef(PyTuple_GET_ITEM(answer, 1)));
        }
        Py_XDECREF(answer);
    }
    Py_DECREF(listeners);
    return rc;
}

static int
after_cursor(orm_exec *x)
{
    PyObject *args[6];

    if (orm_dispatch_get(x->conn->dispatch, ORM_EV_after_cursor_execute) == NULL) {
        return 0;
    }
    if (event_args(x, args) < 0) {
        return -1;
    }
    return orm_dispatch_fire(x->conn->dispatch, ORM_EV_after_cursor_execute, args, 6);
}

/* ---- encoding ---- */

static orm_bindctx
bind_context(orm_exec *x, orm_result *r)
{
    EngineCore *engine = x->conn->engine;

    return (orm_bindctx){.st = r->st,
                         .arena = &r->arena,
                         .dialect = engine->dialect_id,
                         .lenient = engine->lenient,
                         .dialect_obj = engine->dialect,
                         .json_dumps = engine->json[0],
                         .row = -1};
}

/* The live exception of an encoder becomes a StatementError. */
static void
raise_bind(orm_exec *x)
{
    orm_state *st = x->conn->st;
    PyObject *live = PyErr_GetRaisedException();
    PyObject *text = shown_text(x);
    PyObject *code = NULL;

    PyErr_SetRaisedException(live);
    orm_raise_in_statement(st, text, x->params, raise_flags(x));
    if (x->missing) {
        live = PyErr_GetRaisedException();
        code = PyUnicode_FromString("cd3x");
        if (code == NULL || PyObject_SetAttrString(live, "code", code) < 0) {
            PyErr_Clear();
        }
        Py_XDECREF(code);
        PyErr_SetRaisedException(live);
    }
}

/* All sets into the result's arena. *nsets. NULL: the exception is a StatementError. */
static orm_param *
encode(orm_exec *x, orm_result *r, uint32_t *nsets)
{
    orm_bindctx ctx = bind_context(x, r);
    Py_ssize_t sets = x->many ? PyList_GET_SIZE(x->params) : 1;
    orm_param *params = orm_arena_array(&r->arena, (size_t)sets * x->nslots + 1,
                                        sizeof(orm_param));

    if (params == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < sets; i++) {
        PyObject *set = x->many ? PyList_GET_ITEM(x->params, i) : x->params;

        if (orm_bind_set(x, set, x->many ? i : -1, &ctx, params + (size_t)i * x->nslots) < 0) {
            raise_bind(x);
            return NULL;
        }
    }
    *nsets = (uint32_t)sets;
    return params;
}

/* A listener gave other parameters: a tuple, or a list of tuples, in the order of the slots. */
static int
encode_again(orm_exec *x, orm_result *r, orm_param *params, uint32_t nsets)
{
    orm_bindctx ctx = bind_context(x, r);

    for (uint32_t i = 0; i < nsets; i++) {
        PyObject *set = x->many ? PySequence_GetItem(x->shown, i) : Py_NewRef(x->shown);
        PyObject *values = set == NULL ? NULL : PySequence_Tuple(set);
        int rc = values == NULL ? -1 : 0;

        if (rc == 0 && PyTuple_GET_SIZE(values) != x->nslots) {
            rc = orm_raise_exc(r->st, ORM_EXC_InvalidRequestError,
                               "a before_cursor_execute listener returned %zd parameters, the "
                               "statement has %u placeholders",
                               PyTuple_GET_SIZE(values), x->nslots);
        }
        for (uint32_t k = 0; rc == 0 && k < x->nslots; k++) {
            const orm_slot *slot = &x->slots[k];

            ctx.stored = slot->stored;
            ctx.column = slot->name;
            rc = orm_type_encode(&ctx, slot->type, PyTuple_GET_ITEM(values, k),
                                 params + (size_t)i * x->nslots + k);
        }
        Py_XDECREF(set);
        Py_XDECREF(values);
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

/* Listeners and log. params may be encoded again; *text becomes what is to be sent. 0 / -1. */
static int
tell_before(orm_exec *x, orm_result *r, orm_param *params, uint32_t nsets,
            const orm_sqltext **text)
{
    PyObject *shown = NULL;
    PyObject *bytes = NULL;
    bool replaced;
    int rc;

    if (orm_dispatch_get(x->conn->dispatch, ORM_EV_before_cursor_execute) != NULL) {
        PyObject *own = shown_text(x);

        if (own == NULL || shown_params(x) == NULL) {
            return -1;
        }
        shown = Py_NewRef(x->shown); /* held: its address must not come back */
        rc = before_cursor(x);
        replaced = x->shown != shown;
        Py_DECREF(shown);
        if (rc < 0 || (replaced && x->describe == NULL && encode_again(x, r, params, nsets) < 0)) {
            return -1;
        }
        bytes = PyUnicode_AsUTF8String(x->text);
        if (bytes == NULL) {
            return -1;
        }
        if ((size_t)PyBytes_GET_SIZE(bytes) != x->wire->len
            || memcmp(PyBytes_AS_STRING(bytes), x->wire->sql, x->wire->len) != 0) {
            r->text = orm_arena_dup(&r->arena, PyBytes_AS_STRING(bytes),
                                    (size_t)PyBytes_GET_SIZE(bytes));
            r->wire = *x->wire;
            r->wire.sql = r->text;
            r->wire.len = (size_t)PyBytes_GET_SIZE(bytes);
            r->wire.id = 0;
            *text = &r->wire;
        }
        Py_DECREF(bytes);
        if (*text == &r->wire && r->text == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return x->conn->flags & ORM_CF_LOG_INFO ? log_statement(x) : 0;
}

/* ---- running ---- */

static int64_t
total(const int64_t *counts, uint32_t n)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (counts[i] < 0) {
            return -1;
        }
        sum += counts[i];
    }
    return sum;
}

static int
send_many(orm_exec *x, orm_result *r, orm_conn *conn, const orm_sqltext *text,
          const orm_param *params, uint32_t nsets, orm_err *err)
{
    bool lite = x->conn->engine->dialect_id == ORM_LITE;
    int64_t *counts = orm_arena_array(&r->arena, (size_t)nsets + 1, sizeof(int64_t));
    int64_t *rowids = lite ? orm_arena_array(&r->arena, (size_t)nsets + 1, sizeof(int64_t)) : NULL;
    int rc;

    if (counts == NULL || (lite && rowids == NULL)) {
        PyErr_NoMemory();
        return -1;
    }
    rc = orm_result_send_many(r, conn, text, params, x->nslots, nsets, counts, rowids,
                              x->compiled->ncols > 0, err);
    if (rc == 0) {
        r->rowcount = total(counts, nsets);
        r->lastrowid = rowids != NULL && nsets > 0 ? rowids[nsets - 1] : 0;
    }
    return rc;
}

static uint8_t
fetch_mode(const orm_exec *x)
{
    switch (x->mode) {
    case ORM_RUN_BUFFER:
        return ORM_FETCH_BUFFER;
    case ORM_RUN_STREAM:
        return ORM_FETCH_STREAM;
    case ORM_RUN_NONE:
        return ORM_FETCH_NONE;
    case ORM_RUN_WHOLE:
        return ORM_FETCH_WHOLE;
    default:
        return (x->wire->flags & (ORM_TEXT_BOUNDED | ORM_TEXT_UNIQUE_GET))
                       || x->compiled->verb != ORM_VERB_SELECT
                   ? ORM_FETCH_BUFFER
                   : ORM_FETCH_STREAM;
    }
}

/* The text for these values and its slots, into x. 0 / -1. */
static int
choose_text(orm_exec *x)
{
    const orm_wiretext *wire = NULL;
    PyObject *named = x->params;

    if (x->many) {
        named = PyList_GET_SIZE(x->params) > 0 ? PyList_GET_ITEM(x->params, 0) : NULL;
    }
    if (orm_compiled_wire(x->conn->st, x->compiled, x->values, named, &wire) < 0) {
        return -1;
    }
    x->wire = &wire->text;
    x->slots = wire->slots;
    x->nslots = wire->nslots;
    return 0;
}

/* Let a live IntegrityError know its statement: SQLite says neither the table of a CHECK nor
 * the name of a unique constraint, its Table does. */
static void
note_table(orm_exec *x)
{
    PyObject *live = PyErr_GetRaisedException();
    PyObject *table = NULL;
    PyObject *cls = orm_exc_class(x->conn->st, ORM_EXC_IntegrityError);

    if (live == NULL || cls == NULL || PyObject_IsInstance(live, cls) <= 0
        || PyObject_GetOptionalAttrString(x->statement, "table", &table) <= 0
        || PyObject_SetAttrString(live, "_table", table) < 0) {
        PyErr_Clear(); /* the error itself is what matters */
    }
    Py_XDECREF(table);
    PyErr_SetRaisedException(live);
}

static int
fail(orm_exec *x, orm_err *err)
{
    int rc = orm_conn_raise(x->conn, err, shown_text(x), shown_params(x), x->context, x->many);

    if (x->statement != NULL && x->conn->engine->dialect_id == ORM_LITE) {
        note_table(x);
    }
    return rc;
}

/* Make the connection ready for one more statement, and pin it: encoding, listeners and other
 * threads may close it before the statement is through. 0, to be unpinned; -1. */
static int
get_line(ConnectionObject *c, DBConnection **db, orm_conn **conn)
{
    if (orm_conn_ready(c, true) < 0 || orm_conn_free_line(c) < 0
        || orm_conn_ready(c, true) < 0) {
        return -1;
    }
    *db = c->handle->db;
    *conn = c->conn;
    orm_dbconn_pin(*db);
    return 0;
}

int
orm_exec_statement(orm_exec *x, orm_result **out)
{
    ConnectionObject *c = x->conn;
    DBConnection *db = NULL;
    orm_conn *conn = NULL;
    orm_result *r = NULL;
    orm_param *params = NULL;
    const orm_sqltext *text = NULL;
    uint32_t nsets = 1;
    orm_err err;
    int rc;

    *out = NULL;
    if (get_line(c, &db, &conn) < 0) {
        return -1;
    }
    r = choose_text(x) < 0 ? NULL : orm_result_begin(c->st, c, db);
    if (r == NULL) {
        goto error;
    }
    r->compiled = (orm_compiled *)Py_NewRef(x->compiled);
    text = x->wire;
    params = encode(x, r, &nsets);
    if (params == NULL || tell_before(x, r, params, nsets, &text) < 0) {
        goto error;
    }
    orm_err_init(&err);
    rc = x->many ? send_many(x, r, conn, text, params, nsets, &err)
                 : orm_result_send(r, conn, text, params, x->nslots, fetch_mode(x), &err);
    if (rc > 0) {
        fail(x, &err);
    }
    if (rc != 0 || after_cursor(x) < 0 || orm_conn_still(c, conn) < 0) {
        goto error;
    }
    ORM_COUNT(exec_statements);
    *out = r;
    orm_dbconn_unpin(db);
    return 0;

error:
    orm_result_free(r);
    orm_dbconn_unpin(db);
    return -1;
}

int
orm_exec_run(PyObject *conn, orm_compiled *compiled, PyObject *const *values, uint32_t nvalues,
             const orm_run_opts *opts, orm_result **out)
{
    orm_exec x = {.conn = (ConnectionObject *)conn,
                  .statement = opts->statement,
                  .params = opts->params,
                  .options = opts->options,
                  .compiled = compiled,
                  .values = values,
                  .nvalues = nvalues,
                  .mode = opts->mode,
                  .many = opts->params != NULL && PyList_Check(opts->params)};
    int rc = orm_exec_statement(&x, out);

    orm_exec_fini(&x);
    return rc;
}

/* ---- the unit of work ---- */

int
orm_exec_many(PyObject *conn, orm_many *many, orm_result **rows)
{
    ConnectionObject *c = (ConnectionObject *)conn;
    orm_exec x = {.conn = c,
                  .many = many->nsets != 1,
                  .describe = many->describe,
                  .describe_arg = many->arg,
                  .compiled = (orm_compiled *)(uintptr_t)many->compiled,
                  .wire = many->compiled != NULL ? &many->compiled->wire : many->text};
    const orm_sqltext *text = x.wire;
    DBConnection *db = NULL;
    orm_conn *at = NULL;
    orm_result *r = NULL;
    orm_err err;
    int rc = -1;

    many->failed = -1;
    if (get_line(c, &db, &at) < 0) {
        return -1;
    }
    r = orm_result_begin(c->st, c, db);
    if (r == NULL) {
        orm_dbconn_unpin(db);
        return -1;
    }
    if (many->compiled != NULL) {
        r->compiled = (orm_compiled *)Py_NewRef((PyObject *)many->compiled);
    }
    r->types = (orm_type **)(uintptr_t)many->types;
    if (many->describe == NULL) {
        x.shown = PyTuple_New(0);
    }
    if (!many->quiet && tell_before(&x, r, NULL, many->nsets, &text) < 0) {
        goto done;
    }
    orm_err_init(&err);
    rc = orm_result_send_many(r, at, text, many->params, many->nparams, many->nsets,
                              many->counts, many->lastrowids, rows != NULL, &err);
    if (rc > 0) {
        many->failed = err.row;
        rc = fail(&x, &err);
    }
    if (rc == 0 && !many->quiet) {
        rc = after_cursor(&x);
    }
    if (rc == 0) {
        rc = orm_conn_still(c, at);
    }
    ORM_COUNT(exec_batches);

done:
    orm_exec_fini(&x);
    if (rc < 0 || rows == NULL) {
        orm_result_free(r);
    }
    else {
        *rows = r;
    }
    orm_dbconn_unpin(db);
    return rc;
}

int
orm_connection_facts(PyObject *conn, orm_conn_facts *out)
{
    ConnectionObject *c = (ConnectionObject *)conn;
    PyObject *schemas = NULL;

    if (orm_conn_ready(c, true) < 0) {
        return -1;
    }
    schemas = PyDict_GetItemWithError(c->options, c->st->s_schema_translate_map); /* borrow-ok: options own it */
    if (schemas == NULL && PyErr_Occurred()) {
        return -1;
    }
    out->observed = orm_dispatch_get(c->dispatch, ORM_EV_before_cursor_execute) != NULL
                    || orm_dispatch_get(c->dispatch, ORM_EV_after_cursor_execute) != NULL
                    || (c->flags & ORM_CF_LOG_INFO) != 0;
    out->lenient = c->engine->lenient;
    out->asked = c->asked;
    out->max_params = orm_engine_pool(c->engine)->driver->max_params(c->conn);
    out->schemas = schemas == Py_None ? NULL : schemas;
    return 0;
}

void
orm_connection_bindctx(PyObject *conn, orm_arena *arena, orm_bindctx *out)
{
    EngineCore *engine = ((ConnectionObject *)conn)->engine;

    *out = (orm_bindctx){.st = engine->st,
                         .arena = arena,
                         .dialect = engine->dialect_id,
                         .stored = 1,
                         .lenient = engine->lenient,
                         .dialect_obj = engine->dialect,
                         .json_dumps = engine->json[0],
                         .row = -1};
}

int
orm_exec_copy(PyObject *conn, const orm_sqltext *text, const orm_buf *data, int64_t *rows)
{
    ConnectionObject *c = (ConnectionObject *)conn;
    orm_exec x = {.conn = c, .wire = text, .shown = NULL};
    const orm_driver *driver = orm_engine_pool(c->engine)->driver;
    DBConnection *db = NULL;
    orm_conn *at = NULL;
    orm_err err;
    int rc = -1;

    if (get_line(c, &db, &at) < 0) {
        return -1;
    }
    x.shown = PyTuple_New(0);
    if (x.shown == NULL || (c->flags & ORM_CF_LOG_INFO && log_statement(&x) < 0)) {
        goto done;
    }
    orm_err_init(&err);
    ORM_NOGIL_BEGIN
    rc = driver->copy_in(at, text, data, rows, ORM_NEVER, &err);
    ORM_NOGIL_END
    if (rc < 0) {
        fail(&x, &err);
    }

done:
    orm_exec_fini(&x);
    orm_dbconn_unpin(db);
    return rc;
}
