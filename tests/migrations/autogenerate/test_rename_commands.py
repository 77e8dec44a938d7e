"""Renames through the command line: refused, asked, assumed, reported, declared; the rows stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.migrations.project import Project

BEFORE = """
sa.Table("users", metadata, sa.Column("id", sa.Integer, primary_key=True),
         sa.Column("name", sa.String(50), nullable=False), sa.Column("born", sa.Date))
"""
LIKELY = BEFORE.replace('"name"', '"full_name"')
UNLIKE = BEFORE.replace('"name"', '"shoes"')
ROWS = "INSERT INTO users (id, name) VALUES (1, 'ada'), (2, 'alan')"
COUNT = "SELECT count(*) FROM users"


@pytest.fixture
def project(tmp_path: Path, url: str, capsys: Any, monkeypatch: pytest.MonkeyPatch, db: Any) -> Project:
    made = Project(tmp_path, url, capsys, monkeypatch)
    made.migrate(BEFORE)
    db.script(ROWS)
    return made


def test_command_refuses_with_both_readings_when_nobody_can_be_asked(project: Project, db: Any) -> None:
    files = project.versions()
    project.models(LIKELY)

    status, out, err = project.run("revision", "--autogenerate")

    assert status == 3
    assert "is gone" not in out
    for words in (
        "FAILED: Autogenerate cannot tell a rename", "column users.name is gone from the models, and users.full_name",
        'op.alter_column("users", "name", new_column_name="full_name")', 'op.drop_column("users", "name")',
        'renamed_from="name"', "--assume-renames high",
    ):  # fmt: skip
        assert words in err
    assert project.versions() == files
    assert db.rows("SELECT name FROM users ORDER BY id") == [("ada",), ("alan",)]


def test_all_open_questions_are_in_one_refusal(project: Project) -> None:
    project.models(LIKELY.replace('"users"', '"user_accounts"').replace('"born"', '"birthday"'))

    status, _, err = project.run("revision", "--autogenerate")

    assert status == 3
    for words in ("table users is gone", "column user_accounts.name is gone", "column user_accounts.born is gone"):
        assert words in err


@pytest.mark.parametrize(
    ("body", "default", "answer", "expected"),
    [
        (LIKELY, "[Y/n]", "", "new_column_name="),
        (LIKELY, "[Y/n]", "n", "op.drop_column("),
        (UNLIKE, "[y/N]", "", "op.drop_column("),
        (UNLIKE, "[y/N]", "y", "new_column_name="),
    ],
    ids=["likely, taken", "likely, refused", "unlike, refused", "unlike, taken"],
)
def test_person_is_asked_at_the_terminal(
    project: Project, body: str, default: str, answer: str, expected: str
) -> None:
    files = project.versions()
    project.models(body)

    status, shown = project.at_terminal({default: answer}, "revision", "--autogenerate")

    assert status == 0, shown
    assert "Was column users.name renamed to users." in shown and "evidence" in shown and "the values are lost" in shown
    (new,) = set(project.versions()) - set(files)
    assert expected in Path(new).read_text()


def test_nothing_is_written_when_the_person_goes_away(project: Project) -> None:
    files = project.versions()
    project.models(LIKELY)

    status, _ = project.at_terminal({"[Y/n]": "\x04"}, "revision", "--autogenerate")

    assert status == 1 and project.versions() == files


def test_renames_are_assumed_when_the_option_says_so(project: Project, db: Any) -> None:
    project.models(UNLIKE)
    status, _, err = project.run("revision", "--autogenerate", "--assume-renames", "high")
    assert status == 3 and "users.shoes" in err
    assert project.run("revision", "--autogenerate", "--assume-renames", "low")[0] == 2

    assert "new_column_name" in project.migrate(LIKELY, "--assume-renames", "high")
    assert db.rows("SELECT full_name FROM users ORDER BY id") == [("ada",), ("alan",)]
    assert "op.drop_column" in project.migrate(
        LIKELY.replace('"born"', '"birthday"'), "--assume-renames", "none"
    )


def test_check_reports_a_possible_rename_and_asks_nobody(project: Project) -> None:
    project.models(LIKELY.replace('"born"', '"shoes"'))

    status, out, _ = project.run("check")

    assert status == 1 and out.startswith("FAILED: New upgrade operations detected: ")
    assert "Possible rename: column users.name -> users.full_name (score 0." in out and ", likely: " in out
    assert "Possible rename: column users.born -> users.shoes (score 0." in out
    assert "remove_column" in out  # the unlike one is a removal until somebody says otherwise
    status, shown = project.at_terminal({}, "check")
    assert status == 1 and "Possible rename" in shown and "[Y/n]" not in shown


def test_declared_rename_acts_once_and_may_stay(project: Project, db: Any) -> None:
    body = LIKELY.replace("nullable=False)", 'nullable=False, renamed_from="name")')

    script = project.migrate(body)
    assert "new_column_name" in script and "drop_column" not in script
    assert "new_column_name" not in project.migrate(body.replace("String(50)", "String(60)"))
    assert db.rows("SELECT full_name FROM users ORDER BY id") == [("ada",), ("alan",)]

    project.ok("downgrade", "-2")
    assert db.rows("SELECT name FROM users ORDER BY id") == [("ada",), ("alan",)]


@pytest.mark.parametrize("kind", ["column", "table"])
def test_declared_rename_is_an_error_when_the_database_has_both(project: Project, db: Any, kind: str) -> None:
    if kind == "column":
        db.script("ALTER TABLE users ADD COLUMN full_name VARCHAR(50)")
        project.models(LIKELY.replace("nullable=False)", 'nullable=False, renamed_from="name")'))
        expected = "Column users.full_name says renamed_from='name', but the database has both"
    else:
        db.script("CREATE TABLE people (id INTEGER PRIMARY KEY)")
        body = BEFORE.replace('"users"', '"people"').replace('sa.Column("born", sa.Date)', 'renamed_from="users"')
        project.models(body)
        expected = "Table people says renamed_from='users', but the database has both"

    status, out, _ = project.run("revision", "--autogenerate")

    assert status == 255 and expected in out
    assert len(project.versions()) == 1


def test_chain_of_declared_renames_is_carried_out_in_order(project: Project, db: Any) -> None:
    db.script("UPDATE users SET born = '1815-12-10' WHERE id = 1")
    body = BEFORE.replace('"born", sa.Date', '"since", sa.Date, renamed_from="born"')
    project.migrate(body)
    project.migrate(
        body.replace('"since", sa.Date, renamed_from="born"', '"name", sa.Date, renamed_from="since"').replace(
            '"name", sa.String(50), nullable=False', '"alias", sa.String(50), nullable=False, renamed_from="name"'
        )
    )

    assert db.rows("SELECT alias, name FROM users WHERE id = 1") == [("ada", "1815-12-10")]
    project.ok("downgrade", "-1")
    assert db.rows("SELECT name, since FROM users WHERE id = 1") == [("ada", "1815-12-10")]


MAPPED = """
class Base(DeclarativeBase):
    metadata = metadata
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column("name", sa.String(50))
    born = mapped_column(sa.Date)
