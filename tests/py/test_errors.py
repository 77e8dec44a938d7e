"""What a driver's error becomes: class, text, PEP 249 error, names of constraint and columns."""

from __future__ import annotations

import pickle
import re
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pyorm import _coretest as core
from pyorm import _dberrors as dberrors
from pyorm import exc

CODES = core.py_codes()
DB = CODES["ORM_E_DB"]


def caught(code: int = DB, message: str = "boom", **kw: Any) -> Exception:
    """Return the exception that an orm_err becomes."""
    with pytest.raises(Exception) as info:
        core.py_raise(code, message, **kw)
    return info.value


OWN_CLASSES = {
    "23505": exc.UniqueViolation,
    "23503": exc.ForeignKeyViolation,
    "23502": exc.NotNullViolation,
    "23514": exc.CheckViolation,
    "23P01": exc.ExclusionViolation,
    "23000": exc.IntegrityError,
    "40001": exc.SerializationError,
    "40P01": exc.DeadlockError,
    "55P03": exc.LockTimeout,
    "57014": exc.QueryCanceled,
    "57P01": exc.Disconnected,
    "57P03": exc.NotAvailable,
    "57P05": exc.IdleTimeout,
    "25006": exc.RoleChanged,
    "25P02": exc.InFailedTransaction,
    "26000": exc.StatementCacheStale,
    "22003": exc.DataError,
    "42P01": exc.ProgrammingError,
    "0A000": exc.NotSupportedError,
    "XX000": exc.InternalError,
    "53100": exc.OperationalError,
    "ZZZZZ": exc.DatabaseError,
}


@pytest.mark.parametrize(("sqlstate", "cls"), OWN_CLASSES.items())
def test_sqlstate_has_its_class(sqlstate: str, cls: type[exc.DBAPIError]) -> None:
    error = caught(sqlstate=sqlstate)

    assert type(error) is cls
    assert error.sqlstate == sqlstate
    assert error.orig.pgcode == sqlstate


def known_sqlstates() -> list[str]:
    """Return every SQLSTATE that the installed server documents."""
    found = sorted(Path("/usr/share/postgresql").glob("*/errcodes.txt"))
    if not found:
        prefix = subprocess.run(
            ["pg_config", "--sharedir"], capture_output=True, text=True, check=True
        ).stdout.strip()
        found = [Path(prefix, "errcodes.txt")]
    lines = found[-1].read_text().splitlines()
    return [line[:5] for line in lines if re.match(r"[0-9A-Z]{5}\s+E\s", line)]


def test_every_sqlstate_of_the_server_has_a_class_of_its_kind() -> None:
    states = known_sqlstates()

    assert len(states) > 200
    for sqlstate in states:
        error = caught(sqlstate=sqlstate)
        assert isinstance(error, exc.DatabaseError), sqlstate
        assert isinstance(error.orig, dberrors.DatabaseError)
        if sqlstate[:2] in ("22", "23", "42", "40", "53"):
            assert type(error) is not exc.DatabaseError, sqlstate


def test_stale_plan_is_told_from_other_missing_features() -> None:
    assert type(caught(sqlstate="0A000", message="cached plan must not change result type")) is (
        exc.StatementCacheStale
    )


