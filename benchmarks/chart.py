"""Draw the figures as an SVG bar chart, without a library.

One group of bars per scenario and database: every contender's median time against the raw
driver's, which is the line at 1. A logarithmic axis, because the distances are factors.
"""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.report import Results, index, number
from benchmarks.runner import Series
from benchmarks.scenarios import POSTGRES, RAW, SCENARIOS, SQLITE

SHOWN = ("S1", "S3", "S5", "S7", "S9", "S10")
COLOURS = {"pyorm": "#1f77b4", "sqlalchemy": "#d1495b", "peewee": "#b08a2e", "apsw": "#8a8f98",
           "sqlite3": "#8a8f98", "psycopg": "#8a8f98"}
LEFT, RIGHT, BAR, GAP, GROUP_GAP, TOP = 330, 120, 15, 3, 16, 64
WIDTH = 900
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-size: 16px; font-weight: 600; } .small { font-size: 12px; }
.axis { stroke: #8a8f98; stroke-width: 1; } .one { stroke: #24292f; stroke-dasharray: 4 3; }
@media (prefers-color-scheme: dark) { text { fill: #d8dee4; } .one { stroke: #d8dee4; } }
"""


def groups(results: Results) -> list[tuple[str, list[tuple[str, float]]]]:
    """Return (title, [(contender, time ÷ raw time)]) of what the chart shows."""
    found = []
    titles = {scenario.name: scenario.title for scenario in SCENARIOS}
    for database in (SQLITE, POSTGRES):
        for scenario in SHOWN:
            raw = results.get((scenario, database, RAW[database]))
            if raw is None or not raw.values:
                continue
            base = statistics.median(raw.values)
            bars = [
                (one.contender, statistics.median(one.values) / base)
                for (name, where, _), one in results.items()
                if (name, where) == (scenario, database) and one.values
            ]
            place = "SQLite" if database == SQLITE else "PostgreSQL"
            found.append((f"{place}: {titles[scenario]}", bars))
    return found


def draw(results: Results) -> str:
    """Return the chart as SVG; an empty one if nothing in it was measured."""
    shown = groups(results)
    ratios = [ratio for _, bars in shown for _, ratio in bars] or [1.0]
    low, high = math.log10(min(0.5, *ratios)), math.log10(max(2.0, *ratios))
    span = WIDTH - LEFT - RIGHT

    def x(ratio: float) -> float:
        return LEFT + span * (math.log10(ratio) - low) / (high - low)

    parts: list[str] = []
    y = TOP
    for title, bars in shown:
        middle = y + len(bars) * (BAR + GAP) / 2
        parts.append(f'<text x="12" y="{middle + 4:.0f}" class="small">{escape(title)}</text>')
        for contender, ratio in bars:
            colour = COLOURS.get(contender, "#6a737d")
            width = max(1.0, x(ratio) - LEFT)
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
                f'<text x="{LEFT + width + 5:.1f}" y="{y + 12}" class="small">'
                f"{escape(contender)} {number(ratio)}</text>"
            )
            y += BAR + GAP
        y += GROUP_GAP
    one = x(1.0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 8}" width="{WIDTH}">'
        f"<style>{STYLE}</style>"
        '<text x="12" y="26" class="title">Time against the raw driver: shorter is faster</text>'
        f'<text x="{one:.1f}" y="50" class="small" text-anchor="middle">1 = raw driver</text>'
        f'<line x1="{LEFT}" y1="{TOP - 6}" x2="{LEFT}" y2="{y}" class="axis"/>'
        + "".join(parts)
        + f'<line x1="{one:.1f}" y1="{TOP - 6}" x2="{one:.1f}" y2="{y}" class="one"/>'
        "</svg>\n"
    )


def write_chart(path: Path, series: list[Series]) -> None:
    """Write the chart of a run to a file."""
    path.write_text(draw(index(series)))
