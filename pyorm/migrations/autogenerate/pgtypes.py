"""Types of PostgreSQL as format_type() writes them, from what DDL says (PostgreSQL, Data Types)."""

from __future__ import annotations

import re
from functools import lru_cache

from pyorm.migrations.autogenerate import sqltext

_SAME = {
    "int": "integer", "int4": "integer", "serial": "integer", "bigserial": "bigint", "smallserial": "smallint",
    "int8": "bigint", "int2": "smallint", "decimal": "numeric", "varchar": "character varying",
    "char": "character", "nchar": "character", "nvarchar": "character varying", "bool": "boolean", "float4": "real",
    "float8": "double precision", "varbit": "bit varying", "timestamptz": "timestamp with time zone",
    "timetz": "time with time zone", "char varying": "character varying", "blob": "bytea",
}  # fmt: skip
_PLAIN = frozenset(
    "integer bigint smallint boolean text date real uuid json jsonb bytea inet cidr macaddr macaddr8 money oid "
    "tsvector tsquery xml point line lseg box path polygon circle int4range int8range numrange daterange tsrange "
    "tstzrange "
    "int4multirange int8multirange nummultirange datemultirange tsmultirange tstzmultirange jsonpath regclass "
    "regconfig pg_lsn txid_snapshot name".split()
)
_SHAPES = ("point", "line", "lseg", "box", "path", "polygon", "circle")
_ARRAY = re.compile(r"(?:\[\d*\])+$")
_ARGUMENTS = re.compile(r"^(?P<name>[^(]+)(?:\((?P<args>[^)]*)\)(?P<rest>[^()]*))?$")
_WITH_LENGTH = ("character varying", "character", "bit varying", "bit")
_TIME = ("timestamp", "time")


@lru_cache(maxsize=5000)
def normal_type(ddl: str) -> tuple[str, str | None, bool]:
    """Return a type of DDL as format_type() writes it, its collation, and whether it is one that is known here.

    Args:
        ddl: "VARCHAR(30) COLLATE \\"C\\"", "NUMERIC(10, 2)", "TIMESTAMP WITH TIME ZONE", "INTEGER[]", "app.mood".
    """
    text, collation = _without_collation(ddl.strip())
    array = "[]" if _ARRAY.search(text) else ""
    match = _ARGUMENTS.match(_ARRAY.sub("", text))
    if match is None or '"' in text:
        return _named(text), collation, False
    name = " ".join(match["name"].lower().split())
    args = [a.strip() for a in (match["args"] or "").split(",") if a.strip()]
    rest = " ".join((match["rest"] or "").lower().split())
    found = _known(_SAME.get(name, name), args, rest)
    if found is None:
        return _named(text), collation, False
    return found + array, collation, True


def _without_collation(text: str) -> tuple[str, str | None]:
    match = re.search(r"\s+COLLATE\s+(.+)$", text, re.IGNORECASE)
    if match is None:
        return text, None
    parts = [part for part in sqltext.split(match[1], ".") if part]
    return text[: match.start()], sqltext.plain_name(parts[-1]) or parts[-1]


def _known(name: str, args: list[str], rest: str) -> str | None:
    if name.endswith((" with time zone", " without time zone")):
        name, _, zone = name.partition(" ")
        rest = f"{zone} {rest}".strip()
    if name.split(" with")[0] in _TIME:
        zone = "with time zone" if rest.startswith("with ") else "without time zone"
        return f"{name}({args[0]}) {zone}" if args else f"{name} {zone}"
    if rest:
        return None
    if name in _WITH_LENGTH:
        if not args and name in ("character", "bit"):
            args = ["1"]
        return f"{name}({args[0]})" if args else name
    if name == "numeric":
        return f"numeric({args[0]},{args[1] if len(args) > 1 else 0})" if args else name
    if name == "float":
        return "real" if args and int(args[0]) < 25 else "double precision"
    if name in ("double", "double precision"):
        return "double precision"
    if name.startswith("interval"):
        return _interval(name, args)
    return name if name in _PLAIN and not args else None


def _interval(name: str, args: list[str]) -> str:
    """Return `interval day to second(3)`: the precision stands at the end, with or without fields."""
    return f"{name}({args[0]})" if args else name


def _named(text: str) -> str:
    """Return the name of a type that is not PostgreSQL's own, without needless quotes and spaces."""
    array = "[]" if text.endswith("]") else ""
    found = sqltext.normal(_ARRAY.sub("", text))
    return re.sub(r" ?([.(),]) ?", r"\1", found) + array


def without_visible_schema(name: str, visible: tuple[str, ...]) -> str:
    """Return a type's name without its schema where that is one of those looked through anyway."""
    schema, dot, rest = name.partition(".")
    return rest if dot and schema.strip('"') in visible else name


