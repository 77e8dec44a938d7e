"""`__dict__` of entities: asked for, written to, replaced, by any door."""

from __future__ import annotations

import functools
import gc
import inspect
import weakref
from typing import Any, Protocol, runtime_checkable
from unittest import mock

import pytest

from pyorm import _core
from tests.orm.mapping import leave_no_garbage, make_class, map_class


class Mixin:
    def hello(self) -> str:
        return "hello"


def make_mixed_class() -> Any:
    cls = type("User", (Mixin, _core.Entity), {})
    map_class(cls, "id", "name")
    return cls


@pytest.fixture(params=["plain", "mixin in front"])
def cls(request: pytest.FixtureRequest) -> Any:
    return make_class("id", "name") if request.param == "plain" else make_mixed_class()


def test_vars_shows_loaded_and_unmapped_keys_and_the_state_when_asked(cls: Any) -> None:
    user = cls(name="ed")
    user.nick = "e"

    found = vars(user)

    assert set(found) == {"_sa_instance_state", "name", "nick"}
    assert found["_sa_instance_state"] is user._sa_instance_state


def test_dict_is_one_live_object_when_asked_twice(cls: Any) -> None:
    user = cls(name="ed")

    first = user.__dict__
    first["name"] = "jack"
    user.id = 7

    assert user.__dict__ is first
    assert user.name == "jack"
    assert first["id"] == 7


def test_pop_from_dict_makes_the_attribute_absent_when_spilled(cls: Any) -> None:
    user = cls(name="ed")

    user.__dict__.pop("name")

    assert user.name is None
    assert "name" not in user.__dict__


def test_dict_replaced_replaces_values_when_assigned(cls: Any) -> None:
    user = cls(name="ed", id=1)
    state = user._sa_instance_state

    user.__dict__ = {"name": "other"}

    assert (user.name, user.id) == ("other", None)
    assert user._sa_instance_state is state


def test_dict_cannot_be_deleted_or_set_to_another_type(cls: Any) -> None:
    user = cls()

    with pytest.raises(TypeError, match="cannot delete __dict__"):
        del user.__dict__
    with pytest.raises(TypeError, match="must be set to a dictionary"):
        user.__dict__ = 3


def test_cycle_through_dict_is_collected_when_dropped(cls: Any) -> None:
    user = cls(name="ed")
    user.__dict__["me"] = user
    ref = weakref.ref(user)

    del user
    leave_no_garbage()

    assert ref() is None


def test_cycle_through_unmapped_attribute_is_collected_when_dropped(cls: Any) -> None:
    user = cls(name="ed")
    user.me = user
    ref = weakref.ref(user)

    del user
    leave_no_garbage()

    assert ref() is None


def test_unmapped_attribute_does_not_spill_when_set(cls: Any) -> None:
    user = cls(name="ed")
    before = user.__sizeof__()

    user.nick = "e"

    assert user.nick == "e"
    assert gc.is_tracked(user)
    assert user.__sizeof__() == before


def test_uncooperative_init_subclass_keeps_dict_live_when_mapped() -> None:
    class Rude:
        def __init_subclass__(cls, **kwargs: Any) -> None:
            pass

    class User(Rude, _core.Entity):
        pass

    map_class(User, "id", "name")
    user = User(name="ed")

    assert vars(user)["name"] == "ed"


def test_prepare_class_gives_an_unmapped_subclass_its_dict_when_init_subclass_was_rude() -> None:
    class Rude:
        def __init_subclass__(cls, **kwargs: Any) -> None:
            pass

    class User(_core.Entity):
        pass

    map_class(User, "id", "name")

    class Special(Rude, User):
        pass

    _core.prepare_class(Special)
    user = Special(name="ed")

    assert vars(user)["name"] == "ed"


def test_static_lookup_finds_the_dict_when_asked_by_inspect(cls: Any) -> None:
    user = cls(name="ed")
    user.nick = "e"

    assert inspect.getattr_static(user, "nick") == "e"


