"""What options and mappings say of the relationships of a SELECT, worked out when it is compiled.

`expand` turns a SELECT with eagerly joined relationships into one with the joins written out and the
related entities behind its own columns, and says which relationship each of them fills. What is
loaded by further SELECTs, marked or remembered is listed beside.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pyorm import _core, exc
from pyorm.orm import _eager_wrap, _narrow, _paths, _relation_joins
from pyorm.orm._aliased import AliasedClass
from pyorm.orm._criteria import LoaderCriteriaOption, is_user_defined, propagated
from pyorm.orm._load_option import Load, shown
from pyorm.orm._paths import ALL, CAME, GROUP, JOINS, RELATION, RELATIONS, SUBCLASS, Item
from pyorm.sql.expression import and_
from pyorm.sql.expression import join as sql_join

_POSTS = ("selectin", "subquery", "immediate")


class Expansion(NamedTuple):
    """What becomes of a SELECT."""

    statement: Any  # the new Select; its first items are those of the old one
    # item of the parent, relationship, item of the related entity, plan of the class that has the relationship
    children: list[tuple[int, str, int, Any]]
    # parent's item, relationship, how, what to load, arguments, whether the options hold values, plan as above, the way
    # there: mappers and relationships by turns
    posts: list[tuple[int, str, str, Any, dict[str, Any], bool, Any, tuple[Any, ...]]]
    marks: list[tuple[int, str, str]]  # item, relationship, "raise", "raise_on_sql", "noload", "select"
    # item, (options about it that a later lazy load needs, {}: what the core makes of them), whether they hold values
    remembered: list[tuple[int, tuple[tuple[Any, ...], dict[Any, Any]], bool]]


def expand(
    statement: Any, listed: tuple[Any, ...], options: tuple[Any, ...], wrap: bool, order: tuple[Any, ...]
) -> Any:
    """Work the eager loads of a SELECT out.

    Args:
        statement: The Select, without its options.
        listed: The items of its list: mapped classes, aliases and other expressions.
        options: Its loader options.
        wrap: It has LIMIT, OFFSET, DISTINCT or GROUP BY: joined collections need it as a subquery.
        order: Its ORDER BY.

    Returns:
        An Expansion; None if nothing is to be done.
    """
    builder = _work_out(statement, listed, options)
    return builder.finish(wrap, order) if builder.used else None


def _work_out(statement: Any, listed: tuple[Any, ...], options: tuple[Any, ...]) -> _Builder:
    entities = tuple(one if _is_entity(one) else None for one in listed)
    check(options, entities)
    items = tuple(item for option in options if isinstance(option, Load) for item in option._items)
    builder = _Builder(statement, listed, entities, items, options)
    for number, entity in enumerate(entities):
        if entity is not None and entities.index(entity) == number:
            view = View(tuple(i for i in items if _paths.same_entity(i.root, entity)), 0)
            builder.ways[number] = (entity, ())
            builder.walk(entity, number, view, view.came(), builder.roots)
    return builder


def of_rows(listed: tuple[Any, ...], options: tuple[Any, ...]) -> Any:
    """Work out what is loaded along with rows whose columns another statement gives: RETURNING, from_statement().

    Args:
        listed: the items of its list.
        options: its loader options; what they say of joins is left out, but for contains_eager().

    Returns:
        An Expansion whose first item is a tuple of the further entities in the rows; None if nothing is to be done.
    """
    builder = _work_out(None, listed, options)
    if not builder.used:
        return None
    at = builder.numbers()
    return Expansion(tuple(related for _, related in builder.extra), *builder.lists(at))


def posts_of(statement: Any) -> list[Any]:
    """Return the `posts` of a statement's Expansion, with the values it is executed with."""
    return _parts(statement).posts


def remembered_of(statement: Any) -> list[Any]:
    """Return the `remembered` of a statement's Expansion, with the values it is executed with."""
    return _parts(statement).remembered


def _parts(statement: Any) -> _Builder:
    return _work_out(statement if isinstance(statement, _core.Select) else None, *_core._select_parts(statement))


