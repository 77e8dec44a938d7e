"""Write tests/golden/related.json: texts and rows of statements about relationships.

Run it in an environment that has the reference library and its PostgreSQL driver; pyorm's
tests only read what it wrote.

Usage: python tools/golden_related.py POSTGRESQL_URL [directory]; the database must be empty.
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

from tests.golden.cases_related import make_related_cases  # noqa: E402
from tests.golden.related import compile_case, fill, make_related, run_case  # noqa: E402
from tools.golden import make_dialect  # noqa: E402


def texts(q: Any, cases: Any, dialect: str) -> dict[str, Any]:
    """Return text and parameters of each case on one dialect."""
    return {name: compile_case(q, make, make_dialect(dialect)) for name, make in cases.items()}


def rows(q: Any, cases: Any, url: str) -> dict[str, Any]:
    """Return the rows of each case on one database; leave nothing behind."""
    engine = q.sa.create_engine(url)
    told: dict[str, Any] = {}
    with engine.connect() as connection:
        fill(q, connection)
        for name, make in cases.items():
            with q.orm.Session(connection, join_transaction_mode="create_savepoint") as session:
                told[name] = run_case(q, session, make)
        connection.rollback()
    engine.dispose()
    return told


def main(arguments: list[str]) -> int:
    """Write the file; print how many cases it holds."""
    target = Path(arguments[1]) if len(arguments) > 1 else ROOT / "tests" / "golden"
    warnings.simplefilter("ignore")
    q = make_related(LIBRARY)
    cases = make_related_cases(q)
    content: dict[str, Any] = {"library": LIBRARY, "version": import_module(LIBRARY).__version__}
    content["texts"] = {d: texts(q, cases, d) for d in ("postgresql", "sqlite", "default")}
    urls = {"sqlite": "sqlite://", "postgresql": arguments[0]}
    content["rows"] = {d: rows(q, cases, url) for d, url in urls.items()}
    path = target / "related.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    print(path.name, len(cases))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
