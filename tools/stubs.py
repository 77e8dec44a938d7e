"""Write the stubs, for type checkers: pyorm/_core.pyi, and those of packages that import late.

    python -m tools.stubs            writes the files anew
    python -m tools.stubs --check    says what they lack; exit status 1 if anything

Names, bases and parameters are read from the built extension, results from tools/stub_types.py;
what neither says is Any. A package whose `__getattr__` imports a name at its first use lists
its names in `_HOMES`; its stub imports them all. Modules that stand for an object are written
by tools/proxy_stubs.py, which this one calls.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
import types
from collections.abc import Iterator
from pathlib import Path

from pyorm import _core
from tools import proxy_stubs
from tools.stub_types import SIGNATURES, by_name

ROOT = Path(__file__).resolve().parent.parent
STUB = ROOT / "pyorm" / "_core.pyi"
LATE_PACKAGES = ("pyorm", "pyorm.orm")
HEAD = '''"""The core of pyorm, in C. Written by tools/stubs.py from the built extension."""

# mypy: disable-error-code="override"
# ruff: noqa: E501

from collections.abc import Iterator
from typing import Any, ClassVar, Self, TypeVar

_O = TypeVar("_O")
'''
TYPES = by_name()
# What a type has that type checkers know from object, or that only the machine calls.
FROM_OBJECT = frozenset(dir(object)) - {"__new__", "__init__", "__eq__", "__ne__", "__hash__"}
ORDER = frozenset({"__lt__", "__le__", "__gt__", "__ge__"})  # an expression's are SQL, others have none
DUNDERS_KEPT = frozenset(
    f"__{name}__"
    for name in "new init call len iter next getitem setitem delitem contains enter exit eq ne lt le gt"
    " ge hash bool add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod and or"
    " xor rand ror rxor invert neg pos abs lshift rshift await aiter anext aenter aexit".split()
)
RETURNS = {"__init__": "None", "__len__": "int", "__contains__": "bool", "__bool__": "bool",
           "__hash__": "int", "__enter__": "Self"}

GENERIC = {"tuple": "tuple[Any, ...]", "dict": "dict[Any, Any]", "list": "list[Any]", "set": "set[Any]"}

def public_types() -> dict[str, type]:
    """Return the types of the extension by name, bases before what derives from them."""
    found = {name: value for name, value in vars(_core).items() if isinstance(value, type)}
    return dict(sorted(found.items(), key=lambda item: (len(item[1].__mro__), item[0])))


def members(cls: type) -> Iterator[tuple[str, object]]:
    """Yield the names of a type's own that a program may use."""
    for name, value in sorted(vars(cls).items()):
        special = name.startswith("__") and name.endswith("__")
        own = name in DUNDERS_KEPT and name not in FROM_OBJECT
        if special and not own and not (name in ORDER and issubclass(cls, _core.ColumnElement)):
            continue
        yield name, value


def parameters(function: object) -> str:
    """Return the parameters of a function as a stub writes them."""
    try:
        signature = inspect.signature(function)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return "*args: Any, **kwargs: Any"
    parts: list[str] = []
    found = list(signature.parameters.values())
    for position, parameter in enumerate(found):
        default = "" if parameter.default is parameter.empty else " = ..."
        name = parameter.name
        if parameter.kind is parameter.VAR_POSITIONAL:
            parts.append(f"*{name}: Any")
        elif parameter.kind is parameter.VAR_KEYWORD:
            parts.append(f"**{name}: Any")
        else:
            if parameter.kind is parameter.KEYWORD_ONLY and not any(
                part.startswith("*") for part in parts
            ):
                parts.append("*")
            parts.append("self" if name in ("self", "$self") else f"{name}: Any{default}")
        following = found[position + 1] if position + 1 < len(found) else None
        if parameter.kind is parameter.POSITIONAL_ONLY and (
            following is None or following.kind is not parameter.POSITIONAL_ONLY
        ):
            parts.append("/")
    return ", ".join(parts)


def type_of(cls: type, name: str) -> str:
    """Return the type of a member, or of what it returns: its own, that of a base, or Any."""
    for base in cls.__mro__:
        if found := TYPES.get(f"{base.__name__}.{name}"):
            return found
    return TYPES.get(f"*.{name}") or RETURNS.get(name, "Any")


