"""The command line: every command with its options, exit statuses, own commands, threads."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from pyorm import create_engine, exc, text
from pyorm.migrations import command, util
from pyorm.migrations.cli import COMMANDS, CommandLine
from pyorm.migrations.config import Config

ROOT = Path(__file__).parents[2]


class Shell:
    """Runs the command line in a folder, in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.line = CommandLine()

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """Return the status and what was printed."""
        self.capsys.readouterr()
        try:
            self.line.main(list(arguments))
            status = 0
        except SystemExit as left:
            status = int(left.code or 0)
        printed = self.capsys.readouterr()
        return status, printed.out + ("" if status in (0, 255) else printed.err)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return Shell(tmp_path, capsys)


def use(folder: Path, url: str, file: str = "alembic.ini") -> None:
    """Put a database's URL into a configuration."""
    path = folder / file
    given = path.read_text().replace("postgresql://user:password@localhost/name", url.replace("%", "%%"))
    path.write_text(given)


@pytest.fixture
def made(shell: Shell, url: str) -> Shell:
    """A shell in a folder with a generic environment for the database."""
    assert shell("init", "mig")[0] == 0
    use(shell.folder, url)
    # Loggers of the file would be those of the whole test run.
    env = shell.folder / "mig" / "env.py"
    env.write_text(env.read_text().replace("if config.config_file_name is not None:", "if False:"))
    return shell


def tables(db: Any) -> set[str]:
    sql = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if db.name == "sqlite"
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    return {row[0] for row in db.rows(sql)} - {"alembic_version"}


@pytest.mark.feature("AL-CMD01", "AL-TMPL01")
def test_generic_environment_is_made_and_used(made: Shell, db: Any) -> None:
    files = {path.relative_to(made.folder).as_posix() for path in made.folder.rglob("*") if path.is_file()}
    assert files - {"test.db"} == {"alembic.ini", "mig/README", "mig/env.py", "mig/script.py.mako"}

    assert made("revision", "-m", "first", "--rev-id", "aaa1")[0] == 0
    assert made("upgrade", "head")[0] == 0
    assert made("current") == (0, "aaa1 (head)\n")
    assert made("upgrade", "head", "--sql")[1].count("INSERT INTO alembic_version") == 1
    assert made("init", "mig") == (255, "FAILED: Directory mig already exists and is not empty\n")
    assert made("init", "-t", "nope", "x")[1].startswith("FAILED: No such template")


def test_environment_as_a_package_has_its_init_files(shell: Shell) -> None:
    status, out = shell("init", "--package", "mig")

    assert status == 0
    assert (shell.folder / "mig" / "__init__.py").exists()
    assert (shell.folder / "mig" / "versions" / "__init__.py").exists()
    assert "Adding " in out
    assert out.endswith("alembic.ini before proceeding.\n")


def test_environment_of_pyproject_has_one_file_and_is_appended_to_one(shell: Shell, url: str, db: Any) -> None:
    (shell.folder / "pyproject.toml").write_text('[project]\nname = "x"\n')

    assert shell("init", "-t", "pyproject", "mig")[0] == 0
    use(shell.folder, url, "pyproject.toml")
    assert not (shell.folder / "alembic.ini").exists()
    assert (shell.folder / "pyproject.toml").read_text().startswith('[project]\nname = "x"\n\n\n[tool.pyorm]\n')
    assert shell("revision", "-m", "first", "--rev-id", "aaa1")[0] == 0
    assert shell("upgrade", "head")[0] == 0
    assert shell("current") == (0, "aaa1 (head)\n")
    assert "already has a [tool.pyorm] section, skipping" in shell("init", "-t", "pyproject", "other")[1]


