"""Golden cases: SELECT, its clauses, FROM lists, joins, aliases and labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Cases = dict[str, Callable[[], Any]]


def cases_columns(q: Any) -> Cases:
    """Return cases about column lists, labels, their deduplication and label styles."""
    sa, a, p, o = q.sa, q.authors, q.posts, q.odd
    table_style = sa.LABEL_STYLE_TABLENAME_PLUS_COL
    no_style = sa.LABEL_STYLE_NONE
    return {
        "select_table": lambda: sa.select(a),
        "select_columns": lambda: sa.select(a.c.id, a.c.name),
        "select_two_tables_dedupe": lambda: sa.select(a.c.id, p.c.id).where(
            a.c.id == p.c.author_id
        ),
        "select_two_tables_all": lambda: sa.select(a, p).join(p),
        "select_same_column_twice": lambda: sa.select(a.c.id, a.c.id),
        "select_same_column_thrice": lambda: sa.select(a.c.id, a.c.name, a.c.id, a.c.id),
        "select_dedupe_label_clash": lambda: sa.select(
            a.c.id, p.c.id, sa.literal(1).label("id_1")
        ),
        "select_label_tablename": lambda: sa.select(a.c.id, p.c.id).set_label_style(table_style),
        "select_label_none": lambda: sa.select(a.c.id, p.c.id).set_label_style(no_style),
        "select_label": lambda: sa.select(a.c.name.label("who")),
        "select_label_twice": lambda: sa.select(a.c.name.label("x"), a.c.age.label("x")),
        "select_label_none_name": lambda: sa.select(a.c.age.label(None)),
        "select_label_expression": lambda: sa.select((a.c.age + 1).label("next")),
        "select_expression": lambda: sa.select(a.c.age + 1, a.c.age * 2),
        "select_label_shares_counter": lambda: sa.select(a.c.id, p.c.id).where(a.c.id > 3),
        "select_literal": lambda: sa.select(sa.literal(5), sa.literal("x"), sa.literal(2**40)),
        "select_literal_column": lambda: sa.select(sa.literal_column("1 + 1"), a.c.id),
        "select_literal_column_label": lambda: sa.select(sa.literal_column("a.b").label("ab")),
        "select_null_true_false": lambda: sa.select(sa.null(), sa.true(), sa.false()),
        "select_text_column": lambda: sa.select(sa.text("now()")),
        "select_text_from": lambda: sa.select(sa.text("*")).select_from(sa.text("things")),
        "select_distinct": lambda: sa.select(a.c.name).distinct(),
        "select_distinct_column": lambda: sa.select(sa.distinct(a.c.name)),
        "select_count_distinct": lambda: sa.select(sa.func.count(a.c.name.distinct())),
        "select_quoted": lambda: sa.select(o),
        "select_quoted_where": lambda: sa.select(o.c.id).where(
            o.c.order == 1, o.c["has space"] == "x", o.c['a"quote'] == "y", o.c["per%cent"] > 5
        ),
        "select_column_key": lambda: sa.select(o.c.renamed).where(o.c.renamed == 4),
        "select_schema_table": lambda: sa.select(q.events).where(q.events.c.kind == "x"),
        "select_schema_alias": lambda: sa.select(q.events.alias("e")),
        "select_bare_table": lambda: sa.select(
            sa.table("bare", sa.column("x"), sa.column("y", sa.Integer))
        ),
        "select_column_untyped": lambda: sa.select(sa.column("x")).where(sa.column("x") == 5),
        "select_quoted_name": lambda: sa.select(sa.column("MixedCase"), sa.column("user")),
        "select_prefix_suffix": lambda: sa.select(a.c.id).prefix_with("A").suffix_with("B"),
        "select_hint": lambda: sa.select(a.c.id).with_statement_hint("HINT"),
        "select_with_only": lambda: sa.select(a).with_only_columns(a.c.name),
        "select_add_columns": lambda: sa.select(a.c.id).add_columns(a.c.age),
        "select_long_label": lambda: sa.select(a.c.id.label("x" * 80)),
    }


def cases_clauses(q: Any) -> Cases:
    """Return cases about WHERE, GROUP BY, HAVING, ORDER BY, LIMIT and FOR UPDATE."""
    sa, a, p = q.sa, q.authors, q.posts
    total = sa.func.count(p.c.id).label("total")
    nxt = (a.c.age + 1).label("nxt")
    base = sa.select(a.c.id)
    return {
        "where_two": lambda: base.where(a.c.age > 3).where(a.c.name == "x"),
        "where_filter_by": lambda: base.filter_by(name="x", age=3),
        "where_none": lambda: base.where(a.c.age == None),  # noqa: E711
        "where_not_none": lambda: base.where(a.c.age != None),  # noqa: E711
        "where_column": lambda: base.where(a.c.active),
        "where_not_column": lambda: base.where(~a.c.active),
        "where_true": lambda: base.where(sa.true()),
        "where_false": lambda: base.where(sa.false()),
        "where_is_true": lambda: base.where(a.c.active.is_(True)),
        "where_eq_true": lambda: base.where(a.c.active == True),  # noqa: E712
        "where_and_true": lambda: base.where(sa.and_(sa.true(), a.c.age > 1)),
        "where_or_true": lambda: base.where(sa.or_(sa.true(), a.c.age > 1)),
        "where_and_false": lambda: base.where(sa.and_(sa.false(), a.c.age > 1)),
        "where_or_in_and": lambda: base.where(
            sa.or_(a.c.age < 1, a.c.age > 9), a.c.name == "x"
        ),
        "where_text": lambda: base.where(sa.text("age > :low")).params(low=4),
        "where_literal_column": lambda: base.where(sa.literal_column("age") > 4),
        "group_having": lambda: sa.select(p.c.author_id, total)
        .group_by(p.c.author_id)
        .having(sa.func.count(p.c.id) > 2),
        "group_two": lambda: sa.select(sa.func.max(a.c.age)).group_by(a.c.name, a.c.email),
        "group_by_label": lambda: sa.select(nxt).group_by(nxt),
        "group_by_string": lambda: sa.select(nxt).group_by("nxt"),
        "order_column": lambda: base.order_by(a.c.name),
        "order_desc": lambda: base.order_by(a.c.name.desc(), a.c.id.asc()),
        "order_nulls": lambda: base.order_by(
            a.c.name.desc().nulls_last(), a.c.age.nulls_first()
        ),
        "order_label": lambda: sa.select(p.c.author_id, total)
        .group_by(p.c.author_id)
        .order_by(total),
        "order_label_desc": lambda: sa.select(nxt).order_by(nxt.desc()),
        "order_label_expression": lambda: sa.select(nxt).order_by(nxt + 1),
        "order_equal_expression": lambda: sa.select(nxt).order_by(a.c.age + 1),
        "order_string": lambda: sa.select(a.c.id, nxt).order_by("nxt", sa.desc("id")),
        "order_text": lambda: base.order_by(sa.text("1 DESC")),
        "order_dedupe_label": lambda: sa.select(a.c.id, p.c.id).order_by(p.c.id),
        "order_cleared": lambda: base.order_by(a.c.id).order_by(None).order_by(a.c.age),
        "limit": lambda: base.limit(10),
        "limit_offset": lambda: base.limit(10).offset(20),
        "offset_only": lambda: base.offset(5),
        "limit_expression": lambda: base.limit(sa.literal(2) + 3),
        "limit_none": lambda: base.limit(5).limit(None),
        "slice": lambda: base.slice(2, 7),
        "fetch": lambda: base.order_by(a.c.id).fetch(4),
        "fetch_ties": lambda: base.order_by(a.c.id).fetch(4, with_ties=True),
        "fetch_percent_offset": lambda: base.order_by(a.c.id).fetch(4, percent=True).offset(2),
        "for_update": lambda: base.with_for_update(),
        "for_update_all": lambda: base.with_for_update(nowait=True, of=a, key_share=True),
        "for_update_skip": lambda: base.with_for_update(skip_locked=True, read=True),
        "for_update_of_column": lambda: sa.select(a.c.id, p.c.id)
        .join(p)
        .with_for_update(of=[a.c.id, p]),
        "distinct_on": lambda: sa.select(a).ext(q.pg.distinct_on(a.c.name)).order_by(a.c.name),
    }


def cases_joins(q: Any) -> Cases:
    """Return cases about joins, their inferred ON clauses and the FROM list's order."""
    sa, a, p, c, n = q.sa, q.authors, q.posts, q.comments, q.nodes
    pa = a.alias("pa")
    anon, other = a.alias(), a.alias()
    kid, parent = n.alias("kid"), n.alias("parent")
    link = q.post_tags
    return {
        "join_inferred": lambda: sa.select(a.c.id).join(p),
        "join_on": lambda: sa.select(a.c.id).join(p, p.c.author_id == a.c.id),
        "join_on_two": lambda: sa.select(a.c.id).join(
            p, sa.and_(p.c.author_id == a.c.id, p.c.published == sa.true())
        ),
        "join_outer": lambda: sa.select(a.c.id).outerjoin(p),
        "join_full": lambda: sa.select(a.c.id).join(p, full=True),
        "join_isouter": lambda: sa.select(a.c.id).join(p, isouter=True),
        "join_from": lambda: sa.select(p.c.title).join_from(a, p),
        "join_chain": lambda: sa.select(a.c.id).join(p).join(c, c.c.post_id == p.c.id),
        "join_select_from": lambda: sa.select(sa.func.count()).select_from(a).join(p),
        "join_object": lambda: sa.select(a.c.id).select_from(a.join(p)),
        "join_object_outer": lambda: sa.select(a.c.id, p.c.id).select_from(a.outerjoin(p)),
        "join_nested_right": lambda: sa.select(a.c.id).select_from(
            a.join(p.join(c, c.c.post_id == p.c.id), p.c.author_id == a.c.id)
        ),
        "join_nested_outer": lambda: sa.select(p.c.id).select_from(
            p.outerjoin(link.join(q.tags), link.c.post_id == p.c.id)
        ),
        "join_true": lambda: sa.select(a.c.id).join(p, sa.true()),
        "join_alias": lambda: sa.select(pa.c.id).join(p, p.c.author_id == pa.c.id),
        "join_alias_inferred": lambda: sa.select(pa.c.name, p.c.title).join(p),
        "join_self_alias": lambda: sa.select(kid.c.name, parent.c.name).join(
            parent, kid.c.parent_id == parent.c.id
        ),
        "join_subquery": lambda: _join_subquery(q),
        "join_plus_from": lambda: sa.select(a.c.id, c.c.id).join(p, p.c.author_id == a.c.id),
        "from_comma": lambda: sa.select(a.c.id, p.c.title, c.c.content),
        "from_where_order": lambda: sa.select(p.c.title).where(a.c.id == c.c.author_id),
        "from_select_from_first": lambda: sa.select(p.c.title).select_from(c, p),
        "alias_named": lambda: sa.select(pa),
        "alias_anonymous": lambda: sa.select(anon.c.id, other.c.id).where(
            anon.c.id == other.c.id
        ),
        "alias_anonymous_once": lambda: sa.select(anon.c.name),
        "alias_of_alias": lambda: sa.select(pa.alias("again")),
        "table_sample": lambda: sa.select(
            sa.tablesample(a, sa.func.bernoulli(5), name="s", seed=sa.func.random()).c.id
        ),
        "lateral": lambda: _lateral(q),
        "lateral_inline": lambda: sa.select(a.c.id).join(
            sa.select(p.c.title).where(p.c.author_id == a.c.id).lateral("l"), sa.true()
        ),
    }


def _join_subquery(q: Any) -> Any:
    """Return a join of a table with a grouped subquery."""
    sa, a, p = q.sa, q.authors, q.posts
    grouped = (
        sa.select(p.c.author_id, sa.func.count().label("n")).group_by(p.c.author_id).subquery()
    )
    return sa.select(a.c.name, grouped.c.n).join(grouped, grouped.c.author_id == a.c.id)


def _lateral(q: Any) -> Any:
    """Return a FROM list with a lateral subquery that names its neighbour."""
    sa, a, p = q.sa, q.authors, q.posts
    newest = (
        sa.select(p.c.title)
        .where(p.c.author_id == a.c.id)
        .order_by(p.c.created_at.desc())
        .limit(1)
        .lateral()
    )
    return sa.select(a.c.name, newest.c.title).select_from(a, newest)
