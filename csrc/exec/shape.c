/*
 * shape.c - the names of a result's columns, and lookup by name or by object.
 *
 * Place: names are made once per compiled statement (or per raw result), a shape once per
 *   execution, and every Row and Result points at its shape.
 * Lookup by object is rare and slow on purpose: at the first one the shape builds a dict
 *   from the addresses of the statement's column expressions to positions. The shape owns
 *   the statement, so the addresses stay taken while the dict lives.
 * Locking: the GIL; `by_object` is filled once.
 */
#include "row_int.h"

#include "sql/sql_node.h"

/* ---- names ---- */

static void
table_put(orm_names *names, PyObject *name, int32_t at)
{
    size_t mask = (size_t)Py_SIZE(names) - 1;
    size_t i = orm_name_hash(name) & mask;

    while (names->table[i].name != NULL) {
        i = (i + 1) & mask;
    }
    names->table[i] = (orm_name_cell){name, at};
}

/* A tuple of the same names, interned, so that lookups by pointer hit. */
static PyObject *
intern_keys(PyObject *keys)
{
    Py_ssize_t n = PyTuple_GET_SIZE(keys);
    PyObject *interned = PyTuple_New(n);

    if (interned == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *key = PyTuple_GET_ITEM(keys, i); /* borrow-ok: the tuple owns it */

        if (PyUnicode_CheckExact(key)) {
            Py_INCREF(key);
            PyUnicode_InternInPlace(&key);
        }
        else if (PyUnicode_Check(key)) {
            /* A str subclass (quoted_name) is shown as a plain name. */
            key = PyUnicode_FromObject(key);
            if (key != NULL) {
                PyUnicode_InternInPlace(&key);
            }
        }
        else {
            PyErr_Format(PyExc_TypeError, "a result's keys are str, not %.100s",
                         Py_TYPE(key)->tp_name);
            key = NULL;
        }
        if (key == NULL) {
            Py_DECREF(interned);
            return NULL;
        }
        PyTuple_SET_ITEM(interned, i, key);
    }
    return interned;
}

/* name -> position. A name of two columns: None, or the later position (raw SQL, as the
 * database's own rows by name would have it). */
static PyObject *
index_keys(PyObject *keys, bool last_wins)
{
    PyObject *index = PyDict_New();

    for (Py_ssize_t i = 0; index != NULL && i < PyTuple_GET_SIZE(keys); i++) {
        PyObject *key = PyTuple_GET_ITEM(keys, i); /* borrow-ok: the tuple owns it */
        PyObject *at = NULL;
        int known = PyDict_Contains(index, key);

        if (known >= 0) {
            at = known && !last_wins ? Py_NewRef(Py_None) : PyLong_FromSsize_t(i);
        }
        if (at == NULL || PyDict_SetItem(index, key, at) < 0) {
            Py_CLEAR(index);
        }
        Py_XDECREF(at);
    }
    return index;
}

orm_names *
orm_names_new(orm_state *st, PyObject *keys, bool last_wins)
{
    Py_ssize_t n = PyTuple_GET_SIZE(keys);
    Py_ssize_t cells = 4;
    PyObject *interned = NULL;
    PyObject *index = NULL;
    orm_names *names = NULL;

    while (cells < n * 2) {
        cells *= 2;
    }
    interned = intern_keys(keys);
    index = interned == NULL ? NULL : index_keys(interned, last_wins);
    names = index == NULL ? NULL : PyObject_NewVar(orm_names, st->RowNames, cells);
    if (names == NULL) {
        Py_XDECREF(interned);
        Py_XDECREF(index);
        return NULL;
    }
    names->keys = interned;
    names->index = index;
    memset(names->table, 0, sizeof(orm_name_cell) * (size_t)cells);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *key = PyTuple_GET_ITEM(interned, i);         /* borrow-ok: names own it */
        PyObject *at = PyDict_GetItemWithError(index, key);    /* borrow-ok: names own it */

        if (at != NULL && at != Py_None && PyLong_AsSsize_t(at) == i
            && _PyType_Lookup(st->Row, key) == NULL) {
            table_put(names, key, (int32_t)i);
        }
    }
    return names;
}

int32_t
orm_names_find(const orm_names *names, PyObject *name)
{
    PyObject *at = PyDict_GetItemWithError(names->index, name); /* borrow-ok: names own it */

    if (at == NULL) {
        return PyErr_Occurred() ? ORM_AT_ERROR : ORM_AT_MISSING;
    }
    return at == Py_None ? ORM_AT_AMBIGUOUS : (int32_t)PyLong_AsLong(at);
}

