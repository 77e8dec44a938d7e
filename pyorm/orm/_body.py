"""What the body of a declarative class says: the order of its names, and mistakes in it."""

from __future__ import annotations

import warnings
from typing import Any

from pyorm import exc
from pyorm.orm.exc import MappedAnnotationError
from pyorm.orm.properties import MappedColumn, MapperProperty, UnmappedColumn, declared_attr
from pyorm.schema import Column


def warn_of_comma(name: str, value: tuple[Any, ...]) -> bool:
    """Return whether a value is one column with a comma behind it, which is ignored."""
    if len(value) != 1 or not isinstance(value[0], (Column, MappedColumn, MapperProperty)):
        return False
    warnings.warn(
        f"Ignoring declarative-like tuple value of attribute {name!r}: possibly a copy-and-paste error with a comma "
        "accidentally placed at the end of the line?",
        exc.SAWarning,
        stacklevel=7,
    )
    return True


def in_order(cls: type, annotations: dict[str, Any]) -> list[str]:
    """Return the names of values and of annotations in one order.

    Python keeps two orders, and only the names in both tie them together: up to each common name, what stands in the
    list being walked comes first, then what the other list has before it, and the walk goes on in that other list.
    """
    walked, other = list(cls.__dict__), list(annotations)
    if not other:
        return walked
    result: list[str] = []
    while walked:
        name = walked[0]
        if name in other:
            walked, other = other, walked
            while walked[0] != name:
                result.append(walked.pop(0))
            other.remove(name)
        result.append(name)
        walked.pop(0)
    return result + other


def not_mapped(cls: type, name: str) -> MappedAnnotationError:
    return MappedAnnotationError(
        f'Type annotation for "{cls.__name__}.{name}" can\'t be correctly interpreted for Annotated Declarative Table '
        "form.  ORM annotations should normally make use of the ``Mapped[]`` generic type, or other ORM-compatible "
        "generic type, as a container for the actual type, which indicates the intent that the attribute is mapped. "
        "Class variables that are not intended to be mapped by the ORM should use ClassVar[].  To allow Annotated "
        'Declarative to disregard legacy annotations which don\'t use Mapped[] to pass, set "__allow_unmapped__ = '
        'True" on the class or a superclass this class.'
    )


def check_unmapped(cls: type, name: str, value: Any, inner: Any, annotation: Any) -> None:
    """Refuse `Unmapped[]` and `unmapped_column()` that do not stand together.

    Args:
        cls: the class.
        name: the attribute.
        value: what it is in the class body.
        inner: what stands in `Unmapped[…]`, or None.
        annotation: the annotation as it stands there.

    Raises:
        ArgumentError: one of them belongs to a mapped column.
    """
    if not isinstance(value, UnmappedColumn):
        raise exc.ArgumentError(
            f'Attribute "{cls.__name__}.{name}" uses the Unmapped[] annotation, which must be used with '
            "unmapped_column() or with no value on the right side"
        )
    if inner is None and (isinstance(annotation, str) or hasattr(annotation, "__origin__")):
        raise exc.ArgumentError(
            f'Attribute "{cls.__name__}.{name}" uses unmapped_column() with the Mapped[] annotation; unmapped_column() '
            "must be used with the Unmapped[] annotation"
        )


def check_base(cls: type, registry: Any, type_map: Any) -> None:
    """Refuse a declarative base that is a mapped class, or whose facts contradict each other.

    Args:
        cls: a direct subclass of DeclarativeBase.
        registry: what it has as `registry`, or None.
        type_map: what it has as `type_annotation_map`, or None.

    Raises:
        InvalidRequestError: so.
    """
    if "__table__" in cls.__dict__ or isinstance(cls.__dict__.get("__tablename__"), str):
        raise exc.InvalidRequestError(
            f"Cannot use {cls.__bases__[0].__name__!r} directly as a declarative base class. Create a Base by creating "
            "a subclass of it."
        )
    if registry is not None and not hasattr(registry, "_class_registry"):
        raise exc.InvalidRequestError(
            "Declarative base class has a 'registry' attribute that is not an instance of pyorm.orm.registry()"
        )
    if registry is not None and type_map is not None:
        raise exc.InvalidRequestError(
            "Declarative base class has both a 'registry' attribute and a type_annotation_map entry.  Give the "
            "type_annotation_map to the registry."
        )


def gives_way(cls: type, name: str, inherits: bool) -> bool:
    """Return whether an attribute of a class's body is that of a `declared_attr.cascading` of a base.

    A warning says so, except for the class that begins a hierarchy.
    """
    for base in cls.__mro__[1:]:
        value = base.__dict__.get(name)
        if isinstance(value, declared_attr) and value._cascading:
            if inherits:
                warnings.warn(
                    f"Attribute '{name}' on class {cls!r} cannot be processed due to @declared_attr.cascading; "
                    "skipping",
                    exc.SAWarning,
                    stacklevel=6,
                )
            return True
    return False
