"""Completing the mappings: relationships are looked up, checked and linked.

It happens once for all classes that wait: at the first instance, the first statement that is
compiled, or by `configure_mappers()`. A mapper whose configuration failed is remembered, and its
error comes again, until its registry is disposed of.
"""

from __future__ import annotations

from _thread import RLock
from collections.abc import Iterable
from typing import Any

from pyorm import exc
from pyorm.orm import _mapping_events
from pyorm.orm.relationships import RelationshipProperty

_running: list[bool] = []
_lock = RLock()


def configure_mappers() -> None:
    """Complete the mappings of all registries.

    Raises:
        InvalidRequestError: an earlier configuration failed; the text names the mapper and its error.
        ArgumentError, NoForeignKeysError, …: a relationship cannot be completed.
    """
    from pyorm.orm._registry import _all_registries

    configure(sorted(_all_registries, key=lambda one: one._number))


def configure_for(mapper: Any) -> bool:
    """Complete the mappings of a mapper's registry and of those that its relationships lead to.

    Returns:
        Whether nothing of any registry waits any more.
    """
    from pyorm.orm._registry import _all_registries

    if not _running:
        configure_registry(getattr(mapper, "registry", None), cascade=True)
    return not any(_incomplete([one]) for one in _all_registries)


def configure_registry(registry: Any, cascade: bool) -> None:
    """Complete the mappings of a registry.

    Args:
        cascade: complete the registries too that its relationships refer to.

    Raises:
        InvalidRequestError: not `cascade`, and there are such registries that are not complete.
    """
    seen: list[Any] = []
    waiting = [registry] if registry is not None else []
    while waiting:
        one = waiting.pop(0)
        seen.append(one)
        configure([one])
        more = [other for other in one._dependencies if other not in seen and _incomplete([other])]
        if more and not cascade:
            raise exc.InvalidRequestError(
                "configure was called with cascade=False but additional registries remain: relationships lead to "
                f"{', '.join(sorted(str(m) for other in more for m in _incomplete([other])))}; pass cascade=True"
            )
        waiting += more


def configure(registries: Iterable[Any]) -> None:
    """Complete the mappings of these registries, and tell the listeners if there was something to complete.

    Another thread that is at it is waited for.
    """
    with _lock:
        if not _running:  # else configuration itself asks
            _running.append(True)
            try:
                _configure(list(registries))
            finally:
                _running.pop()


def _configure(taking_part: list[Any]) -> None:
    waiting = _incomplete(taking_part)
    _refuse_failed(waiting)
    if not waiting:
        return
    _call_hooks(waiting, "__declare_first__")
    _mapping_events.fire_before_configured(taking_part)
    skipped: set[Any] = set()
    while waiting := [m for m in _incomplete(taking_part) if m not in skipped]:
        _complete(waiting, skipped)
    _mapping_events.fire_after_configured(taking_part)
    _call_hooks(waiting, "__declare_last__")


def _call_hooks(mappers: list[Any], name: str) -> None:
    """Call a class method of each class that has it, its own or an unmapped base's."""
    for mapper in mappers:
        for base in mapper.class_.__mro__:
            if name in base.__dict__:
                getattr(mapper.class_, name)()
                break
            if base is not mapper.class_ and "__mapper__" in base.__dict__:
                break


def _incomplete(registries: list[Any]) -> list[Any]:
    """Return the mappers that are not complete, in the order in which they were made."""
    found = [m for one in registries for m in one._mappers.values() if not m._is_configured]
    found.sort(key=lambda m: m._number)
    return found


def _complete(mappers: list[Any], skipped: set[Any]) -> None:
    """Complete these mappings; those that a listener of before_mapper_configured skips wait."""
    chosen = []
    fresh = [mapper for mapper in mappers if not mapper._is_announced]  # the others got a relationship since
    for mapper in mappers:
        if mapper in fresh and not _mapping_events.fire(
            "before_mapper_configured", mapper.class_, mapper, mapper.class_
        ):
            skipped.add(mapper)
            continue
        mapper._is_announced = True
        chosen.append(mapper)
    done: dict[RelationshipProperty, None] = {}
    for mapper in chosen:
        _set_up(mapper, done)
    _hand_over(list(done))
    for mapper in chosen:
        mapper.plan.configured()
        mapper._is_configured = True
    for mapper in chosen:
        if mapper not in fresh:
            continue
        _mapping_events.fire_attributes(mapper, mapper._props)
        _mapping_events.fire("mapper_configured", mapper.class_, mapper, mapper.class_)


def _refuse_failed(mappers: list[Any]) -> None:
    for mapper in mappers:
        if mapper._failure is not None:
            error = exc.InvalidRequestError(
                "One or more mappers failed to initialize - can't proceed with initialization of other mappers. "
                f"Triggering mapper: '{mapper}'. Original exception was: {mapper._failure}"
            )
            error._configure_failed = mapper._failure  # type: ignore[attr-defined]
            raise error


def _waiting(mapper: Any) -> list[RelationshipProperty]:
    """Return the mapper's relationships that the core does not know yet."""
    return [
        p
        for p in mapper._props.values()
        if isinstance(p, RelationshipProperty) and p.parent is mapper and p._relation is None
    ]


def _set_up(mapper: Any, done: dict[RelationshipProperty, None]) -> None:
    """Set the mapper's relationships up, and those that their backrefs add elsewhere."""
    pending = _waiting(mapper)
    if pending:
        from pyorm.orm import _relate  # not before there is a relationship
    while pending:
        prop = pending.pop(0)
        if prop in done:
            continue
        if prop._join is None:  # else an error of another one came between
            try:
                _relate.set_up(prop)
            except Exception as error:
                prop._join = None
                prop.parent._failure = error
                raise
        done[prop] = None
        if prop.backref is not None:  # the other mapper's turn may be over
            pending.append(prop.mapper._props[prop.back_populates])
    mapper._is_set_up = True


def _hand_over(done: Iterable[RelationshipProperty]) -> None:
    """Make the core's Relations, link them, and give them to the attributes."""
    if not done:
        return
    from pyorm.orm import _relate

    made = {prop: _relate.make_relation(prop) for prop in done}
    for prop, relation in made.items():
        prop._relation = relation
    for prop in {p: None for one in done for p in (one, *one._reverse_property)}:
        others = [o for o in prop._reverse_property if o._relation is not None and _relate.syncs_with(prop, o)]
        relation = prop._relation
        if relation is not None:
            relation._set_reverse(tuple(o._relation for o in sorted(others, key=str)))
            prop.parent.plan.set_relation(prop.key, relation)


__all__ = ["configure", "configure_for", "configure_mappers", "configure_registry"]
