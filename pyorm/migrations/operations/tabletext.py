"""The text of CREATE TABLE, taken apart: columns, constraints and what stands around them.

A definition that is not changed is written back as it stood.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pyorm.migrations.operations import sqltext
from pyorm.migrations.operations.sqltext import Token

_CLAUSE_STARTS = frozenset(
    "CONSTRAINT PRIMARY NOT NULL UNIQUE CHECK DEFAULT COLLATE REFERENCES GENERATED AS".split()
)
_TABLE_STARTS = {"PRIMARY": "primary", "UNIQUE": "unique", "CHECK": "check", "FOREIGN": "foreignkey"}


@dataclass(slots=True)
class Clause:
    """One constraint of a column or a table.

    Attributes:
        kind: "primary", "unique", "check", "foreignkey", "not null", "null", "default", "collate", "generated",
            "identity", and "nothing" for a name alone.
        text: the whole text, with CONSTRAINT and its name.
        name: its name; None if it has none.
        columns: of a table's key: the names of its columns.
        target: of a foreign key: the table it refers to.
        referred: of a foreign key: the columns it names there.
    """

    kind: str
    text: str
    name: str | None = None
    columns: tuple[str, ...] = ()
    target: str | None = None
    referred: tuple[str, ...] = ()

    def named(self, name: str) -> Clause:
        """Return the constraint under another name."""
        body = self.text
        if self.name is not None:
            items = sqltext.tokens(body)
            body = body[items[2].start :]
        return replace(self, text=f"CONSTRAINT {sqltext.quoted(name)} {body}", name=name)


@dataclass(slots=True)
class ColumnText:
    """One column.

    Attributes:
        name: its name.
        type_text: its type as written, "" for none.
        clauses: its constraints, in their order.
        source: the text as it stood; None once something was changed.
        name_text: the name as written.
    """

    name: str
    type_text: str
    clauses: list[Clause]
    source: str | None
    name_text: str

    def of(self, kind: str) -> Clause | None:
        """Return the first constraint of a kind, or None."""
        return next((clause for clause in self.clauses if clause.kind == kind), None)

    def put(self, kind: str, text: str | None) -> None:
        """Set or remove the one constraint of a kind."""
        at = next((i for i, clause in enumerate(self.clauses) if clause.kind == kind), None)
        self.source = None
        if at is not None:
            del self.clauses[at]
        if text is not None:
            self.clauses.insert(len(self.clauses) if at is None else at, Clause(kind, text))

    def set_type(self, text: str) -> None:
        """Set the type."""
        self.type_text, self.source = text, None

    def set_collation(self, new: str, existing: str | None) -> bool:
        """Set the collation that comes with a new type and return whether that changed something.

        Args:
            new: of the new type, "" for none.
            existing: of the type before; where neither has one, what is there stays.
        """
        present = self.of("collate")
        was = sqltext.tokens(present.text)[1].name if present is not None else ""
        new = sqltext.unquoted(new)
        if was.lower() == new.lower() or not (new or existing):
            return False
        self.put("collate", f"COLLATE {sqltext.quoted(new)}" if new else None)
        return True

    def write(self) -> str:
        """Return the text."""
        if self.source is not None:
            return self.source
        parts = [self.name_text, self.type_text, *(clause.text for clause in self.clauses)]
        return " ".join(part for part in parts if part)


@dataclass(slots=True)
class TableText:
    """A whole CREATE TABLE.

    Attributes:
        name: the table's name.
        columns: its columns.
        constraints: the constraints that stand behind the columns.
        tail: what stands behind the closing bracket: WITHOUT ROWID, STRICT.
    """

    name: str
    columns: list[ColumnText]
    constraints: list[Clause]
    tail: str = ""

    def find(self, name: str) -> ColumnText | None:
        """Return a column by its name, however it is capitalised; None if there is none."""
        lower = name.lower()
        return next((column for column in self.columns if column.name.lower() == lower), None)

    def options(self) -> set[str]:
        """Return the words behind the closing bracket, in upper case."""
        return {token.upper for token in sqltext.tokens(self.tail)}

    def clauses(self) -> list[tuple[ColumnText | None, Clause]]:
        """Return every constraint, with the column it stands in, or None."""
        found: list[tuple[ColumnText | None, Clause]] = [(c, clause) for c in self.columns for clause in c.clauses]
        return found + [(None, clause) for clause in self.constraints]

    def remove(self, column: ColumnText | None, clause: Clause) -> None:
        """Take a constraint away."""
        if column is None:
            self.constraints.remove(clause)
        else:
            column.clauses.remove(clause)
            column.source = None

    def primary_key(self) -> list[str]:
        """Return the names of the primary key's columns, in their order."""
        for column, clause in self.clauses():
            if clause.kind == "primary":
                return [column.name] if column is not None else list(clause.columns)
        return []

    def rowid_alias(self) -> ColumnText | None:
        """Return the column that is the rowid, `INTEGER PRIMARY KEY`; None if there is none."""
        key = self.primary_key()
        column = self.find(key[0]) if len(key) == 1 else None
        is_alias = column is not None and column.type_text.upper() == "INTEGER" and "WITHOUT" not in self.options()
        return column if is_alias else None

    def is_autoincrement(self) -> bool:
        """Return whether AUTOINCREMENT stands at the key: numbers are never given again."""
        column = self.rowid_alias()
        clause = None if column is None else column.of("primary")
        return clause is not None and any(token.upper == "AUTOINCREMENT" for token in sqltext.tokens(clause.text))

    def write(self, name: str) -> str:
        """Return CREATE TABLE under a name, given as SQL has it."""
        parts = [column.write() for column in self.columns] + [clause.text for clause in self.constraints]
        body = ", \n\t".join(sqltext.without_qualifier(part, self.name) for part in parts)
        return f"CREATE TABLE {name} (\n\t{body}\n){self.tail}"


