/*
 * session/get.c - Session.get: an instance by its primary key, from the identity map if it can.
 *
 * Place: the fast path (class and one integer, instance in the map and not expired) is one
 *   look-up of the plan, one of the map, and no Python frame; everything else comes below it.
 * What an identity may be: a value, a tuple or list of values, or a dict by attribute name.
 */
#include "session/session_int.h"

enum { G_ENTITY, G_IDENT, G_OPTIONS, G_POPULATE, G_FOR_UPDATE, G_TOKEN, G_EXEC, G_BIND, G_COUNT };

/* What pyorm.orm.session raises for wrong entities and identities. Returns a new reference. */
static PyObject *
ask_python(SessionObject *s, const char *name, PyObject *a, PyObject *b)
{
    PyObject *module = orm_import_once(&s->st->session_module, "pyorm.orm.session", NULL);

    return module == NULL ? NULL : PyObject_CallMethod(module, name, "OO", a, b);
}

/* The plan of what the user named: a class, or what Python makes of it. Borrowed. */
static orm_mapper *
plan_of(SessionObject *s, PyObject *entity)
{
    orm_mapper *m = PyType_Check(entity) ? orm_mapper_of(s->st, (PyTypeObject *)entity) : NULL;

    if (m == NULL) {
        PyObject *plan = ask_python(s, "_plan_of_entity", entity, Py_None);
        if (plan != NULL) {
            m = Py_IS_TYPE(plan, s->st->MapperPlan) ? (orm_mapper *)plan : NULL;
            Py_DECREF(plan); /* its class holds it */
        }
    }
    return m;
}

/* Key of a dict by attribute names. 1 / -1. */
static int
key_of_dict(SessionObject *s, orm_mapper *m, PyObject *ident, PyObject *token, orm_key *key)
{
    PyObject *tuple = ask_python(s, "_identity_of_dict", (PyObject *)m, ident);
    int rc = -1;

    if (tuple != NULL && PyTuple_Check(tuple) && PyTuple_GET_SIZE(tuple) == (Py_ssize_t)m->npk) {
        rc = orm_key_init(key, m, &PyTuple_GET_ITEM(tuple, 0), token) < 0 ? -1 : 1;
    }
    Py_XDECREF(tuple);
    return rc;
}

/* 1: *key is made (release it); 0: no row can have it (a warning was given); -1. */
static int
key_of_ident(SessionObject *s, orm_mapper *m, PyObject *ident, PyObject *token, orm_key *key)
{
    PyObject *const *values = &ident;
    Py_ssize_t n = 1;
    Py_ssize_t nulls = 0;

    if (PyDict_Check(ident)) {
        return key_of_dict(s, m, ident, token, key);
    }
    if (PyTuple_Check(ident) || PyList_Check(ident)) {
        values = PySequence_Fast_ITEMS(ident);
        n = PySequence_Fast_GET_SIZE(ident);
    }
    if (n != (Py_ssize_t)m->npk) {
        PyObject *never = ask_python(s, "_wrong_identity", (PyObject *)m, ident);
        Py_XDECREF(never);
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        nulls += values[i] == Py_None;
    }
    if (nulls == n) {
        return orm_warn(s->st, ORM_EXC_SAWarning, 1,
                        "fully NULL primary key identity cannot load any object.  This condition "
                        "may raise an error in a future release.");
    }
    return orm_key_init(key, m, values, token) < 0 ? -1 : 1;
}

/* An instance of the map is expired: load it; gone from the database: no instance.
   1 it is current; 0 its row is gone; -1. */
static int
revalidate(SessionObject *s, orm_head *h)
{
    PyObject *conn = NULL;
    PyObject *module = NULL;
    PyObject *cls = NULL;
    int rc;

    if (orm_session_autoflush(s) < 0) {
        return -1;
    }
    if (!(h->flags & ORM_H_EXPIRED)) {
        return 1;
    }
    conn = Py_XNewRef(orm_session_connection_for(s, h->mapper, NULL, NULL));
    rc = conn == NULL ? -1 : orm_load_refresh(&s->s, conn, h, NULL, 0, NULL);
    Py_XDECREF(conn);
    if (rc == 0) {
        return 1;
    }
    PyObject *error = PyErr_GetRaisedException();
    module = orm_import_once(&s->st->orm_exc_module, "pyorm.orm.exc", NULL);
    cls = module == NULL ? NULL : PyObject_GetAttrString(module, "ObjectDeletedError");
    if (cls != NULL && PyErr_GivenExceptionMatches(error, cls)) {
        Py_CLEAR(error);
        rc = orm_session_forget_deleted(s, h);
    }
    Py_XDECREF(cls);
    if (error != NULL) {
        PyErr_SetRaisedException(error);
    }
    return rc;
}

