/*
 * orm/load_match.c - which column of another statement's rows is which attribute.
 *
 * Place: Select.from_statement(): load_plan.c planned the items as if their columns had been
 *   written by us; when the statement has run, this makes the plan for the columns that came.
 * Rules: a column is found by the expression that the statement selects (the attribute, or the
 *   column behind it), else by its name, or by table_name. An attribute without a column stays
 *   unloaded and is loaded when it is read; a primary key or another item must be there.
 * Types: a column that the statement gave no type is decoded as the attribute's type.
 */
#include "orm/load_poly.h"


/* What a wanted column may be called. */
typedef struct names {
    const char *name;  /* borrowed from the node, or NULL: it has none */
    const char *table; /* borrowed: table of the column, or NULL */
} names;

static int
names_of(const orm_node *want, names *out)
{
    PyObject *name = NULL;

    *out = (names){0};
    if (want->kind == ORM_N_ATTR) {
        name = want->payload == NULL ? NULL : orm_node_named(want)->key;
        want = want->args[1];
        while (want->kind == ORM_N_COLREF) {
            want = want->args[1];
        }
    }
    if (want->kind == ORM_N_COLUMN) {
        name = orm_node_named(want)->name;
        if (want->args[0] != NULL && want->args[0]->kind == ORM_N_TABLE) {
            out->table = PyUnicode_AsUTF8(orm_node_named(want->args[0])->name);
            if (out->table == NULL) {
                return -1;
            }
        }
    }
    else if (want->kind == ORM_N_LABEL || want->kind == ORM_N_COLREF || want->kind == ORM_N_TEXT
             || (want->kind == ORM_N_FUNC && name == NULL)) {
        name = want->payload != NULL && PyUnicode_Check(want->payload) ? want->payload : name;
    }
    out->name = name == NULL ? NULL : PyUnicode_AsUTF8(name);
    return name != NULL && out->name == NULL ? -1 : 0;
}

static bool
is_called(const names *n, const char *column)
{
    size_t table = n->table == NULL ? 0 : strlen(n->table);

    if (n->name == NULL) {
        return false;
    }
    return strcmp(column, n->name) == 0
           || (table > 0 && strncmp(column, n->table, table) == 0 && column[table] == '_'
               && strcmp(column + table + 1, n->name) == 0);
}

/* The expression of a result column is the wanted one, or what is behind it. */
static bool
is_same(const orm_node *want, const orm_node *expr)
{
    if (expr == NULL || want == expr) {
        return expr != NULL;
    }
    if (want->kind != ORM_N_ATTR) {
        return expr->kind == ORM_N_ATTR && expr->args[1] == want;
    }
    if (expr->kind == ORM_N_ATTR) {
        return expr->aux == want->aux && expr->args[0]->payload == want->args[0]->payload;
    }
    want = want->args[1];
    while (want->kind == ORM_N_COLREF && want != expr) {
        want = want->args[1];
    }
    return want == expr;
}

