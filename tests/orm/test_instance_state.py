"""InstanceState: what `inspect(obj)` tells."""

from __future__ import annotations

import weakref
from typing import Any

import pytest

from pyorm import _core, _coretest
from pyorm.orm import exc as orm_exc
from pyorm.orm._symbols import NO_VALUE, PassiveFlag
from tests.orm.mapping import Probe, make_class, slot


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def session(probe: Probe) -> Any:
    return _coretest.orm_session_new(probe)


@pytest.fixture
def cls() -> Any:
    return make_class("id", "name", slot("big", flags="d"), core=_coretest, mapper="the mapper")


def test_view_is_one_object_that_can_be_a_weak_key(cls: Any) -> None:
    thing = cls()
    weak: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    weak[thing._sa_instance_state] = 1

    assert _coretest.instance_state(thing) is thing._sa_instance_state
    assert weak[_coretest.instance_state(thing)] == 1
    assert thing._sa_instance_state.obj() is thing
    assert thing._sa_instance_state.object is thing


def test_life_of_an_instance_is_told_when_it_moves(cls: Any, session: Any) -> None:
    thing = cls()
    state = thing._sa_instance_state
    assert (state.transient, state.pending, state.has_identity) == (True, False, False)

    _coretest.orm_attach(session, thing)
    assert (state.transient, state.pending) == (False, True)
    _coretest.orm_expunge(session, thing)

    loaded = _coretest.orm_load(session, cls, (1,), {"id": 1})
    state = loaded._sa_instance_state
    assert (state.persistent, state.detached, state.deleted) == (True, False, False)
    assert (state.identity, state.key) == ((1,), (cls, (1,), None))
    _coretest.orm_expunge(session, loaded)
    assert (state.persistent, state.detached) == (False, True)


def test_session_is_the_owner_while_attached(cls: Any, session: Any, probe: Probe) -> None:
    thing = _coretest.orm_load(session, cls, (1,), {"id": 1})
    state = thing._sa_instance_state

    assert state.session is probe
    assert state.session_id == 1
    assert state.async_session is None
    _coretest.orm_expunge(session, thing)
    assert (state.session, state.session_id) == (None, None)


def test_sets_of_keys_follow_the_slots(cls: Any, session: Any) -> None:
    thing = _coretest.orm_load(session, cls, (1,), {"id": 1, "name": "ed"})
    state = thing._sa_instance_state
    assert (state.unloaded, state.expired_attributes) == ({"big"}, set())

    _coretest.orm_expire(thing)
    assert state.unloaded == {"id", "name", "big"}
    assert state.expired_attributes == {"id", "name"}

    thing.name = "x"
    assert state.unloaded == {"id", "big"}
    assert state.unmodified == {"id", "big"}
    assert state.unmodified_intersection(["id", "name"]) == {"id"}


def test_mapper_and_class_are_the_plans(cls: Any) -> None:
    state = cls()._sa_instance_state
    kept = cls()

    assert kept._sa_instance_state.mapper == "the mapper"
    assert kept._sa_instance_state.class_ is cls
    assert state.mapper is None, "its instance is gone"
    assert kept._sa_instance_state.is_instance


def test_info_is_a_dict_of_the_instance(cls: Any) -> None:
    thing = cls()

    thing._sa_instance_state.info["a"] = 1

    assert thing._sa_instance_state.info == {"a": 1}
    assert thing._sa_instance_state.load_options == ()


def test_dict_of_the_state_is_the_instances(cls: Any) -> None:
    thing = cls(name="ed")

    assert thing._sa_instance_state.dict is thing.__dict__


def test_view_answers_when_its_instance_is_gone(cls: Any) -> None:
    state = cls(name="ed")._sa_instance_state

    assert state.obj() is None
    assert (state.key, state.session, state.committed_state) == (None, None, {})
    assert state.unloaded == set()
    with pytest.raises(ReferenceError):
        state.get_history("name", 0)


def test_attribute_states_show_value_and_history() -> None:
    cls = make_class("id", "name")
    thing = cls(name="ed")
    attrs = thing._sa_instance_state.attrs

    assert attrs.name.value == "ed"
    assert attrs["id"].loaded_value is NO_VALUE
    assert attrs.name.history == (["ed"], (), ())
    assert attrs.name.load_history().added == ["ed"]
    assert sorted(attrs.keys()) == ["id", "name"]
    with pytest.raises(AttributeError):
        attrs.nope  # noqa: B018


def test_history_of_the_state_takes_the_passive_flags(cls: Any, session: Any) -> None:
    thing = _coretest.orm_load(session, cls, (1,), {"id": 1, "name": "ed"})

    found = thing._sa_instance_state.get_history("name", PassiveFlag.PASSIVE_NO_INITIALIZE)

    assert found == ((), ["ed"], ())


def test_unmapped_things_have_no_state() -> None:
    class Plain(_core.Entity):
        pass

    with pytest.raises(AttributeError, match="_sa_instance_state"):
        Plain()._sa_instance_state  # noqa: B018
    with pytest.raises(orm_exc.UnmappedInstanceError):
        _core.instance_state(object())
    assert _core.find_state(object()) is None


def test_state_cannot_be_made_or_replaced_by_hand(cls: Any) -> None:
    with pytest.raises(TypeError, match="cannot create"):
        _core.InstanceState()
    with pytest.raises(TypeError, match="must be an InstanceState"):
        cls()._sa_instance_state = 3
