"""Write tests/golden/{sql,ddl}_*.json and *events.json: texts and logs of the reference library.

Run it in an environment that has the reference library; pyorm's tests only read what it
wrote and never import that library. One file per dialect:

    {"library": ..., "version": ..., "dialect": ...,
     "statements": {name: {"text": ..., "params": {...}, "positions": [...]}},
     "errors": {name: class of the exception}}

Usage: python tools/golden.py [directory]
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = "sqlalchemy"

sys.path.insert(0, str(ROOT))

from tests.golden.cases_ddl import make_ddl_cases  # noqa: E402
from tests.golden.cases_events import CASES as EVENT_CASES  # noqa: E402
from tests.golden.cases_events import run_case  # noqa: E402
from tests.golden.cases_pool import run_all as run_pool_cases  # noqa: E402
from tests.golden.models import make_models  # noqa: E402
from tests.golden.schema import make_namespace  # noqa: E402
from tests.golden.statements import compile_case, make_cases, make_orm_cases  # noqa: E402


def make_dialect(name: str) -> Any:
    """Return the reference's dialect object whose text is the model for `name`."""
    if name == "postgresql":
        return import_module(LIBRARY + ".dialects.postgresql.asyncpg").dialect()
    if name == "sqlite":
        return import_module(LIBRARY + ".dialects.sqlite.pysqlite").dialect()
    return None


def show(value: Any) -> str:
    """Return a parameter as text; one that comes with the execution is None."""
    text = repr(value)
    return "None" if text == "symbol('REQUIRED')" else text


def describe(compiled: Any) -> dict[str, Any]:
    """Return text, parameters and their order as JSON can hold them."""
    return {
        "text": compiled.string,
        "params": {name: show(value) for name, value in compiled.params.items()},
        "positions": list(compiled.positiontup or ()),
    }


def render(name: str) -> dict[str, Any]:
    """Return the whole content of one dialect's file."""
    space = make_namespace(
        import_module(LIBRARY),
        import_module(LIBRARY + ".dialects.postgresql"),
        import_module(LIBRARY + ".dialects.sqlite"),
    )
    dialect = make_dialect(name)
    statements: dict[str, Any] = {}
    errors: dict[str, str] = {}
    cases = make_cases(space) | make_orm_cases(make_models(LIBRARY))
    for case, make in cases.items():
        try:
            statements[case] = describe(compile_case(make(), dialect))
        except Exception as error:  # every kind of refusal is part of the reference
            errors[case] = type(error).__name__
            continue
        text = statements[case]["text"]
        if name == "default" and ("%(" in text or case.startswith("conflict_lite")):
            # A construct of one database: the reference shows that database's driver.
            del statements[case]
    return {
        "library": LIBRARY,
        "version": space.sa.__version__,
        "dialect": name,
        "statements": statements,
        "errors": errors,
    }


def render_ddl(name: str) -> dict[str, Any]:
    """Return the whole content of one dialect's DDL file."""
    dialect = make_dialect(name)
    statements: dict[str, str] = {}
    errors: dict[str, str] = {}
    for case, make in make_ddl_cases(LIBRARY).items():
        try:
            statements[case] = str(make().compile(dialect=dialect) if dialect else make())
        except Exception as error:  # a refusal is part of the reference
            errors[case] = type(error).__name__
    version = import_module(LIBRARY).__version__
    return {"library": LIBRARY, "version": version, "dialect": name, "statements": statements, "errors": errors}


def event_logs() -> dict[str, Any]:
    """Return the whole content of events.json: the log of each case."""
    version = import_module(LIBRARY).__version__
    logs = {name: run_case(LIBRARY, name) for name in EVENT_CASES}
    return {"library": LIBRARY, "version": version, "logs": logs}


def pool_logs() -> dict[str, Any]:
    """Return the whole content of pool_events.json: the log of each case and class of pool."""
    version = import_module(LIBRARY).__version__
    with tempfile.TemporaryDirectory() as folder:
        logs = run_pool_cases(LIBRARY, f"sqlite:///{folder}/pool.db")
    return {"library": LIBRARY, "version": version, "logs": logs}


def main(arguments: list[str]) -> int:
    """Write two files per dialect and the event logs; print how many cases each holds."""
    target = Path(arguments[0]) if arguments else ROOT / "tests" / "golden"
    warnings.simplefilter("ignore")
    for name in ("postgresql", "sqlite", "default"):
        for kind, content in (("sql", render(name)), ("ddl", render_ddl(name))):
            path = target / f"{kind}_{name}.json"
            path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
            print(path.name, len(content["statements"]), "errors:", content["errors"])
    for file, content in (("events.json", event_logs()), ("pool_events.json", pool_logs())):
        (target / file).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        print(file, len(content["logs"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