def base_type(name: str) -> str:
    """Return a type's name without its arguments and array brackets."""
    return re.sub(r"\(.*?\)", "", name).replace("[]", "").strip()


# Assignment casts without USING (pg_cast): from each, the types an ALTER COLUMN TYPE reaches by itself.
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")
_TEXTS = ("text", "character varying", "character", "name")


def needs_using(old: str, new: str) -> bool:
    """Return whether ALTER COLUMN TYPE needs a USING clause: no implicit or assignment cast leads there."""
    if old.endswith("[]") != new.endswith("[]"):
        return not (base_type(new) in _TEXTS and not new.endswith("[]"))
    source, target = base_type(old), base_type(new)
    if source == target or target in _TEXTS:
        return False  # everything is assigned to text
    if source in _NUMBERS and target in (*_NUMBERS, "money"):
        return target == "money" and source in ("smallint", "real", "double precision")
    return (source, target) not in _ASSIGNED


# Types whose values mean nothing in another family, unless `_READ` says so.
_FAMILIES = (
    ("number", (*_NUMBERS, "oid")), ("money", ("money",)), ("boolean", ("boolean",)), ("uuid", ("uuid",)),
    ("date", ("date",)), ("moment", ("timestamp without time zone", "timestamp with time zone")),
    ("time", ("time without time zone", "time with time zone")), ("interval", ("interval",)),
    ("json", ("json", "jsonb")), ("net", ("inet", "cidr")), ("mac", ("macaddr", "macaddr8")),
    ("bits", ("bit", "bit varying")), ("bytes", ("bytea",)), ("xml", ("xml",)),
    *((name, (name,)) for name in sorted(_PLAIN) if name.endswith("range") or name in _SHAPES),
)  # fmt: skip
_FAMILY = {name: family for family, names in _FAMILIES for name in names}
_READ = {
    "number": {"boolean", "json", "interval", "money", "bits"}, "money": {"number"}, "boolean": {"number", "json"},
    "date": {"moment"}, "moment": {"date", "time"}, "time": {"interval"}, "interval": {"time"},
    "json": {"number", "boolean", "interval", "bits", "money"}, "bits": {"number", "json", "interval", "time", "money"},
}  # fmt: skip
_READ_FROM_ALL = {None, "bytes", "xml"}


def can_cast(old: str, new: str) -> bool:
    """Return whether values of one type can be cast to another; True for texts and types that are not known here.

    An array becomes what its first element becomes, and a value an array of itself.
    """
    source, target = (_family(base_type(name)) for name in (old, new))
    if source is None or source == target or target in _READ_FROM_ALL:
        return True
    return target in _READ.get(source, ())


def _family(name: str) -> str | None:
    return "interval" if name.startswith("interval") else _FAMILY.get(name)


def using(column: str, old: str, new: str) -> str:
    """Return the expression of USING: a direct cast where there is one, else one through text.

    Args:
        column: its quoted name.
        old: the type it has, as format_type() writes it.
        new: the type it gets, as DDL writes it.
    """
    target = base_type(normal_type(new)[0])
    if old.endswith("[]") != new.endswith("[]"):
        return f"{column}[1]::text::{new}" if old.endswith("[]") else f"ARRAY[{column}::text]::{new}"
    source = base_type(old)
    if source in _TEXTS and not old.endswith("[]"):
        return f"{column}::{new}"
    if source == "money" and target in _NUMBERS:
        return f"{column}::numeric::{new}"
    if source == "boolean" and target in _NUMBERS:
        return f"{column}::integer" + ("" if target == "integer" else f"::{new}")
    if source in _NUMBERS and target == "boolean":
        return f"{column}::boolean" if source == "integer" else f"{column}::integer::boolean"
    return f"{column}::text{'[]' if old.endswith('[]') else ''}::{new}"


_ASSIGNED = frozenset(
    [
        ("date", "timestamp without time zone"), ("date", "timestamp with time zone"),
        ("timestamp without time zone", "date"), ("timestamp with time zone", "date"),
        ("timestamp without time zone", "timestamp with time zone"),
        ("timestamp with time zone", "timestamp without time zone"),
        ("timestamp without time zone", "time without time zone"),
        ("timestamp with time zone", "time without time zone"),
        ("timestamp with time zone", "time with time zone"),
        ("time without time zone", "time with time zone"), ("time with time zone", "time without time zone"),
        ("time without time zone", "interval"), ("interval", "time without time zone"), ("bit", "bit varying"),
        ("bit varying", "bit"), ("json", "jsonb"), ("jsonb", "json"), ("cidr", "inet"), ("inet", "cidr"),
        ("money", "numeric"), ("macaddr", "macaddr8"), ("macaddr8", "macaddr"), ("integer", "oid"), ("oid", "integer"),
        ("bigint", "oid"), ("oid", "bigint"), ("xml", "text"),
    ]
)  # fmt: skip
