"""Types that most programs use, each with all of its arguments: one test a feature line."""

from __future__ import annotations

import enum
import json
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from pyorm import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Engine,
    Enum,
    Float,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Uuid,
    column,
    exc,
    insert,
    inspect,
    literal,
    null,
    select,
    true,
    update,
)
from pyorm.dialects import postgresql as pg
from pyorm.schema import CreateTable


class Color(enum.Enum):
    """An Enum class with an alias."""

    red = "r"
    green = "g"
    coral = "r"


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        yield made


def is_lite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def table_of(connection: Connection, **types: Any) -> Table:
    """Create a table with a column for each type."""
    columns = [Column(name, type_) for name, type_ in types.items()]
    table = Table("things", MetaData(), Column("id", Integer, primary_key=True), *columns)
    table.create(connection)
    return table


def kept(connection: Connection, table: Table, **values: Any) -> tuple[Any, ...]:
    """Write one row and read it back, without its id."""
    with connection.begin_nested():
        connection.execute(table.delete())
        connection.execute(insert(table), values)
        return tuple(connection.execute(select(*(table.c[name] for name in values))).one())


def ddl(connection: Connection, table: Table) -> str:
    return " ".join(str(CreateTable(table).compile(dialect=connection.dialect)).split())


def shown(connection: Connection, expression: Any) -> str:
    """The expression with its values written in."""
    statement = select(expression.label("x"))
    made = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    return str(made).removeprefix("SELECT ").partition(" AS x")[0]


@pytest.mark.feature("TYPE03")
def test_booleans_are_true_false_or_null(connection: Connection) -> None:
    named = Boolean(create_constraint=True, name="ck_named")
    table = table_of(connection, a=Boolean, b=named, c=Boolean(create_constraint=True))

    written = ddl(connection, table)
    checks = ("CONSTRAINT ck_named CHECK (b IN (0, 1))", "CHECK (c IN (0, 1))")
    assert all((check in written) is is_lite(connection) for check in checks)
    assert kept(connection, table, a=True, b=False, c=None) == (True, False, None)
    assert kept(connection, table, a=1, b=0) == (True, False)
    for value, message in ((2, "Value 2 is not None, True, or False"), ("x", "Not a boolean value: 'x'")):
        with pytest.raises((exc.StatementError, exc.DataError), match=message):
            kept(connection, table, a=value)
    if is_lite(connection):
        with pytest.raises(exc.IntegrityError, match="ck_named"):
            connection.exec_driver_sql("INSERT INTO things (b) VALUES (5)")
    connection.execute(table.delete())
    connection.execute(insert(table), [{"a": True}, {"a": False}, {"a": None}])
    for criterion in (table.c.a, table.c.a.is_(True), table.c.a == true(), ~table.c.a):
        assert len(connection.execute(select(table.c.id).where(criterion)).all()) == 1
    assert shown(connection, literal(True)) == ("1" if is_lite(connection) else "true")


@pytest.mark.feature("TYPE04")
def test_numbers_with_a_point_are_floats_or_decimals(connection: Connection) -> None:
    table = table_of(
        connection, f=Float, small=Float(10), digits=Float(53, asdecimal=True, decimal_return_scale=3),
        double=Double, exact=Double(asdecimal=True), n=Numeric(10, 3), plain=Numeric,
        asfloat=Numeric(12, 4, asdecimal=False), scaled=Numeric(10, 2, decimal_return_scale=5),
    )  # fmt: skip

    names = [column.name for column in table.c if column.name != "id"]
    row = kept(connection, table, **dict.fromkeys(names, 1.5))
    as_decimal = {"digits", "exact", "n", "plain", "scaled"}
    assert [type(v) for v in row] == [Decimal if n in as_decimal else float for n in names]
    assert all(v == 1.5 for v in row)
    assert str(row[names.index("digits")]) == "1.500" and str(row[names.index("n")]) == "1.500"
    assert kept(connection, table, n=Decimal("-1234567.125"), f=-0.1, double=1e300) == (
        Decimal("-1234567.125"), -0.1, 1e300,
    )  # fmt: skip
    assert kept(connection, table, n=3, f=3, asfloat=3) == (Decimal("3.000"), 3.0, 3.0)
    for name in ("f", "n"):
        with pytest.raises((exc.StatementError, exc.DataError), match="'x'"):
            kept(connection, table, **{name: "x"})
    words = {
        "f": "FLOAT", "small": "FLOAT" if is_lite(connection) else "FLOAT(10)", "n": "NUMERIC(10, 3)",
        "plain": "NUMERIC",
    }  # fmt: skip
    written = ddl(connection, table)
    assert all(f"{name} {word}" in written for name, word in words.items())
    assert ("double DOUBLE" in written) and ("double DOUBLE PRECISION" in written) is not is_lite(connection)


