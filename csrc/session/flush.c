/*
 * session/flush.c - Session.flush: from the sets of changed instances to the unit of work and back.
 *
 * Place: commit, begin_nested and autoflush come here; unit/ writes. Before: the instances are
 *   gathered and held. After: identities are in the map, pending ones are persistent, deleted
 *   ones leave the map, and all values count as committed.
 * Failure: unit/ has changed no instance; the transaction (or savepoint) is rolled back and says
 *   so to every later statement until rollback(); pending instances stay pending until then.
 * Events: before_flush, [unit/: mapper events], after_flush, the changes of state,
 *   after_flush_postexec.
 */
#include "session/session_int.h"

#include "orm/collection.h"

#include <string.h>

/* An instance that was written. */
typedef struct flush_done {
    orm_head *head;    /* borrowed; NULL: it is not the session's any more */
    PyObject *obj;     /* owned */
    bool deleted;
    bool fresh;        /* it was pending */
} flush_done;

/* What one flush works on. */
typedef struct flush_run {
    SessionObject *s;
    TxObject *tx;      /* borrowed: the level that remembers what is flushed */
    orm_headset only;  /* flush(objects): these; empty otherwise */
    bool restricted;
    orm_head **heads;  /* PyMem: pending, dirty, deleted, one after the other */
    PyObject **objs;   /* PyMem: owned references to their instances */
    size_t n;
    uint32_t npending, ndirty, ndeleted;
    PyObject *context; /* owned: the UOWTransaction for listeners; NULL until one is asked for */
    flush_done *done;  /* PyMem: what unit/ has written, relationships included */
    size_t ndone, capdone;
} flush_run;

bool
orm_session_is_clean(const SessionObject *s)
{
    return s->fresh.live == 0 && s->dirty.live == 0 && s->doomed.live == 0;
}

/* The transaction that remembers, not the one that only stands for the flush. */
static TxObject *
level_of(SessionObject *s)
{
    TxObject *tx = s->tx;

    while (tx != NULL && tx->origin == ORM_TX_SUB) {
        tx = tx->parent;
    }
    return tx;
}

/* --- what unit/ asks and tells ------------------------------------------------------------------ */

static PyObject *
on_connection(void *arg, orm_mapper *m)
{
    return orm_session_connection_for(((flush_run *)arg)->s, m, NULL, NULL);
}

/* Another instance has the key already: it leaves. 0 / -1. */
static int
displace(SessionObject *s, orm_head *other, const orm_key *k)
{
    PyObject *tuple = orm_key_tuple(k);
    int rc = -1;

    if (tuple != NULL) {
        rc = orm_warn(s->st, ORM_EXC_SAWarning, 2,
                      "Identity map already had an identity for %R, replacing it with newly "
                      "flushed object.   Are there load operations occurring inside of an event "
                      "handler within the flush?%s", tuple, orm_session_flush_note(&s->s));
        Py_DECREF(tuple);
    }
    orm_session_clean(s, other);
    orm_idmap_remove(&s->s.map, other);
    other->session = NULL;
    return rc;
}

static int
on_identity(void *arg, orm_head *h, const orm_key *k)
{
    flush_run *run = arg;
    SessionObject *s = run->s;
    PyObject *winner = NULL;
    orm_head *at = NULL;
    orm_key old = {0};
    int rc = 0;

    if (ORM_HAS_KEY(h) && h->flags & ORM_H_IN_MAP) {
        rc = orm_key_of(&old, h) < 0 ? -1 : orm_tx_note_switch(run->tx, h, &old);
        orm_key_fini(&old);
        if (rc < 0) {
            return -1;
        }
        orm_idmap_remove(&s->s.map, h);
    }
    else {
        orm_head_set_born(h, run->tx->serial);
        run->tx->marked = true;
    }
    if (orm_head_set_identity(h, k) < 0
        || orm_idmap_put(&s->s.map, &s->s, h, k, &winner, &at) < 0) {
        return -1;
    }
    if (at != h) {
        rc = displace(s, at, k);
        Py_CLEAR(winner);
        if (orm_idmap_put(&s->s.map, &s->s, h, k, &winner, &at) < 0) {
            rc = -1;
        }
    }
    Py_XDECREF(winner);
    return rc;
}

