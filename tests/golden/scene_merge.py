"""Golden session cases: merge() over graphs."""

from __future__ import annotations

from typing import Any

from tests.golden.scene_kit import Stage, scene


@scene
def merge_new_family(k: Stage) -> None:
    parent, child = k.family()
    s = k.start()
    given = parent(name="p", children=[child(name="a"), child(name="b")])
    k.named(given=given, a=given.children[0], b=given.children[1])
    merged = s.merge(given)
    k.tell(merged, merged.children, [c.parent for c in merged.children])
    k.states(given, *given.children, merged, *merged.children)
    k.sets()
    k.flush()
    k.tell([c.parent_id for c in merged.children])


@scene
def merge_family_with_keys(k: Stage) -> None:
    parent, child, _p, _children = k.people()
    s = k.fresh()
    given = parent(id=1, name="q", children=[child(id=2, name="c2"), child(id=3, name="z3"), child(name="new")])
    merged = s.merge(given)
    k.tell(merged, merged.name, merged.children, [c.name for c in merged.children])
    k.history(merged, "name", "children")
    k.sets()
    k.flush()
    k.tell(merged.children)


@scene
def merge_into_what_is_there(k: Stage) -> None:
    parent, child, p, children = k.people()
    given = parent(id=1, name="q", children=[child(id=3, name="z3"), child(id=1, name="c1")])
    merged = k.session.merge(given)
    k.tell(merged is p, merged.children)
    k.history(p, "name", "children")
    k.history(children[1], "parent")
    k.history(children[2], "parent", "name")
    k.flush()


@scene
def merge_detached_changes(k: Stage) -> None:
    _parent, child, p, children = k.people()
    s = k.fresh()
    p.name = "other"
    p.children.remove(children[0])
    p.children.append(child(name="new"))
    children[1].name = "y2"
    merged = s.merge(p)
    k.tell(merged, merged.name, [c.name for c in merged.children])
    k.history(merged, "name", "children")
    k.states(p, *p.children)
    k.flush()


@scene
def merge_unloaded_is_left_alone(k: Stage) -> None:
    _parent, _child, p, _children = k.people()
    k.session.expire(p, ["name"])
    k.session.expire(p, ["children"])
    s = k.fresh()
    merged = s.merge(p)
    k.loaded(merged)
    k.tell(merged.name, len(merged.children))
    k.sets()


@scene
def merge_empty_collection(k: Stage) -> None:
    parent, _child, _p, _children = k.people()
    s = k.fresh()
    merged = s.merge(parent(id=1, children=[]))
    k.tell(merged.name)
    k.history(merged, "children")
    k.flush()


@scene
def merge_without_touching_the_collection(k: Stage) -> None:
    parent, _child, _p, _children = k.people()
    s = k.fresh()
    merged = s.merge(parent(id=1, name="q"))
    k.loaded(merged)
    k.flush()


@scene
def merge_orphan_is_deleted(k: Stage) -> None:
    parent, child, _p, _children = k.people(cascade="all, delete-orphan")
    s = k.fresh()
    s.merge(parent(id=1, name="p", children=[child(id=2, name="c2")]))
    k.sets()
    k.flush()


@scene
def merge_without_cascade(k: Stage) -> None:
    parent, child, _p, _children = k.people(cascade="save-update")
    s = k.fresh()
    merged = s.merge(parent(id=1, name="q", children=[child(id=2, name="z")]))
    k.loaded(merged)
    k.sets()
    k.flush()


@scene
def merge_reference(k: Stage) -> None:
    parent, child, _p, _children = k.people()
    s = k.fresh()
    merged = s.merge(child(id=1, name="x", parent=parent(id=5, name="five")))
    k.tell(merged.name, merged.parent.name)
    k.history(merged, "parent", "name")
    k.flush()
    merged = s.merge(child(id=2, parent=None))
    k.history(merged, "parent")
    k.flush()


@scene
def merge_reference_unchanged(k: Stage) -> None:
    _parent, _child, _p, children = k.people()
    s = k.fresh()
    children[0].name = "x"
    merged = s.merge(children[0])
    k.tell(merged.parent, merged.parent.children)
    k.history(merged, "parent", "name")
    k.sets()
    k.flush()


@scene
def merge_load_false(k: Stage) -> None:
    _parent, _child, p, _children = k.people()
    s = k.fresh()
    merged = s.merge(p, load=False)
    k.loaded(merged, *merged.children)
    k.tell(merged.name, merged.children, [c.parent for c in merged.children], [c.name for c in merged.children])
    k.states(merged, *merged.children)
    k.sets()
    k.flush()


