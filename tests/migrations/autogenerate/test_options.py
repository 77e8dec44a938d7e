"""What env.py can say about autogenerate, option by option, through whole projects."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pyorm as sa
from pyorm.migrations import util
from pyorm.migrations.operations import ops
from tests.migrations.projects import Project

Models = Callable[..., sa.MetaData]


def models(*items: Any, **kw: Any) -> sa.MetaData:
    metadata = sa.MetaData(**kw)
    sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True), *items)
    return metadata


@pytest.fixture
def project(tmp_path: Path, url: str) -> Project:
    return Project(tmp_path, url)


@pytest.fixture
def changed(project: Project, engine: Any) -> Project:
    """Return a project whose models differ from the database in several things."""
    before = models(
        sa.Column("gone", sa.LargeBinary), sa.Column("x", sa.String(5), server_default="a"), sa.Column("y", sa.Integer),
        sa.Index("ix_gone", "y"), sa.UniqueConstraint("y", name="uq_gone"),
    )  # fmt: skip
    sa.Table("old", before, sa.Column("what", sa.Date))
    before.create_all(engine)
    project.models = models(
        sa.Column("x", sa.String(6), server_default="b"), sa.Column("y", sa.Integer), sa.Column("new", sa.Integer)
    )
    sa.Table("added", project.models, sa.Column("id", sa.Integer, primary_key=True), sa.Column("note", sa.Text))
    project.options["allow_drop"] = True
    return project


@pytest.mark.feature("AL-ENV06")
def test_include_name_says_what_of_the_database_is_read(changed: Project) -> None:
    asked: set[tuple[Any, ...]] = set()

    def include(name: str | None, type_: str, parents: dict[str, Any]) -> bool:
        asked.add((type_, name, parents.get("schema_name", "-"), parents.get("schema_qualified_table_name")))
        return name not in ("old", "gone", "ix_gone")

    changed.options["include_name"] = include
    text = changed.revision()

    assert "old" not in text and "gone'" not in text and "ix_gone" not in text
    assert 'op.drop_constraint(op.f("uq_gone"), "t", type_="unique")' in text
    assert asked >= {
        ("schema", None, "-", None), ("table", "old", None, "old"), ("table", "t", None, "t"),
        ("column", "gone", None, "t"), ("column", "x", None, "t"), ("index", "ix_gone", None, "t"),
        ("unique_constraint", "uq_gone", None, "t"),
    }  # fmt: skip
    assert not {name for type_, name, *_ in asked} & {"added", "new"}, "names of the models are not asked about"
    assert "alembic_version" not in {name for _, name, *_ in asked}


@pytest.mark.feature("AL-ENV07")
def test_include_object_says_what_is_compared(changed: Project) -> None:
    asked: dict[tuple[str, str | None], tuple[str, bool, str]] = {}

    def include(item: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
        asked[type_, name] = (type(item).__name__, reflected, type(compare_to).__name__)
        return name not in ("old", "new", "uq_gone") and not item.info.get("skip")

    changed.models.tables["added"].info["skip"] = True
    changed.options["include_object"] = include
    text = changed.revision()

    for name in ("old", "new", "uq_gone", "added"):
        assert name not in text
    assert 'op.drop_index(op.f("ix_gone"), table_name="t")' in text
    assert asked["table", "t"] == ("Table", False, "Table")
    assert asked["table", "old"] == ("Table", True, "NoneType")
    assert asked["column", "y"] == ("Column", False, "Column"), "also where nothing differs"
    assert asked["column", "gone"] == ("Column", True, "NoneType")
    assert asked["index", "ix_gone"] == ("Index", True, "NoneType")
    assert asked["unique_constraint", "uq_gone"] == ("UniqueConstraint", True, "NoneType")


@pytest.mark.parametrize("hook", ["include_object", "include_name"])
def test_what_is_left_out_is_no_rename_either(project: Project, engine: Any, hook: str) -> None:
    before = models(sa.Column("nick", sa.String(50)))
    sa.Table("account", before, sa.Column("id", sa.Integer, primary_key=True), sa.Column("b", sa.Text))
    before.create_all(engine)
    project.models = models(sa.Column("name", sa.String(50)))
    sa.Table("accounts", project.models, sa.Column("id", sa.Integer, primary_key=True), sa.Column("b", sa.Text))
    with pytest.raises(util.AmbiguousRename):
        project.revision()

    if hook == "include_object":
        project.options[hook] = lambda item, name, *_: name not in ("account", "nick")
    else:
        project.options[hook] = lambda name, *_: name not in ("account", "nick")
    text = project.revision()

    assert 'op.create_table(\n        "accounts"' in text and 'sa.Column("name"' in text
    assert "rename" not in text and "new_column_name" not in text


@pytest.mark.feature("AL-ENV08")
def test_include_schemas_reads_other_schemas(tmp_path: Path, pg_db: Any) -> None:
    project = Project(tmp_path, pg_db.url)
    pg_db.script("CREATE SCHEMA other; CREATE TABLE other.far (id integer PRIMARY KEY); CREATE TABLE near (v text)")
    project.models = sa.MetaData()
    sa.Table("near", project.models, sa.Column("v", sa.Text))
    project.options["allow_drop"] = True

    assert project.is_settled(), "without it only the default schema is read"

    asked: list[str | None] = []

    def include(name: str | None, type_: str, parents: Any) -> bool:
        if type_ == "schema":
            asked.append(name)
        return not (type_ == "schema" and name == "hidden")

    pg_db.script("CREATE SCHEMA hidden; CREATE TABLE hidden.far (id integer PRIMARY KEY)")
    project.options.update(include_schemas=True, include_name=include)
    text = project.revision()

    assert 'op.drop_table("far", schema="other")' in text and "hidden" not in text
    assert set(asked) >= {None, "other", "hidden"} and "information_schema" not in asked
    project.run("upgrade", "head")
    assert project.is_settled()


@pytest.mark.feature("AL-ENV09")
def test_compare_type_is_on_and_a_callable_decides(project: Project, engine: Any) -> None:
    models(sa.Column("x", sa.String(5)), sa.Column("y", sa.Integer)).create_all(engine)
    project.models = models(sa.Column("x", sa.String(6)), sa.Column("y", sa.Integer))
    seen: list[Any] = []

    def decide(verdict: bool | None) -> Any:
        def compare(context: Any, inspected: Any, column: Any, inspected_type: Any, type_: Any) -> bool | None:
            seen.append((context.dialect.name, inspected.name, column.table.name, str(inspected_type), str(type_)))
            return verdict if column.name == "y" else None

        return compare

    assert "type_=sa.String(length=6)" in project.revision("on")
    project.options["compare_type"] = False
    project.file("on").unlink()
    assert project.is_settled()
    project.options["compare_type"] = decide(True)
    text = project.revision("called")
    assert 'op.alter_column(\n        "t",\n        "y",' in text or '"t", "y", existing_type=sa.INTEGER()' in text
    assert "type_=sa.String(length=6)" in text
    assert (engine.dialect.name, "x", "t", "VARCHAR(5)", "VARCHAR(6)") in seen


@pytest.mark.feature("AL-ENV10")
@pytest.mark.parametrize("adopted", [False, True])
def test_server_defaults_are_compared_as_the_option_says(tmp_path: Path, url: str, engine: Any, adopted: bool) -> None:
    project = Project(tmp_path, url, adopted)
    models(sa.Column("x", sa.String(5), server_default="a"), sa.Column("y", sa.Integer)).create_all(engine)
    project.models = models(sa.Column("x", sa.String(5), server_default="b"), sa.Column("y", sa.Integer))
    seen: list[Any] = []

    def never(context: Any, inspected: Any, column: Any, was: Any, default: Any, rendered: Any) -> bool:
        seen.append((inspected.name, column.name, was.partition("::")[0], default.arg, rendered))
        return False

    text = project.revision("silent")
    assert ('server_default="b"' in text) is not adopted
    project.file("silent").unlink()
    for rule, found in ((True, True), (False, False), (None, not adopted), (never, False)):
        project.options["compare_server_default"] = rule
        assert ('server_default="b"' in project.revision("said")) is found, rule
        project.file("said").unlink()
    assert seen == [("x", "x", "'a'", "b", "b")]


@pytest.mark.feature("AL-ENV11")
def test_changes_of_a_table_stand_in_a_batch(changed: Project) -> None:
    changed.options["render_as_batch"] = True
    text = changed.revision()

    assert '    with op.batch_alter_table("t", schema=None) as batch_op:\n' in text
    assert '        batch_op.add_column(sa.Column("new", sa.Integer(), nullable=True))\n' in text
    assert '        batch_op.drop_constraint(batch_op.f("uq_gone"), type_="unique")\n' in text
    assert text.count("with op.batch_alter_table") == 2
    assert "op.alter_column(" not in text.replace("batch_op.", "")

    changed.run("upgrade", "head")
    assert changed.is_settled()
    changed.run("downgrade", "base")
    changed.run("upgrade", "head")
    assert changed.is_settled()


class Money(sa.types.TypeDecorator[Any]):
    impl = sa.Numeric(10, 2)
    cache_ok = True


@pytest.mark.feature("AL-ENV12")
def test_prefixes_and_render_item_decide_what_is_written(project: Project) -> None:
    project.models = models(
        sa.Column("price", Money), sa.Column("at", sa.DateTime, server_default=sa.func.now()),
        sa.CheckConstraint("price > 0", name="ck_price"),
    )  # fmt: skip
    text = project.revision("usual")
    assert "tests.migrations.autogenerate.test_options.Money(precision=10, scale=2)" in text

    project.file("usual").unlink()
    project.options.update(sqlalchemy_module_prefix="sqla.", alembic_module_prefix="mig.", user_module_prefix="money.")
    text = project.revision("prefixes")
    assert '    mig.create_table(\n        "t",\n        sqla.Column("id", sqla.Integer(), nullable=False),\n' in text
    assert "money.Money(precision=10, scale=2)" in text and 'mig.drop_table("t")' in text

    project.file("prefixes").unlink()
    kinds: set[str] = set()

    def render_item(type_: str, item: Any, context: Any) -> Any:
        kinds.add(type_)
        if isinstance(item, Money):
            context.imports.add("from tests.migrations.autogenerate.test_options import Money")
            return "Money()"
        return None if type_ == "check" else False

    project.options = {"render_item": render_item}
    text = project.revision("hook")
    assert "from tests.migrations.autogenerate.test_options import Money\n" in text
    assert 'sa.Column("price", Money(), nullable=True)' in text and "CheckConstraint" not in text
    assert kinds >= {"type", "column", "server_default", "check", "primary_key"}
    project.run("upgrade", "head")


@pytest.mark.feature("AL-ENV13")
def test_directives_are_changed_left_out_and_multiplied(project: Project, engine: Any) -> None:
    given: list[Any] = []

    def hook(context: Any, revision: Any, directives: list[ops.MigrationScript]) -> None:
        (script,) = directives
        given.append((context.dialect.name, revision, script.upgrade_ops.is_empty()))
        if script.upgrade_ops.is_empty():
            directives.clear()
        else:
            script.message = "another message"
            script.imports.add("import zlib")
            script.upgrade_ops.ops.append(ops.ExecuteSQLOp("INSERT INTO t (id) VALUES (7)"))

    project.options["process_revision_directives"] = hook
    project.run("revision", "nothing", autogenerate=True)
    assert project.files() == []

    project.models = models()
    text = project.revision("b1")
    assert project.files() == ["b1_another_message.py"]
    assert text.startswith('"""another message\n') and "import zlib\n" in text
    project.run("upgrade", "head")
    project.run("revision", "nothing", autogenerate=True)
    assert project.files() == ["b1_another_message.py"]
    assert given == [
        (engine.dialect.name, (), True),
        (engine.dialect.name, (), False),
        (engine.dialect.name, ("b1",), True),
    ]

    def two(context: Any, revision: Any, directives: list[ops.MigrationScript]) -> None:
        first, second = (
            ops.AddColumnOp("t", sa.Column("a", sa.Integer)),
            ops.AddColumnOp("t", sa.Column("b", sa.Integer)),
        )
        directives[:] = [
            ops.MigrationScript(name, ops.UpgradeOps([op]), ops.DowngradeOps([op.reverse()]), message="x", head=head)
            for name, op, head in (("c1", first, "head"), ("d1", second, "c1"))
        ]

    project.options["process_revision_directives"] = two
    project.run("revision", "several", autogenerate=True)
    assert project.files() == ["b1_another_message.py", "c1_x.py", "d1_x.py"]
    project.run("upgrade", "head")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT id, a, b FROM t").all() == [(7, None, None)]


