"""Comparators of JSON documents and arrays: the operators that only these types have."""

from __future__ import annotations

from typing import Any

from pyorm import _core, exc
from pyorm._types import scalar
from pyorm._types.comparator import Comparator

_PRECEDENCE = 5  # that of comparisons


def _compare(expr: Any, text: str, other: Any) -> Any:
    """Return the comparison `expr text other`."""
    return expr.op(text, precedence=_PRECEDENCE, is_comparison=True)(other)


def _value(expr: Any, other: Any, type_: Any) -> Any:
    """Return an operand: an expression, or a bind of a type that is called after the column."""
    if isinstance(other, _core.ClauseElement) or hasattr(other, "__clause_element__"):
        return other
    name = getattr(expr, "key", None)
    if not isinstance(name, str):
        name = "param"
    return _core.bindparam(name, other, type_=type_, unique=True)


class JsonComparator(Comparator):
    """What an expression of JSON can do: give an element as a value of another type."""

    _adds_only = True

    def as_string(self) -> Any:
        """Return the element as a text: `doc["name"].as_string()`."""
        return self._as(scalar.Unicode(), "as_string")

    def as_integer(self) -> Any:
        """Return the element as an integer."""
        return self._as(scalar.Integer(), "as_integer")

    def as_float(self) -> Any:
        """Return the element as a float."""
        return self._as(scalar.Float(), "as_float")

    def as_numeric(self, precision: int, scale: int, asdecimal: bool = True) -> Any:
        """Return the element as an exact number of so many digits, `scale` behind the point."""
        return self._as(scalar.Numeric(precision, scale, asdecimal=asdecimal), "as_numeric")

    def as_boolean(self) -> Any:
        """Return the element as a Boolean."""
        return self._as(scalar.Boolean(), "as_boolean")

    def as_json(self) -> Any:
        """Return the element as JSON, which it is."""
        return self._element("as_json")

    def _as(self, type_: Any, method: str) -> Any:
        return _core.retype(self._element(method), type_)

    def _element(self, method: str) -> Any:
        operator = getattr(getattr(self.expr, "operator", None), "__name__", "")
        if operator not in ("json_getitem_op", "json_path_getitem_op"):
            raise exc.InvalidRequestError(
                f"The JSON cast operator JSON.{method}() only works with a JSON index expression "
                f"e.g. col['q'].{method}()"
            )
        return self.expr


class PostgresJsonComparator(JsonComparator):
    """JSON of PostgreSQL: elements as text by `->>`."""

    _adds_only = True

    @property
    def astext(self) -> Any:
        """The element as text: `doc["name"].astext`."""
        type_ = getattr(self.type, "astext_type", None) or scalar.Text()
        return _core.retype(self._element("astext"), type_, True)


class JsonbComparator(PostgresJsonComparator):
    """JSONB: containment, keys, and paths."""

    _adds_only = True

    def contains(self, other: Any, **kwargs: Any) -> Any:
        """Return `doc @> other`: this document holds the other one."""
        return _compare(self.expr, "@>", other)

    def contained_by(self, other: Any) -> Any:
        """Return `doc <@ other`."""
        return _compare(self.expr, "<@", other)

    def has_key(self, other: Any) -> Any:
        """Return `doc ? other`: there is such a key."""
        return _compare(self.expr, "?", _value(self.expr, other, scalar.String()))

    def has_all(self, other: Any) -> Any:
        """Return `doc ?& other`: every one of these keys is there."""
        return _compare(self.expr, "?&", _value(self.expr, other, _texts()))

    def has_any(self, other: Any) -> Any:
        """Return `doc ?| other`: one of these keys is there."""
        return _compare(self.expr, "?|", _value(self.expr, other, _texts()))

    def path_exists(self, other: Any) -> Any:
        """Return `doc @? path`: the path finds something."""
        return _compare(self.expr, "@?", _value(self.expr, other, _json_path()))

    def path_match(self, other: Any) -> Any:
        """Return `doc @@ path`: the path's predicate holds."""
        return _compare(self.expr, "@@", _value(self.expr, other, _json_path()))

    def delete_path(self, other: Any) -> Any:
        """Return `doc #- path`: the document without what is at a list of keys."""
        path = _value(self.expr, other, _texts())
        return self.expr.op("#-", precedence=_PRECEDENCE, return_type=self.type)(path)


