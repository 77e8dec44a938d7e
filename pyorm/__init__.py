"""pyorm: an object-relational mapper with the public shape of SQLAlchemy 2 and a core in C."""

from __future__ import annotations

__version__ = "0.1.0"
