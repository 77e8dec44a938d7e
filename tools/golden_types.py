"""Write tests/golden/types.json: names of types in DDL and their reprs, by SQLAlchemy itself.

Run it with a Python that has SQLAlchemy; the tests only read the file. The list of types
below is ours; each is an expression over `T` (generic types), `P` and `S` (the dialects').
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

EXPRESSIONS = """
T.Integer() T.SmallInteger() T.BigInteger() T.INTEGER() T.INT() T.SMALLINT() T.BIGINT()
T.Float() T.Float(5) T.Float(30) T.FLOAT() T.FLOAT(30) T.REAL() T.REAL(4) T.Double() T.Double(53)
T.DOUBLE() T.DOUBLE_PRECISION() T.DOUBLE_PRECISION(53) T.Float(asdecimal=True)
T.Numeric() T.Numeric(10) T.Numeric(10,2) T.NUMERIC(5,1) T.DECIMAL(5,1) T.DECIMAL()
T.Numeric(asdecimal=False) T.Numeric(10,2,decimal_return_scale=3)
T.Boolean() T.BOOLEAN() T.Boolean(create_constraint=True,name='x')
T.String() T.String(5) T.String(5,collation='C') T.String(collation='de_DE') T.Text() T.Text(5)
T.Text(collation='C') T.Unicode(7) T.UnicodeText() T.VARCHAR(3) T.CHAR(3) T.CHAR() T.NCHAR(4)
T.NVARCHAR(4) T.TEXT() T.CLOB() T.String(5,collation='C',collation_schema='pg_catalog')
T.LargeBinary() T.LargeBinary(5) T.BLOB() T.BLOB(5) T.BINARY(4) T.VARBINARY(4)
T.Date() T.DATE() T.Time() T.TIME() T.Time(timezone=True) T.DateTime() T.DATETIME()
T.DateTime(timezone=True) T.TIMESTAMP() T.TIMESTAMP(timezone=True) T.Interval()
T.Interval(native=False) T.Interval(second_precision=3)
T.Uuid() T.Uuid(as_uuid=False) T.Uuid(native_uuid=False) T.UUID() T.UUID(as_uuid=False)
T.JSON() T.JSON(none_as_null=True) T.PickleType() T.NullType() T.MatchType()
T.Enum('a','bbb') T.Enum('a','bbb',name='q') T.Enum('a',name='Q') T.Enum('a',name='q',schema='S')
T.Enum('a','b',name='q',native_enum=False) T.Enum('a','b',name='q',native_enum=False,length=20)
T.Enum('a',name='select') T.Enum(Colour) T.Enum(Colour,name='foo')
T.Enum(Colour,values_callable=values) T.Enum(Colour,native_enum=False)
T.ARRAY(T.Integer) T.ARRAY(T.String(4),dimensions=2) T.ARRAY(T.Enum('a',name='q'))
T.ARRAY(T.String(3,collation='C')) T.ARRAY(T.DateTime(timezone=True))
T.String(5).with_variant(T.Text(),'postgresql') T.JSON().with_variant(P.JSONB(),'postgresql')
T.Unicode(3).with_variant(T.CHAR(2),'sqlite','postgresql')
T.BigInteger().with_variant(T.Integer(),'sqlite')
P.ARRAY(P.TEXT) P.BYTEA() P.JSON() P.JSONB() P.JSONB(none_as_null=True) P.JSONPATH() P.CITEXT()
P.INET() P.CIDR() P.MACADDR() P.MACADDR8() P.OID() P.REGCLASS() P.REGCONFIG() P.TSVECTOR()
P.BIT() P.BIT(4) P.BIT(varying=True) P.BIT(4,varying=True)
P.TIMESTAMP(precision=3) P.TIMESTAMP(True,3) P.TIME(True,2) P.INTERVAL() P.INTERVAL(precision=2)
P.INTERVAL(fields='YEAR') P.INTERVAL(fields='DAY\\x20TO\\x20SECOND',precision=3)
P.ENUM('a','b',name='en') P.ENUM(Colour,name='en',schema='Sc') P.ARRAY(P.ENUM('a',name='en'))
P.DOMAIN('d',T.Integer) P.UUID() P.DOUBLE_PRECISION()
S.DATETIME() S.DATE() S.TIME() S.JSON()
Decorated(5) Decorated(length=4) ByDialect() Own() Own(5)
""".split()

PRELUDE = """
import enum
class Colour(enum.Enum):
    RED = 'x'
    BLUE = 'yyyy'
def values(cls):
    return [member.value for member in cls]
class Decorated(T.TypeDecorator):
    impl = T.String
    cache_ok = True
class ByDialect(T.TypeDecorator):
    impl = T.CHAR
    cache_ok = True
    def load_dialect_impl(self, dialect):
        if dialect.name == 'postgresql':
            return dialect.type_descriptor(P.UUID())
        return dialect.type_descriptor(T.CHAR(32))
class Own(T.UserDefinedType):
    cache_ok = True
    def __init__(self, p=8):
        self.p = p
    def get_col_spec(self, **kw):
        return 'OWN(%d)' % self.p
"""


def describe(names: dict[str, Any], dialects: dict[str, Any], expression: str) -> dict[str, Any]:
    """Return what is recorded of one type; the class of an error where there is no name."""
    type_ = eval(expression, names)
    found: dict[str, Any] = {"repr": repr(type_), "str": str(type_)}
    for name, dialect in dialects.items():
        try:
            found[name] = type_.compile(dialect=dialect)
        except Exception as error:
            found[name] = {"error": type(error).__name__}
    return found


def main() -> None:
    """Write the file."""
    import sqlalchemy
    from sqlalchemy import types
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.dialects.postgresql import asyncpg
    from sqlalchemy.engine.default import DefaultDialect

    names: dict[str, Any] = {"T": types, "P": postgresql, "S": sqlite}
    exec(PRELUDE, names)
    dialects = {
        "postgresql": asyncpg.dialect(),
        "sqlite": sqlite.dialect(),
        "default": DefaultDialect(),
    }
    content = {
        "made_by": f"SQLAlchemy {sqlalchemy.__version__}, tools/golden_types.py",
        "types": {text: describe(names, dialects, text) for text in EXPRESSIONS},
    }
    path = Path(__file__).resolve().parent.parent / "tests" / "golden" / "types.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    sys.stdout.write(f"{path}: {len(EXPRESSIONS)} types\n")


if __name__ == "__main__":
    main()
