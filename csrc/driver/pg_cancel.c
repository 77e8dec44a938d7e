/*
 * pg_cancel.c - stop what a server runs, and see that a server is gone without asking it.
 *
 * Place: beside pg_wait.c, which calls it when a wait has to end early.
 * A cancel request is a connection of its own to the server. With libpq >= 17 it is polled
 *   like any other; before that PQcancel blocks (name lookup, connect, answer), so it runs
 *   in a short-lived thread and only the waiting for that thread is bounded.
 * In both ways the end of the request's connection is awaited: the signal has then been
 *   sent, and cannot hit the next statement.
 * In a pipeline a cancel stops the running statement; what follows in its segment is
 *   skipped up to the Sync.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "driver/pg_calls.h"

/* A connection whose socket was looked at so long ago counts as alive: looking costs half of a
   checkout, and says nothing of the moment after it either. */
#define ALIVE_FOR (ORM_MONO_MS / 5)

/* Shared by the asking thread and the thread that blocks in PQcancel; the last one out
   frees it. */
typedef struct cancel_job {
    PGcancel *request; /* owned */
    int done_fd;       /* eventfd: readable when PQcancel came back; owned */
    int ok;            /* PQcancel's answer; written before done_fd */
    atomic_int refs;   /* 2, then 1, then freed */
} cancel_job;

static void
job_drop(cancel_job *job)
{
    if (atomic_fetch_sub(&job->refs, 1) == 1) {
        PQfreeCancel(job->request);
        close(job->done_fd);
        orm_free(job);
    }
}

static void *
job_run(void *arg)
{
    cancel_job *job = arg;
    char text[256];
    uint64_t one = 1;

    job->ok = PQcancel(job->request, text, sizeof(text));
    ssize_t put = write(job->done_fd, &one, sizeof(one));
    (void)put; /* an eventfd at 0 takes it */
    job_drop(job);
    return NULL;
}

/* Start a thread that gets no signals: they belong to the program's own threads. */
static int
start_quiet(cancel_job *job)
{
    sigset_t all, old;
    pthread_attr_t attr;
    pthread_t thread;
    int rc = -1;

    sigfillset(&all);
    if (pthread_attr_init(&attr) != 0) {
        return -1;
    }
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    if (pthread_create(&thread, &attr, job_run, job) == 0) {
        rc = 0;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return rc;
}

static int
cancel_by_thread(pg_conn *c, const orm_waiter *quiet, orm_mono deadline)
{
    cancel_job *job = orm_calloc(1, sizeof(*job));
    if (job == NULL) {
        return -1;
    }
    job->done_fd = eventfd(0, EFD_CLOEXEC);
    job->request = PQgetCancel(c->pg);
    atomic_init(&job->refs, 1);
    if (job->done_fd < 0 || job->request == NULL) {
        job_drop(job);
        return -1;
    }
    atomic_store(&job->refs, 2);
    if (start_quiet(job) < 0) {
        atomic_store(&job->refs, 1);
        job_drop(job);
        return -1;
    }
    orm_code code = orm_pg_poll(quiet, NULL, job->done_fd, POLLIN, deadline);
    int ok = code == ORM_OK ? job->ok : 0;
    job_drop(job);
    return ok ? 0 : -1;
}

static int
cancel_by_polling(pg_conn *c, const orm_waiter *quiet, orm_mono deadline)
{
    const pg_api *api = &c->api;
    int rc = -1;

    void *request = api->cancel_create(c->pg);
    if (request == NULL) {
        return -1;
    }
    if (!api->cancel_start(request)) {
        goto done;
    }
    /* As PQconnectPoll: until told otherwise it wants to write. */
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
        short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (orm_pg_poll(quiet, NULL, api->cancel_socket(request), events, deadline) != ORM_OK) {
            goto done;
        }
        state = api->cancel_poll(request);
    }
    rc = state == PGRES_POLLING_OK ? 0 : -1;
done:
    api->cancel_finish(request);
    return rc;
}

int
orm_pg_cancel_running(pg_conn *c, orm_mono deadline)
{
    orm_waiter quiet = {.wait = c->waiter.wait, .arg = c->waiter.arg, .wake_fd = -1};
    ORM_COUNT(pg_cancel);
    if (c->api.cancel_create != NULL && c->api.cancel_start != NULL &&
        c->api.cancel_poll != NULL && c->api.cancel_socket != NULL &&
        c->api.cancel_finish != NULL) {
        return cancel_by_polling(c, &quiet, deadline);
    }
    return cancel_by_thread(c, &quiet, deadline);
}

void
orm_pg_cancel(orm_conn *conn)
{
    pg_conn *c = (pg_conn *)conn;
    uint64_t one = 1;

    /* Only a note: the thread that waits sees it and sends the request itself. */
    atomic_store_explicit(&c->cancelled, 1, memory_order_release);
    int fd = c->waiter.wake_fd;
    if (fd >= 0) {
        ssize_t put = write(fd, &one, sizeof(one));
        (void)put; /* a full eventfd is readable already */
    }
}

int
orm_pg_alive(orm_conn *conn)
{
    pg_conn *c = (pg_conn *)conn;
    orm_mono now = orm_mono_now();
    orm_err err;
    int alive = 1;

    if (now - c->seen_alive < ALIVE_FOR && c->epoch == orm_fork_epoch() && !c->lost) {
        ORM_COUNT(pg_alive_recent);
        return 1; /* fast path: same answer as below, a moment ago */
    }
    orm_err_init(&err);
    if (orm_pg_enter(c, 0, &err) < 0) {
        /* In use by somebody else: then it is not for us to judge. */
        alive = err.code == ORM_E_REENTRY;
        orm_err_fini(&err);
        return alive;
    }
    struct pollfd fd = {.fd = PQsocket(c->pg), .events = POLLIN};
    c->seen_alive = now;
    if (c->first == c->last && poll(&fd, 1, 0) != 0) {
        /* An idle server speaks: a notice, a parameter's new value, its last words, or the
           end of the stream. PQisBusy makes libpq read what came. */
        ORM_COUNT(pg_alive_spoke);
        int more = PQconsumeInput(c->pg);
        (void)PQisBusy(c->pg);
        if (more && c->fatal_text == NULL) {
            /* Words and end can be in the buffer together: look once more. */
            more = PQconsumeInput(c->pg);
            (void)PQisBusy(c->pg);
        }
        if (!more || c->fatal_text != NULL || PQstatus(c->pg) == CONNECTION_BAD) {
            c->lost = true;
            alive = 0;
        }
    }
    orm_pg_leave(c);
    orm_err_fini(&err);
    return alive;
}
