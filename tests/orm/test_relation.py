"""The frozen facts of a relationship: what the C plan takes, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import Column, Integer, MetaData, Table, _core
from tests.orm.mapping import slot


def make_pair() -> tuple[Any, Any, dict[str, Any]]:
    """Map two classes, the first with a relationship slot; return them and a complete spec."""
    metadata = MetaData()
    parent = Table("parent", metadata, Column("id", Integer, primary_key=True))
    child = Table("child", metadata, Column("id", Integer, primary_key=True), Column("parent_id", Integer))
    plans = []
    for table, own in ((parent, (slot("children", kind="relation"),)), (child, ())):
        cls = type(table.name.title(), (_core.Entity,), {})
        columns = tuple((c.key, "column", (c,), "", None, None, None) for c in table.c)
        plans.append(_core.MapperPlan(cls, (None, "slots", table, columns + own, ("id",), None, None, None, None)))
    spec = {
        "key": "children",
        "prop": object(),
        "parent": plans[0],
        "target": plans[1],
        "target_entity": None,
        "direction": "o2m",
        "lazy": "select",
        "collection": "list",
        "factory": None,
        "keyfunc": None,
        "cascade": ("save-update", "merge"),
        "flags": ("passive_updates",),
        "join_depth": None,
        "pairs": (("id", "parent_id", parent.c.id, child.c.parent_id),),
        "get": (),
        "secondary_pairs": (),
        "secondary": None,
        "primaryjoin": parent.c.id == child.c.parent_id,
        "secondaryjoin": None,
        "local": plans[0].class_,
        "remote": plans[1].class_,
        "secondary_from": None,
        "order_by": (),
    }
    return plans[0], plans[1], spec


def make_relation() -> Any:
    """Return a Relation."""
    return _core.Relation(make_pair()[2])


def test_relation_is_given_to_the_attribute_of_its_class() -> None:
    plan, _, spec = make_pair()
    relation = _core.Relation(spec)
    relation._set_reverse(())
    plan.set_relation("children", relation)
    assert repr(relation) == "<Relation children, o2m>"
    assert relation.prop is spec["prop"]


def test_relation_of_another_class_or_key_is_refused() -> None:
    plan, other, spec = make_pair()
    relation = _core.Relation(spec)
    with pytest.raises(ValueError, match="'id' is not a relationship of this class"):
        plan.set_relation("id", relation)
    with pytest.raises(ValueError, match="'children' is not a relationship of this class"):
        other.set_relation("children", relation)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("direction", "sideways", "direction may not be 'sideways'"),
        ("lazy", "never", "lazy may not be 'never'"),
        ("collection", "heap", "collection may not be 'heap'"),
        ("cascade", ("all",), "cascade may not be 'all'"),
        ("flags", ("fast",), "flags may not be 'fast'"),
        ("key", "kids", "'Parent' has no attribute 'kids'"),
        ("pairs", (("id", "father", None, None),), "'Child' has no attribute 'father'"),
        ("target", object(), "target is a MapperPlan"),
    ],
)
def test_spec_that_is_not_as_promised_is_refused(name: str, value: Any, error: str) -> None:
    spec = make_pair()[2] | {name: value}
    with pytest.raises(ValueError, match=error):
        _core.Relation(spec)


def test_missing_key_of_the_spec_is_named() -> None:
    spec = make_pair()[2]
    del spec["order_by"]
    with pytest.raises(KeyError, match="order_by"):
        _core.Relation(spec)


def test_other_sides_are_relations() -> None:
    with pytest.raises(TypeError, match="a tuple of Relations"):
        make_relation()._set_reverse((1,))
