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
#include "orm/load_int.h"
#include "orm/relation.h"

/* --- life --------------------------------------------------------------------------------- */

static void
entplan_fini(orm_entplan *p)
{
    for (uint32_t i = 0; i < p->nfill; i++) {
        PyMem_Free(p->fill[i].label);
    }
    PyMem_Free(p->fill);
    PyMem_Free(p->ident);
    Py_XDECREF(p->mapper);
    Py_XDECREF(p->entity);
}

static void
plan_free(void *load)
{
    orm_load_plan *plan = load;

    for (uint32_t i = 0; i < plan->nents; i++) {
        entplan_fini(&plan->ents[i]);
    }
    for (uint32_t i = 0; i < plan->nroots; i++) {
        orm_root_fini(&plan->roots[i]);
    }
    Py_XDECREF(plan->shape);
    Py_XDECREF(plan->wanted);
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
    }
    for (uint32_t i = 0; i < plan->nroots; i++) {
        int rc = orm_root_traverse(&plan->roots[i], visit, arg);
        if (rc != 0) {
            return rc;
        }
    }
    Py_VISIT(plan->shape);
    Py_VISIT(plan->wanted);
    return 0;
}

/* --- options ------------------------------------------------------------------------------ */

/* What becomes of one slot in this statement. */
enum { SLOT_LOAD, SLOT_OWN_LOADER /* as the class says: no mark */, SLOT_DEFER, SLOT_RAISE };

/* An item's entity is the one that is selected. */
static bool
item_is_for(const orm_option *o, const orm_optitem *item, const orm_node *entity)
{
    return item->entity == ORM_OPT_ANY || o->entities[item->entity] == entity;
}

/* The attribute belongs to the group that the item names. 1 / 0 / -1. */
static int
in_group(const orm_attribute *a, const orm_optitem *item)
{
    PyObject *group = NULL;
    int rc = 0;

    if (a->prop != NULL
        && (rc = PyObject_GetOptionalAttr(a->prop, a->mapper->state->s_group, &group)) > 0) {
        rc = group == Py_None ? 0 : PyObject_RichCompareBool(group, item->group, Py_EQ);
        Py_DECREF(group);
    }
    return rc;
}

static int
refuse_conflict(const orm_attribute *a, int had, int wanted)
{
    static const char *const names[] = {"undefer", "defer", "defer"};

    return orm_raise_exc(a->mapper->state, ORM_EXC_InvalidRequestError,
                         "Loader strategy replacement %s(%s.%U) is in conflict with existing "
                         "strategy %s(%s.%U)", names[wanted], a->mapper->cls->tp_name, a->n.key,
                         names[had], a->mapper->cls->tp_name, a->n.key);
}

/* What the options say of a slot: ORM_OPT_*, or -1: nothing, -2: exception. */
static int
option_for(const orm_node *options, const orm_node *entity, const orm_attribute *a)
{
    orm_state *st = a->mapper->state;
    bool kept = (a->flags & (ORM_A_PK | ORM_A_DISCRIMINATOR)) != 0;
    int exact = -1;
    int all = -1;
    int group = -1;

    for (Py_ssize_t i = 0; options != NULL && i < Py_SIZE(options); i++) {
        const orm_option *o = (const orm_option *)options->args[i]->payload;

        if (!PyObject_TypeCheck((PyObject *)o, st->LoaderOption)) {
            continue;
        }
        for (uint32_t k = 0; k < o->nitems; k++) {
            const orm_optitem *item = &o->items[k];

            if (!item_is_for(o, item, entity)) {
                continue;
            }
            if (item->what == ORM_OPT_ALL) {
                all = kept ? ORM_OPT_LOAD : item->strategy;
            }
            else if (item->what == ORM_OPT_GROUP) {
                int rc = in_group(a, item);
                if (rc < 0) {
                    return -2;
                }
                group = rc > 0 ? item->strategy : group;
            }
            else if (item->what == ORM_OPT_SLOT && item->slot == a->slot) {
                if (exact >= 0 && exact != item->strategy) {
                    return refuse_conflict(a, exact, item->strategy) - 1;
                }
                exact = item->strategy;
            }
        }
    }
    return exact >= 0 ? exact : group >= 0 ? group : all;
}