class View:
    """The items that speak of one entity of the statement, or of what comes behind it."""

    def __init__(self, items: tuple[Item, ...], depth: int, wild: tuple[Item, ...] = ()) -> None:
        self.items, self.depth = items, depth
        here = tuple(i for i in items if i.what == RELATIONS and len(i.steps) == depth)
        if depth == 0:
            # what is said of the columns of every entity: the core applies it to those of this statement
            wild = (*wild, *(i for i in items if i.what in (ALL, GROUP) and i.root is None and not i.steps))
        self.everywhere = (*wild, *(i for i in here if i.root is None))
        self.wild = tuple(i for i in self.everywhere if i.what == RELATIONS)
        self.wild_here = tuple(i for i in here if i.root is not None)

    def of(self, key: str) -> list[Item]:
        """Return the items whose path goes on along a relationship."""
        depth = self.depth
        return [i for i in self.items if len(i.steps) > depth and i.steps[depth].key == key]

    def chooses(self, cls: Any) -> bool:
        """Return whether selectin_polymorphic() loads the columns of a subclass."""
        return any(i.what == SUBCLASS and len(i.steps) == self.depth and i.target is cls for i in self.items)

    def steps(self, prop: Any) -> list[Any]:
        """Return the steps that go on along a relationship."""
        return [item.steps[self.depth] for item in self.of(prop.key)]

    def came(self) -> tuple[Any, ...]:
        """Return the relationships that led to the statement's entity."""
        for item in self.items:
            if item.what == CAME:
                return tuple(value for _, value in item.extra)
        return ()

    def strategy(self, prop: Any) -> tuple[Item | None, bool]:
        """Return the item that says how a relationship is loaded, or None; and whether it is about it by name."""
        found: Item | None = None
        for item in self.of(prop.key):
            if item.what == RELATION and len(item.steps) == self.depth + 1 and (
                item.strategy != "default" or found is None
            ):
                found = item
        if found is not None and (found.strategy != "default" or not (self.wild_here or self.wild)):
            return found, found.strategy != "default"
        for wild in (self.wild_here, self.wild):
            if wild:
                return wild[-1] if found is None else found._replace(strategy=wild[-1].strategy), False
        return None, False

    def below(self, prop: Any) -> View:
        """Return the view of what a relationship leads to."""
        return View(tuple(self.of(prop.key)), self.depth + 1, self.everywhere)

    def columns(self) -> list[Item]:
        """Return what is said of the entity's columns."""
        return [i for i in self.items if i.what in _paths.SIMPLE and len(i.steps) == self.depth]

    def rebased(self, prop: Any, path: tuple[Any, ...] = (), everywhere: bool = False) -> tuple[Any, ...]:
        """Return, as options of a statement about the related entity, what is said behind a relationship.

        Args:
            prop: the relationship.
            path: the relationships by which its class was reached, where that matters.
            everywhere: with what is said of every entity of the statement.
        """
        items = []
        for item in self.of(prop.key):
            for _ in range(self.depth):
                item = item.below()
            item = item.below()
            if item.steps or item.what != RELATION:
                items.append(item)
        if everywhere:
            items += [i._replace(steps=()) for i in self.everywhere]
        if path and (self.wild or _loads_eagerly(prop.mapper)):
            items.append(Item(None, (), CAME, None, 0, tuple((str(n), one) for n, one in enumerate(path))))
        return (Load._make(None, (), tuple(items)),) if items else ()


class _Join(NamedTuple):
    """An eager join: what is joined to what, and the joins that follow it."""

    prop: Any
    left: Any
    right: Any  # the related alias
    middle: Any  # alias of the secondary table, or None
    inner: bool
    criteria: tuple[Any, ...]
    following: list[_Join]


