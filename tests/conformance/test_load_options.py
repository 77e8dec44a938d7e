"""Loader options, deferred columns, get, refresh and aliases: what is sent and what is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import Integer, exc, inspect, literal, select, update
from pyorm.orm import (
    DeclarativeBase,
    Load,
    Session,
    aliased,
    defer,
    load_only,
    mapped_column,
    undefer,
    undefer_group,
)
from pyorm.orm.exc import ObjectDeletedError
from tests.conformance.loading import Address, Pair, User, counted, fill


def columns_of(statement: str) -> list[str]:
    """Return the column names between SELECT and FROM."""
    head = statement.split("FROM", maxsplit=1)[0].removeprefix("SELECT ")
    return [part.strip().rpartition(".")[2].strip('"') for part in head.split(",")]


def loaded(instance: Any) -> set[str]:
    """Return the keys that hold values."""
    state = inspect(instance)
    return set(state.mapper.attrs.keys()) - state.unloaded


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (lambda: load_only(User.name), {"id", "name"}),
        (lambda: load_only(User.name, User.bio), {"id", "name", "bio"}),
        (lambda: defer(User.name), {"id", "nick"}),
        (lambda: defer(User.id), {"id", "name", "nick"}),
        (lambda: defer("*"), {"id"}),
        (lambda: undefer(User.bio), {"id", "name", "nick", "bio"}),
        (lambda: undefer("*"), {"id", "name", "nick", "bio", "left", "right"}),
        (lambda: undefer_group("sides"), {"id", "name", "nick", "left", "right"}),
        (lambda: Load(User).load_only(User.nick).undefer(User.bio), {"id", "nick", "bio"}),
        (lambda: Load(User).options(defer(User.nick)), {"id", "name"}),
    ],
)
def test_option_decides_what_is_loaded_when_an_entity_is_selected(
    engine: Any, option: Any, expected: set[str]
) -> None:
    fill(engine, 1)

    with Session(engine) as session, counted(engine) as sent:
        user = session.scalars(select(User).options(option())).one()

        assert loaded(user) == expected
    assert len(columns_of(sent[0])) == len(expected)


def test_left_out_column_is_loaded_alone_when_it_is_read(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine) as session:
        user = session.scalars(select(User).options(load_only(User.name))).one()
        with counted(engine) as sent:
            assert (user.nick, user.nick) == ("u1", "u1")

    assert [columns_of(s) for s in sent] == [["nick_name"]]


@pytest.mark.feature("LOAD21")
def test_left_out_column_is_refused_when_raiseload_was_asked_for(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine) as session:
        user = session.scalars(select(User).options(load_only(User.name, raiseload=True))).one()

        with pytest.raises(exc.InvalidRequestError, match=r"'User\.nick' is not available"):
            _ = user.nick


def test_group_is_loaded_with_one_statement_when_one_of_it_is_read(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine) as session:
        user = session.get(User, 1)
        with counted(engine) as sent:
            assert (user.left, user.right, user.bio) == ("l", "r", "b")

    assert [columns_of(s) for s in sent] == [["left", "right"], ["bio"]]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (lambda: select(Address).options(load_only(User.name)), "does not apply to any of the root entities"),
        (lambda: select(aliased(User)).options(defer(User.name)), "does not apply to any of the root entities"),
        (lambda: select(User.id).options(undefer(User.bio)), "Query has only expression-based entities"),
    ],
)
def test_option_is_refused_when_its_entity_is_not_selected(statement: Any, message: str) -> None:
    with pytest.raises(exc.ArgumentError, match=message):
        str(statement())


def test_options_are_refused_when_they_contradict_each_other() -> None:
    with pytest.raises(exc.InvalidRequestError, match="in conflict with existing strategy"):
        str(select(User).options(undefer(User.bio), defer(User.bio)))


def test_option_is_refused_when_it_names_no_attribute() -> None:
    with pytest.raises(exc.ArgumentError, match="expected ORM mapped attribute"):
        load_only("name")


def test_statements_share_a_compiled_form_when_options_are_equal(engine: Any) -> None:
    fill(engine, 2)

    with Session(engine) as session:
        for number in (1, 2):
            user = session.scalars(
                select(User).where(User.id == number).options(load_only(User.name), undefer_group("sides"))
            ).one()
            assert loaded(user) == {"id", "name", "left", "right"}
        other = session.scalars(select(User).options(load_only(User.nick)).execution_options(
            populate_existing=True).where(User.id == 1)).one()

        assert other.nick == "u1"


def test_alias_is_loaded_as_the_class_when_it_is_selected(engine: Any) -> None:
    fill(engine)
    one, two = aliased(User), aliased(User, name="two")

    with Session(engine) as session:
        rows = session.execute(
            select(one, two).join(two, two.id == one.id + 1).options(load_only(two.name)).order_by(one.id)
        ).all()

        assert [(a.id, b.id) for a, b in rows] == [(1, 2), (2, 3)]
        assert rows[0][1] is rows[1][0]


def test_alias_reads_a_subquery_when_it_is_given_one(engine: Any) -> None:
    fill(engine)
    few = aliased(User, select(User).where(User.id < 3).subquery())

    with Session(engine) as session:
        users = session.scalars(select(few).where(few.name == "user 2")).all()

        assert [type(u) for u in users] == [User]
        assert users == [session.get(User, 2)]


def test_slot_is_expired_when_the_aliased_subquery_lacks_its_column(engine: Any) -> None:
    fill(engine, 1)
    narrow = aliased(User, select(User.id, User.name).subquery())

    with Session(engine) as session:
        user = session.scalars(select(narrow)).one()

        assert loaded(user) == {"id", "name"}
        assert user.nick == "u1"


def test_alias_matches_by_name_when_that_is_asked_for(engine: Any) -> None:
    fill(engine, 1)
    made = select(literal(77).label("id"), literal("x").label("name")).subquery()

    with Session(engine) as session:
        user = session.scalars(select(aliased(User, made, adapt_on_names=True))).one()

        assert (user.id, user.name) == (77, "x")


def test_alias_is_refused_when_its_selectable_has_no_key() -> None:
    with pytest.raises(exc.InvalidRequestError, match="no column for the primary key attribute 'id'"):
        str(select(aliased(User, select(User.name).subquery())))


def test_alias_is_known_to_inspect() -> None:
    alias = aliased(User, name="other")
    insp = inspect(alias)

    assert (insp.mapper, insp.class_, insp.name, insp.entity) == (inspect(User), User, "other", alias)
    assert alias.name.parent is insp
    assert str(alias.name) == "aliased(User).name"


def test_get_sends_one_statement_when_the_instance_is_not_there(engine: Any) -> None:
    fill(engine)

    with Session(engine) as session, counted(engine) as sent:
        user = session.get(User, 2)
        again = session.get(User, 2)
        missing = session.get(User, 99)

    assert user is again
    assert missing is None
    assert len(sent) == 2


def test_get_takes_options_when_they_are_given(engine: Any) -> None:
    fill(engine)

    with Session(engine) as session:
        user = session.get(User, 1, options=[undefer(User.bio), load_only(User.name)])

        assert loaded(user) == {"id", "name", "bio"}


def test_get_finds_a_composite_key(engine: Any) -> None:
    fill(engine)

    with Session(engine) as session:
        assert session.get(Pair, (1, "y")).value == "1y"


def test_expired_instance_is_loaded_with_one_statement_when_it_is_read(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine) as session:
        user = session.get(User, 1)
        session.expire(user)
        with counted(engine) as sent:
            assert (user.name, user.nick, user.id) == ("user 1", "u1", 1)
        assert len(sent) == 1
        session.expire(user, ["nick"])
        with counted(engine) as sent:
            assert user.nick == "u1"

    assert [columns_of(s) for s in sent] == [["nick_name"]]


def test_refresh_brings_what_the_database_has(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine, autoflush=False) as session:
        user = session.get(User, 1)
        session.execute(update(User.__table__).values(name="new"))
        user.nick = "mine"
        session.refresh(user, ["name"])

        assert (user.name, user.nick) == ("new", "mine")
        session.refresh(user)
        assert user.nick == "u1"


def test_refresh_is_refused_when_the_row_is_gone(engine: Any) -> None:
    fill(engine)

    with Session(engine) as session:
        pair = session.get(Pair, (1, "x"))
        session.execute(Pair.__table__.delete())
        session.expire(pair)

        with pytest.raises(ObjectDeletedError, match=r"^Instance '<Pair at .*>' has been deleted"):
            _ = pair.value
        with pytest.raises(exc.InvalidRequestError, match="Could not refresh instance"):
            session.refresh(pair)


def test_late_attribute_is_loaded_when_statements_were_compiled_before(engine: Any) -> None:
    class LateBase(DeclarativeBase):
        pass

    class Late(LateBase):
        __tablename__ = "load_late"
        id = mapped_column(Integer, primary_key=True)

    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE load_late (id INTEGER PRIMARY KEY, more INTEGER)")
        connection.exec_driver_sql("INSERT INTO load_late VALUES (1, 5)")

    with Session(engine) as session:
        session.scalars(select(Late)).one()
        session.get(Late, 2)
        session.expunge_all()
        Late.more = mapped_column(Integer)

        assert session.scalars(select(Late)).one().more == 5
        session.expunge_all()
        assert session.get(Late, 1).more == 5
