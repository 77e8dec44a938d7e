"""Completing one relationship: its arguments looked up, its sides linked, its `Relation` made."""

from __future__ import annotations

import warnings
from typing import Any

from pyorm import _core, exc
from pyorm.inspection import inspect
from pyorm.orm import _placeholders, clsregistry
from pyorm.orm._cascade import MANYTOMANY, MANYTOONE, ONETOMANY
from pyorm.orm._join_condition import JoinCondition
from pyorm.orm._join_search import plain_column
from pyorm.orm.exc import UnmappedClassError
from pyorm.orm.relationships import RelationshipProperty, is_callable, relationship
from pyorm.sql import operators

_STRICT = {operators.eq, operators.ne, operators.lt, operators.le, operators.gt, operators.ge}
_DIRECTIONS = {ONETOMANY: "o2m", MANYTOONE: "m2o", MANYTOMANY: "m2m"}
_OVERLAPS = (
    "relationship '{prop}' will copy column {source} to column {dest}, which conflicts with relationship(s): {others}. "
    "If this is not the intention, consider if these relationships should be linked with back_populates, or if "
    "viewonly=True should be applied to one or more if they are read-only. For the less common case that foreign key "
    "constraints are partially overlapping, the orm.foreign() annotation can be used to isolate the columns that "
    "should be written towards.   To silence this warning, add the parameter 'overlaps=\"{keys}\"' to the '{prop}' "
    "relationship."
)


# ---- the target ------------------------------------------------------------------------------------------------
def target_of(prop: Any) -> Any:
    """Return what `inspect()` says of the related class; looked up once.

    Raises:
        ArgumentError: the target is nothing mapped.
        InvalidRequestError: no class has this name, or several have.
    """
    known = prop.__dict__.get("_entity")
    if known is not None:
        return known
    argument = prop.argument
    if isinstance(argument, str):
        argument = clsregistry.Resolver(prop.parent.class_, prop).find(argument)
    elif is_callable(argument):
        argument = argument()
    found = inspect(argument, raiseerr=False) if _can_be_entity(argument) else None
    if found is None and isinstance(argument, type):
        raise UnmappedClassError(argument)
    if found is None or not hasattr(found, "mapper") or getattr(found, "is_instance", False):
        raise exc.ArgumentError(
            f"relationship '{prop.key}' expects a class or a mapper argument (received: {type(argument)})"
        )
    prop.__dict__["_entity"] = found
    return found


def _can_be_entity(argument: Any) -> bool:
    return isinstance(argument, (type, _core.AliasedEntity)) or hasattr(argument, "is_mapper") or hasattr(
        argument, "is_aliased_class"
    )


# ---- arguments ---------------------------------------------------------------------------------------------------
def _resolve(prop: Any) -> dict[str, Any]:
    resolver = clsregistry.Resolver(prop.parent.class_, prop)
    found: dict[str, Any] = {}
    for name, value in prop.given.items():
        if isinstance(value, str):
            value = resolver.find(value, tables_first=True) if name == "secondary" else resolver.evaluate(value)
        elif is_callable(value):
            value = value()
        found[name] = value
    for name in ("primaryjoin", "secondaryjoin"):
        found[name] = None if found[name] is None else _expression(found[name], name)
    for name in ("order_by", "foreign_keys", "remote_side"):
        found[name] = [_expression(one, name) for one in _listed(found[name])]
    for name in ("order_by", "foreign_keys", "remote_side"):
        found[name] = [_core._rewrite(one, lambda column, marks: plain_column(column)) for one in found[name]]
    _check_secondary(prop, found["secondary"])
    return found


def _listed(value: Any) -> list[Any]:
    if value is None or value is False:
        return []
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    return [value]


def _expression(value: Any, name: str) -> Any:
    if is_callable(value):
        value = value()
    element = getattr(value, "__clause_element__", None)
    if element is not None and not isinstance(value, type):
        value = element()
    if not isinstance(value, _core.ColumnElement):
        raise exc.ArgumentError(f"Column expression expected for argument '{name}'; got {value!r}.")
    return value


def _check_secondary(prop: Any, secondary: Any) -> None:
    if secondary is None or isinstance(secondary, _core.FromClause):
        return
    raise exc.ArgumentError(
        f"secondary argument {secondary} passed to to relationship() {prop} must be a Table object or other FROM "
        "clause; can't send a mapped class directly as rows in 'secondary' are persisted independently of a class "
        "that is mapped to that same table."
    )


