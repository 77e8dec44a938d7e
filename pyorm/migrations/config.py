"""The configuration of a migration environment: an ini file, a table of pyproject.toml, or both.

The toml half says where scripts are and how they are written; the ini half adds the database's
URL and logging. Either can be missing. `[tool.pyorm]` is looked at first, then `[tool.alembic]`.
"""

from __future__ import annotations

import os
import re
import sys
from argparse import Namespace
from collections.abc import Mapping
from configparser import ConfigParser
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from pyorm.migrations import util

if TYPE_CHECKING:
    from pyorm.migrations.cli import CommandLine as CommandLine
    from pyorm.migrations.cli import main as main

__all__ = ["CommandLine", "Config", "main"]

TABLES = ("pyorm", "alembic")
TOKEN = re.compile(r"%\((\w+)\)s|%%")
SEPARATORS = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}


class Config:
    """A configuration; what commands and env.py ask.

    Args:
        file_: the ini file, which need not exist.
        toml_file: the toml file, which need not exist.
        ini_section: the main section of the ini file.
        output_buffer: where SQL of offline mode goes; standard output by default.
        stdout: where `print_stdout()` goes.
        cmd_opts: what the command line was given, for env.py.
        config_args: further tokens such as %(here)s.
        attributes: anything that a program hands to its env.py, such as a connection.
    """

    cmd_opts: Namespace | None = None
    config_file_name: str | None = None
    toml_file_name: str | None = None
    config_ini_section: str

    def __init__(
        self,
        file_: str | os.PathLike[str] | None = None,
        toml_file: str | os.PathLike[str] | None = None,
        ini_section: str = "alembic",
        output_buffer: TextIO | None = None,
        stdout: TextIO | None = None,
        cmd_opts: Namespace | None = None,
        config_args: Mapping[str, Any] | None = None,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        """Read nothing yet."""
        self.config_file_name = os.fspath(file_) if file_ is not None else None
        self.toml_file_name = os.fspath(toml_file) if toml_file is not None else None
        self.config_ini_section = ini_section
        self.output_buffer = output_buffer
        self.stdout = stdout
        self.cmd_opts = cmd_opts
        self.config_args = dict(config_args or {})
        self._attributes = attributes

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """A dictionary for programs: what they put here, env.py finds."""
        return dict(self._attributes or {})

    @cached_property
    def messaging_opts(self) -> dict[str, bool]:
        """Arguments for `util.msg()` and `util.status()`: whether the command line was told to be quiet."""
        return {"quiet": bool(getattr(self.cmd_opts, "quiet", False))}

    def print_stdout(self, text: str, *arg: Any) -> None:
        """Print a line.

        Args:
            text: the line, a %-format if there are arguments.
            *arg: the arguments.
        """
        stream = self.stdout if self.stdout is not None else sys.stdout
        util.write_outstream(stream, str(text) % arg if arg else str(text), "\n", **self.messaging_opts)

    def get_template_directory(self) -> str:
        """Return the folder of the templates of `init`."""
        return str(Path(__file__).parent / "templates")

    # --- the ini half ---

    @property
    def _config_file_path(self) -> Path | None:
        return Path(self.config_file_name) if self.config_file_name else None

    @cached_property
    def file_config(self) -> ConfigParser:
        """The ini file, parsed; the file need not exist, and the main section is always there.

        Raises:
            CommandError: It cannot be parsed.
        """
        path = self._config_file_path
        here = path.absolute().parent.as_posix() if path is not None else Path().absolute().as_posix()
        parser = ConfigParser({"here": here.replace("%", "%%"), **self.config_args})
        if path is not None:
            try:
                parser.read([path], encoding="utf-8")
            except Exception as error:
                raise util.CommandError(f"Can't read the configuration {path}: {error}") from error
        if not parser.has_section(self.config_ini_section) and (path is None or self.toml_alembic_config):
            parser.add_section(self.config_ini_section)
        return parser

    def set_main_option(self, name: str, value: str) -> None:
        """Set an option of the main section, over what the file says; a % is written %%."""
        self.set_section_option(self.config_ini_section, name, value)

    def remove_main_option(self, name: str) -> None:
        """Forget an option of the main section."""
        self.file_config.remove_option(self.config_ini_section, name)

    def set_section_option(self, section: str, name: str, value: str) -> None:
        """Set an option of a section, which is added if it is missing; a % is written %%."""
        if not self.file_config.has_section(section):
            self.file_config.add_section(section)
        self.file_config.set(section, name, value)

    def get_main_option(self, name: str, default: str | None = None) -> str | None:
        """Return an option of the main section, of the toml table where the ini file lacks it."""
        value = self.get_section_option(self.config_ini_section, name, None)
        return self._toml_strings.get(name, default) if value is None else value

    def get_section_option(self, section: str, name: str, default: str | None = None) -> str | None:
        """Return an option of a section.

        Raises:
            CommandError: There is no such section.
        """
        parser = self.file_config
        if not parser.has_section(section):
            raise util.CommandError(
                f"No config file {self.config_file_name!r} found, or file has no '[{section}]' section"
            )
        return parser.get(section, name) if parser.has_option(section, name) else default

    def get_section(self, name: str, default: Mapping[str, str] | None = None) -> Mapping[str, str] | None:
        """Return a section as a dictionary, with what the toml table adds to the main one.

        Args:
            name: the section.
            default: returned where there is none.
        """
        if not self.file_config.has_section(name):
            return default
        found = dict(self.file_config.items(name))
        return {**self._toml_strings, **found} if name == self.config_ini_section else found

    # --- the toml half ---

    @property
    def _toml_file_path(self) -> Path | None:
        return Path(self.toml_file_name) if self.toml_file_name else None

    @cached_property
    def _toml_table(self) -> tuple[str | None, Mapping[str, Any]]:
        """Return the table's name and the table: the first of `[tool.pyorm]` and `[tool.alembic]`."""
        path = self._toml_file_path
        if path is None or not path.exists():
            return None, {}
        import tomllib

        try:
            tools = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
        except (OSError, ValueError) as error:
            raise util.CommandError(f"Can't read the configuration {path}: {error}") from error
        for name in TABLES:
            # [tool.pyorm] may hold other things as well.
            if name in tools and (name != "pyorm" or "script_location" in tools[name]):
                return name, tools[name]
        return None, {}

    @property
    def toml_alembic_config(self) -> Mapping[str, Any]:
        """The table of the toml file, as it is written; empty where there is none."""
        return self._toml_table[1]

    @cached_property
    def _toml_args(self) -> dict[str, str]:
        path = self._toml_file_path
        here = path.absolute().parent.as_posix() if path is not None else Path().absolute().as_posix()
        return {"here": here, **self.config_args}

    def _filled(self, text: str) -> str:
        """Return a text of the toml file with %(here)s filled in; other tokens stay, %% is %."""
        return TOKEN.sub(lambda m: "%" if m[0] == "%%" else str(self._toml_args.get(m[1], m[0])), text)

    @cached_property
    def _toml_strings(self) -> dict[str, str]:
        """The strings of the toml table; of tables below it under names with dots."""
        found: dict[str, str] = {}

        def add(prefix: str, table: Mapping[str, Any]) -> None:
            for name, value in table.items():
                if isinstance(value, str):
                    found[prefix + name] = self._filled(value)
                elif isinstance(value, Mapping):
                    add(f"{prefix}{name}.", value)

        add("", self.toml_alembic_config)
        return found

    def _get_toml_config_value(self, name: str, default: Any = None) -> Any:
        value = self.toml_alembic_config.get(name)
        if value is None:
            return self._toml_strings.get(name, default)
        if isinstance(value, str):
            return self._filled(value)
        if isinstance(value, list):
            return [self._filled(one) if isinstance(one, str) else self._filled_table(one) for one in value]
        return self._filled_table(value)

    def _filled_table(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: self._filled(one) if isinstance(one, str) else one for key, one in value.items()}

    # --- both ---

    def get_alembic_option(self, name: str, default: Any = None) -> Any:
        """Return an option of the environment: of the ini file's main section, else of the toml table.

        Returns:
            A string; from toml also a list, a dictionary, a number or a boolean.
        """
        parser = self.file_config
        if parser.has_section(self.config_ini_section) and parser.has_option(self.config_ini_section, name):
            return parser.get(self.config_ini_section, name)
        return self._get_toml_config_value(name, default)

    def get_alembic_boolean_option(self, name: str) -> bool:
        """Return whether an option is true; a missing one is not.

        Raises:
            CommandError: It is neither true nor false.
        """
        value = self.get_alembic_option(name)
        if value is None or value == "":
            return False
        try:
            return util.asbool(value)
        except ValueError as error:
            raise util.CommandError(f"Option {name}: {error}") from error

    def get_version_locations_list(self) -> list[str] | None:
        """Return the folders of scripts; None for the default."""
        value = self.get_alembic_option("version_locations")
        if value is None or isinstance(value, list):
            return value
        separator = self._get_file_separator_char("path_separator", "version_path_separator")
        if separator is None:
            return [one for one in re.split(r"[, ]+", value) if one]
        return [one.strip() for one in value.split(separator) if one.strip()]

    def get_prepend_sys_paths_list(self) -> list[str] | None:
        """Return what is put in front of sys.path."""
        value = self.get_alembic_option("prepend_sys_path")
        if value is None or isinstance(value, list):
            return value
        separator = self._get_file_separator_char("path_separator")
        if separator is None:
            return [one for one in re.split(r"[, :]+", value) if one]
        return [one.strip() for one in value.split(separator) if one.strip()]

    def _get_file_separator_char(self, *names: str) -> str | None:
        """Return what separates paths in the ini file; None where it does not say.

        Raises:
            ValueError: It says something unknown.
        """
        for name in names:
            value = self.get_main_option(name)
            if value is None:
                continue
            if value not in SEPARATORS:
                raise ValueError(
                    f"'{value}' is not a valid value for {name}; expected 'space', 'newline', 'os', ':', ';'"
                )
            return SEPARATORS[value]
        return None

    def get_hooks_list(self) -> list[dict[str, Any]]:
        """Return the post write hooks: each with its options, its name under `_hook_name`."""
        if self.file_config.has_section("post_write_hooks"):
            section = self.get_section("post_write_hooks") or {}
            names = re.split(r"[,\s]+", section.get("hooks", "").strip())
            return [self._ini_hook(section, name) for name in names if name]
        listed = self._get_toml_config_value("post_write_hooks", None) or []
        return [{**{k: v for k, v in one.items() if k != "name"}, "_hook_name": one.get("name")} for one in listed]

    @staticmethod
    def _ini_hook(section: Mapping[str, str], name: str) -> dict[str, Any]:
        start = f"{name}."
        options = {key[len(start) :]: value for key, value in section.items() if key.startswith(start)}
        return {**options, "_hook_name": name}


def __getattr__(name: str) -> Any:
    """Load the command line at its first use: programs that use commands as a library need no click."""
    if name in ("CommandLine", "main"):
        from pyorm.migrations import cli

        return getattr(cli, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    from pyorm.migrations.cli import main as run

    run()
