/*
 * coretest/lite_tx.c - read windows, transactions and savepoints of the SQLite driver.
 *
 * What matters is what *another* connection sees and may do meanwhile: most tests have two.
 */
#include "coretest/coretest.h"

#include <sqlite3.h>

#include "coretest/lite_help.h"

#define WAL "wal_on_create", "1", "read_windows", "1", "timeout", "0"

/* Two connections on one new file with a table t (id, n) of three rows. */
typedef struct pair {
    char *path;
    lite_test a, b;
} pair;

static bool
pair_open(pair *p, orm_check *c, const char *journal)
{
    p->path = lite_file_new();
    bool opened = lite_test_open(&p->a, p->path, "read_windows", "1", "timeout", "0",
                                 "journal_mode", journal, NULL) == 0
                  && lite_run(&p->a, "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT UNIQUE)") == 0
                  && lite_run(&p->a, "INSERT INTO t (n) VALUES (10), (20), (30)") == 0
                  && lite_test_open(&p->b, p->path, "read_windows", "1", "timeout", "0", NULL) == 0;
    return ORM_CHECK(c, opened);
}

static void
pair_close(pair *p)
{
    lite_test_close(&p->a);
    lite_test_close(&p->b);
    lite_file_remove(p->path);
}

static void
file_gets_wal_when_it_is_new_and_windows_follow(orm_check *c)
{
    lite_test a, b;
    char *path = lite_file_new();

    ORM_CHECK(c, lite_test_open(&a, path, WAL, NULL) == 0);
    ORM_CHECK(c, lite_gives(&a, "PRAGMA journal_mode", "wal"));
    ORM_CHECK(c, lite_begin_as(&a, ORM_ISO_DEFAULT) == 0 && lite_state(&a) == ORM_TX_PENDING);
    ORM_CHECK(c, lite_gives(&a, "SELECT 1", "1") && lite_state(&a) == ORM_TX_WINDOW);
    ORM_CHECK(c, lite_commit_now(&a) == 0 && lite_state(&a) == ORM_TX_IDLE);
    lite_test_close(&a);
    lite_file_remove(path);

    path = lite_file_new();
    ORM_CHECK(c, lite_test_open(&a, path, NULL) == 0);
    lite_run(&a, "CREATE TABLE t (a)");
    ORM_CHECK(c, lite_test_open(&b, path, WAL, NULL) == 0); /* not new any more */
    ORM_CHECK(c, lite_gives(&b, "PRAGMA journal_mode", "delete"));
    lite_begin_as(&b, ORM_ISO_DEFAULT);
    ORM_CHECK(c, lite_gives(&b, "SELECT * FROM t", "") && lite_state(&b) == ORM_TX_PENDING);
    lite_test_close(&a);
    lite_test_close(&b);
    lite_file_remove(path);
}

static void
other_connection_writes_when_a_window_is_open(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        ORM_CHECK(c, lite_gives(&p.a, "SELECT count(*) FROM t", "3"));
        ORM_CHECK(c, lite_state(&p.a) == ORM_TX_WINDOW);

        ORM_CHECK(c, lite_run(&p.b, "INSERT INTO t (n) VALUES (40)") == 0 && p.b.rowcount == 1);

        ORM_CHECK(c, lite_gives(&p.a, "SELECT count(*) FROM t", "3")); /* the window's snapshot */
        /* a write renews the snapshot: no SQLITE_BUSY_SNAPSHOT */
        ORM_CHECK(c, lite_run(&p.a, "UPDATE t SET n = n + 1 WHERE id = 4") == 0);
        ORM_CHECK(c, p.a.rowcount == 1 && lite_state(&p.a) == ORM_TX_OPEN);
        ORM_CHECK(c, lite_refuses(&p.b, "INSERT INTO t (n) VALUES (50)", SQLITE_BUSY));
        ORM_CHECK(c, lite_commit_now(&p.a) == 0);
        ORM_CHECK(c, lite_gives(&p.b, "SELECT n FROM t WHERE id = 4", "41"));
    }
    pair_close(&p);
}

