/*
 * orm/load_eager.c - relationships that a SELECT loads along with its entities.
 *
 * Place: load_plan.c asks when a statement is compiled, if an option speaks of relationships or a
 *   mapping says that one is loaded eagerly. pyorm/orm/_eager.py works it out once per compiled
 *   form: a new SELECT with the joins written out and the related entities behind the statement's
 *   own items. Here its answer becomes part of the load plan.
 * Nothing of it runs per execution or per row.
 */
#include "orm/load_poly.h"
#include "orm/relation.h"

bool
orm_relation_is_eager(const orm_relation *rel)
{
    switch (rel == NULL ? ORM_LAZY_SELECT : rel->lazy) {
    case ORM_LAZY_JOINED:
    case ORM_LAZY_SUBQUERY:
    case ORM_LAZY_SELECTIN:
    case ORM_LAZY_IMMEDIATE:
        return true;
    default:
        return false;
    }
}

/* The mapping of an entity, or of a subclass, loads something along. 1 / 0 / -1. */
static int
mapper_is_eager(orm_mapper *m)
{
    uint32_t n = 0;
    const uint32_t *slots = orm_mapper_relations(m, &n);

    if (slots == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (orm_relation_is_eager(m->attrs[slots[i]]->relation)) {
            return 1;
        }
    }
    return 0;
}

int
orm_eager_needed(orm_state *st, const orm_node *options, const orm_node *cols)
{
    for (Py_ssize_t i = 0; options != NULL && i < Py_SIZE(options); i++) {
        const orm_option *o = (const orm_option *)options->args[i]->payload;
        bool ours = PyObject_TypeCheck((PyObject *)o, st->LoaderOption);

        if (ours ? o->words != NULL && PyTuple_GET_SIZE(o->words) > 0 : options->args[i]->aux != 0) {
            return 1;
        }
    }
    for (Py_ssize_t i = 0; i < Py_SIZE(cols); i++) {
        if (cols->args[i]->kind == ORM_N_ENTITY) {
            int eager = mapper_is_eager((orm_mapper *)cols->args[i]->payload);
            if (eager != 0) {
                return eager;
            }
        }
    }
    return 0;
}

bool
orm_parts_of(const orm_node *stmt, int *cols, int *options)
{
    switch (stmt->kind) {
    case ORM_N_SELECT:
        *cols = ORM_SEL_COLS;
        *options = ORM_SEL_OPTIONS;
        return true;
    case ORM_N_INSERT:
    case ORM_N_UPDATE:
    case ORM_N_DELETE:
        *cols = ORM_DML_RETURNING;
        *options = ORM_DML_OPTIONS;
        return true;
    case ORM_N_FROMSTMT:
        *cols = ORM_FS_COLS;
        *options = ORM_FS_OPTIONS;
        return true;
    default:
        return false;
    }
}

/* A tuple of the Python objects of a list's nodes. New reference. */
static PyObject *
wrap_all(orm_state *st, const orm_node *list)
{
    Py_ssize_t n = list == NULL ? 0 : Py_SIZE(list);
    PyObject *tuple = PyTuple_New(n);

    for (Py_ssize_t i = 0; tuple != NULL && i < n; i++) {
        orm_node *node = list->args[i];
        PyObject *o = node->kind == ORM_N_OPTION ? Py_NewRef(node->payload)
                                                 : orm_node_wrap(st, node);
        if (o == NULL) {
            Py_CLEAR(tuple);
        }
        else {
            PyTuple_SET_ITEM(tuple, i, o);
        }
    }
    return tuple;
}

/* A copy of a SELECT without some of its clauses: bits by their number. flags: more of its aux.
   New reference. */
static orm_node *
copy_without(orm_state *st, const orm_node *stmt, uint32_t clauses, uint32_t flags)
{
    orm_node *made = orm_node_new(st, NULL, stmt->kind, Py_SIZE(stmt));

    if (made == NULL) {
        return NULL;
    }
    made->op = stmt->op;
    made->aux = stmt->aux | flags;
    made->type = (orm_type *)Py_XNewRef(stmt->type);
    for (Py_ssize_t i = 0; i < Py_SIZE(stmt); i++) {
        made->args[i] = clauses >> i & 1 ? NULL : (orm_node *)Py_XNewRef(stmt->args[i]);
    }
    if (orm_node_seal(st, made) < 0) {
        Py_CLEAR(made);
    }
    return made;
}

