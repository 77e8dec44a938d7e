"""An instance of each heap type of csrc/orm/, for tests/refcounts."""

from __future__ import annotations

from collections.abc import Callable

from pyorm import _core
from tests.orm.mapping import make_class


class Base(_core.Entity):
    """Not mapped: its instances are those of the type itself."""


INSTANCES: dict[str, Callable[[], object]] = {
    "Entity": Base,
    "InstrumentedAttribute": lambda: make_class().name,
    "InstanceState": lambda: make_class()()._sa_instance_state,
    "MapperPlan": lambda: _core.mapper_plan(make_class()),
}
