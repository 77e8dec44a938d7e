/*
 * unit/plan_type.c - UnitPlan: how the instances of one class are written.
 *
 * Place: made once per mapper, at the first flush that needs it, from the tuple that
 *   pyorm.orm._unit.write_spec returns (its docstring is the grammar); made again when late
 *   attributes have given the mapper more slots. Another one per many-to-many: of its secondary
 *   table, whose columns are no attributes.
 * Ownership: the mapper owns the plan (mapper->unit) and outlives it; the plan owns its shapes
 *   and texts. A flush holds the plans it works with: a class may get a new one meanwhile.
 * Threads: two flushes share a plan while one of them waits for its database without the GIL;
 *   so shapes, texts and facts never move once they are made.
 */
#include "unit/unit_int.h"

#include "orm/relation.h"

#include <string.h>

/* --- reading the spec ------------------------------------------------------------------------ */

/* The bit of every letter that the spec's flags know. 0 / -1. */
static int
read_flags(PyObject *letters, uint32_t *out)
{
    static const struct {
        char letter;
        uint32_t flag;
    } table[] = {{'p', ORM_W_PK},       {'v', ORM_W_VERSION},    {'a', ORM_W_AUTO},
                 {'s', ORM_W_SERVER},   {'u', ORM_W_SERVER_UPD}, {'c', ORM_W_COMPUTED},
                 {'x', ORM_W_SYSTEM},   {'n', ORM_W_NONE},       {'y', ORM_W_COPIED}};
    const char *p = PyUnicode_AsUTF8(letters);

    *out = 0;
    if (p == NULL) {
        return -1;
    }
    for (; *p != '\0'; p++) {
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
            *out |= table[i].letter == *p ? table[i].flag : 0;
        }
    }
    return 0;
}

/* None or (kind, value). 0 / -1. */
static int
read_default(PyObject *spec, orm_wdefault *out)
{
    static const char *const kinds[] = {"", "scalar", "call", "context", "sql", "sequence"};
    const char *kind = NULL;

    if (spec == Py_None) {
        return 0;
    }
    kind = PyTuple_Check(spec) ? PyUnicode_AsUTF8(PyTuple_GET_ITEM(spec, 0)) : NULL;
    for (uint8_t i = ORM_D_SCALAR; kind != NULL && i <= ORM_D_SEQUENCE; i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            out->kind = i;
            out->value = Py_NewRef(PyTuple_GET_ITEM(spec, 1));
            return 0;
        }
    }
    if (!PyErr_Occurred()) {
        PyErr_Format(PyExc_ValueError, "not a default: %R", spec);
    }
    return -1;
}

/* INSERT names a column that has no value if a client default makes one, or if NULL is what the
 * database would store anyway. */
static bool
is_filled(const orm_wcol *c)
{
    if (c->flags & ORM_W_COMPUTED || c->slot < 0) {
        return c->insert.kind >= ORM_D_SCALAR && c->insert.kind <= ORM_D_CONTEXT;
    }
    switch (c->insert.kind) {
    case ORM_D_NONE:
        return !(c->flags & (ORM_W_PK | ORM_W_SERVER | ORM_W_NONE));
    case ORM_D_SQL:
    case ORM_D_SEQUENCE:
        return false;
    default:
        return true;
    }
}

/* (column, key, names, flags, insert default, update default). 0 / -1. */
static int
read_column(orm_wplan *p, PyObject *spec, orm_wcol *c)
{
    orm_mapper *m = p->mapper;
    PyObject *type = NULL;
    PyObject *key = PyTuple_GET_ITEM(spec, 1);
    int64_t slot = -1;

    c->slot = -1;
    c->column = Py_NewRef(PyTuple_GET_ITEM(spec, 0));
    for (int d = 0; d < ORM_NDIALECTS; d++) {
        c->quoted[d] = Py_NewRef(PyTuple_GET_ITEM(PyTuple_GET_ITEM(spec, 2), d));
    }
    c->name = PyObject_GetAttrString(c->column, "name");
    type = c->name == NULL ? NULL : PyObject_GetAttrString(c->column, "type");
    c->type = type == NULL ? NULL : orm_type_of(p->st, type);
    Py_XDECREF(type);
    if (c->type == NULL || read_flags(PyTuple_GET_ITEM(spec, 3), &c->flags) < 0
        || read_default(PyTuple_GET_ITEM(spec, 4), &c->insert) < 0
        || read_default(PyTuple_GET_ITEM(spec, 5), &c->update) < 0) {
        return -1;
    }
    if (c->type->flags & ORM_TF_BIND_EXPR) {
        c->flags |= ORM_W_WRAPPED;
    }
    if (key != Py_None) {
        slot = orm_mapper_slot(m, key);
        if (slot == -2) {
            return -1;
        }
        c->slot = (int32_t)slot;
    }
    if (is_filled(c)) {
        c->flags |= ORM_W_FILL;
    }
    return 0;
}

