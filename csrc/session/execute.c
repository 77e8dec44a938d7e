/*
 * session/execute.c - Session.execute, scalar, scalars.
 *
 * Place: statement -> do_orm_execute listeners -> autoflush (text too: it may read
 *   what is pending) -> connection -> compiled form -> the loader where there is a load plan, else the
 *   Connection's own execute.
 * Nothing of a cached statement's way runs Python unless somebody listens, or binds are routed.
 * UPDATE and DELETE of a mapped class: where the session holds instances of it, sync.c lets those
 *   that match follow.
 * Dicts for INSERT of a mapped class are by attribute name; a list of dicts for UPDATE goes by
 *   primary key (pyorm/orm/_bulk.py), as bulk_insert_mappings and bulk_update_mappings do.
 */
#include "session/sync.h"

enum { X_STATEMENT, X_PARAMS, X_OPTIONS, X_BIND, X_PARENT, X_ADD, X_COUNT };

/* One execution. */
typedef struct exec_run {
    SessionObject *s;
    PyObject *statement; /* borrowed */
    orm_node *node;      /* borrowed; NULL: not an expression of sql/ (DDL, Sequence) */
    PyObject *params;    /* borrowed or NULL */
    PyObject *given;     /* borrowed: the call's execution options, or NULL */
    PyObject *options;   /* owned: all execution options in one dict, or NULL */
    PyObject *bind;      /* borrowed: bind_arguments or NULL */
} exec_run;

/* --- what is it --------------------------------------------------------------------------------- */

static bool
is_select(const orm_node *n)
{
    return n->kind == ORM_N_SELECT || n->kind == ORM_N_COMPOUND || n->kind == ORM_N_TEXTFROM
           || n->kind == ORM_N_FROMSTMT;
}

static bool
is_dml(const orm_node *n)
{
    return n->kind == ORM_N_INSERT || n->kind == ORM_N_UPDATE || n->kind == ORM_N_DELETE;
}

/* The mapper that a statement is about: its first entity; NULL: none. Borrowed. */
static orm_mapper *
mapper_of_node(const orm_node *n)
{
    while (n != NULL) {
        switch (n->kind) {
        case ORM_N_ENTITY:
            return (orm_mapper *)n->payload;
        case ORM_N_SELECT: {
            orm_mapper *m = mapper_of_node(n->args[ORM_SEL_COLS]);
            if (m != NULL || n->args[ORM_SEL_FROM] == NULL) {
                return m;
            }
            n = n->args[ORM_SEL_FROM]; /* select(func.count()).select_from(User) */
            break;
        }
        case ORM_N_ATTR:
        case ORM_N_COMPOUND:
        case ORM_N_LABEL:
        case ORM_N_INSERT:
        case ORM_N_UPDATE:
        case ORM_N_DELETE:
            n = n->args[0]; /* entity, columns, first statement, expression, table */
            break;
        case ORM_N_FROMSTMT:
            n = n->args[ORM_FS_COLS];
            break;
        case ORM_N_LIST:
            for (Py_ssize_t i = 0; i + 1 < Py_SIZE(n); i++) {
                orm_mapper *m = n->args[i]->flags & ORM_F_ORM ? mapper_of_node(n->args[i]) : NULL;
                if (m != NULL) {
                    return m;
                }
            }
            n = Py_SIZE(n) > 0 ? n->args[Py_SIZE(n) - 1] : NULL;
            break;
        default:
            return NULL;
        }
    }
    return NULL;
}

static int
refuse_statement(exec_run *x)
{
    PyErr_Clear();
    if (PyUnicode_Check(x->statement)) {
        return orm_raise_exc(x->s->st, ORM_EXC_ArgumentError,
                             "Textual SQL expression %R should be explicitly declared as text(%R)",
                             x->statement, x->statement);
    }
    return orm_raise_exc(x->s->st, ORM_EXC_ArgumentError,
                         "Executable SQL or text() construct expected, got %R.", x->statement);
}

static int
look_at(exec_run *x)
{
    PyObject *method = NULL;

    x->node = orm_node_of(x->s->st, x->statement);
    if (x->node != NULL) {
        return 0;
    }
    PyErr_Clear();
    if (PyObject_GetOptionalAttr(x->statement, x->s->st->s_execute_on_connection, &method) < 0) {
        return -1;
    }
    if (method == NULL) {
        return refuse_statement(x);
    }
    Py_DECREF(method);
    return 0;
}

