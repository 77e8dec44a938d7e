"""Arguments of C functions: what Python itself would accept and refuse."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import _coretest as core


def python_f(a: Any, /, b: Any, c: Any = ..., *, d: Any) -> list[Any]:
    """The function that the C one claims to be."""
    return [a, b, c, d]


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1, 2), {"d": 4}),
    ((1, 2, 3), {"d": 4}),
    ((1,), {"b": 2, "c": 3, "d": 4}),
    ((1,), {"d": 4, "b": 2}),
    ((1, 2), {}),
    ((1,), {"d": 4}),
    ((), {"b": 2, "d": 4}),
    ((), {"a": 1, "b": 2, "d": 4}),
    ((1, 2), {"b": 2, "d": 4}),
    ((1, 2, 3, 4), {"d": 4}),
    ((1, 2), {"d": 4, "e": 5}),
]


@pytest.mark.parametrize("function", [core.py_parse, core.py_parse_tuple])
@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_call_is_taken_as_python_takes_it(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    try:
        expected = python_f(*args, **kwargs)
    except TypeError:
        with pytest.raises(TypeError, match=r"^f\(\) "):
            function(*args, **kwargs)
    else:
        assert function(*args, **kwargs) == expected


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((1, 2), {}, "f() missing 1 required keyword-only argument: 'd'"),
        ((1,), {"d": 4}, "f() missing 1 required positional argument: 'b'"),
        ((1, 2), {"b": 3, "d": 4}, "f() got multiple values for argument 'b'"),
        ((1, 2), {"x": 3, "d": 4}, "f() got an unexpected keyword argument 'x'"),
        ((1, 2, 3, 4), {}, "f() takes at most 3 positional arguments but 4 were given"),
        (
            (),
            {"a": 1, "b": 2, "d": 4},
            "f() got a positional-only argument passed as keyword argument: 'a'",
        ),
    ],
)
def test_message_names_the_argument_when_a_call_is_wrong(
    args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError) as caught:
        core.py_parse(*args, **kwargs)

    assert str(caught.value) == message
