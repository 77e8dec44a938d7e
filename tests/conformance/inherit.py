"""Three hierarchies for the tests of inheritance: one table, joined tables, and what is between them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pyorm import Column, ForeignKey, Integer, String
from pyorm.orm import declarative_base


def make_models() -> SimpleNamespace:
    """Return fresh classes: Animal > Dog > Puppy, Cat in one table; Person > Worker > Boss, Client in joined ones.

    Temp derives from Worker without a table of its own.
    """
    Base: Any = declarative_base()

    class Animal(Base):
        __tablename__ = "animal"
        id = Column(Integer, primary_key=True)
        name = Column(String(20))
        kind = Column(String(10))
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "animal"}

    class Dog(Animal):
        bark = Column(String(10))
        __mapper_args__ = {"polymorphic_identity": "dog"}

    class Puppy(Dog):
        toy = Column(String(10))
        __mapper_args__ = {"polymorphic_identity": "puppy"}

    class Cat(Animal):
        lives = Column(Integer)
        __mapper_args__ = {"polymorphic_identity": "cat"}

    class Person(Base):
        __tablename__ = "person"
        id = Column(Integer, primary_key=True)
        name = Column(String(20))
        kind = Column(String(10))
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "person"}

    class Worker(Person):
        __tablename__ = "worker"
        id = Column(ForeignKey("person.id"), primary_key=True)
        job = Column(String(20))
        __mapper_args__ = {"polymorphic_identity": "worker"}

    class Boss(Worker):
        __tablename__ = "boss"
        id = Column(ForeignKey("worker.id"), primary_key=True)
        car = Column(String(20))
        __mapper_args__ = {"polymorphic_identity": "boss"}

    class Client(Person):
        __tablename__ = "client"
        id = Column(ForeignKey("person.id"), primary_key=True)
        debt = Column(Integer)
        __mapper_args__ = {"polymorphic_identity": "client"}

    class Temp(Worker):
        agency = Column(String(20))
        __mapper_args__ = {"polymorphic_identity": "temp"}

    return SimpleNamespace(
        Base=Base, Animal=Animal, Dog=Dog, Puppy=Puppy, Cat=Cat,
        Person=Person, Worker=Worker, Boss=Boss, Client=Client, Temp=Temp,
    )  # fmt: skip
