"""Operations on a database: each verb changes the catalog as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import pyorm as sa
from pyorm.migrations.operations import Operations
from pyorm.migrations.operations.ops import CreateTableOp, MigrateOperation
from pyorm.migrations.runtime.migration import MigrationContext


@pytest.fixture
def op(engine: Any) -> Iterator[Operations]:
    """Operations in a transaction of a migration."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection=connection)
        with context.begin_transaction():
            yield Operations(context)


def inspector(op: Operations) -> Any:
    return sa.inspect(op.get_bind())


def rows(op: Operations, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in op.get_bind().exec_driver_sql(sql)]


def columns(op: Operations, table: str) -> dict[str, Any]:
    return {column["name"]: column for column in inspector(op).get_columns(table)}


def make(op: Operations) -> Any:
    op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20)))
    return op.create_table(
        "posts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("title", sa.String(20), nullable=False),
        sa.Column("author_id", sa.Integer),
        sa.Column("score", sa.Integer, server_default="3"),
    )


@pytest.mark.feature("AL-OPS01")
@pytest.mark.feature("AL-OPS14")
def test_create_table_returns_a_table_that_takes_rows(op: Operations) -> None:
    posts = make(op)

    op.bulk_insert(posts, [{"id": 1, "title": "a"}, {"id": 2, "title": "b'c"}])
    op.bulk_insert(posts, [{"id": 3, "title": op.inline_literal("d")}], multiinsert=False)
    op.bulk_insert(posts, [{"id": 4, "title": op.inline_literal("e")}])
    op.bulk_insert(posts, [])

    assert isinstance(posts, sa.Table)
    assert rows(op, "SELECT id, title, score FROM posts ORDER BY id") == [
        (1, "a", 3),
        (2, "b'c", 3),
        (3, "d", 3),
        (4, "e", 3),
    ]
    with pytest.raises(TypeError, match="List expected"):
        op.bulk_insert(posts, {"id": 1})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="List of dictionaries expected"):
        op.bulk_insert(posts, [(1,)])  # type: ignore[list-item]


@pytest.mark.feature("AL-OPS02")
def test_drop_table_passes_a_missing_table_only_when_told(op: Operations) -> None:
    make(op)
    op.create_table("posts", sa.Column("x", sa.Integer), if_not_exists=True)

    op.drop_table("posts")
    op.drop_table("posts", if_exists=True)

    assert inspector(op).get_table_names() == ["users"]


@pytest.mark.feature("AL-OPS03")
def test_rename_table_keeps_its_rows(op: Operations) -> None:
    op.bulk_insert(make(op), [{"id": 1, "title": "a"}])

    op.rename_table("posts", "articles")

    assert rows(op, "SELECT title FROM articles") == [("a",)]


@pytest.mark.feature("AL-OPS07")
@pytest.mark.feature("AL-OPS08")
def test_indexes_are_made_and_dropped_with_their_options(op: Operations) -> None:
    make(op)

    op.create_index("ix_a", "posts", ["title", sa.text("lower(title)")], unique=True)
    op.create_index("ix_b", "posts", [sa.func.lower(sa.column("title"))], if_not_exists=True)
    op.create_index("ix_b", "posts", ["id"], if_not_exists=True)
    op.create_index(
        "ix_c",
        "posts",
        ["title"],
        postgresql_where=sa.text("score > 1"),
        sqlite_where=sa.text("score > 1"),
        postgresql_using="btree",
        postgresql_include=["score"],
        postgresql_ops={"title": "text_pattern_ops"},
    )
    op.create_index(None, "posts", ["score"])
    made = {index["name"]: index for index in inspector(op).get_indexes("posts")}
    op.drop_index("ix_b", "posts")
    op.drop_index("ix_b", "posts", if_exists=True)
    op.drop_index("ix_c", table_name="posts")

    assert set(made) == {"ix_a", "ix_b", "ix_c", "ix_posts_score"}
    assert made["ix_a"]["unique"]
    options = made["ix_c"]["dialect_options"]
    assert any("score > 1" in str(value) for name, value in options.items() if name.endswith("_where"))
    assert {index["name"] for index in inspector(op).get_indexes("posts")} == {"ix_a", "ix_posts_score"}


