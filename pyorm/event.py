"""Events: who listens to what.

`listen()`, `listens_for()`, `remove()` and `contains()` work on anything that a *family* of
events accepts as a target: engines and connections, pools, and what other modules register
(sessions, mappers, attributes, tables). Registration is Python; what is called lies in C
`Dispatch` objects, one tuple per event, so that nobody pays for events without listeners.

For the modules that have targets of their own:

    family = Family(
        "thing",
        {"changed": ("thing", "value"), ...},     # in the order that C numbers them
        resolve=lambda target, name: dispatch or None,
    )
    register_family(family)

`resolve` answers with the Dispatch of a target (or an iterable of several), or None when the
target is not of this family. `family.dispatch(*parents)` makes a Dispatch; the listeners of
its parents are called before its own, also those added later. `ClassDispatch` is a descriptor
for targets whose class is a target too.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pyorm import exc
from pyorm._core import Dispatch

__all__ = [
    "CANCEL",
    "NO_RETVAL",
    "ClassDispatch",
    "Family",
    "Listener",
    "contains",
    "listen",
    "listens_for",
    "register_family",
    "remove",
]

F = TypeVar("F", bound=Callable[..., Any])


class _Symbol:
    """A named constant."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"symbol({self.name!r})"


CANCEL = _Symbol("CANCEL")
"""Returned by some listeners to stop what was about to happen."""
NO_RETVAL = _Symbol("NO_RETVAL")
"""Returned by some listeners to leave the decision to the next one."""


class Listener:
    """One registration."""

    __slots__ = ("function", "options", "original")

    def __init__(self, original: Callable[..., Any], options: Mapping[str, Any]) -> None:
        self.original = original
        """What the user gave."""
        self.function: Callable[..., Any] = original
        """What is called: the original, or the family's wrapper around it."""
        self.options = options
        """The keyword arguments of `listen()`."""

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)


class _Book:
    """Python's side of a Dispatch: its own listeners and who inherits them."""

    __slots__ = ("children", "own")

    def __init__(self) -> None:
        self.own: dict[str, list[Listener]] = {}
        self.children: list[weakref.ref[Dispatch]] = []


class Family:
    """The events of one kind of target.

    Args:
        name: Shown in errors.
        signatures: Event name to the names of its arguments, in the order of C's numbers.
        resolve: `(target, event name)` to a Dispatch, several, or None.
        options: Names of keyword arguments that `listen()` takes for this family besides
            once, insert, named and propagate.
        adapt: `(event name, listener)` to the function that is called; it may wrap
            `listener.original` as `listener.options` ask.
        inherits: `(parent, child, listener)`: whether a child of a Dispatch takes a
            listener over; all, unless given.
        added: Called after a listener was added: `(dispatch, event name, listener)`.
        heirs: `(target)` to further Dispatches that a listener with `propagate=True` is added
            to, in the order of registration like any other.
    """

    def __init__(
        self,
        name: str,
        signatures: Mapping[str, Sequence[str]],
        resolve: Callable[[Any, str], Any],
        *,
        options: Iterable[str] = (),
        adapt: Callable[[str, Listener], Callable[..., Any]] | None = None,
        inherits: Callable[[Dispatch, Dispatch, Listener], bool] | None = None,
        added: Callable[[Dispatch, str, Listener], None] | None = None,
        heirs: Callable[[Any], list[Dispatch]] | None = None,
    ) -> None:
        self.name = name
        self.signatures = dict(signatures)
        self.names = tuple(signatures)
        self.resolve = resolve
        self.options = frozenset(options) | {"once", "insert", "named", "propagate"}
        self.adapt = adapt
        self.inherits = inherits
        self.added = added
        self.heirs = heirs
        self.is_heard = False
        """Whether anybody ever listened to one of its events: most programs never do."""

    def dispatch(self, *parents: Dispatch) -> Dispatch:
        """Make the Dispatch of a target; it inherits the listeners of its parents."""
        made = Dispatch(self, self.names, parents)
        for parent in parents:
            children = _book(parent).children
            children.append(weakref.ref(made, children.remove))
        for name in self.names:
            if any(getattr(parent, name) for parent in parents):
                _refresh(made, name)
        return made

    def own(self, dispatch: Dispatch, name: str) -> Sequence[Listener]:
        """Return the listeners of a Dispatch itself, without inherited ones."""
        return tuple(_book(dispatch).own.get(name, ()))

    def targets(self, target: Any, name: str) -> list[Dispatch]:
        """Return the Dispatch objects of a target; empty: it is not of this family."""
        found = self.resolve(target, name)
        if found is None:
            return []
        return [found] if isinstance(found, Dispatch) else list(found)


class ClassDispatch:
    """Descriptor `dispatch`: of a class, and of its instances, which inherit from it.

    Instances keep theirs in the C field that they show as `_dispatch`.
    """

    def __init__(self, family: Family) -> None:
        self.family = family

    def __get__(self, obj: Any, owner: type) -> Dispatch:
        if obj is None:
            return self.of_class(owner)
        found: Dispatch | None = obj._dispatch
        if found is None or found._family is None:
            found = obj._dispatch = self.family.dispatch(self.of_class(owner))
        return found

    def of_class(self, owner: type) -> Dispatch:
        """Return the Dispatch of a class, made at first use."""
        own = owner.__dict__.get("_class_dispatch")
        if own is None:
            parents = [base for base in owner.__bases__ if hasattr(base, "dispatch")]
            own = self.family.dispatch(*[self.of_class(base) for base in parents])
            owner._class_dispatch = own  # type: ignore[attr-defined]
        return own


