/*
 * render_bind.c - bound values: their names, their records, their markers in the text.
 *
 * Place: from render_expr.c and render_dml*.c; text_finish.c turns the markers into placeholders.
 * Invariants: one record per name and per BIND object; a record used twice is one `$n`.
 *   Each occurrence has an entry of its own, because the cast depends on where it stands.
 *   A value never becomes text, except for literal_binds, and where SQLite needs a
 *   constant (then the text serves one execution only).
 */
#include "compile.h"

static uint64_t
hash_name(orm_str s)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    }
    return h;
}

static int
same_node(const void *value, const void *key)
{
    return ((const orm_bindrec *)value)->node == key;
}

static int
same_name(const void *value, const void *key)
{
    return orm_str_eq(((const orm_bindrec *)value)->name, *(const orm_str *)key);
}

/* --- gather ordinals -------------------------------------------------------------------- */

/* The ordinal of a BIND in the gathered values; ORM_SLOT_BY_NAME: not there. */
static uint32_t
ordinal_of(orm_cctx *cc, const orm_node *bind)
{
    for (uint32_t i = 0; cc->values != NULL && i < cc->values->n; i++) {
        /* Binds are mostly met in the order they were gathered in. */
        uint32_t k = (cc->next_ordinal + i) % cc->values->n;

        if (cc->values->binds[k] == bind) {
            cc->next_ordinal = k + 1;
            return k;
        }
    }
    return ORM_SLOT_BY_NAME;
}

PyObject *
orm_bind_value(orm_cctx *cc, const orm_node *bind)
{
    uint32_t i;

    if (cc->values == NULL) {
        return bind->payload;
    }
    i = ordinal_of(cc, bind);
    return i == ORM_SLOT_BY_NAME ? bind->payload : cc->values->v[i];
}

/* --- records ---------------------------------------------------------------------------- */

