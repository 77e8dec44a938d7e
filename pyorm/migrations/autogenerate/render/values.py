"""The source code of what stands inside an operation: names, SQL expressions, defaults, options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pyorm import _core
from pyorm.schema import Computed, FetchedValue, Identity
from pyorm.schema._base import conv, quoted_name

if TYPE_CHECKING:
    from pyorm.migrations.autogenerate.api import AutogenContext

_BIND = re.compile(r"(?<![:\w\\]):(?=\w+(?!:))")
IDENTITY_OPTIONS = (
    "always",
    "on_null",
    "start",
    "increment",
    "minvalue",
    "maxvalue",
    "nominvalue",
    "nomaxvalue",
    "cycle",
    "cache",
    "order",
)


def prefix(context: AutogenContext, name: str = "sqlalchemy_module_prefix") -> str:
    """Return a module prefix such as `sa.` or `op.`, as the environment says it."""
    return str(context.opts.get(name) or "")


def operation(context: AutogenContext) -> str:
    """Return what stands before a method of operations: `op.`, or `batch_op.` inside a batch."""
    return "batch_op." if context.in_batch else prefix(context, "alembic_module_prefix")


def name(value: Any, context: AutogenContext) -> str:
    """Return the source of a constraint's or index's name: `op.f("…")` where the convention made it."""
    if value is None:
        return "None"
    if isinstance(value, conv):
        return f"{operation(context)}f({str(value)!r})"
    return identifier(value)


def identifier(value: Any) -> str:
    """Return the source of a table's or column's name."""
    if value is None:
        return "None"
    if isinstance(value, quoted_name) and value.quote is not None:
        return f"quoted_name({str(value)!r}, {value.quote!r})"
    return repr(str(value))


def text(sql: str, context: AutogenContext) -> str:
    """Return `sa.text("…")`."""
    return f"{prefix(context)}text({escaped(sql)!r})"


def escaped(sql: str) -> str:
    """Return SQL as `text()`, a check and a generated column take it: what looks like a bind is escaped."""
    return _BIND.sub(r"\\:", sql)


def sql_of(value: Any, context: AutogenContext, include_table: bool = False) -> str:
    """Return the SQL of an expression with its values inline, its columns without their table."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, _core.TextClause):
        return str(value.text).replace("\\:", ":")
    return str(_core.compile_string(value, context.dialect, literal_binds=True, include_table=include_table))


def expression(value: Any, context: AutogenContext, wrap: str = "text") -> str:
    """Return the source of a SQL expression as text: `sa.text("…")`, or `sa.literal_column("…")`."""
    if wrap == "text":
        return text(sql_of(value, context), context)
    return f"{prefix(context)}{wrap}({sql_of(value, context)!r})"


def server_default(default: Any, context: AutogenContext) -> str | None:
    """Return the source of a server default; None where there is none to write.

    A string stays a string, an expression becomes `sa.text()`, an identity or generated column
    its own class, which a column takes as a positional argument.
    """
    own = context.render_item("server_default", default)
    if own is not None:
        return own
    if default is None:
        return None
    if isinstance(default, Computed):
        return computed(default, context)
    if isinstance(default, Identity):
        return identity(default, context)
    if isinstance(default, str):
        return repr(default)
    if isinstance(default, FetchedValue) and not default.has_argument:
        return f"{prefix(context)}FetchedValue()"
    arg = getattr(default, "arg", default)
    return repr(arg) if isinstance(arg, str) else expression(arg, context)


def computed(default: Computed, context: AutogenContext) -> str:
    """Return `sa.Computed("…", persisted=True)`."""
    shown = [repr(escaped(sql_of(default.sqltext, context)))]
    if default.persisted is not None:
        shown.append(f"persisted={default.persisted!r}")
    return f"{prefix(context)}Computed({', '.join(shown)})"


def identity(default: Identity, context: AutogenContext) -> str:
    """Return `sa.Identity(always=…, start=…)`."""
    shown = [f"always={bool(default.always)!r}"]
    for option in IDENTITY_OPTIONS[1:]:
        value = getattr(default, option)
        if value is not None:
            shown.append(f"{option}={value!r}")
    return f"{prefix(context)}Identity({', '.join(shown)})"


def options(kw: Any, context: AutogenContext) -> list[str]:
    """Return `name=value` of options, sorted by name; what is not set (None, empty, a dialect's False) is left out."""
    shown = []
    for key, value in sorted(dict(kw).items()):
        unset = value is None or (value is False and key.startswith(("postgresql_", "sqlite_")))
        if unset or (isinstance(value, (list, tuple, dict)) and not value):
            continue
        shown.append(f"{key}={option_value(value, context)}")
    return shown


def option_value(value: Any, context: AutogenContext) -> str:
    """Return the source of an option's value: an expression as text, a column by its name."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(option_value(item, context) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{str(key)!r}: {option_value(item, context)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        return repr(str(value))
    if isinstance(value, _core.ClauseElement) or hasattr(value, "__clause_element__"):
        column = getattr(value, "name", None)
        if column is not None and getattr(value, "table", None) is not None:
            return identifier(column)
        return expression(value, context)
    return repr(value)
