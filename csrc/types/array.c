/*
 * types/array.c - PostgreSQL's arrays as lists (or tuples) of any depth.
 *
 * Out: the leaves are gathered in order while the shape is checked (a ragged list is
 *   refused), then encoded one behind the other: binary where the element type has a number
 *   and a binary form here, else as the text form '{"a",NULL}', whose type the server infers.
 * In: binary; the element's decoder is chosen by the element type that the wire names.
 * SQLite has no arrays.
 */
#include "types/types_int.h"

#include <string.h>

/* The shape of a nested list and its leaves. */
typedef struct array_shape {
    int32_t ndim;                  /* 0: empty */
    int32_t size[ORM_WIRE_MAXDIM]; /* per dimension, outermost first; -1: not seen yet */
    bool has_null;                 /* a leaf is None */
    PyObject *leaves;              /* list, owned */
} array_shape;

static int
is_sequence(PyObject *v)
{
    return PyList_Check(v) || PyTuple_Check(v);
}

/* How deep v is: by the first element of each level. */
static int32_t
depth_of(PyObject *v)
{
    int32_t depth = 0;

    while (is_sequence(v) && depth < ORM_WIRE_MAXDIM) {
        depth++;
        if (PySequence_Fast_GET_SIZE(v) == 0) {
            break;
        }
        v = PySequence_Fast_GET_ITEM(v, 0);
    }
    return depth;
}

static int
gather(orm_bindctx *c, array_shape *shape, PyObject *v, int32_t level)
{
    Py_ssize_t n;

    if (level == shape->ndim) {
        shape->has_null |= v == Py_None;
        return PyList_Append(shape->leaves, v);
    }
    if (!is_sequence(v)) {
        return orm_bind_error(c, v, "an array of %d dimensions has %.200R in place of a list",
                              (int)shape->ndim, v);
    }
    n = PySequence_Fast_GET_SIZE(v);
    if (shape->size[level] >= 0 && shape->size[level] != n) {
        return orm_bind_error(c, v, "the lists of an array must all have the same length: one of "
                                    "dimension %d has %zd elements, another %d",
                              (int)level + 1, n, (int)shape->size[level]);
    }
    if (n == 0 && level > 0) {
        return orm_bind_error(c, v, "PostgreSQL has no empty array inside of an array");
    }
    shape->size[level] = (int32_t)n;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(v); i++) {
        PyObject *item = Py_NewRef(PySequence_Fast_GET_ITEM(v, i));
        int rc = gather(c, shape, item, level + 1);

        Py_DECREF(item);
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

/* Take v apart. dimensions -1: as deep as it is. 0/-1; leaves must be freed in any case. */
static int
shape_of(orm_bindctx *c, PyObject *v, int32_t dimensions, bool flat_items, array_shape *shape)
{
    *shape = (array_shape){.leaves = PyList_New(0)};
    if (shape->leaves == NULL) {
        return -1;
    }
    for (int i = 0; i < ORM_WIRE_MAXDIM; i++) {
        shape->size[i] = -1;
    }
    if (dimensions > ORM_WIRE_MAXDIM) {
        return orm_bind_error(c, v, "PostgreSQL's arrays have at most %d dimensions",
                              ORM_WIRE_MAXDIM);
    }
    shape->ndim = dimensions > 0 ? dimensions : flat_items ? 1 : depth_of(v);
    if (gather(c, shape, v, 0) < 0) {
        return -1;
    }
    if (PyList_GET_SIZE(shape->leaves) == 0) {
        shape->ndim = 0;
    }
    return 0;
}

/* Whether the element type's values are the same bytes in a binary array as alone. */
static bool
has_binary_form(const orm_type *item)
{
    switch (item->kind) {
    case ORM_T_INT16:
    case ORM_T_INT32:
    case ORM_T_INT64:
    case ORM_T_FLOAT32:
    case ORM_T_FLOAT:
    case ORM_T_NUMERIC:
    case ORM_T_BOOL:
    case ORM_T_STRING:
    case ORM_T_TEXT:
    case ORM_T_BYTES:
    case ORM_T_DATE:
    case ORM_T_TIME:
    case ORM_T_DATETIME:
    case ORM_T_INTERVAL:
    case ORM_T_UUID:
    case ORM_T_JSON:
    case ORM_T_RANGE:
    case ORM_T_MULTIRANGE:
        return item->oid != 0;
    case ORM_T_DECORATOR:
        return has_binary_form(item->impl[ORM_PG]);
    default:
        return false;
    }
}

/* Whether the leaves, which are not stored, need int8: one is out of int4's range, or what
 * a decorator makes of them is not known yet. */
static bool
needs_int8(const array_shape *shape, const orm_type *item)
{
    if (item->kind == ORM_T_DECORATOR) {
        return true;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(shape->leaves); i++) {
        PyObject *leaf = PyList_GET_ITEM(shape->leaves, i); /* borrow-ok: the list owns it */
        int overflow = 0;
        long value;

        if (leaf == Py_None) {
            continue;
        }
        if (!PyLong_Check(leaf)) {
            return true;
        }
        value = PyLong_AsLongAndOverflow(leaf, &overflow);
        if (overflow != 0 || value < INT32_MIN || value > INT32_MAX) {
            return true;
        }
    }
    return false;
}

/* The element OID of a binary array. */
static uint32_t
element_oid(const orm_bindctx *c, const orm_type *item)
{
    if (!c->stored && (item->kind == ORM_T_INT16 || item->kind == ORM_T_INT32)) {
        return c->wide ? OID_INT8 : OID_INT4;
    }
    return item->oid;
}

static uint32_t
array_oid_of(uint32_t oid, const orm_type *item)
{
    switch (oid) {
    case OID_INT4:
        return 1007;
    case OID_INT8:
        return 1016;
    default:
        return item->array_oid;
    }
}

/* A range may be given as a text, which has no place in a binary array. */
static bool
impl_is_range(orm_type *item)
{
    orm_type *impl = orm_type_impl(item, ORM_PG);

    return impl->kind == ORM_T_RANGE || impl->kind == ORM_T_MULTIRANGE;
}

static int
put_binary(orm_bindctx *c, orm_type *item, array_shape *shape, uint32_t oid, orm_buf *buf)
{
    orm_buf_put_array(buf, oid, shape->has_null, shape->ndim, shape->size);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(shape->leaves); i++) {
        orm_param param;
        PyObject *leaf = Py_NewRef(PyList_GET_ITEM(shape->leaves, i));
        int rc = orm_type_encode(c, item, leaf, &param);

        if (rc == 0 && param.kind != ORM_V_NULL
            && (param.oid != oid || (param.format == 0 && impl_is_range(item)))) {
            rc = orm_bind_error(c, leaf, "%.200R does not fit among the elements of %.200R", leaf,
                                item->engine);
        }
        Py_DECREF(leaf);
        if (rc < 0) {
            return -1;
        }
        if (param.kind == ORM_V_NULL) {
            orm_buf_put_null(buf);
        }
        else {
            orm_buf_put_elem(buf, param.u.p, param.len);
        }
    }
    return 0;
}

