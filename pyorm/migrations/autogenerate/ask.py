"""Who decides whether a removal and an addition are a rename: the person at the terminal, an option, or nobody."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyorm.migrations.autogenerate.score import LIKELY, MARGIN, Score
from pyorm.migrations.util.exc import AmbiguousRename

ASK, REFUSE, HIGH, NONE = "ask", "refuse", "high", "none"
"""The policies: ask at the terminal; refuse with both readings; take likely renames as such and refuse the
others; take none, which says that removals are meant."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair that may be a rename.

    Attributes:
        kind: "table", "column" or "enum value".
        old: its full name in the database.
        new: its full name in the models.
        score: how likely it is.
        margin: how much less the second best reading scores.
        as_rename: the operation if it is one.
        as_loss: the operations if it is none.
        declare: how the model says that it is one.
    """

    kind: str
    old: str
    new: str
    score: Score
    margin: float
    as_rename: str
    as_loss: str
    declare: str

    @property
    def likely(self) -> bool:
        """Whether a rename is the default answer."""
        return self.score.value >= LIKELY and self.margin >= MARGIN

    def question(self) -> str:
        """Return the question for a person."""
        return f"Was {self.kind} {self.old} renamed to {self.new}? ({', '.join(self.score.reasons)})"

    def readings(self) -> str:
        """Return both readings and what each does, some lines."""
        return (
            f"{self.kind} {self.old} is gone from the models, and {self.new} is new "
            f"(score {self.score.value:.2f}: {', '.join(self.score.reasons)}):\n"
            f"  a) it was renamed:           {self.as_rename}\n"
            f"  b) its contents shall go:    {self.as_loss}\n"
            f"  to say it is a): {self.declare}"
        )


def policy_of(assumed: str | None) -> str:
    """Return the policy of a command: what `--assume-renames` says, else to ask where there is a terminal.

    Args:
        assumed: "high", "none", or None where the option is not given.

    Raises:
        ValueError: another word.
    """
    if assumed is None:
        return ASK if sys.stdin.isatty() and sys.stderr.isatty() else REFUSE
    if assumed not in (HIGH, NONE):
        raise ValueError(f"renames are assumed {HIGH!r} or {NONE!r}, not {assumed!r}")
    return assumed


def decide(
    candidates: Sequence[Candidate], policy: str, confirm: Callable[[Candidate], bool] | None = None
) -> list[bool]:
    """Return for each candidate whether it is a rename.

    Args:
        candidates: what may be renames.
        policy: ASK, REFUSE, HIGH or NONE.
        confirm: asks a person about one candidate; a prompt at the terminal by default.

    Raises:
        AmbiguousRename: nobody can be asked; the text shows both readings of each.
    """
    if policy == NONE:
        return [False] * len(candidates)
    if policy == ASK:
        ask = confirm or _prompt
        return [ask(candidate) for candidate in candidates]
    open_ones = [candidate for candidate in candidates if policy == REFUSE or not candidate.likely]
    if open_ones:
        raise AmbiguousRename(
            "Autogenerate cannot tell a rename from a removal and an addition, and there is no terminal to ask at. "
            "Nothing was written.\n"
            + "\n".join(candidate.readings() for candidate in open_ones)
            + "\nOr run the command at a terminal, or give --assume-renames high (a rename wherever it is likely) or "
            "--assume-renames none (every one of them is a removal and an addition)."
        )
    return [True] * len(candidates)


def _prompt(candidate: Candidate) -> bool:
    import click

    return click.confirm(candidate.question(), default=candidate.likely, err=True)
