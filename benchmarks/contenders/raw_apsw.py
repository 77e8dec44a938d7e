"""apsw, the other driver for SQLite; the same work as sqlite3's."""

from __future__ import annotations

from typing import Any

import apsw

from benchmarks.contenders import raw_sqlite3


class Contender(raw_sqlite3.Contender):
    """One connection; apsw never begins transactions by itself."""

    def connect(self) -> Any:
        """Return a connection."""
        return apsw.Connection(self.place.target)
