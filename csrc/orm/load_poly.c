/*
 * orm/load_poly.c - entities whose rows may be of subclasses.
 *
 * Place: load_plan.c asks, when it expands an entity, for the columns of the subclasses that are
 *   loaded with it and for how its rows are told apart; load_rows.c asks for the class of a row
 *   and fills what that class has besides the entity's own attributes.
 * Rule: the discriminator's value picks the variant; a value that is nobody's identity is an
 *   error. What a subclass has and the row has not is marked as expired: the first read of one
 *   loads them all. A known instance keeps its class.
 * Values: slots of a subclass extend its parent's, so a variant adds to the entity's plan; only
 *   concrete classes have a plan of their own (`whole`).
 * Locking: the GIL. Nothing of a row runs Python where the discriminator is text.
 */
#include "orm/load_poly.h"

#include <string.h>

/* --- columns of an entity ------------------------------------------------------------------ */

/* The alias that stands for a class inside an alias, borrowed; NULL: none. */
static orm_alias *
alias_for(orm_alias *al, const orm_mapper *of)
{
    if (al->mapper == of) {
        return al;
    }
    for (Py_ssize_t i = 0; al->subs != NULL && i < PyTuple_GET_SIZE(al->subs); i++) {
        orm_alias *sub = (orm_alias *)PyTuple_GET_ITEM(al->subs, i); /* borrow-ok: al has it */

        if (sub->mapper == of) {
            return sub;
        }
    }
    return NULL;
}

/* The i-th column of an attribute in an alias's selectable: 1 and a new reference, 0, -1. */
static int
alias_column(orm_alias *al, orm_attribute *a, uint32_t i, orm_node **out)
{
    PyObject *columns = NULL;
    PyObject *column = NULL;

    if (al->columns == NULL || a->kind != ORM_SLOT_COLUMN) {
        column = PyTuple_GET_ITEM(a->columns, i); /* borrow-ok: a has them */
    }
    else {
        columns = PyDict_GetItemWithError(al->columns, a->n.key); /* borrow-ok: al has it */
        if (columns == NULL || i >= PyTuple_GET_SIZE(columns)) {
            return columns == NULL && PyErr_Occurred() ? -1 : 0;
        }
        column = PyTuple_GET_ITEM(columns, i); /* borrow-ok: al has it */
    }
    *out = (orm_node *)Py_XNewRef(orm_node_of(al->mapper->state, column));
    return *out == NULL ? -1 : 1;
}

orm_node *
orm_alias_column(const orm_node *alias, const orm_node *attr)
{
    orm_alias *al = alias->aux & ORM_ENTITY_ALIASED ? (orm_alias *)orm_entity_owner(alias) : NULL;
    orm_attribute *a = (orm_attribute *)attr->payload;
    PyObject *columns = NULL;
    Py_ssize_t at = 0;

    if (al == NULL || al->columns == NULL || a->columns == NULL || a->kind != ORM_SLOT_COLUMN) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a->columns); i++) {
        if (PyTuple_GET_ITEM(a->columns, i) == (PyObject *)attr->args[1]) {
            at = i;
        }
    }
    columns = PyDict_GetItemWithError(al->columns, a->n.key); /* borrow-ok: al has it */
    if (columns == NULL || at >= PyTuple_GET_SIZE(columns)) {
        return NULL;
    }
    return orm_node_of(al->mapper->state, PyTuple_GET_ITEM(columns, at));
}

/* The i-th column of an attribute in what the class itself is read from: 1 and a new reference, 0,
   -1. `a` is of the class, or of a subclass that it loads. */
static int
plain_column(const orm_mapper *m, orm_attribute *a, uint32_t i, orm_node **out)
{
    PyObject *columns = a->columns;

    for (Py_ssize_t k = 0; m->poly_columns != NULL && k <= PyTuple_GET_SIZE(m->poly); k++) {
        if (a->mapper == (k == 0 ? m : (orm_mapper *)PyTuple_GET_ITEM(m->poly, k - 1))) {
            columns = PyTuple_GET_ITEM(m->poly_columns, k); /* borrow-ok: m has them */
            columns = PyDict_GetItemWithError(columns, a->n.key); /* borrow-ok: the same */
        }
    }
    if (columns == NULL || i >= PyTuple_GET_SIZE(columns)) {
        return columns == NULL && PyErr_Occurred() ? -1 : 0;
    }
    *out = (orm_node *)Py_XNewRef(orm_node_of(m->state, PyTuple_GET_ITEM(columns, i)));
    return *out == NULL ? -1 : 1;
}

