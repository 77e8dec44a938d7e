"""Generated source: what it says, that it runs, and that it is laid out as black would."""

from __future__ import annotations

from typing import Any

import pytest

import pyorm as sa
from pyorm.dialects import postgresql
from pyorm.migrations.autogenerate.api import AutogenContext, render_python_code
from pyorm.migrations.autogenerate.render import render_op_text, renderers
from pyorm.migrations.autogenerate.render.layout import WIDTH, lay_out
from pyorm.migrations.autogenerate.revision import rendered
from pyorm.migrations.operations import ops
from pyorm.migrations.runtime.migration import MigrationContext

CONVENTION = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


@pytest.fixture
def context() -> MigrationContext:
    return MigrationContext.configure(dialect_name="postgresql")


def text_of(operation: ops.MigrateOperation, context: MigrationContext, **opts: Any) -> str:
    return render_op_text(AutogenContext(context, opts={**context.opts, **opts}, autogenerate=False), operation)


def posts() -> sa.Table:
    metadata = sa.MetaData(naming_convention=CONVENTION)
    sa.Table("users", metadata, sa.Column("id", sa.Integer, primary_key=True))
    return sa.Table(
        "posts",
        metadata,
        sa.Column("id", sa.Integer, sa.Identity(always=True, start=5), primary_key=True),
        sa.Column("title", sa.String(20), index=True, nullable=False, server_default="it's"),
        sa.Column("author_id", sa.ForeignKey("users.id", ondelete="CASCADE")),
        sa.Column("mood", sa.Enum("glad", "sad", name="mood")),
        sa.Column("made", sa.DateTime(timezone=True), server_default=sa.func.now(), comment="when"),
        sa.Column("twice", sa.Integer, sa.Computed("id * 2", persisted=True)),
        sa.Column("tags", postgresql.ARRAY(sa.String(9))),
        sa.Column("span", postgresql.INT4RANGE),
        sa.Column("is_open", sa.Boolean(create_constraint=True, name="is_open")),
        sa.CheckConstraint("title <> '\\:x'", name="title"),
        sa.UniqueConstraint("title", "author_id"),
        postgresql.ExcludeConstraint(("span", "&&"), name="no_overlap", where="id > 5"),
        comment="what users write",
    )


def test_create_table_reads_as_a_person_writes_it(context: MigrationContext) -> None:
    assert text_of(ops.CreateTableOp.from_table(posts()), context).splitlines() == [
        "op.create_table(",
        '    "posts",',
        '    sa.Column("id", sa.Integer(), sa.Identity(always=True, start=5), nullable=False),',
        '    sa.Column("title", sa.String(length=20), server_default="it\'s", nullable=False),',
        '    sa.Column("author_id", sa.Integer(), nullable=True),',
        "    sa.Column(",
        '        "mood",',
        '        postgresql.ENUM("glad", "sad", name="mood", create_type=False),',
        "        nullable=True,",
        "    ),",
        "    sa.Column(",
        '        "made",',
        "        sa.DateTime(timezone=True),",
        '        server_default=sa.text("now()"),',
        "        nullable=True,",
        '        comment="when",',
        "    ),",
        "    sa.Column(",
        '        "twice", sa.Integer(), sa.Computed("id * 2", persisted=True), nullable=True',
        "    ),",
        '    sa.Column("tags", postgresql.ARRAY(sa.String(length=9)), nullable=True),',
        '    sa.Column("span", postgresql.INT4RANGE(), nullable=True),',
        "    sa.Column(",
        '        "is_open", sa.Boolean(create_constraint=True, name="is_open"), nullable=True',
        "    ),",
        "    postgresql.ExcludeConstraint(",
        '        ("span", "&&"), where=sa.text("id > 5"), using="gist", name="no_overlap"',
        "    ),",
        '    sa.CheckConstraint("title <> \'\\\\:x\'", name=op.f("ck_posts_title")),',
        "    sa.ForeignKeyConstraint(",
        '        ["author_id"], ["users.id"], name=op.f("fk_posts_author_id"), ondelete="CASCADE"',
        "    ),",
        '    sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),',
        '    sa.UniqueConstraint("title", "author_id", name=op.f("uq_posts_title")),',
        '    comment="what users write",',
        ")",
    ]


