"""List the features of tests/features.toml that no test shows.

    python tools/features.py [--weight A] [--area Session] [--counts]

A test claims a feature by @pytest.mark.feature("ID"). The marks are read from the source, so
that nothing has to be built or imported. Exit status 1 if a mark names an unknown id.
"""

from __future__ import annotations

import argparse
import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = "ABC"


@dataclass(frozen=True, slots=True)
class Feature:
    """One line of tests/features.toml."""

    id: str
    weight: str
    line: str
    area: str


def read_features(path: Path = ROOT / "tests" / "features.toml") -> dict[str, Feature]:
    """Return the features by id, in the order of the file.

    Raises:
        ValueError: an id stands twice, or a weight is none of A, B, C.
    """
    features: dict[str, Feature] = {}
    for area in tomllib.loads(path.read_text())["area"]:
        for entry in area["features"]:
            feature = Feature(**entry, area=area["name"])
            if feature.id in features or feature.weight not in WEIGHTS:
                raise ValueError(f"{path.name}: {feature.id} stands twice or has a wrong weight")
            features[feature.id] = feature
    return features


def marks_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, id) of each `….mark.feature("ID", …)`."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "feature"
            and isinstance(node.func.value, ast.Attribute)
            and node.func.value.attr == "mark"
        ):
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.lineno, argument.value


def read_claims(folder: Path = ROOT / "tests") -> dict[str, list[str]]:
    """Return feature id -> places of the tests that claim it."""
    claims: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for line, name in marks_in(ast.parse(path.read_text())):
            claims.setdefault(name, []).append(f"{path.relative_to(folder.parent)}:{line}")
    return claims


def unknown_claims(features: dict[str, Feature], claims: dict[str, list[str]]) -> list[str]:
    """Return a message per claimed id that is in no line."""
    return [
        f"{place}: no feature {name}"
        for name, places in claims.items()
        if name not in features
        for place in places
    ]


def counts(features: list[Feature], claims: dict[str, list[str]]) -> str:
    """Return 'shown/all' per weight and together, as columns of one width."""
    columns = []
    for wanted in (*WEIGHTS, WEIGHTS):
        chosen = [feature for feature in features if feature.weight in wanted]
        shown = sum(feature.id in claims for feature in chosen)
        columns.append(f"{shown:4}/{len(chosen):<4}")
    return "".join(columns)


def report(features: list[Feature], claims: dict[str, list[str]], only_counts: bool) -> None:
    """Print the counts per area, and below each the lines that no test shows."""
    areas = list(dict.fromkeys(feature.area for feature in features))
    width = max(map(len, areas), default=0) + 2
    print(f"{'':{width}}" + "".join(f"{name:^9}" for name in (*WEIGHTS, "all")).rstrip())
    for area in areas:
        inside = [feature for feature in features if feature.area == area]
        print(f"{area:{width}}{counts(inside, claims)}".rstrip())
        for feature in sorted(inside, key=lambda feature: feature.weight):
            if not only_counts and feature.id not in claims:
                print(f"    {feature.weight}  {feature.id:9}  {feature.line}")
    print(f"{'all':{width}}{counts(features, claims)}".rstrip())


def main() -> int:
    """Print what the arguments ask for."""
    parser = argparse.ArgumentParser(description="List the features that no test shows.")
    parser.add_argument("--weight", choices=WEIGHTS, help="only this weight")
    parser.add_argument("--area", default="", help="only areas with this in their name")
    parser.add_argument("--counts", action="store_true", help="no lines, only how many")
    options = parser.parse_args()
    features, claims = read_features(), read_claims()
    chosen = [
        feature
        for feature in features.values()
        if options.weight in (None, feature.weight)
        and options.area.lower() in feature.area.lower()
    ]
    report(chosen, claims, options.counts)
    wrong = unknown_claims(features, claims)
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
