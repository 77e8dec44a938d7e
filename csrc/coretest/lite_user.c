/*
 * coretest/lite_user.c - threads, callbacks, cancelling and forks of the SQLite driver.
 *
 * Threads are brought to the point that matters by a user's SQL function that waits for
 * them: no test sleeps and hopes.
 */
#include "coretest/coretest.h"

#include <pthread.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coretest/lite_help.h"

/* A point where a thread inside a statement meets the test. */
typedef struct meeting {
    lite_test t;          /* the connection of the statement */
    atomic_int inside;    /* the function was called */
    atomic_int go_on;     /* it may return */
    atomic_int destroyed; /* times the function's destructor ran */
    int answer;           /* what the statement's thread got */
    orm_code code;        /* its error */
    void *other;          /* the test's own */
} meeting;

/* A waiter's check: the third look at signals finds one. */
static int
stop_at_third(void *arg)
{
    return ++*(int *)arg < 3 ? 0 : -1;
}

static void
count_destroyed(void *user)
{
    atomic_fetch_add(&((meeting *)user)->destroyed, 1);
}

static void
wait_for(atomic_int *flag)
{
    while (atomic_load(flag) == 0) {
        sched_yield();
    }
}

static void
meet(void *user, const orm_cell *args, uint32_t nargs, orm_lite_result *result)
{
    meeting *m = user;
    (void)args;
    (void)nargs;
    atomic_store(&m->inside, 1);
    wait_for(&m->go_on);
    orm_lite_result_int(result, 42);
}

static int
add_function(meeting *m, const char *name, orm_lite_call call)
{
    orm_lite_func func = {.name = name, .nargs = -1, .call = call, .user = m,
                          .destroy = count_destroyed};
    return orm_lite_create_function(m->t.conn, &func, &m->t.err);
}

static void *
run_meet(void *arg)
{
    meeting *m = arg;
    m->answer = lite_run(&m->t, "WITH RECURSIVE n (i) AS (SELECT meet() UNION ALL "
                                "SELECT i + 1 FROM n WHERE i < 1000) SELECT max(i) FROM n");
    m->code = m->t.err.code;
    return NULL;
}

static void
connection_is_refused_to_a_second_thread_when_in_use(orm_check *c)
{
    meeting m = {.answer = -2};
    pthread_t thread;
    lite_test_open(&m.t, NULL, NULL);
    ORM_CHECK(c, add_function(&m, "meet", meet) == 0);
    orm_sqltext text = lite_text("SELECT 1");
    orm_cursor *unread = lite_start(&m.t, &text);
    pthread_create(&thread, NULL, run_meet, &m);
    wait_for(&m.inside);

    orm_call call = {.text = &text, .deadline = orm_mono_now() + ORM_MONO_MS};
    orm_cursor *cur = NULL;
    orm_err err;
    orm_err_init(&err);
    ORM_CHECK(c, m.t.driver->exec(m.t.conn, &call, &cur, &err) < 0 && err.code == ORM_E_REENTRY);
    orm_err_clear(&err);
    call.mode = ORM_FETCH_DIRECT; /* with the GIL held it would have to wait: not an error */
    ORM_CHECK(c, m.t.driver->exec(m.t.conn, &call, &cur, &err) == 1 && err.code == ORM_OK);
    orm_batch batch;
    ORM_CHECK(c, m.t.driver->fetch(unread, ORM_FETCH_DIRECT, &batch, &err) == 0);
    ORM_CHECK(c, batch.nrows == 0 && !batch.last);
    ORM_CHECK(c, m.t.driver->freshen(m.t.conn) == 0);
    /* a signal ends the wait too: the waiter's check is asked every 100 ms */
    int checks = 2;
    orm_waiter waiter = {.check = stop_at_third, .arg = &checks, .wake_fd = -1};
    m.t.driver->set_waiter(m.t.conn, &waiter);
    call.mode = ORM_FETCH_BUFFER;
    call.deadline = ORM_NEVER;
    ORM_CHECK(c, m.t.driver->exec(m.t.conn, &call, &cur, &err) < 0 && err.code == ORM_E_SIGNAL);
    m.t.driver->set_waiter(m.t.conn, NULL);
    orm_err_fini(&err);
    m.t.driver->cursor_close(unread); /* left to the thread inside */
    atomic_store(&m.go_on, 1);
    pthread_join(thread, NULL);

    ORM_CHECK(c, m.answer == 0 && strcmp(m.t.result, "1000") == 0);
    ORM_CHECK(c, sqlite3_next_stmt(m.t.driver->native(m.t.conn), NULL) != NULL);
    int busy = 0;
    for (sqlite3_stmt *st = NULL;
         (st = sqlite3_next_stmt(m.t.driver->native(m.t.conn), st)) != NULL;) {
        busy += sqlite3_stmt_busy(st);
    }
    ORM_CHECK(c, busy == 0);
    lite_test_close(&m.t);
    ORM_CHECK(c, atomic_load(&m.destroyed) == 1);
}

