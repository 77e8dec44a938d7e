/*
 * orm/load_key.c - loading one instance by its key, and the SELECTs by key of load_slots.c.
 *
 * Place: Session.get(), by way of session/.
 * Statements: `SELECT columns WHERE primary key = ?` is compiled once per class, database and
 *   set of slots and kept by the plan, so that a call walks no tree: key values -> parameters ->
 *   row -> slots. What asks for more (FOR UPDATE, loader options, a schema map) is built as a
 *   statement and goes through the engine's cache.
 */
#include "orm/lazy.h"
#include "orm/load_keyed.h"
#include "orm/relation_expr.h"
#include "orm/relation.h"

static int
loads_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_loads *loads = (orm_loads *)self;

    Py_VISIT(Py_TYPE(self));
    for (int d = 0; d < ORM_NDIALECTS; d++) {
        Py_VISIT(loads->get[d]);
        Py_VISIT(loads->by_slots[d]);
    }
    return 0;
}

static int
loads_clear(PyObject *self)
{
    orm_loads *loads = (orm_loads *)self;

    for (int d = 0; d < ORM_NDIALECTS; d++) {
        Py_CLEAR(loads->get[d]);
        Py_CLEAR(loads->by_slots[d]);
    }
    return 0;
}

static void
loads_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    loads_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot loads_slots[] = {
    {Py_tp_doc, "The statements by which instances of one class are loaded by key."},
    {Py_tp_dealloc, loads_dealloc},
    {Py_tp_traverse, loads_traverse},
    {Py_tp_clear, loads_clear},
    {0, NULL},
};

PyType_Spec orm_loads_spec = {
    .name = "pyorm._core.MapperLoads",
    .basicsize = sizeof(orm_loads),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = loads_slots,
};

/* Borrowed from the plan, made at the first call; NULL with an exception. */
orm_loads *
orm_loads_of(orm_mapper *m)
{
    if (m->loads == NULL) {
        m->loads = m->state->MapperLoads->tp_alloc(m->state->MapperLoads, 0);
    }
    return (orm_loads *)m->loads;
}

/* --- building ----------------------------------------------------------------------------- */

/* `attribute = ?`, or IS NULL for a key that has no value there. New reference. */
static orm_node *
key_criterion(orm_mapper *m, uint32_t i, PyObject *value)
{
    orm_state *st = m->state;
    orm_attribute *a = m->attrs[m->pk[i]];
    orm_node *column = m->pk_nodes[i];
    orm_type *boolean = orm_type_builtin(st, ORM_T_BOOL);
    orm_node *right = NULL;
    orm_node *args[2];
    orm_node *made = NULL;

    if (boolean == NULL) {
        return NULL;
    }
    right = value == Py_None
                ? orm_node_make(st, ORM_N_NULLVAL, ORM_OP_NONE, orm_type_builtin(st, ORM_T_NULL),
                                NULL, 0, 0, NULL)
                : orm_bind_new(st, value, column->type, a->n.name, ORM_BIND_UNIQUE);
    if (right == NULL) {
        return NULL;
    }
    args[0] = column;
    args[1] = right;
    made = orm_node_make(st, ORM_N_BINARY, value == Py_None ? ORM_OP_IS : ORM_OP_EQ, boolean,
                         NULL, 0, 2, args);
    Py_DECREF(right);
    return made;
}

