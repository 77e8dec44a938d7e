"""What listeners of instance events learn about the statement that loads."""

from __future__ import annotations

from typing import Any

__all__ = ["QueryContext"]


class QueryContext:
    """One execution that loads instances.

    Attributes:
        session: The Session that loads.
        statement: The statement, or None for a refresh.
        populate_existing: Whether what instances hold is overwritten.
    """

    __slots__ = ("populate_existing", "session", "statement")

    def __init__(self, session: Any, statement: Any, populate_existing: bool) -> None:
        """Keep the facts."""
        self.session, self.statement, self.populate_existing = session, statement, populate_existing
