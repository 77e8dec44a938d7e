"""TypeEngine: what all SQL types have in common, and how one describes itself to the core.

The core asks a type once, by `_record_spec()`, for everything it needs to move values: the
kind, flags, lengths, and an identity. Equal identities share one record, so that two
`String(50)` are one type in a statement's key. After that no Python runs per value, unless
the class has hooks of its own (`bind_processor`, `result_processor`, `process_*`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pyorm import _core, exc
from pyorm._types.comparator import Comparator

if TYPE_CHECKING:
    from typing import Self

FLAGS: dict[str, int] = _core.type_flags
DIALECTS = ("postgresql", "sqlite")
"""The dialects the core knows, in its order."""


_F = TypeVar("_F", bound=Callable[..., Any])


def plain(function: _F) -> _F:
    """Mark a hook of these classes that does nothing: a program's own has no mark."""
    function._plain = True  # type: ignore[attr-defined]
    return function


class TypeEngine(_core.TypeEngine):
    """Base of all SQL types."""

    __visit_name__: ClassVar[str | None] = None
    _kind: ClassVar[str] = "NULL"
    """The kind of values, as the core names it."""
    _is_type_decorator: ClassVar[bool] = False
    _is_array: ClassVar[bool] = False
    _is_tuple_type: ClassVar[bool] = False
    _isnull: ClassVar[bool] = False
    hashable: bool = True
    """False: values cannot be put in a set, so that unique() compares by identity."""
    sort_key_function: Callable[[Any], Any] | None = None
    should_evaluate_none: bool = False
    """True: None is given to the type's processing, and an INSERT does not leave it out."""
    render_bind_cast: bool = False
    render_literal_cast: bool = False
    Comparator = Comparator
    comparator_factory: Any = Comparator
    """Class of the operators of this type's expressions."""
    _variants: dict[str, TypeEngine] = {}  # noqa: RUF012 - replaced, never changed

    def __class_getitem__(cls, _python_type: Any) -> type[TypeEngine]:
        """Take the Python type of its values, `TypeDecorator[str]`, which is for type checkers."""
        return cls

    # --- what subclasses and programs override -----------------------------------------

    @property
    def python_type(self) -> type:
        """The Python class of the values; object where any may come."""
        return object

    @plain
    def bind_processor(self, dialect: Any) -> Callable[[Any], Any] | None:
        """Return a function that prepares a value for the driver; None: nothing to do."""
        return None

    @plain
    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], Any] | None:
        """Return a function that turns the driver's value into the program's; None: nothing."""
        return None

    def literal_processor(self, dialect: Any) -> Callable[[Any], str] | None:
        """Return a function that renders a value as SQL; None: there is no such form."""
        from pyorm._types.literals import literal_processor

        return literal_processor(self, dialect)

    @plain
    def bind_expression(self, bindvalue: Any) -> Any:
        """Return a SQL expression around a parameter; None: the parameter as it is."""
        return None

    @plain
    def column_expression(self, colexpr: Any) -> Any:
        """Return a SQL expression around a column in a SELECT; None: the column as it is."""
        return None

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine:
        """Return the type of a bare value that is compared with an expression of this type."""
        found = resolve_value_type(value)
        if found is NULLTYPE or found._type_affinity is self._type_affinity:
            return self
        return found

    def compare_values(self, x: Any, y: Any) -> bool:
        """Say whether two values are the same for change detection."""
        return bool(x == y)

    def copy_value(self, value: Any) -> Any:
        """Return a copy of a value; values are immutable unless a class says otherwise."""
        return value

    # --- what programs call ---------------------------------------------------------------

    def compile(self, dialect: Any = None) -> str:
        """Return the name of the type in DDL, in the dialect's words."""
        from pyorm._types.ddl import compile_type

        return compile_type(self, dialect)

    def dialect_impl(self, dialect: Any) -> TypeEngine:
        """Return the type that a dialect uses: this one, or its variant."""
        return self._variants.get(dialect.name, self)

    def _unwrapped_dialect_impl(self, dialect: Any) -> TypeEngine:
        return self.dialect_impl(dialect)

    def with_variant(self, type_: TypeEngine | type[TypeEngine], *dialect_names: str) -> Self:
        """Return a copy of this type that is another type on some databases.

        Args:
            type_: the type to use there.
            dialect_names: "postgresql", "sqlite"; one at least.
        """
        if not dialect_names:
            raise exc.ArgumentError("At least one dialect name is required")
        taken = [name for name in dialect_names if name in self._variants]
        if taken:
            raise exc.ArgumentError(
                f"Dialect {taken[0]!r} is already present in the mapping for this {self!r}"
            )
        variant = to_instance(type_)
        if variant._variants:
            raise exc.ArgumentError(
                "can't pass a type that already has variants as a dialect-level type to "
                "with_variant()"
            )
        new = self.copy()
        new._variants = {**self._variants, **dict.fromkeys(dialect_names, variant)}
        return new

    def evaluates_none(self) -> Self:
        """Return a copy of this type that handles None as a value of its own."""
        new = self.copy()
        new.should_evaluate_none = True
        return new

    def as_generic(self, allow_nulltype: bool = False) -> TypeEngine:
        """Return the nearest type of this module that is written in CamelCase.

        Raises:
            NotImplementedError: there is none.
        """
        for cls in type(self).__mro__:
            if cls.__dict__.get("_is_generic") and (allow_nulltype or cls is not NullType):
                generic: TypeEngine = self.adapt(cls)
                return generic
        raise NotImplementedError(
            f"Default TypeEngine.as_generic() heuristic method was unsuccessful for "
            f"{type(self).__module__}.{type(self).__name__}. A custom as_generic() method must "
            f"be implemented for this type class."
        )

    def copy(self, **kw: Any) -> Self:
        """Return an equal type."""
        new = self.__class__.__new__(self.__class__)
        new.__dict__.update(self.__dict__)
        return new

    def adapt(self, cls: type[Any], **kw: Any) -> Any:
        """Return a type of another class with the arguments of this one that it takes."""
        names = constructor_names(cls)
        args = {key: value for key, value in self.__dict__.items() if key in names}
        return cls(**{**args, **kw})

    def get_dbapi_type(self, dbapi: Any) -> Any:
        """Return None: the native drivers need no type objects."""
        return None

    @property
    def _type_affinity(self) -> type[TypeEngine]:
        """The class that stands right below TypeEngine: what kind of type it is."""
        found: type[TypeEngine] = type(self)
        for cls in type(self).__mro__:
            if "_is_affinity" in cls.__dict__:
                return cls
            if cls in (TypeEngine, _core.TypeEngine):
                return found
            if issubclass(cls, TypeEngine):
                found = cls
        return found

    def _compare_type_affinity(self, other: TypeEngine) -> bool:
        return self._type_affinity is other._type_affinity

    @property
    def _has_bind_expression(self) -> bool:
        return _overrides(self, "bind_expression")

    @property
    def _has_column_expression(self) -> bool:
        return _overrides(self, "column_expression")

    # --- the core ---------------------------------------------------------------------------

    def _identity(self) -> tuple[Any, ...] | None:
        """Return what makes this type equal to another one, or None: nothing does."""
        cls = type(self)
        own = self.__dict__
        if not own:
            return (cls,)
        names = cls.__dict__.get("_constructor_names") or constructor_names(cls)
        given = [(name, own[name]) for name in names if name in own]
        values = [pair if type(pair[1]) in _PLAIN else (pair[0], _identity_of(pair[1])) for pair in given]
        if "_mutable_class" in own:  # of pyorm.ext.mutable: another type for mappers
            values.append(("_mutable_class", own["_mutable_class"]))
        key = (cls, *values)
        try:
            hash(key)
        except TypeError:
            return None
        return key

    def _fields(self) -> dict[str, Any]:
        """Return what the record of this type has beside kind and hooks; see types/record.c."""
        return {}

    def _record_flags(self) -> int:
        cls = type(self)
        flags: int | None = _FLAGS_OF_OWN.get(cls)
        if flags is None:
            flags = self._flags_of_hooks()
            if cls.__module__.startswith("pyorm._types.") and not hasattr(cls, "impl_instance"):
                _FLAGS_OF_OWN[cls] = flags
        if self.should_evaluate_none and flags & FLAGS["PY_BIND"]:  # else None is NULL to its codec
            flags |= FLAGS["NULL_AWARE"]
        if self.render_bind_cast:
            flags |= FLAGS["BIND_CAST"]
        return flags

    def _flags_of_hooks(self) -> int:
        flags = 0
        if _overrides(self, "bind_processor"):
            flags |= FLAGS["PY_BIND"]
        if _overrides(self, "result_processor"):
            flags |= FLAGS["PY_RESULT"]
        if self._has_bind_expression:
            flags |= FLAGS["BIND_EXPR"]
        if self._has_column_expression:
            flags |= FLAGS["COLUMN_EXPR"]
        if "_adds_only" not in self.comparator_factory.__dict__:
            flags |= FLAGS["COMPARATOR"]
        return flags

    def _record_spec(self) -> tuple[Any, ...]:
        key = self._identity()
        if key is None or self._variants:
            return self._new_spec(key)
        known: dict[Any, tuple[Any, ...]] | None = type(self).__dict__.get("_known_specs")
        if known is None:
            known = {}
            type.__setattr__(type(self), "_known_specs", known)
        spec = known.get((key, self.should_evaluate_none))
        if spec is None:
            spec = known[key, self.should_evaluate_none] = self._new_spec(key)
        return spec

    def _new_spec(self, key: Any) -> tuple[Any, ...]:
        fields = self._fields()
        flags = self._record_flags() | fields.get("flags", 0)
        if key is not None:
            key = (key, self.should_evaluate_none)
        impl = fields.get("impl")
        if self._variants:
            flags |= FLAGS["VARIANT"]
            plain = self.copy()
            plain._variants = {}
            impl = tuple(self._variants.get(name, plain) for name in DIALECTS)
            if key is not None:
                parts = tuple((n, t._record) for n, t in sorted(self._variants.items()))
                key = (*key, parts)
        if key is None:
            flags |= FLAGS["UNCACHEABLE"]
        return (
            key,
            fields.get("kind", self._kind),
            flags,
            fields.get("length"),
            fields.get("precision"),
            fields.get("scale"),
            fields.get("oid"),
            fields.get("array_oid"),
            fields.get("item"),
            impl,
            fields.get("extra"),
        )

    def _bind_hook(self, dialect: Any) -> Callable[[Any, Any], Any] | None:
        """Return what the core calls with (value, dialect) before it encodes a value."""
        process = self.bind_processor(dialect)
        return None if process is None else lambda value, _dialect: process(value)

    def _result_hook(self, dialect: Any) -> Callable[[Any, Any], Any] | None:
        """Return what the core calls with (value, dialect) after it decoded a value."""
        process = self.result_processor(dialect, None)
        return None if process is None else lambda value, _dialect: process(value)

    # --- Python -------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()

    def __str__(self) -> str:
        try:
            return self.compile()
        except (exc.CompileError, AttributeError):
            return type(self).__name__ if self.__visit_name__ is None else self.__visit_name__

    def __repr__(self) -> str:
        return generic_repr(self)