def test_hook_of_the_command_runs_after_the_environments(project: Project) -> None:
    order: list[str] = []
    project.options["process_revision_directives"] = lambda *_: order.append("environment")

    project.revision(process_revision_directives=lambda *_: order.append("command"))

    assert order == ["environment", "command"]


@pytest.mark.feature("AL-ENV14")
def test_comparisons_are_chosen_by_the_names_of_plugins(changed: Project) -> None:
    def text(*plugins: str) -> str:
        changed.options["autogenerate_plugins"] = list(plugins)
        written = changed.revision("p1")
        changed.file("p1").unlink()
        return written

    assert all(
        part in text("alembic.autogenerate.*") for part in ("uq_gone", "length=6", 'server_default="b"', '"old"')
    )
    without = text("alembic.autogenerate.*", "~alembic.autogenerate.constraints")
    assert "uq_gone" not in without and "length=6" in without
    assert 'server_default="b"' not in text("alembic.autogenerate.*", "~alembic.autogenerate.defaults")
    assert "length=6" not in text("pyorm.autogenerate.*", "~pyorm.autogenerate.types")
    assert "op.create_table" not in text("alembic.autogenerate.*", "~alembic.autogenerate.tables")
    text("alembic.autogenerate.*", "alembic.ext.checkconstraint_byname")
    with pytest.raises(util.CommandError, match=r"Did not locate plugins: no.such.plugin. Known are .*\.tables"):
        text("alembic.autogenerate.*", "no.such.plugin")


