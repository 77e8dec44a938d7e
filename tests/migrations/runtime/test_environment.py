"""EnvironmentContext and SQL as text: env.py as users write it, scripts in files."""

from __future__ import annotations

import io
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from pyorm import Column, Engine, Integer, MetaData, Table, create_engine, event, text
from pyorm.migrations import command, context
from pyorm.migrations.config import Config
from pyorm.migrations.operations import Operations
from pyorm.migrations.runtime.environment import EnvironmentContext
from pyorm.migrations.runtime.migration import MigrationContext
from pyorm.migrations.script import ScriptDirectory
from pyorm.migrations.util import CommandError
from tests.conftest import Database, PostgresDatabase
from tests.migrations.runtime.graph import Graph, Rev
from tests.migrations.runtime.runs import migrate, versions

ENV = """
from pyorm import create_engine
from pyorm.migrations import context
attributes = context.config.attributes
options = attributes.get("options", {})
attributes.setdefault("asked", []).append(attributes["ask"](context) if "ask" in attributes else None)
if context.is_offline_mode():
    context.configure(url=context.config.get_main_option("sqlalchemy.url"), **options)
    context.static_output("-- for the administrator")
    with context.begin_transaction():
        context.execute("SELECT 'first'")
        context.run_migrations(**attributes.get("arguments", {}))
else:
    engine = create_engine(context.config.get_main_option("sqlalchemy.url"))
    with engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations(**attributes.get("arguments", {}))
    engine.dispose()
"""


