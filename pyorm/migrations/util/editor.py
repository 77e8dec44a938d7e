"""Opens a file in the editor that somebody prefers."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping

from pyorm.migrations.util.exc import CommandError

__all__ = ["open_in_editor"]

COMMON_EDITORS = ("sensible-editor", "editor", "nano", "vim", "vi", "emacs", "code")


def open_in_editor(filename: str, environ: dict[str, str] | None = None) -> None:
    """Open a file and wait until the editor is left.

    Args:
        filename: the file.
        environ: where EDITOR, VISUAL and PATH are looked up; the process's by default.

    Raises:
        CommandError: There is no editor, or it left with an error.
    """
    environment = os.environ if environ is None else environ
    command = [*find_editor(environment), filename]
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CommandError(
            f"Error executing editor ({error}); set EDITOR to a program that opens {filename}"
        ) from error


def find_editor(environment: Mapping[str, str]) -> list[str]:
    """Return the editor's command: EDITOR or VISUAL, which may have arguments, or a common one."""
    for variable in ("EDITOR", "VISUAL"):
        words = shlex.split(environment.get(variable, ""))
        if words:
            if shutil.which(words[0], path=environment.get("PATH")) is None:
                raise CommandError(f"The editor {words[0]!r} named by {variable} is not found; change {variable}")
            return words
    for name in COMMON_EDITORS:
        if shutil.which(name, path=environment.get("PATH")) is not None:
            return [name]
    raise CommandError("No suitable editor found. Please set the EDITOR environment variable.")