def test_arithmetic_has_the_type_that_holds_its_result() -> None:
    numbers = {
        "int": Integer(), "big": BigInteger(), "small": SmallInteger(), "float": Float(), "double": Double(),
        "digits": Float(asdecimal=True), "n": Numeric(10, 2), "asfloat": Numeric(asdecimal=False),
    }  # fmt: skip
    col = {name: column(name, type_) for name, type_ in numbers.items()}
    cases = {
        ("int", "big"): "big", ("big", "int"): "big", ("int", "float"): "float", ("big", "n"): "n",
        ("int", "asfloat"): "asfloat", ("float", "double"): "double", ("double", "float"): "double",
        ("float", "digits"): "digits", ("n", "float"): "n", ("float", "n"): "float", ("n", "asfloat"): "asfloat",
        ("n", "n"): "n",
    }  # fmt: skip

    for (left, right), result in cases.items():
        for made in (col[left] + col[right], col[left] - col[right], col[left] * col[right]):
            assert repr(made.type) == repr(numbers[result]), (left, right)
    assert repr((col["int"] / col["big"]).type) == "Numeric()"
    assert repr((col["int"] % col["n"]).type) == repr((col["int"] // col["float"]).type) == "Integer()"
    assert repr((column("untyped") - col["int"]).type) == "NullType()"
    assert repr((column("untyped") + col["n"]).type) == "Numeric(precision=10, scale=2)"


DOCUMENT: dict[str, Any] = {
    "a": {"b": [1, 2, {"c": "x"}]}, "s": "t", "n": None, "f": 1.5, "t": True, "k y": "it's",
}  # fmt: skip


@pytest.mark.feature("TYPE07")
def test_documents_are_kept_and_looked_into(connection: Connection) -> None:
    table = table_of(connection, j=JSON, k=JSON(none_as_null=True))
    j = table.c.j

    for value in (DOCUMENT, {}, [], [1, "a", None], "text", 5, 1.5, True):
        assert kept(connection, table, j=value, k=value) == (value, value)
    is_null = select(j.is_(null()), table.c.k.is_(null()))
    kept(connection, table, j=None, k=None)  # JSON's null, SQL's NULL
    assert [bool(v) for v in connection.execute(is_null).one()] == [False, True]
    kept(connection, table, j=JSON.NULL, k=JSON.NULL)
    assert [bool(v) for v in connection.execute(is_null).one()] == [False, False]
    if is_lite(connection):  # PostgreSQL's json has no equality
        assert len(connection.execute(select(table.c.id).where(j == JSON.NULL)).all()) == 1
    connection.execute(update(table).values(j=null()))
    assert bool(connection.scalar(select(j.is_(null()))))

    kept(connection, table, j=DOCUMENT)
    answers = {
        j["a"]["b"]: [1, 2, {"c": "x"}], j["a"]["b"][1]: 2, j["a", "b", 2, "c"]: "x", j["n"]: None,
        j["nothing"]: None, j["k y"]: "it's", j["a", "b", -1]: {"c": "x"},
    }  # fmt: skip
    for expression, answer in answers.items():
        assert connection.scalar(select(expression)) == answer
    assert connection.scalar(select(j["s"].as_string())) == "t"
    assert connection.scalar(select(j["a", "b", 0].as_integer())) == 1
    for criterion in (j["s"].as_string() == "t", j["f"].as_float() > 1, j["t"].as_boolean()):
        assert connection.scalar(select(table.c.id).where(criterion)) is not None
    path = shown(connection, j["a", "b c", 3].as_string())
    assert path == (
        "CAST(JSON_EXTRACT(things.j, '$.\"a\".\"b c\"[3]') AS VARCHAR)" if is_lite(connection)
        else "CAST(things.j #>> '{a, \"b c\", 3}' AS VARCHAR)"
    )  # fmt: skip
    assert connection.scalar(select(literal({"x": [1]}, JSON))) == {"x": [1]}
    with pytest.raises((exc.StatementError, exc.DataError), match="JSON"):
        kept(connection, table, j=object())


def test_keys_of_documents_are_written_as_literals(connection: Connection) -> None:
    table = table_of(connection, j=JSON)
    document = {"it's": {"b c": 1, 'q"': 2, "NULL": 3}, "l": [[7]]}
    kept(connection, table, j=document)
    j = table.c.j

    paths = [("it's", "b c"), ("it's", "NULL"), ("l", 0, 0), "l", 5]
    if not is_lite(connection):
        paths.append(("it's", 'q"'))  # SQLite's paths have no way to write a quote in a key
    for path in paths:
        written = connection.exec_driver_sql(f"SELECT {shown(connection, j[path])} FROM things").scalar()
        bound = connection.scalar(select(j[path]))
        assert (json.loads(written) if isinstance(written, str) else written) == bound, path


@pytest.mark.feature("TYPE09")
def test_enums_are_members_or_texts(connection: Connection) -> None:
    table = table_of(
        connection,
        native=Enum(Color), letters=Enum("a", "it's", name="letters"), plain=Enum(Color, native_enum=False),
        checked=Enum(Color, name="ck_color", create_constraint=True, native_enum=False),
        valued=Enum(Color, values_callable=lambda cls: [m.value for m in cls], name="valued"),
        long=Enum("a", "b", native_enum=False, length=30), aliased=Enum(Color, omit_aliases=False, name="aliased"),
        strict=Enum("a", "b", native_enum=False, validate_strings=True),
    )  # fmt: skip
    postgres = not is_lite(connection)

    written = ddl(connection, table)
    assert ("native color" if postgres else "native VARCHAR(5)") in written
    assert "plain VARCHAR(5)" in written and "long VARCHAR(30)" in written
    assert "CONSTRAINT ck_color CHECK (checked IN ('red', 'green'))" in written
    names = [c.name for c in table.c if isinstance(c.type, Enum) and c.type.enum_class is not None]
    assert kept(connection, table, **dict.fromkeys(names, Color.red)) == (Color.red,) * len(names)
    raw = connection.exec_driver_sql("SELECT native, plain, valued, aliased FROM things").one()
    assert tuple(map(str, raw)) == ("red", "red", "r", "red")
    assert kept(connection, table, native="green", letters="it's", strict="b") == (Color.green, "it's", "b")
    assert kept(connection, table, native=None, aliased=Color.coral) == (None, Color.red)
    assert kept(connection, table, aliased="coral") == (Color.red,)
    with pytest.raises((exc.StatementError, exc.DataError, LookupError), match="is not among the defined enum values"):
        kept(connection, table, strict="z")
    with pytest.raises(exc.DBAPIError):
        kept(connection, table, checked="blue")
    kept(connection, table, native=Color.green, letters="a")
    found = select(table.c.id).where(table.c.native.in_([Color.green, Color.red]), table.c.letters == "a")
    assert len(connection.execute(found).all()) == 1
    assert shown(connection, literal(Color.green, Enum(Color))) == "'green'"
    with pytest.raises(ValueError, match="length must be larger or equal"):
        Enum(Color, length=1, native_enum=False)
    connection.exec_driver_sql("UPDATE things SET plain = 'nope'")
    with pytest.raises(LookupError, match="'nope' is not among the defined enum values"):
        connection.execute(select(table.c.plain)).all()


def test_enum_types_are_created_once_and_stay_when_told(connection: Connection) -> None:
    if is_lite(connection):
        Enum("a", name="nowhere").create(connection)  # nothing to do
        assert inspect(connection).get_enums() == []
        return
    mine = pg.ENUM("x", "y", name="mine", create_type=False)

    def names() -> list[str]:
        return [e["name"] for e in inspect(connection).get_enums()]

    mine.create(connection, checkfirst=True)
    table = Table("t", MetaData(), Column("a", mine), Column("b", Enum("a", name="b_type")))
    table.create(connection)
    assert names() == ["b_type", "mine"]
    table.drop(connection)
    assert names() == ["b_type", "mine"]  # a table's DROP leaves its types: others may use them
    table.create(connection)
    table.metadata.drop_all(connection)
    assert names() == ["mine"]
    mine.drop(connection)
    assert names() == []


@pytest.mark.feature("TYPE10")
def test_uuids_are_kept_as_uuid_or_text(connection: Connection) -> None:
    table = table_of(
        connection, u=Uuid, s=Uuid(as_uuid=False), chars=Uuid(native_uuid=False),
        pair=Uuid(as_uuid=False, native_uuid=False), own=pg.UUID,
    )  # fmt: skip
    value = uuid.UUID("0a345678-1234-5678-1234-567812345678")

    written = ddl(connection, table)
    assert ("u CHAR(32)" if is_lite(connection) else "u UUID") in written
    assert "chars CHAR(32)" in written and "pair CHAR(32)" in written
    for given in (value, str(value)):
        row = kept(connection, table, u=given, s=given, chars=given, pair=given)
        assert row == (value, str(value), value, str(value))
    assert kept(connection, table, u=None, s=None) == (None, None)
    kept(connection, table, u=value, s=value, chars=value, pair=value)
    for name in ("u", "s", "chars", "pair"):
        col = table.c[name]
        same = value if col.type.as_uuid else str(value)
        for criterion in (col == same, col.in_([same]), col.is_not(None)):
            assert connection.scalar(select(table.c.id).where(criterion)) is not None
        told = f"SELECT id FROM things WHERE {name} = {shown(connection, literal(same, col.type))}"
        assert connection.exec_driver_sql(told).scalar() is not None
    with pytest.raises((exc.StatementError, exc.DataError), match="'zz'"):
        kept(connection, table, u="zz")
    assert str(String().python_type) and Uuid().python_type is uuid.UUID and Uuid(as_uuid=False).python_type is str


def test_uuid_that_became_a_number_is_not_given_as_one(connection: Connection) -> None:
    if not is_lite(connection):
        return
    connection.exec_driver_sql("CREATE TABLE u (u UUID)")  # a name with the affinity of numbers
    connection.exec_driver_sql("INSERT INTO u VALUES ('12345678123456781234567812345678')")

    with pytest.raises(exc.DataError, match="u"):
        connection.execute(select(column("u", Uuid)).select_from(Table("u", MetaData()))).all()
