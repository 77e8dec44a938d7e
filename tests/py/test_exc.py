"""The tree of exceptions and warnings, and their texts."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from pyorm import exc

BASES = {
    "ArgumentError": "SQLAlchemyError",
    "NoSuchModuleError": "ArgumentError",
    "ObjectNotExecutableError": "ArgumentError",
    "CompileError": "SQLAlchemyError",
    "UnsupportedCompilationError": "CompileError",
    "InvalidRequestError": "SQLAlchemyError",
    "NoSuchColumnError": "InvalidRequestError",
    "ResourceClosedError": "InvalidRequestError",
    "PendingRollbackError": "InvalidRequestError",
    "MultipleResultsFound": "InvalidRequestError",
    "NoResultFound": "InvalidRequestError",
    "IllegalStateChangeError": "InvalidRequestError",
    "ConcurrentSessionUse": "IllegalStateChangeError",
    "TimeoutError": "SQLAlchemyError",
    "PoolTimeout": "TimeoutError",
    "StatementError": "SQLAlchemyError",
    "DBAPIError": "StatementError",
    "InterfaceError": "DBAPIError",
    "DatabaseError": "DBAPIError",
    "OperationalError": "DatabaseError",
    "IntegrityError": "DatabaseError",
    "UniqueViolation": "IntegrityError",
    "SerializationError": "OperationalError",
    "InFailedTransaction": "InternalError",
    "StatementCacheStale": "NotSupportedError",
    "SADeprecationWarning": "DeprecationWarning",
    "LegacyAPIWarning": "Base20DeprecationWarning",
    "SAWarning": "RuntimeWarning",
}


@pytest.mark.parametrize(("name", "base"), BASES.items())
def test_class_has_its_base(name: str, base: str) -> None:
    cls = getattr(exc, name)

    assert base in [parent.__name__ for parent in cls.__mro__[1:]]
    assert cls.__module__ == "pyorm.exc"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (exc.SQLAlchemyError("a", "b"), "('a', 'b')"),
        (exc.SQLAlchemyError(3), "3"),
        (exc.SQLAlchemyError(), "()"),
        (
            exc.InvalidRequestError("x", code="zz"),
            "x (Background on this error at: docs/errors.md#zz)",
        ),
        (exc.CircularDependencyError("m", [1, 2], [3]), "m (1, 2)"),
        (exc.ObjectNotExecutableError(3), "Not an executable object: 3"),
        (exc.NoSuchColumnError("abc"), "abc"),
        (exc.SAWarning("m", code="q"), "m (Background on this warning at: docs/errors.md#q)"),
        (exc.LegacyAPIWarning("m"), "m"),
        (exc.StatementError("m", "S", (1,), None), "m\n[SQL: S]\n[parameters: (1,)]"),
    ],
)
def test_text_is_the_documented_one(error: Exception, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize(
    "error",
    [
        exc.ObjectNotExecutableError(3),
        exc.CircularDependencyError("m", [1, 2], [(1, 2)]),
        exc.NoReferencedTableError("m", "t"),
        exc.NoReferencedColumnError("m", "t", "c"),
        exc.StatementError("m", "S", (1,), ValueError("x"), code="abc"),
        exc.EmulatedDBAPIException("m", ValueError("x")),
    ],
)
def test_error_survives_pickle(error: Exception) -> None:
    copy: Any = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy)) == (type(error), str(error))
    assert copy.__dict__.keys() == error.__dict__.keys()


def test_instance_chooses_the_class_by_the_name_of_the_drivers() -> None:
    class Error(Exception):
        pass

    class IntegrityError(Error):
        pass

    class Finer(IntegrityError):
        pass

    wrapped = exc.DBAPIError.instance("S", (), Finer("x"), Error)
    foreign = exc.DBAPIError.instance("S", (), KeyError("x"), Error)
    interrupt = exc.DBAPIError.instance("S", (), KeyboardInterrupt(), Error)

    assert type(wrapped) is exc.IntegrityError
    assert type(foreign) is exc.StatementError
    assert type(interrupt) is KeyboardInterrupt


def test_long_value_is_cut_in_the_middle() -> None:
    error = exc.StatementError("m", "S", {"a": "x" * 400}, None)

    assert " ... (102 characters truncated) ... " in str(error)


def test_many_parameters_are_cut_in_the_middle() -> None:
    error = exc.StatementError("m", "S", tuple(range(200)), None)

    assert "48, 49 ... 100 parameters truncated ... 150, 151" in str(error)
