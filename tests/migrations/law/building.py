"""The MetaData of a random model."""

from __future__ import annotations

from typing import Any

import pyorm as sa
from pyorm.dialects.postgresql import ExcludeConstraint
from tests.migrations.law.specs import POSTGRESQL_TYPES, TYPES, Spec


def build(spec: Spec, is_pg: bool) -> sa.MetaData:
    """Return the MetaData that a model describes."""
    metadata = sa.MetaData()
    for name, table in spec["tables"].items():
        _build_table(metadata, spec, name, table, is_pg)
    for name, options in spec["sequences"].items():
        sa.Sequence(name, metadata=metadata, **options)
    return metadata


def _build_table(metadata: sa.MetaData, spec: Spec, name: str, table: Spec, is_pg: bool) -> None:
    items: list[Any] = [*_key(table["key"])]
    items += [_column(column_name, column, spec, table) for column_name, column in table["columns"].items()]
    for part, unique in table["uniques"].items():
        items.append(sa.UniqueConstraint(*unique["columns"], name=_named(part, unique), **_unique_options(unique)))
    for part, check in table["checks"].items():
        items.append(sa.CheckConstraint(check["text"], name=_named(part, check)))
    for part, key in table["foreign_keys"].items():
        schema = spec["tables"][key["to"]]["schema"]
        target = f"{schema}.{key['to']}.id" if schema else f"{key['to']}.id"
        items.append(
            sa.ForeignKeyConstraint(
                key["columns"], [target], name=_named(part, key), ondelete=key["ondelete"], onupdate=key["onupdate"],
                deferrable=key["deferrable"],
            )
        )  # fmt: skip
    for part, exclude in table["excludes"].items():
        where = None if exclude["where"] is None else sa.text(exclude["where"])
        items.append(ExcludeConstraint((exclude["columns"][0], "&&"), name=part, where=where))
    made = sa.Table(name, metadata, *items, schema=table["schema"], comment=table["comment"])
    for part, index in table["indexes"].items():
        _build_index(made, part, index, table, is_pg)


def _key(kind: str) -> list[Any]:
    if kind == "identity":
        return [sa.Column("id", sa.Integer, sa.Identity(always=True, start=3), primary_key=True)]
    columns = [sa.Column("id", sa.Integer, primary_key=kind != "none")]
    return [*columns, sa.Column("id2", sa.Integer, primary_key=True)] if kind == "two" else columns


def _column(name: str, column: Spec, spec: Spec, table: Spec) -> Any:
    if "text" in column:
        return sa.Column(name, sa.Integer, sa.Computed(column["text"], persisted=True))
    if column["type"] == "enum":
        type_: Any = sa.Enum(*spec["labels"], name="mood")
    else:
        type_ = {**TYPES, **POSTGRESQL_TYPES}[column["type"]]()
    return sa.Column(
        name, type_, nullable=column["nullable"], server_default=column["default"], comment=column["comment"]
    )


def _named(name: str, part: Spec) -> str | None:
    return name if part["named"] else None


def _unique_options(unique: Spec) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if unique["include"]:
        options["postgresql_include"] = ["id"]
    if unique["nulls not distinct"]:
        options["postgresql_nulls_not_distinct"] = True
    if unique["deferrable"]:
        options.update(deferrable=True, initially="DEFERRED")
    return options


def _build_index(table: Any, name: str, index: Spec, spec: Spec, is_pg: bool) -> None:
    columns: list[Any] = [table.c[column] for column in index["columns"]]
    kind, options = index["kind"], {}
    if kind == "descending":
        columns[0] = columns[0].desc()
    elif kind == "expression":
        columns[0] = sa.func.lower(columns[0])
    elif kind == "partial":
        options[f"{'postgresql' if is_pg else 'sqlite'}_where"] = columns[0].isnot(None)
    elif kind == "include":
        options["postgresql_include"] = ["id"]
    elif kind == "storage":
        options["postgresql_with"] = {"fillfactor": 50}
    elif kind == "hash":
        options["postgresql_using"] = "hash"
    elif kind == "nulls not distinct":
        options.update(unique=True, postgresql_nulls_not_distinct=True)
    elif kind == "operator class":
        is_text = spec["columns"][index["columns"][0]]["type"] == "text"
        options["postgresql_ops"] = {index["columns"][0]: "text_pattern_ops" if is_text else "varchar_pattern_ops"}
    sa.Index(name, *columns, unique=options.pop("unique", kind == "unique"), **options)
