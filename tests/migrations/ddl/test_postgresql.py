"""What PostgreSQL has beside tables: schemas, sequences, identities, enums, and names."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

import pyorm as sa
import pyorm.dialects.postgresql as pg
from pyorm.migrations.operations import Operations
from pyorm.migrations.runtime.migration import MigrationContext
from pyorm.migrations.util.exc import CommandError


@pytest.fixture
def connection(pg_db: Any) -> Iterator[Any]:
    engine = sa.create_engine(pg_db.url)
    with engine.connect() as made:
        yield made
    engine.dispose()


@pytest.fixture
def op(connection: Any) -> Iterator[Operations]:
    """Operations in a migration's transaction."""
    context = MigrationContext.configure(connection=connection)
    with context.begin_transaction():
        context._begin_now()
        yield Operations(context)


def rows(op: Operations, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in op.get_bind().exec_driver_sql(sql)]


def values(op: Operations, name: str = "kind") -> list[str]:
    return [row[0] for row in rows(op, f"SELECT unnest(enum_range(NULL::{name}))::text")]


def written(*calls: Any) -> str:
    buffer = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer}
    )
    with context.begin_transaction():
        for call in calls:
            call(Operations(context))
    return buffer.getvalue()


def test_schemas_and_sequences_are_made_changed_and_dropped(op: Operations) -> None:
    op.create_schema("extra")
    op.create_schema("extra", if_not_exists=True)
    op.create_sequence("numbers", schema="extra", start=5, increment=2, data_type=sa.SmallInteger)
    first = rows(op, "SELECT nextval('extra.numbers')")
    op.alter_sequence("numbers", schema="extra", increment=10, existing={"increment": 2})
    second = rows(op, "SELECT nextval('extra.numbers')")
    op.drop_sequence("numbers", schema="extra")
    op.drop_schema("extra")
    op.drop_schema("extra", if_exists=True)

    assert (first, second) == ([(5,)], [(15,)])
    assert "extra" not in sa.inspect(op.get_bind()).get_schema_names()


def test_indexes_and_constraints_are_renamed(op: Operations) -> None:
    op.create_table("t", sa.Column("a", sa.Integer, index=True), sa.CheckConstraint("a > 1", name="ck"))

    op.rename_index("ix_t_a", "ix_new", "t")
    op.rename_constraint("ck", "ck_new", "t")

    inspector = sa.inspect(op.get_bind())
    assert [index["name"] for index in inspector.get_indexes("t")] == ["ix_new"]
    assert [check["name"] for check in inspector.get_check_constraints("t")] == ["ck_new"]


@pytest.mark.feature("AL-OPS06")
def test_a_column_is_changed_in_every_way(op: Operations) -> None:
    op.create_table(
        "t", sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.String(9), comment="old"), schema=None
    )
    op.execute("INSERT INTO t (a) VALUES ('5'), ('6')")

    op.alter_column("t", "a", type_=sa.Integer(), existing_type=sa.String(9), postgresql_using="a::integer")
    op.alter_column("t", "a", nullable=False, existing_nullable=True, server_default="7", comment="new")
    op.alter_column("t", "a", new_column_name="b", existing_comment="new", existing_server_default="7")
    with pytest.warns(UserWarning, match="only make sense for MySQL"):
        op.alter_column("t", "b", autoincrement=True)
    with pytest.raises(sa.exc.CompileError, match="postgresql_using must be used with the type_"):
        op.alter_column("t", "b", postgresql_using="b + 1")

    column = next(c for c in sa.inspect(op.get_bind()).get_columns("t") if c["name"] == "b")
    assert (str(column["type"]), column["nullable"], column["default"], column["comment"]) == (
        "INTEGER",
        False,
        "7",
        "new",
    )
    op.alter_column("t", "b", server_default=None, comment=None, nullable=True)
    column = next(c for c in sa.inspect(op.get_bind()).get_columns("t") if c["name"] == "b")
    assert (column["nullable"], column["default"], column["comment"]) == (True, None, None)
    assert rows(op, "SELECT b FROM t ORDER BY id") == [(5,), (6,)]


