"""What `inspect()` answers about mapped classes, instances, aliases and attributes."""

from __future__ import annotations

from typing import Any

from pyorm import _core
from pyorm.inspection import register_inspector
from pyorm.orm._aliased import AliasedClass, AliasedInsp
from pyorm.orm.mapper import Mapper


def _of_class(cls: type) -> Any:
    plan = _core.mapper_plan(cls)
    # A class that derives from a mapped one without being mapped is not known.
    return plan.mapper if plan is not None and plan.class_ is cls else None


def _of_instance(instance: object) -> Any:
    return _core.find_state(instance)


def _itself(subject: Any) -> Any:
    return subject


register_inspector(type, _of_class)
register_inspector(object, _of_instance)
register_inspector(AliasedClass, lambda alias: alias.__dict__["_aliased_insp"])
for _kind in (AliasedInsp, Mapper, _core.InstrumentedAttribute, _core.InstanceState, _core.ClauseElement):
    register_inspector(_kind, _itself)