static void
statement_stops_when_cancelled_from_another_thread(orm_check *c)
{
    meeting m = {.answer = -2};
    pthread_t thread;
    lite_test_open(&m.t, NULL, NULL);
    add_function(&m, "meet", meet);
    pthread_create(&thread, NULL, run_meet, &m);
    wait_for(&m.inside);

    m.t.driver->cancel(m.t.conn);
    atomic_store(&m.go_on, 1);
    pthread_join(thread, NULL);

    ORM_CHECK(c, m.answer < 0 && m.code == ORM_E_CANCELLED);
    ORM_CHECK(c, lite_gives(&m.t, "SELECT 1", "1")); /* the next one is not touched */
    lite_test_close(&m.t);
}

static void
reenter(void *user, const orm_cell *args, uint32_t nargs, orm_lite_result *result)
{
    meeting *m = user;
    orm_sqltext text = lite_text("SELECT 2");
    orm_call call = {.text = &text, .deadline = ORM_NEVER};
    orm_cursor *cur = NULL;
    orm_err err;
    (void)args;
    (void)nargs;
    orm_err_init(&err);
    int refused = 0;
    refused += m->t.driver->exec(m->t.conn, &call, &cur, &err) < 0 && err.code == ORM_E_REENTRY;
    orm_err_clear(&err);
    refused += m->t.driver->commit(m->t.conn, ORM_NEVER, &err) < 0 && err.code == ORM_E_REENTRY;
    orm_err_clear(&err);
    refused += m->t.driver->release(m->t.conn, &err) < 0 && err.code == ORM_E_REENTRY;
    orm_err_fini(&err);
    if (m->other != NULL) {
        m->t.driver->cursor_close(m->other); /* another result of the same connection */
        m->other = NULL;
    }
    orm_lite_result_int(result, refused);
}

static void
callback_is_refused_when_it_uses_its_own_connection(orm_check *c)
{
    meeting m = {.answer = 0};
    lite_test_open(&m.t, NULL, NULL);
    add_function(&m, "reenter", reenter);
    orm_sqltext text = lite_text("SELECT 1 UNION ALL SELECT 2");
    m.other = lite_start(&m.t, &text);

    ORM_CHECK(c, lite_gives(&m.t, "SELECT reenter()", "3"));

    ORM_CHECK(c, m.other == NULL);
    lite_test_close(&m.t);
}

static void
close_own(void *user, const orm_cell *args, uint32_t nargs, orm_lite_result *result)
{
    meeting *m = user;
    (void)args;
    (void)nargs;
    m->t.driver->close(m->t.conn);
    atomic_store(&m->inside, m->t.driver->alive(m->t.conn) == 0);
    orm_lite_result_null(result);
}