int
orm_entity_column(const orm_node *entity, orm_mapper *of, uint32_t slot, uint32_t i, orm_node **out)
{
    orm_attribute *a = of->attrs[slot];
    orm_alias *al = NULL;
    orm_node *column = NULL;
    int rc = 1;

    *out = NULL;
    if (a->n.node == NULL) {
        return 0;
    }
    if (entity->aux & ORM_ENTITY_ALIASED) {
        al = alias_for((orm_alias *)orm_entity_owner(entity), of);
        if (al != NULL && al->entity == entity && i == 0) {
            orm_attribute *there = NULL;

            rc = orm_alias_attribute(al, slot, &there);
            *out = rc <= 0 ? NULL : (orm_node *)Py_NewRef(there->n.node);
            return rc;
        }
        rc = al == NULL ? 0 : alias_column(al, a, i, &column);
    }
    else if (i == 0 && a->n.node->args[0] == entity) {
        *out = (orm_node *)Py_NewRef(a->n.node);
        return 1;
    }
    else {
        rc = plain_column((orm_mapper *)entity->payload, a, i, &column);
    }
    if (rc > 0) {
        *out = orm_attribute_node(a, (orm_node *)entity, column);
        rc = *out == NULL ? -1 : 1;
    }
    Py_XDECREF(column);
    return rc;
}

/* --- columns of subclasses ----------------------------------------------------------------- */

/* Number of the subclasses that an entity loads, and the i-th of them, borrowed. */
static Py_ssize_t
loaded_count(const orm_node *entity)
{
    const orm_mapper *m = (const orm_mapper *)entity->payload;

    if (entity->aux & ORM_ENTITY_ALIASED) {
        return Py_SIZE(entity) - 2;
    }
    return m->poly == NULL ? 0 : PyTuple_GET_SIZE(m->poly);
}

static orm_mapper *
loaded_class(const orm_node *entity, Py_ssize_t i)
{
    const orm_mapper *m = (const orm_mapper *)entity->payload;

    if (entity->aux & ORM_ENTITY_ALIASED) {
        return (orm_mapper *)entity->args[i + 1]->payload;
    }
    return (orm_mapper *)PyTuple_GET_ITEM(m->poly, i); /* borrow-ok: the plan has it */
}

bool
orm_entity_loads(const orm_node *entity, const orm_mapper *m)
{
    Py_ssize_t n = loaded_count(entity);

    for (Py_ssize_t i = 0; i < n; i++) {
        if (loaded_class(entity, i) == m) {
            return true;
        }
    }
    return false;
}

/* The parent has the slot too, and this column of it. */
static bool
has_column(const orm_mapper *m, uint32_t slot, PyObject *column)
{
    const orm_attribute *a = slot < m->nslots ? m->attrs[slot] : NULL;

    for (Py_ssize_t i = 0; a != NULL && a->columns != NULL && i < PyTuple_GET_SIZE(a->columns);
         i++) {
        if (PyTuple_GET_ITEM(a->columns, i) == column) {
            return true;
        }
    }
    return false;
}

/* Where options about a subclass's attributes say so: the alias's own entity of it. */
static const orm_node *
entity_of_class(const orm_node *entity, const orm_mapper *m)
{
    orm_alias *al = NULL;

    if (!(entity->aux & ORM_ENTITY_ALIASED)) {
        return m->entity;
    }
    al = alias_for((orm_alias *)orm_entity_owner(entity), m);
    return al == NULL ? entity : al->entity;
}

/* Select what one subclass has besides the entity's own columns. 0 / -1. */
static int
put_subclass(orm_builder *b, orm_node *entity, orm_mapper *sub, Py_ssize_t from)
{
    const orm_mapper *m = (const orm_mapper *)entity->payload;

    for (uint32_t slot = 0; slot < sub->nslots; slot++) {
        orm_attribute *a = sub->attrs[slot];
        bool shared = slot < m->nslots && m->attrs[slot] != NULL;
        int fate;

        if (a == NULL || ORM_SLOT_IS_RELATION(a->kind) || a->columns == NULL
            || a->flags & ORM_A_QUERY || (shared && !(a->flags & ORM_A_PK))) {
            continue;
        }
        fate = shared ? ORM_FATE_LOAD
                      : orm_slot_fate(b->options, entity_of_class(entity, sub), a);
        if (fate < 0) {
            return -1;
        }
        for (uint32_t i = 0; fate == ORM_FATE_LOAD && i < PyTuple_GET_SIZE(a->columns); i++) {
            orm_node *n = NULL;
            int rc = has_column(m, slot, PyTuple_GET_ITEM(a->columns, i))
                         ? 0
                         : orm_entity_column(entity, sub, slot, i, &n);

            if (rc > 0 && orm_builder_put(b, n, from) < 0) {
                rc = -1;
            }
            Py_XDECREF(n);
            if (rc < 0) {
                return -1;
            }
        }
    }
    return 0;
}

