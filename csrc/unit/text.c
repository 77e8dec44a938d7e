/*
 * unit/text.c - the statements of the unit of work, as they go over the wire.
 *
 * Place: asked by the write_*.c files; a text is made once per shape, dialect and way and kept
 *   by the shape. The statements are plain: one table, columns, placeholders, a key; names come
 *   quoted from pyorm.orm._unit. Everything with an expression in it goes through sql/ instead.
 * Parameters: the written columns in the table's order, then the key in the identity's order,
 *   then the old version.
 * PostgreSQL: types travel as OIDs with the parameters, so nothing is cast.
 */
#include "unit/unit_int.h"

#include <string.h>

typedef struct writer {
    orm_wplan *p;
    orm_wshape *s;
    orm_buf buf;
    uint32_t params;      /* placeholders written so far */
    uint8_t dialect;
    PyObject *schema;     /* in the place of the table's own, or NULL */
    bool failed;          /* an exception is set */
} writer;

static const char *
dialect_name(uint8_t dialect)
{
    return dialect == ORM_PG ? "postgresql" : "sqlite";
}

PyObject *
orm_default_text(orm_wplan *p, orm_wdefault *d, uint8_t dialect)
{
    PyObject *function = NULL;

    if (d->text[dialect] == NULL) {
        function = orm_import_once(&p->st->unit_default, "pyorm.orm._unit", "default_text");
        if (function != NULL) {
            PyObject *text =
                PyObject_CallFunction(function, "Os", d->value, dialect_name(dialect));

            Py_XSETREF(d->text[dialect], text); /* another thread may have been faster */
        }
    }
    return d->text[dialect];
}

/* A str into the text; NULL: an exception is set. */
static void
put_str(writer *w, PyObject *s)
{
    Py_ssize_t len = 0;
    const char *p = s == NULL ? NULL : PyUnicode_AsUTF8AndSize(s, &len); /* utf8-ok: a name */

    if (p == NULL) {
        w->failed = true;
        return;
    }
    orm_buf_put(&w->buf, p, (size_t)len);
}

static void
put_column(writer *w, uint32_t i)
{
    put_str(w, w->p->cols[i].quoted[w->dialect]);
}

static void
put_table(writer *w)
{
    PyObject *function = orm_import_once(&w->p->st->unit_table, "pyorm.orm._unit", "table_name");
    PyObject *name = NULL;

    if (function != NULL) {
        name = PyObject_CallFunction(function, "OsO", w->p->table, dialect_name(w->dialect),
                                     w->schema == NULL ? Py_None : w->schema);
    }
    put_str(w, name);
    Py_XDECREF(name);
}

static void
put_param(writer *w)
{
    if (w->dialect == ORM_PG) {
        orm_buf_printf(&w->buf, "$%u", ++w->params);
    }
    else {
        w->params++;
        orm_buf_putc(&w->buf, '?');
    }
}

/* The SQL of column i's default, where the statement holds it: 1 and it was put (behind
 * `between`), 0: the column is not named. */
static int
sql_default(writer *w, uint32_t i, PyObject **text)
{
    orm_wcol *c = &w->p->cols[i];
    orm_wdefault *d = w->s->op == ORM_OP_INSERT ? &c->insert : &c->update;

    if (orm_bit_get(w->s->bits, i) || c->flags & ORM_W_COMPUTED
        || (d->kind != ORM_D_SQL && d->kind != ORM_D_SEQUENCE)) {
        return 0;
    }
    *text = orm_default_text(w->p, d, w->dialect);
    if (*text == NULL) {
        w->failed = true;
        return 0;
    }
    return *text != Py_None;
}

static void
put_returning(writer *w)
{
    for (uint32_t i = 0; i < w->s->nfetch; i++) {
        orm_buf_puts(&w->buf, i == 0 ? " RETURNING " : ", ");
        put_column(w, w->s->fetch[i]);
    }
}

/* " (a, b)": the columns that an INSERT names. Answers how many. */
static uint32_t
put_insert_columns(writer *w, int32_t extra)
{
    uint32_t n = 0;
    PyObject *text = NULL;

    for (uint32_t i = 0; i < w->p->ncols; i++) {
        if (orm_bit_get(w->s->bits, i) || (int32_t)i == extra || sql_default(w, i, &text)) {
            orm_buf_puts(&w->buf, n++ == 0 ? " (" : ", ");
            put_column(w, i);
        }
    }
    orm_buf_puts(&w->buf, n > 0 ? ")" : "");
    return n;
}

/* "($1, $2, now())" in the order of put_insert_columns. */
static void
put_insert_values(writer *w, int32_t extra)
{
    uint32_t n = 0;
    PyObject *text = NULL;

    for (uint32_t i = 0; i < w->p->ncols; i++) {
        bool written = orm_bit_get(w->s->bits, i) || (int32_t)i == extra;

        if (written || sql_default(w, i, &text)) {
            orm_buf_puts(&w->buf, n++ == 0 ? "(" : ", ");
            if (written) {
                put_param(w);
            }
            else {
                put_str(w, text);
            }
        }
    }
    orm_buf_putc(&w->buf, ')');
}

