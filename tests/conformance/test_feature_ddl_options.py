"""Comments as DDL, and PostgreSQL's options of keys, constraints and tables, which SQLite leaves out."""

from __future__ import annotations

from typing import Any

import pytest

import pyorm as sa
from pyorm import Engine, exc
from pyorm.schema import (
    AddConstraint,
    CreateSequence,
    CreateTable,
    DropColumnComment,
    DropConstraint,
    DropConstraintComment,
    DropTableComment,
    SetColumnComment,
    SetConstraintComment,
    SetTableComment,
)


def written(engine: Engine, element: Any) -> str:
    return " ".join(str(element.compile(dialect=engine.dialect)).split())


def is_pg(engine: Engine) -> bool:
    return engine.dialect.name == "postgresql"


@pytest.mark.feature("DDL07")
def test_comments_are_set_and_dropped_when_executed(engine: Engine) -> None:
    table = sa.Table(
        "posts",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, comment="it's the key"),
        sa.CheckConstraint("id > 0", name="ck_id", comment="positive"),
        comment="what users write",
    )
    check = next(c for c in table.constraints if c.name == "ck_id")
    texts = [
        written(engine, each)
        for each in (
            SetTableComment(table),
            DropTableComment(table),
            SetColumnComment(table.c.id),
            DropColumnComment(table.c.id),
        )
    ]
    assert texts == [
        "COMMENT ON TABLE posts IS 'what users write'",
        "COMMENT ON TABLE posts IS NULL",
        "COMMENT ON COLUMN posts.id IS 'it''s the key'",
        "COMMENT ON COLUMN posts.id IS NULL",
    ]
    table.create(engine)
    if not is_pg(engine):
        with pytest.raises(exc.UnsupportedCompilationError, match="SetConstraintComment"):
            written(engine, SetConstraintComment(check))
        return
    assert written(engine, SetConstraintComment(check)) == "COMMENT ON CONSTRAINT ck_id ON posts IS 'positive'"
    with engine.begin() as connection:
        inspector = sa.inspect(connection)
        assert inspector.get_table_comment("posts") == {"text": "what users write"}
        assert inspector.get_check_constraints("posts")[0]["comment"] == "positive"
        for element in (DropTableComment(table), DropColumnComment(table.c.id), DropConstraintComment(check)):
            connection.execute(element)
        inspector.clear_cache()
        assert inspector.get_table_comment("posts") == {"text": None}
        assert inspector.get_columns("posts")[0]["comment"] is None
        assert inspector.get_check_constraints("posts")[0]["comment"] is None


