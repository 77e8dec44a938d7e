/*
 * coretest/unit.c - the graph of a flush: levels, cycles split into rows, soft edges.
 *
 * Owners stand for mappers. The callback of a split reads a small table of rows and of which
 * row waits for which, as collect.c reads it from instances.
 */
#include "coretest/coretest.h"
#include "unit/graph.h"

#include "base/base.h"

/* What a split makes: rows of owners, and edges between rows by their number here. */
typedef struct rows {
    uint32_t nrows;
    uint32_t owner[8]; /* of each row */
    uint32_t nedges;
    uint32_t before[8], after[8]; /* rows */
    bool soft;
    uint32_t calls;
} rows;

static int
split_rows(void *arg, orm_graph *g, const uint32_t *nodes, uint32_t n)
{
    rows *r = arg;
    int64_t made[8];

    r->calls++;
    for (uint32_t i = 0; i < r->nrows; i++) {
        uint8_t kind = ORM_G_SAVE;

        for (uint32_t k = 0; k < n; k++) {
            if (g->nodes[nodes[k]].owner == r->owner[i]) {
                kind = g->nodes[nodes[k]].kind;
            }
        }
        made[i] = orm_graph_node(g, kind, r->owner[i], i);
        if (made[i] < 0) {
            return -1;
        }
    }
    for (uint32_t i = 0; i < r->nedges; i++) {
        if (orm_graph_edge(g, (uint32_t)made[r->before[i]], (uint32_t)made[r->after[i]], r->soft)
            < 0) {
            return -1;
        }
    }
    return 0;
}

static int
no_split(void *arg, orm_graph *g, const uint32_t *nodes, uint32_t n)
{
    (void)arg;
    (void)g;
    (void)nodes;
    (void)n;
    return -1;
}

/* n SAVE nodes with owners 0, 1, ... */
static void
add_saves(orm_graph *g, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        (void)orm_graph_node(g, ORM_G_SAVE, i, ORM_G_ALL);
    }
}

static void
test_levels_when_there_is_no_cycle(orm_check *c)
{
    orm_graph g;

    orm_graph_init(&g);
    add_saves(&g, 5);
    /* 3 -> 1 -> 0, 3 -> 0; 2 and 4 wait for nothing */
    orm_graph_edge(&g, 3, 1, false);
    orm_graph_edge(&g, 1, 0, false);
    orm_graph_edge(&g, 3, 0, true);
    orm_graph_edge(&g, 3, 0, true);
    ORM_CHECK(c, orm_graph_sort(&g, no_split, NULL) == 0);
    ORM_CHECK(c, g.norder == 5);
    ORM_CHECK(c, g.order[0] == 2 && g.order[1] == 3 && g.order[2] == 4);
    ORM_CHECK(c, g.order[3] == 1 && g.order[4] == 0);
    ORM_CHECK(c, g.nodes[0].level == 2 && g.nodes[1].level == 1);
    orm_graph_fini(&g);
}

static void
test_rows_keep_levels_when_a_node_waits_for_itself(orm_check *c)
{
    /* a tree: 0 is the root, 1 and 3 its children, 2 below 3 */
    rows r = {.nrows = 4, .nedges = 3, .before = {0, 0, 3}, .after = {1, 3, 2}, .soft = true};
    orm_graph g;

    orm_graph_init(&g);
    add_saves(&g, 1);
    orm_graph_edge(&g, 0, 0, true);
    ORM_CHECK(c, orm_graph_sort(&g, split_rows, &r) == 0);
    ORM_CHECK(c, r.calls == 1 && g.norder == 4);
    ORM_CHECK(c, g.nodes[g.order[0]].row == 0);
    ORM_CHECK(c, g.nodes[g.order[1]].row == 1 && g.nodes[g.order[2]].row == 3);
    ORM_CHECK(c, g.nodes[g.order[1]].level == g.nodes[g.order[2]].level);
    ORM_CHECK(c, g.nodes[g.order[3]].row == 2);
    ORM_CHECK(c, g.nodes[0].level == ORM_G_GONE);
    orm_graph_fini(&g);
}

