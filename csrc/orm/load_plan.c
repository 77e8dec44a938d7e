/*
 * orm/load_plan.c - from the entities of a SELECT list to columns and a load plan.
 *
 * Place: the compiler calls `expand` before it renders a SELECT. Each ENTITY becomes its ATTR
 *   columns in slot order; what options leave out becomes marks in the plan. The plan goes into
 *   the compiled statement and says at run time which column fills which slot.
 * Rules: the primary key and the discriminator are always selected. An item about one
 *   attribute wins over one about all of them. A column that stands before an entity in the
 *   list is not selected twice for it. Inside of another statement an entity means all of its
 *   columns, and there is no plan.
 */
#include "orm/load_poly.h"
#include "orm/relation_expr.h"
#include "orm/relation.h"

/* --- life --------------------------------------------------------------------------------- */

void
orm_entplan_fini(orm_entplan *p)
{
    for (uint32_t i = 0; i < p->nfill; i++) {
        PyMem_Free(p->fill[i].label);
    }
    PyMem_Free(p->fill);
    PyMem_Free(p->ident);
    orm_poly_free(p->poly);
    for (uint32_t i = 0; i < p->nchildren; i++) {
        Py_XDECREF(p->children[i].mapper);
    }
    PyMem_Free(p->children);
    Py_XDECREF(p->remembered);
    Py_XDECREF(p->mapper);
    Py_XDECREF(p->entity);
}

static void
plan_free(void *load)
{
    orm_load_plan *plan = load;

    for (uint32_t i = 0; i < plan->nents; i++) {
        orm_entplan_fini(&plan->ents[i]);
    }
    for (uint32_t i = 0; i < plan->nroots; i++) {
        orm_root_fini(&plan->roots[i]);
    }
    Py_XDECREF(plan->shape);
    Py_XDECREF(plan->wanted);
    for (uint32_t i = 0; i < plan->nposts; i++) {
        Py_XDECREF(plan->posts[i].what);
        Py_XDECREF(plan->posts[i].path);
        Py_XDECREF(plan->posts[i].mapper);
        Py_XDECREF(plan->posts[i].arguments);
        Py_XDECREF(plan->posts[i].loads);
    }
    PyMem_Free(plan->posts);
    PyMem_Free(plan->ents);
    PyMem_Free(plan->roots);
    PyMem_Free(plan->by_identity);
    PyMem_Free(plan);
}

static int
plan_traverse(void *load, visitproc visit, void *arg)
{
    orm_load_plan *plan = load;

    for (uint32_t i = 0; i < plan->nents; i++) {
        Py_VISIT(plan->ents[i].mapper);
        Py_VISIT(plan->ents[i].entity);
        if (plan->ents[i].poly != NULL) {
            int rc = orm_poly_traverse(plan->ents[i].poly, visit, arg);

            if (rc != 0) {
                return rc;
            }
        }
        Py_VISIT(plan->ents[i].remembered);
        for (uint32_t k = 0; k < plan->ents[i].nchildren; k++) {
            Py_VISIT(plan->ents[i].children[k].mapper);
        }
    }
    for (uint32_t i = 0; i < plan->nroots; i++) {
        int rc = orm_root_traverse(&plan->roots[i], visit, arg);
        if (rc != 0) {
            return rc;
        }
    }
    Py_VISIT(plan->shape);
    Py_VISIT(plan->wanted);
    for (uint32_t i = 0; i < plan->nposts; i++) {
        Py_VISIT(plan->posts[i].what);
        Py_VISIT(plan->posts[i].path);
        Py_VISIT(plan->posts[i].mapper);
        Py_VISIT(plan->posts[i].arguments);
        Py_VISIT(plan->posts[i].loads);
    }
    return 0;
}

/* --- making ------------------------------------------------------------------------------- */

