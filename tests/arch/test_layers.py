"""The tables of tools/check_layers.py hold, and the check sees what breaks them."""

from __future__ import annotations

import ast

import pytest

from tools.check_layers import check, check_import, check_include, imports_of


def test_code_keeps_to_the_layers() -> None:
    assert not (problems := check()), "\n".join(problems)


@pytest.mark.parametrize(
    ("folder", "name", "header", "complaint"),
    [
        ("sql", "render.c", "driver/driver.h", "below driver/ or beside it"),
        ("driver", "lite_open.c", "sql/sql.h", "below sql/ or beside it"),
        ("base", "buf.c", "Python.h", "must not know Python"),
        ("pool", "pool.c", "py/py.h", "must not know Python"),
        ("unit", "graph.c", "Python.h", "must not know Python"),
        ("exec", "run.c", "sqlite3.h", "belongs to driver"),
        ("orm", "load.c", "exec/exec_int.h", "is exec/'s own"),
        ("exec", "run.c", "sql/compiled.h", "is sql/'s own"),
    ],
)
def test_include_is_refused_when_it_goes_up_or_inside(folder, name, header, complaint) -> None:
    assert complaint in (check_include(folder, name, header) or "")


@pytest.mark.parametrize(
    ("folder", "name", "header"),
    [
        ("orm", "load.c", "exec/exec.h"),
        ("exec", "run.c", "sql/sql_node.h"),
        ("pool", "pool_type.c", "py/py.h"),
        ("driver", "lite_open.c", "sqlite3.h"),
        ("driver", "lite_open.c", "driver/lite_int.h"),
        ("types", "int.c", "base/wire.h"),
    ],
)
def test_include_is_allowed_when_it_goes_down(folder, name, header) -> None:
    assert check_include(folder, name, header) is None


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("pyorm.schema.table", "pyorm.engine.base"),
        ("pyorm.engine", "pyorm.orm"),
        ("pyorm", "pyorm.compat"),
        ("pyorm.engine.url", "rich.table"),
    ],
)
def test_import_is_refused_when_it_goes_up_or_is_for_few(module, imported) -> None:
    assert check_import(module, imported) is not None


def test_imports_are_found_at_module_level_only_when_a_file_has_others() -> None:
    source = (
        "from __future__ import annotations\n"
        "from . import b\n"
        "from ..c import d\n"
        "if TYPE_CHECKING:\n    import e\n"
        "def f():\n    import g\n"
        "try:\n    import h\nexcept ImportError:\n    pass\n"
    )

    found = {name for _, name in imports_of(ast.parse(source), "p.q")}

    assert {"p.q.b", "p.c.d", "h"} <= found
    assert found.isdisjoint({"e", "g"})
