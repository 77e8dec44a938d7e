"""An instance of each heap type of csrc/orm/, for tests/refcounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyorm import _core
from tests.orm.family import collection_adapter, event_token
from tests.orm.mapping import make_class
from tests.orm.test_relation import make_relation


def make_related_value() -> object:
    """Return the value of a bind that stands for an instance's key."""
    from tests.golden.related import make_related

    global _models  # noqa: PLW0603
    if _models is None:
        _models = make_related("pyorm")
    q = _models
    return (q.Post.author == q.Author(id=1)).element.left.callable


_models: Any = None


class Base(_core.Entity):
    """Not mapped: its instances are those of the type itself."""


INSTANCES: dict[str, Callable[[], object]] = {
    "AliasedEntity": _core.AliasedEntity,
    "AttributeKey": lambda: _core.AttributeKey(("name",)),
    "AttributeEventToken": lambda: event_token(),
    "CollectionAdapter": lambda: collection_adapter(),
    "Entity": Base,
    "InstrumentedDict": _core.InstrumentedDict,
    "InstrumentedList": _core.InstrumentedList,
    "InstrumentedSet": _core.InstrumentedSet,
    "KeyFuncDict": lambda: _core.KeyFuncDict(str),
    "InstrumentedAttribute": lambda: make_class().name,
    "InstanceState": lambda: make_class()()._sa_instance_state,
    "LoaderOption": _core.LoaderOption,
    "RelatedValue": make_related_value,
    "Relation": make_relation,
    "MapperPlan": lambda: _core.mapper_plan(make_class()),
}

UNMADE: dict[str, str] = {
    "RelationLoads": "a relationship keeps it to itself; tests/conformance/test_rel_loading.py loads by it",
    "MapperLoads": "a plan keeps it to itself; test_load_by_key counts statements instead",
}
