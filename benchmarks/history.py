"""`history` over many revision files: pyorm against Alembic, the same files, in one run.

    python benchmarks/history.py [files] [rounds]

Writes `files` revision scripts (2,000) in a line, each with a create_table() of ten columns, and prints the seconds
of processor time that a new process needs for `history`, `heads` and `upgrade --sql` of the last ten: the best of
`rounds` (5), the interpreter's start and imports included. Alembic runs twice: with its scripts compiled by an
earlier run, and without. pyorm compiles nothing to read a history.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = '''"""step {number}

Revision ID: rev{number:05}
Revises: {down}
Create Date: 2024-01-01 12:00:00

"""
from typing import Sequence, Union

from {package} import op
import {core} as sa


# revision identifiers
revision: str = "rev{number:05}"
down_revision: Union[str, Sequence[str], None] = {down!r}
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    op.create_table(
        "table_{number}",
        sa.Column("id", sa.Integer(), nullable=False),
{columns}
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_table_{number}_c1"), "table_{number}", ["c1"], unique=False)


def downgrade() -> None:
    """Downgrade schema."""
    op.drop_index(op.f("ix_table_{number}_c1"), table_name="table_{number}")
    op.drop_table("table_{number}")
'''
ENV = """from {package} import context
context.configure(url="postgresql://", literal_binds=True)
with context.begin_transaction():
    context.run_migrations()
"""
PEERS = {"pyorm": ("pyorm.migrations", "pyorm"), "Alembic": ("alembic", "sqlalchemy")}
PROGRAM = """
import sys
from importlib import import_module
package, folder, name, *rest = sys.argv[1:]
config = import_module(package + ".config").Config(stdout=open("/dev/null", "w"), output_buffer=open("/dev/null", "w"))
config.set_main_option("script_location", folder)
command = import_module(package + ".command")
getattr(command, name)(config, *rest, **({"sql": True} if name == "upgrade" else {}))
"""


def write_scripts(folder: Path, library: str, files: int) -> None:
    """Write the environment of a library."""
    package, core = PEERS[library]
    versions = folder / "versions"
    versions.mkdir(parents=True)
    (folder / "env.py").write_text(ENV.format(package=package))
    columns = "\n".join(f'        sa.Column("c{n}", sa.String(length=50), nullable=True),' for n in range(1, 10))
    for number in range(files):
        down = f"rev{number - 1:05}" if number else None
        text = SCRIPT.format(number=number, down=down, package=package, core=core, columns=columns)
        (versions / f"rev{number:05}_step_{number}.py").write_text(text)


def processor_time() -> float:
    """Return the seconds that ended children have used, in user mode and in the kernel."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(library: str, folder: Path, arguments: list[str], rounds: int, keep_compiled: bool) -> float:
    """Return how long a new process needs, the best of some."""
    best = float("inf")
    for _ in range(rounds):
        if not keep_compiled:
            shutil.rmtree(folder / "versions" / "__pycache__", ignore_errors=True)
        before = processor_time()
        program = [sys.executable, "-c", PROGRAM, PEERS[library][0], str(folder), *arguments]
        subprocess.run(program, check=True, stderr=subprocess.DEVNULL)
        best = min(best, processor_time() - before)
    return best


def main(files: int = 2000, rounds: int = 5) -> None:
    """Measure and print."""
    calls = {
        "history": ["history"],
        "heads": ["heads"],
        "upgrade --sql": ["upgrade", f"rev{files - 11:05}:head"],
    }
    with tempfile.TemporaryDirectory() as name:
        folders = {library: Path(name) / library for library in PEERS}
        for library, folder in folders.items():
            write_scripts(folder, library, files)
        print(f"{files} revision scripts, processor seconds of a new process, best of {rounds}")
        print(f"{'':16}{'pyorm':>8}{'Alembic':>10}{'ratio':>8}{'Alembic, nothing compiled':>28}{'ratio':>8}")
        for title, arguments in calls.items():
            own = seconds("pyorm", folders["pyorm"], arguments, rounds, True)
            peer = seconds("Alembic", folders["Alembic"], arguments, rounds, True)
            cold = seconds("Alembic", folders["Alembic"], arguments, max(rounds // 2, 1), False)
            print(f"{title:16}{own:8.2f}{peer:10.2f}{own / peer:8.2f}{cold:28.2f}{own / cold:8.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
