"""Recipes for migration environments, as whole programs on both databases."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pyorm as sa
from pyorm.migrations import command
from pyorm.migrations.autogenerate import produce_migrations, render_python_code
from pyorm.migrations.autogenerate.rewriter import Rewriter
from pyorm.migrations.migration import MigrationContext
from pyorm.migrations.operations import MigrateOperation, Operations, ops
from pyorm.migrations.runtime import plugins
from pyorm.migrations.script import ScriptDirectory
from tests.migrations.projects import Project

VIEWS = """
class View:
    def __init__(self, name, sql):
        self.name, self.sql = name, sql

first = View("names", "SELECT name FROM people")
second = View("names", "SELECT name, id FROM people")
"""


@pytest.fixture
def project(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.syspath_prepend(str(tmp_path))
    return Project(tmp_path, url)


@pytest.fixture
def own_operations() -> Iterator[None]:
    """Take back what a test registers on Operations."""
    known = set(vars(Operations))
    yield
    for name in set(vars(Operations)) - known:
        delattr(Operations, name)


def rows(engine: Any, sql: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]


@pytest.mark.feature("AL-TMPL05")
@pytest.mark.usefixtures("own_operations")
def test_view_is_replaced_and_its_older_form_comes_back(project: Project, engine: Any) -> None:
    class ReplaceableOp(MigrateOperation):
        def __init__(self, target: Any) -> None:
            self.target = target

    @Operations.register_operation("create_view", "on")
    class CreateViewOp(ReplaceableOp):
        @classmethod
        def on(cls, operations: Any, target: Any) -> Any:
            return operations.invoke(cls(target))

    @Operations.register_operation("drop_view", "on")
    class DropViewOp(ReplaceableOp):
        @classmethod
        def on(cls, operations: Any, target: Any) -> Any:
            return operations.invoke(cls(target))

    @Operations.implementation_for(CreateViewOp)
    def create_view(operations: Any, operation: Any) -> None:
        operations.execute(f"CREATE VIEW {operation.target.name} AS {operation.target.sql}")

    @Operations.implementation_for(DropViewOp)
    def drop_view(operations: Any, operation: Any) -> None:
        operations.execute(f"DROP VIEW {operation.target.name}")

    (project.folder / "recipe_views.py").write_text(VIEWS)
    made = 'op.create_table("people", sa.Column("id", sa.Integer), sa.Column("name", sa.Text))'
    project.write("a1", None, f"{made}; op.create_view(first)", "op.drop_view(first)", "from recipe_views import first")
    both = "op.drop_view({0}); op.create_view({1})"
    project.write(
        "b1", "a1", both.format("first", "second"), both.format("second", "first"), "from recipe_views import *"
    )
    project.run("upgrade", "a1")
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO people VALUES (1, 'ada')")

    assert rows(engine, "SELECT * FROM names") == [("ada",)]
    project.run("upgrade", "head")
    assert rows(engine, "SELECT * FROM names") == [("ada", 1)]
    project.run("downgrade", "-1")
    assert rows(engine, "SELECT * FROM names") == [("ada",)]
    sys.modules.pop("recipe_views", None)


@pytest.mark.feature("AL-TMPL05")
@pytest.mark.parametrize(("given", "expected"), [([], []), (["data=true"], [(1,)])])
def test_data_is_migrated_when_an_argument_asks(project: Project, engine: Any, given: Any, expected: Any) -> None:
    from argparse import Namespace

    body = (
        'op.create_table("t", sa.Column("id", sa.Integer))\n'
        '    if context.get_x_argument(as_dictionary=True).get("data"):\n'
        '        op.execute("INSERT INTO t VALUES (1)")'
    )
    project.write("a1", None, body)
    config = project.config()
    config.cmd_opts = Namespace(x=given)
    command.upgrade(config, "head")

    assert rows(engine, "SELECT id FROM t") == expected


@pytest.mark.feature("AL-TMPL05")
def test_program_says_at_its_start_whether_the_database_is_up_to_date(project: Project, engine: Any) -> None:
    project.write("a1", None, "pass")
    project.write("b1", "a1", "pass")
    project.run("upgrade", "a1")

    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_heads()
        heads = ScriptDirectory.from_config(project.config()).get_heads()

    assert (current, heads) == (("a1",), ["b1"])


@pytest.mark.feature("AL-TMPL05")
def test_new_columns_become_not_null_in_a_second_step_and_empty_scripts_are_left_out(
    project: Project, engine: Any
) -> None:
    writer, last = Rewriter(), Rewriter()

    @writer.rewrites(ops.AddColumnOp)
    def in_two_steps(context: Any, revision: Any, op: ops.AddColumnOp) -> Any:
        if op.column.nullable:
            return op
        op.column.nullable = True
        second = ops.AlterColumnOp(op.table_name, op.column.name, existing_type=op.column.type, modify_nullable=False)
        return [op, second]

    @last.rewrites(ops.MigrationScript)
    def none_if_empty(context: Any, revision: Any, script: ops.MigrationScript) -> Any:
        return [] if script.upgrade_ops is None or script.upgrade_ops.is_empty() else script

    sa.Table("t", project.models, sa.Column("id", sa.Integer, primary_key=True))
    project.models.create_all(engine)
    project.options["process_revision_directives"] = writer.chain(last)
    project.run("revision", "nothing", autogenerate=True)
    assert project.files() == []

    project.models.tables["t"].append_column(sa.Column("n", sa.Integer, nullable=False))
    text = project.revision("a1")
    assert 'sa.Column("n", sa.Integer(), nullable=True)' in text
    assert 'op.alter_column("t", "n", existing_type=sa.Integer(), nullable=False)' in text
    project.run("upgrade", "head")
    assert project.is_settled()


@pytest.mark.feature("AL-TMPL05")
def test_drops_are_rewritten_to_renames(project: Project, engine: Any) -> None:
    writer = Rewriter()

    @writer.rewrites(ops.DropTableOp)
    def keep(context: Any, revision: Any, op: ops.DropTableOp) -> Any:
        return ops.RenameTableOp(op.table_name, f"dropped_{op.table_name}")

    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE gone (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO gone VALUES (5)")
    project.options.update(process_revision_directives=writer, allow_drop=True)
    text = project.revision("a1")

    assert 'op.rename_table("gone", "dropped_gone")' in text and 'op.drop_table("gone")' not in text
    project.run("upgrade", "head")
    assert rows(engine, "SELECT id FROM dropped_gone") == [(5,)]


@pytest.mark.feature("AL-TMPL05")
def test_each_tenant_has_its_own_schema_and_version(tmp_path: Path, pg_db: Any) -> None:
    project = Project(tmp_path, pg_db.url)
    project.write("a1", None, 'op.create_table("notes", sa.Column("id", sa.Integer))', 'op.drop_table("notes")')
    env = project.folder / "mig" / "env.py"
    here = "        context.configure(connection=connection"
    chosen = (
        "        tenant = given['tenant']\n"
        "        connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS {tenant}')\n"
        "        connection.exec_driver_sql(f'SET search_path TO {tenant}')\n"
        "        connection.commit()\n"
    )
    env.write_text(env.read_text().replace(here, chosen + here))
    for tenant in ("one", "two"):
        command.upgrade(project.config(tenant=tenant), "head")
    command.downgrade(project.config(tenant="two"), "base")

    sql = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('one', 'two', 'public') ORDER BY 1, 2"
    assert [tuple(row) for row in pg_db.rows(sql)] == [
        ("one", "alembic_version"), ("one", "notes"), ("two", "alembic_version"),
    ]  # fmt: skip


@pytest.mark.feature("AL-AUTO17")
def test_program_writes_its_own_source_from_a_comparison(engine: Any) -> None:
    metadata = sa.MetaData()
    sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("x", sa.String(9)))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY)")
        context = MigrationContext.configure(connection)
        script = produce_migrations(context, metadata)
        assert script.upgrade_ops is not None and script.downgrade_ops is not None
        up = render_python_code(script.upgrade_ops, migration_context=context)
        down = render_python_code(script.downgrade_ops, "s.", "o.", render_as_batch=True, migration_context=context)
        assert '    op.add_column("t", sa.Column("x", sa.String(length=9), nullable=True))\n' in up
        assert (
            '    with o.batch_alter_table("t", schema=None) as batch_op:\n        batch_op.drop_column("x")\n' in down
        )
        scope = {"sa": sa, "s": sa, "op": Operations(context), "o": Operations(context)}
        exec(f"if True:\n    {up}", scope)
        assert produce_migrations(context, metadata).upgrade_ops.is_empty()  # type: ignore[union-attr]
        exec(f"if True:\n    {down}", scope)
        assert [c["name"] for c in sa.inspect(connection).get_columns("t")] == ["id"]


@pytest.mark.feature("AL-OTHER10")
def test_plugin_of_an_installed_package_is_switched_on_by_its_name(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = project.folder / "noter-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: noter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[alembic.plugins]\nnoter.notes = noter_plugin\n")
    (project.folder / "noter_plugin.py").write_text(
        "from alembic.operations import ops\n"
        "from alembic.util import PriorityDispatchResult\n"
        "def setup(plugin):\n"
        "    def compare(autogen_context, upgrade_ops, schemas):\n"
        "        upgrade_ops.ops.append(ops.CreateTableCommentOp('t', 'noted 42'))\n"
        "        return PriorityDispatchResult.CONTINUE\n"
        "    plugin.add_autogenerate_comparator(compare, 'schema', 'notes')\n"
    )
    monkeypatch.setattr(plugins, "_loaded", [])
    monkeypatch.setattr(plugins, "_plugins", {})

    assert "42" not in project.revision("a1"), "a plugin is no part of the wildcard of our own"
    project.file("a1").unlink()
    project.options["autogenerate_plugins"] = ["alembic.autogenerate.*", "noter.*"]
    assert '"noted 42"' in project.revision("b1")
    sys.modules.pop("noter_plugin", None)
