"""Makes new migration environments from templates."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pyorm.migrations import util
from pyorm.migrations.config import Config
from pyorm.migrations.script.base import ScriptDirectory

__all__ = ["init", "list_templates"]

# Where the configuration goes that a template brings, if it brings one.
CONFIGURATIONS = ("alembic.ini.mako", "pyproject.toml.mako")


def list_templates(config: Config) -> None:
    """Print the templates of `init`, each with the first line of its README."""
    config.print_stdout("Available templates:\n")
    for folder in sorted(template_path(config).iterdir()):
        readme = folder / "README"
        if readme.exists():
            config.print_stdout("%s - %s", folder.name, readme.read_text().split("\n")[0])
    config.print_stdout("\nTemplates are used via the 'init' command, e.g.:")
    config.print_stdout("\n  pyorm init --template generic ./scripts")


def template_path(config: Config) -> Path:
    """Return the folder of templates; a Config of one's own may name another."""
    return Path(config.get_template_directory())


def init(config: Config, directory: str, template: str = "generic", package: bool = False) -> None:
    """Make a migration environment.

    Args:
        config: the configuration; its file is written where the template brings one.
        directory: the folder; a missing or an empty one.
        template: the template's name, see `list_templates`.
        package: put __init__.py files into it.

    Raises:
        CommandError: The folder has something in it or cannot be written, or there is no such template.
    """
    folder = Path(directory)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise util.CommandError(f"Directory {directory} already exists and is not empty")
    source = template_path(config) / template
    if not source.is_dir():
        raise util.CommandError(f"No such template {source}; `list_templates` lists what there is")
    made = MadeDirectory(folder, config)
    made.ensure(folder)
    made.ensure(folder / "versions")
    written = [config_file for config_file in map(source.joinpath, CONFIGURATIONS) if config_file.exists()]
    named = [made.configure(file, folder) for file in written]
    for file in sorted(source.iterdir(), key=lambda path: path.name != "script.py.mako"):
        if file.is_file() and file.name not in CONFIGURATIONS:
            made.copy(file, folder / file.name)
    if package:
        made.touch(folder / "__init__.py")
        made.touch(folder / "versions" / "__init__.py")
    util.msg(
        f"Please edit configuration/connection/logging settings in {' and '.join(named)} before proceeding.",
        **config.messaging_opts,
    )


class MadeDirectory(ScriptDirectory):
    """A folder that is being made.

    Args:
        folder: where.
        config: names the configuration's files.
    """

    def __init__(self, folder: Path, config: Config) -> None:
        """Nothing is looked for: there is nothing yet."""
        self.config = config
        self.messaging_opts = dict(config.messaging_opts)
        self.output_encoding = "utf-8"
        self.dir = str(folder)

    def ensure(self, folder: Path) -> None:
        """Make a folder."""
        self._ensure_directory(folder.absolute())

    def copy(self, source: Path, target: Path) -> None:
        """Copy a file."""
        self._copy_file(source, target)

    def touch(self, path: Path) -> None:
        """Make an empty file."""
        with util.status(f"Adding {path.absolute()}", **self.messaging_opts):
            path.touch()

    def configure(self, source: Path, folder: Path) -> str:
        """Write a file of the configuration, or leave one that is there, and return its path."""
        is_toml = source.name == "pyproject.toml.mako"
        name = (self.config.toml_file_name or "pyproject.toml") if is_toml else self.config.config_file_name
        target = Path(name or "alembic.ini").absolute()
        location = os.path.relpath(folder.absolute(), target.parent)
        variables: dict[str, Any] = {
            "script_location": folder.as_posix() if os.path.isabs(folder) else f"%(here)s/{Path(location).as_posix()}"
        }
        if not target.exists():
            self._generate_template(source, target, **variables)
        elif not is_toml:
            util.msg(f"File {target} already exists, skipping", **self.messaging_opts)
        else:
            self._append(source, target, variables)
        return str(target)

    def _append(self, source: Path, target: Path, variables: dict[str, Any]) -> None:
        try:
            table = tomllib.loads(target.read_text(encoding="utf-8")).get("tool", {}).get("pyorm")
        except ValueError as error:
            raise util.CommandError(f"Can't read the configuration {target}: {error}") from error
        if table is None:
            self._append_template(source, target, **variables)
        elif "script_location" in table:
            util.msg(
                f"File {target} already exists and already has a [tool.pyorm] section, skipping", **self.messaging_opts
            )
        else:
            raise util.CommandError(
                f"{target} has a [tool.pyorm] table without script_location; add "
                f'script_location = "{variables["script_location"]}" there'
            )
