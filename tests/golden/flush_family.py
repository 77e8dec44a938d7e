"""Golden flush cases: one-to-many, many-to-one and one-to-one, with everything in memory."""

from __future__ import annotations

from typing import Any

from tests.golden.flush_kit import Kit, case


def family(k: Kit, backref: bool = True, nullable: bool = True, **options: Any) -> tuple[Any, Any]:
    """Map Parent.children (with these options) and, with `backref`, Child.parent."""
    parent = k.model(
        "Parent",
        name=k.text(),
        children=k.orm.relationship(
            "Child", order_by="Child.id", **({"back_populates": "parent"} if backref else {}), **options
        ),
    )
    members: dict[str, Any] = {"name": k.text(), "parent_id": k.key("parent.id", nullable=nullable)}
    if backref:
        members["parent"] = k.orm.relationship("Parent", back_populates="children")
    return parent, k.model("Child", **members)


def two_parents(k: Kit, **options: Any) -> tuple[Any, Any, list[Any]]:
    """Start with parents 1 (children 1, 2) and 2 (child 3) in memory; answer p1, p2, children."""
    parent, child = family(k, **options)
    children = [child(id=i, name=f"c{i}") for i in (1, 2, 3)]
    p1 = parent(id=1, name="p1", children=children[:2])
    p2 = parent(id=2, name="p2", children=children[2:])
    k.start(p1, p2)
    return p1, p2, children


@case
def o2m_new_family(k: Kit) -> None:
    parent, child = family(k)
    s = k.start()
    s.add(parent(name="p", children=[child(name="a"), child(name="b")]))
    s.add(parent(name="q", children=[child(name="c")]))
    k.flush()


@case
def o2m_without_backref(k: Kit) -> None:
    parent, child = family(k, backref=False)
    s = k.start()
    p = parent(name="p", children=[child(name="a"), child(name="b")])
    s.add(p)
    k.flush()
    p.children.append(child(name="c"))
    k.flush()


@case
def m2o_from_the_child(k: Kit) -> None:
    parent, child = family(k)
    s = k.start()
    p = parent(name="p")
    s.add_all([child(name="a", parent=p), child(name="b", parent=p), child(name="c")])
    k.flush()
    k.note([c.parent_id for c in p.children])


@case
def m2o_alone(k: Kit) -> None:
    target = k.model("Target", name=k.text())
    holder = k.model("Holder", target_id=k.key("target.id"), target=k.orm.relationship("Target"))
    s = k.start()
    t = target(name="t")
    h, other = holder(target=t), holder()
    s.add_all([h, other])
    k.flush()
    other.target = t
    k.flush()
    h.target = None
    k.flush()
    h.target, other.target = target(name="u"), None
    k.flush()


@case
def o2m_append_persistent(k: Kit) -> None:
    p1, _p2, children = two_parents(k, backref=False)
    extra = type(children[0])(id=9, name="x")
    k.session.add(extra)
    k.flush()
    p1.children.append(extra)
    k.flush()


@case
def o2m_remove_sets_null(k: Kit) -> None:
    p1, _p2, children = two_parents(k)
    p1.children.remove(children[0])
    k.flush()
    k.note(children[0].parent_id)


@case
def o2m_move_between_parents(k: Kit) -> None:
    p1, p2, children = two_parents(k)
    p2.children.append(children[0])
    k.flush()
    children[2].parent = p1
    k.flush()
    k.note([c.parent_id for c in children], len(p1.children), len(p2.children))


@case
def o2m_move_without_backref(k: Kit) -> None:
    p1, p2, children = two_parents(k, backref=False)
    p1.children.remove(children[0])
    p2.children.append(children[0])
    k.flush()
    p2.children.remove(children[2])
    p1.children.append(children[2])
    k.flush()


@case
def o2m_replace_collection(k: Kit) -> None:
    p1, _p2, children = two_parents(k)
    p1.children = [children[1], type(children[0])(id=9, name="n")]
    k.flush()


