"""Commands, from a new environment to a downgrade, through the command line and as functions."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

from pyorm.migrations import command, util
from pyorm.migrations.cli import CommandLine
from pyorm.migrations.config import Config

pytestmark = pytest.mark.filterwarnings("ignore:downgrade -1 from multiple heads:UserWarning")


class Project:
    """A migration environment in a folder of its own.

    Args:
        folder: where.
        url: the database's.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def config(self, **options: Any) -> Config:
        self.out = io.StringIO()
        config = Config(self.folder / "alembic.ini", stdout=self.out, **options)
        config.set_main_option("sqlalchemy.url", self.url.replace("%", "%%"))
        return config

    def write(self, revision: str, down: Any = None, table: str | None = None, **head: Any) -> Path:
        """Write a revision script that makes a table."""
        up = f'op.create_table("{table}", sa.Column("id", sa.Integer, primary_key=True))' if table else "pass"
        path = self.folder / "mig" / "versions" / f"{revision}_.py"
        path.write_text(
            f'"""make {table}\n\nRevision ID: {revision}\n"""\nimport pyorm as sa\nfrom pyorm.migrations import op\n\n'
            f"revision = {revision!r}\ndown_revision = {down!r}\nbranch_labels = {head.get('labels')!r}\n"
            f"depends_on = {head.get('depends_on')!r}\n\n\ndef upgrade() -> None:\n    {up}\n\n\n"
            f"def downgrade() -> None:\n    {f'op.drop_table({table!r})' if table else 'pass'}\n"
        )
        return path

    def lines(self, function: Any, *args: Any, **options: Any) -> list[str]:
        """Call a command and return what it printed."""
        function(self.config(), *args, **options)
        return self.out.getvalue().splitlines()


