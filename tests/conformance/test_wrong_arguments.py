"""What is said when a statement or a session is given something that it cannot take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyorm import and_, exc, select
from pyorm.engine import Engine
from pyorm.orm import Session, aliased
from tests.conformance.models import Base, User

STATEMENTS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "column_text": (
        lambda: select("x"), exc.ArgumentError,
        "Textual column expression 'x' should be explicitly declared with text('x'), or use column('x') for more "
        "specificity",
    ),
    "where_text": (
        lambda: select(User).where("x=1"), exc.ArgumentError,
        "Textual SQL expression 'x=1' should be explicitly declared as text('x=1')",
    ),
    "and_text": (
        lambda: and_("x"), exc.ArgumentError, "Textual SQL expression 'x' should be explicitly declared as text('x')",
    ),
    "where_number": (
        lambda: select(User).where(3), exc.ArgumentError, "SQL expression for WHERE/HAVING role expected, got 3.",
    ),
    "column_class": (
        lambda: select(int), exc.ArgumentError,
        "Column expression, FROM clause, or other columns clause element expected, got <class 'int'>.",
    ),
    "alias_of_class": (
        lambda: aliased(int), exc.NoInspectionAvailable,
        "No inspection system is available for object of type <class 'type'>",
    ),
    "alias_of_number": (
        lambda: aliased(3), exc.NoInspectionAvailable,
        "No inspection system is available for object of type <class 'int'>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(STATEMENTS))
def test_statement_says_what_it_was_given_when_that_is_no_expression(name: str) -> None:
    make, error, message = STATEMENTS[name]

    with pytest.raises(error) as caught:
        make()

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("given", [int, "User", None, 3])
def test_get_says_that_nothing_is_known_of_the_class_when_it_is_not_mapped(engine: Engine, given: Any) -> None:
    with (
        Session(engine) as session,
        pytest.raises(exc.NoInspectionAvailable, match=f"for object of type {type(given)}"),
    ):
        session.get(given, 1)


def test_get_is_refused_when_it_is_given_an_instance_in_place_of_the_class(engine: Engine) -> None:
    Base.metadata.create_all(engine)

    with Session(engine) as session:
        user = User(name="a")
        session.add(user)
        session.commit()

        with pytest.raises(exc.ArgumentError, match="Expected mapped class or mapper, got: <tests"):
            session.get(user, 1)
