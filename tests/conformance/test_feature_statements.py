"""Windows, column lists, late values and names of statements: one test a feature, on both databases."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pyorm import (
    Column,
    Connection,
    Date,
    Engine,
    ForeignKey,
    FrameClause,
    FrameClauseType,
    Integer,
    MetaData,
    Table,
    bindparam,
    column,
    create_engine,
    delete,
    exc,
    func,
    insert,
    literal,
    select,
    table,
    text,
    union,
    update,
)

META = MetaData()
PARENTS = Table("parents", META, Column("id", Integer, primary_key=True), Column("n", Integer))
CHILDREN = Table(
    "children", META,
    Column("id", Integer, ForeignKey("parents.id"), primary_key=True), Column("z", Integer),
)  # fmt: skip


@pytest.fixture
def connection(engine: Engine) -> Any:
    META.create_all(engine)
    with engine.begin() as made:
        made.execute(insert(PARENTS), [{"id": i, "n": i * 10} for i in range(1, 6)])
        made.execute(insert(CHILDREN), [{"id": i, "z": i * 10} for i in (1, 2)])
    with engine.connect() as made:
        yield made


@pytest.mark.feature("EXPR31")
def test_windows_have_frames_of_every_unit(connection: Connection) -> None:
    total = func.sum(PARENTS.c.n)
    by_id = PARENTS.c.id

    def ask(**frame: Any) -> list[Any]:
        return list(connection.execute(select(total.over(order_by=by_id, **frame)).order_by(by_id)).scalars())

    assert ask() == [10, 30, 60, 100, 150]
    assert ask(rows=(-1, 1)) == [30, 60, 90, 120, 90]
    assert ask(rows=(None, None)) == [150] * 5
    assert ask(rows=(0, None)) == [150, 140, 120, 90, 50]
    assert ask(range_=(-1, 0)) == ask(groups=(-1, 0)) == ask(rows=(-1, 0)) == [10, 30, 50, 70, 90]
    assert ask(rows=(-1, 1), exclude="CURRENT ROW") == [20, 40, 60, 80, 40]
    kind = FrameClauseType
    two_before = FrameClause(2, None, kind.PRECEDING, kind.CURRENT)
    assert ask(rows=two_before) == [10, 30, 60, 90, 120]
    assert ask(range_=FrameClause(1, None, kind.FOLLOWING, kind.UNBOUNDED)) == [140, 120, 90, 50, None]
    parted = select(func.row_number().over(partition_by=PARENTS.c.id % 2, order_by=by_id.desc())).order_by(by_id)
    assert connection.execute(parted).scalars().all() == [3, 2, 2, 1, 1]


def test_frames_have_bounds_of_any_type(pg_db: Any) -> None:
    days = Table("days", MetaData(), Column("day", Date, primary_key=True), Column("n", Integer))
    kind = FrameClauseType
    engine = create_engine(pg_db.url)
    with engine.begin() as connection:
        days.create(connection)
        first = dt.date(2024, 1, 1)
        rows = [{"day": first + dt.timedelta(days=d), "n": d} for d in (0, 1, 5, 6)]
        connection.execute(insert(days), rows)
        frame = FrameClause(dt.timedelta(days=1), None, kind.PRECEDING, kind.CURRENT)
        asked = select(func.sum(days.c.n).over(order_by=days.c.day, range_=frame)).order_by(days.c.day)

        assert connection.execute(asked).scalars().all() == [0, 1, 5, 11]
    engine.dispose()


def test_frames_are_checked_where_they_are_made() -> None:
    kind = FrameClauseType
    total = func.sum(PARENTS.c.n)

    with pytest.raises(exc.ArgumentError, match="Cannot specify a value for start with frame type CURRENT"):
        FrameClause(1, None, kind.CURRENT, kind.UNBOUNDED)
    with pytest.raises(exc.ArgumentError, match="A value is needed for end with frame type FOLLOWING"):
        FrameClause(None, None, kind.CURRENT, kind.FOLLOWING)
    with pytest.raises(exc.ArgumentError, match="Literal Python value expected"):
        FrameClause(func.now(), None, kind.PRECEDING, kind.CURRENT)
    with pytest.raises(exc.ArgumentError, match="a FrameClauseType is expected for the end's type"):
        FrameClause(None, None, kind.CURRENT, 1)  # type: ignore[arg-type]
    with pytest.raises(exc.ArgumentError, match="only one of 'rows', 'range_', or 'groups' may be provided"):
        total.over(rows=(None, 0), groups=(None, 0))
    with pytest.raises(exc.ArgumentError, match="Integer or None expected for values in rows/groups frame"):
        total.over(rows=("a", 0))
    with pytest.raises(exc.ArgumentError, match="To specify a different type use the FrameClause directly"):
        total.over(range_=(-1.5, 0))
    with pytest.raises(exc.ArgumentError, match="'exclude' requires that one of"):
        total.over(exclude="TIES")
    with pytest.raises(exc.ArgumentError, match="2-tuple expected"):
        total.over(rows=(1, 2, 3))


def test_columns_that_equal_another_one_are_left_out(connection: Connection) -> None:
    joined = select(PARENTS, CHILDREN).join(CHILDREN)
    by_where = select(PARENTS, CHILDREN).where(PARENTS.c.n == CHILDREN.c.z, PARENTS.c.id > 1)

    assert list(connection.execute(joined.reduce_columns().order_by(PARENTS.c.id)).keys()) == ["id", "n", "z"]
    assert connection.execute(joined.reduce_columns().order_by(PARENTS.c.id)).all() == [(1, 10, 10), (2, 20, 20)]
    assert connection.execute(by_where.reduce_columns()).all() == [(2, 20, 20)]
    assert connection.execute(by_where.reduce_columns(only_synonyms=False)).all() == [(2, 20)]
    plain = select(PARENTS.c.id, CHILDREN.c.z)
    assert list(connection.execute(plain.reduce_columns()).keys()) == ["id", "z"]


def test_values_come_late_wherever_the_parameter_stands(connection: Connection) -> None:
    base = select(PARENTS.c.id).where(PARENTS.c.n == bindparam("q"))

    def ask(statement: Any, *given: Any) -> list[Any]:
        return list(connection.execute(statement, *given).scalars())

    assert ask(base.params(q=20)) == [2]
    assert ask(base.params({"q": 20})) == [2]
    assert ask(base.params(q=20), {"q": 30}) == [3]
    assert ask(base.params(q=20).params(q=40)) == [4]
    assert ask(base.params(q=20).where(PARENTS.c.id > 0)) == [2]
    given = base.params(q=20)
    assert ask(select(given.subquery())) == ask(select(given.cte())) == [2]
    assert ask(select(given.scalar_subquery())) == [2]
    assert ask(select(PARENTS.c.id).where(PARENTS.c.id.in_(given))) == [2]
    assert ask(union(given, select(literal(2)))) == [2]
    assert ask(select(given.subquery()).params(q=50)) == [5]
    assert ask(union(base, given).params(q=30)) == [3]
    assert ask(select(PARENTS.c.id).where(PARENTS.c.id.in_(bindparam("v", expanding=True))).params(v=[1, 4])) == [1, 4]
    assert ask(text("SELECT id FROM parents WHERE n = :a").params(a=50)) == [5]
    connection.execute(update(PARENTS).values(n=given.scalar_subquery()).where(PARENTS.c.id == 1))
    assert ask(select(PARENTS.c.n).where(PARENTS.c.id == 1)) == [2]
    assert select(given.subquery()).compile().params == {"q": 20}
    for statement in (insert(PARENTS), update(PARENTS), delete(PARENTS)):
        with pytest.raises(NotImplementedError, match="params\\(\\) is not supported for INSERT/UPDATE/DELETE"):
            statement.params(n=1)


def test_rows_and_subqueries_name_what_has_no_name(connection: Connection) -> None:
    t = table("parents", column("id", Integer), column("n", Integer))

    result = connection.execute(select(-t.c.n, t.c.n, func.max(t.c.id), literal(1), t.c.id + 1).group_by(t.c.id, t.c.n))
    assert list(result.keys()) == ["n", "n", "max_1", "anon_1", "anon_2"]
    below = select(-t.c.n, func.max(t.c.id), literal(1), text("2"), t.c.id + 1, t.c.id, t.c.id)
    assert below.subquery().c.keys() == ["_no_label", "max", "_no_label_1", "_no_label_2", "id", "id_1"]
    assert below.selected_columns.keys() == ["_no_label", "max", "_no_label_1", "_no_label_2", "id", "id_1"]
    inside = select((-t.c.n).label("neg"), -t.c.id).where(t.c.id == 3).subquery("s")
    assert connection.execute(select(inside)).one() == (-30, -3)
    assert "-parents.id AS anon_1" in str(select(inside))
    twice = select(t.c.id.label("a"), t.c.n.label("a")).subquery()
    with pytest.raises(exc.InvalidRequestError, match="Label name a is being renamed to an anonymous label"):
        twice.c  # noqa: B018 - the access raises


def test_rows_of_many_sets_have_only_the_keys_that_were_given(connection: Connection) -> None:
    fresh = Table("fresh", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer))
    fresh.create(connection)

    given = connection.execute(insert(fresh), [{"id": 50 + i, "n": i} for i in range(3)])
    made = connection.execute(insert(fresh), [{"n": i} for i in range(3)])

    assert [tuple(row) for row in given.inserted_primary_key_rows] == [(50,), (51,), (52,)]
    assert [tuple(row) for row in made.inserted_primary_key_rows] == [(None,), (None,), (None,)]
    with pytest.raises(exc.InvalidRequestError, match="This statement was an executemany call"):
        made.inserted_primary_key  # noqa: B018 - the access raises
