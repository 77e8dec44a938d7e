"""A revision script: a file, as a node of the graph, and how people are shown it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from pyorm.migrations import util
from pyorm.migrations.script.errors import RevisionError
from pyorm.migrations.script.header import Header, Unreadable, parse, read_header, read_source
from pyorm.migrations.script.node import Revision

__all__ = ["Script"]


class Script(Revision):
    """A revision script.

    Args:
        head: what its file says about itself.
        path: the file.
        module: the module, if it was imported already.
    """

    _db_current_indicator: bool | None = None

    def __init__(self, head: Header, path: str, module: ModuleType | None = None) -> None:
        """Check the id; nothing is imported."""
        super().__init__(head.revision, head.down_revision, head.depends_on, head.branch_labels)
        self.path = path
        self._doc = head.doc
        if module is not None:
            self.__dict__["module"] = module

    @classmethod
    def from_path(cls, path: str, folder: str) -> Script:
        """Return the script in a file, imported only if its head is computed.

        Args:
            path: the file.
            folder: the environment's, for messages.

        Raises:
            CommandError: The file cannot be read, or has no `revision`.
        """
        module = None
        try:
            if not path.endswith(".py"):
                raise Unreadable
            head = read_header(path)
        except Unreadable:
            module = load_script(path)
            head = Header.of(vars(module).get, module.__doc__)
        if head.revision is None:
            raise util.CommandError(
                f"Could not determine revision id from filename {os.path.basename(path)}. Be sure the 'revision' "
                f"variable is declared inside the script {path}; a file that is no script belongs elsewhere than "
                "in a version location."
            )
        try:
            return cls(head, path, module)
        except RevisionError as error:
            raise util.CommandError(f"{error} ({path})") from error

    @cached_property
    def module(self) -> ModuleType:
        """The script's module, imported when it is first asked for.

        Raises:
            CommandError: It has a syntax error.
        """
        return load_script(self.path)

    def migration_function(self, name: str) -> Callable[..., Any]:
        """Return its upgrade() or downgrade().

        Raises:
            CommandError: There is none.
        """
        function: Callable[..., Any] | None = getattr(self.module, name, None)
        if function is None:
            raise util.CommandError(
                f"Revision script {self.path} has no {name}(); add it, with `pass` if nothing is done"
            )
        return function

    @property
    def longdoc(self) -> str:
        """The docstring."""
        return (self._doc or "").strip() if self._doc else ""

    @property
    def doc(self) -> str:
        """The docstring's first paragraph."""
        return re.split("\n\n", self.longdoc)[0]

    @property
    def _script_path(self) -> Path:
        return Path(self.path)

    @property
    def log_entry(self) -> str:
        """Everything about it, as `show` and `history -v` print it."""
        marks = "".join(
            mark
            for mark, holds in (
                (" (head)", self.is_head),
                (" (branchpoint)", self.is_branch_point),
                (" (mergepoint)", self.is_merge_point),
                (" (current)", self._db_current_indicator),
            )
            if holds
        )
        lines = [f"Rev: {self.revision}{marks}"]
        if self.is_merge_point:
            lines.append(f"Merges: {util.format_as_comma(self._plain_parents)}")
        else:
            lines.append(f"Parent: {self._plain_parents[0] if self._plain_parents else '<base>'}")
        if self.dependencies:
            lines.append(f"Also depends on: {util.format_as_comma(self.dependencies)}")
        if self.is_branch_point:
            lines.append(f"Branches into: {util.format_as_comma(sorted(self.nextrev))}")
        if self.branch_labels:
            lines.append(f"Branch names: {util.format_as_comma(sorted(self.branch_labels))}")
        lines.append(f"Path: {self.path}")
        lines += ["", *(f"    {line}" for line in self.longdoc.splitlines() or [""]), ""]
        return "\n".join(lines)

    def __str__(self) -> str:
        """Return its line in `history`."""
        down = self._format_down_revision()
        return f"{down} -> {self.revision}{self._marks(True, True, True)}, {self.doc}"

    def cmd_format(
        self,
        verbose: bool,
        include_branches: bool = False,
        include_doc: bool = False,
        include_parents: bool = False,
        tree_indicators: bool = True,
    ) -> str:
        """Return how commands print it.

        Args:
            verbose: everything about it.
            include_branches: its labels.
            include_doc: its first line.
            include_parents: what it follows.
            tree_indicators: whether it is a branch point or merge point.
        """
        if verbose:
            return self.log_entry
        text = self.revision
        if include_parents:
            text = f"{self._format_down_revision()} -> {text}"
        text += self._marks(include_branches, True, tree_indicators)
        return f"{text}, {self.doc}" if include_doc else text

    def _marks(self, labels: bool, heads: bool, tree: bool) -> str:
        marks = []
        if labels and self.branch_labels:
            marks.append(util.format_as_comma(sorted(self.branch_labels)))
        if heads and self.is_head:
            marks.append("head" if self._is_real_head else "effective head")
        if tree and self.is_branch_point:
            marks.append("branchpoint")
        if tree and self.is_merge_point:
            marks.append("mergepoint")
        if tree and self._db_current_indicator:
            marks.append("current")
        return "".join(f" ({mark})" for mark in marks)

    def _format_down_revision(self) -> str:
        text = util.format_as_comma(self._plain_parents) or "<base>"
        return f"{text} ({util.format_as_comma(self.dependencies)})" if self.dependencies else text


def load_script(path: str) -> ModuleType:
    """Import a script.

    Raises:
        CommandError: It has a syntax error; the text has file and line.
    """
    try:
        return util.load_python_file(os.path.dirname(path), os.path.basename(path))
    except SyntaxError as error:
        if error.filename == path:
            parse(read_source(path), path)
        raise
