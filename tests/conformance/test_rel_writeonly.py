"""Relationships that are never in memory: `lazy="write_only"` and `lazy="dynamic"`."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, String, Table, create_engine, event, exc, inspect, select
from pyorm.engine import Engine
from pyorm.orm import (
    AppenderQuery,
    DeclarativeBase,
    DynamicMapped,
    Mapped,
    MappedAsDataclass,
    Query,
    Session,
    WriteOnlyCollection,
    WriteOnlyMapped,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
)
from pyorm.orm.exc import DetachedInstanceError

Added = tuple[list[Any], list[Any]]


class Base(DeclarativeBase):
    """Base of the classes here."""


liked = Table(
    "wo_liked",
    Base.metadata,
    Column("fan_id", ForeignKey("wo_account.id"), primary_key=True),
    Column("song_id", ForeignKey("wo_song.id"), primary_key=True),
)


class Account(Base):
    """An account with large collections."""

    __tablename__ = "wo_account"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(default="x")
    entries: WriteOnlyMapped[Entry] = relationship(back_populates="account", order_by="Entry.id", passive_deletes=True)
    notes: WriteOnlyMapped[Note] = relationship(cascade="all, delete-orphan", passive_deletes=True, order_by="Note.id")
    songs: WriteOnlyMapped[Song] = relationship(
        secondary=liked, back_populates="fans", order_by="Song.id", passive_deletes=True
    )
    visits: DynamicMapped[Visit] = relationship(
        back_populates="account", order_by="Visit.id", cascade="all, delete-orphan"
    )


class Entry(Base):
    """A member of a write-only collection with a backref."""

    __tablename__ = "wo_entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("wo_account.id"))
    account: Mapped[Account | None] = relationship(back_populates="entries")


class Note(Base):
    """A member that does not live without its account."""

    __tablename__ = "wo_note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("wo_account.id", ondelete="CASCADE"))


class Song(Base):
    """A member of a many-to-many."""

    __tablename__ = "wo_song"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    fans: Mapped[list[Account]] = relationship(secondary=liked, back_populates="songs")


class Visit(Base):
    """A member of a dynamic collection."""

    __tablename__ = "wo_visit"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("wo_account.id"))
    account: Mapped[Account | None] = relationship(back_populates="visits")


class Strict(Base):
    """An account whose collection may not be left to the database."""

    __tablename__ = "wo_strict"
    id = Column(Integer, primary_key=True)
    parts = relationship("Part", lazy="write_only")


class Part(Base):
    """A member of it."""

    __tablename__ = "wo_part"
    id = Column(Integer, primary_key=True)
    text = Column(String)
    strict_id = Column(ForeignKey("wo_strict.id"))


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session over empty tables."""
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        yield made
    Base.metadata.drop_all(engine)


@pytest.fixture
def account(session: Session) -> Account:
    """A persistent account with two entries, e1 and e2."""
    made = Account(name="a", entries=[Entry(text="e1"), Entry(text="e2")])
    session.add(made)
    session.commit()
    return made


def changes(instance: Any, key: str) -> Added:
    """Return the texts of what a flush will add and remove."""
    history = inspect(instance).attrs[key].history
    assert list(history.unchanged or ()) == []
    return [one.text for one in history.added or ()], [one.text for one in history.deleted or ()]


def texts(session: Session, statement: Any) -> list[str]:
    return [one.text for one in session.scalars(statement)]


