/*
 * session/snapshot.c - instances after COMMIT, RELEASE and ROLLBACK.
 *
 * Place: transaction.c calls it when the database has done its part.
 * ROLLBACK: what was born in the transaction becomes transient with its values, what was deleted
 *   is persistent again, changed primary keys go back, everything else expires and is loaded
 *   when it is asked for. Of a savepoint only what was written since it was set expires.
 * How a transaction knows what was born in it: the head's serials (session_int.h). There are
 *   511; when they are used up, the serials still in use are numbered anew.
 * Listeners and values' destructors run Python: loops go over lists of strong references.
 */
#include "session/session_int.h"

/* --- serials --------------------------------------------------------------------------------- */

/* The number that replaces an old serial: the place of the transaction it now belongs to. */
static uint32_t
renumbered(TxObject *innermost, uint32_t depth, uint32_t old)
{
    for (TxObject *tx = innermost; tx != NULL; tx = tx->parent) {
        if (tx->origin == ORM_TX_SUB) {
            continue;
        }
        if (old != 0 && old >= tx->serial) {
            return depth;
        }
        depth--;
    }
    return 0;
}

static void
renumber_head(TxObject *tx, uint32_t depth, orm_head *h)
{
    orm_head_set_born(h, renumbered(tx, depth, ORM_BORN(h)));
    orm_head_set_written(h, renumbered(tx, depth, ORM_WRITTEN(h)));
}

int
orm_tx_new_serial(SessionObject *s, uint32_t *out)
{
    uint32_t depth = 0;
    size_t pos = 0;
    orm_head *h = NULL;

    if (s->serial < ORM_SERIAL_MAX) {
        *out = ++s->serial;
        return 0;
    }
    for (TxObject *tx = s->tx; tx != NULL; tx = tx->parent) {
        depth += tx->origin != ORM_TX_SUB;
    }
    if (depth >= ORM_SERIAL_MAX) {
        return orm_raise_exc(s->st, ORM_EXC_InvalidRequestError,
                             "begin_nested(): %u savepoints are open inside each other; release "
                             "or roll back some of them first", depth - 1);
    }
    while ((h = orm_tagmap_next(&s->s.map.table, &pos)) != NULL) {
        renumber_head(s->tx, depth, h);
    }
    for (TxObject *tx = s->tx; tx != NULL; tx = tx->parent) {
        ORM_HEADSET_EACH(&tx->deleted, cell)
        {
            renumber_head(s->tx, depth, cell->head);
        }
    }
    uint32_t number = depth;
    for (TxObject *tx = s->tx; tx != NULL; tx = tx->parent) {
        tx->serial = number;
        number -= tx->origin != ORM_TX_SUB;
    }
    s->serial = depth + 1;
    *out = s->serial;
    return 0;
}

static void
forget_serials(orm_head *h)
{
    orm_head_set_born(h, 0);
    orm_head_set_written(h, 0);
}

/* --- changed primary keys ---------------------------------------------------------------------- */

int
orm_tx_note_switch(TxObject *tx, orm_head *h, const orm_key *old)
{
    PyObject *obj = orm_head_object(h);
    tx_switch *grown = NULL;

    if (obj == NULL) {
        return 0;
    }
    grown = PyMem_Realloc(tx->switches, (tx->nswitches + 1) * sizeof(*grown));
    if (grown == NULL) {
        Py_DECREF(obj);
        PyErr_NoMemory();
        return -1;
    }
    tx->switches = grown;
    tx_switch *entry = &tx->switches[tx->nswitches++];
    *entry = (tx_switch){.head = h, .obj = obj, .old = *old, .token = Py_XNewRef(old->token)};
    entry->old.obj = Py_XNewRef(old->obj);
    return 0;
}

int
orm_tx_note_left(SessionObject *s, orm_head *h, PyObject *obj)
{
    TxObject *tx = s->tx;
    PyObject *ref = NULL;
    int rc = -1;

    while (tx != NULL && tx->serial > ORM_BORN(h)) {
        tx = tx->parent;
    }
    if (tx == NULL) {
        return 0;
    }
    if (tx->left == NULL) {
        tx->left = PyList_New(0);
    }
    ref = tx->left == NULL ? NULL : PyWeakref_NewRef(obj, NULL);
    if (ref != NULL) {
        rc = PyList_Append(tx->left, ref);
        Py_DECREF(ref);
    }
    return rc;
}

static void
drop_switches(tx_switch *switches, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        orm_key_fini(&switches[i].old);
        Py_XDECREF(switches[i].token);
        Py_XDECREF(switches[i].obj);
    }
    PyMem_Free(switches);
}

