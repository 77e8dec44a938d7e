/*
 * unit/dep.c - keys that travel along one-to-many and many-to-one relationships.
 *
 * When a proc's turn comes, the rows that hold the keys are written and have their values; the
 *   rows that hold the foreign keys are not yet: what is copied here is part of their INSERT or
 *   UPDATE. With post_update it is the other way round, and a second UPDATE follows.
 * A copied value is stored as the user would store it: listeners of the attribute hear of it.
 */
#include "unit/dep.h"

/* --- what does not work ---------------------------------------------------------------------- */

/* str of a Column, as texts name it: "table.name". */
static PyObject *
column_text(PyObject *column)
{
    return PyObject_Str(column);
}

static int
raise_unmapped(orm_work *w, PyObject *column, const orm_mapper *m, const char *side)
{
    PyObject *cls = orm_import_once(&w->st->unmapped_column, "pyorm.orm.exc",
                                    "UnmappedColumnError");
    PyObject *text = cls == NULL ? NULL : column_text(column);

    if (text != NULL) {
        PyErr_Format(cls,
                     "Can't execute sync rule for %s column '%U'; mapper '%S' does not map this "
                     "column.  Try using an explicit `foreign_keys` collection which does not "
                     "include this column (or use a viewonly=True relation).",
                     side, text, m->py);
    }
    Py_XDECREF(text);
    return -1;
}

int
orm_check_member(orm_work *w, const orm_relation *rel, orm_head *h)
{
    bool subtype = orm_mapper_isa(h->mapper, rel->target);
    PyObject *cls = NULL;

    if (h->mapper == rel->target || (subtype && rel->flags & ORM_RF_SUBTYPES)) {
        return 0;
    }
    cls = orm_import_once(&w->st->flush_error, "pyorm.orm.exc", "FlushError");
    if (cls != NULL && subtype) {
        PyErr_Format(cls,
                     "Attempting to flush an item of type %R as a member of collection "
                     "\"%s.%U\". Expected an object of type %R or a polymorphic subclass of this "
                     "type. If %R is a subclass of %R, configure mapper \"%S\" to load this subtype "
                     "polymorphically, or set enable_typechecks=False to allow any subtype to be "
                     "accepted for flush. ",
                     h->mapper->cls, rel->parent->cls->tp_name, rel->key, rel->target->cls,
                     h->mapper->cls, rel->target->cls, rel->target->py);
    }
    else if (cls != NULL) {
        PyErr_Format(cls,
                     "Attempting to flush an item of type %R as a member of collection "
                     "\"%s.%U\". Expected an object of type %R or a polymorphic subclass of this "
                     "type.",
                     h->mapper->cls, rel->parent->cls->tp_name, rel->key, rel->target->cls);
    }
    return -1;
}

static int
raise_blank(orm_work *w, const orm_relpair *pair, orm_head *h)
{
    PyObject *from = column_text(pair->source_column);
    PyObject *to = from == NULL ? NULL : column_text(pair->dest_column);
    PyObject *who = to == NULL ? NULL : orm_head_describe(h);

    (void)w;
    if (who != NULL) {
        PyErr_Format(PyExc_AssertionError,
                     "Dependency rule on column '%U' tried to blank-out primary key column '%U' "
                     "on instance '%U'",
                     from, to, who);
    }
    Py_XDECREF(from);
    Py_XDECREF(to);
    Py_XDECREF(who);
    return -1;
}

/* --- one column -------------------------------------------------------------------------------- */

static bool
is_key_slot(const orm_mapper *m, uint32_t slot)
{
    for (uint32_t k = 0; k < m->npk; k++) {
        if (m->pk[k] == slot) {
            return true;
        }
    }
    return false;
}

/* Remember what a slot of an instance that is in no database had. 0 / -1. */
static int
note_undo(orm_work *w, orm_head *h, PyObject *obj, uint32_t slot)
{
    orm_undo *u = NULL;
    int tag = 0;

    if (orm_more_room(&w->undo, &w->capundo, w->nundo, sizeof(*w->undo)) < 0) {
        return -1;
    }
    u = &w->undo[w->nundo++];
    *u = (orm_undo){.h = h, .obj = Py_NewRef(obj), .slot = slot};
    u->value = orm_val_peek(h, slot, &tag);
    u->tag = (uint8_t)tag;
    u->dirty = orm_val_is_dirty(h, slot) != 0;
    u->old = u->dirty ? Py_XNewRef(orm_val_old(h, slot)) : NULL;
    return 0;
}