/* --- variants -------------------------------------------------------------------------------- */

/* The nearest class between a variant and the entity's whose columns are selected; NULL: none. */
static orm_mapper *
nearest_loaded(const orm_node *entity, orm_mapper *v, uint32_t slot)
{
    const orm_mapper *m = (const orm_mapper *)entity->payload;

    for (; v != NULL && v != m; v = v->base) {
        if (slot < v->nslots && v->attrs[slot] != NULL && orm_entity_loads(entity, v)) {
            return v;
        }
    }
    return NULL;
}

/* Where the value of one slot of a variant comes from: 1 and an entry, 0 none needed, -1. */
static int
variant_entry(const orm_builder *b, const orm_node *entity, orm_variant *v, uint32_t slot,
              orm_fill *out)
{
    orm_attribute *a = v->mapper->attrs[slot];
    orm_mapper *near = nearest_loaded(entity, v->mapper, slot);
    const orm_node *about = near == NULL ? v->mapper->entity : entity_of_class(entity, near);
    int fate = about == NULL ? ORM_FATE_LOAD : orm_slot_fate(b->options, about, a);
    orm_node *n = NULL;
    Py_ssize_t at = -1;

    if (fate < 0 || fate == ORM_FATE_OWN) {
        return fate < 0 ? -1 : 0;
    }
    *out = (orm_fill){.slot = slot, .kind = fate == ORM_FATE_DEFER   ? ORM_FILL_DEFERRED
                                            : fate == ORM_FATE_RAISE ? ORM_FILL_RAISE
                                                                     : ORM_FILL_EXPIRED};
    if (fate != ORM_FATE_LOAD || near == NULL) {
        return 1;
    }
    if (orm_entity_column(entity, near, slot, 0, &n) < 0) {
        return -1;
    }
    at = n == NULL ? -1 : orm_builder_find(b, n, 0);
    Py_XDECREF(n);
    if (at >= 0) {
        *out = (orm_fill){.slot = slot, .column = (uint32_t)at, .kind = ORM_FILL_COLUMN,
                          .policy = ORM_FILL_PARTIAL, .label = orm_attribute_label(a)};
    }
    return at >= 0 && out->label == NULL ? -1 : 1;
}

/* Entries of a variant, columns first. 0 / -1. */
static int
fill_variant(const orm_builder *b, const orm_node *entity, orm_variant *v)
{
    const orm_mapper *m = (const orm_mapper *)entity->payload;
    orm_fill *marks = PyMem_Calloc(v->mapper->nslots + 1, sizeof(*marks));
    uint32_t nmarks = 0;
    int rc = 0;

    v->post = -1;
    v->fill = PyMem_Calloc(v->mapper->nslots + 1, sizeof(*v->fill));
    if (v->fill == NULL || marks == NULL) {
        PyErr_NoMemory();
        rc = -1;
    }
    for (uint32_t slot = 0; rc >= 0 && slot < v->mapper->nslots; slot++) {
        orm_attribute *a = v->mapper->attrs[slot];
        orm_fill entry = {0};

        if (a == NULL || ORM_SLOT_IS_RELATION(a->kind) || a->flags & ORM_A_QUERY
            || (slot < m->nslots && m->attrs[slot] != NULL)) {
            continue;
        }
        rc = variant_entry(b, entity, v, slot, &entry);
        if (rc > 0 && entry.kind == ORM_FILL_COLUMN) {
            v->fill[v->nfill++] = entry;
        }
        else if (rc > 0) {
            marks[nmarks++] = entry;
        }
    }
    v->ncolumns = v->nfill;
    for (uint32_t i = 0; rc >= 0 && i < nmarks; i++) {
        v->fill[v->nfill++] = marks[i];
    }
    PyMem_Free(marks);
    return rc < 0 ? -1 : 0;
}

