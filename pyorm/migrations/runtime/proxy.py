"""Modules that stand for an object: `op` for the current Operations, `context` for the environment.

Migration scripts say `op.create_table(…)` without an object at hand. Which object is meant is
kept in a `ContextVar`, as a stack: threads and tasks do not see each other's, and an upgrade
may run another one. There is no shared global.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from importlib import import_module
from typing import Any

__all__ = ["CONTEXT", "OP", "ModuleProxy"]


class ModuleProxy:
    """The functions of a module, forwarded to whatever object is current.

    Args:
        module: name of the module that forwards.
        load_class: returns the class of the objects; called late, since the class may import much.
        class_name: its name, for messages.
    """

    def __init__(self, module: str, load_class: Callable[[], type[Any]], class_name: str) -> None:
        """Keep what is needed to forward; nothing is current yet."""
        self._module, self._load_class, self._class_name = module, load_class, class_name
        self._stack: ContextVar[tuple[Any, ...]] = ContextVar(f"{module} stack", default=())

    def push(self, target: Any) -> None:
        """Make an object the current one of this thread or task."""
        self._stack.set((*self._stack.get(), target))

    def pop(self, target: Any) -> None:
        """Take an object away; what was current before it is current again."""
        stack = self._stack.get()
        for at in range(len(stack) - 1, -1, -1):
            if stack[at] is target:
                self._stack.set(stack[:at] + stack[at + 1 :])
                return

    def current(self) -> Any:
        """Return the current object, or None."""
        stack = self._stack.get()
        return stack[-1] if stack else None

    def make(self, *args: Any) -> Any:
        """Return a new object of the class."""
        return self._load_class()(*args)

    def call(self, name: str, /, *args: Any, **kw: Any) -> Any:
        """Call a method of the current object.

        Raises:
            NameError: There is none: the code runs outside of a migration, or outside of env.py.
        """
        target = self.current()
        if target is None:
            raise NameError(
                f"Can't invoke function {name!r}, as the proxy object has not yet been established for the Alembic "
                f"{self._class_name!r} class.  Try placing this code inside a callable. ({self._module}.{name}() "
                "works while a migration command runs in this thread; outside of one, make the object and enter it "
                "as a context manager.)"
            )
        return getattr(target, name)(*args, **kw)

    def names(self) -> list[str]:
        """Return the class's name and its public names, also of what was registered later."""
        return sorted([self._class_name, *(name for name in dir(self._load_class()) if not name.startswith("_"))])

    def get(self, name: str) -> Any:
        """Return what the module's attribute `name` is: a function that forwards, or a value of now.

        Raises:
            AttributeError: The class has no such name, or it is a value and nothing is current.
        """
        if name == self._class_name:
            return self._load_class()
        if not name.startswith("_"):
            cls = self._load_class()
            member = getattr(cls, name, None)
            if callable(member):
                forward = partial(self.call, name)
                forward.__doc__ = member.__doc__
                return forward
            target = self.current()
            if target is not None and hasattr(target, name):
                return getattr(target, name)
            if hasattr(cls, name) or name in getattr(cls, "__annotations__", ()):
                raise AttributeError(
                    f"{self._module}.{name} has a value only while a migration command runs in this thread"
                )
        raise AttributeError(f"module {self._module!r} has no attribute {name!r}")


def _environment_class() -> type[Any]:
    cls: type[Any] = import_module("pyorm.migrations.runtime.environment").EnvironmentContext
    return cls


def _operations_class() -> type[Any]:
    cls: type[Any] = import_module("pyorm.migrations.operations").Operations
    return cls


CONTEXT = ModuleProxy("pyorm.migrations.context", _environment_class, "EnvironmentContext")
OP = ModuleProxy("pyorm.migrations.op", _operations_class, "Operations")