@pytest.mark.feature("AL-AUTO15")
def test_imports_that_the_source_needs_stand_in_the_script(tmp_path: Path, pg_db: Any) -> None:
    from pyorm.dialects import postgresql

    project = Project(tmp_path, pg_db.url)
    project.models = models(sa.Column("j", postgresql.JSONB), sa.Column("m", Money))
    project.options["user_module_prefix"] = "test_options."

    def hook(context: Any, revision: Any, directives: Any) -> None:
        directives[0].imports.add("from tests.migrations.autogenerate import test_options")

    project.options["process_revision_directives"] = hook
    text = project.revision()

    assert "\nfrom pyorm.dialects import postgresql\n" in text
    assert "\nfrom tests.migrations.autogenerate import test_options\n" in text
    project.run("upgrade", "head")
    assert project.is_settled()


@pytest.mark.feature("AL-AUTO15")
def test_existing_template_gets_the_imports_as_one_text(tmp_path: Path, pg_db: Any) -> None:
    from pyorm.dialects import postgresql

    project = Project(tmp_path, pg_db.url, adopted=True)
    template = project.folder / "mig" / "script.py.mako"
    head = "from alembic import op\nimport sqlalchemy as sa\n${imports if imports else ''}\n"
    body = "revision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n"
    body += "def upgrade():\n    ${upgrades if upgrades else 'pass'}\n"
    template.write_text('"""${message}"""\n' + head + body + "def downgrade():\n    ${downgrades or 'pass'}\n")
    project.models = models(sa.Column("j", postgresql.JSONB), sa.Column("e", postgresql.INT4RANGE))
    text = project.revision()

    assert "import sqlalchemy as sa\nfrom sqlalchemy.dialects import postgresql\nrevision = 'a1'\n" in text
    assert "pyorm.dialects" not in text
    project.run("upgrade", "head")
    assert project.is_settled()