def test_source_makes_an_equal_table_when_it_is_run(context: MigrationContext) -> None:
    class Recorder:
        def create_table(self, name: str, *items: Any, **kw: Any) -> None:
            self.table = ops.CreateTableOp(name, list(items), **kw).to_table()

        def f(self, name: str) -> Any:
            from pyorm.schema._base import conv

            return conv(name)

    recorder, table = Recorder(), posts()
    source = text_of(ops.CreateTableOp.from_table(table), context)

    exec(source, {"op": recorder, "sa": sa, "postgresql": postgresql})

    dialect = postgresql.dialect()
    made, wanted = (str(sa.schema.CreateTable(each).compile(dialect=dialect)) for each in (recorder.table, table))
    assert sorted(map(_bare, made.splitlines())) == sorted(map(_bare, wanted.splitlines()))


def _bare(line: str) -> str:
    return line.strip(", \t")


def test_index_names_expressions_and_options_when_rendered(context: MigrationContext) -> None:
    table = posts()
    index = sa.Index(
        "ix_own",
        sa.func.lower(table.c.title),
        table.c.id.desc(),
        unique=True,
        postgresql_where=table.c.id > 5,
        postgresql_include=["made"],
        postgresql_ops={"id": "int4_ops"},
    )

    operation = ops.CreateIndexOp.from_index(index)

    assert text_of(operation, context) == (
        "op.create_index(\n"
        '    "ix_own",\n'
        '    "posts",\n'
        '    [sa.literal_column("lower(title)"), sa.literal_column("id DESC")],\n'
        "    unique=True,\n"
        '    postgresql_include=["made"],\n'
        '    postgresql_ops={"id": "int4_ops"},\n'
        '    postgresql_where=sa.text("id > 5"),\n'
        ")"
    )
    assert text_of(operation.reverse(), context) == 'op.drop_index("ix_own", table_name="posts")'


def test_changes_of_a_table_stand_in_a_batch_when_asked(context: MigrationContext) -> None:
    change = ops.ModifyTableOps(
        "posts",
        [
            ops.AddColumnOp("posts", sa.Column("score", sa.Integer, sa.ForeignKey("users.id", name="fk_score"))),
            ops.AlterColumnOp("posts", "title", existing_type=sa.String(20), modify_type=sa.Text()),
            ops.DropConstraintOp("uq_posts_title", "posts", "unique"),
        ],
    )

    assert render_python_code(ops.UpgradeOps([change]), render_as_batch=True, migration_context=context) == (
        "# ### commands auto generated by pyorm - please adjust! ###\n"
        '    with op.batch_alter_table("posts", schema=None) as batch_op:\n'
        "        batch_op.add_column(\n"
        "            sa.Column(\n"
        '                "score",\n'
        "                sa.Integer(),\n"
        '                sa.ForeignKey("users.id", name="fk_score"),\n'
        "                nullable=True,\n"
        "            )\n"
        "        )\n"
        "        batch_op.alter_column(\n"
        '            "title", existing_type=sa.String(length=20), type_=sa.Text()\n'
        "        )\n"
        '        batch_op.drop_constraint("uq_posts_title", type_="unique")\n'
        "    # ### end pyorm commands ###"
    )


def test_body_is_pass_when_nothing_differs(context: MigrationContext) -> None:
    assert "    pass\n" in render_python_code(ops.UpgradeOps([]), migration_context=context)


