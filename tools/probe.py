"""Find what the C core is built against: compiler, Python, libpq, SQLite.

Each `find_*` returns what the build needs or raises `Missing`, which names the package
that brings the missing piece on Debian, Fedora and Homebrew. `probe()` asks for all of
them before it complains, so that one message names everything there is to install.

SQLite is special: two copies of the library in one process do not see each other's POSIX
locks (https://www.sqlite.org/howtocorrupt.html §2.2.1), so the core links the very file
that this Python's `_sqlite3` has mapped. Where `_sqlite3` has SQLite linked in statically
there is no such file, and the system's library is taken.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


class Missing(Exception):
    """Something the build needs is not there; the text says which package brings it."""

    def __init__(self, what: str, debian: str, fedora: str, homebrew: str, detail: str = "") -> None:
        self.what = what
        self.debian = debian
        super().__init__(
            f"{what} not found{': ' + detail if detail else ''}\n"
            f"    Debian, Ubuntu:  apt-get install {debian}\n"
            f"    Fedora:          dnf install {fedora}\n"
            f"    Homebrew:        {homebrew}"
        )


@dataclass(slots=True)
class Toolchain:
    """What the build passes to the compiler and the linker."""

    cc: list[str]
    """The compiler's command."""
    include_dirs: list[str] = field(default_factory=list)
    """Directories for -I, besides csrc/."""
    link_args: list[str] = field(default_factory=list)
    """Libraries and run paths of the link command."""


def find_compiler() -> list[str]:
    """Return the C compiler's command: $CC, what built this Python, or the first that is there."""
    candidates = [os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc", "gcc", "clang"]
    for candidate in candidates:
        command = shlex.split(candidate) if candidate else []
        if command and shutil.which(command[0]):
            return command
    raise Missing("a C compiler", "gcc", "gcc", "xcode-select --install")


def compiles(cc: list[str], include_dirs: list[str], header: str) -> bool:
    """Say whether `#include <header>` passes the preprocessor."""
    flags = [f"-I{directory}" for directory in include_dirs]
    run = subprocess.run(
        [*cc, *flags, "-E", "-x", "c", "-"],
        input=f"#include <{header}>\n",
        text=True,
        capture_output=True,
        check=False,
    )
    return run.returncode == 0


def find_python(cc: list[str]) -> list[str]:
    """Return the include directories of this Python's headers."""
    directories = list(dict.fromkeys(
        sysconfig.get_path(name) for name in ("include", "platinclude")
    ))
    if not compiles(cc, directories, "Python.h"):
        raise Missing(
            "Python.h",
            "python3-dev",
            "python3-devel",
            "brew install python",
            f"{sys.executable} says its headers are in {directories[0]}",
        )
    return directories


def find_libpq(cc: list[str]) -> tuple[list[str], list[str]]:
    """Return (include directories, link arguments) of libpq, by pg_config where it is."""
    includes: list[str] = []
    link_args: list[str] = []
    pg_config = os.environ.get("PG_CONFIG") or shutil.which("pg_config")
    if pg_config is not None:
        def ask(option: str) -> str:
            return subprocess.run(
                [pg_config, option], text=True, capture_output=True, check=True
            ).stdout.strip()

        includes = [ask("--includedir")]
        libdir = ask("--libdir")
        link_args = [f"-L{libdir}", *run_path(libdir)]
    if not compiles(cc, includes, "libpq-fe.h"):
        raise Missing("libpq-fe.h", "libpq-dev", "libpq-devel", "brew install libpq")
    return includes, [*link_args, "-lpq"]


def mapped_sqlite() -> str | None:
    """Return the path of the libsqlite3 that this Python's `_sqlite3` uses; None if static."""
    try:
        import _sqlite3
    except ImportError:
        return None
    maps = Path("/proc/self/maps")
    if maps.exists():
        for line in maps.read_text().splitlines():
            path = line.partition("/")[2]
            if re.search(r"/libsqlite3\.so[^/]*$", "/" + path):
                return "/" + path
        return None
    module_file = getattr(_sqlite3, "__file__", None)
    if module_file is None or shutil.which("otool") is None:
        return None
    listing = subprocess.run(
        ["otool", "-L", module_file], text=True, capture_output=True, check=True
    ).stdout
    found = re.search(r"^\s+(\S*libsqlite3\S*\.dylib)", listing, re.MULTILINE)
    # macOS keeps its own copy in a cache, not in a file: only -lsqlite3 links it.
    return found[1] if found and Path(found[1]).exists() else None


def find_sqlite(cc: list[str]) -> tuple[list[str], list[str]]:
    """Return (include directories, link arguments) of the SQLite that Python uses."""
    path = mapped_sqlite()
    includes: list[str] = []
    link_args = ["-lsqlite3"]
    if path is not None:
        libdir = str(Path(path).parent)
        link_args = [path, *run_path(libdir)]
        beside = Path(libdir).parent / "include"
        if str(beside) != "/usr/include" and (beside / "sqlite3.h").exists():
            includes = [str(beside)]
    if not compiles(cc, includes, "sqlite3.h"):
        raise Missing("sqlite3.h", "libsqlite3-dev", "sqlite-devel", "brew install sqlite")
    if path is None and not links(cc, link_args):
        raise Missing("libsqlite3", "libsqlite3-dev", "sqlite-devel", "brew install sqlite")
    return includes, link_args


def links(cc: list[str], link_args: list[str]) -> bool:
    """Say whether a program links with these arguments."""
    with tempfile.TemporaryDirectory() as directory:
        run = subprocess.run(
            [*cc, "-x", "c", "-", "-x", "none", "-o", f"{directory}/program", *link_args],
            input="int main(void) { return 0; }\n",
            text=True,
            capture_output=True,
            check=False,
        )
    return run.returncode == 0


def run_path(libdir: str) -> list[str]:
    """Return the -rpath argument a directory needs; none where the loader looks anyway."""
    real = os.path.realpath(libdir)
    if re.match(r"^/(usr/)?lib(32|64)?(/[^/]*-linux-gnu[^/]*)?$", real):
        return []
    return [f"-Wl,-rpath,{libdir}"]


def find_server() -> Path:
    """Return the directory with the newest initdb and postgres of this machine."""
    candidates: list[Path] = []
    pg_config = os.environ.get("PG_CONFIG") or shutil.which("pg_config")
    if pg_config is not None:
        run = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True)
        candidates.append(Path(run.stdout.strip()))
    for pattern in (
        "usr/lib/postgresql/*/bin",
        "usr/pgsql-*/bin",
        "opt/homebrew/opt/postgresql@*/bin",
        "usr/local/opt/postgresql@*/bin",
    ):
        candidates += Path("/").glob(pattern)
    programs = ("initdb", "postgres", "psql")
    whole = [path for path in candidates if all((path / name).exists() for name in programs)]
    if not whole:
        raise Missing(
            "a PostgreSQL server's programs (initdb, postgres, psql)",
            "postgresql",
            "postgresql-server",
            "brew install postgresql@17",
            "the tests start one of their own, unless PYORM_TEST_POSTGRES_URL names one",
        )
    return max(whole, key=server_version)


