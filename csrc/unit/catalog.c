/*
 * unit/catalog.c - what a database's catalogue says of a table that is written in bulk.
 *
 * Place: asked before a way over the wire is chosen that is faster only if the table is as
 *   plain as its mapping says; one question per table and engine, kept for ten seconds, because
 *   somebody may add a trigger or a rule at any time. Neither log nor listeners see it.
 * PostgreSQL: triggers BEFORE ROW may change or drop rows; INSERT rules and row security do not
 *   apply to COPY as they do to INSERT; keys come in order only from one sequence that counts
 *   without a cycle; a role may lack the right to call nextval().
 * SQLite: the key is the row's number only if the database made no index for it; a trigger may
 *   insert elsewhere and so take numbers.
 */
#include "unit/unit_int.h"

#include <string.h>

#define FACTS_AGE (INT64_C(10) * 1000 * 1000 * 1000) /* ns that an answer is believed */

static const char PG_QUESTION[] =
    "WITH t AS (SELECT c.oid, c.relkind, c.relhasrules FROM pg_catalog.pg_class c"
    " WHERE c.oid = $1::pg_catalog.regclass),"
    " parts AS (SELECT oid FROM t UNION"
    " SELECT p.relid FROM t, pg_catalog.pg_partition_tree(t.oid) p),"
    " seq AS (SELECT s.seqrelid, s.seqincrement, s.seqcycle FROM pg_catalog.pg_sequence s"
    " WHERE $2 <> '' AND s.seqrelid ="
    " pg_catalog.pg_get_serial_sequence($1, $2)::pg_catalog.regclass),"
    " quiet AS (SELECT t.relkind IN ('r', 'p') AND NOT t.relhasrules AND NOT EXISTS"
    " (SELECT FROM pg_catalog.pg_trigger g, parts WHERE g.tgrelid = parts.oid"
    " AND NOT g.tgisinternal AND g.tgtype & 7 = 7) AS yes FROM t)"
    " SELECT quiet.yes AND EXISTS (SELECT FROM seq WHERE NOT seqcycle),"
    " quiet.yes AND NOT pg_catalog.row_security_active(t.oid) AND NOT EXISTS"
    " (SELECT FROM pg_catalog.pg_class c, parts WHERE c.oid = parts.oid"
    " AND c.relkind NOT IN ('r', 'p')),"
    " COALESCE((SELECT pg_catalog.has_sequence_privilege(seqrelid, 'USAGE') FROM seq), false),"
    " COALESCE((SELECT seqrelid::pg_catalog.regclass::text FROM seq), ''),"
    " (SELECT string_agg(a.attname || E'\\x01' || a.atttypid, E'\\x02')"
    " FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0"
    " AND NOT a.attisdropped) FROM t, quiet";

/* %s: the name of the schema's table of tables; pragma functions take the schema as ?2. */
static const char LITE_QUESTION[] =
    "SELECT EXISTS (SELECT 1 FROM %s WHERE type = 'table' AND name = ?1 COLLATE NOCASE)"
    " AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1, ?2) WHERE origin = 'pk')"
    " AND (SELECT count(*) FROM pragma_table_info(?1, ?2) WHERE pk > 0) = 1,"
    " NOT EXISTS (SELECT 1 FROM %s WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE)";

/* --- asking --------------------------------------------------------------------------------------- */

/* A name as a text parameter, copied into the batch arena. 0 / -1. */
static int
text_param(orm_work *w, PyObject *name, orm_param *out)
{
    Py_ssize_t len = 0;
    const char *p = PyUnicode_AsUTF8AndSize(name, &len); /* utf8-ok: a name */
    char *copy = p == NULL ? NULL : orm_arena_dup(&w->batch, p, (size_t)len);

    if (copy == NULL) {
        if (p != NULL) {
            PyErr_NoMemory();
        }
        return -1;
    }
    *out = (orm_param){.kind = ORM_V_TEXT, .oid = 25, .len = (int32_t)len, .u.p = copy};
    return 0;
}

/* Run the question; *cells are those of its one row. 1 / 0 no row / -1. rows: to be freed. */
static int
ask(orm_ubase *b, const orm_sqltext *text, const orm_param *params, orm_result **rows,
    const orm_cell **cells)
{
    orm_many many = {.text = text, .params = params, .nsets = 1, .nparams = 2, .quiet = true};

    if (orm_exec_many(b->conn, &many, rows) < 0) {
        return -1;
    }
    return orm_result_next(*rows, cells);
}

