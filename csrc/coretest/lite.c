/*
 * coretest/lite.c - statements, results, errors and batches of the SQLite driver.
 *
 * Transactions are in coretest/lite_tx.c, threads and callbacks in coretest/lite_user.c.
 */
#include "coretest/coretest.h"

#include <sqlite3.h>

#include "coretest/lite_help.h"

static orm_param
int_param(int64_t i)
{
    return (orm_param){.kind = ORM_V_INT, .u.i = i};
}

static orm_param
text_param(const char *text)
{
    return (orm_param){.kind = ORM_V_TEXT, .u.p = text, .len = (int32_t)strlen(text)};
}

/* Run with parameters and read everything; NULL where it failed. */
static const char *
run_with(lite_test *t, const char *sql, const orm_param *params, uint32_t n, int flags)
{
    orm_sqltext text = lite_text(sql);
    orm_call call = {.text = &text, .params = params, .nparams = n, .deadline = ORM_NEVER,
                     .mode = (uint8_t)flags};
    orm_cursor *cur = NULL;
    orm_buf out;
    orm_err_clear(&t->err);
    if (t->driver->exec(t->conn, &call, &cur, &t->err) != 0) {
        return NULL;
    }
    orm_buf_init(&out);
    int answer = lite_read(t, cur, flags, &out);
    snprintf(t->result, sizeof(t->result), "%s", orm_buf_cstr(&out));
    t->driver->cursor_close(cur);
    orm_buf_fini(&out);
    return answer == 0 ? t->result : NULL;
}

static void
values_come_back_as_they_were_when_bound(orm_check *c)
{
    static const char bytes[] = {0, 'a', 0, (char)0xff};
    lite_test t;
    lite_test_open(&t, NULL, NULL);
    orm_param params[] = {
        int_param(INT64_MIN),
        {.kind = ORM_V_REAL, .u.d = 0.1},
        text_param("h\xc3\xa9"),
        {.kind = ORM_V_BLOB, .u.p = bytes, .len = 4},
        {.kind = ORM_V_NULL},
        text_param(""),
        {.kind = ORM_V_BLOB, .u.p = NULL, .len = 0},
    };
    static const char sql[] = "SELECT ?1, ?2, ?3, hex(?4), ?5, typeof(?6), typeof(?7), ?6, ?7";
    static const char expected[] = "-9223372036854775808|0.1|h\xc3\xa9|006100FF|-|text|blob||";

    for (int flags = 0; flags <= ORM_FETCH_DIRECT; flags += ORM_FETCH_DIRECT) {
        const char *got = run_with(&t, sql, params, 7, flags);
        ORM_CHECK(c, got != NULL && strcmp(got, expected) == 0);
    }
    ORM_CHECK(c, run_with(&t, "SELECT ?2", params, 1, 0) == NULL);
    ORM_CHECK(c, t.err.code == ORM_E_PROGRAMMING);
    ORM_CHECK(c, strstr(orm_err_message(&t.err), "2 parameters, and 1 values") != NULL);
    ORM_CHECK(c, t.driver->max_params(t.conn) >= 999);
    lite_test_close(&t);
}

static void
text_is_refused_when_it_is_not_one_statement(orm_check *c)
{
    lite_test t;
    lite_test_open(&t, NULL, NULL);

    ORM_CHECK(c, lite_gives(&t, " SELECT 1 ; -- end\n /* ; */ ;", "1"));
    ORM_CHECK(c, lite_gives(&t, "  -- nothing\n", "") && t.rowcount == -1);
    ORM_CHECK(c, lite_run(&t, "SELECT 1; SELECT 2") < 0 && t.err.code == ORM_E_PROGRAMMING);
    ORM_CHECK(c, strstr(orm_err_message(&t.err), "more than one statement") != NULL);
    orm_sqltext nul = {.sql = "SELECT 1\0;", .len = 10};
    ORM_CHECK(c, lite_start(&t, &nul) == NULL && t.err.code == ORM_E_PROGRAMMING);
    ORM_CHECK(c, lite_refuses(&t, "SELEC", SQLITE_ERROR));
    ORM_CHECK(c, strcmp(orm_err_message(&t.err), "near \"SELEC\": syntax error") == 0);
    lite_test_close(&t);
}