@pytest.mark.feature("AL-TMPL03")
def test_several_databases_are_migrated_by_one_script(shell: Shell, url: str, db: Any) -> None:
    assert shell("init", "-t", "multidb", "mig")[0] == 0
    ini = shell.folder / "alembic.ini"
    first, second = url.replace("%", "%%"), f"sqlite:///{shell.folder}/second.db"
    text_ = ini.read_text().replace("postgresql://user:password@localhost/first", first)
    ini.write_text(text_.replace("postgresql://user:password@localhost/second", second))
    env = shell.folder / "mig" / "env.py"
    env.write_text(env.read_text().replace("if config.config_file_name is not None:", "if False:"))

    assert shell("revision", "-m", "first", "--rev-id", "aaa1")[0] == 0
    script = next((shell.folder / "mig" / "versions").glob("aaa1*"))
    body = script.read_text()
    for name, table in (("engine1", "one"), ("engine2", "two")):
        mark = f'    """Upgrade {name}\'s schema."""\n    pass'
        assert mark in body
        body = body.replace(mark, f'    op.create_table("{table}", sa.Column("id", sa.Integer, primary_key=True))')
    script.write_text(body)

    assert shell("upgrade", "head")[0] == 0
    assert tables(db) == {"one"}
    engine = create_engine(second)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT name FROM sqlite_master WHERE name = 'two'")).scalar() == "two"
    engine.dispose()
    assert shell("upgrade", "head", "--sql")[0] == 0
    assert "CREATE TABLE one" in (shell.folder / "engine1.sql").read_text()
    assert "CREATE TABLE two" in (shell.folder / "engine2.sql").read_text()


@pytest.mark.feature("AL-CMD03", "AL-CMD06", "AL-GRAPH03", "AL-GRAPH04", "AL-GRAPH05", "AL-CMD16")
def test_new_scripts_stand_where_the_options_say(made: Shell, db: Any) -> None:
    for arguments in (
        ("-m", "first", "--rev-id", "aaa1"),
        ("-m", "second", "--rev-id", "bbb1"),
        ("-m", "side", "--rev-id", "ccc1", "--head", "aaa1", "--splice", "--branch-label", "side"),
        ("-m", "alone", "--rev-id", "ddd1", "--head", "base", "--depends-on", "bbb1", "--branch-label", "alone"),
        ("-m", "on", "--rev-id", "eee1", "--head", "side@head", "--version-path", "mig/versions"),
    ):
        assert made("revision", *arguments)[0] == 0

    assert made("heads")[1] == "bbb1 (effective head)\nddd1 (alone) (head)\neee1 (side) (head)\n"
    assert made("revision", "-m", "x", "--head", "aaa1")[1].startswith("FAILED: Revision aaa1 is not a head")
    assert made("upgrade", "alone@head")[0] == 0
    assert made("current")[1] == "bbb1 (effective head)\nddd1 (head)\n"
    assert {row[0] for row in db.rows("SELECT version_num FROM alembic_version")} == {"ddd1"}
    assert made("upgrade", "side@+1")[0] == 0
    assert made("merge", "-m", "together", "--rev-id", "fff1", "--branch-label", "merged", "ddd1", "eee1")[0] == 0
    assert made("history", "-r", "ddd1:fff1")[1].splitlines()[0] == (
        "ddd1, eee1 -> fff1 (alone, merged, side) (head) (mergepoint), together"
    )
    assert made("upgrade", "heads")[0] == 0
    assert {row[0] for row in db.rows("SELECT version_num FROM alembic_version")} == {"fff1"}
    assert made("downgrade", "alone@base")[0] == 0
    assert {row[0] for row in db.rows("SELECT version_num FROM alembic_version")} == {"bbb1", "eee1"}


@pytest.mark.feature("AL-GRAPH06")
def test_relative_ids_are_arguments_though_they_begin_with_a_sign(made: Shell, db: Any) -> None:
    for name in ("aaa1", "bbb1", "ccc1"):
        made("revision", "-m", name, "--rev-id", name)

    for arguments, at in (
        (("upgrade", "+2"), "bbb1"),
        (("downgrade", "-1"), "aaa1"),
        (("upgrade", "aaa1+2"), "ccc1 (head)"),
        (("downgrade", "ccc1-2"), "aaa1"),
        (("upgrade", "ccc1@+1"), "bbb1"),
        (("downgrade", "ccc1@aaa1"), "aaa1"),
    ):
        assert made(*arguments)[0] == 0
        assert made("current")[1] == f"{at}\n"
    assert made("upgrade", "+9") == (255, "FAILED: Relative revision +9 didn't produce 9 migrations\n")
    assert made("history", "-r-1:")[1].splitlines() == ["bbb1 -> ccc1 (head), ccc1", "aaa1 -> bbb1, bbb1"]