/* SELECT cols WHERE key = values. New reference. */
orm_node *
orm_select_by_key(orm_mapper *m, orm_node *const *cols, Py_ssize_t ncols, PyObject *const *values)
{
    orm_state *st = m->state;
    orm_node *list = orm_node_make(st, ORM_N_LIST, ORM_OP_COMMA, NULL, NULL, 0, ncols, cols);
    orm_node *where = NULL;
    orm_node *select = NULL;

    if (list == NULL) {
        return NULL;
    }
    where = (orm_node *)Py_XNewRef(m->own_rows);
    for (uint32_t i = 0; i < m->npk; i++) {
        orm_node *one = key_criterion(m, i, values[i]);
        orm_node *both = one == NULL ? NULL : orm_and(st, where, one);

        Py_XDECREF(one);
        Py_XSETREF(where, both);
        if (where == NULL) {
            goto done;
        }
    }
    select = orm_node_new(st, NULL, ORM_N_SELECT, ORM_SEL__COUNT);
    if (select == NULL) {
        goto done;
    }
    select->args[ORM_SEL_COLS] = (orm_node *)Py_NewRef(list);
    select->args[ORM_SEL_WHERE] = (orm_node *)Py_XNewRef(where);
    if (orm_node_seal(st, select) < 0) {
        Py_CLEAR(select);
    }
done:
    Py_DECREF(list);
    Py_XDECREF(where);
    return select;
}

orm_compiled *
orm_load_prepare_select(orm_mapper *m, uint8_t dialect, orm_node *select)
{
    orm_compile_opts opts = {.dialect = dialect};
    orm_compiled *c = NULL;
    orm_values vals;

    if (orm_compile_cached(m->state, NULL, select, &opts, &c, &vals) == 0) {
        orm_values_fini(&vals);
        c->wire.flags |= ORM_TEXT_OWN_SHAPE | ORM_TEXT_UNIQUE_GET;
    }
    return c;
}

