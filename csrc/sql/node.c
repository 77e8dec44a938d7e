/*
 * node.c - the life of a node: allocation from free lists, sealing, death without recursion.
 *
 * Place: below every constructor of sql/. What kinds exist and what their cells mean stands
 *   in sql_node.h; here are the tables made of it.
 * Invariants: a node is handed to the collector by its seal, when all cells are set. Nodes
 *   are always tracked: `class -> stored criterion -> column -> class` is a common cycle.
 * Death: a dying node drops its cells; nodes that die by that go on a pending list (linked
 *   through `hash`), so that a chain of a million operators needs no C stack.
 * Free lists: by number of cells, bounded; measured to take 100 ns off a query's build.
 * Locking: the GIL.
 */
#include "sql_int.h"

#include <string.h>

/* ---- tables ------------------------------------------------------------------------------ */
const orm_op_info orm_op_table[ORM_OP__COUNT] = {
#define X(NAME, py, sql, prec, flags, neg) [ORM_OP_##NAME] = {py, sql, prec, flags, ORM_OP_##neg},
    ORM_OPS(X)
#undef X
};

enum {
    PIN = ORM_K_PIN,
    ORDINAL = ORM_K_ORDINAL,
    TYPE = ORM_K_TYPE,
    TEXT = ORM_K_TEXT,
    AUX = ORM_K_AUX,
    CLASS = ORM_K_CLASS,
    ENTITY = ORM_K_ENTITY,
    OPTION = ORM_K_OPTION,
    STEXT = ORM_K_STEXT,
    ATTR = ORM_K_ATTR,
};

const uint16_t orm_kind_traits[ORM_N__COUNT] = {
#define X(NAME, traits) [ORM_N_##NAME] = traits,
    ORM_KINDS(X)
#undef X
};

