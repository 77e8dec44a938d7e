"""Every heap type of the core counts its references: one set of tests per type.

A folder of tests/ that belongs to a folder of csrc/ brings `instances.py` with

    INSTANCES: dict[str, Callable[[], object]]    name of the type -> makes a new instance
    UNMADE: dict[str, str]                        name of the type -> why none can be made

The tests are made from these, and one asks that no type of the core is in neither.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pyorm import _core

HEAP_TYPE = 1 << 9
HAVE_GC = 1 << 14
TESTS = Path(__file__).resolve().parents[1]
TIMES = 100


def collect(attribute: str) -> dict[str, object]:
    """Return the entries of all instances.py."""
    found: dict[str, object] = {}
    for path in sorted(TESTS.glob("*/instances.py")):
        module = importlib.import_module(f"tests.{path.parent.name}.instances")
        entries = getattr(module, attribute, {})
        twice = found.keys() & entries.keys()
        assert not twice, f"{path} brings again: {sorted(twice)}"
        found.update(entries)
    return found


INSTANCES: dict[str, Callable[[], object]] = collect("INSTANCES")  # type: ignore[assignment]
UNMADE = collect("UNMADE")


def core_types() -> dict[str, type]:
    """Return the types that the core brings, by name."""
    return {
        name: value
        for name, value in vars(_core).items()
        if isinstance(value, type) and value.__flags__ & HEAP_TYPE
    }


def test_every_type_of_the_core_is_tested() -> None:
    known = INSTANCES.keys() | UNMADE.keys()

    assert sorted(core_types().keys() - known) == [], "name them in an instances.py"
    assert sorted(known - core_types().keys()) == [], "no such type in the core"


@pytest.mark.leak
@pytest.mark.parametrize("name", INSTANCES)
def test_type_is_let_go_when_its_instances_are(name: str) -> None:
    make, cls = INSTANCES[name], core_types()[name]
    kept = make()
    made = type(kept)
    assert issubclass(made, cls)
    gc.collect()
    before = sys.getrefcount(made)

    for _ in range(TIMES):
        make()
    gc.collect()

    # A few belong to caches that fill at first use; a leak would be one per instance.
    assert sys.getrefcount(made) - before < TIMES // 10
    del kept


@pytest.mark.leak
@pytest.mark.parametrize("name", INSTANCES)
def test_instance_shows_its_type_to_the_collector(name: str) -> None:
    instance = INSTANCES[name]()

    # Without this a type that is in a cycle with its instances is never freed (bpo-40217).
    if type(instance).__flags__ & HAVE_GC:
        assert type(instance) in gc.get_referents(instance)


@pytest.mark.parametrize("name", sorted(core_types()))
def test_type_is_of_the_heap_and_has_a_name_users_know(name: str) -> None:
    cls = core_types()[name]

    assert cls.__flags__ & HEAP_TYPE
    assert cls.__module__.partition(".")[0] == "pyorm"
    assert cls.__name__ == name
