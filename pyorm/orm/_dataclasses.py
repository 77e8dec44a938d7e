"""Mapped classes that are dataclasses: from `Mapped[…]` and `mapped_column()` to dataclass fields.

`dataclasses.dataclass` runs over the class as it would stand there without a mapping: each mapped
name annotated with its inner type, its options as `field()`. Afterwards the class gets back what it
had, and the mapper puts its attributes there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from pyorm import _core, exc
from pyorm.orm import _annotations
from pyorm.orm.exc import MappedAnnotationError
from pyorm.orm.properties import MappedColumn, MapperProperty, UnmappedColumn, declared_attr
from pyorm.orm.relationships import RelationshipProperty

OPTIONS = ("init", "repr", "eq", "order", "unsafe_hash", "match_args", "kw_only", "dataclass_callable")
_ARGUMENTS = "_sa_apply_dc_transforms"
_UNSET: Any = object()
_Made = Mapping[str, tuple[type, Any, Any]]


def take_options(cls: type, given: dict[str, Any]) -> dict[str, Any]:
    """Move the dataclass options out of a class statement's keywords; keep them on the class.

    Returns:
        The other keywords.
    """
    inherited = getattr(cls, _ARGUMENTS, None) or {}
    own = {name: given.pop(name) for name in OPTIONS if name in given}
    type.__setattr__(cls, _ARGUMENTS, {**inherited, **own})
    return given


def options_of(cls: type) -> dict[str, Any] | None:
    """Return the dataclass options of a class whose own statement asks for the transform, or None."""
    found: dict[str, Any] | None = cls.__dict__.get(_ARGUMENTS)
    return found


def _field(value: Any) -> Any:
    """Return what stands on the class for dataclass(): a field, a default, or nothing."""
    options = getattr(value, "_dataclass_options", None)
    if options is None:
        return value
    options = {name: option for name, option in options.items() if option is not _UNSET}
    if "dataclass_metadata" in options:
        options["metadata"] = options.pop("dataclass_metadata")
    if options.get("init") is False and "default" in options:
        default = options.pop("default")  # the attribute hides the default: __init__ has to set it
        options["default_factory"] = lambda: default
    return dataclasses.field(**options) if options else _UNSET


def _inner(annotation: Any, cls: type, name: str, value: Any) -> Any:
    """Return what stands inside `Mapped[…]`; of a relationship to a class that is not there yet, its annotation."""
    try:
        return _annotations.inner_of(annotation, cls, name)
    except MappedAnnotationError:
        if isinstance(value, RelationshipProperty):
            return annotation  # dataclass() looks no further, and the mapping has read it
        raise


def _wanted(cls: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return annotations and values as dataclass() is to see them."""
    annotations: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for name, annotation in cls.__dict__.get("__annotations__", {}).items():  # noqa: RUF063 - this class only
        value = cls.__dict__.get(name, _UNSET)
        inner = None
        if _annotations.unmapped_of(annotation, cls, name) is not None:
            continue
        if not _annotations.is_class_var(annotation):
            inner = _inner(annotation, cls, name, value)
        if inner is None and isinstance(value, (MappedColumn, MapperProperty)):
            continue  # without Mapped[] it is no field
        annotations[name] = annotation if inner is None else inner
        if value is not _UNSET:
            values[name] = _field(value)
    return annotations, values


def apply(cls: type, options: dict[str, Any], made: _Made | None = None) -> None:
    """Make a class a dataclass, with what is mapped as fields.

    Args:
        cls: the class.
        options: of `dataclass()`.
        made: what functions of mixins made, by attribute name; they come last.

    Raises:
        InvalidRequestError: dataclass() refuses the fields.
    """
    annotations, values = _wanted(cls)
    had = dict(cls.__dict__.get("__annotations__", {}))  # noqa: RUF063 - this class only
    kept = {name: cls.__dict__[name] for name in values}
    for name, (base, annotation, value) in (made or {}).items():
        if isinstance(value, UnmappedColumn):
            continue
        annotations.setdefault(name, _inner(annotation, base, name, value))
        if (field := _field(value)) is not _UNSET:
            kept.setdefault(name, cls.__dict__.get(name, _UNSET))
            values.setdefault(name, field)
    arguments = dict(options)
    callable_: Callable[..., Any] = arguments.pop("dataclass_callable", None) or dataclasses.dataclass
    for name, value in values.items():
        if value is _UNSET:
            type.__delattr__(cls, name)
        else:
            type.__setattr__(cls, name, value)
    type.__setattr__(cls, "__annotations__", annotations)
    try:
        callable_(cls, **arguments)
    except (TypeError, ValueError) as error:
        raise exc.InvalidRequestError(
            f"Python dataclasses error encountered when creating dataclass for {cls.__name__!r}: {error!r}. Please "
            "refer to Python dataclasses documentation for additional information."
        ) from error
    finally:
        type.__setattr__(cls, "__annotations__", had)
        for name, value in kept.items():
            if hasattr(value, "_dataclass_options") or isinstance(value, declared_attr):
                type.__setattr__(cls, name, value)
            elif value is _UNSET and name in cls.__dict__:
                type.__delattr__(cls, name)