class _Builder:
    def __init__(
        self, statement: Any, listed: Any, entities: tuple[Any, ...], items: tuple[Item, ...], options: tuple[Any, ...]
    ) -> None:
        self.criteria = propagated(options)  # with_loader_criteria() and the program's own, for later loads
        # the same for SELECTs that load along, and what the program wants to see in these
        self.told = (*(o for o in self.criteria if not is_user_defined(o)), *filter(is_user_defined, options))
        self.statement, self.listed, self.entities, self.items = statement, listed, entities, items
        self.extra: list[tuple[object, Any]] = []  # related entities and their tokens, behind the statement's own
        self.contained: set[object] = set()  # tokens of those that the statement itself joins
        self.options: list[Load] = []  # about their columns
        self.roots: list[_Join] = []
        # What an entity is called in these: its number among the statement's items, or its token.
        self.children: list[tuple[Any, str, Any, Any]] = []
        self.posts: list[tuple[Any, str, str, Any, dict[str, Any], bool, Any, tuple[Any, ...]]] = []
        self.marks: list[tuple[Any, str, str]] = []
        self.remembered: list[tuple[Any, tuple[tuple[Any, ...], dict[Any, Any]], bool]] = []
        self.repeats = False
        self.joins = [item.strategy for item in items if item.what == JOINS][-1:] != ["select"]
        # How the statement gets to an entity that it loads along: from its own one by relationships, of each who has it
        # and what it leads to.
        self.ways: dict[Any, tuple[Any, tuple[tuple[Any, Any, Any], ...]]] = {}
        self.repeatable = statement is not None and not any(map(_ends_with_statement, options))
        self.outer: set[int] = set()  # ids of lists of joins that stand behind an outer one

    @property
    def used(self) -> bool:
        return bool(self.children or self.posts or self.marks or self.remembered)

    # ---- looking at an entity --------------------------------------------------------------------------------------
    def walk(self, entity: Any, number: Any, view: View, path: tuple[Any, ...], joins: list[_Join]) -> None:
        """Look at the relationships of one entity; those that are joined are walked in turn."""
        for prop in _mapper(entity).relationships:
            item, said = view.strategy(prop)
            word = prop.lazy_word if item is None or item.strategy == "default" else item.strategy
            if word == "joined" and (self.statement is None or not self.joins):
                continue
            if word == "joined":
                if said or not _ends(prop, path):
                    self._join(entity, number, prop, item, view, path, joins)
            elif word == "contains_eager":
                self._contained(entity, number, prop, item, view, path, joins)
            elif word == "subquery" and self.statement is None:
                continue
            elif word in _POSTS:
                if said or not _ends(prop, path):
                    self._post(number, prop, word, item, view, path, entity)
            elif item is not None and item.strategy != "default":
                self.marks.append((number, prop.key, word))
        self._along_subclasses(entity, number, view, path, joins)
        later = tuple(_from(item, view.depth) for item in view.items if _is_for_later(item, view.depth))
        if later or (self.criteria and len(_mapper(entity).relationships)):
            has_values = bool(self.criteria) or any(item.has_values for item in later)
            loads = (Load._make(None, (), later),) if later else ()
            self.remembered.append((number, ((*loads, *self.criteria), {}), has_values))

    def _along_subclasses(self, entity: Any, number: Any, view: View, path: Any, joins: list[_Join]) -> None:
        """Look at relationships of subclasses that options name."""
        for prop, left in _of_subclasses(entity, view):
            item, said = view.strategy(prop)
            word = item.strategy if said and item is not None else ""
            if word == "joined" and not self.joins:
                continue
            if word == "subquery" and left is None:
                if not view.chooses(prop.parent.class_):
                    continue
                word = "selectin"
            if word in _POSTS:
                self._post(number, prop, word, item, view, path, left)
            elif word == "contains_eager" and left is not None:
                self._contained(left, number, prop, item, view, path, joins)
            elif word == "joined" and left is not None and self.statement is not None:
                self._join(left, number, prop, item, view, path, joins)
            elif word == "joined" and left is None:
                self._join_later(entity, number, prop, item, view, path)

    def _join_later(self, entity: Any, number: Any, prop: Any, item: Any, view: View, path: tuple[Any, ...]) -> None:
        """Join it to the SELECT that loads the columns of its class, if there is one without values; else by keys."""
        items = view.of(prop.key)
        if not view.chooses(prop.parent.class_) or any(one.has_values for one in items) or not isinstance(entity, type):
            self._post(number, prop, "selectin", item, view, path, None)
            return
        cls = prop.parent.class_
        kept = tuple(_from(one, view.depth)._replace(root=cls) for one in items)
        self.options.append(Load._make(None, (), kept))

    def _post(
        self, number: Any, prop: Any, word: str, item: Item | None, view: View, path: tuple[Any, ...], left: Any
    ) -> None:
        arguments = {} if item is None else dict(item.extra)
        alias = None if word == "immediate" else _narrow.alias_of(prop, view.steps(prop))
        if word == "subquery":
            root, hops = self.ways[number]
            if self.repeatable and _compares_attributes(prop):
                of = alias if alias is not None else self._related(prop, view)[0]
                arguments["way"] = (root, (*hops, (prop, left, prop.entity.entity if of is None else of)))
            else:
                word = "selectin"
        told = self.criteria if word == "immediate" else self.told
        behind = (*view.rebased(prop, (*path, prop), word != "immediate"), *told)
        step = step_along(view, prop)
        if step is not None and word == "immediate":
            step = step._replace(criteria=())
        if alias is not None and step is not None:
            step = step._replace(of=alias)
            behind = _narrow.moved(behind, alias)
        has_values = bool(told or (step is not None and step.criteria)) or any(
            one.has_values for load in behind for one in getattr(load, "_items", ())
        )
        plan = _core.mapper_plan(prop.parent.class_)
        way = [one for hop, who, _ in self.ways[number][1] for one in (_mapper(who), hop)]
        passed = (*way, prop.parent if left is None else _mapper(left), prop)
        self.posts.append((number, prop.key, word, (step, behind), arguments, has_values, plan, passed))

    def _related(self, prop: Any, view: View, plain: bool = False) -> tuple[Any, tuple[Any, ...]]:
        step = step_along(view, prop)
        of = None if step is None or isinstance(step.of, type) else step.of
        if of is None and not plain:
            of = _narrow.alias_of(prop, view.steps(prop))
        return of, (() if step is None else step.criteria)

    def _join(self, entity: Any, number: Any, prop: Any, item: Any, view: View, path: Any, joins: list[_Join]) -> None:
        of, criteria = self._related(prop, view)
        alias = of
        if of is None:
            alias = AliasedClass(prop.entity.entity)
            alias._mark_eager()
        inner = item.argument("innerjoin", prop.innerjoin) if item is not None else prop.innerjoin
        inner = bool(inner) and not (inner == "unnested" and id(joins) in self.outer)
        middle = None if prop.secondary is None else _core._fresh_alias(prop.secondary)
        made = _Join(prop, entity, alias, middle, inner, criteria, [])
        joins.append(made)
        if not inner or id(joins) in self.outer:
            self.outer.add(id(made.following))
        self.repeats |= bool(prop.uselist)
        self._child(number, prop, alias, view, path, made.following, entity)

    def _contained(
        self, entity: Any, number: Any, prop: Any, item: Any, view: View, path: Any, joins: list[_Join]
    ) -> None:
        of, _ = self._related(prop, view, True)
        self.repeats |= bool(prop.uselist)
        related = of if of is not None else prop.entity.entity
        self.contained.add(self._child(number, prop, related, view, path, joins, entity))

    def _child(
        self, number: Any, prop: Any, related: Any, view: View, path: Any, joins: list[_Join], left: Any
    ) -> object:
        at = object()
        root, hops = self.ways[number]
        self.ways[at] = (root, (*hops, (prop, left, related)))
        self.children.append((number, prop.key, at, _core.mapper_plan(prop.parent.class_)))
        below = view.below(prop)
        columns = [_narrow.about(item, related) for item in below.columns()]
        if columns:
            self.options.append(Load._make(None, (), tuple(columns)))
        self.walk(related, at, below, (*path, prop), joins)
        self.extra.append((at, related))
        return at

    # ---- the new statement -----------------------------------------------------------------------------------------
    def finish(self, wrap: bool, order: tuple[Any, ...]) -> Expansion:
        statement = self.statement
        moved: dict[Any, Any] = {}
        if wrap and self.repeats and self.roots:
            inside = tuple(dict.fromkeys(related for token, related in self.extra if token in self.contained))
            added = tuple(one for one in inside if one not in self.entities)
            options = (*self.options, *self._about_columns())
            statement, moved, order = _eager_wrap.wrapped(
                statement, (*self.listed, *added), (*self.entities, *added), options, order, len(self.listed)
            )
            self.options = [_eager_wrap.moved_option(one, moved) for one in self.options] + self._moved_options(moved)
        else:
            self.options += self._about_columns()
        for one in self.roots:
            statement = self._add(statement, one, moved)
        further = (moved.get(related, related) for _, related in self.extra)
        statement = statement.add_columns(*further).options(*self.options)
        ordering = [o for one in self.roots for o in _orders(one)]
        if moved and order:
            statement = statement.order_by(*order)
        if ordering:
            statement = statement.order_by(*ordering)
        return Expansion(statement, *self.lists(self.numbers()))

    def numbers(self) -> dict[Any, int]:
        """Return the number of each item of the new list."""
        at: dict[Any, int] = {token: len(self.entities) + n for n, (token, _) in enumerate(self.extra)}
        at.update((n, n) for n in range(len(self.entities)))
        return at

    def lists(self, at: dict[Any, int]) -> tuple[Any, Any, Any, Any]:
        """Return children, posts, marks and remembered."""
        return (
            [(at[parent], key, at[related], plan) for parent, key, related, plan in self.children],
            [(at[parent], *rest) for parent, *rest in self.posts],
            [(at[parent], *rest) for parent, *rest in self.marks],
            [(at[parent], *rest) for parent, *rest in self.remembered],
        )

    def _about_columns(self) -> tuple[Load, ...]:
        """Return what is said of the columns of the statement's own entities."""
        plain = tuple(i for i in self.items if not i.steps and i.what in _paths.SIMPLE)
        return (Load._make(None, (), plain),) if plain else ()

    def _moved_options(self, moved: dict[Any, Any]) -> list[Load]:
        everywhere = tuple(i for i in self.items if i.root is None and not i.steps and i.what in _paths.SIMPLE)
        made = [Load._make(None, (), everywhere)] if everywhere else []
        for entity, alias in moved.items():
            mine = (i for i in self.items if i.root is not None and _paths.same_entity(i.root, entity))
            view = View(tuple(mine), 0)
            columns = tuple(_narrow.about(item, alias) for item in view.columns())
            if columns:
                made.append(Load._make(None, (), columns))
        return made

    def _add(self, statement: Any, one: _Join, moved: dict[Any, Any]) -> Any:
        left = moved.get(one.left, one.left)
        if one.inner:
            for right, on in _elements(one, left):
                statement = statement.join_from(left, right, on)
                left = right
        else:
            statement = statement.join_from(left, *_element(one, left), isouter=True)
        return self._follow(statement, one, moved, not one.inner)

    def _follow(self, statement: Any, one: _Join, moved: dict[Any, Any], inside: bool) -> Any:
        """Add the joins behind one; `inside` an outer join the inner ones are there already."""
        for more in one.following:
            if inside and more.inner:
                statement = self._follow(statement, more, moved, True)
            else:
                statement = self._add(statement, more, moved)
        return statement