/* What kinds are, and which of their cells are not nodes. */
const uint8_t orm_kind_facts[ORM_N__COUNT] = {
    [ORM_N_COLUMN] = ORM_IS_COLUMN,
    [ORM_N_COLREF] = ORM_IS_COLUMN,
    [ORM_N_ATTR] = ORM_IS_COLUMN,
    [ORM_N_BIND] = ORM_IS_COLUMN | ORM_CELL_FIRST,
    [ORM_N_NULLVAL] = ORM_IS_COLUMN,
    [ORM_N_TRUEVAL] = ORM_IS_COLUMN,
    [ORM_N_FALSEVAL] = ORM_IS_COLUMN,
    [ORM_N_TEXT] = ORM_IS_COLUMN,
    [ORM_N_STAR] = ORM_IS_COLUMN,
    [ORM_N_LABELREF] = ORM_IS_COLUMN,
    [ORM_N_UNARY] = ORM_IS_COLUMN,
    [ORM_N_BINARY] = ORM_IS_COLUMN,
    [ORM_N_LIST] = ORM_IS_COLUMN,
    [ORM_N_FUNC] = ORM_IS_COLUMN,
    [ORM_N_CAST] = ORM_IS_COLUMN,
    [ORM_N_TYPECOERCE] = ORM_IS_COLUMN,
    [ORM_N_CASE] = ORM_IS_COLUMN,
    [ORM_N_LABEL] = ORM_IS_COLUMN,
    [ORM_N_OVER] = ORM_IS_COLUMN,
    [ORM_N_FILTER] = ORM_IS_COLUMN,
    [ORM_N_WITHIN] = ORM_IS_COLUMN,
    [ORM_N_AGGORDER] = ORM_IS_COLUMN,
    [ORM_N_EXTRACT] = ORM_IS_COLUMN,
    [ORM_N_COLLATE] = ORM_IS_COLUMN,
    [ORM_N_TUPLE] = ORM_IS_COLUMN,
    [ORM_N_ARRAY] = ORM_IS_COLUMN,
    [ORM_N_ANYALL] = ORM_IS_COLUMN,
    [ORM_N_EXISTS] = ORM_IS_COLUMN,
    [ORM_N_SCALAR] = ORM_IS_COLUMN,
    [ORM_N_GROUPING] = ORM_IS_COLUMN,
    [ORM_N_SUBSCRIPT] = ORM_IS_COLUMN,
    [ORM_N_FROMCOL] = ORM_IS_COLUMN,
    [ORM_N_DMLCOL] = ORM_IS_COLUMN,
    [ORM_N_CUSTOM] = ORM_IS_COLUMN,
    [ORM_N_APPLY] = ORM_IS_COLUMN,
    [ORM_N_TABLE] = ORM_IS_FROM,
    [ORM_N_ALIAS] = ORM_IS_FROM | ORM_CELL_LAST,
    [ORM_N_SUBQUERY] = ORM_IS_FROM | ORM_CELL_LAST,
    [ORM_N_CTE] = ORM_IS_FROM | ORM_CELL_LAST,
    [ORM_N_LATERAL] = ORM_IS_FROM | ORM_CELL_LAST,
    [ORM_N_JOIN] = ORM_IS_FROM | ORM_CELL_LAST,
    [ORM_N_VALUES] = ORM_IS_FROM | ORM_CELL_LAST,
    [ORM_N_FROMFUNC] = ORM_IS_FROM | ORM_CELL_LAST,
    [ORM_N_ENTITY] = ORM_IS_FROM | ORM_CELL_LAST,
    [ORM_N_TEXTFROM] = ORM_IS_SELECT | ORM_IS_STMT,
    [ORM_N_SELECT] = ORM_IS_SELECT | ORM_IS_STMT | ORM_HAS_SLOTS,
    [ORM_N_COMPOUND] = ORM_IS_SELECT | ORM_IS_STMT | ORM_HAS_SLOTS,
    [ORM_N_INSERT] = ORM_IS_STMT | ORM_HAS_SLOTS,
    [ORM_N_UPDATE] = ORM_IS_STMT | ORM_HAS_SLOTS,
    [ORM_N_DELETE] = ORM_IS_STMT | ORM_HAS_SLOTS,
    [ORM_N_FROMSTMT] = ORM_IS_STMT | ORM_HAS_SLOTS,
    [ORM_N_TEXTSTMT] = ORM_IS_STMT | ORM_CELL_FIRST,
};

Py_ssize_t
orm_node_children(const orm_node *n, Py_ssize_t *first)
{
    uint8_t facts = orm_kind_facts[n->kind];

    *first = (facts & ORM_CELL_FIRST) != 0;
    return orm_node_used(n) - ((facts & ORM_CELL_LAST) != 0);
}

PyObject **
orm_from_cache(orm_node *n)
{
    assert(orm_kind_facts[n->kind] & ORM_CELL_LAST && n->kind != ORM_N_ENTITY);
    return (PyObject **)&n->args[n->ob_base.ob_size - 1];
}