/* (positions, table, names) each. 0 / -1. */
static int
read_fks(orm_wplan *p, PyObject *spec)
{
    Py_ssize_t n = PyTuple_GET_SIZE(spec);

    p->fks = PyMem_Calloc((size_t)n + 1, sizeof(orm_wfk));
    if (p->fks == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *one = PyTuple_GET_ITEM(spec, i);
        PyObject *at = PyTuple_GET_ITEM(one, 0);
        orm_wfk *fk = &p->fks[p->nfks++];

        fk->table = Py_NewRef(PyTuple_GET_ITEM(one, 1));
        fk->names = Py_NewRef(PyTuple_GET_ITEM(one, 2));
        fk->n = (uint32_t)PyTuple_GET_SIZE(at);
        fk->cols = PyMem_Calloc((size_t)fk->n + 1, sizeof(uint16_t));
        if (fk->cols == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        for (uint32_t k = 0; k < fk->n; k++) {
            long position = PyLong_AsLong(PyTuple_GET_ITEM(at, k));

            if (position == -1 && PyErr_Occurred()) {
                return -1;
            }
            fk->cols[k] = (uint16_t)position;
        }
    }
    return 0;
}

/* Of a secondary table or one of a subclass: these columns, in their order, identify a row.
   0 / -1. */
static int
find_pairs(orm_wplan *p, PyObject *positions)
{
    Py_ssize_t n = PyTuple_GET_SIZE(positions);

    p->version = -1;
    p->numbered = -1;
    p->pk = PyMem_Calloc((size_t)n + 1, sizeof(uint16_t));
    if (p->pk == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        long at = PyLong_AsLong(PyTuple_GET_ITEM(positions, i));

        if (at < 0) {
            return -1;
        }
        p->pk[p->npk++] = (uint16_t)at;
    }
    return 0;
}

/* Which columns make the identity, and which are special. 0 / -1. */
static int
find_special(orm_wplan *p)
{
    orm_mapper *m = p->mapper;

    p->version = p->numbered = -1;
    p->pk = PyMem_Calloc(m->npk + 1, sizeof(uint16_t));
    if (p->pk == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < p->ncols; i++) {
        p->version = p->cols[i].flags & ORM_W_VERSION ? (int32_t)i : p->version;
        p->numbered = p->cols[i].flags & ORM_W_AUTO ? (int32_t)i : p->numbered;
    }
    for (uint32_t k = 0; k < m->npk; k++) {
        for (uint32_t i = 0; i < p->ncols; i++) {
            if (p->cols[i].slot == (int32_t)m->pk[k] && p->npk == k) {
                p->pk[p->npk++] = (uint16_t)i;
            }
        }
    }
    if (p->npk != m->npk) {
        return orm_raise_exc(p->st, ORM_EXC_InvalidRequestError,
                             "%.200s cannot be written: its primary key is not among the columns "
                             "of table %R",
                             m->cls->tp_name, p->name);
    }
    return 0;
}

static int
fill_plan(orm_wplan *p, PyObject *spec, PyObject *keys)
{
    PyObject *columns = PyTuple_GET_ITEM(spec, 1);
    const char *name = NULL;

    p->table = Py_NewRef(PyTuple_GET_ITEM(spec, 0));
    p->name = PyObject_GetAttrString(p->table, "name");
    name = p->name == NULL ? NULL : PyUnicode_AsUTF8(p->name);
    p->name_utf8 = name == NULL ? NULL : orm_strdup(name);
    p->ncols = (uint32_t)PyTuple_GET_SIZE(columns);
    p->nwords = p->ncols / 64 + 1;
    p->cols = PyMem_Calloc((size_t)p->ncols + 1, sizeof(orm_wcol));
    if (p->cols == NULL || (name != NULL && p->name_utf8 == NULL)) {
        PyErr_NoMemory();
    }
    if (PyErr_Occurred() || p->name == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < p->ncols; i++) {
        if (read_column(p, PyTuple_GET_ITEM(columns, i), &p->cols[i]) < 0) {
            return -1;
        }
    }
    if (read_fks(p, PyTuple_GET_ITEM(spec, 2)) < 0) {
        return -1;
    }
    p->generator = Py_NewRef(PyTuple_GET_ITEM(spec, 3));
    p->eager = (uint8_t)PyLong_AsLong(PyTuple_GET_ITEM(spec, 4));
    p->confirm = PyTuple_GET_ITEM(spec, 5) == Py_True;
    p->descending = PyTuple_GET_ITEM(spec, 6) == Py_True;
    p->batch = PyTuple_GET_ITEM(spec, 7) == Py_True;
    if (keys != NULL) {
        return find_pairs(p, keys);
    }
    p->secondary = PyTuple_GET_SIZE(spec) > 8;
    return p->secondary ? find_pairs(p, PyTuple_GET_ITEM(spec, 8)) : find_special(p);
}

/* --- making and finding ---------------------------------------------------------------------- */

/* Consumes spec. keys: positions of the columns that identify a row, or NULL: as the mapper says. */
static orm_wplan *
make_plan(orm_state *st, orm_mapper *m, PyObject *spec, PyObject *keys)
{
    orm_wplan *p = NULL;

    if (spec == NULL) {
        return NULL;
    }
    p = (orm_wplan *)st->UnitPlan->tp_alloc(st->UnitPlan, 0);
    if (p != NULL) {
        p->st = st;
        p->mapper = m;
        p->nslots = m->nslots;
        if (fill_plan(p, spec, keys) < 0) {
            Py_CLEAR(p);
        }
    }
    Py_DECREF(spec);
    return p;
}

/* --- classes over several tables -------------------------------------------------------------- */

/* Both write the same columns of the same table from the same slots, with the same rules. */
static bool
writes_alike(const orm_wplan *a, const orm_wplan *b)
{
    if (a->table != b->table || a->ncols != b->ncols || a->generator != b->generator
        || a->eager != b->eager || a->confirm != b->confirm || a->batch != b->batch) {
        return false;
    }
    for (uint32_t i = 0; i < a->ncols; i++) {
        if (a->cols[i].slot != b->cols[i].slot || a->cols[i].flags != b->cols[i].flags) {
            return false;
        }
    }
    return true;
}

/* Rows of parent and child stand in one statement if they may. */
static void
join_parent(orm_wplan *p, orm_wplan *parents)
{
    if (writes_alike(p, orm_wplan_writer(parents))) {
        p->like = (orm_wplan *)Py_NewRef(orm_wplan_writer(parents));
    }
}

/* Pairs of attribute keys into p->copies. 0 / -1. */
static int
read_copies(orm_wplan *p, PyObject *pairs)
{
    p->copies = PyMem_Calloc((size_t)PyTuple_GET_SIZE(pairs) + 1, sizeof(*p->copies));
    if (p->copies == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(pairs); i++) {
        PyObject *pair = PyTuple_GET_ITEM(pairs, i);
        int64_t from = orm_mapper_slot(p->mapper, PyTuple_GET_ITEM(pair, 0));
        int64_t to = from < 0 ? -1 : orm_mapper_slot(p->mapper, PyTuple_GET_ITEM(pair, 1));

        if (to < 0) {
            return PyErr_Occurred() ? -1 : (PyErr_SetString(PyExc_KeyError, "unmapped key"), -1);
        }
        p->copies[p->ncopies++] = (orm_wcopy){(uint32_t)from, (uint32_t)to};
    }
    return 0;
}

/* (spec, order, key, copied, passive) of one further table: a new plan, or the parent's. */
static orm_wplan *
make_part(orm_state *st, orm_mapper *m, PyObject *one, orm_wplan *parents)
{
    orm_wplan *p = make_plan(st, m, Py_NewRef(PyTuple_GET_ITEM(one, 0)), PyTuple_GET_ITEM(one, 2));

    if (p == NULL) {
        return NULL;
    }
    p->order = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GET_ITEM(one, 1));
    p->passive = PyTuple_GET_ITEM(one, 4) == Py_True;
    if (read_copies(p, PyTuple_GET_ITEM(one, 3)) < 0) {
        Py_DECREF(p);
        return NULL;
    }
    for (uint32_t i = 0; parents != NULL && i < parents->nmore; i++) {
        if (parents->more[i]->table == p->table) {
            join_parent(p, parents->more[i]);
        }
    }
    return p;
}

