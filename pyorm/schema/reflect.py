"""Tables from the database's catalog: `Table(autoload_with=…)` and `MetaData.reflect()`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from pyorm import _core, exc
from pyorm.schema.column import Column
from pyorm.schema.constraints import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from pyorm.schema.defaults import Computed, DefaultClause, Identity
from pyorm.schema.events import fire
from pyorm.schema.indexes import Index
from pyorm.schema.inspector import Inspector
from pyorm.schema.kinds import ObjectKind, ObjectScope
from pyorm.schema.table import Table


def inspector_for(bind: Any) -> Inspector:
    """Return an Inspector for an Engine, a Connection or an Inspector."""
    return bind if isinstance(bind, Inspector) else Inspector(bind)


def reflect_metadata(
    metadata: Any,
    bind: Any,
    schema: str | None,
    views: bool,
    only: Collection[str] | Callable[[str, Any], bool] | None,
    extend_existing: bool,
    resolve_fks: bool,
    options: dict[str, Any],
) -> None:
    """Define the tables of a database in a MetaData; see MetaData.reflect."""
    inspector = inspector_for(bind)
    schema = metadata.schema if schema is None else schema
    names = inspector.get_table_names(schema)
    if views:
        names += inspector.get_view_names(schema)
        if inspector.dialect.name == "postgresql":
            names += inspector.get_materialized_view_names(schema)
    if callable(only):
        names = [n for n in names if only(n, metadata)]
    elif only is not None:
        missing = [n for n in only if n not in names]
        if missing:
            raise exc.InvalidRequestError(
                f"Could not reflect: requested table(s) not available in {inspector.engine!r}"
                f"{f' schema {schema!r}' if schema else ''}: ({', '.join(missing)})"
            )
        names = list(only)
    _read_ahead(inspector, schema, names)
    for name in names:
        key = f"{schema}.{name}" if schema else name
        if extend_existing or key not in metadata.tables:
            Table(
                name, metadata, schema=schema, autoload_with=inspector, extend_existing=extend_existing,
                resolve_fks=resolve_fks, **options,
            )  # fmt: skip


def _read_ahead(inspector: Inspector, schema: str | None, names: Collection[str]) -> None:
    """Ask every question once for all tables; the tables then find the answers."""
    questions = [
        inspector.get_multi_columns, inspector.get_multi_pk_constraint, inspector.get_multi_foreign_keys,
        inspector.get_multi_indexes, inspector.get_multi_unique_constraints, inspector.get_multi_check_constraints,
        inspector.get_multi_table_options,
    ]  # fmt: skip
    if inspector.dialect.supports_comments:
        questions.append(inspector.get_multi_table_comment)
    for question in questions:
        question(schema, names, ObjectKind.ANY, ObjectScope.ANY)


def reflect_table(
    table: Any,
    bind: Any,
    include_columns: Collection[str] | None,
    resolve_fks: bool,
    autoload_replace: bool,
    given: tuple[Any, ...],
) -> None:
    """Give a table the columns, keys and indexes that the database has, except those declared by hand."""
    inspector = inspector_for(bind)
    name, schema = str(table.name), table.schema
    declared = {item.name for item in given if isinstance(item, Column)}
    primary = inspector.get_pk_constraint(name, schema)
    for facts in inspector.get_columns(name, schema):
        if include_columns is not None and facts["name"] not in include_columns:
            continue
        if facts["name"] in declared or (not autoload_replace and facts["name"] in table.c):
            continue
        facts = dict(facts)  # listeners may change it
        for target in (table.metadata, table):
            fire(target, "column_reflect", inspector, table, facts)
        table._add_column(_column(facts, primary["constrained_columns"]))
    if primary["name"] is not None:
        table.primary_key.name = primary["name"]
    table.primary_key._take_dialect_options("PrimaryKeyConstraint", _options(primary))
    _order_key(table, primary["constrained_columns"])
    _add_keys(table, inspector, name, schema, resolve_fks)
    _add_others(table, inspector, name, schema)
    table._take_dialect_options("Table", inspector.get_table_options(name, schema))
    if inspector.dialect.name == "postgresql" and table.comment is None:
        table.comment = inspector.get_table_comment(name, schema)["text"]


def _column(facts: dict[str, Any], primary: list[str]) -> Column:
    items: list[Any] = []
    default = facts.get("default")
    if "computed" in facts:
        items.append(Computed(facts["computed"]["sqltext"], facts["computed"]["persisted"]))
    elif "identity" in facts:
        items.append(Identity(**facts["identity"]))
    elif default is not None:
        items.append(DefaultClause(_core.text(default.replace(":", "\\:")), _reflected=True))
    is_key = facts["name"] in primary
    return Column(
        facts["name"], facts["type"], *items, nullable=facts["nullable"], primary_key=is_key,
        key=facts.get("key"), info=facts.get("info"),
        autoincrement=facts.get("autoincrement", "auto"), comment=facts.get("comment"),
    )  # fmt: skip


def _order_key(table: Any, names: list[str]) -> None:
    key = table.primary_key
    key._resolved = sorted(key._resolved, key=lambda c: names.index(c.name) if c.name in names else len(names))


def _add_keys(table: Any, inspector: Inspector, name: str, schema: str | None, resolve: bool) -> None:
    for facts in inspector.get_foreign_keys(name, schema):
        if not all(n in table.c for n in facts["constrained_columns"]):
            continue
        target_schema, target = facts["referred_schema"], facts["referred_table"]
        prefix = f"{target_schema}.{target}" if target_schema else target
        if resolve and prefix not in table.metadata.tables and target != name:
            Table(target, table.metadata, schema=target_schema, autoload_with=inspector)
        options = {k: v for k, v in facts["options"].items() if k in _KEY_OPTIONS}
        table.append_constraint(
            ForeignKeyConstraint(
                facts["constrained_columns"], [f"{prefix}.{c}" for c in facts["referred_columns"]],
                name=facts["name"], **options,
            )
        )  # fmt: skip


_KEY_OPTIONS = frozenset({"ondelete", "onupdate", "deferrable", "initially", "match"})


def _add_others(table: Any, inspector: Inspector, name: str, schema: str | None) -> None:
    """Add indexes, unique and check constraints."""
    for facts in inspector.get_indexes(name, schema):
        if facts.get("duplicates_constraint") is None:
            _add_index(table, facts)
    for facts in inspector.get_unique_constraints(name, schema):
        if all(n in table.c for n in facts["column_names"]):
            table.append_constraint(UniqueConstraint(*facts["column_names"], name=facts["name"], **_options(facts)))
    for facts in inspector.get_check_constraints(name, schema):
        table.append_constraint(CheckConstraint(facts["sqltext"].replace(":", "\\:"), name=facts["name"]))


def _options(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a key that differ from their defaults."""
    return {name: value for name, value in facts.get("dialect_options", {}).items() if value}


def _add_index(table: Any, facts: dict[str, Any]) -> None:
    texts = facts.get("expressions", facts["column_names"])
    elements = []
    for column, text in zip(facts["column_names"], texts, strict=True):
        if column is None:
            elements.append(_core.text(text.replace(":", "\\:")))
        elif column not in table.c:
            return
        else:
            elements.append(table.c[column])
    options: dict[str, Any] = {}
    for key, value in facts["dialect_options"].items():
        if key.endswith("_where"):
            options[key] = _core.text(value.replace(":", "\\:"))
        elif key in ("postgresql_using", "postgresql_with", "postgresql_nulls_not_distinct") or (
            key == "postgresql_include" and value
        ):
            options[key] = value
    Index(facts["name"], *elements, unique=bool(facts["unique"]), _table=table, **options)