def _elements(one: _Join, left: Any) -> list[tuple[Any, Any]]:
    """Return what is joined one after the other, and its conditions."""
    parts = _relation_joins.conditions(one.prop, left, one.right, one.middle)
    right, condition = parts[-1]
    further = (_relation_joins.read_from(criterion, one.prop, one.right) for criterion in one.criteria)
    return [*parts[:-1], (right, and_(condition, *further))]


def _element(one: _Join, left: Any) -> tuple[Any, Any]:
    """Return what is joined by an outer join and its condition; inner joins behind it are nested in it."""
    parts = _relation_joins.conditions(one.prop, left, one.right, one.middle)
    right, condition = parts[0]
    further = [_relation_joins.read_from(criterion, one.prop, one.right) for criterion in one.criteria]
    if len(parts) == 2:
        right = sql_join(right, parts[1][0], and_(parts[1][1], *further))
    else:
        condition = and_(condition, *further)
    return _nested(one, right), condition


def _nested(one: _Join, right: Any) -> Any:
    """Return what is joined, with the inner joins behind it."""
    for more in one.following:
        if more.inner:
            for inner, on in _elements(more, more.left):
                right = sql_join(right, inner, on)
            right = _nested(more, right)
    return right


def _orders(one: _Join) -> list[Any]:
    found = _relation_joins.order(one.prop, one.right, one.middle) if one.prop.uselist else []
    for more in one.following:
        found += _orders(more)
    return found


