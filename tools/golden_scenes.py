"""Write tests/golden/sessions.json: what the reference library does in the golden session cases.

Run it in an environment that has the reference library and its PostgreSQL driver; pyorm's
tests only read what it wrote:

    {"library": ..., "version": ..., "scenes": {name: {"both": log} | {dialect: log}}}

Usage: python tools/golden_scenes.py POSTGRESQL_URL [file]; the database must be empty.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = "sqlalchemy"

sys.path.insert(0, str(ROOT))

from tests.golden.scenes import SCENES, run  # noqa: E402


def logs(name: str, urls: dict[str, str]) -> dict[str, Any]:
    """Run one scene on every database."""
    told = {
        dialect: run(name, LIBRARY, url, use_insertmanyvalues=False)
        for dialect, url in urls.items()
    }
    first, *others = told.values()
    return {"both": first} if all(other == first for other in others) else told


def main(arguments: list[str]) -> int:
    """Write the file; print how many scenes it holds."""
    path = ROOT / "tests" / "golden" / "sessions.json"
    target = Path(arguments[1]) if len(arguments) > 1 else path
    urls = {"sqlite": "sqlite://", "postgresql": arguments[0]}
    told = {name: logs(name, urls) for name in SCENES}
    version = import_module(LIBRARY).__version__
    lines = (f"  {json.dumps(n)}: {json.dumps(t, ensure_ascii=False)}" for n, t in told.items())
    head = json.dumps({"library": LIBRARY, "version": version})[:-1]
    target.write_text(f'{head}, "scenes": {{\n' + ",\n".join(lines) + "\n}}\n")
    print(target.name, len(told), sum("both" not in t for t in told.values()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
