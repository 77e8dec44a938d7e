"""What a session says to wrong classes, values, rows, servers and threads. Each message is read."""

from __future__ import annotations

import os
import threading
from datetime import date
from decimal import Decimal

import pytest

from pyorm import (
    Column,
    Date,
    Integer,
    Numeric,
    SmallInteger,
    String,
    create_engine,
    event,
    exc,
    func,
    inspect,
    select,
    text,
)
from pyorm.engine import Engine
from pyorm.orm import Session, declarative_base
from pyorm.orm import exc as orm_exc
from tests.conformance.models import Address, User
from tests.conftest import Database

Own = declarative_base()


class Part(Own):  # type: ignore[misc,valid-type]
    """A column of each kind that can refuse a value."""

    __tablename__ = "parts"

    id = Column(Integer, primary_key=True)
    name = Column(String(20), nullable=False)
    small = Column(SmallInteger)
    price = Column(Numeric(10, 2))
    made = Column(Date)


@pytest.fixture
def parts(engine: Engine) -> Engine:
    Own.metadata.create_all(engine)
    return engine


class TestNames:
    def test_an_unknown_keyword_of_a_class(self) -> None:
        with pytest.raises(TypeError, match="'nmea' is an invalid keyword argument for Part"):
            Part(nmea="x")

    def test_an_unknown_attribute_of_a_class(self) -> None:
        with pytest.raises(AttributeError, match="type object 'Part' has no attribute 'nmea'"):
            Part.nmea  # noqa: B018 - the look is the act

    def test_an_unknown_name_in_filter_by(self, parts: Engine) -> None:
        with Session(parts) as session:
            with pytest.raises(exc.InvalidRequestError, match='Entity namespace for "parts" has no property "nmea"'):
                session.query(Part).filter_by(nmea="x")
            with pytest.raises(exc.InvalidRequestError, match="nmea"):
                select(Part).filter_by(nmea="x")

    def test_an_unknown_attribute_to_refresh_or_expire(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            with pytest.raises((KeyError, exc.InvalidRequestError), match="nope"):
                session.refresh(alice, ["nope"])

    def test_a_column_the_database_does_not_have(self, parts: Engine) -> None:
        with Session(parts) as session, pytest.raises(exc.DBAPIError, match="nope"):
            session.execute(text("SELECT nope FROM parts"))


class TestValues:
    @pytest.mark.parametrize(
        ("key", "value", "words"),
        [
            ("small", "many", "small"),
            ("small", 1.5, "small"),
            ("price", "dear", "price"),
            ("made", "2020-01-01", "made"),
            ("made", 20200101, "made"),
            ("name", "nul\x00byte", "name"),
        ],
    )
    def test_a_wrong_type_names_its_column(
        self, parts: Engine, key: str, value: object, words: str
    ) -> None:
        with Session(parts) as session:
            part = Part(**{"name": "x", key: value})
            session.add(part)
            with pytest.raises(exc.StatementError, match=words) as caught:
                session.flush()
            assert "parts" in str(caught.value)
            session.rollback()
            assert inspect(part).transient and getattr(part, key) == value

    @pytest.mark.parametrize(
        ("key", "value"),
        [("small", 40000), ("small", -32769), ("id", 2**31), ("small", 2**70)],
    )
    def test_a_value_out_of_range_names_its_column(
        self, parts: Engine, db: Database, key: str, value: int
    ) -> None:
        with Session(parts) as session:
            session.add(Part(**{"name": "x", key: value}))
            if db.name == "sqlite" and value < 2**63:
                session.flush()  # SQLite's integers have 64 bits, whatever the column says
                assert session.scalar(select(getattr(Part, key))) == value
                return
            with pytest.raises(exc.DataError, match=rf"(?s){key}.*{value}|{value}.*{key}"):
                session.flush()

    def test_a_number_is_no_text_for_the_server(self, parts: Engine, db: Database) -> None:
        with Session(parts) as session:
            session.add(Part(name=5))
            if db.name == "sqlite":
                session.flush()  # SQLite makes it text, as the column says
                assert session.scalar(select(Part.name)) == "5"
                return
            with pytest.raises(exc.StatementError, match="name"):
                session.flush()

    def test_the_right_ones_are_kept(self, parts: Engine) -> None:
        with Session(parts) as session:
            session.add(Part(id=2**31 - 1, name="x", small=-32768, price=Decimal("1.25"), made=date(2020, 1, 1)))
            session.commit()
            found = session.scalars(select(Part)).one()
            assert (found.small, found.price, found.made) == (-32768, Decimal("1.25"), date(2020, 1, 1))


class TestRows:
    def test_a_missing_value_names_column_and_table(self, parts: Engine) -> None:
        with Session(parts) as session:
            session.add(Part(small=1))
            with pytest.raises(exc.IntegrityError, match=r"(?i)not.null") as caught:
                session.flush()
            assert type(caught.value).__name__ == "NotNullViolation"
            assert caught.value.table == "parts" and caught.value.columns == ("name",)
            assert "INSERT INTO parts" in caught.value.statement

    def test_a_duplicate_key_names_the_constraint(self, session: Session) -> None:
        session.add_all([Address(id=1, email="a"), Address(id=2, email="a")])
        with pytest.raises(exc.IntegrityError, match=r"(?i)unique") as caught:
            session.commit()
        assert caught.value.table == "addresses" and caught.value.columns == ("email",)

    def test_a_key_that_a_loaded_object_has(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.add(User(id=1, name="other"))
            with (
                pytest.warns(exc.SAWarning, match="conflicts with persistent instance"),
                pytest.raises(exc.IntegrityError),
            ):
                session.flush()
            session.rollback()
            assert alice.name == "alice"

    def test_no_primary_key_at_all(self, engine: Engine) -> None:
        base = declarative_base()

        class Word(base):  # type: ignore[misc,valid-type]
            __tablename__ = "words"
            word = Column(String(10), primary_key=True)

        base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add(Word())
            with (
                pytest.warns(exc.SAWarning, match="'words.word' is marked as a member of the primary"),
                pytest.raises((orm_exc.FlushError, exc.IntegrityError), match=r"(?i)word"),
            ):
                session.flush()

    def test_a_row_that_another_one_changed_or_deleted(self, users: Engine) -> None:
        with Session(users) as session:
            alice = session.get(User, 1)
            session.execute(text("DELETE FROM users WHERE id = 1"))
            alice.name = "x"
            with pytest.raises(
                orm_exc.StaleDataError,
                match=r"UPDATE statement on table 'users' expected to update 1 row\(s\); 0 were matched",
            ):
                session.flush()

    def test_a_failed_flush_loses_nothing(self, users: Engine) -> None:
        with Session(users) as session:
            alice, bob = session.get(User, 1), session.get(User, 2)
            good, bad = User(name="good"), Address(email=None)
            alice.name = "changed"
            session.delete(bob)
            session.add_all([good, bad])
            with pytest.raises(exc.IntegrityError) as caught:
                session.flush()
            assert isinstance(caught.value.__cause__, type(caught.value.orig))
            assert good.name == "good" and inspect(good).pending and inspect(bad).pending
            assert good in session and bad in session

            session.rollback()
            assert bob in session and alice.name == "alice"
            bad.email = "now@x"
            alice.name = "changed"
            session.add_all([good, bad])
            session.commit()
            assert session.scalar(select(func.count(Address.id))) == 1
            assert session.scalar(select(func.count(User.id))) == 4

    def test_failed_objects_stay_when_many_are_flushed(self, tables: Engine) -> None:
        with Session(tables) as session:
            many = [Address(email=str(i % 30)) for i in range(40)]
            session.add_all(many)
            with pytest.raises(exc.IntegrityError) as caught:
                session.flush()
            assert all(inspect(one).pending for one in many) and many[0].id is None
            assert caught.value.orig is not None
            session.rollback()
            for i, one in enumerate(many):
                one.email = str(i)
            session.add_all(many)
            session.commit()
            assert session.scalar(select(func.count(Address.id))) == 40


class TestClasses:
    def test_an_unmapped_class(self, session: Session) -> None:
        class Plain:
            pass

        with pytest.raises(orm_exc.UnmappedInstanceError, match="Plain' is not mapped"):
            session.add(Plain())
        with pytest.raises(orm_exc.UnmappedInstanceError, match=r"builtins\.(str|int)' is not mapped"):
            session.delete("x")
        with pytest.raises(exc.NoInspectionAvailable, match="No inspection system is available for object of type"):
            session.get(Plain, 1)
        with pytest.raises(exc.ArgumentError, match="Plain"):
            session.query(Plain)
        with pytest.raises(exc.ArgumentError, match="Plain"):
            select(Plain)

    def test_a_class_instead_of_an_object(self, session: Session) -> None:
        with pytest.raises(orm_exc.UnmappedInstanceError, match="User"):
            session.add(User)

    def test_a_string_instead_of_a_statement(self, session: Session) -> None:
        with pytest.raises(exc.ArgumentError, match=r"text\('SELECT 1'\)"):
            session.execute("SELECT 1")

    def test_no_table_and_no_key(self) -> None:
        base = declarative_base()
        with pytest.raises(exc.InvalidRequestError, match="does not have a __table__ or __tablename__"):
            type("Nothing", (base,), {})
        with pytest.raises(exc.ArgumentError, match="could not assemble any primary key"):
            type("Keyless", (base,), {"__tablename__": "keyless", "x": Column(Integer)})

    def test_a_session_without_a_bind(self) -> None:
        with Session() as session, pytest.raises(exc.UnboundExecutionError, match="Could not locate a bind"):
            session.get(User, 1)


class TestServers:
    def test_a_wrong_url(self) -> None:
        with pytest.raises(exc.ArgumentError, match="Could not parse"):
            create_engine("not a url")
        with pytest.raises(exc.NoSuchModuleError, match="oracle"):
            create_engine("oracle://x")

    def test_a_server_that_is_not_there(self) -> None:
        engine = create_engine("postgresql://u:secret@127.0.0.1:1/nothing")
        with Session(engine) as session, pytest.raises(exc.OperationalError) as caught:
            session.get(User, 1)
        assert "127.0.0.1" in str(caught.value) and "secret" not in str(caught.value)

    @pytest.mark.pg
    def test_a_server_that_goes_in_the_middle_of_a_session(self, pg_db) -> None:
        engine = create_engine(pg_db.url)
        pg_db.script("CREATE TABLE users (id serial PRIMARY KEY, name text, age int)")
        with Session(engine) as session:
            user = User(name="x")
            session.add(user)
            session.flush()
            pid = session.scalar(text("SELECT pg_backend_pid()"))
            pg_db.script(f"SELECT pg_terminate_backend({pid})")
            with pytest.raises(exc.OperationalError) as caught:
                session.scalars(select(User)).all()
            assert caught.value.connection_invalidated
            session.rollback()
            assert inspect(user).transient
            session.add(user)
            session.commit()
            assert session.scalar(select(func.count(User.id))) == 1
        engine.dispose()


class TestThreads:
    def test_two_threads_inside_one_session(self, users: Engine) -> None:
        session = Session(users)
        entered, leave = threading.Event(), threading.Event()

        def hold(conn, cursor, statement, parameters, context, executemany) -> None:
            if threading.current_thread() is worker:
                entered.set()
                leave.wait(10)

        def work() -> None:
            session.scalars(select(User)).all()

        event.listen(users, "before_cursor_execute", hold)
        worker = threading.Thread(target=work)
        worker.start()
        try:
            assert entered.wait(10)
            with pytest.raises(exc.InvalidRequestError, match=r"(?i)thread"):
                session.scalars(select(User)).all()
        finally:
            leave.set()
            worker.join()
            event.remove(users, "before_cursor_execute", hold)
        assert len(session.scalars(select(User)).all()) == 3
        session.close()

    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    def test_a_fork_with_an_open_session(self, users: Engine) -> None:
        with Session(users) as session:
            assert session.get(User, 1).name == "alice"
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    try:
                        session.execute(text("SELECT 1"))
                        said = b"ran"
                    except exc.DBAPIError as error:
                        said = str(error).encode()
                    with Session(users) as own:
                        said += b"|" + own.get(User, 2).name.encode()
                except BaseException as error:
                    said = repr(error).encode()
                os.write(write, said)
                os._exit(0)
            os.waitpid(child, 0)
            os.close(write)
            said = os.read(read, 10000).decode()
            os.close(read)

            assert "fork" in said and said.endswith("|bob")
            session.expire_all()
            assert session.get(User, 2).name == "bob"
            session.commit()