/* --- options ------------------------------------------------------------------------------------- */

static bool
is_empty(PyObject *options)
{
    return options == NULL || options == Py_None
           || (PyDict_Check(options) && PyDict_GET_SIZE(options) == 0);
}

/* The session's, the statement's, the call's, in one dict or NULL. 0 / -1. */
static int
merge_options(exec_run *x)
{
    PyObject *own = NULL;
    PyObject *own_params = NULL;

    if (x->node != NULL && orm_stmt_extras(x->s->st, x->node, &own, &own_params) < 0) {
        return -1;
    }
    if (is_empty(own) && is_empty(x->given) && x->s->options == NULL) {
        return 0;
    }
    x->options = PyDict_New();
    if (x->options == NULL || (x->s->options != NULL && PyDict_Update(x->options, x->s->options) < 0)
        || (!is_empty(own) && PyDict_Update(x->options, own) < 0)
        || (!is_empty(x->given) && PyDict_Update(x->options, x->given) < 0)) {
        return -1;
    }
    return 0;
}

/* A flag of the options: its truth, `otherwise` where it is not there; -1. */
static int
option_flag(exec_run *x, PyObject *name, int otherwise)
{
    PyObject *value = NULL;
    int truth = otherwise;

    if (x->options == NULL) {
        return otherwise;
    }
    if (PyDict_GetItemRef(x->options, name, &value) < 0) {
        return -1;
    }
    if (value != NULL) {
        truth = PyObject_IsTrue(value);
        Py_DECREF(value);
    }
    return truth;
}

/* --- SELECT with entities -------------------------------------------------------------------------- */

/* Parameters of a SELECT: the statement's own under the call's. *out owned or NULL. 0 / -1. */
static int
select_params(exec_run *x, PyObject **out)
{
    PyObject *own = NULL;
    PyObject *options = NULL;
    PyObject *params = x->params;

    *out = NULL;
    if (orm_stmt_extras(x->s->st, x->node, &options, &own) < 0) {
        return -1;
    }
    if (params != NULL && PyList_Check(params) && PyList_GET_SIZE(params) == 1) {
        params = PyList_GET_ITEM(params, 0); /* borrow-ok: the caller holds the list */
    }
    if (own == NULL && params == NULL) {
        return 0;
    }
    *out = PyDict_New();
    if (*out == NULL || (own != NULL && PyDict_Update(*out, own) < 0)
        || (params != NULL && PyDict_Update(*out, params) < 0)) {
        Py_CLEAR(*out);
        return -1;
    }
    return 0;
}

/* By the load plan: 1 and *result; 0 the statement has none; -1. */
static int
load(exec_run *x, PyObject *conn, PyObject **result)
{
    orm_state *st = x->s->st;
    PyObject *engine = orm_connection_engine(conn);
    orm_conn_facts facts = {0};
    orm_compile_opts opts = {.dialect = orm_engine_driver(engine)->dialect};
    orm_compiled *compiled = NULL;
    orm_values values = {0};
    PyObject *params = NULL;
    PyObject *map = NULL;
    int rc = -1;

    if (orm_connection_facts(conn, &facts) < 0) {
        return -1;
    }
    if (x->options != NULL
        && PyDict_GetItemRef(x->options, st->s_schema_translate_map, &map) < 0) {
        return -1;
    }
    opts.schema_map = map == NULL || map == Py_None ? facts.schemas : map;
    opts.flags = opts.schema_map == NULL ? 0 : ORM_COMPILE_SCHEMA_MAP;
    if (orm_compile_cached(st, orm_engine_cache(engine), x->node, &opts, &compiled, &values) < 0) {
        Py_XDECREF(map);
        return -1;
    }
    if (compiled->load == NULL) {
        rc = 0;
    }
    else if (select_params(x, &params) == 0) {
        *result = orm_load_result(&x->s->s, conn, compiled, values.v, values.n, x->statement,
                                  params, x->options);
        rc = *result == NULL ? -1 : 1;
    }
    Py_XDECREF(map);
    Py_XDECREF(params);
    orm_values_fini(&values);
    Py_DECREF(compiled);
    return rc;
}

/* --- everything else --------------------------------------------------------------------------------- */

