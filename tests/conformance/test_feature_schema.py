"""MetaData, Table, Column and constraints: one test a feature, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Engine,
    FetchedValue,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    desc,
    exc,
    func,
    inspect,
    select,
    text,
)
from pyorm.dialects import postgresql, sqlite
from pyorm.schema import CreateTable, SetColumnComment, SetTableComment


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        if made.dialect.name == "sqlite":
            made.exec_driver_sql("PRAGMA foreign_keys=ON")
            made.rollback()
        yield made


def ddl(connection: Connection, table: Table) -> str:
    """Return a table's CREATE TABLE with single spaces."""
    return " ".join(str(CreateTable(table).compile(dialect=connection.dialect)).split())


@pytest.mark.feature("META01")
def test_metadata_gives_its_tables_what_they_leave_out(connection: Connection) -> None:
    meta = MetaData(
        schema="side", info={"mine": 1},
        naming_convention={"pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s"},
    )  # fmt: skip
    table = Table("t", meta, Column("id", Integer, primary_key=True), Column("u", Integer, unique=True))

    assert (table.schema, meta.schema, meta.info["mine"]) == ("side", "side", 1)
    assert meta.tables["side.t"] is table
    written = ddl(connection, table)
    assert written.startswith("CREATE TABLE side.t (")
    assert "CONSTRAINT pk_t PRIMARY KEY (id)" in written
    assert "CONSTRAINT uq_t_u UNIQUE (u)" in written


@pytest.mark.feature("META02", "META08", "META12")
def test_tables_and_their_parts_are_found(connection: Connection) -> None:
    meta = MetaData()
    roots = Table("roots", meta, Column("id", Integer, primary_key=True))
    table = Table(
        "t", meta,
        Column("id", Integer, primary_key=True),
        Column("n", Integer, ForeignKey("roots.id"), key="number", index=True),
        UniqueConstraint("number", name="uq_n"),
    )  # fmt: skip

    assert table.c is table.columns
    assert table.c.keys() == ["id", "number"]
    assert table.c.number.name == table.c["number"].name == "n"
    assert "number" in table.c and "n" not in table.c
    assert [c.key for c in table.primary_key] == ["id"]
    (key,) = table.foreign_keys
    assert key.column is roots.c.id and key.parent is table.c.number
    assert [i.name for i in table.indexes] == ["ix_t_n"]
    assert {type(c).__name__ for c in table.constraints} == {
        "PrimaryKeyConstraint", "ForeignKeyConstraint", "UniqueConstraint",
    }  # fmt: skip
    assert list(meta.tables) == ["roots", "t"]
    assert "t" in meta and table in meta and "x" not in meta
    assert [t.name for t in meta.sorted_tables] == ["roots", "t"]
    meta.create_all(connection)
    connection.execute(roots.insert().values(id=1))
    connection.execute(table.insert().values(id=1, number=1))
    assert connection.execute(select(table)).all() == [(1, 1)]
    meta.remove(table)
    assert list(meta.tables) == ["roots"]
    meta.clear()
    assert not meta.tables


@pytest.mark.feature("META04")
def test_table_is_defined_once_unless_told_otherwise() -> None:
    meta = MetaData()
    first = Table("t", meta, Column("id", Integer, primary_key=True))

    with pytest.raises(exc.InvalidRequestError, match="already defined"):
        Table("t", meta, Column("x", Integer))
    kept = Table("t", meta, Column("x", Integer), keep_existing=True)
    assert kept is first and first.c.keys() == ["id"]
    more = Table("t", meta, Column("x", Integer), Column("id", String), extend_existing=True)
    assert more is first and set(first.c.keys()) == {"id", "x"}
    assert isinstance(first.c.id.type, String)
    assert Table("t", meta) is first


