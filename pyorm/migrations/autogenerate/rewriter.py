"""Rules that rewrite generated operations: `Rewriter` as a `process_revision_directives` hook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from pyorm.migrations.operations import ops

_Rule = Callable[[Any, Any, Any], Any]
_F = TypeVar("_F", bound=_Rule)


class Rewriter:
    """Passes every generated operation to the function registered for its class.

    A function takes (migration context, revision, operation) and returns the operation, another one, a list of
    them, or an empty list to leave it out. What a function returns is not given to the same function again.

        writer = Rewriter()

        @writer.rewrites(ops.AddColumnOp)
        def nullable_first(context, revision, op):
            op.column.nullable = True
            return op

        context.configure(…, process_revision_directives=writer)
    """

    def __init__(self) -> None:
        self._rules: list[tuple[type, _Rule]] = []
        self._next: Any = None

    def rewrites(self, operator: Any) -> Callable[[_F], _F]:
        """Return a decorator that registers a function for a class of operations, or for several in a tuple."""

        def register(rule: _F) -> _F:
            for kind in operator if isinstance(operator, (tuple, list)) else (operator,):
                self._rules.append((kind, rule))
            return rule

        return register

    def chain(self, other: Any) -> Rewriter:
        """Return a Rewriter that runs this one's rules and then another Rewriter or hook."""
        chained = Rewriter()
        chained._rules = list(self._rules)
        chained._next = other if self._next is None else _Both(self._next, other)
        return chained

    def __call__(self, context: Any, revision: Any, directives: list[ops.MigrationScript]) -> None:
        """Rewrite every script of `directives` in place."""
        self.process_revision_directives(context, revision, directives)

    def process_revision_directives(self, context: Any, revision: Any, directives: list[Any]) -> None:
        """Rewrite every script of `directives` in place."""
        directives[:] = [made for script in directives for made in self._rewritten(context, revision, script)]
        if self._next is not None:
            self._next(context, revision, directives)

    def _rewritten(self, context: Any, revision: Any, directive: Any) -> Iterator[Any]:
        for made in self._apply(context, revision, directive):
            self._inside(context, revision, made)
            yield made

    def _apply(self, context: Any, revision: Any, directive: Any) -> Iterable[Any]:
        pending = [directive]
        for kind, rule in self._rules:
            pending = [
                made
                for item in pending
                for made in (_listed(rule(context, revision, item)) if isinstance(item, kind) else [item])
            ]
        return pending

    def _inside(self, context: Any, revision: Any, directive: Any) -> None:
        if isinstance(directive, ops.MigrationScript):
            for place in (directive.upgrade_ops_list, directive.downgrade_ops_list):
                containers: list[Any] = place
                containers[:] = [made for item in containers for made in self._rewritten(context, revision, item)]
        elif isinstance(directive, ops.OpContainer):
            directive.ops[:] = [made for item in directive.ops for made in self._rewritten(context, revision, item)]


class _Both:
    def __init__(self, first: Any, second: Any) -> None:
        self._hooks = (first, second)

    def __call__(self, context: Any, revision: Any, directives: list[Any]) -> None:
        for hook in self._hooks:
            hook(context, revision, directives)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