MODELS = """
from pyorm import Column, Integer, MetaData, Table, Text
metadata = MetaData()
Table("posts", metadata, Column("id", Integer, primary_key=True), Column("title", Text))
"""


@pytest.mark.feature("AL-CMD04", "AL-CMD18")
def test_script_is_written_from_models_and_check_is_content_afterwards(made: Shell, db: Any) -> None:
    (made.folder / "mymodels.py").write_text(MODELS)
    env = made.folder / "mig" / "env.py"
    env.write_text(
        env.read_text().replace("target_metadata = None", "from mymodels import metadata as target_metadata")
    )

    status, out = made("check")
    assert (status, out.split(":")[:2]) == (1, ["FAILED", " New upgrade operations detected"])
    assert "add_table" in out
    assert made("revision", "--autogenerate", "-m", "posts", "--rev-id", "aaa1")[0] == 0
    assert "op.create_table(" in next((made.folder / "mig" / "versions").glob("aaa1*")).read_text()
    assert made("check")[1].startswith("FAILED: Target database is not up to date.")
    assert made("revision", "--autogenerate", "--sql")[1].startswith("FAILED: Using --sql with --autogenerate")
    assert made("upgrade", "head")[0] == 0
    assert tables(db) == {"posts"}

    assert made("check") == (0, "No new upgrade operations detected.\n")
    sys.modules.pop("mymodels", None)


def use_models(folder: Path) -> None:
    """Let the environment compare with a table `posts`."""
    (folder / "mymodels.py").write_text(MODELS)
    env = folder / "mig" / "env.py"
    imported = "from mymodels import metadata as target_metadata"
    env.write_text(env.read_text().replace("target_metadata = None", imported))
    sys.modules.pop("mymodels", None)


@pytest.mark.feature("AL-OTHER02")
def test_log_tells_what_is_found_and_what_is_run(made: Shell, db: Any, caplog: pytest.LogCaptureFixture) -> None:
    use_models(made.folder)
    caplog.set_level("INFO", "pyorm.migrations")

    made("revision", "--autogenerate", "-m", "posts", "--rev-id", "aaa1")
    made("upgrade", "head")
    made("downgrade", "base")

    messages = [record.getMessage() for record in caplog.records]
    for expected in (
        "Context impl PostgresqlImpl." if db.name == "postgresql" else "Context impl SQLiteImpl.",
        "Will assume transactional DDL.",
        "Detected added table 'posts'",
        "Running upgrade  -> aaa1, posts",
        "Running downgrade aaa1 -> , posts",
    ):
        assert expected in messages
    sys.modules.pop("mymodels", None)


@pytest.mark.feature("AL-OTHER05")
def test_fresh_database_is_made_from_the_models_and_stamped(made: Shell, db: Any, engine: Any) -> None:
    use_models(made.folder)
    made("revision", "--autogenerate", "-m", "posts", "--rev-id", "aaa1")
    namespace: dict[str, Any] = {}
    exec(MODELS, namespace)

    namespace["metadata"].create_all(engine)
    assert made("stamp", "head")[0] == 0

    assert made("current", "--check-heads") == (0, "aaa1 (head)\n")
    assert made("upgrade", "head")[0] == 0
    assert made("check") == (0, "No new upgrade operations detected.\n")
    assert tables(db) == {"posts"}
    sys.modules.pop("mymodels", None)


@pytest.mark.feature("AL-CMD05")
def test_environment_is_run_offline_for_an_empty_script(made: Shell) -> None:
    assert made("revision", "--sql")[1].startswith("FAILED: Using --sql with the revision command when revision_env")
    ini = made.folder / "alembic.ini"
    ini.write_text(ini.read_text().replace("# revision_environment = false", "revision_environment = true"))
    env = made.folder / "mig" / "env.py"
    env.write_text(env.read_text() + "\nprint('offline:', context.is_offline_mode())\n")

    assert "offline: True" in made("revision", "--sql", "-m", "x", "--rev-id", "aaa1")[1]
    assert "offline: False" in made("revision", "-m", "y")[1]


