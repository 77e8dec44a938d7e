"""The scenarios, and where pyorm must be in each.

A scenario has a name that the contenders' methods bear in lower case (`s1`), and is measured
in time per unit, bytes or megabytes. `raw` contenders do what a program without an ORM would:
S1 fetches plain tuples, S7 sends prepared tuples with executemany.
"""

from __future__ import annotations

from dataclasses import dataclass

SQLITE, ROLLBACK, POSTGRES, NONE = "sqlite", "sqlite-rollback", "postgresql", "none"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that every contender does.

    Attributes:
        name: what --scenarios takes.
        title: the line of the table.
        unit: "us" or "ns" per unit of work, "ms", "bytes", "MB" or "count".
        databases: where it runs; (NONE,) needs no database.
        fresh: a new process for each round; imports and memory cannot be measured twice.
        filled: author_w holds the first `rows` authors when a round begins; else it is empty.
        check: (query, expected) afterwards; {n} is the number of rows.
        rows: how many rows the full run writes, 0 for reads.
        warm_ups: rounds that are not counted.
        rounds: as many are enough, whatever --rounds says.
        journal: measured with a rollback journal too, because it decides what this costs.
        streamed: reads the 10⁶ readings, which are made for it alone.
        tree: "full" or "empty": what root, branch and leaf hold when a round begins.
    """

    name: str
    title: str
    unit: str
    databases: tuple[str, ...] = (SQLITE, POSTGRES)
    fresh: bool = False
    filled: bool = False
    check: tuple[str, str] | None = None
    rows: int = 0
    warm_ups: int = 2
    rounds: int = 1000
    journal: bool = True
    streamed: bool = False
    tree: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure pyorm must reach: `measure(pyorm) <= limit * measure(peer) + extra`."""

    scenario: str
    peer: str
    limit: float
    database: str
    extra: float = 0.0

    def met(self, ratio: float, peer_value: float) -> bool:
        """Say whether pyorm ÷ peer is small enough."""
        return ratio <= self.limit + (self.extra / peer_value if peer_value else 0.0)

    def describe(self) -> str:
        """Return the limit as the table prints it."""
        if self.extra:
            return f"≤ {self.peer} + {self.extra:.0f}"
        if self.limit < 1 and self.peer == "sqlalchemy" and self.scenario != "S15":
            return f"≥ {1 / self.limit:.0f}× faster"
        return f"≤ {self.limit:.2f}"


WRITTEN = "SELECT count(*), count(DISTINCT email), min(age) FROM author_w"

SCENARIOS = (
    Scenario("S1", "load all authors as entities", "us", journal=False),
    Scenario("S1b", "the same streamed, nothing kept", "us", journal=False),
    Scenario("S2", "load all authors as rows", "us", journal=False),
    Scenario("S3", "get by key, uncached, one session", "us"),
    Scenario("S3b", "get by key, a session each", "us"),
    Scenario("S4", "get by key, identity-map hit", "ns", journal=False),
    Scenario("S5", "filtered query of 10 entities, built anew", "us"),
    Scenario("S6", "build + compile it, cached shape", "us", journal=False),
    Scenario("S6c", "build it only", "us", journal=False),
    Scenario("S7", "insert objects through the unit of work", "us", rows=10_000,
             check=(WRITTEN, "{n}|{n}|18")),
    Scenario("S8", "bulk insert dicts", "us", rows=10_000, check=(WRITTEN, "{n}|{n}|18")),
    Scenario("S9", "load, change one column each, flush", "us", rows=5_000, filled=True,
             check=("SELECT count(*) FROM author_w w, author a WHERE a.id = w.id"
                    " AND w.age = a.age + 1", "{n}")),
    Scenario("S10", "delete loaded objects", "us", rows=5_000, filled=True,
             check=("SELECT count(*) FROM author_w", "0")),
    Scenario("S11", "2,000 authors with their posts, selectinload", "us", journal=False),
    Scenario("S12", "5,000 posts with their authors, joinedload", "us", journal=False),
    Scenario("G1", "load a graph of 10⁵ objects in 3 levels, selectinload", "us", journal=False,
             tree="full", warm_ups=1),
    Scenario("G2", "add such a graph, flush and commit it", "us", journal=False, tree="empty",
             warm_ups=1, check=("SELECT (SELECT count(*) FROM root) * 99 - (SELECT count(*) FROM"
                                " branch) - (SELECT count(*) FROM leaf)", "0")),
    Scenario("P1", "load a hierarchy of 5 subclasses with joined tables", "us", journal=False),
    Scenario("L1", "1,000 authors, the posts of each touched", "us", journal=False),
    Scenario("L1n", "statements of that after the first", "count", fresh=True, warm_ups=0,
             rounds=1, journal=False),
    Scenario("S13r", "attribute read", "ns", (NONE,)),
    Scenario("S13w", "attribute write", "ns", (NONE,)),
    Scenario("S13m", "method call", "ns", (NONE,)),
    Scenario("S14", "construct with 7 keywords", "ns", (NONE,)),
    Scenario("S15", "memory per loaded entity", "bytes", fresh=True, warm_ups=0, rounds=3,
             journal=False),
    Scenario("S15y", "memory over the start, 10⁶ entities with yield_per", "MB", fresh=True,
             warm_ups=0, rounds=1, journal=False, streamed=True),
    Scenario("S16i", "import what a mapped program needs", "ms", (NONE,), fresh=True,
             warm_ups=1),
    Scenario("S16m", "declare and configure 20 models, all imported", "ms", (NONE,), fresh=True,
             warm_ups=1),
    Scenario("S17", "checkout + SELECT 1 + checkin", "us"),
    Scenario("S17b", "checkout + checkin", "us", journal=False),
    Scenario("S18", "four threads get by key, pool of 5", "us", journal=False),
)

