"""copy, deepcopy and pickle of instances."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from pyorm import _core, _coretest
from tests.orm.mapping import Probe, map_class, slot


class User(_core.Entity):
    pass


class Slotted(_core.Entity):
    __slots__ = ("extra",)


class OwnState(_core.Entity):
    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class OwnReduce(_core.Entity):
    def __reduce__(self) -> tuple[Any, ...]:
        return (OwnReduce._make, (self.name,))

    @classmethod
    def _make(cls, name: str) -> Any:
        return cls(name=f"made {name}")


class Loaded(_coretest.Entity):
    pass


class LoadedOwnState(_coretest.Entity):
    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


for _cls in (User, Slotted, OwnState, OwnReduce):
    map_class(_cls, "id", "name", "other")
for _cls in (Loaded, LoadedOwnState):
    map_class(_cls, "id", "name", slot("big", flags="d"), core=_coretest)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("cls", [User, OwnState])
def test_values_and_plain_attributes_survive_when_pickled(cls: Any, protocol: int) -> None:
    user = cls(name="ed")
    user.nick = "e"

    found = pickle.loads(pickle.dumps(user, protocol))

    assert (type(found), found.name, found.nick, found.id) == (cls, "ed", "e", None)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_slot_values_survive_when_pickled(protocol: int) -> None:
    user = Slotted(name="ed")
    user.extra = 5

    found = pickle.loads(pickle.dumps(user, protocol))

    assert (found.name, found.extra) == ("ed", 5)


def test_cycle_survives_when_pickled_and_deep_copied() -> None:
    user = User(name="ed")
    user.other = [user]

    for found in (pickle.loads(pickle.dumps(user)), copy.deepcopy(user)):
        assert found is not user
        assert found.other[0] is found


def test_copy_is_transient_and_shares_values_when_shallow() -> None:
    user = User(name=["x"])
    state = user._sa_instance_state

    found = copy.copy(user)

    assert found.name is user.name
    assert found._sa_instance_state is not state
    assert found._sa_instance_state.transient


def test_own_reduce_is_used_when_copied() -> None:
    assert copy.copy(OwnReduce(name="x")).name == "made x"


@pytest.mark.parametrize("cls", [Loaded, LoadedOwnState])
def test_identity_and_tags_survive_when_a_loaded_instance_is_pickled(cls: Any) -> None:
    session = _coretest.orm_session_new(Probe())
    user = _coretest.orm_load(session, cls, (7,), {"id": 7, "name": "ed"})
    user._sa_instance_state.info["note"] = 1

    found = pickle.loads(pickle.dumps(user))
    state = _coretest.instance_state(found)

    assert state.identity == (7,)
    assert state.detached
    assert state.info == {"note": 1}
    assert found.name == "ed"


def test_history_survives_when_pickled() -> None:
    session = _coretest.orm_session_new(Probe())
    user = _coretest.orm_load(session, Loaded, (7,), {"id": 7, "name": "ed"})
    user.name = "jack"

    found = pickle.loads(pickle.dumps(user))
    history = _coretest.get_history(found, "name")

    assert (history.added, history.deleted) == (["jack"], ["ed"])
    assert found._sa_instance_state.modified


def test_expired_slots_stay_expired_when_pickled() -> None:
    session = _coretest.orm_session_new(Probe())
    user = _coretest.orm_load(session, Loaded, (7,), {"id": 7, "name": "ed"})
    _coretest.orm_expire(user)

    found = pickle.loads(pickle.dumps(user))

    assert found._sa_instance_state.expired_attributes == {"id", "name"}
    assert found._sa_instance_state.expired


def test_deep_copy_of_a_loaded_instance_is_detached_with_identity() -> None:
    session = _coretest.orm_session_new(Probe())
    user = _coretest.orm_load(session, Loaded, (7,), {"id": 7, "name": "ed"})

    found = copy.deepcopy(user)

    assert found._sa_instance_state.detached
    assert found._sa_instance_state.identity == (7,)


def test_state_cannot_be_pickled_when_its_instance_is_gone() -> None:
    state = User()._sa_instance_state

    with pytest.raises(TypeError, match="instance is gone"):
        pickle.dumps(state)


def test_setstate_refuses_what_getstate_never_returns() -> None:
    with pytest.raises(TypeError, match="__setstate__"):
        User().__setstate__(3)
