"""URLs: what strings mean, how they are shown, how they become the driver's parameters."""

from __future__ import annotations

import copy
import os
import pickle

import pytest

from pyorm import exc
from pyorm.engine import URL, create_engine, engine_from_config, make_url
from pyorm.engine._dsn import connection_parameters


@pytest.mark.feature("ENG02")
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "postgresql://scott:ti%40ger@host:5432/db?sslmode=require&a=1&a=2",
            ("scott", "ti@ger", "host", 5432, "db", {"sslmode": "require", "a": ("1", "2")}),
        ),
        ("postgresql://u:p%20q@[::1]:12/db", ("u", "p q", "::1", 12, "db", {})),
        ("postgresql://u:@h/d", ("u", "", "h", None, "d", {})),
        ("postgresql://a+b:c+d@h/d", ("a+b", "c+d", "h", None, "d", {})),
        ("postgresql:///db?host=/var/run", (None, None, None, None, "db", {"host": "/var/run"})),
        ("sqlite://", (None, None, None, None, None, {})),
        ("sqlite:///x.db", (None, None, None, None, "x.db", {})),
        ("sqlite:////a/b?x=1", (None, None, None, None, "/a/b", {"x": "1"})),
    ],
)
def test_parts_are_found_when_a_string_is_parsed(text: str, parts: tuple[object, ...]) -> None:
    url = make_url(text)

    assert tuple(url)[1:] == parts
    assert make_url(url.render_as_string(hide_password=False)) == url
    assert pickle.loads(pickle.dumps(url)) == copy.copy(url) == url
    assert make_url(url) is url


@pytest.mark.parametrize("text", ["pg", "foo-bar://x", ""])
def test_argument_error_when_a_string_is_no_url(text: str) -> None:
    with pytest.raises(exc.ArgumentError, match="Could not parse"):
        make_url(text)


def test_argument_error_when_it_is_no_string() -> None:
    with pytest.raises(exc.ArgumentError, match="Expected string or URL object, got 5"):
        make_url(5)  # type: ignore[arg-type]


def test_value_error_when_the_port_is_no_number() -> None:
    with pytest.raises(ValueError, match="99999x"):
        make_url("postgresql://h:99999x/d")