@pytest.mark.feature("META14", "META28", "META29", "META30")
def test_constraints_are_kept_by_the_database(connection: Connection) -> None:
    meta = MetaData()
    table = Table(
        "t", meta,
        Column("a", Integer, nullable=False),
        Column("b", String(5), default="dflt"),
        Column("c", Integer, CheckConstraint("c < 100"), nullable=False, server_default="5"),
        Column("d", Integer, unique=True, index=False),
        Column("e", Integer, index=True),
        PrimaryKeyConstraint("b", "a", name="pk_mine"),
        UniqueConstraint("c", "e", name="uq_mine"),
        CheckConstraint("e > 0", name="ck_text"),
    )  # fmt: skip
    table.append_constraint(CheckConstraint(table.c.d > 10, name="ck_expression"))
    meta.create_all(connection)
    inspector = inspect(connection)

    made = connection.execute(table.insert().values(a=1, d=11, e=1))
    assert made.inserted_primary_key == ("dflt", 1)
    assert connection.execute(select(table)).one() == (1, "dflt", 5, 11, 1)
    key = inspector.get_pk_constraint("t")
    assert (key["name"], key["constrained_columns"]) == ("pk_mine", ["b", "a"])
    assert ["c", "e"] in [u["column_names"] for u in inspector.get_unique_constraints("t")]
    assert "uq_mine" in [u["name"] for u in inspector.get_unique_constraints("t")]
    assert {"ck_text", "ck_expression"} <= {c["name"] for c in inspector.get_check_constraints("t")}
    assert "ix_t_e" in [i["name"] for i in inspector.get_indexes("t")]
    assert [c["nullable"] for c in inspector.get_columns("t")] == [False, False, False, True, True]
    refused: list[dict[str, Any]] = [
        {"a": 1, "d": 12, "e": 9},
        {"a": 2, "d": 11, "e": 8},
        {"a": 3, "d": 13, "e": 1},
        {"a": 4, "d": 14, "e": 0},
        {"a": 5, "d": 9, "e": 7},
        {"a": 6, "d": 15, "e": 7, "c": 100},
        {"a": 7, "d": 16, "e": 6, "c": None},
    ]
    for values in refused:
        with pytest.raises(exc.IntegrityError), connection.begin_nested():
            connection.execute(table.insert().values(**values))


@pytest.mark.feature("META19")
def test_server_fills_what_it_has_defaults_for(connection: Connection) -> None:
    table = Table(
        "t", MetaData(),
        Column("id", Integer, primary_key=True),
        Column("word", String(10), server_default="it's"),
        Column("sum", Integer, server_default=text("1 + 2") if connection.dialect.name ==
               "postgresql" else text("(1 + 2)")),
        Column("now", String(40), server_default=func.current_timestamp()),
        Column("made", Integer, server_default=FetchedValue(), server_onupdate=FetchedValue()),
    )  # fmt: skip
    table.metadata.create_all(connection)

    connection.execute(table.insert().values(id=1))
    row = connection.execute(select(table)).one()

    assert (row.word, row.sum, row.made) == ("it's", 3, None)
    assert row.now.startswith("20")
    assert "made INTEGER" in ddl(connection, table) and "made INTEGER DEFAULT" not in ddl(connection, table)
    assert isinstance(table.c.made.server_onupdate, FetchedValue)


@pytest.mark.feature("META18")
def test_update_has_defaults_of_its_own(connection: Connection) -> None:
    table = Table(
        "t", MetaData(),
        Column("id", Integer, primary_key=True),
        Column("n", Integer),
        Column("scalar", Integer, onupdate=5),
        Column("called", Integer, onupdate=lambda: 6),
        Column("sql", Integer, onupdate=func.abs(-7)),
    )  # fmt: skip
    table.metadata.create_all(connection)
    connection.execute(table.insert(), [{"id": 1}, {"id": 2}])

    connection.execute(table.update().where(table.c.id == 1).values(n=1))
    connection.execute(table.update().where(table.c.id == 2).values(scalar=0, called=0, sql=0))

    rows = connection.execute(select(table).order_by(table.c.id)).all()
    assert rows == [(1, 1, 5, 6, 7), (2, None, 0, 0, 0)]


@pytest.mark.feature("META17")
def test_default_sees_the_other_values(connection: Connection) -> None:
    table = Table(
        "t", MetaData(),
        Column("id", Integer, primary_key=True),
        Column("a", Integer, default=3),
        Column("b", Integer, default=lambda context: context.get_current_parameters()["a"] * 2),
        Column("c", Integer, onupdate=lambda ctx: ctx.get_current_parameters()["a"] + 100),
    )  # fmt: skip
    table.metadata.create_all(connection)

    connection.execute(table.insert(), {"id": 1})
    connection.execute(table.insert(), [{"id": 2, "a": 5}, {"id": 3, "a": 6}])
    connection.execute(table.update().where(table.c.id == 1).values(a=9))

    rows = connection.execute(select(table).order_by(table.c.id)).all()
    assert rows == [(1, 9, 6, 109), (2, 5, 10, None), (3, 6, 12, None)]


