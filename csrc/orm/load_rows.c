/*
 * orm/load_rows.c - one row after the other into instances.
 *
 * Place: load_result.c and load_key.c step over an orm_result and hand each row's cells in.
 * Row rule: key of NULLs -> None. Known instance: populate_existing -> everything, once per run;
 *   else what it has not loaded and has no pending change for. New instance: everything, then
 *   its identity, then the identity map. `load` and `refresh` fire after that.
 * Invariants: decoding and listeners run Python, so the map is asked again before an instance is
 *   entered, unless its table did not change since. What is not in the map, nobody else reaches.
 * Ownership: the caller keeps what it gets alive until orm_loader_batch_done or _failed.
 */
#include "orm/load_cell.h"
#include "orm/load_poly.h"
#include "orm/peers.h"
#include "orm/relation.h"

/* --- life --------------------------------------------------------------------------------- */

int
orm_loader_init(orm_loader *l, orm_session *s, orm_compiled *c, orm_result *r)
{
    orm_load_plan *plan = c->load;

    l->st = orm_state_from_type(Py_TYPE(c));
    l->s = s;
    l->owner = Py_XNewRef(s->owner);
    l->compiled = (orm_compiled *)Py_NewRef(c);
    l->plan = plan;
    l->r = r;
    orm_ptrmap_init(&l->seen);
    if (plan->wanted != NULL) {
        l->matched = orm_load_plan_match(l->st, plan, c, r);
        if (l->matched == NULL) {
            return -1;
        }
        plan = l->plan = l->matched;
    }
    else if (orm_result_ncols(r) != plan->ncols) {
        return orm_raise_exc(l->st, ORM_EXC_InvalidRequestError,
                             "the statement returned %u columns, its mapped entities and other "
                             "columns are %u; select what is mapped by name, not by *",
                             orm_result_ncols(r), plan->ncols);
    }
    l->decoders = orm_result_decoders(r, &l->dec);
    l->int_key = PyMem_Malloc(plan->nents + 1);
    l->groups = l->streams ? NULL : PyMem_Calloc(plan->nents + 1, sizeof(*l->groups));
    if (l->int_key == NULL || (l->groups == NULL && !l->streams)) {
        PyErr_NoMemory();
        return -1;
    }
    if (plan->nchildren > 0 && (l->tree = orm_tree_new(plan->nchildren)) == NULL) {
        return -1;
    }
    if (plan->nposts > 0 && (l->posts = orm_posts_new(plan->nents)) == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < plan->nents; i++) {
        l->int_key[i] = plan->ents[i].nident == 1 && l->token == NULL
                        && orm_loader_reads_int(l, plan->ents[i].ident[0]);
    }
    return 0;
}

void
orm_loader_fini(orm_loader *l)
{
    orm_result *r = l->r;

    for (uint32_t i = 0; l->groups != NULL && i < l->plan->nents; i++) {
        orm_group_close(l->groups[i]);
    }
    PyMem_Free(l->groups);
    l->groups = NULL;
    orm_posts_free(l->posts, l->posts == NULL ? 0 : l->plan->nents);
    l->posts = NULL;
    orm_tree_free(l->tree, l->tree == NULL ? 0 : l->plan->nchildren);
    l->tree = NULL;
    ORM_COUNT_BY(load_int_key, l->nint);
    ORM_COUNT_BY(load_entered, l->nentered);
    ORM_COUNT_BY(load_shared_int, l->nshared);
    l->nint = l->nentered = l->nshared = 0;
    l->r = NULL;
    l->plan = NULL;
    orm_load_plan_unmatch(l->matched);
    l->matched = NULL;
    orm_result_free(r);
    orm_ptrmap_fini(&l->seen);
    orm_lasts_free(l);
    PyMem_Free(l->fresh);
    PyMem_Free(l->int_key);
    l->fresh = NULL;
    l->int_key = NULL;
    l->nfresh = l->capfresh = 0;
    Py_CLEAR(l->token);
    Py_CLEAR(l->context);
    Py_CLEAR(l->statement);
    Py_CLEAR(l->later);
    orm_posts_forget(l);
    Py_CLEAR(l->compiled);
    Py_CLEAR(l->owner);
}

/* --- what a batch brought ----------------------------------------------------------------- */

