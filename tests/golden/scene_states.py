"""Golden session cases: states, their events, and what leaves, expires and comes back over graphs."""

from __future__ import annotations

from tests.golden.scene_kit import FLOW_EVENTS, SESSION_EVENTS, Stage, scene


@scene
def life_of_a_family(k: Stage) -> None:
    parent, child = k.family(cascade="all")
    s = k.start(expire_on_commit=True)
    k.listen(*SESSION_EVENTS, *FLOW_EVENTS)
    k.listen("before_insert", "after_insert", "before_delete", "after_delete", "expire", "refresh", "load")
    p = parent(id=1, name="p", children=[child(id=1, name="a"), child(id=2, name="b")])
    a, b = p.children
    k.named(p=p, a=a, b=b)
    k.note("add")
    s.add(p)
    k.states(p, a, b)
    k.flush()
    k.states(p, a, b)
    k.commit()
    k.note("expire")
    s.expire(p)
    k.note("read")
    k.tell(p.name, p.children)
    k.note("delete")
    s.delete(p)
    k.states(p, a, b)
    k.flush()
    k.states(p, a, b)
    k.note("rollback")
    s.rollback()
    k.states(p, a, b)
    s.delete(p)
    k.commit()
    k.states(p, a, b)
    k.tell([k.sa.inspect(o).was_deleted for o in (p, a, b)])


@scene
def rollback_of_new_family(k: Stage) -> None:
    parent, child = k.family()
    s = k.start()
    k.listen(*SESSION_EVENTS)
    p = parent(id=1, name="p", children=[child(id=1, name="a")])
    k.named(p=p, a=p.children[0])
    s.add(p)
    k.flush()
    p.children.append(child(id=2, name="b"))
    k.named(b=p.children[1])
    k.note("rollback")
    s.rollback()
    k.states(p, *p.children)
    k.tell(p.name, p.children, p.children[0].parent_id, p.id)
    k.note("again")
    s.add(p)
    k.commit()
    k.states(p, *p.children)


@scene
def close_and_back(k: Stage) -> None:
    _parent, child, p, children = k.people()
    k.listen(*SESSION_EVENTS)
    new = child(id=9, name="new", parent=p)
    k.named(new=new)
    k.session.add(new)
    k.note("close")
    k.session.close()
    k.states(p, *children, new)
    k.tell(p.children)
    k.note("add")
    k.session.add(p)
    k.states(p, *children, new)
    k.sets()


@scene
def attach_errors(k: Stage) -> None:
    parent, child, p, children = k.people()
    other = k.orm.Session(k.engine)
    k.attempt("persistent of another", lambda: _numbers(k, lambda: other.add(p)))
    k.attempt("delete of another", lambda: _numbers(k, lambda: other.delete(p)))
    k.attempt("expunge of another", lambda: other.expunge(p))
    k.attempt("refresh of another", lambda: other.refresh(p))
    k.attempt("expire of another", lambda: other.expire(p))
    loose = parent(name="loose")
    k.attempt("delete transient", lambda: other.delete(loose))
    other.add(loose)
    k.attempt("delete pending", lambda: other.delete(loose))
    k.attempt("expire pending", lambda: other.expire(loose))
    k.attempt("refresh pending", lambda: other.refresh(loose))
    k.attempt(
        "cascade meets another session", lambda: _numbers(k, lambda: k.session.add(child(name="x", parent=loose)))
    )
    other.close()
    k.session.delete(children[0])
    k.session.flush()
    k.attempt("add deleted", lambda: k.session.add(children[0]))
    k.attempt("refresh deleted", lambda: k.session.refresh(children[0]))
    k.attempt("expire deleted", lambda: k.session.expire(children[0]))
    k.attempt("read deleted", lambda: children[0].name)
    k.session.expire_on_commit = True
    k.commit()
    k.states(children[0])
    k.attempt("add deleted and committed", lambda: k.session.add(children[0]))
    k.attempt("delete deleted and committed", lambda: k.session.delete(children[0]))
    same = parent(id=1, name="same")
    k.orm.make_transient_to_detached(same)
    k.attempt("same identity", lambda: k.session.add(same))
    k.attempt("same identity deleted", lambda: k.session.delete(same))


