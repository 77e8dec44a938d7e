"""Golden cases: subqueries, correlation, set operations, CTEs and VALUES."""

from __future__ import annotations

from typing import Any

from .cases_select import Cases


def cases_subqueries(q: Any) -> Cases:
    """Return cases about subqueries, scalar subqueries, EXISTS and correlation."""
    sa, a, p, c = q.sa, q.authors, q.posts, q.comments
    sub = sa.select(a.c.id, a.c.name).where(a.c.age > 5).subquery()
    named = sa.select(a.c.id, a.c.name).subquery("grown")
    newest = sa.select(sa.func.max(p.c.id)).where(p.c.author_id == a.c.id).scalar_subquery()
    own = sa.select(p.c.id).where(p.c.author_id == a.c.id)
    inner = a.alias()
    base = sa.select(a.c.name)
    return {
        "subquery": lambda: sa.select(sub.c.name),
        "subquery_all": lambda: sa.select(sub).where(sub.c.id == 5),
        "subquery_named": lambda: sa.select(named.c.id),
        "subquery_nested": lambda: sa.select(sa.select(sub.c.id).subquery().c.id),
        "subquery_two": lambda: sa.select(sub.c.id, named.c.id).where(sub.c.id == named.c.id),
        "subquery_dedupe": lambda: sa.select(
            sa.select(a.c.id, p.c.id).join(p).subquery()
        ),
        "subquery_expression": lambda: sa.select(sa.select(a.c.age + 1).subquery()),
        "subquery_function": lambda: sa.select(
            sa.select(sa.func.count(a.c.id), sa.func.max(a.c.age)).subquery()
        ),
        "subquery_tablename_style": lambda: sa.select(
            sa.select(a.c.id, p.c.id)
            .set_label_style(sa.LABEL_STYLE_TABLENAME_PLUS_COL)
            .subquery()
        ),
        "scalar_in_columns": lambda: sa.select(a.c.id, newest),
        "scalar_in_columns_label": lambda: sa.select(a.c.id, newest.label("newest")),
        "scalar_in_where": lambda: base.where(newest > 7),
        "scalar_in_where_right": lambda: base.where(a.c.id == newest),
        "scalar_uncorrelated": lambda: base.where(
            a.c.age == sa.select(sa.func.max(p.c.views)).scalar_subquery()
        ),
        "scalar_order": lambda: base.order_by(newest),
        "scalar_no_from_left": lambda: sa.select(sa.select(a.c.id).scalar_subquery()),
        "exists": lambda: base.where(sa.exists().where(p.c.author_id == a.c.id)),
        "exists_select": lambda: base.where(own.exists()),
        "exists_star": lambda: base.where(sa.exists(p).where(p.c.author_id == a.c.id)),
        "exists_column": lambda: base.where(sa.exists(p.c.id).where(p.c.author_id == a.c.id)),
        "not_exists": lambda: base.where(~own.exists()),
        "exists_in_columns": lambda: sa.select(own.exists()),
        "exists_label": lambda: sa.select(own.exists().label("has")).select_from(a),
        "exists_nested": lambda: base.where(
            sa.exists().where(
                p.c.author_id == a.c.id,
                sa.exists().where(c.c.post_id == p.c.id, c.c.author_id == inner.c.id),
            )
        ),
        "in_select": lambda: base.where(a.c.id.in_(sa.select(p.c.author_id))),
        "in_select_correlated": lambda: base.where(a.c.id.in_(own)),
        "in_subquery_select": lambda: base.where(a.c.id.in_(sa.select(sub.c.id))),
        "correlate": lambda: sa.select(a.c.id, p.c.id).where(
            sa.select(c.c.id)
            .where(c.c.author_id == a.c.id, c.c.post_id == p.c.id)
            .correlate(a)
            .exists()
        ),
        "correlate_except": lambda: sa.select(a.c.id, p.c.id).where(
            sa.select(c.c.id)
            .where(c.c.author_id == a.c.id, c.c.post_id == p.c.id)
            .correlate_except(c)
            .exists()
        ),
        "correlate_none": lambda: base.where(own.correlate(None).exists()),
        "correlate_one_level": lambda: _one_level(q),
        "correlate_alias": lambda: sa.select(inner.c.id).where(
            sa.exists().where(p.c.author_id == inner.c.id)
        ),
        "subquery_as_comparison": lambda: base.where(
            a.c.age > sa.all_(sa.select(p.c.views).scalar_subquery())
        ),
        "subquery_any": lambda: base.where(a.c.id == sa.any_(sa.select(p.c.author_id))),
        "subquery_limit": lambda: sa.select(
            sa.select(a).order_by(a.c.id).limit(3).subquery()
        ),
    }


