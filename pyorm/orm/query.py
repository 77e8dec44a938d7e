"""`Query`: the older way to write a SELECT of entities; a thin shell around a `select()`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pyorm import _core, exc
from pyorm._collections import immutabledict
from pyorm.inspection import inspect
from pyorm.orm._compound import Compound, is_entity
from pyorm.orm._execute import tell_bulk
from pyorm.orm._joins import eager_joins, is_relationship, parent_property, related_entity, with_parent
from pyorm.sql import LABEL_STYLE_TABLENAME_PLUS_COL as _LABELS

_FROMS = "join(), outerjoin(), select_from(), or from_self()"
_SYNCHRONIZE = ("auto", "evaluate", "fetch", False)


def _attribute(entity: Any, key: str) -> Any:
    """Return an attribute of a mapped class or alias by name.

    Raises:
        InvalidRequestError: there is none.
    """
    try:
        return getattr(entity, key)
    except AttributeError:
        name = inspect(entity).mapper.local_table.description
        raise exc.InvalidRequestError(f'Entity namespace for "{name}" has no property "{key}"') from None


def _takes_away(clauses: tuple[Any, ...]) -> bool:
    """Return whether `order_by(None)` or `order_by(False)` was written: by identity, as `==` would make SQL."""
    return len(clauses) == 1 and (clauses[0] is None or clauses[0] is False)


class Query:
    """A SELECT bound to a session.

    Args:
        entities: what to select: mapped classes, attributes, expressions.
        session: the Session that runs it; None until `with_session()`.

    Every method that changes the query returns a new one.
    """

    def __init__(self, entities: Any, session: Any = None) -> None:
        """Make `SELECT entities`."""
        self._entities: tuple[Any, ...] = tuple(entities) if isinstance(entities, (tuple, list)) else (entities,)
        self._statement: Any = _core.select(*self._entities)
        self.session = session
        self._options: dict[str, Any] = {}
        self._params: dict[str, Any] = {}
        self._from_statement: Any = None
        self._compound: Compound | None = None  # the set operation that is selected from
        self._used: frozenset[str] = frozenset()  # which clauses were given, as messages name them
        self._get: dict[str, Any] = {}  # what get() hands on: options, with_for_update
        self._tuples: bool | None = None  # only_return_tuples()
        self._joined: Any = None  # the target of the last join, which filter_by() speaks of

    def _with(self, statement: Any, **changes: Any) -> Query:
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._statement = statement
        new.__dict__.update(changes)
        return new

    def _given(self, clause: str, statement: Any, **changes: Any) -> Query:
        return self._with(statement, _used=self._used | {clause}, **changes)

    def _open(self, method: str) -> Any:
        """Return the statement, unless from_statement() gave another that nothing can be added to."""
        if self._from_statement is not None:
            raise exc.InvalidRequestError(
                f"Query.{method}() being called on a Query with an existing full statement - can't apply criterion."
            )
        return self._statement

    def _unlimited(self, method: str) -> Any:
        """Return the statement, unless LIMIT or OFFSET stands already: the method would change another row set."""
        if self._statement._limit_clause is not None or self._statement._offset_clause is not None:
            raise exc.InvalidRequestError(
                f"Query.{method}() being called on a Query which already has LIMIT or OFFSET applied.  Call "
                f"{method}() before limit() or offset() are applied."
            )
        return self._open(method)

    def _selecting(self) -> Any:
        """Return the SELECT with its parameters; a statement of the caller's has none."""
        if self._from_statement is not None:
            raise exc.InvalidRequestError("Can't call this method on a Query that uses from_statement()")
        return self.statement

    def _adapt(self, clauses: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the clauses, about the set operation's rows where one is selected from."""
        if self._compound is None:
            return clauses
        return tuple(self._compound.adapt(clause) for clause in clauses)

    # ---- criteria ----------------------------------------------------------------------------------------------
    def filter(self, *criterion: Any) -> Query:
        """Return the query with further criteria, joined by AND."""
        return self._given("filter()", self._unlimited("filter").where(*self._adapt(criterion)))

    where = filter

    def filter_by(self, **kwargs: Any) -> Query:
        """Return the query with `attribute = value` criteria on its last joined (or first) entity."""
        statement = self._unlimited("filter")
        entity = self._joined if self._joined is not None else statement.column_descriptions[0]["entity"]
        if inspect(entity, raiseerr=False) is None:  # tables and columns: the statement knows their names
            return self._given("filter()", statement.filter_by(**kwargs))
        criteria = [_attribute(entity, key) == value for key, value in kwargs.items()]
        return self._given("filter()", statement.where(*criteria))

    def with_parent(self, instance: object, property: Any = None, from_entity: Any = None) -> Query:
        """Return the query for what is related to an object; see `pyorm.orm.with_parent()`, which replaces this.

        Args:
            instance: the parent.
            property: the relationship attribute that leads from it; by default the one whose target is selected.
            from_entity: the entity it is about, where several are selected.
        """
        warnings.warn(
            "The Query.with_parent() method is considered legacy as of the 1.x series of SQLAlchemy and becomes a "
            "legacy construct in 2.0. Use the with_parent() standalone construct. (deprecated since: 2.0)",
            exc.LegacyAPIWarning,
            stacklevel=2,
        )
        if property is None:
            entity = self._statement.column_descriptions[0]["entity"] if from_entity is None else from_entity
            property = parent_property(instance, inspect(entity).mapper)
        return self.filter(with_parent(instance, property, from_entity))

    def having(self, *having: Any) -> Query:
        """Return the query with HAVING criteria."""
        return self._given("having()", self._unlimited("having").having(*self._adapt(having)))

    # ---- FROM --------------------------------------------------------------------------------------------------
    def select_from(self, *from_obj: Any) -> Query:
        """Return the query with these FROM elements."""
        if self._from_statement is not None or self._used - {_FROMS}:
            raise exc.InvalidRequestError("Query.select_from() being called on a Query with existing criterion. ")
        return self._given(_FROMS, self._statement.select_from(*from_obj))

    def join(self, target: Any, onclause: Any = None, *, isouter: bool = False, full: bool = False) -> Query:
        """Return the query with a JOIN: to a relationship attribute, or to a target and its condition.

        Args:
            target: `User.posts`; or a class, alias, table or subquery.
            onclause: of a target: a relationship attribute or a criterion; by foreign keys where it is left out.
            isouter: LEFT OUTER JOIN.
            full: FULL OUTER JOIN.
        """
        (onclause,) = self._adapt((onclause,))
        statement = self._unlimited("join").join(target, onclause, isouter=isouter, full=full)
        joined = related_entity(target) if is_relationship(target) else target
        return self._with(statement, _used=self._used | {_FROMS, "join()"}, _joined=joined)

    def outerjoin(self, target: Any, onclause: Any = None, *, full: bool = False) -> Query:
        """Return the query with a LEFT OUTER JOIN."""
        return self.join(target, onclause, isouter=True, full=full)

    def reset_joinpoint(self) -> Query:
        """Return the query whose filter_by() speaks of its first entity again."""
        return self._with(self._statement, _joined=None)

    # ---- clauses -----------------------------------------------------------------------------------------------
    def order_by(self, *clauses: Any) -> Query:
        """Return the query with ORDER BY; None or False takes it away."""
        statement = self._unlimited("order_by")
        if _takes_away(clauses):
            return self._with(statement.order_by(None), _used=self._used - {"order_by()"})
        return self._given("order_by()", statement.order_by(*self._adapt(clauses)))

    def group_by(self, *clauses: Any) -> Query:
        """Return the query with GROUP BY; None or False takes it away."""
        statement = self._unlimited("group_by")
        if _takes_away(clauses):
            return self._with(statement.group_by(None), _used=self._used - {"group_by()"})
        return self._given("group_by()", statement.group_by(*self._adapt(clauses)))

    def distinct(self, *expr: Any) -> Query:
        """Return the query with DISTINCT, on PostgreSQL DISTINCT ON the expressions."""
        return self._given("distinct()", self._open("distinct").distinct(*self._adapt(expr)))

    def limit(self, limit: Any) -> Query:
        """Return the query with LIMIT."""
        return self._given("limit()", self._open("limit").limit(limit))

    def offset(self, offset: Any) -> Query:
        """Return the query with OFFSET."""
        return self._given("offset()", self._open("offset").offset(offset))

    def slice(self, start: int | None, stop: int | None) -> Query:
        """Return the query for rows start to stop."""
        return self._given("limit()", self._open("slice").slice(start, stop))

    def with_for_update(self, **kw: Any) -> Query:
        """Return the query with FOR UPDATE; see Select.with_for_update."""
        lock = {**self._get, "with_for_update": kw or True}
        return self._with(self._statement.with_for_update(**kw), _get=lock)

    def prefix_with(self, *prefixes: Any, dialect: str = "*") -> Query:
        """Return the query with text behind SELECT."""
        return self._with(self._statement.prefix_with(*prefixes, dialect=dialect))

    def suffix_with(self, *suffixes: Any, dialect: str = "*") -> Query:
        """Return the query with text at its end."""
        return self._with(self._statement.suffix_with(*suffixes, dialect=dialect))

    def with_hint(self, selectable: Any, text: str, dialect_name: str = "*") -> Query:
        """Return the query with a hint for a FROM element."""
        return self._with(self._statement.with_hint(selectable, text, dialect_name))

    def correlate(self, *fromclauses: Any) -> Query:
        """Return the query that correlates these FROM elements as a subquery."""
        return self._with(self._statement.correlate(*fromclauses))

    # ---- what is selected --------------------------------------------------------------------------------------
    def with_entities(self, *entities: Any) -> Query:
        """Return the query over the same FROM that selects something else."""
        columns = self._adapt(entities)
        statement = self._statement.with_only_columns(*columns, maintain_column_froms=True)
        return self._with(statement, _entities=entities)

    def add_columns(self, *column: Any) -> Query:
        """Return the query that selects further columns; rows become tuples."""
        return self._with(self._statement.add_columns(*self._adapt(column)), _entities=(*self._entities, *column))

    def add_column(self, column: Any) -> Query:
        """Return the query that selects one more column."""
        return self.add_columns(column)

    def add_entity(self, entity: Any, alias: Any = None) -> Query:
        """Return the query that selects one more entity."""
        return self.add_columns(entity if alias is None else alias)

    @property
    def column_descriptions(self) -> list[dict[str, Any]]:
        """What is selected: name, type, aliased, expr, entity for each."""
        return _core.select(*self._entities).column_descriptions

    @property
    def is_single_entity(self) -> bool:
        """True where one thing is selected."""
        return len(self._entities) == 1

    @property
    def _single(self) -> bool:
        """Whether the rows are the objects themselves: one entity is selected."""
        if self._tuples is True or len(self._entities) != 1:
            return False
        return is_entity(self._entities[0]) or getattr(self._entities[0], "single_entity", False) is True

    def only_return_tuples(self, value: bool) -> Query:
        """Return the query whose rows are tuples also where one entity is selected."""
        return self._with(self._statement, _tuples=value)

    def tuples(self) -> Query:
        """Return the query, for type checkers a query of tuples."""
        return self.only_return_tuples(True)

    @property
    def whereclause(self) -> Any:
        """The WHERE criterion, or None."""
        return self._statement.whereclause

    # ---- options -----------------------------------------------------------------------------------------------
    def options(self, *args: Any) -> Query:
        """Return the query with loader options."""
        load = {**self._get, "options": (*self._get.get("options", ()), *args)}
        return self._with(self._statement.options(*self._adapt(args)), _get=load)

    def with_transformation(self, fn: Callable[[Query], Query]) -> Query:
        """Return what `fn` makes of the query."""
        return fn(self)

    def execution_options(self, **kwargs: Any) -> Query:
        """Return the query with execution options."""
        return self._with(self._statement, _options={**self._options, **kwargs})

    def get_execution_options(self) -> Mapping[str, Any]:
        """Return the execution options."""
        return immutabledict(self._options)

    @property
    def lazy_loaded_from(self) -> Any:
        """The InstanceState whose attribute loads by this query; None for a query of the program's."""
        return None

    def populate_existing(self) -> Query:
        """Return the query that overwrites objects the session has already."""
        return self.execution_options(populate_existing=True)

    def autoflush(self, setting: bool) -> Query:
        """Return the query with autoflush on or off."""
        return self.execution_options(autoflush=setting)

    def yield_per(self, count: int) -> Query:
        """Return the query that reads `count` rows at a time."""
        return self.execution_options(yield_per=count)

    def params(self, __params: dict[str, Any] | None = None, /, **kw: Any) -> Query:
        """Return the query with values for its named parameters."""
        return self._with(self._statement, _params={**self._params, **(__params or {}), **kw})

    def merge_result(self, iterator: Any, load: bool = True) -> Any:
        """Merge entities that a cache or another session gave into this query's session.

        Args:
            iterator: objects, or tuples of them and values, as this query returns them.
            load: as in Session.merge().

        Returns:
            Their merged counterparts, in order; tuples as rows.
        """
        entities = [is_entity(entity) for entity in self._entities]
        if self.is_single_entity:
            return iter(self.session.merge_all(iterator, load=load))
        from pyorm.engine import result_tuple

        row = result_tuple([described["name"] for described in self.column_descriptions])
        merged = [
            row([
                self.session.merge(value, load=load) if entity and value is not None else value
                for entity, value in zip(entities, values, strict=True)
            ])
            for values in iterator
        ]
        return iter(merged)

    def get_children(self, **_: Any) -> tuple[Any, ...]:
        """Return nothing: a Query is no part of an expression tree, its `statement` is."""
        return ()

    def with_session(self, session: Any) -> Query:
        """Return the query for another session."""
        return self._with(self._statement, session=session)

    def enable_eagerloads(self, value: bool) -> Query:
        """Return the query with joined eager loading on or off."""
        return self.options(eager_joins(value))

    def set_label_style(self, style: Any) -> Query:
        """Return the query with another way to label columns in subqueries."""
        return self._with(self._statement.set_label_style(style))

    def with_labels(self) -> Query:
        """Return the query that labels columns `table_column`."""
        return self.set_label_style(_LABELS)

    apply_labels = with_labels

    def from_statement(self, statement: Any) -> Query:
        """Return the query whose rows come from a statement of the caller's."""
        return self._with(self._statement, _from_statement=statement)

    # ---- statements out of it ----------------------------------------------------------------------------------
    @property
    def statement(self) -> Any:
        """The `select()` inside, with its parameters."""
        statement = self._statement.params(self._params) if self._params else self._statement
        if self._from_statement is not None:
            return statement.from_statement(self._from_statement)
        return statement

    @property
    def selectable(self) -> Any:
        """The statement, for places that take any SELECT."""
        return self.statement

    def __clause_element__(self) -> Any:
        """Stand for the statement in expressions."""
        return self.statement

    def subquery(self, name: str | None = None, with_labels: bool = False, reduce_columns: bool = False) -> Any:
        """Return the query as a FROM element."""
        statement = self._selecting()
        return (statement.set_label_style(_LABELS) if with_labels else statement).subquery(name)

    def cte(self, name: str | None = None, recursive: bool = False, nesting: bool = False) -> Any:
        """Return the query as a common table expression."""
        return self._selecting().cte(name, recursive=recursive, nesting=nesting)

    def scalar_subquery(self) -> Any:
        """Return the query as a value."""
        return self._selecting().scalar_subquery()

    as_scalar = scalar_subquery

    def label(self, name: str | None) -> Any:
        """Return the query as a labelled value."""
        return self.scalar_subquery().label(name)

    def exists(self) -> Any:
        """Return `EXISTS (SELECT 1 …)`."""
        inner = self._selecting().with_only_columns(_core.literal_column("1"), maintain_column_froms=True)
        return _core.exists(inner)

    def union(self, *q: Any) -> Query:
        """Return a query over UNION of this and others."""
        return self._combine(_core.union, q)

    def union_all(self, *q: Any) -> Query:
        """Return a query over UNION ALL of this and others."""
        return self._combine(_core.union_all, q)

    def intersect(self, *q: Any) -> Query:
        """Return a query over INTERSECT of this and others."""
        return self._combine(_core.intersect, q)

    def except_(self, *q: Any) -> Query:
        """Return a query over EXCEPT of this and others."""
        return self._combine(_core.except_, q)

    def _combine(self, operator: Any, others: Sequence[Any]) -> Query:
        parts = [
            part._selecting().set_label_style(_LABELS) if isinstance(part, Query) else part for part in (self, *others)
        ]
        compound = Compound(self._entities, operator(*parts).subquery())
        statement = _core.select(*compound.items).select_from(compound.subquery)
        loads = self._get.get("options", ())
        if loads:
            statement = statement.options(*[compound.adapt(option) for option in loads])
        kept = {"options": loads} if loads else {}
        used = frozenset({_FROMS})
        return self._with(statement, _compound=compound, _used=used, _joined=None, _get=kept)

    # ---- results -----------------------------------------------------------------------------------------------
    def _bind_arguments(self) -> dict[str, Any] | None:
        """Return what says where to go of a statement that names no entity itself."""
        found = inspect(self._entities[0], raiseerr=False) if is_entity(self._entities[0]) else None
        return None if found is None else {"mapper": found.mapper}

    def _execute(self, statement: Any, bind_arguments: Any = None) -> Any:
        if self.session is None:
            raise exc.InvalidRequestError("This Query has no session: use session.query(…) or Query.with_session()")
        if not self._entities:
            raise exc.InvalidRequestError("Query contains no columns with which to SELECT from.")
        if self._from_statement is not None:
            statement = statement.from_statement(self._from_statement)
        elif not statement.column_descriptions:
            raise exc.InvalidRequestError("Query contains no columns with which to SELECT from.")
        return self.session.execute(
            statement, self._params or None, execution_options=self._options, bind_arguments=bind_arguments
        )

    def _iter(self) -> Any:
        result = self._execute(self._statement)
        if "yield_per" not in self._options and any(is_entity(entity) for entity in self._entities):
            result = result.unique()
        return result.scalars() if self._single else result

    def all(self) -> list[Any]:
        """Return all rows; entities themselves where one entity is selected."""
        return self._iter().all()  # type: ignore[no-any-return]

    def first(self) -> Any:
        """Return the first row, or None; reads one row only."""
        return (self if self._from_statement is not None else self.limit(1))._iter().first()

    def one(self) -> Any:
        """Return the only row.

        Raises:
            NoResultFound, MultipleResultsFound: there is none, there are several.
        """
        return self._iter().one()

    def one_or_none(self) -> Any:
        """Return the only row, or None.

        Raises:
            MultipleResultsFound: there are several.
        """
        return self._iter().one_or_none()

    def scalar(self) -> Any:
        """Return the first column of the only row, or None.

        Raises:
            MultipleResultsFound: there are several rows.
        """
        try:
            row = self.one()
        except exc.NoResultFound:
            return None
        return row if self._single else row[0]

    def value(self, column: Any) -> Any:
        """Return one column of the first row, or None."""
        row = next(self.values(column), None)
        return None if row is None else row[0]

    def values(self, *columns: Any) -> Iterator[Any]:
        """Iterate over rows of other columns than the query's.

        Raises:
            ArgumentError: no column is given.
        """
        if not columns:
            raise exc.ArgumentError("Query.values() takes at least one column")
        return iter(self.with_entities(*columns).yield_per(10))

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the rows."""
        return iter(self._iter())

    def __getitem__(self, item: Any) -> Any:
        """Return one row by position, or a list of them by slice; reads no others."""
        if not isinstance(item, slice):
            if item < 0:
                raise IndexError("negative indexes are not accepted by SQL index / slice operators")
            return self.slice(item, item + 1).all()[0]
        start, stop, step = item.start, item.stop, item.step
        if (start is not None and start < 0) or (stop is not None and stop < 0):
            raise IndexError("negative indexes are not accepted by SQL index / slice operators")
        if start is not None and stop is not None and stop - start <= 0:
            return []
        rows = list(self.slice(start, stop))
        return rows if step is None else rows[::step]

    def count(self) -> int:
        """Return the number of rows the query would give: `SELECT count(*) FROM (…)`."""
        selecting = self._selecting()
        inner = selecting.set_label_style(_LABELS).subquery()
        statement = _core.select(_core.func.count(_core.literal_column("*"))).select_from(inner)
        statement = statement.options(*(o for o in _core._select_parts(selecting)[1] if hasattr(o, "include_aliases")))
        return int(self._execute(statement, self._bind_arguments()).scalar())

    def get(self, ident: Any) -> Any:
        """Return the entity with this primary key, or None; from the session where it is there already."""
        warnings.warn(
            "The Query.get() method is considered legacy as of the 1.x series of SQLAlchemy and becomes a legacy "
            "construct in 2.0. The method is now available as Session.get()",
            exc.LegacyAPIWarning,
            stacklevel=2,
        )
        if self._used - {"order_by()", "distinct()"} or self._from_statement is not None:
            raise exc.InvalidRequestError("Query.get() being called on a Query with existing criterion. ")
        if not self._single:
            raise exc.InvalidRequestError("get() can only be used against a single mapped class.")
        again = bool(self._options.get("populate_existing"))
        get = {"populate_existing": again, "execution_options": self._options, **self._get}
        return self.session.get(self._entities[0], ident, **get)

    def delete(self, synchronize_session: Any = "auto", delete_args: dict[str, Any] | None = None) -> int:
        """Delete the rows that match; return how many."""
        return self._bulk(_core.delete(self._subject()), synchronize_session)

    def update(
        self, values: Any, synchronize_session: Any = "auto", update_args: dict[str, Any] | None = None
    ) -> int:
        """Update the rows that match; return how many."""
        statement = _core.update(self._subject())
        in_order = bool(update_args and update_args.get("preserve_parameter_order"))
        pairs = values.items() if isinstance(values, Mapping) else values
        statement = statement.ordered_values(*pairs) if in_order else statement.values(values)
        return self._bulk(statement, synchronize_session, values)

    def _subject(self) -> Any:
        """Return the entity to write to.

        Raises:
            ArgumentError: the query is not of an entity.
            InvalidRequestError: it has clauses that UPDATE and DELETE do not know.
        """
        for clause in ("limit()", "offset()", "order_by()", "group_by()", "distinct()", _FROMS):
            if clause in self._used:
                raise exc.InvalidRequestError(
                    f"Can't call Query.update() or Query.delete() when {clause} has been called"
                )
        if not is_entity(self._entities[0]):
            raise exc.ArgumentError(
                f"subject table for an INSERT, UPDATE or DELETE expected, got {self._entities[0]!r}."
            )
        return self._entities[0]

    def _bulk(self, statement: Any, synchronize_session: Any, values: Any = None) -> int:
        if synchronize_session not in _SYNCHRONIZE:
            raise exc.ArgumentError(
                "Valid strategies for session synchronization are 'auto', 'evaluate', 'fetch', False"
            )
        if self.whereclause is not None:
            statement = statement.where(self.whereclause)
        options = {**self._options, "synchronize_session": synchronize_session}
        result = self.session.execute(statement, self._params or None, execution_options=options)
        tell_bulk(self, self._entities[0], statement, result, values)
        return int(result.rowcount)

    def __str__(self) -> str:
        """Return the SQL text in the session's dialect, or in the default one."""
        whole = self._from_statement is not None
        statement = self.statement if whole else self.statement.set_label_style(_LABELS)
        bind = self.session.get_bind(clause=statement) if self.session is not None and self.session.bind else None
        return str(statement.compile(bind)) if bind is not None else str(statement)