static void
window_shows_others_commits_when_freshened_or_aged(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        lite_run(&p.a, "SELECT count(*) FROM t");
        lite_run(&p.b, "INSERT INTO t (n) VALUES (40)");

        ORM_CHECK(c, p.a.driver->freshen(p.a.conn) == 1 && lite_state(&p.a) == ORM_TX_PENDING);
        ORM_CHECK(c, p.a.driver->freshen(p.a.conn) == 0);
        ORM_CHECK(c, lite_gives(&p.a, "SELECT count(*) FROM t", "4"));

        lite_run(&p.b, "INSERT INTO t (n) VALUES (50)");
        uint64_t aged = orm_counter_value(ORM_C_lite_window_aged);
        orm_mono deadline = orm_mono_now() + 10 * ORM_MONO_S;
        do { /* the window ages while others read */
            ORM_CHECK(c, lite_run(&p.a, "SELECT count(*) FROM t") == 0);
        } while (strcmp(p.a.result, "4") == 0 && orm_mono_now() < deadline);
        ORM_CHECK(c, strcmp(p.a.result, "5") == 0);
        ORM_CHECK(c, orm_counter_value(ORM_C_lite_window_aged) > aged);
    }
    pair_close(&p);
}

static void
reads_lock_nobody_out_when_the_journal_is_no_wal(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "delete")) {
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        ORM_CHECK(c, lite_gives(&p.a, "SELECT count(*) FROM t", "3"));
        ORM_CHECK(c, lite_state(&p.a) == ORM_TX_PENDING);

        ORM_CHECK(c, lite_run(&p.b, "INSERT INTO t (n) VALUES (40)") == 0);

        ORM_CHECK(c, lite_gives(&p.a, "SELECT count(*) FROM t", "4"));
        /* a mode changed by hand is noticed */
        lite_rollback_now(&p.a);
        lite_test_close(&p.b);
        ORM_CHECK(c, lite_gives(&p.a, "PRAGMA journal_mode=wal", "wal"));
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        ORM_CHECK(c, lite_gives(&p.a, "SELECT 1", "1") && lite_state(&p.a) == ORM_TX_WINDOW);
    }
    pair_close(&p);
}

static void
unread_rows_survive_when_the_transaction_commits(orm_check *c)
{
    static const char *const journals[] = {"wal", "delete"};
    for (int i = 0; i < 2; i++) {
        pair p;
        if (pair_open(&p, c, journals[i])) {
            orm_sqltext text = lite_text("SELECT id, n FROM t ORDER BY id");
            orm_buf out;
            orm_buf_init(&out);
            lite_begin_as(&p.a, ORM_ISO_DEFAULT);
            lite_run(&p.a, "UPDATE t SET n = n + 1");
            orm_cursor *cur = lite_start(&p.a, &text);

            ORM_CHECK(c, cur != NULL && lite_commit_now(&p.a) == 0);
            ORM_CHECK(c, lite_run(&p.b, "DELETE FROM t") == 0); /* no lock is left */
            ORM_CHECK(c, lite_read(&p.a, cur, 0, &out) == 0);

            ORM_CHECK(c, strcmp(orm_buf_cstr(&out), "1|11;2|21;3|31") == 0);
            p.a.driver->cursor_close(cur);
            orm_buf_fini(&out);
        }
        pair_close(&p);
    }
}

static void
unread_rows_are_refused_when_the_transaction_rolls_back(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        orm_sqltext text = lite_text("SELECT id, n FROM t ORDER BY id");
        orm_buf out;
        orm_buf_init(&out);
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        lite_run(&p.a, "UPDATE t SET n = n + 1");
        orm_cursor *cur = lite_start(&p.a, &text);

        ORM_CHECK(c, lite_rollback_now(&p.a) == 0);

        ORM_CHECK(c, lite_read(&p.a, cur, 0, &out) < 0 && p.a.err.code == ORM_E_INTERFACE);
        ORM_CHECK(c, lite_gives(&p.b, "SELECT sum(n) FROM t", "60"));
        p.a.driver->cursor_close(cur);
        orm_buf_fini(&out);
    }
    pair_close(&p);
}