static void
test_outside_waits_for_all_rows_when_a_cycle_is_split(orm_check *c)
{
    /* 0 -> (1 <-> 2) -> 3; rows: two of owner 1, one of owner 2 between them */
    rows r = {.nrows = 3, .owner = {1, 2, 1}, .nedges = 2, .before = {0, 1}, .after = {1, 2}};
    orm_graph g;

    orm_graph_init(&g);
    add_saves(&g, 4);
    orm_graph_edge(&g, 0, 1, false);
    orm_graph_edge(&g, 1, 2, false);
    orm_graph_edge(&g, 2, 1, false);
    orm_graph_edge(&g, 2, 3, false);
    ORM_CHECK(c, orm_graph_sort(&g, split_rows, &r) == 0);
    ORM_CHECK(c, r.calls == 1 && g.norder == 5);
    ORM_CHECK(c, g.order[0] == 0 && g.order[4] == 3);
    for (uint32_t i = 1; i <= 3; i++) {
        ORM_CHECK(c, g.nodes[g.order[i]].row == i - 1);
    }
    orm_graph_fini(&g);
}

static void
test_only_the_nodes_of_a_cycle_are_split(orm_check *c)
{
    /* two cycles: 0 <-> 1 and 3 <-> 4; 2 stands alone between them */
    rows r = {.nrows = 0};
    orm_graph g;

    orm_graph_init(&g);
    add_saves(&g, 5);
    orm_graph_edge(&g, 0, 1, false);
    orm_graph_edge(&g, 1, 0, false);
    orm_graph_edge(&g, 1, 2, false);
    orm_graph_edge(&g, 2, 3, false);
    orm_graph_edge(&g, 3, 4, false);
    orm_graph_edge(&g, 4, 3, false);
    ORM_CHECK(c, orm_graph_sort(&g, split_rows, &r) == 0);
    ORM_CHECK(c, r.calls == 2);
    ORM_CHECK(c, g.norder == 1 && g.order[0] == 2);
    orm_graph_fini(&g);
}

static void
test_cycle_is_reported_when_its_edges_are_hard(orm_check *c)
{
    rows r = {.nrows = 3, .nedges = 3, .before = {0, 1, 1}, .after = {1, 0, 2}};
    orm_graph g;

    orm_graph_init(&g);
    add_saves(&g, 1);
    orm_graph_edge(&g, 0, 0, false);
    ORM_CHECK(c, orm_graph_sort(&g, split_rows, &r) == 1);
    ORM_CHECK(c, g.ncycle == 2);
    ORM_CHECK(c, g.nodes[g.cycle[0]].row == 0 && g.nodes[g.cycle[1]].row == 1);
    orm_graph_fini(&g);
}

static void
test_cycle_is_broken_when_its_edges_are_soft(orm_check *c)
{
    /* 0 and 1 wait for each other, 2 waits for 1: only the cycle loses its edges */
    rows r = {.nrows = 3, .nedges = 3, .before = {0, 1, 1}, .after = {1, 0, 2}, .soft = true};
    orm_graph g;

    orm_graph_init(&g);
    add_saves(&g, 1);
    orm_graph_edge(&g, 0, 0, true);
    ORM_CHECK(c, orm_graph_sort(&g, split_rows, &r) == 0);
    ORM_CHECK(c, g.norder == 3);
    ORM_CHECK(c, g.nodes[g.order[0]].row == 0 && g.nodes[g.order[1]].row == 1);
    ORM_CHECK(c, g.nodes[g.order[2]].row == 2
                     && g.nodes[g.order[2]].level > g.nodes[g.order[1]].level);
    orm_graph_fini(&g);
}

static void
test_split_that_fails_ends_the_sort(orm_check *c)
{
    orm_graph g;

    orm_graph_init(&g);
    add_saves(&g, 2);
    orm_graph_edge(&g, 0, 1, false);
    orm_graph_edge(&g, 1, 0, false);
    ORM_CHECK(c, orm_graph_sort(&g, no_split, NULL) == -1);
    orm_graph_fini(&g);
}

static void
test_long_chain_needs_no_stack(orm_check *c)
{
    enum { N = 100000 };
    orm_graph g;

    orm_graph_init(&g);
    add_saves(&g, N);
    for (uint32_t i = 1; i < N; i++) {
        orm_graph_edge(&g, i, i - 1, false);
    }
    ORM_CHECK(c, orm_graph_sort(&g, no_split, NULL) == 0);
    ORM_CHECK(c, g.order[0] == N - 1 && g.order[N - 1] == 0);
    ORM_CHECK(c, g.nodes[0].level == N - 1);
    orm_graph_fini(&g);
}

#ifdef ORM_FAULTS
static void
test_every_failing_allocation_ends_the_sort(orm_check *c)
{
    int rc = -1;

    for (int64_t k = 1; rc != 0 && k < 200; k++) {
        rows r = {.nrows = 3, .owner = {1, 2, 1}, .nedges = 2, .before = {0, 1}, .after = {1, 2},
                  .soft = true};
        orm_graph g;

        orm_graph_init(&g);
        add_saves(&g, 4);
        orm_graph_edge(&g, 1, 2, true);
        orm_graph_edge(&g, 2, 1, true);
        orm_fault_set(k);
        rc = orm_graph_sort(&g, split_rows, &r);
        orm_fault_set(0);
        ORM_CHECK(c, rc == 0 || rc == -1);
        orm_graph_fini(&g);
    }
    ORM_CHECK(c, rc == 0);
}
#endif

