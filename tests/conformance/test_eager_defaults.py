"""Values that the database makes, after a flush: eager_defaults "auto", True and False."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import Column, FetchedValue, Integer, String, event, inspect
from pyorm import text as sql_text
from pyorm.engine import Engine
from pyorm.orm import Session, declarative_base


def make(engine: Engine, eager: Any) -> Any:
    """Map a class whose INSERT and UPDATE leave values to the database."""
    base = declarative_base()
    members: dict[str, Any] = {
        "__tablename__": "things",
        "id": Column(Integer, primary_key=True),
        "name": Column(String(10)),
        "made": Column(Integer, server_default="7"),
        "other": Column(String(10), server_default=sql_text("'x'"), server_onupdate=FetchedValue()),
    }
    if eager is not None:
        members["__mapper_args__"] = {"eager_defaults": eager}
    thing = type("Thing", (base,), members)
    base.metadata.create_all(engine)
    return thing


@pytest.mark.feature("SES25")
@pytest.mark.parametrize(
    ("eager", "after_insert", "after_update"),
    [
        (None, set(), {"other"}),
        ("auto", set(), {"other"}),
        (True, set(), set()),
        (False, {"made", "other"}, {"made", "other"}),
    ],
)
def test_what_is_loaded_after_a_flush(
    engine: Engine, eager: Any, after_insert: set[str], after_update: set[str]
) -> None:
    thing = make(engine, eager)
    heard: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda c, k, sql, *_: heard.append(sql.split()[0]))
    with Session(engine) as session:
        rows = [thing(name="a"), thing(name="b"), thing(name="c", made=1)]
        session.add_all(rows)
        session.flush()
        assert set(inspect(rows[0]).unloaded) == after_insert
        assert "SELECT" not in heard

        for row in rows:
            row.name += "2"
        session.flush()
        assert set(inspect(rows[0]).unloaded) == after_update
        assert [(row.name, row.made, row.other) for row in rows] == [("a2", 7, "x"), ("b2", 7, "x"), ("c2", 1, "x")]
