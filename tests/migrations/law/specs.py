"""Random models as plain data, random edits of them, and the MetaData of each.

A model is a dict of plain values, so that an edit is a copy with a change. Whatever it contains is valid on the
database it is made for. `Maker.counts` says how often each kind of fact and edit was made.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pyorm as sa
from pyorm.dialects import postgresql

Spec = dict[str, Any]

TYPES: dict[str, Callable[[], Any]] = {
    "integer": sa.Integer, "bigint": sa.BigInteger, "varchar5": lambda: sa.String(5), "varchar9": lambda: sa.String(9),
    "text": sa.Text, "numeric": lambda: sa.Numeric(10, 2), "numeric3": lambda: sa.Numeric(12, 3), "date": sa.Date,
    "timestamp": sa.DateTime, "timestamptz": lambda: sa.DateTime(timezone=True), "boolean": sa.Boolean,
    "float": sa.Float, "uuid": sa.Uuid, "json": sa.JSON,
    "checked boolean": lambda: sa.Boolean(create_constraint=True),
    "checked enum": lambda: sa.Enum("a", "b", native_enum=False, length=5, create_constraint=True),
}  # fmt: skip
POSTGRESQL_TYPES: dict[str, Callable[[], Any]] = {
    "array": lambda: postgresql.ARRAY(sa.Integer), "jsonb": postgresql.JSONB, "inet": postgresql.INET,
    "collated": lambda: sa.String(5, collation="C"), "timestamp2": lambda: postgresql.TIMESTAMP(precision=2),
    "range": postgresql.INT4RANGE, "interval3": lambda: postgresql.INTERVAL(precision=3), "enum": lambda: None,
}  # fmt: skip
DEFAULTS: dict[str, list[Any]] = {
    "integer": ["0", sa.text("1 + 1"), sa.text("-5")], "bigint": ["7", sa.text("2 * 3")], "varchar9": ["abc"],
    "varchar5": ["a", "it's", sa.text("'x' || 'y'")], "text": ["x"], "numeric": ["1.5", sa.text("1.50")],
    "timestamp": [sa.func.now(), sa.text("CURRENT_TIMESTAMP")], "timestamptz": [sa.func.now()],
    "boolean": [sa.true(), sa.false()], "float": ["1.5"], "enum": ["a", "b"], "date": ["2020-01-01"],
    "array": ["{}"], "jsonb": ["{}"],
}  # fmt: skip
NUMBERS = {"integer", "bigint", "numeric", "numeric3", "float"}
STRINGS = {"varchar5", "varchar9", "text", "collated"}
INDEXES = ("plain", "descending", "expression", "partial", "unique")
POSTGRESQL_INDEXES = ("include", "storage", "hash", "operator class", "nulls not distinct")
EDITS = (
    "add table", "drop table", "add column", "drop column", "alter column", "alter column", "alter column", "add part",
    "add part", "drop part", "drop part", "primary key", "table comment", "sequence", "enum", "generated",
)  # fmt: skip


class Maker:
    """Makes models and edits for one database.

    Args:
        random: where chance comes from.
        is_pg: whether PostgreSQL's own things may occur.
        counts: how often each fact occurred, added to.
    """

    def __init__(self, random: Random, is_pg: bool, counts: Counter[str]) -> None:
        self.random, self.is_pg, self.counts = random, is_pg, counts
        self.types = {**TYPES, **(POSTGRESQL_TYPES if is_pg else {})}

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    # ---- whole models ------------------------------------------------------------------------------------------
    def model(self) -> Spec:
        names = [f"t{n}" for n in range(self.random.randint(1, 4))]
        sequences = {f"s{n}": self._sequence() for n in range(self.random.randint(0, 2))} if self.is_pg else {}
        return self._valid(
            {"tables": {n: self._table(names) for n in names}, "sequences": sequences, "labels": ["a", "b"]}
        )

    def _sequence(self) -> Spec:
        choose = self.random.choice
        options = {"increment": choose([None, 2]), "cache": choose([None, 5]), "cycle": choose([None, True])}
        self.counts["sequence"] += 1
        return {name: value for name, value in options.items() if value is not None}

    def _table(self, names: list[str]) -> Spec:
        choose = self.random.choice
        keys = ["id", "id", "two", "identity", "none"] if self.is_pg else ["id", "id", "two"]
        table: Spec = {
            "schema": "app" if self.is_pg and self.chance(0.2) else None, "key": choose(keys), "columns": {},
            "uniques": {}, "checks": {}, "indexes": {}, "foreign_keys": {}, "excludes": {},
            "comment": choose([None, "note"]) if self.is_pg else None,
        }  # fmt: skip
        for _ in range(self.random.randint(1, 4)):
            table["columns"][f"c{self.random.randint(0, 9)}"] = self._column()
        for _ in range(self.random.randint(0, 4)):
            self._add_part(table, names)
        self.counts["table"] += 1
        self.counts["schema"] += table["schema"] is not None
        self.counts[f"key {table['key']}"] += 1
        self.counts["table comment"] += table["comment"] is not None
        return table

    def _column(self) -> Spec:
        choose = self.random.choice
        kind = choose(list(self.types))
        column = {
            "type": kind, "nullable": self.chance(0.7),
            "default": choose(DEFAULTS[kind]) if kind in DEFAULTS and self.chance(0.4) else None,
            "comment": choose([None, None, "it's"]) if self.is_pg else None,
        }  # fmt: skip
        self.counts[f"type {kind}"] += 1
        for fact in ("default", "comment"):
            self.counts[f"column {fact}"] += column[fact] is not None
        self.counts["not null"] += not column["nullable"]
        return column

    # ---- parts of tables ---------------------------------------------------------------------------------------
    def _add_part(self, table: Spec, names: list[str]) -> None:
        parts = [self._add_unique, self._add_check, self._add_index, self._add_index, self._add_generated]
        parts.append(lambda t: self._add_foreign_key(t, names))
        if self.is_pg:
            parts.append(self._add_exclude)
        self.random.choice(parts)(table)

    def _some(self, table: Spec) -> list[str]:
        """Return one or two columns that can be indexed."""
        fit = [name for name, column in table["columns"].items() if column["type"] != "json"]
        return self.random.sample(fit, min(len(fit), self.random.choice([1, 1, 2])))

    def _name(self, prefix: str) -> str:
        return f"{prefix}_{self.random.randint(0, 10**6)}"

    def _add_unique(self, table: Spec) -> None:
        columns = self._some(table)
        if not columns or any(other["columns"] == columns for other in table["uniques"].values()):
            return  # CREATE TABLE makes one constraint of two that are the same
        facts = ("include", "nulls not distinct", "deferrable")
        unique = {"columns": columns, "named": self.chance(0.6)}
        unique.update({fact: self.is_pg and self.chance(0.25) for fact in facts})
        table["uniques"][self._name("uq")] = unique
        self.counts["unique named" if unique["named"] else "unique unnamed"] += 1
        for fact in facts:
            self.counts[f"unique {fact}"] += unique[fact]

    def _add_check(self, table: Spec) -> None:
        column = self.random.choice(list(table["columns"]))
        kind = table["columns"][column]["type"]
        texts = [f"{column} IS NOT NULL"]
        if kind in NUMBERS:
            texts = [f"{column} > 0", f"{column} BETWEEN 1 AND 5", f"({column}>1 OR {column}<-1)", f"{column} IN (1,2)"]
        elif kind in STRINGS:
            texts = [f"{column} <> ''", f"{column} IN ('a', 'b')", f"length({column}) > 2", f"{column} LIKE 'a%'"]
        named = self.chance(0.6)
        table["checks"][self._name("ck")] = {"columns": [column], "text": self.random.choice(texts), "named": named}
        self.counts["check named" if named else "check unnamed"] += 1

    def _add_index(self, table: Spec) -> None:
        kind = self.random.choice([*INDEXES, *(POSTGRESQL_INDEXES if self.is_pg else ())])
        columns = self._some(table)
        if kind in ("expression", "operator class"):
            columns = [name for name, column in table["columns"].items() if column["type"] in STRINGS][:1]
            if not columns:
                columns = [f"x{self.random.randint(0, 9)}"]
                table["columns"][columns[0]] = {"type": "text", "nullable": True, "default": None, "comment": None}
        if not columns:
            return
        if kind == "hash":
            columns = columns[:1]
        table["indexes"][self._name("ix")] = {"columns": columns, "kind": kind}
        self.counts[f"index {kind}"] += 1

    def _add_foreign_key(self, table: Spec, names: list[str]) -> None:
        columns = [n for n, c in table["columns"].items() if c["type"] == "integer" and "text" not in c]
        if not columns:
            columns = [f"r{self.random.randint(0, 9)}"]
            table["columns"][columns[0]] = {"type": "integer", "nullable": True, "default": None, "comment": None}
        choose = self.random.choice
        key = {
            "columns": [choose(columns)], "to": choose(names), "named": self.chance(0.6),
            "ondelete": choose([None, "CASCADE", "SET NULL"]), "onupdate": choose([None, "CASCADE"]),
            "deferrable": choose([None, True]),
        }  # fmt: skip
        table["foreign_keys"][self._name("fk")] = key

    def _add_generated(self, table: Spec) -> None:
        columns = [n for n, c in table["columns"].items() if c["type"] in ("integer", "bigint") and "text" not in c]
        if columns:
            base = self.random.choice(columns)
            table["columns"][f"g{self.random.randint(0, 9)}"] = {
                "type": "integer", "base": base, "text": f"{base} * {self.random.randint(2, 9)}"
            }  # fmt: skip
            self.counts["generated"] += 1

    def _add_exclude(self, table: Spec) -> None:
        columns = [name for name, column in table["columns"].items() if column["type"] == "range"]
        if not columns:
            name = f"c{self.random.randint(0, 9)}"
            if name in table["columns"]:
                return
            table["columns"][name] = {"type": "range", "nullable": True, "default": None, "comment": None}
            columns = [name]
        where = self.random.choice([None, f"{columns[0]} IS NOT NULL"])
        table["excludes"][self._name("ex")] = {"columns": columns[:1], "where": where}
        self.counts["exclude"] += 1

    # ---- edits -------------------------------------------------------------------------------------------------
    def edit(self, spec: Spec) -> Spec:
        """Return a model that differs in one to four things."""
        spec = copy.deepcopy(spec)
        for _ in range(self.random.randint(1, 4)):
            kind = self.random.choice(EDITS)
            if not spec["tables"]:
                kind = "add table"
            name = self.random.choice([*spec["tables"], f"t{self.random.randint(0, 9)}"])
            self._edits[kind](self, spec, name)
            self.counts[f"edit: {kind}"] += 1
        return self._valid(spec)

    def _valid(self, spec: Spec) -> Spec:
        """Return the model without foreign keys that lead nowhere; those that stay are counted."""
        tables = spec["tables"]
        for name, table in tables.items():
            kept = {
                n: k for n, k in table["foreign_keys"].items()
                if k["to"] in tables and tables[k["to"]]["key"] in ("id", "identity")
            }  # fmt: skip
            table["foreign_keys"] = kept
            for key in kept.values():
                self.counts["foreign key to itself" if key["to"] == name else "foreign key"] += 1
                for fact in ("ondelete", "onupdate", "deferrable"):
                    self.counts[f"foreign key {fact}"] += key[fact] is not None
        return spec

    def _existing(self, spec: Spec, name: str) -> Spec:
        tables: dict[str, Spec] = spec["tables"]
        return tables.get(name) or tables[self.random.choice(list(tables))]

    def _add_table(self, spec: Spec, name: str) -> None:
        spec["tables"].setdefault(name, self._table([*spec["tables"], name]))

    def _drop_table(self, spec: Spec, name: str) -> None:
        spec["tables"].pop(name, None)

    def _add_column(self, spec: Spec, name: str) -> None:
        self._existing(spec, name)["columns"].setdefault(f"c{self.random.randint(0, 9)}", self._column())

    def _drop_column(self, spec: Spec, name: str) -> None:
        table = self._existing(spec, name)
        if len(table["columns"]) > 1:
            self._forget(table, self.random.choice(list(table["columns"])))

    def _forget(self, table: Spec, column: str) -> None:
        del table["columns"][column]
        for kind in ("uniques", "checks", "indexes", "foreign_keys", "excludes"):
            table[kind] = {n: part for n, part in table[kind].items() if column not in part["columns"]}
        for other in [n for n, c in table["columns"].items() if c.get("base") == column]:
            self._forget(table, other)

    def _alter_column(self, spec: Spec, name: str) -> None:
        table = self._existing(spec, name)
        name = self.random.choice(list(table["columns"]))
        column = table["columns"][name]
        if "text" in column:
            column["text"] = f"{column['base']} * {self.random.randint(2, 9)}"
            return
        what = self.random.choice(["type", "nullable", "default", "comment"])
        if what == "nullable":
            column["nullable"] = not column["nullable"]
        elif what == "default":
            choices = DEFAULTS.get(column["type"], [])
            column["default"] = self.random.choice([None, *choices])
        elif what == "comment" and self.is_pg:
            column["comment"] = self.random.choice([None, "other"])
        elif what == "type":
            kinds = ("uniques", "checks", "indexes", "foreign_keys", "excludes")
            if any(name in part["columns"] for kind in kinds for part in table[kind].values()):
                return
            table["columns"][name] = self._column()
            if any(c.get("base") == name for c in table["columns"].values()):
                table["columns"][name].update(type=self.random.choice(["integer", "bigint"]), default=None)

    def _edit_part(self, spec: Spec, name: str) -> None:
        self._add_part(self._existing(spec, name), list(spec["tables"]))

    def _drop_part(self, spec: Spec, name: str) -> None:
        table = self._existing(spec, name)
        kinds = [k for k in ("uniques", "checks", "indexes", "foreign_keys", "excludes") if table[k]]
        if kinds:
            kind = self.random.choice(kinds)
            table[kind].pop(self.random.choice(list(table[kind])))

    def _primary_key(self, spec: Spec, name: str) -> None:
        table = self._existing(spec, name)
        named = next(n for n, t in spec["tables"].items() if t is table)
        if not any(k["to"] == named for t in spec["tables"].values() for k in t["foreign_keys"].values()):
            table["key"] = self.random.choice(["id", "two", "identity"] if self.is_pg else ["id", "two"])

    def _table_comment(self, spec: Spec, name: str) -> None:
        if self.is_pg:
            self._existing(spec, name)["comment"] = self.random.choice([None, "x", "y"])

    def _edit_sequence(self, spec: Spec, name: str) -> None:
        sequences = spec["sequences"]
        if self.is_pg and sequences and self.chance(0.4):
            sequences.pop(self.random.choice(list(sequences)))
        elif self.is_pg:
            sequences[f"s{self.random.randint(0, 3)}"] = self._sequence()

    def _enum(self, spec: Spec, name: str) -> None:
        labels = spec["labels"]
        if len(labels) > 2 and self.chance(0.4):
            labels.remove(self.random.choice([label for label in labels if label not in "ab"]))
        else:
            labels.insert(self.random.randint(0, len(labels)), f"v{len(labels)}_{self.random.randint(0, 99)}")

    def _generated(self, spec: Spec, name: str) -> None:
        self._add_generated(self._existing(spec, name))

    _edits: dict[str, Callable[[Any, Spec, str], None]] = {
        "add table": _add_table, "drop table": _drop_table, "add column": _add_column, "drop column": _drop_column,
        "alter column": _alter_column, "add part": _edit_part, "drop part": _drop_part, "primary key": _primary_key,
        "table comment": _table_comment, "sequence": _edit_sequence, "enum": _enum, "generated": _generated,
    }  # fmt: skip