static void
connection_lives_to_the_calls_end_when_closed_from_inside(orm_check *c)
{
    meeting m = {.answer = 0};
    lite_test_open(&m.t, NULL, NULL);
    add_function(&m, "close_own", close_own);
    orm_sqltext text = lite_text("SELECT close_own()");
    orm_batch batch;

    orm_cursor *cur = lite_start(&m.t, &text);

    m.t.conn = NULL; /* freed by now */
    ORM_CHECK(c, atomic_load(&m.inside) == 1 && atomic_load(&m.destroyed) == 1);
    ORM_CHECK(c, cur != NULL && m.t.driver->fetch(cur, 0, &batch, &m.t.err) < 0);
    ORM_CHECK(c, m.t.err.code == ORM_E_INTERFACE);
    m.t.driver->cursor_close(cur);
    lite_test_close(&m.t);
}

static void
describe(void *user, const orm_cell *args, uint32_t nargs, orm_lite_result *result)
{
    char text[64] = "";
    (void)user;
    for (uint32_t i = 0; i < nargs; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d:%d ", args[i].kind, args[i].len);
    }
    if (nargs == 0) {
        orm_lite_result_error(result, "describe() wants arguments");
        return;
    }
    orm_lite_result_text(result, text, (int32_t)strlen(text));
}

static void
identity(void *user, const orm_cell *args, uint32_t nargs, orm_lite_result *result)
{
    (void)user;
    (void)nargs;
    switch (args[0].kind) {
    case ORM_V_INT:
        orm_lite_result_int(result, args[0].u.i);
        break;
    case ORM_V_REAL:
        orm_lite_result_real(result, args[0].u.d);
        break;
    case ORM_V_TEXT:
        orm_lite_result_text(result, args[0].p, args[0].len);
        break;
    case ORM_V_BLOB:
        orm_lite_result_blob(result, args[0].p, args[0].len);
        break;
    default:
        orm_lite_result_null(result);
        break;
    }
}

static void
function_sees_and_answers_every_kind_of_value(orm_check *c)
{
    meeting m = {.answer = 0};
    lite_test_open(&m.t, NULL, NULL);
    add_function(&m, "describe", describe);
    add_function(&m, "same", identity);

    ORM_CHECK(c, lite_gives(&m.t, "SELECT describe(1, 1.5, 'abc', x'0102', NULL, '')",
                            "1:0 2:0 3:3 4:2 0:0 3:0 "));
    ORM_CHECK(c, lite_gives(&m.t, "SELECT same(7), same(0.5), same('x'), hex(same(x'0a')), same(NULL)",
                            "7|0.5|x|0A|-"));
    ORM_CHECK(c, lite_gives(&m.t, "SELECT typeof(same(x'')), typeof(same(''))", "blob|text"));
    ORM_CHECK(c, lite_refuses(&m.t, "SELECT describe()", SQLITE_ERROR));
    ORM_CHECK(c, strcmp(orm_err_message(&m.t.err), "describe() wants arguments") == 0);

    /* replaced while a result is unread; removed */
    orm_sqltext text = lite_text("SELECT same(1) UNION ALL SELECT same(2)");
    orm_cursor *cur = lite_start(&m.t, &text);
    ORM_CHECK(c, add_function(&m, "same", describe) == 0 && atomic_load(&m.destroyed) == 1);
    orm_buf out;
    orm_buf_init(&out);
    ORM_CHECK(c, lite_read(&m.t, cur, 0, &out) == 0 && strcmp(orm_buf_cstr(&out), "1;2") == 0);
    m.t.driver->cursor_close(cur);
    orm_buf_fini(&out);
    orm_lite_func gone = {.name = "same", .nargs = -1};
    ORM_CHECK(c, orm_lite_create_function(m.t.conn, &gone, &m.t.err) == 0);
    ORM_CHECK(c, lite_refuses(&m.t, "SELECT same(1)", SQLITE_ERROR));
    orm_lite_func wrong = {.name = "same", .nargs = 1000, .call = identity, .user = &m,
                           .destroy = count_destroyed};
    int before = atomic_load(&m.destroyed);
    orm_err_clear(&m.t.err);
    ORM_CHECK(c, orm_lite_create_function(m.t.conn, &wrong, &m.t.err) < 0);
    ORM_CHECK(c, atomic_load(&m.destroyed) == before + 1);
    lite_test_close(&m.t);
}

