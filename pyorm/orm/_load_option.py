"""`Load`: loader options of one statement, each method a new object with one option more."""

from __future__ import annotations

from typing import Any

from pyorm import _core, exc
from pyorm.orm import _paths
from pyorm.orm._paths import (
    ALL,
    DEFER,
    EXPR,
    GROUP,
    LOAD,
    RAISE,
    RELATION,
    RELATIONS,
    SLOT,
    SUBCLASS,
    Item,
    Step,
)  # fmt: skip
from pyorm.orm.exc import LoaderStrategyException
from pyorm.orm.relationships import RelationshipProperty


class Load(_core.LoaderOption):
    """Options about one entity, or about what relationships lead to from it.

    Args:
        entity: A mapped class or an alias that the statement selects.
    """

    _root: Any
    _steps: tuple[Step, ...]
    _items: tuple[Item, ...]

    def __init__(self, entity: Any) -> None:
        """Begin without options.

        Raises:
            ArgumentError: `entity` is neither mapped nor an alias.
        """
        if not isinstance(entity, _core.AliasedEntity) and (
            not isinstance(entity, type) or _core.mapper_plan(entity) is None
        ):
            inner = getattr(entity, "entity", None)  # inspect() of a class or an alias
            if inner is None:
                raise exc.ArgumentError(f"Expected mapped class or alias for a loader option, got {entity!r}")
            entity = inner
        self._set(entity, (), ())

    def _set(self, root: Any, steps: tuple[Step, ...], items: tuple[Item, ...]) -> None:
        self._root, self._steps, self._items = root, steps, items
        simple = tuple(
            (i.what, i.root if i.target is None else i.target, i.strategy, i.argument("group"))
            for i in items
            if not i.steps and i.what in _paths.SIMPLE
        )
        paths = tuple(i for i in items if i.steps or i.what not in _paths.SIMPLE)
        words, nodes = _paths.key_of(paths)
        self._fill(simple, words, nodes)

    @classmethod
    def _make(cls, root: Any, steps: tuple[Step, ...], items: tuple[Item, ...]) -> Load:
        made = cls.__new__(cls)
        made._set(root, steps, items)
        return made

    # ---- building ------------------------------------------------------------------------------------------------
    def _here(self) -> Any:
        """Return the entity that the next option is about; None: whatever its attribute says."""
        return _paths.target_of(self._steps[-1]) if self._steps else self._root

    def _columns(self, items: tuple[tuple[int, Any, int, Any], ...]) -> Load:
        here = self._here()
        made = []
        for what, target, strategy, group in items:
            if what in (SLOT, EXPR) and here is not None and not _paths.same_entity(_paths.entity_of(target), here):
                raise _does_not_link(str(target), self._root, self._steps)
            root = self._root if self._steps or self._root is not None else _root_of(what, target)
            extra = (("group", group),) if group is not None else ()
            made.append(Item(root, self._steps, what, target if what in (SLOT, EXPR) else None, strategy, extra))
        return self._make(self._root, self._steps, (*self._items, *made))

    def _relation(self, keys: tuple[Any, ...], strategy: str, wanted: str, **extra: Any) -> Load:
        """Say how a relationship is loaded, and go on with what it leads to."""
        _check_arguments(keys, strategy, extra)
        if strategy == "contains_eager" and any(isinstance(key, str) for key in keys):
            raise exc.ArgumentError('contains_eager() takes the relationships that the statement joins, not "*"')
        given = tuple(sorted((k, v) for k, v in extra.items() if v is not None))
        if len(keys) == 1 and isinstance(keys[0], str):
            if keys[0] != "*":
                raise exc.ArgumentError(
                    "Strings are not accepted for attribute names in loader options; please use class-bound "
                    "attributes directly."
                )
            item = Item(self._root, self._steps, RELATIONS, None, strategy, given)
            return self._make(self._root, self._steps, (*self._items, item))
        made: Load = self
        for number, key in enumerate(keys):
            last = number == len(keys) - 1
            made = made._step(key, strategy if last else "default", wanted, given if last else ())
        return made

    def _step(self, key: Any, strategy: str, wanted: str, extra: tuple[tuple[str, Any], ...]) -> Load:
        step = _paths.step_of(key, wanted)
        here = self._here()
        if here is not None and not _paths.same_entity(step.entity, here):
            raise _does_not_link(f"{_paths.entity_name(step.entity)}.{step.key}", self._root, self._steps)
        alias = dict(extra).get("alias")
        if alias is not None:
            step = step._replace(of=alias)
        root = self._root if self._root is not None else step.entity
        steps = (*self._steps, step)
        return self._make(root, steps, (*self._items, Item(root, steps, RELATION, None, strategy, extra)))

    # ---- columns ---------------------------------------------------------------------------------------------------
    def load_only(self, *attrs: Any, raiseload: bool = False) -> Load:
        """Load only these columns; see `load_only()`."""
        return self._columns(only(attrs, raiseload, self._here()))

    def defer(self, key: Any, raiseload: bool = False) -> Load:
        """Leave the column out; see `defer()`."""
        return self._columns(about(key, RAISE if raiseload else DEFER))

    def undefer(self, key: Any) -> Load:
        """Load the column; see `undefer()`."""
        return self._columns(about(key, LOAD))

    def undefer_group(self, name: str) -> Load:
        """Load the columns of a group; see `undefer_group()`."""
        return self._columns(((GROUP, None, LOAD, name),))

    def with_expression(self, key: Any, expression: Any) -> Load:
        """Load an attribute from an expression; see `with_expression()`."""
        return self._columns((from_expression(key, expression),))

    def selectin_polymorphic(self, classes: Any) -> Load:
        """Load columns of subclasses by SELECTs of their own; see `selectin_polymorphic()`."""
        items = [Item(self._root, self._steps, SUBCLASS, _paths.class_of(one), LOAD, ()) for one in classes]
        return self._make(self._root, self._steps, (*self._items, *items))

    # ---- relationships ---------------------------------------------------------------------------------------------
    def joinedload(self, *keys: Any, innerjoin: Any = None) -> Load:
        """Load by a join of the same SELECT; see `joinedload()`."""
        return self._relation(keys, "joined", "joinedload", innerjoin=innerjoin)

    def contains_eager(self, *keys: Any, alias: Any = None, _is_chain: bool = False) -> Load:
        """Take the related entities from the statement's own joins; see `contains_eager()`."""
        return self._relation(keys, "contains_eager", "contains_eager", alias=_alias_of(keys, alias))

    def selectinload(self, *keys: Any, recursion_depth: int | None = None, chunksize: int | None = None) -> Load:
        """Load by a second SELECT with IN; see `selectinload()`."""
        return self._relation(
            keys, "selectin", "selectinload", recursion_depth=recursion_depth, chunksize=chunksize
        )

    def subqueryload(self, *keys: Any) -> Load:
        """Load by a second SELECT that repeats the first; see `subqueryload()`."""
        return self._relation(keys, "subquery", "subqueryload")

    def immediateload(self, *keys: Any, recursion_depth: int | None = None) -> Load:
        """Load one by one, at once; see `immediateload()`."""
        return self._relation(keys, "immediate", "immediateload", recursion_depth=recursion_depth)

    def lazyload(self, *keys: Any) -> Load:
        """Load when it is read; see `lazyload()`."""
        return self._relation(keys, "select", "lazyload")

    def raiseload(self, *keys: Any, sql_only: bool = False) -> Load:
        """Refuse to load when it is read; see `raiseload()`."""
        return self._relation(keys, "raise_on_sql" if sql_only else "raise", "raiseload")

    def noload(self, *keys: Any) -> Load:
        """Leave it empty; see `noload()`."""
        return self._relation(keys, "noload", "noload")

    def defaultload(self, *keys: Any) -> Load:
        """Leave the loader as it is, and go on; see `defaultload()`."""
        return self._relation(keys, "default", "defaultload")

    def options(self, *opts: Load) -> Load:
        """Add options about what the path so far leads to, as if each were chained to it."""
        made = self
        here = self._here()
        for other in opts:
            added = []
            for item in other._items:
                if item.root is not None and not _paths.same_entity(item.root, here) and here is not None:
                    raise _does_not_link(_first_of(item), self._root, self._steps)
                if item.root is None and not item.steps and self._steps and item.what == RELATIONS:
                    continue  # "*" of a statement's entity, which this is not
                root = self._root if self._root is not None else item.root
                added.append(item._replace(root=root, steps=(*self._steps, *item.steps)))
            made = self._make(self._root, self._steps, (*made._items, *added))
        return made

    def _refuse(self, first: Any) -> None:
        """Refuse a statement that selects no entity this is about."""
        for item in self._items:
            if item.what not in (SLOT, EXPR, RELATION):
                continue
            name = shown(item)
            if first is None:
                raise exc.ArgumentError(
                    f"Query has only expression-based entities; attribute loader option {name} can't be applied here."
                )
            owner = item.root if item.steps else item.target.class_
            raise exc.ArgumentError(
                f"Mapped class {_paths.entity_name(owner)} referenced in option {name} does not apply to any of the "
                f"root entities in this query, e.g. {_paths.entity_name(first)}. Please specify the full path from "
                "one of the root entities to the target attribute. "
            )

    def __repr__(self) -> str:
        """Show the entity and what is said of it."""
        return f"<Load of {_paths.entity_name(self._root)}, {len(self._items)} option(s)>"


