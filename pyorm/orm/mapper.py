"""`Mapper`: the configuration of one mapped class; its frozen half is the C plan."""

from __future__ import annotations

import itertools
import warnings
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyorm import _core, exc
from pyorm.orm import _concrete, _exclude, _inherit, _mapping_events, _plan, _with_polymorphic, events
from pyorm.orm._inherit import column_of
from pyorm.orm._read_only import ReadOnlyProperties
from pyorm.orm.exc import UnmappedColumnError
from pyorm.orm.manager import ClassManager
from pyorm.orm.properties import ColumnProperty, MappedColumn, MapperProperty
from pyorm.orm.relationships import RelationshipProperty
from pyorm.orm.synonyms import DescriptorProperty, Synonym
from pyorm.schema import Column

_numbers = itertools.count()


class Mapper:
    """The mapping of a class to a table.

    Attributes:
        class_: the mapped class.
        local_table, persist_selectable, selectable: what it is mapped to.
        attrs: its properties by key. column_attrs, relationships, synonyms, composites: those of one kind.
        columns, c: its columns by attribute key.
        primary_key: tuple of the primary key's columns.
        registry: the registry it belongs to.
        inherits, base_mapper: the parent's Mapper or None; the root's.
        inherit_condition: what joins the own table to the parent's, or None.
        single, concrete: whether it shares its parent's table; whether it shares nothing.
        polymorphic_on: the discriminator's column or expression, or None.
        polymorphic_identity, polymorphic_abstract: the discriminator's value for this class; that there is none.
        polymorphic_map: mappers of the hierarchy by identity.
        tables: the tables that its instances' rows are in.
        include_properties, exclude_properties: sets of what was given, or None.
    """

    is_mapper, is_aliased_class, is_selectable = True, False, False
    concrete = single = non_primary = polymorphic_abstract = False
    inherits: Mapper | None = None
    inherit_condition: Any = None
    polymorphic_on: Any = None
    polymorphic_identity: Any = None
    is_mapping = True  # False: disposed of
    _is_set_up = _is_configured = False  # relationships looked up; and given to the core
    _is_announced = False  # listeners of before_mapper_configured have heard of it
    _failure: Exception | None = None  # why configuration of this mapper failed
    _polymorphic_key: str | None = None
    _equated: tuple[tuple[Any, Any], ...] = ()
    base_mapper: Mapper
    primary_key: tuple[Any, ...]
    local_table: Any
    persist_selectable: Any
    tables: Any
    polymorphic_load: str | None
    _poly_given: Any  # of _with_polymorphic.py, with the next three
    _poly_selectable: Any
    _poly_inline: Any
    _poly_joins: Any

    def __init__(
        self,
        class_: type,
        local_table: Any = None,
        properties: Mapping[str, Any] | None = None,
        primary_key: Sequence[Any] | None = None,
        inherits: Any = None,
        inherit_condition: Any = None,
        inherit_foreign_keys: Any = None,
        concrete: bool = False,
        polymorphic_on: Any = None,
        polymorphic_identity: Any = None,
        polymorphic_abstract: bool = False,
        polymorphic_load: str | None = None,
        with_polymorphic: Any = None,
        version_id_col: Any = None,
        version_id_generator: Any = None,
        include_properties: Sequence[Any] | None = None,
        exclude_properties: Sequence[Any] | None = None,
        column_prefix: str | None = None,
        eager_defaults: Any = "auto",
        confirm_deleted_rows: bool = True,
        batch: bool = True,
        allow_partial_pks: bool = True,
        always_refresh: bool = False,
        passive_updates: bool = True,
        passive_deletes: bool = False,
        legacy_is_orphan: bool = False,
        registry: Any = None,
    ) -> None:
        """Map the class.

        Raises:
            ArgumentError: no primary key, a property that is no property.
            TypeError: an unknown argument.
        """
        if "__mapper__" in class_.__dict__:
            raise exc.ArgumentError(
                f"Class '{class_}' already has a primary mapper defined. Use clear_mappers() to remove all mappers"
            )
        self.class_, self.concrete = class_, concrete
        self._children: list[weakref.ref[Mapper]] = []
        self.inherits = base = _inherit.resolve(class_, inherits)
        self._set_tables(local_table, base)
        self.registry = registry
        self.base_mapper = self if base is None else base.base_mapper
        self.polymorphic_map: dict[Any, Mapper] = {} if base is None else base.polymorphic_map
        self.eager_defaults, self.confirm_deleted_rows, self.batch = eager_defaults, confirm_deleted_rows, batch
        self.allow_partial_pks, self.always_refresh = allow_partial_pks, always_refresh
        self.passive_updates, self.passive_deletes = passive_updates, passive_deletes
        self.legacy_is_orphan = legacy_is_orphan
        self.version_id_generator = version_id_generator
        self.column_prefix = column_prefix
        self.include_properties = _exclude.as_set(include_properties)
        self.exclude_properties = _exclude.as_set(exclude_properties)
        if version_id_col is not None:
            _inherit.check_expression("version_id_col", version_id_col)
        self.version_id_col = column_of(version_id_col)
        if base is not None and not concrete:
            self.confirm_deleted_rows, self.batch = base.confirm_deleted_rows, base.batch
            self.passive_updates = base.passive_updates
            self.passive_deletes = base.passive_deletes or passive_deletes
            if version_id_col is None:
                self.version_id_col = base.version_id_col
                self.version_id_generator = base.version_id_generator
            if not self.single:
                _inherit.join_parent(self, base, column_of(inherit_condition), inherit_foreign_keys)
            self.primary_key = base.primary_key
        else:
            self.primary_key = self._find_primary_key(primary_key)
        self._props: dict[str, MapperProperty] = {}
        self._by_column: dict[Any, ColumnProperty] = {}
        self._collect_properties(dict(properties or {}))
        _inherit.set_discriminator(self, polymorphic_on)
        _inherit.set_identity(self, polymorphic_identity, polymorphic_abstract)
        _with_polymorphic.set_up(self, polymorphic_load, with_polymorphic)
        self.validators = _plan.collect_validators(class_)
        self.class_manager = ClassManager(class_, self)
        self._number = next(_numbers)
        self._install()

    def _install(self) -> None:
        """Put the mapping onto the class, the last step."""
        class_ = self.class_
        class_.__mapper__ = self  # type: ignore[attr-defined]
        class_.__table__ = self.local_table  # type: ignore[attr-defined]
        class_._sa_class_manager = self.class_manager  # type: ignore[attr-defined]
        _mapping_events.fire("instrument_class", class_, self, class_)
        self.plan = _plan.build(self)
        if self._poly_selectable is not None:
            _with_polymorphic.tell_plan(self)
        for prop in self._props.values():
            if isinstance(prop, DescriptorProperty) and prop.parent is self:
                prop.install(self)
            _plan.link_mutable(self, prop)
        _plan.link_reconstructor(class_)
        events.attach(class_)
        if self.inherits is not None:
            _concrete.hide_inherited(self)
            self.inherits._children.append(weakref.ref(self))
            _with_polymorphic.child_came(self)
        if self.registry is not None:
            self.registry._add_mapper(self)
        _mapping_events.fire("class_instrument", class_, class_)
        _mapping_events.fire("after_mapper_constructed", class_, self, class_)

    def _set_tables(self, local_table: Any, base: Mapper | None) -> None:
        """Say which table is the class's own; a joined class's selectable comes later.

        Raises:
            ArgumentError: there is no table.
        """
        name = self.class_.__name__
        if local_table is None and (base is None or self.concrete):
            raise exc.ArgumentError(f"Mapper for {name} has no table")
        shares = base is not None and (local_table is None or local_table is base.local_table)
        self.single = shares and not self.concrete
        if self.single:
            assert base is not None
            self.local_table, self.persist_selectable = base.local_table, base.persist_selectable
            self.tables = base.tables
            return
        self.local_table = self.persist_selectable = local_table
        self.tables = [local_table] if hasattr(local_table, "indexes") else []

    # ---- configuration -----------------------------------------------------------------------------------------
    def _find_primary_key(self, given: Sequence[Any] | None) -> tuple[Any, ...]:
        if given:
            names = [c if isinstance(c, str) else column_of(c) for c in given]
            return tuple(self._column_named(c) if isinstance(c, str) else c for c in names)
        columns = tuple(self.local_table.primary_key)
        if any(self._is_excluded(column) for column in columns):
            columns = ()
        if not columns:
            raise exc.ArgumentError(
                f"Mapper {self} could not assemble any primary key columns for mapped table "
                f"'{getattr(self.local_table, 'description', self.local_table)}'"
            )
        return columns

    def _column_named(self, key: str) -> Any:
        try:
            return self.local_table.c[key]
        except KeyError:
            raise exc.ArgumentError(
                f"Can't determine primary_key column '{key}' - no attribute is mapped to this name."
            ) from None

    def _collect_properties(self, given: dict[str, Any]) -> None:
        """Take the given properties, and one for each column that none of them holds."""
        if self.inherits is not None and not self.concrete:
            self._inherit_properties(self.inherits, given)
            return
        for key, value in given.items():
            self._props[key] = self._as_property(key, value)
        for key, prop in list(self._props.items()):
            if isinstance(prop, DescriptorProperty):
                prop.key = key
                prop.prepare(self)
        held: dict[int, str] = {}
        ordered: dict[str, MapperProperty] = {}
        for key, prop in self._props.items():
            if isinstance(prop, ColumnProperty):
                for column in prop.columns:
                    held[id(column)] = key
                if self._is_own(prop.columns[0]):
                    continue
            ordered[key] = prop
        for column in self.local_table.c:
            name = held.get(id(column))
            if name is None:
                name = (self.column_prefix or "") + column.key
                if name in self._props or self._is_excluded(column):
                    continue
                self._props[name] = ColumnProperty(column)
            ordered[name] = self._props[name]
        self._props = ordered
        for key, prop in self._props.items():
            self._adopt(key, prop)

    def _inherit_properties(self, base: Mapper, given: dict[str, Any]) -> None:
        """Take the parent's properties, then the given ones, then those of the own table's other columns."""
        self._props = dict(base._props)
        self._by_column = dict(base._by_column)
        own: dict[str, MapperProperty] = {}
        for key, value in given.items():
            prop = self._as_property(key, value)
            column = prop.columns[0] if isinstance(prop, ColumnProperty) else None
            if len(getattr(prop, "columns", ())) == 1 and key in self._props and self._is_own(column):
                prop = self._props[key] if column in self._by_column else _inherit.combine(self, key, column)
            if prop is not base._props.get(key):
                own[key] = self._props[key] = prop
        for key, prop in own.items():
            if isinstance(prop, DescriptorProperty):
                prop.key = key
                prop.prepare(self)
        held = {id(c) for p in own.values() if isinstance(p, ColumnProperty) for c in p.columns}
        for column in () if self.single else self.local_table.c:
            key = (self.column_prefix or "") + column.key
            if id(column) in held or self._is_excluded(column):
                continue
            if key in self._props:
                own[key] = self._props[key] = _inherit.combine(self, key, column)
            else:
                own[key] = self._props[key] = ColumnProperty(column)
        for key, prop in own.items():
            self._adopt(key, prop)

    def _pks_of(self, table: Any) -> tuple[Any, ...]:
        return tuple(table.primary_key)

    def _is_own(self, column: Any) -> bool:
        return getattr(column, "table", None) is self.local_table

    def _is_excluded(self, column: Any) -> bool:
        return _exclude.leaves_out(self.include_properties, self.exclude_properties, column.key, column)

    def _as_property(self, key: str, value: Any) -> MapperProperty:
        if isinstance(value, MappedColumn):
            value = value.column
        if isinstance(value, Column):
            return ColumnProperty(value)
        if isinstance(value, (list, tuple)):
            value = ColumnProperty(*value)
        if isinstance(value, MapperProperty):
            return value
        if isinstance(value, _core.ClauseElement) or hasattr(value, "__clause_element__"):
            return ColumnProperty(value)
        raise exc.ArgumentError(
            f"Attribute '{key}' of {self.class_.__name__} is not a property of a mapper: expected a Column or "
            f"MapperProperty, got {value!r}"
        )

    def _adopt(self, key: str, prop: MapperProperty) -> None:
        if prop.parent is not None and prop.parent is not self:
            raise exc.ArgumentError(f"Property '{key}' already belongs to {prop.parent}")
        prop.key, prop.parent = key, self
        self._note_columns(prop)

    def _note_columns(self, prop: MapperProperty) -> None:
        if isinstance(prop, ColumnProperty):
            for column in prop.columns:
                self._by_column[column] = prop
        self.__dict__.pop("_column_collection", None)

    def add_property(self, key: str, prop: Any) -> None:
        """Map one more attribute; instances that exist already have it, unset."""
        prop = self._as_property(key, prop)
        if isinstance(prop, ColumnProperty) and prop.columns[0].__class__.__name__ == "Column":
            self._add_late_column(key, prop.columns[0])
        if isinstance(prop, DescriptorProperty):
            prop.key = key
            prop.prepare(self)
        self._adopt(key, prop)
        self._props[key] = prop
        was_configured = self._is_configured
        if isinstance(prop, RelationshipProperty):
            self._is_set_up = self._is_configured = False
        _plan.add(self, prop)
        _plan.link_mutable(self, prop)
        if isinstance(prop, DescriptorProperty):
            prop.install(self)
        if was_configured:
            self._configure()  # at once: what a backref adds elsewhere is there too
            _mapping_events.fire_attributes(self, [key])
        self.__dict__.pop("_column_collection", None)
        _inherit.hand_down(self, prop)

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Map several more attributes."""
        for key, prop in properties.items():
            self.add_property(key, prop)

    def _add_late_column(self, key: str, column: Any) -> None:
        if column.table is not None:
            return
        if column.name is None:
            column.name, column.key = key, column.key or key
        if column.key in self.local_table.c:
            warnings.warn(
                f"On class {self.class_.__name__!r}, column {column.key!r} replaces the one its table has already",
                exc.SAWarning,
                stacklevel=4,
            )
        self.local_table.append_column(column, replace_existing=True)

    def dispose(self) -> None:
        """Take the mapping off the class; its instances keep their values."""
        _mapping_events.fire("class_uninstrument", self.class_, self.class_)
        self.plan.dispose()
        self.is_mapping = False
        for name in ("__mapper__", "_sa_class_manager"):
            if name in self.class_.__dict__:
                type.__delattr__(self.class_, name)

    def _configure(self) -> None:
        """Complete the mappings, if this one is not."""
        if not self._is_configured:
            from pyorm.orm._configure import configure_for

            configure_for(self)

    # ---- what it knows -----------------------------------------------------------------------------------------
    @property
    def mapper(self) -> Mapper:
        """The mapper itself, so that `inspect(x).mapper` works for classes and aliases alike."""
        return self

    @property
    def entity(self) -> type:
        """The mapped class."""
        return self.class_

    entity_namespace = entity

    def __clause_element__(self) -> type:
        """Stand for the class in statements."""
        return self.class_

    @property
    def configured(self) -> bool:
        """Whether the mapping is complete: its relationships are looked up."""
        return self._is_configured

    @property
    def attrs(self) -> Any:
        """All properties by key."""
        self._configure()
        return ReadOnlyProperties(self._props)

    @property
    def column_attrs(self) -> Any:
        """The properties that stand for columns or expressions."""
        return ReadOnlyProperties({k: p for k, p in self._props.items() if isinstance(p, ColumnProperty)})

    @property
    def relationships(self) -> Any:
        """The properties that refer to other mapped classes."""
        self._configure()
        return ReadOnlyProperties({k: p for k, p in self._props.items() if isinstance(p, RelationshipProperty)})

    @property
    def synonyms(self) -> Any:
        """The properties that are a second name of another."""
        return ReadOnlyProperties({k: p for k, p in self._props.items() if isinstance(p, Synonym)})

    @property
    def composites(self) -> Any:
        """The properties that combine columns into one value."""
        return ReadOnlyProperties({k: p for k, p in self._props.items() if hasattr(p, "composite_class")})

    @property
    def all_orm_descriptors(self) -> Any:
        """Everything on the class that speaks of the mapping: attributes and extensions."""
        found: dict[str, Any] = {}
        for cls in reversed(self.class_.__mro__):
            for key, value in vars(cls).items():
                if isinstance(value, _core.InstrumentedAttribute) or getattr(value, "extension_type", None) is not None:
                    found[key] = value
                elif isinstance(self._props.get(key), DescriptorProperty):
                    found[key] = getattr(self.class_, key)
        return ReadOnlyProperties(found)

    @property
    def columns(self) -> Any:
        """The mapped columns by attribute key."""
        collection = self.__dict__.get("_column_collection")
        if collection is None:
            pairs = [(k, p.columns[0]) for k, p in self._props.items() if isinstance(p, ColumnProperty)]
            collection = self.__dict__["_column_collection"] = _core.ColumnCollection(pairs)
        return collection

    c = columns

    @property
    def iterate_properties(self) -> Iterator[MapperProperty]:
        """Iterate over the properties."""
        return iter(self._props.values())

    @property
    def selectable(self) -> Any:
        """What `select(cls)` selects from: with_polymorphic's JOIN, or the class's own tables."""
        return _with_polymorphic.selectable_of(self)

    @property
    def with_polymorphic_mappers(self) -> list[Mapper]:
        """The mappers whose columns a plain SELECT of the class loads too, itself first; [] without subclasses."""
        return _with_polymorphic.mappers_of(self)

    @property
    def self_and_descendants(self) -> tuple[Mapper, ...]:
        """This mapper and those that inherit from it, level by level."""
        return _inherit.descendants(self)

    def polymorphic_iterator(self) -> Iterator[Mapper]:
        """Iterate over this mapper and those that inherit from it."""
        return iter(_inherit.descendants(self))

    def iterate_to_root(self) -> Iterator[Mapper]:
        """Iterate over this mapper and those it inherits from."""
        return _inherit.to_root(self)

    def isa(self, other: Mapper) -> bool:
        """Return whether this mapper is `other` or inherits from it."""
        return any(one is other for one in _inherit.to_root(self))

    def common_parent(self, other: Mapper) -> bool:
        """Return whether both mappers are of one hierarchy."""
        return self.base_mapper is other.base_mapper

    def _single_criterion(self, source: Any) -> Any:
        return _inherit.criterion_of(self, source)

    def _check_identity(self, value: Any, instance: str) -> None:
        _inherit.check_identity(self, value, instance)

    def _select_own(self, top: Mapper, by_option: bool, options: tuple[Any, ...]) -> Any:
        return _with_polymorphic.select_own(self, top, by_option, options)

    def _select_rest(self, keys: Sequence[str]) -> Any:
        return _inherit.select_rest(self, keys)

    def has_property(self, key: str) -> bool:
        """Return whether an attribute of this name is mapped."""
        return key in self._props

    def get_property(self, key: str) -> MapperProperty:
        """Return the property of this name.

        Raises:
            InvalidRequestError: there is none.
        """
        try:
            return self._props[key]
        except KeyError:
            raise exc.InvalidRequestError(
                f"Mapper '{self}' has no property '{key}'.  If this property was indicated from other mappers or "
                "configure events, ensure registry.configure() has been called."
            ) from None

    def get_property_by_column(self, column: Any) -> ColumnProperty:
        """Return the property that holds this column.

        Raises:
            UnmappedColumnError: no attribute holds it.
        """
        try:
            return self._by_column[column]
        except KeyError:
            raise UnmappedColumnError(f"No column {column} is configured on mapper {self}...") from None

    def _names_with_slots(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return attribute names with composites and synonyms replaced by what they stand for."""
        found: list[str] = []
        for name in names:
            prop = self._props.get(name)
            if isinstance(prop, Synonym):
                found += self._names_with_slots((prop.name,))
            else:
                found += getattr(prop, "_attribute_keys", None) or (name,)
        return tuple(dict.fromkeys(found))

    @property
    def _identity_class(self) -> type:
        """The class in identity keys: the root's, or the own one of a concrete mapping."""
        one = self
        while one.inherits is not None and not one.concrete:
            one = one.inherits
        return one.class_

    # ---- identity ----------------------------------------------------------------------------------------------
    def identity_key_from_primary_key(self, primary_key: Sequence[Any], identity_token: Any = None) -> tuple[Any, ...]:
        """Return `(class, values, token)` for primary key values."""
        return self._identity_class, tuple(primary_key), identity_token

    def identity_key_from_instance(self, instance: Any) -> tuple[Any, ...]:
        """Return the identity key that the instance's present values make."""
        state = _core.instance_state(instance)
        key = state.key
        return (self._identity_class, self.primary_key_from_instance(instance), key[2] if key else None)

    def identity_key_from_row(self, row: Any, identity_token: Any = None, adapter: Any = None) -> tuple[Any, ...]:
        """Return the identity key that a row's columns make."""
        return self._identity_class, tuple(row._mapping[c] for c in self.primary_key), identity_token

    def primary_key_from_instance(self, instance: Any) -> tuple[Any, ...]:
        """Return the primary key values of the instance, in the key's order."""
        return tuple(getattr(instance, self._by_column[c].key) for c in self.primary_key)

    def __str__(self) -> str:
        """Return `Mapper[Class(table)]`."""
        table = getattr(self.local_table, "description", None) or "anonymous selectable"
        return f"Mapper[{self.class_.__name__}({table})]"

    def __repr__(self) -> str:
        """Show the class."""
        return f"<Mapper at {id(self):#x}; {self.class_.__name__}>"
