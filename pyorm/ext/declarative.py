"""Bases of concrete classes that are loaded together: `ConcreteBase` and `AbstractConcreteBase`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyorm.orm import _concrete, _with_polymorphic
from pyorm.orm._concrete import polymorphic_union
from pyorm.orm.mapper import Mapper

__all__ = ["AbstractConcreteBase", "ConcreteBase"]


class ConcreteBase:
    """Mixin of the root of concrete classes: a SELECT of the root finds rows of every class.

    What it reads is a UNION ALL of the tables, made when mappings are completed. Its discriminator is called
    `type`; `_concrete_discriminator_name` of the class gives it another name.
    """

    @classmethod
    def __declare_first__(cls) -> None:
        """Make the UNION, once the classes are known."""
        mapper = cls.__mapper__  # type: ignore[attr-defined]
        if mapper._poly_given is not None or len(mapper.self_and_descendants) == 1:
            return
        key = getattr(cls, "_concrete_discriminator_name", None) or "type"
        tables = {one.polymorphic_identity: one.local_table for one in mapper.self_and_descendants}
        union = polymorphic_union(tables, key, "pjoin")
        mapper.add_property(key, union.c[key])
        _with_polymorphic.set_selectable(mapper, ("*", union), key)


class AbstractConcreteBase:
    """Mixin of a class without a table, whose concrete subclasses are loaded together.

    The class is mapped when mappings are completed, to a UNION ALL of its subclasses' tables: call
    `configure_mappers()` before it stands in a statement. Columns that it declares are its subclasses'.
    `strict_attrs = True` in its body: it has attributes for these, the primary key and the discriminator only.
    """

    _maps_later = True

    @classmethod
    def __declare_first__(cls) -> None:
        """Map the class, once its subclasses are known."""
        own = next(base for base in cls.__mro__ if AbstractConcreteBase in base.__bases__)
        if "__mapper__" in own.__dict__:
            return
        children = list(_mappers_below(own))
        key = getattr(own, "_concrete_discriminator_name", None) or "type"
        union = polymorphic_union({one.polymorphic_identity: one.local_table for one in children}, key, "pjoin")
        primary = [column.key for column in children[0].primary_key]
        names = None
        if getattr(own, "strict_attrs", False):
            columns = union.c.keys()
            names = [key, *primary, *(name for name in columns if name in own.__dict__)]
        mapper = Mapper(
            own,
            union,
            primary_key=[union.c[name] for name in primary],
            polymorphic_on=union.c[key],
            polymorphic_abstract=True,
            include_properties=names,
            registry=children[0].registry,
        )
        for child in sorted(children, key=lambda one: one._number):
            if child.inherits is None:
                _concrete.set_parent(child, mapper)
        _with_polymorphic.set_selectable(mapper, ("*", union), key)


def _mappers_below(cls: type) -> Iterator[Mapper]:
    waiting: list[Any] = cls.__subclasses__()
    while waiting:
        one = waiting.pop()
        waiting.extend(one.__subclasses__())
        if "__mapper__" in one.__dict__:
            yield one.__mapper__


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name in ("declarative_base", "declared_attr", "as_declarative", "has_inherited_table", "synonym_for"):
        import pyorm.orm

        return getattr(pyorm.orm, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
