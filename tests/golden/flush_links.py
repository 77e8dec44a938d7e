"""Golden flush cases: many-to-many, and association objects, with everything in memory."""

from __future__ import annotations

from typing import Any

from tests.golden.flush_kit import Kit, case


def posts_and_tags(k: Kit, back: bool = True, extra: tuple[Any, ...] = (), **options: Any) -> tuple[Any, Any]:
    """Map Post.tags (with these options) and, with `back`, Tag.posts."""
    secondary = k.link("post", "tag", *extra)
    tag_options: dict[str, Any] = {"name": k.text()}
    if back:
        tag_options["posts"] = k.orm.relationship("Post", secondary=secondary, back_populates="tags")
        options["back_populates"] = "posts"
    post = k.model(
        "Post", name=k.text(), tags=k.orm.relationship("Tag", secondary=secondary, **options)
    )
    return post, k.model("Tag", **tag_options)


def linked(k: Kit, **options: Any) -> tuple[Any, Any, list[Any]]:
    """Start with posts 1 (tags 1, 2) and 2 (tags 2, 3) in memory."""
    post, tag = posts_and_tags(k, **options)
    tags = [tag(id=i, name=f"t{i}") for i in (1, 2, 3)]
    p1, p2 = post(id=1, tags=tags[:2]), post(id=2, tags=tags[1:])
    k.start(p1, p2)
    return p1, p2, tags


@case
def m2m_new_graph(k: Kit) -> None:
    post, tag = posts_and_tags(k)
    s = k.start()
    a, b = tag(name="a"), tag(name="b")
    s.add(post(name="p", tags=[a, b]))
    s.add(post(name="q", tags=[b]))
    k.flush()


@case
def m2m_without_backref(k: Kit) -> None:
    post, tag = posts_and_tags(k, back=False)
    s = k.start()
    p = post(name="p", tags=[tag(name="a"), tag(name="b")])
    s.add(p)
    k.flush()
    p.tags = p.tags[1:]
    k.flush()


@case
def m2m_add_and_remove(k: Kit) -> None:
    p1, p2, tags = linked(k)
    p1.tags.remove(tags[0])
    p1.tags.append(tags[2])
    tags[0].posts.append(p2)
    k.flush()


@case
def m2m_remove_from_both_sides(k: Kit) -> None:
    p1, _p2, tags = linked(k)
    p1.tags.remove(tags[0])
    tags[1].posts.remove(p1)
    k.flush()


@case
def m2m_delete_one_side(k: Kit) -> None:
    p1, _p2, _tags = linked(k)
    k.session.delete(p1)
    k.flush()


@case
def m2m_delete_both_sides(k: Kit) -> None:
    p1, _p2, tags = linked(k)
    k.session.delete(p1)
    k.session.delete(tags[0])
    k.flush()


@case
def m2m_delete_cascade(k: Kit) -> None:
    p1, p2, _tags = linked(k, back=False, cascade="all, delete")
    p2.tags.clear()
    k.flush()
    k.session.delete(p1)
    k.flush()


@case
def m2m_delete_orphan(k: Kit) -> None:
    post, tag = posts_and_tags(k, back=False, cascade="all, delete-orphan", single_parent=True)
    p = post(id=1, tags=[tag(id=1), tag(id=2)])
    k.start(p)
    p.tags.remove(p.tags[0])
    k.flush()
    k.session.delete(p)
    k.flush()


@case
def m2m_extra_columns_with_defaults(k: Kit) -> None:
    extra = (
        k.sa.Column("weight", k.sa.Integer, default=5),
        k.sa.Column("rank", k.sa.Integer, server_default="7"),
    )
    post, tag = posts_and_tags(k, extra=extra)
    s = k.start()
    s.add(post(name="p", tags=[tag(name="a"), tag(name="b")]))
    k.flush()


@case
def m2m_row_that_is_gone(k: Kit) -> None:
    p1, _p2, tags = linked(k)
    with k.engine.begin() as connection:
        k.listening = False
        connection.exec_driver_sql("DELETE FROM post_tag WHERE post_id = 1")
        k.listening = True
    p1.tags.remove(tags[0])
    k.flush()


@case
def m2m_same_tag_twice(k: Kit) -> None:
    post, tag = posts_and_tags(k)
    s = k.start()
    a = tag(name="a")
    s.add(post(name="p", tags=[a, a]))
    k.flush()


