"""SQL functions as classes: what `func.name(...)` makes for a name that a program defines."""

from __future__ import annotations

from typing import Any, ClassVar

from pyorm._core import Function, FunctionElement, func, register_function

__all__ = ["Function", "FunctionElement", "GenericFunction", "func", "register_function"]


class GenericFunction(FunctionElement):
    """A function with a class of its own; `func.<name>(...)` makes an instance of it.

        class as_utc(GenericFunction):
            type = DateTime(timezone=True)
            inherit_cache = True

    The class's attributes say what it is: `type` of the result, `name` in SQL (the class's name
    otherwise), `identifier` after `func.` (the name otherwise), `package` between both.
    """

    name: ClassVar[str]
    identifier: ClassVar[str]
    package: ClassVar[str] = "_default"
    inherit_cache: ClassVar[bool | None] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = cls.__dict__
        if "name" not in own:
            cls.name = cls.__name__
        if "identifier" not in own:
            cls.identifier = cls.name
        # What a generic function says is its class and its arguments.
        if "inherit_cache" not in own:
            cls.inherit_cache = True
        if own.get("_register", True):
            register_function(cls.identifier, cls, cls.package)