def method_lines(cls: type, name: str, value: object) -> Iterator[str]:
    """Yield the lines of one member of a class."""
    result = type_of(cls, name)
    if whole := SIGNATURES.get(f"{cls.__name__}.{name}"):
        yield f"    def {name}{whole}: ..."
    elif name == "__new__":
        yield "    def __new__(cls, *args: Any, **kwargs: Any) -> Self: ..."
    elif isinstance(value, classmethod) or type(value).__name__ == "classmethod_descriptor":
        yield "    @classmethod"
        yield f"    def {name}(cls, *args: Any, **kwargs: Any) -> {result}: ..."
    elif isinstance(value, staticmethod):
        yield "    @staticmethod"
        yield f"    def {name}({parameters(value.__func__)}) -> {result}: ..."
    elif isinstance(value, (types.GetSetDescriptorType, types.MemberDescriptorType)):
        yield f"    {name}: {result}"
    elif name == "__hash__" and value is None:
        yield "    __hash__: ClassVar[None]  # type: ignore[assignment]"
    elif callable(value):
        listed = parameters(value)
        if name in ("__eq__", "__ne__"):
            listed = "self, other: object, /"
        elif not listed.startswith("self"):
            listed = f"self, {listed}" if listed else "self"
        yield f"    def {name}({listed}) -> {result}: ..."
    else:
        yield f"    {name}: {result}"


def stub() -> str:
    """Return the text of the stub."""
    lines = [HEAD]
    classes = public_types()
    known = {cls: name for name, cls in classes.items()}
    for name, cls in classes.items():
        bases = [known.get(base, base.__name__) for base in cls.__bases__ if base is not object]
        generic = [GENERIC.get(base, base) for base in bases]
        body = [line for member in members(cls) for line in method_lines(cls, *member)]
        if "__getattribute__" in vars(cls):
            body.append("    def __getattr__(self, name: str) -> Any: ...")
        head = f"class {name}({', '.join(generic)}):" if generic else f"class {name}:"
        lines += ["", head if body else f"{head} ...", *body]
    lines.append("")
    for name, value in sorted(vars(_core).items()):
        if isinstance(value, type) or (name.startswith("__") and name.endswith("__")):
            continue
        if type(value).__module__.startswith("pyorm"):
            lines.append(f"{name}: {type(value).__name__}")
        elif callable(value):
            lines.append(f"def {name}({parameters(value)}) -> {TYPES.get(name, 'Any')}: ...")
        else:
            plain = type(value).__name__ if isinstance(value, (int, str)) else "Any"
            lines.append(f"{name}: {TYPES.get(name, plain)}")
    return "\n".join(lines) + "\n"


def package_stub(name: str) -> str:
    """Return the text of the stub of a package that imports its names late."""
    package = importlib.import_module(name)
    lines = [f'"""{name}, with all names imported. Written by tools/stubs.py."""', ""]
    for home in dict.fromkeys(package._HOMES.values()):
        names = sorted(each for each, of in package._HOMES.items() if of == home)
        lines += [f"from {home} import (", *(f"    {each} as {each}," for each in names), ")"]
    modules = sorted(each for each in package._SUBMODULES if importlib.util.find_spec(f"{name}.{each}"))
    lines += [f"from {name} import (", *(f"    {each} as {each}," for each in modules), ")", ""]
    if hasattr(package, "__version__"):
        lines.append("__version__: str")
    lines.append("__all__: list[str]")
    return "\n".join(lines) + "\n"


def package_path(name: str) -> Path:
    """Return where the stub of a package stands."""
    return ROOT.joinpath(*name.split("."), "__init__.pyi")


def names_in(text: str) -> set[str]:
    """Return the names that a stub has, members as 'Class.member'."""
    found: set[str] = set()

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found.add(prefix + node.name)
                if isinstance(node, ast.ClassDef):
                    visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(prefix + node.target.id)

    visit(ast.parse(text).body, "")
    return found


def is_public(name: str) -> bool:
    """Say whether no part of a name is private."""
    return not any(part.startswith("_") and not part.endswith("__") for part in name.split("."))


def missing() -> list[str]:
    """Return the public names that the extension has and the stub lacks, or the other way round."""
    wanted = set(filter(is_public, names_in(stub())))
    there = set(filter(is_public, names_in(STUB.read_text())))
    lacks = [f"{name} is not in {STUB.name}" for name in sorted(wanted - there)]
    lacks += [f"{name} is not in the extension" for name in sorted(there - wanted)]
    for name in LATE_PACKAGES:
        if not package_path(name).exists() or package_path(name).read_text() != package_stub(name):
            lacks.append(f"{package_path(name).relative_to(ROOT)} is not what {name} says")
    unknown = sorted(name for name in [*TYPES, *SIGNATURES] if not exists(name))
    lacks += [f"{name} of stub_types.py is not in the extension" for name in unknown]
    return lacks + proxy_stubs.missing()


def exists(name: str) -> bool:
    """Say whether the extension has what tools/stub_types.py calls `name`."""
    found: object = _core
    for part in name.removeprefix("*.").split("."):
        if name.startswith("*."):
            return any(part in vars(cls) for cls in public_types().values())
        found = getattr(found, part, None)
    return found is not None


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        print("\n".join(missing()) or "stubs: every name is there")
        raise SystemExit(1 if missing() else 0)
    STUB.write_text(stub())
    for package in LATE_PACKAGES:
        package_path(package).write_text(package_stub(package))
    proxy_stubs.write()