static orm_bindrec *
new_record(orm_cctx *cc, orm_str name)
{
    orm_bindrec *rec = orm_arena_alloc(&cc->arena, sizeof(*rec));

    if (rec != NULL && cc->nrecs == cc->caprecs) {
        size_t cap = cc->caprecs == 0 ? 32 : cc->caprecs * 2;
        orm_bindrec **v = PyMem_Realloc(cc->recs, cap * sizeof(*v));

        if (v == NULL) {
            rec = NULL;
        } else {
            cc->recs = v;
            cc->caprecs = cap;
        }
    }
    if (rec == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *rec = (orm_bindrec){.name = name, .ordinal = ORM_SLOT_BY_NAME, .index = (uint32_t)cc->nrecs};
    if (orm_ptrmap_put(&cc->rec_by_name, hash_name(name), rec) < 0) {
        PyErr_NoMemory();
        return NULL;
    }
    cc->recs[cc->nrecs++] = rec;
    return rec;
}

static orm_bindrec *
find_name(orm_cctx *cc, orm_str name)
{
    orm_ptrcell *cell = orm_ptrmap_find(&cc->rec_by_name, hash_name(name), same_name, &name);

    return cell == NULL ? NULL : cell->value;
}

/* The body of a counted name as the reference writes it: no blanks, %, $ or parentheses. */
static int
clean_body(orm_cctx *cc, orm_str raw, orm_str *out)
{
    char *p;
    size_t n = 0, i = 0;

    *out = raw;
    while (i < raw.n && strchr("%() $", raw.p[i]) == NULL) {
        i++;
    }
    if (i == raw.n) {
        return 0;
    }
    p = orm_arena_alloc(&cc->arena, raw.n);
    if (p == NULL) {
        return orm_no_memory();
    }
    for (i = 0; i < raw.n; i++) {
        if (raw.p[i] != '\0' && strchr("%() $", raw.p[i]) != NULL) {
            if (n > 0 && p[n - 1] == '_' && i > 0 && strchr("%() $", raw.p[i - 1]) != NULL) {
                continue;
            }
            p[n++] = '_';
        } else {
            p[n++] = raw.p[i];
        }
    }
    while (n > 0 && p[n - 1] == '_') {
        n--;
    }
    i = 0;
    while (i < n && p[i] == '_') {
        i++;
    }
    *out = (orm_str){p + i, n - i};
    return 0;
}

static int
final_name(orm_cctx *cc, const orm_node *bind, orm_str *out)
{
    orm_str raw;

    if (orm_str_of(orm_bind_name(bind), &raw) < 0) {
        return -1;
    }
    if (!(bind->aux & ORM_BIND_UNIQUE)) {
        *out = raw;
        return 0;
    }
    if (clean_body(cc, raw, &raw) < 0) {
        return -1;
    }
    return orm_anon_name(cc, bind, 0, raw, out);
}

/* Note a BIND under a name; `name` NULL: its own. */
static orm_bindrec *
record(orm_cctx *cc, const orm_node *bind, const orm_str *given)
{
    uint64_t hash = (uint64_t)(uintptr_t)bind >> 4;
    orm_ptrcell *cell = orm_ptrmap_find(&cc->rec_by_node, hash, same_node, bind);
    orm_bindrec *rec;
    orm_str name;
    bool unique = given == NULL && (bind->aux & ORM_BIND_UNIQUE);

    if (cell != NULL) {
        return cell->value;
    }
    if (given != NULL) {
        name = *given;
    } else if (final_name(cc, bind, &name) < 0) {
        return NULL;
    }
    rec = find_name(cc, name);
    if (rec != NULL && rec->node != NULL && (unique || rec->unique)) {
        orm_name_error(cc, "Bind parameter '%U' conflicts with unique bind parameter of "
                              "the same name", name);
        return NULL;
    }
    if (rec != NULL && rec->stored && given == NULL) {
        orm_name_error(cc, "bindparam() name '%U' is reserved for automatic usage in the "
                              "VALUES or SET clause of this insert/update statement.   Please "
                              "use a name other than column name when using bindparam() with "
                              "insert() or update() (for example, 'b_%U').", name);
        return NULL;
    }
    if (rec == NULL && (rec = new_record(cc, name)) == NULL) {
        return NULL;
    }
    rec->node = (orm_node *)bind;
    rec->unique = unique;
    rec->type = bind->type;
    rec->flags = bind->aux;
    rec->ordinal = ordinal_of(cc, bind);
    if (rec->ordinal == ORM_SLOT_BY_NAME && cc->has_default_sql
        && !(bind->aux & ORM_BIND_NO_VALUE)) {
        rec->value = bind->payload; /* the schema's, not the statement's: nothing gathers it */
    }
    if (orm_ptrmap_put(&cc->rec_by_node, hash, rec) < 0) {
        PyErr_NoMemory();
        return NULL;
    }
    return rec;
}

orm_bindrec *
orm_bind_record(orm_cctx *cc, const orm_node *bind)
{
    return record(cc, bind, NULL);
}

orm_bindrec *
orm_bind_as(orm_cctx *cc, const orm_node *bind, orm_str name)
{
    return record(cc, bind, &name);
}

orm_bindrec *
orm_bind_by_name(orm_cctx *cc, orm_str name, orm_type *type)
{
    orm_bindrec *rec = find_name(cc, name);

    if (rec == NULL && (rec = new_record(cc, name)) != NULL) {
        rec->type = type;
        rec->flags = ORM_BIND_REQUIRED | ORM_BIND_NO_VALUE;
    }
    return rec;
}

/* --- markers ---------------------------------------------------------------------------- */

static int
put_occurrence(orm_cctx *cc, orm_occ occ)
{
    if (cc->noccs == cc->capoccs) {
        size_t cap = cc->capoccs == 0 ? 32 : cc->capoccs * 2;
        orm_occ *v = PyMem_Realloc(cc->occs, cap * sizeof(*v));

        if (v == NULL) {
            return orm_no_memory();
        }
        cc->occs = v;
        cc->capoccs = cap;
    }
    cc->occs[cc->noccs] = occ;
    orm_buf_printf(cc->out, "\x01%zu\x01", cc->noccs++);
    return 0;
}

int
orm_put_marker(orm_cctx *cc, orm_bindrec *rec, int cast, bool force)
{
    return put_occurrence(cc, (orm_occ){.rec = rec->index, .cast = (uint8_t)cast, .force = force});
}

/* A type with bind_expression(): what stands around the placeholder. */
static int
put_wrapped(orm_cctx *cc, orm_node *bind)
{
    PyObject *made = PyObject_CallMethod(bind->type->engine, "bind_expression", "O", bind);
    orm_node *expr = NULL;
    bool before = cc->plain_binds;
    int rc = made == NULL ? -1 : orm_coerce_element(cc->st, made, &expr);

    Py_XDECREF(made);
    if (rc <= 0 || orm_keep(cc, (PyObject *)expr) < 0) {
        return rc < 0 || PyErr_Occurred() ? -1
            : orm_compile_error(cc, "bind_expression() returned no SQL expression.");
    }
    cc->plain_binds = true;
    rc = orm_render(cc, expr);
    cc->plain_binds = before;
    return rc;
}

static bool
is_wrapped(const orm_cctx *cc, const orm_type *type)
{
    return type != NULL && (type->flags & ORM_TF_BIND_EXPR) && !cc->plain_binds;
}

int
orm_put_typed_marker(orm_cctx *cc, orm_bindrec *rec)
{
    PyObject *name;

    if (!is_wrapped(cc, rec->type)) {
        return orm_put_marker(cc, rec, ORM_CAST_TYPE, false);
    }
    if (rec->node == NULL) {
        name = PyUnicode_FromStringAndSize(rec->name.p, (Py_ssize_t)rec->name.n);
        rec->node = name == NULL ? NULL : orm_bind_new(cc->st, NULL, rec->type, name, 0);
        Py_XDECREF(name);
        if (orm_keep(cc, (PyObject *)rec->node) < 0) {
            rec->node = NULL;
            return -1;
        }
        if (orm_ptrmap_put(&cc->rec_by_node, (uint64_t)(uintptr_t)rec->node >> 4, rec) < 0) {
            return orm_no_memory();
        }
    }
    return put_wrapped(cc, rec->node);
}

/* The value must stand in the text: asked for, or a place where SQLite takes no parameter. */
static bool
as_literal(const orm_cctx *cc)
{
    if (cc->flags & ORM_R_LITERALS) {
        return true;
    }
    return (cc->flags & ORM_R_WIRE) && cc->constants;
}

static int
put_value(orm_cctx *cc, const orm_node *bind)
{
    PyObject *value = orm_bind_value(cc, bind), *made = NULL;
    int rc;

    if (value == NULL || (bind->aux & ORM_BIND_NO_VALUE)) {
        orm_str name;

        if (final_name(cc, bind, &name) < 0) {
            return -1;
        }
        return orm_name_error(cc, "Bind parameter '%U' without a renderable value not "
                                     "allowed here.", name);
    }
    if (bind->aux & ORM_BIND_CALLABLE) {
        made = PyObject_CallNoArgs(value);
        if (made == NULL) {
            return -1;
        }
        value = made;
    }
    cc->uncacheable |= (cc->flags & ORM_R_WIRE) != 0;
    rc = orm_put_literal(cc, bind->type, value);
    Py_XDECREF(made);
    return rc;
}

int
orm_render_constant_bind(orm_cctx *cc, const orm_node *bind)
{
    orm_bindrec *rec;

    if (cc->flags & (ORM_R_WIRE | ORM_R_LITERALS)) {
        return orm_render_bind(cc, bind, ORM_CAST_TYPE, true);
    }
    rec = orm_bind_record(cc, bind);
    return rec == NULL ? -1 : put_occurrence(cc, (orm_occ){.rec = rec->index, .in = ORM_IN_TOKEN});
}

int
orm_render_bind(orm_cctx *cc, const orm_node *bind, int cast, bool force)
{
    orm_bindrec *rec;

    if (is_wrapped(cc, bind->type) && !(bind->aux & ORM_BIND_EXPANDING)) {
        return put_wrapped(cc, (orm_node *)bind);
    }

    if (as_literal(cc)) {
        return put_value(cc, bind);
    }
    rec = orm_bind_record(cc, bind);
    if (rec == NULL) {
        return -1;
    }
    if (!(cc->flags & ORM_R_WIRE)
        && ((bind->aux & (ORM_BIND_LITERAL_EXECUTE | ORM_BIND_EXPANDING)) || cc->constants)) {
        return put_occurrence(cc, (orm_occ){.rec = rec->index, .in = ORM_IN_TOKEN});
    }
    return orm_put_marker(cc, rec, cast, force);
}

/* --- IN --------------------------------------------------------------------------------- */

/* What stands in the parentheses of IN where the list is empty: never a match, of any type. */
static void
put_empty_list(orm_cctx *cc, bool negate)
{
    if (cc->d->id == ORM_LITE) {
        PUTS("SELECT 1 FROM (SELECT 1) WHERE 1!=1");
    } else if (negate) {
        PUTS("NULL) OR (1 = 1");
    } else {
        PUTS("NULL) AND (1 != 1");
    }
}

/* 1, 2, 3 with the values written in. */
static int
put_literal_list(orm_cctx *cc, const orm_node *bind, bool negate)
{
    PyObject *values = orm_bind_value(cc, bind);
    Py_ssize_t n = values == NULL || !PyTuple_Check(values) ? 0 : PyTuple_GET_SIZE(values);

    if (values == NULL || !PyTuple_Check(values)) {
        return put_value(cc, bind);
    }
    if (n == 0) {
        put_empty_list(cc, negate);
        return 0;
    }
    if (bind->aux >> ORM_BIND_TUPLE_SHIFT && cc->d->id == ORM_LITE) {
        PUTS("VALUES "); /* SQLite has no list of row values */
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        if (orm_put_literal(cc, bind->type, PyTuple_GET_ITEM(values, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* How the wire text writes the list. */
static int
in_way(orm_cctx *cc, const orm_node *bind)
{
    PyObject *values = orm_bind_value(cc, bind);
    /* The execution may give a named bind another list, of another length. */
    bool known = values != NULL && PyTuple_Check(values) && (bind->aux & ORM_BIND_UNIQUE)
                 && !(bind->aux & ORM_BIND_NO_VALUE);
    orm_type *type = orm_type_impl(bind->type, cc->d->id == ORM_LITE ? ORM_LITE : ORM_PG);

    if (bind->aux >> ORM_BIND_TUPLE_SHIFT) {
        return ORM_IN_LIST;
    }
    if (known && PyTuple_GET_SIZE(values) == 1) {
        return ORM_IN_ONE;
    }
    if (cc->d->id == ORM_PG && type->array_oid != 0 && !(type->flags & ORM_TF_BIND_EXPR)) {
        return ORM_IN_ARRAY;
    }
    return ORM_IN_LIST;
}

int
orm_render_in_bind(orm_cctx *cc, const orm_node *bind, bool negate)
{
    orm_bindrec *rec;
    int way;

    if (as_literal(cc)) {
        orm_buf_puts(cc->out, negate ? " NOT IN (" : " IN (");
        if (put_literal_list(cc, bind, negate) < 0) {
            return -1;
        }
        orm_buf_putc(cc->out, ')');
        return 0;
    }
    if (!(cc->flags & ORM_R_WIRE)) {
        orm_buf_puts(cc->out, negate ? " NOT IN (" : " IN (");
        if (orm_render_bind(cc, bind, ORM_CAST_NONE, false) < 0) {
            return -1;
        }
        orm_buf_putc(cc->out, ')');
        return 0;
    }
    rec = orm_bind_record(cc, bind);
    if (rec == NULL) {
        return -1;
    }
    way = in_way(cc, bind);
    if (way == ORM_IN_ARRAY) {
        orm_buf_puts(cc->out, negate ? " <> ALL (" : " = ANY (");
    } else {
        orm_buf_puts(cc->out, negate ? " NOT IN (" : " IN (");
    }
    if (put_occurrence(cc, (orm_occ){.rec = rec->index, .cast = ORM_CAST_NONE,
                                     .in = (uint8_t)way,
                                     .arity = bind->aux >> ORM_BIND_TUPLE_SHIFT}) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

int
orm_render_list_bind(orm_cctx *cc, const orm_node *bind)
{
    orm_bindrec *rec;
    int rc;

    orm_buf_putc(cc->out, '(');
    if (as_literal(cc)) {
        rc = put_literal_list(cc, bind, false);
    } else if (!(cc->flags & ORM_R_WIRE)) {
        rc = orm_render_bind(cc, bind, ORM_CAST_NONE, false);
    } else {
        rec = orm_bind_record(cc, bind);
        rc = rec == NULL ? -1
                         : put_occurrence(cc, (orm_occ){.rec = rec->index,
                                                        .cast = ORM_CAST_NONE,
                                                        .in = ORM_IN_LIST,
                                                        .arity = bind->aux >> ORM_BIND_TUPLE_SHIFT});
    }
    orm_buf_putc(cc->out, ')');
    return rc;
}