/* Give the instances their old identities, the last change first. 0 / -1. */
static int
restore_keys(SessionObject *s, TxObject *tx)
{
    tx_switch *switches = tx->switches;
    size_t n = tx->nswitches;
    int rc = 0;

    tx->switches = NULL;
    tx->nswitches = 0;
    for (size_t i = n; i-- > 0;) {
        orm_head *h = switches[i].head;
        if (h->session != &s->s) {
            continue; /* born in this transaction, or expunged */
        }
        bool was_in = h->flags & ORM_H_IN_MAP;
        orm_idmap_remove(&s->s.map, h);
        if (orm_head_set_identity(h, &switches[i].old) < 0
            || (was_in && orm_session_enter_map(s, h) < 0)) {
            h->session = NULL;
            rc = -1;
        }
    }
    drop_switches(switches, n);
    return rc;
}

/* --- rollback ------------------------------------------------------------------------------------ */

/* First error of several steps: keep it, go on. */
static void
note_error(PyObject **first)
{
    PyObject *error = PyErr_GetRaisedException();

    if (*first == NULL) {
        *first = error;
    }
    else {
        Py_XDECREF(error);
    }
}

/* What was born since tx began becomes transient; `list` is consumed. */
static void
expel(SessionObject *s, uint32_t serial, bool pending, PyObject *list, PyObject **first)
{
    if (list == NULL) {
        note_error(first);
        return;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        orm_head *h = orm_head_find(s->st, PyList_GET_ITEM(list, i));
        if (h == NULL || h->session != &s->s || (!pending && ORM_BORN(h) < serial)) {
            continue;
        }
        if (orm_session_detach(s, h, true) < 0) {
            note_error(first);
        }
    }
    Py_DECREF(list);
}

/* What was born since tx began and expunged then has no row: it is transient too. */
static void
expel_left(SessionObject *s, TxObject *tx, PyObject **first)
{
    PyObject *left = tx->left;

    tx->left = NULL;
    for (Py_ssize_t i = 0; left != NULL && i < PyList_GET_SIZE(left); i++) {
        PyObject *obj = NULL;
        if (PyWeakref_GetRef(PyList_GET_ITEM(left, i), &obj) <= 0) {
            continue;
        }
        orm_head *h = orm_head_find(s->st, obj);
        if (h != NULL && h->session == NULL) {
            orm_head_drop_identity(h);
        }
        else if (h != NULL && h->session == &s->s && orm_session_detach(s, h, true) < 0) {
            note_error(first); /* it had been added again */
        }
        Py_DECREF(obj);
    }
    Py_XDECREF(left);
}

/* Deleted instances are persistent again; marked ones are marked no longer. */
static void
revive(SessionObject *s, TxObject *tx, PyObject **first)
{
    orm_headset deleted;
    orm_headset doomed;

    orm_headset_move(&s->doomed, &doomed);
    ORM_HEADSET_EACH(&doomed, cell)
    {
        cell->head->flags &= ~(uint32_t)ORM_H_DELETING;
    }
    orm_headset_fini(&doomed);
    orm_headset_move(&tx->deleted, &deleted);
    for (size_t i = 0; i < deleted.used; i++) {
        orm_head *h = deleted.cells[i].head;
        if (h == NULL || h->session != &s->s) {
            continue;
        }
        h->flags &= ~(uint32_t)ORM_H_DELETED;
        if (orm_session_enter_map(s, h) < 0) {
            h->session = NULL; /* its row is loaded by another instance */
            note_error(first);
        }
        else if (orm_session_fire_head(s, ORM_SEV_deleted_to_persistent, h) < 0) {
            note_error(first);
        }
    }
    orm_headset_fini(&deleted);
}

/* Expire what may differ from the database now. */
static void
expire_written(SessionObject *s, TxObject *tx, PyObject **first)
{
    PyObject *list = orm_idmap_list(&s->s.map);
    uint32_t outer = tx->nested ? tx->parent->serial : 0;
    orm_headset dirty;

    orm_headset_move(&s->dirty, &dirty);
    if (list == NULL) {
        note_error(first);
    }
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(list); i++) {
        orm_head *h = orm_head_find(s->st, PyList_GET_ITEM(list, i));
        if (h == NULL || h->session != &s->s) {
            continue;
        }
        bool written = ORM_WRITTEN(h) >= tx->serial;
        if (written || outer == 0) {
            orm_head_set_written(h, outer); /* as if written in the outer one: it may have been */
        }
        if ((!tx->nested || written || h->flags & ORM_H_MODIFIED)
            && (orm_head_expire(h) < 0 || orm_session_fire_expire(h, NULL) < 0)) {
            note_error(first);
        }
    }
    orm_headset_fini(&dirty);
    Py_XDECREF(list);
}

