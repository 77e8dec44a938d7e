/*
 * unit/graph.c - levels, strongly connected components, splitting of cycles. No Python.
 *
 * Steps of a sort: components (Tarjan) -> every cyclic component is split into rows by the
 *   caller -> levels (Kahn) -> if something is left: soft edges inside of the components that
 *   are left are dropped, levels again -> the order by level.
 * Cost: every step is linear in nodes and edges; nothing recurses.
 * Source: Tarjan, Depth-first search and linear graph algorithms, 1972; Kahn, Topological
 *   sorting of large networks, 1962.
 */
#include "unit/graph.h"

#include "base/base.h"

#include <assert.h>

void
orm_graph_init(orm_graph *g)
{
    *g = (orm_graph){0};
}

void
orm_graph_fini(orm_graph *g)
{
    orm_free(g->nodes);
    orm_free(g->edges);
    orm_free(g->order);
    orm_free(g->cycle);
    *g = (orm_graph){0};
}

/* Room for one more of `size` bytes in a growing array. 0 / -1. */
static int
grow(void **items, uint32_t *cap, uint32_t used, size_t size)
{
    uint32_t room = *cap == 0 ? 16 : *cap * 2;
    void *fresh = NULL;

    if (used < *cap) {
        return 0;
    }
    fresh = *cap > UINT32_MAX / 2 ? NULL : orm_reallocarray(*items, room, size);
    if (fresh == NULL) {
        return -1;
    }
    *items = fresh;
    *cap = room;
    return 0;
}

int64_t
orm_graph_node(orm_graph *g, uint8_t kind, uint32_t owner, uint32_t row)
{
    if (grow((void **)&g->nodes, &g->capnodes, g->nnodes, sizeof(*g->nodes)) < 0) {
        return -1;
    }
    g->nodes[g->nnodes] = (orm_gnode){.kind = kind, .owner = owner, .row = row};
    return g->nnodes++;
}

int
orm_graph_edge(orm_graph *g, uint32_t before, uint32_t after, bool soft)
{
    assert(before < g->nnodes && after < g->nnodes);
    if (grow((void **)&g->edges, &g->capedges, g->nedges, sizeof(*g->edges)) < 0) {
        return -1;
    }
    g->edges[g->nedges++] = (orm_gedge){.before = before, .after = after, .soft = soft};
    return 0;
}

/* --- edges by node ------------------------------------------------------------------------ */

/* Living edges in the order of their first node. */
typedef struct adjacency {
    uint32_t *first; /* nnodes + 1 positions in `edge` */
    uint32_t *edge;  /* edge numbers */
} adjacency;

static void
adjacency_fini(adjacency *a)
{
    orm_free(a->first);
    orm_free(a->edge);
    *a = (adjacency){0};
}

static int
adjacency_init(adjacency *a, const orm_graph *g)
{
    uint32_t *fill = NULL;

    a->first = orm_calloc((size_t)g->nnodes + 1, sizeof(uint32_t));
    a->edge = orm_mallocarray((size_t)g->nedges + 1, sizeof(uint32_t));
    fill = orm_calloc((size_t)g->nnodes + 1, sizeof(uint32_t));
    if (a->first == NULL || a->edge == NULL || fill == NULL) {
        orm_free(fill);
        adjacency_fini(a);
        return -1;
    }
    for (uint32_t i = 0; i < g->nedges; i++) {
        if (!g->edges[i].dead) {
            a->first[g->edges[i].before + 1]++;
        }
    }
    for (uint32_t i = 0; i < g->nnodes; i++) {
        a->first[i + 1] += a->first[i];
        fill[i] = a->first[i];
    }
    for (uint32_t i = 0; i < g->nedges; i++) {
        if (!g->edges[i].dead) {
            a->edge[fill[g->edges[i].before]++] = i;
        }
    }
    orm_free(fill);
    return 0;
}

/* --- components --------------------------------------------------------------------------- */

typedef struct tarjan {
    const orm_graph *g;
    adjacency out;
    uint32_t *number; /* nnodes; 0: not visited, else order of the first visit */
    uint32_t *low;    /* nnodes; lowest number that can be reached */
    uint32_t *at;     /* nnodes; next edge of a node that is being visited */
    uint32_t *path;   /* nodes being visited, innermost last */
    uint32_t *stack;  /* nodes without component yet */
    uint32_t npath, nstack, numbers, components;
} tarjan;