class Tag(sa.types.TypeDecorator[Any]):
    impl = sa.String
    cache_ok = True

    def __init__(self, length: int | None = None, strict: bool = False) -> None:
        super().__init__(length)
        self.strict = strict


class Point(sa.types.UserDefinedType[Any]):
    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        return "TEXT"

    def __repr__(self) -> str:
        return "Point(unit='mm')"


@pytest.mark.feature("AL-AUTO14")
def test_source_has_types_constraints_and_names_as_they_were_declared(project: Project) -> None:
    convention = {"uq": "uq_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s", "ix": "ix_%(column_0_label)s"}
    project.models = models(
        sa.Column("tag", Tag(30, strict=True), unique=True), sa.Column("p", Point()), sa.Column("n", sa.Numeric(8, 2)),
        sa.Column("v", sa.String(9).with_variant(sa.Text(), "postgresql"), index=True),
        sa.Column("up", sa.ForeignKey("t.id", ondelete="CASCADE", name="fk_up")),
        sa.CheckConstraint("n > 0", name="ck_n"), naming_convention=convention,
    )  # fmt: skip
    project.options["user_module_prefix"] = "mine."
    text = project.revision()

    for part in (
        'sa.Column("tag", mine.Tag(length=30, strict=True), nullable=True)',
        'mine.Point(unit="mm")',
        "sa.Numeric(precision=8, scale=2)",
        'sa.String(length=9).with_variant(sa.Text(), "postgresql")',
        'sa.CheckConstraint("n > 0", name="ck_n")',
        'sa.ForeignKeyConstraint(["up"], ["t.id"], name="fk_up", ondelete="CASCADE")',
        'sa.PrimaryKeyConstraint("id", name=op.f("pk_t"))',
        'sa.UniqueConstraint("tag", name=op.f("uq_t_tag"))',
        'op.create_index(op.f("ix_t_v"), "t", ["v"], unique=False)',
        'op.drop_index(op.f("ix_t_v"), table_name="t")',
    ):
        assert part in text, part


