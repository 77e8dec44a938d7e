"""`RelationshipProperty.Comparator`: the class-side operators of a relationship, to be subclassed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyorm import _core

if TYPE_CHECKING:
    from pyorm.orm.relationships import RelationshipProperty


class PropComparator:
    """Base of what stands for an attribute of a mapped class in statements.

    Comparators of relationships, composites and hybrids derive from it; so does one of a program's own.
    """

    def __clause_element__(self) -> Any:
        """Return the expression that the attribute is.

        Raises:
            NotImplementedError: the comparator does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define __clause_element__()")


class Comparator(PropComparator):
    """What `User.posts` says about itself in statements.

    Subclass it and give it as `relationship(comparator_factory=…)`: what it overrides counts instead of the
    attribute's own operators, and what it adds is found on the attribute.

    Args:
        prop: the RelationshipProperty.
        parentmapper: the attribute that is compared: of the class, or of an alias.

    Example:
        class ByName(RelationshipProperty.Comparator):
            def __eq__(self, other):
                return self.has(name=other) if isinstance(other, str) else super().__eq__(other)
    """

    prop: RelationshipProperty
    """The RelationshipProperty."""

    def __init__(self, prop: Any, parentmapper: Any) -> None:
        self.prop = prop
        self._attribute = parentmapper

    @property
    def entity(self) -> Any:
        """What `inspect()` says of the target."""
        return self.prop.entity

    @property
    def mapper(self) -> Any:
        """The Mapper of the related class."""
        return self.prop.mapper

    def _own(self, name: str) -> Any:
        return _core._relation_method(self._attribute, name)

    def __clause_element__(self) -> Any:
        """Return the join condition."""
        return self._attribute.__clause_element__()

    def __eq__(self, other: object) -> Any:
        """Compare a reference with an object or None."""
        return self._own("is_")(other)

    def __ne__(self, other: object) -> Any:
        """Compare a reference with an object or None."""
        return self._own("is_not")(other)

    __hash__ = object.__hash__

    def __lt__(self, other: Any) -> Any:
        """Refuse, as `<=`, `>` and `>=` do."""
        return self._refuse("<")

    def __le__(self, other: Any) -> Any:
        """Refuse."""
        return self._refuse("<=")

    def __gt__(self, other: Any) -> Any:
        """Refuse."""
        return self._refuse(">")

    def __ge__(self, other: Any) -> Any:
        """Refuse."""
        return self._refuse(">=")

    def _refuse(self, sign: str) -> Any:
        raise NotImplementedError(
            f"operator {sign} is not defined for the relationship {self.prop}: compare columns, or use has() or any()"
        )

    def is_(self, other: Any) -> Any:
        """Compare as `==` does."""
        return self._own("is_")(other)

    def is_not(self, other: Any) -> Any:
        """Compare as `!=` does."""
        return self._own("is_not")(other)

    def any(self, criterion: Any = None, **kwargs: Any) -> Any:
        """Return EXISTS a related row with this criterion."""
        return self._own("any")(criterion, **kwargs)

    def has(self, criterion: Any = None, **kwargs: Any) -> Any:
        """Return EXISTS the related row with this criterion."""
        return self._own("has")(criterion, **kwargs)

    def contains(self, other: Any) -> Any:
        """Return that the object is in the collection."""
        return self._own("contains")(other)

    def of_type(self, entity: Any) -> Any:
        """Return the attribute, leading to a subclass or an alias."""
        return self._own("of_type")(entity)

    def and_(self, *criteria: Any) -> Any:
        """Return the attribute with further criteria."""
        return self._own("and_")(*criteria)

    def in_(self, other: Any) -> Any:
        """Raise NotImplementedError: compare the foreign key columns."""
        return self._own("in_")(other)

    @property
    def property(self) -> Any:
        """The RelationshipProperty, configured."""
        self.prop._configured()
        return self.prop


__all__ = ["Comparator", "PropComparator"]