/* The plans of a class's further tables. 0 / -1. */
static int
make_parts(orm_wplan *p)
{
    orm_mapper *base = p->mapper->base;
    orm_wplan *parents = base == NULL ? NULL : orm_wplan_of(p->st, base);
    PyObject *function = NULL;
    PyObject *specs = NULL;
    int rc = 0;

    if (base == NULL) {
        return 0;
    }
    function = orm_import_once(&p->st->unit_more, "pyorm.orm._unit", "more_specs");
    specs = parents == NULL || function == NULL ? NULL
                                                : PyObject_CallOneArg(function, p->mapper->py);
    if (specs == NULL) {
        return -1;
    }
    join_parent(p, parents);
    p->more = PyMem_Calloc((size_t)PyTuple_GET_SIZE(specs) + 1, sizeof(*p->more));
    rc = p->more == NULL ? (PyErr_NoMemory(), -1) : 0;
    for (Py_ssize_t i = 0; rc == 0 && i < PyTuple_GET_SIZE(specs); i++) {
        orm_wplan *part = make_part(p->st, p->mapper, PyTuple_GET_ITEM(specs, i), parents);

        if (part == NULL) {
            rc = -1;
            break;
        }
        p->more[p->nmore++] = part;
    }
    Py_DECREF(specs);
    return rc;
}