@pytest.mark.feature("AL-AUTO24")
def test_domains_and_constraint_options_are_written_whole(tmp_path: Path, pg_db: Any) -> None:
    from pyorm.dialects import postgresql

    project = Project(tmp_path, pg_db.url)
    domain = postgresql.DOMAIN(
        "posint", sa.Integer, check=sa.text("VALUE > 0"), not_null=True, default="1", constraint_name="pos"
    )
    pg_db.script("CREATE DOMAIN posint AS integer DEFAULT 1 CONSTRAINT pos CHECK (VALUE > 0) NOT NULL")
    project.models = models(
        sa.Column("d", domain), sa.Column("up", sa.Integer),
        sa.CheckConstraint("id > 3", name="ck3", postgresql_not_valid=True),
        sa.ForeignKeyConstraint(
            ["up"], ["t.id"], name="fk", deferrable=True, initially="DEFERRED", postgresql_not_valid=True
        ),
    )  # fmt: skip
    text = re.sub(r"\s+", " ", project.revision())

    assert 'postgresql.DOMAIN( "posint", sa.Integer(), constraint_name="pos", not_null=True, default="1", ' in text
    assert 'check=sa.text("VALUE > 0"),' in text
    assert 'sa.CheckConstraint("id > 3", name="ck3", postgresql_not_valid=True)' in text
    assert 'initially="DEFERRED", deferrable=True, postgresql_not_valid=True' in text


@pytest.mark.feature("AL-AUTO23")
@pytest.mark.parametrize("batch", [False, True])
def test_constraint_without_a_name_is_warned_about_where_it_is_dropped(project: Project, batch: bool) -> None:
    def hook(context: Any, revision: Any, directives: Any) -> None:
        drop = ops.ModifyTableOps("t", [ops.DropConstraintOp(None, "t", "unique")])
        directives[0].upgrade_ops.ops.append(drop)

    project.options.update(process_revision_directives=hook, render_as_batch=batch)
    with pytest.warns(UserWarning, match=r"Autogenerate rendered a drop_constraint\(\) directive .* on table 't'"):
        text = project.revision()

    line = (
        'batch_op.drop_constraint(None, type_="unique")' if batch else 'op.drop_constraint(None, "t", type_="unique")'
    )
    above, here = text.split(line)[0].rstrip(" ").splitlines(), text.splitlines()
    assert above[-2].strip().startswith("# WARNING: constraint name is None") and above[-1].strip().startswith("# Give")
    indent = next(one for one in here if line in one).partition("op.")[0].partition("batch_")[0]
    assert above[-1].startswith(f"{indent}#") and above[-2].startswith(f"{indent}#")


@pytest.mark.parametrize("batch", [False, True])
def test_constraint_of_sqlite_without_a_name_is_dropped_by_a_script(
    tmp_path: Path, sqlite_db: Any, batch: bool
) -> None:
    project = Project(tmp_path, sqlite_db.url)
    sqlite_db.script(
        "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, x INTEGER, y INTEGER, UNIQUE (x, y), "
        "FOREIGN KEY (y) REFERENCES t (id))"
    )
    project.models = models(sa.Column("x", sa.Integer), sa.Column("y", sa.Integer))
    project.options["render_as_batch"] = batch
    text = project.revision()

    assert "drop_constraint(" in text and "drop_constraint(None" not in text
    project.run("upgrade", "head")
    assert project.is_settled()
