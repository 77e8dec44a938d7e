"""Golden flush cases: keys that change, rows that are taken over, versions, values made by SQL, failures."""

from __future__ import annotations

from typing import Any

from tests.golden.flush_kit import Kit, case


def named(k: Kit, onupdate: str | None = None, both: bool = False, **options: Any) -> tuple[Any, Any]:
    """Map Country (key: its code) and City with a foreign key to the code."""
    country = k.model(
        "Country", keyless=True, code=k.text(primary_key=True), label=k.text(),
        cities=k.orm.relationship(
            "City", order_by="City.id", **({"back_populates": "country"} if both else {}), **options
        ),
    )  # fmt: skip
    members: dict[str, Any] = {
        "code": k.key("country.code", k.sa.String(20), onupdate=onupdate),
        "name": k.text(),
    }
    if both:
        members["country"] = k.orm.relationship("Country", back_populates="cities", **options)
    return country, k.model("City", **members)


@case
def row_switch(k: Kit) -> None:
    item = k.model("Item", name=k.text(), size=k.number())
    old = item(id=1, name="old", size=1)
    s = k.start(old)
    s.delete(old)
    s.add(item(id=1, name="new"))
    k.flush()


@case
def row_switch_with_children(k: Kit) -> None:
    parent = k.model(
        "Parent", name=k.text(),
        children=k.orm.relationship("Child", cascade="all, delete-orphan"),
    )  # fmt: skip
    child = k.model("Child", parent_id=k.key("parent.id"), name=k.text())
    old = parent(id=1, name="old", children=[child(id=1, name="a"), child(id=2, name="b")])
    s = k.start(old)
    s.delete(old)
    s.add(parent(id=1, name="new", children=[child(id=1, name="c"), child(id=3, name="d")]))
    k.flush()


@case
def row_switch_many_to_many(k: Kit) -> None:
    secondary = k.link("post", "tag")
    post = k.model("Post", name=k.text(), tags=k.orm.relationship("Tag", secondary=secondary))
    tag = k.model("Tag")
    tags = [tag(id=1), tag(id=2)]
    old = post(id=1, name="old", tags=tags)
    s = k.start(old)
    s.delete(old)
    s.add(post(id=1, name="new", tags=tags[1:]))
    k.flush()


@case
def key_change_passive(k: Kit) -> None:
    country, city = named(k, onupdate="CASCADE", both=True)
    c = country(code="a", label="A", cities=[city(id=1, name="x"), city(id=2, name="y")])
    k.start(c)
    c.code = "b"
    k.flush()
    k.note([x.code for x in c.cities])


@case
def key_change_passive_with_dirty_child(k: Kit) -> None:
    country, city = named(k, onupdate="CASCADE")
    c = country(code="a", label="A", cities=[city(id=1, name="x"), city(id=2, name="y")])
    k.start(c)
    c.code = "b"
    c.cities[0].name = "renamed"
    k.flush()


@case
def key_change_active(k: Kit) -> None:
    country, city = named(k, passive_updates=False)
    c = country(code="a", label="A", cities=[city(id=1, name="x"), city(id=2, name="y")])
    if k.is_lite:  # PostgreSQL has no way to leave the constraint out
        k.start(c, keys=False)
        c.code = "b"
        k.flush()
    else:
        k.start()


@case
def key_change_many_to_one_active(k: Kit) -> None:
    country = k.model("Country", keyless=True, code=k.text(primary_key=True), label=k.text())
    city = k.model(
        "City", code=k.text(), name=k.text(),
        country=k.orm.relationship(
            "Country", passive_updates=False, primaryjoin="foreign(City.code) == Country.code"
        ),
    )  # fmt: skip
    c = country(code="a")
    cities = [city(id=1, country=c), city(id=2, country=c)]
    k.start(*cities)
    c.code = "b"
    k.flush()
    k.note([x.code for x in cities])


@case
def key_change_many_to_many_active(k: Kit) -> None:
    sa = k.sa
    secondary = sa.Table(
        "post_tag",
        k.Base.metadata,
        sa.Column("post_name", sa.String(20), primary_key=True),
        sa.Column("tag_id", sa.Integer, primary_key=True),
    )
    tag = k.model("Tag")
    post = k.model("Post", keyless=True, name=k.text(primary_key=True))
    post.tags = k.orm.relationship(
        tag,
        secondary=secondary,
        primaryjoin=post.name == sa.orm.foreign(secondary.c.post_name),
        secondaryjoin=tag.id == sa.orm.foreign(secondary.c.tag_id),
        passive_updates=False,
    )
    p = post(name="a", tags=[tag(id=1), tag(id=2)])
    k.start(p)
    p.name = "b"
    k.flush()
    p.name = "c"
    p.tags.remove(p.tags[0])
    k.flush()


@case
def key_change_of_shared_key(k: Kit) -> None:
    owner = k.model(
        "Owner", keyless=True, code=k.text(primary_key=True),
        card=k.orm.relationship("Card", uselist=False, back_populates="owner"),
    )  # fmt: skip
    card = k.model(
        "Card",
        keyless=True,
        code=k.key("owner.code", k.sa.String(20), onupdate="CASCADE", primary_key=True),
        note=k.text(),
        owner=k.orm.relationship("Owner", back_populates="card"),
    )
    o = owner(code="a", card=card(note="n"))
    k.start(o)
    o.code = "b"
    k.flush()
    k.note(o.card.code, k.sa.inspect(o.card).identity)
    o.code = "c"
    o.card.note = "m"
    k.flush()
    k.note(o.card.code, k.sa.inspect(o.card).identity)