/* A value that is the one the slot has: nothing is to be done. */
static bool
is_same_value(PyObject *now, PyObject *v)
{
    if (now == v) {
        return true;
    }
    return now != NULL && PyLong_CheckExact(now) && PyLong_CheckExact(v)
           && PyObject_RichCompareBool(now, v, Py_EQ) == 1;
}

/* Store v in a slot of the instance. 0 / -1. */
static int
put_value(orm_work *w, orm_head *h, PyObject *obj, uint32_t slot, PyObject *v)
{
    if (is_same_value(orm_val_fast(h, slot), v)) {
        return 0;
    }
    if (!ORM_HAS_IDENTITY(h) && note_undo(w, h, obj, slot) < 0) {
        return -1;
    }
    return orm_val_write(h, slot, v);
}

PyObject *
orm_sync_value(orm_work *w, const orm_relation *rel, const orm_relpair *pair, orm_head *source)
{
    PyObject *v = NULL;
    int none = 0;

    if (pair->source < 0) {
        raise_unmapped(w, pair->source_column,
                       rel->direction == ORM_REL_M2O ? rel->target : rel->parent, "source");
        return NULL;
    }
    v = orm_val_fast(source, (uint32_t)pair->source);
    if (v != NULL) {
        return Py_NewRef(v);
    }
    v = orm_val_read(source, (uint32_t)pair->source,
                     ORM_PASSIVE_RETURN_NO_VALUE | ORM_P_NO_AUTOFLUSH, &none);
    return v == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : v;
}

/* The side that holds the foreign key. */
static orm_mapper *
holder_of(const orm_relation *rel)
{
    return rel->direction == ORM_REL_M2O ? rel->parent : rel->target;
}

/* The foreign key is part of the row's own primary key, which so changes with it. */
static int
note_rekeyed(orm_work *w, orm_head *dest, const orm_relation *rel)
{
    orm_urow *r = ORM_HAS_IDENTITY(dest) ? orm_row_of(w, dest) : NULL;

    if (r != NULL) {
        r->flags |= ORM_R_REKEYED;
        r->flags |= rel->flags & ORM_RF_PASSIVE_UPDATES ? ORM_R_CASCADED : 0;
    }
    return r == NULL && PyErr_Occurred() ? -1 : 0;
}