def _does_not_link(attribute: str, root: Any, steps: tuple[Step, ...]) -> exc.ArgumentError:
    if not steps:
        return exc.ArgumentError(
            f'ORM mapped attribute "{attribute}" does not link mapped class "{_paths.entity_name(root)}"'
        )
    last = f"{_paths.entity_name(steps[-1].entity)}.{steps[-1].key}"
    return exc.ArgumentError(
        f'ORM mapped entity or attribute "{attribute}" does not link from relationship "{last}".'
    )


def _first_of(item: Item) -> str:
    if item.steps:
        return f"{_paths.entity_name(item.steps[0].entity)}.{item.steps[0].key}"
    return _paths.entity_name(item.root) if item.target is None else str(item.target)


_OPTION_NAMES = {
    "joined": "joinedload", "selectin": "selectinload", "subquery": "subqueryload", "immediate": "immediateload",
    "select": "lazyload", "raise": "raiseload", "raise_on_sql": "raiseload", "noload": "noload",
    "contains_eager": "contains_eager", "default": "defaultload",
}  # fmt: skip


def shown(item: Item) -> str:
    """Return an item as the user would write it."""
    if item.what == RELATION:
        path = " -> ".join(f"{_paths.entity_name(s.entity)}.{s.key}" for s in item.steps)
        return f"{_OPTION_NAMES[item.strategy]}({path})"
    return f"{'undefer' if item.strategy == LOAD else 'defer'}({item.target})"