def queries(session: Session, work: Callable[[], Any]) -> list[str]:
    """Return the statements that `work` runs."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        seen.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return seen


class TestWriteOnly:
    @pytest.mark.feature("REL24")
    def test_is_no_container(self) -> None:
        account = Account()
        assert isinstance(account.entries, WriteOnlyCollection)
        with pytest.raises(TypeError, match=r"WriteOnly collections don't support iteration in-place; .* select\(\)"):
            list(account.entries)
        with pytest.raises(TypeError, match="not subscriptable"):
            account.entries[0]  # type: ignore[index]
        with pytest.raises(TypeError, match="no len"):
            len(account.entries)  # type: ignore[arg-type]
        assert "entries" not in vars(account)

    @pytest.mark.feature("REL24")
    def test_changes_of_a_transient_object(self) -> None:
        account = Account()
        entries = [Entry(text=f"e{i}") for i in range(5)]
        account.entries.add(entries[0])
        account.entries.add_all(entries[1:3])
        account.entries.remove(entries[2])
        assert changes(account, "entries") == (["e0", "e1"], [])
        assert [one.account is account for one in entries] == [True, True, False, False, False]
        account.entries = [entries[3], entries[0]]
        assert changes(account, "entries") == (["e0", "e3"], [])
        assert entries[1].account is None
        entries[4].account = account
        assert changes(account, "entries") == (["e0", "e3", "e4"], [])
        other = Account(entries=[entries[4]])
        assert changes(account, "entries") == (["e0", "e3"], [])
        assert changes(other, "entries") == (["e4"], [])

    @pytest.mark.feature("REL24")
    @pytest.mark.parametrize("value", [None, 3, Entry(text="e")])
    def test_what_is_assigned_is_iterable(self, value: Any) -> None:
        with pytest.raises(TypeError, match=f"'{type(value).__name__}' object is not iterable"):
            Account().entries = value

    @pytest.mark.feature("REL24")
    def test_members_come_into_the_session_and_the_database(self, session: Session) -> None:
        account = Account(entries=[Entry(text="e1")], songs=[Song(text="s1")])
        session.add(account)
        assert {type(one) for one in session.new} == {Account, Entry, Song}
        late = Entry(text="e2")
        account.entries.add(late)
        assert late in session
        session.commit()
        assert changes(account, "entries") == ([], [])
        assert texts(session, account.entries.select()) == ["e1", "e2"]
        assert texts(session, account.songs.select()) == ["s1"]

    @pytest.mark.feature("REL24")
    def test_changes_load_nothing(self, session: Session, account: Account) -> None:
        first = session.scalars(account.entries.select()).first()
        assert first is not None

        def change() -> None:
            account.entries.remove(first)
            account.entries.add(Entry(text="e3"))
            session.flush()

        assert not [one for one in queries(session, change) if one.startswith("SELECT")]
        assert first.account is None
        assert texts(session, account.entries.select()) == ["e2", "e3"]

    @pytest.mark.feature("REL24")
    def test_replacing_what_is_in_the_database_is_refused(self, account: Account) -> None:
        for value in ([Entry(text="e")], []):
            with pytest.raises(exc.InvalidRequestError, match=r'"Account.entries" does not support implicit'):
                account.entries = value
        with pytest.raises(NotImplementedError, match=r"Account\.entries cannot be deleted"):
            del account.entries
        assert changes(account, "entries") == ([], [])

    @pytest.mark.feature("REL24")
    def test_statements(self, session: Session, account: Account) -> None:
        assert texts(session, account.entries.select().where(Entry.text > "e1").limit(5)) == ["e2"]
        rows = [{"text": "n1"}, {"text": "n2"}]
        made = session.scalars(account.entries.insert().returning(Entry), rows).all()
        assert [(one.text, one.account_id) for one in made] == [("n1", account.id), ("n2", account.id)]
        session.execute(account.entries.insert(), [{"text": "n3"}, {"text": "n4"}])
        session.execute(account.entries.insert().values(text="n5"))
        stranger = Entry(text="n1")
        session.add(stranger)
        session.flush()
        session.execute(account.entries.update().where(Entry.text == "n1").values(text="m1"))
        session.execute(account.entries.delete().where(Entry.text.in_(["n2", "n3"])))
        assert texts(session, account.entries.select()) == ["e1", "e2", "m1", "n4", "n5"]
        assert stranger.text == "n1"

    @pytest.mark.feature("REL24")
    def test_a_statement_counts_with_the_key_of_its_execution(self, session: Session) -> None:
        account = Account()
        statement = account.entries.select()
        session.add(account)
        account.entries.add(Entry(text="late"))
        assert texts(session, statement) == ["late"]

    @pytest.mark.feature("REL24")
    def test_many_to_many(self, session: Session, account: Account) -> None:
        songs = [Song(text=f"s{i}") for i in range(3)]
        account.songs.add_all(songs[:2])
        session.flush()
        account.songs.remove(songs[0])
        session.add(songs[2])
        songs[2].fans.append(account)
        assert changes(account, "songs") == (["s2"], ["s0"])
        session.flush()
        assert texts(session, account.songs.select()) == ["s1", "s2"]
        assert session.execute(account.songs.update().values(text="new")).rowcount == 2
        assert texts(session, select(Song).order_by(Song.id)) == ["s0", "new", "new"]
        with pytest.raises(exc.InvalidRequestError, match="Write only bulk INSERT only supported for one-to-many"):
            account.songs.insert()

    @pytest.mark.feature("REL24")
    def test_an_orphan_is_deleted(self, session: Session, account: Account) -> None:
        notes = [Note(text=f"n{i}") for i in range(3)]
        account.notes.add_all(notes)
        session.commit()
        account.notes.remove(notes[0])
        session.commit()
        assert inspect(notes[0]).detached
        assert texts(session, account.notes.select()) == ["n1", "n2"]

    @pytest.mark.feature("REL24")
    def test_a_rollback_and_an_expiry_forget_changes(self, session: Session, account: Account) -> None:
        account.entries.add(Entry(text="gone"))
        session.rollback()
        assert changes(account, "entries") == ([], [])
        assert texts(session, account.entries.select()) == ["e1", "e2"]

    @pytest.mark.feature("REL24")
    def test_delete_needs_passive_deletes(self, session: Session) -> None:
        strict = Strict(parts=[Part(text="p")])
        session.add(strict)
        session.commit()
        session.delete(strict)
        with pytest.raises(exc.InvalidRequestError, match=r"Attribute Strict.parts can't load .* passive_deletes=True"):
            session.flush()

    @pytest.mark.feature("REL24")
    def test_delete_with_passive_deletes(self, session: Session) -> None:
        account = Account(notes=[Note(text="n")])
        session.add(account)
        session.commit()
        if session.get_bind().dialect.name == "sqlite":
            session.connection().exec_driver_sql("DELETE FROM wo_note")
        session.delete(account)
        found = queries(session, session.commit)
        assert not [one for one in found if "wo_entry" in one or "wo_note" in one]
        assert texts(session, select(Note)) == []

    @pytest.mark.feature("REL24")
    def test_eager_loading_is_refused(self, session: Session, account: Account) -> None:
        text = "'Account.entries' does not support object population - eager loading cannot be applied."
        with pytest.raises(exc.InvalidRequestError, match=text):
            session.scalars(select(Account).options(selectinload(Account.entries))).all()
        with pytest.raises(exc.InvalidRequestError, match=text):
            session.scalars(select(Account).options(joinedload(Account.entries))).unique().all()

    @pytest.mark.feature("REL24")
    def test_merge(self, session: Session, account: Account) -> None:
        with pytest.raises(exc.InvalidRequestError, match="collection replacement operations can't be used"):
            session.merge(Account(id=account.id, entries=[Entry(text="m")]))
        session.rollback()
        merged = session.merge(Account(id=account.id, name="merged"))
        assert merged is account
        fresh = session.merge(Account(id=99, entries=[Entry(text="m")]))
        session.commit()
        assert texts(session, fresh.entries.select()) == ["m"]

    @pytest.mark.feature("REL24")
    def test_a_detached_object_takes_members(self, session: Session, account: Account) -> None:
        session.refresh(account)
        session.expunge(account)
        account.entries.add(Entry(text="e3"))
        session.add(account)
        assert [one.text for one in session.new] == ["e3"]
        session.commit()
        assert texts(session, account.entries.select()) == ["e1", "e2", "e3"]

    @pytest.mark.feature("REL24")
    def test_listeners(self, session: Session, account: Account) -> None:
        seen: list[str] = []

        def append(target: Any, value: Any, initiator: Any) -> None:
            seen.append(f"+{value.text}")

        def remove(target: Any, value: Any, initiator: Any) -> None:
            seen.append(f"-{value.text}")

        event.listen(Account.entries, "append", append)
        event.listen(Account.entries, "remove", remove)
        try:
            one, two = Entry(text="1"), Entry(text="2")
            account.entries.add(one)
            account.entries.remove(one)
            two.account = account
            two.account = None
            Account(entries=[one]).entries = [two]
        finally:
            event.remove(Account.entries, "append", append)
            event.remove(Account.entries, "remove", remove)
        assert seen == ["+1", "-1", "+2", "-2", "+1", "+2", "-1"]

    @pytest.mark.feature("REL24")
    def test_the_class_attribute_in_statements(self, session: Session, account: Account) -> None:
        found = session.scalars(select(Account.name).where(Account.entries.any(Entry.text == "e1"))).all()
        assert found == ["a"]
        joined = select(Account.name).join(Account.entries).where(Entry.text == "e2")
        assert session.scalars(joined).all() == ["a"]

    @pytest.mark.feature("REL24")
    def test_keeps_nothing_alive(self) -> None:
        def make() -> None:
            account = Account(entries=[Entry(text="x")], visits=[Visit(text="y")])
            account.entries.remove(Entry(text="z"))
            account.entries.select()
            list(account.visits)

        make()
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(50):
            make()
        gc.collect()
        assert len(gc.get_objects()) - before < 50

    @pytest.mark.feature("REL24")
    def test_needs_a_collection(self) -> None:
        class Other(DeclarativeBase):
            pass

        class Owner(Other):
            __tablename__ = "owner"
            id = Column(Integer, primary_key=True)

        class Thing(Other):
            __tablename__ = "thing"
            id = Column(Integer, primary_key=True)
            owner_id = Column(ForeignKey("owner.id"))
            owner = relationship("Owner", lazy="write_only")

        with pytest.raises(exc.InvalidRequestError, match="cannot be used with many-to-one/one-to-one"):
            Thing()


class TestDataclass:
    @pytest.mark.feature("REL28")
    def test_init(self) -> None:
        class Data(MappedAsDataclass, DeclarativeBase):
            pass

        class Owner(Data):
            __tablename__ = "owner"
            id: Mapped[int] = mapped_column(primary_key=True, init=False)
            written: WriteOnlyMapped[Thing] = relationship(default_factory=list, repr=False, passive_deletes=True)
            later: WriteOnlyMapped[Thing] = relationship(init=False, repr=False, overlaps="written,dynamic")
            dynamic: DynamicMapped[Thing] = relationship(default_factory=list, repr=False, overlaps="written,later")

        class Thing(Data):
            __tablename__ = "thing"
            id: Mapped[int] = mapped_column(primary_key=True, init=False)
            owner_id: Mapped[int | None] = mapped_column(ForeignKey("owner.id"), init=False)

        def added(owner: Owner) -> list[int]:
            attrs = inspect(owner).attrs
            return [len(attrs[key].history.added or ()) for key in ("written", "later", "dynamic")]

        assert added(Owner()) == [0, 0, 0]
        assert added(Owner(written=[Thing(), Thing()], dynamic=[Thing()])) == [2, 0, 1]
        assert repr(Owner(written=[Thing()])).endswith("Owner(id=None)")

    @pytest.mark.feature("REL28")
    def test_default_is_none_or_a_factory(self) -> None:
        with pytest.raises(exc.ArgumentError, match="Only 'None' is accepted as dataclass default"):
            relationship(default=())


class TestDynamic:
    @pytest.fixture
    def visits(self, session: Session, account: Account) -> list[Visit]:
        """Five visits of the account, v0 to v4."""
        made = [Visit(text=f"v{i}") for i in range(5)]
        account.visits.extend(made)
        session.commit()
        return made

    @pytest.mark.feature("REL25")
    def test_a_transient_object_has_what_was_added(self) -> None:
        account = Account()
        visits = [Visit(text=f"v{i}") for i in range(6)]
        account.visits.append(visits[0])
        account.visits.extend(visits[1:3])
        account.visits.add(visits[3])
        account.visits.add_all(visits[4:])
        account.visits.remove(visits[5])
        assert isinstance(account.visits, AppenderQuery)
        assert isinstance(account.visits, Query)
        assert list(account.visits) == account.visits.all() == visits[:5]
        assert (account.visits[0], account.visits[1:3], account.visits[-1]) == (visits[0], visits[1:3], visits[4])
        assert account.visits.count() == 5
        for narrow in (lambda: account.visits.filter(Visit.id == 1), lambda: account.visits.first()):
            with pytest.raises(DetachedInstanceError, match="lazy load operation of attribute 'visits' cannot"):
                narrow()

    @pytest.mark.feature("REL25")
    def test_reading_flushes_first(self, session: Session) -> None:
        account = Account(visits=[Visit(text="v")])
        session.add(account)
        assert [one.text for one in account.visits] == ["v"]
        assert inspect(account).persistent

    @pytest.mark.feature("REL25")
    def test_queries(self, session: Session, account: Account, visits: list[Visit]) -> None:
        assert list(account.visits) == account.visits.all() == visits
        assert account.visits.count() == 5
        assert (account.visits[0], account.visits[1:3], account.visits.first()) == (visits[0], visits[1:3], visits[0])
        with pytest.raises(IndexError, match="negative indexes"):
            account.visits[-1]
        backwards = account.visits.filter(Visit.text < "v4").order_by(None).order_by(Visit.text.desc()).limit(2)
        assert type(backwards) is Query
        assert [one.text for one in backwards] == ["v3", "v2"]
        assert account.visits.filter_by(text="v1").one() is visits[1]
        assert session.query(account.visits.exists()).scalar() is True
        assert "ORDER BY wo_visit.id" in str(account.visits)
        with pytest.raises(exc.InvalidRequestError, match=r"order_by\(\) has been called"):
            account.visits.update({"text": "no"})

    @pytest.mark.feature("REL25")
    def test_replacing_loads_what_is_there(self, session: Session, account: Account, visits: list[Visit]) -> None:
        new = Visit(text="new")
        account.visits = [visits[0], new]
        history = inspect(account).attrs.visits.history
        assert (list(history.added), [one.text for one in history.deleted]) == ([new], ["v1", "v2", "v3", "v4"])
        assert visits[1].account is None
        session.commit()
        assert list(account.visits) == [visits[0], new]
        assert session.scalars(select(Visit.text).order_by(Visit.id)).all() == ["v0", "new"]

    @pytest.mark.feature("REL25")
    def test_the_other_side(self, session: Session, account: Account, visits: list[Visit]) -> None:
        new = Visit(text="new", account=account)
        assert changes(account, "visits") == (["new"], [])
        account.visits.remove(new)
        assert new.account is None
        account.visits.remove(visits[0])
        session.commit()
        assert account.visits.all() == visits[1:]

    @pytest.mark.feature("REL25")
    def test_a_detached_object_warns(self, session: Session, account: Account, visits: list[Visit]) -> None:
        session.refresh(account)
        session.expunge(account)
        with pytest.warns(exc.SAWarning, match="is detached, dynamic relationship cannot return a correct result"):
            assert list(account.visits) == []
        with pytest.raises(DetachedInstanceError):
            account.visits.filter(Visit.id == 1)

    @pytest.mark.feature("REL25")
    def test_delete_cascades(self, session: Session) -> None:
        account = Account(visits=[Visit(text="v1"), Visit(text="v2")])
        session.add(account)
        session.commit()
        session.delete(account)
        session.commit()
        assert session.scalars(select(Visit)).all() == []

    @pytest.mark.feature("REL25")
    def test_query_class(self) -> None:
        class Visits(Query):
            def newest(self) -> Any:
                return self.order_by(None).order_by(Thing.id.desc()).first()

        class Other(DeclarativeBase):
            pass

        class Owner(Other):
            __tablename__ = "owner"
            id: Mapped[int] = mapped_column(primary_key=True)
            things = relationship("Thing", lazy="dynamic", query_class=Visits)

        class Thing(Other):
            __tablename__ = "thing"
            id: Mapped[int] = mapped_column(primary_key=True)
            owner_id = Column(ForeignKey("owner.id"))

        engine = create_engine("sqlite://")
        Other.metadata.create_all(engine)
        with Session(engine) as session:
            owner = Owner(things=[Thing(), Thing()])
            session.add(owner)
            session.flush()
            assert type(owner.things).__name__ == "AppenderVisits"
            assert type(owner.things.filter(Thing.id > 0)) is Visits
            assert owner.things.newest().id == 2