int
orm_eager_expand(orm_state *st, orm_node *stmt, PyObject **out)
{
    PyObject *expand = orm_import_once(&st->eager_expand, "pyorm.orm._eager", "expand");
    PyObject *items = expand == NULL ? NULL : wrap_all(st, stmt->args[ORM_SEL_COLS]);
    PyObject *options = items == NULL ? NULL : wrap_all(st, stmt->args[ORM_SEL_OPTIONS]);
    PyObject *order = options == NULL ? NULL : wrap_all(st, stmt->args[ORM_SEL_ORDER]);
    bool wrap = stmt->args[ORM_SEL_LIMIT] != NULL || stmt->args[ORM_SEL_OFFSET] != NULL
                || stmt->args[ORM_SEL_FETCH] != NULL || stmt->args[ORM_SEL_DISTINCT] != NULL
                || stmt->args[ORM_SEL_GROUP] != NULL;
    orm_node *bare = order == NULL ? NULL : copy_without(st, stmt, 1u << ORM_SEL_OPTIONS, 0);
    PyObject *answer = NULL;

    if (bare != NULL) {
        answer = PyObject_CallFunctionObjArgs(expand, (PyObject *)bare, items, options,
                                              wrap ? Py_True : Py_False, order, NULL);
    }
    Py_XDECREF(bare);
    Py_XDECREF(order);
    Py_XDECREF(options);
    Py_XDECREF(items);
    if (answer == Py_None) {
        Py_CLEAR(answer);
        *out = NULL;
        return 0;
    }
    *out = answer;
    return answer == NULL ? -1 : 1;
}

int
orm_eager_of_rows(orm_state *st, const orm_node *cols, const orm_node *options, orm_node **all,
                  PyObject **out)
{
    PyObject *module = orm_import_once(&st->eager_module, "pyorm.orm._eager", NULL);
    PyObject *items = module == NULL ? NULL : wrap_all(st, cols);
    PyObject *given = items == NULL ? NULL : wrap_all(st, options);
    PyObject *list = NULL;

    *out = given == NULL ? NULL : PyObject_CallMethod(module, "of_rows", "OO", items, given);
    Py_XDECREF(items);
    Py_XDECREF(given);
    if (*out == NULL || *out == Py_None) {
        bool failed = *out == NULL;

        Py_CLEAR(*out);
        return failed ? -1 : 0;
    }
    list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < Py_SIZE(cols); i++) {
        if (PyList_Append(list, (PyObject *)cols->args[i]) < 0) {
            Py_CLEAR(list);
        }
    }
    PyObject *extra = PyTuple_GET_ITEM(*out, 0);
    for (Py_ssize_t i = 0; list != NULL && i < PyTuple_GET_SIZE(extra); i++) {
        orm_node *n = NULL;

        if (orm_coerce_entity(st, PyTuple_GET_ITEM(extra, i), &n) <= 0
            || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    if (list != NULL) {
        *all = orm_node_make(st, ORM_N_LIST, ORM_OP_COMMA, NULL, NULL, 0, PyList_GET_SIZE(list),
                             (orm_node *const *)((PyListObject *)list)->ob_item);
        Py_DECREF(list);
    }
    return list == NULL || *all == NULL ? -1 : 1;
}

/* _select_parts(statement): (items of its list, loader options). */
static PyObject *
f_select_parts(PyObject *module, PyObject *statement)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *n = orm_node_of(st, statement);
    PyObject *items = NULL;
    PyObject *options = NULL;
    int cols = 0;
    int said = 0;

    if (n == NULL) {
        return NULL;
    }
    if (!orm_parts_of(n, &cols, &said)) {
        PyErr_SetString(PyExc_TypeError, "_select_parts() takes a statement that gives entities");
        return NULL;
    }
    items = wrap_all(st, n->args[cols]);
    options = items == NULL ? NULL : wrap_all(st, n->args[said]);
    if (options == NULL) {
        Py_XDECREF(items);
        return NULL;
    }
    return Py_BuildValue("NN", items, options);
}

/* _select_columns(select): per item of its list a tuple of the columns that are read for it. */
static PyObject *
f_select_columns(PyObject *module, PyObject *statement)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *n = orm_node_of(st, statement);

    if (n == NULL || n->kind != ORM_N_SELECT) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "_select_columns() takes a Select");
        }
        return NULL;
    }
    return orm_columns_by_options(st, n);
}

/* _select_as_loaded(select): the Select whose options say also in a subquery what is read. */
static PyObject *
f_select_as_loaded(PyObject *module, PyObject *statement)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *n = orm_node_of(st, statement);

    if (n == NULL || n->kind != ORM_N_SELECT) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "_select_as_loaded() takes a Select");
        }
        return NULL;
    }
    return (PyObject *)copy_without(st, n, 0, ORM_SELF_AS_LOADED);
}

