/*
 * session/session_type.c - _core.SessionCore: construction, life, and the table of its methods.
 *
 * Place: pyorm.orm.Session adds what runs once in a while (get_bind, connection, merge, query);
 *   everything that runs per statement, instance or transaction is here in C.
 * Life: a session that is dropped without close() detaches its instances and gives its
 *   connections back by their own destructors, without I/O.
 */
#include "session/session_int.h"

/* --- construction ------------------------------------------------------------------------------ */

static PyObject *
session_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    orm_state *st = orm_state_from_type(type);
    SessionObject *s = st == NULL ? NULL : (SessionObject *)type->tp_alloc(type, 0);
    orm_session_room *room = st == NULL ? NULL : orm_session_room_of(st);

    if (s == NULL) {
        return NULL;
    }
    s->st = st;
    s->s.ops = &orm_session_ops_table;
    s->s.owner = (PyObject *)s;
    s->s.id = ++room->last_id;
    orm_idmap_init(&s->s.map);
    orm_list_push_back(&room->sessions, &s->link);
    s->autoflush = s->expire_on_commit = s->autobegin = s->close_resets_only = true;
    return (PyObject *)s;
}

enum {
    I_BIND, I_AUTOFLUSH, I_FUTURE, I_EXPIRE, I_AUTOBEGIN, I_TWOPHASE, I_BINDS, I_BAKED, I_INFO,
    I_QUERY, I_AUTOCOMMIT, I_JOIN, I_RESETS, I_OPTIONS, I_LAZY, I_COUNT
};
static const orm_args_spec init_spec = {
    .fname = "Session.__init__",
    .names = {"bind", "autoflush", "future", "expire_on_commit", "autobegin", "twophase", "binds",
              "enable_baked_queries", "info", "query_cls", "autocommit", "join_transaction_mode",
              "close_resets_only", "execution_options", "lazy"},
    .count = I_COUNT, .npositional = 1, .nrequired = 0};

/* *out: truth of a flag argument. 0 / -1. */
static int
read_flag(PyObject *v, bool dflt, bool *out)
{
    int truth = orm_arg_bool(v, dflt);

    *out = truth > 0;
    return truth < 0 ? -1 : 0;
}

