/*
 * lite_open.c - opening and closing SQLite connections, and the options of a dsn.
 *
 * Opened NOMUTEX: the connection's own lock replaces SQLite's (20 % of a scan). Options that
 * are pragmas stand in one table; each is set and then read back, because SQLite answers
 * many impossible wishes with silence. WAL is set unasked only on a file that has no page
 * yet and is not on a network file system, where WAL's shared memory does not work
 * (https://www.sqlite.org/wal.html).
 */
#include "driver/lite_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

/* Pragmas taken from the dsn, in the order in which they are set. */
static const struct {
    const char *name; /* of the option and of the pragma */
    bool may_differ;  /* SQLite may answer with another value and be right */
} pragmas[] = {
    {"locking_mode", false},       {"journal_mode", false},
    {"synchronous", false},        {"foreign_keys", false},
    {"cache_size", false},         {"mmap_size", true}, /* capped by the library's build */
    {"wal_autocheckpoint", false}, {"journal_size_limit", false},
};

/* Options that are no pragmas. */
static const char *const options[] = {
    "database", "uri",      "timeout",  "wal_on_create",     "read_windows",
    "optimize", "dml_only", "write_begin", "cached_statements",
};

/* Words that SQLite takes for a number. */
static const struct {
    const char *word;
    const char *number;
} synonyms[] = {
    {"off", "0"}, {"false", "0"}, {"no", "0"},    {"on", "1"},   {"true", "1"},
    {"yes", "1"}, {"normal", "1"}, {"full", "2"}, {"extra", "3"},
};

static const char *
as_number(const char *value)
{
    for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++) {
        if (strcasecmp(value, synonyms[i].word) == 0) {
            return synonyms[i].number;
        }
    }
    return value;
}

static bool
is_set(const orm_dsn *dsn, const char *key)
{
    const char *value = orm_dsn_get(dsn, key);
    return value != NULL && strcmp(as_number(value), "1") == 0;
}

static int
check_keys(const orm_dsn *dsn, orm_err *err)
{
    for (uint32_t i = 0; i < dsn->n; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof(pragmas) / sizeof(pragmas[0]); k++) {
            known = known || strcmp(dsn->keys[i], pragmas[k].name) == 0;
        }
        for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
            known = known || strcmp(dsn->keys[i], options[k]) == 0;
        }
        if (!known) {
            return orm_err_set(err, ORM_E_PROGRAMMING, "SQLite has no connection option '%s'",
                               dsn->keys[i]);
        }
    }
    return 0;
}

/* Set one pragma and read it back. */
static int
set_pragma_locked(orm_conn *conn, const char *name, const char *value, bool may_differ,
                  orm_err *err)
{
    char sql[128], got[64];
    for (const char *at = value; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && *at != '-' && *at != '_') {
            return orm_err_set(err, ORM_E_PROGRAMMING, "'%s' is no value for the option %s", value,
                               name);
        }
    }
    sqlite3_snprintf(sizeof(sql), sql, "PRAGMA %s=%s", name, value);
    if (lite_run_locked(conn, sql, err) < 0) {
        if (err->code != ORM_E_DB || (err->native & 0xff) != SQLITE_BUSY
            || strcmp(name, "journal_mode") != 0) {
            return -1;
        }
        orm_err_clear(err); /* somebody is using the file: its mode stays as it is */
        return 0;
    }
    sqlite3_snprintf(sizeof(sql), sql, "PRAGMA %s", name);
    if (lite_ask_locked(conn, sql, got, sizeof(got), err) < 0) {
        return -1;
    }
    if (may_differ || strcasecmp(got, value) == 0 || strcmp(as_number(got), as_number(value)) == 0
        || (strcmp(name, "journal_mode") == 0 && strcmp(got, "memory") == 0)) {
        return 0; /* a database in memory has no other journal */
    }
    return orm_err_set(err, ORM_E_PROGRAMMING, "SQLite did not take the option %s=%s: it is '%s'",
                       name, value, got);
}

/* WAL needs shared memory between processes: not where a file system may span machines. */
static bool
is_local_file(const char *path)
{
#ifdef __linux__
    static const uint32_t remote[] = {
        0x6969 /* NFS */,     0x517b /* SMB */,   0xfe534d42 /* SMB2 */, 0xff534d42 /* CIFS */,
        0x5346414f /* AFS */, 0x73757245 /* CODA */, 0x00c36400 /* CEPH */, 0x01021997 /* 9P */,
        0x65735546 /* FUSE */,
    };
    struct statfs fs;
    if (statfs(path, &fs) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++) {
        if ((uint32_t)fs.f_type == remote[i]) {
            return false;
        }
    }
#else
    (void)path;
#endif
    return true;
}

