"""`composite()`: several columns as one value of a class of the program."""

from __future__ import annotations

import dataclasses
import inspect as _inspect
import operator
import typing
from collections.abc import Callable
from typing import Any

from pyorm import _core, event, exc
from pyorm.orm import _annotations
from pyorm.orm._comparator import PropComparator
from pyorm.orm._symbols import NO_VALUE, History, NotExtension
from pyorm.orm.bundles import bundle_number
from pyorm.orm.properties import MappedColumn
from pyorm.orm.synonyms import DescriptorProperty
from pyorm.schema import Column
from pyorm.sql.operators import ColumnOperators

__all__ = ["Composite", "CompositeProperty", "composite"]

_UNSET: Any = object()
_MEMO = "_composite_values"


class CompositeComparator(PropComparator, ColumnOperators):
    """The class side of a composite: its columns, compared part by part.

    Subclass it and give it as `comparator_factory` for operators of one's own.
    """

    is_attribute = True
    is_aliased_class = is_instance = is_mapper = is_selectable = is_clause_element = False
    extension_type = NotExtension.NOT_EXTENSION

    def __init__(self, prop: Composite, owner: Any) -> None:
        """Stand for the composite of a class or alias."""
        self.prop = self.property = prop
        self.key, self.class_ = prop.key, owner
        self.__doc__ = prop.doc

    @property
    def parent(self) -> Any:
        """What `inspect()` says of the class or alias."""
        from pyorm.inspection import inspect

        return inspect(self.class_)

    @property
    def info(self) -> dict[Any, Any]:
        """The property's info."""
        return self.prop.info

    @property
    def _comparable_elements(self) -> list[Any]:
        return [getattr(self.class_, key) for key in self.prop._attribute_keys]

    def __clause_element__(self) -> Any:
        """Return the columns; selected they are one value."""
        return _core._bundle(tuple(self._comparable_elements), self.prop, bundle_number(self.prop))

    def _compare(self, op: Any, other: Any) -> Any:
        values = [None] * len(self._comparable_elements) if other is None else self.prop.values_of(other)
        parts = [op(column, value) for column, value in zip(self._comparable_elements, values, strict=True)]
        return _core.and_(*parts)

    def __eq__(self, other: object) -> Any:
        """Every part is equal."""
        return self._compare(operator.eq, other)

    def __ne__(self, other: object) -> Any:
        """Every part is unequal."""
        return self._compare(operator.ne, other)

    def __lt__(self, other: Any) -> Any:
        """Every part is less."""
        return self._compare(operator.lt, other)

    def __le__(self, other: Any) -> Any:
        """Every part is less or equal."""
        return self._compare(operator.le, other)

    def __gt__(self, other: Any) -> Any:
        """Every part is greater."""
        return self._compare(operator.gt, other)

    def __ge__(self, other: Any) -> Any:
        """Every part is greater or equal."""
        return self._compare(operator.ge, other)

    __hash__ = object.__hash__

    def operate(self, op: Any, *other: Any, **kw: Any) -> Any:
        """Refuse what has no meaning part by part."""
        raise NotImplementedError(f"{op} of a composite: compare its columns, or give a comparator_factory")

    def _expand_values(self, value: Any) -> list[tuple[Any, Any]]:
        values = [None] * len(self._comparable_elements) if value is None else self.prop.values_of(value)
        return list(zip(self._comparable_elements, values, strict=True))

    def __str__(self) -> str:
        """Return `Class.key`."""
        owner = self.class_
        return f"{owner.__name__ if isinstance(owner, type) else owner}.{self.key}"


class _Descriptor:
    """What a class has under a composite's name."""

    is_attribute = True

    def __init__(self, prop: Composite) -> None:
        self._prop = prop

    def __get__(self, instance: Any, owner: Any) -> Any:
        """Return the value, or the class side."""
        if instance is None:
            return self._prop.comparator_factory(self._prop, owner)
        return self._prop.load(instance)

    def __set__(self, instance: Any, value: Any) -> None:
        """Write the parts into their attributes."""
        self._prop.replace(instance, value)

    def __delete__(self, instance: Any) -> None:
        """Write NULL into the attributes."""
        self._prop.replace(instance, None)


