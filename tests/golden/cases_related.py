"""Golden cases about relationships in statements: joins, criteria, comparison with instances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Cases = dict[str, Callable[[], Any]]


def make_related_cases(q: Any) -> Cases:
    """Return every case by name.

    Args:
        q: A namespace made by `related.make_related`.
    """
    q.author1, q.post1 = q.orm.aliased(q.Author), q.orm.aliased(q.Post)
    q.post2, q.tag1 = q.orm.aliased(q.Post, name="second"), q.orm.aliased(q.Tag)
    q.node1, q.node2, q.person1 = q.orm.aliased(q.Node), q.orm.aliased(q.Node), q.orm.aliased(q.Person)
    groups = (joins, joins_named, joins_self, joins_refined, exists, exists_self, nothing, instances,
              members, parents, functions, elsewhere, hierarchy, hierarchy_exists, one_table, refused)  # fmt: skip
    return {name: make for group in groups for name, make in group(q).items()}


def joins(q: Any) -> Cases:
    """Return joins to the related class itself."""
    s, A, P, T, O, L = q.sa.select, q.Author, q.Post, q.Tag, q.Order, q.Line  # noqa: E741
    count = q.sa.func.count
    return {
        "join": lambda: s(A).join(A.posts),
        "join_outer": lambda: s(A).outerjoin(A.posts),
        "join_isouter": lambda: s(A).join(A.posts, isouter=True),
        "join_many_to_one": lambda: s(P).join(P.author),
        "join_one_to_one": lambda: s(A).join(A.profile).where(q.Profile.bio == "x"),
        "join_secondary": lambda: s(P).join(P.tags),
        "join_secondary_outer": lambda: s(P).outerjoin(P.tags),
        "join_chain": lambda: s(A).join(A.posts).join(P.tags).where(T.name == "x"),
        "join_chain_outer": lambda: s(A).outerjoin(A.posts).outerjoin(P.tags),
        "join_two_ways": lambda: s(A).join(A.posts).join(A.profile),
        "join_composite": lambda: s(O).join(O.lines),
        "join_composite_back": lambda: s(L).join(L.order),
        "join_criteria": lambda: s(A).join(A.popular),
        "join_column": lambda: s(A.name).join(A.posts),
        "join_columns": lambda: s(A.name, P.title).join(A.posts),
        "join_columns_back": lambda: s(A.name, P.title).join(P.author),
        "join_entities": lambda: s(A, P).join(A.posts),
        "join_group": lambda: s(A.name, count(P.id)).join(A.posts).group_by(A.name).having(count(P.id) > 1),
        "join_order_limit": lambda: s(A).join(A.posts).order_by(P.title, P.id).limit(3),
        "join_distinct": lambda: s(A).join(A.posts).distinct(),
        "join_left_second": lambda: s(T, A).join(A.posts),
        "join_left_both": lambda: s(T, A).join(T.posts).join(A.profile),
        "join_filter_by": lambda: s(A).join(A.posts).filter_by(title="x"),
    }


def joins_named(q: Any) -> Cases:
    """Return joins that name target, left side or alias."""
    s, A, P, T = q.sa.select, q.Author, q.Post, q.Tag
    a1, p1, p2, t1 = q.author1, q.post1, q.post2, q.tag1
    sub = q.orm.aliased(P, s(P).where(P.score > 1).subquery())
    who = q.orm.aliased(A, s(A).where(A.age > 15).subquery("who"))
    count = q.sa.func.count
    return {
        "join_target": lambda: s(A).join(P),
        "join_target_on": lambda: s(A).join(P, A.posts),
        "join_target_criterion": lambda: s(A).join(P, A.id == P.author_id),
        "join_table": lambda: s(A).join(P.__table__),
        "join_alias": lambda: s(A).join(p1, A.posts).where(p1.title == "x"),
        "join_of_type": lambda: s(A).join(A.posts.of_type(p1)).where(p1.title == "x"),
        "join_twice": lambda: s(A.id, p1.id, p2.id)
        .join(A.posts.of_type(p1)).join(A.posts.of_type(p2)).where(p1.id > p2.id),
        "join_from_alias": lambda: s(a1).join(a1.posts),
        "join_alias_to_alias": lambda: s(a1).join(a1.posts.of_type(p1)).where(p1.title == "x"),
        "join_secondary_alias": lambda: s(P).join(t1, P.tags).where(t1.name == "x"),
        "join_secondary_of_type": lambda: s(P).join(P.tags.of_type(t1)),
        "join_criteria_alias": lambda: s(A).join(A.popular.of_type(p1)),
        "join_there_and_back": lambda: s(A).join(A.posts).join(P.author.of_type(a1)),
        "join_subquery": lambda: s(A.name).join(A.posts.of_type(sub)),
        "join_subquery_on": lambda: s(A.name, sub.title).join(sub, A.posts),
        "join_from_subquery": lambda: s(who.name).join(who.posts),
        "join_from": lambda: s(P.id).join_from(A, A.posts),
        "join_from_target": lambda: s(P.id).join_from(A, P, A.posts),
        "join_from_inferred": lambda: s(P.id).join_from(A, P),
        "outerjoin_from": lambda: s(A.id, P.id).outerjoin_from(A, P, A.posts),
        "join_select_from": lambda: s(P.title).select_from(A).join(A.posts),
        "join_count_from": lambda: s(count(P.id)).select_from(A).join(A.posts).group_by(A.id),
        "join_other_left": lambda: s(A.id).join(T.posts),
    }  # fmt: skip


def joins_self(q: Any) -> Cases:
    """Return joins of a table to itself."""
    s, N, P = q.sa.select, q.Node, q.Person
    n1, n2, p1 = q.node1, q.node2, q.person1
    return {
        "self_alias": lambda: s(N).join(n1, N.children),
        "self_of_type": lambda: s(N).join(N.children.of_type(n1)).where(n1.name == "x"),
        "self_parent": lambda: s(N).join(N.parent.of_type(n1)).where(n1.name == "x"),
        "self_two_levels": lambda: s(N)
        .join(N.parent.of_type(n1)).join(n1.parent.of_type(n2)).where(n2.name == "r"),
        "self_outer": lambda: s(N.id, n1.id).outerjoin(N.children.of_type(n1)),
        "self_secondary": lambda: s(P.id, p1.id).join(P.likes.of_type(p1)),
        "self_secondary_back": lambda: s(P.id, p1.id).join(p1, P.liked_by),
        "self_and": lambda: s(N).join(N.children.of_type(n1).and_(n1.name == "x")),
    }  # fmt: skip


def joins_refined(q: Any) -> Cases:
    """Return joins with further criteria."""
    s, A, P, T, p1 = q.sa.select, q.Author, q.Post, q.Tag, q.post1
    return {
        "and": lambda: s(A).join(A.posts.and_(P.title == "x")),
        "and_two": lambda: s(A).join(A.posts.and_(P.title == "x", P.score > 1)),
        "and_outer": lambda: s(A, P).outerjoin(A.posts.and_(P.title == "x")),
        "and_secondary": lambda: s(P).join(P.tags.and_(T.name == "x")),
        "and_secondary_outer": lambda: s(P.id, T.id).outerjoin(P.tags.and_(T.name == "x")),
        "and_after_of_type": lambda: s(A).join(A.posts.of_type(p1).and_(p1.title == "x")),
        "and_before_of_type": lambda: s(A).join(A.posts.and_(P.title == "x").of_type(p1)),
    }


def exists(q: Any) -> Cases:
    """Return any() and has()."""
    s, A, P, T, O = q.sa.select, q.Author, q.Post, q.Tag, q.Order  # noqa: E741
    a1, p1 = q.author1, q.post1
    return {
        "any": lambda: s(A).where(A.posts.any()),
        "any_criterion": lambda: s(A).where(A.posts.any(P.title == "x")),
        "any_keywords": lambda: s(A).where(A.posts.any(title="x", score=9)),
        "any_both": lambda: s(A).where(A.posts.any(P.id > 1, title="x")),
        "any_not": lambda: s(A).where(~A.posts.any()),
        "any_not_and": lambda: s(A).where(A.name == "x", ~A.posts.any(P.id == 1)),
        "any_or": lambda: s(A).where(q.sa.or_(A.posts.any(P.id == 1), A.age > 25)),
        "any_secondary": lambda: s(P).where(P.tags.any(T.name == "x")),
        "any_nested": lambda: s(A).where(A.posts.any(P.tags.any(T.name == "x"))),
        "any_of_alias": lambda: s(a1).where(a1.posts.any(P.title == "x")),
        "any_of_type": lambda: s(A).where(A.posts.of_type(p1).any(p1.title == "x")),
        "any_criteria": lambda: s(A).where(A.popular.any()),
        "any_composite": lambda: s(O).where(O.lines.any(q.Line.id > 1)),
        "any_joined": lambda: s(A).join(A.posts).where(A.posts.any(P.title == "x")),
        "any_selected": lambda: s(A.name, A.posts.any().label("some")),
        "any_alone": lambda: s(A.posts.any()),
        "has": lambda: s(P).where(P.author.has(A.name == "x")),
        "has_any_author": lambda: s(P).where(P.author.has()),
        "has_keyword": lambda: s(P).where(P.author.has(name="x")),
        "has_not": lambda: s(P).where(~P.author.has(name="x")),
        "has_one_to_one": lambda: s(A).where(A.profile.has(q.Profile.bio == "x")),
        "has_nested": lambda: s(P).where(P.author.has(A.posts.any(P.score > 1))),
        "has_alone": lambda: s(P.author.has(A.age > 5)),
    }


def exists_self(q: Any) -> Cases:
    """Return any() and has() of a table about itself."""
    s, N, P, n1 = q.sa.select, q.Node, q.Person, q.node1
    return {
        "self_any": lambda: s(N).where(N.children.any(N.name == "x")),
        "self_any_nested": lambda: s(N).where(N.children.any(N.children.any(N.name == "x"))),
        "self_any_of_type": lambda: s(N).where(N.children.of_type(n1).any(n1.name == "x")),
        "self_any_of_alias": lambda: s(n1).where(n1.children.any(N.name == "x")),
        "self_any_secondary": lambda: s(P).where(P.likes.any(P.name == "x")),
        "self_has": lambda: s(N).where(N.parent.has(N.name == "x")),
        "self_has_keyword": lambda: s(N).where(N.parent.has(name="x")),
    }


def nothing(q: Any) -> Cases:
    """Return comparisons with None."""
    s, A, P, L, p1 = q.sa.select, q.Author, q.Post, q.Line, q.post1
    none = None
    return {
        "is_nothing": lambda: s(P).where(P.author == none),
        "is_something": lambda: s(P).where(P.author != none),
        "is_not_nothing": lambda: s(P).where(~(P.author == none)),
        "is_null": lambda: s(P).where(P.author == q.sa.null()),
        "is_nothing_alias": lambda: s(p1).where(p1.author == none),
        "is_nothing_composite": lambda: s(L).where(L.order == none),
        "is_empty": lambda: s(A).where(A.posts == none),
        "is_not_empty": lambda: s(A).where(A.posts != none),
        "is_empty_secondary": lambda: s(P).where(P.tags == none),
        "is_nothing_one_to_one": lambda: s(A).where(A.profile == none),
        "is_something_one_to_one": lambda: s(A).where(A.profile != none),
        "is_nothing_filter_by": lambda: s(P).filter_by(author=none),
    }


def instances(q: Any) -> Cases:
    """Return comparisons with an object."""
    s, A, P, L, p1 = q.sa.select, q.Author, q.Post, q.Line, q.post1
    author, order = q.Author(id=5), q.Order(year=1, number=2)
    profile = q.Profile(id=2, author_id=4)
    return {
        "equals": lambda: s(P).where(P.author == author),
        "differs": lambda: s(P).where(P.author != author),
        "equals_not": lambda: s(P).where(~(P.author == author)),
        "equals_alias": lambda: s(p1).where(p1.author == author),
        "differs_alias": lambda: s(p1).where(p1.author != author),
        "equals_composite": lambda: s(L).where(L.order == order),
        "differs_composite": lambda: s(L).where(L.order != order),
        "equals_one_to_one": lambda: s(A).where(A.profile == profile),
        "differs_one_to_one": lambda: s(A).where(A.profile != profile),
        "equals_self": lambda: s(q.Node).where(q.Node.parent == q.Node(id=2)),
        "equals_filter_by": lambda: s(P).filter_by(author=author),
        "equals_delete": lambda: q.sa.delete(q.Profile).where(q.Profile.author == author),
    }


def members(q: Any) -> Cases:
    """Return contains()."""
    s, A, P, Q = q.sa.select, q.Author, q.Post, q.Person
    post, tag, other = q.Post(id=3, author_id=2), q.Tag(id=3), q.Tag(id=4)
    return {
        "contains": lambda: s(A).where(A.posts.contains(post)),
        "contains_not": lambda: s(A).where(~A.posts.contains(post)),
        "contains_alias": lambda: s(q.author1).where(q.author1.posts.contains(post)),
        "contains_nothing": lambda: s(A).where(A.posts.contains(None)),
        "contains_secondary": lambda: s(P).where(P.tags.contains(tag)),
        "contains_secondary_not": lambda: s(P).where(~P.tags.contains(tag)),
        "contains_secondary_two": lambda: s(P).where(P.tags.contains(tag), P.tags.contains(other)),
        "contains_secondary_alias": lambda: s(q.post1).where(q.post1.tags.contains(tag)),
        "contains_self": lambda: s(Q).where(Q.likes.contains(q.Person(id=3))),
    }


def parents(q: Any) -> Cases:
    """Return with_parent()."""
    s, A, P, p1, of = q.sa.select, q.Author, q.Post, q.post1, q.orm.with_parent
    author, post = q.Author(id=5), q.Post(id=1, author_id=1)
    return {
        "parent": lambda: s(P).where(of(author, A.posts)),
        "parent_many_to_one": lambda: s(A).where(of(post, P.author)),
        "parent_secondary": lambda: s(q.Tag).where(of(post, P.tags)),
        "parent_of_type": lambda: s(p1).where(of(author, A.posts.of_type(p1))),
        "parent_self": lambda: s(q.Node).where(of(q.Node(id=2), q.Node.children)),
        "parent_criteria": lambda: s(P).where(of(author, A.popular)),
        "parent_from_entity": lambda: s(P).where(of(author, A.posts, from_entity=A)),
    }


def functions(q: Any) -> Cases:
    """Return orm.join() and outerjoin()."""
    s, A, P, T, join, outer = q.sa.select, q.Author, q.Post, q.Tag, q.orm.join, q.orm.outerjoin
    a1, p1 = q.author1, q.post1
    return {
        "function_join": lambda: s(A).select_from(join(A, P, A.posts)),
        "function_join_inferred": lambda: s(A).select_from(join(A, P)),
        "function_join_criterion": lambda: s(A).select_from(join(A, P, A.id == P.author_id)),
        "function_join_alias": lambda: s(a1).select_from(join(a1, p1, a1.posts)),
        "function_join_chain": lambda: s(A).select_from(join(join(A, P, A.posts), T, P.tags)),
        "function_join_secondary": lambda: s(P).select_from(join(P, T, P.tags)),
        "function_outer": lambda: s(A).select_from(outer(A, P, A.posts)),
        "function_outer_secondary": lambda: s(P).select_from(outer(P, T, P.tags)),
    }


def elsewhere(q: Any) -> Cases:
    """Return relationships inside of other constructs."""
    s, A, P, T, sa = q.sa.select, q.Author, q.Post, q.Tag, q.sa
    return {
        "in_subquery": lambda: s(A).where(A.id.in_(s(P.author_id).join(P.tags).where(T.name == "x"))),
        "in_union": lambda: s(A.id).join(A.posts).union(s(A.id).join(A.profile)),
        "in_cte": lambda: s(sa.func.count()).select_from(s(A.id).join(A.posts).cte("c")),
        "in_scalar": lambda: s(A.name, s(sa.func.count(P.id)).where(P.author_id == A.id).scalar_subquery()),
        "in_update": lambda: sa.update(A).where(A.posts.any(P.score > 6)).values(age=3),
        "in_delete": lambda: sa.delete(q.links).where(q.links.c.post_id.in_(s(P.id).where(P.tags.any(name="s")))),
        "in_where": lambda: s(A).where(A.posts),
        "in_where_secondary": lambda: s(P.id, T.id).where(P.tags),
        "in_case": lambda: s(P.id, sa.case((P.author.has(name="x"), 1), else_=0)),
        "in_order": lambda: s(P.id).order_by(P.author.has(name="x"), P.id),
    }


def hierarchy(q: Any) -> Cases:
    """Return joins to and from classes over joined tables."""
    s, C, E, M, G, R = q.sa.select, q.Company, q.Employee, q.Manager, q.Engineer, q.Report
    m1, flat, e1 = q.orm.aliased(M), q.orm.aliased(M, flat=True), q.orm.aliased(E)
    both = q.orm.with_polymorphic(E, [M])
    return {
        "tables_join": lambda: s(C.id).join(C.staff),
        "tables_of_class": lambda: s(C.id).join(C.staff.of_type(M)).where(M.budget > 1),
        "tables_target": lambda: s(C.id).join(M, C.staff),
        "tables_of_alias": lambda: s(C.id).join(C.staff.of_type(m1)),
        "tables_of_flat": lambda: s(C.id).join(C.staff.of_type(flat)),
        "tables_of_base_alias": lambda: s(C.id).join(C.staff.of_type(e1)),
        "tables_of_both": lambda: s(C.id).join(C.staff.of_type(both)).where(both.Manager.budget > 1),
        "tables_from_class": lambda: s(M.id).join(M.reports),
        "tables_inherited": lambda: s(M.id).join(M.company),
        "tables_to_class": lambda: s(R.id).join(R.manager).where(M.name == "x"),
        "tables_outer": lambda: s(R.id).outerjoin(R.manager),
        "tables_outer_class": lambda: s(C.id).outerjoin(C.staff.of_type(M)),
        "tables_siblings": lambda: s(G.id).join(G.manager.of_type(flat)),
        "tables_siblings_alias": lambda: s(G.id).join(G.manager.of_type(m1)),
        "tables_from_alias": lambda: s(m1.id).join(m1.reports),
        "tables_from_flat": lambda: s(flat.id).join(flat.company),
        "tables_parent": lambda: s(E).where(q.orm.with_parent(q.Company(id=1), C.staff)),
    }


def hierarchy_exists(q: Any) -> Cases:
    """Return criteria about classes over joined tables."""
    s, C, E, M, G, R = q.sa.select, q.Company, q.Employee, q.Manager, q.Engineer, q.Report
    m1, both = q.orm.aliased(M), q.orm.with_polymorphic(E, [M])
    return {
        "tables_any": lambda: s(C.id).where(C.staff.any(E.name == "x")),
        "tables_any_class": lambda: s(C.id).where(C.staff.of_type(M).any(M.budget > 5)),
        "tables_any_alias": lambda: s(C.id).where(C.staff.of_type(m1).any(m1.budget > 5)),
        "tables_any_both": lambda: s(C.id).where(C.staff.of_type(both).any(both.Manager.budget > 5)),
        "tables_has": lambda: s(R.id).where(R.manager.has(M.name == "x")),
        "tables_has_keyword": lambda: s(R.id).where(R.manager.has(name="x")),
        "tables_has_sibling": lambda: s(G.id).where(G.manager.has(M.budget > 3)),
        "tables_any_from_class": lambda: s(M.id).where(M.reports.any()),
        "tables_has_inherited": lambda: s(M.id).where(M.company.has(C.name == "x")),
        "tables_any_from_alias": lambda: s(m1.id).where(m1.reports.any()),
        "tables_is_nothing": lambda: s(R.id).where(R.manager == None),  # noqa: E711
        "tables_equals": lambda: s(R.id).where(R.manager == M(id=1)),
        "tables_contains": lambda: s(C.id).where(C.staff.contains(M(id=1, company_id=1))),
    }


def one_table(q: Any) -> Cases:
    """Return joins and criteria about classes in one table."""
    s, W, A, D = q.sa.select, q.Owner, q.Animal, q.Dog
    d1 = q.orm.aliased(D)
    return {
        "table_join": lambda: s(W.id).join(W.dogs),
        "table_outer": lambda: s(W.id).outerjoin(W.dogs),
        "table_of_class": lambda: s(W.id).join(W.animals.of_type(D)),
        "table_of_alias": lambda: s(W.id).join(W.animals.of_type(d1)),
        "table_to_alias": lambda: s(W.id).join(d1, W.dogs),
        "table_from_class": lambda: s(D.id).join(D.owner),
        "table_any": lambda: s(W.id).where(W.dogs.any()),
        "table_any_criterion": lambda: s(W.id).where(W.dogs.any(D.bark == "x")),
        "table_any_class": lambda: s(W.id).where(W.animals.of_type(D).any()),
        "table_has": lambda: s(D).where(D.owner.has()),
        "table_is_empty": lambda: s(W.id).where(W.dogs == None),  # noqa: E711
        "table_parent": lambda: s(D).where(q.orm.with_parent(q.Owner(id=1), W.dogs)),
        "table_all": lambda: s(A).where(A.owner.has()),
    }


def refused(q: Any) -> Cases:
    """Return what is an error."""
    s, A, P, T = q.sa.select, q.Author, q.Post, q.Tag
    return {
        "refused_any": lambda: s(P).where(P.author.any()),
        "refused_has": lambda: s(A).where(A.posts.has()),
        "refused_contains": lambda: s(P).where(P.author.contains(q.Author(id=1))),
        "refused_equals_collection": lambda: s(A).where(A.posts == q.Post(id=1)),
        "refused_differs_collection": lambda: s(A).where(A.posts != q.Post(id=1)),
        "refused_equals_list": lambda: s(A).where(A.posts == [1]),
        "refused_equals_value": lambda: s(P).where(P.author == 5),
        "refused_pending": lambda: s(P).where(P.author == q.Author()),
        "refused_in": lambda: s(P).where(P.author.in_([q.Author(id=1)])),
        "refused_greater": lambda: s(P).where(P.author > 5),
        "refused_like": lambda: s(P).where(P.author.like("x")),
        "refused_same": lambda: s(q.Node).join(q.Node.children),
        "refused_target": lambda: s(A).join(T, A.posts),
        "refused_of_type": lambda: s(A).join(A.posts.of_type(T)),
        "refused_two_paths": lambda: s(A).join(A.posts, P.tags),
        "refused_text": lambda: s(A).join("posts"),
        "refused_column": lambda: s(A).join(A.name),
        "refused_unrelated": lambda: s(A).join(T),
        "refused_parent_text": lambda: s(P).where(q.orm.with_parent(q.Author(id=1), "posts")),
    }
