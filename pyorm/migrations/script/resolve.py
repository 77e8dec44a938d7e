"""What people write for revisions -> the revisions: ids and their beginnings, labels, symbols."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pyorm.migrations.script import order
from pyorm.migrations.script.errors import MultipleHeads, ResolutionError, RevisionError, WalkedTooFar
from pyorm.migrations.script.node import Revision

__all__ = ["Resolver"]

T = TypeVar("T")

# Shorter beginnings of ids are often meant as something else.
PARTIAL_ID_LENGTH = 4
STEPS_BACK = re.compile(r"-\d+")


class Resolver:
    """The part of the revision map that resolves identifiers."""

    heads: Any
    _real_heads: Any
    _nodes: Any
    _labels: Any

    def get_current_head(self, branch_label: str | None = None) -> str | None:
        """Return the only head of a branch; see RevisionMap."""
        raise NotImplementedError

    def get_revisions(self, id_: Any) -> tuple[Any, ...]:
        """Return the revisions that an identifier, or each of several, names.

        Args:
            id_: an id or the beginning of one, a label, "head", "heads", "base", "label@…", None
                for nothing, or a collection of these.

        Returns:
            Revisions; an empty tuple for "base".

        Raises:
            ResolutionError: There is none, or a beginning fits several.
            MultipleHeads: "head" where there are several.
        """
        if isinstance(id_, (list, tuple, set, frozenset)):
            return tuple(found for one in id_ for found in self.get_revisions(one))
        names, label = self._resolve_names(id_)
        if len(names) == 1 and STEPS_BACK.fullmatch(names[0]) and names[0] not in self._nodes:
            return self._below_heads(-int(names[0]), label)
        return tuple(self._revision_for(name, label) for name in names)

    def get_revision(self, id_: Any) -> Any:
        """Return the one revision that an identifier names; None for "base".

        Raises:
            ResolutionError: There is none, or a beginning fits several.
            MultipleHeads: It names several.
        """
        if isinstance(id_, tuple):
            found = self.get_revisions(id_)
            if len(found) > 1:
                raise MultipleHeads([node.revision for node in found], str(id_))
            return found[0] if found else None
        names, label = self._resolve_names(id_)
        if len(names) > 1:
            raise MultipleHeads(names, id_)
        return self._revision_for(names[0], label) if names else None

    def _resolve_names(self, id_: Any) -> tuple[Sequence[str], str | None]:
        """Return the ids that symbols stand for, anything else as it is, and the label before an @."""
        if id_ is None or id_ == ():
            return (), None
        if not isinstance(id_, str):
            raise RevisionError(
                f"revision identifier {id_!r} is not a string; ensure database driver settings are correct"
            )
        label, at, name = id_.partition("@")
        if not at:
            label, name = "", id_
        if name == "heads":
            return (self.filter_for_lineage(self.heads, label) if label else self._real_heads), label or None
        if name == "head":
            head = self.get_current_head(label or None)
            return (() if head is None else (head,)), label or None
        if name == "base":
            return (), label or None
        return (name,), label or None

    def _resolve_branch(self, label: str) -> Any:
        """Return the revision that a label, or an id in its place, stands for.

        Raises:
            ResolutionError: There is none.
        """
        node = self._labels.get(label)
        if node is not None:
            return node
        try:
            return self._revision_for(label)
        except ResolutionError as error:
            raise ResolutionError(f"No such branch: '{label}'", label) from error

    def _revision_for(self, name: str, label: str | None = None) -> Any:
        """Return the revision of an id, the beginning of an id, or a label; on a branch if one is given."""
        branch = self._resolve_branch(label) if label else None
        node = self._nodes.get(name) or self._labels.get(name)
        if node is None:
            node = self._revision_beginning_with(name, label)
        if branch is not None and not self._shares_lineage(node.revision, [branch.revision]):
            raise ResolutionError(f"Revision {node.revision} is not a member of branch '{label}'", node.revision)
        return node

    def _revision_beginning_with(self, name: str, label: str | None) -> Revision:
        starts: Sequence[str] = [other for other in self._nodes if other.startswith(name)] if name else []
        if label:
            starts = self.filter_for_lineage(starts, label)
        if len(starts) > 1:
            shown = ", ".join(f"'{other}'" for other in starts[0:3])
            raise ResolutionError(f"Multiple revisions start with '{name}': {shown}...", name)
        if not starts:
            hint = (
                "; please ensure at least four characters are present for partial revision identifier matches"
                if len(name) < PARTIAL_ID_LENGTH
                else ""
            )
            raise ResolutionError(f"No such revision or branch '{name}'{hint}", name)
        found: Revision = self._nodes[starts[0]]
        return found

    def _below_heads(self, steps: int, label: str | None) -> tuple[Any, ...]:
        """Return what is `steps` below each head; None where the branch is shorter."""
        found = []
        for head in self._real_heads:
            if label is None or label in self._nodes[head].branch_labels:
                try:
                    found.append(self._walk(self._nodes[head], -steps))
                except WalkedTooFar:
                    found.append(None)
        return tuple(found)

    def _walk(self, start: Revision | None, steps: int, label: str | None = None) -> Any:
        """Return what is some steps above (or below, if negative) a revision.

        Args:
            start: None for below every base.
            steps: how many.
            label: where the way forks, stay on this branch.

        Returns:
            A revision; None for below a base.

        Raises:
            WalkedTooFar: There are fewer.
            RevisionError: The way forks.
        """
        nodes: Mapping[str, Revision] = self._nodes
        here = start
        for _ in range(abs(steps)):
            ways: Collection[str]
            if steps > 0:
                ways = [name for name in nodes if nodes[name].is_base] if here is None else here.nextrev
                if label:
                    ways = self.filter_for_lineage(list(ways), label)
            elif here is None:
                raise WalkedTooFar
            else:
                ways = here._plain_parents
            if len(ways) > 1:
                raise RevisionError("Ambiguous walk")
            if not ways and steps > 0:
                raise WalkedTooFar
            here = nodes[next(iter(ways))] if ways else None
        return here

    def filter_for_lineage(
        self, targets: Iterable[T], check_against: str | None, include_dependencies: bool = False
    ) -> tuple[T, ...]:
        """Return those revisions, or ids, that are on the branch of another one.

        Args:
            targets: revisions or ids.
            check_against: an identifier; what is above or below it is on its branch.
            include_dependencies: whether dependencies connect too.
        """
        names, label = self._resolve_names(check_against)
        against = [*names, *([label] if label else [])]
        return tuple(t for t in targets if self._shares_lineage(t, against, include_dependencies))

    def _shares_lineage(self, target: Any, against: Sequence[str], include_dependencies: bool = False) -> bool:
        """Say whether a revision is above or below one of others, or is it."""
        if not against:
            return True
        node = target if isinstance(target, Revision) else self._revision_for(target)
        up, down = (
            (order.children, order.parents) if include_dependencies else (order.plain_children, order.plain_parents)
        )
        related = {*order.reach(self._nodes, [node.revision], up), *order.reach(self._nodes, [node.revision], down)}
        return any(self._revision_for(other).revision in related for other in against)
