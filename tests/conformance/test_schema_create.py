"""MetaData at work: create_all and drop_all, what they leave alone, and what uses the tables."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Connection,
    Engine,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    exc,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from pyorm.schema import (
    AddConstraint,
    CreateIndex,
    CreateSchema,
    CreateTable,
    DropConstraint,
    DropIndex,
    DropSchema,
    DropTable,
)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        yield made


def library() -> MetaData:
    """Return authors, books and a table between them, declared in no order."""
    meta = MetaData()
    Table(
        "written",
        meta,
        Column("author_id", ForeignKey("authors.id"), primary_key=True),
        Column("book_id", ForeignKey("books.id"), primary_key=True),
    )
    Table(
        "books",
        meta,
        Column("id", Integer, primary_key=True),
        Column("title", String(100), nullable=False, index=True),
        Column("series_id", ForeignKey("books.id")),
    )
    Table("authors", meta, Column("id", Integer, primary_key=True), Column("name", Text))
    return meta


@pytest.mark.feature("META05", "META07")
@pytest.mark.parametrize("memory", [True, False])
def test_rows_live_between_create_all_and_drop_all(url: str, memory: bool) -> None:
    if memory and url.startswith("sqlite"):
        url = "sqlite://"
    engine = create_engine(url)
    meta = library()
    books = meta.tables["books"]

    meta.create_all(engine)
    with engine.begin() as connection:
        made = connection.execute(insert(books).values(title="One"))
        connection.execute(insert(books), [
            {"title": "Two", "series_id": 1}, {"title": "Three", "series_id": None},
        ])  # fmt: skip
        connection.execute(update(books).where(books.c.title == "Three").values(title="Third"))
        connection.execute(books.delete().where(books.c.id == 2))
    with engine.connect() as connection:
        rows = connection.execute(select(books).order_by(books.c.id)).all()

    assert made.inserted_primary_key == (1,)
    assert rows == [(1, "One", None), (3, "Third", None)]
    assert [t.name for t in meta.sorted_tables] == ["authors", "books", "written"]
    meta.drop_all(engine)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_what_exists_is_left_alone_when_checked_first(engine: Engine) -> None:
    meta = library()
    meta.create_all(engine, tables=[meta.tables["books"]])
    with engine.begin() as connection:
        connection.execute(meta.tables["books"].insert().values(title="stays"))

    meta.create_all(engine)
    meta.create_all(engine)

    assert set(inspect(engine).get_table_names()) == {"authors", "books", "written"}
    with engine.connect() as connection:
        assert connection.scalar(select(meta.tables["books"].c.title)) == "stays"
    with pytest.raises(exc.DBAPIError, match="already exists"):
        meta.create_all(engine, checkfirst=False)
    meta.drop_all(engine)
    meta.drop_all(engine)
    with pytest.raises(exc.DBAPIError, match=r"(no such table|does not exist)"):
        meta.drop_all(engine, checkfirst=False)


def test_nothing_is_left_when_create_all_fails_on_the_way(engine: Engine) -> None:
    meta = MetaData()
    Table("aaa", meta, Column("id", Integer, primary_key=True))
    Table("bbb", meta, Column("id", Integer), CheckConstraint("nonsense (", name="ck"))

    with pytest.raises(exc.DBAPIError, match=r"syntax error|incomplete input"):
        meta.create_all(engine)

    # SQLite's DDL is its own transaction, as under Python's sqlite3.
    left = ["aaa"] if engine.dialect.name == "sqlite" else []
    assert inspect(engine).get_table_names() == left


@pytest.mark.feature("META11")
def test_single_objects_are_made_when_asked_for(engine: Engine) -> None:
    meta = library()
    books = meta.tables["books"]

    books.create(engine)
    books.create(engine, checkfirst=True)
    index = Index("ix_late", books.c.series_id)
    index.create(engine)

    assert inspect(engine).has_index("books", "ix_late")
    index.drop(engine)
    index.drop(engine, checkfirst=True)
    assert not inspect(engine).has_index("books", "ix_late")
    books.drop(engine)
    books.drop(engine, checkfirst=True)
    assert inspect(engine).get_table_names() == []


@pytest.mark.feature("META26")
def test_tables_that_need_each_other_are_made_when_one_key_comes_later(engine: Engine) -> None:
    meta = MetaData()
    Table(
        "heads",
        meta,
        Column("id", Integer, primary_key=True),
        Column("last_id", Integer,
               ForeignKey("items.id", use_alter=True, name="fk_heads_last")),
    )  # fmt: skip
    Table(
        "items",
        meta,
        Column("id", Integer, primary_key=True),
        Column("head_id", ForeignKey("heads.id", name="fk_items_head")),
    )

    meta.create_all(engine)

    keys = inspect(engine).get_foreign_keys("heads")
    assert [key["name"] for key in keys] == ["fk_heads_last"]
    assert [key["name"] for key in inspect(engine).get_foreign_keys("items")] == ["fk_items_head"]
    meta.drop_all(engine)
    assert inspect(engine).get_table_names() == []


@pytest.mark.feature("META32", "META33")
def test_constraints_carry_the_convention_s_names(engine: Engine) -> None:
    meta = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    Table("roots", meta, Column("id", Integer, primary_key=True))
    Table(
        "leaves",
        meta,
        Column("id", Integer, primary_key=True),
        Column("root_id", ForeignKey("roots.id")),
        Column("a", Integer, index=True),
        Column("b", Integer),
        UniqueConstraint("a", "b"),
        CheckConstraint("a > 0", name="positive"),
    )

    meta.create_all(engine)
    inspector = inspect(engine)

    assert inspector.get_pk_constraint("leaves")["name"] == "pk_leaves"
    assert [k["name"] for k in inspector.get_foreign_keys("leaves")] == ["fk_leaves_root_id_roots"]
    assert [c["name"] for c in inspector.get_unique_constraints("leaves")] == ["uq_leaves_a_b"]
    assert [c["name"] for c in inspector.get_check_constraints("leaves")] == ["ck_leaves_positive"]
    assert "ix_leaves_a" in [i["name"] for i in inspector.get_indexes("leaves")]
    meta.drop_all(engine)


def attach(connection: Connection, *schemas: str) -> None:
    """Make schemas: SQLite's are attached databases."""
    for schema in schemas:
        if connection.dialect.name == "sqlite":
            connection.execute(text(f"ATTACH ':memory:' AS {schema}"))
        else:
            connection.execute(CreateSchema(schema))