def values_in_fields(base: type, cls: type) -> dict[str, Any]:
    """Return what the fields of an existing dataclass say to the mapping, by name.

    `__sa_dataclass_metadata_key__` names the key of a field's metadata under which it stands.
    """
    key = getattr(base, "__sa_dataclass_metadata_key__", None)
    if key is None or "__dataclass_fields__" not in base.__dict__:
        return {}
    found: dict[str, Any] = {}
    own = base.__dict__.get("__annotations__", {})  # noqa: RUF063 - this class only
    for field in dataclasses.fields(base):
        if field.name in own and key in field.metadata:
            value = field.metadata[key]
            is_function = callable(value) and not isinstance(value, (MapperProperty, MappedColumn, _core.ClauseElement))
            found[field.name] = value() if is_function else value
    return found


def transform(cls: type, properties: dict[str, Any], made: _Made) -> None:
    """Make a class that is being mapped a dataclass, if it asks for it.

    Args:
        cls: the class.
        properties: what it maps, by name.
        made: what its `declared_attr` functions with `-> Mapped[…]` made, by name: class, annotation, value.

    Raises:
        InvalidRequestError: it has a mapped attribute of a mixin that is no dataclass.
        ArgumentError: it does not ask, and has options of dataclasses.
    """
    options = options_of(cls)
    if options is None:
        check_plain(cls)
        return
    for base in cls.__mro__[1:]:
        if "__dataclass_fields__" in base.__dict__ or "__mapper__" in base.__dict__:
            continue
        names = [
            name
            for name, annotation in base.__dict__.get("__annotations__", {}).items()  # noqa: RUF063
            if name in properties and _inner(annotation, base, name, base.__dict__.get(name)) is not None
        ]
        names += [name for name, (source, *_) in made.items() if source is base and name not in names]
        if names:
            raise exc.InvalidRequestError(
                f"When transforming {cls} to a dataclass, attribute(s) {', '.join(map(repr, names))} originates from "
                f"superclass {base}, which is not a dataclass.  When declaring SQLAlchemy Declarative Dataclasses, "
                "ensure that all mixin classes and other superclasses which include attributes are also a subclass of "
                "MappedAsDataclass or make use of the @unmapped_dataclass decorator."
            )
    apply(cls, options, made)


def check_plain(cls: type) -> None:
    """Refuse dataclass options in a class that is no dataclass.

    Raises:
        ArgumentError: an attribute has one.
    """
    for name, value in cls.__dict__.items():
        options = getattr(value, "_dataclass_options", None) or {}
        bad = [option for option in options if option not in ("default", "insert_default")]
        if bad and not isinstance(value, _core.InstrumentedAttribute):
            shown = ", ".join(repr(option) for option in bad)
            raise exc.ArgumentError(
                f"Attribute '{name}' on class {cls} includes dataclasses argument(s): {shown} but class does not "
                "specify SQLAlchemy native dataclass configuration"
            )


class MappedAsDataclass:
    """Mixin: the mapped classes below it are dataclasses; options stand in the class statement.

        class User(MappedAsDataclass, Base, kw_only=True): …
    """

    def __init_subclass__(
        cls,
        init: Any = _UNSET,
        repr: Any = _UNSET,
        eq: Any = _UNSET,
        order: Any = _UNSET,
        unsafe_hash: Any = _UNSET,
        match_args: Any = _UNSET,
        kw_only: Any = _UNSET,
        dataclass_callable: Any = _UNSET,
        **kw: Any,
    ) -> None:
        """Keep the options; the mapping, or this, makes the dataclass."""
        given = dict(
            zip(OPTIONS, (init, repr, eq, order, unsafe_hash, match_args, kw_only, dataclass_callable), strict=True)
        )
        take_options(cls, {name: value for name, value in given.items() if value is not _UNSET})
        super().__init_subclass__(**kw)
        if "__mapper__" not in cls.__dict__:  # a mixin, a base, an abstract class
            is_base = "_is_declarative_base" in cls.__dict__  # its classes keep their own constructors
            apply(cls, {"init": False, "repr": False, "eq": False} if is_base else options_of(cls) or {})


def unmapped_dataclass(cls: type | None = None, /, **options: Any) -> Any:
    """Make a mixin with mapped columns a dataclass, for mapped dataclasses to derive from."""

    def decorate(target: type) -> type:
        apply(target, options)
        return target

    return decorate if cls is None else decorate(cls)


def mapped_as_dataclass(registry: Any, /, **options: Any) -> Callable[[type], type]:
    """Return a class decorator: map the class under a registry (or a base's) as a dataclass."""
    found = getattr(registry, "registry", registry)

    def decorate(cls: type) -> type:
        made: type = found.mapped_as_dataclass(cls, **options)
        return made

    return decorate