class Composite(DescriptorProperty):
    """A value made of several columns; made by `composite()`.

    Attributes:
        composite_class: makes the value of the columns' values.
        columns: the columns. props: their properties.
    """

    Comparator = CompositeComparator

    def __init__(
        self,
        _class_or_attr: Any = None,
        *attrs: Any,
        return_none_on: Any = _UNSET,
        column_template: str | None = None,
        active_history: bool = False,
        deferred: bool = False,
        group: str | None = None,
        raiseload: bool = False,
        comparator_factory: Any = None,
        info: dict[Any, Any] | None = None,
        doc: str | None = None,
        **dataclass_options: Any,
    ) -> None:
        """Keep class and columns; what is missing the annotation or the dataclass says."""
        is_attribute = isinstance(_class_or_attr, (str, Column, MappedColumn, _core.InstrumentedAttribute))
        self.composite_class: Any = None if is_attribute else _class_or_attr
        self.attrs: tuple[Any, ...] = (_class_or_attr, *attrs) if is_attribute else attrs
        self.return_none_on = return_none_on
        self.column_template = column_template
        self.active_history, self.deferred, self.group, self.raiseload = active_history, deferred, group, raiseload
        self.comparator_factory = comparator_factory or CompositeComparator
        self.doc = doc
        self._dataclass_options = dataclass_options
        self._attribute_keys: tuple[str, ...] = ()
        self._values: Callable[[Any], Any] | None = None
        if info is not None:
            self._info = info

    # --- configuration ---

    def declare(self, inner: Any, add: Callable[[str, Any, Any], None], registry: Any) -> None:
        """Take over what the annotation says, and give the class body's columns to the scan.

        Args:
            inner: what stands in `Mapped[…]`, or None.
            add: called with key, column and the annotation's type for each column of the composite.
            registry: resolves types.

        Raises:
            ArgumentError: nothing says the class, or how its parts are called.
        """
        if inner is not None:
            python_type, nullable = _annotations.without_none(inner)
            self.composite_class = self.composite_class or python_type
            if nullable and self.return_none_on is _UNSET:
                self.return_none_on = lambda *values: all(value is None for value in values)
        if self.composite_class is None:
            raise exc.ArgumentError(
                f"Composite '{self.key}' has no class: annotate it (Mapped[Class]) or give the class first"
            )
        fields = _parts_of(self.composite_class)
        if not self.attrs:
            if not dataclasses.is_dataclass(self.composite_class):
                raise exc.ArgumentError(
                    f"Composite class {self.composite_class.__name__} is no dataclass: give its columns"
                )
            self.attrs = tuple(MappedColumn() for _ in fields)
        for i, attr in enumerate(self.attrs):
            if not isinstance(attr, (Column, MappedColumn)):
                continue
            field, field_type = fields[i] if i < len(fields) else (None, None)
            column = attr.column if isinstance(attr, MappedColumn) else attr
            if column.table is not None:
                continue
            if column.name is None:
                if field is None:
                    raise exc.ArgumentError(f"Composite '{self.key}': column {i + 1} needs a name")
                column.name = column.key = field if self.column_template is None else self.column_template % field
            add(column.key, attr, field_type)

    def prepare(self, mapper: Any) -> None:
        """Find the attributes of the columns, once all are known."""

    def _make_descriptor(self, mapper: Any) -> Any:
        keys = []
        for attr in self.attrs:
            if isinstance(attr, str):
                keys.append(attr)
            elif isinstance(attr, _core.InstrumentedAttribute):
                keys.append(attr.key)
            else:
                column = attr.column if isinstance(attr, MappedColumn) else attr
                keys.append(mapper.get_property_by_column(column).key)
        self._attribute_keys = tuple(keys)
        if not hasattr(self.composite_class, "__composite_values__") and not dataclasses.is_dataclass(
            self.composite_class
        ):
            raise exc.ArgumentError(
                f"Composite class {getattr(self.composite_class, '__name__', self.composite_class)} is neither a "
                "dataclass nor has __composite_values__()"
            )
        event.listen(mapper.class_, "expire", self._forget)
        event.listen(mapper.class_, "refresh", lambda instance, context, names: self._forget(instance, names))
        return _Descriptor(self)

    @property
    def props(self) -> list[Any]:
        """The properties of the columns."""
        return [self.parent.get_property(key) for key in self._attribute_keys]

    @property
    def columns(self) -> list[Any]:
        """The columns."""
        return [prop.columns[0] for prop in self.props]

    @property
    def name(self) -> str:
        """The key; what a row has it under."""
        return self.key

    # --- values ---

    def values_of(self, value: Any) -> tuple[Any, ...]:
        """Return the parts of a value, in the order of the columns."""
        method = getattr(value, "__composite_values__", None)
        if method is not None:
            return tuple(method())
        names = [name for name, _ in _parts_of(type(value))]
        return tuple(getattr(value, name) for name in names)

    def create(self, values: tuple[Any, ...]) -> Any:
        """Return the value of the columns' values; None where `return_none_on` says so."""
        check = self.return_none_on
        if check is not _UNSET and check is not None and check(*values):
            return None
        return self.composite_class(*values)

    def _row_processor(self, labels: Any) -> Any:
        return self.create

    def _memo(self, instance: Any) -> dict[str, tuple[tuple[Any, ...], Any]]:
        memo: Any = getattr(instance, _MEMO, None)
        if memo is None:
            memo = {}
            setattr(instance, _MEMO, memo)
        return memo  # type: ignore[no-any-return]

    def _forget(self, instance: Any, names: Any) -> None:
        if names is None or self.key in names or any(key in names for key in self._attribute_keys):
            memo = getattr(instance, _MEMO, None)
            if memo is not None:
                memo.pop(self.key, None)

    def load(self, instance: Any) -> Any:
        """Return the instance's value; the same object while its columns are the same."""
        values = tuple(getattr(instance, key) for key in self._attribute_keys)
        memo = self._memo(instance)
        known = memo.get(self.key)
        if known is not None and all(a is b for a, b in zip(known[0], values, strict=True)):
            return known[1]
        value = self.create(values)
        memo[self.key] = (values, value)
        self._link(instance, value)
        return value

    def replace(self, instance: Any, value: Any) -> None:
        """Take another value."""
        coerce = getattr(self.composite_class, "coerce", None)
        if coerce is not None and value is not None and not isinstance(value, self.composite_class):
            value = coerce(self.key, value)
        memo = self._memo(instance)
        old = memo.get(self.key)
        if old is not None and hasattr(old[1], "_parents") and old[1] is not value:
            old[1]._parents.pop(_core.instance_state(instance), None)
        self.store(instance, value)
        self._link(instance, value)

    def store(self, instance: Any, value: Any) -> None:
        """Write the parts of a value into their attributes."""
        values = (None,) * len(self._attribute_keys) if value is None else self.values_of(value)
        for key, part in zip(self._attribute_keys, values, strict=True):
            setattr(instance, key, part)
        self._memo(instance)[self.key] = (tuple(getattr(instance, key) for key in self._attribute_keys), value)

    def _link(self, instance: Any, value: Any) -> None:
        parents = getattr(value, "_parents", None)
        if parents is not None:
            parents[_core.instance_state(instance)] = self.key

    def get_history(self, instance: Any, passive: Any = None) -> History:
        """Return the change of the whole, from those of its parts."""
        state = _core.instance_state(instance)
        parts = [state.get_history(key, 0 if passive is None else passive) for key in self._attribute_keys]
        new = tuple(next(iter((*part.added, *part.unchanged)), None) for part in parts)
        if not any(part.has_changes() for part in parts):
            return History((), [self.load(instance)], ())
        old = tuple(next(iter((*part.deleted, *part.unchanged)), None) for part in parts)
        was = [self.create(old)] if any(part.deleted for part in parts) else ()
        return History([self.create(new)], (), was)

    def set_in_row(self, cls: Any, row: dict[str, Any], value: Any) -> None:
        """Write the parts of a value into a row of INSERT."""
        values = (None,) * len(self._attribute_keys) if value is None else self.values_of(value)
        row.update(zip(self._attribute_keys, values, strict=True))

    def loaded(self, instance: Any) -> bool:
        """Return whether all columns are loaded."""
        return all(_core.loaded_value(instance, key, NO_VALUE) is not NO_VALUE for key in self._attribute_keys)


