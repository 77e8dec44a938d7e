"""Golden cases: INSERT, UPDATE, DELETE, RETURNING and ON CONFLICT."""

from __future__ import annotations

from typing import Any

from .cases_select import Cases


class Keyed:
    """A statement that is compiled for a given set of parameter names."""

    def __init__(self, statement: Any, *keys: str) -> None:
        self.statement = statement
        self.keys = list(keys)


def cases_insert(q: Any) -> Cases:
    """Return cases about INSERT in its forms."""
    sa, a, p, t, d = q.sa, q.authors, q.posts, q.tags, q.defaults
    return {
        "insert_bare": lambda: sa.insert(a),
        "insert_values": lambda: sa.insert(a).values(name="x", age=3),
        "insert_positional": lambda: sa.insert(t).values((1, "x")),
        "insert_dict": lambda: sa.insert(t).values({"name": "x"}),
        "insert_column_key": lambda: sa.insert(t).values({t.c.name: "x"}),
        "insert_many": lambda: sa.insert(t).values([{"name": "a"}, {"name": "b"}]),
        "insert_expression": lambda: sa.insert(a).values(name=sa.func.upper("x")),
        "insert_null": lambda: sa.insert(a).values(name="x", age=None),
        "insert_subquery": lambda: sa.insert(p).values(
            title="x",
            author_id=sa.select(a.c.id).where(a.c.name == "y").scalar_subquery(),
        ),
        "insert_from_select": lambda: sa.insert(t).from_select(
            ["name"], sa.select(a.c.name).where(a.c.age > 3)
        ),
        "insert_from_select_union": lambda: sa.insert(t).from_select(
            ["id", "name"], sa.union_all(sa.select(a.c.id, a.c.name), sa.select(t))
        ),
        "insert_from_select_defaults": lambda: sa.insert(d).from_select(
            ["id"], sa.select(a.c.id)
        ),
        "insert_defaults": lambda: sa.insert(d).values(id=5),
        "insert_defaults_keys": lambda: Keyed(sa.insert(d), "id"),
        "insert_empty": lambda: Keyed(sa.insert(t)),
        "insert_keys": lambda: Keyed(sa.insert(a), "name", "age"),
        "insert_keys_id": lambda: Keyed(sa.insert(a), "id", "name"),
        "insert_values_keys": lambda: Keyed(sa.insert(a).values(age=5), "name"),
        "insert_returning": lambda: sa.insert(t).values(name="x").returning(t.c.id, t.c.name),
        "insert_returning_table": lambda: sa.insert(t).values(name="x").returning(t),
        "insert_returning_label": lambda: sa.insert(t)
        .values(name="x")
        .returning(t.c.id.label("new"), sa.func.upper(t.c.name)),
        "insert_prefix": lambda: sa.insert(t).values(name="x").prefix_with("OR REPLACE"),
        "insert_inline": lambda: sa.insert(t).values(name="x").inline(),
        "insert_schema": lambda: sa.insert(q.events).values(kind="x"),
        "insert_quoted": lambda: sa.insert(q.odd).values(
            {"order": 1, "has space": "x", "per%cent": 3, "renamed": 4}
        ),
        "insert_bindparam": lambda: sa.insert(t).values(name=sa.bindparam("other")),
        "insert_composite_key": lambda: sa.insert(q.post_tags).values(post_id=1, tag_id=2),
    }


def cases_conflict(q: Any) -> Cases:
    """Return cases about ON CONFLICT in both databases' dialects."""
    t = q.tags
    cases: Cases = {}
    for name, module in (("pg", q.pg), ("lite", q.lite)):
        insert = module.insert(t).values(id=1, name="x")
        cases[f"conflict_{name}_nothing"] = lambda i=insert: i.on_conflict_do_nothing()
        cases[f"conflict_{name}_nothing_target"] = lambda i=insert: i.on_conflict_do_nothing(
            index_elements=[t.c.id]
        )
        cases[f"conflict_{name}_update"] = lambda i=insert: i.on_conflict_do_update(
            index_elements=["id"], set_={"name": i.excluded.name}
        )
        cases[f"conflict_{name}_update_value"] = lambda i=insert: i.on_conflict_do_update(
            index_elements=[t.c.id], set_={"name": "y"}, where=t.c.name != "z"
        )
        cases[f"conflict_{name}_index_where"] = lambda i=insert: i.on_conflict_do_update(
            index_elements=["name"],
            index_where=t.c.name.like("a%"),
            set_={"name": i.excluded.name + "!"},
        )
        cases[f"conflict_{name}_returning"] = lambda i=insert: i.on_conflict_do_update(
            index_elements=["id"], set_={"name": i.excluded.name}
        ).returning(t.c.id)
        cases[f"conflict_{name}_keys"] = lambda m=module: Keyed(
            m.insert(t).on_conflict_do_nothing(), "id", "name"
        )
    insert = q.pg.insert(t).values(id=1, name="x")
    cases["conflict_pg_constraint"] = lambda: insert.on_conflict_do_update(
        constraint="tags_key", set_={"name": insert.excluded.name}
    )
    return cases


