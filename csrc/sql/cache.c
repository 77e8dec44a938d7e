/*
 * cache.c - the compiled cache of an engine: statement to compiled form and values.
 *
 * Place: exec/ asks orm_compile_cached with every statement. Look-up by the hash that the
 *   statement carries, then one walk that compares and gathers; a miss renders.
 * Entries: a compiled form with its key, the pins that keep every address in the key from
 *   being used again, and no value of a user. Bounds: entries and bytes; second chance.
 * Memo: a statement object executed twice keeps its compiled form; then there is no look-up,
 *   and the values are gathered again in one walk without comparing.
 * Locking: the GIL; nothing between finding an entry and taking a reference runs Python.
 */
#include "key.h"

#include <string.h>

#define DEFAULT_ENTRIES 500
#define DEFAULT_BYTES ((size_t)32 << 20)

struct orm_cache {
    orm_state *st;
    uint64_t id;              /* unique in the process: what a memo names its cache by */
    orm_compiled **entries;   /* owned; in the order of the clock hand */
    uint32_t *next;           /* chain of each entry: index + 1, 0: end */
    uint32_t *buckets;        /* index + 1 of the first entry; nbuckets */
    uint32_t nbuckets;        /* power of two */
    uint32_t max_entries;
    uint32_t hand;            /* clock hand of the second chance */
    size_t max_bytes;
    orm_cache_stats stats;
};

