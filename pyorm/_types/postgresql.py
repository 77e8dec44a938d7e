"""PostgreSQL's own types; `pyorm.dialects.postgresql` shows them."""

from __future__ import annotations

from typing import Any

from pyorm import exc
from pyorm._types import document, scalar
from pyorm._types.base import FLAGS, TypeEngine, to_instance
from pyorm._types.comparator_document import (
    HstoreComparator,
    JsonbComparator,
    PostgresJsonComparator,
)
from pyorm._types.enumeration import Enum
from pyorm._types.schema_type import SchemaType


class ARRAY(document.ARRAY):
    """An array; see pyorm.types.ARRAY."""


class BYTEA(scalar.LargeBinary):
    """Bytes."""

    __visit_name__ = "BYTEA"


class JSON(document.JSON):
    """A JSON document, kept as its text.

    Args:
        none_as_null: None is SQL NULL.
        astext_type: type of `expr[...].astext`, Text by default.
    """

    Comparator = comparator_factory = PostgresJsonComparator

    def __init__(self, none_as_null: bool = False, astext_type: TypeEngine | None = None) -> None:
        super().__init__(none_as_null=none_as_null)
        self.astext_type = scalar.Text() if astext_type is None else astext_type

    def __repr__(self) -> str:
        first = f"none_as_null={self.none_as_null!r}, " if self.none_as_null else ""
        return f"{type(self).__name__}({first}astext_type={self.astext_type!r})"


class JSONB(JSON):
    """A JSON document, kept taken apart: indexable."""

    __visit_name__ = "JSONB"
    _kind = "JSONB"
    Comparator = comparator_factory = JsonbComparator


class JSONPATH(TypeEngine):
    """A path into a JSON document, as text."""

    __visit_name__ = "JSONPATH"
    _kind = "JSONPATH"


class CITEXT(scalar.TEXT):
    """A text that is compared without regard to case (extension citext)."""

    __visit_name__ = "CITEXT"

    def _fields(self) -> dict[str, Any]:
        return {"length": self.length, "oid": 0, "array_oid": 0}


class INET(TypeEngine):
    """A host address with its network's bits, as text; `ipaddress` objects are taken, too."""

    __visit_name__ = "INET"
    _kind = "INET"


class CIDR(TypeEngine):
    """A network address, as text; `ipaddress` objects are taken, too."""

    __visit_name__ = "CIDR"
    _kind = "INET"

    def _fields(self) -> dict[str, Any]:
        return {"oid": 650, "array_oid": 651}


class MACADDR(TypeEngine):
    """A MAC address of six bytes, as text."""

    __visit_name__ = "MACADDR"
    _kind = "MACADDR"


class MACADDR8(TypeEngine):
    """A MAC address of eight bytes, as text."""

    __visit_name__ = "MACADDR8"
    _kind = "MACADDR"

    def _fields(self) -> dict[str, Any]:
        return {"oid": 774, "array_oid": 775}


class OID(TypeEngine):
    """A number of the catalog."""

    __visit_name__ = "OID"
    _kind = "OID"


class REGCLASS(TypeEngine):
    """A table by name or number; results are numbers."""

    __visit_name__ = "REGCLASS"
    _kind = "OID"

    def _fields(self) -> dict[str, Any]:
        return {"oid": 2205, "array_oid": 2210}


class REGCONFIG(TypeEngine):
    """A text search configuration by name or number; results are numbers."""

    __visit_name__ = "REGCONFIG"
    _kind = "OID"

    def _fields(self) -> dict[str, Any]:
        return {"oid": 3734, "array_oid": 3735}


class TSVECTOR(TypeEngine):
    """A document prepared for text search, as text."""

    __visit_name__ = "TSVECTOR"
    _kind = "OPAQUE"

    def _fields(self) -> dict[str, Any]:
        return {"oid": 3614, "array_oid": 3643}


class TSQUERY(TypeEngine):
    """A question to a document prepared for text search, as text."""

    __visit_name__ = "TSQUERY"
    _kind = "OPAQUE"

    def _fields(self) -> dict[str, Any]:
        return {"oid": 3615, "array_oid": 3645}


class MONEY(TypeEngine):
    """An amount, as text: results are digits with two decimals and no currency sign."""

    __visit_name__ = "MONEY"
    _kind = "OPAQUE"

    def _fields(self) -> dict[str, Any]:
        return {"oid": 790, "array_oid": 791}


class HSTORE(TypeEngine):
    """A dict of texts (extension hstore).

    Args:
        text_type: type of the elements in expressions, Text by default.
    """

    __visit_name__ = "HSTORE"
    _kind = "HSTORE"
    hashable = False
    Comparator = comparator_factory = HstoreComparator

    def __init__(self, text_type: TypeEngine | None = None) -> None:
        self.text_type = scalar.Text() if text_type is None else text_type

    @property
    def python_type(self) -> type[dict[str, Any]]:
        """dict."""
        return dict

    def _fields(self) -> dict[str, Any]:
        return {"oid": 0, "array_oid": 0}