static PyObject *
run_core(exec_run *x, PyObject *conn)
{
    PyObject *args[5] = {NULL, conn, x->statement, x->params == NULL ? Py_None : x->params,
                         x->options == NULL ? Py_None : x->options};

    return PyObject_VectorcallMethod(x->s->st->s_execute, args + 1,
                                     3 | PY_VECTORCALL_ARGUMENTS_OFFSET,
                                     x->options == NULL ? NULL : x->s->st->execute_kwnames);
}

/* RETURNING names entities: its rows go through the loader. */
static bool
returns_entities(const orm_node *n)
{
    const orm_node *list = is_dml(n) ? n->args[ORM_DML_RETURNING] : NULL;

    for (Py_ssize_t i = 0; list != NULL && i < Py_SIZE(list); i++) {
        if (list->args[i]->kind == ORM_N_ENTITY) {
            return true;
        }
    }
    return false;
}

/* One statement that returns entities; values: rows that it gets as VALUES, or NULL. */
static PyObject *
run_returning_once(exec_run *x, PyObject *conn, PyObject *values)
{
    exec_run one = *x; /* borrows what x owns */
    PyObject *filled = NULL;
    PyObject *result = NULL;

    if (values != NULL) {
        const char *method = PyList_Check(values) ? "_rows" : "values";
        filled = PyObject_CallMethod(x->statement, method, "O", values);
        one.statement = filled;
        one.params = NULL;
        one.node = filled == NULL ? NULL : orm_node_of(x->s->st, filled);
        if (one.node == NULL) {
            Py_XDECREF(filled);
            return NULL;
        }
    }
    if (load(&one, conn, &result) == 0) {
        orm_raise_exc(x->s->st, ORM_EXC_InvalidRequestError,
                      "RETURNING of entities cannot be loaded from this statement");
    }
    Py_XDECREF(filled);
    return result;
}

/* INSERT, UPDATE or DELETE that returns entities. Several rows of an INSERT are statements of
   many VALUES, a page each. NULL: exception. */
static PyObject *
run_returning(exec_run *x, PyObject *conn)
{
    PyObject *sorted = x->node->aux & ORM_DMLF_SORT_RETURNING ? Py_True : Py_False;
    PyObject *module = NULL;
    PyObject *pages = NULL;
    PyObject *results = NULL;
    PyObject *result = NULL;

    if (x->params == NULL || x->node->kind != ORM_N_INSERT || !PyList_Check(x->params)) {
        return run_returning_once(x, conn,
                                  x->params != NULL && x->node->kind == ORM_N_INSERT ? x->params
                                                                                     : NULL);
    }
    module = PyImport_ImportModule("pyorm.orm._bulk");
    pages = module == NULL ? NULL
                           : PyObject_CallMethod(module, "returning_pages", "OOO", x->params,
                                                 x->options == NULL ? Py_None : x->options,
                                                 sorted);
    results = pages == NULL ? NULL : PyList_New(0);
    for (Py_ssize_t i = 0; results != NULL && i < PyList_GET_SIZE(pages); i++) {
        PyObject *one = run_returning_once(x, conn, PyList_GET_ITEM(pages, i));
        if (one == NULL || PyList_Append(results, one) < 0) {
            Py_CLEAR(results);
        }
        Py_XDECREF(one);
    }
    result = results == NULL ? NULL : PyObject_CallMethod(module, "merge_results", "O", results);
    Py_XDECREF(results);
    Py_XDECREF(pages);
    Py_XDECREF(module);
    return result;
}

/* --- rows from dicts ---------------------------------------------------------------------------- */

/* INSERT of a mapped class: parameters are by attribute name, dicts with other keys are executions
   of their own. With RETURNING the rows of all of them, else the result of the last one. */
static PyObject *
insert_rows(exec_run *x, PyObject *conn, orm_mapper *m)
{
    bool together = x->node->args[ORM_DML_RETURNING] != NULL;
    PyObject *module = PyImport_ImportModule("pyorm.orm._bulk");
    PyObject *runs = module == NULL ? NULL
                                    : PyObject_CallMethod(module, "insert_runs", "OOO", m->py, x->params,
                                                          x->options == NULL ? Py_None : x->options);
    PyObject *results = runs == NULL ? NULL : PyList_New(0);
    PyObject *result = NULL;
    PyObject *given = x->params;

    for (Py_ssize_t i = 0; results != NULL && i < PyList_GET_SIZE(runs); i++) {
        x->params = PyList_GET_ITEM(runs, i); /* borrow-ok: nobody else has the list */
        result = run_core(x, conn);
        if (result == NULL || (!together && PyList_SetSlice(results, 0, 1, NULL) < 0)
            || PyList_Append(results, result) < 0) {
            Py_CLEAR(results);
        }
        Py_XDECREF(result);
    }
    x->params = given;
    x->s->s.write_epoch++;
    result = results == NULL ? NULL : PyObject_CallMethod(module, "merge_results", "O", results);
    Py_XDECREF(results);
    Py_XDECREF(runs);
    Py_XDECREF(module);
    return result;
}