orm_cache *
orm_cache_new(orm_state *st, uint32_t max_entries, size_t max_bytes)
{
    orm_cache *c = PyMem_Calloc(1, sizeof(orm_cache));

    if (c == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    c->st = st;
    c->id = ++sql_room(st)->next_id;
    c->max_entries = max_entries != 0 ? max_entries : DEFAULT_ENTRIES;
    c->max_bytes = max_bytes != 0 ? max_bytes : DEFAULT_BYTES;
    for (c->nbuckets = 16; c->nbuckets < c->max_entries * 2; c->nbuckets *= 2) {
    }
    c->entries = PyMem_Calloc(c->max_entries, sizeof(orm_compiled *));
    c->next = PyMem_Calloc(c->max_entries, sizeof(uint32_t));
    c->buckets = PyMem_Calloc(c->nbuckets, sizeof(uint32_t));
    if (c->entries == NULL || c->next == NULL || c->buckets == NULL) {
        orm_cache_free(c);
        PyErr_NoMemory();
        return NULL;
    }
    return c;
}

void
orm_cache_clear(orm_cache *c)
{
    orm_compiled **old = c->entries;
    orm_compiled **fresh = PyMem_Calloc(c->max_entries, sizeof(orm_compiled *));
    uint32_t n = c->stats.entries;
    uint32_t i;

    /* drop the references only when the cache is empty: their deaths may run Python */
    c->stats.entries = 0;
    c->stats.bytes = 0;
    c->hand = 0;
    memset(c->buckets, 0, c->nbuckets * sizeof(uint32_t));
    if (fresh == NULL) {
        for (i = 0; i < n; i++) {
            orm_compiled *e = old[i];

            old[i] = NULL;
            Py_XDECREF(e);
        }
        return;
    }
    c->entries = fresh;
    for (i = 0; i < n; i++) {
        Py_XDECREF(old[i]);
    }
    PyMem_Free(old);
}

void
orm_cache_free(orm_cache *c)
{
    if (c == NULL) {
        return;
    }
    if (c->entries != NULL && c->buckets != NULL) {
        orm_cache_clear(c);
    }
    PyMem_Free(c->entries);
    PyMem_Free(c->next);
    PyMem_Free(c->buckets);
    PyMem_Free(c);
}

int
orm_cache_traverse(orm_cache *c, visitproc visit, void *arg)
{
    uint32_t i;

    for (i = 0; c != NULL && i < c->stats.entries; i++) {
        Py_VISIT(c->entries[i]);
    }
    return 0;
}

void
orm_cache_get_stats(const orm_cache *c, orm_cache_stats *out)
{
    *out = c->stats;
}

/* ---- finding, adding, evicting ------------------------------------------------------------------- */
static void
unlink_entry(orm_cache *c, uint32_t i)
{
    uint32_t *link = &c->buckets[c->entries[i]->hash & (c->nbuckets - 1)];

    while (*link != i + 1) {
        link = &c->next[*link - 1];
    }
    *link = c->next[i];
}

/* Take entry i out; the last one moves into its place. The reference goes to the caller. */
static orm_compiled *
remove_entry(orm_cache *c, uint32_t i)
{
    orm_compiled *e = c->entries[i];
    uint32_t last = c->stats.entries - 1;

    unlink_entry(c, i);
    if (i != last) {
        orm_compiled *moved = c->entries[last];
        uint32_t *head = &c->buckets[moved->hash & (c->nbuckets - 1)];

        unlink_entry(c, last);
        c->entries[i] = moved;
        c->next[i] = *head;
        *head = i + 1;
    }
    c->entries[last] = NULL;
    c->stats.entries = last;
    c->stats.bytes -= e->bytes;
    return e;
}

/* One entry that has not been used since the hand last passed. */
static void
evict_one(orm_cache *c)
{
    orm_compiled *e = NULL;

    for (;;) {
        if (c->hand >= c->stats.entries) {
            c->hand = 0;
        }
        if (!c->entries[c->hand]->used) {
            break;
        }
        c->entries[c->hand++]->used = 0;
    }
    e = remove_entry(c, c->hand);
    c->stats.evictions++;
    Py_DECREF(e);
}

static void
add_entry(orm_cache *c, orm_compiled *e)
{
    uint32_t *head = NULL;
    uint32_t i;

    if (e->bytes > c->max_bytes) {
        return;
    }
    while (c->stats.entries > 0
           && (c->stats.entries == c->max_entries || c->stats.bytes + e->bytes > c->max_bytes)) {
        evict_one(c);
    }
    i = c->stats.entries++;
    head = &c->buckets[e->hash & (c->nbuckets - 1)];
    c->entries[i] = (orm_compiled *)Py_NewRef((PyObject *)e);
    c->next[i] = *head;
    *head = i + 1;
    c->stats.bytes += e->bytes;
}

/* ---- keys ------------------------------------------------------------------------------------------- */

/* The names of a schema_translate_map: they stand in the text. */
static int
walk_schema_map(orm_sqlkey *k, PyObject *map)
{
    PyObject *from = NULL;
    PyObject *to = NULL;
    Py_ssize_t pos = 0;
    int rc = orm_key_word(k, (uint64_t)PyDict_GET_SIZE(map));

    while (rc == 0 && PyDict_Next(map, &pos, &from, &to)) {
        rc = orm_sqlkey_text(k, from == Py_None ? NULL : from);
        rc = rc != 0 ? rc : orm_sqlkey_text(k, to == Py_None ? NULL : to);
    }
    return rc;
}

/* What the execution side adds to a key, in front of the statement's words. */
static int
walk_options(orm_sqlkey *k, const orm_compile_opts *o)
{
    unsigned flags = (unsigned)o->flags | (o->schema_map != NULL ? ORM_COMPILE_SCHEMA_MAP : 0);
    Py_ssize_t i;
    Py_ssize_t n = o->column_keys == NULL ? 0 : PyTuple_GET_SIZE(o->column_keys);
    int rc = orm_key_word(k, (uint64_t)flags << 32 | (uint64_t)o->dialect << 24 | (uint64_t)n);

    rc = rc != 0 ? rc : orm_key_word(k, sql_room(k->st)->hook_epoch);
    for (i = 0; rc == 0 && i < n; i++) {
        rc = orm_sqlkey_text(k, PyTuple_GET_ITEM(o->column_keys, i));
    }
    return rc != 0 || o->schema_map == NULL ? rc : walk_schema_map(k, o->schema_map);
}

static uint64_t
options_hash(orm_state *st, const orm_compile_opts *o)
{
    uint64_t h = orm_hash_mix(o->dialect, (uint64_t)o->flags << 8 | (o->schema_map != NULL));
    Py_ssize_t i;
    Py_ssize_t n = o->column_keys == NULL ? 0 : PyTuple_GET_SIZE(o->column_keys);

    h = orm_hash_mix(h, sql_room(st)->hook_epoch);
    for (i = 0; i < n; i++) {
        h = orm_hash_mix(h, (uint64_t)PyObject_Hash(PyTuple_GET_ITEM(o->column_keys, i)));
    }
    return h;
}

static int
walk_all(orm_sqlkey *k, const orm_compile_opts *opts, orm_node *stmt)
{
    int rc = walk_options(k, opts);

    return rc != 0 ? rc : orm_sqlkey_walk(k, stmt);
}

/* Move the key and its pins into the compiled form. 0/-1. */
static int
keep_key(orm_compiled *c, orm_sqlkey *k, uint64_t hash)
{
    uint32_t i;

    c->key = PyMem_Malloc(k->nwords * sizeof(uint64_t));
    c->pins = PyMem_Malloc((k->npins == 0 ? 1 : k->npins) * sizeof(PyObject *));
    if (c->key == NULL || c->pins == NULL) {
        PyMem_Free(c->key);
        PyMem_Free(c->pins);
        c->key = NULL;
        c->pins = NULL;
        PyErr_NoMemory();
        return -1;
    }
    memcpy(c->key, k->words, k->nwords * sizeof(uint64_t));
    for (i = 0; i < k->npins; i++) {
        c->pins[i] = Py_NewRef(k->pins[i]);
    }
    c->nkey = k->nwords;
    c->npins = k->npins;
    c->hash = hash;
    c->bytes += k->nwords * sizeof(uint64_t) + k->npins * sizeof(PyObject *);
    return 0;
}

/* ---- the memo ------------------------------------------------------------------------------------------ */
static orm_side *
memo_side(orm_node *stmt)
{
    return stmt->kind == ORM_N_SELECT || stmt->kind == ORM_N_COMPOUND || stmt->kind == ORM_N_INSERT
                   || stmt->kind == ORM_N_UPDATE || stmt->kind == ORM_N_DELETE
                   || stmt->kind == ORM_N_TEXTSTMT || stmt->kind == ORM_N_FROMSTMT
               ? (orm_side *)stmt->payload
               : NULL;
}

static int
memo_fits(const orm_side *side, const orm_cache *c, const orm_compile_opts *o, uint64_t epoch)
{
    return side->compiled != NULL && side->cache_id == c->id && side->dialect == o->dialect
           && side->flags == o->flags && side->epoch == epoch && o->column_keys == NULL
           && o->schema_map == NULL;
}

/* The second execution of a statement object keeps the compiled form with it. */
static void
note_execution(orm_state *st, orm_cache *c, orm_node *stmt, const orm_compile_opts *o,
               orm_compiled *found)
{
    orm_side *side = NULL;

    if (stmt->kind == ORM_N_TEXTFROM || o->column_keys != NULL || o->schema_map != NULL
        || orm_kind_traits[stmt->kind] == 0 || !orm_kind_is_stmt(stmt->kind)) {
        return;
    }
    if (!(stmt->flags & ORM_F_EXECUTED)) {
        stmt->flags |= ORM_F_EXECUTED;
        return;
    }
    side = orm_side_of(st, stmt, 1);
    if (side == NULL) {
        PyErr_Clear(); /* the memo is a favour */
        return;
    }
    side->cache_id = c->id;
    side->dialect = o->dialect;
    side->flags = o->flags;
    side->epoch = sql_room(st)->hook_epoch;
    Py_XSETREF(side->compiled, Py_NewRef((PyObject *)found));
}

/* ---- the entry --------------------------------------------------------------------------------------------- */
static orm_compiled *
find(orm_cache *c, orm_node *stmt, const orm_compile_opts *opts, uint64_t hash, orm_values *vals)
{
    uint32_t i = c->buckets[hash & (c->nbuckets - 1)];

    for (; i != 0; i = c->next[i - 1]) {
        orm_compiled *e = c->entries[i - 1];
        orm_sqlkey k;
        int rc;

        if (e->hash != hash) {
            continue;
        }
        orm_sqlkey_init(&k, c->st, vals);
        orm_sqlkey_hold(&k, e->key, e->nkey);
        rc = walk_all(&k, opts, stmt);
        orm_sqlkey_fini(&k);
        if (rc == 0) {
            e->used = 1;
            e->hits++;
            return (orm_compiled *)Py_NewRef((PyObject *)e);
        }
        orm_values_fini(vals);
        if (rc < 0) {
            return NULL;
        }
        c->stats.rejected++;
    }
    return NULL;
}

static int
compile_miss(orm_state *st, orm_cache *c, orm_node *stmt, const orm_compile_opts *opts,
             uint64_t hash, orm_compiled **out, orm_values *vals)
{
    orm_compiled *made = NULL;
    orm_sqlkey k;
    int rc;

    orm_sqlkey_init(&k, st, vals);
    rc = walk_all(&k, opts, stmt);
    if (rc == 0) {
        rc = orm_compile(st, stmt, opts, vals, &made);
    }
    if (rc == 0) {
        if (c == NULL || made->uncacheable || (stmt->flags & ORM_F_UNCACHEABLE)) {
            if (c != NULL) {
                c->stats.uncacheable++;
            }
        }
        else {
            c->stats.misses++;
            rc = keep_key(made, &k, hash);
            if (rc == 0) {
                add_entry(c, made);
            }
        }
    }
    orm_sqlkey_fini(&k);
    if (rc != 0) {
        Py_XDECREF(made);
        orm_values_fini(vals);
        return -1;
    }
    *out = made;
    return 0;
}

int
orm_compile_cached(orm_state *st, orm_cache *cache, orm_node *stmt, const orm_compile_opts *opts,
                   orm_compiled **out, orm_values *vals)
{
    orm_side *side = memo_side(stmt);
    orm_compiled *found = NULL;
    uint64_t hash;

    *out = NULL;
    vals->v = vals->inl;
    vals->binds = vals->binl;
    vals->n = 0;
    vals->cap = 16;
    if (orm_node_check_limits(st, stmt) < 0) {
        return -1;
    }
    /* fast path: same answer as find(), the statement object was here before */
    if (cache != NULL && side != NULL && memo_fits(side, cache, opts, sql_room(st)->hook_epoch)) {
        orm_sqlkey k;
        int rc;

        found = (orm_compiled *)Py_NewRef(side->compiled);
        orm_sqlkey_init(&k, st, vals);
        orm_sqlkey_hold(&k, found->key, found->nkey);
        rc = walk_all(&k, opts, stmt);
        orm_sqlkey_fini(&k);
        if (rc == 0) {
            found->used = 1;
            cache->stats.memo_hits++;
            cache->stats.hits++;
            *out = found;
            return 0;
        }
        Py_DECREF(found);
        orm_values_fini(vals);
        if (rc < 0) {
            return -1;
        }
    }
    hash = orm_hash_mix(stmt->hash, options_hash(st, opts));
    if (cache != NULL && !(stmt->flags & ORM_F_UNCACHEABLE)) {
        found = find(cache, stmt, opts, hash, vals);
        if (found != NULL) {
            cache->stats.hits++;
            note_execution(st, cache, stmt, opts, found);
            *out = found;
            return 0;
        }
        if (PyErr_Occurred()) {
            return -1;
        }
    }
    return compile_miss(st, cache, stmt, opts, hash, out, vals);
}

/* ---- Python's view: one cache per process for tests and compile_cached() ------------------------------------- */
static void
capsule_free(PyObject *capsule)
{
    orm_cache_free(PyCapsule_GetPointer(capsule, "pyorm.cache"));
}

static orm_cache *
python_cache(orm_state *st)
{
    if (st->compile_cache != NULL && sql_room(st)->python_cache != NULL) {
        return sql_room(st)->python_cache;
    }
    if (st->compile_cache == NULL) {
        orm_cache *c = orm_cache_new(st, 0, 0);

        if (c == NULL) {
            return NULL;
        }
        st->compile_cache = PyCapsule_New(c, "pyorm.cache", capsule_free);
        if (st->compile_cache == NULL) {
            orm_cache_free(c);
            return NULL;
        }
    }
    sql_room(st)->python_cache = PyCapsule_GetPointer(st->compile_cache, "pyorm.cache");
    return sql_room(st)->python_cache;
}

static int
dialect_number(orm_state *st, PyObject *o)
{
    PyObject *name = NULL;
    int id = -1;

    if (o == NULL || o == Py_None) {
        return ORM_DEFAULT;
    }
    /* fast path: same answer as below; names written in a program are interned */
    if (o == st->s_sqlite || o == st->s_postgresql) {
        return o == st->s_sqlite ? ORM_LITE : ORM_PG;
    }
    name = PyUnicode_Check(o) ? Py_NewRef(o) : PyObject_GetAttr(o, st->s_name);
    if (name == NULL) {
        return -1;
    }
    if (PyUnicode_Check(name)) {
        id = orm_unicode_equals_ascii(name, "postgresql") ? ORM_PG
             : orm_unicode_equals_ascii(name, "sqlite")   ? ORM_LITE
             : orm_unicode_equals_ascii(name, "default")  ? (int)ORM_DEFAULT
                                                          : -1;
    }
    Py_DECREF(name);
    if (id < 0) {
        orm_raise_exc(st, ORM_EXC_ArgumentError, "no dialect %R", o);
    }
    return id;
}

/* compile_cached(statement, dialect): (compiled, [values]). */
static PyObject *
f_compile_cached(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_cache *cache = NULL;
    orm_compile_opts opts = {0};
    orm_compiled *compiled = NULL;
    orm_values vals;
    orm_node *stmt = NULL;
    PyObject *values = NULL;
    PyObject *out = NULL;
    uint32_t i;
    int dialect;

    if (nargs < 1 || nargs > 2) {
        PyErr_SetString(PyExc_TypeError, "compile_cached() takes a statement and a dialect");
        return NULL;
    }
    stmt = orm_node_of(st, args[0]);
    dialect = stmt == NULL ? -1 : dialect_number(st, nargs == 2 ? args[1] : NULL);
    cache = dialect < 0 ? NULL : python_cache(st);
    if (cache == NULL) {
        return NULL;
    }
    opts.dialect = (uint8_t)dialect;
    if (orm_compile_cached(st, cache, stmt, &opts, &compiled, &vals) < 0) {
        return NULL;
    }
    values = PyList_New(vals.n);
    for (i = 0; values != NULL && i < vals.n; i++) {
        PyList_SET_ITEM(values, i, Py_NewRef(vals.v[i] == NULL ? Py_None : vals.v[i]));
    }
    out = values == NULL ? NULL : PyTuple_Pack(2, compiled, values);
    orm_values_fini(&vals);
    Py_XDECREF(values);
    Py_DECREF(compiled);
    return out;
}

static PyObject *
f_cache_stats(PyObject *module, PyObject *none)
{
    orm_state *st = orm_state_from_module(module);
    orm_cache *c = python_cache(st);

    (void)none;
    if (c == NULL) {
        return NULL;
    }
    return Py_BuildValue("{sKsKsKsKsKsKsIsn}", "hits", c->stats.hits, "misses", c->stats.misses,
                         "rejected", c->stats.rejected, "evictions", c->stats.evictions,
                         "uncacheable", c->stats.uncacheable, "memo_hits", c->stats.memo_hits,
                         "entries", c->stats.entries, "bytes", (Py_ssize_t)c->stats.bytes);
}

/* cache_reset(max_entries=0, max_bytes=0): a new empty cache for compile_cached(). */
static PyObject *
f_cache_reset(PyObject *module, PyObject *args)
{
    orm_state *st = orm_state_from_module(module);
    unsigned int entries = 0;
    Py_ssize_t bytes = 0;
    orm_cache *c = NULL;

    if (!PyArg_ParseTuple(args, "|In:cache_reset", &entries, &bytes)) {
        return NULL;
    }
    c = orm_cache_new(st, entries, (size_t)bytes);
    if (c == NULL) {
        return NULL;
    }
    sql_room(st)->python_cache = NULL; /* the capsule's death frees it */
    Py_XSETREF(st->compile_cache, PyCapsule_New(c, "pyorm.cache", capsule_free));
    if (st->compile_cache == NULL) {
        orm_cache_free(c);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* structural_key(element): the words, pinned addresses as numbers. For tests. */
static PyObject *
f_structural_key(PyObject *module, PyObject *element)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *n = orm_node_of(st, element);
    orm_values vals;
    orm_sqlkey k;
    PyObject *out = NULL;
    uint32_t i;

    if (n == NULL) {
        return NULL;
    }
    orm_sqlkey_init(&k, st, &vals);
    if (orm_sqlkey_walk(&k, n) == 0) {
        out = PyTuple_New(k.nwords);
        for (i = 0; out != NULL && i < k.nwords; i++) {
            PyObject *w = PyLong_FromUnsignedLongLong(k.words[i]);

            if (w == NULL) {
                Py_CLEAR(out);
                break;
            }
            PyTuple_SET_ITEM(out, i, w);
        }
    }
    orm_sqlkey_fini(&k);
    orm_values_fini(&vals);
    return out;
}

/* node_facts(element): (hash, depth, weight, flags). For tests. */
static PyObject *
f_node_facts(PyObject *module, PyObject *element)
{
    orm_node *n = orm_node_of(orm_state_from_module(module), element);

    return n == NULL ? NULL
                     : Py_BuildValue("KIII", n->hash, (unsigned)n->depth, n->weight,
                                     (unsigned)n->flags);
}

static PyMethodDef cache_functions[] = {
    {"compile_cached", ORM_METHOD(f_compile_cached), METH_FASTCALL,
     "compile_cached($module, statement, dialect=None, /)\n--\n\nCompiled form and values, by the cache."},
    {"cache_stats", f_cache_stats, METH_NOARGS, "cache_stats($module)\n--\n\nCounters of compile_cached()'s cache."},
    {"cache_reset", f_cache_reset, METH_VARARGS,
     "cache_reset($module, max_entries=0, max_bytes=0, /)\n--\n\nEmpty compile_cached()'s cache."},
    {"structural_key", f_structural_key, METH_O, "structural_key($module, element, /)\n--\n\nThe key's words."},
    {"node_facts", f_node_facts, METH_O, "node_facts($module, element, /)\n--\n\nHash, depth, weight, flags."},
    {NULL, NULL, 0, NULL},
};

int
orm_cache_setup(PyObject *module, orm_state *st)
{
    (void)st;
    return PyModule_AddFunctions(module, cache_functions);
}
