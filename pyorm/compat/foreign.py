"""Types of other databases, for scripts that name them: `Text().with_variant(mysql.LONGTEXT(), "mysql")`.

They can be made, compared and carried as variants. As a column's own type on PostgreSQL or SQLite
they fail with an error that names them, as an unknown type does.
"""

from __future__ import annotations

from typing import Any

from pyorm import exc, types


class ForeignType(types.TypeEngine):
    """A type of a database that pyorm does not speak.

    Args:
        *args: kept, and shown by `repr`.
        **kw: kept, and shown by `repr`.
    """

    dialect_name = ""

    def __init__(self, *args: Any, **kw: Any) -> None:
        self.args, self.kw = args, kw

    def compile(self, dialect: Any = None) -> str:
        """Refuse.

        Raises:
            CompileError: always; it names the type.
        """
        name = getattr(dialect, "name", "default")
        raise exc.CompileError(
            f"{type(self).__name__} is a type of {self.dialect_name} and cannot be written for {name}; use a portable "
            f'type, and with_variant({self.dialect_name}.{type(self).__name__}(…), "{self.dialect_name}") beside it'
        )

    def __repr__(self) -> str:
        shown = [repr(value) for value in self.args] + [f"{key}={value!r}" for key, value in self.kw.items()]
        return f"{type(self).__name__}({', '.join(shown)})"


_SHARED = (
    "BIGINT BINARY BLOB BOOLEAN CHAR CLOB DATE DATETIME DECIMAL DOUBLE_PRECISION FLOAT INTEGER JSON NCHAR NUMERIC "
    "NVARCHAR REAL SMALLINT TEXT TIME TIMESTAMP VARBINARY VARCHAR"
)


def types_of(dialect: str, own: str) -> dict[str, Any]:
    """Return a dialect's types by name: those that only it has, and the portable ones.

    Args:
        dialect: the dialect's name.
        own: the names of its own types, separated by spaces.
    """
    made: dict[str, Any] = {
        name: type(name, (ForeignType,), {"dialect_name": dialect, "__module__": f"pyorm.compat.{dialect}"})
        for name in own.split()
    }
    return {**{name: getattr(types, name) for name in _SHARED.split()}, **made}
