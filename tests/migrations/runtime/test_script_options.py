"""Options of configure() that decide what a new script says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyorm import Column, Integer, MetaData, String, Table, types
from pyorm.migrations import command
from pyorm.migrations.config import Config
from pyorm.migrations.operations import ops
from tests.conftest import Database
from tests.migrations.runtime.test_environment import Project

TEMPLATE = """\
from pyorm.migrations import op
import pyorm as sa
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
"""


class Money(types.UserDefinedType[Any]):
    """A type of the program's own."""

    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        """Return its name in DDL."""
        return "INTEGER"


@pytest.fixture
def project(tmp_path: Path, url: str, db: Database) -> Project:
    """An environment without revisions, for a database with one table."""
    made = Project(tmp_path / "migrations", url)
    for path in (made.folder / "versions").iterdir():
        path.unlink()
    (made.folder / "script.py.mako").write_text(TEMPLATE)
    db.script("CREATE TABLE items (id INTEGER PRIMARY KEY)")
    return made


def revise(project: Project, *columns: Any, **options: Any) -> str | None:
    """Write a script for items with more columns, and return it; None where none was written."""
    metadata = MetaData()
    Table("items", metadata, Column("id", Integer, primary_key=True), *columns)
    config: Config = project.config(options={"target_metadata": metadata, **options})
    made = command.revision(config, "new", autogenerate=True)
    return None if not made else Path(made.path).read_text()  # type: ignore[union-attr]


@pytest.mark.feature("AL-ENV11")
def test_render_as_batch_writes_batch_blocks(project: Project) -> None:
    written = revise(project, Column("n", Integer), render_as_batch=True)
    assert written is not None
    assert 'with op.batch_alter_table("items", schema=None) as batch_op:' in written
    assert 'batch_op.add_column(sa.Column("n", sa.Integer(), nullable=True))' in written
    assert 'batch_op.drop_column("n")' in written
    command.upgrade(project.config(), "head")


@pytest.mark.feature("AL-ENV12")
def test_prefixes_and_render_item_decide_how_things_are_written(project: Project) -> None:
    def render(type_: str, item: Any, autogen_context: Any) -> Any:
        if type_ == "type" and isinstance(item, String):
            autogen_context.imports.add("from shop import Text")
            return "Text()"
        return False

    columns = (Column("price", Money()), Column("name", String(5)))
    options: dict[str, Any] = {"alembic_module_prefix": "o.", "sqlalchemy_module_prefix": "s.", "render_item": render}
    written = revise(project, *columns, user_module_prefix="shop.", **options)
    assert written is not None
    assert 'o.add_column("items", s.Column("price", shop.Money(), nullable=True))' in written
    assert 'o.add_column("items", s.Column("name", Text(), nullable=True))' in written
    assert "from shop import Text" in written
    for path in (project.folder / "versions").glob("*.py"):
        path.unlink()
    written = revise(project, Column("price", Money()))
    assert written is not None
    assert f"{__name__}.Money()" in written


@pytest.mark.feature("AL-ENV13")
def test_process_revision_directives_changes_a_script_or_does_without_it(project: Project) -> None:
    seen: list[Any] = []

    def no_empty_script(context: Any, revision: Any, directives: list[Any]) -> None:
        seen.append((context.as_sql, revision, directives[0].upgrade_ops.is_empty()))
        if directives[0].upgrade_ops.is_empty():
            directives[:] = []
        else:
            directives[0].upgrade_ops.ops.append(ops.ExecuteSQLOp("SELECT 'more'"))

    assert revise(project, process_revision_directives=no_empty_script) is None
    assert list((project.folder / "versions").glob("*.py")) == []
    written = revise(project, Column("n", Integer), process_revision_directives=no_empty_script)

    assert written is not None
    assert "op.execute(\"SELECT 'more'\")" in written
    assert seen == [(False, (), True), (False, (), False)]
