"""Exceptions as programs see them: their tree, what they carry, their codes, and one()."""

from __future__ import annotations

import builtins
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyorm import ForeignKey, String, create_engine, dbapi, exc, insert, inspect, select, text, update
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, Session, class_mapper, mapped_column, relationship
from pyorm.orm import exc as orm_exc
from pyorm.pool import QueuePool

ERRORS = Path(__file__).parents[2] / "docs" / "errors.md"


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "thing"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(String(5), unique=True)
    size: Mapped[int | None]
    version: Mapped[int] = mapped_column()
    parts: Mapped[list[Part]] = relationship(lazy="raise")
    __mapper_args__ = {"version_id_col": version}  # as documented


class Part(Base):
    __tablename__ = "part"

    id: Mapped[int] = mapped_column(primary_key=True)
    thing_id: Mapped[int | None] = mapped_column(ForeignKey("thing.id"))


@pytest.fixture
def things(engine: Engine) -> Engine:
    """Things 1 "a" and 2 "b"."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all([Thing(id=1, name="a"), Thing(id=2, name="b")])
    return engine


@pytest.fixture
def session(things: Engine) -> Iterator[Session]:
    with Session(things) as made:
        yield made


def error_of(run: Callable[[], object]) -> Any:
    with pytest.raises(Exception) as info:  # the class is what is asked for
        run()
    return info.value


# --- the tree ---------------------------------------------------------------------------------------------

TREE = {
    "SQLAlchemyError": ["Exception"],
    "ArgumentError": ["SQLAlchemyError"],
    "NoSuchModuleError": ["ArgumentError"],
    "NoForeignKeysError": ["ArgumentError"],
    "AmbiguousForeignKeysError": ["ArgumentError"],
    "CircularDependencyError": ["SQLAlchemyError"],
    "CompileError": ["SQLAlchemyError"],
    "UnsupportedCompilationError": ["CompileError"],
    "DisconnectionError": ["SQLAlchemyError"],
    "InvalidatePoolError": ["DisconnectionError"],
    "TimeoutError": ["SQLAlchemyError"],
    "InvalidRequestError": ["SQLAlchemyError"],
    "IllegalStateChangeError": ["InvalidRequestError"],
    "NoInspectionAvailable": ["InvalidRequestError"],
    "PendingRollbackError": ["InvalidRequestError"],
    "ResourceClosedError": ["InvalidRequestError"],
    "NoSuchColumnError": ["InvalidRequestError", "KeyError"],
    "NoResultFound": ["InvalidRequestError"],
    "MultipleResultsFound": ["InvalidRequestError"],
    "NoReferenceError": ["InvalidRequestError"],
    "NoReferencedTableError": ["NoReferenceError"],
    "NoReferencedColumnError": ["NoReferenceError"],
    "NoSuchTableError": ["InvalidRequestError"],
    "UnreflectableTableError": ["InvalidRequestError"],
    "UnboundExecutionError": ["InvalidRequestError"],
    "StatementError": ["SQLAlchemyError"],
    "DBAPIError": ["StatementError"],
    "InterfaceError": ["DBAPIError"],
    "DatabaseError": ["DBAPIError"],
    "DataError": ["DatabaseError"],
    "OperationalError": ["DatabaseError"],
    "IntegrityError": ["DatabaseError"],
    "InternalError": ["DatabaseError"],
    "ProgrammingError": ["DatabaseError"],
    "NotSupportedError": ["DatabaseError"],
    "UniqueViolation": ["IntegrityError"],
    "SADeprecationWarning": ["DeprecationWarning"],
    "SAWarning": ["RuntimeWarning"],
}


@pytest.mark.feature("LOG04")
def test_every_class_stands_where_programs_catch_it() -> None:
    for name, parents in TREE.items():
        for parent in parents:
            assert issubclass(getattr(exc, name), getattr(exc, parent, None) or getattr(builtins, parent)), name
    for name, parent in (
        ("StaleDataError", exc.SQLAlchemyError),
        ("FlushError", exc.SQLAlchemyError),
        ("UnmappedError", exc.InvalidRequestError),
        ("DetachedInstanceError", exc.SQLAlchemyError),
        ("ObjectDeletedError", exc.InvalidRequestError),
        ("ObjectDereferencedError", exc.SQLAlchemyError),
        ("UnmappedColumnError", exc.InvalidRequestError),
        ("LoaderStrategyException", exc.InvalidRequestError),
    ):
        assert issubclass(getattr(orm_exc, name), parent), name
    assert issubclass(orm_exc.UnmappedClassError, orm_exc.UnmappedError)
    assert issubclass(orm_exc.UnmappedInstanceError, orm_exc.UnmappedError)
    assert orm_exc.NoResultFound is exc.NoResultFound and orm_exc.MultipleResultsFound is exc.MultipleResultsFound


BROKEN = {
    "key": (insert(Thing).values(id=1, version=1), None, exc.IntegrityError, "gkpj"),
    "null": (insert(Thing).values(id=5), None, exc.IntegrityError, "gkpj"),
    "no table": (text("SELECT * FROM nowhere"), None, (exc.OperationalError, exc.ProgrammingError), ("e3q8", "f405")),
    "syntax": (text("SELEC 1"), None, (exc.OperationalError, exc.ProgrammingError), ("e3q8", "f405")),
    "parameter": (text("UPDATE thing SET id = :to"), {"to": 2}, exc.IntegrityError, "gkpj"),
}


@pytest.mark.feature("LOG04")
@pytest.mark.parametrize("kind", BROKEN)
def test_error_of_the_database_is_wrapped_with_all_it_carries(things: Engine, kind: str) -> None:
    statement, parameters, cls, code = BROKEN[kind]
    with things.connect() as connection:
        error = error_of(lambda: connection.execute(statement, parameters))

    assert isinstance(error, cls) and isinstance(error, exc.DatabaseError)
    assert error.code in code and not error.connection_invalidated and not error.hide_parameters
    assert isinstance(error.orig, dbapi.Error) and error.__cause__ is error.orig
    assert error.statement.split()[0] in ("INSERT", "SELECT", "SELEC", "UPDATE")
    assert (2 in error.params) is (kind == "parameter")
    assert str(error).startswith(f"({type(error.orig).__module__}.")
    assert f"[SQL: {error.statement}]" in str(error)
    assert str(error).endswith(f"(Background on this error at: docs/errors.md#{error.code})")


@pytest.mark.feature("LOG04")
def test_lost_connection_is_told(things: Engine) -> None:
    error = exc.DBAPIError.instance("SELECT 1", (), dbapi.OperationalError("gone"), Exception, True, True)

    assert isinstance(error, exc.OperationalError)
    assert error.connection_invalidated and error.hide_parameters


@pytest.mark.feature("LOG04")
def test_parameters_are_hidden_when_the_engine_says_so(things: Engine, url: Any) -> None:
    hiding = create_engine(url, hide_parameters=True)
    try:
        with hiding.connect() as connection:
            error = error_of(
                lambda: connection.execute(text("UPDATE nowhere SET name = :secret"), {"secret": "s3cret"})
            )
        assert error.hide_parameters and "s3cret" not in str(error)
        assert "[SQL parameters hidden due to hide_parameters=True]" in str(error)
    finally:
        hiding.dispose()


# --- pickles ----------------------------------------------------------------------------------------------


@pytest.mark.feature("LOG11")
@pytest.mark.parametrize("kind", BROKEN)
def test_error_of_the_database_survives_a_pickle(things: Engine, kind: str) -> None:
    statement, parameters, _, _ = BROKEN[kind]
    with things.connect() as connection:
        error = error_of(lambda: connection.execute(statement, parameters))

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error) and str(again) == str(error) and type(again.orig) is type(error.orig)
    for name in ("statement", "params", "code", "connection_invalidated", "hide_parameters", "detail", "ismulti"):
        assert getattr(again, name) == getattr(error, name), name


@pytest.mark.feature("LOG11")
def test_other_errors_survive_a_pickle(session: Session) -> None:
    errors = [
        error_of(lambda: session.add(object())),
        error_of(lambda: class_mapper(int)),
        error_of(lambda: session.get_one(Thing, 99)),
        error_of(lambda: inspect(3)),
        exc.CircularDependencyError("circle", {1}, {(1, 2)}),
        exc.NoReferencedColumnError("no column", "t", "c"),
        exc.ArgumentError("wrong", code="abcd"),
        orm_exc.StaleDataError("stale"),
        orm_exc.DetachedInstanceError("detached"),
    ]
    for error in errors:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and str(again) == str(error) and again.code == error.code


@pytest.mark.feature("LOG11")
def test_exception_that_asks_for_it_is_not_wrapped(things: Engine) -> None:
    class Own(exc.DontWrapMixin, Exception):
        pass

    class Other(Exception):
        pass

    def fail(cls: type[Exception]) -> Any:
        from pyorm import TypeDecorator

        class Broken(TypeDecorator[str]):
            impl, cache_ok = String, False

            def process_bind_param(self, value: Any, dialect: Any) -> Any:
                raise cls("no")

        from pyorm import literal

        with things.connect() as connection:
            return error_of(lambda: connection.execute(select(literal("x", Broken()))))

    assert type(fail(Own)) is Own
    wrapped = fail(Other)
    assert isinstance(wrapped, exc.StatementError) and type(wrapped.orig) is Other


# --- one() ------------------------------------------------------------------------------------------------

ONES: dict[str, Callable[[Session, Any], object]] = {
    "Result.one": lambda s, q: s.execute(q).one(),
    "Result.scalar_one": lambda s, q: s.execute(q).scalar_one(),
    "Result.unique": lambda s, q: s.execute(q).unique().one(),
    "ScalarResult.one": lambda s, q: s.scalars(q).one(),
    "ScalarResult.unique": lambda s, q: s.scalars(q).unique().one(),
    "MappingResult.one": lambda s, q: s.execute(q).mappings().one(),
    "TupleResult.one": lambda s, q: s.execute(q).tuples().one(),
    "Connection": lambda s, q: s.connection().execute(q).one(),
}
OR_NONE: dict[str, Callable[[Session, Any], object]] = {
    "Result.one_or_none": lambda s, q: s.execute(q).one_or_none(),
    "Result.scalar_one_or_none": lambda s, q: s.execute(q).scalar_one_or_none(),
    "ScalarResult.one_or_none": lambda s, q: s.scalars(q).one_or_none(),
    "MappingResult.one_or_none": lambda s, q: s.execute(q).mappings().one_or_none(),
}


@pytest.mark.feature("LOG06")
@pytest.mark.parametrize("name", ONES)
def test_one_wants_exactly_one(session: Session, name: str) -> None:
    one = ONES[name]

    with pytest.raises(exc.NoResultFound, match=r"^No row was found when one was required$"):
        one(session, select(Thing).where(Thing.id == 99))
    with pytest.raises(exc.MultipleResultsFound, match=r"^Multiple rows were found when exactly one was required$"):
        one(session, select(Thing))
    assert one(session, select(Thing).where(Thing.id == 1)) is not None


@pytest.mark.feature("LOG06")
@pytest.mark.parametrize("name", OR_NONE)
def test_one_or_none_wants_no_second(session: Session, name: str) -> None:
    one = OR_NONE[name]

    assert one(session, select(Thing).where(Thing.id == 99)) is None
    with pytest.raises(exc.MultipleResultsFound, match=r"^Multiple rows were found when one or none was required$"):
        one(session, select(Thing))
    assert one(session, select(Thing).where(Thing.id == 1)) is not None


@pytest.mark.feature("LOG06")
def test_queries_and_get_one_say_the_same(session: Session) -> None:
    for none in (lambda: session.get_one(Thing, 99), lambda: session.query(Thing).filter_by(id=99).one()):
        with pytest.raises(exc.NoResultFound, match="No row was found when one was required"):
            none()
    for many in (lambda: session.query(Thing).one(), lambda: session.query(Thing).one_or_none()):
        with pytest.raises(exc.MultipleResultsFound, match="Multiple rows were found when"):
            many()
    with pytest.raises(exc.MultipleResultsFound):
        session.query(Thing.id).scalar()
    assert session.query(Thing).filter_by(id=99).one_or_none() is None


# --- codes ------------------------------------------------------------------------------------------------


def pool_is_empty(engine: Engine, url: Any) -> Any:
    small = create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01)
    try:
        with small.connect():
            return error_of(small.connect)
    finally:
        small.dispose()


@pytest.mark.feature("LOG07")
def test_message_ends_with_its_code_and_a_page_that_explains_it(things: Engine, url: Any, session: Session) -> None:
    thing = session.get_one(Thing, 1)
    session.expire(thing)
    session.expunge(thing)
    session.add(Thing(id=2))
    failed = error_of(session.flush)
    errors = {
        "bhk3": error_of(lambda: thing.name),
        "gkpj": failed,
        "7s2a": error_of(lambda: session.execute(text("SELECT 1"))),
        "cd3x": error_of(lambda: things.connect().execute(text("SELECT :x"), {})),
        "3o7r": pool_is_empty(things, url),
    }
    page = ERRORS.read_text()
    for code, error in errors.items():
        assert error.code == code
        assert str(error).endswith(f"(Background on this error at: docs/errors.md#{code})")
        assert f"\n### {code}\n" in page
    assert "UNIQUE" in str(failed).upper()


@pytest.mark.feature("LOG07")
def test_every_code_of_a_class_has_its_paragraph() -> None:
    page = ERRORS.read_text()
    codes = {cls.code for cls in vars(exc).values() if isinstance(cls, type) and getattr(cls, "code", None)}
    codes |= {cls.code for cls in vars(orm_exc).values() if isinstance(cls, type) and getattr(cls, "code", None)}

    assert {"2j85", "3o7r", "4xp6", "9h9h", "bhk3", "dbapi", "e3q8", "f405", "gkpj", "rvf5", "tw8g"} <= codes
    assert [code for code in sorted(codes) if f"\n### {code}\n" not in page] == []


@pytest.mark.feature("LOG07")
def test_message_without_code_has_no_link() -> None:
    assert str(exc.ArgumentError("plain")) == "plain"
    assert str(exc.ArgumentError("coded", code="zz99")) == "coded (Background on this error at: docs/errors.md#zz99)"


# --- errors of the ORM ------------------------------------------------------------------------------------


@pytest.mark.feature("LOG08")
def test_orm_errors_have_their_class_and_text(session: Session) -> None:
    thing = session.get_one(Thing, 1)
    session.execute(update(Thing.__table__).values(version=50))
    thing.size = 3
    with pytest.raises(orm_exc.StaleDataError, match=r"UPDATE statement on table 'thing' expected to update 1 row\("):
        session.flush()
    session.rollback()
    assert thing.version == 1
    session.execute(update(Thing.__table__).values(version=50))
    session.delete(thing)
    with pytest.raises(orm_exc.StaleDataError, match=r"DELETE statement on table 'thing' expected to delete 1 row\("):
        session.flush()
    session.rollback()
    session.execute(text("DELETE FROM thing WHERE id = 1"))
    session.expire(thing)
    with pytest.raises(orm_exc.ObjectDeletedError, match="has been deleted, or its row is otherwise not present"):
        thing.name  # noqa: B018  # reading is what is tested
    session.rollback()
    with pytest.raises(exc.InvalidRequestError, match=r"'Thing.parts' is not available due to lazy='raise'"):
        thing.parts  # noqa: B018  # as above
    with pytest.raises(orm_exc.DetachedInstanceError, match="is not bound to a Session; attribute refresh operation"):
        expired(session).name  # noqa: B018  # as above


def expired(session: Session) -> Thing:
    thing = session.get_one(Thing, 2)
    session.expire(thing)
    session.expunge(thing)
    return thing


@pytest.mark.feature("LOG08")
def test_what_is_not_mapped_is_told(session: Session) -> None:
    for verb in (session.add, session.merge, session.delete, session.expunge, session.refresh, session.expire):
        with pytest.raises(orm_exc.UnmappedInstanceError, match=r"Class 'builtins.int' is not mapped"):
            verb(3)  # type: ignore[operator]  # the methods differ in what else they take
    with pytest.raises(orm_exc.UnmappedInstanceError, match=r"was a class \(.*Thing\) supplied where an instance was"):
        session.add(Thing)
    with pytest.raises(orm_exc.UnmappedClassError, match=r"Class 'builtins.int' is not mapped"):
        class_mapper(int)
