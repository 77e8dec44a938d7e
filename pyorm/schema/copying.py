"""What `Table.to_metadata()` needs beside the copies themselves: where references lead."""

from __future__ import annotations

from typing import Any


class CopyTarget:
    """Where the foreign keys of a copied table lead.

    Args:
        table: the table that is copied.
        schema: the copy's schema.
        name: the copy's name; a key to the table itself follows it.
        referred_schema_fn: `(table, to_schema, constraint, referred_schema) -> schema`, or None.
    """

    def __init__(self, table: Any, schema: Any, name: str, referred_schema_fn: Any) -> None:
        """Keep where the copy goes."""
        self.table, self.schema, self.name, self.referred_schema_fn = table, schema, name, referred_schema_fn

    def of(self, fk: Any) -> str:
        """Return the target of a foreign key's copy as text.

        A key to the table itself follows the copy; a key into the table's own schema moves along with it, unless
        the schema of the MetaData said where that is; any other keeps its target. `referred_schema_fn` decides first.
        """
        schema, table, column = fk._tokens()
        column = column or fk.parent.key
        to = schema
        if self.referred_schema_fn is not None:
            to = self.referred_schema_fn(self.table, self.schema, fk.constraint, schema)
        elif schema == self.table.schema and self.schema != self.table.schema:
            to = self.schema
        if table == self.table.name and schema == self.table.schema and to == self.schema:
            table = self.name
        return ".".join(str(part) for part in (to, table, column) if isinstance(part, str))

