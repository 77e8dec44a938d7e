"""Loader options: what of an entity a statement loads, and how it loads what entities refer to.

    select(User).options(load_only(User.name))
    select(User).options(selectinload(User.posts).joinedload(Post.tags), raiseload("*"))
    select(User, Address).options(Load(User).defer(User.bio), undefer_group("notes"))

An option names attributes of entities that the statement selects; what follows a relationship in
a chain is about what it leads to. Columns that are left out are loaded when they are read, or
refused with `raiseload=True`; the primary key is always loaded.
"""

from __future__ import annotations

from typing import Any

from pyorm.orm._load_option import Load

__all__ = [
    "Load",
    "contains_eager",
    "defaultload",
    "defer",
    "immediateload",
    "joinedload",
    "lazyload",
    "load_only",
    "noload",
    "raiseload",
    "selectin_polymorphic",
    "selectinload",
    "subqueryload",
    "undefer",
    "undefer_group",
    "with_expression",
]


def _start() -> Load:
    return Load._make(None, (), ())


def load_only(*attrs: Any, raiseload: bool = False) -> Load:
    """Load only the given columns of an entity, and its primary key.

    Args:
        *attrs: Column attributes of one class or alias.
        raiseload: Refuse to load the others at access, instead of loading them.

    Returns:
        An option for `Select.options()`.

    Raises:
        ArgumentError: An argument is no mapped attribute.

    Notes:
        Each column left out costs one SELECT when it is read; several `load_only()` add up.
    """
    return _start().load_only(*attrs, raiseload=raiseload)


def defer(key: Any, *, raiseload: bool = False) -> Load:
    """Leave a column out of the SELECT; it is loaded when it is read.

    Args:
        key: A column attribute, or "*" for every column of every entity.
        raiseload: Refuse to load it at access.
    """
    return _start().defer(key, raiseload=raiseload)


def undefer(key: Any) -> Load:
    """Load a column that the mapping defers.

    Args:
        key: A column attribute, or "*" for every column of every entity.
    """
    return _start().undefer(key)


def undefer_group(name: str) -> Load:
    """Load the columns that the mapping defers under this group's name.

    Args:
        name: `deferred_group=` of mapped_column(), `group=` of deferred().
    """
    return _start().undefer_group(name)


def selectin_polymorphic(base_cls: Any, classes: Any) -> Load:
    """Load the columns that subclasses add by one more SELECT for each of them, up to 500 instances at a time.

    Args:
        base_cls: The class that the statement selects.
        classes: The subclasses.

    Returns:
        An option for `Select.options()`.

    Raises:
        ArgumentError: An argument is no mapped class.

    Statements:
        One for each of the classes of which there are instances in the result.
    """
    return Load(base_cls).selectin_polymorphic(classes)


def with_expression(key: Any, expression: Any) -> Load:
    """Load an attribute from an expression of this statement.

    Args:
        key: an attribute that is mapped with `query_expression()`.
        expression: what it is loaded from.

    Returns:
        An option for `Select.options()`. Objects that the session has loaded already keep what they have,
        unless `populate_existing` says otherwise.
    """
    return _start().with_expression(key, expression)


def joinedload(*keys: Any, innerjoin: Any = None) -> Load:
    """Load what a relationship refers to in the same SELECT, by an outer join.

    Args:
        *keys: Relationship attributes, each starting from what the one before leads to; "*" for all.
        innerjoin: True: INNER JOIN, for what is never missing; "unnested": only where no outer join stands before it.

    Returns:
        An option; calls on it go on with the related entity.

    Notes:
        A collection repeats its parent in the rows: call `unique()` on the result. With LIMIT, OFFSET, DISTINCT or
        GROUP BY the statement becomes a subquery that is joined to. `yield_per` refuses collections.
    """
    return _start().joinedload(*keys, innerjoin=innerjoin)


def contains_eager(*keys: Any, alias: Any = None) -> Load:
    """Take what a relationship refers to from joins that the statement itself makes.

    Args:
        *keys: Relationship attributes; with `of_type(alias)` for an alias that was joined to.
        alias: The alias that was joined to.
    """
    return _start().contains_eager(*keys, alias=alias)


def selectinload(*keys: Any, recursion_depth: int | None = None, chunksize: int | None = None) -> Load:
    """Load what a relationship refers to by one more SELECT for many parents, when the first is read.

    Args:
        *keys: Relationship attributes; "*" for all.
        recursion_depth: For a relationship to the same class: how many levels; -1 for all there are.
        chunksize: Keys of one SELECT, from 1; by default 500, on PostgreSQL, where they are one array, 4,096.
    """
    return _start().selectinload(*keys, recursion_depth=recursion_depth, chunksize=chunksize)


def subqueryload(*keys: Any) -> Load:
    """Load what a relationship refers to by one more SELECT, joined to the first one as a subquery.

    Args:
        *keys: Relationship attributes; "*" for all.
    """
    return _start().subqueryload(*keys)


def immediateload(*keys: Any, recursion_depth: int | None = None) -> Load:
    """Load what a relationship refers to as if it were read at once, by key or one SELECT per parent.

    Args:
        *keys: Relationship attributes; "*" for all.
        recursion_depth: For a relationship to the same class: how many levels; -1 for all there are.
    """
    return _start().immediateload(*keys, recursion_depth=recursion_depth)


def lazyload(*keys: Any) -> Load:
    """Load what a relationship refers to when it is read, one by one.

    Args:
        *keys: Relationship attributes; "*" for all.
    """
    return _start().lazyload(*keys)


def raiseload(*keys: Any, sql_only: bool = False) -> Load:
    """Refuse to load a relationship when it is read.

    Args:
        *keys: Relationship attributes; "*" for all.
        sql_only: Refuse only what needs SQL: the identity map may answer.
    """
    return _start().raiseload(*keys, sql_only=sql_only)


def noload(*keys: Any) -> Load:
    """Leave a relationship empty: None, or an empty collection. Deprecated, as it tells a falsehood.

    Args:
        *keys: Relationship attributes; "*" for all.
    """
    return _start().noload(*keys)


def defaultload(*keys: Any) -> Load:
    """Leave the loader of a relationship as it is, and say something of what it leads to.

    Args:
        *keys: Relationship attributes.
    """
    return _start().defaultload(*keys)
