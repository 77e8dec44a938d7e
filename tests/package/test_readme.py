"""The programs in the README run when they are pasted, on both databases."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pyorm import event
from tools.check_links import ROOT

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def blocks() -> list[str]:
    return BLOCK.findall((ROOT / "README.md").read_text())


def test_program_of_the_readme_runs_when_pasted(db: Any, url: str) -> None:
    first, typed, _ = blocks()
    names: dict[str, Any] = {}
    assert '"sqlite://"' in first

    exec(first.replace('"sqlite://"', repr(url)), names)
    exec(typed, names)

    assert db.rows("SELECT name, email FROM users ORDER BY id") == [("Alicia", None), ("Bob", None)]
    with names["Session"](names["engine"]) as session:
        assert session.get(names["Person"], 2).name == "Bob"
    names["engine"].dispose()


def test_program_with_related_objects_runs_when_pasted(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    *_, related = blocks()
    names: dict[str, Any] = {}
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    models, save, loop, graph = re.split("^(?=with Session)", related.replace('"sqlite://"', repr(url)), flags=re.M)
    exec(models + save, names)
    event.listen(names["engine"], "before_cursor_execute", note)
    exec(loop, names)
    exec(graph, names)

    assert capsys.readouterr().out.splitlines() == [
        "Alice ['hello', 'again']",
        "Bob ['my turn']",
        "Carol []",
        "Alice {'hello': ['c'], 'again': []}",
    ]
    assert len(sent) == 3 + 2, "as the comments say"
    names["engine"].dispose()
