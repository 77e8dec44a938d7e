"""Inheritance of mappings: what a subclass's Mapper takes over from its parent's, and what it adds.

Three kinds: *single* (no table of its own), *joined* (a table with a foreign key to the parent's) and *concrete* (a
table with everything). A joined class is read from the JOIN of its tables; a single one from its parent's selectable,
and statements over it get a criterion: the discriminator is one of the identities of the class and its subclasses.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pyorm import _core, exc
from pyorm.orm.properties import ColumnProperty, MappedColumn, MapperProperty
from pyorm.sql import operators
from pyorm.sql.expression import LABEL_STYLE_TABLENAME_PLUS_COL

if TYPE_CHECKING:
    from pyorm.orm.mapper import Mapper

HIDDEN_KEY = "_sa_polymorphic_on"  # the attribute of a discriminator that is no mapped attribute


def column_of(value: Any) -> Any:
    """Return the Column behind a mapped_column, an attribute, or the column itself."""
    if isinstance(value, MappedColumn):
        return value.column
    inner = getattr(value, "__clause_element__", None)
    return value if inner is None else inner()


def check_expression(argument: str, given: Any) -> None:
    """Refuse what is neither a column nor an expression nor a name.

    Raises:
        ArgumentError: so.
    """
    if not isinstance(given, (str, MappedColumn, _core.ClauseElement)) and not hasattr(given, "__clause_element__"):
        raise exc.ArgumentError(f"Column expression or string key expected for argument '{argument}'; got {given!r}.")


def resolve(cls: type, inherits: Any) -> Mapper | None:
    """Return the Mapper that `inherits` names.

    Raises:
        ArgumentError: the class does not derive from that mapper's class.
    """
    if inherits is None:
        return None
    from pyorm.orm._registry import class_mapper

    base = class_mapper(inherits) if isinstance(inherits, type) else inherits
    if not issubclass(cls, base.class_):
        raise exc.ArgumentError(f"Class '{cls.__name__}' does not inherit from '{base.class_.__name__}'")
    found: Mapper = base
    return found


def descendants(mapper: Mapper) -> tuple[Mapper, ...]:
    """Return the mapper and all that inherit from it, level by level, as they were mapped."""
    found = [mapper]
    for one in found:
        found.extend(child for ref in one._children if (child := ref()) is not None)
    return tuple(found)


def to_root(mapper: Mapper) -> Iterator[Mapper]:
    """Iterate over the mapper and those it inherits from, up to the root."""
    one: Mapper | None = mapper
    while one is not None:
        yield one
        one = one.inherits


# --- tables ---


def join_parent(mapper: Mapper, base: Mapper, condition: Any, foreign_keys: Any) -> None:
    """Make the mapper's selectable: the parent's JOINed with its own table.

    Raises:
        NoForeignKeysError: nothing says how the tables belong together.
        AmbiguousForeignKeysError: several foreign keys do.
    """
    parent, own = base.local_table, mapper.local_table
    if condition is None:
        condition = _condition_of(parent, own)
    mapper.inherit_condition = condition
    mapper.persist_selectable = base.persist_selectable.join(own, condition)
    mapper._equated = tuple(_pairs(condition, own, foreign_keys))
    mapper.tables = [*base.tables, *([own] if hasattr(own, "indexes") else [])]
    if not mapper._pks_of(own):
        warnings.warn(
            f"Could not assemble any primary keys for locally mapped table '{own.description}' - no rows will be "
            "persisted in this Table.",
            exc.SAWarning,
            stacklevel=5,
        )


def _condition_of(parent: Any, own: Any) -> Any:
    try:
        return parent.join(own).onclause
    except exc.NoForeignKeysError as error:
        raise exc.NoForeignKeysError(
            f"Can't determine the inherit condition between inherited table '{parent.description}' and inheriting "
            f"table '{own.description}'; tables have no foreign key relationships established.  Please ensure the "
            "inheriting table has a foreign key relationship to the inherited table, or provide an 'on clause' using "
            "the 'inherit_condition' mapper argument."
        ) from error
    except exc.AmbiguousForeignKeysError as error:
        raise exc.AmbiguousForeignKeysError(
            f"Can't determine the inherit condition between inherited table '{parent.description}' and inheriting "
            f"table '{own.description}'; tables have more than one foreign key relationship established.  Please "
            "specify the 'on clause' using the 'inherit_condition' mapper argument."
        ) from error


def _pairs(condition: Any, own: Any, foreign_keys: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (column of a parent's table, column of the own table that takes its value)."""
    given = None
    if foreign_keys is not None:
        many = foreign_keys if isinstance(foreign_keys, (list, tuple, set)) else (foreign_keys,)
        given = {column_of(one) for one in many}
    for element in _equations(condition):
        left, right = _plain(element.left), _plain(element.right)
        if getattr(left, "table", None) is own:
            left, right = right, left
        if getattr(right, "table", None) is not own or getattr(left, "table", None) is None:
            continue
        refers = right in given if given is not None else any(key.column is left for key in right.foreign_keys)
        if refers:
            yield left, right