/* UPDATE of a mapped class for a list of dicts: each by its primary key. */
static PyObject *
update_rows(exec_run *x, PyObject *conn, orm_mapper *m)
{
    PyObject *module = PyImport_ImportModule("pyorm.orm._bulk");
    PyObject *options = x->options == NULL ? PyDict_New() : Py_NewRef(x->options);
    PyObject *pair = NULL;
    PyObject *result = NULL;

    if (module != NULL && options != NULL && orm_session_sync_mode(x->s, x->options) >= 0) {
        pair = PyObject_CallMethod(module, "update_rows", "OOOOO", conn, m->py, x->statement,
                                   x->params, options);
    }
    x->s->s.write_epoch++;
    if (pair != NULL && orm_session_sync_keys(x->s, m, PyTuple_GET_ITEM(pair, 1)) == 0) {
        result = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
    }
    Py_XDECREF(pair);
    Py_XDECREF(options);
    Py_XDECREF(module);
    return result;
}

/* Whether dml_strategy asks for the parameters as they are, by column: "raw" and "orm" of an INSERT,
   "orm" and "core_only" of an UPDATE. 1 / 0 / -1; *given: there is a strategy. */
static int
takes_columns(exec_run *x, bool *given)
{
    static const char *const names[2][2] = {{"orm", "core_only"}, {"orm", "raw"}};
    int insert = x->node->kind == ORM_N_INSERT;
    PyObject *value = NULL;
    int rc = 0;

    *given = false;
    if (x->options == NULL) {
        return 0;
    }
    if (PyDict_GetItemRef(x->options, x->s->st->s_dml_strategy, &value) < 0) {
        return -1;
    }
    *given = value != NULL;
    if (value != NULL && PyUnicode_Check(value)) {
        rc = PyUnicode_CompareWithASCIIString(value, names[insert][0]) == 0
             || PyUnicode_CompareWithASCIIString(value, names[insert][1]) == 0;
    }
    Py_XDECREF(value);
    return rc;
}

/* An INSERT whose rows are in the statement: a strategy that wants parameters is refused. 0 / -1. */
static int
check_strategy_alone(exec_run *x)
{
    PyObject *module = PyImport_ImportModule("pyorm.orm._bulk");
    PyObject *checked =
        module == NULL ? NULL : PyObject_CallMethod(module, "check_alone", "O", x->options);

    Py_XDECREF(module);
    Py_XDECREF(checked);
    return checked == NULL ? -1 : 0;
}

/* INSERT of a class over several tables. */
static PyObject *
insert_joined(exec_run *x, orm_mapper *m)
{
    const orm_node *list = x->node->args[ORM_DML_RETURNING];
    PyObject *module = PyImport_ImportModule("pyorm.orm._bulk_joined");
    PyObject *options = x->options == NULL ? PyDict_New() : Py_NewRef(x->options);
    PyObject *items = PyTuple_New(list == NULL ? 0 : Py_SIZE(list));
    PyObject *result = NULL;

    for (Py_ssize_t i = 0; items != NULL && i < PyTuple_GET_SIZE(items); i++) {
        PyObject *item = orm_node_wrap(x->s->st, list->args[i]);

        if (item == NULL) {
            Py_CLEAR(items);
            break;
        }
        PyTuple_SET_ITEM(items, i, item);
    }
    if (module != NULL && options != NULL && items != NULL) {
        result = PyObject_CallMethod(module, "insert_returning", "OOOOOO", (PyObject *)x->s, m->py,
                                     x->statement, x->params, items, options);
    }
    x->s->s.write_epoch++;
    Py_XDECREF(items);
    Py_XDECREF(options);
    Py_XDECREF(module);
    return result;
}

/* The rows of the class lie in several tables. */
static bool
is_joined(const orm_mapper *m)
{
    const orm_mapper *root = m->root;

    return root != m && m->table_entity != NULL && root->table_entity != NULL
           && m->table_entity->args[0] != root->table_entity->args[0];
}

