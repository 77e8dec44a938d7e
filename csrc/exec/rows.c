/*
 * rows.c - orm_result: stepping over a statement's rows, cell by cell.
 *
 * Place: run.c and raw.c begin one, the driver fills its batches, Core decodes rows here
 *   (orm_result_row), orm/'s loader takes cells and decodes them itself.
 * GIL: released for every fetch that can wait or take long; SQLite statements that are
 *   short by their plan are stepped with the GIL held (`direct`).
 * Ownership: a result owns its cursor, arena and references; while the cursor is open it is
 *   in its connection's list, so that the connection can buffer or break it.
 */
#include "exec_int.h"

orm_result *
orm_result_begin(orm_state *st, ConnectionObject *owner, DBConnection *db)
{
    orm_result *r = PyMem_Calloc(1, sizeof(*r));

    if (r == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    r->st = st;
    r->owner = (ConnectionObject *)Py_XNewRef(owner);
    r->db = (DBConnection *)Py_NewRef(db);
    r->driver = db->driver;
    r->rowcount = -1;
    orm_arena_init(&r->arena);
    r->json_loads = Py_XNewRef(owner != NULL ? owner->engine->json[1] : db->json[1]);
    r->dialect = owner != NULL ? Py_XNewRef(owner->engine->dialect) : NULL;
    r->dec = (orm_decctx){
        .st = st,
        .dialect = db->driver->dialect,
        .lenient = owner != NULL ? owner->engine->lenient : db->lenient,
        .dialect_obj = r->dialect,
        .json_loads = r->json_loads,
    };
    return r;
}

static void
list_enter(orm_result *r)
{
    if (r->owner != NULL) {
        r->prev = NULL;
        r->next = r->owner->results;
        if (r->next != NULL) {
            r->next->prev = r;
        }
        r->owner->results = r;
    }
}

static void
list_leave(orm_result *r)
{
    if (r->owner == NULL) {
        return;
    }
    if (r->prev != NULL) {
        r->prev->next = r->next;
    }
    else if (r->owner->results == r) {
        r->owner->results = r->next;
    }
    if (r->next != NULL) {
        r->next->prev = r->prev;
    }
    r->prev = r->next = NULL;
}

static void
close_cursor(orm_result *r)
{
    orm_cursor *cursor = r->cursor;

    if (cursor == NULL) {
        return;
    }
    r->cursor = NULL;
    list_leave(r);
    r->batch = (orm_batch){.last = true};
    r->at = 0;
    r->dying = false;
    if (r->direct) {
        r->driver->cursor_close(cursor);
    }
    else {
        orm_dbconn_pin(r->db);
        ORM_NOGIL_BEGIN
        r->driver->cursor_close(cursor);
        ORM_NOGIL_END
        orm_dbconn_unpin(r->db);
    }
    Py_CLEAR(r->owners);
}

void
orm_result_settle(orm_result *r)
{
    if (r->lent) {
        r->lent = false;
        if (r->dying) {
            close_cursor(r);
        }
        orm_dbconn_unpin(r->db);
    }
}

void
orm_result_release(orm_result *r, bool broken)
{
    if (r->cursor == NULL) {
        return;
    }
    if (r->rowcount < 0) {
        r->rowcount = r->driver->rowcount(r->cursor);
    }
    r->broken = broken;
    if (r->busy || r->lent) {
        r->dying = true;
        list_leave(r);
        return;
    }
    close_cursor(r);
}

void
orm_result_release_garbage(orm_result *r)
{
    orm_result_settle(r);
    orm_result_release(r, true);
}

void
orm_result_free(orm_result *r)
{
    PyObject *live = NULL;

    if (r == NULL) {
        return;
    }
    assert(!r->busy);
    live = PyErr_GetRaisedException();
    orm_result_settle(r);
    close_cursor(r);
    Py_CLEAR(r->owners);
    Py_CLEAR(r->json_loads);
    Py_CLEAR(r->dialect);
    Py_CLEAR(r->compiled);
    Py_CLEAR(r->db);
    Py_CLEAR(r->owner);
    PyMem_Free(r->kept);
    orm_arena_fini(&r->arena);
    PyMem_Free(r);
    if (live != NULL) {
        PyErr_SetRaisedException(live);
    }
}

/* Choose the decoders and copy the names: the cursor's descriptions may go before us. */
static int
take_columns(orm_result *r, const orm_coldesc *desc, uint32_t n)
{
    r->ncols = n;
    r->scratch = orm_arena_array(&r->arena, n, sizeof(orm_cell));
    r->decoders = orm_arena_array(&r->arena, n, sizeof(orm_decoder));
    r->names = orm_arena_array(&r->arena, n, sizeof(char *));
    if (r->scratch == NULL || r->decoders == NULL || r->names == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        orm_type *type = NULL;

        if (r->compiled != NULL && i < r->compiled->ncols && r->compiled->ncols == n) {
            type = r->compiled->cols[i].type;
        }
        else if (r->types != NULL) {
            type = r->types[i];
        }
        if (orm_decoder_pick(r->st, type, r->driver->dialect, desc[i].oid, &r->decoders[i]) < 0) {
            return -1;
        }
        r->names[i] = orm_arena_dup(&r->arena, desc[i].name, strlen(desc[i].name));
        if (r->names[i] == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

int
orm_result_open(orm_result *r, orm_cursor *cursor)
{
    uint32_t n = 0;
    const orm_coldesc *desc = r->driver->columns(cursor, &n);

    r->cursor = cursor;
    list_enter(r);
    r->rowcount = r->driver->rowcount(cursor);
    r->lastrowid = r->driver->lastrowid(cursor);
    if (n == 0) {
        r->ended = true;
        close_cursor(r);
        return 0;
    }
    if (take_columns(r, desc, n) < 0) {
        close_cursor(r);
        return -1;
    }
    return 0;
}

static int
raise_fetch(orm_result *r, orm_err *err)
{
    int rc;

    orm_result_release(r, true);
    if (r->owner != NULL) {
        return orm_conn_raise(r->owner, err, NULL, NULL, NULL, false);
    }
    PyObject *exc = orm_dberror_new(r->st, err);

    rc = -1;
    if (exc != NULL) {
        PyErr_SetRaisedException(exc);
    }
    orm_err_fini(err);
    return rc;
}

static int
raise_closed(orm_result *r)
{
    return orm_raise_exc(r->st, ORM_EXC_ResourceClosedError, "This result object is closed.");
}

/* The next batch into r->batch; 0 / -1. */
static int
fetch_batch(orm_result *r)
{
    orm_cursor *cursor = r->cursor;
    orm_err err;
    int rc = 0;

    orm_err_init(&err);
    r->at = 0;
    r->batch = (orm_batch){0};
    /* Without the GIL, and in SQL functions written in Python, others may close us. */
    r->busy = true;
    orm_dbconn_pin(r->db);
    if (r->direct) {
        /* fast path: same answer as below, a row at a time with the GIL held. */
        rc = r->driver->fetch(cursor, ORM_FETCH_DIRECT, &r->batch, &err);
        r->direct = rc == 0 && (r->batch.nrows > 0 || r->batch.last);
    }
    if (rc == 0 && !r->direct) {
        ORM_NOGIL_BEGIN
        rc = r->driver->fetch(cursor, 0, &r->batch, &err);
        ORM_NOGIL_END
    }
    r->busy = false;
    if (rc < 0) {
        rc = raise_fetch(r, &err);
    }
    else if (r->dying) {
        close_cursor(r);
        rc = raise_closed(r);
    }
    orm_dbconn_unpin(r->db);
    return rc;
}

/* A row of the batch. */
static inline const orm_cell *
row_at(orm_result *r, uint32_t i)
{
    return r->batch.cells != NULL ? r->batch.cells + (size_t)i * r->ncols
                                  : r->driver->row(&r->batch, i, r->scratch);
}

int
orm_result_next(orm_result *r, const orm_cell **cells)
{
    if (r->lent && !r->dying && r->at < r->batch.nrows) {
        /* fast path: same answer as below, for the next row of a batch: the cells stay lent */
        *cells = row_at(r, r->at++);
        return 1;
    }
    if (r->busy) {
        return orm_raise_exc(r->st, ORM_EXC_InvalidRequestError,
                             "Rows of this connection are being read by another thread; give "
                             "each thread a connection of its own");
    }
    orm_result_settle(r);
    while (r->at >= r->batch.nrows) {
        if (r->kept != NULL && r->at < r->nkept) {
            *cells = r->kept + (size_t)r->at * r->ncols;
            r->at++;
            return 1;
        }
        if (r->broken) {
            return raise_closed(r);
        }
        if (r->cursor == NULL || r->batch.last) {
            orm_result_release(r, false);
            r->ended = true;
            return 0;
        }
        if (fetch_batch(r) < 0) {
            return -1;
        }
    }
    *cells = row_at(r, r->at++);
    r->lent = true;
    orm_dbconn_pin(r->db);
    return 1;
}

PyObject *
orm_result_decode(orm_result *r, uint32_t column, const orm_cell *cell)
{
    orm_decoder *d = &r->decoders[column];

    if (cell->kind == ORM_V_NULL && !d->null_aware) {
        Py_RETURN_NONE;
    }
    r->dec.column = r->names[column];
    return d->fn(&r->dec, d->type, cell);
}

int
orm_result_row(orm_result *r, PyObject *shape, PyObject **row)
{
    const orm_cell *cells = NULL;
    uint32_t n = r->ncols;
    PyObject *made = NULL;
    int rc = orm_result_next(r, &cells);

    *row = NULL;
    if (rc <= 0) {
        return rc;
    }
    made = shape != NULL ? orm_row_new(shape, n) : PyTuple_New(n);
    if (made == NULL) {
        orm_result_settle(r);
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        const orm_decoder *d = &r->decoders[i];
        PyObject *value;

        if (cells[i].kind == ORM_V_NULL && !d->null_aware) {
            value = Py_NewRef(Py_None);
        }
        else {
            r->dec.column = r->names[i];
            value = d->fn(&r->dec, d->type, &cells[i]);
            if (value == NULL) {
                Py_DECREF(made);
                orm_result_settle(r);
                return -1;
            }
        }
        PyTuple_SET_ITEM(made, i, value);
    }
    orm_result_settle(r);
    if (shape != NULL) {
        orm_row_done(made);
    }
    *row = made;
    return 1;
}

/* Copy one row behind the others. `cap`: rows that r->kept has room for. 0 / -1. */
static int
keep_row(orm_result *r, orm_cell **kept, uint32_t *nkept, uint32_t *cap, const orm_cell *cells)
{
    orm_cell *to = NULL;

    if (*nkept == *cap) {
        uint32_t more = *cap == 0 ? 64 : *cap * 2;
        orm_cell *grown = PyMem_Realloc(*kept, (size_t)more * r->ncols * sizeof(orm_cell));

        if (grown == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        *kept = grown;
        *cap = more;
    }
    to = *kept + (size_t)*nkept * r->ncols;
    memcpy(to, cells, r->ncols * sizeof(orm_cell));
    for (uint32_t i = 0; i < r->ncols; i++) {
        if (cells[i].p != NULL) {
            to[i].p = orm_arena_dup(&r->arena, cells[i].p, (size_t)cells[i].len);
            if (to[i].p == NULL) {
                PyErr_NoMemory();
                return -1;
            }
        }
    }
    (*nkept)++;
    return 0;
}

/* Somebody looks at a row's cells while the rows behind it are read: the cells get texts that
 * last. 0 / -1. */
static int
keep_lent(orm_result *r)
{
    orm_cell *mine = NULL;

    if (r->batch.cells != NULL) {
        return orm_raise_exc(r->st, ORM_EXC_InvalidRequestError,
                             "A row of this connection is being read by the caller of this "
                             "function: its transaction cannot end now");
    }
    mine = orm_arena_array(&r->arena, r->ncols, sizeof(orm_cell));
    for (uint32_t i = 0; mine != NULL && i < r->ncols; i++) {
        if (r->scratch[i].p != NULL) {
            r->scratch[i].p = orm_arena_dup(&r->arena, r->scratch[i].p, (size_t)r->scratch[i].len);
            if (r->scratch[i].p == NULL) {
                r->scratch[i].kind = ORM_V_NULL;
                mine = NULL;
            }
        }
    }
    if (mine == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    r->scratch = mine; /* the other one is the reader's now */
    orm_result_settle(r);
    return 0;
}

int
orm_result_buffer(orm_result *r)
{
    orm_cell *kept = NULL;
    uint32_t nkept = 0;
    uint32_t cap = 0;
    const orm_cell *cells = NULL;
    int rc;

    if (r->cursor == NULL) {
        return 0;
    }
    if (r->lent && keep_lent(r) < 0) {
        return -1;
    }
    while ((rc = orm_result_next(r, &cells)) > 0) {
        if (keep_row(r, &kept, &nkept, &cap, cells) < 0) {
            rc = -1;
            break;
        }
    }
    if (rc < 0) {
        PyMem_Free(kept);
        return -1;
    }
    /* orm_result_next has released the cursor at the end. */
    PyMem_Free(r->kept);
    r->kept = kept;
    r->nkept = nkept;
    r->at = 0;
    r->ended = false;
    return 0;
}

orm_decoder *
orm_result_decoders(orm_result *r, orm_decctx **context)
{
    *context = &r->dec;
    return r->decoders;
}

uint32_t
orm_result_ncols(const orm_result *r)
{
    return r->ncols;
}

const char *
orm_result_colname(const orm_result *r, uint32_t column)
{
    assert(column < r->ncols);
    return r->names[column];
}

const orm_type *
orm_result_coltype(const orm_result *r, uint32_t column)
{
    assert(column < r->ncols);
    return r->decoders[column].type;
}

int64_t
orm_result_rowcount(const orm_result *r)
{
    return r->rowcount;
}

int64_t
orm_result_lastrowid(const orm_result *r)
{
    return r->lastrowid;
}

int
orm_conn_buffer_all(ConnectionObject *c)
{
    orm_result *r;

    while ((r = c->results) != NULL) {
        if (orm_result_buffer(r) < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_conn_free_line(ConnectionObject *c)
{
    /* SQLite steps statements side by side; libpq has one result under way. */
    return c->engine->dialect_id == ORM_PG ? orm_conn_buffer_all(c) : 0;
}
