"""The source code of a type: `sa.String(length=20)`, `postgresql.JSONB()`, `app.types.Money()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyorm._types.base import TypeEngine, constructor_names
from pyorm._types.decorator import PickleType, TypeDecorator
from pyorm._types.enumeration import Enum
from pyorm.dialects.postgresql import DOMAIN, ENUM

if TYPE_CHECKING:
    from pyorm.migrations.autogenerate.api import AutogenContext

_STANDARD = ("pyorm.types", "pyorm._types")
_ROOTS = ("pyorm.", "sqlalchemy.")


def render_type(type_: Any, context: AutogenContext) -> str:
    """Return the source code of a type and note the imports it needs.

    `render_item` of the environment is asked first, then the dialect's `render_type`.
    """
    own = context.render_item("type", type_)
    if own is not None:
        return own
    impl = None if context.migration_context is None else context.migration_context.impl
    by_dialect = False if impl is None else impl.render_type(type_, context)
    if by_dialect is not False and by_dialect is not None:
        return str(by_dialect)
    text = _base(type_, context)
    for name, variant in sorted(type_._variants.items()):
        text += f".with_variant({render_type(variant, context)}, {name!r})"
    return text


def _base(type_: Any, context: AutogenContext) -> str:
    if isinstance(type_, Enum):
        return _enum(type_, context)
    if isinstance(type_, DOMAIN):
        return _domain(type_, context)
    if type(type_) is PickleType:  # how values are pickled is no fact of the schema
        return f"{_prefix(type_, context)}PickleType()"
    prefix = _prefix(type_, context)
    if isinstance(type_, TypeDecorator) and not _has_constructor(type_):
        return f"{prefix}{type(type_).__name__}({_arguments(type_.impl_instance, context)})"
    if not _is_standard(type_) and _has_own_repr(type_):
        return prefix + repr(type_)
    return f"{prefix}{type(type_).__name__}({_arguments(type_, context)})"


def _has_constructor(type_: Any) -> bool:
    return bool(constructor_names(type(type_))) and type(type_).__init__ is not TypeDecorator.__init__


def _has_own_repr(type_: Any) -> bool:
    strangers = (cls for cls in type(type_).__mro__ if cls is not object and not cls.__module__.startswith(_ROOTS[0]))
    return any("__repr__" in vars(cls) for cls in strangers)


def _is_standard(type_: Any) -> bool:
    return type(type_).__module__.startswith(_ROOTS)


def _prefix(type_: Any, context: AutogenContext) -> str:
    """Return what stands before a type's name, after noting the import that makes it valid."""
    module = type(type_).__module__
    if module.startswith("pyorm._types.ranges"):
        module = "pyorm.dialects.postgresql"
    for root in _ROOTS:
        if module.startswith(f"{root}dialects."):
            dialect = module[len(root) :].split(".")[1]
            library = context.library_name if root == _ROOTS[0] else root[:-1]
            context.imports.add(f"from {library}.dialects import {dialect}")
            return f"{dialect}."
    if module.startswith(_STANDARD) or module.startswith("sqlalchemy."):
        return str(context.opts.get("sqlalchemy_module_prefix") or "")
    own = context.opts.get("user_module_prefix")
    return f"{module}." if own is None else str(own)


def _arguments(type_: Any, context: AutogenContext) -> str:
    """Return the constructor's arguments that differ from their defaults, types among them rendered as types."""
    import inspect

    try:
        parameters = inspect.signature(type(type_).__init__).parameters
    except (TypeError, ValueError):
        parameters = {}  # type: ignore[assignment]
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    shown: list[str] = []
    values = {**vars(type_.impl_instance), **vars(type_)} if isinstance(type_, TypeDecorator) else vars(type_)
    for name in constructor_names(type(type_)):
        if name not in values or name.startswith("_"):
            continue
        value = values[name]
        default = defaults.get(name)
        if default is inspect.Parameter.empty:
            shown.append(_value(value, context))
        elif not _is_default(value, default):
            shown.append(f"{name}={_value(value, context)}")
    return ", ".join(shown)


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(value, TypeEngine):
        return default is None and repr(value) == "Text()"  # astext_type of a JSON document
    return bool(value == default)


def _value(value: Any, context: AutogenContext) -> str:
    if isinstance(value, TypeEngine):
        return render_type(value, context)
    if isinstance(value, type) and issubclass(value, TypeEngine):
        return render_type(value(), context)
    return repr(str(value) if isinstance(value, str) else value)


def _enum(type_: Enum, context: AutogenContext) -> str:
    """Return an enum's source: on PostgreSQL as a type that operations of its own create and drop."""
    native = context.dialect is not None and context.dialect.name == "postgresql" and type_.native_enum
    shown = [repr(str(value)) for value in type_.enums]
    if native or isinstance(type_, ENUM):
        context.imports.add(f"from {context.library_name}.dialects import postgresql")
        shown += [f"{name}={str(getattr(type_, name))!r}" for name in ("name", "schema") if getattr(type_, name)]
        return f"postgresql.ENUM({', '.join([*shown, 'create_type=False'])})"
    shown += [f"{name}={str(getattr(type_, name))!r}" for name in ("name", "schema") if getattr(type_, name)]
    shown += [f"{name}={getattr(type_, name)!r}" for name in type_._shown_names() if name not in ("name", "schema")]
    return f"{context.opts.get('sqlalchemy_module_prefix') or ''}Enum({', '.join(shown)})"


def _domain(type_: Any, context: AutogenContext) -> str:
    from pyorm.migrations.autogenerate.render.values import expression

    context.imports.add(f"from {context.library_name}.dialects import postgresql")
    shown = [repr(str(type_.name)), render_type(type_.data_type, context)]
    for name in ("collation", "collation_schema", "constraint_name", "not_null", "schema"):
        if getattr(type_, name):
            shown.append(f"{name}={getattr(type_, name)!r}")
    for name in ("default", "check"):
        value = getattr(type_, name)
        if value is not None:
            shown.append(f"{name}={value!r}" if isinstance(value, str) else f"{name}={expression(value, context)}")
    if not type_.create_type:
        shown.append("create_type=False")
    return f"postgresql.DOMAIN({', '.join(shown)})"
