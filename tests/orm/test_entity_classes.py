"""What classes may look like: everything Python lets a class statement do."""

from __future__ import annotations

import abc
import dataclasses
import inspect
import weakref
from typing import Any, Generic, TypeVar

import pytest

from pyorm import _core, exc
from tests.orm.mapping import leave_no_garbage, make_class, map_class, slot

T = TypeVar("T")


def test_class_attribute_is_the_attribute_itself_when_mapped() -> None:
    cls = make_class("id", "name")

    assert cls.__dict__["name"] is cls.name
    assert type(cls.name) is _core.InstrumentedAttribute
    assert (cls.name.key, cls.name.class_) == ("name", cls)
    assert str(cls.name) == "Thing.name"


def test_slots_class_keeps_its_own_values_when_mapped() -> None:
    class User(_core.Entity):
        __slots__ = ("extra",)

    map_class(User, "id", "name")
    user = User(name="ed")
    user.extra = [1]

    assert (user.name, user.extra) == ("ed", [1])


@pytest.mark.parametrize("slots", [False, True])
def test_dataclass_works_when_mapped(slots: bool) -> None:
    @dataclasses.dataclass(slots=slots)
    class User(_core.Entity):
        id: int
        name: str

    # With slots the decorator's member descriptors make way for the mapped attributes.
    map_class(User, "id", "name")
    user = User(1, "ed")

    assert (user.id, user.name) == (1, "ed")
    assert repr(user).endswith("User(id=1, name='ed')")
    assert user == User(1, "ed")


def test_abstract_class_is_refused_when_constructed() -> None:
    class Base(_core.Entity, abc.ABC):
        @abc.abstractmethod
        def area(self) -> int: ...

    map_class(Base, "id")

    with pytest.raises(TypeError, match="abstract"):
        Base()


def test_generic_class_can_be_subscripted_when_mapped() -> None:
    class Box(_core.Entity, Generic[T]):
        pass

    map_class(Box, "id", "item")

    assert Box[int](item=3).item == 3
    assert Box.__parameters__ == (T,)


def test_signature_is_keywords_when_inspected() -> None:
    assert str(inspect.signature(make_class())) == "(**kwargs)"


def test_user_new_is_called_when_constructed() -> None:
    class User(_core.Entity):
        def __new__(cls, **kwargs: Any) -> Any:
            self = super().__new__(cls)
            self.made = True
            return self

    map_class(User, "id", "name")
    user = User(name="ed")

    assert (user.made, user.name) == (True, "ed")


def test_init_assigned_later_is_called_when_constructed() -> None:
    cls = make_class("id", "name")
    cls(name="ed")

    def init(self: Any, name: str) -> None:
        self.name = name * 2

    cls.__init__ = init

    assert cls("ab").name == "abab"


def test_own_setattr_is_called_when_constructed() -> None:
    seen: list[str] = []

    class User(_core.Entity):
        def __setattr__(self, name: str, value: Any) -> None:
            seen.append(name)
            super().__setattr__(name, value)

    map_class(User, "id", "name")
    user = User(name="ed")

    assert (user.name, seen) == ("ed", ["name"])


def test_metaclass_call_is_honoured_when_assigned_later() -> None:
    class Meta(type):
        pass

    class User(_core.Entity, metaclass=Meta):
        pass

    map_class(User, "id", "name")
    assert User(name="ed").name == "ed"
    Meta.__call__ = lambda cls, *args, **kwargs: "called"

    assert User(name="ed") == "called"


def test_vectorcall_makes_the_instance_when_the_metaclass_is_python() -> None:
    class Meta(type):
        pass

    class User(_core.Entity, metaclass=Meta):
        pass

    map_class(User, "id", "name")
    before = _core._counters()["orm_construct_fast"]
    User(name="ed")

    assert _core._counters()["orm_construct_fast"] == before + 1


def test_property_set_on_the_class_later_wins_when_reading_and_writing() -> None:
    cls = make_class("id", "name")
    thing = cls(name="ed")
    thing.name = "x"
    log: list[Any] = []

    cls.name = property(lambda self: "prop", lambda self, value: log.append(value))
    thing.name = "y"

    assert (thing.name, log) == ("prop", ["y"])


def test_write_table_is_rebuilt_when_the_class_changes() -> None:
    cls = make_class("id", "name")
    thing = cls()

    for n in range(50):
        cls.n = n
        thing.name = n

    assert thing.name == 49
    assert _core.mapper_plan(cls).has_write_table


def test_writes_stay_right_when_the_class_changed_too_often() -> None:
    cls = make_class("id", "name")
    thing = cls()

    for n in range(3000):
        cls.n = n
        thing.name = n
        assert thing.name == n


def test_many_columns_have_values_and_history_when_more_than_64() -> None:
    keys = [f"c{n}" for n in range(200)]
    cls = make_class(*keys)
    thing = cls(**{key: n for n, key in enumerate(keys)})
    for key in keys:
        _core.set_committed_value(thing, key, 0)

    thing.c150 = 1
    thing.c63 = 2
    thing.c64 = 3

    assert thing._sa_instance_state.committed_state == {"c150": 0, "c63": 0, "c64": 0}
    assert thing.c199 == 0


def test_child_extends_the_parents_slots_when_mapped() -> None:
    class Base(_core.Entity):
        pass

    plan = map_class(Base, "id", "name")

    class Child(Base):
        pass

    child_plan = map_class(Child, "extra", base=plan)
    child = Child(name="ed", extra=1)

    assert child_plan.slots == {"id": 0, "name": 1, "extra": 2}
    assert (child.name, child.extra) == ("ed", 1)
    assert Child.name is not Base.name
    assert Child.name.class_ is Child


