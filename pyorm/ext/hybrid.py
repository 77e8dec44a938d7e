"""Attributes that are Python on an instance and SQL on the class.

    class Interval(Base):
        ...
        @hybrid_property
        def length(self):
            return self.end - self.start

`interval.length` computes with values; `Interval.length` is the expression
`interval.end - interval.start`. Where the two differ, `@length.expression` gives the second.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from enum import Enum
from types import MethodType
from typing import Any

from pyorm import _core
from pyorm.orm._comparator import PropComparator
from pyorm.orm.synonyms import proxy_attribute
from pyorm.sql.operators import ColumnOperators

__all__ = ["Comparator", "HybridExtensionType", "hybrid_method", "hybrid_property"]


class HybridExtensionType(Enum):
    """What `extension_type` says in `Mapper.all_orm_descriptors`."""

    HYBRID_METHOD = "HYBRID_METHOD"
    HYBRID_PROPERTY = "HYBRID_PROPERTY"


_DECORATORS = frozenset({"overrides", "getter", "setter", "deleter", "update_expression", "bulk_dml", "inplace"})


def _function(fn: Any) -> Any:
    return fn.__func__ if isinstance(fn, classmethod) else fn


class Comparator(PropComparator, ColumnOperators):
    """Operators of a hybrid's class side; subclass it and override `__eq__()` or `operate()`.

    Args:
        expression: what the operators are about: a column, an expression, an attribute.
    """

    def __init__(self, expression: Any) -> None:
        """Keep the expression."""
        self.expression = expression

    def __clause_element__(self) -> Any:
        """Return the expression as SQL."""
        found = self.expression
        while not isinstance(found, _core.ClauseElement) and hasattr(found, "__clause_element__"):
            found = found.__clause_element__()
        return found

    def operate(self, op: Any, *other: Any, **kw: Any) -> Any:
        """Build `expression op other`."""
        return op(self.__clause_element__(), *other, **kw)

    def reverse_operate(self, op: Any, other: Any, **kw: Any) -> Any:
        """Build `other op expression`."""
        return op(other, self.__clause_element__(), **kw)


class _HybridAttribute:
    """What both class sides know: the hybrid, the class, the key."""

    is_attribute = True

    _hybrid: hybrid_property
    _owner: Any
    _expression: Any
    key: str

    def _about(self, hybrid: hybrid_property, owner: Any, expression: Any) -> None:
        self._hybrid, self._owner, self._expression = hybrid, owner, expression
        self.key = hybrid.__name__
        self.__doc__ = hybrid.__doc__

    @property
    def class_(self) -> Any:
        """The class or alias."""
        return self._owner

    @property
    def info(self) -> dict[Any, Any]:
        """The hybrid's own dict for the application."""
        return self._hybrid.info  # type: ignore[no-any-return]

    @property
    def parent(self) -> Any:
        """What `inspect()` says of the class or alias."""
        from pyorm.inspection import inspect

        return inspect(self._owner)

    def __getattr__(self, name: str) -> Any:
        """Offer the hybrid's decorators: a subclass changes one of its functions."""
        if name not in _DECORATORS:
            return super().__getattr__(name)  # type: ignore[misc]
        return getattr(self._hybrid, name)

    def _expand_values(self, value: Any) -> list[tuple[Any, Any]]:
        """Return the columns that UPDATE sets when it sets the hybrid."""
        update = self._hybrid.update_expr
        if update is not None:
            return list(update(self._owner, value))
        return [(self._expression, value)]

    def __str__(self) -> str:
        """Return `Class.key`."""
        owner = self._owner
        return f"{owner.__name__ if isinstance(owner, type) else owner}.{self.key}"


class _Expression(_HybridAttribute, _core.ColumnElement):
    """The class side of a hybrid: its expression, called by the hybrid's name where it is selected."""

    def __init__(self, hybrid: hybrid_property, owner: Any, expression: Any) -> None:
        """Stand for the expression."""
        _core._name_expression(self, expression, hybrid.__name__)
        self._about(hybrid, owner, expression)