@scene
def merge_load_false_over_what_is_there(k: Stage) -> None:
    parent, _child, p, _children = k.people()
    s = k.fresh()
    here = s.get(parent, 1)
    k.tell(here.children)
    p.children  # noqa: B018
    merged = s.merge(p, load=False)
    k.tell(merged is here, merged.children)
    k.history(merged, "children", "name")
    k.sets()


@scene
def merge_load_false_partly_loaded(k: Stage) -> None:
    _parent, _child, p, _children = k.people()
    k.session.expire(p, ["children"])
    k.session.expire(p, ["name"])
    s = k.fresh()
    merged = s.merge(p, load=False)
    k.loaded(merged)
    k.tell(merged.name)
    k.tell(len(merged.children))


@scene
def merge_load_false_refused(k: Stage) -> None:
    parent, _child, p, children = k.people()
    s = k.fresh()
    k.attempt("transient", lambda: s.merge(parent(id=7), load=False))
    p.name = "dirty"
    k.attempt("dirty", lambda: s.merge(p, load=False))
    k.sets()
    s.expunge_all()
    k.attempt("dirty member", lambda: s.merge(children[0], load=False))
    s.expunge_all()
    other = parent(id=9, name="other")
    k.attempt("again", lambda: s.merge(other, load=False))


@scene
def merge_load_false_new_member(k: Stage) -> None:
    _parent, child, p, _children = k.people()
    s = k.fresh()
    p.children.append(child(name="new"))
    k.attempt("new member", lambda: s.merge(p, load=False))


@scene
def merge_pending(k: Stage) -> None:
    parent, child = k.family()
    s = k.start()
    given = parent(name="p", children=[child(name="a")])
    s.add(given)
    k.attempt("pending", lambda: s.merge(given) is given)
    k.sets()
    k.tell(given.children[0] in s)


@scene
def merge_load_false_events(k: Stage) -> None:
    _parent, _child, p, _children = k.people()
    k.fresh()
    k.listen()
    k.session.merge(p, load=False)
    k.sets()


@scene
def merge_persistent_returns_itself(k: Stage) -> None:
    _parent, _child, p, children = k.people()
    p.name = "changed"
    k.tell(k.session.merge(p) is p, k.session.merge(children[0]) is children[0])
    k.sets()


@scene
def merge_persistent_with_new_member_outside(k: Stage) -> None:
    _parent, child, p, _children = k.people()
    with k.session.no_autoflush:
        loose = child(name="loose")
        loose.parent = p
        k.states(loose)
        merged = k.session.merge(loose)
        k.states(loose, merged)
        k.tell(merged.parent is p, len(p.children), merged in p.children, loose in p.children)
    k.flush()


@scene
def merge_transient_twice(k: Stage) -> None:
    parent, _child = k.family()
    s = k.start()
    one = parent(id=1, name="one")
    first = s.merge(one)
    k.tell(s.merge(one) is first)
    k.flush()
    k.tell(s.merge(one) is first)


@scene
def merge_same_key_twice_in_a_graph(k: Stage) -> None:
    parent, child, _p, _children = k.people()
    s = k.fresh()
    merged = s.merge(
        parent(
            id=1,
            children=[
                child(id=1, name="first"),
                child(id=1, name="second"),
                child(id=8, name="x"),
                child(id=8, name="y"),
            ],
        )
    )
    k.tell([c.name for c in merged.children], [c.id for c in merged.children])
    k.flush()


@scene
def merge_cycle(k: Stage) -> None:
    node = k.model(
        "Node", name=k.text(), next_id=k.key("node.id"),
        next=k.orm.relationship("Node", remote_side="Node.id", post_update=True),
    )  # fmt: skip
    s = k.start()
    a, b, c = node(id=1, name="a"), node(id=2, name="b"), node(id=3, name="c")
    a.next, b.next, c.next = b, c, a
    merged = s.merge(a)
    k.tell(merged.next.name, merged.next.next.name, merged.next.next.next is merged)
    k.flush()
    s = k.fresh()
    merged = s.merge(a)
    k.sets()


