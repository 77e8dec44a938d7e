"""`python -m pyorm --version`: what is installed, for bug reports; anything else is the command line's."""

from __future__ import annotations

import sys

from pyorm import __version__, _core


def versions() -> str:
    """Return the versions of pyorm, Python, libpq and SQLite, a line each."""
    libpq, sqlite, source = _core.library_versions()
    return "\n".join(
        (
            f"pyorm {__version__}",
            f"Python {sys.version.split()[0]}",
            f"libpq {libpq // 10000}.{libpq % 10000}",
            f"SQLite {sqlite} ({source})",
        )
    )


def main(arguments: list[str]) -> int:
    """Print the versions, or run the command line.

    Returns:
        The status; 2 for arguments that are not understood.
    """
    if arguments not in ([], ["--version"], ["-V"]):
        from pyorm.cli import main as run

        run(arguments)
        return 0
    print(versions())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