/* --- INSERT ----------------------------------------------------------------------------------- */

static void
put_insert_rows(writer *w, uint32_t rows, int32_t extra, bool returning)
{
    orm_buf_puts(&w->buf, "INSERT INTO ");
    put_table(w);
    if (put_insert_columns(w, extra) == 0) {
        orm_buf_puts(&w->buf, " DEFAULT VALUES");
    }
    else {
        for (uint32_t i = 0; i < rows; i++) {
            orm_buf_puts(&w->buf, i == 0 ? " VALUES " : ", ");
            put_insert_values(w, extra);
        }
    }
    if (returning) {
        put_returning(w);
    }
}

/* "unnest($1, $2) ": one array per parameter of a set. */
static void
put_unnest(writer *w, uint32_t n)
{
    orm_buf_puts(&w->buf, "unnest(");
    for (uint32_t i = 0; i < n; i++) {
        orm_buf_puts(&w->buf, i == 0 ? "" : ", ");
        put_param(w);
    }
    orm_buf_puts(&w->buf, ")");
}

/* "_0, _1" */
static void
put_array_names(writer *w, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        orm_buf_printf(&w->buf, i == 0 ? "_%u" : ", _%u", i);
    }
}

static void
put_insert_unnest(writer *w, bool returning)
{
    uint32_t n = 0;
    uint32_t written = 0;
    PyObject *text = NULL;

    orm_buf_puts(&w->buf, "INSERT INTO ");
    put_table(w);
    put_insert_columns(w, -1);
    for (uint32_t i = 0; i < w->p->ncols; i++) {
        if (orm_bit_get(w->s->bits, i)) {
            orm_buf_printf(&w->buf, n++ == 0 ? " SELECT p._%u" : ", p._%u", written++);
        }
        else if (sql_default(w, i, &text)) {
            orm_buf_puts(&w->buf, n++ == 0 ? " SELECT " : ", ");
            put_str(w, text);
        }
    }
    orm_buf_puts(&w->buf, " FROM ");
    put_unnest(w, w->s->nset);
    orm_buf_puts(&w->buf, " WITH ORDINALITY AS p(");
    put_array_names(w, w->s->nset);
    orm_buf_puts(&w->buf, ", _o) ORDER BY p._o");
    if (returning) {
        put_returning(w);
    }
    for (uint32_t k = 0; returning && !w->s->numbered && k < w->p->npk; k++) {
        orm_buf_puts(&w->buf, ", ");
        put_column(w, w->p->pk[k]);
    }
}

static void
put_copy(writer *w)
{
    int32_t key = w->s->key_only ? w->p->numbered : -1;

    orm_buf_puts(&w->buf, "COPY ");
    put_table(w);
    put_insert_columns(w, key);
    orm_buf_puts(&w->buf, " FROM STDIN (FORMAT BINARY)");
}

/* --- UPDATE, DELETE --------------------------------------------------------------------------- */

/* " SET a = $1, b = now()"; of an unnest: "a = p._0". */
static void
put_set(writer *w, bool unnest)
{
    uint32_t n = 0;
    uint32_t written = 0;
    PyObject *text = NULL;

    for (uint32_t i = 0; i < w->p->ncols; i++) {
        bool bit = orm_bit_get(w->s->bits, i);

        if (!bit && !sql_default(w, i, &text)) {
            continue;
        }
        orm_buf_puts(&w->buf, n++ == 0 ? " SET " : ", ");
        put_column(w, i);
        orm_buf_puts(&w->buf, " = ");
        if (!bit) {
            put_str(w, text);
        }
        else if (unnest) {
            orm_buf_printf(&w->buf, "p._%u", written++);
        }
        else {
            put_param(w);
        }
    }
}

/* The columns of WHERE: the key and, where rows have versions, the version. */
static uint32_t
where_columns(const orm_wplan *p)
{
    return p->npk + (p->version >= 0 ? 1 : 0);
}

/* " WHERE id = $3 AND version = $4"; of an unnest: " WHERE t.id = p._2 ...". */
static void
put_where(writer *w, bool unnest)
{
    for (uint32_t k = 0; k < where_columns(w->p); k++) {
        orm_buf_puts(&w->buf, k == 0 ? " WHERE " : " AND ");
        orm_buf_puts(&w->buf, unnest ? "t." : "");
        put_column(w, k < w->p->npk ? w->p->pk[k] : (uint32_t)w->p->version);
        if (k == w->p->npk && w->dialect == ORM_PG
            && w->p->cols[w->p->version].flags & ORM_W_SYSTEM) {
            orm_buf_puts(&w->buf, "::text"); /* xmin has no other comparison with a str */
        }
        if (unnest) {
            orm_buf_printf(&w->buf, " = p._%u", w->s->nset + k);
        }
        else {
            orm_buf_puts(&w->buf, " = ");
            put_param(w);
        }
    }
}