@pytest.mark.feature("META24", "META25")
def test_keys_refer_to_other_tables(connection: Connection) -> None:
    meta = MetaData()
    children = Table(
        "children", meta,
        Column("id", Integer, primary_key=True),
        Column("root_id", ForeignKey(
            "roots.id", name="fk_root", ondelete="CASCADE", onupdate="CASCADE", deferrable=True,
            initially="DEFERRED",
        )),
        Column("x", Integer),
        Column("y", Integer),
        ForeignKeyConstraint(["x", "y"], ["pairs.x", "pairs.y"], name="fk_pair", ondelete="SET NULL"),
    )  # fmt: skip
    roots = Table("roots", meta, Column("id", Integer, primary_key=True))
    pairs = Table("pairs", meta, Column("x", Integer, primary_key=True, autoincrement=False),
                  Column("y", Integer, primary_key=True))  # fmt: skip
    matched = Table("m", MetaData(), Column("id", Integer, ForeignKey(roots.c.id, match="FULL")))

    meta.create_all(connection)
    assert "MATCH FULL" in ddl(connection, matched)
    assert isinstance(children.c.root_id.type, Integer)
    connection.commit()
    connection.execute(children.insert().values(id=1, root_id=7))
    connection.execute(roots.insert().values(id=7))
    connection.execute(pairs.insert().values(x=1, y=2))
    connection.execute(children.update().values(x=1, y=2))
    connection.commit()
    connection.execute(roots.update().values(id=8))
    assert connection.execute(select(children)).one() == (1, 8, 1, 2)
    connection.execute(pairs.delete())
    assert connection.execute(select(children)).one() == (1, 8, None, None)
    connection.execute(roots.delete())
    assert connection.execute(select(children)).all() == []
    connection.commit()
    keys = {k["name"]: k for k in inspect(connection).get_foreign_keys("children")}
    assert keys["fk_pair"]["referred_columns"] == ["x", "y"]
    assert keys["fk_root"]["options"] == {
        "ondelete": "CASCADE", "onupdate": "CASCADE", "deferrable": True, "initially": "DEFERRED",
    }  # fmt: skip
    connection.commit()
    meta.drop_all(connection)
    connection.commit()


@pytest.mark.feature("META31")
def test_indexes_are_on_columns_and_expressions(connection: Connection) -> None:
    table = Table("t", MetaData(), Column("id", Integer, primary_key=True), Column("a", Integer),
                  Column("b", String(10)), Index("ix_inner", "a", "b"))  # fmt: skip
    Index("ix_unique", table.c.a, unique=True)
    Index("ix_lower", func.lower(table.c.b))
    Index("ix_desc", table.c.a.desc(), desc(table.c.b))
    Index("ix_text", table.c.a, text("lower(b)"))
    table.metadata.create_all(connection)

    made = {i["name"]: i for i in inspect(connection).get_indexes("t")}

    assert set(made) >= {"ix_inner", "ix_unique"}
    assert made["ix_inner"]["column_names"] == ["a", "b"]
    assert made["ix_unique"]["unique"]
    if connection.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE type = 'index'"
    else:
        query = "SELECT indexdef FROM pg_indexes WHERE tablename = 't'"
    texts = " ".join(filter(None, connection.exec_driver_sql(query).scalars()))
    for name in ("ix_lower", "ix_desc", "ix_text"):
        assert name in texts
    assert texts.count("lower(") == 2 and texts.count(" DESC") == 2
    connection.execute(table.insert().values(id=1, a=1))
    with pytest.raises(exc.IntegrityError):
        connection.execute(table.insert().values(id=2, a=1))


