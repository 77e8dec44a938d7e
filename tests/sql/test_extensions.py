"""What programs add to the language: compiled classes, generic functions, walks, callables."""

from __future__ import annotations

import pytest

import pyorm
from pyorm import Column, ForeignKey, Integer, MetaData, String, Table, _core, func, select
from pyorm.dialects import postgresql, sqlite
from pyorm.ext.compiler import compiles, deregister
from pyorm.sql import ColumnElement, FunctionElement, visitors
from pyorm.sql.functions import GenericFunction

META = MetaData()
t = Table("t", META, Column("id", Integer, primary_key=True), Column("name", String))
u = Table("u", META, Column("id", Integer, primary_key=True), Column("t_id", ForeignKey("t.id")), schema="s1")


class greatest(FunctionElement):
    """A function that the databases have under two names."""

    type = Integer()
    name = "greatest"
    inherit_cache = True


@pytest.fixture
def hooked():
    calls = []

    @compiles(greatest)
    def everywhere(element, compiler, **kw):
        calls.append(compiler.dialect.name)
        return f"greatest({', '.join(compiler.process(part) for part in element.clauses)})"

    @compiles(greatest, "sqlite")
    def on_sqlite(element, compiler, **kw):
        calls.append("sqlite")
        return f"max({', '.join(compiler.process(part) for part in reversed(element.clauses))})"

    yield calls
    deregister(greatest)


def test_class_is_rendered_by_its_function_when_one_is_registered(hooked):
    statement = select(greatest(t.c.id, 5))

    assert str(statement.compile(dialect=sqlite.dialect())).startswith("SELECT max(?, t.id)")
    assert "greatest(t.id, $1::INTEGER)" in str(statement.compile(dialect=postgresql.dialect()))


def test_values_follow_their_places_when_a_function_turns_them_around(hooked):
    compiled = select(greatest(t.c.id + 1, 5)).compile(dialect=sqlite.dialect())

    assert [compiled.params[name] for name in compiled.positiontup] == [5, 1]


def test_function_runs_once_when_the_shape_is_cached(hooked):
    for value in range(3):
        _core.compile_cached(select(greatest(t.c.id, value)), "sqlite")

    assert hooked == ["sqlite"]


def test_compiled_form_is_made_again_when_a_function_is_registered(hooked):
    first, _ = _core.compile_cached(select(greatest(t.c.id, 1)), "sqlite")

    @compiles(greatest, "sqlite")
    def other(element, compiler, **kw):
        return "other()"

    second, _ = _core.compile_cached(select(greatest(t.c.id, 1)), "sqlite")
    assert "max(" in first.string
    assert "other()" in second.string


def test_marker_is_refused_when_a_function_makes_one_up():
    class sneaky(ColumnElement):
        inherit_cache = True

    @compiles(sneaky)
    def render(element, compiler, **kw):
        return "\x019\x01"

    with pytest.raises(pyorm.exc.CompileError, match="character 1"):
        str(select(sneaky()))


def test_type_is_rendered_by_its_function_when_one_is_registered():
    class Money(pyorm.types.UserDefinedType):
        cache_ok = True

    @compiles(Money, "postgresql")
    def render(type_, compiler, **kw):
        return "MONEY"

    assert Money().compile(postgresql.dialect()) == "MONEY"


def test_generic_function_is_made_when_its_identifier_is_called():
    class as_utc(GenericFunction):
        type = Integer()
        name = "timezone"
        identifier = "as_utc"

    made = func.as_utc(t.c.id)

    assert isinstance(made, as_utc)
    assert str(select(made == 3)) == "SELECT timezone(t.id) = :timezone_1 AS anon_1 \nFROM t"
    assert _core.structural_key(made) == _core.structural_key(func.as_utc(t.c.id))


def test_every_element_is_visited_when_a_statement_is_walked():
    seen = []
    statement = select(t.c.id).where(t.c.name == "x", t.c.id > 5)

    result = visitors.traverse(statement, {}, {"bindparam": lambda bind: seen.append(bind.value)})

    assert result is statement
    assert seen == ["x", 5]
    assert list(visitors.iterate(None)) == []


def test_statement_goes_through_callables_when_made_by_a_lambda():
    statement = pyorm.lambda_stmt(lambda: select(t.c.id))
    for limit in (3, 4):
        statement += lambda s, limit=limit: s.where(t.c.id < limit)

    assert str(statement) == "SELECT t.id \nFROM t \nWHERE t.id < :id_1 AND t.id < :id_2"
    assert statement.compile().params == {"id_1": 3, "id_2": 4}
    with pytest.raises(TypeError):
        statement + 3


def test_final_froms_are_those_of_the_text_when_asked():
    joined = select(t.c.id).join(u).get_final_froms()

    assert [str(one) for one in joined] == ["t JOIN s1.u ON t.id = s1.u.t_id"]
    assert select(u.c.id).where(t.c.name == "x").get_final_froms() == [u, t]


def test_hint_of_a_table_is_only_when_the_database_is_postgresql():
    hinted = select(t.c.id).join(u).with_hint(t, "ONLY", "postgresql")
    wrong = select(t.c.id).with_hint(t, "INDEX(x)")

    assert "FROM ONLY t JOIN" in str(hinted.compile(dialect=postgresql.dialect()))
    assert "FROM t JOIN" in str(hinted.compile(dialect=sqlite.dialect()))
    with pytest.raises(pyorm.exc.CompileError, match="ONLY"):
        wrong.compile(dialect=postgresql.dialect())


def test_operator_is_custom_when_made_by_its_class():
    made = pyorm.sql.operators.custom_op("->", precedence=3)(t.c.id, 4)

    assert str(made) == "t.id -> :id_1"


def test_names_follow_the_map_when_schemas_are_translated():
    statement = select(u.c.id)
    maps = [{"s1": "a"}, {"s1": "b"}, None]

    texts = [str(statement.compile(schema_translate_map=one) if one else statement) for one in maps]

    assert texts == ["SELECT a.u.id \nFROM a.u", "SELECT b.u.id \nFROM b.u", "SELECT s1.u.id \nFROM s1.u"]


def test_wire_text_ends_from_when_a_conflict_clause_follows_a_select():
    plain = select(t.c.id, t.c.name)
    bare = sqlite.insert(t).from_select(["id", "name"], plain).on_conflict_do_nothing()
    filtered = sqlite.insert(t).from_select(["id", "name"], plain.where(t.c.id > 1)).on_conflict_do_nothing()

    text = _core.compile_cached(bare, "sqlite")[0].string
    assert text.endswith("FROM t WHERE 1 ON CONFLICT DO NOTHING")
    assert " WHERE 1 " not in _core.compile_cached(filtered, "sqlite")[0].string


def test_rows_come_from_the_mapped_schema_when_two_maps_share_a_cache():
    engine = pyorm.create_engine("sqlite://")
    shelf = Table("shelf", MetaData(), Column("id", Integer), schema="s")

    with engine.connect() as conn:
        for number, name in enumerate(("a", "b")):
            conn.exec_driver_sql(f"ATTACH ':memory:' AS {name}")
            conn.exec_driver_sql(f"CREATE TABLE {name}.shelf (id int)")
            conn.exec_driver_sql(f"INSERT INTO {name}.shelf VALUES ({number})")
        found = []
        for name in ("a", "b", "a"):
            conn.execution_options(schema_translate_map={"s": name})
            found.append(conn.scalar(select(shelf.c.id)))

    assert found == [0, 1, 0]
