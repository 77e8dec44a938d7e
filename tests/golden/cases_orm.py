"""Golden cases: statements over mapped classes and their attributes."""

from __future__ import annotations

from typing import Any

from .cases_select import Cases


def cases_orm_attributes(q: Any) -> Cases:
    """Return cases that select attributes and entities without relationships."""
    sa, orm, A, P = q.sa, q.orm, q.Author, q.Post
    a1, a2 = orm.aliased(A), orm.aliased(A, name="a2")
    sub = sa.select(A).where(A.age > 5).subquery()
    over = orm.aliased(A, sub)
    return {
        "orm_attribute": lambda: sa.select(A.name),
        "orm_attributes_where": lambda: sa.select(A.id, A.name).where(A.age > 3, A.name == "x"),
        "orm_entity": lambda: sa.select(A),
        "orm_entity_renamed": lambda: sa.select(P).where(P.title == "x"),
        "orm_attribute_renamed": lambda: sa.select(P.title, P.id),
        "orm_entity_and_column": lambda: sa.select(A, P.title).join(P, P.author_id == A.id),
        "orm_two_entities": lambda: sa.select(A, P).where(P.author_id == A.id),
        "orm_order_limit": lambda: sa.select(A).order_by(A.name.desc()).limit(5),
        "orm_filter_by": lambda: sa.select(A).filter_by(name="x"),
        "orm_alias": lambda: sa.select(a1).where(a1.name == "x"),
        "orm_alias_named": lambda: sa.select(a2.name, A.name).where(a2.id > A.id),
        "orm_alias_subquery": lambda: sa.select(over).where(over.name == "x"),
        "orm_alias_two": lambda: sa.select(a1.id, a2.id).where(a1.id == a2.id),
        "orm_count": lambda: sa.select(sa.func.count(A.id)),
        "orm_count_from": lambda: sa.select(sa.func.count()).select_from(A),
        "orm_group": lambda: sa.select(A.name, sa.func.count(P.id)).join(P).group_by(A.name),
        "orm_join_entity": lambda: sa.select(A).join(P),
        "orm_join_on": lambda: sa.select(A).join(P, P.author_id == A.id),
        "orm_exists": lambda: sa.select(A).where(sa.exists().where(P.author_id == A.id)),
        "orm_in_select": lambda: sa.select(A).where(A.id.in_(sa.select(P.author_id))),
        "orm_scalar": lambda: sa.select(
            A.name,
            sa.select(sa.func.count(P.id)).where(P.author_id == A.id).scalar_subquery(),
        ),
        "orm_subquery": lambda: sa.select(sa.select(A.id, P.id).join(P).subquery()),
        "orm_cte": lambda: sa.select(sa.select(A.id).cte("c")),
        "orm_insert": lambda: sa.insert(A).values(name="x"),
        "orm_update": lambda: sa.update(A).where(A.id == 5).values(name="y"),
        "orm_update_renamed": lambda: sa.update(P).values(title="y"),
        "orm_delete": lambda: sa.delete(A).where(A.name == "x"),
        "orm_returning": lambda: sa.insert(A).values(name="x").returning(A),
        "orm_union": lambda: sa.union(sa.select(A.id), sa.select(P.id)),
        "orm_load_only": lambda: sa.select(A).options(orm.load_only(A.name)),
        "orm_defer": lambda: sa.select(A).options(orm.defer(A.age)),
        "orm_bundle": lambda: sa.select(orm.Bundle("b", A.id, A.name)),
    }


def cases_orm_relationships(q: Any) -> Cases:
    """Return cases about joins along relationships, eager loading and inheritance."""
    sa, orm = q.sa, q.orm
    A, P, T, N, E, M = q.Author, q.Post, q.Tag, q.Node, q.Employee, q.Manager
    kid = orm.aliased(N)
    pa = orm.aliased(P)
    return {
        "orm_join_relationship": lambda: sa.select(A).join(A.posts),
        "orm_outerjoin_relationship": lambda: sa.select(A).outerjoin(A.posts),
        "orm_join_secondary": lambda: sa.select(P.id).join(P.tags).where(T.name == "x"),
        "orm_join_chain": lambda: sa.select(A.name).join(A.posts).join(P.tags),
        "orm_join_self": lambda: sa.select(N).join(kid, N.children),
        "orm_join_of_type": lambda: sa.select(N.name).join(N.children.of_type(kid)),
        "orm_join_and": lambda: sa.select(A).join(A.posts.and_(P.title == "x")),
        "orm_join_alias": lambda: sa.select(A).join(pa, A.posts).where(pa.title == "x"),
        "orm_any": lambda: sa.select(A).where(A.posts.any(P.title == "x")),
        "orm_not_any": lambda: sa.select(A).where(~A.posts.any()),
        "orm_has": lambda: sa.select(P).where(P.author.has(A.name == "x")),
        "orm_any_secondary": lambda: sa.select(P).where(P.tags.any(T.name == "x")),
        "orm_any_self": lambda: sa.select(N).where(N.children.any(N.name == "x")),
        "orm_is_none": lambda: sa.select(P).where(P.author == None),  # noqa: E711
        "orm_joinedload": lambda: sa.select(A).options(orm.joinedload(A.posts)),
        "orm_joinedload_many_to_one": lambda: sa.select(P).options(orm.joinedload(P.author)),
        "orm_joinedload_inner": lambda: sa.select(P).options(
            orm.joinedload(P.author, innerjoin=True)
        ),
        "orm_joinedload_secondary": lambda: sa.select(P).options(orm.joinedload(P.tags)),
        "orm_joinedload_limit": lambda: sa.select(A)
        .options(orm.joinedload(A.posts))
        .order_by(A.name)
        .limit(5),
        "orm_joinedload_chain": lambda: sa.select(A).options(
            orm.joinedload(A.posts).joinedload(P.tags)
        ),
        "orm_joinedload_self": lambda: sa.select(N).options(orm.joinedload(N.children)),
        "orm_contains_eager": lambda: sa.select(A)
        .join(A.posts)
        .options(orm.contains_eager(A.posts)),
        "orm_selectinload": lambda: sa.select(A).options(orm.selectinload(A.posts)),
        "orm_joined_inheritance": lambda: sa.select(M).where(M.name == "x"),
        "orm_joined_inheritance_base": lambda: sa.select(E),
        "orm_joined_inheritance_alias": lambda: sa.select(orm.aliased(M)),
        "orm_joined_inheritance_flat": lambda: sa.select(orm.aliased(M, flat=True)),
        "orm_with_polymorphic": lambda: sa.select(orm.with_polymorphic(E, [M])),
        "orm_single_inheritance": lambda: sa.select(q.Dog),
        "orm_single_inheritance_where": lambda: sa.select(q.Dog).where(q.Dog.bark == "x"),
        "orm_criteria": lambda: sa.select(A).options(
            orm.with_loader_criteria(A, A.age > 18)
        ),
    }