/* What this session does not do is refused by name. */
static int
refuse_options(orm_state *st, PyObject *const *out)
{
    if (orm_arg_bool(out[I_FUTURE], 1) == 0) {
        return orm_raise_exc(st, ORM_EXC_ArgumentError,
                             "The 'future' parameter passed to Session() may only be set to True.");
    }
    if (orm_arg_bool(out[I_AUTOCOMMIT], 0) > 0) {
        return orm_raise_exc(st, ORM_EXC_ArgumentError,
                             "autocommit=True is no longer supported");
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* lazy: "select": each lazy load by itself; None: for peers of a result at once. 0 / -1. */
static int
read_lazy(orm_state *st, PyObject *v, bool *one_by_one)
{
    *one_by_one = v != NULL && PyUnicode_Check(v)
                  && PyUnicode_CompareWithASCIIString(v, "select") == 0;
    if (v == NULL || v == Py_None || *one_by_one) {
        return 0;
    }
    return orm_raise_exc(st, ORM_EXC_ArgumentError,
                         "Session(lazy=...) takes \"select\" or None, got %R", v);
}

static int
read_join_mode(orm_state *st, PyObject *v, uint8_t *out)
{
    static const char *const names[] = {[ORM_JOIN_CONDITIONAL] = "conditional_savepoint",
                                        [ORM_JOIN_ROLLBACK_ONLY] = "rollback_only",
                                        [ORM_JOIN_CONTROL_FULLY] = "control_fully",
                                        [ORM_JOIN_SAVEPOINT] = "create_savepoint"};

    if (v == NULL) {
        return 0;
    }
    for (uint8_t i = 0; PyUnicode_Check(v) && i < sizeof(names) / sizeof(names[0]); i++) {
        if (PyUnicode_CompareWithASCIIString(v, names[i]) == 0) {
            *out = i;
            return 0;
        }
    }
    return orm_raise_exc(st, ORM_EXC_ArgumentError,
                         "invalid selection for join_transaction_mode: \"%S\"", v);
}

/* The listeners of the class; a session gets a Dispatch of its own when it is listened to. */
static int
find_events(SessionObject *s)
{
    PyTypeObject *type = Py_TYPE(s);
    PyObject *found = NULL;

    if (type == s->st->SessionCore) {
        return 0;
    }
    if (PyDict_GetItemRef(type->tp_dict, s->st->s_class_dispatch, &found) < 0) {
        return -1;
    }
    if (found == NULL) {
        found = PyObject_GetAttr((PyObject *)type, s->st->s_dispatch); /* makes it */
    }
    if (found == NULL || !PyObject_TypeCheck(found, s->st->Dispatch)) {
        Py_XDECREF(found);
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_XSETREF(s->s.events, (orm_dispatch *)found);
    return 0;
}

/* Whether binds are chosen by Python. */
static int
find_routing(SessionObject *s, PyObject *binds)
{
    PyObject *answer = NULL;

    if (Py_TYPE(s) != s->st->SessionCore) {
        PyObject *plain = orm_import_once(&s->st->session_get_bind, "pyorm.orm.session",
                                          "_plain_get_bind");
        if (plain == NULL) {
            return -1;
        }
        s->routed = _PyType_Lookup(Py_TYPE(s), s->st->s_get_bind) != plain; /* borrow-ok: compared */
    }
    if (binds == NULL || binds == Py_None) {
        return 0;
    }
    s->routed = true;
    answer = PyObject_CallMethod((PyObject *)s, "_init_binds", "O", binds);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

static PyObject *
copy_dict(PyObject *given)
{
    PyObject *dict = PyDict_New();

    if (dict != NULL && PyDict_Update(dict, given) < 0) {
        Py_CLEAR(dict);
    }
    return dict;
}

static int
session_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    SessionObject *s = (SessionObject *)self;
    PyObject *out[I_COUNT] = {NULL};

    if (orm_args_parse_tuple(&init_spec, args, kwargs, out) < 0
        || refuse_options(s->st, out) < 0
        || read_flag(out[I_AUTOFLUSH], true, &s->autoflush) < 0
        || read_flag(out[I_EXPIRE], true, &s->expire_on_commit) < 0
        || read_flag(out[I_AUTOBEGIN], true, &s->autobegin) < 0
        || read_flag(out[I_TWOPHASE], false, &s->twophase) < 0
        || read_flag(out[I_RESETS], true, &s->close_resets_only) < 0
        || read_lazy(s->st, out[I_LAZY], &s->s.one_by_one) < 0
        || read_join_mode(s->st, out[I_JOIN], &s->join_mode) < 0) {
        return -1;
    }
    if (out[I_BIND] != NULL && out[I_BIND] != Py_None) {
        Py_XSETREF(s->bind, Py_NewRef(out[I_BIND]));
    }
    if (out[I_QUERY] != NULL && out[I_QUERY] != Py_None) {
        Py_XSETREF(s->query_cls, Py_NewRef(out[I_QUERY]));
    }
    if (out[I_INFO] != NULL && out[I_INFO] != Py_None) {
        Py_XSETREF(s->info, copy_dict(out[I_INFO]));
        if (s->info == NULL) {
            return -1;
        }
    }
    if (out[I_OPTIONS] != NULL && out[I_OPTIONS] != Py_None && PyObject_Size(out[I_OPTIONS]) > 0) {
        Py_XSETREF(s->options, copy_dict(out[I_OPTIONS]));
        if (s->options == NULL) {
            return -1;
        }
    }
    return PyErr_Occurred() || find_events(s) < 0 ? -1 : find_routing(s, out[I_BINDS]);
}

/* --- life -------------------------------------------------------------------------------------- */

static int
session_traverse(PyObject *self, visitproc visit, void *arg)
{
    SessionObject *s = (SessionObject *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(s->dict);
    Py_VISIT(s->bind);
    Py_VISIT(s->binds);
    Py_VISIT(s->options);
    Py_VISIT(s->info);
    Py_VISIT(s->query_cls);
    Py_VISIT(s->last);
    Py_VISIT(s->s.events);
    Py_VISIT(s->tx);
    Py_VISIT(s->blocked);
    int rc = orm_headset_traverse(&s->fresh, visit, arg);
    if (rc == 0) {
        rc = orm_headset_traverse(&s->dirty, visit, arg);
    }
    if (rc == 0) {
        rc = orm_headset_traverse(&s->loose, visit, arg);
    }
    return rc != 0 ? rc : orm_headset_traverse(&s->doomed, visit, arg);
}

/* Instances belong to nobody now. Runs no Python until the references are dropped at the end. */
static void
let_go(SessionObject *s)
{
    orm_headset sets[4];
    TxObject *tx = s->tx;

    for (TxObject *level = tx; level != NULL; level = level->parent) {
        ORM_HEADSET_EACH(&level->deleted, cell)
        {
            cell->head->session = NULL;
            orm_head_set_left(cell->head, ORM_LEFT_DROPPED);
        }
        level->session = NULL;
        level->state = ORM_STX_CLOSED;
    }
    orm_headset_move(&s->fresh, &sets[0]);
    orm_headset_move(&s->dirty, &sets[1]);
    orm_headset_move(&s->doomed, &sets[2]);
    orm_headset_move(&s->loose, &sets[3]);
    ORM_HEADSET_EACH(&sets[0], cell)
    {
        cell->head->flags &= ~(uint32_t)ORM_H_NEW;
        cell->head->session = NULL;
    }
    ORM_HEADSET_EACH(&sets[2], cell)
    {
        cell->head->flags &= ~(uint32_t)ORM_H_DELETING;
    }
    ORM_HEADSET_EACH(&sets[3], cell)
    {
        cell->head->session = NULL;
        orm_head_set_left(cell->head, ORM_LEFT_DROPPED);
    }
    orm_idmap_fini(&s->s.map);
    orm_idmap_init(&s->s.map);
    s->tx = NULL;
    for (int i = 0; i < 4; i++) {
        orm_headset_fini(&sets[i]);
    }
    Py_XDECREF(tx);
    Py_CLEAR(s->blocked);
}

static int
session_clear(PyObject *self)
{
    SessionObject *s = (SessionObject *)self;

    let_go(s);
    Py_CLEAR(s->dict);
    Py_CLEAR(s->bind);
    Py_CLEAR(s->binds);
    Py_CLEAR(s->options);
    Py_CLEAR(s->info);
    Py_CLEAR(s->query_cls);
    Py_CLEAR(s->last);
    Py_CLEAR(s->s.events);
    return 0;
}

static void
session_dealloc(PyObject *self)
{
    SessionObject *s = (SessionObject *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    orm_list_remove(&s->link);
    s->s.owner = NULL;
    if (s->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    (void)session_clear(self);
    orm_idmap_fini(&s->s.map);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot session_slots[] = {
    {Py_tp_doc, (void *)"SessionCore(bind=None, **options)\n--\n\nThe C side of a Session."},
    {Py_tp_new, session_new},
    {Py_tp_init, session_init},
    {Py_tp_traverse, session_traverse},
    {Py_tp_clear, session_clear},
    {Py_tp_dealloc, session_dealloc},
    {Py_tp_methods, orm_session_methods},
    {Py_tp_getset, orm_session_getset},
    {Py_tp_members, orm_session_members},
    {Py_tp_iter, orm_session_iter},
    {Py_sq_contains, orm_session_sq_contains},
    {0, NULL},
};

PyType_Spec orm_session_spec = {
    .name = "pyorm._core.SessionCore",
    .basicsize = sizeof(SessionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = session_slots,
};