RAW = {SQLITE: "sqlite3", POSTGRES: "psycopg"}


def faster(scenario: str, times: float, *databases: str) -> tuple[Target, ...]:
    """Return the targets 'so many times faster than SQLAlchemy'."""
    return tuple(Target(scenario, "sqlalchemy", 1 / times, name) for name in databases)


def of_raw(scenario: str, sqlite: float | None, postgres: float | None) -> tuple[Target, ...]:
    """Return the targets against the raw drivers."""
    limits = ((SQLITE, sqlite), (POSTGRES, postgres))
    return tuple(Target(scenario, RAW[d], limit, d) for d, limit in limits if limit is not None)


TARGETS: tuple[Target, ...] = (
    *of_raw("S1", 0.7, 1.0), *faster("S1", 8, SQLITE, POSTGRES),
    *of_raw("S3", 1.1, 1.1), *faster("S3", 15, SQLITE), *faster("S3", 5, POSTGRES),
    *faster("S4", 15, SQLITE, POSTGRES),
    *of_raw("S5", 1.0, 1.1), *faster("S5", 5, SQLITE, POSTGRES),
    *faster("S6", 40, SQLITE, POSTGRES),
    *of_raw("S7", 1.2, 0.35), *faster("S7", 12, SQLITE, POSTGRES),
    *of_raw("S9", 1.5, 0.9), *faster("S9", 5, SQLITE, POSTGRES),
    *of_raw("S10", 1.5, 0.4), *faster("S10", 5, SQLITE, POSTGRES),
    *of_raw("S11", 1.1, 1.1), *faster("S11", 8, SQLITE, POSTGRES),
    *of_raw("S12", 1.1, 1.1), *faster("S12", 4, SQLITE, POSTGRES),
    *of_raw("G1", 1.3, 1.3), *of_raw("G2", 1.5, 0.5),
    *of_raw("P1", 1.3, 1.3),
    *faster("L1", 30, POSTGRES),
    Target("L1n", "limit", 3, SQLITE), Target("L1n", "limit", 3, POSTGRES),
    *faster("S13r", 9, NONE), *faster("S13w", 25, NONE),
    Target("S13m", "plain", 1.15, NONE),
    *faster("S14", 25, NONE),
    Target("S15", "sqlite3", 1.0, SQLITE, extra=70),
    Target("S15", "psycopg", 1.0, POSTGRES, extra=70),
    Target("S15", "sqlalchemy", 0.45, SQLITE), Target("S15", "sqlalchemy", 0.45, POSTGRES),
    Target("S15y", "limit", 16, SQLITE), Target("S15y", "limit", 16, POSTGRES),
    *faster("S16i", 4, NONE), *faster("S16m", 8, NONE),
    *faster("S17b", 10, SQLITE, POSTGRES),
    Target("S18", "psycopg", 1 / 0.8, POSTGRES), *faster("S18", 4, POSTGRES),
)
