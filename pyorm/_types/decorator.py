"""Types that programs make: TypeDecorator around another type, UserDefinedType from nothing."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from pyorm import exc
from pyorm._types.base import (
    DIALECTS,
    FLAGS,
    DialectName,
    TypeEngine,
    constructor_names,
    plain,
    to_instance,
)
from pyorm._types.scalar import LargeBinary


class ExternalType:
    """Mixin of types that programs make: whether statements with them are cached."""

    cache_ok: bool | None = None
    """True: equal constructor arguments mean equal behaviour, and they can be hashed."""

    def _identity(self) -> tuple[Any, ...] | None:
        if self.cache_ok is None and type(self).__dict__.get("_warned_of_cache_ok") is None:
            kind = "TypeDecorator" if isinstance(self, TypeDecorator) else "UserDefinedType"
            warnings.warn(
                exc.SAWarning(
                    f"{kind} {self!r} will not produce a cache key because the ``cache_ok`` "
                    "attribute is not set to True.  This can have significant performance "
                    "implications since each statement with it is "
                    "compiled anew.  Set this attribute to True if this type "
                    "object's state is safe to use in a cache key, or False to disable this "
                    "warning.",
                    code="cprf",
                ),
                stacklevel=2,
            )
            type(self)._warned_of_cache_ok = True  # type: ignore[attr-defined]
        if not self.cache_ok:
            return None
        return super()._identity()  # type: ignore[misc,no-any-return]


class UserDefinedType(ExternalType, TypeEngine):
    """A type with a name and processing of its own.

    Override `get_col_spec(**kw)` (the name in DDL), and `bind_processor(dialect)` and
    `result_processor(dialect, coltype)` where values need work.
    """

    __visit_name__ = "user_defined"
    _kind = "USER"

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine:
        """Return this type: a value compared with it is one of it."""
        return self


class TypeDecorator(ExternalType, TypeEngine):
    """A type with processing around the one that `impl` names.

    Override `process_bind_param(value, dialect)`, `process_result_value(value, dialect)` and
    where wanted `process_literal_param`, `load_dialect_impl`, `coerce_compared_value`.
    None is given to all of them.

    Args:
        *args, **kwargs: for the type that `impl` names.
    """

    __visit_name__ = "type_decorator"
    _kind = "DECORATOR"
    _is_type_decorator = True
    impl: Any
    coerce_to_is_types: tuple[Any, ...] = (type(None),)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not hasattr(type(self), "impl"):
            raise AttributeError(
                "TypeDecorator implementations require a class-level variable 'impl' which "
                "refers to the class of type being decorated"
            )
        self.impl = to_instance(type(self).impl, *args, **kwargs)

    # --- what programs override ----------------------------------------------------------

    @plain
    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        """Return what the impl type stores for a value."""
        raise NotImplementedError()

    @plain
    def process_result_value(self, value: Any, dialect: Any) -> Any:
        """Return the program's value for one of the impl type."""
        raise NotImplementedError()

    @plain
    def process_literal_param(self, value: Any, dialect: Any) -> Any:
        """Return what is rendered as a literal for a value."""
        raise NotImplementedError()

    def load_dialect_impl(self, dialect: Any) -> TypeEngine:
        """Return the type to use on a dialect."""
        return self.impl_instance

    def type_engine(self, dialect: Any) -> TypeEngine:
        """Return the type that a dialect uses."""
        return self.dialect_impl(dialect)

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine:
        """Return the type of a value compared with an expression of this type: this one."""
        return self

    def compare_values(self, x: Any, y: Any) -> bool:
        """Say whether two values are the same for change detection."""
        return self.impl_instance.compare_values(x, y)

    @plain
    def bind_expression(self, bindvalue: Any) -> Any:
        """Return the impl type's expression around a parameter."""
        return self.impl_instance.bind_expression(bindvalue)

    @plain
    def column_expression(self, colexpr: Any) -> Any:
        """Return the impl type's expression around a column."""
        return self.impl_instance.column_expression(colexpr)

    def literal_processor(self, dialect: Any) -> Callable[[Any], str] | None:
        """Return a function that renders a value as SQL, through this type's processing."""
        render = self.dialect_impl(dialect).literal_processor(dialect)
        for name in ("process_literal_param", "process_bind_param"):
            process = getattr(self, name)
            if not getattr(process, "_plain", False):
                if render is None:
                    return lambda value: str(process(value, dialect))
                return lambda value: render(process(value, dialect))
        return render

    # --- the rest -------------------------------------------------------------------------

    @property
    def impl_instance(self) -> TypeEngine:
        """The type that is decorated."""
        return self.impl  # type: ignore[no-any-return]

    @property
    def python_type(self) -> type:
        """object: any class, unless the subclass says which."""
        return object

    def dialect_impl(self, dialect: Any) -> TypeEngine:
        """Return the type that a dialect uses below the processing."""
        if dialect.name in self._variants:
            return self._variants[dialect.name]
        found = to_instance(self.load_dialect_impl(dialect))
        return found if found is self else found.dialect_impl(dialect)

    def _unwrapped_dialect_impl(self, dialect: Any) -> TypeEngine:
        found = self.dialect_impl(dialect)
        return found._unwrapped_dialect_impl(dialect) if found is not self else found

    @property
    def _type_affinity(self) -> type[TypeEngine]:
        return self.impl_instance._type_affinity

    @property
    def sort_key_function(self) -> Any:  # type: ignore[override]
        """That of the impl type."""
        return self.impl_instance.sort_key_function

    @property
    def comparator_factory(self) -> Any:
        """That of the impl type; a class attribute of the subclass comes first."""
        return self.impl_instance.comparator_factory

    @property
    def _has_bind_expression(self) -> bool:
        return super()._has_bind_expression or self.impl_instance._has_bind_expression

    @property
    def _has_column_expression(self) -> bool:
        return super()._has_column_expression or self.impl_instance._has_column_expression

    def copy(self, **kw: Any) -> Any:
        """Return an equal type."""
        new = super().copy()
        new.impl = self.impl_instance.copy(**kw)
        return new

    def _identity(self) -> tuple[Any, ...] | None:
        key = super()._identity()
        return None if key is None else (*key, self.impl_instance._record)

    def _fields(self) -> dict[str, Any]:
        impl = [to_instance(self.load_dialect_impl(DialectName(name))) for name in DIALECTS]
        return {"impl": tuple(self.impl_instance if t is self else t for t in impl)}

    def _record_flags(self) -> int:
        flags = super()._record_flags()
        if not getattr(type(self).process_bind_param, "_plain", False):
            flags |= FLAGS["PY_BIND"] | FLAGS["NULL_AWARE"]
        if not getattr(type(self).process_result_value, "_plain", False):
            flags |= FLAGS["PY_RESULT"] | FLAGS["NULL_AWARE"]
        if self.impl_instance.should_evaluate_none:
            flags |= FLAGS["NULL_AWARE"]
        if self.impl_instance._record_flags() & FLAGS["COMPARATOR"]:
            flags |= FLAGS["COMPARATOR"]
        return flags

    def _bind_hook(self, dialect: Any) -> Callable[[Any, Any], Any] | None:
        if not getattr(type(self).process_bind_param, "_plain", False):
            return self.process_bind_param
        return super()._bind_hook(dialect)

    def _result_hook(self, dialect: Any) -> Callable[[Any, Any], Any] | None:
        if not getattr(type(self).process_result_value, "_plain", False):
            return self.process_result_value
        return super()._result_hook(dialect)

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__") or "impl" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {key!r}")
        return getattr(self.impl, key)

    def __repr__(self) -> str:
        shown = repr(self.impl_instance)
        if constructor_names(type(self)) and type(self).__init__ is not TypeDecorator.__init__:
            return super().__repr__()
        return f"{type(self).__name__}{shown[shown.index('('):]}" if "(" in shown else shown


