"""Rows become instances: identity, known instances, names, errors; on both databases."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest

from pyorm import _core, event, exc, func, inspect, select, text, update
from pyorm.orm import QueryContext, Session, aliased
from tests.conformance.loading import Address, Pair, User, counted, fill


def test_entities_are_loaded_with_one_statement_when_selected(engine: Any) -> None:
    fill(engine)

    with Session(engine) as session, counted(engine) as sent:
        users = session.scalars(select(User).order_by(User.id)).all()
        names = [(u.id, u.name, u.nick) for u in users]

    assert names == [(1, "user 1", "u1"), (2, "user 2", "u2"), (3, "user 3", "u3")]
    assert len(sent) == 1


def test_row_is_the_same_instance_when_it_was_loaded_before(engine: Any) -> None:
    fill(engine)

    with Session(engine) as session:
        first = session.scalars(select(User).where(User.id == 1)).one()
        again = session.execute(select(User, Address).join(Address)).all()

        assert again[0][0] is first
        assert inspect(first).persistent


def test_row_has_names_of_classes_and_attributes_when_items_are_mixed(engine: Any) -> None:
    fill(engine, 1)
    other = aliased(User, name="other")

    with Session(engine) as session:
        result = session.execute(
            select(User, User.nick, other, func.max(Address.id), User.id, Address.id)
            .select_from(User)
            .join(Address)
            .join(other, other.id == User.id)
            .group_by(User.id, other.id, Address.id)
        )
        keys = list(result.keys())
        row = result.one()

    assert keys == ["User", "nick", "other", "max", "id", "id_1"]
    assert (row.User.name, row.nick, row.id) == ("user 1", "u1", 1)
    assert row._mapping[User] is row.User
    assert row._mapping[other] is row.other is row.User
    assert row._mapping[User.nick] == "u1"
    assert row._mapping[Address.id] == 10


def test_row_has_names_of_attributes_when_no_entity_is_selected(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine) as session:
        row = session.execute(select(User.nick, User.id, Address.id).join(Address)).one()

    assert row._fields == ("nick", "id", "id_1")
    assert tuple(row) == ("u1", 1, 10)


def test_entity_is_none_when_its_key_is_null(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine) as session:
        rows = session.execute(select(User, Address).outerjoin(Address, Address.id == 99)).all()

    assert [(u.id, a) for u, a in rows] == [(1, None)]


def test_change_survives_when_the_row_comes_again(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine, autoflush=False) as session:
        user = session.get(User, 1)
        user.name = "changed"
        session.scalars(select(User)).all()

        assert user.name == "changed"
        assert inspect(user).modified


def test_change_is_lost_when_populate_existing_is_asked_for(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine, autoflush=False) as session:
        user = session.get(User, 1)
        user.name = "changed"
        session.scalars(select(User).execution_options(populate_existing=True)).all()

        assert user.name == "user 1"
        assert not inspect(user).modified


def test_expired_instance_is_refreshed_when_a_row_brings_it(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine) as session:
        user = session.get(User, 1)
        session.execute(update(User.__table__).values(name="new"))
        session.expire(user)
        session.scalars(select(User)).all()
        with counted(engine) as sent:
            name = user.name

    assert name == "new"
    assert sent == []


def test_known_instance_takes_what_it_lacks_when_the_row_has_it(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine) as session:
        user = session.get(User, 1)
        session.expire(user, ["nick"])
        session.scalars(select(User)).all()

        assert inspect(user).unloaded == {"bio", "left", "right"}


def test_composite_keys_are_identities_when_loaded_twice(engine: Any) -> None:
    fill(engine)

    with Session(engine) as session:
        first = session.scalars(select(Pair).order_by(Pair.b)).all()
        again = session.scalars(select(Pair).order_by(Pair.b.desc())).all()

        assert first[::-1] == again
        assert session.get(Pair, (1, "y")) is first[1]
        assert session.get(Pair, {"a": 1, "b": "z"}) is None


def test_identity_is_another_when_the_statement_has_a_token(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine) as session:
        one = select(User).where(User.id == 1)
        plain = session.scalars(one).one()
        sharded = session.scalars(one, execution_options={"identity_token": "east"}).one()
        again = session.scalars(one.execution_options(identity_token="east")).one()

        assert sharded is again is not plain
        assert inspect(plain).identity_key == (User, (1,), None)
        assert inspect(sharded).identity_key == (User, (1,), "east")


def test_listeners_are_told_when_instances_are_loaded_and_refreshed(engine: Any) -> None:
    fill(engine, 1)
    log: list[Any] = []

    def loaded(target: Any, context: Any) -> None:
        log.append(("load", target.id, type(context)))

    def refreshed(target: Any, context: Any, attrs: Any) -> None:
        log.append(("refresh", target.id, None if attrs is None else sorted(attrs)))

    event.listen(User, "load", loaded)
    event.listen(User, "refresh", refreshed)
    try:
        with Session(engine) as session:
            user = session.scalars(select(User)).one()
            session.execute(select(User).execution_options(populate_existing=True)).all()
            session.expire(user, ["name"])
            session.scalars(select(User)).all()
    finally:
        event.remove(User, "load", loaded)
        event.remove(User, "refresh", refreshed)

    assert log == [
        ("load", 1, QueryContext),
        ("refresh", 1, None),
        ("refresh", 1, ["bio", "left", "name", "right"]),
    ]


def test_no_python_frame_runs_per_row_when_entities_are_loaded(engine: Any) -> None:
    fill(engine, 200)

    def frames(limit: int) -> int:
        calls = 0

        def profile(frame: Any, what: str, arg: Any) -> None:
            nonlocal calls
            calls += what == "call"

        with Session(engine) as session:
            session.scalars(select(User).limit(1)).all()
            session.expunge_all()
            gc.disable()  # a collection may call back for whatever earlier tests left
            sys.setprofile(profile)
            try:
                session.scalars(select(User).limit(limit)).all()
                session.execute(select(User, User.name).limit(limit)).all()
            finally:
                sys.setprofile(None)
                gc.enable()
        return calls

    assert frames(200) == frames(2)


def test_all_rows_are_read_at_the_first_fetch_when_nothing_streams(engine: Any) -> None:
    fill(engine, 30)

    with Session(engine) as session:
        result = iter(session.scalars(select(User).order_by(User.id)))
        first = next(result)
        session.execute(text("DELETE FROM load_addresses"))
        rest = list(result)

        assert [first.id, *(u.id for u in rest)] == list(range(1, 31))


def test_instances_are_let_go_when_rows_come_in_batches(engine: Any) -> None:
    fill(engine, 25)

    with Session(engine) as session:
        result = session.scalars(select(User).order_by(User.id).execution_options(yield_per=10))
        sizes = []
        for batch in result.partitions():
            sizes.append((len(batch), len(session.identity_map)))
            del batch

    assert [n for n, _ in sizes] == [10, 10, 5]
    assert max(known for _, known in sizes) <= 20


def test_codec_error_names_column_and_row_when_a_value_cannot_be_read(engine: Any) -> None:
    fill(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE load_addresses SET email = 'boom' WHERE id = 20"))

    with Session(engine) as session, pytest.raises(ValueError, match="cannot be read") as caught:
        session.scalars(select(Address).order_by(Address.id)).all()

    assert caught.value.__notes__ == ["while loading column load_addresses.email, row 2 of the result"]


def test_instances_are_expired_when_their_result_fails(engine: Any) -> None:
    fill(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE load_addresses SET email = 'boom' WHERE id = 30"))

    with Session(engine) as session:
        kept = session.get(Address, 10)
        kept.user_id = 2
        seen: list[Any] = []
        with pytest.raises(ValueError, match="cannot be read"):
            event.listen(Address, "load", hold := lambda target, context: seen.append(target))
            try:
                session.scalars(select(Address).order_by(Address.id)).all()
            finally:
                event.remove(Address, "load", hold)

        assert [inspect(a).expired for a in seen] == [True]
        assert kept.user_id == 2
        assert seen[0].email == "2@x"


def test_rows_are_loaded_when_every_allocation_collects(engine: Any) -> None:
    fill(engine, 40)
    threshold = gc.get_threshold()

    with Session(engine) as session:
        gc.set_threshold(1)
        try:
            users = session.scalars(select(User).order_by(User.id)).all()
            pairs = session.execute(select(User, Pair.value).order_by(User.id)).all()
        finally:
            gc.set_threshold(*threshold)

        assert [u.id for u in users] == list(range(1, 41))
        assert all(row[0] in users for row in pairs)


def test_star_among_entities_is_refused_when_columns_do_not_add_up(engine: Any) -> None:
    fill(engine, 1)

    with Session(engine) as session, pytest.raises(exc.InvalidRequestError, match=r"returned .* columns"):
        session.execute(select(User, text("load_users.*"))).all()


def test_fast_paths_are_taken_when_the_key_is_a_number(engine: Any) -> None:
    fill(engine, 7)
    names = ("load_int_key", "load_entered", "load_prepared")

    with Session(engine) as session:
        before = _core._counters()
        session.scalars(select(User)).all()
        session.get(User, 99)
        session.get(Pair, (1, "x"))
        after = _core._counters()

    assert [after[name] - before[name] for name in names] == [7, 8, 2]