# ---- phase one: the join -------------------------------------------------------------------------------------------
def set_up(prop: RelationshipProperty) -> None:
    """Find target, join condition, direction and cardinality; link the other side.

    Raises:
        ArgumentError, InvalidRequestError: as their text says.
    """
    _note_dependency(prop.parent.registry, target_of(prop).mapper.registry)
    join = JoinCondition(prop, _resolve(prop))
    prop._join = join
    _check_options(prop, join)
    if prop.uselist is None:
        prop.uselist = join.direction is not MANYTOONE
    if not prop.viewonly:
        _warn_of_overlaps(prop, join)
    _link(prop)


def _note_dependency(source: Any, target: Any) -> None:
    if source is not None and target is not None and source is not target:
        source._dependencies.add(target)
        target._dependents.add(source)


def _check_options(prop: Any, join: JoinCondition) -> None:
    many = "many-to-one" if join.direction is MANYTOONE else "many-to-many"
    if prop.cascade.delete_orphan and not prop.single_parent and join.direction is not ONETOMANY:
        parent, child = prop.parent.class_.__name__, prop.mapper.class_.__name__
        raise exc.ArgumentError(
            f'For {many} relationship {prop}, delete-orphan cascade is normally configured only on the "one" side of a '
            'one-to-many relationship, and not on the "many" side of a many-to-one or many-to-many relationship.  To '
            f'force this relationship to allow a particular "{child}" object to be referenced by only a single '
            f'"{parent}" object at a time via the {prop} relationship, which would allow delete-orphan cascade to '
            "take place in this direction, set the single_parent=True flag.",
            code="bbf0",
        )
    if prop.passive_deletes == "all" and (prop.cascade.delete or prop.cascade.delete_orphan):
        raise exc.ArgumentError(
            f"On {prop}, can't set passive_deletes='all' in conjunction with 'delete' or 'delete-orphan' cascade"
        )
    uselist = prop.uselist if prop.uselist is not None else join.direction is not MANYTOONE
    if prop.lazy_word in ("dynamic", "write_only") and not uselist:
        raise exc.InvalidRequestError(
            f"On relationship {prop}, '{prop.lazy_word}' loaders cannot be used with many-to-one/one-to-one "
            "relationships and/or uselist=False."
        )


def _warn_of_overlaps(prop: Any, join: JoinCondition) -> None:
    for source, dest in (*join.synchronize_pairs, *join.secondary_synchronize_pairs):
        writers = getattr(dest, "_writers", None)
        if writers is None:
            writers = {}
            try:
                dest._writers = writers
            except AttributeError:  # a column of a subquery is nothing that is written
                continue
        others = [(other, of) for other, of in writers.items() if _conflicts(prop, other)]
        if others:
            shown = ", ".join(f"'{other}' (copies {of} to {dest})" for other, of in others)
            keys = ",".join(sorted(other.key for other, _ in others))
            warning = exc.SAWarning(
                _OVERLAPS.format(prop=prop, source=source, dest=dest, others=shown, keys=keys), code="qzyx"
            )
            warnings.warn(warning, stacklevel=7)
        writers[prop] = source


def _conflicts(prop: Any, other: Any) -> bool:
    if other is prop or not other.parent.is_mapping or other in prop._reverse_property:
        return False
    if other.key in prop._overlaps or prop.key in other._overlaps or _names(other) & prop._overlaps:
        return False
    if other.key == prop.key and other.parent.base_mapper is prop.parent.base_mapper:
        return False
    return not (_siblings(prop.parent, other.parent) or _siblings(prop.mapper, other.mapper))


def _names(other: Any) -> set[str]:
    return {other.key, "__*"}


def _siblings(one: Any, other: Any) -> bool:
    return one.base_mapper is other.base_mapper and not one.isa(other) and not other.isa(one)


# ---- the other side ------------------------------------------------------------------------------------------------
def _link(prop: Any) -> None:
    if prop.backref is not None:
        _make_backref(prop)
    name = prop.back_populates
    if name is None:
        return
    if is_callable(name):
        name = name()
    if not isinstance(name, str):
        name = getattr(name, "key", None)
        if name is None:
            raise exc.ArgumentError(f"back_populates of {prop} is a name or an attribute, got {prop.back_populates!r}")
    prop.back_populates = name
    _add_reverse(prop, name)