def test_runtime_protocol_sees_attributes_when_checked(cls: Any) -> None:
    @runtime_checkable
    class Named(Protocol):
        name: str

    assert isinstance(cls(name="ed"), Named)


def test_cached_property_works_when_touched_and_deleted() -> None:
    class User(_core.Entity):
        calls = 0

        @functools.cached_property
        def upper(self) -> str:
            type(self).calls += 1
            return str(self.name).upper()

    map_class(User, "id", "name")
    user = User(name="ed")

    assert (user.upper, user.upper, User.calls) == ("ED", "ED", 1)
    del user.upper
    user.name = "jack"
    assert user.upper == "JACK"


def test_mock_patches_and_restores_when_value_absent_or_present(cls: Any) -> None:
    user = cls(name="ed")

    with mock.patch.object(user, "name", "x"):
        assert user.name == "x"
    with mock.patch.object(user, "id", 3):
        assert user.id == 3
    with mock.patch.dict(user.__dict__, {"name": "y"}):
        assert user.name == "y"

    assert (user.name, user.id) == ("ed", None)


def test_class_patch_is_seen_by_instances_when_reading_and_writing(cls: Any) -> None:
    user = cls(name="ed")
    seen: list[Any] = []

    with mock.patch.object(
        cls, "name", property(lambda self: "patched", lambda self, value: seen.append(value))
    ):
        user.name = "set"
        assert user.name == "patched"

    assert seen == ["set"]
    assert user.name == "ed"


def test_write_through_dict_has_no_history_when_read_back(cls: Any) -> None:
    user = cls()

    user.__dict__["name"] = "raw"

    assert user.name == "raw"
    assert not user._sa_instance_state.committed_state


def test_history_survives_when_the_entity_spills(cls: Any) -> None:
    user = cls()
    _core.set_committed_value(user, "name", "old")
    user.name = "new"

    vars(user)
    history = _core.get_history(user, "name")

    assert (history.added, history.deleted) == (["new"], ["old"])


def test_set_after_spill_keeps_the_old_value_as_committed(cls: Any) -> None:
    user = cls()
    _core.set_committed_value(user, "name", "old")
    vars(user)

    user.name = "new"
    user.name = "newer"

    assert user._sa_instance_state.committed_state == {"name": "old"}


def test_dict_keeps_values_when_the_entity_died(cls: Any) -> None:
    user = cls(name="ed")
    found, state = vars(user), user._sa_instance_state

    del user
    leave_no_garbage()
    values = dict(found)
    del found
    values_name = values["name"]

    assert values_name == "ed"
    assert state.obj() is None
    assert state.key is None


def test_object_setattr_is_refused_or_collected_when_called_by_name(cls: Any) -> None:
    user = cls(name="ed")

    try:
        object.__setattr__(user, "extra", user)
    except TypeError:
        return
    # 3.13 lets it through; the next slow read makes the collector see it.
    assert user.id is None
    ref = weakref.ref(user)
    del user
    leave_no_garbage()
    assert ref() is None


def test_spill_is_consistent_when_finalizers_use_the_same_entity(cls: Any) -> None:
    users = [cls(name=str(n)) for n in range(200)]

    class Nosy:
        def __init__(self, target: Any) -> None:
            self.target = target
            self.me = self

        def __del__(self) -> None:
            self.target.name = "touched"
            vars(self.target)

    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for user in users:
            Nosy(user)
            vars(user)
    finally:
        gc.set_threshold(*threshold)
    leave_no_garbage()

    for user in users:
        assert user.name == user.__dict__["name"]


def test_attribute_set_before_its_name_was_mapped_moves_into_the_slot() -> None:
    cls = make_class("id", "name")
    plan = _core.mapper_plan(cls)
    user = cls(name="ed")
    user.city = "Bonn"

    plan.add_attribute(("city", "column", (object(),), "", None, None, None))

    assert user.city == "Bonn"
    user.city = "Ulm"
    assert vars(user)["city"] == "Ulm"