static int
grow_fresh(orm_loader *l)
{
    uint32_t cap = l->capfresh == 0 ? 64 : l->capfresh * 8; /* leaves few blocks behind */
    orm_head **grown = PyMem_Realloc(l->fresh, cap * sizeof(*grown));

    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    l->fresh = grown;
    l->capfresh = cap;
    return 0;
}

static inline int
note_fresh(orm_loader *l, orm_head *h)
{
    if (l->nfresh == l->capfresh && grow_fresh(l) < 0) {
        return -1;
    }
    l->fresh[l->nfresh++] = h;
    return 0;
}

int
orm_loader_batch_done(orm_loader *l)
{
    int rc = l->tree == NULL ? 0 : orm_tree_done(l->tree, l->plan->nchildren);

    if (rc == 0 && l->posts != NULL) {
        rc = orm_posts_run(l);
    }
    rc = rc < 0 ? rc : orm_poly_posts_run(l);
    l->nfresh = 0;
    orm_ptrmap_clear(&l->seen);
    return rc;
}

void
orm_loader_drop(orm_loader *l, uint32_t from, const orm_head *kept)
{
    uint32_t n = from;

    for (uint32_t i = from; i < l->nfresh; i++) {
        if (l->fresh[i] == kept) {
            l->fresh[n++] = l->fresh[i];
        }
    }
    l->nfresh = n;
}

void
orm_loader_failed(orm_loader *l)
{
    PyObject *live = PyErr_GetRaisedException();

    for (uint32_t i = 0; i < l->nfresh; i++) {
        orm_head *h = l->fresh[i];

        /* what a listener changed meanwhile is the program's own */
        if (!(h->flags & ORM_H_MODIFIED) && orm_head_expire(h) < 0) {
            PyErr_Clear();
        }
    }
    l->nfresh = 0;
    if (l->tree != NULL) {
        orm_tree_undo(l->tree, l->plan->nchildren);
    }
    PyErr_SetRaisedException(live);
}

static int
is_same_head(const void *value, const void *key)
{
    return value == key;
}