static bool
is_true(const orm_cell *c)
{
    if (c->kind == ORM_V_INT) {
        return c->u.i != 0;
    }
    return c->len == 1 && (c->p[0] == 1 || c->p[0] == 't');
}

/* Whether two types have the same binary form. */
static bool
same_form(uint32_t a, uint32_t b)
{
    bool text_a = a == 25 || a == 1042 || a == 1043;
    bool text_b = b == 25 || b == 1042 || b == 1043;

    return a == b || (text_a && text_b);
}

/* The type that the catalogue's list "name 1 oid 2 name 1 oid" gives a column, 0: none. */
static uint32_t
listed_type(const orm_cell *list, const char *name, size_t len)
{
    const char *at = list->p;
    const char *end = list->p + list->len;

    while (at < end) {
        const char *stop = memchr(at, 2, (size_t)(end - at));
        const char *sep = memchr(at, 1, (size_t)(end - at));

        stop = stop == NULL ? end : stop;
        if (sep != NULL && (size_t)(sep - at) == len && memcmp(at, name, len) == 0) {
            uint32_t oid = 0;

            for (const char *c = sep + 1; c < stop; c++) {
                oid = oid * 10 + (uint32_t)(*c - '0');
            }
            return oid;
        }
        at = stop + 1;
    }
    return 0;
}

/* COPY casts nothing: are the columns of the table what their mapping says? 1, 0, -1. */
static int
has_same_types(const orm_wplan *p, const orm_cell *list)
{
    for (uint32_t i = 0; i < p->ncols; i++) {
        Py_ssize_t len = 0;
        const char *name = PyUnicode_AsUTF8AndSize(p->cols[i].name, &len); /* utf8-ok: a name */

        if (name == NULL) {
            return -1;
        }
        if (!same_form(orm_type_oid(p->cols[i].type),
                       list->kind == ORM_V_NULL ? 0 : listed_type(list, name, (size_t)len))) {
            return 0;
        }
    }
    return 1;
}

static int
ask_pg(orm_work *w, orm_ubase *b, orm_wplan *p, orm_wfacts *facts)
{
    orm_sqltext text = {.sql = PG_QUESTION, .len = sizeof(PG_QUESTION) - 1,
                        .verb = ORM_VERB_SELECT, .flags = ORM_TEXT_BOUNDED};
    PyObject *function = orm_import_once(&p->st->unit_table, "pyorm.orm._unit", "table_name");
    PyObject *name = NULL;
    orm_result *rows = NULL;
    const orm_cell *cells = NULL;
    orm_param params[2];
    int rc = -1;

    if (function != NULL) {
        name = PyObject_CallFunction(function, "OsO", p->table, "postgresql",
                                     b->schema == NULL ? Py_None : b->schema);
    }
    params[1] = (orm_param){.kind = ORM_V_TEXT, .oid = 25, .u.p = ""};
    if (name == NULL || text_param(w, name, &params[0]) < 0
        || (p->numbered >= 0 && text_param(w, p->cols[p->numbered].name, &params[1]) < 0)) {
        goto done;
    }
    rc = ask(b, &text, params, &rows, &cells);
    if (rc > 0) {
        facts->ordered = is_true(&cells[0]);
        rc = is_true(&cells[1]) ? has_same_types(p, &cells[4]) : 0;
        facts->plain = rc > 0;
        facts->numbered = is_true(&cells[2]);
        orm_free(facts->sequence);
        facts->sequence = orm_strndup(cells[3].p, (size_t)cells[3].len);
        rc = rc < 0 ? -1 : facts->sequence == NULL ? (PyErr_NoMemory(), -1) : 0;
    }

done:
    Py_XDECREF(name);
    orm_result_free(rows);
    return rc;
}

