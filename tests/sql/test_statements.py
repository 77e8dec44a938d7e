"""Statements: generative methods, collections, joins, DML values."""

from __future__ import annotations

import copy

import pytest

from pyorm import _core as core
from pyorm import exc
from pyorm import types as T
from pyorm.schema import Column, ForeignKey, MetaData, Table


@pytest.fixture
def t():
    return core.table("t", core.column("id", T.Integer()), core.column("name", T.String()))


@pytest.fixture
def schema():
    metadata = MetaData()
    users = Table("users", metadata, Column("id", T.Integer(), primary_key=True), Column("name", T.String()))
    posts = Table(
        "posts",
        metadata,
        Column("id", T.Integer(), primary_key=True),
        Column("user_id", T.Integer(), ForeignKey("users.id")),
        Column("editor_id", T.Integer()),
    )
    return metadata, users, posts


def test_methods_return_a_new_statement_and_leave_the_old_one(t):
    where = core.select(t).where
    one = where(t.c.id == 1)
    two = where(t.c.id == 2)

    assert one.whereclause.right.value == 1
    assert two.whereclause.right.value == 2


def test_order_by_none_drops_what_was_there(t):
    s = core.select(t).order_by(t.c.id)

    assert core.structural_key(s.order_by(None)) == core.structural_key(core.select(t))


def test_execution_options_are_kept_by_later_methods(t):
    s = core.select(t).execution_options(a=1).where(t.c.id == 1).execution_options(b=2)

    assert s.get_execution_options() == {"a": 1, "b": 2}


def test_subquery_columns_are_the_same_objects_each_time(t):
    q = core.select(t.c.id, (t.c.id + 1).label("next")).subquery("q")

    assert q.c.keys() == ["id", "next"]
    assert q.c.id is q.c["id"] is q.c[0]
    assert q.c.id.table is q
    assert q.corresponding_column(t.c.id) is q.c.id
    assert t.corresponding_column(q.c.id) is t.c.id
    with pytest.raises(AttributeError, match="nothing"):
        q.c.nothing  # noqa: B018


def test_collection_answers_like_a_mapping(t):
    assert "id" in t.c
    assert t.c.get("nope") is None
    assert [k for k, _ in t.c.items()] == ["id", "name"]
    assert t.c.contains_column(t.c.id)
    assert len(t.c["id", "name"]) == 2
    with pytest.raises(exc.ArgumentError):
        t.c.id in t.c  # noqa: B015


def test_repeated_names_get_numbers(t):
    u = t.alias("u")
    q = core.select(t.c.id, u.c.id).subquery()

    assert q.c.keys() == ["id", "id_1"]


def test_join_finds_its_condition_by_foreign_key(schema):
    _, users, posts = schema

    on = users.join(posts).onclause

    assert on.left is users.c.id
    assert on.right is posts.c.user_id
    assert posts.join(users).onclause.right is posts.c.user_id


def test_join_through_aliases_uses_their_columns(schema):
    _, users, posts = schema
    a = users.alias("a")

    on = a.join(posts).onclause

    assert on.left is a.c.id
    assert on.right is posts.c.user_id


def test_join_is_refused_when_nothing_links_the_tables(schema):
    metadata, users, _ = schema
    other = Table("other", metadata, Column("id", T.Integer(), primary_key=True))

    with pytest.raises(exc.NoForeignKeysError, match="'users' and 'other'"):
        users.join(other)


def test_join_is_refused_when_two_foreign_keys_link_the_tables(schema):
    metadata, users, _ = schema
    pairs = Table(
        "pairs",
        metadata,
        Column("a", T.Integer(), ForeignKey("users.id")),
        Column("b", T.Integer(), ForeignKey("users.id")),
    )

    with pytest.raises(exc.AmbiguousForeignKeysError, match="onclause"):
        users.join(pairs)


def test_filter_by_searches_all_froms(schema):
    _, users, posts = schema
    s = core.select(users).join(posts)

    assert s.filter_by(name="x").whereclause.left is users.c.name
    assert s.filter_by(user_id=1).whereclause.left is posts.c.user_id
    with pytest.raises(exc.AmbiguousColumnError):
        s.filter_by(id=1)
    with pytest.raises(exc.InvalidRequestError):
        s.filter_by(nope=1)


def test_recursive_cte_takes_its_second_term(t):
    base = core.select(t.c.id).where(t.c.id == 1).cte("r", recursive=True)
    full = base.union_all(core.select(base.c.id + 1))

    assert full.name == "r"
    assert full.c.keys() == ["id"]


def test_select_refuses_a_bare_select_in_from(t):
    with pytest.raises(exc.ArgumentError, match=r"subquery\(\)"):
        core.select(t).select_from(core.select(t))


def test_values_come_in_all_forms(t):
    forms = [
        core.insert(t).values(id=1, name="x"),
        core.insert(t).values({"id": 1, "name": "x"}),
        core.insert(t).values({t.c.id: 1, t.c.name: "x"}),
        core.insert(t).values((1, "x")),
        core.insert(t).values(id=1).values(name="x"),
    ]

    assert len({core.structural_key(f) for f in forms}) == 1
    with pytest.raises(exc.InvalidRequestError, match="mix"):
        core.insert(t).values(id=1).values([{"id": 2}])
    with pytest.raises(exc.InvalidRequestError, match="multiple"):
        core.update(t).values([{"id": 2}])


def test_later_values_replace_earlier_ones(t):
    one = core.update(t).values(id=1).values(id=2)

    assert one.compare(core.update(t).values(id=2))


def test_excluded_offers_the_proposed_values(t):
    insert = core.dialect_insert(t)

    assert insert.excluded.keys() == ["id", "name"]
    assert insert.excluded.id.table.name == "excluded"


def test_on_conflict_refuses_both_kinds_of_target(t):
    with pytest.raises(ValueError, match="mutually exclusive"):
        core.dialect_insert(t).on_conflict_do_nothing(constraint="c", index_elements=["id"])
    with pytest.raises(ValueError, match="non-empty"):
        core.dialect_insert(t).on_conflict_do_update(index_elements=["id"])


def test_text_finds_its_names():
    s = core.text(r"select :a, ':'::text, x::int, \:no, :b_2, a:c")

    assert list(s._bindparams) == ["a", "b_2"]
    with pytest.raises(exc.ArgumentError, match="doesn't define"):
        s.bindparams(zz=1)
    assert s.bindparams(a=5)._bindparams["a"].value == 5


def test_text_columns_are_typed():
    s = core.text("select 1").columns(core.column("x", T.Integer()))

    assert s.selected_columns.keys() == ["x"]
    assert isinstance(s.subquery().c.x.type, T.Integer)
    assert core.text("select 1").columns(y=T.String()).selected_columns.y.type.__class__ is T.String


def test_copying_gives_the_statement_itself(t):
    s = core.select(t)

    assert copy.copy(s) is s
    assert copy.deepcopy(s) is s


def test_column_descriptions_name_what_is_selected(t):
    d = core.select(t.c.id, (t.c.id + 1).label("n")).column_descriptions

    assert [e["name"] for e in d] == ["id", "n"]
    assert d[0]["expr"] is t.c.id


def test_column_type_known_late_reaches_its_expressions():
    column = core.column("x")
    e = column + 1
    column.type = T.Integer()

    assert isinstance((column + 1).type, T.Integer)
    assert e.left is column
