"""pyorm.ext.mutable: values that change in place; both databases."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from pyorm import JSON, PickleType, inspect
from pyorm.engine import Engine
from pyorm.ext.mutable import MutableDict, MutableList, MutableSet
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    """Base of the tests' classes."""


class Listed(JSON):
    """A type whose columns all hold MutableList."""


class Special(MutableDict):
    """A dict with a method."""

    def size(self) -> int:
        return len(self)


MutableList.associate_with(Listed)


class Box(Base):
    """One value of each kind."""

    __tablename__ = "boxes"
    id: Mapped[int] = mapped_column(primary_key=True)
    d: Mapped[dict[str, Any] | None] = mapped_column(MutableDict.as_mutable(JSON))
    items: Mapped[list[Any] | None] = mapped_column(Listed)
    s: Mapped[set[Any] | None] = mapped_column(MutableSet.as_mutable(PickleType))
    special: Mapped[dict[str, Any] | None] = mapped_column(Special.as_mutable(JSON()))
    plain: Mapped[dict[str, Any] | None] = mapped_column(JSON)


@pytest.fixture
def s(engine: Engine):
    """A session."""
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session


@pytest.fixture
def box(s: Session) -> Box:
    """A box in the database."""
    made = Box(d={"a": 1}, items=[1], s={1}, special={}, plain={})
    s.add(made)
    s.commit()
    return made


def stored(box: Box, key: str) -> Any:
    """Commit and return what the database has."""
    session = inspect(box).session
    assert box in session.dirty
    session.commit()
    return getattr(box, key)


def ior(container: Any, other: Any) -> None:
    """Change in place by `|=`."""
    container |= other


DICT = [
    (lambda d: d.__setitem__("b", 2), {"a": 1, "b": 2}),
    (lambda d: d.update(c=3), {"a": 1, "c": 3}),
    (lambda d: d.setdefault("z", 9), {"a": 1, "z": 9}),
    (lambda d: d.pop("a"), {}),
    (lambda d: d.popitem(), {}),
    (lambda d: d.__delitem__("a"), {}),
    (lambda d: d.clear(), {}),
    (lambda d: ior(d, {"q": 1}), {"a": 1, "q": 1}),
]
LIST = [
    (lambda v: v.append(3), [1, 3]),
    (lambda v: v.extend([2, 9]), [1, 2, 9]),
    (lambda v: v.insert(0, 5), [5, 1]),
    (lambda v: v.__setitem__(slice(0, 1), [7, 8]), [7, 8]),
    (lambda v: v.__iadd__([4]), [1, 4]),
    (lambda v: v.pop(), []),
    (lambda v: v.remove(1), []),
    (lambda v: v.clear(), []),
    (lambda v: v.__delitem__(0), []),
    (lambda v: (v.append(4), v.reverse()), [4, 1]),
    (lambda v: (v.append(0), v.sort()), [0, 1]),
]
SET = [
    (lambda v: v.add(5), {1, 5}),
    (lambda v: v.update([8]), {1, 8}),
    (lambda v: v.discard(1), set()),
    (lambda v: v.remove(1), set()),
    (lambda v: v.pop(), set()),
    (lambda v: v.clear(), set()),
    (lambda v: ior(v, {7}), {1, 7}),
    (lambda v: v.__isub__({1}), set()),
    (lambda v: v.__ixor__({1, 2}), {2}),
    (lambda v: v.__iand__({2}), set()),
    (lambda v: v.difference_update({1}), set()),
    (lambda v: v.intersection_update({1}), {1}),
    (lambda v: v.symmetric_difference_update({3}), {1, 3}),
]


class TestChanges:
    @pytest.mark.parametrize(("change", "expected"), DICT)
    def test_of_a_dict(self, box: Box, change: Any, expected: Any) -> None:
        change(box.d)
        assert stored(box, "d") == expected

    @pytest.mark.parametrize(("change", "expected"), LIST)
    def test_of_a_list(self, box: Box, change: Any, expected: Any) -> None:
        change(box.items)
        assert stored(box, "items") == expected

    @pytest.mark.parametrize(("change", "expected"), SET)
    def test_of_a_set(self, box: Box, change: Any, expected: Any) -> None:
        change(box.s)
        assert stored(box, "s") == expected

    def test_of_a_subclass_and_not_of_a_plain_column(self, s: Session, box: Box) -> None:
        assert type(box.special) is Special and type(box.plain) is dict
        box.plain["x"] = 1
        assert box not in s.dirty
        box.special["k"] = 1
        assert stored(box, "special").size() == 1


class TestLinks:
    def test_set_converts_and_lets_the_old_value_go(self, s: Session, box: Box) -> None:
        box.d = {"r": 1}
        old = box.d
        assert type(old) is MutableDict
        box.d = {"s": 1}
        s.commit()
        old["x"] = 1
        assert box not in s.dirty
        box.d = None
        assert stored(box, "d") is None

    def test_values_of_other_kinds_are_refused(self, box: Box) -> None:
        for key, value in (("d", [1]), ("items", 5), ("s", [5])):
            with pytest.raises(ValueError, match=f"Attribute '{key}' does not accept objects of type"):
                setattr(box, key, value)

    def test_after_rollback_expire_and_refresh(self, s: Session, box: Box) -> None:
        box.d["x"] = 1
        s.rollback()
        assert dict(box.d) == {"a": 1}
        for again in (s.expire, s.refresh):
            again(box, ["d"])
            box.d["y"] = 1
            assert box in s.dirty
            s.rollback()

    def test_after_pickling_and_merging(self, engine: Engine, s: Session, box: Box) -> None:
        assert box.d == {"a": 1}
        with Session(engine) as other:
            loose = pickle.loads(pickle.dumps(box))
            merged = other.merge(loose)
            merged.d["m"] = 1
            assert merged in other.dirty
        with Session(engine) as other:
            other.add(loose)
            loose.d["p"] = 1
            assert loose in other.dirty

    def test_containers_pickle_and_copy_alone(self, box: Box) -> None:
        for value in (box.d, box.items, box.s):
            again = pickle.loads(pickle.dumps(value))
            assert again == value and type(again) is type(value)
            assert type(copy.copy(value)) is type(copy.deepcopy(value)) is type(value)
            assert not again._parents