static int
on_switched(void *arg, orm_head *Py_UNUSED(h), orm_head *deleted)
{
    orm_idmap_remove(&((flush_run *)arg)->s->s.map, deleted);
    return 0;
}

static int
on_settled(void *arg, orm_head *h, PyObject *obj, bool deleted)
{
    flush_run *run = arg;

    if (run->ndone == run->capdone) {
        size_t cap = run->capdone == 0 ? run->n + 8 : run->capdone * 2;
        flush_done *grown = PyMem_Realloc(run->done, cap * sizeof(*grown));
        if (grown == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        run->done = grown;
        run->capdone = cap;
    }
    run->done[run->ndone++] =
        (flush_done){.head = h, .obj = Py_NewRef(obj), .deleted = deleted,
                     .fresh = (h->flags & ORM_H_NEW) != 0};
    return 0;
}

/* --- gathering ------------------------------------------------------------------------------------ */

static void
take(flush_run *run, orm_headset *set, uint32_t refuse, uint32_t *count)
{
    ORM_HEADSET_EACH(set, cell)
    {
        if (cell->head->flags & refuse
            || (run->restricted && !orm_headset_has(&run->only, cell->head))) {
            continue;
        }
        run->heads[run->n] = cell->head;
        run->objs[run->n++] = Py_NewRef(cell->obj);
        (*count)++;
    }
}

static int
restrict_to(flush_run *run, PyObject *objects)
{
    PyObject *list = NULL;
    int rc = 0;

    if (objects == NULL || objects == Py_None) {
        return 0;
    }
    list = PySequence_List(objects);
    rc = list == NULL ? -1 : 0;
    run->restricted = rc == 0 && PyList_GET_SIZE(list) > 0;
    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        orm_head *h = orm_head_of(run->s->st, PyList_GET_ITEM(list, i));
        rc = h == NULL ? -1 : 0;
        if (rc == 0 && !orm_headset_has(&run->only, h)) {
            rc = orm_headset_add(&run->only, h, PyList_GET_ITEM(list, i));
        }
    }
    Py_XDECREF(list);
    return rc;
}

/* An orphan that lost its parent outside of a session is no business of this one; a persistent
 * orphan is deleted. 0 / -1. */
static int
part_orphans(flush_run *run)
{
    size_t kept = 0;
    size_t norphans = 0;
    size_t end = (size_t)run->npending + run->ndirty;
    uint32_t npending = 0;
    orm_head **orphans = NULL;
    PyObject **objs = NULL;
    int rc = 0;

    for (size_t i = 0; i < end; i++) {
        int orphan = orm_is_orphan(run->heads[i]);
        if (orphan != 0) {
            norphans++;
            rc = orphan < 0 ? -1 : rc;
        }
    }
    if (rc < 0 || norphans == 0) {
        return rc;
    }
    orphans = PyMem_Malloc(norphans * sizeof(*orphans));
    objs = PyMem_Malloc(norphans * sizeof(*objs));
    if (orphans == NULL || objs == NULL) {
        PyMem_Free(orphans);
        PyMem_Free(objs);
        PyErr_NoMemory();
        return -1;
    }
    norphans = 0;
    for (size_t i = 0; i < end; i++) {
        orm_head *h = run->heads[i];
        bool pending = i < run->npending;
        bool leaves = orm_is_orphan(h) > 0 && (!pending || orm_was_orphaned(h));
        if (leaves) {
            orphans[norphans] = h;
            objs[norphans++] = run->objs[i];
            continue;
        }
        run->heads[kept] = h;
        run->objs[kept++] = run->objs[i];
        npending += pending ? 1 : 0;
    }
    memmove(run->heads + kept, run->heads + end, run->ndeleted * sizeof(*run->heads));
    memmove(run->objs + kept, run->objs + end, run->ndeleted * sizeof(*run->objs));
    run->npending = npending;
    run->ndirty = (uint32_t)kept - npending;
    run->n = kept + run->ndeleted;
    for (size_t i = 0; i < norphans; i++) {
        if (ORM_HAS_KEY(orphans[i])) {
            run->heads[run->n] = orphans[i];
            run->objs[run->n++] = objs[i];
            run->ndeleted++;
            continue;
        }
        rc = orm_session_detach(run->s, orphans[i], true) < 0 ? -1 : rc;
        Py_DECREF(objs[i]);
    }
    PyMem_Free(orphans);
    PyMem_Free(objs);
    return rc;
}

