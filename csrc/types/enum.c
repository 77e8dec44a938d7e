/*
 * types/enum.c - Enum: a label in the database, a member (or the label) in Python.
 *
 * Results find their member by the label's bytes in a table of the record; no str is made.
 * Parameters: a member by identity or equality, a label as a text; texts outside of the set
 * pass unless validate_strings is on, as in SQLAlchemy. On PostgreSQL the parameter is sent
 * with OID 0: the server knows the type's number and infers it.
 */
#include "types/types_int.h"

#include <string.h>

typedef struct enum_entry {
    const char *label; /* UTF-8, owned by the table's bytes; NULL: empty cell */
    size_t len;        /* bytes of label */
    PyObject *member;  /* owned */
} enum_entry;

typedef struct enum_table {
    uint32_t mask;     /* cells - 1, a power of two minus 1; at most half of them are taken */
    PyObject *labels;  /* dict: member -> label (str); NULL: members are not hashable; owned */
    PyObject *bytes;   /* list of bytes objects that the labels point into; owned */
    enum_entry cell[]; /* open addressing by hash_label */
} enum_table;

static uint32_t
hash_label(const char *p, size_t len)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)p[i]) * 16777619u;
    }
    return h;
}

static enum_entry *
find_cell(enum_table *table, const char *p, size_t len)
{
    for (uint32_t i = hash_label(p, len);; i++) {
        enum_entry *cell = &table->cell[i & table->mask];

        if (cell->label == NULL || (cell->len == len && memcmp(cell->label, p, len) == 0)) {
            return cell;
        }
    }
}

/* (labels, members, validate_strings, name) of the record. */
static PyObject *
extra_item(const orm_type *t, Py_ssize_t i)
{
    return PyTuple_GET_ITEM(t->extra, i);
}

static int
fill_table(orm_type *t, enum_table *table)
{
    PyObject *labels = extra_item(t, 0);
    PyObject *members = extra_item(t, 1);

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(labels); i++) {
        PyObject *label = PyTuple_GET_ITEM(labels, i);
        PyObject *member = PyTuple_GET_ITEM(members, i);
        PyObject *utf8 = PyUnicode_AsUTF8String(label);
        enum_entry *cell;

        if (utf8 == NULL || PyList_Append(table->bytes, utf8) < 0) {
            Py_XDECREF(utf8);
            return -1;
        }
        Py_DECREF(utf8); /* the list has it */
        cell = find_cell(table, PyBytes_AS_STRING(utf8), (size_t)PyBytes_GET_SIZE(utf8));
        cell->label = PyBytes_AS_STRING(utf8);
        cell->len = (size_t)PyBytes_GET_SIZE(utf8);
        Py_XSETREF(cell->member, Py_NewRef(member));
        /* An alias is read, too; what is written is the member's own name. */
        if (PyDict_SetDefault(table->labels, member, label) == NULL) { /* borrow-ok: not used */
            return -1;
        }
    }
    return 0;
}

int
orm_enum_table_make(orm_type *t)
{
    enum_table *table = NULL;
    size_t cells = 8;
    Py_ssize_t n;

    if (t->extra == NULL || !PyTuple_Check(t->extra) || PyTuple_GET_SIZE(t->extra) != 4
        || !PyTuple_Check(extra_item(t, 0)) || !PyTuple_Check(extra_item(t, 1))
        || PyTuple_GET_SIZE(extra_item(t, 0)) != PyTuple_GET_SIZE(extra_item(t, 1))) {
        PyErr_SetString(PyExc_TypeError, "_record_spec(): ENUM needs (labels, members, validate, "
                                         "name)");
        return -1;
    }
    n = PyTuple_GET_SIZE(extra_item(t, 0));
    while (cells < (size_t)n * 2) {
        cells *= 2;
    }
    table = PyMem_Calloc(1, sizeof(*table) + cells * sizeof(table->cell[0]));
    if (table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    t->table = table;
    table->mask = (uint32_t)cells - 1;
    table->labels = PyDict_New();
    table->bytes = PyList_New(0);
    if (table->labels == NULL || table->bytes == NULL) {
        return -1;
    }
    return fill_table(t, table);
}

void
orm_enum_table_free(orm_type *t)
{
    enum_table *table = t->table;

    t->table = NULL;
    for (uint32_t i = 0; i <= table->mask; i++) {
        Py_CLEAR(table->cell[i].member);
    }
    Py_CLEAR(table->labels);
    Py_CLEAR(table->bytes);
    PyMem_Free(table);
}

int
orm_enum_table_traverse(orm_type *t, visitproc visit, void *arg)
{
    enum_table *table = t->table;

    for (uint32_t i = 0; i <= table->mask; i++) {
        Py_VISIT(table->cell[i].member);
    }
    Py_VISIT(table->labels);
    Py_VISIT(table->bytes);
    return 0;
}

/* LookupError in SQLAlchemy's words; shown is the value as a str. -1. */
static int
raise_lookup(const orm_type *t, PyObject *v)
{
    PyObject *comma = PyUnicode_FromString(", ");
    PyObject *joined = comma == NULL ? NULL : PyUnicode_Join(comma, extra_item(t, 0));

    if (joined != NULL) {
        PyErr_Format(PyExc_LookupError,
                     "'%S' is not among the defined enum values. Enum name: %S. "
                     "Possible values: %U",
                     v, extra_item(t, 3), joined);
    }
    Py_XDECREF(comma);
    Py_XDECREF(joined);
    return -1;
}

int
orm_enum_label(orm_type *t, PyObject *v, PyObject **label)
{
    enum_table *table = t->table;
    int rc = PyDict_GetItemRef(table->labels, v, label);

    if (rc > 0) {
        return 1;
    }
    if (rc < 0) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError)) {
            return -1;
        }
        PyErr_Clear(); /* not hashable: surely no member */
    }
    if (PyUnicode_Check(v)) {
        PyObject *known = extra_item(t, 0);
        int found = extra_item(t, 2) != Py_True ? 1 : PySequence_Contains(known, v);

        if (found != 0) {
            *label = found > 0 ? Py_NewRef(v) : NULL;
            return found;
        }
    }
    return raise_lookup(t, v);
}

static int
encode_enum(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    PyObject *label = NULL;
    PyObject *exact = NULL;
    int rc;

    if (orm_enum_label(t, v, &label) < 0) {
        return -1;
    }
    /* A member of class E(str, Enum) is a str whose own text is what is meant. */
    exact = PyUnicode_CheckExact(label) ? Py_NewRef(label) : PyUnicode_FromObject(label);
    rc = exact == NULL ? -1 : orm_text_encode(c, exact, c->dialect == ORM_PG ? t->oid : 0, out);
    Py_XDECREF(exact);
    Py_DECREF(label);
    return rc;
}

int
orm_enum_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return encode_enum(c, t, v, out);
}

int
orm_enum_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return encode_enum(c, t, v, out);
}

PyObject *
orm_enum_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    enum_entry *found = find_cell(t->table, cell->p, (size_t)cell->len);
    PyObject *text;

    if (found->label != NULL) {
        return Py_NewRef(found->member);
    }
    text = orm_text_from_utf8(c, cell->p, cell->len);
    if (text != NULL) {
        raise_lookup(t, text);
        Py_DECREF(text);
    }
    return NULL;
}

PyObject *
orm_enum_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    PyObject *value = NULL;

    if (cell->kind == ORM_V_TEXT) {
        return orm_enum_decode_pg(c, t, cell);
    }
    value = orm_value_decode_lite(c, t, cell);
    if (value != NULL) {
        raise_lookup(t, value);
        Py_DECREF(value);
    }
    return NULL;
}
