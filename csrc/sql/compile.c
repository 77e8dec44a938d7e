/*
 * compile.c - one compile run from the tree to the complete text.
 *
 * Place: orm_compile (plan.c) and the text for people (compiler_type.c) set up a run here,
 *   render the statement, and finish the text.
 * Ownership: orm_cctx_fini frees everything a run made and did not hand over.
 */
#include "compiler_type.h"

int
orm_cctx_init(orm_cctx *cc, orm_state *st, const orm_node *stmt, const orm_compile_opts *opts,
              const orm_values *values, unsigned flags)
{
    memset(cc, 0, sizeof(*cc));
    cc->st = st;
    cc->stmt = stmt;
    cc->opts = opts;
    cc->d = orm_dialect_of(opts->dialect);
    cc->values = values;
    cc->flags = flags;
    cc->bare = (flags & ORM_R_NOTABLE) != 0;
    orm_arena_init(&cc->arena);
    orm_buf_init(&cc->main);
    cc->out = &cc->main;
    orm_ptrmap_init(&cc->anon_map);
    orm_ptrmap_init(&cc->counters);
    orm_ptrmap_init(&cc->rec_by_node);
    orm_ptrmap_init(&cc->rec_by_name);
    cc->keep = PyList_New(0);
    return cc->keep == NULL ? -1 : 0;
}

void
orm_cctx_fini(orm_cctx *cc)
{
    for (orm_cte *c = cc->ctes; c != NULL; c = c->next) {
        orm_buf_fini(&c->text);
    }
    for (uint32_t i = 0; i < cc->ncols; i++) {
        Py_XDECREF(cc->cols[i].name);
        Py_XDECREF((PyObject *)cc->cols[i].type);
        Py_XDECREF((PyObject *)cc->cols[i].expr);
    }
    PyMem_Free(cc->cols);
    if (cc->load != NULL && cc->load_free != NULL) {
        cc->load_free(cc->load);
    }
    PyMem_Free(cc->recs);
    PyMem_Free(cc->occs);
    orm_ptrmap_fini(&cc->anon_map);
    orm_ptrmap_fini(&cc->counters);
    orm_ptrmap_fini(&cc->rec_by_node);
    orm_ptrmap_fini(&cc->rec_by_name);
    orm_buf_fini(&cc->main);
    orm_arena_fini(&cc->arena);
    if (cc->compiler != NULL) {
        ((CompilerObject *)cc->compiler)->cc = NULL;
        Py_DECREF(cc->compiler);
    }
    Py_XDECREF(cc->dialect_obj);
    Py_XDECREF(cc->keep);
}

void
orm_cctx_set_load(orm_cctx *cc, void *load, void (*free)(void *),
                  int (*traverse)(void *, visitproc, void *))
{
    if (cc->load != NULL && cc->load_free != NULL) {
        cc->load_free(cc->load);
    }
    cc->load = load;
    cc->load_free = free;
    cc->load_traverse = traverse;
}

orm_state *
orm_cctx_state(orm_cctx *cc)
{
    return cc->st;
}

int
orm_add_rescol(orm_cctx *cc, orm_str name, orm_type *type, const orm_node *expr)
{
    bool pinned = expr->kind == ORM_N_COLUMN || expr->kind == ORM_N_ATTR;
    PyObject *s = PyUnicode_DecodeUTF8(name.p, (Py_ssize_t)name.n, "strict");

    if (s == NULL) {
        return -1;
    }
    PyUnicode_InternInPlace(&s);
    if (type == NULL && (type = orm_type_builtin(cc->st, ORM_T_NULL)) == NULL) {
        Py_DECREF(s);
        return -1;
    }
    if (cc->ncols == cc->capcols) {
        uint32_t cap = cc->capcols == 0 ? 16 : cc->capcols * 2;
        orm_rescol *v = PyMem_Realloc(cc->cols, cap * sizeof(*v));

        if (v == NULL) {
            Py_DECREF(s);
            return orm_no_memory();
        }
        cc->cols = v;
        cc->capcols = cap;
    }
    cc->cols[cc->ncols++] = (orm_rescol){
        .name = s,
        .type = (orm_type *)Py_NewRef((PyObject *)type),
        .expr = pinned ? (orm_node *)Py_NewRef((PyObject *)expr) : NULL,
    };
    return 0;
}

/* A FROM element alone: the text that names it. */
static int
render_root(orm_cctx *cc)
{
    const orm_node *n = cc->stmt;

    if (orm_kind_is_stmt(n->kind) || n->kind == ORM_N_TEXTFROM) {
        return orm_render_statement(cc, n, ORM_RF_TOP);
    }
    if (orm_kind_is_from(n->kind)) {
        return orm_render_from(cc, n);
    }
    if (n->kind == ORM_N_LABEL) {
        return orm_render(cc, n->args[0]);
    }
    return orm_render(cc, n);
}

int
orm_cctx_run(orm_cctx *cc)
{
    if (render_root(cc) < 0 || orm_splice_ctes(cc, 0) < 0) {
        return -1;
    }
    return cc->main.failed ? orm_no_memory() : 0;
}
