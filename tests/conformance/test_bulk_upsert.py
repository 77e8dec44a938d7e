"""Rows that are written or met: INSERT ... ON CONFLICT with entities, defaults of the program, strategies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import bindparam, event, insert, select, update
from pyorm.dialects import postgresql, sqlite
from pyorm.exc import ArgumentError, InvalidRequestError
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column
from pyorm.orm.exc import StaleDataError

counted = iter(range(100, 10_000))


class Base(DeclarativeBase):
    """The registry of these tests."""


class Part(Base):
    __tablename__ = "upsert_parts"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column("kode", unique=True)
    name: Mapped[str | None]
    made: Mapped[int | None] = mapped_column(default=lambda: next(counted))
    touched: Mapped[int | None] = mapped_column(onupdate=lambda: 77)
    stock: Mapped[str | None] = mapped_column(server_default="none")


@pytest.fixture
def session(engine: Any) -> Iterator[Session]:
    """Two parts, 1 and 2."""
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        made.add_all([Part(id=n, code=f"c{n}", name=f"n{n}", made=n) for n in (1, 2)])
        made.commit()
        yield made


def upsert(session: Session) -> Any:
    """Return the INSERT of the session's database that can meet rows."""
    return (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(Part)


@pytest.mark.feature("BULK05")
class TestUpsert:
    @pytest.mark.parametrize("fresh", [True, False])
    def test_entities_come_back_when_rows_are_met_or_inserted(self, session: Session, fresh: bool) -> None:
        known = session.get_one(Part, 1)
        statement = upsert(session).values(
            [{"id": 1, "code": "c1", "name": "met"}, {"id": 9, "code": "c9", "name": "new"}]
        )
        statement = statement.on_conflict_do_update(
            index_elements=[Part.id], set_={"name": statement.excluded.name}
        ).returning(Part)

        found = session.scalars(statement, execution_options={"populate_existing": fresh}).all()

        assert {one.id: one.name for one in found} == {1: "met" if fresh else "n1", 9: "new"}
        assert known in found
        session.expire_all()
        assert known.name == "met"

    def test_a_row_is_met_by_another_key_when_the_index_says_so(self, session: Session) -> None:
        statement = upsert(session)
        statement = statement.on_conflict_do_update(
            index_elements=[Part.code], set_={"name": statement.excluded.name}, where=Part.id < 5
        ).returning(Part)
        given = [{"id": 21, "code": "c2", "name": "met"}, {"id": 22, "code": "c22", "name": "new"}]

        found = session.scalars(statement, given, execution_options={"populate_existing": True}).all()

        assert sorted((one.id, one.name) for one in found) == [(2, "met"), (22, "new")]

    def test_only_new_rows_come_back_when_conflicts_do_nothing(self, session: Session) -> None:
        statement = upsert(session).on_conflict_do_nothing(index_elements=[Part.code]).returning(Part)

        found = session.scalars(statement, [{"id": 31, "code": "c1"}, {"id": 32, "code": "c32"}]).all()

        assert [one.id for one in found] == [32]


@pytest.mark.feature("BULK09")
def test_defaults_of_the_program_are_made_when_rows_are_written_in_bulk(session: Session) -> None:
    rows = [{"id": n, "code": f"c{n}"} for n in (11, 12)]
    session.execute(insert(Part), rows)
    session.bulk_insert_mappings(Part, [{"id": 13, "code": "c13"}, {"id": 14, "code": "c14", "made": 0}])
    session.bulk_save_objects([Part(id=15, code="c15")])
    session.execute(insert(Part).values(id=16, code="c16"))
    made = session.execute(select(Part.id, Part.made, Part.stock).where(Part.id > 10).order_by(Part.id)).all()

    assert [row.stock for row in made] == ["none"] * 6
    values = [row.made for row in made]
    assert values[3] == 0 and len(set(values)) == 6
    assert all(value >= 100 for n, value in enumerate(values) if n != 3)


@pytest.mark.feature("BULK09")
@pytest.mark.parametrize("way", ["rows", "mappings", "criteria", "given"])
def test_onupdate_is_made_when_rows_are_changed_in_bulk(session: Session, way: str) -> None:
    if way == "rows":
        session.execute(update(Part), [{"id": 1, "name": "x"}])
    elif way == "mappings":
        session.bulk_update_mappings(Part, [{"id": 1, "name": "x"}])
    elif way == "criteria":
        session.execute(update(Part).where(Part.id == 1).values(name="x"))
    else:
        session.execute(update(Part), [{"id": 1, "name": "x", "touched": 5}])

    rows = session.execute(select(Part.name, Part.touched).order_by(Part.id)).all()
    assert rows == [("x", 5 if way == "given" else 77), ("n2", None)]


@pytest.mark.parametrize("way", ["mappings", "rows"])
def test_an_update_is_stale_when_a_key_has_no_row(session: Session, way: str) -> None:
    given = [{"id": 1, "name": "x"}, {"id": 99, "name": "y"}]

    with pytest.raises(StaleDataError, match=r"expected to update 2 row\(s\); 1 were matched"):
        if way == "mappings":
            session.bulk_update_mappings(Part, given)
        else:
            session.execute(update(Part), given)
    with pytest.raises(InvalidRequestError, match="No primary key value supplied"):
        session.bulk_update_mappings(Part, [{"name": "x"}])


@pytest.mark.feature("BULK07")
class TestOptions:
    @pytest.mark.parametrize("strategy", ["auto", "bulk"])
    def test_rows_are_named_by_attribute_when_a_strategy_is_given(self, session: Session, strategy: str) -> None:
        statement = insert(Part).execution_options(dml_strategy=strategy)
        session.execute(statement, [{"id": 41, "code": "c41"}, {"id": 42, "code": "c42"}])

        assert session.scalars(select(Part.code).where(Part.id > 40).order_by(Part.id)).all() == ["c41", "c42"]

    @pytest.mark.parametrize("strategy", ["orm", "raw"])
    def test_inserted_rows_are_named_by_column_when_the_strategy_says_so(self, session: Session, strategy: str) -> None:
        statement = insert(Part).execution_options(dml_strategy=strategy)
        session.execute(statement, [{"id": 41, "kode": "c41"}, {"id": 42, "kode": "c42"}])

        assert session.scalars(select(Part.code).where(Part.id > 40).order_by(Part.id)).all() == ["c41", "c42"]

    @pytest.mark.parametrize("strategy", ["core_only", "orm"])
    def test_several_sets_run_with_their_criterion_when_the_strategy_is_not_bulk(
        self, session: Session, strategy: str
    ) -> None:
        statement = update(Part).where(Part.id == bindparam("which")).values(code=bindparam("new"))
        options = {"dml_strategy": strategy, "synchronize_session": None}
        session.execute(statement, [{"which": 1, "new": "y"}, {"which": 2, "new": "z"}], execution_options=options)

        assert session.scalars(select(Part.code).order_by(Part.id)).all() == ["y", "z"]

    def test_bulk_is_refused_when_the_rows_stand_in_the_statement(self, session: Session) -> None:
        statement = insert(Part).values([{"id": 41, "code": "c41"}]).execution_options(dml_strategy="bulk")

        with pytest.raises(InvalidRequestError, match='"bulk" ORM insert strategy without passing separate parameters'):
            session.execute(statement)

    def test_a_strategy_is_refused_when_it_does_not_exist(self, session: Session) -> None:
        options = {"dml_strategy": "fast"}
        for statement in (insert(Part), update(Part)):
            with pytest.raises(ArgumentError, match="Valid strategies for ORM"):
                session.execute(statement, [{"id": 1, "code": "q"}], execution_options=options)

    def test_nulls_are_written_when_render_nulls_is_given(self, session: Session) -> None:
        rows = [{"id": 51, "code": "c51", "stock": None}, {"id": 52, "code": "c52", "stock": "much"}]
        heard: list[str] = []
        event.listen(session.get_bind(), "before_cursor_execute", lambda c, k, sql, *_: heard.append(sql))
        session.execute(insert(Part).execution_options(render_nulls=True), rows)

        assert len(heard) == 1
        session.bulk_insert_mappings(Part, [{"id": 53, "code": "c53", "stock": None}], render_nulls=True)
        session.bulk_insert_mappings(Part, [{"id": 54, "code": "c54", "stock": None}])
        found = session.scalars(select(Part.stock).where(Part.id > 50).order_by(Part.id)).all()
        assert found == [None, "much", None, "none"]

    def test_keys_come_back_in_order_when_return_defaults_is_given(self, session: Session) -> None:
        parts = [Part(id=60, code="c60"), Part(id=61, code="c61")]
        rows: list[dict[str, Any]] = [{"id": 62, "code": "c62"}]
        session.bulk_save_objects(parts, return_defaults=True, preserve_order=False)
        session.bulk_insert_mappings(Part, rows, return_defaults=True)

        assert [part.id for part in parts] == [60, 61] and rows[0]["id"] == 62
        assert session.scalars(select(Part.code).where(Part.id >= 60).order_by(Part.id)).all() == ["c60", "c61", "c62"]
