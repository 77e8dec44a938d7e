"""Listeners on attributes: which are called, with what, in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyorm import _core
from pyorm.orm._symbols import NO_VALUE
from tests.orm.mapping import make_class, slot


def listen(attribute: Any, event: str, *listeners: Any) -> None:
    """Replace the listeners of one event; a 1-tuple's result replaces the value."""
    if attribute.dispatch is None:
        attribute.dispatch = _core.Dispatch("AttributeEvents", _core.ATTRIBUTE_EVENTS)
    attribute.dispatch._replace(event, listeners)


def logger(log: list[Any], name: str) -> Callable[..., None]:
    def listener(instance: Any, *args: Any) -> None:
        log.append((name, *args[:-1]))

    return listener


def test_set_gets_new_and_old_value_when_set_again_and_to_the_same() -> None:
    log: list[Any] = []
    cls = make_class()
    listen(cls.name, "set", logger(log, "set"))

    thing = cls(name="a")
    thing.name = "b"
    thing.name = "b"

    assert log == [("set", "a", NO_VALUE), ("set", "b", "a"), ("set", "b", "b")]
    assert thing._sa_instance_state.committed_state == {"name": NO_VALUE}


def test_token_names_the_attribute_and_the_operation() -> None:
    tokens: list[Any] = []
    cls = make_class()
    listen(cls.name, "set", lambda *args: tokens.append(args[-1]))
    listen(cls.name, "remove", lambda *args: tokens.append(args[-1]))

    thing = cls(name="a")
    thing.name = "b"
    del thing.name

    assert [(token.key, token.op) for token in tokens] == [
        ("name", "REPLACE"), ("name", "REPLACE"), ("name", "REMOVE"),
    ]
    assert tokens[0] is tokens[1]
    assert tokens[0].impl is cls.name


def test_listener_replaces_the_value_when_it_returns_one() -> None:
    cls = make_class()
    listen(
        cls.name, "set",
        (lambda instance, value, old, token: value * 2,),
        (lambda instance, value, old, token: value + "!",),
        lambda instance, value, old, token: "ignored",
    )

    thing = cls(name="a")

    assert thing.name == "aa!"


def test_set_is_refused_when_a_listener_raises() -> None:
    def refuse(*args: Any) -> None:
        raise ValueError("no")

    cls = make_class()
    thing = cls(name="a")
    listen(cls.name, "set", refuse)

    with pytest.raises(ValueError, match="no"):
        thing.name = "b"

    assert thing.name == "a"


def test_remove_gets_the_old_value_when_deleted() -> None:
    log: list[Any] = []
    cls = make_class()
    listen(cls.name, "remove", logger(log, "remove"))
    thing = cls(name="a")

    del thing.name

    assert log == [("remove", "a")]


def test_init_scalar_may_answer_and_store_when_nothing_is_there() -> None:
    seen: list[Any] = []

    def default(instance: Any, value: Any, values: dict[str, Any]) -> str:
        seen.append(value)
        values["name"] = "stored"
        return "answered"

    cls = make_class()
    listen(cls.name, "init_scalar", (default,))
    thing = cls()

    assert (thing.name, thing.name) == ("answered", "stored")
    assert seen == [None]
    assert not thing._sa_instance_state.modified


def test_modified_is_fired_by_flag_modified_only() -> None:
    log: list[Any] = []
    cls = make_class()
    listen(cls.name, "modified", logger(log, "modified"))
    thing = cls(name="a")

    thing.name = "b"
    _core.flag_modified(thing, "name")

    assert log == [("modified",)]


@pytest.mark.parametrize("configured", [True, False])
def test_validator_runs_before_listeners_that_came_after_the_configuration(
    configured: bool,
) -> None:
    order: list[str] = []

    def check(instance: Any, key: str, value: Any) -> Any:
        order.append("validator")
        return value

    cls = make_class("id", slot("name", validator=check))
    if configured:
        _core.mapper_plan(cls).configured()
    listen(cls.name, "set", lambda *args: order.append("listener"))

    cls(name="a")

    assert order == (["validator", "listener"] if configured else ["listener", "validator"])


def test_fast_writes_come_back_when_the_dispatch_is_taken_away() -> None:
    log: list[Any] = []
    cls = make_class()
    listen(cls.name, "set", logger(log, "set"))
    cls.name.dispatch = None

    cls(name="x")

    assert log == []


def test_dispatch_of_another_family_is_refused() -> None:
    cls = make_class()

    with pytest.raises(ValueError, match="AttributeEvents"):
        cls.name.dispatch = _core.Dispatch("Other", ("a",))
    with pytest.raises(TypeError, match="Dispatch"):
        cls.name.dispatch = 3
