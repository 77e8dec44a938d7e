"""`Session.merge` for single objects: values of one instance onto the session's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyorm import _core, exc
from pyorm.orm._symbols import NO_VALUE
from pyorm.orm.exc import StaleDataError

if TYPE_CHECKING:
    from pyorm.orm.session import Session


def merge(session: Session, instance: Any, load: bool, options: Sequence[Any] | None) -> Any:
    """Merge one instance; see Session.merge."""
    state = _core.instance_state(instance)
    if load:
        session._autoflush()
    before, session.autoflush = session.autoflush, False
    try:
        return _merge(session, instance, state, load, options)
    finally:
        session.autoflush = before


def _merge(session: Session, instance: Any, state: Any, load: bool, options: Sequence[Any] | None) -> Any:
    mapper = state.mapper
    key = state.key
    if key is None:
        if instance in session:
            return instance
        if not load:
            raise exc.InvalidRequestError(
                "merge() with load=False option does not support objects transient (i.e. unpersisted) objects.  "
                "flush() all changes on mapped instances before merging with load=False."
            )
        key = _key_of_values(mapper, instance)
    elif state.session is session and instance in session:
        return instance
    merged = None if key is None else session._map_get(mapper.plan, key[1], key[2])
    if merged is None and not load:
        if state.modified:
            raise exc.InvalidRequestError(
                "merge() with load=False option does not support objects marked as 'dirty'.  flush() all changes on "
                "mapped instances before merging with load=False."
            )
        merged = _detached_copy(session, mapper, key, instance)
    elif merged is None and key is not None:
        merged = session.get(mapper.class_, key[1], identity_token=key[2], options=options)
    if merged is None:
        merged = mapper.class_.__new__(mapper.class_)
        session.add(merged)
    elif load:
        _check_version(mapper, instance, merged)
    _copy(mapper, instance, merged, load)
    return merged


def _key_of_values(mapper: Any, instance: Any) -> Any:
    """Return the key that the primary key values make; None unless all are there."""
    values = tuple(_core.loaded_value(instance, _attribute(mapper, c), None) for c in mapper.primary_key)
    return None if any(value is None for value in values) else (mapper.class_, values, None)


def _attribute(mapper: Any, column: Any) -> str:
    return str(mapper.get_property_by_column(column).key)


def _detached_copy(session: Session, mapper: Any, key: Any, instance: Any) -> Any:
    """Put an instance of this key into the session without asking the database."""
    made = mapper.class_.__new__(mapper.class_)
    for column, value in zip(mapper.primary_key, key[1], strict=True):
        _core.set_committed_value(made, _attribute(mapper, column), value)
    _core.make_transient_to_detached(made)
    session.add(made)
    return made


def _check_version(mapper: Any, instance: Any, merged: Any) -> None:
    if mapper.version_id_col is None or merged is instance:
        return
    key = _attribute(mapper, mapper.version_id_col)
    given = _core.loaded_value(instance, key, NO_VALUE)
    if given is NO_VALUE or _core.instance_state(merged).key is None:
        return
    existing = getattr(merged, key)
    if given != existing:
        raise StaleDataError(
            f"Version id '{given}' on merged state {_core.instance_state(instance)} does not match existing version "
            f"'{existing}'. Leave the version attribute unset when merging to update the most recent version."
        )


def _copy(mapper: Any, instance: Any, merged: Any, load: bool) -> None:
    """Copy what the instance has loaded or set."""
    if merged is instance:
        return
    for prop in mapper.column_attrs:
        value = _core.loaded_value(instance, prop.key, NO_VALUE)
        if value is NO_VALUE:
            continue
        if not load:
            _core.set_committed_value(merged, prop.key, value)
        elif _core.loaded_value(merged, prop.key, NO_VALUE) != value:
            _core.set_attribute(merged, prop.key, value)