static void
verb_is_found_when_comments_and_case_differ(orm_check *c)
{
    static const struct {
        const char *sql;
        int verb;
    } cases[] = {
        {"select 1", ORM_VERB_SELECT},          {"\n/* a */ -- b\n(SELECT 1)", ORM_VERB_SELECT},
        {"Insert into t", ORM_VERB_INSERT},     {"REPLACE INTO t", ORM_VERB_INSERT},
        {"WITH a AS (", ORM_VERB_UNKNOWN},      {"", ORM_VERB_UNKNOWN},
        {"PRAGMA x", ORM_VERB_OTHER},           {"create table", ORM_VERB_DDL},
        {"ROLLBACK", ORM_VERB_ROLLBACK},        {"rollback to a", ORM_VERB_SAVEPOINT},
        {"ROLLBACK WORK TO a", ORM_VERB_SAVEPOINT}, {"rollback work", ORM_VERB_ROLLBACK},
        {"/* open", ORM_VERB_UNKNOWN},          {"selects", ORM_VERB_OTHER},
        {"END", ORM_VERB_COMMIT},               {"-- a", ORM_VERB_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ORM_CHECK(c, orm_sql_verb(cases[i].sql, strlen(cases[i].sql)) == cases[i].verb);
    }
}

static void
large_result_comes_in_slices_when_read(orm_check *c)
{
    static const char numbers[] =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
        "SELECT i, 'row ' || i FROM n";
    lite_test t;
    lite_test_open(&t, NULL, NULL);
    orm_sqltext text = lite_text(numbers);
    orm_cursor *cur = lite_start(&t, &text);
    orm_batch batch = {0};
    uint32_t rows = 0, slices = 0;
    bool right = true;

    while (!batch.last && t.driver->fetch(cur, 0, &batch, &t.err) == 0) {
        for (uint32_t i = 0; i < batch.nrows; i++) {
            char expected[16];
            const orm_cell *row = t.driver->row(&batch, i, NULL);
            int len = snprintf(expected, sizeof(expected), "row %u", rows + i + 1);
            right = right && row[0].u.i == rows + i + 1 && row[1].len == len
                    && memcmp(row[1].p, expected, (size_t)len) == 0;
        }
        rows += batch.nrows;
        slices++;
        right = right && batch.nrows <= 1024;
    }

    ORM_CHECK(c, right && rows == 5000 && slices >= 5);
    ORM_CHECK(c, t.driver->fetch(cur, 0, &batch, &t.err) == 0 && batch.last && batch.nrows == 0);
    t.driver->cursor_close(cur);

    /* a slice also ends by bytes */
    text = lite_text("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8) "
                     "SELECT zeroblob(600000) FROM n");
    cur = lite_start(&t, &text);
    ORM_CHECK(c, t.driver->fetch(cur, 0, &batch, &t.err) == 0 && batch.nrows <= 2 && !batch.last);
    ORM_CHECK(c, batch.cells[0].len == 600000 && batch.cells[0].kind == ORM_V_BLOB);
    t.driver->cursor_close(cur);
    lite_test_close(&t);
}

static void
rows_are_the_same_when_ways_of_reading_are_mixed(orm_check *c)
{
    lite_test t;
    lite_test_open(&t, NULL, NULL);
    orm_sqltext text = lite_text("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4");
    uint64_t direct = orm_counter_value(ORM_C_lite_direct);
    orm_cursor *cur = lite_start(&t, &text);
    orm_batch batch;

    ORM_CHECK(c, t.driver->fetch(cur, ORM_FETCH_DIRECT, &batch, &t.err) == 0);
    ORM_CHECK(c, batch.nrows == 1 && batch.cells[0].u.i == 1 && !batch.last);
    lite_begin_as(&t, ORM_ISO_DEFAULT);
    ORM_CHECK(c, lite_commit_now(&t) == 0); /* the rest is read ahead */
    ORM_CHECK(c, t.driver->fetch(cur, ORM_FETCH_DIRECT, &batch, &t.err) == 0);
    ORM_CHECK(c, batch.nrows == 1 && batch.cells[0].u.i == 2);
    ORM_CHECK(c, t.driver->fetch(cur, 0, &batch, &t.err) == 0);
    ORM_CHECK(c, batch.nrows == 2 && batch.cells[1].u.i == 4 && batch.last);
    ORM_CHECK(c, orm_counter_value(ORM_C_lite_direct) == direct + 1);
    t.driver->cursor_close(cur);
    lite_test_close(&t);
}

static void
columns_are_described_anew_when_the_schema_changed(orm_check *c)
{
    lite_test t;
    uint32_t n;
    lite_test_open(&t, NULL, NULL);
    lite_run(&t, "CREATE TABLE t (a INTEGER, b VARCHAR(20))");
    lite_run(&t, "INSERT INTO t VALUES (1, 'x')");
    orm_sqltext text = lite_text("SELECT *, a + 1 AS c FROM t");
    orm_cursor *cur = lite_start(&t, &text);
    const orm_coldesc *cols = t.driver->columns(cur, &n);
    ORM_CHECK(c, n == 3 && strcmp(cols[1].name, "b") == 0 && strcmp(cols[2].name, "c") == 0);
    ORM_CHECK(c, strcmp(cols[1].decltype, "VARCHAR(20)") == 0 && cols[2].decltype == NULL);
    t.driver->cursor_close(cur);

    lite_run(&t, "ALTER TABLE t ADD COLUMN d TEXT");
    uint64_t hits = orm_counter_value(ORM_C_lite_cache_hit);
    cur = lite_start(&t, &text);

    ORM_CHECK(c, orm_counter_value(ORM_C_lite_cache_hit) == hits + 1);
    cols = t.driver->columns(cur, &n);
    ORM_CHECK(c, n == 4 && strcmp(cols[2].name, "d") == 0 && strcmp(cols[3].name, "c") == 0);
    t.driver->cursor_close(cur);
    lite_test_close(&t);
}

static void
statements_stay_compiled_until_the_cache_is_full(orm_check *c)
{
    lite_test t;
    lite_test_open(&t, NULL, "cached_statements", "3", NULL);
    uint64_t prepared = orm_counter_value(ORM_C_lite_prepare);
    uint64_t evicted = orm_counter_value(ORM_C_lite_cache_evict);

    lite_run(&t, "SELECT 1");
    lite_run(&t, "SELECT 2");
    lite_run(&t, "SELECT 1");
    ORM_CHECK(c, orm_counter_value(ORM_C_lite_prepare) == prepared + 2);
    lite_run(&t, "SELECT 3");
    lite_run(&t, "SELECT 4"); /* the oldest is SELECT 2 */
    lite_run(&t, "SELECT 1");
    ORM_CHECK(c, orm_counter_value(ORM_C_lite_prepare) == prepared + 4);
    ORM_CHECK(c, orm_counter_value(ORM_C_lite_cache_evict) == evicted + 1);

    /* the same text twice at once: a second one is compiled, one of them is kept */
    orm_sqltext text = lite_text("SELECT 7 UNION ALL SELECT 8");
    orm_cursor *one = lite_start(&t, &text), *two = lite_start(&t, &text);
    orm_buf out;
    orm_buf_init(&out);
    ORM_CHECK(c, lite_read(&t, one, 0, &out) == 0 && lite_read(&t, two, 0, &out) == 0);
    ORM_CHECK(c, strcmp(orm_buf_cstr(&out), "7;8;7;8") == 0);
    t.driver->cursor_close(one);
    t.driver->cursor_close(two);

    /* two texts of one id are one statement: the id is the key */
    orm_sqltext first = {.sql = "SELECT 5", .len = 8, .id = 77};
    orm_sqltext same = {.sql = "SELECT 6", .len = 8, .id = 77};
    t.driver->cursor_close(lite_start(&t, &first));
    orm_buf_reset(&out);
    one = lite_start(&t, &same);
    ORM_CHECK(c, lite_read(&t, one, 0, &out) == 0 && strcmp(orm_buf_cstr(&out), "5") == 0);
    t.driver->cursor_close(one);
    orm_buf_fini(&out);
    lite_test_close(&t);
}

static void
batch_tells_counts_and_rowids_when_all_sets_run(orm_check *c)
{
    lite_test t;
    lite_test_open(&t, NULL, NULL);
    lite_run(&t, "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT, s TEXT)");
    orm_sqltext insert = lite_text("INSERT OR IGNORE INTO t (id, n) VALUES (?, ?)");
    orm_param sets[] = {int_param(5), int_param(1), int_param(5), int_param(2),
                        {.kind = ORM_V_NULL}, int_param(3)};
    orm_call call = {.text = &insert, .params = sets, .nparams = 2, .deadline = ORM_NEVER};
    int64_t counts[3], rowids[3];

    ORM_CHECK(c, t.driver->exec_many(t.conn, &call, 3, counts, rowids, NULL, &t.err) == 0);
    ORM_CHECK(c, counts[0] == 1 && counts[1] == 0 && counts[2] == 1);
    ORM_CHECK(c, rowids[0] == 5 && rowids[1] == 0 && rowids[2] == 6);

    orm_sqltext update = lite_text("UPDATE t SET n = ? WHERE id >= ?");
    orm_param updates[] = {int_param(7), int_param(5), int_param(8), int_param(6),
                           int_param(9), int_param(99)};
    call = (orm_call){.text = &update, .params = updates, .nparams = 2, .deadline = ORM_NEVER};
    ORM_CHECK(c, t.driver->exec_many(t.conn, &call, 3, counts, NULL, NULL, &t.err) == 0);
    ORM_CHECK(c, counts[0] == 2 && counts[1] == 1 && counts[2] == 0);
    ORM_CHECK(c, lite_gives(&t, "SELECT id, n FROM t", "5|7;6|8"));
    ORM_CHECK(c, t.driver->exec_many(t.conn, &call, 0, counts, NULL, NULL, &t.err) == 0);
    lite_test_close(&t);
}

static void
batch_returns_rows_of_all_sets_in_order(orm_check *c)
{
    enum { SETS = 3000 };
    lite_test t;
    orm_cursor *rows = NULL;
    orm_param *sets = orm_mallocarray(SETS, sizeof(*sets));
    lite_test_open(&t, NULL, NULL);
    lite_run(&t, "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT)");
    orm_sqltext insert = lite_text("INSERT INTO t (n) VALUES (?) RETURNING id, n * 2");
    for (int i = 0; i < SETS; i++) {
        sets[i] = int_param(i);
    }
    orm_call call = {.text = &insert, .params = sets, .nparams = 1, .deadline = ORM_NEVER};

    ORM_CHECK(c, t.driver->exec_many(t.conn, &call, SETS, NULL, NULL, &rows, &t.err) == 0);

    orm_batch batch = {0};
    int64_t seen = 0;
    bool right = true;
    while (!batch.last && t.driver->fetch(rows, 0, &batch, &t.err) == 0) {
        for (uint32_t i = 0; i < batch.nrows; i++, seen++) {
            const orm_cell *row = t.driver->row(&batch, i, NULL);
            right = right && row[0].u.i == seen + 1 && row[1].u.i == seen * 2;
        }
    }
    uint32_t n;
    ORM_CHECK(c, right && seen == SETS && t.driver->rowcount(rows) == SETS);
    ORM_CHECK(c, t.driver->columns(rows, &n) != NULL && n == 2);
    t.driver->cursor_close(rows);
    orm_free(sets);
    lite_test_close(&t);
}

static void
batch_names_the_failing_set_when_one_fails(orm_check *c)
{
    lite_test t;
    lite_test_open(&t, NULL, NULL);
    lite_run(&t, "CREATE TABLE t (n INT UNIQUE)");
    orm_sqltext insert = lite_text("INSERT INTO t VALUES (?)");
    orm_param sets[] = {int_param(1), int_param(2), int_param(1), int_param(3)};
    orm_call call = {.text = &insert, .params = sets, .nparams = 1, .deadline = ORM_NEVER};

    lite_begin_as(&t, ORM_ISO_DEFAULT);
    ORM_CHECK(c, t.driver->exec_many(t.conn, &call, 4, NULL, NULL, NULL, &t.err) < 0);

    ORM_CHECK(c, t.err.row == 2 && t.err.native == SQLITE_CONSTRAINT_UNIQUE);
    ORM_CHECK(c, strcmp(orm_err_text(&t.err, ORM_TEXT_COLUMN), "n") == 0);
    ORM_CHECK(c, lite_gives(&t, "SELECT n FROM t", "1;2") && lite_state(&t) == ORM_TX_OPEN);
    lite_test_close(&t);
}

static void
rows_of_returning_are_all_there_when_exec_returns(orm_check *c)
{
    lite_test t;
    lite_test_open(&t, NULL, NULL);
    lite_run(&t, "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT)");

    ORM_CHECK(c, lite_gives(&t, "INSERT INTO t (n) VALUES (4), (5) RETURNING n, id", "4|1;5|2"));
    ORM_CHECK(c, t.rowcount == 2 && t.lastrowid == 2);
    ORM_CHECK(c, lite_gives(&t, "WITH w AS (SELECT 9 AS a) UPDATE t SET n = (SELECT a FROM w)", ""));
    ORM_CHECK(c, t.rowcount == 2 && t.lastrowid == 2);
    ORM_CHECK(c, lite_gives(&t, "DELETE FROM t WHERE id = 1", "") && t.rowcount == 1);
    ORM_CHECK(c, lite_gives(&t, "SELECT count(*) FROM t", "1") && t.rowcount == -1);
    ORM_CHECK(c, lite_gives(&t, "CREATE TABLE u (a)", "") && t.rowcount == -1);
    /* rows nobody wants */
    orm_sqltext text = lite_text("INSERT INTO t (n) VALUES (6) RETURNING n");
    orm_call call = {.text = &text, .mode = ORM_FETCH_NONE, .deadline = ORM_NEVER};
    orm_cursor *cur = NULL;
    ORM_CHECK(c, t.driver->exec(t.conn, &call, &cur, &t.err) == 0 && t.driver->rowcount(cur) == 1);
    t.driver->cursor_close(cur);
    lite_test_close(&t);
}

static void
constraint_is_taken_apart_when_one_is_violated(orm_check *c)
{
    static const struct {
        const char *sql, *table, *column, *constraint;
        int native;
    } cases[] = {
        {"INSERT INTO t (id) VALUES (1)", "t", "id", "", SQLITE_CONSTRAINT_PRIMARYKEY},
        {"INSERT INTO t (a, \"b, c\") VALUES (1, 2)", "t", "a, b, c", "", SQLITE_CONSTRAINT_UNIQUE},
        {"UPDATE t SET a = NULL", "t", "a", "", SQLITE_CONSTRAINT_NOTNULL},
        {"UPDATE t SET a = -1", "", "", "positive", SQLITE_CONSTRAINT_CHECK},
        {"INSERT INTO t (e) VALUES ('x')", "", "", "by expression", SQLITE_CONSTRAINT_UNIQUE},
        {"UPDATE t SET parent = 99", "", "", "", SQLITE_CONSTRAINT_FOREIGNKEY},
        {"INSERT INTO \"d.ot\" VALUES (1, 2)", "d.ot", "x, y", "", SQLITE_CONSTRAINT_PRIMARYKEY},
    };
    lite_test t;
    lite_test_open(&t, NULL, "foreign_keys", "on", NULL);
    lite_run(&t, "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT NOT NULL DEFAULT 5, \"b, c\" INT, "
                 "e TEXT, parent INT REFERENCES t (id), CONSTRAINT positive CHECK (a > 0), "
                 "UNIQUE (a, \"b, c\"))");
    lite_run(&t, "CREATE UNIQUE INDEX \"by expression\" ON t (lower(e))");
    lite_run(&t, "CREATE TABLE \"d.ot\" (x INT, y INT, PRIMARY KEY (x, y)) WITHOUT ROWID");
    lite_run(&t, "INSERT INTO t (id, a, \"b, c\", e) VALUES (1, 1, 2, 'X')");
    lite_run(&t, "INSERT INTO \"d.ot\" VALUES (1, 2)");

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ORM_CHECK(c, lite_refuses(&t, cases[i].sql, cases[i].native));
        ORM_CHECK(c, strcmp(orm_err_text(&t.err, ORM_TEXT_TABLE), cases[i].table) == 0);
        ORM_CHECK(c, strcmp(orm_err_text(&t.err, ORM_TEXT_COLUMN), cases[i].column) == 0);
        ORM_CHECK(c, strcmp(orm_err_text(&t.err, ORM_TEXT_CONSTRAINT), cases[i].constraint) == 0);
    }
    lite_test_close(&t);
}

