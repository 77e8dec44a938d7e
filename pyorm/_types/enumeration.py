"""Enum: one of a fixed set of texts, or a member of a Python enumeration."""

from __future__ import annotations

import enum as pyenum
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyorm import exc
from pyorm._types.scalar import String
from pyorm._types.schema_type import SchemaType

_UNSET: Any = object()


class Enum(String, SchemaType):
    """One of a fixed set.

    Args:
        *enums: the texts, or one enum.Enum class, whose members' names are stored.
        create_constraint: add a CHECK where the type is a VARCHAR.
        native_enum: use PostgreSQL's CREATE TYPE ... AS ENUM; False: VARCHAR there, too.
        name: of the type and the constraint; of an Enum class: its name in lower case.
        schema: of the type.
        metadata: a MetaData that creates and drops the type with its tables.
        inherit_schema: take the schema of the table or the MetaData.
        length: of the VARCHAR; the longest text by default.
        omit_aliases: leave aliases of an Enum class out.
        sort_key_function: for sorting members; None: not sortable by one.
        validate_strings: refuse texts that are not in the set also as parameters.
        values_callable: gives the texts of an Enum class to store instead of the names.
        renamed_from: new text → what it was called before, for migrations.
    """

    __visit_name__ = "enum"
    _kind = "ENUM"
    _is_generic = True

    def __init__(self, *enums: Any, **kw: Any) -> None:
        self._init_enum(enums, kw)

    def _init_enum(self, enums: Sequence[Any], kw: dict[str, Any]) -> None:
        self._enum_options = dict(kw)  # a type_annotation_map makes others with the same
        self.native_enum: bool = kw.pop("native_enum", True)
        self.create_constraint: bool = kw.pop("create_constraint", False)
        self.values_callable: Callable[[Any], Sequence[str]] | None
        self.values_callable = kw.pop("values_callable", None)
        self._sort_key_function: Any = kw.pop("sort_key_function", _UNSET)
        length = kw.pop("length", _UNSET)
        self._omit_aliases: bool = kw.pop("omit_aliases", True)
        self.validate_strings: bool = kw.pop("validate_strings", False)
        self.enum_class: type[pyenum.Enum] | None = None
        if len(enums) == 1 and isinstance(enums[0], type) and hasattr(enums[0], "__members__"):
            self.enum_class = enums[0]
        elif len(enums) == 1 and not isinstance(enums[0], str):
            listed: Any = enums[0]
            enums = tuple(listed)
        self._read_values(enums)
        longest = max(map(len, self.enums), default=0)
        if length is not _UNSET and length is not None and length < longest:
            raise ValueError(
                "When provided, length must be larger or equal than the length of the longest "
                f"enum value. {length} < {longest}"
            )
        super().__init__(longest if length is _UNSET else length)
        self._explicit_length = None if length is _UNSET else length
        fallback = self.enum_class.__name__.lower() if self.enum_class is not None else None
        self.name: str | None = kw.pop("name", fallback)
        self.schema: str | None = kw.pop("schema", None)
        self.metadata: Any = kw.pop("metadata", None)
        self.inherit_schema: bool = kw.pop("inherit_schema", self.schema is None)
        if (quote := kw.pop("quote", None)) is not None and self.name is not None:
            from pyorm.schema._base import quoted_name

            self.name = quoted_name(self.name, quote)
        self.renamed_from: Mapping[str, str] | None = kw.pop("renamed_from", None)
        kw.pop("_create_events", None)
        if kw:
            raise TypeError(f"Enum() got an unexpected keyword argument {next(iter(kw))!r}")
        self._register()

    def _read_values(self, enums: Sequence[Any]) -> None:
        """Fill `enums`, the texts, and `_members`, what each of them is in Python."""
        if self.enum_class is None:
            self.enums = list(enums)
            self._members: list[Any] = list(enums)
            for text in self.enums:
                if not isinstance(text, str):
                    raise exc.ArgumentError(f"Enum() takes texts or one Enum class, not {text!r}")
            return
        named: Mapping[str, pyenum.Enum] = self.enum_class.__members__
        if self._omit_aliases:
            named = {name: member for name, member in named.items() if name == member.name}
        self._members = list(named.values())
        if self.values_callable is not None:
            self.enums = list(self.values_callable(self.enum_class))
        else:
            self.enums = list(named)

    @property
    def native(self) -> bool:  # type: ignore[override]
        """Whether the database's own type is wanted."""
        return self.native_enum

    @property
    def sort_key_function(self) -> Any:  # type: ignore[override]
        """The function that sorts members: by their text unless another was given."""
        return self._label_of if self._sort_key_function is _UNSET else self._sort_key_function

    def _label_of(self, member: Any) -> str:
        text: str
        for text, known in zip(self.enums, self._members, strict=True):
            if known is member or known == member:
                return text
        if not self.validate_strings and isinstance(member, str):
            return member
        shown = ", ".join(self.enums)
        raise LookupError(
            f"'{member}' is not among the defined enum values. Enum name: {self.name}. "
            f"Possible values: {shown}"
        )

    @property
    def python_type(self) -> type[Any]:
        """The Enum class, or str."""
        return str if self.enum_class is None else self.enum_class

    def _identity(self) -> tuple[Any, ...] | None:
        return (
            type(self),
            tuple(self.enums),
            self.enum_class,
            self.name,
            self.schema,
            self.native_enum,
            self.validate_strings,
            self.length,
            self.create_constraint,
            self.inherit_schema,
            tuple(sorted((self.renamed_from or {}).items())),
            getattr(self, "create_type", True),
        )

    def _fields(self) -> dict[str, Any]:
        shown = (tuple(self.enums), tuple(self._members), self.validate_strings, self.name)
        fields: dict[str, Any] = {"length": self.length, "extra": shown}
        if not self.native_enum:
            fields.update(oid=1043, array_oid=1015)
        return fields

    def copy(self, **kw: Any) -> Any:
        """Return an equal type, for another MetaData or schema if the keywords say so."""
        new = super().copy()
        for name in ("name", "schema", "metadata"):
            if name in kw:
                setattr(new, name, kw[name])
        return new

    def adapt_to_emulated(self, impltype: Any, **kw: Any) -> Any:
        """Return the same set as a type of another class."""
        return self.adapt(impltype, **kw)

    def adapt(self, cls: type[Any], **kw: Any) -> Any:
        """Return the same set as a type of another class."""
        if not issubclass(cls, Enum):
            return super().adapt(cls, **kw)
        args = (self.enum_class,) if self.enum_class is not None else tuple(self.enums)
        taken: dict[str, Any] = {
            "name": self.name,
            "schema": self.schema,
            "metadata": self.metadata,
            "inherit_schema": self.inherit_schema,
            "validate_strings": self.validate_strings,
            "values_callable": self.values_callable,
            "omit_aliases": self._omit_aliases,
            "native_enum": self.native_enum,
        }
        taken.update(kw)
        return cls(*args, **taken)

    def _set_name(self, name: str | None, schema: str | None) -> None:
        """Give the type its name or schema from the MetaData; the core asks again."""
        self.name, self.schema = name, schema
        del self._record

    def __repr__(self) -> str:
        parts = [repr(text) for text in self.enums]
        parts += [f"{key}={getattr(self, key)!r}" for key in self._shown_names()]
        return f"{type(self).__name__}({', '.join(parts)})"

    def _shown_names(self) -> list[str]:
        shown = []
        if self.name is not None:
            shown.append("name")
        if self.schema is not None:
            shown.append("schema")
        if self.create_constraint:
            shown.append("create_constraint")
        if not self.native_enum:
            shown.append("native_enum")
        if self._explicit_length is not None:
            shown.append("length")
        if self.validate_strings:
            shown.append("validate_strings")
        return shown


