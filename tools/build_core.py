"""Compile the C core: one object per file, only what is stale, several at a time.

setuptools recompiles a whole extension when one of its files changes. This command keeps
an object per source with the dependency file that the compiler writes (-MMD), and compiles
a source again only if it, a header it includes, or the flags changed. Both extensions link
the same objects; only csrc/module.c and csrc/coretest/ are compiled with -DORM_CORETEST=1
for `_coretest`.

Objects live in build/obj/<Python's ABI>-<hash of the flags>/, so that builds with other
flags never mix and switching between them costs one link. The environment chooses:

    PYORM_WERROR=1    warnings are errors (also where CI is set)
    PYORM_DEBUG=1     -O0 with asserts
    PYORM_SANITIZE=1  AddressSanitizer and UndefinedBehaviorSanitizer, with asserts
    PYORM_FAULTS=1    allocations can be made to fail (-DORM_FAULTS=1), with asserts
    PYORM_COVERAGE=1  gcov counters, -O0
    PYORM_CORETEST=1  build `_coretest` even where it is not built in place
    CC, CFLAGS, LDFLAGS as everywhere
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from setuptools import Extension
from setuptools.command.build_ext import build_ext

from tools.probe import Toolchain, probe

ROOT = Path(__file__).resolve().parent.parent
CSRC = ROOT / "csrc"
MODULE = "csrc/module.c"
CORETEST = "csrc/coretest"

WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Wvla",
]
VARIANTS = ("PYORM_DEBUG", "PYORM_SANITIZE", "PYORM_FAULTS", "PYORM_COVERAGE")


def core_sources() -> list[str]:
    """Return the sources of `_core`, relative to the project's root."""
    found = (path.relative_to(ROOT).as_posix() for path in CSRC.rglob("*.c"))
    return sorted(path for path in found if not path.startswith(CORETEST + "/"))


def coretest_sources() -> list[str]:
    """Return the sources of `_coretest`: the core's and csrc/coretest/."""
    own = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / CORETEST).rglob("*.c"))
    return core_sources() + own


def is_set(name: str) -> bool:
    """Say whether an environment variable is set to something other than 0."""
    return os.environ.get(name, "0") not in ("", "0")


def compile_flags() -> list[str]:
    """Return the flags every source is compiled with, as the environment asks."""
    flags = ["-std=c11", "-g", "-fPIC", "-fvisibility=hidden", "-fwrapv", "-D_GNU_SOURCE"]
    if sys.platform == "linux":
        # Calls into libpython by its address, not by way of a stub: some sixty per loaded row.
        flags.append("-fno-plt")
    flags += WARNINGS
    if is_set("PYORM_WERROR") or is_set("CI"):
        flags.append("-Werror")
    if is_set("PYORM_SANITIZE"):
        flags += ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
        flags.append("-fno-omit-frame-pointer")
    elif is_set("PYORM_DEBUG") or is_set("PYORM_COVERAGE"):
        flags.append("-O0")
    else:
        flags.append("-O2")
    if is_set("PYORM_FAULTS"):
        flags.append("-DORM_FAULTS=1")
    if is_set("PYORM_COVERAGE"):
        flags.append("--coverage")
    flags.append("-UNDEBUG" if any(map(is_set, VARIANTS)) else "-DNDEBUG")
    return flags + shlex.split(os.environ.get("CFLAGS", ""))


def link_flags() -> list[str]:
    """Return the linker's flags besides objects and libraries."""
    flags = shlex.split(os.environ.get("LDFLAGS", ""))
    if is_set("PYORM_SANITIZE"):
        flags.append("-fsanitize=address,undefined")
    if is_set("PYORM_COVERAGE"):
        flags.append("--coverage")
    return flags


@dataclass(frozen=True, slots=True)
class Unit:
    """One source and the object it becomes."""

    source: str
    """Path relative to the project's root."""
    obj: Path
    """The object; the dependency file stands beside it with the ending .d."""
    defines: tuple[str, ...]
    """Flags of this unit alone."""

    def is_stale(self) -> bool:
        """Say whether the object is missing or older than something it was made from."""
        try:
            made = self.obj.stat().st_mtime_ns
            text = self.obj.with_suffix(".d").read_text()
        except FileNotFoundError:
            return True
        needed = re.sub(r"\\\n", " ", text).partition(":")[2].split()
        for path in needed:
            try:
                if (ROOT / path).stat().st_mtime_ns > made:
                    return True
            except FileNotFoundError:
                return True
        return False