static void
put_update(writer *w, bool unnest, bool returning)
{
    uint32_t n = orm_wshape_nparams(w->p, w->s);

    orm_buf_puts(&w->buf, "UPDATE ");
    put_table(w);
    orm_buf_puts(&w->buf, unnest ? " AS t" : "");
    put_set(w, unnest);
    if (unnest) {
        orm_buf_puts(&w->buf, " FROM ");
        put_unnest(w, n);
        orm_buf_puts(&w->buf, " AS p(");
        put_array_names(w, n);
        orm_buf_puts(&w->buf, ")");
    }
    put_where(w, unnest);
    if (returning) {
        put_returning(w);
    }
}

static void
put_delete(writer *w, bool unnest)
{
    uint32_t n = where_columns(w->p);

    orm_buf_puts(&w->buf, "DELETE FROM ");
    put_table(w);
    if (unnest && n == 1) {
        orm_buf_puts(&w->buf, " WHERE ");
        put_column(w, w->p->pk[0]);
        orm_buf_puts(&w->buf, " = ANY (");
        put_param(w);
        orm_buf_puts(&w->buf, ")");
        return;
    }
    if (unnest) {
        orm_buf_puts(&w->buf, " AS t USING ");
        put_unnest(w, n);
        orm_buf_puts(&w->buf, " AS p(");
        put_array_names(w, n);
        orm_buf_puts(&w->buf, ")");
    }
    put_where(w, unnest);
}

/* --- texts of a shape --------------------------------------------------------------------------- */

static void
put_text(writer *w, uint8_t way, bool returning, uint32_t rows)
{
    switch (w->s->op) {
    case ORM_OP_UPDATE:
        put_update(w, way == ORM_WAY_UNNEST, returning);
        break;
    case ORM_OP_DELETE:
        put_delete(w, way == ORM_WAY_UNNEST);
        break;
    default:
        if (way == ORM_WAY_UNNEST) {
            put_insert_unnest(w, returning);
        }
        else if (way == ORM_WAY_COPY) {
            put_copy(w);
        }
        else {
            int32_t key = way == ORM_WAY_VALUES && w->s->key_only ? w->p->numbered : -1;

            put_insert_rows(w, rows, key, returning);
        }
    }
}

void
orm_wtext_free(orm_wtext *t)
{
    orm_free((char *)(uintptr_t)t->text.sql);
    Py_CLEAR(t->schema);
    PyMem_Free(t);
}

static orm_wtext *
make_text(orm_wplan *p, orm_wshape *s, uint8_t dialect, uint8_t way, bool returning,
          uint32_t rows, PyObject *schema)
{
    static const uint8_t verbs[] = {ORM_VERB_INSERT, ORM_VERB_UPDATE, ORM_VERB_DELETE};
    writer w = {.p = p, .s = s, .dialect = dialect, .schema = schema};
    orm_wtext *t = NULL;
    size_t len = 0;
    char *bytes = NULL;

    put_text(&w, way, returning, rows);
    bytes = orm_buf_steal(&w.buf, &len);
    t = bytes == NULL || w.failed ? NULL : PyMem_Calloc(1, sizeof(*t));
    if (t == NULL) {
        orm_free(bytes);
        if (!w.failed) {
            PyErr_NoMemory();
        }
        return NULL;
    }
    *t = (orm_wtext){.text = {.sql = bytes,
                              .len = len,
                              .id = orm_unit_text_id(p->st),
                              .verb = way == ORM_WAY_COPY ? ORM_VERB_OTHER : verbs[s->op],
                              .flags = ORM_TEXT_OWN_SHAPE},
                     .schema = Py_XNewRef(schema),
                     .rows = rows,
                     .dialect = dialect,
                     .way = way,
                     .returning = returning};
    return t;
}

static bool
same_schema(PyObject *a, PyObject *b)
{
    return a == b || (a != NULL && b != NULL && PyUnicode_Compare(a, b) == 0);
}

const orm_wtext *
orm_wtext_of(orm_wplan *p, orm_wshape *s, uint8_t dialect, uint8_t way, bool returning,
             uint32_t rows, PyObject *schema)
{
    orm_wtext **texts = NULL;
    orm_wtext *t = NULL;

    for (uint32_t i = 0; i < s->ntexts; i++) {
        t = s->texts[i];
        if (t->dialect == dialect && t->way == way && t->returning == returning && t->rows == rows
            && same_schema(t->schema, schema)) {
            return t;
        }
    }
    t = make_text(p, s, dialect, way, returning, rows, schema); /* runs Python: before the array */
    texts = t == NULL ? NULL : PyMem_Realloc(s->texts, (s->ntexts + 1) * sizeof(*texts));
    if (texts == NULL) {
        if (t != NULL) {
            orm_wtext_free(t);
            PyErr_NoMemory();
        }
        return NULL;
    }
    s->texts = texts;
    s->texts[s->ntexts++] = t;
    return t;
}
