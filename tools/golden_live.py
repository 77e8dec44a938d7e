"""Write tests/golden/rows_*.json and catalog_*.json: what the reference library answers.

Run it in an environment that has the reference library and its PostgreSQL driver; pyorm's
tests only read what it wrote. Two files per database, of the golden statements' rows and of
an Inspector:

    {"library": ..., "version": ..., "dialect": ..., "answers": {name: answer}}

Usage: python tools/golden_live.py POSTGRESQL_URL [directory]; the database must be empty.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = "sqlalchemy"

sys.path.insert(0, str(ROOT))

from tests.golden.catalog import build, describe, describe_many  # noqa: E402
from tests.golden.live import cases, fill, open_space, run_case  # noqa: E402


def answers(url: str) -> dict[str, Any]:
    """Run every statement on one database; leave nothing behind."""
    library = import_module(LIBRARY)
    is_lite = url.startswith("sqlite")
    space = open_space(
        library,
        import_module(LIBRARY + ".dialects.postgresql"),
        import_module(LIBRARY + ".dialects.sqlite"),
        is_lite,
    )
    told: dict[str, Any] = {}
    engine = library.create_engine(url)
    with engine.connect() as connection:
        fill(space, connection, is_lite)
        for name, make in cases(space).items():
            try:
                made = make()
            except Exception as error:  # it cannot be made: part of the reference
                told[name] = {"error": type(error).__name__}
                continue
            told[name] = run_case(space, connection, name, made)
        connection.rollback()
    engine.dispose()
    return told


def catalog(url: str) -> dict[str, Any]:
    """Ask an Inspector about one database; leave nothing behind."""
    library = import_module(LIBRARY)
    engine = library.create_engine(url)
    with engine.connect() as connection:
        build(library, connection, url.startswith("sqlite"))
        told = describe(library.inspect(connection))
        told |= describe_many(library, library.inspect(connection))
        connection.rollback()
    engine.dispose()
    return told


def write(path: Path, dialect: str, answers: dict[str, Any]) -> None:
    """Write one file, a line per answer."""
    version = import_module(LIBRARY).__version__
    head = json.dumps({"library": LIBRARY, "version": version, "dialect": dialect})[:-1]
    lines = (
        f"  {json.dumps(name)}: {json.dumps(answer, ensure_ascii=False)}"
        for name, answer in answers.items()
    )
    path.write_text(f'{head}, "answers": {{\n' + ",\n".join(lines) + "\n}}\n")
    print(path.name, len(answers))


def main(arguments: list[str]) -> int:
    """Write two files per database; print how many answers each holds."""
    target = Path(arguments[1]) if len(arguments) > 1 else ROOT / "tests" / "golden"
    warnings.simplefilter("ignore")
    for dialect, url in (("sqlite", "sqlite://"), ("postgresql", arguments[0])):
        write(target / f"rows_{dialect}.json", dialect, answers(url))
        write(target / f"catalog_{dialect}.json", dialect, catalog(url))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
