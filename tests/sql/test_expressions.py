"""Operators: what they build, which types come out, how values are taken."""

from __future__ import annotations

import datetime
import decimal

import pytest

from pyorm import _core as core
from pyorm import exc
from pyorm import types as T
from pyorm.sql import operators


@pytest.fixture
def t():
    return core.table(
        "t",
        core.column("i", T.Integer()),
        core.column("s", T.String()),
        core.column("n", T.Numeric()),
        core.column("f", T.Float()),
        core.column("b", T.Boolean()),
        core.column("d", T.Date()),
        core.column("dt", T.DateTime()),
        core.column("iv", T.Interval()),
        core.column("a", T.ARRAY(T.Integer())),
        core.column("j", T.JSON()),
    )


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda c: c.i + 1, T.Integer),
        (lambda c: c.i / 2, T.Numeric),
        (lambda c: c.i // 2, T.Integer),
        (lambda c: c.i + c.n, T.Numeric),
        (lambda c: c.i * c.f, T.Float),
        (lambda c: c.s + "x", T.String),
        (lambda c: "x" + c.s, T.String),
        (lambda c: c.d + c.iv, T.DateTime),
        (lambda c: c.d - c.d, T.Integer),
        (lambda c: c.dt - c.dt, T.Interval),
        (lambda c: c.dt + datetime.timedelta(1), T.DateTime),
        (lambda c: c.i == 5, T.Boolean),
        (lambda c: c.s.like("x"), T.Boolean),
        (lambda c: c.a[1], T.Integer),
        (lambda c: c.a[1:2], T.ARRAY),
        (lambda c: c.j["x"], T.JSON),
        (lambda c: -c.i, T.Integer),
        (lambda c: c.i.label("x"), T.Integer),
        (lambda c: core.cast(c.i, T.String()), T.String),
        (lambda c: core.case((c.i == 1, "x"), else_="y"), T.String),
        (lambda c: core.func.count(), T.Integer),
        (lambda c: core.func.max(c.s), T.String),
        (lambda c: core.func.coalesce(c.n, 0), T.Numeric),
        (lambda c: core.func.now(), T.DateTime),
        (lambda c: core.func.array_agg(c.i), T.ARRAY),
        (lambda c: core.func.sum(c.i).over(order_by=c.i), T.Integer),
    ],
)
def test_result_type_follows_the_operands(t, make, kind):
    assert isinstance(make(t.c).type, kind)


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("i", 5, T.Integer), ("i", "x", T.String), ("i", 1.5, T.Float), ("s", "x", T.String),
        ("n", decimal.Decimal(1), T.Numeric), ("d", datetime.date(2020, 1, 1), T.Date), ("a", [1], T.ARRAY),
    ],
)
def test_a_value_takes_the_other_sides_type_when_it_fits(t, column, value, kind):
    bind = (t.c[column] == value).right

    assert isinstance(bind, core.BindParameter)
    assert isinstance(bind.type, kind)
    assert bind.value == value


def test_none_builds_is_null(t):
    e = t.c.i == None  # noqa: E711

    assert e.operator is operators.is_
    assert isinstance(e.right, core.Null)
    assert (t.c.i != None).operator is operators.is_not  # noqa: E711


def test_constants_are_refused_when_the_operator_orders(t):
    with pytest.raises(exc.ArgumentError, match="None/True/False"):
        t.c.i < None  # noqa: B015


def test_bool_of_an_equality_tells_identity(t):
    assert not bool(t.c.i == 5)
    assert bool(t.c.i == t.c.i)
    assert bool(t.c.i != 5)
    with pytest.raises(TypeError, match="Boolean value of this clause is not defined"):
        bool(t.c.i < 5)


def test_columns_hash_by_identity(t):
    assert len({t.c.i, t.c.i, t.c.s}) == 2


def test_in_snapshots_its_list(t):
    values = [1, 2]
    e = t.c.i.in_(values)
    values.append(3)

    assert e.right.value == (1, 2)
    assert e.right.expanding


