"""The stage on which the golden flush cases run: models of one case, a session, a log of statements.

A case is a function of a `Kit`. The same source runs under the reference library, which writes
tests/golden/flushes.json, and under pyorm. What the two send is told in one form: verb, table, columns and
parameters, never the text; what one library sends as many statements and the other as one is the same
entry, because neighbours of the same form are joined.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

Case = Callable[["Kit"], None]
CASES: dict[str, Case] = {}
WRITES = ("INSERT", "UPDATE", "DELETE")

_NAME = r'"?(\w+)"?'
_INSERT = re.compile(rf"INSERT INTO {_NAME}(?: \(([^)]*)\)| DEFAULT VALUES)?", re.S)
_UPDATE = re.compile(rf"UPDATE {_NAME} SET (.*?) WHERE (.*?)(?: RETURNING .*)?$", re.S)
_DELETE = re.compile(rf"DELETE FROM {_NAME} WHERE (.*)$", re.S)
_FROM = re.compile(r"\bFROM (.*?)(?: WHERE | ORDER BY | LIMIT |$)", re.S)
_COLUMN = re.compile(r'"?(\w+)"?\s*=(?!\s*ANY)')
_ANY = re.compile(r'"?(\w+)"? = ANY')
_CYCLE = re.compile(r"_(?:SaveUpdate|Delete)State\(<\w+ at 0x>\)|_ProcessState\(.*?delete=\w+\)")
_ADDRESS = re.compile(r"0x[0-9a-f]+")


def case(function: Case) -> Case:
    """Register a case under its function's name."""
    assert function.__name__ not in CASES, function.__name__
    CASES[function.__name__] = function
    return function


class Kit:
    """One case: a fresh declarative base, an engine that is listened to, a session.

    Args:
        library: import name of the library, `pyorm` or the reference's.
        url: an empty database.
        options: keyword arguments of `create_engine`.
    """

    def __init__(self, library: str, url: str, **options: Any) -> None:
        self.sa = import_module(library)
        self.orm = import_module(library + ".orm")
        self.exc = import_module(library + ".exc")
        self.orm_exc = import_module(library + ".orm.exc")
        self.is_lite = url.startswith("sqlite")
        if self.is_lite:
            options["poolclass"] = self.sa.StaticPool
        self.engine = self.sa.create_engine(url, **options)
        self.Base = self.orm.declarative_base()
        self.log: list[Any] = []
        self.listening = False
        self.session: Any = None
        self.sa.event.listen(self.engine, "before_cursor_execute", self._heard)

    # --- what a case calls -----------------------------------------------------------------

    def model(self, title: str, /, base: Any = None, **members: Any) -> Any:
        """Map a class `title` to a table of the same name in small letters, with an integer key `id`."""
        members.setdefault("__tablename__", title.lower())
        if "id" not in members and base is None and not members.pop("keyless", False):
            members = {"id": self.sa.Column(self.sa.Integer, primary_key=True), **members}
        members["__repr__"] = _short
        return type(title, (base or self.Base,), members)

    def text(self, **options: Any) -> Any:
        """Return a column of strings."""
        return self.sa.Column(self.sa.String(20), **options)

    def number(self, **options: Any) -> Any:
        """Return a column of integers."""
        return self.sa.Column(self.sa.Integer, **options)

    def key(self, target: str, kind: Any = None, **options: Any) -> Any:
        """Return a column with a foreign key; `ondelete`, `onupdate`, `use_alter`, `name` go to it."""
        own = {
            k: options.pop(k)
            for k in ("ondelete", "onupdate", "use_alter", "name", "deferrable", "initially")
            if k in options
        }
        return self.sa.Column(kind or self.sa.Integer, self.sa.ForeignKey(target, **own), **options)

    def link(self, left: str, right: str, *more: Any) -> Any:
        """Return a secondary table between two tables, plus more columns."""
        sa = self.sa
        return sa.Table(
            f"{left}_{right}",
            self.Base.metadata,
            sa.Column(f"{left}_id", sa.ForeignKey(f"{left}.id"), primary_key=True),
            sa.Column(f"{right}_id", sa.ForeignKey(f"{right}.id"), primary_key=True),
            *more,
        )

    def start(self, *objects: Any, keys: bool = True, **options: Any) -> Any:
        """Make the tables, commit some objects, answer a new session that is listened to.

        Args:
            objects: are committed before anything is noted; they stay in the session.
            keys: whether SQLite checks foreign keys.
            options: of the session.
        """
        self.Base.metadata.create_all(self.engine)
        self.session = self.orm.Session(self.engine, **{"expire_on_commit": False, **options})
        if self.is_lite and keys:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        self.session.add_all(objects)
        self.session.commit()
        self.listening = True
        return self.session

    def fresh(self, **options: Any) -> Any:
        """Answer another session, in which nothing is loaded."""
        self.session.close()
        self.session = self.orm.Session(self.engine, **{"expire_on_commit": False, **options})
        return self.session

    def note(self, *words: Any) -> None:
        """Put a line of the case's own into the log."""
        self.log.append(["note", *[_plain(w) for w in words]])

    def flush(self) -> None:
        """Flush, noting warnings and the error."""
        with self.watch("flush"):
            self.session.flush()

    def commit(self) -> None:
        """Commit, noting warnings and the error."""
        with self.watch("commit"):
            self.session.commit()

    @contextmanager
    def watch(self, what: str) -> Iterator[None]:
        """Note warnings and the error of a block."""
        self.note(what)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                yield
            except (self.exc.SQLAlchemyError, AssertionError) as error:
                self.log.append(["error", self.kind(error), _text(error)])
        for warning in caught:
            self.log.append(["warning", warning.category.__name__, _text(warning.message)])

    def kind(self, error: BaseException) -> str:
        """Return the name of an error's class; of a database's error, the one that DBAPI knows."""
        kinds = (self.exc.IntegrityError, self.exc.DataError, self.exc.OperationalError)
        return next((k.__name__ for k in kinds if isinstance(error, k)), type(error).__name__)

    def finish(self) -> list[Any]:
        """Commit what can be committed: answer the log, with the rows of all tables at the end."""
        self.listening = False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self.session.commit()
            except self.exc.SQLAlchemyError:
                self.session.rollback()
        self.session.close()
        with self.engine.connect() as connection:
            for table in sorted(self.Base.metadata.tables.values(), key=lambda t: t.name):
                found = connection.execute(self.sa.select(table)).all()
                rows = sorted(([_plain(v) for v in row] for row in found), key=repr)
                self.log.append(["rows", table.name, rows])
        return settle(join(self.log), self._related(), self._unmapped())

    def _related(self) -> set[tuple[str, str]]:
        """Return pairs of tables whose writes have an order."""
        tables = self.Base.metadata.tables.values()
        pairs = {(t.name, f.column.table.name) for t in tables for f in t.foreign_keys}
        return pairs | {(b, a) for a, b in pairs} | {(t.name, t.name) for t in tables}

    def _unmapped(self) -> set[str]:
        """Return the secondary tables: the order of rows of one statement there is nobody's promise."""
        mapped = {m.local_table.name for m in self.Base.registry.mappers}
        return {t.name for t in self.Base.metadata.tables.values()} - mapped

    def close(self) -> None:
        """Leave an empty database behind."""
        self.listening = False
        if self.session is not None:
            self.session.close()
        if not self.is_lite:
            self.Base.metadata.drop_all(self.engine)
        self.engine.dispose()

    # --- what the engine tells -------------------------------------------------------------

    def _heard(self, _c: Any, _k: Any, text: str, parameters: Any, _x: Any, many: bool) -> None:
        if self.listening and text.split(" ", 1)[0] in ("INSERT", "UPDATE", "DELETE", "SELECT"):
            sets = parameters if many or isinstance(parameters, list) else [parameters]
            self.log.append(statement(" ".join(text.split()), list(sets)))