static void
half_read_rows_end_as_they_began_when_a_write_follows(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        orm_sqltext text = lite_text("SELECT n FROM t ORDER BY id");
        orm_buf out;
        orm_buf_init(&out);
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        orm_cursor *cur = lite_start(&p.a, &text);
        lite_run(&p.b, "UPDATE t SET n = n + 5");

        ORM_CHECK(c, lite_run(&p.a, "UPDATE t SET n = n + 100") == 0); /* on the new snapshot */
        ORM_CHECK(c, lite_read(&p.a, cur, 0, &out) == 0);

        ORM_CHECK(c, strcmp(orm_buf_cstr(&out), "10;20;30") == 0);
        ORM_CHECK(c, lite_gives(&p.a, "SELECT n FROM t ORDER BY id", "115;125;135"));
        lite_commit_now(&p.a);
        p.a.driver->cursor_close(cur);
        orm_buf_fini(&out);
    }
    pair_close(&p);
}

static void
snapshot_is_kept_to_the_end_when_serializable(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        lite_begin_as(&p.a, ORM_ISO_SERIALIZABLE);
        ORM_CHECK(c, lite_gives(&p.a, "SELECT sum(n) FROM t", "60") && lite_state(&p.a) == ORM_TX_OPEN);
        lite_run(&p.b, "UPDATE t SET n = n + 1");

        ORM_CHECK(c, lite_refuses(&p.a, "UPDATE t SET n = 0", SQLITE_BUSY_SNAPSHOT));
        ORM_CHECK(c, lite_gives(&p.a, "SELECT sum(n) FROM t", "60"));
        ORM_CHECK(c, lite_rollback_now(&p.a) == 0);

        lite_begin_as(&p.a, ORM_ISO_IMMEDIATE);
        ORM_CHECK(c, lite_gives(&p.a, "SELECT sum(n) FROM t", "63"));
        ORM_CHECK(c, lite_refuses(&p.b, "UPDATE t SET n = 0", SQLITE_BUSY));
        lite_rollback_now(&p.a);
    }
    pair_close(&p);
}

static void
each_statement_stands_alone_when_autocommit(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        lite_begin_as(&p.a, ORM_ISO_AUTOCOMMIT);
        ORM_CHECK(c, lite_run(&p.a, "UPDATE t SET n = n + 1") == 0);
        ORM_CHECK(c, lite_gives(&p.b, "SELECT sum(n) FROM t", "63"));
        ORM_CHECK(c, lite_gives(&p.a, "SELECT 1", "1") && lite_state(&p.a) == ORM_TX_PENDING);
        ORM_CHECK(c, lite_rollback_now(&p.a) == 0);
        ORM_CHECK(c, lite_gives(&p.b, "SELECT sum(n) FROM t", "63"));
    }
    pair_close(&p);
}

static void
ddl_and_pragmas_run_alone_when_nothing_was_written(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        lite_run(&p.a, "SELECT 1");
        ORM_CHECK(c, lite_run(&p.a, "CREATE TABLE u (a)") == 0);
        /* within a transaction this would silently do nothing */
        lite_run(&p.a, "SELECT 1");
        ORM_CHECK(c, lite_run(&p.a, "PRAGMA foreign_keys=on") == 0);
        ORM_CHECK(c, lite_gives(&p.a, "PRAGMA foreign_keys", "1"));
        lite_rollback_now(&p.a);
        ORM_CHECK(c, lite_gives(&p.b, "SELECT count(*) FROM u", "0"));

        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        lite_run(&p.a, "INSERT INTO u VALUES (1)");
        ORM_CHECK(c, lite_run(&p.a, "CREATE TABLE v (a)") == 0); /* joins what is open */
        lite_rollback_now(&p.a);
        ORM_CHECK(c, lite_refuses(&p.b, "SELECT * FROM v", SQLITE_ERROR));
    }
    pair_close(&p);
}

static void
windows_are_given_up_when_a_database_is_attached(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        lite_run(&p.a, "SELECT 1"); /* ATTACH is not possible in a transaction */
        ORM_CHECK(c, lite_run(&p.a, "ATTACH ':memory:' AS other") == 0);
        ORM_CHECK(c, lite_run(&p.a, "SELECT 1") == 0 && lite_state(&p.a) == ORM_TX_PENDING);
        ORM_CHECK(c, lite_run(&p.a, "DETACH other") == 0);
        ORM_CHECK(c, lite_run(&p.a, "SELECT 1") == 0 && lite_state(&p.a) == ORM_TX_WINDOW);
    }
    pair_close(&p);
}