static void
tarjan_fini(tarjan *t)
{
    adjacency_fini(&t->out);
    orm_free(t->number);
    orm_free(t->low);
    orm_free(t->at);
    orm_free(t->path);
    orm_free(t->stack);
}

static int
tarjan_init(tarjan *t, const orm_graph *g)
{
    size_t n = (size_t)g->nnodes + 1;

    *t = (tarjan){.g = g};
    t->number = orm_calloc(n, sizeof(uint32_t));
    t->low = orm_calloc(n, sizeof(uint32_t));
    t->at = orm_calloc(n, sizeof(uint32_t));
    t->path = orm_calloc(n, sizeof(uint32_t));
    t->stack = orm_calloc(n, sizeof(uint32_t));
    if (t->number == NULL || t->low == NULL || t->at == NULL || t->path == NULL
        || t->stack == NULL || adjacency_init(&t->out, g) < 0) {
        tarjan_fini(t);
        return -1;
    }
    return 0;
}

static void
enter(tarjan *t, uint32_t node)
{
    t->number[node] = t->low[node] = ++t->numbers;
    t->at[node] = t->out.first[node];
    t->path[t->npath++] = node;
    t->stack[t->nstack++] = node;
}

/* The node is done: close its component if it is the root of one, tell its parent. */
static void
leave(tarjan *t, uint32_t node, orm_gnode *nodes)
{
    t->npath--;
    if (t->low[node] == t->number[node]) {
        uint32_t member;

        t->components++;
        do {
            member = t->stack[--t->nstack];
            nodes[member].component = t->components;
        } while (member != node);
    }
    if (t->npath > 0) {
        uint32_t parent = t->path[t->npath - 1];

        if (t->low[node] < t->low[parent]) {
            t->low[parent] = t->low[node];
        }
    }
}

static void
visit_from(tarjan *t, uint32_t root, orm_gnode *nodes)
{
    enter(t, root);
    while (t->npath > 0) {
        uint32_t node = t->path[t->npath - 1];
        uint32_t next;

        if (t->at[node] == t->out.first[node + 1]) {
            leave(t, node, nodes);
            continue;
        }
        next = t->g->edges[t->out.edge[t->at[node]++]].after;
        if (t->number[next] == 0) {
            enter(t, next);
        }
        else if (nodes[next].component == 0 && t->number[next] < t->low[node]) {
            t->low[node] = t->number[next]; /* still on the stack */
        }
    }
}

/* Number the strongly connected components from 1. Answers how many, -1 without memory. */
static int64_t
find_components(orm_graph *g)
{
    tarjan t;

    for (uint32_t i = 0; i < g->nnodes; i++) {
        g->nodes[i].component = 0;
    }
    if (tarjan_init(&t, g) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < g->nnodes; i++) {
        if (t.number[i] == 0) {
            visit_from(&t, i, g->nodes);
        }
    }
    tarjan_fini(&t);
    return t.components;
}

/* --- splitting ---------------------------------------------------------------------------- */

/* One cyclic component that was split. */
typedef struct gates {
    uint32_t enter, exit; /* nodes; both 0: the component was not split */
} gates;

/* Split the nodes of one component; rows are the nodes that the callback adds. */
static int
split_component(orm_graph *g, const uint32_t *members, uint32_t n, gates *made,
                orm_graph_split split, void *arg)
{
    int64_t entry = orm_graph_node(g, ORM_G_GATE, 0, ORM_G_ALL);
    int64_t exit = orm_graph_node(g, ORM_G_GATE, 0, ORM_G_ALL);
    uint32_t first = g->nnodes;
    uint32_t last;

    if (entry < 0 || exit < 0 || split(arg, g, members, n) < 0) {
        return -1;
    }
    last = g->nnodes;
    for (uint32_t row = first; row < last; row++) {
        if (orm_graph_edge(g, (uint32_t)entry, row, false) < 0
            || orm_graph_edge(g, row, (uint32_t)exit, false) < 0) {
            return -1;
        }
    }
    if (orm_graph_edge(g, (uint32_t)entry, (uint32_t)exit, false) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        g->nodes[members[i]].level = ORM_G_GONE;
    }
    *made = (gates){(uint32_t)entry, (uint32_t)exit};
    return 0;
}