def test_tables_of_two_schemas_are_apart_when_they_have_one_name(connection: Connection) -> None:
    attach(connection, "side")
    meta = MetaData()
    columns = (Column("id", Integer, primary_key=True), Column("n", Integer))
    here = Table("things", meta, *columns)
    there = Table("things", meta, Column("id", Integer, primary_key=True),
                  Column("here_id", Integer), schema="side")  # fmt: skip

    meta.create_all(connection)
    connection.execute(here.insert().values(id=1, n=5))
    connection.execute(there.insert().values(id=2, here_id=1))

    far = there.alias("far")
    joined = select(here.c.n, far.c.id).join(far, far.c.here_id == here.c.id)
    assert connection.execute(joined).all() == [(5, 2)]
    assert inspect(connection).get_table_names(schema="side") == ["things"]
    meta.drop_all(connection)
    assert inspect(connection).get_table_names(schema="side") == []


@pytest.mark.feature("CONN20")
def test_schemas_are_translated_when_a_connection_says_so(connection: Connection) -> None:
    attach(connection, "one", "two")
    meta = MetaData()
    things = Table("things", meta, Column("id", Integer, primary_key=True), schema="tenant")
    plain = Table("plain", meta, Column("id", Integer, primary_key=True))
    found = {}

    for schema in ("one", "two"):
        tenant = connection.execution_options(
            schema_translate_map={"tenant": schema, None: schema}
        )
        meta.create_all(tenant)
        tenant.execute(things.insert().values(id=len(schema) + ord(schema[0])))
        tenant.execute(plain.insert().values(id=1))
        tenant.execute(update(plain).values(id=plain.c.id + 1).where(plain.c.id == 1))
        found[schema] = (tenant.scalars(select(things.c.id)).all(),
                         tenant.scalars(select(plain.c.id)).all())  # fmt: skip
    connection.execution_options(schema_translate_map=None)

    assert found == {"one": ([114], [2]), "two": ([119], [2])}
    assert inspect(connection).get_table_names(schema="two") == ["plain", "things"]
    assert connection.scalar(text("SELECT count(*) FROM one.things")) == 1
    with pytest.raises(exc.DBAPIError, match="tenant"):
        connection.execute(select(things.c.id))


