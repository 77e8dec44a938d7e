"""What the project's pages link to is there."""

from __future__ import annotations

import re

from tools.check_links import ROOT, anchors, check

FILE = re.compile(r"`((?:[a-z_]+/)+[a-z_0-9]+\.(?:c|h|py|md|toml))`")
CODES_IN_PYTHON = re.compile(r"""\bcode(?:: str)? = "(\w+)"|\bcode="(\w+)\"""")
CODES_IN_C = re.compile(r'orm_raise_exc_code\([^";{]*"(\w{4})"')


def test_links_lead_somewhere() -> None:
    assert check() == []


def test_anchors_are_numbered_when_headings_repeat() -> None:
    text = "# One `two`\n\n```\n# not a heading\n```\n## A\n## A\n"

    assert anchors(text) == {"one-two", "a", "a-1"}


def test_every_short_code_of_a_message_has_its_heading() -> None:
    python = "".join(path.read_text() for path in (ROOT / "pyorm").rglob("*.py"))
    c = "".join(path.read_text() for path in (ROOT / "csrc").rglob("*.c"))
    used = {code for pair in CODES_IN_PYTHON.findall(python) for code in pair if code}
    used |= set(CODES_IN_C.findall(c))

    missing = used - anchors((ROOT / "docs" / "errors.md").read_text())

    assert {"gkpj", "cd3x", "cprf"} <= used
    assert missing == set(), "docs/errors.md explains what a message points to"


def test_every_file_that_a_page_names_is_there() -> None:
    named = {
        (page.name, name)
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for name in FILE.findall(page.read_text())
    }

    missing = [(page, name) for page, name in named if not ((ROOT / name).exists() or (ROOT / "csrc" / name).exists())]

    assert ("architecture.md", "session/execute.c") in named
    assert sorted(missing) == []
