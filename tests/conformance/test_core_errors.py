"""What goes wrong on the way to a database: each error says what, on what, and what to do."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import (
    CheckConstraint,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    create_engine,
    delete,
    event,
    exc,
    func,
    insert,
    select,
    text,
    update,
)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    if engine.dialect.name == "sqlite":
        event.listen(
            engine, "connect", lambda dbapi, _: dbapi.cursor().execute("PRAGMA foreign_keys=ON")
        )
    with engine.connect() as made:
        yield made


@pytest.fixture
def parents(connection: Connection) -> Table:
    meta = MetaData()
    parents = Table(
        "parents",
        meta,
        Column("id", Integer, primary_key=True),
        Column("a", Integer, nullable=False),
        Column("b", Integer),
        Column("c", String(5)),
        Column("d", Integer),
        CheckConstraint("a > 0", name="ck_a"),
        UniqueConstraint("b", "c", name="uq_b_c"),
        Index("ix_d", "d", unique=True),
    )
    Table(
        "children",
        meta,
        Column("id", Integer, primary_key=True),
        Column("parent_id", ForeignKey("parents.id", name="fk_parent")),
    )
    meta.create_all(connection)
    connection.execute(insert(parents).values(id=100, a=1, b=1, c="x", d=1))
    connection.commit()
    return parents


@pytest.mark.parametrize(
    ("values", "cls", "constraint", "columns", "message"),
    [
        ({"id": 100, "a": 1}, exc.UniqueViolation, "parents_pkey", ("id",), "(?i)unique constraint"),
        ({"a": None}, exc.NotNullViolation, None, ("a",), "(?i)not.null constraint"),
        ({"a": -1}, exc.CheckViolation, "ck_a", (), "(?i)check constraint.*ck_a"),
        ({"a": 1, "b": 1, "c": "x"}, exc.UniqueViolation, "uq_b_c", ("b", "c"), "(?i)unique"),
        ({"a": 1, "d": 1}, exc.UniqueViolation, "ix_d", ("d",), "(?i)unique"),
    ],
)
def test_violated_constraint_is_named_when_a_row_breaks_it(
    connection: Connection, parents: Table, values: Any, cls: Any, constraint: Any, columns: Any,
    message: str,
) -> None:  # fmt: skip
    with pytest.raises(exc.IntegrityError, match=message) as info:
        connection.execute(insert(parents), values)

    error = info.value
    assert type(error) is cls
    assert error.table == "parents"
    assert error.columns == columns
    if connection.dialect.name == "sqlite" and constraint == "parents_pkey":
        constraint = None  # nobody named it
    assert error.constraint == constraint
    assert type(error.orig).__name__ == "IntegrityError"
    assert error.statement.startswith("INSERT INTO parents")
    assert set(values.values()) <= set(error.params)
    assert "[SQL: INSERT INTO parents" in str(error) and "[parameters: (" in str(error)
    connection.rollback()
    assert connection.scalar(select(func.count()).select_from(parents)) == 1


def test_foreign_key_is_named_when_a_row_refers_to_nothing(
    connection: Connection, parents: Table
) -> None:
    children = parents.metadata.tables["children"]

    with pytest.raises(exc.ForeignKeyViolation, match=r"(?i)foreign key constraint") as info:
        connection.execute(insert(children).values(parent_id=77))

    if connection.dialect.name == "postgresql":
        assert (info.value.constraint, info.value.table) == ("fk_parent", "children")
        assert info.value.columns == ("parent_id",)
    connection.rollback()
    connection.execute(insert(children).values(parent_id=100))
    with pytest.raises(exc.ForeignKeyViolation, match=r"(?i)foreign key constraint"):
        connection.execute(delete(parents))


def test_row_is_found_when_one_of_many_breaks_a_constraint(
    connection: Connection, parents: Table
) -> None:
    rows = [{"a": n, "b": n} for n in (5, 6, -7, 8)]

    with pytest.raises(exc.CheckViolation) as info:
        connection.execute(insert(parents), rows)

    assert info.value.constraint == "ck_a"
    assert [params[0] for params in info.value.params] == [5, 6, -7, 8]
    connection.rollback()
    assert connection.scalar(select(func.count()).select_from(parents)) == 1


def test_error_survives_pickling(connection: Connection, parents: Table) -> None:
    with pytest.raises(exc.UniqueViolation) as info:
        connection.execute(insert(parents), {"id": 100, "a": 1})

    again = pickle.loads(pickle.dumps(info.value))

    assert type(again) is exc.UniqueViolation
    assert str(again) == str(info.value)
    assert again.columns == ("id",)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT nope FROM parents", "nope"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELEC 1", "(?i)selec.*syntax|syntax.*selec"),
        ("SELECT nope(1)", "nope"),
    ],
)
def test_database_s_words_are_shown_when_it_refuses_a_statement(
    connection: Connection, parents: Table, sql: str, message: str
) -> None:
    expected = exc.OperationalError if connection.dialect.name == "sqlite" else exc.ProgrammingError

    with pytest.raises(expected, match=message) as info:
        connection.execute(text(sql))

    assert info.value.statement == sql
    assert sql in str(info.value)
    connection.rollback()
    assert connection.scalar(text("SELECT 1")) == 1


@pytest.mark.feature("CONN34")
def test_missing_parameter_is_named(connection: Connection, parents: Table) -> None:
    with pytest.raises(exc.StatementError, match="required for bind parameter 'low'") as info:
        connection.execute(select(parents).where(parents.c.a > bindparam("low")))
    assert isinstance(info.value.orig, exc.InvalidRequestError)
    assert info.value.code == "cd3x"
    with pytest.raises(exc.StatementError, match="required for bind parameter 'n'"):
        connection.execute(text("SELECT :n"))
    with pytest.raises(exc.StatementError, match="parameter 'b', in parameter group 1"):
        connection.execute(insert(parents), [{"a": 5, "b": 5}, {"a": 6}])
    assert connection.scalar(select(func.count()).select_from(parents)) == 1


def test_unknown_column_is_named(connection: Connection, parents: Table) -> None:
    with pytest.raises(AttributeError, match="nope"):
        parents.c.nope  # noqa: B018 - the look is the act
    with pytest.raises(KeyError, match="nope"):
        parents.c["nope"]
    with pytest.raises(exc.CompileError, match="Unconsumed column names: nope"):
        connection.execute(insert(parents).values(nope=1))
    with pytest.raises(exc.CompileError, match="Unconsumed column names: nope"):
        connection.execute(update(parents).values(nope=1))


@pytest.mark.parametrize(
    ("statement", "parameters", "message"),
    [
        ("SELECT 1", None, "Not an executable object: 'SELECT 1'"),
        (None, None, "Not an executable object: None"),
        (5, None, "Not an executable object: 5"),
        (text("SELECT 1"), 5, "mapping or list expected for parameters"),
        (text("SELECT 1"), [5], "List argument must consist only of dictionaries"),
        (text("SELECT 1"), "x", "mapping or list expected for parameters"),
    ],
)
def test_what_is_no_statement_is_refused(
    connection: Connection, statement: Any, parameters: Any, message: str
) -> None:
    with pytest.raises(exc.ArgumentError, match=message):
        connection.execute(statement, parameters)


def test_wrong_operands_are_refused_while_the_statement_is_built(parents: Table) -> None:
    with pytest.raises(exc.ArgumentError, match=r"(?i)column expression|expected"):
        select(object())
    with pytest.raises(exc.ArgumentError, match=r"(?i)where|expected"):
        select(parents).where(object())
    with pytest.raises(TypeError, match=r"(?i)boolean value of this clause is not defined"):
        bool(parents.c.a > 5)
    with pytest.raises(exc.ArgumentError, match=r"(?i)in|expected"):
        parents.c.a.in_("text")


# ---- the way to the database -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "cls", "message"),
    [
        ("", exc.ArgumentError, "Could not parse"),
        ("no url", exc.ArgumentError, "Could not parse"),
        ("mysql://localhost/x", exc.NoSuchModuleError, "mysql"),
        ("sqlite+nope://", exc.NoSuchModuleError, "nope"),
        ("postgresql://localhost:port/x", (exc.ArgumentError, ValueError), "port"),
        (5, exc.ArgumentError, "(?i)string or url"),
    ],
)
def test_wrong_url_is_refused_when_the_engine_is_made(url: Any, cls: Any, message: str) -> None:
    with pytest.raises(cls, match=message):
        create_engine(url)


def test_server_that_is_not_there_is_named_without_the_password() -> None:
    engine = create_engine("postgresql://ann:secret@127.0.0.1:1/app?connect_timeout=2")

    with pytest.raises(exc.OperationalError, match=r"(?s)127.0.0.1.*refused") as info:
        engine.connect()

    assert "secret" not in str(info.value) and "secret" not in repr(engine)
    engine.dispose()


def test_directory_that_is_not_there_is_named_by_sqlite(tmp_path: Any) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/none/x.db")

    with pytest.raises(
        exc.OperationalError, match=r"unable to open database file '.*/none/x\.db': does its folder exist"
    ):
        engine.connect()
    engine.dispose()


def test_unknown_database_is_named(pg_db: Any) -> None:
    from tests.cluster import with_database

    engine = create_engine(with_database(pg_db.url, "no_such_database"))

    with pytest.raises(exc.OperationalError, match='database "no_such_database" does not exist'):
        engine.connect()
    engine.dispose()


def test_lost_server_is_noticed_and_the_next_transaction_reconnects(pg_db: Any) -> None:
    engine = create_engine(pg_db.url)
    with engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        pg_db.rows(f"SELECT pg_terminate_backend({pid}, 5000)")

        with pytest.raises(exc.OperationalError, match=r"(?s)terminat|closed|lost") as info:
            connection.execute(text("SELECT 1"))

        assert info.value.connection_invalidated
        assert connection.invalidated
        with pytest.raises(exc.PendingRollbackError, match=r"(?i)rollback"):
            connection.execute(text("SELECT 1"))
        connection.rollback()
        assert connection.scalar(text("SELECT pg_backend_pid()")) != pid
    engine.dispose()


def test_idle_connection_that_died_is_replaced_without_an_error(pg_db: Any) -> None:
    engine = create_engine(pg_db.url)
    with engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    pg_db.rows(f"SELECT pg_terminate_backend({pid}, 5000)")

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != pid
    engine.dispose()


def test_closed_connection_refuses_statements(engine: Engine) -> None:
    connection = engine.connect()
    connection.close()

    with pytest.raises(exc.ResourceClosedError, match="This Connection is closed"):
        connection.execute(text("SELECT 1"))


@pytest.mark.feature("ENG20")
def test_parameters_are_hidden_when_the_engine_says_so(url: str) -> None:
    engine = create_engine(url, hide_parameters=True)
    with engine.connect() as connection, pytest.raises(exc.DBAPIError) as info:
        connection.execute(text("SELECT * FROM nowhere WHERE x = :x"), {"x": "secret value"})

    assert "secret value" not in str(info.value)
    assert "SQL parameters hidden due to hide_parameters=True" in str(info.value)
    engine.dispose()