class Project:
    """A migration environment: a, then b and c, merged by m; beside them x."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        (folder / "versions").mkdir(parents=True)
        (folder / "env.py").write_text(ENV)
        self.write("a", None)
        self.write("b", "a")
        self.write("c", "a")
        self.write("m", ("b", "c"))

    def write(self, revision: str, down: Any, body: str = "") -> None:
        """Write a script that makes a table, or does what `body` says."""
        path = self.folder / "versions" / f"{revision}_.py"
        up = body or f"op.execute('CREATE TABLE t_{revision} (id INTEGER)')"
        path.write_text(
            f'"""make {revision}"""\nfrom pyorm.migrations import op\n'
            f"revision = {revision!r}\ndown_revision = {down!r}\n"
            f"def upgrade(**kw):\n    {up}\ndef downgrade(**kw):\n    op.execute('DROP TABLE IF EXISTS t_{revision}')\n"
        )

    def config(self, *x: str, **attributes: Any) -> Config:
        """Return a Config over the folder."""
        self.out = io.StringIO()
        config = Config(output_buffer=self.out, attributes=attributes, cmd_opts=Namespace(x=list(x)))
        config.set_main_option("script_location", str(self.folder))
        config.set_main_option("sqlalchemy.url", self.url.replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        return config

    def text(self, name: str, *args: Any, **options: Any) -> str:
        """Run a command with --sql, and return what it wrote."""
        getattr(command, name)(self.config(options=options), *args, sql=True)
        return self.out.getvalue()


@pytest.fixture
def project(tmp_path: Path, url: str) -> Project:
    """An environment for the database."""
    return Project(tmp_path / "migrations", url)


@pytest.mark.feature("AL-ENV01", "AL-ENV02", "AL-ENV03")
def test_env_py_configures_and_runs_what_the_command_wants(project: Project, db: Database) -> None:
    config = project.config(ask=lambda c: (c.is_offline_mode(), c.requires_connection()))

    command.upgrade(config, "m")

    assert versions(db) == ["m"]
    assert config.attributes["asked"] == [(False, True)]
    command.upgrade(config, "m", sql=True)
    assert config.attributes["asked"][1:] == [(True, False)]


@pytest.mark.feature("AL-ENV18")
def test_x_arguments_are_a_list_or_a_dictionary(project: Project) -> None:
    config = project.config("tenant=blue", "flag", "tenant=red=green", ask=lambda c: (c.get_x_argument(), c.get_x_argument(as_dictionary=True)))  # noqa: E501

    command.upgrade(config, "a")

    assert config.attributes["asked"] == [
        (["tenant=blue", "flag", "tenant=red=green"], {"tenant": "red=green", "flag": ""})
    ]
    assert EnvironmentContext(Config(), None).get_x_argument() == []


@pytest.mark.feature("AL-ENV19")
def test_a_command_can_be_asked_for_its_revisions_and_tag(project: Project) -> None:
    def ask(env: Any) -> list[Any]:
        return [
            env.get_head_revision(),
            env.get_head_revisions(),
            env.get_revision_argument(),
            env.get_starting_revision_argument(),
            env.get_tag_argument(),
        ]

    config = project.config(ask=ask)
    command.upgrade(config, "a:head", sql=True, tag="blue")
    assert config.attributes["asked"] == [["m", ("m",), "m", "a", "blue"]]

    project.write("x", None)
    heads: list[Any] = []
    command.stamp(project.config(ask=lambda c: heads.append(c.get_revision_argument())), "base")
    config = project.config(ask=lambda c: (c.get_head_revisions(), c.get_tag_argument()))
    command.upgrade(config, "m")
    assert heads == [None]
    assert config.attributes["asked"] == [(("m", "x"), None)]
    with pytest.raises(CommandError, match="Multiple head revisions are present"):
        command.upgrade(project.config(ask=lambda c: c.get_head_revision()), "m")
    with pytest.raises(CommandError, match="No starting revision argument is available"):
        EnvironmentContext(config, ScriptDirectory.from_config(config)).get_starting_revision_argument()


@pytest.mark.feature("AL-ENV23")
def test_keyword_arguments_reach_upgrade_and_downgrade_and_listeners(project: Project, db: Database) -> None:
    project.write("a", None, "op.execute('CREATE TABLE t_a (id INTEGER)'); kw['seen'].append(kw['name'])")
    told: list[Any] = []
    seen: list[str] = []
    config = project.config(
        arguments={"name": "blue", "seen": seen},
        options={"on_version_apply": lambda **kw: told.append(kw["run_args"]["name"])},
    )

    command.upgrade(config, "a")
    command.downgrade(config, "base")

    assert seen == ["blue"]
    assert told == ["blue", "blue"]
    assert versions(db) == []


@pytest.mark.feature("AL-ENV16")
def test_listeners_get_every_step_with_the_heads_behind_it(project: Project) -> None:
    told: list[Any] = []

    def first(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
        told.append((step.is_upgrade, step.is_stamp, step.up_revision_ids, step.down_revision_ids, sorted(heads)))

    def second(**kw: Any) -> None:
        told.append(kw["step"].up_revision_id)

    config = project.config(options={"on_version_apply": [first, second]})
    command.upgrade(config, "b")
    command.stamp(config, "c")
    command.downgrade(config, "a")

    assert told == [
        (True, False, ("a",), (), ["a"]), "a",
        (True, False, ("b",), ("a",), ["b"]), "b",
        (True, True, ("c",), (), ["b", "c"]), "c",
        (False, False, ("b",), ("a",), ["c"]), "b",
        (False, False, ("c",), ("a",), ["a"]), "c",
    ]  # fmt: skip


@pytest.mark.feature("AL-ENV20")
def test_static_text_and_statements_go_into_the_script(project: Project, db: Database) -> None:
    written = project.text("upgrade", "a", transactional_ddl=False)
    assert written.startswith("-- for the administrator\n\nSELECT 'first';\n\nCREATE TABLE alembic_version (\n")

    seen: list[str] = []
    engine = create_engine(db.url)
    event.listen(engine, "before_cursor_execute", lambda conn, cursor, statement, *rest: seen.append(statement))
    with engine.connect() as connection, EnvironmentContext(Config(), None):
        context.configure(connection=connection)
        context.execute(text("SELECT 42"))
    assert "SELECT 42" in seen
    engine.dispose()


SCRIPT = """\
-- for the administrator

BEGIN;

SELECT 'first';

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,{space}
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> a

CREATE TABLE t_a (id INTEGER);

INSERT INTO alembic_version (version_num) VALUES ('a');

-- Running upgrade a -> b

CREATE TABLE t_b (id INTEGER);

UPDATE alembic_version SET version_num='b' WHERE alembic_version.version_num = 'a';

COMMIT;

