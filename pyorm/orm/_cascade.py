"""`CascadeOptions`: which operations travel along a relationship."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from enum import Enum

from pyorm import exc
from pyorm.orm.clsregistry import did_you_mean

_WRITING = frozenset({"save-update", "delete", "delete-orphan"})
ALL = ("save-update", "merge", "refresh-expire", "expunge", "delete")
NAMES = frozenset({*ALL, "delete-orphan"})


class RelationshipDirection(Enum):
    """Which side of a relationship holds the foreign key."""

    ONETOMANY = 1
    MANYTOONE = 2
    MANYTOMANY = 3


ONETOMANY = RelationshipDirection.ONETOMANY
MANYTOONE = RelationshipDirection.MANYTOONE
MANYTOMANY = RelationshipDirection.MANYTOMANY


class CascadeOptions(frozenset[str]):
    """The cascades of a relationship: a frozen set of their names, with one flag each.

    Attributes:
        save_update, merge, refresh_expire, expunge, delete, delete_orphan: whether it is there.
    """

    save_update: bool
    merge: bool
    refresh_expire: bool
    expunge: bool
    delete: bool
    delete_orphan: bool

    def __new__(cls, value_list: Iterable[str] | str | None) -> CascadeOptions:
        """Read names from a list or from a string with commas.

        Raises:
            ArgumentError: a name is no cascade.
        """
        names = value_list.split(",") if isinstance(value_list, str) else list(() if value_list is None else value_list)
        wanted = {name.strip() for name in names} - {""}
        unknown = sorted(wanted - NAMES - {"all", "none"})
        if unknown:
            shown = ", ".join(repr(name) for name in unknown)
            hint = did_you_mean(unknown[0], sorted(NAMES)).rstrip(".")
            raise exc.ArgumentError(f"Invalid cascade option(s): {shown}{hint}")
        if "all" in wanted:
            wanted.update(ALL)
        if "none" in wanted:
            wanted.clear()
        wanted.discard("all")
        self = super().__new__(cls, wanted)
        for name in NAMES:
            setattr(self, name.replace("-", "_"), name in wanted)
        if self.delete_orphan and not self.delete:
            warnings.warn("The 'delete-orphan' cascade option requires 'delete'.", exc.SAWarning, stacklevel=5)
        return self

    @classmethod
    def from_string(cls, arg: str) -> CascadeOptions:
        """Read names from a string with commas."""
        return cls(arg)

    def without_writes(self) -> CascadeOptions:
        """Return those that a viewonly relationship keeps."""
        return type(self)(self - _WRITING)

    def __repr__(self) -> str:
        """Show the names in order."""
        return f"CascadeOptions({','.join(sorted(self))!r})"


__all__ = ["MANYTOMANY", "MANYTOONE", "ONETOMANY", "CascadeOptions", "RelationshipDirection"]
