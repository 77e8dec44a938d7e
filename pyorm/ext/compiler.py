"""`@compiles`: let a function of the program render a class of SQL elements or types.

    class greatest(FunctionElement):
        inherit_cache = True

    @compiles(greatest, "sqlite")
    def render(element, compiler, **kw):
        return f"max({', '.join(compiler.process(part, **kw) for part in element.clauses)})"

The function runs when a statement is compiled, not when a compiled form is found again. It must
render by the class and the children of the element only; a class says that this is so by
`inherit_cache = True`, otherwise its statements are compiled each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pyorm import _core
from pyorm.types import TypeEngine

__all__ = ["compiles", "deregister"]

F = TypeVar("F", bound=Callable[..., str])


def compiles(class_: type[Any], *specs: str) -> Callable[[F], F]:
    """Register the decorated function as what renders a class and its subclasses.

    Args:
        class_: A class of elements, statements or types.
        *specs: Names of the databases it is for; none: every one without a function of its own.
    """

    def decorate(function: F) -> F:
        if issubclass(class_, TypeEngine):
            hooks = dict(class_.__dict__.get("_compiles_hooks", {}))
            hooks.update(dict.fromkeys(specs or ("default",), function))
            class_._compiles_hooks = hooks  # type: ignore[attr-defined]
        # The core forgets what it compiled before, also where only a type's name has changed.
        _core.register_compiles(class_, function, specs)
        return function

    return decorate


def deregister(class_: type[Any]) -> None:
    """Take away every function that was registered for a class itself."""
    if "_compiles_hooks" in class_.__dict__:
        del class_._compiles_hooks
    _core.register_compiles(class_, None, ())