class BIT(TypeEngine):
    """Bits, as a text of 0 and 1.

    Args:
        length: number of bits; 1 unless varying.
        varying: up to so many.
    """

    __visit_name__ = "BIT"
    _kind = "BIT"

    def __init__(self, length: int | None = None, varying: bool = False) -> None:
        self.varying = varying
        self.length = length if varying or length is not None else 1

    @property
    def python_type(self) -> type[str]:
        """str."""
        return str

    def _fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"length": self.length}
        if self.varying:
            fields.update(oid=1562, array_oid=1563)
        return fields


class TIMESTAMP(scalar.TIMESTAMP):
    """A date and time of day.

    Args:
        timezone: an instant.
        precision: decimals of the seconds.
    """

    def __init__(self, timezone: bool = False, precision: int | None = None) -> None:
        super().__init__(timezone=timezone)
        self.precision = precision


class TIME(scalar.TIME):
    """A time of day.

    Args:
        timezone: with an offset from UTC.
        precision: decimals of the seconds.
    """

    def __init__(self, timezone: bool = False, precision: int | None = None) -> None:
        super().__init__(timezone=timezone)
        self.precision = precision


class INTERVAL(scalar._AbstractInterval):
    """A duration.

    Args:
        precision: decimals of the seconds.
        fields: which parts are kept, e.g. "DAY TO SECOND".
    """

    __visit_name__ = "INTERVAL"
    native = True

    def __init__(self, precision: int | None = None, fields: str | None = None) -> None:
        self.precision = precision
        self.fields = fields


class NamedType(TypeEngine, SchemaType):
    """A type that the schema has under a name of its own."""

    name: str | None
    create_type: bool = True

    def create(self, bind: Any, checkfirst: bool = True) -> None:
        """Emit CREATE TYPE or CREATE DOMAIN, unless the database has it."""
        super().create(bind, checkfirst)

    def drop(self, bind: Any, checkfirst: bool = True) -> None:
        """Emit DROP TYPE or DROP DOMAIN, if the database has it."""
        super().drop(bind, checkfirst)


class ENUM(NamedType, Enum):
    """One of a fixed set, by CREATE TYPE ... AS ENUM.

    Args:
        *enums: the texts, or one enum.Enum class.
        name: of the type; required to create it.
        create_type: create and drop the type with its tables.
        **kw: as for Enum.
    """

    def __init__(self, *enums: Any, create_type: bool = True, **kw: Any) -> None:
        if kw.pop("native_enum", True) is False:
            raise exc.ArgumentError(
                "the native_enum flag does not apply to postgresql.ENUM: use Enum"
            )
        self.create_type = create_type
        Enum.__init__(self, *enums, **kw)

    @property
    def python_type(self) -> type[Any]:
        """The Enum class, or str."""
        return str if self.enum_class is None else self.enum_class


class DOMAIN(NamedType):
    """A type with constraints over another one, by CREATE DOMAIN.

    Args:
        name: of the domain.
        data_type: the type below.
        collation, collation_schema, default, constraint_name, not_null, check: of CREATE DOMAIN.
        create_type: create and drop the domain with its tables.
        schema, metadata, inherit_schema: as for Enum.
    """

    __visit_name__ = "DOMAIN"

    def __init__(
        self,
        name: str,
        data_type: Any,
        *,
        collation: str | None = None,
        collation_schema: str | None = None,
        default: Any = None,
        constraint_name: str | None = None,
        not_null: bool | None = None,
        check: Any = None,
        create_type: bool = True,
        schema: str | None = None,
        metadata: Any = None,
        inherit_schema: bool = True,
    ) -> None:
        self.name = name
        self.data_type = to_instance(data_type)
        self.collation = collation
        self.collation_schema = collation_schema
        self.default = default
        self.constraint_name = constraint_name
        self.not_null = bool(not_null)
        self.check = check
        self.create_type = create_type
        self.schema = schema
        self.metadata = metadata
        self.inherit_schema = inherit_schema
        self._register()

    @property
    def python_type(self) -> type:
        """That of the type below."""
        return self.data_type.python_type

    def _identity(self) -> tuple[Any, ...] | None:
        made = (self.collation, self.collation_schema, str(self.default), self.constraint_name)
        also = (self.not_null, str(self.check), self.create_type, self.inherit_schema)
        return (type(self), self.name, self.schema, self.data_type._record, *made, *also)

    def _fields(self) -> dict[str, Any]:
        # Values are those of the type below, on the wire as well.
        below = self.data_type._record
        kind = "NULL" if below.kind in ("ENUM", "ARRAY", "DECORATOR", "TUPLE") else below.kind
        impl = (self.data_type, self.data_type)
        return {"impl": impl, "kind": kind, "flags": FLAGS["VARIANT"]}

    def __repr__(self) -> str:
        return f"DOMAIN({self.name!r}, {self.data_type!r})"


for _cls in list(globals().values()):
    if isinstance(_cls, type) and _cls.__module__ == __name__:
        _cls.__module__ = "pyorm.dialects.postgresql"
del _cls
