"""The identity map: one living instance per key."""

from __future__ import annotations

import random
import uuid
import weakref
from decimal import Decimal
from typing import Any

import pytest

from pyorm import _coretest
from tests.orm.mapping import Probe, leave_no_garbage, make_class, map_class


@pytest.fixture
def session() -> Any:
    return _coretest.orm_session_new(Probe())


def test_one_instance_is_found_again_when_it_lives(session: Any) -> None:
    cls = make_class(core=_coretest)
    first = _coretest.orm_load(session, cls, (1,), {"id": 1})

    assert _coretest.orm_load(session, cls, (1,), {"id": 1}) is first
    assert _coretest.orm_get(session, cls, (1,)) is first
    assert _coretest.orm_get(session, cls, (2,)) is None


def test_entry_goes_when_the_instance_dies(session: Any) -> None:
    cls = make_class(core=_coretest)
    first = _coretest.orm_load(session, cls, (1,), {"id": 1})
    assert _coretest.orm_size(session) == 1

    del first

    assert _coretest.orm_size(session) == 0
    assert _coretest.orm_get(session, cls, (1,)) is None


@pytest.mark.parametrize(
    "key",
    [7, -3, 2**63 - 1, 2**70, "text", b"bytes", uuid.UUID(int=5), Decimal("1.5"), 2.5, ("a", 1)],
    ids=repr,
)
def test_any_hashable_value_is_a_key(session: Any, key: Any) -> None:
    cls = make_class(core=_coretest)
    first = _coretest.orm_load(session, cls, (key,), {"id": key})

    assert _coretest.orm_get(session, cls, (key,)) is first
    assert _coretest.instance_state(first).identity == (key,)
    del first
    assert _coretest.orm_size(session) == 0


def test_equal_numbers_are_one_key(session: Any) -> None:
    cls = make_class(core=_coretest)
    first = _coretest.orm_load(session, cls, (1,), {"id": 1})

    assert _coretest.orm_get(session, cls, (True,)) is first
    assert _coretest.orm_get(session, cls, (1.0,)) is first


def test_equal_uuid_of_another_object_is_found(session: Any) -> None:
    cls = make_class(core=_coretest)
    first = _coretest.orm_load(session, cls, (uuid.UUID(int=9),), {})

    assert _coretest.orm_get(session, cls, (uuid.UUID(int=9),)) is first
    assert _coretest.orm_get(session, cls, (uuid.UUID(int=8),)) is None


def test_composite_keys_are_compared_part_by_part(session: Any) -> None:
    cls = make_class("a", "b", primary_key=("a", "b"), core=_coretest)
    first = _coretest.orm_load(session, cls, (1, "x"), {})

    assert _coretest.orm_get(session, cls, (1, "x")) is first
    assert _coretest.orm_get(session, cls, (1, "y")) is None
    assert _coretest.instance_state(first).key == (cls, (1, "x"), None)


def test_tokens_tell_instances_of_one_key_apart(session: Any) -> None:
    cls = make_class(core=_coretest)
    first = _coretest.orm_load(session, cls, (1,), {}, "shard a")
    second = _coretest.orm_load(session, cls, (1,), {}, "shard b")

    assert first is not second
    assert _coretest.orm_get(session, cls, (1,), "shard a") is first
    assert _coretest.orm_get(session, cls, (1,)) is None
    assert _coretest.instance_state(second).identity_token == "shard b"
    del first, second
    assert _coretest.orm_size(session) == 0


def test_classes_of_one_hierarchy_share_their_keys(session: Any) -> None:
    class Base(_coretest.Entity):
        pass

    plan = map_class(Base, "id", core=_coretest)

    class Child(Base):
        pass

    map_class(Child, "extra", base=plan, core=_coretest)
    other = make_class(core=_coretest)
    child = _coretest.orm_load(session, Child, (1,), {})

    assert _coretest.orm_get(session, Base, (1,)) is child
    assert _coretest.instance_state(child).key == (Base, (1,), None)
    assert _coretest.orm_get(session, other, (1,)) is None


def test_unhashable_key_is_refused(session: Any) -> None:
    cls = make_class(core=_coretest)

    with pytest.raises(TypeError, match="unhashable"):
        _coretest.orm_get(session, cls, ([],))