orm_wplan *
orm_wplan_of(orm_state *st, orm_mapper *m)
{
    orm_wplan *p = (orm_wplan *)m->unit;
    PyObject *function = NULL;

    if (p != NULL && p->nslots == m->nslots) {
        return p;
    }
    function = orm_import_once(&st->unit_spec, "pyorm.orm._unit", "write_spec");
    p = make_plan(st, m, function == NULL ? NULL : PyObject_CallOneArg(function, m->py), NULL);
    if (p != NULL && make_parts(p) < 0) {
        Py_CLEAR(p);
    }
    if (p != NULL) {
        Py_XSETREF(m->unit, (PyObject *)p);
    }
    return p;
}

orm_wplan *
orm_wplan_secondary(orm_state *st, orm_relation *rel)
{
    PyObject *function = NULL;
    PyObject *columns = NULL;
    orm_wplan *p = (orm_wplan *)rel->unit;

    if (p != NULL) {
        return p;
    }
    function = orm_import_once(&st->unit_secondary, "pyorm.orm._unit", "secondary_spec");
    columns = function == NULL ? NULL : PyList_New(0);
    for (uint32_t i = 0; columns != NULL && i < rel->npairs + rel->nsecondary_pairs; i++) {
        const orm_relpair *pair = i < rel->npairs ? &rel->pairs[i]
                                                  : &rel->secondary_pairs[i - rel->npairs];

        if (PyList_Append(columns, pair->dest_column) < 0) {
            Py_CLEAR(columns);
        }
    }
    if (columns != NULL) {
        p = make_plan(st, rel->target,
                      PyObject_CallFunctionObjArgs(function, rel->secondary, columns, NULL),
                      NULL);
    }
    Py_XDECREF(columns);
    if (p != NULL) {
        Py_XSETREF(rel->unit, (PyObject *)p);
    }
    return p;
}

int32_t
orm_wplan_slot_column(const orm_wplan *p, uint32_t slot)
{
    for (uint32_t i = 0; i < p->ncols; i++) {
        if (p->cols[i].slot == (int32_t)slot) {
            return (int32_t)i;
        }
    }
    return -1;
}

