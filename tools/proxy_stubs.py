"""Write the stubs of modules that stand for an object: pyorm/migrations/op.pyi and context.pyi.

`python -m tools.stubs` writes and checks them.

Functions, their parameters, types and first lines of documentation are read from the source of
the class that a module stands for, with the imports that the types need.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Module -> the class whose methods are its functions, and its attributes with their types.
PROXIES: dict[str, tuple[str, str, dict[str, str]]] = {
    "pyorm.migrations.op": ("pyorm.migrations.operations", "Operations", {}),
    "pyorm.migrations.context": (
        "pyorm.migrations.runtime.environment",
        "EnvironmentContext",
        {"config": "Config", "script": "ScriptDirectory"},
    ),
}
# Where types come from that no source imports.
HOMES = {"Config": "pyorm.migrations.config", "ScriptDirectory": "pyorm.migrations.script"}
KEPT_DECORATORS = ("contextmanager", "overload")


class Source:
    """The source of a module: its classes, and where the names come from that it uses."""

    def __init__(self, module: str) -> None:
        """Read the module's file."""
        self.tree = ast.parse(inspect.getsource(importlib.import_module(module)))
        self.homes: dict[str, tuple[str, str]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                self.homes.update({(a.asname or a.name): (node.module, a.name) for a in node.names})
        for name in self.top_names():
            self.homes.setdefault(name, (module, name))

    def top_names(self) -> set[str]:
        """Return what the module defines itself."""
        found: set[str] = set()
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign):
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        return found

    def methods(self, cls: str) -> dict[str, list[ast.FunctionDef]]:
        """Return the public methods of a class, overloads and all."""
        node = next(n for n in self.tree.body if isinstance(n, ast.ClassDef) and n.name == cls)
        found: dict[str, list[ast.FunctionDef]] = {}
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and not item.name.startswith("_"):
                found.setdefault(item.name, []).append(item)
        return found


def gather(cls: type[Any]) -> dict[str, tuple[Source, list[ast.FunctionDef]]]:
    """Return every public method of a class and its bases with the source that it is in."""
    found: dict[str, tuple[Source, list[ast.FunctionDef]]] = {}
    for base in cls.__mro__[:-1]:
        source = Source(base.__module__)
        for name, nodes in source.methods(base.__name__).items():
            found.setdefault(name, (source, nodes))
    return dict(sorted(found.items()))


def function_lines(node: ast.FunctionDef, class_name: str) -> list[str]:
    """Return a method as a function of a stub."""
    arguments = node.args
    if arguments.posonlyargs:
        del arguments.posonlyargs[0]
    else:
        del arguments.args[0]
    simple: ast.expr = ast.Constant(...)
    arguments.defaults = [d if isinstance(d, ast.Constant) else simple for d in arguments.defaults]
    arguments.kw_defaults = [
        d if d is None or isinstance(d, ast.Constant) else simple for d in arguments.kw_defaults
    ]
    for used in ast.walk(node):
        if isinstance(used, ast.Name) and used.id == "Self":
            used.id = class_name
    result = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    decorators = [f"@{name}" for d in node.decorator_list if (name := ast.unparse(d)) in KEPT_DECORATORS]
    documentation = (ast.get_docstring(node) or "").splitlines()
    body = [f'    """{documentation[0]}"""'] if documentation else ["    ..."]
    return [*decorators, f"def {node.name}({ast.unparse(arguments)}){result}:", *body, ""]


def names_used(node: ast.FunctionDef) -> set[str]:
    """Return the names in the types and decorators of a function."""
    types = [node.returns, *(a.annotation for a in ast.walk(node.args) if isinstance(a, ast.arg))]
    kept = [d for d in node.decorator_list if ast.unparse(d) in KEPT_DECORATORS]
    return {n.id for t in [*types, *kept] if t is not None for n in ast.walk(t) if isinstance(n, ast.Name)}


def stub(module: str) -> str:
    """Return the text of a module's stub."""
    home, class_name, attributes = PROXIES[module]
    cls = getattr(importlib.import_module(home), class_name)
    imports: dict[str, set[str]] = {home: {f"{class_name} as {class_name}"}}
    body: list[str] = [f"{name}: {type_}" for name, type_ in attributes.items()]
    for type_ in attributes.values():
        imports.setdefault(HOMES[type_], set()).add(type_)
    body += [""] if attributes else []
    for source, nodes in gather(cls).values():
        for node in nodes:
            for name in names_used(node) - {"Self"}:
                if name in source.homes:
                    where, original = source.homes[name]
                    imports.setdefault(where, set()).add(original if original == name else f"{original} as {name}")
            body += function_lines(node, class_name)
    lines = [f"from {where} import {', '.join(sorted(names))}" for where, names in sorted(imports.items())]
    head = f'"""{class_name} as a module. Written by tools/proxy_stubs.py."""\n\n# ruff: noqa: E501'
    return "\n".join([head, "", *lines, "", *body]).rstrip() + "\n"


def path_of(module: str) -> Path:
    """Return where a module's stub is."""
    return ROOT / (module.replace(".", "/") + ".pyi")


def missing() -> list[str]:
    """Return which stubs are not as they would be written."""
    return [
        f"{path_of(module).relative_to(ROOT)} is not what its class says"
        for module in PROXIES
        if not path_of(module).exists() or path_of(module).read_text() != stub(module)
    ]


def write() -> None:
    """Write all of them."""
    for module in PROXIES:
        path_of(module).write_text(stub(module))