/* The plan of a concrete class's rows, in those of its parent. 0 / -1. */
static int
make_whole(orm_builder *b, orm_node *entity, const orm_entplan *p, orm_variant *v)
{
    v->whole = PyMem_Calloc(1, sizeof(*v->whole));
    if (v->whole == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    v->whole->index = p->index;
    p->poly->has_whole = true;
    return orm_entplan_make(b, entity, v->mapper, v->whole);
}

/* The class and its descendants that have an identity, counted; into `poly` where it is given. */
static uint32_t
add_variants(orm_mapper *m, orm_poly *poly)
{
    uint32_t n = m->identity != NULL;

    if (n > 0 && poly != NULL) {
        orm_variant *v = &poly->variants[poly->n++];

        v->mapper = (orm_mapper *)Py_NewRef(m);
        if (PyUnicode_CheckExact(m->identity)) {
            v->text = PyUnicode_AsUTF8AndSize(m->identity, &v->len); /* utf8-ok: an identity */
        }
    }
    for (uint32_t i = 0; i < m->nchildren; i++) {
        n += add_variants(m->children[i], poly);
    }
    return n;
}

/* The same for the concrete classes that the entity loads. */
static uint32_t
add_concrete(const orm_node *entity, orm_poly *poly)
{
    const orm_mapper *m = (const orm_mapper *)entity->payload;
    uint32_t n = 0;

    for (Py_ssize_t i = 0; i < loaded_count(entity); i++) {
        orm_mapper *sub = loaded_class(entity, i);

        if (sub->root != m->root) {
            n += add_variants(sub, poly);
        }
    }
    return n;
}

static int
number_variants(orm_poly *poly)
{
    poly->numbers = PyDict_New();
    for (uint32_t i = 0; poly->numbers != NULL && i < poly->n; i++) {
        PyObject *number = PyLong_FromUnsignedLong(i);
        int rc = number == NULL
                     ? -1
                     : PyDict_SetItem(poly->numbers, poly->variants[i].mapper->identity, number);

        Py_XDECREF(number);
        if (rc < 0 || (poly->variants[i].text == NULL && PyErr_Occurred())) {
            return -1;
        }
    }
    return poly->numbers == NULL ? -1 : 0;
}

/* How the entity's rows are told apart, into p. 0 / -1. */
static int
make_poly(orm_builder *b, orm_node *entity, orm_entplan *p)
{
    orm_mapper *m = p->mapper;
    uint32_t column = UINT32_MAX;
    uint32_t n = 0;

    for (uint32_t i = 0; m->discriminator >= 0 && i < p->ncolumns; i++) {
        if (p->fill[i].slot == (uint32_t)m->discriminator) {
            column = p->fill[i].column;
        }
    }
    n = column == UINT32_MAX ? 0 : add_variants(m, NULL) + add_concrete(entity, NULL);
    if (n == 0) {
        return 0;
    }
    p->poly = PyMem_Calloc(1, sizeof(*p->poly));
    if (p->poly != NULL) {
        p->poly->column = column;
        p->poly->variants = PyMem_Calloc(n, sizeof(orm_variant));
    }
    if (p->poly == NULL || p->poly->variants == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    (void)add_variants(m, p->poly);
    (void)add_concrete(entity, p->poly);
    if (number_variants(p->poly) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        orm_variant *v = &p->poly->variants[i];
        bool concrete = v->mapper->root != m->root;

        if (concrete ? make_whole(b, entity, p, v) < 0 : fill_variant(b, entity, v) < 0) {
            return -1;
        }
        p->poly->has_columns = p->poly->has_columns || p->poly->variants[i].ncolumns > 0;
    }
    return orm_poly_posts_make(b->options, entity, p->poly);
}

int
orm_poly_expand(orm_builder *b, orm_node *entity, orm_entplan *p, Py_ssize_t from)
{
    Py_ssize_t n = loaded_count(entity);

    for (Py_ssize_t i = 0; i < n; i++) {
        orm_mapper *sub = loaded_class(entity, i);
        bool concrete = sub->root != ((orm_mapper *)entity->payload)->root;
        int rc = !concrete   ? put_subclass(b, entity, sub, from)
                 : p == NULL ? orm_slots_expand(b, entity, sub, NULL)
                             : 0; /* its variant does that */

        if (rc < 0) {
            return -1;
        }
    }
    return p == NULL ? 0 : make_poly(b, entity, p);
}

/* --- life --------------------------------------------------------------------------------- */

void
orm_poly_free(orm_poly *poly)
{
    for (uint32_t i = 0; poly != NULL && poly->variants != NULL && i < poly->n; i++) {
        orm_variant *v = &poly->variants[i];

        for (uint32_t k = 0; k < v->nfill; k++) {
            PyMem_Free(v->fill[k].label);
        }
        PyMem_Free(v->fill);
        if (v->whole != NULL && poly->borrowed) {
            PyMem_Free(v->whole->fill);
            PyMem_Free(v->whole->ident);
        }
        else if (v->whole != NULL) {
            orm_entplan_fini(v->whole);
        }
        PyMem_Free(v->whole);
        Py_XDECREF(v->mapper);
    }
    for (uint32_t i = 0; poly != NULL && !poly->borrowed && i < poly->nposts; i++) {
        Py_XDECREF(poly->posts[i].mapper);
        Py_XDECREF(poly->posts[i].select);
        Py_XDECREF(poly->posts[i].options);
    }
    if (poly != NULL) {
        if (!poly->borrowed) {
            PyMem_Free(poly->posts);
        }
        PyMem_Free(poly->variants);
        Py_XDECREF(poly->numbers);
        PyMem_Free(poly);
    }
}

int
orm_poly_traverse(orm_poly *poly, visitproc visit, void *arg)
{
    for (uint32_t i = 0; i < poly->n; i++) {
        Py_VISIT(poly->variants[i].mapper);
        if (poly->variants[i].whole != NULL && !poly->borrowed) {
            Py_VISIT(poly->variants[i].whole->mapper);
        }
    }
    for (uint32_t i = 0; i < poly->nposts; i++) {
        Py_VISIT(poly->posts[i].mapper);
        Py_VISIT(poly->posts[i].select);
        Py_VISIT(poly->posts[i].options);
    }
    Py_VISIT(poly->numbers);
    return 0;
}

/* One entry as the result has it. 0 / -1 no memory. */
static int
match_fill(const orm_fill *from, const uint32_t *found, orm_fill *to)
{
    size_t size = from->label == NULL ? 0 : strlen(from->label) + 1;

    *to = *from;
    to->label = NULL;
    if (from->kind != ORM_FILL_COLUMN) {
        return 0;
    }
    if (found[from->column] == ORM_NO_COLUMN) {
        *to = (orm_fill){.slot = from->slot, .kind = ORM_FILL_EXPIRED};
        return 0;
    }
    to->column = found[from->column];
    to->label = PyMem_Malloc(size);
    if (to->label == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(to->label, from->label, size);
    return 0;
}

/* The plan of a concrete class, with arrays of its own. 0 / -1. */
static int
match_whole(const orm_variant *from, const uint32_t *found, orm_variant *to)
{
    const orm_entplan *p = from->whole;
    orm_entplan *made = PyMem_Malloc(sizeof(*made));

    to->whole = made;
    if (made == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *made = *p;
    made->ident = PyMem_Malloc((p->nident + 1) * sizeof(*made->ident));
    made->fill = PyMem_Malloc((p->nfill + 1) * sizeof(*made->fill));
    if (made->ident == NULL || made->fill == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return orm_entplan_match(p, found, made);
}

/* Columns that are there first, then marks. 0 / -1. */
static int
match_variant(const orm_variant *from, const uint32_t *found, orm_variant *to)
{
    *to = *from;
    to->mapper = (orm_mapper *)Py_NewRef(from->mapper);
    to->nfill = to->ncolumns = 0;
    to->whole = NULL;
    to->fill = PyMem_Calloc(from->nfill + 1, sizeof(*to->fill));
    if (to->fill == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (from->whole != NULL && match_whole(from, found, to) < 0) {
        return -1;
    }
    for (int marks = 0; marks < 2; marks++) {
        for (uint32_t i = 0; i < from->nfill; i++) {
            const orm_fill *f = &from->fill[i];
            bool column = f->kind == ORM_FILL_COLUMN && found[f->column] != ORM_NO_COLUMN;

            if (column == (marks == 0) && match_fill(f, found, &to->fill[to->nfill++]) < 0) {
                return -1;
            }
        }
        to->ncolumns = marks == 0 ? to->nfill : to->ncolumns;
    }
    return 0;
}

int
orm_poly_match(const orm_poly *from, const uint32_t *found, orm_poly **out)
{
    orm_poly *to = NULL;

    if (found[from->column] == ORM_NO_COLUMN) {
        return 0; /* nothing tells the classes apart: all rows are the entity's own */
    }
    *out = to = PyMem_Malloc(sizeof(*to));
    if (to == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *to = *from;
    to->borrowed = true;
    to->column = found[from->column];
    to->numbers = Py_NewRef(from->numbers);
    to->variants = PyMem_Calloc(from->n + 1, sizeof(*to->variants));
    to->n = 0;
    if (to->variants == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    while (to->n < from->n) {
        to->n++;
        if (match_variant(&from->variants[to->n - 1], found, &to->variants[to->n - 1]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- rows --------------------------------------------------------------------------------- */

const orm_variant *
orm_poly_of(orm_poly *poly, const orm_mapper *m)
{
    if (poly->last < poly->n && poly->variants[poly->last].mapper == m) {
        return &poly->variants[poly->last];
    }
    for (uint32_t i = 0; i < poly->n; i++) {
        if (poly->variants[i].mapper == m) {
            poly->last = i;
            return &poly->variants[i];
        }
    }
    return NULL;
}

/* The discriminator's value is nobody's identity: InvalidRequestError or AssertionError. -1. */
static int
refuse(orm_loader *l, const orm_entplan *p, PyObject *value, const orm_cell *cells)
{
    PyObject *function = orm_import_once(&l->st->refuse_row, "pyorm.orm._inherit", "refuse_row");
    PyObject *key = PyTuple_New(p->nident);
    PyObject *answer = NULL;

    for (uint32_t i = 0; key != NULL && i < p->nident; i++) {
        PyObject *v = orm_loader_value(l, p->ident[i], "?", &cells[p->ident[i]]);

        if (v == NULL) {
            Py_CLEAR(key);
            break;
        }
        PyTuple_SET_ITEM(key, i, v);
    }
    if (function != NULL && key != NULL) {
        answer = PyObject_CallFunctionObjArgs(function, p->mapper->py, key, value,
                                              l->token == NULL ? Py_None : l->token, NULL);
    }
    Py_XDECREF(key);
    Py_XDECREF(answer);
    return -1;
}

/* fast path: same answer as by the value's object. */
static const orm_variant *
by_text(orm_poly *poly, const char *text, Py_ssize_t len)
{
    const orm_variant *v = &poly->variants[poly->last];

    if (v->text != NULL && v->len == len && memcmp(v->text, text, (size_t)len) == 0) {
        return v;
    }
    for (uint32_t i = 0; i < poly->n; i++) {
        v = &poly->variants[i];
        if (v->text != NULL && v->len == len && memcmp(v->text, text, (size_t)len) == 0) {
            poly->last = i;
            return v;
        }
    }
    return NULL;
}

static bool
is_plain_text(const orm_loader *l, const orm_decoder *d)
{
    return (d->type->kind == ORM_T_STRING || d->type->kind == ORM_T_TEXT)
           && d->fn == d->type->codec[l->dec->dialect]->decode
           && !(d->type->flags & ORM_TF_PY_RESULT);
}

int
orm_poly_pick(orm_loader *l, const orm_entplan *p, const orm_cell *cells, const orm_variant **out)
{
    orm_poly *poly = p->poly;
    const orm_cell *cell = &cells[poly->column];
    PyObject *value = NULL;
    PyObject *number = NULL;
    int rc = 0;

    *out = NULL;
    if ((cell->kind == ORM_V_TEXT || cell->kind == ORM_V_BLOB)
        && is_plain_text(l, &l->decoders[poly->column])) {
        *out = by_text(poly, cell->p, (Py_ssize_t)cell->len);
        if (*out != NULL) {
            ORM_COUNT(load_by_text);
            return 0;
        }
    }
    value = orm_loader_value(l, poly->column, "discriminator", cell);
    if (value == NULL) {
        return -1;
    }
    rc = PyDict_GetItemRef(poly->numbers, value, &number);
    if (rc > 0) {
        *out = &poly->variants[PyLong_AsUnsignedLong(number)];
        Py_DECREF(number);
    }
    else if (rc == 0) {
        rc = refuse(l, p, value, cells);
    }
    Py_DECREF(value);
    return rc < 0 ? -1 : 0;
}

const orm_entplan *
orm_poly_whole(orm_loader *l, const orm_entplan *p, const orm_cell *cells)
{
    const orm_variant *v = NULL;

    if (cells[p->poly->column].kind == ORM_V_NULL) {
        return p; /* an outer join's row without this entity; or refused with its key in hand */
    }
    if (orm_poly_pick(l, p, cells, &v) < 0) {
        return NULL;
    }
    return v->whole == NULL ? p : v->whole;
}
