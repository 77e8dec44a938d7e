"""The statements by which a relationship is loaded, made once per relationship.

`one_select` is for one parent, whose column values are its parameters; `many_select` is for up to
500, whose keys stand in one IN. The core calls both at the first load, keeps what they return and
puts the values in the place of the marks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pyorm import _core
from pyorm.inspection import inspect
from pyorm.orm import _eager
from pyorm.orm._aliased import AliasedClass
from pyorm.orm._cascade import MANYTOONE
from pyorm.orm._criteria import propagated
from pyorm.orm._load_option import Load
from pyorm.orm._relate import _can_omit_join as _omits_join
from pyorm.orm._relate import _equated, _identity_column
from pyorm.orm._relation_joins import conditions, order, read_from
from pyorm.orm.relationships import REMOTE
from pyorm.schema import Table
from pyorm.sql.expression import bindparam, select, tuple_
from pyorm.types import BigInteger, Integer, SmallInteger


def behind(prop: Any, options: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]] | None:
    """Return what the options of an instance's load say of a relationship that is loaded later.

    Args:
        prop: a configured RelationshipProperty of the instance's class.
        options: as `_eager` remembered them.

    Returns:
        The Step that leads along it or None, and options about what it leads to; None: nothing is said.
    """
    criteria = propagated(options)
    loads = (option for option in options if isinstance(option, Load))
    items = tuple(item for load in loads for item in load._items if item.leads_along(prop))
    if not items and not criteria:
        return None
    view = _eager.View(items, 0)
    step = _eager.step_along(view, prop)
    rebased = (*view.rebased(prop), *criteria)
    if not rebased and (step is None or (step.of is None and not step.criteria)):
        return None
    return step, rebased


def select_for(prop: Any, what: Any, instance: Any) -> Any:
    """Return the SELECT for one parent with its values, for listeners of do_orm_execute; None: nothing can be found."""
    statement, marks = one_select(prop, what, instance)
    state = inspect(instance)
    if any(value is None for value, _ in marks) and (prop._is_strict or not state.has_identity):
        return None
    return statement


def related_of(result: Any) -> list[Any]:
    """Return the related instances of the result that listeners gave."""
    return [one for one in result.scalars().unique() if one is not None]


def one_select(prop: Any, what: Any = None, instance: Any = None) -> tuple[Any, tuple[tuple[object, str], ...]]:
    """Return the SELECT for one parent.

    Args:
        prop: a configured RelationshipProperty.
        what: what `behind` found, or None.
        instance: the parent, whose values then are the parameters and the marks.

    Returns:
        The Select, and pairs of a parameter's mark and the parent's attribute whose value goes there.
    """
    join = prop._join
    marks: list[tuple[object, str]] = []

    def bind(column: Any, bits: int) -> Any:
        if bits & REMOTE or column not in join.local_columns:
            return column
        key = prop.parent._by_column[column].key
        mark = object() if instance is None else getattr(instance, key)
        marks.append((mark, key))
        return bindparam(None, mark, type_=column.type, unique=True)

    step, options = (None, ()) if what is None else what
    options = _with_subclass(prop, step, options)
    where = [_core._rewrite(join.primaryjoin, bind)]
    entity = prop.entity.entity
    statement = select(entity).options(*options)
    if join.secondaryjoin is not None:
        statement = statement.select_from(entity, join.secondary)
        where.append(_core._rewrite(join.secondaryjoin, lambda column, bits: column))
    if step is not None:
        where += (read_from(one, prop, entity) for one in step.criteria)
    statement = statement.where(*where)
    if join.order_by:
        statement = statement.order_by(*join.order_by)
    return statement, tuple(marks)


def post_select(
    prop: Any, what: Any, arguments: dict[str, Any], statement: Any, number: int
) -> tuple[Any, Any, int, Any]:
    """Return the SELECT for many parents as an option of a statement wants it.

    Args:
        prop: a configured RelationshipProperty.
        what: the option's last step or None, and options about the related entity.
        arguments: of the option: recursion_depth.
        statement: where the option has criteria, the statement that is executed: its values count; else None.
        number: of the option among the statement's.
    """
    if statement is not None:
        what = _eager.posts_of(statement)[number][3]
    step, options = what
    depth = arguments.get("recursion_depth")
    if depth is not None and depth != 0:
        again = Load(prop.entity.entity)
        options = (*options, again.selectinload(step.attr, recursion_depth=depth - 1 if depth > 0 else depth))
    return many_select(prop, (step, options))


def many_select(prop: Any, what: Any = None) -> tuple[Any, Any, int, Any]:
    """Return the SELECT for many parents.

    Args:
        prop: a configured RelationshipProperty.
        what: a Step or None, whose of_type() and and_() count, and options about the related entity; None: nothing.

    Returns:
        The Select of the key columns and the related entity; the mark in the place of the keys; the number of key
        columns: 0 where the keys are the related rows' own (many-to-one over their primary key); and what makes the
        same SELECT for all whole numbers from one to another, None where keys are none.
    """
    mark = (object(), object())  # two: a list of one has a shape of its own
    keys, by_keys, own = _many(prop, what)
    make_range = partial(_range_select, keys[0], by_keys) if len(keys) == 1 and _is_whole(keys[0]) else None
    return by_keys(_one_of(keys, mark)), mark, 0 if own else len(keys), make_range


def _many(prop: Any, what: Any) -> tuple[list[Any], Callable[[Any], Any], bool]:
    """Return the key columns, what makes the SELECT with a condition on them, and if they are the related rows' own."""
    step, options = (None, ()) if what is None else what
    options = _with_subclass(prop, step, options)
    of = None if step is None or isinstance(step.of, type) else step.of
    entity, join = of if of is not None else prop.entity.entity, prop._join
    read_direct = of is None or _maps_keys(prop, join)
    criteria = () if step is None else tuple(read_from(one, prop, entity) for one in step.criteria)
    if join.direction is MANYTOONE and prop._use_get:
        keys = [getattr(entity, prop.mapper.get_property_by_column(c).key) for c in prop.mapper.primary_key]
        statement, ordering, own = select(entity), [], True
    elif read_direct and _omits_join(prop, join, False):
        pairs = dict(join.local_remote_pairs)
        keys = [_attribute_of(prop.mapper, entity, pairs[column]) for column in prop.parent.primary_key]
        ordering = list(join.order_by) if of is None or not join.order_by else order(prop, of)
        statement, own = select(*keys, entity), False
    elif secondary_keys := _secondary_keys(prop, join):
        keys = list(secondary_keys)
        (middle, _), (right, on) = conditions(prop, prop.parent.class_, entity, prop.secondary)
        statement, own = select(*keys, entity).select_from(middle).join(right, on), False
        ordering = order(prop, entity, middle) if join.order_by else []
    else:
        parent = AliasedClass(prop.parent.class_)
        keys = [getattr(parent, prop.parent.get_property_by_column(c).key) for c in prop.parent.primary_key]
        statement, own = select(*keys, entity).select_from(parent), False
        joins = conditions(prop, parent, entity)
        for right, on in joins:
            statement = statement.join(right, on)
        ordering = order(prop, entity, joins[0][0] if len(joins) > 1 else None) if join.order_by else []
    statement = statement.options(*options)
    if ordering:
        statement = statement.order_by(*ordering)
    return keys, lambda condition: statement.where(condition, *criteria), own


