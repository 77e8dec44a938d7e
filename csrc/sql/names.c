/*
 * names.c - names that the compiler makes up: anonymous aliases, labels and binds.
 *
 * Place: asked by the renderers while they write; knows nothing of the tree.
 * Invariants: one counter per body (`anon`, `users`, `id`), shared by aliases, labels and
 *   binds, advanced at the first use of each (owner, part, body): that is the numbering
 *   users of the reference library know. The same owner always gets the same name.
 * Ownership: all memory is the run's arena.
 */
#include "compile.h"

#include <stdarg.h>

typedef struct counter {
    orm_str body;
    uint32_t n; /* last number given */
} counter;

bool
orm_str_eq(orm_str a, orm_str b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

int
orm_no_memory(void)
{
    PyErr_NoMemory();
    return -1;
}

int
orm_str_of(PyObject *s, orm_str *out)
{
    Py_ssize_t n;
    const char *p = PyUnicode_AsUTF8AndSize(s, &n); /* utf8-ok: names and texts of the program */

    if (p == NULL) {
        return -1;
    }
    *out = (orm_str){p, (size_t)n};
    return 0;
}

int
orm_keep(orm_cctx *cc, PyObject *steal)
{
    int rc;

    if (steal == NULL) {
        return -1;
    }
    rc = PyList_Append(cc->keep, steal);
    Py_DECREF(steal);
    return rc;
}

int
orm_compile_error(orm_cctx *cc, const char *format, ...)
{
    va_list args;
    PyObject *text;

    va_start(args, format);
    text = PyUnicode_FromFormatV(format, args);
    va_end(args);
    if (text == NULL) {
        return -1;
    }
    orm_raise_exc(cc->st, ORM_EXC_CompileError, "%U", text);
    Py_DECREF(text);
    return -1;
}

int
orm_name_error(orm_cctx *cc, const char *format, orm_str name)
{
    PyObject *shown = PyUnicode_DecodeUTF8(name.p, (Py_ssize_t)name.n, "replace");

    if (shown != NULL) {
        orm_compile_error(cc, format, shown, shown);
        Py_DECREF(shown);
    }
    return -1;
}

static uint64_t
hash_bytes(orm_str s, uint64_t h)
{
    h ^= 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    }
    return h;
}

static int
same_counter(const void *value, const void *key)
{
    return orm_str_eq(((const counter *)value)->body, *(const orm_str *)key);
}

static int
same_anon(const void *value, const void *key)
{
    const orm_anon *a = value, *b = key;

    return a->id == b->id && a->part == b->part && orm_str_eq(a->body, b->body);
}

/* Next number of a body; 0: no memory. */
static uint32_t
count(orm_cctx *cc, orm_str body)
{
    uint64_t hash = hash_bytes(body, 1);
    orm_ptrcell *cell = orm_ptrmap_find(&cc->counters, hash, same_counter, &body);
    counter *c;

    if (cell != NULL) {
        c = cell->value;
        return ++c->n;
    }
    c = orm_arena_alloc(&cc->arena, sizeof(*c));
    if (c == NULL) {
        return 0;
    }
    *c = (counter){body, 1};
    return orm_ptrmap_put(&cc->counters, hash, c) < 0 ? 0 : 1;
}

/* Characters, not bytes: what the databases' limits for generated names are compared with. */
static size_t
characters(orm_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    }
    return n;
}

static size_t
bytes_of(orm_str s, size_t chars)
{
    size_t i = 0;

    while (i < s.n && chars > 0) {
        i++;
        while (i < s.n && ((unsigned char)s.p[i] & 0xC0) == 0x80) {
            i++;
        }
        chars--;
    }
    return i;
}

int
orm_short_name(orm_cctx *cc, orm_str name, orm_str *out)
{
    size_t most = cc->d->name_length > 6 ? cc->d->name_length - 6 : 0;
    char tail[16];
    size_t keep;
    char *p;
    int n;

    if (characters(name) <= most) {
        *out = name;
        return 0;
    }
    keep = bytes_of(name, most);
    n = snprintf(tail, sizeof(tail), "_%x", ++cc->nshort);
    p = orm_arena_alloc(&cc->arena, keep + (size_t)n);
    if (p == NULL) {
        return orm_no_memory();
    }
    memcpy(p, name.p, keep);
    memcpy(p + keep, tail, (size_t)n);
    *out = (orm_str){p, keep + (size_t)n};
    return 0;
}

int
orm_anon_name(orm_cctx *cc, const void *id, uint32_t part, orm_str body, orm_str *out)
{
    orm_anon key = {.id = id, .part = part, .body = body};
    uint64_t hash = hash_bytes(body, (uint64_t)(uintptr_t)id * 31 + part);
    orm_ptrcell *cell = orm_ptrmap_find(&cc->anon_map, hash, same_anon, &key);
    orm_anon *a;
    char number[16];
    uint32_t n;
    char *p;
    int len;

    if (cell != NULL) {
        *out = ((orm_anon *)cell->value)->name;
        return 0;
    }
    a = orm_arena_alloc(&cc->arena, sizeof(*a));
    n = a == NULL ? 0 : count(cc, body);
    if (n == 0) {
        return orm_no_memory();
    }
    len = snprintf(number, sizeof(number), "_%u", n);
    p = orm_arena_alloc(&cc->arena, body.n + (size_t)len);
    if (p == NULL) {
        return orm_no_memory();
    }
    memcpy(p, body.p, body.n);
    memcpy(p + body.n, number, (size_t)len);
    *a = key;
    if (orm_short_name(cc, (orm_str){p, body.n + (size_t)len}, &a->name) < 0) {
        return -1;
    }
    if (orm_ptrmap_put(&cc->anon_map, hash, a) < 0) {
        return orm_no_memory();
    }
    *out = a->name;
    return 0;
}