def _one_level(q: Any) -> Any:
    """Return a statement whose innermost SELECT names a table two levels up."""
    sa, a, p, c = q.sa, q.authors, q.posts, q.comments
    deep = sa.select(c.c.id).where(c.c.author_id == a.c.id, c.c.post_id == p.c.id)
    middle = sa.select(p.c.id).where(p.c.views > 0, deep.exists())
    return sa.select(a.c.id).where(middle.exists())


def cases_compounds(q: Any) -> Cases:
    """Return cases about UNION and its relatives, nested and ordered."""
    sa, a, p = q.sa, q.authors, q.posts
    one = sa.select(a.c.id).where(a.c.age > 1)
    two = sa.select(p.c.id).where(p.c.views > 2)
    three = sa.select(a.c.id).where(a.c.name == "z")
    return {
        "union": lambda: sa.union(one, two),
        "union_all": lambda: sa.union_all(one, two, three),
        "union_method": lambda: one.union(two),
        "intersect": lambda: sa.intersect(one, two),
        "except": lambda: sa.except_(one, two),
        "except_all": lambda: sa.except_all(one, two),
        "intersect_all": lambda: sa.intersect_all(one, two),
        "union_order_limit": lambda: sa.union(one, two).order_by("id").limit(3).offset(1),
        "union_nested": lambda: sa.union(one, sa.union_all(two, three)),
        "union_nested_left": lambda: sa.union_all(sa.union(one, two), three),
        "union_nested_same": lambda: sa.union(sa.union(one, two), three),
        "union_except": lambda: sa.except_(sa.union(one, two), three),
        "union_limited_parts": lambda: sa.union_all(
            one.order_by(a.c.id).limit(1), two.order_by(p.c.id).limit(2)
        ),
        "union_subquery": lambda: sa.select(sa.union(one, two).subquery().c.id),
        "union_subquery_named": lambda: sa.select(sa.union_all(one, two).subquery("both")),
        "union_in": lambda: sa.select(a.c.name).where(a.c.id.in_(sa.union(one, two))),
        "union_scalar": lambda: sa.select(sa.union(one, two).limit(1).scalar_subquery()),
        "union_literals": lambda: sa.union_all(
            sa.select(sa.literal(1).label("n")), sa.select(sa.literal(2))
        ),
        "union_group_by": lambda: sa.union(one, two).group_by("id"),
    }


def cases_ctes(q: Any) -> Cases:
    """Return cases about WITH: plain, recursive, nested, with DML, materialized."""
    sa, a, p = q.sa, q.authors, q.posts
    grown = sa.select(a.c.id, a.c.name).where(a.c.age > 5).cte("grown")
    anon = sa.select(a.c.id).where(a.c.age > 5).cte()
    busy = sa.select(p.c.author_id).where(p.c.author_id.in_(sa.select(grown.c.id))).cte("busy")
    again = grown.alias("again")
    gone = sa.delete(p).where(p.c.views == 0).returning(p.c.id, p.c.title).cte("gone")
    fresh = sa.insert(a).values(name="x").returning(a.c.id).cte("fresh")
    inner = sa.select(a.c.id).cte("inner_cte", nesting=True)
    return {
        "cte": lambda: sa.select(grown.c.name).where(grown.c.id == 3),
        "cte_anonymous": lambda: sa.select(anon.c.id),
        "cte_twice": lambda: sa.select(grown.c.id, again.c.id).where(grown.c.id < again.c.id),
        "cte_chain": lambda: sa.select(busy.c.author_id).where(busy.c.author_id > 1),
        "cte_join": lambda: sa.select(p.c.title).join(grown, grown.c.id == p.c.author_id),
        "cte_recursive": lambda: _recursive(q),
        "cte_recursive_two_columns": lambda: _recursive_counter(q),
        "cte_delete": lambda: sa.select(gone.c.title),
        "cte_insert": lambda: sa.select(fresh),
        "cte_in_insert": lambda: sa.insert(q.tags).from_select(
            ["name"], sa.select(grown.c.name)
        ),
        "cte_in_update": lambda: sa.update(p)
        .values(views=1)
        .where(p.c.author_id.in_(sa.select(grown.c.id))),
        "cte_in_delete": lambda: sa.delete(p).where(p.c.author_id == grown.c.id),
        "cte_materialized": lambda: sa.select(
            sa.select(a.c.id).cte("m").prefix_with("MATERIALIZED", dialect="postgresql")
        ),
        "cte_add": lambda: sa.select(a.c.id).add_cte(gone),
        "cte_nesting": lambda: sa.select(
            sa.select(inner.c.id).where(inner.c.id > 2).cte("outer_cte")
        ),
        "cte_union": lambda: sa.union(sa.select(grown.c.id), sa.select(grown.c.id + 1)),
        "cte_in_exists": lambda: sa.select(p.c.id).where(
            sa.exists().where(grown.c.id == p.c.author_id)
        ),
        "cte_in_subquery": lambda: sa.select(
            sa.select(grown.c.name).where(grown.c.id > 1).subquery()
        ),
    }


