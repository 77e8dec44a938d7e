"""Loader options about subclasses: behind with_polymorphic(), of_type() and selectin_polymorphic()."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pyorm import select
from pyorm.orm import (
    Session,
    aliased,
    contains_eager,
    defer,
    immediateload,
    joinedload,
    load_only,
    raiseload,
    selectin_polymorphic,
    selectinload,
    subqueryload,
    undefer,
    with_polymorphic,
)  # fmt: skip
from tests.conformance.company import loaded, make_company
from tests.conformance.loading import counted

pytestmark = pytest.mark.feature("LOAD11")

PAPERS = {1: "papers=[1, 2]", 4: "papers=[3]", 6: "papers=[]"}


@pytest.fixture
def c(engine: Any) -> SimpleNamespace:
    """Two companies and their staff."""
    return make_company(engine)


def rows(c: SimpleNamespace, statement: Any, unique: bool = False) -> tuple[list[str], int]:
    """Return what is loaded of each instance, and the number of statements."""
    with Session(c.engine) as session, counted(c.engine) as sent:
        result = session.scalars(statement)
        return [loaded(one) for one in (result.unique() if unique else result)], len(sent)


def staff(c: SimpleNamespace, option: Any) -> tuple[list[str], int]:
    """Return what is loaded of the staff of both companies, and the number of statements."""
    with Session(c.engine) as session, counted(c.engine) as sent:
        companies = session.scalars(select(c.Company).order_by(c.Company.id).options(option)).unique().all()
        return [loaded(one) for company in companies for one in company.staff], len(sent)


def with_budget(**more: str) -> list[str]:
    """Return the staff as a load with the columns of managers shows it."""
    return [
        f"Manager 1 name=m1 budget=10{more.get('m1', '')}", "Engineer 2 name=e1", "Employee 3 name=p1",
        f"Chief 4 name=c1 budget=20{more.get('c1', '')}", "Engineer 5 name=e2",
        f"Manager 6 name=m2 budget=30{more.get('m2', '')}",
    ]  # fmt: skip


WITH_PAPERS = with_budget(m1=" papers=[1, 2]", c1=" papers=[3]", m2=" papers=[]")


@pytest.mark.parametrize("way", [selectinload, subqueryload])
def test_relationships_of_a_subclass_load_when_selectin_polymorphic_loads_the_subclass(
    c: SimpleNamespace, way: Any
) -> None:
    statement = select(c.Employee).order_by(c.Employee.id)
    chosen = selectin_polymorphic(c.Employee, [c.Manager])

    assert rows(c, statement.options(chosen, way(c.Manager.papers))) == (WITH_PAPERS, 3)
    assert rows(c, statement.options(chosen.options(way(c.Manager.papers)))) == (WITH_PAPERS, 3)


def test_a_relationship_is_joined_to_the_select_of_its_subclass_when_joinedload_names_it(c: SimpleNamespace) -> None:
    chosen = selectin_polymorphic(c.Employee, [c.Manager])
    statement = select(c.Employee).order_by(c.Employee.id)

    assert rows(c, statement.options(chosen, joinedload(c.Manager.papers))) == (WITH_PAPERS, 2)

    narrowed = joinedload(c.Manager.papers.and_(c.Paper.id > 1))
    for _ in range(2):
        found, number = rows(c, statement.options(chosen, narrowed))
        assert (found[0], number) == ("Manager 1 name=m1 budget=10 papers=[2]", 3)
    assert rows(c, statement.options(chosen, joinedload(c.Manager.papers.and_(c.Paper.id > 2))))[0][0] == (
        "Manager 1 name=m1 budget=10 papers=[]"
    )


def test_the_select_of_a_subclass_obeys_options_when_they_are_about_its_columns(c: SimpleNamespace) -> None:
    statement = select(c.Employee).order_by(c.Employee.id).options(selectin_polymorphic(c.Employee, [c.Manager]))

    found, number = rows(c, statement.options(load_only(c.Manager.budget)))
    assert (found[0], found[3], number) == ("Manager 1 budget=10", "Chief 4 budget=20", 2)
    found, number = rows(c, statement.options(defer(c.Manager.budget)))
    assert (found[0], number) == ("Manager 1 name=m1", 1)
    found, number = rows(c, statement.options(defer(c.Employee.name), undefer(c.Manager.budget)))
    assert (found[0], number) == ("Manager 1 budget=10", 2)


@pytest.mark.parametrize("how", [{}, {"flat": True}, {"aliased": True}])
def test_relationships_of_with_polymorphic_load_when_options_go_through_its_subclass(
    c: SimpleNamespace, how: dict[str, bool]
) -> None:
    every = with_polymorphic(c.Employee, [c.Manager, c.Engineer], **how)
    statement = select(every).order_by(every.id)
    whole = [
        "Manager 1 name=m1 budget=10 papers=[1, 2]", "Engineer 2 name=e1 lang=c tools=[1]", "Employee 3 name=p1",
        "Chief 4 name=c1 budget=20 papers=[3]", "Engineer 5 name=e2 lang=py tools=[]",
        "Manager 6 name=m2 budget=30 papers=[]",
    ]  # fmt: skip

    both = (selectinload(every.Manager.papers), selectinload(every.Engineer.tools))
    assert rows(c, statement.options(*both)) == (whole, 3)
    joined = (joinedload(every.Manager.papers), joinedload(every.Engineer.tools))
    assert rows(c, statement.options(*joined), True) == (whole, 1)
    assert rows(c, statement.options(joinedload(every.Manager.papers)).limit(4), True)[0] == [
        one.replace(" tools=[1]", "") for one in whole[:4]
    ]
    assert rows(c, statement.options(raiseload(every.Manager.papers)))[0][1] == "Engineer 2 name=e1 lang=c"


@pytest.mark.parametrize("how", [{}, {"flat": True}, {"aliased": True}])
def test_load_only_and_defer_are_about_all_classes_when_the_alias_has_several(
    c: SimpleNamespace, how: dict[str, bool]
) -> None:
    every = with_polymorphic(c.Employee, [c.Manager, c.Engineer], **how)
    statement = select(every).order_by(every.id).limit(2)

    assert rows(c, statement.options(load_only(every.name)))[0] == ["Manager 1 name=m1", "Engineer 2 name=e1"]
    assert rows(c, statement.options(load_only(every.Manager.budget)))[0] == ["Manager 1 budget=10", "Engineer 2"]
    assert rows(c, statement.options(load_only(every.name, every.Engineer.lang)))[0] == [
        "Manager 1 name=m1", "Engineer 2 name=e1 lang=c",
    ]  # fmt: skip
    assert rows(c, statement.options(defer(every.Manager.budget)))[0][0] == "Manager 1 name=m1"
    assert rows(c, statement.options(defer(every.name)))[0] == ["Manager 1 budget=10", "Engineer 2 lang=c"]


@pytest.mark.parametrize(("way", "number"), [(selectinload, 2), (joinedload, 1), (subqueryload, 2)])
def test_everybody_is_loaded_with_a_subclass_whole_when_of_type_names_it(
    c: SimpleNamespace, way: Any, number: int
) -> None:
    narrowed = c.Company.staff.of_type(c.Manager)

    assert staff(c, way(narrowed)) == (with_budget(), number)
    assert staff(c, way(narrowed).selectinload(c.Manager.papers)) == (WITH_PAPERS, number + 1)
    assert staff(c, way(narrowed).joinedload(c.Manager.papers)) == (WITH_PAPERS, number)
    only = staff(c, way(narrowed).load_only(c.Manager.budget))[0]
    assert (only[0], only[1]) == ("Manager 1 budget=10", "Engineer 2")
    assert staff(c, way(narrowed).defer(c.Manager.budget))[0][0] == "Manager 1 name=m1"


def test_several_subclasses_are_loaded_whole_when_options_name_one_each(c: SimpleNamespace) -> None:
    managers = selectinload(c.Company.staff.of_type(c.Manager)).selectinload(c.Manager.papers)
    engineers = selectinload(c.Company.staff.of_type(c.Engineer)).selectinload(c.Engineer.tools)
    with Session(c.engine) as session, counted(c.engine) as sent:
        companies = session.scalars(select(c.Company).order_by(c.Company.id).options(managers, engineers)).all()

        assert [loaded(one) for one in companies[0].staff] == [
            "Manager 1 name=m1 budget=10 papers=[1, 2]", "Engineer 2 name=e1 lang=c tools=[1]", "Employee 3 name=p1",
        ]  # fmt: skip
        assert len(sent) == 4


@pytest.mark.parametrize("how", [{}, {"flat": True}, {"aliased": True}])
@pytest.mark.parametrize(("way", "number"), [(selectinload, 2), (joinedload, 1), (subqueryload, 2), (immediateload, 2)])
def test_options_go_on_when_of_type_names_an_alias_of_several_classes(
    c: SimpleNamespace, way: Any, number: int, how: dict[str, bool]
) -> None:
    every = with_polymorphic(c.Employee, [c.Manager, c.Engineer], **how)
    path = way(c.Company.staff.of_type(every))
    more = path.options(selectinload(every.Manager.papers), joinedload(every.Engineer.tools))

    found, sent = staff(c, more)
    assert found[:2] == ["Manager 1 name=m1 budget=10 papers=[1, 2]", "Engineer 2 name=e1 lang=c tools=[1]"]
    assert sent == number + 1
    assert staff(c, path.load_only(every.name, every.Manager.budget))[0][:2] == [
        "Manager 1 name=m1 budget=10", "Engineer 2 name=e1",
    ]  # fmt: skip
    assert staff(c, path.defer(every.Manager.budget))[0][0] == "Manager 1 name=m1"


def test_contains_eager_goes_on_when_the_statement_joins_a_subclass_of_an_alias(c: SimpleNamespace) -> None:
    every = with_polymorphic(c.Employee, [c.Manager], flat=True)
    path = contains_eager(c.Company.staff.of_type(every)).contains_eager(every.Manager.papers)
    statement = select(c.Company).join(c.Company.staff.of_type(every)).join(every.Manager.papers)
    with Session(c.engine) as session:
        companies = session.scalars(statement.options(path).order_by(c.Company.id, every.id)).unique().all()

        assert [[loaded(one) for one in company.staff] for company in companies] == [
            ["Manager 1 name=m1 budget=10 papers=[1, 2]"], ["Chief 4 name=c1 budget=20 papers=[3]"],
        ]  # fmt: skip


@pytest.mark.parametrize("way", [selectinload, joinedload, subqueryload])
def test_selectin_polymorphic_goes_on_when_it_follows_a_relationship(c: SimpleNamespace, way: Any) -> None:
    found, _ = staff(c, way(c.Company.staff).selectin_polymorphic([c.Manager, c.Engineer]))
    assert found[:4] == [
        "Manager 1 name=m1 budget=10", "Engineer 2 name=e1 lang=c", "Employee 3 name=p1", "Chief 4 name=c1 budget=20",
    ]  # fmt: skip

    chosen = selectin_polymorphic(c.Employee, [c.Manager])
    found, _ = staff(c, way(c.Company.staff).options(chosen, joinedload(c.Manager.papers)))
    assert found == WITH_PAPERS


def test_what_is_behind_a_known_instance_is_loaded_when_options_ask_for_it(c: SimpleNamespace) -> None:
    option = selectinload(c.Engineer.boss).selectinload(c.Manager.papers)
    with Session(c.engine) as session:
        boss = session.get_one(c.Manager, 1)
        engineer = session.scalars(select(c.Engineer).where(c.Engineer.id == 5).options(option)).one()

        assert engineer.boss is boss
        assert loaded(engineer.boss) == "Manager 1 name=m1 budget=10 papers=[1, 2]"


def test_inner_joins_leave_rows_out_when_innerjoin_is_asked_for(c: SimpleNamespace) -> None:
    for how in ({}, {"flat": True}, {"aliased": True}):
        only = with_polymorphic(c.Employee, [c.Manager], innerjoin=True, **how)
        assert [name[:9] for name in rows(c, select(only).order_by(only.id))[0]] == [
            "Manager 1", "Chief 4 n", "Manager 6",
        ]  # fmt: skip


def test_an_alias_of_several_classes_reads_a_selectable_when_it_is_given(c: SimpleNamespace) -> None:
    employee, manager = c.Employee.__table__, c.Manager.__table__
    joined = employee.outerjoin(manager, manager.c.id == employee.c.id)
    plain = with_polymorphic(c.Employee, [c.Manager], joined)
    named = with_polymorphic(c.Employee, [c.Manager], joined.select().subquery("z"), aliased=True)
    rows_of = select(employee, manager.c.budget).select_from(joined).where(employee.c.id < 4).subquery()
    partly = with_polymorphic(c.Employee, [c.Manager], rows_of, adapt_on_names=True)

    for every in (plain, named):
        assert rows(c, select(every).order_by(every.id).options(selectinload(every.Manager.papers)))[0] == WITH_PAPERS
    assert rows(c, select(partly).order_by(partly.id))[0] == with_budget()[:3]


def test_columns_of_each_alias_are_told_apart_when_a_subquery_selects_two(c: SimpleNamespace) -> None:
    one, other = aliased(c.Company), aliased(c.Company)
    pairs = select(one, other).where(one.id < other.id).subquery()
    both = select(one, other).where(one.id < other.id).order_by(one.id, other.id).limit(5)
    every = with_polymorphic(c.Employee, [c.Manager])
    with Session(c.engine) as session:
        assert session.execute(select(pairs.c.id, pairs.c.id_1, pairs.c.name_1)).all() == [(1, 2, "Best")]
        found = session.execute(both.options(joinedload(one.staff), joinedload(other.staff))).unique().all()
        assert [[[e.id for e in company.staff] for company in row] for row in found] == [[[1, 2, 3], [4, 5, 6]]]
    assert select(every).subquery().c.keys() == ["id", "name", "kind", "company_id", "id_1", "budget"]
