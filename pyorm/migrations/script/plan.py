"""Plans of runs: the steps of an upgrade, a downgrade, a stamp."""

from __future__ import annotations

from typing import Any

from pyorm.migrations.script.steps import MigrationStep, RevisionStep, StampStep
from pyorm.migrations.util.langhelpers import to_tuple

__all__ = ["downgrade_steps", "stamp_steps", "upgrade_steps"]


def upgrade_steps(map_: Any, destination: Any, current: Any) -> list[RevisionStep]:
    """Return what brings a database from its rows to a destination, from below to above."""
    found = list(map_.iterate_revisions(destination, current, implicit_base=True))
    return [MigrationStep.upgrade_from_script(map_, script) for script in reversed(found)]


def downgrade_steps(map_: Any, destination: Any, current: Any) -> list[RevisionStep]:
    """Return what takes a database back to a destination, from above to below."""
    found = map_.iterate_revisions(current, destination, select_for_downgrade=True)
    return [MigrationStep.downgrade_from_script(map_, script) for script in found]


def stamp_steps(map_: Any, revision: Any, heads: Any) -> list[StampStep]:
    """Return the changes of the version table that note a destination, one per branch."""
    rows = [node for node in map_.get_revisions(heads) if node is not None]
    steps: list[StampStep] = []
    for one in to_tuple(revision, default=("base",)):
        names, label = map_._resolve_names(one)
        targets = [map_._revision_for(name, label) for name in names]
        if not targets:
            mine = map_.filter_for_lineage(rows, label, include_dependencies=True) if label else rows
            steps += [StampStep(row.revision, None, False, True, map_) for row in mine]
        for target in targets:
            steps += stamp_one(map_, target, rows)
    return steps


def stamp_one(map_: Any, target: Any, rows: Any) -> list[StampStep]:
    """Return the change that notes one revision: over the rows below or above it, or beside all rows."""
    names = [row.revision for row in rows]
    if target.revision in names:
        return []
    above = [name for name in names if name in map_._descendants(target.revision)]
    below = [name for name in names if name in map_._ancestors(target.revision)]
    if above:
        return [StampStep(tuple(above), target.revision, False, True, map_)]
    if below:
        return [StampStep(tuple(below), target.revision, True, True, map_)]
    return [StampStep((), target.revision, True, False, map_)]
