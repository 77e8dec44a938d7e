/*
 * unit/save.c - INSERTs and UPDATEs of rows that may be written now.
 *
 * Stages: before_* listeners, who may still change the rows -> identities that are taken (row
 *   switch, conflict) -> the columns each row writes -> UPDATEs, then INSERTs, in runs of one
 *   shape -> after_* listeners.
 * What an INSERT writes: every mapped column with a value (None counts as none, unless the type
 *   says otherwise), columns with a client default, and NULL for what has no default at all.
 * What an UPDATE writes: net changes, then onupdate defaults and the next version if there are
 *   any changes.
 */
#include "unit/unit_int.h"

#include <string.h>

/* --- events ----------------------------------------------------------------------------------- */

int
orm_fire(orm_work *w, orm_ubase *b, orm_urow *r, int event)
{
    orm_dispatch *events = r->h->mapper->events;
    PyObject *args[3];

    (void)w;
    if (events == NULL || orm_dispatch_get(events, event) == NULL) {
        return 0;
    }
    args[0] = r->h->mapper->py;
    args[1] = b->conn;
    args[2] = r->obj;
    return orm_dispatch_fire(events, event, args, 3);
}

static int
fire_all(orm_work *w, orm_ubase *b, orm_urow **rows, uint32_t n, bool before)
{
    for (uint32_t i = 0; i < n; i++) {
        bool insert = rows[i]->op == ORM_OP_INSERT || rows[i]->switched != NULL;
        int event = before ? insert ? ORM_MEV_before_insert : ORM_MEV_before_update
                    : insert ? ORM_MEV_after_insert
                             : ORM_MEV_after_update;

        if (orm_fire(w, b, rows[i], event) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- identities that are taken ---------------------------------------------------------------- */

static int
is_head(const void *value, const void *key)
{
    return ((const orm_urow *)value)->h == key;
}

/* The row that deletes this head in the flush, or NULL (exception: out of memory). */
static orm_urow *
deleting_row(orm_ubase *b, const orm_head *h)
{
    orm_ptrcell *cell = NULL;

    if (b->deleting.used == 0) {
        for (uint32_t i = 0; i < b->ndeletes; i++) {
            if (orm_ptrmap_put(&b->deleting, (uintptr_t)b->deletes[i]->h >> 4, b->deletes[i])
                < 0) {
                PyErr_NoMemory();
                return NULL;
            }
        }
    }
    cell = orm_ptrmap_find(&b->deleting, (uintptr_t)h >> 4, is_head, h);
    return cell == NULL ? NULL : cell->value;
}

static int
warn_conflict(orm_work *w, orm_urow *r, const orm_key *k, orm_head *other)
{
    PyObject *mine = orm_head_describe(r->h);
    PyObject *theirs = mine == NULL ? NULL : orm_head_describe(other);
    PyObject *key = theirs == NULL ? NULL : orm_key_tuple(k);
    int rc = -1;

    if (key != NULL) {
        rc = orm_warn(w->st, ORM_EXC_SAWarning, 1,
                      "New instance %U with identity key %R conflicts with persistent instance %U%s",
                      mine, key, theirs, orm_session_flush_note(w->f->session));
    }
    Py_XDECREF(mine);
    Py_XDECREF(theirs);
    Py_XDECREF(key);
    return rc;
}

/* Is somebody else in the session known under the key that the pending row has? 0 / -1. */
static int
look_for_owner(orm_work *w, orm_ubase *b, orm_urow *r, const orm_key *k)
{
    PyObject *obj = NULL;
    orm_head *other = NULL;
    orm_urow *gone = NULL;
    int rc = orm_idmap_get(&w->f->session->map, k, &obj, &other);

    if (rc < 0 || other == NULL || other == r->h) {
        Py_XDECREF(obj);
        return rc;
    }
    gone = b->ndeletes == 0 ? NULL : deleting_row(b, other);
    if (gone != NULL && !(gone->flags & (ORM_R_TAKEN | ORM_R_WRITTEN))) {
        gone->flags |= ORM_R_TAKEN;
        r->switched = other;
        r->op = ORM_OP_UPDATE;
    }
    else if (PyErr_Occurred()) {
        rc = -1;
    }
    else {
        rc = warn_conflict(w, r, k, other);
    }
    Py_DECREF(obj);
    return rc;
}

/* The values of the identity, if the instance has all of them: 1 and new references, 0, -1. */
static int
key_values(orm_work *w, orm_urow *r, PyObject **values)
{
    orm_wplan *p = r->plan;

    for (uint32_t i = 0; i < p->npk; i++) {
        PyObject *v = orm_row_value(r, &p->cols[p->pk[i]]);
        int expression = v == NULL || v == Py_None ? 1
                                                   : orm_is_expression(w->st, &p->cols[p->pk[i]], v);

        if (expression != 0) {
            Py_XDECREF(v);
            while (i > 0) {
                Py_DECREF(values[--i]);
            }
            return expression < 0 ? -1 : 0;
        }
        values[i] = v;
    }
    return 1;
}

static int
find_owners(orm_work *w, orm_ubase *b, orm_urow **rows, uint32_t n)
{
    PyObject **values = NULL;

    if (w->f->session->map.table.used == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        orm_urow *r = rows[i];
        orm_key k;
        int rc;

        if (r->op != ORM_OP_INSERT) {
            continue;
        }
        values = values != NULL ? values : orm_arena_array(&w->arena, r->plan->npk,
                                                           sizeof(PyObject *));
        if (values == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        rc = key_values(w, r, values);
        if (rc > 0) {
            rc = orm_key_init(&k, r->plan->mapper, values, NULL);
            for (uint32_t p = 0; p < r->plan->npk; p++) {
                Py_DECREF(values[p]);
            }
            rc = rc < 0 ? -1 : look_for_owner(w, b, r, &k);
            orm_key_fini(&k);
        }
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- column sets -------------------------------------------------------------------------------- */

int
orm_net_change(const orm_urow *r, const orm_wcol *c, PyObject **value)
{
    uint32_t slot = (uint32_t)c->slot;
    orm_history history = {0};
    PyObject *now = NULL;
    int changed;

    if (c->slot < 0) {
        return 0;
    }
    if (r->switched != NULL) { /* the instance was never loaded: what it has is what changes */
        *value = orm_row_value(r, c);
        return *value != NULL && !(c->flags & ORM_W_PK);
    }
    if (slot < 64 ? !(r->h->dirty >> slot & 1) : !orm_val_is_dirty(r->h, slot)) {
        return 0;
    }
    now = orm_row_value(r, c);
    if (now != NULL && now == orm_val_old(r->h, slot)) {
        Py_DECREF(now);
        return 0;
    }
    if (orm_val_history(r->h, slot, ORM_PASSIVE_NO_INITIALIZE, &history) < 0) {
        Py_XDECREF(now);
        return -1;
    }
    changed = history.added != NULL || history.deleted != NULL;
    orm_history_fini(&history);
    if (!changed) {
        Py_CLEAR(now);
    }
    *value = now;
    return changed;
}

/* The written columns of an INSERT. 0 / -1. */
static int
scan_insert(orm_work *w, orm_urow *r, uint64_t *bits)
{
    orm_wplan *p = r->plan;

    for (uint32_t i = 0; i < p->ncols; i++) {
        orm_wcol *c = &p->cols[i];
        PyObject *v = c->flags & ORM_W_COMPUTED ? NULL : orm_row_value(r, c);
        int expression = 0;

        if (orm_is_absent(c, v) || c->flags & ORM_W_COPIED) {
            if (c->flags & (ORM_W_FILL | ORM_W_COPIED)) {
                orm_bit_set(bits, i);
            }
        }
        else {
            expression = orm_is_expression(w->st, c, v);
            if (expression == 0) {
                orm_bit_set(bits, i);
            }
            r->flags |= expression > 0 || c->flags & ORM_W_WRAPPED ? ORM_R_EXPRESSION : 0;
        }
        Py_XDECREF(v);
        if (expression < 0) {
            return -1;
        }
    }
    if (p->version >= 0 && p->generator != Py_False) {
        orm_bit_set(bits, (uint32_t)p->version);
        return orm_next_version(r);
    }
    return 0;
}

/* Whether the row sets the column to an expression, which an onupdate does not replace. 1, 0, -1. */
static int
writes_expression(orm_work *w, orm_urow *r, orm_wcol *c)
{
    PyObject *v = NULL;
    int found = orm_net_change(r, c, &v);

    if (found > 0) {
        found = v == NULL ? 0 : orm_is_expression(w->st, c, v);
    }
    Py_XDECREF(v);
    return found;
}

/* The written columns of an UPDATE: 1, or 0 nothing changed; -1. more: another table of the
   instance is changed, which counts its version here. */
static int
scan_update(orm_work *w, orm_urow *r, uint64_t *bits, bool more)
{
    orm_wplan *p = r->plan;
    bool any = more && p->version >= 0 && p->generator != Py_False;

    for (uint32_t i = 0; i < p->ncols; i++) {
        orm_wcol *c = &p->cols[i];
        PyObject *v = NULL;
        bool done = c->flags & ORM_W_COMPUTED
                    || (c->flags & ORM_W_PK && r->flags & ORM_R_CASCADED);
        int changed = done ? 0 : orm_net_change(r, c, &v);
        int expression = changed > 0 && v != NULL ? orm_is_expression(w->st, c, v) : 0;

        Py_XDECREF(v);
        if (changed < 0 || expression < 0) {
            return -1;
        }
        any = any || changed > 0;
        r->flags |= expression > 0 || (changed > 0 && c->flags & ORM_W_WRAPPED)
                        ? ORM_R_EXPRESSION
                        : 0;
        r->flags |= changed > 0 && c->flags & ORM_W_PK ? ORM_R_REKEYED : 0;
        if (changed > 0 && expression == 0) {
            orm_bit_set(bits, i);
        }
    }
    if (!any) {
        return 0;
    }
    for (uint32_t i = 0; i < p->ncols; i++) {
        uint8_t kind = p->cols[i].update.kind;

        if (kind >= ORM_D_SCALAR && kind <= ORM_D_CONTEXT) {
            int own = r->flags & ORM_R_EXPRESSION ? writes_expression(w, r, &p->cols[i]) : 0;
            if (own < 0) {
                return -1;
            }
            if (own == 0) {
                orm_bit_set(bits, i);
            }
        }
    }
    if (p->version >= 0 && p->generator != Py_False
        && !orm_bit_get(bits, (uint32_t)p->version)) {
        orm_bit_set(bits, (uint32_t)p->version);
        return orm_next_version(r) < 0 ? -1 : 1;
    }
    return 1;
}

int
orm_row_shape(orm_work *w, orm_urow *r, const orm_urow *before, bool more)
{
    orm_wplan *p = orm_wplan_writer(r->plan);
    uint64_t inl[4] = {0};
    uint64_t *bits = inl;
    orm_wshape *last = before != NULL && orm_wplan_writer(before->plan) == p ? before->shape : NULL;
    int rc;

    if (p->nwords > 4) {
        bits = orm_arena_array(&w->arena, p->nwords, sizeof(uint64_t));
        if (bits == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        memset(bits, 0, p->nwords * sizeof(uint64_t));
    }
    rc = r->op == ORM_OP_INSERT ? scan_insert(w, r, bits) < 0 ? -1 : 1
                                : scan_update(w, r, bits, more);
    if (rc <= 0) {
        return rc;
    }
    r->shape = last != NULL && last->op == r->op
                       && memcmp(last->bits, bits, p->nwords * sizeof(uint64_t)) == 0
                   ? last
                   : orm_wshape_of(p, r->op, bits);
    return r->shape == NULL ? -1 : 1;
}

/* A discriminator that is not the class's own: Python knows whether to warn. 0 / -1. */
static int
check_identity(const orm_urow *r)
{
    const orm_mapper *m = r->h->mapper;
    PyObject *v = m->identity == NULL || m->discriminator < 0
                      ? NULL
                      : orm_val_fast(r->h, (uint32_t)m->discriminator);
    PyObject *who = NULL;
    PyObject *answer = NULL;
    int same = 1;

    if (v == NULL || v == m->identity || m->attrs[m->discriminator]->kind != ORM_SLOT_COLUMN) {
        return 0;
    }
    Py_INCREF(v);
    same = PyObject_RichCompareBool(v, m->identity, Py_EQ);
    who = same == 0 ? orm_head_describe(r->h) : NULL;
    answer = who == NULL ? NULL : PyObject_CallMethod(m->py, "_check_identity", "OO", v, who);
    Py_DECREF(v);
    Py_XDECREF(who);
    Py_XDECREF(answer);
    return same < 0 || (same == 0 && answer == NULL) ? -1 : 0;
}

/* The shape of every row. 0 / -1. */
static int
find_shapes(orm_work *w, orm_urow **rows, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int more = rows[i]->parts == NULL ? 0 : orm_parts_shape(w, rows[i]);

        if (more < 0 || check_identity(rows[i]) < 0 || orm_row_shape(w, rows[i], i > 0 ? rows[i - 1] : NULL, more > 0) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- steps --------------------------------------------------------------------------------------- */

/* Release what a step holds, keeping a live exception. */
static void
step_fini(orm_step *s)
{
    size_t nfetched = s->fetched == NULL ? 0 : (size_t)s->n * s->shape->nfetch;
    size_t nmade = s->made == NULL ? 0 : (size_t)s->n * s->shape->nmade;

    for (size_t i = 0; i < nfetched; i++) {
        Py_XDECREF(s->fetched[i]);
    }
    for (size_t i = 0; i < nmade; i++) {
        Py_XDECREF(s->made[i]);
    }
    PyMem_Free(s->fetched);
    PyMem_Free(s->made);
}

static int
step_init(orm_step *s)
{
    size_t nfetched = (size_t)s->n * s->shape->nfetch;
    size_t nmade = (size_t)s->n * s->shape->nmade;

    s->failed = -1;
    s->fetched = nfetched == 0 ? NULL : PyMem_Calloc(nfetched, sizeof(PyObject *));
    s->made = nmade == 0 ? NULL : PyMem_Calloc(nmade, sizeof(PyObject *));
    if ((nfetched > 0 && s->fetched == NULL) || (nmade > 0 && s->made == NULL)) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

/* An INSERT without a key that anybody makes: SQLAlchemy's warning. 0 / -1. */
static int
warn_missing_key(const orm_step *s)
{
    const orm_wplan *p = s->plan;

    for (uint32_t k = 0; s->shape->op == ORM_OP_INSERT && k < p->npk; k++) {
        const orm_wcol *c = &p->cols[p->pk[k]];

        if (!orm_bit_get(s->shape->bits, p->pk[k]) && c->insert.kind == ORM_D_NONE
            && !(c->flags & (ORM_W_AUTO | ORM_W_SERVER))
            && !(s->rows[0]->flags & ORM_R_EXPRESSION)
            && orm_warn(p->st, ORM_EXC_SAWarning, 1,
                        "Column '%U.%U' is marked as a member of the primary key for table '%U', "
                        "but has no Python-side or server-side default generator indicated, nor "
                        "does it indicate 'autoincrement=True' or 'nullable=True', and no "
                        "explicit value is passed.  Primary key columns typically may not store "
                        "NULL.%s%s",
                        p->name, c->name, p->name,
                        p->npk == 1 ? ""
                                    : " Note that as of SQLAlchemy 1.1, 'autoincrement=True' must "
                                      "be indicated explicitly for composite (e.g. multicolumn) "
                                      "primary keys if AUTO_INCREMENT/SERIAL/IDENTITY behavior is "
                                      "expected for one of the columns in the primary key. CREATE "
                                      "TABLE statements are impacted by this change as well on "
                                      "most backends.",
                        orm_session_flush_note(s->w->f->session))
                   < 0) {
            return -1;
        }
    }
    return 0;
}

static int
run_step(orm_step *s)
{
    int rc = step_init(s);

    rc = rc < 0 || warn_missing_key(s) < 0 || orm_make_defaults(s) < 0 ? -1 : 0;
    if (rc == 0) {
        rc = s->rows[0]->flags & ORM_R_EXPRESSION ? orm_write_expression(s) : orm_step_write(s);
    }
    if (rc == 0 && s->shape->op != ORM_OP_DELETE) {
        rc = orm_write_back(s);
    }
    for (uint32_t i = 0; rc == 0 && i < s->n; i++) {
        s->rows[i]->flags |= ORM_R_WRITTEN;
    }
    step_fini(s);
    return rc;
}

int
orm_run_steps(orm_work *w, orm_ubase *b, orm_urow **rows, uint32_t n)
{
    for (uint32_t from = 0, to; from < n; from = to) {
        orm_urow *r = rows[from];
        orm_step s = {.w = w, .base = b, .plan = orm_wplan_writer(r->plan), .shape = r->shape,
                      .rows = rows + from};

        to = from + 1;
        while (to < n && !((r->flags | rows[to]->flags) & ORM_R_EXPRESSION)
               && rows[to]->shape == r->shape) {
            to++;
        }
        s.n = to - from;
        if (run_step(&s) < 0) {
            return -1;
        }
    }
    return 0;
}

/* UPDATEs, then INSERTs of rows of one table. list: room for n. 0 / -1. */
static int
save_table(orm_work *w, orm_ubase *b, orm_urow **rows, uint32_t n, orm_urow **list)
{
    for (uint8_t round = 0; round < 2; round++) {
        uint8_t op = round == 0 ? ORM_OP_UPDATE : ORM_OP_INSERT;
        uint32_t count = 0;

        for (uint32_t i = 0; i < n; i++) {
            if (rows[i]->op == op && rows[i]->shape != NULL) {
                list[count++] = rows[i];
            }
        }
        if ((op == ORM_OP_INSERT && orm_parts_copy(w, list, count) < 0)
            || orm_run_steps(w, b, list, count) < 0) {
            return -1;
        }
    }
    return 0;
}

/* All before_* listeners, all statements, all after_* listeners. 0 / -1. */
static int
save_batch(orm_work *w, orm_ubase *b, orm_urow **rows, uint32_t n)
{
    orm_urow **list = orm_arena_array(&w->arena, (size_t)n * 2, sizeof(*list));
    orm_urow **table = list == NULL ? NULL : list + n;
    int rc = 0;

    if (list == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (fire_all(w, b, rows, n, true) < 0 || find_owners(w, b, rows, n) < 0
        || find_shapes(w, rows, n) < 0) {
        return -1;
    }
    if (!orm_parts_any(rows, n)) {
        rc = save_table(w, b, rows, n, list);
    }
    else {
        for (uint32_t order = 0; rc == 0 && order != UINT32_MAX;
             order = orm_parts_next(rows, n, order, false)) {
            rc = save_table(w, b, table, orm_parts_pick(rows, n, order, table), list);
        }
    }
    return rc < 0 ? -1 : fire_all(w, b, rows, n, false);
}

int
orm_save_rows(orm_work *w, orm_ubase *b, orm_urow **rows, uint32_t n)
{
    if (b->plan->batch) {
        return save_batch(w, b, rows, n);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (save_batch(w, b, rows + i, 1) < 0) {
            return -1;
        }
    }
    return 0;
}