/* Edges of the first `nedges` that touch a split node go to its gates, or away. */
static void
move_edges(orm_graph *g, uint32_t nedges, const gates *by_component)
{
    for (uint32_t i = 0; i < nedges; i++) {
        orm_gedge *e = &g->edges[i];
        uint32_t from = g->nodes[e->before].component; /* not 0: nodes of before the split */
        uint32_t to = g->nodes[e->after].component;

        if (from == to && by_component[from].exit != 0) {
            e->dead = true;
            continue;
        }
        if (by_component[from].exit != 0) {
            e->before = by_component[from].exit;
        }
        if (by_component[to].exit != 0) {
            e->after = by_component[to].enter;
        }
    }
}

/* The nodes of all cyclic components, component by component, each in the order in which they
 * were added. *members is owned by the caller, *n how many. 0 / -1. */
static int
list_cyclic(const orm_graph *g, uint32_t ncomponents, uint32_t **members, uint32_t *n)
{
    uint32_t *fill = orm_calloc((size_t)ncomponents + 2, sizeof(uint32_t));
    bool *cyclic = orm_calloc((size_t)ncomponents + 1, sizeof(bool));
    int rc = -1;

    *n = 0;
    *members = orm_mallocarray((size_t)g->nnodes + 1, sizeof(uint32_t));
    if (fill == NULL || cyclic == NULL || *members == NULL) {
        goto done;
    }
    for (uint32_t i = 0; i < g->nedges; i++) {
        uint32_t c = g->nodes[g->edges[i].before].component;

        if (!g->edges[i].dead && c == g->nodes[g->edges[i].after].component) {
            cyclic[c] = true; /* an edge inside: a cycle, or a node that waits for itself */
        }
    }
    for (uint32_t i = 0; i < g->nnodes; i++) {
        if (cyclic[g->nodes[i].component]) {
            fill[g->nodes[i].component + 1]++;
            *n += 1;
        }
    }
    for (uint32_t c = 0; c <= ncomponents; c++) {
        fill[c + 1] += fill[c];
    }
    for (uint32_t i = 0; i < g->nnodes; i++) {
        if (cyclic[g->nodes[i].component]) {
            (*members)[fill[g->nodes[i].component]++] = i;
        }
    }
    rc = 0;

done:
    orm_free(fill);
    orm_free(cyclic);
    return rc;
}

/* Split every cyclic component. 0 / -1. */
static int
split_cycles(orm_graph *g, orm_graph_split split, void *arg)
{
    int64_t ncomponents = find_components(g);
    uint32_t nedges = g->nedges;
    uint32_t *members = NULL;
    uint32_t nmembers = 0;
    gates *made = NULL;
    int rc = -1;

    if (ncomponents < 0) {
        return -1;
    }
    made = orm_calloc((size_t)ncomponents + 1, sizeof(gates));
    if (made == NULL || list_cyclic(g, (uint32_t)ncomponents, &members, &nmembers) < 0) {
        goto done;
    }
    for (uint32_t from = 0, to; from < nmembers; from = to) {
        uint32_t c = g->nodes[members[from]].component;

        to = from + 1;
        while (to < nmembers && g->nodes[members[to]].component == c) {
            to++;
        }
        if (split_component(g, members + from, to - from, &made[c], split, arg) < 0) {
            goto done;
        }
    }
    move_edges(g, nedges, made);
    rc = 0;

done:
    orm_free(made);
    orm_free(members);
    return rc;
}

/* --- levels ------------------------------------------------------------------------------- */

typedef struct kahn {
    adjacency out;
    uint32_t *waits; /* nnodes; edges that lead to a node and are not done */
    uint32_t *queue; /* nodes in the order in which they became free */
    uint32_t ndone;  /* nodes done */
} kahn;

static void
kahn_fini(kahn *k)
{
    adjacency_fini(&k->out);
    orm_free(k->waits);
    orm_free(k->queue);
}

static bool
is_gone(const orm_gnode *n)
{
    return n->level == ORM_G_GONE;
}

/* Levels of all nodes that can be reached without a cycle. waits[i] > 0: node i is in or
 * behind a cycle. 0 / -1; k is initialised in either case. */