SQLITE_CLASSES = {
    5: (exc.DatabaseBusy, "SQLITE_BUSY"),
    517: (exc.SnapshotTooOld, "SQLITE_BUSY_SNAPSHOT"),
    6: (exc.DatabaseLocked, "SQLITE_LOCKED"),
    8: (exc.DatabaseReadOnly, "SQLITE_READONLY"),
    10: (exc.DatabaseIOError, "SQLITE_IOERR"),
    266: (exc.DatabaseIOError, "SQLITE_IOERR_READ"),
    11: (exc.DatabaseCorrupt, "SQLITE_CORRUPT"),
    13: (exc.DatabaseFull, "SQLITE_FULL"),
    14: (exc.CannotOpenDatabase, "SQLITE_CANTOPEN"),
    26: (exc.NotADatabase, "SQLITE_NOTADB"),
    2067: (exc.UniqueViolation, "SQLITE_CONSTRAINT_UNIQUE"),
    1555: (exc.UniqueViolation, "SQLITE_CONSTRAINT_PRIMARYKEY"),
    787: (exc.ForeignKeyViolation, "SQLITE_CONSTRAINT_FOREIGNKEY"),
    1299: (exc.NotNullViolation, "SQLITE_CONSTRAINT_NOTNULL"),
    275: (exc.CheckViolation, "SQLITE_CONSTRAINT_CHECK"),
    1811: (exc.IntegrityError, "SQLITE_CONSTRAINT_TRIGGER"),
    1: (exc.OperationalError, "SQLITE_ERROR"),
    18: (exc.DataError, "SQLITE_TOOBIG"),
    21: (exc.InterfaceError, "SQLITE_MISUSE"),
    0x7F05: (exc.DatabaseBusy, "SQLITE_BUSY"),
}


@pytest.mark.parametrize(("native", "expected"), SQLITE_CLASSES.items())
def test_sqlite_code_has_its_class_and_name(native: int, expected: tuple[type, str]) -> None:
    error = caught(native=native)

    assert (type(error), error.orig.sqlite_errorname) == expected
    assert error.orig.sqlite_errorcode == native


def test_every_code_that_python_knows_has_its_name() -> None:
    primary = {code & 255: name for code, (_, name) in SQLITE_CLASSES.items() if code < 256}
    seen = 0

    for name in dir(sqlite3):
        code = getattr(sqlite3, name)
        family = primary.get(code & 255) if isinstance(code, int) else None
        if family is not None and code > 255 and name.startswith(family):
            assert caught(native=code).orig.sqlite_errorname == name
            seen += 1

    assert seen > 40


def test_message_has_statement_and_parameters_when_it_is_printed() -> None:
    error = caught(
        sqlstate="23505",
        message='duplicate key value violates unique constraint "users_pkey"',
        detail="Key (id)=(1) already exists.",
        statement="INSERT INTO users (id) VALUES ($1)",
        params=(1,),
    )

    assert str(error) == (
        "(pyorm.dbapi.IntegrityError) duplicate key value violates unique constraint "
        '"users_pkey"\n'
        "DETAIL:  Key (id)=(1) already exists.\n"
        "[SQL: INSERT INTO users (id) VALUES ($1)]\n"
        "[parameters: (1,)]\n"
        "(Background on this error at: docs/errors.md#gkpj)"
    )
    assert error.__cause__ is error.orig
    assert isinstance(error.orig, dberrors.IntegrityError)


def test_parameters_are_hidden_when_asked() -> None:
    error = caught(statement="S", params={"secret": 1}, flags=1)

    assert "secret" not in str(error)
    assert "[SQL parameters hidden due to hide_parameters=True]" in str(error)


def test_many_parameter_sets_are_cut() -> None:
    error = caught(statement="S", params=[(i,) for i in range(20)], flags=2)

    assert " ... displaying 10 of 20 total bound parameter sets ... " in str(error)


def test_constraint_table_and_columns_are_told_on_postgresql() -> None:
    error = caught(
        sqlstate="23505", detail='Key (a, "B c")=(1, 2) already exists.', table="t", constraint="u"
    )

    assert (error.constraint, error.table, error.columns) == ("u", "t", ("a", "B c"))
    assert error.orig.diag.constraint_name == "u"


def test_columns_are_told_on_sqlite() -> None:
    error = caught(
        native=2067, message="UNIQUE constraint failed: t.a, t.b", table="t", column="a, b"
    )

    assert (error.constraint, error.table, error.columns) == (None, "t", ("a", "b"))


def test_nothing_is_told_when_the_database_says_nothing() -> None:
    error = caught(native=787)

    assert (error.constraint, error.table, error.columns) == (None, None, ())