static void
table_may_be_dropped_when_its_rows_are_unread(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "delete")) {
        orm_sqltext text = lite_text("SELECT id FROM t ORDER BY id");
        orm_buf out;
        orm_buf_init(&out);
        orm_cursor *cur = lite_start(&p.a, &text);

        ORM_CHECK(c, lite_run(&p.a, "DROP TABLE t") == 0);

        ORM_CHECK(c, lite_read(&p.a, cur, 0, &out) == 0 && strcmp(orm_buf_cstr(&out), "1;2;3") == 0);
        p.a.driver->cursor_close(cur);
        orm_buf_fini(&out);
    }
    pair_close(&p);
}

static void
transaction_is_the_users_when_begun_by_hand(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        lite_run(&p.a, "SELECT 1");
        ORM_CHECK(c, lite_run(&p.a, " /* mine */ begin") == 0 && lite_state(&p.a) == ORM_TX_OPEN);
        ORM_CHECK(c, lite_run(&p.a, "CREATE TABLE u (a)") == 0);
        ORM_CHECK(c, lite_rollback_now(&p.a) == 0);
        ORM_CHECK(c, lite_refuses(&p.a, "SELECT * FROM u", SQLITE_ERROR));

        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        lite_run(&p.a, "INSERT INTO t (n) VALUES (99)");
        ORM_CHECK(c, lite_run(&p.a, "COMMIT") == 0 && lite_state(&p.a) == ORM_TX_PENDING);
        ORM_CHECK(c, lite_gives(&p.b, "SELECT count(*) FROM t", "4"));
        ORM_CHECK(c, lite_commit_now(&p.a) == 0 && lite_state(&p.a) == ORM_TX_IDLE);
    }
    pair_close(&p);
}

static void
savepoint_gives_back_its_own_part_when_rolled_back(orm_check *c)
{
    static const char name[] = "a \"quoted\" name";
    pair p;
    if (pair_open(&p, c, "wal")) {
        const orm_driver *driver = p.a.driver;
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        lite_run(&p.a, "SELECT 1");
        ORM_CHECK(c, driver->savepoint(p.a.conn, ORM_SP_SET, name, ORM_NEVER, &p.a.err) == 0);
        ORM_CHECK(c, lite_state(&p.a) == ORM_TX_OPEN);
        lite_run(&p.a, "INSERT INTO t (n) VALUES (40)");
        ORM_CHECK(c, driver->savepoint(p.a.conn, ORM_SP_ROLLBACK_TO, name, ORM_NEVER, &p.a.err) == 0);
        ORM_CHECK(c, lite_gives(&p.a, "SELECT count(*) FROM t", "3"));
        lite_run(&p.a, "INSERT INTO t (n) VALUES (50)");
        ORM_CHECK(c, driver->savepoint(p.a.conn, ORM_SP_RELEASE, name, ORM_NEVER, &p.a.err) == 0);
        ORM_CHECK(c, lite_state(&p.a) == ORM_TX_OPEN && lite_gives(&p.b, "SELECT count(*) FROM t", "3"));
        lite_commit_now(&p.a);
        ORM_CHECK(c, lite_gives(&p.b, "SELECT max(n) FROM t", "50"));
        ORM_CHECK(c, driver->savepoint(p.a.conn, ORM_SP_RELEASE, "none", ORM_NEVER, &p.a.err) < 0);
    }
    pair_close(&p);
}