orm_compiled *
orm_load_prepare(orm_mapper *m, uint8_t dialect, orm_node *const *cols, Py_ssize_t ncols)
{
    orm_compiled *c = NULL;
    PyObject *few[8] = {NULL};
    PyObject **values = m->npk <= 8 ? few : PyMem_Malloc(m->npk * sizeof(*values));
    orm_node *select = NULL;

    if (values == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (uint32_t i = 0; i < m->npk; i++) {
        values[i] = Py_False; /* any value: only its place is in the statement */
    }
    select = orm_select_by_key(m, cols, ncols, values);
    if (values != few) {
        PyMem_Free(values);
    }
    c = select == NULL ? NULL : orm_load_prepare_select(m, dialect, select);
    Py_XDECREF(select);
    return c;
}

/* --- keys --------------------------------------------------------------------------------- */

/* The values of a key as objects, in the order of the primary key: new references into
   `values`. 0 / -1. */
static int
key_values(const orm_mapper *m, const orm_key *k, PyObject **values)
{
    if (k->kind == ORM_KEY_MANY) {
        for (uint32_t i = 0; i < m->npk; i++) {
            values[i] = Py_NewRef(PyTuple_GET_ITEM(k->obj, i));
        }
        return 0;
    }
    values[0] = k->kind == ORM_KEY_INT ? PyLong_FromLongLong(k->i) : Py_NewRef(k->obj);
    return values[0] == NULL ? -1 : 0;
}

int
orm_key_room_fill(orm_key_room *room, const orm_mapper *m, const orm_key *k)
{
    room->n = 0;
    room->v = m->npk <= 8 ? room->few : PyMem_Malloc(m->npk * sizeof(*room->v));
    if (room->v == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (key_values(m, k, room->v) < 0) {
        return -1;
    }
    room->n = m->npk;
    return 0;
}

void
orm_key_room_fini(orm_key_room *room)
{
    for (uint32_t i = 0; i < room->n; i++) {
        Py_DECREF(room->v[i]);
    }
    if (room->v != room->few) {
        PyMem_Free(room->v);
    }
}

static bool
has_null(const orm_key_room *room)
{
    for (uint32_t i = 0; i < room->n; i++) {
        if (room->v[i] == Py_None) {
            return true;
        }
    }
    return false;
}

/* --- statements that ask for more --------------------------------------------------------- */

/* `made` becomes the result of calling a method of it. 0 / -1. */
static int
refine(orm_node **made, const char *method, PyObject *args, PyObject *kwargs)
{
    PyObject *fn = PyObject_GetAttrString((PyObject *)*made, method);
    PyObject *answer = fn == NULL ? NULL : PyObject_Call(fn, args, kwargs);

    Py_XDECREF(fn);
    if (answer == NULL) {
        return -1;
    }
    Py_SETREF(*made, (orm_node *)answer);
    return 0;
}

/* FOR UPDATE and loader options onto the statement. 0 / -1. */
int
orm_select_add(orm_node **select, const orm_load_opts *opts)
{
    PyObject *args = NULL;
    int rc = 0;

    if (opts == NULL) {
        return 0;
    }
    if (opts->for_update != NULL && opts->for_update != Py_None && opts->for_update != Py_False) {
        args = PyTuple_New(0);
        rc = args == NULL ? -1
                          : refine(select, "with_for_update", args,
                                   PyDict_Check(opts->for_update) ? opts->for_update : NULL);
        Py_CLEAR(args);
    }
    if (rc == 0 && opts->options != NULL && opts->options != Py_None) {
        args = PySequence_Tuple(opts->options);
        rc = args == NULL ? -1 : refine(select, "options", args, NULL);
        Py_XDECREF(args);
    }
    return rc;
}

/* Compile by the engine's cache and run. 0 / -1. */
int
orm_load_run_built(PyObject *conn, orm_mapper *m, orm_node *select, const orm_load_opts *opts,
          orm_compiled **c, orm_result **r)
{
    PyObject *engine = orm_connection_engine(conn);
    orm_conn_facts facts = {0};
    orm_compile_opts how = {.dialect = orm_engine_driver(engine)->dialect};
    orm_run_opts run = {.mode = ORM_RUN_BUFFER,
                        .options = opts == NULL ? NULL : opts->exec_options};
    orm_values vals;
    int rc;

    if (orm_connection_facts(conn, &facts) < 0) {
        return -1;
    }
    how.schema_map = facts.schemas;
    how.flags = facts.schemas != NULL ? ORM_COMPILE_SCHEMA_MAP : 0;
    if (orm_compile_cached(m->state, orm_engine_cache(engine), select, &how, c, &vals) < 0) {
        return -1;
    }
    rc = orm_exec_run(conn, *c, vals.v, vals.n, &run, r);
    orm_values_fini(&vals);
    if (rc < 0) {
        Py_CLEAR(*c);
    }
    return rc;
}

bool
orm_load_asks_for_more(PyObject *conn, const orm_load_opts *opts, const orm_key_room *key)
{
    orm_conn_facts facts = {0};

    if (has_null(key)
        || (opts != NULL && (opts->for_update != NULL || opts->options != NULL
                             || opts->exec_options != NULL))) {
        return true;
    }
    if (orm_connection_facts(conn, &facts) < 0) {
        PyErr_Clear(); /* running the statement will say it */
        return false;
    }
    return facts.schemas != NULL;
}

/* --- get ---------------------------------------------------------------------------------- */

/* Start the statement that brings the row; *statement (owned): where one was made for it. 0 / -1. */
static int
run_get(PyObject *conn, orm_mapper *m, const orm_key_room *key, const orm_load_opts *opts,
        orm_compiled **c, orm_result **r, orm_node **statement)
{
    orm_run_opts run = {.mode = ORM_RUN_BUFFER};
    uint8_t dialect = orm_engine_driver(orm_connection_engine(conn))->dialect;
    orm_loads *loads = NULL;
    orm_node *select = NULL;
    int rc;

    if (orm_load_asks_for_more(conn, opts, key)) {
        select = orm_select_by_key(m, &m->entity, 1, key->v);
        rc = select == NULL ? -1 : orm_select_add(&select, opts);
        rc = rc < 0 ? -1 : orm_load_run_built(conn, m, select, opts, c, r);
        *statement = select;
        return rc;
    }
    loads = orm_loads_of(m);
    if (loads == NULL) {
        return -1;
    }
    if (loads->get[dialect] == NULL) {
        orm_compiled *made = orm_load_prepare(m, dialect, &m->entity, 1);
        if (made == NULL) {
            return -1;
        }
        Py_XSETREF(loads->get[dialect], made);
    }
    ORM_COUNT(load_prepared);
    *c = (orm_compiled *)Py_NewRef(loads->get[dialect]);
    rc = orm_exec_run(conn, *c, key->v, key->n, &run, r);
    if (rc < 0) {
        Py_CLEAR(*c);
    }
    return rc;
}

/* The instance of the rows: one row, or as many as joined collections make. 0 / -1. */
static int
read_rows(orm_loader *l, PyObject **out)
{
    const orm_cell *cells = NULL;
    int rc;

    while ((rc = orm_result_next(l->r, &cells)) > 0) {
        PyObject *obj = NULL;

        l->row++;
        obj = orm_loader_entity(l, &l->plan->ents[0], cells);
        if (obj == NULL) {
            rc = -1;
            break;
        }
        Py_XSETREF(*out, obj);
        if (!l->plan->repeats) {
            rc = 0;
            break;
        }
    }
    if (rc < 0) {
        orm_loader_failed(l);
    }
    else {
        rc = orm_loader_batch_done(l);
    }
    if (rc < 0 || *out == Py_None) {
        Py_CLEAR(*out);
    }
    return rc;
}

int
orm_load_get(orm_session *s, PyObject *conn, orm_mapper *m, const orm_key *k,
             const orm_load_opts *opts, PyObject **out)
{
    orm_key_room key = {0};
    orm_loader l = {.token = Py_XNewRef(k->token)};
    orm_compiled *c = NULL;
    orm_result *r = NULL;
    orm_node *statement = NULL;
    int rc = -1;

    *out = NULL;
    if (m->entity == NULL) {
        orm_raise_exc(m->state, ORM_EXC_InvalidRequestError,
                      "'%s' is not mapped to anything that can be selected from", m->cls->tp_name);
        goto done;
    }
    if (orm_key_room_fill(&key, m, k) < 0 || run_get(conn, m, &key, opts, &c, &r, &statement) < 0) {
        goto done;
    }
    if (statement == NULL && orm_plan_has_subquery(c->load)) { /* which repeats it */
        statement = orm_select_by_key(m, &m->entity, 1, key.v);
    }
    l.overwrite = opts != NULL && opts->populate_existing;
    l.streams = true; /* it comes alone */
    if (orm_loader_init(&l, s, c, r) < 0 || PyErr_Occurred()) {
        goto done;
    }
    l.statement = Py_XNewRef((PyObject *)statement);
    rc = read_rows(&l, out);
done:
    orm_loader_fini(&l);
    orm_key_room_fini(&key);
    Py_XDECREF(statement);
    Py_XDECREF(c);
    return rc;
}

PyObject *
orm_load_get_statement(orm_mapper *m, const orm_key *k, const orm_load_opts *opts)
{
    orm_key_room key = {0};
    orm_node *select = NULL;

    if (m->entity == NULL) {
        orm_raise_exc(m->state, ORM_EXC_InvalidRequestError,
                      "'%s' is not mapped to anything that can be selected from", m->cls->tp_name);
        return NULL;
    }
    if (orm_key_room_fill(&key, m, k) == 0) {
        select = orm_select_by_key(m, &m->entity, 1, key.v);
        if (select != NULL && orm_select_add(&select, opts) < 0) {
            Py_CLEAR(select);
        }
    }
    orm_key_room_fini(&key);
    return (PyObject *)select;
}

/* --- setup -------------------------------------------------------------------------------- */

int
orm_load_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &orm_option_spec, NULL, &st->LoaderOption) < 0
        || orm_type_add(module, st, &orm_alias_spec, NULL, &st->AliasedEntity) < 0
        || orm_type_add(module, st, &orm_relation_spec, NULL, &st->Relation) < 0
        || orm_type_add(module, st, &orm_relloads_spec, NULL, &st->RelationLoads) < 0
        || orm_type_add(module, st, &orm_loads_spec, NULL, &st->MapperLoads) < 0
        || orm_relation_setup(module, st) < 0) {
        return -1;
    }
    if (PyModule_AddFunctions(module, orm_eager_functions) < 0) {
        return -1;
    }
    return orm_sql_set_orm_ops(st, &orm_load_sql_ops);
}
