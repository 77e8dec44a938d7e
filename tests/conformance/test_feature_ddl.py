"""What DDL is written, when, and under which names: one test a feature, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import (
    DDL,
    CheckConstraint,
    Column,
    Engine,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Sequence,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    exc,
    insert,
    inspect,
    quoted_name,
    select,
    text,
    update,
)
from pyorm.dialects.postgresql import DOMAIN, ENUM
from pyorm.schema import (
    BLANK_SCHEMA,
    AddConstraint,
    CheckFirst,
    CreateIndex,
    CreateSequence,
    CreateTable,
    DropIndex,
)


def written(engine: Engine, element: Any) -> str:
    """Return a DDL object's text with single spaces."""
    return " ".join(str(element.compile(dialect=engine.dialect)).split())


def test_names_are_quoted_as_they_ask(engine: Engine) -> None:
    meta = MetaData()
    table = Table(
        "plain", meta,
        Column("always", Integer, quote=True, primary_key=True),
        Column("Never", Integer, quote=False),
        Column(quoted_name("order", None), Integer),
        Index(quoted_name("i_plain", True), "Never"),
        quote=True,
    )  # fmt: skip

    text_of = written(engine, CreateTable(table))
    assert text_of.startswith('CREATE TABLE "plain" ( "always" ')
    assert ", Never INTEGER, \"order\" INTEGER" in text_of
    (index,) = table.indexes
    assert written(engine, CreateIndex(index)) == 'CREATE INDEX "i_plain" ON "plain" (Never)'
    assert written(engine, DropIndex(index)) == 'DROP INDEX "i_plain"'
    query = " ".join(str(select(table).compile(dialect=engine.dialect)).split())
    assert query == 'SELECT "plain"."always", "plain".Never, "plain"."order" FROM "plain"'


def test_tables_of_quoted_names_keep_their_rows(engine: Engine) -> None:
    meta = MetaData()
    table = Table("MixedCase", meta, Column("Id", Integer, primary_key=True), Column("user", String(5), quote=True))

    with engine.begin() as connection:
        meta.create_all(connection)
        connection.execute(insert(table), [{"Id": 1, "user": "a"}, {"Id": 2, "user": "b"}])
        connection.execute(update(table).where(table.c.Id == 2).values(user="c"))
        rows = connection.execute(select(table).order_by(table.c.Id)).all()
        found = Table("MixedCase", MetaData(), autoload_with=connection)

    assert rows == [(1, "a"), (2, "c")]
    assert found.c.keys() == ["Id", "user"]
    assert written(engine, CreateTable(found)).startswith('CREATE TABLE "MixedCase" ( "Id" ')


@pytest.mark.feature("META01", "META38")
def test_schemas_are_quoted_as_they_ask(engine: Engine) -> None:
    one = Table("t", MetaData(schema="side", quote_schema=True), Column("a", Integer))
    two = Table("t", MetaData(), Column("a", Integer), schema="Side", quote_schema=False)
    three = Table("t", MetaData(schema="side"), Column("a", Integer), schema=BLANK_SCHEMA)

    assert written(engine, CreateTable(one)).startswith('CREATE TABLE "side".t (')
    assert written(engine, CreateTable(two)).startswith("CREATE TABLE Side.t (")
    assert written(engine, CreateTable(three)).startswith("CREATE TABLE t (")
    assert str(select(one).compile(dialect=engine.dialect)).endswith('FROM "side".t')
    assert isinstance(one.schema, quoted_name) and one.schema.quote is True
    sequence = Sequence("Numbers", schema="side", quote=True, quote_schema=True)
    assert written(engine, CreateSequence(sequence)) == 'CREATE SEQUENCE "side"."Numbers"'
    asked = " ".join(str(select(sequence.next_value())).split())
    assert asked.startswith("SELECT nextval('\"side\".\"Numbers\"')")