static void
put_quoted(orm_buf *buf, const char *p, int32_t len)
{
    orm_buf_putc(buf, '"');
    for (int32_t i = 0; i < len; i++) {
        if (p[i] == '"' || p[i] == '\\') {
            orm_buf_putc(buf, '\\');
        }
        orm_buf_putc(buf, p[i]);
    }
    orm_buf_putc(buf, '"');
}

/* Braces that close and open between two leaves: as many as dimensions are complete. */
static void
put_braces(orm_buf *buf, const array_shape *shape, Py_ssize_t done)
{
    int32_t n = 0;
    Py_ssize_t block = 1;

    for (int32_t level = shape->ndim - 1; level >= 0; level--) {
        block *= shape->size[level];
        if (done % block != 0) {
            break;
        }
        n++;
    }
    for (int32_t i = 0; done > 0 && i < n; i++) {
        orm_buf_putc(buf, '}');
    }
    if (done == PyList_GET_SIZE(shape->leaves)) {
        return;
    }
    if (done > 0) {
        orm_buf_putc(buf, ',');
    }
    for (int32_t i = 0; i < (done == 0 ? shape->ndim : n); i++) {
        orm_buf_putc(buf, '{');
    }
}

static int
put_text(orm_bindctx *c, orm_type *item, array_shape *shape, orm_buf *buf)
{
    Py_ssize_t n = PyList_GET_SIZE(shape->leaves);

    if (n == 0) {
        orm_buf_puts(buf, "{}");
        return 0;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        orm_param param;
        PyObject *leaf = Py_NewRef(PyList_GET_ITEM(shape->leaves, i));
        int rc = orm_type_encode(c, item, leaf, &param);

        if (rc == 0 && param.kind != ORM_V_NULL && param.format != 0) {
            rc = orm_bind_error(c, leaf, "an array of %.200R takes no %.200R", item->engine, leaf);
        }
        Py_DECREF(leaf);
        if (rc < 0) {
            return -1;
        }
        put_braces(buf, shape, i);
        if (param.kind == ORM_V_NULL) {
            orm_buf_puts(buf, "NULL");
        }
        else {
            put_quoted(buf, param.u.p, param.len);
        }
    }
    put_braces(buf, shape, n);
    return 0;
}

