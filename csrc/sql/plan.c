/*
 * plan.c - from a complete text to the frozen `orm_compiled`: slots and result columns.
 *
 * Place: orm_compile, called by the cache on a miss. exec/ reads what is made here.
 * Ownership: the orm_compiled owns its text, slots, columns and load plan; the run gives
 *   up what it hands over. Nothing of it holds a user's value.
 */
#include "compile.h"

#include "plan.h"

/* --- the type --------------------------------------------------------------------------- */

static int
compiled_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_compiled *c = (orm_compiled *)self;

    Py_VISIT(Py_TYPE(self));
    for (uint32_t i = 0; i < c->nslots; i++) {
        Py_VISIT((PyObject *)c->slots[i].type);
        Py_VISIT(c->slots[i].column);
        Py_VISIT(c->slots[i].dflt);
        Py_VISIT(c->slots[i].value);
    }
    for (uint32_t i = 0; i < c->ncols; i++) {
        Py_VISIT((PyObject *)c->cols[i].type);
        Py_VISIT((PyObject *)c->cols[i].expr);
    }
    for (uint32_t i = 0; i < c->npins; i++) {
        Py_VISIT(c->pins[i]);
    }
    return c->load != NULL ? c->load_traverse(c->load, visit, arg) : 0;
}

void
orm_slots_free(orm_slot *slots, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        Py_XDECREF((PyObject *)slots[i].type);
        Py_XDECREF(slots[i].name);
        Py_XDECREF(slots[i].column);
        Py_XDECREF(slots[i].dflt);
        Py_XDECREF(slots[i].value);
    }
    PyMem_Free(slots);
}

static int
compiled_clear(PyObject *self)
{
    orm_compiled *c = (orm_compiled *)self;
    orm_slot *slots = c->slots;
    orm_rescol *cols = c->cols;
    PyObject **pins = c->pins;
    uint32_t nslots = c->nslots, ncols = c->ncols, npins = c->npins;

    c->slots = NULL;
    c->cols = NULL;
    c->pins = NULL;
    c->nslots = c->ncols = c->npins = 0;
    orm_slots_free(slots, nslots);
    for (uint32_t i = 0; i < ncols; i++) {
        Py_XDECREF(cols[i].name);
        Py_XDECREF((PyObject *)cols[i].type);
        Py_XDECREF((PyObject *)cols[i].expr);
    }
    PyMem_Free(cols);
    for (uint32_t i = 0; i < npins; i++) {
        Py_XDECREF(pins[i]);
    }
    PyMem_Free(pins);
    if (c->render != NULL && c->render_free != NULL) {
        void *render = c->render;

        c->render = NULL;
        c->render_free(render);
    }
    if (c->load != NULL && c->load_free != NULL) {
        void *load = c->load;

        c->load = NULL;
        c->load_free(load);
    }
    Py_CLEAR(c->names);
    return 0;
}

static void
compiled_dealloc(PyObject *self)
{
    orm_compiled *c = (orm_compiled *)self;
    PyTypeObject *tp = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    (void)compiled_clear(self);
    orm_free((void *)c->wire.sql);
    PyMem_Free(c->key);
    tp->tp_free(self);
    Py_DECREF(tp);
}

static PyObject *
compiled_string(PyObject *self, void *closure)
{
    orm_compiled *c = (orm_compiled *)self;

    (void)closure;
    return PyUnicode_DecodeUTF8(c->wire.sql, (Py_ssize_t)c->wire.len, "strict");
}