class BuildCore(build_ext):
    """`build_ext` for the C core; see the head of this file."""

    def run(self) -> None:
        """Leave `_coretest` out of wheels, then build as usual."""
        if self.inplace or getattr(self, "editable_mode", False):
            # Not build/lib…: what lies there, a wheel takes with it.
            self.build_lib = str(ROOT / "build" / "inplace")
        elif not is_set("PYORM_CORETEST"):
            self.extensions = [e for e in self.extensions if e.name != "pyorm._coretest"]
        super().run()

    def build_extensions(self) -> None:
        """Compile what is stale of all extensions together, then link each."""
        toolchain = probe()
        jobs = int(self.parallel) if self.parallel else (os.cpu_count() or 1)
        base = [*toolchain.cc, *compile_flags(), "-Icsrc"]
        base += [f"-isystem{directory}" for directory in toolchain.include_dirs]
        digest = hashlib.sha256("\0".join(base).encode()).hexdigest()[:12]
        abi = sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag
        objects = ROOT / "build" / "obj" / f"{abi}-{digest}"
        plans = [(ext, self.units_of(ext, objects)) for ext in self.extensions]
        units = dict.fromkeys(unit for _, units in plans for unit in units)
        stale = [unit for unit in units if self.force or unit.is_stale()]
        with ThreadPoolExecutor(jobs) as pool:
            results = list(pool.map(lambda unit: compile_unit(base, unit), stale))
        if not all(results):
            failed = [unit.source for unit, ok in zip(stale, results, strict=True) if not ok]
            raise SystemExit(f"pyorm: not compiled: {', '.join(failed)}")
        for ext, ext_units in plans:
            self.link(toolchain, ext, [unit.obj for unit in ext_units])

    def copy_extensions_to_source(self) -> None:
        """Put what was built beside the Python files, where it is another file.

        Never into the old file: a process that has it mapped would crash.
        """
        build_py = self.get_finalized_command("build_py")
        for ext in self.extensions:
            built = Path(self.build_lib, self.get_ext_filename(ext.name))
            package = build_py.get_package_dir(ext.name.rpartition(".")[0])
            target = Path(package, built.name)
            if not (target.exists() and filecmp.cmp(built, target)):
                fresh = target.with_name(target.name + ".new")
                shutil.copy2(built, fresh)
                fresh.replace(target)

    @staticmethod
    def units_of(ext: Extension, objects: Path) -> list[Unit]:
        """Return the units of an extension; the same object where the flags are the same."""
        units = []
        for source in ext.sources:
            is_test = ext.name == "pyorm._coretest" and (
                source == MODULE or source.startswith(CORETEST + "/")
            )
            folder = objects / ("coretest" if is_test else "core")
            obj = folder / Path(source).relative_to("csrc").with_suffix(".o")
            units.append(Unit(source, obj, ("-DORM_CORETEST=1",) if is_test else ()))
        return units

    def link(self, toolchain: Toolchain, ext: Extension, objects: list[Path]) -> None:
        """Link one extension, unless the file is newer than its objects and made the same way."""
        target = Path(self.get_ext_fullpath(ext.name))
        shared = shlex.split(sysconfig.get_config_var("LDSHARED"))[1:]
        command = [*toolchain.cc, *[arg for arg in shared if not arg.startswith("-L")]]
        command += [*map(str, objects), *link_flags(), *toolchain.link_args, "-o", str(target)]
        record = objects[0].parents[1] / f"{ext.name}.{hash_of(str(target))}.link"
        if target.exists() and record.exists() and not self.force:
            newest = max(obj.stat().st_mtime_ns for obj in objects)
            same = record.read_text() == f"{target.stat().st_mtime_ns}\0" + "\0".join(command)
            if same and target.stat().st_mtime_ns >= newest:
                return
        target.parent.mkdir(parents=True, exist_ok=True)
        # A running process may have the old file mapped: make a new one and put it in place.
        fresh = target.with_name(target.name + ".new")
        run = subprocess.run([*command[:-1], str(fresh)], check=False)
        if run.returncode != 0:
            raise SystemExit(f"pyorm: {ext.name} not linked")
        fresh.replace(target)
        record.write_text(f"{target.stat().st_mtime_ns}\0" + "\0".join(command))


def hash_of(text: str) -> str:
    """Return a short name for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def compile_unit(base: list[str], unit: Unit) -> bool:
    """Compile one unit; say whether it worked. The compiler's messages come out whole."""
    unit.obj.parent.mkdir(parents=True, exist_ok=True)
    command = [*base, *unit.defines, "-MMD", "-MF", str(unit.obj.with_suffix(".d"))]
    run = subprocess.run(
        [*command, "-c", unit.source, "-o", str(unit.obj)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if run.stderr:
        sys.stderr.write(run.stderr)
    if run.returncode != 0:
        unit.obj.unlink(missing_ok=True)
    return run.returncode == 0