/* The column of a result for each wanted node. 0 / -1. */
static int
find_columns(orm_state *st, const orm_load_plan *plan, const orm_compiled *c, orm_result *r,
             uint32_t *found)
{
    orm_decctx *dec = NULL;
    orm_decoder *decoders = orm_result_decoders(r, &dec);
    uint32_t n = orm_result_ncols(r);
    bool known = c->ncols == n; /* the statement says what its columns are */

    for (uint32_t w = 0; w < plan->ncols; w++) {
        orm_node *want = (orm_node *)PyList_GET_ITEM(plan->wanted, w); /* borrow-ok: never changed */
        names called;
        uint32_t at = 0;

        while (known && at < n && !is_same(want, c->cols[at].expr)) {
            at++;
        }
        if (!known || at == n) {
            if (names_of(want, &called) < 0) {
                return -1;
            }
            for (at = 0; at < n && !is_called(&called, orm_result_colname(r, at));) {
                at++;
            }
        }
        found[w] = at < n ? at : ORM_NO_COLUMN;
        if (at < n && (!known || c->cols[at].type->kind == ORM_T_NULL) && want->type != NULL
            && orm_decoder_pick(st, want->type, dec->dialect, decoders[at].type->oid,
                                &decoders[at]) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
refuse_missing(orm_state *st, const char *label)
{
    return orm_raise_exc(st, ORM_EXC_NoSuchColumnError,
                         "Could not locate column in row for column '%s'", label);
}

/* Attributes are shown as table.column, other items by their name. */
static int
refuse_item(orm_state *st, const orm_node *want, const orm_root *root)
{
    char *label = want->kind == ORM_N_ATTR && want->payload != NULL
                      ? orm_attribute_label((const orm_attribute *)want->payload)
                      : NULL;

    if (label == NULL && PyErr_Occurred()) {
        return -1;
    }
    (void)refuse_missing(st, label == NULL ? root->label : label);
    PyMem_Free(label);
    return -1;
}

int
orm_entplan_match(const orm_entplan *from, const uint32_t *found, orm_entplan *to)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < from->ncolumns; i++) {
        const orm_fill *f = &from->fill[i];

        if (found[f->column] != ORM_NO_COLUMN) {
            to->fill[n] = *f;
            to->fill[n++].column = found[f->column];
        }
        for (uint32_t k = 0; k < from->nident; k++) {
            if (from->ident[k] == f->column) {
                if (found[f->column] == ORM_NO_COLUMN) {
                    return refuse_missing(from->mapper->state, f->label);
                }
                to->ident[k] = found[f->column];
            }
        }
    }
    to->ncolumns = n;
    for (uint32_t i = 0; i < from->nfill; i++) {
        const orm_fill *f = &from->fill[i];

        if (f->kind != ORM_FILL_COLUMN) {
            to->fill[n++] = *f;
        }
        else if (found[f->column] == ORM_NO_COLUMN) {
            to->fill[n++] = (orm_fill){.slot = f->slot, .kind = ORM_FILL_EXPIRED};
        }
    }
    to->nfill = n;
    to->poly = NULL;
    return from->poly == NULL ? 0 : orm_poly_match(from->poly, found, &to->poly);
}

void
orm_load_plan_unmatch(orm_load_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (uint32_t i = 0; plan->ents != NULL && i < plan->nents; i++) {
        PyMem_Free(plan->ents[i].ident);
        PyMem_Free(plan->ents[i].fill);
        orm_poly_free(plan->ents[i].poly);
    }
    PyMem_Free(plan->ents);
    PyMem_Free(plan->roots);
    PyMem_Free(plan);
}

/* A copy with numbers of its own to write to. PyMem, or NULL. */
static orm_load_plan *
copy_plan(const orm_load_plan *from)
{
    orm_load_plan *to = PyMem_Malloc(sizeof(*to));
    bool failed = to == NULL;

    if (to != NULL) {
        *to = *from;
        to->roots = PyMem_Malloc((from->nroots + 1) * sizeof(*to->roots));
        to->ents = PyMem_Calloc(from->nents + 1, sizeof(*to->ents));
        failed = to->roots == NULL || to->ents == NULL;
    }
    for (uint32_t i = 0; !failed && i < from->nents; i++) {
        to->ents[i] = from->ents[i];
        to->ents[i].poly = NULL;
        to->ents[i].ident = PyMem_Malloc((from->ents[i].nident + 1) * sizeof(uint32_t));
        to->ents[i].fill = PyMem_Malloc((from->ents[i].nfill + 1) * sizeof(orm_fill));
        failed |= to->ents[i].ident == NULL || to->ents[i].fill == NULL;
    }
    if (failed) {
        orm_load_plan_unmatch(to);
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(to->roots, from->roots, from->nroots * sizeof(*to->roots));
    return to;
}

orm_load_plan *
orm_load_plan_match(orm_state *st, const orm_load_plan *plan, const orm_compiled *c,
                    orm_result *r)
{
    uint32_t *found = PyMem_Malloc((plan->ncols + 1) * sizeof(*found));
    orm_load_plan *made = found == NULL ? NULL : copy_plan(plan);
    int rc = made == NULL ? -1 : find_columns(st, plan, c, r, found);

    if (found == NULL) {
        PyErr_NoMemory();
    }
    for (uint32_t i = 0; rc == 0 && i < plan->nents; i++) {
        rc = orm_entplan_match(&plan->ents[i], found, &made->ents[i]);
    }
    for (uint32_t i = 0; rc == 0 && i < plan->nroots; i++) {
        orm_root *root = &made->roots[i];

        if (!root->is_entity) {
            const orm_node *want =
                (const orm_node *)PyList_GET_ITEM(plan->wanted, root->index); /* borrow-ok */

            root->index = found[root->index];
            rc = root->index == ORM_NO_COLUMN ? refuse_item(st, want, root) : 0;
        }
    }
    PyMem_Free(found);
    if (rc < 0) {
        orm_load_plan_unmatch(made);
        return NULL;
    }
    return made;
}