@pytest.mark.feature("AL-OPS13")
def test_execute_takes_text_constructs_and_ddl(op: Operations) -> None:
    posts = make(op)

    op.execute("INSERT INTO posts (id, title) VALUES (1, 'a:b'), (2, ':b 5%'), (3, '12\\:30')")
    op.execute(sa.text("UPDATE posts SET score = :score WHERE id = 1").bindparams(score=7))
    op.execute(posts.update().where(posts.c.id == op.inline_literal(2)).values(score=op.inline_literal(9)))
    op.execute(sa.DDL("CREATE TABLE %(name)s (x INTEGER)", context={"name": "extra"}))
    op.execute("UPDATE posts SET score = 5 WHERE id = 3", execution_options={"mine": True})

    assert rows(op, "SELECT title, score FROM posts ORDER BY id") == [("a:b", 7), (":b 5%", 9), ("12:30", 5)]
    assert inspector(op).has_table("extra")


@pytest.mark.feature("AL-OPS16")
def test_bind_and_context_are_those_of_the_migration(op: Operations) -> None:
    make(op)

    assert op.get_bind() is op.get_context().connection
    assert op.get_bind().scalar(sa.text("SELECT count(*) FROM posts")) == 0
    assert op.get_context() is op.migration_context


def test_run_async_says_why_it_cannot(op: Operations) -> None:
    with pytest.raises(ValueError, match="Cannot call run_async with a sync engine"):
        op.run_async(None)  # type: ignore[arg-type]


@pytest.mark.feature("AL-OPS19")
def test_operations_of_ones_own_are_methods_of_op(op: Operations) -> None:
    @Operations.register_operation("fill")
    @Operations.register_operation("fill_table", "fill")
    class FillOp(MigrateOperation):
        """Insert numbers."""

        def __init__(self, table: str, count: int) -> None:
            self.table, self.count = table, count

        @classmethod
        def fill(cls, operations: Operations, table: str, count: int) -> int:
            """Insert that many rows."""
            return operations.invoke(cls(table, count))  # type: ignore[no-any-return]

    @Operations.implementation_for(FillOp)
    def fill(operations: Operations, operation: FillOp) -> int:
        for number in range(operation.count):
            operations.execute(f"INSERT INTO {operation.table} (id, title) VALUES ({number}, 'x')")
        return operation.count

    try:
        make(op)
        with Operations.context(op.get_context()) as current:
            from pyorm.migrations import op as module

            told = module.fill("posts", 2)
            current.execute("DELETE FROM posts WHERE id = 0")
        assert told == 2
        assert op.fill_table("posts", 1) == 1  # type: ignore[attr-defined]
        assert rows(op, "SELECT id FROM posts ORDER BY id") == [(0,), (1,)]
        with pytest.raises(ValueError, match="replace=True"):
            Operations.implementation_for(FillOp)(fill)

        @Operations.implementation_for(FillOp, replace=True)
        def other(operations: Operations, operation: FillOp) -> int:
            return -1

        assert op.invoke(FillOp("posts", 5)) == -1
    finally:
        del Operations.fill, Operations.fill_table  # type: ignore[attr-defined]
        del Operations._implementations[FillOp]


def test_an_operation_that_nobody_carries_out_is_refused_by_name(op: Operations) -> None:
    class OtherOp(MigrateOperation):
        pass

    with pytest.raises(ValueError, match="no implementation of OtherOp"):
        op.invoke(OtherOp())


