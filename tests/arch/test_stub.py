"""pyorm/_core.pyi names what is public in the extension, no more and no less."""

from __future__ import annotations

from pyorm import _core
from tools.stubs import missing, names_in, stub


def test_stub_and_extension_have_the_same_public_names() -> None:
    assert not (wrong := missing()), "\n".join([*wrong, "run: make stubs"])


def test_stub_is_python_and_names_functions_types_and_members() -> None:
    names = names_in(stub())

    assert {"select", "Select", "Select.where", "_counters"} <= names
    assert {name for name in vars(_core) if not name.startswith("__")} <= names
