/*
 * lite_stmt.c - compiled statements: making, binding, caching, describing.
 *
 * Compiling costs some 12 us and a cached statement's reset 0.1: the ORM runs the same few
 * texts for ever, so up to 128 per connection stay compiled (SQLITE_PREPARE_PERSISTENT).
 * Values are bound SQLITE_STATIC: the caller keeps its memory until the cursor is closed,
 * and the bindings are cleared when the statement goes back, so none outlives it.
 * SQLite compiles a statement anew by itself when the schema changed; the description of
 * the columns (lite_head) notices by a counter of SQLite's and is then made anew too.
 */
#include "driver/lite_int.h"
#include "driver/verb.h"

#include <assert.h>
#include <strings.h>

void
lite_head_drop(lite_head *head)
{
    if (head != NULL && atomic_fetch_sub_explicit(&head->refs, 1, memory_order_acq_rel) == 1) {
        orm_free(head);
    }
}

void
lite_stmt_free(lite_stmt *stmt)
{
    sqlite3_finalize(stmt->st); /* NULL is fine; repeats an error already told */
    lite_head_drop(stmt->head);
    orm_free(stmt->sql);
    orm_free(stmt);
}

/* What SQLite knows about the compiled text that its first word does not tell. */
static uint8_t
verb_of(sqlite3_stmt *st, int verb)
{
    if (sqlite3_stmt_isexplain(st) != 0) {
        return ORM_VERB_SELECT;
    }
    if (verb == ORM_VERB_UNKNOWN || verb == ORM_VERB_SELECT) { /* WITH may do either */
        return sqlite3_stmt_readonly(st) ? ORM_VERB_SELECT : ORM_VERB_DML;
    }
    return (uint8_t)verb;
}