static int
ask_lite(orm_work *w, orm_ubase *b, orm_wplan *p, orm_wfacts *facts)
{
    PyObject *schema = b->schema != NULL ? Py_NewRef(b->schema)
                                         : PyObject_GetAttrString(p->table, "schema");
    bool none = schema == Py_None || (schema != NULL && PyUnicode_GET_LENGTH(schema) == 0);
    const char *quoted = "main.sqlite_master";
    orm_buf buf = {0};
    orm_buf name = {0};
    orm_sqltext text = {.verb = ORM_VERB_SELECT};
    orm_result *rows = NULL;
    const orm_cell *cells = NULL;
    orm_param params[2] = {{0}, {0}};
    int rc = -1;

    if (schema == NULL || text_param(w, p->name, &params[0]) < 0) {
        goto done;
    }
    if (none) {
        params[1] = (orm_param){.kind = ORM_V_TEXT, .len = 4, .u.p = "main"};
    }
    else if (text_param(w, schema, &params[1]) < 0) {
        goto done;
    }
    else {
        orm_buf_putc(&name, '"');
        for (int32_t i = 0; i < params[1].len; i++) {
            orm_buf_put(&name, "\"\"", params[1].u.p[i] == '"' ? 1 : 0);
            orm_buf_putc(&name, params[1].u.p[i]);
        }
        orm_buf_puts(&name, "\".sqlite_master");
        quoted = orm_buf_cstr(&name);
    }
    if (quoted != NULL) {
        orm_buf_printf(&buf, LITE_QUESTION, quoted, quoted);
    }
    text.sql = quoted == NULL ? NULL : orm_buf_cstr(&buf);
    text.len = buf.len;
    if (text.sql == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    rc = ask(b, &text, params, &rows, &cells);
    if (rc > 0) {
        facts->rowid = is_true(&cells[0]);
        facts->ordered = facts->rowid && is_true(&cells[1]);
        rc = 0;
    }

done:
    Py_XDECREF(schema);
    orm_result_free(rows);
    orm_buf_fini(&buf);
    orm_buf_fini(&name);
    return rc;
}

/* --- remembering ----------------------------------------------------------------------------------- */

static bool
is_entry_of(const orm_wfacts *f, PyObject *engine, PyObject *schema)
{
    PyObject *living = NULL;
    bool same;

    if (PyWeakref_GetRef(f->engine, &living) <= 0) {
        return false;
    }
    Py_DECREF(living); /* the caller holds its engine; only addresses are compared */
    same = (f->schema == NULL) == (schema == NULL)
           && (schema == NULL || PyUnicode_Compare(f->schema, schema) == 0);
    return living == engine && same;
}

/* One more entry. It never moves: another thread's flush may look at it. */
static orm_wfacts *
add_entry(orm_wplan *p)
{
    orm_wfacts **facts = PyMem_Realloc(p->facts, (p->nfacts + 1) * sizeof(*facts));
    orm_wfacts *f = facts == NULL ? NULL : PyMem_Calloc(1, sizeof(*f));

    p->facts = facts == NULL ? p->facts : facts;
    if (f == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    p->facts[p->nfacts++] = f;
    return f;
}

/* The entry of this engine, made or taken over from an engine that is gone. */
static orm_wfacts *
entry_of(orm_wplan *p, PyObject *engine, PyObject *schema)
{
    orm_wfacts *f = NULL;
    PyObject *ref = NULL;

    for (uint32_t i = 0; i < p->nfacts; i++) {
        if (is_entry_of(p->facts[i], engine, schema)) {
            return p->facts[i];
        }
    }
    ref = PyWeakref_NewRef(engine, NULL);
    for (uint32_t i = 0; ref != NULL && i < p->nfacts && f == NULL; i++) {
        PyObject *living = NULL;

        f = PyWeakref_GetRef(p->facts[i]->engine, &living) == 0 ? p->facts[i] : NULL;
        Py_XDECREF(living);
    }
    if (ref != NULL && f == NULL) {
        f = add_entry(p);
    }
    if (f == NULL) {
        Py_XDECREF(ref);
        return NULL;
    }
    Py_CLEAR(f->engine);
    Py_CLEAR(f->schema);
    orm_free(f->sequence);
    *f = (orm_wfacts){.engine = ref, .schema = Py_XNewRef(schema)};
    return f;
}

orm_wfacts *
orm_wfacts_of(orm_work *w, orm_ubase *b, orm_wplan *p)
{
    orm_wfacts *f = entry_of(p, orm_connection_engine(b->conn), b->schema);
    orm_wfacts found = {0};
    orm_mono now = orm_mono_now();
    int rc;

    if (f == NULL || (f->asked != 0 && now - f->asked < FACTS_AGE)) {
        return f;
    }
    rc = b->dialect == ORM_PG ? ask_pg(w, b, p, &found) : ask_lite(w, b, p, &found);
    if (rc < 0) {
        return NULL;
    }
    f = entry_of(p, orm_connection_engine(b->conn), b->schema); /* asking may run Python */
    if (f == NULL) {
        orm_free(found.sequence);
        return NULL;
    }
    orm_free(f->sequence);
    f->asked = now;
    f->ordered = found.ordered;
    f->rowid = found.rowid;
    f->plain = found.plain;
    f->numbered = found.numbered;
    f->sequence = found.sequence;
    return f;
}
