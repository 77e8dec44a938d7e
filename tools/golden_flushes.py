"""Write tests/golden/flushes.json: what the reference library sends for the golden flush cases.

Run it in an environment that has the reference library and its PostgreSQL driver; pyorm's
tests only read what it wrote:

    {"library": ..., "version": ..., "flushes": {case: {"both": log} | {dialect: log}}}

Usage: python tools/golden_flushes.py POSTGRESQL_URL [file]; the database must be empty.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.golden.flushes import CASES, run
from tools.golden_logs import write

if __name__ == "__main__":
    raise SystemExit(write("flushes.json", "flushes", CASES, run, sys.argv[1:]))