/* Rows of a table that refers to itself and the PROC rows between them: a tree of three depths. */
static int
split_tree(void *arg, orm_graph *g, const uint32_t *nodes, uint32_t n)
{
    /* 0 over 1 and 2, 1 over 3: SAVE rows 0..3, PROC rows of the parents 0 and 1 */
    static const uint32_t edges[][2] = {{0, 4}, {4, 1}, {4, 2}, {1, 5}, {5, 3}};
    uint32_t first = g->nnodes;
    int rc = 0;

    *(uint32_t *)arg = n;
    (void)nodes;
    for (uint32_t i = 0; rc == 0 && i < 6; i++) {
        rc = orm_graph_node(g, i < 4 ? ORM_G_SAVE : ORM_G_PROC, 0, i < 4 ? i : i - 4) < 0 ? -1 : 0;
    }
    for (uint32_t i = 0; rc == 0 && i < 5; i++) {
        rc = orm_graph_edge(g, first + edges[i][0], first + edges[i][1], false);
    }
    return rc;
}

static void
test_rows_of_a_tree_and_their_keys_take_turns(orm_check *c)
{
    static const uint8_t kinds[] = {ORM_G_SAVE, ORM_G_PROC, ORM_G_SAVE, ORM_G_SAVE,
                                    ORM_G_PROC, ORM_G_SAVE, ORM_G_POST, ORM_G_DEL};
    static const uint32_t rows_in_order[] = {0, 0, 1, 2, 1, 3, ORM_G_ALL, ORM_G_ALL};
    uint32_t members = 0;
    orm_graph g;

    orm_graph_init(&g);
    (void)orm_graph_node(&g, ORM_G_SAVE, 0, ORM_G_ALL);
    (void)orm_graph_node(&g, ORM_G_DEL, 0, ORM_G_ALL);
    (void)orm_graph_node(&g, ORM_G_PROC, 0, ORM_G_ALL);
    (void)orm_graph_node(&g, ORM_G_POST, 0, ORM_G_ALL);
    orm_graph_edge(&g, 0, 2, false);
    orm_graph_edge(&g, 2, 0, false);
    orm_graph_edge(&g, 0, 3, false);
    orm_graph_edge(&g, 3, 1, false);
    ORM_CHECK(c, orm_graph_sort(&g, split_tree, &members) == 0);
    ORM_CHECK(c, members == 2); /* SAVE and PROC wait for each other, POST and DEL do not */
    ORM_CHECK(c, g.norder == 8);
    for (uint32_t i = 0; i < g.norder && i < 8; i++) {
        ORM_CHECK(c, g.nodes[g.order[i]].kind == kinds[i]);
        ORM_CHECK(c, g.nodes[g.order[i]].row == rows_in_order[i]);
    }
    ORM_CHECK(c, g.nodes[g.order[2]].level == g.nodes[g.order[3]].level);
    orm_graph_fini(&g);
}

static const orm_coretest_case checks[] = {
    {"levels_when_there_is_no_cycle", test_levels_when_there_is_no_cycle},
    {"rows_keep_levels_when_a_node_waits_for_itself",
     test_rows_keep_levels_when_a_node_waits_for_itself},
    {"outside_waits_for_all_rows_when_a_cycle_is_split",
     test_outside_waits_for_all_rows_when_a_cycle_is_split},
    {"only_the_nodes_of_a_cycle_are_split", test_only_the_nodes_of_a_cycle_are_split},
    {"cycle_is_reported_when_its_edges_are_hard", test_cycle_is_reported_when_its_edges_are_hard},
    {"cycle_is_broken_when_its_edges_are_soft", test_cycle_is_broken_when_its_edges_are_soft},
    {"rows_of_a_tree_and_their_keys_take_turns", test_rows_of_a_tree_and_their_keys_take_turns},
    {"split_that_fails_ends_the_sort", test_split_that_fails_ends_the_sort},
    {"long_chain_needs_no_stack", test_long_chain_needs_no_stack},
#ifdef ORM_FAULTS
    {"every_failing_allocation_ends_the_sort", test_every_failing_allocation_ends_the_sort},
#endif
    {NULL, NULL},
};

const orm_coretest_room orm_coretest_unit = {.checks = checks};
