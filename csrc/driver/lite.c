/*
 * lite.c - the SQLite driver's vtable, and its answers that are one line long.
 */
#include "driver/lite_int.h"

static int
tx_state(const orm_conn *conn)
{
    return atomic_load_explicit(&conn->state, memory_order_relaxed);
}

/* ROLLBACK is local: release() has never left anything outstanding. */
static int
settle(orm_conn *conn, orm_mono deadline, orm_err *err)
{
    if (lite_enter(conn, deadline, err) < 0) {
        return -1;
    }
    int state = lite_state_locked(conn);
    lite_leave(conn);
    return state == ORM_TX_IDLE ? 0 : orm_err_set(err, ORM_E_OPEN_TX, "a transaction is open");
}

static int
alive(orm_conn *conn)
{
    return conn->db != NULL && conn->epoch == orm_fork_epoch() && !conn->doomed;
}

static void *
native(orm_conn *conn)
{
    return conn->db;
}

static uint64_t
waits(const orm_conn *conn)
{
    return atomic_load_explicit(&conn->waits, memory_order_relaxed);
}

static uint32_t
max_params(const orm_conn *conn)
{
    return conn->max_params;
}

static const orm_driver lite_driver = {
    .name = "sqlite",
    .dialect = ORM_LITE,
    .open = lite_open,
    .close = lite_close,
    .begin = lite_begin,
    .commit = lite_commit,
    .rollback = lite_rollback,
    .savepoint = lite_savepoint,
    .exec = lite_exec,
    .fetch = lite_fetch,
    .row = lite_row,
    .cursor_close = lite_cursor_close,
    .columns = lite_columns,
    .rowcount = lite_rowcount,
    .lastrowid = lite_lastrowid,
    .exec_many = lite_exec_many,
    .copy_in = NULL,
    .script = lite_script,
    .tx_state = tx_state,
    .freshen = lite_freshen,
    .release = lite_release,
    .settle = settle,
    .alive = alive,
    .ping = lite_ping,
    .set_waiter = lite_set_waiter,
    .cancel = lite_cancel,
    .native = native,
    .forget = lite_forget,
    .waits = waits,
    .max_params = max_params,
};

const orm_driver *
orm_driver_lite(void)
{
    return &lite_driver;
}

const char *
orm_lite_library_version(void)
{
    return sqlite3_libversion();
}

const char *
orm_lite_source_id(void)
{
    return sqlite3_sourceid();
}