/* The copy has LIMIT, OFFSET, FETCH or DISTINCT ON: its order counts. */
static bool
is_ordered(const orm_node *stmt)
{
    const orm_node *distinct = stmt->args[ORM_SEL_DISTINCT];

    return stmt->args[ORM_SEL_LIMIT] != NULL || stmt->args[ORM_SEL_OFFSET] != NULL
           || stmt->args[ORM_SEL_FETCH] != NULL || (distinct != NULL && Py_SIZE(distinct) > 0);
}

/* _select_inside(select): (the Select without what means nothing in a subquery, what is left of its
   ORDER BY). */
static PyObject *
f_select_inside(PyObject *module, PyObject *statement)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *n = orm_node_of(st, statement);
    PyObject *order = NULL;

    if (n == NULL || n->kind != ORM_N_SELECT) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "_select_inside() takes a Select");
        }
        return NULL;
    }
    n = copy_without(st, n, 1u << ORM_SEL_OPTIONS | 1u << ORM_SEL_LOCK
                                | (is_ordered(n) ? 0 : 1u << ORM_SEL_ORDER), 0);
    order = n == NULL ? NULL : wrap_all(st, n->args[ORM_SEL_ORDER]);
    if (order == NULL) {
        Py_XDECREF(n);
        return NULL;
    }
    return Py_BuildValue("NN", n, order);
}

PyMethodDef orm_eager_functions[] = {
    {"_select_as_loaded", f_select_as_loaded, METH_O,
     "_select_as_loaded($module, select, /)\n--\n\nThe Select, as a subquery with what its options load."},
    {"_select_columns", f_select_columns, METH_O,
     "_select_columns($module, select, /)\n--\n\nThe columns that a Select reads for each item of its list."},
    {"_select_inside", f_select_inside, METH_O,
     "_select_inside($module, select, /)\n--\n\nThe Select as a subquery repeats it, and what is left of its "
     "ORDER BY."},
    {"_select_parts", f_select_parts, METH_O,
     "_select_parts($module, statement, /)\n--\n\nItems and loader options of a Select."},
    {NULL, NULL, 0, NULL},
};

/* --- what is remembered ------------------------------------------------------------------ */

/* What the statement of this run says, with its values: borrowed from the loader; NULL: -1. */
static PyObject *
remembered_now(orm_loader *l, const orm_entplan *p)
{
    PyObject *module = NULL;

    if (l->later == NULL && l->statement != NULL) {
        module = orm_import_once(&l->st->eager_module, "pyorm.orm._eager", NULL);
        l->later = module == NULL
                       ? NULL
                       : PyObject_CallMethod(module, "remembered_of", "O", l->statement);
        if (l->later == NULL) {
            return NULL;
        }
    }
    return l->later == NULL ? p->remembered
                            : PyTuple_GET_ITEM(PyList_GET_ITEM(l->later, p->remembered_at), 1);
}

int
orm_loader_remember(orm_loader *l, const orm_entplan *p, orm_head *h)
{
    PyObject *what = p->remembered;
    orm_rare *rare = NULL;

    if (!p->remembers_values && l->groups != NULL && p->peers && h->peers == NULL) {
        return 0; /* the record has them */
    }
    what = p->remembers_values ? remembered_now(l, p) : what;
    rare = what == NULL ? NULL : orm_rare_ensure(h);

    if (rare == NULL) {
        return -1;
    }
    Py_XSETREF(rare->options, Py_NewRef(what));
    if (!(h->flags & ORM_H_FOREIGN)) {
        orm_entity_track(ORM_ENTITY_OF(h)); /* a value may lead back to it */
    }
    return 0;
}

/* --- into the plan ------------------------------------------------------------------------ */

/* A relationship's slot in the mapper of an entity plan; -1 exception. */
static int64_t
slot_named(const orm_mapper *m, PyObject *key)
{
    int64_t slot = orm_mapper_slot(m, key);

    if (slot == -1) {
        PyErr_SetObject(PyExc_KeyError, key);
    }
    return slot < 0 ? -1 : slot;
}

static int
add_child(orm_load_plan *plan, orm_entplan *p, orm_mapper *m, PyObject *key, uint32_t ent)
{
    orm_child *grown = NULL;
    int64_t slot = slot_named(m, key);

    if (slot < 0) {
        return -1;
    }
    grown = PyMem_Realloc(p->children, (p->nchildren + 1) * sizeof(*grown));
    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    p->children = grown;
    p->children[p->nchildren++] =
        (orm_child){.mapper = (orm_mapper *)Py_NewRef(m), .slot = (uint32_t)slot, .ent = ent,
                    .number = plan->nchildren++,
                    .many = m->attrs[slot]->kind == ORM_SLOT_COLLECTION};
    plan->repeats |= m->attrs[slot]->kind == ORM_SLOT_COLLECTION;
    return 0;
}

