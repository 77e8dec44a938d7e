"""pyorm.orm, with all names imported. Written by tools/stubs.py."""

from pyorm._core import (
    AttributeEventToken as AttributeEventToken,
    FromStatement as FromStatement,
    InstanceState as InstanceState,
    InstrumentedAttribute as InstrumentedAttribute,
)
from pyorm.orm.util import (
    merge_frozen_result as merge_frozen_result,
)
from pyorm.orm.attributes import (
    QueryableAttribute as QueryableAttribute,
)
from pyorm.orm._cascade import (
    CascadeOptions as CascadeOptions,
)
from pyorm.orm._comparator import (
    PropComparator as PropComparator,
)
from pyorm.orm.declarative import (
    DeclarativeBase as DeclarativeBase,
    DeclarativeBaseNoMeta as DeclarativeBaseNoMeta,
    DeclarativeMeta as DeclarativeMeta,
    add_mapped_attribute as add_mapped_attribute,
    as_declarative as as_declarative,
    declarative_base as declarative_base,
    has_inherited_table as has_inherited_table,
)
from pyorm.orm._aliased import (
    AliasedClass as AliasedClass,
    AliasedInsp as AliasedInsp,
    aliased as aliased,
)
from pyorm.orm._with_polymorphic import (
    with_polymorphic as with_polymorphic,
)
from pyorm.orm.collections import (
    KeyFuncDict as KeyFuncDict,
    MappedCollection as MappedCollection,
    attribute_keyed_dict as attribute_keyed_dict,
    attribute_mapped_collection as attribute_mapped_collection,
    collection_adapter as collection_adapter,
    column_keyed_dict as column_keyed_dict,
    column_mapped_collection as column_mapped_collection,
    keyfunc_mapping as keyfunc_mapping,
    mapped_collection as mapped_collection,
)
from pyorm.orm._criteria import (
    LoaderCriteriaOption as LoaderCriteriaOption,
    UserDefinedOption as UserDefinedOption,
    with_loader_criteria as with_loader_criteria,
)
from pyorm.orm.context import (
    QueryContext as QueryContext,
)
from pyorm.orm._mapping_events import (
    EXT_CONTINUE as EXT_CONTINUE,
    EXT_SKIP as EXT_SKIP,
    EXT_STOP as EXT_STOP,
    InstrumentationEvents as InstrumentationEvents,
    RegistryEvents as RegistryEvents,
)
from pyorm.orm.events import (
    AttributeEvents as AttributeEvents,
    InstanceEvents as InstanceEvents,
    MapperEvents as MapperEvents,
    SessionEvents as SessionEvents,
)
from pyorm.orm._concrete import (
    polymorphic_union as polymorphic_union,
)
from pyorm.orm._joins import (
    join as join,
    outerjoin as outerjoin,
    with_parent as with_parent,
)
from pyorm.orm.manager import (
    ClassManager as ClassManager,
)
from pyorm.orm.mapper import (
    Mapper as Mapper,
)
from pyorm.orm._load_option import (
    Load as Load,
)
from pyorm.orm.options import (
    contains_eager as contains_eager,
    defaultload as defaultload,
    defer as defer,
    immediateload as immediateload,
    joinedload as joinedload,
    lazyload as lazyload,
    load_only as load_only,
    noload as noload,
    raiseload as raiseload,
    selectin_polymorphic as selectin_polymorphic,
    selectinload as selectinload,
    subqueryload as subqueryload,
    undefer as undefer,
    undefer_group as undefer_group,
    with_expression as with_expression,
)
from pyorm.orm.properties import (
    ColumnProperty as ColumnProperty,
    Mapped as Mapped,
    MappedColumn as MappedColumn,
    MappedSQLExpression as MappedSQLExpression,
    MapperProperty as MapperProperty,
    Unmapped as Unmapped,
    column_property as column_property,
    declarative_mixin as declarative_mixin,
    declared_attr as declared_attr,
    deferred as deferred,
    mapped_column as mapped_column,
    query_expression as query_expression,
    reconstructor as reconstructor,
    unmapped_column as unmapped_column,
    validates as validates,
)
from pyorm.orm.query import (
    Query as Query,
)
from pyorm.orm.dynamic import (
    AppenderQuery as AppenderQuery,
)
from pyorm.orm.writeonly import (
    WriteOnlyCollection as WriteOnlyCollection,
)
from pyorm.orm.relationships import (
    DynamicMapped as DynamicMapped,
    MANYTOMANY as MANYTOMANY,
    MANYTOONE as MANYTOONE,
    ONETOMANY as ONETOMANY,
    Relationship as Relationship,
    RelationshipDirection as RelationshipDirection,
    RelationshipProperty as RelationshipProperty,
    WriteOnlyMapped as WriteOnlyMapped,
    backref as backref,
    dynamic_loader as dynamic_loader,
    foreign as foreign,
    relationship as relationship,
    remote as remote,
)
from pyorm.orm.scoping import (
    scoped_session as scoped_session,
)
from pyorm.orm.session import (
    ORMExecuteState as ORMExecuteState,
    Session as Session,
    SessionTransaction as SessionTransaction,
    SessionTransactionOrigin as SessionTransactionOrigin,
    UOWTransaction as UOWTransaction,
    close_all_sessions as close_all_sessions,
    make_transient as make_transient,
    make_transient_to_detached as make_transient_to_detached,
    object_session as object_session,
    sessionmaker as sessionmaker,
    was_deleted as was_deleted,
)
from pyorm.orm.bundles import (
    Bundle as Bundle,
    DictBundle as DictBundle,
)
from pyorm.orm.composites import (
    Composite as Composite,
    CompositeProperty as CompositeProperty,
    composite as composite,
)
from pyorm.orm._dataclasses import (
    MappedAsDataclass as MappedAsDataclass,
    mapped_as_dataclass as mapped_as_dataclass,
    unmapped_dataclass as unmapped_dataclass,
)
from pyorm.orm._symbols import (
    AttributeState as AttributeState,
    LoaderCallableStatus as LoaderCallableStatus,
    NO_KEY as NO_KEY,
    NO_VALUE as NO_VALUE,
    NotExtension as NotExtension,
    PassiveFlag as PassiveFlag,
)
from pyorm.orm.synonyms import (
    Synonym as Synonym,
    SynonymProperty as SynonymProperty,
    synonym as synonym,
    synonym_for as synonym_for,
)
from pyorm.orm._registry import (
    class_mapper as class_mapper,
    clear_mappers as clear_mappers,
    configure_mappers as configure_mappers,
    object_mapper as object_mapper,
    registry as registry,
)
from pyorm.orm import (
    attributes as attributes,
    clsregistry as clsregistry,
    collections as collections,
    declarative as declarative,
    events as events,
    exc as exc,
    interfaces as interfaces,
    mapper as mapper,
    properties as properties,
    query as query,
    relationships as relationships,
    scoping as scoping,
    session as session,
    util as util,
)

__all__: list[str]
