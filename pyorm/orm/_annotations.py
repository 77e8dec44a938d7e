"""From `Mapped[…]` to a column's type: strings evaluated, Optional, Annotated, Literal, enums, the type map."""

from __future__ import annotations

import sys
import types as _pytypes
import typing
from typing import Any

from pyorm import exc
from pyorm import types as sqltypes
from pyorm.orm.exc import MappedAnnotationError
from pyorm.orm.properties import Mapped, MappedColumn, Unmapped

_UNION_TYPES = (typing.Union, _pytypes.UnionType)
_NONE = type(None)


class Annotation:
    """What one `Mapped[…]` says.

    Attributes:
        python_type: the type inside, without None; may be an Annotated.
        nullable: whether None is allowed.
        template: the `mapped_column()` inside an Annotated, or None.
    """

    __slots__ = ("_registry", "nullable", "python_type", "template")

    def __init__(self, inner: Any, registry: Any) -> None:
        """Take None out of the union and look into Annotated."""
        self._registry = registry
        self.python_type, self.nullable = without_none(inner)
        self.template: MappedColumn[Any] | None = None
        if inner is _NONE:
            self.nullable = True
        for part in getattr(_behind_aliases(self.python_type), "__metadata__", ()):
            if isinstance(part, MappedColumn):
                self.template = part

    def resolve_type(self, key: str) -> Any:
        """Return the SQL type for the Python type.

        Raises:
            MappedAnnotationError: nothing in the type map fits.
        """
        if self.template is not None and not self.template.column.type._isnull:
            return self.template.column.type
        found = self._registry._resolve_type(self.python_type)
        if found is None:
            raise MappedAnnotationError(
                f"Could not locate a SQL type when resolving for Python type indicated by '{self.python_type!r}' "
                f"inside the Mapped[] annotation for the '{key}' attribute; the type object is not resolvable by the "
                "registry. Give the type (mapped_column(Type)) or add it to type_annotation_map"
            )
        return found


def _is_alias(value: Any) -> bool:
    """Return whether this is a `type` statement's name: of typing, or of what stands for it before Python 3.12."""
    return type(value).__name__ == "TypeAliasType"


def _behind_aliases(python_type: Any) -> Any:
    while _is_alias(python_type):
        python_type = python_type.__value__
    return python_type


def without_none(inner: Any) -> tuple[Any, bool]:
    """Return the annotation without None, and whether None was in it."""
    while _is_alias(inner):
        value: Any = inner.__value__
        if typing.get_origin(value) not in _UNION_TYPES:
            break
        inner = value
    if typing.get_origin(inner) in _UNION_TYPES:
        arguments = [a for a in typing.get_args(inner) if a is not _NONE]
        nullable = len(arguments) != len(typing.get_args(inner))
        if len(arguments) == 1:
            return arguments[0], nullable
        return typing.Union[tuple(arguments)], nullable  # noqa: UP007  built from a list
    return inner, False


def evaluate(text: str, cls: type, key: str) -> Any:
    """Evaluate an annotation given as text, in the namespace of the class's module.

    Raises:
        MappedAnnotationError: a name does not exist there.
    """
    module = sys.modules.get(cls.__module__)
    namespace = dict(vars(module)) if module is not None else {}
    namespace.setdefault(cls.__name__, cls)
    namespace.setdefault("Mapped", Mapped)
    namespace.setdefault("Unmapped", Unmapped)
    try:
        return eval(text, namespace, dict(vars(cls)))
    except NameError as error:
        raise MappedAnnotationError(
            f'Could not resolve all types within mapped annotation: "{text}" of {cls.__name__}.{key} ({error}).  '
            "Ensure all types are written correctly and are imported within the module in use."
        ) from error


def inner_of(annotation: Any, cls: type, key: str) -> Any:
    """Return what stands inside `Mapped[…]`, or None when the annotation is not a mapped one."""
    if isinstance(annotation, str):
        if "Mapped" not in annotation and "Relationship" not in annotation:
            return None
        if annotation.startswith(("ClassVar", "typing.ClassVar")):
            return None
        annotation = evaluate(annotation, cls, key)
    origin = typing.get_origin(annotation)
    if not (isinstance(origin, type) and issubclass(origin, Mapped)):
        return None
    (inner,) = typing.get_args(annotation)
    if isinstance(inner, typing.ForwardRef):
        inner = inner.__forward_arg__
    if isinstance(inner, str):
        inner = evaluate(inner, cls, key)
    return inner


def returned_by(function: Any, otherwise: Any) -> Any:
    """Return a function's `-> Mapped[…]`; `otherwise` where it has none."""
    found = getattr(function, "__annotations__", {}).get("return", otherwise)
    if isinstance(found, str):
        return found if any(word in found for word in ("Mapped", "Relationship", "Unmapped")) else otherwise
    origin = typing.get_origin(found)
    return found if isinstance(origin, type) and issubclass(origin, (Mapped, Unmapped)) else otherwise


