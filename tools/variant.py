"""Build the core another way, beside the usual build, and run tests with it.

    python -m tools.variant NAME [pytest's arguments]

    sanitize    AddressSanitizer and UndefinedBehaviorSanitizer; the whole suite
    faults      allocations fail on demand; tests/faults
    coverage    gcov; the whole suite, then the lines reached per file
    valgrind    asserts and no optimisation, under valgrind; the tests of the C folders

The package is built into build/NAME, so that the usual build stays as it is; the tests and
every Python they start find that one first. It has to be built by the Python that runs this.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tools.probe import find_compiler

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Variant:
    """How one variant is built and run."""

    build: str
    """The variable of tools/build_core.py that chooses its flags."""
    tests: tuple[str, ...] = ()
    """pytest's arguments unless others are given."""
    environment: dict[str, str] = field(default_factory=dict)
    """Variables of the test run."""
    preload: tuple[str, ...] = ()
    """Libraries of the compiler to load before Python."""
    command: tuple[str, ...] = ()
    """What Python is run under."""


VARIANTS = {
    "sanitize": Variant(
        "PYORM_SANITIZE",
        environment={
            # CPython keeps what it interned to its end: leaks are counted by tests instead.
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=1",
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
            "PYTHONMALLOC": "malloc",
        },
        preload=("libasan.so", "libubsan.so"),
    ),
    "faults": Variant(
        "PYORM_FAULTS", tests=("tests/faults",), environment={"PYORM_FAULTS": "1"}
    ),
    "coverage": Variant("PYORM_COVERAGE"),
    "valgrind": Variant(
        "PYORM_DEBUG",
        tests=("tests/test_c_units.py",),
        environment={"PYTHONMALLOC": "malloc"},
        command=(
            "valgrind",
            "--quiet",
            "--error-exitcode=1",
            "--leak-check=no",
            "--undef-value-errors=no",
            "--suppressions=tools/valgrind.supp",
        ),
    ),
}


def build(name: str, variant: Variant, target: Path) -> None:
    """Build the package into a directory."""
    environment = {**os.environ, variant.build: "1", "PYORM_CORETEST": "1"}
    shutil.rmtree(target, ignore_errors=True)
    print(f"{name}: building into {target.relative_to(ROOT)}", flush=True)
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build", "--build-lib", str(target)],
        cwd=ROOT, env=environment, check=True,
    )


def run_tests(variant: Variant, target: Path, arguments: list[str]) -> int:
    """Run pytest with the package in `target`; return its status."""
    environment = {
        **os.environ,
        **variant.environment,
        # The tests' own processes too must not find the package of the working directory.
        "PYTHONPATH": f"{target}{os.pathsep}{ROOT}",
        "PYTHONSAFEPATH": "1",
    }
    if variant.preload:
        compiler = find_compiler()
        environment["LD_PRELOAD"] = " ".join(
            subprocess.run(
                [*compiler, f"-print-file-name={library}"],
                text=True, capture_output=True, check=True,
            ).stdout.strip()
            for library in variant.preload
        )
    return subprocess.run(
        [*variant.command, sys.executable, "-m", "pytest", "-p", "no:cacheprovider",
         "-o", f"pythonpath={target} {ROOT}", *(arguments or variant.tests)],
        cwd=ROOT, env=environment, check=False,
    ).returncode


def report_coverage() -> None:
    """Print the share of lines reached per C file, worst first, and of all."""
    notes = [path for path in (ROOT / "build" / "obj").rglob("*.gcda") if "coretest" not in path.parts]
    rows: list[tuple[float, int, str]] = []
    for note in notes:
        run = subprocess.run(
            ["gcov", "-n", "-o", str(note.parent), str(note)],
            cwd=ROOT, text=True, capture_output=True, check=True,
        )
        for name, share, lines in re.findall(
            r"File '(csrc/[^']*\.c)'\nLines executed:([\d.]+)% of (\d+)", run.stdout
        ):
            rows.append((float(share), int(lines), name))
    for share, lines, name in sorted(rows):
        print(f"{share:6.1f} %  {lines:5}  {name}")
    total = sum(lines for _, lines, _ in rows)
    if total:
        reached = sum(share * lines for share, lines, _ in rows) / total
        print(f"{reached:6.1f} %  {total:5}  all of csrc")


def main(arguments: list[str]) -> int:
    """Build and run what the arguments name."""
    if not arguments or arguments[0] not in VARIANTS:
        print(f"usage: python -m tools.variant {{{'|'.join(VARIANTS)}}} [pytest's arguments]")
        return 2
    name, *rest = arguments
    variant = VARIANTS[name]
    if variant.command and shutil.which(variant.command[0]) is None:
        print(f"{variant.command[0]} is not installed: apt-get install {variant.command[0]}")
        return 1
    target = ROOT / "build" / name
    if name == "coverage":
        for old in (ROOT / "build" / "obj").rglob("*.gcda"):
            old.unlink()
    build(name, variant, target)
    status = run_tests(variant, target, rest)
    if name == "coverage":
        report_coverage()
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
