"""Files of a migration environment: found, loaded as modules, made from templates."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from importlib.machinery import BYTECODE_SUFFIXES, SourceFileLoader, SourcelessFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from pyorm.compat import names_resolved
from pyorm.migrations.util.exc import CommandError

__all__ = ["coerce_resource_to_filename", "load_python_file", "pyc_file_from_path", "template_to_file"]


def template_to_file(
    template_file: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    output_encoding: str,
    *,
    append_with_newlines: bool = False,
    finish: Callable[[str], str] | None = None,
    **kw: Any,
) -> None:
    """Render a Mako template into a file.

    Args:
        template_file: the template.
        dest: the file.
        output_encoding: its encoding.
        append_with_newlines: add to an existing file, after an empty line.
        finish: what the rendered text goes through before it is written.
        **kw: the template's variables.

    Raises:
        CommandError: The template has an error; the text is Mako's report, with the line.
    """
    from mako import exceptions
    from mako.template import Template

    try:
        text = Template(filename=os.fspath(template_file)).render_unicode(**kw)
        output = (text if finish is None else finish(text)).encode(output_encoding)
    except Exception as error:
        report = exceptions.text_error_template().render_unicode()
        with tempfile.NamedTemporaryFile(suffix=".txt", delete=False) as file:
            file.write(report.encode(output_encoding, "replace"))
        raise CommandError(
            f"Template rendering of {os.fspath(template_file)} failed ({type(error).__name__}: {error}); "
            f"see {file.name} for a template-oriented traceback."
        ) from error
    path = Path(dest)
    if append_with_newlines and path.exists() and path.stat().st_size:
        output = b"\n\n" + output
    with path.open("ab" if append_with_newlines else "wb") as target:
        target.write(output)


def coerce_resource_to_filename(fname_or_resource: str) -> Path:
    """Return the path of a file name, or of a resource `package.module:path/inside`.

    Raises:
        CommandError: The package is not found.
    """
    package, colon, inside = fname_or_resource.partition(":")
    if os.path.isabs(fname_or_resource) or not colon:
        return Path(fname_or_resource)
    from importlib import resources

    try:
        return Path(str(resources.files(package))) / inside
    except ModuleNotFoundError as error:
        raise CommandError(
            f"No package {package!r}, which {fname_or_resource!r} names; is it installed, or prepend_sys_path missing?"
        ) from error


def pyc_file_from_path(path: str | os.PathLike[str]) -> Path | None:
    """Return the compiled file of a source path: in __pycache__ or beside it; None if there is none."""
    source = Path(path)
    candidates = [Path(importlib.util.cache_from_source(os.fspath(source)))]
    candidates += [source.with_suffix(suffix) for suffix in BYTECODE_SUFFIXES]
    return next((candidate for candidate in candidates if candidate.exists()), None)


def load_python_file(dir_: str | os.PathLike[str], filename: str | os.PathLike[str]) -> ModuleType:
    """Run a file as a module of its own and return it; it is not left in sys.modules.

    While it runs, `import alembic` and `import sqlalchemy` find pyorm.

    Args:
        dir_: its folder.
        filename: a .py file, or a compiled one; a source that is gone is found compiled.

    Raises:
        ImportError: There is no such file.
    """
    path = Path(dir_, filename)
    name = "".join(c if c.isalnum() else "_" for c in path.stem)
    if path.suffix == ".py" and not path.exists():
        compiled = pyc_file_from_path(path)
        if compiled is None:
            raise ImportError(f"Can't find Python file {path}")
        path = compiled
    loader_class = SourcelessFileLoader if path.suffix in BYTECODE_SUFFIXES else SourceFileLoader
    loader = loader_class(name, os.fspath(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles look their module up while its body runs.
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        with names_resolved(loggers=False):
            spec.loader.exec_module(module)
    finally:
        if before is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = before
    return module
