/*
 * dialect_limit.c - LIMIT, OFFSET, FETCH and FOR UPDATE, by database.
 *
 * Place: behind ORDER BY (render_select.c), through the dialect's table.
 * The text for people repeats the reference library's line breaks; SQLite's shows an OFFSET
 * or a LIMIT that nobody asked for, the wire text leaves it out.
 */
#include "compile.h"

static int
put_value(orm_cctx *cc, const orm_node *n)
{
    return n->kind == ORM_N_BIND ? orm_render_bind(cc, n, ORM_CAST_TYPE, false)
        : orm_render(cc, n);
}

/* FETCH FIRST n ROWS, with its OFFSET. Parentheses are PostgreSQL's way for expressions. */
static int
put_fetch(orm_cctx *cc, const orm_node *select, bool parens)
{
    const orm_node *offset = select->args[ORM_SEL_OFFSET], *fetch = select->args[ORM_SEL_FETCH];

    if (offset != NULL) {
        PUTS("\n OFFSET ");
        orm_buf_puts(cc->out, parens ? "(" : "");
        if (put_value(cc, offset) < 0) {
            return -1;
        }
        orm_buf_puts(cc->out, parens ? ") ROWS" : " ROWS");
    }
    PUTS("\n FETCH FIRST ");
    orm_buf_puts(cc->out, parens ? "(" : "");
    if (put_value(cc, fetch) < 0) {
        return -1;
    }
    orm_buf_puts(cc->out, parens ? ")" : "");
    orm_buf_puts(cc->out, select->aux & ORM_SELF_PERCENT ? " PERCENT ROWS " : " ROWS ");
    orm_buf_puts(cc->out, select->aux & ORM_SELF_TIES ? "WITH TIES" : "ONLY");
    return 0;
}

int
orm_limit_pg(orm_cctx *cc, const orm_node *select)
{
    const orm_node *limit = select->args[ORM_SEL_LIMIT], *offset = select->args[ORM_SEL_OFFSET];

    if (select->args[ORM_SEL_FETCH] != NULL) {
        return put_fetch(cc, select, true);
    }
    if (limit != NULL) {
        PUTS(" \n LIMIT ");
        if (put_value(cc, limit) < 0) {
            return -1;
        }
    }
    if (offset != NULL) {
        if (limit == NULL) {
            PUTS("\n LIMIT ALL");
        }
        PUTS(" OFFSET ");
        return put_value(cc, offset);
    }
    return 0;
}

int
orm_limit_default(orm_cctx *cc, const orm_node *select)
{
    const orm_node *limit = select->args[ORM_SEL_LIMIT], *offset = select->args[ORM_SEL_OFFSET];

    if (select->args[ORM_SEL_FETCH] != NULL) {
        return put_fetch(cc, select, false);
    }
    if (limit != NULL) {
        PUTS("\n LIMIT ");
        if (put_value(cc, limit) < 0) {
            return -1;
        }
    }
    if (offset != NULL) {
        if (limit == NULL) {
            PUTS("\n LIMIT -1");
        }
        PUTS(" OFFSET ");
        return put_value(cc, offset);
    }
    return 0;
}

/* A number that SQLite's grammar wants: a bind in the text for people, a digit on the wire. */
static int
put_filler(orm_cctx *cc, long number)
{
    orm_node *bind;
    PyObject *value;
    orm_type *type;

    if (cc->flags & ORM_R_WIRE) {
        orm_buf_printf(cc->out, "%ld", number);
        return 0;
    }
    value = PyLong_FromLong(number);
    type = value == NULL ? NULL : orm_type_for_value(cc->st, value);
    bind = type == NULL ? NULL : orm_bind_new(cc->st, value, type, NULL, ORM_BIND_UNIQUE);
    Py_XDECREF(type);
    Py_XDECREF(value);
    if (orm_keep(cc, (PyObject *)bind) < 0) {
        return -1;
    }
    return orm_render_bind(cc, bind, ORM_CAST_NONE, false);
}

int
orm_limit_lite(orm_cctx *cc, const orm_node *select)
{
    const orm_node *limit = select->args[ORM_SEL_LIMIT], *offset = select->args[ORM_SEL_OFFSET];

    if (select->args[ORM_SEL_FETCH] != NULL) {
        return put_fetch(cc, select, false);
    }
    if (limit == NULL && offset == NULL) {
        return 0;
    }
    PUTS("\n LIMIT ");
    if ((limit != NULL ? put_value(cc, limit) : put_filler(cc, -1)) < 0) {
        return -1;
    }
    if (offset == NULL && (cc->flags & ORM_R_WIRE)) {
        return 0;
    }
    PUTS(" OFFSET ");
    return offset != NULL ? put_value(cc, offset) : put_filler(cc, 0);
}

/* --- FOR UPDATE ------------------------------------------------------------------------- */

/* OF: each table once, also when it is named by a column. */
static int
put_lock_tables(orm_cctx *cc, const orm_node *lock)
{
    orm_fromset tables = {0};

    for (Py_ssize_t i = 0; i < nargs(lock); i++) {
        if (orm_froms_of(cc, lock->args[i], cc->env, &tables) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < tables.n; i++) {
        orm_str name;

        orm_buf_puts(cc->out, i == 0 ? " OF " : ", ");
        if (orm_from_name(cc, tables.v[i], &name) < 0 || orm_put_name(cc, name, 0) < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_lock_pg(orm_cctx *cc, const orm_node *lock)
{
    bool key = lock->aux & ORM_LOCK_KEY_SHARE;

    if (lock->aux & ORM_LOCK_READ) {
        orm_buf_puts(cc->out, key ? " FOR KEY SHARE" : " FOR SHARE");
    } else {
        orm_buf_puts(cc->out, key ? " FOR NO KEY UPDATE" : " FOR UPDATE");
    }
    if (put_lock_tables(cc, lock) < 0) {
        return -1;
    }
    if (lock->aux & ORM_LOCK_NOWAIT) {
        PUTS(" NOWAIT");
    }
    if (lock->aux & ORM_LOCK_SKIP) {
        PUTS(" SKIP LOCKED");
    }
    return 0;
}

int
orm_lock_default(orm_cctx *cc, const orm_node *lock)
{
    (void)lock;
    PUTS(" FOR UPDATE");
    return 0;
}
