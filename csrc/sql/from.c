/*
 * from.c - FROM elements: aliases, subqueries, CTEs, joins, and the columns they export.
 *
 * Place: alias(), subquery(), cte(), lateral(), join() end here. `.c` of an element is made
 *   at first use and kept in the element's cache cell, so that `sub.c.x is sub.c.x`.
 * Leaf: a column of an alias is (selectable instance, column): COLREF with its position.
 * Join condition: by the foreign keys that the two sides' base columns declare.
 * Ownership: returns new references. Locking: the GIL; foreign keys are asked in Python.
 */
#include "sql_int.h"

/* ---- constructors ------------------------------------------------------------------------ */
orm_node *
orm_alias_new(orm_state *st, orm_kind kind, orm_node *element, PyObject *name, uint32_t aux)
{
    Py_ssize_t nargs = kind == ORM_N_CTE ? ORM_CTE__COUNT : kind == ORM_N_ALIAS ? 4 : 2;
    orm_node *n = orm_node_new(st, NULL, kind, nargs);

    if (n == NULL) {
        return NULL;
    }
    n->aux = aux;
    n->payload = Py_XNewRef(name);
    n->args[0] = (orm_node *)Py_NewRef((PyObject *)element);
    if (orm_node_seal(st, n) < 0) {
        Py_DECREF(n);
        return NULL;
    }
    return n;
}

orm_node *
orm_join_new(orm_state *st, orm_node *l, orm_node *r, orm_node *on, uint32_t aux)
{
    orm_node *n = orm_node_new(st, NULL, ORM_N_JOIN, 4);

    if (n == NULL) {
        return NULL;
    }
    n->aux = aux;
    n->args[0] = (orm_node *)Py_XNewRef((PyObject *)l);
    n->args[1] = (orm_node *)Py_NewRef((PyObject *)r);
    n->args[2] = (orm_node *)Py_XNewRef((PyObject *)on);
    if (orm_node_seal(st, n) < 0) {
        Py_DECREF(n);
        return NULL;
    }
    return n;
}

