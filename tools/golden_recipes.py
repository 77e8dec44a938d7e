"""Write tests/golden/recipes.json: what the recipes of examples/ print and send with the reference library.

Run it in an environment that has the reference library; pyorm's tests only read what it wrote.

Usage: python tools/golden_recipes.py [directory]
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = "sqlalchemy"

sys.path.insert(0, str(ROOT))

from tests.examples.recipes import names, tell  # noqa: E402


def main(directory: str | None = None) -> None:
    """Run every recipe and write the file."""
    content = {
        "library": LIBRARY,
        "version": import_module(LIBRARY).__version__,
        "recipes": {name: tell(LIBRARY, name, "sqlite://") for name in names()},
    }
    path = Path(directory or ROOT / "tests" / "golden") / "recipes.json"
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:2])
