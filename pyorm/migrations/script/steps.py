"""Steps of a run: one revision applied, taken back, or only noted in the version table.

The graph plans them (`plan.py`), the runtime carries them out: it calls `migration_fn`, replaces
the rows of `from_revisions` by those of `to_revisions`, and tells listeners `info`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from pyorm.migrations.util.langhelpers import to_tuple
from pyorm.migrations.util.messaging import format_as_comma

if TYPE_CHECKING:
    from pyorm.migrations.script.revision import RevisionMap

__all__ = ["MigrationInfo", "MigrationStep", "RevisionStep", "StampStep"]


class MigrationInfo:
    """What listeners of `on_version_apply` are told about a step.

    Args:
        revision_map: the graph.
        is_upgrade: whether it goes up.
        is_stamp: whether only the version table changes.
        up_revisions: ids on the upper side; a revision's own id.
        down_revisions: ids on the lower side: what it follows and depends on.
    """

    def __init__(
        self,
        revision_map: RevisionMap | None,
        is_upgrade: bool,
        is_stamp: bool,
        up_revisions: str | tuple[str, ...],
        down_revisions: str | tuple[str, ...],
    ) -> None:
        """Keep the ids; revisions are looked up when asked for."""
        self.revision_map = revision_map
        self.is_upgrade = is_upgrade
        self.is_stamp = is_stamp
        self.up_revision_ids: tuple[str, ...] = to_tuple(up_revisions, default=())
        self.up_revision_id: str | None = self.up_revision_ids[0] if self.up_revision_ids else None
        self.down_revision_ids: tuple[str, ...] = to_tuple(down_revisions, default=())

    @property
    def is_migration(self) -> bool:
        """Whether a script is run: the opposite of `is_stamp`."""
        return not self.is_stamp

    @property
    def source_revision_ids(self) -> tuple[str, ...]:
        """The ids before the step."""
        return self.down_revision_ids if self.is_upgrade else self.up_revision_ids

    @property
    def destination_revision_ids(self) -> tuple[str, ...]:
        """The ids after the step."""
        return self.up_revision_ids if self.is_upgrade else self.down_revision_ids

    @property
    def up_revision(self) -> Any:
        """The first of the upper revisions, None if there is none."""
        return self._revisions(self.up_revision_ids[:1])[0] if self.up_revision_ids else None

    @property
    def up_revisions(self) -> tuple[Any, ...]:
        """The upper revisions."""
        return self._revisions(self.up_revision_ids)

    @property
    def down_revisions(self) -> tuple[Any, ...]:
        """The lower revisions."""
        return self._revisions(self.down_revision_ids)

    @property
    def source_revisions(self) -> tuple[Any, ...]:
        """The revisions before the step."""
        return self._revisions(self.source_revision_ids)

    @property
    def destination_revisions(self) -> tuple[Any, ...]:
        """The revisions after the step."""
        return self._revisions(self.destination_revision_ids)

    def _revisions(self, ids: tuple[str, ...]) -> tuple[Any, ...]:
        assert self.revision_map is not None
        return self.revision_map.get_revisions(ids)


class MigrationStep:
    """What steps have in common."""

    is_upgrade: bool
    migration_fn: Callable[..., Any]
    revision_map: RevisionMap | None
    doc: str | None
    from_revisions: tuple[str, ...]
    """Ids whose rows the step replaces."""
    to_revisions: tuple[str, ...]
    """Ids whose rows it leaves."""
    from_revisions_no_deps: tuple[str, ...]
    """The same without dependencies, as people are told."""
    to_revisions_no_deps: tuple[str, ...]

    @property
    def is_downgrade(self) -> bool:
        """Whether it goes down."""
        return not self.is_upgrade

    @property
    def name(self) -> str:
        """What is done: the function's name."""
        return getattr(self.migration_fn, "__name__", type(self).__name__)

    @property
    def short_log(self) -> str:
        """What is done and the revisions, without the message."""
        below, above = format_as_comma(self.from_revisions_no_deps), format_as_comma(self.to_revisions_no_deps)
        return f"{self.name} {below} -> {above}"

    def __str__(self) -> str:
        """Return the line that is logged."""
        return f"{self.short_log}, {self.doc}" if self.doc else self.short_log

    @staticmethod
    def upgrade_from_script(revision_map: RevisionMap, script: Any) -> RevisionStep:
        """Return the step that applies a script."""
        return RevisionStep(revision_map, script, True)

    @staticmethod
    def downgrade_from_script(revision_map: RevisionMap, script: Any) -> RevisionStep:
        """Return the step that takes a script back."""
        return RevisionStep(revision_map, script, False)


