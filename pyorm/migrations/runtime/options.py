"""Options of a run: from env.py's configure(), else from the configuration file, else the defaults."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyorm.migrations.util.exc import CommandError

if TYPE_CHECKING:
    from pyorm.migrations.runtime.migration import MigrationContext

__all__ = ["RunOptions", "seconds"]

_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_OFF = ("off", "no", "false", "none", "never", "0")
_ON = ("on", "yes", "true", "1")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run gets along with others.

    Attributes:
        deploy_lock: whether deployers exclude each other.
        lock_wait_s: how long to wait for another deployer, seconds.
        lock_url: URL that the lock's connection uses instead of the engine's, or None.
        lock_timeout_s: how long a statement waits for a lock of PostgreSQL, seconds; None leaves
            the server's setting.
        lock_timeout_given: whether somebody has asked for it; else a setting of the server wins.
        lock_retry_s: how long to go on trying after such a time-out, seconds in all.
    """

    deploy_lock: bool = True
    lock_wait_s: float = 900.0
    lock_url: str | None = None
    lock_timeout_s: float | None = 3.0
    lock_timeout_given: bool = False
    lock_retry_s: float = 600.0

    @classmethod
    def of(cls, context: MigrationContext) -> RunOptions:
        """Return the options of a context.

        Raises:
            CommandError: One of them cannot be read; it is named.
        """
        timeout = _find(context, "lock_timeout")
        wait, retry = _find(context, "lock_wait"), _find(context, "lock_retry")
        return cls(
            deploy_lock=_flag("deploy_lock", _find(context, "deploy_lock"), True),
            lock_wait_s=DEFAULT.lock_wait_s if wait is None else seconds("lock_wait", wait) or 0.0,
            lock_url=_find(context, "lock_url") or None,
            lock_timeout_s=DEFAULT.lock_timeout_s if timeout is None else seconds("lock_timeout", timeout),
            lock_timeout_given=timeout is not None,
            lock_retry_s=DEFAULT.lock_retry_s if retry is None else seconds("lock_retry", retry) or 0.0,
        )


DEFAULT = RunOptions()


def _find(context: MigrationContext, name: str) -> Any:
    value = context.opts.get(name)
    if value is None and (get := getattr(context.config, "get_alembic_option", None)) is not None:
        value = get(name)
    return value


def _flag(name: str, value: Any, default: bool) -> bool:
    if value is None or isinstance(value, bool):
        return default if value is None else value
    word = str(value).strip().lower()
    if word in _ON or word in _OFF:
        return word in _ON
    raise CommandError(f"The option {name} is on or off, not {value!r}")


def seconds(name: str, value: Any) -> float | None:
    """Return a time in seconds; None where it is switched off.

    Args:
        name: the option's, for messages.
        value: a number of seconds, or a text such as "3s", "250ms", "15min" or "off".

    Raises:
        CommandError: It is none of them.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) or None
    word = str(value).strip().lower()
    if word in _OFF or value is False:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", word)
    if match is None or match[2] not in _UNITS:
        raise CommandError(f"The option {name} is a time such as 3s, 250ms, 15min or off, not {value!r}")
    return float(match[1]) * _UNITS[match[2]] or None