int32_t
orm_wplan_column(const orm_wplan *p, PyObject *name)
{
    for (uint32_t i = 0; i < p->ncols; i++) {
        if (PyUnicode_Compare(p->cols[i].name, name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

uint64_t
orm_unit_text_id(orm_state *st)
{
    uint64_t *next = st->rooms[ORM_ROOM_UNIT].data;

    return ORM_TEXT_ID_UNIT | ++*next;
}

/* --- the type -------------------------------------------------------------------------------- */

static int
visit_default(const orm_wdefault *d, visitproc visit, void *arg)
{
    Py_VISIT(d->value);
    return 0;
}

static int
wplan_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_wplan *p = (orm_wplan *)self;
    int rc = 0;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(p->table);
    Py_VISIT(p->generator);
    for (uint32_t i = 0; i < p->ncols && rc == 0; i++) {
        Py_VISIT(p->cols[i].column);
        Py_VISIT(p->cols[i].type);
        Py_VISIT(p->cols[i].plain);
        rc = visit_default(&p->cols[i].insert, visit, arg);
        rc = rc != 0 ? rc : visit_default(&p->cols[i].update, visit, arg);
    }
    for (uint32_t i = 0; i < p->nfks; i++) {
        Py_VISIT(p->fks[i].table);
    }
    Py_VISIT(p->like);
    for (uint32_t i = 0; i < p->nmore; i++) {
        Py_VISIT(p->more[i]);
    }
    return rc;
}

static void
clear_default(orm_wdefault *d)
{
    d->kind = ORM_D_NONE;
    Py_CLEAR(d->value);
    for (int i = 0; i < ORM_NDIALECTS; i++) {
        Py_CLEAR(d->text[i]);
    }
}

static int
wplan_clear(PyObject *self)
{
    orm_wplan *p = (orm_wplan *)self;

    Py_CLEAR(p->table);
    Py_CLEAR(p->generator);
    for (uint32_t i = 0; i < p->ncols; i++) {
        Py_CLEAR(p->cols[i].column);
        Py_CLEAR(p->cols[i].plain);
        clear_default(&p->cols[i].insert);
        clear_default(&p->cols[i].update);
    }
    for (uint32_t i = 0; i < p->nfks; i++) {
        Py_CLEAR(p->fks[i].table);
    }
    Py_CLEAR(p->like);
    for (uint32_t i = 0; i < p->nmore; i++) {
        Py_CLEAR(p->more[i]);
    }
    p->nmore = 0;
    return 0;
}

static void
wplan_dealloc(PyObject *self)
{
    orm_wplan *p = (orm_wplan *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    (void)wplan_clear(self);
    for (uint32_t i = 0; i < p->ncols; i++) {
        Py_CLEAR(p->cols[i].type);
        Py_CLEAR(p->cols[i].name);
        for (int d = 0; d < ORM_NDIALECTS; d++) {
            Py_CLEAR(p->cols[i].quoted[d]);
        }
    }
    for (uint32_t i = 0; i < p->nfks; i++) {
        Py_CLEAR(p->fks[i].names);
        PyMem_Free(p->fks[i].cols);
    }
    for (uint32_t i = 0; i < p->nshapes; i++) {
        orm_wshape_free(p->shapes[i]);
    }
    for (uint32_t i = 0; i < p->nfacts; i++) {
        Py_CLEAR(p->facts[i]->engine);
        Py_CLEAR(p->facts[i]->schema);
        orm_free(p->facts[i]->sequence);
        PyMem_Free(p->facts[i]);
    }
    PyMem_Free(p->more);
    PyMem_Free(p->copies);
    PyMem_Free(p->cols);
    PyMem_Free(p->fks);
    PyMem_Free(p->pk);
    PyMem_Free(p->shapes);
    PyMem_Free(p->facts);
    orm_free(p->name_utf8);
    Py_CLEAR(p->name);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot wplan_slots[] = {
    {Py_tp_traverse, wplan_traverse},
    {Py_tp_clear, wplan_clear},
    {Py_tp_dealloc, wplan_dealloc},
    {Py_tp_doc, "How the unit of work writes the instances of one mapped class."},
    {0, NULL},
};

PyType_Spec orm_wplan_spec = {
    .name = "pyorm._core.UnitPlan",
    .basicsize = sizeof(orm_wplan),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = wplan_slots,
};
