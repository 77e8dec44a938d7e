"""Collector and death: tracking, cycles, chains, resurrection, the identity map at exit."""

from __future__ import annotations

import enum
import gc
import subprocess
import sys
import textwrap
import uuid
import weakref
from typing import Any

import pytest

from pyorm import _core, _coretest
from tests.orm.mapping import Probe, leave_no_garbage, make_class, map_class


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "tracked"),
    [("x", False), (1, False), (uuid.uuid4(), False), (Colour.RED, False), ([], True), ({}, True)],
)
def test_entity_is_tracked_only_when_a_value_can_form_a_cycle(value: Any, tracked: bool) -> None:
    cls = make_class("id", "name")

    assert gc.is_tracked(cls(name=value)) is tracked


def test_cycle_through_slots_is_collected_when_dropped() -> None:
    cls = make_class("id", "name")
    first, second = cls(), cls()
    first.name, second.name = [second], {"x": first}
    refs = [weakref.ref(first), weakref.ref(second)]

    del first, second
    leave_no_garbage()

    assert [ref() for ref in refs] == [None, None]


def test_cycle_through_the_states_info_is_collected_when_dropped() -> None:
    cls = make_class("id", "name")
    thing = cls()
    thing._sa_instance_state.info["me"] = thing
    ref = weakref.ref(thing)

    del thing
    leave_no_garbage()

    assert ref() is None


def test_cycle_through_a_committed_value_is_collected_when_dropped() -> None:
    cls = make_class("id", "name")
    thing = cls()
    _core.set_committed_value(thing, "name", [thing])
    thing.name = "new"
    ref = weakref.ref(thing)

    del thing
    leave_no_garbage()

    assert ref() is None


@pytest.mark.parametrize("way", ["slot", "dict", "spilled", "__slots__"])
def test_deep_chain_is_freed_without_recursion(way: str) -> None:
    namespace = {"__slots__": ("link",)} if way == "__slots__" else {}
    cls = type("Node", (_core.Entity,), namespace)
    map_class(cls, "id", "next")
    died = []
    head = None
    for n in range(60_000):
        node = cls()
        if way == "slot":
            node.next = head
        elif way == "spilled":
            vars(node)["next"] = head
        else:
            node.link = head
        head = node
        if n % 20_000 == 0:
            weakref.finalize(node, died.append, n)
    del node

    head = None
    leave_no_garbage()

    assert len(died) == 3


def test_class_is_freed_when_its_own_instance_is_its_attribute_and_tracked() -> None:
    cls = make_class("id", "name")
    ref = weakref.ref(cls)
    instance = cls(name="x")
    assert not gc.is_tracked(instance)

    _core.track(instance)
    cls.default = instance
    del cls, instance
    leave_no_garbage()

    assert ref() is None


def test_del_can_resurrect_and_the_entity_stays_usable() -> None:
    kept = []

    class User(_core.Entity):
        def __del__(self) -> None:
            kept.append(self)

    map_class(User, "id", "name")
    user = User(name=[1])
    del user
    leave_no_garbage()

    assert kept[0].name == [1]
    kept[0].name = [2]
    vars(kept[0])["me"] = kept[0]
    kept.clear()
    leave_no_garbage()


def test_references_are_balanced_when_an_entity_lives_and_dies() -> None:
    cls = make_class("id", "name", "other")
    plan = _core.mapper_plan(cls)
    value = object()

    def live() -> None:
        thing = cls(id=1, name=value)
        thing.name = value
        thing.other = [value]
        thing.extra = value
        vars(thing)
        thing.name = value
        del thing.name
        thing._sa_instance_state.committed_state  # noqa: B018 - the look is the act
        _core.get_history(thing, "id")

    live()
    leave_no_garbage()
    before = [sys.getrefcount(obj) for obj in (cls, plan, value)]
    for _ in range(100):
        live()
    leave_no_garbage()

    assert [sys.getrefcount(obj) for obj in (cls, plan, value)] == before


def test_callback_of_a_weak_reference_cannot_get_the_dying_instance() -> None:
    cls = make_class("id", "name", core=_coretest)
    session = _coretest.orm_session_new(Probe())
    found: list[Any] = []
    thing = _coretest.orm_load(session, cls, (1,), {"id": 1})
    ref = weakref.ref(thing, lambda _: found.append(_coretest.orm_get(session, cls, (1,))))

    del thing

    assert found == [None]
    assert ref() is None


