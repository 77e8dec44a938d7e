"""The classes, the rows and the listeners of the golden logs of changes (cases_mutations.py)."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

EVENTS = (
    "append", "remove", "set", "bulk_replace", "append_wo_mutation", "init_collection", "dispose_collection",
    "init_scalar", "modified",
)  # fmt: skip
RELATIONS = (
    "User.posts User.notes User.card User.kids User.keys User.plain Post.user Post.tags Note.user Card.user Kid.user "
    "Key.user Plain.user Tag.posts Node.children Node.parent"
).split()


def make_family(library: str) -> dict[str, Any]:
    """Map the classes: one-to-many, one-to-one, many-to-many, set, dictionary, self-referential."""
    sa, orm = import_module(library), import_module(library + ".orm")
    base = orm.declarative_base()
    Column, Integer, String, ForeignKey = sa.Column, sa.Integer, sa.String, sa.ForeignKey
    relationship = orm.relationship
    links = sa.Table(
        "links", base.metadata, Column("post_id", ForeignKey("post.id")), Column("tag_id", ForeignKey("tag.id"))
    )

    class Named:
        id = Column(Integer, primary_key=True)
        name = Column(String(20))

    class User(Named, base):
        __tablename__ = "user"
        posts = relationship("Post", back_populates="user", order_by="Post.id")
        notes = relationship("Note", back_populates="user", cascade="all, delete-orphan", order_by="Note.id")
        card = relationship("Card", back_populates="user", uselist=False)
        kids = relationship("Kid", back_populates="user", collection_class=set)
        keys = relationship("Key", back_populates="user", collection_class=orm.attribute_keyed_dict("name"))
        plain = relationship("Plain", order_by="Plain.id")

    class Post(Named, base):
        __tablename__ = "post"
        user_id = Column(ForeignKey("user.id"))
        user = relationship("User", back_populates="posts")
        tags = relationship("Tag", secondary=links, back_populates="posts", order_by="Tag.id")

    class Note(Named, base):
        __tablename__ = "note"
        user_id = Column(ForeignKey("user.id"))
        user = relationship("User", back_populates="notes")

    class Card(Named, base):
        __tablename__ = "card"
        user_id = Column(ForeignKey("user.id"))
        user = relationship("User", back_populates="card")

    class Kid(Named, base):
        __tablename__ = "kid"
        user_id = Column(ForeignKey("user.id"))
        user = relationship("User", back_populates="kids")

    class Key(Named, base):
        __tablename__ = "key"
        user_id = Column(ForeignKey("user.id"))
        user = relationship("User", back_populates="keys")

    class Plain(Named, base):
        __tablename__ = "plain"
        user_id = Column(ForeignKey("user.id"))
        user = relationship("User", viewonly=True)

    class Tag(Named, base):
        __tablename__ = "tag"
        posts = relationship("Post", secondary=links, back_populates="tags", order_by="Post.id")

    class Node(Named, base):
        __tablename__ = "node"
        parent_id = Column(ForeignKey("node.id"))
        children = relationship("Node", back_populates="parent", order_by="Node.id")
        parent = relationship("Node", back_populates="children", remote_side="Node.id")

    found = {"base": base, "sa": sa, "orm": orm, "links": links}
    return found | {cls.__name__: cls for cls in (User, Post, Note, Card, Kid, Key, Plain, Tag, Node)}


class Stage:
    """A fresh database with a few rows, the classes, a session, and listeners on every relationship.

    Args:
        library: import name of the library, `pyorm` or the reference's.
        early: listen before the mappers are configured.
    """

    def __init__(self, library: str, *, early: bool = False) -> None:
        self.models = make_family(library)
        self.sa, self.orm = self.models["sa"], self.models["orm"]
        self.attributes = import_module(library + ".orm.attributes")
        self.log: list[str] = []
        self.watched: list[tuple[Any, str]] = []
        self.statements = 0
        if not early:
            self.orm.configure_mappers()
        self.listen()
        self.engine = self.sa.create_engine("sqlite://", poolclass=self.sa.StaticPool)
        self.models["base"].metadata.create_all(self.engine)
        self.fill()
        self.sa.event.listen(self.engine, "before_cursor_execute", self._count)
        self.session = self.orm.Session(self.engine)
        self.log.clear()

    def __getattr__(self, name: str) -> Any:
        try:
            return self.models[name]
        except KeyError:
            raise AttributeError(name) from None

    def fill(self) -> None:
        """Insert the rows every case begins with."""
        rows = {
            "user": [(1, "ann"), (2, "bob")],
            "tag": [(1, "red"), (2, "blue")],
            "node": [(1, "root", None), (2, "left", 1), (3, "right", 1)],
        }
        for table, prefix in (("post", "p"), ("note", "n"), ("kid", "k"), ("key", "y"), ("plain", "l")):
            rows[table] = [(1, prefix + "1", 1), (2, prefix + "2", 1), (3, prefix + "3", 2)]
        rows["card"] = [(1, "c1", 1), (2, "c2", 2)]
        with self.engine.begin() as connection:
            for name, values in rows.items():
                table = self.models["base"].metadata.tables[name]
                columns = [c.name for c in table.columns]
                order = ["id", "name", *(c for c in columns if c not in ("id", "name"))]
                connection.execute(table.insert(), [dict(zip(order, row, strict=False)) for row in values])
            connection.execute(self.links.insert(), [{"post_id": 1, "tag_id": 1}, {"post_id": 2, "tag_id": 1}])

    def listen(self) -> None:
        """Note every event of every relationship, on both sides."""
        for place in RELATIONS:
            cls, key = place.split(".")
            for name in EVENTS:
                self.sa.event.listen(getattr(self.models[cls], key), name, self._noter(place, name))

    def _noter(self, attribute: str, name: str) -> Callable[..., None]:
        def note(target: Any, *args: Any) -> None:
            if name in ("init_collection", "dispose_collection"):
                self.log.append(f"{name} {attribute} of {target.name}")
                return
            if name == "init_scalar":
                self.log.append(f"{name} {attribute} of {target.name}: {args[0]}")
                return
            *values, token = args
            if attribute == "User.kids" and name == "bulk_replace":
                values = [sorted(values[0], key=self.show)]  # the order of a set is nobody's promise
            shown = " ".join(self.show(value) for value in values)
            self.log.append(f"{name} {attribute} of {target.name}: {shown} by {token.key} {token.op.name}")

        return note

    def _count(self, *_: Any) -> None:
        self.statements += 1

    def show(self, value: Any) -> str:
        """Return a value as the log shows it: an object by its name, lists by their members."""
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(self.show(one) for one in value) + "]"
        name = getattr(value, "name", None)
        return str(name) if name is not None else repr(value)

    def watch(self, *pairs: tuple[Any, str]) -> None:
        """Note the history of these attributes at every step."""
        self.watched += pairs

    def step(self) -> None:
        """Note where everything stands."""
        passive = self.attributes.PASSIVE_NO_INITIALIZE | self.attributes.INCLUDE_PENDING_MUTATIONS
        for obj, key in self.watched:
            history = self.attributes.get_history(obj, key, passive)
            parts = [self.show(sorted(p, key=self.show) if key in ("kids", "keys") else list(p)) for p in history]
            self.log.append(f"  {obj.name}.{key} +{parts[0]} ={parts[1]} -{parts[2]}")
        names = {what: sorted(one.name for one in getattr(self.session, what)) for what in ("new", "dirty", "deleted")}
        modified = sorted(one.name for one in self.session.dirty if self.session.is_modified(one))
        self.log.append(f"  new {names['new']} dirty {names['dirty']} modified {modified} sql {self.statements}")

    def error(self, action: Callable[[], Any]) -> None:
        """Note which exception an action raises."""
        try:
            action()
        except Exception as error:  # every kind of refusal is part of the reference
            self.log.append(f"{type(error).__name__}: {re.sub('0x[0-9a-f]+', '0x', str(error))}")
        else:
            self.log.append("no error")
