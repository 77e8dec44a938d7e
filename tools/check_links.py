"""Check that what the project's pages link to is there: files, and headings inside them.

    python tools/check_links.py        prints each dead link; exit status 1 if there is one

Links to other sites are not followed: the check runs without a network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Return the pages of the project."""
    folders = ("docs", "changelog.d", "examples", "benchmarks")
    below = (path for folder in folders for path in (ROOT / folder).rglob("*.md"))
    return sorted([*ROOT.glob("*.md"), *below])


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    found: dict[str, int] = {}
    names = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = found.get(plain, 0)
        found[plain] = count + 1
        names.add(f"{plain}-{count}" if count else plain)
    return names


def dead_links(page: Path) -> Iterator[str]:
    """Yield a message per link of a page that leads nowhere."""
    text = page.read_text()
    for match in LINK.finditer(FENCE.sub(lambda m: "\n" * m[0].count("\n"), text)):
        target = match[1]
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        if not file.exists():
            yield f"{page.relative_to(ROOT)}: {target} is not there"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
            yield f"{page.relative_to(ROOT)}: {target} has no such heading"


def check() -> list[str]:
    """Return a message per dead link of all pages."""
    return [message for page in pages() for message in dead_links(page)]


if __name__ == "__main__":
    problems = check()
    print("\n".join(problems) or f"docs: the links of {len(pages())} pages lead somewhere")
    raise SystemExit(1 if problems else 0)
