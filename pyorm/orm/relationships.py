"""`relationship()`: an attribute that refers to instances of another mapped class.

What the user says is kept as it is until the mappings are configured (`_configure.py`); then
strings and lambdas are looked up, the join condition is found (`_join_condition.py`), the two
sides are linked, and the core gets one frozen `Relation` (`_relate.py`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from pyorm import _core, exc
from pyorm.orm._cascade import (
    MANYTOMANY,
    MANYTOONE,
    ONETOMANY,
    CascadeOptions,
    RelationshipDirection,
)
from pyorm.orm._comparator import Comparator
from pyorm.orm.exc import LoaderStrategyException
from pyorm.orm.properties import Mapped, MapperProperty

if TYPE_CHECKING:
    from pyorm.orm._join_condition import JoinCondition
    from pyorm.orm.dynamic import AppenderQuery
    from pyorm.orm.writeonly import WriteOnlyCollection

_T = TypeVar("_T")
_Lazy = (
    Literal["select", "joined", "selectin", "subquery", "immediate", "raise", "raise_on_sql", "noload", "write_only"]
    | Literal["dynamic", "select_in"]
    | bool
    | None
)
_UNSET: Any = object()
FOREIGN, REMOTE = 1, 2
_WRITE_ONLY_ARGUMENTS = {
    "passive_deletes": False,
    "passive_updates": True,
    "enable_typechecks": True,
    "active_history": False,
}
_LAZY = {
    "select": "select", "joined": "joined", "subquery": "subquery", "selectin": "selectin", "immediate": "immediate",
    "raise": "raise", "raise_on_sql": "raise_on_sql", "noload": "noload", "write_only": "write_only",
    "dynamic": "dynamic", True: "select", False: "joined", None: "noload", "select_in": "selectin",
}  # fmt: skip
_DATACLASS = ("init", "repr", "default", "default_factory", "compare", "kw_only", "hash", "dataclass_metadata")


class RelationshipProperty(MapperProperty):
    """What a mapper knows of a relationship. Made by `relationship()`, which names the arguments.

    Attributes:
        mapper: the mapper of the related class. entity: what `inspect()` says of the target.
        target: the table or other FROM clause of the related class.
        direction: ONETOMANY, MANYTOONE or MANYTOMANY.
        uselist: whether the attribute is a collection.
        primaryjoin, secondaryjoin, secondary: the join condition.
        local_remote_pairs: pairs of columns, local and remote.
        remote_side, local_columns: sets of columns of either side.
        synchronize_pairs, secondary_synchronize_pairs: from where to where values are copied when rows are written.
        cascade, order_by, viewonly, back_populates, backref, collection_class, lazy, …: as given.
    """

    strategy_wildcard_key = "relationship"
    Comparator = Comparator
    _join: JoinCondition | None = None
    _relation: Any = None  # the core's, once the mappings are configured

    def __init__(
        self,
        argument: Any = None,
        secondary: Any = None,
        *,
        uselist: bool | None = None,
        collection_class: Any = None,
        primaryjoin: Any = None,
        secondaryjoin: Any = None,
        back_populates: Any = None,
        order_by: Any = False,
        backref: Any = None,
        overlaps: str | None = None,
        post_update: bool = False,
        cascade: Any = None,
        viewonly: bool = False,
        lazy: Any = _UNSET,
        passive_deletes: Any = False,
        passive_updates: bool = True,
        active_history: bool = False,
        enable_typechecks: bool = True,
        foreign_keys: Any = None,
        remote_side: Any = None,
        join_depth: int | None = None,
        comparator_factory: Any = None,
        single_parent: bool = False,
        innerjoin: Any = False,
        distinct_target_key: bool | None = None,
        load_on_pending: bool = False,
        query_class: Any = None,
        info: dict[Any, Any] | None = None,
        omit_join: bool | None = None,
        sync_backref: bool | None = None,
        doc: str | None = None,
        **dataclass_options: Any,
    ) -> None:
        """Keep the arguments; refuse what cannot be right together."""
        unknown = [name for name in dataclass_options if name not in _DATACLASS]
        if unknown:
            raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument {unknown[0]!r}")
        self._dataclass_options = {k: v for k, v in dataclass_options.items() if v is not _UNSET}
        self.argument, self.uselist, self.collection_class = argument, uselist, collection_class
        self.given: dict[str, Any] = {
            "secondary": secondary, "primaryjoin": primaryjoin, "secondaryjoin": secondaryjoin,
            "order_by": order_by, "foreign_keys": foreign_keys, "remote_side": remote_side,
        }  # fmt: skip
        self.back_populates, self.backref = back_populates, backref
        self._overlaps = frozenset(name.strip() for name in (overlaps or "").split(",")) - {""}
        self.post_update, self.viewonly = post_update, viewonly
        self.lazy = "select" if lazy is _UNSET else lazy
        self._one_by_one = lazy is not _UNSET and lazy in ("select", True)  # loads are not batched over peers
        self.passive_deletes, self.passive_updates = passive_deletes, passive_updates
        self.active_history, self.enable_typechecks = active_history, enable_typechecks
        self.join_depth, self.single_parent = join_depth, single_parent
        self.innerjoin, self.distinct_target_key, self.load_on_pending = innerjoin, distinct_target_key, load_on_pending
        self.query_class, self.omit_join, self.sync_backref, self.doc = query_class, omit_join, sync_backref, doc
        self.comparator_factory = comparator_factory or Comparator
        if info is not None:
            self._info = info
        self._reverse_property: set[RelationshipProperty] = set()
        self._check_arguments()
        self._set_cascade("save-update, merge" if cascade is None and not viewonly else cascade)

    def _check_arguments(self) -> None:
        if self.viewonly:
            for name, default in _WRITE_ONLY_ARGUMENTS.items():
                if getattr(self, name) != default:
                    warnings.warn(
                        f"Setting {name} on relationship() while also setting viewonly=True does not make sense, as a "
                        "viewonly=True relationship does not perform persistence operations. This configuration may "
                        "raise an error in a future release.",
                        exc.SAWarning,
                        stacklevel=5,
                    )
            if self.sync_backref:
                raise exc.ArgumentError("sync_backref and viewonly cannot both be True")
        if self.omit_join:
            warnings.warn(
                "setting omit_join to True is not supported; selectin loading of this relationship may not work "
                "correctly if this flag is set explicitly.  omit_join optimization is automatically detected for "
                "conditions under which it is supported.",
                exc.SAWarning,
                stacklevel=5,
            )
        if self._dataclass_options.get("default") is not None:
            raise exc.ArgumentError("Only 'None' is accepted as dataclass default for a relationship()")
        if self.backref is not None and self.back_populates is not None:
            raise exc.ArgumentError("backref and back_populates keyword arguments are mutually exclusive")
        try:
            known = self.lazy in _LAZY
        except TypeError:
            known = False
        if known and _LAZY[self.lazy] == "noload":
            warnings.warn(
                "The ``noload`` loader strategy is deprecated and will be removed in a future release.  This option "
                "produces incorrect results by returning ``None`` for related items. (deprecated since: 2.1)",
                exc.SADeprecationWarning,
                stacklevel=5,
            )

    def _set_cascade(self, cascade: Any) -> None:
        if cascade is None:  # viewonly
            cascade = "merge"
        found = cascade if isinstance(cascade, CascadeOptions) else CascadeOptions(cascade)
        if self.viewonly:
            found = found.without_writes()
        self._cascade = found

    @property
    def cascade(self) -> CascadeOptions:
        """The operations that travel along the relationship."""
        return self._cascade

    @cascade.setter
    def cascade(self, cascade: Any) -> None:
        self._set_cascade(cascade)

    @property
    def lazy_word(self) -> str:
        """How related objects are loaded, as the core names it.

        Raises:
            LoaderStrategyException: `lazy=` is nothing known.
        """
        try:
            return _LAZY[self.lazy]
        except (KeyError, TypeError):
            from pyorm.orm.clsregistry import did_you_mean

            hint = did_you_mean(str(self.lazy), [k for k in _LAZY if isinstance(k, str)]).rstrip(".")
            raise LoaderStrategyException(f"Can't find strategy (('lazy', {self.lazy!r}),) for {self}{hint}") from None

    # ---- what configuration finds ----------------------------------------------------------------------------
    def _configured(self) -> JoinCondition:
        """Return the join condition; configures the mappings first, if need be."""
        if self._join is None:
            from pyorm.orm._configure import configure_mappers

            configure_mappers()
        if self._join is None:
            raise exc.InvalidRequestError(
                f"The relationship {self} is not configured: call configure_mappers() when all classes that it needs "
                "are defined"
            )
        return self._join

    @property
    def entity(self) -> Any:
        """What `inspect()` says of the target: a Mapper, or an AliasedInsp."""
        from pyorm.orm import _relate

        return _relate.target_of(self)

    @property
    def mapper(self) -> Any:
        """The Mapper of the related class."""
        return self.entity.mapper

    @property
    def target(self) -> Any:
        """The FROM clause of the related class."""
        return self.entity.selectable

    @property
    def direction(self) -> RelationshipDirection:
        """ONETOMANY, MANYTOONE or MANYTOMANY."""
        return self._configured().direction

    @property
    def primaryjoin(self) -> Any:
        """The condition between this class and the target, or the secondary table."""
        return self._configured().primaryjoin

    @property
    def secondaryjoin(self) -> Any:
        """The condition between the secondary table and the target, or None."""
        return self._configured().secondaryjoin

    @property
    def secondary(self) -> Any:
        """The table in the middle of a many-to-many relationship, or None."""
        return self._configured().secondary

    @property
    def order_by(self) -> Any:
        """Expressions that order the collection, or False."""
        join = self._configured()
        return tuple(join.order_by) if join.order_by else False

    @property
    def local_remote_pairs(self) -> list[tuple[Any, Any]]:
        """Pairs of a local and a remote column."""
        return list(self._configured().local_remote_pairs)

    @property
    def synchronize_pairs(self) -> list[tuple[Any, Any]]:
        """Pairs of a column and the foreign key column its value is copied to."""
        return list(self._configured().synchronize_pairs)

    @property
    def secondary_synchronize_pairs(self) -> list[tuple[Any, Any]]:
        """The pairs between the target and the secondary table."""
        return list(self._configured().secondary_synchronize_pairs)

    @property
    def remote_side(self) -> set[Any]:
        """The columns of the remote side."""
        return set(self._configured().remote_columns)

    @property
    def local_columns(self) -> set[Any]:
        """The columns of the local side."""
        return set(self._configured().local_columns)

    @property
    def _calculated_foreign_keys(self) -> set[Any]:
        return set(self._configured().foreign_columns)

    @property
    def strategy_key(self) -> tuple[tuple[str, Any], ...]:
        """The loader as `(("lazy", word),)`."""
        return (("lazy", self.lazy),)

    @property
    def _is_self_referential(self) -> bool:
        return self.mapper.base_mapper is self.parent.base_mapper

    @property
    def comparator(self) -> Any:
        """What `comparator_factory` makes; without one the attribute itself, whose operators are the same."""
        own = self._own_comparator
        return self.class_attribute if own is None else own(self.class_attribute)

    @property
    def _own_comparator(self) -> Any:
        factory = self.comparator_factory
        return None if factory is Comparator else lambda attribute: factory(self, attribute)


class Relationship(RelationshipProperty, Mapped[_T], Generic[_T]):
    """A relationship of a declarative class: what `relationship()` returns."""

    __slots__ = ()


class DynamicMapped(Mapped[_T]):
    """Annotation of a relationship that is a query: `DynamicMapped["Post"]` (`lazy="dynamic"`)."""

    __slots__ = ()

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # reads as a collection
        def __get__(self, instance: None, owner: Any) -> _core.InstrumentedAttribute: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> AppenderQuery: ...
        def __get__(self, instance: object | None, owner: Any) -> Any: ...
        def __set__(self, instance: Any, value: Iterable[_T]) -> None: ...  # type: ignore[override]


class WriteOnlyMapped(Mapped[_T]):
    """Annotation of a collection that is never loaded: `WriteOnlyMapped["Post"]` (`lazy="write_only"`)."""

    __slots__ = ()

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # reads as a collection
        def __get__(self, instance: None, owner: Any) -> _core.InstrumentedAttribute: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> WriteOnlyCollection[_T]: ...
        def __get__(self, instance: object | None, owner: Any) -> Any: ...
        def __set__(self, instance: Any, value: Iterable[_T]) -> None: ...  # type: ignore[override]


def relationship(
    argument: Any = None,
    secondary: Any = None,
    *,
    uselist: bool | None = None,
    collection_class: type[Collection[Any]] | Callable[[], Collection[Any]] | None = None,
    primaryjoin: Any = None,
    secondaryjoin: Any = None,
    back_populates: str | Callable[[], Any] | None = None,
    order_by: Any = False,
    backref: str | tuple[str, dict[str, Any]] | None = None,
    overlaps: str | None = None,
    post_update: bool = False,
    cascade: str = "save-update, merge",
    viewonly: bool = False,
    init: bool = _UNSET,
    repr: bool = _UNSET,
    default: Any = _UNSET,
    default_factory: Callable[[], Any] = _UNSET,
    compare: bool = _UNSET,
    kw_only: bool = _UNSET,
    hash: bool | None = _UNSET,
    lazy: _Lazy = _UNSET,
    passive_deletes: Literal["all"] | bool = False,
    passive_updates: bool = True,
    active_history: bool = False,
    enable_typechecks: bool = True,
    foreign_keys: Any = None,
    remote_side: Any = None,
    join_depth: int | None = None,
    comparator_factory: Any = None,
    single_parent: bool = False,
    innerjoin: bool | Literal["unnested"] = False,
    distinct_target_key: bool | None = None,
    load_on_pending: bool = False,
    query_class: Any = None,
    info: dict[Any, Any] | None = None,
    omit_join: bool | None = None,
    sync_backref: bool | None = None,
    doc: str | None = None,
    dataclass_metadata: Mapping[Any, Any] | None = _UNSET,
) -> Any:
    """Map an attribute to instances of another mapped class.

    Args:
        argument: the related class: a class, its name, a callable that returns it, or an alias of it. With
            `Mapped["Post"]` or `Mapped[list["Post"]]` as annotation it may be left out.
        secondary: the table in the middle of a many-to-many relationship: a Table, its name, or a callable.
        uselist: False: at most one object; True: a collection. Default by direction, or by annotation.
        collection_class: list, set, a keyed dict of `pyorm.orm`, or another collection.
        primaryjoin, secondaryjoin: the join condition, where foreign keys do not give it: an expression, a string,
            or a callable. `foreign()` and `remote()` mark its columns.
        foreign_keys: columns to be taken as foreign keys; says which of several paths is meant.
        remote_side: columns on the related side; says which way a table refers to itself.
        back_populates: name of the relationship on the other side, which is changed along.
        backref: as back_populates, and makes that relationship: a name, or backref().
        order_by: order of the collection.
        overlaps: names of relationships, with commas, that write the same column with your consent.
        cascade: "save-update, merge" by default; "all", "delete-orphan", … with commas.
        viewonly: never written.
        lazy: by default at access, for several parents at once; "select": at access, one by one; "joined", "selectin",
            "subquery", "immediate", "raise", "raise_on_sql", "write_only", "dynamic".
        passive_deletes: True: what is not loaded is the database's to delete; "all": nothing is set to NULL.
        passive_updates: False: changes of the key are written to the rows that refer to it.
        post_update: write the foreign key by an UPDATE of its own, for rows that refer to each other.
        single_parent: an object may have one parent only; needed for "delete-orphan" on the many side.
        join_depth, innerjoin, distinct_target_key, omit_join, load_on_pending, active_history, enable_typechecks,
        sync_backref, query_class, comparator_factory, info, doc: as named.
        init, repr, default, default_factory, compare, kw_only, hash, dataclass_metadata: options of a field of a
            mapped dataclass.

    Returns:
        A Relationship; after the class statement the attribute is an InstrumentedAttribute.

    Raises:
        ArgumentError: arguments that contradict each other, an unknown cascade.
        TypeError: an unknown argument.

    Notes:
        Nothing is looked up before the mappings are configured: at the first instance, the first statement that is
        compiled, or by configure_mappers().
    """
    return Relationship(**locals())


def dynamic_loader(argument: Any = None, **kw: Any) -> Any:
    """Return `relationship(argument, lazy="dynamic", …)`."""
    return relationship(argument, lazy="dynamic", **kw)


def backref(name: str, **kwargs: Any) -> tuple[str, dict[str, Any]]:
    """Name the relationship that `relationship(backref=…)` makes on the other side, with arguments of its own."""
    return name, kwargs


def _marked(expr: Any, bits: int) -> Any:
    element = getattr(expr, "__clause_element__", None)
    return _core._mark(expr if element is None else element(), bits)


def foreign(expr: Any) -> Any:
    """Mark the columns of a part of `primaryjoin` as foreign keys."""
    return _marked(expr, FOREIGN)


def remote(expr: Any) -> Any:
    """Mark the columns of a part of `primaryjoin` as those of the related side."""
    return _marked(expr, REMOTE)


def remote_foreign(expr: Any) -> Any:
    """Mark the columns as foreign keys of the related side."""
    return _marked(expr, FOREIGN | REMOTE)


def is_callable(value: Any) -> bool:
    """Return whether an argument is a lambda or function that gives the real one."""
    return isinstance(value, Callable) and not isinstance(value, (type, _core.ClauseElement, _core.AliasedEntity))  # type: ignore[arg-type]


__all__ = [
    "MANYTOMANY",
    "MANYTOONE",
    "ONETOMANY",
    "CascadeOptions",
    "DynamicMapped",
    "Relationship",
    "RelationshipDirection",
    "RelationshipProperty",
    "WriteOnlyMapped",
    "backref",
    "foreign",
    "relationship",
    "remote",
    "remote_foreign",
]
