"""`Thing(name=…)`: the default constructor."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import _core
from pyorm.orm._symbols import NO_VALUE
from tests.orm.mapping import make_class, map_class, slot


def test_keywords_become_pending_changes_when_constructed() -> None:
    thing = make_class()(id=1, name="ed")

    assert thing._sa_instance_state.committed_state == {"id": NO_VALUE, "name": NO_VALUE}
    assert thing._sa_instance_state.modified


def test_unknown_keyword_is_refused_with_its_name() -> None:
    with pytest.raises(TypeError, match=r"^'foo' is an invalid keyword argument for Thing$"):
        make_class()(name="ed", foo=1)


def test_positional_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="takes 1 positional argument but 3 were given"):
        make_class()(1, 2)


def test_keywords_are_set_in_order_through_properties_and_validators() -> None:
    log: list[str] = []

    class User(_core.Entity):
        @property
        def nick(self) -> Any:
            return self.name

        @nick.setter
        def nick(self, value: Any) -> None:
            log.append("nick")
            self.name = value

    def check(instance: Any, key: str, value: Any) -> Any:
        log.append(key)
        return value

    map_class(User, "id", slot("name", validator=check), slot("city", validator=check))

    user = User(city="x", nick="ed")

    assert log == ["city", "nick", "name"]
    assert user.name == "ed"


def test_names_that_are_not_interned_are_set_when_constructed() -> None:
    name = "".join(["na", "me"])

    assert make_class()(**{name: "ed"}).name == "ed"


def test_plain_class_attribute_may_be_given_when_constructed() -> None:
    class User(_core.Entity):
        mood = "good"

    map_class(User, "id")

    assert User(mood="bad").mood == "bad"


def test_setter_may_change_the_class_while_constructing() -> None:
    class User(_core.Entity):
        @property
        def trick(self) -> None:
            return None

        @trick.setter
        def trick(self, value: Any) -> None:
            User.name = property(lambda self: "prop", lambda self, value: seen.append(value))

    seen: list[Any] = []
    map_class(User, "id", "name")

    user = User(trick=1, name="ed")

    assert (user.name, seen) == ("prop", ["ed"])


def test_instance_is_dropped_when_a_setter_raises() -> None:
    def refuse(instance: Any, key: str, value: Any) -> Any:
        raise ValueError("no")

    cls = make_class("id", slot("name", validator=refuse))

    with pytest.raises(ValueError, match="no"):
        cls(id=[1], name="x")


def test_super_init_takes_keywords_when_called_from_a_users_init() -> None:
    class User(_core.Entity):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs, name="set")

    map_class(User, "id", "name")

    assert User(id=3).name == "set"
