"""`aliased()`: a mapped class read from another selectable, or twice in one statement."""

from __future__ import annotations

from types import MethodType
from typing import Any

from pyorm import _core, exc
from pyorm.orm import _with_polymorphic

__all__ = ["AliasedClass", "AliasedInsp", "aliased"]


class AliasedInsp:
    """What `inspect()` says of an alias.

    Attributes:
        entity: The AliasedClass.
        mapper: The Mapper of the class.
        class_: The mapped class.
        selectable: What the alias is read from.
        name: The name given to the alias, or None.
        with_polymorphic_mappers: Of with_polymorphic(): the mappers that are loaded; else [].
    """

    is_mapper = False
    is_aliased_class = True
    is_selectable = False
    is_instance = False
    with_polymorphic_mappers: list[Any]

    def __init__(self, entity: AliasedClass, mapper: Any, selectable: Any, name: str | None, by_name: bool) -> None:
        """Keep the facts."""
        self.entity, self.mapper, self.selectable, self.name = entity, mapper, selectable, name
        self._adapt_on_names = by_name
        self._columns: dict[str, tuple[Any, ...]] | None = None  # of the selectable by attribute; None: the table's
        self.with_polymorphic_mappers = []

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
        """Return `aliased(Class)`, or `with_polymorphic(Class, [Subclass, …])`."""
        mappers = self.with_polymorphic_mappers
        if mappers:
            names = ", ".join(m.class_.__name__ for m in mappers if m is not self.mapper)
            return f"with_polymorphic({self.class_.__name__}, [{names}])"
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
            source = mapped_class_or_ac._aliased_insp.selectable
            if alias is None and isinstance(source, _core.Subquery):  # the class is read from it, not from its table
                alias = source.alias(name)
        else:
            mapper = _mapper_of(mapped_class_or_ac)
        columns = aliases = None
        mappers = mapper.with_polymorphic_mappers
        by_name = adapt_on_names or mapper._poly_selectable is not None
        if alias is None:
            alias, aliases = _with_polymorphic.other_name(mapper.selectable, name, flat)
            if isinstance(mapper.selectable, _core.Join) or mapper._poly_selectable is not None:
                columns = columns_of(mapper, alias, by_name, aliases)
        else:
            columns = columns_of(mapper, alias, by_name)
            name = name if name is not None else _name_of(alias)
        self._start(mapper, alias, name, adapt_on_names, columns, [m.plan for m in mappers if m is not mapper])
        if mappers:
            self._add_subclasses(mappers, alias, aliases, by_name)

    def _start(self, mapper: Any, alias: Any, name: str | None, by_name: bool, columns: Any, plans: Any = ()) -> None:
        self.__dict__["_aliased_insp"] = insp = AliasedInsp(self, mapper, alias, name, by_name)
        insp._columns = columns
        self.__dict__["__name__"] = name
        self._setup(mapper.plan, alias, columns, tuple(plans))

    @classmethod
    def _of_several(
        cls, mapper: Any, mappers: list[Any], source: Any, aliases: Any, name: str | None, by_name: bool, on: Any
    ) -> AliasedClass:
        """Make what with_polymorphic() returns; `aliases`: {} the tables themselves, None: look columns up."""
        self = object.__new__(cls)
        columns = None if aliases == {} else columns_of(mapper, source, by_name, aliases)
        if on is not None and mapper._polymorphic_key is not None and columns is not None:
            columns[mapper._polymorphic_key] = (on,)
        others = [m for m in mappers if m is not mapper]
        self._start(mapper, source, name, by_name, columns, [m.plan for m in others])
        self._add_subclasses(mappers, source, aliases, by_name)
        return self

    @classmethod
    def _moved(cls, entity: AliasedClass, subquery: Any) -> AliasedClass:
        """Make an alias of what another one stands for, read from a subquery that selects it."""
        insp = entity._aliased_insp
        self = object.__new__(cls)
        others = [m for m in insp.with_polymorphic_mappers if m is not insp.mapper]
        columns = _exported(insp, subquery)
        self._start(insp.mapper, subquery, None, insp._adapt_on_names, columns, [m.plan for m in others])
        if others:
            self._aliased_insp.with_polymorphic_mappers = insp.with_polymorphic_mappers
            subs = []
            for one in others:
                part = entity.__dict__[one.class_.__name__]
                sub = object.__new__(AliasedClass)
                sub._start(one, subquery, None, insp._adapt_on_names, _exported(part._aliased_insp, subquery))
                self.__dict__[one.class_.__name__] = sub
                subs.append(sub)
            self._set_subclasses(tuple(subs))
        return self

    def _add_subclasses(self, mappers: list[Any], source: Any, aliases: Any, by_name: bool) -> None:
        """Make an alias of each subclass, read from the same selectable."""
        insp = self.__dict__["_aliased_insp"]
        insp.with_polymorphic_mappers = mappers
        subs = []
        for one in mappers:
            if one is insp.mapper:
                continue
            sub = object.__new__(AliasedClass)
            columns = None if aliases == {} else columns_of(one, source, by_name or one.concrete, aliases)
            sub._start(one, source, None, by_name, columns)
            self.__dict__[one.class_.__name__] = sub
            subs.append(sub)
        self._set_subclasses(tuple(subs))

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
        raise exc.NoInspectionAvailable(f"No inspection system is available for object of type {type(entity)}")
    return mapper


def _name_of(selectable: Any) -> str | None:
    name = getattr(selectable, "name", None)
    return None if name is None or getattr(selectable, "_anonymous", False) else str(name)


def _exported(insp: AliasedInsp, subquery: Any) -> dict[str, tuple[Any, ...]]:
    """Return the columns of a subquery for the attributes of an alias that it selects."""
    columns = insp._columns
    if columns is None:
        columns = columns_of(insp.mapper, insp.selectable, insp._adapt_on_names)
    found = {}
    for key, own in columns.items():
        there = [one for one in map(subquery.corresponding_column, own) if one is not None]
        if there:
            found[key] = tuple(there)
    return found


def columns_of(
    mapper: Any, selectable: Any, by_name: bool, aliases: dict[Any, Any] | None = None
) -> dict[str, tuple[Any, ...]]:
    """Return the selectable's columns for each attribute it has some for.

    Args:
        mapper: the Mapper.
        selectable: where the columns are looked for.
        by_name: take columns of the same name too.
        aliases: the aliases of the tables that a JOIN stands for, or None.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for prop in mapper.column_attrs:
        there = []
        for column in prop.columns:
            if not isinstance(column, (_core.ColumnClause, _core.ColumnRef)):
                continue
            if aliases:
                alias = aliases.get(column.table)
                one = None if alias is None else alias.c[column.key]
            else:
                one = selectable.corresponding_column(column)
                if one is None and by_name:
                    one = selectable.c.get(column.name)
            if one is not None:
                there.append(one)
        if there:
            found[prop.key] = tuple(there)
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
        flat: Read a class over several tables from their aliases, JOINed, instead of from a subquery.
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
