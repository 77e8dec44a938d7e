"""What hangs on a renamed table or column: keys, checks, indexes, sequences, views, references; and the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.migrations.project import Project

BEFORE = """
sa.Table("teams", metadata, sa.Column("id", sa.Integer, primary_key=True),
         sa.Column("label", sa.String(40), unique=True))
sa.Table("staff", metadata,
         sa.Column("id", sa.Integer, primary_key=True),
         sa.Column("name", sa.String(50), nullable=False, index=True),
         sa.Column("salary", sa.Integer, sa.CheckConstraint("salary > 0"), server_default="5"),
         sa.Column("twice", sa.Integer, sa.Computed("salary * 2", persisted=True)),
         sa.Column("boss_id", sa.ForeignKey("staff.id")),
         sa.Column("team_id", sa.ForeignKey("teams.id", ondelete="CASCADE"), index=True),
         sa.UniqueConstraint("name", "team_id"),
         sa.CheckConstraint("length(name) < 60", name="name_is_short"))
sa.Table("badges", metadata,
         sa.Column("id", sa.Integer, primary_key=True),
         sa.Column("staff_id", sa.ForeignKey("staff.id"), nullable=False),
         sa.Column("text", sa.Text))
"""
AFTER = """
sa.Table("groups", metadata, sa.Column("id", sa.Integer, primary_key=True),
         sa.Column("title", sa.String(40), unique=True, renamed_from="label"), renamed_from="teams")
sa.Table("employees", metadata,
         sa.Column("id", sa.Integer, primary_key=True),
         sa.Column("full_name", sa.String(80), nullable=False, index=True, renamed_from="name"),
         sa.Column("wage", sa.Integer, sa.CheckConstraint("wage > 0"), server_default="7", renamed_from="salary"),
         sa.Column("twice", sa.Integer, sa.Computed("wage * 2", persisted=True)),
         sa.Column("chief_id", sa.ForeignKey("employees.id"), renamed_from="boss_id"),
         sa.Column("group_id", sa.ForeignKey("groups.id", ondelete="CASCADE"), index=True, renamed_from="team_id"),
         sa.UniqueConstraint("full_name", "group_id"),
         sa.CheckConstraint("length(full_name) < 60", name="name_is_short"),
         renamed_from="staff")
sa.Table("badges", metadata,
         sa.Column("id", sa.Integer, primary_key=True),
         sa.Column("employee_id", sa.ForeignKey("employees.id"), nullable=False, renamed_from="staff_id"),
         sa.Column("text", sa.Text))
"""
ROWS = """
INSERT INTO teams (id, label) VALUES (1, 'core');
INSERT INTO staff (id, name, salary, boss_id, team_id) VALUES (1, 'ada', 10, NULL, 1), (2, 'alan', 20, 1, 1);
INSERT INTO badges (id, staff_id, text) VALUES (1, 2, 'first');
"""
STAFF = "SELECT id, name, salary, twice, boss_id, team_id FROM staff ORDER BY id"
EMPLOYEES = "SELECT id, full_name, wage, twice, chief_id, group_id FROM employees ORDER BY id"
PEOPLE = [("1", "ada", "10", "20", None, "1"), ("2", "alan", "20", "40", "1", "1")]
CATALOG = """
    SELECT 'relation', relkind::text, relname::text, '' FROM pg_class c
     WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'alembic%'
    UNION ALL
    SELECT 'constraint', contype::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint
     WHERE connamespace = 'public'::regnamespace AND conname NOT LIKE 'alembic%'
    UNION ALL
    SELECT 'index', '', indexname::text, indexdef FROM pg_indexes
     WHERE schemaname = 'public' AND indexname NOT LIKE 'alembic%'
    UNION ALL
    SELECT 'column', table_name::text, column_name::text, concat_ws(' ', data_type, is_nullable, column_default)
      FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'alembic%'
    ORDER BY 1, 2, 3, 4