/* SLOT_*, or -1. */
static int
slot_fate(const orm_node *options, const orm_node *entity, const orm_attribute *a)
{
    int said = options == NULL ? -1 : option_for(options, entity, a);

    if (said == -2) {
        return -1;
    }
    if (a->flags & ORM_A_PK || said == ORM_OPT_LOAD) {
        return SLOT_LOAD;
    }
    if (said == -1) {
        return a->flags & ORM_A_DEFERRED ? SLOT_OWN_LOADER : SLOT_LOAD;
    }
    if (said == ORM_OPT_RAISE) {
        return SLOT_RAISE;
    }
    /* Its own loader, without a mark, is the same as deferred; unless the class says raise. */
    return a->flags & ORM_A_DEFERRED && !(a->flags & ORM_A_RAISE) ? SLOT_OWN_LOADER : SLOT_DEFER;
}

/* Every option must be about an entity of the list. 0 / -1. */
static int
check_options(orm_state *st, const orm_node *options, const orm_node *cols)
{
    for (Py_ssize_t i = 0; options != NULL && i < Py_SIZE(options); i++) {
        const orm_option *o = (const orm_option *)options->args[i]->payload;
        uint32_t known = 0;
        const orm_node *first = NULL;

        if (!PyObject_TypeCheck((PyObject *)o, st->LoaderOption)) {
            continue;
        }
        for (uint32_t e = 0; e < o->nentities; e++) {
            bool found = false;
            for (Py_ssize_t c = 0; c < Py_SIZE(cols); c++) {
                if (cols->args[c]->kind == ORM_N_ENTITY) {
                    first = first == NULL ? cols->args[c] : first;
                    found |= cols->args[c] == o->entities[e];
                }
            }
            known += found;
        }
        if (known < o->nentities || (o->nentities == 0 && o->nitems > 0 && first == NULL)) {
            PyObject *shown = first == NULL ? Py_NewRef(Py_None)
                                            : orm_node_wrap(st, (orm_node *)first);
            PyObject *answer = shown == NULL ? NULL
                                             : PyObject_CallMethod((PyObject *)o, "_refuse", "O",
                                                                   shown);
            Py_XDECREF(shown);
            Py_XDECREF(answer);
            if (answer == NULL) {
                return -1;
            }
        }
    }
    return 0;
}

/* --- making ------------------------------------------------------------------------------- */

typedef struct builder {
    orm_state *st;
    PyObject *cols;          /* owned list of nodes: the new SELECT list */
    const orm_node *options; /* LIST of OPTION, or NULL */
    orm_load_plan *plan;     /* owned until handed over; NULL: not the statement itself */
} builder;

/* Position of an ATTR that stands in the list already, or -1. */
static Py_ssize_t
find_column(const builder *b, const orm_node *n)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(b->cols); i++) {
        if (PyList_GET_ITEM(b->cols, i) == (PyObject *)n) {
            return i;
        }
    }
    return -1;
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

/* The attribute of an entity, borrowed: 1; 0: its selectable has no such column; -1. */
static int
attribute_of(const orm_node *entity, orm_mapper *m, uint32_t slot, orm_attribute **out)
{
    *out = m->attrs[slot];
    if (entity->aux & ORM_ENTITY_ALIASED) {
        return orm_alias_attribute((orm_alias *)entity->args[1], slot, out);
    }
    return *out != NULL && (*out)->n.node != NULL;
}

/* Select the attribute and note where it goes. 0 / -1. */
static int
add_column(builder *b, orm_entplan *p, orm_attribute *a, orm_node *from)
{
    Py_ssize_t at = p == NULL ? -1 : find_column(b, from);
    orm_fill *fill = NULL;

    if (at < 0) {
        at = PyList_GET_SIZE(b->cols);
        if (PyList_Append(b->cols, (PyObject *)from) < 0) {
            return -1;
        }
    }
    if (p == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < p->nident; i++) {
        if (p->mapper->pk[i] == a->slot) {
            p->ident[i] = (uint32_t)at;
        }
    }
    fill = &p->fill[p->nfill++];
    *fill = (orm_fill){.slot = a->slot, .column = (uint32_t)at, .kind = ORM_FILL_COLUMN,
                       .policy = ORM_FILL_PARTIAL, .label = orm_attribute_label(a)};
    p->ncolumns++;
    return fill->label == NULL ? -1 : 0;
}