/* 1 the first time in this run, 0 later, -1. */
static int
first_sight(orm_loader *l, const orm_head *h)
{
    uint64_t hash = (uint64_t)(uintptr_t)h >> 4;

    if (orm_ptrmap_find(&l->seen, hash, is_same_head, h) != NULL) {
        return 0;
    }
    if (orm_ptrmap_put(&l->seen, hash, (void *)(uintptr_t)h) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 1;
}

/* --- values ------------------------------------------------------------------------------- */

/* Tell where a codec's own exception comes from; a DataError says it already. */
static void
explain(orm_loader *l, const char *label)
{
    PyObject *live = PyErr_GetRaisedException();
    PyObject *data_error = orm_exc_class(l->st, ORM_EXC_DataError);
    int known = data_error == NULL ? 1 : PyObject_IsInstance(live, data_error);
    PyObject *answer = NULL;

    if (known == 0) {
        PyObject *note = PyUnicode_FromFormat("while loading column %s, row %lld of the result",
                                              label, (long long)l->row);
        answer = note == NULL ? NULL : PyObject_CallMethod(live, "add_note", "O", note);
        Py_XDECREF(note);
        Py_XDECREF(answer);
    }
    PyErr_Clear();
    PyErr_SetRaisedException(live);
}

PyObject *
orm_loader_value(orm_loader *l, uint32_t column, const char *label, const orm_cell *cell)
{
    orm_decoder *d = &l->decoders[column];
    PyObject *v = NULL;

    if (cell->kind == ORM_V_NULL && !d->null_aware) {
        Py_RETURN_NONE;
    }
    l->dec->column = label;
    l->dec->row = l->row;
    v = d->fn(l->dec, d->type, cell);
    if (v == NULL) {
        explain(l, label);
    }
    return v;
}

static const int tag_of_kind[] = {
    [ORM_FILL_DEFERRED] = ORM_TAG_DEFERRED,
    [ORM_FILL_RAISE] = ORM_TAG_RAISE,
    [ORM_FILL_EXPIRED] = ORM_TAG_EXPIRED,
    [ORM_FILL_RAISE_ON_SQL] = ORM_TAG_RAISE_ON_SQL,
    [ORM_FILL_NOLOAD] = ORM_TAG_ABSENT,
    [ORM_FILL_LAZY] = ORM_TAG_LAZY,
};

/* Nobody but the loader knows the instance: what Python a codec runs cannot look at it. */
static inline bool
is_unseen(const orm_head *h)
{
    const orm_entity *e = ORM_ENTITY_OF(h);

    return !(h->flags & (ORM_H_FOREIGN | ORM_H_DICT)) && Py_REFCNT(e) == 1 && e->weakrefs == NULL
           && h->dirty == 0 && !PyObject_GC_IsTracked((PyObject *)e);
}

/* What no column fills: slots that hold nothing are marked with what a read does. 0 / -1. */
static int
fill_marks(const orm_fill *fill, uint32_t ncolumns, uint32_t nfill, orm_head *h)
{
    for (uint32_t i = ncolumns; i < nfill; i++) {
        if (orm_val_fast(h, fill[i].slot) != NULL) {
            continue;
        }
        if (fill[i].kind == ORM_FILL_NOLOAD) {
            if (orm_tree_leave_empty(h, fill[i].slot) < 0) {
                return -1;
            }
            continue;
        }
        orm_head_set_tag(h, fill[i].slot, tag_of_kind[fill[i].kind]);
    }
    return 0;
}

/* Entries into an instance just made, columns first. 0 / -1. */
static inline int
fill_new(orm_loader *l, const orm_fill *fill, uint32_t ncolumns, uint32_t nfill, orm_head *h,
         const orm_cell *cells)
{
    orm_decctx *dec = l->dec;
    bool unseen = is_unseen(h);

    if (l->row >= ORM_ROWS_TO_SHARE && l->lasts == NULL && orm_lasts_keep(l) < 0) {
        return -1;
    }
    dec->row = l->row;
    for (const orm_fill *f = fill; f < fill + ncolumns; f++) {
        const orm_cell *cell = &cells[f->column];
        const orm_decoder *d = &l->decoders[f->column];
        PyObject *v = Py_None;

        if (cell->kind == ORM_V_NULL && !d->null_aware) {
            Py_INCREF(v);
        }
        else {
            dec->column = f->label;
            v = orm_loader_decode(l, d, f->column, cell);
            if (v == NULL) {
                explain(l, f->label);
                return -1;
            }
        }
        if (unseen && f->slot < h->nslots && h->slots[f->slot] == NULL
            && !PyType_HasFeature(Py_TYPE(v), Py_TPFLAGS_HAVE_GC)) {
            h->slots[f->slot] = v; /* fast path: same answer as orm_val_load_steal */
        }
        else if (orm_val_load_steal(h, f->slot, v) < 0) {
            return -1;
        }
        else {
            unseen = is_unseen(h);
        }
    }
    return fill_marks(fill, ncolumns, nfill, h);
}

/* Columns over what a known instance holds. 0 / -1. */
static int
fill_over(orm_loader *l, const orm_fill *fill, uint32_t ncolumns, orm_head *h,
          const orm_cell *cells)
{
    for (uint32_t i = 0; i < ncolumns; i++) {
        const orm_fill *f = &fill[i];
        PyObject *v = orm_loader_value(l, f->column, f->label, &cells[f->column]);

        if (v == NULL || orm_val_load_steal(h, f->slot, v) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Into a known instance what it lacks. 0 / -1. */
static int
fill_partial(orm_loader *l, const orm_fill *fill, uint32_t ncolumns, orm_head *h,
             const orm_cell *cells)
{
    for (uint32_t i = 0; i < ncolumns; i++) {
        const orm_fill *f = &fill[i];
        PyObject *v = NULL;

        if (!(f->policy & ORM_FILL_PARTIAL) || orm_val_is_dirty(h, f->slot)) {
            continue;
        }
        v = orm_val_peek(h, f->slot, NULL);
        if (v != NULL) {
            Py_DECREF(v);
            continue;
        }
        v = orm_loader_value(l, f->column, f->label, &cells[f->column]);
        if (v == NULL || orm_val_load_steal(h, f->slot, v) < 0) {
            return -1;
        }
    }
    h->flags &= ~(uint32_t)ORM_H_EXPIRED;
    return 0;
}

/* The instance came with this result. 0 / -1. */
static int
enter_group(orm_loader *l, const orm_entplan *p, orm_head *h)
{
    orm_group **g = l->groups == NULL ? NULL : &l->groups[p - l->plan->ents];

    if (g == NULL || h->peers != NULL) {
        return 0;
    }
    if (*g == NULL) {
        *g = orm_group_open(p->remembers_values ? NULL : p->remembered);
    }
    return *g == NULL ? -1 : orm_group_enter(*g, h);
}

/* --- instances ---------------------------------------------------------------------------- */

/* Nothing that the row brings is missing. fast path: same answer as fill_partial. */
static bool
has_all(const orm_fill *fill, uint32_t ncolumns, const orm_head *h)
{
    for (uint32_t i = 0; i < ncolumns; i++) {
        if (orm_val_fast(h, fill[i].slot) == NULL) {
            return false;
        }
    }
    return true;
}

/* What a row says of a known instance besides the entity's own columns; NULL: nothing. */
static inline const orm_variant *
more_of(const orm_entplan *p, const orm_head *h)
{
    return p->poly != NULL && p->poly->has_columns ? orm_poly_of(p->poly, h->mapper) : NULL;
}

/* Relationships of an instance that is overwritten: they are loaded anew. 0 / -1. */
static int
forget_relations(const orm_entplan *p, orm_head *h)
{
    uint32_t n = 0;
    const uint32_t *slots = orm_mapper_relations(h->mapper, &n);

    if (slots == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (orm_val_expire(h, slots[i], ORM_TAG_ABSENT) < 0) {
            return -1;
        }
    }
    return fill_marks(p->fill, p->ncolumns, p->nfill, h);
}

/* Everything over what a known instance holds; its pending changes are lost. 0 / -1. */
static int
overwrite(orm_loader *l, const orm_entplan *p, orm_head *h, const orm_cell *cells)
{
    const orm_variant *v = more_of(p, h);

    if (note_fresh(l, h) < 0 || (p->peers && forget_relations(p, h) < 0)
        || fill_over(l, p->fill, p->ncolumns, h, cells) < 0
        || (v != NULL && fill_over(l, v->fill, v->ncolumns, h, cells) < 0)) {
        return -1;
    }
    orm_head_commit(h);
    return p->remembered == NULL ? 0 : orm_loader_remember(l, p, h);
}

/* What a known instance lacks. 0 / -1. */
static int
complete(orm_loader *l, const orm_entplan *p, orm_head *h, const orm_cell *cells)
{
    const orm_variant *v = more_of(p, h);

    if (!has_all(p->fill, p->ncolumns, h)
        && fill_partial(l, p->fill, p->ncolumns, h, cells) < 0) {
        return -1;
    }
    return v == NULL || has_all(v->fill, v->ncolumns, h)
               ? 0
               : fill_partial(l, v->fill, v->ncolumns, h, cells);
}

/* What the row, and further SELECTs, bring for the relationships of the instance, which was made
   of this row or not. 0 / -1. */
static inline int
take_along(orm_loader *l, const orm_entplan *p, PyObject *obj, orm_head *h, const orm_cell *cells,
           bool is_new)
{
    if (!orm_mapper_isa(h->mapper, p->mapper)) {
        return 0;
    }
    if (p->has_posts && orm_posts_note(l, p, obj, h, is_new) < 0) {
        return -1;
    }
    return p->nchildren == 0 ? 0 : orm_tree_children(l, p, obj, h, cells);
}

/* The row is about an instance that the session knew. 0 / -1. */
static int
meet_known(orm_loader *l, const orm_entplan *p, PyObject *obj, orm_head *h,
           const orm_cell *cells)
{
    bool heard = orm_instance_listeners(h->mapper, ORM_IEV_REFRESH) != NULL;
    PyObject *names = NULL;
    int rc;

    if (h->mapper != p->mapper && !orm_mapper_isa(h->mapper, p->mapper)) {
        return 0; /* of another branch of its hierarchy: what the row says is not about it */
    }
    /* a record with options is for those that came by this load */
    if (p->peers && (p->remembered == NULL || l->overwrite) && enter_group(l, p, h) < 0) {
        return -1;
    }
    if (!l->overwrite && !heard) {
        return complete(l, p, h, cells);
    }
    rc = first_sight(l, h);
    if (rc <= 0) {
        return rc;
    }
    if (l->overwrite) {
        rc = overwrite(l, p, h, cells);
        return rc < 0 ? -1 : orm_loader_fire(l, h->mapper, obj, ORM_IEV_REFRESH, NULL);
    }
    names = orm_unloaded_keys(h);
    if (names == NULL || complete(l, p, h, cells) < 0) {
        Py_XDECREF(names);
        return -1;
    }
    if (PySet_GET_SIZE(names) == 0) {
        Py_DECREF(names);
        return 0;
    }
    return orm_loader_fire(l, h->mapper, obj, ORM_IEV_REFRESH, names);
}

/* Find a key of one whole number. The head, dying or not; NULL: *empty is where it belongs, or
   NULL where the map has no cells. fast path: same answer as orm_idmap_get. */
static inline orm_head *
find_int(const orm_tagmap *t, const orm_key *k, orm_tagcell **empty)
{
    const uint32_t kind = ORM_H_KEY_INT | ORM_H_TOKEN;
    uint32_t spread = orm_tagmap_spread(k->hash);
    uint64_t tag = orm_tagmap_tag(spread);

    *empty = NULL;
    for (size_t i = spread & t->mask; t->cells != NULL; i = (i + 1) & t->mask) {
        orm_tagcell cell = t->cells[i];
        orm_head *h = orm_tagmap_value(cell);

        if (cell == 0) {
            *empty = &t->cells[i];
            break;
        }
        if ((cell & ~ORM_TAG_POINTER) == tag && h->mapper->root == k->root
            && (h->flags & kind) == ORM_H_KEY_INT && h->ident.i == k->i) {
            return h;
        }
    }
    return NULL;
}

/* fast path: same answer as orm_head_set_identity and orm_idmap_put, for a key that is known not
   to be in the map, whose cell may be known as well (`empty`, else NULL). 0 / -1. */
static inline int
enter_unseen(orm_session *s, orm_head *h, const orm_key *k, orm_tagcell *empty)
{
    if (k->kind == ORM_KEY_INT && k->token == NULL
        && !(h->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ | ORM_H_TOKEN))) {
        h->ident.i = k->i;
        h->flags |= ORM_H_KEY_INT;
    }
    else if (orm_head_set_identity(h, k) < 0) {
        return -1;
    }
    if ((empty == NULL || !orm_tagmap_put_at(&s->map.table, empty, k->hash, h))
        && orm_tagmap_put(&s->map.table, k->hash, h) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    h->flags |= ORM_H_IN_MAP;
    h->session = s;
    return 0;
}

/* A new instance of the key, or the one that got into the map meanwhile. empty: the cell where
   the key belongs, if known. New reference. */
static PyObject *
make_new(orm_loader *l, const orm_entplan *p, const orm_key *k, orm_tagcell *empty,
         const orm_cell *cells)
{
    const orm_variant *v = NULL;
    orm_mapper *m = p->mapper;
    orm_idmap *map = &l->s->map;
    uint64_t version = map->table.version;
    size_t used = map->table.used;
    orm_head *h = NULL;
    orm_head *other = NULL;
    PyObject *winner = NULL;
    PyObject *obj = NULL;

    if (p->poly != NULL) {
        if (orm_poly_pick(l, p, cells, &v) < 0) {
            goto error;
        }
        m = v->mapper;
    }
    obj = orm_instance_new(m, &h);
    if (obj == NULL || fill_new(l, p->fill, p->ncolumns, p->nfill, h, cells) < 0
        || (v != NULL && fill_new(l, v->fill, v->ncolumns, v->nfill, h, cells) < 0)
        || (p->remembered != NULL && orm_loader_remember(l, p, h) < 0)) {
        goto error;
    }
    if (map->table.version == version && map->table.used == used) {
        if (enter_unseen(l->s, h, k, empty) < 0) {
            goto error;
        }
        l->nentered++;
    }
    else {
        if (orm_head_set_identity(h, k) < 0
            || orm_idmap_put(map, l->s, h, k, &winner, &other) < 0) {
            goto error;
        }
        Py_DECREF(obj);
        obj = winner;
        if (other != h) {
            if (meet_known(l, p, obj, other, cells) < 0
                || take_along(l, p, obj, other, cells, false) < 0) {
                goto error;
            }
            return obj;
        }
    }
    if (note_fresh(l, h) < 0 || (p->peers && enter_group(l, p, h) < 0)
        || ((l->overwrite || orm_instance_listeners(m, ORM_IEV_REFRESH) != NULL)
            && first_sight(l, h) < 0)) {
        goto error;
    }
    if (take_along(l, p, obj, h, cells, true) < 0) {
        goto error;
    }
    if ((m->events != NULL || l->s->events != NULL) && orm_loader_tell_loaded(l, m, obj) < 0) {
        goto error;
    }
    return obj;

error:
    orm_loader_failed(l);
    Py_XDECREF(obj);
    return NULL;
}

/* --- keys --------------------------------------------------------------------------------- */

static const char *
label_of(const orm_entplan *p, uint32_t column)
{
    for (uint32_t i = 0; i < p->ncolumns; i++) {
        if (p->fill[i].column == column) {
            return p->fill[i].label;
        }
    }
    return "?";
}

/* The key by way of Python objects. 1 (release it), -1. */
static int
decode_key(orm_loader *l, const orm_entplan *p, const orm_cell *cells, orm_key *k)
{
    PyObject *few[8];
    PyObject **values = p->nident <= 8 ? few : PyMem_Calloc(p->nident, sizeof(*values));
    uint32_t n = 0;
    int rc = values == NULL ? (PyErr_NoMemory(), -1) : 1;

    for (; rc > 0 && n < p->nident; n++) {
        uint32_t column = p->ident[n];
        values[n] = orm_loader_value(l, column, label_of(p, column), &cells[column]);
        if (values[n] == NULL) {
            rc = -1;
            break;
        }
    }
    if (rc > 0 && orm_key_init(k, p->mapper, values, l->token) < 0) {
        rc = -1;
    }
    for (uint32_t i = 0; values != NULL && i < n; i++) {
        Py_DECREF(values[i]);
    }
    if (values != few) {
        PyMem_Free(values);
    }
    return rc;
}

/* 1 the row has this entity, 0 it has none, -1. */
static int
read_key(orm_loader *l, const orm_entplan *p, const orm_cell *cells, orm_key *k)
{
    uint32_t nulls = 0;

    for (uint32_t i = 0; i < p->nident; i++) {
        nulls += cells[p->ident[i]].kind == ORM_V_NULL;
    }
    if (nulls == p->nident || (nulls > 0 && !p->partial_pk)) {
        return 0;
    }
    return decode_key(l, p, cells, k);
}

/* The instance of a key that was looked for: `obj` of head h, or a new one. Consumes obj. */
static PyObject *
take_found(orm_loader *l, const orm_entplan *p, const orm_key *k, PyObject *obj, orm_head *h,
           const orm_cell *cells)
{
    if (obj == NULL) {
        return make_new(l, p, k, NULL, cells);
    }
    if (meet_known(l, p, obj, h, cells) < 0 || take_along(l, p, obj, h, cells, false) < 0) {
        /* while obj is alive: it is in the list of what the batch brought */
        orm_loader_failed(l);
        Py_CLEAR(obj);
    }
    return obj;
}

/* fast path: same answer as orm_loader_entity, for a key of one whole number. */
static PyObject *
entity_of_int(orm_loader *l, const orm_entplan *p, int64_t number, const orm_cell *cells)
{
    orm_mapper *root = p->mapper->root;
    orm_key k = {.root = root, .hash = orm_hash_int(root, number), .i = number};
    orm_tagcell *empty = NULL;
    orm_head *h = NULL;
    PyObject *obj = NULL;

    l->nint++;
    h = find_int(&l->s->map.table, &k, &empty);
    if (h == NULL) {
        return make_new(l, p, &k, empty, cells);
    }
    obj = orm_head_object(h);
    if (obj == NULL && orm_idmap_get(&l->s->map, &k, &obj, &h) < 0) {
        return NULL;
    }
    return take_found(l, p, &k, obj, h, cells);
}

PyObject *
orm_loader_entity(orm_loader *l, const orm_entplan *p, const orm_cell *cells)
{
    orm_key k = {0};
    PyObject *obj = NULL;
    orm_head *h = NULL;
    int64_t number = 0;
    int rc;

    if (p->poly != NULL && p->poly->has_whole) {
        p = orm_poly_whole(l, p, cells);
        if (p == NULL) {
            orm_loader_failed(l);
            return NULL;
        }
    }
    if (l->int_key[p->index] && orm_cell_int(&cells[p->ident[0]], l->dec->dialect, &number)) {
        return entity_of_int(l, p, number, cells);
    }
    rc = read_key(l, p, cells, &k);
    if (rc <= 0) {
        return rc < 0 ? NULL : Py_NewRef(Py_None);
    }
    if (orm_idmap_get(&l->s->map, &k, &obj, &h) == 0) {
        obj = take_found(l, p, &k, obj, h, cells);
    }
    orm_key_fini(&k);
    return obj;
}