@pytest.mark.feature("PG13")
def test_constraint_options_are_kept_when_reflected(engine: Engine) -> None:
    metadata = sa.MetaData()
    sa.Table("users", metadata, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table(
        "posts",
        metadata,
        sa.Column("id", sa.Integer),
        sa.Column("slug", sa.String(9)),
        sa.Column("title", sa.String(9)),
        sa.Column("user_id", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk", postgresql_include=["title"]),
        sa.UniqueConstraint("slug", name="uq", postgresql_include=["title"], postgresql_nulls_not_distinct=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk", postgresql_not_valid=True),
        sa.CheckConstraint("id > 0", name="ck", postgresql_not_valid=True),
    )

    metadata.create_all(engine)
    inspector = sa.inspect(engine)

    assert inspector.get_pk_constraint("posts")["constrained_columns"] == ["id"]
    text = written(engine, CreateTable(metadata.tables["posts"]))
    if not is_pg(engine):
        assert "INCLUDE" not in text and "NOT VALID" not in text and "NULLS" not in text
        return
    assert "CONSTRAINT uq UNIQUE NULLS NOT DISTINCT (slug) INCLUDE (title)" in text
    assert inspector.get_pk_constraint("posts")["dialect_options"] == {"postgresql_include": ["title"]}
    (unique,) = inspector.get_unique_constraints("posts")
    assert unique["dialect_options"] == {"postgresql_include": ["title"], "postgresql_nulls_not_distinct": True}
    table = metadata.tables["posts"]
    with engine.begin() as connection:
        for name in ("fk", "ck"):
            constraint = next(c for c in table.constraints if c.name == name)
            connection.execute(DropConstraint(constraint))
            connection.execute(AddConstraint(constraint))
    (key,), (check,) = inspector.get_foreign_keys("posts"), inspector.get_check_constraints("posts")
    assert key["options"] == {"postgresql_not_valid": True} and check["dialect_options"] == {"not_valid": True}
    again = sa.Table("posts", sa.MetaData(), autoload_with=engine)
    assert "UNIQUE NULLS NOT DISTINCT (slug) INCLUDE (title)" in written(engine, CreateTable(again))


@pytest.mark.feature("PG14")
def test_columns_set_null_on_delete_are_reflected(engine: Engine) -> None:
    metadata = sa.MetaData()
    sa.Table("users", metadata, sa.Column("id", sa.Integer, primary_key=True))
    action = "SET NULL (user_id)" if is_pg(engine) else "SET NULL"
    posts = sa.Table(
        "posts", metadata, sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", name="fk", ondelete=action))
    )

    metadata.create_all(engine)

    (key,) = sa.inspect(engine).get_foreign_keys("posts")
    assert key["options"] == {"ondelete": action}
    again = sa.Table("posts", sa.MetaData(), autoload_with=engine)
    assert f"ON DELETE {action}" in written(engine, CreateTable(again)) and f"ON DELETE {action}" in written(
        engine, CreateTable(posts)
    )


@pytest.mark.feature("PG15")
def test_storage_options_are_written_for_postgresql_alone(engine: Engine) -> None:
    metadata = sa.MetaData()
    parent = sa.Table(
        "events", metadata, sa.Column("at", sa.Integer, nullable=False), postgresql_partition_by="RANGE (at)"
    )
    child = sa.Table(
        "old_events", metadata, sa.Column("x", sa.Integer), postgresql_with={"fillfactor": 70}, postgresql_using="heap"
    )
    heir = sa.Table("heirs", metadata, sa.Column("y", sa.Integer), postgresql_inherits="old_events")
    temporary = sa.Table(
        "scratch",
        metadata,
        sa.Column("z", sa.Integer),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DELETE ROWS",
        postgresql_tablespace="pg_default",
        postgresql_with_oids=False,
    )
    heir.add_is_dependent_on(child)

    if not is_pg(engine):
        for table in metadata.tables.values():
            assert written(engine, CreateTable(table)).endswith(("INTEGER )", "NOT NULL )"))
        return
    assert written(engine, CreateTable(parent)).endswith(") PARTITION BY RANGE (at)")
    assert written(engine, CreateTable(child)).endswith(") USING heap WITH (fillfactor = 70)")
    assert written(engine, CreateTable(heir)).endswith(") INHERITS (old_events)")
    assert written(engine, CreateTable(temporary)).endswith(
        ") WITHOUT OIDS ON COMMIT DELETE ROWS TABLESPACE pg_default"
    )
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql("CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10)")
        connection.execute(sa.insert(parent).values(at=5))
        assert connection.scalar(sa.text("SELECT at FROM events_1")) == 5
        facts = sa.inspect(connection).get_table_options("heirs")
        assert facts["postgresql_inherits"] == ("old_events",)


@pytest.mark.feature("PG17")
def test_integer_keys_are_numbered_each_in_its_way(engine: Engine) -> None:
    metadata = sa.MetaData()
    kinds: list[tuple[str, Any, str]] = [
        (
            "small",
            sa.Column("id", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
            "SMALLSERIAL NOT NULL",
        ),
        ("plain", sa.Column("id", sa.Integer, primary_key=True), "SERIAL NOT NULL"),
        (
            "big",
            sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
            "BIGSERIAL NOT NULL",
        ),
        (
            "identity",
            sa.Column("id", sa.Integer, sa.Identity(start=1, increment=1, cache=1), primary_key=True),
            "INTEGER GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY 1 START WITH 1 CACHE 1)",
        ),
        (
            "sequence",
            sa.Column("id", sa.Integer, sa.Sequence("numbers", start=1, metadata=metadata), primary_key=True),
            "INTEGER",
        ),
    ]
    tables = [sa.Table(name, metadata, column, sa.Column("x", sa.Integer)) for name, column, _text in kinds]

    metadata.create_all(engine)

    for table, (_name, _column, text) in zip(tables, kinds, strict=True):
        shown = written(engine, CreateTable(table))
        assert shown.startswith(f"CREATE TABLE {table.name} ( id {text if is_pg(engine) else 'INTEGER'}")
        with engine.begin() as connection:
            keys = [connection.execute(sa.insert(table).values(x=5)).inserted_primary_key for _ in range(2)]
        assert keys == [(1,), (2,)]
    if is_pg(engine):
        sequence = sa.Sequence("s", start=1, increment=2, minvalue=1, maxvalue=9, cycle=True, data_type=sa.SmallInteger)
        assert written(engine, CreateSequence(sequence)) == (
            "CREATE SEQUENCE s AS SMALLINT INCREMENT BY 2 START WITH 1 MINVALUE 1 MAXVALUE 9 CYCLE"
        )