def unmapped_of(annotation: Any, cls: type, key: str) -> Any:
    """Return what stands inside `Unmapped[…]`, or None when the annotation is not one."""
    if isinstance(annotation, str):
        if "Unmapped" not in annotation or is_class_var(annotation):
            return None
        annotation = evaluate(annotation, cls, key)
    if typing.get_origin(annotation) is not Unmapped:
        return None
    (inner,) = typing.get_args(annotation)
    if isinstance(inner, typing.ForwardRef):
        inner = inner.__forward_arg__
    return evaluate(inner, cls, key) if isinstance(inner, str) else inner


def is_class_var(annotation: Any) -> bool:
    """Return whether the annotation is ClassVar[…]."""
    if isinstance(annotation, str):
        return annotation.startswith(("ClassVar", "typing.ClassVar", "t.ClassVar"))
    return annotation is typing.ClassVar or typing.get_origin(annotation) is typing.ClassVar


def default_type_map() -> dict[Any, Any]:
    """Return the Python types that need no entry in `type_annotation_map`."""
    import datetime
    import decimal
    import uuid

    return {
        int: sqltypes.Integer(),
        float: sqltypes.Double(),
        bool: sqltypes.Boolean(),
        str: sqltypes.String(),
        bytes: sqltypes.LargeBinary(),
        decimal.Decimal: sqltypes.Numeric(),
        datetime.datetime: sqltypes.DateTime(),
        datetime.date: sqltypes.Date(),
        datetime.time: sqltypes.Time(),
        datetime.timedelta: sqltypes.Interval(),
        uuid.UUID: sqltypes.Uuid(),
        _NONE: sqltypes.NullType(),
    }


def resolve_python_type(python_type: Any, type_map: dict[Any, Any], defaults: dict[Any, Any]) -> Any:
    """Return the SQL type instance for a Python type, or None.

    Args:
        python_type: a class, Annotated, NewType, Literal, or an alias.
        type_map: the registry's own entries; they win.
        defaults: what `default_type_map` gives.
    """
    found = _lookup(python_type, type_map, defaults)
    if found is not None:
        return found
    if typing.get_origin(python_type) is typing.Annotated:
        for part in python_type.__metadata__:
            if _is_sql_type(part):
                return sqltypes.to_instance(part)
        return resolve_python_type(python_type.__origin__, type_map, defaults)
    if typing.get_origin(python_type) is typing.Literal:
        labels = typing.get_args(python_type)
        template = type_map.get(typing.Literal)
        if all(isinstance(label, str) for label in labels):
            return _literal_enum(template, labels)
        shown = ", ".join(repr(label) for label in labels if not isinstance(label, str))
        raise exc.ArgumentError(
            f"Can't create string-based Enum datatype from non-string values: {shown}.  Please provide an explicit "
            "Enum datatype for this Python type"
        )
    supertype = getattr(python_type, "__supertype__", None)  # NewType
    if supertype is None and _is_alias(python_type):
        supertype = python_type.__value__
    return None if supertype is None else resolve_python_type(supertype, type_map, defaults)


def _literal_enum(template: Any, labels: tuple[str, ...]) -> Any:
    if template is not None:
        options = getattr(sqltypes.to_instance(template), "_enum_options", {})
        return sqltypes.Enum(*labels, **{"native_enum": False, **options})
    return sqltypes.Enum(*labels, native_enum=False)


def _is_sql_type(value: Any) -> bool:
    return isinstance(value, sqltypes.TypeEngine) or (
        isinstance(value, type) and issubclass(value, sqltypes.TypeEngine)
    )


def _lookup(python_type: Any, type_map: dict[Any, Any], defaults: dict[Any, Any]) -> Any:
    """Look a type up by itself, then, for a class, by its bases."""
    try:
        if python_type in type_map:
            return sqltypes.to_instance(type_map[python_type])
        if python_type in defaults:
            return defaults[python_type]
    except TypeError:  # an annotation that cannot be hashed
        return None
    if not isinstance(python_type, type):
        return None
    import enum

    if issubclass(python_type, enum.Enum):
        for base in python_type.__mro__[1:]:
            if base in type_map:
                template = sqltypes.to_instance(type_map[base])
                options = getattr(template, "_enum_options", None)
                return template if options is None else sqltypes.Enum(python_type, **options)
        return sqltypes.Enum(python_type)
    for base in python_type.__mro__[1:]:
        if base in type_map:
            return sqltypes.to_instance(type_map[base])
    return None
