"""Write tests/golden/mutations.json: what the reference library does when relationships change.

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

from tests.golden.cases_mutations import names, run_case  # noqa: E402


def main(directory: str | None = None) -> None:
    """Run every case and write the file."""
    warnings.simplefilter("ignore")
    content = {
        "library": LIBRARY,
        "version": import_module(LIBRARY).__version__,
        "logs": {name: run_case(LIBRARY, name) for name in names()},
    }
    path = Path(directory or ROOT / "tests" / "golden") / "mutations.json"
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:2])