def parse(sql: str) -> TableText:
    """Return a CREATE TABLE statement in its parts.

    Raises:
        ValueError: it is none, or one made from a query.
    """
    items = sqltext.tokens(sql)
    start = next((i for i, token in enumerate(items) if token.text == "("), None)
    if start is None or items[0].upper != "CREATE" or "TABLE" not in (items[1].upper, items[2].upper):
        raise ValueError(f"not the text of a table: {sql[:60]!r}")
    if items[1].upper == "VIRTUAL":
        raise ValueError("it is a virtual table, whose module alone knows what it is made of")
    if any(token.upper == "SELECT" for token in items[:start]):
        raise ValueError(f"not the text of a table: {sql[:60]!r}")
    end = sqltext.closing(items, start)
    table = TableText(items[start - 1].name, [], [], sql[items[end].end :])
    for part in sqltext.split_list(items[start + 1 : end]):
        word = part[0].upper if part[0].kind == "word" else ""
        if word == "CONSTRAINT" or (word in _TABLE_STARTS and not _is_column(part)):
            table.constraints += _table_constraints(sql, part)
        else:
            table.columns.append(_column(sql, part))
    return table


def _is_column(part: list[Token]) -> bool:
    """Return whether a part that begins with a word such as UNIQUE is a column of that name after all."""
    return len(part) < 2 or (part[1].text != "(" and part[1].upper != "KEY")


def _slice(sql: str, part: list[Token]) -> str:
    return sql[part[0].start : part[-1].end]


def parse_column(sql: str) -> ColumnText:
    """Return a column's definition in its parts."""
    return _column(sql, sqltext.tokens(sql))


def parse_constraint(sql: str) -> Clause:
    """Return a table constraint in its parts."""
    return _table_constraints(sql, sqltext.tokens(sql))[0]


def _column(sql: str, part: list[Token]) -> ColumnText:
    at = 1
    while at < len(part) and not (part[at].kind == "word" and part[at].upper in _CLAUSE_STARTS):
        at = sqltext.closing(part, at) + 1 if part[at].text == "(" else at + 1
    type_text = _slice(sql, part[1:at]) if at > 1 else ""
    clauses = []
    while at < len(part):
        end = _clause_end(part, at)
        clauses.append(_clause(sql, part[at:end]))
        at = end
    return ColumnText(part[0].name, type_text, clauses, _slice(sql, part), part[0].text)


