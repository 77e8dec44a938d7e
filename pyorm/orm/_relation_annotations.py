"""What `Mapped[list["Post"]]` says of a relationship: target, cardinality, collection.

Classes that do not exist yet stand in annotations as text, so names that cannot be resolved stay
names: they are looked up in the registry when the mappings are configured.
"""

from __future__ import annotations

import builtins
import collections.abc
import inspect
import sys
import types
import typing
from typing import Any

from pyorm import exc
from pyorm.orm.properties import Mapped
from pyorm.orm.relationships import DynamicMapped, RelationshipProperty, WriteOnlyMapped

_UNIONS = (typing.Union, types.UnionType)


class _Later:
    """A name that means nothing yet."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, key: str) -> _Later:
        if key.startswith("__"):
            raise AttributeError(key)
        return _Later(f"{self.name}.{key}")

    def __getitem__(self, item: Any) -> _Later:
        inside = item.name if isinstance(item, _Later) else getattr(item, "__name__", item)
        return _Later(f"{self.name}[{inside}]")

    def __call__(self) -> None:
        """Do nothing: typing takes what can be called for a type."""

    def __or__(self, other: Any) -> Any:
        return typing.Union[self, other]  # noqa: UP007  built from values

    __ror__ = __or__


class _Namespace(dict[str, Any]):
    def __init__(self, cls: type) -> None:
        super().__init__()
        module = sys.modules.get(cls.__module__)
        self._vars = {} if module is None else vars(module)

    def __missing__(self, name: str) -> Any:
        if name in self._vars:
            return self._vars[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        return _Later(name)


def _evaluate(text: str, cls: type) -> Any:
    return eval(text, {"Mapped": Mapped}, _Namespace(cls))


def container_of(annotation: Any, cls: type) -> tuple[Any, Any]:
    """Return the mapped container (Mapped, DynamicMapped, …) of an annotation and what is inside; else None, None."""
    if isinstance(annotation, str):
        if "Mapped" not in annotation and "Relationship" not in annotation:
            return None, None
        annotation = _evaluate(annotation, cls)
    origin = typing.get_origin(annotation)
    if isinstance(origin, _Later) or not (isinstance(origin, type) and issubclass(origin, Mapped)):
        return None, None
    (inner,) = typing.get_args(annotation)
    return origin, _resolved(inner, cls)


def _resolved(inner: Any, cls: type) -> Any:
    if isinstance(inner, typing.ForwardRef):
        inner = inner.__forward_arg__
    return _evaluate(inner, cls) if isinstance(inner, str) else inner


def apply(prop: RelationshipProperty, annotation: Any, cls: type, key: str) -> bool:
    """Complete a relationship from its annotation.

    Returns:
        Whether the annotation is a mapped one.

    Raises:
        ArgumentError: the annotation names a collection that cannot be made.
    """
    container, inner = container_of(annotation, cls)
    if container is None:
        return False
    if issubclass(container, (DynamicMapped, WriteOnlyMapped)):
        prop.lazy = "dynamic" if issubclass(container, DynamicMapped) else "write_only"
        prop.uselist = True if prop.uselist is None else prop.uselist
        _set_argument(prop, inner, cls)
        return True
    inner = _without_none(inner, cls)
    origin = typing.get_origin(inner)
    if isinstance(origin, type) and issubclass(origin, collections.abc.Collection):
        if prop.collection_class is None and prop.uselist is not False:
            if inspect.isabstract(origin):
                raise exc.ArgumentError(
                    f"Collection annotation type {inner} cannot be instantiated; please provide an explicit "
                    "'collection_class' parameter (e.g. list, set, etc.) to the relationship() function to accompany "
                    "this annotation"
                )
            prop.collection_class = origin
        arguments = typing.get_args(inner)
        _set_argument(prop, arguments[-1] if issubclass(origin, collections.abc.Mapping) else arguments[0], cls)
        prop.uselist = True if prop.uselist is None else prop.uselist
        return True
    if isinstance(inner, type) and issubclass(inner, collections.abc.Collection) and prop.argument is None:
        raise exc.ArgumentError(
            f"Generic alias {inner} accepts no arguments: the annotation of {cls.__name__}.{key} says which collection "
            f"it is, and not of what; write Mapped[{inner.__name__}[\"Class\"]]"
        )
    if prop.collection_class is None and prop.uselist is None:
        prop.uselist = False
    _set_argument(prop, inner, cls)
    return True


def _without_none(inner: Any, cls: type) -> Any:
    if typing.get_origin(inner) in _UNIONS:
        rest = [one for one in typing.get_args(inner) if one is not type(None)]
        if len(rest) == 1:
            return _resolved(rest[0], cls)
    return inner


def _set_argument(prop: RelationshipProperty, target: Any, cls: type) -> None:
    if prop.argument is not None:
        return
    target = _resolved(target, cls)
    prop.argument = target.name if isinstance(target, _Later) else target


__all__ = ["apply", "container_of"]
