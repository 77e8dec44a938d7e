"""The stage of the golden session cases: a Kit that also tells events, states and what a session holds.

A scene is a function of a `Stage`, registered in SCENES. Instances are told by names that a scene gives
them, or by class and number of first sight.
"""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from typing import Any

from tests.golden.flush_kit import Kit

Scene = Callable[["Stage"], None]
SCENES: dict[str, Scene] = {}

STATES = ("transient", "pending", "persistent", "deleted", "detached")
SESSION_EVENTS = (
    "before_attach", "after_attach", "transient_to_pending", "pending_to_transient",
    "pending_to_persistent", "persistent_to_transient", "persistent_to_deleted",
    "persistent_to_detached", "detached_to_persistent", "deleted_to_persistent",
    "deleted_to_detached", "loaded_as_persistent",
)  # fmt: skip
FLOW_EVENTS = (
    "before_flush", "after_flush", "after_flush_postexec", "after_begin", "before_commit",
    "after_commit", "after_rollback", "after_soft_rollback", "after_transaction_create",
    "after_transaction_end",
)  # fmt: skip
MAPPER_EVENTS = ("before_insert", "after_insert", "before_update", "after_update", "before_delete", "after_delete")
INSTANCE_EVENTS = ("load", "refresh", "expire", "refresh_flush")


def scene(function: Scene) -> Scene:
    """Register a scene under its function's name."""
    assert function.__name__ not in SCENES, function.__name__
    SCENES[function.__name__] = function
    return function


