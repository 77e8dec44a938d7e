"""Listeners, validators and functions of pyorm.orm.attributes on relationships."""

from __future__ import annotations

import gc
import re
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, StaticPool, String, create_engine, event, exc, inspect, select
from pyorm.orm import Session, attribute_keyed_dict, attributes, declarative_base, relationship, validates
from pyorm.orm.attributes import NO_VALUE, OP_BULK_REPLACE, get_history

LOG: list[Any] = []


def taken() -> list[Any]:
    """Return what was logged since the last call."""
    found = list(LOG)
    LOG.clear()
    return found


def family(
    one: dict[str, Any] | None = None, many: dict[str, Any] | None = None, checks: dict[str, Any] | None = None
) -> tuple[Any, Any, Any]:
    """Map parent and child with these options; return both and a session on an empty database."""
    base: Any = declarative_base()

    def validator(key: str) -> Any:
        def check(self: Any, name: str, value: Any, *removes: bool) -> Any:
            LOG.append((name, getattr(value, "name", value), *removes))
            return value

        return validates(key, **(checks or {}))(check)

    class Parent(base):
        __tablename__ = "parent"
        id = Column(Integer, primary_key=True)
        name = Column(String)
        children = relationship("Child", back_populates="parent", **(many or {}))
        if checks is not None:
            check = validator("children")

    class Child(base):
        __tablename__ = "child"
        id = Column(Integer, primary_key=True)
        name = Column(String)
        parent_id = Column(ForeignKey("parent.id"))
        parent = relationship("Parent", back_populates="children", **(one or {}))
        if checks is not None:
            check = validator("parent")

    engine = create_engine("sqlite://", poolclass=StaticPool)
    base.metadata.create_all(engine)
    LOG.clear()
    session = Session(engine)
    event.listen(engine, "before_cursor_execute", lambda c, cur, statement, *rest: LOG.append(statement.split()[0]))
    return Parent, Child, session


# --- validators ---


@pytest.mark.parametrize(
    ("checks", "appended", "replaced", "removed"),
    [
        (
            {},
            [("children", "a"), ("parent", "p")],
            [("children", "b"), ("parent", "p"), ("parent", None)],
            [("parent", None)],
        ),
        (
            {"include_removes": True},
            [("children", "a", False), ("parent", "p", False)],
            [("children", "b", False), ("parent", "p", False), ("children", "a", True), ("parent", None, False),
             ("children", "a", True)],
            [("children", "b", True), ("parent", None, False)],
        ),
        ({"include_backrefs": False}, [("children", "a")], [("children", "b")], []),
    ],
)  # fmt: skip
def test_validators_are_asked_for_changes_of_both_sides(
    checks: dict[str, Any], appended: Any, replaced: Any, removed: Any
) -> None:
    Parent, Child, _ = family(checks=checks)
    parent, a, b = Parent(name="p"), Child(name="a"), Child(name="b")
    parent.children.append(a)
    assert taken() == appended
    parent.children = [b]
    assert sorted(map(str, taken())) == sorted(map(str, replaced))
    parent.children.remove(b)
    assert taken() == removed


def test_validator_of_a_column_hears_of_its_deletion() -> None:
    base: Any = declarative_base()
    heard = []

    class Item(base):
        __tablename__ = "item"
        id = Column(Integer, primary_key=True)
        name = Column(String)

        @validates("name", include_removes=True)
        def check(self, key: str, value: Any, is_remove: bool) -> Any:
            heard.append((value, is_remove))
            return value

    item = Item(name="a")
    del item.name
    assert heard == [("a", False), ("a", True)]


# --- listeners ---


def test_listener_with_retval_replaces_what_is_appended() -> None:
    Parent, Child, _ = family()
    other = Child(name="other")
    event.listen(Parent.children, "append", lambda p, v, i: other if v.name == "swap" else v, retval=True)
    parent = Parent()
    parent.children.append(Child(name="swap"))
    parent.children = [*parent.children, Child(name="swap")]
    assert parent.children == [other, other]


def test_listener_of_bulk_replace_may_change_the_values() -> None:
    Parent, Child, _ = family()
    event.listen(Parent.children, "bulk_replace", lambda p, values, i: values.append(Child(name=i.op.name)))
    parent = Parent()
    parent.children = [Child(name="a")]
    assert [child.name for child in parent.children] == ["a", OP_BULK_REPLACE]
    assert all(child.parent is parent for child in parent.children)