def _numbers(k: Stage, call: object) -> None:
    """Call; sessions' numbers are not told."""
    import re

    try:
        call()  # type: ignore[operator]
    except k.exc.InvalidRequestError as error:
        raise k.exc.InvalidRequestError(re.sub(r"'\d+'", "'n'", str(error).split("\n")[0])) from None


@scene
def unmark_deleted(k: Stage) -> None:
    _parent, _child, p, children = k.people(cascade="all")
    k.listen(*SESSION_EVENTS)
    k.session.delete(p)
    k.sets()
    k.session.add(p)
    k.sets()
    k.session.add(children[0])
    k.sets()


@scene
def row_deleted_elsewhere(k: Stage) -> None:
    _parent, child, _p, children = k.people()
    with k.engine.begin() as connection:
        connection.execute(k.sa.delete(child.__table__).where(child.__table__.c.id == 1))
    k.session.expire(children[0])
    k.attempt("read", lambda: children[0].name)
    k.attempt("refresh", lambda: k.session.refresh(children[0]))
    k.states(children[0])
    k.sets()


@scene
def expunge_cascades(k: Stage) -> None:
    _parent, child, p, children = k.people(cascade="save-update, expunge")
    k.listen(*SESSION_EVENTS)
    new = child(id=9, name="new", parent=p)
    k.named(new=new)
    k.session.add(new)
    children[0].name = "changed"
    k.note("expunge")
    k.session.expunge(p)
    k.states(p, *children, new)
    k.sets()
    k.note("add")
    k.session.add(p)
    k.sets()
    k.flush()


@scene
def expunge_loads_nothing(k: Stage) -> None:
    parent, child, p, _children = k.people(cascade="all")
    s = k.fresh()
    p = s.get(parent, 1)
    c = s.get(child, 1)
    s.expunge(p)
    k.states(p, c)
    c.parent  # noqa: B018
    s.expunge(c)
    k.states(c, c.parent)
    k.sets()


@scene
def expunge_without_cascade(k: Stage) -> None:
    _parent, _child, p, children = k.people()
    k.session.expunge(p)
    k.states(p, *children)
    k.sets()
    children[0].name = "x"
    k.attempt("flush", lambda: k.session.flush())


@scene
def expunge_meets_another(k: Stage) -> None:
    _parent, _child, p, children = k.people(cascade="all")
    s = k.session
    s.expunge(children[0])
    k.note("members first")
    s.expunge(p)
    k.states(p, *children)


@scene
def expunge_marked_deleted(k: Stage) -> None:
    _parent, _child, p, children = k.people(cascade="all")
    k.listen(*SESSION_EVENTS)
    k.session.delete(p)
    k.session.expunge(p)
    k.states(p, *children)
    k.sets()


@scene
def expunge_removed_member(k: Stage) -> None:
    _parent, _child, p, children = k.people(cascade="all")
    p.children.remove(children[0])
    k.session.expunge(p)
    k.states(p, *children)


@scene
def expire_cascades(k: Stage) -> None:
    _parent, child, p, children = k.people(cascade="save-update, refresh-expire")
    k.listen("expire", "refresh", *SESSION_EVENTS)
    new = child(id=9, name="new")
    k.named(new=new)
    p.children.append(new)
    children[0].name = "changed"
    k.note("expire")
    k.session.expire(p)
    k.loaded(p, *children)
    k.states(p, *children, new)
    k.sets()


@scene
def expire_without_cascade(k: Stage) -> None:
    _parent, _child, p, children = k.people()
    children[0].name = "changed"
    k.session.expire(p)
    k.loaded(p, *children)
    k.sets()
    k.tell([c.name for c in p.children])


@scene
def expire_the_relationship(k: Stage) -> None:
    _parent, child, p, children = k.people(cascade="all")
    k.listen("expire")
    held = p.children
    k.session.expire(p, ["children"])
    k.loaded(p, *children)
    k.tell(p.children is held, p.children)
    p.children.append(child(name="new"))
    k.session.expire(p, ["children", "name"])
    k.loaded(p)
    k.tell(len(p.children))
    k.session.expire(children[0], ["parent"])
    k.loaded(children[0])
    k.tell(children[0].parent)
    k.attempt("unknown", lambda: k.session.expire(p, ["nothing"]))