static void
product_step(void *user, void *state, const orm_cell *args, uint32_t nargs, orm_lite_result *result)
{
    int64_t *product = state; /* 0: not begun */
    (void)user;
    (void)nargs;
    if (args[0].kind != ORM_V_INT) {
        orm_lite_result_error(result, "product() wants integers");
        return;
    }
    *product = (*product == 0 ? 1 : *product) * args[0].u.i;
}

static void
product_final(void *user, void *state, orm_lite_result *result)
{
    (void)user;
    orm_lite_result_int(result, *(int64_t *)state);
}

static int
by_length(void *user, const char *a, int32_t alen, const char *b, int32_t blen)
{
    (void)user;
    (void)a;
    (void)b;
    return alen - blen;
}

static void
aggregate_and_collation_work_when_created(orm_check *c)
{
    meeting m = {.answer = 0};
    lite_test_open(&m.t, NULL, NULL);
    orm_lite_func func = {.name = "product", .nargs = 1, .step = product_step,
                          .final = product_final, .state_size = sizeof(int64_t), .user = &m,
                          .destroy = count_destroyed};
    ORM_CHECK(c, orm_lite_create_function(m.t.conn, &func, &m.t.err) == 0);
    ORM_CHECK(c, orm_lite_create_collation(m.t.conn, "by_length", by_length, &m, count_destroyed,
                                           &m.t.err) == 0);

    ORM_CHECK(c, lite_gives(&m.t, "SELECT product(column1) FROM (VALUES (2), (3), (4))", "24"));
    ORM_CHECK(c, lite_gives(&m.t, "SELECT product(1) WHERE 0", "0"));
    ORM_CHECK(c, lite_refuses(&m.t, "SELECT product('x')", SQLITE_ERROR));
    ORM_CHECK(c, lite_gives(&m.t, "SELECT column1 FROM (VALUES ('ccc'), ('b'), ('aa')) "
                                  "ORDER BY column1 COLLATE by_length", "b;aa;ccc"));
    ORM_CHECK(c, orm_lite_create_collation(m.t.conn, "by_length", NULL, NULL, NULL, &m.t.err) == 0);
    ORM_CHECK(c, atomic_load(&m.destroyed) == 1);
    lite_test_close(&m.t);
    ORM_CHECK(c, atomic_load(&m.destroyed) == 2);
}

static void
note_text(void *user, const char *sql)
{
    meeting *m = user;
    orm_buf_puts(m->other, sql);
    orm_buf_putc(m->other, ';');
}

static void
trace_is_told_of_statements_with_their_values(orm_check *c)
{
    orm_buf seen;
    orm_buf_init(&seen);
    meeting m = {.other = &seen};
    orm_param one = {.kind = ORM_V_INT, .u.i = 7};
    orm_sqltext text = lite_text("SELECT ?");
    orm_call call = {.text = &text, .params = &one, .nparams = 1, .deadline = ORM_NEVER};
    orm_cursor *cur = NULL;
    lite_test_open(&m.t, NULL, NULL);

    ORM_CHECK(c, orm_lite_trace(m.t.conn, note_text, &m, count_destroyed, &m.t.err) == 0);
    ORM_CHECK(c, m.t.driver->exec(m.t.conn, &call, &cur, &m.t.err) == 0);
    m.t.driver->cursor_close(cur);
    ORM_CHECK(c, orm_lite_trace(m.t.conn, NULL, NULL, NULL, &m.t.err) == 0);
    lite_run(&m.t, "SELECT 2");

    ORM_CHECK(c, strcmp(orm_buf_cstr(&seen), "SELECT 7;") == 0);
    ORM_CHECK(c, atomic_load(&m.destroyed) == 1);
    lite_test_close(&m.t);
    orm_buf_fini(&seen);
}

static int
stop_copy(void *user, int status, int remaining, int total)
{
    (void)status;
    (void)remaining;
    ++*(int *)user;
    return total > 0;
}