/* Parameters that are values by attribute name: *result; NULL: not such a statement. 0 / -1. */
static int
run_rows(exec_run *x, PyObject *conn, orm_mapper *m, PyObject **result)
{
    bool list = x->params != NULL && PyList_Check(x->params) && PyList_GET_SIZE(x->params) > 0
                && PyDict_Check(PyList_GET_ITEM(x->params, 0));
    bool insert = x->node != NULL && x->node->kind == ORM_N_INSERT
                  && (list || (x->params != NULL && PyDict_Check(x->params)));
    bool update = x->node != NULL && x->node->kind == ORM_N_UPDATE && list;
    bool given;
    int core;

    *result = NULL;
    if (m == NULL || m->py == NULL
        || (x->node->kind != ORM_N_INSERT && x->node->kind != ORM_N_UPDATE)) {
        return 0;
    }
    core = takes_columns(x, &given);
    if (core != 0) {
        return core < 0 ? -1 : 0;
    }
    if (given && x->params == NULL && x->node->kind == ORM_N_INSERT
        && check_strategy_alone(x) < 0) {
        return -1;
    }
    if ((!insert && !update) || (insert && returns_entities(x->node) && !is_joined(m))) {
        return 0;
    }
    *result = !insert ? update_rows(x, conn, m)
              : is_joined(m) ? insert_joined(x, m) : insert_rows(x, conn, m);
    return *result == NULL ? -1 : 0;
}


/* The statement as the plan of sync.c wants it: x with its replacement, or x as it is. 0 / -1. */
static int
take_replacement(exec_run *x, PyObject *plan, PyObject **held)
{
    *held = plan == NULL ? NULL : PyObject_GetAttrString(plan, "statement");
    if (plan == NULL || *held == NULL) {
        return plan == NULL ? 0 : -1;
    }
    if (*held != Py_None) {
        x->statement = *held;
        x->node = orm_node_of(x->s->st, *held);
    }
    return x->node == NULL ? -1 : 0;
}

/* A statement that is no SELECT of entities. */
static PyObject *
run_dml(exec_run *x, PyObject *conn, orm_mapper *m)
{
    bool writes = x->node == NULL || !is_select(x->node);
    bool syncs = writes && m != NULL
                 && (x->node->kind == ORM_N_UPDATE || x->node->kind == ORM_N_DELETE);
    PyObject *plan = NULL;
    PyObject *held = NULL;
    PyObject *result = NULL;

    if (writes && (run_rows(x, conn, m, &result) < 0 || result != NULL)) {
        return result;
    }
    if ((syncs && orm_session_sync_begin(x->s, m, x->node, x->statement, x->params, x->options, &plan) < 0)
        || take_replacement(x, plan, &held) < 0) {
        goto done;
    }
    result = x->node != NULL && returns_entities(x->node) ? run_returning(x, conn) : run_core(x, conn);
    if (writes) {
        x->s->s.write_epoch++;
    }
    if (result != NULL && plan != NULL) {
        PyObject *followed = PyObject_CallMethod(plan, "after", "O", result);

        if (followed == NULL) {
            Py_CLEAR(result);
        }
        Py_XDECREF(followed);
    }
done:
    Py_XDECREF(held);
    Py_XDECREF(plan);
    return result;
}

static PyObject *
run(exec_run *x)
{
    orm_node *node = x->node;
    bool mapped = node != NULL && (node->flags & ORM_F_ORM || node->kind == ORM_N_FROMSTMT);
    orm_mapper *m = mapped ? mapper_of_node(node) : NULL;
    PyObject *conn = NULL;
    PyObject *result = NULL;
    int rc = 0;

    rc = option_flag(x, x->s->st->s_autoflush, 1);
    if (rc < 0 || (rc && orm_session_autoflush(x->s) < 0)) {
        return NULL;
    }
    rc = 0;
    conn = Py_XNewRef(orm_session_connection_for(
        x->s, m, x->s->routed || x->s->bind == NULL ? x->statement : NULL, x->bind));
    if (conn == NULL) {
        return NULL;
    }
    if (mapped && is_select(node)) {
        rc = option_flag(x, x->s->st->s_populate_existing, 0);
        if (rc > 0) {
            orm_connection_freshen(conn);
        }
        rc = rc < 0 ? -1 : load(x, conn, &result);
        if (node->kind == ORM_N_FROMSTMT && is_dml(node->args[ORM_FS_STATEMENT])) {
            x->s->s.write_epoch++;
        }
    }
    if (rc == 0) {
        result = run_dml(x, conn, m);
    }
    Py_DECREF(conn);
    return result;
}