@scene
def refresh_cascades(k: Stage) -> None:
    _parent, child, p, children = k.people(cascade="save-update, refresh-expire")
    with k.engine.begin() as connection:
        connection.execute(k.sa.update(child.__table__).where(child.__table__.c.id == 1).values(name="c1x"))
    k.listen("expire", "refresh")
    new = child(id=9, name="new")
    k.named(new=new)
    with k.session.no_autoflush:
        p.children.append(new)
        k.note("refresh")
        k.session.refresh(p)
        k.loaded(p, *children)
        k.states(new)
        k.tell([c.name for c in p.children])


@scene
def refresh_the_relationship(k: Stage) -> None:
    _parent, child, p, children = k.people()
    with k.engine.begin() as connection:
        connection.execute(k.sa.update(child.__table__).where(child.__table__.c.id == 1).values(parent_id=None))
    k.listen("expire", "refresh")
    k.session.refresh(p, ["children"])
    k.loaded(p, *children)
    k.tell(p.children)
    k.session.refresh(children[0], ["parent", "parent_id"])
    k.tell(children[0].parent)
    k.session.refresh(children[1])
    k.loaded(children[1])
    k.tell(p.children)


@scene
def transient_again(k: Stage) -> None:
    _parent, _child, p, children = k.people(cascade="all")
    k.listen(*SESSION_EVENTS)
    k.orm.make_transient(p)
    k.states(p, *children)
    k.loaded(p)
    k.tell(p.children, p.id)
    p.id = 7
    p.name = "copy"
    k.note("add")
    k.session.add(p)
    k.states(p)
    k.flush()


@scene
def transient_graph_is_a_copy(k: Stage) -> None:
    parent, _child, p, children = k.people(cascade="all")
    k.session.expire(p)
    for c in children:
        c.name  # noqa: B018
        k.orm.make_transient(c)
        c.id, c.name = c.id + 10, c.name + "'"
    k.orm.make_transient(p)
    k.loaded(p)
    k.tell(p.name, p.children)
    copied = parent(id=2, name="copied", children=children)
    k.named(copied=copied)
    k.session.add(copied)
    k.flush()


@scene
def detached_from_nothing(k: Stage) -> None:
    parent, child, _p, _children = k.people(cascade="all")
    s = k.fresh()
    made = parent(id=1)
    c = child(id=1, parent=made)
    k.orm.make_transient_to_detached(made)
    k.orm.make_transient_to_detached(c)
    k.states(made, c)
    k.loaded(made, c)
    s.add(c)
    k.states(made, c)
    k.sets()
    k.tell(c.name, c.parent is made, made.name, [x.name for x in made.children])
    k.attempt("twice", lambda: k.orm.make_transient_to_detached(made))
    k.flush()


@scene
def detached_reads(k: Stage) -> None:
    parent, _child, p, _children = k.people()
    s = k.fresh()
    p = s.get(parent, 1)
    s.expire(p, ["name"])
    s.expunge(p)
    for key in ("name", "children"):
        _first_sentence(k, p, key)
    k.tell(p.id)
    p.name = "written"
    k.tell(p.name)


def _first_sentence(k: Stage, obj: object, key: str) -> None:
    """Read; note the error's first sentences, which both libraries share."""
    try:
        k.tell(getattr(obj, key))
    except k.orm_exc.DetachedInstanceError as error:
        words = str(error).split("\n")[0].split(" (Background")[0]
        k.log.append(["detached", words.split(" cannot proceed")[0].split("0x")[0]])


@scene
def modified_collections(k: Stage) -> None:
    parent, child, p, children = k.people()
    s = k.session
    k.tell(s.is_modified(p), p in s.dirty)
    p.children.append(children[0])
    p.children.pop()
    k.tell(s.is_modified(p), s.is_modified(p, include_collections=False), p in s.dirty)
    k.flush()
    p.children.remove(children[0])
    k.tell(s.is_modified(p), s.is_modified(p, include_collections=False), s.is_modified(children[0]))
    k.tell(s.is_modified(children[0], include_collections=False))
    k.sets()
    p.children.append(children[0])
    k.tell(s.is_modified(p), s.is_modified(children[0]))
    k.flush()
    children[0].parent = None
    k.tell(
        s.is_modified(p),
        s.is_modified(p, include_collections=False),
        s.is_modified(children[0], include_collections=False),
    )
    k.sets()
    k.flush()
    s.expire(p)
    child(id=8, name="eight", parent=p)
    k.tell(s.is_modified(p), s.is_modified(p, include_collections=False), p in s.dirty)
    k.tell(s.is_modified(parent(name="x")), s.is_modified(parent(children=[child()]), include_collections=False))


