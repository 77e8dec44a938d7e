"""pyorm's names for the golden statements, gathered from the modules that hold them."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

from pyorm import _core, schema, types
from pyorm.dialects import postgresql, sqlite

STYLES = {
    "LABEL_STYLE_NONE": 0,
    "LABEL_STYLE_TABLENAME_PLUS_COL": 1,
    "LABEL_STYLE_DISAMBIGUATE_ONLY": 2,
}


def gather(*modules: ModuleType, **more: Any) -> SimpleNamespace:
    """Return the public names of modules as one namespace; later ones win."""
    names: dict[str, Any] = {}
    for module in modules:
        for name in dir(module):
            value = getattr(module, name)
            if not name.startswith("_") and not isinstance(value, ModuleType):
                names[name] = value
    return SimpleNamespace(**(names | more))


sa = gather(types, schema, _core, **STYLES)
pg = gather(
    types,
    postgresql,
    array=_core.array,
    aggregate_order_by=_core.aggregate_order_by,
    distinct_on=_core.distinct_on,
    insert=_core.dialect_insert,
)
lite = gather(types, sqlite, insert=_core.dialect_insert)