def plain_environment() -> dict[str, str]:
    """Return the environment for programs that are no Python.

    A sanitizer that is preloaded into Python has no business there: postgres hangs with it.
    """
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


def server_version(bindir: Path) -> tuple[int, ...]:
    """Return the version of a directory's postgres as numbers."""
    run = subprocess.run(
        [bindir / "postgres", "--version"],
        env=plain_environment(), capture_output=True, text=True, check=True,
    )
    return tuple(map(int, re.findall(r"\d+", run.stdout)[:2]))


def find_make(cc: list[str]) -> tuple[list[str], list[str]]:
    """Say nothing if make is there; it is the developers' tool, not the build's."""
    if shutil.which("make") is None:
        raise Missing("make", "make", "make", "xcode-select --install")
    return [], []


def find_test_server(cc: list[str]) -> tuple[list[str], list[str]]:
    """Say nothing if a PostgreSQL server can be started."""
    if not os.environ.get("PYORM_TEST_POSTGRES_URL"):
        find_server()
    return [], []


def find_python_headers(cc: list[str]) -> tuple[list[str], list[str]]:
    """Return Python's include directories in the form of the other finders."""
    return find_python(cc), []


Finder = Callable[[list[str]], tuple[list[str], list[str]]]
BUILD: tuple[Finder, ...] = (find_python_headers, find_libpq, find_sqlite)
DEVELOP: tuple[Finder, ...] = (*BUILD, find_make, find_test_server)


def look(finders: tuple[Finder, ...]) -> tuple[Toolchain, list[Missing]]:
    """Run the finders; return what they found and what is missing."""
    missing: list[Missing] = []
    try:
        toolchain = Toolchain(find_compiler())
    except Missing as error:
        # Headers are looked for with the compiler: without one, ask for all of them.
        names = "gcc python3-dev libpq-dev libsqlite3-dev"
        return Toolchain([]), [Missing(error.what, names, "gcc", "xcode-select --install")]
    for finder in finders:
        try:
            includes, link_args = finder(toolchain.cc)
        except Missing as error:
            missing.append(error)
        else:
            toolchain.include_dirs += includes
            toolchain.link_args += link_args
    return toolchain, missing


def probe() -> Toolchain:
    """Return the toolchain, or raise one `SystemExit` that names everything missing."""
    toolchain, missing = look(BUILD)
    if missing:
        raise SystemExit("pyorm cannot be built.\n" + "\n".join(map(str, missing)))
    return toolchain


def main() -> int:
    """Say what a developer has to install; `--debian` prints package names only."""
    missing = look(DEVELOP)[1]
    if "--debian" in sys.argv[1:]:
        print(" ".join(error.debian for error in missing))
        return 0
    for error in missing:
        print(error)
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