@pytest.mark.feature("META20")
def test_integer_keys_number_themselves_as_told() -> None:
    def column_of(*columns: Column) -> str | None:
        meta = MetaData()
        Table("o", meta, Column("id", Integer, primary_key=True))
        found = Table("q", meta, *columns).autoincrement_column
        return None if found is None else str(found.name)

    def key(type_: Any = Integer, *items: Any, **kw: Any) -> Column:
        return Column("id", type_, *items, primary_key=True, **kw)

    assert column_of(key()) == column_of(key(BigInteger)) == column_of(key(autoincrement=True)) == "id"
    assert column_of(key(Integer, ForeignKey("o.id"), autoincrement="ignore_fk")) == "id"
    for other in (
        key(autoincrement=False), key(String), key(Numeric(10, 0)), key(Integer, ForeignKey("o.id")),
        key(server_default="5"), Column("id", Integer, autoincrement=True),
    ):  # fmt: skip
        assert column_of(other) is None
    assert column_of(key(Numeric(10, 0), autoincrement=True)) == "id"
    assert column_of(key(), Column("b", Integer, primary_key=True)) is None
    second = Column("b", Integer, primary_key=True, autoincrement=True)
    table = Table("two", MetaData(), Column("a", Integer, primary_key=True), second)
    assert table.autoincrement_column is second
    assert "PRIMARY KEY (b, a)" in str(CreateTable(table).compile(dialect=postgresql.dialect()))
    with pytest.raises(exc.CompileError, match="SQLite does not support autoincrement for composite primary keys"):
        str(CreateTable(table).compile(dialect=sqlite.dialect()))
    with pytest.raises(exc.ArgumentError, match=r"Column type VARCHAR on column 'q\.id' is not compatible"):
        column_of(key(String, autoincrement=True))
    both = [Column(n, Integer, primary_key=True, autoincrement=True) for n in "ab"]
    with pytest.raises(exc.ArgumentError, match="Only one Column may be marked autoincrement=True"):
        column_of(*both)


def test_checks_stand_where_they_were_written() -> None:
    table = Table(
        "t", MetaData(), Column("a", Integer, CheckConstraint("a > 1", name="of_column")),
        Column("b", Boolean(create_constraint=True, name="of_type")), CheckConstraint("a > 2", name="of_table"),
    )  # fmt: skip

    for one in (table, table.to_metadata(MetaData())):
        checks = {c.name for c in one.constraints if isinstance(c, CheckConstraint)}
        assert checks == {"of_table", "of_type"}
        assert [c.name for col in one.c for c in col.constraints] == ["of_column"]
        text = " ".join(str(CreateTable(one).compile(dialect=sqlite.dialect())).split())
        assert text == (
            "CREATE TABLE t ( a INTEGER CONSTRAINT of_column CHECK (a > 1), b BOOLEAN, "
            "CONSTRAINT of_table CHECK (a > 2), CONSTRAINT of_type CHECK (b IN (0, 1)) )"
        )


@pytest.mark.feature("META03", "META21")
def test_tables_and_columns_carry_facts(engine: Engine) -> None:
    seen: list[str] = []
    column = Column("q", Integer, quote=True, comment="it's", doc="a text", info={"k": 1})
    table = Table(
        "facts", MetaData(), Column("id", Integer, primary_key=True), column, Column("xmin", Integer, system=True),
        schema="s", quote=True, quote_schema=True, comment="about", info={"z": 1}, prefixes=["TEMPORARY"],
        implicit_returning=False, listeners=[("before_create", lambda target, *a, **k: seen.append(target.name))],
    )  # fmt: skip

    assert (column.comment, column.doc, column.info, table.comment, table.info) == (
        "it's", "a text", {"k": 1}, "about", {"z": 1},
    )  # fmt: skip
    assert table.c.xmin.system and not column.system and table.implicit_returning is False
    pg = postgresql.dialect()
    written = " ".join(str(CreateTable(table).compile(dialect=pg)).split())
    assert written == 'CREATE TEMPORARY TABLE "s"."facts" ( id SERIAL NOT NULL, "q" INTEGER, PRIMARY KEY (id) )'
    assert str(SetColumnComment(column).compile(dialect=pg)) == "COMMENT ON COLUMN \"s\".\"facts\".\"q\" IS 'it''s'"
    assert str(SetTableComment(table).compile(dialect=pg)) == "COMMENT ON TABLE \"s\".\"facts\" IS 'about'"

    mine = Table(
        "mine", MetaData(), Column("id", Integer, primary_key=True, comment="number"), comment="about",
        listeners=[("before_create", lambda target, *a, **k: seen.append(target.name))],
    )  # fmt: skip
    mine.create(engine)
    assert seen == ["mine"]
    if engine.dialect.name == "postgresql":
        inspector = inspect(engine)
        assert inspector.get_table_comment("mine") == {"text": "about"}
        assert inspector.get_columns("mine")[0]["comment"] == "number"
    mine.drop(engine)
