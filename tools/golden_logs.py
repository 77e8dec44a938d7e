"""Golden files of cases that leave one log for each database: what their writers share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"
LIBRARY = "sqlalchemy"


def write(file: str, key: str, cases: Iterable[str], run: Callable[..., Any], arguments: list[str]) -> int:
    """Run the cases with the reference library and write their logs; print how many there are.

    Args:
        file: name of the file in tests/golden.
        key: what the cases are called in it.
        cases: their names.
        run: (name, library, url, **engine arguments) -> the log of a case.
        arguments: URL of an empty PostgreSQL database, and another file to write, or nothing.

    Returns:
        0, the exit status.
    """
    target = Path(arguments[1]) if len(arguments) > 1 else GOLDEN / file
    urls = {"sqlite": "sqlite://", "postgresql": arguments[0]}
    told: dict[str, dict[str, Any]] = {}
    for name in cases:
        by_url = {d: run(name, LIBRARY, url, use_insertmanyvalues=False) for d, url in urls.items()}
        first, *others = by_url.values()
        told[name] = {"both": first} if all(other == first for other in others) else by_url
    lines = (f"  {json.dumps(n)}: {json.dumps(t, ensure_ascii=False)}" for n, t in told.items())
    head = json.dumps({"library": LIBRARY, "version": import_module(LIBRARY).__version__})[:-1]
    target.write_text(f'{head}, "{key}": {{\n' + ",\n".join(lines) + "\n}}\n")
    print(target.name, len(told), sum("both" not in t for t in told.values()))
    return 0
