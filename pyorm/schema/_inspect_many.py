"""`get_multi_*` of the Inspector: one question about many tables, in one statement."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from pyorm.schema.kinds import ObjectKind, ObjectScope

TableKey = tuple[str | None, str]
"""Schema as it was asked for, and name."""


class Many:
    """The questions; each takes a schema, names to look at (all), kinds and scopes of relations.

    Tables that do not exist are left out. Answers are kept for the questions about one table, too.
    """

    _catalog: Any
    _of_many: Callable[..., Any]

    def get_multi_columns(
        self,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        kind: ObjectKind = ObjectKind.TABLE,
        scope: ObjectScope = ObjectScope.DEFAULT,
        **kw: Any,
    ) -> dict[TableKey, list[dict[str, Any]]]:
        """Return what `get_columns()` tells of each table, by (schema, name)."""
        found: dict[TableKey, list[dict[str, Any]]]
        found = self._of_many(self._catalog.columns, schema, filter_names, kind, scope)
        return found

    def get_multi_pk_constraint(
        self,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        kind: ObjectKind = ObjectKind.TABLE,
        scope: ObjectScope = ObjectScope.DEFAULT,
        **kw: Any,
    ) -> dict[TableKey, dict[str, Any]]:
        """Return what `get_pk_constraint()` tells of each table, by (schema, name)."""
        found: dict[TableKey, dict[str, Any]]
        found = self._of_many(self._catalog.primary_key, schema, filter_names, kind, scope)
        return found

    def get_multi_foreign_keys(
        self,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        kind: ObjectKind = ObjectKind.TABLE,
        scope: ObjectScope = ObjectScope.DEFAULT,
        **kw: Any,
    ) -> dict[TableKey, list[dict[str, Any]]]:
        """Return what `get_foreign_keys()` tells of each table, by (schema, name)."""
        found: dict[TableKey, list[dict[str, Any]]]
        found = self._of_many(self._catalog.foreign_keys, schema, filter_names, kind, scope)
        return found

    def get_multi_indexes(
        self,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        kind: ObjectKind = ObjectKind.TABLE,
        scope: ObjectScope = ObjectScope.DEFAULT,
        **kw: Any,
    ) -> dict[TableKey, list[dict[str, Any]]]:
        """Return what `get_indexes()` tells of each table, by (schema, name)."""
        found: dict[TableKey, list[dict[str, Any]]]
        found = self._of_many(self._catalog.indexes, schema, filter_names, kind, scope)
        return found

    def get_multi_unique_constraints(
        self,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        kind: ObjectKind = ObjectKind.TABLE,
        scope: ObjectScope = ObjectScope.DEFAULT,
        **kw: Any,
    ) -> dict[TableKey, list[dict[str, Any]]]:
        """Return what `get_unique_constraints()` tells of each table, by (schema, name)."""
        found: dict[TableKey, list[dict[str, Any]]]
        found = self._of_many(self._catalog.unique_constraints, schema, filter_names, kind, scope)
        return found

    def get_multi_check_constraints(
        self,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        kind: ObjectKind = ObjectKind.TABLE,
        scope: ObjectScope = ObjectScope.DEFAULT,
        **kw: Any,
    ) -> dict[TableKey, list[dict[str, Any]]]:
        """Return what `get_check_constraints()` tells of each table, by (schema, name)."""
        found: dict[TableKey, list[dict[str, Any]]]
        found = self._of_many(self._catalog.check_constraints, schema, filter_names, kind, scope)
        return found

    def get_multi_table_comment(
        self,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        kind: ObjectKind = ObjectKind.TABLE,
        scope: ObjectScope = ObjectScope.DEFAULT,
        **kw: Any,
    ) -> dict[TableKey, dict[str, Any]]:
        """Return what `get_table_comment()` tells of each table, by (schema, name)."""
        found: dict[TableKey, dict[str, Any]]
        found = self._of_many(self._catalog.table_comment, schema, filter_names, kind, scope)
        return found

    def get_multi_table_options(
        self,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        kind: ObjectKind = ObjectKind.TABLE,
        scope: ObjectScope = ObjectScope.DEFAULT,
        **kw: Any,
    ) -> dict[TableKey, dict[str, Any]]:
        """Return what `get_table_options()` tells of each table, by (schema, name)."""
        found: dict[TableKey, dict[str, Any]]
        found = self._of_many(self._catalog.table_options, schema, filter_names, kind, scope)
        return found