static void
writes_begin_deferred_when_the_way_is_pysqlites(orm_check *c)
{
    pair p;
    lite_test old;
    if (pair_open(&p, c, "delete")) {
        ORM_CHECK(c, lite_test_open(&old, p.path, "dml_only", "1", "write_begin", "", "timeout", "0",
                                    NULL) == 0);
        lite_begin_as(&old, ORM_ISO_DEFAULT);
        lite_run(&old, "SELECT * FROM t");
        ORM_CHECK(c, lite_state(&old) == ORM_TX_PENDING);
        lite_run(&old, "WITH w AS (SELECT 1 AS a) INSERT INTO t (n) SELECT a FROM w");
        ORM_CHECK(c, lite_state(&old) == ORM_TX_PENDING); /* not seen as DML, so committed */
        lite_run(&old, "REPLACE INTO t (id, n) VALUES (9, 90)");
        ORM_CHECK(c, lite_state(&old) == ORM_TX_OPEN && old.lastrowid == 9);
        lite_rollback_now(&old);
        ORM_CHECK(c, lite_gives(&p.a, "SELECT max(id) FROM t", "4"));
        lite_test_close(&old);
    }
    pair_close(&p);
}

static void
transaction_fails_when_sqlite_rolled_it_back(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        lite_run(&p.a, "INSERT INTO t (n) VALUES (40)");
        ORM_CHECK(c, lite_refuses(&p.a, "INSERT OR ROLLBACK INTO t (n) VALUES (10)",
                                  SQLITE_CONSTRAINT_UNIQUE));

        ORM_CHECK(c, lite_state(&p.a) == ORM_TX_FAILED);
        ORM_CHECK(c, lite_refuses(&p.a, "INSERT INTO t (n) VALUES (50)", SQLITE_ABORT_ROLLBACK));
        ORM_CHECK(c, lite_commit_now(&p.a) < 0 && p.a.err.native == SQLITE_ABORT_ROLLBACK);
        ORM_CHECK(c, lite_rollback_now(&p.a) == 0 && lite_state(&p.a) == ORM_TX_IDLE);
        ORM_CHECK(c, lite_gives(&p.b, "SELECT count(*) FROM t", "3"));
    }
    pair_close(&p);
}

static void
transaction_fails_when_the_disk_is_full(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        lite_run(&p.a, "CREATE TABLE big (b)");
        lite_run(&p.a, "PRAGMA max_page_count=20");
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        lite_run(&p.a, "INSERT INTO t (n) VALUES (40)");
        ORM_CHECK(c, lite_refuses(&p.a, "INSERT INTO big VALUES (zeroblob(1000000))", SQLITE_FULL));

        ORM_CHECK(c, lite_state(&p.a) == ORM_TX_FAILED && lite_commit_now(&p.a) < 0);
        ORM_CHECK(c, lite_rollback_now(&p.a) == 0);
        ORM_CHECK(c, lite_gives(&p.b, "SELECT count(*) FROM t", "3"));
    }
    pair_close(&p);
}

static void
statement_may_be_repeated_when_one_fails_inside_a_transaction(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        lite_run(&p.a, "INSERT INTO t (n) VALUES (40)");
        ORM_CHECK(c, lite_refuses(&p.a, "INSERT INTO t (n) VALUES (10)", SQLITE_CONSTRAINT_UNIQUE));
        ORM_CHECK(c, lite_state(&p.a) == ORM_TX_OPEN);
        ORM_CHECK(c, lite_run(&p.a, "INSERT INTO t (n) VALUES (41)") == 0 && p.a.lastrowid == 5);
        ORM_CHECK(c, lite_commit_now(&p.a) == 0);
        ORM_CHECK(c, lite_gives(&p.b, "SELECT count(*) FROM t", "5"));
    }
    pair_close(&p);
}

static void
commit_may_be_repeated_when_a_reader_blocks_it(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "delete")) {
        orm_sqltext text = lite_text("SELECT * FROM t");
        orm_cursor *reader = lite_start(&p.b, &text);
        lite_begin_as(&p.a, ORM_ISO_DEFAULT);
        lite_run(&p.a, "DELETE FROM t");

        ORM_CHECK(c, lite_commit_now(&p.a) < 0 && p.a.err.native == SQLITE_BUSY);
        ORM_CHECK(c, lite_state(&p.a) == ORM_TX_OPEN);
        p.b.driver->cursor_close(reader);
        ORM_CHECK(c, lite_commit_now(&p.a) == 0);
        ORM_CHECK(c, lite_gives(&p.b, "SELECT count(*) FROM t", "0"));
    }
    pair_close(&p);
}