@pytest.mark.feature("AL-CFG07")
def test_small_options_of_the_file_are_obeyed(made: Shell) -> None:
    ini = made.folder / "alembic.ini"
    given = ini.read_text().replace("# truncate_slug_length = 40", "truncate_slug_length = 8")
    given = given.replace("# output_encoding = utf-8", "output_encoding = latin-1").replace(
        "# sourceless = false", "sourceless = true"
    )
    ini.write_text(given)
    mako = made.folder / "mig" / "script.py.mako"
    mako.write_text("${'# coding: latin-1'}\n" + mako.read_text())

    assert made("revision", "-m", "größer werden", "--rev-id", "aaa1")[0] == 0
    path = made.folder / "mig" / "versions" / "aaa1_größer_.py"
    assert "größer".encode("latin-1") in path.read_bytes()
    assert made("history")[1] == "<base> -> aaa1 (head), größer werden\n"
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-b", str(path.parent)], check=True)
    path.unlink()
    assert made("heads")[1] == "aaa1 (head)\n"


@pytest.mark.feature("AL-CMD10", "AL-CMD21")
def test_options_before_the_command_reach_the_environment(made: Shell) -> None:
    env = made.folder / "mig" / "env.py"
    env.write_text(
        "from pyorm.migrations import context\n"
        "name = context.config.cmd_opts.cmd[0].__name__\n"
        "print(context.get_x_argument(as_dictionary=True), context.get_tag_argument(), name)\n"
    )
    (made.folder / "other.ini").write_text("[mine]\nscript_location = mig\n")

    assert made("-x", "a=b", "-x", "c", "upgrade", "--tag", "t", "head")[1] == "{'a': 'b', 'c': ''} t upgrade\n"
    assert made("-c", "other.ini", "-n", "mine", "current")[1] == "{} None current\n"
    assert made("-c", "other.ini", "current")[1] == "FAILED: No 'script_location' key found in configuration.\n"
    assert made("-q", "show", "nope") == (255, "")
    assert made("--version")[1].startswith("pyorm ")
    with pytest.raises(util.CommandError, match="Can't locate revision"):
        made("--raiseerr", "show", "nope")


def test_wrong_arguments_end_with_status_2(shell: Shell) -> None:
    for arguments in (("upgrade",), ("nope",), ("--nope",), ("current", "--nope"), ("stamp",)):
        assert shell(*arguments)[0] == 2
    assert shell()[0] == 2
    assert shell("upgrade", "-h")[0] == 0


def test_script_that_fails_is_not_taken_for_a_wrong_url(made: Shell) -> None:
    made("revision", "-m", "one", "--rev-id", "1")
    script = made.folder / "mig" / "versions" / "1_one.py"
    script.write_text(
        script.read_text().replace('schema."""\n    pass', 'schema."""\n    sa.select("x").where(object())', 1)
    )

    status, printed = made("upgrade", "head")
    assert status == 255 and f"in {script}, line " in printed and "URL" not in printed
    with pytest.raises(exc.ArgumentError):
        made("--raiseerr", "upgrade", "head")
    (made.folder / "alembic.ini").write_text("[alembic]\nscript_location = mig\nsqlalchemy.url = nothing\n")
    status, printed = made("upgrade", "head")
    assert status == 255 and "Look at the database's URL" in printed


