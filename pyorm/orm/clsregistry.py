"""Classes by name: what the strings in `relationship()` mean.

A registry keeps its classes by name. Two classes of one name stand in a `_Several`, and a string
has to say the module to tell them apart. Strings are looked up when the mappings are configured:
names of classes, of tables, of modules, and a few functions of SQL.
"""

from __future__ import annotations

import difflib
import warnings
from typing import Any

from pyorm import exc


class _Several(list[type]):
    """Classes of one name, in the order of their definition."""


def add_class(name: str, cls: type, registry: dict[str, Any]) -> None:
    """Enter a mapped class under its name."""
    known = registry.get(name)
    if known is None or known is cls:
        registry[name] = cls
        return
    several = known if isinstance(known, _Several) else _Several([known])
    if any(other.__module__ == cls.__module__ for other in several):
        warnings.warn(
            f"This declarative base already contains a class with the same class name and module name as "
            f"{cls.__module__}.{name}, and will be replaced in the string-lookup table.",
            exc.SAWarning,
            stacklevel=5,
        )
    several.append(cls)
    registry[name] = several


def remove_class(name: str, cls: type, registry: dict[str, Any]) -> None:
    """Take a class out again."""
    known = registry.get(name)
    if isinstance(known, _Several):
        known[:] = [other for other in known if other is not cls]
        if len(known) == 1:
            registry[name] = known[0]
    elif known is cls:
        del registry[name]


def _classes(registry: dict[str, Any]) -> list[type]:
    found: list[type] = []
    for value in registry.values():
        found.extend(value if isinstance(value, _Several) else [value])
    return found


class _ClassNames:
    """A class as strings see it: its mapped attributes as columns."""

    def __init__(self, cls: type) -> None:
        self.__dict__["_cls"] = cls

    def __getattr__(self, key: str) -> Any:
        cls = self.__dict__["_cls"]
        mapper = cls.__dict__.get("__mapper__")
        if mapper is None:
            if hasattr(cls, key):
                return getattr(cls, key)
        elif mapper.has_property(key):
            prop = mapper.get_property(key)
            columns = getattr(prop, "columns", None)
            return getattr(cls, key) if columns is None else columns[0]
        elif not key.startswith("__") and hasattr(cls, key):
            return getattr(cls, key)
        names = [] if mapper is None else list(mapper.attrs.keys())
        guess = did_you_mean(key, names).rstrip(".")
        raise AttributeError(f"Class {cls} does not have a mapped column named {key!r}{guess}")


class _TableNames:
    """The tables of a schema, by name."""

    def __init__(self, schema: str, metadata: Any) -> None:
        self.__dict__["_where"] = schema, metadata

    def __getattr__(self, key: str) -> Any:
        schema, metadata = self.__dict__["_where"]
        try:
            return metadata.tables[f"{schema}.{key}"]
        except KeyError:
            raise AttributeError(f"there is no table {schema}.{key}") from None


class _Modules:
    """A dotted path on its way to a class."""

    def __init__(self, path: tuple[str, ...], classes: list[type]) -> None:
        self.__dict__["_path"], self.__dict__["_classes"] = path, classes

    def __getattr__(self, key: str) -> Any:
        path, classes = (*self.__dict__["_path"], key), self.__dict__["_classes"]
        found = [c for c in classes if c.__name__ == key and _ends_with(c.__module__, path[:-1])]
        if found:
            return _ClassNames(_the_one(found, ".".join(path)))
        inside = [c for c in classes if _contains(c.__module__, path)]
        if inside:
            return _Modules(path, inside)
        raise AttributeError(f"Module {'.'.join(path[:-1])!r} has no mapped classes registered under the name {key!r}")


def _ends_with(module: str, path: tuple[str, ...]) -> bool:
    return tuple(module.split("."))[-len(path) :] == path


def _contains(module: str, path: tuple[str, ...]) -> bool:
    parts = tuple(module.split("."))
    return any(parts[i : i + len(path)] == path for i in range(len(parts)))


def _the_one(classes: list[type], path: str) -> type:
    if len(classes) > 1:
        raise exc.InvalidRequestError(
            f'Multiple classes found for path "{path}" in the registry of this declarative base. Please use a fully '
            "module-qualified path."
        )
    return classes[0]


