/*
 * plan_wire.c - the text to send for one set of values: IN lists of the right length.
 *
 * Place: exec/ asks orm_compiled_wire at each execution. A statement without holes has one
 *   text. With holes there is a variant per combination of padded lengths, made once and
 *   kept with the compiled statement.
 * Padding: the number of placeholders is the next power of two, one stays one; the places
 *   beyond the list repeat its last item, which changes nothing for IN and NOT IN. An empty
 *   list is a SELECT without rows, which is false for IN and true for NOT IN.
 * Ownership: variants belong to orm_compiled.render and live as long as it does.
 * Locking: the GIL.
 */
#include "plan.h"

typedef struct hole {
    size_t at;       /* byte of the base text */
    uint32_t slot;   /* placeholders before it */
    uint32_t arity;  /* values per row of a tuple IN; 0: single values */
    orm_slot model;  /* owned: slot of each of its values, item and part apart */
    orm_type **parts; /* owned array of owned types: tuple IN; else NULL */
} hole;

typedef struct variant {
    struct variant *next;
    orm_wiretext wire;   /* owned text and slots */
    uint32_t sizes[]; /* padded length of each hole */
} variant;

typedef struct wiring {
    orm_wiretext own;       /* no holes: the compiled's own text and slots, borrowed */
    uint8_t dialect;    /* ORM_PG, ORM_LITE */
    hole *holes;        /* owned; nholes */
    uint32_t nholes;
    variant *variants;  /* chain; never shortened: a running statement may read one */
} wiring;

static void
free_variants(wiring *w)
{
    while (w->variants != NULL) {
        variant *v = w->variants;

        w->variants = v->next;
        orm_slots_free((orm_slot *)v->wire.slots, v->wire.nslots);
        orm_free((void *)v->wire.text.sql);
        PyMem_Free(v);
    }
}

static void
free_wiring(void *p)
{
    wiring *w = p;

    free_variants(w);
    for (uint32_t i = 0; i < w->nholes; i++) {
        hole *h = &w->holes[i];

        Py_XDECREF((PyObject *)h->model.type);
        Py_XDECREF(h->model.name);
        Py_XDECREF(h->model.column);
        Py_XDECREF(h->model.dflt);
        Py_XDECREF(h->model.value);
        for (uint32_t k = 0; h->parts != NULL && k < h->arity; k++) {
            Py_XDECREF((PyObject *)h->parts[k]);
        }
        PyMem_Free(h->parts);
    }
    PyMem_Free(w->holes);
    PyMem_Free(w);
}

/* The types of a tuple IN's values; a type without parts stands for each of them. */
static int
fill_parts(hole *h)
{
    orm_type *type = h->model.type;

    if (h->arity == 0) {
        return 0;
    }
    h->parts = PyMem_Calloc(h->arity, sizeof(*h->parts));
    if (h->parts == NULL) {
        return orm_no_memory();
    }
    for (uint32_t i = 0; i < h->arity; i++) {
        orm_type *part = type;

        if (type->kind == ORM_T_TUPLE && type->extra != NULL && PyTuple_Check(type->extra)
            && (Py_ssize_t)i < PyTuple_GET_SIZE(type->extra)) {
            part = (orm_type *)PyTuple_GET_ITEM(type->extra, i);
        }
        h->parts[i] = (orm_type *)Py_NewRef((PyObject *)part);
    }
    return 0;
}

