"""Two copies of SQLite in one process: noticed, and said.

POSIX locks belong to a process: a second copy of the library that closes a file drops the locks of the first, and two
writers can then corrupt the file (SQLite, "How To Corrupt An SQLite Database File", section 2.2.1).
"""

from __future__ import annotations

import sys
import warnings

from pyorm import _core, exc


def warn_of_second_copy() -> None:
    """Warn if the `sqlite3` module is imported and runs on another copy of SQLite than pyorm."""
    sqlite3 = sys.modules.get("sqlite3")
    if sqlite3 is None:
        return
    with sqlite3.connect(":memory:") as connection:
        (theirs,) = connection.execute("SELECT sqlite_source_id()").fetchone()
    connection.close()
    ours = _core.library_versions()[2]
    if theirs != ours:
        warnings.warn(
            f"pyorm is linked with another copy of SQLite ({ours}) than Python's sqlite3 module ({theirs}): using both "
            "on one database file in one process can corrupt it. Build pyorm with the Python that runs it "
            "(pip install --no-binary pyorm pyorm), or leave sqlite3 alone",
            exc.SAWarning,
            stacklevel=3,
        )