def test_serial_becomes_an_identity_that_goes_on_and_back(op: Operations) -> None:
    op.create_table("t", sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.Integer))
    op.execute("INSERT INTO t (a) VALUES (1), (2)")

    default = sa.text("nextval('t_id_seq')")
    op.alter_column("t", "id", server_default=sa.Identity(), existing_server_default=default)
    op.execute("INSERT INTO t (a) VALUES (3)")
    op.alter_column("t", "id", server_default=sa.Identity(always=True, start=50), existing_server_default=sa.Identity())
    identity = sa.inspect(op.get_bind()).get_columns("t")[0]["identity"]
    op.alter_column("t", "id", server_default=sa.text("9"), existing_server_default=sa.Identity(always=True))

    assert rows(op, "SELECT id FROM t ORDER BY id") == [(1,), (2,), (3,)]
    assert (identity["always"], identity["start"]) == (True, 50)
    assert sa.inspect(op.get_bind()).get_columns("t")[0]["default"] == "9"


@pytest.mark.feature("AL-OPS10")
def test_an_exclusion_is_added_with_its_options(op: Operations) -> None:
    op.create_table("t", sa.Column("a", sa.Integer), sa.Column("b", sa.Integer))

    op.create_exclude_constraint("ex", "t", ("a", "="), (sa.column("b"), "="), where="a > 1", using="btree")
    with op.batch_alter_table("t") as batch:
        batch.create_exclude_constraint("ex_b", ("b", "="), using="btree")

    found = rows(op, "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'x' ORDER BY 1")
    assert found == [
        ("ex", "EXCLUDE USING btree (a WITH =, b WITH =) WHERE ((a > 1))"),
        ("ex_b", "EXCLUDE USING btree (b WITH =)"),
    ]


@pytest.mark.feature("AL-OPS12")
def test_comments_of_a_table_come_and_go(op: Operations) -> None:
    op.create_table("t", sa.Column("a", sa.Integer))

    op.create_table_comment("t", "it's new", existing_comment=None)
    first = sa.inspect(op.get_bind()).get_table_comment("t")["text"]
    op.drop_table_comment("t", existing_comment="it's new")

    assert first == "it's new"
    assert sa.inspect(op.get_bind()).get_table_comment("t")["text"] is None


def test_types_of_new_columns_are_made_once(op: Operations) -> None:
    kind = sa.Enum("a", "b", name="kind")

    op.create_table("t", sa.Column("k", kind))
    op.create_table("u", sa.Column("k", kind))
    op.add_column("u", sa.Column("other", sa.Enum("x", name="other")))

    assert values(op) == ["a", "b"] and values(op, "other") == ["x"]


def test_text_becomes_an_enum_that_is_made_for_it(op: Operations) -> None:
    op.create_table("t", sa.Column("k", sa.String(5), server_default="b"))
    op.execute("INSERT INTO t VALUES ('a'), (NULL)")

    op.alter_column(
        "t", "k", type_=sa.Enum("a", "b", name="kind"), existing_type=sa.String(5), existing_server_default="b"
    )
    assert sa.inspect(op.get_bind()).get_columns("t")[0]["default"] == "'b'::kind"
    op.alter_column("t", "k", server_default=None)
    op.alter_column("t", "k", type_=sa.Text(), existing_type=sa.Enum("a", "b", name="kind"))
    op.alter_column("t", "k", type_=sa.Enum("a", "b", name="kind"), postgresql_using="k::kind")

    assert rows(op, "SELECT k::text FROM t ORDER BY 1") == [("a",), (None,)]
    assert "USING k::text::s.kind" in written(
        lambda op: op.alter_column("t", "k", type_=sa.Enum("a", name="kind", schema="s"), existing_type=sa.Text())
    )


def test_values_are_added_at_their_place_and_can_be_used_at_once(connection: Any) -> None:
    context = MigrationContext.configure(connection=connection)
    with context.begin_transaction():
        context._begin_now()
        op = Operations(context)
        op.create_enum("kind", ["a", "d"])
        op.create_table("t", sa.Column("k", pg.ENUM("a", "d", name="kind", create_type=False)))
        op.add_enum_value("kind", "b", after="a")
        op.add_enum_value("kind", "c", before="d")
        op.add_enum_value("kind", "e")
        op.add_enum_value("kind", "e")
        op.execute("INSERT INTO t VALUES ('b'), ('e')")
        op.rename_enum_value("kind", "e", "it's")
        told = values(op), rows(op, "SELECT k::text FROM t ORDER BY k")
        op.drop_table("t")
        op.drop_enum("kind")

    assert told == (["a", "b", "c", "d", "it's"], [("b",), ("it's",)])