@case
def version_counts_along_graph(k: Kit) -> None:
    column = k.number(nullable=False)
    parent = k.model(
        "Parent", name=k.text(), version=column, __mapper_args__={"version_id_col": column},
        children=k.orm.relationship("Child", cascade="all, delete-orphan"),
    )  # fmt: skip
    child = k.model("Child", parent_id=k.key("parent.id"))
    p = parent(id=1, name="p", children=[child(id=1)])
    s = k.start(p)
    p.children.append(child(id=2))
    k.flush()
    k.note(p.version)
    p.name = "q"
    k.flush()
    k.note(p.version)
    s.delete(p)
    k.flush()


@case
def version_stale_on_update_and_delete(k: Kit) -> None:
    column = k.number(nullable=False)
    parent = k.model(
        "Parent", name=k.text(), version=column, __mapper_args__={"version_id_col": column},
        children=k.orm.relationship("Child", cascade="all, delete-orphan"),
    )  # fmt: skip
    child = k.model("Child", parent_id=k.key("parent.id"))
    p = parent(id=1, name="p", children=[child(id=1)])
    s = k.start(p)
    k.listening = False
    with k.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE parent SET version = 8")
    k.listening = True
    p.name = "q"
    p.children.append(child(id=2))
    k.flush()
    s.rollback()
    k.note(len(s.new))


@case
def values_made_by_sql(k: Kit) -> None:
    parent = k.model(
        "Parent", name=k.text(), size=k.number(), children=k.orm.relationship("Child")
    )
    child = k.model("Child", parent_id=k.key("parent.id"), size=k.number())
    p = parent(id=1, name="p", size=1, children=[child(id=3)])
    s = k.start(p)
    p.size = parent.size + 1
    p.children.append(child(id=1, size=k.sa.select(k.sa.func.count(parent.id)).scalar_subquery()))
    p.children.append(child(id=2, size=5))
    s.flush()


@case
def mixed_graph(k: Kit) -> None:
    shop = k.model("Shop", name=k.text(), shelves=k.orm.relationship(
        "Shelf", back_populates="shop", cascade="all, delete-orphan"))  # fmt: skip
    secondary = k.link("shelf", "label")
    shelf = k.model(
        "Shelf", shop_id=k.key("shop.id"), name=k.text(),
        shop=k.orm.relationship("Shop", back_populates="shelves"),
        labels=k.orm.relationship("Label", secondary=secondary),
    )  # fmt: skip
    label = k.model("Label", name=k.text())
    labels = [label(id=1, name="a"), label(id=2, name="b"), label(id=3, name="c")]
    shelves = [shelf(id=i, name=f"s{i}", labels=labels[:2]) for i in (1, 2, 3)]
    one = shop(id=1, name="one", shelves=shelves)
    s = k.start(one, *labels)
    two = shop(id=2, name="two")
    s.add(two)
    shelves[0].shop = two
    one.shelves.remove(shelves[1])
    shelves[2].name = "third"
    shelves[2].labels.append(labels[2])
    two.shelves.append(shelf(id=4, name="s4", labels=[labels[0]]))
    s.delete(labels[1])
    for one_shelf in (shelves[0], shelves[2]):
        one_shelf.labels.remove(labels[1])
    k.flush()


@case
def failure_leaves_graph_pending(k: Kit) -> None:
    parent = k.model("Parent", name=k.text(), children=k.orm.relationship("Child"))
    child = k.model("Child", parent_id=k.key("parent.id"), name=k.text(unique=True))
    s = k.start()
    p = parent(id=1, name="p", children=[child(id=i, name=n) for i, n in enumerate("aba", 1)])
    s.add(p)
    k.note("flush")
    try:
        s.flush()
    except k.exc.IntegrityError as error:
        k.note(k.kind(error))
    s.rollback()
    k.note(p in s, len(p.children), len(s.new))
    k.listening = False
    p.children[2].name = "c"
    s.add(p)
    k.commit()


@case
def savepoint_gives_graph_back(k: Kit) -> None:
    parent = k.model(
        "Parent", name=k.text(), children=k.orm.relationship("Child", back_populates="parent")
    )
    child = k.model(
        "Child", parent_id=k.key("parent.id"), name=k.text(),
        parent=k.orm.relationship("Parent", back_populates="children"),
    )  # fmt: skip
    s = k.start()
    p = parent(name="p", children=[child(name="a")])
    s.add(p)
    k.flush()
    nested = s.begin_nested()
    extra = child(name="b", parent=p)
    s.add(extra)
    k.flush()
    nested.rollback()
    k.note(extra in s, k.sa.inspect(extra).transient)
    k.commit()


@case
def two_bases_in_add_order(k: Kit) -> None:
    first, second = k.model("First", name=k.text()), k.model("Second", name=k.text())
    s = k.start()
    s.add_all([first(name="a"), first(name="b"), first(name=None)])
    k.flush()
    s.add_all([second(name="c"), second(name="d")])
    k.flush()


@case
def updates_before_inserts(k: Kit) -> None:
    parent = k.model("Parent", name=k.text(), children=k.orm.relationship("Child"))
    child = k.model("Child", parent_id=k.key("parent.id"), name=k.text())
    p = parent(id=1, name="p", children=[child(id=i, name=f"c{i}") for i in (2, 1, 3)])
    s = k.start(p)
    p.children.append(child(id=4, name="new"))
    for one in reversed(p.children[:3]):
        one.name += "x"
    s.add(parent(id=2, name="q", children=[child(id=5)]))
    k.flush()
