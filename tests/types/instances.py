"""One instance of each type of csrc/types/, for the tests of reference counts."""

from __future__ import annotations

from collections.abc import Callable

from pyorm import types

INSTANCES: dict[str, Callable[[], object]] = {
    "TypeEngine": types.Integer,
    "TypeRecord": lambda: types.String(7)._record,
}
