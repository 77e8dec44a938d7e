"""Association object: a bakery. Which ingredient goes into which bread is a row with a fact of its own, the amount.

Where a plain `secondary` table would do for "is in", a mapped class stands between the two sides as soon as the pair
itself has something to say. Its primary key is the pair.

    python examples/association_object.py [--url URL]
"""

from __future__ import annotations

from _recipe import run

from pyorm import ForeignKey, String, func, select
from pyorm.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    """Base of the recipe."""


class Bread(Base):
    """A bread, and what one loaf of it takes."""

    __tablename__ = "bread"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    amounts: Mapped[list[Amount]] = relationship(back_populates="bread", cascade="all, delete-orphan")


class Ingredient(Base):
    """Something the bakery buys."""

    __tablename__ = "ingredient"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    cents_per_kilo: Mapped[int]
    amounts: Mapped[list[Amount]] = relationship(back_populates="ingredient")


class Amount(Base):
    """So many grams of one ingredient in one bread."""

    __tablename__ = "amount"

    bread_id: Mapped[int] = mapped_column(ForeignKey("bread.id"), primary_key=True)
    ingredient_id: Mapped[int] = mapped_column(ForeignKey("ingredient.id"), primary_key=True)
    grams: Mapped[int]
    bread: Mapped[Bread] = relationship(back_populates="amounts")
    ingredient: Mapped[Ingredient] = relationship(back_populates="amounts")

    def __init__(self, ingredient: Ingredient, grams: int) -> None:
        """Take the other side and the fact; the bread is set by whoever's list this enters."""
        self.ingredient = ingredient
        self.grams = grams


def story(session: Session) -> None:
    """Fill the shelf, read it with two statements more, ask from both sides, change one pair."""
    rye, wheat = Ingredient(name="rye", cents_per_kilo=90), Ingredient(name="wheat", cents_per_kilo=70)
    salt, seeds = Ingredient(name="salt", cents_per_kilo=40), Ingredient(name="seeds", cents_per_kilo=600)
    session.add_all([rye, wheat, salt, seeds])
    country = Bread(name="country loaf", amounts=[Amount(rye, 400), Amount(wheat, 300), Amount(salt, 12)])
    baguette = Bread(name="baguette", amounts=[Amount(wheat, 250), Amount(salt, 5)])
    session.add_all([country, baguette])  # each Amount is saved with its bread
    session.commit()

    with_amounts = selectinload(Bread.amounts).joinedload(Amount.ingredient)
    for bread in session.scalars(select(Bread).order_by(Bread.name).options(with_amounts)):
        parts = sorted((amount.ingredient.name, amount.grams) for amount in bread.amounts)
        print(bread.name, "=", ", ".join(f"{grams} g {name}" for name, grams in parts))

    cost = func.sum(Amount.grams * Ingredient.cents_per_kilo) / 1000
    prices = select(Bread.name, cost.label("cents")).join(Bread.amounts).join(Amount.ingredient)
    for name, cents in session.execute(prices.group_by(Bread.name).order_by(Bread.name)):
        print(name, "costs", int(cents), "cents")

    salty = select(Bread).where(Bread.amounts.any(Amount.ingredient.has(Ingredient.name == "rye")))
    print("with rye:", [bread.name for bread in session.scalars(salty)])

    country.amounts.append(Amount(seeds, 50))
    country.amounts.remove(next(amount for amount in country.amounts if amount.ingredient is salt))
    session.commit()  # one row in, one row out
    pairs = select(Amount).join(Amount.bread).where(Bread.name == "country loaf").options(joinedload(Amount.ingredient))
    print("country loaf now:", sorted(amount.ingredient.name for amount in session.scalars(pairs)))

    session.delete(baguette)  # its pairs go with it, the ingredients stay
    session.commit()
    print(session.scalar(select(func.count()).select_from(Amount)), "pairs and", end=" ")
    print(session.scalar(select(func.count()).select_from(Ingredient)), "ingredients are left")


if __name__ == "__main__":
    run(Base, story)