def statement(text: str, sets: list[Any]) -> list[Any]:
    """Tell a statement: verb, table, columns, one list of parameters per row."""
    names = re.findall(r"%\((\w+)\)s", text)
    rows = [
        [_plain(v) for v in ([s[n] for n in names] if isinstance(s, dict) else s or ())] for s in sets
    ]
    verb = text.split(" ", 1)[0]
    if verb == "SELECT":
        found = _FROM.search(text)  # parameters of an array, as well as single ones
        rows = [[v[0] if isinstance(v, list) and len(v) == 1 else v for v in row] for row in rows]
        return [verb, sorted(re.findall(r"\w+", found[1] if found else ""))[:1], rows]
    if verb == "INSERT":
        match = _INSERT.match(text)
        assert match, text
        columns = [c.strip(' "') for c in (match[2] or "").split(",") if c.strip()]
        return [verb, match[1], columns, rows]
    if verb == "UPDATE":
        match = _UPDATE.match(text)
        assert match, text
        columns = [c for part in _commas(match[2]) for c in _COLUMN.findall(part)[:1]]
        return [verb, match[1], columns, _COLUMN.findall(match[3]), rows]
    match = _DELETE.match(text)
    assert match, text
    return [verb, match[1], _COLUMN.findall(match[2]) or _ANY.findall(match[2]), rows]


def join(log: list[Any]) -> list[Any]:
    """Join neighbours that are the same write of other rows."""
    told: list[Any] = []
    for entry in log:
        if entry[0] in WRITES and told and told[-1][:-1] == entry[:-1]:
            told[-1] = [*entry[:-1], told[-1][-1] + entry[-1]]
        else:
            told.append(entry)
    return told


def settle(log: list[Any], related: set[tuple[str, str]], unmapped: set[str]) -> list[Any]:
    """Bring what has no order into one: neighbours on tables that do not refer to each other."""
    for entry in log:
        if entry[0] == "DELETE" and entry[1] in unmapped:  # either side of the relationship
            places = sorted(range(len(entry[2])), key=entry[2].__getitem__)
            entry[2] = [entry[2][i] for i in places]
            entry[3] = [[row[i] for i in places] for row in entry[3]]
    log = join(log)
    for entry in log:
        if entry[0] in WRITES and entry[1] in unmapped:
            entry[-1] = sorted(entry[-1], key=repr)
    again = True
    while again:
        again = False
        for i in range(len(log) - 1):
            a, b = log[i], log[i + 1]
            writes = a[0] in WRITES and b[0] in WRITES
            if writes and a[1] > b[1] and (a[1], b[1]) not in related:
                log[i], log[i + 1] = b, a
                again = True
    return join(log)


def _commas(text: str) -> list[str]:
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _plain(value: Any) -> Any:
    """Return what JSON keeps of a value."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        items = [_plain(v) for v in value]
        return sorted(items, key=repr) if isinstance(value, set | frozenset) else items
    return repr(value)


def _text(error: Any) -> str:
    """Return an error's or warning's own words, without addresses, sessions' numbers and statement."""
    if hasattr(error, "orig") and error.orig is not None:
        return "of the database"
    words = _ADDRESS.sub("0x", str(error).split("\n[SQL", 1)[0].split("\n(Background", 1)[0])
    words = re.sub(r" \(Background on .*", "", words, flags=re.S)
    if words.startswith("Circular dependency"):
        parts = sorted(set(_CYCLE.findall(words)))
        words = f"{words.split(' (', 1)[0]} ({', '.join(parts)})"
    return words



def _short(self: Any) -> str:
    return f"<{type(self).__name__}>"