"""


@pytest.fixture
def project(tmp_path: Path, url: str, capsys: Any, monkeypatch: pytest.MonkeyPatch, db: Any) -> Project:
    return Project(tmp_path, url, capsys, monkeypatch)


def catalog(db: Any) -> list[Any]:
    """Return names and definitions of everything; on SQLite the names of indexes and tables."""
    if db.name == "sqlite":
        sql = "SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE '%alembic%' ORDER BY 1, 2"
        return list(db.rows(sql))
    return list(db.rows(CATALOG))


def drop_everything(db: Any, *tables: str) -> None:
    cascade = " CASCADE" if db.name == "postgresql" else ""
    db.script("".join(f"DROP TABLE {table}{cascade};" for table in tables))


@pytest.mark.parametrize("in_batches", [False, True], ids=["one by one", "in batches"])
def test_rows_and_names_follow_when_tables_and_columns_are_renamed(project: Project, db: Any, in_batches: bool) -> None:
    if in_batches:
        env = project.folder / "mig" / "env.py"
        asked = "target_metadata=target_metadata, render_as_batch=True)"
        env.write_text(env.read_text().replace("target_metadata=target_metadata)", asked))
    project.migrate(BEFORE)
    old_catalog = catalog(db)
    db.script(ROWS)

    script = project.migrate(AFTER)

    assert ("batch_alter_table" in script) == in_batches
    assert "drop_table" not in script and "create_table" not in script
    assert "drop_column" not in script.replace('drop_column("twice"', "")
    assert db.rows(EMPLOYEES) == PEOPLE
    assert db.rows("SELECT title FROM groups") == [("core",)]
    assert db.rows("SELECT employee_id, text FROM badges") == [("2", "first")]
    new_catalog = catalog(db)
    project.ok("downgrade", "-1")
    assert db.rows(STAFF) == PEOPLE
    assert db.rows("SELECT staff_id, text FROM badges") == [("2", "first")]
    assert catalog(db) == old_catalog
    project.ok("upgrade", "head")
    assert db.rows(EMPLOYEES) == PEOPLE and catalog(db) == new_catalog

    drop_everything(db, "badges", "employees", "groups")
    project.create_all()
    assert catalog(db) == new_catalog


def test_likely_renames_of_tables_and_columns_are_found_together(project: Project, db: Any) -> None:
    project.migrate(BEFORE)
    db.script(ROWS)
    body = BEFORE.replace("teams", "groups").replace("team_id", "group_id")

    script = project.migrate(body, "--assume-renames", "high")

    assert 'op.rename_table("teams", "groups")' in script and "drop_table" not in script
    assert db.rows("SELECT name, group_id FROM staff ORDER BY id") == [("ada", "1"), ("alan", "1")]
    assert db.rows("SELECT label FROM groups") == [("core",)]


def test_views_follow_renames(project: Project, db: Any) -> None:
    project.migrate(BEFORE)
    db.script(ROWS + "CREATE VIEW rich AS SELECT name FROM staff WHERE salary > 15;")

    project.migrate(AFTER.replace("sa.String(80)", "sa.String(50)"))

    assert db.rows("SELECT * FROM rich") == [("alan",)]
    project.ok("downgrade", "-1")
    assert db.rows("SELECT * FROM rich") == [("alan",)]


CONVENTION = """
metadata.naming_convention = {"pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s", "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s"}
"""


def test_names_of_a_convention_follow_renames(project: Project, db: Any) -> None:
    project.migrate(CONVENTION + BEFORE)
    old_catalog = catalog(db)
    db.script(ROWS)

    project.migrate(CONVENTION + AFTER)

    assert db.rows(EMPLOYEES) == PEOPLE
    new_catalog = catalog(db)
    project.ok("downgrade", "-1")
    assert catalog(db) == old_catalog and db.rows(STAFF) == PEOPLE
    drop_everything(db, "badges", "staff", "teams")
    project.create_all()
    assert catalog(db) == new_catalog


def test_names_that_somebody_gave_stay_when_a_table_is_renamed(project: Project, db: Any) -> None:
    project.migrate(BEFORE)
    if db.name == "postgresql":
        db.script("ALTER TABLE teams RENAME CONSTRAINT teams_label_key TO my_key")
        db.script("ALTER SEQUENCE teams_id_seq RENAME TO my_numbers")
    db.script(ROWS)

    body = BEFORE.replace("teams", "groups").replace("team_id", "group_id")
    script = project.migrate(body, "--assume-renames", "high")

    assert "my_key" not in script and "my_numbers" not in script
    assert db.rows("SELECT label FROM groups") == [("core",)]
    if db.name == "postgresql":
        names = {row[2] for row in catalog(db)}
        assert {"my_key", "my_numbers", "groups_pkey"} <= names


IDENTITY = """
sa.Table("jobs", metadata, sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True),
         sa.Column("what", sa.Text), schema=None)
"""


def test_numbers_go_on_when_a_table_with_an_identity_is_renamed(project: Project, db: Any) -> None:
    project.migrate(IDENTITY)
    db.script("INSERT INTO jobs (what) VALUES ('a'), ('b')")

    script = project.migrate(IDENTITY.replace('"jobs"', '"tasks"').replace("schema=None", 'renamed_from="jobs"'))

    db.script("INSERT INTO tasks (what) VALUES ('c')")
    assert db.rows("SELECT id, what FROM tasks ORDER BY id") == [("1", "a"), ("2", "b"), ("3", "c")]
    if db.name == "postgresql":
        assert 'op.rename_sequence("jobs_id_seq", "tasks_id_seq")' in script
        new_catalog = catalog(db)
        drop_everything(db, "tasks")
        project.create_all()
        assert catalog(db) == new_catalog


MOOD = """
sa.Table("people", metadata, sa.Column("id", sa.Integer, primary_key=True),
         sa.Column("mood", sa.Enum("glad", "sad", name="mood")))