"""


@pytest.mark.feature("AL-OTHER01")
def test_a_script_has_the_transactions_that_the_options_ask_for(project: Project) -> None:
    whole = SCRIPT.replace("{space}", " ")
    assert project.text("upgrade", "b") == whole
    assert project.text("upgrade", "b", transactional_ddl=False) == whole.replace("BEGIN;\n\n", "").replace(
        "COMMIT;\n\n", ""
    )
    first = "SELECT 'first';\n\n"
    each = whole.replace(f"BEGIN;\n\n{first}", f"{first}BEGIN;\n\n").replace(
        "-- Running upgrade a ->", "COMMIT;\n\nBEGIN;\n\n-- Running upgrade a ->"
    )
    assert project.text("upgrade", "b", transaction_per_migration=True) == each


@pytest.mark.feature("AL-OTHER01")
def test_a_script_from_a_revision_on_moves_the_rows_of_branches(project: Project) -> None:
    def moves(written: str) -> list[str]:
        wanted = ("INSERT INTO alembic", "UPDATE alembic", "DELETE FROM alembic")
        return [line.removesuffix(";") for line in written.splitlines() if line.startswith(wanted)]

    assert moves(project.text("upgrade", "b:m")) == [
        "INSERT INTO alembic_version (version_num) VALUES ('c')",
        "DELETE FROM alembic_version WHERE alembic_version.version_num = 'b'",
        "UPDATE alembic_version SET version_num='m' WHERE alembic_version.version_num = 'c'",
    ]
    assert moves(project.text("downgrade", "m:base"))[-1] == (
        "DELETE FROM alembic_version WHERE alembic_version.version_num = 'a'"
    )
    assert moves(project.text("stamp", "a:b")) == [
        "UPDATE alembic_version SET version_num='b' WHERE alembic_version.version_num = 'a'"
    ]
    assert "CREATE TABLE alembic_version" not in project.text("upgrade", "a:b")
    assert "CREATE TABLE alembic_version" in project.text("stamp", "a")
    with pytest.raises(CommandError, match="Can't use --purge with --sql mode"):
        command.stamp(project.config(), "a", sql=True, purge=True)


def test_an_autocommit_block_of_a_script_is_outside_of_its_transactions(project: Project) -> None:
    project.write("b", "a", "with op.get_context().autocommit_block(): op.execute('VACUUM')")

    written = project.text("upgrade", "a:b")

    assert "-- Running upgrade a -> b\n\nCOMMIT;\n\nVACUUM;\n\nBEGIN;\n\nUPDATE alembic_version" in written


@pytest.mark.feature("AL-ENV17")
def test_a_script_for_another_database_is_written_as_configured(tmp_path: Path) -> None:
    project = Project(tmp_path / "migrations", "sqlite://")
    out = io.StringIO()
    config = project.config()
    script = ScriptDirectory.from_config(config)
    seen: list[Any] = []
    body = "op.bulk_insert(sa.table('t', sa.column('n')), [{'n': 5}])"
    project.write("b", "a", f"import pyorm as sa; {body}")

    def plan(heads: Any, migration_context: Any) -> Any:
        seen.append((heads, migration_context.dialect.name))
        return script._upgrade_revs("b", heads)

    template_args = {"given": 1}
    environment = EnvironmentContext(
        config, script, fn=plan, as_sql=True, starting_rev="base", destination_rev="b", template_args=template_args
    )
    with environment:
        context.configure(
            dialect_name="postgresql",
            dialect_opts={"paramstyle": "named"},
            starting_rev="a",
            tag="blue",
            output_buffer=out,
            literal_binds=True,
            upgrade_token="ups",
            downgrade_token="downs",
            template_args={"more": 2},
            version_table="versions",
        )
        with context.begin_transaction():
            context.run_migrations()
        assert context.get_starting_revision_argument() == "a"
        assert context.get_tag_argument() == "blue"
        opts = context.get_context().opts

    assert seen == [(("a",), "postgresql")]
    assert "INSERT INTO t (n) VALUES (5);" in out.getvalue()
    assert "UPDATE versions SET version_num='b' WHERE versions.version_num = 'a';" in out.getvalue()
    assert (opts["upgrade_token"], opts["downgrade_token"]) == ("ups", "downs")
    assert template_args == {"given": 1, "more": 2}
    assert project.out.getvalue() == ""


def test_a_script_is_encoded_where_an_encoding_is_asked_for(tmp_path: Path) -> None:
    project = Project(tmp_path / "migrations", "sqlite://")
    project.write("a", None, "op.execute('SELECT \\'é\\'')")
    raw = io.BytesIO()

    command.upgrade(
        project.config(options={"output_buffer": raw, "output_encoding": "latin-1"}), "a", sql=True
    )

    assert "SELECT 'é';".encode("latin-1") in raw.getvalue()


def test_what_needs_the_database_says_that_it_is_not_configured() -> None:
    with EnvironmentContext(Config(), None):
        for function in (context.get_context, context.get_bind, context.get_impl, context.is_transactional_ddl):
            with pytest.raises(CommandError, match="No context has been configured yet"):
                function()


@pytest.mark.feature("AL-OTHER04")
def test_environment_and_operations_work_without_a_command_line(
    engine: Engine, db: Database, tmp_path: Path
) -> None:
    project = Project(tmp_path / "migrations", db.url)
    config = project.config()
    script = ScriptDirectory.from_config(config)
    seen: list[Any] = []

    def work(heads: Any, migration_context: Any) -> list[Any]:
        seen.append((heads, context.get_context() is migration_context))
        return []

    with EnvironmentContext(config, script, fn=work, dont_mutate=True):
        script.run_env()
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)) as op:
        op.create_table("made", Column("id", Integer, primary_key=True))

    assert seen == [((), True)]
    assert db.rows("SELECT count(*) FROM made") == [("0",)]
    with engine.connect() as connection:
        assert not MigrationContext.configure(connection)._has_version_table()


@pytest.mark.feature("AL-GRAPH07")
def test_the_version_table_is_as_alembic_makes_it(project: Project, db: Database) -> None:
    command.upgrade(project.config(), "b")
    command.upgrade(project.config(), "c")

    assert versions(db) == ["b", "c"]
    if db.name == "sqlite":
        (made,) = db.rows("SELECT sql FROM sqlite_schema WHERE name = 'alembic_version'")
        assert " ".join(str(made[0]).split()) == (
            "CREATE TABLE alembic_version ( version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num) )"
        )
    else:
        query = "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
        assert db.rows(f"{query} WHERE attrelid = 'alembic_version'::regclass AND attnum > 0") == [
            ("version_num", "character varying(32)", "t")
        ]


@pytest.mark.feature("AL-ENV22")
def test_what_needs_to_run_alone_runs_in_an_autocommit_block(project: Project, db: Database) -> None:
    if db.name == "postgresql":
        db.script("CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE people (id int)")
        project.write(
            "b",
            "a",
            "\n    ".join(
                [
                    "op.execute('CREATE TABLE t_b (id INTEGER)')",
                    "with op.get_context().autocommit_block():",
                    "    op.execute(\"ALTER TYPE mood ADD VALUE 'glad'\")",
                    "    op.execute(\"CREATE TABLE feelings (mood mood DEFAULT 'glad')\")",
                    "    op.execute('CREATE INDEX CONCURRENTLY people_id ON people (id)')",
                ]
            ),
        )
    else:
        project.write("b", "a", "with op.get_context().autocommit_block(): op.execute('VACUUM')")

    command.upgrade(project.config(), "b")

    assert versions(db) == ["b"]
    if isinstance(db, PostgresDatabase):
        assert db.rows("SELECT enumlabel FROM pg_enum") == [("sad",), ("glad",)]
        assert db.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'people_id'::regclass") == [("t",)]


@pytest.mark.feature("AL-OTHER06")
def test_tenants_are_migrated_one_schema_after_the_other(pg_db: PostgresDatabase) -> None:
    """Once by search_path, once by schema_translate_map; each tenant has its own version table."""
    pg_db.script("CREATE SCHEMA blue; CREATE SCHEMA red; CREATE SCHEMA green")
    graph = Graph(Rev("a", None, lambda op: op.create_table("items", Column("id", Integer, primary_key=True))))
    engine = create_engine(pg_db.url)
    with engine.connect() as connection:
        for tenant in ("blue", "red"):
            connection.execute(text(f"SET search_path TO {tenant}"))
            connection.commit()
            migrate(connection, graph, "a")
        connection.execute(text("RESET search_path"))
        connection.commit()
    with engine.connect().execution_options(schema_translate_map={None: "green"}) as connection:
        migrate(connection, graph, "a")
        migrate(connection, graph, "a")
        assert connection.execute(Table("items", MetaData(), Column("id")).select()).all() == []
    engine.dispose()

    query = "SELECT relnamespace::regnamespace::text, relname FROM pg_class WHERE relkind = 'r'"
    places = f"{query} AND relname IN ('items', 'alembic_version') ORDER BY 1, 2"
    assert pg_db.rows(places) == [
        (tenant, table) for tenant in ("blue", "green", "red") for table in ("alembic_version", "items")
    ]