def test_listener_may_ask_for_the_key() -> None:
    Parent, Child, _ = family(many={"collection_class": attribute_keyed_dict("name")})
    for name in ("append", "remove"):
        event.listen(Parent.children, name, lambda p, v, i, key: LOG.append((v.name, key)), include_key=True)
    event.listen(Parent.children, "bulk_replace", lambda p, v, i, keys: LOG.append(keys), include_key=True)
    parent = Parent()
    parent.children["k"] = Child(name="a")
    parent.children.set(Child(name="b"))
    del parent.children["k"]
    parent.children = {"x": Child(name="c")}
    parent.children.clear()
    assert taken() == [("a", "k"), ("b", "b"), ("a", "k"), ["x"], ("c", "c"), ("b", attributes.NO_KEY), ("c", "c")]


def test_collections_tell_of_their_birth_and_end() -> None:
    Parent, Child, _ = family()
    event.listen(Parent.children, "init_collection", lambda p, c, a: LOG.append(("init", a.data is c, a.attr.key)))
    event.listen(Parent.children, "dispose_collection", lambda p, c, a: LOG.append(("dispose", len(c), a.data is c)))
    parent = Parent()
    parent.children.append(Child())
    parent.children = []
    assert taken() == [("init", True, "children"), ("init", True, "children"), ("dispose", 1, True)]


def test_initiator_says_where_a_change_began() -> None:
    Parent, Child, _ = family()
    event.listen(Child.parent, "set", lambda c, v, old, i: LOG.append((i.key, i.op.name, i.impl, i.parent_token, old)))
    parent, child = Parent(), Child()
    parent.children.append(child)
    key, op, impl, prop, old = taken()[0]
    assert (key, op) == ("children", "APPEND") and impl is Parent.children and old is NO_VALUE
    assert prop is Parent.children.property and impl.key == "children"
    child.parent = None
    assert taken()[0][:2] == ("parent", "REPLACE")


def test_active_history_loads_the_old_value_before_a_set() -> None:
    Parent, Child, session = family()
    event.listen(Child.parent, "set", lambda c, v, old, i: LOG.append(old.name), active_history=True)
    session.add(Child(name="c", parent=Parent(name="p")))
    LOG.clear()
    session.commit()
    session.expunge_all()
    child = session.scalars(select(Child)).one()
    taken()
    child.parent = None
    assert taken() == ["SELECT", "p"]


# --- single_parent ---


def test_second_parent_is_refused_where_only_one_is_allowed() -> None:
    Parent, Child, _ = family(one={"cascade": "all, delete-orphan", "single_parent": True}, many={"uselist": False})
    parent = Parent(name="p")
    first = Child(parent=parent)
    with pytest.raises(exc.InvalidRequestError, match=r"already associated with an instance.*via its Child\.parent"):
        Child().parent = parent
    first.parent = None
    second = Child(parent=parent)
    assert second.parent is parent and parent.children is second and first.parent is None


# --- functions ---


def test_init_collection_stores_an_empty_one_without_events() -> None:
    Parent, Child, _ = family()
    event.listen(Parent.children, "append", lambda *args: LOG.append("append"))
    parent, child = Parent(), Child()
    adapter = attributes.init_collection(parent, "children")
    adapter.append_without_event(child)
    assert parent.children == [child] and child.parent is None and taken() == []
    assert get_history(parent, "children") == ((), [child], ())
    with pytest.raises(TypeError, match="'name' is not a collection"):
        attributes.init_collection(parent, "name")


def test_set_committed_value_fires_no_append() -> None:
    Parent, Child, _ = family()
    event.listen(Parent.children, "append", lambda *args: LOG.append("append"))
    parent, child = Parent(), Child()
    attributes.set_committed_value(parent, "children", [child])
    attributes.set_committed_value(child, "parent", parent)
    assert taken() == [] and child.parent is parent
    assert get_history(child, "parent") == ((), [parent], ())


def test_has_parent_knows_who_has_a_member() -> None:
    Parent, Child, _ = family()
    child, parent = Child(), Parent()
    assert not attributes.has_parent(Parent, child, "children")
    assert attributes.has_parent(Parent, child, "children", True)
    child.parent = parent
    assert attributes.has_parent(Parent, child, "children")
    assert list(inspect(child).parents.values()) == [inspect(parent)]
    parent.children.remove(child)
    assert not attributes.has_parent(Parent, child, "children", True)
    with pytest.raises(TypeError, match="has_parent"):
        attributes.has_parent(Parent, child, "name")