static void
database_is_copied_while_it_is_read(orm_check *c)
{
    int steps = 0;
    lite_test from, to;
    lite_test_open(&from, NULL, "read_windows", "1", NULL);
    lite_test_open(&to, NULL, NULL);
    lite_run(&from, "CREATE TABLE t (a)");
    ORM_CHECK(c, lite_run(&from, "INSERT INTO t VALUES (1), (2)") == 0);
    ORM_CHECK(c, orm_lite_total_changes(from.conn) == 2);
    lite_begin_as(&from, ORM_ISO_DEFAULT);
    lite_run(&from, "SELECT * FROM t");

    ORM_CHECK(c, orm_lite_backup(from.conn, "main", to.conn, "main", 1, stop_copy, &steps, &to.err) < 0);
    ORM_CHECK(c, steps == 1 && to.err.code == ORM_E_SIGNAL);
    orm_err_clear(&to.err);
    ORM_CHECK(c, orm_lite_backup(from.conn, "main", to.conn, "main", -1, NULL, NULL, &to.err) == 0);
    ORM_CHECK(c, lite_gives(&to, "SELECT sum(a) FROM t", "3"));

    lite_run(&from, "INSERT INTO t VALUES (3)");
    ORM_CHECK(c, orm_lite_backup(from.conn, "main", to.conn, "main", -1, NULL, NULL, &to.err) < 0);
    ORM_CHECK(c, to.err.code == ORM_E_OPEN_TX);
    orm_err_clear(&to.err);
    ORM_CHECK(c, orm_lite_backup(to.conn, "main", to.conn, "main", -1, NULL, NULL, &to.err) < 0);
    lite_test_close(&from);
    lite_test_close(&to);
}

static void
limit_and_extensions_are_as_asked(orm_check *c)
{
    lite_test t;
    lite_test_open(&t, NULL, NULL);
    uint32_t most = t.driver->max_params(t.conn);

    ORM_CHECK(c, orm_lite_limit(t.conn, SQLITE_LIMIT_VARIABLE_NUMBER, 10) == (int)most);
    ORM_CHECK(c, t.driver->max_params(t.conn) == 10 && orm_lite_limit(t.conn, 9999, 1) == -1);
    ORM_CHECK(c, lite_refuses(&t, "SELECT ?11", SQLITE_ERROR));
    orm_err_clear(&t.err);
    ORM_CHECK(c, orm_lite_enable_extensions(t.conn, true, &t.err) == 0);
    ORM_CHECK(c, orm_lite_load_extension(t.conn, "/nowhere/at/all", NULL, &t.err) < 0);
    ORM_CHECK(c, t.err.code == ORM_E_DB && strstr(orm_err_message(&t.err), "nowhere") != NULL);
    lite_test_close(&t);
}

/* One of several writers to one file. */
typedef struct writer {
    pthread_t thread;
    const char *path;
    int done; /* transactions that went through */
} writer;

static void *
write_often(void *arg)
{
    writer *w = arg;
    lite_test t;
    bool ok = lite_test_open(&t, w->path, "read_windows", "1", "synchronous", "normal", "timeout",
                             "60", NULL) == 0;
    for (int i = 0; ok && i < 50; i++) { /* read, then write what was read */
        ok = lite_begin_as(&t, ORM_ISO_DEFAULT) == 0 && lite_run(&t, "SELECT a FROM t") == 0
             && lite_run(&t, "UPDATE t SET a = a + 1") == 0 && lite_commit_now(&t) == 0;
        w->done += ok;
    }
    lite_test_close(&t);
    return NULL;
}

static void
nothing_is_lost_when_writers_compete(orm_check *c)
{
    enum { WRITERS = 4 };
    writer writers[WRITERS];
    lite_test t;
    char *path = lite_file_new();
    lite_test_open(&t, path, "wal_on_create", "1", NULL);
    lite_run(&t, "CREATE TABLE t (a)");
    lite_run(&t, "INSERT INTO t VALUES (0)");

    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer){.path = path};
        pthread_create(&writers[i].thread, NULL, write_often, &writers[i]);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        ORM_CHECK(c, writers[i].done == 50);
    }

    ORM_CHECK(c, lite_gives(&t, "SELECT a FROM t", "200"));
    lite_test_close(&t);
    lite_file_remove(path);
}

