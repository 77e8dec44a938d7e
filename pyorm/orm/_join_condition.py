"""The join condition of a relationship: from what the user says to columns, pairs and direction.

The condition is an expression whose columns carry marks: FOREIGN (refers to the other table) and
REMOTE (of the related side). A mark counts for one occurrence of a column: in a table that refers
to itself the same column stands on both sides. Marks come from `foreign()` and `remote()`, else
from `foreign_keys=` and `remote_side=`, else from the tables' foreign keys.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from pyorm import _core, exc
from pyorm.orm import _join_search as search
from pyorm.orm._cascade import MANYTOMANY, MANYTOONE, ONETOMANY, RelationshipDirection
from pyorm.orm.relationships import FOREIGN, REMOTE
from pyorm.sql import operators

_REMOTE_WARNING = (
    "Expression {} is marked as 'remote', but these column(s) are local to the local side.  The remote() annotation "
    "is needed only for a self-referential relationship where both sides of the relationship refer to the same tables."
)


class JoinCondition:
    """What is known of one relationship once its arguments are looked up.

    Attributes:
        primaryjoin, secondaryjoin: the conditions, with marks.
        direction: ONETOMANY, MANYTOONE, MANYTOMANY.
        local_remote_pairs, synchronize_pairs, secondary_synchronize_pairs: pairs of columns.
        local_columns, remote_columns, foreign_columns: columns in the order of the text.
        order_by: list of expressions.
    """

    def __init__(self, prop: Any, arguments: dict[str, Any]) -> None:
        """Find everything out.

        Raises:
            NoForeignKeysError, AmbiguousForeignKeysError, ArgumentError: as their text says.
        """
        self.prop, self.parent, self.entity = prop, prop.parent, prop.entity
        self.target = prop.entity.mapper
        self.secondary = arguments["secondary"]
        self.order_by: list[Any] = arguments["order_by"]
        self.given_foreign: set[Any] = set(arguments["foreign_keys"])
        self.given_remote: set[Any] = set(arguments["remote_side"])
        self.parent_from, self.parent_local = self.parent.persist_selectable, self.parent.local_table
        self.child_from = self.entity.selectable if self.entity.is_aliased_class else self.target.persist_selectable
        self.child_local = self.child_from if self.entity.is_aliased_class else self.target.local_table
        self._parent_columns, self._child_columns = search.columns(self.parent_from), search.columns(self.child_from)
        self._secondary_columns = search.columns(self.secondary)
        self.primaryjoin, self.secondaryjoin = self._determine(arguments["primaryjoin"], arguments["secondaryjoin"])
        self._mark_foreign()
        self._mark_remote()
        self._set_pairs()
        self._set_columns()
        self._check_foreign(self.primaryjoin, self.synchronize_pairs, "primary")
        if self.secondaryjoin is not None:
            self._check_foreign(self.secondaryjoin, self.secondary_synchronize_pairs, "secondary")
        self.direction = self._find_direction()
        self._check_remote()

    # ---- the expressions ---------------------------------------------------------------------------------------
    def _determine(self, primary: Any, secondary: Any) -> tuple[Any, Any]:
        if secondary is not None and self.secondary is None:
            raise exc.ArgumentError(
                f"Property {self.prop} specified with secondary join condition but no secondary argument"
            )
        foreign = self.given_foreign
        if self.secondary is not None:
            if secondary is None:
                secondary = self._search(self.child_from, self.secondary, self.child_local, foreign)
            if primary is None:
                primary = self._search(self.parent_from, self.secondary, self.parent_local, foreign)
            return search.normalized(primary), search.normalized(secondary)
        if primary is None:
            primary = self._search(self.parent_from, self.child_from, self.parent_local, foreign)
        return search.normalized(primary), None

    def _search(self, left: Any, right: Any, local: Any, foreign: set[Any]) -> Any:
        try:
            return search.by_foreign_keys(left, right, local, foreign)
        except search.NotFound as found:
            raise self._not_found(found) from None

    def _not_found(self, found: search.NotFound) -> exc.ArgumentError:
        start = f"Could not determine join condition between parent/child tables on relationship {self.prop} - "
        via = "" if self.secondary is None else f" via secondary table '{self.secondary}'"
        if not found.candidates:
            expressions = "a 'primaryjoin' expression" if not via else "'primaryjoin' and 'secondaryjoin' expressions"
            return exc.NoForeignKeysError(
                f"{start}there are no foreign keys linking these tables{via}.  Ensure that referencing columns are "
                f"associated with a ForeignKey or ForeignKeyConstraint, or specify {expressions}.{found.hint}"
            )
        paths = "; ".join(" and ".join(f"{fk} -> {pk}" for pk, fk in path) for path in found.candidates)
        write = " or ".join(
            f"foreign_keys=[{', '.join(str(fk) for _, fk in path)}]" for path in found.candidates
        )
        who = "to the parent table" if not via else "from the secondary table to each of the parent and child tables"
        return exc.AmbiguousForeignKeysError(
            f"{start}there are multiple foreign key paths linking the tables{via}.  Specify the 'foreign_keys' "
            f"argument, providing a list of those columns which should be counted as containing a foreign key "
            f"reference {who}. The paths are: {paths}; write {write}."
        )

    # ---- marks -------------------------------------------------------------------------------------------------
    def _joins(self) -> Iterator[Any]:
        yield self.primaryjoin
        if self.secondaryjoin is not None:
            yield self.secondaryjoin

    def _marked(self, bit: int) -> bool:
        return any(marks & bit for join in self._joins() for _, marks in _core._columns_in(join))

    def _rewrite(self, leaf: Any, comparison: Any = None) -> None:
        self.primaryjoin = _core._rewrite(self.primaryjoin, leaf, comparison)
        if self.secondaryjoin is not None:
            self.secondaryjoin = _core._rewrite(self.secondaryjoin, leaf, comparison)

    def _mark_where(self, bit: int, test: Any) -> None:
        self._rewrite(lambda column, marks: _core._mark(column, marks | bit if test(column, marks) else marks))

    def _mark_foreign(self) -> None:
        if self._marked(FOREIGN):
            return
        if self.given_foreign:
            self._mark_where(FOREIGN, lambda column, marks: column in self.given_foreign)
            return

        def compare(left: Any, lm: int, right: Any, rm: int, operator: Any) -> Any:
            referring = self._referring(left, right)
            if referring is left:
                lm |= FOREIGN
            elif referring is right:
                rm |= FOREIGN
            return _core._mark(left, lm), _core._mark(right, rm)

        self._rewrite(_core._mark, compare)

    def _referring(self, left: Any, right: Any) -> Any:
        """Return the one of two compared columns that refers to the other, or None."""
        if search.references(left, right):
            return left
        if search.references(right, left):
            return right
        inside = left in self._secondary_columns, right in self._secondary_columns
        if inside[0] != inside[1]:
            return left if inside[0] else right
        return None

    def _mark_remote(self) -> None:
        if self._marked(REMOTE):
            return
        if self.given_remote:
            self._mark_given_remote()
        elif self.secondary is not None:
            self._mark_where(REMOTE, lambda column, marks: column in self._secondary_columns)
        elif self._is_same_table():
            self._mark_remote_in_one_table()
        else:
            local, own = search.columns(self.parent_local), search.columns(self.child_local)
            self._mark_where(
                REMOTE,
                lambda column, marks: column in self._child_columns and (column not in local or column in own),
            )

    def _is_same_table(self) -> bool:
        return self.parent_from is self.child_from or bool(
            self.parent_local is self.child_local and self._parent_columns & self._child_columns
        )

    def _mark_given_remote(self) -> None:
        if not self._is_same_table():
            self._mark_where(REMOTE, lambda column, marks: column in self.given_remote)
            return

        def compare(left: Any, lm: int, right: Any, rm: int, operator: Any) -> Any:
            if left is right and left in self.given_remote and (lm ^ rm) & FOREIGN:
                lm, rm = (lm, rm | REMOTE) if lm & FOREIGN else (lm | REMOTE, rm)
            else:
                lm |= REMOTE if left in self.given_remote else 0
                rm |= REMOTE if right in self.given_remote else 0
            return _core._mark(left, lm), _core._mark(right, rm)

        self._rewrite(
            lambda column, marks: _core._mark(column, marks | (REMOTE if column in self.given_remote else 0)), compare
        )

    def _mark_remote_in_one_table(self) -> None:
        others: list[Any] = []

        def compare(left: Any, lm: int, right: Any, rm: int, operator: Any) -> Any:
            lm |= REMOTE if lm & FOREIGN else 0
            rm |= REMOTE if rm & FOREIGN else 0
            return _core._mark(left, lm), _core._mark(right, rm)

        def leaf(column: Any, marks: int) -> Any:
            others.append(column)
            return _core._mark(column, marks)

        self._rewrite(leaf, compare)
        comparisons = [comparison for join in self._joins() for comparison in _core._comparisons(join)]
        if others and any(operator is operators.eq for operator, *_ in comparisons):
            plain = [1 for _, left, right in comparisons if len(left) > 1 or len(right) > 1]
            if plain:
                warnings.warn(
                    f"Non-simple column elements in primary join condition for relationship {self.prop} - consider "
                    "using remote() annotations to mark the remote side.",
                    exc.SAWarning,
                    stacklevel=8,
                )

    # ---- what the marks say --------------------------------------------------------------------------------------
    def _is_mapped(self, *columns: Any) -> bool:
        known = (self._parent_columns, self._child_columns, self._secondary_columns)
        return all(any(column in some for some in known) for column in columns)

    def _set_pairs(self) -> None:
        pairs: dict[tuple[Any, Any], None] = {}
        found: list[list[tuple[Any, Any]]] = []
        for join in self._joins():
            synchronized: dict[tuple[Any, Any], None] = {}
            for operator, lefts, rights in _core._comparisons(join):
                for left, lm in lefts:
                    for right, rm in rights:
                        self._note_pair(pairs, synchronized, (left, lm), (right, rm), operator)
            found.append(list(synchronized))
        self.local_remote_pairs = list(pairs)
        self.synchronize_pairs = found[0]
        self.secondary_synchronize_pairs = found[1] if len(found) > 1 else []

    def _note_pair(self, pairs: Any, synchronized: Any, left: Any, right: Any, operator: Any) -> None:
        (one, left_marks), (other, right_marks) = left, right
        if right_marks & REMOTE and not left_marks & REMOTE and self._is_mapped(one):
            pairs[one, other] = None
        elif left_marks & REMOTE and not right_marks & REMOTE and self._is_mapped(other):
            pairs[other, one] = None
        if operator is operators.eq and self._is_mapped(one, other):
            if right_marks & FOREIGN:
                synchronized[one, other] = None
            elif left_marks & FOREIGN:
                synchronized[other, one] = None

    def _occurrences(self) -> list[tuple[Any, int]]:
        return [one for join in self._joins() for one in _core._columns_in(join)]

    def _set_columns(self) -> None:
        every = self._occurrences()
        self.remote_columns = _unique(c for c, marks in every if marks & REMOTE)
        self.foreign_columns = _unique(c for c, marks in every if marks & FOREIGN)
        self.local_columns = _unique(
            c for c, marks in every if not marks & REMOTE and c in self._parent_columns
        )

    def _check_remote(self) -> None:
        if not self.local_remote_pairs:
            raise exc.ArgumentError(
                f"Relationship {self.prop} could not determine any unambiguous local/remote column pairs based on join "
                "condition and remote_side arguments.  Consider using the remote() annotation to accurately mark those "
                "elements of the join condition that are on the remote side of the relationship."
            )
        if self._is_same_table() or self.secondary is not None:
            return
        wrong = [c for c in self.remote_columns if c in self._parent_columns and c not in self._child_columns]
        if wrong:
            warnings.warn(
                _REMOTE_WARNING.format(", ".join(str(c) for c in wrong)), exc.SAWarning, stacklevel=8
            )

    def _check_foreign(self, join: Any, synchronized: list[Any], which: str) -> None:
        has_foreign = any(marks & FOREIGN for _, marks in _core._columns_in(join))
        if (synchronized and not self.prop.viewonly) or (self.prop.viewonly and has_foreign):
            return
        advice = (
            "Ensure that referencing columns are associated with a ForeignKey or ForeignKeyConstraint, or are "
            "annotated "
            "in the join condition with the foreign() annotation."
        )
        if not self.prop.viewonly and has_foreign:
            raise exc.ArgumentError(
                f"Could not locate any simple equality expressions involving locally mapped foreign key columns for "
                f"{which} join condition '{join}' on relationship {self.prop}.  {advice} To allow comparison operators "
                "other than '==', the relationship can be marked as viewonly=True."
            )
        raise exc.ArgumentError(
            f"Could not locate any relevant foreign key columns for {which} join condition '{join}' on relationship "
            f"{self.prop}.  {advice}"
        )

    def _find_direction(self) -> RelationshipDirection:
        if self.secondary is not None:
            return MANYTOMANY
        in_child = any(c in self._child_columns for c in self.foreign_columns)
        in_parent = any(c in self._parent_columns for c in self.foreign_columns)
        if in_child and in_parent:
            marks = [m for _, m in self._occurrences() if m & FOREIGN]
            to_many = any(m & REMOTE for m in marks)
            to_one = any(not m & REMOTE for m in marks)
            if to_many != to_one:
                return ONETOMANY if to_many else MANYTOONE
            raise exc.ArgumentError(
                f"Can't determine relationship direction for relationship '{self.prop}' - foreign key columns within "
                "the join condition are present in both the parent and the child's mapped tables.  Ensure that only "
                "those columns referring to a parent column are marked as foreign, either via the foreign() annotation "
                "or via the foreign_keys argument."
            )
        if in_child:
            return ONETOMANY
        if in_parent:
            return MANYTOONE
        raise exc.ArgumentError(
            f"Can't determine relationship direction for relationship '{self.prop}' - foreign key columns are present "
            "in neither the parent nor the child's mapped tables"
        )

    # ---- for the other side --------------------------------------------------------------------------------------
    def reversed_primaryjoin(self) -> Any:
        """Return the condition as the other side of a backref sees it: local and remote exchanged."""
        return _core._rewrite(
            self.primaryjoin, lambda column, marks: _core._mark(column, (marks & FOREIGN) | ((marks & REMOTE) ^ REMOTE))
        )

    def reversed_secondary(self) -> tuple[Any, Any]:
        """Return primaryjoin and secondaryjoin of the other side of a many-to-many relationship."""
        return self.secondaryjoin, self.primaryjoin


def _unique(columns: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(columns))


__all__ = ["JoinCondition"]