def step_along(view: View, prop: Any) -> Any:
    """Return the step of the last item that leads along a relationship; what names no strategy counts least."""
    found = None
    for item in view.of(prop.key):
        ends = item.what == RELATION and len(item.steps) == view.depth + 1 and item.strategy != "default"
        if found is None or ends:
            found = item.steps[view.depth]
    return found


def _of_subclasses(entity: Any, view: View) -> list[tuple[Any, Any]]:
    """Return relationships of subclasses that options go along, each with its alias in with_polymorphic(), or None."""
    found: dict[str, tuple[Any, Any]] = {}
    mapper = _mapper(entity)
    for item in view.items:
        if len(item.steps) > view.depth:
            step = item.steps[view.depth]
            prop = step.attr.property
            if prop.key not in mapper.relationships and prop.parent is not mapper and prop.parent.isa(mapper):
                cls = prop.parent.class_
                left = _narrow.part_of(entity, cls) if _narrow.has_part(entity, cls) else None
                found.setdefault(prop.key, (prop, left))
    return list(found.values())


def _from(item: Item, depth: int) -> Item:
    for _ in range(depth):
        item = item.below()
    return item


def _is_for_later(item: Item, depth: int) -> bool:
    """Return whether an item says something of what a relationship of the entity leads to."""
    return len(item.steps) > depth and not (item.what == RELATION and item.strategy == "contains_eager")