@case
def o2m_delete_parent_nulls(k: Kit) -> None:
    p1, _p2, _children = two_parents(k)
    k.session.delete(p1)
    k.flush()


@case
def o2m_delete_parent_not_null_column(k: Kit) -> None:
    p1, _p2, _children = two_parents(k, nullable=False)
    with k.watch("delete"):
        k.session.delete(p1)
        try:
            k.session.flush()
        except k.exc.IntegrityError as error:
            k.note(k.kind(error))


@case
def o2m_delete_cascade(k: Kit) -> None:
    p1, _p2, children = two_parents(k, cascade="all, delete")
    k.session.delete(p1)
    k.note(children[0] in k.session.deleted, children[2] in k.session.deleted)
    k.flush()


@case
def o2m_delete_cascade_with_new_child(k: Kit) -> None:
    p1, _p2, children = two_parents(k, cascade="all, delete")
    p1.children.append(type(children[0])(id=9, name="new"))
    k.session.delete(p1)
    k.flush()


@case
def o2m_delete_cascade_after_remove(k: Kit) -> None:
    p1, _p2, children = two_parents(k, cascade="all, delete")
    p1.children.remove(children[0])
    k.session.delete(p1)
    k.flush()


@case
def o2m_delete_orphan_by_remove(k: Kit) -> None:
    p1, _p2, children = two_parents(k, cascade="all, delete-orphan")
    p1.children.remove(children[0])
    k.note(children[0] in k.session.deleted)
    k.flush()
    k.note(children[0] in k.session, k.sa.inspect(children[0]).deleted)


@case
def o2m_delete_orphan_by_none(k: Kit) -> None:
    _p1, _p2, children = two_parents(k, cascade="all, delete-orphan")
    children[0].parent = None
    k.flush()


@case
def o2m_delete_orphan_moved(k: Kit) -> None:
    p1, p2, children = two_parents(k, cascade="all, delete-orphan")
    p1.children.remove(children[0])
    p2.children.append(children[0])
    k.flush()


@case
def o2m_delete_orphan_replaced(k: Kit) -> None:
    p1, _p2, children = two_parents(k, cascade="all, delete-orphan")
    p1.children = [type(children[0])(id=9, name="n"), children[1]]
    k.flush()


@case
def o2m_delete_orphan_with_parent(k: Kit) -> None:
    p1, p2, _children = two_parents(k, cascade="all, delete-orphan")
    k.session.delete(p1)
    p2.name = "renamed"
    k.flush()


@case
def o2m_delete_orphan_pending(k: Kit) -> None:
    p1, _p2, children = two_parents(k, cascade="all, delete-orphan")
    new = type(children[0])(id=9, name="new")
    p1.children.append(new)
    p1.children.remove(new)
    k.note(new in k.session)
    k.flush()


@case
def o2m_delete_orphan_moved_from_deleted(k: Kit) -> None:
    p1, p2, children = two_parents(k, cascade="all, delete-orphan")
    p2.children.append(children[0])
    k.session.delete(p1)
    k.flush()


@case
def o2m_deleted_child_added_again(k: Kit) -> None:
    _p1, p2, children = two_parents(k, backref=False)
    k.session.delete(children[0])
    p2.children.append(children[0])
    k.flush()


@case
def o2m_delete_child_and_parent(k: Kit) -> None:
    p1, _p2, children = two_parents(k)
    for child in children[:2]:
        k.session.delete(child)
    k.session.delete(p1)
    k.flush()


@case
def o2m_delete_child_stays_in_collection(k: Kit) -> None:
    p1, _p2, children = two_parents(k)
    k.session.delete(children[0])
    k.flush()
    k.note(len(p1.children))
    p1.name = "again"
    k.flush()


@case
def o2m_passive_deletes_loaded(k: Kit) -> None:
    p1, _p2, _children = two_parents(k, cascade="all, delete", passive_deletes=True)
    k.session.delete(p1)
    k.flush()


