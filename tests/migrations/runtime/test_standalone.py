"""The runtime with models and with programs: comparing, stamping, databases ahead of the code, messages."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from pyorm import Column, Engine, Integer, MetaData, String, Table, create_engine
from pyorm.migrations import command, context
from pyorm.migrations.autogenerate import compare_metadata
from pyorm.migrations.config import Config
from pyorm.migrations.migration import MigrationContext
from pyorm.migrations.script import ScriptDirectory
from pyorm.migrations.util import CommandError
from tests.conftest import Database
from tests.migrations.runtime.runs import versions

MODELS = MetaData()
PEOPLE = Table("people", MODELS, Column("id", Integer, primary_key=True), Column("name", String(20)))


@pytest.fixture
def config(tmp_path: Path, url: str) -> Config:
    """An environment made by `init`, with models, for the database."""
    made = Config(tmp_path / "alembic.ini")
    command.init(made, str(tmp_path / "scripts"))
    made = Config(tmp_path / "alembic.ini")
    made.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    env = tmp_path / "scripts" / "env.py"
    target = "from tests.migrations.runtime.test_standalone import MODELS as target_metadata"
    lines = [line for line in env.read_text().splitlines() if "fileConfig" not in line and "config_file" not in line]
    env.write_text("\n".join(lines).replace("target_metadata = None", target) + "\n")
    return made


@pytest.mark.feature("AL-ENV21")
def test_a_connection_alone_tells_heads_and_differences(engine: Engine, db: Database) -> None:
    with engine.begin() as connection:
        migration_context = MigrationContext.configure(connection)
        assert migration_context.get_current_heads() == ()
        assert migration_context.get_current_revision() is None
        (difference,) = compare_metadata(migration_context, MODELS)
        assert (difference[0], difference[1].name) == ("add_table", "people")
        MODELS.create_all(connection)
        migration_context._ensure_version_table()
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('abc')")

    with engine.connect() as connection:
        migration_context = MigrationContext.configure(connection)
        assert migration_context.get_current_heads() == ("abc",)
        assert compare_metadata(migration_context, MODELS) == []
        assert migration_context.bind is connection
        assert migration_context.config is None


@pytest.mark.feature("AL-OTHER05")
def test_a_database_that_create_all_made_is_stamped_and_goes_on_from_there(
    config: Config, engine: Engine, db: Database
) -> None:
    command.revision(config, "first", rev_id="f1", autogenerate=True)
    MODELS.create_all(engine)

    command.stamp(config, "head")
    command.upgrade(config, "head")
    command.check(config)
    assert versions(db) == ["f1"]

    command.revision(config, "second", rev_id="f2")
    command.upgrade(config, "head")
    assert versions(db) == ["f2"]

    script = ScriptDirectory.from_config(config)
    with engine.begin() as connection:
        MigrationContext.configure(connection).stamp(script, "f1")
    assert versions(db) == ["f1"]
    with engine.begin() as connection:
        MigrationContext.configure(connection).stamp(script, "base")
    assert versions(db) == []


@pytest.mark.feature("AL-OTHER02")
def test_messages_are_those_that_people_look_for(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pyorm.migrations")

    command.revision(config, "make people", rev_id="f1", autogenerate=True)
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    command.stamp(config, "head")

    told = [(record.name, record.getMessage()) for record in caplog.records if record.levelno == logging.INFO]
    for wanted in (
        ("pyorm.migrations.autogenerate.compare", "Detected added table 'people'"),
        ("pyorm.migrations.runtime.migration", "Running upgrade  -> f1, make people"),
        ("pyorm.migrations.runtime.migration", "Running downgrade f1 -> , make people"),
        ("pyorm.migrations.runtime.migration", "Running stamp_revision  -> f1"),
    ):
        assert wanted in told


def test_a_database_ahead_of_the_code_is_an_error_that_names_the_revision(
    config: Config, engine: Engine, db: Database
) -> None:
    command.revision(config, "first", rev_id="f1")
    command.upgrade(config, "head")
    db.script("UPDATE alembic_version SET version_num = 'newer'")

    for function, args in ((command.upgrade, ("head",)), (command.downgrade, ("base",)), (command.stamp, ("f1",))):
        with pytest.raises(CommandError, match="Can't locate revision identified by 'newer'"):
            function(config, *args)  # type: ignore[operator]

    assert versions(db) == ["newer"]
    command.stamp(config, "f1", purge=True)
    assert versions(db) == ["f1"]


def test_a_connection_of_the_program_is_used_and_its_transaction_stays_its_own(
    config: Config, engine: Engine, tmp_path: Path, db: Database
) -> None:
    (tmp_path / "scripts" / "env.py").write_text(
        "from pyorm.migrations import context\n"
        "context.configure(connection=context.config.attributes['connection'])\n"
        "with context.begin_transaction():\n    context.run_migrations()\n"
    )
    command.revision(config, "first", rev_id="f1")
    path = next((tmp_path / "scripts" / "versions").glob("f1*.py"))
    path.write_text(path.read_text().replace("pass", "op.execute('CREATE TABLE made (id INTEGER)')", 1))
    seen: list[Any] = []

    with engine.connect() as connection:
        config.attributes["connection"] = connection
        with connection.begin() as transaction:
            command.upgrade(config, "head")
            seen.append(MigrationContext.configure(connection).get_current_heads())
            transaction.rollback()
        seen.append(MigrationContext.configure(connection).get_current_heads())
        with connection.begin():
            command.upgrade(config, "head")
        seen.append(MigrationContext.configure(connection).get_current_heads())

    assert seen == [("f1",), (), ("f1",)]
    assert db.rows("SELECT count(*) FROM made") == [("0",)]
    assert not hasattr(context, "config")


def test_two_databases_are_migrated_one_after_the_other_in_one_env(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("one", "two")]
    config = Config(attributes={"urls": urls})
    config.set_main_option("script_location", str(tmp_path / "scripts"))
    (tmp_path / "scripts" / "versions").mkdir(parents=True)
    (tmp_path / "scripts" / "env.py").write_text(
        "from pyorm import create_engine\nfrom pyorm.migrations import context\n"
        "for url in context.config.attributes['urls']:\n"
        "    engine = create_engine(url)\n"
        "    with engine.connect() as connection:\n"
        "        context.configure(connection=connection, upgrade_token=url)\n"
        "        with context.begin_transaction():\n            context.run_migrations(url=url)\n"
        "    engine.dispose()\n"
    )
    (tmp_path / "scripts" / "versions" / "a.py").write_text(
        "from pyorm.migrations import op\nrevision = 'a'\ndown_revision = None\n"
        "def upgrade(url):\n    op.execute('CREATE TABLE ' + url[-6:-3] + ' (id INTEGER)')\n"
        "def downgrade(url):\n    pass\n"
    )

    command.upgrade(config, "head")

    found = []
    for url in urls:
        engine = create_engine(url)
        with engine.connect() as connection:
            found.append(connection.exec_driver_sql("SELECT name FROM sqlite_schema ORDER BY 1").scalars().all())
        engine.dispose()
    assert [sorted(set(names) & {"one", "two", "alembic_version"}) for names in found] == [
        ["alembic_version", "one"],
        ["alembic_version", "two"],
    ]
