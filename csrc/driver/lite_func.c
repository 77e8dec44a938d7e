/*
 * lite_func.c - functions, aggregates and collations of the user.
 *
 * SQLite calls back with its own values; they are shown to the user's C function as
 * orm_cell, pointing into SQLite's memory for the length of the call. The record of a
 * function is a copy owned by SQLite, which calls its destructor when the function is
 * replaced, when the connection closes, and when registering fails.
 * An existing name can only be replaced while no statement runs (SQLITE_BUSY otherwise):
 * unread results are read to their end first.
 */
#include "driver/lite_int.h"

#define MOST_ARGS 127 /* SQLITE_MAX_FUNCTION_ARG */

struct orm_lite_result {
    sqlite3_context *ctx; /* of the running call */
};

typedef struct lite_collation {
    int (*cmp)(void *user, const char *a, int32_t alen, const char *b, int32_t blen);
    void *user;                  /* first argument of both */
    void (*destroy)(void *user); /* NULL: nothing to do */
} lite_collation;

void
orm_lite_result_null(orm_lite_result *result)
{
    sqlite3_result_null(result->ctx);
}

void
orm_lite_result_int(orm_lite_result *result, int64_t value)
{
    sqlite3_result_int64(result->ctx, value);
}

void
orm_lite_result_real(orm_lite_result *result, double value)
{
    sqlite3_result_double(result->ctx, value);
}

void
orm_lite_result_text(orm_lite_result *result, const char *text, int32_t len)
{
    sqlite3_result_text(result->ctx, text, len, SQLITE_TRANSIENT);
}

void
orm_lite_result_blob(orm_lite_result *result, const char *bytes, int32_t len)
{
    if (len == 0) {
        sqlite3_result_zeroblob(result->ctx, 0); /* a NULL pointer would answer NULL */
    }
    else {
        sqlite3_result_blob(result->ctx, bytes, len, SQLITE_TRANSIENT);
    }
}

void
orm_lite_result_error(orm_lite_result *result, const char *message)
{
    sqlite3_result_error(result->ctx, message, -1);
}

static void
cell_of_value(sqlite3_value *value, orm_cell *cell)
{
    *cell = (orm_cell){.kind = ORM_V_NULL};
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
        cell->kind = ORM_V_INT;
        cell->u.i = sqlite3_value_int64(value);
        break;
    case SQLITE_FLOAT:
        cell->kind = ORM_V_REAL;
        cell->u.d = sqlite3_value_double(value);
        break;
    case SQLITE_TEXT:
        cell->kind = ORM_V_TEXT;
        cell->p = (const char *)sqlite3_value_text(value);
        cell->len = sqlite3_value_bytes(value);
        break;
    case SQLITE_BLOB:
        cell->kind = ORM_V_BLOB;
        cell->p = sqlite3_value_blob(value);
        cell->len = sqlite3_value_bytes(value);
        break;
    default:
        break;
    }
    if (cell->p == NULL && (cell->kind == ORM_V_TEXT || cell->kind == ORM_V_BLOB)) {
        cell->p = "";
        cell->len = 0;
    }
}

static void
cells_of_values(int n, sqlite3_value **values, orm_cell *cells)
{
    for (int i = 0; i < n; i++) {
        cell_of_value(values[i], &cells[i]);
    }
}

static void
on_call(sqlite3_context *ctx, int n, sqlite3_value **values)
{
    orm_cell cells[MOST_ARGS];
    orm_lite_result result = {ctx};
    const orm_lite_func *func = sqlite3_user_data(ctx);
    cells_of_values(n, values, cells);
    func->call(func->user, cells, (uint32_t)n, &result);
}

static void
on_step(sqlite3_context *ctx, int n, sqlite3_value **values)
{
    orm_cell cells[MOST_ARGS];
    orm_lite_result result = {ctx};
    const orm_lite_func *func = sqlite3_user_data(ctx);
    void *state = sqlite3_aggregate_context(ctx, (int)func->state_size);
    if (state == NULL) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    cells_of_values(n, values, cells);
    func->step(func->user, state, cells, (uint32_t)n, &result);
}

static void
on_final(sqlite3_context *ctx)
{
    orm_lite_result result = {ctx};
    const orm_lite_func *func = sqlite3_user_data(ctx);
    void *state = sqlite3_aggregate_context(ctx, (int)func->state_size);
    if (state == NULL) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    func->final(func->user, state, &result);
}

static void
destroy_func(void *copy)
{
    orm_lite_func *func = copy;
    if (func->destroy != NULL) {
        func->destroy(func->user);
    }
    orm_free(func);
}

int
orm_lite_create_function(orm_conn *conn, const orm_lite_func *func, orm_err *err)
{
    bool removes = func->call == NULL && func->step == NULL;
    orm_lite_func *copy = orm_malloc(sizeof(*copy));
    if (copy == NULL) {
        return orm_err_nomem(err);
    }
    *copy = *func;
    copy->name = NULL; /* SQLite keeps the name; ours is not copied */
    if (lite_enter(conn, orm_mono_now() + LITE_CLOSE_WAIT, err) < 0) {
        destroy_func(copy);
        return -1;
    }
    lite_buffer_all_locked(conn);
    int flags = SQLITE_UTF8 | (func->deterministic ? SQLITE_DETERMINISTIC : 0);
    /* takes the copy in any case: a failure calls destroy_func too */
    int rc = sqlite3_create_function_v2(conn->db, func->name, func->nargs, flags, copy,
                                        func->call != NULL ? on_call : NULL,
                                        func->call == NULL && !removes ? on_step : NULL,
                                        func->call == NULL && !removes ? on_final : NULL,
                                        destroy_func);
    int answer = rc == SQLITE_OK ? 0 : lite_fail_locked(conn, rc, err);
    lite_leave(conn);
    return answer;
}

static int
on_compare(void *arg, int alen, const void *a, int blen, const void *b)
{
    const lite_collation *collation = arg;
    return collation->cmp(collation->user, a, alen, b, blen);
}

static void
destroy_collation(void *arg)
{
    lite_collation *collation = arg;
    if (collation->destroy != NULL) {
        collation->destroy(collation->user);
    }
    orm_free(collation);
}

int
orm_lite_create_collation(orm_conn *conn, const char *name,
                          int (*cmp)(void *user, const char *a, int32_t alen, const char *b,
                                     int32_t blen),
                          void *user, void (*destroy)(void *user), orm_err *err)
{
    lite_collation *collation = orm_malloc(sizeof(*collation));
    if (collation == NULL) {
        return orm_err_nomem(err);
    }
    *collation = (lite_collation){cmp, user, destroy};
    if (lite_enter(conn, orm_mono_now() + LITE_CLOSE_WAIT, err) < 0) {
        destroy_collation(collation);
        return -1;
    }
    lite_buffer_all_locked(conn);
    bool removes = cmp == NULL;
    int rc = sqlite3_create_collation_v2(conn->db, name, SQLITE_UTF8, removes ? NULL : collation,
                                         removes ? NULL : on_compare,
                                         removes ? NULL : destroy_collation);
    int answer = rc == SQLITE_OK ? 0 : lite_fail_locked(conn, rc, err);
    if (rc != SQLITE_OK || removes) {
        destroy_collation(collation); /* not taken: a failure does not destroy, as functions do */
    }
    lite_leave(conn);
    return answer;
}