def _add_reverse(prop: Any, key: str) -> None:
    target = prop.mapper
    if not target.has_property(key):
        raise exc.InvalidRequestError(
            f"Mapper '{target}' has no property '{key}'{clsregistry.did_you_mean(key, target._props)}  If this "
            "property was indicated from other mappers or configure events, ensure registry.configure() has been "
            "called."
        )
    other = target.get_property(key)
    if not isinstance(other, RelationshipProperty):
        raise exc.InvalidRequestError(
            f"back_populates on relationship '{prop}' refers to attribute '{other}' that is not a relationship.  The "
            "back_populates parameter should refer to the name of a relationship on the target class."
        )
    if prop.viewonly and prop.sync_backref:
        raise exc.InvalidRequestError(
            f"Relationship {other} cannot specify sync_backref=True since {prop} includes viewonly=True."
        )
    if other.viewonly and other is not prop and prop.sync_backref:
        raise exc.InvalidRequestError(
            f"Relationship {prop} cannot specify sync_backref=True since {other} includes viewonly=True."
        )
    prop._reverse_property.add(other)
    other._reverse_property.add(prop)
    if target_of(other).mapper.base_mapper is not prop.parent.base_mapper:
        raise exc.ArgumentError(
            f"reverse_property '{key}' on relationship {prop} references relationship {other}, which does not "
            f"reference mapper {prop.parent}"
        )
    if other._join is not None and prop._join.direction is other._join.direction is not MANYTOMANY:
        raise exc.ArgumentError(
            f"{prop} and back-reference {other} are both of the same direction {prop._join.direction!r}.  Did you mean "
            "to set remote_side on the many-to-one side ?"
        )


def _make_backref(prop: Any) -> None:
    key, arguments = (prop.backref, {}) if isinstance(prop.backref, str) else prop.backref
    arguments, target, join = dict(arguments), prop.mapper, prop._join
    for mapper in (*target.iterate_to_root(), *target.self_and_descendants):
        if mapper.has_property(key):
            raise exc.ArgumentError(
                f"Error creating backref '{key}' on relationship '{prop}': property of that name exists on mapper "
                f"'{mapper}'"
            )
    if join.secondary is not None:
        primary, secondary = join.reversed_secondary()
        arguments.setdefault("primaryjoin", primary)
        arguments.setdefault("secondaryjoin", secondary)
        arguments.setdefault("secondary", join.secondary)
    else:
        if "secondaryjoin" in arguments:
            raise exc.ArgumentError("Can't assign 'secondaryjoin' on a backref against a non-secondary relationship.")
        arguments.setdefault("primaryjoin", join.reversed_primaryjoin())
    arguments.setdefault("foreign_keys", list(join.given_foreign) or None)
    for name in ("viewonly", "post_update", "passive_updates", "sync_backref"):
        arguments.setdefault(name, getattr(prop, name))
    if arguments["viewonly"]:
        arguments["sync_backref"] = False if arguments["sync_backref"] else arguments["sync_backref"]
    prop.back_populates = key
    other = relationship(prop.parent.class_, back_populates=prop.key, **arguments)
    target.add_property(key, other)


def syncs_with(prop: Any, other: Any) -> bool:
    """Return whether changes of `prop` are carried over to `other`."""
    if prop.sync_backref is False:
        return False
    return not other.viewonly and not prop.viewonly


# ---- phase two: the core's Relation ---------------------------------------------------------------------------------
def make_relation(prop: Any) -> Any:
    """Return a new `_core.Relation`, without its other sides."""
    join, entity = prop._join, prop._entity
    holders = prop._template = _placeholders.make(prop, join)
    kind, factory, keyfunc = _collection(prop)
    use_get = join.direction is MANYTOONE and not prop.uselist and _is_get(prop, join)
    prop._use_get, prop._is_strict = use_get, _is_strict(join)
    spec = {
        "key": prop.key,
        "prop": prop,
        "parent": prop.parent.plan,
        "target": prop.mapper.plan,
        "target_entity": entity.entity if entity.is_aliased_class else None,
        "direction": _DIRECTIONS[join.direction],
        "lazy": prop.lazy_word,
        "collection": kind,
        "factory": factory,
        "keyfunc": keyfunc,
        "cascade": tuple(prop.cascade),
        "flags": tuple(_flags(prop, join, use_get)),
        "join_depth": prop.join_depth,
        "pairs": _pairs(prop, join),
        "get": _get_keys(prop, join) if use_get else (),
        "secondary_pairs": _secondary_pairs(prop, join),
        "secondary": join.secondary,
        **holders,
    }
    return _core.Relation(spec)