def _recursive(q: Any) -> Any:
    """Return the descent through a tree of nodes as a recursive CTE."""
    sa, n = q.sa, q.nodes
    tree = sa.select(n.c.id, n.c.name).where(n.c.parent_id == None).cte(  # noqa: E711
        "tree", recursive=True
    )
    child = n.alias("child")
    tree = tree.union_all(
        sa.select(child.c.id, child.c.name).where(child.c.parent_id == tree.c.id)
    )
    return sa.select(tree.c.id, tree.c.name).order_by(tree.c.id)


def _recursive_counter(q: Any) -> Any:
    """Return a counting recursive CTE that starts from labelled literals."""
    sa = q.sa
    start = sa.select(sa.literal(1).label("n"), sa.literal(0).label("total")).cte(
        "counter", recursive=True
    )
    counter = start.union_all(
        sa.select(start.c.n + 1, start.c.total + start.c.n).where(start.c.n < 10)
    )
    return sa.select(sa.func.max(counter.c.total))


def cases_values(q: Any) -> Cases:
    """Return cases about VALUES and set-returning functions in FROM."""
    sa, a = q.sa, q.authors
    rows = sa.values(sa.column("x", sa.Integer), sa.column("y", sa.String), name="v").data(
        [(1, "a"), (2, "b")]
    )
    unnamed = sa.values(sa.column("x", sa.Integer), name="w").data([(1,), (2,)])
    series = sa.func.generate_series(1, 5).table_valued("value")
    return {
        "values": lambda: sa.select(rows),
        "values_join": lambda: sa.select(a.c.id, rows.c.y).join(rows, rows.c.x == a.c.id),
        "values_alias": lambda: sa.select(rows.alias("z")),
        "values_one": lambda: sa.select(unnamed.c.x),
        "values_cte": lambda: sa.select(rows.cte("vals")),
        "values_scalar": lambda: sa.select(
            sa.values(sa.column("x", sa.Integer)).data([(1,)]).scalar_values()
        ),
        "table_valued": lambda: sa.select(series.c.value),
        "table_valued_alias": lambda: sa.select(series.alias("s").c.value),
        "table_valued_derived": lambda: sa.select(
            sa.func.json_to_recordset("[]")
            .table_valued(sa.column("a", sa.Integer), sa.column("b", sa.String))
            .render_derived(name="r", with_types=True)
        ),
        "table_valued_ordinality": lambda: sa.select(
            sa.func.unnest(sa.column("z"))
            .table_valued("v", with_ordinality="n", name="u")
            .render_derived()
        ),
        "column_valued": lambda: sa.select(sa.func.generate_series(1, 3).column_valued("x")),
        "scalar_table_valued": lambda: sa.select(
            sa.func.jsonb_each(q.documents.c.data).scalar_table_valued("key")
        ),
        "function_alias_from": lambda: sa.select(sa.func.now().alias("n").column),
    }
