/*
 * pg_connect.c - open, set up and close a connection to PostgreSQL; the driver's table.
 *
 * Place: called by pool/ through exec/'s open callback. Keywords are libpq's, and two of
 *   ours: `prepare` ("off": statements are never named) and `pooler` ("transaction": the
 *   same, for PgBouncer and its like). libpq also reads its environment variables.
 * Defaults that libpq does not have: client_encoding UTF8 (forced: cells are decoded as
 *   UTF-8), keepalives after 30 s (10 s, 3 times), tcp_user_timeout 30 s, application name
 *   "pyorm" as fallback, 10 s per attempt (connect_timeout changes it).
 * Hosts. A list of hosts is tried one by one here, each with its own time: libpq's
 *   non-blocking way keeps no time per host. target_session_attrs=prefer-standby takes two
 *   rounds, as in libpq. Looking a name up blocks (libpq does it in PQconnectStart).
 * After a fork a child must not send one byte: orm_pg_forget puts /dev/null in the place of
 *   the socket, so that PQfinish later writes its farewell there.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/pg_calls.h"

#define CONNECT_S 10
#define CLOSE_WAIT (5 * ORM_MONO_S)

/* Keywords and values of one attempt; the first entries of a list win nothing in libpq, the
   last one does: so defaults stand first, then the URL's, then what is forced. */
typedef struct conninfo {
    const char **keys;   /* n + 1, NULL at the end; owned array, borrowed texts */
    const char **values; /* as keys */
    uint32_t n;          /* pairs */
} conninfo;

static const char *const default_pairs[][2] = {
    {"fallback_application_name", "pyorm"},
    {"keepalives", "1"},
    {"keepalives_idle", "30"},
    {"keepalives_interval", "10"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "30000"},
};
#define NDEFAULTS (sizeof(default_pairs) / sizeof(default_pairs[0]))
#define NFORCED 5 /* client_encoding, host, hostaddr, port, target_session_attrs */

static bool
is_own_key(const char *key)
{
    return strcmp(key, "prepare") == 0 || strcmp(key, "pooler") == 0;
}

static bool
says_off(const char *value)
{
    return value != NULL && (strcmp(value, "off") == 0 || strcmp(value, "0") == 0 ||
                             strcmp(value, "false") == 0 || strcmp(value, "no") == 0);
}

static void
put_pair(conninfo *ci, const char *key, const char *value)
{
    if (value == NULL) {
        return;
    }
    for (uint32_t i = 0; i < ci->n; i++) {
        if (strcmp(ci->keys[i], key) == 0) {
            ci->values[i] = value;
            return;
        }
    }
    ci->keys[ci->n] = key;
    ci->values[ci->n++] = value;
}

static int
make_conninfo(conninfo *ci, const orm_dsn *dsn, orm_err *err)
{
    size_t most = NDEFAULTS + dsn->n + NFORCED + 1;

    ci->n = 0;
    ci->keys = orm_calloc(most, sizeof(*ci->keys));
    ci->values = orm_calloc(most, sizeof(*ci->values));
    if (ci->keys == NULL || ci->values == NULL) {
        return orm_err_nomem(err);
    }
    for (size_t i = 0; i < NDEFAULTS; i++) {
        put_pair(ci, default_pairs[i][0], default_pairs[i][1]);
    }
    for (uint32_t i = 0; i < dsn->n; i++) {
        if (!is_own_key(dsn->keys[i])) {
            put_pair(ci, dsn->keys[i], dsn->values[i]);
        }
    }
    put_pair(ci, "client_encoding", "UTF8");
    return 0;
}

/* libpq's newer functions, from the very library this module is linked with. */
static void
find_api(pg_api *api)
{
    Dl_info info;
    /* A function's address is no object pointer in ISO C; POSIX says it can be copied. */
    int (*known)(void) = PQlibVersion;
    void *address;
    memcpy(&address, &known, sizeof(address));
    void *lib = NULL;

    if (dladdr(address, &info) != 0 && info.dli_fname != NULL) {
        lib = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    }
    if (lib == NULL) {
        return;
    }
#define FIND(field, name)                             \
    do {                                              \
        void *found = dlsym(lib, name);               \
        memcpy(&api->field, &found, sizeof(found));   \
    } while (0)
    FIND(set_chunked_rows, "PQsetChunkedRowsMode");
    FIND(send_close_prepared, "PQsendClosePrepared");
    FIND(cancel_create, "PQcancelCreate");
    FIND(cancel_start, "PQcancelStart");
    FIND(cancel_poll, "PQcancelPoll");
    FIND(cancel_socket, "PQcancelSocket");
    FIND(cancel_finish, "PQcancelFinish");
#undef FIND
    dlclose(lib); /* it stays loaded: this module is linked with it */
}