/* A subquery's entity has its deferred columns, but not its deferred expressions. */
static bool
is_left_out(const orm_attribute *a)
{
    return a->kind == ORM_SLOT_EXPRESSION && a->flags & ORM_A_DEFERRED;
}

/* Columns and plan entries of one entity; p NULL: columns only. 0 / -1. */
static int
add_slots(builder *b, const orm_node *entity, orm_mapper *m, orm_entplan *p)
{
    uint8_t *marks = PyMem_Calloc(m->nslots + 1, 1); /* ORM_FILL_* that follow the columns */
    int rc = marks == NULL ? (PyErr_NoMemory(), -1) : 0;

    for (uint32_t i = 0; rc == 0 && i < m->nslots; i++) {
        orm_attribute *a = NULL;
        orm_node *from = NULL;
        int fate = SLOT_LOAD;
        int there;

        if (m->attrs[i] == NULL || ORM_SLOT_IS_RELATION(m->attrs[i]->kind)) {
            continue;
        }
        from = p == NULL ? NULL : orm_option_expression(b->options, entity, m->attrs[i]);
        if (from != NULL) {
            rc = add_column(b, p, m->attrs[i], from);
            continue;
        }
        if (m->attrs[i]->flags & ORM_A_QUERY || (p == NULL && is_left_out(m->attrs[i]))) {
            continue;
        }
        there = attribute_of(entity, m, i, &a);
        if (there > 0 && p != NULL) {
            fate = slot_fate(b->options, entity, m->attrs[i]);
        }
        if (there < 0 || fate < 0) {
            rc = -1;
        }
        else if (there == 0) {
            marks[i] = ORM_FILL_EXPIRED;
        }
        else if (fate == SLOT_LOAD) {
            rc = add_column(b, p, a, a->n.node);
        }
        else if (fate != SLOT_OWN_LOADER) {
            marks[i] = fate == SLOT_DEFER ? ORM_FILL_DEFERRED : ORM_FILL_RAISE;
        }
    }
    for (uint32_t i = 0; rc == 0 && p != NULL && i < m->nslots; i++) {
        if (marks[i] != 0) {
            p->fill[p->nfill++] = (orm_fill){.slot = i, .kind = marks[i]};
        }
    }
    PyMem_Free(marks);
    return rc;
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

/* Whether a key with some NULLs is one: allow_partial_pks of the Mapper. 1 / 0 / -1. */
static int
allows_partial_pk(orm_mapper *m)
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

/* The plan of an entity: one, however often it is selected. Index, or -1. */
static int64_t
add_entity(builder *b, orm_node *entity)
{
    orm_load_plan *plan = b->plan;
    orm_mapper *m = (orm_mapper *)entity->payload;
    orm_entplan *p = NULL;
    int partial;

    for (uint32_t i = 0; i < plan->nents; i++) {
        if (plan->ents[i].entity == entity) {
            return i;
        }
    }
    p = &plan->ents[plan->nents];
    p->index = plan->nents++;
    p->mapper = (orm_mapper *)Py_NewRef(m);
    p->entity = (orm_node *)Py_NewRef(entity);
    p->nident = m->npk;
    p->ident = PyMem_Malloc((m->npk + 1) * sizeof(*p->ident));
    p->fill = PyMem_Calloc(m->nslots + 1, sizeof(*p->fill));
    if (p->ident == NULL || p->fill == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < m->npk; i++) {
        p->ident[i] = UINT32_MAX;
    }
    partial = allows_partial_pk(m);
    p->partial_pk = partial > 0;
    if (partial < 0 || add_slots(b, entity, m, p) < 0 || check_identity(p) < 0) {
        return -1;
    }
    return plan->nents - 1;
}

/* --- names of the items ------------------------------------------------------------------- */

/* The name of an item in the row, before duplicates are counted. New reference. */
static PyObject *
root_key(orm_state *st, orm_node *item)
{
    orm_node *inner = item;

    if (item->kind == ORM_N_ENTITY) {
        PyObject *owner = orm_node_wrap(st, item);
        PyObject *name = NULL;

        if (owner != NULL && item->aux & ORM_ENTITY_ALIASED) {
            PyObject *insp = PyObject_GetAttr(owner, st->s_aliased_insp);
            name = insp == NULL ? NULL : PyObject_GetAttr(insp, st->s_name);
            Py_XDECREF(insp);
            if (name == Py_None) {
                Py_SETREF(name, Py_NewRef(st->s_no_label));
            }
        }
        else if (owner != NULL) {
            name = PyType_GetName((PyTypeObject *)owner);
        }
        Py_XDECREF(owner);
        return name;
    }
    if (item->kind == ORM_N_LABEL && item->payload != NULL) {
        return Py_NewRef(item->payload);
    }
    while (inner->kind == ORM_N_CAST || inner->kind == ORM_N_TYPECOERCE
           || inner->kind == ORM_N_APPLY) {
        inner = inner->args[0];
    }
    switch (inner->kind) {
    case ORM_N_LIST:
        return orm_is_bundle(inner) ? PyObject_GetAttr(inner->payload, st->s_name)
                                    : Py_NewRef(st->s_no_label);
    case ORM_N_LABEL: /* _name_expression() */
        return Py_NewRef(inner->payload == NULL ? st->s_no_label : inner->payload);
    case ORM_N_COLUMN:
    case ORM_N_ATTR:
        return Py_NewRef(orm_node_named(inner)->key);
    case ORM_N_COLREF:
    case ORM_N_TEXT:
        return Py_NewRef(inner->payload);
    case ORM_N_FUNC:
        if (PyTuple_Check(inner->payload)) {
            return Py_NewRef(PyTuple_GET_ITEM(inner->payload,
                                              PyTuple_GET_SIZE(inner->payload) - 1));
        }
        return Py_NewRef(inner->payload);
    default:
        return Py_NewRef(st->s_no_label);
    }
}

/* A name not yet in `taken` (a set): the key, or the key with a number. New reference. */
static PyObject *
free_key(PyObject *taken, PyObject *key)
{
    PyObject *name = Py_NewRef(key);
    int known = PySet_Contains(taken, name);

    for (int n = 1; known > 0; n++) {
        Py_SETREF(name, PyUnicode_FromFormat("%U_%d", key, n));
        known = name == NULL ? -1 : PySet_Contains(taken, name);
    }
    if (known < 0 || PySet_Add(taken, name) < 0) {
        Py_CLEAR(name);
    }
    return name;
}

PyObject *
orm_load_plan_shape(orm_state *st, orm_load_plan *plan)
{
    PyObject *keys = NULL;
    PyObject *exprs = NULL;
    PyObject *taken = NULL;
    PyObject *shape = NULL;

    if (plan->shape != NULL) {
        return plan->shape;
    }
    keys = PyTuple_New(plan->nroots);
    exprs = PyTuple_New(plan->nroots);
    taken = PySet_New(NULL);
    if (keys == NULL || exprs == NULL || taken == NULL) {
        goto done;
    }
    for (uint32_t i = 0; i < plan->nroots; i++) {
        const orm_root *root = &plan->roots[i];
        /* The same entity again keeps its name, which then is ambiguous. */
        PyObject *key = root->is_entity ? Py_NewRef(root->key) : free_key(taken, root->key);

        if (key == NULL) {
            goto done;
        }
        PyTuple_SET_ITEM(keys, i, key);
        PyTuple_SET_ITEM(exprs, i, Py_NewRef(root->expr));
    }
    shape = orm_shape_new(st, keys, exprs);
    Py_XSETREF(plan->shape, shape);
done:
    Py_XDECREF(keys);
    Py_XDECREF(exprs);
    Py_XDECREF(taken);
    return plan->shape;
}

/* --- expand ------------------------------------------------------------------------------- */

static int add_item(builder *b, orm_node *item, orm_root *root);

/* The parts of a bundle, in its place. 0 / -1. */
static int
add_bundle(builder *b, orm_node *item, orm_root *root)
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
        if (add_item(b, item->args[i], root == NULL ? NULL : &root->parts[i]) < 0) {
            return -1;
        }
    }
    return root == NULL ? 0 : orm_bundle_finish(b->st, item, root);
}

