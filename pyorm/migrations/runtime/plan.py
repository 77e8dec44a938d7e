"""What a step of a run is, and which version rows it moves.

The steps themselves are made by `pyorm.migrations.script.steps`; here is what the runtime asks of
them, and the rule by which a step changes the rows of the version table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple, Protocol


class Step(Protocol):
    """One revision to apply, take back, or only to note."""

    is_upgrade: bool
    revision_map: Any

    @property
    def from_revisions(self) -> tuple[str, ...]:
        """Revisions whose rows it replaces: for an upgrade what it follows and depends on."""

    @property
    def to_revisions(self) -> tuple[str, ...]:
        """Revisions whose rows it leaves."""

    @property
    def short_log(self) -> str:
        """Its verb and revisions, as in "upgrade a -> b"."""

    @property
    def migration_fn(self) -> Any:
        """What does the work; called with the keyword arguments of run_migrations()."""


class Move(NamedTuple):
    """One change of the version table: None for `old` inserts, None for `new` deletes."""

    old: str | None
    new: str | None


def moves(step: Step, heads: Collection[str]) -> list[Move]:
    """Return what a step does to the version rows, in order.

    Args:
        step: the step that was run.
        heads: the rows there are now.

    A row stands for its revision and for all that the revision follows or depends on. So rows of
    what the step follows go, and a row of what it leaves comes unless another row stands for it.
    """
    gone = [revision for revision in step.from_revisions if revision in heads]
    stay = [head for head in heads if head not in gone]
    come = [revision for revision in step.to_revisions if revision not in stay]
    if not step.is_upgrade:
        # What a merge followed may itself follow another part of it.
        come = [
            revision
            for revision in come
            if revision not in ancestors(step.revision_map, [*stay, *(other for other in come if other != revision)])
        ]
    if not gone or not come:
        return [Move(revision, None) for revision in gone] + [Move(None, revision) for revision in come]
    return [
        *(Move(revision, None) for revision in gone[:-1]),
        *(Move(None, revision) for revision in come[1:]),
        Move(gone[-1], come[0]),
    ]


def ancestors(revision_map: Any, revisions: Iterable[str]) -> set[str]:
    """Return everything that revisions follow or depend on, with themselves."""
    found: set[str] = set()
    waiting = list(revisions)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        revision = revision_map.get_revision(name)
        if revision is None:
            continue
        waiting.extend(as_tuple(revision.down_revision))
        for dependency in as_tuple(revision.dependencies):
            waiting.extend(r.revision for r in revision_map.get_revisions(dependency) if r is not None)
    return found


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return a tuple: of nothing for None, of one for a string or a single object."""
    if value is None:
        return ()
    if isinstance(value, (tuple, list, set, frozenset)):
        return tuple(value)
    return (value,)