int
orm_wire_prepare(orm_cctx *cc, orm_compiled *c, const orm_buf *text, const orm_finished *f)
{
    wiring *w;

    (void)text;
    if (f->nholes == 0) {
        return 0;
    }
    w = PyMem_Calloc(1, sizeof(*w));
    if (w == NULL) {
        return orm_no_memory();
    }
    c->render = w;
    c->render_free = free_wiring;
    w->dialect = cc->d->id;
    w->holes = PyMem_Calloc(f->nholes, sizeof(*w->holes));
    if (w->holes == NULL) {
        return orm_no_memory();
    }
    for (uint32_t i = 0; i < f->nholes; i++) {
        const orm_occ *occ = &cc->occs[f->holes[i].occ];
        hole *h = &w->holes[i];

        w->nholes = i + 1;
        h->at = f->holes[i].at;
        h->slot = f->holes[i].slot;
        h->arity = occ->arity;
        if (orm_slot_fill(cc, occ, &h->model) < 0 || fill_parts(h) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- making a variant ------------------------------------------------------------------- */

static uint32_t
padded(Py_ssize_t n)
{
    uint32_t size = 1;

    if (n <= 1) {
        return (uint32_t)n;
    }
    while ((Py_ssize_t)size < n) {
        size *= 2;
    }
    return size;
}

/* The list's length for this execution; -1 with an exception. */
static Py_ssize_t
list_length(const hole *h, PyObject *const *values, PyObject *named)
{
    PyObject *value = h->model.bind == ORM_SLOT_BY_NAME ? h->model.value : values[h->model.bind];

    if (named != NULL && PyDict_Check(named)) {
        /* borrow-ok: read at once */
        PyObject *given = PyDict_GetItemWithError(named, h->model.name);

        if (given == NULL && PyErr_Occurred()) {
            return -1;
        }
        value = given != NULL ? given : value;
    }
    if (value == NULL) {
        PyErr_Format(PyExc_TypeError, "IN (%U) needs a list of values; none was given.",
                     h->model.name);
        return -1;
    }
    return PySequence_Size(value);
}

static int
add_slot(variant *v, const orm_slot *model, orm_type *type, int32_t item, int32_t part)
{
    orm_slot *s = (orm_slot *)&v->wire.slots[v->wire.nslots++];

    *s = *model;
    s->item = item != ORM_SLOT_WHOLE ? item : model->item;
    s->part = item != ORM_SLOT_WHOLE ? part : model->part;
    s->type = (orm_type *)Py_NewRef((PyObject *)type);
    Py_XINCREF(s->name);
    Py_XINCREF(s->column);
    Py_XINCREF(s->dflt);
    Py_XINCREF(s->value);
    return 0;
}

static void
put_placeholder(const wiring *w, orm_buf *out, uint32_t number)
{
    if (w->dialect == ORM_PG) {
        orm_buf_printf(out, "$%u", number);
    } else {
        orm_buf_putc(out, '?');
    }
}

/* The placeholders of one hole; PostgreSQL counts them behind all others. */
static void
put_hole(const wiring *w, orm_buf *out, variant *v, const hole *h, uint32_t size, uint32_t *number)
{
    if (size == 0) {
        uint32_t width = h->arity > 0 ? h->arity : 1;

        orm_buf_puts(out, "SELECT ");
        for (uint32_t k = 0; k < width; k++) {
            orm_buf_puts(out, k > 0 ? ", " : "");
            if (h->arity > 0 && w->dialect == ORM_PG) {
                /* A NULL of the column's type: PostgreSQL compares no text with 1. */
                put_placeholder(w, out, ++*number);
                add_slot(v, &h->model, h->parts[k], 0, (int32_t)k);
            } else {
                orm_buf_putc(out, '1');
            }
        }
        orm_buf_puts(out, " WHERE 1!=1");
        return;
    }
    if (h->arity > 0 && w->dialect == ORM_LITE) {
        orm_buf_puts(out, "VALUES ");
    }
    for (uint32_t i = 0; i < size; i++) {
        orm_buf_puts(out, i > 0 ? ", " : "");
        if (h->arity == 0) {
            put_placeholder(w, out, ++*number);
            add_slot(v, &h->model, h->model.type, (int32_t)i, -1);
            continue;
        }
        orm_buf_putc(out, '(');
        for (uint32_t k = 0; k < h->arity; k++) {
            orm_buf_puts(out, k > 0 ? ", " : "");
            put_placeholder(w, out, ++*number);
            add_slot(v, &h->model, h->parts[k], (int32_t)i, (int32_t)k);
        }
        orm_buf_putc(out, ')');
    }
}

static void
copy_slots(variant *v, const orm_compiled *c, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        add_slot(v, &c->slots[i], c->slots[i].type, ORM_SLOT_WHOLE, -1);
    }
}

static int
fill_variant(orm_state *st, const orm_compiled *c, const wiring *w, variant *v)
{
    orm_buf out = {0};
    size_t at = 0, len;
    uint32_t done = 0, number = c->nslots;

    if (w->dialect == ORM_PG) {
        copy_slots(v, c, 0, c->nslots);
        done = c->nslots;
    }
    for (uint32_t i = 0; i < w->nholes; i++) {
        const hole *h = &w->holes[i];

        orm_buf_put(&out, c->wire.sql + at, h->at - at);
        at = h->at;
        if (w->dialect != ORM_PG) {
            copy_slots(v, c, done, h->slot);
            done = h->slot;
        }
        put_hole(w, &out, v, h, v->sizes[i], &number);
    }
    orm_buf_put(&out, c->wire.sql + at, c->wire.len - at);
    copy_slots(v, c, done, c->nslots);
    v->wire.text = c->wire;
    v->wire.text.sql = orm_buf_steal(&out, &len);
    v->wire.text.len = len;
    v->wire.text.id = ++sql_room(st)->next_text_id;
    return v->wire.text.sql == NULL ? orm_no_memory() : 0;
}

static variant *
make_variant(orm_state *st, const orm_compiled *c, wiring *w, const uint32_t *sizes)
{
    variant *v = PyMem_Calloc(1, sizeof(*v) + w->nholes * sizeof(uint32_t));
    size_t n = c->nslots;

    if (v == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(v->sizes, sizes, w->nholes * sizeof(uint32_t));
    for (uint32_t i = 0; i < w->nholes; i++) {
        n += (size_t)(sizes[i] == 0 ? 1 : sizes[i])
             * (w->holes[i].arity == 0 ? 1 : w->holes[i].arity);
    }
    v->wire.slots = PyMem_Calloc(n + 1, sizeof(orm_slot));
    if (v->wire.slots == NULL) {
        PyErr_NoMemory();
    } else if (fill_variant(st, c, w, v) == 0) {
        return v;
    }
    orm_slots_free((orm_slot *)v->wire.slots, v->wire.nslots);
    PyMem_Free(v);
    return NULL;
}

int
orm_compiled_wire(orm_state *st, orm_compiled *c, PyObject *const *values, PyObject *named,
                  const orm_wiretext **out)
{
    wiring *w = c->render;
    uint32_t small[16], *sizes = small;
    variant *v = NULL;

    if (w == NULL) {
        w = PyMem_Calloc(1, sizeof(*w));
        if (w == NULL) {
            return orm_no_memory();
        }
        w->own = (orm_wiretext){.text = c->wire, .slots = c->slots, .nslots = c->nslots};
        c->render = w;
        c->render_free = free_wiring;
    }
    if (w->nholes == 0) {
        *out = &w->own;
        return 0;
    }
    if (w->nholes > 16 && (sizes = PyMem_New(uint32_t, w->nholes)) == NULL) {
        return orm_no_memory();
    }
    for (uint32_t i = 0; i < w->nholes; i++) {
        Py_ssize_t n = list_length(&w->holes[i], values, named);

        if (n < 0) {
            goto done;
        }
        sizes[i] = padded(n);
    }
    for (v = w->variants; v != NULL; v = v->next) {
        if (memcmp(v->sizes, sizes, w->nholes * sizeof(uint32_t)) == 0) {
            break;
        }
    }
    if (v == NULL && (v = make_variant(st, c, w, sizes)) != NULL) {
        v->next = w->variants;
        w->variants = v;
        c->bytes += v->wire.text.len + v->wire.nslots * sizeof(orm_slot);
    }
done:
    if (sizes != small) {
        PyMem_Free(sizes);
    }
    *out = v == NULL ? NULL : &v->wire;
    return v == NULL ? -1 : 0;
}