def _secondary_keys(prop: Any, join: Any) -> tuple[Any, ...]:
    """Return the columns of the secondary table that are the parents' keys: then nothing else is read of these.

    Empty where the condition says more than that, or the table's columns are of other types than the keys.
    """
    if prop.omit_join is False or prop._is_self_referential or not isinstance(prop.secondary, Table):
        return ()
    pairs = {_identity_column(prop.parent, source): column for source, column in join.synchronize_pairs}
    keys = prop.parent.primary_key
    if pairs.keys() != set(keys) or not _equated(join.primaryjoin, join.synchronize_pairs, set(pairs.values())):
        return ()
    found = tuple(pairs[key] for key in keys)
    return found if all(mine.type._record is key.type._record for mine, key in zip(found, keys, strict=True)) else ()


def _is_whole(key: Any) -> bool:
    return type(key.type) in (Integer, BigInteger, SmallInteger) and not key.type._variants


def _range_select(key: Any, by_keys: Callable[[Any], Any]) -> tuple[Any, Any, Any]:
    """Return the SELECT for all keys from one to another, and the marks in their places."""
    first, last = object(), object()
    bounds = (bindparam(None, mark, type_=key.type, unique=True) for mark in (first, last))
    return by_keys(key.between(*bounds)), first, last


def _with_subclass(prop: Any, step: Any, options: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the options, and where of_type() names a subclass one that loads its columns along."""
    target = prop.entity.entity
    if step is None or not isinstance(step.of, type) or step.of is target:
        return options
    return (*options, Load(target).selectin_polymorphic([step.of]))


def _maps_keys(prop: Any, join: Any) -> bool:
    """Return whether the columns by which the related rows refer to the parent are attributes of their class."""
    return all(remote in prop.mapper._by_column for _, remote in join.local_remote_pairs)


def _attribute_of(mapper: Any, entity: Any, column: Any) -> Any:
    """Return the entity's attribute for a column, which then is selected once; else the column."""
    prop = mapper._by_column.get(column)
    return column if prop is None else getattr(entity, prop.key)


def _one_of(keys: list[Any], mark: Any) -> Any:
    key = keys[0] if len(keys) == 1 else tuple_(*keys)
    return key.in_(bindparam("primary_keys", mark, expanding=True))