class _Compared(_HybridAttribute, ColumnOperators):
    """The class side of a hybrid with a comparator of its own."""

    def __init__(self, hybrid: hybrid_property, owner: Any, comparator: Any) -> None:
        """Stand for the comparator."""
        self._about(hybrid, owner, comparator)
        self.comparator = comparator

    def __clause_element__(self) -> Any:
        """Return the comparator's expression under the hybrid's name."""
        return _Expression(self._hybrid, self._owner, self.comparator.__clause_element__())

    def operate(self, op: Any, *other: Any, **kw: Any) -> Any:
        """Let the comparator build it."""
        return op(self.comparator, *other, **kw)

    def reverse_operate(self, op: Any, other: Any, **kw: Any) -> Any:
        """Let the comparator build it."""
        return op(other, self.comparator, **kw)

    def __getattr__(self, name: str) -> Any:
        """Offer the comparator's own methods."""
        if name in _DECORATORS:
            return getattr(self._hybrid, name)
        if name.startswith("__") or name == "comparator":
            raise AttributeError(name)
        return getattr(self.comparator, name)


class hybrid_method:
    """A method that is Python on an instance and makes SQL on the class.

    Args:
        func: called with the instance, or with the class.
        expr: called with the class instead.
    """

    is_attribute = True
    extension_type = HybridExtensionType.HYBRID_METHOD

    def __init__(self, func: Callable[..., Any], expr: Callable[..., Any] | None = None) -> None:
        """Keep the two functions."""
        self.func = func
        self.expr = _function(expr) if expr is not None else func
        self.__doc__ = func.__doc__
        self.__name__ = func.__name__

    @property
    def inplace(self) -> _InplaceMethod:
        """Decorators that change this hybrid instead of making another."""
        return _InplaceMethod(self)

    def __get__(self, instance: Any, owner: Any) -> Any:
        """Return the method, bound to the instance or to the class."""
        if instance is None:
            return MethodType(self.expr, owner)
        return MethodType(self.func, instance)

    def expression(self, expr: Callable[..., Any]) -> hybrid_method:
        """Take the function for the class side."""
        self.expr = _function(expr)
        return self


class _InplaceMethod:
    def __init__(self, hybrid: hybrid_method) -> None:
        self._hybrid = hybrid

    def expression(self, expr: Callable[..., Any]) -> hybrid_method:
        """Take the function for the class side."""
        return self._hybrid.expression(expr)


