"""Names of types in DDL and their reprs, as SQLAlchemy writes them (tests/golden/types.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pyorm import exc, types
from pyorm.dialects import postgresql, sqlite
from pyorm.dialects._base import DefaultDialect
from tools.golden_types import PRELUDE

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "types.json").read_text())
DIALECTS = {
    "postgresql": postgresql.dialect(),
    "sqlite": sqlite.dialect(),
    "default": DefaultDialect(),
}
NAMES: dict[str, Any] = {"T": types, "P": postgresql, "S": sqlite}
exec(PRELUDE, NAMES)


@pytest.mark.feature("TYPE13")
@pytest.mark.parametrize("expression", GOLDEN["types"])
def test_name_is_the_golden_one(expression: str) -> None:
    expected = GOLDEN["types"][expression]
    type_ = eval(expression, NAMES)

    for name, dialect in DIALECTS.items():
        if isinstance(expected[name], dict):
            with pytest.raises(getattr(exc, expected[name]["error"])):
                type_.compile(dialect=dialect)
        else:
            assert type_.compile(dialect=dialect) == expected[name], name


@pytest.mark.parametrize("expression", GOLDEN["types"])
def test_repr_and_str_are_the_golden_ones(expression: str) -> None:
    type_ = eval(expression, NAMES)

    assert repr(type_) == GOLDEN["types"][expression]["repr"]
    assert str(type_) == GOLDEN["types"][expression]["str"]