/* Python types by kind, as offsets into the state; 0: the hidden type of owned nodes. */
#define AT(field) offsetof(orm_state, field)
static const size_t kind_type[ORM_N__COUNT] = {
    [ORM_N_COLREF] = AT(ColumnRef),
    [ORM_N_BIND] = AT(BindParameter),
    [ORM_N_NULLVAL] = AT(Null),
    [ORM_N_TRUEVAL] = AT(True_),
    [ORM_N_FALSEVAL] = AT(False_),
    [ORM_N_TEXT] = AT(LiteralColumn),
    [ORM_N_STAR] = AT(LiteralColumn),
    [ORM_N_LABELREF] = AT(LabelReference),
    [ORM_N_UNARY] = AT(UnaryExpression),
    [ORM_N_BINARY] = AT(BinaryExpression),
    [ORM_N_LIST] = AT(ClauseList),
    [ORM_N_FUNC] = AT(Function),
    [ORM_N_CAST] = AT(Cast),
    [ORM_N_TYPECOERCE] = AT(TypeCoerce),
    [ORM_N_CASE] = AT(Case),
    [ORM_N_LABEL] = AT(Label),
    [ORM_N_OVER] = AT(Over),
    [ORM_N_FRAME] = AT(FrameClause),
    [ORM_N_FILTER] = AT(FunctionFilter),
    [ORM_N_WITHIN] = AT(WithinGroup),
    [ORM_N_AGGORDER] = AT(aggregate_order_by),
    [ORM_N_EXTRACT] = AT(Extract),
    [ORM_N_COLLATE] = AT(CollationClause),
    [ORM_N_TUPLE] = AT(Tuple),
    [ORM_N_ARRAY] = AT(array),
    [ORM_N_ANYALL] = AT(CollectionAggregate),
    [ORM_N_EXISTS] = AT(Exists),
    [ORM_N_SCALAR] = AT(ScalarSelect),
    [ORM_N_GROUPING] = AT(Grouping),
    [ORM_N_SUBSCRIPT] = AT(BinaryExpression),
    [ORM_N_SLICE] = AT(Slice),
    [ORM_N_FROMCOL] = AT(TableValuedColumn),
    [ORM_N_DMLCOL] = AT(DMLColumn),
    [ORM_N_APPLY] = AT(Applied),
    [ORM_N_ALIAS] = AT(Alias),
    [ORM_N_SUBQUERY] = AT(Subquery),
    [ORM_N_CTE] = AT(CTE),
    [ORM_N_LATERAL] = AT(Lateral),
    [ORM_N_JOIN] = AT(Join),
    [ORM_N_VALUES] = AT(Values),
    [ORM_N_FROMFUNC] = AT(TableValuedAlias),
    [ORM_N_TEXTFROM] = AT(TextualSelect),
    [ORM_N_SELECT] = AT(Select),
    [ORM_N_COMPOUND] = AT(CompoundSelect),
    [ORM_N_INSERT] = AT(Insert),
    [ORM_N_UPDATE] = AT(Update),
    [ORM_N_DELETE] = AT(Delete),
    [ORM_N_FROMSTMT] = AT(FromStatement),
    [ORM_N_TEXTSTMT] = AT(TextClause),
    [ORM_N_FORUPDATE] = AT(ForUpdateArg),
};
#undef AT

static PyTypeObject *
type_of_kind(orm_state *st, orm_kind kind)
{
    size_t at = kind_type[kind];

    return at == 0 ? st->Node : *(PyTypeObject **)((char *)st + at);
}

/* ---- allocation -------------------------------------------------------------------------- */

/* An object from a free list is one again. */
static inline void
revive(orm_node *n, PyTypeObject *tp, Py_ssize_t nargs)
{
#if defined(Py_REF_DEBUG) || defined(Py_GIL_DISABLED)
    (void)PyObject_InitVar((PyVarObject *)n, tp, nargs);
#else
    /* fast path: same answer as PyObject_InitVar for a heap type; ob_size is still nargs */
    assert(n->ob_base.ob_size == nargs);
    (void)nargs;
    Py_SET_TYPE(n, (PyTypeObject *)Py_NewRef((PyObject *)tp));
    Py_SET_REFCNT(n, 1);
#endif
}

