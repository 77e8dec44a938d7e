"""Errors of the revision graph. Commands turn them into CommandError; libraries may catch these."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "CycleDetected",
    "DependencyCycleDetected",
    "DependencyLoopDetected",
    "LoopDetected",
    "MissingRevision",
    "MultipleHeads",
    "RangeNotAncestorError",
    "ResolutionError",
    "RevisionError",
    "WalkedTooFar",
]


class RevisionError(Exception):
    """The graph cannot answer."""


class RangeNotAncestorError(RevisionError):
    """The lower end of a range is not below its upper end."""

    def __init__(self, lower: object, upper: object) -> None:
        """Keep both ends as they were given."""
        self.lower = lower
        self.upper = upper
        super().__init__(f"Revision {lower or 'base'} is not an ancestor of revision {upper or 'base'}")


class MultipleHeads(RevisionError):
    """One revision was asked for, and several fit."""

    def __init__(self, heads: Sequence[str], argument: str | None) -> None:
        """Keep the candidates and what was asked for."""
        self.heads = heads
        self.argument = argument
        super().__init__(f"Multiple heads are present for given argument '{argument}'; {', '.join(heads)}")


class ResolutionError(RevisionError):
    """An identifier names no revision, or more than one."""

    def __init__(self, message: str, argument: str) -> None:
        """Keep the identifier."""
        super().__init__(message)
        self.argument = argument


class WalkedTooFar(RevisionError):
    """Fewer revisions are there than a relative identifier counts."""

    def __init__(self) -> None:
        """There is nothing to keep."""
        super().__init__("Walked too far")


class MissingRevision(RevisionError):
    """A script follows or depends on a revision that no file has."""

    def __init__(self, missing: str, wanted_by: str, path: str | None, role: str) -> None:
        """Keep the revision that is missing.

        Args:
            missing: its id.
            wanted_by: the revision that names it.
            path: that revision's file.
            role: "down_revision" or "depends_on".
        """
        self.missing = missing
        where = f" ({path})" if path else ""
        super().__init__(
            f"Can't locate revision identified by '{missing}': revision {wanted_by}{where} names it as its {role}, "
            "but no script has it. Bring its file back, for instance from version control, or correct that line."
        )


class CycleDetected(RevisionError):
    """Revisions that follow one another in a circle."""

    kind = "Cycle"

    def __init__(self, revisions: Sequence[str]) -> None:
        """Keep the revisions that are in it or cannot be reached because of it."""
        self.revisions = revisions
        super().__init__(f"{self.kind} is detected in revisions ({', '.join(revisions)})")


class DependencyCycleDetected(CycleDetected):
    """A circle of which a part are dependencies."""

    kind = "Dependency cycle"


class LoopDetected(CycleDetected):
    """A revision that follows itself."""

    kind = "Self-loop"

    def __init__(self, revision: str) -> None:
        """Keep the revision."""
        super().__init__([revision])


class DependencyLoopDetected(DependencyCycleDetected, LoopDetected):
    """A revision that depends on itself."""

    kind = "Dependency self-loop"

    def __init__(self, revision: str) -> None:
        """Keep the revision."""
        super().__init__(revision)
