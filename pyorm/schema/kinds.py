"""`ObjectKind` and `ObjectScope`: which relations an Inspector is asked about."""

from __future__ import annotations

from enum import Flag


class ObjectKind(Flag):
    """Kinds of relations, to be put together by `|`."""

    TABLE = 1
    VIEW = 2
    MATERIALIZED_VIEW = 4
    ANY_VIEW = VIEW | MATERIALIZED_VIEW
    ANY = TABLE | VIEW | MATERIALIZED_VIEW


class ObjectScope(Flag):
    """Where relations live: for everybody, or for this connection only."""

    DEFAULT = 1
    TEMPORARY = 2
    ANY = DEFAULT | TEMPORARY