orm_node *
orm_node_new(orm_state *st, PyTypeObject *tp, orm_kind kind, Py_ssize_t nargs)
{
    orm_sqlroom *room = sql_room(st);
    orm_node *n = NULL;
    Py_ssize_t i;

    if (tp == NULL) {
        tp = type_of_kind(st, kind);
    }
    if (nargs <= ORM_FREE_NARGS && room->free[nargs] != NULL) {
        n = room->free[nargs];
        room->free[nargs] = (orm_node *)(uintptr_t)n->hash;
        room->nfree[nargs]--;
        revive(n, tp, nargs);
    }
    else {
        n = PyObject_GC_NewVar(orm_node, tp, nargs);
        if (n == NULL) {
            return NULL;
        }
    }
    memset((char *)n + sizeof(PyVarObject), 0, sizeof(orm_node) - sizeof(PyVarObject));
    if (nargs <= 2) { /* most nodes: without a call */
        for (i = 0; i < nargs; i++) {
            n->args[i] = NULL;
        }
    }
    else {
        memset(n->args, 0, (size_t)nargs * sizeof(orm_node *));
    }
    n->kind = (uint8_t)kind;
    return n;
}

static void
free_memory(orm_sqlroom *room, orm_node *n)
{
    PyTypeObject *tp = Py_TYPE(n);
    Py_ssize_t nargs = n->ob_base.ob_size;

    if (room != NULL && !room->closed && nargs <= ORM_FREE_NARGS
        && room->nfree[nargs] < ORM_FREE_EACH) {
        n->hash = (uint64_t)(uintptr_t)room->free[nargs];
        Py_SET_TYPE(n, &PyTuple_Type); /* our types may die before the free list does */
        room->free[nargs] = n;
        room->nfree[nargs]++;
    }
    else {
        PyObject_GC_Del(n);
    }
    Py_DECREF(tp);
}

static void
drop_cells(orm_node *n)
{
    Py_ssize_t end = orm_node_used(n);
    Py_ssize_t i;

    /* nobody can see the node any more: the cells need not be emptied */
    for (i = 0; i < end; i++) {
        Py_XDECREF(n->args[i]);
    }
    Py_XDECREF(n->payload);
    Py_XDECREF(n->type);
}

void
orm_node_dealloc(PyObject *self)
{
    orm_node *n = (orm_node *)self;
    PyObject *module = ((PyHeapTypeObject *)Py_TYPE(self))->ht_module;
    orm_state *st = NULL;
    orm_sqlroom *room = NULL;

    PyObject_GC_UnTrack(self);
    if (module != NULL) { /* the collector may have cleared the type before us */
        st = (orm_state *)PyModule_GetState(module);
        room = st == NULL ? NULL : sql_room(st);
    }
    if (room == NULL) {
        drop_cells(n);
        free_memory(NULL, n);
        return;
    }
    if (room->draining) {
        n->hash = (uint64_t)(uintptr_t)room->pending;
        room->pending = n;
        return;
    }
    Py_INCREF(module); /* a cell may hold the last reference to it */
    room->draining = 1;
    for (;;) {
        drop_cells(n);
        free_memory(room, n);
        n = room->pending;
        if (n == NULL) {
            break;
        }
        room->pending = (orm_node *)(uintptr_t)n->hash;
    }
    room->draining = 0;
    Py_DECREF(module);
}

static int
node_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_node *n = (orm_node *)self;
    Py_ssize_t end = orm_node_used(n);
    Py_ssize_t i;

    Py_VISIT(Py_TYPE(self));
    for (i = 0; i < end; i++) {
        Py_VISIT(n->args[i]);
    }
    Py_VISIT(n->payload);
    Py_VISIT(n->type);
    return 0;
}

/* Breaks the cycles a node can be the only breaker of: its own cells stay readable for
 * finalizers of others (the cycles of FROM elements run through the cache cell, those of
 * owners through the payload, those of binds through the value). */
static int
node_clear(PyObject *self)
{
    orm_node *n = (orm_node *)self;
    PyObject *payload = n->payload;

    n->payload = NULL;
    if (orm_kind_facts[n->kind] & ORM_CELL_LAST) {
        Py_CLEAR(n->args[n->ob_base.ob_size - 1]);
    }
    Py_XDECREF(payload);
    return 0;
}

void orm_node_type_slots(destructor *dealloc, traverseproc *traverse, inquiry *clear);

