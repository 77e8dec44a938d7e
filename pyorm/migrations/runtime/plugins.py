"""Plugins: named sets of functions that take part in autogenerate when `autogenerate_plugins` says so.

A package publishes one as an entry point of the group "pyorm.plugins" or "alembic.plugins": a module with a
function `setup(plugin)`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from importlib import metadata
from types import ModuleType
from typing import Any

from pyorm.migrations.autogenerate.compare.dispatch import DispatchPriority, PriorityDispatcher
from pyorm.migrations.util.exc import CommandError

log = logging.getLogger(__name__)

BUILTIN = ("schemas", "tables", "types", "constraints", "defaults", "comments", "sequences", "enums")
"""Our own comparisons, as `alembic.autogenerate.<name>` or `pyorm.autogenerate.<name>`."""

OPTIONAL = ("alembic.ext.checkconstraint_byname",)
"""Plugins that come with Alembic and need not be switched on here: checks are always compared."""

LIBRARIES = ("alembic", "pyorm")

_plugins: dict[str, Plugin] = {}
_loaded: list[str] = []


class Plugin:
    """A named set of comparison functions; making one registers it.

    Args:
        name: its name, with dots: `myproject.operations`.

    Raises:
        ValueError: there is one of that name.
    """

    def __init__(self, name: str) -> None:
        """Register."""
        if name in _plugins:
            raise ValueError(f"A plugin named {name} is already registered")
        self.name = name
        self._comparators = PriorityDispatcher()
        _plugins[name] = self

    def remove(self) -> None:
        """Take the plugin out of the list."""
        _plugins.pop(self.name, None)

    def add_autogenerate_comparator(
        self,
        fn: Callable[..., Any],
        compare_target: str,
        compare_element: str | None = None,
        *,
        qualifier: str = "default",
        priority: DispatchPriority = DispatchPriority.MEDIUM,
    ) -> None:
        """Register a comparison function.

        Args:
            fn: takes what functions of the target take; returns a PriorityDispatchResult.
            compare_target: "autogenerate", "schema", "table", "column", "type" or "server_default".
            compare_element: what of it, such as "indexes"; functions of one element stop each other.
            qualifier: a dialect's name, or "default" for all.
            priority: higher ones are called first.
        """
        register = self._comparators.dispatch_for(
            compare_target, subgroup=compare_element, priority=priority, qualifier=qualifier
        )
        register(fn)

    @classmethod
    def setup_plugin_from_module(cls, module: ModuleType, name: str) -> None:
        """Make a plugin of that name and hand it to the module's `setup()`."""
        log.info("setup plugin %s", name)
        module.setup(cls(name))

    @classmethod
    def populate_autogenerate_priority_dispatch(
        cls, comparators: PriorityDispatcher, include_plugins: Iterable[str]
    ) -> None:
        """Add the functions of the plugins that `include_plugins` names to a dispatcher."""
        _load_entry_points()
        wanted = list(include_plugins)
        _check_known(wanted)
        for name, plugin in _plugins.items():
            if is_wanted(name, wanted):
                log.info("setting up autogenerate plugin %s", name)
                comparators.populate_with(plugin._comparators)


def _load_entry_points() -> None:
    """Set up what installed packages publish, once."""
    if _loaded:
        return
    _loaded.append("done")
    for group in ("pyorm.plugins", "alembic.plugins"):
        for entry in metadata.entry_points(group=group):
            if entry.name not in _plugins and not entry.name.startswith("alembic."):
                Plugin.setup_plugin_from_module(entry.load(), entry.name)


def _check_known(patterns: Iterable[str]) -> None:
    """Refuse a name in `autogenerate_plugins` that nothing has.

    Raises:
        CommandError: It is misspelt, or its package is not installed.
    """
    known = [*_plugins, *OPTIONAL, *(f"{library}.autogenerate.{kind}" for library in LIBRARIES for kind in BUILTIN)]
    missing = [p for p in patterns if not p.startswith("~") and not any(is_wanted(name, [p]) for name in known)]
    if missing:
        raise CommandError(
            f"Did not locate plugins: {', '.join(missing)}. Known are {', '.join(sorted(known))}; "
            "is a name misspelt in autogenerate_plugins, or a package not installed?"
        )


def is_wanted(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a list of `autogenerate_plugins` names a plugin.

    Args:
        name: the plugin's name.
        patterns: names with `*` for any text; one that begins with `~` takes away.
    """
    wanted = False
    for pattern in patterns:
        matched = re.fullmatch(re.escape(pattern.lstrip("~")).replace(r"\*", ".*"), name) is not None
        if matched and pattern.startswith("~"):
            return False
        wanted = wanted or matched
    return wanted


def wants_builtin(kind: str, patterns: Iterable[str]) -> bool:
    """Return whether our own comparison of a kind takes part."""
    patterns = list(patterns)
    if any(is_wanted(f"{library}.autogenerate.{kind}", patterns) for library in LIBRARIES):
        taken = [p[1:] for p in patterns if p.startswith("~")]
        return not any(is_wanted(f"{library}.autogenerate.{kind}", taken) for library in LIBRARIES)
    return False