class Stage(Kit):
    """A Kit whose log also holds states, events and names of instances."""

    def __init__(self, library: str, url: str, **options: Any) -> None:
        super().__init__(library, url, **options)
        self.names: dict[int, tuple[str, Any]] = {}
        self.counts: dict[str, int] = {}

    def start(self, *objects: Any, keys: bool = True, **options: Any) -> Any:
        """Start as a Kit does; PostgreSQL's next numbers are SQLite's."""
        session = super().start(*objects, keys=keys, **options)
        self.listening = False
        if not self.is_lite:
            with self.engine.begin() as connection:
                for name, table in self.Base.metadata.tables.items():
                    if "id" in table.c and not table.c.id.foreign_keys:
                        ask = f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"
                        connection.exec_driver_sql(ask)
        self.listening = True
        return session

    # --- names ---

    def named(self, **objects: Any) -> None:
        """Give instances the names by which they are told."""
        for name, obj in objects.items():
            self.names[id(obj)] = (name, obj)

    def name(self, obj: Any) -> Any:
        """Return the name of an instance; other values as they are."""
        if isinstance(obj, list | tuple):
            return [self.name(o) for o in obj]
        if isinstance(obj, dict):
            return {str(k): self.name(v) for k, v in sorted(obj.items(), key=lambda i: str(i[0]))}
        if isinstance(obj, set | frozenset):
            return sorted((self.name(o) for o in obj), key=repr)
        if not isinstance(obj, self.Base):
            return obj
        if id(obj) not in self.names:
            title = type(obj).__name__
            self.counts[title] = self.counts.get(title, 0) + 1
            self.names[id(obj)] = (f"{title}{self.counts[title]}", obj)
        return self.names[id(obj)][0]

    def tell(self, *things: Any) -> None:
        """Put values and instances by name into the log."""
        self.log.append(["tell", *[self.name(t) for t in things]])

    def loaded(self, *objects: Any) -> None:
        """Tell which attributes are loaded, and whether the instance is modified."""
        for obj in objects:
            state = self.sa.inspect(obj)
            self.log.append(
                ["loaded", self.name(obj), sorted(set(state.mapper.attrs.keys()) - state.unloaded), state.modified]
            )

    def states(self, *objects: Any) -> None:
        """Tell the state of instances."""
        for obj in objects:
            state = self.sa.inspect(obj)
            found = [s for s in STATES if getattr(state, s)]
            self.log.append(["state", self.name(obj), *found, state.key is not None])

    def sets(self) -> None:
        """Tell what the session holds."""
        s = self.session
        told = [sorted((self.name(o) for o in held), key=str) for held in (s.new, s.dirty, s.deleted)]
        self.log.append(["sets", *told, len(s.identity_map)])

    def history(self, obj: Any, *keys: str) -> None:
        """Tell the history of attributes, loading nothing."""
        for key in keys:
            found = getattr(self.sa.inspect(obj).attrs, key).history
            parts = [self.name(list(part)) if part else [] for part in found]
            self.log.append(["history", self.name(obj), key, *[sorted(p, key=str) for p in parts]])

    # --- events ---

    def listen(self, *names: str) -> None:
        """Tell these events, or all that there are names for, from now on."""
        for name in names or (*SESSION_EVENTS, *MAPPER_EVENTS, *INSTANCE_EVENTS):
            self._listen(name)

    def _listen(self, name: str) -> None:
        event, s = self.sa.event, self.session
        if name in SESSION_EVENTS:
            event.listen(s, name, lambda _s, obj, n=name: self._hear(n, obj))
        elif name in FLOW_EVENTS:
            event.listen(s, name, _taker(name, lambda n=name: self.listening and self.log.append(["event", n])))
        elif name in MAPPER_EVENTS:
            event.listen(self.Base, name, lambda _m, _c, obj, n=name: self._hear(n, obj), propagate=True)
        elif name in ("load", "refresh_flush", "refresh"):
            event.listen(self.Base, name, lambda obj, *_a, n=name: self._hear(n, obj), propagate=True)
        else:
            event.listen(
                self.Base, name,
                lambda obj, keys, n=name: self._hear(n, obj, sorted(keys) if keys else None),
                propagate=True,
            )  # fmt: skip

    def _hear(self, name: str, obj: Any, *more: Any) -> None:
        if isinstance(obj, self.Base) and self.listening:
            self.log.append(["event", name, self.name(obj), *more])

    def finish(self) -> list[Any]:
        """Finish as a Kit does; neighbours of one event, which a set gave their order, are sorted."""
        told: list[Any] = []
        run: list[Any] = []
        for entry in [*super().finish(), ["end"]]:
            if run and (entry[0] != "event" or _kind(entry) != _kind(run[0])):
                told += sorted(run, key=repr)
                run = []
            if entry[0] == "event" and len(entry) > 2:
                run.append(entry)
            else:
                told.append(entry)
        return told[:-1]

    # --- what scenes do often ---

    def attempt(self, what: str, call: Callable[[], Any]) -> Any:
        """Call; note the error or warning, or tell the answer."""
        answer: list[Any] = []
        with self.watch(what):
            try:
                answer.append(call())
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                self.log.append(["error", type(error).__name__])
        if answer:
            self.tell(answer[0])
        return answer[0] if answer else None

    def pickled(self, obj: Any, *classes: type) -> Any:
        """Return what comes back from a pickle."""
        module = sys.modules[__name__]
        for cls in classes:
            cls.__module__, cls.__qualname__ = __name__, cls.__name__
            setattr(module, cls.__name__, cls)
        try:
            return pickle.loads(pickle.dumps(obj))
        finally:
            for cls in classes:
                delattr(module, cls.__name__)

    def deepcopied(self, obj: Any) -> Any:
        """Return a deep copy."""
        return copy.deepcopy(obj)

    def family(self, cascade: str = "save-update, merge", backref: bool = True, **options: Any) -> tuple[Any, Any]:
        """Map Parent.children and Child.parent."""
        relationship = self.orm.relationship
        both = {"back_populates": "parent"} if backref else {}
        parent = self.model(
            "Parent",
            name=self.text(),
            children=relationship("Child", order_by="Child.id", cascade=cascade, **both, **options),
        )
        members: dict[str, Any] = {"name": self.text(unique=True), "parent_id": self.key("parent.id")}
        if backref:
            members["parent"] = relationship("Parent", back_populates="children")
        return parent, self.model("Child", **members)

    def people(self, **options: Any) -> tuple[Any, Any, Any, list[Any]]:
        """Start with parent `p` and its children c1, c2 …; answer both classes, p and the children."""
        parent, child = self.family(**options)
        p = parent(id=1, name="p")
        children = [child(id=i, name=f"c{i}") for i in (1, 2, 3)]
        p.children = children
        self.named(p=p, **{f"c{i}": c for i, c in enumerate(children, 1)})
        self.start(p)
        return parent, child, p, children


def _kind(event: list[Any]) -> str:
    """Return what events that may come in any order have in common."""
    return str(event[1]).rsplit("_to_", 1)[-1]


def _taker(name: str, call: Callable[[], None]) -> Callable[..., None]:
    """Return a listener with the number of arguments that an event has."""
    if name in ("before_flush", "after_begin"):
        return lambda _a, _b, _c: call()
    if name in ("after_flush", "after_flush_postexec", "after_transaction_create", "after_transaction_end",
                "after_soft_rollback"):  # fmt: skip
        return lambda _a, _b: call()
    return lambda _a: call()