_families: dict[str, list[Family]] = {}


def register_family(family: Family) -> None:
    """Make a family's events known to `listen()`; the family registered first is asked first."""
    for name in family.names:
        _families.setdefault(name, []).append(family)


def listen(target: Any, identifier: str, fn: Callable[..., Any], *args: Any, **kw: Any) -> None:
    """Call `fn` at every event `identifier` of `target`.

    Args:
        once: Only at the first one.
        insert: Before the listeners that are there already.
        named: Pass the arguments by keyword.
        propagate: Also to what derives from the target (mapped subclasses).
        retval: What `fn` returns matters; which events look at it is part of their documentation.

    Raises:
        InvalidRequestError: No family knows the event for this target.

    Example:
        >>> from pyorm import create_engine, event, text
        >>> engine = create_engine("sqlite://")
        >>> event.listen(engine, "commit", lambda connection: print("committed"))
        >>> with engine.begin() as connection:
        ...     _ = connection.execute(text("SELECT 1"))
        committed
    """
    family, dispatches = _find(target, identifier)
    if unknown := set(kw) - family.options:
        raise TypeError(f"{family.name} event {identifier!r} takes no {', '.join(sorted(unknown))}")
    family.is_heard = True
    if family.heirs is not None and kw.get("propagate"):
        dispatches += family.heirs(target)
    for dispatch in dispatches:
        listener = Listener(fn, kw)
        listener.function = _called(family, identifier, listener)
        own = _book(dispatch).own.setdefault(identifier, [])
        own.insert(0 if kw.get("insert") else len(own), listener)
        _refresh(dispatch, identifier)
        if family.added is not None:
            family.added(dispatch, identifier, listener)


def listens_for(target: Any, identifier: str, *args: Any, **kw: Any) -> Callable[[F], F]:
    """Decorator form of `listen()`."""

    def decorate(fn: F) -> F:
        listen(target, identifier, fn, *args, **kw)
        return fn

    return decorate


def remove(target: Any, identifier: str, fn: Callable[..., Any]) -> None:
    """Take back a `listen()` with the same arguments.

    Raises:
        InvalidRequestError: `fn` does not listen to this event of this target.
    """
    family, dispatches = _find(target, identifier)
    found = False
    if family.heirs is not None:
        dispatches += family.heirs(target)
    for dispatch in dispatches:
        own = _book(dispatch).own.get(identifier, [])
        kept = [listener for listener in own if listener.original != fn]
        if len(kept) != len(own):
            found = True
            _book(dispatch).own[identifier] = kept
            _refresh(dispatch, identifier)
    if not found:
        raise exc.InvalidRequestError(
            f"No listeners found for event {target} / {identifier!r} / {fn} "
        )


def contains(target: Any, identifier: str, fn: Callable[..., Any]) -> bool:
    """Say whether `fn` listens to this event of this target."""
    _, dispatches = _find(target, identifier)
    return any(
        listener.original == fn
        for dispatch in dispatches
        for listener in _book(dispatch).own.get(identifier, [])
    )


def _find(target: Any, identifier: str) -> tuple[Family, list[Dispatch]]:
    for family in _families.get(identifier, ()):
        dispatches = family.targets(target, identifier)
        if dispatches:
            return family, dispatches
    raise exc.InvalidRequestError(f"No such event {identifier!r} for target {target!r}")


def _book(dispatch: Dispatch) -> _Book:
    book = getattr(dispatch, "_book", None)
    if book is None:
        book = dispatch._book = _Book()
    return book


def _called(family: Family, name: str, listener: Listener) -> Callable[..., Any]:
    """Return the function to call for a listener: by keyword, once, as its family adapts it."""
    if listener.options.get("named"):
        original, names = listener.original, family.signatures[name]

        def by_name(*args: Any, **kw: Any) -> Any:
            return original(**dict(zip(names, args, strict=False)), **kw)

        named = Listener(by_name, listener.options)
        function = family.adapt(name, named) if family.adapt else by_name
    else:
        function = family.adapt(name, listener) if family.adapt else listener.original
    return _only_once(function) if listener.options.get("once") else function


def _only_once(function: Callable[..., Any]) -> Callable[..., Any]:
    pending = [function]

    def once(*args: Any, **kw: Any) -> Any:
        return pending.pop()(*args, **kw) if pending else None

    return once


def hand_down(source: Dispatch, heir: Dispatch) -> None:
    """Give the listeners of `source` that propagate to a Dispatch made later."""
    for name, listeners in _book(source).own.items():
        _book(heir).own[name] = [one for one in listeners if one.options.get("propagate")]
        _refresh(heir, name)


def _listeners(dispatch: Dispatch, name: str) -> Iterator[Listener]:
    """Yield the listeners of an event: inherited ones first."""
    inherits = dispatch._family.inherits
    for parent in dispatch._parents:
        for listener in _listeners(parent, name):
            if inherits is None or inherits(parent, dispatch, listener):
                yield listener
    yield from _book(dispatch).own.get(name, ())


def _refresh(dispatch: Dispatch, name: str) -> None:
    """Put the tuple of an event in place, here and in everything that inherits it."""
    dispatch._replace(name, tuple(listener.function for listener in _listeners(dispatch, name)))
    for child in list(_book(dispatch).children):
        living = child()
        if living is not None:
            _refresh(living, name)
