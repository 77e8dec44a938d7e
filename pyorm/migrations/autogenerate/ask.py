"""Who decides whether a removal and an addition are a rename: the person at the terminal, an option, or nobody."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pyorm.migrations.autogenerate.assign import assign, margin
from pyorm.migrations.autogenerate.score import LIKELY, MARGIN, POSSIBLE, Score
from pyorm.migrations.util.exc import AmbiguousRename

ASK, REFUSE, HIGH, NONE, REPORT = "ask", "refuse", "high", "none", "report"
"""The policies: ask at the terminal; refuse with both readings; take likely renames as such and refuse the
others; take none, which says that removals are meant; show likely ones as renames and tell of all (`check`)."""

_T = TypeVar("_T")


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
    def certain(self) -> bool:
        """Whether the models themselves say that it is a rename."""
        return self.score.certain

    @property
    def likely(self) -> bool:
        """Whether a rename is the default answer."""
        return self.certain or (self.score.value >= LIKELY and self.margin >= MARGIN)

    def summary(self) -> str:
        """Return what it is in one line."""
        score = f"{self.score.value:.2f}" + (", likely" if self.likely else "")
        return f"{self.kind} {self.old} -> {self.new} (score {score}: {'; '.join(self.score.reasons)})"

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
        assumed: "high", "none", "report" (`check`), or None where the option is not given.

    Raises:
        ValueError: another word.
    """
    if assumed is None:
        return ASK if sys.stdin.isatty() and sys.stderr.isatty() else REFUSE
    if assumed not in (HIGH, NONE, REPORT):
        raise ValueError(f"renames are assumed {HIGH!r} or {NONE!r}, not {assumed!r}")
    return assumed


class Decider:
    """Decides about candidates, and keeps those that nobody could decide about.

    Args:
        policy: ASK, REFUSE, HIGH, NONE or REPORT.
        confirm: asks a person about one candidate; a prompt at the terminal by default.

    Attributes:
        undecided: the candidates that wait for a person. The likely ones count as renames meanwhile, so that what lies
            behind them (the columns of a table) is looked at, too.
    """

    def __init__(self, policy: str, confirm: Callable[[Candidate], bool] | None = None) -> None:
        self.policy = policy
        self.confirm = confirm or prompt
        self.undecided: list[Candidate] = []

    def pairs(
        self,
        olds: Sequence[_T],
        news: Sequence[_T],
        scores: Sequence[Sequence[Score]],
        candidate: Callable[[_T, _T, Score, float], Candidate],
        least: Callable[[_T], float] = lambda _: POSSIBLE,
    ) -> Iterator[tuple[_T, _T]]:
        """Yield the pairs that are renames.

        Only the best assignment is looked at. Where a person says no, so is the next best one among what is left.

        Args:
            olds: what only the database has.
            news: what only the models have.
            scores: of each old thing with each new one.
            candidate: makes a Candidate of a pair, its score and its margin.
            least: the score from which on an old thing is a candidate.
        """
        if self.policy == NONE:
            return
        floors = list(map(least, olds))
        values = [[s.value if s.value >= floors[at] else 0.0 for s in row] for at, row in enumerate(scores)]
        refused = True
        floor = POSSIBLE
        while refused:
            refused = False
            best = [(row, column) for row, column in assign(values) if values[row][column] >= floor]
            seen = [list(row) for row in values]
            for row, column in best:
                given = candidate(olds[row], news[column], scores[row][column], margin(seen, best, row, column))
                if self.decide(given):
                    yield olds[row], news[column]
                    values[row] = [0.0] * len(news)
                    for line in values:
                        line[column] = 0.0
                else:
                    values[row][column] = 0.0
                    refused = self.policy == ASK
            floor = LIKELY - MARGIN

    def decide(self, candidate: Candidate) -> bool:
        """Return whether a candidate is a rename; one that nobody can decide about, whether it is likely."""
        if candidate.certain:
            return True
        if self.policy == ASK:
            return self.confirm(candidate)
        if self.policy != HIGH or not candidate.likely:
            self.undecided.append(candidate)
        return candidate.likely

    def settle(self) -> None:
        """Let the comparison go on, if everything is decided.

        Raises:
            AmbiguousRename: it is not; the text shows both readings of each.
        """
        if self.undecided and self.policy != REPORT:
            raise AmbiguousRename(
                "Autogenerate cannot tell a rename from a removal and an addition, and there is no terminal to ask at. "
                "Nothing was written.\n"
                + "\n".join(candidate.readings() for candidate in self.undecided)
                + "\nOr run the command at a terminal, or give --assume-renames high (a rename wherever it is likely) "
                "or --assume-renames none (every one of them is a removal and an addition)."
            )


def prompt(candidate: Candidate) -> bool:
    """Ask a person at the terminal, on stderr."""
    import click

    shown = _evidence(candidate)
    if shown is None:
        return click.confirm(candidate.question(), default=candidate.likely, err=True)
    click.echo(shown, err=True)
    return click.confirm(
        f"Was {candidate.kind} {candidate.old} renamed to {candidate.new}?", default=candidate.likely, err=True
    )


def _evidence(candidate: Candidate) -> str | None:
    """Return what speaks for a rename and what each answer does as a small table, None where rich is not there."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        return None
    table = Table(title=f"{candidate.kind} {candidate.old} -> {candidate.new}", title_justify="left", show_header=False)
    rows: list[tuple[str, Any]] = [
        ("score", f"{candidate.score.value:.2f}" + (", likely" if candidate.likely else "")),
        ("evidence", "\n".join(candidate.score.reasons)),
        ("yes", candidate.as_rename),
        ("no", candidate.as_loss),
    ]
    for name, text in rows:
        table.add_row(name, _plain(text))
    console = Console(stderr=True)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip()


def _plain(text: str) -> Any:
    """Return text in which brackets are brackets."""
    from rich.text import Text

    return Text(text)