/* _subject(statement): (is it about mapped classes, the Mapper that decides where it goes, or None). */
PyObject *
orm_session_subject(PyObject *self, PyObject *statement)
{
    SessionObject *s = (SessionObject *)self;
    orm_node *node = orm_node_of(s->st, statement);
    orm_mapper *m = NULL;
    bool mapped;

    if (node == NULL) {
        PyErr_Clear();
    }
    mapped = node != NULL && (is_select(node) || is_dml(node))
             && (node->flags & ORM_F_ORM || node->kind == ORM_N_FROMSTMT);
    m = mapped && node->kind != ORM_N_COMPOUND ? mapper_of_node(node) : NULL;
    return PyTuple_Pack(2, mapped ? Py_True : Py_False,
                        m == NULL || m->py == NULL ? Py_None : m->py);
}

/* --- methods ------------------------------------------------------------------------------------------ */

/* do_orm_execute listeners may answer themselves or change statement, parameters, options: Python
   runs them and calls execute() again with _parent_execute_state set. */
static PyObject *
ask_listeners(exec_run *x, PyObject *add)
{
    PyObject *function =
        orm_import_once(&x->s->st->run_listeners, "pyorm.orm._execute", "run_listeners");

    return function == NULL
               ? NULL
               : PyObject_CallFunctionObjArgs(function, (PyObject *)x->s, x->statement,
                                              x->params == NULL ? Py_None : x->params,
                                              x->given == NULL ? Py_None : x->given,
                                              x->bind == NULL ? Py_None : x->bind,
                                              add == NULL ? Py_None : add, NULL);
}

static PyObject *
none_as_null(PyObject *v)
{
    return v == Py_None ? NULL : v;
}

static PyObject *
execute(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
        const orm_args_spec *spec)
{
    SessionObject *s = (SessionObject *)self;
    PyObject *out[X_COUNT] = {NULL};
    exec_run x = {.s = s};
    PyObject *result = NULL;

    if (orm_args_parse(spec, args, nargs, kwnames, out) < 0 || orm_session_enter(s) < 0) {
        return NULL;
    }
    x.statement = out[X_STATEMENT];
    x.params = none_as_null(out[X_PARAMS]);
    x.given = none_as_null(out[X_OPTIONS]);
    x.bind = none_as_null(out[X_BIND]);
    if (x.bind != NULL && PyDict_Check(x.bind) && PyDict_GET_SIZE(x.bind) == 0) {
        x.bind = NULL;
    }
    if (look_at(&x) < 0) {
        goto done;
    }
    if (none_as_null(out[X_PARENT]) == NULL
        && (orm_session_listens(s, ORM_SEV_do_orm_execute) || none_as_null(out[X_ADD]) != NULL)) {
        result = ask_listeners(&x, out[X_ADD]);
    }
    else if (merge_options(&x) == 0) {
        result = run(&x);
    }
done:
    Py_XDECREF(x.options);
    orm_session_leave(s);
    return result;
}

#define EXECUTE_NAMES                                                                          \
    {"statement", "params", "execution_options", "bind_arguments", "_parent_execute_state",    \
     "_add_event"}

PyObject *
orm_session_execute(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "Session.execute", .names = EXECUTE_NAMES,
                                       .count = X_COUNT, .npositional = 2, .nrequired = 1};

    return execute(self, args, nargs, kwnames, &spec);
}

/* The result's method, then drop the result. */
static PyObject *
then(PyObject *result, PyObject *method)
{
    PyObject *answer = result == NULL ? NULL : PyObject_CallMethodNoArgs(result, method);

    Py_XDECREF(result);
    return answer;
}

PyObject *
orm_session_scalar(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "Session.scalar", .names = EXECUTE_NAMES,
                                       .count = X_COUNT, .npositional = 2, .nrequired = 1};

    return then(execute(self, args, nargs, kwnames, &spec), ((SessionObject *)self)->st->s_scalar);
}

PyObject *
orm_session_scalars(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "Session.scalars", .names = EXECUTE_NAMES,
                                       .count = X_COUNT, .npositional = 2, .nrequired = 1};

    return then(execute(self, args, nargs, kwnames, &spec),
                ((SessionObject *)self)->st->s_scalars);
}