CompositeProperty = Composite


def _parts_of(cls: Any) -> list[tuple[str, Any]]:
    """Return name and type of each argument of a composite class."""
    if dataclasses.is_dataclass(cls):
        try:
            hints = typing.get_type_hints(cls)
        except NameError:
            hints = {}
        return [(field.name, hints.get(field.name, field.type)) for field in dataclasses.fields(cls) if field.init]
    try:
        parameters = list(_inspect.signature(cls).parameters.values())
    except (TypeError, ValueError):
        return []
    try:
        hints = typing.get_type_hints(cls.__init__)
    except (NameError, AttributeError):
        hints = {}
    said = {name: hint for name, hint in hints.items() if hint is not Any}
    return [(p.name, said.get(p.name)) for p in parameters]


def composite(_class_or_attr: Any = None, *attrs: Any, **kw: Any) -> Any:
    """Map several columns to one value of a class.

    Args:
        _class_or_attr: the class, unless `Mapped[Class]` says it; or the first of `attrs`.
        *attrs: columns, mapped_column(), or names of mapped attributes, in the order of the class's
            arguments; without any a dataclass says them.
        **kw: return_none_on (called with the values; True: the value is None; by default all None for
            `Mapped[Class | None]`), column_template (names of generated columns, "%s" is the field),
            comparator_factory, group, deferred, raiseload, active_history, info, doc, dataclass options.
    """
    return Composite(_class_or_attr, *attrs, **kw)
