"""Connections: raw SQL, texts of statements, options of a transaction; one test a feature."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import Column, Integer, MetaData, String, Table, create_engine, exc, insert, literal, select
from pyorm.dialects import postgresql, sqlite
from pyorm.engine import Engine

WORDS = Table("words", MetaData(), Column("id", Integer, primary_key=True), Column("word", String(20)))


@pytest.mark.feature("CONN02")
def test_driver_s_own_sql_runs_as_it_stands(engine: Engine) -> None:
    mark = "?" if engine.name == "sqlite" else "$1"
    second = "?" if engine.name == "sqlite" else "$2"
    with engine.begin() as connection:
        WORDS.create(connection)
        added = connection.exec_driver_sql(
            f"INSERT INTO words (id, word) VALUES ({mark}, {second})", [(1, "one"), (2, ":not a name")]
        )
        assert added.rowcount == 2
        found = connection.exec_driver_sql(f"SELECT word FROM words WHERE id = {mark}", (2,))
        assert found.scalar() == ":not a name"
        assert connection.exec_driver_sql("SELECT ':x' AS a").one() == (":x",)
    with engine.connect() as connection, pytest.raises(exc.DBAPIError, match="nowhere"):
        connection.exec_driver_sql("SELECT nonsense FROM nowhere")


@pytest.mark.feature("CONN33")
def test_statements_show_their_text(engine: Engine) -> None:
    statement = select(WORDS.c.id).where(WORDS.c.word == "x")

    assert str(statement) == "SELECT words.id \nFROM words \nWHERE words.word = :word_1"
    assert str(statement.compile(dialect=sqlite.dialect())).endswith("WHERE words.word = ?")
    assert str(statement.compile(dialect=postgresql.dialect())).endswith("WHERE words.word = $1::VARCHAR")
    compiled = statement.compile(engine)
    assert str(compiled) == str(statement.compile(dialect=engine.dialect))
    assert compiled.params == {"word_1": "x"}
    assert str(insert(WORDS)) == "INSERT INTO words (id, word) VALUES (:id, :word)"


@pytest.mark.feature("CONN16")
def test_transaction_is_read_only_or_deferrable_where_asked_for(pg_db: Any) -> None:
    engine = create_engine(pg_db.url)
    with engine.connect() as connection:
        connection.execution_options(
            isolation_level="SERIALIZABLE", postgresql_readonly=True, postgresql_deferrable=True
        )
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"
        assert connection.exec_driver_sql("SHOW transaction_deferrable").scalar() == "on"
        with pytest.raises(exc.DBAPIError, match="read-only transaction"):
            connection.exec_driver_sql("CREATE TABLE refused (id INTEGER)")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "off"
        assert connection.scalar(select(literal(1))) == 1
    reading = engine.execution_options(postgresql_readonly=True)
    with reading.connect() as connection:
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"
    engine.dispose()
