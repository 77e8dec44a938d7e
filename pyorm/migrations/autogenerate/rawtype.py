"""`DatabaseType`: a type of a database by its text, where no class stands for it."""

from __future__ import annotations

from typing import Any

from pyorm.types import UserDefinedType


class DatabaseType(UserDefinedType):
    """A type that is written in DDL as it stands in the catalog.

    Args:
        text: the type's text, such as "geometry(Point,4326)".
    """

    cache_ok = True

    def __init__(self, text: str) -> None:
        """Keep the text."""
        self.text = text

    def get_col_spec(self, **kw: Any) -> str:
        """Return the text."""
        return self.text

    def __repr__(self) -> str:
        """Show how it is made."""
        return f"DatabaseType({self.text!r})"