@case
def o2m_passive_deletes_nulls_loaded(k: Kit) -> None:
    p1, _p2, _children = two_parents(k, passive_deletes=True)
    k.session.delete(p1)
    k.flush()


@case
def o2m_passive_deletes_all(k: Kit) -> None:
    parent = k.model(
        "Parent", name=k.text(), children=k.orm.relationship("Child", passive_deletes="all")
    )
    child = k.model("Child", parent_id=k.key("parent.id", ondelete="CASCADE"))
    p = parent(id=1, children=[child(id=1), child(id=2)])
    s = k.start(p)
    p.children.remove(p.children[0])
    k.flush()
    s.delete(p)
    k.flush()


@case
def o2m_viewonly_writes_nothing(k: Kit) -> None:
    parent, child = family(k, backref=False, viewonly=True)
    s = k.start()
    with k.watch("append"):
        p = parent(name="p")
        p.children.append(child(name="a"))
        s.add(p)
        s.flush()


@case
def o2m_not_in_session(k: Kit) -> None:
    parent, child = family(k, cascade="")
    s = k.start()
    p = parent(name="p", children=[child(name="a")])
    s.add(p)
    k.flush()


@case
def m2o_not_in_session(k: Kit) -> None:
    parent = k.model("Parent", name=k.text())
    child = k.model(
        "Child", parent_id=k.key("parent.id"), parent=k.orm.relationship("Parent", cascade="")
    )
    s = k.start()
    s.add(child(parent=parent(name="p")))
    k.flush()


@case
def o2m_backref_does_not_cascade(k: Kit) -> None:
    p1, _p2, children = two_parents(k)
    stranger = type(children[0])(name="s")
    stranger.parent = p1
    k.note(stranger in k.session, len(p1.children))
    k.flush()


@case
def o2m_key_given_by_hand(k: Kit) -> None:
    parent, child = family(k)
    s = k.start()
    s.add_all([child(name="a", parent_id=7), parent(id=7, name="p")])
    k.flush()


@case
def o2m_parent_wins_over_column(k: Kit) -> None:
    parent, child = family(k)
    s = k.start()
    s.add(parent(id=7, name="p", children=[child(name="a", parent_id=99)]))
    k.flush()


@case
def one_to_one_replaced(k: Kit) -> None:
    user = k.model("Owner", card=k.orm.relationship("Card", uselist=False, back_populates="owner"))
    card = k.model(
        "Card", owner_id=k.key("owner.id"), owner=k.orm.relationship("Owner", back_populates="card")
    )
    u = user(id=1, card=card(id=1))
    k.start(u)
    u.card = card(id=2)
    k.flush()
    u.card = None
    k.flush()


@case
def one_to_one_orphan_replaced(k: Kit) -> None:
    user = k.model(
        "Owner",
        card=k.orm.relationship(
            "Card", uselist=False, back_populates="owner", cascade="all, delete-orphan"
        ),
    )
    card = k.model(
        "Card", owner_id=k.key("owner.id"), owner=k.orm.relationship("Owner", back_populates="card")
    )
    u = user(id=1, card=card(id=1))
    k.start(u)
    u.card = card(id=2)
    k.flush()
    k.session.delete(u)
    k.flush()


@case
def one_to_one_shared_key(k: Kit) -> None:
    owner = k.model("Owner", card=k.orm.relationship("Card", uselist=False, back_populates="owner"))
    card = k.model(
        "Card",
        id=k.key("owner.id", primary_key=True),
        note=k.text(),
        owner=k.orm.relationship("Owner", back_populates="card"),
    )
    s = k.start()
    s.add(owner(card=card(note="n")))
    k.flush()


@case
def o2m_blank_out_primary_key(k: Kit) -> None:
    parent = k.model("Parent", children=k.orm.relationship("Child"))
    child = k.model(
        "Child", id=k.number(primary_key=True), parent_id=k.key("parent.id", primary_key=True)
    )
    p = parent(id=1, children=[child(id=1)])
    k.start(p)
    p.children.clear()
    k.flush()