"""


def test_values_and_columns_of_an_enum_are_renamed_together(project: Project, db: Any) -> None:
    project.migrate(MOOD)
    db.script("INSERT INTO people (id, mood) VALUES (1, 'glad'), (2, 'sad')")
    body = MOOD.replace('"glad"', '"happy"').replace('sa.Column("mood"', 'sa.Column("feeling"')
    body = body.replace('name="mood")', 'name="mood", renamed_from={"happy": "glad"}), renamed_from="mood"')

    project.migrate(body)

    if db.name == "postgresql":
        assert db.rows("SELECT feeling FROM people ORDER BY id") == [("happy",), ("sad",)]
        project.ok("downgrade", "-1")
    assert db.rows("SELECT count(*) FROM people") == [("2",)]


def test_values_are_kept_when_an_enum_type_has_another_name(project: Project, db: Any) -> None:
    project.migrate(MOOD)
    db.script("INSERT INTO people (id, mood) VALUES (1, 'glad'), (2, 'sad')")

    project.migrate(MOOD.replace('name="mood"', 'name="moods"'))

    assert db.rows("SELECT mood FROM people ORDER BY id") == [("glad",), ("sad",)]
    project.ok("downgrade", "-1")
    assert db.rows("SELECT mood FROM people ORDER BY id") == [("glad",), ("sad",)]


PARTS = """
sa.Table("stays", metadata, sa.Column("id", sa.Integer, primary_key=True),
         sa.Column("begin", sa.Date), sa.Column("until", sa.Date), sa.Column("Room", sa.Integer),
         sa.Index("ix_part", "until", sqlite_where=sa.text("begin IS NOT NULL"),
                  postgresql_where=sa.text("begin IS NOT NULL")),
         sa.Index("ix_expression", sa.text("abs(\\"Room\\")")),
         sa.CheckConstraint("begin < until"), sa.CheckConstraint("begin IS NOT NULL OR until IS NULL"))
"""


def test_expressions_follow_when_new_names_need_quotes(project: Project, db: Any) -> None:
    project.migrate(PARTS)
    old_catalog = catalog(db)
    db.script("INSERT INTO stays VALUES (1, '2020-01-01', '2020-01-05', 7)")
    body = PARTS.replace('"begin", sa.Date', '"from", sa.Date, renamed_from="begin"')
    body = body.replace("begin IS", '\\"from\\" IS').replace("begin <", '\\"from\\" <')
    body = body.replace('"Room", sa.Integer', '"room", sa.Integer, renamed_from="Room"').replace('\\"Room\\"', "room")

    script = project.migrate(body)

    assert "create_index" not in script and "check_constraint" not in script
    assert db.rows('SELECT "from", until, room FROM stays') == [("2020-01-01", "2020-01-05", "7")]
    project.ok("downgrade", "-1")
    assert catalog(db) == old_catalog


def in_schema(body: str) -> str:
    """Return models whose tables are in the schema `app`."""
    return 'metadata = sa.MetaData(schema="app")\n' + body.replace('ForeignKey("', 'ForeignKey("app.')


def test_renames_are_found_in_another_schema(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch, pg_db: Any
) -> None:
    project = Project(tmp_path, pg_db.url, capsys, monkeypatch)
    project.migrate(in_schema(BEFORE))
    pg_db.script(ROWS.replace("INTO ", "INTO app."))

    script = project.migrate(in_schema(AFTER))

    assert 'op.rename_table("teams", "groups", schema="app")' in script
    assert 'op.rename_sequence("staff_id_seq", "employees_id_seq", schema="app")' in script
    assert pg_db.rows(EMPLOYEES.replace("FROM ", "FROM app.")) == PEOPLE
    project.ok("downgrade", "-1")
    assert pg_db.rows(STAFF.replace("FROM ", "FROM app.")) == PEOPLE


def test_table_does_not_change_its_schema_by_a_rename(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch, pg_db: Any
) -> None:
    project = Project(tmp_path, pg_db.url, capsys, monkeypatch)
    project.migrate(MOOD)
    pg_db.script("CREATE SCHEMA old; CREATE TABLE old.people (id int)")
    body = IDENTITY.replace("schema=None", 'renamed_from="old.people"')
    project.models('metadata = sa.MetaData(schema="app")\n' + body)

    status, out, _ = project.run("revision", "--autogenerate", "--assume-renames", "high")

    assert status == 255 and "renamed_from='old.people', which is in another schema" in out
