"""Write tests/golden/sessions.json: what the reference library does in the golden session cases.

Run it in an environment that has the reference library and its PostgreSQL driver; pyorm's
tests only read what it wrote:

    {"library": ..., "version": ..., "scenes": {name: {"both": log} | {dialect: log}}}

Usage: python tools/golden_scenes.py POSTGRESQL_URL [file]; the database must be empty.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.golden.scenes import SCENES, run
from tools.golden_logs import write

if __name__ == "__main__":
    raise SystemExit(write("sessions.json", "scenes", SCENES, run, sys.argv[1:]))