def test_a_script_leaves_the_transaction_for_values_and_concurrent_indexes() -> None:
    text = written(
        lambda op: op.add_enum_value("kind", "b", after="a", schema="s"),
        lambda op: op.create_index("ix", "t", ["a"], postgresql_concurrently=True),
        lambda op: op.drop_index("ix", postgresql_concurrently=True),
        lambda op: op.rename_enum_value("kind", "a", "b"),
    )

    assert text.replace("\n\n", "\n").splitlines() == [
        "BEGIN;",
        "COMMIT;",
        "ALTER TYPE s.kind ADD VALUE IF NOT EXISTS 'b' AFTER 'a';",
        "BEGIN;",
        "COMMIT;",
        "CREATE INDEX CONCURRENTLY ix ON t (a);",
        "BEGIN;",
        "COMMIT;",
        "DROP INDEX CONCURRENTLY ix;",
        "BEGIN;",
        "ALTER TYPE kind RENAME VALUE 'a' TO 'b';",
        "COMMIT;",
    ]


def test_a_concurrent_index_is_made_without_autocommit_block(connection: Any) -> None:
    context = MigrationContext.configure(connection=connection)
    with context.begin_transaction():
        context._begin_now()
        op = Operations(context)
        op.create_table("t", sa.Column("a", sa.Integer))
        op.create_index("ix", "t", ["a"], postgresql_concurrently=True, if_not_exists=True)
        with context.autocommit_block():
            op.drop_index("ix", "t", postgresql_concurrently=True)
            op.create_index("ix_b", "t", ["a"], postgresql_concurrently=True)
        names = [index["name"] for index in sa.inspect(connection).get_indexes("t")]

    assert names == ["ix_b"]


KINDS = """
CREATE TYPE kind AS ENUM ('a', 'b', 'c');
CREATE TABLE t (
    id int PRIMARY KEY,
    k kind NOT NULL DEFAULT 'c',
    ks kind[] DEFAULT '{a,c}',
    CONSTRAINT ck_k CHECK (k <> 'b' OR id > 0)
);
CREATE TABLE refs (k kind PRIMARY KEY);
CREATE INDEX ix_k ON t (id) WHERE k = 'a';
CREATE INDEX ix_plain ON t (k);
INSERT INTO t VALUES (1, 'a', '{a}'), (2, 'b', '{b,c}'), (3, 'c', NULL);
INSERT INTO refs VALUES ('a'), ('b'), ('c');
ALTER TABLE t ADD CONSTRAINT fk_k FOREIGN KEY (k) REFERENCES refs (k);
"""


def test_an_enum_is_made_anew_with_everything_that_uses_it(op: Operations) -> None:
    op.execute(KINDS)

    op.replace_enum("kind", ["z", "b", "a"], mapping={"c": "z"})

    assert values(op) == ["z", "b", "a"]
    assert rows(op, "SELECT id, k::text, ks::text FROM t ORDER BY id") == [
        (1, "a", "{a}"),
        (2, "b", "{b,z}"),
        (3, "z", None),
    ]
    op.execute("INSERT INTO t (id) VALUES (4)")
    assert rows(op, "SELECT k::text, ks::text FROM t WHERE id = 4") == [("z", "{a,z}")]
    inspector = sa.inspect(op.get_bind())
    assert {index["name"] for index in inspector.get_indexes("t")} == {"ix_k", "ix_plain"}
    assert [check["name"] for check in inspector.get_check_constraints("t")] == ["ck_k"]
    assert [key["name"] for key in inspector.get_foreign_keys("t")] == ["fk_k"]
    assert rows(op, "SELECT typname FROM pg_type WHERE typname LIKE 'kind%'") == [("kind",)]


def test_values_swap_when_the_mapping_says_so(op: Operations) -> None:
    op.execute("CREATE TYPE kind AS ENUM ('a', 'b'); CREATE TABLE t (k kind, ks kind[])")
    op.execute("INSERT INTO t VALUES ('a', '{a,b}')")

    op.replace_enum("kind", ["b", "a"], mapping={"a": "b", "b": "a"})

    assert rows(op, "SELECT k::text, ks::text FROM t") == [("b", "{b,a}")]


def test_rows_of_a_value_that_goes_stop_it_and_are_counted(op: Operations) -> None:
    op.execute(KINDS)

    with pytest.raises(CommandError, match=r"loses 'b', 'c', which 2 rows of refs\.k and 2 rows of t\.k and"):
        op.replace_enum("kind", ["a"])
    with pytest.raises(CommandError, match=r"1 rows of t\.ks"):
        op.replace_enum("kind", ["a", "b"])
    with pytest.raises(CommandError, match="not among the new values"):
        op.replace_enum("kind", ["a"], mapping={"b": "x"})
    with pytest.raises(CommandError, match="There is no enum type nobody"):
        op.replace_enum("nobody", ["a"])

    assert values(op) == ["a", "b", "c"]


