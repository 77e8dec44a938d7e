/*
 * orm/load_cell.c - whole numbers of rows, read without an object and shared with the row before.
 *
 * Place: load_rows.c, for the columns of instances that it makes.
 */
#include "orm/load_cell.h"

bool
orm_loader_reads_int(const orm_loader *l, uint32_t column)
{
    const orm_decoder *d = &l->decoders[column];

    return (d->type->kind == ORM_T_INT32 || d->type->kind == ORM_T_INT64
               || d->type->kind == ORM_T_INT16)
           && d->fn == d->type->codec[l->dec->dialect]->decode
           && !(d->type->flags & ORM_TF_PY_RESULT);
}

int
orm_lasts_keep(orm_loader *l)
{
    uint32_t n = orm_result_ncols(l->r);

    l->lasts = PyMem_Calloc((size_t)n + 1, sizeof(*l->lasts));
    if (l->lasts == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    l->nlasts = n;
    for (uint32_t i = 0; i < n; i++) {
        l->lasts[i].misses = orm_loader_reads_int(l, i) ? 0 : ORM_LAST_OFF;
    }
    return 0;
}

void
orm_lasts_free(orm_loader *l)
{
    for (uint32_t i = 0; l->lasts != NULL && i < l->nlasts; i++) {
        Py_XDECREF(l->lasts[i].obj);
    }
    PyMem_Free(l->lasts);
    l->lasts = NULL;
}