# What a class's methods say, for the library's own types: a program adds hooks in classes of its own.
_FLAGS_OF_OWN: dict[type, int] = {}


def _overrides(type_: TypeEngine, name: str) -> bool:
    """Say whether a program's class has its own version of a method."""
    return not getattr(getattr(type(type_), name), "_plain", False)


_PLAIN = frozenset({bool, int, str, type(None)})  # types of arguments that are their own identity


def _identity_of(value: Any) -> Any:
    if isinstance(value, TypeEngine):
        return value._record
    if isinstance(value, type) and issubclass(value, TypeEngine):
        return value()._record
    if isinstance(value, list):
        return tuple(map(_identity_of, value))
    return value


def constructor_names(cls: type) -> tuple[str, ...]:
    """Return the names of the constructor's arguments, those of base classes too if it takes
    any keywords."""
    known = cls.__dict__.get("_constructor_names")
    if known is not None:
        return known  # type: ignore[no-any-return]
    names: dict[str, None] = {}
    for base in cls.__mro__:
        init = base.__dict__.get("__init__")
        code = getattr(init, "__code__", None)
        if code is None:
            continue
        count = code.co_argcount + code.co_kwonlyargcount
        names.update(dict.fromkeys(code.co_varnames[1:count]))
        if not code.co_flags & 0x08:  # no **keywords
            break
    found = tuple(names)
    cls._constructor_names = found  # type: ignore[attr-defined]
    return found