/* children: (parent's item, key, related item, plan of the class that has it) ... 0 / -1. */
static int
link_children(orm_state *st, orm_load_plan *plan, const uint32_t *ents, PyObject *children)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(children); i++) {
        unsigned int parent, related;
        PyObject *key = NULL;
        PyObject *m = NULL;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(children, i), "IUIO!", &parent, &key, &related,
                              st->MapperPlan, &m)
            || add_child(plan, &plan->ents[ents[parent]], (orm_mapper *)m, key, ents[related]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* marks: (item, key, word) ...: relationships that are not loaded now, and how later. 0 / -1. */
static int
link_marks(orm_load_plan *plan, const uint32_t *ents, PyObject *marks)
{
    static const struct {
        const char *word;
        uint8_t kind;
    } kinds[] = {{"raise", ORM_FILL_RAISE}, {"raise_on_sql", ORM_FILL_RAISE_ON_SQL},
                 {"noload", ORM_FILL_NOLOAD}, {"select", ORM_FILL_LAZY}};

    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(marks); i++) {
        unsigned int item;
        const char *word = NULL;
        PyObject *key = NULL;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(marks, i), "IUs", &item, &key, &word)) {
            return -1;
        }
        orm_entplan *p = &plan->ents[ents[item]];
        int64_t slot = slot_named(p->mapper, key);
        if (slot < 0) {
            return -1;
        }
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            if (strcmp(word, kinds[k].word) == 0) {
                p->fill[p->nfill++] = (orm_fill){.slot = (uint32_t)slot, .kind = kinds[k].kind};
            }
        }
    }
    return 0;
}

/* posts: (item, key, how, what, arguments, has values, plan, path) ...: further SELECTs. 0 / -1. */
static int
link_posts(orm_state *st, orm_load_plan *plan, const uint32_t *ents, PyObject *posts)
{
    static const struct {
        const char *word;
        uint8_t how;
    } ways[] = {{"selectin", ORM_LAZY_SELECTIN}, {"subquery", ORM_LAZY_SUBQUERY},
                {"immediate", ORM_LAZY_IMMEDIATE}};
    Py_ssize_t n = PyList_GET_SIZE(posts);

    plan->posts = PyMem_Calloc((size_t)n + 1, sizeof(*plan->posts));
    if (plan->posts == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        unsigned int item;
        const char *word = NULL;
        int values = 0;
        PyObject *key, *what, *arguments, *m, *path;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(posts, i), "IUsOOpO!O!", &item, &key, &word, &what,
                              &arguments, &values, st->MapperPlan, &m, &PyTuple_Type, &path)) {
            return -1;
        }
        int64_t slot = slot_named((orm_mapper *)m, key);
        if (slot < 0) {
            return -1;
        }
        orm_post *post = &plan->posts[plan->nposts++];
        *post = (orm_post){.ent = ents[item], .mapper = (orm_mapper *)Py_NewRef(m),
                           .slot = (uint32_t)slot, .what = Py_NewRef(what),
                           .path = Py_NewRef(path), .arguments = Py_NewRef(arguments),
                           .has_values = values != 0};
        plan->ents[ents[item]].has_posts = true;
        for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++) {
            if (strcmp(word, ways[k].word) == 0) {
                post->how = ways[k].how;
            }
        }
    }
    return 0;
}

/* remembered: (item, (options, {}), has values) ...: what later lazy loads of its instances are
   given. 0 / -1. */
static int
link_remembered(orm_load_plan *plan, const uint32_t *ents, PyObject *remembered)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(remembered); i++) {
        unsigned int item;
        PyObject *options = NULL;
        int values = 0;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(remembered, i), "IO!p", &item, &PyTuple_Type,
                              &options, &values)) {
            return -1;
        }
        orm_entplan *p = &plan->ents[ents[item]];
        Py_XSETREF(p->remembered, Py_NewRef(options));
        p->remembered_at = (uint32_t)i;
        p->remembers_values = values != 0;
    }
    return 0;
}

int
orm_eager_link(orm_state *st, orm_load_plan *plan, const uint32_t *ents, PyObject *expansion)
{
    return link_children(st, plan, ents, PyTuple_GET_ITEM(expansion, 1)) < 0
                   || link_posts(st, plan, ents, PyTuple_GET_ITEM(expansion, 2)) < 0
                   || link_marks(plan, ents, PyTuple_GET_ITEM(expansion, 3)) < 0
                   || link_remembered(plan, ents, PyTuple_GET_ITEM(expansion, 4)) < 0
                   || orm_posts_prepare(plan) < 0
               ? -1
               : 0;
}