@scene
def autoflush_by_reading(k: Stage) -> None:
    parent, child, p, _children = k.people()
    s = k.fresh()
    p = s.get(parent, 1)
    s.add(child(id=9, name="nine", parent_id=1))
    with s.no_autoflush:
        k.tell(len(p.children))
    s.expire(p, ["children"])
    k.tell(len(p.children))
    s.autoflush = False
    s.add(child(id=10, name="ten", parent_id=1))
    s.expire(p, ["children"])
    k.tell(len(p.children), s.scalars(k.sa.select(child)).all().__len__())


@scene
def commit_expires(k: Stage) -> None:
    parent, child, p, _children = k.people(backref=True)
    s = k.fresh(expire_on_commit=True)
    p = s.get(parent, 1)
    held = p.children
    k.tell(len(held))
    s.commit()
    k.loaded(p, *held)
    k.tell(len(held), p.children is held, len(p.children))
    p.children.append(child(id=5, name="five"))
    k.commit()
    k.tell(len(p.children))


@scene
def commit_keeps(k: Stage) -> None:
    _parent, child, p, _children = k.people()
    held = p.children
    p.children.append(child(id=5, name="five"))
    k.commit()
    k.tell(p.children is held, len(held))
    k.history(p, "children")


@scene
def session_ends(k: Stage) -> None:
    parent, child, p, children = k.people()
    s = k.session
    s.add(child(id=9, name="new", parent=p))
    k.tell(k.orm.object_session(p) is s, k.orm.object_session(parent()))
    s.reset()
    k.states(p, *children)
    k.tell(s.in_transaction(), k.orm.object_session(p))
    s.add(p)
    k.sets()
    s.invalidate()
    k.states(p)
    if not k.is_lite:
        k.tell(s.get(parent, 1).name)


@scene
def copies(k: Stage) -> None:
    _parent, _child, p, _children = k.people(cascade="all")
    k.session.expunge_all()
    deep = k.deepcopied(p)
    k.tell(deep is p, [c.name for c in deep.children], [c.parent is deep for c in deep.children])
    k.tell([type(c).__name__ for c in deep.children], type(deep.children).__name__)
    k.states(deep)


@scene
def pickled_graph(k: Stage) -> None:
    parent, child, p, _children = k.people(cascade="all")
    back = k.pickled(p, parent, child)
    k.states(back, *back.children)
    k.loaded(back, *back.children)
    k.tell(back.name, [c.name for c in back.children], [c.parent is back for c in back.children])
    back.children.append(child(id=9, name="nine"))
    k.tell(back.children[-1].parent is back)
    back.children.remove(back.children[0])
    k.history(back, "children")
    s = k.fresh()
    s.add(back)
    k.sets()
    k.flush()


@scene
def pickled_and_merged(k: Stage) -> None:
    parent, child, p, children = k.people(cascade="all")
    p.children.remove(children[0])
    p.name = "changed"
    with k.session.no_autoflush:
        back = k.pickled(p, parent, child)
    k.history(back, "children", "name")
    s = k.fresh()
    merged = s.merge(back)
    k.history(merged, "children", "name")
    k.flush()


@scene
def pickled_transient(k: Stage) -> None:
    parent, child = k.family()
    k.start()
    p = parent(name="p", children=[child(name="a")])
    back = k.pickled(p, parent, child)
    k.states(back, *back.children)
    k.session.add(back)
    k.flush()
    k.tell(back.children[0].parent_id)


@scene
def refresh_with_eager_relationships(k: Stage) -> None:
    _parent, _child, p, children = k.people(lazy="selectin")
    children[0].name = "lost"
    k.session.expire(children[0])
    k.session.refresh(p)
    k.loaded(p)
    k.tell(p.children)


@scene
def merge_of_pending_warns(k: Stage) -> None:
    parent, child = k.family()
    k.start()
    with k.session.no_autoflush:
        given = parent(name="p")
        k.session.add(given)
        k.attempt("pending", lambda: k.session.merge(given) is given)
        k.attempt("member", lambda: k.session.merge(child(name="c", parent=given)).parent is given)
