"""JSON documents, arrays, and tuples of values."""

from __future__ import annotations

from typing import Any

from pyorm._types.base import FLAGS, TypeEngine, to_instance
from pyorm._types.comparator_document import ArrayComparator, JsonComparator


class _JsonNull:
    """The type of JSON.NULL."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "JSON_NULL"

    def __reduce__(self) -> str:
        return "JSON_NULL"


JSON_NULL = _JsonNull()


class JSON(TypeEngine):
    """A JSON document.

    Args:
        none_as_null: None is SQL NULL; False: it is the JSON value null, and `null()` is SQL
            NULL. `JSON.NULL` is always the JSON value.
    """

    __visit_name__ = "JSON"
    _kind = "JSON"
    _is_generic = True
    _is_affinity = True
    hashable = False
    NULL = JSON_NULL
    Comparator = comparator_factory = JsonComparator

    def __init__(self, none_as_null: bool = False) -> None:
        self.none_as_null = none_as_null

    @property
    def should_evaluate_none(self) -> bool:
        """Whether None is a value of its own."""
        return not self.none_as_null

    @should_evaluate_none.setter
    def should_evaluate_none(self, value: bool) -> None:
        self.none_as_null = not value

    def _fields(self) -> dict[str, Any]:
        return {"flags": FLAGS["NONE_AS_NULL"] if self.none_as_null else FLAGS["NULL_AWARE"]}


class ARRAY(TypeEngine):
    """An array of values of one type; PostgreSQL only.

    Args:
        item_type: the type of the elements; never an array itself.
        as_tuple: give tuples, which can be hashed.
        dimensions: number of dimensions, for DDL and for what depth a list has.
        zero_indexes: SQL expressions count from 0, as Python does.
    """

    __visit_name__ = "ARRAY"
    _kind = "ARRAY"
    Comparator = comparator_factory = ArrayComparator
    _is_array = True
    _is_generic = True
    _is_affinity = True

    def __init__(
        self,
        item_type: TypeEngine | type[TypeEngine],
        as_tuple: bool = False,
        dimensions: int | None = None,
        zero_indexes: bool = False,
    ) -> None:
        self.item_type = to_instance(item_type)
        if self.item_type._is_array:
            raise ValueError(
                "Do not nest ARRAY types; ARRAY(basetype) handles multi-dimensional arrays of "
                "basetype"
            )
        self.as_tuple = as_tuple
        self.dimensions = dimensions
        self.zero_indexes = zero_indexes

    @property
    def hashable(self) -> bool:  # type: ignore[override]
        """Whether values can be put in a set: tuples can."""
        return self.as_tuple

    @property
    def python_type(self) -> type[list[Any]]:
        """list."""
        return list

    def _fields(self) -> dict[str, Any]:
        return {
            "item": self.item_type,
            "scale": self.dimensions,
            "flags": FLAGS["AS_TUPLE"] if self.as_tuple else 0,
        }


class TupleType(TypeEngine):
    """The type of a row value `(a, b)`, for IN.

    Args:
        *types: of its parts.
    """

    _kind = "TUPLE"
    _is_tuple_type = True

    def __init__(self, *types: Any) -> None:
        self.types = [to_instance(item) for item in types]

    def _identity(self) -> tuple[Any, ...] | None:
        return (type(self), *(item._record for item in self.types))

    def _fields(self) -> dict[str, Any]:
        return {"extra": tuple(item._record for item in self.types)}

    def __repr__(self) -> str:
        return f"TupleType({', '.join(map(repr, self.types))})"


class TableValueType(TypeEngine):
    """The type of a table-valued function: a row of columns.

    Args:
        *elements: its columns.
    """

    _is_table_value = True

    def __init__(self, *elements: Any) -> None:
        self._elements = list(elements)

    def _identity(self) -> None:
        return None


