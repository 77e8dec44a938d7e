"""`python -m pyorm.migrations`: the command line."""

from __future__ import annotations

if __name__ == "__main__":
    from pyorm.migrations.cli import main

    main(prog="pyorm")