_LOADERS = {
    "joined": "joined loader", "selectin": "selectin loader", "subquery": "subquery loader",
    "immediate": "immediate loader", "select": "lazy loader", "raise": "raise loader",
    "raise_on_sql": "raise loader", "noload": "noload loader", "contains_eager": "joined loader",
    "default": "default loader",
}  # fmt: skip


def _check_arguments(keys: tuple[Any, ...], strategy: str, extra: dict[str, Any]) -> None:
    """Refuse arguments that can mean nothing, as far as the key is known."""
    chunk = extra.get("chunksize")
    if chunk is not None and (not isinstance(chunk, int) or chunk < 1):
        raise exc.ArgumentError(
            f"'chunksize={chunk}' is not an appropriate input, please use a positive non-zero integer."
        )
    prop = getattr(keys[-1], "property", None) if keys else None
    if isinstance(prop, RelationshipProperty):
        if extra.get("recursion_depth") is not None and not prop._is_self_referential:
            raise exc.InvalidRequestError(
                f"recursion_depth option on relationship {prop} not valid for non-self-referential relationship"
            )
    elif prop is not None and not isinstance(keys[-1], str):
        owner = _paths.entity_name(_paths.entity_of(keys[-1]))
        raise LoaderStrategyException(
            f'Can\'t apply "{_LOADERS[strategy]}" strategy to property "{owner}.{prop.key}", which is a "column '
            'property"; this loader strategy is intended to be used with a "relationship property".'
        )