static int
run_levels(orm_graph *g, kahn *k)
{
    uint32_t tail = 0;

    *k = (kahn){0};
    k->waits = orm_calloc((size_t)g->nnodes + 1, sizeof(uint32_t));
    k->queue = orm_mallocarray((size_t)g->nnodes + 1, sizeof(uint32_t));
    if (k->waits == NULL || k->queue == NULL || adjacency_init(&k->out, g) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < g->nedges; i++) {
        k->waits[g->edges[i].after] += g->edges[i].dead ? 0 : 1;
    }
    for (uint32_t i = 0; i < g->nnodes; i++) {
        if (!is_gone(&g->nodes[i])) {
            g->nodes[i].level = 0;
            if (k->waits[i] == 0) {
                k->queue[tail++] = i;
            }
        }
    }
    for (uint32_t head = 0; head < tail; head++) {
        uint32_t node = k->queue[head];

        for (uint32_t e = k->out.first[node]; e < k->out.first[node + 1]; e++) {
            uint32_t next = g->edges[k->out.edge[e]].after;

            if (g->nodes[next].level <= g->nodes[node].level) {
                g->nodes[next].level = g->nodes[node].level + 1;
            }
            if (--k->waits[next] == 0) {
                k->queue[tail++] = next;
            }
        }
    }
    k->ndone = tail;
    return 0;
}

static uint32_t
count_living(const orm_graph *g)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < g->nnodes; i++) {
        n += is_gone(&g->nodes[i]) ? 0 : 1;
    }
    return n;
}

/* Nodes stay unreached: drop the soft edges of the cycles among them. 1: some were dropped;
 * 0: none is left to drop; -1. */
static int
drop_soft(orm_graph *g)
{
    int dropped = 0;

    if (find_components(g) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < g->nedges; i++) {
        orm_gedge *e = &g->edges[i];

        if (!e->dead && e->soft
            && g->nodes[e->before].component == g->nodes[e->after].component) {
            e->dead = true;
            dropped = 1;
        }
    }
    return dropped;
}

/* The first cycle that is left, into g->cycle; components are up to date. 1 / -1. */
static int
report_cycle(orm_graph *g, const kahn *k)
{
    uint32_t component = 0;

    g->cycle = orm_mallocarray((size_t)g->nnodes + 1, sizeof(uint32_t));
    if (g->cycle == NULL) {
        return -1;
    }
    for (uint32_t i = 0; component == 0 && i < g->nedges; i++) {
        const orm_gedge *e = &g->edges[i];

        if (!e->dead && k->waits[e->before] > 0
            && g->nodes[e->before].component == g->nodes[e->after].component) {
            component = g->nodes[e->before].component;
        }
    }
    for (uint32_t i = 0; i < g->nnodes; i++) {
        if (g->nodes[i].component == component && g->nodes[i].kind != ORM_G_GATE) {
            g->cycle[g->ncycle++] = i;
        }
    }
    return 1;
}

/* Nodes by level, within a level by number: one counting sort. 0 / -1. */
static int
make_order(orm_graph *g)
{
    uint32_t *start = NULL;
    uint32_t highest = 0;

    for (uint32_t i = 0; i < g->nnodes; i++) {
        if (!is_gone(&g->nodes[i]) && g->nodes[i].level > highest) {
            highest = g->nodes[i].level;
        }
    }
    start = orm_calloc((size_t)highest + 2, sizeof(uint32_t));
    g->order = orm_mallocarray((size_t)g->nnodes + 1, sizeof(uint32_t));
    if (start == NULL || g->order == NULL) {
        orm_free(start);
        return -1;
    }
    for (uint32_t i = 0; i < g->nnodes; i++) {
        if (!is_gone(&g->nodes[i]) && g->nodes[i].kind != ORM_G_GATE) {
            start[g->nodes[i].level + 1]++;
            g->norder++;
        }
    }
    for (uint32_t l = 0; l <= highest; l++) {
        start[l + 1] += start[l];
    }
    for (uint32_t i = 0; i < g->nnodes; i++) {
        if (!is_gone(&g->nodes[i]) && g->nodes[i].kind != ORM_G_GATE) {
            g->order[start[g->nodes[i].level]++] = i;
        }
    }
    orm_free(start);
    return 0;
}

int
orm_graph_sort(orm_graph *g, orm_graph_split split, void *arg)
{
    int rc = split_cycles(g, split, arg);

    while (rc == 0) {
        kahn k;

        rc = run_levels(g, &k);
        if (rc == 0 && k.ndone == count_living(g)) {
            kahn_fini(&k);
            return make_order(g);
        }
        if (rc == 0) {
            int dropped = drop_soft(g);

            rc = dropped > 0 ? 0 : dropped < 0 ? -1 : report_cycle(g, &k);
        }
        kahn_fini(&k);
    }
    return rc;
}