static void
error_comes_after_good_rows_when_a_result_breaks_off(orm_check *c)
{
    /* abs() of the smallest integer is SQLite's one arithmetic error */
    static const char breaking[] =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) "
        "SELECT CASE WHEN i < 30 THEN i ELSE abs(-9223372036854775807 - 1) END FROM n";
    lite_test t;
    orm_batch batch = {0};
    lite_test_open(&t, NULL, NULL);
    orm_sqltext text = lite_text(breaking);
    uint32_t rows = 0;
    orm_cursor *cur = lite_start(&t, &text);
    while (t.driver->fetch(cur, 0, &batch, &t.err) == 0 && !batch.last) {
        rows += batch.nrows;
    }
    ORM_CHECK(c, rows == 29 && !batch.last && t.err.code == ORM_E_DB);
    ORM_CHECK(c, strcmp(orm_err_message(&t.err), "integer overflow") == 0);
    t.driver->cursor_close(cur);

    /* read ahead by a commit: the reader is told, not the committer */
    orm_buf out;
    orm_buf_init(&out);
    lite_begin_as(&t, ORM_ISO_DEFAULT);
    cur = lite_start(&t, &text);
    ORM_CHECK(c, lite_commit_now(&t) == 0);
    ORM_CHECK(c, lite_read(&t, cur, 0, &out) < 0 && t.err.code == ORM_E_DB);
    ORM_CHECK(c, out.len > 50 && strcmp(orm_buf_cstr(&out) + out.len - 5, "28;29") == 0);
    orm_err_clear(&t.err);
    ORM_CHECK(c, t.driver->fetch(cur, 0, &batch, &t.err) < 0 && t.err.code == ORM_E_INTERFACE);
    t.driver->cursor_close(cur);
    orm_buf_fini(&out);
    lite_test_close(&t);
}

