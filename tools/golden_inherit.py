"""Write tests/golden/inherit.json: the reference library's text of statements over hierarchies of classes.

Run it in an environment that has the reference library; pyorm's tests only read what it wrote.

Usage: python tools/golden_inherit.py [directory]
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = "sqlalchemy"

sys.path.insert(0, str(ROOT))

from tests.golden.hierarchies import make_cases, make_hierarchies  # noqa: E402


def main(directory: str | None = None) -> None:
    """Compile every case for every dialect and write the file."""
    warnings.simplefilter("ignore")
    dialects = {
        "postgresql": import_module(LIBRARY + ".dialects.postgresql.asyncpg").dialect(),
        "sqlite": import_module(LIBRARY + ".dialects.sqlite.pysqlite").dialect(),
    }
    texts = {"default": {}, "postgresql": {}, "sqlite": {}}
    for name, make in make_cases(make_hierarchies(LIBRARY)).items():
        statement = make()
        texts["default"][name] = str(statement)
        for dialect, made in dialects.items():
            core = statement if hasattr(statement, "compile") else statement.statement
            texts[dialect][name] = core.compile(dialect=made).string
    content = {"library": LIBRARY, "version": import_module(LIBRARY).__version__, "statements": texts}
    path = Path(directory or ROOT / "tests" / "golden") / "inherit.json"
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(path.name, len(texts["default"]))


if __name__ == "__main__":
    main(*sys.argv[1:2])