static bool
contains_word(const char *text, size_t len, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= len; i++) {
        if (strncasecmp(text + i, word, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Refuse what sqlite3_prepare would silently cut off. */
static int
check_text(const orm_sqltext *text, orm_err *err)
{
    if (text->len > INT32_MAX - 1) {
        return orm_err_set(err, ORM_E_PROGRAMMING, "the statement's text is %zu bytes long: "
                           "SQLite takes at most 1000000000", text->len);
    }
    const char *nul = memchr(text->sql, '\0', text->len);
    if (nul != NULL) {
        return orm_err_set(err, ORM_E_PROGRAMMING,
                           "the statement's text contains a NUL character at byte %zu",
                           (size_t)(nul - text->sql));
    }
    return 0;
}

static int
check_tail(const char *tail, const char *end, orm_err *err)
{
    if (orm_sql_skip_blank(tail, end, 1) == end) {
        return 0;
    }
    return orm_err_set(err, ORM_E_PROGRAMMING,
                       "the text contains more than one statement: execute them one by one, "
                       "or as a script");
}

static int
prepare_locked(orm_conn *conn, const orm_sqltext *text, lite_stmt *stmt, orm_err *err)
{
    const char *tail = NULL;
    int verb = text->verb != ORM_VERB_UNKNOWN ? text->verb : orm_sql_verb(text->sql, text->len);
    if (check_text(text, err) < 0) {
        return -1;
    }
    /* Many pragmas act while they are compiled, and do nothing within a transaction: a read
     * window has to end before that. */
    if (verb == ORM_VERB_OTHER && lite_before_locked(conn, verb, err) < 0) {
        return -1;
    }
    ORM_COUNT(lite_prepare);
    int rc = sqlite3_prepare_v3(conn->db, text->sql, (int)text->len + 1, SQLITE_PREPARE_PERSISTENT,
                                &stmt->st, &tail);
    if (rc != SQLITE_OK) {
        return lite_fail_locked(conn, rc, err);
    }
    if (check_tail(tail, text->sql + text->len, err) < 0) {
        return -1;
    }
    if (stmt->st == NULL) {
        stmt->verb = ORM_VERB_OTHER; /* nothing but comments: does nothing, needs nothing */
        return 0;
    }
    stmt->nparams = (uint32_t)sqlite3_bind_parameter_count(stmt->st);
    stmt->verb = verb_of(stmt->st, verb);
    stmt->moves_mode = stmt->verb == ORM_VERB_OTHER
                       && (contains_word(text->sql, text->len, "journal_mode")
                           || contains_word(text->sql, text->len, "locking_mode")
                           || contains_word(text->sql, text->len, "tach")); /* ATTACH, DETACH */
    return 0;
}

int
lite_stmt_take_locked(orm_conn *conn, const orm_sqltext *text, lite_stmt **out, orm_err *err)
{
    orm_stmt_key key = orm_stmt_key_of(text->id, text->sql, text->len);
    lite_stmt *stmt = (lite_stmt *)orm_stmt_cache_take(&conn->cache, &key);
    if (stmt != NULL) {
        ORM_COUNT(lite_cache_hit);
        *out = stmt;
        return 0;
    }
    stmt = orm_calloc(1, sizeof(*stmt));
    if (stmt == NULL) {
        return orm_err_nomem(err);
    }
    orm_list_init(&stmt->entry.lru);
    stmt->entry.key = key;
    if (key.id == 0) {
        stmt->sql = orm_strndup(text->sql, text->len);
        stmt->entry.key.sql = stmt->sql;
        if (stmt->sql == NULL) {
            lite_stmt_free(stmt);
            return orm_err_nomem(err);
        }
    }
    if (prepare_locked(conn, text, stmt, err) < 0) {
        lite_stmt_free(stmt);
        return -1;
    }
    *out = stmt;
    return 0;
}

void
lite_stmt_give_locked(orm_conn *conn, lite_stmt *stmt)
{
    if (stmt->st != NULL) {
        sqlite3_reset(stmt->st); /* repeats the step's error, which was told */
        if (stmt->nparams > 0) {
            sqlite3_clear_bindings(stmt->st);
        }
    }
    if (stmt->verb == ORM_VERB_OTHER || stmt->verb == ORM_VERB_DDL) {
        lite_stmt_free(stmt); /* what acts while it is compiled must be compiled each time */
        return;
    }
    orm_stmt_entry *out = orm_stmt_cache_give(&conn->cache, &stmt->entry);
    if (out != NULL) {
        ORM_COUNT(lite_cache_evict);
        lite_stmt_free((lite_stmt *)out);
    }
}

static int
bind_one(sqlite3_stmt *st, int i, const orm_param *param)
{
    switch (param->kind) {
    case ORM_V_INT:
        return sqlite3_bind_int64(st, i, param->u.i);
    case ORM_V_REAL:
        return sqlite3_bind_double(st, i, param->u.d);
    case ORM_V_TEXT:
        return sqlite3_bind_text(st, i, param->u.p, param->len, SQLITE_STATIC);
    case ORM_V_BLOB:
        /* a NULL pointer would store NULL */
        return param->len == 0 ? sqlite3_bind_zeroblob(st, i, 0)
                               : sqlite3_bind_blob(st, i, param->u.p, param->len, SQLITE_STATIC);
    default:
        assert(param->kind == ORM_V_NULL);
        return sqlite3_bind_null(st, i);
    }
}

int
lite_stmt_bind_locked(orm_conn *conn, lite_stmt *stmt, const orm_param *params, uint32_t n,
                      orm_err *err)
{
    if (n != stmt->nparams) {
        return orm_err_set(err, ORM_E_PROGRAMMING,
                           "the statement has %u parameters, and %u values were given",
                           (unsigned)stmt->nparams, (unsigned)n);
    }
    for (uint32_t i = 0; i < n; i++) {
        int rc = bind_one(stmt->st, (int)i + 1, &params[i]);
        if (rc != SQLITE_OK) {
            return lite_fail_locked(conn, rc, err);
        }
    }
    return 0;
}

/* Describe the columns in one block: head, descriptions, texts. */
static lite_head *
make_head(sqlite3_stmt *st, int reprepared)
{
    int n = sqlite3_column_count(st);
    size_t texts = 0;
    for (int i = 0; i < n; i++) {
        const char *name = sqlite3_column_name(st, i); /* NULL: no memory */
        const char *type = sqlite3_column_decltype(st, i);
        if (name == NULL) {
            return NULL;
        }
        texts += strlen(name) + 1 + (type == NULL ? 0 : strlen(type) + 1);
    }
    lite_head *head = orm_calloc(1, sizeof(*head) + (size_t)n * sizeof(orm_coldesc) + texts);
    if (head == NULL) {
        return NULL;
    }
    char *at = (char *)&head->cols[n];
    for (int i = 0; i < n; i++) {
        const char *name = sqlite3_column_name(st, i);
        const char *type = sqlite3_column_decltype(st, i);
        head->cols[i] = (orm_coldesc){.name = at, .typmod = -1};
        at = stpcpy(at, name) + 1;
        if (type != NULL) {
            head->cols[i].decltype = at;
            at = stpcpy(at, type) + 1;
        }
    }
    atomic_init(&head->refs, 1);
    head->n = (uint32_t)n;
    head->reprepared = reprepared;
    return head;
}

lite_head *
lite_stmt_head_locked(lite_stmt *stmt)
{
    int reprepared = sqlite3_stmt_status(stmt->st, SQLITE_STMTSTATUS_REPREPARE, 0);
    if (stmt->head == NULL || stmt->head->reprepared != reprepared) {
        lite_head *fresh = make_head(stmt->st, reprepared);
        if (fresh == NULL) {
            return NULL;
        }
        lite_head_drop(stmt->head);
        stmt->head = fresh;
    }
    atomic_fetch_add_explicit(&stmt->head->refs, 1, memory_order_relaxed);
    return stmt->head;
}

/* Fixed texts get keys by bytes too: BEGIN and COMMIT stay compiled like any other. */
static int
take_fixed_locked(orm_conn *conn, const char *sql, lite_stmt **out, orm_err *err)
{
    orm_sqltext text = {.sql = sql, .len = strlen(sql)};
    return lite_stmt_take_locked(conn, &text, out, err);
}

int
lite_run_locked(orm_conn *conn, const char *sql, orm_err *err)
{
    lite_stmt *stmt = NULL;
    if (take_fixed_locked(conn, sql, &stmt, err) < 0) {
        return -1;
    }
    int rc;
    do {
        rc = sqlite3_step(stmt->st);
    } while (rc == SQLITE_ROW);
    int answer = rc == SQLITE_DONE ? 0 : lite_fail_locked(conn, rc, err);
    lite_stmt_give_locked(conn, stmt);
    return answer;
}

int
lite_ask_locked(orm_conn *conn, const char *sql, char *out, size_t size, orm_err *err)
{
    lite_stmt *stmt = NULL;
    out[0] = '\0';
    if (take_fixed_locked(conn, sql, &stmt, err) < 0) {
        return -1;
    }
    int rc = sqlite3_step(stmt->st);
    if (rc == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt->st, 0);
        if (text != NULL) {
            sqlite3_snprintf((int)size, out, "%s", text);
        }
    }
    int answer = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : lite_fail_locked(conn, rc, err);
    lite_stmt_give_locked(conn, stmt);
    return answer;
}