@pytest.mark.feature("META10")
def test_tables_are_copied_to_other_schemas() -> None:
    meta = MetaData()
    Table("p", meta, Column("id", Integer, primary_key=True))
    Table("q", meta, Column("id", Integer, primary_key=True), schema="other")
    table = Table(
        "t", meta,
        Column("id", Integer, primary_key=True),
        Column("p_id", Integer, ForeignKey("p.id", ondelete="CASCADE"), index=True),
        Column("q_id", ForeignKey("other.q.id")),
        Column("up", ForeignKey("t.id")),
        Column("x", String(5), unique=True, comment="an x", key="xk"),
        CheckConstraint("x > 'a'", name="ck_x"),
        Index("ix_t", "p_id", "xk", unique=True),
        comment="a t", info={"a": 1}, prefixes=["UNLOGGED"],
    )  # fmt: skip

    def targets(copy: Table) -> list[str]:
        return [key.target_fullname for column in copy.c for key in column.foreign_keys]

    same = table.to_metadata(MetaData())
    assert (same.schema, targets(same)) == (None, ["p.id", "other.q.id", "t.id"])
    assert (same.comment, same.info, same.c.keys()) == ("a t", {"a": 1}, ["id", "p_id", "q_id", "up", "xk"])
    assert same.c.xk.comment == "an x" and same.c.xk.unique
    assert str(CreateTable(table)).startswith("\nCREATE UNLOGGED TABLE t (")
    assert {str(i.name): i.unique for i in same.indexes} == {"ix_t": True, "ix_t_p_id": False}
    moved = table.to_metadata(MetaData(), schema="new")
    assert (moved.key, targets(moved)) == ("new.t", ["new.p.id", "other.q.id", "new.t.id"])
    renamed = table.to_metadata(MetaData(), schema="new", name="t2")
    assert (renamed.key, targets(renamed)) == ("new.t2", ["new.p.id", "other.q.id", "new.t2.id"])
    taken = table.to_metadata(MetaData(schema="theirs"), schema=None)
    assert (taken.key, targets(taken)[0]) == ("theirs.t", "theirs.p.id")
    asked: list[Any] = []

    def refer(table: Table, to_schema: str, constraint: ForeignKeyConstraint, referred: str | None) -> Any:
        asked.append((table.key, to_schema, constraint.column_keys, referred))
        return "ref" if referred else BLANK_SCHEMA

    chosen = table.to_metadata(MetaData(), schema="new", referred_schema_fn=refer)
    assert targets(chosen) == ["p.id", "ref.q.id", "t.id"]
    assert asked == [
        ("t", "new", ["p_id"], None), ("t", "new", ["q_id"], "other"), ("t", "new", ["up"], None),
    ]  # fmt: skip


def test_copying_a_table_twice_warns() -> None:
    table = Table("t", MetaData(), Column("a", Integer))
    other = MetaData()
    copy = table.to_metadata(other)

    with pytest.warns(exc.SAWarning, match="Table 't' already exists within the given MetaData - not copying."):
        assert table.to_metadata(other) is copy


@pytest.mark.feature("DDL04")
def test_constraints_and_indexes_are_written_under_a_condition(engine: Engine) -> None:
    meta = MetaData()
    seen: list[Any] = []

    def ask(ddl: Any, target: Any, bind: Any, *, state: Any, dialect: Any, **kw: Any) -> bool:
        seen.append((type(ddl).__name__, target.name, bind is not None, state))
        return dialect.name == "sqlite"

    table = Table(
        "t", meta,
        Column("a", Integer),
        Column("b", Integer),
        CheckConstraint("a > 1", name="c_pg").ddl_if(dialect="postgresql"),
        UniqueConstraint("b", name="u_other").ddl_if(dialect=("sqlite", "mysql")),
        CheckConstraint("b > 1", name="c_asked").ddl_if(callable_=ask, state="of c"),
        Index("i_pg", "a").ddl_if(dialect="postgresql"),
        Index("i_asked", "b").ddl_if(callable_=ask, state="of i"),
    )  # fmt: skip
    with engine.begin() as connection:
        meta.create_all(connection)
        look = inspect(connection)
        indexes = {i["name"] for i in look.get_indexes("t") if "duplicates_constraint" not in i}
        checks = {c["name"] for c in look.get_check_constraints("t")}
        uniques = {u["name"] for u in look.get_unique_constraints("t")}

    if engine.dialect.name == "sqlite":
        assert (indexes, checks, uniques) == ({"i_asked"}, {"c_asked"}, {"u_other"})
    else:
        assert (indexes, checks, uniques) == ({"i_pg"}, {"c_pg"}, set())
    assert seen == [("AddConstraint", "c_asked", False, "of c"), ("CreateIndex", "i_asked", True, "of i")]
    copies = table.to_metadata(MetaData())
    assert written(engine, CreateTable(copies)) == written(engine, CreateTable(table))