@pytest.mark.parametrize(
    ("code", "cls"),
    {
        "ORM_E_NOMEM": MemoryError,
        "ORM_E_INTERFACE": exc.InterfaceError,
        "ORM_E_PROGRAMMING": exc.ProgrammingError,
        "ORM_E_DATA": exc.DataError,
        "ORM_E_UNAVAILABLE": exc.NotAvailable,
        "ORM_E_LOST": exc.Disconnected,
        "ORM_E_TIMEOUT": exc.StatementTimeout,
        "ORM_E_CANCELLED": exc.QueryCanceled,
        "ORM_E_FORKED": exc.InterfaceError,
        "ORM_E_COMMIT_UNKNOWN": exc.CommitOutcomeUnknown,
        "ORM_E_POOL_TIMEOUT": exc.PoolTimeout,
        "ORM_E_POOL_CLOSED": exc.InvalidRequestError,
        "ORM_E_REENTRY": exc.ConcurrentSessionUse,
        "ORM_E_OPEN_TX": exc.InvalidRequestError,
    }.items(),
)
def test_code_has_its_class(code: str, cls: type) -> None:
    assert type(caught(CODES[code])) is cls


def test_lost_connection_is_invalidated() -> None:
    assert caught(CODES["ORM_E_LOST"], lost=True).connection_invalidated
    assert not caught().connection_invalidated
    assert type(caught(CODES["ORM_E_LOST"], sqlstate="57P05")) is exc.IdleTimeout


@pytest.mark.parametrize(
    "text",
    [
        "connection to postgresql://u:hidden@host/db failed",
        'invalid option in "host=x password=hidden dbname=y"',
        "password='hid den' user=x",
    ],
)
def test_password_is_masked(text: str) -> None:
    message = str(caught(CODES["ORM_E_UNAVAILABLE"], text))

    assert "hid" not in message
    assert "***" in message


def test_live_exception_becomes_the_context() -> None:
    def bind() -> None:
        raise ValueError("no")

    with pytest.raises(exc.StatementError) as info:
        core.py_raise_in_statement(bind, "SELECT 1", {"a": 1})

    assert type(info.value) is exc.StatementError
    assert str(info.value) == "(builtins.ValueError) no\n[SQL: SELECT 1]\n[parameters: {'a': 1}]"
    assert isinstance(info.value.__cause__, ValueError)


def test_data_error_of_an_encoder_gets_its_statement() -> None:
    def bind() -> None:
        core.py_raise(CODES["ORM_E_DATA"], "too big")

    with pytest.raises(exc.DataError) as info:
        core.py_raise_in_statement(bind, "SELECT 1", (2,))

    assert (info.value.statement, info.value.params) == ("SELECT 1", (2,))
    assert "[SQL: SELECT 1]" in str(info.value)


def test_exception_that_asks_for_it_is_not_wrapped() -> None:
    class Own(exc.DontWrapMixin, Exception):
        pass

    def bind() -> None:
        raise Own("as it is")

    with pytest.raises(Own, match="as it is"):
        core.py_raise_in_statement(bind, "SELECT 1", ())


def test_error_is_raised_by_name_with_its_code() -> None:
    with pytest.raises(exc.ArgumentError, match=r"^a b$"):
        core.py_raise_by_name(None, "a b")
    with pytest.raises(exc.ArgumentError) as info:
        core.py_raise_by_name("xyz", "a b")
    assert info.value.code == "xyz"
    assert str(info.value) == "a b (Background on this error at: docs/errors.md#xyz)"


def test_error_survives_pickle() -> None:
    error = caught(sqlstate="23505", statement="S", params=(1,), table="t")
    error.add_detail("while testing")

    copy = pickle.loads(pickle.dumps(error))

    assert str(copy) == str(error)
    assert (type(copy), copy.table, copy.sqlstate) == (type(error), "t", "23505")


def test_error_text_may_be_no_utf8() -> None:
    assert "caf" in str(caught(message="caf\xe9 \U0001f600"))