static void
waiting_for_a_lock_ends_by_signal_deadline_or_timeout(orm_check *c)
{
    int checks = 0;
    lite_test holder, t;
    char *path = lite_file_new();
    orm_sqltext text = lite_text("INSERT INTO t VALUES (1)");
    orm_cursor *cur = NULL;
    lite_test_open(&holder, path, NULL);
    lite_run(&holder, "CREATE TABLE t (a)");
    lite_test_open(&t, path, "timeout", "30", NULL);
    lite_begin_as(&holder, ORM_ISO_DEFAULT);
    lite_run(&holder, "INSERT INTO t VALUES (0)");

    orm_waiter waiter = {.check = stop_at_third, .arg = &checks, .wake_fd = -1};
    t.driver->set_waiter(t.conn, &waiter);
    ORM_CHECK(c, lite_run(&t, "INSERT INTO t VALUES (1)") < 0 && t.err.code == ORM_E_SIGNAL);
    ORM_CHECK(c, checks == 3 && t.driver->waits(t.conn) == 3);

    t.driver->set_waiter(t.conn, NULL);
    orm_call call = {.text = &text, .deadline = orm_mono_now() + 5 * ORM_MONO_MS};
    orm_err_clear(&t.err);
    ORM_CHECK(c, t.driver->exec(t.conn, &call, &cur, &t.err) < 0 && t.err.code == ORM_E_TIMEOUT);

    call.deadline = ORM_NEVER; /* with the GIL held: no wait at all */
    call.mode = ORM_FETCH_DIRECT;
    uint64_t waits = t.driver->waits(t.conn);
    orm_err_clear(&t.err);
    ORM_CHECK(c, t.driver->exec(t.conn, &call, &cur, &t.err) == 1 && t.err.code == ORM_OK);
    ORM_CHECK(c, t.driver->waits(t.conn) == waits);

    lite_test_close(&t);
    lite_test_open(&t, path, "timeout", "0.01", NULL);
    ORM_CHECK(c, lite_refuses(&t, "INSERT INTO t VALUES (1)", SQLITE_BUSY));
    ORM_CHECK(c, strcmp(orm_err_message(&t.err), "database is locked") == 0);
    lite_commit_now(&holder);
    ORM_CHECK(c, lite_run(&t, "INSERT INTO t VALUES (1)") == 0);
    lite_test_close(&t);
    lite_test_close(&holder);
    lite_file_remove(path);
}

static void
long_work_ends_when_the_deadline_passes(orm_check *c)
{
    static const char endless[] = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                                  "SELECT i FROM n";
    lite_test t;
    lite_test_open(&t, NULL, NULL);
    orm_sqltext text = lite_text(endless);
    orm_call call = {.text = &text, .mode = ORM_FETCH_NONE,
                     .deadline = orm_mono_now() + 5 * ORM_MONO_MS};
    orm_cursor *cur = NULL;

    ORM_CHECK(c, t.driver->exec(t.conn, &call, &cur, &t.err) < 0 && t.err.code == ORM_E_TIMEOUT);

    call.mode = ORM_FETCH_STREAM;
    call.deadline = orm_mono_now() + 5 * ORM_MONO_MS;
    orm_err_clear(&t.err);
    ORM_CHECK(c, t.driver->exec(t.conn, &call, &cur, &t.err) == 0);
    orm_batch batch;
    while (t.driver->fetch(cur, 0, &batch, &t.err) == 0) {
    }
    ORM_CHECK(c, t.err.code == ORM_E_TIMEOUT);
    t.driver->cursor_close(cur);
    lite_test_close(&t);
}

