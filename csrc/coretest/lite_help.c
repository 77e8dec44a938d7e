/*
 * coretest/lite_help.c - see lite_help.h.
 */
#include "coretest/lite_help.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MOST_OPTIONS 12

char *
lite_file_new(void)
{
    const char *directory = getenv("TMPDIR");
    orm_buf path;
    orm_buf_init(&path);
    orm_buf_printf(&path, "%s/pyorm-coretest-XXXXXX", directory == NULL ? "/tmp" : directory);
    char *name = orm_buf_steal(&path, NULL);
    int fd = mkstemp(name);
    if (fd >= 0) {
        close(fd); /* an empty file is a database without pages */
    }
    return name;
}

void
lite_file_remove(char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        char name[256];
        snprintf(name, sizeof(name), "%s%s", path, endings[i]);
        unlink(name);
    }
    orm_free(path);
}

int
lite_test_open(lite_test *t, const char *path, ...)
{
    const char *keys[MOST_OPTIONS + 1], *values[MOST_OPTIONS + 1];
    orm_dsn dsn = {.keys = keys, .values = values};
    va_list args;
    *t = (lite_test){.driver = orm_driver_lite()};
    orm_err_init(&t->err);
    if (path != NULL) {
        keys[dsn.n] = "database";
        values[dsn.n++] = path;
    }
    va_start(args, path);
    for (const char *key; (key = va_arg(args, const char *)) != NULL && dsn.n < MOST_OPTIONS;) {
        keys[dsn.n] = key;
        values[dsn.n++] = va_arg(args, const char *);
    }
    va_end(args);
    return t->driver->open(&dsn, ORM_NEVER, NULL, &t->conn, &t->err);
}

void
lite_test_close(lite_test *t)
{
    if (t->conn != NULL) {
        t->driver->close(t->conn);
        t->conn = NULL;
    }
    orm_err_fini(&t->err);
}

int
lite_begin_as(lite_test *t, int isolation)
{
    orm_tx_opts opts = {.isolation = (uint8_t)isolation, .readonly = -1, .deferrable = -1};
    orm_err_clear(&t->err);
    return t->driver->begin(t->conn, &opts, &t->err);
}

orm_sqltext
lite_text(const char *sql)
{
    return (orm_sqltext){.sql = sql, .len = strlen(sql)};
}

static void
put_cell(orm_buf *out, const orm_cell *cell)
{
    switch (cell->kind) {
    case ORM_V_NULL:
        orm_buf_putc(out, '-');
        break;
    case ORM_V_INT:
        orm_buf_printf(out, "%" PRId64, cell->u.i);
        break;
    case ORM_V_REAL:
        orm_buf_printf(out, "%g", cell->u.d);
        break;
    default:
        orm_buf_put(out, cell->p, (size_t)cell->len);
        break;
    }
}

int
lite_read(lite_test *t, orm_cursor *cur, int flags, orm_buf *out)
{
    orm_batch batch = {0};
    while (!batch.last) {
        if (t->driver->fetch(cur, flags, &batch, &t->err) < 0) {
            return -1;
        }
        for (uint32_t i = 0; i < batch.nrows; i++) {
            const orm_cell *row = t->driver->row(&batch, i, NULL);
            if (out->len > 0) {
                orm_buf_putc(out, ';');
            }
            for (uint32_t k = 0; k < batch.ncols; k++) {
                if (k > 0) {
                    orm_buf_putc(out, '|');
                }
                put_cell(out, &row[k]);
            }
        }
    }
    return 0;
}

orm_cursor *
lite_start(lite_test *t, const orm_sqltext *text)
{
    orm_call call = {.text = text, .mode = ORM_FETCH_STREAM, .deadline = ORM_NEVER};
    orm_cursor *cur = NULL;
    orm_err_clear(&t->err);
    return t->driver->exec(t->conn, &call, &cur, &t->err) == 0 ? cur : NULL;
}

int
lite_run(lite_test *t, const char *sql)
{
    orm_sqltext text = lite_text(sql);
    orm_cursor *cur = lite_start(t, &text);
    orm_buf out;
    if (cur == NULL) {
        return -1;
    }
    orm_buf_init(&out);
    int answer = lite_read(t, cur, 0, &out);
    snprintf(t->result, sizeof(t->result), "%s", orm_buf_cstr(&out));
    t->rowcount = t->driver->rowcount(cur);
    t->lastrowid = t->driver->lastrowid(cur);
    t->driver->cursor_close(cur);
    orm_buf_fini(&out);
    return answer;
}

bool
lite_gives(lite_test *t, const char *sql, const char *result)
{
    return lite_run(t, sql) == 0 && strcmp(t->result, result) == 0;
}

bool
lite_refuses(lite_test *t, const char *sql, int native)
{
    return lite_run(t, sql) < 0 && t->err.code == ORM_E_DB && t->err.native == native;
}

int
lite_commit_now(lite_test *t)
{
    orm_err_clear(&t->err);
    return t->driver->commit(t->conn, ORM_NEVER, &t->err);
}

int
lite_rollback_now(lite_test *t)
{
    orm_err_clear(&t->err);
    return t->driver->rollback(t->conn, ORM_NEVER, &t->err);
}

int
lite_state(const lite_test *t)
{
    return t->driver->tx_state(t->conn);
}
