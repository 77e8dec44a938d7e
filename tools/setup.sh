#!/bin/sh
# Make an environment in which pyorm is built, and the groups named are installed.
#
#   tools/setup.sh [group ...]      groups of pyproject.toml; "test" if none is named
#
#   PYTHON=python3.12               the Python to use (>= 3.11; the first found otherwise)
#   VENV=.venv                      where the environment is
#
# What the machine lacks (compiler, headers, PostgreSQL's server) is installed with apt-get
# if this is root on Debian, and named otherwise. A second run does nothing: packages are
# installed again only when pyproject.toml or the Python changes, C files compiled only when
# they do.
set -eu
cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}
[ $# -gt 0 ] || set -- test

say() { printf 'setup: %s\n' "$*" >&2; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if [ -z "${PYTHON:-}" ] || [ "$PYTHON" = python3 ]; then
    PYTHON=
    for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if new_enough "$candidate"; then PYTHON=$candidate; break; fi
    done
    [ -n "$PYTHON" ] || { say "no Python >= 3.11 found: apt-get install python3"; exit 1; }
elif ! new_enough "$PYTHON"; then
    say "$PYTHON is not a Python >= 3.11"
    exit 1
fi

# 1. What the machine must have. Python's own package is found by whoever started this.
missing=$("$PYTHON" tools/probe.py --debian)
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing $missing"
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2086 # a list of packages
        apt-get install -y --no-install-recommends $missing >&2 || {
            apt-get update >&2
            apt-get install -y --no-install-recommends $missing >&2
        }
        "$PYTHON" tools/probe.py >&2
    else
        "$PYTHON" tools/probe.py >&2 || true
        say "on Debian and Ubuntu, as root:  apt-get install $missing"
        exit 1
    fi
fi

# 2. The environment, new if it was made by another Python.
identity=$("$PYTHON" -c 'import sys; print(sys.version, sys.base_prefix)')
stamp="$VENV/.pyorm-$(printf %s "$*" | tr -c 'a-z0-9' -)"
if [ "$(cat "$VENV/.pyorm-python" 2>/dev/null)" != "$identity" ]; then
    say "making $VENV with $("$PYTHON" --version)"
    rm -rf "$VENV"
    # Debian has ensurepip in a package of its own; pip can install from outside as well.
    if "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
        "$PYTHON" -m venv "$VENV"
    else
        "$PYTHON" -m venv --without-pip "$VENV"
    fi
fi
if [ -x "$VENV/bin/pip" ]; then
    pip() { "$VENV/bin/python" -m pip -q --disable-pip-version-check "$@"; }
elif "$PYTHON" -m pip --version >/dev/null 2>&1; then
    pip() { "$PYTHON" -m pip -q --disable-pip-version-check --python "$VENV/bin/python" "$@"; }
else
    say "$PYTHON has neither ensurepip nor pip: apt-get install python3-pip"
    exit 1
fi
printf '%s\n' "$identity" > "$VENV/.pyorm-python"

# 3. Packages, when what names them has changed.
wanted=$(cat pyproject.toml setup.py MANIFEST.in tools/setup.sh | cksum)
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    say "installing: $*"
    { printf 'setuptools>=77\n'; "$PYTHON" tools/groups.py "$@"; } > "$VENV/.requirements"
    pip install -r "$VENV/.requirements"
    pip install --no-build-isolation --no-deps -e .
    "$PYTHON" tools/groups.py --no-deps "$@" > "$VENV/.requirements"
    if [ -s "$VENV/.requirements" ]; then
        pip install --no-deps -r "$VENV/.requirements" || {
            say "not installed: $(tr '\n' ' ' < "$VENV/.requirements")- is there a network?"
            exit 1
        }
    fi
    rm -f "$VENV/.requirements"
    printf '%s\n' "$wanted" > "$stamp"
fi

# 4. The core, as far as it is stale.
exec "$VENV/bin/python" setup.py -q build_ext --inplace
