"""Which subclasses' columns a SELECT of a class loads with it: `with_polymorphic()`, "inline" and "selectin"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pyorm import _core, exc
from pyorm.orm import _concrete, _inherit
from pyorm.sql.expression import LABEL_STYLE_TABLENAME_PLUS_COL

if TYPE_CHECKING:
    from pyorm.orm.mapper import Mapper

__all__ = ["with_polymorphic"]


def set_up(mapper: Mapper, load: str | None, given: Any) -> None:
    """Note what a Mapper was told: `polymorphic_load` and `with_polymorphic`.

    Raises:
        ArgumentError: an unknown way of loading.
    """
    if mapper.inherits is not None and load not in (None, "inline", "selectin"):
        raise exc.ArgumentError(f"unknown argument for polymorphic_load: {load!r}")
    mapper.polymorphic_load = load
    mapper._poly_given, mapper._poly_selectable = _split(given)
    mapper._poly_inline = []
    mapper._poly_joins = {}


def _split(given: Any) -> tuple[Any, Any]:
    """Take apart "*", a list of classes, or a pair of one of these and a selectable."""
    if isinstance(given, (list, tuple)) and len(given) == 2 and isinstance(given[1], _core.FromClause):
        return given[0], given[1]
    if given is not None and given != "*" and not isinstance(given, (list, tuple)):
        raise exc.ArgumentError(
            f"Invalid setting for with_polymorphic: expected '*', a list of classes or a pair of these and a "
            f"selectable, got {given!r}"
        )
    return given, None


def child_came(mapper: Mapper) -> None:
    """A subclass was mapped: what its parents load may have grown."""
    parent = mapper.inherits
    assert parent is not None
    if mapper.polymorphic_load == "inline":
        parent._poly_inline.append(mapper)
    for one in _inherit.to_root(parent):
        tell_plan(one)


def tell_plan(mapper: Mapper) -> None:
    """Let the plan know what a plain SELECT of the class reads, if that is more than its table."""
    mappers = mappers_of(mapper)
    if not mappers:
        return
    from pyorm.orm._aliased import columns_of

    source, columns, own_rows = selectable_of(mapper), None, None
    others = [m for m in mappers if m is not mapper]
    if mapper._poly_selectable is not None and not isinstance(source, _core.Join):
        columns = tuple(columns_of(m, source, True) for m in (mapper, *others))
    if mapper.polymorphic_identity is not None and any(m.concrete for m in others):
        own_rows = mapper.polymorphic_on == _concrete.literal(mapper.polymorphic_identity)
    mapper.plan.set_polymorphic(source, tuple(m.plan for m in others), columns, mapper._polymorphic_key, own_rows)


def set_selectable(mapper: Mapper, given: Any, on: str) -> None:
    """Say what a plain SELECT of a class that is mapped already reads, and the key of its discriminator."""
    mapper._poly_given, mapper._poly_selectable = _split(given)
    _inherit.set_discriminator(mapper, on)
    tell_plan(mapper)


def mappers_of(mapper: Mapper) -> list[Mapper]:
    """Return the mappers that a plain SELECT of the class loads, itself first; [] where it is no such class."""
    given = mapper._poly_given
    if given is None and not mapper._poly_inline:
        return []
    wanted = [] if given is None else resolve(mapper, given)
    return resolve(mapper, [*wanted, *mapper._poly_inline]) if mapper._poly_inline else wanted


def selectable_of(mapper: Mapper) -> Any:
    """Return what a plain SELECT of the class selects from."""
    mappers = mappers_of(mapper)
    if mapper._poly_selectable is not None:
        return mapper._poly_selectable
    return join_of(mapper, mappers) if mappers else mapper.persist_selectable


def resolve(mapper: Mapper, spec: Any) -> list[Mapper]:
    """Return the mappers of "*" or of classes, with those in between, in the order of the hierarchy.

    Raises:
        InvalidRequestError: a class does not inherit from the mapper's.
    """
    everything = _inherit.descendants(mapper)
    if spec == "*":
        return list(everything)
    found = {id(mapper)}
    for item in spec:
        one = _mapper_of(item)
        if not one.isa(mapper):
            raise exc.InvalidRequestError(f"{one!r} does not inherit from {mapper!r}")
        for ancestor in _inherit.to_root(one):
            if ancestor is mapper:
                break
            found.add(id(ancestor))
    return [one for one in everything if id(one) in found]


def _mapper_of(item: Any) -> Any:
    from pyorm.orm._registry import class_mapper

    insp = getattr(item, "_aliased_insp", None)
    return insp.mapper if insp is not None else item if hasattr(item, "plan") else class_mapper(item)


def join_of(mapper: Mapper, mappers: Iterable[Mapper], inner: bool = False) -> Any:
    """Return the mapper's tables JOINed with those of its subclasses; one object for one question.

    Raises:
        InvalidRequestError: a concrete subclass, which has no table in common.
    """
    key = (inner, *(id(m) for m in mappers))
    if key not in mapper._poly_joins:
        source = mapper.persist_selectable
        for one in mappers:
            if one is mapper or one.single:
                continue
            if one.concrete:
                raise exc.InvalidRequestError(
                    "'with_polymorphic()' requires 'selectable' argument when concrete-inheriting mappers are used."
                )
            source = source.join(one.local_table, one.inherit_condition, isouter=not inner)
        mapper._poly_joins[key] = source
    return mapper._poly_joins[key]


def select_own(mapper: Mapper, top: Mapper, by_option: bool, options: tuple[Any, ...] = ()) -> Any:
    """Return the SELECT of what a subclass adds to the instances of a parent class.

    Args:
        mapper: the subclass's Mapper.
        top: the Mapper of the class that was selected.
        by_option: take what all classes between the two add, else only of those with polymorphic_load="selectin".
        options: loader options of the statement: what they say of these columns counts, and joins to what the
            relationships of the subclass refer to.

    Returns:
        A SELECT of the subclass with the parameter `primary_keys`; None where there is nothing to load.
    """
    from pyorm.orm.options import Load, load_only

    cls = mapper.class_
    items = [item for option in options for item in getattr(option, "_items", ())]
    names: list[str] = []
    for one in _inherit.to_root(mapper):
        if one is top:
            break
        if by_option or one.polymorphic_load == "selectin":
            own = [p for p in one.column_attrs if p.parent is one and p.key not in top._props]
            names = [p.key for p in own if _is_wanted(p, cls, items)] + names
    joined = [i for i in items if i.steps and isinstance(i.root, type) and issubclass(cls, i.root)]
    if not names and not joined:
        return None
    keys = mapper.primary_key
    left = keys[0] if len(keys) == 1 else _core.tuple_(*keys)
    where = left.in_(_core.bindparam("primary_keys", expanding=True))
    wanted = [getattr(cls, name) for name in names] or [
        getattr(cls, mapper.get_property_by_column(column).key) for column in mapper.primary_key
    ]
    loads = [load_only(*wanted)]
    if joined:
        loads.append(Load._make(None, (), tuple(item._replace(root=cls) for item in joined)))
    return _core.select(cls).options(*loads).where(where).set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)


def _class_of(entity: Any) -> Any:
    insp = getattr(entity, "_aliased_insp", None)
    return entity if insp is None else insp.class_


def _is_wanted(prop: Any, cls: type, items: list[Any]) -> bool:
    """Return whether the options, else the mapping, say that a column of the class is loaded."""
    from pyorm.orm._paths import ALL, GROUP, LOAD, SLOT

    said = None
    for item in items:
        if item.steps or not (item.root is None or issubclass(cls, _class_of(item.root))):
            continue
        if item.what == SLOT and item.target.key == prop.key:
            return bool(item.strategy == LOAD)
        if item.what == ALL or (item.what == GROUP and item.argument("group") == getattr(prop, "group", None)):
            said = item.strategy == LOAD
    return not prop.deferred if said is None else said


# --- other names for several tables ---


def other_name(selectable: Any, name: str | None, flat: bool) -> tuple[Any, dict[Any, Any] | None]:
    """Return a selectable of its own for an alias of a class, and the aliases of its tables.

    Args:
        selectable: a table, or a JOIN of tables.
        name: name of the alias; with `flat`, what the names of the tables' aliases begin with.
        flat: aliases of the tables, JOINed; else a subquery.
    """
    if not isinstance(selectable, _core.Join):
        return selectable.alias(name=name), None
    if flat:
        aliases: dict[Any, Any] = {}
        return _flat(selectable, name, aliases), aliases
    select = _core.select(*selectable.c).select_from(selectable).set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
    return select.subquery(name), None


def _flat(source: Any, name: str | None, aliases: dict[Any, Any]) -> Any:
    if not isinstance(source, _core.Join):
        alias = source.alias(name=None if name is None else f"{name}_{source.name}")
        aliases[source] = alias
        return alias
    left, right = _flat(source.left, name, aliases), _flat(source.right, name, aliases)
    condition = source.onclause
    for table, alias in aliases.items():
        condition = _core._apply(condition, table, alias)
    return left.join(right, condition, isouter=source.isouter, full=source.full)


def with_polymorphic(
    base: Any,
    classes: Any,
    selectable: Any = False,
    flat: bool = False,
    polymorphic_on: Any = None,
    aliased: bool = False,
    innerjoin: bool = False,
    adapt_on_names: bool = False,
    name: str | None = None,
    _use_mapper_path: bool = False,
) -> Any:
    """Make an alias of a class that loads columns of its subclasses too.

    Args:
        base: A mapped class, or an alias of one.
        classes: The subclasses, or "*" for all; those in between are included.
        selectable: What everything is read from; by default the tables, OUTER JOINed.
        flat: Give each table an alias of its own, so that the tables can stand in the statement once more.
        polymorphic_on: The discriminator's column in `selectable`.
        aliased: Read from a subquery; with `selectable`, from an alias of it.
        innerjoin: JOIN instead of OUTER JOIN: only rows that all the tables have.
        adapt_on_names: Match the selectable's columns by name.
        name: Name of the alias in rows.

    Returns:
        An AliasedClass that has an alias of each subclass as an attribute: `alias.Manager.budget`.

    Raises:
        InvalidRequestError: a class does not inherit from `base`.

    Statements:
        One SELECT loads all attributes of all these classes' instances.
    """
    from pyorm.orm._aliased import AliasedClass

    mapper = _mapper_of(base)
    mappers = resolve(mapper, classes)
    if selectable in (False, None):
        source, aliases = join_of(mapper, mappers, innerjoin), None
        if flat or aliased:
            source, aliases = other_name(source, None, flat)
        else:
            aliases = {}
    else:
        source, aliases = (selectable.alias() if aliased else selectable), None
    return AliasedClass._of_several(mapper, mappers, source, aliases, name, adapt_on_names, polymorphic_on)