/* WAL on a database that is being created here. Whoever else is creating it at the same
 * moment wins: a refusal leaves the mode as it is. */
static int
set_wal_if_new_locked(orm_conn *conn, orm_err *err)
{
    char pages[32];
    const char *file = sqlite3_db_filename(conn->db, "main");
    if (file == NULL || file[0] == '\0' || sqlite3_db_readonly(conn->db, "main") != 0) {
        return 0;
    }
    if (lite_ask_locked(conn, "PRAGMA page_count", pages, sizeof(pages), err) < 0) {
        return -1;
    }
    if (strcmp(pages, "0") != 0 || !is_local_file(file)) {
        return 0;
    }
    if (lite_run_locked(conn, "PRAGMA journal_mode=wal", err) < 0) {
        if (err->code != ORM_E_DB) {
            return -1;
        }
        orm_err_clear(err);
    }
    return 0;
}

static int
set_options_locked(orm_conn *conn, const orm_dsn *dsn, orm_err *err)
{
    if (is_set(dsn, "wal_on_create") && orm_dsn_get(dsn, "journal_mode") == NULL
        && set_wal_if_new_locked(conn, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++) {
        const char *value = orm_dsn_get(dsn, pragmas[i].name);
        if (value != NULL
            && set_pragma_locked(conn, pragmas[i].name, value, pragmas[i].may_differ, err) < 0) {
            return -1;
        }
    }
    conn->use_windows = is_set(dsn, "read_windows");
    conn->dml_only = is_set(dsn, "dml_only");
    conn->optimize = is_set(dsn, "optimize");
    if (conn->use_windows) { /* asking touches the file: only where it matters */
        lite_look_at_journal_locked(conn);
    }
    return 0;
}

/* A number within low..high; `fallback` where the option is not given. -1: err is filled. */
static int
read_number(const orm_dsn *dsn, const char *key, double fallback, double low, double high,
            double *out, orm_err *err)
{
    const char *value = orm_dsn_get(dsn, key);
    char *end = NULL;
    *out = fallback;
    if (value == NULL) {
        return 0;
    }
    *out = strtod(value, &end);
    if (end == value || *end != '\0' || !(*out >= low && *out <= high)) {
        return orm_err_set(err, ORM_E_PROGRAMMING, "'%s' is no value for the option %s", value,
                           key);
    }
    return 0;
}

/* Memory and numbers of a connection; no database yet. NULL: err is filled. */
static orm_conn *
conn_new(const orm_dsn *dsn, const orm_waiter *waiter, orm_err *err)
{
    double timeout, cached;
    const char *begin = orm_dsn_get(dsn, "write_begin");
    begin = begin == NULL ? "IMMEDIATE" : begin;
    if (strcasecmp(begin, "IMMEDIATE") != 0 && strcasecmp(begin, "EXCLUSIVE") != 0
        && strcasecmp(begin, "DEFERRED") != 0 && begin[0] != '\0') {
        orm_err_set(err, ORM_E_PROGRAMMING, "'%s' is no value for the option write_begin", begin);
        return NULL;
    }
    if (read_number(dsn, "timeout", 5.0, 0, 1e9, &timeout, err) < 0
        || read_number(dsn, "cached_statements", 128, 0, 100000, &cached, err) < 0) {
        return NULL;
    }
    orm_conn *conn = orm_calloc(1, sizeof(*conn));
    if (conn == NULL || orm_lock_init(&conn->lock) < 0) {
        orm_free(conn);
        orm_err_nomem(err);
        return NULL;
    }
    orm_fork_watch();
    conn->epoch = orm_fork_epoch();
    orm_list_init(&conn->cursors);
    conn->busy_timeout = (orm_mono)(timeout * 1e9);
    sqlite3_snprintf(sizeof(conn->begin_write), conn->begin_write, "BEGIN %s", begin);
    lite_set_waiter(conn, waiter);
    if (orm_stmt_cache_init(&conn->cache, (uint32_t)cached) < 0) {
        orm_err_nomem(err);
        lite_conn_free(conn);
        return NULL;
    }
    return conn;
}

static int
open_database(orm_conn *conn, const orm_dsn *dsn, orm_err *err)
{
    const char *path = orm_dsn_get(dsn, "database");
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    flags |= is_set(dsn, "uri") ? SQLITE_OPEN_URI : 0;
    path = path == NULL || path[0] == '\0' ? ":memory:" : path;
    if (sqlite3_threadsafe() == 0) {
        return orm_err_set(err, ORM_E_UNAVAILABLE,
                           "the SQLite library was built without threads: use another one");
    }
    int rc = sqlite3_open_v2(path, &conn->db, flags, NULL);
    if (conn->db == NULL) {
        return orm_err_nomem(err);
    }
    sqlite3_extended_result_codes(conn->db, 1);
    if ((rc & 0xff) == SQLITE_CANTOPEN) {
        orm_err_set(err, ORM_E_DB,
                    "unable to open database file '%s': does its folder exist, and may this "
                    "process write there?", path);
        err->native = sqlite3_extended_errcode(conn->db);
        return -1;
    }
    if (rc != SQLITE_OK) {
        return lite_fail_locked(conn, rc, err);
    }
    conn->shared_memory = is_set(dsn, "uri")
                          && (strstr(path, "cache=shared") != NULL
                              || strstr(path, "vfs=memdb") != NULL);
    sqlite3_busy_handler(conn->db, lite_busy_handler, conn);
    sqlite3_progress_handler(conn->db, LITE_PROGRESS_OPS, lite_progress_handler, conn);
    conn->max_params = (uint32_t)sqlite3_limit(conn->db, SQLITE_LIMIT_VARIABLE_NUMBER, -1);
    return 0;
}

int
lite_open(const orm_dsn *dsn, orm_mono deadline, const orm_waiter *waiter, orm_conn **out,
          orm_err *err)
{
    *out = NULL;
    if (check_keys(dsn, err) < 0) {
        return -1;
    }
    orm_conn *conn = conn_new(dsn, waiter, err);
    if (conn == NULL) {
        return -1;
    }
    conn->deadline = deadline;
    int answer = open_database(conn, dsn, err);
    if (answer == 0) {
        answer = lite_enter(conn, deadline, err);
    }
    if (answer == 0) {
        answer = set_options_locked(conn, dsn, err);
        lite_leave(conn);
    }
    if (answer < 0) {
        lite_conn_free(conn);
        return -1;
    }
    ORM_COUNT(lite_open);
    *out = conn;
    return 0;
}

void
lite_conn_free(orm_conn *conn)
{
    orm_stmt_entry *entry;
    lite_close_all_locked(conn);
    while ((entry = orm_stmt_cache_pop(&conn->cache)) != NULL) {
        lite_stmt_free((lite_stmt *)entry);
    }
    orm_stmt_cache_fini(&conn->cache);
    sqlite3_close_v2(conn->db); /* rolls back what is open; NULL is fine */
    lite_trace_drop(conn);
    orm_lock_fini(&conn->lock);
    orm_free(conn);
}

/* Refresh the planner's statistics where the work done suggests it; failing is no matter. */
static void
optimize_locked(orm_conn *conn)
{
    orm_err ignored;
    orm_err_init(&ignored);
    conn->busy_timeout = 0; /* statistics are not worth waiting for */
    if (!lite_in_tx_locked(conn)
        && lite_run_locked(conn, "PRAGMA analysis_limit=400", &ignored) == 0) {
        lite_run_locked(conn, "PRAGMA optimize", &ignored);
    }
    orm_err_fini(&ignored);
}

void
lite_close(orm_conn *conn)
{
    if (conn->epoch != orm_fork_epoch()) {
        lite_forget(conn);
        return;
    }
    int taken = orm_lock_take(&conn->lock, orm_mono_now() + LITE_CLOSE_WAIT);
    if (taken == ORM_LOCK_BUSY) {
        lite_cancel(conn); /* a statement that runs for seconds: stop it, wait once more */
        taken = orm_lock_take(&conn->lock, orm_mono_now() + LITE_CLOSE_WAIT);
    }
    if (taken != ORM_LOCK_TAKEN) {
        /* closed from its own callback: freed when that call ends. (A thread that does not
         * come out of the library, even cancelled, leaves the connection behind.) */
        conn->doomed = taken == ORM_LOCK_OWN;
        return;
    }
    ORM_COUNT(lite_close);
    conn->deadline = orm_mono_now() + LITE_CLOSE_WAIT;
    lite_close_all_locked(conn);
    if (conn->optimize && conn->wrote) {
        optimize_locked(conn);
    }
    conn->doomed = true;
    lite_leave(conn);
}

void
lite_forget(orm_conn *conn)
{
    /* sqlite3_close here would checkpoint, delete files and drop locks of the parent's
     * database (https://www.sqlite.org/howtocorrupt.html 2.6): the handle is left behind,
     * and the cursors that still point at this struct with it. */
    conn->db = NULL;
}
