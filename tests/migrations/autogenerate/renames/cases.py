"""Labelled cases as facts: no database takes part.

The text files say what was renamed; the line above a case says what it is about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pyorm.migrations.autogenerate.facts import (
    CheckFacts,
    ColumnFacts,
    DatabaseFacts,
    EnumFacts,
    ForeignKeyFacts,
    IndexFacts,
    KeyFacts,
    TableFacts,
    TableKey,
)
from pyorm.migrations.autogenerate.objects import Objects
from pyorm.migrations.autogenerate.order import Plan

TYPES = {
    "int": "integer", "big": "bigint", "bool": "boolean", "ts": "timestamp without time zone",
    "tstz": "timestamp with time zone", "num": "numeric(10,2)", "double": "double precision",
}  # fmt: skip


@dataclass
class Case:
    """What was, what is, and which pairs (old, new) of full names are renames."""

    about: str
    before: dict[TableKey, TableFacts] = field(default_factory=dict)
    after: dict[TableKey, TableFacts] = field(default_factory=dict)
    old_enums: dict[str, tuple[str, ...]] = field(default_factory=dict)
    new_enums: dict[str, tuple[str, ...]] = field(default_factory=dict)
    renames: set[tuple[str, str]] = field(default_factory=set)


def read_cases(*files: str) -> list[Case]:
    """Return the cases of text files, in order."""
    found: list[Case] = []
    for name in files:
        for paragraph in (Path(__file__).parent / f"{name}.txt").read_text().split("\n\n"):
            lines = paragraph.strip().splitlines()
            if any(not line.startswith("#") for line in lines):
                found.append(_case(lines))
    return found


def _case(lines: list[str]) -> Case:
    case = Case(lines[0].removeprefix("# "))
    for line in lines[1:]:
        mark, _, text = line.partition(" ")
        if mark == "=":
            old, new = text.split(" > ")
            case.renames.add((old, new))
            continue
        name, _, body = text.partition(": ")
        sides = {"-": "-", "+": "+", "*": "-+"}[mark]
        if name.startswith("enum "):
            values = tuple(body.split(", "))
            for side in sides:
                (case.old_enums if side == "-" else case.new_enums)[name[5:]] = values
            continue
        table = _table(name, body)
        for side in sides:
            (case.before if side == "-" else case.after)[table.key] = table
    return case


def _split(text: str) -> list[str]:
    return [part.strip() for part in re.split(r",\s*(?![^()]*\))", text) if part.strip()]


def _table(name: str, body: str) -> TableFacts:
    columns_text, _, rest = body.partition(" | ")
    columns: dict[str, ColumnFacts] = {}
    primary: list[str] = []
    uniques: list[KeyFacts] = []
    indexes: list[IndexFacts] = []
    keys: list[ForeignKeyFacts] = []
    checks: list[CheckFacts] = []
    for text in _split(columns_text):
        match = re.match(r"(\w+) (\S+)\s*(.*)", text)
        assert match is not None, text
        column, kind, flags = match.groups()
        given = dict(re.findall(r"\b([dc])\(((?:[^()]|\(\))*)\)", flags))
        words = re.sub(r"\b[dc]\((?:[^()]|\(\))*\)", "", flags).split()
        assert all(word in ("pk", "!", "u", "i") or word[0] == ">" for word in words), text
        made = re.sub(r"^s(\d+)$", r"character varying(\1)", TYPES.get(kind, kind))
        columns[column] = ColumnFacts(
            column, made, "!" not in words and "pk" not in words, given.get("d"), given.get("c")
        )
        primary += [column] if "pk" in words else []
        uniques += [KeyFacts("u", None, (column,))] if "u" in words else []
        indexes += [IndexFacts(f"ix_{name}_{column}", False, (column,))] if "i" in words else []
        keys += [ForeignKeyFacts(None, (column,), None, w[1:], ("id",)) for w in words if w[0] == ">"]
    for text in _split(rest):
        what, inside = re.fullmatch(r"(\w+)\((.*)\)", text).groups()  # type: ignore[union-attr]
        names = tuple(_split(inside))
        uniques += [KeyFacts("u", None, names)] if what == "unique" else []
        indexes += [IndexFacts("ix_" + "_".join(names), False, names)] if what == "index" else []
        checks += [CheckFacts(None, inside)] if what == "check" else []
    key = KeyFacts("p", None, tuple(primary)) if primary else None
    return TableFacts(None, name, columns, key, tuple(uniques), tuple(keys), tuple(checks), (), tuple(indexes))


class FactsRun:
    """What a comparison is to `apply_renames()`: both sides, the options, the plan."""

    def __init__(self, case: Case, **opts: Any) -> None:
        self.opts = opts
        self.is_pg = True
        self.connection: Any = None
        self.context = SimpleNamespace(migration_context=None, possible_renames=[])
        self.plan = Plan(merges=False)
        self.value_renames: dict[TableKey, dict[str, str]] = {}
        declared = {key: _declared(table) for key, table in case.after.items()}
        self.declared = DatabaseFacts("postgresql", "public", declared, enums=_enums(case.new_enums))
        self.found = DatabaseFacts("postgresql", "public", case.before, enums=_enums(case.old_enums))
        self.objects = Objects(self.found, None)

    def accepts(self, *_: Any) -> bool:
        """No hook refuses anything."""
        return True

    accepts_name = wants = accepts


def _declared(table: TableFacts) -> TableFacts:
    columns = {
        c.name: replace(c, source=SimpleNamespace(name=c.name, key=c.name, info={})) for c in table.columns.values()
    }
    source = SimpleNamespace(name=table.name, schema=None, info={})
    return replace(table, columns=columns, source=source)


def _enums(values: dict[str, tuple[str, ...]]) -> dict[TableKey, EnumFacts]:
    return {(None, name): EnumFacts(None, name, labels) for name, labels in values.items()}
