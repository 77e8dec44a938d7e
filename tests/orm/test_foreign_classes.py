"""Mapping of classes that do not derive from Entity: values live in their `__dict__`."""

from __future__ import annotations

import copy
import dataclasses
import gc
import pickle
import weakref
from typing import Any

import pytest

from pyorm import _core, exc
from pyorm.orm._symbols import NO_VALUE
from tests.orm.mapping import leave_no_garbage, map_class, slot


def make_plain(*keys: Any) -> Any:
    class Plain:
        def __init__(self, **kwargs: Any) -> None:
            for key, value in kwargs.items():
                setattr(self, key, value)

    map_class(Plain, *(keys or ("id", "name")))
    return Plain


class Pickled:
    def __init__(self, name: str) -> None:
        self.name = name


map_class(Pickled, "id", "name")


def test_values_lie_in_the_dict_when_set() -> None:
    thing = make_plain()(name="ed")

    assert thing.__dict__["name"] == "ed"
    assert thing.__dict__["_sa_instance_state"].obj() is thing
    assert thing.id is None


def test_history_is_kept_when_set() -> None:
    thing = make_plain()(name="ed")

    assert _core.get_history(thing, "name") == (["ed"], (), ())
    assert thing._sa_instance_state.committed_state == {"name": NO_VALUE}


def test_dict_may_be_replaced_and_keeps_history_when_the_state_moves_along() -> None:
    thing = make_plain()(name="ed")
    state = thing._sa_instance_state

    thing.__dict__ = {"name": "other", "_sa_instance_state": state}

    assert thing.name == "other"
    assert _core.instance_state(thing) is state


def test_new_state_is_made_when_the_dict_lost_it() -> None:
    thing = make_plain()(name="ed")

    thing.__dict__ = {"name": "other"}
    thing.id = 4

    assert (thing.name, thing.id) == ("other", 4)
    assert thing._sa_instance_state.obj() is thing


def test_class_attribute_is_the_attribute_when_asked() -> None:
    cls = make_plain()

    assert cls.__dict__["name"] is cls.name
    assert cls.name.class_ is cls


def test_copy_gets_a_state_of_its_own_when_touched() -> None:
    thing = make_plain()(name="ed")

    found = copy.copy(thing)

    assert _core.instance_state(found) is not _core.instance_state(thing)
    assert found.name == "ed"


def test_pickle_keeps_values_and_history() -> None:
    found = pickle.loads(pickle.dumps(Pickled("ed")))

    assert found.name == "ed"
    assert _core.get_history(found, "name") == (["ed"], (), ())


def test_slots_only_class_is_refused_when_mapped() -> None:
    class Slotted:
        __slots__ = ("id", "name")

    with pytest.raises(exc.InvalidRequestError, match="cannot be mapped"):
        map_class(Slotted, "id", "name")


def test_pydantic_shaped_class_works_when_its_dict_is_set_by_object() -> None:
    class Model:
        __slots__ = ("__dict__", "__weakref__", "extra")

        def __init__(self, **kwargs: Any) -> None:
            object.__setattr__(self, "__dict__", dict(kwargs))

    map_class(Model, "id", "name")
    thing = Model(name="ed")

    assert (thing.name, thing.id) == ("ed", None)
    thing.name = "x"
    assert thing.__dict__["name"] == "x"


def test_dataclass_works_when_mapped() -> None:
    @dataclasses.dataclass
    class Point:
        x: int
        y: int = 0

    map_class(Point, "x", "y")
    point = Point(1, 2)

    assert (point.x, point.y) == (1, 2)
    assert dataclasses.replace(point, y=5).y == 5


def test_child_class_shares_the_slots_when_mapped() -> None:
    class Base:
        pass

    plan = map_class(Base, "id", "name")

    class Child(Base):
        pass

    map_class(Child, "extra", base=plan)
    child = Child()
    child.name, child.extra = "n", "e"

    assert (child.name, child.extra) == ("n", "e")
    assert set(vars(child)) == {"_sa_instance_state", "name", "extra"}


def test_cycle_is_collected_when_dropped() -> None:
    thing = make_plain()(name="ed")
    thing.id = [thing]
    thing._sa_instance_state.info["me"] = thing
    ref = weakref.ref(thing)

    del thing
    leave_no_garbage()

    assert ref() is None


def test_class_is_freed_when_nothing_refers_to_it() -> None:
    cls = make_plain()
    cls(name="x").name  # noqa: B018 - the look is the act
    ref = weakref.ref(cls)

    del cls
    leave_no_garbage()

    assert ref() is None
    assert gc.garbage == []


def test_delete_removes_the_key_when_set() -> None:
    thing = make_plain()(name="ed")

    del thing.name

    assert "name" not in vars(thing)
    assert _core.get_history(thing, "name") == ([None], (), ())
    with pytest.raises(AttributeError, match="does not have a value"):
        del thing.name


def test_validator_is_called_when_set() -> None:
    cls = make_plain("id", slot("name", validator=lambda obj, key, value: value.upper()))

    assert cls(name="ed").name == "ED"
