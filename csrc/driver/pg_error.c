/*
 * pg_error.c - what libpq says went wrong, as an orm_err.
 *
 * Place: every failed PGresult and every broken link of the driver ends here.
 * Order of judgement: the state of the link first (a killed backend answers with a result
 *   that has no SQLSTATE), then SQLSTATE, then libpq's own complaints (a result without
 *   SQLSTATE on a good link: libpq refused the call, the connection is fine).
 * A FATAL that the server sends while nothing is asked arrives as a notice: it is kept, and
 *   is the reason told when the broken link is noticed.
 */
#include <stdlib.h>
#include <string.h>

#include "driver/pg_calls.h"

/* Which field of a result goes to which text. */
static const struct {
    uint8_t text; /* ORM_TEXT_ */
    char field;   /* PG_DIAG_ */
} diag_fields[] = {
    {ORM_TEXT_DETAIL, PG_DIAG_MESSAGE_DETAIL},
    {ORM_TEXT_HINT, PG_DIAG_MESSAGE_HINT},
    {ORM_TEXT_CONTEXT, PG_DIAG_CONTEXT},
    {ORM_TEXT_SCHEMA, PG_DIAG_SCHEMA_NAME},
    {ORM_TEXT_TABLE, PG_DIAG_TABLE_NAME},
    {ORM_TEXT_COLUMN, PG_DIAG_COLUMN_NAME},
    {ORM_TEXT_CONSTRAINT, PG_DIAG_CONSTRAINT_NAME},
    {ORM_TEXT_DATATYPE, PG_DIAG_DATATYPE_NAME},
};

/* Length without the newline libpq ends its messages with. */
static int
trimmed_len(const char *text)
{
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' ')) {
        n--;
    }
    return (int)n;
}

static void
set_state(orm_err *err, const char *state)
{
    if (state != NULL && strlen(state) == 5) {
        memcpy(err->sqlstate, state, 6);
    }
}

/* The server ended the session: every SQLSTATE after which nothing more comes. */
static bool
is_fatal_state(const char *state)
{
    static const char *const fatal[] = {"57P01", "57P02", "57P04", "57P05", "25P03", "25P04"};
    if (strncmp(state, "08", 2) == 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
        if (strcmp(state, fatal[i]) == 0) {
            return true;
        }
    }
    return false;
}

static uint8_t
why_of(const PGresult *res)
{
    const char *function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
    if (function == NULL) {
        return ORM_PG_WHY_OTHER;
    }
    if (strcmp(function, "RevalidateCachedQuery") == 0) {
        return ORM_PG_WHY_PLAN;
    }
    /* A type, or the elements of an array. */
    if (strcmp(function, "getTypeBinaryOutputInfo") == 0 || strcmp(function, "array_send") == 0) {
        return ORM_PG_WHY_BINARY;
    }
    return ORM_PG_WHY_OTHER;
}

int
orm_pg_fail_lost(pg_conn *c, orm_err *err)
{
    bool fresh = err->code == ORM_OK;
    c->lost = true;
    if (c->fatal_text != NULL) {
        orm_err_set(err, ORM_E_LOST, "%s", c->fatal_text);
        if (fresh) {
            set_state(err, c->fatal_state);
        }
    }
    else {
        const char *text = PQerrorMessage(c->pg);
        int n = trimmed_len(text);
        orm_err_set(err, ORM_E_LOST, "%.*s", n > 0 ? n : 30,
                    n > 0 ? text : "connection to the server lost");
    }
    err->lost = true;
    return -1;
}

int
orm_pg_fail_send(pg_conn *c, orm_err *err)
{
    if (PQstatus(c->pg) == CONNECTION_BAD) {
        return orm_pg_fail_lost(c, err);
    }
    /* Half a segment may stand in libpq's buffer: it must not be continued. */
    const char *text = PQerrorMessage(c->pg);
    c->lost = true;
    orm_err_set(err, ORM_E_INTERFACE, "libpq refused to send: %.*s", trimmed_len(text), text);
    err->lost = true;
    return -1;
}

int
orm_pg_fail(pg_conn *c, const PGresult *res, orm_err *err)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    bool lost = PQstatus(c->pg) == CONNECTION_BAD ||
                (state != NULL && is_fatal_state(state));

    if (lost && state == NULL) {
        return orm_pg_fail_lost(c, err);
    }
    if (err->code != ORM_OK) {
        return -1; /* the first failure is the one to tell */
    }
    c->why = why_of(res);
    if (message == NULL) {
        message = PQresultErrorMessage(res);
    }
    if (state == NULL) {
        return orm_err_set(err, ORM_E_INTERFACE, "libpq: %.*s", trimmed_len(message), message);
    }
    orm_err_set(err, lost ? ORM_E_LOST : ORM_E_DB, "%.*s", trimmed_len(message), message);
    set_state(err, state);
    for (size_t i = 0; i < sizeof(diag_fields) / sizeof(diag_fields[0]); i++) {
        const char *text = PQresultErrorField(res, diag_fields[i].field);
        if (text != NULL) {
            orm_err_set_text(err, diag_fields[i].text, text, strlen(text));
        }
    }
    if (lost) {
        c->lost = true;
        err->lost = true;
    }
    else if (strncmp(state, "XX", 2) == 0 || strcmp(state, "53200") == 0) {
        c->tainted = true; /* out of memory or an internal error: not for the pool again */
    }
    return -1;
}

void
orm_pg_notice(void *arg, const PGresult *res)
{
    pg_conn *c = arg;
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity == NULL || (strcmp(severity, "FATAL") != 0 && strcmp(severity, "PANIC") != 0)) {
        return;
    }
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    if (state != NULL && strlen(state) == 5) {
        memcpy(c->fatal_state, state, 6);
    }
    orm_free(c->fatal_text);
    c->fatal_text = orm_strdup(text != NULL ? text : "the server ended the session");
}

bool
orm_pg_is_stale(const pg_conn *c, const orm_err *err)
{
    return err->code == ORM_E_DB &&
           (c->why == ORM_PG_WHY_PLAN || strcmp(err->sqlstate, "26000") == 0 ||
            strcmp(err->sqlstate, "42P05") == 0);
}