static int
encode_array(orm_bindctx *c, orm_type *item, PyObject *v, int32_t dimensions, orm_param *out)
{
    orm_type *impl = orm_type_impl(item, ORM_PG);
    bool binary = has_binary_form(impl);
    bool flat_items = impl->kind == ORM_T_JSON || impl->kind == ORM_T_JSONB
                      || impl->kind == ORM_T_DECORATOR || impl->kind == ORM_T_USER;
    uint32_t oid = 0;
    PyObject *owners = c->owners;
    uint8_t wide = c->wide;
    array_shape shape;
    orm_buf buf;
    int rc = -1;

    orm_buf_init(&buf);
    c->owners = NULL; /* everything is copied into the array anyway */
    if (shape_of(c, v, dimensions, flat_items, &shape) < 0) {
        goto done;
    }
    c->wide = !c->stored && needs_int8(&shape, item);
    oid = element_oid(c, impl);
    rc = binary ? put_binary(c, item, &shape, oid, &buf) : put_text(c, item, &shape, &buf);

done:
    c->owners = owners;
    c->wide = wide;
    Py_XDECREF(shape.leaves);
    if (rc < 0) {
        orm_buf_fini(&buf);
        return -1;
    }
    return orm_bind_buf(c, &buf, binary ? ORM_V_BLOB : ORM_V_TEXT, binary, array_oid_of(oid, impl), out);
}

/* The type of the first leaf that is not None; NULL type if there is none. New reference. */
static orm_type *
item_of_value(orm_state *st, PyObject *v)
{
    while (is_sequence(v)) {
        Py_ssize_t n = PySequence_Fast_GET_SIZE(v);
        Py_ssize_t i = 0;

        while (i < n && PySequence_Fast_GET_ITEM(v, i) == Py_None) {
            i++;
        }
        if (i == n) {
            return orm_type_for_value(st, Py_None);
        }
        v = PySequence_Fast_GET_ITEM(v, i);
    }
    return orm_type_for_value(st, v);
}

int
orm_array_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    orm_type *item = NULL;
    int rc;

    if (!is_sequence(v)) {
        return orm_bind_type_error(c, t, v, "a list");
    }
    if (t->item != NULL) {
        return encode_array(c, t->item, v, t->scale, out);
    }
    item = item_of_value(c->st, v);
    if (item == NULL) {
        return -1;
    }
    rc = encode_array(c, item, v, -1, out);
    Py_DECREF(item);
    return rc;
}

int
orm_type_encode_array(orm_bindctx *c, orm_type *item, PyObject *values, orm_param *out)
{
    PyObject *list = PySequence_Fast(values, "an array needs a sequence of values");
    int rc = list == NULL ? -1 : encode_array(c, item, list, 1, out);

    Py_XDECREF(list);
    return rc;
}

int
orm_array_encode_lite(orm_bindctx *c, orm_type *Py_UNUSED(t), PyObject *v,
                      orm_param *Py_UNUSED(out))
{
    return orm_bind_error(c, v, "SQLite has no arrays: use JSON");
}

/* --- results --------------------------------------------------------------------------- */

/* Read the elements of one dimension, and those below it. New reference. */
static PyObject *
read_level(orm_decctx *c, orm_type *t, const orm_decoder *decoder, orm_wire *w,
           const orm_array_head *head, int32_t level)
{
    int32_t n = head->size[level];
    bool as_tuple = (t->flags & ORM_TF_AS_TUPLE) != 0;
    PyObject *into = as_tuple ? PyTuple_New(n) : PyList_New(n);

    for (int32_t i = 0; into != NULL && i < n; i++) {
        PyObject *value = NULL;

        if (level + 1 < head->ndim) {
            value = read_level(c, t, decoder, w, head, level + 1);
        }
        else {
            orm_cell cell = {.kind = ORM_V_BLOB};
            int rc = orm_wire_elem(w, &cell.p, &cell.len);

            if (rc < 0) {
                value = orm_decode_error(c, "the database sent a malformed array");
            }
            else if (rc == 0 && !decoder->null_aware) {
                value = Py_NewRef(Py_None);
            }
            else {
                cell.kind = rc == 0 ? ORM_V_NULL : ORM_V_BLOB;
                value = decoder->fn(c, decoder->type, &cell);
            }
        }
        if (value == NULL) {
            Py_CLEAR(into);
        }
        else if (as_tuple) {
            PyTuple_SET_ITEM(into, i, value);
        }
        else {
            PyList_SET_ITEM(into, i, value);
        }
    }
    return into;
}

PyObject *
orm_array_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    orm_wire w = orm_wire_over(cell->p, (size_t)cell->len);
    orm_array_head head;
    orm_decoder decoder;

    if (cell->kind == ORM_V_TEXT || orm_wire_array_head(&w, &head) < 0) {
        return orm_decode_malformed(c, t, cell);
    }
    if (head.ndim == 0) {
        return (t->flags & ORM_TF_AS_TUPLE) ? PyTuple_New(0) : PyList_New(0);
    }
    if (orm_decoder_pick(c->st, t->item, ORM_PG, head.elem_oid, &decoder) < 0) {
        return NULL;
    }
    return read_level(c, t, &decoder, &w, &head, 0);
}

PyObject *
orm_array_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return orm_value_decode_lite(c, t, cell);
}
