"""Write tests/golden/{mutations,association}.json: what the reference does when relationships change.

Run it in an environment that has the reference library; pyorm's tests only read what it wrote.

Usage: python tools/golden_mutations.py [directory]
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

from tests.golden.cases_association import run as run_association  # noqa: E402
from tests.golden.cases_mutations import names, run_case  # noqa: E402


def main(directory: str | None = None) -> None:
    """Run every case and write the files."""
    warnings.simplefilter("ignore")
    logs = {
        "mutations": {name: run_case(LIBRARY, name) for name in names()},
        "association": run_association(LIBRARY),
    }
    for name, found in logs.items():
        content = {"library": LIBRARY, "version": import_module(LIBRARY).__version__, "logs": found}
        path = Path(directory or ROOT / "tests" / "golden") / f"{name}.json"
        path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:2])
