"""Building and compiling statements while memory runs out."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from pyorm import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    bindparam,
    case,
    cast,
    column,
    delete,
    exc,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    tuple_,
    union,
    update,
)
from pyorm.dialects import postgresql, sqlite
from tests.faults.walk import Outcome, Work, piece

META = MetaData()
USERS = Table(
    "users", META, Column("id", Integer, primary_key=True), Column("name", String), Column("age", Integer)
)
ITEMS = Table("items", META, Column("id", Integer, primary_key=True), Column("owner", Integer))
DOCUMENTS = Table("documents", META, Column("d", postgresql.JSONB))
Steps = Generator[Work, Outcome, None]


def big_select() -> Any:
    """A statement with a bit of everything."""
    inner = select(ITEMS.c.owner, func.count().label("n")).group_by(ITEMS.c.owner).cte("counts")
    other = USERS.alias("other")
    return (
        select(USERS.c.name, inner.c.n, case((USERS.c.age > 3, "old"), else_="young").label("kind"))
        .select_from(USERS.join(inner, inner.c.owner == USERS.c.id).outerjoin(other, other.c.id < USERS.c.id))
        .where(or_(USERS.c.name.like("a%"), and_(USERS.c.age.between(1, 2), ~USERS.c.name.in_(["x", "y"]))))
        .where(exists().where(ITEMS.c.owner == USERS.c.id), USERS.c.id.in_(select(ITEMS.c.id)))
        .where(tuple_(USERS.c.id, USERS.c.age) == tuple_(literal(1), 2), USERS.c.name == bindparam("who", "me"))
        .group_by(USERS.c.name).having(func.max(USERS.c.age) > 1)
        .order_by(USERS.c.name.desc().nulls_last(), cast(USERS.c.age, String)).limit(3).offset(1)
    )  # fmt: skip


def refused(statement: Any) -> str:
    """The words of a statement that cannot be compiled."""
    try:
        return str(statement)
    except exc.CompileError as error:
        return str(error)


def expect(outcome: Outcome, work: Work) -> None:
    """What came out is what comes out now."""
    again = work()
    assert not outcome.done or outcome.value == again, (outcome.value, again)


@piece()
def build_expressions(url: str) -> Steps:
    def work() -> Any:
        return str(big_select())

    expect((yield work), work)


@piece()
def compile_for_each_dialect(url: str) -> Steps:
    statement = big_select()

    def work() -> Any:
        texts = []
        for dialect in (postgresql.dialect(), sqlite.dialect()):
            compiled = statement.compile(dialect=dialect)
            texts.append((str(compiled), dict(compiled.params)))
        return texts

    expect((yield work), work)


@piece()
def compile_literals(url: str) -> Steps:
    document = column("doc", postgresql.JSONB)
    statement = select(USERS).where(
        USERS.c.name == "o'x", USERS.c.age.in_([1, 2]), USERS.c.id.not_in([]),
        tuple_(USERS.c.id, USERS.c.name).in_([(1, "a")]), document["a", "b c"].astext == "x",
    )  # fmt: skip

    def work() -> Any:
        return [
            str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
            for dialect in (postgresql.dialect(), sqlite.dialect())
        ]

    expect((yield work), work)


@piece()
def change_statements(url: str) -> Steps:
    def work() -> Any:
        return [
            str(insert(USERS).values([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]).returning(USERS.c.id)),
            str(insert(USERS).from_select(["id"], select(ITEMS.c.id))),
            str(update(USERS).where(USERS.c.id == 3).values({USERS.c.age: USERS.c.age + 1, "name": func.lower("X")})),
            str(delete(USERS).where(USERS.c.id == ITEMS.c.owner)),
            str(insert(USERS).values(name="a").return_defaults("age", supplemental_cols=[USERS.c.id])),
            str(update(DOCUMENTS).values({DOCUMENTS.c.d["a"][1]: 5}).compile(dialect=postgresql.dialect())),
            refused(insert(USERS).values([{"id": 1, "name": "a"}, {"id": 2}])),
            refused(insert(USERS).values([{"id": 1}, {"id": 2, "name": "a"}])),
            str(union(select(USERS.c.id), select(ITEMS.c.id)).order_by("id")),
            str(text("SELECT :a, :b").bindparams(a=1, b=2).columns(a=Integer, b=String)),
        ]

    expect((yield work), work)


@piece()
def upsert(url: str) -> Steps:
    def work() -> Any:
        texts = []
        for dialect in (postgresql, sqlite):
            statement = dialect.insert(USERS).values(id=1, name="a")
            statement = statement.on_conflict_do_update(
                index_elements=[USERS.c.id], set_={"name": statement.excluded.name}, where=USERS.c.age > 1
            )
            texts.append(str(statement.compile(dialect=dialect.dialect())))
        return texts

    expect((yield work), work)


@piece(kinds=("core",))
def declare_tables(url: str) -> Steps:
    def work() -> Any:
        meta = MetaData()
        table = Table("t", meta, Column("a", Integer, primary_key=True), Column("b", String(3), index=True))
        return [column.name for column in table.c], list(meta.tables)

    expect((yield work), work)