@pytest.mark.feature("AL-OPS18")
@pytest.mark.feature("AL-OTHER07")
def test_a_final_name_is_left_alone_by_a_naming_convention(engine: Any) -> None:
    convention = {"ck": "ck_%(table_name)s_%(constraint_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection=connection, opts={"target_metadata": sa.MetaData(naming_convention=convention)}
        )
        with context.begin_transaction():
            op = Operations(context)
            op.create_table(
                "t",
                sa.Column("a", sa.Integer),
                sa.Column("b", sa.Integer),
                sa.CheckConstraint("a > 1", name="small"),
                sa.CheckConstraint("a > 2", name=op.f("final")),
                sa.UniqueConstraint("a"),
                sa.UniqueConstraint("b", name=op.f("mine")),
            )
            op.create_unique_constraint(None, "t", ["a", "b"])
            op.create_check_constraint("big", "t", "b < 10")
            op.create_check_constraint(op.f("as_it_is"), "t", "b < 11")
            checks = {check["name"] for check in inspector(op).get_check_constraints("t")}
            uniques = {unique["name"] for unique in inspector(op).get_unique_constraints("t")}

    assert checks == {"ck_t_small", "final", "ck_t_big", "as_it_is"}
    assert uniques == {"uq_t_a", "mine", "uq_t_a_b"}


def test_a_gate_skips_what_an_earlier_run_has_committed(op: Operations) -> None:
    class Gate:
        def __init__(self) -> None:
            self.finished_ones: list[str] = []

        def done_before(self, operation: MigrateOperation) -> bool:
            return isinstance(operation, CreateTableOp) and operation.table_name == "there"

        def finished(self, operation: MigrateOperation) -> None:
            self.finished_ones.append(type(operation).__name__)

    op.execute("CREATE TABLE there (id INTEGER)")
    gate = op.migration_context.gate = Gate()
    table = op.create_table("there", sa.Column("id", sa.Integer))
    op.bulk_insert(table, [{"id": 4}])
    with op.batch_alter_table("there") as batch:
        batch.add_column(sa.Column("b", sa.Integer))
        batch.add_column(sa.Column("c", sa.Integer))
    op.migration_context.gate = None

    assert gate.finished_ones == ["BulkInsertOp", "BatchTableOp"]
    assert rows(op, "SELECT id, b, c FROM there") == [(4, None, None)]