def cases_update(q: Any) -> Cases:
    """Return cases about UPDATE: values, FROM, correlation and defaults."""
    sa, a, p, d = q.sa, q.authors, q.posts, q.defaults
    first = sa.select(p.c.title).where(p.c.author_id == a.c.id).limit(1).scalar_subquery()
    pa = a.alias("pa")
    return {
        "update_values": lambda: sa.update(a).values(name="x").where(a.c.id == 5),
        "update_bare": lambda: sa.update(a),
        "update_keys": lambda: Keyed(sa.update(a).where(a.c.id == 5), "name", "age"),
        "update_bindparam": lambda: Keyed(
            sa.update(a).where(a.c.id == sa.bindparam("b_id")), "name", "b_id"
        ),
        "update_expression": lambda: sa.update(a).values(age=a.c.age + 1),
        "update_two": lambda: sa.update(a).values({a.c.name: "x", "age": None}),
        "update_order": lambda: sa.update(a).values(age=1, name="x"),
        "update_ordered": lambda: sa.update(a).ordered_values(
            (a.c.name, "x"), (a.c.age, a.c.id)
        ),
        "update_from": lambda: sa.update(a)
        .values(name=p.c.title)
        .where(p.c.author_id == a.c.id, p.c.views > 5),
        "update_from_alias": lambda: sa.update(a).values(name=pa.c.name).where(pa.c.id == a.c.id),
        "update_from_subquery": lambda: _update_from_subquery(q),
        "update_correlated": lambda: sa.update(a).values(name=first),
        "update_where_exists": lambda: sa.update(a)
        .values(active=True)
        .where(sa.exists().where(p.c.author_id == a.c.id)),
        "update_in": lambda: sa.update(a).values(age=1).where(a.c.id.in_([1, 2])),
        "update_returning": lambda: sa.update(a)
        .values(name="x")
        .where(a.c.id == 1)
        .returning(a.c.id, a.c.name),
        "update_onupdate": lambda: sa.update(d).values(hits=5).where(d.c.id == 1),
        "update_schema": lambda: sa.update(q.events).values(kind="x").where(q.events.c.id == 1),
        "update_quoted": lambda: sa.update(q.odd).values(order=1).where(q.odd.c.unitPrice > 3),
        "update_case": lambda: sa.update(a).values(age=sa.case((a.c.id == 1, 5), else_=a.c.age)),
        "update_json": lambda: sa.update(q.events).values(payload={"a": 1}),
        "update_alias": lambda: sa.update(pa).values(name="x").where(pa.c.id == 1),
    }


def _update_from_subquery(q: Any) -> Any:
    """Return an UPDATE whose FROM is a grouped subquery."""
    sa, a, p = q.sa, q.authors, q.posts
    counts = sa.select(p.c.author_id, sa.func.count().label("n")).group_by(p.c.author_id)
    sub = counts.subquery("counts")
    return sa.update(a).values(age=sub.c.n).where(sub.c.author_id == a.c.id)


def cases_delete(q: Any) -> Cases:
    """Return cases about DELETE: criteria, USING and RETURNING."""
    sa, a, p = q.sa, q.authors, q.posts
    return {
        "delete_all": lambda: sa.delete(a),
        "delete_where": lambda: sa.delete(a).where(a.c.id == 5),
        "delete_two": lambda: sa.delete(a).where(a.c.id == 5).where(a.c.name == "x"),
        "delete_in": lambda: sa.delete(a).where(a.c.id.in_([1, 2])),
        "delete_returning": lambda: sa.delete(a).where(a.c.id == 5).returning(a.c.id),
        "delete_using": lambda: sa.delete(p).where(p.c.author_id == a.c.id, a.c.name == "x"),
        "delete_subquery": lambda: sa.delete(p).where(
            p.c.author_id.in_(sa.select(a.c.id).where(a.c.name == "x"))
        ),
        "delete_exists": lambda: sa.delete(a).where(
            ~sa.exists().where(p.c.author_id == a.c.id)
        ),
        "delete_schema": lambda: sa.delete(q.events).where(q.events.c.kind == "x"),
        "delete_keys": lambda: Keyed(sa.delete(a).where(a.c.id == sa.bindparam("b_id")), "b_id"),
    }
