/*
 * coretest/lite_help.h - short words for the tests of the SQLite driver.
 *
 * A test opens connections on a file of its own (or in memory), runs texts and compares
 * results as text: columns joined by "|", rows by ";", NULL as "-".
 */
#ifndef ORM_CORETEST_LITE_HELP_H
#define ORM_CORETEST_LITE_HELP_H

#include "base/base.h"
#include "driver/driver.h"

/* One connection and what its last call said. */
typedef struct lite_test {
    const orm_driver *driver; /* orm_driver_lite() */
    orm_conn *conn;           /* NULL: open failed */
    orm_err err;              /* of the last call that failed */
    char result[2048];        /* rows of the last lite_run, as text */
    int64_t rowcount;         /* of the last lite_run */
    int64_t lastrowid;        /* of the last lite_run */
} lite_test;

/* The name of a new file below the system's directory for them; freed by lite_file_remove. */
char *lite_file_new(void);
/* Remove the file, its -wal, -shm and -journal, and free the name. */
void lite_file_remove(char *path);

/* Open with pairs "key", "value", ..., NULL; path NULL is a database in memory. 0 or -1. */
int lite_test_open(lite_test *t, const char *path, ...);
void lite_test_close(lite_test *t);
/* Note the beginning of a transaction. */
int lite_begin_as(lite_test *t, int isolation);
/* Run one text without parameters; 0 and `result`, or -1 and `err`. */
int lite_run(lite_test *t, const char *sql);
/* The result of a text is this one. */
bool lite_gives(lite_test *t, const char *sql, const char *result);
/* The text fails, with this extended code of SQLite. */
bool lite_refuses(lite_test *t, const char *sql, int native);
int lite_commit_now(lite_test *t);
int lite_rollback_now(lite_test *t);
int lite_state(const lite_test *t);
/* Start a text and leave its rows unread; NULL and `err`. The text must outlive it. */
orm_cursor *lite_start(lite_test *t, const orm_sqltext *text);
/* Append the rest of a cursor's rows to out; 0 or -1 and `err`. */
int lite_read(lite_test *t, orm_cursor *cur, int flags, orm_buf *out);
orm_sqltext lite_text(const char *sql);

#endif /* ORM_CORETEST_LITE_HELP_H */