static void
names_dealloc(PyObject *self)
{
    orm_names *names = (orm_names *)self;
    PyTypeObject *type = Py_TYPE(self);

    Py_XDECREF(names->keys);
    Py_XDECREF(names->index);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyType_Slot names_slots[] = {
    {Py_tp_dealloc, names_dealloc},
    {0, NULL},
};

static PyType_Spec names_spec = {
    .name = "pyorm._core.RowNames",
    .basicsize = sizeof(orm_names),
    .itemsize = sizeof(orm_name_cell),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = names_slots,
};

/* ---- shapes ---- */

PyObject *
orm_shape_make(orm_state *st, orm_names *names, PyObject *exprs, PyObject *source,
               orm_compiled *compiled)
{
    orm_shape *shape = PyObject_GC_New(orm_shape, st->RowShape);

    if (shape == NULL) {
        return NULL;
    }
    shape->st = st;
    shape->names = (orm_names *)Py_NewRef(names);
    shape->exprs = Py_XNewRef(exprs);
    shape->source = Py_XNewRef(source);
    shape->compiled = compiled == NULL ? NULL : (orm_compiled *)Py_NewRef(compiled);
    shape->by_object = NULL;
    PyObject_GC_Track(shape);
    return (PyObject *)shape;
}

PyObject *
orm_shape_new(orm_state *st, PyObject *keys, PyObject *exprs)
{
    orm_names *names = orm_names_new(st, keys, false);
    PyObject *shape = NULL;

    if (names != NULL) {
        shape = orm_shape_make(st, names, exprs, NULL, NULL);
        Py_DECREF(names);
    }
    return shape;
}

static int
shape_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_shape *shape = (orm_shape *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(shape->exprs);
    Py_VISIT(shape->source);
    Py_VISIT(shape->compiled);
    Py_VISIT(shape->by_object);
    return 0;
}

static int
shape_clear(PyObject *self)
{
    orm_shape *shape = (orm_shape *)self;

    /* names stay: a Row that outlives the clearing is still read through them. */
    Py_CLEAR(shape->exprs);
    Py_CLEAR(shape->source);
    Py_CLEAR(shape->compiled);
    Py_CLEAR(shape->by_object);
    return 0;
}

static void
shape_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    (void)shape_clear(self);
    Py_DECREF(((orm_shape *)self)->names);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot shape_slots[] = {
    {Py_tp_traverse, shape_traverse},
    {Py_tp_clear, shape_clear},
    {Py_tp_dealloc, shape_dealloc},
    {0, NULL},
};

static PyType_Spec shape_spec = {
    .name = "pyorm._core.RowShape",
    .basicsize = sizeof(orm_shape),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = shape_slots,
};

/* ---- lookup by object ---- */

/* Note a position for the address of `object`, unless an earlier column has it. */
static int
note_object(PyObject *table, const void *object, Py_ssize_t at)
{
    PyObject *key = PyLong_FromVoidPtr((void *)(uintptr_t)object);
    PyObject *position = key == NULL ? NULL : PyLong_FromSsize_t(at);
    int rc = -1;

    if (position != NULL && PyDict_SetDefault(table, key, position) != NULL) {
        rc = 0;
    }
    Py_XDECREF(key);
    Py_XDECREF(position);
    return rc;
}

/* Note a node and what is looked up in its place: the element of a label, the column of a
 * mapped attribute. */
static int
note_node(PyObject *table, const orm_node *node, Py_ssize_t at)
{
    while (node != NULL) {
        if (note_object(table, node, at) < 0) {
            return -1;
        }
        if (node->kind == ORM_N_LABEL && Py_SIZE(node) > 0) {
            node = node->args[0];
        }
        else if (node->kind == ORM_N_ATTR && Py_SIZE(node) > 1) {
            node = node->args[1];
        }
        else {
            node = NULL;
        }
    }
    return 0;
}

/* The node of an expression object; NULL without exception for anything else. */
static orm_node *
node_or_null(orm_state *st, PyObject *object)
{
    orm_node *node = orm_node_of(st, object);

    if (node == NULL) {
        PyErr_Clear();
    }
    return node;
}

static int
note_given(orm_shape *shape, PyObject *table)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(shape->exprs); i++) {
        PyObject *item = PyTuple_GET_ITEM(shape->exprs, i); /* borrow-ok: shape owns it */
        Py_ssize_t n = PyTuple_CheckExact(item) ? PyTuple_GET_SIZE(item) : 1;

        for (Py_ssize_t k = 0; k < n && item != Py_None; k++) {
            PyObject *one = PyTuple_CheckExact(item) ? PyTuple_GET_ITEM(item, k) : item;

            if (note_object(table, one, i) < 0
                || note_node(table, node_or_null(shape->st, one), i) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

/* The items of a statement that become result columns, or NULL: not known from here. */
static const orm_node *
result_items(const orm_node *node)
{
    while (node != NULL && node->kind == ORM_N_COMPOUND) {
        const orm_node *parts = node->args[ORM_SEL_COLS];

        node = parts != NULL && Py_SIZE(parts) > 0 ? parts->args[0] : NULL;
    }
    if (node == NULL) {
        return NULL;
    }
    switch (node->kind) {
    case ORM_N_SELECT:
        return node->args[ORM_SEL_COLS];
    case ORM_N_INSERT:
    case ORM_N_UPDATE:
    case ORM_N_DELETE:
        return node->args[ORM_DML_RETURNING];
    default:
        return NULL;
    }
}

/* Append an item's columns to `out`: a FROM element stands for all of its columns. */
static int
expand_item(orm_state *st, orm_node *item, PyObject *out)
{
    PyObject *object = NULL;
    PyObject *columns = NULL;
    PyObject *list = NULL;
    int rc = -1;

    if (item->kind < ORM_N_TABLE || item->kind > ORM_N_TEXTFROM) {
        return PyList_Append(out, (PyObject *)item);
    }
    object = orm_node_wrap(st, item);
    columns = object == NULL ? NULL : PyObject_GetAttrString(object, "c");
    list = columns == NULL ? NULL : PySequence_List(columns);
    if (list != NULL) {
        rc = 0;
        for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
            orm_node *node = orm_node_of(st, PyList_GET_ITEM(list, i));

            rc = node == NULL ? -1 : PyList_Append(out, (PyObject *)node);
        }
    }
    Py_XDECREF(object);
    Py_XDECREF(columns);
    Py_XDECREF(list);
    return rc;
}

/* What the executed statement itself names, where its items are as many as the columns. */
static int
note_source(orm_shape *shape, PyObject *table)
{
    const orm_node *items = result_items(node_or_null(shape->st, shape->source));
    PyObject *nodes = NULL;
    int rc = 0;

    if (items == NULL) {
        return 0;
    }
    nodes = PyList_New(0);
    if (nodes == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; rc == 0 && i < Py_SIZE(items); i++) {
        rc = expand_item(shape->st, items->args[i], nodes);
    }
    if (rc < 0) {
        /* An entity has no columns of its own to show here: the compiled ones remain. */
        PyErr_Clear();
        rc = 0;
    }
    else if (PyList_GET_SIZE(nodes) == PyTuple_GET_SIZE(shape->names->keys)) {
        for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(nodes); i++) {
            rc = note_node(table, (orm_node *)PyList_GET_ITEM(nodes, i), i);
        }
    }
    Py_DECREF(nodes);
    return rc;
}

static PyObject *
shape_objects(orm_shape *shape)
{
    PyObject *table = PyDict_New();
    int rc = table == NULL ? -1 : 0;

    if (rc == 0 && shape->exprs != NULL) {
        rc = note_given(shape, table);
    }
    if (rc == 0 && shape->source != NULL) {
        rc = note_source(shape, table);
    }
    if (rc == 0 && shape->compiled != NULL) {
        for (uint32_t i = 0; rc == 0 && i < shape->compiled->ncols; i++) {
            rc = note_node(table, shape->compiled->cols[i].expr, (Py_ssize_t)i);
        }
    }
    if (rc < 0) {
        Py_CLEAR(table);
    }
    return table;
}

PyObject *
orm_shape_pick(orm_shape *from, orm_names *names, const int32_t *pick, Py_ssize_t n)
{
    orm_shape *shape = (orm_shape *)orm_shape_make(from->st, names, from->exprs, from->source,
                                                   from->compiled);
    PyObject *table = NULL;
    PyObject *key = NULL;
    PyObject *at = NULL;
    Py_ssize_t pos = 0;

    if (shape == NULL) {
        return NULL;
    }
    if (from->by_object == NULL && (from->by_object = shape_objects(from)) == NULL) {
        goto error;
    }
    table = PyDict_New();
    if (table == NULL) {
        goto error;
    }
    while (PyDict_Next(from->by_object, &pos, &key, &at)) {
        Py_ssize_t was = PyLong_AsSsize_t(at);

        for (Py_ssize_t i = 0; i < n; i++) {
            PyObject *position = pick[i] == was ? PyLong_FromSsize_t(i) : NULL;

            if (position == NULL) {
                continue;
            }
            if (PyDict_SetItem(table, key, position) < 0) {
                Py_DECREF(position);
                goto error;
            }
            Py_DECREF(position);
            break;
        }
    }
    shape->by_object = table;
    return (PyObject *)shape;

error:
    Py_XDECREF(table);
    Py_DECREF(shape);
    return NULL;
}

static int32_t
find_address(PyObject *table, const void *object)
{
    PyObject *key = PyLong_FromVoidPtr((void *)(uintptr_t)object);
    PyObject *at = NULL;
    int32_t found = ORM_AT_ERROR;

    if (key != NULL) {
        at = PyDict_GetItemWithError(table, key); /* borrow-ok: read at once */
        if (at != NULL) {
            found = (int32_t)PyLong_AsLong(at);
        }
        else if (!PyErr_Occurred()) {
            found = ORM_AT_MISSING;
        }
        Py_DECREF(key);
    }
    return found;
}

/* A column's name, where the result was not made from expressions (text). */
static int32_t
find_by_its_name(orm_shape *shape, PyObject *key)
{
    PyObject *name = NULL;
    int32_t at = ORM_AT_MISSING;

    if (PyObject_GetOptionalAttr(key, shape->st->s_name, &name) < 0) {
        return ORM_AT_ERROR;
    }
    if (name != NULL && PyUnicode_Check(name)) {
        at = orm_names_find(shape->names, name);
        if (at >= 0 && shape->compiled != NULL && (uint32_t)at < shape->compiled->ncols
            && shape->compiled->cols[at].expr != NULL) {
            at = ORM_AT_MISSING; /* that column has an expression, and it is another one */
        }
    }
    Py_XDECREF(name);
    return at;
}

int32_t
orm_shape_find(orm_shape *shape, PyObject *key)
{
    orm_node *node = NULL;
    int32_t at;

    if (PyUnicode_Check(key)) {
        return orm_names_find(shape->names, key);
    }
    if (shape->by_object == NULL) {
        PyObject *table = shape_objects(shape);

        if (table == NULL) {
            return ORM_AT_ERROR;
        }
        Py_XSETREF(shape->by_object, table);
    }
    at = find_address(shape->by_object, key);
    node = at == ORM_AT_MISSING ? node_or_null(shape->st, key) : NULL;
    if (node != NULL) {
        at = find_address(shape->by_object, node);
        if (at == ORM_AT_MISSING && node->kind == ORM_N_ATTR && Py_SIZE(node) > 1) {
            at = find_address(shape->by_object, node->args[1]);
        }
        if (at == ORM_AT_MISSING) {
            at = find_by_its_name(shape, key);
        }
    }
    return at;
}

int
orm_shape_complain(orm_state *st, PyObject *key, int32_t answer)
{
    PyObject *shown = NULL;

    if (answer == ORM_AT_ERROR) {
        return -1;
    }
    shown = PyUnicode_Check(key) ? Py_NewRef(key) : PyObject_Str(key);
    if (shown == NULL) {
        return -1;
    }
    if (answer == ORM_AT_AMBIGUOUS) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "Ambiguous column name '%U' in result set column descriptions", shown);
    }
    else {
        orm_raise_exc(st, ORM_EXC_NoSuchColumnError,
                      "Could not locate column in row for column '%U'", shown);
    }
    Py_DECREF(shown);
    return -1;
}

int32_t
orm_shape_require(orm_shape *shape, PyObject *key)
{
    Py_ssize_t n = PyTuple_GET_SIZE(shape->names->keys);
    int32_t at;

    if (PyLong_Check(key)) {
        Py_ssize_t i = PyLong_AsSsize_t(key);

        if (i == -1 && PyErr_Occurred()) {
            return -1;
        }
        i = i < 0 ? i + n : i;
        if (i < 0 || i >= n) {
            PyErr_SetString(PyExc_IndexError, "list index out of range");
            return -1;
        }
        return (int32_t)i;
    }
    at = orm_shape_find(shape, key);
    return at >= 0 ? at : orm_shape_complain(shape->st, key, at);
}

int
orm_shape_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &names_spec, NULL, &st->RowNames) < 0
        || orm_type_add(module, st, &shape_spec, NULL, &st->RowShape) < 0) {
        return -1;
    }
    return 0;
}