@pytest.mark.feature("DDL03")
def test_events_stand_around_create_and_drop(engine: Engine) -> None:
    meta = MetaData()
    table = Table("t", meta, Column("a", Integer))
    index = Index("i_t", table.c.a)
    log: list[Any] = []

    def listen(target: Any, name: str) -> None:
        def note(target: Any, connection: Any, **kw: Any) -> None:
            log.append((name, type(target).__name__, kw.get("checkfirst")))

        event.listen(target, name, note)

    for target in (meta, table, index):
        for name in ("before_create", "after_create", "before_drop", "after_drop"):
            listen(target, name)
    event.listen(
        table, "after_create",
        DDL("INSERT INTO %(fullname)s VALUES (%(n)s)", context={"n": 1}).execute_if(dialect="sqlite"),
    )  # fmt: skip
    states: list[Any] = []

    def only_pg(ddl: Any, target: Any, bind: Any, *, state: Any, dialect: Any, **kw: Any) -> bool:
        states.append((target, state))
        return bool(dialect.name == "postgresql")

    event.listen(table, "after_create", DDL("INSERT INTO t VALUES (2)").execute_if(callable_=only_pg, state=5))
    with engine.begin() as connection:
        meta.create_all(connection)
        rows = connection.execute(select(table)).scalars().all()
    created, log[:] = list(log), []
    with engine.begin() as connection:
        index.drop(connection)
        index.create(connection, checkfirst=True)
        index.create(connection, checkfirst=True)
        table.drop(connection)
        table.create(connection)
        meta.drop_all(connection, checkfirst=CheckFirst.TABLES)

    assert rows == [1 if engine.dialect.name == "sqlite" else 2]
    assert states[0] == (table, 5)
    every, none = CheckFirst.ALL, CheckFirst.NONE
    assert created == [
        ("before_create", "MetaData", every), ("before_create", "Table", every), ("before_create", "Index", None),
        ("after_create", "Index", None), ("after_create", "Table", every), ("after_create", "MetaData", every),
    ]  # fmt: skip
    assert log == [
        ("before_drop", "Index", None), ("after_drop", "Index", None),
        ("before_create", "Index", None), ("after_create", "Index", None),
        ("before_drop", "Table", none), ("after_drop", "Table", none),
        ("before_create", "Table", CheckFirst.TYPES), ("before_create", "Index", None),
        ("after_create", "Index", None), ("after_create", "Table", CheckFirst.TYPES),
        ("before_drop", "MetaData", CheckFirst.TABLES), ("before_drop", "Table", CheckFirst.TABLES),
        ("after_drop", "Table", CheckFirst.TABLES), ("after_drop", "MetaData", CheckFirst.TABLES),
    ]  # fmt: skip


def test_a_constraint_added_by_itself_leaves_its_table() -> None:
    unique = UniqueConstraint("a", name="u")
    table = Table("t", MetaData(), Column("a", Integer), unique)

    assert str(AddConstraint(unique, isolate_from_table=False)) == "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)"
    assert "UNIQUE" in str(CreateTable(table))
    AddConstraint(unique)
    assert "UNIQUE" not in str(CreateTable(table))


@pytest.mark.feature("PG05")
def test_named_types_are_created_and_dropped(pg_db: Any) -> None:
    engine = create_engine(pg_db.url)
    meta = MetaData()
    mood = ENUM("sad", "ok", name="mood")
    color = Enum("red", "blue", name="Color", metadata=meta)
    positive = DOMAIN(
        "positive", Integer, check="VALUE > 0", not_null=True, constraint_name="is_there", default="1"
    )
    table = Table("t", meta, Column("id", Integer, primary_key=True), Column("m", mood), Column("n", positive))

    def types(connection: Any) -> list[str]:
        found = connection.exec_driver_sql(
            "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')"
            " ORDER BY 1"
        )
        return list(found.scalars())

    with engine.begin() as connection:
        meta.create_all(connection)
        assert types(connection) == ["Color", "mood", "positive"]
        assert inspect(connection).has_type("positive")
        connection.execute(insert(table).values(id=1, m="ok", n=5))
        assert connection.execute(select(table.c.m, table.c.n)).one() == ("ok", 5)
        with pytest.raises(exc.IntegrityError, match="violates check constraint"), connection.begin_nested():
            connection.execute(insert(table).values(id=2, n=-5))
        meta.create_all(connection)  # everything is there
        table.drop(connection)
        assert types(connection) == ["Color", "mood", "positive"]  # others may use them
        mood.drop(connection)
        mood.create(connection)
        mood.create(connection)  # a type of PostgreSQL looks first
        table.create(connection)  # and so does its table
        meta.drop_all(connection)
        assert types(connection) == []
        color.create(connection)
        with pytest.raises(exc.ProgrammingError, match="already exists"), connection.begin_nested():
            color.create(connection)
        color.create(connection, checkfirst=True)
        color.drop(connection)
        color.drop(connection, checkfirst=True)
        mood.drop(connection)
        assert types(connection) == []
    engine.dispose()


def test_named_types_are_nothing_where_there_are_none() -> None:
    with create_engine("sqlite://").begin() as connection:
        Enum("a", "b", name="ab").create(connection)
        Sequence("numbers").create(connection)
        Enum("a", "b", name="ab").drop(connection)
        Sequence("numbers").drop(connection)
        assert connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar() == 0