static void
conn_free(pg_conn *c)
{
    if (c == NULL) {
        return;
    }
    if (c->pg != NULL) {
        PQfinish(c->pg);
    }
    if (c->buckets != NULL) {
        orm_pg_stmt_free_all(c);
    }
    orm_free(c->buckets);
    orm_free(c->items);
    orm_free(c->values);
    orm_free(c->lengths);
    orm_free(c->formats);
    orm_free(c->oids);
    orm_free(c->fatal_text);
    orm_free(c->tx_error);
    orm_buf_fini(&c->saves);
    orm_buf_fini(&c->closes);
    orm_lock_fini(&c->lock);
    orm_free(c);
}

static pg_conn *
conn_new(const orm_dsn *dsn, const orm_waiter *waiter, orm_err *err)
{
    pg_conn *c = orm_calloc(1, sizeof(*c));
    if (c == NULL) {
        orm_err_nomem(err);
        return NULL;
    }
    if (orm_lock_init(&c->lock) < 0) {
        orm_free(c);
        orm_err_set(err, ORM_E_NOMEM, "no lock for a connection");
        return NULL;
    }
    orm_fork_watch();
    c->epoch = orm_fork_epoch();
    orm_pg_set_waiter((orm_conn *)c, waiter);
    orm_list_init(&c->named);
    orm_list_init(&c->seen);
    c->buckets = orm_calloc(ORM_PG_BUCKETS, sizeof(*c->buckets));
    if (c->buckets == NULL) {
        conn_free(c);
        orm_err_nomem(err);
        return NULL;
    }
    const char *pooler = orm_dsn_get(dsn, "pooler");
    c->prepare = !says_off(orm_dsn_get(dsn, "prepare")) &&
                 (pooler == NULL || strcmp(pooler, "transaction") != 0);
    c->status = PQTRANS_UNKNOWN;
    find_api(&c->api);
    return c;
}

static int
fail_connect(PGconn *pg, const char *why, orm_err *err)
{
    const char *text = pg != NULL ? PQerrorMessage(pg) : "no memory";
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '\n') {
        n--;
    }
    /* The failure of the last host is the one to tell. */
    orm_err_clear(err);
    return orm_err_set(err, ORM_E_UNAVAILABLE, "%.*s%s%s", (int)n, text,
                       n > 0 && why[0] != '\0' ? ": " : "", why);
}

/* PQconnectPoll to its end. */
static int
poll_connect(pg_conn *c, orm_mono deadline, orm_err *err)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
        short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        orm_code code =
            orm_pg_poll(&c->waiter, &c->cancelled, PQsocket(c->pg), events, deadline);
        if (code == ORM_E_TIMEOUT) {
            return fail_connect(c->pg, "no answer before the connect deadline", err);
        }
        if (code == ORM_E_SIGNAL || code == ORM_E_CANCELLED) {
            orm_err_clear(err);
            return orm_err_set(err, code, "interrupted while connecting");
        }
        if (code != ORM_OK) {
            return fail_connect(c->pg, "the socket broke", err);
        }
        state = PQconnectPoll(c->pg);
    }
    return state == PGRES_POLLING_OK ? 0 : fail_connect(c->pg, "", err);
}

