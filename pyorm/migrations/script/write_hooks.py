"""What is run over a new script: formatters and the like, as [post_write_hooks] says."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyorm.migrations import util

__all__ = ["console_scripts", "exec_", "invoke", "module", "register"]

Hook = Callable[[str, dict[str, Any]], None]

FILENAME_TOKEN = "REVISION_SCRIPT_FILENAME"

_registry: dict[str, Hook] = {}


def register(name: str) -> Callable[[Hook], Hook]:
    """Register a function as a type of hook; to be used in env.py.

    Args:
        name: what `<hook>.type` is set to.

    Returns:
        A decorator; the function gets the file's path and the hook's options.
    """

    def decorate(function: Hook) -> Hook:
        _registry[name] = function
        return function

    return decorate


def invoke(name: str, revision: str, options: dict[str, Any]) -> None:
    """Run one hook.

    Args:
        name: its type.
        revision: the script's path.
        options: what the configuration says, without the hook's name.

    Raises:
        CommandError: There is no such type, or it failed.
    """
    hook = _registry.get(name)
    if hook is None:
        raise util.CommandError(
            f"No formatter with name '{name}' registered; there are {', '.join(sorted(_registry))}, and what "
            "write_hooks.register() adds in env.py"
        )
    hook(revision, options)


def run_post_write_hooks(path: str, hooks: Sequence[Mapping[str, Any]], messaging: Mapping[str, Any]) -> None:
    """Run the hooks of a configuration over a file.

    Raises:
        CommandError: A hook has no type, does not exist or failed.
    """
    for hook in hooks:
        options = dict(hook)
        name = options.pop("_hook_name", None)
        kind = options.pop("type", None)
        if kind is None:
            raise util.CommandError(f"Key '{name}.type' (or 'type' in toml) is required for post write hook '{name}'")
        with util.status(f"Running post write hook '{name}'", newline=True, **messaging):
            invoke(str(kind), path, options)


def command_line(path: str, options: Mapping[str, Any]) -> list[str]:
    """Return a hook's arguments, with the file's path in place of its token, else at the end."""
    words = shlex.split(str(options.get("options", "")), posix=os.name == "posix")
    if FILENAME_TOKEN in words:
        return [path if word == FILENAME_TOKEN else word for word in words]
    return [path, *words]


def run(command: list[str], options: Mapping[str, Any], ignore_output: bool) -> None:
    """Run a program; a failure of its own is shown, and is no failure of the command.

    Raises:
        CommandError: It cannot be started.
    """
    streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} if ignore_output else {}
    try:
        sys.stdout.flush()
        done = subprocess.run(command, cwd=options.get("cwd") or None, check=False, **streams)
    except OSError as error:
        raise util.CommandError(f"Can't run the post write hook {command[0]}: {error}") from error
    if done.returncode:
        util.msg(f"  {command[0]} ended with status {done.returncode}")


def needed(options: Mapping[str, Any], key: str, hook: str) -> str:
    """Return an option that a hook cannot do without."""
    value = options.get(key)
    if not value:
        raise util.CommandError(f"Key {hook}.{key} is required for post write hook type '{hook}'")
    return str(value)


@register("console_scripts")
def console_scripts(
    path: str, options: dict[str, Any], ignore_output: bool = False, verify_version: tuple[int, ...] | None = None
) -> None:
    """Run a package's console script: `entrypoint`, with `options`, in the folder `cwd`.

    Args:
        path: the new script.
        options: the hook's.
        ignore_output: show nothing of what it prints.
        verify_version: the package has to have at least this version.

    Raises:
        CommandError: It is not installed, or too old.
    """
    from importlib.metadata import entry_points

    name = needed(options, "entrypoint", "console_scripts")
    found = next(iter(entry_points(group="console_scripts", name=name)), None)
    if found is None:
        raise util.CommandError(
            f"Could not find entrypoint console_scripts.{name}; install the package that brings it, or change the hook"
        )
    if verify_version is not None:
        version = found.dist.version if found.dist is not None else "0"
        if tuple(int(part) for part in version.split(".")[: len(verify_version)] if part.isdigit()) < verify_version:
            wanted = ".".join(map(str, verify_version))
            raise util.CommandError(f"{name} has version {version}, the post write hook needs {wanted}; upgrade it")
    program = f"import {found.module}; {found.module}.{found.attr}()"
    run([sys.executable, "-c", program, *command_line(path, options)], options, ignore_output)


@register("exec")
def exec_(path: str, options: dict[str, Any], ignore_output: bool = False) -> None:
    """Run a program: `executable`, with `options`, in the folder `cwd`.

    Raises:
        CommandError: It is not found.
    """
    name = needed(options, "executable", "exec")
    if shutil.which(name) is None:
        raise util.CommandError(f"Could not find executable {name}; install it, or change the hook")
    run([name, *command_line(path, options)], options, ignore_output)


@register("module")
def module(path: str, options: dict[str, Any], ignore_output: bool = False) -> None:
    """Run `python -m module`, with `options`, in the folder `cwd`.

    Raises:
        CommandError: It is not installed.
    """
    from importlib.util import find_spec

    name = needed(options, "module", "module")
    if find_spec(name) is None:
        raise util.CommandError(f"Could not find module {name}; install it, or change the hook")
    run([sys.executable, "-m", name, *command_line(path, options)], options, ignore_output)