static void
connection_is_clean_when_released(orm_check *c)
{
    pair p;
    if (pair_open(&p, c, "wal")) {
        orm_tx_opts opts = {.isolation = ORM_ISO_DEFAULT, .readonly = 1, .deferrable = -1};
        orm_sqltext text = lite_text("SELECT * FROM t");
        ORM_CHECK(c, p.a.driver->begin(p.a.conn, &opts, &p.a.err) == 0);
        ORM_CHECK(c, lite_gives(&p.a, "SELECT count(*) FROM t", "3"));
        ORM_CHECK(c, lite_refuses(&p.a, "DELETE FROM t", SQLITE_READONLY));
        orm_cursor *unread = lite_start(&p.a, &text);

        ORM_CHECK(c, p.a.driver->release(p.a.conn, &p.a.err) == 1);

        ORM_CHECK(c, lite_state(&p.a) == ORM_TX_IDLE && p.a.driver->alive(p.a.conn) == 1);
        orm_err_clear(&p.a.err);
        ORM_CHECK(c, p.a.driver->settle(p.a.conn, ORM_NEVER, &p.a.err) == 0);
        ORM_CHECK(c, p.a.driver->ping(p.a.conn, ORM_NEVER, &p.a.err) == 0);
        ORM_CHECK(c, lite_run(&p.a, "DELETE FROM t") == 0 && p.a.rowcount == 3);
        p.a.driver->cursor_close(unread);
    }
    pair_close(&p);
}

static void
second_begin_is_refused_when_one_is_noted(orm_check *c)
{
    lite_test t;
    ORM_CHECK(c, lite_test_open(&t, NULL, "read_windows", "1", NULL) == 0);

    ORM_CHECK(c, lite_begin_as(&t, ORM_ISO_DEFAULT) == 0);
    ORM_CHECK(c, lite_begin_as(&t, ORM_ISO_DEFAULT) < 0 && t.err.code == ORM_E_OPEN_TX);
    ORM_CHECK(c, lite_run(&t, "SELECT 1") == 0 && lite_state(&t) == ORM_TX_WINDOW); /* memory */
    ORM_CHECK(c, lite_rollback_now(&t) == 0 && lite_begin_as(&t, ORM_ISO_READ_UNCOMMITTED) == 0);
    ORM_CHECK(c, lite_gives(&t, "PRAGMA read_uncommitted", "1") && lite_rollback_now(&t) == 0);
    ORM_CHECK(c, lite_gives(&t, "PRAGMA read_uncommitted", "0"));
    lite_test_close(&t);
}

#define CASE(name) {#name, name}

static const orm_coretest_case checks[] = {
    CASE(file_gets_wal_when_it_is_new_and_windows_follow),
    CASE(other_connection_writes_when_a_window_is_open),
    CASE(window_shows_others_commits_when_freshened_or_aged),
    CASE(reads_lock_nobody_out_when_the_journal_is_no_wal),
    CASE(unread_rows_survive_when_the_transaction_commits),
    CASE(unread_rows_are_refused_when_the_transaction_rolls_back),
    CASE(half_read_rows_end_as_they_began_when_a_write_follows),
    CASE(snapshot_is_kept_to_the_end_when_serializable),
    CASE(each_statement_stands_alone_when_autocommit),
    CASE(ddl_and_pragmas_run_alone_when_nothing_was_written),
    CASE(windows_are_given_up_when_a_database_is_attached),
    CASE(table_may_be_dropped_when_its_rows_are_unread),
    CASE(transaction_is_the_users_when_begun_by_hand),
    CASE(savepoint_gives_back_its_own_part_when_rolled_back),
    CASE(writes_begin_deferred_when_the_way_is_pysqlites),
    CASE(transaction_fails_when_sqlite_rolled_it_back),
    CASE(transaction_fails_when_the_disk_is_full),
    CASE(statement_may_be_repeated_when_one_fails_inside_a_transaction),
    CASE(commit_may_be_repeated_when_a_reader_blocks_it),
    CASE(connection_is_clean_when_released),
    CASE(second_begin_is_refused_when_one_is_noted),
    {NULL, NULL},
};

const orm_coretest_room orm_coretest_lite_tx = {.checks = checks};
