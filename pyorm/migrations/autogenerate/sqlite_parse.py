"""CREATE TABLE and CREATE INDEX as SQLite keeps them (sqlite_schema.sql), taken apart.

PRAGMAs know neither names of constraints nor checks, collations and timing of foreign keys; the text has them all.
Source: SQLite, CREATE TABLE; CREATE INDEX.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pyorm.migrations.autogenerate import sqltext
from pyorm.migrations.autogenerate.sqltext import Token

_CONSTRAINT_WORDS = frozenset(
    "constraint primary not null unique check default collate references generated as foreign on".split()
)


@dataclass
class ParsedColumn:
    """A column's own clause."""

    name: str
    type: str = ""
    not_null: bool = False
    default: str | None = None
    collation: str | None = None
    computed: str | None = None
    stored: bool = False


@dataclass
class ParsedKey:
    """A primary key or unique constraint."""

    name: str | None
    columns: list[str]


@dataclass
class ParsedForeignKey:
    """A foreign key; `remote` is empty where the target's primary key is meant."""

    name: str | None
    columns: list[str]
    table: str
    remote: list[str]
    ondelete: str | None = None
    onupdate: str | None = None
    match: str | None = None
    deferrable: bool = False
    deferred: bool = False


@dataclass
class ParsedTable:
    """Everything a CREATE TABLE says."""

    columns: list[ParsedColumn] = field(default_factory=list)
    primary_key: ParsedKey | None = None
    autoincrement: bool = False
    uniques: list[ParsedKey] = field(default_factory=list)
    checks: list[tuple[str | None, str]] = field(default_factory=list)
    foreign_keys: list[ParsedForeignKey] = field(default_factory=list)
    strict: bool = False
    without_rowid: bool = False


def parse_table(sql: str) -> ParsedTable:
    """Take a CREATE TABLE apart.

    Raises:
        ValueError: it has no list of columns (CREATE VIRTUAL TABLE).
    """
    body, end = sqltext.inside(sql, 0)
    found = _Reader(body).table()
    tail = [t.text.upper() for t in sqltext.scan(sql[end:])]
    found.strict = "STRICT" in tail
    found.without_rowid = "ROWID" in tail
    return found


@dataclass
class ParsedIndex:
    """A CREATE INDEX."""

    unique: bool
    elements: list[str]
    where: str | None


def parse_index(sql: str) -> ParsedIndex:
    """Take a CREATE INDEX apart.

    Raises:
        ValueError: it has no list of elements.
    """
    words = list(sqltext.scan(sql))
    body, end = sqltext.inside(sql, 0)
    rest = list(sqltext.scan(sql[end:]))
    where = sql[end:][rest[0].end :].strip() if rest and rest[0].text.lower() == "where" else None
    return ParsedIndex(words[1].text.lower() == "unique", sqltext.split(body), where)


