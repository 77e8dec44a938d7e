"""Broken projects: each ends with a status, a message that says where and what to do, and an unchanged database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.migrations import test_cli
from tests.migrations.test_cli import Shell, tables

made, shell = test_cli.made, test_cli.shell

HEAD = "from pyorm.migrations import op\nimport pyorm as sa\n"
CREATE = 'op.create_table("kept", sa.Column("id", sa.Integer))'


def write(shell: Shell, name: str, down: Any, body: str = "pass") -> Path:
    """Write a script and return its path."""
    path = shell.folder / "mig" / "versions" / f"{name}.py"
    text = f"{HEAD}revision = {name!r}\ndown_revision = {down!r}\ndef upgrade():\n    {body}\n"
    path.write_text(text + "def downgrade():\n    pass\n")
    return path


def test_script_with_a_syntax_error_is_named_with_its_line(made: Shell, db: Any) -> None:
    write(made, "a1", None, CREATE)
    path = write(made, "b1", "a1", "x = (")

    status, out = made("upgrade", "head")

    assert status == 255
    assert out.startswith(f"FAILED: Syntax error in revision script {path}, line 6: ")
    assert tables(db) == set()
    assert made("history")[0] == 0


def test_script_that_raises_is_named_with_its_line_and_leaves_nothing(made: Shell, db: Any) -> None:
    write(made, "a1", None, CREATE)
    path = write(made, "b1", "a1", f"{CREATE.replace('kept', 'more')}\n    1 / 0")

    status, out = made("upgrade", "head")

    assert (status, out) == (
        255,
        f"FAILED: ZeroDivisionError: division by zero\nin {path}, line 7, in upgrade: 1 / 0\n",
    )
    assert tables(db) == set()
    assert made("current") == (0, "")
    with pytest.raises(ZeroDivisionError):
        made("--raiseerr", "upgrade", "head")


def test_failing_statement_is_shown_with_its_place_and_leaves_nothing(made: Shell, db: Any) -> None:
    path = write(made, "a1", None, f'{CREATE}\n    op.execute("INSERT INTO nowhere VALUES (1)")\n    1 / 0')

    status, out = made("upgrade", "head")

    assert status == 255
    assert "nowhere" in out and "[SQL: INSERT INTO nowhere VALUES (1)]" in out
    assert f'\nin {path}, line 7, in upgrade: op.execute("INSERT INTO nowhere VALUES (1)")\n' in out
    assert "ZeroDivision" not in out
    assert tables(db) == set()


def test_missing_revision_is_named_with_who_wants_it(made: Shell, db: Any) -> None:
    path = write(made, "b1", "a0")

    for command in (["upgrade", "head"], ["history"], ["heads"]):
        status, out = made(*command)
        assert status == 255
        assert out.startswith("FAILED: Can't locate revision identified by 'a0': revision b1 ")
        assert str(path) in out and "Bring its file back" in out


def test_cycle_is_named(made: Shell, db: Any) -> None:
    write(made, "a1", "b1")
    write(made, "b1", "a1")
    assert made("upgrade", "head") == (255, "FAILED: Cycle is detected in revisions (a1, b1)\n")

    (made.folder / "mig" / "versions" / "b1.py").unlink()
    write(made, "a1", "a1")
    status, out = made("upgrade", "head")
    assert status == 255 and out.startswith("FAILED: Self-loop is detected in revisions (a1)")


def test_two_heads_are_told_with_the_ways_out(made: Shell, db: Any) -> None:
    write(made, "a1", None)
    write(made, "b1", "a1")
    write(made, "c1", "a1")

    status, out = made("upgrade", "head")
    assert status == 255 and out.startswith("FAILED: Multiple head revisions are present for given argument 'head'")
    assert "'heads' for all heads" in out
    status, out = made("revision", "-m", "x")
    assert status == 255 and "perform a merge" in out
    assert len(list((made.folder / "mig" / "versions").glob("*.py"))) == 3


@pytest.mark.parametrize("command", ["upgrade nope", "downgrade nope:a1", "downgrade a1:nope", "stamp nope"])
def test_unknown_target_writes_no_sql(made: Shell, command: str) -> None:
    write(made, "a1", None)

    assert made(*command.split(), "--sql") == (255, "FAILED: Can't locate revision identified by 'nope'\n")


def test_unwritable_folder_is_named(made: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made.folder / "mig" / "versions"
    folder.rmdir()
    folder.write_text("a file is in the way")

    status, out = made("revision", "-m", "x", "--rev-id", "a1")

    assert status == 255
    assert f"FAILED: Can't write {folder}/a1_x.py: " in out and "Give yourself the right to write there" in out


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://joe:s3cret@localhost:1/x", "port 1 failed"),
        ("nosuch://joe:s3cret@localhost/x", "nosuch"),
        ("postgresql://joe:s3cret@localhost:abc/x", "'abc'"),
        ("", ""),
    ],
)
def test_wrong_url_is_told_without_its_password(made: Shell, url: str, told: str) -> None:
    ini = made.folder / "alembic.ini"
    lines = ini.read_text().splitlines()
    ini.write_text("\n".join(f"sqlalchemy.url = {url}" if li.startswith("sqlalchemy.url") else li for li in lines))
    write(made, "a1", None)

    status, out = made("upgrade", "head")

    assert status == 255 and out.startswith("FAILED: ")
    assert told in out and "s3cret" not in out
    assert "sqlalchemy.url" in out or "env.py, line" in out


def test_database_ahead_of_the_code_is_told_with_what_to_do(made: Shell, db: Any) -> None:
    path = write(made, "a1", None)
    write(made, "b1", "a1")
    assert made("upgrade", "head")[0] == 0
    (path.parent / "b1.py").unlink()

    for command in (["upgrade", "head"], ["current"], ["downgrade", "base"]):
        status, out = made(*command)
        assert status == 255
        assert out.startswith("FAILED: Can't locate revision identified by 'b1': the database's version table has it")
        assert "stamp --purge" in out
    assert made("stamp", "--purge", "a1")[0] == 0
    assert made("current") == (0, "a1 (head)\n")


def test_version_table_of_another_kind_is_told(made: Shell, db: Any) -> None:
    write(made, "a1", None, CREATE)
    db.script("CREATE TABLE alembic_version (foo integer)")

    status, out = made("upgrade", "head")

    assert status == 255
    assert out.startswith("FAILED: Can't read the version table 'alembic_version': ")
    assert "version_table=" in out
    assert tables(db) == set()


@pytest.mark.parametrize("value", ["NULL", "''", "'no such thing'"])
def test_version_table_with_garbage_is_told(made: Shell, db: Any, value: str) -> None:
    write(made, "a1", None, CREATE)
    db.script(f"CREATE TABLE alembic_version (version_num varchar(32)); INSERT INTO alembic_version VALUES ({value})")

    for command in (["upgrade", "head"], ["current"]):
        status, out = made(*command)
        assert status == 255 and "stamp --purge" in out
    assert tables(db) == set()
    assert made("stamp", "--purge", "a1")[0] == 0
    assert made("current") == (0, "a1 (head)\n")


def test_environment_without_models_is_told(made: Shell, db: Any) -> None:
    status, out = made("revision", "--autogenerate", "-m", "x")

    assert status == 255
    assert out.startswith("FAILED: Can't proceed with --autogenerate option; environment script ")
    assert "target_metadata=Base.metadata" in out
    assert list((made.folder / "mig" / "versions").glob("*.py")) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("import nosuchmodule", "ModuleNotFoundError: No module named 'nosuchmodule'\nin {env}, line 1"),
        ("x = (((", "SyntaxError: '(' was never closed\nin {env}, line 1"),
        ("context = None", "AttributeError: "),
    ],
)
def test_broken_environment_is_named_with_its_line(made: Shell, db: Any, line: str, told: str) -> None:
    env = made.folder / "mig" / "env.py"
    env.write_text(
        f"{line}\n"
        + env.read_text().replace("import context\n", "import op\n" if "None" in line else "import context\n")
    )
    write(made, "a1", None)

    status, out = made("upgrade", "head")

    assert status == 255 and f"FAILED: {told.format(env=env)}" in out
    assert f"in {env}, line " in out


def test_error_in_a_module_of_the_program_shows_the_calls_from_env_py(tmp_path: Path) -> None:
    run = [sys.executable, "-m", "pyorm.migrations"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([*run, "init", "mig"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    (tmp_path / "models.py").write_text("def build():\n    return {}['name']\nbuild()\n")
    env = tmp_path / "mig" / "env.py"
    env.write_text("import models\n" + env.read_text())

    done = subprocess.run(
        [*run, "upgrade", "head"], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 255
    assert done.stdout.startswith(f"FAILED: KeyError: 'name'\nin {env}, line 1, in <module>: import models\n")
    assert "models.py" in done.stderr and "line 2, in build" in done.stderr and "click" not in done.stderr