def _ends_with_statement(option: Any) -> bool:
    """Return whether an option restricts the statement's rows and not those of a SELECT around it."""
    return isinstance(option, LoaderCriteriaOption) and not option.propagate_to_loaders


def _compares_attributes(prop: Any) -> bool:
    """Return whether the parents' side of a relationship is columns that are mapped."""
    return all(column in prop.parent._by_column for column in prop._join.local_columns)


def _loads_eagerly(mapper: Any) -> bool:
    return any(prop.lazy_word in ("joined", *_POSTS) for prop in mapper.relationships)


def _is_entity(item: Any) -> bool:
    if isinstance(item, type):
        return _core.mapper_plan(item) is not None
    return isinstance(item, _core.AliasedEntity)


def _mapper(entity: Any) -> Any:
    is_class = isinstance(entity, type)
    return entity.__mapper__ if is_class else entity._aliased_insp.mapper


def _ends(prop: Any, path: tuple[Any, ...]) -> bool:
    """Return whether a relationship's own eager loading stops here: it came this way before."""
    if prop.join_depth is not None:
        return bool(len(path) >= prop.join_depth)
    seen = {one.mapper.base_mapper for one in path} | (
        {path[0].parent.base_mapper} if path else {prop.parent.base_mapper}
    )
    return prop.mapper.base_mapper in seen


def check(options: tuple[Any, ...], entities: tuple[Any, ...]) -> None:
    """Refuse options whose path starts from no entity of the statement, and those that contradict each other.

    Raises:
        ArgumentError, InvalidRequestError: as the text says.
    """
    known = [entity for entity in entities if entity is not None]
    said: dict[Any, Item] = {}
    for option in options:
        for item in getattr(option, "_items", ()):
            if item.what != RELATION or item.strategy == "default":
                continue
            path = (item.root, *((step.entity, step.key, step.of) for step in item.steps))
            before = said.setdefault(path, item)
            if (before.strategy, before.extra) != (item.strategy, item.extra):
                raise exc.InvalidRequestError(
                    f"Loader strategy replacement {shown(item)} is in conflict with existing strategy {shown(before)}"
                )
            said[path] = item
    for option in options:
        for item in getattr(option, "_items", ()):
            if item.steps and not any(_paths.same_entity(item.root, entity) for entity in known):
                option._refuse(known[0] if known else None)


__all__ = ["Expansion", "check", "expand"]