@pytest.mark.feature("ENG03")
def test_a_new_url_when_parts_and_query_are_edited() -> None:
    url = make_url("postgresql://scott:tiger@host/db?a=1&b=2")

    assert url.set(port=12, database="x").render_as_string(False) == (
        "postgresql://scott:tiger@host:12/x?a=1&b=2"
    )
    assert url.update_query_string("a=3&c=4").query == {"a": "3", "b": "2", "c": "4"}
    assert url.update_query_string("a=3", append=True).query["a"] == ("1", "3")
    assert url.update_query_pairs([("x", "1"), ("x", "2")]).query["x"] == ("1", "2")
    assert url.update_query_dict({"a": ["1", "2"]}).query["a"] == ("1", "2")
    assert url.difference_update_query(["a", "zz"]).query == {"b": "2"}
    assert url.normalized_query == {"a": ("1",), "b": ("2",)}
    assert url.query == {"a": "1", "b": "2"}
    assert URL.create("postgresql", host="h", port="12").port == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"drivername": 5}, "drivername must be a string"),
        ({"drivername": "postgresql", "username": 5}, "username must be a string"),
        ({"drivername": "postgresql", "query": {"a": 5}}, "Query dictionary values"),
    ],
)
def test_type_error_when_a_part_is_no_string(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        URL.create(**arguments)  # type: ignore[arg-type]


def test_a_url_is_immutable_when_somebody_tries() -> None:
    url = make_url("sqlite:///x.db?a=1")

    with pytest.raises(TypeError):
        url.query["a"] = "2"  # type: ignore[index]
    with pytest.raises(AttributeError):
        url.host = "x"  # type: ignore[misc]


@pytest.mark.feature("ENG04")
def test_the_password_is_hidden_when_a_url_is_shown() -> None:
    url = make_url("postgresql://scott:tiger@host/db")

    assert str(url) == repr(url) == "postgresql://scott:***@host/db"
    assert repr(create_engine(url)) == "Engine(postgresql://scott:***@host/db)"
    assert url.render_as_string(hide_password=False) == "postgresql://scott:tiger@host/db"


@pytest.mark.feature("ENG05")
def test_the_database_is_decoded_when_it_has_escapes() -> None:
    url = make_url("sqlite:///a%3Fb%2Fc%25d.db")

    assert url.database == "a?b/c%d.db"
    assert str(url) == "sqlite:///a%3Fb/c%25d.db"


@pytest.mark.feature("ENG44")
def test_blank_query_values_are_kept_when_asked_for() -> None:
    assert make_url("postgresql://h/d?x=&y=1").query == {"y": "1"}
    assert make_url("postgresql://h/d?x=&y=1", keep_blank_values=True).query == {"x": "", "y": "1"}
    url = make_url("postgresql://h/d").update_query_string("x=", keep_blank_values=True)
    assert url.query == {"x": ""}


@pytest.mark.feature("ENG06")
@pytest.mark.parametrize(
    ("text", "backend"),
    [
        ("postgresql+psycopg://h/d", "postgresql"),
        ("postgresql+asyncpg://h/d", "postgresql"),
        ("postgres://h/d", "postgresql"),
        ("sqlite+pysqlite://", "sqlite"),
        ("sqlite+aiosqlite://", "sqlite"),
    ],
)
def test_the_native_driver_is_meant_when_a_url_names_another(text: str, backend: str) -> None:
    engine = create_engine(text)

    assert engine.name == engine.dialect.name == backend
    assert str(engine.url) == text


@pytest.mark.parametrize("text", ["nope://x", "postgresql+nope://x", "sqlite+nope://"])
def test_no_such_module_when_nobody_knows_the_database(text: str) -> None:
    with pytest.raises(exc.NoSuchModuleError, match=r"Can't load plugin: sqlalchemy.dialects:"):
        create_engine(text)


def parameters(text: str, profile: str = "default", **connect_args: object) -> dict[str, str]:
    return connection_parameters(make_url(text), connect_args, profile)


@pytest.mark.feature("ENG07")
@pytest.mark.feature("ENG15")
def test_query_and_connect_args_reach_libpq_when_a_url_has_them() -> None:
    assert parameters(
        "postgresql://u:p@h:1/d?sslmode=require&application_name=x", connect_timeout=3
    ) == {
        "user": "u",
        "password": "p",
        "host": "h",
        "port": "1",
        "dbname": "d",
        "sslmode": "require",
        "application_name": "x",
        "connect_timeout": "3",
    }


@pytest.mark.feature("ENG08")
def test_hosts_become_libpqs_lists_when_there_are_several() -> None:
    found = parameters(
        "postgresql://u@/d?host=h1:5432&host=h2:5433&target_session_attrs=primary"
    )

    assert found == {
        "user": "u",
        "dbname": "d",
        "host": "h1,h2",
        "port": "5432,5433",
        "target_session_attrs": "primary",
    }
    assert parameters("postgresql://:99/d?host=h1&host=h2:5433")["port"] == "99,5433"


@pytest.mark.feature("ENG11")
def test_paths_are_found_when_a_sqlite_url_has_one() -> None:
    assert parameters("sqlite://")["database"] == ":memory:"
    assert parameters("sqlite:///:memory:")["database"] == ":memory:"
    assert parameters("sqlite:////a/b.db")["database"] == "/a/b.db"
    assert parameters("sqlite:///b.db")["database"] == os.path.abspath("b.db")


@pytest.mark.feature("ENG12")
def test_a_uri_is_opened_when_the_url_says_so() -> None:
    found = parameters("sqlite:///file:x.db?mode=ro&uri=true&timeout=3")

    assert found["database"] == "file:x.db?mode=ro"
    assert found["uri"] == "1"
    assert found["timeout"] == "3"


def test_the_profile_decides_when_sqlite_has_defaults() -> None:
    assert "wal_on_create" not in parameters("sqlite:///x.db", "sqlalchemy")
    assert parameters("sqlite:///x.db", "default")["wal_on_create"] == "1"
    assert "foreign_keys" not in parameters("sqlite:///x.db", "default")
    assert parameters("sqlite:///x.db", "pyorm")["foreign_keys"] == "1"
    assert parameters("sqlite:///x.db?foreign_keys=0", "pyorm")["foreign_keys"] == "0"


def test_argument_error_when_sqlite_gets_a_host_or_an_unknown_argument() -> None:
    with pytest.raises(exc.ArgumentError, match="Invalid SQLite URL"):
        parameters("sqlite://host/x.db")
    with pytest.raises(exc.ArgumentError, match="'nope'"):
        parameters("sqlite:///x.db", nope=1)


@pytest.mark.feature("ENG14")
def test_strings_are_converted_when_a_config_makes_an_engine() -> None:
    engine = engine_from_config(
        {
            "db.url": "sqlite:///x.db",
            "db.echo": "false",
            "db.pool_size": "7",
            "db.pool_pre_ping": "true",
            "other": "x",
        },
        prefix="db.",
        max_overflow=2,
    )

    assert engine.pool.size() == 7
    assert engine.echo is False
    assert engine.pool._size_limits == (7, 2)


def test_type_error_names_the_argument_when_nobody_knows_it() -> None:
    with pytest.raises(TypeError, match=r"Invalid argument\(s\) 'foo','bar' sent to create_engine"):
        create_engine("sqlite://", foo=1, bar=2)
    with pytest.raises(TypeError, match="'max_overflow'"):
        create_engine("sqlite://", max_overflow=3)
    with pytest.raises(exc.ArgumentError, match="profile"):
        create_engine("sqlite://", profile="fast")
