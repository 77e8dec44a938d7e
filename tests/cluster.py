"""A throw-away PostgreSQL for the tests: made at first use, gone with the test run.

`Cluster.start()` runs initdb and postgres in a short directory of its own (a socket's path
may have about 100 bytes), reachable by its unix socket alone and without a password. As
root the server is run as the user postgres, or nobody. It survives Ctrl-C in the terminal,
and a watcher ends it and removes the directory when the test process dies of anything.

`Psql` talks to a database through one psql process: tests look at what pyorm has written
with an eye that is not pyorm's, and it costs no process per question.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from tools.probe import find_server, plain_environment

START_TIMEOUT_S = 60.0
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "jit": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_prepared_transactions": "10",
    "timezone": "UTC",
    "log_min_messages": "fatal",
}
# sh: waits until a line comes (stopped properly) or the pipe breaks (the test run died).
WATCHER = """
trap '' INT TERM HUP
if read -r line; then exit 0; fi
if [ "$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null)" = "$1" ]; then
    kill -QUIT "$1"
    while kill -0 "$1" 2>/dev/null; do sleep 0.1; done
fi
rm -rf "$2"
"""


def server_user() -> dict[str, int]:
    """Return the user and group to run the server as: none unless this is root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid}
    raise RuntimeError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cluster:
    """A running PostgreSQL server of its own; `start()` makes one, `stop()` removes it."""

    def __init__(self, directory: Path, port: int, bindir: Path) -> None:
        self.directory = directory
        self.port = port
        self.bindir = bindir
        self.process: subprocess.Popen[bytes] | None = None
        self.watcher: subprocess.Popen[bytes] | None = None
        self.settings = dict(SETTINGS)

    @classmethod
    def start(cls, **settings: str) -> Cluster:
        """Make and start a cluster. `settings` go over SETTINGS: `fsync="on"`.

        Raises:
            RuntimeError: no server binaries, or it does not come up; the text has its log.
        """
        bindir = find_server()
        directory = Path(tempfile.mkdtemp(prefix="pyorm-", dir="/tmp"))
        cluster = cls(directory, free_port(), bindir)
        cluster.settings.update(settings)
        as_user = server_user()
        if as_user:
            os.chown(directory, as_user["user"], as_user["group"])
        initdb = subprocess.run(
            [bindir / "initdb", "-D", directory / "data", "-U", "postgres", "-A", "trust",
             "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"],
            cwd=directory, capture_output=True, text=True, check=False,
            **cluster.identity(),
        )
        if initdb.returncode != 0:
            shutil.rmtree(directory)
            raise RuntimeError(f"initdb failed: {initdb.stderr.strip()}")
        cluster.start_server()
        return cluster

    def identity(self) -> dict[str, object]:
        """Return Popen's arguments for the server's programs: their user and environment."""
        as_user = server_user()
        groups = {"extra_groups": []} if as_user else {}
        return {"env": plain_environment(), **as_user, **groups}

    def start_server(self) -> None:
        """Start the server over the directory and wait until it takes connections."""
        settings = {
            **self.settings,
            "port": str(self.port),
            "unix_socket_directories": str(self.directory),
            "unix_socket_permissions": "0700",
        }
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.bindir / "postgres", "-D", self.directory / "data", *arguments],
                cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **self.identity(),
            )
        self.watcher = subprocess.Popen(
            ["sh", "-c", WATCHER, "watcher", str(self.process.pid), str(self.directory)],
            cwd="/", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True, env=plain_environment(),
        )
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until postmaster.pid says ready; raise with the server's log if it never does."""
        assert self.process is not None
        status = self.directory / "data" / "postmaster.pid"
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                lines = status.read_text().split("\n")
            except FileNotFoundError:
                lines = []
            # The first line is the pid, the eighth the status (PostgreSQL's pidfile.h).
            ready = len(lines) >= 8 and lines[7].strip() == "ready"
            if ready and lines[0] == str(self.process.pid):
                return
            time.sleep(0.01)
        log = (self.directory / "log").read_text(errors="replace")
        self.stop()
        raise RuntimeError(f"PostgreSQL did not start within {START_TIMEOUT_S:.0f} s:\n{log}")

    def stop_server(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server and keep its data. SIGINT: fast; SIGQUIT: as if it had crashed."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(START_TIMEOUT_S)
            self.process = None
        if self.watcher is not None:
            self.watcher.communicate(b"stopped\n")
            self.watcher = None

    def stop(self) -> None:
        """End the server and remove everything."""
        self.stop_server(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str) -> str:
        """Return the URL of one of its databases; libpq takes it as it is."""
        host = quote(str(self.directory), safe="")
        return f"postgresql://postgres@/{database}?host={host}&port={self.port}"


def with_database(url: str, database: str) -> str:
    """Return the URL with another database in it."""
    return re.sub(r"^(\w+://[^/?]*/?)[^?]*", rf"\g<1>{database}", url)


class Psql:
    """One psql process connected to one database.

    Args:
        url: what psql connects to.
    """

    END = "\x1d--end--"

    def __init__(self, url: str) -> None:
        self.url = url
        self.process: subprocess.Popen[str] | None = None

    def open(self) -> subprocess.Popen[str]:
        """Return the process; start it if it is not there."""
        if self.process is None:
            program = shutil.which("psql") or str(find_server() / "psql")
            self.process = subprocess.Popen(
                [program, "-X", "-q", "-A", "-t", "-F", "\x1f", "-R", "\x1e",
                 "-P", "null=\x01", "-v", "ON_ERROR_STOP=1", "-d", self.url],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, encoding="utf-8", start_new_session=True,
                env={**plain_environment(), "PGCLIENTENCODING": "UTF8",
                     "PGOPTIONS": "-c client_min_messages=warning"},
            )
        return self.process

    def script(self, sql: str) -> str:
        """Run statements, each in a transaction of its own; return what psql prints.

        Raises:
            RuntimeError: the database refused one; the text says why.
        """
        process = self.open()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(f"{sql.rstrip().rstrip(';')}\n;\n\\echo {self.END}\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # psql has ended: its output says why
        answer: list[str] = []
        for line in process.stdout:
            if line.rstrip("\n").endswith(self.END):
                answer.append(line.rstrip("\n").removesuffix(self.END))
                return "".join(answer).removesuffix("\n")
            answer.append(line)
        self.close()
        raise RuntimeError(f"psql: {''.join(answer).strip()}")

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run one query; return its rows, each value as text, None for NULL."""
        answer = self.script(sql)
        if not answer:
            return []
        return [
            tuple(None if value == "\x01" else value for value in row.split("\x1f"))
            for row in answer.split("\x1e")
        ]

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            assert self.process.stdin is not None and self.process.stdout is not None
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
            self.process.stdout.close()
            self.process.wait()
            self.process = None