def _table_constraints(sql: str, part: list[Token]) -> list[Clause]:
    """Return the constraints of one part: the comma between two may be missing."""
    found = []
    at = 0
    while at < len(part):
        end = _clause_end(part, at)
        found.append(_clause(sql, part[at:end]))
        at = end
    return found


def _clause_end(part: list[Token], at: int) -> int:
    """Return where the constraint that begins at `at` ends."""
    if part[at].upper == "CONSTRAINT":
        at += 2
    if at >= len(part):
        return at
    word = part[at].upper
    if word in ("PRIMARY", "NOT", "COLLATE"):
        at += 2
    elif word == "DEFAULT":
        return _default_end(part, at + 1)
    elif word == "FOREIGN":
        at = _brackets(part, at + 2)
    elif word == "GENERATED":
        at = next(i for i in range(at, len(part)) if part[i].upper == "AS") + 1
        at += at < len(part) and part[at].upper == "IDENTITY"
    else:
        at += 1
    if word == "REFERENCES":
        return _reference_end(part, at)
    at = _brackets(part, at)
    if word == "FOREIGN":
        return _reference_end(part, at + 1)
    while at < len(part) and part[at].upper in ("ASC", "DESC", "AUTOINCREMENT", "STORED", "VIRTUAL", "ON"):
        at += 3 if part[at].upper == "ON" else 1
    return at


def _brackets(part: list[Token], at: int) -> int:
    return sqltext.closing(part, at) + 1 if at < len(part) and part[at].text == "(" else at


def _default_end(part: list[Token], at: int) -> int:
    """Return where a DEFAULT ends: at the next clause; PostgreSQL's may be any expression without brackets."""
    at = sqltext.closing(part, at) + 1 if at < len(part) and part[at].text == "(" else at + 1
    while at < len(part) and not (part[at].kind == "word" and part[at].upper in _CLAUSE_STARTS):
        at = sqltext.closing(part, at) + 1 if part[at].text == "(" else at + 1
    return min(at, len(part))


def _reference_end(part: list[Token], at: int) -> int:
    """Return where REFERENCES ends; `at` is the table's name."""
    at = _brackets(part, at + 1)
    while at < len(part):
        word = part[at].upper
        if word == "ON":
            at += 4 if part[at + 2].upper in ("SET", "NO") else 3
        elif word == "MATCH" or (word == "NOT" and at + 1 < len(part) and part[at + 1].upper == "DEFERRABLE"):
            at += 2
        elif word == "DEFERRABLE":
            at += 1
        elif word == "INITIALLY":
            at += 2
        else:
            break
    return at


def _clause(sql: str, part: list[Token]) -> Clause:
    text, name, at = _slice(sql, part), None, 0
    if part[0].upper == "CONSTRAINT":
        name, at = (part[1].name if len(part) > 1 else ""), 2
    if at >= len(part):
        return Clause("nothing", text, name)
    word = part[at].upper
    kinds = {"NOT": "not null", "NULL": "null", "DEFAULT": "default", "COLLATE": "collate", "AS": "generated"}
    kinds |= {"GENERATED": "generated", "REFERENCES": "foreignkey", **_TABLE_STARTS}
    kind = kinds.get(word, "nothing")
    if kind == "generated" and any(token.upper == "IDENTITY" for token in part):
        kind = "identity"
    bracket = next((i for i in range(at, len(part)) if part[i].text == "("), None)
    columns: tuple[str, ...] = ()
    if kind in ("primary", "unique") or word == "FOREIGN":
        columns = _names(part, bracket)
    if kind != "foreignkey":
        return Clause(kind, text, name, columns)
    aim = next(i for i in range(at, len(part)) if part[i].upper == "REFERENCES") + 1
    has_list = aim + 1 < len(part) and part[aim + 1].text == "("
    return Clause(kind, text, name, columns, part[aim].name, _names(part, aim + 1 if has_list else None))


def _names(part: list[Token], bracket: int | None) -> tuple[str, ...]:
    """Return the first name of each element of a list in brackets."""
    if bracket is None:
        return ()
    inner = part[bracket + 1 : sqltext.closing(part, bracket)]
    return tuple(element[0].name for element in sqltext.split_list(inner))
