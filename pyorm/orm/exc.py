"""Errors of the object layer; each is a subclass of the general tree in `pyorm.exc`."""

from __future__ import annotations

from typing import Any

from pyorm import exc
from pyorm.exc import MultipleResultsFound, NoResultFound

NO_STATE = (AttributeError, KeyError)


class StaleDataError(exc.SQLAlchemyError):
    """A write met another number of rows than the objects it stands for."""


ConcurrentModificationError = StaleDataError


class FlushError(exc.SQLAlchemyError):
    """A flush found objects that cannot be written as they are."""


class MappedAnnotationError(exc.ArgumentError):
    """A `Mapped[…]` annotation cannot be turned into a column."""


class UnmappedError(exc.InvalidRequestError):
    """Something that is not mapped was given where a mapped thing belongs."""


class ObjectDereferencedError(exc.SQLAlchemyError):
    """An object was collected while an operation still needed it."""


class DetachedInstanceError(exc.SQLAlchemyError):
    """An attribute has to be loaded and the object belongs to no session."""

    code = "bhk3"


class UnmappedInstanceError(UnmappedError):
    """The object's class is not mapped."""

    def __init__(self, obj: object, msg: str | None = None) -> None:
        """Say which class it is, and what a class in the place of an instance means."""
        if msg is None:
            cls = type(obj)
            msg = f"Class '{cls.__module__}.{cls.__qualname__}' is not mapped"
            if isinstance(obj, type):
                msg += f"; was a class ({obj.__module__}.{obj.__qualname__}) supplied where an instance was required?"
        super().__init__(msg)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the message."""
        return type(self), (None, self.args[0])


class UnmappedClassError(UnmappedError):
    """The class is not mapped."""

    def __init__(self, cls: type, msg: str | None = None) -> None:
        """Say which class it is."""
        if msg is None:
            msg = f"Class '{cls.__module__}.{cls.__qualname__}' is not mapped"
        super().__init__(msg)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the message."""
        return type(self), (None, self.args[0])


class ObjectDeletedError(exc.InvalidRequestError):
    """A refresh found no row for the object."""

    def __init__(self, state: Any, msg: str | None = None) -> None:
        """Say which object it is."""
        if msg is None:
            msg = f"Instance {state!r} has been deleted, or its row is otherwise not present."
        super().__init__(msg)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the message."""
        return type(self), (None, self.args[0])


class UnmappedColumnError(exc.InvalidRequestError):
    """The column is in no mapped attribute."""


class LoaderStrategyException(exc.InvalidRequestError):
    """A loader option does not fit its attribute."""


__all__ = [
    "NO_STATE",
    "ConcurrentModificationError",
    "DetachedInstanceError",
    "FlushError",
    "LoaderStrategyException",
    "MappedAnnotationError",
    "MultipleResultsFound",
    "NoResultFound",
    "ObjectDeletedError",
    "ObjectDereferencedError",
    "StaleDataError",
    "UnmappedClassError",
    "UnmappedColumnError",
    "UnmappedError",
    "UnmappedInstanceError",
]