def _flags(prop: Any, join: JoinCondition, use_get: bool) -> list[str]:
    given = {
        "viewonly": prop.viewonly,
        "no_batch": prop._one_by_one,
        "post_update": prop.post_update,
        "single_parent": prop.single_parent,
        "load_on_pending": prop.load_on_pending,
        "active_history": prop.active_history,
        "passive_deletes": prop.passive_deletes is True,
        "passive_deletes_all": prop.passive_deletes == "all",
        "passive_updates": prop.passive_updates,
        "use_get": use_get,
        "innerjoin": bool(prop.innerjoin),
        "nested_innerjoin": prop.innerjoin in (True, "nested"),
        "distinct_target_key": bool(prop.distinct_target_key),
        "omit_join": _can_omit_join(prop, join, use_get),
        "self": prop._is_self_referential,
        "sync_backref_off": prop.sync_backref is False,
        "legacy_orphan": bool(prop.mapper.legacy_is_orphan),
        "strict": prop._is_strict,
        "subtypes": not prop.enable_typechecks or prop.mapper.polymorphic_on is not None,
    }
    return [name for name, is_set in given.items() if is_set]


def _key_of(mapper: Any, column: Any) -> str | None:
    found = mapper._by_column.get(column)
    return None if found is None else found.key


def _pairs(prop: Any, join: JoinCondition) -> tuple[Any, ...]:
    source, dest = prop.parent, prop.mapper
    if join.direction is MANYTOONE:
        source, dest = dest, source
    elif join.direction is MANYTOMANY:
        dest = None
    return tuple(
        (_key_of(source, a), None if dest is None else _key_of(dest, b), a, b) for a, b in join.synchronize_pairs
    )


def _secondary_pairs(prop: Any, join: JoinCondition) -> tuple[Any, ...]:
    return tuple((_key_of(prop.mapper, a), None, a, b) for a, b in join.secondary_synchronize_pairs)


def _get_keys(prop: Any, join: JoinCondition) -> tuple[str | None, ...]:
    """Return the attributes that equal the target's primary key, in its order."""
    local = {_identity_column(prop.mapper, remote): column for column, remote in join.local_remote_pairs}
    return tuple(_key_of(prop.parent, local[column]) for column in prop.mapper.primary_key)


def _is_strict(join: JoinCondition) -> bool:
    """Return whether NULL in a local column finds nothing: the condition is comparisons of columns, joined by AND."""
    operators_in = {operator for operator, *_ in _core._comparisons(join.primaryjoin)}
    return operators_in <= _STRICT and _core._is_plain(join.primaryjoin)


def _equated(condition: Any, pairs: Any, side: set[Any]) -> bool:
    """Return whether the condition is nothing but `=` between the pairs, with all columns of `side` in it."""
    comparisons = _core._comparisons(condition)
    if len(comparisons) != len(pairs) or len(_core._columns_in(condition)) != 2 * len(comparisons):
        return False
    if _core._has_subquery(condition) or not _core._is_plain(condition):
        return False
    return all(operator is operators.eq for operator, *_ in comparisons) and {remote for _, remote in pairs} == side


def _is_get(prop: Any, join: JoinCondition) -> bool:
    """Return whether the identity map answers the many-to-one relationship."""
    if prop._entity.is_aliased_class or join.secondary is not None:
        return False
    remote = {column for _, column in join.local_remote_pairs}
    found = {_identity_column(prop.mapper, column) for column in remote}
    if found != set(prop.mapper.primary_key) or len(join.local_remote_pairs) != len(found):
        return False
    return _equated(join.primaryjoin, join.local_remote_pairs, remote)


def _identity_column(mapper: Any, column: Any) -> Any:
    """Return the column of the root's primary key that a column of a joined class's table always equals."""
    there = mapper._by_column.get(column)
    return next((one for one in mapper.primary_key if there is not None and one in there.columns), column)


def _can_omit_join(prop: Any, join: JoinCondition, use_get: bool) -> bool:
    """Return whether the target's foreign key alone says whose it is."""
    if prop.omit_join is False or join.direction is not ONETOMANY or join.secondary is not None:
        return False
    if prop._entity.is_aliased_class:
        return False
    locals_ = {a for a, _ in join.local_remote_pairs}
    return locals_ == set(prop.parent.primary_key) and _equated(
        join.primaryjoin, join.local_remote_pairs, set(join.remote_columns)
    )


def _collection(prop: Any) -> tuple[str | None, Any, Any]:
    """Return kind, factory and key function of the collection."""
    if not prop.uselist:
        return None, None, None
    from pyorm.orm.collections import prepare_instrumentation

    return prepare_instrumentation(prop.collection_class)


__all__ = ["make_relation", "set_up", "syncs_with", "target_of"]