int
orm_sync_copy(orm_work *w, const orm_relation *rel, orm_head *source, orm_head *dest,
              PyObject *dest_obj, bool rekeyed)
{
    for (uint32_t i = 0; i < rel->npairs; i++) {
        const orm_relpair *pair = &rel->pairs[i];
        PyObject *v = orm_sync_value(w, rel, pair, source);
        int rc = v == NULL ? -1 : 0;

        if (rc == 0 && pair->dest < 0) {
            rc = raise_unmapped(w, pair->dest_column, holder_of(rel), "destination");
        }
        rc = rc < 0 ? -1 : put_value(w, dest, dest_obj, (uint32_t)pair->dest, v);
        Py_XDECREF(v);
        if (rc == 0 && rekeyed && is_key_slot(dest->mapper, (uint32_t)pair->dest)) {
            rc = note_rekeyed(w, dest, rel);
        }
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

/* NULL into the foreign key. 0 / -1. */
static int
sync_clear(orm_work *w, const orm_relation *rel, orm_head *dest, PyObject *dest_obj)
{
    for (uint32_t i = 0; i < rel->npairs; i++) {
        const orm_relpair *pair = &rel->pairs[i];

        if (pair->dest < 0) {
            return raise_unmapped(w, pair->dest_column, holder_of(rel), "destination");
        }
        if (is_key_slot(dest->mapper, (uint32_t)pair->dest)) {
            PyObject *now = orm_val_peek(dest, (uint32_t)pair->dest, NULL);
            bool blank = now == NULL || now == Py_None;

            Py_XDECREF(now);
            if (!blank) {
                return raise_blank(w, pair, dest);
            }
        }
        if (put_value(w, dest, dest_obj, (uint32_t)pair->dest, Py_None) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- one-to-many --------------------------------------------------------------------------------- */

/* Ways to write a member. */
enum { TO_FILL, TO_CLEAR, TO_FOLLOW };

/* One member of the row's collection gets, loses or follows its key. 0 / -1. */
static int
write_member(orm_work *w, orm_uproc *p, orm_urow *r, PyObject *obj, int how)
{
    const orm_relation *rel = p->rel;
    bool post = (rel->flags & ORM_RF_POST_UPDATE) != 0;
    orm_head *h = orm_head_of(w->st, obj);
    orm_urow *member = h == NULL ? NULL : orm_row_of(w, h);
    int rc = 0;

    if (h == NULL || (member == NULL && PyErr_Occurred())) {
        return -1;
    }
    if (member != NULL && member->op == ORM_OP_DELETE && !post) {
        return 0;
    }
    if (how == TO_CLEAR) {
        rc = sync_clear(w, rel, h, obj);
    }
    else {
        rc = orm_check_member(w, rel, h) < 0
                 ? -1
                 : orm_sync_copy(w, rel, r->h, h, obj, how == TO_FOLLOW);
    }
    return rc == 0 && post && member != NULL ? orm_post_note(w, member, rel) : rc;
}

/* `orphans`: only those that have no parent. */
static int
write_members(orm_work *w, orm_uproc *p, orm_urow *r, const orm_umembers *m, int how, bool orphans)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (orphans) {
            orm_head *h = orm_head_of(w->st, m->items[i]);

            if (h == NULL) {
                return -1;
            }
            if (orm_has_parent(h, p->rel, 0)) {
                continue;
            }
        }
        if (write_member(w, p, r, m->items[i], how) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
save_members(orm_work *w, orm_uproc *p, orm_uentry *e)
{
    bool keep = p->rel->cascade & ORM_C_DELETE_ORPHAN || p->rel->flags & ORM_RF_PASSIVE_DELETES_ALL;

    w->guess = e->row->number + 1;
    if (write_members(w, p, e->row, &e->added, TO_FILL, false) < 0
        || (!keep && write_members(w, p, e->row, &e->deleted, TO_CLEAR, true) < 0)) {
        return -1;
    }
    return e->rekeyed ? write_members(w, p, e->row, &e->unchanged, TO_FOLLOW, false) : 0;
}

static int
is_same(const void *value, const void *key)
{
    return value == key;
}

/* Members that a saved row of the flush has got: they are not blanked for the deleted one. */
static int
list_added(orm_work *w, const orm_uproc *p, orm_ptrmap *added)
{
    for (const orm_uentry *e = p->first; e != NULL; e = e->next) {
        for (uint32_t i = 0; e->row->op != ORM_OP_DELETE && i < e->added.n; i++) {
            orm_head *h = orm_head_of(w->st, e->added.items[i]);

            if (h == NULL) {
                return -1;
            }
            if (orm_ptrmap_put(added, (uintptr_t)h >> 4, h) < 0) {
                PyErr_NoMemory();
                return -1;
            }
        }
    }
    return 0;
}

/* The members of a row that is deleted lose their key. 0 / -1. */
static int
blank_members(orm_work *w, orm_uproc *p, orm_uentry *e, const orm_ptrmap *added)
{
    const orm_relation *rel = p->rel;
    bool post = (rel->flags & ORM_RF_POST_UPDATE) != 0;

    if (!post && rel->flags & ORM_RF_PASSIVE_DELETES_ALL) {
        return 0;
    }
    if (write_members(w, p, e->row, &e->deleted, TO_CLEAR, true) < 0) {
        return -1;
    }
    for (uint32_t i = 0; (post || !(rel->cascade & ORM_C_DELETE)) && i < e->unchanged.n; i++) {
        PyObject *obj = e->unchanged.items[i];
        orm_head *h = orm_head_of(w->st, obj);

        if (h == NULL) {
            return -1;
        }
        if (orm_ptrmap_find(added, (uintptr_t)h >> 4, is_same, h) == NULL
            && write_member(w, p, e->row, obj, TO_CLEAR) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
run_to_many(orm_work *w, orm_uproc *p, bool deletes, const orm_urow *only)
{
    orm_ptrmap added = {0};
    int rc = deletes ? list_added(w, p, &added) : 0;

    for (orm_uentry *e = only != NULL ? only->entries : p->first; rc == 0 && e != NULL;
         e = only != NULL ? e->of_row : e->next) {
        if (e->proc != p || (e->row->op == ORM_OP_DELETE) != deletes
            || e->row->flags & (ORM_R_TAKEN | ORM_R_LISTED)) {
            continue;
        }
        rc = deletes ? blank_members(w, p, e, &added) : save_members(w, p, e);
    }
    orm_ptrmap_fini(&added);
    return rc;
}

/* --- many-to-one ----------------------------------------------------------------------------------- */

/* The reference of a row that is saved. 0 / -1. */
static int
save_reference(orm_work *w, orm_uproc *p, orm_urow *r)
{
    const orm_relation *rel = p->rel;
    PyObject *value = NULL;
    orm_head *h = NULL;
    int rc = 0;

    if (!orm_val_is_dirty(r->h, rel->slot)) {
        return 0;
    }
    value = orm_val_peek(r->h, rel->slot, NULL);
    if (value != NULL && value == orm_val_old(r->h, rel->slot)) {
        Py_DECREF(value); /* set to another one and back */
        return 0;
    }
    if (value == NULL || value == Py_None) {
        rc = sync_clear(w, rel, r->h, r->obj);
    }
    else {
        h = orm_head_of(w->st, value);
        rc = h == NULL ? -1 : 0;
        if (rc == 0 && !orm_is_flushable(w, h)) {
            rc = orm_warn_not_in_session(w, rel, h, "add", "won't");
        }
        else if (rc == 0) {
            rc = orm_check_member(w, rel, h) < 0
                     ? -1
                     : orm_sync_copy(w, rel, h, r->h, r->obj, false);
        }
    }
    Py_XDECREF(value);
    return rc == 0 && rel->flags & ORM_RF_POST_UPDATE ? orm_post_note(w, r, rel) : rc;
}

/* The reference of a row that is deleted: with post_update it goes first. 0 / -1. */
static int
drop_reference(orm_work *w, orm_uproc *p, orm_urow *r)
{
    const orm_relation *rel = p->rel;
    PyObject *list = NULL;
    Py_ssize_t n = 0;

    if (!(rel->flags & ORM_RF_POST_UPDATE)
        || (rel->cascade & ORM_C_DELETE_ORPHAN) || (rel->flags & ORM_RF_PASSIVE_DELETES_ALL)) {
        return 0;
    }
    list = orm_relation_related(r->h, rel->slot, orm_delete_passive(rel), true);
    if (list == NULL) {
        return -1;
    }
    n = PyList_GET_SIZE(list);
    Py_DECREF(list);
    if (sync_clear(w, rel, r->h, r->obj) < 0) {
        return -1;
    }
    return n > 0 ? orm_post_note(w, r, rel) : 0;
}

static int
run_to_one(orm_work *w, orm_uproc *p, bool deletes, orm_urow *only)
{
    const orm_ubase *b = &w->bases[p->base];
    orm_urow **rows = deletes ? b->deletes : b->saves;
    uint32_t n = deletes ? b->ndeletes : b->nsaves;

    if (only != NULL) {
        rows = &only;
        n = 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!orm_mapper_isa(rows[i]->h->mapper, p->rel->parent) || rows[i]->flags & ORM_R_TAKEN) {
            continue;
        }
        if ((deletes ? drop_reference(w, p, rows[i]) : save_reference(w, p, rows[i])) < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_proc_run(orm_work *w, orm_uproc *p, bool deletes, orm_urow *only)
{
    switch (p->rel->direction) {
    case ORM_REL_M2O:
        return run_to_one(w, p, deletes, only);
    case ORM_REL_O2M:
        return run_to_many(w, p, deletes, only);
    default:
        assert(only == NULL); /* a many-to-many is in no cycle: no row waits for it */
        return orm_many_run(w, p, deletes);
    }
}
