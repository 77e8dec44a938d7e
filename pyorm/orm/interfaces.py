"""What extensions of the mapping import: the base of properties, constants of listeners and of relationships."""

from __future__ import annotations

from pyorm.orm._comparator import PropComparator
from pyorm.orm._criteria import UserDefinedOption
from pyorm.orm._mapping_events import EXT_CONTINUE, EXT_SKIP, EXT_STOP, EventConstants
from pyorm.orm.properties import MapperProperty
from pyorm.orm.relationships import MANYTOMANY, MANYTOONE, ONETOMANY, RelationshipDirection

__all__ = [
    "EXT_CONTINUE",
    "EXT_SKIP",
    "EXT_STOP",
    "MANYTOMANY",
    "MANYTOONE",
    "ONETOMANY",
    "EventConstants",
    "MapperProperty",
    "PropComparator",
    "RelationshipDirection",
    "UserDefinedOption",
]