def _root_of(what: int, target: Any) -> Any:
    if what in (SLOT, EXPR):
        return _paths.entity_of(target)
    return target


def _alias_of(keys: tuple[Any, ...], alias: Any) -> Any:
    """Return the entity that contains_eager() reads from."""
    if alias is None or not keys:
        return None
    if isinstance(alias, (type, _core.AliasedEntity)):
        return alias
    inner = getattr(alias, "entity", None)
    if isinstance(inner, (type, _core.AliasedEntity)):
        return inner
    if isinstance(alias, _core.FromClause):
        from pyorm.orm._aliased import AliasedClass

        prop = getattr(keys[-1], "property", None)
        if prop is not None:
            return AliasedClass(prop.mapper.class_, alias)
    raise exc.ArgumentError(f"contains_eager(alias=...) takes an alias of the related class, got {alias!r}")


# ---- items of columns ------------------------------------------------------------------------------------------------
def attribute(key: Any) -> Any:
    """Return the mapped column attribute that the user named."""
    found = key
    if not isinstance(found, _core.InstrumentedAttribute):
        found = getattr(key, "__clause_element__", lambda: None)()
    if isinstance(getattr(found, "property", None), RelationshipProperty):
        raise LoaderStrategyException(
            f'Can\'t apply "column loader" strategy to property "{found}", which is a "relationship"; this loader '
            'strategy is intended to be used with a "column property".'
        )
    if not isinstance(found, _core.InstrumentedAttribute):
        raise exc.ArgumentError("expected ORM mapped attribute for loader strategy argument")
    return found


def attributes(key: Any) -> list[Any]:
    """Return the column attributes that the user named: a composite's are several."""
    parts = getattr(key, "_comparable_elements", None)
    return [attribute(key)] if parts is None else parts


def about(key: Any, strategy: int) -> tuple[tuple[int, Any, int, Any], ...]:
    """Return what is said of a column, of a composite's columns, or with "*" of all."""
    if isinstance(key, str) and key == "*":
        return ((ALL, None, strategy, None),)
    return tuple((SLOT, one, strategy, None) for one in attributes(key))


def from_expression(key: Any, expression: Any) -> tuple[int, Any, int, Any]:
    """Return what with_expression() says."""
    clause = expression
    while not isinstance(clause, _core.ClauseElement) and hasattr(clause, "__clause_element__"):
        clause = clause.__clause_element__()
    if isinstance(clause, (_core.Select, _core.CompoundSelect)):
        clause = clause.scalar_subquery()
    if not isinstance(clause, _core.ClauseElement):
        clause = _core.literal(clause)
    return (EXPR, attribute(key), LOAD, clause)


def only(attrs: tuple[Any, ...], raiseload: bool, entity: Any) -> tuple[tuple[int, Any, int, Any], ...]:
    """Return what load_only() says."""
    found = [part for attr in attrs for part in attributes(attr)]
    if entity is None:
        if not found:
            raise exc.ArgumentError("load_only() takes at least one attribute")
        entity = _paths.entity_of(found[0])
    return (*((SLOT, attr, LOAD, None) for attr in found), (ALL, entity, RAISE if raiseload else DEFER, None))