/* From the map: 1 and *out (owned); 0 it is not there; -1; 2 there is none (row gone, or of a
   class that m is no base of). */
static int
from_map(SessionObject *s, orm_mapper *m, const orm_key *key, PyObject **out)
{
    PyObject *obj = NULL;
    orm_head *h = NULL;
    int rc;

    if (orm_idmap_get(&s->s.map, key, &obj, &h) < 0) {
        return -1;
    }
    if (obj == NULL) {
        return 0;
    }
    if (!orm_mapper_isa(h->mapper, m)) {
        Py_DECREF(obj);
        return 2;
    }
    rc = h->flags & ORM_H_EXPIRED ? revalidate(s, h) : 1;
    if (rc == 1) {
        *out = obj;
        return 1;
    }
    Py_DECREF(obj);
    return rc < 0 ? -1 : 2;
}

/* Execution options of the session and of the call in one dict; *out NULL: none. 0 / -1. */
static int
merge_options(SessionObject *s, PyObject *given, PyObject **out)
{
    *out = NULL;
    if (given == Py_None || (given != NULL && PyDict_Check(given) && PyDict_GET_SIZE(given) == 0)) {
        given = NULL;
    }
    if (s->options == NULL && given == NULL) {
        return 0;
    }
    *out = PyDict_New();
    if (*out == NULL || (s->options != NULL && PyDict_Update(*out, s->options) < 0)
        || (given != NULL && PyDict_Update(*out, given) < 0)) {
        Py_CLEAR(*out);
        return -1;
    }
    return 0;
}

/* NULL where the argument says nothing. */
static PyObject *
given(PyObject *v)
{
    return v == Py_None || v == Py_False ? NULL : v;
}

/* get() where somebody listens to do_orm_execute. Instance (new reference) or NULL; without an
   exception: there is none. */
static PyObject *
get_by_listeners(SessionObject *s, orm_mapper *m, const orm_key *key, const orm_load_opts *opts,
                 PyObject *bind)
{
    PyObject *run = orm_import_once(&s->st->run_get, "pyorm.orm._execute", "run_get");
    PyObject *statement = run == NULL ? NULL : orm_load_get_statement(m, key, opts);
    PyObject *found = NULL;

    if (statement != NULL) {
        found = PyObject_CallFunctionObjArgs(
            run, (PyObject *)s, statement, m->py,
            opts->exec_options == NULL ? Py_None : opts->exec_options,
            opts->populate_existing ? Py_True : Py_False, key->token == NULL ? Py_None : key->token,
            bind == NULL ? Py_None : bind, NULL);
        Py_DECREF(statement);
    }
    if (found == Py_None) {
        Py_CLEAR(found);
    }
    return found;
}

/* Whether the options of the call say where tables are: then the SELECT is compiled as any other. */
static bool
names_schemas(PyObject *options)
{
    int rc = options == NULL ? 0 : PyMapping_HasKeyString(options, "schema_translate_map");

    return rc > 0;
}

/* A flag among execution options, which may be NULL. 1 / 0 / -1. */
static int
flag_of(PyObject *options, PyObject *name, int otherwise)
{
    PyObject *flag = NULL;
    int truth = otherwise;

    if (options != NULL && PyDict_GetItemRef(options, name, &flag) < 0) {
        return -1;
    }
    if (flag != NULL) {
        truth = PyObject_IsTrue(flag);
        Py_DECREF(flag);
    }
    return truth;
}

/* Autoflush, unless the execution options say otherwise. 0 / -1. */
static int
flush_first(SessionObject *s, PyObject *options)
{
    int wanted = flag_of(options, s->st->s_autoflush, 1);

    return wanted > 0 ? orm_session_autoflush(s) : wanted;
}

