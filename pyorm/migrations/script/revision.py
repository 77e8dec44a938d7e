"""The graph of revisions: built once from its scripts, then asked.

Scripts -> `RevisionMap` -> what commands ask: which revisions an identifier names (`resolve.py`),
which ones a target adds or removes (`plan.py`), and in which order (`order.py`).

The map is built at the first question. It refuses circles and scripts that follow a revision
which is not there; a revision found twice is a warning, the second file counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from pyorm.migrations.script import order
from pyorm.migrations.script.errors import (
    CycleDetected,
    DependencyCycleDetected,
    DependencyLoopDetected,
    LoopDetected,
    MissingRevision,
    MultipleHeads,
    RangeNotAncestorError,
    ResolutionError,
    RevisionError,
    WalkedTooFar,
)
from pyorm.migrations.script.node import Revision, tuple_rev_as_scalar
from pyorm.migrations.script.targets import Targets
from pyorm.migrations.util.messaging import warn

__all__ = [
    "CycleDetected",
    "DependencyCycleDetected",
    "DependencyLoopDetected",
    "LoopDetected",
    "MissingRevision",
    "MultipleHeads",
    "RangeNotAncestorError",
    "ResolutionError",
    "Revision",
    "RevisionError",
    "RevisionMap",
    "WalkedTooFar",
    "tuple_rev_as_scalar",
]


class RevisionMap(Targets):
    """The graph of revisions.

    Args:
        generator: called once, when the map is first asked; yields the revisions.
    """

    def __init__(self, generator: Callable[[], Iterable[Revision]]) -> None:
        """Nothing is read yet."""
        self._generator = generator

    @cached_property
    def _graph(self) -> Graph:
        return Graph(self._generator())

    @property
    def _nodes(self) -> dict[str, Revision]:
        return self._graph.nodes

    @property
    def _labels(self) -> dict[str, Revision]:
        return self._graph.labels

    @property
    def heads(self) -> tuple[str, ...]:
        """Ids of the revisions that nothing follows, in the order of their files."""
        return tuple(name for name, node in self._nodes.items() if node.is_head)

    @property
    def bases(self) -> tuple[str, ...]:
        """Ids of the revisions that follow nothing."""
        return tuple(name for name, node in self._nodes.items() if node.is_base)

    @property
    def _real_heads(self) -> tuple[str, ...]:
        """Ids of the revisions that nothing follows or depends on."""
        return tuple(name for name, node in self._nodes.items() if node._is_real_head)

    @property
    def _real_bases(self) -> tuple[str, ...]:
        """Ids of the revisions that neither follow nor depend on anything."""
        return tuple(name for name, node in self._nodes.items() if node._is_real_base)

    def add_revision(self, revision: Revision, _replace: bool = False) -> None:
        """Add a revision to the graph.

        Args:
            revision: what it follows has to be there already.
            _replace: it takes the place of the one with its id, as after a script was edited.
        """
        others = [node for name, node in self._nodes.items() if name != revision.revision]
        if not _replace and revision.revision in self._nodes:
            warn(f"Revision {revision.revision} is present more than once")
        self.__dict__["_graph"] = Graph([*others, revision])

    def get_current_head(self, branch_label: str | None = None) -> str | None:
        """Return the only head, or the only head of a branch; None where there is none.

        Raises:
            MultipleHeads: There are several.
        """
        heads: Sequence[str] = self.heads
        if branch_label:
            heads = self.filter_for_lineage(heads, branch_label)
        if len(heads) > 1:
            raise MultipleHeads(heads, f"{branch_label}@head" if branch_label else "head")
        return heads[0] if heads else None

    def _get_all_current(self, id_: Collection[str]) -> set[Revision]:
        """Return the heads of the branches that a database has whose version table holds these ids.

        With dependencies these are more than the ids: a row stands for all it depends on.
        """
        start = [node.revision for node in self.get_revisions(tuple(id_)) if node is not None]
        have = order.ancestors(self._nodes, start).keys()
        return {self._nodes[name] for name in have if not self._nodes[name].nextrev & have}


class Graph:
    """Revisions linked with one another; immutable once made.

    Args:
        revisions: what to link. Children and labels of earlier links are forgotten.

    Raises:
        RevisionError: A circle, a missing revision, a label used twice.
    """

    def __init__(self, revisions: Iterable[Revision]) -> None:
        """Link, in one pass each: labels, dependencies, children, circles."""
        self.nodes: dict[str, Revision] = {}
        for revision in revisions:
            if revision.revision in self.nodes:
                warn(f"Revision {revision.revision} is present more than once")
            self.nodes[revision.revision] = revision
            revision.nextrev = revision._all_nextrev = frozenset()
            revision.branch_labels = set(revision._orig_branch_labels)
        self.labels: dict[str, Revision] = {}
        self._name_labels()
        for node in self.nodes.values():
            node._resolved_dependencies = tuple(self._dependencies(node))
            node._own_dependencies = node._resolved_dependencies
        self._link()
        self._check_circles()
        self._drop_repeated_dependencies()
        self._spread_labels()

    def _name_labels(self) -> None:
        for node in self.nodes.values():
            for label in node._orig_branch_labels:
                other = self.labels.get(label) or self.nodes.get(label)
                if other is not None:
                    raise RevisionError(
                        f"Branch name '{label}' in revision {node.revision} already used by revision {other.revision}"
                    )
                self.labels[label] = node

    def _dependencies(self, node: Revision) -> Iterator[str]:
        names: Any = node.dependencies or ()
        for name in (names,) if isinstance(names, str) else names:
            found = self.nodes.get(name) or self.labels.get(name)
            if found is None:
                starts = [other for other in self.nodes if other.startswith(name)]
                if len(starts) != 1:
                    raise MissingRevision(name, node.revision, getattr(node, "path", None), "depends_on")
                found = self.nodes[starts[0]]
            yield found.revision

    def _link(self) -> None:
        for node in self.nodes.values():
            for name in node._all_down_revisions:
                if name not in self.nodes:
                    raise MissingRevision(name, node.revision, getattr(node, "path", None), "down_revision")
                self.nodes[name].add_nextrev(node)

    def _check_circles(self) -> None:
        for up, down, error in (
            (order.plain_children, order.plain_parents, CycleDetected),
            (order.children, order.parents, DependencyCycleDetected),
        ):
            heads = [name for name, node in self.nodes.items() if not [*up(node)]]
            bases = [name for name, node in self.nodes.items() if not [*down(node)]]
            reached = order.reach(self.nodes, heads, down).keys() & order.reach(self.nodes, bases, up).keys()
            lost = self.nodes.keys() - reached or self._circle(down)
            if lost:
                raise error(sorted(lost))

    def _circle(self, down: order.Edges) -> set[str]:
        """Return the revisions that are left when those with nothing left below are taken away, repeatedly."""
        waits = {name: set(down(node)) for name, node in self.nodes.items()}
        above: dict[str, list[str]] = {}
        for name, below in waits.items():
            for other in below:
                above.setdefault(other, []).append(name)
        ready = [name for name, below in waits.items() if not below]
        while ready:
            done = ready.pop()
            del waits[done]
            for name in above.get(done, ()):
                waits[name].discard(done)
                if not waits[name]:
                    ready.append(name)
        return set(waits)

    def _drop_repeated_dependencies(self) -> None:
        for node in self.nodes.values():
            if node._resolved_dependencies:
                lineage = order.reach(self.nodes, node._plain_parents, order.plain_parents)
                known = {dep for name in lineage for dep in self.nodes[name]._resolved_dependencies}
                node._own_dependencies = tuple(dep for dep in node._resolved_dependencies if dep not in known)

    def _spread_labels(self) -> None:
        """Give a label to all that follows its revision, and down to where the branch begins.

        Where the branch divides or ends in a merge further up, it begins at the label's revision.
        """
        for node in self.nodes.values():
            if not node._orig_branch_labels:
                continue
            above = [self.nodes[name] for name in order.reach(self.nodes, [node.revision], order.plain_children)]
            for other in above:
                other.branch_labels.update(node._orig_branch_labels)
            below = node
            while not any(other._is_real_branch_point or other.is_merge_point for other in above):
                below.branch_labels.update(node._orig_branch_labels)
                if below.is_base:
                    break
                below = self.nodes[below._plain_parents[0]]
                above = [below]