def _equations(condition: Any) -> Iterator[Any]:
    """Yield the `a == b` of a condition, whatever ANDs them together."""
    waiting = [condition]
    while waiting:
        element = waiting.pop(0)
        if isinstance(element, _core.BinaryExpression):
            if element.operator is operators.eq:
                yield element
        else:
            waiting.extend(element.get_children())


def _plain(element: Any) -> Any:
    return element.property.columns[0] if isinstance(element, _core.InstrumentedAttribute) else element


# --- attributes ---


def combine(mapper: Mapper, key: str, column: Any) -> MapperProperty:
    """Return the property of a column of the own table whose name the parent maps already.

    Raises:
        ArgumentError: the parent's attribute is no column.
    """
    there = mapper._props[key]
    if not isinstance(there, ColumnProperty):
        raise exc.ArgumentError(
            f"Column '{column}' of {mapper} has the name of the attribute '{there}', which is no column: give one of "
            "them another name"
        )
    first = there.columns[0]
    paired = any(child is column and parent in there.columns for parent, child in mapper._equated)
    special = first is mapper.version_id_col or column is mapper.version_id_col
    if not paired and not special and isinstance(first, _core.ColumnClause):
        warnings.warn(
            f"Implicitly combining column {first} with column {column} under attribute '{key}'.  Please configure "
            "one or more attributes for these same-named columns explicitly.",
            exc.SAWarning,
            stacklevel=6,
        )
    prop = there._copy()
    prop.columns.insert(0, column)
    prop.parent = None
    return prop


def hand_down(mapper: Mapper, prop: MapperProperty) -> None:
    """Let the mappers of subclasses know an attribute that the parent got late."""
    for child in descendants(mapper)[1:]:
        if child.concrete or prop.key in child._props:
            continue
        child._props[prop.key] = prop
        child._note_columns(prop)


# --- the discriminator ---


def set_discriminator(mapper: Mapper, given: Any) -> None:
    """Find the attribute of `polymorphic_on`, or make a hidden one for an expression.

    Raises:
        ArgumentError: no attribute has the name.
    """
    base = mapper.inherits
    mapper._polymorphic_key = None
    if given is None:
        if base is not None and not mapper.concrete:
            mapper.polymorphic_on, mapper._polymorphic_key = base.polymorphic_on, base._polymorphic_key
        return
    if isinstance(given, str):
        if given not in mapper._props:
            raise exc.ArgumentError(
                f"Can't determine polymorphic_on value '{given}' - no attribute is mapped to this name."
            )
        prop = mapper._props[given]
    elif isinstance(given, MapperProperty):
        prop = given
    else:
        check_expression("polymorphic_on", given)
        prop = _property_of_expression(mapper, column_of(given))
    if not isinstance(prop, ColumnProperty):
        raise exc.ArgumentError(
            f"Only direct column-mapped property or SQL expression can be passed for polymorphic_on; got {prop!r}"
        )
    mapper.polymorphic_on, mapper._polymorphic_key = prop.columns[0], prop.key


def _property_of_expression(mapper: Mapper, expression: Any) -> MapperProperty:
    for prop in mapper._props.values():
        if isinstance(prop, ColumnProperty) and any(c is expression for c in prop.columns):
            return prop
    plain = isinstance(expression, (_core.ColumnClause, _core.ColumnRef))
    key = expression.key if plain and expression.key not in mapper._props else HIDDEN_KEY
    prop = ColumnProperty(expression if plain else expression.label(HIDDEN_KEY))
    mapper._props[key] = prop
    mapper._adopt(key, prop)
    return prop


def set_identity(mapper: Mapper, identity: Any, abstract: bool) -> None:
    """Enter the mapper into its hierarchy's map of identities.

    Raises:
        InvalidRequestError: polymorphic_abstract without a discriminator.
    """
    mapper.polymorphic_identity = identity
    mapper.polymorphic_abstract = abstract
    if abstract and mapper.polymorphic_on is None:
        raise exc.InvalidRequestError(
            "The Mapper.polymorphic_abstract parameter may only be used on a mapper hierarchy which includes the "
            "Mapper.polymorphic_on parameter at the base of the hierarchy."
        )
    if identity is None:
        if mapper.inherits is not None and mapper.polymorphic_on is not None and not abstract and not mapper.concrete:
            warnings.warn(
                f"{mapper} does not indicate a 'polymorphic_identity', yet is part of an inheritance hierarchy that "
                f"has a 'polymorphic_on' column of '{mapper.polymorphic_on}'. If this is an intermediary class that "
                "should not be instantiated, the class may either be left unmapped, or may include the "
                "'polymorphic_abstract=True' parameter in its Mapper arguments. To leave the class unmapped when "
                "using Declarative, set the '__abstract__ = True' attribute on the class.",
                exc.SAWarning,
                stacklevel=5,
            )
        return
    known = mapper.polymorphic_map.get(identity)
    if known is not None and known is not mapper:
        warnings.warn(
            f"Reassigning polymorphic association for identity {identity!r} from {known!r} to {mapper!r}: Check for "
            f"duplicate use of {identity!r} as value for polymorphic_identity.",
            exc.SAWarning,
            stacklevel=5,
        )
    mapper.polymorphic_map[identity] = mapper


