"""SchemaType: types that bring something of their own into the schema."""

from __future__ import annotations

from typing import Any


class SchemaType:
    """Mixin of types with a CHECK constraint or a CREATE TYPE: Boolean, Enum, DOMAIN.

    The schema reads the attributes; nothing happens here.
    """

    name: str | None = None
    schema: str | None = None
    metadata: Any = None
    inherit_schema: bool = True
    create_constraint: bool = False
    native: bool = True
