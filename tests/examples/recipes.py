"""Runs a recipe of examples/ with either library, and notes what it prints and what it sends."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


def names() -> list[str]:
    """Name the recipes: every program that ends by `run(Base, story)`."""
    return sorted(path.stem for path in EXAMPLES.glob("*.py") if path.read_text().endswith("run(Base, story)\n"))


@contextmanager
def loaded(library: str, name: str) -> Iterator[ModuleType]:
    """Load a recipe anew with its imports from `library`, beside nothing of an earlier run."""
    made = {}
    for file in ("_recipe", name):
        module = made[file] = sys.modules[file] = ModuleType(file)
        path = EXAMPLES / f"{file}.py"
        source = path.read_text().replace("from pyorm", f"from {library}")
        exec(compile(source, str(path), "exec"), module.__dict__)
    try:
        yield made[name]
    finally:
        for file in made:
            del sys.modules[file]


def tell(library: str, name: str, url: str) -> dict[str, Any]:
    """Run one recipe on one database; return its lines, and how many statements of each verb it sent."""
    sent: Counter[str] = Counter()

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        verb = statement.split(None, 1)[0]
        sent["SELECT" if verb == "WITH" else verb] += 1

    event = import_module(f"{library}.event")
    with loaded(library, name) as module, redirect_stdout(io.StringIO()) as out:

        def story(session: Any) -> None:
            event.listen(session.get_bind(), "before_cursor_execute", note)
            module.story(session)

        module.run(module.Base, story, ["--url", url])
    counts = {verb: sent[verb] for verb in ("SELECT", "INSERT", "UPDATE", "DELETE") if sent[verb]}
    return {"lines": out.getvalue().splitlines(), "sent": counts}
