"""Revisions whose work is a Python function, without files: what runtime tests migrate with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

Work = Callable[..., None]


def nothing(**_kw: Any) -> None:
    """Do nothing."""


@dataclass(slots=True)
class Rev:
    """A revision: what it follows and what it does."""

    revision: str
    down_revision: Any = None
    up: Work = nothing
    down: Work = nothing
    dependencies: Any = None


@dataclass(slots=True)
class FakeStep:
    """A step as the runtime asks for it."""

    rev: Rev
    revision_map: Graph
    is_upgrade: bool
    info: Any = field(default_factory=SimpleNamespace)

    @property
    def revision(self) -> Rev:
        return self.rev

    @property
    def below(self) -> tuple[str, ...]:
        """What the revision follows and depends on."""
        return (*_tuple(self.rev.down_revision), *_tuple(self.rev.dependencies))

    @property
    def from_revisions(self) -> tuple[str, ...]:
        return self.below if self.is_upgrade else (self.rev.revision,)

    @property
    def to_revisions(self) -> tuple[str, ...]:
        return (self.rev.revision,) if self.is_upgrade else self.below

    @property
    def migration_fn(self) -> Work:
        return self.rev.up if self.is_upgrade else self.rev.down

    @property
    def short_log(self) -> str:
        verb = "upgrade" if self.is_upgrade else "downgrade"
        return f"{verb} {', '.join(self.from_revisions)} -> {', '.join(self.to_revisions)}"

    def __str__(self) -> str:
        return self.short_log


class Graph:
    """All revisions of a test, in an order in which they can be applied."""

    def __init__(self, *revs: Rev) -> None:
        self.revs = {rev.revision: rev for rev in revs}

    def get_revision(self, name: str) -> Rev:
        return self.revs[name]

    def get_revisions(self, name: str) -> tuple[Rev, ...]:
        return (self.revs[name],)

    def below(self, names: Iterable[str]) -> set[str]:
        """Return revisions and everything they need."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                rev = self.revs[name]
                waiting += [*_tuple(rev.down_revision), *_tuple(rev.dependencies)]
        return found

    def upgrade(self, *targets: str) -> Callable[[tuple[str, ...], Any], list[FakeStep]]:
        """Return a plan function: everything that the targets need and the heads do not have."""

        def plan(heads: tuple[str, ...], _context: Any) -> list[FakeStep]:
            wanted, there = self.below(targets), self.below(heads)
            return [FakeStep(rev, self, True) for name, rev in self.revs.items() if name in wanted - there]

        return plan

    def downgrade(self, *keep: str) -> Callable[[tuple[str, ...], Any], list[FakeStep]]:
        """Return a plan function: takes back what is there and the given revisions do not need."""

        def plan(heads: tuple[str, ...], _context: Any) -> list[FakeStep]:
            gone = self.below(heads) - self.below(keep)
            return [FakeStep(rev, self, False) for name, rev in reversed(self.revs.items()) if name in gone]

        return plan


def _tuple(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)