static void
script_runs_all_or_tells_where_it_stopped(orm_check *c)
{
    static const char good[] = "CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (1), (2);\n"
                               "-- a comment; with a semicolon\nCOMMIT; SELECT * FROM t;  ";
    static const char bad[] = "INSERT INTO t VALUES (3); INSERT INTO nowhere VALUES (1); DROP TABLE t";
    lite_test t;
    lite_test_open(&t, NULL, "read_windows", "1", NULL);

    ORM_CHECK(c, t.driver->script(t.conn, good, strlen(good), ORM_NEVER, &t.err) == 0);
    lite_begin_as(&t, ORM_ISO_DEFAULT);
    ORM_CHECK(c, lite_gives(&t, "SELECT sum(a) FROM t", "3"));
    ORM_CHECK(c, t.driver->script(t.conn, bad, strlen(bad), ORM_NEVER, &t.err) < 0);
    ORM_CHECK(c, t.err.row == 1 && strcmp(orm_err_message(&t.err), "no such table: nowhere") == 0);
    ORM_CHECK(c, lite_gives(&t, "SELECT sum(a) FROM t", "6"));
    lite_test_close(&t);
}

static void
options_are_read_back_or_refused_when_opening(orm_check *c)
{
    lite_test t;
    char *path = lite_file_new();
    ORM_CHECK(c, lite_test_open(&t, path, "journal_mode", "WAL", "synchronous", "normal",
                                "foreign_keys", "on", "cache_size", "-4000", NULL) == 0);
    ORM_CHECK(c, lite_gives(&t, "PRAGMA journal_mode", "wal") && lite_gives(&t, "PRAGMA synchronous", "1"));
    ORM_CHECK(c, lite_gives(&t, "PRAGMA foreign_keys", "1") && lite_gives(&t, "PRAGMA cache_size", "-4000"));
    lite_test_close(&t);

    static const char *const wrong[][2] = {
        {"no_such_option", "1"},  {"foreign_keys", "1; DROP TABLE t"}, {"synchronous", "loud"},
        {"timeout", "soon"},      {"timeout", "-1"},                  {"write_begin", "LATER"},
        {"journal_mode", "best"}, {"cached_statements", "1e9"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ORM_CHECK(c, lite_test_open(&t, path, wrong[i][0], wrong[i][1], NULL) < 0);
        ORM_CHECK(c, t.err.code == ORM_E_PROGRAMMING && t.conn == NULL);
        ORM_CHECK(c, strstr(orm_err_message(&t.err), wrong[i][0]) != NULL);
        lite_test_close(&t);
    }
    ORM_CHECK(c, lite_test_open(&t, "/nowhere/at/all", NULL) < 0);
    ORM_CHECK(c, t.err.code == ORM_E_DB && (t.err.native & 0xff) == SQLITE_CANTOPEN);
    lite_test_close(&t);
    ORM_CHECK(c, lite_test_open(&t, "file:a?mode=memory&cache=shared", "uri", "1", "read_windows", "1",
                                NULL) == 0);
    lite_begin_as(&t, ORM_ISO_DEFAULT);
    ORM_CHECK(c, lite_gives(&t, "SELECT 1", "1") && lite_state(&t) == ORM_TX_PENDING);
    lite_test_close(&t);
    lite_file_remove(path);
}

static void
journal_stays_when_another_connection_is_reading(orm_check *c)
{
    lite_test reader, t;
    char *path = lite_file_new();
    orm_sqltext text = lite_text("SELECT 1 FROM sqlite_master");
    lite_test_open(&reader, path, NULL);
    lite_run(&reader, "CREATE TABLE t (a)");
    orm_cursor *cur = lite_start(&reader, &text);

    ORM_CHECK(c, lite_test_open(&t, path, "journal_mode", "wal", "timeout", "0", NULL) == 0);

    ORM_CHECK(c, lite_gives(&t, "PRAGMA journal_mode", "delete"));
    reader.driver->cursor_close(cur);
    lite_test_close(&t);
    lite_test_close(&reader);
    lite_file_remove(path);
}

static void
statistics_are_made_when_a_writing_connection_closes(orm_check *c)
{
    static const char fill[] =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
        "INSERT INTO t SELECT i, i % 7 FROM n";
    lite_test t;
    char *path = lite_file_new();
    lite_test_open(&t, path, "optimize", "1", NULL);
    lite_run(&t, "CREATE TABLE t (a INTEGER PRIMARY KEY, b INT)");
    lite_run(&t, "CREATE INDEX i ON t (b)");
    lite_begin_as(&t, ORM_ISO_DEFAULT);
    lite_run(&t, fill);
    lite_commit_now(&t);
    lite_run(&t, "SELECT * FROM t WHERE b = 3"); /* a plan that statistics could change */
    lite_test_close(&t);

    lite_test_open(&t, path, NULL);
    ORM_CHECK(c, lite_gives(&t, "SELECT idx FROM sqlite_stat1", "i"));
    lite_test_close(&t);
    lite_file_remove(path);
}

static void
file_is_refused_when_it_is_no_database(orm_check *c)
{
    lite_test t;
    char *path = lite_file_new();
    FILE *file = fopen(path, "w");
    for (int i = 0; file != NULL && i < 2000; i++) {
        fputs("no database\n", file);
    }
    fclose(file);

    ORM_CHECK(c, lite_test_open(&t, path, NULL) == 0); /* SQLite looks at its first use */
    ORM_CHECK(c, lite_refuses(&t, "SELECT * FROM sqlite_master", SQLITE_NOTADB));
    lite_test_close(&t);
    ORM_CHECK(c, lite_test_open(&t, path, "wal_on_create", "1", NULL) < 0);
    ORM_CHECK(c, t.err.native == SQLITE_NOTADB);
    lite_test_close(&t);
    lite_file_remove(path);
}

#define CASE(name) {#name, name}

static const orm_coretest_case checks[] = {
    CASE(values_come_back_as_they_were_when_bound),
    CASE(text_is_refused_when_it_is_not_one_statement),
    CASE(verb_is_found_when_comments_and_case_differ),
    CASE(large_result_comes_in_slices_when_read),
    CASE(rows_are_the_same_when_ways_of_reading_are_mixed),
    CASE(columns_are_described_anew_when_the_schema_changed),
    CASE(statements_stay_compiled_until_the_cache_is_full),
    CASE(batch_tells_counts_and_rowids_when_all_sets_run),
    CASE(batch_returns_rows_of_all_sets_in_order),
    CASE(batch_names_the_failing_set_when_one_fails),
    CASE(rows_of_returning_are_all_there_when_exec_returns),
    CASE(constraint_is_taken_apart_when_one_is_violated),
    CASE(error_comes_after_good_rows_when_a_result_breaks_off),
    CASE(script_runs_all_or_tells_where_it_stopped),
    CASE(options_are_read_back_or_refused_when_opening),
    CASE(journal_stays_when_another_connection_is_reading),
    CASE(statistics_are_made_when_a_writing_connection_closes),
    CASE(file_is_refused_when_it_is_no_database),
    {NULL, NULL},
};

const orm_coretest_room orm_coretest_lite = {.checks = checks};
