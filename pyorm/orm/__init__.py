"""Mapped classes, sessions and queries.

Names are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import Any

_SUBMODULES = (
    "attributes", "clsregistry", "collections", "declarative", "events", "exc", "interfaces", "mapper", "properties",
    "query", "relationships", "scoping", "session", "util",
)  # fmt: skip
_NAMES = {
    "pyorm._core": "AttributeEventToken FromStatement InstanceState InstrumentedAttribute",
    "pyorm.orm.util": "merge_frozen_result",
    "pyorm.orm.attributes": "QueryableAttribute",
    "pyorm.orm._cascade": "CascadeOptions",
    "pyorm.orm._comparator": "PropComparator",
    "pyorm.orm.declarative": (
        "DeclarativeBase DeclarativeBaseNoMeta DeclarativeMeta add_mapped_attribute as_declarative declarative_base "
        "has_inherited_table"
    ),
    "pyorm.orm._aliased": "AliasedClass AliasedInsp aliased",
    "pyorm.orm._with_polymorphic": "with_polymorphic",
    "pyorm.orm.collections": (
        "KeyFuncDict MappedCollection attribute_keyed_dict attribute_mapped_collection collection_adapter "
        "column_keyed_dict column_mapped_collection keyfunc_mapping mapped_collection"
    ),
    "pyorm.orm._criteria": "LoaderCriteriaOption UserDefinedOption with_loader_criteria",
    "pyorm.orm.context": "QueryContext",
    "pyorm.orm._mapping_events": "EXT_CONTINUE EXT_SKIP EXT_STOP InstrumentationEvents RegistryEvents",
    "pyorm.orm.events": "AttributeEvents InstanceEvents MapperEvents SessionEvents",
    "pyorm.orm._concrete": "polymorphic_union",
    "pyorm.orm._joins": "join outerjoin with_parent",
    "pyorm.orm.manager": "ClassManager",
    "pyorm.orm.mapper": "Mapper",
    "pyorm.orm._load_option": "Load",
    "pyorm.orm.options": (
        "contains_eager defaultload defer immediateload joinedload lazyload load_only noload raiseload "
        "selectin_polymorphic selectinload subqueryload undefer undefer_group with_expression"
    ),
    "pyorm.orm.properties": (
        "ColumnProperty Mapped MappedColumn MappedSQLExpression MapperProperty Unmapped column_property "
        "declarative_mixin declared_attr deferred "
        "query_expression unmapped_column "
        "mapped_column validates reconstructor"
    ),
    "pyorm.orm.query": "Query",
    "pyorm.orm.dynamic": "AppenderQuery",
    "pyorm.orm.writeonly": "WriteOnlyCollection",
    "pyorm.orm.relationships": (
        "DynamicMapped MANYTOMANY MANYTOONE ONETOMANY Relationship RelationshipDirection RelationshipProperty "
        "WriteOnlyMapped backref dynamic_loader foreign relationship remote"
    ),
    "pyorm.orm.scoping": "scoped_session",
    "pyorm.orm.session": (
        "ORMExecuteState Session SessionTransaction SessionTransactionOrigin UOWTransaction close_all_sessions "
        "make_transient make_transient_to_detached object_session sessionmaker was_deleted"
    ),
    "pyorm.orm.bundles": "Bundle DictBundle",
    "pyorm.orm.composites": "Composite CompositeProperty composite",
    "pyorm.orm._dataclasses": "MappedAsDataclass mapped_as_dataclass unmapped_dataclass",
    "pyorm.orm._symbols": "AttributeState LoaderCallableStatus NO_KEY NO_VALUE NotExtension PassiveFlag",
    "pyorm.orm.synonyms": "Synonym SynonymProperty synonym synonym_for",
    "pyorm.orm._registry": "class_mapper clear_mappers configure_mappers object_mapper registry",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Import a public name, or a submodule, at its first use."""
    if name in _HOMES:
        found = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
        return found
    if name in _SUBMODULES:
        return importlib.import_module(f"pyorm.orm.{name}")
    raise AttributeError(f"module 'pyorm.orm' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what can be asked for."""
    return sorted({*globals(), *_HOMES, *_SUBMODULES})


__all__ = [*_HOMES]  # noqa: PLE0604 - computed from the table above