/* Two attributes of the same column, read from the same place. */
static bool
is_same_column(const orm_node *a, const orm_node *b)
{
    const orm_node *x = a->args[0];
    const orm_node *y = b->args[0];

    if (a->kind != ORM_N_ATTR || b->kind != ORM_N_ATTR || a->args[1] != b->args[1]
        || x->kind != ORM_N_ENTITY || y->kind != ORM_N_ENTITY) {
        return false;
    }
    return x->args[0] == y->args[0]
           || (!((x->aux | y->aux) & ORM_ENTITY_ALIASED) && a->args[1]->kind == ORM_N_COLUMN);
}

Py_ssize_t
orm_builder_find(const orm_builder *b, const orm_node *n, Py_ssize_t from)
{
    for (Py_ssize_t i = from; i < PyList_GET_SIZE(b->cols); i++) {
        const orm_node *there = (const orm_node *)PyList_GET_ITEM(b->cols, i); /* borrow-ok */

        if (there == n || is_same_column(there, n)) {
            return i;
        }
    }
    return -1;
}

Py_ssize_t
orm_builder_put(orm_builder *b, orm_node *n, Py_ssize_t from)
{
    Py_ssize_t at = orm_builder_find(b, n, from);

    if (at < 0) {
        at = PyList_GET_SIZE(b->cols);
        if (PyList_Append(b->cols, (PyObject *)n) < 0) {
            return -1;
        }
    }
    return at;
}

