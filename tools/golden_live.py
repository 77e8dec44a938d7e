"""Write tests/golden/rows_*.json: what the golden statements answer under the reference library.

Run it in an environment that has the reference library and its PostgreSQL driver; pyorm's
tests only read what it wrote. One file per database:

    {"library": ..., "version": ..., "dialect": ..., "answers": {name: answer of run_case()}}

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
    return {
        "library": LIBRARY,
        "version": library.__version__,
        "dialect": "sqlite" if is_lite else "postgresql",
        "answers": told,
    }


def main(arguments: list[str]) -> int:
    """Write one file per database; print how many statements answered."""
    target = Path(arguments[1]) if len(arguments) > 1 else ROOT / "tests" / "golden"
    warnings.simplefilter("ignore")
    for url in ("sqlite://", arguments[0]):
        content = answers(url)
        path = target / f"rows_{content['dialect']}.json"
        lines = (
            f"  {json.dumps(name)}: {json.dumps(answer, ensure_ascii=False)}"
            for name, answer in content.pop("answers").items()
        )
        head = json.dumps(content)[:-1]
        path.write_text(f'{head}, "answers": {{\n' + ",\n".join(lines) + "\n}}\n")
        print(path.name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
