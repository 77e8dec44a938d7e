"""Who may include and import whom, as data, and the check that the code agrees.

    python tools/check_layers.py        prints what breaks a rule; exit status 1 if anything does

Data flows one way through the folders of csrc/; the tables below say which way. The same
holds for the Python modules: what declares a schema does not need an engine, an engine does
not need a mapper, and what few programs use is imported by none at `import pyorm`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CSRC = ROOT / "csrc"

# Folder -> the folders whose headers it may include, besides its own.
LAYERS: dict[str, tuple[str, ...]] = {
    "base": (),
    "driver": ("base",),
    "pool": ("base", "driver"),
    "py": ("base",),
    "types": ("base", "py"),
    "sql": ("base", "py", "types"),
    "exec": ("base", "py", "types", "sql", "driver", "pool"),
    "orm": ("base", "py", "types", "sql", "driver", "pool", "exec"),
    "unit": ("base", "py", "types", "sql", "driver", "pool", "exec", "orm"),
    "session": ("base", "py", "types", "sql", "driver", "pool", "exec", "orm", "unit"),
}
# Folder -> the headers that other folders may include; its opaque types are in the first.
# base and py are libraries whose headers stand each for itself.
PUBLIC_HEADERS: dict[str, tuple[str, ...] | None] = {
    "base": None,
    "py": None,
    **{name: (f"{name}.h",) for name in LAYERS if name not in ("base", "py", "sql")},
    # The one public struct body: every layer above reads nodes.
    "sql": ("sql.h", "sql_node.h"),
    # Instances and their loading are two contracts.
    "orm": ("orm.h", "load.h", "relation.h", "collection.h"),
}
# Library header -> the folders that may include it.
LIBRARIES: dict[str, tuple[str, ...]] = {
    "libpq-fe.h": ("driver",),
    "sqlite3.h": ("driver",),
}
# Without Python: the compiler then proves that they need no GIL. *_type.c is the exception.
PYTHON_FREE_FOLDERS = ("base", "driver", "pool")
PYTHON_FREE_FILES = ("unit/graph.c",)

# Module -> what it and everything below it must not import when it is imported.
IMPORT_BANS: dict[str, tuple[str, ...]] = {
    **{
        f"pyorm.{name}": ("pyorm.engine", "pyorm.orm")
        for name in ("exc", "types", "sql", "schema", "event")
    },
    "pyorm.engine": ("pyorm.orm",),
    "pyorm.pool": ("pyorm.orm",),
    "pyorm.dialects": ("pyorm.orm",),
}
# What nobody imports when he is imported, except the modules below the same name.
ON_DEMAND = (
    "pyorm.migrations",
    "pyorm.cli",
    "pyorm.compat",
    "pyorm.dbapi",
    "pyorm.ext.asyncio",
    "asyncio",
    "greenlet",
    "click",
    "mako",
    "rich",
)
# Third-party packages, and who may import them even so.
ON_DEMAND_USERS = {
    "asyncio": ("pyorm.ext.asyncio",),
    "greenlet": ("pyorm.ext.asyncio",),
    "click": ("pyorm.cli", "pyorm.migrations"),
    "mako": ("pyorm.cli", "pyorm.migrations"),
    "rich": ("pyorm.cli", "pyorm.migrations"),
    "pyorm.migrations": ("pyorm.cli",),
    "pyorm.compat": ("pyorm.migrations",),
}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, header) of each include; headers of the own folder with the folder's name."""
    text = path.read_text()
    for match in INCLUDE.finditer(text):
        header = match[2]
        if match[1] == '"' and "/" not in header:
            header = f"{path.parent.name}/{header}"
        yield text.count("\n", 0, match.start()) + 1, header


def check_include(folder: str, name: str, header: str) -> str | None:
    """Return what is wrong with a file of `folder` including `header`; None if nothing is."""
    is_type = name.endswith("_type.c")
    python_free = (
        folder in PYTHON_FREE_FOLDERS or f"{folder}/{name}" in PYTHON_FREE_FILES
    ) and not is_type
    if header == "Python.h" or (python_free and header.startswith("py/")):
        return "must not know Python" if python_free else None
    if header in LIBRARIES and folder not in LIBRARIES[header]:
        return f"belongs to {', '.join(LIBRARIES[header])}"
    other, _, file = header.partition("/")
    if other not in LAYERS or other == folder:
        return None
    if other not in LAYERS[folder] and not (is_type and other == "py"):
        return f"{folder}/ is below {other}/ or beside it"
    public = PUBLIC_HEADERS[other]
    if file.endswith("_int.h") or (public is not None and file not in public):
        return f"is {other}/'s own"
    return None


def check_c() -> Iterator[str]:
    """Yield a message per include that breaks a rule. coretest/ and module.c see everything."""
    for path in sorted(CSRC.glob("*/**/*.[ch]")):
        folder = path.relative_to(CSRC).parts[0]
        if folder == "coretest":
            continue
        where = path.relative_to(ROOT).as_posix()
        if folder not in LAYERS:
            yield f"{where}: csrc/{folder}/ is not in the table of tools/check_layers.py"
            continue
        for line, header in includes(path):
            problem = check_include(folder, path.name, header)
            if problem is not None:
                yield f'{where}:{line}: "{header}" {problem}'


def is_type_checking(node: ast.stmt) -> bool:
    """Say whether a statement is `if TYPE_CHECKING:`."""
    if not isinstance(node, ast.If):
        return False
    names = [n for n in ast.walk(node.test) if isinstance(n, (ast.Name, ast.Attribute))]
    return any("TYPE_CHECKING" in (getattr(n, "id", ""), getattr(n, "attr", "")) for n in names)


def imports_of(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Yield (line, module) of what running a module imports: not what its functions do."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parts, *([node.module] if node.module else [])])
            yield node.lineno, base
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not (
            isinstance(node, ast.stmt) and is_type_checking(node)
        ):
            yield from imports_of(node, package)


def is_below(module: str, name: str) -> bool:
    """Say whether a module is `name` or inside it."""
    return module == name or module.startswith(name + ".")


def check_import(module: str, imported: str) -> str | None:
    """Return what is wrong with `module` importing `imported`; None if nothing is."""
    for name, banned in IMPORT_BANS.items():
        if is_below(module, name):
            for ban in banned:
                if is_below(imported, ban):
                    return f"{name} must not import {ban}"
    for name in ON_DEMAND:
        users = (name, *ON_DEMAND_USERS.get(name, ()))
        if is_below(imported, name) and not any(is_below(module, user) for user in users):
            return f"{name} is imported inside the function that needs it"
    return None


def check_python() -> Iterator[str]:
    """Yield a message per import that breaks a rule."""
    for path in sorted((ROOT / "pyorm").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        package = module if is_package else module.rpartition(".")[0]
        seen: set[tuple[int, str]] = set()
        for line, imported in imports_of(ast.parse(path.read_text()), package):
            problem = check_import(module, imported)
            if problem is not None and (line, problem) not in seen:
                seen.add((line, problem))
                yield f"{path.relative_to(ROOT)}:{line}: {problem}"


def check() -> list[str]:
    """Return everything that breaks a rule."""
    return [*check_c(), *check_python()]


if __name__ == "__main__":
    problems = check()
    print("\n".join(problems) or "layers: nothing to complain about")
    raise SystemExit(1 if problems else 0)