def test_schema_map_of_one_statement_is_not_used_for_the_next(connection: Connection) -> None:
    attach(connection, "one", "two")
    meta = MetaData()
    things = Table("things", meta, Column("id", Integer), schema="tenant")
    for schema, value in (("one", 1), ("two", 2)):
        connection.execute(text(f"CREATE TABLE {schema}.things (id INTEGER)"))
        connection.execute(text(f"INSERT INTO {schema}.things VALUES ({value})"))

    answers = [
        connection.scalar(
            select(things.c.id), execution_options={"schema_translate_map": {"tenant": schema}}
        )
        for schema in ("one", "two", "one")
    ]

    assert answers == [1, 2, 1]


@pytest.mark.feature("META36")
def test_generated_column_is_computed_by_the_database(connection: Connection) -> None:
    meta = MetaData()
    squares = Table(
        "squares",
        meta,
        Column("side", Integer, primary_key=True),
        Column("area", Integer, Computed("side * side", persisted=True)),
    )
    meta.create_all(connection)

    connection.execute(squares.insert(), [{"side": 3}, {"side": 4}])
    connection.execute(squares.update().where(squares.c.side == 3).values(side=5))

    assert connection.execute(select(squares).order_by(squares.c.side)).all() == [(4, 16), (5, 25)]
    with pytest.raises(exc.DBAPIError, match=r"generated column|area"):
        connection.execute(squares.insert().values(side=1, area=1))


@pytest.mark.feature("META34")
def test_identity_numbers_rows_as_declared(engine: Engine) -> None:
    meta = MetaData()
    things = Table(
        "things",
        meta,
        Column("id", BigInteger().with_variant(Integer, "sqlite"),
               Identity(start=42, increment=3, always=True), primary_key=True),
        Column("n", Integer),
    )  # fmt: skip
    meta.create_all(engine)
    first, second = (42, 45) if engine.dialect.name == "postgresql" else (1, 2)

    with engine.begin() as connection:
        keys = [connection.execute(things.insert().values(n=n)).inserted_primary_key for n in "12"]

        assert keys == [(first,), (second,)]
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection, pytest.raises(exc.DBAPIError, match="GENERATED ALWAYS"):
            try:
                connection.execute(things.insert().values(id=5, n=1))
            finally:
                connection.rollback()
    meta.drop_all(engine)


@pytest.mark.feature("META35")
def test_sequence_gives_keys_and_values(pg_db: Any) -> None:
    engine = create_engine(pg_db.url)
    meta = MetaData()
    numbers = Sequence("numbers_seq", start=10, increment=5, metadata=meta)
    own = Sequence("own_seq")
    things = Table(
        "things",
        meta,
        Column("id", Integer, own, primary_key=True),
        Column("n", Integer, numbers, server_default=numbers.next_value()),
    )
    meta.create_all(engine)

    with engine.begin() as connection:
        assert connection.scalar(numbers.next_value()) == 10
        made = connection.execute(things.insert())
        assert made.inserted_primary_key == (1,)
        connection.execute(things.insert(), [{}, {}])
        connection.execute(text("INSERT INTO things (id) VALUES (9)"))
        assert connection.scalar(numbers) == 35
        rows = connection.execute(select(things).order_by(things.c.id)).all()

    assert rows == [(1, 15), (2, 20), (3, 25), (9, 30)]
    assert set(inspect(engine).get_sequence_names()) == {"numbers_seq", "own_seq"}
    meta.drop_all(engine)
    assert inspect(engine).get_sequence_names() == []
    engine.dispose()


class Size(enum.Enum):
    small = "S"
    large = "L"


