/*
 * key.c - the key of a statement: a flat array of 64-bit words that says everything which
 *   decides its text, and nothing that does not.
 *
 * Place: between a statement and the compiled cache. One walk emits the words; it stores
 *   them (miss) or compares them with an entry's (hit), and gathers the bind values at
 *   first sight in both cases.
 * Words: low bit 1: header, ordinal, text; low bit 0: the address of an object that the
 *   entry pins. Anonymous things (binds, aliases, labels) are ordinals of first sight, so
 *   that sharing is part of the structure and a renaming is not.
 * Invariants: runs no Python: names are exact str, compared by content; nothing is called.
 *   A hash is never trusted: alias permutations have equal hashes by construction.
 * Iterative: an explicit stack; chains of AND are walked along their left side.
 * Locking: the GIL.
 */
#include "key.h"

#include <string.h>

/* ---- growing arrays with an inline start ------------------------------------------------------- */
static int
grow(void **p, void *inl, uint32_t *cap, size_t item)
{
    uint32_t next = *cap * 2;
    void *fresh;

    if (*p == inl) {
        fresh = PyMem_Malloc(next * item);
        if (fresh != NULL) {
            memcpy(fresh, inl, *cap * item);
        }
    }
    else {
        fresh = PyMem_Realloc(*p, next * item);
    }
    if (fresh == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *p = fresh;
    *cap = next;
    return 0;
}

static void
values_init(orm_values *v)
{
    v->v = v->inl;
    v->binds = v->binl;
    v->n = 0;
    v->cap = 16;
}

void
orm_values_fini(orm_values *v)
{
    if (v->v != v->inl) {
        PyMem_Free(v->v);
    }
    if (v->binds != v->binl) {
        PyMem_Free(v->binds);
    }
    values_init(v);
}

static int
values_grow(orm_values *v)
{
    uint32_t cap = v->cap;

    if (grow((void **)&v->v, v->inl, &cap, sizeof(PyObject *)) < 0) {
        return -1;
    }
    return grow((void **)&v->binds, v->binl, &v->cap, sizeof(orm_node *));
}

static inline int
values_add(orm_values *v, orm_node *bind)
{
    if (v->n == v->cap && values_grow(v) < 0) {
        return -1;
    }
    v->v[v->n] = bind->payload;
    v->binds[v->n++] = bind;
    return 0;
}

void
orm_sqlkey_init(orm_sqlkey *k, orm_state *st, orm_values *vals)
{
    k->st = st;
    k->words = k->winl;
    k->nwords = 0;
    k->wcap = ORM_KEY_INLINE;
    k->pins = k->pinl;
    k->npins = 0;
    k->pcap = ORM_KEY_INLINE;
    k->stack = k->sinl;
    k->scap = ORM_KEY_INLINE;
    k->seen = k->seeninl;
    k->nseen = 0;
    k->seencap = 16;
    k->slots = NULL;
    k->nslots = 0;
    k->ref = NULL;
    k->at = NULL;
    k->end = NULL;
    k->vals = vals;
    values_init(vals);
}

void
orm_sqlkey_fini(orm_sqlkey *k)
{
    if (k->words != k->winl) {
        PyMem_Free(k->words);
    }
    if (k->pins != k->pinl) {
        PyMem_Free(k->pins);
    }
    if (k->stack != k->sinl) {
        PyMem_Free(k->stack);
    }
    if (k->seen != k->seeninl) {
        PyMem_Free(k->seen);
    }
    PyMem_Free(k->slots);
}

/* ---- emitting ------------------------------------------------------------------------------------ */

/* Storing, or the end of the entry's key, or another word. */
static ORM_COLD int
emit_slow(orm_sqlkey *k, uint64_t w)
{
    if (k->ref != NULL) {
        return 1;
    }
    if (k->nwords == k->wcap
        && grow((void **)&k->words, k->winl, &k->wcap, sizeof(uint64_t)) < 0) {
        return -1;
    }
    k->words[k->nwords++] = w;
    return 0;
}

/* 0 stored or equal; 1 differs from the entry's key; -1 no memory. */
static inline int
emit(orm_sqlkey *k, uint64_t w)
{
    if (k->at < k->end && *k->at == w) { /* storing: at and end are NULL */
        k->at++;
        return 0;
    }
    return emit_slow(k, w);
}

static ORM_COLD int
emit_pin_slow(orm_sqlkey *k, void *o)
{
    if (k->ref == NULL && o != NULL) {
        if (k->npins == k->pcap
            && grow((void **)&k->pins, k->pinl, &k->pcap, sizeof(PyObject *)) < 0) {
            return -1;
        }
        k->pins[k->npins++] = o;
    }
    return emit_slow(k, (uint64_t)(uintptr_t)o);
}

static inline int
emit_pin(orm_sqlkey *k, void *o)
{
    if (k->at < k->end && *k->at == (uint64_t)(uintptr_t)o) {
        k->at++;
        return 0;
    }
    return emit_pin_slow(k, o);
}

/* For orm/'s option keys: words of its own. */
int
orm_key_word(void *k, uint64_t w)
{
    return emit(k, w << 1 | 1);
}

int
orm_key_pin(void *k, PyObject *o)
{
    return emit_pin(k, o);
}

/* First word of a text; the low byte says how to read on, so that no two texts are alike. */
enum { TEXT_NONE = 0x01, TEXT_LONG = 0x03 /* | kind << 4, then the characters */,
       TEXT_SHORT = 0x05 /* | length << 4, and the characters */, TEXT_TUPLE = 0x07 };

static ORM_COLD int
emit_long_str(orm_sqlkey *k, PyObject *s)
{
    size_t bytes = (size_t)PyUnicode_GET_LENGTH(s) * (size_t)PyUnicode_KIND(s);
    const char *p = PyUnicode_DATA(s);
    size_t i;
    int rc = emit(k, (uint64_t)bytes << 8 | (uint64_t)PyUnicode_KIND(s) << 4 | TEXT_LONG);

    for (i = 0; rc == 0 && i < bytes; i += 8) {
        uint64_t w = 0;

        memcpy(&w, p + i, bytes - i < 8 ? bytes - i : 8);
        rc = emit(k, w);
    }
    return rc;
}

static inline int
emit_str(orm_sqlkey *k, PyObject *s)
{
#if PY_LITTLE_ENDIAN
    size_t n = (size_t)PyUnicode_GET_LENGTH(s);

    if (n - 1 < 7 && PyUnicode_IS_COMPACT_ASCII(s)) { /* most names: one word */
        uint64_t w;

        /* the eight bytes that end with the text: before it stands the object's own head */
        memcpy(&w, (const char *)((PyASCIIObject *)s + 1) + n - 8, 8);
        return emit(k, w >> (8 - n) * 8 << 8 | n << 4 | TEXT_SHORT);
    }
#endif
    return emit_long_str(k, s);
}

/* A name or text: nothing, a str, or a tuple of str. */
static int
emit_text(orm_sqlkey *k, PyObject *text)
{
    Py_ssize_t i;
    int rc;

    if (text == NULL) {
        return emit(k, TEXT_NONE);
    }
    if (PyUnicode_CheckExact(text)) {
        return emit_str(k, text);
    }
    if (!PyTuple_Check(text)) {
        return emit_pin(k, text); /* a str subclass: by identity */
    }
    rc = emit(k, (uint64_t)PyTuple_GET_SIZE(text) << 8 | TEXT_TUPLE);
    for (i = 0; rc == 0 && i < PyTuple_GET_SIZE(text); i++) {
        PyObject *part = PyTuple_GET_ITEM(text, i);

        rc = PyUnicode_CheckExact(part) ? emit_str(k, part) : emit_pin(k, part);
    }
    return rc;
}

int
orm_sqlkey_text(orm_sqlkey *k, PyObject *text)
{
    return emit_text(k, text);
}

/* ---- ordinals of first sight ---------------------------------------------------------------------- */
static int
rehash(orm_sqlkey *k)
{
    uint32_t n = k->nslots == 0 ? 64 : k->nslots * 2;
    uint32_t *slots = PyMem_Calloc(n, sizeof(uint32_t));
    uint32_t i;

    if (slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (i = 0; i < k->nseen; i++) {
        uint32_t h = (uint32_t)(((uintptr_t)k->seen[i] >> 4) * UINT32_C(2654435761)) & (n - 1);

        while (slots[h] != 0) {
            h = (h + 1) & (n - 1);
        }
        slots[h] = i + 1;
    }
    PyMem_Free(k->slots);
    k->slots = slots;
    k->nslots = n;
    return 0;
}

/* Ordinal of a node; *first: it is new. -1 no memory. By the table: more than 16 are known. */
static ORM_COLD int64_t
ordinal_of_many(orm_sqlkey *k, const orm_node *n, int *first)
{
    *first = 0;
    if (k->nslots != 0) {
        uint32_t h =
            (uint32_t)(((uintptr_t)n >> 4) * UINT32_C(2654435761)) & (k->nslots - 1);

        while (k->slots[h] != 0) {
            if (k->seen[k->slots[h] - 1] == n) {
                return k->slots[h] - 1;
            }
            h = (h + 1) & (k->nslots - 1);
        }
    }
    if (k->nseen == k->seencap
        && grow((void **)&k->seen, k->seeninl, &k->seencap, sizeof(orm_node *)) < 0) {
        return -1;
    }
    k->seen[k->nseen++] = n;
    *first = 1;
    if (k->nseen > 16 && (k->nslots == 0 || k->nseen * 2 > k->nslots)) {
        if (rehash(k) < 0) {
            return -1;
        }
    }
    else if (k->nslots != 0) {
        uint32_t h =
            (uint32_t)(((uintptr_t)n >> 4) * UINT32_C(2654435761)) & (k->nslots - 1);

        while (k->slots[h] != 0) {
            h = (h + 1) & (k->nslots - 1);
        }
        k->slots[h] = k->nseen;
    }
    return k->nseen - 1;
}

/* The same; linear up to 16. */
static inline int64_t
ordinal(orm_sqlkey *k, const orm_node *n, int *first)
{
    uint32_t i;

    if (k->nslots != 0) {
        return ordinal_of_many(k, n, first);
    }
    for (i = 0; i < k->nseen; i++) {
        if (k->seen[i] == n) {
            *first = 0;
            return i;
        }
    }
    if (i == 16) {
        return ordinal_of_many(k, n, first);
    }
    k->seen[k->nseen++] = n;
    *first = 1;
    return i;
}

/* ---- the walk ------------------------------------------------------------------------------------------ */
#define HEAD(n, extra)                                                                        \
    ((uint64_t)(n)->kind << 1 | (uint64_t)(n)->op << 9 | (uint64_t)(extra) << 17 | 1)
#define END_OF_RUN ((const orm_node *)1)
#define WORD_END UINT64_C(0x7ffffffffffffff1)
#define WORD_NULL UINT64_C(0x7ffffffffffffff3)

static inline int
push(orm_sqlkey *k, uint32_t *top, const orm_node *n)
{
    if (*top == k->scap
        && grow((void **)&k->stack, k->sinl, &k->scap, sizeof(const orm_node *)) < 0) {
        return -1;
    }
    k->stack[(*top)++] = n;
    return 0;
}

static int
walk_bind(orm_sqlkey *k, const orm_node *n)
{
    PyObject *name = orm_bind_name(n);
    int first;
    int64_t o = ordinal(k, n, &first);
    int rc;

    if (o < 0) {
        return -1;
    }
    rc = emit(k, HEAD(n, (uint64_t)o << 3 | (uint64_t)orm_bind_arity(n) << 1 | (uint64_t)first));
    if (!first || rc != 0) {
        return rc;
    }
    if ((rc = emit(k, (uint64_t)n->aux << 1 | 1)) != 0 || (rc = emit_pin(k, n->type)) != 0) {
        return rc;
    }
    rc = PyUnicode_CheckExact(name) ? emit_str(k, name) : emit_text(k, name);
    return rc != 0 ? rc : values_add(k->vals, (orm_node *)n);
}

/* Own facts of a node that is entered. */
static int
walk_own(orm_sqlkey *k, const orm_node *n, unsigned traits)
{
    int rc = 0;

    if (traits & ORM_K_AUX) {
        rc = emit(k, (uint64_t)n->aux << 1 | 1);
    }
    if (rc == 0 && (traits & ORM_K_TYPE)) {
        rc = emit_pin(k, n->type);
    }
    if (rc == 0 && (traits & ORM_K_TEXT)) {
        rc = n->payload == NULL ? emit(k, TEXT_NONE) : emit_text(k, n->payload);
    }
    if (!(traits & (ORM_K_STEXT | ORM_K_CLASS | ORM_K_ENTITY | ORM_K_OPTION))) {
        return rc;
    }
    if (rc == 0 && (traits & ORM_K_STEXT)) {
        rc = emit_text(k, (PyObject *)n->args[0]);
    }
    if (rc == 0 && (traits & ORM_K_CLASS)) {
        rc = emit_pin(k, Py_TYPE(n->payload));
    }
    if (rc == 0 && (traits & ORM_K_ENTITY)) {
        rc = emit_pin(k, n->payload);
    }
    if (rc == 0 && (traits & ORM_K_OPTION)) {
        const orm_sql_orm_ops *ops = sql_room(k->st)->orm_ops;

        rc = ops != NULL ? ops->option_key(k->st, k, n->payload) : emit_pin(k, n->payload);
    }
    return rc;
}

/* AND and OR: one flat run, however the chain is nested on its left side. */
static int
walk_run(orm_sqlkey *k, const orm_node *n, uint32_t *top)
{
    int rc = emit(k, HEAD(n, n->aux));
    Py_ssize_t i;

    if (rc != 0 || push(k, top, END_OF_RUN) < 0) {
        return rc != 0 ? rc : -1;
    }
    for (;;) {
        const orm_node *left = n->ob_base.ob_size > 0 ? n->args[0] : NULL;
        int chained = left != NULL && left->kind == ORM_N_LIST && left->op == n->op
                      && left->aux == n->aux;

        for (i = n->ob_base.ob_size - 1; i >= chained; i--) {
            if (push(k, top, n->args[i]) < 0) {
                return -1;
            }
        }
        if (!chained) {
            return 0;
        }
        n = left;
    }
}

/* Is its own address its whole key? */
static inline int
is_pinned(const orm_node *n, unsigned traits)
{
    return (traits & ORM_K_PIN)
           || ((traits & ORM_K_ATTR)
               && !(n->args[0] != NULL && n->args[0]->kind == ORM_N_ENTITY
                    && (n->args[0]->aux & ORM_ENTITY_ALIASED)));
}

/* The children, first one on top. Leading leaves are walked at once: nothing comes between. */
static int
push_children(orm_sqlkey *k, const orm_node *n, uint32_t *top)
{
    uint8_t facts = orm_kind_facts[n->kind];
    Py_ssize_t first = (facts & ORM_CELL_FIRST) != 0;
    Py_ssize_t end = orm_node_used(n) - ((facts & ORM_CELL_LAST) != 0);
    Py_ssize_t i;
    int rc;

    if (n->kind == ORM_N_COLREF || n->kind == ORM_N_ATTR) {
        end = 1;
    }
    if (facts & ORM_HAS_SLOTS) { /* which are there, and only those */
        uint64_t full = 0;

        for (i = first; i < end; i++) {
            full |= (uint64_t)(n->args[i] != NULL) << i;
        }
        rc = emit(k, full << 1 | 1);
        if (rc != 0) {
            return rc;
        }
        for (i = end; i > first; i--) {
            if (n->args[i - 1] != NULL && push(k, top, n->args[i - 1]) < 0) {
                return -1;
            }
        }
        return 0;
    }
    for (; first < end; first++) {
        const orm_node *c = n->args[first];

        if (c == NULL) {
            rc = emit(k, WORD_NULL);
        }
        else if (c->kind == ORM_N_BIND) {
            rc = walk_bind(k, c);
        }
        else if (is_pinned(c, orm_kind_traits[c->kind])) {
            rc = emit_pin(k, (void *)c);
        }
        else {
            break;
        }
        if (rc != 0) {
            return rc;
        }
    }
    for (i = end; i > first; i--) {
        if (push(k, top, n->args[i - 1]) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
walk_node(orm_sqlkey *k, const orm_node *n, uint32_t *top)
{
    unsigned traits = orm_kind_traits[n->kind];
    int rc;

    if (n->kind == ORM_N_BIND) {
        return walk_bind(k, n);
    }
    if (is_pinned(n, traits)) {
        return emit_pin(k, (void *)n);
    }
    if (n->kind == ORM_N_LIST && (n->op == ORM_OP_AND || n->op == ORM_OP_OR)) {
        return walk_run(k, n, top);
    }
    if ((traits & ORM_K_ORDINAL) || ((traits & ORM_K_ENTITY) && (n->aux & ORM_ENTITY_ALIASED))) {
        int first;
        int64_t o = ordinal(k, n, &first);

        rc = o < 0 ? -1 : emit(k, HEAD(n, (uint64_t)o << 1 | (uint64_t)first));
        if (rc != 0 || !first) {
            return rc;
        }
        rc = emit(k, (uint64_t)n->ob_base.ob_size << 1 | 1);
    }
    else {
        if (traits & ORM_K_ENTITY) { /* a mapped class: its mapper says all */
            rc = emit(k, HEAD(n, 0));
            return rc != 0 ? rc : emit_pin(k, n->payload);
        }
        rc = emit(k, HEAD(n, n->ob_base.ob_size));
    }
    rc = rc != 0 ? rc : walk_own(k, n, traits);
    if (rc == 0 && n->kind == ORM_N_COLREF && n->args[1]->kind == ORM_N_COLUMN) {
        rc = emit_pin(k, n->args[1]); /* a column replaced in its table is another one */
    }
    return rc != 0 ? rc : push_children(k, n, top);
}

int
orm_sqlkey_walk(orm_sqlkey *k, const orm_node *root)
{
    uint32_t top = 0;

    if (push(k, &top, root) < 0) {
        return -1;
    }
    while (top > 0) {
        const orm_node *n = k->stack[--top];
        int rc;

        if (n == NULL) {
            rc = emit(k, WORD_NULL);
        }
        else if (n == END_OF_RUN) {
            rc = emit(k, WORD_END);
        }
        else {
            rc = walk_node(k, n, &top);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return k->at != k->end;
}

/* ---- comparing two trees -------------------------------------------------------------------------------- */
int
orm_sqlkey_compare(orm_state *st, orm_node *a, orm_node *b)
{
    orm_values va, vb;
    orm_sqlkey ka, kb;
    uint32_t i;
    int same = 0;

    orm_sqlkey_init(&ka, st, &va);
    orm_sqlkey_init(&kb, st, &vb);
    if (orm_sqlkey_walk(&ka, a) < 0) {
        same = -1;
        goto done;
    }
    orm_sqlkey_hold(&kb, ka.words, ka.nwords);
    same = orm_sqlkey_walk(&kb, b);
    same = same < 0 ? -1 : same == 0;
    for (i = 0; same == 1 && i < va.n; i++) {
        PyObject *x = va.v[i];
        PyObject *y = vb.v[i];

        if (x == NULL || y == NULL) {
            same = x == y;
        }
        else {
            Py_INCREF(x);
            Py_INCREF(y);
            same = PyObject_RichCompareBool(x, y, Py_EQ);
            Py_DECREF(x);
            Py_DECREF(y);
        }
    }
done:
    orm_sqlkey_fini(&ka);
    orm_sqlkey_fini(&kb);
    orm_values_fini(&va);
    orm_values_fini(&vb);
    return same;
}
