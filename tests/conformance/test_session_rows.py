"""execute() of INSERT and UPDATE of a mapped class with rows from dicts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyorm import Integer, String, event, exc, insert, select, update
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column
from pyorm.orm.exc import StaleDataError


class Base(DeclarativeBase):
    """Base of this file's class."""


class Car(Base):
    """A row whose attribute `name` is the column `title`."""

    __tablename__ = "cars"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column("title", String(50))
    doors: Mapped[int | None] = mapped_column(Integer)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session; cars 1, 2, 3 named a, b, c."""
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        made.execute(insert(Car), [{"id": i, "name": name} for i, name in enumerate("abc", 1)])
        made.commit()
        yield made


def rows_of(session: Session) -> list[tuple[object, ...]]:
    """Return all rows by primary key."""
    return [tuple(row) for row in session.execute(select(Car.name, Car.doors).order_by(Car.id))]


class TestInsert:
    def test_dicts_name_attributes_when_columns_are_called_otherwise(self, session: Session) -> None:
        session.execute(insert(Car), {"id": 10, "name": "d"})
        session.execute(insert(Car), [{"id": 11, "name": "e"}, {"id": 12, "name": "f"}])

        assert [name for name, _ in rows_of(session)] == list("abcdef")

    def test_no_value_is_lost_when_dicts_have_different_keys(self, session: Session) -> None:
        session.execute(
            insert(Car),
            [{"id": 10, "name": "d"}, {"id": 11, "name": "e", "doors": 5}, {"id": 12, "name": "f"}],
        )

        assert rows_of(session)[3:] == [("d", None), ("e", 5), ("f", None)]

    def test_result_has_no_rows_when_nothing_is_returned(self, session: Session) -> None:
        result = session.execute(insert(Car), [{"id": 10, "name": "d"}])

        with pytest.raises(exc.ResourceClosedError, match="does not return rows"):
            result.all()


class TestUpdate:
    def test_each_row_changes_by_its_key_when_dicts_hold_it(self, session: Session) -> None:
        statements: list[tuple[str, bool]] = []
        listener = lambda conn, cursor, sql, params, context, many: statements.append((sql[:6], many))  # noqa: E731
        event.listen(session.bind, "before_cursor_execute", listener)
        session.execute(update(Car), [{"id": 1, "name": "x"}, {"id": 3, "name": "z"}])
        event.remove(session.bind, "before_cursor_execute", listener)

        assert rows_of(session) == [("x", None), ("b", None), ("z", None)]
        assert statements == [("UPDATE", True)]

    def test_loaded_objects_follow_when_their_row_is_updated(self, session: Session) -> None:
        first, second = session.get(Car, 1), session.get(Car, 2)

        session.execute(update(Car), [{"id": 1, "name": "x"}])

        assert (first.name, second.name) == ("x", "b")
        assert not session.dirty

    @pytest.mark.parametrize("mode", [None, False])
    def test_loaded_objects_stay_when_nothing_is_synchronized(
        self, session: Session, mode: object
    ) -> None:
        first = session.get(Car, 1)

        options = {"synchronize_session": mode}
        session.execute(update(Car), [{"id": 1, "name": "x"}], execution_options=options)

        assert first.name == "a"

    def test_values_of_the_statement_are_for_all_rows_when_given(self, session: Session) -> None:
        session.execute(update(Car).values(doors=3), [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}])

        assert rows_of(session) == [("x", 3), ("y", 3), ("c", None)]

    def test_rows_may_set_different_attributes_when_they_are_in_one_list(self, session: Session) -> None:
        session.execute(
            update(Car), [{"id": 1, "name": "x"}, {"id": 2, "doors": 2}, {"id": 3, "other": 1}]
        )

        assert rows_of(session) == [("x", None), ("b", 2), ("c", None)]

    def test_stale_data_error_when_a_key_has_no_row(self, session: Session) -> None:
        with pytest.raises(StaleDataError, match=r"expected to update 2 row\(s\); 1 were matched"):
            session.execute(update(Car), [{"id": 1, "name": "x"}, {"id": 99, "name": "y"}])

    @pytest.mark.parametrize("row", [{"name": "x"}, {"id": None, "name": "x"}])
    def test_error_names_the_columns_when_the_key_is_missing(
        self, session: Session, row: dict[str, object]
    ) -> None:
        with pytest.raises(exc.InvalidRequestError, match=r"No primary key value supplied for .*cars\.id"):
            session.execute(update(Car), [row])

    def test_a_criterion_needs_synchronize_none_when_rows_go_by_key(self, session: Session) -> None:
        statement = update(Car).where(Car.doors.is_(None))
        rows = [{"id": 1, "name": "x"}]

        with pytest.raises(exc.InvalidRequestError, match="additional WHERE criteria"):
            session.execute(statement, rows)
        session.execute(statement, rows, execution_options={"synchronize_session": None})

        assert rows_of(session)[0] == ("x", None)

    def test_fetch_is_refused_when_rows_go_by_key(self, session: Session) -> None:
        options = {"synchronize_session": "fetch"}

        with pytest.raises(exc.InvalidRequestError, match="'fetch' synchronization strategy"):
            session.execute(update(Car), [{"id": 1, "name": "x"}], execution_options=options)

    def test_parameters_are_plain_when_the_strategy_is_core_only(self, session: Session) -> None:
        statement = update(Car).where(Car.id == 2)
        options = {"dml_strategy": "core_only"}

        session.execute(statement, [{"title": "x"}], execution_options=options)

        assert rows_of(session) == [("a", None), ("x", None), ("c", None)]