/* The instance (new reference) or NULL; without an exception: there is none. */
static PyObject *
get_inside(SessionObject *s, PyObject *const *out)
{
    orm_load_opts opts = {.for_update = given(out[G_FOR_UPDATE]),
                          .options = given(out[G_OPTIONS])};
    PyObject *options = NULL;
    PyObject *conn = NULL;
    PyObject *found = NULL;
    orm_key key = {0};
    int populate = orm_arg_bool(out[G_POPULATE], 0);
    orm_mapper *m = populate < 0 ? NULL : plan_of(s, out[G_ENTITY]);
    int rc = m == NULL ? -1 : key_of_ident(s, m, out[G_IDENT], out[G_TOKEN], &key);

    if (rc <= 0) {
        return NULL;
    }
    if (merge_options(s, out[G_EXEC], &options) < 0) {
        goto done;
    }
    if (populate == 0 && (populate = flag_of(options, s->st->s_populate_existing, 0)) < 0) {
        goto done;
    }
    opts.populate_existing = populate;
    opts.exec_options = options;
    if (!populate && opts.for_update == NULL) {
        rc = from_map(s, m, &key, &found);
        if (rc != 0) {
            goto done;
        }
    }
    if (flush_first(s, options) < 0) {
        goto done;
    }
    if (orm_session_listens(s, ORM_SEV_do_orm_execute) || names_schemas(given(out[G_EXEC]))) {
        found = get_by_listeners(s, m, &key, &opts, given(out[G_BIND]));
        goto done;
    }
    conn = Py_XNewRef(orm_session_connection_for(s, m, NULL, given(out[G_BIND])));
    if (conn == NULL) {
        goto done;
    }
    if (populate) {
        orm_connection_freshen(conn);
    }
    (void)orm_load_get(&s->s, conn, m, &key, &opts, &found);
done:
    Py_XDECREF(conn);
    Py_XDECREF(options);
    orm_key_fini(&key);
    return found;
}

#define GET_NAMES                                                                              \
    {"entity", "ident", "options", "populate_existing", "with_for_update", "identity_token",   \
     "execution_options", "bind_arguments"}

static PyObject *
get_slowly(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
           const orm_args_spec *spec)
{
    PyObject *out[G_COUNT];
    PyObject *found = NULL;

    if (orm_args_parse(spec, args, nargs, kwnames, out) < 0 || orm_session_enter(s) < 0) {
        return NULL;
    }
    found = get_inside(s, out);
    orm_session_leave(s);
    return found;
}

typedef struct int_key {
    const orm_mapper *root;
    int64_t i;
} int_key;

static int
has_int_key(const void *value, const void *key)
{
    const orm_head *h = value;
    const int_key *k = key;

    return h->ident.i == k->i && (h->flags & (ORM_H_KEY_INT | ORM_H_TOKEN)) == ORM_H_KEY_INT
           && h->mapper->root == k->root;
}

/* fast path: same answer as get_inside, for a class and an int whose instance the map has.
   New reference, or NULL without an exception: go the long way. */
static inline PyObject *
get_fast(SessionObject *s, PyObject *cls, PyObject *ident)
{
    orm_mapper *m = s->last;
    int overflow = 0;
    orm_key key;
    orm_tagcell *cell = NULL;

    if (m == NULL || (PyObject *)m->cls != cls || m->disposed) {
        m = orm_mapper_of(s->st, (PyTypeObject *)cls);
        if (m == NULL || m->npk != 1) {
            return NULL;
        }
        Py_XSETREF(s->last, (orm_mapper *)Py_NewRef(m));
    }
    int_key wanted = {.root = m->root, .i = PyLong_AsLongLongAndOverflow(ident, &overflow)};
    if (overflow != 0) {
        return NULL;
    }
    orm_key_init_int(&key, m, wanted.i);
    cell = orm_tagmap_find(&s->s.map.table, key.hash, has_int_key, &wanted);
    if (cell == NULL) {
        return NULL;
    }
    orm_head *h = orm_tagmap_value(*cell);
    return h->mapper == m && !(h->flags & ORM_H_EXPIRED) ? orm_head_object(h) : NULL;
}

PyObject *
orm_session_get(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "Session.get", .names = GET_NAMES,
                                       .count = G_COUNT, .npositional = 2, .nrequired = 2};
    SessionObject *s = (SessionObject *)self;
    PyObject *found = NULL;

    if (nargs == 2 && kwnames == NULL && PyLong_CheckExact(args[1]) && PyType_Check(args[0])
        && s->depth == 0) {
        found = get_fast(s, args[0], args[1]);
        if (found != NULL) {
            ORM_COUNT(session_get_hit);
            return found;
        }
    }
    found = get_slowly(s, args, nargs, kwnames, &spec);
    return found == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : found;
}

PyObject *
orm_session_get_one(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "Session.get_one", .names = GET_NAMES,
                                       .count = G_COUNT, .npositional = 2, .nrequired = 2};
    SessionObject *s = (SessionObject *)self;
    PyObject *found = get_slowly(s, args, nargs, kwnames, &spec);

    if (found == NULL && !PyErr_Occurred()) {
        orm_raise_exc(s->st, ORM_EXC_NoResultFound, "No row was found when one was required");
    }
    return found;
}