def test_child_replaces_a_parents_key_in_the_same_slot() -> None:
    class Base(_core.Entity):
        pass

    plan = map_class(Base, "id", "name")

    class Child(Base):
        pass

    child_plan = map_class(Child, slot("id", flags="a"), "extra", base=plan)

    assert child_plan.slots == {"id": 0, "name": 1, "extra": 2}
    assert Child(id=4).id == 4


def test_late_attribute_reaches_present_children_without_moving_theirs() -> None:
    class Base(_core.Entity):
        pass

    plan = map_class(Base, "id", "name")

    class Child(Base):
        pass

    child_plan = map_class(Child, "extra", base=plan)
    parent, child = Base(name="p"), Child(extra="e")

    added = plan.add_attribute(slot("late"))
    parent.late, child.late = 1, 2

    assert added is Base.late
    assert child_plan.slots["late"] == plan.slots["late"] == 3
    assert (parent.late, child.late, child.extra) == (1, 2, "e")
    assert Base(late=5).late == Child(late=5).late == 5


def test_two_mapped_bases_are_refused_when_mapped() -> None:
    first, second = make_class("id"), make_class("id")
    both = type("Both", (first, second), {})

    with pytest.raises(exc.InvalidRequestError, match="more than one mapped class"):
        map_class(both, "x", base=_core.mapper_plan(first))


def test_class_is_refused_when_mapped_twice() -> None:
    cls = make_class()

    with pytest.raises(exc.ArgumentError, match="already has a primary mapper"):
        map_class(cls, "id")


def test_unmapped_subclass_uses_its_parents_mapping() -> None:
    cls = make_class("id", "name")
    sub = type("Sub", (cls,), {})
    thing = sub(name="ed")
    thing.name = "x"

    assert thing.name == "x"
    assert vars(thing)["name"] == "x"


def test_instance_made_before_mapping_grows_when_first_used() -> None:
    class User(_core.Entity):
        pass

    user = User()
    map_class(User, "id", "name")

    user.name = "ed"

    assert user.name == "ed"


def test_class_can_be_changed_within_its_hierarchy_only() -> None:
    class Base(_core.Entity):
        pass

    plan = map_class(Base, "id", "name")

    class Child(Base):
        pass

    map_class(Child, *[f"c{n}" for n in range(20)], base=plan)
    other = make_class("id")
    thing = Base(name="ed")

    thing.__class__ = Child
    thing.c19 = 3

    assert (type(thing), thing.name, thing.c19) == (Child, "ed", 3)
    with pytest.raises(TypeError, match="not mapped in one hierarchy"):
        thing.__class__ = other


def test_bases_can_be_changed_when_mapped() -> None:
    class One(_core.Entity):
        pass

    class Two(_core.Entity):
        def hello(self) -> str:
            return "two"

    class User(One):
        pass

    map_class(User, "id", "name")
    user = User(name="ed")

    User.__bases__ = (Two,)
    user.name = "x"

    assert (user.hello(), user.name) == ("two", "x")


def test_getattr_hook_is_asked_for_missing_names_only() -> None:
    class User(_core.Entity):
        def __getattr__(self, name: str) -> str:
            return f"missing {name}"

    map_class(User, "id", "name")
    user = User(name="ed")

    assert (user.name, user.id, user.other) == ("ed", None, "missing other")


def test_dynamic_class_is_freed_when_nothing_refers_to_it() -> None:
    cls = make_class()
    ref = weakref.ref(cls)
    plan = weakref.ref(_core.mapper_plan(cls))
    cls(name="x").name  # noqa: B018 - the look is the act

    del cls
    leave_no_garbage()

    assert ref() is None
    assert plan() is None


def test_instances_of_a_collected_class_die_with_it() -> None:
    cls = make_class()
    things = [cls(name=[n]) for n in range(10)]
    things[0].other = things
    cls.kept = things
    ref = weakref.ref(things[0])

    del cls, things
    leave_no_garbage()

    assert ref() is None


def test_descriptor_refuses_an_instance_of_another_class() -> None:
    first, second = make_class("id", "name"), make_class("id", "name")

    with pytest.raises(TypeError, match="doesn't apply"):
        first.name.__get__(second())


def test_disposed_mapping_leaves_the_class_when_asked() -> None:
    cls = make_class("id", "name")
    thing = cls(name="ed")

    _core.mapper_plan(cls).dispose()

    assert _core.mapper_plan(cls) is None
    assert not hasattr(cls, "name")
    assert isinstance(thing, cls)
    map_class(cls, "id", "name")
    assert cls(name="x").name == "x"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ((), "spec is"),
        ((None, "wrong", None, (), (), None, None, None, None), "backend"),
        ((None, "dict", None, (slot("id"),), ("id",), None, None, None, None), "backend"),
        ((None, "slots", None, (slot("id"),), (), None, None, None, None), "needs a primary key"),
        ((None, "slots", None, (slot("id"),), ("no",), None, None, None, None), "not a mapped key"),
        ((None, "slots", None, (slot("id"), slot("id")), ("id",), None, None, None, None), "twice"),
        ((None, "slots", None, (slot("id", "odd"),), ("id",), None, None, None, None), "kind"),
        ((None, "slots", None, (slot("id", flags="?"),), ("id",), None, None, None, None), "flag"),
        ((None, "slots", None, (("id",),), ("id",), None, None, None, None), "a slot is"),
    ],
)
def test_plan_names_the_class_and_the_fault_when_the_spec_is_wrong(
    spec: tuple[Any, ...], message: str
) -> None:
    cls = type("Thing", (_core.Entity,), {})

    with pytest.raises(ValueError, match=message) as caught:
        _core.MapperPlan(cls, spec)

    assert "Thing" in str(caught.value)
    assert _core.mapper_plan(cls) is None