@pytest.mark.parametrize(
    ("operation", "source"),
    [
        (ops.AddEnumValueOp("mood", "calm", after="glad"), 'op.add_enum_value("mood", "calm", after="glad")'),
        (ops.RenameEnumValueOp("mood", "sad", "blue"), 'op.rename_enum_value("mood", "sad", "blue")'),
        (
            ops.ReplaceEnumOp("mood", ["a"], mapping={"b": "a"}, schema="x"),
            'op.replace_enum("mood", ["a"], mapping={"b": "a"}, schema="x")',
        ),
        (ops.CreateSequenceOp("s", start=5, increment=2), 'op.create_sequence("s", increment=2, start=5)'),
        (ops.RenameSequenceOp("s", "t"), 'op.rename_sequence("s", "t")'),
        (ops.AlterSequenceOp("s", increment=2), 'op.alter_sequence("s", increment=2)'),
        (ops.CreateSchemaOp("blog"), 'op.create_schema("blog")'),
        (ops.RenameTableOp("a", "b"), 'op.rename_table("a", "b")'),
        (ops.RenameIndexOp("a", "b", "t"), 'op.rename_index("a", "b", "t")'),
        (ops.RenameConstraintOp("a", "b", "t"), 'op.rename_constraint("a", "b", "t")'),
        (ops.ExecuteSQLOp("SELECT 'x'"), "op.execute(\"SELECT 'x'\")"),
        (
            ops.CreateForeignKeyOp("fk", "a", "b", ["x"], ["y"], source_schema="s", deferrable=True),
            'op.create_foreign_key("fk", "a", "b", ["x"], ["y"], source_schema="s", deferrable=True)',
        ),
        (
            ops.DropConstraintOp(None, "a", "check"),
            "# WARNING: constraint name is None; this directive will fail as it stands.\n"
            "# Give the name that the constraint has in the database, or use a naming convention.\n"
            'op.drop_constraint(None, "a", type_="check")',
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ops.MigrateOperation) else "",
)
@pytest.mark.filterwarnings("ignore:Autogenerate rendered a drop_constraint")
def test_operation_is_written_as_its_call(context: MigrationContext, operation: Any, source: str) -> None:
    assert text_of(operation, context) == source


def test_own_types_and_hooks_decide_when_given(context: MigrationContext) -> None:
    class Money(sa.types.TypeDecorator[Any]):
        impl = sa.Numeric
        cache_ok = True

    column = sa.Column("price", Money(10, 2))
    add = ops.AddColumnOp("posts", column)
    autogen = AutogenContext(context, opts={**context.opts, "user_module_prefix": "app."}, autogenerate=False)

    assert "app.Money(precision=10, scale=2)" in render_op_text(autogen, add)

    def hook(type_: str, item: Any, autogen_context: AutogenContext) -> Any:
        if type_ == "type":
            autogen_context.imports.add("import app.money")
            return "app.money.Money()"
        return False

    autogen = AutogenContext(context, opts={**context.opts, "render_item": hook}, autogenerate=False)
    script = ops.MigrationScript(None, ops.UpgradeOps([add]), ops.DowngradeOps([]), imports={"import uuid"})
    arguments = rendered(script, autogen)
    assert '"price", app.money.Money()' in arguments["upgrades"]
    assert arguments["imports"] == "import app.money\nimport uuid" and arguments["downgrades"] == ""


def test_own_operation_is_rendered_when_a_function_is_registered(context: MigrationContext) -> None:
    class CreateViewOp(ops.MigrateOperation):
        pass

    @renderers.dispatch_for(CreateViewOp)
    def render_view(autogen_context: AutogenContext, operation: CreateViewOp) -> list[str]:
        return ["op.create_view('v')", "op.grant('v')"]

    assert text_of(CreateViewOp(), context) == 'op.create_view("v")\nop.grant("v")'
    with pytest.raises(ValueError, match="no dispatch function"):
        text_of(ops.MigrateOperation(), context)


def test_lines_keep_the_width_when_arguments_are_many() -> None:
    source = f"op.f({', '.join(f'argument_number_{number}=[{number}, (1,)]' for number in range(9))})"

    lines = lay_out(source, "    ")

    assert len(lines) == 11 and max(map(len, lines)) <= WIDTH
    assert lay_out("\n".join(lines).replace("    op", "op", 1).replace("\n    ", "\n"), "    ") == lines