@scene
def merge_tree(k: Stage) -> None:
    node = k.model("Node", name=k.text(), parent_id=k.key("node.id"))
    node.children = k.orm.relationship("Node", order_by="Node.id", back_populates="parent")
    node.parent = k.orm.relationship("Node", remote_side="Node.id", back_populates="children")
    s = k.start()
    root = node(id=1, name="r", children=[node(id=2, name="a", children=[node(id=4, name="x")]), node(id=3, name="b")])
    merged = s.merge(root)
    k.flush()
    k.tell([(n.name, [m.name for m in n.children]) for n in merged.children])
    s = k.fresh()
    root.children[0].children[0].name = "changed"
    moved = root.children[0].children[0]
    root.children[1].children.append(moved)
    s.merge(root)
    k.sets()
    k.flush()


@scene
def merge_many_to_many(k: Stage) -> None:
    post = k.model("Post", title=k.text(), tags=k.orm.relationship(
        "Tag", secondary=k.link("post", "tag"), back_populates="posts", order_by="Tag.id"))  # fmt: skip
    tag = k.model("Tag", name=k.text(), posts=k.orm.relationship("Post", secondary="post_tag", back_populates="tags"))
    a, b = tag(id=1, name="a"), tag(id=2, name="b")
    k.start(post(id=1, title="t", tags=[a, b]))
    s = k.fresh()
    merged = s.merge(post(id=1, title="t2", tags=[tag(id=2, name="b"), tag(id=3, name="c")]))
    k.history(merged, "tags")
    k.tell([t.name for t in merged.tags])
    k.flush()


@scene
def merge_composite_keys(k: Stage) -> None:
    sa = k.sa
    parent = k.model("Parent", keyless=True, a=k.number(primary_key=True), b=k.number(primary_key=True), name=k.text(),
                     children=k.orm.relationship("Child", order_by="Child.id"))  # fmt: skip
    child = k.model(
        "Child", pa=k.number(), pb=k.number(), name=k.text(),
        __table_args__=(sa.ForeignKeyConstraint(["pa", "pb"], ["parent.a", "parent.b"]),),
    )  # fmt: skip
    k.start(parent(a=1, b=2, name="p", children=[child(id=1, name="x")]))
    s = k.fresh()
    merged = s.merge(parent(a=1, b=2, name="q", children=[child(id=1, name="y"), child(name="z")]))
    k.tell(merged.name)
    k.flush()
    partial = s.merge(parent(a=1, name="partial"))
    k.states(partial)
    s.expunge(partial)


@scene
def merge_polymorphic(k: Stage) -> None:
    base = k.model("Person", kind=k.text(), name=k.text(), boss_id=k.key("person.id"),
                   __mapper_args__={"polymorphic_on": "kind", "polymorphic_identity": "person"})  # fmt: skip
    base.boss = k.orm.relationship("Person", remote_side="Person.id")
    engineer = k.model("Engineer", base=base, id=k.key("person.id", primary_key=True), skill=k.text(),
                       __mapper_args__={"polymorphic_identity": "engineer"})  # fmt: skip
    manager = k.model("Manager", base=base, id=k.key("person.id", primary_key=True), rank=k.text(),
                      __mapper_args__={"polymorphic_identity": "manager"})  # fmt: skip
    k.start(manager(id=1, name="m", rank="high"), engineer(id=2, name="e", skill="c", boss_id=1))
    s = k.fresh()
    merged = s.merge(engineer(id=2, skill="python", boss=manager(id=1, rank="low")))
    k.tell(merged, merged.name, merged.skill, merged.boss, merged.boss.rank)
    k.history(merged, "skill", "boss")
    k.flush()


@scene
def merge_sets_and_dicts(k: Stage) -> None:
    part = k.model("Part", name=k.text(), owner_id=k.key("owner.id"))
    note = k.model("Note", word=k.text(), owner_id=k.key("owner.id"))
    owner = k.model(
        "Owner",
        parts=k.orm.relationship("Part", collection_class=set),
        notes=k.orm.relationship("Note", collection_class=k.orm.attribute_keyed_dict("word")),
    )
    k.start(owner(id=1, parts={part(id=1, name="a"), part(id=2, name="b")}, notes={"x": note(id=1, word="x")}))
    s = k.fresh()
    given = owner(
        id=1,
        parts={part(id=2, name="B"), part(id=3, name="c")},
        notes={"x": note(id=1, word="x"), "y": note(id=2, word="y")},
    )
    merged = s.merge(given)
    k.tell(sorted(p.name for p in merged.parts), sorted(merged.notes))
    k.flush()
    s = k.fresh()
    merged = s.merge(given)
    k.tell(sorted(p.name for p in merged.parts), sorted(merged.notes))
    k.sets()