void
orm_node_type_slots(destructor *dealloc, traverseproc *traverse, inquiry *clear)
{
    *dealloc = orm_node_dealloc;
    *traverse = node_traverse;
    *clear = node_clear;
}

/* ---- sealing ----------------------------------------------------------------------------- */
static uint64_t
text_hash(PyObject *text)
{
    Py_hash_t h = -1;

    if (text == NULL) {
        return 1;
    }
    if (PyUnicode_CheckExact(text)) {
        h = ((PyASCIIObject *)text)->hash; /* -1: not asked for yet */
    }
    if (h == -1) {
        h = PyObject_Hash(text); /* str or tuple of str: cannot fail */
    }

    if (h == -1) {
        PyErr_Clear();
    }
    return (uint64_t)h;
}

static void
seal_bind(orm_node *n)
{
    n->hash = orm_hash_mix(ORM_N_BIND, n->aux | (uint64_t)orm_bind_arity(n) << 40);
    n->hash = orm_hash_mix(n->hash, text_hash((PyObject *)n->args[0]));
    n->hash = orm_hash_mix(n->hash, n->type->hash);
    n->flags |= ORM_F_BIND;
    if (n->aux & ORM_BIND_EXPANDING) {
        n->flags |= ORM_F_EXPANDING;
    }
    n->depth = 1;
    n->weight = 1;
}

/* Own facts that few kinds have. */
static ORM_COLD uint64_t
seal_more(orm_state *st, orm_node *n, unsigned traits, uint64_t h)
{
    /* an alias's attribute is as good as that of another alias of the same shape */
    if (traits & (PIN | ATTR)
        && !(traits & ATTR && n->args[0] != NULL && n->args[0]->kind == ORM_N_ENTITY
             && n->args[0]->aux & ORM_ENTITY_ALIASED)) {
        h = orm_hash_mix(h, ++sql_room(st)->next_id);
    }
    if (traits & ORDINAL) {
        n->flags |= ORM_F_ANON;
    }
    if (traits & STEXT) {
        h = orm_hash_mix(h, text_hash((PyObject *)n->args[0]));
    }
    if (traits & (CLASS | ENTITY)) {
        h = orm_hash_mix(h, (uint64_t)(uintptr_t)((traits & CLASS) ? (void *)Py_TYPE(n->payload)
                                                                   : (void *)n->payload));
    }
    if (traits & (ATTR | ENTITY | OPTION)) {
        n->flags |= ORM_F_ORM;
    }
    return h;
}

/* Own facts, before the children's. */
static inline uint64_t
seal_own(orm_state *st, orm_node *n, unsigned traits)
{
    uint64_t h = orm_hash_mix(n->kind, (uint64_t)n->op << 32 | ((traits & AUX) ? n->aux : 0));

    if (n->type != NULL) {
        if (n->type->flags & ORM_TF_UNCACHEABLE) {
            n->flags |= ORM_F_UNCACHEABLE;
        }
        if (n->type->flags & ORM_TF_COMPARATOR) {
            n->flags |= ORM_F_OVERRIDE;
        }
        if (traits & TYPE) {
            h = orm_hash_mix(h, n->type->hash);
        }
    }
    if (traits & TEXT) {
        h = orm_hash_mix(h, text_hash(n->payload));
    }
    return traits & ~(unsigned)(TYPE | TEXT | AUX) ? seal_more(st, n, traits, h) : h;
}

/* Chains of one associative operator are flat: they cost no depth and are hashed as a fold,
 * so that where(a, b) and where(a).where(b) are one shape. */
static inline int
chains(const orm_node *n, const orm_node *child)
{
    return child->kind == n->kind && child->op == n->op
           && (orm_op_table[n->op].flags & ORM_OPF_ASSOC) && child->aux == n->aux;
}

/* What one slot adds to a statement's hash: a sum, so that a copy with one slot replaced need
 * not look at the others. */
