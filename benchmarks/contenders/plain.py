"""Python's own floor: a class without a library."""

from __future__ import annotations

from typing import Any

from benchmarks import unrolled
from benchmarks.contenders import Place, Timed
from benchmarks.work import author_row


class Author:
    """A class as one writes it by hand."""

    def __init__(
        self, *, name: Any, email: Any, age: Any, balance: Any, active: Any, created: Any, bio: Any
    ) -> None:
        self.name = name
        self.email = email
        self.age = age
        self.balance = balance
        self.active = active
        self.created = created
        self.bio = bio

    def shout(self) -> str:
        """What a method costs to call."""
        return "!"


class Contender:
    """A plain class."""

    def __init__(self, name: str, place: Place) -> None:
        keys = ("name", "email", "age", "balance", "active", "created", "bio")
        self.one = Author(**dict(zip(keys, author_row(7)[1:], strict=True)))

    def s13r(self) -> Timed:
        """Read an attribute."""
        return unrolled.loop("obj.name", obj=self.one)

    def s13w(self) -> Timed:
        """Write an attribute."""
        return unrolled.loop("obj.name = value", obj=self.one, value="another")

    def s13m(self) -> Timed:
        """Call a method."""
        return unrolled.loop("obj.shout()", obj=self.one)

    def s14(self) -> Timed:
        """Construct with seven keywords."""
        return unrolled.construct(Author)
