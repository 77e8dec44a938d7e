"""Golden session cases: savepoints, failed flushes and rollbacks over graphs."""

from __future__ import annotations

from tests.golden.scene_kit import SESSION_EVENTS, Stage, scene


@scene
def savepoint_new_member(k: Stage) -> None:
    _parent, child, p, children = k.people(cascade="all")
    s = k.session
    k.listen("expire", *SESSION_EVENTS)
    nested = s.begin_nested()
    new = child(id=9, name="new")
    k.named(new=new)
    p.children.append(new)
    k.flush()
    k.note("rollback")
    nested.rollback()
    k.states(p, *children, new)
    k.loaded(p, *children)
    k.tell(p.children, new.parent, new.parent_id)
    k.flush()


@scene
def savepoint_removed_member(k: Stage) -> None:
    _parent, _child, p, children = k.people(cascade="all, delete-orphan")
    nested = k.session.begin_nested()
    p.children.remove(children[0])
    k.flush()
    k.states(children[0])
    nested.rollback()
    k.states(p, *children)
    k.loaded(p, *children)
    k.tell(p.children)


@scene
def savepoint_changed_reference(k: Stage) -> None:
    parent, _child, p, children = k.people()
    s = k.session
    other = parent(id=2, name="q")
    k.named(q=other)
    s.add(other)
    s.flush()
    nested = s.begin_nested()
    children[0].parent = other
    k.flush()
    nested.rollback()
    k.loaded(p, other, *children)
    k.tell(children[0].parent, p.children, other.children)


@scene
def savepoint_unflushed_changes(k: Stage) -> None:
    _parent, child, p, children = k.people()
    s = k.session
    nested = s.begin_nested()
    p.children.remove(children[0])
    p.name = "x"
    new = child(id=9, name="new", parent=p)
    k.named(new=new)
    s.add(new)
    k.sets()
    nested.rollback()
    k.sets()
    k.loaded(p, *children)
    k.states(new)
    k.tell(p.name, p.children)


@scene
def savepoint_released(k: Stage) -> None:
    _parent, child, p, _children = k.people()
    s = k.session
    with s.begin_nested():
        p.children.append(child(id=9, name="new"))
    k.tell(len(p.children))
    k.loaded(p)
    s.rollback()
    k.tell(len(p.children))


@scene
def savepoint_in_savepoint(k: Stage) -> None:
    _parent, child, p, children = k.people(cascade="all")
    s = k.session
    outer = s.begin_nested()
    p.children.append(child(id=8, name="eight"))
    inner = s.begin_nested()
    s.delete(children[0])
    k.flush()
    inner.rollback()
    k.states(children[0])
    k.loaded(p, *children)
    k.tell([c.name for c in p.children])
    outer.rollback()
    k.tell([c.name for c in p.children])


@scene
def savepoint_delete_cascade(k: Stage) -> None:
    _parent, _child, p, children = k.people(cascade="all")
    k.listen(*SESSION_EVENTS)
    nested = k.session.begin_nested()
    k.session.delete(p)
    k.flush()
    nested.rollback()
    k.states(p, *children)
    k.loaded(p, *children)
    k.tell(p.children)
    k.flush()


@scene
def failed_flush_in_savepoint(k: Stage) -> None:
    parent, child, _p, _children = k.people()
    s = k.session
    q = parent(id=5, name="q", children=[child(id=5, name="fine")])
    k.named(q=q)
    s.add(q)
    s.flush()
    twice = child(id=6, name="c1", parent=q)
    k.named(twice=twice)
    try:
        with s.begin_nested():
            s.add(twice)
            s.flush()
    except k.exc.IntegrityError:
        k.note("failed")
    k.states(q, *[c for c in q.children if c is not twice], twice)
    k.loaded(q)
    k.tell(len(q.children))
    k.flush()


@scene
def rollback_restores_collections(k: Stage) -> None:
    _parent, child, p, children = k.people()
    s = k.session
    p.children.remove(children[0])
    p.children.append(child(id=9, name="new"))
    children[1].parent = None
    s.rollback()
    k.loaded(p, *children)
    k.sets()
    k.tell(p.children, children[0].parent)


@scene
def rollback_pending_graph(k: Stage) -> None:
    _parent, child, p, _children = k.people()
    s = k.session
    k.listen(*SESSION_EVENTS)
    new = child(id=9, name="new", parent=p)
    k.named(new=new)
    s.add(new)
    k.note("rollback")
    s.rollback()
    k.states(new)
    k.tell(new.parent, len(p.children))
    k.note("again")
    s.add(new)
    k.flush()
    k.tell(len(p.children))


@scene
def rollback_after_key_change(k: Stage) -> None:
    _parent, child, _p, children = k.people()
    s = k.session
    nested = s.begin_nested()
    children[0].id = 77
    k.flush()
    k.tell(k.sa.inspect(children[0]).identity)
    nested.rollback()
    k.tell(k.sa.inspect(children[0]).identity, children[0].id, s.get(child, 1))


@scene
def rollback_after_moving(k: Stage) -> None:
    post = k.model("Post", title=k.text(), tags=k.orm.relationship(
        "Tag", secondary=k.link("post", "tag"), back_populates="posts", order_by="Tag.id"))  # fmt: skip
    tag = k.model("Tag", name=k.text(), posts=k.orm.relationship("Post", secondary="post_tag", back_populates="tags"))
    a, b = tag(id=1, name="a"), tag(id=2, name="b")
    one = post(id=1, title="t", tags=[a])
    k.named(a=a, b=b, one=one)
    k.start(one, b)
    nested = k.session.begin_nested()
    one.tags = [b]
    k.flush()
    nested.rollback()
    k.loaded(one, a, b)
    k.tell(one.tags, a.posts, b.posts)


@scene
def expunged_in_savepoint(k: Stage) -> None:
    _parent, child, p, children = k.people(cascade="all")
    s = k.session
    nested = s.begin_nested()
    new = child(id=9, name="new", parent=p)
    k.named(new=new)
    s.add(new)
    s.flush()
    s.expunge(p)
    k.states(p, *children, new)
    nested.rollback()
    k.states(p, *children, new)


@scene
def close_in_savepoint(k: Stage) -> None:
    _parent, child, p, children = k.people()
    k.listen(*SESSION_EVENTS)
    k.session.begin_nested()
    new = child(id=9, name="new")
    k.named(new=new)
    p.children.append(new)
    k.session.delete(children[0])
    k.flush()
    k.note("close")
    k.session.close()
    k.states(p, *children[1:], new)