static void
child_is_refused_when_it_uses_the_parents_connection(orm_check *c)
{
    lite_test t;
    char *path = lite_file_new();
    lite_test_open(&t, path, "wal_on_create", "1", "read_windows", "1", NULL);
    lite_run(&t, "CREATE TABLE t (a)");
    lite_begin_as(&t, ORM_ISO_DEFAULT);
    lite_run(&t, "INSERT INTO t VALUES (1)");
    orm_sqltext text = lite_text("SELECT * FROM t");
    orm_cursor *unread = lite_start(&t, &text);

    pid_t child = fork();
    if (child == 0) {
        bool refused = lite_run(&t, "SELECT 1") < 0 && t.err.code == ORM_E_FORKED
                       && t.driver->alive(t.conn) == 0;
        t.driver->cursor_close(unread);
        t.driver->close(t.conn);
        _exit(refused ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);

    ORM_CHECK(c, WIFEXITED(status) && WEXITSTATUS(status) == 0);
    t.driver->cursor_close(unread);
    ORM_CHECK(c, lite_commit_now(&t) == 0 && lite_gives(&t, "SELECT a FROM t", "1"));
    ORM_CHECK(c, lite_gives(&t, "PRAGMA integrity_check", "ok"));
    lite_test_close(&t);
    lite_file_remove(path);
}

#ifdef ORM_FAULTS
/* Everything a connection does, the k-th allocation failing; false when there was none. */
static bool
whole_life(orm_check *c, int64_t k)
{
    lite_test t;
    orm_cursor *rows = NULL;
    orm_param sets[] = {{.kind = ORM_V_INT, .u.i = 1}, {.kind = ORM_V_INT, .u.i = 2}};
    orm_sqltext insert = lite_text("INSERT INTO t VALUES (?) RETURNING a");
    orm_call call = {.text = &insert, .params = sets, .nparams = 1, .deadline = ORM_NEVER};
    orm_fault_set(k);
    int answer = lite_test_open(&t, NULL, "read_windows", "1", NULL);
    if (answer == 0) {
        answer = lite_run(&t, "CREATE TABLE t (a)");
    }
    if (answer == 0) {
        answer = lite_begin_as(&t, ORM_ISO_DEFAULT);
    }
    if (answer == 0) {
        answer = t.driver->exec_many(t.conn, &call, 2, NULL, NULL, &rows, &t.err);
    }
    if (answer == 0) {
        answer = t.driver->savepoint(t.conn, ORM_SP_SET, "s", ORM_NEVER, &t.err);
    }
    if (answer == 0) {
        answer = lite_commit_now(&t);
    }
    ORM_CHECK(c, answer == 0 || t.err.code == ORM_E_NOMEM);
    bool reached = orm_fault_seen() >= k;
    orm_fault_set(0);
    if (t.conn != NULL) { /* whatever failed: the connection still works */
        ORM_CHECK(c, lite_rollback_now(&t) == 0 && lite_run(&t, "SELECT 1") == 0);
    }
    if (rows != NULL) {
        t.driver->cursor_close(rows);
    }
    lite_test_close(&t);
    return reached;
}

static void
memory_error_is_told_when_any_allocation_fails(orm_check *c)
{
    int64_t k = 1;
    while (whole_life(c, k) && k < 1000) {
        k++;
    }
    ORM_CHECK(c, k > 10 && k < 1000);
}
#endif

#define CASE(name) {#name, name}

static const orm_coretest_case checks[] = {
    CASE(connection_is_refused_to_a_second_thread_when_in_use),
    CASE(statement_stops_when_cancelled_from_another_thread),
    CASE(callback_is_refused_when_it_uses_its_own_connection),
    CASE(connection_lives_to_the_calls_end_when_closed_from_inside),
    CASE(function_sees_and_answers_every_kind_of_value),
    CASE(aggregate_and_collation_work_when_created),
    CASE(trace_is_told_of_statements_with_their_values),
    CASE(database_is_copied_while_it_is_read),
    CASE(limit_and_extensions_are_as_asked),
    CASE(nothing_is_lost_when_writers_compete),
    CASE(waiting_for_a_lock_ends_by_signal_deadline_or_timeout),
    CASE(long_work_ends_when_the_deadline_passes),
    CASE(child_is_refused_when_it_uses_the_parents_connection),
#ifdef ORM_FAULTS
    CASE(memory_error_is_told_when_any_allocation_fails),
#endif
    {NULL, NULL},
};

const orm_coretest_room orm_coretest_lite_user = {.checks = checks};