/* One item of the user's list, or of a bundle; root NULL: columns only. 0 / -1. */
static int
add_item(builder *b, orm_node *item, orm_root *root)
{
    bool is_entity = item->kind == ORM_N_ENTITY;
    int64_t at;

    if (root != NULL) {
        root->is_entity = is_entity;
        root->key = root_key(b->st, item);
        root->expr = orm_is_bundle(item) ? Py_NewRef(item->payload) : orm_node_wrap(b->st, item);
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
        return add_slots(b, item, (orm_mapper *)item->payload, NULL);
    }
    if (root != NULL && at >= 0) {
        root->index = (uint32_t)at;
    }
    return at < 0 ? -1 : 0;
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

static int
expand(orm_cctx *cc, orm_node *stmt, int top, orm_node **out)
{
    builder b = {.st = orm_cctx_state(cc)};
    int cell = columns_cell(stmt);
    const orm_node *cols = cell < 0 ? NULL : stmt->args[cell];
    bool entities = false;
    bool bundles = false;
    bool matched = stmt->kind == ORM_N_FROMSTMT; /* the columns are not ours to write */
    int rc = -1;

    *out = NULL;
    if (orm_configure(b.st) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; cols != NULL && i < Py_SIZE(cols); i++) {
        entities |= cols->args[i]->kind == ORM_N_ENTITY || orm_is_bundle(cols->args[i]);
        bundles |= orm_is_bundle(cols->args[i]);
    }
    if ((stmt->kind == ORM_N_SELECT || stmt->kind == ORM_N_FROMSTMT) && top) {
        b.options = stmt->args[matched ? ORM_FS_OPTIONS : ORM_SEL_OPTIONS];
        if (cols != NULL && check_options(b.st, b.options, cols) < 0) {
            return -1;
        }
    }
    if (!entities && !matched && (!top || cols == NULL || !has_one_column_each(cols))) {
        return 0;
    }
    if (bundles && matched) {
        return orm_raise_exc(b.st, ORM_EXC_InvalidRequestError,
                             "a Bundle or composite cannot be selected with from_statement(); "
                             "select its columns");
    }
    b.cols = PyList_New(0);
    b.plan = b.cols == NULL || !top ? NULL : plan_new(cols);
    if (b.cols == NULL || (top && b.plan == NULL)) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < Py_SIZE(cols); i++) {
        orm_root *root = b.plan == NULL ? NULL : &b.plan->roots[b.plan->nroots++];

        if (root != NULL) {
            b.plan->by_identity[i] = cols->args[i]->kind == ORM_N_ENTITY;
        }
        if (add_item(&b, cols->args[i], root) < 0) {
            goto done;
        }
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
    return rc;
}

static int
entity_columns(orm_state *st, orm_node *entity, PyObject *list)
{
    orm_mapper *m = (orm_mapper *)entity->payload;

    (void)st;
    for (uint32_t i = 0; i < m->nslots; i++) {
        orm_attribute *a = NULL;
        orm_node *n = NULL;
        int there;

        if (m->attrs[i] == NULL || m->attrs[i]->kind == ORM_SLOT_REFERENCE
            || m->attrs[i]->flags & ORM_A_QUERY || is_left_out(m->attrs[i])) {
            continue;
        }
        there = attribute_of(entity, m, i, &a);
        if (there <= 0) {
            if (there < 0) {
                return -1;
            }
            continue;
        }
        n = a->kind == ORM_SLOT_COLUMN ? a->n.node->args[1] : a->n.node;
        if (PyList_Append(list, (PyObject *)n) < 0) {
            return -1;
        }
    }
    return 0;
}

const orm_sql_orm_ops orm_load_sql_ops = {
    .entity_columns = entity_columns,
    .coerce_entity = orm_coerce_entity,
    .option_key = orm_option_key,
    .expand = expand,
    .make_option = orm_option_node,
};
