"""A revision: a node of the graph, with what it follows, depends on, and is called."""

from __future__ import annotations

import re
from collections.abc import Collection

from pyorm.migrations.script.errors import DependencyLoopDetected, LoopDetected, RevisionError
from pyorm.migrations.util.langhelpers import dedupe_tuple, to_tuple

__all__ = ["Revision", "tuple_rev_as_scalar"]

# They have a meaning in what people write: label@revision, revision+1, from:to.
BANNED_CHARACTERS = re.compile(r"[@:+-]")


def tuple_rev_as_scalar(rev: Collection[str] | None) -> str | tuple[str, ...] | None:
    """Return what a script says for ids: None, one string, or a tuple."""
    ids = tuple(rev or ())
    if not ids:
        return None
    return ids[0] if len(ids) == 1 else ids


class Revision:
    """A node of the graph. Its children and branch labels are filled in by the map that has it.

    Args:
        revision: its id.
        down_revision: what it follows: None for a base, a tuple for a merge.
        dependencies: ids or labels of what has to be applied before, on other branches.
        branch_labels: names of the branch it is on.

    Raises:
        RevisionError: The id has a character that means something else; it follows itself.
    """

    def __init__(
        self,
        revision: str,
        down_revision: str | Collection[str] | None,
        dependencies: str | Collection[str] | None = None,
        branch_labels: str | Collection[str] | None = None,
    ) -> None:
        """Check the id."""
        self.verify_rev_id(revision)
        self.revision = revision
        self._plain_parents: tuple[str, ...] = to_tuple(down_revision, default=())
        depends: tuple[str, ...] = to_tuple(dependencies, default=())
        if revision in self._plain_parents:
            raise LoopDetected(revision)
        if revision in depends:
            raise DependencyLoopDetected(revision)
        self.down_revision = tuple_rev_as_scalar(self._plain_parents)
        self.dependencies = tuple_rev_as_scalar(depends)
        self._orig_branch_labels: tuple[str, ...] = to_tuple(branch_labels, default=())
        self.branch_labels: set[str] = set(self._orig_branch_labels)
        self.nextrev: frozenset[str] = frozenset()
        self._all_nextrev: frozenset[str] = frozenset()
        # What labels and partial ids in `dependencies` stand for, and of these those that no
        # ancestor depends on already.
        self._resolved_dependencies: tuple[str, ...] = ()
        self._own_dependencies: tuple[str, ...] = ()

    @classmethod
    def verify_rev_id(cls, revision: str) -> None:
        """Refuse an id that could be read as something else.

        Raises:
            RevisionError: It has one of the characters @ : + -
        """
        found = sorted(set(BANNED_CHARACTERS.findall(revision)))
        if found:
            raise RevisionError(f"Character(s) '{', '.join(found)}' not allowed in revision identifier '{revision}'")

    def __repr__(self) -> str:
        """Return the arguments that say what it is."""
        parts = [repr(self.revision), repr(self.down_revision)]
        if self.dependencies:
            parts.append(f"dependencies={self.dependencies!r}")
        if self.branch_labels:
            parts.append(f"branch_labels={self.branch_labels!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def add_nextrev(self, revision: Revision) -> None:
        """Note that another revision follows this one, or depends on it."""
        self._all_nextrev |= {revision.revision}
        if self.revision in revision._plain_parents:
            self.nextrev |= {revision.revision}

    @property
    def _all_plain_down_revisions(self) -> tuple[str, ...]:
        """What it follows, without dependencies."""
        return self._plain_parents

    @property
    def _all_down_revisions(self) -> tuple[str, ...]:
        """What it follows and depends on."""
        return dedupe_tuple((*self._plain_parents, *self._resolved_dependencies))

    @property
    def _versioned_down_revisions(self) -> tuple[str, ...]:
        """What it follows, and depends on unless an ancestor depends on the same."""
        return dedupe_tuple((*self._plain_parents, *self._own_dependencies))

    @property
    def is_head(self) -> bool:
        """Whether nothing follows it."""
        return not self.nextrev

    @property
    def _is_real_head(self) -> bool:
        return not self._all_nextrev

    @property
    def is_base(self) -> bool:
        """Whether it follows nothing."""
        return not self._plain_parents

    @property
    def _is_real_base(self) -> bool:
        return not self._plain_parents and self.dependencies is None

    @property
    def is_branch_point(self) -> bool:
        """Whether more than one revision follows it."""
        return len(self.nextrev) > 1

    @property
    def _is_real_branch_point(self) -> bool:
        return len(self._all_nextrev) > 1

    @property
    def is_merge_point(self) -> bool:
        """Whether it follows more than one revision."""
        return len(self._plain_parents) > 1
