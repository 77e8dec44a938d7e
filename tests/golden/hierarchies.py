"""Mapped hierarchies and statements over them; the same source runs under both libraries."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

Cases = dict[str, Callable[[], Any]]


def make_hierarchies(library: str) -> SimpleNamespace:
    """Return the namespace of a library and of classes mapped by it.

    Employee > Manager > Boss, Engineer lie in one table; Person > Worker > Chief, Client in joined ones, Temp in
    Worker's; Shape > Circle, Square in one table, told apart by an expression; Plant > Tree, Moss with
    `polymorphic_load="inline"`; Car > Van with `with_polymorphic="*"`.

    Args:
        library: Import name of the library.
    """
    q = SimpleNamespace(sa=import_module(library), orm=import_module(library + ".orm"))

    class Base(q.orm.DeclarativeBase):
        """The registry of these models."""

    q.Base = Base
    _add_single(q)
    _add_joined(q)
    _add_special(q)
    q.orm.configure_mappers()
    return q


def _model(q: Any, name: str, base: Any, table: str | None, identity: Any, columns: Any, **args: Any) -> None:
    arguments = {"polymorphic_identity": identity, **args} if identity is not None else args
    members = {"__tablename__": table, "__mapper_args__": arguments, **columns}
    setattr(q, name, type(name, (base,), members))


def _add_single(q: Any) -> None:
    sa, col = q.sa, q.orm.mapped_column
    _model(
        q, "Employee", q.Base, "employee", "employee",
        {"id": col(sa.Integer, primary_key=True), "name": col(sa.String(50)), "type": col(sa.String(20))},
        polymorphic_on="type",
    )  # fmt: skip
    _model(q, "Manager", q.Employee, None, "manager", {"data": col(sa.String(50), nullable=True)})
    _model(q, "Boss", q.Manager, None, "boss", {"boss": col(sa.String(50), nullable=True)})
    _model(q, "Engineer", q.Employee, None, "engineer", {"info": col(sa.String(50), nullable=True)})


def _add_joined(q: Any) -> None:
    sa, col = q.sa, q.orm.mapped_column
    _model(
        q, "Person", q.Base, "person", "person",
        {"id": col(sa.Integer, primary_key=True), "name": col(sa.String(50)), "type": col(sa.String(20))},
        polymorphic_on="type",
    )  # fmt: skip

    def key(target: str) -> Any:
        return col(sa.ForeignKey(target), primary_key=True)

    _model(q, "Worker", q.Person, "worker", "worker", {"id": key("person.id"), "job": col(sa.String(50))})
    _model(q, "Chief", q.Worker, "chief", "chief", {"id": key("worker.id"), "car": col(sa.String(50))})
    _model(q, "Client", q.Person, "client", "client", {"id": key("person.id"), "debt": col(sa.Integer)})
    _model(q, "Temp", q.Worker, None, "temp", {"agency": col(sa.String(50), nullable=True)})


def _add_special(q: Any) -> None:
    sa, col = q.sa, q.orm.mapped_column
    sides = col(sa.Integer)
    _model(
        q, "Shape", q.Base, "shape", "other", {"id": col(sa.Integer, primary_key=True), "sides": sides},
        polymorphic_on=sa.case((sides == 0, "circle"), (sides == 4, "square"), else_="other"),
    )  # fmt: skip
    _model(q, "Circle", q.Shape, None, "circle", {"radius": col(sa.Integer, nullable=True)})
    _model(
        q, "Plant", q.Base, "plant", "plant",
        {"id": col(sa.Integer, primary_key=True), "kind": col(sa.String(10))}, polymorphic_on="kind",
    )  # fmt: skip
    _model(q, "Moss", q.Plant, None, "moss", {"wet": col(sa.Integer, nullable=True)}, polymorphic_load="inline")
    own = {"id": col(sa.ForeignKey("plant.id"), primary_key=True), "height": col(sa.Integer)}
    _model(q, "Tree", q.Plant, "tree", "tree", own, polymorphic_load="inline")
    _model(
        q, "Car", q.Base, "car", "car", {"id": col(sa.Integer, primary_key=True), "kind": col(sa.String(10))},
        polymorphic_on="kind", with_polymorphic="*",
    )  # fmt: skip
    _model(
        q, "Van", q.Car, "van", "van", {"id": col(sa.ForeignKey("car.id"), primary_key=True), "load": col(sa.Integer)}
    )
    _model(
        q, "Fruit", q.Base, "fruit", "fruit",
        {"id": col(sa.Integer, primary_key=True), "kind": col(sa.String(10))}, polymorphic_on="kind",
    )  # fmt: skip
    _model(q, "Nut", q.Fruit, None, None, {"shell": col(sa.Integer, nullable=True)}, polymorphic_abstract=True)
    _model(q, "Hazel", q.Nut, None, "hazel", {"oil": col(sa.Integer, nullable=True)})


def single_cases(q: Any) -> Cases:
    """Return statements over classes in one table."""
    sa, orm, E, M, B, G = q.sa, q.orm, q.Employee, q.Manager, q.Boss, q.Engineer
    s, P = sa.select, q.Person
    a, e = orm.aliased(M), orm.aliased(E)
    wp = orm.with_polymorphic(E, [M, G])
    low = orm.with_polymorphic(M, [B])
    named = orm.with_polymorphic(E, "*", aliased=True)
    return {
        "base": lambda: s(E),
        "child": lambda: s(M),
        "grandchild": lambda: s(B).where(B.name == "x"),
        "child_attribute": lambda: s(M.name),
        "attribute_and_child": lambda: s(M.id, B),
        "child_in_where": lambda: s(E).where(M.data == "x"),
        "two_children_in_where": lambda: s(E).where(sa.or_(M.data == "x", B.boss == "y")),
        "child_in_order": lambda: s(E).order_by(M.data),
        "child_alias": lambda: s(a).where(a.data == "x"),
        "child_and_alias": lambda: s(M, a).where(a.id == M.id),
        "alias_of_base": lambda: s(e.name),
        "count_from": lambda: s(sa.func.count()).select_from(M),
        "count_attribute": lambda: s(sa.func.count(M.id)),
        "case_over_child": lambda: s(sa.case((M.data == "x", 1), else_=2).label("c")),
        "join_to_child": lambda: s(P).join(M, M.id == P.id),
        "outerjoin_to_child": lambda: s(P).outerjoin(M, M.id == P.id).where(P.name == "x"),
        "outerjoin_to_alias": lambda: s(E).outerjoin(a, a.id == E.id),
        "subquery_of_child": lambda: s(s(M).subquery()),
        "alias_over_subquery": lambda: s(orm.aliased(M, s(E).subquery())),
        "exists_child": lambda: s(P).where(sa.exists().where(M.id == P.id)),
        "in_child": lambda: s(E).where(E.id.in_(s(B.id))),
        "scalar_child": lambda: s(E.id, s(sa.func.max(M.id)).scalar_subquery()),
        "union_children": lambda: sa.union(s(M.id), s(G.id)),
        "cte_child": lambda: s(s(M.id, M.data).cte("c")),
        "update_child": lambda: sa.update(M).values(data="x"),
        "update_child_where": lambda: sa.update(M).where(M.data == "y").values(data="x"),
        "delete_child": lambda: sa.delete(B).where(B.name == "x"),
        "insert_child": lambda: sa.insert(M).values(data="x"),
        "update_returning_child": lambda: sa.update(M).values(data="x").returning(M),
        "with_polymorphic": lambda: s(wp).where(wp.Manager.data == "x"),
        "with_polymorphic_child": lambda: s(low).where(low.Boss.boss == "x"),
        "with_polymorphic_alias": lambda: s(named).where(named.Engineer.info == "x"),
        "query": lambda: orm.Query([M]).filter(M.name == "x"),
        "distinct_limit": lambda: s(M).distinct().limit(5),
        "for_update": lambda: s(M).with_for_update(),
        "load_only_child": lambda: s(M).options(orm.load_only(M.data)),
    }


def joined_cases(q: Any) -> Cases:
    """Return statements over classes in several tables."""
    sa, orm, P, W, C, L, T = q.sa, q.orm, q.Person, q.Worker, q.Chief, q.Client, q.Temp
    s, E = sa.select, q.Employee
    a, flat, named, tflat = (
        orm.aliased(C), orm.aliased(C, flat=True), orm.aliased(C, flat=True, name="foo"), orm.aliased(T, flat=True),
    )  # fmt: skip
    w, f2 = orm.aliased(W, flat=True), orm.aliased(W, flat=True)
    some, every = orm.with_polymorphic(P, [W, L]), orm.with_polymorphic(P, "*")
    sub, fwp = orm.with_polymorphic(P, [C, L], aliased=True), orm.with_polymorphic(P, [C, L], flat=True)
    own = orm.with_polymorphic(P, [W], s(P, W.__table__.c.job).outerjoin(W.__table__).subquery())
    return {
        "joined": lambda: s(W),
        "joined_twice": lambda: s(C).where(C.job == "x", C.name == "y", C.id == 5),
        "joined_attributes": lambda: s(C.id, C.name, C.job, C.car),
        "joined_parent_attribute": lambda: s(C.name),
        "joined_single_below": lambda: s(T).where(T.agency == "x"),
        "joined_both": lambda: s(W, C),
        "joined_count": lambda: s(sa.func.count(C.id)),
        "joined_group": lambda: s(W.type, sa.func.count(W.id)).group_by(W.type),
        "joined_in_where": lambda: s(P).where(W.job == "x"),
        "joined_alias": lambda: s(a).where(a.car == "x"),
        "joined_alias_named": lambda: s(orm.aliased(C, name="foo")),
        "joined_alias_flat": lambda: s(flat).where(flat.job == "x"),
        "joined_alias_flat_named": lambda: s(named),
        "joined_alias_flat_single": lambda: s(tflat),
        "joined_alias_twice": lambda: s(w, f2).where(w.id == f2.id),
        "joined_alias_subquery": lambda: s(orm.aliased(W, s(W).where(W.job == "x").subquery())),
        "join_to_joined": lambda: s(E).join(W, W.id == E.id),
        "outerjoin_to_joined": lambda: s(E).outerjoin(W, W.id == E.id),
        "join_to_alias": lambda: s(P).join(a, a.id == P.id).where(a.job == "x"),
        "join_to_flat": lambda: s(P).outerjoin(flat, flat.id == P.id).where(flat.job == "x"),
        "join_to_single_below": lambda: s(E).join(tflat, tflat.id == E.id),
        "joined_exists": lambda: s(E).where(sa.exists().where(C.car == E.name)),
        "joined_exists_select": lambda: s(P).where(s(C.id).where(C.id == P.id).exists()),
        "joined_scalar": lambda: s(P, s(sa.func.count(C.id)).where(C.id == P.id).scalar_subquery()),
        "joined_in": lambda: s(P).where(P.id.in_(s(C.id))),
        "joined_subquery": lambda: s(s(C).subquery()),
        "joined_union": lambda: s(W.id).union(s(C.id)),
        "joined_select_from": lambda: s(P.name, C.car).select_from(C),
        "joined_update": lambda: sa.update(W).values(job="x").where(W.id == 5),
        "joined_delete": lambda: sa.delete(C).where(C.id.in_(s(W.id).where(W.name == "x"))),
        "joined_insert": lambda: sa.insert(W),
        "joined_load_only": lambda: s(C).options(orm.load_only(C.car)),
        "joined_filter_by": lambda: s(C).filter_by(name="x", car="y", job="z"),
        "joined_query": lambda: orm.Query([C]),
        "wp_some": lambda: s(some).where(sa.or_(some.Worker.job == "x", some.Client.debt == 5), some.name == "k"),
        "wp_every": lambda: s(every),
        "wp_columns": lambda: s(every.id, every.Worker.job, every.Client.debt, every.Chief.car),
        "wp_aliased": lambda: s(sub).where(sub.Chief.car == "x").order_by(sub.id),
        "wp_flat": lambda: s(fwp).where(fwp.Chief.car == "x").order_by(fwp.id),
        "wp_inner": lambda: s(orm.with_polymorphic(P, [W], innerjoin=True)),
        "wp_selectable": lambda: s(own).where(own.Worker.job == "x"),
        "wp_join": lambda: s(E).join(some, some.id == E.id).where(some.Worker.job == "x"),
        "wp_of_child": lambda: s(orm.with_polymorphic(W, [C, T])),
    }


def special_cases(q: Any) -> Cases:
    """Return statements over hierarchies with special discriminators and loading."""
    sa, orm, s = q.sa, q.orm, q.sa.select
    return {
        "expression": lambda: s(q.Shape),
        "expression_child": lambda: s(q.Circle),
        "inline": lambda: s(q.Plant),
        "inline_attribute": lambda: s(q.Plant.id),
        "inline_where": lambda: s(q.Plant).where(q.Tree.height == 5),
        "inline_alias": lambda: s(orm.aliased(q.Plant)),
        "inline_update": lambda: sa.update(q.Plant).values(kind="x"),
        "inline_child": lambda: s(q.Moss),
        "wp_of_mapper": lambda: s(q.Car).where(q.Car.id == 3),
        "wp_of_mapper_child": lambda: s(q.Van),
        "abstract": lambda: s(q.Nut),
        "abstract_child": lambda: s(q.Hazel),
    }


def make_cases(q: Any) -> Cases:
    """Return all cases by name."""
    return {**single_cases(q), **joined_cases(q), **special_cases(q)}
