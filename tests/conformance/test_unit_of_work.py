"""What a flush promises: batches, versions, counts, keys that change, values made by SQL."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

import pyorm
from pyorm import JSON, Column, FetchedValue, ForeignKey, String, Table, event, inspect, null, select, text
from pyorm.engine import Engine
from pyorm.exc import IntegrityError, InvalidRequestError, SAWarning
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from pyorm.orm.exc import StaleDataError


def base() -> type[DeclarativeBase]:
    return type("Base", (DeclarativeBase,), {})


def open_session(engine: Engine, made: Any) -> Session:
    made.metadata.create_all(engine)
    return Session(engine)


def sent(engine: Engine, first: str) -> list[tuple[str, Any]]:
    """The statements that begin with a word, with their parameters, from now on."""
    seen: list[tuple[str, Any]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_c: Any, _k: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        if statement.startswith(first):
            seen.append((statement, parameters))

    return seen


# --- batches -----------------------------------------------------------------------------------


@pytest.mark.feature("SES10")
def test_rows_of_one_shape_are_one_statement(engine: Engine) -> None:
    Base = base()

    class Item(Base):
        __tablename__ = "items"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        size: Mapped[int | None]

    inserts, updates = sent(engine, "INSERT"), sent(engine, "UPDATE")
    with open_session(engine, Base) as session:
        items = [Item(name=f"i{i}") for i in range(50)]
        session.add_all(items)
        session.flush()
        assert len(inserts) == 1 and [i.id for i in items] == list(range(1, 51))

        for item in items[:20]:
            item.size = item.id
        items[30].name = "other"
        session.flush()
        assert len(updates) == 2 and len(updates[0][1]) == 20
        session.commit()
        assert session.scalars(select(Item.size).where(Item.size.is_not(None))).all() == list(range(1, 21))


# --- versions ------------------------------------------------------------------------------------


@pytest.mark.feature("SES26")
def test_versions_are_counted_and_compared(engine: Engine) -> None:
    Base = base()

    class Page(Base):
        __tablename__ = "pages"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str]
        version: Mapped[int] = mapped_column()
        __mapper_args__ = {"version_id_col": version}

    with open_session(engine, Base) as session:
        page = Page(id=1, text="a")
        session.add(page)
        session.commit()
        assert page.version == 1
        page.text = "a"
        session.commit()
        assert page.version == 1

        updates, deletes = sent(engine, "UPDATE"), sent(engine, "DELETE")
        page.text = "b"
        session.commit()
        assert page.version == 2 and tuple(updates[0][1]) == ("b", 2, 1, 1)
        session.delete(page)
        session.commit()
        assert tuple(deletes[0][1]) == (1, 2)


@pytest.mark.feature("SES26")
def test_stale_row_is_an_error_for_update_and_delete(engine: Engine) -> None:
    Base = base()

    class Page(Base):
        __tablename__ = "pages"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str]
        version: Mapped[int] = mapped_column()
        __mapper_args__ = {"version_id_col": version}

    with open_session(engine, Base) as session:
        session.add_all([Page(id=1, text="a"), Page(id=2, text="b")])
        session.commit()
        one, two = session.get_one(Page, 1), session.get_one(Page, 2)
        session.execute(text("UPDATE pages SET version = 9"))
        one.text = "mine"
        with pytest.raises(StaleDataError, match="expected to update 1 row"):
            session.flush()
        session.rollback()

        two = session.get_one(Page, 2)
        session.execute(text("UPDATE pages SET version = 9"))
        session.delete(two)
        with pytest.raises(StaleDataError, match="expected to delete 1 row"):
            session.flush()
        session.rollback()
        assert (one.version, one.text) == (1, "a")


@pytest.mark.feature("SES26")
def test_versions_may_be_made_by_a_function(engine: Engine) -> None:
    Base = base()

    class Page(Base):
        __tablename__ = "pages"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str | None]
        version: Mapped[str] = mapped_column(String(32))
        __mapper_args__ = {
            "version_id_col": version,
            "version_id_generator": lambda version: uuid.uuid4().hex,
        }

    with open_session(engine, Base) as session:
        page = Page(id=1)
        session.add(page)
        session.commit()
        first = page.version
        page.text = "a"
        session.commit()

        assert len(first) == 32 and page.version not in (first, None)


@pytest.mark.feature("SES26")
def test_versions_may_be_the_servers(engine: Engine) -> None:
    Base = base()
    is_lite = engine.dialect.name == "sqlite"

    class Page(Base):
        __tablename__ = "pages"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str | None]
        if is_lite:
            version = mapped_column(pyorm.Integer, server_default=text("1"), server_onupdate=FetchedValue())
        else:
            version = mapped_column("xmin", String, system=True, server_default=FetchedValue())
        __mapper_args__ = {"version_id_col": version, "version_id_generator": False}

    with open_session(engine, Base) as session:
        if is_lite:
            session.execute(
                text(
                    "CREATE TRIGGER counting AFTER UPDATE OF text ON pages BEGIN "
                    "UPDATE pages SET version = old.version + 1 WHERE id = old.id; END"
                )
            )
        page = Page(id=1)
        session.add(page)
        session.commit()
        first = page.version
        page.text = "a"
        session.commit()
        if is_lite:  # RETURNING has the row before its triggers: the trigger's value is read
            session.refresh(page)
        assert first is not None and page.version != first

        session.execute(text("UPDATE pages SET text = 'other'"))
        if not is_lite:
            session.commit()
            page.version  # noqa: B018 - loads it
            session.execute(text("UPDATE pages SET text = 'again'"))
        page.text = "mine"
        with pytest.raises(StaleDataError):
            session.flush()


# --- counts ----------------------------------------------------------------------------------------


@pytest.mark.feature("SES27")
def test_deleted_rows_are_counted(engine: Engine) -> None:
    Base = base()

    class Item(Base):
        __tablename__ = "items"
        id: Mapped[int] = mapped_column(primary_key=True)

    class Quiet(Base):
        __tablename__ = "quiet"
        id: Mapped[int] = mapped_column(primary_key=True)
        __mapper_args__ = {"confirm_deleted_rows": False}

    with open_session(engine, Base) as session:
        item, quiet = Item(id=1), Quiet(id=1)
        session.add_all([item, quiet])
        session.commit()
        assert item.id == quiet.id
        session.execute(text("DELETE FROM items"))
        session.execute(text("DELETE FROM quiet"))
        session.delete(quiet)
        session.flush()
        session.delete(item)
        with pytest.warns(SAWarning, match="expected to delete 1 row.* 0 were matched"):
            session.flush()


@pytest.mark.feature("SES27")
def test_updated_rows_are_counted(engine: Engine) -> None:
    Base = base()

    class Item(Base):
        __tablename__ = "items"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str | None]

    with open_session(engine, Base) as session:
        items = [Item(id=i) for i in (1, 2)]
        session.add_all(items)
        session.commit()
        assert [i.id for i in items] == [1, 2]
        session.execute(text("DELETE FROM items WHERE id = 2"))
        for item in items:
            item.name = "x"
        with pytest.raises(StaleDataError, match=r"expected to update 2 row.* 1 were matched"):
            session.flush()


# --- keys that change -----------------------------------------------------------------------------


def countries(Base: Any, passive: bool) -> tuple[Any, Any]:
    class Country(Base):
        __tablename__ = "countries"
        code: Mapped[str] = mapped_column(String(5), primary_key=True)
        cities: Mapped[list[Any]] = relationship("City", passive_updates=passive, order_by="City.id")

    class City(Base):
        __tablename__ = "cities"
        id: Mapped[int] = mapped_column(primary_key=True)
        code: Mapped[str | None] = mapped_column(
            ForeignKey("countries.code", onupdate="CASCADE" if passive else None,
                       deferrable=True, initially="DEFERRED")
        )

    return Country, City


@pytest.mark.feature("SES28")
@pytest.mark.feature("REL09")
@pytest.mark.parametrize("passive", [True, False])
def test_changed_key_is_followed(engine: Engine, passive: bool) -> None:
    Base = base()
    Country, City = countries(Base, passive)
    updates = sent(engine, "UPDATE")
    with open_session(engine, Base) as session:
        if engine.dialect.name == "sqlite":
            session.execute(text("PRAGMA foreign_keys = ON"))
            session.commit()
        country = Country(code="a", cities=[City(id=1), City(id=2)])
        session.add(country)
        session.commit()
        if engine.dialect.name == "sqlite" and passive:
            session.execute(text("PRAGMA foreign_keys = ON"))
        cities = list(country.cities)
        country.code = "b"
        session.flush()

        assert [c.code for c in cities] == ["b", "b"]
        assert inspect(country).identity == ("b",)
        assert session.get(Country, "b") is country and session.get(Country, "a") is None
        assert len(updates) == (1 if passive else 2)
        session.rollback()
        assert inspect(country).identity == ("a",) and country.code == "a"


# --- what the database does --------------------------------------------------------------------------


@pytest.mark.feature("REL09")
@pytest.mark.parametrize("passive", [True, "all", False])
def test_passive_deletes_leave_rows_to_the_database(engine: Engine, passive: Any) -> None:
    Base = base()
    cascade = "save-update, merge" if passive == "all" else "all, delete"

    class Parent(Base):
        __tablename__ = "parents"
        id: Mapped[int] = mapped_column(primary_key=True)
        children: Mapped[list[Any]] = relationship("Child", passive_deletes=passive, cascade=cascade)

    class Child(Base):
        __tablename__ = "children"
        id: Mapped[int] = mapped_column(primary_key=True)
        parent_id: Mapped[int | None] = mapped_column(ForeignKey("parents.id", ondelete="CASCADE"))

    with open_session(engine, Base) as session:
        session.add(Parent(id=1, children=[Child(id=1), Child(id=2)]))
        session.commit()
        session.expunge_all()
        if engine.dialect.name == "sqlite":
            session.execute(text("PRAGMA foreign_keys = ON"))
        selects, deletes = sent(engine, "SELECT"), sent(engine, "DELETE")
        session.delete(session.get_one(Parent, 1))
        session.flush()

        assert len(selects) == (2 if passive is False else 1)
        assert len(deletes) == (2 if passive is False else 1)
        assert session.scalars(select(Child)).all() == []


# --- one parent, one child -------------------------------------------------------------------------------


@pytest.mark.feature("REL12")
def test_single_parent_is_kept_and_its_orphan_goes(engine: Engine) -> None:
    Base = base()
    links = Table(
        "links",
        Base.metadata,
        Column("left_id", ForeignKey("lefts.id"), primary_key=True),
        Column("right_id", ForeignKey("rights.id"), primary_key=True),
    )

    class Left(Base):
        __tablename__ = "lefts"
        id: Mapped[int] = mapped_column(primary_key=True)
        rights: Mapped[list[Any]] = relationship(
            "Right", secondary=links, single_parent=True, cascade="all, delete-orphan"
        )

    class Right(Base):
        __tablename__ = "rights"
        id: Mapped[int] = mapped_column(primary_key=True)

    with open_session(engine, Base) as session:
        one, two = Left(rights=[Right(), Right()]), Left()
        session.add_all([one, two])
        with pytest.raises(InvalidRequestError, match="only allowed a single parent"):
            two.rights.append(one.rights[0])
        session.commit()
        one.rights.pop()
        session.commit()
        assert len(session.scalars(select(Right)).all()) == 1


@pytest.mark.feature("REL12")
def test_orphans_of_many_parents_are_refused() -> None:
    Base = base()

    class Right(Base):
        __tablename__ = "rights"
        id: Mapped[int] = mapped_column(primary_key=True)

    class Left(Base):
        __tablename__ = "lefts"
        id: Mapped[int] = mapped_column(primary_key=True)
        right_id: Mapped[int] = mapped_column(ForeignKey("rights.id"))
        right: Mapped[Any] = relationship(Right, cascade="all, delete-orphan")

    try:
        with pytest.raises(pyorm.exc.ArgumentError, match="single_parent"):
            Base.registry.configure()
    finally:
        Base.registry.dispose()


@pytest.mark.feature("REL14")
@pytest.mark.parametrize("orphans", [True, False])
@pytest.mark.parametrize("loaded", [True, False])
def test_one_to_one_is_replaced(engine: Engine, orphans: bool, loaded: bool) -> None:
    Base = base()

    class Owner(Base):
        __tablename__ = "owners"
        id: Mapped[int] = mapped_column(primary_key=True)
        card: Mapped[Any] = relationship(
            "Card", uselist=False, back_populates="owner",
            cascade="all, delete-orphan" if orphans else "save-update, merge",
        )  # fmt: skip

    class Card(Base):
        __tablename__ = "cards"
        id: Mapped[int] = mapped_column(primary_key=True)
        owner_id: Mapped[int | None] = mapped_column(ForeignKey("owners.id"))
        owner: Mapped[Any] = relationship("Owner", back_populates="card")

    with open_session(engine, Base) as session:
        owner = Owner(card=Card())
        session.add(owner)
        session.commit()
        old = owner.card if loaded else None
        owner.card = new = Card()
        session.commit()

        cards = session.scalars(select(Card).order_by(Card.id)).all()
        assert owner.card is new and new.owner is owner
        assert [c.owner_id for c in cards] == ([owner.id] if orphans else [None, owner.id])
        if loaded and orphans:
            assert inspect(old).detached
        owner.card = None
        session.commit()
        assert owner.card is None
        assert len(session.scalars(select(Card)).all()) == (0 if orphans else 2)


@pytest.mark.feature("REL13")
def test_rows_that_need_each_other_take_a_second_update(engine: Engine) -> None:
    Base = base()

    class Widget(Base):
        __tablename__ = "widgets"
        id: Mapped[int] = mapped_column(primary_key=True)
        best_id: Mapped[int | None] = mapped_column(ForeignKey("entries.id", use_alter=True, name="fk_best"))
        entries: Mapped[list[Any]] = relationship("Entry", foreign_keys="Entry.widget_id", cascade="all")
        best: Mapped[Any] = relationship("Entry", foreign_keys=best_id, post_update=True)

    class Entry(Base):
        __tablename__ = "entries"
        id: Mapped[int] = mapped_column(primary_key=True)
        widget_id: Mapped[int] = mapped_column(ForeignKey("widgets.id"))

    with open_session(engine, Base) as session:
        widget = Widget(entries=[Entry(), Entry()])
        widget.best = widget.entries[1]
        session.add(widget)
        session.commit()
        assert widget.best_id == widget.entries[1].id

        widget.best = widget.entries[0]
        session.commit()
        assert widget.best_id == widget.entries[0].id

        session.delete(widget)
        session.commit()
        assert session.scalars(select(Entry)).all() == []


@pytest.mark.feature("REL19")
def test_rows_between_two_objects_have_values_of_their_own(engine: Engine) -> None:
    Base = base()

    class Link(Base):
        __tablename__ = "links"
        left_id: Mapped[int] = mapped_column(ForeignKey("lefts.id"), primary_key=True)
        right_id: Mapped[int] = mapped_column(ForeignKey("rights.id"), primary_key=True)
        note: Mapped[str | None]
        left: Mapped[Any] = relationship("Left", back_populates="links")
        right: Mapped[Any] = relationship("Right", back_populates="links")

    class Left(Base):
        __tablename__ = "lefts"
        id: Mapped[int] = mapped_column(primary_key=True)
        links: Mapped[list[Link]] = relationship(back_populates="left", cascade="all, delete-orphan")

    class Right(Base):
        __tablename__ = "rights"
        id: Mapped[int] = mapped_column(primary_key=True)
        links: Mapped[list[Link]] = relationship(back_populates="right")

    with open_session(engine, Base) as session:
        left = Left()
        for name in "ab":
            left.links.append(Link(note=name, right=Right()))
        session.add(left)
        session.commit()
        assert [(k.note, k.right.id, k.left_id) for k in left.links] == [("a", 1, 1), ("b", 2, 1)]

        left.links[0].note = "changed"
        left.links.remove(left.links[1])
        session.commit()
        assert session.execute(select(Link.note, Link.right_id)).all() == [("changed", 1)]
        assert len(session.scalars(select(Right)).all()) == 2


# --- values --------------------------------------------------------------------------------------------


@pytest.mark.feature("SES29")
def test_value_may_be_made_by_the_database(engine: Engine) -> None:
    Base = base()

    class Item(Base):
        __tablename__ = "items"
        id: Mapped[int] = mapped_column(primary_key=True)
        size: Mapped[int]
        name: Mapped[str]

    with open_session(engine, Base) as session:
        item = Item(id=1, size=4, name=pyorm.func.lower("ABC"))
        session.add(item)
        session.flush()
        assert item.name == "abc"
        item.size = Item.size * 10 + 2
        session.commit()

        assert item.size == 42


@pytest.mark.feature("SES30")
def test_null_is_written_where_none_means_no_value(engine: Engine) -> None:
    Base = base()

    class Doc(Base):
        __tablename__ = "docs"
        id: Mapped[int] = mapped_column(primary_key=True)
        word: Mapped[str | None] = mapped_column(server_default="default")
        data = mapped_column(JSON)
        plain = mapped_column(JSON(none_as_null=True))
        kept = mapped_column(String(10).evaluates_none(), server_default="default")

    with open_session(engine, Base) as session:
        session.add_all(
            [
                Doc(id=1, word=None, data=None, plain=None, kept=None),
                Doc(id=2, word=null(), data=null(), plain=null()),
                Doc(id=3),
            ]
        )
        session.commit()

        rows = session.execute(
            text("SELECT word, data IS NULL AS a, plain IS NULL AS b, kept FROM docs ORDER BY id")
        ).all()
        assert [tuple(r) for r in rows] == [
            ("default", False, True, None),
            (None, True, True, "default"),
            ("default", True, True, "default"),
        ]
        doc = session.get_one(Doc, 3)
        doc.word = None
        session.commit()
        assert doc.word is None


def test_row_that_cannot_be_blanked_says_which(engine: Engine) -> None:
    Base = base()

    class Parent(Base):
        __tablename__ = "parents"
        id: Mapped[int] = mapped_column(primary_key=True)
        children: Mapped[list[Any]] = relationship("Child")

    class Child(Base):
        __tablename__ = "children"
        id: Mapped[int] = mapped_column(primary_key=True)
        parent_id: Mapped[int] = mapped_column(ForeignKey("parents.id"))

    with open_session(engine, Base) as session:
        parent = Parent(children=[Child(), Child()])
        session.add(parent)
        session.commit()
        child = parent.children[0]
        parent.children.remove(child)
        with pytest.raises(IntegrityError) as caught:
            session.commit()

        assert caught.value.instances == (child,)