def test_views_functions_and_domains_stop_it_by_name(op: Operations) -> None:
    op.execute(KINDS)
    op.execute("CREATE VIEW v AS SELECT k FROM t; CREATE DOMAIN d AS kind")
    op.execute("CREATE FUNCTION f(x kind) RETURNS kind LANGUAGE sql AS 'SELECT x'")

    with pytest.raises(CommandError, match=r"used by function f\(kind\), type d, view v"):
        op.replace_enum("kind", ["a", "b", "c", "d"])

    assert values(op) == ["a", "b", "c"]


def test_a_script_cannot_make_an_enum_anew() -> None:
    with pytest.raises(CommandError, match="cannot be written as a script"):
        written(lambda op: op.replace_enum("kind", ["a"]))


def test_sqlite_says_that_it_has_none_of_these() -> None:
    context = MigrationContext.configure(
        dialect_name="sqlite", opts={"as_sql": True, "output_buffer": io.StringIO()}
    )
    with pytest.raises(CommandError, match=r"op.create_enum\(\): migrations make no enum types on sqlite"):
        Operations(context).create_enum("kind", ["a"])


def test_a_table_is_made_anew_when_a_batch_asks_for_it(op: Operations) -> None:
    op.execute(
        """
        CREATE TABLE u (id int PRIMARY KEY);
        CREATE TABLE t (
            id serial PRIMARY KEY, a varchar(5) NOT NULL DEFAULT 'it''s', b int DEFAULT 1 + 1,
            n int GENERATED ALWAYS AS IDENTITY, d int GENERATED ALWAYS AS (b * 2) STORED,
            at timestamp with time zone DEFAULT now(), arr int[] DEFAULT '{1}',
            CONSTRAINT ck_b CHECK (b > 1), CONSTRAINT uq_a UNIQUE (a), CONSTRAINT fk_b FOREIGN KEY (b) REFERENCES u (id)
        );
        CREATE INDEX ix_b ON t (lower(a)) WHERE b > 1;
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
        CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();
        COMMENT ON TABLE t IS 'it''s t'; COMMENT ON COLUMN t.b IS 'b'; COMMENT ON COLUMN t.a IS 'old';
        INSERT INTO u VALUES (2), (5);
        INSERT INTO t (a, b) VALUES ('x', 2), ('y', 5);
        """
    )

    with op.batch_alter_table("t", recreate="always", partial_reordering=[("b", "a")]) as batch:
        batch.add_column(sa.Column("c", sa.Integer, server_default="9"), insert_after="id")
        batch.alter_column("a", nullable=True, new_column_name="name", comment="new")
        batch.drop_constraint("ck_b", type_="check")
        batch.create_check_constraint("ck_c", "c > 1")
    op.execute("INSERT INTO t (b, name) VALUES (5, 'z')")

    assert rows(op, "SELECT id, c, b, name, n, d, arr FROM t ORDER BY id") == [
        (1, 9, 2, "x", 1, 4, [1]),
        (2, 9, 5, "y", 2, 10, [1]),
        (3, 9, 5, "z", 3, 10, [1]),
    ]
    inspector = sa.inspect(op.get_bind())
    assert [column["name"] for column in inspector.get_columns("t")][:4] == ["id", "c", "b", "name"]
    assert {check["name"] for check in inspector.get_check_constraints("t")} == {"ck_c"}
    assert [key["name"] for key in inspector.get_foreign_keys("t")] == ["fk_b"]
    assert {index["name"] for index in inspector.get_indexes("t")} == {"ix_b", "uq_a"}
    assert rows(op, "SELECT tgname FROM pg_trigger WHERE tgrelid = 't'::regclass AND NOT tgisinternal") == [("tr",)]
    assert inspector.get_table_comment("t")["text"] == "it's t"
    assert {c["name"]: c["comment"] for c in inspector.get_columns("t") if c["comment"]} == {"b": "b", "name": "new"}
    assert rows(op, "SELECT pg_get_serial_sequence('t', 'id')") == [("public.t_id_seq",)]

    op.execute("ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON t USING (true)")
    with (
        pytest.raises(CommandError, match="has policy mine, which a table made anew would lose"),
        op.batch_alter_table("t", recreate="always"),
    ):
        pass
