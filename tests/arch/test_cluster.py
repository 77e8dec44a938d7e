"""The throw-away PostgreSQL itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster import Cluster, Psql, with_database
from tests.conftest import CLEAN

ROOT = Path(__file__).resolve().parents[2]


def test_database_is_empty_when_a_test_before_left_tables(db) -> None:
    # Runs as often as there are databases; whichever test came before, nothing is there.
    if db.name == "postgresql":
        left = db.rows("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    else:
        left = db.rows("SELECT name FROM sqlite_master")
    assert left == []

    db.script("CREATE TABLE t (a integer, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL)")

    assert db.rows("SELECT a, b FROM t ORDER BY a") == [("1", "x"), ("2", None)]


def test_clean_removes_schemas_types_and_sessions_when_left_behind(pg_db) -> None:
    other = Psql(pg_db.url)
    other.script("CREATE SCHEMA s; CREATE TABLE s.t (a int); CREATE TYPE mood AS ENUM ('a')")
    other.script("BEGIN; LOCK TABLE s.t")

    pg_db.script(CLEAN)

    found = pg_db.rows(
        "SELECT nspname FROM pg_namespace"
        " WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    )
    assert found == [("public",)]
    assert pg_db.rows("SELECT 1 FROM pg_type WHERE typname = 'mood'") == []
    with pytest.raises(RuntimeError, match=r"terminating connection|server closed"):
        other.script("SELECT 1")


def test_psql_says_what_the_server_said_when_a_statement_fails(pg_db) -> None:
    with pytest.raises(RuntimeError, match='relation "nowhere" does not exist'):
        pg_db.rows("SELECT * FROM nowhere")

    assert pg_db.rows("SELECT 'after', NULL") == [("after", None)]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u@/a?host=%2Ftmp&port=1", "postgresql://u@/b?host=%2Ftmp&port=1"),
        ("postgresql:///a?host=/tmp", "postgresql:///b?host=/tmp"),
        ("postgresql://h:5/a", "postgresql://h:5/b"),
    ],
)
def test_with_database_keeps_the_rest_of_the_url(url: str, expected: str) -> None:
    assert with_database(url, "b") == expected


@pytest.mark.slow
def test_server_and_directory_are_gone_when_the_run_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from tests.cluster import Cluster\n"
        "cluster = Cluster.start()\n"
        "print(cluster.process.pid, cluster.directory, flush=True)\n"
        "sys.stdin.read()\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    assert run.stdout is not None
    server_pid, directory = run.stdout.readline().split()

    run.send_signal(signal.SIGKILL)
    run.communicate()

    deadline = time.monotonic() + 30
    while Path(directory).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(directory).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(server_pid), 0)


@pytest.mark.slow
def test_data_survives_when_the_server_is_stopped_and_started() -> None:
    cluster = Cluster.start(fsync="on", synchronous_commit="on")
    try:
        first = Psql(cluster.url("postgres"))
        first.script("CREATE TABLE t (a int); INSERT INTO t VALUES (7)")
        first.close()

        cluster.stop_server(signal.SIGQUIT)
        cluster.start_server()

        second = Psql(cluster.url("postgres"))
        assert second.rows("SELECT a FROM t") == [("7",)]
        second.close()
    finally:
        cluster.stop()