class RevisionStep(MigrationStep):
    """A script, applied or taken back.

    Its module is imported when the step is made, so that a script that cannot be imported stops
    a run before it begins.

    Args:
        revision_map: the graph.
        revision: the script.
        is_upgrade: whether its upgrade() is called, or its downgrade().
    """

    def __init__(self, revision_map: RevisionMap, revision: Any, is_upgrade: bool) -> None:
        """Import the script's module."""
        self.revision_map = revision_map
        self.revision = revision
        self.is_upgrade = is_upgrade
        self.migration_fn = revision.migration_function("upgrade" if is_upgrade else "downgrade")
        self.doc = revision.doc
        below, below_no_deps = revision._versioned_down_revisions, revision._all_plain_down_revisions
        above = (revision.revision,)
        self.from_revisions, self.to_revisions = (below, above) if is_upgrade else (above, below)
        self.from_revisions_no_deps = below_no_deps if is_upgrade else above
        self.to_revisions_no_deps = above if is_upgrade else below_no_deps

    def __repr__(self) -> str:
        """Return the revision and the direction."""
        return f"RevisionStep({self.revision.revision!r}, is_upgrade={self.is_upgrade!r})"

    def __eq__(self, other: object) -> bool:
        """Say whether another step does the same with the same revision."""
        return (
            isinstance(other, RevisionStep)
            and other.revision.revision == self.revision.revision
            and other.is_upgrade == self.is_upgrade
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def info(self) -> MigrationInfo:
        """What listeners are told."""
        return MigrationInfo(
            self.revision_map,
            is_upgrade=self.is_upgrade,
            is_stamp=False,
            up_revisions=self.revision.revision,
            down_revisions=self.revision._versioned_down_revisions,
        )


class StampStep(MigrationStep):
    """A change of the version table alone.

    Args:
        from_: ids whose rows go.
        to_: ids whose rows come.
        is_upgrade: whether what comes is above what goes.
        branch_move: whether the step moves within a branch; else a branch begins or ends.
        revision_map: the graph.
    """

    def __init__(
        self,
        from_: str | Collection[str] | None,
        to_: str | Collection[str] | None,
        is_upgrade: bool,
        branch_move: bool,
        revision_map: RevisionMap | None = None,
    ) -> None:
        """Nothing is looked up."""
        self.from_revisions = self.from_revisions_no_deps = to_tuple(from_, default=())
        self.to_revisions = self.to_revisions_no_deps = to_tuple(to_, default=())
        self.is_upgrade = is_upgrade
        self.branch_move = branch_move
        self.revision_map = revision_map
        self.migration_fn = self.stamp_revision
        self.doc = None

    def stamp_revision(self, **kw: Any) -> None:
        """Run nothing: the version table is all that changes."""

    def __eq__(self, other: object) -> bool:
        """Say whether another step changes the same rows."""
        return (
            isinstance(other, StampStep)
            and other.from_revisions == self.from_revisions
            and other.to_revisions == self.to_revisions
            and other.is_upgrade == self.is_upgrade
            and other.branch_move == self.branch_move
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def info(self) -> MigrationInfo:
        """What listeners are told."""
        up, down = self.to_revisions, self.from_revisions
        if not self.is_upgrade:
            up, down = down, up
        return MigrationInfo(
            self.revision_map, is_upgrade=self.is_upgrade, is_stamp=True, up_revisions=up, down_revisions=down
        )
