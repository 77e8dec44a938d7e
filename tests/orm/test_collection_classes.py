"""Collections of other classes: sets, keyed dictionaries, subclasses, duck types, roles by `@collection`."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, String, event, exc
from pyorm.orm import (
    KeyFuncDict,
    attribute_keyed_dict,
    column_keyed_dict,
    configure_mappers,
    declarative_base,
    keyfunc_mapping,
    relationship,
)
from pyorm.orm.collections import InstrumentedList, InstrumentedSet, collection, collection_adapter


def family(collection_class: Any, **options: Any) -> tuple[Any, Any]:
    """Map a parent with this collection of children; return both classes."""
    base: Any = declarative_base()

    class Parent(base):
        __tablename__ = "parent"
        id = Column(Integer, primary_key=True)
        children = relationship("Child", back_populates="parent", collection_class=collection_class, **options)

    class Child(base):
        __tablename__ = "child"
        id = Column(Integer, primary_key=True)
        name = Column(String)
        parent_id = Column(ForeignKey("parent.id"))
        parent = relationship("Parent", back_populates="children")

        def __repr__(self) -> str:
            return f"Child({self.name})"

    return Parent, Child


# --- sets ---


def test_set_tells_of_each_change() -> None:
    Parent, Child = family(set)
    parent = Parent()
    a, b, c = (Child(name=name) for name in "abc")
    parent.children.update([a, b])
    parent.children |= {c}
    assert all(child.parent is parent for child in (a, b, c))
    parent.children &= {a, b}
    parent.children ^= {a, c}
    assert parent.children == {b, c} and a.parent is None
    parent.children -= {b}
    parent.children.discard(a)
    assert parent.children.pop() is c and c.parent is None
    assert type(parent.children) is InstrumentedSet and repr(InstrumentedSet({1})) == "InstrumentedSet({1})"
    with pytest.raises(KeyError):
        parent.children.remove(a)


def test_set_is_kept_as_it_is_when_an_operator_cannot_take_the_other_side() -> None:
    Parent, _ = family(set)
    parent = Parent()
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \|="):
        parent.children |= [1]
    assert parent.children == set()


# --- keyed dictionaries ---


def test_member_is_put_under_its_attribute() -> None:
    Parent, Child = family(attribute_keyed_dict("name"))
    parent, child = Parent(), Child(name="a")
    child.parent = parent
    assert parent.children == {"a": child}
    assert isinstance(parent.children, KeyFuncDict)
    child.parent = None
    assert parent.children == {}


def test_dictionary_tells_of_each_change() -> None:
    Parent, Child = family(attribute_keyed_dict("name"))
    parent = Parent()
    members = {name: Child(name=name) for name in "abcdef"}
    children = parent.children
    children["a"] = members["a"]
    children.update({"b": members["b"]}, c=members["c"])
    children.update([("d", members["d"])])
    children.update({"e": members["e"]}.items())
    assert children.setdefault("f", members["f"]) is members["f"] and children.setdefault("f") is members["f"]
    assert all(member.parent is parent for member in members.values())
    del children["a"]
    assert children.pop("b") is members["b"] and children.pop("b", 3) == 3
    assert children.popitem() == ("f", members["f"])
    children["c"] = members["a"]
    assert [member.parent is parent for member in members.values()] == [True, False, False, True, True, False]
    children.clear()
    assert not any(member.parent for member in members.values())
    with pytest.raises(KeyError, match="zz"):
        children.pop("zz")


def test_unset_key_is_refused_and_a_key_that_is_none_warns() -> None:
    Parent, Child = family(attribute_keyed_dict("name"))
    with pytest.raises(exc.InvalidRequestError, match=r"population of attribute 'Child\.parent'.*is not populated"):
        Child().parent = Parent()
    parent = Parent()
    with pytest.warns(exc.SAWarning, match=r"value for attribute 'Child\.parent' was None; this will raise"):
        Child(name=None).parent = parent
    assert list(parent.children) == [None]
    with pytest.warns(exc.SAWarning, match="'unknown relationship'"), pytest.raises(KeyError):
        Parent().children.remove(Child(name=None))


def test_unpopulated_members_are_left_out_where_asked() -> None:
    Parent, Child = family(attribute_keyed_dict("name", ignore_unpopulated_attribute=True))
    parent, unset, none = Parent(), Child(), Child(name=None)
    unset.parent = none.parent = parent
    assert parent.children == {} and unset.parent is parent
    unset.parent = none.parent = None
    assert parent.children == {}


def test_keys_by_columns_are_values_or_tuples() -> None:
    Parent, Child = family(lambda: keyed())
    columns = Child.__table__.c
    keyed = column_keyed_dict([columns.name, columns.id])
    parent = Parent(children={"any": Child(name="a", id=3)})
    assert list(parent.children) == [("a", 3)]
    one = column_keyed_dict(columns.name)()
    one.set(Child(name="b"))
    assert list(one) == ["b"]


def test_another_member_under_the_key_is_not_removed() -> None:
    Parent, Child = family(keyfunc_mapping(lambda child: child.name))
    parent = Parent()
    parent.children.set(Child(name="a"))
    with pytest.raises(exc.InvalidRequestError, match=r"Can not remove 'Child\(a\)': collection holds 'Child\(a\)'"):
        parent.children.remove(Child(name="a"))


def test_unhashable_key_is_a_type_error() -> None:
    Parent, Child = family(keyfunc_mapping(lambda child: [child.name]))
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        Child().parent = Parent()


def test_keyed_dictionary_is_pickled_with_its_key_function() -> None:
    made = attribute_keyed_dict("name")()
    made["a"] = 1
    again = pickle.loads(pickle.dumps(made))
    assert again == {"a": 1} and again.keyfunc.names == ("name",)


def test_subclass_of_a_keyed_dictionary_may_have_its_own_assignment() -> None:
    class Logged(KeyFuncDict):
        def __init__(self) -> None:
            super().__init__(lambda child: child.name)
            self.log: list[Any] = []

        @collection.internally_instrumented
        def __setitem__(self, key: Any, value: Any, _sa_initiator: Any = None) -> None:
            self.log.append(("set", key))
            super().__setitem__(key, value, _sa_initiator)

        @collection.internally_instrumented
        def __delitem__(self, key: Any, _sa_initiator: Any = None) -> None:
            self.log.append(("del", key))
            super().__delitem__(key, _sa_initiator)

    Parent, Child = family(Logged)
    parent, child = Parent(), Child(name="a")
    child.parent = parent
    parent.children["b"] = Child(name="b")
    child.parent = None
    assert list(parent.children) == ["b"]
    assert parent.children.log == [("set", "a"), ("set", "b"), ("del", "a")]


# --- subclasses of list and set, classes that behave like them ---


def test_list_subclass_keeps_its_class_and_methods() -> None:
    class Sorted(list):  # type: ignore[type-arg]
        def names(self) -> list[str]:
            return sorted(child.name for child in self)

    Parent, Child = family(Sorted)
    parent, first = Parent(), Child(name="1")
    first.parent = parent
    parent.children.append(Child(name="2"))
    parent.children[0:1] = [Child(name="5"), Child(name="6")]
    parent.children += [Child(name="9")]
    assert type(parent.children) is Sorted and parent.children.names() == ["2", "5", "6", "9"]
    assert first.parent is None and all(child.parent is parent for child in parent.children)
    parent.children = [first]
    parent.children.insert(0, other := Child(name="0"))
    parent.children[0] = third = Child(name="3")
    assert other.parent is None and parent.children == [third, first]
    del parent.children[0]
    assert parent.children.pop() is first and third.parent is None
    parent.children.extend([first, third])
    parent.children[::2] = [other]
    parent.children.clear()
    assert first.parent is None and third.parent is None and other.parent is None


def test_set_subclass_keeps_its_class() -> None:
    class Bag(set):  # type: ignore[type-arg]
        pass

    Parent, Child = family(Bag)
    parent, first = Parent(), Child(name="1")
    first.parent = parent
    parent.children |= {Child(name="2")}
    parent.children.discard(first)
    assert first.parent is None and len(parent.children) == 1
    parent.children ^= {first}
    parent.children &= {first}
    assert parent.children == {first} and type(parent.children) is Bag
    parent.children -= {first}
    assert first.parent is None


def test_class_that_emulates_a_list_is_one() -> None:
    class Shelf:
        __emulates__ = list

        def __init__(self) -> None:
            self.data: list[Any] = []

        def append(self, item: Any) -> None:
            self.data.append(item)

        def remove(self, item: Any) -> None:
            self.data.remove(item)

        def __iter__(self) -> Any:
            return iter(self.data)

    Parent, Child = family(Shelf)
    parent, first = Parent(), Child(name="1")
    first.parent = parent
    parent.children.append(Child(name="2"))
    assert len(list(parent.children)) == 2 and type(parent.children) is Shelf
    parent.children = [first]
    adapter = collection_adapter(parent.children)
    assert adapter.data is parent.children and list(adapter) == [first] and len(adapter) == 1
    parent.children.remove(first)
    assert first.parent is None
    adapter.append_without_event(first)
    assert first.parent is None and parent.children.data == [first]


def test_roles_say_which_methods_change_members() -> None:
    class Drawer:
        def __init__(self) -> None:
            self.d: dict[str, Any] = {}

        @collection.appender
        def put(self, item: Any) -> None:
            self.d[item.name] = item

        @collection.remover
        def drop(self, item: Any) -> None:
            del self.d[item.name]

        @collection.iterator
        def __iter__(self) -> Any:
            return iter(self.d.values())

        @collection.adds("thing")
        def also(self, where: Any, thing: Any) -> None:
            self.d[thing.name] = thing

        @collection.removes_return()
        def last(self) -> Any:
            return self.d.popitem()[1]

        @collection.replaces(1)
        def swap(self, item: Any) -> Any:
            old = self.d.popitem()[1] if self.d else None
            self.d[item.name] = item
            return old

        @collection.removes(1)
        def bye(self, item: Any) -> None:
            del self.d[item.name]

        @collection.internally_instrumented
        def quiet(self, item: Any) -> None:
            self.d[item.name] = item

    Parent, Child = family(Drawer)
    parent = Parent()
    a, b, c, d, e = (Child(name=name) for name in "abcde")
    a.parent = parent
    parent.children.also(None, b)
    parent.children.also(0, thing=c)
    assert b.parent is parent and c.parent is parent
    assert parent.children.last() is c and c.parent is None
    assert parent.children.swap(d) is b and b.parent is None and d.parent is parent
    parent.children.bye(a)
    assert a.parent is None
    parent.children.quiet(e)
    assert e.parent is None
    with pytest.raises(TypeError, match="Incompatible collection type: list is not None-like"):
        parent.children = [a]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict, "Type InstrumentedDict must elect an appender method to be a collection class"),
        (tuple, "Type tuple must elect an appender method to be a collection class"),
        (type("Half", (), {"append": lambda self, x: None}), "Type Half must elect a remover method"),
    ],
)
def test_class_without_the_roles_is_refused(given: Any, message: str) -> None:
    parents = family(given)
    with pytest.raises(exc.ArgumentError, match=re.escape(message)):
        configure_mappers()
    for cls in parents:
        cls.registry.dispose()


def test_factory_of_a_plain_list_makes_an_instrumented_one() -> None:
    Parent, Child = family(lambda: [])
    parent = Parent()
    parent.children.append(child := Child())
    assert type(parent.children) is InstrumentedList and child.parent is parent


def test_override_that_is_not_marked_tells_itself_and_by_super() -> None:
    class Loud(InstrumentedList):
        def append(self, item: Any) -> None:
            super().append(item)

    Parent, Child = family(Loud)
    parent, log = Parent(), []
    event.listen(Parent.children, "append", lambda target, value, initiator: log.append(value.name))
    parent.children.append(Child(name="1"))
    parent.children.extend([Child(name="2")])
    assert log == ["1", "1", "2", "2"]


def test_loading_into_a_keyed_dictionary_runs_no_frame_per_member() -> None:
    import sys

    from pyorm.orm import attributes

    Parent, Child = family(attribute_keyed_dict("name"))
    parent, members = Parent(), [Child(name=str(i)) for i in range(50)]
    frames = []
    sys.setprofile(lambda frame, what, arg: frames.append(frame.f_code.co_name) if what == "call" else None)
    try:
        attributes.set_committed_value(parent, "children", members)
    finally:
        sys.setprofile(None)
    assert len(parent.children) == 50 and len(frames) < 10
