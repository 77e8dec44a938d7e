"""Which of SQLAlchemy's and Alembic's modules is which of pyorm's, where the names differ."""

from __future__ import annotations

ROOT_MODULES = {"sqlalchemy": "pyorm", "alembic": "pyorm.migrations"}
"""The other libraries' top modules. A module below is pyorm's module of the same name, unless it stands below."""

VERSIONS = {"sqlalchemy": "2.1.9", "alembic": "1.20.1"}
"""The versions whose documented behaviour pyorm has, which programs compare with."""

_EXPRESSION = ("pyorm.sql.expression", "pyorm.sql", "pyorm._core", "pyorm")
_SCHEMA = ("pyorm.schema", "pyorm.schema._base", "pyorm.schema.naming", "pyorm.schema.constraints", "pyorm")
_TYPES = ("pyorm.types", "pyorm._types.base", "pyorm._types.decorator", "pyorm.sql.expression")
_ENGINE = ("pyorm.engine", "pyorm.engine.base", "pyorm.engine.url", "pyorm")
_ORM = (
    "pyorm.orm",
    "pyorm.orm.attributes",
    "pyorm.orm.interfaces",
    "pyorm.orm.exc",
    "pyorm.orm.session",
    "pyorm.orm.mapper",
    "pyorm._core",
)
_POSTGRESQL = ("pyorm.dialects.postgresql", "pyorm.types")
_SQLITE = ("pyorm.dialects.sqlite", "pyorm.types")

FACADES: dict[str, tuple[str, ...]] = {
    "sqlalchemy.events": ("pyorm.event", "pyorm.schema.events", "pyorm.orm.events"),
    "sqlalchemy.future": ("pyorm.engine", "pyorm"),
    "sqlalchemy.util": ("pyorm.compat.util",),
    "sqlalchemy.util.langhelpers": ("pyorm.compat.util",),
    "sqlalchemy.util.concurrency": ("pyorm.compat.util",),
    "sqlalchemy.pool": ("pyorm.pool",),
    "sqlalchemy.pool.base": ("pyorm.pool",),
    "sqlalchemy.pool.impl": ("pyorm.pool",),
    "sqlalchemy.engine.default": ("pyorm.dialects._base", *_ENGINE),
    "sqlalchemy.engine.interfaces": ("pyorm.dialects._base", *_ENGINE),
    "sqlalchemy.engine.reflection": ("pyorm.engine.reflection", "pyorm.schema.kinds", *_ENGINE),
    "sqlalchemy.engine.cursor": ("pyorm.engine.result", *_ENGINE),
    "sqlalchemy.sql.base": (*_EXPRESSION, *_SCHEMA),
    "sqlalchemy.sql.compiler": _EXPRESSION,
    "sqlalchemy.sql.ddl": (*_SCHEMA, "pyorm.schema.ddl"),
    "sqlalchemy.sql.dml": _EXPRESSION,
    "sqlalchemy.sql.elements": (*_EXPRESSION, "pyorm.schema._base"),
    "sqlalchemy.sql.naming": _SCHEMA,
    "sqlalchemy.sql.roles": _EXPRESSION,
    "sqlalchemy.sql.schema": (*_SCHEMA, "pyorm.schema.defaults"),
    "sqlalchemy.sql.selectable": _EXPRESSION,
    "sqlalchemy.sql.sqltypes": _TYPES,
    "sqlalchemy.sql.type_api": _TYPES,
    "sqlalchemy.sql.util": _EXPRESSION,
    "sqlalchemy.orm.base": _ORM,
    "sqlalchemy.orm.decl_api": ("pyorm.orm", "pyorm.orm.declarative"),
    "sqlalchemy.orm.decl_base": ("pyorm.orm", "pyorm.orm.declarative"),
    "sqlalchemy.orm.descriptor_props": ("pyorm.orm", "pyorm.orm.composites", "pyorm.orm.synonyms"),
    "sqlalchemy.orm.instrumentation": ("pyorm.orm.manager", *_ORM),
    "sqlalchemy.orm.state": ("pyorm.orm", "pyorm._core"),
    "sqlalchemy.orm.strategy_options": ("pyorm.orm.options", "pyorm.orm"),
    "sqlalchemy.orm.util": ("pyorm.orm.util", *_ORM),
    "sqlalchemy.orm.mapped_collection": ("pyorm.orm.collections",),
    "sqlalchemy.dialects.postgresql.array": _POSTGRESQL,
    "sqlalchemy.dialects.postgresql.base": _POSTGRESQL,
    "sqlalchemy.dialects.postgresql.dml": _POSTGRESQL,
    "sqlalchemy.dialects.postgresql.ext": _POSTGRESQL,
    "sqlalchemy.dialects.postgresql.hstore": _POSTGRESQL,
    "sqlalchemy.dialects.postgresql.json": _POSTGRESQL,
    "sqlalchemy.dialects.postgresql.named_types": _POSTGRESQL,
    "sqlalchemy.dialects.postgresql.ranges": _POSTGRESQL,
    "sqlalchemy.dialects.postgresql.types": _POSTGRESQL,
    "sqlalchemy.dialects.postgresql.psycopg2": _POSTGRESQL,
    "sqlalchemy.dialects.postgresql.psycopg": _POSTGRESQL,
    "sqlalchemy.dialects.postgresql.asyncpg": _POSTGRESQL,
    "sqlalchemy.dialects.sqlite.base": _SQLITE,
    "sqlalchemy.dialects.sqlite.json": _SQLITE,
    "sqlalchemy.dialects.sqlite.pysqlite": _SQLITE,
    "sqlalchemy.dialects.mssql": ("pyorm.compat.mssql",),
    "sqlalchemy.dialects.mysql": ("pyorm.compat.mysql",),
    "sqlalchemy.dialects.oracle": ("pyorm.compat.oracle",),
    "sqlalchemy.dialects.mssql.base": ("pyorm.compat.mssql",),
    "sqlalchemy.dialects.mysql.base": ("pyorm.compat.mysql",),
    "sqlalchemy.dialects.mysql.types": ("pyorm.compat.mysql",),
    "sqlalchemy.dialects.oracle.base": ("pyorm.compat.oracle",),
    "alembic.util.sqla_compat": ("pyorm.compat.util", "pyorm.schema._base", "pyorm"),
}
"""Modules without a file of that name, and where their names are looked for."""

NOT_THERE = {
    "sqlalchemy.ext.asyncio": "pyorm has no asyncio engine yet; a synchronous env.py (the template `generic`) works",
    "alembic.testing": "pyorm does not carry Alembic's test suite",
}
"""What to say of a module that a program may well ask for and that is not there."""
