"""Walks over the graph, by ids: what is above, what is below, and in which order it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from pyorm.migrations.script.node import Revision

__all__ = ["ancestors", "children", "descendants", "parents", "plain_children", "plain_parents", "reach", "topological"]

Nodes = Mapping[str, Revision]
Edges = Callable[[Revision], Iterable[str]]


def parents(node: Revision) -> Iterable[str]:
    """What a revision follows and depends on."""
    return node._all_down_revisions


def plain_parents(node: Revision) -> Iterable[str]:
    """What a revision follows."""
    return node._plain_parents


def children(node: Revision) -> Iterable[str]:
    """What follows a revision or depends on it."""
    return node._all_nextrev


def plain_children(node: Revision) -> Iterable[str]:
    """What follows a revision."""
    return node.nextrev


def reach(nodes: Nodes, start: Iterable[str], edges: Edges) -> dict[str, None]:
    """Return what edges lead to from `start`, with it; nearest first. O(nodes + edges)."""
    found = dict.fromkeys(start)
    todo = list(found)
    for name in todo:
        for other in edges(nodes[name]):
            if other not in found:
                found[other] = None
                todo.append(other)
    return found


def ancestors(nodes: Nodes, start: Iterable[str]) -> dict[str, None]:
    """Return what revisions need, with themselves."""
    return reach(nodes, start, parents)


def descendants(nodes: Nodes, start: Iterable[str]) -> dict[str, None]:
    """Return what needs revisions, with themselves."""
    return reach(nodes, start, children)


def topological(nodes: Nodes, chosen: Iterable[str], heads: Sequence[str]) -> list[str]:
    """Return chosen revisions, each before what it needs; a branch stays together where it can.

    There is one lane per head. The walk stays in its lane and goes down; where another lane still
    has something that needs the next revision, it goes on in that lane. A merge opens further
    lanes at the end, and a lane that runs into another one ends.

    Args:
        nodes: the whole graph.
        chosen: the revisions to order.
        heads: the uppermost of them, in the order in which their branches shall be walked.
    """
    left = set(chosen)
    lanes = [head for head in heads if head in left]
    ordered: list[str] = []
    lane = 0
    while lanes:
        here = lanes[lane]
        if any(child in left for child in nodes[here]._all_nextrev):
            above = reach(nodes, [here], lambda node: node._all_nextrev & left)
            lane = next(i for i, other in enumerate(lanes) if i != lane and other in above)
            continue
        ordered.append(here)
        left.discard(here)
        below = [name for name in nodes[here]._versioned_down_revisions if name in left and name not in lanes]
        if below:
            lanes[lane] = below[0]
            lanes.extend(below[1:])
        else:
            del lanes[lane]
            lane = max(lane - 1, 0)
    return ordered
