"""Row and RowMapping, where SQLAlchemy has them."""

from __future__ import annotations

from pyorm._core import Row, RowMapping

__all__ = ["Row", "RowMapping"]