@pytest.fixture
def project(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty environment for the database."""
    monkeypatch.chdir(tmp_path)
    command.init(Config(tmp_path / "alembic.ini"), "mig")
    return Project(tmp_path, url)


@pytest.fixture
def history(project: Project) -> Project:
    """An environment with three revisions in a line, each of which makes a table."""
    project.write("aaa1", None, "one")
    project.write("bbb1", "aaa1", "two")
    project.write("ccc1", "bbb1", "three")
    return project


def tables(db: Any) -> set[str]:
    sql = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if db.name == "sqlite"
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    return {row[0] for row in db.rows(sql)} - {"alembic_version"}


def versions(db: Any) -> set[str]:
    return {row[0] for row in db.rows("SELECT version_num FROM alembic_version")}


@pytest.mark.feature("AL-CMD07", "AL-CMD08", "AL-GRAPH02")
def test_database_goes_up_and_down_by_every_kind_of_target(history: Project, db: Any) -> None:
    for target, expected in [("+1", {"one"}), ("bbb", {"one", "two"}), ("head", {"one", "two", "three"})]:
        command.upgrade(history.config(), target)
        assert tables(db) == expected
    assert versions(db) == {"ccc1"}

    for target, expected in [("-1", {"one", "two"}), ("aaa1", {"one"}), ("base", set())]:
        command.downgrade(history.config(), target)
        assert tables(db) == expected
    assert versions(db) == set()


@pytest.mark.feature("AL-CMD11")
def test_current_is_printed_and_checked(history: Project, db: Any) -> None:
    assert history.lines(command.current) == []
    with pytest.raises(util.DatabaseNotAtHead, match="Database is not on all head revisions; it is at none"):
        command.current(history.config(), check_heads=True)

    command.upgrade(history.config(), "bbb1")
    assert history.lines(command.current) == ["bbb1"]
    command.upgrade(history.config(), "head")

    assert history.lines(command.current, check_heads=True) == ["ccc1 (head)"]
    shown = history.lines(command.current, verbose=True)
    assert shown[0].startswith("Current revision(s) for ")
    assert shown[1:3] == ["Rev: ccc1 (head)", "Parent: bbb1"]
    assert "create_engine" not in "".join(shown)


@pytest.mark.feature("AL-CMD17")
def test_revision_is_stamped_without_being_run(history: Project, db: Any) -> None:
    command.stamp(history.config(), "bbb1")
    assert (versions(db), tables(db)) == ({"bbb1"}, set())

    command.stamp(history.config(), "head")
    assert versions(db) == {"ccc1"}

    db.script("UPDATE alembic_version SET version_num = 'gone'")
    command.stamp(history.config(), "aaa1", purge=True)
    assert versions(db) == {"aaa1"}
    command.stamp(history.config(), "base")
    assert versions(db) == set()

    buffer = io.StringIO()
    command.stamp(history.config(output_buffer=buffer), "aaa1:ccc1", sql=True)
    assert (
        "UPDATE alembic_version SET version_num='ccc1' WHERE alembic_version.version_num = 'aaa1'" in buffer.getvalue()
    )


@pytest.mark.feature("AL-CMD20")
def test_version_table_is_made_and_nothing_else(history: Project, db: Any) -> None:
    command.ensure_version(history.config())
    command.ensure_version(history.config())
    assert (versions(db), tables(db)) == (set(), set())

    buffer = io.StringIO()
    command.ensure_version(history.config(output_buffer=buffer), sql=True)
    assert "CREATE TABLE alembic_version" in buffer.getvalue()


@pytest.mark.feature("AL-CMD09")
def test_sql_is_written_for_a_range_instead_of_being_run(history: Project, db: Any) -> None:
    buffer = io.StringIO()
    command.upgrade(history.config(output_buffer=buffer), "aaa1:ccc1", sql=True)
    text = buffer.getvalue()
    assert re.findall(r"CREATE TABLE (\w+)", text) == ["two", "three"]
    assert "-- Running upgrade aaa1 -> bbb1" in text

    buffer = io.StringIO()
    command.upgrade(history.config(output_buffer=buffer), ":head", sql=True)
    assert re.findall(r"CREATE TABLE (\w+)", buffer.getvalue()) == ["alembic_version", "one", "two", "three"]

    buffer = io.StringIO()
    command.downgrade(history.config(output_buffer=buffer), "ccc1:aaa1", sql=True)
    assert re.findall(r"DROP TABLE (\w+)", buffer.getvalue()) == ["three", "two"]

    with pytest.raises(util.CommandError, match="downgrade with --sql requires <fromrev>:<torev>"):
        command.downgrade(history.config(), "aaa1", sql=True)
    with pytest.raises(util.CommandError, match="Range revision not allowed"):
        command.upgrade(history.config(), "aaa1:bbb1")
    assert tables(db) == set()


@pytest.mark.feature("AL-CMD12")
def test_history_is_printed_with_ranges_and_the_database_marked(history: Project, db: Any) -> None:
    command.upgrade(history.config(), "bbb1")
    full = ["bbb1 -> ccc1 (head), make three", "aaa1 -> bbb1, make two", "<base> -> aaa1, make one"]

    assert history.lines(command.history) == full
    assert history.lines(command.history, "aaa1:bbb1") == full[1:]
    assert history.lines(command.history, ":aaa1") == full[2:]
    assert history.lines(command.history, "-1:") == full[:2]
    assert history.lines(command.history, "current:") == full[:2]
    assert history.lines(command.history, "-1:current") == full[1:]
    assert history.lines(command.history, "current:+1") == full[:2]
    assert history.lines(command.history, indicate_current=True)[1] == "aaa1 -> bbb1 (current), make two"
    assert history.lines(command.history, verbose=True)[:2] == ["Rev: ccc1 (head)", "Parent: bbb1"]
    with pytest.raises(util.CommandError, match="History range requires"):
        command.history(history.config(), "aaa1")
    with pytest.raises(util.CommandError, match="Requested range ccc1:aaa1 does not refer to ancestor"):
        command.history(history.config(), "ccc1:aaa1")


def test_script_that_cannot_be_run_stops_the_run_before_it_begins(history: Project, db: Any) -> None:
    path = history.write("ddd1", "ccc1", "four")
    path.write_text(path.read_text() + "\ndef broken(:\n")

    with pytest.raises(util.CommandError, match=rf"Syntax error in revision script {re.escape(str(path))}, line \d+"):
        command.upgrade(history.config(), "head")

    assert tables(db) == set()


def test_database_ahead_of_the_code_is_named(history: Project, db: Any) -> None:
    command.upgrade(history.config(), "head")
    (history.folder / "mig" / "versions" / "ccc1_.py").unlink()

    for call in (
        lambda: command.upgrade(history.config(), "head"),
        lambda: command.downgrade(history.config(), "base"),
        lambda: command.current(history.config()),
    ):
        with pytest.raises(util.CommandError, match=r"Can't locate revision identified by 'ccc1'.*ahead of this code"):
            call()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("nonsense", "Could not parse"),
        ("postgresql://nobody@127.0.0.1:1/nothing", "127.0.0.1"),
        ("oracle://x", "oracle"),
    ],
)
def test_wrong_url_is_told_with_what_to_look_at(history: Project, capsys: Any, given: str, told: str) -> None:
    config = history.config()
    config.set_main_option("sqlalchemy.url", given)

    with pytest.raises(SystemExit) as left:
        CommandLine().run_cmd(config, command.upgrade, {"revision": "head"})

    printed = capsys.readouterr().out
    assert left.value.code == 255
    assert f"FAILED: {told}" in printed or told in printed
    assert "sqlalchemy.url" in printed