static int
gather(flush_run *run)
{
    SessionObject *s = run->s;
    size_t most = s->fresh.live + s->dirty.live + s->doomed.live;

    run->heads = PyMem_Malloc((most + 1) * sizeof(*run->heads));
    run->objs = PyMem_Malloc((most + 1) * sizeof(*run->objs));
    if (run->heads == NULL || run->objs == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    take(run, &s->fresh, 0, &run->npending);
    take(run, &s->dirty, ORM_H_DELETING, &run->ndirty);
    take(run, &s->doomed, 0, &run->ndeleted);
    return part_orphans(run);
}

static void
run_fini(flush_run *run)
{
    for (size_t i = 0; i < run->n; i++) {
        Py_DECREF(run->objs[i]);
    }
    for (size_t i = 0; i < run->ndone; i++) {
        Py_DECREF(run->done[i].obj);
    }
    PyMem_Free(run->done);
    PyMem_Free(run->objs);
    PyMem_Free(run->heads);
    orm_headset_fini(&run->only);
    Py_CLEAR(run->context);
}

/* What is deleted is loaded once more if it is expired: its values outlive the row. 0 / -1. */
static int
load_deleted(flush_run *run)
{
    SessionObject *s = run->s;

    for (size_t i = run->npending + run->ndirty; i < run->n; i++) {
        orm_head *h = run->heads[i];
        if (!(h->flags & ORM_H_EXPIRED)) {
            continue;
        }
        PyObject *conn = Py_XNewRef(orm_session_connection_for(s, h->mapper, NULL, NULL));
        int rc = conn == NULL ? -1 : orm_load_refresh(&s->s, conn, h, NULL, 0, NULL);
        Py_XDECREF(conn);
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- registering what was written ---------------------------------------------------------------- */

/* Members without this flag leave the set. */
static void
sweep(orm_headset *set, uint32_t flag)
{
    orm_headset old;

    orm_headset_move(set, &old);
    for (size_t i = 0; i < old.used; i++) {
        orm_head *h = old.cells[i].head;
        if (h != NULL && h->flags & flag && orm_headset_add(set, h, old.cells[i].obj) < 0) {
            /* no memory to keep it: its change stays in the instance, as if it were expunged */
            PyErr_Clear();
            h->flags &= ~flag;
        }
    }
    orm_headset_fini(&old);
}

/* A deleted instance leaves the map and is remembered by the transaction. 0 / -1. */
static int
bury(flush_run *run, flush_done *d)
{
    SessionObject *s = run->s;
    orm_head *h = d->head;

    if (!ORM_HAS_KEY(h)) { /* pending: what would have made it an orphan is deleted */
        d->head = NULL;
        return orm_session_detach(s, h, true);
    }
    /* First what can fail: the transaction must know whom its rollback brings back. */
    if (orm_headset_add(&run->tx->deleted, h, d->obj) < 0) {
        return -1;
    }
    if (h->flags & ORM_H_MODIFIED) {
        orm_head_set_written(h, run->tx->serial); /* it expires when it is brought back */
    }
    orm_session_clean(s, h);
    orm_idmap_remove(&s->s.map, h);
    h->flags = (h->flags & ~(uint32_t)ORM_H_DELETING) | ORM_H_DELETED;
    return 0;
}

static int
register_deleted(flush_run *run)
{
    SessionObject *s = run->s;
    bool any = false;

    for (size_t i = 0; i < run->ndone; i++) {
        flush_done *d = &run->done[i];
        if (d->head->session != &s->s) {
            d->head = NULL; /* a listener took it out */
        }
        else if (d->deleted) {
            any = true;
            if (bury(run, d) < 0) {
                return -1;
            }
        }
    }
    if (s->doomed.live > 0) {
        sweep(&s->doomed, ORM_H_DELETING);
    }
    for (size_t i = 0; any && i < run->ndone; i++) {
        if (run->done[i].deleted && run->done[i].head != NULL
            && orm_session_fire(s, ORM_SEV_persistent_to_deleted, run->done[i].obj, NULL) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
register_persistent(flush_run *run)
{
    SessionObject *s = run->s;

    for (size_t i = 0; i < run->ndone; i++) {
        orm_head *h = run->done[i].head;
        if (h == NULL || run->done[i].deleted || h->session != &s->s) {
            continue; /* a listener took it out */
        }
        orm_head_commit(h);
        if (h->flags & ORM_H_NEW) {
            h->flags &= ~(uint32_t)ORM_H_NEW;
        }
        else {
            orm_head_set_written(h, run->tx->serial);
            run->tx->marked = true;
        }
    }
    if (s->fresh.live > 0) {
        sweep(&s->fresh, ORM_H_NEW);
    }
    sweep(&s->dirty, ORM_H_MODIFIED);
    if (!orm_session_listens(s, ORM_SEV_pending_to_persistent)) {
        return 0;
    }
    for (size_t i = 0; i < run->ndone; i++) {
        flush_done *d = &run->done[i];
        if (d->fresh && d->head != NULL && d->head->session == &s->s
            && orm_session_fire(s, ORM_SEV_pending_to_persistent, d->obj, NULL) < 0) {
            return -1;
        }
    }
    return 0;
}

static PyObject *
new_context(SessionObject *s)
{
    PyObject *cls =
        orm_import_once(&s->st->flush_context, "pyorm.orm.session", "UOWTransaction");

    return cls == NULL ? NULL : PyObject_CallOneArg(cls, (PyObject *)s);
}

/* unit/ tells listeners of refresh_flush. Borrowed. */
static PyObject *
on_context(void *arg)
{
    flush_run *run = arg;

    if (run->context == NULL) {
        run->context = new_context(run->s);
    }
    return run->context;
}

/* --- flush ----------------------------------------------------------------------------------------- */

static int
write_out(flush_run *run)
{
    SessionObject *s = run->s;
    orm_flush f = {.st = s->st,
                   .session = &s->s,
                   .connection = on_connection,
                   .identity = on_identity,
                   .switched = on_switched,
                   .context = on_context,
                   .settled = on_settled,
                   .arg = run,
                   .pending = run->heads,
                   .dirty = run->heads + run->npending,
                   .deleted = run->heads + run->npending + run->ndirty,
                   .npending = run->npending,
                   .ndirty = run->ndirty,
                   .ndeleted = run->ndeleted};

    s->s.write_epoch++;
    if (run->n == 0) {
        return 0; /* nothing but orphans that never were in the database */
    }
    if (load_deleted(run) < 0) {
        return -1;
    }
    s->s.writing = true;
    int rc = orm_unit_flush(&f);
    s->s.writing = false;
    if (rc < 0
        || orm_session_fire(s, ORM_SEV_after_flush, run->context, NULL) < 0) {
        return -1;
    }
    return register_deleted(run) < 0 ? -1 : register_persistent(run);
}

/* The transaction that listeners of after_transaction_create/_end see around a flush. */
static int
begin_sub(SessionObject *s)
{
    if (!orm_session_listens(s, ORM_SEV_after_transaction_create)
        && !orm_session_listens(s, ORM_SEV_after_transaction_end)) {
        return 0;
    }
    return orm_tx_begin(s, ORM_TX_SUB) == NULL ? -1 : 0;
}

static int
end_sub(SessionObject *s)
{
    return s->tx != NULL && s->tx->origin == ORM_TX_SUB ? orm_tx_close(s->tx) : 0;
}

static int
flush_inside(SessionObject *s, PyObject *objects, PyObject *context)
{
    flush_run run = {.s = s, .context = Py_XNewRef(context)};
    PyObject *given = objects == NULL ? Py_None : objects;
    int rc = -1;

    rc = orm_session_fire(s, ORM_SEV_before_flush, context, given);
    if (rc < 0 || orm_session_is_clean(s)) {
        Py_CLEAR(run.context);
        return rc;
    }
    rc = -1;
    if (orm_session_autobegin(s) < 0 || orm_tx_check_active(s->tx) < 0 || begin_sub(s) < 0) {
        Py_CLEAR(run.context);
        return -1;
    }
    const char *busy = s->busy;
    s->busy = "flush()"; /* listeners must leave the transaction and what is written alone */
    run.tx = (TxObject *)Py_NewRef(level_of(s));
    if (restrict_to(&run, objects) == 0 && gather(&run) == 0) {
        rc = run.n == 0 ? 0 : write_out(&run);
    }
    if (rc < 0) {
        orm_tx_flush_failed(s);
    }
    s->busy = busy;
    run_fini(&run);
    Py_DECREF(run.tx);
    if (rc == 0) {
        rc = orm_session_fire(s, ORM_SEV_after_flush_postexec, context, NULL);
        return end_sub(s) < 0 ? -1 : rc;
    }
    (void)end_sub(s); /* keeps the flush's exception */
    return -1;
}

int
orm_session_flush(SessionObject *s, PyObject *objects)
{
    PyObject *context = NULL;
    int rc = -1;

    if (s->flushing) {
        return orm_raise_exc(s->st, ORM_EXC_InvalidRequestError, "Session is already flushing");
    }
    if (orm_session_is_clean(s)) {
        return 0;
    }
    if (orm_session_listens(s, ORM_SEV_before_flush) || orm_session_listens(s, ORM_SEV_after_flush)
        || orm_session_listens(s, ORM_SEV_after_flush_postexec)) {
        context = new_context(s);
        if (context == NULL) {
            return -1;
        }
    }
    s->flushing = true;
    rc = flush_inside(s, objects, context);
    s->flushing = false;
    Py_XDECREF(context);
    return rc;
}

/* Tell the reader of the traceback that a query has flushed. */
static void
explain_autoflush(void)
{
    PyObject *error = PyErr_GetRaisedException();
    PyObject *answer = NULL;

    if (PyObject_HasAttrString(error, "add_detail")) {
        answer = PyObject_CallMethod(
            error, "add_detail", "s",
            "raised as a result of Query-invoked autoflush; consider using a "
            "session.no_autoflush block if this flush is occurring prematurely");
        if (answer == NULL) {
            PyErr_Clear();
        }
        Py_XDECREF(answer);
    }
    PyErr_SetRaisedException(error);
}

int
orm_session_autoflush(SessionObject *s)
{
    if (!s->autoflush || s->flushing || orm_session_is_clean(s)) {
        return 0;
    }
    s->s.autoflushing = true;
    int rc = orm_session_flush(s, NULL);

    s->s.autoflushing = false;
    if (rc < 0) {
        explain_autoflush();
    }
    return rc;
}