int
orm_tx_restore(TxObject *tx, bool keep_pending)
{
    SessionObject *s = tx->session;
    PyObject *first = NULL;

    if (tx->origin == ORM_TX_SUB) {
        return 0;
    }
    if (tx->marked) {
        expel(s, tx->serial, false, orm_idmap_list(&s->s.map), &first);
        expel(s, tx->serial, false, orm_headset_list(&tx->deleted), &first);
    }
    if (!keep_pending && s->fresh.live > 0) {
        expel(s, 0, true, orm_headset_list(&s->fresh), &first);
    }
    expel_left(s, tx, &first);
    if (tx->nswitches > 0 && restore_keys(s, tx) < 0) {
        note_error(&first);
    }
    revive(s, tx, &first);
    expire_written(s, tx, &first);
    tx->marked = false;
    if (first != NULL) {
        PyErr_SetRaisedException(first);
        return -1;
    }
    return 0;
}

/* --- commit -------------------------------------------------------------------------------------- */

/* The parent remembers what left; a list of weakrefs, so that nothing runs Python. */
static void
hand_over_left(TxObject *tx, TxObject *to)
{
    if (to == NULL || tx->left == NULL) {
        Py_CLEAR(tx->left);
    }
    else if (to->left == NULL) {
        to->left = tx->left;
        tx->left = NULL;
    }
    else {
        if (PyList_SetSlice(to->left, PY_SSIZE_T_MAX, PY_SSIZE_T_MAX, tx->left) < 0) {
            PyErr_Clear(); /* no memory to remember them: they stay detached */
        }
        Py_CLEAR(tx->left);
    }
}

void
orm_tx_hand_over(TxObject *tx)
{
    TxObject *to = tx->parent;
    tx_switch *grown = NULL;

    hand_over_left(tx, to);

    if (to != NULL && orm_headset_splice(&to->deleted, &tx->deleted) < 0) {
        PyErr_Clear(); /* no memory to remember them: they are detached */
    }
    if (tx->deleted.live > 0) {
        ORM_HEADSET_EACH(&tx->deleted, cell)
        {
            cell->head->session = NULL;
            forget_serials(cell->head);
        }
        orm_headset_fini(&tx->deleted);
    }
    if (to != NULL && tx->nswitches > 0) {
        grown = PyMem_Realloc(to->switches, (to->nswitches + tx->nswitches) * sizeof(*grown));
    }
    if (grown != NULL) {
        to->switches = grown;
        memcpy(grown + to->nswitches, tx->switches, tx->nswitches * sizeof(*grown));
        to->nswitches += tx->nswitches;
        PyMem_Free(tx->switches);
    }
    else {
        drop_switches(tx->switches, tx->nswitches);
    }
    tx->switches = NULL;
    tx->nswitches = 0;
    if (to != NULL) {
        to->marked = to->marked || tx->marked;
    }
}

/* All persistent instances expire. */
static void
expire_map(SessionObject *s, PyObject **first)
{
    PyObject *list = orm_idmap_list(&s->s.map);
    orm_headset dirty;

    orm_headset_move(&s->dirty, &dirty);
    if (list == NULL) {
        note_error(first);
    }
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(list); i++) {
        orm_head *h = orm_head_find(s->st, PyList_GET_ITEM(list, i));
        if (h == NULL || h->session != &s->s) {
            continue;
        }
        forget_serials(h);
        if (orm_head_expire(h) < 0 || orm_session_fire_expire(h, NULL) < 0) {
            note_error(first);
        }
    }
    orm_headset_fini(&dirty);
    Py_XDECREF(list);
}

int
orm_tx_keep(TxObject *tx)
{
    SessionObject *s = tx->session;
    PyObject *first = NULL;
    orm_headset deleted;
    size_t pos = 0;
    orm_head *h = NULL;

    if (tx->parent != NULL) {
        return 0; /* hand_over does it */
    }
    if (s->expire_on_commit && s->s.map.table.used > 0) {
        expire_map(s, &first);
        s->s.write_epoch++;
    }
    else if (tx->marked) {
        while ((h = orm_tagmap_next(&s->s.map.table, &pos)) != NULL) {
            forget_serials(h);
        }
    }
    orm_headset_move(&tx->deleted, &deleted);
    for (size_t i = 0; i < deleted.used; i++) {
        h = deleted.cells[i].head;
        if (h == NULL || h->session != &s->s) {
            continue;
        }
        h->session = NULL;
        forget_serials(h);
        orm_head_set_left(h, ORM_LEFT_COMMIT);
        if (orm_session_fire_head(s, ORM_SEV_deleted_to_detached, h) < 0) {
            note_error(&first);
        }
    }
    orm_headset_fini(&deleted);
    if (first != NULL) {
        PyErr_SetRaisedException(first);
        return -1;
    }
    return 0;
}
