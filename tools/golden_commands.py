"""Write tests/golden/commands.json: what the reference library's commands print about revision graphs.

The graphs are those of tests/golden/revisions.json. Run it in an environment that has the reference
library; pyorm's tests only read what it wrote.

Usage: python tools/golden_commands.py [directory]
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
LIBRARY = "alembic"
GRAPHS = 40

sys.path.insert(0, str(ROOT))

from tests.golden.revision_files import calls, printed, write_files  # noqa: E402


def main(directory: str | None = None) -> None:
    """Run every command on every graph and write the file."""
    warnings.simplefilter("ignore")
    golden = ROOT / "tests" / "golden"
    config, command = import_module(LIBRARY + ".config").Config, import_module(LIBRARY + ".command")
    graphs = json.loads((golden / "revisions.json").read_text())["graphs"][:GRAPHS]
    cases: list[Any] = []
    for graph in graphs:
        rows = graph["rows"]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve() / "scripts"
            write_files(folder, rows)
            outputs = [printed(config, command, folder, call, given) for call, given in calls(rows)]
        cases.append({"rows": rows, "outputs": outputs})
    content = {"library": LIBRARY, "version": import_module(LIBRARY).__version__, "cases": cases}
    (Path(directory or golden) / "commands.json").write_text(json.dumps(content, indent=0) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
