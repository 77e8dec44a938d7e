"""Collections that a relationship can have, and how a class of one's own becomes one."""

from __future__ import annotations

from typing import Any

from pyorm._core import CollectionAdapter, InstrumentedDict, InstrumentedList, InstrumentedSet, KeyFuncDict

MappedCollection = KeyFuncDict


def collection_adapter(collection: Any) -> Any:
    """Return the CollectionAdapter of a collection, or None."""
    return collection._sa_adapter


__all__ = [
    "CollectionAdapter",
    "InstrumentedDict",
    "InstrumentedList",
    "InstrumentedSet",
    "KeyFuncDict",
    "MappedCollection",
    "collection_adapter",
]