class hybrid_property:
    """A property that is Python on an instance and SQL on the class.

    Args:
        fget, fset, fdel: as for `property`.
        expr: makes the class side; `fget` by default.
        custom_comparator: makes the class side, as a Comparator.
        update_expr: `(cls, value)` -> pairs of column and value that UPDATE sets.
        bulk_dml_setter: `(cls, mapping, value)` writes what INSERT sets into `mapping`.
    """

    is_attribute = True
    extension_type = HybridExtensionType.HYBRID_PROPERTY

    def __init__(
        self,
        fget: Callable[[Any], Any],
        fset: Callable[[Any, Any], None] | None = None,
        fdel: Callable[[Any], None] | None = None,
        expr: Any = None,
        custom_comparator: Any = None,
        update_expr: Any = None,
        bulk_dml_setter: Any = None,
    ) -> None:
        """Keep the functions."""
        self.fget, self.fset, self.fdel = fget, fset, fdel
        self.expr, self.custom_comparator = _function(expr), _function(custom_comparator)
        self.update_expr, self.bulk_dml_setter = _function(update_expr), _function(bulk_dml_setter)
        self.__name__: str = fget.__name__
        self.__doc__ = fget.__doc__
        self.info: dict[Any, Any] = {}
        self._proxies: weakref.WeakKeyDictionary[Any, tuple[Any, Any]] = weakref.WeakKeyDictionary()

    def __get__(self, instance: Any, owner: Any) -> Any:
        """Return the value, or the class side."""
        if instance is not None:
            return self.fget(instance)
        return self if owner is None else self._class_side(owner)

    def __set__(self, instance: Any, value: Any) -> None:
        """Call the setter.

        Raises:
            AttributeError: there is none.
        """
        if self.fset is None:
            raise AttributeError("can't set attribute")
        self.fset(instance, value)

    def __delete__(self, instance: Any) -> None:
        """Call the deleter.

        Raises:
            AttributeError: there is none.
        """
        if self.fdel is None:
            raise AttributeError("can't delete attribute")
        self.fdel(instance)

    def _class_side(self, owner: Any) -> Any:
        if self.custom_comparator is not None:
            return _Compared(self, owner, self.custom_comparator(owner))
        found = (self.expr or self.fget)(owner)
        if isinstance(found, _core.InstrumentedAttribute) and self.update_expr is None:
            return self._proxy(owner, found)
        if isinstance(found, (_core.ClauseElement)):
            return _Expression(self, owner, found)
        return _Compared(self, owner, found) if hasattr(found, "__clause_element__") else found

    def _proxy(self, owner: Any, attribute: Any) -> Any:
        """Return a mapped attribute under the hybrid's name; for a class always the same one."""
        if not isinstance(owner, type):
            return proxy_attribute(attribute, self.__name__, self)
        known = self._proxies.get(owner)
        if known is None or known[0] is not attribute:
            known = self._proxies[owner] = (attribute, proxy_attribute(attribute, self.__name__, self))
        return known[1]

    # --- decorators ---

    def _copy(self, **changes: Any) -> hybrid_property:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.__dict__.update(changes)
        made._proxies = weakref.WeakKeyDictionary()
        return made

    @property
    def overrides(self) -> hybrid_property:
        """The hybrid itself, for a subclass that overrides one of its functions."""
        return self

    @property
    def inplace(self) -> _InplaceProperty:
        """Decorators that change this hybrid, for functions of other names."""
        return _InplaceProperty(self)

    def getter(self, fget: Callable[[Any], Any]) -> hybrid_property:
        """Return the hybrid with another getter."""
        return self._copy(fget=fget)

    def setter(self, fset: Callable[[Any, Any], None]) -> hybrid_property:
        """Return the hybrid with a setter."""
        return self._copy(fset=fset)

    def deleter(self, fdel: Callable[[Any], None]) -> hybrid_property:
        """Return the hybrid with a deleter."""
        return self._copy(fdel=fdel)

    def expression(self, expr: Callable[[Any], Any]) -> hybrid_property:
        """Return the hybrid whose class side the function makes."""
        return self._copy(expr=_function(expr))

    def comparator(self, comparator: Callable[[Any], Any]) -> hybrid_property:
        """Return the hybrid whose class side is the Comparator that the function makes."""
        return self._copy(custom_comparator=_function(comparator))

    def update_expression(self, meth: Callable[[Any, Any], Any]) -> hybrid_property:
        """Return the hybrid for which UPDATE sets what the function says."""
        return self._copy(update_expr=_function(meth))

    def bulk_dml(self, setter: Callable[[Any, Any, Any], None]) -> hybrid_property:
        """Return the hybrid for which INSERT from dicts writes what the function says."""
        return self._copy(bulk_dml_setter=_function(setter))


class _InplaceProperty:
    """`hybrid.inplace`: each decorator changes the hybrid and returns it."""

    def __init__(self, hybrid: hybrid_property) -> None:
        self._hybrid = hybrid

    def _set(self, name: str, fn: Any) -> hybrid_property:
        setattr(self._hybrid, name, _function(fn))
        return self._hybrid

    def getter(self, fget: Any) -> hybrid_property:
        """Take the getter."""
        return self._set("fget", fget)

    def setter(self, fset: Any) -> hybrid_property:
        """Take the setter."""
        return self._set("fset", fset)

    def deleter(self, fdel: Any) -> hybrid_property:
        """Take the deleter."""
        return self._set("fdel", fdel)

    def expression(self, expr: Any) -> hybrid_property:
        """Take the function of the class side."""
        return self._set("expr", expr)

    def comparator(self, comparator: Any) -> hybrid_property:
        """Take the function that makes the Comparator."""
        return self._set("custom_comparator", comparator)

    def update_expression(self, meth: Any) -> hybrid_property:
        """Take the function of UPDATE."""
        return self._set("update_expr", meth)

    def bulk_dml(self, setter: Any) -> hybrid_property:
        """Take the function of INSERT from dicts."""
        return self._set("bulk_dml_setter", setter)
