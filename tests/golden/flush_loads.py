"""Golden flush cases in which the flush, or delete(), has to load what hangs on an instance."""

from __future__ import annotations

from typing import Any

from tests.golden.flush_cycles import tree
from tests.golden.flush_family import family
from tests.golden.flush_kit import Kit, case
from tests.golden.flush_links import posts_and_tags


def stored_family(k: Kit, **options: Any) -> tuple[Any, Any]:
    """Start with parents 1 (children 1, 2) and 2 (child 3), nothing loaded."""
    parent, child = family(k, **options)
    k.start(
        parent(id=1, name="p1", children=[child(id=1, name="c1"), child(id=2, name="c2")]),
        parent(id=2, name="p2", children=[child(id=3, name="c3")]),
    )
    k.fresh()
    return parent, child


@case
def load_delete_nulls(k: Kit) -> None:
    parent, _child = stored_family(k)
    k.session.delete(k.session.get(parent, 1))
    k.flush()


@case
def load_delete_cascade(k: Kit) -> None:
    parent, _child = stored_family(k, cascade="all, delete-orphan")
    k.session.delete(k.session.get(parent, 1))
    k.note("deleted")
    k.flush()


@case
def load_delete_passive(k: Kit) -> None:
    parent, _child = stored_family(k, cascade="all, delete", passive_deletes=True)
    with k.watch("delete"):
        k.session.delete(k.session.get(parent, 1))
        try:
            k.session.flush()
        except k.exc.IntegrityError as error:
            k.note(k.kind(error))


@case
def load_append_to_unloaded(k: Kit) -> None:
    parent, child = stored_family(k)
    p = k.session.get(parent, 1)
    k.session.add(child(id=9, name="new", parent=p))
    k.flush()


@case
def load_move_from_unloaded(k: Kit) -> None:
    parent, child = stored_family(k)
    c = k.session.get(child, 1)
    c.parent = k.session.get(parent, 2)
    k.flush()


@case
def load_clear_reference_unloaded(k: Kit) -> None:
    _parent, child = stored_family(k)
    c = k.session.get(child, 1)
    c.parent = None
    k.flush()


@case
def load_replace_unloaded_collection(k: Kit) -> None:
    parent, child = stored_family(k)
    p = k.session.get(parent, 1)
    p.children = [child(id=9, name="n")]
    k.flush()


@case
def load_orphan_by_reference_unloaded(k: Kit) -> None:
    _parent, child = stored_family(k, cascade="all, delete-orphan")
    c = k.session.get(child, 1)
    c.parent = None
    k.flush()


@case
def load_delete_many_to_many(k: Kit) -> None:
    post, tag = posts_and_tags(k)
    tags = [tag(id=1), tag(id=2)]
    k.start(post(id=1, tags=tags), post(id=2, tags=tags[:1]))
    k.fresh()
    p, t = k.session.get(post, 1), k.session.get(tag, 1)
    k.session.delete(p)
    k.flush()
    k.session.delete(t)
    k.flush()


@case
def load_delete_tree(k: Kit) -> None:
    node = tree(k, cascade="all, delete-orphan")
    k.start(node(id=1, children=[node(id=2, children=[node(id=3)]), node(id=4)]))
    k.fresh()
    k.session.delete(k.session.get(node, 1))
    k.flush()


@case
def load_delete_expired(k: Kit) -> None:
    parent, child = family(k, cascade="all, delete")
    p = parent(id=1, children=[child(id=1)])
    k.start(p)
    k.session.expire_all()
    k.session.delete(p)
    k.flush()


@case
def load_target_expired(k: Kit) -> None:
    parent, child = family(k)
    p = parent(id=1)
    k.start(p)
    k.session.expire_all()
    k.session.add(child(id=9, name="a", parent=p))
    k.flush()


@case
def load_key_change_active(k: Kit) -> None:
    country = k.model(
        "Country", keyless=True, code=k.text(primary_key=True),
        cities=k.orm.relationship(
            "City", passive_updates=False, order_by="City.id",
            primaryjoin="Country.code == foreign(City.code)",
        ),
    )  # fmt: skip
    city = k.model("City", code=k.text())
    k.start(country(code="a", cities=[city(id=1), city(id=2)]))
    k.fresh()
    c = k.session.get(country, "a")
    c.code = "b"
    k.flush()


@case
def load_delete_one_to_one(k: Kit) -> None:
    owner = k.model(
        "Owner",
        card=k.orm.relationship(
            "Card", uselist=False, back_populates="owner", cascade="all, delete-orphan"
        ),
    )
    card = k.model(
        "Card", owner_id=k.key("owner.id"), owner=k.orm.relationship("Owner", back_populates="card")
    )
    k.start(owner(id=1, card=card(id=1)), owner(id=2, card=card(id=2)))
    k.fresh()
    o = k.session.get(owner, 1)
    o.card = card(id=3)
    k.flush()
    k.session.delete(k.session.get(owner, 2))
    k.flush()