char *
orm_attribute_label(const orm_attribute *a)
{
    const orm_node *column = a->n.node->args[1];
    const char *left = a->mapper->cls->tp_name;
    const char *right = NULL;
    size_t size;
    char *label = NULL;

    if (column->kind == ORM_N_COLUMN && column->args[0] != NULL
        && column->args[0]->kind == ORM_N_TABLE) {
        left = PyUnicode_AsUTF8(orm_node_named(column->args[0])->name);
        right = PyUnicode_AsUTF8(orm_node_named(column)->name);
    }
    else {
        right = PyUnicode_AsUTF8(a->n.key);
    }
    if (left == NULL || right == NULL) {
        return NULL;
    }
    size = strlen(left) + strlen(right) + 2;
    label = PyMem_Malloc(size);
    if (label == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    PyOS_snprintf(label, size, "%s.%s", left, right);
    return label;
}

/* The slot's value is in this column (-1: an exception). 1 / -1. */
static int
note_column(orm_entplan *p, orm_mapper *m, uint32_t slot, Py_ssize_t at)
{
    orm_fill *fill = NULL;

    if (at < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < p->nident; i++) {
        if (m->pk[i] == slot) {
            p->ident[i] = (uint32_t)at;
        }
    }
    fill = &p->fill[p->nfill++];
    *fill = (orm_fill){.slot = slot, .column = (uint32_t)at, .kind = ORM_FILL_COLUMN,
                       .policy = ORM_FILL_PARTIAL, .label = orm_attribute_label(m->attrs[slot])};
    p->ncolumns++;
    return fill->label == NULL ? -1 : 1;
}

/* Select the attribute's columns and note where the first goes. 1, 0 the entity has none, -1. */
static int
add_column(orm_builder *b, const orm_node *entity, orm_entplan *p, orm_mapper *m, uint32_t slot,
           Py_ssize_t from)
{
    orm_attribute *a = m->attrs[slot];
    Py_ssize_t first = -1;

    for (uint32_t i = 0; a->columns != NULL && i < PyTuple_GET_SIZE(a->columns); i++) {
        orm_node *n = NULL;
        int there = orm_entity_column(entity, m, slot, i, &n);
        Py_ssize_t at = there <= 0 ? -1 : orm_builder_put(b, n, p == NULL ? from : 0);

        Py_XDECREF(n);
        if (there < 0 || (there > 0 && at < 0)) {
            return -1;
        }
        first = first < 0 ? at : first;
    }
    return first < 0 || p == NULL ? first >= 0 : note_column(p, m, slot, first);
}

/* A subquery's entity has its deferred columns, but not its deferred expressions. */
static bool
is_left_out(const orm_attribute *a)
{
    return a->kind == ORM_SLOT_EXPRESSION && a->flags & ORM_A_DEFERRED;
}

int
orm_slots_expand(orm_builder *b, orm_node *entity, orm_mapper *m, orm_entplan *p)
{
    uint8_t *marks = PyMem_Calloc(m->nslots + 1, 1); /* ORM_FILL_* that follow the columns */
    Py_ssize_t from = PyList_GET_SIZE(b->cols);
    int rc = marks == NULL ? (PyErr_NoMemory(), -1) : 0;

    for (uint32_t i = 0; rc == 0 && i < m->nslots; i++) {
        orm_node *option = NULL;
        int fate = ORM_FATE_LOAD;
        int there = 1;

        if (m->attrs[i] == NULL || ORM_SLOT_IS_RELATION(m->attrs[i]->kind)) {
            continue;
        }
        option = p == NULL ? NULL : orm_option_expression(b->options, entity, m->attrs[i]);
        if (option != NULL) {
            rc = note_column(p, m, i, orm_builder_put(b, option, 0)) < 0 ? -1 : 0;
            continue;
        }
        if (m->attrs[i]->flags & ORM_A_QUERY || (p == NULL && is_left_out(m->attrs[i]))) {
            continue;
        }
        if (p != NULL || b->options != NULL) {
            fate = orm_slot_fate(b->options, entity, m->attrs[i]);
        }
        if (fate == ORM_FATE_LOAD) {
            there = add_column(b, entity, p, m, i, from);
        }
        else if (fate != ORM_FATE_OWN) {
            marks[i] = fate == ORM_FATE_DEFER ? ORM_FILL_DEFERRED : ORM_FILL_RAISE;
        }
        if (there == 0) {
            marks[i] = ORM_FILL_EXPIRED;
        }
        rc = there < 0 || fate < 0 ? -1 : 0;
    }
    for (uint32_t i = 0; rc == 0 && p != NULL && i < m->nslots; i++) {
        if (marks[i] != 0) {
            p->fill[p->nfill++] = (orm_fill){.slot = i, .kind = marks[i]};
        }
    }
    PyMem_Free(marks);
    if (rc == 0 && (PyObject *)m == entity->payload) {
        rc = orm_poly_expand(b, entity, p, from);
    }
    return rc < 0 ? -1 : 0;
}

/* The alias reads from a selectable that has no column for the whole primary key. */
static int
check_identity(const orm_entplan *p)
{
    for (uint32_t i = 0; i < p->nident; i++) {
        if (p->ident[i] == UINT32_MAX) {
            PyObject *owner = orm_node_wrap(p->mapper->state, p->entity);
            if (owner != NULL) {
                orm_raise_exc(p->mapper->state, ORM_EXC_InvalidRequestError,
                              "%S has no column for the primary key attribute '%U': its "
                              "instances cannot be identified; add the column to what it is "
                              "selected from", owner,
                              p->mapper->attrs[p->mapper->pk[i]]->n.key);
                Py_DECREF(owner);
            }
            return -1;
        }
    }
    return 0;
}

int
orm_mapper_partial_pk(orm_mapper *m)
{
    PyObject *flag = NULL;
    int rc = m->py == NULL ? 0
                           : PyObject_GetOptionalAttr(m->py, m->state->s_allow_partial_pks, &flag);

    if (rc > 0) {
        rc = PyObject_IsTrue(flag);
        Py_DECREF(flag);
        return rc;
    }
    return rc < 0 ? -1 : 1;
}

int
orm_entplan_make(orm_builder *b, orm_node *entity, orm_mapper *m, orm_entplan *p)
{
    uint32_t relations = 0;
    int partial;

    p->mapper = (orm_mapper *)Py_NewRef(m);
    p->entity = (orm_node *)Py_NewRef(entity);
    p->nident = m->npk;
    p->ident = PyMem_Malloc((m->npk + 1) * sizeof(*p->ident));
    p->fill = PyMem_Calloc(2 * m->nslots + 1, sizeof(*p->fill));
    if (p->ident == NULL || p->fill == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < m->npk; i++) {
        p->ident[i] = UINT32_MAX;
    }
    partial = orm_mapper_partial_pk(m);
    p->partial_pk = partial > 0;
    p->peers = orm_mapper_relations(m, &relations) != NULL && relations > 0;
    if (partial < 0 || PyErr_Occurred() || orm_slots_expand(b, entity, m, p) < 0 || check_identity(p) < 0) {
        return -1;
    }
    return 0;
}

/* The plan of an entity: one, however often it is selected. Index, or -1. */
static int64_t
add_entity(orm_builder *b, orm_node *entity)
{
    orm_load_plan *plan = b->plan;
    orm_entplan *p = &plan->ents[plan->nents];

    for (uint32_t i = 0; i < plan->nents; i++) {
        if (plan->ents[i].entity == entity) {
            return i;
        }
    }
    p->index = plan->nents++;
    if (orm_entplan_make(b, entity, (orm_mapper *)entity->payload, p) < 0) {
        return -1;
    }
    return plan->nents - 1;
}

/* --- expand ------------------------------------------------------------------------------- */

static int64_t add_item(orm_builder *b, orm_node *item, orm_node *shown, orm_root *root);

/* The parts of a bundle, in its place. 0 / -1. */
static int
add_bundle(orm_builder *b, orm_node *item, orm_root *root)
{
    if (root != NULL) {
        root->parts = PyMem_Calloc((size_t)Py_SIZE(item) + 1, sizeof(*root->parts));
        if (root->parts == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < Py_SIZE(item); i++) {
        if (root != NULL) {
            root->nparts++;
        }
        if (add_item(b, item->args[i], item->args[i], root == NULL ? NULL : &root->parts[i]) < 0) {
            return -1;
        }
    }
    return root == NULL ? 0 : orm_bundle_finish(b->st, item, root);
}

/* One item of the user's list, or of a bundle; `shown` is what it is called and looked up by; root
   NULL: columns only. Index of its entity plan, or of its column; -1. */
static int64_t
add_item(orm_builder *b, orm_node *item, orm_node *shown, orm_root *root)
{
    bool is_entity = item->kind == ORM_N_ENTITY;
    int64_t at;

    if (root != NULL) {
        root->is_entity = is_entity;
        root->key = orm_root_key(b->st, shown);
        root->expr = orm_is_bundle(shown) ? Py_NewRef(shown->payload) : orm_node_wrap(b->st, shown);
        root->label = root->key == NULL ? NULL : PyUnicode_AsUTF8(root->key);
        if (root->label == NULL || root->expr == NULL) {
            return -1;
        }
    }
    if (orm_is_bundle(item)) {
        return add_bundle(b, item, root);
    }
    if (!is_entity) {
        at = PyList_GET_SIZE(b->cols);
        if (PyList_Append(b->cols, (PyObject *)item) < 0) {
            return -1;
        }
    }
    else if (root != NULL) {
        at = add_entity(b, item);
    }
    else {
        return orm_slots_expand(b, item, (orm_mapper *)item->payload, NULL);
    }
    if (root != NULL && at >= 0) {
        root->index = (uint32_t)at;
    }
    return at;
}

/* All items of the new list: those of the user's first, the related entities behind them. 0 / -1. */
static int
add_items(orm_builder *b, const orm_node *cols, const orm_node *shown, PyObject *expansion)
{
    uint32_t *ents = PyMem_Calloc((size_t)Py_SIZE(cols) + 1, sizeof(*ents));
    int64_t at = ents == NULL ? (PyErr_NoMemory(), -1) : 0;

    for (Py_ssize_t i = 0; at >= 0 && i < Py_SIZE(cols); i++) {
        if (i < Py_SIZE(shown)) {
            orm_root *root = b->plan == NULL ? NULL : &b->plan->roots[b->plan->nroots++];

            if (root != NULL) {
                b->plan->by_identity[i] = cols->args[i]->kind == ORM_N_ENTITY;
            }
            at = add_item(b, cols->args[i], shown->args[i], root);
        }
        else {
            at = add_entity(b, cols->args[i]);
        }
        ents[i] = at < 0 ? 0 : (uint32_t)at;
    }
    if (at >= 0 && expansion != NULL && orm_eager_link(b->st, b->plan, ents, expansion) < 0) {
        at = -1;
    }
    PyMem_Free(ents);
    return at < 0 ? -1 : 0;
}

/* A SELECT with what it loads along written out; *stmt is replaced (borrowed from *expansion),
   which is NULL if there is nothing. 0 / -1. */
static int
write_out(orm_builder *b, orm_node **stmt, PyObject **expansion)
{
    int rc = orm_eager_needed(b->st, b->options, (*stmt)->args[ORM_SEL_COLS]);

    rc = rc <= 0 ? rc : orm_eager_expand(b->st, *stmt, expansion);
    if (rc > 0) {
        *stmt = orm_node_of(b->st, PyTuple_GET_ITEM(*expansion, 0));
        rc = *stmt == NULL ? -1 : 0;
    }
    return rc;
}

/* The same where the columns are not ours to write: the new list of items in *all, if there is
   something. 0 / -1. */
static int
write_out_rows(orm_builder *b, const orm_node *cols, orm_node **all, PyObject **expansion)
{
    int rc = orm_eager_needed(b->st, b->options, cols);

    rc = rc <= 0 ? rc : orm_eager_of_rows(b->st, cols, b->options, all, expansion);
    return rc < 0 ? -1 : 0;
}

static orm_load_plan *
plan_new(const orm_node *cols)
{
    orm_load_plan *plan = PyMem_Calloc(1, sizeof(*plan));
    size_t n = (size_t)Py_SIZE(cols) + orm_bundle_leaves(cols) + 1;

    if (plan != NULL) {
        plan->roots = PyMem_Calloc(n, sizeof(*plan->roots));
        plan->ents = PyMem_Calloc(n, sizeof(*plan->ents));
        plan->by_identity = PyMem_Calloc(n, 1);
    }
    if (plan == NULL || plan->roots == NULL || plan->ents == NULL || plan->by_identity == NULL) {
        if (plan != NULL) {
            plan_free(plan);
        }
        PyErr_NoMemory();
        return NULL;
    }
    return plan;
}

/* The cell of a statement that holds its columns; -1: it has none. */
static int
columns_cell(const orm_node *stmt)
{
    switch (stmt->kind) {
    case ORM_N_SELECT:
        return ORM_SEL_COLS;
    case ORM_N_INSERT:
    case ORM_N_UPDATE:
    case ORM_N_DELETE:
        return ORM_DML_RETURNING;
    case ORM_N_FROMSTMT:
        return ORM_FS_COLS;
    case ORM_N_TEXTFROM:
        return 1;
    default:
        return -1;
    }
}

/* A copy of the statement with other columns. New reference. */
static orm_node *
with_columns(orm_state *st, orm_node *stmt, int cell, PyObject *cols)
{
    orm_node *list = orm_node_make(st, ORM_N_LIST, ORM_OP_COMMA, NULL, NULL, 0,
                                   PyList_GET_SIZE(cols),
                                   (orm_node *const *)((PyListObject *)cols)->ob_item);
    orm_node *made = list == NULL ? NULL : orm_node_new(st, NULL, stmt->kind, Py_SIZE(stmt));

    if (made == NULL) {
        Py_XDECREF(list);
        return NULL;
    }
    made->op = stmt->op;
    made->aux = stmt->aux;
    made->type = (orm_type *)Py_XNewRef(stmt->type);
    for (Py_ssize_t i = 0; i < Py_SIZE(stmt); i++) {
        made->args[i] = i == cell ? list : (orm_node *)Py_XNewRef(stmt->args[i]);
    }
    if (orm_node_seal(st, made) < 0) {
        Py_CLEAR(made);
    }
    return made;
}

/* Nothing in the list stands for a number of columns that only the database knows. */
static bool
has_one_column_each(const orm_node *cols)
{
    for (Py_ssize_t i = 0; i < Py_SIZE(cols); i++) {
        if (cols->args[i]->kind == ORM_N_STAR || cols->args[i]->kind == ORM_N_TEXTSTMT) {
            return false;
        }
    }
    return true;
}

/* The mapping that an item of the list is about is complete from here on. 0 / -1. */
static int
configure_item(const orm_node *n)
{
    const orm_node *entity = n->kind == ORM_N_ATTR ? n->args[0] : n;

    return entity->kind == ORM_N_ENTITY ? orm_configure_for((orm_mapper *)entity->payload) : 0;
}

static int
expand(orm_cctx *cc, orm_node *stmt, int top, orm_node **out)
{
    orm_builder b = {.st = orm_cctx_state(cc)};
    int cell = columns_cell(stmt);
    const orm_node *cols = cell < 0 ? NULL : stmt->args[cell];
    bool entities = false;
    bool bundles = false;
    const orm_node *shown = cols;
    orm_node *all = NULL;
    int said = 0;
    bool matched = stmt->kind == ORM_N_FROMSTMT; /* the columns are not ours to write */
    PyObject *expansion = NULL;
    int rc = -1;

    *out = NULL;
    for (Py_ssize_t i = 0; cols != NULL && i < Py_SIZE(cols); i++) {
        if (configure_item(cols->args[i]) < 0) {
            return -1;
        }
        entities |= cols->args[i]->kind == ORM_N_ENTITY || orm_is_bundle(cols->args[i]);
        bundles |= orm_is_bundle(cols->args[i]);
    }
    if (cell >= 0 && top && orm_parts_of(stmt, &cell, &said)) {
        b.options = stmt->args[said];
        if (cols != NULL && orm_options_check(b.st, b.options, cols) < 0) {
            return -1;
        }
    }
    else if (stmt->kind == ORM_N_SELECT && stmt->aux & ORM_SELF_AS_LOADED) {
        b.options = stmt->args[ORM_SEL_OPTIONS];
    }
    if (!entities && !matched && (!top || cols == NULL || !has_one_column_each(cols))) {
        return 0;
    }
    if (bundles && matched) {
        return orm_raise_exc(b.st, ORM_EXC_InvalidRequestError,
                             "a Bundle or composite cannot be selected with from_statement(); "
                             "select its columns");
    }
    if (entities && top && stmt->kind == ORM_N_SELECT) {
        if (write_out(&b, &stmt, &expansion) < 0) {
            goto done;
        }
        cols = stmt->args[cell];
        b.options = stmt->args[ORM_SEL_OPTIONS];
    }
    else if (entities && top && write_out_rows(&b, cols, &all, &expansion) < 0) {
        goto done;
    }
    cols = all != NULL ? all : cols;
    b.cols = PyList_New(0);
    b.plan = b.cols == NULL || !top ? NULL : plan_new(cols);
    if (b.cols == NULL || (top && b.plan == NULL)) {
        goto done;
    }
    if (add_items(&b, cols, shown, expansion) < 0) {
        goto done;
    }
    if (entities && !matched) {
        *out = with_columns(b.st, stmt, cell, b.cols);
    }
    rc = entities && !matched && *out == NULL ? -1 : 0;
    if (rc == 0 && b.plan != NULL) {
        b.plan->ncols = (uint32_t)PyList_GET_SIZE(b.cols);
        b.plan->wanted = matched ? Py_NewRef(b.cols) : NULL;
        orm_cctx_set_load(cc, b.plan, plan_free, plan_traverse);
        b.plan = NULL;
    }
done:
    if (b.plan != NULL) {
        plan_free(b.plan);
    }
    Py_XDECREF(b.cols);
    Py_XDECREF(expansion);
    Py_XDECREF(all);
    return rc;
}

/* One item's columns as Python objects. New tuple. */
static PyObject *
columns_of_item(orm_builder *b, orm_node *item)
{
    PyObject *columns = NULL;

    b->cols = PyList_New(0);
    if (b->cols != NULL && configure_item(item) == 0 && add_item(b, item, item, NULL) >= 0) {
        Py_ssize_t n = PyList_GET_SIZE(b->cols);

        columns = PyTuple_New(n);
        for (Py_ssize_t i = 0; columns != NULL && i < n; i++) {
            PyObject *o = orm_node_wrap(b->st, (orm_node *)PyList_GET_ITEM(b->cols, i));

            if (o == NULL) {
                Py_CLEAR(columns);
            }
            else {
                PyTuple_SET_ITEM(columns, i, o);
            }
        }
    }
    Py_CLEAR(b->cols);
    return columns;
}

PyObject *
orm_columns_by_options(orm_state *st, const orm_node *stmt)
{
    const orm_node *cols = stmt->args[ORM_SEL_COLS];
    orm_builder b = {.st = st, .options = stmt->args[ORM_SEL_OPTIONS]};
    PyObject *all = PyTuple_New(Py_SIZE(cols));

    for (Py_ssize_t i = 0; all != NULL && i < Py_SIZE(cols); i++) {
        PyObject *columns = columns_of_item(&b, cols->args[i]);

        if (columns == NULL) {
            Py_CLEAR(all);
        }
        else {
            PyTuple_SET_ITEM(all, i, columns);
        }
    }
    return all;
}

/* What a column of a SELECT of the entity stands for, as one of what the entity is read from: two
   aliases of a table are told apart. New reference. */
static orm_node *
source_column(orm_state *st, const orm_node *entity, orm_node *n)
{
    if (n->kind != ORM_N_ATTR || ((orm_attribute *)n->payload)->kind != ORM_SLOT_COLUMN) {
        return (orm_node *)Py_NewRef(n);
    }
    n = n->args[1];
    if (!(entity->aux & ORM_ENTITY_ALIASED) || entity->args[0]->kind != ORM_N_ALIAS) {
        return (orm_node *)Py_NewRef(n);
    }
    return orm_sql_column_in(st, entity->args[0], n);
}

static int
entity_columns(orm_state *st, orm_node *entity, const orm_node *options, PyObject *list)
{
    orm_builder b = {.st = st, .cols = PyList_New(0), .options = options};
    int rc = b.cols == NULL
                 ? -1
                 : orm_slots_expand(&b, entity, (orm_mapper *)entity->payload, NULL);

    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(b.cols); i++) {
        orm_node *n = source_column(st, entity, (orm_node *)PyList_GET_ITEM(b.cols, i));

        rc = n == NULL ? -1 : PyList_Append(list, (PyObject *)n);
        Py_XDECREF(n);
    }
    Py_XDECREF(b.cols);
    return rc;
}

static orm_node *
dml_target(orm_node *entity)
{
    const orm_mapper *m = (const orm_mapper *)entity->payload;

    return m->table_entity == NULL || entity->aux & ORM_ENTITY_ALIASED ? entity : m->table_entity;
}

const orm_sql_orm_ops orm_load_sql_ops = {
    .entity_columns = entity_columns,
    .coerce_entity = orm_coerce_entity,
    .option_key = orm_option_key,
    .expand = expand,
    .make_option = orm_option_node,
    .restrict_stmt = orm_criteria_apply,
    .restrict_join = orm_criteria_of_join,
    .dml_target = dml_target,
    .join = orm_relation_join_hook,
    .late_node = orm_relation_late_node,
    .alias_column = orm_alias_column,
};
