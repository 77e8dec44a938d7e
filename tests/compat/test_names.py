"""`import sqlalchemy` and `import alembic` find pyorm: for good, or for a while."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

import pyorm
from pyorm import exc
from pyorm.compat import is_installed, names_resolved
from pyorm.orm import Session

PROGRAM = Path(__file__).with_name("unchanged.txt").read_text()


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_program_runs_unchanged_when_names_are_installed() -> None:
    assert run(PROGRAM).splitlines() == [
        "['Alice']",
        "True True",
        "True 2.1.9 pyorm.orm",
        "True True sqlalchemy.engine.Engine",
        "True",
    ]


def test_install_refuses_when_the_other_library_was_imported() -> None:
    program = """
import sys, types
sys.modules["sqlalchemy"] = types.ModuleType("sqlalchemy")
import pyorm.compat
try:
    pyorm.compat.install_as_sqlalchemy()
except RuntimeError as error:
    print(error)
"""

    assert run(program).startswith("sqlalchemy has been imported already; call pyorm.compat.install_as_sqlalchemy()")


def test_real_modules_return_when_the_block_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    real, below = ModuleType("sqlalchemy"), ModuleType("sqlalchemy.orm")
    monkeypatch.setitem(sys.modules, "sqlalchemy", real)
    monkeypatch.setitem(sys.modules, "sqlalchemy.orm", below)

    with names_resolved():
        with names_resolved():
            assert importlib.import_module("sqlalchemy.orm").Session is Session
        assert is_installed() and importlib.import_module("sqlalchemy") is not real

    assert not is_installed()
    assert sys.modules["sqlalchemy"] is real and sys.modules["sqlalchemy.orm"] is below
    assert "sqlalchemy.schema" not in sys.modules


def test_names_stay_when_another_thread_still_uses_them() -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with names_resolved():
            inside.set()
            assert leave.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(30)
    with names_resolved():
        pass
    assert is_installed()
    leave.set()
    thread.join()
    assert not is_installed()


def test_missing_module_is_named_when_imported() -> None:
    with names_resolved():
        with pytest.raises(ModuleNotFoundError, match=r"a synchronous env\.py"):
            importlib.import_module("sqlalchemy.ext.asyncio")
        with pytest.raises(ModuleNotFoundError, match=r"pyorm has no module 'pyorm\.nothing'"):
            importlib.import_module("sqlalchemy.nothing")
        with pytest.raises(AttributeError, match=r"'sqlalchemy.sql.elements' has no attribute 'nothing'"):
            _ = importlib.import_module("sqlalchemy.sql.elements").nothing


def test_every_facade_has_sources_that_exist() -> None:
    from pyorm.compat.modules import FACADES

    with names_resolved():
        for name in FACADES:
            assert len(dir(importlib.import_module(name))) > 5, name


def test_loggers_carry_the_other_names_when_resolved() -> None:
    logger = logging.getLogger("pyorm.migrations.runtime.migration")

    with names_resolved():
        assert logger.name == "alembic.runtime.migration"
        assert logger.parent is logging.getLogger("alembic.runtime")
        assert logging.getLogger("alembic.runtime.migration") is logger
        assert pyorm.create_engine("sqlite://").logger.name == "sqlalchemy.engine.Engine"

    assert logger.name == "pyorm.migrations.runtime.migration"
    assert logging.getLogger("pyorm.migrations.runtime.migration") is logger
    assert pyorm.create_engine("sqlite://").logger.name == "pyorm.engine.Engine"


def test_foreign_type_is_named_when_it_is_written() -> None:
    from pyorm.compat import mysql

    column = pyorm.Column("a", mysql.TINYINT(1, unsigned=True))  # type: ignore[attr-defined]
    table = pyorm.Table("t", pyorm.MetaData(), column)

    assert repr(column.type) == "TINYINT(1, unsigned=True)"
    with pytest.raises(exc.CompileError, match="TINYINT is a type of mysql and cannot be written for sqlite"):
        table.create(pyorm.create_engine("sqlite://"))


def test_small_things_of_util_work() -> None:
    from pyorm.compat import util

    assert util.asbool("yes") and not util.asbool("0") and util.asint("5") == 5
    assert util.to_list("a") == ["a"] and util.to_list(None, [1]) == [1] and util.unique_list([2, 1, 2]) == [2, 1]
    frozen = util.immutabledict({"a": 1}).union({"b": 2})
    assert frozen == {"a": 1, "b": 2}
    with pytest.raises(TypeError, match="immutable"):
        frozen["c"] = 3

    @util.deprecated("1.0", "use g()")
    def f() -> int:
        return 5

    with pytest.warns(exc.SADeprecationWarning, match=r"use g\(\)"):
        assert f() == 5