def test_enum_type_is_made_once_and_dropped_with_its_tables(engine: Engine) -> None:
    meta = MetaData()
    size = Enum(Size, name="size_kind")
    shirts = Table("shirts", meta, Column("id", Integer, primary_key=True), Column("size", size))
    Table("socks", meta, Column("id", Integer, primary_key=True), Column("size", size))

    meta.create_all(engine)
    with engine.begin() as connection:
        connection.execute(shirts.insert(), [{"size": Size.large}, {"size": None}])
        kept = connection.scalars(select(shirts.c.size).order_by(shirts.c.id)).all()

    assert kept == [Size.large, None]
    labels = [e["labels"] for e in inspect(engine).get_enums()]
    assert labels == ([["small", "large"]] if engine.dialect.name == "postgresql" else [])
    meta.drop_all(engine)
    assert inspect(engine).get_enums() == []


@pytest.mark.feature("META16")
def test_defaults_fill_what_a_statement_leaves_out(connection: Connection) -> None:
    meta = MetaData()
    counter = iter(range(100))
    things = Table(
        "things",
        meta,
        Column("id", Integer, primary_key=True),
        Column("scalar", Integer, default=7),
        Column("called", Integer, default=lambda: next(counter)),
        Column("asked", Integer, default=lambda context: context.get_current_parameters()["scalar"]),
        Column("sql", Integer, default=select(func.abs(-9)).scalar_subquery()),
        Column("server", String(10), server_default="it's"),
        Column("changed", Integer, default=0, onupdate=lambda: 50),
        Column("changed_sql", Integer, onupdate=func.abs(-3)),
    )
    meta.create_all(connection)

    made = connection.execute(things.insert())
    connection.execute(things.insert(), [{"scalar": 8}, {"scalar": 9}])
    connection.execute(things.insert().values([{"scalar": 1}, {"scalar": 2}]))
    connection.execute(things.insert().values(scalar=None, called=None))
    connection.execute(things.update().where(things.c.id == 2).values(scalar=80))
    rows = connection.execute(select(things).order_by(things.c.id)).all()

    assert [tuple(row) for row in rows] == [
        (1, 7, 0, 7, 9, "it's", 0, None),
        (2, 80, 1, 8, 9, "it's", 50, 3),
        (3, 9, 2, 9, 9, "it's", 0, None),
        (4, 1, 3, 1, 9, "it's", 0, None),
        (5, 2, 4, 2, 9, "it's", 0, None),
        (6, None, None, None, 9, "it's", 0, None),
    ]
    assert made.last_inserted_params()["called"] == 0
    assert made.inserted_primary_key == (1,)


@pytest.mark.feature("META15")
def test_columns_go_by_their_keys_when_names_differ(connection: Connection) -> None:
    meta = MetaData()
    things = Table(
        "things",
        meta,
        Column("thing_id", Integer, primary_key=True, key="id"),
        Column("Their Name", String(10), key="name"),
    )
    meta.create_all(connection)

    connection.execute(things.insert().values(id=1, name="a"))
    connection.execute(things.insert(), [{"id": 2, "name": "b"}, {"id": 3, "name": "c"}])
    connection.execute(things.update().where(things.c.id == 3).values({things.c.name: "d"}))
    rows = connection.execute(things.select().order_by(things.c.id)).all()

    assert rows == [(1, "a"), (2, "b"), (3, "d")]
    assert rows[0]._mapping[things.c.name] == "a"
    assert [c["name"] for c in inspect(connection).get_columns("things")] == [
        "thing_id", "Their Name",
    ]  # fmt: skip


def test_composite_key_is_given_back_when_a_row_is_inserted(connection: Connection) -> None:
    meta = MetaData()
    pairs = Table(
        "pairs",
        meta,
        Column("a", Integer),
        Column("b", String(5), default="dflt"),
        PrimaryKeyConstraint("b", "a"),
    )
    meta.create_all(connection)

    made = connection.execute(pairs.insert().values(a=1))
    many = connection.execute(pairs.insert(), [{"a": 2, "b": "x"}, {"a": 3, "b": "y"}])

    assert made.inserted_primary_key == ("dflt", 1)
    assert made.inserted_primary_key._fields == ("b", "a")
    assert many.inserted_primary_key_rows == [("x", 2), ("y", 3)]
    with pytest.raises(exc.InvalidRequestError, match="executemany"):
        many.inserted_primary_key  # noqa: B018 - the look is the act