def test_in_with_expressions_becomes_a_list(t):
    e = t.c.i.in_([1, t.c.i])

    assert isinstance(e.right, core.ClauseList)
    assert len(e.right.clauses) == 2


def test_in_refuses_a_string(t):
    with pytest.raises(exc.ArgumentError, match="IN expression list"):
        t.c.s.in_("abc")


def test_not_turns_operators_around(t):
    assert (~(t.c.i == 5)).operator is operators.ne
    assert (~t.c.i.in_([1])).operator is operators.not_in_op
    assert (~t.c.s.like("x")).operator is operators.not_like_op
    assert ~~(t.c.i + 1 < 5) is not None


def test_constants_fold_in_and_or(t):
    e = t.c.i == 1

    assert core.and_(core.true(), e) is e
    assert isinstance(core.and_(core.false(), e), core.False_)
    assert isinstance(core.or_(core.true(), e), core.True_)
    assert core.or_(core.false(), e) is e


def test_autoescape_escapes_wildcards(t):
    e = t.c.s.contains("50%_/", autoescape=True)

    assert e.right.value == "50/%/_//"
    assert e.modifiers == {"escape": "/"}


def test_a_str_is_refused_as_a_criterion(t):
    with pytest.raises(exc.ArgumentError, match="text"):
        core.select(t).where("x")
    with pytest.raises(exc.ArgumentError, match="text"):
        core.select("a")


def test_clause_element_protocol_is_followed(t):
    class Wrapper:
        def __clause_element__(self):
            return t.c.i

    assert (t.c.i == Wrapper()).right is t.c.i


def test_comparator_of_a_type_is_asked(t):
    class Backwards(operators.Comparator):
        def __eq__(self, other):
            return self.expr != other

        def shout(self):
            return core.func.upper(self.expr)

        __hash__ = operators.Comparator.__hash__

    class Odd(T.UserDefinedType):
        cache_ok = True
        comparator_factory = Backwards

    column = core.column("x", Odd())

    assert (column == 5).operator is operators.ne
    assert (column < 5).operator is operators.lt
    assert column.shout().name == "upper"
    with pytest.raises(AttributeError):
        column.whisper()


def test_custom_operator_carries_text_and_type(t):
    e = t.c.j.op("->", return_type=T.Integer())("x")

    assert e.operator.opstring == "->"
    assert isinstance(e.type, T.Integer)
    assert isinstance(t.c.i.bool_op("~~")(1).type, T.Boolean)


def test_isinstance_works_for_public_names(t):
    e = t.c.i == 5

    assert isinstance(e, core.BinaryExpression)
    assert isinstance(e, core.ColumnElement)
    assert isinstance(e, core.ClauseElement)
    assert isinstance(core.select(t), core.Executable)
    assert isinstance(t.alias(), core.FromClause)
    assert isinstance(core.func.f(), core.FunctionElement)
    assert isinstance(core.and_(e, e == 6), core.BooleanClauseList)


def test_function_names_keep_packages(t):
    f = core.func.a.b.c(1)

    assert f.packagenames == ("a", "b")
    assert f.name == "c"


def test_registered_function_class_is_called():
    class tally(core.FunctionElement):
        inherit_cache = True
        name = "tally"
        type = T.Integer()

    core.register_function("tally_rows", tally)

    assert isinstance(core.func.tally_rows(core.column("x")), tally)


def test_bindparam_tells_whether_a_value_is_required():
    assert core.bindparam("x").required
    assert not core.bindparam("x", None).required
    assert core.bindparam("x", callable_=lambda: 5).effective_value == 5


def test_frame_bounds_are_checked(t):
    f = core.func.sum(t.c.i)

    assert isinstance(f.over(rows=(None, 0)), core.Over)
    with pytest.raises(exc.ArgumentError, match="only one of"):
        f.over(rows=(None, 0), range_=(None, 0))
    with pytest.raises(exc.ArgumentError, match="2-tuple"):
        f.over(rows=5)
