"""The benchmarks' arithmetic: ratios, targets, files. Nothing here measures time."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks.chart import draw
from benchmarks.contenders import ENTRIES
from benchmarks.report import index, judge, print_report, ratio, read_json, write_json
from benchmarks.runner import Series
from benchmarks.scenarios import NONE, POSTGRES, SCENARIOS, SQLITE, TARGETS, Target
from benchmarks.work import Sizes, as_sqlite, author_row, fill_sqlite, tree_rows


def one(scenario: str, contender: str, *values: float, database: str = SQLITE) -> Series:
    return Series(scenario, database, contender, list(values))


def test_ratio_is_the_median_of_pairs_when_rounds_alternate() -> None:
    # Every round of both is slower than the one before: the pairs still agree.
    ours, other = one("S1", "pyorm", 1, 2, 4), one("S1", "sqlite3", 2, 4, 8)

    assert ratio(ours, other) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(("ours", "verdict"), [(0.69, "met"), (0.71, "MISSED")])
def test_target_is_judged_by_the_ratio(ours: float, verdict: str) -> None:
    results = index([one("S1", "pyorm", ours), one("S1", "sqlite3", 1.0)])

    line = judge(Target("S1", "sqlite3", 0.7, SQLITE), results)

    assert line is not None and line[-1] == verdict


@pytest.mark.parametrize(("ours", "verdict"), [(169.0, "met"), (171.0, "MISSED")])
def test_target_with_an_allowance_counts_bytes(ours: float, verdict: str) -> None:
    results = index([one("S15", "pyorm", ours), one("S15", "sqlite3", 100.0)])

    line = judge(Target("S15", "sqlite3", 1.0, SQLITE, extra=70), results)

    assert line is not None and line[-1] == verdict


@pytest.mark.parametrize(("ours", "verdict"), [(3.0, "met"), (4.0, "MISSED")])
def test_limit_is_judged_in_the_scenarios_unit(ours: float, verdict: str) -> None:
    line = judge(Target("L1n", "limit", 3, SQLITE), index([one("L1n", "pyorm", ours)]))

    assert line is not None and line[4] == f"{ours:.0f}" and line[-1] == verdict


def test_graph_has_a_hundred_rows_for_each_root() -> None:
    root, branch, leaf = tree_rows(3)

    assert len(root) + len(branch) + len(leaf) == 300
    assert {owner for _, owner, _ in branch} == {1, 2, 3}
    assert {owner for _, owner, _, _ in leaf} == {key for key, _, _ in branch}


def test_target_is_missed_when_our_own_run_failed() -> None:
    failed = Series("S1", SQLITE, "pyorm", error="wrote 3, not 4")

    line = judge(Target("S1", "sqlite3", 0.7, SQLITE), index([failed, one("S1", "sqlite3", 1.0)]))

    assert line is not None and line[-1] == "MISSED"


def test_every_target_names_what_is_measured_on_its_database() -> None:
    databases = {scenario.name: scenario.databases for scenario in SCENARIOS}
    peers = {entry.name: entry.databases for entry in ENTRIES}

    for target in TARGETS:
        assert target.database in databases[target.scenario]
        assert target.peer == "limit" or target.database in peers[target.peer]
        assert target.database in (SQLITE, POSTGRES, NONE)


def test_run_is_read_back_when_written(tmp_path) -> None:
    series = [one("S1", "pyorm", 1.5, 2.5), Series("S1", SQLITE, "peewee", error="no")]

    write_json(tmp_path / "run.json", series, {"python": "3"})

    assert read_json(tmp_path / "run.json") == series


def test_report_shows_losses_and_failures_when_there_are_some(capsys) -> None:
    failed = Series("S1", SQLITE, "peewee", error="OperationalError: locked")

    print_report([one("S1", "pyorm", 2e-6), one("S1", "sqlite3", 1e-6), failed])

    printed = capsys.readouterr().out
    assert "MISSED" in printed and "×2 [2–2]" in printed
    assert "failed: peewee S1 on sqlite: OperationalError: locked" in printed


def test_chart_is_xml_with_a_bar_per_contender() -> None:
    results = index([one("S1", "pyorm", 1e-6), one("S1", "sqlite3", 2e-6)])

    root = ElementTree.fromstring(draw(results))

    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}rect")) == 2
    assert any("pyorm 0.5" in (text.text or "") for text in root.findall(f"{space}text"))


def test_database_holds_what_the_sizes_say(tmp_path) -> None:
    import sqlite3

    fill_sqlite(tmp_path / "b.db", Sizes(0.0001), "WAL")

    connection = sqlite3.connect(tmp_path / "b.db")
    found = connection.execute("SELECT * FROM author WHERE id = 77").fetchone()
    named = connection.execute(
        "SELECT count(*) FROM author WHERE name = 'name000' AND age > 20"
    ).fetchone()
    mode = connection.execute("PRAGMA journal_mode").fetchone()
    connection.close()
    assert found == as_sqlite(author_row(77))
    assert named[0] >= 10
    assert mode == ("wal",)
