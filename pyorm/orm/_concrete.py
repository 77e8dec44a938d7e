"""Concrete inheritance: each class has all its columns in a table of its own."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from pyorm import exc
from pyorm.sql.expression import cast, literal_column, null, select, type_coerce, union_all

if TYPE_CHECKING:
    from pyorm.orm.mapper import Mapper

__all__ = ["polymorphic_union"]


class ConcreteInherited:
    """An attribute of the parent that a concrete class's table does not have.

    The class has the parent's, for statements; instances have none.
    """

    def __init__(self, mapper: Mapper, key: str) -> None:
        """Note whose it is."""
        self._mapper, self._key = mapper, key

    def _refuse(self) -> Any:
        raise AttributeError(
            f"Concrete {self._mapper} does not implement attribute '{self._key}' at the instance level.  Add this "
            f"property explicitly to {self._mapper}."
        )

    def __get__(self, instance: Any, owner: type) -> Any:
        """Return the parent's attribute for the class."""
        if instance is not None or self._mapper.inherits is None:
            return self._refuse()
        return getattr(self._mapper.inherits.class_, self._key)

    def __set__(self, instance: Any, value: Any) -> None:
        """Refuse."""
        self._refuse()

    def __delete__(self, instance: Any) -> None:
        """Refuse."""
        self._refuse()


def hide_inherited(mapper: Mapper) -> None:
    """Put stand-ins onto a concrete class for what its parents map and its table does not have."""
    base = mapper.inherits
    if base is None or not mapper.concrete:
        return
    for key in base._props:
        if key not in mapper._props and key not in mapper.class_.__dict__:
            type.__setattr__(mapper.class_, key, ConcreteInherited(mapper, key))


def set_parent(mapper: Mapper, base: Mapper) -> None:
    """Let a concrete class that was mapped before its parent inherit from it."""
    mapper.inherits = base
    base.polymorphic_map.update(mapper.polymorphic_map)
    base._children.append(weakref.ref(mapper))
    for one in mapper.self_and_descendants:
        one.base_mapper, one.polymorphic_map = base.base_mapper, base.polymorphic_map
    hide_inherited(mapper)


def polymorphic_union(
    table_map: Any, typecolname: str | None, aliasname: str = "p_union", cast_nulls: bool = True
) -> Any:
    """Return a subquery over the rows of several tables: a UNION ALL with all their columns.

    Args:
        table_map: dict of what stands in the discriminator -> table or other FROM element.
        typecolname: name of the discriminator's column in the subquery; None: it gets none.
        aliasname: name of the subquery.
        cast_nulls: a column that a table lacks is a NULL cast to the column's type, else an untyped NULL.

    Raises:
        InvalidRequestError: a table has a column of the discriminator's name.
    """
    types: dict[str, Any] = {}
    for table in table_map.values():
        for column in table.c:
            if column.key == typecolname:
                raise exc.InvalidRequestError(
                    f"Polymorphic union can't use '{typecolname}' as the discriminator column due to mapped column "
                    f"{column!r}; please apply the 'typecolname' argument; this is available on ConcreteBase as "
                    "'_concrete_discriminator_name'"
                )
            types[column.key] = column.type
    parts = []
    for identity, table in table_map.items():
        columns = [_column(table, key, kind, cast_nulls) for key, kind in types.items()]
        if typecolname is not None:
            columns.append(literal(identity).label(typecolname))
        parts.append(select(*columns).select_from(table))
    return union_all(*parts).alias(aliasname)


def _column(table: Any, key: str, kind: Any, cast_nulls: bool) -> Any:
    if key in table.c:
        return table.c[key]
    return (cast if cast_nulls else type_coerce)(null(), kind).label(key)


def literal(identity: Any) -> Any:
    """Return an identity as it stands in SQL."""
    return literal_column("'" + identity.replace("'", "''") + "'" if isinstance(identity, str) else repr(identity))
