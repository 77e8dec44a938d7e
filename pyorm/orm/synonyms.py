"""`synonym()`: a mapped attribute under a second name, alone or behind a Python descriptor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyorm import _core, exc
from pyorm.orm.properties import MapperProperty

__all__ = [
    "DescriptorProperty",
    "ProxyAttribute",
    "Synonym",
    "SynonymProperty",
    "proxy_attribute",
    "synonym",
    "synonym_for",
]

_numbers: dict[tuple[str, int], int] = {}


def proxy_attribute(attribute: Any, key: str, behind: Any = None) -> Any:
    """Return a mapped attribute under another key, for use in statements.

    Args:
        attribute: the InstrumentedAttribute.
        key: the other key.
        behind: what is asked for names that the attribute has not; or None.
    """
    slot = (key, attribute._slot)
    return _core._proxy_attribute(attribute, key, _numbers.setdefault(slot, len(_numbers)), behind)


class DescriptorProperty(MapperProperty):
    """A property without a column of its own: the class has a Python descriptor for it."""

    descriptor: Any = None

    def prepare(self, mapper: Any) -> None:
        """Find or make columns before the mapper collects those of its table."""

    def install(self, mapper: Any) -> None:
        """Put the descriptor onto the mapped class."""
        type.__setattr__(mapper.class_, self.key, self._make_descriptor(mapper))

    def _make_descriptor(self, mapper: Any) -> Any:
        raise NotImplementedError(type(self).__name__)


class ProxyAttribute:
    """What a class has under a synonym's name.

    On the class it gives the attribute it stands for, under its own key; on an instance it
    reads and writes that attribute, or the descriptor the synonym was given.
    """

    is_attribute = True

    def __init__(self, prop: Synonym) -> None:
        """Stand for the property's target."""
        self._prop = prop
        self._made: Any = None

    def __get__(self, instance: Any, owner: Any) -> Any:
        """Return the value, or the attribute of the class or alias."""
        prop = self._prop
        if instance is not None:
            if prop.descriptor is not None:
                return prop.descriptor.__get__(instance, owner)
            return getattr(instance, prop.name)
        if owner is not prop.parent.class_:  # an alias keeps what it is given; a subclass is rare
            return self._attribute(owner)
        if self._made is None:
            self._made = self._attribute(owner)
        return self._made

    def _attribute(self, owner: Any) -> Any:
        prop = self._prop
        target = getattr(owner, prop.name, None)
        if isinstance(target, _core.InstrumentedAttribute):
            return proxy_attribute(target, prop.key)
        if target is None:
            raise AttributeError(
                f"synonym {prop} stands for '{prop.name}', which {prop.parent.class_.__name__} does not have"
            )
        return target

    def __set__(self, instance: Any, value: Any) -> None:
        """Write the target, or the descriptor."""
        if self._prop.descriptor is not None:
            self._prop.descriptor.__set__(instance, value)
        else:
            setattr(instance, self._prop.name, value)

    def __delete__(self, instance: Any) -> None:
        """Delete the target, or the descriptor's value."""
        if self._prop.descriptor is not None:
            self._prop.descriptor.__delete__(instance)
        else:
            delattr(instance, self._prop.name)


class Synonym(DescriptorProperty):
    """A second name of a mapped attribute; made by `synonym()`.

    Attributes:
        name: the attribute it stands for.
        map_column: map the table's column of this key under `name`.
        descriptor: what instances read and write, or None.
    """

    def __init__(
        self,
        name: str,
        map_column: bool | None = None,
        descriptor: Any = None,
        info: dict[Any, Any] | None = None,
        doc: str | None = None,
        **dataclass_options: Any,
    ) -> None:
        """Keep what it stands for."""
        self.name, self.map_column, self.descriptor = name, map_column, descriptor
        self.doc = doc if doc is not None else getattr(descriptor, "__doc__", None)
        self._dataclass_options = dataclass_options
        if info is not None:
            self._info = info

    def prepare(self, mapper: Any) -> None:
        """Map the column of this key under the name it stands for.

        Raises:
            ArgumentError: the table has no such column, or the name is mapped already.
        """
        if not self.map_column:
            return
        column = mapper.local_table.c.get(self.key)
        table = mapper.local_table.description
        if column is None:
            raise exc.ArgumentError(
                f"Can't compile synonym '{self.name}': no column on table '{table}' named '{self.key}'"
            )
        if self.name in mapper._props:
            raise exc.ArgumentError(
                f"Can't call map_column=True for synonym {self.key!r}={self.name!r}, a ColumnProperty already exists "
                f"keyed to the name {self.name!r} for column {self.key!r}"
            )
        mapper._props[self.name] = mapper._as_property(self.name, column)

    def _make_descriptor(self, mapper: Any) -> Any:
        if self.descriptor is None:
            own = mapper.class_.__dict__.get(self.key)
            if own is not None and hasattr(own, "__get__") and not isinstance(own, _core.InstrumentedAttribute):
                self.descriptor = own  # a property of the class that the mapping hides
        return ProxyAttribute(self)


SynonymProperty = Synonym


def synonym(name: str, *, map_column: bool | None = None, descriptor: Any = None, **kw: Any) -> Any:
    """Give a mapped attribute a second name.

    Args:
        name: the attribute it stands for.
        map_column: for imperative mappings: map the column that is called like the synonym under `name`.
        descriptor: a Python descriptor that instances read and write in its place.
        **kw: info, doc, and the dataclass options.

    Returns:
        A Synonym for a class body or `properties`.
    """
    return Synonym(name, map_column, descriptor, **kw)


def synonym_for(name: str, map_column: bool = False) -> Callable[[Any], Any]:
    """Turn a property into a synonym: instances use it, statements the attribute `name`."""

    def decorate(fn: Any) -> Any:
        return Synonym(name, map_column, descriptor=fn)

    return decorate