"""


def test_rename_is_certain_when_the_attribute_keeps_its_name(project: Project, db: Any) -> None:
    script = project.migrate(MAPPED.replace('"name"', '"shoes"'))

    assert 'new_column_name="shoes"' in script
    assert db.rows("SELECT shoes FROM users ORDER BY id") == [("ada",), ("alan",)]


def test_nothing_differs_when_only_the_attribute_is_renamed(project: Project) -> None:
    project.models(MAPPED.replace("    name:", "    shown_name:"))

    assert project.ok("check") == "No new upgrade operations detected.\n"


def test_key_of_a_column_counts_as_its_attribute(project: Project) -> None:
    script = project.migrate(BEFORE.replace('"name", sa.String(50)', '"shoes", sa.String(50), key="name"'))

    assert 'new_column_name="shoes"' in script


def test_renames_are_declared_on_mapped_classes(project: Project, db: Any) -> None:
    script = project.migrate(
        MAPPED.replace('"users"', '"people"\n    __table_args__ = {"renamed_from": "users"}').replace(
            'mapped_column("name", sa.String(50))', 'mapped_column("label", sa.Text, renamed_from="name")'
        )
    )

    assert 'op.rename_table("users", "people")' in script and "op.drop_table" not in script
    assert db.rows("SELECT label FROM people ORDER BY id") == [("ada",), ("alan",)]
    project.ok("downgrade", "-1")
    assert db.rows("SELECT name FROM users ORDER BY id") == [("ada",), ("alan",)]


OTHER = """
sa.Table("orders", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("total", sa.Integer),
         sa.Column("note", sa.Text))
"""


def test_table_of_somebody_else_is_a_candidate_only_when_a_rename_is_likely(project: Project, db: Any) -> None:
    db.script("CREATE TABLE invoices (id INTEGER PRIMARY KEY, total INTEGER, remark TEXT, paid INTEGER)")
    project.models(BEFORE + OTHER)
    status, _, err = project.run("revision", "--autogenerate", "--allow-drop")
    assert status == 3 and "table invoices is gone from the models, and orders is new" in err

    assert "op.create_table(" in project.migrate(BEFORE + OTHER)  # no question: invoices are not dropped anyway
    assert db.rows("SELECT count(*) FROM invoices") == [("0",)]

    db.script("CREATE TABLE item (id INTEGER PRIMARY KEY, total INTEGER, note TEXT)")
    project.models(BEFORE + OTHER + OTHER.replace("orders", "items"))
    status, _, err = project.run("revision", "--autogenerate")
    assert status == 3 and "table item is gone from the models, and items is new" in err
