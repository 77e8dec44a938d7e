"""What the project's pages link to is there."""

from __future__ import annotations

from tools.check_links import anchors, check


def test_links_lead_somewhere() -> None:
    assert check() == []


def test_anchors_are_numbered_when_headings_repeat() -> None:
    text = "# One `two`\n\n```\n# not a heading\n```\n## A\n## A\n"

    assert anchors(text) == {"one-two", "a", "a-1"}