def test_functions_by_key_change_both_sides() -> None:
    Parent, Child, _ = family()
    parent, child = Parent(), Child()
    attributes.set_attribute(child, "parent", parent)
    assert parent.children == [child]
    attributes.del_attribute(child, "parent")
    assert parent.children == [] and attributes.get_attribute(child, "parent") is None
    state = inspect(child)
    assert attributes.get_state_history(state, "name") == ((), (), ())


# --- loaded collections ---


def test_collection_that_expired_warns_when_changed() -> None:
    Parent, Child, session = family()
    session.add(Parent(name="p", children=[Child(name="a")]))
    session.commit()
    parent = session.scalars(select(Parent)).one()
    stale = parent.children
    session.expire(parent, ["children"])
    child = Child(name="b")
    with pytest.warns(exc.SAWarning, match=r"^This collection has been invalidated\.$"):
        stale.append(child)
    assert child.parent is parent and child in session


def test_queue_of_an_unloaded_collection_is_let_go_with_its_instance() -> None:
    Parent, Child, session = family()
    session.add(Parent(name="p"))
    session.commit()
    parent = session.scalars(select(Parent)).one()
    session.expunge(parent)
    child = Child(name="b")
    before = gc.get_referrers(child)
    child.parent = parent
    child.parent = None
    session.close()
    del parent
    gc.collect()
    assert len(gc.get_referrers(child)) <= len(before)


@pytest.mark.filterwarnings("ignore:Usage of the")
@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda s, p, c: p.children.append(c), "collection append"),
        (lambda s, p, c: p.children.clear(), "collection remove"),
        (lambda s, p, c: s.add(c), "Session.add()"),
        (lambda s, p, c: s.add_all([c]), "Session.add_all()"),
    ],
)
def test_change_while_a_flush_writes_is_warned_of(change: Any, what: str) -> None:
    Parent, Child, session = family()
    event.listen(Parent, "before_insert", lambda mapper, connection, target: change(session, target, Child()))
    session.add(Parent(children=[Child()]))
    with pytest.warns(exc.SAWarning, match=f"Usage of the '{re.escape(what)}' operation is not currently supported"):
        session.flush()


# --- listeners that do harm ---


def test_listener_may_change_the_same_collection() -> None:
    Parent, Child, _ = family()

    def clear(target: Any, value: Any, initiator: Any) -> None:
        if value.name == "clear":
            target.children.clear()

    event.listen(Parent.children, "append", clear)
    event.listen(Parent.children, "remove", lambda target, value, initiator: list.clear(target.children))
    parent = Parent(children=[Child(name=str(i)) for i in range(5)])
    parent.children.append(Child(name="clear"))
    assert [child.name for child in parent.children] == ["clear"]
    parent.children[0:1] = [Child(name="x"), Child(name="clear"), Child(name="y")]
    parent.children.insert(7, Child(name="clear"))
    assert "clear" in [child.name for child in parent.children]


def test_listener_that_raises_stops_the_change() -> None:
    Parent, Child, _ = family()

    def refuse(target: Any, value: Any, initiator: Any) -> None:
        raise RuntimeError(value.name)

    event.listen(Parent.children, "append", refuse)
    parent = Parent()
    for change in (
        lambda: parent.children.append(Child(name="a")),
        lambda: parent.children.extend([Child(name="a")]),
        lambda: setattr(parent, "children", [Child(name="a")]),
        lambda: setattr(Child(name="a"), "parent", parent),
    ):
        with pytest.raises(RuntimeError, match="a"):
            change()
    assert parent.children == []


def test_instance_freed_by_a_listener_is_not_touched() -> None:
    Parent, Child, _ = family()
    held = [Parent(name="p")]
    children = held[0].children
    event.listen(Parent.children, "append", lambda target, value, initiator: held.clear())
    children.append(Child(name="a"))
    gc.collect()
    assert len(children) == 1


def test_listener_may_replace_the_collection_under_a_change() -> None:
    Parent, Child, _ = family()
    parent = Parent(name="p")

    def replace(target: Any, value: Any, initiator: Any) -> None:
        if value.name == "swap":
            target.children = [Child(name="new")]

    event.listen(Parent.children, "append", replace)
    parent.children.append(Child(name="swap"))
    assert [child.name for child in parent.children] == ["new"]