@case
def m2m_viewonly(k: Kit) -> None:
    post, tag = posts_and_tags(k, back=False, viewonly=True)
    s = k.start()
    with k.watch("append"):
        p = post(name="p")
        p.tags.append(tag(name="a"))
        s.add(p)
        s.flush()


@case
def m2m_not_in_session(k: Kit) -> None:
    post, tag = posts_and_tags(k, cascade="")
    s = k.start()
    s.add(post(name="p", tags=[tag(name="a")]))
    k.flush()


@case
def m2m_passive_deletes(k: Kit) -> None:
    sa = k.sa
    secondary = sa.Table(
        "post_tag",
        k.Base.metadata,
        sa.Column("post_id", sa.ForeignKey("post.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("tag_id", sa.ForeignKey("tag.id", ondelete="CASCADE"), primary_key=True),
    )
    tag = k.model("Tag")
    post = k.model(
        "Post", tags=k.orm.relationship(tag, secondary=secondary, passive_deletes=True)
    )
    p = post(id=1, tags=[tag(id=1), tag(id=2)])
    k.start(p)
    k.session.delete(p)
    k.flush()


@case
def m2m_self(k: Kit) -> None:
    sa = k.sa
    edge = sa.Table(
        "edge",
        k.Base.metadata,
        sa.Column("from_id", sa.ForeignKey("node.id"), primary_key=True),
        sa.Column("to_id", sa.ForeignKey("node.id"), primary_key=True),
    )
    node = k.model("Node", name=k.text())
    node.next = k.orm.relationship(
        node,
        secondary=edge,
        primaryjoin=node.id == edge.c.from_id,
        secondaryjoin=node.id == edge.c.to_id,
        backref="before",
    )
    s = k.start()
    a, b, c = node(name="a"), node(name="b"), node(name="c")
    a.next = [b, c]
    b.next = [a, b]
    s.add_all([a, b, c])
    k.flush()
    a.next.remove(b)
    c.before.append(b)
    k.flush()
    s.delete(a)
    k.flush()


@case
def m2m_set_collection(k: Kit) -> None:
    post, tag = posts_and_tags(k, back=False, collection_class=set)
    s = k.start()
    a, b = tag(id=1), tag(id=2)
    s.add_all([a, b])
    s.flush()
    p = post(id=1, tags={a, b})
    s.add(p)
    k.flush()
    p.tags.discard(a)
    k.flush()


@case
def m2m_composite_keys(k: Kit) -> None:
    sa = k.sa
    secondary = sa.Table(
        "left_right",
        k.Base.metadata,
        sa.Column("la", sa.Integer, primary_key=True),
        sa.Column("lb", sa.Integer, primary_key=True),
        sa.Column("right_id", sa.ForeignKey("right.id"), primary_key=True),
        sa.ForeignKeyConstraint(["la", "lb"], ["left.a", "left.b"]),
    )
    left = k.model("Left", keyless=True, a=k.number(primary_key=True), b=k.number(primary_key=True))
    right = k.model("Right", lefts=k.orm.relationship(left, secondary=secondary))
    s = k.start()
    r = right(id=1, lefts=[left(a=1, b=2), left(a=1, b=1)])
    s.add(r)
    k.flush()
    s.delete(r)
    k.flush()


@case
def association_object(k: Kit) -> None:
    order = k.model(
        "Orders",
        lines=k.orm.relationship("Line", back_populates="order", cascade="all, delete-orphan"),
    )
    item = k.model("Item", name=k.text())
    line = k.model(
        "Line",
        keyless=True,
        order_id=k.key("orders.id", primary_key=True),
        item_id=k.key("item.id", primary_key=True),
        amount=k.number(),
        order=k.orm.relationship("Orders", back_populates="lines"),
        item=k.orm.relationship("Item"),
    )
    s = k.start()
    a, b = item(name="a"), item(name="b")
    o = order(lines=[line(item=a, amount=1), line(item=b, amount=2)])
    s.add(o)
    k.flush()
    o.lines.remove(o.lines[0])
    k.flush()
    s.delete(o)
    k.flush()


@case
def m2m_both_ends_pending_and_deleted(k: Kit) -> None:
    p1, p2, tags = linked(k)
    tag, post = type(tags[0]), type(p1)
    k.session.add(post(id=3, tags=[tags[0], tag(id=4)]))
    k.session.delete(p2)
    p1.tags = []
    k.flush()