def test_finalizer_of_a_value_cannot_get_the_dying_instance() -> None:
    cls = make_class("id", "name", core=_coretest)
    session = _coretest.orm_session_new(Probe())
    found: list[Any] = []

    class Value:
        def __del__(self) -> None:
            found.append(_coretest.orm_get(session, cls, (1,)))

    thing = _coretest.orm_load(session, cls, (1,), {"id": 1, "name": Value()})
    del thing

    assert found == [None]


def test_slots_finalizer_cannot_get_the_dying_instance() -> None:
    class User(_coretest.Entity):
        __slots__ = ("extra",)

    map_class(User, "id", "name", core=_coretest)
    session = _coretest.orm_session_new(Probe())
    found: list[Any] = []

    class Value:
        def __del__(self) -> None:
            found.append(_coretest.orm_get(session, User, (1,)))

    user = _coretest.orm_load(session, User, (1,), {"id": 1})
    user.extra = Value()
    del user

    assert found == [None]
    assert _coretest.orm_size(session) == 0


def test_parked_chain_is_not_handed_out_when_finalizers_ask_the_map() -> None:
    class Node(_coretest.Entity):
        __slots__ = ("link",)

    map_class(Node, "id", "next", core=_coretest)
    probe = Probe()
    session = _coretest.orm_session_new(probe)
    found: list[Any] = []

    class Asker:
        def __init__(self, key: int) -> None:
            self.key = key

        def __del__(self) -> None:
            for near in range(max(self.key - 30, 0), self.key + 30):
                got = _coretest.orm_get(session, Node, (near,))
                if got is not None:
                    found.append(got.id)

    head = None
    for n in range(40_000):
        node = _coretest.orm_load(session, Node, (n,), {"id": n})
        node.next = Asker(n) if n % 1000 == 0 else None
        node.link = head
        head = node
    probe.dirty.clear()
    del node
    head = None
    leave_no_garbage()

    assert _coretest.orm_size(session) == 0


def test_garbage_that_fetches_other_garbage_is_sound_when_collected() -> None:
    class User(_coretest.Entity):
        def __del__(self) -> None:
            other = _coretest.orm_get(session, User, (3 - self.id,))
            if other is not None:
                rescued.append(other)

    map_class(User, "id", "name", core=_coretest)
    probe = Probe()
    session = _coretest.orm_session_new(probe)
    rescued: list[Any] = []
    first = _coretest.orm_load(session, User, (1,), {"id": 1})
    second = _coretest.orm_load(session, User, (2,), {"id": 2})
    first.name, second.name = [second], [first]
    probe.dirty.clear()

    del first, second
    leave_no_garbage()

    assert sorted(user.id for user in rescued) == [1, 2]
    rescued.clear()
    leave_no_garbage()


def test_nothing_breaks_when_the_collector_runs_at_every_allocation() -> None:
    cls = make_class("id", "name", "other", core=_coretest)
    probe = Probe()
    session = _coretest.orm_session_new(probe)

    class Rude:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            _coretest.orm_load(session, cls, (5,), {"id": 5, "name": ["x"]})

    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for n in range(300):
            Rude()
            thing = _coretest.orm_load(session, cls, (n % 7,), {"id": n % 7, "name": [n]})
            thing.other = [thing]
            vars(thing)
            thing.name = "y"
            probe.dirty.clear()
    finally:
        gc.set_threshold(*threshold)
    del thing
    leave_no_garbage()

    assert _coretest.orm_size(session) in (0, 1)


def test_interpreter_exits_cleanly_when_instances_are_alive() -> None:
    program = textwrap.dedent(
        """
        import sys
        from pyorm import _coretest
        from tests.orm.mapping import Probe, make_class
        cls = make_class("id", "name", core=_coretest)
        session = _coretest.orm_session_new(Probe())
        kept = [_coretest.orm_load(session, cls, (n,), {"id": n, "name": [n]}) for n in range(50)]
        texts = [_coretest.orm_load(session, cls, (str(n),), {"name": kept}) for n in range(50)]
        sys.kept = kept
        cls.kept = texts
        vars(kept[3])["me"] = kept
        """
    )

    run = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True, check=False
    )

    assert (run.returncode, run.stderr) == (0, "")