/* ---- exported columns -------------------------------------------------------------------- */
static int
append_collection(orm_state *st, PyObject *list, PyObject *coll)
{
    Py_ssize_t i;

    for (i = 0; i < orm_collection_size(coll); i++) {
        orm_node *n = orm_node_of(st, orm_collection_item(coll, i));

        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The columns of a SELECT list: entities by orm/'s word, bundles by their parts. 0 / -1. */
static int
append_items(orm_state *st, PyObject *list, orm_node *cols, const orm_node *options)
{
    const orm_sql_orm_ops *ops = orm_sql_get_orm_ops(st);
    int rc = 0;

    for (Py_ssize_t i = 0; rc == 0 && i < cols->ob_base.ob_size; i++) {
        orm_node *c = cols->args[i];

        if (c->kind == ORM_N_ENTITY && ops != NULL && ops->entity_columns != NULL) {
            rc = ops->entity_columns(st, c, options, list);
        }
        else if (c->kind == ORM_N_ENTITY) {
            PyObject *coll = orm_from_columns(st, c->args[0]);

            rc = coll == NULL ? -1 : append_collection(st, list, coll);
            Py_XDECREF(coll);
        }
        else if (c->kind == ORM_N_LIST && c->payload != NULL) {
            rc = append_items(st, list, c, options);
        }
        else {
            rc = PyList_Append(list, (PyObject *)c);
        }
    }
    return rc;
}

PyObject *
orm_stmt_columns(orm_state *st, orm_node *stmt)
{
    PyObject *list = PyList_New(0);
    orm_node *cols = NULL;
    const orm_node *options = NULL;

    while (stmt->kind == ORM_N_COMPOUND) {
        stmt = stmt->args[ORM_SEL_COLS]->args[0];
    }
    switch (stmt->kind) {
    case ORM_N_SELECT:
        cols = stmt->args[ORM_SEL_COLS];
        options = stmt->aux & ORM_SELF_AS_LOADED ? stmt->args[ORM_SEL_OPTIONS] : NULL;
        break;
    case ORM_N_TEXTFROM:
        cols = stmt->args[1];
        break;
    case ORM_N_INSERT:
    case ORM_N_UPDATE:
    case ORM_N_DELETE:
        cols = stmt->args[ORM_DML_RETURNING];
        break;
    case ORM_N_VALUES:
        cols = stmt->args[0];
        break;
    case ORM_N_SUBQUERY:
    case ORM_N_CTE:
        Py_XDECREF(list);
        return orm_stmt_columns(st, stmt->args[0]);
    default:
        break;
    }
    if (list != NULL && cols != NULL && append_items(st, list, cols, options) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

/* A key that is free in `coll`: key, key_1, key_2 ... New ref. */
PyObject *
orm_free_key(PyObject *coll, PyObject *key)
{
    PyObject *name = Py_NewRef(key);
    int i;

    for (i = 1; name != NULL && orm_collection_get(coll, name) != NULL; i++) {
        Py_SETREF(name, PyUnicode_FromFormat("%U_%d", key, i));
    }
    if (PyErr_Occurred()) {
        Py_CLEAR(name);
    }
    return name;
}

/* The key of a statement's column by its label style. New ref, or NULL (no error): anonymous. */
static PyObject *
export_key(orm_state *st, orm_node *c, unsigned style)
{
    orm_node *table = c->kind == ORM_N_COLUMN || c->kind == ORM_N_COLREF ? c->args[0] : NULL;
    PyObject *key = orm_node_key(st, c);
    PyObject *prefix = NULL;

    if (style != ORM_LABEL_TABLENAME || key == NULL || table == NULL) {
        return key;
    }
    prefix = table->kind == ORM_N_TABLE ? orm_node_named(table)->name : table->payload;
    if (prefix != NULL && PyUnicode_Check(prefix)) {
        Py_SETREF(key, PyUnicode_FromFormat("%U_%U", prefix, key));
    }
    return key;
}

/* A column of `from`, standing for `inner`. New ref. */
static orm_node *
colref_new(orm_state *st, orm_node *from, orm_node *inner, Py_ssize_t position, PyObject *key)
{
    orm_node *pair[2] = {from, inner};

    return orm_node_make(st, ORM_N_COLREF, ORM_OP_NONE, orm_node_type(st, inner), key,
                         (uint32_t)position, 2, pair);
}

static int
add_colref(orm_state *st, PyObject *coll, orm_node *from, orm_node *inner, Py_ssize_t position,
           PyObject *wanted)
{
    PyObject *key = orm_free_key(coll, wanted == NULL ? st->s_no_label : wanted);
    orm_node *ref = NULL;
    int rc = -1;

    if (key != NULL) {
        ref = colref_new(st, from, inner, position, wanted == NULL ? NULL : key);
    }
    if (ref != NULL) {
        rc = orm_collection_add(st, coll, key, (PyObject *)ref);
    }
    Py_XDECREF(ref);
    Py_XDECREF(key);
    return rc;
}

/* A label's name is the program's word: a second one of the same name is refused. 0/-1. */
static int
check_label(orm_state *st, PyObject *coll, orm_node *inner, PyObject *key)
{
    if (inner->kind != ORM_N_LABEL || inner->payload == NULL || key == NULL
        || orm_collection_get(coll, key) == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    return orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                         "Label name %U is being renamed to an anonymous label due to disambiguation which "
                         "is not supported right now.  Please use unique names for explicit labels.",
                         key);
}

static PyObject *
columns_of_statement(orm_state *st, orm_node *from)
{
    orm_node *stmt = from->args[0];
    PyObject *list = orm_stmt_columns(st, stmt);
    PyObject *coll = list == NULL ? NULL : orm_collection_new(st);
    unsigned style = 0;
    Py_ssize_t i;

    while (stmt->kind == ORM_N_COMPOUND) {
        stmt = stmt->args[ORM_SEL_COLS]->args[0];
    }
    if (stmt->kind == ORM_N_SELECT) {
        style = stmt->aux & ORM_SELF_LABELS;
    }
    for (i = 0; coll != NULL && i < PyList_GET_SIZE(list); i++) {
        orm_node *inner = (orm_node *)PyList_GET_ITEM(list, i);
        PyObject *key;

        if (inner->kind == ORM_N_TEXTSTMT) {
            continue; /* text() may be anything, several columns too */
        }
        key = export_key(st, inner, style);
        if ((key == NULL && PyErr_Occurred()) || check_label(st, coll, inner, key) < 0
            || add_colref(st, coll, from, inner, i, key) < 0) {
            Py_CLEAR(coll);
        }
        Py_XDECREF(key);
    }
    Py_XDECREF(list);
    return coll;
}

/* Alias of a table or of another FROM element: its columns, one by one. */
static PyObject *
columns_of_element(orm_state *st, orm_node *from)
{
    PyObject *inner = orm_from_columns(st, from->args[0]);
    PyObject *coll = inner == NULL ? NULL : orm_collection_new(st);
    PyObject *keys = coll == NULL ? NULL : PyObject_CallMethodNoArgs(inner, st->s_keys);
    Py_ssize_t i;

    for (i = 0; coll != NULL && keys != NULL && i < orm_collection_size(inner); i++) {
        orm_node *c = orm_node_of(st, orm_collection_item(inner, i));

        if (c == NULL || add_colref(st, coll, from, c, i, PyList_GET_ITEM(keys, i)) < 0) {
            Py_CLEAR(coll);
        }
    }
    if (keys == NULL) {
        Py_CLEAR(coll);
    }
    Py_XDECREF(keys);
    Py_XDECREF(inner);
    return coll;
}

static PyObject *
columns_of_list(orm_state *st, orm_node *from, orm_node *cols)
{
    PyObject *coll = orm_collection_new(st);
    Py_ssize_t i;

    for (i = 0; coll != NULL && cols != NULL && i < cols->ob_base.ob_size; i++) {
        orm_node *c = cols->args[i];
        PyObject *key = orm_node_key(st, c);

        if (add_colref(st, coll, from, c, i, key) < 0) {
            Py_CLEAR(coll);
        }
        Py_XDECREF(key);
    }
    return coll;
}

/* Both sides' own columns under `table_column`. */
static int
add_side(orm_state *st, PyObject *coll, orm_node *side)
{
    PyObject *inner = orm_from_columns(st, side);
    Py_ssize_t i;
    int rc = inner == NULL ? -1 : 0;

    for (i = 0; rc == 0 && i < orm_collection_size(inner); i++) {
        PyObject *col = orm_collection_item(inner, i);
        orm_node *c = orm_node_of(st, col);
        PyObject *key = c == NULL ? NULL : export_key(st, c, ORM_LABEL_TABLENAME);

        if (key == NULL) {
            rc = PyErr_Occurred() ? -1 : orm_collection_add(st, coll, st->s_no_label, col);
        }
        else {
            rc = orm_collection_add(st, coll, key, col);
        }
        Py_XDECREF(key);
    }
    Py_XDECREF(inner);
    return rc;
}

static PyObject *
columns_of_join(orm_state *st, orm_node *join)
{
    PyObject *coll = orm_collection_new(st);

    if (coll != NULL
        && ((join->args[0] != NULL && add_side(st, coll, join->args[0]) < 0)
            || add_side(st, coll, join->args[1]) < 0)) {
        Py_CLEAR(coll);
    }
    return coll;
}

static PyObject *
make_columns(orm_state *st, orm_node *from)
{
    switch (from->kind) {
    case ORM_N_SUBQUERY:
    case ORM_N_CTE:
        return from->args[0]->kind == ORM_N_VALUES ? columns_of_element(st, from)
                                                   : columns_of_statement(st, from);
    case ORM_N_LATERAL:
        return orm_kind_is_stmt(from->args[0]->kind) ? columns_of_statement(st, from)
                                                     : columns_of_element(st, from);
    case ORM_N_ALIAS:
        return columns_of_element(st, from);
    case ORM_N_JOIN:
        return columns_of_join(st, from);
    case ORM_N_VALUES:
        return columns_of_list(st, from, from->args[0]);
    case ORM_N_FROMFUNC:
        return columns_of_list(st, from, from->args[1]);
    default:
        return orm_collection_new(st);
    }
}

PyObject *
orm_from_columns(orm_state *st, orm_node *from)
{
    PyObject **cache = NULL;
    PyObject *made = NULL;

    if (from->kind == ORM_N_TABLE) {
        PyObject *columns = from->payload == NULL ? NULL : orm_node_table(from)->columns;

        if (columns == NULL) {
            PyErr_SetString(PyExc_RuntimeError, "the table of this expression is gone");
        }
        return Py_XNewRef(columns);
    }
    if (from->kind == ORM_N_ENTITY) {
        return orm_from_columns(st, from->args[0]);
    }
    if (!orm_kind_is_from(from->kind)) {
        if (from->kind == ORM_N_CUSTOM && from->payload != NULL) {
            PyObject *c = PyObject_GetAttrString(from->payload, "c");

            if (c != NULL && !PyObject_TypeCheck(c, st->ColumnCollection)) {
                Py_SETREF(c, PyObject_CallFunctionObjArgs((PyObject *)st->ColumnCollection, c, NULL));
            }
            return c;
        }
        return orm_collection_new(st);
    }
    cache = orm_from_cache(from);
    if (*cache != NULL) {
        return Py_NewRef(*cache);
    }
    made = make_columns(st, from);
    if (made != NULL && *cache == NULL) {
        *cache = Py_NewRef(made);
    }
    return made;
}

/* ---- lineage ------------------------------------------------------------------------------ */

/* The expression that a column of a FROM element or a label stands for; NULL: itself. */
static orm_node *
parent_column(orm_node *n)
{
    if (n->kind == ORM_N_COLREF || n->kind == ORM_N_ATTR) {
        return n->args[1];
    }
    if (n->kind == ORM_N_LABEL) {
        return n->args[0];
    }
    return NULL;
}

orm_node *
orm_base_column(orm_node *n)
{
    orm_node *parent;

    while ((parent = parent_column(n)) != NULL) {
        n = parent;
    }
    return n;
}

/* Is `what` n or one of its ancestors? */
static int
descends(orm_node *n, const orm_node *what)
{
    for (; n != NULL; n = parent_column(n)) {
        if (n == what) {
            return 1;
        }
    }
    return 0;
}

int
orm_collection_corresponding(orm_state *st, PyObject *coll, PyObject *column, PyObject **found)
{
    orm_node *target = orm_node_of(st, column);
    orm_node *base = target == NULL ? NULL : orm_base_column(target);
    PyObject *second = NULL; /* borrowed from coll */
    Py_ssize_t i;

    *found = NULL;
    if (target == NULL) {
        return -1;
    }
    for (i = 0; i < orm_collection_size(coll); i++) {
        PyObject *c = orm_collection_item(coll, i);
        orm_node *n = orm_node_of(st, c);

        if (n == NULL) {
            return -1;
        }
        if (descends(n, target) || descends(target, n)) {
            *found = Py_NewRef(c);
            return 0;
        }
        if (second == NULL && orm_base_column(n) == base) {
            second = c;
        }
    }
    *found = Py_XNewRef(second);
    return 0;
}

orm_node *
orm_sql_column_in(orm_state *st, orm_node *from, orm_node *column)
{
    PyObject *columns = orm_from_columns(st, from);
    PyObject *found = NULL;
    int rc = columns == NULL ? -1 : orm_collection_corresponding(st, columns, (PyObject *)column, &found);
    orm_node *n = found == NULL ? column : orm_node_of(st, found);

    n = rc < 0 ? NULL : (orm_node *)Py_XNewRef(n);
    Py_XDECREF(columns);
    Py_XDECREF(found);
    return n;
}

/* ---- ON by foreign keys ---------------------------------------------------------------------- */
typedef struct pairs {
    PyObject *constraints; /* list of the constraint (or column) each pair belongs to; owned */
    PyObject *nodes;       /* list of (left, right) by twos; owned */
} pairs;

static int
add_pair(pairs *p, PyObject *constraint, orm_node *a, orm_node *b)
{
    return PyList_Append(p->constraints, constraint) < 0
                   || PyList_Append(p->nodes, (PyObject *)a) < 0
                   || PyList_Append(p->nodes, (PyObject *)b) < 0
               ? -1
               : 0;
}

/* Find the column of `into` that `referenced` is, and note the pair: referenced column first. */
static int
try_pair(orm_state *st, pairs *p, PyObject *into, PyObject *referenced, PyObject *constraint,
         orm_node *from_col)
{
    PyObject *found = NULL;
    orm_node *n = NULL;
    int rc = 0;

    if (orm_collection_corresponding(st, into, referenced, &found) < 0) {
        return -1;
    }
    if (found == NULL) {
        return 0;
    }
    n = orm_node_of(st, found);
    rc = n == NULL ? -1 : add_pair(p, constraint, n, from_col);
    Py_DECREF(found);
    return rc;
}

/* The column a schema ForeignKey refers to, or NULL: not resolvable here (no error). */
static PyObject *
referenced_column(orm_state *st, PyObject *fk)
{
    PyObject *col = PyObject_GetAttrString(fk, "column");
    PyObject *error = NULL;
    PyObject *cls = NULL;

    if (col != NULL) {
        return col;
    }
    error = PyErr_GetRaisedException(); /* the class may have to be imported */
    cls = orm_exc_class(st, ORM_EXC_NoReferenceError);
    if (cls == NULL || PyErr_GivenExceptionMatches(error, cls)) {
        Py_XDECREF(error);
    }
    else {
        PyErr_SetRaisedException(error);
    }
    return NULL;
}

static int
pairs_of_column(orm_state *st, pairs *p, PyObject *into, orm_node *col)
{
    orm_node *base = orm_base_column(col);
    ColumnObject *c = NULL;
    PyObject *fks = NULL;
    PyObject *iter = NULL;
    PyObject *fk = NULL;
    Py_ssize_t i;
    int rc = 0;

    if (base->kind != ORM_N_COLUMN || base->payload == NULL) {
        return 0;
    }
    c = orm_node_column(base);
    if (c->fks != NULL) {
        for (i = 0; rc == 0 && i < PyTuple_GET_SIZE(c->fks); i++) {
            rc = try_pair(st, p, into, PyTuple_GET_ITEM(c->fks, i), PyTuple_GET_ITEM(c->fks, i),
                          col);
        }
        return rc;
    }
    rc = PyObject_GetOptionalAttr((PyObject *)c, st->s_foreign_keys, &fks);
    if (rc <= 0) {
        return rc;
    }
    rc = 0;
    iter = PyObject_GetIter(fks);
    Py_DECREF(fks);
    while (rc == 0 && iter != NULL && (fk = PyIter_Next(iter)) != NULL) {
        PyObject *referenced = referenced_column(st, fk);
        PyObject *constraint = NULL;

        if (referenced == NULL) {
            rc = PyErr_Occurred() ? -1 : 0;
        }
        else if (PyObject_GetOptionalAttrString(fk, "constraint", &constraint) < 0) {
            rc = -1;
        }
        else {
            rc = try_pair(st, p, into, referenced, constraint != NULL ? constraint : fk, col);
        }
        Py_XDECREF(constraint);
        Py_XDECREF(referenced);
        Py_DECREF(fk);
    }
    Py_XDECREF(iter);
    return PyErr_Occurred() ? -1 : rc;
}

static int
collect_pairs(orm_state *st, pairs *p, PyObject *into, PyObject *from)
{
    Py_ssize_t i;

    for (i = 0; i < orm_collection_size(from); i++) {
        orm_node *c = orm_node_of(st, orm_collection_item(from, i));

        if (c == NULL || pairs_of_column(st, p, into, c) < 0) {
            return -1;
        }
    }
    return 0;
}

/* What to call a FROM element in a message. New ref. */
PyObject *
orm_from_describe(orm_state *st, orm_node *n)
{
    switch (n->kind) {
    case ORM_N_TABLE:
        return PyObject_GetAttrString(n->payload, "description");
    case ORM_N_ENTITY:
        return orm_from_describe(st, n->args[0]);
    case ORM_N_JOIN:
        return PyUnicode_FromString("Join object");
    default:
        if (n->payload != NULL && PyUnicode_Check(n->payload)) {
            return Py_NewRef(n->payload);
        }
        return PyUnicode_FromFormat("anonymous %s", Py_TYPE(n)->tp_name);
    }
}

static void
raise_join_error(orm_state *st, orm_exc which, const char *format, orm_node *l, orm_node *r,
                 const char *hint)
{
    PyObject *a = orm_from_describe(st, l);
    PyObject *b = a == NULL ? NULL : orm_from_describe(st, r);

    if (b != NULL) {
        orm_raise_exc(st, which, format, a, b, hint);
    }
    Py_XDECREF(a);
    Py_XDECREF(b);
}

/* All pairs belong to one constraint? */
static int
one_constraint(PyObject *constraints)
{
    Py_ssize_t i;

    for (i = 1; i < PyList_GET_SIZE(constraints); i++) {
        if (PyList_GET_ITEM(constraints, i) != PyList_GET_ITEM(constraints, 0)) {
            return 0;
        }
    }
    return 1;
}

static orm_node *
and_of_pairs(orm_state *st, PyObject *nodes)
{
    orm_type *boolean = orm_type_builtin(st, ORM_T_BOOL);
    orm_node *out = NULL;
    Py_ssize_t i;

    for (i = 0; boolean != NULL && i < PyList_GET_SIZE(nodes); i += 2) {
        orm_node *eq = orm_binary_new(st, ORM_OP_EQ, (orm_node *)PyList_GET_ITEM(nodes, i),
                                      (orm_node *)PyList_GET_ITEM(nodes, i + 1), boolean, NULL);
        orm_node *both = eq == NULL ? NULL : orm_and(st, out, eq);

        Py_XDECREF(eq);
        Py_XSETREF(out, both);
        if (out == NULL) {
            break;
        }
    }
    return out;
}

orm_node *
orm_join_condition(orm_state *st, orm_node *l, orm_node *r)
{
    pairs p = {PyList_New(0), PyList_New(0)};
    PyObject *a = orm_from_columns(st, l);
    PyObject *b = orm_from_columns(st, r);
    orm_node *out = NULL;

    if (p.constraints == NULL || p.nodes == NULL || a == NULL || b == NULL
        || collect_pairs(st, &p, a, b) < 0) {
        goto done;
    }
    if (l != r && collect_pairs(st, &p, b, a) < 0) {
        goto done;
    }
    if (PyList_GET_SIZE(p.constraints) == 0) {
        raise_join_error(st, ORM_EXC_NoForeignKeysError,
                         "Can't find any foreign key relationships between '%U' and '%U'.%s", l, r,
                         r->kind == ORM_N_JOIN ? " Perhaps you meant to convert the right side to "
                                                 "a subquery using alias()?"
                                               : "");
    }
    else if (!one_constraint(p.constraints)) {
        raise_join_error(st, ORM_EXC_AmbiguousForeignKeysError,
                         "Can't determine join between '%U' and '%U'; tables have more than one "
                         "foreign key constraint relationship between them. Please specify the "
                         "'onclause' of this join explicitly.%s",
                         l, r, "");
    }
    else {
        out = and_of_pairs(st, p.nodes);
    }
done:
    Py_XDECREF(p.constraints);
    Py_XDECREF(p.nodes);
    Py_XDECREF(a);
    Py_XDECREF(b);
    return out;
}

/* The table below aliases; NULL for what has none. */
orm_node *
orm_from_root(orm_node *n)
{
    while (n != NULL && (n->kind == ORM_N_ALIAS || n->kind == ORM_N_ENTITY)) {
        n = n->args[0];
    }
    return n != NULL && n->kind == ORM_N_TABLE ? n : NULL;
}
