"""An instance of each heap type of csrc/sql/, for tests/refcounts."""

from __future__ import annotations

import gc
from collections.abc import Callable

from pyorm import _core as core
from pyorm import types


def table() -> object:
    return core.table("t", core.column("id", types.Integer()), core.column("name", types.String()))


def column(name: str = "id", type_: object = None) -> object:
    return core.column(name, type_ or types.Integer())


def select() -> object:
    return core.select(table())


def count() -> object:
    return core.func.count(column())


class Empty:
    """Makes an instance of a base class: bare, as a program's subclass would begin."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __call__(self) -> object:
        return self.cls.__new__(self.cls)


def subclassed(name: str) -> Callable[[], object]:
    return Empty(type(f"Own{name}", (getattr(core, name),), {}))


def inside(name: str, make: Callable[[], object]) -> Callable[[], object]:
    """Return what finds an instance of a type that no function returns, in what contains it."""
    wanted = getattr(core, name)

    def find() -> object:
        seen, waiting = set(), [make()]
        while waiting:
            one = waiting.pop()
            if type(one) is wanted:
                return one
            if id(one) not in seen and not isinstance(one, type):
                seen.add(id(one))
                waiting += gc.get_referents(one)
        raise LookupError(f"no {name} in it")

    return find


def compiled() -> object:
    core.cache_reset()
    return core.compile_cached(select(), "postgresql")[0]


BASES = (
    "AliasedReturnsRows", "ClauseElement", "ColumnElement", "Executable", "FromClause", "FunctionElement",
    "SelectBase", "UpdateBase", "ValuesBase",
)
INSTANCES: dict[str, Callable[[], object]] = {
    **{name: subclassed(name) for name in BASES},
    "Alias": lambda: core.alias(table(), "a"),
    "Applied": lambda: core._apply(column() + 1, table(), core.select(table()).subquery()),
    "BinaryExpression": lambda: column() == 1,
    "BindParameter": lambda: core.bindparam("b", 7),
    "BooleanClauseList": lambda: core.and_(column("a") == 1, column("b") == 2),
    "CTE": lambda: core.cte(select(), "c"),
    "Case": lambda: core.case((column() == 1, "one"), else_="other"),
    "Cast": lambda: core.cast(column(), types.String()),
    "CollationClause": lambda: core.collate(column("n", types.String()), "C"),
    "CollectionAggregate": lambda: core.any_(core.array_literal([1, 2])),
    "ColumnClause": lambda: core.ColumnClause("x", types.Integer()),
    "ColumnCollection": lambda: core.table("t", core.column("a")).c,
    "ColumnRef": lambda: core.alias(table(), "a").c.id,
    "ClauseList": inside("ClauseList", lambda: core.select(column()).group_by(column("a"), column("b"))),
    "CompiledStatement": compiled,
    "CompoundSelect": lambda: core.union(select(), select()),
    "DMLColumn": lambda: core.from_dml_column(column()),
    "Delete": lambda: core.delete(table()),
    "Exists": lambda: core.exists(select()),
    "Extract": lambda: core.extract("year", column("d", types.Date())),
    "False_": core.false,
    "FromStatement": lambda: core.select(table()).from_statement(core.text("SELECT 1 AS id")),
    "Function": count,
    "FunctionFilter": lambda: core.funcfilter(count(), column() > 1),
    "FunctionGenerator": lambda: core.func.something,
    "ForUpdateArg": inside("ForUpdateArg", lambda: core.select(column()).with_for_update()),
    "FrameClause": inside("FrameClause", lambda: core.over(count(), rows=(1, 2))),
    "Insert": lambda: core.insert(table()),
    "Join": lambda: core.join(table(), core.table("u", column("t_id")), column() == 1),
    "LabelReference": inside("LabelReference", lambda: core.select(column()).order_by("id")),
    "Label": lambda: column().label("l"),
    "Lateral": lambda: core.lateral(select(), "l"),
    "LiteralColumn": lambda: core.literal_column("1"),
    "Null": core.null,
    "OpCall": lambda: column().op("->"),
    "Over": lambda: core.over(count(), partition_by=column()),
    "SQLCompiler": lambda: core.select(column()).compile(),
    "ScalarSelect": lambda: core.select(column()).scalar_subquery(),
    "Select": select,
    "Slice": inside("Slice", lambda: column("a", types.ARRAY(types.Integer()))[1:2]),
    "StatementSide": inside("StatementSide", lambda: core.select(column()).execution_options(x=1)),
    "Subquery": lambda: core.subquery(select(), "s"),
    "TableClause": table,
    "TableSample": lambda: core.tablesample(table(), 10),
    "TableValuedAlias": lambda: core.func.json_each("[]").table_valued("value"),
    "TableValuedColumn": lambda: core.func.json_each("[]").column_valued("v"),
    "TextClause": lambda: core.text("SELECT :x"),
    "TextualSelect": lambda: core.text("SELECT 1 AS a").columns(column("a")),
    "True_": core.true,
    "Tuple": lambda: core.tuple_(column("a"), column("b")),
    "TypeCoerce": lambda: core.type_coerce(column(), types.String()),
    "UnaryExpression": lambda: -column(),
    "Update": lambda: core.update(table()),
    "Values": lambda: core.values(column("a"), name="v").data([(1,), (2,)]),
    "WithinGroup": lambda: core.within_group(core.func.percentile_cont(0.5), column()),
    "array": lambda: core.array_literal([1, 2]),
}
UNMADE = {
    "Grouping": "stands inside rendered trees",
    "Node": "the base of what users never hold",
}