/* A connection that libpq calls established becomes one of ours. */
static int
set_up(pg_conn *c, orm_err *err)
{
    const char *encoding = PQparameterStatus(c->pg, "client_encoding");
    const char *server = PQparameterStatus(c->pg, "server_version");

    if (PQprotocolVersion(c->pg) < 3 || PQserverVersion(c->pg) < 100000) {
        return orm_err_set(err, ORM_E_UNAVAILABLE, "server version %s is too old: 10 or later",
                           server != NULL ? server : "unknown");
    }
    if (encoding == NULL || (strcmp(encoding, "UTF8") != 0 && strcmp(encoding, "UNICODE") != 0)) {
        return orm_err_set(err, ORM_E_UNAVAILABLE,
                           "client_encoding is %s although UTF8 was asked for",
                           encoding != NULL ? encoding : "unknown");
    }
    if (PQsetnonblocking(c->pg, 1) != 0 || !PQenterPipelineMode(c->pg)) {
        return fail_connect(c->pg, "pipeline mode refused", err);
    }
    PQsetNoticeReceiver(c->pg, orm_pg_notice, c);
    c->status = PQtransactionStatus(c->pg);
    return 0;
}

static int
connect_one(pg_conn *c, const conninfo *ci, orm_mono deadline, orm_err *err)
{
    c->pg = PQconnectStartParams(ci->keys, ci->values, 0);
    if (c->pg != NULL && PQstatus(c->pg) != CONNECTION_BAD) {
        PQsetNoticeReceiver(c->pg, orm_pg_notice, c);
        if (poll_connect(c, deadline, err) == 0 && set_up(c, err) == 0) {
            return 0;
        }
    }
    else {
        fail_connect(c->pg, "", err);
    }
    if (c->pg != NULL) {
        PQfinish(c->pg);
        c->pg = NULL;
    }
    return -1;
}

/* Item i of a comma-separated list into `out`. false: the list is shorter. */
static bool
list_item(const char *list, unsigned i, char *out, size_t size)
{
    for (; i > 0; i--) {
        list = strchr(list, ',');
        if (list == NULL) {
            return false;
        }
        list++;
    }
    size_t n = strcspn(list, ",");
    n = n < size ? n : size - 1;
    memcpy(out, list, n);
    out[n] = '\0';
    return true;
}

/* Seconds per attempt, as a deadline. libpq: 0 or less means no limit. */
static orm_mono
attempt_deadline(const orm_dsn *dsn, orm_mono deadline)
{
    const char *text = orm_dsn_get(dsn, "connect_timeout");
    long seconds = text == NULL ? CONNECT_S : strtol(text, NULL, 10);
    if (seconds <= 0) {
        return deadline;
    }
    return orm_mono_earlier(deadline, orm_mono_now() + seconds * ORM_MONO_S);
}

/* One round over the hosts with the given session attributes (NULL: as in dsn). */
static int
connect_round(pg_conn *c, const orm_dsn *dsn, conninfo *ci, const char *attrs,
              orm_mono deadline, orm_err *err)
{
    const char *hosts = orm_dsn_get(dsn, "host");
    const char *addrs = orm_dsn_get(dsn, "hostaddr");
    const char *ports = orm_dsn_get(dsn, "port");
    const char *list = hosts != NULL ? hosts : addrs;
    char host[1024], addr[256], port[32];

    put_pair(ci, "target_session_attrs", attrs);
    if (list == NULL || strchr(list, ',') == NULL) {
        return connect_one(c, ci, attempt_deadline(dsn, deadline), err);
    }
    for (unsigned i = 0; list_item(list, i, host, sizeof(host)); i++) {
        put_pair(ci, hosts != NULL ? "host" : "hostaddr", host);
        if (hosts != NULL && addrs != NULL && list_item(addrs, i, addr, sizeof(addr))) {
            put_pair(ci, "hostaddr", addr);
        }
        /* One port serves all hosts, else there is one for each. */
        if (ports != NULL && strchr(ports, ',') != NULL &&
            list_item(ports, i, port, sizeof(port))) {
            put_pair(ci, "port", port);
        }
        if (connect_one(c, ci, attempt_deadline(dsn, deadline), err) == 0) {
            orm_err_clear(err); /* of the hosts before it */
            return 0;
        }
        if (err->code == ORM_E_SIGNAL || err->code == ORM_E_CANCELLED ||
            orm_mono_now() >= deadline) {
            return -1;
        }
    }
    return -1;
}

