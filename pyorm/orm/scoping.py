"""`scoped_session`: one session per thread, or per whatever a function says is a scope."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from pyorm import exc
from pyorm.orm.session import Session, sessionmaker

__all__ = ["ScopedRegistry", "ThreadLocalRegistry", "scoped_session"]


class ScopedRegistry:
    """Objects by scope, made when a scope first asks."""

    __slots__ = ("createfunc", "registry", "scopefunc")

    def __init__(self, createfunc: Callable[[], Any], scopefunc: Callable[[], Any]) -> None:
        self.createfunc = createfunc
        self.scopefunc = scopefunc
        self.registry: dict[Any, Any] = {}

    def __call__(self) -> Any:
        """Return the object of this scope."""
        key = self.scopefunc()
        try:
            return self.registry[key]
        except KeyError:
            return self.registry.setdefault(key, self.createfunc())

    def has(self) -> bool:
        """Say whether this scope has one."""
        return self.scopefunc() in self.registry

    def set(self, obj: Any) -> None:
        """Give this scope an object."""
        self.registry[self.scopefunc()] = obj

    def clear(self) -> None:
        """Forget the object of this scope."""
        self.registry.pop(self.scopefunc(), None)


class ThreadLocalRegistry:
    """Objects by thread."""

    __slots__ = ("createfunc", "registry")

    def __init__(self, createfunc: Callable[[], Any]) -> None:
        self.createfunc = createfunc
        self.registry = threading.local()

    def __call__(self) -> Any:
        """Return the object of this thread."""
        try:
            return self.registry.value
        except AttributeError:
            made = self.registry.value = self.createfunc()
            return made

    def has(self) -> bool:
        """Say whether this thread has one."""
        return hasattr(self.registry, "value")

    def set(self, obj: Any) -> None:
        """Give this thread an object."""
        self.registry.value = obj

    def clear(self) -> None:
        """Forget the object of this thread."""
        if self.has():
            del self.registry.value


class scoped_session:
    """Stands for the session of the current scope: its methods are that session's.

    Args:
        session_factory: A sessionmaker, or anything callable that makes a session.
        scopefunc: Gives a hashable key of the current scope; the thread unless given.
    """

    _support_async = False

    def __init__(
        self, session_factory: sessionmaker | Callable[..., Any], scopefunc: Callable[[], Any] | None = None
    ) -> None:
        self.session_factory = session_factory
        self.registry: ScopedRegistry | ThreadLocalRegistry = (
            ThreadLocalRegistry(session_factory) if scopefunc is None else ScopedRegistry(session_factory, scopefunc)
        )

    def __call__(self, **kw: Any) -> Any:
        """Return the session of this scope; with arguments, make it with them.

        Raises:
            InvalidRequestError: Arguments are given and there is a session already.
        """
        if not kw:
            return self.registry()
        if self.registry.has():
            raise exc.InvalidRequestError(
                "Scoped session is already present; no new arguments may be specified."
            )
        session = self.session_factory(**kw)
        self.registry.set(session)
        return session

    def configure(self, **kwargs: Any) -> None:
        """Change the options of the sessions made from now on."""
        if self.registry.has():
            warnings.warn(
                "At least one scoped session is already present.  configure() can not affect sessions that have "
                "already been created.",
                exc.SAWarning,
                stacklevel=2,
            )
        self.session_factory.configure(**kwargs)  # type: ignore[union-attr]

    def remove(self) -> None:
        """Close the session of this scope and forget it."""
        if self.registry.has():
            self.registry().close()
        self.registry.clear()

    def query_property(self, query_cls: Any = None) -> Any:
        """Return a descriptor: `Class.query` is a Query of the class in this scope's session."""
        return _QueryProperty(self, query_cls)

    object_session = staticmethod(Session.object_session)
    identity_key = staticmethod(Session.identity_key)

    def __contains__(self, instance: object) -> bool:
        return instance in self.registry()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.registry())


class _QueryProperty:
    """See scoped_session.query_property."""

    def __init__(self, scope: scoped_session, query_cls: Any) -> None:
        self.scope = scope
        self.query_cls = query_cls

    def __get__(self, instance: Any, owner: type) -> Any:
        if self.query_cls is not None:
            return self.query_cls((owner,), self.scope.registry())
        return self.scope.registry().query(owner)


def _method(name: str) -> Any:
    def call(self: scoped_session, *args: Any, **kw: Any) -> Any:
        return getattr(self.registry(), name)(*args, **kw)

    call.__name__ = name
    call.__qualname__ = f"scoped_session.{name}"
    call.__doc__ = f"Call `Session.{name}` of this scope's session."
    return call


def _attribute(name: str) -> Any:
    def read(self: scoped_session) -> Any:
        return getattr(self.registry(), name)

    def write(self: scoped_session, value: Any) -> None:
        setattr(self.registry(), name, value)

    return property(read, write, doc=f"`Session.{name}` of this scope's session.")


for _name in (
    "add add_all begin begin_nested bulk_insert_mappings bulk_save_objects bulk_update_mappings close commit "
    "connection delete delete_all execute expire expire_all expunge expunge_all flush get get_bind get_one "
    "in_nested_transaction in_transaction is_modified merge merge_all query refresh reset rollback scalar scalars"
).split():
    setattr(scoped_session, _name, _method(_name))
for _name in (
    "autoflush bind binds deleted dirty execution_options identity_map info is_active new no_autoflush"
).split():
    setattr(scoped_session, _name, _attribute(_name))
