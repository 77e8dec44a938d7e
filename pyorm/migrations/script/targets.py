"""Targets of an upgrade, a downgrade or a stamp -> the revisions it adds or removes, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pyorm.migrations.script import order
from pyorm.migrations.script.errors import RangeNotAncestorError, RevisionError, WalkedTooFar
from pyorm.migrations.script.node import Revision
from pyorm.migrations.script.resolve import Resolver
from pyorm.migrations.util.langhelpers import to_tuple
from pyorm.migrations.util.messaging import warn

__all__ = ["Targets"]


def too_few(steps: str) -> RevisionError:
    """Return the error of a relative target that is further than there are revisions."""
    return RevisionError(f"Relative revision {steps} didn't produce {steps[1:]} migrations")


RELATIVE = re.compile(r"(?:(?P<label>[^@]+)@)?(?P<symbol>\w+)?(?P<steps>[+-]\d+)")


class Targets(Resolver):
    """The part of the revision map that plans."""

    _real_heads: Any
    _real_bases: Any

    def iterate_revisions(
        self,
        upper: Any,
        lower: Any,
        implicit_base: bool = False,
        inclusive: bool = False,
        assert_relative_length: bool = True,
        select_for_downgrade: bool = False,
    ) -> Iterator[Any]:
        """Yield revisions from above to below, each before what it needs.

        Args:
            upper: identifiers of the upper end; relative to the lower one, such as "+2", as well.
            lower: identifiers of the lower end, or "base".
            implicit_base: include what the upper end needs from other branches too.
            inclusive: include the lower end.
            assert_relative_length: refuse a relative end that is further than there are revisions.
            select_for_downgrade: `upper` is what a database has, `lower` where it shall go: yield
                what has to be taken back.

        Raises:
            RevisionError: An end is not found, or the lower one is not below the upper one.
        """
        if select_for_downgrade:
            chosen, heads = self._downgrade_set(upper, lower, assert_relative_length)
        else:
            chosen, heads = self._upgrade_set(upper, lower, inclusive, implicit_base, assert_relative_length)
        for name in order.topological(self._nodes, chosen, heads):
            yield self._nodes[name]

    def _upper_of(self, chosen: set[str]) -> list[str]:
        """Return those of chosen revisions that no other one needs, in the order of the map."""
        return [name for name in self._nodes if name in chosen and not chosen & self._nodes[name]._all_nextrev]

    def _upgrade_set(
        self, upper: Any, lower: Any, inclusive: bool, implicit_base: bool, assert_relative_length: bool
    ) -> tuple[set[str], list[str]]:
        targets = [n.revision for n in self._upgrade_target(lower, upper, assert_relative_length) if n is not None]
        limits = self._lower_end(lower, upper)
        needed = order.ancestors(self._nodes, targets)
        have = order.ancestors(self._nodes, limits)
        chosen = {name for name in needed if name not in have}
        if limits and not implicit_base:
            if any(limit not in needed for limit in limits):
                raise RangeNotAncestorError(lower, upper)
            above = order.reach(self._nodes, limits, order.plain_children)
            chosen = {name for name in chosen if name in above}
        if inclusive:
            chosen.update(limits)
        return chosen, self._upper_of(chosen)

    def _lower_end(self, lower: Any, upper: Any) -> list[str]:
        """Return the ids of the lower end of a range, none of which is above another."""
        nodes = self.get_revisions(lower)
        if any(node is None for node in nodes):
            raise RangeNotAncestorError(lower, upper)
        names = list(dict.fromkeys(node.revision for node in nodes))
        for name in names:
            others = [other for other in names if other != name and other in self._ancestors(name)]
            if others:
                raise RevisionError(
                    f"Requested revision {name} overlaps with other requested revisions {', '.join(sorted(others))}"
                )
        return names

    def _upgrade_target(self, current: Any, target: Any, assert_relative_length: bool) -> tuple[Any, ...]:
        """Return the revisions that a target of an upgrade means."""
        match = RELATIVE.fullmatch(target) if isinstance(target, str) else None
        if match is None or target in self._nodes:
            return self.get_revisions(target)
        steps = int(match["steps"])
        label, symbol = match["label"], match["symbol"]
        if symbol is not None:
            start = self.get_revision(f"{label}@{symbol}" if label else symbol)
            return (self._walk(start, steps, label),)
        if steps < 0:
            raise too_few(match["steps"])
        active = self._active(current, label)
        if len(active) > 1:
            raise RevisionError("Ambiguous upgrade from multiple current revisions")
        try:
            return (self._walk(active[0] if active else None, steps, label),)
        except WalkedTooFar as error:
            raise too_few(match["steps"]) from error

    def _active(self, current: Any, label: str | None) -> list[Revision]:
        """Return the uppermost revisions that a database has; with a label, on that branch."""
        rows = [node.revision for node in self.get_revisions(to_tuple(current, default=())) if node is not None]
        if not label:
            return [self._nodes[name] for name in dict.fromkeys(rows)]
        have = order.ancestors(self._nodes, rows)
        mine = self.filter_for_lineage(list(have), label)
        return [self._nodes[name] for name in mine if not self._nodes[name].nextrev & set(mine)]

    def _downgrade_set(self, upper: Any, lower: Any, assert_relative_length: bool) -> tuple[set[str], list[str]]:
        label, target = self._downgrade_target(upper, lower, assert_relative_length)
        have = order.ancestors(self._nodes, [n.revision for n in self.get_revisions(upper) if n is not None])
        if target is not None and target.revision not in have:
            raise RangeNotAncestorError(lower, upper)
        if target is None:
            roots = [name for name in self._nodes if self._nodes[name].is_base]
        else:
            roots = [*target.nextrev]
        if label:
            roots = list(self.filter_for_lineage(roots, label))
        gone = order.descendants(self._nodes, roots)
        chosen = {name for name in gone if name in have}
        if target is not None and not chosen and target.revision not in self._ids(upper):
            raise RangeNotAncestorError(lower, upper)
        return chosen, self._upper_of(chosen)

    def _ids(self, identifiers: Any) -> list[str]:
        return [node.revision for node in self.get_revisions(identifiers) if node is not None]

    def _downgrade_target(self, current: Any, target: Any, assert_relative_length: bool) -> tuple[str | None, Any]:
        """Return the label and the revision that a target of a downgrade means; None is below every base."""
        match = RELATIVE.fullmatch(target) if isinstance(target, str) else None
        if match is None or target in self._nodes:
            label = target.partition("@")[0] if isinstance(target, str) and "@" in target else None
            return label, self.get_revision(target)
        steps = int(match["steps"])
        label, symbol = match["label"], match["symbol"]
        if symbol is not None:
            start = self.get_revision(f"{label}@{symbol}" if label else symbol)
            return label, self._walk(start, steps, label)
        active = self._active(current, label)
        if steps > 0 or not active:
            raise too_few(match["steps"])
        if len(active) > 1:
            warn("downgrade -1 from multiple heads is ambiguous; this usage will be disallowed in a future release.")
        label = label or active[0].revision
        try:
            return label, self._walk(active[0], steps, label)
        except WalkedTooFar as error:
            raise too_few(match["steps"]) from error

    def _ancestors(self, revision: str) -> dict[str, None]:
        """Return what a revision needs, with itself."""
        return order.ancestors(self._nodes, [revision])

    def _descendants(self, revision: str) -> dict[str, None]:
        """Return what needs a revision, with itself."""
        return order.descendants(self._nodes, [revision])
