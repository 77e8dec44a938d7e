"""From a type's name in the catalog to a type object."""

from __future__ import annotations

import re
import warnings
from typing import Any

from pyorm import _core, exc, types

_PG_PLAIN = {
    "integer": "INTEGER", "bigint": "BIGINT", "smallint": "SMALLINT", "boolean": "BOOLEAN", "text": "TEXT",
    "date": "DATE", "real": "REAL",
}  # fmt: skip
_PG_OWN = {"uuid": "UUID", "json": "JSON", "jsonb": "JSONB", "bytea": "BYTEA", "inet": "INET", "cidr": "CIDR",
           "macaddr": "MACADDR",
           "money": "MONEY", "oid": "OID", "tsvector": "TSVECTOR", "hstore": "HSTORE", "int4range": "INT4RANGE",
           "int8range": "INT8RANGE", "numrange": "NUMRANGE", "daterange": "DATERANGE", "tsrange": "TSRANGE",
           "tstzrange": "TSTZRANGE", "macaddr8": "MACADDR8", "tsquery": "TSQUERY", "regclass": "REGCLASS",
           "regconfig": "REGCONFIG", "citext": "CITEXT", "jsonpath": "JSONPATH",
           "int4multirange": "INT4MULTIRANGE", "int8multirange": "INT8MULTIRANGE",
           "nummultirange": "NUMMULTIRANGE", "datemultirange": "DATEMULTIRANGE",
           "tsmultirange": "TSMULTIRANGE", "tstzmultirange": "TSTZMULTIRANGE"}  # fmt: skip
_SHAPE = re.compile(r"^(?P<name>[^(]+)(?:\((?P<args>[^)]*)\))?(?P<rest>.*)$")


def postgresql_type(
    text: str,
    enums: dict[tuple[str, str], list[str]],
    domains: dict[tuple[str, str], Any] | None = None,
    collation: str | None = None,
) -> Any:
    """Return the type for what format_type() says.

    Args:
        text: "character varying(100)", "numeric(10,2)", "integer[]", an enum's name.
        enums: labels by (schema, name).
        domains: definitions by (schema, name), as get_domains() gives them.
        collation: the column's own collation, or None.
    """
    if text.endswith("[]"):
        from pyorm.dialects.postgresql import ARRAY

        return ARRAY(postgresql_type(text[:-2], enums, domains))
    match = _SHAPE.match(text)
    assert match is not None, text
    name, rest = match.group("name").strip(), match.group("rest").strip()
    args: list[Any] = [int(a) for a in (match.group("args") or "").split(",") if a.strip().lstrip("-").isdigit()]
    options: dict[str, Any] = {"collation": collation} if collation else {}
    if name == "character varying":
        return types.VARCHAR(args[0] if args else None, **options)
    if name == "character":
        return types.CHAR(args[0] if args else None, **options)
    if name == "text" and options:
        return types.TEXT(**options)
    if name == "numeric":
        return types.NUMERIC(*args)
    if name == "double precision":
        return types.DOUBLE_PRECISION(53)
    if name in ("timestamp", "time") or name.startswith(("timestamp ", "time ")):
        return _temporal(name, args, rest)
    if name in ("bit", "bit varying"):
        from pyorm.dialects.postgresql import BIT

        return BIT(args[0] if args else None, varying=name != "bit")
    if name.startswith("interval"):
        from pyorm.dialects.postgresql import INTERVAL

        return INTERVAL()
    return _named(name, text, enums, domains or {})


def _temporal(name: str, args: list[int], rest: str) -> Any:
    from pyorm.dialects import postgresql

    cls = postgresql.TIMESTAMP if name.startswith("timestamp") else postgresql.TIME
    return cls(timezone="with time zone" in f"{name} {rest}", precision=args[0] if args else None)


def _named(
    name: str, text: str, enums: dict[tuple[str, str], list[str]], domains: dict[tuple[str, str], Any]
) -> Any:
    from pyorm.dialects import postgresql

    if name in _PG_PLAIN:
        return getattr(types, _PG_PLAIN[name])()
    own = getattr(postgresql, _PG_OWN.get(name, ""), None)
    if own is not None:
        return own()
    bare = name.replace('"', "")
    for (schema, enum), labels in enums.items():
        if bare in (enum, f"{schema}.{enum}"):
            return postgresql.ENUM(*labels, name=enum, schema=schema if bare != enum else None)
    for (schema, domain), facts in domains.items():
        if bare in (domain, f"{schema}.{domain}"):
            return _domain(facts, schema if bare != domain else None, enums, domains)
    warnings.warn(f"Did not recognize type '{text}' of a column", exc.SAWarning, stacklevel=6)
    return types.NullType()


def _domain(facts: Any, schema: str | None, enums: Any, domains: Any) -> Any:
    """Return the DOMAIN that get_domains() describes; of several conditions, the first."""
    from pyorm.dialects.postgresql import DOMAIN

    first = facts["constraints"][0] if facts["constraints"] else {"name": None, "check": None}
    return DOMAIN(
        facts["name"], postgresql_type(facts["type"], enums, domains, collation=facts["collation"]),
        collation=facts["collation"],
        default=None if facts["default"] is None else text_clause(facts["default"]),
        constraint_name=first["name"], not_null=not facts["nullable"], check=first["check"],
        create_type=False, schema=schema,
    )  # fmt: skip


def text_clause(sql: str) -> Any:
    """Return SQL text in which a colon is a colon."""
    return _core.text(sql.replace(":", "\\:"))


_LITE = {
    "BIGINT": "BIGINT", "BLOB": "BLOB", "BOOL": "BOOLEAN", "BOOLEAN": "BOOLEAN", "CHAR": "CHAR", "DATE": "DATE",
    "DATETIME": "DATETIME", "DECIMAL": "DECIMAL", "DOUBLE": "DOUBLE", "DOUBLE PRECISION": "DOUBLE_PRECISION",
    "FLOAT": "FLOAT", "INT": "INTEGER", "INTEGER": "INTEGER", "JSON": "JSON", "NUMERIC": "NUMERIC", "REAL": "REAL",
    "SMALLINT": "SMALLINT", "TEXT": "TEXT", "TIME": "TIME", "TIMESTAMP": "TIMESTAMP", "VARCHAR": "VARCHAR",
    "NVARCHAR": "NVARCHAR", "VARBINARY": "VARBINARY", "BINARY": "BINARY",
}  # fmt: skip


def sqlite_type(text: str) -> Any:
    """Return the type for a declared type: by its name, else by SQLite's affinity rules (datatype3, section 3.1)."""
    match = _SHAPE.match(text.strip()) if text.strip() else None
    name = match.group("name").strip().upper() if match else ""
    args: list[Any] = [int(a) for a in ((match.group("args") if match else "") or "").split(",") if a.strip().isdigit()]
    cls = getattr(types, _LITE[name]) if name in _LITE else _by_affinity(name)
    takes_arguments = issubclass(cls, (types.String, types.Numeric, types.LargeBinary)) and cls is not types.NullType
    try:
        return cls(*args) if takes_arguments else cls()
    except TypeError:
        warnings.warn(f"Could not use the arguments of the declared type {text!r}", exc.SAWarning, stacklevel=5)
        return cls()


def _by_affinity(name: str) -> Any:
    if "INT" in name:
        return types.INTEGER
    if any(word in name for word in ("CHAR", "CLOB", "TEXT")):
        return types.TEXT
    if "BLOB" in name or not name:
        return types.NullType
    if any(word in name for word in ("REAL", "FLOA", "DOUB")):
        return types.REAL
    return types.NUMERIC