class _Reader:
    """Goes through the tokens between the outer parentheses of a CREATE TABLE."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.tokens: list[Token] = list(sqltext.scan(body))
        self.at = 0
        self.found = ParsedTable()

    def table(self) -> ParsedTable:
        while self.at < len(self.tokens):
            if self.peek(",") or not (self._table_constraint() or self._column()):
                self.at += 1
        return self.found

    # ---- tokens ------------------------------------------------------------------------------------------------
    def peek(self, *words: str) -> bool:
        """Return whether the next tokens are these words."""
        for offset, word in enumerate(words):
            if self.at + offset >= len(self.tokens):
                return False
            token = self.tokens[self.at + offset]
            if token.kind in ("name", "str") or token.text.lower() != word:
                return False
        return True

    def take(self, *words: str) -> bool:
        """Go past these words if they are next."""
        if self.peek(*words):
            self.at += len(words)
            return True
        return False

    def name(self) -> str:
        """Go past an identifier and return it; SQLite also takes strings and [brackets] for one."""
        token = self.tokens[self.at]
        self.at += 1
        if token.text == "[":
            start = token.end
            while self.tokens[self.at].text != "]":
                self.at += 1
            self.at += 1
            return self.body[start : self.tokens[self.at - 1].start].strip()
        if token.kind == "str":
            return token.text[1:-1].replace("''", "'")
        return sqltext.unquoted(token)

    def group(self) -> str:
        """Go past parentheses and return what is in them."""
        text, end = sqltext.inside(self.body, self.tokens[self.at].start)
        while self.at < len(self.tokens) and self.tokens[self.at].start < end:
            self.at += 1
        return text

    def names(self) -> list[str]:
        """Go past a list of columns in parentheses; order and collation of a key's column are left out."""
        reader = [_Reader(part) for part in sqltext.split(self.group())]
        return [each.name() for each in reader]

    def conflict(self) -> None:
        """Go past ON CONFLICT."""
        if self.take("on", "conflict"):
            self.at += 1

    # ---- constraints -------------------------------------------------------------------------------------------
    def _table_constraint(self) -> bool:
        start = self.at
        name = self.name() if self.take("constraint") else None
        if self.take("primary", "key"):
            self.found.primary_key = ParsedKey(name, self.names())
            self.conflict()
        elif self.peek("unique", "("):
            self.at += 1
            self.found.uniques.append(ParsedKey(name, self.names()))
            self.conflict()
        elif self.peek("check", "("):
            self.at += 1
            self.found.checks.append((name, self.group()))
            self.conflict()
        elif self.take("foreign", "key"):
            self._references(name, self.names())
        else:
            self.at = start
            return False
        return True

    def _references(self, name: str | None, columns: list[str]) -> None:
        self.take("references")
        key = ParsedForeignKey(name, columns, self.name(), self.names() if self.peek("(") else [])
        while True:
            if self.take("on", "delete"):
                key.ondelete = self._action()
            elif self.take("on", "update"):
                key.onupdate = self._action()
            elif self.take("match"):
                key.match = self.name().upper()
            else:
                break
        if self.take("not", "deferrable"):
            self._initially()
        elif self.take("deferrable"):
            key.deferrable = True
            key.deferred = self._initially()
        self.found.foreign_keys.append(key)

    def _action(self) -> str | None:
        words = [self.name().upper()]
        if words[0] in ("SET", "NO"):
            words.append(self.name().upper())
        action = " ".join(words)
        return None if action == "NO ACTION" else action

    def _initially(self) -> bool:
        return self.name().upper() == "DEFERRED" if self.take("initially") else False

    # ---- columns -----------------------------------------------------------------------------------------------
    def _column(self) -> bool:
        column = ParsedColumn(self.name())
        self.found.columns.append(column)
        column.type = self._type()
        while self.at < len(self.tokens) and not self.peek(","):
            if not self._column_constraint(column):
                self.at += 1
        return True

    def _type(self) -> str:
        start = end = None
        while self.at < len(self.tokens) and not self.peek(","):
            token = self.tokens[self.at]
            if token.kind == "word" and token.text.lower() in _CONSTRAINT_WORDS:
                break
            start = token.start if start is None else start
            if token.text == "(":
                self.group()
            else:
                self.at += 1
            end = self.tokens[self.at - 1].end
        return "" if start is None or end is None else self.body[start:end]

    def _column_constraint(self, column: ParsedColumn) -> bool:
        name = self.name() if self.take("constraint") else None
        if self.take("primary", "key"):
            _ = self.take("asc") or self.take("desc")
            self.conflict()
            self.found.autoincrement = self.take("autoincrement") or self.found.autoincrement
            self.found.primary_key = ParsedKey(name, [column.name])
        elif self.take("not", "null"):
            column.not_null = True
            self.conflict()
        elif self.take("unique"):
            self.found.uniques.append(ParsedKey(name, [column.name]))
            self.conflict()
        elif self.take("check"):
            self.found.checks.append((name, self.group()))
            self.conflict()
        elif self.take("default"):
            column.default = self._default()
        elif self.take("collate"):
            column.collation = self.name()
        elif self.peek("references"):
            self._references(name, [column.name])
        elif self.take("generated", "always", "as") or self.take("as"):
            column.computed = self.group()
            column.stored = self.take("stored")
            self.take("virtual")
        else:
            return False
        return True

    def _default(self) -> str:
        if self.peek("("):
            return self.group()
        start = self.tokens[self.at].start
        if self.tokens[self.at].text in "+-":
            self.at += 1
        self.at += 1
        return self.body[start : self.tokens[self.at - 1].end]


def sqlite_rows(connection: Any, schema: str | None) -> list[Any]:
    """Return type, name, table and text of everything in a database file that has a text; one statement."""
    quoted = "main" if schema is None else '"' + schema.replace('"', '""') + '"'
    sql = f"SELECT type, name, tbl_name, sql FROM {quoted}.sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    return list(connection.exec_driver_sql(sql).all())