class ArrayComparator(Comparator):
    """What an array can do: contain, overlap, and be searched by one element."""

    _adds_only = True

    def contains(self, other: Any, **kwargs: Any) -> Any:
        """Return `array @> other`: every element of the other array is in this one."""
        return _compare(self.expr, "@>", other)

    def contained_by(self, other: Any) -> Any:
        """Return `array <@ other`."""
        return _compare(self.expr, "<@", other)

    def overlap(self, other: Any) -> Any:
        """Return `array && other`: both have an element in common."""
        return _compare(self.expr, "&&", other)

    def any(self, other: Any, operator: Any = None) -> Any:
        """Return `other = ANY (array)`, or another operator than equality."""
        return self._search(other, operator, _core.any_)

    def all(self, other: Any, operator: Any = None) -> Any:
        """Return `other = ALL (array)`, or another operator than equality."""
        return self._search(other, operator, _core.all_)

    def _search(self, other: Any, operator: Any, collect: Any) -> Any:
        from pyorm.sql import operators

        value = _value(self.expr, other, self.type.item_type)
        return _core.operate(operator or operators.eq, value, collect(self.expr))


class HstoreComparator(Comparator):
    """What an hstore can do: give an element, say which keys it has, be taken apart."""

    def __getitem__(self, key: Any) -> Any:
        """Return `store -> key`: the value of a key."""
        other = _value(self.expr, key, scalar.Text())
        return self.expr.op("->", precedence=_PRECEDENCE, return_type=self.type.text_type)(other)

    def has_key(self, other: Any) -> Any:
        """Return `store ? key`."""
        return _compare(self.expr, "?", _value(self.expr, other, scalar.Text()))

    def has_all(self, other: Any) -> Any:
        """Return `store ?& keys`: it has every one of them."""
        return _compare(self.expr, "?&", _value(self.expr, other, _texts()))

    def has_any(self, other: Any) -> Any:
        """Return `store ?| keys`: it has one of them."""
        return _compare(self.expr, "?|", _value(self.expr, other, _texts()))

    def contains(self, other: Any, **kwargs: Any) -> Any:
        """Return `store @> other`: the other one's pairs are in it."""
        return _compare(self.expr, "@>", other)

    def contained_by(self, other: Any) -> Any:
        """Return `store <@ other`."""
        return _compare(self.expr, "<@", other)

    def __add__(self, other: Any) -> Any:
        """Return `store || other`: both, the other one's values winning."""
        value = _value(self.expr, other, self.type)
        return self.expr.op("||", precedence=_PRECEDENCE + 1, return_type=self.type)(value)

    concat = __add__

    def defined(self, key: Any) -> Any:
        """Return `defined(store, key)`: the key is there and not NULL."""
        return _core.func.defined(self.expr, key, type_=scalar.Boolean())

    def delete(self, key: Any) -> Any:
        """Return `delete(store, key)`: without a key, a list of keys, or the pairs of a dict."""
        if isinstance(key, dict):  # cast: the function takes a text, too
            key = _core.cast(_value(self.expr, key, self.type), self.type)
        elif isinstance(key, (list, tuple)):
            key = _value(self.expr, key, _texts())
        return _core.func.delete(self.expr, key, type_=self.type)

    def slice(self, array: Any) -> Any:
        """Return `slice(store, keys)`: the pairs of some keys."""
        return _core.func.slice(self.expr, _value(self.expr, array, _texts()), type_=self.type)

    def keys(self) -> Any:
        """Return `akeys(store)`: the keys as an array."""
        return _core.func.akeys(self.expr, type_=_texts())

    def vals(self) -> Any:
        """Return `avals(store)`: the values as an array."""
        return _core.func.avals(self.expr, type_=_texts())

    def array(self) -> Any:
        """Return `hstore_to_array(store)`: keys and values in turn."""
        return _core.func.hstore_to_array(self.expr, type_=_texts())

    def matrix(self) -> Any:
        """Return `hstore_to_matrix(store)`: pairs of key and value."""
        from pyorm._types.postgresql import ARRAY

        pairs = ARRAY(scalar.Text(), dimensions=2)
        return _core.func.hstore_to_matrix(self.expr, type_=pairs)


def _texts() -> Any:
    """Return the type of a list of keys."""
    from pyorm._types.postgresql import ARRAY

    return ARRAY(scalar.Text())


def _json_path() -> Any:
    """Return the type of a path into a document."""
    from pyorm._types.postgresql import JSONPATH

    return JSONPATH()