class PickleType(TypeDecorator):
    """Any Python object, pickled into bytes.

    Args:
        protocol: pickle's.
        pickler: module with dumps() and loads(); pickle by default.
        comparator: function that says whether two values are equal.
        impl: type of the bytes, LargeBinary by default.
    """

    impl: Any = LargeBinary
    cache_ok = True

    def __init__(
        self,
        protocol: int | None = None,
        pickler: Any = None,
        comparator: Callable[[Any, Any], bool] | None = None,
        impl: Any = None,
    ) -> None:
        super().__init__()
        if pickler is None or protocol is None:
            import pickle  # most programs have no such column

            pickler = pickler or pickle
            protocol = pickle.HIGHEST_PROTOCOL if protocol is None else protocol
        self.protocol, self.pickler = protocol, pickler
        self.comparator = comparator
        if impl is not None:
            self.impl = to_instance(impl)

    def process_bind_param(self, value: Any, dialect: Any) -> bytes | None:
        """Return the pickle of a value."""
        return None if value is None else self.pickler.dumps(value, self.protocol)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        """Return the object of a pickle."""
        return None if value is None else self.pickler.loads(value)

    def compare_values(self, x: Any, y: Any) -> bool:
        """Say whether two values are equal, by `comparator` if there is one."""
        return bool(x == y) if self.comparator is None else self.comparator(x, y)

    def _identity(self) -> tuple[Any, ...] | None:
        return (type(self), self.protocol, self.pickler, self.comparator, self.impl._record)

    def __repr__(self) -> str:
        return "PickleType()"
