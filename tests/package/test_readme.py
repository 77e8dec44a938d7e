"""The program on README's first screen runs, on both databases."""

from __future__ import annotations

import re
from typing import Any

from tools.check_links import ROOT

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_program_of_the_readme_runs_when_pasted(db: Any, url: str) -> None:
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    assert len(blocks) == 2 and '"sqlite://"' in blocks[0]
    names: dict[str, Any] = {}

    exec(blocks[0].replace('"sqlite://"', repr(url)), names)
    exec(blocks[1], names)

    assert db.rows("SELECT name, email FROM users ORDER BY id") == [("Alicia", None), ("Bob", None)]
    with names["Session"](names["engine"]) as session:
        assert session.get(names["Person"], 2).name == "Bob"
    names["engine"].dispose()