static PyGetSetDef compiled_getset[] = {
    {"string", compiled_string, NULL, "The text that is sent to the database.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot compiled_slots[] = {
    {Py_tp_doc, "A statement compiled for one database: text, placeholders, result columns."},
    {Py_tp_traverse, compiled_traverse},
    {Py_tp_clear, compiled_clear},
    {Py_tp_dealloc, compiled_dealloc},
    {Py_tp_getset, compiled_getset},
    {0, NULL},
};

PyType_Spec orm_compiled_spec = {
    .name = "pyorm._core.CompiledStatement",
    .basicsize = sizeof(orm_compiled),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = compiled_slots,
};

/* --- slots ------------------------------------------------------------------------------ */

/* The array type over an item type, for lists that go as one array. New reference. */
static orm_type *
array_type(orm_cctx *cc, orm_type *item)
{
    PyObject *types = PyImport_ImportModule("pyorm.types"), *engine;
    orm_type *array = NULL;

    engine = types == NULL ? NULL : PyObject_CallMethod(types, "ARRAY", "O", item->engine);
    if (engine != NULL) {
        array = orm_type_of(cc->st, engine);
        Py_DECREF(engine);
    }
    Py_XDECREF(types);
    return array;
}

int
orm_slot_fill(orm_cctx *cc, const orm_occ *occ, orm_slot *slot)
{
    const orm_bindrec *rec = cc->recs[occ->rec];

    *slot = (orm_slot){.bind = rec->ordinal, .flags = rec->flags, .item = ORM_SLOT_WHOLE,
                       .part = -1, .stored = rec->stored};
    if (occ->in == ORM_IN_ONE) {
        slot->item = 0;
    } else if (occ->in == ORM_IN_ARRAY) {
        slot->item = ORM_SLOT_ARRAY;
    }
    slot->name = PyUnicode_DecodeUTF8(rec->name.p, (Py_ssize_t)rec->name.n, "strict");
    if (slot->name == NULL) {
        return -1;
    }
    PyUnicode_InternInPlace(&slot->name);
    slot->type = rec->type != NULL ? rec->type : orm_type_builtin(cc->st, ORM_T_NULL);
    if (occ->in == ORM_IN_ARRAY) {
        slot->type = array_type(cc, slot->type);
    } else {
        Py_XINCREF((PyObject *)slot->type);
    }
    slot->column = Py_XNewRef(rec->column);
    slot->dflt = Py_XNewRef(rec->dflt);
    slot->value = Py_XNewRef(rec->value);
    return slot->type == NULL ? -1 : 0;
}

static int
fill_slots(orm_cctx *cc, orm_compiled *c, const orm_finished *f)
{
    c->slots = PyMem_Calloc(f->norder + 1, sizeof(*c->slots));
    if (c->slots == NULL) {
        return orm_no_memory();
    }
    for (uint32_t i = 0; i < f->norder; i++) {
        c->nslots = i + 1;
        if (orm_slot_fill(cc, &cc->occs[f->order[i]], &c->slots[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

static uint8_t
verb_of(const orm_node *stmt)
{
    switch (stmt->kind) {
    case ORM_N_SELECT:
    case ORM_N_COMPOUND:
    case ORM_N_VALUES:
        return ORM_VERB_SELECT;
    case ORM_N_INSERT:
        return ORM_VERB_INSERT;
    case ORM_N_UPDATE:
        return ORM_VERB_UPDATE;
    case ORM_N_DELETE:
        return ORM_VERB_DELETE;
    case ORM_N_FROMSTMT:
        return verb_of(stmt->args[ORM_FS_STATEMENT]);
    default:
        return ORM_VERB_UNKNOWN;
    }
}

/* WITH before the statement may hold a DML: then only the database can tell. */
static uint8_t
verb_with(const orm_cctx *cc, uint8_t verb)
{
    for (const orm_cte *c = cc->ctes; c != NULL; c = c->next) {
        unsigned kind = c->node->args[0]->kind;

        if (kind == ORM_N_INSERT || kind == ORM_N_UPDATE || kind == ORM_N_DELETE) {
            return ORM_VERB_DML;
        }
    }
    return verb;
}

/* Aggregates only, without GROUP BY: one row. */
static bool
is_one_row(const orm_node *stmt)
{
    const orm_node *cols = stmt->kind == ORM_N_SELECT ? stmt->args[ORM_SEL_COLS] : NULL;

    if (cols == NULL || stmt->args[ORM_SEL_GROUP] != NULL || nargs(cols) == 0) {
        return false;
    }
    for (Py_ssize_t i = 0; i < nargs(cols); i++) {
        const orm_node *c = cols->args[i];

        c = c->kind == ORM_N_LABEL ? c->args[0] : c;
        c = c->kind == ORM_N_FILTER ? c->args[0] : c;
        if (c->kind != ORM_N_FUNC || !(c->aux & ORM_FUNC_AGGREGATE)) {
            return false;
        }
    }
    return true;
}

static int
hand_over(orm_cctx *cc, orm_compiled *c, orm_buf *text, const orm_finished *f)
{
    size_t len;

    c->wire.sql = orm_buf_steal(text, &len);
    if (c->wire.sql == NULL) {
        return orm_no_memory();
    }
    c->wire.len = len;
    c->wire.id = f->nholes > 0 ? 0 : ++sql_room(cc->st)->next_text_id;
    c->wire.verb = c->verb = verb_with(cc, verb_of(cc->stmt));
    c->wire.flags = cc->implicit_returning || is_one_row(cc->stmt) ? ORM_TEXT_BOUNDED : 0;
    c->cols = cc->cols;
    c->ncols = cc->ncols;
    cc->cols = NULL;
    cc->ncols = 0;
    c->load = cc->load;
    c->load_free = cc->load_free;
    c->load_traverse = cc->load_traverse;
    cc->load = NULL;
    c->uncacheable = cc->uncacheable || (cc->stmt->flags & ORM_F_UNCACHEABLE) != 0;
    c->implicit_returning = cc->implicit_returning;
    c->nbinds = cc->values == NULL ? 0 : cc->values->n;
    c->bytes = sizeof(*c) + len + c->nslots * sizeof(*c->slots) + c->ncols * sizeof(*c->cols);
    return 0;
}

int
orm_compile(orm_state *st, orm_node *stmt, const orm_compile_opts *opts, const orm_values *binds,
            orm_compiled **out)
{
    orm_cctx cc;
    orm_buf text = {0};
    orm_finished f;
    orm_compiled *c = NULL;
    int rc = -1;

    if (orm_cctx_init(&cc, st, stmt, opts, binds, ORM_R_WIRE) < 0
        || orm_cctx_run(&cc) < 0 || orm_text_finish(&cc, &text, &f) < 0) {
        goto done;
    }
    c = (orm_compiled *)st->CompiledStatement->tp_alloc(st->CompiledStatement, 0);
    if (c == NULL || fill_slots(&cc, c, &f) < 0 || orm_wire_prepare(&cc, c, &text, &f) < 0
        || hand_over(&cc, c, &text, &f) < 0) {
        goto done;
    }
    rc = 0;
done:
    if (rc < 0) {
        Py_CLEAR(c);
    }
    orm_buf_fini(&text);
    orm_cctx_fini(&cc);
    *out = c;
    return rc;
}