static inline uint64_t
slot_hash(Py_ssize_t i, const orm_node *c)
{
    return orm_hash_mix(c->hash, (uint64_t)i + 1);
}

/* Seal a copy of the statement `old` in which one slot was replaced: same hash and weight as
 * orm_node_seal gives; depth and flags may stay those of what was replaced. */
void
orm_stmt_seal_slot(orm_node *n, const orm_node *old, Py_ssize_t i)
{
    const orm_node *was = old->args[i];
    const orm_node *is = n->args[i];

    n->hash = old->hash - (was == NULL ? 0 : slot_hash(i, was)) + (is == NULL ? 0 : slot_hash(i, is));
    n->flags = (uint16_t)(old->flags & ~ORM_F_EXECUTED);
    n->depth = old->depth;
    n->used = old->used > i ? old->used : (uint16_t)(i + 1);
    n->weight = old->weight;
    if (n->weight != UINT32_MAX && was != NULL) {
        n->weight -= was->weight;
    }
    if (is != NULL) {
        n->weight = n->weight > UINT32_MAX - is->weight ? UINT32_MAX : n->weight + is->weight;
        n->flags |= is->flags & ORM_F_UP;
        if (is->depth >= n->depth) {
            n->depth = is->depth == UINT16_MAX ? UINT16_MAX : (uint16_t)(is->depth + 1);
        }
    }
    PyObject_GC_Track((PyObject *)n);
}

static void
seal_children(orm_node *n, uint64_t h)
{
    Py_ssize_t i;
    Py_ssize_t end = orm_node_children(n, &i);
    uint32_t weight = 1;
    uint32_t depth = 0;
    unsigned flags = n->flags;
    int counts = n->kind != ORM_N_COLREF && n->kind != ORM_N_ATTR;
    int slots = !(orm_kind_facts[n->kind] & ORM_IS_STMT)    ? 0
                : (orm_kind_facts[n->kind] & ORM_HAS_SLOTS) ? 2
                                                            : 1;
    int numbered = n->kind != ORM_N_LIST; /* a chain is one run, whatever its nesting */

    if (n->kind == ORM_N_COLREF) {
        end = 1; /* the inner expression is a part of the selectable */
    }
    if (n->kind == ORM_N_LIST && end > 0 && n->args[0] != NULL && chains(n, n->args[0])) { /* the run goes on */
        const orm_node *c = n->args[i++];

        h = c->hash;
        depth = c->depth;
        weight = c->weight;
        flags |= c->flags & ORM_F_UP;
    }
    for (; i < end; i++) {
        const orm_node *c = n->args[i];
        uint32_t d;

        if (c == NULL) { /* many cells are empty: full ones carry their number */
            continue;
        }
        d = c->depth;
        if (c->kind != n->kind || !chains(n, c)) {
            d++;
        }
        depth = d > depth ? d : depth;
        if (counts) {
            weight = weight > UINT32_MAX - c->weight ? UINT32_MAX : weight + c->weight;
        }
        flags |= c->flags & ORM_F_UP;
        if (slots) {
            h += slot_hash(i, c);
            n->used = slots == 2 ? (uint16_t)(i + 1) : 0;
        }
        else {
            h = orm_hash_mix(h, numbered ? c->hash + (uint64_t)i : c->hash);
        }
    }
    n->hash = h;
    n->depth = depth > UINT16_MAX ? UINT16_MAX : (uint16_t)depth;
    n->weight = weight;
    n->flags = (uint16_t)flags;
}

int
orm_node_seal(orm_state *st, orm_node *n)
{
    unsigned traits = orm_kind_traits[n->kind];

    if (n->kind == ORM_N_BIND) {
        seal_bind(n);
        if (n->type->flags & ORM_TF_UNCACHEABLE) {
            n->flags |= ORM_F_UNCACHEABLE;
        }
        if (n->type->flags & ORM_TF_COMPARATOR) {
            n->flags |= ORM_F_OVERRIDE;
        }
    }
    else if (traits & PIN) {
        n->hash = seal_own(st, n, traits);
        n->depth = 1;
        n->weight = 1;
    }
    else {
        if (orm_kind_is_select(n->kind)) {
            n->flags |= ORM_F_SUBQUERY;
        }
        seal_children(n, seal_own(st, n, traits));
    }
    PyObject_GC_Track((PyObject *)n);
    return 0;
}