@pytest.mark.feature("DDL01", "DDL02")
def test_ddl_objects_are_executed_as_statements(connection: Connection) -> None:
    meta = library()
    books = meta.tables["books"]
    index = Index("ix_books_two", books.c.title, books.c.series_id)
    books.indexes.discard(index)

    connection.execute(CreateTable(books))
    connection.execute(CreateTable(books, if_not_exists=True))
    connection.execute(CreateIndex(index))
    connection.execute(CreateIndex(index, if_not_exists=True))
    assert inspect(connection).has_index("books", "ix_books_two")
    connection.execute(DropIndex(index))
    connection.execute(DropIndex(index, if_exists=True))
    if connection.dialect.name == "postgresql":
        unique = UniqueConstraint(books.c.title, name="uq_title")
        connection.execute(AddConstraint(unique))
        assert len(inspect(connection).get_unique_constraints("books")) == 1
        connection.execute(DropConstraint(unique))
        connection.execute(DropConstraint(unique, if_exists=True))
        connection.execute(CreateSchema("fresh"))
        connection.execute(CreateSchema("fresh", if_not_exists=True))
        connection.execute(DropSchema("fresh", cascade=True))
        connection.execute(DropSchema("fresh", if_exists=True))
    connection.execute(DropTable(books))
    connection.execute(DropTable(books, if_exists=True))

    assert inspect(connection).get_table_names() == []


@pytest.mark.feature("DDL03", "DDL08")
def test_listeners_run_around_create_and_drop(engine: Engine) -> None:
    meta = library()
    books = meta.tables["books"]
    heard: list[str] = []
    for name in ("before_create", "after_create", "before_drop", "after_drop"):
        event.listen(books, name, lambda target, bind, _n=name, **kw: heard.append(_n))
        event.listen(meta, name, lambda target, bind, _n=name, **kw: heard.append(f"all {_n}"))
    event.listen(
        books, "after_create", DDL("CREATE INDEX by_ddl ON %(table)s (title)").execute_if(
            dialect=("sqlite", "postgresql")
        ),
    )  # fmt: skip
    event.listen(books, "after_create", DDL("nonsense").execute_if(dialect="mysql"))

    meta.create_all(engine)
    assert inspect(engine).has_index("books", "by_ddl")
    meta.drop_all(engine)

    assert heard == [
        "all before_create", "before_create", "after_create", "all after_create",
        "all before_drop", "before_drop", "after_drop", "all after_drop",
    ]  # fmt: skip


def test_percent_signs_stay_when_they_are_in_a_definition(connection: Connection) -> None:
    meta = MetaData()
    table = Table(
        "per%cent",
        meta,
        Column("a%b", Integer, CheckConstraint('"a%b" % 2 = 0', name="even%s")),
        Column("c", String(10), server_default="5%"),
    )
    meta.create_all(connection)

    connection.execute(table.insert().values({"a%b": 4}))

    assert connection.execute(select(table)).all() == [(4, "5%")]
    assert inspect(connection).get_check_constraints("per%cent")[0]["name"] == "even%s"


def test_keys_over_several_columns_are_kept(engine: Engine) -> None:
    meta = MetaData()
    Table("t", meta, Column("a", Integer, primary_key=True), Column("b", Integer, primary_key=True))
    Table(
        "r",
        meta,
        Column("id", Integer, primary_key=True),
        Column("x", Integer),
        Column("y", Integer),
        ForeignKeyConstraint(["x", "y"], ["t.a", "t.b"], name="fk_both", ondelete="CASCADE"),
    )
    meta.create_all(engine)

    (key,) = inspect(engine).get_foreign_keys("r")

    assert (key["name"], key["constrained_columns"], key["referred_columns"]) == (
        "fk_both", ["x", "y"], ["a", "b"],
    )  # fmt: skip
    assert key["options"] == {"ondelete": "CASCADE"}
    meta.drop_all(engine)
