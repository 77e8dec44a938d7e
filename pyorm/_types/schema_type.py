"""SchemaType: types that bring something of their own into the schema."""

from __future__ import annotations

from typing import Any


class SchemaType:
    """Mixin of types with a CHECK constraint or a CREATE TYPE: Boolean, Enum, DOMAIN.

    The schema reads the attributes.
    """

    name: str | None = None
    schema: str | None = None
    metadata: Any = None
    inherit_schema: bool = True
    create_constraint: bool = False
    native: bool = True

    def create(self, bind: Any, checkfirst: bool = False) -> None:
        """Emit CREATE TYPE or CREATE DOMAIN where the database has such types; else do nothing.

        Args:
            bind: an Engine or a Connection.
            checkfirst: ask the database first, and do nothing if the type exists.
        """
        from pyorm.schema.named_types import create_one

        create_one(self, bind, checkfirst)

    def drop(self, bind: Any, checkfirst: bool = False) -> None:
        """Emit DROP TYPE or DROP DOMAIN; the arguments are those of create()."""
        from pyorm.schema.named_types import drop_one

        drop_one(self, bind, checkfirst)

    def _register(self) -> None:
        """Let the MetaData that was given create the type with its tables."""
        if self.metadata is not None:
            self.metadata._named_types.append(self)
            if self.schema is None and self.inherit_schema:
                self.schema = self.metadata.schema
