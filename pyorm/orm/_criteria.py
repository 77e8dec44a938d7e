"""`with_loader_criteria()`: what restricts a class wherever a statement, or a load that it starts, reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pyorm import _core, exc
from pyorm.orm._registry import _all_registries

__all__ = ["LoaderCriteriaOption", "UserDefinedOption", "with_loader_criteria"]


class LoaderCriteriaOption(_core.LoaderOption):
    """What with_loader_criteria() makes.

    Attributes:
        root_entity: the class or base that was given.
        include_aliases, propagate_to_loaders: as given.
    """

    def __init__(
        self,
        entity_or_base: Any,
        where_criteria: Any,
        loader_only: bool = False,
        include_aliases: bool = False,
        propagate_to_loaders: bool = True,
        track_closure_variables: bool = True,
    ) -> None:
        """Work the criteria of all classes out; see `with_loader_criteria()`.

        Raises:
            ArgumentError: what is given is no class, or the criterion no expression.
        """
        del loader_only, track_closure_variables
        entity = getattr(entity_or_base, "class_", entity_or_base)  # inspect() of a class
        if not isinstance(entity, type):
            raise exc.ArgumentError(
                f"with_loader_criteria() takes a mapped class, or a base or mixin of such, got {entity_or_base!r}"
            )
        self.root_entity = entity
        self.include_aliases, self.propagate_to_loaders = bool(include_aliases), bool(propagate_to_loaders)
        nodes: list[Any] = []
        for cls in _classes(entity):
            nodes += (cls, _criterion(cls, where_criteria))
        self._fill((), (int(self.include_aliases), int(self.propagate_to_loaders), len(nodes)), tuple(nodes))
        self._mark_criteria(self.include_aliases)


def _classes(entity: type) -> Iterator[type]:
    """Yield the class, or the mapped classes that derive from a base, in the order of their names."""
    if _core.mapper_plan(entity) is not None:
        yield entity
        return
    found = {m.class_ for registry in _all_registries for m in registry.mappers if issubclass(m.class_, entity)}
    yield from sorted(found, key=lambda cls: (cls.__module__, cls.__qualname__, id(cls)))


def _criterion(cls: type, where: Any) -> Any:
    """Return the expression for a class; the class itself where the lambda finds an attribute missing."""
    if isinstance(where, Callable) and not isinstance(where, _core.ClauseElement):  # type: ignore[arg-type]
        try:
            where = where(cls)
        except AttributeError:
            return cls
    clause = where
    while not isinstance(clause, _core.ClauseElement) and hasattr(clause, "__clause_element__"):
        clause = clause.__clause_element__()
    if isinstance(clause, bool):
        clause = _core.true() if clause else _core.false()
    if not isinstance(clause, _core.ClauseElement):
        raise exc.ArgumentError(
            f"with_loader_criteria() takes a SQL expression or a lambda that makes one, got {where!r}"
        )
    return clause


class _Refreshing(_core.LoaderOption):
    """The statement refreshes an instance: criteria are not about the instance itself."""

    def __init__(self) -> None:
        self._fill((), (0,), ())
        self._mark_refresh()


_refreshing = _Refreshing()


def for_refresh(options: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the options of an instance's load as those of the SELECT that refreshes it."""
    if any(isinstance(option, LoaderCriteriaOption) for option in options):
        return (*options, _refreshing)
    return options


class UserDefinedOption:
    """An option of the program's own, which listeners of `do_orm_execute` find in `user_defined_options`.

    Subclass it, and set `propagate_to_loaders` in the class where lazy loads, and the loading of expired attributes,
    are to have it as well. SELECTs that load along with a statement have all of its options.

    Attributes:
        payload: whatever was given; subclasses may do otherwise.
        propagate_to_loaders: see above.

    Example:
        >>> class FromCache(UserDefinedOption):
        ...     propagate_to_loaders = True
        >>> FromCache("hour").payload
        'hour'
    """

    propagate_to_loaders = False
    payload: Any

    def __init__(self, payload: Any = None) -> None:
        """Keep the payload."""
        self.payload = payload


def is_user_defined(option: Any) -> bool:
    """Return whether an option of a statement is the program's own."""
    return isinstance(option, UserDefinedOption)


def propagated(options: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the options that count for loads which the statement starts: criteria, and the program's own."""
    return tuple(
        one
        for one in options
        if isinstance(one, (LoaderCriteriaOption, UserDefinedOption)) and one.propagate_to_loaders
    )


def with_loader_criteria(
    entity_or_base: Any,
    where_criteria: Any,
    loader_only: bool = False,
    include_aliases: bool = False,
    propagate_to_loaders: bool = True,
    track_closure_variables: bool = True,
) -> LoaderCriteriaOption:
    """Restrict a class wherever the statement reads it: rows, joins, subqueries, eager and later lazy loads.

    Args:
        entity_or_base: a mapped class; or a base or mixin, for all mapped classes that derive from it.
        where_criteria: an expression about the class; or a lambda that takes the class and returns one, needed for a
            base or mixin.
        loader_only: accepted and not used.
        include_aliases: also where the class is read through `aliased()`.
        propagate_to_loaders: also in SELECTs that load relationships of its instances later.
        track_closure_variables: accepted and not used: the lambda is called each time, so its variables always have
            the values of now.

    Returns:
        An option for `Select.options()`, `Query.options()`, of UPDATE and DELETE too; in a `do_orm_execute` listener
        for all statements.

    Raises:
        ArgumentError: what is given is no class, or the criterion no expression.

    Notes:
        Loading expired columns and refresh() of an object that is there are not restricted. In an outer join the
        criterion stands in ON.

    Example:
        `select(User).options(with_loader_criteria(SoftDeleted, lambda cls: cls.deleted_at.is_(None)))`
    """
    return LoaderCriteriaOption(
        entity_or_base, where_criteria, loader_only, include_aliases, propagate_to_loaders, track_closure_variables
    )
