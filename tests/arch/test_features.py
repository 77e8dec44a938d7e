"""The list of features, and the marks by which tests claim them."""

from __future__ import annotations

import ast

import pytest

from tools.features import Feature, marks_in, read_claims, read_features, unknown_claims


def test_every_claimed_feature_is_in_the_list() -> None:
    assert unknown_claims(read_features(), read_claims()) == []


def test_list_is_refused_when_an_id_stands_twice(tmp_path) -> None:
    path = tmp_path / "features.toml"
    line = '{ id = "X1", weight = "A", line = "x" }'
    path.write_text(f'[[area]]\nname = "a"\nfeatures = [{line}, {line}]\n')

    with pytest.raises(ValueError, match="X1 stands twice"):
        read_features(path)


def test_marks_are_found_when_in_decorators_lists_and_parameters() -> None:
    source = (
        "pytestmark = [pytest.mark.feature('A1')]\n"
        "@pytest.mark.feature('B1', 'B2')\n"
        "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.feature('C1'))])\n"
        "def test_x(x): feature('D1')\n"
    )

    assert {name for _, name in marks_in(ast.parse(source))} == {"A1", "B1", "B2", "C1"}


def test_claim_is_reported_with_its_place_when_unknown() -> None:
    known = {"A1": Feature("A1", "A", "line", "area")}

    wrong = unknown_claims(known, {"A1": ["t.py:1"], "Z9": ["t.py:2"]})

    assert wrong == ["t.py:2: no feature Z9"]
