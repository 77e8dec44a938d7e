"""`aliased()`: a mapped class read from another selectable, or twice in one statement."""

from __future__ import annotations

from types import MethodType
from typing import Any

from pyorm import _core, exc

__all__ = ["AliasedClass", "AliasedInsp", "aliased"]


class AliasedInsp:
    """What `inspect()` says of an alias.

    Attributes:
        entity: The AliasedClass.
        mapper: The Mapper of the class.
        class_: The mapped class.
        selectable: What the alias is read from.
        name: The name given to the alias, or None.
    """

    is_mapper = False
    is_aliased_class = True
    is_selectable = False
    is_instance = False
    with_polymorphic_mappers: tuple[Any, ...] = ()

    def __init__(self, entity: AliasedClass, mapper: Any, selectable: Any, name: str | None, by_name: bool) -> None:
        """Keep the facts."""
        self.entity, self.mapper, self.selectable, self.name = entity, mapper, selectable, name
        self._adapt_on_names = by_name

    @property
    def class_(self) -> type:
        """The mapped class."""
        cls: type = self.mapper.class_
        return cls

    @property
    def entity_namespace(self) -> AliasedClass:
        """Where `filter_by()` looks names up."""
        return self.entity

    def __clause_element__(self) -> AliasedClass:
        """Stand for the alias in statements."""
        return self.entity

    def __str__(self) -> str:
        """Return `aliased(Class)`."""
        return f"aliased({self.class_.__name__})"

    def __repr__(self) -> str:
        """Show the class."""
        return f"<AliasedInsp at {id(self):#x}; {self.class_.__name__}>"


class AliasedClass(_core.AliasedEntity):
    """A stand-in for a mapped class: its attributes are those of the alias.

    Made by `aliased()`. Hybrids, properties of the class and plain functions work as they do
    on the class, with the alias in its place.
    """

    def __init__(
        self,
        mapped_class_or_ac: Any,
        alias: Any = None,
        name: str | None = None,
        flat: bool = False,
        adapt_on_names: bool = False,
    ) -> None:
        """Read the class from `alias`, or from an anonymous alias of its table."""
        if isinstance(mapped_class_or_ac, AliasedClass):
            mapper = mapped_class_or_ac._aliased_insp.mapper
        else:
            mapper = _mapper_of(mapped_class_or_ac)
        columns = None
        if alias is None:
            alias = mapper.selectable.alias(name=name)
        else:
            columns = _columns_of(mapper, alias, adapt_on_names)
            name = name if name is not None else _name_of(alias)
        self.__dict__["_aliased_insp"] = AliasedInsp(self, mapper, alias, name, adapt_on_names)
        self.__dict__["__name__"] = name
        self._setup(mapper.plan, alias, columns)

    def __getattr__(self, key: str) -> Any:
        """Find an attribute of the mapped class, as one of the alias."""
        insp = self.__dict__.get("_aliased_insp")
        if insp is None:
            raise AttributeError(key)
        found = self._attribute(key)
        if found is None:
            found, lasting = self._from_class(insp.class_, key)
            if not lasting:
                return found
        self.__dict__[key] = found
        return found

    def _from_class(self, cls: type, key: str) -> tuple[Any, bool]:
        """Return what the class has under a name, and whether it is always the same."""
        for base in cls.__mro__:
            if key not in base.__dict__:
                continue
            value = base.__dict__[key]
            if isinstance(value, _core.InstrumentedAttribute):
                raise AttributeError(f"{self} has no column for attribute {key!r}: its selectable lacks it")
            if isinstance(value, classmethod):
                return MethodType(value.__func__, self), True
            get = getattr(type(value), "__get__", None)
            made = value if get is None else get(value, None, self)
            return made, not hasattr(value, "extension_type")  # a hybrid is evaluated each time
        return getattr(cls, key), True

    def __str__(self) -> str:
        """Return `aliased(Class)`."""
        return str(self.__dict__["_aliased_insp"])

    def __repr__(self) -> str:
        """Show the class."""
        return f"<AliasedClass at {id(self):#x}; {self._aliased_insp.class_.__name__}>"


def _mapper_of(entity: Any) -> Any:
    mapper = getattr(entity, "__mapper__", None) if isinstance(entity, type) else getattr(entity, "mapper", None)
    if mapper is None or not hasattr(mapper, "plan"):
        raise exc.ArgumentError(f"aliased() takes a mapped class, got {entity!r}")
    return mapper


def _name_of(selectable: Any) -> str | None:
    name = getattr(selectable, "name", None)
    return None if name is None or getattr(selectable, "_anonymous", False) else str(name)


def _columns_of(mapper: Any, selectable: Any, by_name: bool) -> dict[str, Any]:
    """Return the selectable's column for each attribute it has one for."""
    found: dict[str, Any] = {}
    for prop in mapper.column_attrs:
        column = prop.columns[0]
        if not isinstance(column, _core.ColumnClause):
            continue
        there = selectable.corresponding_column(column)
        if there is None and by_name:
            there = selectable.c.get(column.name)
        if there is not None:
            found[prop.key] = there
    return found


def aliased(
    element: Any,
    alias: Any = None,
    name: str | None = None,
    flat: bool = False,
    adapt_on_names: bool = False,
) -> Any:
    """Make an alias of a mapped class, or of a FROM element.

    Args:
        element: A mapped class, an alias of one, or a table, subquery or other FROM element.
        alias: What the class is read from: an alias of its table or a subquery that has its
            columns; an anonymous alias of the table by default.
        name: Name of the alias in SQL and in rows; generated by default.
        flat: Accepted; a class over one table is flat anyway.
        adapt_on_names: Match the subquery's columns by name where they do not come from the
            class's table.

    Returns:
        An AliasedClass, to be used in place of the class; for a FROM element its alias.

    Raises:
        ArgumentError: `adapt_on_names` with a FROM element, or nothing that can be aliased.
    """
    if isinstance(element, _core.FromClause):
        if adapt_on_names:
            raise exc.ArgumentError("adapt_on_names only applies to ORM elements")
        return element.alias(name=name)
    return AliasedClass(element, alias, name, flat, adapt_on_names)