def test_key_values_may_run_python_and_change_the_map_when_compared(session: Any) -> None:
    cls = make_class(core=_coretest)
    dice = random.Random(3)
    kept: list[Any] = []
    # As in a dict, a look-up starts again when a comparison moved the table.
    comparisons = [n % 50 == 0 for n in range(10_000)]

    class Key:
        def __init__(self, value: int) -> None:
            self.value = value

        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            if comparisons.pop():
                kept.clear()
                for n in range(20):
                    kept.append(_coretest.orm_load(session, cls, (dice.randrange(10**6) + n,), {}))
            return isinstance(other, Key) and other.value == self.value

    things = [_coretest.orm_load(session, cls, (Key(n),), {}) for n in range(6)]

    for n, thing in enumerate(things):
        assert _coretest.orm_get(session, cls, (Key(n),)) is thing
    del thing, things
    kept.clear()
    leave_no_garbage()
    assert _coretest.orm_size(session) == 0


def test_error_of_a_comparison_reaches_the_caller(session: Any) -> None:
    cls = make_class(core=_coretest)

    class Key:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("no comparing")

    thing = _coretest.orm_load(session, cls, (Key(),), {})

    with pytest.raises(RuntimeError, match="no comparing"):
        _coretest.orm_get(session, cls, (Key(),))
    assert thing is not None


def test_random_arrivals_and_departures_keep_the_table_sound(session: Any) -> None:
    cls = make_class(core=_coretest)
    dice = random.Random(20)
    alive: dict[int, Any] = {}

    for step in range(60_000):
        key = dice.randrange(2000) * 64
        if dice.random() < 0.5:
            found = _coretest.orm_load(session, cls, (key,), {"id": key})
            assert alive.setdefault(key, found) is found
        else:
            alive.pop(key, None)
        found = None
        if step % 5000 == 0:
            assert _coretest.orm_size(session) == len(alive)

    assert sorted(thing.id for thing in _coretest.orm_all(session)) == sorted(alive)


def test_list_holds_its_instances_when_made(session: Any) -> None:
    cls = make_class(core=_coretest)
    things = [_coretest.orm_load(session, cls, (n,), {}) for n in range(5)]

    found = _coretest.orm_all(session)
    del things

    assert len(found) == 5
    assert _coretest.orm_size(session) == 5


def test_instances_are_detached_when_the_session_dies() -> None:
    cls = make_class(core=_coretest)
    session = _coretest.orm_session_new(Probe())
    thing = _coretest.orm_load(session, cls, (1,), {"id": 1})

    del session

    assert _coretest.instance_state(thing).detached
    assert thing.id == 1


def test_user_new_is_called_when_loading(session: Any) -> None:
    class User(_coretest.Entity):
        def __new__(cls) -> Any:
            self = super().__new__(cls)
            self.made = True
            return self

        def __init__(self) -> None:
            raise AssertionError("loading never calls __init__")

    map_class(User, "id", "name", core=_coretest)

    user = _coretest.orm_load(session, User, (1,), {"id": 1, "name": "ed"})

    assert (user.made, user.name) == (True, "ed")


def test_abstract_class_is_refused_when_loading(session: Any) -> None:
    import abc

    class Base(_coretest.Entity, abc.ABC):
        @abc.abstractmethod
        def area(self) -> int: ...

    map_class(Base, "id", core=_coretest)

    with pytest.raises(TypeError, match="abstract"):
        _coretest.orm_load(session, Base, (1,), {})


def test_foreign_instance_leaves_when_it_dies(session: Any) -> None:
    class Plain:
        pass

    map_class(Plain, "id", "name", core=_coretest)
    thing = _coretest.orm_load(session, Plain, (1,), {"id": 1})
    ref = weakref.ref(thing)
    assert _coretest.orm_get(session, Plain, (1,)) is thing

    state = thing._sa_instance_state
    del thing

    assert ref() is None
    assert _coretest.orm_get(session, Plain, (1,)) is None
    again = _coretest.orm_load(session, Plain, (1,), {"id": 1})
    assert again._sa_instance_state is not state