@pytest.mark.feature("AL-CMD19")
def test_scripts_are_opened_in_the_editor(made: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = made.folder / "ed"
    editor.write_text('#!/bin/sh\necho "$1" >> opened\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    for name in ("aaa1", "bbb1"):
        made("revision", "-m", name, "--rev-id", name)

    assert made("edit", "current") == (255, "FAILED: No current revisions\n")
    made("upgrade", "aaa1")
    for argument in ("head", "current", "bbb1", "aaa"):
        assert made("edit", argument)[0] == 0
    assert made("edit", "base") == (255, "FAILED: No revision files indicated by symbol 'base'\n")

    opened = [Path(line).name for line in (made.folder / "opened").read_text().splitlines()]
    assert opened == ["bbb1_bbb1.py", "aaa1_aaa1.py", "bbb1_bbb1.py", "aaa1_aaa1.py"]


def test_templates_are_listed(shell: Shell) -> None:
    status, out = shell("list_templates")

    assert status == 0
    assert "generic - Generic single-database configuration.\nmultidb - Rudimentary multi-database" in out
    assert "  pyorm init --template generic ./scripts\n" in out


@pytest.mark.feature("AL-CFG12")
def test_templates_of_ones_own_are_used(shell: Shell, tmp_path: Path) -> None:
    class Own(Config):
        def get_template_directory(self) -> str:
            return str(tmp_path / "templates")

    mine = tmp_path / "templates" / "mine"
    mine.mkdir(parents=True)
    (mine / "README").write_text("My own.\n")
    (mine / "env.py").write_text("# mine\n")
    out = io.StringIO()

    command.list_templates(Own(stdout=out))
    command.init(Own(), "mig", template="mine")

    assert "mine - My own." in out.getvalue()
    assert (tmp_path / "mig" / "env.py").read_text() == "# mine\n"


@pytest.mark.feature("AL-CMD26")
def test_own_command_is_registered(made: Shell) -> None:
    def frobnicate(config: Config, revision: str, sql: bool = False, how_often: int = 1) -> None:
        """Do something of one's own.

        At length.
        """
        config.print_stdout("%s %s %s", revision, sql, how_often)

    made.line.register_command(frobnicate)

    assert made("frobnicate", "head", "--sql", "--how-often", "3") == (0, "head True 3\n")
    assert "Do something of one's own." in made("-h")[1]


@pytest.mark.feature("AL-CMD22")
@pytest.mark.parametrize("module", ["pyorm", "pyorm.migrations"])
def test_module_is_the_program(tmp_path: Path, module: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", module, *arguments]
        return subprocess.run(program, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)

    assert run("init", "mig").returncode == 0
    assert run("heads").returncode == 0
    failed = run("show", "nope")
    assert (failed.returncode, failed.stdout) == (255, "FAILED: Can't locate revision identified by 'nope'\n")
    assert run("nope").returncode == 2


def test_missing_extra_is_told_with_what_installs_it(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    import importlib.util

    from pyorm import cli

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "click" else real(name, *a))

    with pytest.raises(SystemExit) as left:
        cli.main(["heads"])

    assert left.value.code == 2
    assert "pip install 'pyorm[migrations]'" in capsys.readouterr().err


ENV = """
from pyorm.migrations import context
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
"""


@pytest.mark.feature("AL-CMD23", "AL-CMD24")
def test_program_shares_its_connection_with_the_environment(made: Shell, engine: Any, db: Any) -> None:
    made("revision", "-m", "first", "--rev-id", "aaa1")
    (made.folder / "mig" / "env.py").write_text(ENV)

    with engine.connect() as connection:
        config = Config("alembic.ini", attributes={"connection": connection})
        command.upgrade(config, "head")
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "aaa1"
        connection.rollback()

    assert Config("alembic.ini").attributes == {}


@pytest.mark.thread
def test_threads_run_commands_on_databases_of_their_own(made: Shell) -> None:
    versions = made.folder / "mig" / "versions"
    for number in range(1, 6):
        down = None if number == 1 else f"rev{number - 1}"
        (versions / f"{number}.py").write_text(
            "import pyorm as sa\nfrom pyorm.migrations import op\n"
            f"revision = 'rev{number}'\ndown_revision = {down!r}\n"
            f"def upgrade():\n    op.create_table('t{number}', sa.Column('id', sa.Integer, primary_key=True))\n"
        )
    (made.folder / "mig" / "env.py").write_text(ENV)
    results: dict[int, list[str]] = {}

    def migrate(number: int) -> None:
        engine = create_engine(f"sqlite:///{made.folder}/thread{number}.db")
        with engine.connect() as connection:
            command.upgrade(Config("alembic.ini", attributes={"connection": connection}), "head")
            connection.commit()
            found = connection.execute(text("SELECT name FROM sqlite_master WHERE name LIKE 't_' ORDER BY name"))
            results[number] = list(found.scalars())
        engine.dispose()

    threads = [threading.Thread(target=migrate, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert results == {number: ["t1", "t2", "t3", "t4", "t5"] for number in range(4)}


def test_every_function_has_its_command_and_every_option_reaches_it(shell: Shell) -> None:
    names = {function.__name__ for function in COMMANDS}

    assert names == set(command.__all__)
    assert set(shell.line.group.commands) == names
    assert Config(cmd_opts=Namespace(quiet=True)).messaging_opts == {"quiet": True}