orm_node *
orm_node_make(orm_state *st, orm_kind kind, orm_op op, orm_type *type, PyObject *payload,
              uint32_t aux, Py_ssize_t nargs, orm_node *const *args)
{
    PyTypeObject *tp =
        kind == ORM_N_LIST && (op == ORM_OP_AND || op == ORM_OP_OR) ? st->BooleanClauseList : NULL;
    orm_node *n = orm_node_new(st, tp, kind, nargs);
    Py_ssize_t i;

    if (n == NULL) {
        return NULL;
    }
    n->op = (uint8_t)op;
    n->aux = aux;
    n->type = (orm_type *)Py_XNewRef(type);
    n->payload = Py_XNewRef(payload);
    for (i = 0; i < nargs; i++) {
        n->args[i] = (orm_node *)Py_XNewRef(args[i]);
    }
    if (orm_node_seal(st, n) < 0) {
        Py_DECREF(n);
        return NULL;
    }
    return n;
}

int
orm_node_check_limits(orm_state *st, const orm_node *n)
{
    if (n->depth > ORM_MAX_DEPTH) {
        return orm_raise_exc(st, ORM_EXC_CompileError,
                             "The expression is nested %u levels deep; %u are allowed. Combine "
                             "many terms with and_(*terms), or_(*terms) or in_(values) instead "
                             "of nesting them",
                             (unsigned)n->depth, ORM_MAX_DEPTH);
    }
    if (n->weight > ORM_MAX_WEIGHT) {
        return orm_raise_exc(st, ORM_EXC_CompileError,
                             "The statement has %s%u elements, repetitions counted; %u are "
                             "allowed. Use in_(values) for long lists of alternatives, several "
                             "executions for many rows, or a CTE for a repeated subexpression",
                             n->weight == UINT32_MAX ? "more than " : "", (unsigned)n->weight,
                             ORM_MAX_WEIGHT);
    }
    return 0;
}

/* ---- the room ---------------------------------------------------------------------------- */
static void
drop_free_lists(orm_sqlroom *room)
{
    int i;

    for (i = 0; i <= ORM_FREE_NARGS; i++) {
        while (room->free[i] != NULL) {
            orm_node *n = room->free[i];

            room->free[i] = (orm_node *)(uintptr_t)n->hash;
            PyObject_GC_Del(n);
        }
        room->nfree[i] = 0;
    }
}

static int
room_traverse(void *data, visitproc visit, void *arg)
{
    orm_sqlroom *room = data;
    int i;

    for (i = 0; i < 3; i++) {
        Py_VISIT(room->singles[i]);
    }
    Py_VISIT(room->func_names);
    return 0;
}

static void
room_clear(void *data)
{
    orm_sqlroom *room = data;
    int i;

    for (i = 0; i < 3; i++) {
        Py_CLEAR(room->singles[i]);
    }
    Py_CLEAR(room->func_names);
    room->closed = 1;
    drop_free_lists(room);
}

static void
room_free(void *data)
{
    drop_free_lists(data);
    PyMem_Free(data);
}

int orm_sqlroom_setup(orm_state *st);

int
orm_sqlroom_setup(orm_state *st)
{
    orm_sqlroom *room = PyMem_Calloc(1, sizeof(orm_sqlroom));

    if (room == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    st->rooms[ORM_ROOM_SQL] =
        (orm_room){.data = room, .traverse = room_traverse, .clear = room_clear, .free = room_free};
    return 0;
}
