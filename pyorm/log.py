"""What engines and pools write to Python's logging.

Loggers are `pyorm.engine.Engine` and `pyorm.pool.<class>`, with `.<logging_name>` behind
where an engine or pool was given one. INFO: statements, parameters and transactions; DEBUG:
also column names and rows. `echo=True` and `echo="debug"` turn that on for one engine and
make sure that a handler prints it.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from pyorm._repr import repr_params

__all__ = ["EngineLogger", "instance_logger"]

ROOT = "pyorm"
_INFO, _DEBUG = 1, 2


def _print_somewhere() -> None:
    """Add a handler to the root logger of the library if nobody has."""
    root = logging.getLogger(ROOT)
    if not root.handlers and not logging.getLogger().handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        root.addHandler(handler)


class EngineLogger:
    """The logger of one engine; C calls it when statements are to be logged.

    Args:
        name: The logger's name.
        echo: None or False leaves the level to logging's configuration.
        hide_parameters: Show no values.
    """

    def __init__(self, name: str, echo: bool | str | None, hide_parameters: bool = False) -> None:
        self.logger = logging.getLogger(name)
        self.hide_parameters = hide_parameters
        self._known: dict[int, float] = {}
        self.echo = echo

    @property
    def echo(self) -> bool | str | None:
        """True, "debug", or None: as logging is configured."""
        return self._echo

    @echo.setter
    def echo(self, value: bool | str | None) -> None:
        self._echo = value
        if value:
            _print_somewhere()

    def level_flags(self) -> int:
        """Return 1 if statements are logged, 3 if rows are, too; 0: nothing."""
        if self._echo == "debug":
            return _INFO | _DEBUG
        if self._echo or self.logger.isEnabledFor(logging.INFO):
            return _INFO | (_DEBUG if self.logger.isEnabledFor(logging.DEBUG) else 0)
        return 0

    def emit(self, level: int, connection: Any, text: str, *args: Any) -> None:
        """Write one line; echo writes it whatever the logger's level is."""
        token = connection._options.get("logging_token") if connection is not None else None
        if token:
            text = f"[{token}] {text}"
        if self._echo and not self.logger.isEnabledFor(level):
            record = self.logger.makeRecord(
                self.logger.name, level, "(pyorm)", 0, text, args, None
            )
            self.logger.handle(record)
            return
        self.logger.log(level, text, *args)

    def message(self, connection: Any, text: str) -> None:
        """Write a line about a transaction."""
        self.emit(logging.INFO, connection, "%s", text)

    def statement(
        self,
        connection: Any,
        text: str,
        params: Any,
        number: int,
        seconds: float,
        many: bool,
    ) -> None:
        """Write a statement and its parameters.

        Args:
            number: The compiled statement's; 0: raw SQL.
            seconds: How long compiling or finding it took; negative: not measured.
        """
        now = time.perf_counter()
        if number == 0:
            origin = "raw sql"
        elif number in self._known:
            origin = f"cached since {now - self._known[number]:.4g}s ago"
        else:
            self._known[number] = now
            origin = f"generated in {max(seconds, 0.0):.5f}s"
        self.emit(logging.INFO, connection, "%s", text)
        if self.hide_parameters:
            shown = "[SQL parameters hidden due to hide_parameters=True]"
        else:
            shown = repr_params(params, is_multi=bool(many))
        self.emit(logging.INFO, connection, "[%s] %s", origin, shown)

    def row(self, connection: Any, row: Any) -> None:
        """Write a row that was fetched."""
        self.emit(logging.DEBUG, connection, "Row %r", row)


def instance_logger(kind: str, name: str | None) -> str:
    """Return a logger's name: `pyorm.<kind>`, or `pyorm.<kind>.<name>`."""
    return f"{ROOT}.{kind}.{name}" if name else f"{ROOT}.{kind}"
