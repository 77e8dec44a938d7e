"""Collections of transient and pending instances: both sides follow, history, cascade."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import pytest

from pyorm import inspect
from pyorm.orm import Session, attributes
from pyorm.orm.attributes import get_history
from pyorm.orm.exc import ObjectDereferencedError
from tests.orm.family import Child, Parent


def test_unset_collection_is_one_empty_list_that_is_not_stored() -> None:
    parent = Parent()
    assert parent.children == [] and parent.children is parent.children
    assert "children" not in vars(parent)
    assert inspect(parent).attrs.children.history == ((), (), ())


def test_appended_member_has_its_parent_set() -> None:
    parent, child = Parent(), Child()
    parent.children.append(child)
    assert child.parent is parent
    assert vars(parent)["children"] is parent.children


def test_set_parent_appends_to_its_collection() -> None:
    parent, other = Parent(), Parent()
    child = Child(parent=parent)
    assert parent.children == [child]
    child.parent = other
    assert parent.children == [] and other.children == [child]


def test_removed_member_loses_its_parent() -> None:
    parent = Parent(children=[Child(), Child()])
    first, second = parent.children
    parent.children.remove(first)
    assert first.parent is None and second.parent is parent
    assert parent.children.pop() is second and second.parent is None


def test_history_compares_members_by_identity() -> None:
    first, second = Child(name="a"), Child(name="b")
    parent = Parent(children=[first])
    assert get_history(parent, "children") == ([first], [], [])
    parent.children = [second, first]
    added, unchanged, deleted = get_history(parent, "children")
    assert (added, unchanged, deleted) == ([second, first], [], [])


def test_committed_collection_tells_what_came_and_went() -> None:
    first, second, third = Child(), Child(), Child()
    parent = Parent()
    attributes.set_committed_value(parent, "children", [first, second])
    assert get_history(parent, "children") == ((), [first, second], ())
    parent.children.remove(first)
    parent.children.append(third)
    assert get_history(parent, "children") == ([third], [second], [first])


def test_history_of_a_reference() -> None:
    one, two = Parent(), Parent()
    child = Child()
    attributes.set_committed_value(child, "parent", one)
    child.parent = two
    assert get_history(child, "parent") == ([two], (), [one])


def test_deleted_reference_without_a_value_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^Child\.parent object does not have a value$"):
        del Child().parent


def test_member_that_is_no_instance_is_refused() -> None:
    parent = Parent()
    with pytest.raises(AttributeError, match="'int' object has no attribute '_sa_instance_state'"):
        parent.children.append(3)
    with pytest.raises(KeyError, match="parent"):
        parent.children.append(Parent())
    assert parent.children == []


@pytest.mark.parametrize(
    ("value", "name"), [(5, "int"), (None, "None"), ({}, "dict"), ("x", "str"), ((), "tuple"), (set(), "set")]
)
def test_value_that_is_no_list_is_refused(value: Any, name: str) -> None:
    parent = Parent()
    with pytest.raises(TypeError, match=f"^Incompatible collection type: {name} is not list-like$"):
        parent.children = value
    assert parent.children == []


def test_member_follows_its_parent_into_the_session_but_not_the_other_way() -> None:
    session = Session()
    parent, appended, pointing = Parent(), Child(), Child()
    session.add(parent)
    parent.children.append(appended)
    pointing.parent = parent
    assert appended in session and pointing not in session
    assert pointing in parent.children


def test_add_brings_a_deep_chain_without_deep_recursion() -> None:
    session = Session()
    parents = [Parent() for _ in range(3)]
    for parent in parents:
        parent.children.extend(Child() for _ in range(3))
    session.add_all(parents)
    order = [type(one).__name__ for one in session.new]
    assert len(order) == 12
    assert [one for one in session.new if one is parents[1].children[2]]


def test_pending_orphan_leaves_the_session_when_removed() -> None:
    session = Session()
    parent, child = Parent(), Child()
    session.add(parent)
    parent.children.append(child)
    parent.children.remove(child)
    assert child not in session and parent in session


def test_replaced_collection_is_a_plain_list() -> None:
    parent, child = Parent(), Child()
    old = parent.children
    parent.children = []
    old.append(child)
    assert child.parent is None and parent.children == []


def test_collection_of_a_freed_instance_refuses_changes() -> None:
    children = Parent().children
    gc.collect()
    with pytest.raises(ObjectDereferencedError, match=r"attribute 'Parent\.children' - parent object of type <Parent>"):
        children.append(Child())
    assert children == []


def test_cycle_between_both_sides_is_freed() -> None:
    parent = Parent(children=[Child(), Child()])
    gone = weakref.ref(parent), weakref.ref(parent.children[0]), weakref.ref(parent.children)
    del parent
    gc.collect()
    assert [ref() for ref in gone] == [None, None, None]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda obj: pickle.loads(pickle.dumps(obj))])
def test_copied_graph_is_linked_again(copied: Any) -> None:
    parent = Parent(name="p", children=[Child(name="a"), Child(name="b")])
    again = copied(parent)
    assert [child.name for child in again.children] == ["a", "b"]
    assert all(child.parent is again for child in again.children)
    extra = Child()
    again.children.append(extra)
    assert extra.parent is again


def test_graph_pickled_from_its_collection_is_linked_again() -> None:
    parent = Parent(children=[Child(name="a"), Child(name="b")])
    children = pickle.loads(pickle.dumps(parent.children))
    assert [child.name for child in children] == ["a", "b"]
    assert children[0].parent.children is children
    children.append(extra := Child())
    assert extra.parent is children[0].parent
