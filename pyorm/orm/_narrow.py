"""Relationships that an option narrows to subclasses: what their rows are read from, and options said of it.

`Company.staff.of_type(Manager)` in a loader option loads everybody, with the columns of managers: the related rows are
read from a `with_polymorphic()` alias of the related class.
"""

from __future__ import annotations

from typing import Any

from pyorm.orm import _paths
from pyorm.orm._load_option import Load
from pyorm.orm._paths import RELATION, Item, Step
from pyorm.orm._with_polymorphic import with_polymorphic


def alias_of(prop: Any, steps: list[Step]) -> Any:
    """Return the alias that the related rows are read from, where steps name subclasses; else None.

    Args:
        prop: the relationship.
        steps: those of the options that lead along it.
    """
    target = prop.entity.entity
    if not isinstance(target, type) or any(step.of is not None and not isinstance(step.of, type) for step in steps):
        return None
    classes = [step.of for step in steps if step.of is not None and step.of is not target]
    classes = [one for one in dict.fromkeys(classes) if issubclass(one, target)]
    return with_polymorphic(target, classes, flat=True) if classes else None


def part_of(entity: Any, cls: Any) -> Any:
    """Return the alias of a subclass inside an alias of several classes; the entity itself where it has none."""
    if isinstance(entity, type) or not isinstance(cls, type):
        return entity
    found = entity.__dict__.get(cls.__name__)
    insp = getattr(found, "_aliased_insp", None)
    return entity if insp is None or insp.class_ is not cls else found


def has_part(entity: Any, cls: type) -> bool:
    """Return whether an alias of several classes has one of this class."""
    return part_of(entity, cls) is not entity


def attribute_of(entity: Any, attr: Any) -> Any:
    """Return an attribute of the related class or a subclass as one of the related entity."""
    found = part_of(entity, _class_of(attr.class_))
    return getattr(found, attr.key)


def _read_or_not(entity: Any, attr: Any) -> Any:
    """Return the entity's attribute; without a column for it, the pair of the entity and its class's attribute."""
    try:
        return attribute_of(entity, attr)
    except AttributeError:
        return part_of(entity, _class_of(attr.class_)), attr


def about(item: Item, related: Any) -> Item:
    """Return an item about columns as one about the entity that is read."""
    root = part_of(related, _class_of(item.root))
    if item.what == _paths.SUBCLASS:
        return item._replace(root=related, steps=())
    target = None if item.target is None else _read_or_not(related, item.target)
    return item._replace(root=root, steps=(), target=target)


def moved(options: tuple[Any, ...], related: Any) -> tuple[Any, ...]:
    """Return options about a class as options about an alias of it and its subclasses."""
    return tuple(_moved(option, related) if isinstance(option, Load) else option for option in options)


def _moved(option: Load, related: Any) -> Load:
    items = []
    for item in option._items:
        if item.root is None or not isinstance(item.root, type):
            items.append(item)
        elif item.steps or item.what == RELATION:
            items.append(item._replace(root=related))
        elif item.what in _paths.SIMPLE:
            items.append(about(item, related))
        else:
            items.append(item._replace(root=part_of(related, item.root)))
    return Load._make(None, (), tuple(items))


def _class_of(root: Any) -> Any:
    insp = getattr(root, "_aliased_insp", None)
    return root if insp is None else insp.class_


__all__ = ["about", "alias_of", "attribute_of", "has_part", "moved", "part_of"]
