"""Golden cases: CREATE, DROP, ALTER and COMMENT as the reference library renders them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

Cases = dict[str, Callable[[], Any]]


def make_ddl_cases(library: str) -> Cases:
    """Return the cases by name: functions that make one DDL object each.

    Args:
        library: Import name of the library, `pyorm` or the reference's.
    """
    q = SimpleNamespace(sa=import_module(library), schema=import_module(library + ".schema"))
    q.metadata = q.sa.MetaData()
    cases: Cases = {}
    for make in (_plain, _keys, _defaults, _options, _types):
        for table in make(q):
            cases[f"create_{table.name}"] = lambda t=table: q.schema.CreateTable(t)
            for index in sorted(table.indexes, key=lambda i: i.name):
                cases[f"index_{index.name}"] = lambda i=index: q.schema.CreateIndex(i)
    cases.update(_conventions(import_module(library)))
    cases.update(_others(q))
    return cases


def _plain(q: Any) -> list[Any]:
    sa, m = q.sa, q.metadata
    return [
        sa.Table(
            "author",
            m,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("name", sa.String(100), nullable=False, index=True),
            sa.Column("email", sa.String(200), unique=True),
            sa.Column("n", sa.Numeric(10, 2), server_default="0", nullable=False),
            sa.Column("x", sa.Integer, sa.CheckConstraint("x > 3"), server_default=sa.text("5")),
            sa.CheckConstraint("n > 0", name="n_pos"),
            sa.UniqueConstraint("name", "email", name="uq1"),
        ),
        sa.Table("small", m, sa.Column("id", sa.SmallInteger, primary_key=True)),
        sa.Table("big", m, sa.Column("id", sa.BigInteger, primary_key=True)),
        sa.Table("manual", m, sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)),
        sa.Table(
            "pair",
            m,
            sa.Column("x", sa.Integer, primary_key=True),
            sa.Column("y", sa.Integer, primary_key=True),
        ),
        sa.Table(
            "pair_auto",
            m,
            sa.Column("x", sa.Integer, primary_key=True, autoincrement=True),
            sa.Column("y", sa.Integer, primary_key=True),
        ),
        sa.Table("nokey", m, sa.Column("a", sa.Integer), sa.Column("b", sa.String)),
        sa.Table("temp", m, sa.Column("a", sa.Integer), prefixes=["TEMPORARY"]),
        sa.Table(
            "Quoted Name",
            m,
            *[
                sa.Column(name, sa.Integer)
                for name in ("order", "user", "Select", "a-b", "_x", "1a", "$x", "x$", 'q"q', "per%", "a.b", "Ü", "ü")
            ],
        ),
        sa.Table("inschema", m, sa.Column("id", sa.Integer, primary_key=True, index=True), schema="Other"),
    ]


def _keys(q: Any) -> list[Any]:
    sa, m = q.sa, q.metadata
    return [
        sa.Table(
            "post",
            m,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("author_id", sa.ForeignKey("author.id", ondelete="CASCADE", onupdate="SET NULL"), nullable=False),
            sa.Column("other", sa.ForeignKey("author.id", name="fk_o", deferrable=True, initially="DEFERRED")),
            sa.Column("px", sa.Integer),
            sa.Column("py", sa.Integer),
            sa.Column("m", sa.Integer, sa.ForeignKey("author.id", match="FULL", deferrable=False)),
            sa.ForeignKeyConstraint(["px", "py"], ["pair.x", "pair.y"]),
            sa.Index("ix_two", "px", "py", unique=True),
        ),
        sa.Table("node", m, sa.Column("id", sa.Integer, primary_key=True), sa.Column("up", sa.ForeignKey("node.id"))),
        sa.Table("alter", m, sa.Column("id", sa.ForeignKey("author.id", use_alter=True, name="ua"))),
        sa.Table(
            "named_pk",
            m,
            sa.Column("a", sa.Integer),
            sa.Column("b", sa.Integer),
            sa.PrimaryKeyConstraint("a", "b", name="pk_named"),
        ),
        sa.Table(
            "checks",
            m,
            sa.Column("x", sa.Integer),
            sa.Column("y", sa.String(10)),
            sa.CheckConstraint(sa.column("x") > 5),
            sa.CheckConstraint("x > 5 AND y <> 'a:b'"),
            sa.UniqueConstraint("x", deferrable=True, initially="DEFERRED"),
        ),
    ]


def _defaults(q: Any) -> list[Any]:
    sa, m = q.sa, q.metadata
    return [
        sa.Table(
            "defaults",
            m,
            sa.Column("fn", sa.Integer, server_default=sa.func.foo(3, "x'y")),
            sa.Column("expr", sa.Integer, server_default=sa.literal_column("3") + 4),
            sa.Column("raw", sa.Integer, server_default=sa.text("1 + 1")),
            sa.Column("now", sa.DateTime, server_default=sa.func.now()),
            sa.Column("ts", sa.DateTime, server_default=sa.func.current_timestamp()),
            sa.Column("s", sa.String, server_default="it's"),
            sa.Column("client", sa.Integer, default=5, onupdate=6),
            sa.Column("flag", sa.Boolean, server_default=sa.true()),
        ),
        sa.Table(
            "identity",
            m,
            sa.Column(
                "id",
                sa.Integer,
                sa.Identity(always=True, start=5, increment=2, minvalue=1, maxvalue=100, cycle=True, cache=3),
                primary_key=True,
            ),
        ),
        sa.Table("identity_plain", m, sa.Column("id", sa.Integer, sa.Identity(), primary_key=True)),
        sa.Table(
            "computed",
            m,
            sa.Column("id", sa.Integer),
            sa.Column("twice", sa.Integer, sa.Computed("id * 2", persisted=True)),
        ),
        sa.Table("seq", m, sa.Column("id", sa.BigInteger, sa.Sequence("seqx", start=3), primary_key=True)),
    ]


def _options(q: Any) -> list[Any]:
    sa, m = q.sa, q.metadata
    table = sa.Table(
        "options",
        m,
        sa.Column("x", sa.Integer),
        sa.Column("y", sa.String),
        sa.UniqueConstraint("x", name="uq_opt", postgresql_include=["y"], postgresql_nulls_not_distinct=True),
        postgresql_partition_by="RANGE (x)",
        postgresql_with={"fillfactor": 50},
        postgresql_tablespace="sp",
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    sa.Index("i1", table.c.x.desc(), sa.func.lower(table.c.y))
    sa.Index(
        "i2",
        table.c.y,
        postgresql_ops={"y": "text_pattern_ops"},
        postgresql_include=["x"],
        postgresql_with={"fillfactor": 50},
        postgresql_concurrently=True,
        postgresql_nulls_not_distinct=True,
        postgresql_using="btree",
    )
    sa.Index("i3", table.c.x, table.c.x + 5, postgresql_where=table.c.y == "a'b", sqlite_where=table.c.x > 5)
    sa.Index("i4", table.c.x, postgresql_using="gin", unique=True)
    sa.Index("i5", table.c.x, sa.text("lower(y)"))
    sa.Index("i6", table.c.y.desc().nulls_last())
    auto = sa.Table(
        "auto",
        m,
        sa.Column("id", sa.Integer, primary_key=True, sqlite_on_conflict_primary_key="FAIL"),
        sa.Column("u", sa.Integer, unique=True, sqlite_on_conflict_unique="IGNORE"),
        sa.Column("n", sa.Integer, nullable=False, sqlite_on_conflict_not_null="FAIL"),
        sqlite_autoincrement=True,
    )
    return [table, auto]


def _types(q: Any) -> list[Any]:
    sa, m = q.sa, q.metadata
    return [
        sa.Table(
            "kinds",
            m,
            sa.Column("b", sa.Boolean),
            sa.Column("bc", sa.Boolean(create_constraint=True, name="bool_check")),
            sa.Column("e", sa.Enum("x", "y'z", name="en1")),
            sa.Column("ec", sa.Enum("x", "y'z", name="en2", native_enum=False, create_constraint=True)),
            sa.Column("f", sa.Float),
            sa.Column("f5", sa.Float(5)),
            sa.Column("d", sa.Double),
            sa.Column("s", sa.String),
            sa.Column("sc", sa.String(3, collation="C")),
            sa.Column("t", sa.Text),
            sa.Column("n", sa.Numeric),
            sa.Column("dt", sa.DateTime),
            sa.Column("dtz", sa.DateTime(timezone=True)),
            sa.Column("da", sa.Date),
            sa.Column("ti", sa.Time),
            sa.Column("iv", sa.Interval),
            sa.Column("bl", sa.LargeBinary),
            sa.Column("u", sa.Uuid),
            sa.Column("j", sa.JSON),
        )
    ]


def _conventions(sa: Any) -> Cases:
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    table = sa.Table(
        "named",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("a", sa.Integer, index=True),
        sa.Column("b", sa.Integer, unique=True),
        sa.Column("c", sa.ForeignKey("x.id")),
        sa.CheckConstraint("b > 1", name="positive"),
    )
    sa.Table("x", metadata, sa.Column("id", sa.Integer, primary_key=True))
    return {"create_by_convention": lambda: sa.schema.CreateTable(table)}


def _others(q: Any) -> Cases:
    sa, s, t = q.sa, q.schema, q.metadata.tables
    author = t["author"]
    unique = sa.UniqueConstraint(author.c.id, name="uq_added")
    commented = sa.Table(
        "commented", q.metadata, sa.Column("id", sa.Integer, comment="it's a column"), comment="a table's comment"
    )
    index = sa.Index("ix_dropped", t["big"].c.id)
    return {
        "drop_table": lambda: s.DropTable(author),
        "drop_table_schema": lambda: s.DropTable(t["Other.inschema"], if_exists=True),
        "create_if": lambda: s.CreateTable(t["big"], if_not_exists=True),
        "drop_index": lambda: s.DropIndex(index),
        "drop_index_if": lambda: s.DropIndex(index, if_exists=True),
        "create_index_if": lambda: s.CreateIndex(index, if_not_exists=True),
        "add_constraint": lambda: s.AddConstraint(unique),
        "add_alter_key": lambda: s.AddConstraint(next(iter(t["alter"].foreign_key_constraints))),
        "drop_constraint": lambda: s.DropConstraint(unique),
        "drop_constraint_cascade": lambda: s.DropConstraint(unique, cascade=True),
        "create_schema": lambda: s.CreateSchema("Odd one"),
        "create_schema_if": lambda: s.CreateSchema("s", if_not_exists=True),
        "drop_schema": lambda: s.DropSchema("s", cascade=True, if_exists=True),
        "create_sequence": lambda: s.CreateSequence(sa.Sequence("q", start=1, increment=2, minvalue=1, cycle=True)),
        "drop_sequence": lambda: s.DropSequence(sa.Sequence("q")),
        "table_comment": lambda: s.SetTableComment(commented),
        "column_comment": lambda: s.SetColumnComment(commented.c.id),
        "drop_table_comment": lambda: s.DropTableComment(commented),
        "drop_column_comment": lambda: s.DropColumnComment(commented.c.id),
    }