int
orm_pg_open(const orm_dsn *dsn, orm_mono deadline, const orm_waiter *waiter, orm_conn **out,
            orm_err *err)
{
    conninfo ci = {0};
    pg_conn *c = conn_new(dsn, waiter, err);
    int rc = -1;

    *out = NULL;
    if (c == NULL || make_conninfo(&ci, dsn, err) < 0) {
        goto done;
    }
    const char *attrs = orm_dsn_get(dsn, "target_session_attrs");
    if (attrs != NULL && strcmp(attrs, "prefer-standby") == 0) {
        rc = connect_round(c, dsn, &ci, "standby", deadline, err);
        if (rc < 0 && err->code == ORM_E_UNAVAILABLE && orm_mono_now() < deadline) {
            rc = connect_round(c, dsn, &ci, "any", deadline, err);
            if (rc == 0) {
                orm_err_clear(err);
            }
        }
    }
    else {
        rc = connect_round(c, dsn, &ci, NULL, deadline, err);
    }
done:
    orm_free(ci.keys);
    orm_free(ci.values);
    if (rc < 0) {
        conn_free(c);
        return -1;
    }
    ORM_COUNT(pg_open);
    *out = (orm_conn *)c;
    return 0;
}

void
orm_pg_close(orm_conn *conn)
{
    pg_conn *c = (pg_conn *)conn;

    if (c == NULL) {
        return;
    }
    if (c->epoch != orm_fork_epoch()) {
        orm_pg_forget(conn);
        return;
    }
    /* Another thread may still be inside; it is not waited for longer than this. */
    int taken = orm_lock_take(&c->lock, orm_mono_now() + CLOSE_WAIT);
    orm_pg_stream_cut(c, "the connection was closed");
    if (taken == ORM_LOCK_TAKEN) {
        orm_lock_release(&c->lock);
    }
    ORM_COUNT(pg_close);
    conn_free(c);
}

void
orm_pg_forget(orm_conn *conn)
{
    pg_conn *c = (pg_conn *)conn;
    int fd = PQsocket(c->pg);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd >= 0 && null >= 0) {
        (void)dup2(null, fd);
    }
    if (null >= 0) {
        close(null);
    }
    orm_pg_stream_cut(c, "the connection was opened before a fork");
    if (fd >= 0 && null < 0) {
        return; /* PQfinish would reach the server: rather leak the memory */
    }
    if (atomic_load(&c->lock.state) != 0) {
        return; /* another thread of the parent was inside: its memory cannot be trusted */
    }
    conn_free(c);
}

void
orm_pg_set_waiter(orm_conn *conn, const orm_waiter *waiter)
{
    pg_conn *c = (pg_conn *)conn;
    static const orm_waiter plain = {.wake_fd = -1};
    c->waiter = waiter != NULL ? *waiter : plain;
}

static void *
native(orm_conn *conn)
{
    return ((pg_conn *)conn)->pg;
}

static uint64_t
waits(const orm_conn *conn)
{
    return atomic_load_explicit(&((const pg_conn *)conn)->waits, memory_order_relaxed);
}

static uint32_t
max_params(const orm_conn *conn)
{
    (void)conn;
    return ORM_PG_PARAMS_MOST;
}

static int
freshen(orm_conn *conn)
{
    (void)conn;
    return 0; /* read windows are SQLite's */
}

const orm_driver *
orm_driver_pg(void)
{
    static const orm_driver driver = {
        .name = "postgresql",
        .dialect = ORM_PG,
        .open = orm_pg_open,
        .close = orm_pg_close,
        .begin = orm_pg_begin,
        .commit = orm_pg_commit,
        .rollback = orm_pg_rollback,
        .savepoint = orm_pg_savepoint,
        .exec = orm_pg_exec,
        .fetch = orm_pg_fetch,
        .row = orm_pg_row,
        .cursor_close = orm_pg_cursor_close,
        .columns = orm_pg_columns,
        .rowcount = orm_pg_rowcount,
        .lastrowid = orm_pg_lastrowid,
        .exec_many = orm_pg_exec_many,
        .copy_in = orm_pg_copy_in,
        .script = orm_pg_script,
        .tx_state = orm_pg_tx_state,
        .freshen = freshen,
        .release = orm_pg_release,
        .settle = orm_pg_settle,
        .alive = orm_pg_alive,
        .ping = orm_pg_ping,
        .set_waiter = orm_pg_set_waiter,
        .cancel = orm_pg_cancel,
        .native = native,
        .forget = orm_pg_forget,
        .waits = waits,
        .max_params = max_params,
    };
    return &driver;
}

int
orm_pg_library_version(void)
{
    return PQlibVersion();
}
