"""Who decides: policies, rounds of questions, margins."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pyorm.migrations.autogenerate.ask import (
    ASK,
    HIGH,
    NONE,
    REFUSE,
    REPORT,
    Candidate,
    Decider,
    policy_of,
    prompt,
)
from pyorm.migrations.autogenerate.assign import margin
from pyorm.migrations.autogenerate.score import Score
from pyorm.migrations.util.exc import AmbiguousRename


def candidate(old: str, new: str, score: Score, margin_: float) -> Candidate:
    return Candidate("column", old, new, score, margin_, f"rename {old}", f"drop {old}", f"renamed_from={old}")


def pairs(decider: Decider, olds: str, news: str, values: Sequence[Sequence[float]]) -> list[tuple[str, str]]:
    scores = [[Score(value, ("why",), certain=value == 1) for value in row] for row in values]
    return list(decider.pairs(olds.split(), news.split(), scores, candidate))


def test_no_leads_to_the_next_best_reading() -> None:
    asked: list[tuple[str, str]] = []

    def confirm(one: Candidate) -> bool:
        asked.append((one.old, one.new))
        return one.new == "y"

    found = pairs(Decider(ASK, confirm), "a b", "x y", [[0.9, 0.8], [0.3, 0.2]])

    assert asked == [("a", "x"), ("a", "y")] and found == [("a", "y")]


def test_unlikely_readings_are_not_asked_about_one_after_the_other() -> None:
    asked: list[Candidate] = []
    decider = Decider(ASK, lambda one: bool(asked.append(one)))  # type: ignore[func-returns-value]

    assert pairs(decider, "a b c", "x y z", [[0.6] * 3] * 3) == []
    assert len(asked) == 3


def test_certain_pairs_are_taken_unless_there_shall_be_none() -> None:
    for policy in (ASK, REFUSE, HIGH, REPORT):
        decider = Decider(policy, lambda one: pytest.fail("nobody is asked"))
        assert pairs(decider, "a", "x", [[1.0]]) == [("a", "x")]
        decider.settle()
    assert pairs(Decider(NONE), "a", "x", [[1.0]]) == []


@pytest.mark.parametrize(("policy", "is_left"), [(REFUSE, True), (REPORT, False), (HIGH, False)])
def test_likely_pair_waits_for_a_person_or_is_assumed(policy: str, is_left: bool) -> None:
    decider = Decider(policy)

    assert pairs(decider, "a", "x", [[0.9]]) == [("a", "x")]
    assert bool(decider.undecided) == (policy != HIGH)
    if is_left:
        with pytest.raises(AmbiguousRename, match="column a is gone from the models, and x is new"):
            decider.settle()
    else:
        decider.settle()


def test_pair_is_not_likely_when_another_reading_comes_near() -> None:
    decider = Decider(HIGH)

    assert pairs(decider, "a", "x y", [[0.9, 0.85]]) == []
    assert [one.margin for one in decider.undecided] == [pytest.approx(0.05)]


def test_margin_is_what_the_next_best_reading_of_all_loses() -> None:
    values = [[0.98, 0.90], [0.91, 0.98]]
    assert margin(values, [(0, 0), (1, 1)], 0, 0) == pytest.approx(0.15)
    assert margin([[0.9, 0.2]], [(0, 0)], 0, 0) == pytest.approx(0.7)
    assert margin([[0.9], [0.6]], [(0, 0)], 0, 0) == pytest.approx(0.3)
    assert margin([[0.9]], [(0, 0)], 0, 0) == pytest.approx(0.9)


def test_question_is_one_line_when_there_is_no_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    import click

    asked: list[tuple[str, bool]] = []
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setattr(click, "confirm", lambda text, default, err: asked.append((text, default)) or True)

    assert prompt(candidate("a", "x", Score(0.9, ("why", "because")), 0.9))
    assert asked == [("Was column a renamed to x? (why, because)", True)]


def test_policy_is_to_refuse_when_there_is_no_terminal() -> None:
    assert policy_of(None) == REFUSE  # pytest's standard input is none
    assert (policy_of("high"), policy_of("none"), policy_of("report")) == (HIGH, NONE, REPORT)
    with pytest.raises(ValueError, match="renames are assumed 'high' or 'none', not 'low'"):
        policy_of("low")