@case
def m2o_delete_cascades_to_target(k: Kit) -> None:
    target = k.model("Target", name=k.text())
    holder = k.model(
        "Holder",
        target_id=k.key("target.id"),
        target=k.orm.relationship("Target", cascade="all, delete"),
    )
    h = holder(id=1, target=target(id=1))
    k.start(h)
    k.session.delete(h)
    k.flush()


@case
def m2o_delete_orphan_single_parent(k: Kit) -> None:
    target = k.model("Target", name=k.text())
    holder = k.model(
        "Holder",
        target_id=k.key("target.id"),
        target=k.orm.relationship("Target", cascade="all, delete-orphan", single_parent=True),
    )
    h = holder(id=1, target=target(id=1))
    k.start(h, holder(id=2, target=target(id=2)))
    h.target = target(id=3)
    k.flush()
    h.target = None
    k.flush()


@case
def single_parent_refuses_second(k: Kit) -> None:
    target = k.model("Target", name=k.text())
    holder = k.model(
        "Holder",
        target_id=k.key("target.id"),
        target=k.orm.relationship("Target", cascade="all, delete-orphan", single_parent=True),
    )
    t = target(id=1)
    k.start(holder(id=1, target=t))
    with k.watch("second"):
        holder(id=2, target=t)


@case
def orphan_of_two_parents(k: Kit) -> None:
    left = k.model("Left", kids=k.orm.relationship("Kid", cascade="all, delete-orphan"))
    right = k.model("Right", kids=k.orm.relationship("Kid", cascade="all, delete-orphan"))
    kid = k.model("Kid", left_id=k.key("left.id"), right_id=k.key("right.id"))
    both = kid(id=1)
    one, other = left(id=1, kids=[both]), right(id=1, kids=[both])
    k.start(one, other)
    one.kids.remove(both)
    k.flush()


@case
def grandchildren_deleted_through_orphan(k: Kit) -> None:
    top = k.model("Top", mids=k.orm.relationship("Mid", cascade="all, delete-orphan"))
    mid = k.model(
        "Mid", top_id=k.key("top.id"), lows=k.orm.relationship("Low", cascade="all, delete-orphan")
    )
    low = k.model("Low", mid_id=k.key("mid.id"))
    t = top(id=1, mids=[mid(id=1, lows=[low(id=1), low(id=2)]), mid(id=2, lows=[])])
    k.start(t)
    t.mids.remove(t.mids[0])
    k.flush()
    k.session.delete(t)
    k.flush()


@case
def three_levels_in_any_add_order(k: Kit) -> None:
    top = k.model("Top", mids=k.orm.relationship("Mid", back_populates="top"))
    mid = k.model(
        "Mid",
        top_id=k.key("top.id"),
        top=k.orm.relationship("Top", back_populates="mids"),
        lows=k.orm.relationship("Low"),
    )
    low = k.model("Low", mid_id=k.key("mid.id"), name=k.text())
    s = k.start()
    lows = [low(name=n) for n in "abc"]
    s.add_all(lows)
    m1, m2 = mid(lows=lows[:2]), mid(lows=lows[2:])
    s.add_all([m2, m1])
    s.add(top(mids=[m1, m2]))
    k.flush()


@case
def siblings_by_two_foreign_keys(k: Kit) -> None:
    place = k.model("Place", name=k.text())
    trip = k.model("Trip", start_id=k.key("place.id"), end_id=k.key("place.id"))
    trip.start = k.orm.relationship(place, foreign_keys=trip.start_id)
    trip.end = k.orm.relationship(place, foreign_keys=trip.end_id)
    s = k.start()
    a, b = place(name="a"), place(name="b")
    s.add_all([trip(start=a, end=b), trip(start=b)])
    k.flush()


@case
def wrong_type_in_collection(k: Kit) -> None:
    parent, _child = family(k, backref=False)
    stranger = k.model("Stranger", name=k.text())
    s = k.start()
    with k.watch("wrong"):
        p = parent(name="p")
        p.children.append(stranger(name="x"))
        s.add(p)
        s.flush()