def generic_repr(obj: Any, skip: tuple[str, ...] = ()) -> str:
    """Return `Class(arg, name=value)` of the constructor's arguments that are not default."""
    cls = type(obj)
    init = cls.__init__
    code = getattr(init, "__code__", None)
    shown: list[str] = []
    if code is not None:
        defaults = _defaults_of(cls)
        for name in constructor_names(cls):
            if name in skip or name not in obj.__dict__:
                continue
            value = obj.__dict__[name]
            if name not in defaults:
                shown.append(repr(value))
            elif value != defaults[name]:
                shown.append(f"{name}={value!r}")
    return f"{cls.__name__}({', '.join(shown)})"


def _defaults_of(cls: type) -> dict[str, Any]:
    """Return the default values of the constructors that constructor_names() looked at."""
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        init = base.__dict__.get("__init__")
        code = getattr(init, "__code__", None)
        if code is None or init is None:
            continue
        positional = code.co_varnames[1 : code.co_argcount]
        values = init.__defaults__ or ()
        pairs = dict(zip(positional[len(positional) - len(values) :], values, strict=True))
        pairs.update(init.__kwdefaults__ or {})
        for name, value in pairs.items():
            found.setdefault(name, value)
        if not code.co_flags & 0x08:
            break
    return found


class NullType(TypeEngine):
    """A type that is not known: values by their Python type, results by the wire's."""

    __visit_name__ = "null"
    _isnull = True
    hashable = False

    def __str__(self) -> str:
        return "NULL"


NULLTYPE = NullType()


def to_instance(type_: Any, *args: Any, **kw: Any) -> TypeEngine:
    """Return a type for a type, a class of one, or None."""
    if type_ is None:
        return NULLTYPE
    if isinstance(type_, TypeEngine):
        return type_
    if callable(type_):
        made = type_(*args, **kw)
        if isinstance(made, TypeEngine):
            return made
    raise exc.ArgumentError(f"{type_!r} is not a SQL type: pass a class or instance of pyorm.types")


def resolve_value_type(value: Any) -> TypeEngine:
    """Return the type of a bare Python value; NULLTYPE where it says nothing."""
    return _core.type_for_value(value)  # type: ignore[no-any-return]


class DialectName:
    """What `load_dialect_impl()` may ask before there is a connection: mostly the name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.driver = "pyorm"
        self.dbapi = None
        self.paramstyle = "numeric_dollar" if name == "postgresql" else "qmark"

    def type_descriptor(self, type_: Any) -> TypeEngine:
        """Return the type as an instance."""
        return to_instance(type_)
