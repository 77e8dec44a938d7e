"""Write tests/golden/operations.json: what the reference library's operations write into scripts.

Run it in an environment that has the reference library; pyorm's tests only read what it wrote.

    {"library": ..., "version": ..., "cases": {name: {dialect: {"text": ..., "error": class}}}}

Usage: python tools/golden_operations.py [file]
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = "alembic"
DIALECTS = ("postgresql", "sqlite")

sys.path.insert(0, str(ROOT))

from tests.golden.cases_operations import make_cases, run_case  # noqa: E402


def main(arguments: list[str]) -> int:
    """Run every case on every dialect and write the file; return 0, the exit status."""
    target = Path(arguments[0]) if arguments else ROOT / "tests" / "golden" / "operations.json"
    context = import_module(LIBRARY + ".runtime.migration").MigrationContext
    operations = import_module(LIBRARY + ".operations").Operations
    cases = make_cases(import_module("sqlalchemy"), import_module("sqlalchemy.dialects.postgresql"))
    told = {
        name: {dialect: run_case(context, operations, dialect, case) for dialect in DIALECTS}
        for name, case in cases.items()
    }
    lines = (f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in told.items())
    head = json.dumps({"library": LIBRARY, "version": import_module(LIBRARY).__version__})[:-1]
    target.write_text(f'{head}, "cases": {{\n' + ",\n".join(lines) + "\n}}\n")
    print(target.name, len(told) * len(DIALECTS))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