def did_you_mean(name: str, candidates: Any) -> str:
    """Return `. Did you mean 'x'?` for the nearest candidate, else a full stop."""
    close = difflib.get_close_matches(name, list(candidates), n=1)
    return f". Did you mean {close[0]!r}?" if close else "."


class Resolver:
    """Meaning of the strings of one relationship.

    Args:
        cls: the class that declares it.
        prop: the property, for messages.
    """

    def __init__(self, cls: type, prop: Any) -> None:
        """Look nothing up yet."""
        self.cls, self.prop = cls, prop
        registry = prop.parent.registry
        self.classes: dict[str, Any] = registry._class_registry if registry is not None else {}
        self.metadata: Any = getattr(cls, "metadata", None) or (registry.metadata if registry is not None else None)

    def _table(self, name: str) -> Any:
        if self.metadata is None:
            return None
        if name in self.metadata.tables:
            return self.metadata.tables[name]
        if any(table.schema == name for table in self.metadata.tables.values()):
            return _TableNames(name, self.metadata)
        return None

    def _class(self, name: str) -> Any:
        known = self.classes.get(name)
        if known is not None:
            return _ClassNames(_the_one(known if isinstance(known, _Several) else [known], name))
        inside = [c for c in _classes(self.classes) if _contains(c.__module__, (name,))]
        return _Modules((name,), inside) if inside else None

    def _first(self, name: str, tables_first: bool) -> Any:
        if tables_first:
            found = self._table(name)
            return self._class(name) if found is None else found
        found = self._class(name)
        return self._table(name) if found is None else found

    def find(self, path: str, tables_first: bool = False) -> Any:
        """Return the class or table of a name, which may be dotted.

        Raises:
            InvalidRequestError: there is none, or more than one.
        """
        head, *rest = path.split(".")
        found = self._first(head, tables_first)
        try:
            if found is None:
                raise AttributeError(head)
            for key in rest:
                found = getattr(found, key)
        except AttributeError as error:
            raise self._unknown(path, path) from error
        return found.__dict__["_cls"] if isinstance(found, _ClassNames) else found

    def evaluate(self, text: str) -> Any:
        """Return what an expression of SQL in a string means.

        Raises:
            InvalidRequestError: it names something that does not exist.
        """
        names = _Names(self)
        try:
            found = eval(text, {}, names)
        except NameError as error:
            raise self._unknown(text, getattr(error, "name", None) or text) from error
        if isinstance(found, (list, tuple)):
            return [_plain(one) for one in found]
        return _plain(found)

    def _unknown(self, text: str, name: str) -> exc.InvalidRequestError:
        prop = self.prop
        if name.endswith("]") and "[" in name:
            generic, _, inside = name.partition("[")
            return exc.InvalidRequestError(
                f"When initializing mapper {prop.parent}, expression \"relationship({text!r})\" seems to be using a "
                "generic class as the argument to relationship(); please state the generic argument using an "
                f"annotation, e.g. \"{prop.key}: Mapped[{generic}['{inside[:-1]}']] = relationship()\""
            )
        known = [*self.classes, *(self.metadata.tables if self.metadata is not None else ())]
        return exc.InvalidRequestError(
            f"When initializing mapper {prop.parent}, expression {text!r} failed to locate a name ({name!r})"
            f"{did_you_mean(name, known)} If this is a class name, consider adding this relationship() to the "
            f"{self.cls!r} class after both dependent classes have been defined."
        )


def _plain(value: Any) -> Any:
    if isinstance(value, _ClassNames):
        return value.__dict__["_cls"]
    return value


class _Names(dict[str, Any]):
    """The names that an expression in a string may use."""

    def __init__(self, resolver: Resolver) -> None:
        super().__init__()
        self._resolver = resolver

    def __missing__(self, name: str) -> Any:
        found = self._resolver._first(name, tables_first=False)
        if found is None:
            found = _function(name)
        if found is None:
            raise NameError(f"name {name!r} is not defined", name=name)
        return found


def _function(name: str) -> Any:
    """Return a function or type of SQL: and_, desc, func, String, foreign, …, or None."""
    import pyorm
    from pyorm.orm import relationships

    if name in ("foreign", "remote"):
        return getattr(relationships, name)
    return None if name.startswith("_") else getattr(pyorm, name, None)


__all__ = ["Resolver", "add_class", "did_you_mean", "remove_class"]
