"""Helpers over mapped classes and instances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyorm import exc
from pyorm.orm._aliased import AliasedClass, AliasedInsp, aliased
from pyorm.orm._registry import class_mapper, object_mapper
from pyorm.orm._with_polymorphic import with_polymorphic
from pyorm.orm.bundles import Bundle
from pyorm.orm.session import Session


def identity_key(
    class_: Any = None, ident: Any = None, *, instance: Any = None, row: Any = None, identity_token: Any = None
) -> tuple[Any, ...]:
    """Return the key under which a session knows an instance.

    Args:
        class_: A mapped class, with `ident` or `row`.
        ident: The primary key, a tuple of values where it has several columns.
        instance: An instance, whose class and present key are taken.
        row: A row with the columns of the class's table.
        identity_token: Tells rows of several databases apart.

    Returns:
        The class at the root of the hierarchy, the primary key as a tuple, and the token.

    Raises:
        ArgumentError: Neither a class nor an instance, or a class alone.
        UnmappedClassError: The class is not mapped.
    """
    if class_ is None and instance is None:
        raise exc.ArgumentError("class or instance is required")
    if instance is None and row is None and ident is None:
        raise exc.ArgumentError("ident or row is required")
    return Session.identity_key(class_, ident, instance=instance, row=row, identity_token=identity_token)


def merge_frozen_result(session: Session, statement: Any, frozen_result: Any, load: bool = True) -> Callable[[], Any]:
    """Take the instances of a frozen result into a session.

    Args:
        session: where to.
        statement: the SELECT that the result came from: it says which of its columns are entities.
        frozen_result: what `Result.freeze()` gave.
        load: as for Session.merge(); False: the rows are taken for what the database has now.

    Returns:
        A callable that gives a Result with the merged instances, as often as it is called.

    Notes:
        Like merge(): with `load`, a SELECT for each instance that the session does not hold.
    """
    described = enumerate(statement.column_descriptions)
    entities = [number for number, one in described if one["entity"] is not None and one["expr"] is one["entity"]]
    rows = frozen_result.rewrite_rows()
    with session.no_autoflush:
        for row in rows:
            for number in entities:
                if row[number] is not None:
                    row[number] = session.merge(row[number], load=load)
    made: Callable[[], Any] = frozen_result.with_new_rows([tuple(row) for row in rows])
    return made


__all__ = [
    "AliasedClass",
    "AliasedInsp",
    "Bundle",
    "aliased",
    "class_mapper",
    "identity_key",
    "merge_frozen_result",
    "object_mapper",
    "with_polymorphic",
]
