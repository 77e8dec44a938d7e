"""The classes of the golden cases of association proxies and ordering lists."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any


def make(library: str) -> SimpleNamespace:
    """Map a user with proxies of every kind, and a slide with a list that numbers its bullets."""
    sa, orm = import_module(library), import_module(library + ".orm")
    proxy = import_module(library + ".ext.associationproxy").association_proxy
    ordering_list = import_module(library + ".ext.orderinglist").ordering_list
    Base: Any = orm.declarative_base()
    Column, Integer, String, ForeignKey = sa.Column, sa.Integer, sa.String, sa.ForeignKey
    relationship = orm.relationship

    class User(Base):
        __tablename__ = "u"
        id = Column(Integer, primary_key=True)
        name = Column(String)
        kw_links = relationship("Link", back_populates="user", cascade="all, delete-orphan")
        keywords = proxy("kw_links", "keyword", creator=lambda keyword: Link(keyword=keyword))
        keywords_rel = relationship("Keyword", secondary=lambda: pairs)
        words = proxy("keywords_rel", "word", creator=lambda word: Keyword(word=word))
        tagset_rel = relationship("Keyword", secondary=lambda: tags, collection_class=set)
        tagset = proxy("tagset_rel", "word", creator=lambda word: Keyword(word=word))
        notes_rel = relationship("Note", collection_class=orm.attribute_keyed_dict("key"), cascade="all, delete-orphan")
        notes = proxy("notes_rel", "text", creator=lambda key, text: Note(key=key, text=text))
        profile = relationship("Profile", uselist=False, back_populates="user", cascade="all, delete-orphan")
        bio = proxy("profile", "bio", creator=lambda bio: Profile(bio=bio))
        bio2 = proxy("profile", "bio", creator=lambda bio: Profile(bio=bio), cascade_scalar_deletes=True)
        bio3 = proxy("profile", "bio", creator=lambda bio: Profile(bio=bio), create_on_none_assignment=True)
        kwords = proxy("kw_links", "kword")
        nothing = proxy("kw_links", "nope")
        bad = proxy("name", "x")

        def __repr__(self) -> str:
            return f"User({self.name})"

    class Link(Base):
        __tablename__ = "uk"
        uid = Column(ForeignKey("u.id"), primary_key=True)
        kid = Column(ForeignKey("k.id"), primary_key=True)
        special = Column(String)
        user = relationship(User, back_populates="kw_links")
        keyword = relationship("Keyword")
        kword = proxy("keyword", "word")

    class Keyword(Base):
        __tablename__ = "k"
        id = Column(Integer, primary_key=True)
        word = Column(String)

        def __repr__(self) -> str:
            return f"K({self.word})"

    class Note(Base):
        __tablename__ = "n"
        id = Column(Integer, primary_key=True)
        uid = Column(ForeignKey("u.id"))
        key = Column(String)
        text = Column(String)

    class Profile(Base):
        __tablename__ = "p"
        id = Column(Integer, primary_key=True)
        uid = Column(ForeignKey("u.id"))
        bio = Column(String)
        user = relationship(User, back_populates="profile")
        uname = proxy("user", "name")
        ukeywords = proxy("user", "keywords")
        ulinks = proxy("user", "kw_links")

    pairs = sa.Table("uk2", Base.metadata, Column("u", ForeignKey("u.id")), Column("k", ForeignKey("k.id")))
    tags = sa.Table("uk3", Base.metadata, Column("u", ForeignKey("u.id")), Column("k", ForeignKey("k.id")))

    def slides(**options: Any) -> tuple[Any, Any]:
        """Map a slide whose bullets are numbered with these options; return both classes."""
        base: Any = orm.declarative_base()

        class Slide(base):
            __tablename__ = "slide"
            id = Column(Integer, primary_key=True)
            bullets = relationship(
                "Bullet", order_by="Bullet.pos", back_populates="slide",
                collection_class=ordering_list("pos", **options),
            )  # fmt: skip

        class Bullet(base):
            __tablename__ = "bullet"
            id = Column(Integer, primary_key=True)
            name = Column(String)
            pos = Column(Integer)
            slide_id = Column(ForeignKey("slide.id"))
            slide = relationship(Slide, back_populates="bullets")

            def __repr__(self) -> str:
                return f"{self.name}@{self.pos}"

        return Slide, Bullet

    found = SimpleNamespace(sa=sa, orm=orm, Base=Base, slides=slides)
    for cls in (User, Link, Keyword, Note, Profile):
        setattr(found, cls.__name__, cls)
    return found