@pytest.mark.feature("AL-OPS04")
def test_add_column_brings_keys_indexes_and_defaults_along(op: Operations) -> None:
    op.bulk_insert(make(op), [{"id": 1, "title": "a"}])
    op.bulk_insert(sa.table("users", sa.column("id", sa.Integer)), [{"id": 9}])

    op.add_column("posts", sa.Column("a", sa.Integer, server_default="4", nullable=False))
    op.add_column("posts", sa.Column("a", sa.Integer), if_not_exists=True)
    op.add_column("posts", sa.Column("b", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE")))
    op.add_column("posts", sa.Column("c", sa.Integer, sa.ForeignKey("users.id")), inline_references=True)
    op.add_column("posts", sa.Column("d", sa.String(5), index=True, unique=True))
    op.add_column("posts", sa.Column("e", sa.Integer, unique=True))
    op.add_column("posts", sa.Column("f", sa.Integer, sa.CheckConstraint("f > 0", name="ck_f")))
    op.add_column("posts", sa.Column("g", sa.DateTime, server_default=sa.func.now()))
    op.create_table("bare", sa.Column("x", sa.Integer))
    op.add_column("bare", sa.Column("id", sa.Integer, primary_key=True), inline_primary_key=True)

    found = inspector(op)
    keys = {key["constrained_columns"][0]: key["options"].get("ondelete") for key in found.get_foreign_keys("posts")}
    assert keys == {"b": "CASCADE", "c": None}
    indexes = {index["name"]: index["unique"] for index in found.get_indexes("posts")}
    assert indexes["ix_posts_d"]
    assert [unique["column_names"] for unique in found.get_unique_constraints("posts")] == [["e"]]
    assert [check["name"] for check in found.get_check_constraints("posts")] == ["ck_f"]
    assert found.get_pk_constraint("bare")["constrained_columns"] == ["id"]
    assert rows(op, "SELECT a, b FROM posts") == [(4, None)]
    assert rows(op, "SELECT count(*) FROM posts WHERE g IS NOT NULL") == [(1,)]


@pytest.mark.feature("AL-OPS05")
def test_drop_column_passes_a_missing_column_only_when_told(op: Operations) -> None:
    op.bulk_insert(make(op), [{"id": 1, "title": "a"}])

    op.drop_column("posts", "author_id")
    op.drop_column("posts", "author_id", if_exists=True)
    op.drop_column("posts", "score", mssql_drop_default=True)

    assert set(columns(op, "posts")) == {"id", "title"}
    assert rows(op, "SELECT * FROM posts") == [(1, "a")]


@pytest.mark.feature("AL-OPS06")
def test_alter_column_changes_each_fact_alone_and_all_together(op: Operations) -> None:
    op.bulk_insert(make(op), [{"id": 1, "title": "a"}])

    op.alter_column("posts", "title", type_=sa.String(50), existing_type=sa.String(20))
    op.alter_column("posts", "title", nullable=True, existing_type=sa.String(50), existing_nullable=False)
    op.alter_column("posts", "score", server_default=None, existing_server_default="3")
    op.alter_column("posts", "author_id", server_default="1", nullable=True, new_column_name="writer_id")
    op.alter_column(
        "posts",
        "title",
        type_=sa.Text(),
        nullable=False,
        server_default=sa.text("'x'"),
        new_column_name="name",
        comment="what it is called",
    )

    found = columns(op, "posts")
    assert set(found) == {"id", "name", "writer_id", "score"}
    assert (str(found["name"]["type"]), found["name"]["nullable"]) == ("TEXT", False)
    assert found["score"]["default"] is None and "1" in str(found["writer_id"]["default"])
    op.execute("INSERT INTO posts (id) VALUES (2)")
    assert rows(op, "SELECT id, name, writer_id FROM posts ORDER BY id") == [(1, "a", None), (2, "x", 1)]


@pytest.mark.feature("AL-OPS09")
@pytest.mark.feature("AL-OPS11")
def test_constraints_of_every_kind_come_and_go(op: Operations) -> None:
    make(op)
    op.create_table("pairs", sa.Column("a", sa.Integer, nullable=False), sa.Column("b", sa.Integer, nullable=False))

    op.create_primary_key("pk_pairs", "pairs", ["a", "b"])
    op.create_unique_constraint("uq", "posts", ["title", "score"], deferrable=None)
    op.create_unique_constraint(None, "posts", ["score"])
    op.create_check_constraint("ck", "posts", sa.column("score") > 1)
    op.create_foreign_key("fk", "posts", "users", ["author_id"], ["id"], ondelete="CASCADE", onupdate="SET NULL")
    op.create_foreign_key(
        "fk_self", "posts", "posts", ["score"], ["id"], deferrable=True, initially="DEFERRED"
    )

    found = inspector(op)
    assert found.get_pk_constraint("pairs")["constrained_columns"] == ["a", "b"]
    assert {tuple(u["column_names"]) for u in found.get_unique_constraints("posts")} == {("title", "score"), ("score",)}
    keys = {key["name"]: key["options"] for key in found.get_foreign_keys("posts")}
    assert (keys["fk"]["ondelete"], keys["fk"]["onupdate"]) == ("CASCADE", "SET NULL")
    assert keys["fk_self"]["initially"] == "DEFERRED" and keys["fk_self"]["deferrable"]

    op.drop_constraint("fk", "posts", type_="foreignkey")
    op.drop_constraint("fk_self", "posts")
    op.drop_constraint("ck", "posts", type_="check")
    op.drop_constraint("ck", "posts", if_exists=True)
    op.drop_constraint("uq", "posts", type_="unique")
    op.drop_constraint("pk_pairs", "pairs", type_="primary")
    with pytest.raises(TypeError, match="'type' can be one of"):
        op.drop_constraint("x", "posts", type_="other")

    found = inspector(op)
    assert found.get_foreign_keys("posts") == [] and found.get_check_constraints("posts") == []
    assert found.get_pk_constraint("pairs")["constrained_columns"] == []


@pytest.mark.feature("AL-OPS15")
def test_an_inline_literal_stands_in_the_statement_itself(op: Operations) -> None:
    posts = make(op)
    op.bulk_insert(posts, [{"id": 1, "title": "a"}])
    seen: list[str] = []

    def listen(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    bind = op.get_bind()
    sa.event.listen(bind.engine, "before_cursor_execute", listen)
    try:
        matches = posts.c.title == op.inline_literal("a")
        op.execute(posts.update().where(matches).values(title=op.inline_literal("it's")))
        op.execute(posts.update().values(score=op.inline_literal(5, sa.Integer())))
    finally:
        sa.event.remove(bind.engine, "before_cursor_execute", listen)

    assert [("'it''s'" in text or "5" in text, "?" in text or "$" in text) for text in seen] == [(True, False)] * 2
    assert rows(op, "SELECT title, score FROM posts") == [("it's", 5)]


@pytest.mark.feature("AL-OTHER09")
def test_a_dialect_of_ones_own_takes_the_place_of_ours(engine: Any) -> None:
    from pyorm.migrations.ddl import impl as impls
    from pyorm.migrations.ddl.impl import DefaultImpl

    name = engine.dialect.name
    ours = impls._IMPLS[name]

    class Own(ours):  # type: ignore[misc,valid-type]
        __dialect__ = name
        type_synonyms = (*ours.type_synonyms, {"INTEGER", "NUMBER"})

        def rename_table(self, old_table_name: str, new_table_name: str, schema: str | None = None) -> None:
            super().rename_table(old_table_name, new_table_name + "_x", schema)

        def requires_recreate_in_batch(self, batch_op: Any) -> bool:
            return False

        def render_type(self, type_obj: Any, autogen_context: Any) -> str | bool:
            return "own.Type()" if isinstance(type_obj, sa.Integer) else False

        def correct_for_autogen_constraints(self, *sets: set[Any]) -> None:
            for items in sets:
                items.clear()

        correct_for_autogen_foreignkeys = correct_for_autogen_constraints

    try:
        assert DefaultImpl.get_by_dialect(engine.dialect) is Own
        with engine.connect() as connection:
            context = MigrationContext.configure(connection=connection)
            with context.begin_transaction():
                op = Operations(context)
                op.create_table("t", sa.Column("a", sa.Integer))
                op.rename_table("t", "u")
                assert inspector(op).has_table("u_x")
        impl = context.impl
        number, text = sa.Column("a", sa.Integer), sa.Column("a", sa.String(5))
        assert impl.compare_type(number, text) and not impl.compare_type(number, sa.Column("b", sa.Integer))
        assert impl.render_type(sa.Integer(), None) == "own.Type()" and impl.render_type(sa.Text(), None) is False
        found = {1, 2}
        impl.correct_for_autogen_foreignkeys(found, set())
        assert not found
        assert impl.compare_server_default(number, number, "1", "2")
        assert impl.version_table_impl(version_table="v", version_table_schema=None, version_table_pk=True).name == "v"
    finally:
        impls._IMPLS[name] = ours
    assert not ours.correct_for_autogen_foreignkeys(context.impl, set(), set())
    with pytest.raises(sa.exc.CompileError, match="no DDL for the dialect 'other'"):
        DefaultImpl.get_by_dialect(type("Other", (), {"name": "other"}))