def identities_of(mapper: Mapper) -> list[Any]:
    """Return the identities of the class and its subclasses: what the discriminator may hold."""
    return [m.polymorphic_identity for m in descendants(mapper) if m.polymorphic_identity is not None]


def check_identity(mapper: Mapper, value: Any, instance: str) -> None:
    """Warn of an instance whose discriminator is of another class, unless that class shares its table below it."""
    near = (m for m in descendants(mapper) if m.local_table is mapper.local_table)
    if any(m.polymorphic_identity == value for m in near):
        return
    warnings.warn(
        f"Flushing object {instance} with incompatible polymorphic identity {value!r}; the object may not refresh "
        "and/or load correctly (this warning may be suppressed after 10 occurrences)",
        exc.SAWarning,
        stacklevel=3,
    )


def criterion_of(mapper: Mapper, source: Any) -> Any:
    """Return what every statement over a single-table class is restricted by.

    Args:
        mapper: the Mapper.
        source: the selectable of an alias of the class, or None for the class itself.
    """
    discriminator = mapper.polymorphic_on
    element = discriminator.element if isinstance(discriminator, _core.Label) else discriminator
    criterion = element.in_(identities_of(mapper))
    if source is None:
        return criterion
    return replaced(criterion, mapper.tables, source)


def replaced(expression: Any, tables: Sequence[Any], source: Any) -> Any:
    """Return an expression over tables, read from an alias: of all of them, or JOINed aliases of each."""
    if isinstance(source, _core.Join):
        expression = replaced(expression, tables, source.left)
        return replaced(expression, tables, source.right)
    for table in tables:
        if not isinstance(source, _core.Alias) or source.element is table or table is source:
            expression = _core._apply(expression, table, source)
    return expression


# --- loading what the parent's rows do not have ---


def select_rest(mapper: Mapper, keys: Sequence[str]) -> Any:
    """Return the SELECT that loads attributes from the tables of subclasses alone.

    Args:
        mapper: the instance's Mapper.
        keys: attributes to load, in the order of the columns.

    Returns:
        A SELECT whose parameters are the values of the primary key, in its order; None where the root's table is
        needed, or no such short way leads there.
    """
    columns = []
    for key in keys:
        found = mapper._props[key].columns  # type: ignore[attr-defined]
        if not isinstance(found[0], _core.ColumnClause):
            return None
        columns.append(found[0])
    wanted = {c.table for c in columns}
    if mapper.base_mapper.local_table in wanted:
        return None
    criteria = _chain(mapper, wanted)
    if criteria is None:
        return None
    return _core.select(*columns).where(*criteria).set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)


def _chain(mapper: Mapper, wanted: set[Any]) -> list[Any] | None:
    """Return what ties the first of the wanted tables to a key, and each further one to its parent's."""
    values = {c: (i, _core.bindparam(f"pk_{i}", type_=c.type)) for i, c in enumerate(mapper.primary_key)}
    criteria: list[Any] = []
    for one in reversed(list(to_root(mapper))):
        if one.inherits is None or one.single:
            continue
        if len(one._equated) != len(mapper.primary_key):
            return None
        if criteria:
            criteria.append(one.inherit_condition)
        elif any(parent not in values for parent, _ in one._equated):
            return None
        elif one.local_table in wanted:
            pairs = sorted(one._equated, key=lambda pair: values[pair[0]][0])
            criteria.extend(values[parent][1] == child for parent, child in pairs)
        else:
            values.update({child: values[parent] for parent, child in one._equated})
    return criteria or None


def refuse_row(mapper: Mapper, key: tuple[Any, ...], identity: Any, token: Any) -> None:
    """Say why a row cannot become an instance.

    Raises:
        InvalidRequestError: the discriminator is NULL, or is the identity of another branch of the hierarchy.
        AssertionError: it is nobody's identity.
    """
    row = f"Row with identity key {mapper.identity_key_from_primary_key(key, token)} can't be loaded into an object; "
    row += f"the polymorphic discriminator column '{mapper.polymorphic_on}'"
    if identity is None:
        raise exc.InvalidRequestError(f"{row} is NULL")
    other = mapper.polymorphic_map.get(identity)
    if other is None:
        raise AssertionError(f"No such polymorphic_identity {identity!r} is defined")
    raise exc.InvalidRequestError(f"{row} refers to {other}, which is not a sub-mapper of the requested {mapper}")