@scene
def merge_options(k: Stage) -> None:
    parent, child, _p, _children = k.people()
    s = k.fresh()
    merged = s.merge(
        parent(id=1, name="q", children=[child(id=1, name="c1")]), options=[k.orm.joinedload(parent.children)]
    )
    k.tell(merged.children)
    k.flush()


@scene
def merge_stale_version(k: Stage) -> None:
    item = type("Item", (k.Base,), _versioned(k))
    k.start(item(id=1, name="a"))
    s = k.fresh()
    k.attempt("same", lambda: s.merge(item(id=1, name="b", version=1)).name)
    k.flush()
    k.attempt("stale", lambda: s.merge(item(id=1, name="c", version=1)))
    k.attempt("unset", lambda: s.merge(item(id=1, name="d")).version)
    k.flush()


def _versioned(k: Stage) -> dict[str, Any]:
    version = k.number(nullable=False)
    return {
        "__tablename__": "item",
        "id": k.number(primary_key=True),
        "name": k.text(),
        "version": version,
        "__mapper_args__": {"version_id_col": version},
    }


@scene
def merge_deleted(k: Stage) -> None:
    _parent, child, _p, children = k.people(cascade="all")
    s = k.session
    s.delete(children[0])
    merged = s.merge(child(id=1, name="again"))
    k.tell(merged is children[0])
    k.sets()
    with s.no_autoflush:
        k.tell(s.merge(children[0]) is children[0])
    k.flush()


@scene
def merge_row_is_gone(k: Stage) -> None:
    _parent, child, _p, children = k.people()
    s = k.fresh()
    with k.engine.begin() as connection:
        connection.execute(k.sa.delete(child.__table__).where(child.__table__.c.id == 1))
    merged = s.merge(children[0])
    k.states(merged)
    k.tell(merged.id, merged.name)
    k.flush()


@scene
def merge_events(k: Stage) -> None:
    parent, child, _p, _children = k.people()
    k.fresh()
    for name in ("append", "remove", "bulk_replace"):
        k.sa.event.listen(
            parent.children,
            name,
            lambda t, v, i, n=name: k.log.append(["event", n, k.name(v) if n != "bulk_replace" else len(v)]),
        )
    k.sa.event.listen(parent.name, "set", lambda t, v, o, i: k.log.append(["event", "set", v]))
    k.sa.event.listen(child.name, "set", lambda t, v, o, i: k.log.append(["event", "set child", v]))
    given = parent(id=1, name="q", children=[child(id=2, name="c2"), child(name="new")])
    k.named(given=given, g2=given.children[0], new=given.children[1])
    k.listen()
    k.note("merge")
    k.session.merge(given)
    k.flush()


@scene
def merge_autoflush(k: Stage) -> None:
    parent, child, _p, _children = k.people()
    s = k.session
    s.add(parent(id=4, name="pending"))
    s.merge(parent(id=4, name="merged"))
    k.sets()
    s.add(child(id=9, name="nine"))
    with s.no_autoflush:
        s.merge(child(id=9, name="merged"))
        k.sets()
        s.expunge_all()


@scene
def merge_all_shares(k: Stage) -> None:
    parent, child, _p, _children = k.people()
    s = k.fresh()
    a, b = s.merge_all([parent(id=1, name="x"), child(id=1, name="y", parent=parent(id=1, name="z"))])
    k.tell(b.parent is a, a.name)
    k.flush()


@scene
def merge_viewonly(k: Stage) -> None:
    parent = k.model("Parent", name=k.text(), children=k.orm.relationship("Child", viewonly=True))
    child = k.model("Child", name=k.text(), parent_id=k.key("parent.id"))
    p = parent(id=1, name="p")
    k.start(p)
    with k.engine.begin() as connection:
        connection.execute(k.sa.insert(child.__table__), {"id": 1, "name": "c", "parent_id": 1})
    k.session.expire(p, ["children"])
    k.tell(len(p.children))
    s = k.fresh()
    merged = s.merge(p)
    k.loaded(merged)
    k.tell(len(merged.children))


@scene
def merge_unmapped(k: Stage) -> None:
    s = k.start()
    k.attempt("unmapped", lambda: s.merge(object()))
    k.attempt("none", lambda: s.merge(None))
